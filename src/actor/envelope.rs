//! The message envelope: what travels where sender and receiver share no type.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::core::dead_letter::{DeadLetter, DeadReason};
use super::core::errors::TellError;
use super::core::host::Host;
use super::system::{System, clock};
use crate::policy::priority::Priority;
use crate::sync::Mutex;

/// The longest id, name or trace context that the door lets through, in bytes.
const LONGEST_FIELD: usize = 1_024;

/// How many headers a message log keeps by default.
const DEFAULT_LOG: usize = 1_024;

/// What an envelope is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Somebody is to do something.
    TaskRequest,
    /// Something was done, or could not be.
    TaskResponse,
    /// How things stand.
    StatusUpdate,
    /// Something went wrong.
    ErrorReport,
    /// Something happened.
    Event,
    /// Somebody else takes over.
    Handoff,
}

/// Everything about a message but its payload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Header {
    /// Identifies the message.
    pub id: String,
    /// Who sent it.
    pub sender_id: String,
    /// The registered name of the actor it is for.
    pub receiver_id: String,
    /// What it is about.
    pub message_type: Kind,
    /// Links the messages of one piece of work.
    #[serde(default)]
    pub correlation_id: Option<String>,
    /// The message that caused this one.
    #[serde(default)]
    pub causation_id: Option<String>,
    /// When it was sent, in seconds since 1970.
    pub timestamp: f64,
    /// 0 to 9, 9 first. Default 5.
    #[serde(default = "normal")]
    pub priority: u8,
    /// How many seconds it is worth delivering. Default: for ever.
    #[serde(default)]
    pub ttl: Option<f64>,
    /// The trace it belongs to, as in W3C Trace Context.
    #[serde(default)]
    pub traceparent: Option<String>,
}

fn normal() -> u8 {
    Priority::NORMAL.get()
}

/// A message between actors that share no message type.
///
/// ```
/// use callboard::actor::{Envelope, Kind};
///
/// let mut envelope = Envelope::new("m1", "planner", "writer", Kind::TaskRequest, "draft it");
/// assert!(envelope.validate().is_ok());
/// envelope.header.priority = 12;
/// assert!(envelope.validate().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Envelope<P> {
    /// Everything but the payload.
    #[serde(flatten)]
    pub header: Header,
    /// What is said.
    pub payload: P,
}

impl<P> Envelope<P> {
    /// An envelope of priority 5 that never expires, with timestamp 0: the door
    /// stamps it.
    pub fn new(
        id: impl Into<String>,
        sender_id: impl Into<String>,
        receiver_id: impl Into<String>,
        message_type: Kind,
        payload: P,
    ) -> Self {
        Self {
            header: Header {
                id: id.into(),
                sender_id: sender_id.into(),
                receiver_id: receiver_id.into(),
                message_type,
                correlation_id: None,
                causation_id: None,
                timestamp: 0.0,
                priority: normal(),
                ttl: None,
                traceparent: None,
            },
            payload,
        }
    }

    /// An answer to this envelope: back to its sender, with its correlation and
    /// caused by it.
    pub fn reply<Q>(&self, id: impl Into<String>, message_type: Kind, payload: Q) -> Envelope<Q> {
        let header = &self.header;
        let mut reply = Envelope::new(
            id,
            header.receiver_id.clone(),
            header.sender_id.clone(),
            message_type,
            payload,
        );
        reply.header.correlation_id = header
            .correlation_id
            .clone()
            .or_else(|| Some(header.id.clone()));
        reply.header.causation_id = Some(header.id.clone());
        reply.header.priority = header.priority;
        reply.header.traceparent.clone_from(&header.traceparent);
        reply
    }

    /// Checks the header.
    ///
    /// # Errors
    ///
    /// The first field that does not fit.
    pub fn validate(&self) -> Result<(), InvalidEnvelope> {
        let header = &self.header;
        for (field, value) in [
            ("id", &header.id),
            ("sender_id", &header.sender_id),
            ("receiver_id", &header.receiver_id),
        ] {
            if value.is_empty() {
                return Err(InvalidEnvelope::Empty(field));
            }
            if value.len() > LONGEST_FIELD {
                return Err(InvalidEnvelope::TooLong(field));
            }
        }
        for (field, value) in [
            ("correlation_id", &header.correlation_id),
            ("causation_id", &header.causation_id),
            ("traceparent", &header.traceparent),
        ] {
            if value.as_ref().is_some_and(|v| v.len() > LONGEST_FIELD) {
                return Err(InvalidEnvelope::TooLong(field));
            }
        }
        if Priority::new(header.priority).is_none() {
            return Err(InvalidEnvelope::Priority(header.priority));
        }
        if !header.timestamp.is_finite() || header.timestamp < 0.0 {
            return Err(InvalidEnvelope::Timestamp(header.timestamp));
        }
        if let Some(ttl) = header.ttl
            && Duration::try_from_secs_f64(ttl).is_err()
        {
            return Err(InvalidEnvelope::Ttl(ttl));
        }
        if let Some(trace) = &header.traceparent
            && !is_traceparent(trace)
        {
            return Err(InvalidEnvelope::Traceparent);
        }
        Ok(())
    }
}

