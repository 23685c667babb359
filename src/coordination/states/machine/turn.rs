//! What the machine does about one event.

use std::sync::Arc;
use std::time::Duration;

use super::{Active, Phase, Progress};
use crate::actor::FaultClass;
use crate::coordination::protocol::{Call, Effect, Fact, Failure, Feed, StepOutcome, Timer};
use crate::coordination::states::plan::{Place, Plan};
use crate::coordination::states::report::{Cause, Transition};
use crate::coordination::states::rules::Activity;

/// One event, and what is said about it.
pub(super) struct Turn<'a> {
    pub(super) plan: &'a Plan,
    pub(super) progress: &'a mut Progress,
    pub(super) now: Duration,
    pub(super) effects: &'a mut Vec<Effect>,
}

/// The timer of a state.
pub(super) fn timer(state: usize) -> Timer {
    Timer::try_from(state).unwrap_or(Timer::MAX)
}

/// # What happens
impl Turn<'_> {
    /// A region begins in its first state.
    pub(super) fn begin(&mut self, region: usize, feed: Feed) {
        let states = self.plan.regions[region].states.clone();
        let first = states.start;
        self.progress.transitions[region] = 0;
        self.progress.visits[states].fill(0);
        self.progress.visits[first] = 1;
        self.enter(region, first, feed);
    }

    pub(super) fn answered(&mut self, call: Call, fact: Fact) {
        let Some(region) = self.region_of(call) else {
            return;
        };
        let Some(active) = &mut self.progress.active[region] else {
            return;
        };
        active.call = None;
        active.feed = Feed::AnswerTo(call);
        let phase = std::mem::replace(&mut active.phase, Phase::Inside);
        match phase {
            Phase::Before(step) => self.go_before(region, step + 1),
            Phase::Working | Phase::Joining => self.decide(region),
            Phase::Copying => {
                let plan = self.plan;
                let regions = plan.states[active.state].activity.regions().iter();
                for (at, &inside) in regions.enumerate() {
                    self.begin(inside, Feed::Part { of: call, at });
                }
            }
            Phase::Deciding => self.decided(region, fact),
            Phase::Leaving { exit, to, cause } => self.leave(region, exit + 1, to, cause),
            Phase::Inside | Phase::Ended => {}
        }
    }
}

