//! C7 and the RL rows that need a clock: rate limiters in front of workers.

use std::pin::pin;

use callboard::policy::rate::{FixedWindow, InvalidRateLimit, SlidingWindow, TokenBucket};
use callboard::prelude::*;
use callboard::resilience::{RateLimited, RateLimiter, RateLimiterConfig, WhenSpent};
use tokio::time::Instant;

use crate::poll_once;

fn one_a_second() -> TokenBucket {
    TokenBucket::per_second(1)
}

fn echo() -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("echo", |n| async move { Ok(n) })
}

#[tokio::test(start_paused = true)]
async fn rl_01_the_sixth_of_five_is_told_to_come_in_a_second() {
    let limiter = RateLimiter::new("search", one_a_second().capacity(5));
    for _ in 0..5 {
        limiter.try_take(1).unwrap();
    }
    let limited = limiter.try_take(1).unwrap_err();
    assert_eq!(limited.retry_after(), Some(secs(1)));
    tokio::time::advance(secs(1)).await;
    limiter.try_take(1).unwrap();
    let stats = limiter.stats();
    assert_eq!((stats.refused, stats.available), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn rl_04_more_than_there_can_be_is_impossible_even_for_who_would_wait() {
    let limiter = RateLimiter::new("search", one_a_second().capacity(5));
    let begun = Instant::now();
    let expected = RateLimited::Impossible {
        name: "search".into(),
        n: 6,
        most: 5,
    };
    assert_eq!(limiter.try_take(6).unwrap_err(), expected);
    assert_eq!(limiter.take(6).await.unwrap_err(), expected);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(Fault::from(expected).class(), FaultClass::Permanent);
}

#[tokio::test(start_paused = true)]
async fn rl_08_three_who_reserve_beyond_the_cycle_wait_one_two_and_three_cycles() {
    let limiter = RateLimiter::new("bill", FixedWindow::new(1, secs(10)));
    limiter.try_take(1).unwrap();
    let begun = Instant::now();
    let waiting: Vec<_> = (1..=3)
        .map(|nth| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                limiter.take(1).await.unwrap();
                (nth, begun.elapsed())
            })
        })
        .collect();
    let mut found = Vec::new();
    for one in waiting {
        found.push(one.await.unwrap());
    }
    assert_eq!(found, [(1, secs(10)), (2, secs(20)), (3, secs(30))]);
}

