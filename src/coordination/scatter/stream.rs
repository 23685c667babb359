//! Answers as they arrive.

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::actor::{ActorRef, BoxFuture, Fault, PartStream, Served, WorkerRef, parts};
use crate::coordination::driver::{Drive, Listener, Payload};
use crate::coordination::pattern::{Pattern, run};

/// A scatter whose answers can be had as they arrive. Made by
/// [`Scatter::start_streaming`](super::Scatter::start_streaming).
pub struct ScatterRef<In, Out, Combined> {
    driver: ActorRef<Drive<In, Combined>>,
    workers: usize,
    parts: std::marker::PhantomData<fn() -> Out>,
}

impl<In, Out, Combined> ScatterRef<In, Out, Combined>
where
    In: Send + 'static,
    Out: Clone + Send + 'static,
    Combined: Send + 'static,
{
    pub(super) fn new(driver: ActorRef<Drive<In, Combined>>, workers: usize) -> Self {
        Self {
            driver,
            workers,
            parts: std::marker::PhantomData,
        }
    }

    /// The same as a worker, which gives the combined answer alone.
    #[must_use]
    pub fn worker(&self) -> WorkerRef<In, Combined> {
        let driver = self.driver.clone();
        WorkerRef::new(Pattern { driver })
    }

    /// Asks, and gives what the workers say as they say it. The request in force
    /// is the one around the first call of [`Arrivals::next`] or
    /// [`Arrivals::result`], which also sends the question.
    pub fn ask(&self, input: In) -> Arrivals<Out, Combined> {
        // Each worker says one thing, so there is always room.
        let (arrived, parts) = parts::<(usize, Result<Out, Fault>)>(self.workers);
        let listener: Listener = Box::new(move |worker, said: Result<&Payload, &Fault>| {
            let said = match said {
                Ok(payload) => match payload.downcast_ref::<Out>() {
                    Some(answer) => Ok(answer.clone()),
                    None => return,
                },
                Err(fault) => Err(fault.clone()),
            };
            arrived.offer((worker, said));
        });
        let driver = self.driver.clone();
        Arrivals {
            parts,
            result: Running::UnderWay(Box::pin(async move {
                run(&driver, input, Some(listener)).await
            })),
        }
    }
}

impl<In, Out, Combined> Clone for ScatterRef<In, Out, Combined> {
    fn clone(&self) -> Self {
        Self {
            driver: self.driver.clone(),
            workers: self.workers,
            parts: std::marker::PhantomData,
        }
    }
}

impl<In, Out, Combined> fmt::Debug for ScatterRef<In, Out, Combined> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScatterRef({} workers)", self.workers)
    }
}

enum Running<Combined> {
    UnderWay(BoxFuture<'static, Result<Served<Combined>, Fault>>),
    Over(Result<Served<Combined>, Fault>),
}

/// The answers to one question, as they arrive, and what is made of them.
/// Dropping it cancels what is under way.
#[must_use = "the question is sent when a part or the result is awaited"]
pub struct Arrivals<Out, Combined> {
    parts: PartStream<(usize, Result<Out, Fault>)>,
    result: Running<Combined>,
}

impl<Out: Send, Combined> Arrivals<Out, Combined> {
    /// The next answer or fault, with the worker's position; `None` when there
    /// will be no more.
    ///
    /// # Cancel safety
    ///
    /// No part is lost by dropping the future.
    pub async fn next(&mut self) -> Option<(usize, Result<Out, Fault>)> {
        let Self { parts, result } = self;
        let mut next = pin!(parts.next());
        poll_fn(|task| {
            if let Running::UnderWay(under_way) = result
                && let Poll::Ready(answer) = under_way.as_mut().poll(task)
            {
                *result = Running::Over(answer);
            }
            // After the run, so that what it has just said is there, and its end
            // is seen.
            next.as_mut().poll(task)
        })
        .await
    }

    /// What is made of the answers, once enough of them are there.
    ///
    /// # Errors
    ///
    /// The run's fault.
    pub async fn result(self) -> Result<Served<Combined>, Fault> {
        match self.result {
            Running::Over(answer) => answer,
            Running::UnderWay(answer) => answer.await,
        }
    }
}

impl<Out, Combined> fmt::Debug for Arrivals<Out, Combined> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arrivals")
    }
}
