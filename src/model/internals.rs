//! What the project's own models see of the floors below: the queue and the
//! reply slot, for messages that are plain numbers; a supervisor's turns and its
//! plan; a breaker's steps; what limits are made of. No part of the interface.

mod bells;
mod limits;

use std::sync::OnceLock;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

pub use self::bells::Bells;
pub use self::limits::{Accounts, Bucket, Entry, Semaphore};
use super::Stage;
use crate::actor::{Exit, Policy, Restart, Shutdown};
use crate::mailbox::{self, Batch, Counts, Item, Mailbox, Unanswered, Unfinished, Word};
use crate::policy::breaker::{BreakerConfig, Event, Outcome, Permit, State, Transition};
use crate::policy::intensity::Intensity;
use crate::policy::priority::Priority;
use crate::resilience::breaker;
use crate::supervision::pool::config::PoolConfig;
use crate::supervision::pool::leases::{self, Kind, Want};
use crate::supervision::{plan, turn};

/// One execution of a [model](crate::model()), inside a model of loom's.
pub fn play(scene: impl FnOnce(&mut Stage)) {
    super::play(scene);
}

#[derive(Clone, Debug)]
struct Number(u32);

impl Item for Number {
    fn priority(&self) -> Priority {
        Priority::NORMAL
    }
}

/// One number is a plain word, all others are not.
impl Word for u32 {
    fn number(&self) -> Option<u32> {
        (*self == PLAIN_WORD).then_some(0)
    }

    fn numbered(_number: u32) -> Self {
        PLAIN_WORD
    }
}

/// The word that needs no heap.
pub const PLAIN_WORD: u32 = 98;

fn no_clock() -> Instant {
    panic!("a mailbox in order of arrival reads no clock")
}

#[derive(Debug, PartialEq, Eq)]
pub enum Offer {
    Accepted,
    Displaced(u32),
    Dropped(u32),
    Full(u32),
    Parked(u64),
    Closed(u32),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Parked {
    Accepted,
    Waiting,
    Closed(u32),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    Items,
    Signal(u32),
    Drained,
    Empty,
}

/// What the consumer has taken.
#[derive(Debug)]
pub struct Hand(Batch<Number>, Option<u32>);

impl Hand {
    pub fn draw(&mut self) -> Option<u32> {
        if let Some(one) = self.1.take() {
            self.0.take_copy();
            return Some(one);
        }
        self.0.next().map(|(msg, _)| msg.0)
    }

    pub fn keep(&mut self, msg: u32) {
        self.0.keep(Number(msg));
    }

    #[must_use]
    pub fn finish(&mut self) -> bool {
        self.0.finish()
    }
}

/// The mailbox's queue.
#[derive(Debug)]
pub struct Queue(mailbox::Queue<Number, u32>, u32);

impl Queue {
    #[must_use]
    pub fn new(settings: &Mailbox) -> Self {
        let capacity = u32::try_from(settings.capacity()).expect("a small model");
        Self(mailbox::Queue::new(settings), capacity)
    }

    #[must_use]
    pub fn hand(&self) -> Hand {
        Hand(Batch::new(self.1), None)
    }

    pub fn offer(&self, msg: u32, waker: Option<&Waker>) -> Offer {
        match self.0.offer(Number(msg), waker, no_clock) {
            mailbox::Offer::Accepted => Offer::Accepted,
            mailbox::Offer::Displaced(old, _) => Offer::Displaced(old.0),
            mailbox::Offer::Dropped(msg, _) => Offer::Dropped(msg.0),
            mailbox::Offer::Full(msg) => Offer::Full(msg.0),
            mailbox::Offer::Parked(ticket) => Offer::Parked(ticket),
            mailbox::Offer::Closed(msg) => Offer::Closed(msg.0),
        }
    }

    pub fn poll_parked(&self, ticket: u64, waker: &Waker) -> Parked {
        match self.0.poll_parked(ticket, waker) {
            mailbox::Parked::Accepted => Parked::Accepted,
            mailbox::Parked::Waiting => Parked::Waiting,
            mailbox::Parked::Closed(msg) => Parked::Closed(msg.0),
        }
    }

