//! Answers in parts: progress, tokens, rows.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::actor::{PartStream, merge, parts};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! // A worker whose answer is a stream: eight parts at most wait unread.
//! let words = WorkerRef::from_fn("words", |text: &'static str| async move {
//!     let (tokens, stream) = parts(8);
//!     for token in text.split(' ') {
//!         tokens.send(token).await.map_err(|_| Fault::permanent("nobody reads"))?;
//!     }
//!     tokens.finish();
//!     Ok(stream)
//! });
//! let mut first = words.ask("to be").await?.value;
//! assert_eq!(first.next().await, Some("to"));
//! assert_eq!(first.next_within(secs(1)).await?, Some("be"));
//! assert_eq!(first.next().await, None);
//! assert!(first.is_complete());
//!
//! // Several streams as one: whatever comes next, and from whom.
//! let both = [words.ask("a b").await?.value, words.ask("c").await?.value];
//! let mut merged = merge(both);
//! assert_eq!(merged.next().await, Some((0, "a")));
//! assert_eq!(merged.next().await, Some((1, "c")));
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What happens when the consumer is slow?* The producer waits: no more parts are
//! unread than the stream has room for (`a7_the_consumers_pace_pushes_back`).
//!
//! *What happens when the consumer goes?* The next part is handed back
//! (`a7_a_consumer_that_goes_frees_the_producer`).
//!
//! *Was that all?* A stream ends when its producer is gone, whether it was done or
//! died. A producer that was done says so with [`Parts::finish`], and
//! [`PartStream::is_complete`] tells (`a7_a_finished_stream_differs_from_one_that_broke_off`).
//!
//! *What if no part comes?* [`PartStream::next_within`] waits only so long, and the
//! stream can go on after that (`a7_a_part_that_is_late_is_a_fault_and_comes_later`).
//!
//! *Does one stream hold up the others?* Of those merged, each has its turn; an
//! unread part waits in its own stream (`a7_merged_streams_take_turns`).

mod merged;

pub use merged::{Merged, merge};

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc;

use super::core::errors::TellError;
use super::core::refs::ActorRef;
use super::fault::{Fault, FaultClass};
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::{Acquire, Release};

/// The sending side of a stream of parts. Bounded: the consumer's pace pushes
/// back.
pub struct Parts<T> {
    parts: mpsc::Sender<T>,
    is_complete: Arc<AtomicBool>,
}

/// A part that nobody will read: the consumer is gone. It is handed back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ConsumerGone<T>(pub T);

impl<T> fmt::Debug for ConsumerGone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsumerGone(..)")
    }
}

impl<T> fmt::Display for ConsumerGone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the consumer of the stream is gone")
    }
}

impl<T> std::error::Error for ConsumerGone<T> {}

impl<T: Send> Parts<T> {
    /// Sends a part; waits while the consumer is behind.
    ///
    /// # Errors
    ///
    /// [`ConsumerGone`] hands the part back: stop producing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it resolves sends nothing.
    pub async fn send(&self, part: T) -> Result<(), ConsumerGone<T>> {
        self.parts
            .send(part)
            .await
            .map_err(|error| ConsumerGone(error.0))
    }

    /// Ends the stream and says that this was all of it.
    pub fn finish(self) {
        // Pairs with the load in `PartStream::is_complete`; the consumer also sees
        // the channel close after it.
        self.is_complete.store(true, Release);
    }

    /// Sends a part if there is room for it.
    pub(crate) fn offer(&self, part: T) {
        let _ = self.parts.try_send(part);
    }

    /// Whether the consumer is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.parts.is_closed()
    }
}

impl<T> fmt::Debug for Parts<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts")
    }
}

/// The receiving side of a stream of parts. Dropping it tells the producer to
/// stop.
pub struct PartStream<T> {
    parts: mpsc::Receiver<T>,
    is_complete: Arc<AtomicBool>,
}

impl<T: Send> PartStream<T> {
    /// The next part. `None` after the last one, and when the producer died.
    ///
    /// # Cancel safety
    ///
    /// No part is lost by dropping the future.
    pub async fn next(&mut self) -> Option<T> {
        self.parts.recv().await
    }

    /// The next part, if it comes within this time.
    ///
    /// # Errors
    ///
    /// A fault of class [`Deadline`](FaultClass::Deadline): none did. The stream is
    /// as it was, and the part may still come.
    ///
    /// # Cancel safety
    ///
    /// No part is lost by dropping the future.
    pub async fn next_within(&mut self, within: Duration) -> Result<Option<T>, Fault> {
        let late = |_| Fault::new(FaultClass::Deadline, format!("no part within {within:?}"));
        tokio::time::timeout(within, self.next())
            .await
            .map_err(late)
    }

    /// Whether the producer said that this is all: `false` until it does, and for
    /// ever where it died.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete.load(Acquire)
    }

    /// Gathers what is left, at most `limit` parts.
    pub async fn collect(mut self, limit: usize) -> Vec<T> {
        let mut all = Vec::new();
        while all.len() < limit
            && let Some(part) = self.next().await
        {
            all.push(part);
        }
        all
    }

    fn poll_next(&mut self, task: &mut Context<'_>) -> Poll<Option<T>> {
        self.parts.poll_recv(task)
    }
}

impl<T> fmt::Debug for PartStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PartStream")
    }
}

/// A stream with room for `capacity` unread parts, at least one.
#[must_use]
pub fn parts<T: Send>(capacity: usize) -> (Parts<T>, PartStream<T>) {
    let (tx, rx) = mpsc::channel(capacity.max(1));
    let is_complete = Arc::new(AtomicBool::new(false));
    let sender = Parts {
        parts: tx,
        is_complete: Arc::clone(&is_complete),
    };
    let stream = PartStream {
        parts: rx,
        is_complete,
    };
    (sender, stream)
}

impl<M: Send + 'static> ActorRef<M> {
    /// Asks for an answer in parts: `make` builds the message around the
    /// sending side. At most `capacity` parts wait unread.
    ///
    /// # Errors
    ///
    /// As [`ActorRef::tell`]: the question is handed back if it was not sent.
    pub async fn ask_parts<T: Send + 'static>(
        &self,
        capacity: usize,
        make: impl FnOnce(Parts<T>) -> M,
    ) -> Result<PartStream<T>, TellError<M>> {
        let (tx, rx) = parts(capacity);
        self.tell(make(tx)).await?;
        Ok(rx)
    }
}
