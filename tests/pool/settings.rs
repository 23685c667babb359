//! Settings: read, checked, changed while the pool runs.

use callboard::policy::choice::{Dispatch, InvalidWeights, LoadWeights};
use callboard::policy::sizing::{InvalidSizing, Surplus};
use callboard::prelude::*;
use callboard::supervision::{InvalidPool, LeaseError, PoolConfig, Reset};

use crate::common::{Do, Office, until};

#[test]
fn c12_settings_are_read_as_they_were_written() {
    let config = PoolConfig::new(4..=16)
        .idle_for(secs(30))
        .grow_at(2)
        .surplus(Surplus::AtOnce)
        .queue(7)
        .overflow(Overflow::Block)
        .per_member(3)
        .dispatch(Dispatch::Weighted(LoadWeights::new(1.0, 0.0, 0.0)))
        .reset(Reset::AfterEachJob);
    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains(r#""idle_for":"30s""#), "{text}");
    assert_eq!(serde_json::from_str::<PoolConfig>(&text).unwrap(), config);
    assert_eq!(
        serde_json::from_str::<PoolConfig>("{}").unwrap(),
        PoolConfig::default()
    );
    assert!(serde_json::from_str::<PoolConfig>(r#"{"size": 4}"#).is_err());
}

#[test]
fn c12_settings_that_make_no_sense_are_named() {
    assert_eq!(PoolConfig::default().validate(), Ok(()));
    let cases = [
        (
            PoolConfig::new(0..=0),
            InvalidPool::Size(InvalidSizing::NoMembers),
        ),
        (
            PoolConfig::default().overflow(Overflow::DropNewest),
            InvalidPool::Drops,
        ),
        (
            PoolConfig::default().dispatch(Dispatch::Weighted(LoadWeights::new(0.0, 0.0, 0.0))),
            InvalidPool::Weights(InvalidWeights::Nothing),
        ),
    ];
    for (config, why) in cases {
        assert_eq!(config.validate(), Err(why));
    }
}

#[tokio::test(start_paused = true)]
async fn c12_a_change_that_makes_no_sense_changes_nothing() {
    let system = System::new("t");
    let pool = Office::default().pool(2..=2).start(&system).await.unwrap();
    let before = pool.config();
    let keyed = before.clone().queue(3).dispatch(Dispatch::Keyed);
    assert_eq!(pool.reconfigure(keyed), Err(InvalidPool::NoKey));
    assert!(pool.resize(0..=0).is_err());
    assert_eq!(pool.config(), before);
    let refused = Office::default().pool(1..=1).dispatch(Dispatch::Keyed);
    assert!(refused.start(&system).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn c12_more_room_at_the_members_serves_who_waits_at_once() {
    let system = System::new("t");
    let pool = Office::default()
        .pool(1..=1)
        .queue(1)
        .start(&system)
        .await
        .unwrap();
    let held = pool.lease().await.unwrap();
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.lease().await }
    });
    until(|| pool.status().waiting == 1).await;
    assert_eq!(pool.lease().await.unwrap_err(), LeaseError::Full);
    pool.reconfigure(pool.config().per_member(2)).unwrap();
    let served = waiting.await.unwrap().unwrap();
    assert_eq!((pool.status().jobs, pool.status().busy), (2, 1));
    drop((held, served));
    assert_eq!((pool.status().jobs, pool.status().busy), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn c12_it_grows_when_as_many_wait_as_it_was_told() {
    let system = System::new("t");
    let pool = Office::default()
        .pool(1..=9)
        .grow_at(3)
        .start(&system)
        .await
        .unwrap();
    let _held = pool.lease().await.unwrap();
    let ask = || {
        let pool = pool.clone();
        tokio::spawn(async move { pool.lease().timeout(secs(9)).await })
    };
    let mut waiting = vec![ask(), ask()];
    until(|| pool.status().waiting == 2).await;
    crate::common::settle().await;
    assert_eq!(pool.status().size, 1);
    waiting.push(ask());
    let mut leases = Vec::new();
    for lease in waiting {
        leases.push(lease.await.unwrap().unwrap());
    }
    assert_eq!(pool.status().size, 4);
}

#[tokio::test(start_paused = true)]
async fn c12_a_job_waits_for_a_member_as_long_as_an_ask_would() {
    let system = System::with("t", SystemConfig::default().ask_deadline(Some(secs(2))));
    let pool = Office::default().pool(1..=1).start(&system).await.unwrap();
    let _held = pool.lease().await.unwrap();
    let began = system.now();
    let late = pool.worker().ask(Do::Say).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    assert_eq!(system.now() - began, secs(2));
    // And a deadline that was given holds instead.
    let late = pool.worker().ask(Do::Say).deadline(secs(60)).await;
    assert!(late.is_err());
    let took = system.now() - began;
    assert!((secs(62)..secs(63)).contains(&took), "{took:?}");
}
