//! D2: pipelines over real actors.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use std::num::NonZeroUsize;

use callboard::coordination::{Checkpoints, Fields, Stage, pipeline};
use callboard::prelude::*;
use callboard::testing::{Script, quiet_panics};

use crate::common::{plus_one, scripted};

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
        .on_error(move |error| {
            assert_eq!(error.stage(), "grow");
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

#[tokio::test(start_paused = true)]
async fn d2_a_stage_with_fallbacks_is_drawn_with_them() {
    let line = pipeline("line")
        .stage(Stage::new("strong \"one\"", plus_one()).or("weak", plus_one()))
        .then("last", plus_one());
    let wanted = [
        "flowchart LR",
        "    input([input])",
        "    w0[\"strong #quot;one#quot;\"]",
        "    input --> w0",
        "    w1[\"weak\"]",
        "    w0 -. falls back .-> w1",
        "    w2[\"last\"]",
        "    w0 --> w2",
        "    w1 --> w2",
        "    output([output])",
        "    w2 --> output",
        "",
    ];
    assert_eq!(line.mermaid(), wanted.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn d2_the_error_handler_gets_the_stage_the_fault_and_the_last_data() {
    let system = System::new("t");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let line = pipeline("line")
        .then("one", plus_one())
        .stage(Stage::new("bad", bad).keep_input())
        .on_error(move |error| {
            let said = (
                error.stage().to_owned(),
                error.fault().message().to_owned(),
                error.last::<u32>().copied(),
                error.last::<String>().is_some(),
            );
            told.lock().unwrap().push(said);
        })
        .start(&system)
        .await
        .unwrap();
    line.ask(6).await.unwrap_err();
    let wanted = ("bad".to_owned(), "no".to_owned(), Some(7), false);
    assert_eq!(*seen.lock().unwrap(), [wanted]);
}

#[tokio::test(start_paused = true)]
async fn d2_an_item_that_carries_an_error_stops_too() {
    let system = System::new("t");
    let parse = WorkerRef::from_fn("parse", |text: &'static str| async move {
        let parsed = text.parse::<u32>();
        Ok(parsed.map_err(|error| Fault::permanent("no number").because(error)))
    });
    let reached = Script::new().answer(1);
    let last = scripted(&system, "last", reached.clone()).await;
    let line = pipeline("line")
        .stage(Stage::unwrapping("parse", parse))
        .check(|n| match n % 2 {
            0 => Ok(()),
            _ => Err(Fault::permanent(format!("{n} is odd"))),
        })
        .then("last", last)
        .start(&system)
        .await
        .unwrap();
    let fault = line.ask("x").await.unwrap_err();
    assert_eq!(fault.message(), "parse: no number");
    let fault = line.ask("3").await.unwrap_err();
    assert_eq!(fault.message(), "parse: 3 is odd");
    assert_eq!(reached.calls(), 0);
    assert_eq!(line.ask("4").await.unwrap().value, 1);
}

#[tokio::test(start_paused = true)]
async fn d2_an_item_that_comes_again_goes_on_after_its_checkpoints() {
    let system = System::new("t");
    let first = Script::new().answer(10).answer(20).answer(30);
    let asked = first.clone();
    let first = scripted(&system, "first", first).await;
    let second = Script::new().fault(Fault::permanent("down")).answer(3);
    let second = scripted(&system, "second", second).await;
    let kept = Checkpoints::new(NonZeroUsize::new(2).unwrap());
    let line = pipeline("line")
        .stage(Stage::new("first", first).checkpoint(&kept, u32::to_string))
        .then("second", second)
        .start(&system)
        .await
        .unwrap();

    line.ask(7).await.unwrap_err();
    assert_eq!(kept.passed("7"), ["first".into()]);
    assert_eq!(line.ask(7).await.unwrap().value, 3);
    assert_eq!(asked.calls(), 1, "the first stage is not passed again");

    kept.forget("7");
    assert!(kept.is_empty());
    let _ = line.ask(7).await;
    assert_eq!(asked.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn d2_checkpoints_are_bounded_and_an_invalid_answer_is_none() {
    let system = System::new("t");
    let kept = Checkpoints::new(NonZeroUsize::new(2).unwrap());
    let line = pipeline("line")
        .stage(Stage::new("one", plus_one()).checkpoint(&kept, u32::to_string))
        .validate(|n| *n != 6)
        .start(&system)
        .await
        .unwrap();
    for n in 1..=4 {
        line.ask(n).await.unwrap();
    }
    line.ask(5).await.unwrap_err();
    assert_eq!(kept.len(), 2, "the oldest are pushed out");
    assert!(kept.passed("5").is_empty() && kept.passed("2").is_empty());
    assert_eq!(kept.passed("4").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn d2_a_name_that_nobody_gives_is_refused() {
    let system = System::new("t");
    let stage = |takes: &str| Stage::named("one", plus_one(), takes, "more");
    let unknown = pipeline("line").input::<u32>("n").stage(stage("m"));
    let refused = unknown.start(&system).await.unwrap_err().to_string();
    assert!(
        refused.contains("takes \"m\", which nobody gives"),
        "{refused}"
    );

    let mistyped = pipeline("line").input::<String>("n").stage(stage("n"));
    let refused = mistyped.start(&system).await.unwrap_err().to_string();
    assert!(refused.contains("as u32, but it is"), "{refused}");

    let line = pipeline("line").input::<u32>("n").stage(stage("n"));
    let line = line.start(&system).await.unwrap();
    let fields = Fields::new().with("n", 1_u32);
    let answer = line.ask(fields).await.unwrap().value;
    assert_eq!(*answer.get::<u32>("n").unwrap(), 1);
    assert_eq!(*answer.get::<u32>("more").unwrap(), 2);
    assert!(answer.get::<String>("n").is_err());

    // What the input was said to have, and has not.
    let fault = line.ask(Fields::new()).await.unwrap_err();
    assert!(fault.message().contains("there is no \"n\""), "{fault}");
}
