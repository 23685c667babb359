//! C10: identical requests in flight share one call.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use callboard::prelude::*;
use callboard::resilience::Coalescer;
use callboard::testing::quiet_panics;

/// Answers after a second with the number of the call; 0 fails, 1 panics in its
/// first call.
fn counted(calls: &Arc<AtomicU32>) -> WorkerRef<u32, u32> {
    let calls = Arc::clone(calls);
    WorkerRef::from_fn("counted", move |n: u32| {
        let call = calls.fetch_add(1, SeqCst) + 1;
        async move {
            tokio::time::sleep(secs(1)).await;
            assert!(n != 1 || call > 1, "scripted");
            match n {
                0 => Err(Fault::transient("zero")),
                _ => Ok(call),
            }
        }
    })
}

fn shared(worker: &WorkerRef<u32, u32>) -> (Coalescer<u32, u32>, WorkerRef<u32, u32>) {
    let coalescer = Coalescer::new("counted", |n: &u32| *n);
    let guarded = coalescer.guard(worker);
    (coalescer, guarded)
}

fn asks(worker: &WorkerRef<u32, u32>, n: u32, count: usize) -> Vec<Asked> {
    (0..count)
        .map(|_| {
            let worker = worker.clone();
            tokio::spawn(async move { worker.ask(n).await })
        })
        .collect()
}

type Asked = tokio::task::JoinHandle<Result<callboard::actor::Served<u32>, Fault>>;

#[tokio::test(start_paused = true)]
async fn c10_ten_who_ask_the_same_make_one_call_and_another_key_its_own() {
    let calls = Arc::default();
    let (coalescer, shared) = shared(&counted(&calls));
    let same = asks(&shared, 7, 10);
    let other = asks(&shared, 8, 1);
    for ask in same {
        assert_eq!(ask.await.unwrap().unwrap().value, 1);
    }
    for ask in other {
        ask.await.unwrap().unwrap();
    }
    assert_eq!(calls.load(SeqCst), 2);
    let stats = coalescer.stats();
    assert_eq!((stats.led, stats.shared), (2, 9));
    // It is over: the next one asks anew.
    assert_eq!(shared.ask(7).await.unwrap().value, 3);
}

#[tokio::test(start_paused = true)]
async fn c10_a_fault_is_shared_and_not_kept() {
    let calls = Arc::default();
    let (_, shared) = shared(&counted(&calls));
    for ask in asks(&shared, 0, 3) {
        assert_eq!(ask.await.unwrap().unwrap_err().message(), "zero");
    }
    assert_eq!(calls.load(SeqCst), 1);
    shared.ask(0).await.unwrap_err();
    assert_eq!(calls.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn c10_when_the_first_asker_is_aborted_the_next_one_makes_the_call() {
    let calls = Arc::default();
    let (_, shared) = shared(&counted(&calls));
    let mut all = asks(&shared, 7, 4);
    tokio::time::sleep(ms(500)).await;
    all.remove(0).abort();
    tokio::time::sleep(ms(100)).await;
    assert_eq!(calls.load(SeqCst), 2, "one other leads, and only one");
    // The one that was going to lead next goes as well.
    all.remove(0).abort();
    for ask in all {
        assert_eq!(ask.await.unwrap().unwrap().value, 3);
    }
    assert_eq!(calls.load(SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn c10_when_the_first_asker_panics_the_next_one_makes_the_call() {
    quiet_panics();
    let calls = Arc::default();
    let (_, shared) = shared(&counted(&calls));
    let mut all = asks(&shared, 1, 3);
    assert!(all.remove(0).await.unwrap_err().is_panic());
    for ask in all {
        assert_eq!(ask.await.unwrap().unwrap().value, 2);
    }
    assert_eq!(calls.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn c10_each_asker_has_a_deadline_of_its_own() {
    let calls = Arc::default();
    let (_, shared) = shared(&counted(&calls));
    let hasty = {
        let shared = shared.clone();
        tokio::spawn(async move { shared.ask(7).deadline(ms(200)).await })
    };
    tokio::task::yield_now().await;
    let patient = asks(&shared, 7, 1).remove(0);
    tokio::task::yield_now().await;
    let also_hasty = shared.ask(7).deadline(ms(300)).await.unwrap_err();

    assert_eq!(also_hasty.class(), FaultClass::Deadline);
    let hasty = hasty.await.unwrap().unwrap_err();
    assert_eq!(hasty.class(), FaultClass::Deadline);
    assert_eq!(patient.await.unwrap().unwrap().value, 2, "it leads anew");
}

#[tokio::test(start_paused = true)]
async fn c10_the_line_behind_a_call_is_bounded() {
    let calls = Arc::default();
    let coalescer = Coalescer::new("counted", |n: &u32| *n).most_waiting(2);
    let shared = coalescer.guard(&counted(&calls));
    let all = asks(&shared, 7, 4);
    let mut refused = 0;
    for ask in all {
        if let Err(fault) = ask.await.unwrap() {
            assert_eq!(fault.class(), FaultClass::Overloaded);
            refused += 1;
        }
    }
    assert_eq!((refused, coalescer.stats().refused), (1, 1));
    coalescer.set_most_waiting(10);
    for ask in asks(&shared, 7, 5) {
        ask.await.unwrap().expect("there is room for more now");
    }
}
