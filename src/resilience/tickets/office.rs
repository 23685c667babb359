//! The actor that keeps the tickets.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Instant;

use super::{
    Callback, Command, Outcome, TicketCommand, TicketConfig, TicketError, TicketId, Waiting,
};
use crate::actor::{Actor, BoxError, Context, Fault, FaultClass, Request, TimerId, WorkerRef};

/// Who wait for, or are to be told of, one ticket's outcome; more are refused.
const MOST_INTERESTED: usize = 1_000;

enum State<Out> {
    UnderWay {
        work: TimerId,
        waiting: Vec<Waiting<Out>>,
        callbacks: Vec<Callback<Out>>,
    },
    Done(Outcome<Out>),
}

/// The actor that keeps the tickets. Made by [`Tickets::new`](super::Tickets::new).
///
/// When it crashes, the work under way ends with it and all tickets are lost:
/// whoever waits is told at once, later questions find them expired.
pub struct TicketOffice<In, Out> {
    worker: WorkerRef<In, Out>,
    config: TicketConfig,
    tickets: HashMap<u64, State<Out>>,
    /// When which outcome expires, soonest first.
    done: VecDeque<(Instant, u64)>,
    next: u64,
    is_timed: bool,
}

impl<In, Out> fmt::Debug for TicketOffice<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketOffice({} tickets)", self.tickets.len())
    }
}

impl<In, Out> TicketOffice<In, Out>
where
    In: Send + 'static,
    Out: Clone + Send + 'static,
{
    pub(super) fn new(worker: WorkerRef<In, Out>, config: TicketConfig) -> Self {
        Self {
            worker,
            config,
            tickets: HashMap::new(),
            done: VecDeque::new(),
            next: 0,
            is_timed: false,
        }
    }

    fn submit(&mut self, input: In, cx: &mut Context<Self>) -> Result<TicketId, TicketError> {
        if self.tickets.len() >= self.config.capacity {
            return Err(TicketError::Full);
        }
        let id = TicketId {
            life: cx.incarnation(),
            number: self.next,
        };
        self.next += 1;
        let (worker, within, notify) = (self.worker.clone(), self.config.work_for, cx.notifier());
        let work = cx.run(async move {
            // Not the submitter's request: the work outlives it.
            let work = async { worker.ask(input).deadline(within).await };
            let outcome = Request::new(None).within(work).await;
            notify(TicketCommand(Command::Finished(id, outcome)));
        });
        let state = State::UnderWay {
            work,
            waiting: Vec::new(),
            callbacks: Vec::new(),
        };
        self.tickets.insert(id.number, state);
        Ok(id)
    }

    fn find(&mut self, id: TicketId, cx: &Context<Self>) -> Result<&mut State<Out>, TicketError> {
        let life = cx.incarnation();
        if id.life > life || (id.life == life && id.number >= self.next) {
            return Err(TicketError::Unknown);
        }
        let found = (id.life == life).then_some(&id.number);
        let found = found.and_then(|number| self.tickets.get_mut(number));
        found.ok_or(TicketError::Expired)
    }

    fn finish(&mut self, id: TicketId, outcome: Outcome<Out>, cx: &mut Context<Self>) {
        let Ok(state @ State::UnderWay { .. }) = self.find(id, cx) else {
            return;
        };
        let State::UnderWay {
            work,
            waiting,
            callbacks,
        } = std::mem::replace(state, State::Done(outcome.clone()))
        else {
            return;
        };
        cx.cancel(work);
        for reply_to in waiting {
            reply_to.send(outcome.clone().map_err(TicketError::Failed));
        }
        for callback in callbacks {
            tell(callback, outcome.clone(), cx);
        }
        // An outcome whose time cannot be told is kept.
        if let Some(at) = cx.now().checked_add(self.config.keep_for) {
            let after = self.done.partition_point(|(other, _)| *other <= at);
            self.done.insert(after, (at, id.number));
            self.sweep(cx);
        }
    }

    fn sweep(&mut self, cx: &mut Context<Self>) {
        let now = cx.now();
        while let Some((at, number)) = self.done.front().copied() {
            if at > now {
                if !self.is_timed {
                    self.is_timed = true;
                    let left = at.saturating_duration_since(now);
                    cx.notify_after(left, TicketCommand(Command::Sweep));
                }
                return;
            }
            self.done.pop_front();
            self.tickets.remove(&number);
        }
    }

    fn wait(&mut self, id: TicketId, reply_to: Waiting<Out>, cx: &Context<Self>) {
        let answer = match self.find(id, cx) {
            Err(why) => Err(why),
            Ok(State::Done(outcome)) => outcome.clone().map_err(TicketError::Failed),
            Ok(State::UnderWay { waiting, .. }) => {
                waiting.retain(|reply_to| !reply_to.is_closed());
                if waiting.len() < MOST_INTERESTED {
                    waiting.push(reply_to);
                    return;
                }
                Err(TicketError::Full)
            }
        };
        reply_to.send(answer);
    }

    fn call_back(
        &mut self,
        id: TicketId,
        callback: Callback<Out>,
        cx: &mut Context<Self>,
    ) -> Result<(), TicketError> {
        match self.find(id, cx)? {
            State::Done(outcome) => {
                let outcome = outcome.clone();
                tell(callback, outcome, cx);
            }
            State::UnderWay { callbacks, .. } => {
                if callbacks.len() >= MOST_INTERESTED {
                    return Err(TicketError::Full);
                }
                callbacks.push(callback);
            }
        }
        Ok(())
    }

    fn cancel(&mut self, id: TicketId, cx: &mut Context<Self>) -> Result<(), TicketError> {
        if let State::UnderWay { .. } = self.find(id, cx)? {
            let cancelled = Fault::new(FaultClass::Cancelled, "the ticket was cancelled");
            self.finish(id, Err(cancelled), cx);
        }
        Ok(())
    }
}

/// Beside the actor: the one who is told may have no room.
fn tell<In, Out>(
    callback: Callback<Out>,
    outcome: Outcome<Out>,
    cx: &mut Context<TicketOffice<In, Out>>,
) where
    In: Send + 'static,
    Out: Clone + Send + 'static,
{
    cx.run(async move {
        Request::new(None)
            .within(async { callback(outcome).await })
            .await
    });
}

impl<In, Out> Actor for TicketOffice<In, Out>
where
    In: Send + 'static,
    Out: Clone + Send + 'static,
{
    type Msg = TicketCommand<In, Out>;

    async fn handle(&mut self, msg: Self::Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg.0 {
            Command::Submit(input, reply_to) => reply_to.send(self.submit(input, cx)),
            Command::Poll(id, reply_to) => reply_to.send(match self.find(id, cx) {
                Err(why) => Err(why),
                Ok(State::UnderWay { .. }) => Ok(None),
                Ok(State::Done(outcome)) => outcome.clone().map(Some).map_err(TicketError::Failed),
            }),
            Command::Wait(id, reply_to) => self.wait(id, reply_to, cx),
            Command::CallBack(id, callback, reply_to) => {
                reply_to.send(self.call_back(id, callback, cx));
            }
            Command::Cancel(id, reply_to) => reply_to.send(self.cancel(id, cx)),
            Command::Reconfigure(config, reply_to) => {
                self.config = config;
                reply_to.send(());
            }
            Command::Finished(id, outcome) => self.finish(id, outcome, cx),
            Command::Sweep => {
                self.is_timed = false;
                self.sweep(cx);
            }
        }
        Ok(())
    }
}
