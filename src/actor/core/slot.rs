//! The slot: what stays of an actor between its lives.
//!
//! Mailbox, name, books and watchers belong to the slot. An incarnation is a
//! task that borrows it; when the task ends, for whatever reason, the slot goes
//! on and the next incarnation finds it as it was.

use std::any::Any;
use std::fmt;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::time::Instant;

use super::admission::Admission;
use super::dead_letter::{DeadLetter, DeadReason};
use super::event::Event;
use super::exit::Exit;
use super::gate::Gate;
use super::health::{Checkup, HealthBook};
use super::host::{Ended, Host};
use super::life::{IllegalTransition, Lifecycle};
use super::request::Letter;
use super::scope;
use super::shell::catch;
use crate::mailbox::{Counts, Mailbox, Overflow, Queue, Unanswered, Word};
use crate::sync::atomic::AtomicU32;
use crate::sync::{Mutex, WakeList};

mod declared;
mod kept;

pub(crate) use declared::{CAPACITY as STATES_KEPT, News, Observer, Relay, Watched};
pub(crate) use kept::Kept;

static NEXT_ID: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

/// Identifies an actor for as long as the process lives. It stays the same
/// over restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActorId(u64);

impl ActorId {
    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A name, or a shared prefix and a number, so that a million siblings do not
/// own a million strings.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    Plain(Arc<str>),
    Numbered(Arc<str>, u64),
}

impl Name {
    /// Names are not empty and have no `/`, which separates them in paths.
    pub(crate) fn is_valid(&self) -> bool {
        match self {
            Self::Plain(name) => !name.is_empty() && !name.contains('/'),
            Self::Numbered(prefix, _) => !prefix.contains('/'),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(name) => f.write_str(name),
            Self::Numbered(prefix, n) => write!(f, "{prefix}-{n}"),
        }
    }
}

/// Where in a system an actor stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) host: Arc<dyn Host>,
    /// The path of the supervisor above.
    pub(crate) parent: Arc<str>,
}

/// A word for one actor, past any full queue.
pub(crate) enum Signal<M> {
    /// Finish the message in hand, then end this way.
    Stop(Exit),
    /// Put back what was taken; the queue is paused.
    Pause,
    /// A message that arrives whatever the queue looks like, for example that
    /// a watched actor has ended.
    Notice(M),
    /// A watched actor's state has changed: fetch what became of it.
    News(Arc<dyn News<M>>),
    /// Somebody asks whether the actor is well.
    Check(Arc<Checkup>),
}

/// What most actors are told, and only once, needs no heap.
impl<M> Word for Signal<M> {
    fn number(&self) -> Option<u32> {
        match self {
            Self::Stop(Exit::Normal) => Some(0),
            Self::Stop(Exit::Shutdown(None)) => Some(1),
            Self::Pause => Some(2),
            Self::Stop(_) | Self::Notice(_) | Self::News(_) | Self::Check(_) => None,
        }
    }

    fn numbered(number: u32) -> Self {
        match number {
            0 => Self::Stop(Exit::Normal),
            1 => Self::Stop(Exit::shutdown()),
            _ => Self::Pause,
        }
    }
}

impl<M> fmt::Debug for Signal<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop(_) => "Stop",
            Self::Pause => "Pause",
            Self::Notice(_) => "Notice",
            Self::News(_) => "News",
            Self::Check(_) => "Check",
        })
    }
}

/// What a watcher is told: the actor has ended for good.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Down {
    /// Who ended.
    pub id: ActorId,
    /// Its path.
    pub path: Arc<str>,
    /// How its last incarnation ended.
    pub exit: Exit,
}

pub(crate) type Watcher = Box<dyn FnOnce(Down) + Send>;

/// Identifies a watch, to end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatchId(u64);

/// How an actor ended for good, in little room: most ends say no more than
/// their kind.
#[derive(Default)]
enum End {
    #[default]
    NotYet,
    Normal,
    Shutdown,
    Killed,
    As(Box<Exit>),
}

