//! Asking a question and waiting for its answer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use super::deadlines::Expire;
use super::errors::AskError;
use super::gate::Pass;
use super::host::enter_deadline;
use super::refs::{ActorRef, Offered, Settled, Withdrawn};
use super::reply::{AskCell, Reply};
use super::request::{Carried, Hop, Meta, cycle_through, earlier};
use super::scope::{self, Scope};
use super::tell::Options;
use crate::mailbox::{ReplySlot, Unanswered};
use crate::policy::priority::Priority;
use crate::policy::time_class::TimeClass;

#[derive(Clone, Copy, Debug)]
enum Deadline {
    OfSystem,
    Within(Duration),
    Never,
}

/// Whether the question still has to get past what stands at the actor's door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AtTheDoor {
    Asks,
    GoesIn,
}

enum State<M, R, F> {
    Start(F),
    /// Waiting for room.
    Parked {
        cell: Arc<AskCell<R>>,
        ticket: u64,
        copy: Option<M>,
    },
    /// Waiting for the answer.
    Sent(Arc<AskCell<R>>),
    Done,
}

/// A question on its way: a builder until it is first polled.
///
/// Made by [`ActorRef::ask`].
#[must_use = "a question is sent when the future is awaited"]
pub struct Ask<'a, M: Send + 'static, R: Send + 'static, F> {
    to: &'a ActorRef<M>,
    state: State<M, R, F>,
    deadline: Deadline,
    /// Whether the deadline has been entered, at the first pending poll.
    is_entered: bool,
    door: AtTheDoor,
    options: Option<Box<Options>>,
    /// Absent where nothing stands at the door.
    pass: Option<Box<Pass<'a>>>,
}

// Nothing in it is ever pinned: `F` is called once and moved out for it.
impl<M: Send + 'static, R: Send + 'static, F> Unpin for Ask<'_, M, R, F> {}

impl<'a, M, R, F> Ask<'a, M, R, F>
where
    M: Send + 'static,
    R: Send + 'static,
    F: FnOnce(Reply<R>) -> M,
{
    pub(crate) fn new(to: &'a ActorRef<M>, make: F) -> Self {
        Self {
            to,
            state: State::Start(make),
            deadline: Deadline::OfSystem,
            is_entered: false,
            door: AtTheDoor::Asks,
            options: None,
            pass: None,
        }
    }

    /// For whoever has been to the door already, and knows better what the
    /// answer says.
    pub(crate) fn with_pass(mut self) -> Self {
        self.door = AtTheDoor::GoesIn;
        self
    }

    /// How long to wait, for room and for the answer together. Default: the
    /// system's, 5 s unless set. The deadline of the request being handled
    /// holds as well; the earlier one counts.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Deadline::Within(within);
        self
    }

    /// As [`deadline`](Self::deadline), with the time that this kind of work
    /// takes at most.
    pub fn class(self, class: TimeClass) -> Self {
        self.deadline(class.deadline())
    }

    /// Waits for ever, unless the request being handled has a deadline.
    pub fn no_deadline(mut self) -> Self {
        self.deadline = Deadline::Never;
        self
    }

    /// How urgent the question is, where the mailbox is
    /// [prioritised](crate::mailbox::Mailbox::prioritised). Default
    /// [`Priority::NORMAL`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.get_or_insert_default().priority = priority;
        self
    }

    /// How long the question may wait in the mailbox; then it fails as
    /// [`Unanswered::Expired`] and is never handled. Default: for ever.
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

    fn meta(&self) -> Meta {
        let mut meta = Meta::new(Hop::Asked);
        let to = self.to.any();
        if let Some(options) = &self.options {
            meta.say(options, to);
        }
        let within = match self.deadline {
            Deadline::OfSystem => to.host().and_then(|host| host.ask_deadline()),
            Deadline::Within(within) => Some(within),
            Deadline::Never => None,
        };
        let own = within.and_then(|within| to.now().checked_add(within));
        let Scope { actor, request } = scope::current();
        meta.sender = actor;
        if let Some(parent) = request {
            meta.inherit(parent);
        }
        meta.deadline = earlier(meta.deadline, own);
        meta
    }

    fn start(&mut self, make: F, task: &Context<'_>) -> Result<(), AskError<M>> {
        let meta = self.meta();
        if let Some(parent) = &meta.parent
            && parent.is_cancelled()
        {
            return Err(AskError::Unanswered(Unanswered::Cancelled));
        }
        let pass = match self.to.any().gate() {
            Some(gate) if self.door == AtTheDoor::Asks => Some(Pass::new(gate)),
            _ => None,
        };
        let cell = Arc::new(AskCell {
            slot: ReplySlot::awaited_by(task.waker()),
            meta,
        });
        let msg = make(Reply::new(Arc::clone(&cell)));
        match pass {
            None => {}
            Some(Ok(pass)) => self.pass = Some(Box::new(pass)),
            Some(Err(retry_after)) => return Err(AskError::Refused { retry_after, msg }),
        }
        if let Some(path) = cycle_through(self.to.any(), &cell.meta) {
            return Err(AskError::Cycle { path, msg });
        }
        let carried: Arc<dyn Carried> = Arc::clone(&cell) as Arc<dyn Carried>;
        match self.to.offer(msg, Some(carried), Some(task.waker())) {
            Offered::Accepted => {
                // The answer wakes this task, so there is nothing to look at
                // yet: only time and cancellation have to be seen to.
                self.keep_time(&cell, task);
                self.state = State::Sent(cell);
            }
            Offered::Full(msg) => return Err(AskError::Full(msg)),
            Offered::Closed(msg) => return Err(AskError::Closed(msg)),
            Offered::Parked(ticket, copy) => {
                self.keep_time(&cell, task);
                self.state = State::Parked { cell, ticket, copy };
            }
        }
        Ok(())
    }
}