#[tokio::test(start_paused = true)]
async fn rl_09_those_who_wait_when_the_limit_changes_wait_by_the_new_one() {
    for (next, expected) in [(4, [secs(10), secs(10)]), (1, [secs(10), secs(20)])] {
        let limiter = RateLimiter::new("bill", FixedWindow::new(2, secs(10)));
        limiter.try_take(1).unwrap();
        let begun = Instant::now();
        limiter
            .reconfigure(FixedWindow::new(next, secs(10)))
            .unwrap();
        assert_eq!(limiter.stats().available, 1, "this cycle keeps what it has");
        limiter.try_take(1).unwrap();
        let [first, second] = [(); 2].map(|()| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                limiter.take(1).await.unwrap();
                begun.elapsed()
            })
        });
        assert_eq!([first.await.unwrap(), second.await.unwrap()], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn rl_10_a_drained_limiter_refuses_until_it_is_refilled() {
    let limiter = RateLimiter::new("search", one_a_second().capacity(5));
    limiter.drain();
    let limited = limiter.try_take(1).unwrap_err();
    assert_eq!(limited.retry_after(), Some(secs(1)));
    tokio::time::advance(secs(1)).await;
    limiter.try_take(1).unwrap();
}

#[tokio::test(start_paused = true)]
async fn c7_those_who_wait_are_served_in_order_and_nobody_overtakes() {
    let limiter = RateLimiter::new("search", one_a_second());
    limiter.try_take(1).unwrap();
    let begun = Instant::now();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                limiter.take(1).await.unwrap();
                begun.elapsed()
            })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(limiter.stats().waiting, 3);
    let newcomer = limiter.try_take(1).unwrap_err();
    assert_eq!(newcomer.retry_after(), Some(secs(4)), "behind the three");
    let mut waits = Vec::new();
    for one in waiting {
        waits.push(one.await.unwrap());
    }
    assert_eq!(waits, [secs(1), secs(2), secs(3)]);
    assert_eq!(limiter.stats().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn c7_one_who_gives_up_gives_its_turn_to_the_next() {
    let limiter = RateLimiter::new("search", one_a_second());
    limiter.try_take(1).unwrap();
    let begun = Instant::now();
    let mut second = pin!(limiter.take(1));
    {
        let mut first = pin!(limiter.take(1));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
    }
    second.await.unwrap();
    assert_eq!(begun.elapsed(), secs(1));
    assert_eq!(limiter.stats().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn c7_a_wait_that_would_outlive_the_deadline_fails_at_once() {
    let config = RateLimiterConfig::new(one_a_second()).when_spent(WhenSpent::Wait);
    let limiter = RateLimiter::new("search", config);
    let guarded = limiter.guard(&echo());
    guarded.ask(1).await.unwrap();
    let begun = Instant::now();
    let refused = guarded.ask(2).deadline(ms(900)).await.unwrap_err();
    assert_eq!(
        begun.elapsed(),
        Duration::ZERO,
        "it does not wait for nothing"
    );
    assert_eq!(refused.class(), FaultClass::Overloaded);
    assert_eq!(refused.retry_after(), Some(secs(1)));
    guarded.ask(3).deadline(secs(2)).await.unwrap();
    assert_eq!(begun.elapsed(), secs(1));
}

#[tokio::test(start_paused = true)]
async fn c7_a_guard_refuses_at_once_and_names_the_limit() {
    let limiter = RateLimiter::new("search", SlidingWindow::new(2, secs(60)));
    let guarded = limiter.guard(&echo());
    guarded.ask(1).await.unwrap();
    tokio::time::advance(secs(20)).await;
    guarded.ask(2).await.unwrap();
    let refused = guarded.ask(3).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Overloaded);
    assert_eq!(refused.retry_after(), Some(secs(40)));
    assert!(refused.message().contains("search"), "{refused}");
    let stats = limiter.stats();
    assert_eq!((stats.admitted, stats.refused), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn c7_no_more_wait_than_may() {
    let config = RateLimiterConfig::new(one_a_second()).max_waiting(1);
    let limiter = RateLimiter::new("search", config);
    limiter.try_take(1).unwrap();
    let mut first = pin!(limiter.take(1));
    assert!(poll_once(first.as_mut()).is_pending());
    let begun = Instant::now();
    let crowded = limiter.take(1).await.unwrap_err();
    assert_eq!(crowded.retry_after(), Some(secs(2)));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(limiter.stats().waiting, 1);
}

#[tokio::test(start_paused = true)]
async fn c7_another_rate_is_in_force_at_once_even_for_who_waits() {
    let limiter = RateLimiter::new("search", TokenBucket::new(1, secs(3_600)));
    limiter.try_take(1).unwrap();
    let begun = Instant::now();
    let waiting = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.take(1).await }
    });
    tokio::task::yield_now().await;
    limiter.reconfigure(one_a_second()).unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(begun.elapsed(), secs(1));

    let refused = limiter.reconfigure(TokenBucket::new(1, Duration::ZERO));
    assert_eq!(refused, Err(InvalidRateLimit::NoTime));
    let refused = limiter.reconfigure(SlidingWindow::default());
    assert_eq!(refused, Err(InvalidRateLimit::OtherKind));
}

#[test]
fn c7_settings_come_back_from_a_file_as_they_were_written() {
    let config = RateLimiterConfig::new(SlidingWindow::new(7, ms(2_500)))
        .when_spent(WhenSpent::Wait)
        .max_waiting(3);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(
        serde_json::from_str::<RateLimiterConfig>(&text).unwrap(),
        config
    );
    let empty: RateLimiterConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(empty, RateLimiterConfig::default());
}

#[tokio::test(start_paused = true)]
async fn c7_one_who_wants_little_does_not_overtake_one_who_waits_for_much() {
    let limiter = RateLimiter::new("search", one_a_second().capacity(2));
    limiter.try_take(1).unwrap();
    let mut much = pin!(limiter.take(2));
    assert!(poll_once(much.as_mut()).is_pending());
    let little = limiter.try_take(1).unwrap_err();
    assert_eq!(
        little.retry_after(),
        Some(secs(2)),
        "one is there, for the other"
    );
    much.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn c7_a_wait_behind_others_that_would_outlive_the_deadline_fails_at_once() {
    let config = RateLimiterConfig::new(one_a_second()).when_spent(WhenSpent::Wait);
    let limiter = RateLimiter::new("search", config);
    let guarded = limiter.guard(&echo());
    guarded.ask(1).await.unwrap();
    let mut first = pin!(limiter.take(1));
    assert!(poll_once(first.as_mut()).is_pending());
    let begun = Instant::now();
    let refused = guarded.ask(2).deadline(ms(1_500)).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::ZERO, "it is the second in line");
    assert_eq!(refused.retry_after(), Some(secs(2)));
}
