//! Wrong graphs.

use callboard::coordination::Rule;
use callboard::coordination::protocol::{Call, Effect, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::Flaw;
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// The first of the dependencies makes a task ready, not the last.
    StartsTooEarly,
    /// What depends on a failure is not skipped.
    LeavesDependents,
    /// The bound is looked at once, and not before each call.
    MindsNoBound,
    /// A skipped task does not count as over.
    ForgetsTheSkipped,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Standing {
    Waiting,
    UnderWay(Call),
    Done(Call),
    Failed,
    Skipped,
}

/// A diamond that goes on after failures, with so many calls at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Diamond {
    wrong: Wrong,
    most: usize,
    tasks: Vec<Standing>,
    made: usize,
    is_over: bool,
}

const AFTER: [&[usize]; 4] = [&[], &[0], &[0], &[1, 2]];

impl Diamond {
    fn new(wrong: Wrong, most: usize) -> Self {
        Self {
            wrong,
            most,
            tasks: vec![Standing::Waiting; 4],
            made: 0,
            is_over: false,
        }
    }

    fn under_way(&self) -> usize {
        let tasks = self.tasks.iter();
        let is_under_way = |task: &&Standing| matches!(task, Standing::UnderWay(_));
        tasks.filter(is_under_way).count()
    }

    fn skip(&mut self) {
        for (task, after) in AFTER.iter().enumerate() {
            let is_lost =
                |on: &usize| matches!(self.tasks[*on], Standing::Failed | Standing::Skipped);
            if self.tasks[task] == Standing::Waiting
                && after.iter().any(is_lost)
                && self.wrong != Wrong::LeavesDependents
            {
                self.tasks[task] = Standing::Skipped;
            }
        }
    }

    fn answer_of(&self, task: usize) -> Option<Call> {
        match self.tasks[task] {
            Standing::Done(call) => Some(call),
            _ => None,
        }
    }

    fn ask(&mut self, effects: &mut Vec<Effect>) {
        let room = self.under_way() < self.most;
        for (task, after) in AFTER.iter().enumerate() {
            let mut before = after.iter();
            let is_done = |on: &usize| self.answer_of(*on).is_some();
            let is_ready = match self.wrong {
                Wrong::StartsTooEarly if task == 3 => before.any(is_done),
                _ => before.all(is_done),
            };
            let room = match self.wrong {
                Wrong::MindsNoBound => room,
                _ => self.under_way() < self.most,
            };
            if self.tasks[task] != Standing::Waiting || !is_ready || !room {
                continue;
            }
            let calls = after.iter().map(|on| match self.tasks[*on] {
                Standing::Done(call) | Standing::UnderWay(call) => call,
                _ => usize::MAX,
            });
            let feed = match task {
                0 => Feed::Input,
                _ => Feed::Gather(calls.collect()),
            };
            let call = self.made;
            self.made += 1;
            self.tasks[task] = Standing::UnderWay(call);
            effects.push(Effect::Ask {
                call,
                worker: task,
                feed,
            });
        }
    }
}

impl Protocol for Diamond {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        let heard = match *event {
            _ if self.is_over => return,
            Happened::Began => None,
            Happened::Answered { call, .. } => Some((call, Standing::Done(call))),
            Happened::Failed { call, .. } => Some((call, Standing::Failed)),
            _ => return,
        };
        if let Some((call, standing)) = heard {
            let mut tasks = self.tasks.iter_mut();
            let Some(task) = tasks.find(|task| **task == Standing::UnderWay(call)) else {
                return;
            };
            *task = standing;
        }
        self.skip();
        self.ask(effects);
        let is_over = |task: &Standing| match task {
            Standing::Skipped => self.wrong != Wrong::ForgetsTheSkipped,
            Standing::Done(_) | Standing::Failed => true,
            _ => false,
        };
        if self.tasks.iter().all(is_over) {
            self.is_over = true;
            let done: Vec<_> = (0..4).filter_map(|task| self.answer_of(task)).collect();
            effects.push(if done.is_empty() {
                Effect::Fail(Failure::because("nothing was done"))
            } else {
                Effect::Finish(Feed::Gather(done))
            });
        }
    }
}

fn flaw(wrong: Wrong, most: usize) -> Flaw {
    found(explored(Diamond::new(wrong, most), 4).at_most_under_way(most)).flaw
}

fn broken(wrong: Wrong) -> Rule {
    match flaw(wrong, 2) {
        Flaw::Broken(broken) => broken.rule,
        other => panic!("another flaw was found: {other:?}"),
    }
}

#[test]
fn d6_a_graph_without_a_wrong_line_passes() {
    for most in 1..=2 {
        let explorer = explored(Diamond::new(Wrong::Nothing, most), 4);
        explorer.at_most_under_way(most).run().unwrap();
    }
}

#[test]
fn d6_a_task_that_starts_before_its_last_dependency_is_found() {
    assert_eq!(broken(Wrong::StartsTooEarly), Rule::NotAnswered);
}

#[test]
fn d6_dependents_of_a_failure_that_wait_for_ever_are_found() {
    assert_eq!(broken(Wrong::LeavesDependents), Rule::Stalled);
}

#[test]
fn d6_a_skipped_task_that_is_waited_for_is_found() {
    assert_eq!(broken(Wrong::ForgetsTheSkipped), Rule::Stalled);
}

#[test]
fn d6_a_bound_that_is_looked_at_once_is_found() {
    assert!(matches!(flaw(Wrong::MindsNoBound, 1), Flaw::Violated(_)));
}
