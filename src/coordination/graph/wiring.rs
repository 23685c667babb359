//! Edges and conditions on their way from names to positions.

use std::collections::HashMap;
use std::sync::Arc;

use super::invalid::InvalidGraph;
use super::shape::Edge;
use super::task::{After, Branch, Predicate};

/// Conditions on one answer: each has a bit of a [`Fact`].
///
/// [`Fact`]: crate::coordination::Fact
pub(super) const MOST_CONDITIONS: usize = 32;

/// What is asked about an answer: the first case that holds sets its bit.
pub(super) struct Question<T> {
    cases: Vec<(Predicate<T>, u32)>,
    /// The bits where no case holds.
    otherwise: u32,
}

impl<T> Question<T> {
    pub(super) fn ask(&self, answer: &T) -> u32 {
        let mut cases = self.cases.iter();
        let first = cases.find_map(|(holds, bit)| holds(answer).then_some(*bit));
        first.unwrap_or(self.otherwise)
    }
}

/// An edge, and its condition in words.
type Wire = (Edge, Option<Arc<str>>);

/// What leads from one task to another while the graph is built.
pub(super) struct Wires<T> {
    names: HashMap<Arc<str>, usize>,
    wires: Vec<Wire>,
    /// By the tasks whose answers they ask about.
    questions: Vec<Vec<Arc<Question<T>>>>,
    /// Conditions so far, likewise.
    asked: Vec<usize>,
}

/// What leads from one task to another, once it is known.
pub(super) struct Wiring<T> {
    pub(super) names: HashMap<Arc<str>, usize>,
    pub(super) edges: Vec<Edge>,
    /// By the positions of the edges, in words.
    pub(super) conditions: Vec<Option<Arc<str>>>,
    /// By the positions of the tasks.
    pub(super) questions: Vec<Vec<Arc<Question<T>>>>,
}

impl<T> Wires<T> {
    pub(super) fn new(names: HashMap<Arc<str>, usize>) -> Self {
        Self {
            wires: Vec::new(),
            questions: names.iter().map(|_| Vec::new()).collect(),
            asked: vec![0; names.len()],
            names,
        }
    }

    /// The task at `to`, of this name, depends on another.
    pub(super) fn dependency(
        &mut self,
        to: usize,
        task: &Arc<str>,
        after: After<T>,
    ) -> Result<(), InvalidGraph> {
        let from = self.begin(task, &after.on)?;
        let (words, when) = match after.when {
            None => (None, None),
            Some((words, holds)) => {
                let bit = self.bit(from);
                self.questions[from].push(Arc::new(Question {
                    cases: vec![(holds, bit)],
                    otherwise: 0,
                }));
                (Some(words), Some(bit))
            }
        };
        self.wires.push((Edge { from, to, when }, words));
        Ok(())
    }

    pub(super) fn branch(&mut self, branch: Branch<T>) -> Result<(), InvalidGraph> {
        let mut question = Question {
            cases: Vec::new(),
            otherwise: 0,
        };
        let mut wires: Vec<Wire> = Vec::new();
        for arm in branch.arms {
            let unknown = || InvalidGraph::UnknownTarget {
                on: Arc::clone(&branch.on),
                target: Arc::clone(&arm.to),
            };
            let to = self.names.get(&arm.to).copied().ok_or_else(unknown)?;
            let from = self.begin(&arm.to, &branch.on)?;
            let bit = self.bit(from);
            match arm.holds {
                Some(holds) => question.cases.push((holds, bit)),
                None => question.otherwise = bit,
            }
            // Two cases may lead to the same task.
            match wires.iter_mut().find(|(edge, _)| edge.to == to) {
                Some((edge, Some(words))) => {
                    edge.when = edge.when.map(|bits| bits | bit);
                    *words = format!("{words} or {}", arm.condition).into();
                }
                _ => {
                    let when = Some(bit);
                    wires.push((Edge { from, to, when }, Some(arm.condition)));
                }
            }
        }
        if let Some((edge, _)) = wires.first() {
            self.questions[edge.from].push(Arc::new(question));
        }
        self.wires.append(&mut wires);
        Ok(())
    }

    /// Where a dependency of this task begins.
    fn begin(&self, task: &Arc<str>, on: &Arc<str>) -> Result<usize, InvalidGraph> {
        let unknown = || InvalidGraph::UnknownDependency {
            task: Arc::clone(task),
            on: Arc::clone(on),
        };
        self.names.get(on).copied().ok_or_else(unknown)
    }

    /// A bit for the next condition on an answer. Where none is left,
    /// [`Wires::finish`] refuses the graph.
    fn bit(&mut self, task: usize) -> u32 {
        let at = self.asked[task];
        self.asked[task] += 1;
        let at = u32::try_from(at).ok();
        at.and_then(|at| 1_u32.checked_shl(at)).unwrap_or_default()
    }

    pub(super) fn finish(
        mut self,
        name: impl Fn(usize) -> Arc<str>,
    ) -> Result<Wiring<T>, InvalidGraph> {
        if let Some(task) = self.asked.iter().position(|asked| *asked > MOST_CONDITIONS) {
            return Err(InvalidGraph::TooManyConditions(name(task)));
        }
        let pairs = self.wires.iter().map(|(edge, _)| (edge.to, edge.from));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_unstable();
        if let Some(pair) = pairs.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(InvalidGraph::DependsTwice {
                task: name(pair[0].0),
                on: name(pair[0].1),
            });
        }
        // In the order in which the shape keeps its edges.
        self.wires.sort_by_key(|(edge, _)| edge.to);
        let (edges, conditions) = self.wires.into_iter().unzip();
        Ok(Wiring {
            names: self.names,
            edges,
            conditions,
            questions: self.questions,
        })
    }
}
