//! D6 and D9: task graphs in every order of what may happen.

use callboard::coordination::Fact;
use callboard::coordination::graph::{GraphProtocol, OnFailure, TaskRules, TaskState};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Report, explore};

fn task(after: &[usize]) -> TaskRules {
    after
        .iter()
        .fold(TaskRules::new(), |task, on| task.after(*on))
}

/// Every graph of these tasks, with each policy and bound.
fn explored(tasks: &[TaskRules], after: &[(usize, usize)], facts: &[Fact]) -> Vec<Report> {
    let mut reports = Vec::new();
    for on_failure in [OnFailure::Stop, OnFailure::GoOn] {
        for concurrency in 1..=3 {
            let machine = GraphProtocol::new(tasks.to_vec(), concurrency, on_failure);
            let explorer = explore(machine)
                .participants(tasks.len())
                .facts(facts.iter().copied())
                .failures([FaultClass::Transient, FaultClass::Permanent])
                .duplicates()
                .crashes(1)
                .at_most_under_way(concurrency);
            let explorer = exactly_one_end(in_order(explorer, after), tasks.len());
            match explorer.run() {
                Ok(report) => reports.push(report),
                Err(found) => panic!("{found}"),
            }
        }
    }
    reports
}

fn in_order(
    explorer: Explorer<GraphProtocol>,
    after: &[(usize, usize)],
) -> Explorer<GraphProtocol> {
    let after = after.to_vec();
    explorer.invariant("what runs has all it depends on behind it", move |seen| {
        let state = |task| seen.machine().state(task);
        after.iter().all(|&(on, task)| {
            let runs = matches!(state(task), Some(TaskState::UnderWay | TaskState::Done));
            !runs || matches!(state(on), Some(TaskState::Done | TaskState::Skipped))
        })
    })
}

fn exactly_one_end(explorer: Explorer<GraphProtocol>, tasks: usize) -> Explorer<GraphProtocol> {
    explorer.invariant("a run that went through has ended each task", move |seen| {
        let states = (0..tasks).filter_map(|task| seen.machine().state(task));
        let is_left = |state| matches!(state, TaskState::Waiting | TaskState::UnderWay);
        let states: Vec<_> = states.collect();
        let failed = states.contains(&TaskState::Failed);
        !seen.ledger().is_over() || failed || !states.into_iter().any(is_left)
    })
}

#[test]
fn d6_every_diamond_ends_once_and_in_order() {
    let tasks = [task(&[]), task(&[0]).attempts(2), task(&[0]), task(&[1, 2])];
    let after = [(0, 1), (0, 2), (1, 3), (2, 3)];
    let reports = explored(&tasks, &after, &[Fact::Nothing]);
    assert!(reports.iter().all(|report| report.ends > 3));
}

#[test]
fn d6_every_fork_with_a_failure_ends_once_and_in_order() {
    let tasks = [task(&[]), task(&[0]), task(&[1]), task(&[0])];
    explored(&tasks, &[(0, 1), (1, 2), (0, 3)], &[Fact::Nothing]);
}

#[test]
fn d9_every_branch_and_its_join_end_once_and_in_order() {
    let tasks = [
        task(&[]),
        TaskRules::new().after_if(0, 1),
        TaskRules::new().after_if(0, 2),
        task(&[1, 2]),
    ];
    let facts = [0, 1, 2, 3].map(Fact::Choice);
    explored(&tasks, &[(0, 1), (0, 2), (1, 3), (2, 3)], &facts);
}

#[test]
fn d6_whatever_an_answer_adds_every_run_ends_once_within_its_bounds() {
    for on_failure in [OnFailure::Stop, OnFailure::GoOn] {
        for (concurrency, at_most) in [(1, 3), (2, 2)] {
            let tasks = vec![task(&[]).decomposed()];
            let machine = GraphProtocol::new(tasks, concurrency, on_failure);
            // One kind, that adds again; then who splits and who reads.
            let explorer = explore(machine.kinds(vec![task(&[]).decomposed()], at_most))
                .participants(4)
                .facts([Fact::Count(2), Fact::Choice(0), Fact::Choice(1)])
                .failures([FaultClass::Permanent])
                .duplicates()
                .at_most_under_way(concurrency)
                .invariant("there are no more tasks than there may be", move |seen| {
                    seen.machine().state(at_most).is_none()
                });
            match exactly_one_end(explorer, at_most).run() {
                Ok(report) => assert!(report.ends > 10, "{report}"),
                Err(found) => panic!("{found}"),
            }
        }
    }
}
