//! D23: what hurts is impossible, refused, warned of, or has a better way.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use callboard::actor::{EventStream, Lint, Request};
use callboard::coordination::task::TaskRecord;
use callboard::coordination::{Hub, hub, iterate, pipeline, scatter};
use callboard::prelude::*;
use callboard::supervision::lint::{LintConfig, Linter};
use callboard::testing::{Script, quiet_panics};

fn adds(name: impl Into<Arc<str>>) -> WorkerRef<u32, u32> {
    WorkerRef::from_fn(name, |n: u32| async move { Ok(n + 1) })
}

/// A hub with so many spokes, each of which has so many skills.
fn desk(
    spokes: usize,
    skills: usize,
) -> Hub<u32, u32, u32, callboard::coordination::hub::HubReport<u32>> {
    let plan = WorkerRef::from_fn("plan", |n: u32| async move {
        Ok(vec![TaskRecord::new("add", "skill-0", n)])
    });
    let skills: Vec<_> = (0..skills).map(|at| format!("skill-{at}")).collect();
    (0..spokes).fold(hub("desk", plan), |desk, at| {
        let skills = callboard::policy::choice::Skills::of(skills.clone());
        desk.spoke(format!("spoke-{at}"), skills, adds("adds"))
    })
}

fn lints(events: &mut EventStream) -> Vec<Lint> {
    let mut all = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::Lint { lint, .. } = event {
            all.push(lint);
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn d23_a_hub_that_directs_too_many_is_warned_of() {
    let system = System::new("t");
    let mut events = system.events();
    desk(20, 1).start(&system).await.unwrap();
    assert_eq!(lints(&mut events), []);
    let system = System::new("t");
    let mut events = system.events();
    desk(21, 1).start(&system).await.unwrap();
    assert_eq!(lints(&mut events), [Lint::TooManySpokes { spokes: 21 }]);
}

#[tokio::test(start_paused = true)]
async fn d23_an_agent_that_can_do_everything_is_warned_of() {
    let system = System::new("t");
    let mut events = system.events();
    desk(2, 11).start(&system).await.unwrap();
    let agents = ["spoke-0", "spoke-1"].map(|agent| Lint::TooManySkills {
        agent: agent.into(),
        skills: 11,
    });
    assert_eq!(lints(&mut events), agents);
}

#[tokio::test(start_paused = true)]
async fn d23_a_pattern_around_one_worker_is_warned_of() {
    let system = System::new("t");
    let mut events = system.events();
    scatter([adds("a")]).start(&system, "one").await.unwrap();
    desk(1, 1).start(&system).await.unwrap();
    scatter([adds("a"), adds("b")])
        .start(&system, "two")
        .await
        .unwrap();
    assert_eq!(
        lints(&mut events),
        [Lint::NothingToOrchestrate, Lint::NothingToOrchestrate]
    );
}

#[tokio::test(start_paused = true)]
async fn d23_whoever_has_the_capability_is_asked_and_not_one_agent_by_its_id() {
    let system = System::new("t");
    let bad = Script::new().fault(Fault::permanent("down"));
    let bad: WorkerRef<u32, u32> = system
        .spawn(ChildSpec::new("a", bad.worker()))
        .await
        .unwrap()
        .into();
    let plan = WorkerRef::from_fn("plan", |n: u32| async move {
        Ok(vec![TaskRecord::new("add", "count", n)])
    });
    let desk = hub("desk", plan)
        .spoke("a", ["count"], bad)
        .spoke("b", ["count"], adds("b"))
        .attempts(2)
        .start(&system)
        .await
        .unwrap();
    let report = desk.ask(1).await.unwrap().value;
    assert_eq!(report.answer("add"), Some(&2));
}

/// Handles a message in so much time.
struct Slow(Duration);

impl Actor for Slow {
    type Msg = ();

    async fn handle(&mut self, (): (), _: &mut Context<Self>) -> Result<(), BoxError> {
        tokio::time::sleep(self.0).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn d23_an_actor_behind_which_all_wait_is_found_while_it_runs() {
    let system = System::new("t");
    let mut events = system.events();
    let linter = Linter::start(&system, LintConfig::default()).await.unwrap();
    let slow = system.spawn(ChildSpec::new("slow", || Slow(secs(1))).mailbox(2));
    let slow = slow.await.unwrap();
    let sender = tokio::spawn(async move {
        for _ in 0..60 {
            slow.tell(()).await.unwrap();
        }
    });
    tokio::time::sleep(secs(25)).await;
    assert_eq!(lints(&mut events), [Lint::Bottleneck { capacity: 2 }]);
    assert_eq!(&*linter.findings()[0].path, "t/slow");
    sender.abort();
}

#[tokio::test(start_paused = true)]
async fn d23_a_finding_is_told_once_and_again_when_it_comes_back() {
    let system = System::new("t");
    let mut events = system.events();
    let config = LintConfig::default();
    let linter = Linter::start(&system, config).await.unwrap();
    let stuck = system.spawn(ChildSpec::new("stuck", || Slow(secs(100))).mailbox(4));
    let stuck = stuck.await.unwrap();
    stuck.tell(()).await.unwrap();
    stuck.tell(()).await.unwrap();
    tokio::time::sleep(secs(95)).await;
    assert_eq!(lints(&mut events), [Lint::Stalled { waiting: 2 }], "once");
    // It goes on at 100 s, and handles nothing after that for as long again.
    tokio::time::sleep(secs(60)).await;
    assert_eq!(lints(&mut events), [Lint::Stalled { waiting: 1 }], "again");
    assert_eq!(linter.findings().len(), 2);
    linter.stop();
    tokio::time::sleep(secs(500)).await;
    assert_eq!(lints(&mut events), []);
}

#[tokio::test(start_paused = true)]
async fn d23_a_system_that_nobody_watches_is_found() {
    let system = System::new("t");
    let linter = Linter::start(&system, LintConfig::default()).await.unwrap();
    tokio::time::sleep(secs(11)).await;
    let findings = linter.findings();
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (&*findings[0].path, &findings[0].lint),
        ("t", &Lint::Unobserved)
    );
}

#[tokio::test(start_paused = true)]
async fn d23_the_context_of_a_request_is_there_without_being_passed() {
    let system = System::new("t");
    let inner = WorkerRef::from_fn("inner", |_: u32| async move {
        Ok(Request::in_force().deadline().is_some())
    });
    let line = pipeline("line")
        .then("outer", adds("outer"))
        .then("inner", inner);
    let line = line.start(&system).await.unwrap();
    assert!(line.ask(1).deadline(secs(3)).await.unwrap().value);
}

#[tokio::test(start_paused = true)]
async fn d23_state_is_an_actors_own_and_a_crash_does_not_hide_it() {
    quiet_panics();
    let lives = Arc::new(AtomicU32::new(0));
    struct Counter(u32);
    enum Command {
        Add,
        Fail,
        Total(Reply<u32>),
    }
    impl Actor for Counter {
        type Msg = Command;
        async fn handle(&mut self, msg: Command, _: &mut Context<Self>) -> Result<(), BoxError> {
            match msg {
                Command::Add => self.0 += 1,
                Command::Fail => panic!("scripted"),
                Command::Total(reply_to) => reply_to.send(self.0),
            }
            Ok(())
        }
    }
    let system = System::new("t");
    let made = Arc::clone(&lives);
    let counter = ChildSpec::new("counter", move || {
        made.fetch_add(1, SeqCst);
        Counter(0)
    });
    let counter = system.spawn(counter).await.unwrap();
    for msg in [Command::Add, Command::Fail, Command::Add] {
        counter.tell(msg).await.unwrap();
    }
    // Nothing of the first life leaks into the second, unless it is checkpointed.
    assert_eq!(counter.ask(Command::Total).await.unwrap(), 1);
    assert_eq!(lives.load(SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn d23_there_is_no_loop_and_no_queue_without_a_bound() {
    let system = System::new("t");
    let worse = iterate(adds("worse"), |n| f64::from(*n)).start(&system, "loop");
    let worse = worse.await.unwrap();
    assert_eq!(
        worse.ask(0).await.unwrap().value,
        10,
        "ten at most, unless said"
    );
    let endless = system.spawn(ChildSpec::new("slow", || Slow(secs(1))).mailbox(0));
    assert!(matches!(endless.await, Err(StartError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn d23_there_is_no_actor_without_a_supervisor_and_no_step_without_an_event() {
    quiet_panics();
    let system = System::new("t");
    let mut events = system.events();
    let script = Script::new().panic("scripted").answer(1);
    let worker: WorkerRef<u32, u32> = system
        .spawn(ChildSpec::new("a", script.worker()))
        .await
        .unwrap()
        .into();
    let line = pipeline("line")
        .then_retry("a", worker, 2)
        .start(&system)
        .await
        .unwrap();
    assert_eq!(line.ask(1).await.unwrap().value, 1);
    assert_eq!(system.restarts(), 1);
    let mut steps = 0;
    while let Some(event) = events.try_next() {
        steps += u32::from(matches!(event, Event::Step { .. }));
    }
    assert_eq!(steps, 2, "retried, and done");
}
