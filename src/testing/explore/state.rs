//! One state of an exploration, and what may happen in it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::image::restored;
use super::report::Flaw;
use super::{Explorer, Repeats, Seen};
use crate::actor::Exit;
use crate::coordination::protocol::{Call, Effect, Happened, Protocol, Run, Timer};

/// A run, and the world around it.
#[derive(Clone, Debug)]
pub(super) struct State<P> {
    run: Run<P>,
    has_begun: bool,
    now: Duration,
    /// When the timers that run are due.
    due: Vec<(Duration, Timer)>,
    /// By their numbers: whom they ask, and what was heard of those that are over.
    calls: Vec<(usize, Option<Happened>)>,
    crashes_left: usize,
}

impl<P: Protocol> State<P> {
    pub(super) fn first(explorer: &Explorer<P>) -> Self {
        Self {
            run: Run::within(explorer.machine.clone(), explorer.limits.clone()),
            has_begun: false,
            now: Duration::ZERO,
            due: Vec::new(),
            calls: Vec::new(),
            crashes_left: explorer.crashes,
        }
    }

    /// What makes it different from others.
    pub(super) fn key(&self) -> String {
        format!("{self:?}")
    }

    /// The run as it is.
    pub(super) fn run(&self) -> String {
        format!("{:?}", self.run)
    }

    pub(super) fn is_over(&self) -> bool {
        self.run.ledger().is_over()
    }

    /// What may happen next.
    pub(super) fn possible(&self, explorer: &Explorer<P>) -> Vec<Happened> {
        if !self.has_begun {
            return vec![Happened::Began];
        }
        if self.is_over() {
            return Vec::new();
        }
        let mut all = Vec::new();
        for call in self.run.ledger().calls_under_way() {
            let worker = self.calls.get(call).map_or(0, |(worker, _)| *worker);
            all.extend(news_of(call, worker, explorer));
        }
        // Of two timers the earlier one is first; of two at once, either.
        if let Some(first) = self.due.iter().map(|(at, _)| *at).min() {
            let first = self.due.iter().filter(|(at, _)| *at == first);
            all.extend(first.map(|(_, timer)| Happened::TimeUp { timer: *timer }));
        }
        all
    }

    /// News of what is over, that has to change nothing.
    pub(super) fn late(&self, explorer: &Explorer<P>) -> Vec<Happened> {
        if explorer.repeats == Repeats::Never {
            return Vec::new();
        }
        let mut all = Vec::new();
        for (call, (worker, heard)) in self.calls.iter().enumerate() {
            match heard {
                Some(event) => all.push(*event),
                // Cancelled, by the machine or by the end.
                None => {
                    let news = news_of(call, *worker, explorer);
                    all.extend(news.filter(|event| !self.run.ledger().awaits(event)));
                }
            }
        }
        if self.is_over() {
            all.extend(
                self.due
                    .iter()
                    .map(|(_, timer)| Happened::TimeUp { timer: *timer }),
            );
        }
        all
    }

    /// The state after an event, and what the machine said about it.
    pub(super) fn after(
        &self,
        event: &Happened,
        explorer: &Explorer<P>,
    ) -> Result<(Self, Vec<Effect>), (Flaw, Vec<Effect>)> {
        let mut next = self.clone();
        next.has_begun = true;
        match event {
            Happened::TimeUp { timer } => {
                if let Some(at) = next.due.iter().position(|(_, known)| known == timer) {
                    next.now = next.due.swap_remove(at).0;
                }
            }
            Happened::Answered { call, .. } | Happened::Failed { call, .. } => {
                if let Some((_, heard)) = next.calls.get_mut(*call) {
                    *heard = Some(*event);
                }
            }
            Happened::Began => {}
        }
        let mut effects = Vec::new();
        let applied = catch_unwind(AssertUnwindSafe(|| {
            next.run.apply(event, next.now, &mut effects)
        }));
        match applied {
            Err(panic) => {
                let flaw = Flaw::Panicked(Exit::from_panic(&*panic).to_string());
                return Err((flaw, effects));
            }
            Ok(Err(broken)) => return Err((Flaw::Broken(broken), effects)),
            Ok(Ok(())) => {}
        }
        next.heed(&effects);
        let seen = Seen {
            run: &next.run,
            now: next.now,
        };
        for (what, holds) in &explorer.invariants {
            if !holds(&seen) {
                return Err((Flaw::Violated(what.clone()), effects));
            }
        }
        Ok((next, effects))
    }

    fn heed(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Ask { worker, .. } => self.calls.push((*worker, None)),
                Effect::SetTimer { timer, after } => {
                    self.due.retain(|(_, known)| known != timer);
                    self.due.push((self.now + *after, *timer));
                    self.due.sort_unstable();
                }
                Effect::StopTimer(timer) => self.due.retain(|(_, known)| known != timer),
                _ => {}
            }
        }
    }

    /// What late news changes, if anything.
    pub(super) fn disturbed_by(
        &self,
        late: &Happened,
        before: &str,
    ) -> Result<(), (Flaw, Vec<Effect>)> {
        let mut run = self.run.clone();
        let mut effects = Vec::new();
        let applied = catch_unwind(AssertUnwindSafe(|| run.apply(late, self.now, &mut effects)));
        let flaw = match applied {
            Err(panic) => Flaw::Panicked(Exit::from_panic(&*panic).to_string()),
            Ok(Err(broken)) => Flaw::Broken(broken),
            Ok(Ok(())) if !effects.is_empty() => Flaw::DisturbedByLateNews,
            Ok(Ok(())) if format!("{run:?}") != before => Flaw::DisturbedByLateNews,
            Ok(Ok(())) => return Ok(()),
        };
        Err((flaw, effects))
    }

    /// The state after a crash, where it differs from this one.
    pub(super) fn crashed(&self) -> Result<Option<Self>, Flaw> {
        if self.crashes_left == 0 || self.is_over() || !self.has_begun {
            return Ok(None);
        }
        let run = restored(&self.run).map_err(|error| Flaw::NotRestored(error.to_string()))?;
        let mut next = self.clone();
        next.run = run;
        if next.key() == self.key() {
            // All that can follow is tried from here.
            return Ok(None);
        }
        next.crashes_left -= 1;
        Ok(Some(next))
    }
}

/// All that can be heard of a call.
fn news_of<P>(call: Call, worker: usize, explorer: &Explorer<P>) -> impl Iterator<Item = Happened> {
    let facts = explorer.facts_of.get(&worker).unwrap_or(&explorer.facts);
    let answers = facts
        .iter()
        .map(move |fact| Happened::Answered { call, fact: *fact });
    let classes = explorer.failures.iter();
    answers.chain(classes.map(move |class| Happened::Failed {
        call,
        class: *class,
    }))
}
