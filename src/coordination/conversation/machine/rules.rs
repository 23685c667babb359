//! What the machine is told to do, and what it hears.

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::Fact;

/// Who speaks in one step of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Floor {
    /// Everybody, side by side: nobody knows what the others say in this step.
    SideBySide,
    /// Everybody, one after the other: each knows what was said before.
    InTurn,
    /// One, who is chosen or is next in turn.
    One,
}

/// When whoever presides is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Chair {
    /// Never: nobody presides.
    Vacant,
    /// Before each step: it chooses who speaks.
    Chooses,
    /// After each step: it judges whether that was enough.
    Judges,
    /// When all steps are done: it has the last word.
    HasTheLastWord,
}

/// What becomes of a speaker that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnSpeakerFault {
    /// It has lost this turn. The default.
    #[default]
    SkipsTurn,
    /// It speaks no more.
    IsOut,
}

/// What becomes of a conversation whose judge fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OnJudgeFault {
    /// It goes on, as long as there are rounds left. The default.
    #[default]
    GoesOn,
    /// It ends undecided.
    Ends,
}

/// Why a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ended {
    /// The judge or the manager said so.
    Chair,
    /// A rule about what was said.
    Rule,
    /// There were as many rounds, or turns, as there may be.
    AtMost,
    /// Too few speakers were left.
    NobodyLeft,
    /// The judge failed.
    JudgeFailed,
}

/// What an answer says to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::coordination::conversation) enum Word {
    Failed,
    GoOn,
    End,
    Next(usize),
}

impl Word {
    pub(in crate::coordination::conversation) fn fact(self) -> Fact {
        Fact::Choice(match self {
            Self::Failed => 0,
            Self::GoOn => 1,
            Self::End => 2,
            Self::Next(speaker) => u32::try_from(speaker).unwrap_or(u32::MAX).saturating_add(3),
        })
    }

    /// What nobody can have said is a failure.
    pub(super) fn of(fact: Fact) -> Self {
        match fact {
            Fact::Choice(1) => Self::GoOn,
            Fact::Choice(2) => Self::End,
            Fact::Choice(next @ 3..) => Self::Next(next as usize - 3),
            _ => Self::Failed,
        }
    }
}
