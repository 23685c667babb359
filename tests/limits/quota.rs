//! C8, RL-13 and RL-15: accounts above one another, paid beforehand and settled
//! afterwards.

use std::pin::pin;

use callboard::policy::quota::{Allowance, Cost};
use callboard::prelude::*;
use callboard::resilience::{Quota, QuotaConfig, QuotaSpent, WhenSpent};
use tokio::time::Instant;

use crate::{poll_once, slow};

fn tokens(n: u64) -> Cost {
    Cost::new().tokens(n)
}

fn hourly(n: u64) -> Allowance {
    Allowance::new().tokens(n).reset_every(secs(3_600))
}

fn left(quota: &Quota) -> u64 {
    quota.stats().left.tokens
}

#[tokio::test(start_paused = true)]
async fn rl_13_where_everyone_has_spent_it_the_agent_and_its_team_pay_nothing() {
    let everyone = Quota::new("everyone", hourly(100));
    let team = everyone.child("team", hourly(500));
    let agent = team.child("agent", hourly(500));
    let _others = everyone.try_reserve(tokens(100)).unwrap();

    let spent = agent.try_reserve(tokens(1)).unwrap_err();

    let expected = QuotaSpent::Spent {
        account: "everyone".into(),
        retry_after: Some(secs(3_600)),
    };
    assert_eq!(spent, expected);
    assert_eq!([left(&agent), left(&team), left(&everyone)], [500, 500, 0]);
}

#[tokio::test(start_paused = true)]
async fn rl_13_what_an_agent_takes_is_taken_everywhere_and_given_back_everywhere() {
    let everyone = Quota::new("everyone", hourly(100));
    let team = everyone.child("team", hourly(100));
    let [ada, bob] = ["ada", "bob"].map(|name| team.child(name, hourly(60)));
    let call = ada.try_reserve(tokens(60)).unwrap();
    assert_eq!([left(&ada), left(&team), left(&everyone)], [0, 40, 40]);
    assert!(bob.try_reserve(tokens(41)).is_err());
    assert_eq!(left(&bob), 60);
    drop(call);
    assert_eq!([left(&ada), left(&team), left(&everyone)], [60, 100, 100]);
}

#[tokio::test(start_paused = true)]
async fn rl_15_reserved_at_a_hundred_and_settled_at_two_hundred_and_fifty_it_is_a_debt() {
    let quota = Quota::new("agent", hourly(100));
    let mut call = quota.try_reserve(tokens(100)).unwrap();
    let settled = call.settle(tokens(250));
    assert_eq!((settled.extra, settled.refunded), (tokens(150), tokens(0)));
    let begun = Instant::now();
    let _next = quota.reserve(tokens(50)).await.unwrap();
    assert_eq!(begun.elapsed(), secs(7_200), "two periods pay the debt");
}

#[tokio::test(start_paused = true)]
async fn rl_15_settled_at_forty_sixty_are_refunded_and_only_once() {
    let quota = Quota::new("agent", hourly(100));
    let mut call = quota.try_reserve(tokens(100)).unwrap();
    let first = call.settle(tokens(40));
    assert_eq!(first.refunded, tokens(60));
    assert_eq!(left(&quota), 60);
    assert_eq!(call.settle(tokens(0)), first, "the first settlement counts");
    assert_eq!(left(&quota), 60);
    drop(call);
    assert_eq!(left(&quota), 60, "and it is not given back as well");
}

#[tokio::test(start_paused = true)]
async fn c8_who_waits_is_served_in_order_when_the_next_period_begins() {
    let quota = Quota::new("agent", hourly(10));
    let begun = Instant::now();
    let _first = quota.try_reserve(tokens(10)).unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let quota = quota.clone();
            tokio::spawn(async move {
                let mut call = quota.reserve(tokens(6)).await.unwrap();
                call.settle(tokens(6));
                begun.elapsed()
            })
        })
        .collect();
    let mut waits = Vec::new();
    for one in waiting {
        waits.push(one.await.unwrap());
    }
    assert_eq!(waits, [secs(3_600), secs(7_200), secs(10_800)]);
}

