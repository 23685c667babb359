use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use callboard::prelude::*;

use crate::common::{Trace, idle, soon, system};

/// Counts what it is told, and keeps the count.
struct Keeper {
    trace: Trace,
    total: u64,
    /// What the start hook does with what it has.
    start: fn(&mut Keeper, &mut Context<Keeper>) -> Result<Started, BoxError>,
}

enum Command {
    /// Adds, and keeps the sum.
    Add(u64),
    /// Adds, and keeps nothing.
    Lose(u64),
    Forget,
    Total(Reply<u64>),
    Fail,
    Panic,
}

impl Actor for Keeper {
    type Msg = Command;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        self.trace.note(format!("start {}", self.total));
        (self.start)(self, cx)
    }

    async fn handle(&mut self, msg: Command, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Command::Add(n) => {
                self.total += n;
                cx.keep(Kept {
                    total: self.total,
                    trace: self.trace.clone(),
                });
            }
            Command::Lose(n) => self.total += n,
            Command::Forget => cx.forget_kept(),
            Command::Total(reply_to) => reply_to.send(self.total),
            Command::Fail => return Err("scripted failure".into()),
            Command::Panic => panic!("scripted panic"),
        }
        Ok(())
    }
}

/// Says when it is dropped.
struct Kept {
    total: u64,
    trace: Trace,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.trace.note(format!("drop {}", self.total));
    }
}

impl Checkpointed for Keeper {
    type Checkpoint = Kept;

    fn restore(&mut self, kept: &Kept, cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.trace.note(format!("restore {}", kept.total));
        assert!(
            cx.incarnation() > 0,
            "the first life has nothing to restore"
        );
        if kept.total == 13 {
            return Err("scripted restore".into());
        }
        self.total = kept.total;
        Ok(())
    }
}

type Start = fn(&mut Keeper, &mut Context<Keeper>) -> Result<Started, BoxError>;

fn keeper(trace: &Trace, start: Start) -> ChildSpec<Keeper> {
    let trace = trace.clone();
    ChildSpec::new("a", move || Keeper {
        trace: trace.clone(),
        total: 0,
        start,
    })
}

fn ready(_: &mut Keeper, _: &mut Context<Keeper>) -> Result<Started, BoxError> {
    Ok(Started::Ready)
}