impl End {
    fn new(exit: Exit) -> Self {
        match exit {
            Exit::Normal => Self::Normal,
            Exit::Shutdown(None) => Self::Shutdown,
            Exit::Killed => Self::Killed,
            other => Self::As(Box::new(other)),
        }
    }

    fn is_reached(&self) -> bool {
        !matches!(self, Self::NotYet)
    }

    fn exit(&self) -> Option<Exit> {
        match self {
            Self::NotYet => None,
            Self::Normal => Some(Exit::Normal),
            Self::Shutdown => Some(Exit::Shutdown(None)),
            Self::Killed => Some(Exit::Killed),
            Self::As(exit) => Some(Exit::clone(exit)),
        }
    }
}

/// How far an actor's present life is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// There is none, or its start hook is running.
    #[default]
    Down,
    /// Its start hook said ready.
    Up,
    /// It ends for good.
    Ending,
}

#[derive(Default)]
struct Life {
    state: Lifecycle,
    /// In maintenance: the state that the end of the pause brings back.
    beneath: Lifecycle,
    stage: Stage,
    is_registered: bool,
    /// Set once, when the actor has ended for good.
    end: End,
    /// Absent while nobody listens and nothing has gone wrong.
    rare: Option<Box<Rare>>,
}

#[derive(Default)]
struct Rare {
    last_error: Option<Exit>,
    wakers: WakeList,
    watchers: Vec<(WatchId, Watcher)>,
    /// Told of each change of state.
    observers: Vec<(WatchId, Arc<dyn Observer>)>,
    /// What the actor keeps for its next life.
    kept: Option<Kept>,
}

/// How often a message that crashes the actor is tried again, and how it is
/// copied.
pub(crate) struct Redelivery<M> {
    pub(crate) at_most: u32,
    pub(crate) copy: fn(&M) -> M,
    /// The sequence number that crashed last, and how often in a row.
    pub(crate) tries: Mutex<(Option<u64>, u32)>,
}

/// What the spec asks beyond the ordinary; absent for most actors.
pub(crate) struct Extras<M> {
    pub(crate) redelivery: Option<Redelivery<M>>,
    pub(crate) admission: Option<Admission>,
    pub(crate) health: Option<HealthBook>,
    pub(crate) gate: Option<Box<dyn Gate>>,
}

/// What stays of an actor between its lives.
pub(crate) struct Slot<M> {
    id: ActorId,
    pub(crate) queue: Queue<Letter<M>, Signal<M>>,
    name: Name,
    /// Siblings share theirs.
    place: OnceLock<Arc<Place>>,
    /// Counts the restarts, too. Only its overseer writes it, between lives.
    incarnation: AtomicU32,
    life: Mutex<Life>,
    pub(crate) extras: Option<Box<Extras<M>>>,
}

