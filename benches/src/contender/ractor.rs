//! ractor, with its default features.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};

use crate::contender::Contender;
use crate::counting::Count;
use crate::runtime::{Latch, in_parallel, on_two_workers};
use crate::work::{
    BIG_MEMBERS, Outcome, Pinger, RING_MEMBERS, RING_TOKENS, Work, first_member, shares, waves,
};

/// ractor, on two workers. Its mailboxes have no bound.
#[derive(Debug)]
pub(super) struct Ractor;

impl Contender for Ractor {
    fn name(&self) -> &'static str {
        "ractor"
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

struct Counter;

enum Command {
    Add(u64),
    Total(RpcReplyPort<u64>),
}

// `cluster` takes away the blanket impl that makes every type a message.
#[cfg(feature = "ractor-cluster")]
impl ractor::Message for Command {}

impl Actor for Counter {
    type Msg = Command;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Command>, (): ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<Command>,
        command: Command,
        total: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        match command {
            Command::Add(n) => *total += n,
            // A caller that went away wants no answer.
            Command::Total(reply_to) => drop(reply_to.send(*total)),
        }
        Ok(())
    }
}

async fn counter() -> ActorRef<Command> {
    let (counter, _) = Actor::spawn(None, Counter, ())
        .await
        .expect("the counter starts");
    counter
}

async fn total(counter: &ActorRef<Command>) -> u64 {
    match counter.call(Command::Total, None).await {
        Ok(CallResult::Success(total)) => total,
        _ => panic!("the counter answers"),
    }
}

async fn tell(producers: usize, messages: u64) -> Duration {
    let counter = counter().await;
    let started = Instant::now();
    in_parallel(messages, producers, |share| {
        let counter = counter.clone();
        async move {
            for _ in 0..share {
                counter.cast(Command::Add(1)).expect("the counter runs");
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
    let counter = counter().await;
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

#[cfg(feature = "ractor-cluster")]
impl ractor::Message for Token {}

struct Link {
    me: usize,
    ring: Arc<OnceLock<Vec<ActorRef<Token>>>>,
    arrived: Arc<Latch>,
}

impl Actor for Link {
    type Msg = Token;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Token>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Token>,
        token: Token,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match token.hops_left.checked_sub(1) {
            Some(hops_left) => {
                let ring = self.ring.get().expect("closed before the first token");
                ring[(self.me + 1) % RING_MEMBERS].cast(Token { hops_left })?;
            }
            None => self.arrived.count_down(),
        }
        Ok(())
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
        let (member, _) = Actor::spawn(None, link, ()).await.expect("a link starts");
        members.push(member);
    }
    let members = ring.get_or_init(|| members);
    let started = Instant::now();
    for (token, hops_left) in shares(hops, RING_TOKENS).enumerate() {
        members[first_member(token)]
            .cast(Token { hops_left })
            .expect("the ring runs");
    }
    arrived.opened().await;
    started.elapsed()
}

enum Play {
    Ping { from: usize },
    Pong,
}

#[cfg(feature = "ractor-cluster")]
impl ractor::Message for Play {}

struct Player {
    me: usize,
    others: Arc<OnceLock<Vec<ActorRef<Play>>>>,
    done: Arc<Latch>,
}

impl Actor for Player {
    type Msg = Play;
    type State = Pinger;
    type Arguments = Pinger;

    async fn pre_start(
        &self,
        _: ActorRef<Play>,
        pinger: Pinger,
    ) -> Result<Pinger, ActorProcessingErr> {
        Ok(pinger)
    }

    async fn handle(
        &self,
        _: ActorRef<Play>,
        play: Play,
        pinger: &mut Pinger,
    ) -> Result<(), ActorProcessingErr> {
        let (to, answer) = match play {
            Play::Ping { from } => (from, Play::Pong),
            Play::Pong => match pinger.on_pong() {
                Some(other) => (other, Play::Ping { from: self.me }),
                None => {
                    self.done.count_down();
                    return Ok(());
                }
            },
        };
        let others = self.others.get().expect("all are there before the play");
        others[to].cast(answer)?;
        Ok(())
    }
}

async fn big(pings: u64) -> Duration {
    let others = Arc::new(OnceLock::new());
    let done = Latch::new(BIG_MEMBERS);
    let mut members = Vec::with_capacity(BIG_MEMBERS);
    for (me, share) in shares(pings, BIG_MEMBERS).enumerate() {
        let player = Player {
            me,
            others: Arc::clone(&others),
            done: Arc::clone(&done),
        };
        let (member, _) = Actor::spawn(None, player, Pinger::new(me, share))
            .await
            .expect("a player starts");
        members.push(member);
    }
    let members = others.get_or_init(|| members);
    let started = Instant::now();
    for member in members {
        member.cast(Play::Pong).expect("all members run");
    }
    done.opened().await;
    started.elapsed()
}

async fn spawn_stop(actors: u64, wave: u64) -> Duration {
    let started = Instant::now();
    for wave in waves(actors, wave) {
        let mut alive = Vec::new();
        for _ in 0..wave {
            let actor = Actor::spawn(None, Counter, ())
                .await
                .expect("a counter starts");
            alive.push(actor);
        }
        for (actor, _) in &alive {
            actor.stop(None);
        }
        for (_, end) in alive {
            end.await.expect("a counter ends well");
        }
    }
    started.elapsed()
}

async fn idle(actors: u64) -> Option<u64> {
    let actors = usize::try_from(actors).expect("as many as fit into memory");
    let mut alive = Vec::with_capacity(actors);
    let count = Count::start()?;
    for _ in 0..actors {
        alive.push(counter().await);
    }
    // Started means that `pre_start` returned; each loop still has to be polled
    // to its first wait, and the answer to a call comes from there.
    for actor in &alive {
        assert_eq!(total(actor).await, 0);
    }
    Some(count.finish())
}
