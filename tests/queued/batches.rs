//! C14: one call for many requests.

use std::error::Error;
use std::num::NonZeroUsize;
use std::sync::Arc;

use callboard::actor::Request;
use callboard::prelude::*;
use callboard::resilience::{BatchConfig, BatchWorker, Batching, MiscountedBatch};
use callboard::testing::quiet_panics;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::{Seen, settle, until};

/// Answers with ten times the number, sees each call, waits at a gate.
struct Rig {
    calls: Seen<Vec<u32>>,
    gate: Arc<Semaphore>,
    batching: Batching<u32, u32>,
}

const OPEN: usize = 1_000;

fn n(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

async fn rig(system: &System, config: BatchConfig, gates: usize) -> Rig {
    let calls = Seen::default();
    let gate = Arc::new(Semaphore::new(gates));
    let worker: BatchWorker<u32, u32> = WorkerRef::from_fn("tens", {
        let (calls, gate) = (calls.clone(), Arc::clone(&gate));
        move |all: Vec<u32>| {
            calls.note(all.clone());
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                let answer = |n| match n {
                    13 => Err(Fault::permanent("unlucky")),
                    n => Ok(n * 10),
                };
                Ok(all.into_iter().map(answer).collect())
            }
        }
    });
    let (batcher, batching) = Batching::new("b", config, &worker);
    system.spawn(batcher).await.unwrap();
    Rig {
        calls,
        gate,
        batching,
    }
}

impl Rig {
    fn ask(&self, n: u32) -> JoinHandle<Result<u32, Fault>> {
        let worker = self.batching.worker();
        tokio::spawn(async move { worker.ask(n).deadline(secs(60)).await.map(|s| s.value) })
    }
}

fn config(items: usize, wait: Duration) -> BatchConfig {
    BatchConfig::default().max_items(n(items)).max_wait(wait)
}

#[tokio::test(start_paused = true)]
async fn c14_a_batch_goes_when_it_is_full_or_has_waited() {
    let system = System::new("t");
    let rig = rig(&system, config(3, ms(10)), OPEN).await;
    let began = system.now();
    let asks: Vec<_> = (0..5).map(|n| rig.ask(n)).collect();
    settle().await;
    assert_eq!(rig.calls.all(), [vec![0, 1, 2]], "full, at once");
    for (n, ask) in (0..).zip(asks) {
        assert_eq!(ask.await.unwrap().unwrap(), n * 10);
    }
    assert_eq!(rig.calls.all(), [vec![0, 1, 2], vec![3, 4]]);
    let took = system.now() - began;
    assert!(
        (ms(10)..ms(13)).contains(&took),
        "the rest has waited: {took:?}"
    );
    let stats = rig.batching.stats();
    assert_eq!((stats.calls, stats.requests, stats.left_out), (2, 5, 0));
}

#[tokio::test(start_paused = true)]
async fn c14_each_asker_gets_its_own_answer_or_fault() {
    let system = System::new("t");
    let rig = rig(&system, config(3, secs(1)), OPEN).await;
    let (one, two, three) = (rig.ask(1), rig.ask(13), rig.ask(3));
    assert_eq!(one.await.unwrap().unwrap(), 10);
    assert_eq!(two.await.unwrap().unwrap_err().message(), "unlucky");
    assert_eq!(three.await.unwrap().unwrap(), 30);
}

#[tokio::test(start_paused = true)]
async fn c14_a_call_that_fails_fails_for_all() {
    let system = System::new("t");
    let worker: BatchWorker<u32, u32> =
        WorkerRef::from_fn("down", |_| async { Err(Fault::transient("down")) });
    let (batcher, batching) = Batching::new("b", config(2, secs(1)), &worker);
    system.spawn(batcher).await.unwrap();
    let worker = batching.worker();
    let (one, two) = tokio::join!(worker.ask(1), worker.ask(2));
    assert_eq!(
        (one.unwrap_err().message(), two.unwrap_err().message()),
        ("down", "down")
    );
}

#[tokio::test(start_paused = true)]
async fn c14_a_wrong_number_of_answers_is_a_fault_for_all() {
    let system = System::new("t");
    let worker: BatchWorker<u32, u32> = WorkerRef::from_fn("few", |_| async { Ok(vec![Ok(1)]) });
    let (batcher, batching) = Batching::new("b", config(2, secs(1)), &worker);
    system.spawn(batcher).await.unwrap();
    let worker = batching.worker();
    let (one, two) = tokio::join!(worker.ask(1), worker.ask(2));
    for fault in [one.unwrap_err(), two.unwrap_err()] {
        assert_eq!(fault.class(), FaultClass::Permanent);
        let cause = fault
            .source()
            .and_then(|cause| cause.downcast_ref::<MiscountedBatch>());
        assert_eq!(
            cause,
            Some(&MiscountedBatch {
                requests: 2,
                answers: 1
            })
        );
    }
}

