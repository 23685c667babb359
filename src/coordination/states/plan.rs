//! A machine as it is run: the states of all regions in one list.
//!
//! ```text
//!  order: draft, pay { card: authorise, paid }, done
//!
//!  states: draft, pay, pay/card/authorise, pay/card/paid, done
//! ```
//!
//! A region's states, and all inside of them, stand beside each other, and so do a
//! state's participants.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::rules::{Activity, Onward, RegionRules, StateRules};

/// One state, with the positions of others in the whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Its name behind those of the states that it is in.
    pub(super) path: Arc<str>,
    pub(super) region: usize,
    /// Its first participant.
    first: usize,
    is_checked: bool,
    entries: usize,
    pub(super) activity: Activity<usize>,
    pub(super) exits: usize,
    pub(super) onward: Onward,
}

impl Place {
    /// The participant that all of its events name.
    pub(super) fn host(&self) -> usize {
        self.first
    }

    /// Who takes this step before its work, if there is one: the entry actions, with
    /// a check before them and one after them.
    pub(super) fn step_before(&self, step: usize) -> Option<usize> {
        (step < self.steps_before()).then_some(self.first + step)
    }

    pub(super) fn is_entry_action(&self, step: usize) -> bool {
        let first = usize::from(self.is_checked);
        (first..first + self.entries).contains(&step)
    }

    fn steps_before(&self) -> usize {
        match (self.is_checked, self.entries) {
            (false, actions) => actions,
            (true, 0) => 1,
            (true, actions) => actions + 2,
        }
    }

    /// Who works; with regions side by side, who copies.
    pub(super) fn worker(&self) -> usize {
        self.first + self.steps_before()
    }

    pub(super) fn joiner(&self) -> usize {
        self.worker() + 1
    }

    pub(super) fn decider(&self) -> usize {
        self.worker()
            + match self.activity {
                Activity::Works => 1,
                Activity::Parallel(_) => 2,
                _ => 0,
            }
    }

    pub(super) fn exit(&self, at: usize) -> usize {
        self.decider() + 1 + at
    }

    fn participants(&self) -> usize {
        match self.activity.is_end() {
            true => self.steps_before(),
            false => self.exit(self.exits) - self.first,
        }
    }
}

/// One region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Region {
    /// Its states and all inside of them; it begins in the first.
    pub(super) states: Range<usize>,
    /// The state that it is in.
    pub(super) parent: Option<usize>,
    pub(super) at_most: u32,
}

/// All states and regions of a machine that was checked.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) states: Vec<Place>,
    pub(super) regions: Vec<Region>,
    pub(super) participants: usize,
}

impl Plan {
    pub(super) fn of(rules: &RegionRules) -> Self {
        let mut plan = Self::default();
        plan.add(rules, None, "");
        plan
    }

    /// Adds a region and gives its position.
    fn add(&mut self, rules: &RegionRules, parent: Option<usize>, prefix: &str) -> usize {
        let region = self.regions.len();
        let first = self.states.len();
        self.regions.push(Region {
            states: first..first,
            parent,
            at_most: rules.at_most,
        });
        let mut positions = Vec::with_capacity(rules.states.len());
        for state in &rules.states {
            positions.push(self.states.len());
            self.add_state(state, region, prefix);
        }
        // What they lead to is known now.
        for (&at, state) in positions.iter().zip(&rules.states) {
            self.states[at].onward = state.onward.at(|target| positions[target]);
        }
        self.regions[region].states = first..self.states.len();
        region
    }

    fn add_state(&mut self, state: &StateRules, region: usize, prefix: &str) {
        let at = self.states.len();
        let path: Arc<str> = format!("{prefix}{}", state.name).into();
        let place = Place {
            path: Arc::clone(&path),
            region,
            first: self.participants,
            is_checked: state.is_checked,
            entries: state.entries,
            // The regions come behind it.
            activity: state.activity.map(|_| 0),
            exits: state.exits,
            onward: Onward::default(),
        };
        self.participants += place.participants();
        self.states.push(place);
        let activity = state.activity.map(|rules| {
            let prefix = state.activity.prefix(&path, &rules.name);
            self.add(rules, Some(at), &prefix)
        });
        self.states[at].activity = activity;
    }

    /// The region around this one.
    pub(super) fn outer(&self, region: usize) -> Option<usize> {
        let parent = self.regions[region].parent?;
        Some(self.states[parent].region)
    }
}

// By hand: it is the same in every state of a run, which an explorer compares.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan({} states)", self.states.len())
    }
}
