//! What makes no sense, takes too long or is too big: a typed error or a reported
//! failure, never a hang.

use callboard::actor::Serve;
use callboard::coordination::graph::{InvalidGraph, Task, graph};
use callboard::coordination::{
    Need, Reduction, Scatter, Stage, iterate, map_reduce, pipeline, scatter,
};
use callboard::prelude::*;
use callboard::testing::quiet_panics;

use crate::common::plus_one;

fn stuck() -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("stuck", |_| std::future::pending())
}

#[tokio::test(start_paused = true)]
async fn d_patterns_without_workers_are_refused() {
    let system = System::new("t");
    let nobody: [WorkerRef<u32, u32>; 0] = [];
    let none = scatter(nobody).start(&system, "none").await;
    assert!(matches!(none, Err(StartError::Invalid(_))));
    let none = pipeline::<u32>("none").start(&system).await;
    assert!(matches!(none, Err(StartError::Invalid(_))));
    let none = pipeline::<u32>("none").start_streaming(&system).await;
    assert!(matches!(none, Err(StartError::Invalid(_))));
    let none = graph::<u32>("none").build();
    assert!(matches!(none, Err(InvalidGraph::NoTasks)));
}

#[tokio::test(start_paused = true)]
async fn d_bounds_that_contradict_each_other_are_refused() {
    let system = System::new("t");
    let two = || -> Scatter<u32, u32, _> { scatter([plus_one(), plus_one()]) };
    for need in [Need::AtLeast(3), Need::AtLeast(0)] {
        let refused = two().need(need).start(&system, "two").await;
        assert!(matches!(refused, Err(StartError::Invalid(_))), "{need}");
    }
    let refused = iterate(plus_one(), |_| 0.0).converged_below(f64::NAN);
    assert!(matches!(
        refused.start(&system, "loop").await,
        Err(StartError::Invalid(_))
    ));
    let misnamed = pipeline("a/b").then("one", plus_one()).start(&system).await;
    assert!(matches!(misnamed, Err(StartError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn d_graphs_that_cannot_run_are_refused_with_the_reason() {
    let missing = graph("g")
        .task(Task::new("a", plus_one()).after("b"))
        .build();
    let missing = missing.unwrap_err().to_string();
    assert!(missing.contains("\"b\""), "{missing}");
    let circle = graph("g")
        .task(Task::new("a", plus_one()).after("b"))
        .task(Task::new("b", plus_one()).after("a"))
        .build();
    let circle = circle.unwrap_err().to_string();
    assert!(
        circle.contains("a -> b -> a") || circle.contains("b -> a -> b"),
        "{circle}"
    );
}

#[tokio::test(start_paused = true)]
async fn d_a_combiner_that_panics_is_that_requests_fault() {
    quiet_panics();
    let system = System::new("t");
    let sum = scatter([plus_one(), plus_one()])
        .combine(|all| {
            let sum: u32 = all.into_values().into_iter().sum();
            assert_ne!(sum, 4, "four");
            Ok(sum)
        })
        .start(&system, "sum")
        .await
        .unwrap();
    let fault = sum.ask(1).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert_eq!(sum.ask(2).await.unwrap().value, 6);

    let reduce = Reduction::unordered(|a: u32, b: u32| {
        assert_ne!(a, b, "twins");
        a + b
    });
    let mapper = WorkerRef::from_fn("first", |list: Vec<u32>| async move { Ok(list[0]) });
    let total = map_reduce(mapper, reduce).batches_of(1);
    let total = total.start(&system, "total").await.unwrap();
    assert!(total.ask(vec![3, 3]).await.is_err());
    assert_eq!(total.ask(vec![3, 4]).await.unwrap().value, 7);
    assert_eq!(system.restarts(), 0);
}

#[tokio::test(start_paused = true)]
async fn d_a_worker_that_never_answers_is_a_deadline_fault_in_every_pattern() {
    let system = System::new("t");
    let lists = WorkerRef::from_fn("stuck", |_: Vec<u32>| std::future::pending());
    let total = map_reduce(lists, Reduction::sum()).start(&system, "total");
    let total: WorkerRef<Vec<u32>, u32> = total.await.unwrap();
    let patterns = [
        pipeline("line")
            .then("stuck", stuck())
            .start(&system)
            .await
            .unwrap(),
        pipeline("flow")
            .then("stuck", stuck())
            .start_streaming(&system)
            .await
            .unwrap()
            .worker(),
        scatter([stuck(), plus_one()])
            .combine(|all| Ok(all.into_values().len() as u32))
            .start(&system, "all")
            .await
            .unwrap(),
        iterate(stuck(), |n| f64::from(*n))
            .start(&system, "loop")
            .await
            .unwrap(),
        graph("graph")
            .task(Task::new("stuck", stuck()))
            .build()
            .unwrap()
            .start(&system)
            .await
            .unwrap()
            .map(|report| report.answers.len() as u32),
        WorkerRef::from_fn("list", move |n| {
            let total = total.clone();
            async move { Ok(total.ask(vec![n]).await?.value) }
        }),
    ];
    for pattern in patterns {
        let late = pattern.ask(1).await.unwrap_err();
        assert_eq!(
            late.class(),
            FaultClass::Deadline,
            "{}: {late}",
            pattern.name()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn d_an_item_of_a_hundred_megabytes_is_moved_and_not_copied() {
    let system = System::new("t");
    let same = || WorkerRef::from_fn("same", |blob: Vec<u8>| async move { Ok(blob) });
    let line = pipeline("line").then("a", same()).then("b", same());
    let flow = pipeline("flow").then("a", same()).then("b", same());
    let line = line.start(&system).await.unwrap();
    let flow = flow.start_streaming(&system).await.unwrap().worker();
    for worker in [line, flow] {
        let blob = vec![7; 100_000_000];
        let at = blob.as_ptr();
        let back = worker.ask(blob).await.unwrap().value;
        assert_eq!((back.len(), back.as_ptr()), (100_000_000, at));
    }
}

#[tokio::test(start_paused = true)]
async fn d_zero_where_one_is_the_least_is_one() {
    let system = System::new("t");
    let stage = Stage::new("one", plus_one()).attempts(0).at_once(0);
    let line = pipeline("line").stage(stage).concurrency(0);
    let line = line.start_streaming(&system).await.unwrap();
    assert_eq!(line.stream([1, 2]).collect().await.unwrap(), [2, 3]);
    let any = scatter([plus_one()]).concurrency(0).requests(0);
    let any = any.start(&system, "any").await.unwrap();
    assert_eq!(any.ask(1).await.unwrap().value.into_values(), [2]);
}

#[tokio::test(start_paused = true)]
async fn d_whatever_answers_can_be_boxed() {
    struct Half;
    impl Serve<u32, u32> for Half {
        fn serve(
            &self,
            n: u32,
        ) -> callboard::actor::BoxFuture<'_, Result<callboard::actor::Served<u32>, Fault>> {
            Box::pin(async move { Ok(callboard::actor::Served::new(n / 2)) })
        }

        fn name(&self) -> String {
            "half".into()
        }
    }
    assert_eq!(Half.boxed().ask(8).await.unwrap().value, 4);
}
