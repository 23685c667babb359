//! Supervisors: how they are built, started and told what to do.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::errors::StartError;
use super::handle::{Begun, SupervisorRef};
use super::keeper::{Init, Input, Keep};
use super::launch::{AnyChild, Inside, Launch, Nest};
use super::plan::{
    Allowance, AutoShutdown, Heir, Manner, Member, Plan, Reason, Settings, Shape, Strategy,
};
use super::tree::{Node, RestartReason};
use crate::actor::core::host::Host;
use crate::actor::core::slot::{AnySlot, Birth, Name, Place, Slot};
use crate::actor::system::{Kernel, System};
use crate::actor::time::kernel_of;
use crate::actor::{BoxError, Exit, InvalidSpec, Lifecycle, Policy, Restart, Shutdown, Started};
use crate::mailbox::{Counts, Mailbox};
use crate::policy::backoff::Backoff;
use crate::policy::intensity::{Intensity, Verdict};
use crate::sync::Mutex;

/// A supervisor to be: its children, in start order, and what happens when one
/// of them ends.
///
/// ```
/// use callboard::prelude::*;
/// # struct Scribe;
/// # impl Actor for Scribe {
/// #     type Msg = Reply<u32>;
/// #     async fn handle(&mut self, msg: Reply<u32>, _cx: &mut Context<Self>) -> Result<(), BoxError> {
/// #         msg.send(7);
/// #         Ok(())
/// #     }
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let scribe = ChildSpec::new("scribe", || Scribe);
/// let scribe_ref = scribe.actor_ref();
/// let team = Supervisor::new("team")
///     .strategy(Strategy::OneForOne)
///     .intensity(3, secs(5))
///     .backoff(Backoff::exponential(ms(50)..=secs(10)).jitter())
///     .child(scribe)
///     .start(&system)
///     .await?;
/// assert_eq!(scribe_ref.ask(|reply_to| reply_to).await?, 7);
/// assert_eq!(team.count().active, 1);
/// # Ok(())
/// # }
/// ```
#[must_use = "a supervisor does nothing until it is started"]
pub struct Supervisor {
    name: Arc<str>,
    shape: Shape,
    settings: Settings,
    policy: Policy,
    init: Option<Init>,
    children: Vec<AnyChild>,
    slot: Arc<Slot<()>>,
}

