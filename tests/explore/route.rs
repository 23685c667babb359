//! Routings, in every order.

use callboard::coordination::protocol::Fact;
use callboard::coordination::route::RouteProtocol;
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, explore};

fn awkward(attempts: u32, concurrency: usize, parts: u32) -> Explorer<RouteProtocol> {
    explore(RouteProtocol::new(attempts, concurrency))
        .participants(3)
        .facts_of(RouteProtocol::CHOOSER, [Fact::Count(parts)])
        .failures([FaultClass::Transient, FaultClass::Budget])
        .duplicates()
        .crashes(1)
        .states(2_000_000)
        .at_most_under_way(concurrency.max(1))
        .invariant("no part is tried too often", move |seen| {
            seen.machine().most_tried() <= attempts
        })
        .invariant(
            "no more calls are made than the attempts need",
            move |seen| {
                // The choice, and for each part its agents and those who replaced them.
                let most = 1 + parts as usize * (2 * attempts as usize - 1);
                seen.ledger().made() <= most
            },
        )
        .invariant("parts are neither lost nor made up", move |seen| {
            let (all, done) = seen.machine().parts();
            done <= all && (all == 0 || all == parts as usize)
        })
}

#[test]
fn d7_every_routing_of_up_to_four_parts_ends_once_within_its_attempts() {
    let mut ends = 0;
    for parts in 1..=4 {
        for attempts in 1..=if parts > 2 { 2 } else { 3 } {
            for concurrency in [1, 2] {
                // Crashes and repeats of four parts at once are too many for a test.
                let explorer = match parts * attempts {
                    0..=4 => awkward(attempts, concurrency, parts),
                    _ => awkward(attempts, concurrency, parts).crashes(0),
                };
                match explorer.run() {
                    Ok(report) => ends += report.ends,
                    Err(found) => panic!("{parts} {attempts} {concurrency}: {found}"),
                }
            }
        }
    }
    assert!(ends > 24, "{ends}");
}

#[test]
fn d7_a_choice_without_anybody_is_the_end() {
    for fact in [
        Fact::Count(0),
        Fact::Nothing,
        Fact::Choice(3),
        Fact::Number(2.0),
    ] {
        let explorer = awkward(2, 2, 1).facts_of(RouteProtocol::CHOOSER, [fact]);
        let report = explorer.run();
        assert!(report.is_ok(), "{report:?}");
    }
}
