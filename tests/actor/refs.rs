use std::collections::HashSet;

use callboard::actor::InvalidSpec;
use callboard::prelude::*;

use crate::common::{Msg, hold, idle, poll_once, probe, soon, system};

#[tokio::test(start_paused = true)]
async fn references_to_one_actor_are_equal_and_others_are_not() {
    let system = system();
    let a = system.spawn(probe("a")).await.unwrap();
    let b = system.spawn(probe("b")).await.unwrap();
    let narrow = a.contramap(|n: u64| Msg::Note(n));
    let again = a.contramap(|n: u64| Msg::Note(n + 1));
    assert_eq!(a, a.clone());
    assert_ne!(a, b);
    assert_eq!(narrow, again);
    assert_eq!(narrow.id(), a.id());
    #[expect(
        clippy::mutable_key_type,
        reason = "equality and hash are the actor's id"
    )]
    let set: HashSet<_> = [a.clone(), a.clone(), b].into();
    assert_eq!(set.len(), 2);
    a.kill();
    idle().await;
    assert!(set.contains(&a), "also over a restart");
}

#[tokio::test(start_paused = true)]
async fn a_narrowed_reference_sends_what_it_makes_and_hands_its_own_back() {
    let system = system();
    let spec = probe("a").mailbox(1).restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let narrow = actor.contramap(|n: u64| Msg::Note(n * 10));
    narrow.tell(1).await.unwrap();
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [10]);

    let release = hold(&actor).await;
    assert_eq!(narrow.try_tell(2).unwrap_err(), TryTellError::Full(2));
    let refused = narrow.tell_timeout(3, ms(5)).await;
    assert_eq!(refused.unwrap_err(), TellError::Timeout(3));
    let mut waiting = narrow.tell(4);
    assert!(poll_once(&mut waiting).await.is_pending());
    let mut withdrawn = narrow.tell(5);
    assert!(poll_once(&mut withdrawn).await.is_pending());
    drop(withdrawn);
    drop(release);
    soon(waiting).await.unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [10, 40]);

    let release = hold(&actor).await;
    let mut waiting = narrow.tell(6);
    assert!(poll_once(&mut waiting).await.is_pending());
    actor.drain();
    assert_eq!(soon(waiting).await, Err(TellError::Closed(6)));
    drop(release);
    soon(narrow.closed()).await;
    assert_eq!(narrow.try_tell(7), Err(TryTellError::Closed(7)));
}

#[derive(Clone)]
struct Question(Reply<Vec<u64>>);

#[tokio::test(start_paused = true)]
async fn a_narrowed_reference_can_be_asked() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let narrow = actor.contramap(|q: Question| Msg::Seen(q.0));
    assert_eq!(narrow.ask(Question).await.unwrap(), [0; 0]);
    // Also where it has to wait for room first.
    let release = hold(&actor).await;
    let mut ask = narrow.ask(Question);
    assert!(poll_once(&mut ask).await.is_pending());
    drop(release);
    idle().await;
    assert_eq!(soon(ask).await.unwrap(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_weak_reference_does_not_keep_the_slot() {
    let system = system();
    let spec = probe("a").restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let weak = actor.downgrade();
    assert_eq!(weak.upgrade(), Some(actor.clone()));
    actor.stop();
    soon(actor.closed()).await;
    idle().await;
    drop(actor);
    assert_eq!(weak.upgrade(), None);
}

#[tokio::test(start_paused = true)]
async fn an_actor_does_not_end_because_nobody_refers_to_it() {
    let system = system();
    let actor = system.spawn(probe("a").register_as("desk")).await.unwrap();
    let id = actor.id();
    drop(actor);
    idle().await;
    let found = system.find::<Msg>("desk").unwrap();
    assert_eq!(found.id(), id);
    assert_eq!(found.ask(Msg::Seen).await.unwrap(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_spec_that_is_never_started_lets_go_of_what_was_sent() {
    let system = system();
    let spec = probe("a").mailbox(1);
    let actor = spec.actor_ref();
    actor.try_tell(Msg::Note(1)).unwrap();
    let mut tell = actor.tell(Msg::Note(2));
    assert!(poll_once(&mut tell).await.is_pending());
    let mut ask = actor.ask(Msg::Seen);
    assert!(poll_once(&mut ask).await.is_pending());
    drop(spec);
    assert!(matches!(
        soon(tell).await,
        Err(TellError::Closed(Msg::Note(2)))
    ));
    assert!(matches!(
        soon(ask).await,
        Err(AskError::Closed(Msg::Seen(_)))
    ));
    let exit = soon(actor.closed()).await;
    assert!(matches!(exit, Exit::Shutdown(Some(_))), "{exit}");
    assert_eq!(actor.counts().undelivered, 1);
    assert!(actor.is_closed());
    drop(system);
}

#[tokio::test(start_paused = true)]
async fn an_ask_before_the_start_waits_for_it() {
    let system = system();
    let spec = probe("a");
    let actor = spec.actor_ref();
    let mut ask = actor.ask(Msg::Seen);
    assert!(poll_once(&mut ask).await.is_pending());
    system.spawn(spec).await.unwrap();
    assert_eq!(soon(ask).await.unwrap(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn settings_after_the_reference_are_refused_at_start() {
    let system = system();
    let late: [fn(_) -> _; 4] = [
        |spec: ChildSpec<crate::common::Probe>| spec.mailbox(3),
        |spec| spec.register_as("desk"),
        |spec| spec.group("night"),
        |spec| spec.expect_capability("read"),
    ];
    for set in late {
        let spec = probe("a");
        let actor = spec.actor_ref();
        let refused = system.spawn(set(spec)).await.unwrap_err();
        assert!(matches!(
            refused,
            StartError::Invalid(InvalidSpec::SetAfterRef)
        ));
        soon(actor.closed()).await;
    }
    // What does not concern the slot may still be set.
    let spec = probe("a");
    let actor = spec.actor_ref();
    let spec = spec.restart(Restart::Temporary).shutdown(Shutdown::Kill);
    assert_eq!(system.spawn(spec).await.unwrap(), actor);
}

#[tokio::test(start_paused = true)]
async fn names_are_not_empty_and_have_no_slash() {
    let system = system();
    for name in ["", "a/b"] {
        let refused = system.spawn(probe(name)).await.unwrap_err();
        assert!(matches!(refused, StartError::Invalid(InvalidSpec::Name(_))));
        let refused = system.spawn_detached(probe(name)).unwrap_err();
        assert!(matches!(refused, StartError::Invalid(InvalidSpec::Name(_))));
    }
}
