//! Wrong hubs.

use callboard::coordination::Rule;
use callboard::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw};
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// Whoever is chosen is asked, also again.
    AsksTheSameAgain,
    /// An answer counts before it is good enough.
    CountsAnyAnswer,
    /// A choice that fails is waited for.
    WaitsForNobody,
    /// The attempt that is late goes on.
    LeavesTheLate,
    /// The best answer is forgotten with the others, and counts in the end.
    ForgetsTheBest,
    /// An answer that comes late counts.
    HearsTheLate,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Standing {
    Begins,
    Routing(Call),
    Trying(Call, usize),
    Over,
}

const ROUTER: usize = 0;
const FIRST_SPOKE: usize = 1;
const LATE: u32 = 0;

/// A hub with one task: so many spokes, each asked once at most, the best answer
/// counts if none is good enough.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Small {
    wrong: Wrong,
    spokes: usize,
    standing: Standing,
    made: usize,
    tried: Vec<usize>,
    best: Option<(Call, f64)>,
    counts: Option<f64>,
}

impl Small {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            spokes: 2,
            standing: Standing::Begins,
            made: 0,
            tried: Vec::new(),
            best: None,
            counts: None,
        }
    }

    fn ask(&mut self, worker: usize, effects: &mut Vec<Effect>) -> Call {
        let (call, feed) = (self.made, Feed::Input);
        self.made += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn another(&mut self, effects: &mut Vec<Effect>) {
        if self.tried.len() < self.spokes {
            let call = self.ask(ROUTER, effects);
            self.standing = Standing::Routing(call);
        } else {
            self.give_up(effects);
        }
    }

    fn give_up(&mut self, effects: &mut Vec<Effect>) {
        self.standing = Standing::Over;
        self.counts = self.best.map(|(_, margin)| margin);
        effects.push(match self.best {
            Some((best, _)) => Effect::Finish(Feed::AnswerTo(best)),
            None => Effect::Fail(Failure::because("nothing was good enough")),
        });
    }

    fn answered(&mut self, call: Call, margin: f64, effects: &mut Vec<Effect>) {
        effects.push(Effect::StopTimer(LATE));
        if margin >= 0.0 || self.wrong == Wrong::CountsAnyAnswer {
            self.standing = Standing::Over;
            self.counts = Some(margin);
            effects.push(Effect::Finish(Feed::AnswerTo(call)));
            return;
        }
        if self.best.is_none_or(|(_, most)| margin > most) {
            self.best = Some((call, margin));
        }
        if self.wrong == Wrong::ForgetsTheBest {
            effects.push(Effect::Forget(call));
        }
        self.another(effects);
    }
}

impl Protocol for Small {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match (*event, self.standing) {
            (Happened::Began, _) => self.another(effects),
            (Happened::Answered { call, fact }, Standing::Routing(under_way))
                if call == under_way =>
            {
                let Fact::Choice(spoke) = fact else { return };
                let spoke = spoke as usize;
                if self.tried.contains(&spoke) && self.wrong != Wrong::AsksTheSameAgain {
                    return self.give_up(effects);
                }
                self.tried.push(spoke);
                let call = self.ask(FIRST_SPOKE + spoke, effects);
                self.standing = Standing::Trying(call, spoke);
                effects.push(Effect::SetTimer {
                    timer: LATE,
                    after: secs(1),
                });
            }
            (Happened::Failed { call, .. }, Standing::Routing(under_way))
                if call == under_way && self.wrong != Wrong::WaitsForNobody =>
            {
                self.give_up(effects);
            }
            (
                Happened::Answered {
                    call,
                    fact: Fact::Number(margin),
                },
                Standing::Trying(under_way, _),
            ) if call == under_way || self.wrong == Wrong::HearsTheLate => {
                self.answered(call, margin, effects);
            }
            (Happened::Failed { call, .. }, Standing::Trying(under_way, _))
                if call == under_way =>
            {
                effects.push(Effect::StopTimer(LATE));
                self.another(effects);
            }
            (Happened::TimeUp { .. }, Standing::Trying(call, _)) => {
                if self.wrong != Wrong::LeavesTheLate {
                    effects.push(Effect::Cancel(call));
                }
                self.another(effects);
            }
            _ => {}
        }
    }
}

fn hub(wrong: Wrong) -> Explorer<Small> {
    let answers = [Fact::Number(-0.5), Fact::Number(0.5)];
    explored(Small::new(wrong), FIRST_SPOKE + 2)
        .facts_of(ROUTER, [0, 1].map(Fact::Choice))
        .facts_of(FIRST_SPOKE, answers)
        .facts_of(FIRST_SPOKE + 1, answers)
        .at_most_under_way(1)
        .invariant("nobody is asked twice", |seen| {
            seen.machine().tried != [0, 0] && seen.machine().tried != [1, 1]
        })
        .invariant("a bad answer counts only when all have tried", |seen| {
            let machine = seen.machine();
            let is_bad = machine.counts.is_some_and(|margin| margin < 0.0);
            !is_bad || machine.made > 2
        })
}

#[test]
fn d1_a_hub_without_a_wrong_line_passes() {
    hub(Wrong::Nothing).run().unwrap();
}

#[test]
fn d5_a_specialist_that_is_asked_again_is_found() {
    let flaw = found(hub(Wrong::AsksTheSameAgain)).flaw;
    assert_eq!(flaw, Flaw::Violated("nobody is asked twice".into()));
}

#[test]
fn d25_an_answer_that_counts_before_it_is_good_enough_is_found() {
    let flaw = found(hub(Wrong::CountsAnyAnswer)).flaw;
    assert!(matches!(flaw, Flaw::Violated(_)), "{flaw:?}");
}

#[test]
fn d1_a_hub_that_waits_for_nobody_is_found() {
    assert_eq!(broken(Wrong::WaitsForNobody), Rule::Stalled);
}

#[test]
fn d5_a_late_attempt_that_goes_on_is_found() {
    let flaw = found(hub(Wrong::LeavesTheLate)).flaw;
    assert!(matches!(flaw, Flaw::Violated(_)), "{flaw:?}");
}

#[test]
fn d5_a_best_answer_that_was_forgotten_is_found() {
    assert_eq!(broken(Wrong::ForgetsTheBest), Rule::Forgotten);
}

#[test]
fn d5_an_answer_of_somebody_who_was_given_up_is_found() {
    let flaw = found(hub(Wrong::HearsTheLate)).flaw;
    assert!(
        matches!(flaw, Flaw::DisturbedByLateNews | Flaw::Broken(_)),
        "{flaw:?}"
    );
}

fn broken(wrong: Wrong) -> Rule {
    match found(hub(wrong)).flaw {
        Flaw::Broken(broken) => broken.rule,
        other => panic!("another flaw was found: {other:?}"),
    }
}
