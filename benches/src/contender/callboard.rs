//! callboard.
//!
//! References are made before their actors, so a ring or a crowd needs no
//! second step to learn its members. Actors of one kind come from a template.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use callboard::actor::{Job, WorkerCommand};
use callboard::prelude::*;

use crate::contender::{Contender, limits, patterns, pools, routes, streams};
use crate::counting::Count;
use crate::crash::SCRIPTED_CRASH;
use crate::runtime::{Latch, Roll, in_parallel, on_this_thread, on_two_workers};
use crate::work::{
    BIG_MAILBOX, BIG_MEMBERS, Deadline, GROUP_MEMBERS, Guard, Keeper, MAILBOX, Outcome, Pinger,
    RING_MEMBERS, RING_TOKENS, TELL_CAPACITY, TRIPS_AT, Work, first_member, shares, waves,
};

/// callboard, on two workers.
#[derive(Debug)]
pub(super) struct Callboard;

impl Contender for Callboard {
    fn name(&self) -> &'static str {
        "callboard"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        match work {
            Work::Tell {
                producers,
                messages,
            } => Some(Outcome::Took(on_two_workers(tell(producers, messages)))),
            Work::Ask {
                callers,
                asks,
                deadline,
            } => Some(Outcome::Took(on_two_workers(ask(callers, asks, deadline)))),
            Work::Permit { calls } => Some(Outcome::Took(permits(calls))),
            Work::Retry { calls } => Some(Outcome::Took(on_this_thread(retries(calls)))),
            Work::Guarded { asks, by } => Some(Outcome::Took(on_this_thread(async move {
                match by {
                    Guard::DoorAndDeadline => past_door_and_deadline(asks).await,
                    Guard::Worker => past_a_breaker(asks).await,
                    Guard::All => past_all(asks).await,
                }
            }))),
            Work::Pool { callers, jobs } => {
                Some(Outcome::Took(on_two_workers(pools::pool(callers, jobs))))
            }
            Work::Ring { hops } => Some(Outcome::Took(on_two_workers(ring(hops)))),
            Work::Big { pings } => Some(Outcome::Took(on_two_workers(big(pings)))),
            Work::SpawnStop {
                actors,
                wave,
                keeper,
            } => Some(Outcome::Took(match keeper {
                Keeper::Nobody => on_two_workers(spawn_stop_detached(actors, wave)),
                Keeper::Supervisor => on_two_workers(spawn_stop_supervised(actors, wave)),
            })),
            Work::Idle { actors } => on_two_workers(idle(actors)).map(Outcome::Bytes),
            Work::Restart { crashes } => Some(on_two_workers(restart(crashes))),
            Work::Group { crashes } => Some(on_two_workers(group(crashes))),
            Work::Swarm { actors } => Some(on_two_workers(swarm(actors))),
            Work::Pattern { shape, of, steps } => Some(Outcome::Took(on_this_thread(
                patterns::callboard(shape, of, steps),
            ))),
            Work::Stream { of, items } => {
                Some(Outcome::Took(on_two_workers(streams::callboard(of, items))))
            }
            Work::Route { by, decisions } => Some(Outcome::Took(routes::decisions(by, decisions))),
            Work::Bus { deliveries } => Some(Outcome::Took(routes::events(deliveries))),
            Work::Limit { limit, decisions } => Some(Outcome::Took(limits::run(limit, decisions))),
        }
    }
}

#[derive(Default)]
struct Counter {
    total: u64,
}

enum Command {
    Add(u64),
    Total(Reply<u64>),
}

impl Actor for Counter {
    type Msg = Command;

    async fn handle(&mut self, command: Command, _: &mut Context<Self>) -> Result<(), BoxError> {
        match command {
            Command::Add(n) => self.total += n,
            Command::Total(reply_to) => reply_to.send(self.total),
        }
        Ok(())
    }
}

async fn counter(system: &System, capacity: usize) -> ActorRef<Command> {
    let spec = ChildSpec::new("counter", Counter::default).mailbox(capacity);
    system.spawn(spec).await.expect("the counter starts")
}

async fn total(counter: &ActorRef<Command>, deadline: Deadline) -> u64 {
    let ask = counter.ask(Command::Total);
    let answer = match deadline {
        Deadline::None => ask.no_deadline().await,
        Deadline::Default => ask.await,
    };
    answer.expect("the counter answers")
}

async fn tell(producers: usize, messages: u64) -> Duration {
    let system = System::new("tell");
    let counter = counter(&system, TELL_CAPACITY).await;
    let started = Instant::now();
    in_parallel(messages, producers, |share| {
        let counter = counter.clone();
        async move {
            for _ in 0..share {
                counter
                    .tell(Command::Add(1))
                    .await
                    .expect("the counter runs");
            }
        }
    })
    .await;
    let handled = total(&counter, Deadline::None).await;
    let took = started.elapsed();
    assert_eq!(handled, messages, "every message was handled");
    took
}

