//! B9: the breaker at a child's door.

use callboard::actor::{InvalidSpec, WorkerCommand};
use callboard::policy::breaker::{Cause, InvalidBreaker, State};
use callboard::supervision::{ChildError, ChildState};
use callboard::testing;

use super::*;
use crate::common::{Msg, Step, deed, idle, pass, poll_once, quiet, soon, system};

/// Opens at the second failure in a row, for ten seconds; one probe closes it.
fn two_strikes() -> callboard::policy::breaker::BreakerConfig {
    Breaker::consecutive(2)
        .open_for(secs(10))
        .success_threshold(1)
}

fn state(actor: &ActorRef<Msg>) -> State {
    actor.breaker().expect("it has one").state()
}

/// Asks in a way that makes the handler panic.
async fn ask_to_panic(actor: &ActorRef<Msg>) -> AskError<Msg> {
    let asked = actor.ask(|reply_to: Reply<()>| {
        deed(move |_, _| {
            let _asker = reply_to;
            panic!("scripted panic")
        })
    });
    asked.await.expect_err("nobody answers")
}

/// A question that is never answered.
fn unanswered(reply_to: Reply<()>) -> Msg {
    deed(move |_, _| {
        Box::pin(async move {
            let _asker = reply_to;
            std::future::pending().await
        })
    })
}

