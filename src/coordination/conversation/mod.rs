//! Conversations: speakers who hear what was said, in rounds or one at a time, until
//! somebody says that it is over. A [`debate`] is one, and so is a [`group_chat`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use callboard::prelude::*;
//! use callboard::coordination::conversation::{Judgement, Transcript, Turn, debate};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! type Words = Turn<&'static str, String>;
//! let system = System::new("demo");
//! let side = |name: &'static str| {
//!     WorkerRef::from_fn(name, |turn: Words| async move {
//!         let heard = turn.transcript.statements().count();
//!         Ok(format!("{} on {}, having heard {heard}", turn.side(), turn.topic()))
//!     })
//! };
//! let judge = WorkerRef::from_fn("judge", |minutes: Arc<Transcript<&str, String>>| async move {
//!     Ok(match minutes.statements().count() {
//!         0..4 => Judgement::GoOn,
//!         _ => Judgement::Won(1),
//!     })
//! });
//! let debate = debate([("pro", side("a")), ("contra", side("b"))])
//!     .rounds(3)
//!     .judge(judge)
//!     .start(&system, "debate")
//!     .await?;
//!
//! let debated = debate.ask("tabs").await?.value;
//! assert_eq!(debated.winner(), Some("contra"));
//! let said: Vec<_> = debated.transcript.statements().map(|(_, it)| it.as_str()).collect();
//! assert_eq!(said[0], "pro on tabs, having heard 0");
//! assert_eq!(said[3], "contra on tabs, having heard 2");
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What does a speaker know?* The topic, its own name, the round, and what all have
//! said so far: a [`Turn`]. Side by side nobody hears what the others say in the same
//! round; in turn everybody hears all that was said before
//! (`d17_side_by_side_nobody_hears_the_same_round_and_in_turn_everybody_does`).
//!
//! *When does a debate end?* When the judge says so, and at the latest after
//! [so many](Debate::rounds) rounds
//! (`d17_a_debate_ends_when_the_judge_decides_and_at_the_latest_after_its_rounds`).
//! [At the end](Debate::judge_at_the_end), the judge is asked once. A debate that
//! nobody has decided is [undecided](Decision::Undecided), and says
//! [why it ended](Ended).
//!
//! *Who speaks next in a group chat?* The next in turn; or whom the
//! [manager](GroupChat::manager), or a [rule](GroupChat::choose), chooses
//! (`d17_the_next_speaker_is_chosen_by_turn_by_a_manager_or_by_a_rule`). It ends
//! [by a rule](GroupChat::until), when the manager says so, or after
//! [so many](GroupChat::at_most) turns
//! (`d17_a_chat_ends_by_rule_by_its_manager_or_after_its_turns`).
//!
//! *What happens when a speaker fails, or panics?* That is an entry of the transcript,
//! which all can read. It has lost this turn, or [is out](OnSpeakerFault::IsOut)
//! (`d17_a_side_that_fails_loses_its_turn_or_is_out_and_the_transcript_says_so`). With
//! fewer than two sides, or no member, left it ends.
//!
//! *What happens when the judge fails?* That is an entry, too. It goes on, or
//! [ends](OnJudgeFault::Ends) undecided
//! (`d17_a_judge_that_fails_is_never_silent`). A judge that names a side that there is
//! not has failed.
//!
//! *What happens when the manager fails, or chooses who cannot speak?* The next in turn
//! speaks, and the transcript says why
//! (`d17_a_choice_that_cannot_be_followed_falls_to_the_next_in_turn_and_is_told`).
//!
//! *What if a speaker never answers?* The conversation ends with its asker. Put a
//! [`Stack`](crate::resilience::Stack) with a timeout in front of it, and it loses its
//! turn instead.
//!
//! *In which order are entries?* In that of the speakers, whoever answers first
//! (`d17_entries_are_in_the_order_of_the_speakers_whoever_answers_first`).
//!
//! *What is bounded?* Rounds or turns, entries that are [kept](Debate::keep), requests
//! under way, time by the asker's deadline.
//!
//! *Does every order of answers end well?* Yes, for up to four
//! (`d17_every_conversation_of_up_to_four_ends_once_within_its_steps`).
//!
//! *What does it cost?* One ask a turn, and one entry a round, or a turn where they
//! speak one after the other; the transcript is shared and not copied, unless a
//! speaker keeps it.

mod debate;
mod group_chat;
mod machine;
mod seats;
mod transcript;

pub use debate::{Debate, Debated, Decision, Judgement, debate};
pub use group_chat::{Chatted, GroupChat, Next, group_chat};
pub use machine::{Chair, ConversationProtocol, Ended, Floor, OnJudgeFault, OnSpeakerFault};
pub use transcript::{By, Entry, Said, Transcript, Turn};
