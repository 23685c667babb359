use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use callboard::prelude::*;

use crate::common::{
    Msg, Probe, Script, Step, Trace, deed, hold, idle, poll_once, probe, soon, system,
};

const WHOLE: &[&str] = &["a start", "a up", "a stop", "a stopped", "a drop"];
const NO_STOP: &[&str] = &["a start", "a up", "a drop"];
const HALF_STOP: &[&str] = &["a start", "a up", "a stop", "a drop"];
const NO_LIFE: &[&str] = &["a start", "a drop"];

fn temporary(script: Script) -> ChildSpec<Probe> {
    script.spec().restart(Restart::Temporary)
}

/// How a ready actor is brought to its end.
#[derive(Clone, Copy, Debug)]
enum End {
    StopFromOutside,
    StopFromInside,
    Drain,
    Fail,
    Panic,
    KillIdle,
    KillInHandler,
}

async fn bring_about(end: End, actor: &ActorRef<Msg>) {
    match end {
        End::StopFromOutside => actor.stop(),
        End::StopFromInside => actor.tell(Msg::exit(Exit::Normal)).await.unwrap(),
        End::Drain => actor.drain(),
        End::Fail => actor.tell(Msg::fail()).await.unwrap(),
        End::Panic => actor.tell(Msg::panic()).await.unwrap(),
        End::KillIdle => actor.kill(),
        End::KillInHandler => {
            let (msg, entered) = Msg::never();
            actor.tell(msg).await.unwrap();
            soon(entered).await.unwrap();
            actor.kill();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a1_hooks_run_once_whatever_ends_the_actor_and_however_its_stop_goes() {
    let (normal, failed) = ("normal", "failed: scripted failure");
    let (panicked, killed) = ("panicked: scripted panic", "killed");
    let table: &[(End, Step, &[&str], &str)] = &[
        (End::StopFromOutside, Step::Ok, WHOLE, normal),
        (End::StopFromOutside, Step::Fail, HALF_STOP, failed),
        (End::StopFromOutside, Step::Panic, HALF_STOP, panicked),
        (End::StopFromInside, Step::Ok, WHOLE, normal),
        (End::StopFromInside, Step::Fail, HALF_STOP, failed),
        (End::StopFromInside, Step::Panic, HALF_STOP, panicked),
        (End::Drain, Step::Ok, WHOLE, normal),
        (End::Drain, Step::Fail, HALF_STOP, failed),
        (End::Drain, Step::Panic, HALF_STOP, panicked),
        (End::Fail, Step::Ok, WHOLE, failed),
        (End::Fail, Step::Fail, HALF_STOP, failed),
        (End::Fail, Step::Panic, HALF_STOP, panicked),
        (End::Panic, Step::Ok, WHOLE, panicked),
        (End::Panic, Step::Fail, HALF_STOP, panicked),
        (End::Panic, Step::Panic, HALF_STOP, panicked),
        (End::KillIdle, Step::Ok, NO_STOP, killed),
        (End::KillIdle, Step::Panic, NO_STOP, killed),
        (End::KillInHandler, Step::Ok, NO_STOP, killed),
        (End::KillInHandler, Step::Panic, NO_STOP, killed),
    ];
    for (end, stop, hooks, exit) in table {
        let system = system();
        let trace = Trace::default();
        let spec = temporary(Script::new("a", &trace).stops([*stop]));
        let actor = system.spawn(spec).await.unwrap();
        bring_about(*end, &actor).await;
        let closed = soon(actor.closed()).await;
        assert_eq!(closed.to_string(), *exit, "{end:?}, stop hook {stop:?}");
        assert_eq!(trace.take(), *hooks, "{end:?}, stop hook {stop:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a1_a_start_that_does_not_succeed_runs_no_stop_hook() {
    let table = [
        (Step::Fail, "it did not start: failed: scripted failure"),
        (Step::Panic, "it did not start: panicked: scripted panic"),
        (Step::Ignore, "its start hook said that it is not needed"),
    ];
    for (start, error) in table {
        let system = system();
        let trace = Trace::default();
        let spec = temporary(Script::new("a", &trace).starts([start]));
        let actor = spec.actor_ref();
        let refused = system.spawn(spec).await.unwrap_err();
        assert_eq!(refused.to_string(), error);
        assert_eq!(trace.take(), NO_LIFE, "{start:?}");
        soon(actor.closed()).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a1_a_kill_during_the_start_hook_ends_it_without_a_stop_hook() {
    let system = system();
    let trace = Trace::default();
    let spec = temporary(Script::new("a", &trace).starts([Step::Never]));
    let actor = spec.actor_ref();
    let mut spawning = pin!(system.spawn(spec));
    assert!(poll_once(&mut spawning).await.is_pending());
    idle().await;
    assert_eq!(trace.seen(), ["a start"]);
    actor.kill();
    let refused = soon(spawning).await.unwrap_err();
    assert!(
        matches!(refused, StartError::Failed(Exit::Killed)),
        "{refused:?}"
    );
    assert_eq!(trace.take(), NO_LIFE);
}

#[tokio::test(start_paused = true)]
async fn a1_a_kill_during_the_stop_hook_ends_it() {
    let system = system();
    let trace = Trace::default();
    let spec = temporary(Script::new("a", &trace).stops([Step::Never]));
    let actor = system.spawn(spec).await.unwrap();
    actor.stop();
    idle().await;
    assert_eq!(trace.seen(), ["a start", "a up", "a stop"]);
    actor.kill();
    assert_eq!(soon(actor.closed()).await.to_string(), "killed");
    assert_eq!(trace.take(), HALF_STOP);
}

#[tokio::test(start_paused = true)]
async fn a1_a_factory_that_panics_is_a_start_that_failed() {
    let system = system();
    let spec = ChildSpec::<Probe>::new("a", || panic!("scripted factory"));
    let refused = system.spawn(spec).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "it did not start: panicked: scripted factory"
    );
}

#[tokio::test(start_paused = true)]
async fn a1_a_drop_that_panics_is_seen_as_a_panic() {
    for end in [End::StopFromOutside, End::Drain] {
        let system = system();
        let trace = Trace::default();
        let spec = temporary(Script::new("a", &trace).drop_panics());
        let actor = system.spawn(spec).await.unwrap();
        bring_about(end, &actor).await;
        let exit = soon(actor.closed()).await;
        assert!(matches!(exit, Exit::Panicked(_)), "{end:?}: {exit}");
        assert_eq!(trace.take(), WHOLE);
    }
}

#[tokio::test(start_paused = true)]
async fn a1_a_drop_that_panics_after_a_failed_start_is_still_a_refused_start() {
    let system = system();
    let trace = Trace::default();
    let script = Script::new("a", &trace).starts([Step::Fail]).drop_panics();
    let refused = system.spawn(script.spec()).await.unwrap_err();
    assert!(matches!(refused, StartError::Failed(_)), "{refused:?}");
    idle().await;
    assert_eq!(trace.take(), NO_LIFE, "a start that failed is not repeated");
}

#[tokio::test(start_paused = true)]
async fn a1_a_kill_whose_drop_panics_does_not_reach_the_next_life() {
    let system = system();
    let trace = Trace::default();
    let spec = Script::new("a", &trace).drop_panics().spec();
    let actor = system.spawn(spec).await.unwrap();
    actor.kill();
    idle().await;
    assert_eq!(actor.restarts(), 1, "one kill, one restart");
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a1_a_kill_drops_what_the_handler_awaits() {
    struct Flag(Arc<AtomicUsize>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let flag = Flag(Arc::clone(&dropped));
    actor
        .tell(deed(move |_, _| {
            Box::pin(async move {
                let _flag = flag;
                std::future::pending().await
            })
        }))
        .await
        .unwrap();
    idle().await;
    assert_eq!(dropped.load(SeqCst), 0);
    actor.kill();
    idle().await;
    assert_eq!(dropped.load(SeqCst), 1);
    assert_eq!(actor.incarnation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a1_a_stop_lets_the_message_in_hand_finish_and_handles_no_other() {
    let system = system();
    let actor = system
        .spawn(probe("a").restart(Restart::Temporary))
        .await
        .unwrap();
    let release = hold(&actor).await;
    actor.tell(Msg::Note(1)).await.unwrap();
    actor.stop();
    idle().await;
    assert!(actor.counts().in_hand >= 1, "it is still in hand");
    drop(release);
    assert_eq!(soon(actor.closed()).await.to_string(), "normal");
    assert_eq!(actor.counts().handled, 1);
    assert_eq!(actor.counts().undelivered, 1);
}

#[tokio::test(start_paused = true)]
async fn a1_an_exit_from_a_hook_is_the_actors_exit() {
    let exits = [
        Exit::Normal,
        Exit::shutdown(),
        Exit::Shutdown(Some("enough".into())),
        Exit::failed("scripted"),
        Exit::Panicked("as if".into()),
        Exit::Killed,
    ];
    for exit in exits {
        let system = system();
        let trace = Trace::default();
        let spec = temporary(Script::new("a", &trace));
        let actor = system.spawn(spec).await.unwrap();
        let expected = exit.to_string();
        let hooks = match exit {
            Exit::Killed => NO_STOP,
            _ => WHOLE,
        };
        actor.tell(Msg::exit(exit)).await.unwrap();
        assert_eq!(soon(actor.closed()).await.to_string(), expected);
        assert_eq!(trace.take(), hooks, "{expected}");
        assert_eq!(actor.counts().handled, 1, "the message was handled");
    }
}

/// Ends itself in its start hook.
struct Brief(Trace);

impl Actor for Brief {
    type Msg = ();

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        cx.stop();
        Ok(Started::Ready)
    }

    async fn handle(&mut self, (): (), _cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.0.note("handled");
        Ok(())
    }

    async fn stop(&mut self, exit: &Exit, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.0.note(format!("stop {exit}"));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a1_an_actor_that_stops_itself_at_the_start_handles_nothing() {
    let system = system();
    let trace = Trace::default();
    let spec = ChildSpec::new("brief", {
        let trace = trace.clone();
        move || Brief(trace.clone())
    })
    .restart(Restart::Temporary);
    let actor = spec.actor_ref();
    actor.try_tell(()).unwrap();
    system.spawn(spec).await.unwrap();
    soon(actor.closed()).await;
    assert_eq!(trace.take(), ["stop normal"]);
}

#[tokio::test(start_paused = true)]
async fn a1_a_busy_actor_lets_its_neighbours_run() {
    // An actor whose mailbox never runs dry, since it tells itself.
    let system = system();
    let busy = system.spawn(probe("busy").mailbox(4)).await.unwrap();
    fn again(left: u32, seen: Arc<AtomicUsize>) -> Msg {
        deed(move |_, cx| {
            seen.fetch_add(1, SeqCst);
            let me = cx.myself();
            Box::pin(async move {
                if left > 0 {
                    me.try_tell(again(left - 1, seen)).map_err(|_| "no room")?;
                }
                Ok(())
            })
        })
    }
    let seen = Arc::new(AtomicUsize::new(0));
    busy.tell(again(10_000, Arc::clone(&seen))).await.unwrap();
    // On a task of its own, which has its turn as every other.
    let by_then = tokio::spawn({
        let (system, seen) = (system.clone(), Arc::clone(&seen));
        async move {
            let neighbour = system.spawn(probe("neighbour")).await.unwrap();
            neighbour.ask(Msg::Seen).await.unwrap();
            seen.load(SeqCst)
        }
    });
    let by_then = soon(by_then).await.unwrap();
    assert!(by_then < 10_000, "the neighbour had its turn: {by_then}");
    idle().await;
    assert_eq!(seen.load(SeqCst), 10_001);
}
