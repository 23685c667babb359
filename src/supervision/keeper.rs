//! The keeper: a ractor actor that carries out a restart plan.
//!
//! ```text
//!  commands ─┐                      ┌─▶ launch, stop, kill children
//!  ends ─────┼─▶ inbox ─▶ plan ─▶ effects ─▶ answers
//!  alarm ────┘     ▲                └─▶ close mailboxes, tell watchers
//!                  └ ractor message: a plain u64 that says "look"
//! ```
//!
//! Commands and news wait in our own inbox, bounded by a permit per command and
//! by one entry per child; the ractor message is a wake-up, of which at most
//! one is under way. Nothing here ever waits for a child, so a command is
//! answered within one turn whatever the children do.
//!
//! *Whose turn is it?* Most news concerns one child. While nothing is before it
//! and the keeper runs, it is decided and done where it is, under the keeper's
//! turn; what meets a busy keeper waits in the inbox ([`Turns`]). A supervisor's
//! own start and end always go through its ractor mailbox.
//!
//! *When the keeper dies* its state is dropped, by whatever means it died, and
//! the drop kills every child. The death is reported upwards only when the
//! last child has ended, so no slot ever has two incarnations.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use ractor::{ActorProcessingErr, ActorRef as RactorRef, ActorStatus, SupervisionEvent};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use super::errors::StartFailed;
use super::launch::{Launch, Nest};
use super::plan::{
    Answer, ChildChange, Effect, Effects, End, Key, Manner, Plan, Shape, Status, SupervisorChange,
    Token, Waste, Why,
};
use super::turn::{Decide, Turns};
use crate::actor::core::host::{Ended, Host, Overseer};
use crate::actor::core::shell::catch;
use crate::actor::core::slot::{ActorId, AnySlot, Birth, Place, Slot};
use crate::actor::system::{Kernel, clock};
use crate::actor::time::spawn_owned;
use crate::actor::{BoxError, Event, Exit, Policy, Started};
use crate::sync::Mutex;

/// Room for so many actions is kept from turn to turn.
const LARGEST_TURN: usize = 64;

/// Commands that may wait to be looked at by one supervisor.
const COMMANDS: usize = 1_024;

/// What the keeper looks at when it is woken.
pub(crate) enum Input {
    Boot,
    Add(Arc<dyn Launch>, Policy, Token),
    Terminate(Key, Token),
    Restart(Key, Token),
    Delete(Key, Token),
    Reconfigure(Box<SupervisorChange>, Token),
    ReconfigureChild(Key, Box<ChildChange>, Token),
    Replace(Key, Arc<dyn Launch>, Token),
    Cycle(Key, Token),
    Drain(Key, Option<Instant>, Token),
    ShutDown(Exit, Manner),
    Started(Key),
    Ended(Key, Ended),
    Tick,
    GoOn,
}

impl Input {
    /// Whether a caller waits for its answer, and took a permit for it.
    fn is_command(&self) -> bool {
        match self {
            Self::Add(..)
            | Self::Terminate(..)
            | Self::Restart(..)
            | Self::Delete(..)
            | Self::Reconfigure(..)
            | Self::ReconfigureChild(..)
            | Self::Replace(..)
            | Self::Cycle(..)
            | Self::Drain(..) => true,
            Self::Boot
            | Self::ShutDown(..)
            | Self::Started(_)
            | Self::Ended(..)
            | Self::Tick
            | Self::GoOn => false,
        }
    }
}

/// What a supervisor does before it starts its children.
pub(crate) type Init = Arc<dyn Fn() -> Result<Started, BoxError> + Send + Sync>;

/// One incarnation of a supervisor.
pub(crate) struct Keep {
    me: Weak<Keep>,
    pub(crate) slot: Arc<Slot<()>>,
    path: Arc<str>,
    /// Where its children stand.
    place: Arc<Place>,
    pub(crate) kernel: Arc<Kernel>,
    core: Mutex<Core>,
    turns: Turns<Input, Turn>,
    permits: Semaphore,
    cell: OnceLock<RactorRef<u64>>,
    /// Whom its own start and end are reported to.
    overseer: Arc<dyn Overseer>,
    key: Key,
    incarnation: u32,
    init: Option<Init>,
}