impl Supervisor {
    /// A supervisor of this name for children that are known beforehand.
    ///
    /// One for one, 1 restart in 5 s, no backoff: OTP's defaults.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self::shaped(name.into(), Shape::Ordered)
    }

    /// A supervisor for children that come and go, started with
    /// [`SupervisorRef::start_child`]. They need not have different names, are
    /// forgotten when they end for good, and are stopped all at once.
    pub fn dynamic(name: impl Into<Arc<str>>) -> Self {
        Self::shaped(name.into(), Shape::Dynamic)
    }

    fn shaped(name: Arc<str>, shape: Shape) -> Self {
        Self {
            slot: Arc::new(Slot::new(
                Name::Plain(Arc::clone(&name)),
                &Mailbox::bounded(1),
                None,
            )),
            name,
            shape,
            settings: Settings::default(),
            policy: Policy {
                shutdown: Shutdown::Infinity,
                ..Policy::default()
            },
            init: None,
            children: Vec::new(),
        }
    }

    /// Runs this at each start and restart of the supervisor, before any child
    /// is started. Default: nothing.
    ///
    /// [`Started::Ignore`](crate::actor::Started::Ignore) says that the
    /// supervisor is not needed: nothing is started and nothing remains; as a
    /// child of another it is kept, down, as any child that ignores its start.
    /// An error or a panic means that it did not start. It runs in the
    /// supervisor's own task and is not interrupted: what takes long belongs
    /// into the start hook of a first child.
    pub fn init(
        mut self,
        init: impl Fn() -> Result<Started, BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.init = Some(Arc::new(init));
        self
    }

    /// Whose restart follows from one child's. Default
    /// [`Strategy::OneForOne`].
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.settings.strategy = strategy;
        self
    }

    /// Gives up at more than `max_restarts` restarts within `period`, of all
    /// children together that have no
    /// [intensity](crate::actor::ChildSpec::intensity) of their own. Default 1 in
    /// 5 s.
    pub fn intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.settings.intensity = Intensity::new(max_restarts, period);
        self
    }

    /// How long to wait before a restart of a child that has no
    /// [backoff](crate::actor::ChildSpec::backoff) of its own. Default: not at
    /// all.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.settings.backoff = backoff;
        self
    }

    /// How long the supervisor above waits before it restarts this supervisor
    /// itself, as [`ChildSpec::backoff`](crate::actor::ChildSpec::backoff) says
    /// it of an actor. Default: what the one above says.
    pub fn own_backoff(mut self, backoff: Backoff) -> Self {
        self.policy.limits().backoff = Some(backoff);
        self
    }

    /// Has the supervisor above give up at more than `max_restarts` restarts of
    /// this supervisor itself within `period`, as
    /// [`ChildSpec::intensity`](crate::actor::ChildSpec::intensity) says it of an
    /// actor. Default: what the one above says of all its children together.
    pub fn own_intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.policy.limits().intensity = Some(Intensity::new(max_restarts, period));
        self
    }

    /// How many reasons of restarts it keeps of each child, to be seen in
    /// [`ChildInfo`](super::ChildInfo) and in the [tree](Node). Default 5: a
    /// child that crashed for two reasons in turn shows both. A child that never
    /// crashed costs nothing.
    pub fn reasons(mut self, kept: u8) -> Self {
        self.settings.reasons = kept;
        self
    }

    /// When it ends because significant children have ended by themselves.
    /// Default [`AutoShutdown::Never`]; a dynamic supervisor takes no other.
    ///
    /// It then stops its children, last started first, and ends with
    /// [`Exit::Shutdown`]. A permanent one is restarted by the supervisor above,
    /// so it is usually transient or temporary.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.settings.auto_shutdown = auto_shutdown;
        self
    }

    /// Makes the end of this supervisor itself matter to the one above, as
    /// [`ChildSpec::significant`](crate::actor::ChildSpec::significant) does for
    /// an actor. Default: it is not significant.
    pub fn significant(mut self) -> Self {
        self.policy.is_significant = true;
        self
    }

    /// When this supervisor itself is restarted by the one above. Default
    /// [`Restart::Permanent`].
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// How this supervisor itself is ended. Default [`Shutdown::Infinity`]: its
    /// children have limits of their own.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// Adds a child: a [`ChildSpec`](crate::actor::ChildSpec), another supervisor, or a ractor actor.
    /// Children start in the order in which they are added, and stop in
    /// reverse.
    pub fn child(mut self, child: impl Into<AnyChild>) -> Self {
        self.children.push(child.into());
        self
    }

    /// Starts it, and its children in order, under the system's root.
    ///
    /// # Errors
    ///
    /// [`StartError::Failed`] when a child did not start: those before it have
    /// been stopped again, those after it were never made. Also when its own
    /// [`init`](Supervisor::init) failed. [`StartError::Ignored`] when that said
    /// that the supervisor is not needed: nothing remains of it.
    pub async fn start(self, system: &System) -> Result<SupervisorRef, StartError> {
        let root = root_of(system)?;
        self.start_under(&root).await
    }

    /// Starts it under another supervisor.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::start`].
    pub async fn start_under(self, parent: &SupervisorRef) -> Result<SupervisorRef, StartError> {
        let body = self.build()?;
        let child = body.as_child();
        let begun = parent.add(child).await?;
        let started = SupervisorRef::of(body.body);
        match begun {
            Begun::Up => Ok(started),
            Begun::Ignored => {
                // Nobody has a reference to ask it back by. It is down, or
                // forgotten already if it was temporary.
                let _ = parent.delete_child(&started).await;
                Err(StartError::Ignored)
            }
        }
    }

    /// The supervisor as a child, and the reference that it will have.
    pub(crate) fn with_ref(self) -> Result<(AnyChild, SupervisorRef), InvalidSpec> {
        let built = self.build()?;
        Ok((built.as_child(), SupervisorRef::of(built.body)))
    }

    fn validate(&self) -> Result<(), InvalidSpec> {
        self.settings.validate(self.shape)?;
        self.policy.validate()?;
        if self.name.is_empty() || self.name.contains('/') {
            return Err(InvalidSpec::Name(self.name.to_string()));
        }
        if self.shape == Shape::Dynamic && !self.children.is_empty() {
            return Err(InvalidSpec::Combination(
                "a dynamic supervisor has no children beforehand, start them with `start_child`",
            ));
        }
        Ok(())
    }

    fn build(self) -> Result<Built, InvalidSpec> {
        self.validate()?;
        let mut children = Vec::with_capacity(self.children.len());
        let mut names = std::collections::HashSet::new();
        for child in self.children {
            let launch = child.launch?;
            self.settings.admits(&child.policy)?;
            let name = launch.slot().name();
            if !names.insert(name.clone()) {
                return Err(InvalidSpec::Name(name));
            }
            children.push(Heir {
                child: launch,
                policy: child.policy,
                reasons: VecDeque::new(),
            });
        }
        Ok(Built {
            policy: self.policy,
            body: Arc::new(Body {
                slot: self.slot,
                shape: self.shape,
                init: self.init,
                estate: Mutex::new(Estate {
                    settings: self.settings,
                    children,
                }),
                keep: Mutex::new(None),
            }),
        })
    }
}

