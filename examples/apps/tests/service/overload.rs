//! Three times as much as it can take, on a paused clock: strict, and the same
//! every time.

use callboard::prelude::*;
use callboard::testing::{assert_conserved, quiet_panics};
use callboard_apps::load::{Plan, Report, open_loop};
use callboard_apps::service::{Service, Settings};

use crate::client::{started, summarize};

const WORKERS: usize = 8;
const WORK: Duration = ms(40);
/// Jobs in a second.
const CAPACITY: f64 = 200.0;

fn settings(crash: f64) -> Settings {
    let mut settings = Settings::default();
    settings.workers = WORKERS;
    settings.work = WORK;
    settings.crash = crash;
    settings
}

/// What a fresh service makes of so many times its capacity.
async fn load(settings: Settings, times: f64, seed: u64) -> (Service, Report) {
    let (service, router) = started(settings).await;
    let plan = Plan::new(times * CAPACITY, secs(20)).seed(seed);
    let report = open_loop(&plan, || {
        let router = router.clone();
        async move {
            let answer = summarize(&router, "Some text. And some more of it.").await;
            let is_told = answer.status.is_success() || answer.retry_after() == Some(1);
            assert!(is_told, "{answer:?}");
            answer.status.into()
        }
    })
    .await;
    (service, report)
}

/// The three promises, and that the workers were not idle.
async fn promises_hold(crash: f64, seed: u64) -> Service {
    // Alone, and without crashes: the harder measure.
    let (_, unloaded) = load(settings(0.0), 0.05, seed).await;
    assert_eq!(unloaded.refused.count, 0);
    let (service, loaded) = load(settings(crash), 3.0, seed).await;

    assert!(
        loaded.accepted.p99 <= unloaded.accepted.p99 * 2,
        "{loaded}\nunloaded:\n{unloaded}"
    );
    assert!(loaded.refused.max < ms(5), "{loaded}");

    let answers = loaded.accepted.count + loaded.refused.count;
    assert_eq!(loaded.sent, answers, "one answer each: {loaded}");
    let counted = service.tally().counted();
    assert_eq!(counted.served, loaded.accepted.count);
    assert_eq!(counted.refused, loaded.refused.count);
    assert_eq!((counted.abandoned, counted.unfinished), (0, 0));
    assert_conserved(service.system());

    let share = loaded.accepted.count as f64 / (CAPACITY * 20.0);
    assert!(share > 0.98, "{share} of what it can do");
    service
}

#[tokio::test(start_paused = true)]
async fn at_three_times_its_capacity_it_keeps_its_promises() {
    for seed in 0..3 {
        let service = promises_hold(0.0, seed).await;
        assert_eq!(service.system().restarts(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn with_every_tenth_worker_crashing_it_keeps_them_too() {
    quiet_panics();
    for seed in 0..3 {
        let service = promises_hold(0.1, seed).await;
        assert!(service.system().restarts() > 200, "they did crash");
    }
}

#[tokio::test(start_paused = true)]
async fn a_longer_line_serves_nobody_more_and_makes_all_wait() {
    let mut long = settings(0.0);
    let mut limits = long.limits();
    limits.bulkhead = limits
        .bulkhead
        .map(|config| config.max_waiting(WORKERS * 4));
    long.stack = Some(limits);
    let (_, patient) = load(long, 3.0, 0).await;
    let (_, quick) = load(settings(0.0), 3.0, 0).await;
    assert!(patient.accepted.p50 > quick.accepted.p50 * 2);
    let more = patient.accepted.count as f64 / quick.accepted.count as f64;
    assert!(more < 1.02, "{more} times as many");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run() {
    quiet_panics();
    let (_, one) = load(settings(0.1), 3.0, 5).await;
    let (_, other) = load(settings(0.1), 3.0, 5).await;
    assert_eq!(one, other);
}
