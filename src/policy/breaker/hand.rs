//! What somebody does to a breaker by hand.

use std::time::Instant;

use super::config::BreakerConfig;
use super::event::{Cause, Event, IllegalTransition, State};
use super::machine::{Breaker, Phase};
use super::window::Tally;

impl Breaker {
    /// Changes the state by hand. What it has counted is forgotten, and calls
    /// under way count no more; also where it is in that state already, which
    /// is no change otherwise.
    ///
    /// # Errors
    ///
    /// The state [may not become](State::may_become) that one; nothing changes.
    pub fn turn(&mut self, to: State, now: Instant) -> Result<(), IllegalTransition> {
        self.turn_with(to, now, &mut |_| {})
    }

    /// As [`turn`](Self::turn), and tells what happened.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub fn turn_with(
        &mut self,
        to: State,
        now: Instant,
        tell: &mut impl FnMut(Event),
    ) -> Result<(), IllegalTransition> {
        let from = self.state();
        if !from.may_become(to) {
            return Err(IllegalTransition { from, to });
        }
        self.enter(to, Cause::ByHand, now, tell);
        Ok(())
    }

    /// Closes it and forgets everything, the growth of its waits too.
    pub fn reset(&mut self, now: Instant) {
        self.reset_with(now, &mut |_| {});
    }

    /// As [`reset`](Self::reset), and tells what happened.
    pub fn reset_with(&mut self, now: Instant, tell: &mut impl FnMut(Event)) {
        self.enter(State::Closed, Cause::ByHand, now, tell);
        tell(Event::Reset);
    }

    /// Takes other settings, in the state it is in.
    ///
    /// An open breaker has been open for as long as it has, and waits for what
    /// is left of its new wait. A trial begins again. What was counted while
    /// closed goes on to count, unless it is counted in another way now.
    pub fn reconfigure(&mut self, config: BreakerConfig, now: Instant) {
        let old = std::mem::replace(&mut self.config, config);
        let counts_alike =
            old.window == self.config.window && old.trip.has_rate() == self.config.trip.has_rate();
        match &mut self.phase {
            Phase::Closed(tally) | Phase::MetricsOnly { tally, .. } if !counts_alike => {
                *tally = Tally::new(&self.config);
            }
            Phase::HalfOpen { .. } => {
                self.enter(State::HalfOpen, Cause::ByHand, now, &mut |_| {});
            }
            _ => {}
        }
    }
}
