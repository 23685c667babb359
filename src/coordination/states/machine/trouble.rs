//! What the machine does when a state fails, or its time is up.

use super::turn::{Turn, forget, timer};
use super::{Active, Phase};
use crate::actor::FaultClass;
use crate::coordination::protocol::{Call, Effect, Failure, StepOutcome, Timer};
use crate::coordination::states::report::Cause;

impl Turn<'_> {
    pub(super) fn failed(&mut self, call: Call, class: FaultClass) {
        let Some(region) = self.region_of(call) else {
            return;
        };
        let Some(active) = &mut self.progress.active[region] else {
            return;
        };
        active.call = None;
        let is_of_the_state = match active.phase {
            Phase::Before(step) => self.plan.states[active.state].is_entry_action(step),
            Phase::Working => true,
            _ => false,
        };
        if is_of_the_state {
            self.fail_state(region, class, Failure::Call(call));
        } else {
            self.fail(Failure::Call(call));
        }
    }

    pub(super) fn time_up(&mut self, due: Timer) {
        let plan = self.plan;
        let state = due as usize;
        let Some(place) = plan.states.get(state) else {
            return;
        };
        let (Some((_, to)), Some(active)) =
            (place.onward.within, &self.progress.active[place.region])
        else {
            return;
        };
        let is_left = matches!(active.phase, Phase::Leaving { .. } | Phase::Ended);
        if active.state == state && !is_left {
            self.note(place, StepOutcome::TimedOut);
            self.abandon(place.region, to, Cause::Timeout);
        }
    }

    /// A state has failed: it goes where it goes then, or so does the first one
    /// around it that knows where; or the run fails.
    pub(super) fn fail_state(&mut self, mut region: usize, class: FaultClass, failure: Failure) {
        let plan = self.plan;
        loop {
            let Some(place) = self.place(region) else {
                return;
            };
            if let Some(to) = place.onward.on_failure {
                self.note(place, StepOutcome::Failed);
                return self.abandon(region, to, Cause::Failure(class));
            }
            match plan.outer(region) {
                Some(outer) => region = outer,
                None => {
                    self.note(place, StepOutcome::Failed);
                    return self.fail(failure);
                }
            }
        }
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.progress.is_over = true;
        self.effects.push(Effect::Fail(failure));
    }

    /// Leaves a state that is not done, with what it was entered with.
    fn abandon(&mut self, region: usize, to: usize, cause: Cause) {
        let Some(mut active) = self.progress.active[region].take() else {
            return;
        };
        self.cancel(&mut active);
        if active.feed != active.entered {
            forget(&active.feed, self.effects);
        }
        active.feed = active.entered.clone();
        self.progress.active[region] = Some(active);
        self.leave(region, 0, to, cause);
    }

    /// Ends all that is under way in a state.
    fn cancel(&mut self, active: &mut Active) {
        let place = &self.plan.states[active.state];
        self.effects.extend(active.call.take().map(Effect::Cancel));
        if place.onward.within.is_some() {
            self.effects.push(Effect::StopTimer(timer(active.state)));
        }
        for &region in place.activity.regions() {
            if let Some(mut inside) = self.progress.active[region].take() {
                self.cancel(&mut inside);
                forget(&inside.entered, self.effects);
                forget(&inside.feed, self.effects);
            }
        }
    }
}