pub(crate) struct Core {
    pub(crate) plan: Plan<Arc<dyn Launch>>,
    answers: BTreeMap<Token, oneshot::Sender<Answer>>,
    next_token: Token,
    names: Option<HashMap<String, Key>>,
    alarm: Option<(Instant, JoinHandle<()>)>,
    is_dead: bool,
    /// Children that were alive when it died, and are not gone yet.
    living: usize,
    /// How it ended, once that is known.
    verdict: Option<Ended>,
    has_reported: bool,
}

/// Room for what one turn decides, used again and again.
#[derive(Default)]
pub(crate) struct Turn {
    effects: Effects<Arc<dyn Launch>>,
    actions: Vec<Action>,
}

/// What to do once the lock is released.
enum Action {
    Launch(Arc<dyn Launch>, Key, Why, bool),
    Stop(Arc<dyn Launch>),
    Drain(Arc<dyn Launch>, Option<Instant>),
    Kill(Arc<dyn Launch>),
    Shut(Arc<dyn Launch>),
    End(Arc<dyn Launch>, Exit),
    Answer(oneshot::Sender<Answer>, Answer),
    GoOn,
    Booted,
    Escalate(Exit),
    Finished,
    Drop(Waste<Arc<dyn Launch>>),
}

impl Keep {
    pub(crate) fn new(
        slot: Arc<Slot<()>>,
        kernel: Arc<Kernel>,
        plan: Plan<Arc<dyn Launch>>,
        init: Option<Init>,
        overseer: Arc<dyn Overseer>,
        key: Key,
        incarnation: u32,
    ) -> Arc<Self> {
        // Dynamic children may have the same name.
        let names = match plan.shape() {
            Shape::Ordered => Some(
                plan.members()
                    .map(|(key, member)| (member.child.slot().name(), key))
                    .collect(),
            ),
            Shape::Dynamic => None,
        };
        let path: Arc<str> = slot.path().into();
        let place = Arc::new(Place {
            host: Arc::clone(&kernel) as Arc<dyn Host>,
            parent: Arc::clone(&path),
        });
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            slot,
            path,
            place,
            kernel,
            core: Mutex::new(Core {
                plan,
                answers: BTreeMap::new(),
                next_token: 0,
                names,
                alarm: None,
                is_dead: false,
                living: 0,
                verdict: None,
                has_reported: false,
            }),
            turns: Turns::new(Input::Boot, Turn::default()),
            permits: Semaphore::new(COMMANDS),
            cell: OnceLock::new(),
            overseer,
            key,
            incarnation,
            init,
        })
    }

    fn arc(&self) -> Arc<Self> {
        self.me.upgrade().expect("a keeper is used through its Arc")
    }

    /// Starts the ractor actor behind it.
    pub(crate) fn start(self: &Arc<Self>, link: Option<ractor::ActorCell>) {
        let guard = Guard {
            keep: Arc::clone(self),
            is_begun: false,
        };
        let started = match link {
            Some(parent) => {
                ractor::ActorRuntime::<Keeper>::spawn_linked_instant(None, Keeper, guard, parent)
            }
            None => ractor::ActorRuntime::<Keeper>::spawn_instant(None, Keeper, guard),
        };
        // Without a name nothing can be taken, so there is no other error; and
        // the guard, dropped with it, would report the end.
        if let Ok((cell, _)) = started {
            let _ = self.cell.set(cell);
            self.turns.wake(&**self);
        }
    }

    fn cell(&self) -> Option<&ractor::ActorCell> {
        self.cell.get().map(|cell| &**cell)
    }

    /// Ends the ractor actor as ractor's own kill does.
    pub(crate) fn kill_keeper(&self) {
        if let Some(cell) = self.cell.get() {
            cell.kill();
        }
    }

    pub(crate) fn push(&self, input: Input) {
        self.turns.push(input, self);
    }

    fn answer(&self, token: Token, answer: Answer) {
        let waiting = self.core.lock().answers.remove(&token);
        if let Some(waiting) = waiting {
            let _ = waiting.send(answer);
        }
    }

    /// Sends a command and waits for its answer, in the bounded queue.
    pub(crate) async fn command(&self, make: impl FnOnce(Token) -> Input) -> Answer {
        let Ok(permit) = self.permits.acquire().await else {
            return Answer::Ending;
        };
        let (tx, rx) = oneshot::channel();
        let token = {
            let mut core = self.core.lock();
            if core.is_dead {
                drop(core);
                // Whoever is to be added is dropped, and with it its slot.
                let token = Token::MAX;
                if let Input::Add(child, ..) = make(token) {
                    guarded(|| child.end(Exit::shutdown()));
                }
                return Answer::Ending;
            }
            core.next_token += 1;
            let token = core.next_token;
            core.answers.insert(token, tx);
            token
        };
        // It is given back when the command has been looked at, not when it is
        // answered: starts that hang keep nobody out who could end them.
        permit.forget();
        self.push(make(token));
        rx.await.unwrap_or(Answer::Ending)
    }

    /// The key of a child, by name or by reference. Only a name among those
    /// who need not have different ones, and a bare id among those who do, are
    /// searched for one by one.
    pub(crate) fn find(&self, child: &ChildKey) -> Option<Key> {
        let core = self.core.lock();
        let one_by_one = |is_it: &dyn Fn(&dyn AnySlot) -> bool| {
            let mut members = core.plan.members();
            let found = members.find(|(_, member)| is_it(&*member.child.slot()));
            found.map(|(key, _)| key)
        };
        match (child, &core.names) {
            (ChildKey::Name(name), Some(names)) => names.get(name).copied(),
            (ChildKey::Name(name), None) => one_by_one(&|slot| slot.name() == *name),
            (ChildKey::Id(id) | ChildKey::Ref(id, _), None) => {
                core.plan.member(id.get()).map(|_| id.get())
            }
            (ChildKey::Ref(id, path), Some(names)) => {
                let key = *names.get(path.rsplit('/').next()?)?;
                let member = core.plan.member(key)?;
                (member.child.slot().id() == *id).then_some(key)
            }
            (ChildKey::Id(id), Some(_)) => one_by_one(&|slot| slot.id() == *id),
        }
    }

    pub(crate) fn with_plan<T>(&self, look: impl FnOnce(&Plan<Arc<dyn Launch>>) -> T) -> T {
        look(&self.core.lock().plan)
    }

    /// Runs the init hook, before the first input is looked at: foreign code, so
    /// with no lock held, and in the supervisor's own task.
    fn prepare_boot(&self) {
        let Some(init) = &self.init else {
            return;
        };
        let ended = match catch(|| init()) {
            Ok(Ok(Started::Ready)) => return,
            Ok(Ok(Started::Ignore)) => Ended::Ignored,
            Ok(Err(error)) => Ended::NotStarted(Exit::failed(error)),
            Err(panicked) => Ended::NotStarted(panicked),
        };
        self.core.lock().verdict = Some(ended);
    }

    /// Feeds the plan. Who is refused at the door is handed out, to be dropped
    /// without the lock.
    fn decide(
        &self,
        core: &mut Core,
        input: Input,
        out: &mut Effects<Arc<dyn Launch>>,
    ) -> Option<Arc<dyn Launch>> {
        match input {
            // Its init hook said no: it ends, and nothing was started.
            Input::Boot if core.verdict.is_some() => {
                let exit = Exit::shutdown();
                core.plan.shut_down(exit, Manner::Stop, clock(), out);
            }
            Input::Boot => core.plan.boot(clock(), out),
            Input::Add(child, policy, token) => return self.add(core, child, policy, token, out),
            Input::Terminate(key, token) => core.plan.terminate(key, token, clock(), out),
            Input::Restart(key, token) => core.plan.restart(key, token, out),
            Input::Delete(key, token) => core.plan.delete(key, token, out),
            Input::Reconfigure(change, token) => core.plan.reconfigure(*change, token, out),
            Input::ReconfigureChild(key, change, token) => {
                core.plan.reconfigure_child(key, *change, token, out);
            }
            Input::Replace(key, child, token) => core.plan.replace(key, child, token, out),
            Input::Cycle(key, token) => core.plan.cycle(key, token, clock(), out),
            Input::Drain(key, by, token) => core.plan.drain_child(key, by, token, clock(), out),
            Input::ShutDown(exit, manner) => core.plan.shut_down(exit, manner, clock(), out),
            Input::Started(key) => core.plan.started(key, clock(), out),
            Input::Ended(key, ended) => {
                let end = match ended {
                    Ended::Ignored => End::Ignored,
                    Ended::NotStarted(exit) => End::NotStarted(exit),
                    Ended::Exited(exit) => End::Exited(exit),
                };
                // Drawn only where it can make a difference: it takes longer
                // than all the rest of a restart.
                let random = if core.plan.needs_random(key) {
                    self.kernel.random()
                } else {
                    0.0
                };
                core.plan.ended(key, end, clock(), random, out);
            }
            Input::Tick => {
                let now = clock();
                // A tick of an alarm that was replaced while it rang leaves the
                // new one in force, or there would be two for ever.
                core.alarm.take_if(|(at, _)| *at <= now);
                core.plan.tick(now, out);
            }
            Input::GoOn => core.plan.go_on(clock(), out),
        }
        None
    }

    fn add(
        &self,
        core: &mut Core,
        child: Arc<dyn Launch>,
        policy: Policy,
        token: Token,
        out: &mut Effects<Arc<dyn Launch>>,
    ) -> Option<Arc<dyn Launch>> {
        let name = core.names.is_some().then(|| child.slot().name());
        if let (Some(names), Some(name)) = (&core.names, &name)
            && let Some(old) = names.get(name)
        {
            let is_down = core.plan.member(*old).is_some_and(|m| {
                matches!(
                    m.status,
                    Status::Down | Status::Resting | Status::Starting(Why::Repair)
                )
            });
            let answer = if is_down {
                Answer::Done
            } else {
                Answer::Running
            };
            out.push(Effect::Answer(token, answer));
            // Its slot is closed by the caller, which knows its type.
            return Some(child);
        }
        child.settle_in(Arc::clone(&self.place));
        let id = child.slot().id().get();
        if let Some(key) = core.plan.add(child, id, &policy, token, out)
            && let (Some(names), Some(name)) = (&mut core.names, name)
        {
            names.insert(name, key);
        }
        None
    }

    /// Looks up, under the lock, what the effects are about.
    fn prepare(&self, core: &mut Core, turn: &mut Turn) {
        for effect in turn.effects.drain(..) {
            let of = |core: &Core, key| core.plan.member(key).map(|m| Arc::clone(&m.child));
            let action = match effect {
                Effect::Launch {
                    key,
                    why,
                    is_revival,
                } => of(core, key).map(|child| Action::Launch(child, key, why, is_revival)),
                Effect::Stop(key) => of(core, key).map(Action::Stop),
                Effect::Drain(key, by) => of(core, key).map(|child| Action::Drain(child, by)),
                Effect::Kill(key) => of(core, key).map(Action::Kill),
                Effect::Shut(key) => of(core, key).map(Action::Shut),
                Effect::Close(key, exit) => of(core, key).map(|child| Action::End(child, exit)),
                Effect::Forget(child, exit) => {
                    if let Some(names) = &mut core.names {
                        names.remove(&child.slot().name());
                    }
                    Some(Action::End(child, exit))
                }
                Effect::Answer(token, answer) => core
                    .answers
                    .remove(&token)
                    .map(|waiting| Action::Answer(waiting, answer)),
                Effect::GoOn => Some(Action::GoOn),
                Effect::Booted(Ok(())) => Some(Action::Booted),
                Effect::Booted(Err((key, exit))) => {
                    let child = of(core, key).map_or_else(
                        || "the start was interrupted".to_owned(),
                        |child| child.slot().name(),
                    );
                    core.verdict =
                        Some(Ended::NotStarted(Exit::failed(StartFailed { child, exit })));
                    None
                }
                Effect::Escalate(exit) => Some(Action::Escalate(exit)),
                Effect::Drop(waste) => Some(Action::Drop(waste)),
                Effect::Finished(exit) => {
                    core.verdict.get_or_insert(Ended::Exited(exit));
                    Some(Action::Finished)
                }
            };
            turn.actions.extend(action);
        }
    }

    fn act(&self, action: Action) {
        match action {
            Action::Launch(child, key, why, is_revival) => {
                if is_revival {
                    child.revive();
                }
                let birth = match why {
                    Why::Repair => Birth::Restart,
                    Why::Asked if is_revival => Birth::Restart,
                    Why::Asked if child.slot().state() == crate::actor::Lifecycle::Error => {
                        Birth::Restart
                    }
                    Why::Asked => Birth::First,
                };
                let nest = Nest {
                    overseer: self.arc(),
                    cell: self.cell(),
                };
                if why == Why::Repair {
                    self.kernel.count_restart();
                }
                if why == Why::Repair && self.kernel.has_listeners() {
                    let slot = child.slot();
                    self.kernel.emit(Event::Restarted {
                        path: slot.path().into(),
                        restarts: slot.restarts() + 1,
                    });
                }
                child.launch(nest, key, birth);
            }
            Action::Stop(child) => child.stop(),
            Action::Drain(child, by) => child.drain(by),
            Action::Kill(child) => {
                self.kernel.note_killed(&child.slot().path());
                child.kill();
            }
            Action::Shut(child) => {
                if let Some(gate) = child.slot().gate() {
                    gate.shut();
                }
            }
            // Dropping messages and telling watchers runs foreign code.
            Action::End(child, exit) => child.end(exit),
            Action::Drop(waste) => drop(waste),
            Action::Answer(waiting, answer) => {
                // Nobody waits any more: the command has been carried out.
                let _ = waiting.send(answer);
            }
            Action::GoOn => self.push(Input::GoOn),
            Action::Booted => {
                self.slot.set_ready();
                self.overseer.started(self.key, self.incarnation);
            }
            Action::Escalate(cause) => {
                if self.kernel.has_listeners() {
                    self.kernel.emit(Event::Escalated {
                        path: Arc::clone(&self.path),
                        cause,
                    });
                }
            }
            Action::Finished => {
                if let Some(cell) = self.cell.get() {
                    cell.stop(None);
                }
            }
        }
    }

    /// Sees to it that the plan is asked again when something is due.
    fn set_alarm(&self, core: &mut Core) {
        let due = core.plan.next_due();
        if core.alarm.as_ref().map(|(at, _)| *at) == due {
            return;
        }
        if let Some((_, old)) = core.alarm.take() {
            old.abort();
        }
        if let Some(at) = due {
            let me = self.me.clone();
            let handle = spawn_owned(async move {
                tokio::time::sleep_until(at.into()).await;
                if let Some(me) = me.upgrade() {
                    me.push(Input::Tick);
                }
            });
            core.alarm = Some((at, handle));
        }
    }

    // ---- after the keeper's death --------------------------------------

    /// The ractor actor is gone: kill what lives, and report once nothing does.
    fn die(&self) {
        // Whatever is being done is done first: a child that is being launched
        // must be there to be killed.
        let (to_kill, answers) = self.turns.end(|_| {
            let mut core = self.core.lock();
            core.is_dead = true;
            if let Some((_, alarm)) = core.alarm.take() {
                alarm.abort();
            }
            let to_kill: Vec<_> = core
                .plan
                .members()
                .filter(|(_, m)| is_live(m.status))
                .map(|(_, m)| Arc::clone(&m.child))
                .collect();
            core.living = to_kill.len();
            (to_kill, std::mem::take(&mut core.answers))
        });
        self.permits.close();
        drop(answers);
        for child in to_kill {
            child.kill();
        }
        self.turns.clear(self);
        self.report_if_over();
    }

    fn ended_after_death(&self, key: Key, ended: Ended) {
        let exit = match ended {
            Ended::Ignored => Exit::Normal,
            Ended::NotStarted(exit) | Ended::Exited(exit) => exit,
        };
        let gone = {
            let mut core = self.core.lock();
            let lives = core.plan.member(key).is_some_and(|m| is_live(m.status));
            core.living -= usize::from(lives);
            core.plan.bury(key)
        };
        if let Some(member) = gone {
            guarded(|| {
                member.child.end(exit);
                drop(member);
            });
        }
        self.report_if_over();
    }

    fn report_if_over(&self) {
        let (verdict, dynamic) = {
            let mut core = self.core.lock();
            if core.living > 0 || !core.is_dead || core.has_reported {
                return;
            }
            core.has_reported = true;
            let verdict = core.verdict.take().unwrap_or(Ended::Exited(Exit::Killed));
            (verdict, core.plan.take_dynamic())
        };
        for member in dynamic {
            guarded(|| {
                member.child.end(Exit::shutdown());
                drop(member);
            });
        }
        if let Ended::NotStarted(exit) | Ended::Exited(exit) = &verdict {
            self.slot.note_exit(exit);
        }
        self.overseer.ended(self.key, self.incarnation, verdict);
    }
}

