//! Hub and spoke: a planner makes tasks of what is asked, each is done by the spoke
//! that fits it best, and one answer is made of all.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::hub::{HubReport, Order};
//! use callboard::coordination::hub;
//! use callboard::coordination::task::TaskRecord;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let planner = WorkerRef::from_fn("plan", |topic: String| async move {
//!     Ok(vec![
//!         TaskRecord::new("facts", "search", topic),
//!         TaskRecord::new("text", "write", "one line".to_owned()).after("facts"),
//!     ])
//! });
//! let hasty = WorkerRef::from_fn("hasty", |_: String| async move { Ok(String::new()) });
//! let search = WorkerRef::from_fn("search", |topic: String| async move {
//!     Ok(format!("{topic} is old"))
//! });
//! let write = WorkerRef::from_fn("write", |order: Order<String, String>| async move {
//!     Ok(format!("{}: {}", order.query(), order.answer("facts").unwrap()))
//! });
//!
//! let desk = hub("desk", planner)
//!     .spoke("hasty", ["search"], hasty)
//!     .spoke("thorough", ["search"], search)
//!     .briefed_spoke("writer", ["write"], write)
//!     .check(|_, answer: &String| if answer.is_empty() { 0.0 } else { 1.0 })
//!     .at_least(0.7)
//!     .attempts(2)
//!     .start(&system)
//!     .await?;
//!
//! let report: HubReport<String> = desk.ask("the abacus".to_owned()).await?.value;
//! assert_eq!(report.answer("text").unwrap(), "one line: the abacus is old");
//! let facts = report.task("facts").unwrap();
//! assert_eq!(facts.agent.as_deref(), Some("thorough"));
//! assert_eq!(
//!     facts.decisions[1].to_string(),
//!     "thorough: hasty has tried, thorough scores 1.000, writer lacks \"search\"",
//! );
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *Who does a task?* Of the spokes that have all the [skills](Skills) that it needs
//! and are available, the one with the highest score: capability 0.5, performance in
//! its last 32 tasks 0.3, room 0.2; equals take turns
//! (`d1_a_task_goes_to_the_capable_spoke_of_the_highest_score`). The report says why
//! it was this one and not the others, as data
//! (`d1_each_decision_is_explained_with_all_candidates`).
//!
//! *When does an answer count?* When the task's budget holds, all its criteria are
//! met, and it is good enough (`d25_an_answer_that_fails_a_criterion_never_counts`,
//! `d25_an_answer_that_exceeds_the_budget_does_not_count_and_ends_the_attempts`).
//! Until then the task is not completed, whoever looks.
//!
//! *What happens when a spoke fails, is late or not good enough?* Another one is
//! asked, never the same again, as long as there are attempts
//! (`d5_a_specialist_that_is_not_good_enough_is_replaced_by_another`,
//! `d5_a_specialist_that_is_late_is_replaced_by_another`). Then the task fails, or its
//! best answer counts after all: see [`Shortfall`]
//! (`d5_the_best_answer_so_far_may_count_and_never_one_that_fails_a_criterion`).
//!
//! *What if nobody can do a task?* It fails, and its fault names the skill
//! (`d1_a_skill_that_nobody_has_is_named_and_nothing_hangs`).
//!
//! *What happens to the run when a task fails?* It ends as soon as enough tasks can
//! be completed no more: see [`Hub::need`]. Its fault has the report as its
//! [cause](crate::actor::Fault::cause), an [`Unfinished`]
//! (`d1_a_run_that_fails_tells_all_there_is`). Tasks that depend on it fail too
//! (`d1_what_depends_on_a_failed_task_fails_and_the_rest_goes_on`).
//!
//! *In which order are tasks done?* Each after all that it depends on, whose answers
//! it is given; else in the order of the plan, at most
//! [`concurrency`](Hub::concurrency) at once
//! (`d1_tasks_run_side_by_side_within_the_bound`).
//!
//! *Which plans are refused?* See [`InvalidPlan`], the cause of the fault: circles with
//! their path, names that do not exist, too many tasks
//! (`d1_a_plan_that_cannot_be_carried_out_is_refused`). A plan without tasks is
//! carried out at once: the synthesis is given an empty report
//! (`d1_a_plan_without_tasks_is_synthesized_from_nothing`).
//!
//! *Can I watch it?* Tasks are entered on a [board](crate::coordination::task::TaskBoard):
//! look them up by id, list them by state, count them
//! (`d1_a_run_is_watched_on_the_board`). Each attempt that is over is an event
//! ([`Event::Step`](crate::actor::Event::Step)). A run that ends before its tasks fails
//! them there (`d25_tasks_of_a_run_that_ended_do_not_go_on`).
//!
//! *How are teams nested?* A hub is a worker, and so a spoke: a manager of teams is a
//! hub whose spokes are hubs (`d5_a_team_of_teams_replaces_a_specialist_that_fails`).
//!
//! *Is it right in every order of what may happen?* It was tried with up to four
//! spokes (`d1_every_hub_of_up_to_four_spokes_ends_once_and_asks_nobody_twice`), and
//! with dependencies and deadlines
//! (`d1_every_plan_of_up_to_five_words_ends_once_and_in_order`,
//! `d25_every_hub_with_deadlines_ends_once_and_in_time`).
//!
//! *What is bounded?* Tasks and dependencies of a plan, tasks under way, attempts, runs
//! at once, tasks on the board, time by the deadlines of attempt, task and asker.
//!
//! *What is copied?* What is asked, once for each attempt by a [`Hub::spoke`].
//! Everything else is shared.

mod build;
mod desk;
mod machine;
mod order;
mod plan;
mod report;
mod router;
mod seats;
mod slip;

pub use build::{Hub, hub};
pub use machine::{HubProtocol, HubRules, Shortfall};
pub use order::Order;
pub use plan::InvalidPlan;
pub use report::{Attempt, Decision, HubReport, Suitability, TaskReport, Unfinished, Verdict};

#[doc(no_inline)]
pub use crate::policy::choice::Skills;
