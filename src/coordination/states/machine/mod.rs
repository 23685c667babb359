//! The rules of a state machine.
//!
//! ```text
//!  entered ─▶ checks, entry actions ─▶ work, or regions ─▶ decide ─▶ exit actions ─▶ next
//!     │                                 │ fails, or its time is up       ▲
//!     └─────────────────────────────────┴── what it was entered with ────┘
//! ```

mod trouble;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::turn::Turn;
use super::invalid::InvalidStateMachine;
use super::plan::Plan;
use super::report::{Cause, Transition};
use super::rules::RegionRules;
use crate::coordination::protocol::{Call, Effect, Feed, Happened, Protocol};

/// What a region does in the state that it is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    /// This step before its work.
    Before(usize),
    Working,
    /// Makes one copy for each of its regions.
    Copying,
    /// Its regions are under way.
    Inside,
    Joining,
    Deciding,
    /// It is left: this exit action is under way.
    Leaving {
        exit: usize,
        to: usize,
        cause: Cause,
    },
    /// The region has ended, and waits for those beside it.
    Ended,
}

/// A region under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Active {
    state: usize,
    phase: Phase,
    /// What the state was entered with.
    entered: Feed,
    /// What has become of it.
    feed: Feed,
    call: Option<Call>,
}

/// What changes in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// By the regions' positions.
    active: Vec<Option<Active>>,
    /// Transitions since a region began, likewise.
    transitions: Vec<u32>,
    /// How often a state was entered since its region began.
    visits: Vec<u32>,
    log: Vec<Transition>,
    calls: Call,
    is_over: bool,
}

/// The rules of a state machine: one state at a time, with regions inside of
/// states, from transition to transition to an end, and within its bounds.
///
/// Its participants are those of its states, each state before those inside of it:
/// see [`StateRules`](super::StateRules).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatesProtocol {
    plan: Arc<Plan>,
    progress: Progress,
}

impl StatesProtocol {
    /// A machine that begins in the first state of this region.
    ///
    /// # Errors
    ///
    /// What could not run, or could not end.
    pub fn new(rules: &RegionRules) -> Result<Self, InvalidStateMachine> {
        rules.check()?;
        Ok(Self::of(Plan::of(rules)))
    }

    pub(super) fn of(plan: Plan) -> Self {
        let progress = Progress {
            active: vec![None; plan.regions.len()],
            transitions: vec![0; plan.regions.len()],
            visits: vec![0; plan.states.len()],
            log: Vec::new(),
            calls: 0,
            is_over: false,
        };
        Self {
            plan: Arc::new(plan),
            progress,
        }
    }

    /// Participants there are.
    #[must_use]
    pub fn participants(&self) -> usize {
        self.plan.participants
    }

    /// The paths of the states that it is in, each before those inside of it.
    #[must_use]
    pub fn states(&self) -> Vec<Arc<str>> {
        let active = self.progress.active.iter().flatten();
        let paths = active.map(|active| Arc::clone(&self.plan.states[active.state].path));
        paths.collect()
    }

    /// The transitions so far.
    #[must_use]
    pub fn log(&self) -> &[Transition] {
        &self.progress.log
    }
}

impl Protocol for StatesProtocol {
    fn on(&mut self, event: &Happened, now: Duration, effects: &mut Vec<Effect>) {
        if self.progress.is_over {
            return;
        }
        let mut turn = Turn {
            plan: &self.plan,
            progress: &mut self.progress,
            now,
            effects,
        };
        match *event {
            Happened::Began => turn.begin(0, Feed::Input),
            Happened::Answered { call, fact } => turn.answered(call, fact),
            Happened::Failed { call, class } => turn.failed(call, class),
            Happened::TimeUp { timer } => turn.time_up(timer),
        }
    }
}
