//! D6 and D9: task graphs and conditional workflows over real workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::coordination::graph::{
    Graph, GraphReport, Inputs, InvalidGraph, InvalidSubtasks, OnFailure, Skipped, Subtask, Task,
    branch, graph,
};
use callboard::prelude::*;
use callboard::testing::{Script, quiet_panics};

use crate::common::scripted;

fn plus(n: u32) -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("plus", move |m: u32| async move { Ok(m + n) })
}

fn takes(after: Duration) -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("takes", move |n: u32| async move {
        tokio::time::sleep(after).await;
        Ok(n)
    })
}

fn sum() -> WorkerRef<Inputs<u32>, u32> {
    WorkerRef::from_fn("sum", |inputs: Inputs<u32>| async move {
        Ok(inputs.iter().map(|(_, n)| *n).sum())
    })
}

async fn run(graph: &Graph<u32>, input: u32) -> Result<GraphReport<u32>, Fault> {
    let system = System::new("t");
    let worker = graph.start(&system).await.unwrap();
    worker.ask(input).await.map(|served| served.value)
}

fn names(report: &GraphReport<u32>) -> Vec<&str> {
    report.order.iter().map(|run| &*run.task).collect()
}

#[tokio::test(start_paused = true)]
async fn d6_a_diamond_joins_what_its_sides_gave() {
    let join = WorkerRef::from_fn("join", |inputs: Inputs<u32>| async move {
        assert_eq!((inputs.len(), inputs.get("top")), (2, None));
        let side = |name| inputs.get(name).copied().unwrap_or_default();
        Ok(inputs.input() * 10_000 + side("left") * 100 + side("right"))
    });
    let diamond = graph("diamond")
        .task(Task::joining("join", join).after("left").after("right"))
        .task(Task::new("left", plus(1)).after("top"))
        .task(Task::new("right", plus(2)).after("top"))
        .task(Task::new("top", plus(10)))
        .build()
        .unwrap();
    let report = run(&diamond, 5).await.unwrap();
    assert_eq!(report.answers["join"], 5_16_17);
    assert_eq!(report.answers.len(), 4);
    assert_eq!(names(&report), ["top", "left", "right", "join"]);
}

