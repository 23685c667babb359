use callboard::actor::{Transition, Transitions};
use callboard::prelude::*;

use crate::common::{Msg, Script, Step, Trace, deed, hold, idle, pass, probe, quiet, soon, system};

/// What a watcher has been told so far, in words.
fn seen(watch: &mut Transitions) -> Vec<String> {
    std::iter::from_fn(|| watch.try_next())
        .map(|transition| transition.to_string())
        .collect()
}

/// A message whose handler declares this and notes whether it was allowed.
fn declare(state: Lifecycle) -> Msg {
    deed(move |probe, cx| {
        let outcome = match cx.declare(state) {
            Ok(()) => 1,
            Err(_) => 0,
        };
        probe.seen.push(outcome);
        Box::pin(async { Ok(()) })
    })
}

/// A number for each change, to be noted by a scripted actor.
fn number(transition: Transition) -> Msg {
    Msg::Note(match transition.to {
        Lifecycle::Ready => 1,
        Lifecycle::Error => 2,
        Lifecycle::Maintenance => 3,
        Lifecycle::Shutdown => 4,
        _ => 5,
    })
}

/// Lets `who` watch the states of `whom`.
async fn watch(who: &ActorRef<Msg>, whom: &ActorRef<Msg>) -> callboard::actor::WatchId {
    let whom = whom.clone();
    let (tell, told) = tokio::sync::oneshot::channel();
    who.tell(deed(move |_, cx| {
        let _ = tell.send(cx.watch_state(&whom, number));
        Box::pin(async { Ok(()) })
    }))
    .await
    .unwrap();
    soon(told).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn b7_a_task_is_told_of_each_change_over_restarts_until_the_end() {
    let system = system();
    let spec = probe("a").restart(Restart::Transient);
    let actor = spec.actor_ref();
    let mut watch = actor.watch_state();
    assert_eq!(watch.try_next(), None);
    system.spawn(spec).await.unwrap();
    pass(secs(1)).await;
    let before = system.now();
    actor.tell(Msg::panic()).await.unwrap();
    idle().await;
    actor.pause();
    actor.resume();
    let first = soon(watch.next()).await.unwrap();
    assert_eq!(
        (first.from, first.to),
        (Lifecycle::Initializing, Lifecycle::Ready)
    );
    assert!(first.at < before);
    let second = soon(watch.next()).await.unwrap();
    assert_eq!(second.to_string(), "ready -> error");
    assert!(second.at >= before);
    actor.stop();
    soon(actor.closed()).await;
    assert_eq!(
        seen(&mut watch),
        [
            "error -> ready",
            "ready -> maintenance",
            "maintenance -> ready",
            "ready -> shutdown",
        ]
    );
    assert_eq!(soon(watch.next()).await, None, "there is no more");
    assert_eq!(soon(actor.watch_state().next()).await, None, "nor later");
}

#[tokio::test(start_paused = true)]
async fn b7_a_waiting_task_is_woken_by_the_change() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let mut watch = actor.watch_state();
    let waiting = tokio::spawn(async move { watch.next().await });
    idle().await;
    actor.pause();
    let change = soon(waiting).await.unwrap().unwrap();
    assert_eq!(change.to, Lifecycle::Maintenance);
}

