//! L16: a versioned value. One writes, one reads, one watches.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use callboard::resilience::Live;
use loom::future::block_on;
use loom::sync::Mutex;
use loom::thread;

use crate::harness::Model;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    None,
    /// Whoever watches registers after it has looked, not while.
    RegistersAfterTheLook,
    /// The watchers are woken before there is anything to see.
    WakesBeforeTheChange,
    /// The version is told before the value.
    VersionComesFirst,
    /// Only one watcher is woken, and the rest forgotten.
    ForgetsTheSecondWatcher,
}

/// A value that is watched, whichever it is.
trait Watched: Send + Sync + 'static {
    fn read(&self) -> (u64, u64);
    fn set(&self, value: u64);
    /// Waits for a version after this one.
    fn wait(&self, seen: u64) -> (u64, u64);
}

impl Watched for Live<u64> {
    fn read(&self) -> (u64, u64) {
        let (version, value) = self.read();
        (version, *value)
    }

    fn set(&self, value: u64) {
        self.set(value);
    }

    fn wait(&self, seen: u64) -> (u64, u64) {
        let (version, value) = block_on(self.changed(seen));
        (version, *value)
    }
}

/// A copy, with slips.
struct Copied {
    slip: Slip,
    cell: Mutex<Cell>,
}

struct Cell {
    version: u64,
    value: u64,
    watchers: Vec<Waker>,
}

impl Copied {
    fn new(slip: Slip) -> Self {
        Self {
            slip,
            cell: Mutex::new(Cell {
                version: 1,
                value: 10,
                watchers: Vec::new(),
            }),
        }
    }

    fn cell(&self) -> loom::sync::MutexGuard<'_, Cell> {
        self.cell.lock().expect("a panic ends the process")
    }

    fn poll(&self, seen: u64, task: &Context<'_>) -> Poll<(u64, u64)> {
        let mut cell = self.cell();
        if cell.version > seen {
            return Poll::Ready((cell.version, cell.value));
        }
        if self.slip == Slip::RegistersAfterTheLook {
            drop(cell);
            cell = self.cell();
        }
        cell.watchers.push(task.waker().clone());
        Poll::Pending
    }
}

impl Watched for Copied {
    fn read(&self) -> (u64, u64) {
        let cell = self.cell();
        (cell.version, cell.value)
    }

    fn set(&self, value: u64) {
        if self.slip == Slip::WakesBeforeTheChange {
            let watchers = std::mem::take(&mut self.cell().watchers);
            watchers.into_iter().for_each(Waker::wake);
        }
        let mut cell = self.cell();
        cell.version += 1;
        if self.slip == Slip::VersionComesFirst {
            drop(cell);
            cell = self.cell();
        }
        cell.value = value;
        let mut watchers = match self.slip {
            Slip::WakesBeforeTheChange => Vec::new(),
            _ => std::mem::take(&mut cell.watchers),
        };
        drop(cell);
        if self.slip == Slip::ForgetsTheSecondWatcher {
            watchers.truncate(1);
        }
        watchers.into_iter().for_each(Waker::wake);
    }

    fn wait(&self, seen: u64) -> (u64, u64) {
        block_on(poll_fn(|task| self.poll(seen, task)))
    }
}

pub(crate) fn models() -> Vec<Model> {
    let name = "l16_versions_never_go_back_and_the_last_value_is_seen";
    let mut models = vec![
        Model::holds(name, || changed_and_read(Live::new(10))),
        Model::holds(format!("{name}/copy"), || {
            changed_and_read(Copied::new(Slip::None));
        }),
    ];
    let slips = [
        (Slip::RegistersAfterTheLook, "deadlock"),
        (Slip::WakesBeforeTheChange, "deadlock"),
        (Slip::VersionComesFirst, "a value of its version"),
        (Slip::ForgetsTheSecondWatcher, "deadlock"),
    ];
    for (slip, cause) in slips {
        let name = format!("{name}/{slip:?}");
        models.push(Model::dies_of(name, cause, move || {
            changed_and_read(Copied::new(slip));
        }));
    }
    models
}

/// Version n has the value 10 n, and 3 is the last. Two watch.
fn changed_and_read<W: Watched>(watched: W) {
    let watched = Arc::new(watched);
    let watch = || {
        let watched = Arc::clone(&watched);
        thread::spawn(move || {
            let mut seen = watched.read();
            assert_eq!(seen.1, seen.0 * 10, "a value of its version");
            while seen.0 < 3 {
                let next = watched.wait(seen.0);
                assert!(next.0 > seen.0, "versions never go back");
                assert_eq!(next.1, next.0 * 10, "a value of its version");
                seen = next;
            }
            assert_eq!(seen, (3, 30), "the last value is seen");
        })
    };
    let watchers = [watch(), watch()];
    watched.set(20);
    watched.set(30);
    for watcher in watchers {
        watcher.join().expect("joins");
    }
}
