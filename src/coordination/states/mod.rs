//! The state machine: data goes from state to state, by guards, until an end.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::state_machine;
//! use callboard::coordination::states::{Cause, State};
//!
//! #[derive(Clone, Debug, Default)]
//! struct Order { lines: u32, reviews: u32 }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let write = WorkerRef::from_fn("write", |mut order: Order| async move {
//!     order.lines += 2;
//!     Ok(order)
//! });
//! let read = WorkerRef::from_fn("read", |mut order: Order| async move {
//!     order.reviews += 1;
//!     Ok(order)
//! });
//! let machine = state_machine::<Order>("order")
//!     .state(State::new("draft", write).ensures("has lines", |o| o.lines > 0).then("review"))
//!     .state(
//!         State::new("review", read)
//!             .within(secs(2), "expired")
//!             .when("complete", |o| o.lines > 3, "done")
//!             .otherwise("draft"),
//!     )
//!     .state(State::end("done"))
//!     .state(State::failure("expired"))
//!     .invariant("few reviews", |o| o.reviews < 10)
//!     .at_most(20)
//!     .build()?;
//!
//! // Guards are tested alone.
//! assert_eq!(machine.next("review", &Order { lines: 4, reviews: 0 }), Some("done"));
//!
//! let report = machine.start(&system).await?.ask(Order::default()).await?.value;
//! assert_eq!((&*report.end, report.value.lines), ("done", 4));
//! let log: Vec<_> = report.log.iter().map(ToString::to_string).collect();
//! assert_eq!(log, [
//!     "draft -> review: otherwise",
//!     "review -> draft: otherwise",
//!     "draft -> review: otherwise",
//!     "review -> done: complete",
//! ]);
//! assert_eq!(report.log[3].cause, Cause::Guard("complete".into()));
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What happens in a state, and in which order?* Its entry conditions and the
//! invariants are asked for; then come its entry actions, its worker or what is
//! inside of it, its exit conditions and the invariants, its guards, and its exit
//! actions; then the next state is entered
//! (`d10_a_state_is_entered_works_decides_and_is_left_in_this_order`).
//!
//! *What happens when a condition does not hold?* The run fails for good, with the
//! state and the condition in the fault, and [`Violated`] as its cause
//! (`d10_a_condition_that_does_not_hold_is_a_permanent_fault`). No
//! [`State::on_failure`] takes that, so nothing is skipped in silence. A guard or
//! condition that panics is such a fault
//! (`d10_a_guard_that_panics_fails_its_run_for_good`).
//!
//! *What happens when a worker fails?* The run goes where the state says
//! ([`State::on_failure`]), with the data that the state was entered with; else the
//! state around it has failed, and at last the run, with the state's path in the
//! fault (`d10_a_failure_goes_where_the_state_says_with_what_it_was_entered_with`,
//! `d10_a_failure_without_a_place_to_go_names_its_state`).
//!
//! *What happens when time is up?* What is under way in the state is cancelled, all
//! that is inside of it too, and the run goes on with the data that the state was
//! entered with (`d10_a_timeout_cancels_all_that_is_inside`). Only its own exit
//! actions run then: what was inside is gone. Exit actions are not part of the time;
//! the asker's deadline ends them.
//!
//! *Does it end?* A machine from which an end cannot be reached is refused, as is
//! whatever else could not run: see [`InvalidStateMachine`]
//! (`d10_what_could_not_run_or_not_end_is_refused_when_built`). Since guards are
//! functions, nobody can know whether one of them will hold: each state says where it
//! goes otherwise. What goes in circles all the same has its
//! [transitions](StateMachineBuilder::at_most) counted, and
//! [visits](State::at_most), where the state says so
//! (`d10_more_transitions_than_may_be_are_a_permanent_fault`,
//! `d10_a_state_that_was_entered_often_enough_goes_elsewhere`,
//! `whatever_happens_an_accepted_machine_ends_within_its_bounds`).
//!
//! *How are states put inside of states?* A built machine is the inside of a
//! [nested](State::nested) state, or one of several [side by
//! side](State::parallel). Its states have paths: `pay/authorise`, and of machines
//! side by side with their names, `pay/card/authorise`
//! (`d10_states_inside_of_states_are_logged_with_their_paths`,
//! `d10_regions_run_side_by_side_and_are_joined_in_order`). When one of them fails,
//! the others are cancelled
//! (`d10_a_region_that_fails_cancels_those_beside_it`).
//!
//! *How do I see what it did?* The [report](StateReport) has every transition with its
//! cause and time; each is also an event of the system, which is how a run that
//! failed tells (`d10_each_transition_is_logged_and_an_event`).
//!
//! *What is bounded?* Transitions, and with them calls and the log; visits; machines
//! inside of each other (8); timeouts at once (64); runs at once; time by the asker's
//! deadline.
//!
//! *What is copied?* The data once for each region side by side, and once on entry to
//! a state that has a timeout or a place to go when it fails.
//!
//! *What does a transition cost?* The state's worker, and a look at the data on the
//! driver's task; another one where something has to hold on entry.

