//! Counts votes: majority, quorum, plurality and instant runoff, weighted or not.
//!
//! ```
//! use callboard::policy::ballot::{Base, Count, Method, Outcome, Progress, Quorum, Rules};
//!
//! // Five voters, and three fifths of them decide. Choices are known by numbers.
//! let rules = Rules::new(Method::Quorum(Quorum::Share(0.6))).of(Base::Eligible);
//! let mut count = Count::new(rules, vec![1.0; 5])?;
//! count.cast(0, 1.0, vec![7]);
//! count.cast(1, 1.0, vec![9]);
//! count.cast(2, 1.0, vec![7]);
//! count.cast(2, 1.0, vec![9]); // again, and not counted
//! assert_eq!(count.progress(), Progress::Open);
//! count.cast(3, 1.0, vec![7]);
//! assert_eq!(count.progress(), Progress::Decided, "whatever the fifth says");
//! count.close();
//! count.cast(4, 1.0, vec![9]); // late, and not counted
//! let tally = count.tally();
//! assert_eq!(tally.outcome, Outcome::Decided(7));
//! assert_eq!(tally.confidence, 0.6);
//! # Ok::<(), callboard::policy::ballot::InvalidVote>(())
//! ```
//!
//! # Questions
//!
//! *Can two disjoint sets of voters both win?* No. A quorum of half of the voters
//! or fewer is refused as [`InvalidVote::Disjoint`], as is a share of half or
//! less (`two_disjoint_quorums_cannot_both_win`). Where it can happen by design, it
//! is said: plurality is a method of its own, and [`Base::Voting`] looks at those
//! alone who vote.
//!
//! *What is a share a share of?* See [`Base`]. Of all who may vote unless said
//! otherwise, so that a quorum does not shrink when voters fail.
//!
//! *Can somebody vote twice, or late?* A voter has one ballot, the first, and
//! nothing is counted after [`Count::close`] (`a_voter_counts_once`,
//! `what_is_closed_stays_closed`).
//!
//! *Does the order of ballots matter?* No
//! (`the_order_of_ballots_does_not_matter`): weights are whole millionths, so sums
//! are exact in every order, and ties are reported and never broken by order.
//!
//! *When may a count be closed early?* When [`Count::progress`] says so: no ballot
//! to come can change what is decided
//! (`closing_early_never_changes_what_is_decided`).
//!
//! *How are ties among the last broken in a runoff?* By the latest earlier round
//! in which they differ; those that no round tells apart go together where all of
//! them would go before anybody else anyway. A tie that is left is the outcome
//! (`a_tie_for_the_last_place_that_matters_is_the_outcome`). After Scotland's
//! single transferable vote (2011 No. 399, rule 50) and batch elimination as in
//! Maine's ranked-choice rules (29-250 chapter 535), with arbitration for the lot.
//!
//! *Does more support ever hurt?* Not with majority, quorum and plurality
//! (`more_support_never_hurts`). It can in a runoff, as is known of the method.
//!
//! *What does it cost?* A ballot costs a look at its choice's sum, and so does
//! [`Count::progress`]; [`Count::tally`] looks at all ballots, a runoff once a
//! round.

mod count;
mod rules;
mod runoff;
mod tally;
#[cfg(test)]
mod tests;

pub use count::{Count, Heard, Progress};
pub use rules::{Base, InvalidVote, Method, Quorum, Rules};
pub use tally::{Outcome, Part, Round, Tally};
