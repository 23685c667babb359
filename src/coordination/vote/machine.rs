//! The rules of a vote.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::verdict::Closed;
use crate::coordination::arbitrate::{ArbiterRules, Arbitrated, Arbitration, Settles};
use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome, Timer,
};
use crate::policy::ballot::{Count, Progress};

/// When no more ballots are taken.
const OVER: Timer = 0;
/// When a step of the arbitration has taken too long.
const ARBITER: Timer = 1;

/// What the count says to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Decided,
    Tied,
    NotReached,
}

impl Counted {
    pub(super) fn fact(self) -> Fact {
        Fact::Choice(match self {
            Self::Decided => 0,
            Self::Tied => 1,
            Self::NotReached => 2,
        })
    }
}

/// Where a judge stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Judge {
    /// Not asked, or not waited for any more.
    Unheard,
    UnderWay(Call),
    /// It has answered, and its ballot carries this share of its weight.
    Answered(Call, f64),
    /// Its ballot is being entered.
    Entering(f64),
    /// Its ballot, which may be empty, is entered.
    Entered,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Phase {
    /// Judges are asked.
    Voting,
    /// Time is up: what came by then is entered.
    Entering,
    Counting(Call),
    Arbitrating(Call),
    Over,
}

/// What enters the next ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Sheet {
    /// The sheet is being made, by this call.
    Opening(Call),
    /// This call's answer is the sheet.
    At(Call),
    /// This call enters the ballot of this judge.
    Taking(Call, usize),
}

/// The rules of a vote: judges are asked side by side, each ballot is entered once
/// and in turn, and the count is closed as soon as what is decided cannot change,
/// or when time is up. What is not decided then goes to arbitration.
///
/// Participants: the judges in their order, one that opens the sheet, one that
/// enters a ballot into it and says the number of its first choice, one that
/// counts, and the steps of the arbitration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoteProtocol {
    count: Count,
    concurrency: usize,
    within: Option<Duration>,
    arbitration: Arbitration,
    judges: Vec<Judge>,
    asked: usize,
    under_way: usize,
    /// The judges whose calls these are.
    calls: Vec<Option<usize>>,
    /// Judges who have answered, in the order in which they did.
    arrived: VecDeque<usize>,
    sheet: Sheet,
    next: Call,
    phase: Phase,
    closed: Option<Closed>,
}

impl VoteProtocol {
    /// Those who may vote are the count's voters; so many are asked at once.
    #[must_use]
    pub fn new(count: Count, concurrency: usize, within: Option<Duration>) -> Self {
        let judges = count.voters();
        Self {
            count,
            concurrency: concurrency.max(1),
            within,
            arbitration: Arbitration::new(Vec::new(), judges + 3, ARBITER),
            judges: vec![Judge::Unheard; judges],
            asked: 0,
            under_way: 0,
            calls: Vec::new(),
            arrived: VecDeque::new(),
            sheet: Sheet::Opening(0),
            next: 0,
            phase: Phase::Voting,
            closed: None,
        }
    }

    /// Who settles what the count leaves undecided, in this order.
    #[must_use]
    pub fn arbiters(mut self, steps: Vec<ArbiterRules>) -> Self {
        self.arbitration = Arbitration::new(steps, self.judges.len() + 3, ARBITER);
        self
    }

    /// The count by the numbers of first choices.
    #[must_use]
    pub fn count(&self) -> &Count {
        &self.count
    }

    /// Why no more ballots were taken, once that is so.
    #[must_use]
    pub fn closed(&self) -> Option<Closed> {
        self.closed
    }

    pub(super) fn judges(&self) -> &[Judge] {
        &self.judges
    }

