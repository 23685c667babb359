//! One run under way, with its payloads.

use std::time::Instant;

use super::futures::Futures;
use super::participant::{Answer, Copier, Fed, Kept, Outcome, Payload};
use super::{Gathered, Key, Listener, What};
use crate::actor::{Fault, FaultClass, Job, Metadata, Reply, Request, Served};
use crate::coordination::protocol::{Call, Failure, Feed, Protocol, Run};

/// A call, as far as the machine does not know it.
struct Made {
    worker: usize,
    /// What it was fed with, where somebody may want to see it.
    fed: Option<Feed>,
    /// Its answer, until nothing can be fed with it any more.
    answer: Option<Kept>,
    says: Metadata,
}

pub(super) struct Running<P, Out> {
    pub(super) id: u64,
    pub(super) run: Run<P>,
    pub(super) begun: Instant,
    pub(super) request: Request,
    reply_to: Reply<Result<Served<Out>, Fault>>,
    listener: Option<Listener>,
    input: Option<Payload>,
    /// By their numbers.
    calls: Vec<Made>,
    failures: Vec<(Call, Fault)>,
    /// What is under way, and its place among the driver's futures.
    under_way: Vec<(What, usize)>,
    /// What all answers together cost.
    spent: Metadata,
}

impl<P, Out> Running<P, Out> {
    pub(super) fn new<In: Send + 'static>(
        id: u64,
        run: Run<P>,
        begun: Instant,
        request: Request,
        job: Job<In, Out>,
        listener: Option<Listener>,
    ) -> Self {
        Self {
            id,
            run,
            begun,
            request,
            reply_to: job.reply_to,
            listener,
            input: Some(Box::new(job.input)),
            calls: Vec::new(),
            failures: Vec::new(),
            under_way: Vec::new(),
            spent: Metadata::new(),
        }
    }

    /// Notes that a call is made.
    pub(super) fn make(&mut self, worker: usize, fed: Option<Feed>) {
        self.calls.push(Made {
            worker,
            fed,
            answer: None,
            says: Metadata::new(),
        });
    }

    pub(super) fn began(&mut self, what: What, place: usize) {
        self.under_way.push((what, place));
    }

    /// It is over, or not wanted any more; its place among the futures.
    pub(super) fn ended(&mut self, what: What) -> Option<usize> {
        let at = self
            .under_way
            .iter()
            .position(|(known, _)| *known == what)?;
        Some(self.under_way.swap_remove(at).1)
    }

    /// Ends all that is under way.
    pub(super) fn cancel_all(&mut self, futures: &mut Futures<Key, Outcome>) {
        for (_, place) in self.under_way.drain(..) {
            futures.remove(place);
        }
    }

    pub(super) fn answered(&mut self, call: Call, answer: Answer) {
        self.spent = self.spent.after(&answer.metadata);
        let made = &mut self.calls[call];
        made.says = answer.metadata;
        made.answer = Some(answer.kept);
    }

    pub(super) fn failed(&mut self, call: Call, fault: Fault) {
        self.failures.push((call, fault));
    }

    /// Tells whoever listens what came of a call.
    pub(super) fn emit(&self, call: Call) {
        let (Some(listener), Some(made)) = (&self.listener, self.calls.get(call)) else {
            return;
        };
        if let Some(Kept::One(answer)) = &made.answer {
            listener(made.worker, Ok(answer));
        } else if let Some(fault) = self.fault_of(call) {
            listener(made.worker, Err(fault));
        }
    }

    fn fault_of(&self, call: Call) -> Option<&Fault> {
        let mut latest = self.failures.iter().rev();
        let (_, fault) = latest.find(|(known, _)| *known == call)?;
        Some(fault)
    }

    pub(super) fn forget(&mut self, call: Call) -> Option<Kept> {
        self.calls.get_mut(call)?.answer.take()
    }

    /// What goes into a call: copied where it may be needed again, moved where
    /// it may not. `None`: it was moved away before.
    pub(super) fn feed(&mut self, feed: &Feed, copy: Option<Copier>) -> Option<Fed> {
        let fed = match feed {
            Feed::Input => Fed::One(take(&mut self.input, copy)?),
            Feed::AnswerTo(call) => Fed::One(self.answer(*call, copy)?),
            Feed::Part { of, at } => {
                let Kept::Parts(parts) = self.calls.get_mut(*of)?.answer.as_mut()? else {
                    return None;
                };
                Fed::One(take(parts.get_mut(*at)?, copy)?)
            }
            Feed::Gather(calls) => {
                let payloads = calls.iter().map(|call| self.answer(*call, copy));
                Fed::Many(payloads.collect::<Option<_>>()?)
            }
        };
        Some(fed)
    }

    fn answer(&mut self, call: Call, copy: Option<Copier>) -> Option<Payload> {
        let kept = &mut self.calls.get_mut(call)?.answer;
        match (copy, kept.as_ref()?) {
            (Some(copy), Kept::One(payload)) => copy(payload),
            (None, Kept::One(_)) => match kept.take()? {
                Kept::One(payload) => Some(payload),
                Kept::Parts(_) => None,
            },
            (_, Kept::Parts(_)) => None,
        }
    }

    /// What the run gathered, for its conclusion.
    pub(super) fn gather(&mut self, feed: &Feed) -> Gathered<'_>
    where
        P: Protocol,
    {
        let payloads: Vec<(usize, Payload)> = match feed {
            Feed::Gather(calls) => calls
                .iter()
                .filter_map(|call| Some((self.worker(*call)?, self.answer(*call, None)?)))
                .collect(),
            Feed::AnswerTo(call) | Feed::Part { of: call, .. } => {
                let worker = self.worker(*call).unwrap_or_default();
                match self.feed(feed, None) {
                    Some(Fed::One(payload)) => vec![(worker, payload)],
                    _ => Vec::new(),
                }
            }
            // The input itself: nobody made it.
            Feed::Input => self
                .input
                .take()
                .map(|input| (0, input))
                .into_iter()
                .collect(),
        };
        let failures = std::mem::take(&mut self.failures);
        Gathered {
            answers: payloads,
            failures: failures
                .into_iter()
                .filter_map(|(call, fault)| Some((self.worker(call)?, fault)))
                .collect(),
            machine: self.run.machine(),
        }
    }

    /// What the run's answer says about itself: what all answers together cost,
    /// and how good the last one is, where there is one.
    pub(super) fn metadata(&self, feed: &Feed) -> Metadata {
        let last = match feed {
            Feed::AnswerTo(call) | Feed::Part { of: call, .. } => self.calls.get(*call),
            Feed::Gather(calls) => match calls.as_slice() {
                [call] => self.calls.get(*call),
                _ => None,
            },
            Feed::Input => None,
        };
        let mut metadata = self.spent;
        if let Some(last) = last {
            metadata.confidence = last.says.confidence;
            metadata.quality = last.says.quality;
        }
        metadata
    }

    /// What a call was fed with, where it was noted and is still there.
    pub(super) fn fed(&self, call: Call) -> Option<&Payload> {
        match self.calls.get(call)?.fed.as_ref()? {
            Feed::Input => self.input.as_ref(),
            Feed::AnswerTo(call) => match self.calls.get(*call)?.answer.as_ref()? {
                Kept::One(payload) => Some(payload),
                Kept::Parts(_) => None,
            },
            _ => None,
        }
    }

    pub(super) fn worker(&self, call: Call) -> Option<usize> {
        Some(self.calls.get(call)?.worker)
    }

    /// The run's fault, and the call that failed with it, where one did.
    pub(super) fn fault(&self, failure: &Failure, path: &str) -> (Option<Call>, Fault) {
        match failure {
            Failure::Call(call) => match self.fault_of(*call) {
                Some(fault) => (Some(*call), fault.clone()),
                None => (None, Fault::permanent("a call failed without a fault")),
            },
            Failure::Time => {
                let words = format!("{path} had no result in time");
                (None, Fault::new(FaultClass::Deadline, words))
            }
            Failure::Because(why) => (None, Fault::permanent(&**why).at(path)),
        }
    }

    pub(super) fn send(self, answer: Result<Served<Out>, Fault>) {
        self.reply_to.send(answer);
    }
}

fn take(kept: &mut Option<Payload>, copy: Option<Copier>) -> Option<Payload> {
    match copy {
        Some(copy) => copy(kept.as_ref()?),
        None => kept.take(),
    }
}
