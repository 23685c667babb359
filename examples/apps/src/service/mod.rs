//! A summary service: HTTP in front, a pool of workers behind, and between them
//! what keeps its answers quick when too many ask.
//!
//! ```text
//!  POST /summarize
//!    │  count     how many came, and what became of them
//!    │  doors     a bulkhead as a tower layer: so many bodies in memory at once
//!    │  read      JSON of at most 1 MiB, within 10 s
//!    ▼
//!  stack          deadline ─▶ bulkhead ─▶ breaker ─▶ retry ─▶ rate
//!    ▼
//!  pool           one job for each worker; a job whose worker crashed goes to another
//! ```
//!
//! # Questions
//!
//! *How long does an accepted request take?* At most one service time longer
//! than alone. As many jobs are under way as there are workers, so within one
//! service time each worker ends one, and everybody gets in who waits in a line
//! no longer than the workers are many. [`Settings`] let half as many wait,
//! which is half a service time where workers end one after the other, and one
//! where they all end together. A longer line would serve no one more, since the
//! workers are busy either way; it would only make everybody wait
//! (`a_longer_line_serves_nobody_more_and_makes_all_wait`).
//!
//! *And everyone else?* Is refused at once, with 503 and `Retry-After`
//! (`at_three_times_its_capacity_it_keeps_its_promises`).
//!
//! *What if workers crash?* They are restarted, and the job is given to another
//! one, which the asker sees as `attempts` in the answer
//! (`with_every_tenth_worker_crashing_it_keeps_them_too`).
//!
//! *When is it ready?* `GET /ready` says 503 while the service starts or drains,
//! while no worker takes jobs, and while the breaker lets nobody through;
//! `GET /health` says 200 for as long as the system runs.
//!
//! *What happens at the end?* It is not ready any more, takes whom the operating
//! system has connected already and nobody else, tells kept connections to close,
//! and answers what it accepted; [`Server::run`] has the times
//! (`a_sigterm_under_three_times_its_capacity_loses_nothing`).
//!
//! *What is bounded?* Bodies and their sum (`doors`), those who wait, and how
//! long each of them takes. Connections are bounded by the number of files
//! that the operating system lets a process have.

mod listener;
mod problem;
mod routes;
mod run;
mod settings;
pub mod summary;
mod tally;
mod worker;

use std::sync::{Arc, OnceLock};

use callboard::actor::Served;
use callboard::prelude::*;
use callboard::resilience::{Bulkhead, BulkheadConfig, Stack};
use callboard::supervision::Node;
use tokio::sync::watch;

pub use routes::router;
pub use run::{Report, RunError, Server};
pub use settings::{InvalidSettings, Settings};
pub use summary::Summary;
pub use tally::Tally;
pub use worker::{Summarizer, Text};

/// How often a job whose worker crashed is given to another one.
const REDISPATCHES: u32 = 3;

/// Where the service is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The pool is not up yet.
    Starting,
    /// Requests are accepted.
    Serving,
    /// What was accepted is finished, and nothing else is accepted.
    Draining,
}

/// Whether requests should be sent here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// They should.
    Ready,
    /// The pool is not up yet.
    Starting,
    /// The service ends.
    Draining,
    /// No worker takes jobs.
    NoWorkers,
    /// The breaker is open, and no probe is due.
    BreakerOpen,
}

impl Readiness {
    /// Its name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Draining => "draining",
            Self::NoWorkers => "no_workers",
            Self::BreakerOpen => "breaker_open",
        }
    }
}

/// What is there once the pool has started.
#[derive(Debug)]
struct Up {
    pool: PoolRef<Summarizer>,
    /// The pool, behind the stack.
    worker: WorkerRef<Text, Summary>,
}

