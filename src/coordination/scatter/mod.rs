//! Fan-out and fan-in: the same input to several workers, one combined answer.

mod machine;

pub use machine::{Need, ScatterProtocol};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::driver::{Gathered, Participant, Score};
use super::pattern::{calls_for, start};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
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
            limit: self.limit,
            combine: Arc::new(combine),
        }
    }

    /// Starts it under this name; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] without workers or where more answers are needed
    /// than there are workers.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<In, Combined>, StartError> {
        if self.workers.is_empty() {
            return Err(InvalidSpec::Combination("a scatter has at least one worker").into());
        }
        if let Need::AtLeast(n) = self.need
            && (n == 0 || n > self.workers.len())
        {
            return Err(InvalidSpec::Combination(
                "a scatter needs between one answer and as many as it has workers",
            )
            .into());
        }
        let workers = self.workers.len();
        let machine = ScatterProtocol::new(workers, self.concurrency, self.need, self.within);
        let seats = self.workers.into_iter().map(|worker| {
            let name = worker.name();
            Participant::asks(name, worker).copying().seat()
        });
        let combine = self.combine;
        let score = Score {
            machine,
            seats: seats.collect(),
            conclude: Arc::new(move |gathered: Gathered| {
                combine(Scattered {
                    answers: gathered
                        .answers
                        .into_iter()
                        .filter_map(|(at, payload)| {
                            payload.downcast::<Out>().ok().map(|value| (at, *value))
                        })
                        .collect(),
                    failures: gathered.failures,
                })
            }),
            on_error: None,
            limit: self.limit,
            calls: calls_for(workers),
        };
        start(system, name.into(), score).await
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
