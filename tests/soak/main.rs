//! Much work with many crashes: nothing is lost, and nobody waits for ever.
#![allow(
    clippy::disallowed_methods,
    reason = "a test owns its threads, its tasks and its clock"
)]

#[path = "../common/mod.rs"]
mod common;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;

use callboard::actor::DeadReason;
use callboard::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use common::{idle, pass, quiet};

const ACTORS: usize = 8;
const CALLERS: u64 = 20;
const EACH: u64 = 5_000;

enum Job {
    Told {
        crashes: bool,
    },
    Asked {
        crashes: bool,
        naps: bool,
        reply_to: Reply<u64>,
    },
}

/// Handles jobs; its books are kept outside, over its lives.
struct Clerk {
    handled: Arc<AtomicU64>,
}

impl Actor for Clerk {
    type Msg = Job;

    async fn handle(&mut self, job: Job, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        match job {
            Job::Told { crashes } => assert!(!crashes, "scripted crash"),
            Job::Asked {
                crashes,
                naps,
                reply_to,
            } => {
                if naps {
                    pass(ms(1)).await;
                }
                assert!(!crashes, "scripted crash");
                reply_to.send(1);
            }
        }
        self.handled.fetch_add(1, SeqCst);
        Ok(())
    }
}

/// What became of one caller's work.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    told: u64,
    told_to_crash: u64,
    refused: u64,
    asked: u64,
    answered: u64,
    crashed: u64,
    timed_out: u64,
    not_sent: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.told += other.told;
        self.told_to_crash += other.told_to_crash;
        self.refused += other.refused;
        self.asked += other.asked;
        self.answered += other.answered;
        self.crashed += other.crashed;
        self.timed_out += other.timed_out;
        self.not_sent += other.not_sent;
    }
}