    pub fn cancel(&self, ticket: u64) -> Option<u32> {
        self.0.cancel(ticket).map(|msg| msg.0)
    }

    pub fn signal(&self, word: u32) {
        self.0.signal(word);
    }

    pub fn kill(&self) {
        self.0.kill();
    }

    #[must_use]
    pub fn is_flagged(&self) -> bool {
        self.0.is_flagged()
    }

    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.0.is_killed()
    }

    #[must_use]
    pub fn next_signal(&self) -> Option<u32> {
        self.0.next_signal()
    }

    pub fn take(&self, hand: &mut Hand, waker: Option<&Waker>) -> Taken {
        match self.0.take(&mut hand.0, waker, no_clock) {
            mailbox::Taken::Items => Taken::Items,
            mailbox::Taken::One(msg, _) => {
                // The shell handles it at once; a model may end before it does,
                // and then it goes back like the rest of a batch.
                hand.1 = Some(msg.0);
                hand.0.keep(msg);
                Taken::Items
            }
            mailbox::Taken::Signal(word) => Taken::Signal(word),
            mailbox::Taken::Drained => Taken::Drained,
            mailbox::Taken::Empty => Taken::Empty,
        }
    }

    pub fn book(&self, hand: &mut Hand) {
        self.0.book(&mut hand.0, no_clock);
    }

    pub fn suspend(&self, hand: &mut Hand, waker: &Waker) {
        self.0.suspend(&mut hand.0, waker, no_clock);
    }

    /// Ends an incarnation; a kept copy of the message in hand is put back.
    pub fn settle(&self, hand: &mut Hand) {
        self.0.settle(&mut hand.0, Unfinished::PutBack, no_clock);
    }

    pub fn drain(&self) {
        self.0.drain();
    }

    #[must_use]
    pub fn close(&self) -> Vec<u32> {
        let rest = self.0.close(no_clock);
        rest.into_iter().map(|(msg, _)| msg.0).collect()
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        self.0.counts()
    }
}

/// The slot in which one question's outcome lies.
#[derive(Debug)]
pub struct ReplySlot(mailbox::ReplySlot<u32>);

impl ReplySlot {
    #[expect(clippy::new_without_default, reason = "as the slot it stands for")]
    #[must_use]
    pub fn new() -> Self {
        Self(mailbox::ReplySlot::new())
    }

    /// # Errors
    ///
    /// The answer, if another outcome came first.
    pub fn answer(&self, value: u32) -> Result<(), u32> {
        self.0.answer(value)
    }

    pub fn fail(&self, why: Unanswered) -> bool {
        self.0.fail(why)
    }

    pub fn add_replier(&self) {
        self.0.add_replier();
    }

    pub fn drop_replier(&self, why: Unanswered) {
        self.0.drop_replier(why);
    }

    pub fn poll(&self, waker: &Waker) -> Poll<Result<u32, Unanswered>> {
        self.0.poll(waker)
    }

    pub fn abandon(&self) {
        self.0.abandon();
    }

    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.0.is_gone()
    }

    pub fn on_gone(&self, waker: &Waker) {
        self.0.on_gone(waker);
    }
}

/// Who decides, as the model scripts it.
pub trait Decide {
    type Input;
    type Turn;

    fn may_step_here(&self, input: &Self::Input) -> bool;
    fn step(&self, turn: &mut Self::Turn, input: Self::Input);
    fn has_bell(&self) -> bool;
    fn ring(&self);
    fn bury(&self, input: Self::Input);
}

struct Decider<'a, D>(&'a D);