impl<M: Send + 'static> Slot<M> {
    pub(crate) fn new(name: Name, mailbox: &Mailbox, extras: Option<Box<Extras<M>>>) -> Self {
        Self {
            id: ActorId(NEXT_ID.fetch_add(1, Relaxed)),
            queue: Queue::new(mailbox),
            name,
            place: OnceLock::new(),
            incarnation: AtomicU32::new(0),
            life: Mutex::new(Life::default()),
            extras,
        }
    }

    /// Gives it a place in a system and wakes asks that waited for one. `false`
    /// if it has a place already.
    pub(crate) fn settle_in(&self, place: Arc<Place>) -> bool {
        if self.place.set(place).is_err() {
            return false;
        }
        self.wake_listeners();
        true
    }

    /// As [`Slot::settle_in`], for a slot that nobody else has seen yet, so
    /// there is nobody to wake.
    pub(crate) fn settle_alone(&self, place: Arc<Place>) {
        let _ = self.place.set(place);
    }

    pub(crate) fn capacity(&self) -> u32 {
        self.queue.capacity()
    }

    pub(crate) fn redelivery(&self) -> Option<&Redelivery<M>> {
        self.extras.as_ref()?.redelivery.as_ref()
    }

    pub(crate) fn admission(&self) -> Option<&Admission> {
        self.extras.as_ref()?.admission.as_ref()
    }

    // ---- letters that die here -----------------------------------------

    pub(crate) fn dead_letter(
        &self,
        reason: DeadReason,
        seq: Option<u64>,
        sender: Option<Arc<str>>,
    ) {
        let Some(place) = self.place.get() else {
            return;
        };
        place.host.dead_letter(DeadLetter {
            receiver: self.path().into(),
            sender,
            reason,
            message_type: std::any::type_name::<M>(),
            seq,
            at: place.host.now(),
        });
    }

    /// Dead-letters a message and ends the ask behind it at once.
    pub(crate) fn bury(
        &self,
        letter: Letter<M>,
        seq: Option<u64>,
        reason: DeadReason,
        why: Unanswered,
    ) {
        self.bury_from(None, letter, seq, reason, why);
    }

    /// As [`Slot::bury`], where the sender is known otherwise than from the
    /// letter.
    pub(crate) fn bury_from(
        &self,
        sender: Option<Arc<str>>,
        letter: Letter<M>,
        seq: Option<u64>,
        reason: DeadReason,
        why: Unanswered,
    ) {
        let sender = match &letter.carried {
            Some(carried) => {
                carried.fail(why);
                carried.meta().sender.as_ref().map(|s| s.path().into())
            }
            None => sender,
        };
        // A destructor that panics is no reason to lose the rest.
        let _ = catch(|| scope::drop_because(letter, why));
        self.dead_letter(reason, seq, sender);
    }

    // ---- life ----------------------------------------------------------

    /// The start hook is done: ready, unless it was paused meanwhile, or in its
    /// last life.
    pub(crate) fn set_ready(&self) {
        let change = {
            let mut life = self.life.lock();
            if life.stage == Stage::Down {
                life.stage = Stage::Up;
            }
            let to = if self.queue.is_paused() {
                life.beneath = Lifecycle::Ready;
                Lifecycle::Maintenance
            } else {
                Lifecycle::Ready
            };
            life.turn(to, || self.now())
        };
        self.announce(change);
    }

    pub(crate) fn set_state(&self, to: Lifecycle) {
        let change = self.life.lock().turn(to, || self.now());
        self.announce(change);
    }

    fn emit(&self, event: impl FnOnce(Arc<str>) -> Event) {
        if let Some(place) = self.place.get()
            && place.host.has_listeners()
        {
            place.host.emit(event(self.path().into()));
        }
    }

    /// Opens what [`AnySlot::end`] closed, with fresh books.
    pub(crate) fn revive(&self) {
        let mut life = self.life.lock();
        if std::mem::take(&mut life.end).is_reached() {
            life.stage = Stage::Down;
            life.is_registered = false;
            life.state = Lifecycle::Initializing;
            self.queue.reopen(|| self.now());
        }
    }

    pub(crate) fn mark_registered(&self) {
        self.life.lock().is_registered = true;
    }

    fn wake_listeners(&self) {
        let wakers = match &mut self.life.lock().rare {
            Some(rare) => std::mem::take(&mut rare.wakers),
            None => return,
        };
        wakers.wake();
    }

    fn down(&self, exit: Exit) -> Down {
        Down {
            id: self.id,
            path: self.path().into(),
            exit,
        }
    }
}

impl Life {
    fn listen(&mut self, waker: &Waker) {
        let wakers = &mut self.rare.get_or_insert_default().wakers;
        if !wakers.will_wake(waker) {
            wakers.push(waker.clone());
        }
    }
}

impl WatchId {
    pub(crate) fn new() -> Self {
        Self(NEXT_ID.fetch_add(1, Relaxed))
    }
}

