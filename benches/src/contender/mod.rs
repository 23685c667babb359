//! Who is measured. One file a contender; each writes the same workloads with
//! what its library offers for them, and answers [`Contender::run`].
//!
//! *What is an actor to a channel?* A task that owns the receiving end of a
//! bounded channel, with a oneshot in a message that wants an answer.
//!
//! *Is everyone bounded?* callboard, both channels and kameo: yes, the same
//! capacity. ractor's mailboxes have no bound, so its tellers never wait.
//! actix's callers share its thread: they try, and yield when it is full.
//!
//! *Who is asked about limits?* governor and tokio's semaphore, and nothing
//! else; `limits` is callboard's side.

mod actix;
mod backon;
mod callboard;
mod channel;
mod factory;
mod failsafe;
mod governor;
mod kameo;
mod kanal;
mod limits;
mod patterns;
mod pools;
mod ractor;
mod routes;
mod semaphore;
mod streams;

use std::fmt;

use crate::work::{Outcome, Work};

/// Somebody who can run the workloads.
pub trait Contender: Sync {
    /// The library's name.
    fn name(&self) -> &'static str;

    /// Runs one workload on a fresh runtime. `None` where the workload is about
    /// something the library does not have, or is not compared by any row.
    fn run(&self, work: Work) -> Option<Outcome>;
}

impl fmt::Debug for dyn Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// callboard.
pub const CALLBOARD: &dyn Contender = &callboard::Callboard;
/// A task on a bare bounded tokio channel.
pub const CHANNEL: &dyn Contender = &channel::Channel;
/// A task on a bounded kanal channel.
pub const KANAL: &dyn Contender = &kanal::Kanal;
/// ractor.
pub const RACTOR: &dyn Contender = &ractor::Ractor;
/// kameo.
pub const KAMEO: &dyn Contender = &kameo::Kameo;
/// backon, for retries.
pub const BACKON: &dyn Contender = &backon::Backon;
/// failsafe.
pub const FAILSAFE: &dyn Contender = &failsafe::Failsafe;
/// actix with one arbiter.
pub const ACTIX: &dyn Contender = &actix::Actix;
/// governor, for rate limits.
pub const GOVERNOR: &dyn Contender = &governor::Governor;
/// tokio's semaphore, for permits.
pub const SEMAPHORE: &dyn Contender = &semaphore::Semaphore;
/// One callboard worker, asked without a pool.
pub const WORKER: &dyn Contender = &pools::Worker;
/// ractor's factory of as many workers.
pub const FACTORY: &dyn Contender = &factory::Factory;
/// deadpool, of tasks on bare channels.
pub const DEADPOOL: &dyn Contender = &pools::Deadpool;
/// Hand-written tokio: calls awaited, or all polled together.
pub const BY_HAND: &dyn Contender = &patterns::ByHand;