impl<D: Decide> turn::Decide for Decider<'_, D> {
    type Input = D::Input;
    type Turn = D::Turn;

    fn may_step_here(&self, input: &D::Input) -> bool {
        self.0.may_step_here(input)
    }

    fn step_here(&self, turn: &mut D::Turn, input: D::Input) -> Result<(), D::Input> {
        self.0.step(turn, input);
        Ok(())
    }

    fn step(&self, turn: &mut D::Turn, input: D::Input) {
        self.0.step(turn, input);
    }

    fn has_bell(&self) -> bool {
        self.0.has_bell()
    }

    fn ring(&self) {
        self.0.ring();
    }

    fn bury(&self, input: D::Input) {
        self.0.bury(input);
    }
}

/// Whose turn it is.
#[expect(missing_debug_implementations, reason = "a model prints no locks")]
pub struct Turns<I, T>(turn::Turns<I, T>);

impl<I, T> Turns<I, T> {
    #[must_use]
    pub fn new(first: I, turn: T) -> Self {
        Self(turn::Turns::new(first, turn))
    }

    pub fn push<D: Decide<Input = I, Turn = T>>(&self, input: I, decide: &D) {
        self.0.push(input, &Decider(decide));
    }

    pub fn wake<D: Decide<Input = I, Turn = T>>(&self, decide: &D) {
        self.0.wake(&Decider(decide));
    }

    pub fn work<D: Decide<Input = I, Turn = T>>(&self, decide: &D) {
        self.0.work(&Decider(decide));
    }

    pub fn end<R>(&self, settle: impl FnOnce(&mut T) -> R) -> R {
        self.0.end(settle)
    }

    pub fn clear<D: Decide<Input = I, Turn = T>>(&self, decide: &D) {
        self.0.clear(&Decider(decide));
    }
}

/// What a plan wants done. A key names a child.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    Launch(u64),
    Stop(u64),
    Answer(u64),
    Finished,
    /// Something that a model does not look at.
    Other,
}

/// The restart plan of a supervisor with one permanent child that may be
/// restarted ten times, while no time passes.
#[derive(Debug)]
pub struct Plan(plan::Plan<()>);

/// The clock stands still.
fn still() -> Instant {
    static NOW: OnceLock<Instant> = OnceLock::new();
    #[expect(clippy::disallowed_methods, reason = "read once")]
    *NOW.get_or_init(Instant::now)
}

impl Plan {
    #[expect(clippy::new_without_default, reason = "it is no empty plan")]
    #[must_use]
    pub fn new() -> Self {
        let settings = plan::Settings {
            intensity: Intensity::new(10, Duration::from_secs(1)),
            ..plan::Settings::default()
        };
        let mut plan = plan::Plan::new(plan::Shape::Ordered, settings, still());
        let policy = Policy {
            restart: Restart::Permanent,
            shutdown: Shutdown::Infinity,
            ..Policy::default()
        };
        plan.enrol((), &policy);
        Self(plan)
    }

    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.0.restarts()
    }

    fn feed(
        &mut self,
        event: impl FnOnce(&mut plan::Plan<()>, Instant, &mut plan::Effects<()>),
    ) -> Vec<Effect> {
        let now = still();
        let mut effects = Vec::new();
        event(&mut self.0, now, &mut effects);
        let seen = |effect| match effect {
            plan::Effect::Launch { key, .. } => Effect::Launch(key),
            plan::Effect::Stop(key) => Effect::Stop(key),
            plan::Effect::Answer(token, _) => Effect::Answer(token),
            plan::Effect::Finished(_) => Effect::Finished,
            _ => Effect::Other,
        };
        effects.into_iter().map(seen).collect()
    }

    pub fn boot(&mut self) -> Vec<Effect> {
        self.feed(|plan, now, out| plan.boot(now, out))
    }

    pub fn started(&mut self, key: u64) -> Vec<Effect> {
        self.feed(|plan, now, out| plan.started(key, now, out))
    }

    pub fn crashed(&mut self, key: u64) -> Vec<Effect> {
        let end = plan::End::Exited(Exit::Killed);
        self.feed(|plan, now, out| plan.ended(key, end, now, 0.5, out))
    }

    pub fn stopped(&mut self, key: u64) -> Vec<Effect> {
        let end = plan::End::Exited(Exit::shutdown());
        self.feed(|plan, now, out| plan.ended(key, end, now, 0.5, out))
    }

    pub fn terminate(&mut self, key: u64, token: u64) -> Vec<Effect> {
        self.feed(|plan, now, out| plan.terminate(key, token, now, out))
    }

    pub fn shut_down(&mut self) -> Vec<Effect> {
        let manner = plan::Manner::Stop;
        self.feed(|plan, now, out| plan.shut_down(Exit::shutdown(), manner, now, out))
    }
}