#[tokio::test(start_paused = true)]
async fn d6_what_is_ready_runs_side_by_side_within_the_bound() {
    let under_way = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let seen = (Arc::clone(&under_way), Arc::clone(&most));
    let worker = WorkerRef::from_fn("counts", move |n: u32| {
        let (under_way, most) = (Arc::clone(&seen.0), Arc::clone(&seen.1));
        async move {
            most.fetch_max(under_way.fetch_add(1, SeqCst) + 1, SeqCst);
            tokio::time::sleep(ms(100)).await;
            under_way.fetch_sub(1, SeqCst);
            Ok(n)
        }
    });
    for (concurrency, time) in [(None, ms(300)), (Some(4), ms(600))] {
        let tasks = (0..24).map(|at| Task::new(format!("task {at}"), worker.clone()));
        let all = tasks.fold(graph("all"), |all, task| all.task(task));
        let all = match concurrency {
            Some(tasks) => all.concurrency(tasks),
            None => all,
        };
        most.store(0, SeqCst);
        let report = run(&all.build().unwrap(), 0).await.unwrap();
        assert_eq!(most.load(SeqCst), concurrency.unwrap_or(10));
        let last = report.order.iter().map(|run| run.ended).max().unwrap();
        assert!(last >= time && last < time + ms(10), "{last:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn d6_the_heaviest_way_is_gone_first() {
    let ways = graph("ways")
        .task(Task::new("light", plus(0)))
        .task(Task::new("begin", plus(0)))
        .task(Task::new("heavy", plus(0)).after("begin").weight(10))
        .task(Task::new("middle", plus(0)).weight(5))
        .concurrency(1)
        .build()
        .unwrap();
    assert_eq!(ways.critical_path().join(" -> "), "begin -> heavy");
    assert_eq!(ways.weight(), 17);
    let report = run(&ways, 0).await.unwrap();
    assert_eq!(names(&report), ["begin", "heavy", "middle", "light"]);
}

#[test]
fn d6_what_cannot_run_is_refused_when_built() {
    let task = |name: &'static str| Task::new(name, plus(0));
    let refused =
        |graph: callboard::coordination::graph::GraphBuilder<u32>| graph.build().unwrap_err();
    assert_eq!(refused(graph("g")), InvalidGraph::NoTasks);
    let twice = graph("g").task(task("a")).task(task("a"));
    assert_eq!(refused(twice), InvalidGraph::DuplicateTask("a".into()));
    let unknown = refused(graph("g").task(task("a").after("b")));
    assert_eq!(
        unknown.to_string(),
        "task \"a\" depends on \"b\", which is no task of the graph"
    );
    let circle = graph("g")
        .task(task("before"))
        .task(task("c").after("b"))
        .task(task("a").after("c"))
        .task(Task::joining("b", sum()).after("a").after("before"));
    assert_eq!(
        refused(circle).to_string(),
        "tasks wait for each other: c -> a -> b -> c"
    );
    let itself = refused(graph("g").task(task("a").after("a")));
    assert_eq!(itself, InvalidGraph::Circle(vec!["a".into(), "a".into()]));
    let several = graph("g").task(task("a")).task(task("b"));
    let several = several.task(task("c").after("a").after("b"));
    assert_eq!(refused(several), InvalidGraph::SeveralInputs("c".into()));
    let again = graph("g")
        .task(task("a"))
        .task(Task::joining("b", sum()).after("a").after("a"));
    assert!(matches!(refused(again), InvalidGraph::DependsTwice { .. }));
    let nowhere = graph("g").task(task("a"));
    let nowhere = nowhere.branch(branch("a").otherwise("b"));
    assert!(matches!(
        refused(nowhere),
        InvalidGraph::UnknownTarget { .. }
    ));
    let none = graph("g").task(task("a")).concurrency(0);
    assert!(matches!(refused(none), InvalidGraph::Zero(_)));
    let kind = graph("g").task(task("a")).kind(task("k").after("a"));
    assert_eq!(refused(kind), InvalidGraph::KindDepends("k".into()));
    let many = graph("g").task(task("a")).task(task("b")).at_most(1);
    assert!(matches!(refused(many), InvalidGraph::TooManyTasks { .. }));
    let never = graph("g").task(task("a").attempts(0));
    assert!(matches!(refused(never), InvalidGraph::Zero(_)));
}

#[test]
fn d6_more_conditions_than_there_are_bits_are_refused() {
    let asks = |conditions: usize| {
        let tasks = (0..conditions)
            .map(|at| Task::new(format!("{at}"), plus(0)).after_if("a", "odd", |n| n % 2 == 1));
        let first = graph("g").task(Task::new("a", plus(0)));
        tasks.fold(first, |graph, task| graph.task(task)).build()
    };
    assert!(asks(32).is_ok());
    assert_eq!(
        asks(33).unwrap_err(),
        InvalidGraph::TooManyConditions("a".into())
    );
}

#[tokio::test(start_paused = true)]
async fn d6_a_failure_stops_the_run_and_cancels_the_others() {
    let system = System::new("t");
    let slow_script = Script::new().hang().answer(8);
    let slow = scripted(&system, "slow", slow_script).await;
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let both = graph("both")
        .task(Task::new("hangs", slow.clone()))
        .task(Task::new("fails", bad))
        .build()
        .unwrap();
    let fault = run(&both, 0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().starts_with("fails: "), "{fault}");
    assert_eq!(slow.ask(0).await.unwrap().value, 8, "the call was dropped");
}

#[tokio::test(start_paused = true)]
async fn d6_what_does_not_depend_on_a_failure_goes_on() {
    let system = System::new("t");
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let some = graph("some")
        .task(Task::new("bad", bad))
        .task(Task::new("behind", plus(1)).after("bad"))
        .task(Task::new("good", takes(secs(1))))
        .task(Task::joining("far", sum()).after("good").after("behind"))
        .task(Task::new("free", plus(1)).after("good"))
        .on_failure(OnFailure::GoOn)
        .build()
        .unwrap();
    let report = run(&some, 1).await.unwrap();
    assert_eq!(
        report.answers.keys().map(|it| &**it).collect::<Vec<_>>(),
        ["free", "good"]
    );
    assert_eq!(report.failures["bad"].class(), FaultClass::Permanent);
    for task in ["behind", "far"] {
        assert_eq!(report.skipped[task], Skipped::Failure("bad".into()));
    }
    let drawn = report.mermaid();
    for class in ["class t0 failed", "class t1 skipped", "class t2 done"] {
        assert!(drawn.contains(class), "{drawn}");
    }
}

#[tokio::test(start_paused = true)]
async fn d6_the_way_that_the_run_waited_for_is_drawn_in_bold() {
    let sides = graph("sides")
        .task(Task::new("start", plus(1)))
        .task(Task::new("slow", takes(secs(2))).after("start"))
        .task(Task::new("quick", takes(secs(1))).after("start"))
        .build()
        .unwrap();
    let report = run(&sides, 1).await.unwrap();
    let drawn = report.mermaid();
    let bold: Vec<&str> = drawn
        .lines()
        .map(str::trim)
        .filter(|line| line.ends_with(" critical") || line.starts_with("linkStyle"))
        .collect();
    let wanted = [
        "class t0 critical",
        "class t1 critical",
        "linkStyle 0 stroke-width:4px",
    ];
    assert_eq!(bold, wanted, "{drawn}");
}

#[tokio::test(start_paused = true)]
async fn d6_a_task_is_tried_again_on_faults_that_may_be_gone() {
    let system = System::new("t");
    let busy = || Script::new().fault(Fault::transient("busy"));
    let twice = scripted(&system, "twice", busy().answer(7)).await;
    let never = busy().fault(Fault::permanent("no")).answer(9);
    let never = scripted(&system, "never", never).await;
    let tries = graph("tries")
        .task(Task::new("twice", twice).attempts(3))
        .task(Task::new("never", never).attempts(3))
        .task(Task::new("next", plus(1)).after("twice"))
        .on_failure(OnFailure::GoOn)
        .build()
        .unwrap();
    let report = run(&tries, 0).await.unwrap();
    assert_eq!(report.answers["next"], 8);
    assert_eq!(report.failures["never"].message(), "no");
    assert!(report.order.iter().take(2).all(|run| run.attempts == 2));
}

#[tokio::test(start_paused = true)]
async fn d6_the_asker_may_run_out_of_time_or_give_up() {
    let system = System::new("t");
    let script = Script::new().hang().answer(3);
    let worker = scripted(&system, "slow", script).await;
    let slow = graph("slow graph").task(Task::new("slow", worker.clone()));
    let slow = slow.build().unwrap().start(&system).await.unwrap();
    let fault = slow.ask(0).deadline(secs(2)).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Deadline);
    assert_eq!(
        worker.ask(0).await.unwrap().value,
        3,
        "the call was dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn d6_the_report_tells_times_and_the_way_that_the_run_waited_for() {
    let timed = graph("timed")
        .task(Task::new("begin", takes(ms(100))))
        .task(Task::new("short", takes(ms(200))).after("begin"))
        .task(Task::new("long", takes(ms(500))).after("begin"))
        .task(Task::joining("end", sum()).after("short").after("long"))
        .build()
        .unwrap();
    let report = run(&timed, 1).await.unwrap();
    assert_eq!(report.critical_path.join(" -> "), "begin -> long -> end");
    let times: Vec<_> = report
        .order
        .iter()
        .map(|run| {
            (
                &*run.task,
                run.began.as_millis() / 100,
                run.ended.as_millis() / 100,
            )
        })
        .collect();
    let wanted = [
        ("begin", 0, 1),
        ("short", 1, 3),
        ("long", 1, 6),
        ("end", 6, 6),
    ];
    assert_eq!(times, wanted);
}

#[tokio::test(start_paused = true)]
async fn d6_a_graph_is_a_task_of_another() {
    let system = System::new("t");
    let inner = graph("inner").task(Task::new("one", plus(1)));
    let inner = inner.build().unwrap().start(&system).await.unwrap();
    let inner = WorkerRef::from_fn("inner", move |n: u32| {
        let inner = inner.clone();
        async move { Ok(inner.ask(n).await?.value.answers["one"]) }
    });
    let outer = graph("outer").task(Task::new("inner", inner));
    let report = run(&outer.build().unwrap(), 1).await.unwrap();
    assert_eq!(report.answers["inner"], 2);
}

#[test]
fn d6_a_graph_describes_and_draws_itself() {
    let plan = graph("plan")
        .task(Task::new("say \"a\"", plus(0)))
        .task(Task::new("b", plus(0)).after_if("say \"a\"", "big", |n| *n > 9))
        .task(Task::new("c", plus(0)).weight(2))
        .build()
        .unwrap();
    assert_eq!(
        plan.describe().to_string(),
        "level 0: say \"a\", c\n\
         level 1: b\n\
         atomic: say \"a\", c\n\
         critical path: say \"a\" -> b\n\
         weight: 4"
    );
    assert_eq!(
        plan.mermaid(),
        "flowchart TD\n    \
         t0[\"say #quot;a#quot;\"]\n    \
         t1[\"b\"]\n    \
         t2[\"c\"]\n    \
         t0 -->|\"big\"| t1\n"
    );
}

/// Goes by the size of a number, and joins the ways again.
fn sorting() -> Graph<u32> {
    graph("sorting")
        .task(Task::new("read", plus(0)))
        .task(Task::new("large", plus(1_000)))
        .task(Task::new("medium", plus(100)))
        .task(Task::new("small", plus(10)))
        .task(Task::new("after small", plus(1)).after("small"))
        .task(
            Task::joining("end", sum())
                .after("large")
                .after("medium")
                .after("after small"),
        )
        .branch(
            branch("read")
                .when("large", |n| *n > 50, "large")
                .when("medium", |n| *n > 5, "medium")
                .otherwise("small"),
        )
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn d9_a_join_behind_a_branch_takes_the_way_that_was_taken() {
    let sorting = sorting();
    for (input, end) in [(60, 1_060), (6, 106), (1, 12)] {
        let report = run(&sorting, input).await.unwrap();
        assert_eq!(report.answers["end"], end, "{input}");
        let taken = ["large", "medium", "small"];
        let taken = taken
            .iter()
            .filter(|way| report.answers.contains_key(**way));
        assert_eq!(taken.count(), 1, "exactly one way");
    }
}

#[tokio::test(start_paused = true)]
async fn d9_a_task_is_skipped_with_the_condition_that_did_not_hold() {
    let report = run(&sorting(), 60).await.unwrap();
    let why = |condition: &str| Skipped::Condition {
        on: "read".into(),
        condition: condition.into(),
    };
    assert_eq!(report.skipped["medium"], why("medium"));
    assert_eq!(report.skipped["small"], why("otherwise"));
    assert_eq!(report.skipped["after small"], why("otherwise"));
    assert_eq!(report.skipped.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn d9_conditions_are_asked_each_for_itself() {
    let both = |n: u32| async move {
        let graph = graph("both")
            .task(Task::new("read", plus(0)))
            .task(Task::new("even", plus(0)).after_if("read", "even", |n| n % 2 == 0))
            .task(Task::new("big", plus(0)).after_if("read", "big", |n| *n > 9))
            .build()
            .unwrap();
        run(&graph, n)
            .await
            .unwrap()
            .skipped
            .into_keys()
            .collect::<Vec<_>>()
    };
    assert_eq!(both(10).await, []);
    assert_eq!(both(2).await, ["big".into()]);
    assert_eq!(both(11).await, ["even".into()]);
    assert_eq!(both(1).await, ["big".into(), "even".into()]);
}

#[tokio::test(start_paused = true)]
async fn d9_two_cases_may_lead_to_the_same_task() {
    let graph = graph("same")
        .task(Task::new("read", plus(0)))
        .task(Task::new("odd one", plus(1)))
        .task(Task::new("rest", plus(2)))
        .branch(
            branch("read")
                .when("tiny", |n| *n < 2, "odd one")
                .when("huge", |n| *n > 99, "odd one")
                .otherwise("rest"),
        )
        .build()
        .unwrap();
    assert!(graph.mermaid().contains("|\"tiny or huge\"|"));
    for (input, way) in [(1, "odd one"), (100, "odd one"), (50, "rest")] {
        let report = run(&graph, input).await.unwrap();
        assert!(report.answers.contains_key(way), "{input}");
        assert_eq!(report.skipped.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn d9_a_condition_that_panics_fails_its_task() {
    quiet_panics();
    let graph = graph("asks")
        .task(Task::new("read", plus(0)).attempts(3))
        .task(Task::new("next", plus(0)).after_if("read", "scripted", |_| panic!("scripted")))
        .task(Task::new("other", plus(0)))
        .on_failure(OnFailure::GoOn)
        .build()
        .unwrap();
    let report = run(&graph, 0).await.unwrap();
    assert_eq!(report.failures["read"].message(), "read panicked");
    assert_eq!(report.skipped["next"], Skipped::Failure("read".into()));
    assert!(report.answers.contains_key("other"));
}

/// Splits a number into so many parts, and joins them.
fn splitting() -> Graph<u32> {
    let part = WorkerRef::from_fn("part", |inputs: Inputs<u32>| async move {
        Ok(inputs.get("plan").copied().unwrap_or_default() + inputs.input())
    });
    graph("splitting")
        .task(Task::new("plan", plus(1)).decompose(|parts| {
            let names: Vec<_> = (0..*parts).map(|at| format!("part {at}")).collect();
            let all = Subtask::new("all", "joined");
            let all = names.iter().fold(all, |all, name| all.after(&**name));
            let parts = names.iter().map(|name| Subtask::new(&**name, "part"));
            let parts = parts.map(|part| part.after("plan"));
            std::iter::once(all).chain(parts).collect()
        }))
        .task(Task::new("meanwhile", takes(ms(1))))
        .kind(Task::joining("part", part))
        .kind(Task::joining("joined", sum()))
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn d6_an_answer_adds_tasks_while_the_graph_runs() {
    let splitting = splitting();
    assert_eq!(splitting.describe().atomic, ["meanwhile".into()]);
    let report = run(&splitting, 2).await.unwrap();
    assert_eq!(report.answers["all"], 3 * (3 + 2));
    assert_eq!(report.answers.len(), 6);
    assert_eq!(names(&report).last(), Some(&"all"));
    let drawn = report.mermaid();
    assert!(drawn.contains("t5[\"all\"]"), "{drawn}");
    assert!(
        drawn.contains("t0 --> t2") && drawn.contains("t4 --> t5"),
        "{drawn}"
    );
    let alone = run(&splitting, 0).await.unwrap();
    assert_eq!(alone.answers["all"], 1, "runs know nothing of each other");
}

#[tokio::test(start_paused = true)]
async fn d6_tasks_that_were_added_may_add_others() {
    let children = |id: &u32| match *id {
        8.. => Vec::new(),
        id => ["left", "right"]
            .iter()
            .zip(2 * id..)
            .map(|(kind, child)| Subtask::new(format!("{child}"), *kind).after(format!("{id}")))
            .collect(),
    };
    let child = |kind: &'static str, more: u32| {
        let worker = WorkerRef::from_fn(kind, move |n: u32| async move { Ok(2 * n + more) });
        Task::new(kind, worker).decompose(children)
    };
    let tree = graph("tree")
        .task(Task::new("1", plus(0)).decompose(children))
        .kind(child("left", 0))
        .kind(child("right", 1))
        .concurrency(3)
        .build()
        .unwrap();
    let report = run(&tree, 1).await.unwrap();
    assert_eq!(report.answers.len(), 15);
    assert!(
        report
            .answers
            .iter()
            .all(|(name, id)| **name == *id.to_string())
    );
}

#[tokio::test(start_paused = true)]
async fn d6_what_cannot_be_added_fails_its_task() {
    quiet_panics();
    let why = |subtasks: fn() -> Vec<Subtask>| async move {
        let graph = graph("g")
            .task(
                Task::new("plan", plus(0))
                    .attempts(3)
                    .decompose(move |_| subtasks()),
            )
            .task(Task::new("other", plus(0)))
            .task(Task::new("behind", plus(0)).after("plan"))
            .kind(Task::new("one", plus(0)))
            .kind(Task::joining("many", sum()))
            .at_most(5)
            .on_failure(OnFailure::GoOn)
            .build()
            .unwrap();
        let report = run(&graph, 0).await.unwrap();
        assert_eq!(report.skipped["behind"], Skipped::Failure("plan".into()));
        assert!(report.answers.contains_key("other"));
        assert_eq!(report.order.len(), 2);
        let fault = report.failures["plan"].clone();
        let cause = std::error::Error::source(&fault);
        cause
            .and_then(|it| it.downcast_ref::<InvalidSubtasks>())
            .cloned()
    };
    assert_eq!(
        why(|| vec![Subtask::new("other", "one")]).await,
        Some(InvalidSubtasks::NameTaken("other".into()))
    );
    let twice = why(|| vec![Subtask::new("a", "one"), Subtask::new("a", "one")]).await;
    assert_eq!(twice, Some(InvalidSubtasks::NameTaken("a".into())));
    let unknown = why(|| vec![Subtask::new("a", "two")]).await.unwrap();
    assert_eq!(
        unknown.to_string(),
        "subtask \"a\" is of kind \"two\", which the graph does not know"
    );
    let again = why(|| vec![Subtask::new("a", "many").after("other").after("other")]).await;
    assert!(matches!(again, Some(InvalidSubtasks::DependsTwice { .. })));
    let nowhere = why(|| vec![Subtask::new("a", "one").after("b")]).await;
    assert!(matches!(
        nowhere,
        Some(InvalidSubtasks::UnknownDependency { .. })
    ));
    let circle = why(|| {
        let a = Subtask::new("a", "one").after("b");
        vec![a, Subtask::new("b", "one").after("a")]
    });
    let circle = circle.await.unwrap().to_string();
    assert_eq!(circle, "subtasks wait for each other: a -> b -> a");
    let several = why(|| vec![Subtask::new("a", "one").after("plan").after("other")]).await;
    assert_eq!(several, Some(InvalidSubtasks::SeveralInputs("a".into())));
    let many = why(|| {
        (0..3)
            .map(|at| Subtask::new(format!("{at}"), "one"))
            .collect()
    })
    .await;
    assert_eq!(many, Some(InvalidSubtasks::TooManyTasks(5)));
    assert_eq!(why(|| panic!("scripted")).await, None);
}

#[tokio::test(start_paused = true)]
async fn d6_what_is_added_behind_a_failure_is_skipped() {
    let bad = WorkerRef::from_fn("bad", |_: u32| async { Err(Fault::permanent("no")) });
    let graph = graph("g")
        .task(Task::new("bad", bad.clone()))
        .task(Task::new("plan", takes(ms(1))).decompose(|_| {
            vec![
                Subtask::new("late", "one").after("bad"),
                Subtask::new("later", "one").after("late"),
                Subtask::new("fails", "bad"),
                Subtask::new("works", "one").after("plan"),
            ]
        }))
        .kind(Task::new("one", plus(1)))
        .kind(Task::new("bad", bad))
        .on_failure(OnFailure::GoOn)
        .build()
        .unwrap();
    let report = run(&graph, 0).await.unwrap();
    for task in ["late", "later"] {
        assert_eq!(report.skipped[task], Skipped::Failure("bad".into()));
    }
    assert_eq!(report.failures["fails"].message(), "fails: no");
    assert_eq!(report.answers["works"], 1);
    assert_eq!(report.critical_path.join(" -> "), "plan -> works");
}

#[tokio::test(start_paused = true)]
async fn d6_so_many_tasks_and_dependencies_may_be_added_and_no_more() {
    let grows = |by: usize, on: fn(usize) -> std::ops::Range<usize>, at_most: usize| async move {
        let graph = graph("grows")
            .task(Task::new("plan", plus(0)).decompose(move |_| {
                let task = |at: usize| {
                    let task = Subtask::new(format!("{at}"), "one");
                    on(at).fold(task, |task, on| task.after(format!("{on}")))
                };
                (0..by).map(task).collect()
            }))
            .kind(Task::joining("one", sum()))
            .at_most(at_most)
            .build()
            .unwrap();
        let report = run(&graph, 0).await;
        report.map(|report| report.answers.len())
    };
    assert_eq!(
        grows(999, |at| at.saturating_sub(5)..at, 1_000)
            .await
            .unwrap(),
        1_000
    );
    let fault = grows(1_000, |_| 0..0, 1_000).await.unwrap_err();
    assert!(fault.message().contains("more than 1000 tasks"), "{fault}");
    // 300 dependencies where there may be ten for each of 26 tasks.
    let fault = grows(25, |at| 0..at, 26).await.unwrap_err();
    assert!(
        fault.message().contains("more than 260 dependencies"),
        "{fault}"
    );
    assert!(fault.message().contains("plan"), "{fault}");
}
