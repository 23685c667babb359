//! kameo, with its default features.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::error::Infallible;
use kameo::mailbox::bounded;
use kameo::message::{Context, Message};
use kameo::supervision::SupervisionStrategy;

use crate::contender::Contender;
use crate::counting::Count;
use crate::crash::SCRIPTED_CRASH;
use crate::runtime::{Latch, Roll, in_parallel, on_two_workers};
use crate::work::{
    BIG_MAILBOX, BIG_MEMBERS, GROUP_MEMBERS, MAILBOX, Outcome, Pinger, RING_MEMBERS, RING_TOKENS,
    TELL_CAPACITY, Work, first_member, shares, waves,
};

/// kameo, on two workers.
#[derive(Debug)]
pub(super) struct Kameo;

impl Contender for Kameo {
    fn name(&self) -> &'static str {
        "kameo"
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
            Work::Group { crashes } => Some(on_two_workers(group(crashes))),
            Work::Pool { .. } | Work::Restart { .. } | Work::Swarm { .. } => None,
        }
    }
}

#[derive(Actor, Default)]
struct Counter {
    total: u64,
}

struct Add(u64);
struct Total;

impl Message<Add> for Counter {
    type Reply = ();

    async fn handle(&mut self, Add(n): Add, _: &mut Context<Self, ()>) {
        self.total += n;
    }
}

impl Message<Total> for Counter {
    type Reply = u64;

    async fn handle(&mut self, _: Total, _: &mut Context<Self, u64>) -> u64 {
        self.total
    }
}

// `send` and not the shorter `.await` on the request itself: that boxes it.
async fn total(counter: &ActorRef<Counter>) -> u64 {
    counter
        .ask(Total)
        .send()
        .await
        .expect("the counter answers")
}