/// # From state to state
impl Turn<'_> {
    fn enter(&mut self, region: usize, state: usize, feed: Feed) {
        self.progress.active[region] = Some(Active {
            state,
            phase: Phase::Before(0),
            entered: feed.clone(),
            feed,
            call: None,
        });
        if let Some((after, _)) = self.plan.states[state].onward.within {
            let timer = timer(state);
            self.effects.push(Effect::SetTimer { timer, after });
        }
        self.go_before(region, 0);
    }

    /// The next step before the work, or the work.
    fn go_before(&mut self, region: usize, step: usize) {
        let Some(place) = self.place(region) else {
            return;
        };
        if let Some(worker) = place.step_before(step) {
            return self.ask(region, worker, Phase::Before(step));
        }
        match &place.activity {
            Activity::Nothing => self.decide(region),
            Activity::Works => self.ask(region, place.worker(), Phase::Working),
            Activity::Parallel(_) => self.ask(region, place.worker(), Phase::Copying),
            Activity::Nested(inside) => {
                if let Some(active) = &mut self.progress.active[region] {
                    active.phase = Phase::Inside;
                    let feed = active.feed.clone();
                    self.begin(*inside, feed);
                }
            }
            Activity::Ends => self.end(region),
            Activity::Fails => {
                let why = format!("it ended in {:?}, which is a failure", place.path);
                self.fail_state(region, FaultClass::Permanent, Failure::because(why));
            }
        }
    }

    fn decide(&mut self, region: usize) {
        if let Some(place) = self.place(region) {
            self.ask(region, place.decider(), Phase::Deciding);
        }
    }

    fn decided(&mut self, region: usize, fact: Fact) {
        let Some(place) = self.place(region) else {
            return;
        };
        let way = match fact {
            Fact::Choice(way) => place.onward.ways.get(way as usize),
            _ => None,
        };
        let Some(way) = way else {
            let why = format!("{:?} decided for a way that there is not", place.path);
            return self.fail(Failure::because(why));
        };
        if place.onward.within.is_some() {
            self.effects
                .push(Effect::StopTimer(timer(self.state(region))));
        }
        if let Some(active) = &self.progress.active[region]
            && place.onward.keeps_entry()
            && active.entered != active.feed
        {
            forget(&active.entered, self.effects);
        }
        let cause = match &way.guard {
            Some(guard) => Cause::Guard(Arc::clone(guard)),
            None => Cause::Otherwise,
        };
        self.leave(region, 0, way.to, cause);
    }

    /// The next exit action, or the next state.
    pub(super) fn leave(&mut self, region: usize, exit: usize, to: usize, cause: Cause) {
        let Some(place) = self.place(region) else {
            return;
        };
        if exit < place.exits {
            let phase = Phase::Leaving { exit, to, cause };
            self.ask(region, place.exit(exit), phase);
        } else {
            self.go(region, to, cause);
        }
    }

    fn go(&mut self, region: usize, mut to: usize, mut cause: Cause) {
        let plan = self.plan;
        let mut from = self.state(region);
        loop {
            if let Err(failure) = self.count(region, from) {
                return self.fail(failure);
            }
            self.progress.log.push(Transition {
                from: Arc::clone(&plan.states[from].path),
                to: Arc::clone(&plan.states[to].path),
                cause,
                at: self.now,
            });
            let target = plan.states[to].host();
            self.note(&plan.states[from], StepOutcome::WentTo(target));
            let visits = self.progress.visits[to] + 1;
            let bound = plan.states[to]
                .onward
                .visits
                .filter(|bound| visits > bound.at_most);
            match bound.map(|bound| (bound.at_most, bound.or)) {
                None => {
                    self.progress.visits[to] = visits;
                    let left = self.progress.active[region].take();
                    let feed = left.map_or(Feed::Input, |active| active.feed);
                    return self.enter(region, to, feed);
                }
                Some((at_most, Some(instead))) => {
                    (from, to, cause) = (to, instead, Cause::Visits(at_most));
                }
                Some((at_most, None)) => {
                    let path = &plan.states[to].path;
                    let why = format!("{path:?} may be entered {at_most} times, and no more");
                    return self.fail(Failure::because(why));
                }
            }
        }
    }

    /// Counts a transition in its region and in those around it.
    fn count(&mut self, region: usize, from: usize) -> Result<(), Failure> {
        let mut around = Some(region);
        while let Some(region) = around {
            let made = &mut self.progress.transitions[region];
            let at_most = self.plan.regions[region].at_most;
            if *made >= at_most {
                let path = &self.plan.states[from].path;
                let why = format!("it left {path:?} after {at_most} transitions, and has no more");
                return Err(Failure::because(why));
            }
            *made += 1;
            around = self.plan.outer(region);
        }
        Ok(())
    }

    /// A region has ended: the run has, or the state that it is in goes on when
    /// those beside it have ended too.
    fn end(&mut self, region: usize) {
        let plan = self.plan;
        let Some(active) = &mut self.progress.active[region] else {
            return;
        };
        active.phase = Phase::Ended;
        let feed = active.feed.clone();
        let Some(parent) = plan.regions[region].parent else {
            let place = &plan.states[active.state];
            self.note(place, StepOutcome::Done);
            self.progress.is_over = true;
            self.effects.push(Effect::Finish(feed));
            return;
        };
        let place = &plan.states[parent];
        if let Activity::Nested(_) = place.activity {
            self.progress.active[region] = None;
            if let Some(outer) = &mut self.progress.active[place.region] {
                outer.feed = feed;
            }
            self.decide(place.region);
        } else {
            self.join(place);
        }
    }

    fn join(&mut self, place: &Place) {
        let regions = place.activity.regions();
        let ended = regions.iter().map(|&region| {
            let active = self.progress.active[region].as_ref();
            match active.map(|active| (&active.phase, &active.feed)) {
                Some((Phase::Ended, &Feed::AnswerTo(call))) => Some(call),
                _ => None,
            }
        });
        let Some(ends) = ended.collect::<Option<Vec<Call>>>() else {
            return;
        };
        for &region in regions {
            self.progress.active[region] = None;
        }
        let call = self.next_call();
        if let Some(outer) = &mut self.progress.active[place.region] {
            outer.phase = Phase::Joining;
            outer.call = Some(call);
            self.effects.push(Effect::Ask {
                call,
                worker: place.joiner(),
                feed: Feed::Gather(ends.clone()),
            });
            // That which the regions began with.
            forget(&outer.feed, self.effects);
            self.effects.extend(ends.into_iter().map(Effect::Forget));
        }
    }
}

/// # What it needs for that
impl<'a> Turn<'a> {
    /// The state that a region is in.
    pub(super) fn place(&self, region: usize) -> Option<&'a Place> {
        let active = self.progress.active[region].as_ref()?;
        Some(&self.plan.states[active.state])
    }

    fn state(&self, region: usize) -> usize {
        let active = self.progress.active[region].as_ref();
        active.map_or(self.plan.regions[region].states.start, |active| {
            active.state
        })
    }

    pub(super) fn region_of(&self, call: Call) -> Option<usize> {
        let is_its = |active: &Option<Active>| {
            active
                .as_ref()
                .is_some_and(|active| active.call == Some(call))
        };
        self.progress.active.iter().position(is_its)
    }

    fn next_call(&mut self) -> Call {
        let call = self.progress.calls;
        self.progress.calls += 1;
        call
    }

    /// Asks a participant of the state that a region is in.
    fn ask(&mut self, region: usize, worker: usize, phase: Phase) {
        let call = self.next_call();
        let Some(active) = &mut self.progress.active[region] else {
            return;
        };
        let is_left = matches!(phase, Phase::Leaving { .. });
        let is_kept = self.plan.states[active.state].onward.keeps_entry()
            && !is_left
            && active.feed == active.entered;
        let feed = active.feed.clone();
        active.phase = phase;
        active.call = Some(call);
        let forgets = (!is_kept).then(|| feed.clone());
        self.effects.push(Effect::Ask { call, worker, feed });
        if let Some(feed) = forgets {
            forget(&feed, self.effects);
        }
    }

    pub(super) fn note(&mut self, place: &Place, outcome: StepOutcome) {
        let worker = place.host();
        self.effects.push(Effect::Note { worker, outcome });
    }
}

/// Nothing will be fed with this any more.
pub(super) fn forget(feed: &Feed, effects: &mut Vec<Effect>) {
    if let Feed::AnswerTo(call) = feed {
        effects.push(Effect::Forget(*call));
    }
}
