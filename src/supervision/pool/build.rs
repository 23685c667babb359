//! A pool to be.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::config::{PoolConfig, Reset};
use super::front::{Front, Keep, OnCrash};
use super::handle::PoolRef;
use super::leases::Leases;
use super::manager::{Capability, Manage, Manager};
use super::shared::{Of, Shared};
use crate::actor::child::CopyOf;
use crate::actor::system::clock;
use crate::actor::{
    ChildSpec, ChildTemplate, InvalidSpec, Redeliver, Shutdown, System, Worker, WorkerRef,
};
use crate::mailbox::Overflow;
use crate::policy::breaker::BreakerConfig;
use crate::policy::choice::Dispatch;
use crate::policy::health::HealthCheck;
use crate::policy::priority::Priority;
use crate::policy::retry::Retry;
use crate::policy::sizing::Surplus;
use crate::resilience::{Breaker, DeadLetterQueue, Retrier};
use crate::supervision::errors::StartError;
use crate::supervision::handle::SupervisorRef;
use crate::supervision::launch::AnyChild;
use crate::supervision::plan::Strategy;
use crate::supervision::supervisor::Supervisor;

/// A pool to be: many workers alike behind one reference.
#[must_use = "a pool does nothing until it is started"]
pub struct Pool<W: Worker> {
    name: Arc<str>,
    make: Arc<dyn Fn() -> W + Send + Sync>,
    config: PoolConfig,
    key: Option<Of<W::In, u64>>,
    priority: Option<Of<W::In, Priority>>,
    capability: Option<Capability>,
    breaker: Option<BreakerConfig>,
    retry: Option<(Retry, Retries<W>)>,
    redispatch: u32,
    keep: Option<Keep<W::In>>,
    /// There where a job may be needed again.
    copy: Option<CopyOf<W::In>>,
    health: Option<HealthCheck>,
    intensity: (u32, Duration),
    shutdown: Shutdown,
}

impl<W: Worker> Pool<W> {
    /// A pool of `size` members, grown and shrunk between its ends; `n..=n` is
    /// a fixed one.
    pub fn new(
        name: impl Into<Arc<str>>,
        size: RangeInclusive<usize>,
        make: impl Fn() -> W + Send + Sync + 'static,
    ) -> Self {
        Self::with(name, PoolConfig::new(size), make)
    }

