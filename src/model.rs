//! Your own actors under loom: every order in which their threads can meet.
//!
//! Exists under `RUSTFLAGS="--cfg callboard_loom"` only. [`model`](crate::model())
//! runs a closure once for every order of events that matters. The actors in it
//! are real [`Actor`]s, each on a thread of its own, over the mailbox, the
//! references and the shell that ship.
//!
//! ```
//! use callboard::actor::{Actor, BoxError, Context, Reply};
//! use callboard::mailbox::Mailbox;
//!
//! #[derive(Default)]
//! struct Counter(u32);
//!
//! enum Command {
//!     Add(u32),
//!     Total(Reply<u32>),
//! }
//!
//! impl Actor for Counter {
//!     type Msg = Command;
//!     async fn handle(&mut self, msg: Command, _: &mut Context<Self>) -> Result<(), BoxError> {
//!         match msg {
//!             Command::Add(n) => self.0 += n,
//!             Command::Total(reply_to) => reply_to.send(self.0),
//!         }
//!         Ok(())
//!     }
//! }
//!
//! callboard::model(|stage| {
//!     let counter = stage.spawn(Counter::default, Mailbox::bounded(1));
//!     stage.thread({ let c = counter.clone(); move |t| t.tell(&c, Command::Add(1)) });
//!     stage.thread({ let c = counter.clone(); move |t| t.tell(&c, Command::Add(1)) });
//!     stage.finish();
//!     assert_eq!(stage.ask(&counter, Command::Total), 2);
//! });
//! ```
//!
//! # Questions
//!
//! *How large can a model be?* Five threads: the closure itself, its actors and
//! its threads. Two or three, with one or two messages each, find most bugs; the
//! number of orders grows very quickly.
//!
//! *Is every order tried?* Every one with at most two preemptions, which finds
//! nearly every bug and ends in reasonable time. `LOOM_MAX_PREEMPTIONS` sets
//! another bound. Nothing else ends a model early.
//!
//! *What happens when an actor panics?* The model fails. Panics are not caught
//! here, or a caught assertion would make a failing model look green; script a
//! crash as an error instead.
//!
//! *What does not exist here?* Time: the clock stands still, so no deadline ever
//! passes. Timers, tasks, names and supervisors: [`Stage::spawn_restarting`]
//! plays the supervisor.
//!
//! *What is checked without asking?* That nothing waits for ever, and that the
//! books of every mailbox balance in the end.

#[doc(hidden)]
pub mod internals;
#[doc(hidden)]
pub mod layers;

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use loom::future::block_on;
use loom::thread::{Builder, JoinHandle};

use crate::actor::core::admission::Admission;
use crate::actor::core::behaviour::Actor;
use crate::actor::core::dead_letter::DeadLetter;
use crate::actor::core::deadlines::Register;
use crate::actor::core::event::Event;
use crate::actor::core::exit::{BoxError, Exit};
use crate::actor::core::host::{Ended, Host, Overseer};
use crate::actor::core::refs::ActorRef;
use crate::actor::core::reply::Reply;
use crate::actor::core::shell::{Duty, Make, live};
use crate::actor::core::slot::{ActorId, AnySlot, Birth, Name, Place, Slot};
use crate::mailbox::{Counts, Mailbox};

/// loom's own limit, the thread of the closure included.
const MOST_THREADS: usize = 5;

/// Preemptions in one execution, where `LOOM_MAX_PREEMPTIONS` says nothing.
const PREEMPTIONS: usize = 2;

/// loom's default stack is 32 KiB, little for an actor in a debug build.
const STACK: usize = 256 * 1024;

/// Runs `scene` once for every order in which its threads can meet, and panics
/// where one of them fails.
///
/// When it returns, the actors are stopped, and the books of their mailboxes
/// are checked. See the [module](mod@crate::model) for the limits.
///
/// # Panics
///
/// When an assertion fails in any order, when something waits for ever, or when
/// a model is too large.
pub fn model<F>(scene: F)
where
    F: Fn(&mut Stage) + Send + Sync + 'static,
{
    let executions = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executions);
    let mut loom = loom::model::Builder::new();
    // Limits that would end a model green before it is complete.
    loom.max_duration = None;
    loom.max_permutations = None;
    loom.preemption_bound = loom.preemption_bound.or(Some(PREEMPTIONS));
    loom.check(move || {
        counted.fetch_add(1, Relaxed);
        play(&scene);
    });
    println!("model completed: {} executions", executions.load(Relaxed));
}

