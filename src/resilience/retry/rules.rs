//! What decides whether there is another try.

use std::time::Duration;

use super::guard::LastAnswer;
use crate::actor::core::shell::catch;
use crate::actor::{Fault, FaultClass};
use crate::policy::retry::Failure;

/// What a rule said about a failure.
pub(super) enum Judgement {
    Failure(Failure),
    Wait(Option<Duration>),
}

type IsBad<T> = Box<dyn Fn(&T) -> bool + Send + Sync>;
type Classify = Box<dyn Fn(&Fault) -> Failure + Send + Sync>;
type Interval = Box<dyn Fn(u32, &Fault) -> Option<Duration> + Send + Sync>;

/// The user's own rules: foreign code, whose panic ends the call as a fault.
pub(super) struct Rules<T> {
    pub(super) is_bad: Option<IsBad<T>>,
    pub(super) classify: Option<Classify>,
    pub(super) interval: Option<Interval>,
    pub(super) last_answer: LastAnswer,
}

impl<T> Default for Rules<T> {
    fn default() -> Self {
        Self {
            is_bad: None,
            classify: None,
            interval: None,
            last_answer: LastAnswer::default(),
        }
    }
}

impl<T> Rules<T> {
    pub(super) fn is_bad(&self, value: &T) -> Result<bool, Fault> {
        match &self.is_bad {
            Some(is_bad) => rule(|| is_bad(value)),
            None => Ok(false),
        }
    }

    pub(super) fn judge(&self, attempt: u32, fault: &Fault) -> Result<Judgement, Fault> {
        let failure = match &self.classify {
            Some(classify) => rule(|| classify(fault))?,
            None => classify(fault),
        };
        match &self.interval {
            Some(interval) if failure != Failure::Final => {
                rule(|| interval(attempt, fault)).map(Judgement::Wait)
            }
            _ => Ok(Judgement::Failure(failure)),
        }
    }
}

fn rule<T>(f: impl FnOnce() -> T) -> Result<T, Fault> {
    let outcome = catch(f);
    outcome.map_err(|exit| Fault::permanent(format!("a retry rule failed: {exit}")))
}

/// What a fault means to someone who would try again, where no other rule is
/// set.
#[must_use]
pub fn classify(fault: &Fault) -> Failure {
    match fault.class() {
        _ if fault.is_forbidden() => Failure::Final,
        class if class.is_retryable() => match fault.retry_after() {
            Some(wait) => Failure::RetryAfter(wait),
            None => Failure::Retryable,
        },
        // This try's own time; the request's is looked at when the next one is
        // planned.
        FaultClass::Deadline => Failure::Retryable,
        _ => Failure::Final,
    }
}