#[tokio::test(start_paused = true)]
async fn c14_who_gave_up_before_the_call_is_left_out() {
    let system = System::new("t");
    let rig = rig(&system, config(16, secs(1)), OPEN).await;
    let gone = rig.ask(1);
    let stays = rig.ask(2);
    settle().await;
    gone.abort();
    assert_eq!(stays.await.unwrap().unwrap(), 20);
    assert_eq!(rig.calls.all(), [[2]]);
    assert_eq!(rig.batching.stats().left_out, 1);
}

#[tokio::test(start_paused = true)]
async fn c14_a_call_that_nobody_waits_for_is_dropped() {
    let system = System::new("t");
    let rig = rig(&system, config(2, secs(1)), 0).await;
    let asks = [rig.ask(1), rig.ask(2)];
    until(|| rig.calls.all().len() == 1).await;
    for ask in asks {
        ask.abort();
    }
    settle().await;
    // The next call begins, though the gate never opened for the first.
    rig.gate.add_permits(1);
    let (three, four) = (rig.ask(3), rig.ask(4));
    assert_eq!(three.await.unwrap().unwrap(), 30);
    assert_eq!(four.await.unwrap().unwrap(), 40);
}

#[tokio::test(start_paused = true)]
async fn c14_the_latest_deadline_is_the_batchs() {
    let system = System::new("t");
    let seen = Seen::default();
    let worker: BatchWorker<u32, u32> = WorkerRef::from_fn("late", {
        let (seen, system) = (seen.clone(), system.clone());
        move |all: Vec<u32>| {
            seen.note(Request::in_force().time_left(system.now()));
            async move {
                tokio::time::sleep(secs(3)).await;
                Ok(all.into_iter().map(Ok).collect())
            }
        }
    });
    let (batcher, batching) = Batching::new("b", config(2, secs(9)), &worker);
    system.spawn(batcher).await.unwrap();
    let worker = batching.worker();
    let (one, two) = tokio::join!(
        worker.ask(1).deadline(secs(7)),
        worker.ask(2).deadline(secs(1)),
    );
    assert_eq!(seen.all(), [Some(secs(7))]);
    assert_eq!(one.unwrap().value, 1);
    assert_eq!(
        two.unwrap_err().class(),
        FaultClass::Deadline,
        "its own time was up"
    );
}

#[tokio::test(start_paused = true)]
async fn c14_a_full_queue_refuses_as_overloaded_and_the_timer_still_comes() {
    let system = System::new("t");
    let rig = rig(&system, config(2, ms(10)).queue(n(2)), 0).await;
    let first = [rig.ask(0), rig.ask(1)];
    until(|| rig.calls.all().len() == 1).await;
    let queued = [rig.ask(2)];
    settle().await;
    // The call's own message is in hand, and one more has room.
    let refused = rig.ask(4).await.unwrap().unwrap_err();
    assert_eq!(refused.class(), FaultClass::Overloaded);
    assert!(refused.retry_after().is_some());
    rig.gate.add_permits(OPEN);
    for ask in first.into_iter().chain(queued) {
        ask.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn c14_what_was_gathered_is_done_when_the_batcher_is_drained() {
    let system = System::new("t");
    let rig = rig(&system, config(16, secs(50)), OPEN).await;
    let ask = rig.ask(1);
    settle().await;
    system.shutdown(secs(5)).await.unwrap();
    assert_eq!(ask.await.unwrap().unwrap(), 10);
}

#[tokio::test(start_paused = true)]
async fn c14_a_batcher_that_crashes_fails_who_waits_and_goes_on() {
    quiet_panics();
    let system = System::new("t");
    let worker: BatchWorker<u32, u32> = WorkerRef::from_fn("bomb", |all: Vec<u32>| async move {
        assert!(!all.contains(&0), "a bomb");
        Ok(all.into_iter().map(Ok).collect())
    });
    let (batcher, batching) = Batching::new("b", config(2, secs(1)), &worker);
    system.spawn(batcher).await.unwrap();
    let worker = batching.worker();
    let (one, two) = tokio::join!(worker.ask(1), worker.ask(0));
    for fault in [one.unwrap_err(), two.unwrap_err()] {
        assert_eq!(fault.class(), FaultClass::Transient);
    }
    assert_eq!(worker.ask(5).await.unwrap().value, 5);
}

#[tokio::test(start_paused = true)]
async fn c14_settings_hold_from_the_next_request_on() {
    let system = System::new("t");
    let rig = rig(&system, config(16, secs(50)), OPEN).await;
    let first = rig.ask(1);
    settle().await;
    rig.batching.reconfigure(config(2, secs(50)));
    let second = rig.ask(2);
    assert_eq!(first.await.unwrap().unwrap(), 10);
    assert_eq!(second.await.unwrap().unwrap(), 20);
}

#[test]
fn c14_settings_are_read_as_they_were_written() {
    let config = config(3, ms(5));
    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains(r#""max_wait":"5ms""#), "{text}");
    assert_eq!(serde_json::from_str::<BatchConfig>(&text).unwrap(), config);
    assert!(serde_json::from_str::<BatchConfig>(r#"{"max_items":0}"#).is_err());
}
