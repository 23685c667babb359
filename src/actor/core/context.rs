//! What a hook can do besides answering.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::behaviour::{Actor, Checkpointed};
use super::budget::Spending;
use super::exit::Exit;
use super::life::{IllegalTransition, Lifecycle, Transition};
use super::refs::ActorRef;
use super::request::Request;
use super::scope;
use super::slot::{ActorId, AnySlot, Down, Kept, Observer, Relay, Signal, Slot, WatchId};

/// What an incarnation owns besides its state; dropped with it.
#[derive(Default)]
pub(crate) struct Belongings {
    /// Watches to be ended, with whom they watch.
    watches: Vec<(WatchId, Arc<dyn AnySlot>)>,
    /// Timers and tasks that must not outlive the incarnation.
    owned: Vec<(WatchId, Box<dyn std::any::Any + Send + Sync>)>,
    /// Who looks after the actor's health, to be dropped.
    carer: Option<Box<dyn std::any::Any + Send + Sync>>,
    /// How the hook asked it to end.
    exit: Option<Exit>,
}

impl Drop for Belongings {
    fn drop(&mut self) {
        for (id, watched) in &self.watches {
            watched.unwatch(*id);
        }
    }
}

/// The actor's side of the runtime, handed to every hook.
pub struct Context<A: Actor> {
    slot: Arc<Slot<A::Msg>>,
    /// Absent for an actor that owns nothing, which is most of them.
    belongings: Option<Box<Belongings>>,
}

impl<A: Actor> Context<A> {
    pub(crate) fn new(slot: Arc<Slot<A::Msg>>) -> Self {
        Self {
            slot,
            belongings: None,
        }
    }

    pub(crate) fn slot(&self) -> &Arc<Slot<A::Msg>> {
        &self.slot
    }

    pub(crate) fn take_exit(&mut self) -> Option<Exit> {
        self.belongings.as_mut()?.exit.take()
    }

    /// Keeps something that ends, by being dropped, with the incarnation.
    pub(crate) fn own(&mut self, id: WatchId, thing: Box<dyn std::any::Any + Send + Sync>) {
        self.belongings
            .get_or_insert_default()
            .owned
            .push((id, thing));
    }

    /// Has the actor's health checked, if its spec says so.
    pub(crate) fn begin_checks(&mut self) {
        if self.slot.health_book().is_some()
            && let Some(host) = self.slot.host()
            && let Some(carer) = host.look_after(&(Arc::clone(&self.slot) as Arc<dyn AnySlot>))
        {
            self.belongings.get_or_insert_default().carer = Some(carer);
        }
    }

    /// The loop has ended, and answers no check. Whoever ended it for its health
    /// sees to it that the stop hook ends too.
    pub(crate) fn end_checks(&mut self) {
        if let Some(belongings) = &mut self.belongings
            && let Some(book) = self.slot.health_book()
            && !book.is_sentenced()
        {
            belongings.carer = None;
        }
    }

    /// Drops what was kept under this id, and whatever `is_over`.
    pub(crate) fn disown(&mut self, id: WatchId) {
        if let Some(belongings) = &mut self.belongings {
            belongings.owned.retain(|(kept, _)| *kept != id);
        }
    }

    /// Drops what is over; called before something new is kept, so that a long
    /// life does not gather finished timers.
    pub(crate) fn sweep_owned(&mut self, is_over: impl Fn(&dyn std::any::Any) -> bool) {
        if let Some(belongings) = &mut self.belongings {
            belongings.owned.retain(|(_, thing)| !is_over(&**thing));
        }
    }

    /// A reference to this actor.
    #[must_use]
    #[doc(alias = "self_ref")]
    pub fn myself(&self) -> ActorRef<A::Msg> {
        ActorRef::from_slot(Arc::clone(&self.slot))
    }

    /// Identifies this actor, over restarts.
    #[must_use]
    pub fn id(&self) -> ActorId {
        self.slot.id()
    }

    /// Its name among its siblings.
    #[must_use]
    pub fn name(&self) -> String {
        self.slot.name()
    }

    /// The names from the system down to this actor, joined by `/`.
    #[must_use]
    pub fn path(&self) -> String {
        self.slot.path()
    }

    /// Which life this is, from 0.
    #[must_use]
    pub fn incarnation(&self) -> u32 {
        self.slot.incarnation()
    }

