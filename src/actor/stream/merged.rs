//! Several streams as one.

use std::fmt;
use std::future::poll_fn;
use std::task::Poll;

use super::PartStream;

/// Several streams of parts, read as one. Made by [`merge`].
pub struct Merged<T> {
    streams: Vec<PartStream<T>>,
    has_ended: Vec<bool>,
    /// Whose turn it is.
    turn: usize,
}

/// Reads several streams as one. Each keeps its order and its bound; among those
/// that have a part, each has its turn.
pub fn merge<T: Send>(streams: impl IntoIterator<Item = PartStream<T>>) -> Merged<T> {
    let streams: Vec<_> = streams.into_iter().collect();
    Merged {
        has_ended: vec![false; streams.len()],
        streams,
        turn: 0,
    }
}

impl<T: Send> Merged<T> {
    /// The next part that is there, and the position of its stream. `None` when
    /// all of them have ended.
    ///
    /// # Cancel safety
    ///
    /// No part is lost by dropping the future.
    pub async fn next(&mut self) -> Option<(usize, T)> {
        poll_fn(|task| {
            let all = self.streams.len();
            for after in 0..all {
                let at = (self.turn + after) % all;
                if self.has_ended[at] {
                    continue;
                }
                match self.streams[at].poll_next(task) {
                    Poll::Ready(Some(part)) => {
                        self.turn = at + 1;
                        return Poll::Ready(Some((at, part)));
                    }
                    Poll::Ready(None) => self.has_ended[at] = true,
                    Poll::Pending => {}
                }
            }
            if self.has_ended.iter().all(|ended| *ended) {
                Poll::Ready(None)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Those whose producers said that it was all, by their positions.
    #[must_use]
    pub fn complete(&self) -> Vec<bool> {
        self.streams.iter().map(PartStream::is_complete).collect()
    }
}

impl<T> fmt::Debug for Merged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Merged({} streams)", self.streams.len())
    }
}
