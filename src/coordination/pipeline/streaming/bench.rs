//! Where an item is worked on.

use std::any::Any;
use std::future::{IntoFuture, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::ticket::Shared;
use crate::actor::core::shell::catch;
use crate::actor::{BoxFuture, Fault, FaultClass, Served, Spending, WorkerRef};
use crate::coordination::driver::{Check, OnError, StageError};
use crate::coordination::pipeline::StageRules;
use crate::coordination::pipeline::machine::Recourse;
use crate::coordination::protocol::StepOutcome;

/// The workers of a stage, and what is done when they fail.
pub(in crate::coordination::pipeline) struct Bench<In, Out> {
    /// The first is asked first.
    pub(in crate::coordination::pipeline) workers: Vec<(Arc<str>, WorkerRef<In, Out>)>,
    pub(in crate::coordination::pipeline) check: Option<Check<Out>>,
    /// Where the input may be needed again.
    pub(in crate::coordination::pipeline) copy: Option<fn(&In) -> In>,
    pub(in crate::coordination::pipeline) rules: StageRules,
    pub(in crate::coordination::pipeline) on_error: Option<OnError>,
}

/// Who was asked for an item, and how it went; nothing where nobody listens.
pub(super) struct Notes(Option<Vec<(Arc<str>, StepOutcome)>>);

impl Notes {
    pub(super) fn heard() -> Self {
        Self(Some(Vec::new()))
    }

    pub(super) fn unheard() -> Self {
        Self(None)
    }

    fn add(&mut self, name: &Arc<str>, outcome: StepOutcome) {
        if let Some(notes) = &mut self.0 {
            notes.push((Arc::clone(name), outcome));
        }
    }

    pub(super) fn into_all(self) -> Vec<(Arc<str>, StepOutcome)> {
        self.0.unwrap_or_default()
    }
}

/// What became of an item at a stage.
pub(super) enum Worked<Out> {
    Done(Served<Out>),
    Failed(Fault),
    /// Nobody reads what comes out any more.
    Unwanted,
}

/// What asking a worker came to at once.
pub(super) enum Begun<'a, Out> {
    Answered(Answer<Out>),
    Pending(BoxFuture<'a, Answer<Out>>),
}

impl<In: Send + 'static, Out: Send + 'static> Bench<In, Out> {
    /// Has an item worked on by a worker of the stage, as far as it goes without
    /// waiting: most of what computes is ready at once.
    pub(super) fn begin(
        &self,
        asked: usize,
        input: &mut Option<In>,
        flow: &Shared,
        task: &mut Context<'_>,
    ) -> Begun<'_, Out> {
        if let Some(Err(spent)) = flow.request.spending().map(Spending::check) {
            return Begun::Answered(Err(spent));
        }
        let _in_force = flow.enter();
        // Copies, workers and checks are foreign code.
        let begun = catch(|| {
            let fed = match (self.copy, input.as_ref()) {
                (Some(copy), Some(value)) => Some(copy(value)),
                _ => input.take(),
            };
            let Some(fed) = fed else {
                return Begun::Answered(Err(Fault::permanent("the input is gone")));
            };
            let mut asking = self.workers[asked].1.ask(fed).into_future();
            match asking.as_mut().poll(task) {
                Poll::Ready(answer) => Begun::Answered(self.checked(answer)),
                Poll::Pending => Begun::Pending(asking),
            }
        });
        begun.unwrap_or_else(|_| Begun::Answered(Err(panicked())))
    }

    /// Notes that the first worker has answered at once.
    pub(super) fn note_done(&self, notes: &mut Notes) {
        notes.add(&self.workers[0].0, StepOutcome::Done);
    }

    /// What has begun, to its end: retries, fallbacks and all.
    pub(super) async fn work(
        &self,
        mut begun: Begun<'_, Out>,
        mut input: Option<In>,
        flow: &Shared,
        patience: Option<Duration>,
        notes: &mut Notes,
    ) -> Worked<Out> {
        let (mut asked, mut attempts) = (0, 1);
        loop {
            let name = &self.workers[asked].0;
            let answer = match begun {
                Begun::Answered(answer) => answer,
                Begun::Pending(asking) => match self.wait(asking, flow, patience).await {
                    Some(answer) => answer,
                    None => return Worked::Unwanted,
                },
            };
            let fault = match answer {
                Ok(served) => {
                    notes.add(name, StepOutcome::Done);
                    return Worked::Done(served);
                }
                Err(fault) => fault,
            };
            let left = self.workers.len() - 1 - asked;
            let recourse = match input {
                Some(_) => self.rules.after(fault.class(), attempts, left),
                None => Recourse::Fail,
            };
            notes.add(name, recourse.outcome());
            match recourse {
                Recourse::Again => attempts += 1,
                Recourse::FallBack => (asked, attempts) = (asked + 1, 1),
                Recourse::Fail => {
                    self.tell(name, &fault, input.as_ref());
                    return Worked::Failed(fault.at(name));
                }
            }
            let begin = |task: &mut Context<'_>| self.begin(asked, &mut input, flow, task);
            begun = now(begin).await;
        }
    }

    /// Waits for an answer; `None` when nobody wants it any more.
    async fn wait(
        &self,
        mut asking: BoxFuture<'_, Answer<Out>>,
        flow: &Shared,
        patience: Option<Duration>,
    ) -> Option<Answer<Out>> {
        let answer = poll_fn(|task| {
            let _in_force = flow.enter();
            let polled = catch(|| {
                asking
                    .as_mut()
                    .poll(task)
                    .map(|answer| self.checked(answer))
            });
            polled.unwrap_or_else(|_| Poll::Ready(Err(panicked())))
        });
        tokio::select! {
            // The end of the flow first: then nobody wants the answer.
            biased;
            () = flow.gone() => None,
            answer = answer => Some(answer),
            () = run_out(patience) => {
                Some(Err(Fault::new(FaultClass::Deadline, "no answer in time")))
            }
        }
    }

    fn checked(&self, answer: Answer<Out>) -> Answer<Out> {
        if let (Ok(served), Some(check)) = (&answer, &self.check) {
            check(&served.value)?;
        }
        answer
    }

    fn tell(&self, stage: &str, fault: &Fault, fed: Option<&In>) {
        if let Some(on_error) = &self.on_error {
            let fed = fed.map(|fed| -> &(dyn Any + Send) { fed });
            // Foreign code: its panic is nobody's failure.
            let _ = catch(|| on_error(&StageError { stage, fault, fed }));
        }
    }
}

type Answer<Out> = Result<Served<Out>, Fault>;

/// Does it with the task at hand, and at once.
pub(super) async fn now<T>(f: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let mut f = Some(f);
    poll_fn(|task| match f.take() {
        Some(f) => Poll::Ready(f(task)),
        None => Poll::Pending,
    })
    .await
}

fn panicked() -> Fault {
    Fault::permanent("it panicked")
}

/// Resolves when the time is over; never, where there is no limit.
async fn run_out(patience: Option<Duration>) {
    match patience {
        Some(patience) => tokio::time::sleep(patience).await,
        None => std::future::pending().await,
    }
}
