//! The sequential pipeline: each stage's answer is the next one's input.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::driver::{Gathered, OnError, Participant, Score};
use super::pattern::{Check, copy_of, participant, start};
use super::protocol::{Call, Effect, Feed, Happened, Protocol, StepOutcome};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
use crate::supervision::StartError;

/// The rules of a pipeline: one stage after the other, each tried at most so
/// often.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PipelineProtocol {
    /// Attempts that each stage has, at least one.
    attempts: Vec<u32>,
    stage: usize,
    used: u32,
    call: Call,
    feed: Feed,
}

impl PipelineProtocol {
    /// Stages with these numbers of attempts.
    #[must_use]
    pub fn new(attempts: Vec<u32>) -> Self {
        Self {
            attempts,
            stage: 0,
            used: 0,
            call: 0,
            feed: Feed::Input,
        }
    }

    fn ask(&mut self, effects: &mut Vec<Effect>) {
        self.used += 1;
        effects.push(Effect::Ask {
            call: self.call,
            worker: self.stage,
            feed: self.feed,
        });
    }
}

impl Protocol for PipelineProtocol {
    fn on(&mut self, event: Happened, effects: &mut Vec<Effect>) {
        match event {
            Happened::Began => self.ask(effects),
            Happened::Answered(call) if call == self.call => {
                effects.push(Effect::Note {
                    worker: self.stage,
                    outcome: StepOutcome::Done,
                });
                self.stage += 1;
                self.used = 0;
                if self.stage == self.attempts.len() {
                    effects.push(Effect::Finish(vec![call]));
                    return;
                }
                self.feed = Feed::AnswerTo(call);
                self.call += 1;
                self.ask(effects);
            }
            Happened::Failed(call, class) if call == self.call => {
                let again = class.is_retryable() && self.used < self.attempts[self.stage];
                effects.push(Effect::Note {
                    worker: self.stage,
                    outcome: if again {
                        StepOutcome::Retried
                    } else {
                        StepOutcome::Failed
                    },
                });
                if again {
                    self.call += 1;
                    self.ask(effects);
                } else {
                    effects.push(Effect::Fail(Some(call)));
                }
            }
            // News of a call that is over.
            Happened::Answered(_) | Happened::Failed(..) | Happened::TimeUp => {}
        }
    }
}

/// Erases a stage once its check is known.
type Seal<Out> = Box<dyn FnOnce(Option<Check<Out>>) -> Participant + Send>;

/// A pipeline to be. Made by [`pipeline`].
#[must_use = "a pipeline does nothing until it is started"]
pub struct Pipeline<In, Out> {
    name: Arc<str>,
    stages: Vec<Participant>,
    attempts: Vec<u32>,
    /// The last stage, not yet erased: its checks and retries may follow.
    last: Option<Seal<Out>>,
    check: Option<Check<Out>>,
    on_error: Option<OnError>,
    limit: usize,
    types: PhantomData<fn(In) -> Out>,
}

/// A pipeline without stages; the first [`then`](Pipeline::then) sets its
/// types.
pub fn pipeline<In: Send + 'static>(name: impl Into<Arc<str>>) -> Pipeline<In, In> {
    Pipeline {
        name: name.into(),
        stages: Vec::new(),
        attempts: Vec::new(),
        last: None,
        check: None,
        on_error: None,
        limit: 64,
        types: PhantomData,
    }
}

