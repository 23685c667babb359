//! D10: state machines in every order of what may happen.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use callboard::coordination::Fact;
use callboard::coordination::states::{RegionRules, StateRules, StatesProtocol};
use callboard::prelude::*;
use callboard::testing::explore::{Report, Seen, explore};

type Now<'a> = Seen<'a, StatesProtocol>;

fn is_in(now: &Now<'_>, path: &str) -> bool {
    now.machine().states().iter().any(|state| **state == *path)
}

/// What is explored: a machine, its participants that decide between two ways, and
/// states that have to be reached.
struct Case<'a> {
    region: RegionRules,
    deciders: &'a [usize],
    reaches: &'a [&'a str],
    /// How much at most.
    transitions: usize,
    under_way: usize,
    kept: usize,
}

fn explored(case: Case<'_>) -> Report {
    let machine = StatesProtocol::new(&case.region).unwrap();
    let participants = machine.participants();
    let explorer = case.deciders.iter().fold(explore(machine), |it, &decider| {
        it.facts_of(decider, [Fact::Choice(0), Fact::Choice(1)])
    });
    let (transitions, kept) = (case.transitions, case.kept);
    let reached = Rc::new(RefCell::new(BTreeSet::new()));
    let reaches = Rc::clone(&reached);
    let explorer = explorer
        .participants(participants)
        .facts([Fact::Choice(0)])
        .invariant("it is somewhere", move |now: &Now<'_>| {
            let states = now.machine().states();
            reaches.borrow_mut().extend(states.iter().cloned());
            !states.is_empty()
        })
        .failures([FaultClass::Transient])
        .duplicates()
        .crashes(1)
        .at_most_under_way(case.under_way)
        .invariant("little is kept", move |now: &Now<'_>| {
            now.ledger().is_over() || now.ledger().kept() <= kept
        })
        .invariant("transitions are bounded", move |now: &Now<'_>| {
            now.machine().log().len() <= transitions
        })
        .invariant("timers run in states that have one", |now: &Now<'_>| {
            let states = now.machine().states();
            let timed = states.iter().filter(|state| state.ends_with("timed"));
            now.ledger().is_over() || now.ledger().timers().len() <= timed.count()
        })
        .invariant("each state is left from where it was entered", |now| {
            let log = now.machine().log();
            let outer: Vec<_> = log.iter().filter(|it| !it.from.contains('/')).collect();
            outer.windows(2).all(|pair| pair[0].to == pair[1].from)
        })
        .invariant("what is inside goes when the state is left", |now| {
            let states = now.machine().states();
            let mut inside = states.iter().filter_map(|it| it.split_once('/'));
            inside.all(|(around, _)| is_in(now, around))
        });
    let report = match explorer.run() {
        Ok(report) => report,
        Err(found) => panic!("{found}"),
    };
    for state in case.reaches {
        assert!(
            reached.borrow().contains(*state),
            "{state:?} is not reached"
        );
    }
    report
}

#[test]
fn d10_every_machine_with_a_timeout_and_a_failure_ends_once_within_its_bounds() {
    let region = RegionRules::new(
        "m",
        vec![
            StateRules::working("timed")
                .when("good", 2)
                .otherwise(1)
                .within(secs(1), 1)
                .on_failure(3),
            StateRules::plain("again").at_most(1, Some(3)).otherwise(0),
            StateRules::end("done"),
            StateRules::failure("lost"),
        ],
    );
    for transitions in 1..=6 {
        let region = region.clone().at_most(transitions);
        let report = explored(Case {
            region,
            deciders: &[1],
            reaches: &["timed", "again", "done", "lost"][..1 + transitions.min(3) as usize],
            transitions: transitions as usize,
            under_way: 1,
            // What it was entered with, and what has become of it.
            kept: 2,
        });
        assert!(report.ends > 5, "{report}");
    }
}

