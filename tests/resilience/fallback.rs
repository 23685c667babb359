//! C4: tiers, of which the first that can answers.

use callboard::actor::Lifecycle;
use callboard::policy::retry::Retry;
use callboard::prelude::*;
use callboard::resilience::fallback::{AllFailed, Why};
use callboard::resilience::{Fallback, Retrier, Tier};
use callboard::testing::{Script, quiet_panics};
use tokio::time::Instant;

async fn worker(system: &System, name: &str, script: &Script<u32>) -> WorkerRef<u32, u32> {
    let spec = ChildSpec::new(name, script.worker());
    system.spawn(spec).await.expect("it starts").into()
}

fn down() -> Fault {
    Fault::transient("down")
}

#[tokio::test(start_paused = true)]
async fn c4_the_first_tier_that_can_answers_and_is_named() {
    let system = System::new("t");
    let (a, b) = (
        Script::new().fault(down()).answer(1),
        Script::new().answer(2),
    );
    let chain = Fallback::first("strong", worker(&system, "a", &a).await)
        .then("weak", worker(&system, "b", &b).await)
        .or("static", |_| 0);

    let served = chain.ask(0).await.unwrap();
    assert_eq!((served.value, served.tier.as_deref()), (2, Some("weak")));
    assert_eq!(served.attempts, 2);
    let served = chain.ask(0).await.unwrap();
    assert_eq!((served.value, served.tier.as_deref()), (1, Some("strong")));
    assert_eq!(b.calls(), 1, "not asked when the first one answers");
}

