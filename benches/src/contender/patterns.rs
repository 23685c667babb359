//! Patterns: callboard's, and the same by hand on tokio.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use callboard::actor::Worker;
use callboard::coordination::conversation::Turn;
use callboard::coordination::graph::{Graph, Task, graph};
use callboard::coordination::hub::HubReport;
use callboard::coordination::market::{Bid, Bidder, CallForProposals, Terms, market};
use callboard::coordination::states::{State, StateMachine};
use callboard::coordination::task::TaskRecord;
use callboard::coordination::{Pipeline, debate, hub, pipeline, scatter, state_machine, vote};
use callboard::prelude::*;
use tokio::sync::{mpsc, oneshot};

use crate::contender::{Contender, streams};
use crate::runtime::{on_this_thread, on_two_workers};
use crate::work::{ABREAST, MAILBOX, NODES, Outcome, Shape, Steps, Work};

/// Adds one.
struct Adds;

impl Worker for Adds {
    type In = u64;
    type Out = u64;

    async fn work(&mut self, n: u64, _: &mut Context<Self>) -> Result<u64, Fault> {
        Ok(n + 1)
    }
}

pub(super) async fn worker(of: Steps, at: u64, system: &System) -> WorkerRef<u64, u64> {
    match of {
        Steps::Functions => WorkerRef::from_fn("adds", |n: u64| async move { Ok(n + 1) }),
        Steps::Actors => {
            let spec = ChildSpec::new(format!("adds-{at}"), || Adds).mailbox(MAILBOX);
            system.spawn(spec).await.expect("the worker starts").into()
        }
    }
}

pub(super) async fn callboard(shape: Shape, of: Steps, steps: u64) -> Duration {
    let system = System::new("patterns");
    let mut workers = Vec::new();
    for at in 0..shape.workers() {
        workers.push(worker(of, at, &system).await);
    }
    let pattern = match shape {
        Shape::Pipeline => {
            let stage = |line: Pipeline<u64, u64>, worker| line.then("adds", worker);
            let line = workers.into_iter().fold(pipeline("line"), stage);
            line.start(&system).await
        }
        Shape::Scatter => {
            scatter(workers)
                .concurrency(shape.workers() as usize)
                .combine(|answers| Ok(answers.into_values().into_iter().sum()))
                .start(&system, "all")
                .await
        }
        Shape::Graph => sums(wide(workers), &system).await,
        Shape::States => value(in_a_row(workers), &system).await,
        Shape::Hub => desk(workers, &system).await,
        Shape::Vote => agreed(workers, &system).await,
        Shape::Debate => argued(workers, &system).await,
        Shape::Auction => awarded(workers, &system).await,
    };
    let pattern = pattern.expect("the pattern starts");
    let started = Instant::now();
    for n in 0..runs(shape, steps) {
        let served = pattern.ask(n).await.expect("it answers");
        assert_eq!(served.value, expected(shape, n));
    }
    started.elapsed()
}

/// A graph of these workers, [`ABREAST`] at once.
fn wide(workers: Vec<WorkerRef<u64, u64>>) -> Graph<u64> {
    let tasks = workers.into_iter().zip(0..).map(|(worker, at): (_, u64)| {
        let task = Task::new(format!("task-{at}"), worker);
        match at.checked_sub(ABREAST) {
            Some(before) => task.after(format!("task-{before}")),
            None => task,
        }
    });
    let all = tasks.fold(graph("wide"), |all, task| all.task(task));
    all.build().expect("the graph is right")
}

/// The sum of all answers of a graph.
async fn sums(graph: Graph<u64>, system: &System) -> Result<WorkerRef<u64, u64>, StartError> {
    let graph = graph.start(system).await?;
    Ok(WorkerRef::from_fn("sums", move |n| {
        let graph = graph.clone();
        async move { Ok(graph.ask(n).await?.value.answers.values().sum()) }
    }))
}