impl Decide for Keep {
    type Input = Input;
    type Turn = Turn;

    /// What one child needs, while the keeper runs. A keeper that is being
    /// killed decides nothing any more, and what ends with it is not to be
    /// restarted.
    fn may_step_here(&self, input: &Input) -> bool {
        let is_running = |cell: &RactorRef<u64>| cell.get_status() == ActorStatus::Running;
        !matches!(input, Input::Boot | Input::ShutDown(..))
            && self.cell.get().is_some_and(is_running)
    }

    fn step_here(&self, turn: &mut Turn, input: Input) -> Result<(), Input> {
        let Ok(runtime) = self.kernel.runtime() else {
            return Err(input);
        };
        let _entered = runtime.enter();
        self.step(turn, input);
        Ok(())
    }

    fn step(&self, turn: &mut Turn, input: Input) {
        if input.is_command() {
            self.permits.add_permits(1);
        }
        let mut guard = self.core.lock();
        let core = &mut *guard;
        let refused = self.decide(core, input, &mut turn.effects);
        self.prepare(core, turn);
        self.set_alarm(core);
        drop(guard);
        drop(refused);
        for action in turn.actions.drain(..) {
            // Some of it is foreign code, such as that of a subscriber to
            // `tracing`: its panic must not cost what is still to be done.
            guarded(|| self.act(action));
        }
        if turn.actions.capacity().max(turn.effects.capacity()) > LARGEST_TURN {
            *turn = Turn::default();
        }
    }

