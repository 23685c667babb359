//! Fan-out and fan-in: the same input to several workers, one combined answer.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::{Need, combine, scatter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let says = |name: &'static str, kind: &'static str| {
//!     WorkerRef::from_fn(name, move |_: String| async move { Ok(kind) })
//! };
//! let judges = [says("a", "bird"), says("b", "plane"), says("c", "bird")];
//! let judge = scatter(judges).need(Need::AtLeast(3)).combine(combine::vote);
//! let judge = judge.start(&system, "judge").await?;
//! assert_eq!(judge.ask("what is it?".to_owned()).await?.value, "bird");
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *Can I have the answers as they come?* [`Scatter::start_streaming`] gives a
//! handle that does (`d3_answers_are_there_as_they_arrive`). Nothing waits for the
//! consumer: at most one part a worker is unread.
//!
//! *What is hedging?* [`Scatter::hedge_after`] asks only as many workers as are
//! needed, and one more each time somebody is slow. What was asked in vain is
//! cancelled (`d3_a_hedged_scatter_asks_the_next_when_the_first_is_slow`). From
//! Dean and Barroso, *The tail at scale*, 2013.

pub mod combine;
mod machine;
mod stream;

pub use stream::{Arrivals, ScatterRef};

pub use machine::{Need, ScatterProtocol};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::drawing::Flowchart;
use super::driver::{Gathered, Participant, Score};
use super::pattern::{calls_for, spawn, start, warn};
use crate::actor::{Fault, InvalidSpec, Lint, System, WorkerRef};
use crate::supervision::StartError;

/// What a scatter gathered, by the workers' positions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scattered<T> {
    /// The answers, in the order of the workers.
    pub answers: Vec<(usize, T)>,
    /// Those that failed before the run was over, one by one, in the order in
    /// which they did.
    pub failures: Vec<(usize, Fault)>,
}

impl<T> Scattered<T> {
    /// The answers alone.
    #[must_use]
    pub fn into_values(self) -> Vec<T> {
        self.answers.into_iter().map(|(_, value)| value).collect()
    }
}

/// A scatter to be. Made by [`scatter`].
#[must_use = "a scatter does nothing until it is started"]
pub struct Scatter<In, Out, Combined> {
    workers: Vec<WorkerRef<In, Out>>,
    need: Need,
    concurrency: usize,
    within: Option<Duration>,
    hedge_after: Option<Duration>,
    limit: usize,
    combine: Arc<dyn Fn(Scattered<Out>) -> Result<Combined, Fault> + Send + Sync>,
}

/// Asks all of these workers the same; gathers what they say.
pub fn scatter<In, Out, W>(workers: impl IntoIterator<Item = W>) -> Scatter<In, Out, Scattered<Out>>
where
    In: Clone + Send + 'static,
    Out: Send + 'static,
    W: Into<WorkerRef<In, Out>>,
{
    Scatter {
        workers: workers.into_iter().map(Into::into).collect(),
        need: Need::default(),
        concurrency: 10,
        within: None,
        hedge_after: None,
        limit: 64,
        combine: Arc::new(Ok),
    }
}

