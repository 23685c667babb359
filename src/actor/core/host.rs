//! What the core needs of the system around it.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::admission::Admission;
use super::dead_letter::DeadLetter;
use super::deadlines::{Expire, Register};
use super::event::Event;
use super::exit::{BoxError, Exit};
use super::slot::{ActorId, AnySlot};
use crate::mailbox::Counts;

/// The system, as the core sees it: a clock, deadlines, and somewhere to put
/// what nobody else wants.
pub(crate) trait Host: fmt::Debug + Send + Sync {
    fn now(&self) -> Instant;
    /// The deadline of an ask that names none. `None`: it waits for ever.
    fn ask_deadline(&self) -> Option<Duration>;
    /// The register of pending asks; `None` where there is no time.
    fn deadlines(&self) -> Option<&Register>;
    /// Somebody's deadline is earlier than the next planned sweep.
    fn hurry_sweep(&self);
    fn dead_letter(&self, letter: DeadLetter);
    fn count_late_reply(&self);
    fn has_listeners(&self) -> bool;
    fn emit(&self, event: Event);
    /// Makes an actor findable by what its spec and its hooks declare.
    fn register(
        &self,
        slot: Arc<dyn AnySlot>,
        admission: Option<&Admission>,
        capabilities: Vec<Arc<str>>,
    ) -> Result<(), BoxError>;
    /// Begins to check the health of this life of an actor, until what is
    /// returned is dropped. Nothing where there is no time.
    fn look_after(&self, slot: &Arc<dyn AnySlot>) -> Option<Box<dyn std::any::Any + Send + Sync>> {
        let _ = slot;
        None
    }
    /// Makes it unfindable again.
    fn unregister(&self, slot: &dyn AnySlot);
    /// An actor that oversees itself has ended for good; `at` is where it is
    /// listed.
    fn remove_detached(&self, id: ActorId, at: u32);
    /// A mailbox has closed for good.
    fn close_books(&self, id: ActorId, counts: Counts);
    fn as_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync>;
}

/// Who is told about an incarnation's start and end.
pub(crate) trait Overseer: Send + Sync {
    /// The start hook said ready.
    fn started(&self, key: u64, incarnation: u32);
    /// The incarnation is over, in whichever way.
    fn ended(&self, key: u64, incarnation: u32, ended: Ended);
}

/// How an incarnation ended, seen from its overseer.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    /// The start hook said that the actor is not needed.
    Ignored,
    /// It never became ready.
    NotStarted(Exit),
    /// It was ready before it ended.
    Exited(Exit),
}

/// Enters `expire` into the host's register. Split from the trait so that
/// hosts implement one accessor only.
pub(crate) fn enter_deadline(host: &dyn Host, at: Instant, expire: Weak<dyn Expire>) {
    if let Some(register) = host.deadlines()
        && register.enter(at, expire)
    {
        host.hurry_sweep();
    }
}
