use callboard::prelude::*;
use callboard::supervision::ChildState;

use crate::common::{Msg, Script, Step, Trace, hold, idle, pass, poll_once, probe, soon, system};
use crate::{child, team};

/// A team of `a`, `b` below `inner`, and `c`: the reference of each.
async fn nested(
    system: &System,
    trace: &Trace,
    scripts: [Script; 3],
) -> (SupervisorRef, [ActorRef<Msg>; 3]) {
    let [a, b, c] = scripts.map(|script| script.spec().mailbox(8).shutdown(After(secs(1))));
    let refs = [a.actor_ref(), b.actor_ref(), c.actor_ref()];
    let inner = Supervisor::new("inner").child(b);
    let team = team().child(a).child(inner).child(c);
    let team = team.start(system).await.unwrap();
    trace.take();
    (team, refs)
}

fn plain(trace: &Trace) -> [Script; 3] {
    ["a", "b", "c"].map(|name| Script::new(name, trace))
}

/// States as they change, as the system's events tell them.
fn states(events: &mut callboard::actor::EventStream, of: Lifecycle) -> Vec<String> {
    let mut paths = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::StateChanged { path, to, .. } = event
            && to == of
        {
            paths.push(path.to_string());
        }
    }
    paths
}

#[tokio::test(start_paused = true)]
async fn b7_a_subtree_is_paused_against_the_order_of_starts_and_resumed_with_it() {
    let (system, trace) = (system(), Trace::default());
    let outside = system.spawn(probe("outside")).await.unwrap();
    let (team, [a, b, c]) = nested(&system, &trace, plain(&trace)).await;
    let mut events = system.events();
    team.pause();
    assert_eq!(
        states(&mut events, Lifecycle::Maintenance),
        ["t/team/c", "t/team/inner/b", "t/team/a"]
    );
    for actor in [&a, &b, &c] {
        actor.tell(Msg::Note(1)).await.unwrap();
    }
    // One that is restarted meanwhile is paused still.
    b.kill();
    pass(secs(1)).await;
    assert_eq!((b.incarnation(), b.state()), (1, Lifecycle::Maintenance));
    assert!([&a, &b, &c].iter().all(|x| x.counts().queued == 1));
    assert_eq!(outside.ask(Msg::Life).await.unwrap(), 0, "it is not below");
    let mut events = system.events();
    team.resume();
    assert_eq!(
        states(&mut events, Lifecycle::Ready),
        ["t/team/a", "t/team/inner/b", "t/team/c"]
    );
    for actor in [&a, &b, &c] {
        assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
    }
}

#[tokio::test(start_paused = true)]
async fn b7_a_system_is_paused_with_a_rule_of_its_own_and_resumed() {
    let (system, trace) = (system(), Trace::default());
    system.pause();
    let alone = system.spawn_detached(probe("alone").mailbox(1)).unwrap();
    let (_team, [a, b, _]) = nested(&system, &trace, plain(&trace)).await;
    idle().await;
    system.maintain(Overflow::Reject);
    alone.tell(Msg::Note(1)).await.unwrap();
    let refused = soon(alone.tell(Msg::Note(2))).await.unwrap_err();
    assert!(matches!(refused, TellError::Full(_)));
    a.tell(Msg::Note(1)).await.unwrap();
    pass(secs(1)).await;
    assert_eq!((a.counts().queued, alone.counts().queued), (1, 1));
    system.resume();
    for actor in [&a, &alone] {
        assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
    }
    system.pause();
    assert_eq!(b.state(), Lifecycle::Maintenance);
}

