//! When an answer counts.

use callboard::actor::Metadata;
use callboard::coordination::Need;
use callboard::coordination::hub::{Shortfall, Verdict};
use callboard::coordination::task::{Criterion, TaskBoard, TaskState};
use callboard::policy::choice::Skills;
use callboard::prelude::*;
use callboard::testing::quiet_panics;

use super::{Plain, agents, desk, fails, plus, run, takes, task, unfinished};

fn level(level: f64) -> Skills {
    Skills::default().with("count", level)
}

/// The answer is its own quality, in hundredths.
fn graded() -> Plain {
    desk()
        .check(|_, answer| f64::from(*answer) / 100.0)
        .at_least(0.7)
}

#[tokio::test(start_paused = true)]
async fn d5_a_specialist_that_is_not_good_enough_is_replaced_by_another() {
    let desk = graded()
        .spoke("best known", level(1.0), plus(60))
        .spoke("second", level(0.9), fails(FaultClass::Permanent))
        .spoke("third", level(0.8), plus(90));
    let report = run(desk, vec![task("a", "count", 0)]).await.unwrap();
    assert_eq!(agents(&report, "a"), ["best known", "second", "third"]);
    let a = report.task("a").unwrap();
    assert_eq!((a.agent.as_deref(), a.quality), (Some("third"), Some(0.9)));
    let Verdict::NotGoodEnough { quality, required } = a.attempts[0].verdict else {
        panic!("{:?}", a.attempts[0]);
    };
    assert_eq!((quality, required), (Some(0.6), 0.7));
}

