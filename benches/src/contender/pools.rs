//! Pools: callboard's, the same worker without one, and deadpool.

use std::time::{Duration, Instant};

use callboard::prelude::*;
use deadpool::managed::{self, Metrics, RecycleResult};
use tokio::sync::{mpsc, oneshot};

use crate::contender::Contender;
use crate::runtime::{in_parallel, on_two_workers};
use crate::work::{MAILBOX, Outcome, POOL_MEMBERS, Work};

/// Gives back what it gets.
struct Echo;

impl callboard::actor::Worker for Echo {
    type In = u64;
    type Out = u64;

    async fn work(&mut self, n: u64, _: &mut Context<Self>) -> Result<u64, Fault> {
        Ok(n)
    }
}

async fn ask(worker: &WorkerRef<u64, u64>, callers: usize, jobs: u64) -> Duration {
    let started = Instant::now();
    in_parallel(jobs, callers, |share| {
        let worker = worker.clone();
        async move {
            for n in 0..share {
                assert_eq!(worker.ask(n).await.expect("it answers").value, n);
            }
        }
    })
    .await;
    started.elapsed()
}

pub(super) async fn pool(callers: usize, jobs: u64) -> Duration {
    let system = System::new("pool");
    let pool = Pool::new("echoes", POOL_MEMBERS..=POOL_MEMBERS, || Echo);
    let pool = pool.start(&system).await.expect("the pool starts");
    ask(&pool.worker(), callers, jobs).await
}

/// One worker, asked without a pool.
#[derive(Debug)]
pub(super) struct Worker;

impl Contender for Worker {
    fn name(&self) -> &'static str {
        "worker"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        let Work::Pool { callers, jobs } = work else {
            return None;
        };
        Some(Outcome::Took(on_two_workers(async move {
            let system = System::new("worker");
            let spec = ChildSpec::new("echo", || Echo).mailbox(MAILBOX);
            let worker = system.spawn(spec).await.expect("the worker starts");
            ask(&worker.into(), callers, jobs).await
        })))
    }
}

type Job = (u64, oneshot::Sender<u64>);

/// Makes tasks on channels.
struct Tasks;

impl managed::Manager for Tasks {
    type Type = mpsc::Sender<Job>;
    type Error = std::convert::Infallible;

    async fn create(&self) -> Result<Self::Type, Self::Error> {
        let (tx, mut rx) = mpsc::channel::<Job>(MAILBOX);
        tokio::spawn(async move {
            while let Some((n, reply_to)) = rx.recv().await {
                // A caller that went away wants no answer.
                let _ = reply_to.send(n);
            }
        });
        Ok(tx)
    }

    async fn recycle(&self, _: &mut Self::Type, _: &Metrics) -> RecycleResult<Self::Error> {
        Ok(())
    }
}

/// deadpool, of tasks on bare channels.
#[derive(Debug)]
pub(super) struct Deadpool;

impl Contender for Deadpool {
    fn name(&self) -> &'static str {
        "deadpool"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        let Work::Pool { callers, jobs } = work else {
            return None;
        };
        Some(Outcome::Took(on_two_workers(async move {
            let pool = managed::Pool::<Tasks>::builder(Tasks).max_size(POOL_MEMBERS);
            let pool = pool.build().expect("its settings are fine");
            let started = Instant::now();
            in_parallel(jobs, callers, |share| {
                let pool = pool.clone();
                async move {
                    for n in 0..share {
                        let task = pool.get().await.expect("there is a task");
                        let (reply_to, reply) = oneshot::channel();
                        task.send((n, reply_to)).await.expect("the task runs");
                        assert_eq!(reply.await.expect("it answers"), n);
                    }
                }
            })
            .await;
            started.elapsed()
        })))
    }
}
