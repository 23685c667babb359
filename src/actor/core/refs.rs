//! References: how actors and everybody else reach an actor.

use std::fmt;
use std::future::poll_fn;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};
use std::task::Waker;

use super::ask::Ask;
use super::dead_letter::DeadReason;
use super::errors::{TellError, TryTellError};
use super::exit::Exit;
use super::health::Health;
use super::life::Lifecycle;
use super::reply::Reply;
use super::request::{Carried, Letter};
use super::scope;
use super::slot::{ActorId, AnySlot, Down, Slot, WatchId};
use super::tell::{self, Tell};
use super::transitions::Transitions;
use crate::mailbox::{Counts, Offer, Overflow, Parked, Unanswered};

/// A cheap, typed, comparable reference to an actor.
///
/// It belongs to the actor's slot, so it keeps working over restarts, and it
/// exists before the actor does. It does not keep the actor running.
pub struct ActorRef<M> {
    to: To<M>,
}

pub(crate) enum To<M> {
    Slot(Arc<Slot<M>>),
    Narrow(Arc<dyn Narrow<M>>),
}

/// A reference that turns its messages into those of another.
pub(crate) trait Narrow<M>: Send + Sync {
    fn slot(&self) -> Arc<dyn AnySlot>;
    fn slot_ref(&self) -> &dyn AnySlot;
    fn offer(&self, msg: M, carried: Option<Arc<dyn Carried>>, waker: Option<&Waker>)
    -> Offered<M>;
    fn poll_parked(&self, ticket: u64, waker: &Waker) -> Settled<M>;
    fn cancel(&self, ticket: u64) -> Withdrawn<M>;
}

/// What became of a message at the door, seen from its sender.
pub(crate) enum Offered<M> {
    Accepted,
    Full(M),
    Closed(M),
    /// It waits under this ticket; a narrowed reference gives a copy to keep.
    Parked(u64, Option<M>),
}

/// What became of a waiting message.
pub(crate) enum Settled<M> {
    Accepted,
    Waiting,
    /// Not taken; without the message where the sender kept a copy.
    Closed(Option<M>),
}

/// Whether a waiting message could be taken back.
pub(crate) enum Withdrawn<M> {
    TooLate,
    /// Without the message where the sender kept a copy.
    Yes(Option<M>),
}

struct Contramap<M, N, F> {
    to: ActorRef<M>,
    f: F,
    takes: std::marker::PhantomData<fn(N)>,
}

impl<M, N, F> Narrow<N> for Contramap<M, N, F>
where
    M: Send + 'static,
    N: Clone + Send + 'static,
    F: Fn(N) -> M + Send + Sync,
{
    fn slot(&self) -> Arc<dyn AnySlot> {
        self.to.any_arc()
    }

    fn slot_ref(&self) -> &dyn AnySlot {
        self.to.any()
    }

    fn offer(
        &self,
        msg: N,
        carried: Option<Arc<dyn Carried>>,
        waker: Option<&Waker>,
    ) -> Offered<N> {
        let copy = msg.clone();
        match self.to.offer((self.f)(msg), carried, waker) {
            Offered::Accepted => Offered::Accepted,
            Offered::Full(_) => Offered::Full(copy),
            Offered::Closed(_) => Offered::Closed(copy),
            Offered::Parked(ticket, _) => Offered::Parked(ticket, Some(copy)),
        }
    }

    fn poll_parked(&self, ticket: u64, waker: &Waker) -> Settled<N> {
        match self.to.poll_parked(ticket, waker) {
            Settled::Accepted => Settled::Accepted,
            Settled::Waiting => Settled::Waiting,
            Settled::Closed(_) => Settled::Closed(None),
        }
    }

    fn cancel(&self, ticket: u64) -> Withdrawn<N> {
        match self.to.cancel(ticket) {
            Withdrawn::TooLate => Withdrawn::TooLate,
            Withdrawn::Yes(_) => Withdrawn::Yes(None),
        }
    }
}

