//! Changes to a supervisor and its children while they run.
//!
//! A change is applied to what holds now, what comes out is checked as at the
//! build, and only then taken: all of it or nothing.

use std::collections::VecDeque;
use std::time::Duration;

use super::Plan;
use super::types::{
    Answer, AutoShutdown, Effect, Effects, Key, Reason, Settings, Status, Strategy, Token, Waste,
};
use crate::actor::{InvalidSpec, Policy, Restart, Shutdown};
use crate::policy::backoff::Backoff;
use crate::policy::intensity::Intensity;

/// What is to be different about a running supervisor. What is not named stays.
///
/// Taken by [`SupervisorRef::reconfigure`](crate::supervision::SupervisorRef::reconfigure).
#[derive(Clone, Debug, Default)]
#[must_use = "a change does nothing until it is given to a supervisor"]
pub struct SupervisorChange {
    strategy: Option<Strategy>,
    intensity: Option<Intensity>,
    backoff: Option<Backoff>,
    auto_shutdown: Option<AutoShutdown>,
    reasons: Option<u8>,
}

impl SupervisorChange {
    /// No change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whose restart follows from one child's, from the next failure on.
    /// Default: as it was.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = Some(strategy);
        self
    }

    /// Gives up at more than `max_restarts` restarts within `period`. Restarts
    /// so far count on. Default: as it was.
    pub fn intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.intensity = Some(Intensity::new(max_restarts, period));
        self
    }

    /// How long to wait before a restart, from the next failure on. Failures so
    /// far count on. Default: as it was.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// When it ends because significant children have ended by themselves,
    /// from the next such end on. Default: as it was.
    pub fn auto_shutdown(mut self, auto_shutdown: AutoShutdown) -> Self {
        self.auto_shutdown = Some(auto_shutdown);
        self
    }

    /// How many reasons of restarts it keeps of each child. Default: as it was.
    pub fn reasons(mut self, kept: u8) -> Self {
        self.reasons = Some(kept);
        self
    }

    fn of(self, old: &Settings) -> Settings {
        Settings {
            strategy: self.strategy.unwrap_or(old.strategy),
            intensity: self.intensity.unwrap_or(old.intensity),
            backoff: self.backoff.unwrap_or_else(|| old.backoff.clone()),
            auto_shutdown: self.auto_shutdown.unwrap_or(old.auto_shutdown),
            reasons: self.reasons.unwrap_or(old.reasons),
        }
    }
}

/// One setting of a child: its own, or its supervisor's.
#[derive(Clone, Debug)]
enum Own<T> {
    Of(T),
    Supervisors,
}

impl<T> Own<T> {
    fn limit(self) -> Option<T> {
        match self {
            Self::Of(own) => Some(own),
            Self::Supervisors => None,
        }
    }
}

/// What is to be different about a child. What is not named stays.
///
/// Taken by
/// [`SupervisorRef::reconfigure_child`](crate::supervision::SupervisorRef::reconfigure_child).
#[derive(Clone, Debug, Default)]
#[must_use = "a change does nothing until it is given to a supervisor"]
pub struct ChildChange {
    restart: Option<Restart>,
    shutdown: Option<Shutdown>,
    is_significant: Option<bool>,
    backoff: Option<Own<Backoff>>,
    intensity: Option<Own<Intensity>>,
}

impl ChildChange {
    /// No change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// When it is restarted, from its next end on. Default: as it was.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = Some(restart);
        self
    }

    /// How it is ended; an end under way keeps its limit. Default: as it was.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = Some(shutdown);
        self
    }

    /// Makes its end matter to its supervisor. Default: as it was.
    pub fn significant(mut self) -> Self {
        self.is_significant = Some(true);
        self
    }

    /// Makes its end matter no more. Default: as it was.
    pub fn insignificant(mut self) -> Self {
        self.is_significant = Some(false);
        self
    }

    /// Gives it a backoff of its own, from its next failure on. Default: as it
    /// was.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(Own::Of(backoff));
        self
    }

    /// Has it follow its supervisor's backoff again. Default: as it was.
    pub fn supervisors_backoff(mut self) -> Self {
        self.backoff = Some(Own::Supervisors);
        self
    }

    /// Gives it an intensity of its own; its restarts so far count where they
    /// were counted. Default: as it was.
    pub fn intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.intensity = Some(Own::Of(Intensity::new(max_restarts, period)));
        self
    }

    /// Has it counted with its siblings again. Default: as it was.
    pub fn supervisors_intensity(mut self) -> Self {
        self.intensity = Some(Own::Supervisors);
        self
    }

    fn of(self, mut policy: Policy) -> Policy {
        policy.restart = self.restart.unwrap_or(policy.restart);
        policy.shutdown = self.shutdown.unwrap_or(policy.shutdown);
        policy.is_significant = self.is_significant.unwrap_or(policy.is_significant);
        if let Some(backoff) = self.backoff {
            policy.limits().backoff = backoff.limit();
        }
        if let Some(intensity) = self.intensity {
            policy.limits().intensity = intensity.limit();
        }
        policy
    }
}