#[tokio::test(start_paused = true)]
async fn c4_a_tier_has_several_agents_each_with_retries_of_its_own() {
    let system = System::new("t");
    let a = Script::new().fault(down()).fault(down());
    let b = Script::new().fault(down()).answer(2);
    let retrying = |worker: WorkerRef<u32, u32>, tries| {
        let retry = Retry::constant(ms(10)).attempts(tries);
        Retrier::new(worker.name(), retry).guard(&worker)
    };
    let chain = Fallback::first(
        "models",
        Tier::of([
            retrying(worker(&system, "a", &a).await, 2),
            retrying(worker(&system, "b", &b).await, 3),
        ]),
    );
    let served = chain.ask(0).await.unwrap();
    assert_eq!((served.value, served.tier.as_deref()), (2, Some("models")));
    assert_eq!((a.calls(), b.calls()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn c4_agents_that_are_down_or_behind_an_open_breaker_are_skipped() {
    let system = System::new("t");
    let a = Script::<u32>::new().hang();
    let stopped = ChildSpec::new("stopped", a.worker()).restart(Restart::Temporary);
    let stopped = system.spawn(stopped).await.unwrap();
    stopped.stop();
    stopped.closed().await;
    assert!(!matches!(stopped.state(), Lifecycle::Ready));
    let broken = Script::new().fault(down()).answer(1);
    let breaker = Breaker::new("broken", Breaker::consecutive(1));
    let guarded = breaker.guard(&worker(&system, "broken", &broken).await);
    guarded.ask(0).await.unwrap_err();

    let chain = Fallback::first("one", stopped)
        .then("two", guarded)
        .or("safe", |n| n + 1);
    assert_eq!(chain.ask(4).await.unwrap().value, 5);
    assert_eq!(a.calls() + broken.calls(), 1, "only the one that opened it");

    // Its wait over, an open breaker is asked again, or it would stay open.
    tokio::time::advance(secs(60)).await;
    let served = chain.ask(4).await.unwrap();
    assert_eq!(served.tier.as_deref(), Some("two"));
}

#[tokio::test(start_paused = true)]
async fn c4_when_all_fail_each_is_named_with_its_reason() {
    quiet_panics();
    let system = System::new("t");
    let late = Fault::overloaded("full", secs(3));
    let (a, b) = (Script::new().fault(late), Script::new().fault(down()));
    let chain = Fallback::first("strong", worker(&system, "a", &a).await)
        .then("weak", worker(&system, "b", &b).await)
        .or("static", |_| panic!("scripted"));

    let fault = chain.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Overloaded, "the first tier's");
    assert_eq!(fault.retry_after(), Some(secs(3)));
    let all = fault.cause::<AllFailed>().unwrap();
    let named: Vec<_> = all
        .failed
        .iter()
        .map(|f| (f.tier.as_ref(), f.agent.as_str()))
        .collect();
    assert_eq!(
        named,
        [("strong", "t/a"), ("weak", "t/b"), ("static", "static")]
    );
    let Why::Fault(last) = &all.failed[2].why else {
        panic!("it was asked");
    };
    assert!(last.message().contains("scripted"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn c4_the_askers_deadline_holds_for_the_whole_and_a_tiers_for_each_agent() {
    let system = System::new("t");
    let (a, b) = (Script::<u32>::new().hang().hang(), Script::new().answer(2));
    let slow = worker(&system, "a", &a).await;
    let quick = worker(&system, "b", &b).await;
    let began = Instant::now();

    let patient = Fallback::first("a", slow.clone()).then("b", quick.clone());
    let fault = patient.ask(0).deadline(secs(2)).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Deadline);
    assert_eq!((b.calls(), began.elapsed()), (0, secs(2)));

    let chain = Fallback::first("a", Tier::of([slow]).within(secs(1))).then("b", quick);
    let served = chain.ask(0).deadline(secs(2)).await.unwrap();
    assert_eq!(served.value, 2);
    assert_eq!(began.elapsed(), secs(3));
}

#[tokio::test(start_paused = true)]
async fn c4_what_is_in_doubt_is_not_done_a_second_time() {
    let system = System::new("t");
    let doubt = Fault::new(FaultClass::InDoubt, "paid or not");
    let (a, b) = (Script::new().fault(doubt), Script::new().answer(2));
    let chain = Fallback::first("a", worker(&system, "a", &a).await)
        .then("b", worker(&system, "b", &b).await);
    let fault = chain.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::InDoubt);
    assert_eq!(b.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn c4_a_fallback_is_a_tier_of_another() {
    let inner = Fallback::first(
        "down",
        WorkerRef::from_fn("x", |_: u32| async { Err(down()) }),
    )
    .or("safe", |n| n);
    let outer = Fallback::first("inner", inner);
    let served = outer.ask(3).await.unwrap();
    assert_eq!(served.tier.as_deref(), Some("inner/safe"));
}

#[tokio::test(start_paused = true)]
async fn c9_a_time_class_is_a_deadline() {
    use callboard::policy::time_class::TimeClass;
    let system = System::new("t");
    let script = Script::<u32>::new().hang().hang();
    let worker = worker(&system, "a", &script).await;
    let began = Instant::now();
    worker.ask(0).class(TimeClass::Fast).await.unwrap_err();
    assert_eq!(began.elapsed(), secs(5));
    let long = worker.ask(0).class(TimeClass::Research).await;
    assert_eq!(long.unwrap_err().class(), FaultClass::Deadline);
}

#[tokio::test(start_paused = true)]
async fn c16_what_an_answer_says_about_itself_comes_with_it() {
    use callboard::actor::Metadata;
    struct Guess;
    impl Worker for Guess {
        type In = u32;
        type Out = u32;
        async fn work(&mut self, n: u32, _cx: &mut Context<Self>) -> Result<u32, Fault> {
            Ok(n * 2)
        }
        fn metadata(&self, answer: &u32) -> Metadata {
            Metadata::new().tokens(u64::from(*answer)).confidence(0.9)
        }
    }
    let system = System::new("t");
    let guess = system.spawn(ChildSpec::new("guess", || Guess)).await;
    let chain = Fallback::first("guess", guess.unwrap());
    let served = chain.ask(21).await.unwrap();
    assert_eq!(served.metadata.tokens, Some(42));
    assert_eq!(served.metadata.confidence, Some(0.9));

    let pool = Pool::new("guesses", 1..=1, || Guess).start(&system).await;
    let served = pool.unwrap().worker().ask(1).await.unwrap();
    assert_eq!(served.metadata.tokens, Some(2), "through a pool, too");
}
