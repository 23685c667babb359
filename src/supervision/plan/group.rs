//! Operations on many children: the first start, a restart of all or of the
//! rest, the end.

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZero;
use std::time::Instant;

use super::Plan;
use super::types::{Answer, Effect, Effects, Key, Shape, Status, Strategy, Waste, Why};
use crate::actor::{Exit, Restart, Shutdown};

/// Children that are told to end in one step where all are told at once. What a
/// step decides is kept until it is done, and the ends of the first come in
/// while the last are told: so a million are not held in memory once more.
const WAVE: usize = if cfg!(test) { 2 } else { 512 };

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
pub(super) enum Purpose {
    Boot,
    /// It ends as it began, whatever the strategy has become meanwhile.
    Restart(Strategy),
    End {
        exit: Exit,
        manner: Manner,
        failed: Option<(Key, Exit)>,
    },
}

/// A group operation under way.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) purpose: Purpose,
    /// Rises; popped from the back.
    pub(super) to_stop: Vec<Key>,
    pub(super) stopping: BTreeSet<Key>,
    pub(super) rest_until: Option<Instant>,
    /// Rises.
    pub(super) to_start: VecDeque<Key>,
    pub(super) starting: Option<Key>,
    /// The next wave is told by [`Plan::go_on`].
    pub(super) is_between_waves: bool,
}

impl Group {
    pub(super) fn concerns(&self, key: Key) -> bool {
        self.to_stop.binary_search(&key).is_ok()
            || self.stopping.contains(&key)
            || self.will_start(key)
    }

    pub(super) fn will_start(&self, key: Key) -> bool {
        self.to_start.binary_search(&key).is_ok()
    }

    pub(super) fn is_end(&self) -> bool {
        matches!(self.purpose, Purpose::End { .. })
    }

    /// Until when it rests, if that is what it waits for. While children are
    /// still stopping there is nothing to wake up for.
    pub(super) fn rest(&self) -> Option<Instant> {
        self.rest_until
            .filter(|_| self.to_stop.is_empty() && self.stopping.is_empty())
    }
}

impl<C> Plan<C> {
    /// Stops every child from this one on, and starts them again in order.
    pub(super) fn restart_from(
        &mut self,
        from: Key,
        failed: Key,
        rest_until: Option<Instant>,
        now: Instant,
        out: &mut Effects<C>,
    ) {
        let strategy = self.strategy();
        let mut to_stop = Vec::new();
        let mut to_start = VecDeque::new();
        for (key, member) in self.members.from(from) {
            match member.status {
                // Ended for good by its own rule or by command: stays down.
                Status::Down if key != failed && member.has_ended => continue,
                Status::Down => {}
                _ => to_stop.push(key),
            }
            // Told to end by command, and not only to start again with the
            // others while somebody waits for its start.
            let is_due = |group: &Group| group.will_start(key);
            let is_terminated = member.status == Status::Stopping
                && member.asked.is_some()
                && !self.group.as_ref().is_some_and(is_due);
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
            purpose: Purpose::Restart(strategy),
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
    pub(super) fn end(
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
        let deferred = self.deferred.drain(..);
        out.extend(deferred.map(|(_, exit)| Effect::Drop(Waste::Exit(exit))));
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
    pub(super) fn advance(&mut self, now: Instant, out: &mut Effects<C>) {
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
                let Some(member) = self.members.get_mut(&key) else {
                    continue;
                };
                match member.status {
                    Status::Down | Status::Resting => {
                        group.stopping.insert(key);
                        self.stopped(key, Exit::shutdown(), out);
                    }
                    Status::Starting(_) | Status::Up | Status::Stopping => {
                        if let Status::Starting(_) = member.status {
                            // Whoever waits for its start learns of the end now,
                            // and otherwise when it has ended, unless it goes on.
                            let waiting = member.asked.take_if(|_| is_end);
                            let answer =
                                |token: NonZero<_>| Effect::Answer(token.get(), Answer::Ending);
                            out.extend(waiting.map(answer));
                            member.is_refused = !group.will_start(key);
                        }
                        group.stopping.insert(key);
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
                if self.members.contains_key(&key) {
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
                Purpose::Restart(_) => {}
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
            self.consider_auto_shutdown(now, out);
            if self.group.is_some() {
                return;
            }
            while let Some((key, exit)) = self.deferred.pop_front() {
                let is_wanted = self
                    .members
                    .get(&key)
                    .is_some_and(|m| m.status == Status::Down && !m.has_ended);
                if is_wanted {
                    // There is no number at hand: it takes the middle of what its
                    // backoff allows.
                    self.repair(key, exit, now, 0.5, out);
                    if self.group.is_some() {
                        return;
                    }
                }
            }
        }
    }

    pub(super) fn stop_one(
        &mut self,
        key: Key,
        manner: Manner,
        now: Instant,
        out: &mut Effects<C>,
    ) {
        let Some(member) = self.members.get_mut(&key) else {
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
                self.wake_at(key, now.checked_add(limit));
            }
        }
    }

    /// A child that was to be stopped is stopped.
    pub(super) fn stopped(&mut self, key: Key, exit: Exit, out: &mut Effects<C>) {
        self.forget_timers(key);
        let (is_group, is_end, will_start) = match &mut self.group {
            Some(group) => {
                if group.starting == Some(key) {
                    // Terminated while the group started it: the next one.
                    group.starting = None;
                }
                // Looked for only where it ended before it was told to.
                let mut concerned = group.stopping.remove(&key);
                if !concerned && let Ok(at) = group.to_stop.binary_search(&key) {
                    group.to_stop.remove(at);
                    concerned = true;
                }
                (concerned, group.is_end(), group.will_start(key))
            }
            None => (false, false, false),
        };
        let Some(member) = self.members.get_mut(&key) else {
            return;
        };
        member.status = Status::Down;
        let is_refused = std::mem::take(&mut member.is_refused);
        if is_group && !is_end && will_start {
            // Whoever waits for its start waits on.
            return;
        }
        let asked = member.asked.take().map(NonZero::get);
        let refusal = is_refused.then(|| Answer::Failed(exit.clone()));
        let also_asked = match &mut member.rare {
            Some(rare) => std::mem::take(&mut rare.also_asked),
            None => Vec::new(),
        };
        if is_end {
            self.break_cycle(key, Answer::Ending, out);
            let Some(member) = self.members.get_mut(&key) else {
                return;
            };
            // A static child of a supervisor that ends belongs to the next
            // incarnation of that supervisor; the keeper closes it when there
            // is none.
            if key >= self.statics || member.restart == Restart::Temporary {
                self.forget(key, exit, out);
            }
        } else {
            self.put_down(key, exit, out);
        }
        let first = refusal.unwrap_or(Answer::Done);
        out.extend(asked.map(|token| Effect::Answer(token, first)));
        let others = also_asked.into_iter();
        out.extend(others.map(|token| Effect::Answer(token, Answer::Done)));
    }
}
