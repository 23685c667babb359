use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use callboard::actor::{BoxFuture, Parts};
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
