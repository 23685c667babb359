//! Pools: many workers alike behind one reference.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::supervision::Pool;
//!
//! struct Doubler;
//! impl Worker for Doubler {
//!     type In = u32;
//!     type Out = u32;
//!     async fn work(&mut self, n: u32, _cx: &mut Context<Self>) -> Result<u32, Fault> {
//!         Ok(n * 2)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let pool = Pool::new("doublers", 2..=8, || Doubler).queue(256).start(&system).await?;
//! assert_eq!(pool.worker().ask(21).await?.value, 42);
//! assert_eq!(pool.status().size, 2);
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//!               pool (rest for one)
//!              ╱                  ╲
//!     members (dynamic)          manager: grows, shrinks
//!     ╱     │      ╲
//!  m-0    m-1 ...  m-n           caller ─▶ lease the least loaded ─▶ ask ─▶ give back
//! ```
//!
//! # Leases
//!
//! Whoever needs one member for several jobs leases it, or hands a piece of code
//! to the pool that gets one:
//!
//! ```
//! use callboard::prelude::*;
//!
//! /// Remembers what it was told, until it goes back to the pool.
//! #[derive(Default)]
//! struct Notebook { lines: Vec<&'static str> }
//! impl Worker for Notebook {
//!     type In = &'static str;
//!     type Out = usize;
//!     async fn work(&mut self, line: &'static str, _cx: &mut Context<Self>) -> Result<usize, Fault> {
//!         self.lines.push(line);
//!         Ok(self.lines.len())
//!     }
//!     async fn reset(&mut self, _cx: &mut Context<Self>) -> Result<(), BoxError> {
//!         self.lines.clear();
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let pool = Pool::new("notebooks", 1..=1, Notebook::default).start(&system).await?;
//! {
//!     let mine = pool.lease().await?;
//!     mine.ask("one").await?;
//!     assert_eq!(mine.ask("two").await?.value, 2, "nobody else writes into it");
//!     assert!(pool.try_lease().is_err(), "it is the only one");
//! } // reset, and back
//! let lines = pool.with(|notebook| async move { Ok(notebook.ask("new").await?.value) }).await?;
//! assert_eq!(lines, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What happens when all are busy?* Up to `queue` callers wait, by priority and
//! first come first served inside one (`po_03`), until their deadline or, without
//! one, as long as the system has its asks wait; the next is refused as
//! overloaded, or waits too with [`Overflow::Block`]. While callers wait the pool
//! grows up to its maximum.
//!
//! *What happens when a member crashes?* It is restarted, or goes if it was
//! beyond the minimum (`po_05`); its job fails at once as a transient fault, is
//! given to another member with [`Pool::redispatch`], or is kept with
//! [`Pool::dead_letters`]. It is never lost. A lease on it is void, and its next
//! life serves whoever waits (`po_06`). Nobody is given a member that is being
//! restarted, is paused, or fails its health checks.
//!
//! *Who gets the next job?* As [`Dispatch`] says: by default the member with the
//! fewest jobs in hand, and of equals the one that has rested longest (`po_13`).
//! Choosing costs the same for any number of members.
//!
//! *When does it shrink?* After a member has been idle for 60 s, one at a time,
//! down to its minimum; or at once, with [`Surplus::AtOnce`] (`po_02`).
//!
//! *What happens when a caller gives up?* Its place in the queue is free at
//! once, and a member it was just given passes on to the next (loom `l11`).
//!
//! *What if the holder of a lease dies?* The lease is dropped with it: the member
//! is reset and back (`po_08`), also after a panic (`po_09`).
//!
//! *Can it be changed while it runs?* [`PoolRef::resize`] and
//! [`PoolRef::reconfigure`]: a smaller pool shrinks as jobs end, a larger one
//! serves those who wait at once (`po_17`).
//!
//! *What does it cost?* Two short locks more than asking the member itself.
//!
//! [`Dispatch`]: crate::policy::choice::Dispatch
//! [`Surplus::AtOnce`]: crate::policy::sizing::Surplus::AtOnce

mod build;
pub(crate) mod config;
mod front;
mod handle;
mod lease;
pub(crate) mod leases;
mod line;
mod manager;
mod shared;
pub(crate) mod slab;
mod status;
#[cfg(test)]
mod tests;

use crate::actor::{ActorRef, Worker, WorkerCommand};
#[cfg(doc)]
use crate::mailbox::Overflow;

pub use build::Pool;
pub use config::{InvalidPool, PoolConfig, Reset};
pub use handle::PoolRef;
pub use lease::{Lease, LeaseError, LeaseRequest};
pub use status::{PoolState, PoolStatus};

type MemberRef<W> = ActorRef<WorkerCommand<<W as Worker>::In, <W as Worker>::Out>>;