#[tokio::test(start_paused = true)]
async fn b7_an_end_after_a_crash_is_announced_to_watchers_and_as_an_event() {
    let system = system();
    let mut events = system.events();
    let spec = probe("a").restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let mut watch = actor.watch_state();
    actor.kill();
    soon(actor.closed()).await;
    assert_eq!(seen(&mut watch), ["ready -> error", "error -> shutdown"]);
    let mut states = Vec::new();
    while let Some(event) = events.try_next() {
        if matches!(event, Event::StateChanged { .. }) {
            states.push(event.to_string());
        }
    }
    assert_eq!(
        states.last().unwrap(),
        "state of t/a: error -> shutdown",
        "{states:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn b7_a_watcher_that_falls_behind_loses_the_oldest_and_knows_where() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let mut watch = actor.watch_state();
    for _ in 0..Transitions::CAPACITY {
        actor.pause();
        actor.resume();
    }
    assert_eq!(watch.lost(), Transitions::CAPACITY as u64);
    let first = watch.try_next().unwrap();
    assert_eq!(first.missed, Transitions::CAPACITY as u64);
    let mut rest = 0;
    while let Some(next) = watch.try_next() {
        assert_eq!(next.missed, 0);
        rest += 1;
    }
    assert_eq!(rest + 1, Transitions::CAPACITY);
    actor.pause();
    assert_eq!(watch.try_next().unwrap().missed, 0);
}

#[tokio::test(start_paused = true)]
async fn b7_an_actor_is_told_through_its_system_lane() {
    let system = system();
    let watcher = system.spawn(probe("watcher").mailbox(1)).await.unwrap();
    let spec = probe("other").restart(Restart::Temporary);
    let other = system.spawn(spec).await.unwrap();
    watch(&watcher, &other).await;
    // A full mailbox is no obstacle to the news.
    let release = hold(&watcher).await;
    other.pause();
    other.resume();
    other.kill();
    soon(other.closed()).await;
    drop(release);
    idle().await;
    assert_eq!(watcher.ask(Msg::Seen).await.unwrap(), [3, 1, 2, 4]);
    assert_eq!(watcher.counts().accepted, 3, "the news is not in the books");
}

#[tokio::test(start_paused = true)]
async fn b7_an_actor_that_falls_behind_gets_the_newest_and_no_more_than_it_can_hold() {
    let system = system();
    let watcher = system.spawn(probe("watcher")).await.unwrap();
    let other = system.spawn(probe("other")).await.unwrap();
    watch(&watcher, &other).await;
    let release = hold(&watcher).await;
    for _ in 0..Transitions::CAPACITY {
        other.pause();
        other.resume();
    }
    other.pause();
    drop(release);
    idle().await;
    let told = watcher.ask(Msg::Seen).await.unwrap();
    assert_eq!(told.len(), Transitions::CAPACITY);
    assert_eq!(told.last(), Some(&3), "the newest");
}

#[tokio::test(start_paused = true)]
async fn b7_a_watch_of_states_ends_by_unwatch_and_with_the_watchers_life() {
    let system = system();
    let other = system.spawn(probe("other")).await.unwrap();
    let watcher = system.spawn(probe("watcher")).await.unwrap();
    let id = watch(&watcher, &other).await;
    let release = hold(&watcher).await;
    other.pause();
    watcher
        .tell(deed(move |_, cx| {
            cx.unwatch(id);
            Box::pin(async { Ok(()) })
        }))
        .await
        .unwrap();
    drop(release);
    idle().await;
    other.resume();
    idle().await;
    assert_eq!(
        watcher.ask(Msg::Seen).await.unwrap(),
        [3],
        "told before the watch ended, and not after"
    );
    // Nor what was under way when it ended.
    let id = watch(&watcher, &other).await;
    let paused = other.clone();
    watcher
        .tell(deed(move |_, cx| {
            paused.pause();
            cx.unwatch(id);
            Box::pin(async { Ok(()) })
        }))
        .await
        .unwrap();
    assert_eq!(watcher.ask(Msg::Seen).await.unwrap(), [3]);
    other.resume();
    watch(&watcher, &other).await;
    watcher.kill();
    idle().await;
    other.pause();
    idle().await;
    assert_eq!(watcher.ask(Msg::Seen).await.unwrap(), [0; 0], "a new life");
}

#[tokio::test(start_paused = true)]
async fn b7_a_declared_state_is_seen_announced_and_lasts_until_the_next() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let mut watch = actor.watch_state();
    actor.tell(declare(Lifecycle::Busy)).await.unwrap();
    actor.tell(declare(Lifecycle::Busy)).await.unwrap();
    idle().await;
    assert_eq!(actor.state(), Lifecycle::Busy, "with nothing in hand");
    actor.tell(declare(Lifecycle::Error)).await.unwrap();
    actor.tell(declare(Lifecycle::Ready)).await.unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 1, 1, 1]);
    assert_eq!(
        seen(&mut watch),
        ["ready -> busy", "busy -> error", "error -> ready"]
    );
}

