//! Machines of every kind: which are refused, and that the others end.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::rules::Activity;
use super::*;
use crate::actor::FaultClass;
use crate::coordination::protocol::{Effect, Fact, Happened, Limits, Run};

/// What is done in a state, and where it may go on, as far as there are so many.
type Sketch = (u8, [prop::sample::Index; 4], [bool; 3]);

fn sketches(most: usize) -> impl Strategy<Value = Vec<Sketch>> {
    vec(
        (
            any::<u8>(),
            any::<[prop::sample::Index; 4]>(),
            any::<[bool; 3]>(),
        ),
        1..=most,
    )
}

/// Each state leads to the next one, the last is an end, and there are other ways.
fn region(sketches: &[Sketch], inside: &[RegionRules], at_most: u32) -> RegionRules {
    let last = sketches.len();
    let state = |(at, &(kind, targets, has)): (usize, &Sketch)| {
        let name = at.to_string();
        let inner = || inside[at % inside.len().max(1)].clone();
        let state = match kind % 6 {
            0 => StateRules::plain(name),
            1 if !inside.is_empty() => StateRules::nested(name, inner()),
            2 if !inside.is_empty() => {
                let other = RegionRules {
                    name: "other".into(),
                    ..inner()
                };
                StateRules::parallel(name, vec![inner(), other])
            }
            3 => StateRules::working(name).entries(1).exits(1),
            4 => StateRules::working(name).entries(1).checked(),
            _ => StateRules::working(name),
        };
        let [when, timeout, failure, visits] = targets.map(|target| target.index(last + 1));
        let state = state.when("guard", when).otherwise(at + 1);
        let state = match has[0] {
            true => state.within(Duration::from_secs(1 + u64::from(kind)), timeout),
            false => state,
        };
        let state = match has[1] {
            true => state.on_failure(failure),
            false => state,
        };
        match has[2] {
            true => state.at_most(2, (kind % 2 == 0).then_some(visits)),
            false => state,
        }
    };
    let states = sketches.iter().enumerate().map(state);
    let end = match sketches[0].0 % 5 {
        0 => StateRules::failure("end"),
        _ => StateRules::end("end"),
    };
    RegionRules::new("region", states.chain([end]).collect()).at_most(at_most)
}

/// The states of a region by a path inside of it.
fn found<'a>(region: &'a RegionRules, path: &str) -> Option<(&'a RegionRules, usize)> {
    let (name, rest) = match path.split_once('/') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let at = region.states.iter().position(|it| *it.name == *name)?;
    let (Some(rest), activity) = (rest, &region.states[at].activity) else {
        return Some((region, at));
    };
    match activity {
        Activity::Parallel(regions) => {
            let (name, rest) = rest.split_once('/')?;
            found(regions.iter().find(|it| *it.name == *name)?, rest)
        }
        activity => found(activity.regions().first()?, rest),
    }
}

