//! The bounded typed queue in front of every actor, and the reply slot.
//!
//! ```
//! use callboard::mailbox::{Mailbox, Overflow};
//!
//! let patient = Mailbox::bounded(64);                                // senders wait
//! let ticker = Mailbox::bounded(1).overflow(Overflow::DropOldest);    // the newest counts
//! let triage = Mailbox::bounded(100).prioritised();                   // 9 first
//! # assert_eq!((patient.capacity(), ticker.capacity(), triage.capacity()), (64, 1, 100));
//! ```
//!
//! # Questions
//!
//! *What happens when it is full?* By default the sender waits, in arrival
//! order, and nobody overtakes it (`mb_04`, `mb_23`). [`Overflow`] offers to
//! refuse, to drop the newest or to drop the oldest instead; what is dropped
//! becomes a dead letter, what is refused is handed back (`mb_10`, `mb_11`,
//! `mb_13`).
//!
//! *What counts against the capacity?* Queued messages and those the actor has
//! taken but not finished. The bound is exact (`mb_01`, `mb_02`).
//!
//! *What happens when the actor dies?* The mailbox stays. The next incarnation
//! goes on with what was queued, in order; the message in hand is gone, since
//! its handler owned it, unless the slot redelivers.
//!
//! *In which order?* First in, first out for each sender (`mb_09`). With
//! [`Mailbox::prioritised`] by priority, and first in, first out inside one
//! (`mb_21`), a waiting message rising one level a second.
//!
//! *What does it cost?* One short lock per message sent; the actor takes a whole
//! burst with one lock. An idle mailbox owns no heap. Priorities and
//! drop-oldest cost the actor one lock per message.
//!
//! *Where did my messages go?* [`Counts`] is a snapshot in which every accepted
//! message is accounted for.

mod batch;
mod counts;
mod lane;
mod line;
mod overflow;
mod queue;
mod reply;
mod settings;
mod store;
mod waiting;

pub(crate) use batch::Batch;
pub use counts::Counts;
pub(crate) use lane::Word;
pub use overflow::Overflow;
pub(crate) use queue::{Offer, Parked, Queue, Taken, Unfinished};
pub(crate) use reply::ReplySlot;
pub use reply::Unanswered;
pub use settings::{InvalidMailbox, Mailbox};
pub(crate) use store::Item;
