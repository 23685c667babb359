//! D1, D5 and D25: hubs in every order of what may happen.

use callboard::coordination::hub::{HubProtocol, HubRules, Shortfall};
use callboard::coordination::task::TaskState;
use callboard::coordination::{Fact, Need};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Report, explore};

const READER: usize = 1;
const ROUTER: usize = 2;

/// An answer that must not count; one that was too dear; one that is not good
/// enough, and one that is.
const ANSWERS: [Fact; 4] = [
    Fact::Choice(0),
    Fact::Choice(1),
    Fact::Number(-0.5),
    Fact::Number(0.0),
];

/// Every run of a hub whose plan has so many words, any of these.
fn explored(rules: HubRules, words: u32, said: &[Fact], answers: &[Fact]) -> Explorer<HubProtocol> {
    let (spokes, attempts, concurrency) = (rules.spokes, rules.attempts, rules.concurrency);
    let explorer = explore(HubProtocol::new(rules))
        .participants(HubProtocol::FIRST_SPOKE + spokes)
        .facts_of(0, [Fact::Count(words)])
        .facts_of(READER, said.iter().copied())
        .facts_of(ROUTER, (0..spokes as u32).map(Fact::Choice))
        .failures([FaultClass::Transient, FaultClass::Budget]);
    let each = |explorer: Explorer<_>, spoke| {
        explorer.facts_of(HubProtocol::FIRST_SPOKE + spoke, answers.iter().copied())
    };
    (0..spokes)
        .fold(explorer, each)
        .duplicates()
        .at_most_under_way(concurrency)
        .invariant(
            "nobody is asked twice, and no more often than said",
            move |seen| {
                (0..seen.machine().tasks()).all(|task| {
                    let tried = seen.machine().tried(task);
                    let mut others = tried.to_vec();
                    others.sort_unstable();
                    others.dedup();
                    others.len() == tried.len() && tried.len() <= attempts
                })
            },
        )
        .invariant("a task is begun when all it depends on is over", |seen| {
            let machine = seen.machine();
            (0..machine.tasks()).all(|task| {
                let mut before = machine.dependencies(task).iter();
                let is_over = |on: &usize| machine.state(*on).is_some_and(TaskState::is_over);
                machine.state(task) == Some(TaskState::Pending) || before.all(is_over)
            })
        })
        .invariant("what depends on a failed task is asked of nobody", |seen| {
            let machine = seen.machine();
            (0..machine.tasks()).all(|task| {
                let mut before = machine.dependencies(task).iter();
                let failed = before.any(|on| machine.state(*on) == Some(TaskState::Failed));
                !failed || machine.tried(task).is_empty()
            })
        })
        .invariant("of a task that is over one answer is kept", |seen| {
            let machine = seen.machine();
            let is_at = |task: &usize, state| machine.state(*task) == Some(state);
            let tasks = || 0..machine.tasks();
            let mut kept = machine.tasks();
            if tasks().all(|task| is_at(&task, TaskState::Pending)) {
                // The plan is read.
                kept += 1;
            }
            // Who was chosen, and the best answer.
            let running = tasks().filter(|task| is_at(task, TaskState::Running));
            kept += running
                .map(|task| machine.tried(task).len() + 2)
                .sum::<usize>();
            seen.ledger().is_over() || seen.ledger().kept() <= kept
        })
        .invariant(
            "while one answer is made of all nothing else is under way",
            |seen| !seen.machine().is_concluding() || seen.ledger().under_way() <= 1,
        )
}

fn passes(explorer: Explorer<HubProtocol>) -> Report {
    match explorer.states(1_000_000).run() {
        Ok(report) => report,
        Err(found) => panic!("{found}"),
    }
}

#[test]
fn d1_every_hub_of_up_to_four_spokes_ends_once_and_asks_nobody_twice() {
    for spokes in 1..=4 {
        for attempts in 1..=spokes {
            let rules = HubRules::new(spokes).attempts(attempts).concurrency(1);
            for shortfall in [Shortfall::Fail, Shortfall::BestSoFar] {
                let rules = rules.clone().shortfall(shortfall);
                // With more attempts there are fewer kinds of answers.
                let answers = if attempts < 3 {
                    &ANSWERS
                } else {
                    &ANSWERS[2..]
                };
                let report = passes(explored(rules, 1, &[Fact::Nothing], answers));
                assert!(report.ends > attempts, "{report}");
            }
        }
    }
}

#[test]
fn d1_every_hub_with_two_tasks_ends_once_whatever_is_needed() {
    let needs = [
        Need::All,
        Need::First,
        Need::AtLeast(2),
        Need::AtLeast(3),
        Need::BestEffort,
    ];
    for need in needs {
        for (spokes, concurrency) in [(2, 1), (1, 2)] {
            let rules = HubRules::new(spokes).need(need).concurrency(concurrency);
            let rules = rules.attempts(2).shortfall(Shortfall::BestSoFar);
            let answers = [Fact::Number(-0.5), Fact::Number(0.5)];
            let explorer = explored(rules, 2, &[Fact::Nothing], &answers);
            let report = passes(explorer.failures([FaultClass::Transient]).crashes(1));
            assert!(report.ends > 4, "{report}");
        }
    }
}

#[test]
fn d1_every_plan_of_up_to_five_words_ends_once_and_in_order() {
    let said = [Fact::Nothing, Fact::Choice(0), Fact::Choice(1)];
    // Side by side there are many more orders.
    for (concurrency, most) in [(1, 5), (2, 3)] {
        for words in 0..=most {
            let rules = HubRules::new(1).need(Need::BestEffort);
            let rules = rules.concurrency(concurrency);
            let explorer = explored(rules, words, &said, &[Fact::Number(0.0)]);
            let report = passes(explorer.failures([FaultClass::Transient]));
            assert!(report.ends > words as usize, "{report}");
        }
    }
}

#[test]
fn d25_every_hub_with_deadlines_ends_once_and_in_time() {
    for (said, spokes, concurrency) in [
        (vec![Fact::Nothing, Fact::Number(3.0)], 2, 1),
        (vec![Fact::Nothing], 1, 2),
    ] {
        let rules = HubRules::new(spokes).need(Need::BestEffort).attempts(2);
        let rules = rules.concurrency(concurrency).attempt_within(secs(2));
        let explorer = explored(rules, 2, &said, &[Fact::Number(0.5)]);
        let explorer = explorer.failures([FaultClass::Transient]).invariant(
            "no attempt goes on for more than 2 s",
            move |seen| {
                // All of them one after the other.
                let tried = |task| seen.machine().tried(task).len();
                let attempts: usize = (0..seen.machine().tasks()).map(tried).sum();
                seen.now() <= secs(2) * attempts as u32
            },
        );
        let report = passes(explorer);
        assert!(report.ends > 10, "{report}");
    }
}
