//! The participants of states: who looks, who acts, who decides.

use std::sync::Arc;

use super::StateMachine;
use super::report::ConditionKind;
use super::rules::{Activity, RegionRules, StateRules};
use super::state::{Condition, State};
use crate::actor::{Fault, Metadata, WorkerRef};
use crate::coordination::driver::{Act, Answer, Fed, Kept, Kinds, Participant, Seat, copy_of};
use crate::coordination::protocol::Fact;

/// Adds the participants of a machine of these rules, in the order that
/// [`StateRules`](super::StateRules) says; the invariants are those around it.
pub(super) fn seats<T: Clone + Send + 'static>(
    machine: &StateMachine<T>,
    rules: &RegionRules,
    prefix: &str,
    around: &[Condition<T>],
    seats: &mut Vec<Seat>,
) {
    let mut invariants = around.to_vec();
    invariants.extend(machine.invariants.iter().cloned());
    for (state, rules) in machine.states.iter().zip(&rules.states) {
        let path: Arc<str> = format!("{prefix}{}", state.name).into();
        let first = seats.len();
        let own = state.conditions(ConditionKind::Invariant);
        let all: Vec<_> = invariants.iter().cloned().chain(own).collect();
        seats.extend(before(state, rules, &path, &invariants, &all));
        seats.extend(work(state, &path));
        if !state.activity.is_end() {
            seats.push(decides(state, &path, &all));
            let exits = state.exits.iter();
            seats.extend(exits.map(|worker| acts(&path, worker)));
        }
        if state.within.is_some() || state.on_failure.is_some() {
            // It may have to go on with what it was entered with.
            seats[first].copy = Some(copy_of::<T>);
        }
        let inside = state.activity.regions().iter();
        for (inside, rules) in inside.zip(rules.activity.regions()) {
            let prefix = state.activity.prefix(&path, &inside.name);
            self::seats(inside, rules, &prefix, &all, seats);
        }
    }
}

/// Its entry actions; where it is checked, also who looks at what it is entered with
/// and at what they made. Its own invariants hold when its entry actions are done.
fn before<T: Send + 'static>(
    state: &State<T>,
    rules: &StateRules,
    path: &Arc<str>,
    invariants: &[Condition<T>],
    all: &[Condition<T>],
) -> Vec<Seat> {
    let actions = state.entries.iter().map(|worker| acts(path, worker));
    if !rules.is_checked {
        return actions.collect();
    }
    let entry = state.conditions(ConditionKind::Entry);
    if state.entries.is_empty() {
        return vec![checks(path, entry.chain(all.iter().cloned()).collect())];
    }
    let first = checks(path, entry.chain(invariants.iter().cloned()).collect());
    let last = checks(path, all.to_vec());
    std::iter::once(first)
        .chain(actions)
        .chain([last])
        .collect()
}

/// Who works, or who copies and who joins.
fn work<T: Clone + Send + 'static>(state: &State<T>, path: &Arc<str>) -> Vec<Seat> {
    let name = || Arc::clone(path);
    match (&state.activity, &state.worker, &state.join) {
        (Activity::Works, Some(worker), _) => vec![acts(path, worker)],
        (Activity::Parallel(regions), _, Some(join)) => {
            let (copies, join) = (regions.len(), Arc::clone(join));
            let copy = Participant::splits(name(), move |value: T| Ok(vec![value; copies]));
            let join = Participant::combines(name(), move |all: Vec<T>| Ok(join(all)));
            vec![copy.seat(), join.seat()]
        }
        _ => Vec::new(),
    }
}

fn acts<T: Send + 'static>(path: &Arc<str>, worker: &WorkerRef<T, T>) -> Seat {
    Participant::asks(Arc::clone(path), worker.clone()).seat()
}

fn checks<T: Send + 'static>(path: &Arc<str>, conditions: Vec<Condition<T>>) -> Seat {
    let state = Arc::clone(path);
    looks(path, move |value| {
        let mut all = conditions.iter();
        all.try_for_each(|condition| condition.check(&state, value))?;
        Ok(Fact::Nothing)
    })
}

/// Checks what holds when a state is done, and finds the first way that is open.
fn decides<T: Send + 'static>(state: &State<T>, path: &Arc<str>, all: &[Condition<T>]) -> Seat {
    let mut conditions: Vec<_> = state.conditions(ConditionKind::Exit).collect();
    conditions.extend(all.iter().cloned());
    let guards: Vec<_> = state.ways.iter().map(|way| way.guard.clone()).collect();
    let otherwise = guards.iter().position(Option::is_none).unwrap_or_default();
    let place = Arc::clone(path);
    looks(path, move |value| {
        let mut all = conditions.iter();
        all.try_for_each(|condition| condition.check(&place, value))?;
        let mut way = otherwise;
        for (at, guard) in guards.iter().enumerate() {
            if let Some(guard) = guard
                && guard.ask(value)?
            {
                way = at;
                break;
            }
        }
        Ok(Fact::Choice(u32::try_from(way).unwrap_or(u32::MAX)))
    })
}

/// Looks at the data and passes it on.
fn looks<T: Send + 'static>(
    path: &Arc<str>,
    look: impl Fn(&T) -> Result<Fact, Fault> + Send + Sync + 'static,
) -> Seat {
    let look = move |fed: Fed| {
        let wrong = || Fault::permanent("a state was given what no state gives");
        let Fed::One(payload) = fed else {
            return Err(wrong());
        };
        let fact = look(payload.downcast_ref().ok_or_else(wrong)?)?;
        Ok(Answer {
            kept: Kept::One(payload),
            fact,
            metadata: Metadata::default(),
        })
    };
    Seat {
        name: Arc::clone(path),
        act: Act::Computes(Box::new(look)),
        copy: None,
        kinds: Kinds::of::<T, T>(),
    }
}
