use callboard::prelude::*;

use crate::common::{Msg, hold, idle, probe, soon, system};

#[tokio::test(start_paused = true)]
async fn a2_a_tell_with_a_timeout_gets_its_message_back() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let began = system.now();
    match actor.tell_timeout(Msg::Note(1), secs(2)).await {
        Err(TellError::Timeout(Msg::Note(1))) => {}
        other => panic!("handed back: {other:?}"),
    }
    assert_eq!(system.now() - began, secs(2));
    drop(release);
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [0; 0]);
    assert_eq!(actor.counts().accepted, 2, "hold and ask");
}

#[tokio::test(start_paused = true)]
async fn a2_a_tell_with_a_timeout_is_sent_when_room_comes_in_time() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let sender = tokio::spawn({
        let actor = actor.clone();
        async move { actor.tell_timeout(Msg::Note(1), secs(2)).await }
    });
    idle().await;
    drop(release);
    soon(sender).await.unwrap().unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a2_a_blocking_tell_waits_for_room_on_its_thread() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let sender = std::thread::spawn({
        let actor = actor.clone();
        move || {
            for n in 0..10 {
                actor.tell_blocking(Msg::Note(n)).unwrap();
            }
        }
    });
    drop(release);
    soon(tokio::task::spawn_blocking(move || sender.join().unwrap()))
        .await
        .unwrap();
    let seen = actor.ask(Msg::Seen).await.unwrap();
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a2_a_blocking_tell_returns_when_the_actor_ends() {
    let system = system();
    let spec = probe("a").mailbox(1).restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let _release = hold(&actor).await;
    actor.drain();
    let actor = actor.clone();
    let told = tokio::task::spawn_blocking(move || actor.tell_blocking(Msg::Note(1)));
    match soon(told).await.unwrap() {
        Err(TellError::Closed(Msg::Note(1))) => {}
        other => panic!("handed back as closed: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a3_a_try_tell_to_an_ended_actor_is_closed_not_full() {
    let system = system();
    let spec = probe("a").mailbox(1).restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    actor.kill();
    soon(actor.closed()).await;
    let error = actor.try_tell(Msg::Note(1)).unwrap_err();
    assert!(!error.is_full());
    assert_eq!(error.to_string(), "the actor has ended");
    assert_eq!(error.into_inner().number(), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a3_a_try_tell_into_a_full_mailbox_is_full_with_the_message() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let error = actor.try_tell(Msg::Note(1)).unwrap_err();
    assert!(error.is_full());
    assert_eq!(error.into_inner().number(), Some(1));
    assert_eq!(actor.counts().rejected, 1);
    drop(release);
}
