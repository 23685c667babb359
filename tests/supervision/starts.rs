use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use callboard::actor::InvalidSpec;
use callboard::prelude::*;
use callboard::supervision::{ChildError, ChildState, StartFailed};

use crate::common::{Msg, Script, Step, Trace, idle, probe, soon, system};
use crate::{child, team};

#[tokio::test(start_paused = true)]
async fn sup_01_children_start_one_after_another_in_order() {
    let system = system();
    let trace = Trace::default();
    let slow = |name| {
        Script::new(name, &trace)
            .starts([Step::After(secs(1))])
            .spec()
    };
    let began = system.now();
    team()
        .child(slow("a"))
        .child(slow("b"))
        .child(slow("c"))
        .start(&system)
        .await
        .unwrap();
    assert_eq!(
        trace.take(),
        ["a start", "a up", "b start", "b up", "c start", "c up"]
    );
    let took = system.now() - began;
    assert!(took >= secs(3), "resolved only when all are up: {took:?}");
}

/// A supervisor over one child whose init hook says this, life by life.
fn with_init(name: &'static str, trace: &Trace, says: &'static [Step]) -> Supervisor {
    let lives = AtomicUsize::new(0);
    let trace_init = trace.clone();
    Supervisor::new(name)
        .init(move || {
            trace_init.note("init");
            let life = lives.fetch_add(1, SeqCst).min(says.len() - 1);
            match says[life] {
                Step::Ignore => Ok(Started::Ignore),
                Step::Fail => Err("scripted failure".into()),
                Step::Panic => panic!("scripted panic"),
                _ => Ok(Started::Ready),
            }
        })
        .child(child("a", trace))
}

#[tokio::test(start_paused = true)]
async fn sup_04_a_supervisor_that_ignores_its_start_leaves_nothing_behind() {
    for restart in [Restart::Permanent, Restart::Temporary] {
        let system = system();
        let trace = Trace::default();
        let spec = child("x", &trace);
        let actor = spec.actor_ref();
        let team = with_init("team", &trace, &[Step::Ignore]).child(spec);
        let refused = team.restart(restart).start(&system).await;
        assert!(matches!(refused, Err(StartError::Ignored)), "{refused:?}");
        assert_eq!(trace.take(), ["init"], "no child was started");
        soon(actor.closed()).await;
        assert!(system.tree().children.is_empty(), "{}", system.tree());
        let again = with_init("team", &trace, &[Step::Ok]).start(&system).await;
        assert_eq!(again.unwrap().count().active, 1, "the name is free");
        assert_eq!(trace.take(), ["init", "a start", "a up"]);
    }
}

