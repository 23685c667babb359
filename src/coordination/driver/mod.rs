//! The driver: one supervised actor that runs any protocol.
//!
//! ```text
//!  Submit ─▶ new run ─▶ event ─▶ Run::apply ─▶ effects ─▶ calls, each polled once
//!                         ▲                                 │ready      │pending
//!                         └─────────────────────────────────┘           ▼
//!                         └────────── Ring (system lane) ◀── bell ◀── futures
//! ```
//!
//! Calls live in the driver, so a call that is answered at once costs no task and
//! no message, and one that is not costs a place among the driver's futures. News
//! takes the system lane, so a full mailbox cannot keep a run from finishing. At
//! most `limit` runs are under way; further submissions wait in the mailbox, and
//! their senders behind it. A run ends with its asker, and a finished run drops
//! the calls it no longer needs.

pub(crate) mod futures;
mod participant;
mod running;
mod score;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use self::futures::Futures;
use self::running::Running;
use super::protocol::{
    Call, Effect, Failure, Feed, Happened, Limits, Protocol, Run, StepOutcome, Timer,
};
use crate::actor::chance::Chance;
use crate::actor::core::shell::catch;
use crate::actor::core::slot::AnySlot;
use crate::actor::{
    Actor, BoxError, BoxFuture, Context, Event, Fault, Job, Request, Served, Started,
};
use crate::supervision::pool::slab::Slab;

pub use self::participant::Participant;
pub(crate) use self::participant::{
    Act, Answer, Check, Fed, Kept, Kinds, Outcome, Payload, Seat, contained, copy_of, valid,
};
pub use self::score::StageError;
pub(crate) use self::score::{Drive, Gathered, Listener, OnError, Score};

/// So many events are applied in one go before the neighbours run.
const EVENTS_IN_A_ROW: usize = 128;

/// What a run can have under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Call(Call),
    Timer(Timer),
    /// The asker, who may give up.
    Asker,
}

/// Whose future it is.
#[derive(Clone, Copy)]
struct Key {
    run: usize,
    what: What,
}

/// See the file's drawing.
pub(crate) struct Driver<P, In, Out> {
    score: Arc<Score<P, Out>>,
    runs: Slab<Running<P, Out>>,
    next_run: u64,
    futures: Futures<Key, Outcome>,
    /// Absent until it starts, as is the path.
    chance: Option<Chance>,
    path: Arc<str>,
    /// What happened and has not been applied: the run, its number, the event.
    news: VecDeque<(usize, u64, Happened)>,
    /// Empty between two events.
    effects: Vec<Effect>,
    holds_mailbox: bool,
    takes: std::marker::PhantomData<fn(In)>,
}

impl<P: Protocol, In: Send + 'static, Out: Send + 'static> Driver<P, In, Out> {
    pub(crate) fn new(score: Arc<Score<P, Out>>) -> Self {
        Self {
            score,
            runs: Slab::new(),
            next_run: 0,
            futures: Futures::new(),
            chance: None,
            path: "".into(),
            news: VecDeque::new(),
            effects: Vec::new(),
            holds_mailbox: false,
            takes: std::marker::PhantomData,
        }
    }

    fn submit(&mut self, job: Job<In, Out>, listener: Option<Listener>, cx: &Context<Self>) {
        let limits = Limits::new(self.score.seats.len()).calls(self.score.calls);
        let mut run = Run::within(self.score.machine.clone(), limits);
        if let Some(chance) = &self.chance {
            run.seed((chance.draw() * (1_u64 << 53) as f64) as u64);
        }
        let id = self.next_run;
        self.next_run += 1;
        let running = Running::new(id, run, cx.now(), cx.request(), job, listener);
        let at = self.runs.insert(running);
        if self.runs.len() >= self.score.limit {
            // Submissions wait in the mailbox from here on.
            self.holds_mailbox = true;
            cx.hold_mailbox();
        }
        self.news.push_back((at, id, Happened::Began));
        self.settle(cx);
        // A run that was over at once had nobody to wait for.
        if let Some(running) = self.runs.get(at)
            && running.id == id
        {
            let request = running.request.clone();
            self.begin(at, What::Asker, gone(request), cx);
        }
    }

    /// Polls what can go on.
    fn ring(&mut self, cx: &Context<Self>) {
        let rung = self.futures.rung();
        for &place in &rung {
            self.futures.answer(place);
            self.poll(place, cx);
        }
        self.futures.keep(rung);
        self.settle(cx);
    }

    /// Applies what happened.
    fn settle(&mut self, cx: &Context<Self>) {
        for _ in 0..EVENTS_IN_A_ROW {
            let Some((at, id, event)) = self.news.pop_front() else {
                return;
            };
            self.apply(at, id, event, cx);
        }
    }

