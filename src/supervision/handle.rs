//! The running supervisor: commands about its children, and what it shows.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::errors::{ChangeError, ChildError, StartError};
use super::keeper::{ChildKey, Input};
use super::launch::{AnyChild, Inside, Launch};
use super::plan::{Answer, ChildChange, Shape, Status, SupervisorChange, Why};
use super::supervisor::{Body, Supervisor};
use super::tree::{Node, RestartReason};
use crate::actor::core::host::Host;
use crate::actor::core::slot::{ActorId, Slot};
use crate::actor::launch::Launcher;
use crate::actor::{Actor, ActorRef, ChildSpec, ChildTemplate, Exit, Restart};

/// A running supervisor. Cheap to clone; it does not keep the supervisor
/// running.
#[derive(Clone)]
pub struct SupervisorRef {
    pub(super) body: Arc<Body>,
}

impl SupervisorRef {
    pub(crate) fn of(body: Arc<Body>) -> Self {
        Self { body }
    }

    async fn command(&self, make: impl FnOnce(u64) -> Input) -> Answer {
        match self.body.keep() {
            Some(keep) => keep.command(make).await,
            None => Answer::Ending,
        }
    }

    pub(crate) async fn add(&self, child: AnyChild) -> Result<Begun, StartError> {
        let AnyChild { launch, policy } = child;
        let launch = launch.map_err(StartError::Invalid)?;
        let newcomer = Arc::clone(&launch);
        let answer = self
            .command(|token| Input::Add(newcomer, policy, token))
            .await;
        match answer {
            Answer::Started => Ok(Begun::Up),
            Answer::Ignored => Ok(Begun::Ignored),
            Answer::Failed(exit) => Err(StartError::Failed(exit)),
            // The newcomer was not taken in: its slot must not wait for ever.
            Answer::Running => {
                launch.end(Exit::shutdown());
                Err(StartError::AlreadyStarted(launch.slot().name()))
            }
            Answer::Done => {
                launch.end(Exit::shutdown());
                Err(StartError::AlreadyPresent(launch.slot().name()))
            }
            Answer::Refused(why) => {
                launch.end(Exit::shutdown());
                Err(StartError::Invalid(why))
            }
            Answer::Ending | Answer::NotFound | Answer::Restarting => {
                launch.end(Exit::shutdown());
                Err(StartError::Ending)
            }
        }
    }

    /// Starts a child. `Ok(None)`: its start hook said that it is not needed;
    /// the spec of a permanent or transient child is kept.
    ///
    /// Where the crash of a sibling restarts all while it starts, it is started
    /// again with them, and this waits on.
    ///
    /// # Errors
    ///
    /// See [`StartError`]. A child that did not start is not kept, and does not
    /// count as a restart.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not undo the start.
    pub async fn start_child<A: Actor>(
        &self,
        spec: ChildSpec<A>,
    ) -> Result<Option<ActorRef<A::Msg>>, StartError> {
        let actor = spec.actor_ref();
        match self.add(spec.into()).await? {
            Begun::Up => Ok(Some(actor)),
            Begun::Ignored => Ok(None),
        }
    }

    /// Starts `count` children of a template, without waiting for one before
    /// the next.
    ///
    /// # Errors
    ///
    /// The first error; the children that did start stay.
    pub async fn start_children<A: Actor>(
        &self,
        template: &ChildTemplate<A>,
        count: usize,
    ) -> Result<Vec<ActorRef<A::Msg>>, StartError> {
        let mut refs = Vec::with_capacity(count);
        // In waves, so that neither the command queue nor memory sees them all.
        while refs.len() < count {
            let wave = (count - refs.len()).min(WAVE);
            let mut starting = Vec::with_capacity(wave);
            for _ in 0..wave {
                let spec = template.next_child();
                refs.push(spec.actor_ref());
                starting.push(Box::pin(self.add(spec.into())));
            }
            for outcome in join_all(starting).await {
                outcome?;
            }
        }
        Ok(refs)
    }

