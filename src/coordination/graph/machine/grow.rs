//! Tasks that are added while a graph runs.
//!
//! ```text
//!  answer ─▶ the splitter ─▶ so many words ─▶ each is read ─▶ tasks and edges
//! ```
//!
//! What an answer adds reaches the machine word by word, as facts: an even one is
//! a task of kind `word / 2`, an odd one says that it depends on task `word / 2`,
//! which is before it. One answer is split at a time, so whoever numbers the tasks
//! outside comes to the same numbers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{GraphProtocol, Node, Reason, Standing};
use crate::coordination::graph::shape::Edge;
use crate::coordination::protocol::{Call, Effect, Fact, Feed};

/// An answer that is being split.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Reading {
    pub(super) task: usize,
    /// The call that is under way.
    call: Call,
    /// The one whose parts are read.
    split: Call,
    /// Words that there are, once it is known.
    of: Option<usize>,
    /// Words, each with the call that read it.
    words: Vec<(u32, Call)>,
}

impl GraphProtocol {
    /// Splits the next answer, unless one is being split.
    pub(super) fn split_next(&mut self, effects: &mut Vec<Effect>) {
        if self.reading.is_some() || self.is_over {
            return;
        }
        if let Some(task) = self.to_split.pop_front()
            && let Standing::Splitting(answer, _) = self.nodes[task].standing
        {
            let splitter = self.first_kind + self.kinds.len();
            let call = self.make(task, splitter, Feed::AnswerTo(answer), effects);
            self.reading = Some(Reading {
                task,
                call,
                split: call,
                of: None,
                words: Vec::new(),
            });
        }
    }

    /// What this call reads, if it does.
    pub(super) fn read_by(&mut self, call: Call) -> Option<Reading> {
        self.reading.take_if(|reading| reading.call == call)
    }

    /// Takes what was read, and reads on.
    pub(super) fn read(
        &mut self,
        mut reading: Reading,
        fact: Fact,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let of = match (reading.of, fact) {
            (None, Fact::Count(words)) => words as usize,
            (None, _) => 0,
            (Some(of), fact) => {
                let word = match fact {
                    Fact::Choice(word) => word,
                    // On no task.
                    _ => u32::MAX,
                };
                reading.words.push((word, reading.call));
                of
            }
        };
        reading.of = Some(of);
        let at = reading.words.len();
        if at < of {
            let reader = self.first_kind + self.kinds.len() + 1;
            let of = reading.split;
            reading.call = self.make(reading.task, reader, Feed::Part { of, at }, effects);
            self.reading = Some(reading);
            return;
        }
        effects.push(Effect::Forget(reading.split));
        self.grow(&reading.words, now);
        if let Standing::Splitting(call, holds) = self.nodes[reading.task].standing {
            self.done(reading.task, call, holds, now, effects);
        }
        self.split_next(effects);
    }

    fn grow(&mut self, words: &[(u32, Call)], now: Duration) {
        let before = self.nodes.len();
        let (mut weights, mut edges) = (Vec::new(), Vec::new());
        let mut to = None;
        for &(word, call) in words {
            let number = (word / 2) as usize;
            if word % 2 == 0 {
                let there_is_room = self.nodes.len() < self.at_most;
                let kind = self.kinds.get(number).filter(|_| there_is_room);
                to = kind.map(|_| self.nodes.len());
                if let Some(kind) = kind {
                    weights.push(kind.weight);
                    let worker = self.first_kind + number;
                    self.nodes.push(Node::new(worker, Some(call), kind));
                }
            } else if let Some(to) = to
                && number < to
            {
                let (from, when) = (number, None);
                edges.push(Edge { from, to, when });
            }
        }
        if self.nodes.len() == before {
            return;
        }
        self.shape = self.shape.grown(weights, edges);
        self.left += self.nodes.len() - before;
        for task in before..self.nodes.len() {
            self.place(task, now);
        }
        self.rank();
    }

    /// A task that was added waits, is ready, or is skipped.
    fn place(&mut self, task: usize, now: Duration) {
        let edges = self.shape.edges_to(task);
        let failed = edges.filter_map(|(_, edge)| self.failure_behind(edge.from));
        let failed = failed.map(Reason::Failure).next();
        let edges = self.shape.edges_to(task);
        let waits = edges.filter(|(_, edge)| !self.is_past(edge.from)).count();
        let reason = match failed {
            None if waits == 0 => self.is_closed(task),
            failed => failed,
        };
        let node = &mut self.nodes[task];
        node.waits = waits;
        if let Some(reason) = reason {
            node.standing = Standing::Skipped(reason);
            (node.began, node.ended) = (now, now);
            self.left -= 1;
        } else if waits == 0 {
            node.standing = Standing::Ready;
        }
    }

    fn is_past(&self, task: usize) -> bool {
        matches!(
            self.nodes[task].standing,
            Standing::Done(..) | Standing::Failed | Standing::Skipped(_)
        )
    }
}