    fn apply(&mut self, at: usize, id: u64, event: Happened, cx: &Context<Self>) {
        let Some(running) = self.runs.get_mut(at).filter(|running| running.id == id) else {
            return;
        };
        if !running.run.ledger().awaits(&event) {
            // It was cancelled while the news waited.
            if let Happened::Answered { call, .. } = event {
                running.forget(call);
            }
            return;
        }
        let now = match event {
            Happened::Began => Duration::ZERO,
            _ => cx.now().saturating_duration_since(running.begun),
        };
        let mut effects = std::mem::take(&mut self.effects);
        match catch(|| running.run.apply(&event, now, &mut effects)) {
            Ok(Ok(())) => {
                for effect in effects.drain(..) {
                    self.carry_out(at, effect, cx);
                }
            }
            Ok(Err(broken)) => self.end(at, Err(Fault::permanent(broken.to_string())), cx),
            Err(_) => self.end(at, Err(Fault::permanent("the protocol panicked")), cx),
        }
        effects.clear();
        self.effects = effects;
    }

    fn carry_out(&mut self, at: usize, effect: Effect, cx: &Context<Self>) {
        // It may have ended because it could not be fed.
        let Some(running) = self.runs.get_mut(at) else {
            return;
        };
        match effect {
            Effect::Ask { call, worker, feed } => self.ask(at, call, worker, &feed, cx),
            Effect::Cancel(call) => self.cancel(at, What::Call(call)),
            Effect::Forget(call) => drop(running.forget(call)),
            Effect::SetTimer { timer, after } => {
                self.stop_timer(at, timer);
                self.begin(at, What::Timer(timer), due(after), cx);
            }
            Effect::StopTimer(timer) => self.stop_timer(at, timer),
            Effect::Note { worker, outcome } => {
                let run = running.id;
                self.note(run, worker, outcome, cx);
            }
            Effect::Emit(call) => {
                // Copies are made by foreign code: its panic is a part less.
                let _ = catch(|| running.emit(call));
            }
            Effect::Finish(feed) => self.finish(at, &feed, cx),
            Effect::Fail(failure) => self.fail(at, &failure, cx),
        }
    }

    fn ask(&mut self, at: usize, call: Call, worker: usize, feed: &Feed, cx: &Context<Self>) {
        let score = Arc::clone(&self.score);
        let (Some(running), Some(seat)) = (self.runs.get_mut(at), score.seats.get(worker)) else {
            return;
        };
        let fed = score.on_error.as_ref().map(|_| feed.clone());
        running.make(worker, fed);
        let request = running.request.clone();
        let spent = request.spending().and_then(|it| it.check().err());
        let _in_force = request.enter();
        // Copies, functions and what a worker does at first are foreign code.
        let begun = catch(|| {
            let fed = running.feed(feed, seat.copy)?;
            Some(match (&seat.act, spent) {
                // Nobody works for a request that has nothing left to pay with.
                (Act::Asks(_), Some(spent)) => Err(Err(spent)),
                (Act::Asks(ask), None) => Ok(ask(fed)),
                (Act::Computes(compute), _) => Err(compute(fed)),
            })
        });
        match begun {
            Ok(Some(Ok(future))) => self.begin(at, What::Call(call), future, cx),
            Ok(Some(Err(answer))) => self.answered(at, call, answer),
            Ok(None) => {
                let words = format!("the protocol fed {feed}, which is not there any more");
                self.end(at, Err(Fault::permanent(words)), cx);
            }
            Err(_) => self.answered(at, call, Err(panicked(&seat.name))),
        }
    }

    /// Takes in what the run has under way now, and polls it once.
    fn begin(
        &mut self,
        at: usize,
        what: What,
        future: BoxFuture<'static, Outcome>,
        cx: &Context<Self>,
    ) {
        if let Some(running) = self.runs.get_mut(at) {
            let place = self.futures.insert(Key { run: at, what }, future);
            running.began(what, place);
            self.poll(place, cx);
        }
    }

    fn poll(&mut self, place: usize, cx: &Context<Self>) {
        let Some(key) = self.futures.key(place) else {
            return;
        };
        let Some(running) = self.runs.get_mut(key.run) else {
            return;
        };
        let polled = {
            let _in_force = running.request.enter();
            self.futures.poll(place)
        };
        let Poll::Ready(outcome) = polled else {
            return;
        };
        running.ended(key.what);
        match (key.what, outcome) {
            (What::Call(call), Ok(Outcome::Answered(answer))) => {
                self.answered(key.run, call, answer);
            }
            (What::Call(call), _) => {
                let name = running.worker(call).map(|worker| &self.score.seats[worker]);
                let fault = panicked(name.map_or("a participant", |it| &it.name));
                self.answered(key.run, call, Err(fault));
            }
            (What::Timer(timer), _) => {
                let id = running.id;
                self.news
                    .push_back((key.run, id, Happened::TimeUp { timer }));
            }
            (What::Asker, _) => {
                let _ = self.over(key.run, cx);
            }
        }
    }

