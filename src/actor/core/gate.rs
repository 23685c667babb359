//! What may stand at an actor's door: it refuses questions while the actor
//! fails, and is told how those that it let in ended.
//!
//! The floor above has something that can stand there (a circuit breaker); this
//! floor only knows the door. An actor without one pays a look at its slot's
//! extras for each ask. Tells are not held back: they have no outcome.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::errors::AskError;
use crate::actor::fault::FaultClass;
use crate::mailbox::Unanswered;
use crate::policy::breaker::{BreakerConfig, Outcome, Permit};

/// Lets questions in, or not.
pub(crate) trait Gate: Send + Sync {
    /// Lets one question in, or says when to come again.
    fn admit(&self) -> Result<Permit, Duration>;
    /// Takes a permit back with what became of the question.
    fn settle(&self, permit: Permit, outcome: Outcome);
    /// What a fault of this class says about the actor.
    fn judge(&self, class: FaultClass) -> Outcome;
    /// The actor has crashed, whoever asked.
    fn strike(&self);
    /// Lets nobody in for a while, from now on.
    fn shut(&self);
    /// Whether asking makes sense now.
    fn is_passable(&self) -> bool;
    fn as_any(&self) -> &dyn Any;
}

/// A gate to be: its settings, and what makes it of a name. Shared by children
/// of one template, each of which has its own.
pub(crate) struct Door {
    pub(crate) config: BreakerConfig,
    pub(crate) make: fn(Arc<str>, BreakerConfig) -> Box<dyn Gate>,
}

impl Door {
    pub(crate) fn gate(&self, name: Arc<str>) -> Box<dyn Gate> {
        (self.make)(name, self.config.clone())
    }
}

/// One question past the gate. Dropped without a word it says nothing.
pub(crate) struct Pass<'a> {
    gate: &'a dyn Gate,
    permit: Option<Permit>,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(gate: &'a dyn Gate) -> Result<Self, Duration> {
        let permit = Some(gate.admit()?);
        Ok(Self { gate, permit })
    }

    /// The question ended this way. A crash has been counted by its own, and an
    /// orderly end or the asker's own mistake says nothing about the actor.
    pub(crate) fn end<R, M>(mut self, answer: &Result<R, AskError<M>>) {
        self.settle(match answer {
            Ok(_) => Outcome::Success,
            Err(
                AskError::Closed(_)
                | AskError::Unanswered(Unanswered::Crashed | Unanswered::Stopped),
            ) => Outcome::Ignored,
            Err(error) => self.gate.judge(error.class()),
        });
    }

    /// It was answered, with a fault of this class.
    pub(crate) fn fault(mut self, class: FaultClass) {
        self.settle(self.gate.judge(class));
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            self.gate.settle(permit, outcome);
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.settle(Outcome::Ignored);
    }
}

impl fmt::Debug for Pass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pass")
    }
}