impl From<Supervisor> for AnyChild {
    fn from(supervisor: Supervisor) -> Self {
        match supervisor.build() {
            Ok(built) => built.as_child(),
            Err(why) => Self::invalid(why),
        }
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("name", &self.name)
            .field("settings", &self.settings)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Built {
    pub(crate) body: Arc<Body>,
    policy: Policy,
}

impl Built {
    fn as_child(&self) -> AnyChild {
        AnyChild::new(
            Arc::clone(&self.body) as Arc<dyn Launch>,
            self.policy.clone(),
        )
    }
}

/// What stays of a supervisor between its lives.
pub(crate) struct Body {
    slot: Arc<Slot<()>>,
    shape: Shape,
    init: Option<Init>,
    estate: Mutex<Estate>,
    keep: Mutex<Option<Arc<Keep>>>,
}

/// What the next life begins with.
struct Estate {
    settings: Settings,
    children: Vec<Heir<Arc<dyn Launch>>>,
}

impl Body {
    pub(crate) fn root(kernel: &Arc<Kernel>, intensity: Intensity) -> Arc<Self> {
        let supervisor = Supervisor::shaped(Arc::clone(kernel.name()), Shape::Ordered);
        let body = Arc::new(Self {
            slot: supervisor.slot,
            shape: Shape::Ordered,
            init: None,
            estate: Mutex::new(Estate {
                settings: Settings {
                    intensity,
                    ..Settings::default()
                },
                children: Vec::new(),
            }),
            keep: Mutex::new(None),
        });
        body.slot.settle_in(Arc::new(Place {
            host: Arc::clone(kernel) as Arc<dyn Host>,
            parent: "".into(),
        }));
        body
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) fn keep(&self) -> Option<Arc<Keep>> {
        self.keep.lock().clone()
    }

    /// Takes over what was changed in the present life. A child that it began
    /// with and that is forgotten by now stays as it was last known: it begins
    /// with the next life again.
    fn inherit(&self) {
        let Some(keep) = self.keep() else {
            return;
        };
        let (settings, heirs) = keep.with_plan(|plan| {
            let heirs: Vec<_> = plan.heirs().collect();
            (plan.settings().clone(), heirs)
        });
        let mut old = Vec::with_capacity(heirs.len());
        let mut estate = self.estate.lock();
        estate.settings = settings;
        for (key, heir) in heirs {
            let place = usize::try_from(key).ok();
            if let Some(child) = place.and_then(|at| estate.children.get_mut(at)) {
                old.push(std::mem::replace(child, heir));
            }
        }
        // Factories and errors are foreign: they are dropped without the lock.
        drop(estate);
        drop(old);
    }

    /// The children that it has, or would begin with.
    fn children(&self) -> Vec<(Arc<dyn Launch>, Vec<Reason>)> {
        match self.keep() {
            Some(keep) => keep.with_plan(|plan| {
                let with_reasons = |(_, member): (_, &Member<Arc<dyn Launch>>)| {
                    let reasons = member.reasons().cloned().collect();
                    (Arc::clone(&member.child), reasons)
                };
                plan.members().map(with_reasons).collect()
            }),
            None => {
                let estate = self.estate.lock();
                let heirs = estate.children.iter();
                heirs
                    .map(|heir| (Arc::clone(&heir.child), Vec::new()))
                    .collect()
            }
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Supervisor({})", self.slot.path())
    }
}

impl Launch for Body {
    fn slot(&self) -> Arc<dyn AnySlot> {
        Arc::clone(&self.slot) as Arc<dyn AnySlot>
    }

    fn settle_in(&self, place: Arc<Place>) {
        self.slot.settle_in(place);
    }

    fn launch(&self, nest: Nest<'_>, key: u64, birth: Birth) {
        let Some(kernel) = kernel_of(&*self.slot) else {
            return;
        };
        let incarnation = self.slot.next_incarnation(birth);
        self.inherit();
        let mut plan;
        {
            let estate = self.estate.lock();
            plan = Plan::new(self.shape, estate.settings.clone(), kernel.now())
                .under(Arc::clone(&kernel) as Arc<dyn Allowance>);
            for heir in &estate.children {
                let key = plan.enrol(Arc::clone(&heir.child), &heir.policy);
                plan.remember(key, heir.reasons.clone());
            }
        }
        let place = Arc::new(Place {
            host: Arc::clone(&kernel) as Arc<dyn Host>,
            parent: self.slot.path().into(),
        });
        for (_, member) in plan.members() {
            member.child.settle_in(Arc::clone(&place));
            if member.child.slot().exit().is_some() {
                member.child.revive();
            }
        }
        let keep = Keep::new(
            Arc::clone(&self.slot),
            kernel,
            plan,
            self.init.clone(),
            nest.overseer,
            key,
            incarnation,
        );
        *self.keep.lock() = Some(Arc::clone(&keep));
        keep.start(nest.cell.cloned());
    }

    fn revive(&self) {
        self.slot.revive();
    }

    fn stop(&self) {
        self.shut_down(Manner::Stop);
    }

    fn drain(&self, by: Option<Instant>) {
        self.shut_down(Manner::Drain(by));
    }

    fn kill(&self) {
        self.shut_down(Manner::Kill);
    }

    fn end(&self, exit: Exit) {
        self.inherit();
        let children = {
            let estate = self.estate.lock();
            let heirs = estate.children.iter().rev();
            heirs
                .map(|heir| Arc::clone(&heir.child))
                .collect::<Vec<_>>()
        };
        for child in children {
            // A crash or a kill is its own exit; else it ended with this one.
            let slot = child.slot();
            let own = slot
                .last_error()
                .filter(|_| slot.state() == Lifecycle::Error);
            child.end(own.unwrap_or_else(|| exit.clone()));
        }
        // Lets go of the last incarnation, which holds the system.
        let keep = self.keep.lock().take();
        drop(keep);
        AnySlot::end(&*self.slot, exit);
    }

    fn node(&self) -> Node {
        let mut node = Node::of(&*self.slot, "supervisor");
        let now = self.slot.now();
        let child = |(child, reasons): (Arc<dyn Launch>, _)| Node {
            reasons: RestartReason::of(reasons, now),
            ..child.node()
        };
        node.children = self.children().into_iter().map(child).collect();
        node
    }

    fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for (child, _) in self.children() {
            sum += child.counts();
        }
        sum
    }

    fn inside(&self) -> Inside {
        Inside::Supervisor(self.keep())
    }
}

impl Body {
    fn shut_down(&self, manner: Manner) {
        if let Some(keep) = self.keep() {
            keep.push(Input::ShutDown(Exit::shutdown(), manner));
        }
    }
}

impl Allowance for Kernel {
    fn take(&self, now: Instant) -> Verdict {
        self.take_restart(now)
    }
}

/// The root supervisor of a system, started at first use.
pub(crate) fn root_of(system: &System) -> Result<SupervisorRef, StartError> {
    super::root::root(system.kernel())
}