    /// A pool with these settings.
    pub fn with(
        name: impl Into<Arc<str>>,
        config: PoolConfig,
        make: impl Fn() -> W + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            make: Arc::new(make),
            config,
            key: None,
            priority: None,
            capability: None,
            breaker: None,
            retry: None,
            redispatch: 0,
            keep: None,
            copy: None,
            health: None,
            intensity: (1_000, Duration::from_secs(1)),
            shutdown: Shutdown::default(),
        }
    }

    fn set(mut self, set: impl FnOnce(PoolConfig) -> PoolConfig) -> Self {
        self.config = set(self.config);
        self
    }

    /// How many callers may wait for a member. Default 1,000.
    pub fn queue(self, callers: usize) -> Self {
        self.set(|config| config.queue(callers))
    }

    /// What happens to the next caller: [`Overflow::Reject`] (the default)
    /// refuses it as overloaded, [`Overflow::Block`] lets it wait as well. A
    /// pool drops nothing, so the other two are refused at start.
    pub fn overflow(self, overflow: Overflow) -> Self {
        self.set(|config| config.overflow(overflow))
    }

    /// How many jobs one member may have in hand and queued. Default 1: the
    /// next job waits for whichever member is free first.
    pub fn per_member(self, jobs: usize) -> Self {
        self.set(|config| config.per_member(jobs))
    }

    /// How long a member stays idle before an elastic pool lets it go. Default
    /// 60 s.
    pub fn idle_for(self, idle_for: Duration) -> Self {
        self.set(|config| config.idle_for(idle_for))
    }

    /// How many callers have to wait before it grows. Default 1.
    pub fn grow_at(self, waiting: usize) -> Self {
        self.set(|config| config.grow_at(waiting))
    }

    /// When members beyond the minimum are let go. Default
    /// [`Surplus::AfterIdle`].
    pub fn surplus(self, surplus: Surplus) -> Self {
        self.set(|config| config.surplus(surplus))
    }

    /// Which member gets the next job. Default [`Dispatch::LeastLoaded`].
    pub fn dispatch(self, dispatch: Dispatch) -> Self {
        self.set(|config| config.dispatch(dispatch))
    }

    /// When a member is made as good as new. Default [`Reset::AfterLease`].
    pub fn reset(self, reset: Reset) -> Self {
        self.set(|config| config.reset(reset))
    }

    /// Gives all work of one key to one member, in order: [`Dispatch::Keyed`].
    /// When members come or go, few keys move.
    pub fn keyed(mut self, key: impl Fn(&W::In) -> u64 + Send + Sync + 'static) -> Self {
        self.key = Some(Arc::new(key));
        self.dispatch(Dispatch::Keyed)
    }

    /// How urgent a job is, while it waits for a member: 9 first, rising by one
    /// for each second of waiting. Default [`Priority::NORMAL`] for all.
    pub fn prioritised(
        mut self,
        priority: impl Fn(&W::In) -> Priority + Send + Sync + 'static,
    ) -> Self {
        self.priority = Some(Arc::new(priority));
        self
    }

    /// How capable a member is, 0 to 1, from the
    /// [capabilities](Worker::capabilities) that it declares, for
    /// [`Dispatch::Weighted`]. Asked once when it joins. Default 1.0 for all.
    pub fn capability(
        mut self,
        capability: impl Fn(&[Arc<str>]) -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.capability = Some(Arc::new(capability));
        self
    }

    /// Has the health of each member checked, busy or idle, by its
    /// [`check`](Worker::check) hook. Default: it is not. A member that fails
    /// gets no jobs until it is well again or has been restarted.
    pub fn health_check(mut self, check: HealthCheck) -> Self {
        self.health = Some(check);
        self
    }

    /// Puts a breaker in front of the pool. Default: none.
    pub fn breaker(mut self, config: BreakerConfig) -> Self {
        self.breaker = Some(config);
        self
    }

    /// Tries jobs again that fail in a way that may be gone the next time, or
    /// whose member crashed, after a wait; inside of the breaker. Default: once.
    /// Costs one clone per job.
    pub fn retry(mut self, retry: Retry) -> Self
    where
        W::In: Clone,
    {
        self.retry = Some((retry, Retrier::guard));
        self
    }

    /// Gives a job whose member crashed to another member, at most so often.
    /// Default: the caller gets a transient fault. Costs one clone per job.
    pub fn redispatch(mut self, redeliver: Redeliver) -> Self
    where
        W::In: Clone,
    {
        self.redispatch = redeliver.at_most;
        self.copy = Some(W::In::clone);
        self
    }

    /// Keeps a job whose member crashed, after its last redispatch. The caller
    /// gets the fault all the same. Default: it is not kept. Costs one clone per
    /// job.
    pub fn dead_letters(mut self, queue: &DeadLetterQueue<W::In>) -> Self
    where
        W::In: Clone + Sync,
    {
        let queue = queue.clone();
        self.keep = Some(Arc::new(move |input, fault, attempts, worker| {
            queue.keep(input, fault, attempts, worker);
        }));
        self.copy = Some(W::In::clone);
        self
    }

    /// Gives up, and lets the supervisor above decide, at more than so many
    /// member restarts within `period`. Default 1,000 in 1 s: members crash on
    /// bad input, and a pool of many should survive it.
    pub fn intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.intensity = (max_restarts, period);
        self
    }

    /// How each member is ended. Default 5 s, then a kill.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Starts it under the system's root; resolves when the minimum of members
    /// is up.
    ///
    /// # Errors
    ///
    /// [`StartError`]: settings that do not fit, or a member that did not
    /// start.
    pub async fn start(self, system: &System) -> Result<PoolRef<W>, StartError> {
        let (supervisor, unplaced) = self.build()?;
        let started = supervisor.start(system).await?;
        Ok(unplaced.under(started))
    }

    /// Starts it under another supervisor.
    ///
    /// # Errors
    ///
    /// As [`Pool::start`].
    pub async fn start_under(self, parent: &SupervisorRef) -> Result<PoolRef<W>, StartError> {
        let (supervisor, unplaced) = self.build()?;
        let started = supervisor.start_under(parent).await?;
        Ok(unplaced.under(started))
    }

    /// The pool as the child of a supervisor to be, and the reference that it
    /// will have: callers wait until it is started.
    ///
    /// ```
    /// use callboard::prelude::*;
    /// # struct Doubler;
    /// # impl Worker for Doubler {
    /// #     type In = u32;
    /// #     type Out = u32;
    /// #     async fn work(&mut self, n: u32, _cx: &mut Context<Self>) -> Result<u32, Fault> { Ok(n * 2) }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let system = System::new("demo");
    /// let (doublers, pool) = Pool::new("doublers", 2..=2, || Doubler).with_ref()?;
    /// let _team = Supervisor::new("team").child(doublers).start(&system).await?;
    /// assert_eq!(pool.worker().ask(21).await?.value, 42);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Settings that do not fit.
    pub fn with_ref(self) -> Result<(AnyChild, PoolRef<W>), InvalidSpec> {
        let (supervisor, unplaced) = self.build()?;
        let (child, supervisor) = supervisor.with_ref()?;
        Ok((child, unplaced.under(supervisor)))
    }

    fn build(self) -> Result<(Supervisor, Unplaced<W>), InvalidSpec> {
        let breaker = self
            .breaker
            .map(|config| Breaker::checked(Arc::clone(&self.name), config));
        let breaker = breaker.transpose()?;
        let retrier = match self.retry {
            Some((retry, guard)) => {
                retry.validate().map_err(InvalidSpec::Retry)?;
                Some((Retrier::new(Arc::clone(&self.name), retry), guard))
            }
            None => None,
        };
        let shared = Arc::new(Shared {
            name: Arc::clone(&self.name),
            leases: Leases::new(self.config.clone(), clock),
            key: self.key,
            priority: self.priority,
            patience: OnceLock::new(),
            is_watched: AtomicBool::new(false),
            resets_each: AtomicBool::new(self.config.reset == Reset::AfterEachJob),
        });
        shared.check(&self.config)?;
        let make = self.make;
        // Each place of a member: a job, and the reset after it.
        let places = self.config.depth().saturating_mul(2).saturating_add(2);
        let mut template = ChildTemplate::new("member", move || make())
            .mailbox(places)
            .shutdown(self.shutdown);
        if let Some(check) = self.health {
            template = template.health_check(check);
        }
        let template = Arc::new(template);
        let (max_restarts, period) = self.intensity;
        let members = Supervisor::dynamic("members").intensity(max_restarts, period);
        let (members, members_ref) = members.with_ref()?;
        let manager = ChildSpec::new("manager", {
            let (shared, members) = (Arc::clone(&shared), members_ref.clone());
            let capability = self.capability;
            move || {
                Manager::new(
                    Arc::clone(&shared),
                    Arc::clone(&template),
                    members.clone(),
                    capability.clone(),
                )
            }
        })
        .mailbox(16);
        let bell = manager.actor_ref().downgrade();
        shared.leases.set_bell(move || {
            let manager = bell.upgrade();
            manager.is_some_and(|manager| manager.try_tell(Manage::Look).is_ok())
        });
        // Members first: when they all go, the manager starts anew and fills
        // the pool again.
        let supervisor = Supervisor::new(self.name)
            .strategy(Strategy::RestForOne)
            .intensity(max_restarts, period)
            .child(members)
            .child(manager);
        let on_crash = self.copy.map(|copy| OnCrash {
            at_most: self.redispatch,
            keep: self.keep,
            copy,
        });
        let unplaced = Unplaced {
            shared,
            members: members_ref,
            breaker,
            retrier,
            on_crash,
        };
        Ok((supervisor, unplaced))
    }
}

