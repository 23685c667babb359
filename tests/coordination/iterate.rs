//! D11: loops to convergence.

use callboard::coordination::iterate;
use callboard::prelude::*;
use callboard::testing::Script;

use crate::common::{plus_one, scripted};

/// A worker that says these, one after the other.
async fn saying(system: &System, values: &[u32]) -> (WorkerRef<u32, u32>, Script<u32>) {
    let script = values.iter().fold(Script::new(), |it, n| it.answer(*n));
    (scripted(system, "w", script.clone()).await, script)
}

#[tokio::test(start_paused = true)]
async fn d11_it_ends_when_the_score_changes_no_more() {
    let system = System::new("t");
    let (worker, script) = saying(&system, &[10, 20, 20, 99]).await;
    let it = iterate(worker, |n| f64::from(*n))
        .start(&system, "loop")
        .await;
    assert_eq!(it.unwrap().ask(0).await.unwrap().value, 20);
    assert_eq!(script.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn d11_it_ends_when_the_score_is_good_enough() {
    let system = System::new("t");
    let it = iterate(plus_one(), |n| f64::from(*n)).good_enough(5.0);
    let it = it.start(&system, "loop").await.unwrap();
    assert_eq!(it.ask(0).await.unwrap().value, 5);
    assert_eq!(it.ask(7).await.unwrap().value, 8, "once at least");
}

#[tokio::test(start_paused = true)]
async fn d11_the_best_so_far_is_the_result() {
    let system = System::new("t");
    let (worker, script) = saying(&system, &[10, 40, 20, 30, 99]).await;
    let it = iterate(worker, |n| f64::from(*n)).at_most(4);
    let it = it.start(&system, "loop").await.unwrap();
    assert_eq!(it.ask(0).await.unwrap().value, 40);
    assert_eq!(script.calls(), 4, "never more often than said");
}

#[tokio::test(start_paused = true)]
async fn d11_with_no_iteration_left_somebody_else_gets_the_best_so_far() {
    let system = System::new("t");
    let (worker, _) = saying(&system, &[10, 40, 20]).await;
    let it = iterate(worker, |n| f64::from(*n)).at_most(3);
    let it = it.escalate_to(plus_one()).start(&system, "loop").await;
    assert_eq!(it.unwrap().ask(0).await.unwrap().value, 41);
}

#[tokio::test(start_paused = true)]
async fn d11_each_iteration_is_an_event_and_the_last_ones_warn() {
    let system = System::new("t");
    let mut events = system.events();
    let it = iterate(plus_one(), |n| f64::from(*n)).at_most(5);
    let it = it.start(&system, "loop").await.unwrap();
    it.ask(0).await.unwrap();
    let mut steps = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::Step { outcome, .. } = event {
            steps.push(outcome.to_string());
        }
    }
    assert_eq!(steps, ["done", "done", "done", "done, few left", "done"]);
}

#[tokio::test(start_paused = true)]
async fn d11_a_score_that_is_no_number_is_never_the_best() {
    let system = System::new("t");
    let (worker, _) = saying(&system, &[0, 3, 0]).await;
    let score = |n: &u32| if *n == 0 { f64::NAN } else { f64::from(*n) };
    let it = iterate(worker, score).at_most(3);
    let it = it.start(&system, "loop").await.unwrap();
    assert_eq!(it.ask(0).await.unwrap().value, 3);

    let nonsense = iterate(plus_one(), |_| 0.0).good_enough(f64::NAN);
    let nonsense = nonsense.start(&system, "nonsense").await;
    assert!(matches!(nonsense, Err(StartError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn d11_an_iteration_that_fails_ends_the_run() {
    let system = System::new("t");
    let script = Script::new().answer(1).fault(Fault::transient("no"));
    let worker = scripted(&system, "w", script).await;
    let it = iterate(worker, |n| f64::from(*n))
        .start(&system, "loop")
        .await;
    let fault = it.unwrap().ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Transient);
}