impl<M> fmt::Debug for Slot<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<M: Send + 'static> Slot<M> {
    /// The end of an actor that nobody restarts: it oversees itself. `at` is
    /// where its system lists it.
    pub(crate) fn ended_alone(&self, at: u32, ended: Ended) {
        self.end(match ended {
            Ended::Ignored => Exit::Normal,
            Ended::NotStarted(exit) | Ended::Exited(exit) => exit,
        });
        if let Some(host) = self.host() {
            host.remove_detached(self.id, at);
        }
    }
}

/// A slot whose message type does not matter.
pub(crate) trait AnySlot: fmt::Debug + Send + Sync {
    fn id(&self) -> ActorId;
    fn name(&self) -> String;
    /// The names from the system down to this actor, joined by `/`.
    fn path(&self) -> String;
    fn host(&self) -> Option<&Arc<dyn Host>>;
    /// The system's clock, or the machine's where there is no system yet.
    fn now(&self) -> Instant;
    fn counts(&self) -> Counts;
    fn mailbox_capacity(&self) -> usize;
    fn state(&self) -> Lifecycle;
    /// Whether its present life is ready, whatever its state is called.
    fn is_up(&self) -> bool;
    fn incarnation(&self) -> u32;
    fn restarts(&self) -> u32;
    fn last_error(&self) -> Option<Exit>;
    fn exit(&self) -> Option<Exit>;
    fn is_open(&self) -> bool;

    /// Finish the message in hand, then end this way.
    fn stop(&self, exit: Exit);
    /// Finish the queue, then end.
    fn drain(&self);
    /// End now.
    fn kill(&self);
    fn is_killed(&self) -> bool;
    /// Registers the waker by which a kill reaches a start or stop hook.
    fn register(&self, waker: &Waker);
    fn pause(&self);
    /// As `pause`, with this overflow rule meanwhile.
    fn maintain(&self, overflow: Overflow);
    fn resume(&self);

    /// Begins the next incarnation; returns its number.
    fn next_incarnation(&self, is_restart: Birth) -> u32;
    /// The incarnation ended; the actor may be restarted.
    fn note_exit(&self, exit: &Exit);
    /// Ends it for good: closes the mailbox, dead-letters what is left, tells
    /// watchers.
    fn end(&self, exit: Exit);

    /// Resolves to the exit once the actor has ended for good.
    fn poll_closed(&self, waker: &Waker) -> Poll<Exit>;
    /// Resolves once the actor has a place in a system, or has ended.
    fn poll_placed(&self, waker: &Waker) -> Poll<()>;
    /// Calls `watcher` when the actor has ended for good; at once if it has.
    fn watch(&self, id: WatchId, watcher: Watcher);
    /// Ends a watch of either kind.
    fn unwatch(&self, id: WatchId);
    /// Tells `observer` of each change of state from here on, in order.
    fn observe(&self, id: WatchId, observer: Arc<dyn Observer>);
    /// The record of its health checks, where there are any.
    fn health_book(&self) -> Option<&HealthBook>;
    /// What stands at its door, where anything does.
    fn gate(&self) -> Option<&dyn Gate>;
    /// Asks whether it is well.
    fn check(&self, checkup: Arc<Checkup>);
    /// Changes the state of a ready actor; with a number, only of that life.
    fn declare(&self, to: Lifecycle, life: Option<u32>) -> Result<(), IllegalTransition>;
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// Whether an incarnation is the actor's first or follows another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Birth {
    First,
    Restart,
}