/// One execution.
fn play(scene: impl FnOnce(&mut Stage)) {
    let mut stage = Stage::new();
    scene(&mut stage);
    stage.end();
}

/// Where a model's actors and threads live. Handed to the closure of
/// [`model`](crate::model()).
pub struct Stage {
    host: Arc<Still>,
    caller: Caller,
    threads: Vec<JoinHandle<()>>,
    actors: Vec<(Arc<dyn AnySlot>, JoinHandle<()>)>,
    used: usize,
    is_over: Arc<AtomicBool>,
}

impl Stage {
    fn new() -> Self {
        Self {
            host: Arc::new(Still),
            caller: Caller(()),
            threads: Vec::new(),
            actors: Vec::new(),
            used: 1,
            is_over: Arc::default(),
        }
    }

    /// Starts an actor on a thread of its own. Once it has ended, in whichever
    /// way, it stays so.
    ///
    /// # Panics
    ///
    /// When the model has five threads already, or the mailbox no capacity.
    pub fn spawn<A: Actor>(
        &mut self,
        make: impl Fn() -> A + Send + Sync + 'static,
        mailbox: impl Into<Mailbox>,
    ) -> ActorRef<A::Msg> {
        self.spawn_restarting(make, mailbox, 0)
    }

    /// As [`Stage::spawn`], starting the actor again after an abnormal exit, at
    /// most this many times.
    ///
    /// # Panics
    ///
    /// As [`Stage::spawn`].
    pub fn spawn_restarting<A: Actor>(
        &mut self,
        make: impl Fn() -> A + Send + Sync + 'static,
        mailbox: impl Into<Mailbox>,
        at_most: u32,
    ) -> ActorRef<A::Msg> {
        let mailbox = mailbox.into();
        if let Err(invalid) = mailbox.validate() {
            panic!("{invalid}");
        }
        let name = Name::Numbered("actor".into(), self.actors.len() as u64 + 1);
        let slot = Arc::new(Slot::new(name, &mailbox, None));
        slot.settle_in(Arc::new(Place {
            host: Arc::clone(&self.host) as Arc<dyn Host>,
            parent: "model".into(),
        }));
        let to = ActorRef::from_slot(Arc::clone(&slot));
        let any = Arc::clone(&slot) as Arc<dyn AnySlot>;
        let make: Make<A> = Arc::new(make);
        let is_over = Arc::clone(&self.is_over);
        let thread = self.enter(move || supervise(&slot, &make, at_most, &is_over));
        self.actors.push((any, thread));
        to
    }

    /// Starts a thread that plays somebody outside: `act` tells, asks and stops.
    ///
    /// # Panics
    ///
    /// When the model has five threads already.
    pub fn thread<R>(&mut self, act: impl FnOnce(&Caller) -> R + Send + 'static) {
        let thread = self.enter(move || {
            act(&Caller(()));
        });
        self.threads.push(thread);
    }

    /// Waits until the threads given to [`Stage::thread`] have returned. Actors
    /// go on until the closure returns.
    pub fn finish(&mut self) {
        for thread in self.threads.drain(..) {
            thread.join().expect("a panic ends the whole model");
        }
    }

    /// As [`Caller::tell`].
    pub fn tell<M: Send + 'static>(&self, to: &ActorRef<M>, msg: M) {
        self.caller.tell(to, msg);
    }

    /// As [`Caller::ask`].
    pub fn ask<M, R>(&self, to: &ActorRef<M>, make: impl FnOnce(Reply<R>) -> M) -> R
    where
        M: Send + 'static,
        R: Send + 'static,
    {
        self.caller.ask(to, make)
    }

    /// As [`Caller::wait`].
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.caller.wait(future)
    }

    fn enter(&mut self, run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
        self.used += 1;
        assert!(
            self.used <= MOST_THREADS,
            "a model has at most {MOST_THREADS} threads: the closure itself, its actors and its threads",
        );
        Builder::new()
            .stack_size(STACK / size_of::<usize>())
            .spawn(run)
            .expect("loom starts every thread")
    }

    fn end(mut self) {
        self.finish();
        // Before the stops: a stop that meets a crash is forgotten with that
        // life, and the next one would not hear of it.
        self.is_over.store(true, Relaxed);
        for (slot, _) in &self.actors {
            slot.stop(Exit::Normal);
        }
        for (slot, thread) in self.actors {
            thread.join().expect("a panic ends the whole model");
            let counts = slot.counts();
            assert!(
                counts.is_conserved() && counts.queued + counts.in_hand == 0,
                "the books of {}: {counts}",
                slot.path(),
            );
        }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("actors", &self.actors.len())
            .field("threads", &self.threads.len())
            .finish()
    }
}

