//! Building a state machine: names become positions, and what could not run or not
//! end is refused.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::StateMachine;
use super::invalid::InvalidStateMachine;
use super::report::ConditionKind;
use super::rules::{Activity, RegionRules, StateRules, TRANSITIONS};
use super::state::{Condition, State};

/// A state machine to be. Made by [`state_machine`].
#[must_use = "a state machine does nothing until it is built and started"]
pub struct StateMachineBuilder<T> {
    name: Arc<str>,
    states: Vec<State<T>>,
    invariants: Vec<Condition<T>>,
    at_most: u32,
    requests: usize,
}

/// A machine of states through which a `T` goes.
///
/// ```
/// use callboard::coordination::state_machine;
/// use callboard::coordination::states::State;
///
/// let refused = state_machine::<u32>("order")
///     .state(State::plain("draft").when("small", |n| *n < 5, "done").otherwise("review"))
///     .state(State::plain("review").then("rework"))
///     .state(State::plain("rework").then("review"))
///     .state(State::end("done"))
///     .build()
///     .unwrap_err();
/// assert_eq!(refused.to_string(), "no end can be reached from: review -> rework -> review");
/// ```
pub fn state_machine<T: Clone + Send + 'static>(
    name: impl Into<Arc<str>>,
) -> StateMachineBuilder<T> {
    StateMachineBuilder {
        name: name.into(),
        states: Vec::new(),
        invariants: Vec::new(),
        at_most: TRANSITIONS,
        requests: 64,
    }
}

impl<T: Clone + Send + 'static> StateMachineBuilder<T> {
    /// Adds a state. It begins in the first one.
    pub fn state(mut self, state: State<T>) -> Self {
        self.states.push(state);
        self
    }

    /// Adds an invariant: what holds in every state, also in those inside of
    /// others, from when it is entered until it is done.
    pub fn invariant(
        mut self,
        words: impl Into<Arc<str>>,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        let invariant = Condition::new(ConditionKind::Invariant, words, holds);
        self.invariants.push(invariant);
        self
    }

    /// Transitions in a run, those inside of states included; one more is a
    /// permanent fault. Of a nested machine each run of it counts alone. Default
    /// 100: several times round any machine that a person would draw, and soon over
    /// where one runs in circles.
    pub fn at_most(mut self, transitions: u32) -> Self {
        self.at_most = transitions;
        self
    }

    /// Runs under way at once; further requests wait in the mailbox. That of the
    /// outermost machine counts. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    /// Checks it.
    ///
    /// # Errors
    ///
    /// [`InvalidStateMachine`]: names that do not exist or are there twice, states
    /// that are never reached, or from which there is no way on or none to an end.
    pub fn build(self) -> Result<StateMachine<T>, InvalidStateMachine> {
        if self.requests == 0 {
            return Err(InvalidStateMachine::Zero("the number of requests"));
        }
        let names = self.states.iter().map(|state| &*state.name);
        let positions: HashMap<&str, usize> = names.zip(0..).collect();
        let states = self.states.iter();
        let states = states.map(|state| state.rules(&positions, &self.invariants));
        let states = states.collect::<Result<_, _>>()?;
        let rules = RegionRules::new(Arc::clone(&self.name), states).at_most(self.at_most);
        rules.check()?;
        Ok(StateMachine {
            name: self.name,
            states: self.states,
            invariants: self.invariants,
            rules,
            requests: self.requests,
        })
    }
}

impl<T> State<T> {
    fn rules(
        &self,
        positions: &HashMap<&str, usize>,
        around: &[Condition<T>],
    ) -> Result<StateRules, InvalidStateMachine> {
        let position = |target: &Arc<str>| {
            let unknown = || InvalidStateMachine::UnknownTarget {
                state: Arc::clone(&self.name),
                target: Arc::clone(target),
            };
            positions.get(&**target).copied().ok_or_else(unknown)
        };
        let name = Arc::clone(&self.name);
        let has = |kind| self.conditions.iter().any(|it| it.kind == kind);
        let has_invariants = !around.is_empty() || has(ConditionKind::Invariant);
        let region = |machine: &StateMachine<T>| match has_invariants {
            true => machine.rules.clone().checked(),
            false => machine.rules.clone(),
        };
        let rules = match &self.activity {
            Activity::Nothing => StateRules::plain(name),
            Activity::Works => StateRules::working(name),
            Activity::Nested(machine) => StateRules::nested(name, region(machine)),
            Activity::Parallel(machines) => {
                StateRules::parallel(name, machines.iter().map(region).collect())
            }
            Activity::Ends => StateRules::end(name),
            Activity::Fails => StateRules::failure(name),
        };
        let mut rules = rules.entries(self.entries.len()).exits(self.exits.len());
        if has_invariants || has(ConditionKind::Entry) {
            rules = rules.checked();
        }
        for way in &self.ways {
            let words = way.guard.as_ref().map(|guard| Arc::clone(&guard.words));
            rules = rules.way(words, position(&way.to)?);
        }
        if let Some((limit, to)) = &self.within {
            rules = rules.within(*limit, position(to)?);
        }
        if let Some(to) = &self.on_failure {
            rules = rules.on_failure(position(to)?);
        }
        if let Some((visits, or)) = &self.visits {
            rules = rules.at_most(*visits, or.as_ref().map(position).transpose()?);
        }
        Ok(rules)
    }
}

impl<T> fmt::Debug for StateMachineBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateMachineBuilder")
            .field("name", &self.name)
            .field("states", &self.states)
            .finish_non_exhaustive()
    }
}
