//! The restart plan: what a supervisor does next, decided purely.
//!
//! Events come in with `now` and a random number, effects go out; the keeper
//! carries them out. Restart is decided here and nowhere else.
//!
//! ```text
//!            add                    ended, to be restarted
//!  (spec) ────────▶ Starting ─▶ Up ───────────────────────▶ Resting (backoff)
//!                      ▲        │ terminate, group, end        │ due
//!                      │        ▼                              │
//!                      │     Stopping ──▶ Down ◀───────────────┤ terminate wins
//!                      └───────────────────────────────────────┘
//! ```
//!
//! A group operation (the first start, a restart of all or of the rest, the
//! end) works off two lists: whom to stop, last started first, and whom to
//! start, in order; one child at a time, except that a dynamic supervisor ends
//! its children all at once.

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZero;
use std::time::{Duration, Instant};

use crate::actor::{Exit, Restart, Shutdown};
use crate::policy::backoff::{Backoff, BackoffState};
use crate::policy::intensity::{Intensity, RestartWindow, Verdict};

mod members;

use members::Members;

/// Children that are told to end in one step where all are told at once. What a
/// step decides is kept until it is done, and the ends of the first come in
/// while the last are told: so a million are not held in memory once more.
const WAVE: usize = if cfg!(test) { 2 } else { 512 };

/// Whose restart follows from one child's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Only the child that ended is restarted. The default: children that do
    /// not depend on each other.
    #[default]
    OneForOne,
    /// All children are stopped, last started first, and started again in
    /// order: they only make sense together.
    OneForAll,
    /// The child and those started after it are restarted: later children
    /// depend on earlier ones.
    RestForOne,
}

/// Whether children are known beforehand, and in which order they end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Ordered; stopped one by one, last started first.
    Ordered,
    /// All alike; stopped all at once.
    Dynamic,
}

/// Identifies a child within its supervisor. Rises in start order.
pub(crate) type Key = u64;
/// Identifies who waits for an answer. Rises from 1.
pub(crate) type Token = u64;

/// How an incarnation ended, as the plan sees it.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Ignored,
    NotStarted(Exit),
    Exited(Exit),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
}

/// Whether a launch is a child's first or repairs something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// First start, or a restart by command: a failure is answered, not
    /// repeated.
    Asked,
    /// After a crash: a failure is a restart that failed.
    Repair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// No incarnation; the spec is kept.
    Down,
    Starting(Why),
    Up,
    /// Told to end.
    Stopping,
    /// Waiting for its backoff.
    Resting,
}

/// What a supervisor is asked by its users.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The child is up.
    Started,
    /// Its start hook said that it is not needed.
    Ignored,
    /// It did not start.
    Failed(Exit),
    Done,
    NotFound,
    Running,
    Restarting,
    /// The supervisor is ending.
    Ending,
}

/// What the keeper is to do.
#[derive(Debug)]
pub(crate) enum Effect<C> {
    /// Start the next incarnation. `true` in `is_revival`: the child had ended
    /// for good and is asked back.
    Launch {
        key: Key,
        why: Why,
        is_revival: bool,
    },
    /// Ask it to finish the message in hand and end.
    Stop(Key),
    /// Ask it to finish its queue and end, by then.
    Drain(Key, Option<Instant>),
    Kill(Key),
    /// It is down and nothing restarts it: close its mailbox.
    Close(Key, Exit),
    /// As `Close`, and its spec is gone.
    Forget(C, Exit),
    Answer(Token, Answer),
    /// Call [`Plan::go_on`], after what has come in meanwhile.
    GoOn,
    /// The first start is over: all are up, or this one failed and the rest has
    /// been stopped again.
    Booted(Result<(), (Key, Exit)>),
    /// Restarted more often than the intensity allows.
    Escalate(Exit),
    /// Nothing is left: the supervisor ends this way.
    Finished(Exit),
}

