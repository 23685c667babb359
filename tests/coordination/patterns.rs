//! What holds for all patterns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::actor::{Budget, Metadata};
use callboard::coordination::{Need, pipeline, scatter};
use callboard::prelude::*;
use callboard::testing::{Script, quiet_panics};

use crate::common::{plus_one, scripted};

#[tokio::test(start_paused = true)]
async fn d_a_worker_that_asks_its_own_pattern_is_a_circle() {
    let system = System::new("t");
    let itself: Arc<std::sync::OnceLock<WorkerRef<u32, u32>>> = Arc::default();
    let again = Arc::clone(&itself);
    let ask_again = WorkerRef::from_fn("again", move |n: u32| {
        let again = Arc::clone(&again);
        async move {
            let line = again.get().expect("the pipeline is there");
            Ok(line.ask(n).await?.value)
        }
    });
    let line = pipeline("line").then("again", ask_again);
    let line = line.start(&system).await.unwrap();
    itself.set(line.clone()).unwrap();
    let fault = line.ask(1).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains("t/line -> t/line"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn d_a_workers_panic_on_the_drivers_task_is_one_fault_among_others() {
    quiet_panics();
    let system = System::new("t");
    let bad = WorkerRef::from_fn("bad", |n: u32| async move {
        assert!(n > 1, "scripted");
        Ok(n)
    });
    let some = scatter([bad, plus_one()]).need(Need::BestEffort);
    let some = some.start(&system, "some").await.unwrap();
    let scattered = some.ask(0).await.unwrap().value;
    assert_eq!(scattered.answers, [(1, 1)]);
    assert_eq!(scattered.failures[0].1.class(), FaultClass::Permanent);
}

#[tokio::test(start_paused = true)]
async fn patterns_nest_a_scatter_as_a_stage_of_a_pipeline() {
    let system = System::new("t");
    let sum = scatter([plus_one(), plus_one()])
        .combine(|s| Ok(s.into_values().into_iter().sum::<u32>()))
        .start(&system, "sum")
        .await
        .unwrap();
    let line = pipeline("line")
        .then("sum", sum)
        .then("one", plus_one())
        .start(&system)
        .await
        .unwrap();
    assert_eq!(line.ask(1).await.unwrap().value, 5);
    assert!(system.tree().to_string().contains("line"));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_pause_makes_no_room_in_a_pipeline_that_is_full() {
    let system = System::new("t");
    let gate = Arc::new(tokio::sync::Notify::new());
    let begun = Arc::new(AtomicUsize::new(0));
    let (wait, count) = (Arc::clone(&gate), Arc::clone(&begun));
    let slow = WorkerRef::from_fn("slow", move |n: u32| {
        let wait = Arc::clone(&wait);
        count.fetch_add(1, SeqCst);
        async move {
            wait.notified().await;
            Ok(n)
        }
    });
    let line = pipeline("line").then("slow", slow).concurrency(1);
    let line = line.start(&system).await.unwrap();
    let asks = [1, 2].map(|n| {
        let line = line.clone();
        tokio::spawn(async move { line.ask(n).await })
    });
    tokio::time::sleep(ms(1)).await;
    system.pause();
    system.resume();
    tokio::time::sleep(ms(1)).await;
    assert_eq!(begun.load(SeqCst), 1, "one at a time");
    for (ask, n) in asks.into_iter().zip(1..) {
        gate.notify_one();
        assert_eq!(ask.await.unwrap().unwrap().value, n);
    }
}

#[tokio::test(start_paused = true)]
async fn d_an_ensemble_whose_types_cannot_fit_is_refused() {
    use callboard::coordination::{Participant, PipelineProtocol, ensemble};
    let system = System::new("t");
    let one = || Participant::asks("one", plus_one());
    let text = || Participant::computes("text", |n: u32| Ok(n.to_string()));
    let line = || ensemble(PipelineProtocol::new(vec![1, 1]));

    let fits = line().with(one()).with(text());
    let fits = fits.start::<u32, String>(&system, "fits").await.unwrap();
    assert_eq!(fits.ask(1).await.unwrap().value, "2");
    let no_input = line().with(one()).with(text());
    let no_input = no_input.start::<bool, String>(&system, "a").await;
    assert!(no_input.is_ok(), "one of them gives what the other takes");
    let no_source = line().with(text()).with(text());
    let no_source = no_source.start::<bool, String>(&system, "b").await;
    assert!(matches!(no_source, Err(StartError::Invalid(_))));
    let no_result = line().with(one()).with(one());
    let no_result = no_result.start::<u32, String>(&system, "c").await;
    assert!(matches!(no_result, Err(StartError::Invalid(_))));

    let swapped = line().with(text()).with(one());
    let swapped = swapped.start::<u32, u32>(&system, "d").await.unwrap();
    let fault = swapped.ask(1).await.unwrap_err();
    assert_eq!(fault.message(), "one: a payload of another type");
}

#[tokio::test(start_paused = true)]
async fn d_a_pattern_asks_nobody_for_a_request_whose_budget_is_spent() {
    let system = System::new("t");
    let dear = plus_one().with_metadata(|_| Metadata::new().tokens(40));
    let asked = Script::new().answer(5).answer(6).answer(7);
    let last = scripted(&system, "last", asked.clone()).await;
    let line = || {
        pipeline("line")
            .then("a", dear.clone())
            .then("b", dear.clone())
    };
    let driven = line()
        .then("last", last.clone())
        .start(&system)
        .await
        .unwrap();
    let flow = pipeline("flow")
        .then("a", dear.clone())
        .then("b", dear.clone());
    let flow = flow
        .then("last", last)
        .start_streaming(&system)
        .await
        .unwrap();
    for worker in [driven, flow.worker()] {
        let before = asked.calls();
        let spent = worker
            .ask(1)
            .budget(Budget::new().tokens(80))
            .await
            .unwrap_err();
        assert_eq!(spent.class(), FaultClass::Budget, "{spent}");
        assert!(spent.message().starts_with("last: "), "{spent}");
        assert_eq!(asked.calls(), before);
        let enough = worker
            .ask(1)
            .budget(Budget::new().tokens(81))
            .await
            .unwrap();
        assert_eq!(enough.metadata.tokens, Some(80));
    }
}