    fn has_bell(&self) -> bool {
        self.cell.get().is_some()
    }

    fn ring(&self) {
        if let Some(cell) = self.cell.get() {
            // A dead keeper needs no waking: what comes is buried in place.
            let _ = cell.send_message(0);
        }
    }

    /// Commands to a dead keeper: their answers are dropped, which tells the
    /// callers.
    fn bury(&self, input: Input) {
        match input {
            Input::Ended(key, ended) => self.ended_after_death(key, ended),
            Input::Add(child, _, token) => {
                self.answer(token, Answer::Ending);
                guarded(|| child.end(Exit::shutdown()));
            }
            Input::Terminate(_, token)
            | Input::Restart(_, token)
            | Input::Delete(_, token)
            | Input::Reconfigure(_, token)
            | Input::ReconfigureChild(_, _, token)
            | Input::Replace(_, _, token)
            | Input::Cycle(_, token)
            | Input::Drain(_, _, token) => self.answer(token, Answer::Ending),
            Input::Boot | Input::ShutDown(..) | Input::Started(_) | Input::Tick | Input::GoOn => {}
        }
    }
}

impl Overseer for Keep {
    fn started(&self, key: Key, _incarnation: u32) {
        let quiet = {
            let mut core = self.core.lock();
            let quiet = core.plan.started_quietly(key, clock());
            quiet.map(|token| token.and_then(|token| core.answers.remove(&token)))
        };
        match quiet {
            // Nothing else depends on it: the caller is answered from here.
            Some(Some(waiting)) => {
                let _ = waiting.send(Answer::Started);
            }
            Some(None) => {}
            None => self.push(Input::Started(key)),
        }
    }

