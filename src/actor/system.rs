//! The system: a value that owns a tree of actors and what they share.

use std::any::Any;
use std::fmt;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::core::admission::Admission;
use super::core::dead_letter::DeadLetter;
use super::core::deadlines::Register;
use super::core::event::Event;
use super::core::exit::BoxError;
use super::core::host::Host;
use super::core::refs::ActorRef;
use super::core::slot::{ActorId, AnySlot, Place};
use super::envelope::Log;
use super::feed::EventStream;
use super::observe::{DeadLetters, Hub, Office};
use super::registry::{Listing, Registry};
use crate::mailbox::Counts;
use crate::policy::budget::{BudgetState, RestartBudget};
use crate::policy::intensity::{Intensity, Verdict};
use crate::sync::Mutex;

/// Settings of a [`System`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SystemConfig {
    /// The deadline of an ask that names none. Default 5 s, as in OTP. `None`
    /// waits for ever.
    pub ask_deadline: Option<Duration>,
    /// How many dead letters are kept. Default 1,000.
    pub dead_letters: usize,
    /// How many events a subscriber may fall behind. Default 1,024.
    pub events: usize,
    /// Where randomness (jitter, choices) starts from. Default: the operating
    /// system's.
    pub seed: Option<u64>,
    /// How often the root supervisor restarts its children before it gives up,
    /// which ends the system. Default 100 in 5 s: the root's children have
    /// nothing to do with each other, so OTP's 1 in 5 s, the default of every
    /// other supervisor, would let two unrelated crashes end everything.
    pub intensity: Intensity,
    /// How many restarts all supervisors of the system make together. Default
    /// 100,000 at once, whole again in 60 s: no accident needs more, and a leaf
    /// that crashes for ever deep in a tree is stopped after a second, not after
    /// `(r + 1)` to the power of its depth lives. `None` is no limit.
    pub restart_budget: Option<RestartBudget>,
}

impl Default for SystemConfig {
    fn default() -> Self {
        Self {
            ask_deadline: Some(Duration::from_secs(5)),
            dead_letters: 1_000,
            events: 1_024,
            seed: None,
            intensity: Intensity::new(100, Duration::from_secs(5)),
            restart_budget: Some(RestartBudget::default()),
        }
    }
}

impl SystemConfig {
    /// The deadline of an ask that names none. Default 5 s.
    #[must_use]
    pub fn ask_deadline(mut self, within: Option<Duration>) -> Self {
        self.ask_deadline = within;
        self
    }

    /// How many dead letters are kept. Default 1,000.
    #[must_use]
    pub fn dead_letters(mut self, kept: usize) -> Self {
        self.dead_letters = kept;
        self
    }

    /// How many events a subscriber may fall behind. Default 1,024.
    #[must_use]
    pub fn events(mut self, kept: usize) -> Self {
        self.events = kept;
        self
    }

    /// How often the root supervisor restarts its children before it gives up,
    /// which ends the system. Default 100 in 5 s.
    #[must_use]
    pub fn intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.intensity = Intensity::new(max_restarts, period);
        self
    }

    /// How many restarts all supervisors of the system make together. Default
    /// 100,000 at once, whole again in 60 s; `None` is no limit.
    ///
    /// When it is spent, a child that fails is not restarted: its supervisor
    /// escalates, as if its own intensity were exceeded, and so does the one
    /// above, until a restart has come back or the root gives up, which ends
    /// the system.
    #[must_use]
    pub fn restart_budget(mut self, budget: impl Into<Option<RestartBudget>>) -> Self {
        self.restart_budget = budget.into();
        self
    }

    /// Where randomness starts from.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }
}

/// There is no tokio runtime here: start the system inside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRuntime;

impl fmt::Display for NoRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no tokio runtime here, use the system from inside one")
    }
}

impl std::error::Error for NoRuntime {}

/// What all actors of a system share. Floor 5 keeps the tree in `root`.
pub(crate) struct Kernel {
    name: Arc<str>,
    config: SystemConfig,
    register: Register,
    hurry: Arc<Notify>,
    is_over: AtomicBool,
    runtime: OnceLock<Handle>,
    hub: Hub,
    office: Office,
    registry: Registry,
    log: Log,
    random: Mutex<StdRng>,
    /// What floors above keep one of for each system.
    attached: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
    /// The books of mailboxes that have closed for good.
    closed: Sharded<Counts>,
    /// Actors without a supervisor.
    detached: Sharded<Detached>,
    root: Mutex<Option<Arc<dyn Tree>>>,
    /// Paths of those that a shutdown had to kill.
    killed: Mutex<Vec<String>>,
    restarts: AtomicU64,
    budget: Mutex<BudgetState>,
}