#[tokio::test(start_paused = true)]
async fn d5_attempts_are_bounded_and_nobody_is_asked_twice() {
    let desk_of = || {
        let all = (0..5).map(|at| (format!("s{at}"), plus(at)));
        all.fold(graded(), |desk, (name, worker)| {
            desk.spoke(name, level(1.0), worker)
        })
    };
    for (attempts, made) in [(1, 1), (3, 3), (5, 5), (99, 5)] {
        let desk = desk_of().attempts(attempts);
        let fault = run(desk, vec![task("a", "count", 0)]).await.unwrap_err();
        let mut asked = agents(unfinished(&fault), "a");
        assert_eq!(asked.len(), made);
        asked.dedup();
        assert_eq!(asked.len(), made);
        assert!(fault.message().contains("where 0.7 is required"), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn d5_the_best_answer_so_far_may_count_and_never_one_that_fails_a_criterion() {
    let desk = |shortfall| {
        graded()
            .spoke("fair", level(1.0), plus(50))
            .spoke("better", level(0.9), plus(69))
            .spoke("odd", level(0.8), plus(65))
            .criterion("is odd", |n| n % 2 == 1)
            .shortfall(shortfall)
    };
    let plan = || vec![task("a", "count", 0)];
    assert!(run(desk(Shortfall::Fail), plan()).await.is_err());
    let report = run(desk(Shortfall::BestSoFar), plan()).await.unwrap();
    let a = report.task("a").unwrap();
    assert_eq!(
        (a.answer(), a.agent.as_deref()),
        (Some(&69), Some("better"))
    );
    assert_eq!((a.state, a.quality), (TaskState::Completed, Some(0.69)));

    let odd = || task("a", "count", 1).criterion("is odd");
    // 51 is met, 70 is good enough but even, 66 neither.
    let report = run(desk(Shortfall::BestSoFar), vec![odd()]).await.unwrap();
    assert_eq!(report.answer("a"), Some(&51));
    let never = task("a", "count", 0).criterion(Criterion::ConfidenceAtLeast(0.5));
    let fault = run(desk(Shortfall::BestSoFar), vec![never])
        .await
        .unwrap_err();
    assert!(
        fault.message().contains("confidence of at least 0.5"),
        "{fault}"
    );
}

#[tokio::test(start_paused = true)]
async fn d25_an_answer_that_fails_a_criterion_never_counts() {
    let board = TaskBoard::default();
    let desk = desk()
        .spoke("even", level(1.0), plus(2))
        .spoke("odd", level(0.9), takes(secs(1), 3))
        .criterion("is odd", |n| n % 2 == 1)
        .board(&board);
    let system = System::new("t");
    let desk = desk.start(&system).await.unwrap();
    let asked = desk.ask(vec![task("a", "count", 0).criterion("is odd")]);
    let watched = board.clone();
    let watch = async move {
        // The first answer has been given, and does not count.
        tokio::time::sleep(ms(500)).await;
        let running = watched.list(TaskState::Running);
        assert_eq!(running[0].record.assigned_agents, ["even", "odd"]);
        assert!(running[0].outcome.is_none());
        running[0].id
    };
    let (served, id) = tokio::join!(asked.into_future(), watch);
    let report = served.unwrap().value;
    assert_eq!(report.answer("a"), Some(&3));
    let a = report.task("a").unwrap();
    assert_eq!(
        a.attempts[0].verdict.to_string(),
        "the answer does not meet: is odd"
    );
    assert_eq!(a.id, id);
    let entry = board.get(id).unwrap();
    assert_eq!(*entry.outcome.unwrap().unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn d25_quality_is_what_the_task_requires_and_unknown_is_none() {
    let says = |quality| plus(1).with_metadata(move |_| Metadata::new().quality(quality));
    let desk_of = |worker| desk().spoke("a", level(1.0), worker);
    let wants = |least| vec![task("a", "count", 1).quality(least)];
    let report = run(desk_of(says(0.5)), wants(0.5)).await.unwrap();
    assert_eq!(report.task("a").unwrap().quality, Some(0.5));
    assert!(run(desk_of(says(0.5)), wants(0.51)).await.is_err());
    assert!(run(desk_of(says(f64::NAN)), wants(0.1)).await.is_err());
    assert!(run(desk_of(plus(1)), wants(0.0)).await.is_ok());
    let fault = run(desk_of(plus(1)), wants(0.1)).await.unwrap_err();
    assert!(fault.message().contains("is not known"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn d25_an_answer_that_exceeds_the_budget_does_not_count_and_ends_the_attempts() {
    let spends = |tokens, n| plus(n).with_metadata(move |_| Metadata::new().tokens(tokens));
    let desk_of = |first, second| {
        graded()
            .spoke("first", level(1.0), spends(first, 10))
            .spoke("second", level(0.9), spends(second, 90))
            .shortfall(Shortfall::BestSoFar)
    };
    let plan = || vec![task("a", "count", 0).tokens(100)];
    // Within it, to the last token.
    let report = run(desk_of(60, 40), plan()).await.unwrap();
    let a = report.task("a").unwrap();
    assert_eq!((a.answer(), a.spent.tokens), (Some(&90), Some(100)));
    // The second answer would be good enough, and is too much: the first counts.
    let report = run(desk_of(60, 41), plan()).await.unwrap();
    let a = report.task("a").unwrap();
    assert_eq!((a.answer(), a.spent.tokens), (Some(&10), Some(101)));
    assert!(matches!(a.attempts[1].verdict, Verdict::OverBudget));
    // Nothing is left after the first: nobody else is asked.
    let report = run(desk_of(100, 0), plan()).await.unwrap();
    assert_eq!(agents(&report, "a"), ["first"]);
    for first in [100, 101] {
        let fails = desk_of(first, 0).shortfall(Shortfall::Fail);
        let fault = run(fails, plan()).await.unwrap_err();
        assert_eq!(fault.class(), FaultClass::Budget);
        assert_eq!(agents(unfinished(&fault), "a"), ["first"]);
    }
}

#[tokio::test(start_paused = true)]
async fn d5_a_specialist_that_is_late_is_replaced_by_another() {
    let desk = desk()
        .spoke("slow", level(1.0), takes(secs(9), 1))
        .spoke("quick", level(0.9), takes(ms(10), 2))
        .attempt_within(secs(2))
        .concurrency(1);
    let begun = tokio::time::Instant::now();
    let plan = vec![task("a", "count", 0), task("b", "count", 0)];
    let report = run(desk, plan).await.unwrap();
    assert_eq!(agents(&report, "a"), ["slow", "quick"]);
    let Verdict::Failed(fault) = &report.task("a").unwrap().attempts[0].verdict else {
        panic!("{report:?}");
    };
    assert_eq!(fault.class(), FaultClass::Deadline);
    assert_eq!(
        agents(&report, "b"),
        ["quick"],
        "it was late, and is asked later"
    );
    assert!(begun.elapsed() < secs(3));
}

#[tokio::test(start_paused = true)]
async fn d25_a_task_that_is_overdue_fails_with_a_deadline_and_the_others_go_on() {
    let desk = desk()
        .spoke("slow", level(1.0), takes(secs(9), 1))
        .spoke("slower", level(0.9), takes(secs(99), 2))
        .spoke("singer", ["sing"], takes(secs(20), 7))
        .attempt_within(secs(5))
        .need(Need::BestEffort);
    let begun = tokio::time::Instant::now();
    let plan = vec![
        task("a", "count", 0).deadline(secs(7)),
        task("b", "sing", 0).deadline(Duration::MAX),
        task("c", "count", 0).deadline(secs(3)),
    ];
    let system = System::new("t");
    let desk = desk.start(&system).await.unwrap();
    let fault = desk.ask(plan).deadline(secs(60)).await.unwrap_err();
    // The singer was late too, and nobody else can sing.
    assert!(begun.elapsed() >= secs(7) && begun.elapsed() < ms(7_100));
    let none = vec![task("d", "count", 0).deadline(Duration::ZERO)];
    let at_once = desk.ask(none).await.unwrap_err();
    assert_eq!(at_once.class(), FaultClass::Deadline);
    let report = unfinished(&fault);
    for (name, asked) in [("a", 2), ("b", 1), ("c", 1)] {
        let fault = report.task(name).unwrap().fault().unwrap();
        assert_eq!(fault.class(), FaultClass::Deadline, "{name}");
        assert_eq!(agents(report, name).len(), asked, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn d1_foreign_code_that_panics_fails_its_attempt_only() {
    quiet_panics();
    let bad = WorkerRef::from_fn("bad", |n: u32| async move {
        assert!(n > 99, "scripted");
        Ok(n)
    });
    let desk = desk()
        .spoke("bad", level(1.0), bad)
        .spoke("worse", level(0.9), plus(13))
        .spoke("good", level(0.8), plus(1))
        .check(|_, n| {
            assert_ne!(*n, 13, "scripted");
            1.0
        });
    let report = run(desk, vec![task("a", "count", 0)]).await.unwrap();
    assert_eq!(agents(&report, "a"), ["bad", "worse", "good"]);
    for attempt in &report.task("a").unwrap().attempts[..2] {
        let Verdict::Failed(fault) = &attempt.verdict else {
            panic!("{attempt:?}");
        };
        assert!(fault.message().contains("panicked"), "{fault}");
    }
}