#[tokio::test(start_paused = true)]
async fn sup_04_a_nested_supervisor_that_ignores_its_start_is_kept_like_any_child() {
    let system = system();
    let trace = Trace::default();
    let team = team()
        .child(with_init("inner", &trace, &[Step::Ignore, Step::Ok]))
        .child(child("b", &trace));
    let team = team.start(&system).await.unwrap();
    assert_eq!(trace.take(), ["init", "b start", "b up"]);
    assert_eq!((team.count().specs, team.count().active), (2, 1));
    assert_eq!(team.which_children()[0].state, ChildState::Down);
    team.restart_child("inner").await.unwrap();
    assert_eq!(trace.take(), ["init", "a start", "a up"]);
    assert_eq!((team.count().active, team.count().restarts), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn sup_04_an_init_that_fails_or_panics_is_a_start_that_failed() {
    for (step, reason) in [
        (&[Step::Fail], "failed: scripted failure"),
        (&[Step::Panic], "panicked: scripted panic"),
    ] {
        let system = system();
        let trace = Trace::default();
        let refused = with_init("team", &trace, step).start(&system).await;
        let refused = refused.unwrap_err().to_string();
        assert_eq!(refused, format!("it did not start: {reason}"));
        assert_eq!(trace.take(), ["init"]);
        assert!(system.tree().children.is_empty());
        let nested = with_init("inner", &trace, step);
        let outer = Supervisor::new("outer").child(child("b", &trace));
        let refused = outer.child(nested).start(&system).await;
        let (name, exit) = start_failed(refused.unwrap_err());
        assert_eq!((name.as_str(), exit.as_str()), ("inner", reason));
        assert_eq!(trace.count("b stopped"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn sup_04_init_runs_at_each_restart_and_one_that_fails_counts_as_a_restart() {
    let system = system();
    let trace = Trace::default();
    let inner = with_init("inner", &trace, &[Step::Ok, Step::Fail, Step::Ok]);
    let outer = Supervisor::new("outer").intensity(9, secs(1));
    let outer = outer.start(&system).await.unwrap();
    let inner = outer.start_supervisor(inner).await.unwrap();
    trace.take();
    inner.kill();
    idle().await;
    let seen = trace.take();
    assert_eq!(seen[seen.len() - 4..], ["init", "init", "a start", "a up"]);
    assert_eq!((outer.count().active, outer.count().restarts), (1, 2));
    // In a later life it may find that it is not needed any more.
    let ignoring = with_init("late", &trace, &[Step::Ok, Step::Ignore]);
    let late = outer.start_supervisor(ignoring).await.unwrap();
    late.kill();
    idle().await;
    assert_eq!(outer.which_children()[1].state, ChildState::Down);
    soon(late.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn sup_05_a_permanent_child_that_ignores_its_start_is_kept() {
    let system = system();
    let trace = Trace::default();
    let team = team().start(&system).await.unwrap();
    let spec = Script::new("a", &trace)
        .starts([Step::Ignore, Step::Ok])
        .spec();
    assert!(team.start_child(spec).await.unwrap().is_none());
    let count = team.count();
    assert_eq!((count.specs, count.active), (1, 0));
    assert_eq!(team.which_children()[0].state, ChildState::Down);
    team.restart_child("a").await.unwrap();
    assert_eq!(team.count().active, 1, "this time it is needed");
}

#[tokio::test(start_paused = true)]
async fn sup_06_a_temporary_child_that_ignores_its_start_is_not_kept() {
    let system = system();
    let trace = Trace::default();
    let ignoring = |name| {
        Script::new(name, &trace)
            .starts([Step::Ignore])
            .spec()
            .restart(Restart::Temporary)
    };
    let team = team()
        .child(child("a", &trace))
        .child(ignoring("b"))
        .child(child("c", &trace))
        .start(&system)
        .await
        .unwrap();
    assert_eq!((team.count().specs, team.count().active), (2, 2));
    assert!(team.start_child(ignoring("d")).await.unwrap().is_none());
    assert_eq!((team.count().specs, team.count().active), (2, 2));
}

/// The name and reason that a start of a supervisor failed with.
fn start_failed(refused: StartError) -> (String, String) {
    match refused {
        StartError::Failed(Exit::Failed(error)) => {
            let failed = error.downcast_ref::<StartFailed>().expect("a child's");
            (failed.child.clone(), failed.exit.to_string())
        }
        other => panic!("it did not start: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn sup_08_a_child_that_does_not_start_undoes_the_start() {
    for (step, reason) in [
        (Step::Fail, "failed: scripted failure"),
        (Step::Panic, "panicked: scripted panic"),
    ] {
        let system = system();
        let trace = Trace::default();
        let faulty = Script::new("b", &trace).starts([step]).spec();
        let a = child("a", &trace);
        let c = child("c", &trace);
        let refs = [a.actor_ref(), faulty.actor_ref(), c.actor_ref()];
        let refused = team().child(a).child(faulty).child(c).start(&system).await;
        let (name, exit) = start_failed(refused.unwrap_err());
        assert_eq!((name.as_str(), exit.as_str()), ("b", reason));
        assert_eq!(
            trace.take(),
            [
                "a start",
                "a up",
                "b start",
                "b drop",
                "a stop",
                "a stopped",
                "a drop"
            ],
            "a is stopped again, c was never made"
        );
        for actor in refs {
            soon(actor.closed()).await;
        }
        assert!(system.tree().children.is_empty(), "nothing is left");
    }
}

#[tokio::test(start_paused = true)]
async fn sup_09_a_child_whose_start_fails_is_not_kept_and_counts_as_no_restart() {
    for dynamic in [false, true] {
        let system = system();
        let trace = Trace::default();
        let supervisor = match dynamic {
            true => Supervisor::dynamic("team"),
            false => team(),
        };
        let team = supervisor
            .intensity(0, secs(1))
            .start(&system)
            .await
            .unwrap();
        let spec = Script::new("a", &trace).starts([Step::Fail]).spec();
        let actor = spec.actor_ref();
        let refused = team.start_child(spec).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "it did not start: failed: scripted failure"
        );
        assert_eq!((team.count().specs, team.count().restarts), (0, 0));
        soon(actor.closed()).await;
        let again = team.start_child(child("a", &trace)).await;
        assert!(again.unwrap().is_some(), "the name is free");
    }
}

#[tokio::test(start_paused = true)]
async fn sup_10_a_child_whose_start_panics_is_refused_and_the_supervisor_lives() {
    let system = system();
    let trace = Trace::default();
    let team = team().intensity(0, secs(1)).start(&system).await.unwrap();
    let spec = Script::new("a", &trace).starts([Step::Panic]).spec();
    let refused = team.start_child(spec).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "it did not start: panicked: scripted panic"
    );
    assert_eq!((team.count().specs, team.count().restarts), (0, 0));
    team.start_child(child("b", &trace)).await.unwrap();
    assert_eq!(team.incarnation(), 0);
}

#[tokio::test(start_paused = true)]
async fn sup_11_a_restart_by_command_that_fails_keeps_the_spec() {
    for is_static in [true, false] {
        let system = system();
        let trace = Trace::default();
        let spec = Script::new("a", &trace)
            .starts([Step::Ok, Step::Fail, Step::Panic, Step::Ok])
            .spec();
        let actor = spec.actor_ref();
        let team = match is_static {
            true => team().child(spec).start(&system).await.unwrap(),
            false => {
                let team = team().start(&system).await.unwrap();
                team.start_child(spec).await.unwrap();
                team
            }
        };
        team.terminate_child("a").await.unwrap();
        for reason in ["failed: scripted failure", "panicked: scripted panic"] {
            match team.restart_child("a").await {
                Err(ChildError::Failed(exit)) => assert_eq!(exit.to_string(), reason),
                other => panic!("refused: {other:?}"),
            }
            assert_eq!((team.count().specs, team.count().active), (1, 0));
        }
        team.restart_child("a").await.unwrap();
        assert_eq!(actor.ask(Msg::Life).await.unwrap(), 3);
        assert_eq!(team.count().restarts, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn sup_11_an_ignored_child_whose_restart_fails_is_kept_too() {
    let system = system();
    let trace = Trace::default();
    let team = team().start(&system).await.unwrap();
    let spec = Script::new("a", &trace)
        .starts([Step::Ignore, Step::Fail])
        .spec();
    team.start_child(spec).await.unwrap();
    assert!(team.restart_child("a").await.is_err());
    assert_eq!(team.count().specs, 1);
}

#[tokio::test(start_paused = true)]
async fn sup_13_a_period_of_zero_is_refused_and_no_restarts_at_all_are_legal() {
    let system = system();
    let refused = team().intensity(1, Duration::ZERO).start(&system).await;
    assert!(matches!(
        refused.unwrap_err(),
        StartError::Invalid(InvalidSpec::Intensity(_))
    ));
    let refused = team().intensity(u32::MAX, secs(1)).start(&system).await;
    assert!(matches!(
        refused.unwrap_err(),
        StartError::Invalid(InvalidSpec::Intensity(_))
    ));
    // As a child of another, it is refused as well.
    let nested = team().intensity(1, Duration::ZERO);
    let refused = Supervisor::new("outer").child(nested).start(&system).await;
    assert!(matches!(refused.unwrap_err(), StartError::Invalid(_)));

    let spec = probe("a");
    let actor = spec.actor_ref();
    let strict = team().intensity(0, secs(1)).child(spec);
    let strict = strict.start(&system).await.unwrap();
    actor.kill();
    soon(strict.closed()).await;
    assert_eq!(actor.restarts(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_children_of_one_name_and_children_of_a_dynamic_one_are_refused() {
    let system = system();
    let refused = team()
        .child(probe("a"))
        .child(probe("a"))
        .start(&system)
        .await;
    assert!(matches!(
        refused.unwrap_err(),
        StartError::Invalid(InvalidSpec::Name(_))
    ));
    let refused = Supervisor::dynamic("d")
        .child(probe("a"))
        .start(&system)
        .await;
    assert!(matches!(
        refused.unwrap_err(),
        StartError::Invalid(InvalidSpec::Combination(_))
    ));
    let refused = Supervisor::dynamic("d").strategy(Strategy::OneForAll);
    assert!(refused.start(&system).await.is_err());
    let refused = team().child(probe("a").mailbox(0)).start(&system).await;
    assert!(matches!(
        refused.unwrap_err(),
        StartError::Invalid(InvalidSpec::Mailbox(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_killed_while_it_starts_says_so_to_its_starter() {
    let system = system();
    let trace = Trace::default();
    let hanging = Script::new("b", &trace).starts([Step::Never]).spec();
    let b = hanging.actor_ref();
    let starting = tokio::spawn({
        let system = system.clone();
        let team = team().child(child("a", &trace)).child(hanging);
        async move { team.start(&system).await }
    });
    idle().await;
    b.kill();
    let (name, exit) = start_failed(soon(starting).await.unwrap().unwrap_err());
    assert_eq!((name.as_str(), exit.as_str()), ("b", "killed"));
    assert_eq!(trace.count("a drop"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_nobody_waits_for_goes_on() {
    let system = system();
    let trace = Trace::default();
    let team = team().start(&system).await.unwrap();
    let slow = Script::new("a", &trace)
        .starts([Step::After(secs(1))])
        .spec();
    let starting = tokio::spawn({
        let team = team.clone();
        async move { team.start_child(slow).await.map(drop) }
    });
    idle().await;
    starting.abort();
    crate::common::pass(secs(2)).await;
    assert_eq!(team.count().active, 1);
}
