//! The rules of peers among whom nobody decides alone.
//!
//! ```text
//!  open ─▶ proposals, side by side ─▶ reviews by neighbours ─▶ judge ─▶ none accepted: the end
//!             ▲                                                 │
//!             └── record: changed, and rounds are left ◀── apply ◀─┘
//! ```

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::{Ended, PeerRules};
use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome, Timer,
};

/// When no more proposals, or no more reviews, are taken.
const CLOSING: Timer = 0;

/// What a peer's answer says to the machine: that it proposes something.
pub(super) const PROPOSES: Fact = Fact::Choice(0);

/// Something that is asked in a round: of whom, about whose proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    peer: usize,
    /// Absent of a proposal.
    of: Option<usize>,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Standing {
    Waiting,
    UnderWay,
    /// It is answered, with something to be reviewed.
    Proposes,
    /// It is answered.
    Heard,
    Silent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Opening,
    /// What is asked has this call and those after it.
    Proposing(Call),
    Reviewing(Call),
    Judging,
    Applying,
    Recording,
    Over,
}

/// The rules of peers: in each round everybody may propose something, the neighbours
/// review it, what is accepted is applied, and it is over when nothing is.
///
/// Participants: one that opens the file, one that judges (it counts what is
/// accepted), one that applies that, one that records the new state (it says how far
/// that is from the last one), then from [`PEERS`](Self::PEERS) on the peers as those
/// who propose, and again as those who review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerProtocol {
    rules: PeerRules,
    phase: Phase,
    next: Call,
    call: Call,
    file: Call,
    round: u32,
    /// What is to be asked in this phase, and as far as it was.
    queue: Vec<Asked>,
    asked: usize,
    under_way: usize,
    /// Who proposes something in this round, and by which call.
    proposals: Vec<(usize, Call)>,
    /// All answers of this round, in the order of their calls.
    papers: Vec<Call>,
    ended: Option<Ended>,
}

impl PeerProtocol {
    pub(super) const OPEN: usize = 0;
    pub(super) const JUDGE: usize = 1;
    pub(super) const APPLY: usize = 2;
    pub(super) const RECORD: usize = 3;
    /// The position of the first peer.
    pub const PEERS: usize = 4;

    /// A run that has not begun.
    #[must_use]
    pub fn new(rules: PeerRules) -> Self {
        Self {
            rules,
            phase: Phase::Opening,
            next: 0,
            call: 0,
            file: 0,
            round: 0,
            queue: Vec::new(),
            asked: 0,
            under_way: 0,
            proposals: Vec::new(),
            papers: Vec::new(),
            ended: None,
        }
    }

    /// Rounds so far, the one under way included.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Why it is over, once it is.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Reviews that were asked for in this round: who reviews, and whose proposal.
    pub fn reviews(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let asked = self.queue[..self.asked].iter();
        asked.filter_map(|it| Some((it.peer, it.of?)))
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) {
        self.call = self.next;
        self.next += 1;
        effects.push(Effect::Ask {
            call: self.call,
            worker,
            feed,
        });
    }

    fn end(&mut self, why: Ended, effects: &mut Vec<Effect>) {
        self.phase = Phase::Over;
        self.ended = Some(why);
        effects.push(Effect::Finish(Feed::AnswerTo(self.file)));
    }

    fn begin_round(&mut self, effects: &mut Vec<Effect>) {
        self.round += 1;
        self.proposals.clear();
        self.papers.clear();
        let peers = 0..self.rules.neighbours.len();
        let queue = peers.map(|peer| Asked {
            peer,
            of: None,
            standing: Standing::Waiting,
        });
        self.phase = Phase::Proposing(self.next);
        self.begin_asking(queue.collect(), effects);
    }

    fn begin_reviews(&mut self, effects: &mut Vec<Effect>) {
        let mut queue = Vec::new();
        for (of, _) in &self.proposals {
            let reviewers = self.rules.neighbours[*of].iter();
            // Never one's own, whatever the graph says.
            let reviewers = reviewers.filter(|peer| *peer != of);
            queue.extend(reviewers.map(|peer| Asked {
                peer: *peer,
                of: Some(*of),
                standing: Standing::Waiting,
            }));
        }
        if queue.is_empty() {
            return self.judge(effects);
        }
        self.phase = Phase::Reviewing(self.next);
        self.begin_asking(queue, effects);
    }

    fn begin_asking(&mut self, queue: Vec<Asked>, effects: &mut Vec<Effect>) {
        self.queue = queue;
        self.asked = 0;
        self.under_way = 0;
        let after = self.rules.within;
        effects.push(Effect::SetTimer {
            timer: CLOSING,
            after,
        });
        self.ask_more(effects);
    }

    fn ask_more(&mut self, effects: &mut Vec<Effect>) {
        while self.under_way < self.rules.concurrency.max(1)
            && let Some(asked) = self.queue.get_mut(self.asked)
        {
            asked.standing = Standing::UnderWay;
            let Asked { peer, of, .. } = *asked;
            self.asked += 1;
            self.under_way += 1;
            let proposal = of.and_then(|of| {
                let mut proposals = self.proposals.iter();
                proposals.find(|(peer, _)| *peer == of)
            });
            let (worker, feed) = match proposal {
                None => (Self::PEERS + peer, Feed::AnswerTo(self.file)),
                Some((_, proposal)) => {
                    let reviewers = Self::PEERS + self.rules.neighbours.len();
                    (reviewers + peer, Feed::Gather(vec![self.file, *proposal]))
                }
            };
            self.ask(worker, feed, effects);
        }
    }

