//! The shell: the loop around one incarnation.
//!
//! ```text
//!  make ─ start ─┬─ ready ──▶ loop: signal? │ next message │ wait ──┬─▶ stop ─▶ settle ─▶ report
//!                ├─ ignore ─────────────────────────────────────────┼───────────────────▶ report
//!                └─ error ──────────────────────────────────────────┼───────────────────▶ report
//!                                                     kill (any time) ┘ (no stop hook)
//! ```
//!
//! One task per incarnation, and one `catch_unwind` around each of its three
//! phases, not around each message. What was taken from the mailbox lies in a
//! batch outside the loop, so whatever ends the loop, the rest goes back in
//! order. The report is made by a guard: also a task that is dropped halfway
//! (a runtime that shuts down) reports its end.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use super::behaviour::Actor;
use super::context::Context;
use super::dead_letter::DeadReason;
use super::event::Event;
use super::exit::{BoxError, Exit, Started};
use super::host::{Ended, Overseer};
use super::life::Lifecycle;
use super::request::Letter;
use super::scope::{self, Scope};
use super::slot::{AnySlot, Signal, Slot};
use crate::mailbox::{Batch, Taken, Unanswered, Unfinished};

/// Messages handled in one go before the actor lets its neighbours run.
const BUDGET: u32 = 128;

/// What makes an incarnation's state. Shared by all incarnations.
pub(crate) type Make<A> = Arc<dyn Fn() -> A + Send + Sync>;

/// Who is told, and about whom. Reports the end when dropped.
pub(crate) struct Duty<M: Send + 'static> {
    pub(crate) slot: Arc<Slot<M>>,
    pub(crate) overseer: Arc<dyn Overseer>,
    pub(crate) key: u64,
    pub(crate) incarnation: u32,
    ended: Option<Ended>,
}

impl<M: Send + 'static> Duty<M> {
    pub(crate) fn new(
        slot: Arc<Slot<M>>,
        overseer: Arc<dyn Overseer>,
        key: u64,
        incarnation: u32,
    ) -> Self {
        Self {
            slot,
            overseer,
            key,
            incarnation,
            ended: None,
        }
    }

    fn started(&self) {
        if let Some(host) = self.slot.host()
            && host.has_listeners()
        {
            host.emit(Event::Started {
                path: self.slot.path().into(),
                incarnation: self.incarnation,
            });
        }
        self.overseer.started(self.key, self.incarnation);
    }
}

impl<M: Send + 'static> Drop for Duty<M> {
    fn drop(&mut self) {
        // What was said to this incarnation is not meant for the next.
        self.slot.queue.clear_flags();
        // Where nobody said how it ended, the task was dropped by its runtime.
        let mut ended = self.ended.take().unwrap_or(Ended::Exited(Exit::Killed));
        if let Ended::Exited(exit) = &mut ended
            && !exit.is_abnormal()
            && std::thread::panicking()
        {
            *exit = Exit::Panicked("a destructor panicked".into());
        }
        match &ended {
            Ended::Ignored => {}
            Ended::NotStarted(exit) | Ended::Exited(exit) => self.slot.note_exit(exit),
        }
        self.overseer.ended(self.key, self.incarnation, ended);
    }
}

/// The batch of an incarnation; puts it back when dropped.
struct Hand<'a, M: Send + 'static> {
    slot: &'a Slot<M>,
    batch: Batch<Letter<M>>,
}