impl<W: Worker> From<Pool<W>> for AnyChild {
    fn from(pool: Pool<W>) -> Self {
        match pool.build() {
            Ok((supervisor, _)) => supervisor.into(),
            Err(why) => Self::invalid(why),
        }
    }
}

impl<W: Worker> fmt::Debug for Pool<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// All of a pool but its supervisor.
struct Unplaced<W: Worker> {
    shared: Arc<Shared<W>>,
    members: SupervisorRef,
    breaker: Option<Breaker>,
    retrier: Option<(Retrier, Retries<W>)>,
    on_crash: Option<OnCrash<W::In>>,
}

/// Puts a retrier in front of a worker, where what goes in can be copied.
type Retries<W> = fn(
    &Retrier,
    &WorkerRef<<W as Worker>::In, <W as Worker>::Out>,
) -> WorkerRef<<W as Worker>::In, <W as Worker>::Out>;

impl<W: Worker> Unplaced<W> {
    fn under(self, supervisor: SupervisorRef) -> PoolRef<W> {
        let front = WorkerRef::new(Front {
            shared: Arc::clone(&self.shared),
            supervisor: supervisor.clone(),
            on_crash: self.on_crash,
        });
        let mut worker = front;
        if let Some((retrier, guard)) = &self.retrier {
            worker = guard(retrier, &worker);
        }
        if let Some(breaker) = &self.breaker {
            worker = breaker.guard(&worker);
        }
        PoolRef {
            shared: self.shared,
            supervisor,
            members: self.members,
            breaker: self.breaker,
            retrier: self.retrier.map(|(retrier, _)| retrier),
            worker,
        }
    }
}
