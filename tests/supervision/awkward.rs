//! Awkward days that OTP's own test suite of its supervisor knows.

use callboard::prelude::*;
use callboard::supervision::{ChildError, ChildState};

use crate::common::{Msg, Script, Step, Trace, idle, pass, poll_once, probe, soon, system};
use crate::groups::one_life_at_a_time;
use crate::{child, end, team};

const GROUPS: [Strategy; 2] = [Strategy::OneForAll, Strategy::RestForOne];

fn states(team: &SupervisorRef) -> Vec<ChildState> {
    let children = team.which_children().into_iter();
    children.map(|child| child.state).collect()
}

#[tokio::test(start_paused = true)]
async fn sup_28_a_child_that_crashes_again_while_its_group_still_starts_restarts_the_group_again() {
    for strategy in GROUPS {
        let system = system();
        let trace = Trace::default();
        let (a, b) = (child("a", &trace), child("b", &trace));
        let c = Script::new("c", &trace)
            .starts([Step::Ok, Step::After(secs(2)), Step::Ok])
            .spec();
        let refs = (a.actor_ref(), b.actor_ref(), c.actor_ref());
        let team = team().strategy(strategy).child(a).child(b).child(c);
        let team = team.start(&system).await.unwrap();
        end(&refs.1, "panic").await;
        pass(secs(1)).await;
        // b is up again, c still starts.
        assert_eq!(refs.1.ask(Msg::Life).await.unwrap(), 1, "{strategy:?}");
        end(&refs.1, "fail").await;
        pass(secs(10)).await;
        let count = team.count();
        assert_eq!((count.active, count.restarts), (3, 2), "{strategy:?}");
        assert_eq!(refs.1.ask(Msg::Life).await.unwrap(), 2, "{strategy:?}");
        assert_eq!(refs.2.ask(Msg::Life).await.unwrap(), 2, "{strategy:?}");
        one_life_at_a_time(&trace, &["a", "b", "c"]);
    }
}

#[tokio::test(start_paused = true)]
async fn sup_28_a_later_child_that_never_starts_again_ends_the_supervisor_in_order() {
    for strategy in GROUPS {
        let system = system();
        let trace = Trace::default();
        let (a, b) = (child("a", &trace), child("b", &trace));
        let c = Script::new("c", &trace)
            .starts([Step::Ok, Step::Fail])
            .spec();
        let a_ref = a.actor_ref();
        let team = team().strategy(strategy).child(a).child(b).child(c);
        let team = team.start(&system).await.unwrap();
        end(&a_ref, "panic").await;
        soon(team.closed()).await;
        // One by the crash, one by the first try that failed; the second is one
        // too many.
        assert_eq!(trace.count("c start"), 1 + 2, "{strategy:?}");
        for name in ["a", "b"] {
            let starts = trace.count(&format!("{name} start"));
            assert_eq!(starts, trace.count(&format!("{name} stopped")), "{name}");
        }
        one_life_at_a_time(&trace, &["a", "b", "c"]);
    }
}

