//! Which machines are refused: the arithmetic of states and what leads on.

use std::sync::Arc;

use super::invalid::{InvalidStateMachine, MOST_DEEP, MOST_TIMEOUTS};
use super::rules::{Activity, RegionRules, StateRules};

impl RegionRules {
    /// Refuses what could not run, or not end.
    pub(super) fn check(&self) -> Result<(), InvalidStateMachine> {
        self.check_inside(0)?;
        match self.timeouts() {
            timeouts if timeouts > MOST_TIMEOUTS => {
                Err(InvalidStateMachine::TooManyTimeouts(timeouts))
            }
            _ => Ok(()),
        }
    }

    fn check_inside(&self, depth: usize) -> Result<(), InvalidStateMachine> {
        if self.states.is_empty() {
            return Err(InvalidStateMachine::NoStates);
        }
        if self.at_most == 0 {
            return Err(InvalidStateMachine::Zero("the number of transitions"));
        }
        for (at, state) in self.states.iter().enumerate() {
            let is_there = |earlier: &StateRules| earlier.name == state.name;
            if self.states[..at].iter().any(is_there) {
                return Err(InvalidStateMachine::DuplicateState(state.name()));
            }
            state.check(self.states.len())?;
            for region in state.activity.regions() {
                if depth == MOST_DEEP {
                    return Err(InvalidStateMachine::TooDeep(state.name()));
                }
                region.check_inside(depth + 1)?;
            }
        }
        let reached = self.reached();
        if reached.contains(&false) {
            let all = self.states.iter().zip(reached);
            let lost = all.filter(|(_, is_reached)| !is_reached);
            let lost = lost.map(|(state, _)| state.name());
            return Err(InvalidStateMachine::Unreachable(lost.collect()));
        }
        match self.endless() {
            Some(circle) => Err(InvalidStateMachine::NonTerminating(circle)),
            None => Ok(()),
        }
    }

    /// Which states can be reached from the first.
    fn reached(&self) -> Vec<bool> {
        let mut reached = vec![false; self.states.len()];
        let mut left = vec![0];
        while let Some(state) = left.pop() {
            if !std::mem::replace(&mut reached[state], true) {
                left.extend(self.states[state].onward.targets());
            }
        }
        reached
    }

    /// A circle from which there is no way to an end.
    fn endless(&self) -> Option<Vec<Arc<str>>> {
        let states = self.states.iter();
        let mut ends: Vec<bool> = states.map(|state| state.activity.is_end()).collect();
        loop {
            let leads_there = |at: &usize| {
                !ends[*at] && self.states[*at].onward.targets().any(|target| ends[target])
            };
            let more: Vec<usize> = (0..ends.len()).filter(leads_there).collect();
            if more.is_empty() {
                break;
            }
            more.into_iter().for_each(|at| ends[at] = true);
        }
        // What follows a state that leads to no end leads to none either, so any
        // way from there comes round.
        let mut way = vec![ends.iter().position(|ends| !ends)?];
        loop {
            let next = self.states[*way.last()?].onward.targets().next()?;
            if let Some(begin) = way.iter().position(|known| *known == next) {
                way.push(next);
                let circle = way[begin..].iter();
                return Some(circle.map(|&state| self.states[state].name()).collect());
            }
            way.push(next);
        }
    }

    /// Timeouts that may run at once.
    fn timeouts(&self) -> usize {
        let of_a_state = |state: &StateRules| {
            let inside: usize = state.activity.regions().iter().map(Self::timeouts).sum();
            inside + usize::from(state.onward.within.is_some())
        };
        self.states.iter().map(of_a_state).max().unwrap_or_default()
    }
}

impl StateRules {
    fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    fn check(&self, states: usize) -> Result<(), InvalidStateMachine> {
        check_name(&self.name)?;
        if let Some(target) = self.onward.targets().find(|target| *target >= states) {
            return Err(InvalidStateMachine::UnknownTarget {
                state: self.name(),
                target: format!("state {target}").into(),
            });
        }
        if self.onward.within.is_some_and(|(limit, _)| limit.is_zero()) {
            return Err(InvalidStateMachine::ZeroTimeout(self.name()));
        }
        if self.onward.visits.is_some_and(|visits| visits.at_most == 0) {
            return Err(InvalidStateMachine::Zero("a state's number of visits"));
        }
        if let Activity::Parallel(regions) = &self.activity {
            self.check_regions(regions)?;
        }
        if self.activity.is_end() {
            let goes_on = self.exits > 0 || self.onward.targets().next().is_some();
            return match goes_on {
                true => Err(InvalidStateMachine::EndGoesOn(self.name())),
                false => Ok(()),
            };
        }
        let otherwise = self
            .onward
            .ways
            .iter()
            .filter(|way| way.guard.is_none())
            .count();
        match (self.onward.ways.len(), otherwise) {
            (0, _) => Err(InvalidStateMachine::DeadEnd(self.name())),
            (_, 0) => Err(InvalidStateMachine::NoOtherwise(self.name())),
            (_, 1) => Ok(()),
            _ => Err(InvalidStateMachine::SeveralOtherwise(self.name())),
        }
    }

    fn check_regions(&self, regions: &[RegionRules]) -> Result<(), InvalidStateMachine> {
        if regions.is_empty() {
            return Err(InvalidStateMachine::NoRegions(self.name()));
        }
        for (at, region) in regions.iter().enumerate() {
            check_name(&region.name)?;
            if regions[..at].iter().any(|it| it.name == region.name) {
                return Err(InvalidStateMachine::DuplicateRegion {
                    state: self.name(),
                    region: Arc::clone(&region.name),
                });
            }
        }
        Ok(())
    }
}

/// Names are parts of paths.
fn check_name(name: &Arc<str>) -> Result<(), InvalidStateMachine> {
    match name.is_empty() || name.contains('/') {
        true => Err(InvalidStateMachine::BadName(Arc::clone(name))),
        false => Ok(()),
    }
}