#[tokio::test(start_paused = true)]
async fn b7_a_state_that_is_not_an_actors_to_declare_is_refused() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let mut watch = actor.watch_state();
    for state in [
        Lifecycle::Initializing,
        Lifecycle::Maintenance,
        Lifecycle::Shutdown,
    ] {
        actor.tell(declare(state)).await.unwrap();
    }
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [0, 0, 0]);
    assert_eq!(seen(&mut watch), [""; 0]);
    actor.tell(declare(Lifecycle::Error)).await.unwrap();
    let (tell, told) = tokio::sync::oneshot::channel();
    actor
        .tell(deed(move |_, cx| {
            let _ = tell.send(cx.declare(Lifecycle::Busy));
            Box::pin(async { Ok(()) })
        }))
        .await
        .unwrap();
    assert_eq!(
        soon(told).await.unwrap().unwrap_err().to_string(),
        "an actor that is error cannot declare itself busy"
    );
}

/// Declares itself busy wherever it can.
struct Hasty(tokio::sync::mpsc::Sender<bool>);

impl Actor for Hasty {
    type Msg = ();

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        let _ = self.0.try_send(cx.declare(Lifecycle::Ready).is_ok());
        Ok(Started::Ready)
    }

    async fn handle(&mut self, _msg: (), _cx: &mut Context<Self>) -> Result<(), BoxError> {
        Err("scripted failure".into())
    }

    async fn stop(&mut self, exit: &Exit, cx: &mut Context<Self>) -> Result<(), BoxError> {
        if !exit.is_abnormal() {
            let _ = self.0.try_send(cx.declare(Lifecycle::Busy).is_ok());
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn b7_start_and_stop_hooks_declare_nothing_in_any_life() {
    let system = system();
    let (tx, mut rx) = tokio::sync::mpsc::channel(8);
    let spec = ChildSpec::new("a", move || Hasty(tx.clone())).restart(Restart::Transient);
    let actor = system.spawn(spec).await.unwrap();
    actor.tell(()).await.unwrap();
    idle().await;
    assert_eq!(actor.incarnation(), 1);
    actor.stop();
    soon(actor.closed()).await;
    let mut outcomes = Vec::new();
    while let Ok(outcome) = rx.try_recv() {
        outcomes.push(outcome);
    }
    assert_eq!(outcomes, [false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn b7_what_is_declared_during_a_pause_holds_after_it() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let (tell, entered) = tokio::sync::oneshot::channel();
    let (release, gate) = tokio::sync::oneshot::channel::<()>();
    actor
        .tell(deed(move |_, cx| {
            Box::pin(async move {
                let _ = tell.send(());
                let _ = gate.await;
                Ok(cx.declare(Lifecycle::Busy)?)
            })
        }))
        .await
        .unwrap();
    soon(entered).await.unwrap();
    actor.pause();
    let mut watch = actor.watch_state();
    drop(release);
    idle().await;
    assert_eq!(actor.state(), Lifecycle::Maintenance);
    actor.resume();
    assert_eq!(seen(&mut watch), ["maintenance -> busy"]);
}

#[tokio::test(start_paused = true)]
async fn b7_the_end_of_a_pause_brings_back_what_was_before_it() {
    quiet();
    let system = system();
    let spec = Script::new("a", &Trace::default())
        .starts([Step::Ok, Step::After(secs(10)), Step::Ok])
        .spec();
    let actor = spec.actor_ref();
    actor.pause();
    actor.resume();
    assert_eq!(actor.state(), Lifecycle::Initializing, "not begun");
    system.spawn(spec).await.unwrap();
    actor.kill();
    idle().await;
    assert_eq!(actor.state(), Lifecycle::Error, "starting again");
    actor.pause();
    actor.resume();
    assert_eq!(actor.state(), Lifecycle::Error, "still starting");
    actor.pause();
    pass(secs(20)).await;
    assert_eq!(actor.state(), Lifecycle::Maintenance);
    actor.resume();
    assert_eq!(actor.state(), Lifecycle::Ready, "what it is by now");
}
