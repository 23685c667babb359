//! Who takes part in a run, typed for whoever builds it and erased for the driver.

use std::any::{Any, TypeId};
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crate::actor::core::shell::catch;
use crate::actor::{BoxFuture, Fault, Metadata, WorkerRef};
use crate::coordination::protocol::Fact;

/// A value on its way between workers whose types the driver does not know.
pub(crate) type Payload = Box<dyn Any + Send>;

/// How a value of a known type is checked.
pub(crate) type Check<T> = Arc<dyn Fn(&T) -> Result<(), Fault> + Send + Sync>;

/// What is not valid is a permanent fault.
pub(crate) fn valid<T>(is_valid: impl Fn(&T) -> bool + Send + Sync + 'static) -> Check<T> {
    Arc::new(move |value| match is_valid(value) {
        true => Ok(()),
        false => Err(Fault::permanent("an invalid answer")),
    })
}

/// What a value of a known type, and what it says about itself, says to the machine.
type Read<T> = Arc<dyn Fn(&T, &Metadata) -> Fact + Send + Sync>;

/// Copies a payload of the type that it was made for.
pub(crate) type Copier = fn(&Payload) -> Option<Payload>;

/// What goes into a call.
pub(crate) enum Fed {
    One(Payload),
    Many(Vec<Payload>),
}

/// What came out of a call, as it is kept.
pub(crate) enum Kept {
    One(Payload),
    Parts(Vec<Option<Payload>>),
}

/// An answer whose type only those know who made the participants.
pub(crate) struct Answer {
    pub(crate) kept: Kept,
    pub(crate) fact: Fact,
    pub(crate) metadata: Metadata,
}

/// What a future of the driver comes to.
pub(crate) enum Outcome {
    /// A call was answered, or failed.
    Answered(Result<Answer, Fault>),
    /// A timer is due.
    Due,
    /// The asker gave up or ran out of time.
    Gone,
}

type Asks = Box<dyn Fn(Fed) -> BoxFuture<'static, Outcome> + Send + Sync>;
type Computes = Box<dyn Fn(Fed) -> Result<Answer, Fault> + Send + Sync>;

pub(crate) enum Act {
    /// Asks a worker.
    Asks(Asks),
    /// Is a function that the driver calls.
    Computes(Computes),
}

impl Act {
    /// Asks somebody, who is not known here.
    pub(crate) fn asking<F>(ask: impl Fn(Fed) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Answer, Fault>> + Send + 'static,
    {
        Self::Asks(Box::new(move |fed| {
            let asked = ask(fed);
            let outcome: BoxFuture<'static, Outcome> =
                Box::pin(async move { Outcome::Answered(asked.await) });
            outcome
        }))
    }
}

/// What foreign code comes to; its panic is a permanent fault that names it.
pub(crate) async fn contained<T>(
    name: &str,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let mut work = pin!(work);
    poll_fn(|cx| {
        catch(|| work.as_mut().poll(cx))
            .unwrap_or_else(|_| Poll::Ready(Err(Fault::permanent(format!("{name} panicked")))))
    })
    .await
}

/// A participant whose types are known no more.
pub(crate) struct Seat {
    pub(crate) name: Arc<str>,
    pub(crate) act: Act,
    /// Copies what goes in, where it may be needed again.
    pub(crate) copy: Option<Copier>,
    pub(crate) kinds: Kinds,
}

/// The types of what goes in and what comes out, each of one part where there are
/// several.
#[derive(Clone, Copy)]
pub(crate) struct Kinds {
    pub(crate) takes: TypeId,
    pub(crate) gives: TypeId,
}

impl Kinds {
    pub(crate) fn of<In: 'static, Out: 'static>() -> Self {
        Self {
            takes: TypeId::of::<In>(),
            gives: TypeId::of::<Out>(),
        }
    }
}

type Function<In, Out> = Box<dyn Fn(In) -> Result<Out, Fault> + Send + Sync>;

enum TypedAct<In, Out> {
    Asks(WorkerRef<In, Out>),
    Computes(Function<In, Out>),
}

/// What is done with the answers of a participant.
struct Reads<Out> {
    check: Option<Check<Out>>,
    read: Option<Read<Out>>,
    /// Keeps an answer whole or in parts.
    keep: fn(Out) -> Kept,
}

impl<Out> Reads<Out> {
    fn seal(&self, value: Out, metadata: Metadata) -> Result<Answer, Fault> {
        if let Some(check) = &self.check {
            check(&value)?;
        }
        let said = self.read.as_ref().map(|read| read(&value, &metadata));
        let kept = (self.keep)(value);
        let fact = match (said, &kept) {
            (Some(fact), _) => fact,
            (None, Kept::Parts(parts)) => {
                Fact::Count(u32::try_from(parts.len()).unwrap_or(u32::MAX))
            }
            (None, Kept::One(_)) => Fact::Nothing,
        };
        Ok(Answer {
            kept,
            fact,
            metadata,
        })
    }
}

/// Who takes part in a run: a worker, or a function that the driver calls.
#[must_use = "a participant does nothing until it takes part"]
pub struct Participant<In, Out> {
    name: Arc<str>,
    act: TypedAct<In, Out>,
    /// Makes one value of what is fed.
    take: fn(Fed) -> Result<In, Fault>,
    reads: Reads<Out>,
    copy: Option<Copier>,
    kinds: Kinds,
}

impl<In: Send + 'static, Out: Send + 'static> Participant<In, Out> {
    fn new(
        name: impl Into<Arc<str>>,
        act: TypedAct<In, Out>,
        take: fn(Fed) -> Result<In, Fault>,
        keep: fn(Out) -> Kept,
        kinds: Kinds,
    ) -> Self {
        Self {
            name: name.into(),
            act,
            take,
            reads: Reads {
                check: None,
                read: None,
                keep,
            },
            copy: None,
            kinds,
        }
    }

