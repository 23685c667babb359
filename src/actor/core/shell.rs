//! The shell: the loop around one incarnation.
//!
//! ```text
//!  make ─ start ─┬─ ready ──▶ loop: signal? │ next message │ wait ──┬─▶ stop ─▶ settle ─▶ report
//!                ├─ ignore ─────────────────────────────────────────┼───────────────────▶ report
//!                └─ error ──────────────────────────────────────────┼───────────────────▶ report
//!                                                     kill (any time) ┘ (no stop hook)
//! ```
//!
//! One task per incarnation, or for several that follow one another at once
//! ([`succession`](super::succession)), and one `catch_unwind` around each of its
//! three phases, not around each message. What was taken from the mailbox lies in a
//! batch outside the loop, so whatever ends the loop, the rest goes back in
//! order. The report is made by a guard: also a task that is dropped halfway
//! (a runtime that shuts down) reports its end.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as Task, Poll, Waker};

use super::behaviour::Actor;
use super::context::Context;
use super::dead_letter::DeadReason;
use super::event::Event;
use super::exit::{BoxError, Exit, Started};
use super::health::{Checking, Checkup};
use super::host::{Ended, Overseer};
use super::life::Lifecycle;
use super::request::Letter;
use super::scope::{self, Scope};
use super::slot::{AnySlot, Signal, Slot};
use super::succession;
use crate::mailbox::{Batch, Taken, Unanswered, Unfinished};

/// What makes an incarnation's state. Shared by all incarnations.
pub(crate) type Make<A> = Arc<dyn Fn() -> A + Send + Sync>;

/// What an incarnation owes its slot: the rest of what it took from the mailbox,
/// and the news of its end. Both are given back when it is dropped.
pub(crate) struct Duty<M: Send + 'static> {
    pub(crate) slot: Arc<Slot<M>>,
    /// Absent where the actor oversees itself: nobody restarts it.
    pub(crate) overseer: Option<Arc<dyn Overseer>>,
    /// What the overseer knows it by, or where its system lists it.
    pub(crate) key: u64,
    pub(crate) incarnation: u32,
    has_reported: bool,
    /// Whether the message in hand came with a request, which is in force then.
    has_request: bool,
    batch: Batch<Letter<M>>,
}

impl<M: Send + 'static> Duty<M> {
    pub(crate) fn new(
        slot: Arc<Slot<M>>,
        overseer: Option<Arc<dyn Overseer>>,
        key: u64,
        incarnation: u32,
    ) -> Self {
        Self {
            batch: Batch::new(slot.capacity()),
            slot,
            overseer,
            key,
            incarnation,
            has_reported: false,
            has_request: false,
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
        if let Some(overseer) = &self.overseer {
            overseer.started(self.key, self.incarnation);
        }
    }

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
        let slot = &self.slot;
        slot.queue
            .settle(&mut self.batch, unfinished, || slot.now())
    }

    /// Gives room back for what was finished.
    fn book(&mut self) {
        let slot = &self.slot;
        slot.queue.book(&mut self.batch, || slot.now());
    }

    /// As [`Duty::book`], before a suspension: registers the waker by which a
    /// kill reaches it.
    fn suspend(&mut self, waker: &Waker) {
        let slot = &self.slot;
        slot.queue.suspend(&mut self.batch, waker, || slot.now());
    }

    /// Reports the end. Once.
    fn report(&mut self, mut ended: Ended) {
        if std::mem::replace(&mut self.has_reported, true) {
            return;
        }
        // What was said to this incarnation is not meant for the next.
        self.slot.queue.clear_flags();
        if let Ended::Exited(exit) = &mut ended
            && !exit.is_abnormal()
            && std::thread::panicking()
        {
            *exit = Exit::Panicked("a destructor panicked".into());
        }
        if let Some(book) = self.slot.health_book()
            && let Some(sentence) = book.take_sentence()
            && let Ended::Exited(exit @ Exit::Killed) = &mut ended
        {
            *exit = sentence;
        }
        match &ended {
            Ended::Ignored => {}
            Ended::NotStarted(exit) | Ended::Exited(exit) => {
                self.slot.note_exit(exit);
                // A kill is somebody's wish, and no sign of the actor's health.
                if matches!(exit, Exit::Failed(_) | Exit::Panicked(_))
                    && let Some(gate) = self.slot.gate()
                {
                    gate.strike();
                }
            }
        }
        match &self.overseer {
            Some(overseer) => overseer.ended(self.key, self.incarnation, ended),
            None => self.slot.ended_alone(self.key as u32, ended),
        }
    }
}

