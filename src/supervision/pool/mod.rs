//! Pools: many workers alike behind one reference.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::supervision::Pool;
//!
//! struct Doubler;
//! impl Worker for Doubler {
//!     type In = u32;
//!     type Out = u32;
//!     async fn work(&mut self, n: u32, _cx: &mut Context<Self>) -> Result<u32, Fault> {
//!         Ok(n * 2)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let pool = Pool::new("doublers", 2..=8, || Doubler).queue(256).start(&system).await?;
//! assert_eq!(pool.worker().ask(21).await?.value, 42);
//! assert_eq!(pool.status().size, 2);
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//!               pool (rest for one)
//!              ╱                  ╲
//!     members (dynamic)          manager: grows, shrinks
//!     ╱     │      ╲
//!  m-0    m-1 ...  m-n           caller ─▶ lease the least loaded ─▶ ask ─▶ give back
//! ```
//!
//! # Questions
//!
//! *What happens when all are busy?* Up to `queue` callers wait, first come
//! first served; the next is refused as overloaded, or waits too with
//! [`Overflow::Block`]. While callers wait the pool grows up to its maximum.
//!
//! *What happens when a member crashes?* It is restarted; its job fails at once
//! as a transient fault, or is given to another member with
//! [`Pool::redispatch`]. It is never lost.
//!
//! *Who gets the next job?* The member with the fewest jobs in hand; equals
//! take turns.
//!
//! *When does it shrink?* After a member has been idle for 60 s, one at a time,
//! down to its minimum.
//!
//! *What happens when a caller gives up?* Its place in the queue is free at
//! once, and a lease it was just given passes on to the next.

mod leases;
mod manager;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use leases::Leases;
use manager::Manager;

use super::errors::StartError;
use super::handle::SupervisorRef;
use super::plan::Strategy;
use super::supervisor::Supervisor;
use crate::actor::child::CopyOf;
use crate::actor::{
    ActorRef, BoxFuture, ChildSpec, ChildTemplate, Fault, FaultClass, InvalidSpec, Job, Redeliver,
    Request, Serve, Served, Shutdown, System, Worker, WorkerRef,
};
use crate::mailbox::Overflow;
use crate::policy::breaker::BreakerConfig;
use crate::policy::sizing::{InvalidSizing, Sizing};
use crate::resilience::Breaker;

pub use leases::PoolStatus;
pub(crate) use manager::Manage;