async fn tell(producers: usize, messages: u64) -> Duration {
    let counter = Counter::spawn_with_mailbox(Counter::default(), bounded(TELL_CAPACITY));
    counter.wait_for_startup().await;
    let started = Instant::now();
    in_parallel(messages, producers, |share| {
        let counter = counter.clone();
        async move {
            for _ in 0..share {
                counter.tell(Add(1)).send().await.expect("the counter runs");
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
    let counter = Counter::spawn_with_mailbox(Counter::default(), bounded(MAILBOX));
    counter.wait_for_startup().await;
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

#[derive(Actor)]
struct Link {
    me: usize,
    ring: Arc<OnceLock<Vec<ActorRef<Link>>>>,
    arrived: Arc<Latch>,
}

impl Message<Token> for Link {
    type Reply = ();

    async fn handle(&mut self, token: Token, _: &mut Context<Self, ()>) {
        match token.hops_left.checked_sub(1) {
            Some(hops_left) => {
                let ring = self.ring.get().expect("closed before the first token");
                ring[(self.me + 1) % RING_MEMBERS]
                    .tell(Token { hops_left })
                    .send()
                    .await
                    .expect("the ring is closed");
            }
            None => self.arrived.count_down(),
        }
    }
}

async fn ring(hops: u64) -> Duration {
    let ring = Arc::new(OnceLock::new());
    let arrived = Latch::new(RING_TOKENS);
    let mut members = Vec::with_capacity(RING_MEMBERS);
    for me in 0..RING_MEMBERS {
        let link = Link {
            me,
            ring: Arc::clone(&ring),
            arrived: Arc::clone(&arrived),
        };
        let member = Link::spawn_with_mailbox(link, bounded(MAILBOX));
        member.wait_for_startup().await;
        members.push(member);
    }
    let members = ring.get_or_init(|| members);
    let started = Instant::now();
    for (token, hops_left) in shares(hops, RING_TOKENS).enumerate() {
        members[first_member(token)]
            .tell(Token { hops_left })
            .send()
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

#[derive(Actor)]
struct Player {
    me: usize,
    pinger: Pinger,
    others: Arc<OnceLock<Vec<ActorRef<Player>>>>,
    done: Arc<Latch>,
}

impl Message<Play> for Player {
    type Reply = ();

    async fn handle(&mut self, play: Play, _: &mut Context<Self, ()>) {
        let (to, answer) = match play {
            Play::Ping { from } => (from, Play::Pong),
            Play::Pong => match self.pinger.on_pong() {
                Some(other) => (other, Play::Ping { from: self.me }),
                None => return self.done.count_down(),
            },
        };
        let others = self.others.get().expect("all are there before the play");
        others[to]
            .tell(answer)
            .send()
            .await
            .expect("all members run");
    }
}

async fn big(pings: u64) -> Duration {
    let others = Arc::new(OnceLock::new());
    let done = Latch::new(BIG_MEMBERS);
    let mut members = Vec::with_capacity(BIG_MEMBERS);
    for (me, share) in shares(pings, BIG_MEMBERS).enumerate() {
        let player = Player {
            me,
            pinger: Pinger::new(me, share),
            others: Arc::clone(&others),
            done: Arc::clone(&done),
        };
        let member = Player::spawn_with_mailbox(player, bounded(BIG_MAILBOX));
        member.wait_for_startup().await;
        members.push(member);
    }
    let members = others.get_or_init(|| members);
    let started = Instant::now();
    for member in members {
        member
            .tell(Play::Pong)
            .send()
            .await
            .expect("all members run");
    }
    done.opened().await;
    started.elapsed()
}

async fn spawn_stop(actors: u64, wave: u64) -> Duration {
    let started = Instant::now();
    for wave in waves(actors, wave) {
        let mut alive = Vec::new();
        for _ in 0..wave {
            let actor = Counter::spawn_with_mailbox(Counter::default(), bounded(MAILBOX));
            actor.wait_for_startup().await;
            alive.push(actor);
        }
        for actor in &alive {
            actor.stop_gracefully().await.expect("a counter runs");
        }
        for actor in alive {
            actor.wait_for_shutdown().await;
        }
    }
    started.elapsed()
}

async fn idle(actors: u64) -> Option<u64> {
    let actors = usize::try_from(actors).expect("as many as fit into memory");
    let mut alive = Vec::with_capacity(actors);
    let count = Count::start()?;
    for _ in 0..actors {
        let actor = Counter::spawn_with_mailbox(Counter::default(), bounded(MAILBOX));
        actor.wait_for_startup().await;
        alive.push(actor);
    }
    Some(count.finish())
}

struct Group;

impl Actor for Group {
    type Args = ();
    type Error = Infallible;

    fn supervision_strategy() -> SupervisionStrategy {
        SupervisionStrategy::OneForAll
    }

    async fn on_start((): (), _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

/// Says when it is there, and falls over when it is told to.
struct Member;

impl Actor for Member {
    type Args = Arc<Roll>;
    type Error = Infallible;

    async fn on_start(roll: Arc<Roll>, _: ActorRef<Self>) -> Result<Self, Infallible> {
        roll.arrive();
        Ok(Self)
    }
}

struct Crash;

impl Message<Crash> for Member {
    type Reply = ();

    async fn handle(&mut self, _: Crash, _: &mut Context<Self, ()>) {
        std::panic::panic_any(SCRIPTED_CRASH)
    }
}

async fn group(crashes: u64) -> Outcome {
    let roll = Roll::new(GROUP_MEMBERS);
    let group = Group::spawn(());
    let mut members = Vec::new();
    for _ in 0..GROUP_MEMBERS {
        let member = Member::supervise(&group, Arc::clone(&roll))
            // No member crashes ten thousand times in a millisecond.
            .restart_limit(10_000, Duration::from_millis(1));
        members.push(member.spawn_with_mailbox(bounded(MAILBOX)).await);
    }
    roll.complete().await;
    let mut waits = Vec::new();
    for _ in 0..crashes {
        let began = Instant::now();
        members[0].tell(Crash).await.expect("its mailbox stays");
        roll.complete().await;
        waits.push(began.elapsed());
    }
    Outcome::waited(waits)
}