    /// The system's clock: it follows a paused or simulated clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.slot.now()
    }

    /// Holds the mailbox until it is released, also over restarts: what is queued
    /// waits, and senders behind it; notices of the system lane still come. A
    /// pause from outside is another matter, and neither ends the other.
    pub(crate) fn hold_mailbox(&self) {
        self.slot.queue.hold();
        // What the shell has taken already goes back to the front.
        self.slot.queue.signal(Signal::Pause);
    }

    /// Ends what [`Context::hold_mailbox`] began.
    pub(crate) fn release_mailbox(&self) {
        if let Some(consumer) = self.slot.queue.release() {
            consumer.wake();
        }
    }

    /// Ends the actor with [`Exit::Normal`] when the current hook returns. The
    /// messages that are left stay for the next incarnation, or become dead
    /// letters.
    pub fn stop(&mut self) {
        self.exit(Exit::Normal);
    }

    /// Ends the actor with this exit when the current hook returns.
    pub fn exit(&mut self, exit: Exit) {
        self.belongings.get_or_insert_default().exit = Some(exit);
    }

    /// The request being handled, to take along to another task.
    #[must_use]
    pub fn request(&self) -> Request {
        Request::new(scope::request())
    }

    /// When nobody waits for the outcome of this message any more.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.request().deadline()
    }

    /// What was used of the budget of this message's request, where it has one.
    #[must_use]
    pub fn spending(&self) -> Option<Spending> {
        self.request().spending().cloned()
    }

    /// Whether the asker of this message gave up, or ran out of time.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.request().is_cancelled()
    }

    /// Tells this actor, once, when another has ended for good.
    ///
    /// `make` turns the news into a message. It takes the system lane: no full
    /// mailbox and no overflow rule can touch it, and it does not count in the
    /// mailbox's books. It arrives at once if the other has ended already, and
    /// never after this incarnation.
    #[doc(alias = "monitor")]
    pub fn watch<N: Send + 'static>(
        &mut self,
        other: &ActorRef<N>,
        make: impl FnOnce(Down) -> A::Msg + Send + 'static,
    ) -> WatchId {
        let id = WatchId::new();
        let me = Arc::downgrade(&self.slot);
        other.any().watch(
            id,
            Box::new(move |down| {
                if let Some(me) = me.upgrade() {
                    me.queue.signal(Signal::Notice(make(down)));
                }
            }),
        );
        self.note_watch(id, other.any_arc());
        id
    }

    /// Tells this actor of each change of another's declared state, from now on
    /// and over restarts, in order.
    ///
    /// `make` turns the news into a message, on this actor's own task. It takes
    /// the system lane: no full mailbox and no overflow rule can touch it, and it
    /// does not count in the mailbox's books. An actor that falls 64 changes
    /// behind loses the oldest; [`Transition::missed`] says how many.
    ///
    /// The last change is the one to [`Lifecycle::Shutdown`], though a permanent
    /// actor may come back from it. [`Context::unwatch`] ends the watch, as does
    /// the end of this incarnation. Nothing comes from an actor that has ended
    /// for good.
    pub fn watch_state<N: Send + 'static>(
        &mut self,
        other: &ActorRef<N>,
        make: impl Fn(Transition) -> A::Msg + Send + Sync + 'static,
    ) -> WatchId {
        let id = WatchId::new();
        let relay = Relay::new(Arc::downgrade(&self.slot), make);
        other.any().observe(id, relay as Arc<dyn Observer>);
        self.note_watch(id, other.any_arc());
        id
    }

    fn note_watch(&mut self, id: WatchId, other: Arc<dyn AnySlot>) {
        let watches = &mut self.belongings.get_or_insert_default().watches;
        watches.retain(|(_, watched)| watched.exit().is_none());
        watches.push((id, other));
    }

    /// Declares a state: [`Lifecycle::Busy`], [`Lifecycle::Error`], or
    /// [`Lifecycle::Ready`] again. It holds until the next one is declared, or
    /// something else changes it (a pause, a health check, a crash), and is
    /// announced like any other.
    ///
    /// While the actor is paused it is what it will be after the pause.
    ///
    /// # Errors
    ///
    /// [`IllegalTransition`]: start and stop hooks declare nothing, other states
    /// are nobody's to declare, and an actor in error is ready before it is busy.
    pub fn declare(&self, state: Lifecycle) -> Result<(), IllegalTransition> {
        self.slot.declare(state, None)
    }

    /// Ends a watch. Nothing happens if it has fired.
    #[doc(alias = "demonitor")]
    pub fn unwatch(&mut self, id: WatchId) {
        if let Some(belongings) = &mut self.belongings
            && let Some(at) = belongings.watches.iter().position(|(w, _)| *w == id)
        {
            let (_, watched) = belongings.watches.swap_remove(at);
            watched.unwatch(id);
        }
    }
}

impl<A: Checkpointed> Context<A> {
    /// Keeps this for the next life, in place of what was kept before. See
    /// [`Checkpointed`].
    pub fn keep(&self, checkpoint: A::Checkpoint) {
        self.slot.keep(Kept::new::<A>(checkpoint));
    }

    /// Forgets what was kept: the next life begins afresh.
    pub fn forget_kept(&self) {
        self.slot.forget_kept();
    }
}

impl<A: Actor> fmt::Debug for Context<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({})", self.path())
    }
}
