use callboard::prelude::*;

use crate::common::{Msg, Script, Step, Trace, hold, idle, pass, soon, system};
use crate::{child, team};

struct Three {
    system: System,
    team: SupervisorRef,
    trace: Trace,
    a: ActorRef<Msg>,
    b: ActorRef<Msg>,
    c: ActorRef<Msg>,
}

async fn three(strategy: Strategy) -> Three {
    let system = system();
    let trace = Trace::default();
    let (a, b, c) = (child("a", &trace), child("b", &trace), child("c", &trace));
    let refs = (a.actor_ref(), b.actor_ref(), c.actor_ref());
    let team = team().strategy(strategy).child(a).child(b).child(c);
    let team = team.start(&system).await.unwrap();
    trace.take();
    Three {
        system,
        team,
        trace,
        a: refs.0,
        b: refs.1,
        c: refs.2,
    }
}

#[tokio::test(start_paused = true)]
async fn sup_18_one_for_all_stops_the_others_in_reverse_and_starts_all_in_order() {
    let it = three(Strategy::OneForAll).await;
    it.b.tell(Msg::panic()).await.unwrap();
    idle().await;
    assert_eq!(
        it.trace.take(),
        [
            "b stop",
            "b stopped",
            "b drop",
            "c stop",
            "c stopped",
            "c drop",
            "a stop",
            "a stopped",
            "a drop",
            "a start",
            "a up",
            "b start",
            "b up",
            "c start",
            "c up"
        ]
    );
    for actor in [&it.a, &it.b, &it.c] {
        assert_eq!(actor.incarnation(), 1);
    }
    assert_eq!(it.team.count().restarts, 1, "one accident, one restart");
    assert!(!it.system.is_over());
}

#[tokio::test(start_paused = true)]
async fn sup_18_what_was_queued_at_the_siblings_is_handled_after_the_restart() {
    let it = three(Strategy::OneForAll).await;
    let release = hold(&it.c).await;
    for n in 0..3 {
        it.c.tell(Msg::Note(n)).await.unwrap();
    }
    it.b.tell(Msg::panic()).await.unwrap();
    idle().await;
    drop(release);
    assert_eq!(it.c.ask(Msg::Seen).await.unwrap(), [0, 1, 2]);
    assert_eq!(it.c.incarnation(), 1);
    assert_eq!(it.system.dead_letters().total, 1, "the one that crashed b");
}

