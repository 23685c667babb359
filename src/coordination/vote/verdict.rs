//! What a vote comes to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::machine::{Judge, VoteProtocol};
use crate::actor::{Fault, FaultClass};
use crate::coordination::arbitrate::{Attempt, Way};

/// Who has decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Settled {
    /// The ballots, by the rules of the vote.
    Votes,
    /// The arbitration, this way.
    Arbitration(Way),
    /// Nobody.
    Undecided,
}

/// Why no more ballots were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Closed {
    /// Every judge had voted or abstained.
    Complete,
    /// No ballot to come could have changed what is decided.
    Early,
    /// Time was up.
    TimeUp,
}

/// The support that one choice has, as the first of ballots.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Support<C> {
    /// Which.
    pub choice: C,
    /// Judges who chose it.
    pub votes: usize,
    /// What their ballots weigh together.
    pub weight: f64,
    /// Its share of the weight that was cast, from 0 to 1.
    pub share: f64,
}

/// One round of a runoff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunoffRound<C> {
    /// The weights of the choices that were left, most first.
    pub weights: Vec<(C, f64)>,
    /// Those that were eliminated.
    pub eliminated: Vec<C>,
}

/// A judge whose vote is not in the count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Abstention {
    /// By its position.
    pub judge: usize,
    /// Why.
    pub why: Why,
}

/// Why a vote is not in the count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Why {
    /// Its ballot was empty.
    Declined,
    /// It failed.
    Failed {
        /// What kind of failure it was.
        class: FaultClass,
        /// In words.
        message: String,
    },
    /// It was not heard when time was up.
    TimeUp,
    /// It was not heard when the count was closed early.
    Closed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined => f.write_str("it declined"),
            Self::Failed { class, message } => write!(f, "it failed: {message} ({class})"),
            Self::TimeUp => f.write_str("time was up"),
            Self::Closed => f.write_str("the count was closed before"),
        }
    }
}

/// What a vote comes to, decided or not.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict<C> {
    /// What is decided, if anything is.
    pub decision: Option<C>,
    /// Who has decided.
    pub settled: Settled,
    /// From 0 to 1: the winner's share, or that of whoever has most; of what the
    /// rules say that shares are of. Of a ruling, what the arbiter says, and 1
    /// where it says nothing.
    pub confidence: f64,
    /// The support of all choices, most weight first.
    pub distribution: Vec<Support<C>>,
    /// Whoever has most support, where one alone has.
    pub leader: Option<C>,
    /// Those who have most support, where several have: a tie.
    pub tied: Vec<C>,
    /// The judges whose first choice is the decision, by their positions.
    pub supporters: Vec<usize>,
    /// The rounds of a runoff; empty otherwise.
    pub rounds: Vec<RunoffRound<C>>,
    /// The judges whose vote is not in the count, in their order.
    pub abstentions: Vec<Abstention>,
    /// Why no more ballots were taken.
    pub closed: Closed,
    /// Who was asked to settle it, in order, and what came of it.
    pub arbitration: Vec<Attempt>,
}

impl<C> Verdict<C> {
    /// Whether the ballots have decided, by the rules of the vote.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.settled == Settled::Votes
    }

    /// Whether several have most support.
    #[must_use]
    pub fn is_tied(&self) -> bool {
        !self.tied.is_empty()
    }

    /// Adds what only the machine and the driver know.
    pub(super) fn complete(&mut self, machine: &VoteProtocol, failures: &[(usize, Fault)]) {
        self.closed = machine.closed().unwrap_or(self.closed);
        let fault_of = |participant| {
            let mut faults = failures.iter().filter(move |(of, _)| *of == participant);
            faults.next().map(|(_, fault)| fault)
        };
        let mut is_heard = vec![false; machine.judges().len()];
        machine
            .count()
            .heard()
            .for_each(|judge| is_heard[judge] = true);
        let silent = machine.judges().iter().enumerate();
        let silent = silent.filter(|(judge, _)| !is_heard[*judge]);
        self.abstentions = silent
            .map(|(judge, state)| Abstention {
                judge,
                why: match state {
                    Judge::Entered => Why::Declined,
                    Judge::Failed => failed(fault_of(judge)),
                    _ if self.closed == Closed::TimeUp => Why::TimeUp,
                    _ => Why::Closed,
                },
            })
            .collect();
        let first = is_heard.len() + 3;
        let arbitration = machine.arbitration();
        self.arbitration = Attempt::all(arbitration.steps(), |step| fault_of(first + step));
        if let Some(way) = arbitration.ruled_by() {
            self.settled = Settled::Arbitration(way);
        }
    }
}

fn failed(fault: Option<&Fault>) -> Why {
    match fault {
        Some(fault) => Why::Failed {
            class: fault.class(),
            message: fault.message().to_owned(),
        },
        None => Why::Failed {
            class: FaultClass::Permanent,
            message: String::from("there is no fault"),
        },
    }
}

// By hand: choices are not printed.
impl<C> fmt::Debug for Verdict<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verdict")
            .field("is_decided", &self.decision.is_some())
            .field("settled", &self.settled)
            .field("confidence", &self.confidence)
            .field("choices", &self.distribution.len())
            .field("abstentions", &self.abstentions)
            .field("closed", &self.closed)
            .field("arbitration", &self.arbitration)
            .finish_non_exhaustive()
    }
}
