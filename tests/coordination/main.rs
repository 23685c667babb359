//! D2 and D3: pipelines and scatters over real actors.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

mod graph;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::coordination::{Need, Stage, pipeline, scatter};
use callboard::prelude::*;
use callboard::testing::{Script, quiet_panics};

fn plus_one() -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("plus-one", |n: u32| async move { Ok(n + 1) })
}

#[tokio::test(start_paused = true)]
async fn d2_each_stage_takes_what_the_last_one_gave() {
    let system = System::new("t");
    let shout = WorkerRef::from_fn("shout", |n: u32| async move { Ok(format!("{n}!")) });
    let line = pipeline("line")
        .then("one", plus_one())
        .then("two", plus_one())
        .then("shout", shout)
        .start(&system)
        .await
        .unwrap();
    assert_eq!(line.ask(1).await.unwrap().value, "3!");
}

#[tokio::test(start_paused = true)]
async fn d2_a_stages_invalid_answer_stops_the_item_and_names_the_stage() {
    let system = System::new("t");
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let reached = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&reached);
    let last = WorkerRef::from_fn("last", move |n: u32| {
        seen.fetch_add(1, SeqCst);
        async move { Ok(n) }
    });
    let line = pipeline("line")
        .then("grow", plus_one())
        .validate(|n| n % 2 == 0)
        .then("last", last)
        .on_error(move |stage, _| {
            assert_eq!(stage, "grow");
            count.fetch_add(1, SeqCst);
        })
        .start(&system)
        .await
        .unwrap();

    assert_eq!(line.ask(1).await.unwrap().value, 2);
    let fault = line.ask(2).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains("grow"), "{fault}");
    assert_eq!((told.load(SeqCst), reached.load(SeqCst)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn d2_a_stage_is_tried_again_on_transient_faults_only() {
    let system = System::new("t");
    let script = Script::new()
        .fault(Fault::transient("busy"))
        .answer(7)
        .fault(Fault::permanent("no"));
    let mock: WorkerRef<u32, u32> = system
        .spawn(ChildSpec::new("mock", script.worker()))
        .await
        .unwrap()
        .into();
    let line = pipeline("line")
        .then("first", plus_one())
        .then_retry("mock", mock, 3)
        .start(&system)
        .await
        .unwrap();

    assert_eq!(line.ask(0).await.unwrap().value, 7);
    assert_eq!(
        line.ask(0).await.unwrap_err().class(),
        FaultClass::Permanent
    );
    assert_eq!(script.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn d2_a_stage_that_fails_for_good_falls_back() {
    let system = System::new("t");
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let busy = Script::new().fault(Fault::transient("busy")).answer(7);
    let busy = scripted(&system, "busy", busy).await;
    let mut events = system.events();
    let line = pipeline("line")
        .stage(Stage::new("strong", bad).attempts(2).or("weak", busy))
        .then("one", plus_one())
        .start(&system)
        .await
        .unwrap();
    assert_eq!(line.ask(0).await.unwrap().value, 8);

    let mut steps = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::Step { step, outcome, .. } = event {
            steps.push(format!("{step} {outcome}"));
        }
    }
    let wanted = ["strong fell back", "weak retried", "weak done", "one done"];
    assert_eq!(steps, wanted);
}

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
async fn d2_every_stage_is_an_event() {
    let system = System::new("t");
    let mut events = system.events();
    let line = pipeline("line")
        .then("one", plus_one())
        .then("two", plus_one())
        .start(&system)
        .await
        .unwrap();
    line.ask(1).await.unwrap();

    let mut steps = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::Step { step, outcome, .. } = event {
            steps.push(format!("{step} {outcome}"));
        }
    }
    assert_eq!(steps, ["one done", "two done"]);
}

#[tokio::test(start_paused = true)]
async fn d2_items_stream_through_in_order_with_a_bound_on_how_many_are_under_way() {
    let system = System::new("t");
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let slow = {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        WorkerRef::from_fn("slow", move |n: u32| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                tokio::time::sleep(ms(u64::from(10 - n % 10))).await;
                now.fetch_sub(1, SeqCst);
                if n == 50 {
                    Err(Fault::permanent("fifty"))
                } else {
                    Ok(n)
                }
            }
        })
    };
    let line = pipeline("line")
        .then("slow", slow)
        .concurrency(4)
        .start(&system)
        .await
        .unwrap();

    let outcomes = line.stream(0..100).concurrency(32).collect_partial().await;
    let values: Vec<_> = outcomes
        .iter()
        .filter_map(|o| o.as_ref().ok().copied())
        .collect();
    let wanted: Vec<_> = (0..100).filter(|n| *n != 50).collect();
    assert_eq!(values, wanted);
    assert!(outcomes[50].is_err());
    assert_eq!(most.load(SeqCst), 4, "as many runs as the pipeline allows");
}