proptest! {
    #[test]
    fn whatever_happens_an_accepted_machine_ends_within_its_bounds(
        outer in sketches(5),
        inner in vec(sketches(3), 0..=2),
        at_most in 1_u32..12,
        picks in vec((any::<prop::sample::Index>(), 0_u32..10), 64),
    ) {
        let inside: Vec<_> = inner.iter().map(|it| region(it, &[], 5)).collect();
        let rules = region(&outer, &inside, at_most);
        let machine = StatesProtocol::new(&rules).unwrap();
        let participants = machine.participants();
        let calls = (at_most as usize + 1) * participants;
        let mut run = Run::within(machine, Limits::new(participants).calls(calls));
        let mut picks = picks.into_iter().cycle();
        let mut event = Happened::Began;
        let mut seconds = 0;
        loop {
            let mut effects = Vec::new();
            run.apply(&event, Duration::from_secs(seconds), &mut effects).unwrap();
            seconds += 1;
            let ledger = run.ledger();
            if ledger.is_over() {
                break;
            }
            let under_way: Vec<_> = ledger.calls_under_way().collect();
            let (pick, what) = picks.next().unwrap();
            let pick = pick.index(under_way.len() + ledger.timers().len());
            event = match under_way.get(pick) {
                None => Happened::TimeUp { timer: ledger.timers()[pick - under_way.len()] },
                Some(&call) if what == 9 => {
                    let class = FaultClass::Transient;
                    Happened::Failed { call, class }
                }
                Some(&call) => {
                    let fact = Fact::Choice(what % 2);
                    Happened::Answered { call, fact }
                }
            };
        }
        // It went along ways that there are, for reasons that there are.
        let log = run.machine().log();
        prop_assert!(log.len() <= at_most as usize);
        for step in log {
            let (around, from) = found(&rules, &step.from).unwrap();
            let (_, to) = found(&rules, &step.to).unwrap();
            let state = &around.states[from];
            let is_there = match &step.cause {
                Cause::Guard(words) => {
                    state.onward.ways.iter().any(|way| way.to == to && way.guard.as_ref() == Some(words))
                }
                Cause::Otherwise => to == from + 1,
                Cause::Timeout => state.onward.within.is_some_and(|(_, target)| target == to),
                Cause::Failure(_) => state.onward.on_failure == Some(to),
                Cause::Visits(_) => state.onward.visits.is_some_and(|it| it.or == Some(to)),
            };
            prop_assert!(is_there, "{}", step);
        }
        let outer = log.iter().filter(|it| !it.from.contains('/'));
        let outer: Vec<_> = outer.collect();
        prop_assert!(outer.windows(2).all(|pair| pair[0].to == pair[1].from));
    }

    #[test]
    fn what_is_refused_is_what_cannot_be_reached_or_cannot_end(
        sketches in vec((any::<u8>(), any::<[prop::sample::Index; 2]>()), 1..=7),
    ) {
        let count = sketches.len();
        let state = |(at, (kind, targets)): (usize, &(u8, [prop::sample::Index; 2]))| {
            let name = at.to_string();
            let [first, second] = targets.map(|target| target.index(count));
            match kind % 4 {
                0 => StateRules::end(name),
                1 => StateRules::plain(name).otherwise(first),
                2 => StateRules::plain(name).otherwise(first).on_failure(second),
                _ => StateRules::plain(name).when("guard", first).otherwise(second),
            }
        };
        let rules = RegionRules::new("region", sketches.iter().enumerate().map(state).collect());
        // Which leads to which, on any way.
        let mut leads: Vec<Vec<bool>> = rules.states.iter().map(|state| {
            let mut leads = vec![false; count];
            state.onward.targets().for_each(|target| leads[target] = true);
            leads
        }).collect();
        for via in 0..count {
            for from in 0..count {
                for to in 0..count {
                    leads[from][to] |= leads[from][via] && leads[via][to];
                }
            }
        }
        let is_end = |at: usize| matches!(rules.states[at].activity, Activity::Ends);
        let lost: Vec<usize> = (1..count).filter(|&at| !leads[0][at]).collect();
        let ends = |at: usize| is_end(at) || (0..count).any(|to| leads[at][to] && is_end(to));
        let names = |states: &[usize]| states.iter().map(|at| at.to_string().into()).collect();
        match rules.check() {
            Ok(()) => prop_assert!(lost.is_empty() && (0..count).all(ends)),
            Err(InvalidStateMachine::Unreachable(states)) => {
                let lost: Vec<Arc<str>> = names(&lost);
                prop_assert_eq!(states, lost);
            }
            Err(InvalidStateMachine::NonTerminating(circle)) => {
                prop_assert!(lost.is_empty());
                let circle: Vec<usize> = circle.iter().map(|it| it.parse().unwrap()).collect();
                prop_assert_eq!(circle.first(), circle.last());
                for pair in circle.windows(2) {
                    prop_assert!(rules.states[pair[0]].onward.targets().any(|to| to == pair[1]));
                    prop_assert!(!ends(pair[0]));
                }
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}

#[test]
fn a_run_goes_on_where_it_was_written_down() {
    let rules = RegionRules::new(
        "m",
        vec![
            StateRules::working("a")
                .within(Duration::from_secs(1), 1)
                .otherwise(1),
            StateRules::end("b"),
        ],
    );
    let mut run = Run::new(StatesProtocol::new(&rules).unwrap(), 3);
    let mut effects = Vec::new();
    run.apply(&Happened::Began, Duration::ZERO, &mut effects)
        .unwrap();
    let text = serde_json::to_string(&run).unwrap();
    let mut back: Run<StatesProtocol> = serde_json::from_str(&text).unwrap();
    assert_eq!(back, run);
    effects.clear();
    let due = Happened::TimeUp { timer: 0 };
    back.apply(&due, Duration::from_secs(1), &mut effects)
        .unwrap();
    let last = effects.last();
    assert!(matches!(last, Some(Effect::Ask { worker: 2, .. })));
    assert_eq!(back.machine().log()[0].cause, Cause::Timeout);
    assert_eq!(back.machine().states(), ["b".into()]);
}