/// A pool to be: many workers alike behind one reference.
#[must_use = "a pool does nothing until it is started"]
pub struct Pool<W: Worker> {
    name: Arc<str>,
    make: Arc<dyn Fn() -> W + Send + Sync>,
    sizing: Result<Sizing, InvalidSizing>,
    queue: usize,
    overflow: Overflow,
    depth: usize,
    breaker: Option<BreakerConfig>,
    redispatch: Option<(u32, CopyOf<<W as Worker>::In>)>,
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
        Self {
            name: name.into(),
            make: Arc::new(make),
            sizing: Sizing::new(size),
            queue: 1_000,
            overflow: Overflow::Reject,
            depth: 1,
            breaker: None,
            redispatch: None,
            intensity: (1_000, Duration::from_secs(1)),
            shutdown: Shutdown::default(),
        }
    }

    /// How many callers may wait for a member. Default 1,000.
    pub fn queue(mut self, callers: usize) -> Self {
        self.queue = callers;
        self
    }

    /// What happens to the next caller: [`Overflow::Reject`] (the default)
    /// refuses it as overloaded, [`Overflow::Block`] lets it wait as well. A
    /// pool drops nothing, so the other two are refused at start.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// How many jobs one member may have in hand and queued. Default 1: the
    /// next job waits for whichever member is free first.
    pub fn per_member(mut self, jobs: usize) -> Self {
        self.depth = jobs.max(1);
        self
    }

    /// How long a member stays idle before an elastic pool lets it go. Default
    /// 60 s.
    pub fn idle_for(mut self, idle_for: Duration) -> Self {
        self.sizing = self.sizing.map(|sizing| sizing.idle_for(idle_for));
        self
    }

    /// Puts a breaker in front of the pool. Default: none.
    pub fn breaker(mut self, config: BreakerConfig) -> Self {
        self.breaker = Some(config);
        self
    }

    /// Gives a job whose member crashed to another member, at most so often.
    /// Default: the caller gets a transient fault. Costs one clone per job.
    pub fn redispatch(mut self, redeliver: Redeliver) -> Self
    where
        W::In: Clone,
    {
        self.redispatch = Some((redeliver.at_most, W::In::clone));
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
        let (supervisor, pool) = self.build()?;
        let supervisor = supervisor.start(system).await?;
        Ok(pool.under(supervisor))
    }

    /// Starts it under another supervisor.
    ///
    /// # Errors
    ///
    /// As [`Pool::start`].
    pub async fn start_under(self, parent: &SupervisorRef) -> Result<PoolRef<W>, StartError> {
        let (supervisor, pool) = self.build()?;
        let supervisor = supervisor.start_under(parent).await?;
        Ok(pool.under(supervisor))
    }

    fn build(self) -> Result<(Supervisor, Unstarted<W>), StartError> {
        let sizing = self.sizing.map_err(InvalidSpec::Size)?;
        sizing.validate().map_err(InvalidSpec::Size)?;
        if !matches!(self.overflow, Overflow::Reject | Overflow::Block) {
            return Err(InvalidSpec::Combination(
                "a pool drops no jobs, let its queue reject or block",
            )
            .into());
        }
        let breaker = self
            .breaker
            .map(|config| Breaker::checked(Arc::clone(&self.name), config))
            .transpose()?;
        let waiting = match self.overflow {
            Overflow::Block => None,
            _ => Some(self.queue),
        };
        let leases = Arc::new(Leases::new(self.depth, waiting));
        let make = Arc::clone(&self.make);
        let template = Arc::new(
            ChildTemplate::new("member", move || make())
                .mailbox(self.depth + 1)
                .shutdown(self.shutdown),
        );
        let (max_restarts, period) = self.intensity;
        let members = Supervisor::dynamic("members").intensity(max_restarts, period);
        let (members, members_ref) = members.with_ref()?;
        let manager = ChildSpec::new("manager", {
            let leases = Arc::clone(&leases);
            let template = Arc::clone(&template);
            move || Manager {
                leases: Arc::clone(&leases),
                template: Arc::clone(&template),
                members: members_ref.clone(),
                sizing: sizing.clone(),
                idle_since: None,
            }
        })
        .mailbox(16);
        leases.set_manager(manager.actor_ref());
        // Members first: when they all go, the manager starts anew and fills
        // the pool again.
        let supervisor = Supervisor::new(Arc::clone(&self.name))
            .strategy(Strategy::RestForOne)
            .intensity(max_restarts, period)
            .child(members)
            .child(manager);
        Ok((
            supervisor,
            Unstarted {
                name: self.name,
                leases,
                breaker,
                redispatch: self.redispatch,
            },
        ))
    }
}

impl<W: Worker> fmt::Debug for Pool<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.name)
            .field("sizing", &self.sizing)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

struct Unstarted<W: Worker> {
    name: Arc<str>,
    leases: Arc<Leases<W>>,
    breaker: Option<Breaker>,
    redispatch: Option<(u32, CopyOf<<W as Worker>::In>)>,
}

impl<W: Worker> Unstarted<W> {
    fn under(self, supervisor: SupervisorRef) -> PoolRef<W> {
        let dispatch = WorkerRef::new(Dispatch {
            path: supervisor.path(),
            name: self.name,
            leases: Arc::clone(&self.leases),
            redispatch: self.redispatch,
        });
        let worker = match &self.breaker {
            Some(breaker) => breaker.guard(&dispatch),
            None => dispatch,
        };
        PoolRef {
            supervisor,
            leases: self.leases,
            breaker: self.breaker,
            worker,
        }
    }
}

