//! C2 and C3: trying again, within budgets, on a paused clock.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use callboard::actor::{Budget, EventStream, Request};
use callboard::policy::retry::{Failure, GiveUp, Retry};
use callboard::policy::retry_budget::{Earn, RetryBudgetConfig};
use callboard::prelude::*;
use callboard::resilience::retry::{Escalation, GaveUp, LastAnswer, RetryEvent};
use callboard::resilience::{Retrier, RetryBudget};
use callboard::testing::{Script, quiet_panics};
use tokio::time::Instant;

use super::mock;

fn busy() -> Fault {
    Fault::transient("busy")
}

fn quick() -> Retry {
    Retry::constant(ms(100))
}

/// The kinds of all events so far.
fn kinds(events: &mut EventStream<RetryEvent>) -> Vec<&'static str> {
    std::iter::from_fn(|| events.try_next())
        .map(|event| match event {
            RetryEvent::Retried { .. } => "retried",
            RetryEvent::Succeeded { .. } => "succeeded",
            RetryEvent::Failed { .. } => "failed",
            RetryEvent::Ignored { .. } => "ignored",
            RetryEvent::Escalated { .. } => "escalated",
            _ => "other",
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn rb_01_three_tries_and_the_last_error() {
    let system = System::new("t");
    let last = Fault::transient("the third");
    let script = Script::new().fault(busy()).fault(busy()).fault(last);
    let retrier = Retrier::new("mock", quick());
    let mut events = retrier.events();
    let began = Instant::now();

    let fault = retrier
        .guard(&mock(&system, &script).await)
        .ask(0)
        .await
        .unwrap_err();

    assert_eq!(script.calls(), 3);
    assert_eq!(fault.message(), "the third");
    assert_eq!(fault.class(), FaultClass::Transient);
    let why = fault
        .cause::<GaveUp>()
        .expect("it says why it was the last");
    assert_eq!((why.why, why.attempts), (GiveUp::AttemptsSpent, 3));
    assert_eq!(kinds(&mut events), ["retried", "retried", "failed"]);
    assert_eq!(began.elapsed(), ms(200));
}

#[tokio::test(start_paused = true)]
async fn rb_02_a_second_try_that_succeeds() {
    let system = System::new("t");
    let script = Script::new().fault(busy()).answer(7);
    let retrier = Retrier::new("mock", quick());
    let mut events = retrier.events();

    let served = retrier
        .guard(&mock(&system, &script).await)
        .ask(0)
        .await
        .unwrap();

    assert_eq!((served.value, served.attempts), (7, 2));
    assert_eq!(kinds(&mut events), ["retried", "succeeded"]);
    let stats = retrier.stats();
    assert_eq!((stats.calls, stats.retries, stats.recovered), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn rb_03_an_error_that_stays_is_not_tried_again() {
    let system = System::new("t");
    for fault in [
        Fault::permanent("bad request"),
        Fault::forbidden("not yours"),
        Fault::new(FaultClass::Partial, "half"),
        Fault::new(FaultClass::Cascading, "behind it"),
        Fault::new(FaultClass::InDoubt, "who knows"),
    ] {
        let script = Script::new().fault(fault.clone()).answer(7);
        let retrier = Retrier::new("mock", quick());
        let mut events = retrier.events();
        let name = fault.message().to_owned();
        let worker = ChildSpec::new(name, script.worker::<u32>());
        let worker = WorkerRef::from(system.spawn(worker).await.unwrap());

        let got = retrier.guard(&worker).ask(0).await.unwrap_err();

        assert_eq!(got.class(), fault.class());
        assert_eq!(script.calls(), 1, "{fault}");
        assert_eq!(kinds(&mut events), ["ignored"]);
    }
}

#[tokio::test(start_paused = true)]
async fn rb_04_an_answer_that_is_not_accepted_is_tried_again() {
    let system = System::new("t");
    let script = Script::new().answer(0).answer(0).answer(0).answer(0);
    let script = script.answer(0).answer(5);
    let worker = mock(&system, &script).await;
    let retrier = Retrier::new("mock", quick());
    let zero = |n: &u32| *n == 0;

    let kept = retrier.around(&worker).again_if(zero).build();
    let served = kept.ask(0).await.unwrap();
    assert_eq!((served.value, served.attempts), (0, 3), "the bad value");

    let strict = retrier.around(&worker).again_if(zero);
    let strict = strict.last_answer(LastAnswer::Refuse).build();
    let served = strict.ask(0).await.unwrap();
    assert_eq!((served.value, served.attempts), (5, 3));

    let script = Script::new().answer(0).answer(0).answer(0);
    let worker = ChildSpec::new("zeros", script.worker::<u32>());
    let worker = WorkerRef::from(system.spawn(worker).await.unwrap());
    let strict = retrier.around(&worker).again_if(zero);
    let strict = strict.last_answer(LastAnswer::Refuse).build();
    let fault = strict.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Transient);
    let why = fault.cause::<GaveUp>().unwrap();
    assert_eq!(why.why, GiveUp::AttemptsSpent);
}

#[tokio::test(start_paused = true)]
async fn rb_08_whoever_chooses_the_waits_can_stop() {
    let system = System::new("t");
    let script = Script::new().fault(busy()).fault(busy()).answer(1);
    let retrier = Retrier::new("mock", quick().attempts(9));
    let mut events = retrier.events();
    let worker = mock(&system, &script).await;
    let guarded = retrier
        .around(&worker)
        .interval(|attempt, _| (attempt == 1).then_some(ms(30)))
        .build();
    let began = Instant::now();

    let fault = guarded.ask(0).await.unwrap_err();

    assert_eq!(began.elapsed(), ms(30));
    assert_eq!(script.calls(), 2);
    assert_eq!(fault.cause::<GaveUp>().unwrap().why, GiveUp::Stopped);
    assert_eq!(kinds(&mut events), ["retried", "failed"]);
}

#[tokio::test(start_paused = true)]
async fn rb_09_a_rule_that_panics_ends_the_call() {
    quiet_panics();
    let system = System::new("t");
    let script = Script::new().fault(busy()).answer(1).answer(1);
    let worker = mock(&system, &script).await;
    let retrier = Retrier::new("mock", quick());

    let judged = retrier
        .around(&worker)
        .classify(|_| panic!("scripted rule"))
        .build();
    let fault = judged.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains("scripted rule"), "{fault}");
    assert_eq!(script.calls(), 1);

    let looked_at = retrier
        .around(&worker)
        .again_if(|_| panic!("scripted look"))
        .build();
    looked_at.ask(0).await.unwrap_err();
    assert_eq!(script.calls(), 2);
    assert_eq!(retrier.stats().failed, 2);
}

#[tokio::test(start_paused = true)]
async fn rb_10_a_call_that_is_dropped_while_it_waits_makes_no_other_try() {
    let system = System::new("t");
    let script = Script::new().fault(busy()).answer(1);
    let budget = RetryBudget::new(RetryBudgetConfig::window(1, secs(60)));
    let retrier = Retrier::within("mock", Retry::constant(secs(10)), &budget);
    let guarded = retrier.guard(&mock(&system, &script).await);

    let dropped = tokio::time::timeout(secs(5), guarded.ask(0).into_future()).await;

    assert!(dropped.is_err(), "it was dropped in its wait");
    assert_eq!(budget.left(), Some(1), "the budget was not charged");
    tokio::time::sleep(secs(60)).await;
    assert_eq!(script.calls(), 1);
    assert_eq!(retrier.stats().retries, 0);
}

#[tokio::test(start_paused = true)]
async fn rb_11_a_spent_budget_ends_the_call_with_its_own_error() {
    let budget = RetryBudgetConfig::share(0.2)
        .earned_by(Earn::Calls)
        .floor(10.0);
    let retry = Retry::constant(Duration::ZERO)
        .attempts(50)
        .budget_of(budget);
    let retrier = Retrier::new("down", retry);
    let tries = Arc::new(AtomicU32::new(0));
    let down = WorkerRef::from_fn("down", {
        let tries = Arc::clone(&tries);
        move |_: u32| {
            tries.fetch_add(1, SeqCst);
            async { Err::<u32, _>(busy()) }
        }
    });
    let guarded = retrier.guard(&down);

    let mut last = None;
    for _ in 0..100 {
        last = guarded.ask(0).await.err();
    }

    let retries = u64::from(tries.load(SeqCst)) - 100;
    assert_eq!(retries, 20, "one for every five calls, and no time passed");
    assert_eq!(retrier.stats().retries, retries);
    let last = last.unwrap();
    assert_eq!(last.class(), FaultClass::Transient, "what it was");
    let why = last.cause::<GaveUp>().unwrap();
    assert_eq!(why.why, GiveUp::BudgetSpent);
    assert_eq!(why.last.message(), "busy");
}

#[tokio::test(start_paused = true)]
async fn rb_15_no_try_begins_after_the_deadline() {
    let system = System::new("t");
    let script = Script::new().fault(busy()).fault(busy()).fault(busy());
    let script = script.answer(1);
    let retrier = Retrier::new("mock", Retry::constant(secs(2)).attempts(9));
    let guarded = retrier.guard(&mock(&system, &script).await);
    let began = Instant::now();

    let fault = guarded.ask(0).deadline(secs(5)).await.unwrap_err();

    assert_eq!(script.calls(), 3, "at 0, 2 and 4 s");
    assert_eq!(began.elapsed(), secs(4), "the next wait is not begun");
    assert_eq!(fault.cause::<GaveUp>().unwrap().why, GiveUp::NoTimeLeft);
}

#[tokio::test(start_paused = true)]
async fn c2_a_try_that_is_too_slow_gets_more_time_the_next_time() {
    let system = System::new("t");
    let script = Script::new().slow(secs(3), 1).slow(secs(3), 2);
    let retry = quick().attempt_timeout(secs(2));
    let retrier = Retrier::new("mock", retry);
    let guarded = retrier.guard(&mock(&system, &script).await);

    let served = guarded.ask(0).await.unwrap();

    assert_eq!((served.value, served.attempts), (2, 2));
    assert_eq!(script.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn c2_the_wait_that_the_callee_asks_for_is_waited() {
    let system = System::new("t");
    let later = Fault::overloaded("full", secs(7));
    let script = Script::new().fault(later).answer(1);
    let retrier = Retrier::new("mock", quick());
    let guarded = retrier.guard(&mock(&system, &script).await);
    let began = Instant::now();

    guarded.ask(0).await.unwrap();
    assert_eq!(began.elapsed(), secs(7));
}

#[tokio::test(start_paused = true)]
async fn c2_what_a_fault_means_can_be_decided_otherwise() {
    let system = System::new("t");
    let script = Script::new().fault(Fault::permanent("odd")).answer(1);
    let worker = mock(&system, &script).await;
    let retrier = Retrier::new("mock", quick());
    let guarded = retrier
        .around(&worker)
        .classify(|fault| match fault.message() {
            "odd" => Failure::Retryable,
            _ => Failure::Final,
        })
        .build();
    assert_eq!(guarded.ask(0).await.unwrap().attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn c2_a_job_without_the_right_goes_to_somebody_who_may_decide() {
    let system = System::new("t");
    let script = Script::new().fault(Fault::forbidden("over the limit"));
    let worker = mock(&system, &script).await;
    let chief = WorkerRef::from_fn("chief", |job: Escalation<u32>| async move {
        assert_eq!(job.fault.message(), "over the limit");
        Ok::<u32, Fault>(job.input * 10)
    });
    let retrier = Retrier::new("mock", quick());
    let mut events = retrier.events();
    let guarded = retrier.around(&worker).escalate_to(&chief).build();

    assert_eq!(guarded.ask(4).await.unwrap().value, 40);
    assert_eq!(script.calls(), 1);
    assert_eq!(kinds(&mut events), ["ignored", "escalated"]);
}

#[tokio::test(start_paused = true)]
async fn c2_something_that_is_no_worker_is_tried_again_as_well() {
    let retrier = Retrier::new("job", quick().attempt_timeout(secs(1)));
    let served = retrier
        .run(|attempt| async move {
            match attempt {
                1 => Err(busy()),
                2 => std::future::pending().await,
                n => Ok(n),
            }
        })
        .await
        .unwrap();
    assert_eq!((served.value, served.attempts), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn c2_a_changed_setting_holds_from_the_next_call_on() {
    let retrier = Retrier::new("job", quick());
    retrier.reconfigure(quick().attempts(1)).unwrap();
    let fail = |_| async { Err::<(), _>(busy()) };
    retrier.run(fail).await.unwrap_err();
    assert_eq!(retrier.stats().retries, 0);
    let nonsense = Retry::exponential(secs(2)..=secs(1));
    retrier.reconfigure(nonsense).unwrap_err();
    assert_eq!(retrier.settings().attempts.get(), 1, "nothing was changed");
}

#[tokio::test(start_paused = true)]
async fn c3_all_retriers_of_a_system_share_its_budget() {
    let system = System::new("t");
    let budget = RetryBudget::of(&system);
    assert_eq!(budget.left(), Some(100), "the default of a system");
    let retry = Retry::constant(Duration::ZERO).attempts(1_000);
    let one = Retrier::of(&system, "one", retry.clone());
    let other = Retrier::of(&system, "other", retry);
    let fail = |_| async { Err::<(), _>(busy()) };

    one.run(fail).await.unwrap_err();
    let fault = other.run(fail).await.unwrap_err();

    assert_eq!(one.stats().retries, 100);
    assert_eq!(other.stats().retries, 0);
    assert_eq!(fault.cause::<GaveUp>().unwrap().why, GiveUp::BudgetSpent);
    assert_eq!(other.stats().budget_spent, 1);

    budget
        .reconfigure(RetryBudgetConfig::window(103, secs(60)))
        .unwrap();
    other.run(fail).await.unwrap_err();
    assert_eq!(other.stats().retries, 3);
}

#[tokio::test(start_paused = true)]
async fn c3_a_request_brings_its_own_budget_of_retries() {
    let retry = Retry::constant(Duration::ZERO).attempts(1_000);
    let retrier = Retrier::new("one", retry);
    let fail = |_| async { Err::<(), _>(busy()) };
    let request = Request::in_force().with_budget(Budget::new().retries(3));
    let failed = request.within(async {
        retrier.run(fail).await.unwrap_err();
        retrier.run(fail).await.unwrap_err()
    });
    let fault = failed.await;
    assert_eq!(retrier.stats().retries, 3, "both calls together");
    assert_eq!(fault.cause::<GaveUp>().unwrap().why, GiveUp::BudgetSpent);
}

#[tokio::test(start_paused = true)]
async fn c2_a_seed_makes_the_jitter_reproducible() {
    let waits = async |seed| {
        let retry = Retry::exponential(ms(100)..=secs(10)).full_jitter();
        let retrier = Retrier::new("job", retry.attempts(6)).seeded(seed);
        let mut events = retrier.events();
        let fail = |_| async { Err::<(), _>(busy()) };
        retrier.run(fail).await.unwrap_err();
        let mut waits = Vec::new();
        while let Some(event) = events.try_next() {
            if let RetryEvent::Retried { after, .. } = event {
                waits.push(after);
            }
        }
        waits
    };
    assert_eq!(waits(7).await, waits(7).await);
    assert_ne!(waits(7).await, waits(8).await);
}

#[tokio::test(start_paused = true)]
async fn c2_nobody_tries_on_for_an_asker_who_has_given_up() {
    struct Eager(Retrier);
    impl Actor for Eager {
        type Msg = Reply<()>;
        async fn handle(&mut self, to: Reply<()>, _cx: &mut Context<Self>) -> Result<(), BoxError> {
            let fail = |_| async { Err::<(), _>(busy()) };
            let _ = self.0.run(fail).await;
            to.send(());
            Ok(())
        }
    }
    let system = System::new("t");
    let retrier = Retrier::new("job", Retry::constant(secs(2)).attempts(100));
    let own = retrier.clone();
    let spec = ChildSpec::new("eager", move || Eager(own.clone()));
    let eager = system.spawn(spec).await.unwrap();
    let ask = eager.ask(|reply_to| reply_to).deadline(secs(60));

    let gave_up = tokio::time::timeout(secs(3), ask).await;

    assert!(gave_up.is_err());
    tokio::time::sleep(secs(60)).await;
    let stats = retrier.stats();
    assert_eq!(
        (stats.retries, stats.failed),
        (1, 1),
        "at 2 s, and no further"
    );
}

#[tokio::test(start_paused = true)]
async fn c2_a_deadline_of_the_request_cuts_the_last_try_short() {
    let system = System::new("t");
    let script = Script::<u32>::new().hang();
    let retrier = Retrier::new("mock", quick().attempt_timeout(secs(60)));
    let guarded = retrier.guard(&mock(&system, &script).await);
    assert!(Request::in_force().deadline().is_none());
    let began = Instant::now();

    let fault = guarded.ask(0).deadline(secs(3)).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Deadline);
    assert_eq!(began.elapsed(), secs(3));
    assert_eq!(script.calls(), 1);
}