#[test]
fn d10_every_machine_with_entry_and_exit_actions_ends_once() {
    let region = RegionRules::new(
        "m",
        vec![
            StateRules::working("timed")
                .checked()
                .entries(2)
                .exits(2)
                .otherwise(1)
                .within(secs(1), 0)
                .on_failure(1),
            StateRules::end("done").entries(1),
        ],
    );
    let report = explored(Case {
        region: region.at_most(2),
        deciders: &[],
        reaches: &["done"],
        transitions: 2,
        under_way: 1,
        kept: 2,
    });
    assert!(report.ends > 20, "{report}");
}

fn side(name: &str) -> RegionRules {
    let work = StateRules::working("works").otherwise(1);
    RegionRules::new(name, vec![work, StateRules::end("ok")])
}

#[test]
fn d10_every_machine_with_regions_side_by_side_ends_once_and_leaves_nothing_behind() {
    let region = RegionRules::new(
        "m",
        vec![
            StateRules::parallel("timed", vec![side("left"), side("right")])
                .within(secs(2), 1)
                .on_failure(1)
                .otherwise(1),
            StateRules::end("done"),
        ],
    );
    let report = explored(Case {
        region,
        deciders: &[],
        reaches: &["timed/left/works", "timed/right/ok", "done"],
        transitions: 3,
        under_way: 2,
        kept: 5,
    });
    assert!(report.ends > 20, "{report}");
}

#[test]
fn d10_every_region_that_ends_badly_takes_those_beside_it_along() {
    let bad = RegionRules::new(
        "bad",
        vec![
            StateRules::working("timed").within(secs(1), 1).otherwise(1),
            StateRules::failure("bad"),
        ],
    );
    let region = RegionRules::new(
        "m",
        vec![
            StateRules::parallel("timed", vec![bad, side("other")])
                .within(secs(2), 1)
                .on_failure(1)
                .exits(1)
                .otherwise(1),
            StateRules::end("done"),
        ],
    );
    let report = explored(Case {
        region,
        deciders: &[],
        reaches: &["timed/bad/bad", "timed/other/ok", "done"],
        transitions: 3,
        under_way: 2,
        kept: 5,
    });
    assert!(report.ends > 20, "{report}");
}

#[test]
fn d10_every_machine_inside_of_another_ends_once_and_counts_for_both() {
    let inner = RegionRules::new(
        "m",
        vec![
            StateRules::working("timed")
                .within(secs(1), 1)
                .when("again", 0)
                .otherwise(1),
            StateRules::end("ok"),
        ],
    );
    let region = RegionRules::new(
        "m",
        vec![
            StateRules::nested("timed", inner.at_most(2))
                .within(secs(3), 1)
                .on_failure(1)
                .when("again", 0)
                .otherwise(1),
            StateRules::end("done"),
        ],
    );
    for transitions in 1..=4 {
        let region = region.clone().at_most(transitions);
        let report = explored(Case {
            region,
            deciders: &[1, 3],
            reaches: &["timed/timed", "timed/ok", "done"][..1 + transitions.min(2) as usize],
            transitions: transitions as usize,
            under_way: 1,
            // What each was entered with, and what has become of it.
            kept: 3,
        });
        assert!(report.ends > 5, "{report}");
    }
}

#[test]
fn d10_a_decision_for_a_way_that_there_is_not_fails_the_run() {
    for fact in [Fact::Nothing, Fact::Choice(7)] {
        let region = RegionRules::new(
            "m",
            vec![StateRules::plain("a").otherwise(1), StateRules::end("b")],
        );
        let machine = StatesProtocol::new(&region).unwrap();
        let participants = machine.participants();
        let explorer = explore(machine).participants(participants).facts([fact]);
        let explorer = explorer.invariant("it goes nowhere", |now: &Now<'_>| {
            now.machine().log().is_empty()
        });
        assert_eq!(explorer.run().unwrap().ends, 1);
    }
}

#[test]
fn d10_what_could_not_end_is_no_machine_either() {
    let endless = RegionRules::new("m", vec![StateRules::plain("a").otherwise(0)]);
    let refused = StatesProtocol::new(&endless).unwrap_err();
    assert_eq!(refused.to_string(), "no end can be reached from: a -> a");
    let nowhere = RegionRules::new("m", vec![StateRules::plain("a").otherwise(7)]);
    assert!(StatesProtocol::new(&nowhere).is_err());
}
