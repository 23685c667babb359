//! What the machine knows of states: no words but names, no closures.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Transitions in a run, unless another number is said: several times round any
/// machine that a person would draw, and soon over where one runs in circles.
pub(super) const TRANSITIONS: u32 = 100;

/// What is done in a state; `R` is how regions inside of it are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Activity<R> {
    Nothing,
    Works,
    Nested(R),
    Parallel(Vec<R>),
    Ends,
    Fails,
}

impl<R> Activity<R> {
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Ends | Self::Fails)
    }

    /// The same, with its regions known in another way.
    pub(super) fn map<S>(&self, mut as_what: impl FnMut(&R) -> S) -> Activity<S> {
        match self {
            Self::Nothing => Activity::Nothing,
            Self::Works => Activity::Works,
            Self::Nested(region) => Activity::Nested(as_what(region)),
            Self::Parallel(regions) => Activity::Parallel(regions.iter().map(as_what).collect()),
            Self::Ends => Activity::Ends,
            Self::Fails => Activity::Fails,
        }
    }

    /// What is before the names of the states in a region inside: where there may be
    /// several, its own is part of that.
    pub(super) fn prefix(&self, path: &str, region: &str) -> String {
        match self {
            Self::Parallel(_) => format!("{path}/{region}/"),
            _ => format!("{path}/"),
        }
    }

    /// The regions inside.
    pub(super) fn regions(&self) -> &[R] {
        match self {
            Self::Nested(region) => std::slice::from_ref(region),
            Self::Parallel(regions) => regions,
            _ => &[],
        }
    }
}

/// A way on, when a state is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Way {
    /// The guard in words; `None` where there is none.
    pub(super) guard: Option<Arc<str>>,
    pub(super) to: usize,
}

/// How often a state may be entered, and where a run goes that comes once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visits {
    pub(super) at_most: u32,
    pub(super) or: Option<usize>,
}

/// Where a run goes on from a state. Targets are positions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Onward {
    pub(super) ways: Vec<Way>,
    pub(super) within: Option<(Duration, usize)>,
    pub(super) on_failure: Option<usize>,
    pub(super) visits: Option<Visits>,
}

impl Onward {
    pub(super) fn targets(&self) -> impl Iterator<Item = usize> + '_ {
        let ways = self.ways.iter().map(|way| way.to);
        let timeout = self.within.map(|(_, to)| to);
        let bound = self.visits.and_then(|visits| visits.or);
        ways.chain(timeout).chain(self.on_failure).chain(bound)
    }

    /// Whether a run may have to go on with what the state was entered with.
    pub(super) fn keeps_entry(&self) -> bool {
        self.within.is_some() || self.on_failure.is_some()
    }

    /// The same, with other positions.
    pub(super) fn at(&self, position: impl Fn(usize) -> usize) -> Self {
        let ways = self.ways.iter().map(|way| Way {
            guard: way.guard.clone(),
            to: position(way.to),
        });
        Self {
            ways: ways.collect(),
            within: self.within.map(|(limit, to)| (limit, position(to))),
            on_failure: self.on_failure.map(&position),
            visits: self.visits.map(|visits| Visits {
                or: visits.or.map(&position),
                ..visits
            }),
        }
    }
}

/// What the machine knows of one state: its steps, and where it may go on, by the
/// positions of the states in their region.
///
/// Its participants, in this order: where it is [checked](StateRules::checked), one
/// that looks at what it is entered with; one for each entry action; where there are
/// any and it is checked, one that looks at what they made; its worker, or for regions
/// side by side who copies and who joins; who decides, unless it is an end; one for
/// each exit action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateRules {
    pub(super) name: Arc<str>,
    pub(super) is_checked: bool,
    pub(super) entries: usize,
    pub(super) activity: Activity<RegionRules>,
    pub(super) exits: usize,
    pub(super) onward: Onward,
}