    /// Starts another supervisor under this one.
    ///
    /// # Errors
    ///
    /// As [`Supervisor::start`].
    pub async fn start_supervisor(&self, child: Supervisor) -> Result<SupervisorRef, StartError> {
        child.start_under(self).await
    }

    /// Ends a child and keeps it down, whatever its restart rule; `Ok` also if
    /// it is down. Wins over a restart that waits for its backoff.
    ///
    /// # Errors
    ///
    /// [`ChildError::NotFound`].
    pub async fn terminate_child(&self, child: impl Into<ChildId>) -> Result<(), ChildError> {
        let child = child.into();
        match self.find(&child) {
            Some(key) => self.outcome(|token| Input::Terminate(key, token)).await,
            // A dynamic child is forgotten when it ends.
            None if self.was_ours(&child) => Ok(()),
            None => Err(ChildError::NotFound),
        }
    }

    /// Starts a child that is down.
    ///
    /// # Errors
    ///
    /// [`ChildError`]: not found, running, restarting, or it failed to start,
    /// in which case its spec is kept.
    pub async fn restart_child(&self, child: impl Into<ChildId>) -> Result<(), ChildError> {
        let key = self.find(&child.into()).ok_or(ChildError::NotFound)?;
        self.outcome(|token| Input::Restart(key, token)).await
    }

    /// Forgets a child that is down.
    ///
    /// # Errors
    ///
    /// [`ChildError`]: not found, running or restarting.
    pub async fn delete_child(&self, child: impl Into<ChildId>) -> Result<(), ChildError> {
        let key = self.find(&child.into()).ok_or(ChildError::NotFound)?;
        self.outcome(|token| Input::Delete(key, token)).await
    }

    pub(super) async fn outcome(&self, make: impl FnOnce(u64) -> Input) -> Result<(), ChildError> {
        match self.command(make).await {
            Answer::Started | Answer::Ignored | Answer::Done => Ok(()),
            Answer::Failed(exit) => Err(ChildError::Failed(exit)),
            Answer::NotFound => Err(ChildError::NotFound),
            Answer::Running => Err(ChildError::Running),
            Answer::Restarting => Err(ChildError::Restarting),
            Answer::Refused(_) | Answer::Ending => Err(ChildError::Ending),
        }
    }

    /// Changes what it decides by, while it runs: strategy, intensity, backoff,
    /// auto-shutdown. All of it or, where it makes no sense, nothing.
    ///
    /// It holds from the next failure on; a group restart under way ends as it
    /// began. It also holds in later lives of the supervisor, as what a new
    /// version of an OTP supervisor's `init` returns does.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Invalid`]: as at the build, and a supervisor that has
    /// significant children cannot stop to shut down by itself.
    /// [`ChangeError::Ending`].
    pub async fn reconfigure(&self, change: SupervisorChange) -> Result<(), ChangeError> {
        self.change(|token| Input::Reconfigure(Box::new(change), token))
            .await
    }

    /// Changes what the supervisor may do with a child, while both run. All of
    /// it or, where it makes no sense, nothing. The child is not restarted.
    ///
    /// For a child that the supervisor was built with, it also holds in later
    /// lives of the supervisor; others do not outlive it.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Invalid`]: as at the build, and a child that is down
    /// cannot become temporary. [`ChangeError::NotFound`] and
    /// [`ChangeError::Ending`].
    pub async fn reconfigure_child(
        &self,
        child: impl Into<ChildId>,
        change: ChildChange,
    ) -> Result<(), ChangeError> {
        let key = self.find(&child.into()).ok_or(ChangeError::NotFound)?;
        self.change(|token| Input::ReconfigureChild(key, Box::new(change), token))
            .await
    }

