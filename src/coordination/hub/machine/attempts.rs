//! A task from its first attempt until what came of it is written down.

use std::time::Duration;

use super::rules::{End, Shortfall, Standing, Task};
use super::{ALARM, HubProtocol, OVER_BUDGET, Purpose};
use crate::actor::FaultClass;
use crate::coordination::protocol::{Call, Effect, Fact, Failure, Feed, StepOutcome};

impl HubProtocol {
    /// What was heard of a task's call.
    pub(super) fn heard_of(
        &mut self,
        task: usize,
        call: Call,
        said: Result<Fact, FaultClass>,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        match (self.tasks[task].standing, said) {
            (Standing::Routing(under_way), _) if under_way == call => match said {
                Ok(fact) => self.routed(task, call, fact, now, effects),
                Err(_) => self.give_up(task, effects),
            },
            (Standing::Trying(under_way), _) if under_way == call => match said {
                Ok(fact) => self.answered(task, call, fact, effects),
                Err(FaultClass::Budget) => {
                    self.give_up(task, effects);
                }
                Err(_) => self.another(task, effects),
            },
            (Standing::Closing(under_way, end), _) if under_way == call => match said {
                Ok(_) => self.closed(task, call, end, effects),
                Err(_) => return self.fail(Failure::Call(call), effects),
            },
            _ => return,
        }
        self.go_on(now, effects);
    }

    pub(super) fn begin(&mut self, task: usize, now: Duration, effects: &mut Vec<Effect>) {
        self.under_way.push(task);
        let before = self.tasks[task].after.iter();
        let failed = before.filter_map(|on| match self.tasks[*on].standing {
            Standing::Over(closing, End::Failed) => Some(closing),
            _ => None,
        });
        match failed.min() {
            Some(closing) => self.close(task, Some(closing), End::Failed, effects),
            None => {
                let limit = self.tasks[task].limit;
                self.tasks[task].due = limit.map(|limit| now.saturating_add(limit));
                self.route(task, effects);
            }
        }
    }

    /// Has somebody looked for who was not asked before.
    fn route(&mut self, task: usize, effects: &mut Vec<Effect>) {
        let Task { tag, routes, .. } = &self.tasks[task];
        let feed = Feed::Gather([*tag].iter().chain(routes).copied().collect());
        let call = self.ask(Purpose::Task(task), Self::ROUTER, feed, effects);
        self.tasks[task].standing = Standing::Routing(call);
    }

    fn routed(
        &mut self,
        task: usize,
        call: Call,
        fact: Fact,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let spokes = self.rules.spokes;
        let of = &mut self.tasks[task];
        of.routes.push(call);
        let chosen = match fact {
            Fact::Choice(spoke) => Some(spoke as usize),
            _ => None,
        };
        let fits = |spoke: &usize| *spoke < spokes && !of.tried.contains(spoke);
        let is_late = of.due.is_some_and(|due| due <= now);
        let Some(spoke) = chosen.filter(fits).filter(|_| !is_late) else {
            return self.give_up(task, effects);
        };
        self.note(task, StepOutcome::FellBack, effects);
        let of = &mut self.tasks[task];
        of.tried.push(spoke);
        let within = self.rules.attempt_within;
        let within = within.map(|within| now.saturating_add(within));
        of.attempt_due = [of.due, within].into_iter().flatten().min();
        let before = self.tasks[task].after.iter();
        let given = before.filter_map(|on| self.closing_of(*on));
        let feed = Feed::Gather([call].into_iter().chain(given).collect());
        let worker = Self::FIRST_SPOKE + spoke;
        let call = self.ask(Purpose::Task(task), worker, feed, effects);
        self.tasks[task].standing = Standing::Trying(call);
    }

    /// What was written down of a task that is over.
    pub(super) fn closing_of(&self, task: usize) -> Option<Call> {
        match self.tasks[task].standing {
            Standing::Over(closing, _) => Some(closing),
            _ => None,
        }
    }

