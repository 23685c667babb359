//! Where ballots are entered, and what is read off them.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::machine::Counted;
use super::verdict::{Closed, RunoffRound, Settled, Support, Verdict};
use crate::actor::Fault;
use crate::coordination::protocol::Fact;
use crate::policy::ballot::{Count, Outcome, Round};

/// One ballot that was counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ballot<C> {
    /// Whose, by its position.
    pub judge: usize,
    /// What it chose, the first choice first.
    pub choices: Vec<C>,
    /// What it weighs.
    pub weight: f64,
    /// How sure the judge was, from 0 to 1; 1 where it did not say.
    pub confidence: f64,
}

/// What an arbiter is given: the whole context of a vote that the ballots did not
/// decide.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Dispute<In, C> {
    /// What the judges were asked.
    pub question: In,
    /// What they said, in their order.
    pub ballots: Vec<Ballot<C>>,
    /// What that comes to: who is tied or leads, and the distribution. Who
    /// abstained is whose ballot is missing.
    pub verdict: Verdict<C>,
}

// By hand: payloads are not printed.
impl<In, C> fmt::Debug for Dispute<In, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispute")
            .field("ballots", &self.ballots.len())
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

/// What a judge said, on its way to the sheet.
pub(super) struct Cast<C> {
    pub(super) judge: usize,
    pub(super) share: f64,
    pub(super) confidence: f64,
    pub(super) choices: Vec<C>,
}

/// All ballots of one run.
pub(super) struct Sheet<In, C> {
    question: In,
    count: Count,
    /// By their numbers.
    choices: Vec<C>,
    numbers: HashMap<C, u32>,
    /// Of the judges, by their positions.
    confidence: Vec<f64>,
    /// The first choice of the last ballot.
    last: Fact,
}

/// What goes to and fro between judges and the teller.
pub(super) enum Paper<In, C> {
    Sheet(Box<Sheet<In, C>>),
    Ballot(Cast<C>),
}

impl<In, C> Paper<In, C> {
    /// What it says to the machine.
    pub(super) fn fact(&self) -> Fact {
        match self {
            Self::Sheet(sheet) => sheet.last,
            Self::Ballot(ballot) => Fact::Number(ballot.share),
        }
    }
}

impl<In, C: Clone + Eq + Hash> Sheet<In, C> {
    pub(super) fn new(question: In, count: &Count) -> Self {
        Self {
            question,
            choices: Vec::new(),
            numbers: HashMap::new(),
            confidence: vec![0.0; count.voters()],
            count: count.clone(),
            last: Fact::Nothing,
        }
    }

    /// Enters a ballot. Equal choices have one number, in the order in which they
    /// came.
    fn enter(&mut self, cast: Cast<C>) {
        let numbers = cast.choices.into_iter().map(|choice| self.number(choice));
        let numbers: Vec<u32> = numbers.collect();
        self.last = numbers
            .first()
            .map_or(Fact::Nothing, |first| Fact::Choice(*first));
        if let Some(confidence) = self.confidence.get_mut(cast.judge) {
            *confidence = cast.confidence;
        }
        self.count.cast(cast.judge, cast.share, numbers);
    }

    fn number(&mut self, choice: C) -> u32 {
        if let Some(number) = self.numbers.get(&choice) {
            return *number;
        }
        let number = u32::try_from(self.choices.len()).unwrap_or(u32::MAX);
        self.choices.push(choice.clone());
        self.numbers.insert(choice, number);
        number
    }

    fn choice(&self, number: u32) -> Option<C> {
        self.choices.get(number as usize).cloned()
    }

    fn named(&self, numbers: &[u32]) -> Vec<C> {
        numbers
            .iter()
            .filter_map(|number| self.choice(*number))
            .collect()
    }

    fn round(&self, round: &Round) -> RunoffRound<C> {
        let weights = round.weights.iter();
        RunoffRound {
            weights: weights
                .filter_map(|(choice, weight)| Some((self.choice(*choice)?, *weight)))
                .collect(),
            eliminated: self.named(&round.eliminated),
        }
    }

    /// Counts what was entered.
    pub(super) fn count(self) -> Dispute<In, C> {
        let tally = self.count.tally();
        let (decided, leader, tied) = match &tally.outcome {
            Outcome::Decided(choice) => (Some(*choice), Some(*choice), Vec::new()),
            Outcome::NotReached(choice) => (None, Some(*choice), Vec::new()),
            Outcome::Tied(choices) => (None, None, self.named(choices)),
            _ => (None, None, Vec::new()),
        };
        let supporters = decided.map(|choice| self.count.supporters(choice).collect());
        let distribution = tally.distribution.iter().filter_map(|part| {
            Some(Support {
                choice: self.choice(part.choice)?,
                votes: part.votes,
                weight: part.weight,
                share: part.share,
            })
        });
        let ballots = self.count.ballots().map(|(judge, weight, choices)| Ballot {
            judge,
            choices: self.named(choices),
            weight,
            confidence: self.confidence[judge],
        });
        let verdict = Verdict {
            decision: decided.and_then(|choice| self.choice(choice)),
            settled: match decided {
                Some(_) => Settled::Votes,
                None => Settled::Undecided,
            },
            confidence: tally.confidence,
            distribution: distribution.collect(),
            leader: leader.and_then(|choice| self.choice(choice)),
            tied,
            supporters: supporters.unwrap_or_default(),
            rounds: tally.rounds.iter().map(|round| self.round(round)).collect(),
            abstentions: Vec::new(),
            closed: Closed::Complete,
            arbitration: Vec::new(),
        };
        Dispute {
            ballots: ballots.collect(),
            verdict,
            question: self.question,
        }
    }
}

/// Enters one ballot into the sheet.
pub(super) fn enter<In, C: Clone + Eq + Hash>(
    papers: Vec<Paper<In, C>>,
) -> Result<Paper<In, C>, Fault> {
    let mut papers = papers.into_iter();
    match (papers.next(), papers.next()) {
        (Some(Paper::Sheet(mut sheet)), Some(Paper::Ballot(ballot))) => {
            sheet.enter(ballot);
            Ok(Paper::Sheet(sheet))
        }
        _ => Err(Fault::permanent("a teller takes the sheet and a ballot")),
    }
}

/// Counts the sheet.
pub(super) fn count<In, C: Clone + Eq + Hash>(
    paper: Paper<In, C>,
) -> Result<Dispute<In, C>, Fault> {
    match paper {
        Paper::Sheet(sheet) => Ok(sheet.count()),
        Paper::Ballot(_) => Err(Fault::permanent("a count takes the sheet")),
    }
}

/// What a count says to the machine.
pub(super) fn fact<In, C>(dispute: &Dispute<In, C>) -> Fact {
    let verdict = &dispute.verdict;
    let counted = match (&verdict.decision, verdict.is_tied()) {
        (Some(_), _) => Counted::Decided,
        (None, true) => Counted::Tied,
        (None, false) => Counted::NotReached,
    };
    counted.fact()
}

impl<In, C: Clone + PartialEq> Dispute<In, C> {
    /// The verdict, with the ruling of an arbiter where there is one.
    pub(super) fn settled(self, ruling: Option<(C, f64)>) -> Verdict<C> {
        let mut verdict = self.verdict;
        if let Some((choice, confidence)) = ruling {
            let supporters = self.ballots.iter();
            let supporters = supporters.filter(|it| it.choices.first() == Some(&choice));
            verdict.supporters = supporters.map(|it| it.judge).collect();
            verdict.confidence = confidence;
            verdict.decision = Some(choice);
        }
        verdict
    }
}