/// Actors that oversee themselves. Each knows where it is listed.
#[derive(Default)]
struct Detached {
    slots: Vec<Option<Arc<dyn AnySlot>>>,
    free: Vec<u32>,
    /// What they share. It holds the kernel, so it stays no longer than they.
    place: Option<Arc<Place>>,
}

impl Detached {
    fn add(&mut self, slot: Arc<dyn AnySlot>) -> u32 {
        if let Some(at) = self.free.pop() {
            self.slots[at as usize] = Some(slot);
            return at;
        }
        self.slots.push(Some(slot));
        u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 actors")
    }

    /// Hands out what is to be dropped without the lock.
    fn remove(&mut self, at: u32) -> (Option<Arc<dyn AnySlot>>, Option<Arc<Place>>) {
        let gone = self.slots.get_mut(at as usize).and_then(Option::take);
        if gone.is_some() {
            self.free.push(at);
        }
        if self.free.len() < self.slots.len() {
            return (gone, None);
        }
        if self.slots.len() > KEPT_ROOM {
            *self = Self {
                place: self.place.take(),
                ..Self::default()
            };
        }
        (gone, self.place.take())
    }
}

/// The room for so many actors is kept when the last one has ended.
const KEPT_ROOM: usize = 1_024;

/// Something that every worker writes to, in parts, so that they do not get into
/// each other's way: neither in its locks nor in the cache lines of its
/// neighbours.
#[derive(Default)]
struct Sharded<T>([Shard<T>; 8]);

#[derive(Default)]
#[repr(align(128))]
struct Shard<T>(Mutex<T>);

impl<T> Sharded<T> {
    fn of(&self, id: ActorId) -> &Mutex<T> {
        // The low bits of neighbours differ.
        &self.0[(id.get() % 8) as usize].0
    }

    fn all(&self) -> impl Iterator<Item = &Mutex<T>> {
        self.0.iter().map(|shard| &shard.0)
    }
}

/// A shutdown report names at most so many.
const MOST_KILLED: usize = 1_000;

