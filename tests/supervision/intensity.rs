use callboard::prelude::*;

use crate::common::{Msg, Script, Step, Trace, event, idle, pass, soon, system};
use crate::{child, team};

#[tokio::test(start_paused = true)]
async fn sup_22_the_crash_too_many_ends_everything_and_no_restart_is_begun() {
    let system = system();
    let trace = Trace::default();
    let (a, b, c) = (child("a", &trace), child("b", &trace), child("c", &trace));
    let b_ref = b.actor_ref();
    let team = team()
        .child(a)
        .child(b)
        .child(c)
        .start(&system)
        .await
        .unwrap();
    for _ in 0..2 {
        b_ref.tell(Msg::panic()).await.unwrap();
        idle().await;
    }
    assert_eq!(team.count().active, 3);
    trace.take();
    b_ref.tell(Msg::panic()).await.unwrap();
    let exit = soon(team.closed()).await;
    assert!(matches!(exit, Exit::Shutdown(Some(_))), "{exit}");
    assert_eq!(
        trace.take(),
        [
            "b stop",
            "b stopped",
            "b drop",
            "c stop",
            "c stopped",
            "c drop",
            "a stop",
            "a stopped",
            "a drop"
        ]
    );
    assert!(soon(b_ref.closed()).await.is_abnormal());
}

