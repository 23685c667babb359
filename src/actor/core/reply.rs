//! The answering side of an ask, and what asker and answerer share.

use std::fmt;
use std::sync::Arc;
use std::task::Waker;

use super::deadlines::Expire;
use super::request::{Carried, Meta};
use super::scope;
use crate::mailbox::{ReplySlot, Unanswered};

/// Everything about one ask in one allocation: the outcome and the metadata
/// that travels with the question.
pub(crate) struct AskCell<R> {
    pub(crate) slot: ReplySlot<R>,
    pub(crate) meta: Meta,
}

impl<R: Send + 'static> Carried for AskCell<R> {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn is_cancelled(&self) -> bool {
        self.slot.is_gone() || self.meta.parent.as_ref().is_some_and(|p| p.is_cancelled())
    }

    fn on_cancelled(&self, waker: &Waker) {
        self.slot.on_gone(waker);
        if let Some(parent) = &self.meta.parent {
            parent.on_cancelled(waker);
        }
    }

    fn fail(&self, why: Unanswered) {
        self.slot.fail(why);
    }
}

impl<R: Send> Expire for AskCell<R> {
    fn expire(&self) {
        self.slot.fail(Unanswered::Timeout);
    }
}

/// The right to answer one ask.
///
/// It can be cloned and moved to any task; the first answer wins. When the last
/// clone is dropped without an answer, the ask fails at once.
pub struct Reply<R> {
    cell: Option<Arc<AskCell<R>>>,
}

impl<R> Reply<R> {
    pub(crate) fn new(cell: Arc<AskCell<R>>) -> Self {
        Self { cell: Some(cell) }
    }

    /// Answers. Nothing happens if the asker is gone or was answered already;
    /// a late answer is counted, and never reaches another ask.
    pub fn send(self, value: R) {
        let _ = self.try_send(value);
    }

    /// Answers, or hands the value back if nobody waits for it any more.
    ///
    /// # Errors
    ///
    /// The value, when the asker gave up, ran out of time, or had an answer.
    pub fn try_send(mut self, value: R) -> Result<(), R> {
        let Some(cell) = self.cell.take() else {
            return Err(value);
        };
        let late = cell.slot.answer(value);
        if late.is_err()
            && let Some(host) = scope::actor().as_ref().and_then(|a| a.host().cloned())
        {
            host.count_late_reply();
        }
        late
    }

    /// Whether nobody waits for the answer any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.cell.as_ref().is_none_or(|cell| !cell.slot.is_open())
    }
}

impl<R> Clone for Reply<R> {
    fn clone(&self) -> Self {
        if let Some(cell) = &self.cell {
            cell.slot.add_replier();
        }
        Self {
            cell: self.cell.clone(),
        }
    }
}

impl<R> Drop for Reply<R> {
    fn drop(&mut self) {
        if let Some(cell) = self.cell.take() {
            cell.slot.drop_replier(scope::ending());
        }
    }
}

impl<R> fmt::Debug for Reply<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("is_closed", &self.is_closed())
            .finish()
    }
}
