//! Two systems in one process have nothing to do with each other.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use callboard::actor::EventStream;
use callboard::prelude::*;

use crate::common::{idle, system};
use crate::{Census, Msg, team};

#[tokio::test(start_paused = true)]
async fn two_systems_share_nothing() {
    let (here, there) = (system(), system());
    let (ours, theirs) = (Census::default(), Census::default());
    let mut events = there.events();
    let mut refs = Vec::new();
    for (system, census) in [(&here, &ours), (&there, &theirs)] {
        let spec = census.leaf("leaf").register_as("desk").group("desks");
        refs.push(spec.actor_ref());
        team().child(spec).start(system).await.unwrap();
    }
    idle().await;
    while next_event(&mut events).await.is_some() {}

    // Names: the same one in both, and each finds its own.
    for (system, actor) in [(&here, &refs[0]), (&there, &refs[1])] {
        let found = system.find::<Msg>("desk").expect("it is registered");
        assert_eq!(found.id(), actor.id());
        assert_eq!(system.group::<Msg>("desks").len(), 1);
    }

    // Events, restarts and dead letters: what happens here is not told there.
    refs[0].tell(Msg::Panic).await.unwrap();
    assert_eq!(refs[0].ask(Msg::Noted).await.unwrap(), 0);
    idle().await;
    assert_eq!((here.restarts(), there.restarts()), (1, 0));
    assert_eq!(
        (
            here.dead_letters().kept.len(),
            there.dead_letters().kept.len()
        ),
        (1, 0)
    );

    // The end: one goes, the other goes on.
    ours.shut_down(&here).await;
    assert!(here.is_over() && !there.is_over());
    assert!(refs[0].tell(Msg::Note).await.is_err());
    assert!(here.find::<Msg>("desk").is_none());
    refs[1].tell(Msg::Note).await.unwrap();
    assert_eq!(refs[1].ask(Msg::Noted).await.unwrap(), 1);
    idle().await;
    let mut paths = Vec::new();
    while let Some(event) = next_event(&mut events).await {
        paths.push(format!("{event:?}"));
    }
    assert!(paths.is_empty(), "told there: {paths:?}");
    theirs.shut_down(&there).await;
}

/// What has been told so far.
async fn next_event(events: &mut EventStream) -> Option<Event> {
    poll_fn(|task| {
        let next = pin!(events.next());
        Poll::Ready(match next.poll(task) {
            Poll::Ready(event) => event,
            Poll::Pending => None,
        })
    })
    .await
}
