//! Items that stream through stages: callboard's, and tasks on channels.

use std::time::{Duration, Instant};

use callboard::coordination::{Pipeline, pipeline};
use callboard::prelude::*;
use tokio::sync::{mpsc, oneshot};

use crate::contender::patterns::worker;
use crate::work::{MAILBOX, STREAM_STAGES, Steps};

/// What comes out of all items together.
fn expected(items: u64) -> u64 {
    items * (items - 1) / 2 + items * STREAM_STAGES
}

pub(super) async fn callboard(of: Steps, items: u64) -> Duration {
    let system = System::new("stream");
    let mut line: Pipeline<u64, u64> = pipeline("line").concurrency(MAILBOX);
    for at in 0..STREAM_STAGES {
        line = line.then("adds", worker(of, at, &system).await);
    }
    let line = line.start_streaming(&system).await;
    let line = line.expect("the line starts");
    let started = Instant::now();
    let mut sum = 0;
    line.stream(0..items)
        .for_each(|_, outcome| sum += outcome.expect("no item fails"))
        .await;
    let took = started.elapsed();
    assert_eq!(sum, expected(items));
    took
}

/// A task for each stage, and a bounded channel before each and after the last.
/// A stage that is an actor elsewhere is one more task here, asked for each item.
pub(super) async fn by_hand(of: Steps, items: u64) -> Duration {
    let (source, mut rx) = mpsc::channel::<u64>(MAILBOX);
    for _ in 0..STREAM_STAGES {
        let (tx, next) = mpsc::channel(MAILBOX);
        match of {
            Steps::Functions => tokio::spawn(async move {
                while let Some(n) = rx.recv().await {
                    if tx.send(n + 1).await.is_err() {
                        return;
                    }
                }
            }),
            Steps::Actors => {
                let (actor, mut asked) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(MAILBOX);
                tokio::spawn(async move {
                    while let Some((n, reply_to)) = asked.recv().await {
                        // A caller that went away wants no answer.
                        let _ = reply_to.send(n + 1);
                    }
                });
                tokio::spawn(async move {
                    while let Some(n) = rx.recv().await {
                        let (reply_to, reply) = oneshot::channel();
                        actor.send((n, reply_to)).await.expect("the actor runs");
                        let answer = reply.await.expect("it answers");
                        if tx.send(answer).await.is_err() {
                            return;
                        }
                    }
                })
            }
        };
        rx = next;
    }
    let started = Instant::now();
    tokio::spawn(async move {
        for n in 0..items {
            if source.send(n).await.is_err() {
                return;
            }
        }
    });
    let mut sum = 0;
    while let Some(n) = rx.recv().await {
        sum += n;
    }
    let took = started.elapsed();
    assert_eq!(sum, expected(items));
    took
}
