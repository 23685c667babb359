//! actix with one arbiter, its callers on the same thread.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use actix::prelude::{Actor, ActorContext, Addr, Context, Handler, Message, SendError};

use crate::contender::Contender;
use crate::counting::Count;
use crate::runtime::Latch;
use crate::work::{
    BIG_MAILBOX, BIG_MEMBERS, MAILBOX, Outcome, Pinger, RING_MEMBERS, RING_TOKENS, TELL_CAPACITY,
    Work, first_member, shares, waves,
};

/// actix, on one thread.
#[derive(Debug)]
pub(super) struct Actix;

impl Contender for Actix {
    fn name(&self) -> &'static str {
        "actix"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        match work {
            Work::Tell {
                producers,
                messages,
            } => Some(Outcome::Took(on_one_arbiter(move || {
                tell(producers, messages)
            }))),
            Work::Ask { callers, asks, .. } => {
                Some(Outcome::Took(on_one_arbiter(move || ask(callers, asks))))
            }
            Work::Ring { hops } => Some(Outcome::Took(on_one_arbiter(move || ring(hops)))),
            Work::Big { pings } => Some(Outcome::Took(on_one_arbiter(move || big(pings)))),
            Work::SpawnStop { actors, wave, .. } => {
                Some(Outcome::Took(on_one_arbiter(move || {
                    spawn_stop(actors, wave)
                })))
            }
            Work::Idle { actors } => on_one_arbiter(move || idle(actors)).map(Outcome::Bytes),
            Work::Pool { .. } | Work::Restart { .. } | Work::Group { .. } | Work::Swarm { .. } => {
                None
            }
        }
    }
}

/// Runs a workload on a fresh `System` on a thread of its own.
fn on_one_arbiter<F, Workload>(workload: F) -> Workload::Output
where
    F: FnOnce() -> Workload + Send + 'static,
    Workload: Future,
    Workload::Output: Send + 'static,
{
    thread::spawn(|| actix::System::new().block_on(async { workload().await }))
        .join()
        .expect("the workload panicked")
}

/// Divides operations among tasks of this arbiter, and waits for all.
async fn in_turns<F, Task>(operations: u64, tasks: usize, mut task: F)
where
    F: FnMut(u64) -> Task,
    Task: Future<Output = ()> + 'static,
{
    let running: Vec<_> = shares(operations, tasks)
        .map(|share| actix::spawn(task(share)))
        .collect();
    for task in running {
        task.await.expect("a task of the workload panicked");
    }
}

struct Counter {
    capacity: usize,
    total: u64,
    has_ended: Option<Arc<Latch>>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Add(u64);

#[derive(Message)]
#[rtype(result = "u64")]
struct Total;

#[derive(Message)]
#[rtype(result = "()")]
struct Stop;

impl Counter {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            total: 0,
            has_ended: None,
        }
    }
}

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.set_mailbox_capacity(self.capacity);
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        if let Some(has_ended) = &self.has_ended {
            has_ended.count_down();
        }
    }
}

impl Handler<Add> for Counter {
    type Result = ();

    fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) {
        self.total += n;
    }
}

impl Handler<Total> for Counter {
    type Result = u64;

    fn handle(&mut self, _: Total, _: &mut Context<Self>) -> u64 {
        self.total
    }
}

impl Handler<Stop> for Counter {
    type Result = ();

    fn handle(&mut self, _: Stop, cx: &mut Context<Self>) {
        cx.stop();
    }
}

async fn total(counter: &Addr<Counter>) -> u64 {
    counter.send(Total).await.expect("the counter answers")
}

/// Tells without waiting for the message to be handled. actix has no such call
/// for a full mailbox, so the teller lets the actor run and tries again.
async fn add(counter: &Addr<Counter>, n: u64) {
    let mut add = Add(n);
    loop {
        match counter.try_send(add) {
            Ok(()) => return,
            Err(SendError::Full(refused)) => add = refused,
            Err(SendError::Closed(_)) => panic!("the counter runs"),
        }
        tokio::task::yield_now().await;
    }
}