#[derive(Debug)]
pub(crate) struct Member<C> {
    pub(crate) child: C,
    pub(crate) restart: Restart,
    shutdown: Shutdown,
    pub(crate) status: Status,
    failures: BackoffState,
    up_since: Option<Instant>,
    /// Who waits for its start or its end.
    asked: Option<NonZero<Token>>,
    has_ended: bool,
    /// It was down with its spec kept: a start that fails does not change that.
    is_kept: bool,
    /// A group operation stopped the start that is asked for.
    is_interrupted: bool,
    /// Its entry among the timers.
    due: Option<Instant>,
}

/// How children are told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// By each child's own shutdown policy.
    Stop,
    /// Each finishes its queue; whoever has not ended by then is killed.
    Drain(Option<Instant>),
    /// All at once and now.
    Kill,
}

#[derive(Debug)]
enum Purpose {
    Boot,
    Restart,
    End {
        exit: Exit,
        manner: Manner,
        failed: Option<(Key, Exit)>,
    },
}

/// A group operation under way.
#[derive(Debug)]
struct Group {
    purpose: Purpose,
    /// Rises; popped from the back.
    to_stop: Vec<Key>,
    stopping: BTreeSet<Key>,
    rest_until: Option<Instant>,
    /// Rises.
    to_start: VecDeque<Key>,
    starting: Option<Key>,
    /// The next wave is told by [`Plan::go_on`].
    is_between_waves: bool,
}

impl Group {
    fn concerns(&self, key: Key) -> bool {
        self.to_stop.binary_search(&key).is_ok()
            || self.stopping.contains(&key)
            || self.will_start(key)
    }

    fn will_start(&self, key: Key) -> bool {
        self.to_start.binary_search(&key).is_ok()
    }

    fn is_end(&self) -> bool {
        matches!(self.purpose, Purpose::End { .. })
    }

    /// Until when it rests, if that is what it waits for. While children are
    /// still stopping there is nothing to wake up for.
    fn rest(&self) -> Option<Instant> {
        self.rest_until
            .filter(|_| self.to_stop.is_empty() && self.stopping.is_empty())
    }
}

/// The state of one supervisor. See the file's drawing.
#[derive(Debug)]
pub(crate) struct Plan<C> {
    strategy: Strategy,
    shape: Shape,
    intensity: Intensity,
    backoff: Backoff,
    window: RestartWindow,
    members: Members<C>,
    next_key: Key,
    /// Children below this key were enrolled: they are kept over a restart of
    /// the supervisor.
    statics: Key,
    group: Option<Group>,
    /// Failures that came while a group operation that does not concern them
    /// was under way.
    deferred: VecDeque<(Key, Exit)>,
    timers: BTreeSet<(Instant, Key)>,
    restarts: u64,
}

pub(crate) type Effects<C> = Vec<Effect<C>>;

impl<C> Plan<C> {
    pub(crate) fn new(
        strategy: Strategy,
        shape: Shape,
        intensity: Intensity,
        backoff: Backoff,
    ) -> Self {
        Self {
            strategy,
            shape,
            intensity,
            backoff,
            window: RestartWindow::new(),
            members: Members::new(),
            next_key: 0,
            statics: 0,
            group: None,
            deferred: VecDeque::new(),
            timers: BTreeSet::new(),
            restarts: 0,
        }
    }

    // ---- what can be seen ----------------------------------------------

    pub(crate) fn members(&self) -> impl Iterator<Item = (Key, &Member<C>)> {
        self.members.iter()
    }

    pub(crate) fn member(&self, key: Key) -> Option<&Member<C>> {
        self.members.get(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Whether a group restart under way is to start it again.
    pub(crate) fn is_due(&self, key: Key) -> bool {
        let group = self.group.as_ref();
        group.is_some_and(|g| matches!(g.purpose, Purpose::Restart) && g.will_start(key))
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_end)
    }

    /// When [`Plan::tick`] has something to do, at the earliest.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let group = self.group.as_ref().and_then(Group::rest);
        let drain = self.group.as_ref().and_then(|g| match g.purpose {
            Purpose::End {
                manner: Manner::Drain(at),
                ..
            } => at,
            _ => None,
        });
        [timer, group, drain].into_iter().flatten().min()
    }

