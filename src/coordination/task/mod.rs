//! The record of a task, and a board of those there are.
//!
//! ```
//! use callboard::coordination::task::{Criterion, TaskBoard, TaskRecord, TaskState};
//! use callboard::prelude::*;
//!
//! # fn main() -> Result<(), BoxError> {
//! let task = TaskRecord::new("sources", "search", "who invented the mailbox?".to_owned())
//!     .instructions("primary sources only")
//!     .criterion(Criterion::ConfidenceAtLeast(0.6))
//!     .quality(0.7)
//!     .tokens(2_000)
//!     .deadline(secs(20));
//!
//! let board = TaskBoard::<String, String>::new(100);
//! let id = board.enter(task)?;
//! board.assign(id, "researcher")?;
//! assert_eq!(board.get(id).unwrap().record.state(), TaskState::Running);
//! board.complete(id, "Hewitt".to_owned().into())?;
//!
//! let entry = board.get(id).unwrap();
//! assert_eq!(entry.record.assigned_agents, ["researcher"]);
//! assert_eq!(**entry.outcome.unwrap().as_ref().unwrap(), "Hewitt");
//! // What is over stays over.
//! let refused = board.assign(id, "another").unwrap_err();
//! assert_eq!(refused.to_string(), "a task that is completed cannot become running");
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *Who moves a task on?* A [hub](fn@super::hub) does, for the tasks of its plans;
//! whoever holds a board may. What became of a task is looked up by its id
//! (`d25_what_became_of_a_task_is_looked_up_by_its_id`).
//!
//! *Which way does a task go?* From pending to running to completed or failed; one
//! that nobody can begin fails while it is pending. Anything else is refused
//! (`d25_a_task_goes_from_pending_to_running_to_its_end_and_no_other_way`).
//!
//! *When does an answer count?* When each of the task's criteria holds, it is good
//! enough, and what it cost is within the budget. A hub checks that before the
//! task is completed (`d25_an_answer_that_fails_a_criterion_never_counts`).
//!
//! *What happens when a board is full?* The task that was over first makes room. A
//! task that is not over is never dropped: where there are no others, what comes is
//! refused (`d25_a_full_board_drops_what_was_over_first_and_never_what_runs`).
//!
//! *Why is a board not an actor?* To look something up, or to write it down, takes a
//! short lock and no wait; nothing foreign runs under it. So the driver of a hub
//! writes without a message, and a reader never waits for a busy one.
//!
//! *Can a record be kept in a file?* It is plain data, as [`serde`] likes it
//! (`d25_a_record_survives_a_file`).

mod board;
mod criterion;
mod record;
mod state;

pub use board::{BoardError, TaskBoard, TaskCounts, TaskEntry, TaskId};
pub use criterion::Criterion;
pub use record::{InvalidTask, TaskBudget, TaskRecord};
pub use state::{IllegalTransition, TaskState};