impl<M: Send + 'static> ActorRef<M> {
    pub(crate) fn from_slot(slot: Arc<Slot<M>>) -> Self {
        Self { to: To::Slot(slot) }
    }

    /// Offers a message; with a waker, a sender that finds no room waits.
    #[inline]
    pub(crate) fn offer(
        &self,
        msg: M,
        carried: Option<Arc<dyn Carried>>,
        waker: Option<&Waker>,
    ) -> Offered<M> {
        let slot = match &self.to {
            To::Slot(slot) => slot,
            To::Narrow(narrow) => return narrow.offer(msg, carried, waker),
        };
        let letter = Letter { msg, carried };
        match slot.queue.offer(letter, waker, || slot.now()) {
            Offer::Accepted => Offered::Accepted,
            other => Self::not_simply_accepted(slot, other),
        }
    }

    #[cold]
    fn not_simply_accepted(slot: &Slot<M>, offer: Offer<Letter<M>>) -> Offered<M> {
        match offer {
            Offer::Accepted => Offered::Accepted,
            Offer::Full(letter) => Offered::Full(letter.msg),
            Offer::Closed(letter) => Offered::Closed(letter.msg),
            Offer::Parked(ticket) => Offered::Parked(ticket, None),
            Offer::Displaced(letter, seq) => {
                slot.bury(letter, Some(seq), DeadReason::Overflow, Unanswered::Dropped);
                Offered::Accepted
            }
            Offer::Dropped(letter, seq) => {
                // Dropped in the sender's own call.
                let sender = scope::actor().map(|sender| sender.path().into());
                let (reason, why) = (DeadReason::Overflow, Unanswered::Dropped);
                slot.bury_from(sender, letter, Some(seq), reason, why);
                Offered::Accepted
            }
        }
    }

    pub(crate) fn poll_parked(&self, ticket: u64, waker: &Waker) -> Settled<M> {
        match &self.to {
            To::Slot(slot) => match slot.queue.poll_parked(ticket, waker) {
                Parked::Accepted => Settled::Accepted,
                Parked::Waiting => Settled::Waiting,
                Parked::Closed(letter) => Settled::Closed(Some(letter.msg)),
            },
            To::Narrow(narrow) => narrow.poll_parked(ticket, waker),
        }
    }

    /// Withdraws a waiting message.
    pub(crate) fn cancel(&self, ticket: u64) -> Withdrawn<M> {
        match &self.to {
            To::Slot(slot) => match slot.queue.cancel(ticket) {
                Some(letter) => Withdrawn::Yes(Some(letter.msg)),
                None => Withdrawn::TooLate,
            },
            To::Narrow(narrow) => narrow.cancel(ticket),
        }
    }

    pub(crate) fn any(&self) -> &dyn AnySlot {
        match &self.to {
            To::Slot(slot) => &**slot,
            To::Narrow(narrow) => narrow.slot_ref(),
        }
    }

    pub(crate) fn any_arc(&self) -> Arc<dyn AnySlot> {
        match &self.to {
            To::Slot(slot) => Arc::clone(slot) as Arc<dyn AnySlot>,
            To::Narrow(narrow) => narrow.slot(),
        }
    }

    /// Sends a message; waits for room while the mailbox is full.
    ///
    /// Messages of one sender arrive in the order of the futures' first polls.
    /// The future is a builder until then: [`Tell::priority`], [`Tell::ttl`].
    ///
    /// # Errors
    ///
    /// [`TellError::Closed`] when the actor has ended, [`TellError::Full`] when
    /// the mailbox refuses what it has no room for. Both hand the message back.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future while it waits for room withdraws the message. A
    /// message that has been given room stays sent, also where the future has
    /// not been polled since.
    #[doc(alias = "cast")]
    #[doc(alias = "send")]
    pub fn tell(&self, msg: M) -> Tell<'_, M> {
        Tell::new(self, msg)
    }

    /// Sends a message if there is room now.
    ///
    /// # Errors
    ///
    /// [`TryTellError::Full`] when there is no room, or somebody waits for it
    /// already; [`TryTellError::Closed`] when the actor has ended. Both hand
    /// the message back.
    pub fn try_tell(&self, msg: M) -> Result<(), TryTellError<M>> {
        match self.offer(msg, tell::inherited(None, self.any()), None) {
            Offered::Accepted => Ok(()),
            Offered::Closed(msg) => Err(TryTellError::Closed(msg)),
            Offered::Full(msg) => Err(TryTellError::Full(msg)),
            Offered::Parked(..) => unreachable!("without a waker nobody waits"),
        }
    }

    /// Sends a message from synchronous code; blocks the thread while the
    /// mailbox is full.
    ///
    /// Do not call it from async code: it would hold up every task of the
    /// thread.
    ///
    /// # Errors
    ///
    /// As [`ActorRef::tell`].
    pub fn tell_blocking(&self, msg: M) -> Result<(), TellError<M>> {
        super::blocking::block_on(self.tell(msg))
    }

    /// Asks a question: `make` builds the message around the right to answer.
    ///
    /// Waits for room like [`ActorRef::tell`], then for the answer, until the
    /// deadline: the system's default (5 s) unless [`Ask::deadline`] says
    /// otherwise, and never beyond the deadline of the request being handled.
    ///
    /// # Errors
    ///
    /// [`AskError`](super::errors::AskError). The question is handed back when
    /// it was never sent.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the answer; the handler can see that as
    /// [`Context::is_cancelled`](crate::actor::Context::is_cancelled).
    #[doc(alias = "call")]
    pub fn ask<R, F>(&self, make: F) -> Ask<'_, M, R, F>
    where
        R: Send + 'static,
        F: FnOnce(Reply<R>) -> M,
    {
        Ask::new(self, make)
    }

    /// Narrows the reference: the result takes an `N` and sends what `f` makes
    /// of it.
    ///
    /// It names the same actor, so it compares equal to every other reference
    /// to it. `N` is cloned for each send, to hand it back where the mailbox
    /// does not take it.
    pub fn contramap<N, F>(&self, f: F) -> ActorRef<N>
    where
        N: Clone + Send + 'static,
        F: Fn(N) -> M + Send + Sync + 'static,
    {
        ActorRef {
            to: To::Narrow(Arc::new(Contramap {
                to: self.clone(),
                f,
                takes: std::marker::PhantomData,
            })),
        }
    }

    /// A reference that does not keep the slot's memory.
    #[must_use]
    pub fn downgrade(&self) -> WeakRef<M> {
        WeakRef {
            to: match &self.to {
                To::Slot(slot) => WeakTo::Slot(Arc::downgrade(slot)),
                To::Narrow(narrow) => WeakTo::Narrow(Arc::downgrade(narrow)),
            },
        }
    }

    /// Resolves to the last incarnation's exit once the actor has ended for
    /// good.
    ///
    /// # Cancel safety
    ///
    /// It holds nothing; drop it at will.
    pub async fn closed(&self) -> Exit {
        let slot = self.any_arc();
        poll_fn(move |task| slot.poll_closed(task.waker())).await
    }

    /// Calls `watcher` when the actor has ended for good; at once if it has.
    ///
    /// The call is made on the task that ends the actor: keep it short. Actors
    /// watch with [`Context::watch`](crate::actor::Context::watch) instead.
    pub fn watch(&self, watcher: impl FnOnce(Down) + Send + 'static) -> WatchId {
        let id = WatchId::new();
        self.any().watch(id, Box::new(watcher));
        id
    }

    /// The changes of its declared state, from now on and over restarts.
    ///
    /// Bounded: whoever falls 64 changes behind loses the oldest, counted. It
    /// never slows the actor down, and costs nothing where nobody watches.
    /// Actors watch with
    /// [`Context::watch_state`](crate::actor::Context::watch_state) instead.
    #[must_use]
    pub fn watch_state(&self) -> Transitions {
        Transitions::of(self.any_arc())
    }

    /// Ends a watch. Nothing happens if it has fired.
    pub fn unwatch(&self, id: WatchId) {
        self.any().unwatch(id);
    }
}