    fn ended(&self, key: Key, _incarnation: u32, ended: Ended) {
        self.push(Input::Ended(key, ended));
    }
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keep({})", self.path)
    }
}

fn is_live(status: Status) -> bool {
    matches!(status, Status::Starting(_) | Status::Up | Status::Stopping)
}

/// Runs foreign code; its panic is its own affair.
fn guarded(f: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(f));
}

/// How a child is meant.
#[derive(Clone, Debug)]
pub(crate) enum ChildKey {
    Name(String),
    Id(ActorId),
    /// Its id and its path.
    Ref(ActorId, String),
}

/// Dropped with the keeper's state, by whatever means the keeper ended.
pub(crate) struct Guard {
    keep: Arc<Keep>,
    is_begun: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.keep.die();
    }
}

/// The ractor actor: it has no state but the guard.
pub(crate) struct Keeper;

impl ractor::Actor for Keeper {
    type Msg = u64;
    type State = Guard;
    type Arguments = Guard;

    async fn pre_start(
        &self,
        _myself: RactorRef<u64>,
        guard: Guard,
    ) -> Result<Guard, ActorProcessingErr> {
        Ok(guard)
    }

    async fn handle(
        &self,
        _myself: RactorRef<u64>,
        _wake: u64,
        guard: &mut Guard,
    ) -> Result<(), ActorProcessingErr> {
        if !std::mem::replace(&mut guard.is_begun, true) {
            guard.keep.prepare_boot();
        }
        guard.keep.turns.work(&*guard.keep);
        Ok(())
    }

    /// Ends of linked children reach the plan by our own report; ractor's
    /// default would stop the parent.
    async fn handle_supervisor_evt(
        &self,
        _myself: RactorRef<u64>,
        _event: SupervisionEvent,
        _guard: &mut Guard,
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}
