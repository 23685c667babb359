//! The manager of a pool: an actor that fills, grows and shrinks it.

use std::sync::Arc;
use std::sync::atomic::Ordering::AcqRel;
use std::time::{Duration, Instant};

use super::MemberRef;
use super::leases::Token;
use super::shared::Shared;
use crate::actor::{
    Actor, ActorId, BoxError, ChildTemplate, Context, Lifecycle, Restart, Started, TimerId, Worker,
};
use crate::policy::sizing::{Resize, Sizing};
use crate::supervision::SupervisorRef;
use crate::supervision::handle::join_all;

/// What a pool's manager is told.
pub(crate) enum Manage {
    /// Callers wait, members are to go, or the rules have changed.
    Look,
    /// Time to look whether members are idle, or to start one again.
    Tick,
    /// A member has ended for good.
    Gone(ActorId),
    /// A member is in another state.
    Changed(ActorId),
}

/// How long until a start that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// So many members are started at once.
const WAVE: usize = 512;

/// How capable a member is, from what it declares.
pub(super) type Capability = Arc<dyn Fn(&[Arc<str>]) -> f64 + Send + Sync>;

/// A member, as the manager knows it.
struct Seen<W: Worker> {
    member: MemberRef<W>,
    token: Token,
    life: u32,
}

pub(crate) struct Manager<W: Worker> {
    shared: Arc<Shared<W>>,
    template: Arc<ChildTemplate<W>>,
    members: SupervisorRef,
    capability: Option<Capability>,
    seen: Vec<Seen<W>>,
    idle_since: Option<Instant>,
    ticker: Option<(Duration, TimerId)>,
}

impl<W: Worker> Manager<W> {
    pub(super) fn new(
        shared: Arc<Shared<W>>,
        template: Arc<ChildTemplate<W>>,
        members: SupervisorRef,
        capability: Option<Capability>,
    ) -> Self {
        Self {
            shared,
            template,
            members,
            capability,
            seen: Vec::new(),
            idle_since: None,
            ticker: None,
        }
    }

    fn sizing(&self) -> Sizing {
        self.shared.leases.config().sizing
    }

    /// Starts members, all at once but for very many; whether it makes sense to
    /// go on.
    ///
    /// Those up to the minimum are restarted in place when they crash, those
    /// beyond it are not.
    async fn grow(&mut self, by: usize, cx: &mut Context<Self>) -> Result<bool, BoxError> {
        let min = self.sizing().min;
        let base = min.saturating_sub(self.seen.len());
        let members = self.members.clone();
        let starts = (0..by.min(WAVE)).map(|n| {
            let is_base = n < base;
            let spec = self.template.next_child().restart(match is_base {
                true => Restart::Permanent,
                false => Restart::Temporary,
            });
            let members = members.clone();
            Box::pin(async move { (members.start_child(spec).await, is_base) })
        });
        let mut goes_on = true;
        let mut refused = None;
        for (started, is_base) in join_all(starts.collect()).await {
            match started {
                Ok(Some(member)) => self.welcome(member, is_base, cx),
                // A member whose start hook says that it is not needed is not.
                Ok(None) => goes_on = false,
                Err(why) => refused = Some(why),
            }
        }
        match refused {
            None => Ok(goes_on),
            Some(why) if self.seen.len() < min => Err(why.into()),
            // There are members to go on with: those who wait, wait.
            Some(_) => {
                cx.send_after(RETRY, Manage::Tick);
                Ok(false)
            }
        }
    }

    fn welcome(&mut self, member: MemberRef<W>, is_base: bool, cx: &mut Context<Self>) {
        let capability = match &self.capability {
            Some(capability) => capability(&declared(&member, cx)),
            None => 1.0,
        };
        let token = self.shared.leases.add(member.clone(), is_base, capability);
        self.look_after(member, token, cx);
    }

    fn look_after(&mut self, member: MemberRef<W>, token: Token, cx: &mut Context<Self>) {
        let id = member.id();
        cx.watch(&member, |down| Manage::Gone(down.id));
        cx.watch_state(&member, move |_| Manage::Changed(id));
        self.seen.push(Seen {
            life: member.incarnation(),
            member,
            token,
        });
        // It may have crashed before anybody looked.
        self.changed(id);
    }

    fn forget(&mut self, id: ActorId) -> Option<Seen<W>> {
        let at = self.seen.iter().position(|seen| seen.member.id() == id)?;
        Some(self.seen.swap_remove(at))
    }

