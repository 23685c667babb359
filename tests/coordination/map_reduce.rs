//! D4: map-reduce over real actors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::coordination::{Reduction, map_reduce};
use callboard::prelude::*;
use callboard::testing::Script;

use crate::common::scripted;

/// Gives the batch back, the earlier the batch the later.
fn echo() -> WorkerRef<Vec<u32>, Vec<u32>> {
    WorkerRef::from_fn("echo", |batch: Vec<u32>| async move {
        tokio::time::sleep(ms(u64::from(1_000 - batch[0]))).await;
        Ok(batch)
    })
}

#[tokio::test(start_paused = true)]
async fn d4_results_are_combined_in_the_order_of_the_batches() {
    let system = System::new("t");
    let all = map_reduce(echo(), Reduction::concatenate())
        .batches_of(7)
        .concurrency(3);
    let all = all.start(&system, "all").await.unwrap();
    let list: Vec<u32> = (0..100).collect();
    let answer = all.ask(list.clone()).deadline(secs(60)).await;
    assert_eq!(answer.unwrap().value, list);
    assert_eq!(all.ask(vec![]).await.unwrap().value, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn d4_sums_and_the_greatest_are_ready_made() {
    let system = System::new("t");
    let sum = echo().map(|batch| batch.into_iter().sum::<u32>());
    let sum = map_reduce(sum, Reduction::sum()).batches_of(3);
    let sum = sum.start(&system, "sum").await.unwrap();
    assert_eq!(sum.ask((0..10).collect()).await.unwrap().value, 45);
    assert_eq!(sum.ask(vec![]).await.unwrap().value, 0);

    let max = echo().map(|batch| batch.into_iter().max().unwrap_or_default());
    let max = map_reduce(max, Reduction::max()).batches_of(2);
    let max = max.start(&system, "max").await.unwrap();
    assert_eq!(max.ask(vec![3, 9, 4, 1]).await.unwrap().value, 9);
    let fault = max.ask(vec![]).await.unwrap_err();
    assert_eq!(fault.message(), "there is nothing to reduce");
}

#[tokio::test(start_paused = true)]
async fn d4_what_is_commutative_is_combined_as_it_comes() {
    let system = System::new("t");
    let join = Reduction::unordered(|a: String, b: String| a + &b);
    let text = echo().map(|batch| format!("{batch:?}"));
    let text = map_reduce(text, join).batches_of(2);
    let text = text.start(&system, "text").await.unwrap();
    let answer = text.ask(vec![0, 1, 2, 3, 4]).await.unwrap();
    assert_eq!(answer.value, "[4][2, 3][0, 1]");
}

#[tokio::test(start_paused = true)]
async fn d4_no_batch_is_begun_far_ahead_of_the_slowest() {
    let system = System::new("t");
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let hangs_at_first = WorkerRef::from_fn("w", move |batch: Vec<u32>| {
        count.fetch_add(1, SeqCst);
        async move {
            if batch[0] == 0 {
                std::future::pending::<()>().await;
            }
            Ok(batch)
        }
    });
    let all = map_reduce(hangs_at_first, Reduction::concatenate())
        .batches_of(1)
        .concurrency(3);
    let all = all.start(&system, "all").await.unwrap();
    let late = all.ask((0..100).collect()).deadline(secs(1)).await;
    assert_eq!(late.unwrap_err().class(), FaultClass::Deadline);
    assert_eq!(begun.load(SeqCst), 6);
}

#[tokio::test(start_paused = true)]
async fn d4_a_batch_is_tried_again_as_often_as_said_and_then_the_run_fails() {
    let system = System::new("t");
    let busy = || Fault::transient("busy");
    let script = Script::new().fault(busy()).answer(1).answer(2);
    let script = script.fault(busy()).fault(busy());
    let worker: WorkerRef<Vec<u32>, u32> = system
        .spawn(ChildSpec::new("w", script.worker()))
        .await
        .unwrap()
        .into();
    let sum = map_reduce(worker, Reduction::sum())
        .batches_of(1)
        .concurrency(1)
        .attempts(2);
    let sum = sum.start(&system, "sum").await.unwrap();
    assert_eq!(sum.ask(vec![0, 0]).await.unwrap().value, 3);
    let fault = sum.ask(vec![0]).await.unwrap_err();
    assert_eq!(fault.message(), "t/w: busy");
    assert_eq!(script.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn d4_a_list_that_would_take_too_many_calls_is_refused() {
    let system = System::new("t");
    let one = scripted_one(&system).await;
    let sum = map_reduce(one, Reduction::sum()).batches_of(1).calls(10);
    let sum = sum.start(&system, "sum").await.unwrap();
    let fault = sum.ask(vec![0; 100]).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains("no more calls"), "{fault}");
}

async fn scripted_one(system: &System) -> WorkerRef<Vec<u32>, u32> {
    let ones = (0..100).fold(Script::new(), |script, _| script.answer(1));
    let one = scripted(system, "one", ones).await;
    let first = WorkerRef::from_fn("first", |batch: Vec<u32>| async move { Ok(batch[0]) });
    first.and_then(one)
}