    /// What is heard of a peer, while it is waited for.
    fn heard(&mut self, first: Call, call: Call, said: Option<Fact>, effects: &mut Vec<Effect>) {
        let Some(asked) = call
            .checked_sub(first)
            .and_then(|at| self.queue[..self.asked].get_mut(at))
            .filter(|asked| asked.standing == Standing::UnderWay)
        else {
            return;
        };
        let (now, outcome) = match said {
            None => (Standing::Silent, StepOutcome::Failed),
            Some(PROPOSES) if asked.of.is_none() => (Standing::Proposes, StepOutcome::Done),
            Some(_) => (Standing::Heard, StepOutcome::Done),
        };
        asked.standing = now;
        let peer = asked.peer;
        self.under_way -= 1;
        Self::note(peer, outcome, effects);
        self.ask_more(effects);
        if self.under_way == 0 {
            effects.push(Effect::StopTimer(CLOSING));
            self.go_on(first, effects);
        }
    }

    fn note(peer: usize, outcome: StepOutcome, effects: &mut Vec<Effect>) {
        effects.push(Effect::Note {
            worker: Self::PEERS + peer,
            outcome,
        });
    }

    /// Nobody is waited for any more in this phase.
    fn close(&mut self, first: Call, effects: &mut Vec<Effect>) {
        for (at, asked) in self.queue[..self.asked].iter_mut().enumerate() {
            if asked.standing == Standing::UnderWay {
                asked.standing = Standing::Silent;
                effects.push(Effect::Cancel(first + at));
                Self::note(asked.peer, StepOutcome::TimedOut, effects);
            }
        }
        self.under_way = 0;
        self.go_on(first, effects);
    }

    /// All who were asked are heard, or not waited for any more.
    fn go_on(&mut self, first: Call, effects: &mut Vec<Effect>) {
        for (at, asked) in self.queue.iter().enumerate() {
            match asked.standing {
                Standing::Proposes => {
                    self.proposals.push((asked.peer, first + at));
                    self.papers.push(first + at);
                }
                Standing::Heard => self.papers.push(first + at),
                _ => {}
            }
        }
        match self.phase {
            Phase::Proposing(_) => self.begin_reviews(effects),
            _ => self.judge(effects),
        }
    }

    fn judge(&mut self, effects: &mut Vec<Effect>) {
        let file = self.file;
        let papers = [file].into_iter().chain(self.papers.iter().copied());
        let feed = Feed::Gather(papers.collect());
        self.ask(Self::JUDGE, feed, effects);
        let papers = std::mem::take(&mut self.papers);
        effects.extend([file].into_iter().chain(papers).map(Effect::Forget));
        self.phase = Phase::Judging;
    }

    fn judged(&mut self, fact: Fact, effects: &mut Vec<Effect>) {
        match fact {
            Fact::Count(0) => self.end(Ended::NothingAccepted, effects),
            Fact::Count(_) => {
                self.ask(Self::APPLY, Feed::AnswerTo(self.file), effects);
                self.phase = Phase::Applying;
            }
            _ => self.end(Ended::NobodyAnswered, effects),
        }
    }

    fn recorded(&mut self, fact: Fact, effects: &mut Vec<Effect>) {
        let is_small = match fact {
            Fact::Number(change) => change < self.rules.change,
            _ => false,
        };
        if is_small {
            self.end(Ended::SmallChange, effects);
        } else if self.round >= self.rules.rounds {
            self.end(Ended::Rounds, effects);
        } else {
            self.begin_round(effects);
        }
    }

    fn answered(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Proposing(first) | Phase::Reviewing(first) => {
                self.heard(first, call, Some(fact), effects);
            }
            // News of a call that is over.
            _ if call != self.call => {}
            Phase::Opening => {
                self.file = call;
                self.begin_round(effects);
            }
            Phase::Judging => {
                self.file = call;
                self.judged(fact, effects);
            }
            Phase::Applying => {
                let file = self.file;
                self.ask(Self::RECORD, Feed::Gather(vec![file, call]), effects);
                effects.extend([file, call].map(Effect::Forget));
                self.phase = Phase::Recording;
            }
            Phase::Recording => {
                self.file = call;
                self.recorded(fact, effects);
            }
            Phase::Over => {}
        }
    }

    fn failed(&mut self, call: Call, effects: &mut Vec<Effect>) {
        match self.phase {
            Phase::Proposing(first) | Phase::Reviewing(first) => {
                self.heard(first, call, None, effects);
            }
            Phase::Over => {}
            _ if call != self.call => {}
            _ => {
                self.phase = Phase::Over;
                effects.push(Effect::Fail(Failure::Call(call)));
            }
        }
    }
}

impl Protocol for PeerProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            Happened::Began => self.ask(Self::OPEN, Feed::Input, effects),
            Happened::Answered { call, fact } => self.answered(call, fact, effects),
            Happened::Failed { call, .. } => self.failed(call, effects),
            Happened::TimeUp { timer: CLOSING } => {
                if let Phase::Proposing(first) | Phase::Reviewing(first) = self.phase {
                    self.close(first, effects);
                }
            }
            Happened::TimeUp { .. } => {}
        }
    }
}
