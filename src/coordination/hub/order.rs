//! What a spoke is given.

use std::fmt;
use std::sync::Arc;

use crate::coordination::task::TaskRecord;

/// A task on its way to a spoke, with what came before it. Cheap to clone.
pub struct Order<Q, A> {
    pub(super) record: Arc<TaskRecord<Q>>,
    /// In the order of the dependencies.
    pub(super) answers: Vec<(Arc<str>, Arc<A>)>,
}

impl<Q, A> Order<Q, A> {
    /// The task: what is asked, with instructions, context and constraints.
    #[must_use]
    pub fn task(&self) -> &TaskRecord<Q> {
        &self.record
    }

    /// What is asked.
    #[must_use]
    pub fn query(&self) -> &Q {
        &self.record.query
    }

    /// The answer of a task that this one depends on; `None` where it is none.
    #[must_use]
    pub fn answer(&self, task: &str) -> Option<&A> {
        let mut answers = self.answers();
        answers.find_map(|(name, answer)| (name == task).then_some(answer))
    }

    /// The answers of the tasks that this one depends on, in its order.
    pub fn answers(&self) -> impl Iterator<Item = (&str, &A)> {
        let answers = self.answers.iter();
        answers.map(|(name, answer)| (&**name, &**answer))
    }
}

impl<Q, A> Clone for Order<Q, A> {
    fn clone(&self) -> Self {
        Self {
            record: Arc::clone(&self.record),
            answers: self.answers.clone(),
        }
    }
}

// By hand: queries and answers are not printed.
impl<Q, A> fmt::Debug for Order<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Order({:?})", self.record.name)
    }
}
