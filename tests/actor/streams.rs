use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use callboard::actor::{BoxFuture, Parts, merge, parts};
use callboard::prelude::*;

use crate::common::{Msg, deed, idle, probe, soon, system};

/// Answers with ten parts, counting those that are on their way.
fn ten(sent: Arc<AtomicU32>) -> impl FnOnce(Parts<u32>) -> Msg {
    move |parts| {
        deed(move |_, _| -> BoxFuture<'_, Result<(), BoxError>> {
            Box::pin(async move {
                for n in 0..10 {
                    if parts.send(n).await.is_err() {
                        return Ok(());
                    }
                    sent.fetch_add(1, SeqCst);
                }
                Ok(())
            })
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a7_the_consumers_pace_pushes_back() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let sent = Arc::new(AtomicU32::new(0));
    let mut parts = actor.ask_parts(2, ten(Arc::clone(&sent))).await.unwrap();
    idle().await;
    assert_eq!(sent.load(SeqCst), 2, "no more than two unread");
    assert_eq!(parts.next().await, Some(0));
    idle().await;
    assert_eq!(sent.load(SeqCst), 3);
    let rest = soon(parts.collect(100)).await;
    assert_eq!(rest, (1..10).collect::<Vec<_>>());
    assert_eq!(sent.load(SeqCst), 10);
}

#[tokio::test(start_paused = true)]
async fn a7_a_consumer_that_goes_frees_the_producer() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let sent = Arc::new(AtomicU32::new(0));
    let parts = actor.ask_parts(2, ten(Arc::clone(&sent))).await.unwrap();
    idle().await;
    drop(parts);
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [0; 0]);
    assert_eq!(sent.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a7_a_producer_that_crashes_ends_the_stream() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let mut parts = actor
        .ask_parts(2, |parts| {
            deed(move |_, _| {
                Box::pin(async move {
                    parts.send(1).await?;
                    panic!("scripted panic")
                })
            })
        })
        .await
        .unwrap();
    assert_eq!(soon(parts.next()).await, Some(1));
    assert_eq!(soon(parts.next()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a7_a_stream_is_not_begun_by_an_actor_that_has_ended() {
    let system = system();
    let spec = probe("a").restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    actor.kill();
    soon(actor.closed()).await;
    let refused = actor.ask_parts(2, ten(Arc::default())).await;
    assert!(matches!(refused, Err(TellError::Closed(_))));
}

#[tokio::test(start_paused = true)]
async fn a7_a_finished_stream_differs_from_one_that_broke_off() {
    let (all, mut whole) = parts(2);
    all.send(1).await.unwrap();
    assert!(!whole.is_complete());
    all.finish();
    assert_eq!(whole.next().await, Some(1));
    assert_eq!(whole.next().await, None);
    assert!(whole.is_complete());

    let (some, mut broken) = parts(2);
    some.send(1).await.unwrap();
    drop(some);
    assert_eq!(broken.next().await, Some(1));
    assert_eq!(broken.next().await, None);
    assert!(!broken.is_complete());
}

#[tokio::test(start_paused = true)]
async fn a7_a_part_that_is_late_is_a_fault_and_comes_later() {
    let (slow, mut stream) = parts(1);
    let producer = tokio::spawn(async move {
        tokio::time::sleep(secs(3)).await;
        slow.send(7).await
    });
    let late = stream.next_within(secs(1)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    assert_eq!(stream.next_within(secs(5)).await.unwrap(), Some(7));
    soon(producer).await.unwrap().unwrap();
    assert_eq!(stream.next_within(secs(5)).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a7_merged_streams_take_turns() {
    let (talkative, first) = parts(8);
    let (quiet, second) = parts(8);
    for n in 0..4 {
        talkative.send(n).await.unwrap();
    }
    quiet.send(100).await.unwrap();
    let mut merged = merge([first, second]);
    assert_eq!(merged.next().await, Some((0, 0)));
    assert_eq!(merged.next().await, Some((1, 100)), "it has its turn");
    assert_eq!(merged.next().await, Some((0, 1)));
    talkative.finish();
    assert_eq!(merged.next().await, Some((0, 2)));
    assert_eq!(merged.next().await, Some((0, 3)));

    // One has ended; the other wakes who waits.
    let later = tokio::spawn(async move {
        tokio::time::sleep(secs(1)).await;
        quiet.send(101).await
    });
    assert_eq!(soon(merged.next()).await, Some((1, 101)));
    soon(later).await.unwrap().unwrap();
    assert_eq!(soon(merged.next()).await, None);
    assert_eq!(merged.complete(), [true, false]);
}

#[tokio::test(start_paused = true)]
async fn a7_nothing_merged_ends_at_once() {
    assert_eq!(merge::<u32>([]).next().await, None);
}
