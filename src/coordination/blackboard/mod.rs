//! Blackboard: sources of knowledge watch one board, and write on it what they can add,
//! until the problem is solved or nobody has anything to say.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::blackboard::{Board, Ended, Note, Source};
//! use callboard::coordination::blackboard;
//! use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let split = WorkerRef::from_fn("split", |board: Arc<Board<String>>| async move {
//!     let words = board.latest("sentence").unwrap().split(' ');
//!     Ok(words.map(|word| Note::new("word", word.to_owned())).collect())
//! });
//! let count = WorkerRef::from_fn("count", |board: Arc<Board<String>>| async move {
//!     Ok(vec![Note::new("length", board.about("word").count().to_string())])
//! });
//!
//! let reader = blackboard()
//!     .source(Source::new("count", count).when(|board| board.has("word")))
//!     .source(Source::new("split", split).when(|board| board.has("sentence")))
//!     .until(|board| board.has("length"))
//!     .start(&system, "reader")
//!     .await?;
//!
//! let sentence = Note::new("sentence", "all is well".to_owned());
//! let solution = reader.ask(vec![sentence]).await?.value;
//! assert_eq!(solution.ended, Ended::Solved);
//! assert_eq!(solution.board.latest("length").unwrap(), "3");
//! let last = solution.board.entries().last().unwrap();
//! assert_eq!((&*last.author, last.step), ("count", 2));
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *Who is asked next?* Of the sources whose [trigger](Source::when) holds, the one of
//! the highest [priority](Source::priority); of equals the one that was added first, or
//! [by chance](Equals) (`the_highest_priority_is_asked_first`). One at a time, or
//! [several side by side](Blackboard::side_by_side), with the same board
//! (`sources_side_by_side_see_the_same_board`).
//!
//! *When does it end?* When it is [solved](Blackboard::until), when nobody has anything to
//! say, when the board is full, or after [so many steps](Blackboard::steps): [`Ended`]
//! says which, and the board as it is then is the answer
//! (`a_blackboard_says_why_it_ended`,
//! `every_blackboard_of_up_to_four_sources_ends_once_within_its_steps`).
//!
//! *What if a source has nothing new to say?* It is not asked again until the board has
//! changed. What is on the board already is nothing new
//! (`who_repeats_what_is_there_is_not_asked_for_ever`).
//!
//! *What if a source fails?* It is not asked again in this run, and the
//! [solution](Solution::failed) says so
//! (`a_source_that_fails_is_reported_and_the_others_go_on`).
//!
//! *What if sources contradict each other?* Nothing is taken back: both entries stay,
//! with their authors, and [`Board::contradictions`] finds them
//! (`contradictions_stay_visible`). [Resolve](mod@super::conflict) them, or
//! have a source do that.
//!
//! *Where is the board?* In the blackboard's actor, one for each request. Sources are
//! given it as it is at that step, and share it.
//!
//! *What is bounded?* Entries, steps, sources (30), boards at once, and time by the asker's
//! deadline.
//!
//! *What does a step cost?* An ask for each source, a pass over the triggers, and a copy of
//! the list of entries, not of the entries.

mod board;
mod build;
mod machine;

pub use board::{Board, Entry, Note};
pub use build::{Blackboard, FailedSource, Solution, Source, blackboard};
pub use machine::{BlackboardProtocol, ControlRules, Ended, Equals};
