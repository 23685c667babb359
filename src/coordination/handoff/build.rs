//! Building a handoff: who is offered it, in which order.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::bounds::HandoffBounds;
use super::candidate::{Candidate, Proposal};
use super::machine::HandoffProtocol;
use super::record::Handoff;
use super::report::{HandedOff, conclude};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef, unix_seconds};
use crate::coordination::driver::{Participant, Score, Seat};
use crate::coordination::pattern::{calls_for, start};
use crate::coordination::protocol::Fact;
use crate::supervision::StartError;
use crate::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A way to hand over. Made by [`direct`], [`broadcast`] or [`hierarchical`].
#[must_use = "nothing is handed over until it is started"]
pub struct Handover<Out> {
    candidates: Vec<Candidate<Out>>,
    /// How many of them are offered it side by side, one stage after the other.
    stages: Vec<usize>,
    needs: Vec<String>,
    bounds: HandoffBounds,
    tell_within: Duration,
    limit: usize,
}

/// Hands over to this candidate.
pub fn direct<Out: Send + 'static>(to: Candidate<Out>) -> Handover<Out> {
    hierarchical([to])
}

/// Offers it to all of these at once: the first who accepts takes over.
pub fn broadcast<Out: Send + 'static>(
    to: impl IntoIterator<Item = Candidate<Out>>,
) -> Handover<Out> {
    let candidates: Vec<_> = to.into_iter().collect();
    Handover::new(vec![candidates.len()], candidates)
}

/// Offers it to one of these after the other, up the chain, until somebody accepts.
pub fn hierarchical<Out: Send + 'static>(
    to: impl IntoIterator<Item = Candidate<Out>>,
) -> Handover<Out> {
    let candidates: Vec<_> = to.into_iter().collect();
    Handover::new(vec![1; candidates.len()], candidates)
}

impl<Out: Send + 'static> Handover<Out> {
    fn new(stages: Vec<usize>, candidates: Vec<Candidate<Out>>) -> Self {
        Self {
            candidates,
            stages,
            needs: Vec::new(),
            bounds: HandoffBounds::default(),
            tell_within: Duration::from_secs(1),
            limit: 64,
        }
    }

    /// Whoever takes over has all of these skills. Holds for every candidate, the
    /// fallback and the escalation as well. Default none.
    pub fn needs<S: Into<String>>(mut self, skills: impl IntoIterator<Item = S>) -> Self {
        self.needs.extend(skills.into_iter().map(Into::into));
        self
    }

    /// Where nobody so far has accepted, this one is offered it. May be said again.
    pub fn fallback(mut self, to: Candidate<Out>) -> Self {
        self.candidates.push(to);
        self.stages.push(1);
        self
    }

    /// Where nobody so far has accepted, it goes to this one, whoever it is, for
    /// example a person. It is not asked before, and has all skills.
    pub fn escalate(
        self,
        name: impl Into<Arc<str>>,
        to: impl Into<WorkerRef<Handoff, Out>>,
    ) -> Self {
        let needs = self.needs.clone();
        let to = Candidate::always(name, to);
        self.fallback(to.skills(crate::policy::choice::Skills::of(needs)))
    }

    /// What is let through the door. Default: see [`HandoffBounds`].
    pub fn bounds(mut self, bounds: HandoffBounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// How long the end may wait until those who are not needed any more have heard
    /// of it. Default 1 s.
    pub fn tell_within(mut self, within: Duration) -> Self {
        self.tell_within = within;
        self
    }

    /// Handoffs under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Starts it under this name.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] without candidates, and where two have one name.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<Handoff, HandedOff<Out>>, StartError> {
        self.check()?;
        start(system, name.into(), self.score()).await
    }

    fn check(&self) -> Result<(), InvalidSpec> {
        if self.stages.is_empty() || self.stages.contains(&0) {
            let why = "a handoff has candidates, give it at least one";
            return Err(InvalidSpec::Combination(why));
        }
        let mut names = HashSet::new();
        let mut again = self.candidates.iter().filter(|it| !names.insert(&it.name));
        match again.next() {
            None => Ok(()),
            Some(it) => Err(InvalidSpec::Wiring(format!(
                "a handoff has two candidates {:?}, give each a name of its own",
                it.name
            ))),
        }
    }

    fn score(self) -> Score<HandoffProtocol, HandedOff<Out>> {
        let names = self.candidates.iter().map(|it| Arc::clone(&it.name));
        let names: Vec<_> = names.collect();
        let offers = self.bounds.max_retries as usize + 1;
        let calls = names.len().saturating_mul(offers.saturating_add(2));
        let needs: Arc<[String]> = self.needs.into();
        let candidates = self.candidates.into_iter();
        let seats = candidates.flat_map(|it| it.seats(Arc::clone(&needs)));
        let door = [door(self.bounds), retries()];
        let machine = HandoffProtocol::new(self.stages);
        Score {
            machine: machine.tell_within(self.tell_within),
            seats: door.into_iter().chain(seats).collect(),
            conclude: Arc::new(move |gathered| conclude(gathered, &names)),
            on_error: None,
            limit: self.limit,
            calls: calls_for(calls.saturating_add(2)),
        }
    }
}

/// Checks and stamps what is handed over, and says how long an offer may take.
fn door(bounds: HandoffBounds) -> Seat {
    let next = AtomicUsize::new(0);
    let door = Participant::computes("door", move |mut handoff: Handoff| {
        if handoff.handoff_timestamp == 0.0 {
            handoff.handoff_timestamp = unix_seconds();
        }
        if let Err(invalid) = bounds.check(&handoff) {
            return Err(Fault::permanent(invalid.to_string()).because(invalid));
        }
        let number = next.fetch_add(1, Relaxed) as u64;
        Ok(Arc::new(Proposal { number, handoff }))
    });
    let seconds = |it: &Arc<Proposal>| {
        let constraints = &it.handoff.context.constraints;
        Fact::Number(constraints.timeout_seconds as f64)
    };
    door.reads(seconds).seat()
}

/// Says how often it is offered again.
fn retries() -> Seat {
    let retries = Participant::computes("retries", |it: Arc<Proposal>| Ok(it)).copying();
    let retries =
        retries.reads(|it: &Arc<Proposal>| Fact::Count(it.handoff.context.constraints.max_retries));
    retries.seat()
}

impl<Out> fmt::Debug for Handover<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover")
            .field("candidates", &self.candidates)
            .field("stages", &self.stages)
            .finish_non_exhaustive()
    }
}