impl StateRules {
    fn with(name: impl Into<Arc<str>>, activity: Activity<RegionRules>) -> Self {
        Self {
            name: name.into(),
            is_checked: false,
            entries: 0,
            activity,
            exits: 0,
            onward: Onward::default(),
        }
    }

    /// A state that only decides.
    #[must_use]
    pub fn plain(name: impl Into<Arc<str>>) -> Self {
        Self::with(name, Activity::Nothing)
    }

    /// A state with a worker.
    #[must_use]
    pub fn working(name: impl Into<Arc<str>>) -> Self {
        Self::with(name, Activity::Works)
    }

    /// A state with a machine inside. It is checked.
    #[must_use]
    pub fn nested(name: impl Into<Arc<str>>, inside: RegionRules) -> Self {
        Self::with(name, Activity::Nested(inside)).checked()
    }

    /// A state with regions side by side.
    #[must_use]
    pub fn parallel(name: impl Into<Arc<str>>, regions: Vec<RegionRules>) -> Self {
        Self::with(name, Activity::Parallel(regions))
    }

    /// A state in which the region ends well. It is checked.
    #[must_use]
    pub fn end(name: impl Into<Arc<str>>) -> Self {
        Self::with(name, Activity::Ends).checked()
    }

    /// A state in which the region ends, and that is a failure. It is checked.
    #[must_use]
    pub fn failure(name: impl Into<Arc<str>>) -> Self {
        Self::with(name, Activity::Fails).checked()
    }

    /// Somebody looks at the data before its work.
    #[must_use]
    pub fn checked(mut self) -> Self {
        self.is_checked = true;
        self
    }

    /// So many entry actions. Default 0.
    #[must_use]
    pub fn entries(mut self, actions: usize) -> Self {
        self.entries = actions;
        self
    }

    /// So many exit actions. Default 0.
    #[must_use]
    pub fn exits(mut self, actions: usize) -> Self {
        self.exits = actions;
        self
    }

    /// Adds a way to this state, under a guard.
    #[must_use]
    pub fn when(self, guard: impl Into<Arc<str>>, to: usize) -> Self {
        self.way(Some(guard.into()), to)
    }

    /// Adds a way to this state, where no guard holds.
    #[must_use]
    pub fn otherwise(self, to: usize) -> Self {
        self.way(None, to)
    }

    pub(super) fn way(mut self, guard: Option<Arc<str>>, to: usize) -> Self {
        self.onward.ways.push(Way { guard, to });
        self
    }

    /// Goes to this state when it is not done after so long.
    #[must_use]
    pub fn within(mut self, limit: Duration, to: usize) -> Self {
        self.onward.within = Some((limit, to));
        self
    }

    /// Goes to this state when it fails.
    #[must_use]
    pub fn on_failure(mut self, to: usize) -> Self {
        self.onward.on_failure = Some(to);
        self
    }

    /// Is entered so often at most; who comes once more goes to this state, or
    /// fails.
    #[must_use]
    pub fn at_most(mut self, visits: u32, or: Option<usize>) -> Self {
        let at_most = visits;
        self.onward.visits = Some(Visits { at_most, or });
        self
    }
}

/// What the machine knows of a region: states of which it is in one at a time. The
/// first is the one in which it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionRules {
    pub(super) name: Arc<str>,
    pub(super) states: Vec<StateRules>,
    pub(super) at_most: u32,
}

impl RegionRules {
    /// These states.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, states: Vec<StateRules>) -> Self {
        Self {
            name: name.into(),
            states,
            at_most: TRANSITIONS,
        }
    }

    /// Transitions from its begin to its end, those inside of its states included.
    /// Default 100.
    #[must_use]
    pub fn at_most(mut self, transitions: u32) -> Self {
        self.at_most = transitions;
        self
    }

    /// Each state is checked, also those inside of others.
    pub(super) fn checked(mut self) -> Self {
        for state in &mut self.states {
            state.is_checked = true;
            state.activity = state.activity.map(|inside| inside.clone().checked());
        }
        self
    }
}