/// `version-trace-parent-flags` in lower-case hex; W3C Trace Context, section
/// 3.2.2.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let lengths = [2, 32, 16, 2];
    parts.len() == 4
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
        && parts[0] != "ff"
        && parts[1].bytes().any(|b| b != b'0')
        && parts[2].bytes().any(|b| b != b'0')
}

/// Why an envelope is refused at the door.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum InvalidEnvelope {
    /// The field must not be empty.
    Empty(&'static str),
    /// The field is longer than 1,024 bytes.
    TooLong(&'static str),
    /// Priorities are 0 to 9.
    Priority(u8),
    /// Not a number of seconds since 1970.
    Timestamp(f64),
    /// Not a number of seconds.
    Ttl(f64),
    /// Not a W3C trace parent.
    Traceparent,
}

impl fmt::Display for InvalidEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(field) => write!(f, "the envelope's {field} is empty"),
            Self::TooLong(field) => {
                write!(
                    f,
                    "the envelope's {field} is longer than {LONGEST_FIELD} bytes"
                )
            }
            Self::Priority(p) => write!(f, "priority {p} is not one of 0 to 9"),
            Self::Timestamp(t) => write!(f, "timestamp {t} is no number of seconds since 1970"),
            Self::Ttl(t) => write!(f, "time to live {t} is no number of seconds"),
            Self::Traceparent => f.write_str("the trace parent is not of the W3C form"),
        }
    }
}

impl std::error::Error for InvalidEnvelope {}

/// An envelope that was not delivered, and why. It is handed back.
#[derive(Clone, PartialEq)]
pub enum DeliverError<P> {
    /// Its header does not fit.
    Invalid(InvalidEnvelope, Envelope<P>),
    /// Nobody of this name takes such payloads.
    NoReceiver(Envelope<P>),
    /// Its time to live had passed before it came to the door.
    Expired(Envelope<P>),
    /// The receiver's mailbox did not take it.
    NotTaken(TellError<Envelope<P>>),
}

impl<P> DeliverError<P> {
    /// The envelope.
    pub fn into_inner(self) -> Envelope<P> {
        match self {
            Self::Invalid(_, envelope) | Self::NoReceiver(envelope) | Self::Expired(envelope) => {
                envelope
            }
            Self::NotTaken(error) => error.into_inner(),
        }
    }
}

impl<P> fmt::Debug for DeliverError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why, _) => write!(f, "Invalid({why:?})"),
            Self::NoReceiver(_) => f.write_str("NoReceiver(..)"),
            Self::Expired(_) => f.write_str("Expired(..)"),
            Self::NotTaken(error) => write!(f, "NotTaken({error:?})"),
        }
    }
}

impl<P> fmt::Display for DeliverError<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why, _) => why.fmt(f),
            Self::NoReceiver(envelope) => write!(
                f,
                "no actor is registered as {:?} for such payloads",
                envelope.header.receiver_id
            ),
            Self::Expired(_) => f.write_str("the envelope had expired"),
            Self::NotTaken(error) => error.fmt(f),
        }
    }
}

impl<P> std::error::Error for DeliverError<P> {}

/// What the door decided about an envelope.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Logged {
    /// Everything but the payload.
    pub header: Header,
    /// `None`: routed. Else why not.
    pub refused: Option<Arc<str>>,
}

/// A bounded log of the envelopes that came to a system's door.
///
/// It keeps the newest; what it has dropped is counted. Dropping it detaches
/// it.
#[derive(Debug)]
pub struct MessageLog {
    lines: Arc<Lines>,
}

#[derive(Debug)]
struct Lines {
    kept: Mutex<(VecDeque<Logged>, u64)>,
    capacity: usize,
}

impl MessageLog {
    /// What was logged since the last call, oldest first.
    #[must_use]
    pub fn take(&self) -> Vec<Logged> {
        self.lines.kept.lock().0.drain(..).collect()
    }

    /// How many lines were dropped because nobody took them in time.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lines.kept.lock().1
    }
}

