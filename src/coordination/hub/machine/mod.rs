//! The rules of a hub.
//!
//! ```text
//!  plan ─▶ words ─▶ of each task, when all before it are over:
//!
//!            ┌──────────── not good enough, failed, late ◀─┐
//!            ▼                                             │
//!          route ─▶ nobody left ─▶ close: failed         spoke ─▶ close: completed
//!            └───────────────────────────────────────────▶─┘
//!
//!  enough are completed ─▶ synthesis ─▶ the result
//!  not enough can be    ─▶ excuse    ─▶ the fault, with all there is
//! ```
//!
//! Who is chosen, and how good an answer is, are facts; so is what the plan says, one
//! word at a time. A task is closed before anything is made of its answer.

mod attempts;
mod rules;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::rules::{HubRules, Shortfall};

use self::rules::{End, Standing, Task};
use crate::actor::FaultClass;
use crate::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol, Timer};
use crate::coordination::task::TaskState;

/// What a spoke's answer says where it must not count: a criterion does not hold.
pub(super) const REJECTED: u32 = 0;
/// Likewise: the budget is exceeded, and nobody else is asked.
pub(super) const OVER_BUDGET: u32 = 1;

/// When the first attempt under way has to be over.
const ALARM: Timer = 0;

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Purpose {
    Plan,
    Word,
    /// Something for this task.
    Task(usize),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Planning,
    Reading(Call),
    Working,
    Ending(Call),
    Over,
}

/// The rules of a hub: plan, have each task done by who fits it best and by another
/// where that was not good enough, and make one answer of all.
///
/// Participants, by position: the planner, whose answer has so many words; who reads
/// a word ([`Fact::Nothing`]: a task; [`Fact::Choice`]: the last one depends on that
/// one; [`Fact::Number`]: it has so many seconds); the router, whose choice is a
/// spoke; the clerk, who closes tasks; who synthesizes; who says why there is nothing
/// to synthesize; and from [`FIRST_SPOKE`](Self::FIRST_SPOKE) on the spokes, whose
/// answers are as good as a number says, from 0 on good enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HubProtocol {
    rules: HubRules,
    phase: Phase,
    calls: Vec<Purpose>,
    /// Words of the plan, and how many were read.
    words: u32,
    read: u32,
    tasks: Vec<Task>,
    /// What waits for nothing but room.
    ready: VecDeque<usize>,
    under_way: Vec<usize>,
    completed: usize,
    failed: usize,
    alarm: Option<Duration>,
}

impl HubProtocol {
    pub(super) const PLANNER: usize = 0;
    pub(super) const READER: usize = 1;
    pub(super) const ROUTER: usize = 2;
    pub(super) const CLERK: usize = 3;
    pub(super) const SYNTHESIS: usize = 4;
    pub(super) const EXCUSE: usize = 5;
    /// The position of the first spoke.
    pub const FIRST_SPOKE: usize = 6;

    /// A run that has not begun.
    #[must_use]
    pub fn new(rules: HubRules) -> Self {
        Self {
            rules,
            phase: Phase::Planning,
            calls: Vec::new(),
            words: 0,
            read: 0,
            tasks: Vec::new(),
            ready: VecDeque::new(),
            under_way: Vec::new(),
            completed: 0,
            failed: 0,
            alarm: None,
        }
    }

    /// Tasks of the plan, as far as it is read.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Where a task stands; `None` where there is none.
    #[must_use]
    pub fn state(&self, task: usize) -> Option<TaskState> {
        Some(match self.tasks.get(task)?.standing {
            Standing::Waiting => TaskState::Pending,
            Standing::Over(_, End::Completed) => TaskState::Completed,
            Standing::Over(_, End::Failed) => TaskState::Failed,
            _ => TaskState::Running,
        })
    }

    /// The spokes that were asked to do a task, in order.
    #[must_use]
    pub fn tried(&self, task: usize) -> &[usize] {
        self.tasks.get(task).map_or(&[], |task| &task.tried)
    }

    /// The tasks that a task depends on.
    #[must_use]
    pub fn dependencies(&self, task: usize) -> &[usize] {
        self.tasks.get(task).map_or(&[], |task| &task.after)
    }

    /// Whether one answer is made of all, or it is said why there is none.
    #[must_use]
    pub fn is_concluding(&self) -> bool {
        matches!(self.phase, Phase::Ending(_))
    }