    // ---- commands ------------------------------------------------------

    /// Takes a child in, to be started by [`Plan::boot`].
    pub(crate) fn enrol(&mut self, child: C, policy: Policy) -> Key {
        debug_assert_eq!(self.statics, self.next_key, "enrolled before any is added");
        self.statics += 1;
        self.insert(child, policy)
    }

    fn insert(&mut self, child: C, policy: Policy) -> Key {
        let key = self.next_key;
        self.next_key += 1;
        self.members.push(
            key,
            Member {
                child,
                restart: policy.restart,
                shutdown: policy.shutdown,
                status: Status::Down,
                failures: BackoffState::new(),
                up_since: None,
                asked: None,
                has_ended: false,
                is_kept: false,
                is_interrupted: false,
                due: None,
            },
        );
        key
    }

    /// Starts the enrolled children in order.
    pub(crate) fn boot(&mut self, now: Instant, out: &mut Effects<C>) {
        self.group = Some(Group {
            purpose: Purpose::Boot,
            to_stop: Vec::new(),
            stopping: BTreeSet::new(),
            rest_until: None,
            to_start: self.members.keys().collect(),
            starting: None,
            is_between_waves: false,
        });
        self.advance(now, out);
    }

    /// Adds a child and starts it. `None`: the supervisor is ending, and the
    /// child is handed back by `Forget`.
    pub(crate) fn add(
        &mut self,
        child: C,
        policy: Policy,
        token: Token,
        out: &mut Effects<C>,
    ) -> Option<Key> {
        if self.is_ending() {
            out.push(Effect::Answer(token, Answer::Ending));
            out.push(Effect::Forget(child, Exit::shutdown()));
            return None;
        }
        let key = self.insert(child, policy);
        let member = self.members.get_mut(key).expect("just inserted");
        member.asked = NonZero::new(token);
        member.status = Status::Starting(Why::Asked);
        out.push(Effect::Launch {
            key,
            why: Why::Asked,
            is_revival: false,
        });
        Some(key)
    }

    /// Stops a child and keeps it down, whatever its restart rule. Wins over a
    /// backoff.
    pub(crate) fn terminate(&mut self, key: Key, token: Token, now: Instant, out: &mut Effects<C>) {
        let Some(member) = self.members.get_mut(key) else {
            out.push(Effect::Answer(token, Answer::NotFound));
            return;
        };
        match member.status {
            Status::Down => {
                // In the middle of a group operation it may still be due to
                // start.
                if let Some(group) = &mut self.group {
                    group.to_start.retain(|k| *k != key);
                }
                self.put_down(key, Exit::shutdown(), out);
                out.push(Effect::Answer(token, Answer::Done));
            }
            Status::Resting => {
                self.put_down(key, Exit::shutdown(), out);
                out.push(Effect::Answer(token, Answer::Done));
            }
            Status::Starting(_) | Status::Up | Status::Stopping => {
                let old = std::mem::replace(&mut member.asked, NonZero::new(token));
                member.is_interrupted = false;
                if let Some(old) = old {
                    out.push(Effect::Answer(old.get(), Answer::Failed(Exit::shutdown())));
                }
                if let Some(group) = &mut self.group {
                    group.to_start.retain(|k| *k != key);
                }
                self.stop_one(key, Manner::Stop, now, out);
            }
        }
    }