    /// A worker that takes one value and gives one.
    pub fn asks(name: impl Into<Arc<str>>, worker: impl Into<WorkerRef<In, Out>>) -> Self {
        Self::new(
            name,
            TypedAct::Asks(worker.into()),
            one,
            whole,
            Kinds::of::<In, Out>(),
        )
    }

    /// A function of one value. It runs on the driver's task.
    pub fn computes(
        name: impl Into<Arc<str>>,
        f: impl Fn(In) -> Result<Out, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self::new(
            name,
            TypedAct::Computes(Box::new(f)),
            one,
            whole,
            Kinds::of::<In, Out>(),
        )
    }

    /// Checks its answers: an invalid one is a permanent fault of the call.
    pub fn validate(self, is_valid: impl Fn(&Out) -> bool + Send + Sync + 'static) -> Self {
        self.checked(Some(valid(is_valid)))
    }

    pub(crate) fn checked(mut self, check: Option<Check<Out>>) -> Self {
        self.reads.check = check;
        self
    }

    /// What an answer says to the machine. Default: of a splitter, how many parts
    /// there are, and else nothing. A panic in here is a permanent fault of the
    /// call.
    pub fn reads(self, read: impl Fn(&Out) -> Fact + Send + Sync + 'static) -> Self {
        self.reads_served(move |value, _| read(value))
    }

    /// As [`Participant::reads`], with what the answer says about itself.
    pub(crate) fn reads_served(
        mut self,
        read: impl Fn(&Out, &Metadata) -> Fact + Send + Sync + 'static,
    ) -> Self {
        self.reads.read = Some(Arc::new(read));
        self
    }

    /// Copies what goes in, so that it can be fed again. Without, an answer is
    /// gone once it has been fed.
    pub fn copying(mut self) -> Self
    where
        In: Clone,
    {
        self.copy = Some(copy_of::<In>);
        self
    }

    /// Forgets its types.
    pub(crate) fn seat(self) -> Seat {
        let Self {
            name,
            act,
            take,
            reads,
            copy,
            kinds,
        } = self;
        let act = match act {
            TypedAct::Computes(f) => Act::Computes(Box::new(move |fed| {
                reads.seal(f(take(fed)?)?, Metadata::default())
            })),
            TypedAct::Asks(worker) => {
                let inside = Arc::new((worker, reads));
                Act::Asks(Box::new(move |fed| {
                    let inside = Arc::clone(&inside);
                    Box::pin(async move {
                        let (worker, reads) = &*inside;
                        let answer = match take(fed) {
                            Ok(input) => worker.ask(input).await,
                            Err(fault) => Err(fault),
                        };
                        Outcome::Answered(answer.and_then(|it| reads.seal(it.value, it.metadata)))
                    })
                }))
            }
        };
        Seat {
            name,
            act,
            copy,
            kinds,
        }
    }
}

impl<In: Send + 'static, Piece: Send + 'static> Participant<In, Vec<Piece>> {
    /// A function that makes parts of one value. It runs on the driver's task.
    pub fn splits(
        name: impl Into<Arc<str>>,
        f: impl Fn(In) -> Result<Vec<Piece>, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self::new(
            name,
            TypedAct::Computes(Box::new(f)),
            one,
            in_parts,
            Kinds::of::<In, Piece>(),
        )
    }
}

impl<Piece: Send + 'static, Out: Send + 'static> Participant<Vec<Piece>, Out> {
    /// A function of several answers, each of which is gone then. It runs on the
    /// driver's task.
    pub fn combines(
        name: impl Into<Arc<str>>,
        f: impl Fn(Vec<Piece>) -> Result<Out, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self::new(
            name,
            TypedAct::Computes(Box::new(f)),
            many,
            whole,
            Kinds::of::<Piece, Out>(),
        )
    }
}

impl<In, Out> fmt::Debug for Participant<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Participant({})", self.name)
    }
}

/// Copies a payload of a known type.
pub(crate) fn copy_of<T: Clone + Send + 'static>(payload: &Payload) -> Option<Payload> {
    let value = payload.downcast_ref::<T>()?;
    Some(Box::new(value.clone()))
}

/// The value of a payload, where it is of this type: builders see to it.
fn value<T: 'static>(payload: Payload) -> Result<T, Fault> {
    match payload.downcast::<T>() {
        Ok(value) => Ok(*value),
        Err(_) => Err(Fault::permanent("a payload of another type")),
    }
}

fn one<T: 'static>(fed: Fed) -> Result<T, Fault> {
    match fed {
        Fed::One(payload) => value(payload),
        Fed::Many(_) => Err(Fault::permanent("several answers where one is taken")),
    }
}

fn many<T: 'static>(fed: Fed) -> Result<Vec<T>, Fault> {
    match fed {
        Fed::Many(payloads) => payloads.into_iter().map(value).collect(),
        Fed::One(_) => Err(Fault::permanent("one answer where several are taken")),
    }
}

fn whole<T: Send + 'static>(value: T) -> Kept {
    Kept::One(Box::new(value))
}

fn in_parts<T: Send + 'static>(values: Vec<T>) -> Kept {
    let parts = values.into_iter().map(|value| {
        let part: Payload = Box::new(value);
        Some(part)
    });
    Kept::Parts(parts.collect())
}
