//! Loops to convergence: what a worker makes goes into it again, until it is good
//! enough or gets no better.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::iterate;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! // Newton's way to the root of 2.
//! let better = WorkerRef::from_fn("better", |x: f64| async move { Ok((x + 2.0 / x) / 2.0) });
//! let root = iterate(better, |x: &f64| -(x * x - 2.0).abs())
//!     .converged_below(1e-9)
//!     .start(&system, "root")
//!     .await?;
//! assert!((root.ask(1.0).await?.value - 2_f64.sqrt()).abs() < 1e-6);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *When does it end?* When the score is [good enough](Iterate::good_enough), or
//! has changed by less than [said](Iterate::converged_below) since the iteration
//! before, and at the latest after [so many](Iterate::at_most) iterations. There is
//! no loop without a bound.
//!
//! *What comes of it?* The best so far, which need not be the last one
//! (`d11_the_best_so_far_is_the_result`); or what
//! [somebody else](Iterate::escalate_to) makes of it, where the iterations were
//! used up.
//!
//! *Can I watch it?* Each iteration is an event; from the last fifth on it says
//! that few are left (`d11_each_iteration_is_an_event_and_the_last_ones_warn`).
//!
//! *What happens when an iteration fails?* The run does. Put a retry in front of
//! the worker.

mod machine;

pub use machine::{IterateProtocol, Otherwise};

use std::fmt;
use std::sync::Arc;

use super::driver::{Gathered, Participant, Score};
use super::pattern::{calls_for, start};
use super::protocol::Fact;
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
use crate::supervision::StartError;

/// A loop to be. Made by [`iterate`].
#[must_use = "a loop does nothing until it is started"]
pub struct Iterate<T> {
    worker: Participant<T, T>,
    escalation: Option<WorkerRef<T, T>>,
    most: u32,
    change: f64,
    good_enough: Option<f64>,
    limit: usize,
}

/// Gives a worker its own answers until their score, of which more is better, is
/// good enough or gets no better. Costs one clone of each answer.
pub fn iterate<T: Clone + Send + 'static>(
    worker: impl Into<WorkerRef<T, T>>,
    score: impl Fn(&T) -> f64 + Send + Sync + 'static,
) -> Iterate<T> {
    let worker = worker.into();
    let worker = Participant::asks(worker.name(), worker).copying();
    Iterate {
        worker: worker.reads(move |value| Fact::Number(score(value))),
        escalation: None,
        most: 10,
        change: 0.01,
        good_enough: None,
        limit: 64,
    }
}

impl<T: Clone + Send + 'static> Iterate<T> {
    /// Iterations, at least one. Default 10.
    pub fn at_most(mut self, iterations: u32) -> Self {
        self.most = iterations.max(1);
        self
    }

    /// A change of the score below this ends it; 0 never does. Default 0.01.
    pub fn converged_below(mut self, change: f64) -> Self {
        self.change = change;
        self
    }

    /// A score of this or more ends it. Default: none does.
    pub fn good_enough(mut self, score: f64) -> Self {
        self.good_enough = Some(score);
        self
    }

    /// Who is given the best so far when the iterations are used up; the answer is
    /// the run's. Default: the best so far is.
    pub fn escalate_to(mut self, worker: impl Into<WorkerRef<T, T>>) -> Self {
        self.escalation = Some(worker.into());
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Starts it under this name; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] where a change or a score is not a number.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<T, T>, StartError> {
        if self.change.is_nan() || self.good_enough.is_some_and(f64::is_nan) {
            return Err(InvalidSpec::Combination("a loop is measured with numbers").into());
        }
        let otherwise = match self.escalation {
            Some(_) => Otherwise::Escalate,
            None => Otherwise::BestSoFar,
        };
        let machine = IterateProtocol::new(self.most, self.change, self.good_enough, otherwise);
        let escalation = self.escalation.map(|worker| {
            let name = worker.name();
            Participant::asks(name, worker).copying().seat()
        });
        let score = Score {
            machine,
            seats: std::iter::once(self.worker.seat())
                .chain(escalation)
                .collect(),
            conclude: Arc::new(|gathered: Gathered| {
                let best = gathered.answers.into_iter().next();
                best.and_then(|(_, payload)| payload.downcast::<T>().ok())
                    .map(|value| *value)
                    .ok_or_else(|| Fault::permanent("the loop left no answer"))
            }),
            on_error: None,
            limit: self.limit,
            calls: calls_for(self.most as usize + 1),
        };
        start(system, name.into(), score).await
    }
}

impl<T> fmt::Debug for Iterate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iterate")
            .field("worker", &self.worker)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
