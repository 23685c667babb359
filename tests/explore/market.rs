//! Markets, in every order.

use callboard::coordination::MarketProtocol;
use callboard::coordination::market::MarketRules;
use callboard::coordination::protocol::Fact;
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, explore};

/// Whatever bidders and clerks say, in every order, twice and after a crash.
fn awkward(rules: MarketRules) -> Explorer<MarketProtocol> {
    let bidders = rules.bidders;
    let (auctions, contracts) = (rules.auctions, rules.contracts as usize);
    let concurrency = rules.concurrency;
    let awards = (0..bidders).map(|at| Fact::Choice(u32::try_from(at).unwrap()));
    let clerk = |at| at;
    explore(MarketProtocol::new(rules))
        .participants(MarketProtocol::BIDDERS + 2 * bidders)
        .failures([FaultClass::Permanent])
        .facts_of(clerk(2), awards.chain([Fact::Nothing]))
        .facts_of(clerk(3), [Fact::Number(1.0), Fact::Number(9.0)])
        .facts_of(clerk(4), [Fact::Choice(0), Fact::Choice(1)])
        .duplicates()
        .crashes(1)
        .states(2_000_000)
        .at_most_under_way(concurrency)
        .invariant(
            "one at a time is at work, under the last contract",
            |seen| {
                let machine = seen.machine();
                let at_work = machine.at_work();
                at_work.is_none_or(|bidder| {
                    machine.contracts().last() == Some(&bidder) && seen.ledger().under_way() == 1
                })
            },
        )
        .invariant("nobody has two contracts", |seen| {
            let contracts = seen.machine().contracts();
            let mut sorted = contracts.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            sorted.len() == contracts.len()
        })
        .invariant("who is at work has bid in this auction", |seen| {
            let machine = seen.machine();
            let at_work = machine.at_work();
            at_work.is_none_or(|bidder| machine.heard().any(|it| it == bidder))
        })
        .invariant("auctions and contracts are bounded", move |seen| {
            let machine = seen.machine();
            machine.auctions() <= auctions && machine.contracts().len() <= contracts
        })
}

fn passes(explorer: Explorer<MarketProtocol>) {
    if let Err(found) = explorer.run() {
        panic!("{found}");
    }
}

#[test]
fn d14_every_market_of_up_to_four_bidders_awards_one_at_a_time_and_ends_once() {
    for bidders in 1..=4 {
        let mut rules = MarketRules::new(bidders);
        rules.concurrency = bidders.min(2);
        rules.bids_within = secs(2);
        // All orders of two auctions among more are too many for a test.
        rules.auctions = if bidders > 2 { 1 } else { 2 };
        rules.contracts = 2;
        let explorer = awkward(rules);
        passes(match bidders {
            4 => explorer.facts_of(3, [Fact::Number(1.0)]).crashes(0),
            _ => explorer,
        });
    }
}