    fn answered(&mut self, at: usize, call: Call, answer: Result<Answer, Fault>) {
        let Some(running) = self.runs.get_mut(at) else {
            return;
        };
        let event = match answer {
            Ok(answer) => {
                let fact = answer.fact;
                running.answered(call, answer);
                Happened::Answered { call, fact }
            }
            Err(fault) => {
                let class = fault.class();
                running.failed(call, fault);
                Happened::Failed { call, class }
            }
        };
        self.news.push_back((at, running.id, event));
    }

    fn cancel(&mut self, at: usize, what: What) {
        if let Some(running) = self.runs.get_mut(at)
            && let Some(place) = running.ended(what)
        {
            self.futures.remove(place);
        }
    }

    fn stop_timer(&mut self, at: usize, timer: Timer) {
        self.cancel(at, What::Timer(timer));
        // It may have been due already.
        let due = Happened::TimeUp { timer };
        self.news
            .retain(|(run, _, event)| *run != at || *event != due);
    }

    fn note(&self, run: u64, worker: usize, outcome: StepOutcome, cx: &Context<Self>) {
        if let Some(host) = cx.slot().host()
            && host.has_listeners()
            && let Some(seat) = self.score.seats.get(worker)
        {
            let outcome = match outcome {
                StepOutcome::WentTo(to) => {
                    let to = self.score.seats.get(to).map_or("", |to| &to.name);
                    format!("went to {to}")
                }
                outcome => outcome.to_string(),
            };
            host.emit(Event::Step {
                path: Arc::clone(&self.path),
                run,
                step: Arc::clone(&seat.name),
                outcome: outcome.into(),
            });
        }
    }

    fn finish(&mut self, at: usize, feed: &Feed, cx: &Context<Self>) {
        let Some(running) = self.runs.get_mut(at) else {
            return;
        };
        let metadata = running.metadata(feed);
        let gathered = running.gather(feed);
        // The conclusion is the user's code: its panic is this run's failure,
        // not that of its neighbours.
        let concluded = catch(|| (self.score.conclude)(gathered));
        let answer =
            concluded.unwrap_or_else(|_| Err(Fault::permanent("combining the answers panicked")));
        self.end(
            at,
            answer.map(|value| Served::new(value).with(metadata)),
            cx,
        );
    }

    fn fail(&mut self, at: usize, failure: &Failure, cx: &Context<Self>) {
        let Some(running) = self.runs.get(at) else {
            return;
        };
        let (call, fault) = running.fault(failure, &self.path);
        let worker = call.and_then(|call| running.worker(call));
        let fault = match worker.and_then(|worker| self.score.seats.get(worker)) {
            None => fault,
            Some(Seat { name, .. }) => {
                if let Some(on_error) = &self.score.on_error {
                    let error = StageError {
                        stage: name,
                        fault: &fault,
                        fed: call.and_then(|call| running.fed(call)).map(|fed| &**fed),
                    };
                    // Foreign code: its panic is nobody's failure.
                    let _ = catch(|| on_error(&error));
                }
                fault.at(name)
            }
        };
        self.end(at, Err(fault), cx);
    }

    fn end(&mut self, at: usize, answer: Result<Served<Out>, Fault>, cx: &Context<Self>) {
        if let Some(running) = self.over(at, cx) {
            running.send(answer);
        }
    }

    /// A run is over: what it has under way ends, and there is room for another.
    fn over(&mut self, at: usize, cx: &Context<Self>) -> Option<Running<P, Out>> {
        let mut running = self.runs.remove(at)?;
        running.cancel_all(&mut self.futures);
        if self.holds_mailbox && self.runs.len() < self.score.limit {
            self.holds_mailbox = false;
            cx.release_mailbox();
        }
        Some(running)
    }
}

fn panicked(name: &str) -> Fault {
    Fault::permanent(format!("{name} panicked"))
}

fn due(after: Duration) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        tokio::time::sleep(after).await;
        Outcome::Due
    })
}

fn gone(asker: Request) -> BoxFuture<'static, Outcome> {
    Box::pin(async move {
        asker.cancelled().await;
        Outcome::Gone
    })
}

impl<P: Protocol, In: Send + 'static, Out: Send + 'static> Actor for Driver<P, In, Out> {
    type Msg = Drive<In, Out>;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        // The last incarnation may have ended with its mailbox held.
        cx.release_mailbox();
        let notify = cx.notifier();
        self.futures.tell_with(move || notify(Drive::Ring));
        self.chance = Some(Chance::of(&cx.system()));
        self.path = cx.path().into();
        Ok(Started::Ready)
    }

    async fn handle(&mut self, msg: Self::Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Drive::Submit(job, listener) => self.submit(job, listener, cx),
            Drive::Ring => self.ring(cx),
        }
        if !self.news.is_empty() {
            // Notices come one after the other without a pause of their own.
            self.futures.come_again();
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
