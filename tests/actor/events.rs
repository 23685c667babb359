use callboard::actor::Lifecycle;
use callboard::prelude::*;

use crate::common::{Msg, hold, idle, probe, quiet, soon, system};

/// The life of `t/a`, in words.
fn lines(events: &mut callboard::actor::EventStream) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(event) = events.try_next() {
        let line = event.to_string();
        if line.contains("t/a") {
            lines.push(line);
        }
    }
    lines
}

#[tokio::test(start_paused = true)]
async fn b7_watchers_are_told_of_each_change_in_order() {
    let system = system();
    let mut events = system.events();
    let actor = system.spawn(probe("a")).await.unwrap();
    actor.tell(Msg::panic()).await.unwrap();
    idle().await;
    actor.pause();
    actor.resume();
    idle().await;
    assert_eq!(
        lines(&mut events),
        [
            "state of t/a: initializing -> ready",
            "started t/a#0",
            // Written while the incarnation ends, before its report.
            "dead letter: actor::common::Msg to t/a (#0): crashed (panicked: scripted panic)",
            "state of t/a: ready -> error",
            "crashed t/a#0: panicked: scripted panic",
            "restarted t/a (1)",
            "state of t/a: error -> ready",
            "started t/a#1",
            "state of t/a: ready -> maintenance",
            "state of t/a: maintenance -> ready",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn b7_busy_is_seen_when_looked_at_and_not_announced() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    assert_eq!(actor.state(), Lifecycle::Ready);
    let mut events = system.events();
    let release = hold(&actor).await;
    assert_eq!(actor.state(), Lifecycle::Busy);
    drop(release);
    idle().await;
    assert_eq!(actor.state(), Lifecycle::Ready);
    assert_eq!(lines(&mut events), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_falls_behind_loses_the_oldest_and_knows_how_many() {
    quiet();
    let config = SystemConfig::default().events(8).intensity(1_000, secs(1));
    let system = System::with("t", config);
    let actor = system.spawn(probe("a")).await.unwrap();
    let mut slow = system.events();
    for _ in 0..10 {
        actor.pause();
        actor.resume();
    }
    assert_eq!(slow.lost(), 0, "it is known when it reads");
    let mut read = 0;
    while slow.try_next().is_some() {
        read += 1;
    }
    assert_eq!(read, 8);
    assert_eq!(slow.lost() + read, 20);
    actor.pause();
    assert!(matches!(
        soon(slow.next()).await,
        Some(Event::StateChanged {
            to: Lifecycle::Maintenance,
            ..
        })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_sees_what_comes_after_it_subscribed() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let mut late = system.events();
    assert!(late.try_next().is_none());
    actor.kill();
    idle().await;
    assert_eq!(lines(&mut late)[0], "state of t/a: ready -> error");
}

#[tokio::test(start_paused = true)]
async fn b10_the_tree_shows_states_restarts_depth_and_the_last_error() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(8)).await.unwrap();
    let _alone = system.spawn_detached(probe("alone")).unwrap();
    actor.tell(Msg::panic()).await.unwrap();
    idle().await;
    let release = hold(&actor).await;
    actor.tell(Msg::Note(1)).await.unwrap();
    let tree = system.tree();
    assert_eq!(tree.name, "t");
    let names: Vec<_> = tree.walk().map(|node| node.path.as_str()).collect();
    assert_eq!(names, ["t", "t/a", "t/alone"]);
    let node = &tree.children[0];
    assert_eq!(
        (node.state.as_str(), node.restarts, node.incarnation),
        ("busy", 1, 1)
    );
    assert_eq!((node.depth, node.capacity), (2, 8));
    assert_eq!(node.last_error.as_deref(), Some("panicked: scripted panic"));
    assert!(node.is_up());
    let text = tree.to_string();
    let line = "├─ a [busy] restarts 1 queue 2/8 (high 2) handled 0 \
                last error: panicked: scripted panic (1ms ago)";
    assert!(text.contains(line), "{text}");
    let json = serde_json::to_string(&tree).unwrap();
    let back: callboard::supervision::Node = serde_json::from_str(&json).unwrap();
    assert_eq!(back, tree);
    drop(release);
}
