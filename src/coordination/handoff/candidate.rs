//! Who may take over.

use std::fmt;
use std::sync::Arc;

use super::machine::{ACCEPTED, LACKING, REJECTED};
use super::record::{Handoff, HandoffReply, Offer};
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::coordination::driver::{Participant, Seat};
use crate::coordination::protocol::Fact;
use crate::policy::choice::Skills;

/// A handoff that came through the door: all of its run share it.
#[derive(Clone)]
pub(super) struct Proposal {
    pub(super) number: u64,
    pub(super) handoff: Handoff,
}

impl Proposal {
    fn to(&self, agent: &str) -> Handoff {
        let mut handoff = self.handoff.clone();
        agent.clone_into(&mut handoff.to_agent);
        handoff
    }
}

/// What came of an offer that was answered.
pub(super) enum Heard {
    Accepted,
    Rejected(String),
    /// It was not asked, since it has not got this skill.
    Lacks(String),
}

impl Heard {
    fn fact(&self) -> Fact {
        match self {
            Self::Accepted => ACCEPTED,
            Self::Rejected(_) => REJECTED,
            Self::Lacks(_) => LACKING,
        }
    }
}

impl From<HandoffReply> for Heard {
    fn from(reply: HandoffReply) -> Self {
        match reply {
            HandoffReply::Accepted => Self::Accepted,
            HandoffReply::Rejected { reason } => Self::Rejected(reason),
        }
    }
}

/// Somebody who may take over: asked whether it does, and then asked to do it.
#[must_use = "a candidate does nothing until something is handed over"]
pub struct Candidate<Out> {
    pub(super) name: Arc<str>,
    skills: Skills,
    /// Absent where it takes whatever it is offered.
    answers: Option<WorkerRef<Offer, HandoffReply>>,
    works: WorkerRef<Handoff, Out>,
}

impl<Out: Send + 'static> Candidate<Out> {
    /// Somebody of this name: `answers` is offered what is handed over, and told when
    /// an offer is withdrawn; `works` does what it has accepted.
    pub fn new(
        name: impl Into<Arc<str>>,
        answers: impl Into<WorkerRef<Offer, HandoffReply>>,
        works: impl Into<WorkerRef<Handoff, Out>>,
    ) -> Self {
        Self {
            answers: Some(answers.into()),
            ..Self::always(name, works)
        }
    }

    /// Somebody who takes whatever it is offered, and is not asked before: a person
    /// with an inbox, a queue.
    pub fn always(name: impl Into<Arc<str>>, works: impl Into<WorkerRef<Handoff, Out>>) -> Self {
        Self {
            name: name.into(),
            skills: Skills::default(),
            answers: None,
            works: works.into(),
        }
    }

    /// What it is capable of. Default nothing: it is offered only what needs nothing.
    pub fn skills(mut self, skills: impl Into<Skills>) -> Self {
        self.skills = skills.into();
        self
    }

    /// Its three seats, in the order that the machine knows them in.
    pub(super) fn seats(self, needs: Arc<[String]>) -> [Seat; 3] {
        let name = Arc::clone(&self.name);
        let offers = WorkerRef::new(Offering {
            name: Arc::clone(&name),
            skills: self.skills,
            needs,
            answers: self.answers.clone(),
        });
        let offers = Participant::asks(Arc::clone(&name), offers).reads(Heard::fact);
        let answers = self.answers;
        let told = WorkerRef::from_fn(Arc::clone(&name), move |it: Arc<Proposal>| {
            let answers = answers.clone();
            async move {
                if let Some(answers) = answers {
                    let number = it.number;
                    answers.ask(Offer::HandoffWithdrawn { number }).await?;
                }
                Ok(())
            }
        });
        let told = Participant::asks(Arc::clone(&name), told);
        let works = WorkerRef::new(Working {
            name: Arc::clone(&name),
            works: self.works,
        });
        let works = Participant::asks(name, works);
        [
            offers.copying().seat(),
            told.copying().seat(),
            works.copying().seat(),
        ]
    }
}

impl<Out> fmt::Debug for Candidate<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Candidate({:?}: {})", self.name, self.skills)
    }
}

/// Offers it, if the candidate is capable.
struct Offering {
    name: Arc<str>,
    skills: Skills,
    needs: Arc<[String]>,
    answers: Option<WorkerRef<Offer, HandoffReply>>,
}

impl Serve<Arc<Proposal>, Heard> for Offering {
    fn serve(&self, it: Arc<Proposal>) -> BoxFuture<'_, Result<Served<Heard>, Fault>> {
        Box::pin(async move {
            let needs = self.needs.iter().map(String::as_str);
            if let Err(lacks) = self.skills.capability(needs) {
                return Ok(Served::new(Heard::Lacks(lacks.to_owned())));
            }
            let Some(answers) = &self.answers else {
                return Ok(Served::new(Heard::Accepted));
            };
            let (number, handoff) = (it.number, Box::new(it.to(&self.name)));
            let reply = answers.ask(Offer::Handoff { number, handoff }).await?;
            Ok(reply.map(Heard::from))
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }
}

/// Gives the work to whoever has taken over.
struct Working<Out> {
    name: Arc<str>,
    works: WorkerRef<Handoff, Out>,
}

impl<Out: Send + 'static> Serve<Arc<Proposal>, Out> for Working<Out> {
    fn serve(&self, it: Arc<Proposal>) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move { self.works.ask(it.to(&self.name)).await })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }
}
