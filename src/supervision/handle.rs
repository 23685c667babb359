//! The running supervisor: commands about its children, and what it shows.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::errors::{ChildError, StartError};
use super::keeper::{ChildKey, Input};
use super::launch::{AnyChild, Launch};
use super::plan::{Answer, Shape, Status, Why};
use super::supervisor::{Body, Supervisor};
use super::tree::Node;
use crate::actor::core::slot::ActorId;
use crate::actor::{Actor, ActorRef, ChildSpec, ChildTemplate, Exit, Restart};

/// A running supervisor. Cheap to clone; it does not keep the supervisor
/// running.
#[derive(Clone)]
pub struct SupervisorRef {
    body: Arc<Body>,
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
        let launch = child.launch.as_ref().map(Arc::clone);
        let launch = launch.map_err(|why| StartError::Invalid(why.clone()))?;
        let answer = self
            .command(|token| Input::Add(Box::new(child), token))
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
            Answer::Ending | Answer::NotFound | Answer::Restarting => {
                launch.end(Exit::shutdown());
                Err(StartError::Ending)
            }
        }
    }

    /// Starts a child. `Ok(None)`: its start hook said that it is not needed;
    /// the spec of a permanent or transient child is kept.
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

    async fn outcome(&self, make: impl FnOnce(u64) -> Input) -> Result<(), ChildError> {
        match self.command(make).await {
            Answer::Started | Answer::Ignored | Answer::Done => Ok(()),
            Answer::Failed(exit) => Err(ChildError::Failed(exit)),
            Answer::NotFound => Err(ChildError::NotFound),
            Answer::Running => Err(ChildError::Running),
            Answer::Restarting => Err(ChildError::Restarting),
            Answer::Ending => Err(ChildError::Ending),
        }
    }

    fn find(&self, child: &ChildId) -> Option<u64> {
        self.body.keep()?.find(&child.key)
    }

    fn was_ours(&self, child: &ChildId) -> bool {
        child
            .path
            .as_ref()
            .and_then(|path| path.rsplit_once('/'))
            .is_some_and(|(parent, _)| parent == self.path())
            && self.body.shape() == Shape::Dynamic
    }

    /// Its children, in start order.
    #[must_use]
    pub fn which_children(&self) -> Vec<ChildInfo> {
        let Some(keep) = self.body.keep() else {
            return Vec::new();
        };
        keep.with_plan(|plan| {
            plan.members()
                .map(|(key, member)| {
                    let slot = member.child.slot();
                    let state = match ChildState::of(member.status) {
                        ChildState::Down if plan.is_due(key) => ChildState::Restarting,
                        state => state,
                    };
                    ChildInfo {
                        name: slot.name(),
                        id: slot.id(),
                        state,
                        restarts: slot.restarts(),
                        restart: member.restart,
                    }
                })
                .collect()
        })
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
async fn join_all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
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
    path: Option<String>,
}

impl From<&str> for ChildId {
    fn from(name: &str) -> Self {
        Self {
            key: ChildKey::Name(name.to_owned()),
            path: None,
        }
    }
}

impl<M: Send + 'static> From<&ActorRef<M>> for ChildId {
    fn from(actor: &ActorRef<M>) -> Self {
        Self {
            key: ChildKey::Id(actor.id()),
            path: Some(actor.path()),
        }
    }
}

impl From<ActorId> for ChildId {
    fn from(id: ActorId) -> Self {
        Self {
            key: ChildKey::Id(id),
            path: None,
        }
    }
}

impl From<&SupervisorRef> for ChildId {
    fn from(supervisor: &SupervisorRef) -> Self {
        Self {
            key: ChildKey::Id(supervisor.body.slot().id()),
            path: Some(supervisor.path()),
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
    /// It crashed, or was stopped because a sibling did, and its restart waits
    /// for its turn or its backoff, or is under way.
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