impl<M: Send + 'static> ActorRef<M> {
    /// Asks the actor to end: it finishes the message in hand, runs its stop
    /// hook and exits `Normal`. A permanent child is then restarted. A stop
    /// that meets a crash goes with that life; watch it, or have its supervisor
    /// terminate it, where it must end for good.
    pub fn stop(&self) {
        self.any().stop(Exit::Normal);
    }

    /// Closes the mailbox to newcomers; the actor ends when it has handled what
    /// was accepted. Ends a pause.
    pub fn drain(&self) {
        self.any().drain();
    }

    /// Ends the incarnation now: what its handler awaits is dropped and no stop
    /// hook runs. Synchronous code cannot be interrupted.
    pub fn kill(&self) {
        self.any().kill();
    }

    /// Pauses the actor ([`Lifecycle::Maintenance`]): its mailbox fills and its
    /// overflow rule applies. It finishes the message in hand first.
    pub fn pause(&self) {
        self.any().pause();
    }

    /// Pauses the actor with another overflow rule for as long as the pause
    /// lasts: for example [`Overflow::Reject`], so that nobody waits for an actor
    /// in maintenance. [`ActorRef::resume`] brings the mailbox's own rule back.
    ///
    /// The rule is for newcomers that find no room. Those who wait for room
    /// already keep their places; only [`Overflow::DropOldest`] lets them in at
    /// once. What the actor has taken before it sees the pause counts as in its
    /// hand, which nothing displaces. On a paused actor it changes the rule.
    pub fn maintain(&self, overflow: Overflow) {
        self.any().maintain(overflow);
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.any().resume();
    }

    /// Whether the actor has ended for good, or is draining.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.any().is_open()
    }

    /// Its lifecycle state at this instant.
    #[must_use]
    pub fn state(&self) -> Lifecycle {
        self.any().state()
    }

    /// What its health checks found; `None` if its spec asks for none.
    #[must_use]
    pub fn health(&self) -> Option<Health> {
        let slot = self.any();
        Some(slot.health_book()?.health(slot.state()))
    }

    /// The books of its mailbox at this instant.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.any().counts()
    }

    /// Which life this is, from 0.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.any().incarnation()
    }

    /// How often it was restarted.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.any().restarts()
    }

    /// Identifies the actor, over restarts.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.any().id()
    }

    /// Its name among its siblings.
    #[must_use]
    pub fn name(&self) -> String {
        self.any().name()
    }

    /// The names from the system down to this actor, joined by `/`.
    #[must_use]
    pub fn path(&self) -> String {
        self.any().path()
    }
}

