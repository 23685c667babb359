use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use callboard::actor::{CheckOutcome, EventStream, Health, InvalidSpec, Unhealthy};
use callboard::policy::health::InvalidHealthCheck;
use callboard::prelude::*;

use crate::common::{idle, pass, quiet, soon, system};

/// What the check hook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    Pass,
    Fail,
    Panic,
    Hang,
}

/// What a test decides about its patient, and sees of it.
#[derive(Clone)]
struct Chart {
    check: Arc<Mutex<Check>>,
    /// Checks since the one of the start.
    checks: Arc<AtomicUsize>,
    hangs_in_stop: Arc<Mutex<bool>>,
}

impl Chart {
    fn new(check: Check) -> Self {
        quiet();
        Self {
            check: Arc::new(Mutex::new(check)),
            checks: Arc::default(),
            hangs_in_stop: Arc::default(),
        }
    }

    fn set(&self, check: Check) {
        *self.check.lock().unwrap() = check;
    }

    fn checks(&self) -> usize {
        self.checks.load(SeqCst)
    }

    /// A patient that is checked every 10 s.
    fn spec(&self) -> ChildSpec<Patient> {
        let chart = self.clone();
        ChildSpec::new("a", move || Patient {
            chart: chart.clone(),
            is_started: false,
            seen: Vec::new(),
        })
        .health_check(HealthCheck::every(secs(10)).timeout(secs(1)).failures(3))
        .mailbox(2)
    }
}

struct Patient {
    chart: Chart,
    is_started: bool,
    seen: Vec<u32>,
}

enum Command {
    Note(u32),
    Seen(Reply<Vec<u32>>),
    /// Works for so long.
    Work(Duration),
    /// Declares this about itself.
    Declare(Lifecycle),
    Fail,
}

impl Actor for Patient {
    type Msg = Command;

    async fn check(&mut self, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        if !std::mem::replace(&mut self.is_started, true) {
            return Ok(());
        }
        self.chart.checks.fetch_add(1, SeqCst);
        let check = *self.chart.check.lock().unwrap();
        match check {
            Check::Pass => Ok(()),
            Check::Fail => Err("scripted illness".into()),
            Check::Panic => panic!("scripted panic"),
            Check::Hang => std::future::pending().await,
        }
    }