/// A running pool. Cheap to clone; it does not keep the pool running.
pub struct PoolRef<W: Worker> {
    supervisor: SupervisorRef,
    leases: Arc<Leases<W>>,
    breaker: Option<Breaker>,
    worker: WorkerRef<W::In, W::Out>,
}

impl<W: Worker> PoolRef<W> {
    /// The pool as anything that answers.
    #[must_use]
    pub fn worker(&self) -> WorkerRef<W::In, W::Out> {
        self.worker.clone()
    }

    /// Members, jobs and waiting callers at this instant.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        self.leases.status()
    }

    /// The breaker in front, if there is one.
    #[must_use]
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// The supervisor of the whole pool.
    #[must_use]
    pub fn supervisor(&self) -> &SupervisorRef {
        &self.supervisor
    }
}

impl<W: Worker> Clone for PoolRef<W> {
    fn clone(&self) -> Self {
        Self {
            supervisor: self.supervisor.clone(),
            leases: Arc::clone(&self.leases),
            breaker: self.breaker.clone(),
            worker: self.worker.clone(),
        }
    }
}

impl<W: Worker> fmt::Debug for PoolRef<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolRef")
            .field("path", &self.supervisor.path())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl<W: Worker> From<PoolRef<W>> for WorkerRef<W::In, W::Out> {
    fn from(pool: PoolRef<W>) -> Self {
        pool.worker
    }
}

type MemberRef<W> = ActorRef<Job<<W as Worker>::In, <W as Worker>::Out>>;

/// Leases a member, asks it, gives it back.
struct Dispatch<W: Worker> {
    path: String,
    name: Arc<str>,
    leases: Arc<Leases<W>>,
    redispatch: Option<(u32, CopyOf<<W as Worker>::In>)>,
}

impl<W: Worker> Dispatch<W> {
    async fn once(&self, input: W::In) -> Result<Served<W::Out>, (Fault, bool)> {
        let lease = self.lease().await.map_err(|fault| (fault, false))?;
        let answer = lease.member().ask(|reply_to| Job { input, reply_to }).await;
        match answer {
            Ok(answer) => answer.map_err(|fault| (fault, false)),
            Err(error) => {
                let fault = Fault::from(error);
                // The member crashed or is gone, which says nothing about the
                // job: another member may do it.
                let is_members_fault = fault.class() == FaultClass::Transient;
                Err((fault, is_members_fault))
            }
        }
    }

    async fn lease(&self) -> Result<leases::Lease<W>, Fault> {
        let waiting = self.leases.lease(&self.name);
        let deadline = Request::in_force().deadline();
        match deadline {
            None => waiting.await,
            Some(at) => match tokio::time::timeout_at(at.into(), waiting).await {
                Ok(lease) => lease,
                Err(_) => Err(Fault::new(
                    FaultClass::Deadline,
                    format!("no member of pool {} was free in time", self.name),
                )),
            },
        }
    }
}

impl<W: Worker> Serve<W::In, W::Out> for Dispatch<W> {
    fn serve(&self, input: W::In) -> BoxFuture<'_, Result<Served<W::Out>, Fault>> {
        Box::pin(async move {
            let mut attempts = 1;
            let Some((at_most, copy)) = self.redispatch else {
                return self.once(input).await.map_err(|(f, _)| f);
            };
            loop {
                let last = attempts > at_most;
                match self.once(copy(&input)).await {
                    Ok(mut served) => {
                        served.attempts = attempts;
                        return Ok(served);
                    }
                    Err((_, true)) if !last => attempts += 1,
                    Err((fault, _)) => return Err(fault),
                }
            }
        })
    }

    fn name(&self) -> String {
        self.path.clone()
    }
}