#[tokio::test(start_paused = true)]
async fn b7_a_drained_child_finishes_its_queue_and_stays_down() {
    let (system, trace) = (system(), Trace::default());
    let spec = child("a", &trace).mailbox(8);
    let actor = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    let release = hold(&actor).await;
    for n in 1..=3 {
        actor.tell(Msg::Note(n)).await.unwrap();
    }
    let mut draining = Box::pin(team.drain_child("a", secs(10)));
    assert!(poll_once(&mut draining).await.is_pending());
    idle().await;
    assert!(actor.is_closed(), "no newcomers");
    drop(release);
    soon(draining).await.unwrap();
    assert_eq!(actor.counts().handled, 4);
    pass(secs(10)).await;
    assert_eq!(team.which_children()[0].state, ChildState::Down);
    assert_eq!(team.count().restarts, 0);
    // Again, and for one that is not there.
    team.drain_child("a", secs(1)).await.unwrap();
    assert!(team.drain_child("b", secs(1)).await.is_err());
    team.restart_child("a").await.unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn b7_a_subtree_is_drained_last_started_first_each_fully_before_the_next() {
    let (system, trace) = (system(), Trace::default());
    let slow = ["a", "b", "c"].map(|name| {
        let script = Script::new(name, &trace);
        script.stops([Step::After(secs(1))])
    });
    let (team, actors) = nested(&system, &trace, slow).await;
    for actor in &actors {
        actor.tell(Msg::Note(1)).await.unwrap();
    }
    let report = soon(team.drain(secs(30))).await;
    assert_eq!(report.unfinished, [""; 0]);
    assert!(
        report.took >= secs(3) && report.took < secs(4),
        "{report:?}"
    );
    let stops: Vec<_> = trace.take();
    let stops: Vec<_> = stops.iter().filter(|l| !l.ends_with("drop")).collect();
    assert_eq!(
        stops,
        [
            "c stop",
            "c stopped",
            "b stop",
            "b stopped",
            "a stop",
            "a stopped"
        ]
    );
    assert!(actors.iter().all(|x| x.counts().handled == 1));
    let children = team.which_children();
    assert!(children.iter().all(|x| x.state == ChildState::Down));
    assert_eq!(system.dead_letters().total, 0);
    // The supervisor is up, and brings a child back on demand.
    team.restart_child("a").await.unwrap();
    assert_eq!(actors[0].ask(Msg::Life).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn b7_who_has_not_finished_in_time_is_killed_and_listed() {
    let (system, trace) = (system(), Trace::default());
    let (team, [a, b, c]) = nested(&system, &trace, plain(&trace)).await;
    let _release = hold(&b).await;
    b.tell(Msg::Note(1)).await.unwrap();
    c.tell(Msg::Note(1)).await.unwrap();
    let report = soon(team.drain(secs(5))).await;
    // For `a` no time was left, though it had nothing to finish.
    assert_eq!(report.unfinished, ["t/team/a", "t/team/inner/b"]);
    assert!(
        report.took >= secs(5) && report.took <= secs(6),
        "{report:?}"
    );
    assert_eq!(b.counts().undelivered, 1);
    assert_eq!(c.counts().handled, 1);
    soon(a.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn b7_children_of_a_dynamic_supervisor_are_drained_all_at_once() {
    let (system, trace) = (system(), Trace::default());
    let team = Supervisor::dynamic("team").start(&system).await.unwrap();
    for name in ["a", "b", "c"] {
        let script = Script::new(name, &trace).stops([Step::After(secs(2))]);
        team.start_child(script.spec()).await.unwrap();
    }
    let report = soon(team.drain(secs(30))).await;
    assert!(
        report.took >= secs(2) && report.took < secs(3),
        "{report:?}"
    );
    assert_eq!(team.count().specs, 0);
}

#[tokio::test(start_paused = true)]
async fn b7_a_rolling_restart_gives_each_a_new_life_in_order_and_loses_no_message() {
    let (system, trace) = (system(), Trace::default());
    let (team, actors) = nested(&system, &trace, plain(&trace)).await;
    // What is queued behind the message in hand waits for the new life.
    let release = hold(&actors[0]).await;
    for actor in &actors {
        actor.tell(Msg::Note(1)).await.unwrap();
    }
    let mut rolling = Box::pin(team.rolling_restart(RollingRestart::default()));
    assert!(poll_once(&mut rolling).await.is_pending());
    idle().await;
    assert!(actors.iter().all(|x| x.incarnation() == 0));
    drop(release);
    let report = soon(rolling).await.unwrap();
    let paths = ["t/team/a", "t/team/inner/b", "t/team/c"];
    assert_eq!(report.restarted, paths);
    assert_eq!(report.skipped, [""; 0]);
    let noted: Vec<_> = trace.take();
    let noted: Vec<_> = noted.iter().filter(|l| !l.ends_with("drop")).collect();
    assert_eq!(
        noted,
        [
            "a stop",
            "a stopped",
            "a start",
            "a up",
            "b stop",
            "b stopped",
            "b start",
            "b up",
            "c stop",
            "c stopped",
            "c start",
            "c up"
        ]
    );
    assert_eq!(actors[0].ask(Msg::Seen).await.unwrap(), [1]);
    for actor in &actors {
        assert_eq!(
            (actor.incarnation(), actor.ask(Msg::Life).await.unwrap()),
            (1, 1)
        );
        assert_eq!(actor.counts().undelivered, 0);
    }
    assert_eq!(system.dead_letters().total, 0);
}

#[tokio::test(start_paused = true)]
async fn b7_a_rolling_restart_has_no_more_than_so_many_down_at_once() {
    for (at_once, takes) in [(1, 6), (2, 4), (3, 2), (9, 2), (0, 6)] {
        let (system, trace) = (system(), Trace::default());
        let slow = ["a", "b", "c"].map(|name| {
            let script = Script::new(name, &trace);
            script.starts([Step::Ok, Step::After(secs(2))])
        });
        let (team, actors) = nested(&system, &trace, slow).await;
        let most = {
            let mut watches = actors.each_ref().map(ActorRef::watch_state);
            tokio::spawn(async move {
                let (mut down, mut most) = (0, 0);
                pass(ms(500)).await;
                for _ in 0..8 {
                    for watch in &mut watches {
                        while let Some(change) = watch.try_next() {
                            match change.to {
                                Lifecycle::Ready => down -= 1,
                                _ => down += 1,
                            }
                        }
                    }
                    most = most.max(down);
                    pass(secs(1)).await;
                }
                most
            })
        };
        let began = system.now();
        let settings = RollingRestart::at_most(at_once);
        soon(team.rolling_restart(settings)).await.unwrap();
        let took = system.now() - began;
        assert!(took >= secs(takes) && took < secs(takes + 1), "{took:?}");
        let expected = at_once.clamp(1, 3);
        assert_eq!(soon(most).await.unwrap(), expected, "{at_once}");
    }
}

#[tokio::test(start_paused = true)]
async fn b7_planned_restarts_count_against_no_intensity() {
    let (system, trace) = (system(), Trace::default());
    let (team, [a, ..]) = nested(&system, &trace, plain(&trace)).await;
    for _ in 0..5 {
        soon(team.rolling_restart(RollingRestart::at_most(2)))
            .await
            .unwrap();
    }
    assert_eq!(a.restarts(), 5);
    // Two crashes within the period are allowed, as before.
    for _ in 0..2 {
        a.tell(Msg::panic()).await.unwrap();
        idle().await;
    }
    assert_eq!(a.ask(Msg::Life).await.unwrap(), 7);
    a.tell(Msg::panic()).await.unwrap();
    soon(team.closed()).await;
}

#[tokio::test(start_paused = true)]
async fn b7_a_rolling_restart_is_broken_off_and_names_who_did_not_come_back() {
    let (system, trace) = (system(), Trace::default());
    let mut scripts = plain(&trace);
    scripts[1] = Script::new("b", &trace).starts([Step::Ok, Step::Never]);
    let (team, actors) = nested(&system, &trace, scripts).await;
    let began = system.now();
    let settings = RollingRestart::at_most(1).within(secs(7));
    let broken = soon(team.rolling_restart(settings)).await.unwrap_err();
    assert_eq!(broken.missing, ["t/team/inner/b"]);
    assert_eq!(broken.report.restarted, ["t/team/a"]);
    assert!(system.now() - began >= secs(7));
    assert_eq!(
        broken.to_string(),
        "not back in time after a planned restart: t/team/inner/b"
    );
    assert_eq!(actors[2].incarnation(), 0, "it was not touched");
    assert_eq!(trace.count("c stop"), 0);
}

#[tokio::test(start_paused = true)]
async fn b7_a_planned_start_that_fails_is_tried_again_as_after_a_crash() {
    let (system, trace) = (system(), Trace::default());
    let mut scripts = plain(&trace);
    scripts[0] = Script::new("a", &trace).starts([Step::Ok, Step::Fail, Step::Ok]);
    let (team, [a, ..]) = nested(&system, &trace, scripts).await;
    let report = soon(team.rolling_restart(RollingRestart::default())).await;
    assert_eq!(report.unwrap().restarted.len(), 3);
    assert_eq!(a.restarts(), 2);
    assert_eq!(a.ask(Msg::Life).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn b7_who_is_down_or_taken_down_is_skipped() {
    let (system, trace) = (system(), Trace::default());
    let mut scripts = plain(&trace);
    scripts[2] = Script::new("c", &trace).stops([Step::After(secs(20))]);
    let (team, [a, _, c]) = nested(&system, &trace, scripts).await;
    team.terminate_child("a").await.unwrap();
    let mut rolling = Box::pin(team.rolling_restart(RollingRestart::at_most(1)));
    assert!(poll_once(&mut rolling).await.is_pending());
    idle().await;
    // `c` is stopping by now; the command to end it wins.
    let mut rest = Box::pin(async { tokio::join!(rolling, team.terminate_child("c")) });
    let (report, ended) = soon(&mut rest).await;
    ended.unwrap();
    let report = report.unwrap();
    assert_eq!(report.restarted, ["t/team/inner/b"]);
    assert_eq!(report.skipped, ["t/team/a", "t/team/c"]);
    assert!(a.is_closed() && c.is_closed());
    pass(secs(60)).await;
    assert_eq!(c.incarnation(), 0);
}

#[tokio::test(start_paused = true)]
async fn b7_a_crash_of_a_sibling_does_not_lose_a_child_in_a_planned_restart() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let (system, trace) = (system(), Trace::default());
        let a = child("a", &trace);
        let slow = Script::new("b", &trace).stops([Step::After(ms(500))]);
        let b = slow.spec().mailbox(8).shutdown(After(secs(1)));
        let (a_ref, b_ref) = (a.actor_ref(), b.actor_ref());
        let team = team().strategy(strategy).child(a).child(b);
        let team = team.start(&system).await.unwrap();
        b_ref.tell(Msg::Note(0)).await.unwrap();
        idle().await;
        soon(team.rolling_restart(RollingRestart::default()))
            .await
            .unwrap();
        let mut rolling = Box::pin(team.rolling_restart(RollingRestart::at_most(2)));
        assert!(poll_once(&mut rolling).await.is_pending());
        b_ref.tell(Msg::Note(1)).await.unwrap();
        a_ref.tell(Msg::panic()).await.unwrap();
        let report = soon(rolling).await.unwrap();
        assert_eq!(report.skipped, [""; 0], "{strategy:?}");
        pass(secs(5)).await;
        assert_eq!(b_ref.ask(Msg::Seen).await.unwrap(), [1], "{strategy:?}");
        assert_eq!(team.count().active, 2, "{strategy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn b7_a_shutdown_ends_a_rolling_restart() {
    let (system, trace) = (system(), Trace::default());
    let slow = ["a", "b", "c"].map(|name| {
        let script = Script::new(name, &trace);
        script.starts([Step::Ok, Step::After(secs(2))])
    });
    let (_team, actors) = nested(&system, &trace, slow).await;
    let rolling = {
        let system = system.clone();
        tokio::spawn(async move { system.rolling_restart(RollingRestart::at_most(1)).await })
    };
    idle().await;
    let report = soon(system.shutdown(secs(10))).await.unwrap();
    assert_eq!(report.unfinished, [""; 0]);
    let _ = soon(rolling).await.unwrap();
    assert!(actors.iter().all(ActorRef::is_closed));
    assert!(actors[1].incarnation() == 0);
}

#[tokio::test(start_paused = true)]
async fn b7_a_rolling_restart_brings_back_paused_actors_paused() {
    let (system, trace) = (system(), Trace::default());
    let (team, [a, ..]) = nested(&system, &trace, plain(&trace)).await;
    team.maintain(Overflow::Reject);
    a.tell(Msg::Note(1)).await.unwrap();
    let report = soon(team.rolling_restart(RollingRestart::default())).await;
    assert_eq!(report.unwrap().restarted.len(), 3);
    assert_eq!((a.incarnation(), a.state()), (1, Lifecycle::Maintenance));
    team.resume();
    assert_eq!(a.ask(Msg::Seen).await.unwrap(), [1]);
}