async fn ask(callers: usize, asks: u64, deadline: Deadline) -> Duration {
    let system = System::new("ask");
    let counter = counter(&system, MAILBOX).await;
    let started = Instant::now();
    in_parallel(asks, callers, |share| {
        let counter = counter.clone();
        async move {
            for _ in 0..share {
                assert_eq!(total(&counter, deadline).await, 0);
            }
        }
    })
    .await;
    started.elapsed()
}

fn permits(calls: u64) -> Duration {
    let breaker = Breaker::new("it", Breaker::consecutive(TRIPS_AT));
    let began = Instant::now();
    for call in 0..calls {
        let permit = breaker.try_acquire().expect("it is closed");
        std::hint::black_box(call);
        permit.success();
    }
    began.elapsed()
}

struct Echo;

impl Worker for Echo {
    type In = u64;
    type Out = u64;

    async fn work(&mut self, input: u64, _: &mut Context<Self>) -> Result<u64, Fault> {
        Ok(input)
    }
}

async fn retries(calls: u64) -> Duration {
    let retry = Retry::exponential(ms(100)..=secs(10)).jitter();
    let retrier = Retrier::new("ready", retry);
    let started = Instant::now();
    for call in 0..calls {
        let answer = retrier.run(|_| async move { Ok::<_, Fault>(std::hint::black_box(call)) });
        assert_eq!(answer.await.expect("it succeeds").value, call);
    }
    started.elapsed()
}

type EchoRef = ActorRef<WorkerCommand<u64, u64>>;

async fn echo(system: &System, spec: ChildSpec<Echo>) -> EchoRef {
    system.spawn(spec).await.expect("it starts")
}

async fn plainly(actor: &EchoRef, deadline: Deadline) -> u64 {
    let ask = actor.ask(|reply_to| Job { input: 1, reply_to }.into());
    let answer = match deadline {
        Deadline::None => ask.no_deadline().await,
        Deadline::Default => ask.await,
    };
    answer.expect("it answers").expect("it has no faults").value
}

async fn past_door_and_deadline(asks: u64) -> Duration {
    let system = System::new("guarded");
    let bare = echo(&system, ChildSpec::new("bare", || Echo)).await;
    let spec = ChildSpec::new("guarded", || Echo).breaker(Breaker::consecutive(TRIPS_AT));
    let guarded = echo(&system, spec).await;
    let plain = async || plainly(&bare, Deadline::None).await;
    let past = async || plainly(&guarded, Deadline::Default).await;
    difference(asks, plain, past).await
}

async fn past_a_breaker(asks: u64) -> Duration {
    let system = System::new("guarded");
    let worker = WorkerRef::from(echo(&system, ChildSpec::new("echo", || Echo)).await);
    let breaker = Breaker::new("echo", Breaker::consecutive(TRIPS_AT));
    let guarded = breaker.guard(&worker);
    let plain = async || worker.ask(1).await.expect("it answers").value;
    let past = async || guarded.ask(1).await.expect("it is closed").value;
    difference(asks, plain, past).await
}

async fn past_all(asks: u64) -> Duration {
    let system = System::new("guarded");
    let bare = echo(&system, ChildSpec::new("echo", || Echo)).await;
    let breaker = Breaker::new("echo", Breaker::consecutive(TRIPS_AT));
    let guarded = breaker.guard(&WorkerRef::from(bare.clone()));
    let plain = async || plainly(&bare, Deadline::None).await;
    let past = async || guarded.ask(1).await.expect("it is closed").value;
    difference(asks, plain, past).await
}

/// Blocks of either kind, in turn.
const BLOCKS: u64 = 200;

/// What one kind of call takes longer than the other, for all calls: the median
/// over blocks, so that what else the machine does falls out.
async fn difference(
    calls: u64,
    plain: impl AsyncFn() -> u64,
    other: impl AsyncFn() -> u64,
) -> Duration {
    async fn block(calls: u64, call: &impl AsyncFn() -> u64) -> i128 {
        let began = Instant::now();
        for _ in 0..calls {
            std::hint::black_box(call().await);
        }
        began.elapsed().as_nanos() as i128
    }
    let mut longer = Vec::new();
    let per_block = calls.div_ceil(BLOCKS).max(1);
    for calls in waves(calls, per_block) {
        let plainly = block(calls, &plain).await;
        longer.push(block(calls, &other).await - plainly);
    }
    longer.sort_unstable();
    let median = longer.get(longer.len() / 2).copied().unwrap_or_default();
    let all = median.max(0) * i128::from(calls) / i128::from(per_block);
    Duration::from_nanos(u64::try_from(all).unwrap_or(u64::MAX))
}

