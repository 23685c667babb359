//! Why a piece of work failed, and what that means for whoever asked.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::core::errors::AskError;
use crate::mailbox::Unanswered;

/// What kind of failure it was: it decides whether trying again makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FaultClass {
    /// It may work the next time.
    Transient,
    /// It will fail the same way every time.
    Permanent,
    /// Some of the work was done.
    Partial,
    /// Whoever was asked failed because something behind it did.
    Cascading,
    /// There was no room: try later.
    Overloaded,
    /// Time ran out.
    Deadline,
    /// Nobody waits for it any more.
    Cancelled,
    /// The budget for it is spent.
    Budget,
    /// It is not known whether it happened.
    InDoubt,
}

impl FaultClass {
    /// Whether trying the same again may help: what was transient or had no
    /// room. A cascading fault is a breaker's to judge, not a retry's.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Transient | Self::Overloaded)
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Partial => "partial",
            Self::Cascading => "cascading",
            Self::Overloaded => "overloaded",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::Budget => "budget",
            Self::InDoubt => "in doubt",
        })
    }
}

/// Why a piece of work failed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fault {
    class: FaultClass,
    message: Arc<str>,
    retry_after: Option<Duration>,
    is_forbidden: bool,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Fault {
    /// A fault of this class.
    #[must_use]
    pub fn new(class: FaultClass, message: impl Into<Arc<str>>) -> Self {
        Self {
            class,
            message: message.into(),
            retry_after: None,
            is_forbidden: false,
            cause: None,
        }
    }

    /// A fault that may be gone the next time.
    #[must_use]
    pub fn transient(message: impl Into<Arc<str>>) -> Self {
        Self::new(FaultClass::Transient, message)
    }

    /// A fault that will come every time.
    #[must_use]
    pub fn permanent(message: impl Into<Arc<str>>) -> Self {
        Self::new(FaultClass::Permanent, message)
    }

    /// A permanent fault because the asker may not have it done: a case for
    /// somebody with more rights, not for another try.
    #[must_use]
    pub fn forbidden(message: impl Into<Arc<str>>) -> Self {
        Self {
            is_forbidden: true,
            ..Self::permanent(message)
        }
    }

    /// No room; `retry_after` is when it makes sense to come again.
    #[must_use]
    pub fn overloaded(message: impl Into<Arc<str>>, retry_after: Duration) -> Self {
        Self::new(FaultClass::Overloaded, message).after(retry_after)
    }

    /// Says when it makes sense to try again.
    #[must_use]
    pub fn after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    /// Says where it happened, for example in which stage.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message).into();
        self
    }

    /// Adds the error behind it.
    #[must_use]
    pub fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The error of this type behind it, however deep.
    #[must_use]
    pub fn cause<T: Error + 'static>(&self) -> Option<&T> {
        let mut cause = self.source();
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }

    /// What kind of failure it was.
    #[must_use]
    pub fn class(&self) -> FaultClass {
        self.class
    }

    /// What went wrong, in words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether it failed for want of a right; see [`Fault::forbidden`].
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.is_forbidden
    }

    /// When it makes sense to try again, where the one that refused said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.class)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|c| &**c as &(dyn Error + 'static))
    }
}

impl From<Unanswered> for FaultClass {
    fn from(why: Unanswered) -> Self {
        match why {
            Unanswered::Timeout => Self::Deadline,
            Unanswered::Expired | Unanswered::Dropped => Self::Overloaded,
            Unanswered::Stopped | Unanswered::Crashed => Self::Transient,
            Unanswered::NoReply => Self::Permanent,
            Unanswered::Cancelled => Self::Cancelled,
        }
    }
}

impl From<Unanswered> for Fault {
    fn from(why: Unanswered) -> Self {
        Self::new(why.into(), why.to_string())
    }
}

impl<M> AskError<M> {
    /// What kind of failure it is, for whoever decides by that.
    #[must_use]
    pub fn class(&self) -> FaultClass {
        match self {
            Self::Full(_) => FaultClass::Overloaded,
            Self::Closed(_) => FaultClass::Transient,
            Self::Cycle { .. } => FaultClass::Permanent,
            Self::NotSent(_) => FaultClass::Deadline,
            Self::Refused { .. } => FaultClass::Cascading,
            Self::Unanswered(why) => (*why).into(),
        }
    }
}

impl<M> From<AskError<M>> for Fault {
    fn from(error: AskError<M>) -> Self {
        let fault = Self::new(error.class(), error.to_string());
        match error {
            AskError::Refused { retry_after, .. } => fault.after(retry_after),
            _ => fault,
        }
    }
}
