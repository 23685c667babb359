//! Tickets: a slow call is submitted, and asked after later.
//!
//! ```text
//!  submit ──▶ ticket     under way ──▶ done ──▶ (kept for `keep_for`) ──▶ expired
//!                            └─ cancel ──▶ cancelled ─┘
//! ```

mod office;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::{
    ActorRef, AskError, BoxFuture, ChildSpec, Fault, FaultClass, Reply, Served, WorkerRef,
};
use crate::mailbox::Unanswered;

pub use office::TicketOffice;

/// Settings of [`Tickets`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TicketConfig {
    /// How many tickets there are at once, under way and kept. Default 1,000;
    /// the next one is refused.
    pub capacity: usize,
    /// How long an outcome is kept. Default 10 min.
    #[serde(with = "humantime_serde")]
    pub keep_for: Duration,
    /// How long the work may take. Default 10 min.
    #[serde(with = "humantime_serde")]
    pub work_for: Duration,
}

impl Default for TicketConfig {
    fn default() -> Self {
        Self {
            capacity: 1_000,
            keep_for: Duration::from_secs(600),
            work_for: Duration::from_secs(600),
        }
    }
}

impl TicketConfig {
    /// How many tickets there are at once. Default 1,000.
    #[must_use]
    pub const fn capacity(mut self, tickets: usize) -> Self {
        self.capacity = tickets;
        self
    }

    /// How long an outcome is kept. Default 10 min.
    #[must_use]
    pub const fn keep_for(mut self, keep_for: Duration) -> Self {
        self.keep_for = keep_for;
        self
    }

    /// How long the work may take. Default 10 min.
    #[must_use]
    pub const fn work_for(mut self, work_for: Duration) -> Self {
        self.work_for = work_for;
        self
    }
}

/// Names a ticket: to be kept, sent, and given back to
/// [`Tickets::ticket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TicketId {
    /// Which life of the ticket office: what an earlier one knew is lost.
    life: u32,
    number: u64,
}

impl fmt::Display for TicketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.life, self.number)
    }
}

/// Why a ticket says nothing, or none was given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TicketError {
    /// There are too many: come again later.
    Full,
    /// There was one; its outcome has been thrown away, or was lost when the
    /// office crashed.
    Expired,
    /// There never was such a ticket.
    Unknown,
    /// It is still under way: ask again.
    NotYet,
    /// The work failed, or was cancelled.
    Failed(Fault),
    /// The ticket office itself did not answer.
    Unanswered(Fault),
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("there are too many tickets, come again later"),
            Self::Expired => f.write_str("the ticket's outcome is not kept any more, submit again"),
            Self::Unknown => f.write_str("there never was such a ticket"),
            Self::NotYet => f.write_str("the work is still under way, ask again"),
            Self::Failed(fault) => write!(f, "the work failed: {fault}"),
            Self::Unanswered(fault) => write!(f, "the ticket office did not answer: {fault}"),
        }
    }
}

impl std::error::Error for TicketError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(fault) | Self::Unanswered(fault) => Some(fault),
            _ => None,
        }
    }
}

impl From<TicketError> for Fault {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::Failed(fault) | TicketError::Unanswered(fault) => fault,
            TicketError::Full => Self::overloaded(error.to_string(), Duration::from_secs(1)),
            TicketError::NotYet => Self::new(FaultClass::Deadline, error.to_string()),
            TicketError::Expired | TicketError::Unknown => Self::permanent(error.to_string()),
        }
    }
}

impl<M> From<AskError<M>> for TicketError {
    fn from(error: AskError<M>) -> Self {
        Self::Unanswered(error.into())
    }
}

type Outcome<Out> = Result<Served<Out>, Fault>;

/// Tickets for work that takes longer than anybody wants to wait.
///
/// It is an actor in front of any worker, started wherever an actor can be.
///
/// ```
/// use callboard::prelude::*;
/// use callboard::resilience::{TicketConfig, Tickets};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let slow = WorkerRef::from_fn("slow", |n: u64| async move {
///     tokio::time::sleep(ms(20)).await;
///     Ok(n * 2)
/// });
/// let (office, tickets) = Tickets::new("office", TicketConfig::default(), &slow);
/// system.spawn(office).await?;
///
/// let ticket = tickets.submit(21).await?; // at once
/// assert!(ticket.poll().await?.is_none(), "still under way");
/// assert_eq!(ticket.wait().await?.value, 42);
/// # Ok(())
/// # }
/// ```
pub struct Tickets<In, Out> {
    actor: ActorRef<TicketCommand<In, Out>>,
}

impl<In, Out> Tickets<In, Out>
where
    In: Send + 'static,
    Out: Clone + Send + 'static,
{
    /// The ticket office as a child to be, for
    /// [`System::spawn`](crate::actor::System::spawn) or a supervisor, and the
    /// handle to it.
    pub fn new(
        name: impl Into<Arc<str>>,
        config: TicketConfig,
        worker: &WorkerRef<In, Out>,
    ) -> (ChildSpec<TicketOffice<In, Out>>, Self) {
        let worker = worker.clone();
        let make = move || TicketOffice::new(worker.clone(), config.clone());
        let spec = ChildSpec::new(name, make);
        let actor = spec.actor_ref();
        (spec, Self { actor })
    }

    /// Submits work; resolves as soon as there is a ticket for it. The work goes
    /// on whether or not anybody asks after it, until it is done, cancelled, or
    /// has taken too long.
    ///
    /// # Errors
    ///
    /// [`TicketError::Full`], [`TicketError::Unanswered`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, the work may have been submitted all the same.
    pub async fn submit(&self, input: In) -> Result<Ticket<In, Out>, TicketError> {
        let id = self
            .actor
            .ask(|reply_to| TicketCommand(Command::Submit(input, reply_to)));
        Ok(self.ticket(id.await??))
    }

    /// The ticket of this name, which may or may not be there.
    #[must_use]
    pub fn ticket(&self, id: TicketId) -> Ticket<In, Out> {
        Ticket {
            id,
            actor: self.actor.clone(),
        }
    }

    /// Changes the settings. More tickets than allowed by now stay; time limits
    /// hold for what is submitted, and what is done, from now on.
    ///
    /// # Errors
    ///
    /// [`TicketError::Unanswered`]. A ticket office that is restarted begins with
    /// the settings that it was made with.
    pub async fn reconfigure(&self, config: TicketConfig) -> Result<(), TicketError> {
        let change = |reply_to| TicketCommand(Command::Reconfigure(config, reply_to));
        Ok(self.actor.ask(change).await?)
    }
}

