//! Handoff: one agent gives what it is at to another, with all there is to know, and
//! exactly one has it at any time.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::handoff::{
//!     Candidate, Handoff, HandoffReply, Offer, OfferOutcome, broadcast,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let away = WorkerRef::from_fn("away", |_: Offer| async {
//!     Ok(HandoffReply::rejected("at lunch"))
//! });
//! let free = WorkerRef::from_fn("free", |_: Offer| async { Ok(HandoffReply::Accepted) });
//! let work = WorkerRef::from_fn("work", |it: Handoff| async move {
//!     assert_eq!(it.context.conversation_history[0].content, "my bill is wrong");
//!     Ok(format!("{} is on it", it.to_agent))
//! });
//! let person = WorkerRef::from_fn("person", |_: Handoff| async { Ok("later".to_owned()) });
//!
//! let billing = broadcast([
//!         Candidate::new("ann", away, work.clone()).skills(["billing"]),
//!         Candidate::new("bob", free.clone(), work.clone()).skills(["billing"]),
//!         Candidate::new("cleo", free, work).skills(["travel"]),
//!     ])
//!     .needs(["billing"])
//!     .escalate("shift lead", person)
//!     .start(&system, "billing")
//!     .await?;
//!
//! let handoff = Handoff::new("triage", "find the mistake").said("user", "my bill is wrong");
//! let handed = billing.ask(handoff).await?.value;
//! assert_eq!(&*handed.to, "bob");
//! assert_eq!(handed.answer, "bob is on it");
//! assert_eq!(handed.attempts[0].outcome, OfferOutcome::Rejected("at lunch".into()));
//! assert_eq!(handed.attempts[2].outcome, OfferOutcome::Taken);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *Why are the offer and the work two calls?* An acceptance is quick, has a time of
//! its own and can be withdrawn: no work has begun. The work takes as long as it takes,
//! and is given to one alone. So several can be offered the same, and no two do it
//! (`d18_whoever_accepts_first_works_and_the_others_are_told`).
//!
//! *Who has it?* The giver, until somebody has accepted; then whoever is given the
//! work, and nobody else ever: at most one, whatever is late, comes twice or crashes
//! (`d18_every_handoff_has_at_most_one_owner_and_ends_once`). To accept is not to have
//! it yet.
//!
//! *In which order?* [`direct`]: one. [`broadcast`]: all at once, the first who
//! accepts. [`hierarchical`]: one after the other, up the chain
//! (`d18_a_chain_is_gone_up_until_somebody_accepts`). Then the
//! [fallback](Handover::fallback), then the [escalation](Handover::escalate)
//! (`d18_what_nobody_takes_goes_to_the_fallback_and_then_to_a_person`).
//!
//! *Who is not even asked?* Whoever lacks one of the [skills that it
//! needs](Handover::needs) (`d18_whoever_lacks_a_skill_is_not_asked`).
//!
//! *What happens when somebody gives no answer?* After
//! [`timeout_seconds`](HandoffConstraints::timeout_seconds), 60 by default, the offer
//! has failed, as if the asking had. It is made again at once, up to
//! [`max_retries`](HandoffConstraints::max_retries) times, to those who gave no answer;
//! who has rejected it is not asked again
//! (`d18_no_answer_in_time_counts_as_failed_and_is_tried_again`). The asker's deadline
//! holds too: give it room for that.
//!
//! *What if an acceptance comes late?* It is not heard. Whoever may have accepted
//! without being heard is [told](Offer::HandoffWithdrawn) that the offer is withdrawn
//! (`d18_an_acceptance_that_comes_late_is_withdrawn`). The end waits for them, but
//! not [for long](Handover::tell_within).
//!
//! *What happens when nobody takes over, or the owner fails?* The fault has
//! [`NotHandedOff`] as its [cause](crate::actor::Fault::cause): who said what, and the
//! handoff itself, back with the giver
//! (`d18_what_nobody_takes_comes_back_with_what_everybody_said`,
//! `d18_an_owner_that_fails_gives_it_back_and_nobody_else_does_it`).
//!
//! *What happens when the giver gives up?* Offers and work are cancelled.
//!
//! *What is refused?* What [`HandoffBounds`] do not let through, with the field in the
//! fault and [`InvalidHandoff`] as its cause, before anybody is offered it
//! (`d18_what_does_not_fit_is_refused_at_the_door_with_its_field`).
//!
//! *What is on the wire?* The record as it is here
//! (`d18_the_record_is_written_with_these_names`).
//!
//! *What is bounded?* Sizes, times and retries by the bounds, candidates by the
//! builder, handoffs under way by [`Handover::requests`].
//!
//! *What is copied?* The handoff, once for each offer and for the work, since each
//! candidate finds its own name in it.

mod bounds;
mod build;
mod candidate;
mod machine;
mod record;
mod report;

pub use bounds::{HandoffBounds, InvalidHandoff};
pub use build::{Handover, broadcast, direct, hierarchical};
pub use candidate::Candidate;
pub use machine::HandoffProtocol;
pub use record::{
    Artifact, Handoff, HandoffConstraints, HandoffContext, HandoffMetadata, HandoffReply, Offer,
    Utterance,
};
pub use report::{HandedOff, NotHandedOff, OfferAttempt, OfferOutcome};

#[doc(no_inline)]
pub use crate::policy::choice::Skills;
