//! Which plans are carried out.

use callboard::coordination::Need;
use callboard::coordination::hub::InvalidPlan;
use callboard::coordination::task::{BoardError, TaskBoard};
use callboard::policy::choice::SelectionWeights;
use callboard::prelude::*;

use super::{Plain, desk, plus, run, task};

fn counts() -> Plain {
    desk().spoke("a", ["count"], plus(1))
}

#[tokio::test(start_paused = true)]
async fn d1_a_plan_that_cannot_be_carried_out_is_refused() {
    let counting = |name: &str| task(name, "count", 1);
    let many = (0..11).map(|at| counting(&format!("t{at}"))).collect();
    let name = |name: &str| name.to_owned();
    for (plan, why) in [
        (
            vec![counting("a"), counting("a")],
            InvalidPlan::DuplicateTask(name("a")),
        ),
        (
            vec![counting("a").after("z")],
            InvalidPlan::UnknownDependency {
                task: name("a"),
                on: name("z"),
            },
        ),
        (
            vec![counting("a"), counting("b").after("a").after("a")],
            InvalidPlan::DependsTwice {
                task: name("b"),
                on: name("a"),
            },
        ),
        (
            vec![
                counting("a").after("c"),
                counting("b").after("a"),
                counting("c").after("b"),
            ],
            InvalidPlan::Circle(["a", "b", "c", "a"].map(name).to_vec()),
        ),
        (
            vec![counting("a").criterion("is short")],
            InvalidPlan::UnknownCriterion {
                task: name("a"),
                criterion: name("is short"),
            },
        ),
        (
            many,
            InvalidPlan::TooManyTasks {
                tasks: 11,
                at_most: 10,
            },
        ),
    ] {
        let board = TaskBoard::default();
        let fault = run(counts().at_most(10).board(&board), plan)
            .await
            .unwrap_err();
        assert_eq!(fault.class(), FaultClass::Permanent);
        assert_eq!(fault.cause::<InvalidPlan>(), Some(&why));
        assert!(fault.message().contains(&why.to_string()), "{fault}");
        assert_eq!(board.status(), Default::default(), "nothing is entered");
    }
    let nameless = run(counts(), vec![counting("")]).await.unwrap_err();
    assert!(matches!(nameless.cause(), Some(InvalidPlan::Task(_))));
    let edges = (0..12).map(|at| {
        let before = (0..at).map(|on| format!("t{on}"));
        before.fold(counting(&format!("t{at}")), |task, on| task.after(on))
    });
    let tangled: Vec<_> = edges.collect();
    assert!(run(counts().at_most(12), tangled).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn d1_a_plan_without_tasks_is_synthesized_from_nothing() {
    let system = System::new("t");
    let sum = counts().synthesize(|report| Ok(report.answers().count()));
    let sum = sum.start(&system).await.unwrap();
    assert_eq!(sum.ask(vec![]).await.unwrap().value, 0);
    for need in [Need::First, Need::BestEffort] {
        let fault = run(counts().need(need), vec![]).await.unwrap_err();
        assert!(fault.message().contains("the plan has 0 tasks"), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn d1_a_plan_for_which_the_board_has_no_room_may_come_again() {
    let board = TaskBoard::new(2);
    let waiting = board.enter(task("other", "count", 1)).unwrap();
    let system = System::new("t");
    let desk = counts().board(&board).start(&system).await.unwrap();
    let plan = || vec![task("a", "count", 1), task("b", "count", 1)];
    let fault = desk.ask(plan()).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Overloaded);
    assert_eq!(fault.cause::<BoardError>(), Some(&BoardError::Full(2)));
    board.fail(waiting, Fault::permanent("not wanted")).unwrap();
    assert!(desk.ask(plan()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn d1_a_planner_that_fails_fails_the_run() {
    let system = System::new("t");
    let planner = WorkerRef::from_fn("p", |_: u32| async {
        Err::<Vec<callboard::coordination::task::TaskRecord<u32>>, _>(Fault::transient("no idea"))
    });
    let hub = callboard::coordination::hub("h", planner).spoke("a", ["count"], plus(1));
    let fault = hub.start(&system).await.unwrap().ask(1).await.unwrap_err();
    assert_eq!(fault.message(), "plan: no idea");
    assert_eq!(fault.class(), FaultClass::Transient);
}

#[tokio::test(start_paused = true)]
async fn d1_a_hub_that_could_not_run_is_refused() {
    let system = System::new("t");
    for hub in [
        desk(),
        counts().spoke("a", ["sing"], plus(1)),
        counts().attempts(0),
        counts().concurrency(0),
        counts().at_most(0),
        counts().at_least(1.5),
        counts().at_least(f64::NAN),
        counts().weights(SelectionWeights::new(0.0, 0.0, 0.0)),
    ] {
        let said = format!("{hub:?}");
        let refused = hub.start(&system).await.map(|_| said).unwrap_err();
        assert!(matches!(refused, StartError::Invalid(_)), "{refused}");
    }
}

#[test]
fn d1_a_hub_draws_itself() {
    let hub = counts().spoke("b", ["count", "sing"], plus(1));
    assert_eq!(
        hub.mermaid(),
        "flowchart LR
    input([input])
    plan[\"plan\"]
    input --> plan
    synthesis[\"synthesis\"]
    s0[\"a: count\"]
    plan --> s0
    s0 --> synthesis
    s1[\"b: count, sing\"]
    plan --> s1
    s1 --> synthesis
    output([output])
    synthesis --> output
"
    );
}
