//! Somebody else answers when the first one cannot.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::resilience::Fallback;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let down = WorkerRef::from_fn("model", |_: String| async { Err::<String, _>(Fault::transient("down")) });
//! let short = WorkerRef::from_fn("extract", |text: String| async move {
//!     text.split('.').next().map(str::to_owned).ok_or_else(|| Fault::permanent("no text"))
//! });
//! let summary = Fallback::first("strong", down)
//!     .then("extractive", short)
//!     .or("static", |_| "no summary".to_owned());
//!
//! let served = summary.ask("One. Two.".to_owned()).deadline(secs(30)).await?;
//! assert_eq!(served.value, "One");
//! assert_eq!(served.tier.as_deref(), Some("extractive"));
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *In which order?* Tier by tier, and in a tier agent by agent. Those that are
//! not [available](WorkerRef::is_available) are skipped: an actor that is down, a
//! breaker that is open.
//!
//! *How much time has each?* What is left of the asker's deadline, all of it: a
//! primary that hangs leaves nothing to the others. Give it a shorter one with
//! [`Tier::within`] or a [`Retrier`](super::Retrier) of its own.
//!
//! *What ends the search?* An answer; the asker's deadline; a fault that is in
//! doubt, since another agent might do the work a second time.
//! [`Fallback::stop_on`] changes it.
//!
//! *What if all fail?* The fault is of the first tier's class, and its source,
//! [`AllFailed`], names each agent and why.
//!
//! *Who waits for a person?* A tier can be a worker that asks one.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::core::shell::catch;
use crate::actor::system::clock;
use crate::actor::{AskWorker, BoxFuture, Fault, FaultClass, Request, Serve, Served, WorkerRef};

/// One step of a [`Fallback`]: agents that are as good as one another.
pub struct Tier<In, Out> {
    agents: Vec<WorkerRef<In, Out>>,
    within: Option<Duration>,
}

impl<In, Out> Tier<In, Out> {
    /// These agents, tried in this order.
    pub fn of(agents: impl IntoIterator<Item = impl Into<WorkerRef<In, Out>>>) -> Self {
        Self {
            agents: agents.into_iter().map(Into::into).collect(),
            within: None,
        }
    }

    /// How long each agent of it has, within the asker's deadline. Default: all
    /// that is left.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }
}

impl<In, Out, W: Into<WorkerRef<In, Out>>> From<W> for Tier<In, Out> {
    fn from(agent: W) -> Self {
        Self::of([agent])
    }
}

impl<In, Out> fmt::Debug for Tier<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tier").field(&self.agents).finish()
    }
}

type Stops = Arc<dyn Fn(&Fault) -> bool + Send + Sync>;

/// Tiers, of which the first that can answers. It is asked like a worker, and
/// [`worker`](Self::worker) makes one of it.
pub struct Fallback<In, Out> {
    tiers: Vec<(Arc<str>, Tier<In, Out>)>,
    stops: Option<Stops>,
    worker: std::sync::OnceLock<WorkerRef<In, Out>>,
}

impl<In, Out> Fallback<In, Out>
where
    In: Clone + Send + Sync + 'static,
    Out: Send + 'static,
{
    /// The tier that is asked first.
    #[must_use]
    pub fn first(name: impl Into<Arc<str>>, tier: impl Into<Tier<In, Out>>) -> Self {
        Self {
            tiers: vec![(name.into(), tier.into())],
            stops: None,
            worker: std::sync::OnceLock::new(),
        }
    }

    /// The tier that is asked when those before have failed.
    #[must_use]
    pub fn then(mut self, name: impl Into<Arc<str>>, tier: impl Into<Tier<In, Out>>) -> Self {
        self.tiers.push((name.into(), tier.into()));
        self.worker = std::sync::OnceLock::new();
        self
    }

    /// The last tier: a safe answer that is made, not asked for. Where it
    /// panics, it has failed like the others.
    #[must_use]
    pub fn or(
        self,
        name: impl Into<Arc<str>>,
        answer: impl Fn(In) -> Out + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        let made = WorkerRef::from_fn(Arc::clone(&name), move |input| {
            let made = catch(|| answer(input));
            let made = made.map_err(|exit| Fault::permanent(format!("no safe answer: {exit}")));
            std::future::ready(made)
        });
        self.then(name, made)
    }

    /// Which faults end the search at once. Default: those in doubt.
    #[must_use]
    pub fn stop_on(mut self, stops: impl Fn(&Fault) -> bool + Send + Sync + 'static) -> Self {
        self.stops = Some(Arc::new(stops));
        self.worker = std::sync::OnceLock::new();
        self
    }

    /// Asks the first tier that can answer.
    pub fn ask(&self, input: In) -> AskWorker<'_, In, Out> {
        self.shared().ask(input)
    }

    /// The whole as a worker.
    #[must_use]
    pub fn worker(&self) -> WorkerRef<In, Out> {
        self.shared().clone()
    }

    fn shared(&self) -> &WorkerRef<In, Out> {
        self.worker.get_or_init(|| {
            let tiers = self.tiers.iter().map(|(name, tier)| {
                let agents = tier.agents.clone();
                let within = tier.within;
                (Arc::clone(name), Tier { agents, within })
            });
            WorkerRef::new(Chain {
                tiers: tiers.collect(),
                stops: self.stops.clone(),
            })
        })
    }
}

