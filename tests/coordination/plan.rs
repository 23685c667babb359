//! D21: plans that are made and carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use callboard::coordination::plan::{
    Goal, Known, NoPlan, NotReached, Outcome, Planner, Skill, planner,
};
use callboard::prelude::*;

/// Joins what it is given, and counts how often.
#[derive(Clone, Default)]
struct Joins(Arc<AtomicUsize>);

impl Joins {
    fn worker(&self, name: &'static str) -> WorkerRef<Known<String>, String> {
        let asked = Arc::clone(&self.0);
        WorkerRef::from_fn(name, move |known: Known<String>| {
            asked.fetch_add(1, Relaxed);
            async move {
                tokio::time::sleep(secs(1)).await;
                let given: Vec<_> = known.iter().map(|(_, value)| value.to_owned()).collect();
                Ok(format!("{name}({})", given.join(" ")))
            }
        })
    }

    fn asked(&self) -> usize {
        self.0.load(Relaxed)
    }
}

fn joins(name: &'static str) -> WorkerRef<Known<String>, String> {
    Joins::default().worker(name)
}

fn fails(name: &'static str) -> WorkerRef<Known<String>, String> {
    WorkerRef::from_fn(name, |_| async { Err(Fault::permanent("closed")) })
}

async fn reach(planner: Planner<String>, goal: Goal<String>) -> Result<Outcome<String>, Fault> {
    let system = System::new("t");
    let worker = planner.start(&system).await.unwrap();
    let answer = worker.ask(goal).deadline(secs(60)).await;
    answer.map(|served| served.value)
}

fn topic() -> Goal<String> {
    Goal::of(["text"]).given("topic", "it".to_owned())
}

fn write() -> Skill {
    Skill::new("write")
        .needs(["facts", "images"])
        .gives(["text"])
}

#[tokio::test(start_paused = true)]
async fn d21_steps_that_do_not_need_each_other_run_side_by_side() {
    let begun = tokio::time::Instant::now();
    let planner = planner("p")
        .skill(write(), joins("write"))
        .skill(
            Skill::new("search").needs(["topic"]).gives(["facts"]),
            joins("search"),
        )
        .skill(
            Skill::new("draw").needs(["topic"]).gives(["images"]),
            joins("draw"),
        );
    let outcome = reach(planner, topic()).await.unwrap();
    assert_eq!(begun.elapsed(), secs(2));
    assert_eq!(*outcome.values["text"], "write(search(it) draw(it))");
    assert_eq!(outcome.runs.len(), 1);
    assert_eq!(outcome.runs[0].plan.cost, 3);
    let drawing = &outcome.runs[0].drawing;
    assert!(
        drawing.contains("search") && drawing.contains("critical"),
        "{drawing}"
    );
}

#[tokio::test(start_paused = true)]
async fn d21_what_was_done_is_not_done_again_by_the_next_plan() {
    let search = Joins::default();
    let planner = planner("p")
        .skill(write(), joins("write"))
        .skill(
            Skill::new("search").needs(["topic"]).gives(["facts"]),
            search.worker("search"),
        )
        .skill(Skill::new("photo").gives(["images"]), fails("photo"))
        .skill(
            Skill::new("draw")
                .needs(["topic"])
                .gives(["images"])
                .cost(5),
            joins("draw"),
        );
    let outcome = reach(planner, topic()).await.unwrap();
    assert_eq!(*outcome.values["text"], "write(search(it) draw(it))");
    assert_eq!(search.asked(), 1);
    let plans = outcome.runs.iter().map(|run| run.plan.to_string());
    let plans: Vec<String> = plans.collect();
    assert_eq!(plans[1], "draw, write");
    let failed = &outcome.runs[0].failed;
    assert_eq!(
        (&*failed[0].skill, &*failed[0].message),
        ("photo", "photo: closed")
    );
}

#[tokio::test(start_paused = true)]
async fn d21_plans_are_bounded_and_the_fault_tells_all() {
    let names = ["a", "b", "c"];
    let all = |replans| {
        let skills = names.iter().zip(1..);
        skills.fold(planner("p").replans(replans), |planner, (name, cost)| {
            planner.skill(Skill::new(*name).gives(["text"]).cost(cost), fails(name))
        })
    };
    for (replans, runs) in [(0, 1), (1, 2), (9, 3)] {
        let fault = reach(all(replans), topic()).await.unwrap_err();
        assert_eq!(fault.class(), FaultClass::Permanent);
        let cause: &NotReached = fault.cause().unwrap();
        let failed = cause.runs.iter().map(|run| &*run.failed[0].skill);
        assert_eq!(failed.collect::<Vec<_>>(), names[..runs]);
        assert_eq!(cause.no_plan.is_some(), replans == 9);
    }
}

#[tokio::test(start_paused = true)]
async fn d21_a_step_is_tried_again_before_there_is_another_plan() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let shaky = WorkerRef::from_fn("shaky", move |_: Known<String>| {
        let at = count.fetch_add(1, Relaxed);
        async move {
            match at {
                0 => Err(Fault::transient("not now")),
                _ => Ok("done".to_owned()),
            }
        }
    });
    let planner = planner("p")
        .attempts(2)
        .skill(Skill::new("shaky").gives(["text"]), shaky);
    let outcome = reach(planner, topic()).await.unwrap();
    assert_eq!((outcome.runs.len(), asked.load(Relaxed)), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn d21_a_goal_without_a_plan_is_a_fault_that_explains_it() {
    let planner = planner("p").skill(write(), joins("write"));
    let fault = reach(planner, topic()).await.unwrap_err();
    let cause: &NotReached = fault.cause().unwrap();
    assert!(cause.runs.is_empty());
    let Some(NoPlan::Unreachable {
        given_by_nobody,
        unusable,
        ..
    }) = &cause.no_plan
    else {
        panic!("{cause}");
    };
    assert_eq!(given_by_nobody.join(" "), "facts images");
    assert_eq!(&*unusable[0].skill, "write");
    assert!(
        fault.message().contains("nobody gives facts, images"),
        "{fault}"
    );
}

#[tokio::test(start_paused = true)]
async fn d21_what_is_there_already_is_not_planned_for() {
    let write = Joins::default();
    let skill = Skill::new("write").gives(["text"]);
    let planner = planner("p").skill(skill, write.worker("write"));
    let goal = topic().given("text", "here".to_owned());
    let outcome = reach(planner, goal).await.unwrap();
    assert_eq!(*outcome.values["text"], "here");
    assert_eq!((outcome.runs.len(), write.asked()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn d21_what_makes_no_sense_is_refused() {
    let system = System::new("t");
    let nobody = planner::<String>("none").start(&system).await;
    assert!(matches!(nobody, Err(StartError::Invalid(_))));
    let skill = || Skill::new("plan").gives(["text"]);
    let taken = planner("taken")
        .skill(skill(), joins("a"))
        .start(&system)
        .await;
    assert!(matches!(taken, Err(StartError::Invalid(_))));
    let planner = planner("p").skill(write(), joins("write"));
    let nothing: [&str; 0] = [];
    let fault = reach(planner, Goal::of(nothing)).await.unwrap_err();
    assert!(fault.message().contains("say what is wanted"), "{fault}");
}
