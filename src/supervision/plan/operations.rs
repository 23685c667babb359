//! Commands about one child that are not OTP's: a restart that is planned, and
//! an end that lets the queue finish.

use std::time::Instant;

use super::{Answer, Effects, Key, Manner, Plan, Status, Token, Why};

impl<C> Plan<C> {
    /// Stops a child by its own shutdown policy and starts it again. The slot
    /// stays open, and it counts against no intensity. Answered when the child is
    /// up, or will not be.
    pub(crate) fn cycle(&mut self, key: Key, token: Token, now: Instant, out: &mut Effects<C>) {
        let refusal = self.why_not_cycle(key);
        if let Some(answer) = refusal {
            out.push(super::Effect::Answer(token, answer));
            return;
        }
        // Not as `asked`: that one wants the child to stay down.
        self.cycling.insert(key, token);
        self.stop_one(key, Manner::Stop, now, out);
    }

    fn why_not_cycle(&self, key: Key) -> Option<Answer> {
        if self.is_ending() {
            return Some(Answer::Ending);
        }
        let Some(member) = self.members.get(&key) else {
            return Some(Answer::NotFound);
        };
        let is_in_group = self.group.as_ref().is_some_and(|g| g.concerns(key));
        if is_in_group || self.cycling.contains_key(&key) {
            return Some(Answer::Restarting);
        }
        match member.status {
            Status::Up => None,
            Status::Resting | Status::Starting(Why::Repair) => Some(Answer::Restarting),
            Status::Starting(Why::Asked) => Some(Answer::Running),
            // Down, or about to be.
            Status::Down | Status::Stopping => Some(Answer::Done),
        }
    }

    /// A child has ended; `true`: as planned, and it is started again.
    pub(super) fn is_recycled(&mut self, key: Key, out: &mut Effects<C>) -> bool {
        if !self.cycling.contains_key(&key) {
            return false;
        }
        let is_wanted = self
            .members
            .get(&key)
            .is_some_and(|m| m.status == Status::Stopping && m.asked.is_none());
        // A group that came meanwhile, the end among them, restarts or ends it in
        // its own turn.
        let is_in_group = self.group.as_ref().is_some_and(|g| g.concerns(key));
        if !is_wanted || is_in_group {
            return false;
        }
        self.restarts += 1;
        self.launch(key, Why::Repair, out);
        true
    }

    /// A planned restart is over, in whichever way.
    pub(super) fn end_cycle(&mut self, key: Key) -> Option<Token> {
        if self.cycling.is_empty() {
            return None;
        }
        self.cycling.remove(&key)
    }

    /// A planned restart will not be finished: whoever waits for it is told.
    pub(super) fn break_cycle(&mut self, key: Key, answer: Answer, out: &mut Effects<C>) {
        if let Some(token) = self.end_cycle(key) {
            out.push(super::Effect::Answer(token, answer));
        }
    }

    /// As [`Plan::terminate`], but the child finishes its queue first. Whoever
    /// has not ended by then is killed.
    pub(crate) fn drain_child(
        &mut self,
        key: Key,
        by: Option<Instant>,
        token: Token,
        now: Instant,
        out: &mut Effects<C>,
    ) {
        self.take_down(key, token, Manner::Drain(by), now, out);
    }
}
