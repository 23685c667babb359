//! The actor that gathers requests.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use super::{BatchWorker, Command, Gather, MiscountedBatch, Shared};
use crate::actor::system::clock;
use crate::actor::{Actor, BoxError, Context, Exit, Fault, Reply, Request, TimerId};
use crate::sync::Mutex;

struct Item<In, Out> {
    input: In,
    reply_to: Reply<Result<Out, Fault>>,
    request: Request,
}

/// The actor that gathers requests. Made by [`Batching::new`](super::Batching::new).
pub struct Batcher<In, Out> {
    shared: Arc<Mutex<Shared>>,
    worker: BatchWorker<In, Out>,
    gathered: Vec<Item<In, Out>>,
    /// Which batch is being gathered.
    batch: u64,
    timer: Option<TimerId>,
}

impl<In, Out> fmt::Debug for Batcher<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batcher({} gathered)", self.gathered.len())
    }
}

impl<In: Send + 'static, Out: Send + 'static> Actor for Batcher<In, Out> {
    type Msg = Gather<In, Out>;

    async fn handle(&mut self, msg: Self::Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        let (items, wait) = {
            let shared = self.shared.lock();
            (shared.config.max_items.get(), shared.config.max_wait)
        };
        match msg.0 {
            Command::Add(input, reply_to) => {
                self.gathered.push(Item {
                    input,
                    reply_to,
                    request: cx.request(),
                });
                if self.gathered.len() == 1 {
                    // On the system lane: a full mailbox must not hold it up.
                    let flush = Gather(Command::Flush(self.batch));
                    self.timer = Some(cx.notify_after(wait, flush));
                }
                if self.gathered.len() >= items {
                    self.flush(cx).await;
                }
            }
            Command::Flush(batch) if batch == self.batch => self.flush(cx).await,
            Command::Flush(_) => {}
        }
        Ok(())
    }

    async fn stop(&mut self, _exit: &Exit, cx: &mut Context<Self>) -> Result<(), BoxError> {
        // What was accepted is done, also at a drain.
        self.flush(cx).await;
        Ok(())
    }
}

impl<In: Send + 'static, Out: Send + 'static> Batcher<In, Out> {
    pub(super) fn new(shared: Arc<Mutex<Shared>>, worker: BatchWorker<In, Out>) -> Self {
        Self {
            shared,
            worker,
            gathered: Vec::new(),
            batch: 0,
            timer: None,
        }
    }

    async fn flush(&mut self, cx: &mut Context<Self>) {
        self.batch += 1;
        if let Some(timer) = self.timer.take() {
            cx.cancel(timer);
        }
        let mut inputs = Vec::with_capacity(self.gathered.len());
        let mut askers = Vec::with_capacity(self.gathered.len());
        let mut left_out = 0;
        for item in self.gathered.drain(..) {
            if item.request.is_cancelled() {
                left_out += 1;
            } else {
                inputs.push(item.input);
                askers.push((item.reply_to, item.request));
            }
        }
        {
            let stats = &mut self.shared.lock().stats;
            stats.left_out += left_out;
            stats.calls += u64::from(!inputs.is_empty());
            stats.requests += inputs.len() as u64;
        }
        if inputs.is_empty() {
            return;
        }
        let answers = call(&self.worker, inputs, &askers).await;
        hand_out(answers, askers);
    }
}

/// One call for all, until the latest of their deadlines. `None`: nobody waits
/// for it any more.
async fn call<In, Out>(
    worker: &BatchWorker<In, Out>,
    inputs: Vec<In>,
    askers: &[(Reply<Result<Out, Fault>>, Request)],
) -> Option<Result<Vec<Result<Out, Fault>>, Fault>>
where
    In: Send + 'static,
    Out: Send + 'static,
{
    let latest = latest(askers.iter().map(|(_, request)| request.deadline()));
    // The request in force is that of whoever came last: the call is everybody's.
    let nobodys = Request::new(None);
    let ask = async {
        let ask = worker.ask(inputs);
        match latest {
            Some(at) => ask.deadline(at.saturating_duration_since(clock())).await,
            None => ask.await,
        }
    };
    let mut answers = pin!(nobodys.within(ask));
    poll_fn(|task| {
        if let Poll::Ready(answers) = answers.as_mut().poll(task) {
            return Poll::Ready(Some(answers.map(|served| served.value)));
        }
        // Those who are gone would wake this at once, again and again.
        let mut waiting = askers.iter().filter(|(_, r)| !r.is_cancelled()).peekable();
        if waiting.peek().is_none() {
            return Poll::Ready(None);
        }
        for (_, request) in waiting {
            request.wake_when_cancelled(task.waker());
        }
        Poll::Pending
    })
    .await
}

/// The latest of the deadlines; none if one of them has none.
fn latest(deadlines: impl Iterator<Item = Option<Instant>>) -> Option<Instant> {
    let all: Option<Vec<Instant>> = deadlines.collect();
    all?.into_iter().max()
}

fn hand_out<Out: Send + 'static>(
    answers: Option<Result<Vec<Result<Out, Fault>>, Fault>>,
    askers: Vec<(Reply<Result<Out, Fault>>, Request)>,
) {
    let fault = match answers {
        Some(Ok(answers)) if answers.len() == askers.len() => {
            for (answer, (reply_to, _)) in answers.into_iter().zip(askers) {
                reply_to.send(answer);
            }
            return;
        }
        Some(Ok(answers)) => {
            let miscounted = MiscountedBatch {
                requests: askers.len(),
                answers: answers.len(),
            };
            Fault::permanent(miscounted.to_string()).because(miscounted)
        }
        Some(Err(fault)) => fault,
        // Nobody waits.
        None => return,
    };
    for (reply_to, _) in askers {
        reply_to.send(Err(fault.clone()));
    }
}
