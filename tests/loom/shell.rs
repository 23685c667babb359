//! The shell around a real actor: what a reference promises, in every order.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

use callboard::actor::{
    Actor, ActorRef, AskError, BoxError, Context, Down, Exit, Lifecycle, Reply, Started, TellError,
};
use callboard::mailbox::{Mailbox, Overflow, Unanswered};
use callboard::model::Stage;
use callboard::model::internals::play;

use crate::harness::Model;

pub(crate) fn models() -> Vec<Model> {
    vec![
        shell("shell_two_tellers_are_both_counted", two_tellers),
        shell("shell_an_ask_of_a_killed_actor_ends", killed),
        shell("shell_an_ask_of_a_stopped_actor_ends", stopped),
        shell("shell_a_handler_sees_that_its_asker_left", asker_leaves),
        shell("shell_the_next_life_goes_on_with_the_queue", restarted),
        shell("shell_a_crash_may_be_the_last_thing", crashed_at_the_end),
        shell("shell_draining_handles_what_was_accepted", drained),
        shell("shell_a_pause_during_the_start_ends", paused),
        shell("shell_a_pause_during_a_crash_ends", paused_and_crashed),
        shell("shell_a_watcher_is_told", watched),
        shell("shell_a_watcher_sees_states_in_order", states),
        shell("shell_a_maintenance_loses_nobody_who_waits", maintained),
        shell("shell_a_blocking_tell_waits_for_room", blocking),
    ]
}

fn shell(name: &str, scene: fn(&mut Stage)) -> Model {
    Model::holds(name, move || play(scene))
}

/// Counts, and does what the models ask for besides.
#[derive(Default)]
struct Counter(u32);

enum Command {
    Add(u32),
    Total(Reply<u32>),
    /// Keeps the question for ever.
    Hold(Reply<u32>),
    /// Waits until nobody waits for the answer.
    Outlast(Reply<u32>),
    Fail,
}

impl Actor for Counter {
    type Msg = Command;

    async fn handle(&mut self, msg: Command, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Command::Add(n) => self.0 += n,
            Command::Total(reply_to) => reply_to.send(self.0),
            Command::Hold(_reply_to) => pending().await,
            Command::Outlast(reply_to) => {
                cx.request().cancelled().await;
                assert!(cx.is_cancelled(), "who has left does not come back");
                assert_eq!(reply_to.try_send(0), Err(0), "a late answer comes back");
            }
            Command::Fail => return Err("told to".into()),
        }
        Ok(())
    }
}

fn states(stage: &mut Stage) {
    let counter = stage.spawn_restarting(Counter::default, Mailbox::bounded(1), 1);
    let mut watch = counter.watch_state();
    let pauser = counter.clone();
    stage.thread(move |_| {
        pauser.pause();
        pauser.resume();
    });
    stage.tell(&counter, Command::Fail);
    stage.finish();
    let mut now = None;
    while let Some(change) = watch.try_next() {
        if let Some(now) = now {
            assert_eq!(change.from, now, "each change begins where the last ended");
        }
        assert_eq!(change.missed, 0);
        now = Some(change.to);
    }
}

fn maintained(stage: &mut Stage) {
    let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
    let teller = counter.clone();
    stage.thread(move |t| {
        for _ in 0..2 {
            // Accepted, or waiting and then let in: it is never refused.
            t.tell(&teller, Command::Add(1));
        }
    });
    counter.maintain(Overflow::DropOldest);
    counter.resume();
    stage.finish();
    let total = stage.ask(&counter, Command::Total);
    let displaced = counter.counts().displaced;
    assert_eq!(u64::from(total) + displaced, 2, "handled or displaced");
}

fn two_tellers(stage: &mut Stage) {
    let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
    for _ in 0..2 {
        let counter = counter.clone();
        stage.thread(move |t| t.tell(&counter, Command::Add(1)));
    }
    stage.finish();
    assert_eq!(stage.ask(&counter, Command::Total), 2);
}

fn killed(stage: &mut Stage) {
    let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
    let killer = counter.clone();
    stage.thread(move |_| killer.kill());
    match stage.wait(counter.ask(Command::Hold)) {
        // In hand, or still in the mailbox, or never in it.
        Err(AskError::Unanswered(Unanswered::Crashed | Unanswered::Stopped))
        | Err(AskError::Closed(_)) => {}
        outcome => panic!("{outcome:?} from an actor that was killed"),
    }
    let exit = stage.wait(counter.closed());
    assert!(matches!(exit, Exit::Killed), "{exit:?} instead of killed");
}