#[tokio::test(start_paused = true)]
async fn b9_a_childs_crashes_open_its_breaker_and_a_probe_closes_it() {
    let system = system();
    let spec = child("a", &Trace::default()).breaker(two_strikes());
    let actor = spec.actor_ref();
    let team = team().intensity(100, secs(1)).child(spec);
    let _team = team.start(&system).await.unwrap();
    for _ in 0..2 {
        let error = ask_to_panic(&actor).await;
        assert_eq!(error.unanswered(), Some(Unanswered::Crashed));
        idle().await;
    }
    assert_eq!(state(&actor), State::Open);
    assert_eq!(actor.breaker().unwrap().stats().metrics.failed, 0);

    let Err(AskError::Refused { retry_after, msg }) = actor.ask(Msg::Life).await else {
        panic!("it should fail fast");
    };
    assert!(retry_after > secs(9) && retry_after <= secs(10));
    assert!(matches!(msg, Msg::Life(_)), "the question comes back");

    pass(secs(10)).await;
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 2, "it was restarted");
    assert_eq!(state(&actor), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn b9_a_crash_counts_once_whoever_caused_it() {
    let system = system();
    let spec = child("a", &Trace::default()).breaker(Breaker::consecutive(1_000));
    let actor = spec.actor_ref();
    let team = team().intensity(100, secs(1)).child(spec);
    let _team = team.start(&system).await.unwrap();
    let failed = || actor.breaker().unwrap().stats().metrics.failed;
    ask_to_panic(&actor).await;
    idle().await;
    assert_eq!(failed(), 1, "asked");
    actor.tell(Msg::panic()).await.unwrap();
    idle().await;
    assert_eq!(failed(), 2, "told");
    actor.tell(Msg::fail()).await.unwrap();
    idle().await;
    assert_eq!(failed(), 3, "a handler's error");
    actor.kill();
    actor.stop();
    idle().await;
    assert_eq!(failed(), 3, "what somebody wished is no crash");
}

#[tokio::test(start_paused = true)]
async fn b9_starts_that_fail_open_it_too() {
    let system = system();
    let trace = Trace::default();
    let spec = Script::new("a", &trace)
        .starts([Step::Ok, Step::Fail, Step::Fail, Step::Ok])
        .spec()
        .breaker(Breaker::consecutive(3));
    let actor = spec.actor_ref();
    let team = team().intensity(100, secs(1)).child(spec);
    let _team = team.start(&system).await.unwrap();
    actor.tell(Msg::panic()).await.unwrap();
    idle().await;
    assert_eq!(state(&actor), State::Open);
}

#[tokio::test(start_paused = true)]
async fn b9_slow_and_late_answers_open_it() {
    let system = system();
    let config = Breaker::slow_rate(1.0, secs(2)).window(2).min_calls(2);
    let spec = child("slow", &Trace::default()).breaker(config);
    let actor = system.spawn(spec).await.unwrap();
    let slowly = |reply_to: Reply<()>| {
        deed(move |_, _| {
            Box::pin(async move {
                tokio::time::sleep(secs(2)).await;
                reply_to.send(());
                Ok(())
            })
        })
    };
    actor.ask(slowly).await.unwrap();
    assert_eq!(state(&actor), State::Closed);
    actor.ask(slowly).await.unwrap();
    assert_eq!(state(&actor), State::Open, "slow answers");

    let spec = child("late", &Trace::default()).breaker(two_strikes());
    let actor = system.spawn(spec).await.unwrap();
    for _ in 0..2 {
        let late = actor.ask(unanswered).deadline(secs(1)).await.unwrap_err();
        assert!(late.is_timeout());
    }
    assert_eq!(state(&actor), State::Open, "late answers");
}

#[tokio::test(start_paused = true)]
async fn b9_a_workers_faults_open_it_by_their_class() {
    let system = System::new("t");
    let script = testing::Script::new()
        .fault(Fault::permanent("bad request"))
        .fault(Fault::transient("down"))
        .fault(Fault::transient("down"))
        .answer(1);
    let spec = ChildSpec::new("db", script.worker()).breaker(two_strikes());
    let actor: ActorRef<WorkerCommand<u32, u32>> = system.spawn(spec).await.unwrap();
    let worker = WorkerRef::from(actor.clone());
    for _ in 0..3 {
        worker.ask(0).await.unwrap_err();
    }
    let refused = worker.ask(0).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Cascading);
    assert_eq!(refused.retry_after(), Some(secs(10)));
    assert!(refused.message().contains("in front of db is open"));
    assert_eq!(script.calls(), 3, "the fourth never reached it");

    pass(secs(10)).await;
    assert_eq!(worker.ask(0).await.unwrap().value, 1);
    assert_eq!(actor.breaker().unwrap().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn b9_every_reference_is_refused_and_tells_get_through() {
    let system = system();
    let spec = child("a", &Trace::default()).breaker(two_strikes());
    let actor = system.spawn(spec).await.unwrap();
    actor.breaker().unwrap().turn(State::ForcedOpen).unwrap();

    let narrow: ActorRef<u64> = actor.contramap(Msg::Note);
    let asked = narrow.ask(|_: Reply<()>| 7).await;
    assert!(matches!(asked, Err(AskError::Refused { msg: 7, .. })));
    let weak = actor.downgrade();
    let asked = weak.upgrade().unwrap().ask(Msg::Life).await.map(drop);
    let error = asked.unwrap_err();
    assert_eq!(Fault::from(error).retry_after(), Some(secs(10)));

    actor.tell(Msg::Note(1)).await.unwrap();
    actor.breaker().unwrap().turn(State::Closed).unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn b9_one_probe_at_a_time_and_a_dropped_one_comes_back() {
    let system = system();
    let spec = child("a", &Trace::default()).breaker(two_strikes());
    let actor = system.spawn(spec).await.unwrap();
    let breaker = actor.breaker().unwrap();
    breaker.turn(State::Open).unwrap();
    pass(secs(10)).await;
    let mut probe = Box::pin(actor.ask(unanswered));
    assert!(poll_once(&mut probe).await.is_pending());
    let second = actor.ask(Msg::Life).await;
    assert!(matches!(second, Err(AskError::Refused { .. })));
    drop(probe);
    assert_eq!(breaker.state(), State::HalfOpen);
    let mut next = Box::pin(actor.ask(Msg::Life));
    assert!(poll_once(&mut next).await.is_pending(), "it is let in");
}

#[tokio::test(start_paused = true)]
async fn b9_an_end_by_order_says_nothing() {
    let system = system();
    let spec = child("a", &Trace::default())
        .restart(Restart::Temporary)
        .breaker(Breaker::consecutive(1));
    let actor = system.spawn(spec).await.unwrap();
    let mut asked = Box::pin(actor.ask(unanswered));
    assert!(poll_once(&mut asked).await.is_pending());
    let mut behind = Box::pin(actor.ask(Msg::Life));
    assert!(poll_once(&mut behind).await.is_pending());
    actor.kill();
    soon(actor.closed()).await;
    asked.await.unwrap_err();
    behind.await.unwrap_err();
    let closed = actor.ask(Msg::Life).await;
    assert!(matches!(closed, Err(AskError::Closed(_))));
    assert_eq!(state(&actor), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn b9_children_of_one_template_have_a_breaker_each() {
    let system = system();
    let trace = Trace::default();
    let template = ChildTemplate::new("n", move || common::Probe::plain(&trace));
    let template = template.breaker(two_strikes());
    let first = system.spawn(template.next_child()).await.unwrap();
    let second = system.spawn(template.next_child()).await.unwrap();
    first.breaker().unwrap().turn(State::Open).unwrap();
    assert!(first.ask(Msg::Life).await.is_err());
    assert!(second.ask(Msg::Life).await.is_ok());
    let breaker = first.breaker().unwrap();
    let name = Fault::from(breaker.try_acquire().unwrap_err());
    assert!(name.message().contains("in front of n-0 is open"));
}

#[tokio::test(start_paused = true)]
async fn b9_settings_that_make_no_sense_are_refused_at_start() {
    let trace = Trace::default();
    let nonsense = child("a", &trace).breaker(Breaker::failure_rate(7.0));
    assert_eq!(
        nonsense.validate(),
        Err(InvalidSpec::Breaker(InvalidBreaker::Threshold(7.0)))
    );
    let without = child("a", &trace).at_limit(AtLimit::OpenBreaker);
    assert!(matches!(
        without.validate(),
        Err(InvalidSpec::Combination(_))
    ));
    let late = child("a", &trace);
    let _known = late.actor_ref();
    let late = late.breaker(two_strikes());
    assert_eq!(late.validate(), Err(InvalidSpec::SetAfterRef));
}

#[tokio::test(start_paused = true)]
async fn b9_crossing_the_intensity_opens_the_breaker_instead_of_escalating() {
    quiet();
    let system = system();
    let trace = Trace::default();
    let spec = child("a", &trace)
        .intensity(1, secs(5))
        .breaker(
            Breaker::consecutive(1_000)
                .open_for(secs(10))
                .open_at_most(secs(20)),
        )
        .at_limit(AtLimit::OpenBreaker);
    let actor = spec.actor_ref();
    let sibling = child("b", &trace);
    let other = sibling.actor_ref();
    let team = team().child(spec).child(sibling);
    let team = team.start(&system).await.unwrap();

    for _ in 0..2 {
        actor.tell(Msg::panic()).await.unwrap();
        idle().await;
    }
    assert_eq!(state(&actor), State::Open);
    assert_eq!(other.ask(Msg::Life).await.unwrap(), 0, "siblings go on");
    let of_a = |team: &SupervisorRef| {
        team.which_children()
            .into_iter()
            .find(|c| c.name == "a")
            .unwrap()
    };
    assert_eq!(of_a(&team).state, ChildState::Restarting);
    let asked = team.restart_child("a").await;
    assert!(matches!(asked, Err(ChildError::Restarting)), "{asked:?}");
    assert!(actor.ask(Msg::Life).await.is_err());
    assert_eq!(trace.count("a start"), 2);

    pass(secs(10)).await;
    assert_eq!(trace.count("a start"), 3, "its next start is the probe");
    actor.tell(Msg::panic()).await.unwrap();
    idle().await;
    pass(secs(11)).await;
    assert_eq!(trace.count("a start"), 3, "it waits for longer now");
    assert!(actor.ask(Msg::Life).await.is_err());
    pass(secs(9)).await;
    assert_eq!(trace.count("a start"), 4);
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 3);
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 3);
    assert_eq!(state(&actor), State::Closed);
    let stats = actor.breaker().unwrap().stats();
    let causes: Vec<Cause> = stats.transitions.iter().map(|t| t.cause).collect();
    assert_eq!(
        causes,
        [
            Cause::ByHand,
            Cause::Rested,
            Cause::ProbeFailed,
            Cause::Rested,
            Cause::Recovered
        ]
    );
    assert_eq!(team.count().active, 2);
}

#[tokio::test(start_paused = true)]
async fn b9_a_child_that_rests_is_terminated_at_once() {
    let system = system();
    let spec = child("a", &Trace::default())
        .intensity(0, secs(5))
        .breaker(two_strikes())
        .at_limit(AtLimit::OpenBreaker);
    let actor = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    actor.tell(Msg::panic()).await.unwrap();
    idle().await;
    team.terminate_child("a").await.unwrap();
    soon(actor.closed()).await;
    pass(secs(60)).await;
    assert_eq!(team.count().active, 0);
}
