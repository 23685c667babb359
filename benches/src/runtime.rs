//! The runtime each measurement gets, and what workloads wait with.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::work::shares;

/// Threads of the runtime a contender is measured on.
pub const WORKERS: usize = 2;

/// Runs a workload as a task of a fresh runtime with [`WORKERS`] workers.
///
/// # Panics
///
/// If the workload does.
pub fn on_two_workers<F>(workload: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_time()
        .build()
        .expect("a runtime with two workers starts");
    // As a task: the thread that blocks on it is no worker.
    let task = runtime.spawn(workload);
    runtime.block_on(task).expect("the workload panicked")
}

/// Runs a workload on a fresh runtime of this thread: nothing is woken across
/// threads, so the time it takes is the time it computes.
pub fn on_this_thread<F: Future>(workload: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime of this thread starts");
    runtime.block_on(workload)
}

/// Divides operations among tasks, runs them at the same time, and waits.
///
/// # Panics
///
/// If one of the tasks does.
pub async fn in_parallel<F, Task>(operations: u64, tasks: usize, mut task: F)
where
    F: FnMut(u64) -> Task,
    Task: Future<Output = ()> + Send + 'static,
{
    let running: Vec<JoinHandle<()>> = shares(operations, tasks)
        .map(|share| tokio::spawn(task(share)))
        .collect();
    for task in running {
        task.await.expect("a task of the workload panicked");
    }
}

/// Tells one waiter each time that everybody has arrived.
#[derive(Debug)]
pub struct Roll {
    everybody: usize,
    arrived: AtomicUsize,
    complete: Notify,
}

impl Roll {
    /// A roll of so many.
    #[must_use]
    pub fn new(everybody: usize) -> Arc<Self> {
        Arc::new(Self {
            everybody,
            arrived: AtomicUsize::new(0),
            complete: Notify::new(),
        })
    }

    /// One of them is there.
    pub fn arrive(&self) {
        // AcqRel: the last one has seen what all others did before they came.
        let arrived = self.arrived.fetch_add(1, AcqRel) + 1;
        if arrived.is_multiple_of(self.everybody) {
            self.complete.notify_one();
        }
    }

    /// Waits for the last one. It may have come before.
    pub async fn complete(&self) {
        self.complete.notified().await;
    }
}

/// Opens when it was counted down to nothing. One waiter.
#[derive(Debug)]
pub struct Latch {
    left: AtomicUsize,
    opened: Notify,
}

impl Latch {
    /// A latch that opens at the last of so many counts.
    #[must_use]
    pub fn new(left: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(left),
            opened: Notify::new(),
        })
    }

    /// Counts one.
    pub fn count_down(&self) {
        // AcqRel: the last one has seen what all others did before they counted.
        if self.left.fetch_sub(1, AcqRel) == 1 {
            self.opened.notify_one();
        }
    }

    /// Waits for the last count. It may have been before.
    pub async fn opened(&self) {
        self.opened.notified().await;
    }
}
