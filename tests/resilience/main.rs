//! C1, first form: the breaker in front of workers, on a paused clock.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod balancer;
mod breaker;
#[cfg(feature = "cache")]
mod cache;
mod coalesce;
mod degradation;
mod fallback;
mod retry;
mod stack;

use callboard::policy::breaker::State;
use callboard::prelude::*;
use callboard::testing::{Script, quiet_panics};

async fn mock(system: &System, script: &Script<u32>) -> WorkerRef<u32, u32> {
    let spec = ChildSpec::new("mock", script.worker());
    system.spawn(spec).await.expect("it starts").into()
}

fn busy() -> Fault {
    Fault::transient("busy")
}

#[tokio::test(start_paused = true)]
async fn c1_failures_in_a_row_open_it_and_the_worker_is_not_asked() {
    let system = System::new("t");
    let script = Script::new().fault(busy()).fault(busy()).answer(1);
    let breaker = Breaker::new("mock", Breaker::consecutive(2).open_for(secs(10)));
    let guarded = breaker.guard(&mock(&system, &script).await);

    guarded.ask(0).await.unwrap_err();
    guarded.ask(0).await.unwrap_err();
    let refused = guarded.ask(0).await.unwrap_err();

    assert_eq!(breaker.state(), State::Open);
    assert_eq!(refused.class(), FaultClass::Cascading);
    assert_eq!(refused.retry_after(), Some(secs(10)));
    assert_eq!(script.calls(), 2, "the third call never reached it");
    assert_eq!(breaker.stats().not_permitted, 1);
}

#[tokio::test(start_paused = true)]
async fn c1_after_its_rest_probes_that_succeed_close_it() {
    let system = System::new("t");
    let script = Script::new().fault(busy()).answer(1).answer(2).answer(3);
    let config = Breaker::consecutive(1)
        .open_for(secs(10))
        .success_threshold(2);
    let breaker = Breaker::new("mock", config);
    let guarded = breaker.guard(&mock(&system, &script).await);

    guarded.ask(0).await.unwrap_err();
    tokio::time::advance(secs(10)).await;

    assert_eq!(guarded.ask(0).await.unwrap().value, 1);
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(guarded.ask(0).await.unwrap().value, 2);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn c1_a_failed_probe_opens_it_again() {
    let system = System::new("t");
    let script = Script::new().fault(busy()).fault(busy()).answer(1);
    let breaker = Breaker::new("mock", Breaker::consecutive(1).open_for(secs(10)));
    let guarded = breaker.guard(&mock(&system, &script).await);

    guarded.ask(0).await.unwrap_err();
    tokio::time::advance(secs(10)).await;
    guarded.ask(0).await.unwrap_err();

    assert_eq!(breaker.state(), State::Open);
    tokio::time::advance(secs(9)).await;
    let refused = guarded.ask(0).await.unwrap_err();
    assert_eq!(refused.retry_after(), Some(secs(1)));
}

#[tokio::test(start_paused = true)]
async fn c1_only_as_many_probes_as_allowed_are_out_and_a_dropped_one_comes_back() {
    let breaker = Breaker::new("x", Breaker::consecutive(1).open_for(secs(1)).probes(2));
    breaker.try_acquire().unwrap().failure();
    tokio::time::advance(secs(1)).await;

    let first = breaker.try_acquire().unwrap();
    let _second = breaker.try_acquire().unwrap();
    assert!(breaker.try_acquire().is_err(), "two are out");
    drop(first);
    assert!(
        breaker.try_acquire().is_ok(),
        "a dropped call counts neither way"
    );
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn c1_the_requests_own_faults_do_not_count() {
    let system = System::new("t");
    let bad = Fault::permanent("bad request");
    let script = Script::new().fault(bad.clone()).fault(bad).answer(1);
    let breaker = Breaker::new("mock", Breaker::consecutive(1));
    let guarded = breaker.guard(&mock(&system, &script).await);

    guarded.ask(0).await.unwrap_err();
    guarded.ask(0).await.unwrap_err();
    assert_eq!(guarded.ask(0).await.unwrap().value, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn c1_crashes_and_deadlines_count_as_failures() {
    quiet_panics();
    let system = System::new("t");
    let script = Script::new().panic("scripted").hang();
    let breaker = Breaker::new("mock", Breaker::consecutive(2));
    let guarded = breaker.guard(&mock(&system, &script).await);

    assert_eq!(
        guarded.ask(0).await.unwrap_err().class(),
        FaultClass::Transient
    );
    let late = guarded.ask(0).deadline(secs(1)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_worker_whose_asker_gave_up_is_free_for_the_next_job() {
    let system = System::new("t");
    let script = Script::new().hang().answer(7);
    let worker = mock(&system, &script).await;

    worker.ask(0).deadline(ms(100)).await.unwrap_err();
    assert_eq!(worker.ask(0).deadline(ms(100)).await.unwrap().value, 7);
}