    /// Has the next incarnation of a child made by another factory, of the same
    /// or another kind of actor that takes the same messages. The present one
    /// goes on; references, mailbox, name and groups stay.
    ///
    /// For a child that the supervisor was built with, it also holds in later
    /// lives of the supervisor. [`terminate_child`](Self::terminate_child) and
    /// [`restart_child`](Self::restart_child) exchange it at once.
    ///
    /// # Errors
    ///
    /// [`ChangeError::OtherType`], [`ChangeError::NotFound`] and
    /// [`ChangeError::Ending`].
    pub async fn replace_child<A: Actor>(
        &self,
        child: impl Into<ChildId>,
        make: impl Fn() -> A + Send + Sync + 'static,
    ) -> Result<(), ChangeError> {
        let keep = self.body.keep().ok_or(ChangeError::Ending)?;
        let key = keep.find(&child.into().key);
        let key = key.ok_or(ChangeError::NotFound)?;
        let old = keep
            .with_plan(|plan| plan.member(key).map(|m| Arc::clone(&m.child)))
            .ok_or(ChangeError::NotFound)?;
        // Supervisors and ractor actors have slots, too.
        let Inside::Actor = old.inside() else {
            return Err(ChangeError::OtherType);
        };
        let slot = old.slot().as_any().downcast::<Slot<A::Msg>>();
        let slot = slot.map_err(|_| ChangeError::OtherType)?;
        let new: Arc<dyn Launch> = Arc::new(Launcher::replacing(slot, Arc::new(make)));
        self.change(|token| Input::Replace(key, new, token)).await
    }

    async fn change(&self, make: impl FnOnce(u64) -> Input) -> Result<(), ChangeError> {
        match self.command(make).await {
            Answer::Done => Ok(()),
            Answer::Refused(why) => Err(ChangeError::Invalid(why)),
            Answer::NotFound => Err(ChangeError::NotFound),
            _ => Err(ChangeError::Ending),
        }
    }

    pub(super) fn find(&self, child: &ChildId) -> Option<u64> {
        self.body.keep()?.find(&child.key)
    }

    pub(super) fn was_ours(&self, child: &ChildId) -> bool {
        let ChildKey::Ref(_, path) = &child.key else {
            return false;
        };
        let parent = path.rsplit_once('/').map(|(parent, _)| parent);
        self.body.shape() == Shape::Dynamic && parent == Some(&*self.path())
    }

    /// Its children, in start order; those of a dynamic supervisor in the order
    /// in which their slots were made, since they have no other.
    #[must_use]
    pub fn which_children(&self) -> Vec<ChildInfo> {
        let Some(keep) = self.body.keep() else {
            return Vec::new();
        };
        let children: Vec<_> = keep.with_plan(|plan| {
            plan.members()
                .map(|(_, member)| {
                    let slot = member.child.slot();
                    let info = ChildInfo {
                        name: slot.name(),
                        id: slot.id(),
                        state: ChildState::of(member.status),
                        restarts: slot.restarts(),
                        restart: member.restart,
                        is_significant: member.is_significant,
                        reasons: Vec::new(),
                    };
                    (info, member.reasons().cloned().collect())
                })
                .collect()
        });
        // Exits are put into words without the lock: the words are foreign.
        let now = keep.kernel.now();
        let with_reasons = |(info, reasons)| ChildInfo {
            reasons: RestartReason::of(reasons, now),
            ..info
        };
        children.into_iter().map(with_reasons).collect()
    }

    /// How many children there are, and how many of them live.
    #[must_use]
    pub fn count(&self) -> ChildCount {
        let Some(keep) = self.body.keep() else {
            return ChildCount::default();
        };
        keep.with_plan(|plan| ChildCount {
            specs: plan.len(),
            active: plan
                .members()
                .filter(|(_, m)| ChildState::of(m.status) == ChildState::Running)
                .count(),
            restarts: plan.restarts(),
        })
    }

    /// Stops the children, last started first, and ends. The supervisor above
    /// applies its restart rule: a permanent supervisor comes back.
    pub fn stop(&self) {
        self.body.stop();
    }

    /// Ends the supervisor's own actor at once, as ractor's kill does. No child
    /// survives it.
    pub fn kill(&self) {
        if let Some(keep) = self.body.keep() {
            keep.kill_keeper();
        }
    }

