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

mod change;
mod group;
mod member;
mod members;
mod types;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use group::{Group, Purpose};
use member::Moment;
use members::Members;

pub(crate) use change::Heir;
pub use change::{ChildChange, SupervisorChange};
pub(crate) use group::Manner;
pub(crate) use member::Member;
pub(crate) use types::{
    Allowance, Answer, Effect, Effects, End, Key, Reason, Settings, Shape, Status, Token, Waste,
    Why,
};
pub use types::{AutoShutdown, Strategy};

use crate::actor::{Exit, Policy, Restart};
use crate::policy::backoff::Backoff;
use crate::policy::intensity::{RestartWindow, Verdict};

/// The state of one supervisor. See the file's drawing.
#[derive(Debug)]
pub(crate) struct Plan<C> {
    shape: Shape,
    settings: Settings,
    /// `None`: there is no limit beyond its own.
    allowance: Option<Arc<dyn Allowance>>,
    /// Moments are counted from here.
    began: Instant,
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
    timers: BTreeSet<(Moment, Key)>,
    /// Children in a planned restart, and who waits for it.
    cycling: BTreeMap<Key, Token>,
    restarts: u64,
    /// A significant child has ended by itself, which is still to be looked at.
    has_lost: bool,
}

impl<C> Plan<C> {
    pub(crate) fn new(shape: Shape, settings: Settings, began: Instant) -> Self {
        Self {
            shape,
            settings,
            allowance: None,
            began,
            window: RestartWindow::new(),
            members: Members::new(),
            next_key: 0,
            statics: 0,
            group: None,
            deferred: VecDeque::new(),
            timers: BTreeSet::new(),
            cycling: BTreeMap::new(),
            restarts: 0,
            has_lost: false,
        }
    }

    /// Has it ask for each restart.
    pub(crate) fn under(mut self, allowance: Arc<dyn Allowance>) -> Self {
        self.allowance = Some(allowance);
        self
    }

    // ---- what can be seen ----------------------------------------------

    pub(crate) fn members(&self) -> impl Iterator<Item = (Key, &Member<C>)> {
        self.members.iter()
    }

    pub(crate) fn member(&self, key: Key) -> Option<&Member<C>> {
        self.members.get(&key)
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.restarts
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.group.as_ref().is_some_and(Group::is_end)
    }

    /// When [`Plan::tick`] has something to do, at the earliest.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let timer = self.timers.first().map(|(at, _)| at.instant(self.began));
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
    pub(crate) fn enrol(&mut self, child: C, policy: &Policy) -> Key {
        debug_assert_eq!(self.statics, self.next_key, "enrolled before any is added");
        self.statics += 1;
        let key = self.next_key;
        self.insert(key, child, policy);
        key
    }

