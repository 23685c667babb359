//! Sending a message that nobody waits to have answered.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::errors::TellError;
use super::refs::{ActorRef, Offered, Settled, Withdrawn};
use super::request::{Carried, Hop, Meta, Told};
use super::scope;
use super::slot::AnySlot;
use crate::policy::priority::Priority;

/// What the sender said beyond the message. Boxed, since hardly anybody does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) priority: Priority,
    pub(crate) ttl: Option<Duration>,
    pub(crate) correlation: Option<u64>,
    pub(crate) detached: bool,
}

/// The metadata of a told message: nothing, unless the sender said something
/// or a request is in force around the call.
#[inline]
pub(crate) fn inherited(options: Option<&Options>, to: &dyn AnySlot) -> Option<Arc<dyn Carried>> {
    if options.is_none() && !scope::has_request() {
        return None;
    }
    metadata(options, to)
}

fn metadata(options: Option<&Options>, to: &dyn AnySlot) -> Option<Arc<dyn Carried>> {
    let parent = match options {
        Some(options) if options.detached => None,
        _ => scope::request(),
    };
    if parent.is_none() && options.is_none() {
        return None;
    }
    let mut meta = Meta::new(Hop::Told);
    if let Some(options) = options {
        meta.say(options, to);
    }
    meta.sender = scope::actor();
    if let Some(parent) = parent {
        meta.inherit(parent);
    }
    Some(Arc::new(Told(meta)))
}

impl Meta {
    pub(crate) fn say(&mut self, options: &Options, to: &dyn AnySlot) {
        self.priority = options.priority;
        self.correlation = options.correlation;
        self.expires = options.ttl.and_then(|ttl| to.now().checked_add(ttl));
    }
}

enum State<M> {
    Start(M),
    Parked(u64, Option<M>),
    Done,
}

/// A message on its way into a mailbox: a builder until it is first polled.
///
/// Made by [`ActorRef::tell`].
#[must_use = "a message is sent when the future is awaited"]
pub struct Tell<'a, M: Send + 'static> {
    to: &'a ActorRef<M>,
    state: State<M>,
    options: Option<Box<Options>>,
}

// Nothing in it is ever pinned: the message is moved out at the first poll.
impl<M: Send + 'static> Unpin for Tell<'_, M> {}

impl<'a, M: Send + 'static> Tell<'a, M> {
    pub(crate) fn new(to: &'a ActorRef<M>, msg: M) -> Self {
        Self {
            to,
            state: State::Start(msg),
            options: None,
        }
    }

    /// How urgent the message is, where the mailbox is
    /// [prioritised](crate::mailbox::Mailbox::prioritised). Default
    /// [`Priority::NORMAL`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.get_or_insert_default().priority = priority;
        self
    }

    /// How long the message may wait in the mailbox. Handled later than this it
    /// is not handled at all, but becomes a dead letter. Default: for ever.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.options.get_or_insert_default().ttl = Some(ttl);
        self
    }

    /// The id that links the messages of one piece of work. Default: that of
    /// the request being handled.
    pub fn correlation(mut self, id: u64) -> Self {
        self.options.get_or_insert_default().correlation = Some(id);
        self
    }

    /// Inherits nothing from the request being handled: neither its deadline
    /// nor its cancellation reach what the receiver does.
    pub fn detached(mut self) -> Self {
        self.options.get_or_insert_default().detached = true;
        self
    }

    /// Takes the message back, unless it has been sent.
    pub(crate) fn withdraw(mut self) -> Option<M> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Start(msg) => Some(msg),
            State::Parked(ticket, copy) => match self.to.cancel(ticket) {
                Withdrawn::Yes(msg) => msg.or(copy),
                Withdrawn::TooLate => None,
            },
            State::Done => None,
        }
    }
}

impl<M: Send + 'static> Future for Tell<'_, M> {
    type Output = Result<(), TellError<M>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Start(msg) => {
                let carried = inherited(self.options.as_deref(), self.to.any());
                match self.to.offer(msg, carried, Some(task.waker())) {
                    Offered::Accepted => Poll::Ready(Ok(())),
                    Offered::Full(msg) => Poll::Ready(Err(TellError::Full(msg))),
                    Offered::Closed(msg) => Poll::Ready(Err(TellError::Closed(msg))),
                    Offered::Parked(ticket, copy) => {
                        self.state = State::Parked(ticket, copy);
                        Poll::Pending
                    }
                }
            }
            State::Parked(ticket, copy) => match self.to.poll_parked(ticket, task.waker()) {
                Settled::Accepted => Poll::Ready(Ok(())),
                Settled::Waiting => {
                    self.state = State::Parked(ticket, copy);
                    Poll::Pending
                }
                Settled::Closed(msg) => {
                    let msg = msg
                        .or(copy)
                        .expect("a refused message is in one of the two");
                    Poll::Ready(Err(TellError::Closed(msg)))
                }
            },
            State::Done => panic!("a `Tell` was polled after it had resolved"),
        }
    }
}

impl<M: Send + 'static> Drop for Tell<'_, M> {
    fn drop(&mut self) {
        if let State::Parked(ticket, _) = self.state {
            let withdrawn = self.to.cancel(ticket);
            drop(withdrawn);
        }
    }
}

impl<M: Send + 'static> fmt::Debug for Tell<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tell(to {:?})", self.to)
    }
}