    /// Resolves to the last exit once it has ended for good.
    pub async fn closed(&self) -> Exit {
        let slot = self.body.slot();
        poll_fn(move |task| slot.poll_closed(task.waker())).await
    }

    /// Its live tree.
    #[must_use]
    pub fn tree(&self) -> Node {
        self.body.node()
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> String {
        self.body.slot().path()
    }

    /// Which life this is, from 0.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.body.slot().incarnation()
    }
}

impl fmt::Debug for SupervisorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SupervisorRef({})", self.path())
    }
}

/// Bulk starts under way at once.
const WAVE: usize = 512;

/// Drives futures together; outcomes in order.
///
/// All are polled once, which sends the commands. After that only the first that
/// is not done: the slowest decides when all are done anyway, and each has its
/// own place among those who wait for an answer.
pub(super) async fn join_all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut outcomes: Vec<Option<F::Output>> = Vec::with_capacity(futures.len());
    poll_fn(|task| {
        for future in &mut futures {
            outcomes.push(match Pin::new(future).poll(task) {
                Poll::Ready(outcome) => Some(outcome),
                Poll::Pending => None,
            });
        }
        Poll::Ready(())
    })
    .await;
    let mut in_order = Vec::with_capacity(futures.len());
    for (future, outcome) in futures.into_iter().zip(outcomes) {
        in_order.push(match outcome {
            Some(outcome) => outcome,
            None => future.await,
        });
    }
    in_order
}

/// How a child's start went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    Up,
    Ignored,
}

/// Which child is meant: its name, or its reference.
#[derive(Clone, Debug)]
pub struct ChildId {
    key: ChildKey,
}

impl From<&str> for ChildId {
    fn from(name: &str) -> Self {
        Self {
            key: ChildKey::Name(name.to_owned()),
        }
    }
}

impl<M: Send + 'static> From<&ActorRef<M>> for ChildId {
    fn from(actor: &ActorRef<M>) -> Self {
        Self {
            key: ChildKey::Ref(actor.id(), actor.path()),
        }
    }
}

impl From<ActorId> for ChildId {
    fn from(id: ActorId) -> Self {
        Self {
            key: ChildKey::Id(id),
        }
    }
}

impl From<&SupervisorRef> for ChildId {
    fn from(supervisor: &SupervisorRef) -> Self {
        Self {
            key: ChildKey::Ref(supervisor.body.slot().id(), supervisor.path()),
        }
    }
}

/// Where a child is, seen from its supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChildState {
    /// It has no incarnation; its spec is kept.
    Down,
    /// Its first start, or one by command, is under way.
    Starting,
    /// It is up.
    Running,
    /// It crashed, and its restart waits for its backoff or is under way.
    Restarting,
    /// It was told to end.
    Stopping,
}

impl ChildState {
    fn of(status: Status) -> Self {
        match status {
            Status::Down => Self::Down,
            Status::Starting(Why::Asked) => Self::Starting,
            Status::Starting(Why::Repair) | Status::Resting => Self::Restarting,
            Status::Up => Self::Running,
            Status::Stopping => Self::Stopping,
        }
    }
}

/// One child, seen from its supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its name.
    pub name: String,
    /// Identifies it, over restarts.
    pub id: ActorId,
    /// Where it is.
    pub state: ChildState,
    /// How often it was restarted.
    pub restarts: u32,
    /// When it is restarted.
    pub restart: Restart,
    /// Whether its supervisor may end with it.
    pub is_significant: bool,
    /// Why it was restarted lately, oldest first: as many as its supervisor
    /// [keeps](Supervisor::reasons). Siblings that were restarted with it have
    /// no reason of their own.
    pub reasons: Vec<RestartReason>,
}

/// How many children a supervisor has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildCount {
    /// Specs, whether or not the child lives.
    pub specs: usize,
    /// Children that are up.
    pub active: usize,
    /// Restarts by this supervisor, in its present life.
    pub restarts: u64,
}
