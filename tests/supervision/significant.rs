use callboard::actor::InvalidSpec;
use callboard::prelude::*;

use crate::common::{Msg, Script, Step, Trace, idle, pass, soon, system};
use crate::{ENDS, child, end, team};

fn is_combination<T>(refused: Result<T, StartError>) -> bool {
    matches!(
        refused,
        Err(StartError::Invalid(InvalidSpec::Combination(_)))
    )
}

/// A supervisor over an ordinary child, a significant one and another ordinary
/// one, whose significant child has ended in this way.
async fn after(restart: Restart, how: &str) -> (SupervisorRef, ActorRef<Msg>, Trace) {
    let system = system();
    let trace = Trace::default();
    let s = child("s", &trace).restart(restart).significant();
    let actor = s.actor_ref();
    let team = team()
        .auto_shutdown(AutoShutdown::AnySignificant)
        .child(child("a", &trace))
        .child(s)
        .child(child("b", &trace));
    let team = team.start(&system).await.unwrap();
    trace.take();
    end(&actor, how).await;
    pass(secs(1)).await;
    std::mem::forget(system);
    (team, actor, trace)
}

#[tokio::test(start_paused = true)]
async fn sup_47_a_significant_transient_child_that_ends_well_ends_its_supervisor() {
    for how in ENDS {
        let (team, actor, trace) = after(Restart::Transient, how).await;
        if ["fail", "panic", "kill"].contains(&how) {
            assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1, "{how}: restarted");
            assert_eq!((team.count().active, team.incarnation()), (3, 0), "{how}");
            continue;
        }
        let exit = soon(team.closed()).await;
        assert_eq!(exit.to_string(), "shutdown (a significant child ended)");
        soon(actor.closed()).await;
        assert_eq!(
            trace.take(),
            [
                "s stop",
                "s stopped",
                "s drop",
                "b stop",
                "b stopped",
                "b drop",
                "a stop",
                "a stopped",
                "a drop"
            ],
            "{how}: the others in reverse order"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn sup_48_a_significant_temporary_child_ends_its_supervisor_however_it_ends() {
    for how in ENDS {
        let (team, _, trace) = after(Restart::Temporary, how).await;
        let exit = soon(team.closed()).await;
        assert!(matches!(exit, Exit::Shutdown(Some(_))), "{how}: {exit}");
        assert_eq!((trace.count("a stopped"), trace.count("b stopped")), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn sup_48_a_significant_child_that_is_terminated_ends_nobody_else() {
    for restart in [Restart::Transient, Restart::Temporary] {
        let system = system();
        let trace = Trace::default();
        let team = team()
            .auto_shutdown(AutoShutdown::AnySignificant)
            .child(child("s", &trace).restart(restart).significant())
            .child(child("a", &trace));
        let team = team.start(&system).await.unwrap();
        team.terminate_child("s").await.unwrap();
        pass(secs(10)).await;
        assert_eq!((team.count().active, team.incarnation()), (1, 0));
        assert_eq!(trace.count("a stop"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn sup_48_of_all_significant_children_the_last_that_ends_by_itself_ends_the_supervisor() {
    let system = system();
    let trace = Trace::default();
    let specs = ["s", "t", "u"].map(|name| {
        let spec = child(name, &trace)
            .restart(Restart::Transient)
            .significant();
        (spec.actor_ref(), spec)
    });
    let mut refs = Vec::new();
    let mut team = team()
        .auto_shutdown(AutoShutdown::AllSignificant)
        .child(child("a", &trace));
    for (actor, spec) in specs {
        refs.push(actor);
        team = team.child(spec);
    }
    let team = team.start(&system).await.unwrap();
    end(&refs[0], "normal").await;
    // Crashes are restarts, and a termination ends nobody else.
    end(&refs[1], "panic").await;
    team.terminate_child("u").await.unwrap();
    pass(secs(1)).await;
    assert_eq!(team.count().active, 2, "a and t");
    end(&refs[1], "shutdown").await;
    let exit = soon(team.closed()).await;
    assert_eq!(
        exit.to_string(),
        "shutdown (all significant children ended)"
    );
    assert_eq!(trace.count("a stopped"), 1);
}

#[tokio::test(start_paused = true)]
async fn sup_48_the_last_significant_child_if_terminated_leaves_the_supervisor_alone() {
    let system = system();
    let trace = Trace::default();
    let s = child("s", &trace).restart(Restart::Temporary).significant();
    let t = child("t", &trace).restart(Restart::Temporary).significant();
    let s_ref = s.actor_ref();
    let team = team()
        .auto_shutdown(AutoShutdown::AllSignificant)
        .child(s)
        .child(t);
    let team = team.start(&system).await.unwrap();
    end(&s_ref, "normal").await;
    soon(s_ref.closed()).await;
    team.terminate_child("t").await.unwrap();
    idle().await;
    assert_eq!((team.count().specs, team.incarnation()), (0, 0));
    // And it takes new ones.
    let again = child("s", &trace).restart(Restart::Temporary).significant();
    let again = team.start_child(again).await.unwrap().unwrap();
    end(&again, "fail").await;
    soon(team.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn sup_48_a_permanent_supervisor_that_shuts_down_by_itself_is_restarted() {
    let system = system();
    let trace = Trace::default();
    let s = child("s", &trace).restart(Restart::Transient).significant();
    let actor = s.actor_ref();
    let inner = Supervisor::new("inner")
        .auto_shutdown(AutoShutdown::AnySignificant)
        .child(s);
    let outer = Supervisor::new("outer").child(inner);
    let outer = outer.start(&system).await.unwrap();
    end(&actor, "normal").await;
    idle().await;
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
    assert_eq!(outer.count().restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn b5_a_significant_supervisor_passes_its_shutdown_on() {
    let system = system();
    let trace = Trace::default();
    let s = child("s", &trace).restart(Restart::Transient).significant();
    let actor = s.actor_ref();
    let inner = Supervisor::new("inner")
        .restart(Restart::Transient)
        .significant()
        .auto_shutdown(AutoShutdown::AllSignificant)
        .child(s);
    let outer = Supervisor::new("outer")
        .restart(Restart::Temporary)
        .auto_shutdown(AutoShutdown::AnySignificant)
        .child(child("a", &trace))
        .child(inner);
    let outer = outer.start(&system).await.unwrap();
    end(&actor, "normal").await;
    soon(outer.closed()).await;
    assert_eq!(trace.count("a stopped"), 1);
    assert!(system.tree().children.is_empty());
}

#[tokio::test(start_paused = true)]
async fn b5_a_significant_child_that_ends_during_the_start_ends_it_afterwards() {
    let system = system();
    let trace = Trace::default();
    let s = child("s", &trace).restart(Restart::Transient).significant();
    let actor = s.actor_ref();
    // It is told to end before it begins.
    actor.tell(Msg::exit(Exit::Normal)).await.unwrap();
    let slow = Script::new("b", &trace)
        .starts([Step::After(secs(2))])
        .spec();
    let team = team()
        .auto_shutdown(AutoShutdown::AnySignificant)
        .child(s)
        .child(slow);
    let team = team.start(&system).await.expect("all came up");
    soon(team.closed()).await;
    assert_eq!((trace.count("b up"), trace.count("b stopped")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn b5_what_makes_no_sense_is_refused() {
    let system = system();
    let trace = Trace::default();
    let spec = |restart| child("s", &trace).restart(restart).significant();
    let any = || team().auto_shutdown(AutoShutdown::AnySignificant);

    let permanent = any().child(spec(Restart::Permanent)).start(&system).await;
    assert!(is_combination(permanent), "it never ends by itself");
    let never = team().child(spec(Restart::Transient)).start(&system).await;
    assert!(is_combination(never), "its end would not matter");
    let inner = Supervisor::new("inner").significant();
    let permanent = any().child(inner).start(&system).await;
    assert!(is_combination(permanent), "a supervisor neither");

    let running = team().start(&system).await.unwrap();
    let newcomer = spec(Restart::Transient);
    let actor = newcomer.actor_ref();
    assert!(is_combination(running.start_child(newcomer).await));
    soon(actor.closed()).await;
    assert_eq!(running.count().specs, 0);
    assert!(is_combination(system.spawn(spec(Restart::Transient)).await));
    let started = running.start_child(child("s", &trace)).await;
    assert!(started.unwrap().is_some(), "the name is free");
}

#[tokio::test(start_paused = true)]
async fn sup_52_a_dynamic_supervisor_never_shuts_down_by_itself() {
    let system = system();
    for auto_shutdown in [AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
        let refused = Supervisor::dynamic("d").auto_shutdown(auto_shutdown);
        assert!(is_combination(refused.start(&system).await));
    }
    let trace = Trace::default();
    let dynamic = Supervisor::dynamic("d").start(&system).await.unwrap();
    let spec = child("s", &trace).restart(Restart::Transient).significant();
    assert!(is_combination(dynamic.start_child(spec).await));
}
