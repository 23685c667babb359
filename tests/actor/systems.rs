use std::pin::pin;
use std::task::{Context as Task, Poll, Waker};

use callboard::prelude::*;

use crate::common::{Msg, Script, Step, Trace, deed, idle, probe, quiet, soon, system};

#[test]
fn outside_a_runtime_a_start_is_refused() {
    let system = System::new("t");
    let refused = system.spawn_detached(probe("a")).unwrap_err();
    assert!(matches!(refused, StartError::NoRuntime));
    let mut task = Task::from_waker(Waker::noop());
    match pin!(system.spawn(probe("a"))).poll(&mut task) {
        Poll::Ready(Err(StartError::NoRuntime)) => {}
        other => panic!("refused: {other:?}"),
    }
    match pin!(Supervisor::new("s").start(&system)).poll(&mut task) {
        Poll::Ready(Err(StartError::NoRuntime)) => {}
        other => panic!("refused: {other:?}"),
    }
}

#[test]
fn a_system_made_outside_a_runtime_starts_at_first_use_inside_one() {
    let system = System::new("t");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let actor = system.spawn(probe("a")).await.unwrap();
        assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [0; 0]);
    });
}

#[test]
fn a_runtime_that_goes_away_ends_its_actors() {
    quiet();
    let system = System::new("t");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let actor = runtime.block_on(async {
        let actor = system.spawn(probe("a")).await.unwrap();
        actor.tell(Msg::Note(1)).await.unwrap();
        actor
    });
    drop(runtime);
    assert!(actor.is_closed() || actor.state() == callboard::actor::Lifecycle::Error);
}

async fn work_of_all_kinds() {
    let system = system();
    let trace = Trace::default();
    let actor = system.spawn(Script::new("a", &trace).spec()).await.unwrap();
    for n in 0..100 {
        actor.tell(Msg::Note(n)).await.unwrap();
    }
    assert_eq!(actor.ask(Msg::Seen).await.unwrap().len(), 100);
    actor.tell(Msg::panic()).await.unwrap();
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
    let report = system.shutdown(secs(5)).await.unwrap();
    assert!(report.counts.is_conserved());
    assert_eq!(report.counts.failed, 1);
    assert_eq!(
        trace.take(),
        [
            "a start",
            "a up",
            "a stop",
            "a stopped",
            "a drop",
            "a start",
            "a up",
            "a stop",
            "a stopped",
            "a drop"
        ]
    );
}

#[tokio::test(flavor = "current_thread")]
async fn everything_works_on_one_thread() {
    work_of_all_kinds().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_works_on_several_threads() {
    work_of_all_kinds().await;
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_tree_at_once() {
    let system = system();
    let trace = Trace::default();
    let actor = system.spawn(Script::new("a", &trace).spec()).await.unwrap();
    let alone = system
        .spawn_detached(Script::new("b", &trace).spec())
        .unwrap();
    idle().await;
    trace.take();
    let second = system.clone();
    drop(system);
    idle().await;
    assert_eq!(
        actor.ask(Msg::Seen).await.unwrap(),
        [0; 0],
        "one handle is left"
    );
    drop(second);
    assert_eq!(soon(actor.closed()).await.to_string(), "killed");
    assert_eq!(soon(alone.closed()).await.to_string(), "killed");
    let mut ended = trace.take();
    ended.sort();
    assert_eq!(ended, ["a drop", "b drop"], "killed, and not restarted");
}

#[tokio::test(start_paused = true)]
async fn a_handle_from_a_context_does_not_keep_the_tree() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let (tx, rx) = tokio::sync::oneshot::channel();
    actor
        .tell(deed(move |_, cx| {
            let _ = tx.send(cx.system());
            Box::pin(async { Ok(()) })
        }))
        .await
        .unwrap();
    let inside = soon(rx).await.unwrap();
    assert_eq!(inside.name(), "t");
    drop(system);
    soon(actor.closed()).await;
    assert!(inside.is_over());
}

#[tokio::test(start_paused = true)]
async fn an_actor_can_start_others_under_the_root() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    actor
        .tell(deed(|_, cx| {
            Box::pin(async {
                cx.spawn(probe("b").register_as("b")).await?;
                Ok(())
            })
        }))
        .await
        .unwrap();
    idle().await;
    let other = system.find::<Msg>("b").unwrap();
    assert_eq!(other.path(), "t/b");
}

#[tokio::test(start_paused = true)]
async fn two_systems_share_nothing() {
    let (one, two) = (System::new("one"), System::new("two"));
    let a = one
        .spawn(probe("a").register_as("desk").group("g"))
        .await
        .unwrap();
    let b = two
        .spawn(probe("a").register_as("desk").group("g"))
        .await
        .unwrap();
    assert_ne!(a, b);
    assert_eq!((a.path().as_str(), b.path().as_str()), ("one/a", "two/a"));
    assert_eq!(one.find::<Msg>("desk"), Some(a.clone()));
    assert_eq!(two.group::<Msg>("g").first(), Some(&b));
    let mut events = two.events();
    while events.try_next().is_some() {}
    a.kill();
    idle().await;
    assert!(events.try_next().is_none());
    assert_eq!(two.counts().accepted, 0);
    one.shutdown(secs(1)).await.unwrap();
    assert_eq!(b.ask(Msg::Seen).await.unwrap(), [0; 0]);
    assert!(!two.is_over());
}

#[tokio::test(start_paused = true)]
async fn the_seed_decides_what_is_drawn() {
    let draw = |seed| {
        let system = System::with("t", SystemConfig::default().seed(seed));
        (0..5).map(|_| system.random()).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    assert!(draw(3).iter().all(|x| (0.0..1.0).contains(x)));
}

#[tokio::test(start_paused = true)]
async fn a_detached_actor_is_not_restarted_and_leaves_the_tree() {
    let system = system();
    let trace = Trace::default();
    let spec = Script::new("alone", &trace).spec();
    let actor = system.spawn_detached(spec).unwrap();
    assert_eq!(actor.path(), "t/alone");
    actor.tell(Msg::panic()).await.unwrap();
    assert_eq!(
        soon(actor.closed()).await.to_string(),
        "panicked: scripted panic"
    );
    idle().await;
    assert_eq!(trace.count("alone start"), 1);
    assert!(system.tree().children.is_empty());
    let spec = Script::new("refuses", &trace).starts([Step::Fail]).spec();
    let actor = system.spawn_detached(spec).unwrap();
    assert!(soon(actor.closed()).await.is_abnormal());
}
