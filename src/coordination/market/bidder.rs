//! Who bids, and who does the work.

use std::fmt;
use std::sync::Arc;

use super::file::{Paper, answer, award_of, call_for_proposals, wrong};
use super::{Award, CallForProposals};
use crate::actor::{Fault, Metadata, Served, WorkerRef};
use crate::coordination::driver::{Act, Fed, Kinds, Seat, contained};
use crate::coordination::protocol::Fact;
use crate::policy::auction::Bid;

/// Who does the work of a bidder.
enum Work<In, Out> {
    /// Takes the task.
    Task(WorkerRef<In, Out>),
    /// Takes the task and the contract.
    Award(WorkerRef<Award<In>, Out>),
}

impl<In: Send + 'static, Out: Send + 'static> Work<In, Out> {
    async fn ask(&self, award: Award<In>) -> Result<Served<Out>, Fault> {
        match self {
            Self::Task(worker) => worker.ask(award.task).await,
            Self::Award(worker) => worker.ask(award).await,
        }
    }
}

/// One who bids for tasks, and does those that it wins.
pub struct Bidder<In, Out> {
    pub(super) name: Arc<str>,
    bids: WorkerRef<CallForProposals<In>, Option<Bid>>,
    work: Arc<Work<In, Out>>,
}

impl<In: Clone + Send + 'static, Out: Send + 'static> Bidder<In, Out> {
    /// Bids with the first worker, which gives a [`Bid`], or an `Option` of one where
    /// it may decline; works with the second, which takes the task.
    pub fn new<B>(
        name: impl Into<Arc<str>>,
        bids: impl Into<WorkerRef<CallForProposals<In>, B>>,
        work: impl Into<WorkerRef<In, Out>>,
    ) -> Self
    where
        B: Into<Option<Bid>> + Send + 'static,
    {
        Self::of(name.into(), &bids.into(), Work::Task(work.into()))
    }

    /// As [`Bidder::new`], with a worker that takes the task and the contract.
    pub fn contracting<B>(
        name: impl Into<Arc<str>>,
        bids: impl Into<WorkerRef<CallForProposals<In>, B>>,
        work: impl Into<WorkerRef<Award<In>, Out>>,
    ) -> Self
    where
        B: Into<Option<Bid>> + Send + 'static,
    {
        Self::of(name.into(), &bids.into(), Work::Award(work.into()))
    }

    fn of<B>(name: Arc<str>, bids: &WorkerRef<CallForProposals<In>, B>, work: Work<In, Out>) -> Self
    where
        B: Into<Option<Bid>> + Send + 'static,
    {
        Self {
            name,
            bids: bids.map(Into::into),
            work: Arc::new(work),
        }
    }

    /// Where it is asked for a bid.
    pub(super) fn bids_seat(&self, at: usize) -> Seat {
        let (name, bids) = (Arc::clone(&self.name), self.bids.clone());
        let act = Act::asking(move |fed| {
            let (name, bids) = (Arc::clone(&name), bids.clone());
            async move {
                let call = taken::<CallForProposals<In>>(fed)?;
                let bid = contained(&name, async { bids.ask(call).await }).await;
                let says = bid.as_ref().map_or(Metadata::default(), |bid| bid.metadata);
                let reply = Paper::<In, Out>::Reply(at, bid.map(|bid| bid.value));
                Ok(answer(reply, Fact::Nothing, says))
            }
        });
        Seat {
            name: Arc::clone(&self.name),
            act,
            copy: Some(call_for_proposals::<In, Out>),
            kinds: Kinds::of::<Paper<In, Out>, Paper<In, Out>>(),
        }
    }

    /// Where it does what it has won.
    pub(super) fn work_seat(&self) -> Seat {
        let (name, work) = (Arc::clone(&self.name), Arc::clone(&self.work));
        let act = Act::asking(move |fed| {
            let (name, work) = (Arc::clone(&name), Arc::clone(&work));
            async move {
                let award = taken::<Award<In>>(fed)?;
                let done = contained(&name, work.ask(award)).await;
                let says = done.as_ref().map_or(Metadata::default(), |it| it.metadata);
                let done = done.map(|served| (served.value, served.metadata));
                Ok(answer(Paper::<In, Out>::Work(done), Fact::Nothing, says))
            }
        });
        Seat {
            name: Arc::clone(&self.name),
            act,
            copy: Some(award_of::<In, Out>),
            kinds: Kinds::of::<Paper<In, Out>, Paper<In, Out>>(),
        }
    }
}

fn taken<T: 'static>(fed: Fed) -> Result<T, Fault> {
    match fed {
        Fed::One(payload) => payload.downcast().map(|it| *it).map_err(|_| wrong()),
        Fed::Many(_) => Err(wrong()),
    }
}

impl<In, Out> fmt::Debug for Bidder<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bidder({})", self.name)
    }
}