struct Token {
    hops_left: u64,
}

type Wiring<M> = Arc<OnceLock<Vec<ActorRef<M>>>>;

/// Starts actors that know one another: their references come first, and each
/// factory finds them there.
async fn start_wired<A: Actor>(
    system: &System,
    wiring: &Wiring<A::Msg>,
    specs: Vec<ChildSpec<A>>,
) -> Vec<ActorRef<A::Msg>> {
    let members = wiring.get_or_init(|| specs.iter().map(ChildSpec::actor_ref).collect());
    for spec in specs {
        system.spawn(spec).await.expect("a member starts");
    }
    members.clone()
}

struct Link {
    next: ActorRef<Token>,
    arrived: Arc<Latch>,
}

impl Actor for Link {
    type Msg = Token;

    async fn handle(&mut self, token: Token, _: &mut Context<Self>) -> Result<(), BoxError> {
        match token.hops_left.checked_sub(1) {
            Some(hops_left) => self.next.tell(Token { hops_left }).await?,
            None => self.arrived.count_down(),
        }
        Ok(())
    }
}

async fn ring(hops: u64) -> Duration {
    let system = System::new("ring");
    let wiring = Wiring::default();
    let arrived = Latch::new(RING_TOKENS);
    let specs = (0..RING_MEMBERS)
        .map(|me| {
            let (wiring, arrived) = (Arc::clone(&wiring), Arc::clone(&arrived));
            let link = move || {
                let ring = wiring.get().expect("references come first");
                Link {
                    next: ring[(me + 1) % RING_MEMBERS].clone(),
                    arrived: Arc::clone(&arrived),
                }
            };
            ChildSpec::new(format!("link-{me}"), link).mailbox(MAILBOX)
        })
        .collect();
    let members = start_wired(&system, &wiring, specs).await;
    let started = Instant::now();
    for (token, hops_left) in shares(hops, RING_TOKENS).enumerate() {
        members[first_member(token)]
            .tell(Token { hops_left })
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

struct Player {
    me: usize,
    pinger: Pinger,
    others: Wiring<Play>,
    done: Arc<Latch>,
}

impl Actor for Player {
    type Msg = Play;

    async fn handle(&mut self, play: Play, _: &mut Context<Self>) -> Result<(), BoxError> {
        let (to, answer) = match play {
            Play::Ping { from } => (from, Play::Pong),
            Play::Pong => match self.pinger.on_pong() {
                Some(other) => (other, Play::Ping { from: self.me }),
                None => {
                    self.done.count_down();
                    return Ok(());
                }
            },
        };
        let others = self.others.get().expect("references come first");
        others[to].tell(answer).await?;
        Ok(())
    }
}

async fn big(pings: u64) -> Duration {
    let system = System::new("big");
    let others = Wiring::default();
    let done = Latch::new(BIG_MEMBERS);
    let specs = shares(pings, BIG_MEMBERS)
        .enumerate()
        .map(|(me, share)| {
            let (others, done) = (Arc::clone(&others), Arc::clone(&done));
            let player = move || Player {
                me,
                pinger: Pinger::new(me, share),
                others: Arc::clone(&others),
                done: Arc::clone(&done),
            };
            ChildSpec::new(format!("player-{me}"), player).mailbox(BIG_MAILBOX)
        })
        .collect();
    let members = start_wired(&system, &others, specs).await;
    let started = Instant::now();
    for member in &members {
        member.tell(Play::Pong).await.expect("all members run");
    }
    done.opened().await;
    started.elapsed()
}

fn idlers() -> ChildTemplate<Counter> {
    ChildTemplate::new("idler", Counter::default)
        .mailbox(MAILBOX)
        .restart(Restart::Temporary)
}

async fn stop_all(alive: Vec<ActorRef<Command>>) {
    for actor in &alive {
        actor.stop();
    }
    for actor in alive {
        actor.closed().await;
    }
}

async fn spawn_stop_detached(actors: u64, wave: u64) -> Duration {
    let system = System::new("spawn");
    let idlers = idlers();
    let started = Instant::now();
    for wave in waves(actors, wave) {
        let mut alive = Vec::new();
        for _ in 0..wave {
            let actor = system.spawn_detached(idlers.next_child());
            alive.push(actor.expect("an idler starts"));
        }
        stop_all(alive).await;
    }
    started.elapsed()
}

async fn spawn_stop_supervised(actors: u64, wave: u64) -> Duration {
    let system = System::new("spawn");
    let supervisor = Supervisor::dynamic("crowd").start(&system);
    let supervisor = supervisor.await.expect("the supervisor starts");
    let idlers = idlers();
    let started = Instant::now();
    for wave in waves(actors, wave) {
        let mut alive = Vec::new();
        for _ in 0..wave {
            let actor = supervisor.start_child(idlers.next_child()).await;
            alive.extend(actor.expect("an idler starts"));
        }
        stop_all(alive).await;
    }
    started.elapsed()
}

async fn idle(actors: u64) -> Option<u64> {
    let actors = usize::try_from(actors).expect("as many as fit into memory");
    let system = System::new("idle");
    let supervisor = Supervisor::dynamic("crowd").start(&system);
    let supervisor = supervisor.await.expect("the supervisor starts");
    let idlers = idlers();
    let count = Count::start()?;
    let alive = supervisor.start_children(&idlers, actors).await;
    // Peers' references lie in memory that was there before. An actor of
    // callboard's lives without any.
    drop(alive.expect("the idlers start"));
    let bytes = count.finish();
    assert_eq!(supervisor.count().active, actors);
    Some(bytes)
}

struct Fragile;

enum Poke {
    Boom,
    Ping(Reply<u32>),
}

impl Actor for Fragile {
    type Msg = Poke;

    async fn handle(&mut self, poke: Poke, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match poke {
            Poke::Boom => std::panic::panic_any(SCRIPTED_CRASH),
            Poke::Ping(reply_to) => reply_to.send(cx.incarnation()),
        }
        Ok(())
    }
}

async fn restart(crashes: u64) -> Outcome {
    let system = System::new("restart");
    let spec = ChildSpec::new("fragile", || Fragile);
    let fragile = spec.actor_ref();
    let _supervisor = Supervisor::new("medic")
        // No actor crashes ten thousand times in a millisecond.
        .intensity(10_000, ms(1))
        .child(spec)
        .start(&system)
        .await
        .expect("the supervisor starts");
    let mut waits = Vec::new();
    for crash in 1..=crashes {
        let began = Instant::now();
        fragile.tell(Poke::Boom).await.expect("its mailbox stays");
        let incarnation = fragile.ask(Poke::Ping).await.expect("it is restarted");
        waits.push(began.elapsed());
        assert_eq!(u64::from(incarnation), crash, "each crash was a restart");
    }
    Outcome::waited(waits)
}

/// Says when it is there, and falls over when it is told to.
struct Member {
    roll: Arc<Roll>,
}

struct Crash;

impl Actor for Member {
    type Msg = Crash;

    async fn start(&mut self, _: &mut Context<Self>) -> Result<Started, BoxError> {
        self.roll.arrive();
        Ok(Started::Ready)
    }

    async fn handle(&mut self, _: Crash, _: &mut Context<Self>) -> Result<(), BoxError> {
        std::panic::panic_any(SCRIPTED_CRASH)
    }
}

async fn group(crashes: u64) -> Outcome {
    let system = System::new("group");
    let roll = Roll::new(GROUP_MEMBERS);
    let specs: Vec<_> = (0..GROUP_MEMBERS)
        .map(|member| {
            let roll = Arc::clone(&roll);
            ChildSpec::new(format!("member-{member}"), move || Member {
                roll: Arc::clone(&roll),
            })
        })
        .collect();
    let first = specs[0].actor_ref();
    let group = Supervisor::new("group")
        .strategy(Strategy::OneForAll)
        // No group crashes ten thousand times in a millisecond.
        .intensity(10_000, ms(1));
    let group = specs.into_iter().fold(group, Supervisor::child);
    let _group = group.start(&system).await.expect("the group starts");
    roll.complete().await;
    let mut waits = Vec::new();
    for _ in 0..crashes {
        let began = Instant::now();
        first.tell(Crash).await.expect("its mailbox stays");
        roll.complete().await;
        waits.push(began.elapsed());
    }
    Outcome::waited(waits)
}

async fn swarm(actors: u64) -> Outcome {
    let actors = usize::try_from(actors).expect("as many as fit into memory");
    let system = System::new("swarm");
    let supervisor = Supervisor::dynamic("crowd")
        // A permanent one would come back when it is stopped.
        .restart(Restart::Temporary)
        .start(&system)
        .await
        .expect("the supervisor starts");
    let idlers = idlers();
    let began = Instant::now();
    let alive = supervisor.start_children(&idlers, actors).await;
    let alive = alive.expect("the swarm starts");
    let started = began.elapsed();
    // So that the actors' memory is given back within the time.
    drop(alive);
    let began = Instant::now();
    supervisor.stop();
    supervisor.closed().await;
    Outcome::Lived {
        started,
        stopped: began.elapsed(),
    }
}