#[tokio::test(start_paused = true)]
async fn sup_31_a_group_restart_that_hangs_answers_promptly_and_ends_by_a_terminate() {
    for strategy in GROUPS {
        let system = system();
        let trace = Trace::default();
        let a = child("a", &trace);
        let b = Script::new("b", &trace)
            .starts([Step::Ok, Step::FailAfter(secs(2))])
            .spec()
            .shutdown(After(secs(1)));
        let c = child("c", &trace);
        let a_ref = a.actor_ref();
        let team = team().intensity(1_000, secs(1)).strategy(strategy);
        let team = team.child(a).child(b).child(c);
        let team = team.start(&system).await.unwrap();
        end(&a_ref, "kill").await;
        for _ in 0..3 {
            pass(secs(2)).await;
            let began = system.now();
            let [_, b, c] = states(&team)[..] else {
                panic!("three children");
            };
            assert_eq!((b, c), (ChildState::Restarting, ChildState::Down));
            assert_eq!(team.count().specs, 3);
            for waiting in ["b", "c"] {
                let refused = team.restart_child(waiting).await;
                let is_it = matches!(refused, Err(ChildError::Restarting));
                assert!(is_it, "{waiting}: {refused:?}");
                let refused = team.delete_child(waiting).await;
                let is_it = matches!(refused, Err(ChildError::Restarting));
                assert!(is_it, "{waiting}: {refused:?}");
            }
            let newcomer = team.start_child(child("c", &trace)).await;
            assert!(matches!(newcomer, Err(StartError::AlreadyPresent(_))));
            assert_eq!(system.now(), began, "promptly");
        }
        // c is due to start after b: it will not be, and b is given up.
        team.terminate_child("c").await.unwrap();
        soon(team.terminate_child("b")).await.unwrap();
        pass(secs(10)).await;
        let starts = (trace.count("b start"), trace.count("c start"));
        pass(secs(100)).await;
        assert_eq!(starts, (trace.count("b start"), trace.count("c start")));
        assert_eq!(states(&team)[1..], [ChildState::Down; 2], "{strategy:?}");
        assert_eq!(soon(a_ref.ask(Msg::Seen)).await.unwrap(), [0; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn sup_31_a_dynamic_child_whose_restart_hangs_is_counted_and_can_be_given_up() {
    let system = system();
    let trace = Trace::default();
    let team = Supervisor::dynamic("team").intensity(1_000, secs(1));
    let team = team.start(&system).await.unwrap();
    let hanging = Script::new("a", &trace)
        .starts([Step::Ok, Step::FailAfter(secs(2))])
        .spec()
        .shutdown(After(secs(1)));
    let hanging = team.start_child(hanging).await.unwrap().unwrap();
    let other = team.start_child(child("b", &trace)).await.unwrap().unwrap();
    end(&hanging, "kill").await;
    for _ in 0..3 {
        pass(secs(2)).await;
        let began = system.now();
        assert_eq!((team.count().specs, team.count().active), (2, 1));
        assert_eq!(states(&team)[0], ChildState::Restarting);
        let refused = team.restart_child(&hanging).await;
        assert!(
            matches!(refused, Err(ChildError::Restarting)),
            "{refused:?}"
        );
        let more = team.start_child(child("c", &trace)).await.unwrap().unwrap();
        team.terminate_child(&more).await.unwrap();
        assert_eq!(system.now(), began, "promptly");
    }
    soon(team.terminate_child(&hanging)).await.unwrap();
    assert_eq!((team.count().specs, team.count().active), (1, 1));
    soon(hanging.closed()).await;
    assert_eq!(other.ask(Msg::Life).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn sup_31_a_child_that_hangs_in_its_first_start_holds_up_nobody() {
    for is_dynamic in [false, true] {
        let system = system();
        let trace = Trace::default();
        let supervisor = match is_dynamic {
            true => Supervisor::dynamic("team"),
            false => Supervisor::new("team"),
        };
        let team = supervisor.start(&system).await.unwrap();
        let spec = Script::new("a", &trace).starts([Step::Never]).spec();
        let mut starting = Box::pin(team.start_child(spec.shutdown(After(secs(1)))));
        assert!(poll_once(&mut starting).await.is_pending());
        pass(secs(100)).await;
        let began = system.now();
        assert_eq!(states(&team), [ChildState::Starting]);
        assert_eq!((team.count().specs, team.count().active), (1, 0));
        let b = team.start_child(child("b", &trace)).await.unwrap().unwrap();
        end(&b, "panic").await;
        assert_eq!(b.ask(Msg::Life).await.unwrap(), 1, "restarts go on");
        team.terminate_child(&b).await.unwrap();
        assert!(matches!(
            team.restart_child("a").await,
            Err(ChildError::Running)
        ));
        assert_eq!(system.now(), began, "promptly");
        // The end does not wait for it either, and whoever started it is told.
        team.stop();
        let refused = soon(starting).await;
        assert!(matches!(refused, Err(StartError::Ending)), "{refused:?}");
        pass(secs(2)).await;
        assert_eq!(trace.count("a drop"), 1, "within its time");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_hangs_ends_with_a_terminate_which_tells_its_starter() {
    let system = system();
    let trace = Trace::default();
    let team = team().start(&system).await.unwrap();
    let spec = Script::new("a", &trace).starts([Step::Never]).spec();
    let mut starting = Box::pin(team.start_child(spec.shutdown(After(secs(1)))));
    assert!(poll_once(&mut starting).await.is_pending());
    soon(team.terminate_child("a")).await.unwrap();
    let refused = soon(starting).await;
    assert!(matches!(refused, Err(StartError::Failed(_))), "{refused:?}");
    assert_eq!(team.count().active, 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_goes_on_when_a_crash_of_a_sibling_restarts_all() {
    let system = system();
    let trace = Trace::default();
    let a = child("a", &trace);
    let a_ref = a.actor_ref();
    let team = team().strategy(Strategy::OneForAll).child(a);
    let team = team.start(&system).await.unwrap();
    let slow = Script::new("b", &trace)
        .starts([Step::Never, Step::Ok])
        .spec()
        .shutdown(After(secs(1)));
    let mut starting = Box::pin(team.start_child(slow));
    assert!(poll_once(&mut starting).await.is_pending());
    end(&a_ref, "panic").await;
    let b = soon(starting).await.unwrap().expect("it is up");
    assert_eq!(soon(b.ask(Msg::Life)).await.unwrap(), 1);
    assert_eq!((team.count().active, team.count().restarts), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn sup_41_two_who_terminate_a_child_at_once_are_both_answered_when_it_is_down() {
    let system = system();
    let trace = Trace::default();
    let slow = Script::new("a", &trace)
        .stops([Step::After(secs(2))])
        .spec();
    let team = team().child(slow).start(&system).await.unwrap();
    let began = system.now();
    let (one, two) = tokio::join!(team.terminate_child("a"), team.terminate_child("a"));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    assert!(system.now() - began >= secs(2));
    assert_eq!(trace.count("a stopped"), 1);
}

#[tokio::test(start_paused = true)]
async fn children_that_end_by_themselves_while_the_supervisor_ends_are_not_restarted() {
    for how in crate::ENDS {
        for is_dynamic in [false, true] {
            let system = system();
            let trace = Trace::default();
            let supervisor = match is_dynamic {
                true => Supervisor::dynamic("team"),
                false => Supervisor::new("team"),
            };
            let team = supervisor.restart(Restart::Temporary).start(&system);
            let team = team.await.unwrap();
            let held = child("a", &trace).shutdown(After(secs(9)));
            let a = team.start_child(held).await.unwrap().unwrap();
            let slow = Script::new("b", &trace)
                .stops([Step::After(secs(2))])
                .spec();
            team.start_child(slow).await.unwrap();
            team.stop();
            pass(secs(1)).await;
            // In an ordered supervisor its turn has not come; in a dynamic one
            // it has been told, and is gone already.
            if !is_dynamic {
                end(&a, how).await;
            }
            let exit = soon(team.closed()).await;
            assert_eq!(exit.to_string(), "shutdown", "{how}");
            assert_eq!((trace.count("a start"), trace.count("b start")), (1, 1));
            assert_eq!(trace.count("a drop"), 1, "{how}");
            soon(a.closed()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_a_hanging_group_restart_ends_it() {
    for strategy in GROUPS {
        for how in ["stop", "kill"] {
            let system = system();
            let trace = Trace::default();
            let a = child("a", &trace);
            let b = Script::new("b", &trace)
                .starts([Step::Ok, Step::Never])
                .spec()
                .shutdown(After(secs(1)));
            let c = child("c", &trace);
            let a_ref = a.actor_ref();
            let team = team().strategy(strategy).child(a).child(b).child(c);
            let team = team.start(&system).await.unwrap();
            end(&a_ref, "panic").await;
            pass(secs(5)).await;
            let began = system.now();
            match how {
                "stop" => team.stop(),
                _ => team.kill(),
            }
            soon(team.closed()).await;
            assert!(system.now() - began < secs(2), "{how}");
            pass(secs(100)).await;
            assert_eq!(trace.count("c start"), 1, "it was due, and is not any more");
            for name in ["a", "b", "c"] {
                let starts = trace.count(&format!("{name} start"));
                assert_eq!(starts, trace.count(&format!("{name} drop")), "{name}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sup_36_dynamic_children_that_are_to_be_killed_end_at_once() {
    let system = system();
    let trace = Trace::default();
    let team = Supervisor::dynamic("team").restart(Restart::Temporary);
    let team = team.start(&system).await.unwrap();
    for name in ["a", "b", "c"] {
        let spec = Script::new(name, &trace).stops([Step::Never]).spec();
        let spec = spec.shutdown(Shutdown::Kill);
        team.start_child(spec).await.unwrap();
    }
    let began = system.now();
    team.stop();
    soon(team.closed()).await;
    assert_eq!(system.now(), began);
    assert_eq!(trace.count("a stop") + trace.count("b stop"), 0);
}

#[tokio::test(start_paused = true)]
async fn sup_16_nothing_is_kept_of_a_temporary_child_that_was_terminated() {
    for is_dynamic in [false, true] {
        let system = system();
        let supervisor = match is_dynamic {
            true => Supervisor::dynamic("team"),
            false => Supervisor::new("team"),
        };
        let team = supervisor.start(&system).await.unwrap();
        for _ in 0..3 {
            let spec = probe("a").restart(Restart::Temporary);
            let actor = team.start_child(spec).await.unwrap().unwrap();
            team.terminate_child(&actor).await.unwrap();
            assert_eq!(team.count().specs, 0);
            let refused = team.restart_child(&actor).await;
            assert!(matches!(refused, Err(ChildError::NotFound)), "{refused:?}");
            soon(actor.closed()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sup_19_a_child_keeps_its_place_over_restarts() {
    let system = system();
    let trace = Trace::default();
    let (a, b) = (child("a", &trace), child("b", &trace));
    let refs = (a.actor_ref(), b.actor_ref());
    let team = team().intensity(99, secs(1)).child(a).child(b);
    let team = team.strategy(Strategy::RestForOne).start(&system).await;
    let team = team.unwrap();
    for name in ["c", "d"] {
        team.start_child(child(name, &trace)).await.unwrap();
    }
    let names = |team: &SupervisorRef| -> String {
        let children = team.which_children().into_iter();
        children.map(|child| child.name).collect()
    };
    end(&refs.1, "panic").await;
    idle().await;
    team.terminate_child("a").await.unwrap();
    team.restart_child("a").await.unwrap();
    assert_eq!(names(&team), "abcd");
    // a is the first still, so its crash takes all the others along.
    trace.take();
    end(&refs.0, "panic").await;
    idle().await;
    let ups: Vec<_> = trace.take();
    let ups: Vec<_> = ups.iter().filter(|line| line.ends_with("up")).collect();
    assert_eq!(ups, ["a up", "b up", "c up", "d up"]);
    assert_eq!(names(&team), "abcd");
}

#[tokio::test(start_paused = true)]
async fn sup_20_a_significant_bystander_that_is_stopped_with_its_siblings_ends_nothing() {
    for strategy in GROUPS {
        for restart in [Restart::Transient, Restart::Temporary] {
            let system = system();
            let trace = Trace::default();
            let a = child("a", &trace);
            let s = child("s", &trace).restart(restart).significant();
            let a_ref = a.actor_ref();
            let team = team()
                .strategy(strategy)
                .auto_shutdown(AutoShutdown::AnySignificant);
            let team = team.child(a).child(s).start(&system).await.unwrap();
            end(&a_ref, "panic").await;
            pass(secs(1)).await;
            let is_back = restart == Restart::Transient;
            assert_eq!(team.count().active, 1 + usize::from(is_back));
            assert_eq!((team.incarnation(), trace.count("s stopped")), (0, 1));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sup_45_three_levels_escalate_one_after_the_other_and_each_counts_once() {
    let system = system();
    let trace = Trace::default();
    let leaf = child("leaf", &trace);
    let actor = leaf.actor_ref();
    let low = Supervisor::new("low").intensity(1, secs(3_600)).child(leaf);
    let middle = Supervisor::new("middle")
        .intensity(1, secs(3_600))
        .child(child("m", &trace))
        .child(low);
    let high = Supervisor::new("high")
        .intensity(1, secs(3_600))
        .restart(Restart::Temporary)
        .child(child("h", &trace))
        .child(middle);
    let high = high.start(&system).await.unwrap();
    // Two crashes end a life of `low`, two of those one of `middle`, and two of
    // those all of it.
    for crash in 1..8 {
        end(&actor, "panic").await;
        assert_eq!(soon(actor.ask(Msg::Life)).await.unwrap(), crash);
        assert_eq!(trace.count("h start"), 1, "{crash}");
        assert_eq!(trace.count("m start"), 1 + crash / 4, "{crash}");
    }
    end(&actor, "panic").await;
    let exit = soon(high.closed()).await;
    assert_eq!(exit.to_string(), "shutdown (restart intensity exceeded)");
    assert_eq!(trace.count("leaf start"), 8);
    for name in ["h", "m"] {
        let starts = trace.count(&format!("{name} start"));
        assert_eq!(starts, trace.count(&format!("{name} stopped")), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn sup_53_many_children_with_names_start_and_end_one_by_one() {
    let system = system();
    let team = Supervisor::new("team").start(&system).await.unwrap();
    let template =
        callboard::actor::ChildTemplate::new("c", || crate::Probe::plain(&Trace::default()));
    let many = team.start_children(&template, 2_000).await.unwrap();
    assert_eq!((team.count().specs, team.count().active), (2_000, 2_000));
    for (n, actor) in many.iter().enumerate() {
        match n % 2 {
            0 => team.terminate_child(actor).await.unwrap(),
            _ => team.terminate_child(&*actor.name()).await.unwrap(),
        }
    }
    assert_eq!((team.count().specs, team.count().active), (2_000, 0));
    for actor in &many {
        team.delete_child(actor).await.unwrap();
    }
    assert_eq!(team.count().specs, 0);
}