impl<M: Send + 'static> Hand<'_, M> {
    /// Gives back what was taken. A message in hand is dead-lettered with this
    /// exit, or put back to be tried again where the slot redelivers.
    fn settle(&mut self, exit: &Exit) {
        let Some(seq) = self.batch.in_hand() else {
            self.put_back(Unfinished::Failed);
            return;
        };
        let why: Arc<str> = exit.to_string().into();
        let Some(redelivery) = self.slot.redelivery() else {
            self.put_back(Unfinished::Failed);
            self.slot
                .dead_letter(DeadReason::Crashed(why), Some(seq), None);
            return;
        };
        let tries = {
            let mut tries = redelivery.tries.lock();
            let so_far = if tries.0 == Some(seq) { tries.1 } else { 0 };
            *tries = (Some(seq), so_far + 1);
            so_far + 1
        };
        if tries <= redelivery.at_most {
            if self.put_back(Unfinished::PutBack).is_some() {
                // There is no copy: making it is what panicked.
                self.slot
                    .dead_letter(DeadReason::Crashed(why), Some(seq), None);
            }
        } else {
            // Out of the batch first: its destructors are the user's code, and
            // the mailbox would drop it under its lock.
            let copy = self.batch.take_copy();
            self.put_back(Unfinished::Failed);
            scope::drop_because(copy, Unanswered::Crashed);
            self.slot
                .dead_letter(DeadReason::Poison(why), Some(seq), None);
        }
    }

    fn put_back(&mut self, unfinished: Unfinished) -> Option<u64> {
        let slot = self.slot;
        slot.queue
            .settle(&mut self.batch, unfinished, || slot.now())
    }
}

impl<M: Send + 'static> Drop for Hand<'_, M> {
    fn drop(&mut self) {
        let copy = self.batch.take_copy();
        self.put_back(Unfinished::Failed);
        scope::drop_because(copy, Unanswered::Crashed);
    }
}

enum Interrupted {
    Killed,
    Panicked(Exit),
}

/// Polls a phase of the incarnation inside its scope: kills are seen first and
/// panics are caught.
fn poll_guarded<M, F>(
    slot: &Slot<M>,
    scope: &mut Scope,
    future: Pin<&mut F>,
    task: &mut Task<'_>,
) -> Poll<Result<F::Output, Interrupted>>
where
    M: Send + 'static,
    F: Future,
{
    if slot.queue.is_killed() {
        return Poll::Ready(Err(Interrupted::Killed));
    }
    scope::swap(scope);
    let polled = catch(|| future.poll(task));
    scope::swap(scope);
    match polled {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        // Whoever said pending has registered its waker by now, so a kill is
        // seen either here or by being woken.
        Ok(Poll::Pending) if slot.queue.is_killed() => Poll::Ready(Err(Interrupted::Killed)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(exit) => Poll::Ready(Err(Interrupted::Panicked(exit))),
    }
}

/// As [`poll_guarded`], for a hook: registers the waker by which a kill reaches
/// it.
fn poll_hook<M, F>(
    slot: &Slot<M>,
    scope: &mut Scope,
    mut future: Pin<&mut F>,
    task: &mut Task<'_>,
) -> Poll<Result<F::Output, Interrupted>>
where
    M: Send + 'static,
    F: Future,
{
    let registering = pin!(poll_fn(|task| {
        let polled = future.as_mut().poll(task);
        if polled.is_pending() {
            slot.queue.register(task.waker());
        }
        polled
    }));
    poll_guarded(slot, scope, registering, task)
}

/// Runs foreign code; a panic comes back as the exit it means.
#[cfg(not(callboard_loom))]
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Exit> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let exit = Exit::from_panic(&*payload);
        // The payload is the user's, and its destructor may panic too.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        exit
    })
}

/// Under loom a caught assertion would make a failing model look green.
#[cfg(callboard_loom)]
pub(crate) fn catch<T>(f: impl FnOnce() -> T) -> Result<T, Exit> {
    let _ = (
        catch_unwind::<fn(), ()>,
        AssertUnwindSafe(()),
        Exit::from_panic,
    );
    Ok(f())
}

