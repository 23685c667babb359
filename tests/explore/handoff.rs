//! D18: handoffs in every order of what may happen.

use callboard::coordination::handoff::HandoffProtocol;
use callboard::coordination::protocol::{Effect, Fact, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Report, explore};
use serde::{Deserialize, Serialize};

const ACCEPTS: Fact = Fact::Choice(0);

/// A line around the shipped machine that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// Whoever accepts late is given the work, too.
    TwoOwners,
    /// A rejection is taken for an acceptance.
    RejectionCounts,
    /// What is handed over is dropped after an offer that failed.
    DropsTheContext,
    /// An offer that was not answered in time is waited for.
    WaitsForTheLate,
}

/// The machine, and what somebody beside it sees.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watched {
    wrong: Wrong,
    machine: HandoffProtocol,
    /// Whom each call asked, and when.
    asked: Vec<usize>,
    asked_at: Vec<Duration>,
    /// Who was heard when it got an owner, and whether it accepted.
    taken_by: Option<(usize, bool)>,
}

impl Watched {
    fn new(stages: &[usize], wrong: Wrong) -> Self {
        Self {
            wrong,
            machine: HandoffProtocol::new(stages.iter().copied()).tell_within(secs(1)),
            asked: Vec::new(),
            asked_at: Vec::new(),
            taken_by: None,
        }
    }

    /// How often the participant that this function names was asked, of all
    /// candidates.
    fn asked(&self, of: fn(usize) -> usize) -> usize {
        let participants: Vec<usize> = (0..4).map(of).collect();
        let asked = self.asked.iter();
        asked.filter(|it| participants.contains(it)).count()
    }
}

impl Protocol for Watched {
    fn on(&mut self, event: &Happened, now: Duration, effects: &mut Vec<Effect>) {
        let mut event = *event;
        let mut heard = None;
        if let Happened::Answered { call, fact } = &mut event {
            let participant = self.asked.get(*call).copied();
            heard = participant.map(|it| (it, *fact == ACCEPTS));
            if self.wrong == Wrong::RejectionCounts && *fact == Fact::Choice(1) {
                *fact = ACCEPTS;
            }
        }
        let had_owner = self.machine.owner().is_some();
        if self.wrong == Wrong::WaitsForTheLate && matches!(event, Happened::TimeUp { timer: 0 }) {
            return;
        }
        let from = effects.len();
        self.machine.on(&event, now, effects);
        if !had_owner && self.machine.owner().is_some() {
            self.taken_by = heard;
        }
        match (self.wrong, event) {
            (Wrong::TwoOwners, Happened::Answered { call, .. }) => {
                let owner = self.machine.owner().map(HandoffProtocol::works_as);
                let participant = self.asked.get(call).copied().unwrap_or_default();
                let is_offer = participant >= 2 && (participant - 2).is_multiple_of(3);
                if let Some(owner) = owner
                    && is_offer
                    && participant + 2 != owner
                {
                    let call = self.asked.len() + effects.len() - from;
                    effects.push(Effect::Ask {
                        call,
                        worker: participant + 2,
                        feed: Feed::AnswerTo(0),
                    });
                }
            }
            (Wrong::DropsTheContext, Happened::Failed { call, .. }) if call > 1 => {
                effects.insert(from, Effect::Forget(0));
            }
            _ => {}
        }
        for effect in &effects[from..] {
            if let Effect::Ask { worker, .. } = effect {
                self.asked.push(*worker);
                self.asked_at.push(now);
            }
        }
    }
}

fn awkward(stages: &[usize], retries: u32, wrong: Wrong) -> Explorer<Watched> {
    let candidates: usize = stages.iter().sum();
    let mut explorer = explore(Watched::new(stages, wrong))
        .participants(2 + 3 * candidates)
        .failures([FaultClass::Transient])
        .facts_of(0, [Fact::Number(10.0)])
        .facts_of(1, [Fact::Count(retries)])
        .duplicates()
        .crashes(1)
        .states(2_000_000);
    for candidate in 0..candidates {
        let says = [ACCEPTS, Fact::Choice(1)];
        explorer = explorer.facts_of(HandoffProtocol::offers_to(candidate), says);
    }
    explorer
        .invariant("one is given the work, once, if anybody is", |seen| {
            seen.machine().asked(HandoffProtocol::works_as) <= 1
        })
        .invariant("whoever is given the work has accepted", |seen| {
            let owner = seen.machine().machine.owner();
            let owner = owner.map(|it| (HandoffProtocol::offers_to(it), true));
            owner == seen.machine().taken_by
        })
        .invariant("until somebody has accepted the giver keeps it", |seen| {
            let is_there = seen.ledger().kept() > 0 || seen.ledger().made() <= 1;
            is_there || seen.ledger().is_over()
        })
        .invariant(
            "nobody is offered it more often than the bound",
            move |seen| {
                let offers = |it| seen.machine().machine.offers(it);
                (0..candidates).all(|it| offers(it) <= retries as usize + 1)
            },
        )
        .invariant("an offer takes no longer than it may", move |seen| {
            let offers: Vec<_> = (0..candidates).map(HandoffProtocol::offers_to).collect();
            let watched = seen.machine();
            let mut open = seen.ledger().calls_under_way();
            open.all(|call| {
                let age = seen.now().saturating_sub(watched.asked_at[call]);
                !offers.contains(&watched.asked[call]) || age < secs(10)
            })
        })
}

fn passes(explorer: Explorer<Watched>) -> Report {
    match explorer.run() {
        Ok(report) => report,
        Err(found) => panic!("{found}"),
    }
}

#[test]
fn d18_every_handoff_has_at_most_one_owner_and_ends_once() {
    // Direct, with a fallback, a broadcast, up a chain, a broadcast with a fallback.
    for (stages, retries) in [
        (&[1][..], 2),
        (&[1, 1], 1),
        (&[2], 1),
        (&[1, 1, 1], 1),
        (&[2, 1], 0),
        (&[3], 0),
        (&[1, 1, 1, 1], 0),
    ] {
        let report = passes(awkward(stages, retries, Wrong::Nothing));
        assert!(report.ends > 2, "{stages:?}: {report}");
    }
}

#[test]
fn every_wrong_line_of_a_handoff_is_found() {
    for wrong in [
        Wrong::TwoOwners,
        Wrong::RejectionCounts,
        Wrong::DropsTheContext,
        Wrong::WaitsForTheLate,
    ] {
        let found = awkward(&[2, 1], 0, wrong).run();
        assert!(found.is_err(), "{wrong:?}");
    }
}
