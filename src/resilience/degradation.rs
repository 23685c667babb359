//! An answer of parts, of which some may be missing.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::resilience::Degradation;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let part = |name: &'static str| WorkerRef::from_fn(name, move |user: u32| async move {
//!     match name {
//!         "orders" => Err(Fault::transient("the order service is down")),
//!         _ => Ok(format!("{name} of {user}")),
//!     }
//! });
//! let page = Degradation::new("page")
//!     .critical("profile", part("profile"))
//!     .important("orders", part("orders"))
//!     .optional("offers", part("offers"))
//!     .worker();
//!
//! let page = page.ask(7).await?.value;
//! assert_eq!(page.get("profile").unwrap(), "profile of 7");
//! assert_eq!(page.missing[0].part.as_ref(), "orders");
//! assert!(page.is_degraded());
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What is the difference?* Without a critical part there is no answer: its
//! fault ends the whole at once. An important part is waited for, and named
//! where it is missing. An optional one is waited for only a while (1 s unless
//! said otherwise) after the others are there.
//!
//! *How many are asked at once?* 10 unless said otherwise, in the order in which
//! they were added within critical, important and optional ones.
//!
//! *Can that be changed while it runs?* [`Degradation::config`] is a handle to it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::live::Live;
use crate::actor::{BoxFuture, Fault, FaultClass, Serve, Served, WorkerRef};

/// How much the whole needs a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Importance {
    /// There is no answer without it.
    Critical,
    /// It is waited for; without it the answer is degraded.
    Important,
    /// It is waited for a little; without it the answer is degraded.
    Optional,
}

impl fmt::Display for Importance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Critical => "critical",
            Self::Important => "important",
            Self::Optional => "optional",
        })
    }
}

struct Part<In, Out> {
    name: Arc<str>,
    importance: Importance,
    worker: WorkerRef<In, Out>,
}

/// Settings of a [`Degradation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct DegradationConfig {
    /// How many parts are asked for at once; 0 counts as 1. Default 10.
    pub at_once: usize,
    /// How long optional parts are waited for once all others are there or
    /// missing. Default 1 s.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
}

impl Default for DegradationConfig {
    fn default() -> Self {
        Self {
            at_once: 10,
            grace: Duration::from_secs(1),
        }
    }
}

impl DegradationConfig {
    /// Sets how many parts are asked for at once; 0 counts as 1. Default 10.
    #[must_use]
    pub const fn at_once(mut self, parts: usize) -> Self {
        self.at_once = parts;
        self
    }

    /// Sets how long optional parts are waited for once all others are there or
    /// missing. Default 1 s.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }
}

/// Parts of an answer, by how much it needs them. A part replaces one of the
/// same name that was added before.
#[must_use = "it does nothing until it is a worker that is asked"]
pub struct Degradation<In, Out> {
    name: Arc<str>,
    /// In the order of importance.
    parts: Vec<Part<In, Out>>,
    config: Live<DegradationConfig>,
}

impl<In, Out> Degradation<In, Out>
where
    In: Clone + Send + Sync + 'static,
    Out: Send + 'static,
{
    /// An answer without parts.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            parts: Vec::new(),
            config: Live::new(DegradationConfig::default()),
        }
    }

    /// With these settings instead of the defaults.
    pub fn with(self, config: DegradationConfig) -> Self {
        self.config.set(config);
        self
    }

    /// The settings, which can be changed while the worker runs: `set` holds
    /// from the next question on.
    #[must_use]
    pub fn config(&self) -> Live<DegradationConfig> {
        self.config.clone()
    }

    /// A part without which there is no answer.
    pub fn critical(
        self,
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<In, Out>>,
    ) -> Self {
        self.part(Importance::Critical, name.into(), worker.into())
    }

    /// A part that is waited for.
    pub fn important(
        self,
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<In, Out>>,
    ) -> Self {
        self.part(Importance::Important, name.into(), worker.into())
    }

    /// A part that is waited for a little.
    pub fn optional(
        self,
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<In, Out>>,
    ) -> Self {
        self.part(Importance::Optional, name.into(), worker.into())
    }

    fn part(mut self, importance: Importance, name: Arc<str>, worker: WorkerRef<In, Out>) -> Self {
        self.parts.retain(|part| part.name != name);
        self.parts.push(Part {
            name,
            importance,
            worker,
        });
        self.parts.sort_by_key(|part| part.importance);
        self
    }

    /// The whole as a worker.
    #[must_use]
    pub fn worker(self) -> WorkerRef<In, Gathered<Out>> {
        WorkerRef::new(self)
    }
}

impl<In, Out> fmt::Debug for Degradation<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.parts.iter().map(|p| (&p.name, p.importance));
        f.debug_map().entries(names).finish()
    }
}

/// The parts that are there, and those that are not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Gathered<Out> {
    /// The parts that are there, by name.
    pub answers: BTreeMap<Arc<str>, Served<Out>>,
    /// Those that are not, the most important first.
    pub missing: Vec<Missing>,
}

impl<Out> Gathered<Out> {
    /// A part, if it is there.
    #[must_use]
    pub fn get(&self, part: &str) -> Option<&Out> {
        Some(&self.answers.get(part)?.value)
    }