    fn answered(&mut self, task: usize, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        match fact {
            Fact::Number(margin) if !margin.is_nan() => {
                let best = self.tasks[task].best;
                let worse = match best {
                    Some((_, most)) if margin <= most => Some(call),
                    _ => {
                        self.tasks[task].best = Some((call, margin));
                        best.map(|(worse, _)| worse)
                    }
                };
                effects.extend(worse.map(Effect::Forget));
                if margin >= 0.0 {
                    self.note(task, StepOutcome::Done, effects);
                    self.close(task, Some(call), End::Completed, effects);
                } else {
                    self.another(task, effects);
                }
            }
            Fact::Choice(OVER_BUDGET) => {
                effects.push(Effect::Forget(call));
                self.give_up(task, effects);
            }
            _ => {
                effects.push(Effect::Forget(call));
                self.another(task, effects);
            }
        }
    }

    /// An attempt was in vain: somebody else is asked, as often as may be.
    fn another(&mut self, task: usize, effects: &mut Vec<Effect>) {
        let most = self.rules.attempts.min(self.rules.spokes);
        if self.tasks[task].tried.len() < most {
            self.route(task, effects);
        } else {
            self.give_up(task, effects);
        }
    }

    fn give_up(&mut self, task: usize, effects: &mut Vec<Effect>) {
        self.note(task, StepOutcome::Failed, effects);
        match (self.rules.shortfall, self.tasks[task].best) {
            (Shortfall::BestSoFar, Some((best, _))) => {
                self.close(task, Some(best), End::Completed, effects);
            }
            _ => self.close(task, None, End::Failed, effects),
        }
    }

    /// Has it written down what came of a task: this answer, or nothing, perhaps
    /// because of what came of another.
    fn close(&mut self, task: usize, with: Option<Call>, end: End, effects: &mut Vec<Effect>) {
        let tag = self.tasks[task].tag;
        let feed = Feed::Gather([tag].into_iter().chain(with).collect());
        let call = self.ask(Purpose::Task(task), Self::CLERK, feed, effects);
        self.tasks[task].standing = Standing::Closing(call, end);
    }

    fn closed(&mut self, task: usize, call: Call, end: End, effects: &mut Vec<Effect>) {
        let of = &mut self.tasks[task];
        of.standing = Standing::Over(call, end);
        // All that counts is in what was written down.
        let read = of.best.take().map(|(answer, _)| answer);
        let read = read.into_iter().chain([of.tag]).chain(of.routes.drain(..));
        effects.extend(read.map(Effect::Forget));
        self.under_way.retain(|it| *it != task);
        match end {
            End::Completed => self.completed += 1,
            End::Failed => self.failed += 1,
        }
        for at in 0..self.tasks[task].leads_to.len() {
            let next = self.tasks[task].leads_to[at];
            self.tasks[next].waits -= 1;
            if self.tasks[next].waits == 0 {
                self.ready.push_back(next);
            }
        }
    }

    /// Ends those attempts that are late.
    pub(super) fn time_up(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        self.alarm = None;
        for task in self.under_way.clone() {
            let of = &self.tasks[task];
            let (Standing::Trying(call), Some(due)) = (of.standing, of.alarm()) else {
                continue;
            };
            if due > now {
                continue;
            }
            effects.push(Effect::Cancel(call));
            if of.due.is_some_and(|due| due <= now) {
                self.give_up(task, effects);
            } else {
                self.another(task, effects);
            }
        }
        self.arm(now, effects);
    }

    /// Sets the one timer to the first attempt that would be late.
    pub(super) fn arm(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let dues = self.under_way.iter();
        let first = dues.filter_map(|task| self.tasks[*task].alarm()).min();
        if first == self.alarm {
            return;
        }
        self.alarm = first;
        effects.push(match first {
            Some(due) => Effect::SetTimer {
                timer: ALARM,
                after: due.saturating_sub(now),
            },
            None => Effect::StopTimer(ALARM),
        });
    }

    /// Says how it went with who was at it last, if anybody was.
    fn note(&self, task: usize, outcome: StepOutcome, effects: &mut Vec<Effect>) {
        if let Some(spoke) = self.tasks[task].tried.last() {
            let worker = Self::FIRST_SPOKE + spoke;
            effects.push(Effect::Note { worker, outcome });
        }
    }
}
