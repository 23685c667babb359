//! Peers, in every order.

use callboard::coordination::PeerProtocol;
use callboard::coordination::peers::PeerRules;
use callboard::coordination::protocol::Fact;
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, explore};

/// Whatever peers and clerks say, in every order, twice and after a crash.
fn awkward(rules: PeerRules) -> Explorer<PeerProtocol> {
    let peers = rules.neighbours.len();
    let (concurrency, rounds) = (rules.concurrency, rules.rounds);
    let neighbours = rules.neighbours.clone();
    let judge = [Fact::Count(0), Fact::Count(1), Fact::Nothing];
    let explorer = explore(PeerProtocol::new(rules))
        .participants(PeerProtocol::PEERS + 2 * peers)
        .failures([FaultClass::Permanent])
        .facts_of(1, judge)
        .facts_of(3, [Fact::Number(0.1), Fact::Number(0.9)])
        .duplicates()
        .crashes(1)
        .states(2_000_000)
        .at_most_under_way(concurrency)
        .invariant("nobody reviews its own", |seen| {
            seen.machine().reviews().all(|(by, of)| by != of)
        })
        .invariant("neighbours review, and once", move |seen| {
            let mut reviews: Vec<_> = seen.machine().reviews().collect();
            let are_neighbours = reviews.iter().all(|(by, of)| neighbours[*of].contains(by));
            let asked = reviews.len();
            reviews.sort_unstable();
            reviews.dedup();
            are_neighbours && reviews.len() == asked
        })
        .invariant("rounds are bounded", move |seen| {
            seen.machine().round() <= rounds
        });
    (0..peers).fold(explorer, |explorer, peer| {
        explorer.facts_of(PeerProtocol::PEERS + peer, [Fact::Choice(0), Fact::Nothing])
    })
}

fn rules(peers: usize, rounds: u32, concurrency: usize) -> PeerRules {
    let mut rules = PeerRules::new(peers);
    rules.rounds = rounds;
    rules.concurrency = concurrency;
    rules.change = 0.5;
    rules.within = secs(1);
    rules
}

fn passes(explorer: Explorer<PeerProtocol>) {
    if let Err(found) = explorer.run() {
        panic!("{found}");
    }
}

#[test]
fn d13_every_round_of_up_to_four_peers_is_reviewed_by_others_and_ends_once() {
    passes(awkward(rules(2, 2, 2)));
    passes(
        awkward(rules(3, 1, 2))
            .facts_of(1, [Fact::Count(1)])
            .crashes(0),
    );
    // All orders of twelve reviews are too many for a test: four in a row, one asked at a time.
    let mut four = rules(4, 1, 1);
    four.neighbours = vec![vec![1], vec![0, 2], vec![1, 3], vec![2]];
    passes(awkward(four).facts_of(1, [Fact::Count(1)]).crashes(0));
}

#[test]
fn d13_a_graph_that_names_a_peer_as_its_own_neighbour_does_not_make_it_review_itself() {
    let mut selfish = rules(2, 1, 1);
    selfish.neighbours = vec![vec![0, 1], vec![1]];
    passes(awkward(selfish));
}