async fn call(actors: Vec<ActorRef<Job>>, seed: u64) -> Tally {
    let mut random = StdRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    for _ in 0..EACH {
        let actor = &actors[random.random_range(0..actors.len())];
        let crashes = random.random_range(0..100) < 5;
        match random.random_range(0..4) {
            0 => match actor.try_tell(Job::Told { crashes }) {
                Ok(()) => {
                    tally.told += 1;
                    tally.told_to_crash += u64::from(crashes);
                }
                Err(_) => tally.refused += 1,
            },
            1 => {
                actor
                    .tell(Job::Told { crashes })
                    .await
                    .expect("it is there");
                tally.told += 1;
                tally.told_to_crash += u64::from(crashes);
            }
            kind => {
                tally.asked += 1;
                let naps = kind == 3 && random.random_range(0..50) == 0;
                let ask = actor.ask(|reply_to| Job::Asked {
                    crashes,
                    naps,
                    reply_to,
                });
                let within = ms(random.random_range(1..200));
                match ask.deadline(within).await {
                    Ok(_) => tally.answered += 1,
                    Err(AskError::Unanswered(Unanswered::Crashed)) => tally.crashed += 1,
                    Err(AskError::Unanswered(Unanswered::Timeout)) => tally.timed_out += 1,
                    Err(AskError::NotSent(_)) => tally.not_sent += 1,
                    Err(other) => panic!("seed {seed}: {other:?}"),
                }
            }
        }
    }
    tally
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_messages_with_crashes_are_all_accounted_for() {
    quiet();
    let seed = std::env::var("CALLBOARD_SEED").map_or(1, |seed| seed.parse().expect("a number"));
    println!("seed {seed}; set CALLBOARD_SEED to replay another");
    let config = SystemConfig::default().intensity(10_000, ms(1)).seed(seed);
    let system = System::with("soak", config);
    let handled = Arc::new(AtomicU64::new(0));
    let mut actors = Vec::new();
    for n in 0..ACTORS {
        let handled = Arc::clone(&handled);
        let mailbox = match n % 4 {
            0 => Mailbox::bounded(4),
            1 => Mailbox::bounded(64),
            2 => Mailbox::bounded(16).prioritised(),
            _ => Mailbox::bounded(1),
        };
        let spec = ChildSpec::new(format!("clerk-{n}"), move || Clerk {
            handled: Arc::clone(&handled),
        });
        // Under a supervisor of their own: the root's restarts are bounded.
        actors.push(spec.mailbox(mailbox));
    }
    let refs: Vec<_> = actors.iter().map(ChildSpec::actor_ref).collect();
    let mut team = Supervisor::new("team").intensity(10_000, ms(1));
    for spec in actors {
        team = team.child(spec);
    }
    let team = team.start(&system).await.unwrap();

    let callers: Vec<_> = (0..CALLERS)
        .map(|n| tokio::spawn(call(refs.clone(), seed * 1_000 + n)))
        .collect();
    let mut sum = Tally::default();
    for caller in callers {
        sum.add(caller.await.expect("every call has an outcome"));
    }
    idle().await;
    pass(secs(1)).await;

    assert_eq!(sum.told + sum.refused + sum.asked, CALLERS * EACH);
    let outcomes = sum.answered + sum.crashed + sum.timed_out + sum.not_sent;
    assert_eq!(outcomes, sum.asked, "{sum:?}");
    let mut counts = callboard::mailbox::Counts::default();
    for actor in &refs {
        let own = actor.counts();
        assert!(own.is_conserved(), "{}: {own}", actor.path());
        assert_eq!((own.queued, own.in_hand), (0, 0), "{}: {own}", actor.path());
        assert_eq!(
            own.failed,
            u64::from(actor.restarts()),
            "one crash, one restart"
        );
        counts += own;
    }
    assert_eq!(system.counts(), counts);
    assert!(counts.is_conserved(), "{counts}");
    assert_eq!(counts.handled, handled.load(SeqCst));
    let sent = sum.told + sum.asked - sum.not_sent;
    assert_eq!(counts.accepted, sent, "{sum:?} {counts}");
    assert_eq!(counts.handled + counts.failed, counts.accepted);
    assert!(
        counts.failed >= sum.told_to_crash + sum.crashed,
        "{sum:?} {counts}"
    );
    assert!(counts.failed > 3_000, "about one in twenty: {counts}");
    assert_eq!(team.count().restarts, counts.failed);
    assert_eq!(team.count().active, ACTORS);

    let letters = system.dead_letters();
    assert_eq!(letters.total, counts.failed, "each crash left one letter");
    assert!(
        letters
            .kept
            .iter()
            .all(|l| matches!(l.reason, DeadReason::Crashed(_)))
    );

    let report = system.shutdown(secs(5)).await.unwrap();
    assert!(report.unfinished.is_empty());
    assert_eq!(report.counts, counts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_several_threads_nothing_hangs_and_the_books_balance_at_every_look() {
    quiet();
    let config = SystemConfig::default().intensity(10_000, ms(1)).seed(3);
    let system = System::with("soak", config);
    let handled = Arc::new(AtomicU64::new(0));
    let mut refs = Vec::new();
    let mut team = Supervisor::new("team").intensity(10_000, ms(1));
    for n in 0..4 {
        let handled = Arc::clone(&handled);
        let spec = ChildSpec::new(format!("clerk-{n}"), move || Clerk {
            handled: Arc::clone(&handled),
        })
        .mailbox(8);
        refs.push(spec.actor_ref());
        team = team.child(spec);
    }
    team.start(&system).await.unwrap();
    let callers: Vec<_> = (0..8)
        .map(|seed| {
            let refs = refs.clone();
            tokio::spawn(async move {
                let mut random = StdRng::seed_from_u64(seed);
                for _ in 0..2_000 {
                    let actor = &refs[random.random_range(0..refs.len())];
                    let crashes = random.random_range(0..100) < 5;
                    if random.random_range(0..2) == 0 {
                        actor
                            .tell(Job::Told { crashes })
                            .await
                            .expect("it is there");
                        continue;
                    }
                    let naps = false;
                    let ask = actor.ask(|reply_to| Job::Asked {
                        crashes,
                        naps,
                        reply_to,
                    });
                    match ask.no_deadline().await {
                        Ok(_) => assert!(!crashes),
                        Err(AskError::Unanswered(Unanswered::Crashed)) => assert!(crashes),
                        Err(other) => panic!("seed {seed}: {other:?}"),
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        while !caller.is_finished() {
            assert!(system.counts().is_conserved(), "{}", system.counts());
            for actor in &refs {
                let counts = actor.counts();
                assert!(counts.queued + counts.in_hand <= 8, "{counts}");
            }
            tokio::task::yield_now().await;
        }
        caller.await.expect("every call has an outcome");
    }
    let report = system.shutdown(secs(30)).await.unwrap();
    let counts = report.counts;
    assert!(counts.is_conserved(), "{counts}");
    assert_eq!(counts.accepted, 16_000);
    assert_eq!(counts.handled, handled.load(SeqCst));
    assert_eq!(counts.handled + counts.failed, counts.accepted);
    assert!(report.unfinished.is_empty());
}
