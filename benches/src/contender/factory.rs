//! ractor's factory: its pool of workers.

use std::time::{Duration, Instant};

use ractor::factory::{
    Factory as RactorFactory, FactoryArguments, FactoryRef, Job, Worker, WorkerId, queues, routing,
    worker_builder,
};
use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, RpcReplyPort};

use crate::contender::Contender;
use crate::runtime::{in_parallel, on_two_workers};
use crate::work::{Outcome, POOL_MEMBERS, Work};

/// ractor's factory, with a queue in front of its workers.
#[derive(Debug)]
pub(super) struct Factory;

impl Contender for Factory {
    fn name(&self) -> &'static str {
        "ractor factory"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        match work {
            Work::Pool { callers, jobs } => {
                Some(Outcome::Took(on_two_workers(pool(callers, jobs))))
            }
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Ask(u64, RpcReplyPort<u64>);

#[cfg(feature = "ractor-cluster")]
impl ractor::Message for Ask {}

struct Echo;

impl Worker for Echo {
    type Key = ();
    type Message = Ask;
    type State = ();
    type Arguments = ();

    async fn pre_start(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), Ask>,
        (): (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: WorkerId,
        _: &FactoryRef<(), Ask>,
        Job { msg, .. }: Job<(), Ask>,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let Ask(n, reply_to) = msg;
        // A caller that went away wants no answer.
        let _ = reply_to.send(n);
        Ok(())
    }
}

type Definition = RactorFactory<
    (),
    Ask,
    (),
    Echo,
    routing::QueuerRouting<(), Ask>,
    queues::DefaultQueue<(), Ask>,
>;

async fn pool(callers: usize, jobs: u64) -> Duration {
    let arguments = FactoryArguments::builder()
        .worker_builder(Box::new(worker_builder(|_| (Echo, ()))))
        .queue(queues::DefaultQueue::default())
        .router(routing::QueuerRouting::default())
        .num_initial_workers(POOL_MEMBERS)
        .build();
    let spawned = Actor::spawn(None, Definition::default(), arguments).await;
    let (factory, ended) = spawned.expect("the factory starts");
    let started = Instant::now();
    in_parallel(jobs, callers, |share| {
        let factory = factory.clone();
        async move {
            for n in 0..share {
                let call = factory.call_job((), |reply_to| Ask(n, reply_to), None);
                match call.await {
                    Ok(CallResult::Success(answer)) => assert_eq!(answer, n),
                    other => panic!("it answers: {other:?}"),
                }
            }
        }
    })
    .await;
    let took = started.elapsed();
    factory.stop(None);
    ended.await.expect("it ends");
    took
}
