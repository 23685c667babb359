//! Why something was not started, or a command about a child was refused.

use std::fmt;

use crate::actor::{Exit, InvalidSpec, NoRuntime};

/// Why something was not started.
#[derive(Clone, Debug)]
pub enum StartError {
    /// Its settings do not fit.
    Invalid(InvalidSpec),
    /// There is no tokio runtime here.
    NoRuntime,
    /// Its start hook failed, panicked, or was killed; for a supervisor, one of
    /// its children did not start.
    Failed(Exit),
    /// Its start hook said that it is not needed.
    Ignored,
    /// A sibling of this name is there, and lives.
    AlreadyStarted(String),
    /// A sibling of this name is there, and is down or being restarted: restart
    /// or delete it.
    AlreadyPresent(String),
    /// The supervisor is ending.
    Ending,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => why.fmt(f),
            Self::NoRuntime => NoRuntime.fmt(f),
            Self::Failed(exit) => write!(f, "it did not start: {exit}"),
            Self::Ignored => f.write_str("its start hook said that it is not needed"),
            Self::AlreadyStarted(name) => write!(f, "a child named {name:?} is running"),
            Self::AlreadyPresent(name) => write!(
                f,
                "a child named {name:?} is there but down, restart or delete it"
            ),
            Self::Ending => f.write_str("the supervisor is ending and starts nothing new"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(why) => Some(why),
            Self::Failed(Exit::Failed(cause)) => Some(&**cause),
            _ => None,
        }
    }
}

impl From<NoRuntime> for StartError {
    fn from(_: NoRuntime) -> Self {
        Self::NoRuntime
    }
}

impl From<InvalidSpec> for StartError {
    fn from(why: InvalidSpec) -> Self {
        Self::Invalid(why)
    }
}

/// A supervisor did not start because a child did not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StartFailed {
    /// The child's name.
    pub child: String,
    /// How its start ended.
    pub exit: Exit,
}

impl fmt::Display for StartFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {:?} did not start: {}", self.child, self.exit)
    }
}

impl std::error::Error for StartFailed {}

/// Why a running supervisor or a child was not changed. Nothing was.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no such child.
    NotFound,
    /// What would come of it makes no sense.
    Invalid(InvalidSpec),
    /// It is no actor, or one that takes other messages: references to it would
    /// not be valid any more.
    OtherType,
    /// The supervisor is ending.
    Ending,
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such child"),
            Self::Invalid(why) => why.fmt(f),
            Self::OtherType => f.write_str("the child is no actor that takes such messages"),
            Self::Ending => f.write_str("the supervisor is ending"),
        }
    }
}

impl std::error::Error for ChangeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(why) => Some(why),
            _ => None,
        }
    }
}

/// Why a command about a child was refused.
#[derive(Clone, Debug)]
pub enum ChildError {
    /// There is no such child.
    NotFound,
    /// It is up, starting or stopping.
    Running,
    /// It crashed and is being restarted.
    Restarting,
    /// It did not start; its spec is kept.
    Failed(Exit),
    /// The supervisor is ending.
    Ending,
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such child"),
            Self::Running => f.write_str("the child is running, terminate it first"),
            Self::Restarting => f.write_str("the child is being restarted, terminate it first"),
            Self::Failed(exit) => write!(f, "the child did not start: {exit}"),
            Self::Ending => f.write_str("the supervisor is ending"),
        }
    }
}

impl std::error::Error for ChildError {}
