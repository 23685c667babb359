//! What came of a handoff.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::candidate::{Heard, Proposal};
use super::machine::{HandoffProtocol, Offered, Work};
use super::record::Handoff;
use crate::actor::{Fault, FaultClass};
use crate::coordination::driver::Gathered;

/// Somebody has taken over, and this is what it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandedOff<Out> {
    /// Who has taken over.
    pub to: Arc<str>,
    /// What it made of it.
    pub answer: Out,
    /// The offers and what came of each, in their order.
    pub attempts: Vec<OfferAttempt>,
}

/// An offer, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OfferAttempt {
    /// Who was offered it.
    pub agent: Arc<str>,
    /// What came of it.
    pub outcome: OfferOutcome,
}

/// What came of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OfferOutcome {
    /// It was accepted.
    Accepted,
    /// It was rejected, for this reason.
    Rejected(String),
    /// It was not made: the candidate has not got this skill.
    Lacks(String),
    /// There was no answer in time.
    Late,
    /// Asking failed.
    Failed {
        /// What kind of failure it was.
        class: FaultClass,
        /// In words.
        message: String,
    },
    /// Somebody else accepted before.
    Taken,
}

impl fmt::Display for OfferAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = &self.agent;
        match &self.outcome {
            OfferOutcome::Accepted => write!(f, "{agent} accepted"),
            OfferOutcome::Rejected(reason) => write!(f, "{agent} rejected it ({reason})"),
            OfferOutcome::Lacks(skill) => write!(f, "{agent} lacks {skill:?}"),
            OfferOutcome::Late => write!(f, "{agent} gave no answer in time"),
            OfferOutcome::Failed { message, .. } => write!(f, "{agent} failed ({message})"),
            OfferOutcome::Taken => write!(f, "{agent} was not needed any more"),
        }
    }
}

/// What was handed over is back with the giver: the cause of the fault.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NotHandedOff {
    /// All of it, as it came through the door.
    pub handoff: Handoff,
    /// The offers and what came of each, in their order.
    pub attempts: Vec<OfferAttempt>,
    /// Who had taken over and failed to do it, if anybody had.
    pub owner: Option<Arc<str>>,
}

impl fmt::Display for NotHandedOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Some(owner) => write!(f, "{owner} has taken over and did not do it"),
            None => {
                f.write_str("nobody has taken over")?;
                for (at, attempt) in self.attempts.iter().enumerate() {
                    let mark = if at == 0 { ": " } else { "; " };
                    write!(f, "{mark}{attempt}")?;
                }
                Ok(())
            }
        }
    }
}

impl Error for NotHandedOff {}

/// The outcome of a run, of which the candidates have these names.
pub(super) fn conclude<Out: Send + 'static>(
    gathered: Gathered<'_>,
    names: &[Arc<str>],
) -> Result<HandedOff<Out>, Fault> {
    let lost = || Fault::permanent("the handoff left no state");
    let machine = gathered.machine.downcast_ref::<HandoffProtocol>();
    let machine = machine.ok_or_else(lost)?;
    let mut answers = gathered.answers.into_iter().map(|(_, payload)| payload);
    let proposal = answers.next().and_then(|it| it.downcast().ok());
    let proposal: Arc<Proposal> = *proposal.ok_or_else(lost)?;
    let mut failures = gathered.failures;
    let mut fault_of = |participant: usize| {
        let at = failures.iter().position(|(it, _)| *it == participant)?;
        Some(failures.remove(at).1)
    };
    let mut attempts = Vec::new();
    for attempt in machine.attempts() {
        let outcome = match attempt.how {
            Offered::UnderWay => continue,
            Offered::Accepted => OfferOutcome::Accepted,
            Offered::Late => OfferOutcome::Late,
            Offered::Taken => OfferOutcome::Taken,
            Offered::Rejected | Offered::Lacking => {
                let heard = answers.next().and_then(|it| it.downcast::<Heard>().ok());
                match *heard.ok_or_else(lost)? {
                    Heard::Accepted => OfferOutcome::Accepted,
                    Heard::Rejected(reason) => OfferOutcome::Rejected(reason),
                    Heard::Lacks(skill) => OfferOutcome::Lacks(skill),
                }
            }
            Offered::Failed(class) => {
                let fault = fault_of(HandoffProtocol::offers_to(attempt.candidate));
                let message = fault.map(|it| it.message().to_owned());
                let message = message.unwrap_or_default();
                OfferOutcome::Failed { class, message }
            }
        };
        attempts.push(OfferAttempt {
            agent: Arc::clone(&names[attempt.candidate]),
            outcome,
        });
    }
    let owner = machine.owner().map(|owner| Arc::clone(&names[owner]));
    if let (Some(Work::Done), Some(to)) = (machine.work(), owner.clone()) {
        let answer = answers.next().and_then(|it| it.downcast::<Out>().ok());
        return Ok(HandedOff {
            to,
            answer: *answer.ok_or_else(lost)?,
            attempts,
        });
    }
    let work = machine.owner().map(HandoffProtocol::works_as);
    let fault = work.and_then(fault_of);
    let not = NotHandedOff {
        handoff: Arc::unwrap_or_clone(proposal).handoff,
        attempts,
        owner,
    };
    Err(not.fault(fault.as_ref()))
}

impl NotHandedOff {
    /// Worth another attempt where the owner's fault is, or where somebody gave no
    /// answer.
    fn fault(self, of_owner: Option<&Fault>) -> Fault {
        let words = match of_owner {
            Some(fault) => format!("{self}: {}", fault.message()),
            None => self.to_string(),
        };
        let no_answer = |it: &OfferAttempt| match &it.outcome {
            OfferOutcome::Late => true,
            OfferOutcome::Failed { class, .. } => class.is_retryable(),
            _ => false,
        };
        let class = match of_owner {
            Some(fault) => fault.class(),
            None if self.attempts.iter().any(no_answer) => FaultClass::Transient,
            None => FaultClass::Permanent,
        };
        Fault::new(class, words).because(self)
    }
}