/// One incarnation, from its making to its report.
///
/// A function that returns an `async` block, not an `async fn`: the latter keeps
/// its arguments twice, and a million idle actors would pay for it.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps its arguments twice"
)]
pub(crate) fn live<A: Actor>(
    mut duty: Duty<A::Msg>,
    make: Make<A>,
) -> impl Future<Output = ()> + Send {
    async move {
        let mut scope = Scope {
            actor: Some(Arc::clone(&duty.slot) as Arc<dyn AnySlot>),
            request: None,
        };
        let mut cx = Context::<A>::new(Arc::clone(&duty.slot));
        let mut actor: Option<A> = None;

        let born = {
            let mut birth = pin!(bear(&mut actor, &mut cx, make));
            poll_fn(|task| poll_hook(&duty.slot, &mut scope, birth.as_mut(), task)).await
        };
        let early = match born {
            Ok(Ok(Started::Ready)) => None,
            Ok(Ok(Started::Ignore)) => Some(Ended::Ignored),
            Ok(Err(error)) => Some(Ended::NotStarted(Exit::failed(error))),
            Err(Interrupted::Killed) => Some(Ended::NotStarted(Exit::Killed)),
            Err(Interrupted::Panicked(exit)) => Some(Ended::NotStarted(exit)),
        };
        let ended = match early {
            Some(ended) => ended,
            None => {
                duty.slot.set_ready();
                duty.started();
                let mut exit = {
                    let mut hand = Hand {
                        batch: Batch::new(duty.slot.capacity()),
                        slot: &duty.slot,
                    };
                    let exit = {
                        // Declared first, so that it outlives what a kill drops.
                        let mut _ending = None;
                        let actor = actor.as_mut().expect("a ready actor exists");
                        let mut work = pin!(work(actor, &mut cx, &duty.slot, &mut hand.batch));
                        let ended = poll_fn(|task| {
                            poll_guarded(&duty.slot, &mut scope, work.as_mut(), task)
                        })
                        .await;
                        match ended {
                            Ok(exit) => exit,
                            Err(Interrupted::Killed) => {
                                _ending = Some(scope::ending_because(Unanswered::Crashed));
                                Exit::Killed
                            }
                            Err(Interrupted::Panicked(exit)) => exit,
                        }
                    };
                    // The request that was in hand is over.
                    scope.request = None;
                    hand.settle(&exit);
                    exit
                };
                if !matches!(exit, Exit::Killed)
                    && let Some(actor) = actor.as_mut()
                {
                    if !exit.is_abnormal() {
                        duty.slot.set_state(Lifecycle::Shutdown);
                    }
                    let stopped = {
                        let mut stop = pin!(actor.stop(&exit, &mut cx));
                        poll_fn(|task| poll_hook(&duty.slot, &mut scope, stop.as_mut(), task)).await
                    };
                    match stopped {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) if !exit.is_abnormal() => exit = Exit::failed(error),
                        Ok(Err(_)) => {}
                        Err(Interrupted::Killed) => exit = Exit::Killed,
                        Err(Interrupted::Panicked(panicked)) => exit = panicked,
                    }
                }
                Ended::Exited(exit)
            }
        };
        let why = match &ended {
            Ended::Exited(exit) if exit.is_abnormal() => Unanswered::Crashed,
            _ => Unanswered::Stopped,
        };
        // Destructors are the user's code: if one panics, the guard reports it.
        duty.ended = Some(ended);
        scope::drop_because((actor, cx), why);
        drop(duty);
    }
}

/// Makes the state, runs the start hook, and admits it as ready.
async fn bear<A: Actor>(
    actor: &mut Option<A>,
    cx: &mut Context<A>,
    make: Make<A>,
) -> Result<Started, BoxError> {
    let actor = actor.insert(make());
    drop(make);
    if actor.start(cx).await? == Started::Ignore {
        return Ok(Started::Ignore);
    }
    actor.check(cx).await?;
    let capabilities = actor.capabilities();
    if cx.slot().admission().is_none() && capabilities.is_empty() {
        return Ok(Started::Ready);
    }
    let slot = Arc::clone(cx.slot());
    if let Some(host) = slot.host() {
        let any = Arc::clone(&slot) as Arc<dyn AnySlot>;
        host.register(any, slot.admission(), capabilities)?;
        slot.mark_registered();
    }
    Ok(Started::Ready)
}

/// What the loop does next.
enum Next<M> {
    Handle(Letter<M>),
    Notice(M),
    End(Exit),
}