impl Kernel {
    fn new(name: Arc<str>, config: SystemConfig) -> Self {
        let random = match config.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::seed_from_u64(seed_of_process()),
        };
        Self {
            register: Register::new(),
            hurry: Arc::new(Notify::new()),
            is_over: AtomicBool::new(false),
            runtime: OnceLock::new(),
            hub: Hub::new(config.events),
            office: Office::new(config.dead_letters),
            registry: Registry::default(),
            log: Log::default(),
            random: Mutex::new(random),
            attached: Mutex::default(),
            closed: Sharded::default(),
            detached: Sharded::default(),
            root: Mutex::new(None),
            killed: Mutex::new(Vec::new()),
            restarts: AtomicU64::new(0),
            budget: Mutex::new(BudgetState::new()),
            name,
            config,
        }
    }

    /// The runtime the system lives on: that of its first use.
    pub(crate) fn runtime(self: &Arc<Self>) -> Result<&Handle, NoRuntime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let here = Handle::try_current().map_err(|_| NoRuntime)?;
        Ok(self.runtime.get_or_init(|| {
            let hurry = Arc::clone(&self.hurry);
            // It ends with the kernel, whose drop notifies it.
            drop(here.spawn(sweep(Arc::downgrade(self), hurry)));
            here
        }))
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn config(&self) -> &SystemConfig {
        &self.config
    }

    /// A supervisor had to kill a child that did not end in time.
    pub(crate) fn note_killed(&self, path: &str) {
        if self.is_over() {
            let mut killed = self.killed.lock();
            if killed.len() < MOST_KILLED {
                killed.push(path.to_owned());
            }
        }
    }

    /// Takes one restart out of the system's budget, if one is left.
    pub(crate) fn take_restart(&self, now: Instant) -> Verdict {
        match &self.config.restart_budget {
            Some(budget) => self.budget.lock().take(now, budget),
            None => Verdict::Within,
        }
    }

    pub(crate) fn count_restart(&self) {
        self.restarts.fetch_add(1, Relaxed);
    }

    /// Those that were killed during the shutdown.
    pub(crate) fn take_killed(&self) -> Vec<String> {
        std::mem::take(&mut *self.killed.lock())
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The tree above all actors: floor 5 puts it here at first use, and takes
    /// it out at the end.
    pub(crate) fn root(&self) -> &Mutex<Option<Arc<dyn Tree>>> {
        &self.root
    }

    /// From here on nothing new is started, and the sweeper ends when nothing
    /// is pending. `false` if it was over already.
    pub(crate) fn finish(&self) -> bool {
        let first = !self.is_over.swap(true, AcqRel);
        self.hurry.notify_one();
        first
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Acquire)
    }

    /// Takes in an actor without a supervisor; returns its place, and where it
    /// is listed.
    pub(crate) fn add_detached(self: &Arc<Self>, slot: Arc<dyn AnySlot>) -> (Arc<Place>, u32) {
        let mut detached = self.detached.of(slot.id()).lock();
        let at = detached.add(slot);
        let place = detached.place.get_or_insert_with(|| {
            Arc::new(Place {
                host: Arc::clone(self) as Arc<dyn Host>,
                parent: Arc::clone(&self.name),
            })
        });
        (Arc::clone(place), at)
    }

    pub(crate) fn detached(&self) -> Vec<Arc<dyn AnySlot>> {
        let mut all = Vec::new();
        for shard in self.detached.all() {
            all.extend(shard.lock().slots.iter().flatten().cloned());
        }
        all.sort_by_key(|slot| slot.id());
        all
    }

    pub(crate) fn closed_counts(&self) -> Counts {
        let mut sum = Counts::default();
        for shard in self.closed.all() {
            sum += *shard.lock();
        }
        sum
    }

    /// The one thing of this type that goes with this system, made at the first
    /// call. A handful of types, so they are looked through one by one.
    pub(crate) fn attached<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut attached = self.attached.lock();
        let there = attached.iter().find(|one| (***one).is::<T>());
        if let Some(there) = there.map(Arc::clone)
            && let Ok(there) = there.downcast()
        {
            return there;
        }
        let made = Arc::new(make());
        attached.push(Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        made
    }

    /// A number in `[0, 1)` from the system's seed.
    pub(crate) fn random(&self) -> f64 {
        self.random.lock().random()
    }
}

/// Different for each process and each system in it, and the only place where
/// randomness does not come from a seed.
pub(crate) fn seed_of_process() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0_u64)
}

/// The clock seam: tokio's clock, which a test can pause.
pub(crate) fn clock() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Sleeps until the earliest deadline could be due, sweeps, and sleeps again.
async fn sweep(kernel: Weak<Kernel>, hurry: Arc<Notify>) {
    loop {
        let next = match kernel.upgrade() {
            Some(kernel) => {
                let next = kernel.register.sweep(clock());
                if next.is_none() && kernel.is_over() {
                    return;
                }
                next
            }
            None => return,
        };
        match next {
            Some(at) => {
                // An earlier deadline goes first: the sweep is planned anew.
                tokio::select! {
                    biased;
                    () = hurry.notified() => {}
                    () = tokio::time::sleep_until(at.into()) => {}
                }
            }
            None => hurry.notified().await,
        }
    }
}

impl Host for Kernel {
    fn now(&self) -> Instant {
        clock()
    }

    fn ask_deadline(&self) -> Option<Duration> {
        self.config.ask_deadline
    }

    fn deadlines(&self) -> Option<&Register> {
        Some(&self.register)
    }

    fn hurry_sweep(&self) {
        self.hurry.notify_one();
    }

    fn dead_letter(&self, letter: DeadLetter) {
        if self.hub.has_listeners() {
            self.hub.emit(Event::DeadLetter(letter.clone()));
        }
        self.office.keep(letter);
    }

    fn count_late_reply(&self) {
        self.office.count_late_reply();
    }

    fn has_listeners(&self) -> bool {
        self.hub.has_listeners()
    }

    fn emit(&self, event: Event) {
        self.hub.emit(event);
    }

    fn register(
        &self,
        slot: Arc<dyn AnySlot>,
        admission: Option<&Admission>,
        capabilities: Vec<Arc<str>>,
    ) -> Result<(), BoxError> {
        self.registry.register(slot, admission, capabilities)
    }

