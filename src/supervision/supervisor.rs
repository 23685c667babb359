//! Supervisors: how they are built, started and told what to do.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::errors::StartError;
use super::handle::SupervisorRef;
use super::keeper::{HasNames, Input, Keep};
use super::launch::{AnyChild, Inside, Launch, Nest};
use super::plan::{Manner, Plan, Policy, Shape, Strategy};
use super::tree::Node;
use crate::actor::core::host::Host;
use crate::actor::core::slot::{AnySlot, Birth, Name, Place, Slot};
use crate::actor::system::{Kernel, System};
use crate::actor::time::kernel_of;
use crate::actor::{Exit, InvalidSpec, Lifecycle, Restart, Shutdown};
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
        Ok(SupervisorRef::of(body.body))
    }

    /// The supervisor as a child, and the reference that it will have.
    pub(crate) fn with_ref(self) -> Result<(AnyChild, SupervisorRef), InvalidSpec> {
        let built = self.build()?;
        Ok((built.as_child(), SupervisorRef::of(built.body)))
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

    pub(crate) fn shape(&self) -> Shape {
        self.shape
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

/// The root supervisor of a system, started at first use.
pub(crate) fn root_of(system: &System) -> Result<SupervisorRef, StartError> {
    super::root::root(system.kernel())
}
