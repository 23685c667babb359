//! Workers whose answers are judged.

use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};

struct Judged<T> {
    worker: WorkerRef<T, T>,
    judge: WorkerRef<T, f64>,
}

/// The same worker, whose answers are as good as the judge says.
pub(super) fn judged<T: Clone + Send + 'static>(
    worker: WorkerRef<T, T>,
    judge: WorkerRef<T, f64>,
) -> WorkerRef<T, T> {
    WorkerRef::new(Judged { worker, judge })
}

impl<T: Clone + Send + 'static> Serve<T, T> for Judged<T> {
    fn serve(&self, input: T) -> BoxFuture<'_, Result<Served<T>, Fault>> {
        Box::pin(async move {
            let answer = self.worker.ask(input).await?;
            let judged = self.judge.ask(answer.value.clone()).await?;
            // What the judge used is part of what the answer cost.
            let says = answer.metadata.after(&judged.metadata);
            Ok(answer.with(says.quality(judged.value)))
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available() && self.judge.is_available()
    }
}