#[tokio::test(start_paused = true)]
async fn sup_23_crashes_far_enough_apart_never_escalate() {
    let system = system();
    let trace = Trace::default();
    let spec = child("a", &trace);
    let actor = spec.actor_ref();
    let team = team().intensity(1, secs(1)).child(spec);
    let team = team.start(&system).await.unwrap();
    for life in 1..=4 {
        actor.tell(Msg::panic()).await.unwrap();
        assert_eq!(actor.ask(Msg::Life).await.unwrap(), life);
        pass(ms(2_100)).await;
    }
    assert_eq!(team.count().restarts, 4);
    // And two within a second do.
    actor.tell(Msg::panic()).await.unwrap();
    actor.tell(Msg::panic()).await.unwrap();
    soon(team.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn sup_27_restarts_that_fail_are_counted() {
    let system = system();
    let trace = Trace::default();
    let a = Script::new("a", &trace)
        .starts([Step::Ok, Step::Fail])
        .spec();
    let a_ref = a.actor_ref();
    let b = child("b", &trace);
    let team = team().intensity(4, secs(3_600)).child(a).child(b);
    let team = team.start(&system).await.unwrap();
    a_ref.tell(Msg::panic()).await.unwrap();
    soon(team.closed()).await;
    assert_eq!(trace.count("a start"), 1 + 4, "four tries, no fifth");
    assert_eq!(trace.count("b stopped"), 1);
}

#[tokio::test(start_paused = true)]
async fn sup_28_group_restarts_that_fail_end_the_whole_supervisor() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let system = system();
        let trace = Trace::default();
        let a = Script::new("a", &trace)
            .starts([Step::Ok, Step::Fail])
            .spec();
        let a_ref = a.actor_ref();
        let (b, c) = (child("b", &trace), child("c", &trace));
        let refs = [b.actor_ref(), c.actor_ref()];
        let team = team().strategy(strategy).child(a).child(b).child(c);
        let team = team.start(&system).await.unwrap();
        a_ref.tell(Msg::panic()).await.unwrap();
        let exit = soon(team.closed()).await;
        assert!(matches!(exit, Exit::Shutdown(Some(_))), "{exit}");
        assert_eq!(trace.count("a start"), 3, "{strategy:?}");
        for actor in refs {
            soon(actor.closed()).await;
        }
        for name in ["b", "c"] {
            let starts = trace.count(&format!("{name} start"));
            assert_eq!(starts, trace.count(&format!("{name} stopped")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn b2_a_child_may_have_an_intensity_of_its_own() {
    let system = system();
    let trace = Trace::default();
    let often = child("often", &trace).intensity(5, secs(3_600));
    let never = child("never", &trace).intensity(0, secs(3_600));
    let other = child("other", &trace);
    let refs = [&often, &never, &other].map(|spec| spec.actor_ref());
    let team = team().intensity(1, secs(3_600));
    let team = team.child(often).child(never).child(other);
    let team = team.start(&system).await.unwrap();
    for life in 1..=5 {
        refs[0].tell(Msg::panic()).await.unwrap();
        assert_eq!(refs[0].ask(Msg::Life).await.unwrap(), life);
    }
    refs[2].tell(Msg::panic()).await.unwrap();
    assert_eq!(refs[2].ask(Msg::Life).await.unwrap(), 1);
    refs[1].tell(Msg::panic()).await.unwrap();
    let exit = soon(team.closed()).await;
    assert_eq!(exit.to_string(), "shutdown (restart intensity exceeded)");
    assert_eq!(trace.count("never start"), 1, "its restart is not begun");
}

#[tokio::test(start_paused = true)]
async fn b2_a_supervisor_may_have_an_intensity_and_a_backoff_of_its_own() {
    let system = system();
    let trace = Trace::default();
    let inner = Supervisor::new("inner")
        .own_intensity(2, secs(3_600))
        .own_backoff(Backoff::constant(secs(7)))
        .child(child("a", &trace));
    let outer = Supervisor::new("outer").intensity(0, secs(3_600));
    let outer = outer.restart(Restart::Temporary).start(&system).await;
    let outer = outer.unwrap();
    let inner = outer.start_supervisor(inner).await.unwrap();
    for life in 1..=2 {
        inner.kill();
        pass(ms(6_900)).await;
        assert_eq!(trace.count("a start"), life, "it rests");
        pass(ms(200)).await;
        assert_eq!(trace.count("a start"), life + 1);
    }
    inner.kill();
    soon(outer.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn b2_limits_that_make_no_sense_are_refused() {
    let system = system();
    let trace = Trace::default();
    let specs = [
        child("a", &trace).intensity(1, Duration::ZERO),
        child("a", &trace).backoff(Backoff::exponential(secs(2)..=secs(1))),
    ];
    for spec in specs {
        let refused = team().child(spec).start(&system).await;
        assert!(
            matches!(refused, Err(StartError::Invalid(_))),
            "{refused:?}"
        );
    }
    let nested = Supervisor::new("inner").own_intensity(1, Duration::ZERO);
    let refused = team().child(nested).start(&system).await;
    assert!(
        matches!(refused, Err(StartError::Invalid(_))),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn sup_45_the_supervisor_above_sees_one_failure() {
    let system = system();
    let mut events = system.events();
    let trace = Trace::default();
    let a = child("a", &trace);
    let actor = a.actor_ref();
    let inner = Supervisor::new("inner").intensity(1, secs(3_600)).child(a);
    let outer = Supervisor::new("outer")
        .intensity(1, secs(3_600))
        .child(inner);
    let outer = outer.start(&system).await.unwrap();
    actor.tell(Msg::panic()).await.unwrap();
    actor.tell(Msg::panic()).await.unwrap();
    let cause = event(&mut events, |event| match event {
        Event::Escalated { path, cause } => Some((path, cause.to_string())),
        _ => None,
    })
    .await;
    assert_eq!(&*cause.0, "t/outer/inner");
    assert_eq!(cause.1, "panicked: scripted panic");
    let exit = event(&mut events, |event| match event {
        Event::Stopped { path, exit, .. } if &*path == "t/outer/inner" => Some(exit),
        _ => None,
    })
    .await;
    assert_eq!(exit.to_string(), "shutdown (restart intensity exceeded)");
    idle().await;
    assert_eq!(outer.count().restarts, 1, "exactly one");
    assert_eq!(outer.which_children()[0].restarts, 1);
    // All is new below, the mailbox is not.
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn sup_45_escalation_goes_up_until_somebody_can_cope() {
    let system = system();
    let mut events = system.events();
    let trace = Trace::default();
    let a = child("a", &trace);
    let actor = a.actor_ref();
    let inner = Supervisor::new("inner").intensity(0, secs(1)).child(a);
    let middle = Supervisor::new("middle").intensity(0, secs(1)).child(inner);
    let outer = Supervisor::new("outer").intensity(5, secs(1)).child(middle);
    let outer = outer.start(&system).await.unwrap();
    actor.tell(Msg::fail()).await.unwrap();
    let mut escalated = Vec::new();
    for _ in 0..2 {
        escalated.push(
            event(&mut events, |event| match event {
                Event::Escalated { path, .. } => Some(path.to_string()),
                _ => None,
            })
            .await,
        );
    }
    assert_eq!(escalated, ["t/outer/middle/inner", "t/outer/middle"]);
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
    assert_eq!((outer.incarnation(), outer.count().restarts), (0, 1));
}

/// A leaf that crashes in each of its lives, under five supervisors that allow
/// three restarts each; how often it was started until they gave up.
async fn starts_of_a_leaf_deep_below(budget: impl Into<Option<RestartBudget>>) -> usize {
    crate::common::quiet();
    let config = SystemConfig::default().restart_budget(budget);
    let system = System::with("t", config);
    let trace = Trace::default();
    let leaf = child("leaf", &trace).mailbox(4_096);
    let actor = leaf.actor_ref();
    for _ in 0..2_000 {
        // It finds the next one in each life.
        actor.tell(Msg::panic()).await.unwrap();
    }
    let level = |name: &str| Supervisor::new(name).intensity(3, secs(3_600));
    let mut tree = level("s5").child(leaf);
    for name in ["s4", "s3", "s2"] {
        tree = level(name).child(tree);
    }
    let top = level("s1").restart(Restart::Temporary).child(tree);
    let top = top.start(&system).await.unwrap();
    let exit = soon(top.closed()).await;
    assert!(matches!(exit, Exit::Shutdown(Some(_))), "{exit}");
    assert!(system.counts().is_conserved());
    trace.count("leaf start")
}

#[tokio::test(start_paused = true)]
async fn b2_the_budget_of_the_system_bounds_what_one_leaf_can_cause() {
    let unbounded = starts_of_a_leaf_deep_below(None).await;
    assert_eq!(unbounded, 4_usize.pow(5), "each level multiplies");
    let bounded = starts_of_a_leaf_deep_below(RestartBudget::new(50, secs(3_600))).await;
    assert_eq!(bounded, 1 + 50);
}

#[tokio::test(start_paused = true)]
async fn b2_a_spent_budget_comes_back() {
    crate::common::quiet();
    let budget = RestartBudget::new(2, secs(60));
    let config = SystemConfig::default().restart_budget(budget);
    let system = System::with("t", config);
    let trace = Trace::default();
    let (a, b) = (child("a", &trace), child("b", &trace));
    let refs = (a.actor_ref(), b.actor_ref());
    // One budget for both; neither has reached its own limit.
    let over = |name: &str, spec| {
        let supervisor = Supervisor::new(name).intensity(9, secs(3_600));
        supervisor.restart(Restart::Temporary).child(spec)
    };
    let one = over("one", a).start(&system).await.unwrap();
    let two = over("two", b).start(&system).await.unwrap();
    for actor in [&refs.0, &refs.1] {
        actor.tell(Msg::panic()).await.unwrap();
        assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
    }
    pass(secs(31)).await;
    refs.1.tell(Msg::panic()).await.unwrap();
    assert_eq!(refs.1.ask(Msg::Life).await.unwrap(), 2, "one has come back");
    refs.0.tell(Msg::panic()).await.unwrap();
    let exit = soon(one.closed()).await;
    assert_eq!(
        exit.to_string(),
        "shutdown (the restart budget of the system is spent)"
    );
    assert_eq!((two.incarnation(), two.count().active), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_root_gives_up_too_and_that_ends_the_system() {
    crate::common::quiet();
    let config = SystemConfig::default().intensity(1, secs(5));
    let system = System::with("t", config);
    let trace = Trace::default();
    let a = system.spawn(child("a", &trace)).await.unwrap();
    let b = system.spawn(child("b", &trace)).await.unwrap();
    a.tell(Msg::panic()).await.unwrap();
    a.tell(Msg::panic()).await.unwrap();
    soon(b.closed()).await;
    soon(a.closed()).await;
    idle().await;
    assert!(system.is_over());
    assert!(system.counts().is_conserved());
    let refused = system.spawn(child("c", &trace)).await.unwrap_err();
    assert!(matches!(refused, StartError::Ending));
    assert_eq!((trace.count("a start"), trace.count("b stopped")), (2, 1));
}
