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
        .invariant("of a task that is over one answer is kept", move |seen| {
            let tasks = seen.machine().tasks();
            let under_way = concurrency.min(tasks);
            // The plan; of a task its word, its choices, and two answers.
            seen.ledger().kept() <= 1 + tasks + under_way * (attempts + 3)
        })
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
                let report = passes(explored(rules, 1, &[Fact::Nothing], &ANSWERS));
                assert!(report.ends > attempts, "{report}");
            }
        }
    }
}

#[test]
fn d1_every_hub_with_two_tasks_ends_once_whatever_is_needed() {
    for need in [
        Need::All,
        Need::First,
        Need::AtLeast(2),
        Need::AtLeast(3),
        Need::BestEffort,
    ] {
        for concurrency in 1..=2 {
            let rules = HubRules::new(2).need(need).concurrency(concurrency);
            let rules = rules.attempts(2).shortfall(Shortfall::BestSoFar);
            let answers = [Fact::Number(-0.5), Fact::Number(0.5)];
            let said = [Fact::Nothing];
            passes(explored(rules, 2, &said, &answers).crashes(1));
        }
    }
}

#[test]
fn d1_every_plan_of_up_to_four_words_ends_once_and_in_order() {
    let said = [Fact::Nothing, Fact::Choice(0), Fact::Choice(1)];
    for words in 0..=4 {
        for concurrency in 1..=2 {
            let rules = HubRules::new(1)
                .need(Need::BestEffort)
                .concurrency(concurrency);
            let report = passes(explored(rules, words, &said, &[Fact::Number(0.0)]));
            assert!(report.ends > 0, "{report}");
        }
    }
}

#[test]
fn d25_every_hub_with_deadlines_ends_once_and_in_time() {
    let said = [Fact::Nothing, Fact::Number(3.0)];
    for need in [Need::All, Need::BestEffort] {
        for concurrency in 1..=2 {
            let rules = HubRules::new(2).need(need).concurrency(concurrency);
            let rules = rules.attempts(2).attempt_within(secs(2));
            let explorer = explored(rules, 3, &said, &[Fact::Number(0.5)]);
            let explorer = explorer.invariant("no task is worked on for more than 4 s", |seen| {
                // Three tasks one after the other, of two attempts of 2 s.
                seen.now() <= secs(12)
            });
            passes(explorer);
        }
    }
}