/// Somebody outside who tells and asks, and waits without a runtime.
#[derive(Debug)]
pub struct Caller(());

impl Caller {
    /// Sends a message; waits for room.
    ///
    /// # Panics
    ///
    /// When the message is refused. Where that is no mistake,
    /// [`wait`](Caller::wait) for [`ActorRef::tell`] instead.
    pub fn tell<M: Send + 'static>(&self, to: &ActorRef<M>, msg: M) {
        if let Err(refused) = self.wait(to.tell(msg)) {
            panic!("a message to {} was refused: {refused}", to.path());
        }
    }

    /// Asks a question; waits for the answer.
    ///
    /// # Panics
    ///
    /// When there is no answer. Where that is no mistake,
    /// [`wait`](Caller::wait) for [`ActorRef::ask`] instead.
    pub fn ask<M, R>(&self, to: &ActorRef<M>, make: impl FnOnce(Reply<R>) -> M) -> R
    where
        M: Send + 'static,
        R: Send + 'static,
    {
        match self.wait(to.ask(make)) {
            Ok(answer) => answer,
            Err(unanswered) => panic!("a question to {}: {unanswered}", to.path()),
        }
    }

    /// Waits for a future on this thread.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        block_on(future)
    }
}

/// The supervisor of a model: one incarnation after the other, then the end.
fn supervise<A: Actor>(
    slot: &Arc<Slot<A::Msg>>,
    make: &Make<A>,
    at_most: u32,
    is_over: &AtomicBool,
) {
    let report = Arc::new(Report::default());
    let mut left = at_most;
    let mut incarnation = 0;
    loop {
        let overseer = Arc::clone(&report) as Arc<dyn Overseer>;
        let duty = Duty::new(Arc::clone(slot), Some(overseer), 0, incarnation);
        block_on(live(duty, Arc::clone(make)));
        let exit = report.take();
        if exit.is_abnormal() && left > 0 && !is_over.load(Relaxed) {
            left -= 1;
            incarnation = slot.next_incarnation(Birth::Restart);
            continue;
        }
        slot.end(exit);
        return;
    }
}

/// How the last incarnation ended. Written and read on one thread, so loom has
/// nothing to see here.
#[derive(Default)]
struct Report(Mutex<Option<Exit>>);

impl Report {
    fn take(&self) -> Exit {
        let exit = self.0.lock().ok().and_then(|mut exit| exit.take());
        exit.expect("every incarnation reports its end")
    }
}

impl Overseer for Report {
    fn started(&self, _key: u64, _incarnation: u32) {}

    fn ended(&self, _key: u64, _incarnation: u32, ended: Ended) {
        let exit = match ended {
            Ended::Ignored => Exit::Normal,
            Ended::NotStarted(exit) | Ended::Exited(exit) => exit,
        };
        if let Ok(mut last) = self.0.lock() {
            *last = Some(exit);
        }
    }
}

/// A system in which time stands still and nobody listens.
#[derive(Debug)]
struct Still;

impl Host for Still {
    fn now(&self) -> Instant {
        static NOW: OnceLock<Instant> = OnceLock::new();
        #[expect(
            clippy::disallowed_methods,
            reason = "read once: the clock stands still"
        )]
        *NOW.get_or_init(Instant::now)
    }

    fn ask_deadline(&self) -> Option<Duration> {
        None
    }

    fn deadlines(&self) -> Option<&Register> {
        None
    }

    fn hurry_sweep(&self) {}

    fn dead_letter(&self, _letter: DeadLetter) {}

    fn count_late_reply(&self) {}

    fn has_listeners(&self) -> bool {
        false
    }

    fn emit(&self, _event: Event) {}

    fn register(
        &self,
        _slot: Arc<dyn AnySlot>,
        _admission: Option<&Admission>,
        _capabilities: Vec<Arc<str>>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    fn unregister(&self, _slot: &dyn AnySlot) {}

    fn remove_detached(&self, _id: ActorId, _at: u32) {}

    fn close_books(&self, _id: ActorId, _counts: Counts) {}

    fn as_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync> {
        self
    }
}
