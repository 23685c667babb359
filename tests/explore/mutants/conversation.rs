//! Wrong conversations.

use callboard::coordination::Rule;
use callboard::coordination::protocol::{Call, Effect, Fact, Failure, Feed, Happened, Protocol};
use callboard::prelude::*;
use callboard::testing::explore::{Explorer, Flaw};
use serde::{Deserialize, Serialize};

use super::{explored, found};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Wrong {
    Nothing,
    /// The round is entered when the first has spoken.
    EntersTooEarly,
    /// What one says twice counts as what two say.
    HearsTwice,
    /// A round in which a speaker fails is not counted.
    CountsGoodRoundsOnly,
    /// Nobody is left, and it waits for somebody.
    WaitsForNobody,
    /// The judge is followed also after the end.
    JudgesAfterTheEnd,
    /// Minutes are kept when there are new ones.
    KeepsOldMinutes,
}

const WRONG: [Wrong; 6] = [
    Wrong::EntersTooEarly,
    Wrong::HearsTwice,
    Wrong::CountsGoodRoundsOnly,
    Wrong::WaitsForNobody,
    Wrong::JudgesAfterTheEnd,
    Wrong::KeepsOldMinutes,
];

const SIDES: usize = 3;
const CLERK: usize = SIDES;
const JUDGE: usize = SIDES + 1;
const ROUNDS: u32 = 2;

const FAILS: Fact = Fact::Choice(0);
const GOES_ON: Fact = Fact::Choice(1);
const ENDS: Fact = Fact::Choice(2);

/// A debate of three with a judge; whoever fails is out.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Talk {
    wrong: Wrong,
    present: Vec<usize>,
    /// Who speaks, in which call, and whether it was heard.
    speaking: Vec<(usize, Call, bool)>,
    has_failed: bool,
    entering: Option<Call>,
    judging: Option<Call>,
    minutes: Option<Call>,
    rounds: u32,
    next: Call,
    is_over: bool,
}

impl Talk {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            present: (0..SIDES).collect(),
            speaking: Vec::new(),
            has_failed: false,
            entering: None,
            judging: None,
            minutes: None,
            rounds: 0,
            next: 0,
            is_over: false,
        }
    }

    fn feed(&self) -> Feed {
        self.minutes.map_or(Feed::Input, Feed::AnswerTo)
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next;
        self.next += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn end(&mut self, effects: &mut Vec<Effect>) {
        self.is_over = true;
        effects.push(Effect::Finish(self.feed()));
    }

    fn round(&mut self, effects: &mut Vec<Effect>) {
        if self.rounds >= ROUNDS || (self.present.is_empty() && self.wrong != Wrong::WaitsForNobody)
        {
            return self.end(effects);
        }
        if !(self.has_failed && self.wrong == Wrong::CountsGoodRoundsOnly) {
            self.rounds += 1;
        }
        self.has_failed = false;
        for speaker in self.present.clone() {
            let feed = self.feed();
            let call = self.ask(speaker, feed, effects);
            self.speaking.push((speaker, call, false));
        }
    }

    fn heard(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        let wrong = self.wrong;
        let mut known = self.speaking.iter_mut();
        let Some((speaker, _, is_heard)) = known.find(|(_, it, _)| *it == call) else {
            return;
        };
        if *is_heard && wrong != Wrong::HearsTwice {
            return;
        }
        if *is_heard {
            // Taken for somebody else.
            let mut rest = self
                .speaking
                .iter_mut()
                .filter(|(_, _, is_heard)| !is_heard);
            if let Some((_, _, is_heard)) = rest.next() {
                *is_heard = true;
            }
        } else {
            *is_heard = true;
            let speaker = *speaker;
            if fact == FAILS {
                self.has_failed = true;
                self.present.retain(|it| *it != speaker);
            }
        }
        let is_last = self.speaking.iter().all(|(_, _, is_heard)| *is_heard);
        if is_last || wrong == Wrong::EntersTooEarly {
            let mut all: Vec<Call> = self.minutes.into_iter().collect();
            all.extend(self.speaking.drain(..).map(|(_, call, _)| call));
            self.entering = Some(self.ask(CLERK, Feed::Gather(all.clone()), effects));
            if wrong == Wrong::KeepsOldMinutes {
                all.retain(|call| Some(*call) != self.minutes);
            }
            effects.extend(all.into_iter().map(Effect::Forget));
        }
    }
}

impl Protocol for Talk {
    fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        match *event {
            Happened::Answered { call, fact } if self.judging == Some(call) => {
                if self.wrong != Wrong::JudgesAfterTheEnd {
                    self.judging = None;
                }
                if self.is_over && self.wrong != Wrong::JudgesAfterTheEnd {
                    return;
                }
                match fact {
                    ENDS => self.end(effects),
                    _ => {
                        effects.push(Effect::Forget(call));
                        self.round(effects);
                    }
                }
            }
            _ if self.is_over => {}
            Happened::Began => self.round(effects),
            Happened::Answered { call, .. } if self.entering == Some(call) => {
                self.entering = None;
                self.minutes = Some(call);
                self.judging = Some(self.ask(JUDGE, Feed::AnswerTo(call), effects));
            }
            Happened::Answered { call, fact } => self.heard(call, fact, effects),
            Happened::Failed { call, .. }
                if self.entering == Some(call) || self.judging == Some(call) =>
            {
                self.is_over = true;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            _ => {}
        }
    }
}

fn talks(wrong: Wrong) -> Explorer<Talk> {
    explored(Talk::new(wrong), SIDES + 2)
        // Of those who speak, a failure is an answer.
        .failures([])
        .facts([GOES_ON, FAILS])
        .facts_of(CLERK, [GOES_ON])
        .facts_of(JUDGE, [GOES_ON, ENDS])
        .states(1_000_000)
        .invariant("the minutes and one round are kept", |seen| {
            seen.ledger().kept() <= SIDES + 1
        })
        .invariant("there are no more rounds than said", |seen| {
            // Of each, the sides, an entry, a judgement.
            seen.ledger().made() <= ROUNDS as usize * (SIDES + 2)
        })
        .invariant("one set of minutes is kept", |seen| {
            let machine = seen.machine();
            machine.judging.is_none() || machine.is_over || seen.ledger().kept() <= 1
        })
}

#[test]
fn the_copy_itself_is_right() {
    talks(Wrong::Nothing).run().unwrap();
}

#[test]
fn every_wrong_line_of_a_conversation_is_found() {
    for wrong in WRONG {
        assert!(talks(wrong).run().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_round_that_is_entered_too_early_is_found() {
    let found = found(talks(Wrong::EntersTooEarly));
    let is_early = matches!(&found.flaw, Flaw::Broken(broken) if broken.rule == Rule::NotAnswered);
    assert!(is_early, "{found}");
    assert_eq!(found.steps.len(), 2, "{found}");
}

#[test]
fn a_conversation_that_waits_for_nobody_is_found() {
    let found = found(talks(Wrong::WaitsForNobody));
    let has_stalled = matches!(&found.flaw, Flaw::Broken(broken) if broken.rule == Rule::Stalled);
    assert!(has_stalled, "{found}");
}