#[tokio::test(start_paused = true)]
async fn b7_what_is_kept_is_restored_before_the_start_however_the_life_ended() {
    for how in ["fail", "panic", "kill", "stop"] {
        let (system, trace) = (system(), Trace::default());
        let actor = system.spawn(keeper(&trace, ready)).await.unwrap();
        actor.tell(Command::Add(2)).await.unwrap();
        actor.tell(Command::Add(3)).await.unwrap();
        actor.tell(Command::Lose(90)).await.unwrap();
        match how {
            "fail" => actor.tell(Command::Fail).await.unwrap(),
            "panic" => actor.tell(Command::Panic).await.unwrap(),
            "kill" => {
                idle().await;
                actor.kill();
            }
            _ => {
                idle().await;
                actor.stop();
            }
        }
        idle().await;
        assert_eq!(actor.ask(Command::Total).await.unwrap(), 5, "{how}");
        assert_eq!(
            trace.seen(),
            ["start 0", "drop 2", "restore 5", "start 5"],
            "{how}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn b7_nothing_kept_or_forgotten_is_nothing_restored() {
    let (system, trace) = (system(), Trace::default());
    let actor = system.spawn(keeper(&trace, ready)).await.unwrap();
    actor.kill();
    idle().await;
    actor.tell(Command::Add(1)).await.unwrap();
    actor.tell(Command::Forget).await.unwrap();
    actor.tell(Command::Fail).await.unwrap();
    assert_eq!(actor.ask(Command::Total).await.unwrap(), 0);
    assert_eq!(trace.seen(), ["start 0", "start 0", "drop 1", "start 0"]);
}

#[tokio::test(start_paused = true)]
async fn b7_a_checkpoint_survives_starts_that_fail() {
    static STARTS: AtomicUsize = AtomicUsize::new(0);
    let (system, trace) = (system(), Trace::default());
    let spec = keeper(&trace, |_, _| match STARTS.fetch_add(1, SeqCst) {
        1 => Err("scripted failure".into()),
        2 => panic!("scripted panic"),
        _ => Ok(Started::Ready),
    });
    let actor = system.spawn(spec).await.unwrap();
    actor.tell(Command::Add(7)).await.unwrap();
    actor.tell(Command::Fail).await.unwrap();
    assert_eq!(soon(actor.ask(Command::Total)).await.unwrap(), 7);
    assert_eq!(actor.restarts(), 3);
}

#[tokio::test(start_paused = true)]
async fn b7_a_checkpoint_that_may_be_the_reason_for_the_crashes_is_dropped() {
    let (system, trace) = (system(), Trace::default());
    let mut events = system.events();
    let actor = system.spawn(keeper(&trace, ready)).await.unwrap();
    actor.tell(Command::Add(7)).await.unwrap();
    for _ in 0..3 {
        actor.tell(Command::Fail).await.unwrap();
        assert_eq!(actor.ask(Command::Total).await.unwrap(), 7);
    }
    actor.tell(Command::Panic).await.unwrap();
    assert_eq!(actor.ask(Command::Total).await.unwrap(), 0, "afresh");
    assert_eq!(trace.count("restore 7"), 3, "the default");
    assert_eq!(trace.count("drop 7"), 1);
    let mut dropped = Vec::new();
    while let Some(event) = events.try_next() {
        if matches!(event, Event::CheckpointDropped { .. }) {
            dropped.push(event.to_string());
        }
    }
    assert_eq!(dropped, ["dropped the checkpoint of t/a after 3"]);
}

#[tokio::test(start_paused = true)]
async fn b7_a_checkpoint_that_cannot_be_restored_does_not_crash_for_ever() {
    let (system, trace) = (system(), Trace::default());
    let actor = system.spawn(keeper(&trace, ready)).await.unwrap();
    actor.tell(Command::Add(13)).await.unwrap();
    actor.tell(Command::Fail).await.unwrap();
    assert_eq!(soon(actor.ask(Command::Total)).await.unwrap(), 0);
    assert_eq!(trace.count("restore 13"), 3);
    assert_eq!(actor.restarts(), 4);
}

#[tokio::test(start_paused = true)]
async fn b7_a_start_hook_that_keeps_what_it_got_does_not_hide_a_poison() {
    let (system, trace) = (system(), Trace::default());
    let spec = keeper(&trace, |keeper, cx| {
        if keeper.total > 0 {
            cx.keep(Kept {
                total: keeper.total,
                trace: keeper.trace.clone(),
            });
        }
        Ok(Started::Ready)
    });
    let actor = system.spawn(spec).await.unwrap();
    actor.tell(Command::Add(7)).await.unwrap();
    for _ in 0..4 {
        actor.tell(Command::Fail).await.unwrap();
    }
    assert_eq!(actor.ask(Command::Total).await.unwrap(), 0);
    assert_eq!(trace.count("restore 7"), 3);
}

#[tokio::test(start_paused = true)]
async fn b7_a_life_that_does_well_is_no_part_of_the_row() {
    for how in ["keeps", "stops"] {
        let (system, trace) = (system(), Trace::default());
        let actor = system.spawn(keeper(&trace, ready)).await.unwrap();
        actor.tell(Command::Add(1)).await.unwrap();
        for _ in 0..3 {
            actor.tell(Command::Fail).await.unwrap();
        }
        let total = match how {
            "keeps" => {
                actor.tell(Command::Add(1)).await.unwrap();
                2
            }
            _ => {
                idle().await;
                actor.stop();
                idle().await;
                1
            }
        };
        for _ in 0..2 {
            actor.tell(Command::Fail).await.unwrap();
        }
        assert_eq!(actor.ask(Command::Total).await.unwrap(), total, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn b7_what_is_kept_goes_when_the_actor_ends_for_good() {
    let (system, trace) = (system(), Trace::default());
    let spec = keeper(&trace, ready).restart(Restart::Transient);
    let actor = spec.actor_ref();
    let team = Supervisor::new("team")
        .child(spec)
        .start(&system)
        .await
        .unwrap();
    actor.tell(Command::Add(1)).await.unwrap();
    idle().await;
    team.terminate_child("a").await.unwrap();
    soon(actor.closed()).await;
    assert_eq!(trace.take(), ["start 0", "drop 1"]);
    team.restart_child("a").await.unwrap();
    assert_eq!(actor.ask(Command::Total).await.unwrap(), 0);
    assert_eq!(trace.take(), ["start 0"]);
}

/// As [`Keeper`], trusting its checkpoint less.
struct Wary(Arc<AtomicUsize>);

impl Actor for Wary {
    type Msg = Command;

    async fn handle(&mut self, _msg: Command, cx: &mut Context<Self>) -> Result<(), BoxError> {
        if cx.incarnation() == 0 {
            cx.keep(());
        }
        Err("scripted failure".into())
    }
}

impl Checkpointed for Wary {
    type Checkpoint = ();
    const RESTORED_AT_MOST: u32 = 1;

    fn restore(&mut self, _kept: &(), _cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.0.fetch_add(1, SeqCst);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn b7_an_actor_says_how_often_its_checkpoint_is_restored() {
    let system = system();
    let restores = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&restores);
    let spec = ChildSpec::new("a", move || Wary(Arc::clone(&counted)));
    let actor = system.spawn(spec).await.unwrap();
    for _ in 0..4 {
        actor.tell(Command::Fail).await.unwrap();
    }
    idle().await;
    assert_eq!((actor.restarts(), restores.load(SeqCst)), (4, 1));
}
