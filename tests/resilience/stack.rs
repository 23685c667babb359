//! All layers from one configuration, in the order in which they belong.

use callboard::policy::breaker::State;
use callboard::policy::rate::TokenBucket;
use callboard::policy::retry::Retry;
use callboard::prelude::*;
use callboard::resilience::{BulkheadConfig, InvalidStack, Stack, StackConfig};
use callboard::testing::Script;
use tokio::time::Instant;

use super::mock;

fn busy() -> Fault {
    Fault::transient("busy")
}

#[tokio::test(start_paused = true)]
async fn c1_the_breaker_of_a_stack_sees_one_outcome_for_all_tries() {
    let system = System::new("t");
    let script = Script::new()
        .fault(busy())
        .answer(1)
        .fault(busy())
        .fault(busy());
    let config = StackConfig::new()
        .breaker(Breaker::consecutive(1))
        .retry(Retry::constant(ms(1)).attempts(2));
    let stack = Stack::new("mock", config).unwrap();
    let guarded = stack.guard(&mock(&system, &script).await);
    let breaker = stack.breaker().unwrap();

    assert_eq!(guarded.ask(0).await.unwrap().attempts, 2);
    assert_eq!(breaker.state(), State::Closed, "it succeeded in the end");
    guarded.ask(0).await.unwrap_err();
    assert_eq!(breaker.state(), State::Open);
    let refused = guarded.ask(0).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Cascading);
    assert_eq!(
        script.calls(),
        4,
        "nothing is tried against an open breaker"
    );
}

#[tokio::test(start_paused = true)]
async fn c7_each_try_of_a_stack_counts_for_its_rate() {
    let system = System::new("t");
    let script = Script::new().fault(busy()).answer(1).answer(2);
    let config = StackConfig::new()
        .retry(Retry::constant(ms(1)).attempts(2))
        .rate(TokenBucket::per_minute(1).capacity(2));
    let stack = Stack::new("mock", config).unwrap();
    let guarded = stack.guard(&mock(&system, &script).await);

    guarded.ask(0).await.unwrap();
    let left = stack.rate().unwrap().stats();
    assert_eq!(left.admitted, 2, "both tries");
}

#[tokio::test(start_paused = true)]
async fn c6_waiting_for_a_place_in_a_stack_is_no_failure_of_the_callee() {
    let system = System::new("t");
    let script = Script::new().slow(secs(60), 1);
    let config = StackConfig::new()
        .bulkhead(BulkheadConfig::new(1).max_wait(secs(1)))
        .breaker(Breaker::consecutive(1));
    let stack = Stack::new("mock", config).unwrap();
    let guarded = stack.guard(&mock(&system, &script).await);

    let (_, waiting) = tokio::join!(guarded.ask(0).deadline(secs(5)).into_future(), async {
        tokio::task::yield_now().await;
        let began = Instant::now();
        let refused = guarded.ask(0).await.unwrap_err();
        assert_eq!(began.elapsed(), secs(1));
        assert_eq!(stack.breaker().unwrap().state(), State::Closed);
        refused
    });
    assert_eq!(waiting.class(), FaultClass::Overloaded);
}

#[tokio::test(start_paused = true)]
async fn c9_a_deadline_holds_for_all_layers_and_can_be_changed() {
    let system = System::new("t");
    let script = Script::<u32>::new().hang().hang();
    let config = StackConfig::new()
        .deadline(secs(2))
        .retry(Retry::default().attempts(5));
    let stack = Stack::new("mock", config.clone()).unwrap();
    let guarded = stack.guard(&mock(&system, &script).await);
    let took = async || {
        let began = Instant::now();
        let late = guarded.ask(0).await.unwrap_err();
        assert_eq!(late.class(), FaultClass::Deadline);
        began.elapsed()
    };
    assert_eq!(took().await, secs(2));
    let seen = stack.config().read().0;
    stack.reconfigure(config.clone().deadline(secs(1))).unwrap();
    assert_eq!(took().await, secs(1));
    let (_, changed) = stack.config().changed(seen).await;
    assert_eq!(changed.deadline, Some(secs(1)), "a change can be watched");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_does_not_fit_changes_nothing() {
    let config = StackConfig::new()
        .bulkhead(BulkheadConfig::new(2))
        .breaker(Breaker::consecutive(5));
    let stack = Stack::new("mock", config.clone()).unwrap();
    let wrong = config.clone().breaker(Breaker::failure_rate(2.0));
    assert!(matches!(
        stack.reconfigure(wrong.clone()),
        Err(InvalidStack::Breaker(_))
    ));
    assert!(Stack::new("mock", wrong).is_err());
    let more = config.clone().retry(Retry::default());
    assert_eq!(stack.reconfigure(more), Err(InvalidStack::OtherLayers));
    assert_eq!(*stack.config().get(), config);
    let no_time = config.deadline(Duration::ZERO);
    assert_eq!(no_time.validate(), Err(InvalidStack::NoTime));
}

#[test]
fn a_configuration_survives_a_file_and_a_wrong_one_is_named() {
    let config = StackConfig::new()
        .deadline(ms(1_500))
        .bulkhead(BulkheadConfig::new(3))
        .breaker(Breaker::failure_rate(0.5).min_calls(20))
        .retry(
            Retry::exponential(ms(10)..=secs(1))
                .full_jitter()
                .budget(0.2),
        )
        .rate(TokenBucket::per_second(5));
    let text = serde_json::to_string_pretty(&config).unwrap();
    assert_eq!(serde_json::from_str::<StackConfig>(&text).unwrap(), config);
    let wrong = serde_json::from_str::<StackConfig>(r#"{"braker": {}}"#);
    let why = wrong.unwrap_err().to_string();
    assert!(why.contains("unknown field `braker`"), "{why}");
}
