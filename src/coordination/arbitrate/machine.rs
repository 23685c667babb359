//! The rules of an arbitration.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::{Call, Effect, Fact, Feed, StepOutcome, Timer};

/// A way to settle a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Way {
    /// Whoever leads, with a confidence above a threshold.
    Confidence,
    /// An expert rules.
    Expert,
    /// A person rules.
    Person,
    /// A meta-agent says which way.
    Meta,
    /// Whoever leads, however little.
    Plurality,
    /// Nobody: it stays undecided.
    Nobody,
}

impl Way {
    const ALL: [Self; 6] = [
        Self::Confidence,
        Self::Expert,
        Self::Person,
        Self::Meta,
        Self::Plurality,
        Self::Nobody,
    ];

    /// What a meta-agent's choice says to the machine.
    pub(crate) fn fact(self) -> Fact {
        let at = Self::ALL.iter().position(|way| *way == self);
        Fact::Choice(at.and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX))
    }

    fn of(fact: Fact) -> Option<Self> {
        match fact {
            Fact::Choice(at) => Self::ALL.get(at as usize).copied(),
            _ => None,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Confidence => "confidence",
            Self::Expert => "an expert",
            Self::Person => "a person",
            Self::Meta => "a meta-agent",
            Self::Plurality => "plurality",
            Self::Nobody => "nobody",
        })
    }
}

/// Which disputes a step is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settles {
    /// All. The default.
    #[default]
    All,
    /// Ties.
    Ties,
}

/// One step of an arbitration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArbiterRules {
    /// Who settles it.
    pub way: Way,
    /// Which disputes.
    pub settles: Settles,
    /// In how much time. Default: in the asker's.
    pub within: Option<Duration>,
}

impl ArbiterRules {
    /// A step for all disputes.
    #[must_use]
    pub fn new(way: Way) -> Self {
        Self {
            way,
            settles: Settles::All,
            within: None,
        }
    }

    /// A step for ties alone.
    #[must_use]
    pub fn on_ties(mut self) -> Self {
        self.settles = Settles::Ties;
        self
    }

    /// In how much time. Default: in the asker's.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Tried {
    Not,
    UnderWay(Call),
    Ruled,
    Chose(Way),
    Failed,
    Late,
}

/// Where an arbitration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Arbitrated {
    /// Somebody is asked.
    Asking,
    /// This step's call has ruled.
    Ruled(Call),
    /// No step is left.
    Undecided,
}

/// A machine that is part of another: the steps in their order, each asked once at
/// most, until one rules. Its participants are in a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Arbitration {
    steps: Vec<(ArbiterRules, Tried)>,
    /// The participant of the first step.
    first: usize,
    timer: Timer,
    /// The call whose answer is the dispute.
    dispute: Call,
    is_tied: bool,
}

impl Arbitration {
    pub(crate) fn new(steps: Vec<ArbiterRules>, first: usize, timer: Timer) -> Self {
        Self {
            steps: steps.into_iter().map(|step| (step, Tried::Not)).collect(),
            first,
            timer,
            dispute: 0,
            is_tied: false,
        }
    }

    /// Whether nobody would be asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The steps and how they went.
    pub(crate) fn steps(&self) -> &[(ArbiterRules, Tried)] {
        &self.steps
    }

    /// The step that has ruled.
    pub(crate) fn ruled_by(&self) -> Option<Way> {
        let ruled = self.steps.iter().find(|(_, tried)| *tried == Tried::Ruled);
        ruled.map(|(rules, _)| rules.way)
    }

    /// Begins with the first step that is for such a dispute.
    pub(crate) fn begin(
        &mut self,
        dispute: Call,
        settles: Settles,
        next: &mut Call,
        effects: &mut Vec<Effect>,
    ) -> Arbitrated {
        self.dispute = dispute;
        self.is_tied = settles == Settles::Ties;
        self.ask_from(0, next, effects)
    }

    /// The step that this call is of, while it is under way.
    fn step_of(&self, call: Call) -> Option<usize> {
        let is_it = |(_, tried): &(_, Tried)| *tried == Tried::UnderWay(call);
        self.steps.iter().position(is_it)
    }

    /// Asks the first step from this one on that can be.
    fn ask_from(&mut self, from: usize, next: &mut Call, effects: &mut Vec<Effect>) -> Arbitrated {
        let is_tied = self.is_tied;
        let rest = self.steps.iter_mut().enumerate().skip(from);
        let mut fit = rest.filter(|(_, (rules, tried))| {
            *tried == Tried::Not && (is_tied || rules.settles == Settles::All)
        });
        let Some((step, (rules, tried))) = fit.next() else {
            return Arbitrated::Undecided;
        };
        *tried = Tried::UnderWay(*next);
        effects.push(Effect::Ask {
            call: *next,
            worker: self.first + step,
            feed: Feed::AnswerTo(self.dispute),
        });
        *next += 1;
        if let Some(after) = rules.within {
            let timer = self.timer;
            effects.push(Effect::SetTimer { timer, after });
        }
        Arbitrated::Asking
    }

    /// A step is over.
    fn over(&mut self, step: usize, how: Tried, effects: &mut Vec<Effect>) {
        self.steps[step].1 = how;
        effects.push(Effect::Note {
            worker: self.first + step,
            outcome: match how {
                Tried::Ruled | Tried::Chose(_) => StepOutcome::Done,
                _ => StepOutcome::Failed,
            },
        });
    }

    fn stop_timer(&self, step: usize, effects: &mut Vec<Effect>) {
        if self.steps[step].0.within.is_some() {
            effects.push(Effect::StopTimer(self.timer));
        }
    }

    pub(crate) fn answered(
        &mut self,
        call: Call,
        fact: Fact,
        next: &mut Call,
        effects: &mut Vec<Effect>,
    ) -> Arbitrated {
        let Some(step) = self.step_of(call) else {
            return Arbitrated::Asking;
        };
        self.stop_timer(step, effects);
        if self.steps[step].0.way != Way::Meta {
            self.over(step, Tried::Ruled, effects);
            return Arbitrated::Ruled(call);
        }
        let way = Way::of(fact).unwrap_or(Way::Nobody);
        self.over(step, Tried::Chose(way), effects);
        let is_it =
            |(rules, tried): &(ArbiterRules, Tried)| rules.way == way && *tried == Tried::Not;
        match self.steps.iter().position(is_it) {
            Some(chosen) => self.ask_from(chosen, next, effects),
            None if way == Way::Nobody => Arbitrated::Undecided,
            None => self.ask_from(step + 1, next, effects),
        }
    }

    pub(crate) fn failed(
        &mut self,
        call: Call,
        next: &mut Call,
        effects: &mut Vec<Effect>,
    ) -> Arbitrated {
        let Some(step) = self.step_of(call) else {
            return Arbitrated::Asking;
        };
        self.stop_timer(step, effects);
        self.over(step, Tried::Failed, effects);
        self.ask_from(step + 1, next, effects)
    }

    pub(crate) fn time_up(&mut self, next: &mut Call, effects: &mut Vec<Effect>) -> Arbitrated {
        let under_way = self.steps.iter().enumerate();
        let mut under_way = under_way.filter_map(|(step, (_, tried))| match tried {
            Tried::UnderWay(call) => Some((step, *call)),
            _ => None,
        });
        let Some((step, call)) = under_way.next() else {
            return Arbitrated::Asking;
        };
        effects.push(Effect::Cancel(call));
        self.over(step, Tried::Late, effects);
        self.ask_from(step + 1, next, effects)
    }
}
