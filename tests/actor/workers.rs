use callboard::actor::Metadata;
use callboard::prelude::*;
use callboard::testing::Script;

use crate::common::system;

fn plus_one() -> WorkerRef<u32, u32> {
    let worker = WorkerRef::from_fn("plus-one", |n: u32| async move { Ok(n + 1) });
    worker.with_metadata(|n| {
        Metadata::new()
            .tokens(10)
            .cost(2)
            .confidence(f64::from(*n) / 10.0)
    })
}

#[tokio::test(start_paused = true)]
async fn a6_a_mapped_worker_says_the_same_about_another_answer() {
    let text = plus_one().map(|n| format!("{n}!"));
    let served = text.ask(1).await.unwrap();
    assert_eq!(served.value, "2!");
    assert_eq!(served.metadata.confidence, Some(0.2));
    assert_eq!(text.name(), "plus-one");
}

#[tokio::test(start_paused = true)]
async fn a6_an_answer_that_cannot_be_mapped_is_a_fault() {
    let even = plus_one().try_map(|n| match n % 2 {
        0 => Ok(n / 2),
        _ => Err(Fault::permanent("odd")),
    });
    assert_eq!(even.ask(1).await.unwrap().value, 1);
    assert_eq!(even.ask(2).await.unwrap_err().message(), "odd");
}

#[tokio::test(start_paused = true)]
async fn a6_chained_workers_cost_what_both_cost_and_are_as_sure_as_the_last() {
    let both = plus_one().and_then(plus_one());
    let served = both.ask(1).await.unwrap();
    assert_eq!(served.value, 3);
    let wanted = Metadata::new().tokens(20).cost(4).confidence(0.3);
    assert_eq!(served.metadata, wanted);
    assert_eq!(both.name(), "plus-one then plus-one");
}

#[tokio::test(start_paused = true)]
async fn a6_a_chain_ends_with_the_first_fault() {
    let bad = WorkerRef::from_fn("bad", |_: u32| async {
        Err::<u32, _>(Fault::transient("no"))
    });
    let next = WorkerRef::from_fn("next", |_: u32| async { panic!("it was not asked") });
    let chain: WorkerRef<u32, u32> = bad.and_then(next);
    assert_eq!(chain.ask(1).await.unwrap_err().message(), "no");
}

#[tokio::test(start_paused = true)]
async fn a6_a_workers_own_deadline_holds_where_it_is_the_earlier_one() {
    let system = system();
    let script = Script::new().hang().hang().answer(3);
    let spec = ChildSpec::new("hang", script.worker());
    let hang: WorkerRef<u32, u32> = system.spawn(spec).await.unwrap().into();
    let hurried = hang.with_deadline(secs(1));

    let begun = tokio::time::Instant::now();
    let late = hurried.ask(1).deadline(secs(60)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    assert_eq!(begun.elapsed(), secs(1));
    let late = hurried.ask(1).deadline(ms(10)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    assert_eq!(begun.elapsed(), ms(1_010));
    assert_eq!(hurried.ask(1).await.unwrap().value, 3);
}

#[tokio::test(start_paused = true)]
async fn a6_whether_it_is_available_passes_through() {
    let system = system();
    let spec = ChildSpec::new("w", Script::new().answer(3).worker()).restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let worker: WorkerRef<u32, u32> = actor.clone().into();
    let all = [
        worker.map(|n| n),
        worker.with_deadline(secs(1)),
        worker.named("other"),
        worker.and_then(plus_one()),
        plus_one().and_then(worker),
    ];
    assert!(all.iter().all(WorkerRef::is_available));
    assert_eq!(all[2].name(), "other");
    assert_eq!(all[2].ask(1).await.unwrap().value, 3);
    actor.kill();
    actor.closed().await;
    assert!(!all.iter().any(WorkerRef::is_available));
}
