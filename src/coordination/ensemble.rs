//! Protocols of one's own.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::protocol::{Effect, Fact, Failure, Feed, Happened, Protocol};
//! use callboard::coordination::{Participant, ensemble};
//! use serde::{Deserialize, Serialize};
//!
//! /// A triage sends each case to one of two; its choice is a fact.
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct Triage;
//!
//! impl Protocol for Triage {
//!     fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
//!         effects.push(match *event {
//!             Happened::Began => Effect::Ask { call: 0, worker: 0, feed: Feed::Input },
//!             Happened::Answered { call: 0, fact: Fact::Choice(way) } => Effect::Ask {
//!                 call: 1,
//!                 worker: 1 + way as usize,
//!                 feed: Feed::AnswerTo(0),
//!             },
//!             Happened::Answered { call: 1, .. } => Effect::Finish(Feed::AnswerTo(1)),
//!             Happened::Failed { call, .. } => Effect::Fail(Failure::Call(call)),
//!             _ => return,
//!         });
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let look = Participant::computes("look", |case: String| Ok(case))
//!     .reads(|case: &String| Fact::Choice(u32::from(case.len() > 5)));
//! let quick = Participant::computes("quick", |case: String| Ok(format!("{case}: easy")));
//! let long = WorkerRef::from_fn("long", |case: String| async move { Ok(format!("{case}: hard")) });
//! let triage = ensemble(Triage)
//!     .with(look)
//!     .with(quick)
//!     .with(Participant::asks("long", long))
//!     .start::<String, String>(&system, "triage")
//!     .await?;
//! assert_eq!(triage.ask("cold".into()).await?.value, "cold: easy");
//! assert_eq!(triage.ask("a fracture".into()).await?.value, "a fracture: hard");
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What if types do not fit?* A participant that takes what neither the asker nor
//! anybody else gives is refused at the start, as is a result that nobody gives
//! (`d_an_ensemble_whose_types_cannot_fit_is_refused`). Which of several answers is
//! fed is up to the machine: one of another type is a permanent fault of the call.
//!
//! *Is my protocol right?* Have it tried against every order of what may happen,
//! with `testing::explore`.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use super::driver::{Gathered, Participant, Score, Seat};
use super::pattern::start;
use super::protocol::{Limits, Protocol};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
use crate::supervision::StartError;

/// A protocol of one's own, and who takes part in it. Made by [`ensemble`].
#[must_use = "an ensemble does nothing until it is started"]
pub struct Ensemble<P> {
    machine: P,
    seats: Vec<Seat>,
    limit: usize,
    calls: usize,
}

/// Runs this protocol, with participants that follow.
pub fn ensemble<P: Protocol>(machine: P) -> Ensemble<P> {
    Ensemble {
        machine,
        seats: Vec::new(),
        limit: 64,
        calls: Limits::default().calls,
    }
}

impl<P: Protocol> Ensemble<P> {
    /// Adds a participant; the machine knows them by their positions, from 0.
    pub fn with<In, Out>(mut self, participant: Participant<In, Out>) -> Self
    where
        In: Send + 'static,
        Out: Send + 'static,
    {
        self.seats.push(participant.seat());
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Calls that one run may make. Default 10,000.
    pub fn calls(mut self, calls: usize) -> Self {
        self.calls = calls;
        self
    }

    /// Starts it under this name; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] where somebody takes what nobody gives, or nobody
    /// gives the result.
    pub async fn start<In: Send + 'static, Out: Send + 'static>(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<In, Out>, StartError> {
        let kinds = self.seats.iter().map(|seat| seat.kinds);
        let mut given: Vec<TypeId> = kinds.clone().map(|kinds| kinds.gives).collect();
        given.push(TypeId::of::<In>());
        let is_fed = kinds.clone().all(|kinds| given.contains(&kinds.takes));
        if !is_fed || !given.contains(&TypeId::of::<Out>()) {
            let why = "an ensemble's participants take, and its result is, what one of them gives";
            return Err(InvalidSpec::Combination(why).into());
        }
        let score = Score {
            machine: self.machine,
            seats: self.seats,
            conclude: Arc::new(|mut gathered: Gathered| {
                let result = gathered.last();
                result.ok_or_else(|| Fault::permanent("the protocol left no result of its type"))
            }),
            on_error: None,
            limit: self.limit,
            calls: self.calls,
        };
        start(system, name.into(), score).await
    }
}

impl<P: fmt::Debug> fmt::Debug for Ensemble<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.seats.iter().map(|seat| &seat.name).collect();
        f.debug_struct("Ensemble")
            .field("machine", &self.machine)
            .field("participants", &names)
            .finish_non_exhaustive()
    }
}
