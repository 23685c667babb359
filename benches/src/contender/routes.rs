//! Who is chosen among very many agents, and who hears of an event.

use std::hint::black_box;
use std::time::{Duration, Instant};

use callboard::coordination::bus::{Bus, TaskEvent};
use callboard::coordination::route::{Agent, Directory, Wanted};
use callboard::prelude::*;

use crate::runtime::on_this_thread;
use crate::work::{AGENTS, CAPABILITIES, Matching, SUBSCRIBERS};

/// What the agents say that they do: four words of these.
const WORDS: [&str; 16] = [
    "summarise",
    "translate",
    "classify",
    "review",
    "contracts",
    "invoices",
    "letters",
    "code",
    "quickly",
    "carefully",
    "in German",
    "in French",
    "for lawyers",
    "for doctors",
    "with tables",
    "without jargon",
];

fn description(at: u64) -> String {
    let words = (0..4).map(|digit| WORDS[(at >> (4 * digit)) as usize % WORDS.len()]);
    words.collect::<Vec<_>>().join(" ")
}

fn directory() -> Directory<u64, u64> {
    let directory = Directory::new();
    for at in 0..AGENTS {
        let worker = WorkerRef::from_fn("agent", |n: u64| async move { Ok(n) });
        let agent = Agent::new(format!("agent-{at}"), worker)
            .can([format!("capability-{}", at % CAPABILITIES)])
            .described(description(at * 2_654_435_761));
        directory.add(agent).expect("there is room");
    }
    directory
}

pub(super) fn decisions(by: Matching, decisions: u64) -> Duration {
    let directory = directory();
    let wanted: Vec<Wanted> = (0..1_000)
        .map(|at| match by {
            Matching::Exact => Wanted::capabilities([format!("capability-{at}")]),
            Matching::Likeness => Wanted::text(description(at * 40_503)),
        })
        .collect();
    // The index over the descriptions is made at the first question.
    let _ = directory.decide(&wanted[0]);
    let started = Instant::now();
    for wanted in wanted.iter().cycle().take(decisions as usize) {
        let decision = directory.decide(wanted).expect("few are needed");
        assert!(!black_box(decision).chosen.is_empty());
    }
    started.elapsed()
}

/// Each event is published, and then taken by every subscriber.
pub(super) fn events(deliveries: u64) -> Duration {
    on_this_thread(async move {
        let bus: Bus<TaskEvent> = Bus::new();
        let subscribe = |at: u64| {
            let filter = if at.is_multiple_of(2) {
                "task:*"
            } else {
                "task:ready"
            };
            bus.subscribe(filter).expect("it is a filter")
        };
        let mut subscribers: Vec<_> = (0..SUBSCRIBERS).map(subscribe).collect();
        let started = Instant::now();
        for _ in 0..deliveries / SUBSCRIBERS {
            bus.announce(TaskEvent::TaskReady { task: "t".into() });
            for subscriber in &mut subscribers {
                assert!(subscriber.try_next().is_some());
            }
        }
        started.elapsed()
    })
}
