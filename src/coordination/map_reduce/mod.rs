//! Map-reduce: a list is cut into batches, each is worked on alone, and the
//! results are combined.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::{Reduction, map_reduce};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let letters = WorkerRef::from_fn("letters", |words: Vec<&'static str>| async move {
//!     Ok(words.iter().map(|word| word.len()).sum::<usize>())
//! });
//! let letters = map_reduce(letters, Reduction::sum()).batches_of(2).start(&system, "all").await?;
//! assert_eq!(letters.ask(vec!["a", "few", "words"]).await?.value, 9);
//! assert_eq!(letters.ask(vec![]).await?.value, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *In which order?* Batches are worked on at the same time; results are combined
//! in the order of the batches, so that a combination only has to be associative
//! (`d4_results_are_combined_in_the_order_of_the_batches`), or as they come, where
//! it is commutative as well.
//!
//! *What does it keep?* One total, and the results that are being added to it or
//! wait for their turn: no batch is begun that is further ahead of the slowest one
//! than twice the [concurrency](MapReduce::concurrency)
//! (`d4_no_batch_is_begun_far_ahead_of_the_slowest`).
//!
//! *What happens when a batch fails?* It is tried again on faults that may be gone
//! the next time, as often as [`MapReduce::attempts`] says; then the run fails.

mod machine;

pub use machine::{MapReduceProtocol, Order};

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Add;
use std::sync::Arc;

use super::drawing::Flowchart;
use super::driver::{Gathered, Participant, Score};
use super::pattern::start;
use super::protocol::Limits;
use crate::actor::{Fault, System, WorkerRef};
use crate::supervision::StartError;

type Combine<Out> = Arc<dyn Fn(Out, Out) -> Out + Send + Sync>;

/// How results are combined. The combination is associative.
pub struct Reduction<Out> {
    order: Order,
    combine: Combine<Out>,
    /// What nothing at all comes to.
    nothing: Option<fn() -> Out>,
}

impl<Out> Reduction<Out> {
    fn new(order: Order, combine: impl Fn(Out, Out) -> Out + Send + Sync + 'static) -> Self {
        Self {
            order,
            combine: Arc::new(combine),
            nothing: None,
        }
    }

    /// Combines in the order of the batches. An empty list is a permanent fault.
    pub fn ordered(combine: impl Fn(Out, Out) -> Out + Send + Sync + 'static) -> Self {
        Self::new(Order::OfBatches, combine)
    }

    /// Combines as results come: for what is commutative too. An empty list is a
    /// permanent fault.
    pub fn unordered(combine: impl Fn(Out, Out) -> Out + Send + Sync + 'static) -> Self {
        Self::new(Order::OfArrival, combine)
    }

    /// The sum, in the order of the batches: sums of fractions depend on it. Of an
    /// empty list, the default.
    #[must_use]
    pub fn sum() -> Self
    where
        Out: Add<Output = Out> + Default + 'static,
    {
        Self {
            nothing: Some(Out::default),
            ..Self::ordered(|a, b| a + b)
        }
    }

    /// The greatest. Of an empty list, a permanent fault.
    #[must_use]
    pub fn max() -> Self
    where
        Out: Ord + 'static,
    {
        Self::unordered(std::cmp::max)
    }
}

impl<T: 'static> Reduction<Vec<T>> {
    /// All of them, in the order of the batches.
    #[must_use]
    pub fn concatenate() -> Self {
        let append = |mut all: Vec<T>, mut more: Vec<T>| {
            all.append(&mut more);
            all
        };
        Self {
            nothing: Some(Vec::new),
            ..Self::ordered(append)
        }
    }
}

impl<Out> fmt::Debug for Reduction<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reduction({:?})", self.order)
    }
}

/// A map-reduce to be. Made by [`map_reduce`].
#[must_use = "a map-reduce does nothing until it is started"]
pub struct MapReduce<Item, Out> {
    name: String,
    mapper: Participant<Vec<Item>, Out>,
    reduction: Reduction<Out>,
    batch: NonZeroUsize,
    concurrency: usize,
    attempts: u32,
    limit: usize,
    calls: usize,
}

/// Works on a list batch by batch, and combines the results.
pub fn map_reduce<Item, Out>(
    worker: impl Into<WorkerRef<Vec<Item>, Out>>,
    reduction: Reduction<Out>,
) -> MapReduce<Item, Out>
where
    Item: Send + 'static,
    Out: Send + 'static,
{
    let worker = worker.into();
    MapReduce {
        name: worker.name(),
        mapper: Participant::asks(worker.name(), worker),
        reduction,
        batch: const { NonZeroUsize::new(100).expect("more than none") },
        concurrency: 10,
        attempts: 1,
        limit: 64,
        calls: Limits::default().calls,
    }
}

