//! Answers in parts: progress, tokens, rows.

use std::fmt;

use tokio::sync::mpsc;

use super::core::errors::TellError;
use super::core::refs::ActorRef;

/// The sending side of a stream of parts. Bounded: the consumer's pace pushes
/// back.
pub struct Parts<T> {
    parts: mpsc::Sender<T>,
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
    (Parts { parts: tx }, PartStream { parts: rx })
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
