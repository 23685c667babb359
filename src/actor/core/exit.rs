//! Why an incarnation ended.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Any error that can cross threads: what hooks return.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// Why an incarnation ended. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Exit {
    /// It ended by itself, with nothing wrong.
    Normal,
    /// It was told to end, or chose to, as part of a shutdown.
    Shutdown(Option<Arc<str>>),
    /// A hook returned an error.
    Failed(Arc<dyn Error + Send + Sync>),
    /// A hook panicked; the text of the panic.
    Panicked(Arc<str>),
    /// It was killed: no stop hook ran.
    Killed,
}

impl Exit {
    /// A shutdown without further information.
    #[must_use]
    pub fn shutdown() -> Self {
        Self::Shutdown(None)
    }

    /// A failure with this error.
    pub fn failed(error: impl Into<BoxError>) -> Self {
        Self::Failed(Arc::from(error.into()))
    }

    /// Whether a transient child is restarted after it: failures, panics and
    /// kills.
    #[must_use]
    pub fn is_abnormal(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Panicked(_) | Self::Killed)
    }

    /// The exit of a panic with this payload.
    pub(crate) fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&'static str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without a text");
        Self::Panicked(Arc::from(text))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Shutdown(None) => f.write_str("shutdown"),
            Self::Shutdown(Some(info)) => write!(f, "shutdown ({info})"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Panicked(text) => write!(f, "panicked: {text}"),
            Self::Killed => f.write_str("killed"),
        }
    }
}

/// What a start hook decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// The actor is ready for messages.
    Ready,
    /// The actor is not needed: it ends at once, which is no failure.
    Ignore,
}