/// What a supervisor's next life takes over of a child that it began with.
#[derive(Debug)]
pub(crate) struct Heir<C> {
    pub(crate) child: C,
    pub(crate) policy: Policy,
    pub(crate) reasons: VecDeque<Reason>,
}

impl<C> Plan<C> {
    /// Changes what it decides by.
    pub(crate) fn reconfigure(
        &mut self,
        change: SupervisorChange,
        token: Token,
        out: &mut Effects<C>,
    ) {
        let answer = if self.is_ending() {
            Answer::Ending
        } else {
            let next = change.of(&self.settings);
            match self.check(&next) {
                Ok(()) => {
                    self.settings = next;
                    Answer::Done
                }
                Err(why) => Answer::Refused(why),
            }
        };
        out.push(Effect::Answer(token, answer));
    }

    fn check(&self, next: &Settings) -> Result<(), InvalidSpec> {
        next.validate(self.shape)?;
        let is_news = next.auto_shutdown != self.settings.auto_shutdown;
        if is_news && next.auto_shutdown == AutoShutdown::Never {
            let significant = self.members().find(|(_, member)| member.is_significant);
            if let Some((_, member)) = significant {
                return next.admits(&member.policy());
            }
        }
        Ok(())
    }

    /// Changes what it may do with a child.
    pub(crate) fn reconfigure_child(
        &mut self,
        key: Key,
        change: ChildChange,
        token: Token,
        out: &mut Effects<C>,
    ) {
        let is_ending = self.is_ending();
        let is_due = self.is_due(key);
        let answer = match self.members.get_mut(&key) {
            _ if is_ending => Answer::Ending,
            None => Answer::NotFound,
            Some(member) => {
                let next = change.of(member.policy());
                let is_gone = is_due || matches!(member.status, Status::Down | Status::Resting);
                let may_become = if is_gone {
                    may_become(member.restart, &next)
                } else {
                    Ok(())
                };
                match may_become.and_then(|()| self.settings.admits(&next)) {
                    Ok(()) => {
                        member.adopt(&next);
                        Answer::Done
                    }
                    Err(why) => Answer::Refused(why),
                }
            }
        };
        out.push(Effect::Answer(token, answer));
    }

    /// Exchanges a child for one that is made in another way; the next launch
    /// takes it.
    pub(crate) fn replace(&mut self, key: Key, new: C, token: Token, out: &mut Effects<C>) {
        let is_ending = self.is_ending();
        let (answer, waste) = match self.members.get_mut(&key) {
            _ if is_ending => (Answer::Ending, new),
            None => (Answer::NotFound, new),
            Some(member) => (Answer::Done, std::mem::replace(&mut member.child, new)),
        };
        out.push(Effect::Answer(token, answer));
        out.push(Effect::Drop(Waste::Child(waste)));
    }

    // ---- from one life of a supervisor to the next ------------------------

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The children that it began with, as they are now, by their place among
    /// them.
    pub(crate) fn heirs(&self) -> impl Iterator<Item = (Key, Heir<C>)>
    where
        C: Clone,
    {
        let statics = self.statics;
        let enrolled = self
            .members
            .iter()
            .take_while(move |(key, _)| *key < statics);
        enrolled.map(|(key, member)| {
            let heir = Heir {
                child: member.child.clone(),
                policy: member.policy(),
                reasons: member.reasons().cloned().collect(),
            };
            (key, heir)
        })
    }

    /// Gives an enrolled child the reasons of its earlier restarts.
    pub(crate) fn remember(&mut self, key: Key, reasons: VecDeque<Reason>) {
        if let Some(member) = self.members.get_mut(&key)
            && !reasons.is_empty()
        {
            member.rare.get_or_insert_default().reasons = reasons;
        }
    }
}

/// A child that is down would have been forgotten if it had been temporary, and
/// one that is to be started with its siblings would not be.
fn may_become(restart: Restart, next: &Policy) -> Result<(), InvalidSpec> {
    if next.restart == Restart::Temporary && restart != Restart::Temporary {
        return Err(InvalidSpec::Combination(
            "a child that is down or being restarted cannot become temporary, delete it or wait for it",
        ));
    }
    Ok(())
}