impl<M: Send + 'static, R: Send + 'static, F> Ask<'_, M, R, F> {
    /// Before the future says pending: sees to it that the deadline and the
    /// cancellation of the request around it will wake it.
    fn keep_time(&mut self, cell: &Arc<AskCell<R>>, task: &Context<'_>) {
        if let Some(parent) = &cell.meta.parent {
            parent.on_cancelled(task.waker());
        }
        if !self.is_entered
            && let Some(at) = cell.meta.deadline
            && let Some(host) = self.to.any().host()
        {
            let weak = Arc::downgrade(cell);
            let expire: Weak<dyn Expire> = weak;
            enter_deadline(&**host, at, expire);
            self.is_entered = true;
        }
    }

    /// `None`: the outcome is still open.
    fn outcome(
        &mut self,
        cell: &Arc<AskCell<R>>,
        task: &Context<'_>,
    ) -> Option<Result<R, Unanswered>> {
        if let Poll::Ready(outcome) = cell.slot.poll(task.waker()) {
            return Some(outcome);
        }
        if cell.meta.parent.as_ref().is_some_and(|p| p.is_cancelled()) {
            cell.slot.fail(Unanswered::Cancelled);
            return Some(Err(Unanswered::Cancelled));
        }
        self.keep_time(cell, task);
        None
    }
}

