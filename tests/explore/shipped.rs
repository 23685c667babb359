//! The machines that ship.

use callboard::coordination::protocol::{Fact, Protocol};
use callboard::coordination::{
    IterateProtocol, MapReduceProtocol, Need, OnFault, Order, Otherwise, PipelineProtocol,
    ScatterProtocol, StageRules,
};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Report, explore};

fn awkward<P: Protocol>(machine: P, participants: usize) -> Explorer<P> {
    explore(machine)
        .participants(participants)
        .failures([FaultClass::Permanent])
        .duplicates()
        .crashes(1)
}

/// For a machine that looks at the class of a failure.
fn by_class<P: Protocol>(explorer: Explorer<P>) -> Explorer<P> {
    explorer.failures([
        FaultClass::Transient,
        FaultClass::Permanent,
        FaultClass::InDoubt,
    ])
}

fn passes<P: Protocol>(explorer: Explorer<P>) -> Report {
    match explorer.run() {
        Ok(report) => report,
        Err(found) => panic!("{found}"),
    }
}

#[test]
fn d2_every_pipeline_of_up_to_four_stages_ends_once_and_keeps_one_answer() {
    for stages in 1..=4 {
        let machine = PipelineProtocol::new(vec![2; stages]);
        let explorer = by_class(awkward(machine, stages))
            .at_most_under_way(1)
            .invariant("one answer is kept", |seen| seen.ledger().kept() <= 1);
        let report = passes(explorer);
        assert!(report.ends > stages, "{report}");
    }
}

#[test]
fn d2_every_pipeline_with_fallbacks_ends_once() {
    for fallbacks in 0..=2 {
        for attempts in 1..=3 {
            let stage = StageRules {
                attempts,
                fallbacks,
            };
            let machine = PipelineProtocol::with_stages(vec![stage; 2]);
            let explorer = by_class(awkward(machine, 2 * (fallbacks + 1)));
            passes(explorer.at_most_under_way(1));
        }
    }
}

fn needs(workers: usize) -> Vec<Need> {
    let quorums = (1..=workers).map(Need::AtLeast);
    [Need::All, Need::First, Need::BestEffort]
        .into_iter()
        .chain(quorums)
        .collect()
}

#[test]
fn d3_every_scatter_over_up_to_four_workers_ends_once() {
    for workers in 1..=4 {
        for need in needs(workers) {
            for concurrency in 1..=workers {
                for within in [None, Some(secs(1))] {
                    let machine = ScatterProtocol::new(workers, concurrency, need, within);
                    passes(awkward(machine, workers).at_most_under_way(concurrency));
                }
            }
        }
    }
}

#[test]
fn d3_every_hedged_scatter_ends_once_and_asks_no_more_than_are_needed_at_first() {
    for workers in 1..=4 {
        for need in needs(workers) {
            for within in [None, Some(secs(3)), Some(ms(500))] {
                let machine = ScatterProtocol::new(workers, workers, need, within);
                let wanted = match need {
                    Need::First => 1,
                    Need::AtLeast(n) => n,
                    _ => workers,
                };
                let explorer = awkward(machine.hedged(secs(1)), workers).invariant(
                    "a worker is added by time or by a failure",
                    move |seen| {
                        let is_early = seen.now().is_zero();
                        !is_early || seen.ledger().under_way() <= wanted
                    },
                );
                passes(explorer);
            }
        }
    }
}

#[test]
fn d4_every_map_reduce_of_up_to_four_batches_ends_once_and_keeps_little() {
    for order in [Order::OfBatches, Order::OfArrival] {
        for concurrency in 1..=2 {
            let machine = MapReduceProtocol::new(order, concurrency, 2);
            let explorer = awkward(machine, 3)
                .failures([FaultClass::Transient])
                .facts_of(0, (0..=4).map(Fact::Count))
                .at_most_under_way(concurrency + 1)
                // The parts, a total and what is added to it, what waits.
                .invariant("what is kept is bounded", move |seen| {
                    seen.ledger().kept() <= 2 + 4 * concurrency
                });
            passes(explorer);
        }
    }
}

#[test]
fn d11_every_loop_ends_once_and_keeps_two_answers() {
    let scores = [0.25, 0.254, 0.75, f64::NAN];
    for otherwise in [Otherwise::BestSoFar, Otherwise::Escalate] {
        for good_enough in [None, Some(0.5)] {
            for most in 1..=4 {
                let machine = IterateProtocol::new(most, 0.01, good_enough, otherwise);
                let explorer = awkward(machine, 2)
                    .facts(scores.map(Fact::Number))
                    .at_most_under_way(1)
                    .invariant("the last and the best are kept", |seen| {
                        seen.ledger().kept() <= 2 || seen.ledger().is_over()
                    })
                    .invariant("there are no more iterations than said", move |seen| {
                        seen.ledger().made() <= most as usize + 1
                    });
                passes(explorer);
            }
        }
    }
}

#[test]
fn d17_every_refinement_by_up_to_four_members_ends_once_and_keeps_two_drafts() {
    let scores = [Fact::Number(0.25), Fact::Number(0.75), Fact::Nothing];
    for members in 1..=4 {
        for otherwise in [Otherwise::BestSoFar, Otherwise::Escalate] {
            let most = members as u32 + 1;
            let machine = IterateProtocol::new(most, 0.0, Some(0.75), otherwise)
                .taking_turns(members)
                .on_fault(OnFault::Skips);
            let explorer = awkward(machine, members + 1)
                .facts(scores)
                .at_most_under_way(1)
                .invariant("the last and the best are kept", |seen| {
                    seen.ledger().kept() <= 2 || seen.ledger().is_over()
                })
                .invariant("there are no more iterations than said", move |seen| {
                    seen.machine().iterations() <= most
                });
            passes(explorer);
        }
    }
}
