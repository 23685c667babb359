//! Copies of the shipped machines with one line wrong. Each wrong line must be
//! found.

mod conversation;
mod graph;
mod hub;
mod iterate;
mod map_reduce;
mod market;
mod peers;
mod pipeline;
mod route;
mod scatter;
mod states;
mod swarm;
mod vote;

use callboard::coordination::protocol::Protocol;
use callboard::prelude::*;
use callboard::testing::explore::{Counterexample, Explorer, explore};

fn explored<P: Protocol>(machine: P, participants: usize) -> Explorer<P> {
    explore(machine)
        .participants(participants)
        .failures([FaultClass::Transient, FaultClass::Permanent])
        .duplicates()
        .crashes(1)
}

fn found<P: Protocol>(explorer: Explorer<P>) -> Counterexample {
    match explorer.run() {
        Ok(report) => panic!("the wrong line was not found: {report}"),
        Err(found) => *found,
    }
}
