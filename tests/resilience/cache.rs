//! C10: answers are kept by content, for a time, within bounds.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use callboard::prelude::*;
use callboard::resilience::cache::ContentKey;
use callboard::resilience::{Cache, CacheConfig, Fallback};

fn counted(calls: &Arc<AtomicU32>) -> WorkerRef<String, u32> {
    let calls = Arc::clone(calls);
    WorkerRef::from_fn("counted", move |text: String| {
        let call = calls.fetch_add(1, SeqCst) + 1;
        async move {
            match text.as_str() {
                "bad" => Err(Fault::transient("bad")),
                _ => Ok(call),
            }
        }
    })
}

fn ask(text: &str) -> String {
    text.to_owned()
}

#[tokio::test(start_paused = true)]
async fn c10_an_answer_is_good_for_its_time_by_the_systems_clock() {
    let calls = Arc::default();
    let cache = Cache::new("c", CacheConfig::default());
    let cached = cache.guard(&counted(&calls));

    assert_eq!(cached.ask(ask("a")).await.unwrap().value, 1);
    tokio::time::advance(secs(3_599)).await;
    assert_eq!(cached.ask(ask("a")).await.unwrap().value, 1);
    assert_eq!(cached.ask(ask("b")).await.unwrap().value, 2);
    tokio::time::advance(secs(1)).await;
    assert_eq!(cached.ask(ask("a")).await.unwrap().value, 3, "an hour");
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses), (1, 3));
    cache.reconfigure(CacheConfig::default().ttl(secs(2 * 3_600)));
    tokio::time::advance(secs(3_600)).await;
    let longer = cached.ask(ask("a")).await.unwrap();
    assert_eq!(longer.value, 3, "good for two hours now");
    cache.forget(&ask("a"));
    assert_eq!(cached.ask(ask("a")).await.unwrap().value, 4);
}

#[tokio::test(start_paused = true)]
async fn c10_faults_are_not_kept() {
    let calls = Arc::default();
    let cached = Cache::new("c", CacheConfig::default()).guard(&counted(&calls));
    cached.ask(ask("bad")).await.unwrap_err();
    cached.ask(ask("bad")).await.unwrap_err();
    assert_eq!(calls.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn c10_those_who_miss_together_share_one_call() {
    let calls: Arc<AtomicU32> = Arc::default();
    let slow = WorkerRef::from_fn("slow", {
        let calls = Arc::clone(&calls);
        move |_: String| {
            calls.fetch_add(1, SeqCst);
            async {
                tokio::time::sleep(secs(1)).await;
                Ok::<u32, Fault>(1)
            }
        }
    });
    let cached = Cache::new("c", CacheConfig::default()).guard(&slow);
    let both = tokio::join!(
        cached.ask(ask("a")).into_future(),
        cached.ask(ask("a")).into_future()
    );
    assert!(both.0.is_ok() && both.1.is_ok());
    assert_eq!(calls.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn c10_a_cache_is_a_tier_when_the_worker_is_down() {
    let calls = Arc::default();
    let cache = Cache::new("c", CacheConfig::default().ttl(secs(10)));
    let fresh = cache.guard(&counted(&calls));
    fresh.ask(ask("a")).await.unwrap();
    tokio::time::advance(secs(60)).await;

    let down = WorkerRef::from_fn("down", |_: String| async { Err(Fault::transient("down")) });
    let answer = Fallback::first("fresh", down).then("kept", cache.stale());
    let served = answer.ask(ask("a")).await.unwrap();
    assert_eq!((served.value, served.tier.as_deref()), (1, Some("kept")));
    let none = answer.ask(ask("never asked")).await.unwrap_err();
    assert!(none.message().contains("keeps no answer"), "{none}");
}

#[tokio::test(start_paused = true)]
async fn c10_no_more_is_kept_than_there_is_room_for() {
    let calls = Arc::default();
    let cache = Cache::new("c", CacheConfig::default().capacity(10));
    let cached = cache.guard(&counted(&calls));
    for n in 0..1_000 {
        cached.ask(n.to_string()).await.unwrap();
    }
    let before = calls.load(SeqCst);
    for n in 0..1_000 {
        cached.ask(n.to_string()).await.unwrap();
    }
    // moka evicts a little after the fact.
    assert!(calls.load(SeqCst) - before > 900, "{calls:?}");
}

#[test]
fn c10_the_key_is_the_content_in_whatever_order_it_is_written() {
    let pairs = [("a", 1), ("b", 2), ("c", 3), ("d", 4)];
    let forth: HashMap<_, _> = pairs.into_iter().collect();
    let back: HashMap<_, _> = pairs.into_iter().rev().collect();
    assert_eq!(
        ContentKey::of(&forth).unwrap(),
        ContentKey::of(&back).unwrap()
    );
    assert_ne!(
        ContentKey::of(&forth).unwrap(),
        ContentKey::of(&["a", "b"]).unwrap()
    );
    let known = ContentKey::of("").unwrap();
    assert_eq!(
        format!("{known:?}"),
        // printf '""' | sha256sum
        "12ae32cb1ec02d01eda3581b127c1fee3b0dc53572ed6baf239721a03d82e126"
    );
}
