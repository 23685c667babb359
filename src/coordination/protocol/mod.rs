//! What a protocol is: a pure machine of events and effects.
//!
//! ```
//! use callboard::coordination::protocol::{Effect, Fact, Failure, Feed, Happened, Protocol, Run};
//! use serde::{Deserialize, Serialize};
//! use std::time::Duration;
//!
//! /// Asks one worker, and takes its answer only if it is good enough.
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct Judged { at_least: f64 }
//!
//! impl Protocol for Judged {
//!     fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
//!         effects.push(match *event {
//!             Happened::Began => Effect::Ask { call: 0, worker: 0, feed: Feed::Input },
//!             Happened::Answered { call, fact: Fact::Number(score) } if score >= self.at_least => {
//!                 Effect::Finish(Feed::AnswerTo(call))
//!             }
//!             Happened::Failed { call, .. } => Effect::Fail(Failure::Call(call)),
//!             _ => Effect::Fail(Failure::because("not good enough")),
//!         });
//!     }
//! }
//!
//! let mut run = Run::new(Judged { at_least: 0.5 }, 1);
//! let mut effects = Vec::new();
//! run.apply(&Happened::Began, Duration::ZERO, &mut effects)?;
//! effects.clear();
//! let good = Happened::Answered { call: 0, fact: Fact::Number(0.7) };
//! run.apply(&good, Duration::from_secs(1), &mut effects)?;
//! assert_eq!(effects, [Effect::Finish(Feed::AnswerTo(0))]);
//! # Ok::<(), callboard::coordination::protocol::Broken>(())
//! ```
//!
//! # Questions
//!
//! *Where are the payloads?* With the driver. The machine sees call numbers and
//! small [`Fact`]s, so it is small, can be written down and read back, and every
//! order of events can be tried.
//!
//! *What may a machine do?* What [`Rule`] does not forbid. Whoever runs it sees
//! to that after each event, whatever the machine does: [`Run::apply`] is the
//! one function for the driver, the explorer and a journal.
//!
//! *What about time and chance?* `now` is the time since the run began. A machine
//! that throws dice keeps a [`Dice`] and takes the seed it is given.

mod dice;
mod ledger;
mod run;
mod words;

pub use dice::Dice;
pub use ledger::{Broken, Ledger, Limits, Rule};
pub use run::Run;
pub use words::{Call, Effect, Fact, Failure, Feed, Happened, StepOutcome, Timer};

use std::fmt::Debug;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A protocol decides; whoever runs it acts.
///
/// The machine takes one event and says what is to be done. The same events, at
/// the same times and with the same seed, lead to the same effects. It must end:
/// with no call and no timer under way it has said [`Effect::Finish`] or
/// [`Effect::Fail`]. News of a call that is over, or after the end, may come, and
/// changes nothing.
pub trait Protocol: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Takes one event; `now` is the time since the run began.
    fn on(&mut self, event: &Happened, now: Duration, effects: &mut Vec<Effect>);

    /// Takes the seed of its randomness, once, before the run begins. Default:
    /// it has none.
    fn seed(&mut self, seed: u64) {
        let _ = seed;
    }
}
