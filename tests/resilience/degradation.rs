//! C5: an answer of parts, of which some may be missing.

use callboard::prelude::*;
use callboard::resilience::Degradation;
use callboard::resilience::degradation::{DegradationConfig, Importance};
use tokio::time::Instant;

fn after(name: &'static str, wait: Duration) -> WorkerRef<u32, &'static str> {
    WorkerRef::from_fn(name, move |_| async move {
        tokio::time::sleep(wait).await;
        Ok(name)
    })
}

fn failing(name: &'static str) -> WorkerRef<u32, &'static str> {
    WorkerRef::from_fn(name, move |_| async move { Err(Fault::transient("down")) })
}

#[tokio::test(start_paused = true)]
async fn c5_a_missing_critical_part_is_an_error_at_once() {
    let page = Degradation::new("page")
        .optional("slow", after("slow", secs(60)))
        .critical("user", failing("user"))
        .worker();
    let began = Instant::now();
    let fault = page.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Transient);
    assert!(fault.message().starts_with("user"), "{fault}");
    assert_eq!(began.elapsed(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn c5_what_else_is_missing_is_named_the_most_important_first() {
    let page = Degradation::new("page")
        .critical("user", after("user", ms(10)))
        .optional("ads", failing("ads"))
        .important("orders", failing("orders"))
        .worker();
    let page = page.ask(0).await.unwrap().value;
    assert_eq!(page.get("user"), Some(&"user"));
    assert!(page.is_degraded());
    let missing: Vec<_> = page
        .missing
        .iter()
        .map(|m| (m.part.as_ref(), m.importance))
        .collect();
    assert_eq!(
        missing,
        [
            ("orders", Importance::Important),
            ("ads", Importance::Optional)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn c5_an_optional_part_is_waited_for_only_a_while() {
    let parts = |slow| {
        Degradation::new("page")
            .critical("user", after("user", secs(2)))
            .important("orders", after("orders", secs(5)))
            .optional("ads", after("ads", slow))
            .with(DegradationConfig::default().grace(ms(500)))
            .worker()
    };
    let began = Instant::now();
    let page = parts(secs(60)).ask(0).await.unwrap().value;
    assert_eq!(began.elapsed(), ms(5_500), "half a second after the rest");
    assert_eq!(page.missing[0].fault.class(), FaultClass::Deadline);

    let page = parts(ms(5_400)).ask(0).await.unwrap().value;
    assert!(!page.is_degraded());
}

#[tokio::test(start_paused = true)]
async fn c5_no_more_parts_are_asked_for_at_once_than_allowed() {
    let mut page = Degradation::new("page");
    let config = page.config();
    config.set(DegradationConfig::default().at_once(2));
    for name in ["a", "b", "c", "d", "e"] {
        page = page.important(name, after(name, secs(1)));
    }
    let began = Instant::now();
    let page = page.worker();
    let answer = page.ask(0).await.unwrap().value;
    assert_eq!(answer.answers.len(), 5);
    assert_eq!(began.elapsed(), secs(3));

    config.set(DegradationConfig::default().at_once(5));
    page.ask(0).await.unwrap();
    assert_eq!(began.elapsed(), secs(4), "changed while it runs");
}

#[tokio::test(start_paused = true)]
async fn c5_an_answer_without_parts_is_empty() {
    let page = Degradation::<u32, u32>::new("page").worker();
    let page = page.ask(0).await.unwrap().value;
    assert!(page.answers.is_empty() && !page.is_degraded());
}
