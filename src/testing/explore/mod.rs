//! Tries a protocol's machine against every order of what may happen.
//!
//! ```
//! use callboard::coordination::protocol::{Effect, Failure, Feed, Happened, Protocol, Rule};
//! use callboard::prelude::*;
//! use callboard::testing::explore::{Flaw, explore};
//! use serde::{Deserialize, Serialize};
//!
//! /// Asks two workers; the first answer is the result.
//! #[derive(Clone, Debug, Serialize, Deserialize)]
//! struct Race { failed: u32 }
//!
//! impl Protocol for Race {
//!     fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
//!         match *event {
//!             Happened::Began => {
//!                 for call in 0..2 {
//!                     effects.push(Effect::Ask { call, worker: call, feed: Feed::Input });
//!                 }
//!             }
//!             Happened::Answered { call, .. } => effects.push(Effect::Finish(Feed::AnswerTo(call))),
//!             Happened::Failed { .. } => self.failed += 1,
//!             _ => {}
//!         }
//!     }
//! }
//!
//! // It forgets to fail when both workers have failed.
//! let found = explore(Race { failed: 0 })
//!     .participants(2)
//!     .failures([FaultClass::Transient])
//!     .run()
//!     .unwrap_err();
//! assert!(matches!(&found.flaw, Flaw::Broken(broken) if broken.rule == Rule::Stalled));
//! assert_eq!(
//!     found.to_string(),
//!     "the protocol broke a rule: with nothing under way there is an end, but the run has stalled\n\
//!      1. it begins -> call 0: ask worker 0 with the input; call 1: ask worker 1 with the input\n\
//!      2. call 0 fails (transient) -> nothing\n\
//!      3. call 1 fails (transient) -> nothing"
//! );
//! ```
//!
//! # Questions
//!
//! *What may happen?* Whatever is under way may be next: a call is answered, with
//! each of the [facts](Explorer::facts), or fails, with each of the
//! [classes](Explorer::failures); the timer that is due first goes off; the driver
//! [crashes](Explorer::crashes), and the run is written down and read back. With
//! [`Explorer::duplicates`] news of calls that are over comes again, also after the
//! end.
//!
//! *What is checked?* After each event, the [rules](crate::coordination::Rule): one
//! end, no stall, only what was answered is fed, no number twice, nothing after the
//! end. No panic. Late news changes nothing. What is read back is what was written.
//! Your own [invariants](Explorer::invariant). And that it ends: a path that is
//! longer than the [depth](Explorer::depth) is a flaw, as are more
//! [states](Explorer::states) than the limit, so nothing is left out in silence.
//!
//! *What is found?* The shortest way to the flaw, one line an event with its
//! effects. States are tried in the order of their distance from the beginning.
//!
//! *When are two states the same?* When the runs' `Debug` forms are: derive it, so
//! that it shows all that the machine knows.
//!
//! *What does time do?* It stands still between timers: `now` is when the last one
//! was due.
//!
//! *What does it cost?* Memory and time for each state; four participants in every
//! order are some thousands, and milliseconds.

mod image;
mod report;
mod search;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use report::{Counterexample, Flaw, Report, Step, What};

use crate::actor::FaultClass;
use crate::coordination::protocol::{Fact, Ledger, Limits, Protocol, Run};

/// One state of a run, for an invariant.
#[derive(Debug)]
pub struct Seen<'a, P> {
    run: &'a Run<P>,
    now: Duration,
}

impl<P: Protocol> Seen<'_, P> {
    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &P {
        self.run.machine()
    }

    /// What is known of its calls.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.run.ledger()
    }

    /// The time since the run began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }
}

type Holds<P> = Box<dyn Fn(&Seen<'_, P>) -> bool>;

/// An exploration to be. Made by [`explore`].
#[must_use = "nothing is explored until it is run"]
pub struct Explorer<P> {
    machine: P,
    limits: Limits,
    facts: Vec<Fact>,
    facts_of: BTreeMap<usize, Vec<Fact>>,
    failures: Vec<FaultClass>,
    repeats: Repeats,
    crashes: usize,
    invariants: Vec<(String, Holds<P>)>,
    most_states: usize,
    most_steps: usize,
}

/// Whether news of what is over comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repeats {
    Never,
    Always,
}

/// Tries this machine against every order of what may happen.
pub fn explore<P: Protocol>(machine: P) -> Explorer<P> {
    Explorer {
        machine,
        limits: Limits::new(1),
        facts: vec![Fact::Nothing],
        facts_of: BTreeMap::new(),
        failures: Vec::new(),
        repeats: Repeats::Never,
        crashes: 0,
        invariants: Vec::new(),
        most_states: 200_000,
        most_steps: 64,
    }
}

impl<P: Protocol> Explorer<P> {
    /// Workers there are. Default 1.
    pub fn participants(mut self, workers: usize) -> Self {
        self.limits.workers = workers;
        self
    }

    /// What the runs may use at most. Default: as in [`Limits`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What an answer may say, any of these. Default [`Fact::Nothing`].
    pub fn facts(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.facts = facts.into_iter().collect();
        self
    }

    /// What an answer of this worker may say, where that is something else.
    pub fn facts_of(mut self, worker: usize, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.facts_of.insert(worker, facts.into_iter().collect());
        self
    }

    /// How a call may fail, any of these ways. Default: none does.
    pub fn failures(mut self, classes: impl IntoIterator<Item = FaultClass>) -> Self {
        self.failures = classes.into_iter().collect();
        self
    }

    /// Has news of calls that are over come again, also after the end: it has to
    /// change nothing.
    pub fn duplicates(mut self) -> Self {
        self.repeats = Repeats::Always;
        self
    }

    /// How often a run may be written down and read back on its way. Default 0.
    pub fn crashes(mut self, crashes: usize) -> Self {
        self.crashes = crashes;
        self
    }

    /// What holds in every state, in words and as a question.
    pub fn invariant(
        mut self,
        what: impl Into<String>,
        holds: impl Fn(&Seen<'_, P>) -> bool + 'static,
    ) -> Self {
        self.invariants.push((what.into(), Box::new(holds)));
        self
    }

    /// Holds that never more calls than this are under way.
    pub fn at_most_under_way(self, calls: usize) -> Self {
        self.invariant(
            format!("at most {calls} calls are under way"),
            move |seen| seen.ledger().under_way() <= calls,
        )
    }

    /// States at most. Default 200,000.
    pub fn states(mut self, states: usize) -> Self {
        self.most_states = states;
        self
    }

    /// Events on one path at most. Default 64.
    pub fn depth(mut self, steps: usize) -> Self {
        self.most_steps = steps;
        self
    }

    /// Tries everything.
    ///
    /// # Errors
    ///
    /// The shortest way to a [`Flaw`].
    pub fn run(self) -> Result<Report, Box<Counterexample>> {
        search::Search::new(&self).run()
    }
}

impl<P: Protocol> fmt::Debug for Explorer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorer")
            .field("machine", &self.machine)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