    fn ask(
        &mut self,
        purpose: Purpose,
        worker: usize,
        feed: Feed,
        effects: &mut Vec<Effect>,
    ) -> Call {
        let call = self.calls.len();
        self.calls.push(purpose);
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn fail(&mut self, why: Failure, effects: &mut Vec<Effect>) {
        self.phase = Phase::Over;
        effects.push(Effect::Fail(why));
    }

    /// Reads the next word of the plan, or begins to work.
    fn read_on(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if self.read < self.words {
            let at = self.read as usize;
            self.read += 1;
            let feed = Feed::Part { of: 0, at };
            let call = self.ask(Purpose::Word, Self::READER, feed, effects);
            self.phase = Phase::Reading(call);
            return;
        }
        effects.push(Effect::Forget(0));
        self.phase = Phase::Working;
        let is_free = |task: &usize| self.tasks[*task].waits == 0;
        self.ready = (0..self.tasks.len()).filter(is_free).collect();
        self.go_on(now, effects);
    }

    /// Takes a word in. `None`: it makes no sense.
    fn heed(&mut self, call: Call, fact: Fact) -> Option<()> {
        let last = self.tasks.len().checked_sub(1);
        match fact {
            Fact::Nothing => self.tasks.push(Task::new(call)),
            Fact::Choice(on) => {
                let (last, on) = (last?, on as usize);
                if on >= last {
                    return None;
                }
                self.tasks[last].after.push(on);
                self.tasks[last].waits += 1;
                self.tasks[on].leads_to.push(last);
            }
            Fact::Number(seconds) if seconds >= 0.0 => {
                let limit = Duration::try_from_secs_f64(seconds);
                self.tasks[last?].limit = Some(limit.unwrap_or(Duration::MAX));
            }
            _ => return None,
        }
        Some(())
    }

    /// Begins what can begin, or ends the run.
    fn go_on(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let of = self.tasks.len();
        match self.rules.need.is_met(self.completed, self.failed, of) {
            Some(true) => self.end(Self::SYNTHESIS, effects),
            Some(false) => self.end(Self::EXCUSE, effects),
            None => {
                while self.under_way.len() < self.rules.concurrency.max(1)
                    && let Some(task) = self.ready.pop_front()
                {
                    self.begin(task, now, effects);
                }
                self.arm(now, effects);
            }
        }
    }

    /// Has one answer made of all, or the fault. What is under way ends.
    fn end(&mut self, who: usize, effects: &mut Vec<Effect>) {
        for task in self.under_way.drain(..) {
            match self.tasks[task].standing {
                Standing::Routing(call) | Standing::Trying(call) | Standing::Closing(call, _) => {
                    effects.push(Effect::Cancel(call));
                }
                Standing::Waiting | Standing::Over(..) => {}
            }
        }
        if self.alarm.take().is_some() {
            effects.push(Effect::StopTimer(ALARM));
        }
        let tasks = 0..self.tasks.len();
        let told = tasks.map(|task| self.closing_of(task).unwrap_or(self.tasks[task].tag));
        let feed = Feed::Gather(told.collect());
        let call = self.ask(Purpose::End, who, feed, effects);
        self.phase = Phase::Ending(call);
    }

    /// What was heard of a call.
    fn heard(
        &mut self,
        call: Call,
        said: Result<Fact, FaultClass>,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let Some(purpose) = self.calls.get(call).copied() else {
            return;
        };
        match (purpose, self.phase, said) {
            (Purpose::Plan, Phase::Planning, Ok(Fact::Count(words))) => {
                self.words = words;
                self.read_on(now, effects);
            }
            (Purpose::Word, Phase::Reading(word), Ok(fact)) if word == call => {
                if self.heed(call, fact).is_none() {
                    self.fail(Failure::because("the plan's words make no sense"), effects);
                    return;
                }
                if fact != Fact::Nothing {
                    effects.push(Effect::Forget(call));
                }
                self.read_on(now, effects);
            }
            (Purpose::Task(task), Phase::Working, said) => {
                self.heard_of(task, call, said, now, effects);
            }
            (Purpose::End, Phase::Ending(end), Ok(_)) if end == call => {
                self.phase = Phase::Over;
                effects.push(Effect::Finish(Feed::AnswerTo(call)));
            }
            (Purpose::Plan, Phase::Planning, Ok(_)) => {
                self.fail(Failure::because("the plan has no words"), effects);
            }
            (Purpose::Plan, Phase::Planning, Err(_)) => self.fail(Failure::Call(call), effects),
            (_, Phase::Reading(under_way) | Phase::Ending(under_way), Err(_))
                if under_way == call =>
            {
                self.fail(Failure::Call(call), effects);
            }
            _ => {}
        }
    }
}

impl Protocol for HubProtocol {
    fn on(&mut self, event: &Happened, now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            Happened::Began => {
                self.ask(Purpose::Plan, Self::PLANNER, Feed::Input, effects);
            }
            Happened::Answered { call, fact } => self.heard(call, Ok(fact), now, effects),
            Happened::Failed { call, class } => self.heard(call, Err(class), now, effects),
            Happened::TimeUp { timer: ALARM } if self.phase == Phase::Working => {
                self.time_up(now, effects);
            }
            Happened::TimeUp { .. } => {}
        }
    }
}