    async fn handle(&mut self, msg: Command, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Command::Note(n) => self.seen.push(n),
            Command::Seen(reply_to) => reply_to.send(self.seen.clone()),
            Command::Work(time) => tokio::time::sleep(time).await,
            Command::Declare(state) => cx.declare(state)?,
            Command::Fail => return Err("scripted failure".into()),
        }
        Ok(())
    }

    async fn stop(&mut self, _exit: &Exit, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        let hangs = *self.chart.hangs_in_stop.lock().unwrap();
        if hangs {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

fn health(actor: &ActorRef<Command>) -> Health {
    actor.health().expect("it is checked")
}

/// What was announced about its health, in words.
fn news(events: &mut EventStream) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(event) = events.try_next() {
        if !matches!(event, Event::Started { .. } | Event::DeadLetter(_)) {
            lines.push(event.to_string().replace("t/a", "it"));
        }
    }
    lines
}

/// The typed reason of an end.
fn reason(exit: &Exit) -> Unhealthy {
    match exit {
        Exit::Failed(error) => error
            .downcast_ref::<Unhealthy>()
            .expect("its health is the reason")
            .clone(),
        other => panic!("it ended otherwise: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn b8_a_well_actor_is_checked_at_each_period_and_nothing_else_happens() {
    let (system, chart) = (system(), Chart::new(Check::Pass));
    let actor = system.spawn(chart.spec()).await.unwrap();
    let mut events = system.events();
    assert_eq!(
        (health(&actor).checks, health(&actor).last_check),
        (0, None)
    );
    let began = system.now();
    pass(secs(9)).await;
    assert_eq!(chart.checks(), 0);
    pass(secs(2)).await;
    assert_eq!(chart.checks(), 1);
    let record = health(&actor);
    assert_eq!((record.checks, record.failures), (1, 0));
    assert_eq!(record.state, Lifecycle::Ready);
    assert!(record.outcome.unwrap().is_passed());
    let at = record.last_check.unwrap() - began;
    assert!(at >= secs(10) && at < secs(11), "{at:?}");
    pass(secs(20)).await;
    assert_eq!(chart.checks(), 3);
    assert_eq!(news(&mut events), [""; 0]);
    assert_eq!(actor.counts().accepted, 0, "no part of the mailbox's books");
}

#[tokio::test(start_paused = true)]
async fn b8_a_failed_check_is_an_error_and_a_good_one_a_recovery_that_is_noticed() {
    for (check, why) in [
        (Check::Fail, "failed: scripted illness"),
        (Check::Panic, "panicked: scripted panic"),
        (Check::Hang, "no answer in time"),
    ] {
        let (system, chart) = (system(), Chart::new(check));
        let actor = system.spawn(chart.spec()).await.unwrap();
        let mut events = system.events();
        let mut watch = actor.watch_state();
        pass(secs(12)).await;
        assert_eq!(actor.state(), Lifecycle::Error, "{check:?}");
        let record = health(&actor);
        assert_eq!((record.state, record.failures), (Lifecycle::Error, 1));
        assert_eq!(record.outcome.unwrap().to_string(), why);
        // It goes on with its messages.
        actor.tell(Command::Note(1)).await.unwrap();
        assert_eq!(soon(actor.ask(Command::Seen)).await.unwrap(), [1]);
        chart.set(Check::Pass);
        pass(secs(12)).await;
        assert_eq!(actor.state(), Lifecycle::Ready, "{check:?}");
        assert_eq!((health(&actor).failures, health(&actor).checks), (0, 2));
        assert_eq!(
            news(&mut events),
            [
                "state of it: ready -> error".to_owned(),
                format!("check of it failed (1): {why}"),
                "state of it: error -> ready".to_owned(),
                "recovered it after 1".to_owned(),
            ],
        );
        let states: Vec<_> = std::iter::from_fn(|| watch.try_next())
            .map(|transition| transition.to_string())
            .collect();
        assert_eq!(states, ["ready -> error", "error -> ready"]);
        assert_eq!(actor.incarnation(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn b8_too_many_failures_in_a_row_end_the_life_and_the_restart_rule_applies() {
    for check in [Check::Fail, Check::Panic, Check::Hang] {
        let (system, chart) = (system(), Chart::new(check));
        let spec = chart.spec().restart(Restart::Transient);
        let actor = system.spawn(spec).await.unwrap();
        actor.maintain(Overflow::Block);
        actor.tell(Command::Note(1)).await.unwrap();
        actor.resume();
        pass(secs(25)).await;
        assert_eq!((actor.incarnation(), health(&actor).failures), (0, 2));
        pass(secs(15)).await;
        assert_eq!(actor.incarnation(), 1, "{check:?}: a new life");
        assert_eq!(actor.state(), Lifecycle::Ready);
        let record = health(&actor);
        assert_eq!((record.failures, record.checks), (0, 3), "{check:?}");
        assert!(!record.outcome.unwrap().is_passed(), "the last one");
        let last = system.tree().children[0].last_error.clone().unwrap();
        assert!(last.contains("3 health checks in a row failed"), "{last}");
    }
}

#[tokio::test(start_paused = true)]
async fn b8_the_reason_of_such_an_end_is_typed() {
    for check in [Check::Fail, Check::Hang] {
        let (system, chart) = (system(), Chart::new(check));
        let spec = chart.spec().restart(Restart::Temporary);
        let actor = system.spawn(spec).await.unwrap();
        let exit = soon(actor.closed()).await;
        let why = reason(&exit);
        assert_eq!(why.failures, 3);
        match check {
            Check::Hang => assert!(matches!(why.last, CheckOutcome::TimedOut)),
            _ => assert!(matches!(why.last, CheckOutcome::Failed(_))),
        }
        pass(secs(100)).await;
        assert_eq!(chart.checks(), 3, "nobody is checked any more");
    }
}

#[tokio::test(start_paused = true)]
async fn b8_an_actor_stuck_in_a_handler_is_found_out_and_killed() {
    let (system, chart) = (system(), Chart::new(Check::Pass));
    let mut events = system.events();
    let actor = system.spawn(chart.spec()).await.unwrap();
    actor.tell(Command::Work(secs(1_000_000))).await.unwrap();
    actor.tell(Command::Note(2)).await.unwrap();
    pass(secs(12)).await;
    assert_eq!(actor.state(), Lifecycle::Error);
    assert!(matches!(
        health(&actor).outcome,
        Some(CheckOutcome::TimedOut)
    ));
    pass(secs(25)).await;
    assert_eq!(actor.incarnation(), 1);
    assert_eq!(chart.checks(), 0, "the hook never had a chance");
    assert_eq!(soon(actor.ask(Command::Seen)).await.unwrap(), [2]);
    let ends: Vec<_> = news(&mut events)
        .into_iter()
        .filter(|line| line.starts_with("crashed"))
        .collect();
    assert_eq!(
        ends,
        ["crashed it#0: failed: 3 health checks in a row failed, the last: no answer in time"]
    );
}

#[tokio::test(start_paused = true)]
async fn b8_a_handler_that_takes_less_than_the_timeout_is_no_failure() {
    let (system, chart) = (system(), Chart::new(Check::Pass));
    let actor = system.spawn(chart.spec()).await.unwrap();
    pass(ms(9_500)).await;
    actor.tell(Command::Work(secs(1))).await.unwrap();
    pass(secs(1)).await;
    idle().await;
    assert_eq!((health(&actor).checks, health(&actor).failures), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn b8_a_check_that_is_given_up_holds_no_message_up() {
    let (system, chart) = (system(), Chart::new(Check::Hang));
    let actor = system.spawn(chart.spec()).await.unwrap();
    pass(ms(10_500)).await;
    assert_eq!(chart.checks(), 1, "it hangs in its check");
    let asked = system.now();
    assert_eq!(soon(actor.ask(Command::Seen)).await.unwrap(), [0; 0]);
    assert!(system.now() - asked < secs(1));
}

#[tokio::test(start_paused = true)]
async fn b8_a_check_that_hangs_gives_room_back_and_can_be_killed() {
    let (system, chart) = (system(), Chart::new(Check::Hang));
    let spec = chart.spec().mailbox(1).restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    actor.tell(Command::Note(1)).await.unwrap();
    pass(ms(10_500)).await;
    assert_eq!(actor.counts().in_hand, 0);
    actor.kill();
    assert!(matches!(soon(actor.closed()).await, Exit::Killed));
}

#[tokio::test(start_paused = true)]
async fn b8_a_check_in_the_middle_of_a_burst_gives_room_back_first() {
    let (system, chart) = (system(), Chart::new(Check::Hang));
    let spec = chart.spec().mailbox(64);
    let actor = spec.actor_ref();
    // Taken in one go, and booked in chunks.
    actor.try_tell(Command::Work(ms(10_500))).ok().unwrap();
    for n in 0..63 {
        actor.try_tell(Command::Note(n)).ok().unwrap();
    }
    let began = system.now();
    system.spawn(spec).await.unwrap();
    // The check begins after 10.5 s and is given up after 11.
    soon(actor.tell(Command::Note(64))).await.unwrap();
    assert!(system.now() - began < secs(11));
    assert_eq!(chart.checks(), 1);
}

#[tokio::test(start_paused = true)]
async fn b8_who_answers_is_asked_to_stop_and_killed_if_that_takes_too_long() {
    let (system, chart) = (system(), Chart::new(Check::Fail));
    *chart.hangs_in_stop.lock().unwrap() = true;
    let spec = chart.spec().restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    pass(secs(30)).await;
    idle().await;
    assert!(!actor.is_closed(), "its stop hook runs");
    pass(secs(1)).await;
    assert!(actor.is_closed());
    assert_eq!(reason(&soon(actor.closed()).await).failures, 3);
}

#[tokio::test(start_paused = true)]
async fn b8_nobody_is_checked_in_a_pause_and_a_check_that_meets_one_does_not_count() {
    let (system, chart) = (system(), Chart::new(Check::Fail));
    let actor = system.spawn(chart.spec()).await.unwrap();
    actor.pause();
    pass(secs(95)).await;
    assert_eq!((chart.checks(), health(&actor).checks), (0, 0));
    actor.resume();
    pass(secs(10)).await;
    assert_eq!(health(&actor).checks, 1);
    chart.set(Check::Hang);
    pass(ms(5_500)).await;
    assert_eq!(chart.checks(), 2, "under way");
    actor.pause();
    pass(secs(2)).await;
    assert_eq!(health(&actor).checks, 1, "it does not count");
}

#[tokio::test(start_paused = true)]
async fn b8_an_error_that_the_actor_declared_ends_with_a_good_check() {
    let (system, chart) = (system(), Chart::new(Check::Pass));
    let actor = system.spawn(chart.spec()).await.unwrap();
    actor
        .tell(Command::Declare(Lifecycle::Error))
        .await
        .unwrap();
    idle().await;
    assert_eq!(actor.state(), Lifecycle::Error);
    pass(secs(10)).await;
    assert_eq!(actor.state(), Lifecycle::Ready);
    actor.tell(Command::Declare(Lifecycle::Busy)).await.unwrap();
    pass(secs(10)).await;
    assert_eq!(actor.state(), Lifecycle::Busy, "a busy actor stays so");
}

#[tokio::test(start_paused = true)]
async fn b8_a_long_stop_hook_is_no_failure() {
    for how in ["stop", "fail"] {
        let (system, chart) = (system(), Chart::new(Check::Pass));
        *chart.hangs_in_stop.lock().unwrap() = true;
        let spec = chart.spec().restart(Restart::Temporary);
        let actor = system.spawn(spec).await.unwrap();
        match how {
            "stop" => actor.stop(),
            _ => actor.tell(Command::Fail).await.unwrap(),
        }
        pass(secs(100)).await;
        assert_eq!(health(&actor).checks, 0, "{how}");
        assert!(!actor.is_closed(), "{how}: nobody has killed it");
        actor.kill();
        assert!(matches!(soon(actor.closed()).await, Exit::Killed));
    }
}

#[tokio::test(start_paused = true)]
async fn b8_a_new_life_is_checked_anew_and_the_record_goes_on() {
    let (system, chart) = (system(), Chart::new(Check::Fail));
    let actor = system.spawn(chart.spec()).await.unwrap();
    pass(secs(12)).await;
    actor.kill();
    idle().await;
    let record = health(&actor);
    assert_eq!((record.checks, record.failures), (1, 0));
    chart.set(Check::Pass);
    pass(secs(9)).await;
    assert_eq!(health(&actor).checks, 1, "a period after the new start");
    pass(secs(2)).await;
    assert_eq!(health(&actor).checks, 2);
}

#[tokio::test(start_paused = true)]
async fn b8_no_timer_and_no_task_is_left_after_the_life_or_the_system() {
    let metrics = tokio::runtime::Handle::current().metrics();
    let (system, chart) = (system(), Chart::new(Check::Pass));
    let plain = chart.spec().restart(Restart::Temporary);
    let actor = system.spawn(plain).await.unwrap();
    idle().await;
    let with = metrics.num_alive_tasks();
    actor.stop();
    soon(actor.closed()).await;
    idle().await;
    assert_eq!(
        metrics.num_alive_tasks(),
        with - 2,
        "the actor and its check"
    );
    system.spawn(chart.spec()).await.unwrap();
    system.shutdown(secs(1)).await.unwrap();
    drop(system);
    idle().await;
    assert_eq!(metrics.num_alive_tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn b8_who_is_not_checked_has_no_record() {
    let system = system();
    let actor = system.spawn(crate::common::probe("a")).await.unwrap();
    assert!(actor.health().is_none());
    assert!(system.tree().children[0].health.is_none());
}

#[tokio::test(start_paused = true)]
async fn b8_children_of_a_template_are_checked_too() {
    let (system, chart) = (system(), Chart::new(Check::Fail));
    let team = Supervisor::dynamic("team").start(&system).await.unwrap();
    let shared = chart.clone();
    let template = ChildTemplate::new("a", move || Patient {
        chart: shared.clone(),
        is_started: false,
        seen: Vec::new(),
    })
    .health_check(HealthCheck::every(secs(10)));
    team.start_children(&template, 2).await.unwrap();
    pass(secs(12)).await;
    assert_eq!(chart.checks(), 2);
}

#[tokio::test(start_paused = true)]
async fn b8_the_tree_shows_the_record() {
    let (system, chart) = (system(), Chart::new(Check::Fail));
    system.spawn(chart.spec()).await.unwrap();
    pass(secs(12)).await;
    let tree = system.tree();
    let shown = tree.children[0].health.as_ref().unwrap();
    assert_eq!((shown.checks, shown.failures), (1, 1));
    assert_eq!(shown.outcome.as_deref(), Some("failed: scripted illness"));
    let age = shown.age.unwrap();
    assert!(age >= secs(1) && age < secs(3), "{age:?}");
    let text = tree.to_string();
    assert!(text.contains("checks failed 1"), "{text}");
    let json = serde_json::to_string(&tree).unwrap();
    let back: callboard::supervision::Node = serde_json::from_str(&json).unwrap();
    assert_eq!(back, tree);
}

#[tokio::test(start_paused = true)]
async fn b8_settings_that_make_no_sense_refuse_the_start() {
    let (system, chart) = (system(), Chart::new(Check::Pass));
    let spec = chart.spec().health_check(HealthCheck::every(secs(0)));
    let refused = system.spawn(spec).await.unwrap_err();
    assert!(matches!(
        refused,
        StartError::Invalid(InvalidSpec::HealthCheck(InvalidHealthCheck::NoPeriod))
    ));
}
