use callboard::prelude::*;
use callboard::supervision::AlreadyShutDown;

use crate::common::{Msg, Script, Step, Trace, hold, idle, pass, probe, soon, system};

#[tokio::test(start_paused = true)]
async fn a13_a_shutdown_drains_in_reverse_start_order() {
    let system = system();
    let trace = Trace::default();
    let mut actors = Vec::new();
    for name in ["a", "b", "c"] {
        let script = Script::new(name, &trace).stops([Step::After(secs(1))]);
        actors.push(system.spawn(script.spec()).await.unwrap());
    }
    let mut held = Vec::new();
    for actor in &actors {
        held.push(hold(actor).await);
        for n in 0..3 {
            actor.tell(Msg::Note(n)).await.unwrap();
        }
    }
    trace.take();
    drop(held);
    let report = system.shutdown(secs(30)).await.unwrap();
    assert_eq!(
        trace.take(),
        [
            "c stop",
            "c stopped",
            "c drop",
            "b stop",
            "b stopped",
            "b drop",
            "a stop",
            "a stopped",
            "a drop"
        ]
    );
    assert!(report.unfinished.is_empty());
    assert_eq!((report.counts.accepted, report.counts.handled), (12, 12));
    assert!(
        report.took >= secs(3) && report.took < secs(4),
        "{:?}",
        report.took
    );
    for actor in actors {
        assert!(actor.is_closed());
    }
}

#[tokio::test(start_paused = true)]
async fn a13_whoever_is_not_done_in_time_is_killed_and_listed() {
    let system = system();
    let trace = Trace::default();
    let quick = system
        .spawn(Script::new("quick", &trace).spec())
        .await
        .unwrap();
    let slow = system
        .spawn(Script::new("slow", &trace).spec())
        .await
        .unwrap();
    let (msg, entered) = Msg::never();
    slow.tell(msg).await.unwrap();
    soon(entered).await.unwrap();
    slow.tell(Msg::Note(1)).await.unwrap();
    quick.tell(Msg::Note(1)).await.unwrap();
    trace.take();
    let report = system.shutdown(secs(3)).await.unwrap();
    assert!(
        report.unfinished.contains(&"t/slow".to_owned()),
        "{report:?}"
    );
    assert!(
        report.took >= secs(3) && report.took <= ms(4_000),
        "{:?}",
        report.took
    );
    assert_eq!(trace.count("slow stop"), 0, "killed");
    let counts = report.counts;
    assert!(counts.is_conserved(), "{counts}");
    assert_eq!((counts.queued, counts.in_hand), (0, 0), "all is settled");
    assert_eq!((counts.failed, counts.undelivered), (1, 1), "{counts}");
    assert_eq!(system.dead_letters().total, 2, "nothing is lost silently");
    assert!(slow.is_closed() && quick.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a13_an_actor_that_finishes_late_but_in_time_is_not_killed() {
    let system = system();
    let actor = system
        .spawn(probe("a").shutdown(After(ms(1))))
        .await
        .unwrap();
    let release = hold(&actor).await;
    let ending = tokio::spawn({
        let system = system.clone();
        async move { system.shutdown(secs(10)).await }
    });
    pass(secs(5)).await;
    drop(release);
    let report = soon(ending).await.unwrap().unwrap();
    assert!(report.unfinished.is_empty(), "the system's time counts");
    assert_eq!(report.counts.handled, 1);
}

#[tokio::test(start_paused = true)]
async fn a13_detached_actors_are_drained_too() {
    let system = system();
    let trace = Trace::default();
    let spec = Script::new("alone", &trace).spec();
    let actor = system.spawn_detached(spec).unwrap();
    let release = hold(&actor).await;
    actor.tell(Msg::Note(1)).await.unwrap();
    drop(release);
    let report = system.shutdown(secs(5)).await.unwrap();
    assert_eq!(report.counts.handled, 2);
    assert_eq!(trace.count("alone stopped"), 1);
    assert!(report.unfinished.is_empty());

    let system = crate::common::system();
    let actor = system.spawn_detached(probe("stuck")).unwrap();
    let (msg, entered) = Msg::never();
    actor.tell(msg).await.unwrap();
    soon(entered).await.unwrap();
    let report = system.shutdown(secs(5)).await.unwrap();
    assert_eq!(report.unfinished, ["t/stuck"]);
    soon(actor.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn a13_a_second_shutdown_says_so_and_nothing_starts_any_more() {
    let system = system();
    system.spawn(probe("a")).await.unwrap();
    system.shutdown(secs(1)).await.unwrap();
    assert!(system.is_over());
    assert_eq!(system.shutdown(secs(1)).await.unwrap_err(), AlreadyShutDown);
    let refused = system.spawn(probe("b")).await.unwrap_err();
    assert!(matches!(refused, StartError::Ending), "{refused:?}");
    let refused = system.spawn_detached(probe("c")).unwrap_err();
    assert!(matches!(refused, StartError::Ending), "{refused:?}");
    let refused = Supervisor::new("d").start(&system).await.unwrap_err();
    assert!(matches!(refused, StartError::Ending), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn a13_a_system_that_was_never_used_shuts_down() {
    let system = system();
    let report = system.shutdown(secs(1)).await.unwrap();
    assert_eq!(report.took, Duration::ZERO);
    assert_eq!(report.counts, Default::default());
}

#[tokio::test(start_paused = true)]
async fn a13_a_start_that_hangs_does_not_hold_up_the_shutdown() {
    let system = system();
    let trace = Trace::default();
    let spec = Script::new("a", &trace).starts([Step::Never]).spec();
    let spawning = tokio::spawn({
        let system = system.clone();
        async move { system.spawn(spec).await }
    });
    idle().await;
    let report = soon(system.shutdown(secs(2))).await.unwrap();
    assert!(report.took <= secs(3), "{:?}", report.took);
    assert!(soon(spawning).await.unwrap().is_err(), "its caller is told");
    assert_eq!(trace.take(), ["a start", "a drop"]);
}

#[tokio::test(start_paused = true)]
async fn a13_askers_are_told_when_the_system_ends() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let _release = hold(&actor).await;
    let asking = tokio::spawn({
        let actor = actor.clone();
        async move { actor.ask(Msg::Seen).no_deadline().await }
    });
    idle().await;
    system.shutdown(secs(1)).await.unwrap();
    let error = soon(asking).await.unwrap().unwrap_err();
    assert_eq!(error.unanswered(), Some(Unanswered::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a13_a_shutdown_during_a_crash_resurrects_nobody() {
    let system = system();
    let trace = Trace::default();
    let actor = system.spawn(Script::new("a", &trace).spec()).await.unwrap();
    let release = hold(&actor).await;
    actor.tell(Msg::panic()).await.unwrap();
    trace.take();
    let ending = tokio::spawn({
        let system = system.clone();
        async move { system.shutdown(secs(5)).await }
    });
    idle().await;
    drop(release);
    soon(ending).await.unwrap().unwrap();
    assert_eq!(trace.count("a start"), 0);
    assert!(soon(actor.closed()).await.is_abnormal());
}
