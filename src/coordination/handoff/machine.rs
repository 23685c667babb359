//! The rules of a handoff.
//!
//! ```text
//!  door ─▶ retries ─▶ offer to all of a stage ─▶ all have answered, or time is up
//!                            ▲     │ first acceptance          │
//!                            │     ▼                           ├─ no answer: again
//!                            │   work by the owner             │
//!                            │   others: cancelled, told       ▼
//!                            └──────────────────────────── next stage, those told
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::FaultClass;
use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome, Timer,
};

/// The call that checks the handoff; its answer is kept to the end.
pub(super) const DOOR: Call = 0;
/// The call that says how often it is offered again.
const RETRIES: Call = 1;
/// The participant of the first candidate's offers.
const FIRST: usize = 2;

/// When an offer has not been answered in time.
const OFFERS: Timer = 0;
/// When a withdrawal has not been heard in time.
const WITHDRAWALS: Timer = 1;

/// What an offer's answer says.
pub(super) const ACCEPTED: Fact = Fact::Choice(0);
pub(super) const REJECTED: Fact = Fact::Choice(1);
pub(super) const LACKING: Fact = Fact::Choice(2);

/// How an offer went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Offered {
    UnderWay,
    Accepted,
    Rejected,
    Lacking,
    Failed(FaultClass),
    Late,
    /// Somebody else was first.
    Taken,
}

impl Offered {
    /// Whether another offer may be answered.
    fn is_without_answer(self) -> bool {
        match self {
            Self::Late => true,
            Self::Failed(class) => class.is_retryable() || class == FaultClass::Deadline,
            _ => false,
        }
    }

    /// Whether the candidate may think that it has taken over.
    fn is_in_doubt(self) -> bool {
        matches!(
            self,
            Self::UnderWay | Self::Failed(_) | Self::Late | Self::Taken
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) candidate: usize,
    call: Call,
    pub(super) how: Offered,
}

/// How the owner's work goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) enum Work {
    UnderWay,
    Done,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Owner {
    candidate: usize,
    call: Call,
    work: Work,
}

/// The rules of a handoff: all candidates of a stage are offered it side by side, and
/// the first who accepts is its owner and does the work. Whoever gave no answer is
/// offered it again, a bounded number of times; then the next stage is.
///
/// Participants: one that checks the handoff and says how many seconds an offer may
/// take, one that says how often it is offered again, and for each candidate one that
/// is offered it, one that is told when it is withdrawn, and one that does the work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HandoffProtocol {
    /// Candidates by their positions.
    stages: Vec<Vec<usize>>,
    stage: usize,
    /// Of the stage, from 0.
    round: u32,
    within: Duration,
    tell_within: Duration,
    retries: u32,
    attempts: Vec<Attempt>,
    owner: Option<Owner>,
    /// Withdrawals under way.
    withdrawals: Vec<Call>,
    next: Call,
    is_ending: bool,
    is_over: bool,
}

impl HandoffProtocol {
    /// One stage after the other, each of so many candidates, who are known by their
    /// positions.
    #[must_use]
    pub fn new(stages: impl IntoIterator<Item = usize>) -> Self {
        let mut first = 0;
        let stages = stages.into_iter().map(|candidates| {
            let from = first;
            first += candidates;
            (from..first).collect()
        });
        Self {
            stages: stages.collect(),
            stage: 0,
            round: 0,
            within: Duration::ZERO,
            tell_within: Duration::from_secs(1),
            retries: 0,
            attempts: Vec::new(),
            owner: None,
            withdrawals: Vec::new(),
            next: DOOR,
            is_ending: false,
            is_over: false,
        }
    }

    /// How long a withdrawal may take to be heard. Default 1 s.
    #[must_use]
    pub fn tell_within(mut self, within: Duration) -> Self {
        self.tell_within = within;
        self
    }

    /// The participant that is offered it as this candidate.
    #[must_use]
    pub const fn offers_to(candidate: usize) -> usize {
        FIRST + 3 * candidate
    }

    /// The participant that is told of a withdrawal as this candidate.
    #[must_use]
    pub const fn withdraws_from(candidate: usize) -> usize {
        FIRST + 3 * candidate + 1
    }

