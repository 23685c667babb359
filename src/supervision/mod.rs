//! Supervisors: who restarts whom, when, and what happens if that does not
//! help.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::testing::quiet_panics;
//!
//! /// Counts, and falls over at 13.
//! #[derive(Default)]
//! struct Counter { seen: u32 }
//!
//! enum Command { Count(u32), Seen(Reply<u32>) }
//!
//! impl Actor for Counter {
//!     type Msg = Command;
//!     async fn handle(&mut self, msg: Command, _cx: &mut Context<Self>) -> Result<(), BoxError> {
//!         match msg {
//!             Command::Count(n) => {
//!                 assert!(n != 13, "unlucky");
//!                 self.seen += 1;
//!             }
//!             Command::Seen(reply_to) => reply_to.send(self.seen),
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! quiet_panics();
//! let system = System::new("guide");
//! let spec = ChildSpec::new("counter", Counter::default);
//! let counter = spec.actor_ref();
//! let team = Supervisor::new("team").child(spec).start(&system).await?;
//!
//! for n in [1, 13, 2, 3] {
//!     counter.tell(Command::Count(n)).await?;
//! }
//! // The second life starts afresh and goes on with what was queued.
//! assert_eq!(counter.ask(Command::Seen).await?, 2);
//! assert_eq!(team.count().restarts, 1);
//! # Ok(())
//! # }
//! ```
//!
//! `docs/supervision.md` is a guide for those new to it, with drawings.
//!
//! # Which strategy when
//!
//! - [`Strategy::OneForOne`]: children have nothing to do with each other.
//! - [`Strategy::RestForOne`]: later children depend on earlier ones.
//! - [`Strategy::OneForAll`]: none makes sense without the others.
//! - [`Supervisor::dynamic`]: children come and go, and are all alike.
//!
//! # Questions
//!
//! *In which order do children start and stop?* They start in the order in which
//! they were added, one after the other, and stop in reverse, each fully before
//! the next is told (`sup_01`, `sup_02`). Dynamic children stop all at once
//! (`sup_39`).
//!
//! *What if a supervisor is not needed, or needs something first?* Its
//! [`init`](Supervisor::init) hook runs before any child is started, in each of
//! its lives, and may say so (`sup_04`).
//!
//! *When is a child restarted?* [`Restart`](crate::actor::Restart) decides by
//! its exit (`sup_14`, `sup_15`, `sup_16`). A restart that fails counts as
//! another restart (`sup_27`).
//!
//! *What if restarting does not help?* At more than so many restarts within a
//! period the supervisor stops its children and ends itself; the one above
//! decides (`sup_22`, `sup_45`). At the root that is the end of the system. A
//! child with an [intensity](crate::actor::ChildSpec::intensity) of its own is
//! counted by itself (`b2_*`).
//!
//! *Can callers fail fast while a child is in trouble?* A child with a
//! [breaker](crate::actor::ChildSpec::breaker) refuses asks at once, with the time
//! to come again, after crashes, faults and slow answers
//! (`b9_a_childs_crashes_open_its_breaker_and_a_probe_closes_it`). With
//! [`AtLimit::OpenBreaker`](crate::actor::AtLimit::OpenBreaker) a child that is
//! restarted too often stays down for its breaker's wait instead of taking its
//! supervisor with it
//! (`b9_crossing_the_intensity_opens_the_breaker_instead_of_escalating`).
//!
//! *Can one leaf restart half the tree for ever?* Each level of supervisors
//! multiplies the restarts that the one below allows. What all supervisors of a
//! system do together is bounded by
//! [`SystemConfig::restart_budget`](crate::actor::SystemConfig::restart_budget):
//! when it is spent, supervisors escalate instead (`b2_the_budget_*`).
//!
//! *What if a child has done its work?* A supervisor may end with it: children
//! that matter are made
//! [`significant`](crate::actor::ChildSpec::significant), and its
//! [`AutoShutdown`] says whether the first or the last of them that ends by
//! itself ends it (`sup_47`, `sup_48`). One that is ended by command, with its
//! siblings or at the end does not count; one that ends while the supervisor
//! still starts counts once it has started (`b5_*`).
//!
//! *How long until a restart?* At once, or as a
//! [`Backoff`](crate::policy::backoff::Backoff) says, the supervisor's or the
//! child's own (`sup_55`, `b3_*`). Commands are answered
//! meanwhile (`sup_31`), and a terminate wins over a restart that waits.
//!
//! *How is a child ended?* As its [`Shutdown`](crate::actor::Shutdown) says: it
//! finishes the message in hand and is killed if that takes too long
//! (`sup_35`), is killed at once (`sup_36`), or is waited for (`sup_37`).
//!
//! *Can it be changed while it runs?* Its settings with
//! [`SupervisorRef::reconfigure`], those of a child with
//! [`SupervisorRef::reconfigure_child`], and what a child is made by with
//! [`SupervisorRef::replace_child`]: checked as at the build, all or nothing,
//! and nobody is restarted by it (`b6_*`). Changes outlive the supervisor's own
//! restart, as OTP's do, whose new code is asked for its settings again; those
//! of children that were added later go with the children.
//!
//! *What does a restarted child keep?* Its slot: the address, the mailbox and
//! what is queued in it, names, watchers, the record of its health. Not the message
//! in hand, nor its state, which the factory makes anew; but a
//! [`Checkpointed`](crate::actor::Checkpointed) actor gets what it kept.
//!
//! *What if the supervisor itself is killed?* No child survives it, however it
//! died, and it is reported as ended only when the last child is gone, so no
//! child ever has two lives at once.
//!
//! *Why was it restarted?* The last reasons of each child, five unless told
//! otherwise, are in [`SupervisorRef::which_children`] and in the tree
//! (`b10_*`).
//!
//! *How is a whole subtree looked after?* [`SupervisorRef::pause`] and
//! [`SupervisorRef::maintain`] stop its actors handling messages,
//! [`SupervisorRef::drain`] lets them finish what they accepted and takes them
//! down, [`SupervisorRef::rolling_restart`] gives each a new life, a few at a
//! time, without losing a message (`b7_*` in `tests/supervision`).
//!
//! *What does it cost?* A supervisor is one ractor actor. A child costs one entry
//! in an ordered map; a restart is two hops and a task. `docs/performance.md`
//! has the figures.
//!
//! *`panic = "abort"`* ends the process at the first panic: nothing can be
//! restarted there.

mod errors;
mod handle;
pub mod interop;
mod keeper;
mod launch;
pub mod lint;
mod operations;
pub(crate) mod plan;
pub(crate) mod pool;
mod root;
mod supervisor;
mod tree;
pub(crate) mod turn;

pub use errors::{ChangeError, ChildError, StartError, StartFailed};
pub use handle::{ChildCount, ChildId, ChildInfo, ChildState, SupervisorRef};
pub use launch::AnyChild;
pub use operations::{DrainReport, NotBack, RollingReport, RollingRestart};
pub use plan::{AutoShutdown, ChildChange, Strategy, SupervisorChange};
pub use pool::{
    InvalidPool, Lease, LeaseError, LeaseRequest, Pool, PoolConfig, PoolRef, PoolState, PoolStatus,
    Reset,
};
pub use root::{AlreadyShutDown, Interrupt, ShutdownReport};
pub use supervisor::Supervisor;
pub use tree::{Node, NodeHealth, RestartReason};