/// A state for each worker, one after the other.
fn in_a_row(workers: Vec<WorkerRef<u64, u64>>) -> StateMachine<u64> {
    let end = workers.len();
    let states = workers.into_iter().enumerate().map(|(at, worker)| {
        let state = State::new(at.to_string(), worker);
        state.then((at + 1).to_string())
    });
    let all = states.fold(state_machine("row"), |all, state| all.state(state));
    let all = all.state(State::end(end.to_string())).build();
    all.expect("the machine is right")
}

/// The data at the end of a state machine.
async fn value(
    machine: StateMachine<u64>,
    system: &System,
) -> Result<WorkerRef<u64, u64>, StartError> {
    let machine = machine.start(system).await?;
    Ok(WorkerRef::from_fn("value", move |n| {
        let machine = machine.clone();
        async move { Ok(machine.ask(n).await?.value.value) }
    }))
}

/// A hub that has a task done for each worker, by four of them.
async fn desk(
    workers: Vec<WorkerRef<u64, u64>>,
    system: &System,
) -> Result<WorkerRef<u64, u64>, StartError> {
    let tasks = workers.len();
    let plan = WorkerRef::from_fn("plan", move |n: u64| async move {
        let task = |at| TaskRecord::new(format!("task-{at}"), "add", n);
        Ok((0..tasks).map(task).collect::<Vec<_>>())
    });
    let spokes = workers.into_iter().take(4).zip(0..);
    let desk = spokes.fold(hub("desk", plan), |desk, (worker, at): (_, u64)| {
        desk.spoke(format!("adds-{at}"), ["add"], worker)
    });
    let sum = |report: HubReport<u64>| Ok(report.answers().map(|(_, n)| n).sum());
    let desk = desk.check(|_, n| if *n > 0 { 1.0 } else { 0.0 });
    desk.at_least(0.5).synthesize(sum).start(system).await
}

/// What all of these judges say: the last one decides.
async fn agreed(
    judges: Vec<WorkerRef<u64, u64>>,
    system: &System,
) -> Result<WorkerRef<u64, u64>, StartError> {
    let named = judges
        .iter()
        .zip(0..)
        .map(|(judge, at): (_, u64)| judge.named(format!("judge-{at}")));
    let all = vote(named).quorum(1.0).concurrency(judges.len());
    let all = all.start(system, "all").await?;
    Ok(all.map(|verdict| verdict.decision.expect("they agree")))
}

/// What the last of them says, who are all asked about the topic.
async fn argued(
    sides: Vec<WorkerRef<u64, u64>>,
    system: &System,
) -> Result<WorkerRef<u64, u64>, StartError> {
    let named = sides.into_iter().zip(0..).map(|(side, at): (_, u64)| {
        let speaks = WorkerRef::from_fn("speaks", move |turn: Turn<u64, u64>| {
            let side = side.clone();
            async move { Ok(side.ask(*turn.topic()).await?.value) }
        });
        (format!("side-{at}"), speaks)
    });
    let all = debate(named).rounds(1).start(system, "all").await?;
    Ok(all.map(|debated| {
        let last = debated.transcript.statements().next_back();
        *last.expect("they speak").1
    }))
}

/// What the best of these bidders does: each asks a little more than the one before.
async fn awarded(
    workers: Vec<WorkerRef<u64, u64>>,
    system: &System,
) -> Result<WorkerRef<u64, u64>, StartError> {
    let concurrency = workers.len();
    let bidders = workers.into_iter().zip(0_u32..).map(|(worker, at)| {
        let bid = Bid::new(f64::from(at), Duration::from_secs(1), 0.5);
        let bids = move |_: CallForProposals<u64>| async move { Ok(bid) };
        Bidder::new(
            format!("bidder-{at}"),
            WorkerRef::from_fn("bids", bids),
            worker,
        )
    });
    let tender = market("tender").terms(Terms::new(1_000.0, Duration::from_secs(60)));
    let tender = bidders.fold(tender.concurrency(concurrency), |tender, bidder| {
        tender.bidder(bidder)
    });
    Ok(tender.start(system).await?.map(|done| done.value))
}