#[tokio::test(start_paused = true)]
async fn d2_a_pipeline_without_stages_is_refused() {
    let system = System::new("t");
    let none = pipeline::<u32>("none").start(&system).await;
    assert!(matches!(none, Err(StartError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn d2_when_the_asker_gives_up_the_stage_under_way_is_cancelled() {
    quiet_panics();
    let system = System::new("t");
    let script = Script::new().hang().answer(3);
    let mock: WorkerRef<u32, u32> = system
        .spawn(ChildSpec::new("mock", script.worker()))
        .await
        .unwrap()
        .into();
    let line = pipeline("line")
        .then("mock", mock)
        .start(&system)
        .await
        .unwrap();

    let late = line.ask(1).deadline(ms(50)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    assert_eq!(line.ask(1).deadline(ms(50)).await.unwrap().value, 3);
}

async fn scripted(system: &System, name: &str, script: Script<u32>) -> WorkerRef<u32, u32> {
    system
        .spawn(ChildSpec::new(name, script.worker()))
        .await
        .unwrap()
        .into()
}

#[tokio::test(start_paused = true)]
async fn d3_all_needs_every_answer_and_keeps_the_workers_order() {
    let system = System::new("t");
    let slow = scripted(&system, "slow", Script::new().slow(secs(1), 1)).await;
    let fast = scripted(&system, "fast", Script::new().answer(2)).await;
    let both = scatter([slow, fast]).start(&system, "both").await.unwrap();
    assert_eq!(both.ask(0).await.unwrap().value.into_values(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn d3_all_fails_with_the_first_failure() {
    let system = System::new("t");
    let hang = scripted(&system, "hang", Script::new().hang()).await;
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let both = scatter([hang, bad]).start(&system, "both").await.unwrap();
    let fault = both.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains("t/bad"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn d3_first_takes_the_first_answer_and_cancels_the_rest() {
    let system = System::new("t");
    let hang_script = Script::new().hang().answer(8);
    let hang = scripted(&system, "hang", hang_script).await;
    let fast = scripted(&system, "fast", Script::new().answer(2)).await;
    let any = scatter([hang.clone(), fast])
        .need(Need::First)
        .start(&system, "any")
        .await
        .unwrap();
    assert_eq!(any.ask(0).await.unwrap().value.into_values(), [2]);
    assert_eq!(
        hang.ask(0).await.unwrap().value,
        8,
        "the hanging call was dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn d3_a_quorum_reports_the_failures_on_the_way_one_by_one() {
    let system = System::new("t");
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let a = scripted(&system, "a", Script::new().slow(ms(1), 1)).await;
    let b = scripted(&system, "b", Script::new().slow(ms(2), 2)).await;
    let quorum = scatter([bad, a, b])
        .need(Need::AtLeast(2))
        .start(&system, "q")
        .await
        .unwrap();
    let scattered = quorum.ask(0).await.unwrap().value;
    assert_eq!(scattered.answers, [(1, 1), (2, 2)]);
    assert_eq!(scattered.failures.len(), 1);
    assert_eq!(scattered.failures[0].0, 0);
}

#[tokio::test(start_paused = true)]
async fn d3_best_effort_takes_what_came_in_time() {
    let system = System::new("t");
    let hang = scripted(&system, "hang", Script::new().hang()).await;
    let fast = scripted(&system, "fast", Script::new().answer(2)).await;
    let some = scatter([hang, fast])
        .need(Need::BestEffort)
        .within(secs(1))
        .combine(|s| Ok(s.into_values().len()))
        .start(&system, "some")
        .await
        .unwrap();
    assert_eq!(some.ask(0).await.unwrap().value, 1);
}

#[tokio::test(start_paused = true)]
async fn d3_no_success_at_all_is_an_error() {
    let system = System::new("t");
    let bad = scripted(&system, "bad", Script::new().fault(Fault::transient("no"))).await;
    let some = scatter([bad])
        .need(Need::BestEffort)
        .start(&system, "some")
        .await
        .unwrap();
    assert_eq!(
        some.ask(0).await.unwrap_err().class(),
        FaultClass::Transient
    );
}

#[tokio::test(start_paused = true)]
async fn d3_a_combiner_that_panics_fails_its_own_request_only() {
    quiet_panics();
    let system = System::new("t");
    let some = scatter([plus_one()])
        .combine(|s| {
            let value = s.into_values()[0];
            assert!(value != 1, "scripted");
            Ok(value)
        })
        .start(&system, "some")
        .await
        .unwrap();
    assert_eq!(
        some.ask(0).await.unwrap_err().class(),
        FaultClass::Permanent
    );
    assert_eq!(some.ask(1).await.unwrap().value, 2);
}

#[tokio::test(start_paused = true)]
async fn d3_bounds_that_contradict_are_refused() {
    let system = System::new("t");
    let none = scatter::<u32, u32, WorkerRef<u32, u32>>([])
        .start(&system, "none")
        .await;
    assert!(matches!(none, Err(StartError::Invalid(_))));
    let many = scatter([plus_one()])
        .need(Need::AtLeast(2))
        .start(&system, "many")
        .await;
    assert!(matches!(many, Err(StartError::Invalid(_))));
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
