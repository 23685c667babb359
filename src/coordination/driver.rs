//! The driver: one supervised actor that runs any protocol.
//!
//! ```text
//!  Submit ─▶ new run: machine.on(Began) ─▶ effects ─▶ calls (one task each)
//!                ▲                                        │
//!                └───────── Happened (system lane) ◀──────┘
//! ```
//!
//! News of calls takes the system lane, so a full mailbox cannot keep a run
//! from finishing. At most `limit` runs are under way; further submissions wait
//! in the mailbox, and their senders behind it. A run ends with its asker:
//! calls inherit deadline and cancellation, and a finished run aborts the calls
//! it no longer needs.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::protocol::{Call, Effect, Feed, Happened, Protocol, StepOutcome};
use crate::actor::core::slot::{AnySlot, Signal};
use crate::actor::time::spawn_owned;
use crate::actor::{
    Actor, BoxError, BoxFuture, Context, Event, Fault, FaultClass, Job, Reply, Request, Served,
};

/// A value on its way between workers whose types the driver does not know.
pub(crate) type Payload = Box<dyn Any + Send>;

/// One participant: how it is asked, whatever its types.
pub(crate) struct Participant {
    pub(crate) name: Arc<str>,
    pub(crate) ask:
        Arc<dyn Fn(Payload) -> BoxFuture<'static, Result<Payload, Fault>> + Send + Sync>,
    /// Copies what goes in, where it may be needed again.
    pub(crate) copy: Option<fn(&Payload) -> Option<Payload>>,
}

/// What a run gathered.
pub(crate) struct Gathered {
    /// Answers that the protocol asked for, with the participant's position.
    pub(crate) answers: Vec<(usize, Payload)>,
    /// Failures on the way, with the participant's position, in order.
    pub(crate) failures: Vec<(usize, Fault)>,
}

/// Makes the typed answer of what a run gathered.
pub(crate) type Conclude<Out> = Arc<dyn Fn(Gathered) -> Result<Out, Fault> + Send + Sync>;

/// What happens when a run fails: the participant, its fault.
pub(crate) type OnError = Arc<dyn Fn(&str, &Fault) + Send + Sync>;

/// Everything that all runs of one pattern share.
pub(crate) struct Score<P, Out> {
    pub(crate) machine: P,
    pub(crate) participants: Vec<Participant>,
    pub(crate) conclude: Conclude<Out>,
    pub(crate) on_error: Option<OnError>,
    /// Runs under way at once.
    pub(crate) limit: usize,
}

pub(crate) enum Drive<In, Out> {
    Submit(Job<In, Out>),
    Told {
        run: u64,
        call: Call,
        answer: Result<Payload, Fault>,
    },
    TimeUp {
        run: u64,
    },
}