    pub(super) fn arbitration(&self) -> &Arbitration {
        &self.arbitration
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next;
        self.next += 1;
        self.calls
            .push((worker < self.judges.len()).then_some(worker));
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn ask_more(&mut self, effects: &mut Vec<Effect>) {
        while self.asked < self.judges.len() && self.under_way < self.concurrency {
            let judge = self.asked;
            self.asked += 1;
            self.under_way += 1;
            let call = self.ask(judge, Feed::Input, effects);
            self.judges[judge] = Judge::UnderWay(call);
        }
    }

    /// The judge whose call this is, while it is under way.
    fn judge_of(&self, call: Call) -> Option<usize> {
        let judge = (*self.calls.get(call)?)?;
        (self.judges[judge] == Judge::UnderWay(call)).then_some(judge)
    }

    fn heard(&mut self, judge: usize, now: Judge, effects: &mut Vec<Effect>) {
        self.judges[judge] = now;
        self.under_way -= 1;
        effects.push(Effect::Note {
            worker: judge,
            outcome: match now {
                Judge::Failed => StepOutcome::Failed,
                _ => StepOutcome::Done,
            },
        });
    }

    /// A ballot is entered: its first choice, where it has one.
    fn entered(&mut self, judge: usize, fact: Fact) {
        let Judge::Entering(share) = std::mem::replace(&mut self.judges[judge], Judge::Entered)
        else {
            return;
        };
        match fact {
            Fact::Choice(first) => {
                self.count.cast(judge, share, vec![first]);
            }
            _ => {
                self.count.abstain(judge);
            }
        }
    }

    /// Enters the next ballot, asks the next judge, or closes the count.
    fn go_on(&mut self, effects: &mut Vec<Effect>) {
        let Sheet::At(sheet) = self.sheet else {
            // What is being entered may decide it.
            if self.phase == Phase::Voting {
                self.ask_more(effects);
            }
            return;
        };
        match self.count.progress() {
            Progress::Decided => return self.close(sheet, Closed::Early, effects),
            // What leads matters to nobody then.
            Progress::Hopeless if self.arbitration.is_empty() => {
                return self.close(sheet, Closed::Early, effects);
            }
            Progress::Complete => return self.close(sheet, Closed::Complete, effects),
            _ => {}
        }
        match self.arrived.pop_front() {
            Some(judge) => self.enter(sheet, judge, effects),
            None if self.phase == Phase::Entering => {
                return self.close(sheet, Closed::TimeUp, effects);
            }
            None => {}
        }
        if self.phase == Phase::Voting {
            self.ask_more(effects);
        }
    }

    fn enter(&mut self, sheet: Call, judge: usize, effects: &mut Vec<Effect>) {
        let Judge::Answered(ballot, share) = self.judges[judge] else {
            return;
        };
        self.judges[judge] = Judge::Entering(share);
        let teller = self.judges.len() + 1;
        let feed = Feed::Gather(vec![sheet, ballot]);
        let call = self.ask(teller, feed, effects);
        self.sheet = Sheet::Taking(call, judge);
        effects.extend([Effect::Forget(sheet), Effect::Forget(ballot)]);
    }

    fn close(&mut self, sheet: Call, how: Closed, effects: &mut Vec<Effect>) {
        self.closed.get_or_insert(how);
        self.count.close();
        if self.phase == Phase::Voting && self.within.is_some() {
            effects.push(Effect::StopTimer(OVER));
        }
        self.cancel(effects);
        let counter = self.judges.len() + 2;
        let call = self.ask(counter, Feed::AnswerTo(sheet), effects);
        self.phase = Phase::Counting(call);
    }

    /// Nobody who is under way is waited for any more.
    fn cancel(&mut self, effects: &mut Vec<Effect>) {
        for judge in &mut self.judges[..self.asked] {
            if let Judge::UnderWay(call) = *judge {
                *judge = Judge::Unheard;
                effects.push(Effect::Cancel(call));
            }
        }
        self.under_way = 0;
    }

    fn end(&mut self, with: Effect, effects: &mut Vec<Effect>) {
        self.phase = Phase::Over;
        effects.push(with);
    }

    fn counted(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        let settles = match fact {
            _ if fact == Counted::Decided.fact() => {
                return self.end(Effect::Finish(Feed::Gather(vec![call])), effects);
            }
            _ if fact == Counted::Tied.fact() => Settles::Ties,
            _ => Settles::All,
        };
        self.phase = Phase::Arbitrating(call);
        let now = self
            .arbitration
            .begin(call, settles, &mut self.next, effects);
        self.arbitrated(now, effects);
    }

    fn arbitrated(&mut self, now: Arbitrated, effects: &mut Vec<Effect>) {
        let Phase::Arbitrating(counted) = self.phase else {
            return;
        };
        let result = match now {
            Arbitrated::Asking => return,
            Arbitrated::Ruled(call) => vec![counted, call],
            Arbitrated::Undecided => vec![counted],
        };
        self.end(Effect::Finish(Feed::Gather(result)), effects);
    }

    fn answered(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        match (self.phase, self.sheet) {
            (Phase::Counting(counting), _) if call == counting => {
                self.counted(call, fact, effects);
            }
            (Phase::Arbitrating(_), _) => {
                let now = self
                    .arbitration
                    .answered(call, fact, &mut self.next, effects);
                self.arbitrated(now, effects);
            }
            (Phase::Voting | Phase::Entering, Sheet::Opening(opening)) if call == opening => {
                self.sheet = Sheet::At(call);
                self.go_on(effects);
            }
            (Phase::Voting | Phase::Entering, Sheet::Taking(taking, judge)) if call == taking => {
                self.sheet = Sheet::At(call);
                self.entered(judge, fact);
                self.go_on(effects);
            }
            (Phase::Voting, _) => {
                if let Some(judge) = self.judge_of(call) {
                    let share = match fact {
                        Fact::Number(share) => share,
                        _ => 1.0,
                    };
                    self.heard(judge, Judge::Answered(call, share), effects);
                    self.arrived.push_back(judge);
                    self.go_on(effects);
                }
            }
            _ => {}
        }
    }

    fn failed(&mut self, call: Call, effects: &mut Vec<Effect>) {
        let is_clerk = match (self.phase, self.sheet) {
            (Phase::Counting(counting), _) => call == counting,
            (Phase::Voting | Phase::Entering, Sheet::Opening(at) | Sheet::Taking(at, _)) => {
                call == at
            }
            _ => false,
        };
        if is_clerk {
            self.end(Effect::Fail(Failure::Call(call)), effects);
        } else if let Phase::Arbitrating(_) = self.phase {
            let now = self.arbitration.failed(call, &mut self.next, effects);
            self.arbitrated(now, effects);
        } else if self.phase == Phase::Voting
            && let Some(judge) = self.judge_of(call)
        {
            self.heard(judge, Judge::Failed, effects);
            self.count.abstain(judge);
            self.go_on(effects);
        }
    }

    fn time_up(&mut self, timer: Timer, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Voting if timer == OVER => {
                self.phase = Phase::Entering;
                self.closed = Some(Closed::TimeUp);
                self.cancel(effects);
                self.go_on(effects);
            }
            Phase::Arbitrating(_) if timer == ARBITER => {
                let now = self.arbitration.time_up(&mut self.next, effects);
                self.arbitrated(now, effects);
            }
            _ => {}
        }
    }
}

impl Protocol for VoteProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.phase == Phase::Over => {}
            Happened::Began => {
                if let Some(after) = self.within {
                    effects.push(Effect::SetTimer { timer: OVER, after });
                }
                let opener = self.judges.len();
                let call = self.ask(opener, Feed::Input, effects);
                self.sheet = Sheet::Opening(call);
                self.ask_more(effects);
            }
            Happened::Answered { call, fact } => self.answered(call, fact, effects),
            Happened::Failed { call, .. } => self.failed(call, effects),
            Happened::TimeUp { timer } => self.time_up(timer, effects),
        }
    }
}
