//! C6 and RL-16 to RL-19: bounded concurrency, bounded waiting.

use std::pin::pin;
use std::sync::atomic::Ordering::Relaxed;

use callboard::policy::adaptive::AdaptiveConfig;
use callboard::prelude::*;
use callboard::resilience::{Bulkhead, BulkheadConfig};
use tokio::time::Instant;

use crate::{poll_once, slow};

#[tokio::test(start_paused = true)]
async fn rl_16_a_third_call_is_refused_at_once_where_nobody_may_wait() {
    let config = BulkheadConfig::new(2).max_wait(Duration::ZERO);
    let bulkhead = Bulkhead::new("gpu", config);
    let guarded = bulkhead.guard(&slow());
    let (first, second) = (guarded.clone(), guarded.clone());
    let running = [
        tokio::spawn(async move { first.ask(1).await }),
        tokio::spawn(async move { second.ask(2).await }),
    ];
    tokio::task::yield_now().await;

    let begun = Instant::now();
    let refused = guarded.ask(3).await.unwrap_err();

    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(refused.class(), FaultClass::Overloaded);
    assert_eq!(refused.retry_after(), Some(secs(1)));
    assert!(refused.message().contains("gpu"), "{refused}");
    for call in running {
        call.await.unwrap().unwrap();
    }
    assert_eq!(
        guarded.ask(4).await.unwrap().value,
        4,
        "there is room again"
    );
    let stats = bulkhead.stats();
    assert_eq!((stats.admitted, stats.refused, stats.under_way), (3, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn rl_18_shrunk_from_three_to_one_it_lets_the_three_finish_and_then_one_at_a_time() {
    let bulkhead = Bulkhead::new("gpu", BulkheadConfig::new(3));
    let mut running: Vec<_> = (0..3).map(|_| bulkhead.try_acquire().unwrap()).collect();
    let mut fourth = pin!(bulkhead.acquire());
    let mut fifth = pin!(bulkhead.acquire());
    assert!(poll_once(fourth.as_mut()).is_pending());
    assert!(poll_once(fifth.as_mut()).is_pending());

    bulkhead.resize(1);

    for left in [2, 1] {
        running.pop();
        assert!(poll_once(fourth.as_mut()).is_pending(), "{left} still run");
        assert_eq!(bulkhead.stats().under_way, left);
    }
    running.pop();
    let served = fourth.await.unwrap();
    assert!(poll_once(fifth.as_mut()).is_pending(), "one at a time");
    assert_eq!(bulkhead.stats().under_way, 1);
    drop(served);
    let _served = fifth.await.unwrap();
    assert!(bulkhead.try_acquire().is_err());
}

#[tokio::test(start_paused = true)]
async fn rl_18_grown_it_serves_those_who_wait_in_order() {
    let bulkhead = Bulkhead::new("gpu", BulkheadConfig::new(1));
    let _running = bulkhead.try_acquire().unwrap();
    let mut second = pin!(bulkhead.acquire());
    let mut third = pin!(bulkhead.acquire());
    let mut fourth = pin!(bulkhead.acquire());
    assert!(poll_once(second.as_mut()).is_pending());
    assert!(poll_once(third.as_mut()).is_pending());
    assert!(poll_once(fourth.as_mut()).is_pending());

    bulkhead.resize(3);

    assert!(poll_once(fourth.as_mut()).is_pending(), "the last in line");
    assert!(poll_once(third.as_mut()).is_ready());
    assert!(poll_once(second.as_mut()).is_ready());
}

#[tokio::test(start_paused = true)]
async fn rl_19_without_places_it_is_always_full() {
    let bulkhead = Bulkhead::new("gpu", BulkheadConfig::new(0));
    let begun = Instant::now();
    assert!(bulkhead.try_acquire().is_err());
    assert!(bulkhead.acquire().await.is_err());
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody waits for nothing");
}

#[tokio::test(start_paused = true)]
async fn rl_19_shrunk_to_nothing_it_turns_away_those_who_wait() {
    let bulkhead = Bulkhead::new("gpu", BulkheadConfig::new(1));
    let running = bulkhead.try_acquire().unwrap();
    let waiting = tokio::spawn({
        let bulkhead = bulkhead.clone();
        async move { bulkhead.acquire().await.is_err() }
    });
    tokio::task::yield_now().await;
    bulkhead.resize(0);
    assert!(waiting.await.unwrap());
    drop(running);
    assert!(bulkhead.try_acquire().is_err());
    assert_eq!(bulkhead.stats().under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn c6_a_call_waits_as_long_as_it_may_and_no_longer() {
    let config = BulkheadConfig::new(1).max_wait(ms(300));
    let bulkhead = Bulkhead::new("gpu", config);
    let _running = bulkhead.try_acquire().unwrap();
    let begun = Instant::now();
    let full = bulkhead.acquire().await.unwrap_err();
    assert_eq!(begun.elapsed(), ms(300));
    assert_eq!((full.waited, full.under_way), (ms(300), 1));
    assert_eq!(bulkhead.stats().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn c6_the_deadline_in_force_ends_a_wait_sooner() {
    let bulkhead = Bulkhead::new("gpu", BulkheadConfig::new(1));
    let guarded = bulkhead.guard(&slow());
    let _running = bulkhead.try_acquire().unwrap();
    let begun = Instant::now();
    guarded.ask(1).deadline(ms(200)).await.unwrap_err();
    assert_eq!(begun.elapsed(), ms(200));
    assert_eq!(bulkhead.stats().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn c6_no_more_wait_than_may() {
    let bulkhead = Bulkhead::new("gpu", BulkheadConfig::new(1).max_waiting(1));
    let _running = bulkhead.try_acquire().unwrap();
    let mut second = pin!(bulkhead.acquire());
    assert!(poll_once(second.as_mut()).is_pending());
    let full = bulkhead.acquire().await.unwrap_err();
    assert_eq!((full.waiting, full.waited), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn c6_a_waiter_that_gives_up_passes_its_place_on() {
    let bulkhead = Bulkhead::new("gpu", BulkheadConfig::new(1));
    let running = bulkhead.try_acquire().unwrap();
    let mut third = pin!(bulkhead.acquire());
    {
        let mut second = pin!(bulkhead.acquire());
        assert!(poll_once(second.as_mut()).is_pending());
        assert!(poll_once(third.as_mut()).is_pending());
        drop(running);
        assert!(
            poll_once(third.as_mut()).is_pending(),
            "the place is the second's"
        );
    }
    assert!(poll_once(third.as_mut()).is_ready());
}

#[tokio::test(start_paused = true)]
async fn c6_a_call_that_is_cancelled_or_crashes_gives_its_place_back() {
    let bulkhead = Bulkhead::new("gpu", BulkheadConfig::new(1));
    let guarded = bulkhead.guard(&slow());
    {
        let mut call = pin!(std::future::IntoFuture::into_future(guarded.ask(1)));
        assert!(poll_once(call.as_mut()).is_pending());
        assert_eq!(bulkhead.stats().under_way, 1);
    }
    assert_eq!(bulkhead.stats().under_way, 0);
    callboard::testing::quiet_panics();
    let crashing = bulkhead.guard(&WorkerRef::from_fn("crashing", |_: u32| async {
        if true {
            panic!("scripted");
        }
        Ok(0)
    }));
    let crashed = tokio::spawn(async move { crashing.ask(1).await });
    assert!(crashed.await.is_err());
    assert_eq!(bulkhead.stats().under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn c6_settings_change_while_calls_are_under_way() {
    let bulkhead = Bulkhead::new("gpu", BulkheadConfig::new(1).max_wait(Duration::ZERO));
    let _running = bulkhead.try_acquire().unwrap();
    assert!(bulkhead.acquire().await.is_err());
    bulkhead.reconfigure(BulkheadConfig::new(2)).unwrap();
    assert!(bulkhead.acquire().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn c6_an_adaptive_bulkhead_finds_what_its_callee_can_take() {
    // Quick with up to ten at once; each more makes all of them slower.
    let under_way = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let callee = WorkerRef::from_fn("callee", move |(): ()| {
        let under_way = std::sync::Arc::clone(&under_way);
        async move {
            let crowd = under_way.fetch_add(1, Relaxed) + 1;
            tokio::time::sleep(ms(10) * crowd.max(10)).await;
            under_way.fetch_sub(1, Relaxed);
            Ok(())
        }
    });
    let adaptive = AdaptiveConfig::new(1, 100).late_after(ms(120));
    let bulkhead = Bulkhead::new("callee", BulkheadConfig::adaptive(adaptive));
    let guarded = bulkhead.guard(&callee);
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let guarded = guarded.clone();
            tokio::spawn(async move {
                for _ in 0..40 {
                    guarded.ask(()).await.unwrap();
                }
            })
        })
        .collect();
    tokio::time::sleep(secs(5)).await;
    let found = bulkhead.stats().max_concurrent;
    assert!((6..=14).contains(&found), "{found} of ten or so");
    for caller in callers {
        caller.await.unwrap();
    }
    bulkhead.resize(3);
    guarded.ask(()).await.unwrap();
    assert_eq!(bulkhead.stats().max_concurrent, 3, "it is fixed now");
    let nonsense = BulkheadConfig::adaptive(AdaptiveConfig::new(2, 1));
    assert!(bulkhead.reconfigure(nonsense).is_err());
}

#[test]
fn c6_settings_come_back_from_a_file_as_they_were_written() {
    let config = BulkheadConfig::new(3).max_wait(ms(1_500)).max_waiting(7);
    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains(r#""max_wait":"1s 500ms""#), "{text}");
    assert_eq!(
        serde_json::from_str::<BulkheadConfig>(&text).unwrap(),
        config
    );
    let empty: BulkheadConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(empty, BulkheadConfig::default());
    assert!(serde_json::from_str::<BulkheadConfig>(r#"{"max":1}"#).is_err());
}
