//! C13: work goes to the worker that fits best just now.

use callboard::policy::choice::LoadWeights;
use callboard::prelude::*;
use callboard::resilience::Balancer;

/// Says its name after a second; fails if told to.
fn named(name: &'static str) -> WorkerRef<bool, &'static str> {
    WorkerRef::from_fn(name, move |is_well: bool| async move {
        tokio::time::sleep(secs(1)).await;
        match is_well {
            true => Ok(name),
            false => Err(Fault::transient("down")),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn c13_room_counts_as_much_as_capability() {
    let balanced = Balancer::new("models")
        .agent(named("small"), 2, 0.5)
        .agent(named("large"), 2, 0.8)
        .worker()
        .unwrap();
    for _ in 0..2 {
        balanced.ask(true).await.unwrap();
    }
    // 0.4 + 0.32 + 0.2 and 0.4 + 0.2 + 0.2; with one in hand 0.2 less.
    let (a, b, c) = tokio::join!(
        balanced.ask(true).into_future(),
        balanced.ask(true).into_future(),
        balanced.ask(true).into_future()
    );
    let who = [a, b, c].map(|answer| answer.unwrap().value);
    assert_eq!(who, ["large", "small", "large"]);
}

#[tokio::test(start_paused = true)]
async fn c13_no_agent_with_room_is_an_error_and_a_dropped_job_gives_its_room_back() {
    let balanced = Balancer::new("models")
        .agent(named("only"), 1, 1.0)
        .worker()
        .unwrap();
    let held = tokio::time::timeout(ms(500), balanced.ask(true).into_future());
    let (held, refused) = tokio::join!(held, async {
        tokio::task::yield_now().await;
        balanced.ask(true).await.unwrap_err()
    });
    assert!(held.is_err(), "it was dropped");
    assert_eq!(refused.class(), FaultClass::Overloaded);
    assert_eq!(balanced.ask(true).await.unwrap().value, "only");
}

#[tokio::test(start_paused = true)]
async fn c13_who_fails_lately_or_is_down_is_passed_over() {
    let breaker = Breaker::new("large", Breaker::consecutive(1));
    let large = breaker.guard(&named("large"));
    let balanced = Balancer::new("models")
        .weights(LoadWeights::new(0.0, 0.1, 0.9))
        .agent(named("small"), 4, 0.1)
        .agent(large, 4, 1.0)
        .worker()
        .unwrap();
    assert_eq!(balanced.ask(true).await.unwrap().value, "small");
    balanced.ask(false).await.unwrap_err();
    assert!(!breaker.is_passable(), "the second one's turn");
    for _ in 0..3 {
        assert_eq!(balanced.ask(true).await.unwrap().value, "small");
    }
    tokio::time::advance(secs(60)).await;
    // Its breaker would let it try; its last job speaks against it.
    assert_eq!(balanced.ask(true).await.unwrap().value, "small");
}

#[tokio::test(start_paused = true)]
async fn c13_a_balancer_without_agents_or_with_weights_that_say_nothing_is_refused() {
    assert!(Balancer::<u32, u32>::new("none").worker().is_err());
    let nothing = Balancer::new("models")
        .agent(named("a"), 1, 1.0)
        .weights(LoadWeights::new(0.0, 0.0, 0.0));
    assert!(nothing.worker().is_err());
}
