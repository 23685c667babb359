use std::sync::{Arc, Mutex};

use callboard::prelude::*;

use crate::common::{Msg, Script, Step, Trace, event, idle, pass, soon, system};
use crate::groups::one_life_at_a_time;
use crate::{child, team};

/// Collects how actors ended, in order.
#[derive(Clone, Default)]
struct Exits(Arc<Mutex<Vec<String>>>);

impl Exits {
    fn watch(&self, actor: &ActorRef<Msg>) {
        let exits = self.clone();
        actor.watch(move |down| {
            let name = down.path.rsplit('/').next().unwrap_or_default();
            exits
                .0
                .lock()
                .unwrap()
                .push(format!("{name} {}", down.exit));
        });
    }

    fn sorted(&self) -> Vec<String> {
        let mut exits = self.0.lock().unwrap().clone();
        exits.sort();
        exits
    }
}

#[tokio::test(start_paused = true)]
async fn sup_02_children_stop_in_reverse_order_each_wholly_and_the_supervisor_last() {
    let system = system();
    let mut events = system.events();
    let trace = Trace::default();
    let slow = |name| {
        Script::new(name, &trace)
            .stops([Step::After(ms(300))])
            .spec()
    };
    let team = team().child(slow("a")).child(slow("b")).child(slow("c"));
    let team = team.start(&system).await.unwrap();
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
            "b drop",
            "a stop",
            "a stopped",
            "a drop"
        ]
    );
    let mut stopped = Vec::new();
    while stopped.len() < 4 {
        let path = event(&mut events, |event| match event {
            Event::Stopped { path, .. } => Some(path.to_string()),
            _ => None,
        });
        stopped.push(path.await);
    }
    assert_eq!(stopped, ["t/team/c", "t/team/b", "t/team/a", "t/team"]);
}

#[tokio::test(start_paused = true)]
async fn sup_03_an_empty_supervisor_starts_and_stops() {
    let system = system();
    for supervisor in [team(), Supervisor::dynamic("d").restart(Restart::Temporary)] {
        let team = supervisor.start(&system).await.unwrap();
        team.stop();
        assert_eq!(soon(team.closed()).await.to_string(), "shutdown");
    }
    idle().await;
    assert!(system.tree().children.is_empty());
}

#[tokio::test(start_paused = true)]
async fn sup_35_a_child_that_does_not_stop_is_killed_when_its_time_is_over() {
    let system = system();
    let trace = Trace::default();
    let deaf = Script::new("b", &trace)
        .stops([Step::After(secs(200))])
        .spec()
        .shutdown(After(secs(1)));
    let (a, c) = (child("a", &trace), child("c", &trace));
    let exits = Exits::default();
    for actor in [a.actor_ref(), deaf.actor_ref(), c.actor_ref()] {
        exits.watch(&actor);
    }
    let team = team()
        .child(a)
        .child(deaf)
        .child(c)
        .start(&system)
        .await
        .unwrap();
    let began = system.now();
    team.stop();
    soon(team.closed()).await;
    let took = system.now() - began;
    assert!(took >= secs(1) && took < ms(1_100), "{took:?}");
    assert_eq!(exits.sorted(), ["a shutdown", "b killed", "c shutdown"]);
}

#[tokio::test(start_paused = true)]
async fn sup_35_a_handler_that_hangs_is_killed_when_its_time_is_over() {
    let system = system();
    let trace = Trace::default();
    let spec = child("a", &trace);
    let actor = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    let (msg, entered) = Msg::never();
    actor.tell(msg).await.unwrap();
    soon(entered).await.unwrap();
    let began = system.now();
    team.terminate_child("a").await.unwrap();
    let took = system.now() - began;
    assert!(took >= secs(1) && took < ms(1_100), "{took:?}");
    assert_eq!(trace.count("a stop"), 0);
    assert_eq!(soon(actor.closed()).await.to_string(), "killed");
}

