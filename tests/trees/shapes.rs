//! Very deep, and very wide.

use callboard::prelude::*;

use crate::common::{idle, soon, system};
use crate::{Census, Msg, team};

const DEPTH: usize = 50;
const WIDTH: usize = 100_000;

/// Supervisors in each other, each with a leaf before the next; the deepest
/// leaf's reference.
fn deep(census: &Census, supervisor: impl Fn(usize) -> Supervisor) -> (Supervisor, ActorRef<Msg>) {
    let leaf = census.leaf("leaf-49");
    let deepest = leaf.actor_ref();
    let bottom = supervisor(DEPTH - 1).child(leaf);
    let top = (0..DEPTH - 1).rev().fold(bottom, |below, level| {
        let leaf = census.leaf(format!("leaf-{level}"));
        supervisor(level).child(leaf).child(below)
    });
    (top, deepest)
}

#[tokio::test(start_paused = true)]
async fn a_crash_50_levels_down_is_mended_there() {
    let (system, census) = (system(), Census::default());
    let (top, deepest) = deep(&census, |level| Supervisor::new(format!("level-{level}")));
    let top = top.start(&system).await.unwrap();
    assert_eq!(census.alive(), 50);
    assert_eq!(deepest.path().matches('/').count(), DEPTH + 1);
    deepest.tell(Msg::Panic).await.unwrap();
    assert_eq!(deepest.ask(Msg::Noted).await.unwrap(), 0);
    assert_eq!(census.births(), 51, "nobody else was restarted");
    assert!(top.tree().walk().all(|node| node.is_up()));
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_that_nobody_bears_climbs_50_levels() {
    let (system, census) = (system(), Census::default());
    let (top, deepest) = deep(&census, |level| {
        Supervisor::new(format!("level-{level}"))
            .intensity(0, secs(1))
            .restart(if level == 0 {
                Restart::Temporary
            } else {
                Restart::Permanent
            })
    });
    let top = top.start(&system).await.unwrap();
    deepest.tell(Msg::Panic).await.unwrap();
    let exit = soon(top.closed()).await;
    assert_eq!(exit.to_string(), "shutdown (restart intensity exceeded)");
    assert_eq!(census.births(), 50, "and nobody was restarted");
    census.assert_over(&system);
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_are_restarted_together_and_stopped_in_turn() {
    let (system, census) = (system(), Census::default());
    let specs: Vec<_> = (0..WIDTH)
        .map(|n| census.leaf(format!("leaf-{n}")))
        .collect();
    let middle = specs[WIDTH / 2].actor_ref();
    let wide = team().strategy(Strategy::OneForAll);
    let wide = specs.into_iter().fold(wide, Supervisor::child);
    let wide = soon(wide.start(&system)).await.unwrap();
    middle.tell(Msg::Panic).await.unwrap();
    assert_eq!(middle.ask(Msg::Noted).no_deadline().await.unwrap(), 0);
    idle().await;
    assert_eq!(census.births(), 2 * WIDTH as u64);
    assert_eq!((wide.count().active, wide.count().restarts), (WIDTH, 1));
    wide.stop();
    soon(wide.closed()).await;
    census.assert_over(&system);
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_end_with_their_supervisor_that_is_killed() {
    let (system, census) = (system(), Census::default());
    let specs = (0..WIDTH).map(|n| census.leaf(format!("leaf-{n}")));
    let wide = specs.fold(team(), Supervisor::child);
    let wide = soon(wide.start(&system)).await.unwrap();
    wide.kill();
    let exit = soon(wide.closed()).await;
    assert!(matches!(exit, Exit::Killed), "{exit}");
    assert_eq!(census.births(), WIDTH as u64);
    census.assert_over(&system);
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_dynamic_children_stop_at_once() {
    let (system, census) = (system(), Census::default());
    let crowd = Supervisor::dynamic("crowd").restart(Restart::Temporary);
    let crowd = crowd.start(&system).await.unwrap();
    let born = census.clone();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let leaves = ChildTemplate::new("leaf", move || {
        let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        crate::Leaf::new(
            born.clone(),
            format!("leaf-{n}").into(),
            crate::Habit::TakesToStop(secs(1)),
        )
    });
    crowd.start_children(&leaves, WIDTH).await.unwrap();
    let began = system.now();
    crowd.stop();
    soon(crowd.closed()).await;
    assert_eq!(
        system.now() - began,
        secs(1),
        "each took a second, all of them too"
    );
    census.assert_over(&system);
    census.shut_down(&system).await;
}