#[tokio::test(start_paused = true)]
async fn sup_19_rest_for_one_restarts_the_child_and_those_after_it() {
    let it = three(Strategy::RestForOne).await;
    it.b.tell(Msg::panic()).await.unwrap();
    idle().await;
    assert_eq!(
        it.trace.take(),
        [
            "b stop",
            "b stopped",
            "b drop",
            "c stop",
            "c stopped",
            "c drop",
            "b start",
            "b up",
            "c start",
            "c up"
        ]
    );
    assert_eq!(it.a.incarnation(), 0);
    assert_eq!((it.b.incarnation(), it.c.incarnation()), (1, 1));
    assert_eq!(it.team.count().restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn sup_20_a_temporary_bystander_is_stopped_and_forgotten() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let system = system();
        let trace = Trace::default();
        let a = child("a", &trace);
        let t = child("t", &trace).restart(Restart::Temporary);
        let refs = (a.actor_ref(), t.actor_ref());
        let team = team().strategy(strategy).child(a).child(t);
        let team = team.start(&system).await.unwrap();
        refs.0.tell(Msg::panic()).await.unwrap();
        soon(refs.1.closed()).await;
        idle().await;
        assert_eq!((trace.count("a start"), trace.count("t start")), (2, 1));
        assert_eq!(trace.count("t stopped"), 1);
        let count = team.count();
        assert_eq!((count.specs, count.active), (1, 1));
        assert_eq!(team.incarnation(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_terminated_sibling_is_not_brought_back_by_a_group_restart() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let it = three(strategy).await;
        it.team.terminate_child("c").await.unwrap();
        it.a.tell(Msg::panic()).await.unwrap();
        idle().await;
        assert_eq!(it.trace.count("c start"), 0, "{strategy:?}");
        assert_eq!((it.team.count().specs, it.team.count().active), (3, 2));
        it.team.restart_child("c").await.unwrap();
        assert_eq!(it.c.ask(Msg::Life).await.unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sibling_that_crashes_while_it_is_being_stopped_is_one_accident() {
    let system = system();
    let trace = Trace::default();
    let a = child("a", &trace);
    let c = Script::new("c", &trace)
        .stops([Step::Panic, Step::Ok])
        .spec();
    let (a_ref, c_ref) = (a.actor_ref(), c.actor_ref());
    let team = team().strategy(Strategy::OneForAll).child(a).child(c);
    let team = team.start(&system).await.unwrap();
    a_ref.tell(Msg::panic()).await.unwrap();
    idle().await;
    assert_eq!((a_ref.incarnation(), c_ref.incarnation()), (1, 1));
    assert_eq!(team.count().restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_sibling_that_crashes_during_a_restart_of_the_rest_is_restarted_too() {
    let system = system();
    let trace = Trace::default();
    let a = child("a", &trace);
    let b = child("b", &trace);
    let c = Script::new("c", &trace)
        .starts([Step::Ok, Step::After(secs(2))])
        .spec();
    let refs = (a.actor_ref(), b.actor_ref(), c.actor_ref());
    let team = team()
        .strategy(Strategy::RestForOne)
        .child(a)
        .child(b)
        .child(c);
    let team = team.start(&system).await.unwrap();
    refs.1.tell(Msg::panic()).await.unwrap();
    pass(secs(1)).await;
    refs.0.tell(Msg::panic()).await.unwrap();
    pass(secs(20)).await;
    assert_eq!(team.count().active, 3);
    assert_eq!(team.count().restarts, 2);
    assert_eq!(refs.0.ask(Msg::Life).await.unwrap(), 1);
    assert_eq!(refs.1.ask(Msg::Life).await.unwrap(), 2);
    one_life_at_a_time(&trace, &["a", "b", "c"]);
}

/// Starts and drops of each child alternate.
pub(crate) fn one_life_at_a_time(trace: &Trace, names: &[&str]) {
    for name in names {
        let (start, drop) = (format!("{name} start"), format!("{name} drop"));
        let mut lives = 0;
        for line in trace.seen() {
            if line == start {
                lives += 1;
            } else if line == drop {
                lives -= 1;
            }
            assert!((0..=1).contains(&lives), "{name}: {:?}", trace.seen());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_terminated_while_a_group_restart_starts_it_does_not_hold_up_the_group() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let system = system();
        let trace = Trace::default();
        let a = child("a", &trace);
        let b = Script::new("b", &trace)
            .starts([Step::Ok, Step::Never])
            .spec()
            .shutdown(After(secs(1)));
        let c = child("c", &trace);
        let refs = (a.actor_ref(), b.actor_ref(), c.actor_ref());
        let team = team().strategy(strategy).child(a).child(b).child(c);
        let team = team.start(&system).await.unwrap();
        refs.0.tell(Msg::panic()).await.unwrap();
        pass(secs(1)).await;
        // b hangs in its start; c waits for it.
        soon(team.terminate_child("b")).await.unwrap();
        pass(secs(5)).await;
        let count = team.count();
        assert_eq!((count.specs, count.active), (3, 2), "{strategy:?}");
        assert_eq!(refs.2.ask(Msg::Life).await.unwrap(), 1, "{strategy:?}");
        // And the supervisor still does its work.
        refs.2.tell(Msg::panic()).await.unwrap();
        assert_eq!(refs.2.ask(Msg::Life).await.unwrap(), 2, "{strategy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_added_during_a_group_restart_and_crashed_is_restarted_afterwards() {
    let system = system();
    let trace = Trace::default();
    let a = child("a", &trace);
    let slow = Script::new("b", &trace)
        .starts([Step::Ok, Step::After(secs(2))])
        .spec();
    let a_ref = a.actor_ref();
    let team = team().strategy(Strategy::OneForAll).child(a).child(slow);
    let team = team.start(&system).await.unwrap();
    a_ref.tell(Msg::panic()).await.unwrap();
    pass(secs(1)).await;
    let added = team.start_child(child("d", &trace)).await.unwrap().unwrap();
    added.tell(Msg::panic()).await.unwrap();
    pass(secs(20)).await;
    let count = team.count();
    assert_eq!((count.specs, count.active, count.restarts), (3, 3, 2));
    soon(added.ask(Msg::Life)).await.unwrap();
    one_life_at_a_time(&trace, &["a", "b", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_restart_in_a_group_is_tried_again_with_the_rest_of_the_group() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let system = system();
        let trace = Trace::default();
        let a = child("a", &trace);
        let b = Script::new("b", &trace)
            .starts([Step::Ok, Step::Fail, Step::Ok])
            .spec();
        let c = child("c", &trace);
        let refs = (a.actor_ref(), b.actor_ref(), c.actor_ref());
        let team = team().strategy(strategy).child(a).child(b).child(c);
        let team = team.start(&system).await.unwrap();
        refs.0.tell(Msg::panic()).await.unwrap();
        pass(secs(1)).await;
        let count = team.count();
        assert_eq!((count.active, count.restarts), (3, 2), "{strategy:?}");
        one_life_at_a_time(&trace, &["a", "b", "c"]);
        for actor in [&refs.0, &refs.1, &refs.2] {
            soon(actor.ask(Msg::Seen)).await.unwrap();
        }
    }
}
