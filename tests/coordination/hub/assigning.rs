//! Who does a task.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::actor::{BoxFuture, Serve, Served};
use callboard::coordination::hub::{Order, Suitability, Verdict};
use callboard::policy::choice::{SelectionWeights, Skills};
use callboard::prelude::*;

use super::{agents, desk, fails, plus, run, takes, task, unfinished};

/// Somebody who is never there.
struct Away;

impl Serve<u32, u32> for Away {
    fn serve(&self, _: u32) -> BoxFuture<'_, Result<Served<u32>, Fault>> {
        Box::pin(async { Err(Fault::permanent("away")) })
    }

    fn name(&self) -> String {
        "away".into()
    }

    fn is_available(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn d1_a_task_goes_to_the_capable_spoke_of_the_highest_score() {
    let desk = || {
        desk()
            .spoke("poor", Skills::of(["count"]).with("add", 0.2), plus(1))
            .spoke("good", Skills::of(["count"]).with("add", 0.9), plus(2))
            .spoke("away", ["count", "add"], WorkerRef::new(Away))
            .spoke("other", ["sing"], plus(4))
    };
    let adds = task("a", "count", 0).skill("add");
    let report = run(desk(), vec![adds.clone()]).await.unwrap();
    assert_eq!(agents(&report, "a"), ["good"]);
    // With weight on nothing but room, equals take turns.
    let fair = desk().weights(SelectionWeights::new(0.0, 0.0, 1.0));
    let plan = vec![adds.clone(), TaskRecordExt::named(&adds, "b")];
    let report = run(fair.concurrency(1), plan).await.unwrap();
    assert_eq!(
        (agents(&report, "a"), agents(&report, "b")),
        (vec!["poor".to_owned()], vec!["good".to_owned()],)
    );
}

trait TaskRecordExt {
    fn named(&self, name: &str) -> Self;
}

impl TaskRecordExt for callboard::coordination::task::TaskRecord<u32> {
    fn named(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.name = name.into();
        other
    }
}

#[tokio::test(start_paused = true)]
async fn d1_tasks_that_begin_together_are_spread_by_load() {
    let desk = desk()
        .spoke("a", Skills::default().with("count", 0.8), takes(secs(1), 1))
        .spoke("b", Skills::default().with("count", 0.7), takes(secs(1), 2))
        .full_at(2);
    let plan = (0..4).map(|at| task(&format!("t{at}"), "count", 0));
    let report = run(desk, plan.collect()).await.unwrap();
    let all: Vec<_> = (0..4)
        .map(|at| agents(&report, &format!("t{at}")).remove(0))
        .collect();
    // 0.9 against 0.85; then 0.8 against 0.85; then 0.8 against 0.75; and so on.
    assert_eq!(all, ["a", "b", "a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn d1_who_failed_before_is_asked_later() {
    let desk = desk()
        .spoke(
            "a",
            Skills::default().with("count", 1.0),
            fails(FaultClass::Transient),
        )
        .spoke("b", Skills::default().with("count", 0.9), plus(1))
        .concurrency(1);
    let plan = vec![task("first", "count", 0), task("second", "count", 0)];
    let report = run(desk, plan).await.unwrap();
    assert_eq!(agents(&report, "first"), ["a", "b"]);
    // 0.5 + 0 + 0.2 against 0.45 + 0.3 + 0.2.
    assert_eq!(agents(&report, "second"), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn d1_each_decision_is_explained_with_all_candidates() {
    let desk = desk()
        .spoke("broken", ["count"], fails(FaultClass::Permanent))
        .spoke("sound", Skills::default().with("count", 0.5), plus(1))
        .spoke("away", ["count"], WorkerRef::new(Away))
        .spoke("singer", ["sing"], plus(1));
    let report = run(desk, vec![task("a", "count", 1)]).await.unwrap();
    let a = report.task("a").unwrap();
    assert_eq!(a.decisions.len(), 2);
    assert_eq!(a.decisions[0].chosen.as_deref(), Some("broken"));
    let why: Vec<_> = a.decisions[1]
        .candidates
        .iter()
        .map(|(_, why)| why)
        .collect();
    let expected = [
        Suitability::Tried,
        Suitability::Score(0.75),
        Suitability::Unavailable,
        Suitability::Lacks("count".into()),
    ];
    assert_eq!(why, expected.iter().collect::<Vec<_>>());
    assert_eq!(
        a.decisions[1].to_string(),
        "sound: broken has tried, sound scores 0.750, away is not available, singer lacks \"count\""
    );
    assert!(matches!(a.attempts[0].verdict, Verdict::Failed(_)));
    assert!(matches!(a.attempts[1].verdict, Verdict::Accepted));
}

#[tokio::test(start_paused = true)]
async fn d1_a_skill_that_nobody_has_is_named_and_nothing_hangs() {
    let desk_of = || desk().spoke("a", ["count"], plus(1));
    let fault = run(desk_of(), vec![task("x", "sing", 1)])
        .await
        .unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains("nobody can \"sing\""), "{fault}");
    let x = unfinished(&fault).task("x").unwrap();
    assert!(x.attempts.is_empty() && x.decisions[0].chosen.is_none());
    // Somebody could, and is not there: later perhaps.
    let away = desk().spoke("a", ["count"], WorkerRef::new(Away));
    let fault = run(away, vec![task("x", "count", 1)]).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Overloaded);
    assert_eq!(fault.retry_after(), Some(secs(1)));
}

#[tokio::test(start_paused = true)]
async fn d1_instructions_context_and_answers_reach_the_spoke() {
    let told = WorkerRef::from_fn("told", |order: Order<u32, u32>| async move {
        let record = order.task();
        assert_eq!(record.instructions, "add them");
        assert_eq!(record.context["base"], "ten");
        assert_eq!(record.constraints, ["no floats"]);
        let names: Vec<_> = order.answers().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(order.answer("c"), None);
        let sum: u32 = order.answers().map(|(_, n)| n).sum();
        Ok(order.query() + sum)
    });
    let desk = desk()
        .spoke("counter", ["count"], plus(1))
        .briefed_spoke("adder", ["add"], told);
    let sum = task("sum", "add", 100)
        .instructions("add them")
        .context("base", "ten")
        .constraint("no floats")
        .after("b")
        .after("a");
    let plan = vec![
        sum,
        task("a", "count", 1),
        task("b", "count", 10),
        task("c", "count", 0),
    ];
    let report = run(desk, plan).await.unwrap();
    assert_eq!(report.answer("sum"), Some(&(100 + 2 + 11)));
    let names: Vec<_> = report.tasks.iter().map(|task| &*task.name).collect();
    assert_eq!(
        names,
        ["a", "b", "c", "sum"],
        "each after those it depends on"
    );
}

#[tokio::test(start_paused = true)]
async fn d1_tasks_run_side_by_side_within_the_bound() {
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
    for (concurrency, rounds) in [(None, 3), (Some(4), 6)] {
        let desk = desk().spoke("counts", ["count"], worker.clone());
        let desk = match concurrency {
            Some(tasks) => desk.concurrency(tasks),
            None => desk,
        };
        most.store(0, SeqCst);
        let plan = (0..24).map(|at| task(&format!("t{at}"), "count", at));
        let begun = tokio::time::Instant::now();
        let report = run(desk, plan.collect()).await.unwrap();
        assert_eq!(report.answers().count(), 24);
        assert_eq!(most.load(SeqCst), concurrency.unwrap_or(10));
        let took = begun.elapsed();
        assert!(
            took >= ms(100) * rounds && took < ms(105) * rounds,
            "{took:?}"
        );
    }
}
