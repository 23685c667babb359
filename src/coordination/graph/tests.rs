//! Graphs of every kind against a model that goes from task to task.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::actor::FaultClass;
use crate::coordination::protocol::{Call, Effect, Fact, Feed, Happened, Protocol, Run};

/// What a call of the script comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Script {
    Answers(u32),
    FailsOnce,
    FailsForGood,
}

fn script() -> impl Strategy<Value = Script> {
    prop_oneof![
        3 => (0_u32..4).prop_map(Script::Answers),
        1 => Just(Script::FailsOnce),
        1 => Just(Script::FailsForGood),
    ]
}

/// On whom a task depends, each under its condition, and how its calls go.
type Sketch = (Vec<(usize, Option<u32>)>, Script);

/// Each task depends on some before it, a few of them under a condition.
fn graphs() -> impl Strategy<Value = Vec<Sketch>> {
    let when = prop_oneof![3 => Just(None), 1 => Just(Some(1)), 1 => Just(Some(2))];
    let task = (
        proptest::collection::vec((any::<prop::sample::Index>(), when), 0..4),
        script(),
    );
    proptest::collection::vec(task, 1..=12).prop_map(|tasks| {
        let task = |(at, (after, script)): (usize, (Vec<(prop::sample::Index, _)>, _))| {
            let mut on: Vec<(usize, Option<u32>)> = Vec::new();
            for (index, when) in after.into_iter().filter(|_| at > 0) {
                let dependency = index.index(at);
                if on.iter().all(|(known, _)| *known != dependency) {
                    on.push((dependency, when));
                }
            }
            (on, script)
        };
        tasks.into_iter().enumerate().map(task).collect()
    })
}

/// How each task has to end, found one after the other.
fn expected(tasks: &[Sketch], attempts: u32) -> Vec<TaskState> {
    let mut ends: Vec<TaskState> = Vec::new();
    // Behind a failure, not only behind a condition.
    let mut is_poisoned: Vec<bool> = Vec::new();
    for (after, script) in tasks {
        let poisoned = after.iter().any(|&(on, _)| is_poisoned[on]);
        let is_open = |&(on, when): &(usize, Option<u32>)| match tasks[on].1 {
            _ if ends[on] != TaskState::Done => false,
            Script::Answers(bits) => when.is_none_or(|when| when & bits != 0),
            _ => when.is_none(),
        };
        let end = if poisoned || !(after.is_empty() || after.iter().any(is_open)) {
            TaskState::Skipped
        } else {
            match script {
                Script::FailsForGood => TaskState::Failed,
                Script::FailsOnce if attempts == 1 => TaskState::Failed,
                _ => TaskState::Done,
            }
        };
        is_poisoned.push(poisoned || end == TaskState::Failed);
        ends.push(end);
    }
    ends
}

fn machine(
    tasks: &[Sketch],
    attempts: u32,
    concurrency: usize,
    on_failure: OnFailure,
) -> GraphProtocol {
    let rules = tasks.iter().map(|(after, _)| {
        let rules = TaskRules::new().attempts(attempts);
        after.iter().fold(rules, |rules, &(on, when)| match when {
            None => rules.after(on),
            Some(bits) => rules.after_if(on, bits),
        })
    });
    GraphProtocol::new(rules.collect(), concurrency, on_failure)
}

proptest! {
    #[test]
    fn whatever_fails_every_task_ends_once_and_after_its_dependencies(
        tasks in graphs(),
        attempts in 1_u32..4,
        concurrency in 1_usize..5,
        picks in proptest::collection::vec(any::<prop::sample::Index>(), 64),
    ) {
        let machine = machine(&tasks, attempts, concurrency, OnFailure::GoOn);
        let mut run = Run::new(machine, tasks.len());
        let mut under_way: Vec<(Call, usize)> = Vec::new();
        let mut asked = vec![0_u32; tasks.len()];
        let mut is_over = vec![false; tasks.len()];
        let mut picks = picks.iter().cycle();
        let mut event = Happened::Began;
        let end = loop {
            let mut effects = Vec::new();
            run.apply(&event, Duration::ZERO, &mut effects).unwrap();
            let mut end = None;
            for effect in effects {
                match effect {
                    Effect::Ask { call, worker, .. } => {
                        asked[worker] += 1;
                        under_way.push((call, worker));
                        for (on, _) in &tasks[worker].0 {
                            let state = run.machine().state(*on).unwrap();
                            let was_over = is_over[*on] || state == TaskState::Skipped;
                            prop_assert!(was_over, "{worker} began before {on} was over");
                        }
                    }
                    Effect::Finish(Feed::Gather(calls)) => end = Some(calls),
                    _ => {}
                }
            }
            prop_assert!(under_way.len() <= concurrency);
            if let Some(end) = end {
                break end;
            }
            let pick = picks.next().unwrap().index(under_way.len());
            let (call, task) = under_way.swap_remove(pick);
            event = match tasks[task].1 {
                Script::Answers(bits) => Happened::Answered { call, fact: Fact::Choice(bits) },
                Script::FailsOnce if asked[task] > 1 => {
                    Happened::Answered { call, fact: Fact::Nothing }
                }
                Script::FailsForGood if asked[task] > 1 => {
                    Happened::Failed { call, class: FaultClass::Permanent }
                }
                _ => Happened::Failed { call, class: FaultClass::Transient },
            };
            is_over[task] = matches!(event, Happened::Answered { .. })
                || asked[task] == attempts
                || matches!(event, Happened::Failed { class: FaultClass::Permanent, .. });
        };
        prop_assert!(under_way.is_empty());
        prop_assert!(asked.iter().all(|asked| *asked <= attempts));
        let ends: Vec<_> = (0..tasks.len()).map(|at| run.machine().state(at).unwrap()).collect();
        prop_assert_eq!(&ends, &expected(&tasks, attempts));
        let done = ends.iter().filter(|end| **end == TaskState::Done).count();
        prop_assert_eq!(end.len(), done);
        for (end, asked) in ends.iter().zip(&asked) {
            prop_assert_eq!(*end == TaskState::Skipped, *asked == 0);
        }
    }
}

#[test]
fn a_circle_that_was_not_refused_stalls_and_does_not_hang() {
    let circle = vec![TaskRules::new().after(1), TaskRules::new().after(0)];
    let machine = GraphProtocol::new(circle, 1, OnFailure::Stop);
    let mut run = Run::new(machine, 2);
    let broken = run.apply(&Happened::Began, Duration::ZERO, &mut Vec::new());
    assert!(broken.unwrap_err().to_string().contains("stalled"));
}

#[test]
fn the_most_urgent_task_is_asked_first() {
    let rules = vec![
        TaskRules::new(),
        TaskRules::new().weight(5),
        TaskRules::new().after(0).weight(9),
    ];
    let mut machine = GraphProtocol::new(rules, 1, OnFailure::Stop);
    let mut effects = Vec::new();
    machine.on(&Happened::Began, Duration::ZERO, &mut effects);
    let first = Effect::Ask {
        call: 0,
        worker: 0,
        feed: Feed::Input,
    };
    assert_eq!(effects, [first]);
}