    fn look_after(&self, slot: &Arc<dyn AnySlot>) -> Option<Box<dyn Any + Send + Sync>> {
        super::health::look_after(slot)
    }

    fn unregister(&self, slot: &dyn AnySlot) {
        self.registry.unregister(slot.id());
    }

    fn remove_detached(&self, id: ActorId, at: u32) {
        let gone = self.detached.of(id).lock().remove(at);
        drop(gone);
    }

    fn close_books(&self, id: ActorId, counts: Counts) {
        *self.closed.of(id).lock() += counts;
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.hurry.notify_one();
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kernel({})", self.name)
    }
}

/// Ends the tree when the last outside handle is dropped.
struct Outside {
    kernel: Arc<Kernel>,
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.kernel.finish();
        let root = self.kernel.root.lock().take();
        if let Some(root) = root {
            root.kill();
        }
        for slot in self.kernel.detached() {
            slot.kill();
        }
    }
}

/// The tree of floor 5, as this floor sees it.
pub(crate) trait Tree: Send + Sync {
    /// Ends it now; the last outside handle is gone.
    fn kill(&self);
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// A tree of supervised actors and what they share: names, events, dead
/// letters, a clock, a source of randomness.
///
/// It is a value, not a global: a test makes its own. A handle is cheap to
/// make and to clone; the tree starts at first use, on the tokio runtime found
/// there. Dropping the last handle outside the tree ends the tree at once;
/// [`System::shutdown`](crate::actor::System::shutdown) ends it in order.
#[derive(Clone)]
pub struct System {
    kernel: Arc<Kernel>,
    /// `None` for handles that actors got from their context.
    #[expect(dead_code, reason = "held for its drop")]
    outside: Option<Arc<Outside>>,
}

impl System {
    /// A system of this name, with the default settings.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self::with(name, SystemConfig::default())
    }

    /// A system of this name, with these settings.
    #[must_use]
    pub fn with(name: impl Into<Arc<str>>, config: SystemConfig) -> Self {
        let kernel = Arc::new(Kernel::new(name.into(), config));
        Self {
            outside: Some(Arc::new(Outside {
                kernel: Arc::clone(&kernel),
            })),
            kernel,
        }
    }

    /// A handle that does not keep the tree alive.
    pub(crate) fn inside(kernel: Arc<Kernel>) -> Self {
        Self {
            kernel,
            outside: None,
        }
    }

    pub(crate) fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }

    /// Its name: the first part of every path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.kernel.name()
    }

    /// What happens to its actors, from now on. Each subscriber has its own
    /// bounded view; one that falls behind loses the oldest events, counted.
    #[must_use]
    pub fn events(&self) -> EventStream {
        self.kernel.hub.subscribe()
    }

    /// The newest dead letters, and how many there were.
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        self.kernel.office.snapshot()
    }

    /// The actor registered under this name, if it takes messages of this type.
    #[must_use]
    pub fn find<M: Send + 'static>(&self, name: &str) -> Option<ActorRef<M>> {
        self.kernel.registry.find(name)
    }

    /// The members of a group that take messages of this type, in the order in
    /// which they became ready.
    #[must_use]
    pub fn group<M: Send + 'static>(&self, group: &str) -> Vec<ActorRef<M>> {
        self.kernel.registry.group(group)
    }

    /// The actors that declared a capability and take messages of this type.
    #[must_use]
    pub fn capable<M: Send + 'static>(&self, capability: &str) -> Vec<ActorRef<M>> {
        self.kernel.registry.capable(capability)
    }

    /// How every findable actor can be found, by path.
    #[must_use]
    pub fn listings(&self) -> Vec<Listing> {
        self.kernel.registry.listings()
    }

    /// Restarts by all of its supervisors so far.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.kernel.restarts.load(Relaxed)
    }

    /// The system's clock: it follows a paused or simulated clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        clock()
    }

    /// A number in `[0, 1)`, from the system's seed.
    #[must_use]
    pub fn random(&self) -> f64 {
        self.kernel.random()
    }

    /// Whether [`System::shutdown`](crate::actor::System::shutdown) was called
    /// or the last outside handle is gone.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.kernel.is_over()
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "System({})", self.kernel.name)
    }
}