fn stopped(stage: &mut Stage) {
    let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
    let stopper = counter.clone();
    stage.thread(move |_| stopper.stop());
    match stage.wait(counter.ask(Command::Total)) {
        Ok(total) => assert_eq!(total, 0),
        Err(AskError::Unanswered(Unanswered::Stopped) | AskError::Closed(_)) => {}
        outcome => panic!("{outcome:?} from an actor that was stopped"),
    }
    let exit = stage.wait(counter.closed());
    assert!(matches!(exit, Exit::Normal), "{exit:?} instead of normal");
}

/// Polls an ask until it is sent, and drops it.
fn asker_leaves(stage: &mut Stage) {
    let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
    let asker = counter.clone();
    stage.thread(move |t| {
        let mut ask = pin!(asker.ask(Command::Outlast));
        t.wait(poll_fn(|task| {
            assert!(ask.as_mut().poll(task).is_pending(), "it is outlasted");
            Poll::Ready(())
        }));
    });
    stage.finish();
    assert_eq!(stage.ask(&counter, Command::Total), 0);
}

fn restarted(stage: &mut Stage) {
    let counter = stage.spawn_restarting(Counter::default, Mailbox::bounded(2), 1);
    let other = counter.clone();
    stage.thread(move |t| {
        t.tell(&other, Command::Fail);
        t.tell(&other, Command::Add(1));
    });
    stage.tell(&counter, Command::Add(1));
    stage.finish();
    let total = stage.ask(&counter, Command::Total);
    assert!(
        total == 1 || total == 2,
        "only what came before the failure is forgotten"
    );
    assert_eq!(counter.incarnation(), 1);
    let counts = counter.counts();
    assert_eq!((counts.failed, counts.undelivered), (1, 0), "{counts}");
}

fn crashed_at_the_end(stage: &mut Stage) {
    let counter = stage.spawn_restarting(Counter::default, Mailbox::bounded(2), 1);
    stage.tell(&counter, Command::Fail);
    stage.tell(&counter, Command::Add(1));
}

fn drained(stage: &mut Stage) {
    let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
    let drainer = counter.clone();
    stage.thread(move |_| drainer.drain());
    let told = stage.wait(counter.tell(Command::Add(1)));
    if let Err(refused) = &told {
        assert!(
            matches!(refused, TellError::Closed(Command::Add(1))),
            "{refused:?}"
        );
    }
    let exit = stage.wait(counter.closed());
    assert!(matches!(exit, Exit::Normal), "{exit:?} instead of normal");
    let counts = counter.counts();
    assert_eq!(counts.handled, u64::from(told.is_ok()), "{counts}");
}

fn paused(stage: &mut Stage) {
    let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
    let pauser = counter.clone();
    stage.thread(move |_| {
        pauser.pause();
        pauser.resume();
    });
    assert_eq!(stage.ask(&counter, Command::Total), 0);
    stage.finish();
    assert_eq!(stage.ask(&counter, Command::Total), 0);
    assert_ne!(counter.state(), Lifecycle::Maintenance);
}

fn paused_and_crashed(stage: &mut Stage) {
    let counter = stage.spawn_restarting(Counter::default, Mailbox::bounded(1), 1);
    let pauser = counter.clone();
    stage.thread(move |_| {
        pauser.pause();
        pauser.resume();
    });
    stage.tell(&counter, Command::Fail);
    assert_eq!(stage.ask(&counter, Command::Total), 0);
}

/// Watches another actor from its start, and ends when it hears of its end.
struct Watcher(ActorRef<Command>);

impl Actor for Watcher {
    type Msg = Down;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        cx.watch(&self.0, |down| down);
        Ok(Started::Ready)
    }

    async fn handle(&mut self, down: Down, cx: &mut Context<Self>) -> Result<(), BoxError> {
        assert_eq!(down.id, self.0.id());
        cx.stop();
        Ok(())
    }
}

fn watched(stage: &mut Stage) {
    let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
    let other = counter.clone();
    let watcher = stage.spawn(move || Watcher(other.clone()), Mailbox::bounded(1));
    counter.stop();
    let exit = stage.wait(watcher.closed());
    assert!(matches!(exit, Exit::Normal), "{exit:?} instead of normal");
}

fn blocking(stage: &mut Stage) {
    let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
    let other = counter.clone();
    stage.thread(move |_| {
        for _ in 0..2 {
            assert!(other.tell_blocking(Command::Add(1)).is_ok());
        }
    });
    stage.finish();
    assert_eq!(stage.ask(&counter, Command::Total), 2);
}