#[tokio::test(start_paused = true)]
async fn sup_36_a_child_that_is_to_be_killed_runs_no_stop_hook() {
    let system = system();
    let trace = Trace::default();
    let spec = Script::new("a", &trace)
        .stops([Step::After(secs(200))])
        .spec()
        .shutdown(Shutdown::Kill);
    let actor = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    let began = system.now();
    team.stop();
    soon(team.closed()).await;
    assert_eq!(system.now(), began, "no wait");
    assert_eq!(soon(actor.closed()).await.to_string(), "killed");
    assert_eq!(trace.count("a stop"), 0);
}

#[tokio::test(start_paused = true)]
async fn sup_37_without_a_limit_a_stop_is_waited_for() {
    let system = system();
    let trace = Trace::default();
    let slow = |name| {
        Script::new(name, &trace)
            .stops([Step::After(secs(30))])
            .spec()
            .shutdown(Shutdown::Infinity)
    };
    let inner = Supervisor::new("inner")
        .shutdown(Shutdown::Infinity)
        .child(slow("b"));
    let team = team()
        .child(slow("a"))
        .child(inner)
        .start(&system)
        .await
        .unwrap();
    let began = system.now();
    team.stop();
    tokio::time::timeout(secs(1_000), team.closed())
        .await
        .unwrap();
    let took = system.now() - began;
    assert!(took >= secs(60) && took < secs(61), "{took:?}");
    assert_eq!((trace.count("a stopped"), trace.count("b stopped")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn sup_39_dynamic_children_stop_all_at_once() {
    let system = system();
    let trace = Trace::default();
    let team = Supervisor::dynamic("team").restart(Restart::Temporary);
    let team = team.start(&system).await.unwrap();
    let exits = Exits::default();
    for (name, takes) in [("a", 1), ("b", 1), ("c", 5)] {
        let spec = Script::new(name, &trace)
            .stops([Step::After(secs(takes))])
            .spec()
            .shutdown(After(secs(2)));
        exits.watch(&spec.actor_ref());
        team.start_child(spec).await.unwrap();
    }
    let began = system.now();
    team.stop();
    soon(team.closed()).await;
    let took = system.now() - began;
    assert!(took >= secs(1) && took < secs(3), "{took:?}");
    assert_eq!(exits.sorted(), ["a shutdown", "b shutdown", "c killed"]);
}

/// A supervisor over two children, one of which is itself a supervisor, and
/// everybody in it.
struct Tree {
    system: System,
    team: SupervisorRef,
    trace: Trace,
    actors: Vec<ActorRef<Msg>>,
}

async fn tree(restart: Restart) -> Tree {
    let system = system();
    let trace = Trace::default();
    let (a, b, c) = (child("a", &trace), child("b", &trace), child("c", &trace));
    let mut actors = vec![a.actor_ref(), b.actor_ref(), c.actor_ref()];
    let inner = Supervisor::new("inner").child(b).child(c);
    let team = team().restart(restart).child(a).child(inner);
    let team = team.start(&system).await.unwrap();
    let d = team.start_child(child("d", &trace)).await.unwrap().unwrap();
    actors.push(d);
    Tree {
        system,
        team,
        trace,
        actors,
    }
}

fn lives(trace: &Trace, name: &str) -> usize {
    trace.count(&format!("{name} start")) - trace.count(&format!("{name} drop"))
}

#[tokio::test(start_paused = true)]
async fn killing_a_supervisor_by_any_means_leaves_no_child_behind() {
    for how in ["stop", "kill", "drop", "shutdown", "terminate", "escalate"] {
        let Tree {
            system,
            team,
            trace,
            actors,
        } = tree(Restart::Temporary).await;
        let mut system = Some(system);
        match how {
            "stop" => team.stop(),
            "kill" => team.kill(),
            "drop" => drop(system.take()),
            "shutdown" => {
                let report = system.as_ref().unwrap().shutdown(secs(5)).await.unwrap();
                assert!(report.unfinished.is_empty(), "{report:?}");
            }
            "escalate" => {
                for _ in 0..3 {
                    actors[0].kill();
                    idle().await;
                }
            }
            _ => {
                // By the supervisor above, which knows it as a child.
                let outer = Supervisor::new("outer").start(system.as_ref().unwrap());
                let outer = outer.await.unwrap();
                let inner = Supervisor::new("inner").child(child("x", &trace));
                let inner = outer.start_supervisor(inner).await.unwrap();
                outer.terminate_child(&inner).await.unwrap();
                assert_eq!(lives(&trace, "x"), 0);
                team.kill();
            }
        }
        for actor in &actors {
            soon(actor.closed()).await;
        }
        soon(team.closed()).await;
        idle().await;
        for name in ["a", "b", "c", "d"] {
            assert_eq!(lives(&trace, name), 0, "{how}: {name}");
        }
        one_life_at_a_time(&trace, &["a", "b", "c", "d"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_permanent_supervisor_that_is_killed_comes_back_with_its_static_children() {
    for how in ["stop", "kill"] {
        let it = tree(Restart::Permanent).await;
        let (a, d) = (&it.actors[0], &it.actors[3]);
        a.tell(Msg::Note(1)).await.unwrap();
        idle().await;
        match how {
            "stop" => it.team.stop(),
            _ => it.team.kill(),
        }
        soon(d.closed()).await;
        idle().await;
        assert_eq!(it.team.incarnation(), 1, "{how}");
        assert_eq!(
            it.team.count().specs,
            2,
            "{how}: d belonged to the last life"
        );
        assert_eq!(
            a.ask(Msg::Life).await.unwrap(),
            1,
            "{how}: the same reference"
        );
        assert_eq!(it.actors[2].ask(Msg::Life).await.unwrap(), 1, "{how}");
        one_life_at_a_time(&it.trace, &["a", "b", "c", "d"]);
        assert!(it.system.counts().is_conserved());
    }
}

#[tokio::test(start_paused = true)]
async fn messages_outlive_the_life_of_the_supervisor() {
    let it = tree(Restart::Permanent).await;
    let a = &it.actors[0];
    let release = crate::common::hold(a).await;
    for n in 0..3 {
        a.tell(Msg::Note(n)).await.unwrap();
    }
    it.team.kill();
    drop(release);
    assert_eq!(a.ask(Msg::Seen).await.unwrap(), [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_killed_child_supervisor_is_restarted_by_the_one_above() {
    let system = system();
    let trace = Trace::default();
    let b = child("b", &trace);
    let b_ref = b.actor_ref();
    let outer = Supervisor::new("outer").start(&system).await.unwrap();
    let inner = Supervisor::new("inner").child(b);
    let inner = outer.start_supervisor(inner).await.unwrap();
    inner.kill();
    idle().await;
    assert_eq!((inner.incarnation(), outer.count().restarts), (1, 1));
    assert_eq!(b_ref.ask(Msg::Life).await.unwrap(), 1);
    one_life_at_a_time(&trace, &["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_becomes_a_kill_when_the_handle_is_dropped() {
    let system = system();
    let trace = Trace::default();
    let spec = Script::new("a", &trace)
        .stops([Step::Never])
        .spec()
        .shutdown(Shutdown::Infinity);
    let actor = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    team.stop();
    pass(secs(100)).await;
    assert!(!actor.is_closed(), "waited for without limit");
    drop(system);
    soon(actor.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn a_destructor_that_panics_does_not_harm_the_supervisor() {
    let system = system();
    let trace = Trace::default();
    let spec = Script::new("a", &trace).drop_panics().spec();
    let actor = spec.actor_ref();
    let team = team().child(spec).child(child("b", &trace));
    let team = team.start(&system).await.unwrap();
    actor.tell(Msg::panic()).await.unwrap();
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
    team.terminate_child("a").await.unwrap();
    assert_eq!((team.count().specs, team.count().active), (2, 1));
    team.stop();
    soon(team.closed()).await;
}