impl<M: Send + 'static> AnySlot for Slot<M> {
    fn id(&self) -> ActorId {
        self.id
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn path(&self) -> String {
        match self.place.get() {
            Some(place) if place.parent.is_empty() => self.name.to_string(),
            Some(place) => format!("{}/{}", place.parent, self.name),
            None => self.name.to_string(),
        }
    }

    fn host(&self) -> Option<&Arc<dyn Host>> {
        self.place.get().map(|p| &p.host)
    }

    fn now(&self) -> Instant {
        match self.place.get() {
            Some(place) => place.host.now(),
            #[expect(clippy::disallowed_methods, reason = "there is no system to ask yet")]
            None => Instant::now(),
        }
    }

    fn counts(&self) -> Counts {
        self.queue.counts()
    }

    fn mailbox_capacity(&self) -> usize {
        self.queue.capacity() as usize
    }

    fn state(&self) -> Lifecycle {
        let state = self.life.lock().state;
        if state == Lifecycle::Ready && self.queue.counts().in_hand > 0 {
            return Lifecycle::Busy;
        }
        state
    }

    fn is_up(&self) -> bool {
        self.life.lock().stage == Stage::Up
    }

    fn incarnation(&self) -> u32 {
        self.incarnation.load(Acquire)
    }

    fn restarts(&self) -> u32 {
        self.incarnation.load(Acquire)
    }

    fn last_error(&self) -> Option<Exit> {
        self.life.lock().rare.as_ref()?.last_error.clone()
    }

    fn exit(&self) -> Option<Exit> {
        self.life.lock().end.exit()
    }

    fn is_open(&self) -> bool {
        self.queue.is_open()
    }

    fn stop(&self, exit: Exit) {
        self.queue.signal(Signal::Stop(exit));
    }

    fn drain(&self) {
        // What was accepted is to be handled, so a pause ends here.
        AnySlot::resume(self);
        self.queue.drain();
    }

    fn kill(&self) {
        self.queue.kill();
    }

    fn is_killed(&self) -> bool {
        self.queue.is_killed()
    }

    fn register(&self, waker: &Waker) {
        self.queue.register(waker);
    }

    fn pause(&self) {
        let change = {
            let mut life = self.life.lock();
            if life.stage == Stage::Ending {
                return;
            }
            // Under one lock, so that state and queue agree whoever resumes.
            self.queue.pause();
            life.pause(|| self.now())
        };
        self.queue.signal(Signal::Pause);
        self.announce(change);
    }

    fn maintain(&self, overflow: Overflow) {
        let (displaced, change) = {
            let mut life = self.life.lock();
            if life.stage == Stage::Ending {
                return;
            }
            let displaced = self.queue.pause_with(overflow, || self.now());
            (displaced, life.pause(|| self.now()))
        };
        self.queue.signal(Signal::Pause);
        self.announce(change);
        for (letter, seq) in displaced {
            let (reason, why) = (DeadReason::Overflow, Unanswered::Dropped);
            self.bury(letter, Some(seq), reason, why);
        }
    }

    fn resume(&self) {
        let (consumer, change) = {
            let mut life = self.life.lock();
            // A crash may have hidden that the queue is paused; it must go on
            // all the same.
            let consumer = self.queue.resume();
            (consumer, life.resume(|| self.now()))
        };
        if let Some(consumer) = consumer {
            consumer.wake();
        }
        self.announce(change);
    }

    fn next_incarnation(&self, birth: Birth) -> u32 {
        if birth == Birth::First {
            return self.incarnation.load(Relaxed);
        }
        self.queue.end_drain(|| self.now());
        // Release pairs with the Acquire of whoever shows it.
        self.incarnation.fetch_add(1, Release) + 1
    }

    fn note_exit(&self, exit: &Exit) {
        let is_abnormal = exit.is_abnormal();
        let to = if is_abnormal {
            Lifecycle::Error
        } else {
            Lifecycle::Shutdown
        };
        let mut older = None;
        let change = {
            let mut life = self.life.lock();
            if is_abnormal {
                let last_error = &mut life.rare.get_or_insert_default().last_error;
                older = last_error.replace(exit.clone());
            } else {
                life.trust_kept();
            }
            if life.stage == Stage::Up {
                life.stage = Stage::Down;
            }
            life.turn(to, || self.now())
        };
        // An error of the user's, with a destructor of the user's.
        let _ = catch(|| drop(older));
        self.announce(change);
        self.emit(|path| {
            let (exit, incarnation) = (exit.clone(), self.incarnation());
            if is_abnormal {
                Event::Crashed {
                    path,
                    incarnation,
                    exit,
                }
            } else {
                Event::Stopped {
                    path,
                    incarnation,
                    exit,
                }
            }
        });
    }

    fn end(&self, exit: Exit) {
        let (is_registered, change) = {
            let mut life = self.life.lock();
            if std::mem::replace(&mut life.stage, Stage::Ending) == Stage::Ending {
                return;
            }
            let change = life.turn(Lifecycle::Shutdown, || self.now());
            (life.is_registered, change)
        };
        self.announce(change);
        for (letter, seq) in self.queue.close(|| self.now()) {
            self.bury(
                letter,
                Some(seq),
                DeadReason::Undelivered,
                Unanswered::Stopped,
            );
        }
        if let Some(place) = self.place.get() {
            if is_registered {
                place.host.unregister(self);
            }
            place.host.close_books(self.id, self.queue.counts());
        }
        // Last, so that whoever sees the exit sees closed books too.
        let listeners = {
            let mut life = self.life.lock();
            life.end = End::new(exit.clone());
            life.rare.as_mut().map(|rare| {
                let last_error = rare.last_error.take();
                let gone = std::mem::take(&mut **rare);
                rare.last_error = last_error;
                gone
            })
        };
        if let Some(rare) = listeners {
            for (_, watcher) in rare.watchers {
                let down = self.down(exit.clone());
                let _ = catch(|| watcher(down));
            }
            for (_, observer) in rare.observers {
                observer.over();
            }
            rare.wakers.wake();
            // Its destructor is the user's code.
            let _ = catch(|| drop(rare.kept));
        }
    }

    fn poll_closed(&self, waker: &Waker) -> Poll<Exit> {
        let mut life = self.life.lock();
        if let Some(exit) = life.end.exit() {
            return Poll::Ready(exit);
        }
        life.listen(waker);
        Poll::Pending
    }

    fn poll_placed(&self, waker: &Waker) -> Poll<()> {
        let mut life = self.life.lock();
        if self.place.get().is_some() || life.end.is_reached() {
            return Poll::Ready(());
        }
        life.listen(waker);
        Poll::Pending
    }

    fn watch(&self, id: WatchId, watcher: Watcher) {
        let mut life = self.life.lock();
        let Some(exit) = life.end.exit() else {
            let rare = life.rare.get_or_insert_default();
            rare.watchers.push((id, watcher));
            return;
        };
        drop(life);
        watcher(self.down(exit));
    }

    fn unwatch(&self, id: WatchId) {
        let (gone, observer) = {
            let mut life = self.life.lock();
            let Some(rare) = life.rare.as_mut() else {
                return;
            };
            let at = rare.watchers.iter().position(|(w, _)| *w == id);
            let gone = at.map(|at| rare.watchers.swap_remove(at));
            let at = rare.observers.iter().position(|(w, _)| *w == id);
            (gone, at.map(|at| rare.observers.swap_remove(at)))
        };
        drop(gone);
        if let Some((_, observer)) = observer {
            observer.left();
        }
    }

    fn observe(&self, id: WatchId, observer: Arc<dyn Observer>) {
        self.add_observer(id, observer);
    }

    fn health_book(&self) -> Option<&HealthBook> {
        self.extras.as_ref()?.health.as_ref()
    }

    fn gate(&self) -> Option<&dyn Gate> {
        self.extras.as_ref()?.gate.as_deref()
    }

    fn check(&self, checkup: Arc<Checkup>) {
        self.queue.signal(Signal::Check(checkup));
    }

    fn declare(&self, to: Lifecycle, life: Option<u32>) -> Result<(), IllegalTransition> {
        self.declare_state(to, life)
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}
