//! How a run goes and ends.

use callboard::actor::Metadata;
use callboard::coordination::Need;
use callboard::coordination::hub::HubReport;
use callboard::coordination::task::{TaskBoard, TaskState};
use callboard::prelude::*;
use callboard::testing::quiet_panics;

use super::{Plain, agents, desk, fails, plus, run, takes, task, unfinished};

fn mixed() -> Plain {
    desk()
        .spoke("counter", ["count"], plus(1))
        .spoke("broken", ["break"], fails(FaultClass::Transient))
        .spoke("slow", ["wait"], takes(secs(100), 7))
}

#[tokio::test(start_paused = true)]
async fn d1_a_run_that_fails_tells_all_there_is() {
    let plan = vec![
        task("done", "count", 1),
        task("lost", "break", 1),
        task("slow", "wait", 1),
        task("never", "count", 1).after("slow"),
    ];
    let begun = tokio::time::Instant::now();
    let fault = run(mixed(), plan).await.unwrap_err();
    assert!(
        begun.elapsed() < secs(1),
        "it does not wait for what cannot help"
    );
    assert_eq!(fault.class(), FaultClass::Transient);
    assert_eq!(
        fault.message(),
        "desk: 1 of 4 tasks failed, first \"lost\": scripted"
    );
    let report = unfinished(&fault);
    let stands = |name| report.task(name).unwrap().state;
    assert_eq!(stands("done"), TaskState::Completed);
    assert_eq!(stands("lost"), TaskState::Failed);
    assert_eq!(stands("slow"), TaskState::Running);
    assert_eq!(stands("never"), TaskState::Pending);
    assert_eq!(report.answer("done"), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn d1_what_depends_on_a_failed_task_fails_and_the_rest_goes_on() {
    let plan = vec![
        task("lost", "break", 1),
        task("after", "count", 1).after("lost"),
        task("behind", "count", 1).after("after").after("apart"),
        task("apart", "count", 5),
    ];
    let report = run(mixed().need(Need::BestEffort), plan).await.unwrap();
    assert_eq!(report.answers().collect::<Vec<_>>(), [("apart", &6)]);
    for (name, on) in [("after", "lost"), ("behind", "after")] {
        let fault = report.task(name).unwrap().fault().unwrap();
        assert_eq!(fault.class(), FaultClass::Cascading);
        assert_eq!(
            fault.message(),
            format!("it depends on {on:?}, which failed")
        );
        assert!(agents(&report, name).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn d1_enough_is_enough_and_the_others_are_cut_off() {
    let board = TaskBoard::default();
    let plan = vec![
        task("a", "count", 1),
        task("lost", "break", 1),
        task("slow", "wait", 1),
        task("b", "count", 1),
    ];
    let desk = mixed().need(Need::AtLeast(2)).board(&board);
    let begun = tokio::time::Instant::now();
    let report = run(desk, plan).await.unwrap();
    assert!(begun.elapsed() < secs(1));
    assert_eq!(report.answers().count(), 2);
    assert_eq!(report.task("slow").unwrap().state, TaskState::Running);
    tokio::task::yield_now().await;
    let cut = board.get(report.task("slow").unwrap().id).unwrap();
    assert_eq!(
        cut.outcome.unwrap().unwrap_err().class(),
        FaultClass::Cancelled
    );
}

#[tokio::test(start_paused = true)]
async fn d1_a_run_is_watched_on_the_board() {
    let board = TaskBoard::default();
    let system = System::new("t");
    let desk = desk()
        .spoke("a", ["count"], takes(secs(1), 1))
        .concurrency(2)
        .board(&board);
    let desk = desk.start(&system).await.unwrap();
    let plan = (0..4).map(|at| task(&format!("t{at}"), "count", at));
    let asked = desk.ask(plan.collect()).into_future();
    let watched = board.clone();
    let watch = async move {
        let mut seen = Vec::new();
        for _ in 0..3 {
            tokio::time::sleep(ms(500)).await;
            let status = watched.status();
            seen.push((status.pending, status.running, status.completed));
            tokio::time::sleep(ms(500)).await;
        }
        seen
    };
    let (served, seen) = tokio::join!(asked, watch);
    assert_eq!(seen, [(2, 2, 0), (0, 2, 2), (0, 0, 4)]);
    for task in served.unwrap().value.tasks {
        let entry = board.get(task.id).unwrap();
        assert_eq!(entry.record.name, *task.name);
        assert_eq!(entry.record.assigned_agents, ["a"]);
        assert_eq!(*entry.outcome.unwrap().unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn d25_tasks_of_a_run_that_ended_do_not_go_on() {
    let board = TaskBoard::new(2);
    let system = System::new("t");
    let desk = mixed().concurrency(1).board(&board);
    let desk = desk.start(&system).await.unwrap();
    let plan = || vec![task("slow", "wait", 1), task("next", "count", 1)];
    for _ in 0..3 {
        let late = desk.ask(plan()).deadline(secs(1)).await.unwrap_err();
        assert_eq!(late.class(), FaultClass::Deadline);
        tokio::task::yield_now().await;
        let failed = board.list(TaskState::Failed);
        let names: Vec<_> = failed.iter().map(|it| it.record.name.as_str()).collect();
        assert_eq!(names, ["slow", "next"], "there is room for the next plan");
        let faults = failed
            .into_iter()
            .map(|it| it.outcome.unwrap().unwrap_err());
        let classes: Vec<_> = faults.map(|fault| fault.class()).collect();
        assert_eq!(classes, [FaultClass::Deadline, FaultClass::Cancelled]);
    }
}

#[tokio::test(start_paused = true)]
async fn d1_attempts_are_events() {
    let system = System::new("t");
    let mut events = system.events();
    let desk = desk()
        .spoke("broken", ["count"], fails(FaultClass::Transient))
        .spoke("sound", ["count"], plus(1))
        .spoke("also broken", ["sing"], fails(FaultClass::Transient))
        .need(Need::BestEffort)
        .concurrency(1);
    let desk = desk.start(&system).await.unwrap();
    let plan = vec![task("a", "count", 1), task("b", "sing", 1)];
    desk.ask(plan).await.unwrap();
    let mut steps = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::Step { step, outcome, .. } = event {
            steps.push(format!("{step} {outcome}"));
        }
    }
    assert_eq!(
        steps,
        ["broken fell back", "sound done", "also broken failed"]
    );
}

#[tokio::test(start_paused = true)]
async fn d1_a_worker_can_synthesize_and_all_that_was_spent_is_summed_up() {
    let system = System::new("t");
    let says = |tokens, quality| Metadata::new().tokens(tokens).quality(quality);
    let sum = WorkerRef::from_fn("sum", |report: HubReport<u32>| async move {
        Ok(report.answers().map(|(_, n)| *n).sum::<u32>())
    });
    let desk = desk()
        .spoke(
            "a",
            ["count"],
            plus(1).with_metadata(move |_| says(10, 0.3)),
        )
        .synthesize_with(sum.with_metadata(move |_| says(7, 0.9)));
    let desk = desk.start(&system).await.unwrap();
    let plan = vec![task("a", "count", 1), task("b", "count", 2)];
    let served = desk.ask(plan).await.unwrap();
    assert_eq!(served.value, 2 + 3);
    assert_eq!(served.metadata, says(27, 0.9));
}

#[tokio::test(start_paused = true)]
async fn d1_a_synthesis_that_panics_fails_its_run_and_no_other() {
    quiet_panics();
    let system = System::new("t");
    let desk = desk().spoke("a", ["count"], plus(1)).synthesize(|report| {
        assert_eq!(report.answer("a"), Some(&1), "scripted");
        Ok(())
    });
    let desk = desk.start(&system).await.unwrap();
    let fault = desk.ask(vec![task("a", "count", 5)]).await.unwrap_err();
    assert!(fault.message().contains("synthesis panicked"), "{fault}");
    assert!(desk.ask(vec![task("a", "count", 0)]).await.is_ok());
    assert_eq!(system.restarts(), 0);
}
