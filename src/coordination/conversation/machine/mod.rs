//! The rules of a conversation.
//!
//! ```text
//!  opening ─▶ minutes ─▶ chair, if it chooses ─▶ one or all speak ─▶ entry ─▶ minutes
//!                ▲  │ ended by a rule, no step left               the others │
//!                │  └─────────▶ end                               of the step│
//!                └──────── chair, if it judges ◀─────────────────────────────┘
//! ```

mod rules;

pub(super) use rules::Word;
pub use rules::{Chair, Ended, Floor, OnJudgeFault, OnSpeakerFault};

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome,
};

/// Somebody who speaks now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Speaks {
    speaker: usize,
    call: Call,
    is_heard: bool,
}

/// What comes when something has been entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Then {
    /// The rest of the step.
    GoOn,
    /// Whoever is next in turn speaks.
    NextInTurn,
    /// The next step.
    NextStep,
    Close(Ended),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Opening(Call),
    Choosing(Call),
    Speaking(Vec<Speaks>),
    Entering(Call, Then),
    /// With why it ends, if nobody speaks after this.
    Judging(Call, Option<Ended>),
    Over,
}

/// The rules of a conversation: who speaks when, who presides, and when it ends.
/// Debates and group chats are conversations.
///
/// Its participants are the speakers, who opens the minutes, who enters what was
/// said in them, and whoever presides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationProtocol {
    floor: Floor,
    chair: Chair,
    on_speaker_fault: OnSpeakerFault,
    on_judge_fault: OnJudgeFault,
    /// With fewer speakers there is nobody to talk to.
    least: usize,
    most: u32,
    /// Steps begun.
    done: u32,
    /// After how many steps it was judged last.
    judged: Option<u32>,
    speakers: usize,
    /// By their positions, in order.
    present: Vec<usize>,
    /// Who speaks in this step, too.
    rest: VecDeque<usize>,
    /// Where the search for the next in turn begins.
    turn: usize,
    /// The call whose answer is the minutes.
    minutes: Call,
    next: Call,
    phase: Phase,
    ended: Option<Ended>,
}

impl ConversationProtocol {
    /// A conversation of so many, with so many steps at most, at least one.
    #[must_use]
    pub fn new(speakers: usize, floor: Floor, chair: Chair, steps: u32) -> Self {
        Self {
            floor,
            chair,
            on_speaker_fault: OnSpeakerFault::default(),
            on_judge_fault: OnJudgeFault::default(),
            least: 1,
            most: steps.max(1),
            done: 0,
            judged: None,
            speakers,
            present: (0..speakers).collect(),
            rest: VecDeque::new(),
            turn: 0,
            minutes: 0,
            next: 0,
            phase: Phase::Opening(0),
            ended: None,
        }
    }

    /// Ends when fewer speakers than this are left. Default 1.
    #[must_use]
    pub fn at_least(mut self, speakers: usize) -> Self {
        self.least = speakers.max(1);
        self
    }

    /// What becomes of a speaker that fails. Default: it has lost this turn.
    #[must_use]
    pub fn on_speaker_fault(mut self, policy: OnSpeakerFault) -> Self {
        self.on_speaker_fault = policy;
        self
    }

    /// What becomes of it when the judge fails. Default: it goes on.
    #[must_use]
    pub fn on_judge_fault(mut self, policy: OnJudgeFault) -> Self {
        self.on_judge_fault = policy;
        self
    }

