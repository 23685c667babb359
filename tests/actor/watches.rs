use callboard::prelude::*;
use tokio::sync::oneshot;

use crate::common::{Msg, deed, hold, idle, probe, soon, system};

/// Lets `who` watch `whom`; the news is noted as this number.
async fn watch(who: &ActorRef<Msg>, whom: &ActorRef<Msg>, number: u64) {
    let whom = whom.clone();
    who.tell(deed(move |_, cx| {
        cx.watch(&whom, move |_| Msg::Note(number));
        Box::pin(async { Ok(()) })
    }))
    .await
    .unwrap();
    idle().await;
}

async fn temporary(system: &System, name: &'static str) -> ActorRef<Msg> {
    let spec = probe(name).restart(Restart::Temporary);
    system.spawn(spec).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_watches_is_told_once_when_the_other_ends_for_good() {
    let system = system();
    let watcher = system.spawn(probe("watcher").mailbox(1)).await.unwrap();
    let other = temporary(&system, "other").await;
    watch(&watcher, &other, 1).await;
    // A full mailbox is no obstacle to the news.
    let release = hold(&watcher).await;
    other.kill();
    soon(other.closed()).await;
    drop(release);
    idle().await;
    assert_eq!(watcher.ask(Msg::Seen).await.unwrap(), [1]);
    assert_eq!(watcher.counts().accepted, 3, "the news is not in the books");
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_no_end() {
    let system = system();
    let watcher = system.spawn(probe("watcher")).await.unwrap();
    let other = system.spawn(probe("other")).await.unwrap();
    watch(&watcher, &other, 1).await;
    other.kill();
    idle().await;
    assert_eq!(other.incarnation(), 1);
    assert_eq!(watcher.ask(Msg::Seen).await.unwrap(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_one_that_has_ended_fires_at_once() {
    let system = system();
    let watcher = system.spawn(probe("watcher")).await.unwrap();
    let other = temporary(&system, "other").await;
    other.stop();
    soon(other.closed()).await;
    watch(&watcher, &other, 1).await;
    assert_eq!(watcher.ask(Msg::Seen).await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_by_unwatch_and_with_the_watchers_life() {
    let system = system();
    let watcher = system.spawn(probe("watcher")).await.unwrap();
    let other = temporary(&system, "other").await;
    let whom = other.clone();
    watcher
        .tell(deed(move |_, cx| {
            let id = cx.watch(&whom, |_| Msg::Note(1));
            cx.watch(&whom, |_| Msg::Note(2));
            cx.unwatch(id);
            Box::pin(async { Ok(()) })
        }))
        .await
        .unwrap();
    let mortal = system.spawn(probe("mortal")).await.unwrap();
    watch(&mortal, &other, 3).await;
    mortal.kill();
    idle().await;
    other.stop();
    soon(other.closed()).await;
    idle().await;
    assert_eq!(watcher.ask(Msg::Seen).await.unwrap(), [2]);
    assert_eq!(
        mortal.ask(Msg::Seen).await.unwrap(),
        [0; 0],
        "its last life watched"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_can_watch_and_wait() {
    let system = system();
    let other = temporary(&system, "other").await;
    let (tx, rx) = oneshot::channel();
    other.watch(move |down| {
        let _ = tx.send(down);
    });
    let (unwanted, never) = oneshot::channel::<()>();
    let id = other.watch(move |_| {
        let _ = unwanted.send(());
    });
    other.unwatch(id);
    let closed = tokio::spawn({
        let other = other.clone();
        async move { other.closed().await }
    });
    idle().await;
    other.tell(Msg::panic()).await.unwrap();
    let down = soon(rx).await.unwrap();
    assert_eq!((down.id, &*down.path), (other.id(), "t/other"));
    assert_eq!(down.exit.to_string(), "panicked: scripted panic");
    assert_eq!(
        soon(closed).await.unwrap().to_string(),
        "panicked: scripted panic"
    );
    assert!(soon(never).await.is_err(), "unwatched");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_panics_spoils_nothing() {
    let system = system();
    for is_detached in [false, true] {
        let spec = probe("other").restart(Restart::Temporary);
        let other = match is_detached {
            true => system.spawn_detached(spec).unwrap(),
            false => system.spawn(spec).await.unwrap(),
        };
        idle().await;
        other.watch(|_| panic!("scripted watcher"));
        let (tx, rx) = oneshot::channel();
        other.watch(move |_| {
            let _ = tx.send(());
        });
        other.stop();
        soon(other.closed()).await;
        soon(rx).await.expect("the other watcher is told");
    }
    idle().await;
    assert_eq!(system.tree().children.len(), 0);
}
