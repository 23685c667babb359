//! What an exploration came to.

use std::fmt;

use crate::coordination::protocol::{Broken, Effect, Happened};

/// Everything was tried, and nothing was wrong.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Different states.
    pub states: usize,
    /// Ways from one state to another.
    pub transitions: usize,
    /// Events on the longest of the shortest ways to a state.
    pub depth: usize,
    /// States in which the run has ended.
    pub ends: usize,
    pub(super) edges: Vec<Edge>,
}

/// A way from one state to another; to nowhere, it is an end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    from: usize,
    to: Option<(usize, What)>,
}

impl Edge {
    pub(super) fn new(from: usize, to: usize, what: What) -> Self {
        Self {
            from,
            to: Some((to, what)),
        }
    }

    pub(super) fn end(from: usize) -> Self {
        Self { from, to: None }
    }
}

impl Report {
    /// Transitions and ends that are drawn at most.
    pub(super) const MOST_DRAWN: usize = 200;

    /// The graph of states as a mermaid diagram; `None` where it is too large to
    /// be looked at, which it is with more than 200 arrows.
    #[must_use]
    pub fn mermaid(&self) -> Option<String> {
        if self.edges.len() > Self::MOST_DRAWN {
            return None;
        }
        let mut text = String::from("stateDiagram-v2\n    [*] --> s0\n");
        for Edge { from, to } in &self.edges {
            text += &match to {
                Some((to, what)) => format!("    s{from} --> s{to} : {what}\n"),
                None => format!("    s{from} --> [*]\n"),
            };
        }
        Some(text)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} states, {} transitions, {} ends, {} events deep",
            self.states, self.transitions, self.ends, self.depth
        )
    }
}

/// What was wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Flaw {
    /// The machine broke a rule.
    Broken(Broken),
    /// The machine panicked, with these words.
    Panicked(String),
    /// An invariant did not hold, the one with these words.
    Violated(String),
    /// News of what is over changed the machine, or had it do something.
    DisturbedByLateNews,
    /// What was written down could not be read back.
    NotRestored(String),
    /// A run has not ended after so many events.
    TooDeep(usize),
    /// There are more states than this; not all have been tried.
    TooManyStates(usize),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(broken) => write!(f, "{broken}"),
            Self::Panicked(words) => write!(f, "the machine panicked: {words}"),
            Self::Violated(what) => write!(f, "it does not hold that {what}"),
            Self::DisturbedByLateNews => f.write_str("late news changed something"),
            Self::NotRestored(why) => write!(f, "the run could not be read back: {why}"),
            Self::TooDeep(steps) => write!(f, "the run has not ended after {steps} events"),
            Self::TooManyStates(states) => {
                write!(
                    f,
                    "there are more than {states} states, and not all were tried"
                )
            }
        }
    }
}

/// What happened at one step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum What {
    /// Something that was awaited.
    Event(Happened),
    /// News of what is over.
    Late(Happened),
    /// The run was written down and read back.
    Crash,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(event) => write!(f, "{event}"),
            Self::Late(event) => write!(f, "late, {event}"),
            Self::Crash => f.write_str("the driver crashes"),
        }
    }
}

/// One step of the way to a flaw.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// What happened.
    pub what: What,
    /// What the machine said about it.
    pub effects: Vec<Effect>,
}

/// The shortest way to a flaw.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Counterexample {
    /// What was wrong.
    pub flaw: Flaw,
    /// How it came to that, from the beginning.
    pub steps: Vec<Step>,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.flaw)?;
        for (at, step) in self.steps.iter().enumerate() {
            write!(f, "\n{}. {} -> ", at + 1, step.what)?;
            if step.effects.is_empty() {
                f.write_str("nothing")?;
            }
            for (nth, effect) in step.effects.iter().enumerate() {
                let gap = if nth == 0 { "" } else { "; " };
                write!(f, "{gap}{effect}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Counterexample {}
