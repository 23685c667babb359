//! D19: resolutions in every order of what may happen.

use callboard::coordination::conflict::{ConflictProtocol, StrategyKind, StrategyRules};
use callboard::coordination::protocol::{Effect, Fact, Feed, Happened, Protocol};
use callboard::prelude::{FaultClass, *};
use callboard::testing::explore::{Explorer, explore};
use serde::{Deserialize, Serialize};

/// Unanimity, confidence, a person in a hurry and a meta-agent.
fn strategies() -> Vec<StrategyRules> {
    vec![
        StrategyRules::new(StrategyKind::Unanimous),
        StrategyRules::new(StrategyKind::Confidence),
        StrategyRules::new(StrategyKind::Person).within(secs(1)),
        StrategyRules::new(StrategyKind::Meta).within(secs(2)),
    ]
}

fn awkward<P: Protocol>(machine: P) -> Explorer<P> {
    let kinds = [
        StrategyKind::Confidence,
        StrategyKind::Person,
        StrategyKind::Merge,
    ];
    explore(machine)
        .participants(5)
        .failures([FaultClass::Permanent])
        // A strategy that does not exist, too.
        .facts_of(0, (0..=4).map(Fact::Choice))
        .facts_of(4, kinds.map(|kind| Fact::Choice(kind as u32)))
        .duplicates()
        .crashes(1)
        .at_most_under_way(1)
        .invariant("each strategy is tried once at most", |seen| {
            seen.ledger().made() <= 5
        })
        .invariant("a strategy has as much time as it was given", |seen| {
            seen.now() <= secs(3)
        })
}

#[test]
fn d19_every_resolution_ends_once_and_tries_each_strategy_once() {
    match awkward(ConflictProtocol::new(strategies())).run() {
        Ok(report) => assert!(report.ends > 5, "{report}"),
        Err(found) => panic!("{found}"),
    }
}

/// A line around the shipped machine that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// A strategy that takes too long is waited for.
    WaitsForTheLate,
    /// A strategy that failed is not followed by another.
    StopsAtASetback,
    /// The end is said again when news comes late.
    EndsTwice,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Off {
    wrong: Wrong,
    machine: ConflictProtocol,
    end: Option<Effect>,
}

impl Protocol for Off {
    fn on(&mut self, event: &Happened, now: Duration, effects: &mut Vec<Effect>) {
        let is_late = matches!(event, Happened::TimeUp { .. });
        let is_setback = matches!(event, Happened::Failed { call, .. } if *call > 0);
        match self.wrong {
            Wrong::WaitsForTheLate if is_late => return,
            Wrong::StopsAtASetback if is_setback => return,
            Wrong::EndsTwice => effects.extend(self.end.clone()),
            _ => {}
        }
        self.machine.on(event, now, effects);
        let ends = |effect: &&Effect| matches!(effect, Effect::Finish(Feed::Gather(_)));
        self.end = effects.iter().find(ends).cloned().or(self.end.take());
    }
}

#[test]
fn every_wrong_line_of_a_resolution_is_found() {
    for wrong in [
        Wrong::Nothing,
        Wrong::WaitsForTheLate,
        Wrong::StopsAtASetback,
        Wrong::EndsTwice,
    ] {
        let machine = ConflictProtocol::new(strategies());
        let off = Off {
            wrong,
            machine,
            end: None,
        };
        let explorer = awkward(off).invariant("who is late is not waited for", |seen| {
            seen.now().is_zero() || !seen.machine().machine.late().is_empty()
        });
        let is_found = explorer.run().is_err();
        assert_eq!(is_found, wrong != Wrong::Nothing, "{wrong:?}");
    }
}