impl<In: Send + 'static, Out: Send + 'static> Pipeline<In, Out> {
    /// Adds a stage that takes what the last one gives.
    pub fn then<Next: Send + 'static>(
        self,
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<Out, Next>>,
    ) -> Pipeline<In, Next> {
        self.stage(name.into(), worker.into(), 1, None)
    }

    /// As [`Pipeline::then`], tried up to `attempts` times on faults that may be
    /// gone the next time. Costs one clone of the input per attempt.
    pub fn then_retry<Next: Send + 'static>(
        self,
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<Out, Next>>,
        attempts: u32,
    ) -> Pipeline<In, Next>
    where
        Out: Clone,
    {
        self.stage(
            name.into(),
            worker.into(),
            attempts.max(1),
            Some(copy_of::<Out>),
        )
    }

    fn stage<Next: Send + 'static>(
        mut self,
        name: Arc<str>,
        worker: WorkerRef<Out, Next>,
        attempts: u32,
        copy: Option<fn(&super::driver::Payload) -> Option<super::driver::Payload>>,
    ) -> Pipeline<In, Next> {
        self.seal();
        self.attempts.push(attempts);
        Pipeline {
            name: self.name,
            stages: self.stages,
            attempts: self.attempts,
            last: Some(Box::new(move |check| {
                participant(name, worker, check, copy)
            })),
            check: None,
            on_error: self.on_error,
            limit: self.limit,
            types: PhantomData,
        }
    }

    /// Checks what the last stage gave: an invalid answer is a permanent fault
    /// of that stage, and the item goes no further.
    pub fn validate(mut self, check: impl Fn(&Out) -> bool + Send + Sync + 'static) -> Self {
        self.check = Some(Arc::new(check));
        self
    }

    /// Is told the stage and the fault of every item that fails.
    pub fn on_error(mut self, tell: impl Fn(&str, &Fault) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Arc::new(tell));
        self
    }

    /// Items under way at once; further ones wait in the mailbox and their
    /// senders behind it. Default 64.
    pub fn concurrency(mut self, items: usize) -> Self {
        self.limit = items.max(1);
        self
    }

    fn seal(&mut self) {
        if let Some(last) = self.last.take() {
            self.stages.push(last(self.check.take()));
        }
    }

    /// Starts it; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] without stages, and what
    /// [`System::spawn`] says.
    pub async fn start(mut self, system: &System) -> Result<WorkerRef<In, Out>, StartError> {
        self.seal();
        if self.stages.is_empty() {
            return Err(InvalidSpec::Combination("a pipeline has at least one stage").into());
        }
        let score = Score {
            machine: PipelineProtocol::new(self.attempts),
            participants: self.stages,
            conclude: Arc::new(|gathered: Gathered| {
                let last = gathered.answers.into_iter().next_back();
                last.and_then(|(_, payload)| payload.downcast::<Out>().ok())
                    .map(|value| *value)
                    .ok_or_else(|| Fault::permanent("the last stage left no answer"))
            }),
            on_error: self.on_error,
            limit: self.limit,
        };
        start(system, self.name, score).await
    }
}

impl<In, Out> fmt::Debug for Pipeline<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("name", &self.name)
            .field("stages", &self.attempts.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::FaultClass;

    fn effects(machine: &mut PipelineProtocol, event: Happened) -> Vec<Effect> {
        let mut effects = Vec::new();
        machine.on(event, &mut effects);
        effects
    }

    #[test]
    fn each_answer_feeds_the_next_stage_and_the_last_one_finishes() {
        let mut machine = PipelineProtocol::new(vec![1, 1]);
        assert_eq!(
            effects(&mut machine, Happened::Began),
            [Effect::Ask {
                call: 0,
                worker: 0,
                feed: Feed::Input
            }]
        );
        assert_eq!(
            effects(&mut machine, Happened::Answered(0)),
            [
                Effect::Note {
                    worker: 0,
                    outcome: StepOutcome::Done
                },
                Effect::Ask {
                    call: 1,
                    worker: 1,
                    feed: Feed::AnswerTo(0)
                },
            ]
        );
        assert_eq!(
            effects(&mut machine, Happened::Answered(1)).last(),
            Some(&Effect::Finish(vec![1]))
        );
    }

    #[test]
    fn a_transient_fault_is_tried_again_with_the_same_input_until_attempts_are_spent() {
        let mut machine = PipelineProtocol::new(vec![1, 2]);
        effects(&mut machine, Happened::Began);
        effects(&mut machine, Happened::Answered(0));
        assert_eq!(
            effects(&mut machine, Happened::Failed(1, FaultClass::Transient)).last(),
            Some(&Effect::Ask {
                call: 2,
                worker: 1,
                feed: Feed::AnswerTo(0)
            })
        );
        assert_eq!(
            effects(&mut machine, Happened::Failed(2, FaultClass::Transient)).last(),
            Some(&Effect::Fail(Some(2)))
        );
    }

    #[test]
    fn a_permanent_fault_ends_the_run_at_once() {
        let mut machine = PipelineProtocol::new(vec![5]);
        effects(&mut machine, Happened::Began);
        assert_eq!(
            effects(&mut machine, Happened::Failed(0, FaultClass::Permanent)).last(),
            Some(&Effect::Fail(Some(0)))
        );
    }

    #[test]
    fn late_news_of_an_old_call_changes_nothing() {
        let mut machine = PipelineProtocol::new(vec![2, 1]);
        effects(&mut machine, Happened::Began);
        effects(&mut machine, Happened::Failed(0, FaultClass::Transient));
        let before = machine.clone();
        assert_eq!(effects(&mut machine, Happened::Answered(0)), []);
        assert_eq!(machine, before);
    }
}