impl<Item, Out> MapReduce<Item, Out>
where
    Item: Send + 'static,
    Out: Send + 'static,
{
    /// Things in a batch, at least one. Default 100.
    pub fn batches_of(mut self, items: usize) -> Self {
        self.batch = NonZeroUsize::new(items).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// Batches worked on at once. Default 10.
    pub fn concurrency(mut self, batches: usize) -> Self {
        self.concurrency = batches.max(1);
        self
    }

    /// Attempts that a batch has on faults that may be gone the next time.
    /// Default 1. Costs one clone of each batch.
    pub fn attempts(mut self, attempts: u32) -> Self
    where
        Item: Clone,
    {
        self.attempts = attempts.max(1);
        self.mapper = self.mapper.copying();
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Calls that one request may make: one for each attempt at a batch, and at
    /// most one for each batch to combine its result. Default 10,000. A longer
    /// list is a permanent fault.
    pub fn calls(mut self, calls: usize) -> Self {
        self.calls = calls;
        self
    }

    /// Draws it as a mermaid flowchart.
    ///
    /// ```
    /// use callboard::prelude::*;
    /// use callboard::coordination::{Reduction, map_reduce};
    ///
    /// let count = WorkerRef::from_fn("count", |items: Vec<u32>| async move { Ok(items.len()) });
    /// let all = map_reduce(count, Reduction::sum()).batches_of(10);
    /// assert_eq!(
    ///     all.mermaid(),
    ///     "flowchart LR
    ///     input([input])
    ///     batches{{\"batches of 10\"}}
    ///     input --> batches
    ///     w0[\"count\"]
    ///     batches --> w0
    ///     reduce{{\"reduce, in the order of the batches\"}}
    ///     w0 --> reduce
    ///     output([output])
    ///     reduce --> output
    /// "
    /// );
    /// ```
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut chart = Flowchart::new();
        chart.gate("batches", &format!("batches of {}", self.batch));
        chart.arrow("input", "batches");
        match self.attempts {
            1 => chart.node("w0", &self.name),
            attempts => chart.node("w0", &format!("{}, {attempts} attempts", self.name)),
        }
        chart.arrow("batches", "w0");
        chart.gate(
            "reduce",
            match self.reduction.order {
                Order::OfBatches => "reduce, in the order of the batches",
                Order::OfArrival => "reduce, as they come",
            },
        );
        chart.arrow("w0", "reduce");
        chart.finish(["reduce"])
    }

    /// Starts it under this name; the result is a worker again.
    ///
    /// # Errors
    ///
    /// What [`System::spawn`] says.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<Vec<Item>, Out>, StartError> {
        let Reduction {
            order,
            combine,
            nothing,
        } = self.reduction;
        let batch = self.batch.get();
        let splitter =
            Participant::splits("batches", move |list: Vec<Item>| Ok(batches(list, batch)));
        let reducer = Participant::combines("reduce", move |results: Vec<Out>| {
            let total = results.into_iter().reduce(|a, b| combine(a, b));
            total.ok_or_else(nothing_to_reduce)
        });
        let score = Score {
            machine: MapReduceProtocol::new(order, self.concurrency, self.attempts),
            // In the order that the machine knows them by.
            seats: vec![splitter.seat(), self.mapper.seat(), reducer.seat()],
            conclude: Arc::new(move |mut gathered: Gathered| match gathered.last() {
                Some(total) => Ok(total),
                None => nothing
                    .map(|nothing| nothing())
                    .ok_or_else(nothing_to_reduce),
            }),
            on_error: None,
            limit: self.limit,
            calls: self.calls,
        };
        start(system, name.into(), score).await
    }
}

fn nothing_to_reduce() -> Fault {
    Fault::permanent("there is nothing to reduce")
}

/// Cuts a list; the last batch may be smaller.
fn batches<T>(list: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut all = Vec::with_capacity(list.len().div_ceil(size));
    let mut left = list.into_iter();
    loop {
        let batch: Vec<T> = left.by_ref().take(size).collect();
        if batch.is_empty() {
            return all;
        }
        all.push(batch);
    }
}

impl<Item, Out> fmt::Debug for MapReduce<Item, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapReduce")
            .field("mapper", &self.mapper)
            .field("reduction", &self.reduction)
            .finish_non_exhaustive()
    }
}
