//! Votes and their arbitration, in every order.

use callboard::coordination::protocol::Fact;
use callboard::coordination::{ArbiterRules, Closed, VoteProtocol, Way};
use callboard::policy::ballot::{Base, Count, Method, Progress, Quorum, Rules};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Report, explore};

/// Whatever judges, teller, count and arbiters say, in every order, twice and
/// after a crash.
fn awkward(machine: VoteProtocol, judges: usize, steps: usize) -> Explorer<VoteProtocol> {
    let choices = [Fact::Choice(0), Fact::Choice(1), Fact::Nothing];
    let counted = (0..3).map(Fact::Choice);
    explore(machine)
        .participants(judges + 3 + steps)
        .failures([FaultClass::Permanent])
        .facts_of(judges + 1, choices)
        .facts_of(judges + 2, counted)
        .duplicates()
        .crashes(1)
        .states(2_000_000)
        .invariant("nobody is asked once it is closed", |seen| {
            seen.machine().closed().is_none() || seen.ledger().under_way() <= 1
        })
        .invariant(
            "it is closed for good, and early only if nothing can change",
            |seen| {
                let count = seen.machine().count();
                match seen.machine().closed() {
                    Some(Closed::Early) => {
                        let progress = count.progress();
                        count.is_closed()
                            && matches!(progress, Progress::Decided | Progress::Hopeless)
                    }
                    Some(Closed::Complete) => {
                        count.is_closed() && count.progress() == Progress::Complete
                    }
                    _ => true,
                }
            },
        )
        .invariant("no vote is made up", |seen| {
            // A judge, and the one who enters its ballot; and the sheet.
            2 * seen.machine().count().heard().count() < seen.ledger().made()
        })
        .invariant("time is up only when it is", |seen| {
            seen.machine().closed() != Some(Closed::TimeUp) || !seen.now().is_zero()
        })
}

fn passes(explorer: Explorer<VoteProtocol>) -> Report {
    match explorer.run() {
        Ok(report) => report,
        Err(found) => panic!("{found}"),
    }
}

fn methods(judges: usize) -> Vec<Method> {
    vec![
        Method::Majority,
        Method::Plurality,
        Method::Runoff,
        Method::Quorum(Quorum::Count(judges / 2 + 1)),
        Method::Quorum(Quorum::Share(1.0)),
    ]
}

#[test]
fn d15_every_vote_of_up_to_four_judges_counts_each_once_and_ends_once() {
    for judges in 1..=4 {
        for method in methods(judges) {
            for (base, within) in [(Base::Eligible, None), (Base::Voting, Some(secs(1)))] {
                // All orders of four at once are too many for a test.
                let concurrency = if judges == 4 { 2 } else { judges };
                let rules = Rules::new(method).of(base);
                let count = Count::new(rules, vec![1.0; judges]).unwrap();
                let machine = VoteProtocol::new(count, concurrency, within);
                let explorer = awkward(machine, judges, 0).at_most_under_way(concurrency + 1);
                // Without arbiters it ends whatever the count says. Empty ballots and
                // crashes are tried with three.
                let explorer = explorer.facts_of(judges + 2, [Fact::Choice(0)]);
                passes(match judges {
                    4 => explorer.facts_of(5, (0..2).map(Fact::Choice)).crashes(0),
                    _ => explorer,
                });
            }
        }
    }
}

#[test]
fn d16_every_arbitration_of_up_to_four_steps_ends_once() {
    let expert = ArbiterRules::new(Way::Expert);
    let steps = [
        ArbiterRules::new(Way::Meta).within(secs(1)),
        expert,
        ArbiterRules::new(Way::Person).on_ties().within(secs(2)),
        ArbiterRules::new(Way::Plurality),
    ];
    for steps in [&steps[..1], &steps[1..3], &steps[..]] {
        let count = Count::new(Rules::default(), [1.0; 2]).unwrap();
        let machine = VoteProtocol::new(count, 2, Some(secs(1))).arbiters(steps.to_vec());
        let explorer = awkward(machine, 2, steps.len());
        // Expert, person, meta-agent, plurality, nobody, and nonsense.
        let report = passes(explorer.facts_of(5, (1..=6).map(Fact::Choice)));
        assert!(report.ends > steps.len(), "{report}");
    }
}