    /// Starts a child that is down.
    pub(crate) fn restart(&mut self, key: Key, token: Token, out: &mut Effects<C>) {
        if self.is_ending() {
            out.push(Effect::Answer(token, Answer::Ending));
            return;
        }
        let Some(member) = self.members.get_mut(key) else {
            out.push(Effect::Answer(token, Answer::NotFound));
            return;
        };
        let is_due = self
            .group
            .as_ref()
            .is_some_and(|group| group.will_start(key));
        let refusal = match member.status {
            Status::Down if is_due => Answer::Restarting,
            Status::Down => {
                member.status = Status::Starting(Why::Asked);
                member.asked = NonZero::new(token);
                let is_revival = std::mem::take(&mut member.has_ended);
                out.push(Effect::Launch {
                    key,
                    why: Why::Asked,
                    is_revival,
                });
                return;
            }
            Status::Resting | Status::Starting(Why::Repair) => Answer::Restarting,
            Status::Starting(Why::Asked) | Status::Up | Status::Stopping => Answer::Running,
        };
        out.push(Effect::Answer(token, refusal));
    }

    /// Forgets a child that is down.
    pub(crate) fn delete(&mut self, key: Key, token: Token, out: &mut Effects<C>) {
        let Some(member) = self.members.get(key) else {
            out.push(Effect::Answer(token, Answer::NotFound));
            return;
        };
        let is_due = self
            .group
            .as_ref()
            .is_some_and(|group| group.will_start(key));
        let answer = match member.status {
            Status::Down if is_due => Answer::Restarting,
            Status::Down => {
                self.forget(key, Exit::shutdown(), out);
                Answer::Done
            }
            Status::Resting | Status::Starting(Why::Repair) => Answer::Restarting,
            Status::Starting(Why::Asked) | Status::Up | Status::Stopping => Answer::Running,
        };
        out.push(Effect::Answer(token, answer));
    }

    /// Ends the supervisor: stops the children, then finishes with this exit.
    /// A second call may only be harsher.
    pub(crate) fn shut_down(
        &mut self,
        exit: Exit,
        manner: Manner,
        now: Instant,
        out: &mut Effects<C>,
    ) {
        self.end(exit, manner, None, now, out);
    }

    // ---- news of children ----------------------------------------------

    /// Whether a child's readiness concerns nobody but the one who asked for
    /// it. Then this is all there is to do.
    pub(crate) fn started_quietly(&mut self, key: Key, now: Instant) -> Option<Option<Token>> {
        if self.group.is_some() {
            return None;
        }
        let member = self.members.get_mut(key)?;
        if !matches!(member.status, Status::Starting(_)) {
            return None;
        }
        member.status = Status::Up;
        member.up_since = Some(now);
        Some(member.asked.take().map(NonZero::get))
    }