/// The attached logs of one system.
#[derive(Debug, Default)]
pub(crate) struct Log {
    attached: Mutex<Vec<std::sync::Weak<Lines>>>,
    count: AtomicUsize,
}

impl Log {
    fn attach(&self, capacity: usize) -> MessageLog {
        let lines = Arc::new(Lines {
            kept: Mutex::new((VecDeque::new(), 0)),
            capacity: capacity.max(1),
        });
        let mut attached = self.attached.lock();
        attached.push(Arc::downgrade(&lines));
        self.count
            .store(attached.len(), std::sync::atomic::Ordering::Release);
        MessageLog { lines }
    }

    fn write(&self, header: &Header, refused: Option<&dyn fmt::Display>) {
        if self.count.load(Acquire) == 0 {
            return;
        }
        let line = Logged {
            header: header.clone(),
            refused: refused.map(|why| why.to_string().into()),
        };
        let mut attached = self.attached.lock();
        attached.retain(|lines| {
            let Some(lines) = lines.upgrade() else {
                return false;
            };
            let mut kept = lines.kept.lock();
            if kept.0.len() >= lines.capacity {
                kept.0.pop_front();
                kept.1 += 1;
            }
            kept.0.push_back(line.clone());
            true
        });
        let left = attached.len();
        self.count.swap(left, AcqRel);
    }
}

impl System {
    /// Delivers an envelope to the actor registered as its receiver.
    ///
    /// The door validates it, stamps it if it has no timestamp, refuses what
    /// has expired, and logs its header to every attached [`MessageLog`].
    /// Priority and the rest of the time to live go with it into the mailbox.
    ///
    /// # Errors
    ///
    /// [`DeliverError`] hands the envelope back. A refused envelope also becomes
    /// a dead letter.
    pub async fn deliver<P: Send + 'static>(
        &self,
        mut envelope: Envelope<P>,
    ) -> Result<(), DeliverError<P>> {
        if envelope.header.timestamp == 0.0 {
            envelope.header.timestamp = unix_seconds();
        }
        let error = match self.route(envelope) {
            Ok((receiver, envelope)) => {
                let header = &envelope.header;
                let priority = Priority::new(header.priority).unwrap_or_default();
                let ttl = header
                    .ttl
                    .map(|ttl| header.timestamp + ttl - unix_seconds());
                self.kernel().log().write(header, None);
                let mut tell = receiver.tell(envelope).priority(priority);
                if let Some(left) = ttl {
                    tell = tell.ttl(Duration::try_from_secs_f64(left).unwrap_or_default());
                }
                return tell.await.map_err(DeliverError::NotTaken);
            }
            Err(error) => error,
        };
        let (DeliverError::Invalid(_, refused)
        | DeliverError::NoReceiver(refused)
        | DeliverError::Expired(refused)) = &error
        else {
            return Err(error);
        };
        self.kernel().log().write(&refused.header, Some(&error));
        self.kernel().dead_letter(DeadLetter {
            receiver: refused.header.receiver_id.as_str().into(),
            sender: Some(refused.header.sender_id.as_str().into()),
            reason: DeadReason::Refused(error.to_string().into()),
            message_type: std::any::type_name::<Envelope<P>>(),
            seq: None,
            at: clock(),
        });
        Err(error)
    }

    #[expect(clippy::type_complexity, reason = "the two halves of one decision")]
    #[expect(clippy::result_large_err, reason = "the envelope is handed back")]
    fn route<P: Send + 'static>(
        &self,
        envelope: Envelope<P>,
    ) -> Result<(super::core::refs::ActorRef<Envelope<P>>, Envelope<P>), DeliverError<P>> {
        if let Err(why) = envelope.validate() {
            return Err(DeliverError::Invalid(why, envelope));
        }
        if let Some(ttl) = envelope.header.ttl
            && envelope.header.timestamp + ttl <= unix_seconds()
        {
            return Err(DeliverError::Expired(envelope));
        }
        match self.find(&envelope.header.receiver_id) {
            Some(receiver) => Ok((receiver, envelope)),
            None => Err(DeliverError::NoReceiver(envelope)),
        }
    }

    /// Attaches a log of the envelopes that come to the door, keeping the
    /// newest 1,024 until they are taken.
    #[must_use]
    pub fn attach_log(&self) -> MessageLog {
        self.kernel().log().attach(DEFAULT_LOG)
    }
}

/// The wall clock, which what goes to other processes is stamped with.
pub(crate) fn unix_seconds() -> f64 {
    #[expect(clippy::disallowed_methods, reason = "envelopes carry wall-clock time")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