fn runs(shape: Shape, steps: u64) -> u64 {
    steps.div_ceil(shape.workers())
}

fn expected(shape: Shape, n: u64) -> u64 {
    match shape {
        Shape::Pipeline | Shape::States => n + shape.workers(),
        Shape::Scatter | Shape::Hub => (n + 1) * shape.workers(),
        Shape::Vote | Shape::Debate | Shape::Auction => n + 1,
        // Each row adds one to the row before.
        Shape::Graph => (1..=NODES / ABREAST).map(|row| (n + row) * ABREAST).sum(),
    }
}

/// What a call by hand is: boxed, since its kind is not known when it is made.
type Call = Pin<Box<dyn Future<Output = u64> + Send>>;

/// A worker by hand.
enum Hand {
    Function,
    Task(mpsc::Sender<(u64, oneshot::Sender<u64>)>),
}

impl Hand {
    fn new(of: Steps) -> Self {
        if of == Steps::Functions {
            return Self::Function;
        }
        let (tx, mut rx) = mpsc::channel::<(u64, oneshot::Sender<u64>)>(MAILBOX);
        tokio::spawn(async move {
            while let Some((n, reply_to)) = rx.recv().await {
                // A caller that went away wants no answer.
                let _ = reply_to.send(n + 1);
            }
        });
        Self::Task(tx)
    }

    fn call(&self, n: u64) -> Call {
        match self {
            Self::Function => Box::pin(async move { n + 1 }),
            Self::Task(task) => {
                let task = task.clone();
                Box::pin(async move {
                    let (reply_to, reply) = oneshot::channel();
                    task.send((n, reply_to)).await.expect("the task runs");
                    reply.await.expect("it answers")
                })
            }
        }
    }
}

/// The sum of what all say, polled together as a joined future does.
async fn all(mut calls: Vec<Call>) -> u64 {
    let mut sum = 0;
    std::future::poll_fn(move |task| {
        calls.retain_mut(|call| match call.as_mut().poll(task) {
            Poll::Ready(n) => {
                sum += n;
                false
            }
            Poll::Pending => true,
        });
        if calls.is_empty() {
            Poll::Ready(sum)
        } else {
            Poll::Pending
        }
    })
    .await
}

/// The same work on bare tokio.
#[derive(Debug)]
pub(super) struct ByHand;

impl Contender for ByHand {
    fn name(&self) -> &'static str {
        "by-hand"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        if let Work::Stream { of, items } = work {
            return Some(Outcome::Took(on_two_workers(streams::by_hand(of, items))));
        }
        let Work::Pattern { shape, of, steps } = work else {
            return None;
        };
        Some(Outcome::Took(on_this_thread(async move {
            let hands: Vec<Hand> = (0..shape.workers()).map(|_| Hand::new(of)).collect();
            let started = Instant::now();
            for n in 0..runs(shape, steps) {
                let answer = match shape {
                    Shape::Scatter => all(hands.iter().map(|hand| hand.call(n)).collect()).await,
                    Shape::Vote | Shape::Debate => {
                        let said = all(hands.iter().map(|hand| hand.call(n)).collect()).await;
                        said / shape.workers()
                    }
                    Shape::Auction => {
                        let bids = hands.iter().map(|hand| hand.call(n)).collect();
                        all(bids).await;
                        hands[0].call(n).await
                    }
                    Shape::Pipeline | Shape::States => {
                        let mut n = n;
                        for hand in &hands {
                            n = hand.call(n).await;
                        }
                        n
                    }
                    Shape::Hub => {
                        let mut sum = 0;
                        for hand in &hands {
                            sum += hand.call(n).await;
                        }
                        sum
                    }
                    Shape::Graph => {
                        let mut row = vec![n; ABREAST as usize];
                        let mut sum = 0;
                        for (hand, at) in hands.iter().zip((0..row.len()).cycle()) {
                            row[at] = hand.call(row[at]).await;
                            sum += row[at];
                        }
                        sum
                    }
                };
                assert_eq!(answer, expected(shape, n));
            }
            started.elapsed()
        })))
    }
}