    /// Steps begun so far: rounds, or turns where one speaks in each.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.done
    }

    /// Who may speak still, by their positions.
    #[must_use]
    pub fn present(&self) -> &[usize] {
        &self.present
    }

    /// Why it ended, once it has.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    fn opener(&self) -> usize {
        self.speakers
    }

    fn clerk(&self) -> usize {
        self.speakers + 1
    }

    fn presides(&self) -> usize {
        self.speakers + 2
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next;
        self.next += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    /// The next step, if there is one.
    fn next_step(&mut self, effects: &mut Vec<Effect>) {
        if self.done >= self.most {
            self.close(Ended::AtMost, effects);
        } else if self.present.len() < self.least {
            self.close(Ended::NobodyLeft, effects);
        } else if self.chair == Chair::Chooses {
            let call = self.ask(self.presides(), Feed::AnswerTo(self.minutes), effects);
            self.phase = Phase::Choosing(call);
        } else {
            self.give_floor(None, effects);
        }
    }

    fn give_floor(&mut self, chosen: Option<usize>, effects: &mut Vec<Effect>) {
        self.done += 1;
        match self.floor {
            Floor::SideBySide => self.speak(self.present.clone(), effects),
            Floor::InTurn => {
                self.rest = self.present.iter().copied().collect();
                self.rest_speaks(effects);
            }
            Floor::One => {
                let later = self.present.iter().find(|it| **it >= self.turn);
                let in_turn = later.or(self.present.first()).copied();
                let speaker = chosen.or(in_turn).unwrap_or_default();
                self.turn = speaker + 1;
                self.speak(vec![speaker], effects);
            }
        }
    }

    /// The next of this step, or the end of it.
    fn rest_speaks(&mut self, effects: &mut Vec<Effect>) {
        match self.rest.pop_front() {
            Some(speaker) => self.speak(vec![speaker], effects),
            None if self.chair == Chair::Judges => self.judge(None, effects),
            None => self.next_step(effects),
        }
    }

    fn speak(&mut self, speakers: Vec<usize>, effects: &mut Vec<Effect>) {
        let feed = Feed::AnswerTo(self.minutes);
        let asked = speakers.into_iter().map(|speaker| Speaks {
            speaker,
            call: self.ask(speaker, feed.clone(), effects),
            is_heard: false,
        });
        self.phase = Phase::Speaking(asked.collect());
    }

    /// Enters these in the minutes; they are not needed any more then.
    fn enter(&mut self, calls: Vec<Call>, then: Then, effects: &mut Vec<Effect>) {
        let mut all = vec![self.minutes];
        all.extend(calls);
        let call = self.ask(self.clerk(), Feed::Gather(all.clone()), effects);
        effects.extend(all.into_iter().map(Effect::Forget));
        self.phase = Phase::Entering(call, then);
    }

    fn judge(&mut self, closes: Option<Ended>, effects: &mut Vec<Effect>) {
        self.judged = Some(self.done);
        let call = self.ask(self.presides(), Feed::AnswerTo(self.minutes), effects);
        self.phase = Phase::Judging(call, closes);
    }

    /// Nobody speaks any more: whoever judges has the last word, once.
    fn close(&mut self, why: Ended, effects: &mut Vec<Effect>) {
        let judges = matches!(self.chair, Chair::Judges | Chair::HasTheLastWord);
        if judges && self.judged != Some(self.done) {
            self.judge(Some(why), effects);
        } else {
            self.end(why, vec![self.minutes], effects);
        }
    }

    fn end(&mut self, why: Ended, calls: Vec<Call>, effects: &mut Vec<Effect>) {
        self.phase = Phase::Over;
        self.ended = Some(why);
        effects.push(Effect::Finish(Feed::Gather(calls)));
    }

    /// There are new minutes.
    fn entered(&mut self, call: Call, fact: Fact, then: Then, effects: &mut Vec<Effect>) {
        self.minutes = call;
        match then {
            Then::Close(why) => self.end(why, vec![call], effects),
            _ if Word::of(fact) == Word::End => self.close(Ended::Rule, effects),
            Then::GoOn => self.rest_speaks(effects),
            Then::NextInTurn => self.give_floor(None, effects),
            Then::NextStep => self.next_step(effects),
        }
    }

    fn chosen(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        let chair = self.presides();
        match Word::of(fact) {
            Word::End => {
                note(chair, StepOutcome::Done, effects);
                self.end(Ended::Chair, vec![self.minutes, call], effects);
            }
            Word::Next(speaker) if self.present.contains(&speaker) => {
                note(chair, StepOutcome::WentTo(speaker), effects);
                effects.push(Effect::Forget(call));
                self.give_floor(Some(speaker), effects);
            }
            Word::GoOn => {
                effects.push(Effect::Forget(call));
                self.give_floor(None, effects);
            }
            Word::Next(_) | Word::Failed => {
                note(chair, StepOutcome::FellBack, effects);
                self.enter(vec![call], Then::NextInTurn, effects);
            }
        }
    }

    fn judged(&mut self, call: Call, fact: Fact, closes: Option<Ended>, effects: &mut Vec<Effect>) {
        let chair = self.presides();
        match (Word::of(fact), closes) {
            (Word::End, _) => {
                note(chair, StepOutcome::Done, effects);
                self.end(Ended::Chair, vec![self.minutes, call], effects);
            }
            (Word::GoOn, Some(why)) => {
                note(chair, StepOutcome::Done, effects);
                self.end(why, vec![self.minutes], effects);
            }
            (Word::GoOn, None) => {
                note(chair, StepOutcome::Done, effects);
                effects.push(Effect::Forget(call));
                self.next_step(effects);
            }
            (Word::Next(_) | Word::Failed, closes) => {
                note(chair, StepOutcome::Failed, effects);
                let then = match (closes, self.on_judge_fault) {
                    (Some(_), _) | (None, OnJudgeFault::Ends) => Then::Close(Ended::JudgeFailed),
                    (None, OnJudgeFault::GoesOn) => Then::NextStep,
                };
                self.enter(vec![call], then, effects);
            }
        }
    }

    /// A speaker has spoken, or has failed to.
    fn heard(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        let Phase::Speaking(all) = &mut self.phase else {
            return;
        };
        let mut open = all.iter_mut().filter(|it| !it.is_heard);
        let Some(speaks) = open.find(|it| it.call == call) else {
            return;
        };
        speaks.is_heard = true;
        let speaker = speaks.speaker;
        let calls = all.iter().map(|it| it.call).collect();
        let is_last = all.iter().all(|it| it.is_heard);
        let has_failed = Word::of(fact) == Word::Failed;
        let outcome = match has_failed {
            true => StepOutcome::Failed,
            false => StepOutcome::Done,
        };
        note(speaker, outcome, effects);
        if has_failed && self.on_speaker_fault == OnSpeakerFault::IsOut {
            self.present.retain(|it| *it != speaker);
        }
        if is_last {
            self.enter(calls, Then::GoOn, effects);
        }
    }

    fn answered(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Opening(opening) if call == opening => {
                self.entered(call, fact, Then::NextStep, effects);
            }
            Phase::Entering(entering, then) if call == entering => {
                self.entered(call, fact, then, effects);
            }
            Phase::Choosing(choosing) if call == choosing => self.chosen(call, fact, effects),
            Phase::Judging(judging, closes) if call == judging => {
                self.judged(call, fact, closes, effects);
            }
            Phase::Speaking(_) => self.heard(call, fact, effects),
            _ => {}
        }
    }

    /// Whether this call is waited for.
    fn awaits(&self, call: Call) -> bool {
        match &self.phase {
            Phase::Opening(it)
            | Phase::Entering(it, _)
            | Phase::Choosing(it)
            | Phase::Judging(it, _) => call == *it,
            Phase::Speaking(all) => all.iter().any(|it| it.call == call && !it.is_heard),
            Phase::Over => false,
        }
    }
}

fn note(worker: usize, outcome: StepOutcome, effects: &mut Vec<Effect>) {
    effects.push(Effect::Note { worker, outcome });
}

impl Protocol for ConversationProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.phase == Phase::Over => {}
            Happened::Began => {
                let call = self.ask(self.opener(), Feed::Input, effects);
                self.phase = Phase::Opening(call);
            }
            Happened::Answered { call, fact } => self.answered(call, fact, effects),
            // What a speaker or the chair fails with is an answer here: this is one
            // of those who write the minutes.
            Happened::Failed { call, .. } if self.awaits(call) => {
                self.phase = Phase::Over;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
            _ => {}
        }
    }
}
