//! Breadth first, so that what is found is found on the shortest way.

use std::collections::{HashMap, VecDeque};

use super::Explorer;
use super::report::{Counterexample, Edge, Flaw, Report, Step, What};
use super::state::State;
use crate::coordination::protocol::{Effect, Protocol};

/// How a state was first reached.
struct Found {
    from: Option<(usize, What, Vec<Effect>)>,
    depth: usize,
}

pub(super) struct Search<'a, P> {
    explorer: &'a Explorer<P>,
    known: HashMap<String, usize>,
    found: Vec<Found>,
    /// What has been reached and not left yet.
    front: VecDeque<(usize, State<P>)>,
    report: Report,
}

impl<'a, P: Protocol> Search<'a, P> {
    pub(super) fn new(explorer: &'a Explorer<P>) -> Self {
        Self {
            explorer,
            known: HashMap::new(),
            found: Vec::new(),
            front: VecDeque::new(),
            report: Report::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<Report, Box<Counterexample>> {
        let first = State::first(self.explorer);
        self.reach(first, None)?;
        while let Some((at, state)) = self.front.pop_front() {
            self.leave(at, &state)?;
        }
        self.report.states = self.found.len();
        Ok(self.report)
    }

    /// Tries all that can happen in a state.
    fn leave(&mut self, at: usize, state: &State<P>) -> Result<(), Box<Counterexample>> {
        if state.is_over() {
            self.report.ends += 1;
            self.report.edge(Edge::end(at));
        }
        for event in state.possible(self.explorer) {
            match state.after(&event, self.explorer) {
                Ok((next, effects)) => {
                    self.reach(next, Some((at, What::Event(event), effects)))?;
                }
                Err((flaw, effects)) => {
                    return Err(self.way(at, What::Event(event), effects, flaw));
                }
            }
        }
        let before = state.run();
        for event in state.late(self.explorer) {
            if let Err((flaw, effects)) = state.disturbed_by(&event, &before) {
                return Err(self.way(at, What::Late(event), effects, flaw));
            }
        }
        match state.crashed() {
            Ok(None) => {}
            Ok(Some(next)) => {
                self.reach(next, Some((at, What::Crash, Vec::new())))?;
            }
            Err(flaw) => return Err(self.way(at, What::Crash, Vec::new(), flaw)),
        }
        Ok(())
    }

    fn reach(
        &mut self,
        state: State<P>,
        from: Option<(usize, What, Vec<Effect>)>,
    ) -> Result<(), Box<Counterexample>> {
        let key = state.key();
        let known = self.known.get(&key).copied();
        let at = known.unwrap_or(self.found.len());
        if let Some((from, what, _)) = &from {
            self.report.transitions += 1;
            self.report.edge(Edge::new(*from, at, *what));
        }
        if known.is_some() {
            return Ok(());
        }
        let depth = from
            .as_ref()
            .map_or(0, |(from, ..)| self.found[*from].depth + 1);
        self.report.depth = self.report.depth.max(depth);
        self.known.insert(key, at);
        self.found.push(Found { from, depth });
        if depth > self.explorer.most_steps {
            return Err(self.way_to(at, Flaw::TooDeep(self.explorer.most_steps)));
        }
        if self.found.len() > self.explorer.most_states {
            return Err(self.way_to(at, Flaw::TooManyStates(self.explorer.most_states)));
        }
        self.front.push_back((at, state));
        Ok(())
    }

    fn way(&self, at: usize, what: What, effects: Vec<Effect>, flaw: Flaw) -> Box<Counterexample> {
        let mut way = self.way_to(at, flaw);
        way.steps.push(Step { what, effects });
        way
    }

    fn way_to(&self, mut at: usize, flaw: Flaw) -> Box<Counterexample> {
        let mut steps = Vec::new();
        while let Some((from, what, effects)) = &self.found[at].from {
            steps.push(Step {
                what: *what,
                effects: effects.clone(),
            });
            at = *from;
        }
        steps.reverse();
        Box::new(Counterexample { flaw, steps })
    }
}

impl Report {
    fn edge(&mut self, edge: Edge) {
        // Larger graphs are nothing to look at.
        if self.edges.len() <= Self::MOST_DRAWN {
            self.edges.push(edge);
        }
    }
}