impl Up {
    /// How many workers take jobs at this instant, as the live tree says: one
    /// that has crashed is a member still, and takes none.
    fn workers(&self) -> usize {
        let tree = self.pool.supervisor().tree();
        let members = tree.children.iter().find(|node| node.name == "members");
        let takes_jobs = |node: &&Node| matches!(&*node.state, "ready" | "busy");
        members.map_or(0, |node| node.children.iter().filter(takes_jobs).count())
    }
}

#[derive(Debug)]
struct Inside {
    settings: Settings,
    system: System,
    stack: Stack,
    doors: Bulkhead,
    phase: watch::Sender<Phase>,
    up: OnceLock<Up>,
    tally: Tally,
}

/// The service without its listener: what its routes share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    inside: Arc<Inside>,
}

impl Service {
    /// A service that has not started yet: it answers, and is not ready.
    ///
    /// # Errors
    ///
    /// [`InvalidSettings`].
    pub fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        settings.validate()?;
        let stack = Stack::new("summarizers", settings.limits())?;
        // Nobody waits at the doors: those who may wait do so in the stack,
        // where there is a deadline.
        let doors = BulkheadConfig::new(settings.doors).max_waiting(0);
        Ok(Self {
            inside: Arc::new(Inside {
                system: System::with("service", SystemConfig::default().seed(settings.seed)),
                stack,
                doors: Bulkhead::new("the service", doors),
                phase: watch::Sender::new(Phase::Starting),
                up: OnceLock::new(),
                tally: Tally::default(),
                settings,
            }),
        })
    }

    /// Starts the pool, which makes it ready.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub async fn start(&self) -> Result<(), StartError> {
        let Settings { workers, .. } = self.inside.settings;
        let pool = Pool::new(
            "summarizers",
            workers..=workers,
            Summarizer::make(&self.inside.settings),
        )
        .queue(workers)
        .redispatch(Redeliver {
            at_most: REDISPATCHES,
        })
        .start(&self.inside.system)
        .await?;
        let worker = self.inside.stack.guard(&pool.worker());
        if self.inside.up.set(Up { pool, worker }).is_ok() {
            // A service that drains already stays so.
            self.inside.phase.send_if_modified(|phase| {
                let is_starting = *phase == Phase::Starting;
                if is_starting {
                    *phase = Phase::Serving;
                }
                is_starting
            });
        }
        Ok(())
    }

    /// Makes it not ready for good; what comes is still answered.
    pub fn drain(&self) {
        self.inside.phase.send_replace(Phase::Draining);
    }

    /// Answers one request, in the order of the stack.
    ///
    /// # Errors
    ///
    /// Faults of the stack and the pool, and an overloaded one while it starts.
    pub async fn summarize(&self, text: Text) -> Result<Served<Summary>, Fault> {
        match self.inside.up.get() {
            Some(up) => up.worker.ask(text).await,
            None => Err(Fault::overloaded("the service is starting", secs(1))),
        }
    }

    /// Whether requests should be sent here.
    ///
    /// A breaker that has been open for long enough is no reason against: it
    /// closes by requests, and there would be none.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let up = match (*self.inside.phase.borrow(), self.inside.up.get()) {
            (Phase::Draining, _) => return Readiness::Draining,
            (Phase::Starting, _) | (_, None) => return Readiness::Starting,
            (Phase::Serving, Some(up)) => up,
        };
        let breaker = self.inside.stack.breaker();
        if up.workers() == 0 {
            Readiness::NoWorkers
        } else if breaker.is_some_and(|breaker| !breaker.is_passable()) {
            Readiness::BreakerOpen
        } else {
            Readiness::Ready
        }
    }

    /// Where it is in its life, from now on.
    #[must_use]
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.inside.phase.subscribe()
    }

    /// What became of the requests so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.inside.tally
    }

    /// The system that its workers live in.
    #[must_use]
    pub fn system(&self) -> &System {
        &self.inside.system
    }

    /// The layers in front of the pool.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.inside.stack
    }

    /// Its settings; those of the stack may have changed since.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inside.settings
    }
}