    fn insert(&mut self, key: Key, child: C, policy: &Policy) {
        self.next_key = self.next_key.max(key + 1);
        self.members.insert(key, Member::new(child, policy));
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

    /// Adds a child and starts it. `id` is different for each child there ever
    /// is. `None`: it was refused, and is handed back by `Forget`.
    pub(crate) fn add(
        &mut self,
        child: C,
        id: u64,
        policy: &Policy,
        token: Token,
        out: &mut Effects<C>,
    ) -> Option<Key> {
        if self.is_ending() {
            out.push(Effect::Answer(token, Answer::Ending));
            out.push(Effect::Forget(child, Exit::shutdown()));
            return None;
        }
        if let Err(why) = self.settings.admits(policy) {
            out.push(Effect::Answer(token, Answer::Refused(why)));
            out.push(Effect::Forget(child, Exit::shutdown()));
            return None;
        }
        let key = match self.shape {
            Shape::Ordered => self.next_key,
            Shape::Dynamic => id,
        };
        self.insert(key, child, policy);
        let member = self.members.get_mut(&key).expect("just inserted");
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
        self.take_down(key, token, Manner::Stop, now, out);
    }

    /// Tells a child to end in this manner, and keeps it down. One that is being
    /// stopped already ends as it was told first.
    fn take_down(
        &mut self,
        key: Key,
        token: Token,
        manner: Manner,
        now: Instant,
        out: &mut Effects<C>,
    ) {
        // In the middle of a group operation it may still be due to start.
        let was_due = self.is_due(key);
        if let Some(group) = &mut self.group {
            group.to_start.retain(|k| *k != key);
        }
        let Some(member) = self.members.get_mut(&key) else {
            out.push(Effect::Answer(token, Answer::NotFound));
            return;
        };
        let status = member.status;
        match status {
            Status::Down | Status::Resting => {
                self.put_down(key, Exit::shutdown(), out);
                out.push(Effect::Answer(token, Answer::Done));
            }
            // Somebody else had the same wish.
            Status::Stopping if member.asked.is_some() && !was_due => {
                member.rare.get_or_insert_default().also_asked.push(token);
            }
            Status::Starting(_) | Status::Up | Status::Stopping => {
                let starter = std::mem::replace(&mut member.asked, NonZero::new(token));
                member.is_refused = false;
                if let Some(starter) = starter {
                    let answer = Answer::Failed(Exit::shutdown());
                    out.push(Effect::Answer(starter.get(), answer));
                }
                if status != Status::Stopping {
                    self.stop_one(key, manner, now, out);
                    if let Manner::Drain(by) = manner {
                        self.wake_at(key, by);
                    }
                }
            }
        }
    }

    /// Whether a group operation under way is still to start it.
    fn is_due(&self, key: Key) -> bool {
        self.group.as_ref().is_some_and(|g| g.will_start(key))
    }

    /// Starts a child that is down.
    pub(crate) fn restart(&mut self, key: Key, token: Token, out: &mut Effects<C>) {
        if self.is_ending() {
            out.push(Effect::Answer(token, Answer::Ending));
            return;
        }
        let is_due = self.is_due(key);
        let Some(member) = self.members.get_mut(&key) else {
            out.push(Effect::Answer(token, Answer::NotFound));
            return;
        };
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
        let Some(member) = self.members.get(&key) else {
            out.push(Effect::Answer(token, Answer::NotFound));
            return;
        };
        let is_due = self.is_due(key);
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
        let member = self.members.get_mut(&key)?;
        if !matches!(member.status, Status::Starting(_)) {
            return None;
        }
        member.status = Status::Up;
        member.up_since = Moment::of(now, self.began);
        let asked = member.asked.take().map(NonZero::get);
        Some(asked.or_else(|| self.end_cycle(key)))
    }

    pub(crate) fn started(&mut self, key: Key, now: Instant, out: &mut Effects<C>) {
        let Some(member) = self.members.get_mut(&key) else {
            return;
        };
        if matches!(member.status, Status::Starting(_)) {
            member.status = Status::Up;
            member.up_since = Moment::of(now, self.began);
            let asked = member.asked.take().map(NonZero::get);
            if let Some(token) = asked.or_else(|| self.end_cycle(key)) {
                out.push(Effect::Answer(token, Answer::Started));
            }
        }
        if let Some(group) = &mut self.group
            && group.starting == Some(key)
        {
            group.starting = None;
            self.advance(now, out);
        }
    }

    /// Whether the random number that [`Plan::ended`] takes can matter for this
    /// child: only delays are random.
    pub(crate) fn needs_random(&self, key: Key) -> bool {
        let has_limits = |member: &Member<C>| {
            let rare = member.rare.as_ref();
            rare.is_some_and(|rare| rare.limits.is_some())
        };
        self.settings.backoff != Backoff::none() || self.member(key).is_some_and(has_limits)
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
        if self.is_recycled(key, out) {
            return;
        }
        let Some(member) = self.members.get_mut(&key) else {
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
            // It never came up, whatever its end was called.
            (Status::Starting(Why::Asked), End::NotStarted(exit) | End::Exited(exit)) => {
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
            if at.instant(self.began) > now {
                break;
            }
            self.timers.pop_first();
            let Some(member) = self.members.get_mut(&key) else {
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
        let Some(member) = self.members.get_mut(&key) else {
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
        if self.members.get(&key).is_some_and(|m| m.is_kept) {
            self.put_down(key, exit, out);
        } else {
            self.forget(key, exit, out);
        }
    }

    /// A child that nobody told to end has ended.
    fn failed(&mut self, key: Key, exit: Exit, now: Instant, random: f64, out: &mut Effects<C>) {
        let Some(member) = self.members.get_mut(&key) else {
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
            self.has_lost |= member.is_significant && member.status == Status::Up;
            self.put_down(key, exit, out);
            self.consider_auto_shutdown(now, out);
            self.advance(now, out);
            return;
        }
        self.repair(key, exit, now, random, out);
    }

    /// Ends the supervisor if a significant child has ended by itself and that
    /// is what it ends for. During the first start that waits: whoever waits
    /// for the start learns that all came up, and those that still start may be
    /// significant. A group restart need not be finished first.
    fn consider_auto_shutdown(&mut self, now: Instant, out: &mut Effects<C>) {
        let is_boot = |group: &Group| matches!(group.purpose, Purpose::Boot);
        if !self.has_lost || self.group.as_ref().is_some_and(is_boot) {
            return;
        }
        self.has_lost = false;
        let why = match self.settings.auto_shutdown {
            AutoShutdown::Never => return,
            AutoShutdown::AnySignificant => "a significant child ended",
            AutoShutdown::AllSignificant if self.has_significant() => return,
            AutoShutdown::AllSignificant => "all significant children ended",
        };
        let exit = Exit::Shutdown(Some(why.into()));
        self.end(exit, Manner::Stop, None, now, out);
    }

    /// Whether a significant child is up or will be.
    fn has_significant(&self) -> bool {
        let mut wanted: BTreeSet<_> = self.deferred.iter().map(|(key, _)| *key).collect();
        if let Some(group) = &self.group {
            wanted.extend(&group.to_start);
        }
        self.members().any(|(key, member)| {
            let is_there = match member.status {
                Status::Starting(_) | Status::Up | Status::Resting => true,
                // Told to end by command, or to start again with the others.
                Status::Down | Status::Stopping => wanted.contains(&key),
            };
            member.is_significant && is_there
        })
    }

    /// The strategy in force: that of the restart under way, if there is one.
    fn strategy(&self) -> Strategy {
        match self.group.as_ref().map(|group| &group.purpose) {
            Some(Purpose::Restart(strategy)) => *strategy,
            _ => self.settings.strategy,
        }
    }

    /// Restarts what the strategy says, or gives up.
    fn repair(&mut self, key: Key, exit: Exit, now: Instant, random: f64, out: &mut Effects<C>) {
        let strategy = self.strategy();
        let Some(member) = self.members.get_mut(&key) else {
            return;
        };
        let rare = member.rare.get_or_insert_default();
        let reason = Reason {
            exit: exit.clone(),
            at: now,
        };
        let dropped = rare.keep(reason, self.settings.reasons);
        out.extend(dropped.map(|exit| Effect::Drop(Waste::Exit(exit))));
        let ran_for = member
            .up_since
            .filter(|_| member.status == Status::Up || member.status == Status::Down)
            .map_or(Duration::ZERO, |since| {
                now.saturating_duration_since(since.instant(self.began))
            });
        let own = rare.limits.as_ref().and_then(|limits| limits.intensity);
        let verdict = match own {
            Some(own) => rare.window.record(now, &own),
            None => self.window.record(now, &self.settings.intensity),
        };
        let refused = match (verdict, &self.allowance) {
            (Verdict::Exceeded, _) => Some("restart intensity exceeded"),
            (Verdict::Within, Some(all)) if all.take(now) == Verdict::Exceeded => {
                Some("the restart budget of the system is spent")
            }
            (Verdict::Within, _) => None,
        };
        let rest = rare.rest(refused, ran_for);
        if let Some(why) = refused.filter(|_| rest.is_none()) {
            member.status = Status::Down;
            out.push(Effect::Escalate(exit));
            let exit = Exit::Shutdown(Some(why.into()));
            self.end(exit, Manner::Stop, None, now, out);
            return;
        }
        self.restarts += 1;
        let delay = rest.unwrap_or_else(|| {
            let limits = rare.limits.as_ref();
            let backoff = limits
                .and_then(|limits| limits.backoff.as_ref())
                .unwrap_or(&self.settings.backoff);
            rare.failures.next(backoff, ran_for, random)
        });
        if rest.is_some() {
            out.push(Effect::Shut(key));
        }
        match strategy {
            Strategy::OneForOne => {
                if delay.is_zero() {
                    self.launch(key, Why::Repair, out);
                } else {
                    member.status = Status::Resting;
                    self.wake_at(key, now.checked_add(delay));
                }
            }
            Strategy::OneForAll | Strategy::RestForOne => {
                member.status = Status::Down;
                let from = match strategy {
                    Strategy::RestForOne => key,
                    _ => 0,
                };
                self.restart_from(from, key, now.checked_add(delay), now, out);
            }
        }
    }

    fn launch(&mut self, key: Key, why: Why, out: &mut Effects<C>) {
        if let Some(member) = self.members.get_mut(&key) {
            member.status = Status::Starting(why);
            let is_revival = std::mem::take(&mut member.has_ended);
            out.push(Effect::Launch {
                key,
                why,
                is_revival,
            });
        }
    }

    /// The child is down and nothing restarts it by itself.
    fn put_down(&mut self, key: Key, exit: Exit, out: &mut Effects<C>) {
        self.forget_timers(key);
        self.break_cycle(key, Answer::Done, out);
        let Some(member) = self.members.get_mut(&key) else {
            return;
        };
        if let Some(starter) = member.asked.take() {
            out.push(Effect::Answer(starter.get(), Answer::Failed(exit.clone())));
        }
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
        self.break_cycle(key, Answer::Done, out);
        if let Some(member) = self.members.remove(&key) {
            // It would have been started with others, and will not be.
            let starter = member.asked.map(NonZero::get);
            let answer = || Answer::Failed(exit.clone());
            out.extend(starter.map(|token| Effect::Answer(token, answer())));
            if let Some(rare) = member.rare {
                let reasons = rare.reasons.into_iter();
                out.extend(reasons.map(|old| Effect::Drop(Waste::Exit(old.exit))));
            }
            out.push(Effect::Forget(member.child, exit));
        }
    }

    /// A child has ended after the supervisor itself: a static one stays for
    /// the supervisor's next life, another is handed out, to be dropped without
    /// a lock.
    pub(crate) fn bury(&mut self, key: Key) -> Option<Member<C>> {
        let member = self.members.get_mut(&key)?;
        if key < self.statics {
            member.status = Status::Down;
            return None;
        }
        self.members.remove(&key)
    }

    /// Takes out the children that belong to this life of the supervisor only.
    pub(crate) fn take_dynamic(&mut self) -> Vec<Member<C>> {
        self.members.split_off(self.statics)
    }

    /// Sees to it that `tick` looks at this child then; `None` is never.
    fn wake_at(&mut self, key: Key, at: Option<Instant>) {
        let due = at.and_then(|at| Moment::of(at, self.began));
        if let (Some(due), Some(member)) = (due, self.members.get_mut(&key)) {
            member.due = Some(due);
            self.timers.insert((due, key));
        }
    }

    fn forget_timers(&mut self, key: Key) {
        if self.timers.is_empty() {
            return;
        }
        if let Some(due) = self.members.get_mut(&key).and_then(|m| m.due.take()) {
            self.timers.remove(&(due, key));
        }
    }
}

mod operations;

#[cfg(test)]
mod tests;
