//! Debates: sides speak in rounds, and a judge says who is right.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::machine::{Chair, ConversationProtocol, Ended, Floor, OnJudgeFault, OnSpeakerFault};
use super::seats::{Came, Cast, Minutes, Ruling, Speakers, chair_of, named, presides};
use super::transcript::{Transcript, Turn};
use crate::actor::{Fault, System, WorkerRef};
use crate::coordination::pattern::start;
use crate::supervision::StartError;

/// What a judge says of a debate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Judgement {
    /// Another round. With none left the debate is undecided.
    GoOn,
    /// This side has won, by its position.
    Won(usize),
    /// It is over, and nobody has won.
    Draw,
}

impl Judgement {
    fn ruling(self, sides: usize) -> Result<Ruling, Fault> {
        match self {
            Self::GoOn => Ok(Ruling::GoOn),
            Self::Won(side) if side < sides => Ok(Ruling::End(Some(side))),
            Self::Won(side) => {
                let words = format!("side {side} cannot win, there are {sides}, from 0");
                Err(Fault::permanent(words))
            }
            Self::Draw => Ok(Ruling::End(None)),
        }
    }
}

/// What a debate comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Decision {
    /// This side has won, by its position.
    Won(usize),
    /// The judge says that nobody has won.
    Draw,
    /// Nobody has said who has won: see [`Debated::ended`].
    Undecided,
}

/// What came of a debate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Debated<T, S> {
    /// Who has won.
    pub decision: Decision,
    /// Why it ended.
    pub ended: Ended,
    /// How sure the judge was, from 0 to 1, where it decided and said so.
    pub confidence: Option<f64>,
    /// What was said.
    pub transcript: Transcript<T, S>,
}

impl<T, S> Debated<T, S> {
    fn of(came: Came<T, S>) -> Self {
        Self {
            decision: match came.ruling {
                Some(Ruling::End(Some(side))) => Decision::Won(side),
                Some(Ruling::End(None)) => Decision::Draw,
                _ => Decision::Undecided,
            },
            ended: came.ended,
            confidence: came.confidence,
            transcript: came.transcript,
        }
    }

    /// The name of the side that has won.
    #[must_use]
    pub fn winner(&self) -> Option<&str> {
        match self.decision {
            Decision::Won(side) => self.transcript.speakers.get(side).map(|name| &**name),
            _ => None,
        }
    }
}

/// A debate to be. Made by [`debate`].
#[must_use = "a debate does nothing until it is started"]
pub struct Debate<T, S> {
    sides: Speakers<T, S>,
    judge: Option<WorkerRef<Minutes<T, S>, Judgement>>,
    floor: Floor,
    when: Chair,
    rounds: u32,
    on_speaker_fault: OnSpeakerFault,
    on_judge_fault: OnJudgeFault,
    keep: usize,
    limit: usize,
}

/// Has these sides debate what they are asked; two at least, each with a name of its
/// own.
pub fn debate<T, S, N, W>(sides: impl IntoIterator<Item = (N, W)>) -> Debate<T, S>
where
    T: Clone + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
    N: Into<Arc<str>>,
    W: Into<WorkerRef<Turn<T, S>, S>>,
{
    Debate {
        sides: named(sides),
        judge: None,
        floor: Floor::SideBySide,
        when: Chair::Judges,
        rounds: 3,
        on_speaker_fault: OnSpeakerFault::default(),
        on_judge_fault: OnJudgeFault::default(),
        keep: 100,
        limit: 64,
    }
}

impl<T, S> Debate<T, S>
where
    T: Clone + Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
{
    /// Rounds at most, at least one. Default 3.
    pub fn rounds(mut self, rounds: u32) -> Self {
        self.rounds = rounds.max(1);
        self
    }

    /// All speak at once, and hear each other after the round. The default.
    pub fn side_by_side(mut self) -> Self {
        self.floor = Floor::SideBySide;
        self
    }

    /// One speaks after the other, in each round in the same order.
    pub fn in_turn(mut self) -> Self {
        self.floor = Floor::InTurn;
        self
    }

    /// Who says after each round whether there is another, or who has won. Default:
    /// nobody, and it is undecided after the last round.
    pub fn judge(mut self, judge: impl Into<WorkerRef<Arc<Transcript<T, S>>, Judgement>>) -> Self {
        self.judge = Some(judge.into());
        self.when = Chair::Judges;
        self
    }

    /// Who says when all rounds are over who has won.
    pub fn judge_at_the_end(
        mut self,
        judge: impl Into<WorkerRef<Arc<Transcript<T, S>>, Judgement>>,
    ) -> Self {
        self.judge = Some(judge.into());
        self.when = Chair::HasTheLastWord;
        self
    }

    /// What becomes of a side that fails. Default: it has lost this turn.
    pub fn on_speaker_fault(mut self, policy: OnSpeakerFault) -> Self {
        self.on_speaker_fault = policy;
        self
    }

    /// What becomes of it when the judge fails. Default: it goes on while there are
    /// rounds left.
    pub fn on_judge_fault(mut self, policy: OnJudgeFault) -> Self {
        self.on_judge_fault = policy;
        self
    }

    /// Entries of the transcript that are kept; earlier ones are counted. Default
    /// 100.
    pub fn keep(mut self, entries: usize) -> Self {
        self.keep = entries;
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
    /// [`StartError::Invalid`] where there are less than two sides, or two have the
    /// same name.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<T, Debated<T, S>>, StartError> {
        let sides = self.sides.len();
        let chair = self
            .judge
            .map(|judge| presides(judge, Judgement::ruling, sides));
        let when = chair_of(chair.as_ref(), self.when);
        let cast = Cast {
            speakers: self.sides,
            chair,
            until: None,
            keep: self.keep,
            limit: self.limit,
        };
        cast.check(2, "a debate has two sides at least")?;
        let machine = ConversationProtocol::new(sides, self.floor, when, self.rounds)
            .at_least(2)
            .on_speaker_fault(self.on_speaker_fault)
            .on_judge_fault(self.on_judge_fault);
        let score = cast.score(machine, self.rounds, Debated::of);
        let debates = start(system, name.into(), score).await?;
        Ok(debates.map_served(|mut served| {
            let debated: &Debated<T, S> = &served.value;
            served.metadata.confidence = debated.confidence;
            served
        }))
    }
}

impl<T, S> fmt::Debug for Debate<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.sides.iter().map(|(name, _)| name).collect();
        f.debug_struct("Debate")
            .field("sides", &names)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}
