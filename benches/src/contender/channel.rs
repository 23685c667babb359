//! A task on a bare bounded tokio channel, with a oneshot for answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::contender::Contender;
use crate::counting::Count;
use crate::runtime::{Latch, in_parallel, on_two_workers};
use crate::work::{
    BIG_MAILBOX, BIG_MEMBERS, MAILBOX, Outcome, Pinger, RING_MEMBERS, RING_TOKENS, TELL_CAPACITY,
    Work, first_member, shares, waves,
};

/// tokio's channel, on two workers.
#[derive(Debug)]
pub(super) struct Channel;

impl Contender for Channel {
    fn name(&self) -> &'static str {
        "channel"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        match work {
            Work::Tell {
                producers,
                messages,
            } => Some(Outcome::Took(on_two_workers(tell(producers, messages)))),
            Work::Ask { callers, asks, .. } => {
                Some(Outcome::Took(on_two_workers(ask(callers, asks))))
            }
            Work::Ring { hops } => Some(Outcome::Took(on_two_workers(ring(hops)))),
            Work::Big { pings } => Some(Outcome::Took(on_two_workers(big(pings)))),
            Work::SpawnStop { actors, wave, .. } => {
                Some(Outcome::Took(on_two_workers(spawn_stop(actors, wave))))
            }
            Work::Idle { actors } => on_two_workers(idle(actors)).map(Outcome::Bytes),
            Work::Pool { .. } | Work::Restart { .. } | Work::Group { .. } | Work::Swarm { .. } => {
                None
            }
        }
    }
}

enum Command {
    Add(u64),
    Total(oneshot::Sender<u64>),
}

fn counter(capacity: usize) -> mpsc::Sender<Command> {
    let (tx, mut rx) = mpsc::channel(capacity);
    tokio::spawn(async move {
        let mut total = 0;
        while let Some(command) = rx.recv().await {
            match command {
                Command::Add(n) => total += n,
                // A caller that went away wants no answer.
                Command::Total(reply_to) => drop(reply_to.send(total)),
            }
        }
    });
    tx
}

async fn total(counter: &mpsc::Sender<Command>) -> u64 {
    let (reply_to, reply) = oneshot::channel();
    counter
        .send(Command::Total(reply_to))
        .await
        .expect("the counter runs");
    reply.await.expect("the counter answers")
}

async fn tell(producers: usize, messages: u64) -> Duration {
    let counter = counter(TELL_CAPACITY);
    let started = Instant::now();
    in_parallel(messages, producers, |share| {
        let counter = counter.clone();
        async move {
            for _ in 0..share {
                counter
                    .send(Command::Add(1))
                    .await
                    .expect("the counter runs");
            }
        }
    })
    .await;
    let handled = total(&counter).await;
    let took = started.elapsed();
    assert_eq!(handled, messages, "every message was handled");
    took
}

async fn ask(callers: usize, asks: u64) -> Duration {
    let counter = counter(MAILBOX);
    let started = Instant::now();
    in_parallel(asks, callers, |share| {
        let counter = counter.clone();
        async move {
            for _ in 0..share {
                assert_eq!(total(&counter).await, 0);
            }
        }
    })
    .await;
    started.elapsed()
}

struct Token {
    hops_left: u64,
}

async fn ring(hops: u64) -> Duration {
    let (members, receivers): (Vec<_>, Vec<_>) = (0..RING_MEMBERS)
        .map(|_| mpsc::channel::<Token>(MAILBOX))
        .unzip();
    let arrived = Latch::new(RING_TOKENS);
    for (me, mut rx) in receivers.into_iter().enumerate() {
        let next = members[(me + 1) % RING_MEMBERS].clone();
        let arrived = Arc::clone(&arrived);
        tokio::spawn(async move {
            while let Some(token) = rx.recv().await {
                match token.hops_left.checked_sub(1) {
                    Some(hops_left) => next
                        .send(Token { hops_left })
                        .await
                        .expect("the ring is closed"),
                    None => arrived.count_down(),
                }
            }
        });
    }
    let started = Instant::now();
    for (token, hops_left) in shares(hops, RING_TOKENS).enumerate() {
        members[first_member(token)]
            .send(Token { hops_left })
            .await
            .expect("the ring runs");
    }
    arrived.opened().await;
    started.elapsed()
}

enum Play {
    Ping { from: usize },
    Pong,
}

async fn big(pings: u64) -> Duration {
    let (members, receivers): (Vec<_>, Vec<_>) = (0..BIG_MEMBERS)
        .map(|_| mpsc::channel::<Play>(BIG_MAILBOX))
        .unzip();
    let members: Arc<[_]> = members.into();
    let done = Latch::new(BIG_MEMBERS);
    let players = receivers.into_iter().zip(shares(pings, BIG_MEMBERS));
    for (me, (mut rx, share)) in players.enumerate() {
        let others = Arc::clone(&members);
        let done = Arc::clone(&done);
        let mut pinger = Pinger::new(me, share);
        tokio::spawn(async move {
            while let Some(play) = rx.recv().await {
                let (to, answer) = match play {
                    Play::Ping { from } => (from, Play::Pong),
                    Play::Pong => match pinger.on_pong() {
                        Some(other) => (other, Play::Ping { from: me }),
                        None => {
                            done.count_down();
                            continue;
                        }
                    },
                };
                others[to].send(answer).await.expect("all members run");
            }
        });
    }
    let started = Instant::now();
    for member in members.iter() {
        member.send(Play::Pong).await.expect("all members run");
    }
    done.opened().await;
    started.elapsed()
}

fn idler(is_up: Option<Arc<Latch>>) -> (mpsc::Sender<Command>, JoinHandle<()>) {
    let (tx, mut rx) = mpsc::channel(MAILBOX);
    let task = tokio::spawn(async move {
        if let Some(is_up) = is_up {
            is_up.count_down();
        }
        let mut total = 0;
        while let Some(command) = rx.recv().await {
            match command {
                Command::Add(n) => total += n,
                Command::Total(reply_to) => drop(reply_to.send(total)),
            }
        }
    });
    (tx, task)
}

async fn spawn_stop(actors: u64, wave: u64) -> Duration {
    let started = Instant::now();
    for wave in waves(actors, wave) {
        let (senders, tasks): (Vec<_>, Vec<_>) = (0..wave).map(|_| idler(None)).unzip();
        // The last sender of each is gone, so each loop ends.
        drop(senders);
        for task in tasks {
            task.await.expect("an idle task ends well");
        }
    }
    started.elapsed()
}

async fn idle(actors: u64) -> Option<u64> {
    let actors = usize::try_from(actors).expect("as many as fit into memory");
    let mut alive = Vec::with_capacity(actors);
    let is_up = Latch::new(actors);
    let count = Count::start()?;
    for _ in 0..actors {
        let (sender, _) = idler(Some(Arc::clone(&is_up)));
        alive.push(sender);
    }
    is_up.opened().await;
    Some(count.finish())
}
