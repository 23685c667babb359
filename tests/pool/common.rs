//! A worker that says who it is and does as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::prelude::*;

/// What a member is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Do {
    /// Say who you are.
    Say,
    /// Write a line.
    Write,
    /// Panic.
    Crash,
    /// Never come to an end.
    Hang,
    /// Say so that it cannot be done now.
    Refuse,
}

/// What a member says: who it is, and how many lines it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) who: usize,
    pub(crate) lines: usize,
}

pub(crate) struct Scribe {
    who: usize,
    lines: usize,
    resets: Arc<AtomicUsize>,
}

impl Worker for Scribe {
    type In = Do;
    type Out = Said;

    async fn work(&mut self, what: Do, _cx: &mut Context<Self>) -> Result<Said, Fault> {
        match what {
            Do::Say => {}
            Do::Write => self.lines += 1,
            Do::Crash => panic!("told to"),
            Do::Hang => std::future::pending().await,
            Do::Refuse => return Err(Fault::transient("told to")),
        }
        Ok(Said {
            who: self.who,
            lines: self.lines,
        })
    }

    async fn reset(&mut self, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.lines = 0;
        self.resets.fetch_add(1, SeqCst);
        Ok(())
    }

    fn capabilities(&self) -> Vec<Arc<str>> {
        vec![format!("scribe-{}", self.who).into()]
    }
}

/// Makes scribes, counts them and their resets.
#[derive(Clone, Default)]
pub(crate) struct Office {
    born: Arc<AtomicUsize>,
    resets: Arc<AtomicUsize>,
}

impl Office {
    /// How many were ever made.
    pub(crate) fn born(&self) -> usize {
        self.born.load(SeqCst)
    }

    /// How often one was reset.
    pub(crate) fn resets(&self) -> usize {
        self.resets.load(SeqCst)
    }

    /// A pool of scribes, not started.
    pub(crate) fn pool(&self, size: std::ops::RangeInclusive<usize>) -> Pool<Scribe> {
        let office = self.clone();
        Pool::new("p", size, move || Scribe {
            who: office.born.fetch_add(1, SeqCst),
            lines: 0,
            resets: Arc::clone(&office.resets),
        })
    }
}

/// Lets everybody else run until `is_so`.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if is_so() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it did not come to be");
}

/// Lets everybody else do what is to be done.
pub(crate) async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}
