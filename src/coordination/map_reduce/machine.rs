//! The rules of a map-reduce.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::FaultClass;
use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome,
};

/// Who cuts the input into batches.
pub(super) const SPLITTER: usize = 0;
/// Who works on a batch.
pub(super) const MAPPER: usize = 1;
/// Who makes one of several results.
pub(super) const REDUCER: usize = 2;

/// In which order results are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    /// In that of the batches.
    OfBatches,
    /// As they come: for what is commutative.
    OfArrival,
}

/// A batch that is being worked on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Mapping {
    call: Call,
    batch: usize,
    attempts: u32,
}

/// Results that are being combined.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Reducing {
    call: Call,
    of: Vec<Call>,
}

/// The rules of a map-reduce: the input is cut into batches, each is worked on,
/// and results are combined as soon as it is their turn.
///
/// Its workers are the one that cuts, the one that works on a batch, and the one
/// that combines.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MapReduceProtocol {
    order: Order,
    concurrency: usize,
    attempts: u32,
    /// How many there are, once that is known.
    batches: usize,
    next_batch: usize,
    next_call: Call,
    mapping: Vec<Mapping>,
    /// Results that wait for their turn, by batch.
    waiting: Vec<(usize, Call)>,
    /// Batches whose results are in the total, or about to be.
    taken: usize,
    total: Option<Call>,
    reducing: Option<Reducing>,
    is_over: bool,
}

impl MapReduceProtocol {
    /// So many batches at once, each tried so often.
    #[must_use]
    pub fn new(order: Order, concurrency: usize, attempts: u32) -> Self {
        Self {
            order,
            concurrency: concurrency.max(1),
            attempts: attempts.max(1),
            batches: 0,
            next_batch: 0,
            next_call: 0,
            mapping: Vec::new(),
            waiting: Vec::new(),
            taken: 0,
            total: None,
            reducing: None,
            is_over: false,
        }
    }

    fn ask(&mut self, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.next_call;
        self.next_call += 1;
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn map(&mut self, batch: usize, attempts: u32, effects: &mut Vec<Effect>) {
        let feed = Feed::Part { of: 0, at: batch };
        let call = self.ask(MAPPER, feed, effects);
        self.mapping.push(Mapping {
            call,
            batch,
            attempts,
        });
    }

    /// The batch that a call worked on, which it does no more.
    fn mapped(&mut self, call: Call) -> Option<Mapping> {
        let at = self.mapping.iter().position(|known| known.call == call)?;
        Some(self.mapping.swap_remove(at))
    }

    fn is_reduction(&self, call: Call) -> bool {
        matches!(&self.reducing, Some(reducing) if reducing.call == call)
    }

    fn answered(&mut self, call: Call, fact: Fact, effects: &mut Vec<Effect>) {
        if call == 0 && self.next_call == 1 {
            self.batches = match fact {
                Fact::Count(batches) => batches as usize,
                _ => 1,
            };
        } else if let Some(Mapping { batch, .. }) = self.mapped(call) {
            note(StepOutcome::Done, effects);
            self.waiting.push((batch, call));
        } else if self.is_reduction(call) {
            let reduced = self.reducing.take().into_iter().flat_map(|done| done.of);
            effects.extend(reduced.map(Effect::Forget));
            self.total = Some(call);
        } else {
            return;
        }
        self.reduce(effects);
        self.map_more(effects);
        if self.taken == self.batches && self.reducing.is_none() {
            self.is_over = true;
            let total = self.total.into_iter().collect();
            effects.push(Effect::Finish(Feed::Gather(total)));
        }
    }

    fn failed(&mut self, call: Call, class: FaultClass, effects: &mut Vec<Effect>) {
        match self.mapped(call) {
            Some(Mapping {
                batch, attempts, ..
            }) if class.is_retryable() && attempts < self.attempts => {
                note(StepOutcome::Retried, effects);
                self.map(batch, attempts + 1, effects);
                return;
            }
            Some(_) => note(StepOutcome::Failed, effects),
            None if self.is_reduction(call) || self.next_call == 1 => {}
            None => return,
        }
        self.is_over = true;
        effects.push(Effect::Fail(Failure::Call(call)));
    }

    /// Combines the results whose turn it is with the total so far.
    fn reduce(&mut self, effects: &mut Vec<Effect>) {
        if self.reducing.is_some() {
            return;
        }
        let mut of: Vec<Call> = self.total.into_iter().collect();
        match self.order {
            Order::OfArrival => {
                self.taken += self.waiting.len();
                of.extend(self.waiting.drain(..).map(|(_, call)| call));
            }
            Order::OfBatches => {
                while let Some(at) = self.waiting.iter().position(|(b, _)| *b == self.taken) {
                    of.push(self.waiting.swap_remove(at).1);
                    self.taken += 1;
                }
            }
        }
        match of.as_slice() {
            [] => {}
            [only] => self.total = Some(*only),
            _ => {
                let call = self.ask(REDUCER, Feed::Gather(of.clone()), effects);
                self.reducing = Some(Reducing { call, of });
            }
        }
    }

    /// A batch far ahead of the slowest one waits, or its results would pile up.
    fn map_more(&mut self, effects: &mut Vec<Effect>) {
        while self.mapping.len() < self.concurrency
            && self.next_batch < self.batches
            && self.next_batch < self.taken + 2 * self.concurrency
        {
            self.map(self.next_batch, 1, effects);
            self.next_batch += 1;
        }
    }
}

fn note(outcome: StepOutcome, effects: &mut Vec<Effect>) {
    effects.push(Effect::Note {
        worker: MAPPER,
        outcome,
    });
}

impl Protocol for MapReduceProtocol {
    fn on(&mut self, event: &Happened, _now: Duration, effects: &mut Vec<Effect>) {
        match *event {
            _ if self.is_over => {}
            Happened::Began => {
                self.ask(SPLITTER, Feed::Input, effects);
            }
            Happened::Answered { call, fact } => self.answered(call, fact, effects),
            Happened::Failed { call, class } => self.failed(call, class, effects),
            Happened::TimeUp { .. } => {}
        }
    }
}