impl<In, Out, Combined> Scatter<In, Out, Combined>
where
    In: Clone + Send + 'static,
    Out: Send + 'static,
    Combined: Send + 'static,
{
    /// How many answers make a result. Default [`Need::All`].
    pub fn need(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    /// Workers asked at once. Default 10.
    pub fn concurrency(mut self, workers: usize) -> Self {
        self.concurrency = workers.max(1);
        self
    }

    /// How long the slowest may take. With [`Need::BestEffort`] the answers
    /// that came by then are the result; otherwise it is a deadline fault.
    /// Default: the asker's deadline.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Asks only as many workers as are needed, in their order, and one more when
    /// one fails, or so much time has passed since the last was asked. Default:
    /// asks all of them.
    pub fn hedge_after(mut self, after: Duration) -> Self {
        self.hedge_after = Some(after);
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default
    /// 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Makes one answer of what was gathered. A panic in here is a fault of
    /// this request alone.
    pub fn combine<C: Send + 'static>(
        self,
        combine: impl Fn(Scattered<Out>) -> Result<C, Fault> + Send + Sync + 'static,
    ) -> Scatter<In, Out, C> {
        Scatter {
            workers: self.workers,
            need: self.need,
            concurrency: self.concurrency,
            within: self.within,
            hedge_after: self.hedge_after,
            limit: self.limit,
            combine: Arc::new(combine),
        }
    }

    /// Draws it as a mermaid flowchart.
    ///
    /// ```
    /// use callboard::prelude::*;
    /// use callboard::coordination::{Need, scatter};
    ///
    /// let says = |name| WorkerRef::from_fn(name, move |n: u32| async move { Ok(n) });
    /// let any = scatter([says("a"), says("b")]).need(Need::First);
    /// assert_eq!(
    ///     any.mermaid(),
    ///     "flowchart LR
    ///     input([input])
    ///     need{{\"the first answer\"}}
    ///     w0[\"a\"]
    ///     input --> w0
    ///     w0 --> need
    ///     w1[\"b\"]
    ///     input --> w1
    ///     w1 --> need
    ///     output([output])
    ///     need --> output
    /// "
    /// );
    /// ```
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut chart = Flowchart::new();
        chart.gate("need", &self.need.to_string());
        for (at, worker) in self.workers.iter().enumerate() {
            let id = format!("w{at}");
            chart.node(&id, &worker.name());
            chart.arrow("input", &id);
            chart.arrow(&id, "need");
        }
        chart.finish(["need"])
    }

    /// Starts it under this name; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] without workers, where more answers are needed
    /// than there are workers, and where it hedges though all have to be asked.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<In, Combined>, StartError> {
        let name = name.into();
        self.check()?;
        self.warn(system, &name);
        start(system, name, self.score()).await
    }

    /// As [`Scatter::start`]; the result also gives the answers as they arrive.
    /// Costs one clone of each of them then.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn start_streaming(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<ScatterRef<In, Out, Combined>, StartError>
    where
        Out: Clone,
    {
        let name = name.into();
        self.check()?;
        self.warn(system, &name);
        let workers = self.workers.len();
        let driver = spawn(system, name, self.score()).await?;
        Ok(ScatterRef::new(driver, workers))
    }

    fn check(&self) -> Result<(), InvalidSpec> {
        let workers = self.workers.len();
        let refuse = |why| Err(InvalidSpec::Combination(why));
        match self.need {
            _ if workers == 0 => refuse("a scatter has at least one worker"),
            Need::AtLeast(n) if n == 0 || n > workers => {
                refuse("a scatter needs between one answer and as many as it has workers")
            }
            Need::All | Need::BestEffort if self.hedge_after.is_some() => {
                refuse("a scatter that asks all its workers has nobody to hedge with")
            }
            _ => Ok(()),
        }
    }

    fn warn(&self, system: &System, name: &str) {
        let is_alone = self.workers.len() == 1 && self.within.is_none();
        warn(system, name, is_alone.then_some(Lint::NothingToOrchestrate));
    }

    fn score(self) -> Score<ScatterProtocol, Combined> {
        let workers = self.workers.len();
        let machine = ScatterProtocol::new(workers, self.concurrency, self.need, self.within);
        let machine = match self.hedge_after {
            Some(after) => machine.hedged(after),
            None => machine,
        };
        let seats = self.workers.into_iter().map(|worker| {
            let name = worker.name();
            Participant::asks(name, worker).copying().seat()
        });
        let combine = self.combine;
        Score {
            machine,
            seats: seats.collect(),
            conclude: Arc::new(move |gathered: Gathered| {
                let answers = gathered.answers.into_iter();
                combine(Scattered {
                    answers: answers
                        .filter_map(|(at, payload)| Some((at, *payload.downcast::<Out>().ok()?)))
                        .collect(),
                    failures: gathered.failures,
                })
            }),
            on_error: None,
            limit: self.limit,
            calls: calls_for(workers),
        }
    }
}

impl<In, Out, Combined> fmt::Debug for Scatter<In, Out, Combined> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scatter")
            .field("workers", &self.workers.len())
            .field("need", &self.need)
            .finish_non_exhaustive()
    }
}