impl<M, R, F> Ask<'_, M, R, F>
where
    M: Send + 'static,
    R: Send + 'static,
    F: FnOnce(Reply<R>) -> M,
{
    fn poll_answer(&mut self, task: &mut Context<'_>) -> Poll<Result<R, AskError<M>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Start(make) => {
                    if self.to.any().host().is_none() {
                        // Its spec has not been started: there is no clock to
                        // take a deadline from yet.
                        if self.to.any().poll_placed(task.waker()).is_pending() {
                            self.state = State::Start(make);
                            return Poll::Pending;
                        }
                    }
                    self.start(make, task)?;
                    return Poll::Pending;
                }
                State::Parked { cell, ticket, copy } => {
                    match self.outcome(&cell, task) {
                        None => {}
                        // Given room, handled and answered since the last poll.
                        Some(Ok(answer)) => return Poll::Ready(Ok(answer)),
                        Some(Err(why)) => {
                            return Poll::Ready(Err(match self.to.cancel(ticket) {
                                Withdrawn::Yes(msg) => match msg.or(copy) {
                                    Some(msg) if why == Unanswered::Timeout => {
                                        AskError::NotSent(msg)
                                    }
                                    _ => AskError::Unanswered(why),
                                },
                                Withdrawn::TooLate => AskError::Unanswered(why),
                            }));
                        }
                    }
                    match self.to.poll_parked(ticket, task.waker()) {
                        Settled::Accepted => self.state = State::Sent(cell),
                        Settled::Closed(msg) => {
                            let msg = msg.or(copy);
                            return Poll::Ready(Err(AskError::Closed(
                                msg.expect("a refused message is in one of the two"),
                            )));
                        }
                        Settled::Waiting => {
                            self.state = State::Parked { cell, ticket, copy };
                            return Poll::Pending;
                        }
                    }
                }
                State::Sent(cell) => {
                    // Nobody else holds it any more: the outcome is there, and
                    // there is nobody to lock out.
                    let cell = match Arc::try_unwrap(cell) {
                        Ok(cell) => {
                            let outcome = cell.slot.into_outcome();
                            return Poll::Ready(outcome.map_err(AskError::Unanswered));
                        }
                        Err(cell) => cell,
                    };
                    let Some(outcome) = self.outcome(&cell, task) else {
                        self.state = State::Sent(cell);
                        return Poll::Pending;
                    };
                    return Poll::Ready(outcome.map_err(AskError::Unanswered));
                }
                State::Done => panic!("an `Ask` was polled after it had resolved"),
            }
        }
    }
}

impl<M, R, F> Future for Ask<'_, M, R, F>
where
    M: Send + 'static,
    R: Send + 'static,
    F: FnOnce(Reply<R>) -> M,
{
    type Output = Result<R, AskError<M>>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.poll_answer(task);
        if let Poll::Ready(answer) = &polled
            && let Some(pass) = self.pass.take()
        {
            pass.end(answer);
        }
        polled
    }
}

impl<M: Send + 'static, R: Send + 'static, F> Drop for Ask<'_, M, R, F> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Parked { cell, ticket, .. } => {
                let withdrawn = self.to.cancel(ticket);
                cell.slot.abandon();
                drop(withdrawn);
            }
            State::Sent(cell) => cell.slot.abandon(),
            State::Start(_) | State::Done => {}
        }
    }
}

impl<M: Send + 'static, R: Send + 'static, F> fmt::Debug for Ask<'_, M, R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ask(to {:?})", self.to)
    }
}

/// Asks several actors the same question at once and gives the answers in the
/// order of the references.
///
/// Each ask has its own outcome; one that fails spoils no other. At most as
/// many questions are under way as there are references.
///
/// # Cancel safety
///
/// Dropping the future gives up every answer that has not come.
pub async fn ask_all<'a, M, R, F>(
    refs: impl IntoIterator<Item = &'a ActorRef<M>>,
    make: F,
) -> Vec<Result<R, AskError<M>>>
where
    M: Send + 'static,
    R: Send + 'static,
    F: Fn(Reply<R>) -> M,
{
    let make = &make;
    let mut asks: Vec<_> = refs.into_iter().map(|to| to.ask(make)).collect();
    let mut answers: Vec<_> = asks.iter().map(|_| None).collect();
    std::future::poll_fn(move |task| {
        let mut pending = false;
        for (ask, answer) in asks.iter_mut().zip(&mut answers) {
            if answer.is_none() {
                match Pin::new(ask).poll(task) {
                    Poll::Ready(outcome) => *answer = Some(outcome),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            return Poll::Pending;
        }
        Poll::Ready(answers.iter_mut().filter_map(Option::take).collect())
    })
    .await
}