async fn tell(producers: usize, messages: u64) -> Duration {
    let counter = Counter::new(TELL_CAPACITY).start();
    // Its first answer: it has started, and its capacity is set.
    assert_eq!(total(&counter).await, 0);
    let started = Instant::now();
    in_turns(messages, producers, |share| {
        let counter = counter.clone();
        async move {
            for _ in 0..share {
                add(&counter, 1).await;
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
    let counter = Counter::new(MAILBOX).start();
    assert_eq!(total(&counter).await, 0);
    let started = Instant::now();
    in_turns(asks, callers, |share| {
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

#[derive(Message)]
#[rtype(result = "()")]
struct Token {
    hops_left: u64,
}

struct Link {
    me: usize,
    ring: Arc<OnceLock<Vec<Addr<Link>>>>,
    arrived: Arc<Latch>,
}

impl Actor for Link {
    type Context = Context<Self>;

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Token> for Link {
    type Result = ();

    fn handle(&mut self, token: Token, _: &mut Context<Self>) {
        match token.hops_left.checked_sub(1) {
            Some(hops_left) => {
                let ring = self.ring.get().expect("closed before the first token");
                ring[(self.me + 1) % RING_MEMBERS].do_send(Token { hops_left });
            }
            None => self.arrived.count_down(),
        }
    }
}

async fn ring(hops: u64) -> Duration {
    let ring = Arc::new(OnceLock::new());
    let arrived = Latch::new(RING_TOKENS);
    let members: Vec<_> = (0..RING_MEMBERS)
        .map(|me| {
            let link = Link {
                me,
                ring: Arc::clone(&ring),
                arrived: Arc::clone(&arrived),
            };
            link.start()
        })
        .collect();
    let members = ring.get_or_init(|| members);
    // All of them start before this task goes on.
    tokio::task::yield_now().await;
    let started = Instant::now();
    for (token, hops_left) in shares(hops, RING_TOKENS).enumerate() {
        members[first_member(token)].do_send(Token { hops_left });
    }
    arrived.opened().await;
    started.elapsed()
}

#[derive(Message)]
#[rtype(result = "()")]
enum Play {
    Ping { from: usize },
    Pong,
}

struct Player {
    me: usize,
    pinger: Pinger,
    others: Arc<OnceLock<Vec<Addr<Player>>>>,
    done: Arc<Latch>,
}

impl Actor for Player {
    type Context = Context<Self>;

    fn started(&mut self, cx: &mut Context<Self>) {
        cx.set_mailbox_capacity(BIG_MAILBOX);
    }
}

impl Handler<Play> for Player {
    type Result = ();

    fn handle(&mut self, play: Play, _: &mut Context<Self>) {
        let (to, answer) = match play {
            Play::Ping { from } => (from, Play::Pong),
            Play::Pong => match self.pinger.on_pong() {
                Some(other) => (other, Play::Ping { from: self.me }),
                None => return self.done.count_down(),
            },
        };
        let others = self.others.get().expect("all are there before the play");
        others[to].do_send(answer);
    }
}

async fn big(pings: u64) -> Duration {
    let others = Arc::new(OnceLock::new());
    let done = Latch::new(BIG_MEMBERS);
    let members: Vec<_> = shares(pings, BIG_MEMBERS)
        .enumerate()
        .map(|(me, share)| {
            let player = Player {
                me,
                pinger: Pinger::new(me, share),
                others: Arc::clone(&others),
                done: Arc::clone(&done),
            };
            player.start()
        })
        .collect();
    let members = others.get_or_init(|| members);
    tokio::task::yield_now().await;
    let started = Instant::now();
    for member in members {
        member.do_send(Play::Pong);
    }
    done.opened().await;
    started.elapsed()
}

async fn spawn_stop(actors: u64, wave: u64) -> Duration {
    let started = Instant::now();
    for wave in waves(actors, wave) {
        let wave = usize::try_from(wave).expect("as many as fit into memory");
        let has_ended = Latch::new(wave);
        let alive: Vec<_> = (0..wave)
            .map(|_| {
                let counter = Counter {
                    has_ended: Some(Arc::clone(&has_ended)),
                    ..Counter::new(MAILBOX)
                };
                counter.start()
            })
            .collect();
        for actor in &alive {
            actor.do_send(Stop);
        }
        has_ended.opened().await;
    }
    started.elapsed()
}

async fn idle(actors: u64) -> Option<u64> {
    let actors = usize::try_from(actors).expect("as many as fit into memory");
    let mut alive = Vec::with_capacity(actors);
    let count = Count::start()?;
    for _ in 0..actors {
        alive.push(Counter::new(MAILBOX).start());
    }
    for actor in &alive {
        assert_eq!(total(actor).await, 0);
    }
    Some(count.finish())
}
