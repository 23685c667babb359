//! C7 and RL-12: a bucket for each key, in bounded memory.

use callboard::policy::rate::TokenBucket;
use callboard::prelude::*;
use callboard::resilience::{KeyedRateLimiter, KeyedRateLimiterConfig};

#[tokio::test(start_paused = true)]
async fn rl_12_of_a_million_keys_only_those_in_use_are_remembered() {
    let limiter = KeyedRateLimiter::new("tenant", TokenBucket::default());
    let mut most = 0;
    for key in 0..1_000_000_u64 {
        // A key takes one, and its bucket is full again after 100 ms: 10,000
        // later ones.
        let now = Duration::from_micros(10 * key);
        limiter.try_take_at(now, &key, 1).unwrap();
        most = most.max(limiter.stats().keys);
    }
    assert!(most <= 20_001, "twice those in use: {most}");
    tokio::time::advance(secs(20)).await;
    limiter.shrink();
    assert_eq!(limiter.stats().keys, 0);
}

#[tokio::test(start_paused = true)]
async fn rl_12_a_million_keys_at_once_meet_the_maximum_and_no_key_is_forgotten() {
    let config = KeyedRateLimiterConfig::new(TokenBucket::per_second(1)).max_keys(1_000);
    let limiter = KeyedRateLimiter::new("tenant", config);
    for key in 0..1_000_000_u64 {
        let is_granted = limiter.try_take(&key, 1).is_ok();
        assert_eq!(is_granted, key < 1_000, "{key}");
    }
    let refused = limiter.try_take(&5_000, 1).unwrap_err();
    assert_eq!(refused.retry_after(), Some(secs(1)), "when there is room");
    assert!(limiter.try_take(&7, 1).is_err(), "it is still remembered");
    assert_eq!(limiter.stats().keys, 1_000);

    tokio::time::advance(secs(1)).await;
    limiter.try_take(&5_000, 1).unwrap();
    assert_eq!(limiter.stats().keys, 1, "the others are idle");
}

#[tokio::test(start_paused = true)]
async fn c7_each_key_has_a_bucket_of_its_own() {
    let limiter = KeyedRateLimiter::new("tenant", TokenBucket::per_second(2));
    let echo = WorkerRef::from_fn("echo", |tenant: &'static str| async move { Ok(tenant) });
    let guarded = limiter.guard(&echo, |tenant| *tenant);
    guarded.ask("ada").await.unwrap();
    guarded.ask("ada").await.unwrap();
    let refused = guarded.ask("ada").await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Overloaded);
    assert_eq!(refused.retry_after(), Some(ms(500)));
    guarded.ask("bob").await.unwrap();
    assert!(
        limiter
            .try_take(&"eve", 3)
            .unwrap_err()
            .retry_after()
            .is_none()
    );
    assert_eq!(limiter.stats().keys, 2, "what is refused leaves no trace");
}

#[tokio::test(start_paused = true)]
async fn c7_keys_keep_their_tokens_when_the_rate_changes() {
    let limiter = KeyedRateLimiter::new("tenant", TokenBucket::per_second(4));
    limiter.try_take(&1, 3).unwrap();
    limiter.reconfigure(TokenBucket::per_minute(60)).unwrap();
    limiter.try_take(&1, 1).unwrap();
    let refused = limiter.try_take(&1, 1).unwrap_err();
    assert_eq!(refused.retry_after(), Some(secs(1)));
    assert!(
        limiter
            .reconfigure(TokenBucket::new(1, Duration::ZERO))
            .is_err()
    );
}

#[tokio::test]
async fn c7_threads_that_share_a_key_get_no_more_than_its_capacity() {
    let limiter = KeyedRateLimiter::new("tenant", TokenBucket::new(1, secs(3_600)).capacity(50));
    let granted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let takes = (0..1_000_u32).map(|n| limiter.try_take(&(n % 3), 1));
                    takes.filter(Result::is_ok).count()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(granted, 150);
    assert_eq!(limiter.stats().keys, 3);
}
