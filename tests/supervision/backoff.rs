use callboard::prelude::*;
use callboard::supervision::{ChildError, ChildState};

use crate::common::{Msg, Script, Step, Trace, event, idle, pass, soon, system};
use crate::{child, team};

/// Crashes the actor and returns how long its restart took.
async fn crash(system: &System, actor: &ActorRef<Msg>) -> Duration {
    let mut events = system.events();
    let began = system.now();
    actor.tell(Msg::panic()).await.unwrap();
    event(&mut events, |event| {
        matches!(event, Event::Started { .. }).then_some(())
    })
    .await;
    system.now() - began
}

#[tokio::test(start_paused = true)]
async fn sup_55_waits_double_to_a_cap_and_start_over_after_a_healthy_run() {
    let system = system();
    let trace = Trace::default();
    let a = child("a", &trace);
    let actor = a.actor_ref();
    let _team = team()
        .intensity(1_000, secs(1))
        .backoff(Backoff::exponential(secs(1)..=secs(8)))
        .child(a)
        .start(&system)
        .await
        .unwrap();
    for expected in [1, 2, 4, 8, 8, 8] {
        let took = crash(&system, &actor).await;
        assert!(
            took >= secs(expected) && took < secs(expected) + ms(5),
            "{took:?}"
        );
    }
    // The default of a healthy run is the mean of both ends: 4.5 s.
    pass(ms(4_400)).await;
    assert!(crash(&system, &actor).await >= secs(8), "not quite healthy");
    pass(ms(4_600)).await;
    let took = crash(&system, &actor).await;
    assert!(took >= secs(1) && took < ms(1_010), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn b3_a_child_may_have_a_backoff_of_its_own() {
    let system = system();
    let trace = Trace::default();
    let a = child("a", &trace).backoff(Backoff::exponential(secs(1)..=secs(8)));
    let b = child("b", &trace);
    let refs = (a.actor_ref(), b.actor_ref());
    let _team = team()
        .intensity(1_000, secs(1))
        .backoff(Backoff::constant(secs(30)))
        .child(a)
        .child(b)
        .start(&system)
        .await
        .unwrap();
    for (actor, expected) in [(&refs.0, 1), (&refs.0, 2), (&refs.1, 30), (&refs.0, 1)] {
        let took = crash(&system, actor).await;
        let is_it = took >= secs(expected) && took < secs(expected) + ms(5);
        assert!(is_it, "{expected}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn b3_a_storm_of_failed_starts_does_not_spin() {
    let system = system();
    let trace = Trace::default();
    let a = Script::new("a", &trace)
        .starts([Step::Ok, Step::Fail])
        .spec();
    let actor = a.actor_ref();
    let team = team()
        .intensity(1_000, secs(1))
        .backoff(Backoff::exponential(secs(1)..=secs(10)))
        .child(a)
        .start(&system)
        .await
        .unwrap();
    actor.kill();
    pass(secs(100)).await;
    let tries = trace.count("a start") - 1;
    // 1 + 2 + 4 + 8 seconds, and then every ten.
    assert!((11..=13).contains(&tries), "{tries}");
    assert_eq!(team.which_children()[0].state, ChildState::Restarting);
}

#[tokio::test(start_paused = true)]
async fn a_terminate_during_a_backoff_wins_and_nothing_is_resurrected() {
    for is_dynamic in [false, true] {
        let system = system();
        let trace = Trace::default();
        let a = child("a", &trace);
        let actor = a.actor_ref();
        let supervisor = match is_dynamic {
            true => Supervisor::dynamic("team"),
            false => Supervisor::new("team"),
        };
        let team = supervisor
            .intensity(1_000, secs(1))
            .backoff(Backoff::constant(secs(5)))
            .start(&system)
            .await
            .unwrap();
        team.start_child(a).await.unwrap();
        actor.tell(Msg::panic()).await.unwrap();
        pass(secs(1)).await;
        assert_eq!(team.which_children()[0].state, ChildState::Restarting);
        let began = system.now();
        team.terminate_child(&actor).await.unwrap();
        assert_eq!(system.now(), began, "without waiting");
        soon(actor.closed()).await;
        pass(secs(100)).await;
        assert_eq!(trace.count("a start"), 1);
        assert_eq!(team.count().specs, usize::from(!is_dynamic));
        assert_eq!(team.count().active, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_supervisor_during_a_backoff_wins() {
    for strategy in [
        Strategy::OneForOne,
        Strategy::OneForAll,
        Strategy::RestForOne,
    ] {
        let system = system();
        let trace = Trace::default();
        let (a, b) = (child("a", &trace), child("b", &trace));
        let (a_ref, b_ref) = (a.actor_ref(), b.actor_ref());
        let team = team()
            .strategy(strategy)
            .backoff(Backoff::constant(secs(5)))
            .child(a)
            .child(b)
            .start(&system)
            .await
            .unwrap();
        a_ref.tell(Msg::panic()).await.unwrap();
        pass(secs(1)).await;
        team.stop();
        soon(team.closed()).await;
        pass(secs(100)).await;
        assert_eq!((trace.count("a start"), trace.count("b start")), (1, 1));
        soon(a_ref.closed()).await;
        soon(b_ref.closed()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_rests_before_it_starts_again() {
    let system = system();
    let trace = Trace::default();
    let (a, b) = (child("a", &trace), child("b", &trace));
    let b_ref = b.actor_ref();
    let team = team()
        .strategy(Strategy::OneForAll)
        .backoff(Backoff::constant(secs(5)))
        .child(a)
        .child(b)
        .start(&system)
        .await
        .unwrap();
    trace.take();
    b_ref.tell(Msg::panic()).await.unwrap();
    pass(ms(4_900)).await;
    assert_eq!(team.count().active, 0, "the others are stopped at once");
    assert_eq!(trace.count("a start"), 0);
    pass(ms(200)).await;
    assert_eq!(team.count().active, 2);
}

#[tokio::test(start_paused = true)]
async fn sup_31_a_supervisor_answers_promptly_while_a_restart_hangs() {
    let system = system();
    let trace = Trace::default();
    let a = Script::new("a", &trace)
        .starts([Step::Ok, Step::FailAfter(secs(2))])
        .spec();
    let actor = a.actor_ref();
    let team = team()
        .intensity(1_000, secs(1))
        .child(a)
        .child(child("b", &trace));
    let team = team.start(&system).await.unwrap();
    actor.kill();
    pass(ms(500)).await;
    for _ in 0..3 {
        let began = system.now();
        let children = team.which_children();
        assert_eq!(children[0].state, ChildState::Restarting);
        assert_eq!(children[1].state, ChildState::Running);
        let count = team.count();
        assert_eq!((count.specs, count.active), (2, 1));
        let started = team.start_child(child("a", &trace)).await;
        assert!(
            matches!(started, Err(StartError::AlreadyPresent(_))),
            "{started:?}"
        );
        let restarted = team.restart_child("a").await;
        assert!(
            matches!(restarted, Err(ChildError::Restarting)),
            "{restarted:?}"
        );
        let deleted = team.delete_child("a").await;
        assert!(
            matches!(deleted, Err(ChildError::Restarting)),
            "{deleted:?}"
        );
        assert_eq!(system.now(), began, "promptly");
        pass(secs(2)).await;
    }
    // A terminate ends the loop, at the latest after the shutdown time.
    soon(team.terminate_child("a")).await.unwrap();
    idle().await;
    let starts = trace.count("a start");
    pass(secs(100)).await;
    assert_eq!(trace.count("a start"), starts);
    team.delete_child("a").await.unwrap();
    assert_eq!(team.count().specs, 1);
}