impl<M: Send + 'static> Drop for Duty<M> {
    fn drop(&mut self) {
        if !self.batch.is_blank() {
            let copy = self.batch.take_copy();
            self.put_back(Unfinished::Failed);
            scope::drop_because(copy, Unanswered::Crashed);
        }
        // Where nobody said how it ended, the task was dropped by its runtime.
        self.report(Ended::Exited(Exit::Killed));
    }
}

/// Reports this end when it is dropped, also while a destructor panics.
struct Last<M: Send + 'static> {
    duty: Duty<M>,
    ended: Option<Ended>,
}

impl<M: Send + 'static> Drop for Last<M> {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            self.duty.report(ended);
        }
    }
}

/// The state of an incarnation: what makes it, then what was made.
enum State<A> {
    Unborn(Make<A>),
    Born(A),
}

impl<A> State<A> {
    fn actor(&mut self) -> &mut A {
        match self {
            Self::Born(actor) => actor,
            Self::Unborn(_) => unreachable!("a ready actor exists"),
        }
    }
}

/// One incarnation, kept small: an idle actor is little more than this. Fields
/// are dropped in this order: the report comes last.
struct Incarnation<A: Actor> {
    state: State<A>,
    cx: Context<A>,
    duty: Duty<A::Msg>,
}

/// A life to come.
struct Heir<A: Actor> {
    duty: Duty<A::Msg>,
    make: Make<A>,
}

/// Has this life go on in the task of the one before, where that is just being
/// reported on this thread; else hands it back.
pub(crate) fn succeed<A: Actor>(
    duty: Duty<A::Msg>,
    make: Make<A>,
) -> Result<(), (Duty<A::Msg>, Make<A>)> {
    let of = duty.slot.id();
    succession::offer(of, Heir::<A> { duty, make }).map_err(|heir| (heir.duty, heir.make))
}

impl<A: Actor> Incarnation<A> {
    fn new(duty: Duty<A::Msg>, make: Make<A>) -> Self {
        Self {
            state: State::Unborn(make),
            cx: Context::<A>::new(Arc::clone(&duty.slot)),
            duty,
        }
    }

    /// Drops what was the actor's, then reports. Returns the next life, where it
    /// begins at once.
    fn over(self, ended: Ended) -> Option<Self> {
        let Self { state, cx, duty } = self;
        let why = match &ended {
            Ended::Exited(exit) if exit.is_abnormal() => Unanswered::Crashed,
            _ => Unanswered::Stopped,
        };
        // Destructors are the user's code: if one panics, the guard reports it.
        let last = Last {
            duty,
            ended: Some(ended),
        };
        scope::drop_because((state, cx), why);
        let of = last.duty.slot.id();
        let heir = succession::awaiting::<Heir<A>>(of, || drop(last))?;
        Some(Self::new(heir.duty, heir.make))
    }
}

enum Interrupted {
    Killed,
    Panicked(Exit),
}

/// A phase of an incarnation, polled inside its scope: kills are seen first and
/// panics are caught. A hook registers the waker by which a kill reaches it; the
/// loop does so itself.
struct Guarded<'a, F, const IS_HOOK: bool> {
    scope: &'a mut Scope,
    phase: Pin<&'a mut F>,
}

impl<F: Future, const IS_HOOK: bool> Future for Guarded<'_, F, IS_HOOK> {
    type Output = Result<F::Output, Interrupted>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        let Self { scope, phase } = &mut *self;
        if is_killed(scope) {
            return Poll::Ready(Err(Interrupted::Killed));
        }
        scope::swap(scope);
        let polled = catch(|| phase.as_mut().poll(task));
        scope::swap(scope);
        match polled {
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Ok(Poll::Pending) => {
                if IS_HOOK && let Some(slot) = &scope.actor {
                    slot.register(task.waker());
                }
                // The waker is registered by now, so a kill is seen either here
                // or by being woken.
                if is_killed(scope) {
                    return Poll::Ready(Err(Interrupted::Killed));
                }
                Poll::Pending
            }
            Err(exit) => Poll::Ready(Err(Interrupted::Panicked(exit))),
        }
    }
}

