//! Supervisors: how they are built, started and told what to do.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::keeper::{ChildKey, HasNames, Input, Keep};
use super::launch::{AnyChild, Launch, Nest};
use super::plan::{Answer, Manner, Plan, Policy, Shape, Strategy};
use super::tree::Node;
use crate::actor::core::host::Host;
use crate::actor::core::slot::{ActorId, AnySlot, Birth, Name, Place, Slot};
use crate::actor::system::{Kernel, System};
use crate::actor::time::kernel_of;
use crate::actor::{
    Actor, ActorRef, ChildSpec, ChildTemplate, Exit, InvalidSpec, Lifecycle, NoRuntime, Restart,
    Shutdown,
};
use crate::mailbox::{Counts, Mailbox};
use crate::policy::backoff::Backoff;
use crate::policy::intensity::Intensity;
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
    strategy: Strategy,
    shape: Shape,
    intensity: Intensity,
    backoff: Backoff,
    restart: Restart,
    shutdown: Shutdown,
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
            strategy: Strategy::default(),
            shape,
            intensity: Intensity::default(),
            backoff: Backoff::none(),
            restart: Restart::default(),
            shutdown: Shutdown::Infinity,
            children: Vec::new(),
        }
    }

    /// Whose restart follows from one child's. Default
    /// [`Strategy::OneForOne`].
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Gives up at more than `max_restarts` restarts within `period`. Default
    /// 1 in 5 s.
    pub fn intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.intensity = Intensity::new(max_restarts, period);
        self
    }

    /// How long to wait before a restart. Default: not at all.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// When this supervisor itself is restarted by the one above. Default
    /// [`Restart::Permanent`].
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How this supervisor itself is ended. Default [`Shutdown::Infinity`]: its
    /// children have limits of their own.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Adds a child: a [`ChildSpec`], another supervisor, or a ractor actor.
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
    /// been stopped again, those after it were never made.
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
        parent.add(child).await?;
        Ok(SupervisorRef { body: body.body })
    }

    /// The supervisor as a child, and the reference that it will have.
    pub(crate) fn with_ref(self) -> Result<(AnyChild, SupervisorRef), InvalidSpec> {
        let built = self.build()?;
        Ok((built.as_child(), SupervisorRef { body: built.body }))
    }

    fn validate(&self) -> Result<(), InvalidSpec> {
        self.intensity.validate().map_err(InvalidSpec::Intensity)?;
        self.backoff.validate().map_err(InvalidSpec::Backoff)?;
        if self.name.is_empty() || self.name.contains('/') {
            return Err(InvalidSpec::Name(self.name.to_string()));
        }
        if self.shape == Shape::Dynamic {
            if !self.children.is_empty() {
                return Err(InvalidSpec::Combination(
                    "a dynamic supervisor has no children beforehand, start them with `start_child`",
                ));
            }
            if self.strategy != Strategy::OneForOne {
                return Err(InvalidSpec::Combination(
                    "the children of a dynamic supervisor do not depend on each other, leave it one for one",
                ));
            }
        }
        Ok(())
    }

    fn build(self) -> Result<Built, InvalidSpec> {
        self.validate()?;
        let mut children = Vec::with_capacity(self.children.len());
        let mut names = std::collections::HashSet::new();
        for child in self.children {
            let launch = child.launch?;
            let name = launch.slot().name();
            if !names.insert(name.clone()) {
                return Err(InvalidSpec::Name(name));
            }
            children.push((launch, child.policy));
        }
        Ok(Built {
            restart: self.restart,
            shutdown: self.shutdown,
            body: Arc::new(Body {
                slot: self.slot,
                strategy: self.strategy,
                shape: self.shape,
                intensity: self.intensity,
                backoff: self.backoff,
                children,
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
            .field("strategy", &self.strategy)
            .field("intensity", &self.intensity)
            .field("children", &self.children)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Built {
    pub(crate) body: Arc<Body>,
    restart: Restart,
    shutdown: Shutdown,
}

impl Built {
    fn as_child(&self) -> AnyChild {
        AnyChild::new(
            Arc::clone(&self.body) as Arc<dyn Launch>,
            self.restart,
            self.shutdown,
        )
    }
}

/// What stays of a supervisor between its lives.
pub(crate) struct Body {
    slot: Arc<Slot<()>>,
    strategy: Strategy,
    shape: Shape,
    intensity: Intensity,
    backoff: Backoff,
    children: Vec<(Arc<dyn Launch>, Policy)>,
    keep: Mutex<Option<Arc<Keep>>>,
}

impl Body {
    pub(crate) fn root(kernel: &Arc<Kernel>, intensity: Intensity) -> Arc<Self> {
        let supervisor = Supervisor::shaped(Arc::clone(kernel.name()), Shape::Ordered);
        let body = Arc::new(Self {
            slot: supervisor.slot,
            strategy: Strategy::OneForOne,
            shape: Shape::Ordered,
            intensity,
            backoff: Backoff::none(),
            children: Vec::new(),
            keep: Mutex::new(None),
        });
        body.slot.settle_in(Arc::new(Place {
            host: Arc::clone(kernel) as Arc<dyn Host>,
            parent: "".into(),
        }));
        body
    }

    pub(crate) fn keep(&self) -> Option<Arc<Keep>> {
        self.keep.lock().clone()
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

    fn launch(&self, nest: Nest, key: u64, birth: Birth) {
        let Some(kernel) = kernel_of(&*self.slot) else {
            return;
        };
        let incarnation = self.slot.next_incarnation(birth);
        let mut plan = Plan::new(
            self.strategy,
            self.shape,
            self.intensity,
            self.backoff.clone(),
        );
        let place = Arc::new(Place {
            host: Arc::clone(&kernel) as Arc<dyn Host>,
            parent: self.slot.path().into(),
        });
        for (child, policy) in &self.children {
            child.settle_in(Arc::clone(&place));
            if child.slot().exit().is_some() {
                child.revive();
            }
            plan.enrol(Arc::clone(child), *policy);
        }
        let has_names = match self.shape {
            Shape::Ordered => HasNames::Unique,
            Shape::Dynamic => HasNames::Any,
        };
        let keep = Keep::new(
            Arc::clone(&self.slot),
            kernel,
            plan,
            has_names,
            nest.overseer,
            key,
            incarnation,
        );
        *self.keep.lock() = Some(Arc::clone(&keep));
        keep.start(nest.cell);
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
        for (child, _) in self.children.iter().rev() {
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
        node.children = match self.keep() {
            Some(keep) => {
                let children: Vec<_> = keep
                    .with_plan(|plan| plan.members().map(|(_, m)| Arc::clone(&m.child)).collect());
                children.iter().map(|child| child.node()).collect()
            }
            None => self
                .children
                .iter()
                .map(|(child, _)| child.node())
                .collect(),
        };
        node
    }

    fn counts(&self) -> Counts {
        let children: Vec<_> = match self.keep() {
            Some(keep) => {
                keep.with_plan(|plan| plan.members().map(|(_, m)| Arc::clone(&m.child)).collect())
            }
            None => self.children.iter().map(|(c, _)| Arc::clone(c)).collect(),
        };
        let mut sum = Counts::default();
        for child in children {
            sum += child.counts();
        }
        sum
    }
}

impl Body {
    fn shut_down(&self, manner: Manner) {
        if let Some(keep) = self.keep() {
            keep.push(Input::ShutDown(Exit::shutdown(), manner));
        }
    }
}

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
            && self.body.shape == Shape::Dynamic
    }

    /// Its children, in start order.
    #[must_use]
    pub fn which_children(&self) -> Vec<ChildInfo> {
        let Some(keep) = self.body.keep() else {
            return Vec::new();
        };
        keep.with_plan(|plan| {
            plan.members()
                .map(|(_, member)| {
                    let slot = member.child.slot();
                    ChildInfo {
                        name: slot.name(),
                        id: slot.id(),
                        state: ChildState::of(member.status),
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
        let slot = Arc::clone(&self.body.slot);
        std::future::poll_fn(move |task| slot.poll_closed(task.waker())).await
    }

    /// Its live tree.
    #[must_use]
    pub fn tree(&self) -> Node {
        self.body.node()
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> String {
        self.body.slot.path()
    }

    /// Which life this is, from 0.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.body.slot.incarnation()
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
    std::future::poll_fn(|task| {
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
            key: ChildKey::Id(supervisor.body.slot.id()),
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
    /// It crashed, and its restart waits for its backoff or is under way.
    Restarting,
    /// It was told to end.
    Stopping,
}

impl ChildState {
    fn of(status: super::plan::Status) -> Self {
        use super::plan::{Status, Why};
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

/// Why something was not started.
#[derive(Clone, Debug)]
pub enum StartError {
    /// Its settings do not fit.
    Invalid(InvalidSpec),
    /// There is no tokio runtime here.
    NoRuntime,
    /// Its start hook failed, panicked, or was killed; for a supervisor, one of
    /// its children did not start.
    Failed(Exit),
    /// Its start hook said that it is not needed.
    Ignored,
    /// A sibling of this name is there, and lives.
    AlreadyStarted(String),
    /// A sibling of this name is there, and is down or being restarted: restart
    /// or delete it.
    AlreadyPresent(String),
    /// The supervisor is ending.
    Ending,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => why.fmt(f),
            Self::NoRuntime => NoRuntime.fmt(f),
            Self::Failed(exit) => write!(f, "it did not start: {exit}"),
            Self::Ignored => f.write_str("its start hook said that it is not needed"),
            Self::AlreadyStarted(name) => write!(f, "a child named {name:?} is running"),
            Self::AlreadyPresent(name) => write!(
                f,
                "a child named {name:?} is there but down, restart or delete it"
            ),
            Self::Ending => f.write_str("the supervisor is ending and starts nothing new"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(why) => Some(why),
            Self::Failed(Exit::Failed(cause)) => Some(&**cause),
            _ => None,
        }
    }
}

impl From<NoRuntime> for StartError {
    fn from(_: NoRuntime) -> Self {
        Self::NoRuntime
    }
}

impl From<InvalidSpec> for StartError {
    fn from(why: InvalidSpec) -> Self {
        Self::Invalid(why)
    }
}

/// A supervisor did not start because a child did not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StartFailed {
    /// The child's name.
    pub child: String,
    /// How its start ended.
    pub exit: Exit,
}

impl fmt::Display for StartFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {:?} did not start: {}", self.child, self.exit)
    }
}

impl std::error::Error for StartFailed {}

/// Why a command about a child was refused.
#[derive(Clone, Debug)]
pub enum ChildError {
    /// There is no such child.
    NotFound,
    /// It is up, starting or stopping.
    Running,
    /// It crashed and is being restarted.
    Restarting,
    /// It did not start; its spec is kept.
    Failed(Exit),
    /// The supervisor is ending.
    Ending,
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such child"),
            Self::Running => f.write_str("the child is running, terminate it first"),
            Self::Restarting => f.write_str("the child is being restarted, terminate it first"),
            Self::Failed(exit) => write!(f, "the child did not start: {exit}"),
            Self::Ending => f.write_str("the supervisor is ending"),
        }
    }
}

impl std::error::Error for ChildError {}

/// The root supervisor of a system, started at first use.
pub(crate) fn root_of(system: &System) -> Result<SupervisorRef, StartError> {
    super::root::root(system.kernel())
}