impl<In, Out> Clone for Tickets<In, Out> {
    fn clone(&self) -> Self {
        Self {
            actor: self.actor.clone(),
        }
    }
}

impl<In: Send + 'static, Out: Send + 'static> fmt::Debug for Tickets<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tickets({})", self.actor.path())
    }
}

/// A piece of work that was submitted. Dropping it changes nothing.
pub struct Ticket<In, Out> {
    id: TicketId,
    actor: ActorRef<TicketCommand<In, Out>>,
}

impl<In, Out> Ticket<In, Out>
where
    In: Send + 'static,
    Out: Clone + Send + 'static,
{
    /// Its name.
    #[must_use]
    pub fn id(&self) -> TicketId {
        self.id
    }

    /// The outcome, if it is there. `Ok(None)`: still under way.
    ///
    /// # Errors
    ///
    /// See [`TicketError`].
    pub async fn poll(&self) -> Result<Option<Served<Out>>, TicketError> {
        let poll = |reply_to| TicketCommand(Command::Poll(self.id, reply_to));
        self.actor.ask(poll).await?
    }

    /// Waits for the outcome: until the deadline of the request being handled,
    /// or else as long as an ask of the system waits.
    ///
    /// # Errors
    ///
    /// See [`TicketError`]; [`TicketError::NotYet`] when time is up.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the work goes on and can be asked after again.
    pub async fn wait(&self) -> Result<Served<Out>, TicketError> {
        let wait = |reply_to| TicketCommand(Command::Wait(self.id, reply_to));
        in_time(self.actor.ask(wait).await)
    }

    /// As [`Ticket::wait`], this long.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn wait_for(&self, within: Duration) -> Result<Served<Out>, TicketError> {
        let wait = |reply_to| TicketCommand(Command::Wait(self.id, reply_to));
        in_time(self.actor.ask(wait).deadline(within).await)
    }

    /// Tells an actor the outcome when it is there, at once if it is: `make`
    /// turns it into a message. The message waits for room in a full mailbox.
    ///
    /// # Errors
    ///
    /// [`TicketError`], where there is no such ticket.
    pub async fn call_back<M: Send + 'static>(
        &self,
        actor: &ActorRef<M>,
        make: impl FnOnce(Result<Served<Out>, Fault>) -> M + Send + 'static,
    ) -> Result<(), TicketError> {
        let actor = actor.clone();
        let call: Callback<Out> = Box::new(move |outcome| {
            let msg = make(outcome);
            Box::pin(async move {
                // Nobody is there to hear it.
                let _ = actor.tell(msg).await;
            })
        });
        let call_back = |reply_to| TicketCommand(Command::CallBack(self.id, call, reply_to));
        self.actor.ask(call_back).await?
    }

    /// Gives the work up: its future is dropped, and with it the call of the
    /// worker. Whoever waits gets a cancelled fault. Nothing happens if it is
    /// done.
    ///
    /// # Errors
    ///
    /// [`TicketError`], where there is no such ticket.
    pub async fn cancel(&self) -> Result<(), TicketError> {
        let cancel = |reply_to| TicketCommand(Command::Cancel(self.id, reply_to));
        self.actor.ask(cancel).await?
    }
}

fn in_time<M, Out>(
    answer: Result<Result<Served<Out>, TicketError>, AskError<M>>,
) -> Result<Served<Out>, TicketError> {
    match answer {
        Err(AskError::Unanswered(Unanswered::Timeout)) => Err(TicketError::NotYet),
        answer => answer?,
    }
}

impl<In, Out> fmt::Debug for Ticket<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({})", self.id)
    }
}

type Callback<Out> = Box<dyn FnOnce(Outcome<Out>) -> BoxFuture<'static, ()> + Send>;
type Waiting<Out> = Reply<Result<Served<Out>, TicketError>>;

/// What a [`TicketOffice`] is told.
pub struct TicketCommand<In, Out>(Command<In, Out>);

enum Command<In, Out> {
    Submit(In, Reply<Result<TicketId, TicketError>>),
    Poll(TicketId, Reply<Result<Option<Served<Out>>, TicketError>>),
    Wait(TicketId, Waiting<Out>),
    CallBack(TicketId, Callback<Out>, Reply<Result<(), TicketError>>),
    Cancel(TicketId, Reply<Result<(), TicketError>>),
    Reconfigure(TicketConfig, Reply<()>),
    Finished(TicketId, Outcome<Out>),
    /// Some outcomes may have expired.
    Sweep,
}

impl<In, Out> fmt::Debug for TicketCommand<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketCommand")
    }
}