fn is_killed(scope: &Scope) -> bool {
    scope.actor.as_ref().is_some_and(|slot| slot.is_killed())
}

fn guarded_hook<'a, F: Future>(
    scope: &'a mut Scope,
    phase: Pin<&'a mut F>,
) -> Guarded<'a, F, true> {
    Guarded { scope, phase }
}

fn guarded_loop<'a, F: Future>(
    scope: &'a mut Scope,
    phase: Pin<&'a mut F>,
) -> Guarded<'a, F, false> {
    Guarded { scope, phase }
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
/// What waits longest is kept smallest, since a million idle actors pay for it:
/// arguments are captured once (an `async fn` keeps them twice), outcomes are
/// dealt with before the next phase begins, and whatever several phases need is
/// behind one reference.
pub(crate) fn live<A: Actor>(duty: Duty<A::Msg>, make: Make<A>) -> impl Future<Output = ()> + Send {
    let mut scope = Scope {
        actor: Some(Arc::clone(&duty.slot) as Arc<dyn AnySlot>),
        request: None,
    };
    let mut me = Incarnation::<A>::new(duty, make);
    async move {
        loop {
            // What is not needed while it waits is out of scope by then, or it
            // would take room there.
            let is_up = {
                let born = {
                    let birth = pin!(bear(&mut me));
                    guarded_hook(&mut scope, birth).await
                };
                match early(born) {
                    None => true,
                    Some(ended) => {
                        match me.over(ended) {
                            Some(next) => me = next,
                            None => return,
                        }
                        false
                    }
                }
            };
            if is_up {
                me.duty.slot.set_ready();
                me.duty.started();
                let exit = loop {
                    let checking = match toil(&mut me, &mut scope).await {
                        Left::End(exit) => break exit,
                        Left::Check(checkup) => check(&mut me, &mut scope, checkup),
                    };
                    if let Some(exit) = checking.await {
                        break exit;
                    }
                };
                let exit = retire(&mut me, &mut scope, exit).await;
                match me.over(Ended::Exited(exit)) {
                    Some(next) => me = next,
                    None => return,
                }
            }
            if me.duty.incarnation.is_multiple_of(LIVES_IN_A_ROW) {
                Pause::default().await;
            }
        }
    }
}

/// So many lives begin in one go before the neighbours run.
const LIVES_IN_A_ROW: u32 = 8;

/// Lets the neighbours run once.
#[derive(Default)]
struct Pause(bool);

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The loop, until it ends, panics or is killed.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps its arguments twice"
)]
fn toil<A: Actor>(me: &mut Incarnation<A>, scope: &mut Scope) -> impl Future<Output = Left> + Send {
    async move {
        // Declared first, so that it outlives what a kill drops.
        let mut _ending = None;
        let work = pin!(work(me));
        match guarded_loop(scope, work).await {
            Ok(left) => left,
            Err(Interrupted::Killed) => {
                _ending = Some(scope::ending_because(Unanswered::Crashed));
                Left::End(Exit::Killed)
            }
            Err(Interrupted::Panicked(exit)) => Left::End(exit),
        }
    }
}

/// The check hook between two messages, outside of the loop: inside, those that
/// wait for messages would pay for its room. Boxed for the same reason. How the
/// incarnation ends if it does.
fn check<'a, A: Actor>(
    me: &'a mut Incarnation<A>,
    scope: &'a mut Scope,
    checkup: Arc<Checkup>,
) -> Pin<Box<dyn Future<Output = Option<Exit>> + Send + 'a>> {
    Box::pin(async move {
        // Before it suspends: the hook may wait for somebody who waits for room.
        me.duty.book();
        let Incarnation { state, cx, .. } = me;
        let checking = Checking::new(checkup, || state.actor().check(cx))?;
        match guarded_hook(scope, pin!(checking)).await {
            Ok(()) => None,
            Err(Interrupted::Killed) => Some(Exit::Killed),
            Err(Interrupted::Panicked(exit)) => Some(exit),
        }
    })
}