    /// Looks how a member is: leases of an earlier life are void, and nobody is
    /// given one that cannot work.
    fn changed(&mut self, id: ActorId) {
        let Some(seen) = self.seen.iter_mut().find(|seen| seen.member.id() == id) else {
            return;
        };
        let life = seen.member.incarnation();
        if std::mem::replace(&mut seen.life, life) != life {
            self.shared.leases.reborn(seen.token);
        }
        let state = seen.member.state();
        let is_able = matches!(state, Lifecycle::Ready | Lifecycle::Busy);
        self.shared.leases.set_able(seen.token, is_able);
    }

    async fn dismiss(&mut self, member: MemberRef<W>) {
        self.forget(member.id());
        // It may be gone already, and so may be the supervisor.
        let _ = self.members.terminate_child(&member).await;
    }

    /// Lets go of those who are to go, and puts the size right.
    async fn tidy(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        // First, so that there are never more than allowed.
        for member in self.shared.leases.take_leaving() {
            self.dismiss(member).await;
        }
        loop {
            let (status, sizing, now) = (self.shared.leases.status(), self.sizing(), cx.now());
            let was_full = self.shared.leases.take_was_full();
            let has_idle = status.busy < status.size && !was_full;
            self.idle_since = match self.idle_since {
                Some(since) if has_idle => Some(since),
                _ => (status.busy < status.size).then_some(now),
            };
            // Those who cannot work are as good as busy.
            let busy = match status.available {
                0 => status.size,
                _ => status.busy,
            };
            match sizing.decide(status.size, busy, status.waiting, self.idle_since, now) {
                Resize::Grow(by) => {
                    if !self.grow(by, cx).await? {
                        break;
                    }
                }
                Resize::Shrink(_) => {
                    self.idle_since = Some(now);
                    let Some(member) = self.shared.leases.take_idle() else {
                        break;
                    };
                    self.dismiss(member).await;
                }
                Resize::Keep => break,
            }
        }
        self.keep_ticking(cx);
        Ok(())
    }

    /// Looks now and then whether members are idle, where that matters.
    fn keep_ticking(&mut self, cx: &mut Context<Self>) {
        let sizing = self.sizing();
        let period = (sizing.idle_for / 2).max(Duration::from_millis(10));
        let wanted = (!sizing.is_fixed()).then_some(period);
        if self.ticker.as_ref().map(|(period, _)| *period) == wanted {
            return;
        }
        if let Some((_, timer)) = self.ticker.take() {
            cx.cancel(timer);
        }
        self.ticker = wanted.map(|period| (period, cx.send_every(period, || Manage::Tick)));
    }

    /// Says so when there will be no manager any more.
    fn announce_the_end(&self, cx: &Context<Self>) {
        if self.shared.is_watched.swap(true, AcqRel) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        cx.myself().watch(move |_| {
            shared
                .is_watched
                .store(false, std::sync::atomic::Ordering::Release);
            shared.leases.close();
        });
    }

    /// A manager that starts again takes over the members that live.
    async fn take_over(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        let children = self.members.which_children();
        for (token, member) in self.shared.leases.members() {
            if children.iter().any(|child| child.id == member.id()) {
                self.look_after(member, token, cx);
            } else {
                self.shared.leases.remove(token);
            }
        }
        for child in children {
            if !self.seen.iter().any(|seen| seen.member.id() == child.id) {
                self.members.terminate_child(child.id).await?;
            }
        }
        Ok(())
    }
}

fn declared<W: Worker>(member: &MemberRef<W>, cx: &Context<Manager<W>>) -> Vec<Arc<str>> {
    let path = member.path();
    let mut listings = cx.system().listings().into_iter();
    let own = listings.find(|listing| *listing.path == *path);
    own.map(|listing| listing.capabilities).unwrap_or_default()
}

impl<W: Worker> Actor for Manager<W> {
    type Msg = Manage;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        let system = cx.system();
        let _ = self
            .shared
            .patience
            .set(system.kernel().config().ask_deadline);
        // Two halves: a number in [0, 1) has 53 bits.
        let half = || (system.random() * f64::from(u32::MAX)) as u64;
        self.shared.leases.set_seed(half() << 32 | half());
        self.announce_the_end(cx);
        self.take_over(cx).await?;
        self.shared.leases.open();
        let min = self.sizing().min;
        while self.seen.len() < min && self.grow(min - self.seen.len(), cx).await? {}
        self.keep_ticking(cx);
        Ok(Started::Ready)
    }

    async fn handle(&mut self, msg: Manage, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Manage::Look => self.shared.leases.heard(),
            Manage::Tick => {}
            Manage::Gone(id) => {
                if let Some(seen) = self.forget(id) {
                    self.shared.leases.remove(seen.token);
                }
            }
            Manage::Changed(id) => self.changed(id),
        }
        self.tidy(cx).await
    }
}
