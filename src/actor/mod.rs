//! Actors: one task, one mailbox, one message at a time.
//!
//! ```
//! use callboard::prelude::*;
//!
//! enum Command { Add(u64), Total(Reply<u64>) }
//!
//! #[derive(Default)]
//! struct Counter { total: u64 }
//!
//! impl Actor for Counter {
//!     type Msg = Command;
//!     async fn handle(&mut self, msg: Command, _cx: &mut Context<Self>) -> Result<(), BoxError> {
//!         match msg {
//!             Command::Add(n) => self.total += n,
//!             Command::Total(reply_to) => reply_to.send(self.total),
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("guide");
//! let counter = system.spawn(ChildSpec::new("counter", Counter::default)).await?;
//! counter.tell(Command::Add(2)).await?;
//! assert_eq!(counter.ask(Command::Total).await?, 2);
//! system.shutdown(Duration::from_secs(5)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns
//!
//! - [`Actor`] is what you write: a message type and `async fn` hooks. The
//!   implementor is the state.
//! - [`ActorRef`] is how everybody reaches it: `tell`, `try_tell`, `ask`. It
//!   belongs to the actor's slot and works over restarts.
//! - [`Context`] is what a hook can do: stop, watch, timers, blocking work.
//! - [`ChildSpec`] is an actor to be: name, factory, mailbox, what its
//!   supervisor may do. It gives a reference before the actor exists.
//! - [`Worker`] is the request and reply side of an actor, and [`WorkerRef`] is
//!   anything that answers: actors, pools and patterns compose through it.
//! - [`System`] is the tree, its clock, its names, its dead letters.
//!
//! # Questions
//!
//! *What happens to a message when the actor crashes?* The queue stays and the
//! next incarnation goes on with it; the message in hand becomes a dead letter,
//! and a pending ask for it fails at once. [`ChildSpec::on_crash`] tries it
//! again instead (`a5_*`).
//!
//! *When does an actor end?* By `stop`, by its own exit, or by its supervisor.
//! Never because nobody holds a reference.
//!
//! *How is it?* [`ActorRef::state`] says so now, [`ActorRef::watch_state`] and
//! [`Context::watch_state`] tell of each change; an actor declares a state of its
//! own with [`Context::declare`] (`b7_*`). [`ChildSpec::health_check`] has it asked
//! from outside, and ended when it does not answer (`b8_*`).
//!
//! *What does a restarted actor know?* What its factory gives it, and what its
//! last life kept for it, if it is [`Checkpointed`].
//!
//! *In which order do hooks run?* `restore` where something was kept, `start`,
//! `check`, then `handle` one message at a time, then `stop`; start and stop at
//! most once per incarnation. A health check runs between two messages. After a kill no
//! stop hook runs.
//!
//! *What does a request carry?* Deadline, correlation, cancellation and the
//! chain of actors being asked travel by themselves from a handler to what it
//! asks and tells. A circle of asks is an error that names the path (`a6_*`).
//!
//! *How long does a wait last?* An ask waits 5 s unless told otherwise; waiting
//! for ever has to be written out with [`Ask::no_deadline`].
//!
//! *What does it cost?* A tell is one short lock. An ask is one allocation. An
//! idle actor is a few hundred bytes. `docs/performance.md` has the figures.
//!
//! *Where did it go?* Every message nobody handled is a [`DeadLetter`], and
//! [`ActorRef::counts`] balances.

pub(crate) mod chance;
pub(crate) mod child;
pub(crate) mod core;
pub(crate) mod envelope;
pub(crate) mod fault;
pub(crate) mod feed;
pub(crate) mod health;
pub(crate) mod launch;
pub(crate) mod observe;
pub(crate) mod registry;
pub(crate) mod served;
pub(crate) mod stream;
pub(crate) mod system;
pub(crate) mod time;
pub(crate) mod worker;

pub use self::child::{
    AtLimit, ChildSpec, ChildTemplate, InvalidSpec, Redeliver, Restart, Shutdown,
};
pub(crate) use self::child::{Limits, Policy};
pub use self::core::ask::{Ask, ask_all};
pub use self::core::behaviour::{Actor, Checkpointed};
pub use self::core::budget::{Budget, Spending, Used};
pub use self::core::context::Context;
pub use self::core::dead_letter::{DeadLetter, DeadReason};
pub use self::core::errors::{AskError, TellError, TryTellError};
pub use self::core::event::Event;
pub use self::core::exit::{BoxError, Exit, Started};
pub use self::core::health::{CheckOutcome, Health, Unhealthy};
pub use self::core::life::{IllegalTransition, Lifecycle, Transition};
pub use self::core::lint::Lint;
pub use self::core::refs::{ActorRef, WeakRef};
pub use self::core::reply::Reply;
pub use self::core::request::Request;
pub use self::core::slot::{ActorId, Down, WatchId};
pub use self::core::tell::Tell;
pub use self::core::transitions::Transitions;
pub(crate) use self::envelope::unix_seconds;
pub use self::envelope::{
    DeliverError, Envelope, Header, InvalidEnvelope, Kind, Logged, MessageLog,
};
pub use self::fault::{Fault, FaultClass};
pub use self::feed::EventStream;
pub use self::observe::DeadLetters;
pub use self::registry::{Listing, NotAdmitted};
pub use self::served::{Metadata, Served};
pub use self::stream::{ConsumerGone, Merged, PartStream, Parts, merge, parts};
pub use self::system::{NoRuntime, System, SystemConfig};
pub use self::time::TimerId;
pub use self::worker::{AskWorker, BoxFuture, Job, Serve, Worker, WorkerCommand, WorkerRef};