impl<In, Out> From<Fallback<In, Out>> for WorkerRef<In, Out>
where
    In: Clone + Send + Sync + 'static,
    Out: Send + 'static,
{
    fn from(fallback: Fallback<In, Out>) -> Self {
        fallback.worker()
    }
}

impl<In, Out> fmt::Debug for Fallback<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.tiers).finish()
    }
}

struct Chain<In, Out> {
    tiers: Vec<(Arc<str>, Tier<In, Out>)>,
    stops: Option<Stops>,
}

impl<In, Out> Chain<In, Out> {
    fn stops(&self, fault: &Fault) -> bool {
        match &self.stops {
            Some(stops) => catch(|| stops(fault)).unwrap_or(true),
            None => fault.class() == FaultClass::InDoubt,
        }
    }
}

impl<In, Out> Serve<In, Out> for Chain<In, Out>
where
    In: Clone + Send + Sync + 'static,
    Out: Send + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let request = Request::in_force();
            let mut failed: Vec<Failed> = Vec::new();
            for (name, tier) in &self.tiers {
                for agent in &tier.agents {
                    let mut note = |why| {
                        failed.push(Failed {
                            tier: Arc::clone(name),
                            agent: agent.name(),
                            why,
                        });
                    };
                    if !agent.is_available() {
                        note(Why::NotAvailable);
                        continue;
                    }
                    let ask = agent.ask(input.clone());
                    let answer = match tier.within {
                        Some(within) => ask.deadline(within).await,
                        None => ask.await,
                    };
                    match answer {
                        Ok(mut served) => {
                            served.attempts +=
                                failed.iter().filter(|f| f.was_asked()).count() as u32;
                            // A fallback within a fallback has named its own.
                            served.tier = Some(match served.tier {
                                Some(inner) => format!("{name}/{inner}").into(),
                                None => Arc::clone(name),
                            });
                            return Ok(served);
                        }
                        Err(fault) => {
                            let is_over = request.is_cancelled()
                                || request.deadline().is_some_and(|at| clock() >= at)
                                || self.stops(&fault);
                            note(Why::Fault(fault));
                            if is_over {
                                return Err(AllFailed { failed }.into());
                            }
                        }
                    }
                }
            }
            Err(AllFailed { failed }.into())
        })
    }

    fn name(&self) -> String {
        let names: Vec<_> = self.tiers.iter().map(|(name, _)| &**name).collect();
        names.join(" or ")
    }

    fn is_available(&self) -> bool {
        let mut agents = self.tiers.iter().flat_map(|(_, tier)| &tier.agents);
        agents.any(WorkerRef::is_available)
    }
}

/// An agent of a [`Fallback`] that did not answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Failed {
    /// Its tier.
    pub tier: Arc<str>,
    /// Its name.
    pub agent: String,
    /// Why.
    pub why: Why,
}

impl Failed {
    fn was_asked(&self) -> bool {
        matches!(self.why, Why::Fault(_))
    }
}

/// Why an agent did not answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Why {
    /// It was not asked: it was down, or its breaker open.
    NotAvailable,
    /// It was asked, and this came of it.
    Fault(Fault),
}

/// Nobody answered: the source of the fault that the asker gets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AllFailed {
    /// Who, and why, in the order in which they were tried.
    pub failed: Vec<Failed>,
}

impl fmt::Display for AllFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no tier answered: ")?;
        for (at, Failed { tier, agent, why }) in self.failed.iter().enumerate() {
            let comma = if at == 0 { "" } else { "; " };
            match why {
                Why::NotAvailable => write!(f, "{comma}{tier} ({agent}) was not available")?,
                Why::Fault(fault) => write!(f, "{comma}{tier} ({agent}) failed, {fault}")?,
            }
        }
        Ok(())
    }
}

impl Error for AllFailed {}

impl From<AllFailed> for Fault {
    fn from(all: AllFailed) -> Self {
        let faults = || {
            all.failed.iter().filter_map(|failed| match &failed.why {
                Why::Fault(fault) => Some(fault),
                Why::NotAvailable => None,
            })
        };
        // Nobody was asked: what they depend on is down.
        let mut class = faults().next().map_or(FaultClass::Cascading, Fault::class);
        // The last word of a search that was stopped is why it was.
        if let Some(last) = faults().next_back()
            && matches!(last.class(), FaultClass::InDoubt | FaultClass::Cancelled)
        {
            class = last.class();
        }
        let wait = faults().filter_map(Fault::retry_after).min();
        let fault = Self::new(class, all.to_string()).because(all);
        match wait {
            Some(wait) => fault.after(wait),
            None => fault,
        }
    }
}