/// A breaker's steps and its log, while the model says how many seconds have
/// passed.
#[expect(missing_debug_implementations, reason = "a model prints no locks")]
pub struct BreakerCore(breaker::Core);

/// The right to make one call.
#[derive(Clone, Copy, Debug)]
pub struct BreakerPermit(Permit);

fn after(seconds: u64) -> Instant {
    still() + Duration::from_secs(seconds)
}

impl BreakerCore {
    #[must_use]
    pub fn new(config: BreakerConfig) -> Self {
        Self(breaker::Core::new(config))
    }

    pub fn admit(&self, at: u64) -> Option<BreakerPermit> {
        let (admitted, _) = self.0.admit(|| after(at));
        admitted.ok().map(BreakerPermit)
    }

    pub fn settle(&self, permit: BreakerPermit, outcome: Outcome, at: u64) {
        let _ = self.0.settle(permit.0, outcome, || after(at));
    }

    #[must_use]
    pub fn state(&self) -> State {
        self.0.state()
    }

    #[must_use]
    pub fn transitions(&self) -> Vec<Transition> {
        self.0.stats(still()).transitions
    }

    /// A listener's id, and the number of the first event that it hears.
    #[must_use]
    pub fn listen(&self) -> (u64, u64) {
        self.0.listen()
    }

    /// The event with this number; where there is none yet, the waker waits for
    /// it.
    pub fn read(&self, id: u64, next: u64, waker: &Waker) -> Option<(u64, Event)> {
        match self.0.read(id, next, Some(waker)) {
            breaker::events::Read::Event { event, .. } => Some((event.number, event.event)),
            breaker::events::Read::Nothing => None,
        }
    }
}

/// The leases of a pool whose members are numbers.
#[expect(missing_debug_implementations, reason = "a model prints no locks")]
pub struct Leases(leases::Leases<u32>);

/// A member of theirs, over all who ever stood in its place.
#[derive(Clone, Copy, Debug)]
pub struct Token(leases::Token);

/// A member that was leased.
#[derive(Debug)]
pub struct Claim(leases::Claim<u32>);

impl Claim {
    #[must_use]
    pub fn member(&self) -> u32 {
        self.0.member
    }
}

const WANT: Want = Want {
    kind: Kind::Lease,
    key: None,
    priority: Priority::NORMAL,
};

impl Leases {
    #[expect(clippy::new_without_default, reason = "as the leases it stands for")]
    #[must_use]
    pub fn new() -> Self {
        Self(leases::Leases::new(PoolConfig::new(1..=2), still))
    }

    #[must_use]
    pub fn add(&self, member: u32) -> Token {
        Token(self.0.add(member, true, 1.0))
    }

    pub fn remove(&self, token: Token) {
        self.0.remove(token.0);
    }

    pub fn reborn(&self, token: Token) {
        self.0.reborn(token.0);
    }

    #[must_use]
    pub fn try_take(&self) -> Option<Claim> {
        let taken = self.0.try_take(WANT).ok()?;
        Some(Claim(taken.into_claim()))
    }

    /// # Panics
    ///
    /// If it is refused: the line of a model is long enough.
    pub async fn take(&self) -> Claim {
        match self.0.take(WANT).await {
            Ok(taken) => Claim(taken.into_claim()),
            Err(why) => panic!("a model is not refused: {why:?}"),
        }
    }

    pub fn give_back(&self, claim: Claim) {
        self.0.give_back(claim.0, None);
    }

    /// Members, leases, and callers that wait.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let status = self.0.status();
        (status.size, status.leases, status.waiting)
    }
}
