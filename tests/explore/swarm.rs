//! Swarms, in every order.

use callboard::coordination::protocol::Fact;
use callboard::coordination::swarm::{Convergence, Stopped, SwarmProtocol};
use callboard::prelude::*;
use callboard::testing::explore::explore;

fn untils() -> [Convergence; 3] {
    let mut target = Convergence::default();
    (target.generations, target.target) = (2, Some(0.75));
    let mut patient = Convergence::default();
    (patient.generations, patient.patience, patient.improvement) = (3, Some(1), 0.1);
    let mut plain = Convergence::default();
    plain.generations = 2;
    [plain, target, patient]
}

#[test]
fn d12_every_swarm_of_up_to_four_ends_once_within_its_generations() {
    for members in 1..=4 {
        for concurrency in 1..=members {
            for until in untils() {
                // Every order of four at once, again and again, is too much for a test.
                let mut until = until;
                if members > 2 {
                    until.generations = if members == 4 { 1 } else { 2 };
                }
                let machine = SwarmProtocol::new(members, concurrency, until);
                let most = until.generations;
                let scores = [0.25, 0.75, f64::NAN].map(Fact::Number);
                let explorer = explore(machine)
                    .participants(members + 2)
                    .failures([FaultClass::Permanent])
                    .facts(scores)
                    .facts_of(members, [Fact::Nothing])
                    .facts_of(members + 1, [Fact::Nothing])
                    .duplicates()
                    .crashes(usize::from(members < 3))
                    .states(3_000_000)
                    .at_most_under_way(concurrency)
                    .invariant("there are no more generations than said", move |seen| {
                        seen.machine().generations() <= most
                    })
                    .invariant("what is known and one generation are kept", move |seen| {
                        seen.ledger().kept() <= members + 1
                    })
                    .invariant("the best never gets worse", |seen| {
                        let machine = seen.machine();
                        let last = machine.history().last();
                        machine.history().is_sorted() && last <= machine.best()
                    })
                    .invariant("it reached its target if it says so", move |seen| {
                        seen.machine().stopped() != Some(Stopped::Target)
                            || seen.machine().best() >= until.target
                    });
                if let Err(found) = explorer.run() {
                    panic!("{members}, {concurrency}, {until:?}: {found}");
                }
            }
        }
    }
}
