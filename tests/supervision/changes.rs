use callboard::prelude::*;
use callboard::supervision::{ChangeError, ChildChange, ChildError, SupervisorChange};

use crate::common::{Msg, Script, Step, Trace, idle, pass, soon, system};
use crate::{child, end, team};

fn is_refused(result: Result<(), ChangeError>) -> bool {
    matches!(result, Err(ChangeError::Invalid(_)))
}

#[tokio::test(start_paused = true)]
async fn b6_a_running_supervisor_takes_another_strategy_intensity_and_backoff() {
    let system = system();
    let trace = Trace::default();
    let (a, b) = (child("a", &trace), child("b", &trace));
    let refs = (a.actor_ref(), b.actor_ref());
    let team = team().intensity(0, secs(1)).child(a).child(b);
    let team = team.start(&system).await.unwrap();
    let change = SupervisorChange::new()
        .strategy(Strategy::OneForAll)
        .intensity(5, secs(3_600))
        .backoff(Backoff::constant(secs(3)));
    team.reconfigure(change).await.unwrap();
    assert_eq!(refs.0.incarnation(), 0, "nobody is restarted by it");
    let began = system.now();
    end(&refs.0, "panic").await;
    assert_eq!(refs.1.ask(Msg::Life).await.unwrap(), 1, "restarted as well");
    assert!(system.now() - began >= secs(3));
    assert_eq!((team.count().restarts, team.incarnation()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn b6_a_change_is_kept_over_a_restart_of_the_supervisor() {
    for how in ["kill", "stop", "terminate"] {
        let system = system();
        let trace = Trace::default();
        let outer = Supervisor::new("outer").start(&system).await.unwrap();
        let a = child("a", &trace);
        let actor = a.actor_ref();
        let inner = Supervisor::new("inner").child(a);
        let inner = outer.start_supervisor(inner).await.unwrap();
        let often = SupervisorChange::new().intensity(9, secs(3_600));
        inner.reconfigure(often).await.unwrap();
        let transient = ChildChange::new().restart(Restart::Transient);
        inner.reconfigure_child("a", transient).await.unwrap();
        inner.replace_child("a", || Other).await.unwrap();
        match how {
            "kill" => inner.kill(),
            "stop" => inner.stop(),
            _ => {
                outer.terminate_child(&inner).await.unwrap();
                outer.restart_child(&inner).await.unwrap();
            }
        }
        idle().await;
        assert_eq!(inner.incarnation(), 1, "{how}");
        assert_eq!(trace.count("a start"), 1, "{how}: the new factory");
        let a = system.tree().walk().find(|node| node.name == "a").cloned();
        assert!(a.is_some_and(|node| node.is_up()), "{how}");
        assert_eq!(inner.which_children()[0].restart, Restart::Transient);
        for _ in 0..9 {
            end(&actor, "fail").await;
            idle().await;
        }
        assert_eq!(
            (inner.incarnation(), inner.count().restarts),
            (1, 9),
            "{how}"
        );
    }
}

/// Takes the same messages as a `Probe` and answers otherwise.
struct Other;

impl Actor for Other {
    type Msg = Msg;
    async fn handle(&mut self, msg: Msg, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Msg::Life(reply_to) => reply_to.send(4711),
            Msg::Seen(reply_to) => reply_to.send(vec![4711]),
            Msg::Do(_) => return Err("scripted failure".into()),
            Msg::Note(_) => {}
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn b6_a_replaced_child_is_another_kind_of_actor_behind_the_same_reference() {
    for is_dynamic in [false, true] {
        let system = system();
        let trace = Trace::default();
        let supervisor = match is_dynamic {
            true => Supervisor::dynamic("team"),
            false => Supervisor::new("team"),
        };
        let team = supervisor
            .intensity(9, secs(1))
            .start(&system)
            .await
            .unwrap();
        let spec = child("a", &trace).register_as("alias");
        let actor = team.start_child(spec).await.unwrap().unwrap();
        team.replace_child(&actor, || Other).await.unwrap();
        assert_eq!(
            actor.ask(Msg::Life).await.unwrap(),
            0,
            "the present one goes on"
        );
        let release = crate::common::hold(&actor).await;
        actor.kill();
        let mut asked = actor.ask(Msg::Life);
        assert!(crate::common::poll_once(&mut asked).await.is_pending());
        drop(release);
        assert_eq!(
            asked.await.unwrap(),
            4711,
            "what was queued is answered anew"
        );
        assert_eq!(actor.incarnation(), 1);
        let found = system.find::<Msg>("alias").expect("its name stays");
        assert_eq!(found, actor);
        end(&actor, "fail").await;
        assert_eq!(actor.ask(Msg::Life).await.unwrap(), 4711);
        assert!(system.counts().is_conserved());
    }
}

#[tokio::test(start_paused = true)]
async fn b6_a_child_that_is_down_is_replaced_and_started_by_command() {
    let system = system();
    let trace = Trace::default();
    let spec = child("a", &trace);
    let actor = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    team.terminate_child("a").await.unwrap();
    team.replace_child("a", || Other).await.unwrap();
    team.restart_child("a").await.unwrap();
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 4711);
}

/// Takes nothing that a supervisor or a probe would.
struct Mute;

impl Actor for Mute {
    type Msg = ();
    async fn handle(&mut self, _msg: (), _cx: &mut Context<Self>) -> Result<(), BoxError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn b6_what_takes_other_messages_or_is_no_actor_is_not_replaced() {
    let system = system();
    let trace = Trace::default();
    let team = team()
        .child(child("a", &trace))
        .child(Supervisor::new("inner"));
    let team = team.start(&system).await.unwrap();
    for name in ["a", "inner"] {
        let refused = team.replace_child(name, || Mute).await;
        assert_eq!(refused, Err(ChangeError::OtherType), "{name}");
    }
    let refused = team.replace_child("x", || Mute).await;
    assert_eq!(refused, Err(ChangeError::NotFound));
}

#[tokio::test(start_paused = true)]
async fn b6_a_running_child_takes_another_rule_shutdown_and_significance() {
    let system = system();
    let trace = Trace::default();
    let deaf = Script::new("a", &trace)
        .stops([Step::After(secs(200))])
        .spec();
    let (b, c) = (child("b", &trace), child("c", &trace));
    let refs = (b.actor_ref(), c.actor_ref());
    let team = team().child(deaf).child(b).child(c);
    let team = team.start(&system).await.unwrap();

    let quick = ChildChange::new().shutdown(After(secs(1)));
    team.reconfigure_child("a", quick).await.unwrap();
    let began = system.now();
    team.terminate_child("a").await.unwrap();
    let took = system.now() - began;
    assert!(took >= secs(1) && took < secs(2), "{took:?}");

    let temporary = ChildChange::new().restart(Restart::Temporary);
    team.reconfigure_child(&refs.0, temporary).await.unwrap();
    end(&refs.0, "panic").await;
    soon(refs.0.closed()).await;
    assert_eq!(team.count().specs, 2, "forgotten");

    let all = SupervisorChange::new().auto_shutdown(AutoShutdown::AllSignificant);
    team.reconfigure(all).await.unwrap();
    let significant = ChildChange::new().restart(Restart::Transient).significant();
    team.reconfigure_child("c", significant).await.unwrap();
    assert!(team.which_children()[1].is_significant);
    end(&refs.1, "normal").await;
    soon(team.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn b6_a_change_that_makes_no_sense_is_refused_and_nothing_is_changed() {
    let system = system();
    let trace = Trace::default();
    let a = child("a", &trace);
    let actor = a.actor_ref();
    let team = team().child(a).start(&system).await.unwrap();
    let nonsense = SupervisorChange::new().intensity(9, Duration::ZERO);
    assert!(is_refused(team.reconfigure(nonsense).await));
    let significant = ChildChange::new().restart(Restart::Transient).significant();
    assert!(is_refused(team.reconfigure_child("a", significant).await));
    let never = ChildChange::new();
    let missing = team.reconfigure_child("x", never).await;
    assert_eq!(missing, Err(ChangeError::NotFound));
    end(&actor, "normal").await;
    assert_eq!(
        actor.ask(Msg::Life).await.unwrap(),
        1,
        "it is permanent still"
    );

    let dynamic = Supervisor::dynamic("d").start(&system).await.unwrap();
    for nonsense in [
        SupervisorChange::new().strategy(Strategy::OneForAll),
        SupervisorChange::new().auto_shutdown(AutoShutdown::AnySignificant),
    ] {
        assert!(is_refused(dynamic.reconfigure(nonsense).await));
    }
}

#[tokio::test(start_paused = true)]
async fn b6_changes_are_answered_while_a_restart_hangs_and_taken_by_the_next_try() {
    let system = system();
    let trace = Trace::default();
    let a = Script::new("a", &trace)
        .starts([Step::Ok, Step::Never])
        .spec();
    let actor = a.actor_ref();
    let team = team()
        .child(a.shutdown(After(secs(1))))
        .start(&system)
        .await;
    let team = team.unwrap();
    end(&actor, "panic").await;
    pass(secs(1)).await;
    let began = system.now();
    team.replace_child("a", || Other).await.unwrap();
    let change = ChildChange::new().restart(Restart::Transient);
    team.reconfigure_child("a", change).await.unwrap();
    assert_eq!(system.now(), began, "promptly");
    let refused = team.restart_child("a").await;
    assert!(
        matches!(refused, Err(ChildError::Restarting)),
        "{refused:?}"
    );
    actor.kill();
    assert_eq!(soon(actor.ask(Msg::Life)).await.unwrap(), 4711);
}

#[tokio::test(start_paused = true)]
async fn b6_an_ended_supervisor_is_not_changed() {
    let system = system();
    let team = team().start(&system).await.unwrap();
    team.stop();
    soon(team.closed()).await;
    let refused = team.reconfigure(SupervisorChange::new()).await;
    assert_eq!(refused, Err(ChangeError::Ending));
    let refused = team.replace_child("a", || Mute).await;
    assert_eq!(refused, Err(ChangeError::Ending));
}