    /// The participant that does the work as this candidate.
    #[must_use]
    pub const fn works_as(candidate: usize) -> usize {
        FIRST + 3 * candidate + 2
    }

    /// Who has taken over, by its position. Never changes once there is somebody.
    #[must_use]
    pub fn owner(&self) -> Option<usize> {
        self.owner.map(|owner| owner.candidate)
    }

    /// How many offers were made to this candidate.
    #[must_use]
    pub fn offers(&self, candidate: usize) -> usize {
        let made = self.attempts.iter();
        made.filter(|it| it.candidate == candidate).count()
    }

    pub(super) fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    pub(super) fn work(&self) -> Option<Work> {
        self.owner.map(|owner| owner.work)
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next;
        self.next += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn offer(&mut self, candidates: Vec<usize>, effects: &mut Vec<Effect>) {
        for candidate in candidates {
            let worker = Self::offers_to(candidate);
            let call = self.ask(worker, Feed::AnswerTo(DOOR), effects);
            self.attempts.push(Attempt {
                candidate,
                call,
                how: Offered::UnderWay,
            });
        }
        effects.push(Effect::SetTimer {
            timer: OFFERS,
            after: self.within,
        });
    }

    /// The last offer to a candidate.
    fn last(&self, candidate: usize) -> Option<Offered> {
        let mut latest = self.attempts.iter().rev();
        let last = latest.find(|it| it.candidate == candidate)?;
        Some(last.how)
    }

    /// Nobody in this round has accepted, and all have been heard or waited for.
    fn next_round(&mut self, effects: &mut Vec<Effect>) {
        effects.push(Effect::StopTimer(OFFERS));
        let mut again = self.stages[self.stage].clone();
        again.retain(|candidate| {
            self.last(*candidate)
                .is_some_and(Offered::is_without_answer)
        });
        if !again.is_empty() && self.round < self.retries {
            self.round += 1;
            self.offer(again, effects);
            return;
        }
        self.withdraw(effects);
        self.stage += 1;
        self.round = 0;
        match self.stages.get(self.stage) {
            Some(candidates) => self.offer(candidates.clone(), effects),
            None => self.end(effects),
        }
    }

    /// Tells those of this stage who may think that they have taken over.
    fn withdraw(&mut self, effects: &mut Vec<Effect>) {
        let mut told = self.stages[self.stage].clone();
        told.retain(|candidate| self.last(*candidate).is_some_and(Offered::is_in_doubt));
        if told.is_empty() {
            return;
        }
        for candidate in told {
            let worker = Self::withdraws_from(candidate);
            let call = self.ask(worker, Feed::AnswerTo(DOOR), effects);
            self.withdrawals.push(call);
        }
        effects.push(Effect::SetTimer {
            timer: WITHDRAWALS,
            after: self.tell_within,
        });
    }

    fn accepted(&mut self, candidate: usize, effects: &mut Vec<Effect>) {
        effects.push(Effect::StopTimer(OFFERS));
        self.cancel_offers(Offered::Taken, effects);
        self.withdraw(effects);
        let worker = Self::works_as(candidate);
        let call = self.ask(worker, Feed::AnswerTo(DOOR), effects);
        self.owner = Some(Owner {
            candidate,
            call,
            work: Work::UnderWay,
        });
    }

    fn cancel_offers(&mut self, how: Offered, effects: &mut Vec<Effect>) {
        let open = self.attempts.iter_mut();
        for attempt in open.filter(|it| it.how == Offered::UnderWay) {
            attempt.how = how;
            effects.push(Effect::Cancel(attempt.call));
            effects.push(attempt.note());
        }
    }

    fn answered(&mut self, at: usize, how: Offered, effects: &mut Vec<Effect>) {
        self.attempts[at].how = how;
        effects.push(self.attempts[at].note());
        let mut all = self.attempts.iter();
        if how == Offered::Accepted {
            self.accepted(self.attempts[at].candidate, effects);
        } else if all.all(|it| it.how != Offered::UnderWay) {
            self.next_round(effects);
        }
    }

    fn worked(&mut self, work: Work, effects: &mut Vec<Effect>) {
        if let Some(owner) = &mut self.owner {
            owner.work = work;
        }
        self.end(effects);
    }

    /// A withdrawal was heard, or failed.
    fn withdrawn(&mut self, call: Call, effects: &mut Vec<Effect>) {
        self.withdrawals.retain(|known| *known != call);
        if self.withdrawals.is_empty() {
            effects.push(Effect::StopTimer(WITHDRAWALS));
            self.end_if_ending(effects);
        }
    }

    fn end_if_ending(&mut self, effects: &mut Vec<Effect>) {
        if self.is_ending {
            self.end(effects);
        }
    }

    /// Ends it when nobody is left who has to be told.
    fn end(&mut self, effects: &mut Vec<Effect>) {
        self.is_ending = true;
        if !self.withdrawals.is_empty() {
            return;
        }
        self.is_over = true;
        let said = self.attempts.iter();
        let said = said.filter(|it| matches!(it.how, Offered::Rejected | Offered::Lacking));
        let work = self.owner.filter(|owner| owner.work == Work::Done);
        let calls = std::iter::once(DOOR)
            .chain(said.map(|it| it.call))
            .chain(work.map(|owner| owner.call));
        effects.push(Effect::Finish(Feed::Gather(calls.collect())));
    }

    /// The offer that this call is, while it is under way.
    fn offer_of(&self, call: Call) -> Option<usize> {
        let mut open = self.attempts.iter();
        open.position(|it| it.call == call && it.how == Offered::UnderWay)
    }

    fn is_work(&self, call: Call) -> bool {
        let owner = self.owner;
        owner.is_some_and(|owner| owner.call == call && owner.work == Work::UnderWay)
    }
}

impl Attempt {
    fn note(&self) -> Effect {
        Effect::Note {
            worker: HandoffProtocol::offers_to(self.candidate),
            outcome: match self.how {
                Offered::Accepted => StepOutcome::Done,
                Offered::Late => StepOutcome::TimedOut,
                Offered::Taken => StepOutcome::FellBack,
                _ => StepOutcome::Failed,
            },
        }
    }
}

impl Protocol for HandoffProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => {
                self.ask(0, Feed::Input, effects);
            }
            Happened::Answered { call: DOOR, fact } if self.next == RETRIES => {
                if let Fact::Number(seconds) = fact {
                    self.within = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                }
                self.ask(1, Feed::AnswerTo(DOOR), effects);
            }
            Happened::Answered {
                call: RETRIES,
                fact,
            } if self.attempts.is_empty() => {
                if let Fact::Count(retries) = fact {
                    self.retries = retries;
                }
                match self.stages.first() {
                    Some(candidates) => self.offer(candidates.clone(), effects),
                    None => self.end(effects),
                }
            }
            Happened::Failed { call, .. } if call <= RETRIES && self.attempts.is_empty() => {
                self.is_over = true;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            Happened::Answered { call, fact } => {
                if let Some(at) = self.offer_of(call) {
                    // Only what says that it accepts does.
                    let how = match fact {
                        ACCEPTED => Offered::Accepted,
                        LACKING => Offered::Lacking,
                        _ => Offered::Rejected,
                    };
                    self.answered(at, how, effects);
                } else if self.is_work(call) {
                    self.worked(Work::Done, effects);
                } else if self.withdrawals.contains(&call) {
                    self.withdrawn(call, effects);
                }
            }
            Happened::Failed { call, class } => {
                if let Some(at) = self.offer_of(call) {
                    self.answered(at, Offered::Failed(class), effects);
                } else if self.is_work(call) {
                    self.worked(Work::Failed, effects);
                } else if self.withdrawals.contains(&call) {
                    self.withdrawn(call, effects);
                }
            }
            Happened::TimeUp { timer: OFFERS } => {
                self.cancel_offers(Offered::Late, effects);
                self.next_round(effects);
            }
            Happened::TimeUp { .. } => {
                let late = std::mem::take(&mut self.withdrawals);
                effects.extend(late.into_iter().map(Effect::Cancel));
                self.end_if_ending(effects);
            }
        }
    }
}