    /// Whether something is missing.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        !self.missing.is_empty()
    }
}

/// A part that is not there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Missing {
    /// Its name.
    pub part: Arc<str>,
    /// How much it would have been needed.
    pub importance: Importance,
    /// Why it is not there.
    pub fault: Fault,
}

type Asked<'a, Out> = BoxFuture<'a, Result<Served<Out>, Fault>>;

/// Parts on their way.
struct Gathering<'a, In, Out> {
    of: &'a Degradation<In, Out>,
    at_once: usize,
    input: In,
    next: usize,
    /// The index of a part, and its answer to come.
    asked: Vec<(usize, Asked<'a, Out>)>,
    gathered: Gathered<Out>,
}

// Nothing is pinned but the boxes.
impl<In, Out> Unpin for Gathering<'_, In, Out> {}

impl<'a, In, Out> Gathering<'a, In, Out>
where
    In: Clone + Send + Sync + 'static,
    Out: Send + 'static,
{
    /// Asks for as many as may be asked for at once, and takes what is there.
    /// The fault of a critical part ends it.
    fn advance(&mut self, task: &mut std::task::Context<'_>) -> Result<(), Fault> {
        loop {
            while self.asked.len() < self.at_once
                && let Some(part) = self.of.parts.get(self.next)
            {
                let ask = part.worker.ask(self.input.clone());
                self.asked.push((self.next, ask.into_future()));
                self.next += 1;
            }
            let mut answered = Vec::new();
            self.asked
                .retain_mut(|(at, answer)| match answer.as_mut().poll(task) {
                    Poll::Ready(answer) => {
                        answered.push((*at, answer));
                        false
                    }
                    Poll::Pending => true,
                });
            if answered.is_empty() {
                return Ok(());
            }
            for (at, answer) in answered {
                self.take(at, answer)?;
            }
        }
    }

    fn take(&mut self, at: usize, answer: Result<Served<Out>, Fault>) -> Result<(), Fault> {
        let part = &self.of.parts[at];
        match answer {
            Ok(served) => {
                let name = Arc::clone(&part.name);
                self.gathered.answers.insert(name, served);
                Ok(())
            }
            Err(fault) if part.importance == Importance::Critical => Err(fault.at(&part.name)),
            Err(fault) => {
                self.miss(at, fault);
                Ok(())
            }
        }
    }

    fn miss(&mut self, at: usize, fault: Fault) {
        let part = &self.of.parts[at];
        self.gathered.missing.push(Missing {
            part: Arc::clone(&part.name),
            importance: part.importance,
            fault,
        });
    }

    fn is_whole(&self) -> bool {
        self.asked.is_empty() && self.next == self.of.parts.len()
    }

    /// Whether all that is waited for is there or missing.
    fn waits_for_optional_only(&self) -> bool {
        let is_optional = |at: usize| {
            let part = self.of.parts.get(at);
            part.is_none_or(|part| part.importance == Importance::Optional)
        };
        is_optional(self.next) && self.asked.iter().all(|(at, _)| is_optional(*at))
    }

    /// What is still on its way is missing.
    fn stop_waiting(&mut self) {
        let left = self.asked.drain(..).map(|(at, _)| at);
        let left: Vec<_> = left.chain(self.next..self.of.parts.len()).collect();
        self.next = self.of.parts.len();
        for at in left {
            let late = Fault::new(FaultClass::Deadline, "it was not waited for any longer");
            self.miss(at, late);
        }
    }
}

impl<In, Out> Serve<In, Gathered<Out>> for Degradation<In, Out>
where
    In: Clone + Send + Sync + 'static,
    Out: Send + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Gathered<Out>>, Fault>> {
        Box::pin(async move {
            let config = *self.config.get();
            let mut gathering = Gathering {
                of: self,
                at_once: config.at_once.max(1),
                input,
                next: 0,
                asked: Vec::new(),
                gathered: Gathered {
                    answers: BTreeMap::new(),
                    missing: Vec::new(),
                },
            };
            poll_fn(|task| {
                if let Err(fault) = gathering.advance(task) {
                    return Poll::Ready(Err(fault));
                }
                match gathering.waits_for_optional_only() {
                    true => Poll::Ready(Ok(())),
                    false => Poll::Pending,
                }
            })
            .await?;
            if !gathering.is_whole() {
                let mut grace = pin!(tokio::time::sleep(config.grace));
                poll_fn(|task| {
                    if let Err(fault) = gathering.advance(task) {
                        return Poll::Ready(Err(fault));
                    }
                    if gathering.is_whole() {
                        return Poll::Ready(Ok(()));
                    }
                    Pin::as_mut(&mut grace).poll(task).map(Ok)
                })
                .await?;
                gathering.stop_waiting();
            }
            let mut gathered = gathering.gathered;
            gathered.missing.sort_by_key(|missing| missing.importance);
            Ok(Served::new(gathered))
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn is_available(&self) -> bool {
        let mut critical = self
            .parts
            .iter()
            .filter(|part| part.importance == Importance::Critical);
        critical.all(|part| part.worker.is_available())
    }
}