/// The loop: one message at a time until something ends it.
async fn work<A: Actor>(
    actor: &mut A,
    cx: &mut Context<A>,
    slot: &Slot<A::Msg>,
    batch: &mut Batch<Letter<A::Msg>>,
) -> Exit {
    if let Some(exit) = cx.take_exit() {
        return exit;
    }
    let mut budget = BUDGET;
    loop {
        let (msg, carried, is_counted) = match next(slot, batch, &mut budget).await {
            Next::Handle(Letter { msg, carried }) => (msg, carried, true),
            Next::Notice(msg) => (msg, None, false),
            Next::End(exit) => return exit,
        };
        let has_request = carried.is_some();
        if has_request {
            scope::set_request(carried);
        }
        let outcome = {
            let mut handling = pin!(actor.handle(msg, cx));
            poll_fn(|task| {
                let polled = handling.as_mut().poll(task);
                if polled.is_pending() {
                    budget = BUDGET;
                    slot.queue.suspend(batch, task.waker(), || slot.now());
                }
                polled
            })
            .await
        };
        if has_request {
            scope::set_request(None);
        }
        if let Err(error) = outcome {
            return Exit::failed(error);
        }
        if is_counted && batch.finish() {
            slot.queue.book(batch, || slot.now());
        }
        if let Some(exit) = cx.take_exit() {
            return exit;
        }
    }
}

/// The next thing to do: a signal, a message of the batch, or what comes.
async fn next<M: Send + 'static>(
    slot: &Slot<M>,
    batch: &mut Batch<Letter<M>>,
    budget: &mut u32,
) -> Next<M> {
    poll_fn(|task| {
        loop {
            while slot.queue.is_flagged() {
                if slot.queue.is_killed() {
                    return Poll::Ready(Next::End(Exit::Killed));
                }
                match slot.queue.next_signal() {
                    Some(signal) => {
                        if let Some(next) = heed(slot, batch, signal) {
                            return Poll::Ready(next);
                        }
                    }
                    None => break,
                }
            }
            if *budget == 0 {
                *budget = BUDGET;
                slot.queue.suspend(batch, task.waker(), || slot.now());
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some((letter, seq)) = batch.next() {
                *budget -= 1;
                if let Some(letter) = fresh(slot, batch, letter, seq) {
                    return Poll::Ready(Next::Handle(letter));
                }
                continue;
            }
            match slot.queue.take(batch, Some(task.waker()), || slot.now()) {
                Taken::Items => {}
                Taken::Signal(signal) => {
                    if let Some(next) = heed(slot, batch, signal) {
                        return Poll::Ready(next);
                    }
                }
                Taken::Drained => return Poll::Ready(Next::End(Exit::Normal)),
                Taken::Empty if slot.queue.is_killed() => {
                    return Poll::Ready(Next::End(Exit::Killed));
                }
                Taken::Empty => {
                    *budget = BUDGET;
                    return Poll::Pending;
                }
            }
        }
    })
    .await
}

/// Follows a word of the system lane; `None`: go on.
fn heed<M: Send + 'static>(
    slot: &Slot<M>,
    batch: &mut Batch<Letter<M>>,
    signal: Signal<M>,
) -> Option<Next<M>> {
    match signal {
        Signal::Stop(exit) => Some(Next::End(exit)),
        Signal::Notice(msg) => Some(Next::Notice(msg)),
        Signal::Pause => {
            slot.queue.settle(batch, Unfinished::Failed, || slot.now());
            None
        }
    }
}

/// The letter, unless its time to live has passed; keeps a copy where the slot
/// redelivers.
fn fresh<M: Send + 'static>(
    slot: &Slot<M>,
    batch: &mut Batch<Letter<M>>,
    letter: Letter<M>,
    seq: u64,
) -> Option<Letter<M>> {
    if let Some(carried) = &letter.carried
        && let Some(expires) = carried.meta().expires
        && slot.now() >= expires
    {
        let is_due = batch.discard_expired();
        slot.bury(letter, Some(seq), DeadReason::Expired, Unanswered::Expired);
        if is_due {
            slot.queue.book(batch, || slot.now());
        }
        return None;
    }
    if let Some(redelivery) = slot.redelivery() {
        batch.keep(Letter {
            msg: (redelivery.copy)(&letter.msg),
            carried: letter.carried.clone(),
        });
    }
    Some(letter)
}
