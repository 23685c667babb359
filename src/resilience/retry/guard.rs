//! A retrier in front of a worker, with rules that know its types.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use super::{Attempt, Retrier, RetryEvent, Rules};
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::policy::retry::Failure;

/// What becomes of an answer that was not accepted when there is no other try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LastAnswer {
    /// The asker gets it all the same.
    #[default]
    Keep,
    /// The asker gets a transient fault.
    Refuse,
}

/// A job that failed for want of a right, for somebody who may decide.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Escalation<In> {
    /// What was to be done.
    pub input: In,
    /// Why it was not.
    pub fault: Fault,
}

/// A [`Retrier`] in front of a worker, to be. Made by [`Retrier::around`].
///
/// Rules that panic end the call with a permanent fault.
#[must_use = "a guard does nothing until it is built"]
pub struct RetryGuard<In, Out> {
    retrier: Retrier,
    worker: WorkerRef<In, Out>,
    rules: Rules<Served<Out>>,
    escalate_to: Option<WorkerRef<Escalation<In>, Out>>,
}

impl<In: Clone + Send + 'static, Out: Send + 'static> RetryGuard<In, Out> {
    pub(super) fn new(retrier: Retrier, worker: WorkerRef<In, Out>) -> Self {
        Self {
            retrier,
            worker,
            rules: Rules::default(),
            escalate_to: None,
        }
    }

    /// Tries again also when there is an answer, but not a good one. Default:
    /// every answer is accepted.
    pub fn again_if(mut self, is_bad: impl Fn(&Out) -> bool + Send + Sync + 'static) -> Self {
        self.rules.is_bad = Some(Box::new(move |served| is_bad(&served.value)));
        self
    }

    /// What becomes of an answer that was not accepted when there is no other
    /// try. Default: the asker gets it.
    pub fn last_answer(mut self, last_answer: LastAnswer) -> Self {
        self.rules.last_answer = last_answer;
        self
    }

    /// Decides what a fault means. Default:
    /// [`classify`](super::classify()).
    pub fn classify(
        mut self,
        classify: impl Fn(&Fault) -> Failure + Send + Sync + 'static,
    ) -> Self {
        self.rules.classify = Some(Box::new(classify));
        self
    }

    /// Chooses the wait after the try of this number, instead of the backoff;
    /// `None` stops.
    pub fn interval(
        mut self,
        interval: impl Fn(u32, &Fault) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.rules.interval = Some(Box::new(interval));
        self
    }

    /// Who decides about a job that failed for want of a right: an agent with
    /// more of them, or a person. Default: the asker gets the fault.
    pub fn escalate_to(mut self, chief: &WorkerRef<Escalation<In>, Out>) -> Self {
        self.escalate_to = Some(chief.clone());
        self
    }

    /// The guarded worker.
    #[must_use]
    pub fn build(self) -> WorkerRef<In, Out> {
        WorkerRef::new(self)
    }

    async fn escalate(
        &self,
        chief: &WorkerRef<Escalation<In>, Out>,
        job: Escalation<In>,
    ) -> Result<Served<Out>, Fault> {
        self.retrier.emit(|name| RetryEvent::Escalated {
            name,
            to: chief.name(),
            fault: job.fault.clone(),
        });
        chief.ask(job).await
    }
}

impl<In, Out> fmt::Debug for RetryGuard<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RetryGuard({:?})", self.worker)
    }
}

impl<In: Clone + Send + 'static, Out: Send + 'static> Serve<In, Out> for RetryGuard<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let for_chief = self
                .escalate_to
                .as_ref()
                .map(|chief| (chief, input.clone()));
            let ask = move |Attempt { timeout, .. }: Attempt| {
                let ask = self.worker.ask(input.clone());
                match timeout {
                    Some(within) => ask.deadline(within).into_future(),
                    None => ask.into_future(),
                }
            };
            match self.retrier.drive(&self.rules, ask).await {
                Ok((mut served, tries)) => {
                    served.attempts += tries - 1;
                    Ok(served)
                }
                Err(fault) => match for_chief {
                    Some((chief, input)) if fault.is_forbidden() => {
                        self.escalate(chief, Escalation { input, fault }).await
                    }
                    _ => Err(fault),
                },
            }
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
