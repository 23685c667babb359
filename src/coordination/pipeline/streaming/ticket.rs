//! What an item carries with it, and where it ends.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Poll, Waker};

use tokio::sync::Notify;

use crate::actor::{Fault, Metadata, Request, Served};
use crate::sync::Mutex;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::{Acquire, Release};

/// What came of an item, with its position.
pub(super) type Outcome<Out> = (usize, Result<Served<Out>, Fault>);

/// What came of the items of one flow.
pub(super) type Outcomes<Out> = VecDeque<Outcome<Out>>;

/// One flow of items, as its stages know it.
pub(super) trait Run: Send + Sync {
    fn fail(&self, at: usize, fault: Fault);

    fn shared(&self) -> &Shared;

    fn as_any(&self) -> &dyn Any;
}

/// What does not depend on the type of the outcomes.
pub(super) struct Shared {
    /// The request in which the flow began.
    pub(super) request: Request,
    is_gone: AtomicBool,
    gone: Notify,
}

impl Shared {
    /// Puts its request in force on this thread, where there is one.
    pub(super) fn enter(&self) -> Option<impl Drop + use<>> {
        (!self.request.is_none()).then(|| self.request.enter())
    }

    /// Nobody reads what comes out any more.
    pub(super) fn leave(&self) {
        // Pairs with the load in `is_gone`; a flag, and nothing behind it.
        self.is_gone.store(true, Release);
        self.gone.notify_waiters();
    }

    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Acquire)
    }

    /// Resolves when nobody reads what comes out any more.
    pub(super) async fn gone(&self) {
        let gone = self.gone.notified();
        if !self.is_gone() {
            gone.await;
        }
    }
}

/// One flow of items, and what came of them so far. It holds no more than are
/// under way: the flow lets in no others.
pub(super) struct Arrived<Out> {
    shared: Shared,
    inside: Mutex<Inside<Out>>,
}

struct Inside<Out> {
    outcomes: Outcomes<Out>,
    reader: Option<Waker>,
}

impl<Out: Send + 'static> Arrived<Out> {
    pub(super) fn new(request: Request) -> Arc<Self> {
        let inside = Inside {
            outcomes: VecDeque::new(),
            reader: None,
        };
        Arc::new(Self {
            shared: Shared {
                request,
                is_gone: AtomicBool::new(false),
                gone: Notify::new(),
            },
            inside: Mutex::new(inside),
        })
    }

    fn push(&self, at: usize, outcome: Result<Served<Out>, Fault>) {
        let reader = {
            let mut inside = self.inside.lock();
            inside.outcomes.push_back((at, outcome));
            inside.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Exchanges an empty queue for what has come.
    pub(super) fn take(&self, empty: &mut Outcomes<Out>, reader: &Waker) -> Poll<()> {
        let mut inside = self.inside.lock();
        if inside.outcomes.is_empty() {
            inside.reader = Some(reader.clone());
            return Poll::Pending;
        }
        std::mem::swap(&mut inside.outcomes, empty);
        Poll::Ready(())
    }
}

impl<Out: Send + 'static> Run for Arrived<Out> {
    fn fail(&self, at: usize, fault: Fault) {
        self.push(at, Err(fault));
    }

    fn shared(&self) -> &Shared {
        &self.shared
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Goes with an item from stage to stage. An item whose ticket is dropped on the
/// way is told of as lost.
pub(super) struct Ticket {
    at: usize,
    run: Option<Arc<dyn Run>>,
    /// What the answers so far have cost.
    spent: Option<Box<Metadata>>,
}

impl Ticket {
    pub(super) fn new(at: usize, run: Arc<dyn Run>) -> Self {
        Self {
            at,
            run: Some(run),
            spent: None,
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The flow that it belongs to.
    pub(super) fn flow(&self) -> &Shared {
        let run = self.run.as_ref();
        run.expect("a ticket is used up when it is gone").shared()
    }

    /// Adds what an answer says that it has cost.
    pub(super) fn spend(&mut self, said: &Metadata) {
        if said.tokens.is_some() || said.cost.is_some() {
            let spent = self.spent.get_or_insert_default();
            **spent = Metadata::new().after(said).after(spent);
        }
    }

    /// The end of the item.
    pub(super) fn fail(mut self, fault: Fault) {
        if let Some(run) = self.run.take() {
            run.fail(self.at, fault);
        }
    }

    /// The end of the item, with its answer.
    pub(super) fn deliver<Out: Send + 'static>(mut self, mut served: Served<Out>) {
        let Some(run) = self.run.take() else {
            return;
        };
        if let Some(spent) = self.spent.take() {
            // The last answer's own cost is among it.
            served.metadata.tokens = spent.tokens;
            served.metadata.cost = spent.cost;
        }
        match run.as_any().downcast_ref::<Arrived<Out>>() {
            Some(arrived) => arrived.push(self.at, Ok(served)),
            None => run.fail(
                self.at,
                Fault::permanent("the last stage gave another type"),
            ),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(run) = self.run.take() {
            run.fail(
                self.at,
                Fault::transient("the stage that had the item died"),
            );
        }
    }
}