/// A call or timer under way; aborted when it is no longer needed.
struct UnderWay(JoinHandle<()>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Run<P, Out> {
    machine: P,
    request: Request,
    reply_to: Reply<Result<Served<Out>, Fault>>,
    input: Option<Payload>,
    answers: HashMap<Call, Payload>,
    workers: HashMap<Call, usize>,
    failures: Vec<(Call, Fault)>,
    calls: HashMap<Call, UnderWay>,
    timer: Option<UnderWay>,
}

/// See the file's drawing.
pub(crate) struct Driver<P, In, Out> {
    score: Arc<Score<P, Out>>,
    runs: HashMap<u64, Run<P, Out>>,
    next_run: u64,
    takes: std::marker::PhantomData<fn(In)>,
}

impl<P: Protocol, In: Send + 'static, Out: Send + 'static> Driver<P, In, Out> {
    pub(crate) fn new(score: Arc<Score<P, Out>>) -> Self {
        Self {
            score,
            runs: HashMap::new(),
            next_run: 0,
            takes: std::marker::PhantomData,
        }
    }

    fn step(&mut self, id: u64, event: Happened, cx: &Context<Self>) {
        let Some(run) = self.runs.get_mut(&id) else {
            return;
        };
        let mut effects = Vec::new();
        run.machine.on(event, &mut effects);
        for effect in effects {
            let Some(run) = self.runs.get_mut(&id) else {
                return;
            };
            match effect {
                Effect::Ask { call, worker, feed } => {
                    self.ask(id, call, worker, feed, cx);
                }
                Effect::SetTimer(after) => {
                    let myself = Arc::clone(cx.slot());
                    run.timer = Some(UnderWay(spawn_owned(async move {
                        tokio::time::sleep(after).await;
                        myself
                            .queue
                            .signal(Signal::Notice(Drive::TimeUp { run: id }));
                    })));
                }
                Effect::Note { worker, outcome } => self.note(id, worker, outcome, cx),
                Effect::Finish(calls) => self.finish(id, &calls, cx),
                Effect::Fail(call) => self.fail(id, call, cx),
            }
        }
    }

    fn ask(&mut self, id: u64, call: Call, worker: usize, feed: Feed, cx: &Context<Self>) {
        let (Some(run), Some(participant)) =
            (self.runs.get_mut(&id), self.score.participants.get(worker))
        else {
            return;
        };
        let kept = match feed {
            Feed::Input => run.input.as_ref(),
            Feed::AnswerTo(earlier) => run.answers.get(&earlier),
        };
        // Copied where it may be needed again, moved where it may not.
        let payload = match participant.copy {
            Some(copy) => kept.and_then(copy),
            None => match feed {
                Feed::Input => run.input.take(),
                Feed::AnswerTo(earlier) => run.answers.remove(&earlier),
            },
        };
        run.workers.insert(call, worker);
        let myself = Arc::clone(cx.slot());
        let Some(payload) = payload else {
            let answer = Err(Fault::permanent("the protocol fed a payload twice"));
            myself.queue.signal(Signal::Notice(Drive::Told {
                run: id,
                call,
                answer,
            }));
            return;
        };
        let ask = Arc::clone(&participant.ask);
        let request = run.request.clone();
        let handle = spawn_owned(async move {
            let answer = request.within(async move { ask(payload).await }).await;
            myself.queue.signal(Signal::Notice(Drive::Told {
                run: id,
                call,
                answer,
            }));
        });
        run.calls.insert(call, UnderWay(handle));
    }

    fn note(&self, id: u64, worker: usize, outcome: StepOutcome, cx: &Context<Self>) {
        if let Some(host) = cx.slot().host()
            && host.has_listeners()
            && let Some(participant) = self.score.participants.get(worker)
        {
            host.emit(Event::Step {
                path: cx.path().into(),
                run: id,
                step: Arc::clone(&participant.name),
                outcome: outcome.to_string().into(),
            });
        }
    }

    fn finish(&mut self, id: u64, calls: &[Call], cx: &Context<Self>) {
        let Some(mut run) = self.runs.remove(&id) else {
            return;
        };
        let gathered = Gathered {
            answers: calls
                .iter()
                .filter_map(|call| Some((*run.workers.get(call)?, run.answers.remove(call)?)))
                .collect(),
            failures: run
                .failures
                .drain(..)
                .filter_map(|(call, fault)| Some((*run.workers.get(&call)?, fault)))
                .collect(),
        };
        // The conclusion is the user's code: its panic is this run's failure,
        // not that of its neighbours.
        let conclude = Arc::clone(&self.score.conclude);
        let concluded =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| conclude(gathered)));
        let answer =
            concluded.unwrap_or_else(|_| Err(Fault::permanent("combining the answers panicked")));
        run.reply_to.send(answer.map(Served::new));
        self.make_room(cx);
    }

    fn fail(&mut self, id: u64, call: Option<Call>, cx: &Context<Self>) {
        let Some(run) = self.runs.remove(&id) else {
            return;
        };
        let found = call.and_then(|call| {
            let worker = *run.workers.get(&call)?;
            let name = &self.score.participants.get(worker)?.name;
            let (_, fault) = run.failures.iter().rev().find(|(c, _)| *c == call)?;
            Some((Arc::clone(name), fault.clone()))
        });
        let fault = match found {
            Some((name, fault)) => {
                if let Some(on_error) = &self.score.on_error {
                    let on_error = Arc::clone(on_error);
                    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        on_error(&name, &fault);
                    }));
                }
                fault.at(&name)
            }
            None => Fault::new(
                FaultClass::Deadline,
                format!("{} had no result in time", cx.path()),
            ),
        };
        run.reply_to.send(Err(fault));
        self.make_room(cx);
    }

    fn make_room(&self, cx: &Context<Self>) {
        if self.runs.len() < self.score.limit {
            cx.release_mailbox();
        }
    }
}

impl<P: Protocol, In: Send + 'static, Out: Send + 'static> Actor for Driver<P, In, Out> {
    type Msg = Drive<In, Out>;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<crate::actor::Started, BoxError> {
        // The last incarnation may have ended with its mailbox held.
        cx.release_mailbox();
        Ok(crate::actor::Started::Ready)
    }

    async fn handle(&mut self, msg: Self::Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Drive::Submit(job) => {
                let id = self.next_run;
                self.next_run += 1;
                self.runs.insert(
                    id,
                    Run {
                        machine: self.score.machine.clone(),
                        request: cx.request(),
                        reply_to: job.reply_to,
                        input: Some(Box::new(job.input)),
                        answers: HashMap::new(),
                        workers: HashMap::new(),
                        failures: Vec::new(),
                        calls: HashMap::new(),
                        timer: None,
                    },
                );
                if self.runs.len() >= self.score.limit {
                    // Submissions wait in the mailbox from here on.
                    cx.hold_mailbox();
                }
                self.step(id, Happened::Began, cx);
            }
            Drive::Told { run, call, answer } => {
                let Some(it) = self.runs.get_mut(&run) else {
                    return Ok(());
                };
                it.calls.remove(&call);
                let event = match answer {
                    Ok(payload) => {
                        it.answers.insert(call, payload);
                        Happened::Answered(call)
                    }
                    Err(fault) => {
                        let class = fault.class();
                        it.failures.push((call, fault));
                        Happened::Failed(call, class)
                    }
                };
                self.step(run, event, cx);
            }
            Drive::TimeUp { run } => self.step(run, Happened::TimeUp, cx),
        }
        Ok(())
    }
}
