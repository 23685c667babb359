//! Ends that are disturbed.

use callboard::prelude::*;

use crate::common::{idle, pass, soon, system};
use crate::{Census, Habit, Msg, team};

#[tokio::test(start_paused = true)]
async fn a_stop_hook_that_hangs_is_killed_when_its_time_is_up() {
    let (system, census) = (system(), Census::default());
    let odd = census
        .odd("odd", Habit::HangsInStop)
        .shutdown(After(secs(3)));
    let team = team().child(census.leaf("calm")).child(odd);
    let team = team.start(&system).await.unwrap();
    let began = system.now();
    team.stop();
    soon(team.closed()).await;
    assert_eq!(system.now() - began, secs(3));
    census.assert_over(&system);
}

#[tokio::test(start_paused = true)]
async fn a_stop_hook_that_would_hang_is_not_run_by_a_brutal_kill() {
    let (system, census) = (system(), Census::default());
    let odd = census
        .odd("odd", Habit::HangsInStop)
        .shutdown(Shutdown::Kill);
    let team = team().child(odd).start(&system).await.unwrap();
    let began = system.now();
    team.stop();
    soon(team.closed()).await;
    assert_eq!(system.now(), began, "it took no time");
    census.assert_over(&system);
}

#[tokio::test(start_paused = true)]
async fn a_stop_hook_that_hangs_with_infinity_waits_for_somebody_to_kill_it() {
    let (system, census) = (system(), Census::default());
    let odd = census
        .odd("odd", Habit::HangsInStop)
        .shutdown(Shutdown::Infinity);
    let actor = odd.actor_ref();
    let team = team().child(odd).start(&system).await.unwrap();
    team.stop();
    pass(secs(100_000)).await;
    assert_eq!(census.alive(), 1, "it is waited for");
    actor.kill();
    soon(team.closed()).await;
    census.assert_over(&system);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_while_children_start_leaves_nobody() {
    for stage in [ms(0), ms(500), ms(1_500), ms(2_500)] {
        let (system, census) = (system(), Census::default());
        let slow = Habit::TakesToStart(secs(1));
        let specs = ["a", "b", "c"].map(|name| census.odd(name, slow));
        let team = specs.into_iter().fold(team(), Supervisor::child);
        let starting = tokio::spawn({
            let system = system.clone();
            async move { team.start(&system).await }
        });
        idle().await;
        pass(stage).await;
        census.shut_down(&system).await;
        let refused = soon(starting).await.unwrap().unwrap_err();
        assert!(
            matches!(refused, StartError::Failed(_) | StartError::Ending),
            "{refused}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_that_leaves_while_its_siblings_are_stopped_is_not_brought_back() {
    for strategy in [
        Strategy::OneForOne,
        Strategy::OneForAll,
        Strategy::RestForOne,
    ] {
        let (system, census) = (system(), Census::default());
        let specs = [
            census.leaf("leaves"),
            census.leaf("crashes"),
            census.odd("slow", Habit::TakesToStop(secs(2))),
        ];
        let leaves = specs.each_ref().map(ChildSpec::actor_ref);
        let team = specs
            .into_iter()
            .fold(team().strategy(strategy), Supervisor::child);
        let team = team.start(&system).await.unwrap();
        team.stop();
        idle().await;
        assert_eq!(census.alive(), 3, "the last one takes its time");
        leaves[0].tell(Msg::Leave).await.unwrap();
        leaves[1].tell(Msg::Panic).await.unwrap();
        idle().await;
        assert_eq!(census.alive(), 1, "they went by themselves");
        soon(team.closed()).await;
        assert_eq!(census.births(), 3);
        census.assert_over(&system);
        census.shut_down(&system).await;
    }
}