    pub(crate) fn started(&mut self, key: Key, now: Instant, out: &mut Effects<C>) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        if matches!(member.status, Status::Starting(_)) {
            member.status = Status::Up;
            member.up_since = Some(now);
            if let Some(token) = member.asked.take() {
                out.push(Effect::Answer(token.get(), Answer::Started));
            }
        }
        if let Some(group) = &mut self.group
            && group.starting == Some(key)
        {
            group.starting = None;
            self.advance(now, out);
        }
    }

    pub(crate) fn ended(
        &mut self,
        key: Key,
        end: End,
        now: Instant,
        random: f64,
        out: &mut Effects<C>,
    ) {
        self.forget_timers(key);
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let was = member.status;
        match (was, end) {
            (Status::Stopping, end) => {
                let exit = match end {
                    End::Ignored => Exit::Normal,
                    End::NotStarted(exit) | End::Exited(exit) => exit,
                };
                self.stopped(key, exit, out);
            }
            (Status::Starting(Why::Asked), End::NotStarted(exit)) => {
                self.start_refused(key, exit, now, out);
                return;
            }
            (Status::Starting(_), End::Ignored) => {
                if let Some(token) = member.asked.take() {
                    out.push(Effect::Answer(token.get(), Answer::Ignored));
                }
                self.put_down(key, Exit::Normal, out);
                if self.group.as_ref().is_some_and(|g| g.starting == Some(key)) {
                    if let Some(group) = &mut self.group {
                        group.starting = None;
                    }
                } else {
                    return;
                }
            }
            (_, end) => {
                let (End::NotStarted(exit) | End::Exited(exit)) = end else {
                    return;
                };
                self.failed(key, exit, now, random, out);
                return;
            }
        }
        self.advance(now, out);
    }

    /// Restarts that are due, kills that are due.
    pub(crate) fn tick(&mut self, now: Instant, out: &mut Effects<C>) {
        while let Some((at, key)) = self.timers.first().copied() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            let Some(member) = self.members.get_mut(key) else {
                continue;
            };
            member.due = None;
            match member.status {
                Status::Resting => self.launch(key, Why::Repair, out),
                Status::Stopping => out.push(Effect::Kill(key)),
                _ => {}
            }
        }
        if let Some(group) = &self.group
            && let Purpose::End {
                manner: Manner::Drain(Some(at)),
                exit,
                ..
            } = &group.purpose
            && *at <= now
        {
            let exit = exit.clone();
            self.end(exit, Manner::Kill, None, now, out);
            return;
        }
        self.advance(now, out);
    }

    /// Tells the next wave.
    pub(crate) fn go_on(&mut self, now: Instant, out: &mut Effects<C>) {
        if let Some(group) = &mut self.group {
            group.is_between_waves = false;
        }
        self.advance(now, out);
    }

    // ---- the inside ----------------------------------------------------

    /// A first start, or one that was asked for, did not succeed.
    fn start_refused(&mut self, key: Key, exit: Exit, now: Instant, out: &mut Effects<C>) {
        let is_boot = self
            .group
            .as_ref()
            .is_some_and(|g| g.starting == Some(key) && matches!(g.purpose, Purpose::Boot));
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let token = member.asked.take().map(NonZero::get);
        let is_static = key < self.statics;
        member.status = Status::Down;
        if is_boot {
            self.end(
                Exit::Shutdown(Some("a child did not start".into())),
                Manner::Stop,
                Some((key, exit)),
                now,
                out,
            );
            return;
        }
        if is_static || token.is_none() {
            self.put_down(key, exit.clone(), out);
        } else {
            self.forget_unless_kept(key, exit.clone(), out);
        }
        if let Some(token) = token {
            out.push(Effect::Answer(token, Answer::Failed(exit)));
        }
        self.advance(now, out);
    }

    /// A child that was added by command and never came up is not kept; one
    /// that was kept before is.
    fn forget_unless_kept(&mut self, key: Key, exit: Exit, out: &mut Effects<C>) {
        if self.members.get(key).is_some_and(|m| m.is_kept) {
            self.put_down(key, exit, out);
        } else {
            self.forget(key, exit, out);
        }
    }

    /// A child that nobody told to end has ended.
    fn failed(&mut self, key: Key, exit: Exit, now: Instant, random: f64, out: &mut Effects<C>) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        // A restart that did not succeed is tried again whatever the rule says
        // about exits: the child is wanted.
        let was_repair = member.status == Status::Starting(Why::Repair);
        let again = match member.restart {
            Restart::Temporary => false,
            _ if was_repair => true,
            restart => restart.applies_to(&exit),
        };
        if let Some(group) = &mut self.group {
            if group.starting == Some(key) {
                group.starting = None;
            } else if group.is_end() || group.concerns(key) {
                // It is about to be stopped anyway, and now it need not be.
                self.stopped(key, exit, out);
                self.advance(now, out);
                return;
            } else if again && !was_repair {
                member.status = Status::Down;
                self.deferred.push_back((key, exit));
                return;
            }
        }
        if !again {
            self.put_down(key, exit, out);
            self.advance(now, out);
            return;
        }
        self.repair(key, exit, now, random, out);
    }

    /// Restarts what the strategy says, or gives up.
    fn repair(&mut self, key: Key, exit: Exit, now: Instant, random: f64, out: &mut Effects<C>) {
        if self.window.record(now, &self.intensity) == Verdict::Exceeded {
            if let Some(member) = self.members.get_mut(key) {
                member.status = Status::Down;
            }
            out.push(Effect::Escalate(exit));
            self.end(
                Exit::Shutdown(Some("restart intensity exceeded".into())),
                Manner::Stop,
                None,
                now,
                out,
            );
            return;
        }
        self.restarts += 1;
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let ran_for = member
            .up_since
            .filter(|_| member.status == Status::Up || member.status == Status::Down)
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        let delay = member.failures.next(&self.backoff, ran_for, random);
        match self.strategy {
            Strategy::OneForOne => {
                if delay.is_zero() {
                    self.launch(key, Why::Repair, out);
                } else if let Some(due) = now.checked_add(delay) {
                    member.status = Status::Resting;
                    member.due = Some(due);
                    self.timers.insert((due, key));
                }
            }
            Strategy::OneForAll | Strategy::RestForOne => {
                member.status = Status::Down;
                let from = match self.strategy {
                    Strategy::RestForOne => key,
                    _ => 0,
                };
                self.restart_from(from, key, now.checked_add(delay), now, out);
            }
        }
    }

    /// Stops every child from this one on, and starts them again in order.
    fn restart_from(
        &mut self,
        from: Key,
        failed: Key,
        rest_until: Option<Instant>,
        now: Instant,
        out: &mut Effects<C>,
    ) {
        let mut to_stop = Vec::new();
        let mut to_start = VecDeque::new();
        for (key, member) in self.members.from(from) {
            match member.status {
                // Ended for good by its own rule or by command: stays down.
                Status::Down if key != failed && member.has_ended => continue,
                Status::Down => {}
                _ => to_stop.push(key),
            }
            let is_terminated = member.status == Status::Stopping && member.asked.is_some();
            if member.restart != Restart::Temporary && !is_terminated {
                to_start.push_back(key);
            }
        }
        if let Some(old) = self.group.take() {
            // What the interrupted operation still meant to start is wanted
            // still.
            for key in old.to_start {
                if key < from {
                    to_start.push_back(key);
                }
            }
            to_start.make_contiguous().sort_unstable();
            if matches!(old.purpose, Purpose::Boot) {
                out.push(Effect::Booted(Ok(())));
            }
        }
        self.group = Some(Group {
            purpose: Purpose::Restart,
            to_stop,
            stopping: BTreeSet::new(),
            rest_until,
            to_start,
            starting: None,
            is_between_waves: false,
        });
        self.advance(now, out);
    }

    /// Begins the end, or makes it harsher.
    fn end(
        &mut self,
        exit: Exit,
        manner: Manner,
        mut failed: Option<(Key, Exit)>,
        now: Instant,
        out: &mut Effects<C>,
    ) {
        if let Some(group) = &mut self.group
            && let Purpose::End { manner: old, .. } = &mut group.purpose
        {
            if manner == Manner::Kill && *old != Manner::Kill {
                *old = Manner::Kill;
                for key in &group.stopping {
                    out.push(Effect::Kill(*key));
                }
                self.advance(now, out);
            }
            return;
        }
        self.deferred.clear();
        if let Some(Group {
            purpose: Purpose::Boot,
            ..
        }) = self.group.take()
            && failed.is_none()
        {
            failed = Some((Key::MAX, exit.clone()));
        }
        self.group = Some(Group {
            purpose: Purpose::End {
                exit,
                manner,
                failed,
            },
            to_stop: self.members.keys().collect(),
            stopping: BTreeSet::new(),
            rest_until: None,
            to_start: VecDeque::new(),
            starting: None,
            is_between_waves: false,
        });
        self.advance(now, out);
    }

    /// Takes the next steps of the group operation.
    fn advance(&mut self, now: Instant, out: &mut Effects<C>) {
        let mut told = 0;
        loop {
            let Some(group) = &mut self.group else {
                return;
            };
            let (is_end, manner) = match &group.purpose {
                Purpose::End { manner, .. } => (true, *manner),
                _ => (false, Manner::Stop),
            };
            let at_once = is_end && (self.shape == Shape::Dynamic || manner == Manner::Kill);
            if group.is_between_waves {
                return;
            }
            if at_once && told == WAVE && !group.to_stop.is_empty() {
                group.is_between_waves = true;
                out.push(Effect::GoOn);
                return;
            }
            if (group.stopping.is_empty() || at_once)
                && let Some(key) = group.to_stop.pop()
            {
                told += 1;
                let Some(member) = self.members.get_mut(key) else {
                    continue;
                };
                match member.status {
                    Status::Down | Status::Resting => {
                        group.stopping.insert(key);
                        self.stopped(key, Exit::shutdown(), out);
                    }
                    Status::Starting(_) | Status::Up | Status::Stopping => {
                        group.stopping.insert(key);
                        member.is_interrupted |= member.status == Status::Starting(Why::Asked);
                        self.stop_one(key, manner, now, out);
                    }
                }
                continue;
            }
            if !group.stopping.is_empty() || group.starting.is_some() {
                return;
            }
            if group.rest_until.is_some_and(|at| at > now) {
                return;
            }
            group.rest_until = None;
            if let Some(key) = group.to_start.pop_front() {
                let why = match group.purpose {
                    Purpose::Boot => Why::Asked,
                    _ => Why::Repair,
                };
                if self.members.get(key).is_some() {
                    group.starting = Some(key);
                    self.launch(key, why, out);
                }
                continue;
            }
            let Some(group) = self.group.take() else {
                return;
            };
            match group.purpose {
                Purpose::Boot => out.push(Effect::Booted(Ok(()))),
                Purpose::Restart => {}
                Purpose::End {
                    exit,
                    failed,
                    manner,
                } => {
                    if let Some(failed) = failed {
                        out.push(Effect::Booted(Err(failed)));
                    }
                    out.push(Effect::Finished(exit.clone()));
                    // Stay ended: nothing may start from here on.
                    self.group = Some(Group {
                        purpose: Purpose::End {
                            exit,
                            manner,
                            failed: None,
                        },
                        to_stop: Vec::new(),
                        stopping: BTreeSet::from([Key::MAX]),
                        rest_until: None,
                        to_start: VecDeque::new(),
                        starting: None,
                        is_between_waves: false,
                    });
                    return;
                }
            }
            while let Some((key, exit)) = self.deferred.pop_front() {
                let is_wanted = self
                    .members
                    .get(key)
                    .is_some_and(|m| m.status == Status::Down && !m.has_ended);
                if is_wanted {
                    // A deferred restart takes the plain delay, without jitter.
                    self.repair(key, exit, now, 0.0, out);
                    if self.group.is_some() {
                        return;
                    }
                }
            }
        }
    }

    fn launch(&mut self, key: Key, why: Why, out: &mut Effects<C>) {
        if let Some(member) = self.members.get_mut(key) {
            member.status = Status::Starting(why);
            let is_revival = std::mem::take(&mut member.has_ended);
            out.push(Effect::Launch {
                key,
                why,
                is_revival,
            });
        }
    }

    fn stop_one(&mut self, key: Key, manner: Manner, now: Instant, out: &mut Effects<C>) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let was_stopping = member.status == Status::Stopping;
        member.status = Status::Stopping;
        match (manner, member.shutdown) {
            (Manner::Kill, _) | (Manner::Stop, Shutdown::Kill) => out.push(Effect::Kill(key)),
            (Manner::Drain(by), _) => out.push(Effect::Drain(key, by)),
            (Manner::Stop, _) if was_stopping => {}
            (Manner::Stop, Shutdown::Infinity) => out.push(Effect::Stop(key)),
            (Manner::Stop, Shutdown::After(limit)) => {
                out.push(Effect::Stop(key));
                if let Some(due) = now.checked_add(limit) {
                    member.due = Some(due);
                    self.timers.insert((due, key));
                }
            }
        }
    }

    /// A child that was to be stopped is stopped.
    fn stopped(&mut self, key: Key, exit: Exit, out: &mut Effects<C>) {
        self.forget_timers(key);
        let (is_group, is_end, will_start) = match &mut self.group {
            Some(group) => {
                if group.starting == Some(key) {
                    group.starting = None;
                }
                let listed = group.to_stop.binary_search(&key).ok();
                if let Some(at) = listed {
                    group.to_stop.remove(at);
                }
                let concerned = group.stopping.remove(&key) || listed.is_some();
                if group.starting == Some(key) {
                    // Terminated while the group started it: the next one.
                    group.starting = None;
                }
                (concerned, group.is_end(), group.will_start(key))
            }
            None => (false, false, false),
        };
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let was_starting = member.status == Status::Starting(Why::Asked);
        member.status = Status::Down;
        let is_interrupted = std::mem::take(&mut member.is_interrupted) || was_starting;
        let asked = if is_interrupted && will_start {
            // The group starts it again, and answers whoever waits for it then.
            None
        } else {
            member.asked.take().map(NonZero::get)
        };
        let refusal = (is_interrupted && !is_end).then(|| exit.clone());
        if is_end {
            // A static child of a supervisor that ends belongs to the next
            // incarnation of that supervisor; the keeper closes it when there
            // is none.
            if key >= self.statics || member.restart == Restart::Temporary {
                self.forget(key, exit, out);
            }
        } else if !(is_group && will_start) || asked.is_some() {
            self.put_down(key, exit, out);
        }
        if let Some(token) = asked {
            let answer = match refusal {
                Some(exit) => Answer::Failed(exit),
                None if is_end && (is_interrupted || !is_group) => Answer::Ending,
                None => Answer::Done,
            };
            out.push(Effect::Answer(token, answer));
        }
    }

    /// The child is down and nothing restarts it by itself.
    fn put_down(&mut self, key: Key, exit: Exit, out: &mut Effects<C>) {
        self.forget_timers(key);
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let is_dropped = member.restart == Restart::Temporary
            || (self.shape == Shape::Dynamic && key >= self.statics);
        if is_dropped {
            self.forget(key, exit, out);
            return;
        }
        member.status = Status::Down;
        member.is_kept = true;
        if !std::mem::replace(&mut member.has_ended, true) {
            out.push(Effect::Close(key, exit));
        }
    }

    fn forget(&mut self, key: Key, exit: Exit, out: &mut Effects<C>) {
        self.forget_timers(key);
        if let Some(member) = self.members.remove(key) {
            out.push(Effect::Forget(member.child, exit));
        }
    }

    /// A child has ended after the supervisor itself: a static one stays for
    /// the supervisor's next life, another is handed out.
    pub(crate) fn bury(&mut self, key: Key) -> Option<C> {
        let member = self.members.get_mut(key)?;
        if key < self.statics {
            member.status = Status::Down;
            return None;
        }
        self.members.remove(key).map(|member| member.child)
    }

    /// Takes out the children that belong to this life of the supervisor only.
    pub(crate) fn take_dynamic(&mut self) -> Vec<C> {
        let dynamic = self.members.split_off(self.statics);
        dynamic.into_iter().map(|member| member.child).collect()
    }

    fn forget_timers(&mut self, key: Key) {
        if let Some(due) = self.members.get_mut(key).and_then(|m| m.due.take()) {
            self.timers.remove(&(due, key));
        }
    }
}

#[cfg(test)]
mod tests;