mod build;
mod check;
mod desk;
mod drawing;
mod invalid;
mod machine;
mod plan;
mod report;
mod rules;
mod state;
#[cfg(test)]
mod tests;

pub use build::{StateMachineBuilder, state_machine};
pub use invalid::InvalidStateMachine;
pub use machine::StatesProtocol;
pub use report::{Cause, ConditionKind, StateReport, Transition, Violated};
pub use rules::{RegionRules, StateRules};
pub use state::State;

use std::fmt;
use std::sync::Arc;

use self::plan::Plan;
use self::rules::Activity;
use self::state::Condition;
use super::driver::{Gathered, Score};
use super::pattern::{calls_for, start};
use crate::actor::{Fault, System, WorkerRef};
use crate::supervision::StartError;

/// A state machine that was checked. Made by [`StateMachineBuilder::build`].
#[must_use = "a state machine does nothing until it is started"]
pub struct StateMachine<T> {
    name: Arc<str>,
    states: Vec<State<T>>,
    invariants: Vec<Condition<T>>,
    /// Of the states, by the same positions.
    rules: RegionRules,
    requests: usize,
}

impl<T> StateMachine<T> {
    /// The state beside this one to which the first guard that holds leads, for a
    /// test: nothing is run. `None` for an end, and where there is no such state.
    /// States inside of others have paths, as in the report.
    #[must_use]
    pub fn next(&self, path: &str, value: &T) -> Option<&str> {
        let Some((name, inside)) = path.split_once('/') else {
            return self.state(path)?.next(value);
        };
        match &self.state(name)?.activity {
            Activity::Nested(machine) => machine.next(inside, value),
            Activity::Parallel(machines) => {
                let (name, inside) = inside.split_once('/')?;
                let mut machines = machines.iter();
                machines.find(|it| *it.name == *name)?.next(inside, value)
            }
            _ => None,
        }
    }

    fn state(&self, name: &str) -> Option<&State<T>> {
        self.states.iter().find(|state| *state.name == *name)
    }

    /// The machine as a mermaid state diagram.
    #[must_use]
    pub fn mermaid(&self) -> String {
        self.rules.mermaid()
    }
}

impl<T: Clone + Send + 'static> StateMachine<T> {
    /// Starts it; the result is a worker.
    ///
    /// # Errors
    ///
    /// What [`System::spawn`] says.
    pub async fn start(&self, system: &System) -> Result<WorkerRef<T, StateReport<T>>, StartError> {
        let mut seats = Vec::new();
        desk::seats(self, &self.rules, "", &[], &mut seats);
        let plan = Plan::of(&self.rules);
        // A transition enters one state, and at most all that is inside of it.
        let transitions = (self.rules.at_most as usize).saturating_add(1);
        let calls = calls_for(transitions.saturating_mul(plan.participants));
        let score = Score {
            machine: StatesProtocol::of(plan),
            seats,
            conclude: Arc::new(conclude),
            on_error: None,
            limit: self.requests,
            calls,
        };
        start(system, Arc::clone(&self.name), score).await
    }
}

fn conclude<T: 'static>(mut gathered: Gathered<'_>) -> Result<StateReport<T>, Fault> {
    let nothing = || Fault::permanent("the state machine left no report");
    let machine = gathered.machine.downcast_ref::<StatesProtocol>();
    let machine = machine.ok_or_else(nothing)?;
    Ok(StateReport {
        value: gathered.last().ok_or_else(nothing)?,
        end: machine.states().into_iter().next().ok_or_else(nothing)?,
        log: machine.log().to_vec(),
    })
}

impl<T> fmt::Debug for StateMachine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateMachine")
            .field("name", &self.name)
            .field("states", &self.states)
            .finish_non_exhaustive()
    }
}