#[tokio::test(start_paused = true)]
async fn c8_a_refund_serves_who_waits_in_any_account_below() {
    let everyone = Quota::new("everyone", hourly(10));
    let [ada, bob] = ["ada", "bob"].map(|name| everyone.child(name, hourly(10)));
    let mut call = ada.try_reserve(tokens(10)).unwrap();
    let waiting = tokio::spawn(async move { bob.reserve(tokens(5)).await.is_ok() });
    tokio::task::yield_now().await;
    let begun = Instant::now();
    call.settle(tokens(3));
    assert!(waiting.await.unwrap());
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn c8_spent_means_refused_where_the_settings_say_so() {
    let config = QuotaConfig::new(hourly(10)).when_spent(WhenSpent::Refuse);
    let quota = Quota::new("agent", config);
    let guarded = quota.guard(&slow(), |n| tokens(u64::from(*n)));
    guarded.ask(10).await.unwrap();
    let refused = guarded.ask(1).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Budget);
    assert_eq!(refused.retry_after(), Some(secs(3_599)));
    assert!(refused.message().contains("agent"), "{refused}");
    let impossible = guarded.ask(11).await.unwrap_err();
    assert_eq!(impossible.retry_after(), None);
    assert_eq!(quota.stats().refused, 2);
}

#[tokio::test(start_paused = true)]
async fn c8_nobody_waits_beyond_its_deadline_or_for_what_no_time_brings_back() {
    let quota = Quota::new("agent", hourly(10));
    let guarded = quota.guard(&slow(), |_| tokens(10));
    guarded.ask(1).await.unwrap();
    let begun = Instant::now();
    let refused = guarded.ask(1).deadline(secs(60)).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Budget);

    let for_ever = Quota::new("trial", Allowance::new().tokens(10));
    let mut call = for_ever.reserve(tokens(10)).await.unwrap();
    call.settle(tokens(10));
    let spent = for_ever.reserve(tokens(1)).await.unwrap_err();
    assert_eq!(spent.retry_after(), None);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    for_ever.reset();
    assert!(for_ever.reserve(tokens(1)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn c8_work_that_is_metered_is_settled_at_what_it_was() {
    let quota = Quota::new("agent", hourly(1_000));
    let guarded = quota.guard_metered(
        &slow(),
        |_| tokens(100),
        |served| tokens(served.value.into()),
    );
    guarded.ask(250).await.unwrap();
    assert_eq!(left(&quota), 750);
    guarded.ask(40).await.unwrap();
    assert_eq!(left(&quota), 710);
    let failing = WorkerRef::from_fn("failing", |_: u32| async {
        Err::<u32, _>(Fault::transient("down"))
    });
    let failing = quota.guard(&failing, |_| tokens(10));
    failing.ask(1).await.unwrap_err();
    assert_eq!(left(&quota), 700, "it was asked");
}

#[tokio::test(start_paused = true)]
async fn c8_a_call_that_is_cancelled_is_given_back() {
    let quota = Quota::new("agent", hourly(100));
    let guarded = quota.guard(&slow(), |_| tokens(30));
    {
        let mut call = pin!(std::future::IntoFuture::into_future(guarded.ask(1)));
        assert!(poll_once(call.as_mut()).is_pending());
        assert_eq!(left(&quota), 70);
    }
    assert_eq!(left(&quota), 100);
}

#[tokio::test(start_paused = true)]
async fn c8_one_who_waits_and_gives_up_has_taken_nothing() {
    let quota = Quota::new("agent", hourly(10));
    let _first = quota.try_reserve(tokens(5)).unwrap();
    {
        let mut waits = pin!(quota.reserve(tokens(6)));
        assert!(poll_once(waits.as_mut()).is_pending());
        assert!(quota.try_reserve(tokens(1)).is_err(), "nobody overtakes");
    }
    assert_eq!((left(&quota), quota.stats().waiting), (5, 0));
    assert!(quota.try_reserve(tokens(1)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn c8_another_allowance_is_in_force_with_the_next_period() {
    let quota = Quota::new("agent", hourly(10));
    quota.reconfigure(hourly(20)).unwrap();
    assert_eq!(left(&quota), 10);
    tokio::time::advance(secs(3_600)).await;
    assert_eq!(left(&quota), 20);
    let never = Allowance::new().reset_every(Duration::ZERO);
    assert!(quota.reconfigure(never).is_err());
}

#[test]
fn c8_settings_come_back_from_a_file_as_they_were_written() {
    let config = QuotaConfig::new(hourly(7).micros(9)).max_waiting(3);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(serde_json::from_str::<QuotaConfig>(&text).unwrap(), config);
    let empty: QuotaConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(empty, QuotaConfig::default());
}
