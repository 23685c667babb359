use callboard::actor::ChildTemplate;
use callboard::prelude::*;
use callboard::supervision::{ChildError, ChildState};

use crate::common::{Msg, Probe, Script, Step, Trace, idle, probe, soon, system};
use crate::{child, team};

#[tokio::test(start_paused = true)]
async fn sup_40_a_name_that_is_there_is_already_started_or_present() {
    let system = system();
    let trace = Trace::default();
    let team = team()
        .child(child("a", &trace))
        .start(&system)
        .await
        .unwrap();
    let newcomer = child("a", &trace);
    let actor = newcomer.actor_ref();
    let refused = team.start_child(newcomer).await.unwrap_err();
    assert!(matches!(&refused, StartError::AlreadyStarted(name) if name == "a"));
    soon(actor.closed()).await;
    team.terminate_child("a").await.unwrap();
    let refused = team.start_child(child("a", &trace)).await.unwrap_err();
    assert!(matches!(&refused, StartError::AlreadyPresent(name) if name == "a"));
    team.delete_child("a").await.unwrap();
    assert!(
        team.start_child(child("a", &trace))
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test(start_paused = true)]
async fn sup_40_of_two_starts_of_one_name_at_once_one_wins() {
    let system = system();
    let trace = Trace::default();
    let team = team().start(&system).await.unwrap();
    let slow = || {
        Script::new("a", &trace)
            .starts([Step::After(secs(1))])
            .spec()
    };
    let (one, two) = tokio::join!(team.start_child(slow()), team.start_child(slow()));
    assert!(one.is_ok());
    assert!(matches!(two, Err(StartError::AlreadyStarted(_))), "{two:?}");
    assert_eq!(trace.count("a start"), 1);
}

#[tokio::test(start_paused = true)]
async fn sup_41_commands_about_children_in_the_wrong_state_are_refused() {
    let system = system();
    let trace = Trace::default();
    let team = team()
        .child(child("a", &trace))
        .start(&system)
        .await
        .unwrap();
    let running = |result| matches!(result, Err(ChildError::Running));
    let not_found = |result| matches!(result, Err(ChildError::NotFound));
    assert!(running(team.delete_child("a").await));
    assert!(not_found(team.delete_child("x").await));
    assert!(running(team.restart_child("a").await));
    assert!(not_found(team.restart_child("x").await));
    assert!(not_found(team.terminate_child("x").await));
    team.terminate_child("a").await.unwrap();
    team.terminate_child("a").await.unwrap();
    assert_eq!(trace.count("a stop"), 1, "once");
    assert_eq!(team.which_children()[0].state, ChildState::Down);
}

#[tokio::test(start_paused = true)]
async fn sup_42_a_dynamic_child_is_terminated_by_its_reference() {
    let system = system();
    let team = Supervisor::dynamic("team").start(&system).await.unwrap();
    let other = Supervisor::dynamic("other").start(&system).await.unwrap();
    let a = team.start_child(probe("a")).await.unwrap().unwrap();
    let b = team.start_child(probe("a")).await.unwrap().unwrap();
    let foreign = other.start_child(probe("a")).await.unwrap().unwrap();
    let root = system.spawn(probe("a")).await.unwrap();
    team.terminate_child(&a).await.unwrap();
    team.terminate_child(&a).await.unwrap();
    for foreign in [&foreign, &root] {
        let refused = team.terminate_child(foreign).await;
        assert!(matches!(refused, Err(ChildError::NotFound)), "{refused:?}");
        assert_eq!(foreign.ask(Msg::Seen).await.unwrap(), [0; 0]);
    }
    assert_eq!((team.count().specs, team.count().active), (1, 1));
    assert!(a.is_closed() && !b.is_closed());
}

#[tokio::test(start_paused = true)]
async fn sup_42_a_dynamic_child_is_restarted_by_its_rule_and_forgotten_by_its_end() {
    let system = system();
    let team = Supervisor::dynamic("team").intensity(9, secs(1));
    let team = team.start(&system).await.unwrap();
    let permanent = team.start_child(probe("p")).await.unwrap().unwrap();
    let transient = probe("t").restart(Restart::Transient);
    let transient = team.start_child(transient).await.unwrap().unwrap();
    for actor in [&permanent, &transient] {
        actor.tell(Msg::panic()).await.unwrap();
        assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
    }
    transient.stop();
    soon(transient.closed()).await;
    idle().await;
    assert_eq!((team.count().specs, team.count().active), (1, 1));
}

fn crowd() -> ChildTemplate<Probe> {
    ChildTemplate::new("crowd", || Probe::plain(&Trace::default()))
}

#[tokio::test(start_paused = true)]
async fn sup_53_counts_of_a_crowd_are_exact_and_stable() {
    let system = system();
    let team = Supervisor::dynamic("team").intensity(9, secs(1));
    let team = team.start(&system).await.unwrap();
    let template = crowd();
    let first = team.start_children(&template, 1_000).await.unwrap();
    assert_eq!((team.count().specs, team.count().active), (1_000, 1_000));
    let second = team.start_children(&template, 1_000).await.unwrap();
    for _ in 0..2 {
        assert_eq!((team.count().specs, team.count().active), (2_000, 2_000));
        assert_eq!(team.which_children().len(), 2_000);
    }
    assert_eq!(first[7].name(), "crowd-7");
    assert_eq!(second[999].name(), "crowd-1999");
    assert_eq!(second[999].path(), "t/team/crowd-1999");
    for actor in first.iter().chain(&second) {
        team.terminate_child(actor).await.unwrap();
    }
    assert_eq!((team.count().specs, team.count().active), (0, 0));
    assert!(first.iter().chain(&second).all(ActorRef::is_closed));
}

#[tokio::test(start_paused = true)]
async fn sup_53_a_bulk_start_that_meets_an_error_keeps_what_did_start() {
    let system = system();
    let team = Supervisor::dynamic("team").start(&system).await.unwrap();
    let made = std::sync::atomic::AtomicUsize::new(0);
    let template = ChildTemplate::<Probe>::new("crowd", move || {
        let n = made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        assert!(n != 5, "scripted factory");
        Probe::plain(&Trace::default())
    });
    let refused = team.start_children(&template, 10).await.unwrap_err();
    assert!(matches!(refused, StartError::Failed(Exit::Panicked(_))));
    assert_eq!((team.count().specs, team.count().active), (9, 9));
    assert_eq!(team.count().restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn b6_children_come_and_go_while_others_work() {
    let system = system();
    let trace = Trace::default();
    let team = team()
        .child(child("a", &trace))
        .start(&system)
        .await
        .unwrap();
    let b = team.start_child(child("b", &trace)).await.unwrap().unwrap();
    let names = |team: &SupervisorRef| -> Vec<_> {
        team.which_children().into_iter().map(|c| c.name).collect()
    };
    assert_eq!(names(&team), ["a", "b"]);
    b.tell(Msg::panic()).await.unwrap();
    assert_eq!(
        b.ask(Msg::Life).await.unwrap(),
        1,
        "supervised like the others"
    );
    team.terminate_child("a").await.unwrap();
    team.delete_child("a").await.unwrap();
    assert_eq!(names(&team), ["b"]);
    // The supervisor stops those that came later as well, in reverse.
    team.start_child(child("c", &trace)).await.unwrap();
    trace.take();
    team.stop();
    soon(team.closed()).await;
    assert_eq!(
        trace.take(),
        [
            "c stop",
            "c stopped",
            "c drop",
            "b stop",
            "b stopped",
            "b drop"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn b6_commands_to_an_ended_supervisor_are_refused() {
    let system = system();
    let trace = Trace::default();
    let team = team()
        .child(child("a", &trace))
        .start(&system)
        .await
        .unwrap();
    team.stop();
    soon(team.closed()).await;
    let spec = child("b", &trace);
    let actor = spec.actor_ref();
    let refused = team.start_child(spec).await.unwrap_err();
    assert!(matches!(refused, StartError::Ending), "{refused:?}");
    soon(actor.closed()).await;
    assert!(team.restart_child("a").await.is_err());
    assert!(team.terminate_child("a").await.is_err());
    assert_eq!(team.count().active, 0);
}

#[tokio::test(start_paused = true)]
async fn a_child_told_to_stop_by_a_user_ends_normally_and_follows_its_rule() {
    let system = system();
    let trace = Trace::default();
    let spec = child("a", &trace);
    let actor = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    actor.stop();
    idle().await;
    assert_eq!(trace.count("a stopped"), 1);
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
    actor.drain();
    idle().await;
    assert_eq!(team.count().active, 1);
    assert!(!actor.is_closed(), "a permanent child that drained is back");
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 2);
}

/// How long it takes to end a crowd one by one, by reference: the best of three
/// times, since this machine has other things to do.
async fn ending_one_by_one(count: usize) -> Duration {
    let system = system();
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let team = Supervisor::dynamic("team").restart(Restart::Temporary);
        let team = team.start(&system).await.unwrap();
        let crowd = team.start_children(&crowd(), count).await.unwrap();
        let began = std::time::Instant::now();
        // From the end: a search would pass by all the others.
        for actor in crowd.iter().rev() {
            team.terminate_child(actor).await.unwrap();
        }
        best = best.min(began.elapsed());
        assert_eq!(team.count().specs, 0);
        team.stop();
        soon(team.closed()).await;
    }
    best
}

#[tokio::test(start_paused = true)]
async fn sup_53_ten_times_the_children_end_in_less_than_fifty_times_the_time() {
    let few = ending_one_by_one(1_000).await;
    let many = ending_one_by_one(10_000).await;
    assert!(many < few * 50, "{few:?} and {many:?}");
}

#[tokio::test(start_paused = true)]
async fn sup_53_a_reference_finds_its_own_child_only() {
    for is_dynamic in [false, true] {
        let system = system();
        let team = match is_dynamic {
            true => Supervisor::dynamic("team"),
            false => Supervisor::new("team"),
        };
        let team = team.start(&system).await.unwrap();
        let old = team.start_child(probe("a")).await.unwrap().unwrap();
        let id = old.id();
        team.terminate_child(id).await.unwrap();
        if !is_dynamic {
            team.delete_child(id).await.unwrap();
        }
        // The same name in the same place, and yet another.
        let new = team.start_child(probe("a")).await.unwrap().unwrap();
        assert_eq!(team.terminate_child(&old).await.is_ok(), is_dynamic);
        let by_id = team.terminate_child(id).await;
        assert!(matches!(by_id, Err(ChildError::NotFound)), "{by_id:?}");
        assert_eq!(soon(new.ask(Msg::Life)).await.unwrap(), 0);
        team.terminate_child(&new).await.unwrap();
        soon(new.closed()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn starts_that_hang_keep_no_command_out() {
    let system = system();
    let team = Supervisor::dynamic("team").start(&system).await.unwrap();
    let trace = Trace::default();
    let hangs: Vec<_> = (0..1_500)
        .map(|_| {
            let script = Script::new("slow", &trace).starts([Step::Never]);
            script.spec().shutdown(Shutdown::Kill)
        })
        .collect();
    let slow: Vec<_> = hangs.iter().map(ChildSpec::actor_ref).collect();
    let starts: Vec<_> = hangs
        .into_iter()
        .map(|spec| {
            let team = team.clone();
            tokio::spawn(async move { team.start_child(spec).await })
        })
        .collect();
    tokio::task::yield_now().await;
    for actor in &slow {
        soon(team.terminate_child(actor)).await.unwrap();
    }
    for start in starts {
        start.await.unwrap().unwrap_err();
    }
    assert_eq!(team.count().specs, 0);
}