/// How an incarnation ended whose start came to this; `None`: it is ready.
fn early(born: Result<Result<Started, BoxError>, Interrupted>) -> Option<Ended> {
    match born {
        Ok(Ok(Started::Ready)) => None,
        Ok(Ok(Started::Ignore)) => Some(Ended::Ignored),
        Ok(Err(error)) => Some(Ended::NotStarted(Exit::failed(error))),
        Err(Interrupted::Killed) => Some(Ended::NotStarted(Exit::Killed)),
        Err(Interrupted::Panicked(exit)) => Some(Ended::NotStarted(exit)),
    }
}

/// Makes the state, runs the start hook, and admits it as ready.
async fn bear<A: Actor>(me: &mut Incarnation<A>) -> Result<Started, BoxError> {
    if let State::Unborn(make) = &me.state {
        let actor = make();
        me.state = State::Born(actor);
    }
    if me.duty.incarnation > 0
        && let Some(kept) = me.duty.slot.kept()
    {
        kept.restore(me.state.actor(), &mut me.cx)?;
    }
    if me.state.actor().start(&mut me.cx).await? == Started::Ignore {
        return Ok(Started::Ignore);
    }
    me.state.actor().check(&mut me.cx).await?;
    me.cx.begin_checks();
    let capabilities = me.state.actor().capabilities();
    let slot = &me.duty.slot;
    if slot.admission().is_none() && capabilities.is_empty() {
        return Ok(Started::Ready);
    }
    if let Some(host) = slot.host() {
        let any = Arc::clone(slot) as Arc<dyn AnySlot>;
        host.register(any, slot.admission(), capabilities)?;
        slot.mark_registered();
    }
    Ok(Started::Ready)
}

/// Gives back what was taken and, unless it was killed, runs the stop hook.
/// Returns how the incarnation ended after all.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps its arguments twice"
)]
fn retire<A: Actor>(
    me: &mut Incarnation<A>,
    scope: &mut Scope,
    exit: Exit,
) -> impl Future<Output = Exit> + Send {
    async move {
        // The request that was in hand is over.
        scope.request = None;
        me.cx.end_checks();
        me.duty.settle(&exit);
        if matches!(exit, Exit::Killed) {
            return exit;
        }
        if !exit.is_abnormal() {
            me.duty.slot.set_state(Lifecycle::Shutdown);
        }
        let stopped = {
            let stop = pin!(me.state.actor().stop(&exit, &mut me.cx));
            guarded_hook(scope, stop).await
        };
        match stopped {
            Ok(Err(error)) if !exit.is_abnormal() => Exit::failed(error),
            Ok(_) => exit,
            Err(Interrupted::Killed) => Exit::Killed,
            Err(Interrupted::Panicked(panicked)) => panicked,
        }
    }
}

/// What the loop does next.
enum Next<M> {
    Handle(Letter<M>),
    Notice(M),
    Check(Arc<Checkup>),
    End(Exit),
}

/// Why the loop was left.
enum Left {
    End(Exit),
    /// To come back to it.
    Check(Arc<Checkup>),
}

/// The loop: one message at a time until something ends it.
#[expect(
    clippy::manual_async_fn,
    reason = "an `async fn` keeps its arguments twice"
)]
fn work<A: Actor>(me: &mut Incarnation<A>) -> impl Future<Output = Left> + Send {
    async move {
        if let Some(exit) = me.cx.take_exit() {
            return Left::End(exit);
        }
        me.duty.batch.renew_budget();
        loop {
            let msg = match (Seeking { duty: &mut me.duty }).await {
                Next::Handle(Letter { msg, carried }) => {
                    if carried.is_some() {
                        me.duty.has_request = true;
                        scope::set_request(carried);
                    }
                    msg
                }
                Next::Notice(msg) => msg,
                Next::Check(checkup) => return Left::Check(checkup),
                Next::End(exit) => return Left::End(exit),
            };
            let outcome = Handling {
                handling: pin!(me.state.actor().handle(msg, &mut me.cx)),
                duty: &mut me.duty,
            }
            .await;
            if std::mem::take(&mut me.duty.has_request) {
                scope::set_request(None);
            }
            if let Err(error) = outcome {
                return Left::End(Exit::failed(error));
            }
            if me.duty.batch.finish() {
                me.duty.book();
            }
            if let Some(exit) = me.cx.take_exit() {
                return Left::End(exit);
            }
        }
    }
}