impl<M> Clone for ActorRef<M> {
    fn clone(&self) -> Self {
        Self {
            to: match &self.to {
                To::Slot(slot) => To::Slot(Arc::clone(slot)),
                To::Narrow(narrow) => To::Narrow(Arc::clone(narrow)),
            },
        }
    }
}

impl<M: Send + 'static> PartialEq for ActorRef<M> {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl<M: Send + 'static> Eq for ActorRef<M> {}

impl<M: Send + 'static> Hash for ActorRef<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl<M: Send + 'static> fmt::Debug for ActorRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActorRef({})", self.path())
    }
}

/// A reference that does not keep the slot's memory: for tables and caches that
/// outlive actors. That of a narrowed reference lasts as long as the narrowed
/// reference it was made from, or a clone of it.
pub struct WeakRef<M> {
    to: WeakTo<M>,
}

enum WeakTo<M> {
    Slot(Weak<Slot<M>>),
    Narrow(Weak<dyn Narrow<M>>),
}

impl<M> WeakRef<M> {
    /// The strong form, while anything still holds the slot.
    #[must_use]
    pub fn upgrade(&self) -> Option<ActorRef<M>> {
        Some(ActorRef {
            to: match &self.to {
                WeakTo::Slot(slot) => To::Slot(slot.upgrade()?),
                WeakTo::Narrow(narrow) => To::Narrow(narrow.upgrade()?),
            },
        })
    }
}

impl<M> Clone for WeakRef<M> {
    fn clone(&self) -> Self {
        Self {
            to: match &self.to {
                WeakTo::Slot(slot) => WeakTo::Slot(Weak::clone(slot)),
                WeakTo::Narrow(narrow) => WeakTo::Narrow(Weak::clone(narrow)),
            },
        }
    }
}

impl<M> fmt::Debug for WeakRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakRef")
    }
}
