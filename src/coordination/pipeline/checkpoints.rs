//! Answers of stages that are not asked for a second time.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::sync::Mutex;

type Answer = Arc<dyn Any + Send + Sync>;

/// Where an item stands: the answers of the stages that it has passed.
///
/// Shared by all stages that keep their answers, and by as many pipelines as are
/// given a clone of it. In memory: it outlives a crash of the pipeline, not of the
/// process.
#[derive(Clone)]
pub struct Checkpoints {
    book: Arc<Mutex<Book>>,
}

struct Book {
    items: HashMap<String, Vec<(Arc<str>, Answer)>>,
    /// The oldest first.
    order: VecDeque<String>,
    room: usize,
}

impl Checkpoints {
    /// Room for so many items; one more pushes out the one that came first.
    #[must_use]
    pub fn new(items: NonZeroUsize) -> Self {
        let book = Book {
            items: HashMap::new(),
            order: VecDeque::new(),
            room: items.get(),
        };
        Self {
            book: Arc::new(Mutex::new(book)),
        }
    }

    /// The stages that an item has passed, in the order in which it did.
    #[must_use]
    pub fn passed(&self, item: &str) -> Vec<Arc<str>> {
        let book = self.book.lock();
        let stages = book.items.get(item).into_iter().flatten();
        stages.map(|(stage, _)| Arc::clone(stage)).collect()
    }

    /// Drops what is known of an item: the next one of its name is worked on from
    /// the first stage.
    pub fn forget(&self, item: &str) {
        let gone = {
            let mut book = self.book.lock();
            book.order.retain(|known| known != item);
            book.items.remove(item)
        };
        // Answers are dropped without the lock.
        drop(gone);
    }

    /// Items of which something is kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.book.lock().items.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, item: &str, stage: &str) -> Option<Answer> {
        let book = self.book.lock();
        let (_, answer) = book
            .items
            .get(item)?
            .iter()
            .find(|(at, _)| &**at == stage)?;
        Some(Arc::clone(answer))
    }

    fn keep(&self, item: String, stage: &Arc<str>, answer: Answer) {
        let (mut pushed_out, mut replaced) = (None, None);
        let mut book = self.book.lock();
        if !book.items.contains_key(&item) {
            if book.order.len() >= book.room
                && let Some(oldest) = book.order.pop_front()
            {
                pushed_out = book.items.remove(&oldest);
            }
            book.order.push_back(item.clone());
        }
        let stages = book.items.entry(item).or_default();
        match stages.iter_mut().find(|(at, _)| at == stage) {
            Some((_, kept)) => replaced = Some(std::mem::replace(kept, answer)),
            None => stages.push((Arc::clone(stage), answer)),
        }
        drop(book);
        drop((pushed_out, replaced));
    }
}

impl fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checkpoints({} items)", self.len())
    }
}

/// A stage's worker, behind the answers that are kept of it.
pub(super) struct Kept<In, Out> {
    pub(super) worker: WorkerRef<In, Out>,
    pub(super) checkpoints: Checkpoints,
    pub(super) stage: Arc<str>,
    pub(super) item: Arc<dyn Fn(&In) -> String + Send + Sync>,
}

impl<In, Out> Serve<In, Out> for Kept<In, Out>
where
    In: Send + 'static,
    Out: Clone + Send + Sync + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let item = (self.item)(&input);
            let kept = self.checkpoints.find(&item, &self.stage);
            // An answer of another type is that of another stage of this name.
            if let Some(answer) = kept
                .as_ref()
                .and_then(|kept| kept.downcast_ref::<Served<Out>>())
            {
                return Ok(answer.clone());
            }
            let served = self.worker.ask(input).await?;
            let copy = Arc::new(served.clone());
            self.checkpoints.keep(item, &self.stage, copy);
            Ok(served)
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