/// A handler at work. Gives room back before it suspends.
struct Handling<'a, M: Send + 'static, H> {
    handling: Pin<&'a mut H>,
    duty: &'a mut Duty<M>,
}

impl<M: Send + 'static, H: Future> Future for Handling<'_, M, H> {
    type Output = H::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<H::Output> {
        let polled = self.handling.as_mut().poll(task);
        if polled.is_pending() {
            self.duty.batch.renew_budget();
            self.duty.suspend(task.waker());
        }
        polled
    }
}

/// Looks for the next thing to do: a signal, a message of the batch, or what
/// comes.
struct Seeking<'a, M: Send + 'static> {
    duty: &'a mut Duty<M>,
}

impl<M: Send + 'static> Future for Seeking<'_, M> {
    type Output = Next<M>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Next<M>> {
        let duty = &mut *self.duty;
        loop {
            while duty.slot.queue.is_flagged() {
                if duty.slot.queue.is_killed() {
                    return Poll::Ready(Next::End(Exit::Killed));
                }
                match duty.slot.queue.next_signal() {
                    Some(signal) => {
                        if let Some(next) = heed(duty, signal) {
                            return Poll::Ready(next);
                        }
                    }
                    None => break,
                }
            }
            if !duty.batch.has_budget() {
                duty.batch.renew_budget();
                duty.suspend(task.waker());
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            if let Some((letter, seq)) = duty.batch.next() {
                if let Some(letter) = fresh(duty, letter, seq) {
                    return Poll::Ready(Next::Handle(letter));
                }
                continue;
            }
            let Duty { slot, batch, .. } = duty;
            match slot.queue.take(batch, Some(task.waker()), || slot.now()) {
                Taken::Items => {}
                Taken::One(letter, seq) => {
                    if let Some(letter) = fresh(duty, letter, seq) {
                        return Poll::Ready(Next::Handle(letter));
                    }
                }
                Taken::Signal(signal) => {
                    if let Some(next) = heed(duty, signal) {
                        return Poll::Ready(next);
                    }
                }
                Taken::Drained => return Poll::Ready(Next::End(Exit::Normal)),
                Taken::Empty if slot.queue.is_killed() => {
                    return Poll::Ready(Next::End(Exit::Killed));
                }
                Taken::Empty => {
                    batch.renew_budget();
                    return Poll::Pending;
                }
            }
        }
    }
}

/// Follows a word of the system lane; `None`: go on.
fn heed<M: Send + 'static>(duty: &mut Duty<M>, signal: Signal<M>) -> Option<Next<M>> {
    match signal {
        Signal::Stop(exit) => Some(Next::End(exit)),
        Signal::Notice(msg) => Some(Next::Notice(msg)),
        Signal::News(news) => news.fetch().map(Next::Notice),
        Signal::Check(checkup) => Some(Next::Check(checkup)),
        Signal::Pause => {
            let _ = duty.put_back(Unfinished::Failed);
            None
        }
    }
}

/// The letter, unless its time to live has passed; keeps a copy where the slot
/// redelivers.
#[inline]
fn fresh<M: Send + 'static>(duty: &mut Duty<M>, letter: Letter<M>, seq: u64) -> Option<Letter<M>> {
    let carried = letter.carried.as_ref();
    let expires = carried.and_then(|carried| carried.meta().expires);
    if expires.is_none() && duty.slot.extras.is_none() {
        return Some(letter);
    }
    freshened(duty, letter, seq)
}

fn freshened<M: Send + 'static>(
    duty: &mut Duty<M>,
    letter: Letter<M>,
    seq: u64,
) -> Option<Letter<M>> {
    if let Some(carried) = &letter.carried
        && let Some(expires) = carried.meta().expires
        && duty.slot.now() >= expires
    {
        let is_due = duty.batch.discard_expired();
        duty.slot
            .bury(letter, Some(seq), DeadReason::Expired, Unanswered::Expired);
        if is_due {
            duty.book();
        }
        return None;
    }
    if let Some(redelivery) = duty.slot.redelivery() {
        let copy = Letter {
            msg: (redelivery.copy)(&letter.msg),
            carried: letter.carried.clone(),
        };
        duty.batch.keep(copy);
    }
    Some(letter)
}
