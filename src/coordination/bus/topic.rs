//! What events are about, and which ones somebody listens to.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Segments of a topic at most.
pub(super) const MOST_SEGMENTS: usize = 8;

/// The longest topic, in bytes.
const LONGEST: usize = 256;

#[derive(Clone)]
enum Name {
    Fixed(&'static str),
    Own(Arc<str>),
}

/// What an event is about: segments with colons between them, such as
/// `task:created`. Cheap to clone.
///
/// # Examples
///
/// ```
/// use callboard::coordination::bus::Topic;
///
/// let topic = Topic::new("task:created").unwrap();
/// assert_eq!(topic, Topic::TASK_CREATED);
/// assert!(Topic::new("task:*").is_err(), "a topic has no wildcard");
/// assert!(Topic::new("task::created").is_err());
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Topic(Name);

impl Topic {
    /// A task is there.
    pub const TASK_CREATED: Self = Self::fixed("task:created");
    /// All that a task waited for is done.
    pub const TASK_READY: Self = Self::fixed("task:ready");
    /// A task is done.
    pub const TASK_COMPLETED: Self = Self::fixed("task:completed");
    /// A task will not be done.
    pub const TASK_FAILED: Self = Self::fixed("task:failed");
    /// Nobody can do a task, or nobody who can is free.
    pub const TASK_NO_AGENTS_AVAILABLE: Self = Self::fixed("task:no_agents_available");
    /// An agent is done with what it had in hand.
    pub const AGENT_AVAILABLE: Self = Self::fixed("agent:available");
    /// A workflow that an event began has ended well.
    pub const WORKFLOW_COMPLETED: Self = Self::fixed("workflow:completed");
    /// A workflow that an event began has failed.
    pub const WORKFLOW_FAILED: Self = Self::fixed("workflow:failed");

    const fn fixed(name: &'static str) -> Self {
        Self(Name::Fixed(name))
    }

    /// A topic of one to eight segments, of 256 bytes together at most.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`]: a segment is empty or has a `*`, or there are too many.
    pub fn new(topic: impl Into<Arc<str>>) -> Result<Self, InvalidTopic> {
        let topic = topic.into();
        let is_wild = |segment: &str| segment.contains('*');
        if segments(&topic)?.into_iter().any(is_wild) {
            return Err(InvalidTopic::Wildcard(topic.to_string()));
        }
        Ok(Self(Name::Own(topic)))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Fixed(name) => name,
            Name::Own(name) => name,
        }
    }
}

fn segments(text: &str) -> Result<Vec<&str>, InvalidTopic> {
    if text.len() > LONGEST {
        return Err(InvalidTopic::TooLong(text.len()));
    }
    let segments: Vec<_> = text.split(':').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(InvalidTopic::Empty(text.to_owned()));
    }
    if segments.len() > MOST_SEGMENTS {
        return Err(InvalidTopic::TooDeep(segments.len()));
    }
    Ok(segments)
}

impl TryFrom<String> for Topic {
    type Error = InvalidTopic;

    fn try_from(topic: String) -> Result<Self, InvalidTopic> {
        Self::new(topic)
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.as_str().to_owned()
    }
}

impl PartialEq for Topic {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Topic {}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({self})")
    }
}

/// One segment of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Is(Box<str>),
    /// Any one segment.
    Any,
}

/// Which topics somebody listens to, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) segments: Vec<Segment>,
    /// Whether any number of segments may follow.
    pub(super) is_open: bool,
}

impl Filter {
    pub(super) fn new(filter: &str) -> Result<Self, InvalidTopic> {
        let mut parts = segments(filter)?;
        let is_open = matches!(parts.last(), Some(&"**")) || parts == ["*"];
        if is_open {
            parts.pop();
        }
        let segments = parts.into_iter().map(|part| match part {
            "*" => Ok(Segment::Any),
            part if part.contains('*') => Err(InvalidTopic::Wildcard(filter.to_owned())),
            part => Ok(Segment::Is(part.into())),
        });
        Ok(Self {
            segments: segments.collect::<Result<_, _>>()?,
            is_open,
        })
    }
}

/// Why a topic or a filter is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTopic {
    /// A segment is empty.
    Empty(String),
    /// It is longer than 256 bytes.
    TooLong(usize),
    /// It has more than eight segments.
    TooDeep(usize),
    /// A `*` is where none may be: in a topic, within a segment, or `**` before the
    /// end.
    Wildcard(String),
}

impl fmt::Display for InvalidTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(text) => write!(f, "{text:?} has an empty segment, write \"task:created\""),
            Self::TooLong(bytes) => {
                write!(f, "a topic has {LONGEST} bytes at most and not {bytes}")
            }
            Self::TooDeep(segments) => {
                write!(
                    f,
                    "a topic has {MOST_SEGMENTS} segments at most and not {segments}"
                )
            }
            Self::Wildcard(text) => write!(
                f,
                "{text:?} has a wildcard where none may be: a filter has `*` for one segment, \
                 and `**` at its end"
            ),
        }
    }
}

impl Error for InvalidTopic {}
