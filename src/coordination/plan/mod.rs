//! Planner: a goal becomes a plan of declared skills, the cheapest there is, and the
//! plan is carried out.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::plan::{Goal, Known, Skill, planner};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let search = WorkerRef::from_fn("search", |it: Known<String>| async move {
//!     Ok(format!("all about {}", it.get("topic").unwrap()))
//! });
//! let archive = WorkerRef::from_fn("archive", |_: Known<String>| async {
//!     Err(Fault::permanent("closed on Mondays"))
//! });
//! let write = WorkerRef::from_fn("write", |it: Known<String>| async move {
//!     Ok(format!("A text: {}", it.get("sources").unwrap()))
//! });
//!
//! let writer = planner("writer")
//!     .skill(Skill::new("archive").needs(["topic"]).gives(["sources"]).cost(1), archive)
//!     .skill(Skill::new("search").needs(["topic"]).gives(["sources"]).cost(5), search)
//!     .skill(Skill::new("write").needs(["sources"]).gives(["text"]), write)
//!     .start(&system)
//!     .await?;
//!
//! let goal = Goal::of(["text"]).given("topic", "the abacus".to_owned());
//! let outcome = writer.ask(goal).await?.value;
//! assert_eq!(*outcome.values["text"], "A text: all about the abacus");
//! // The archive was cheaper, and failed: another plan was made without it.
//! assert_eq!(outcome.runs[0].plan.to_string(), "archive, write");
//! assert_eq!(outcome.runs[0].failed[0].message, "archive: closed on Mondays");
//! assert_eq!(outcome.runs[1].plan.to_string(), "search, write");
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What is a fact?* A name that holds or does not, with a value that steps are given.
//! Facts are never taken back, so a skill is used once at most in a plan.
//!
//! *Which plan is it?* The cheapest; of several the one with the fewest steps; of those
//! always the same (`a_plan_is_valid_and_never_dearer_than_any_other`,
//! `d21_of_equals_the_shortest_plan_is_taken_and_always_the_same`). See
//! [`SkillSet::plan`] for how it is found.
//!
//! *What if there is none?* [`NoPlan`] says which facts nobody gives, and which skills
//! cannot be used because of which (`d21_what_cannot_be_planned_is_explained`). It is in
//! the [cause](crate::actor::Fault::cause) of the fault, a [`NotReached`].
//!
//! *In which order are steps taken?* Each as soon as what it needs is there, side by
//! side: the plan is a [task graph](mod@super::graph)
//! (`d21_steps_that_do_not_need_each_other_run_side_by_side`).
//!
//! *What happens when a step fails?* The steps that do not wait for it are taken to
//! their end. Then another plan is made without that skill, from all that is there by
//! now: what was done is not done again
//! (`d21_what_was_done_is_not_done_again_by_the_next_plan`). That happens at most
//! [so often](Planner::replans) (`d21_plans_are_bounded_and_the_fault_tells_all`).
//!
//! *What if all is there already?* The outcome is, and nobody is asked
//! (`d21_what_is_there_already_is_not_planned_for`).
//!
//! *Which plan was carried out, and why was it changed?* [`Outcome::runs`] says, with a
//! [drawing](PlanRun::drawing) of each.
//!
//! *Is it right in every order of what may happen?* It was tried
//! (`d21_every_planning_ends_once_and_plans_no_more_than_it_may`).
//!
//! *What is bounded?* Facts (128), the sets of facts that are looked at, plans, steps
//! under way, attempts, goals at once, and time by the asker's deadline.
//!
//! *What is copied?* No value: steps share them.

mod build;
mod machine;
mod noplan;
mod report;
mod search;
mod situation;
mod skill;
mod steps;
#[cfg(test)]
mod tests;

pub use build::{Planner, planner};
pub use machine::PlannerProtocol;
pub use noplan::{NoPlan, Unusable};
pub use report::{FailedStep, NotReached, Outcome, PlanRun};
pub use situation::{Goal, Known};
pub use skill::{InvalidSkills, Skill, SkillSet};
pub use steps::{Plan, Step};
