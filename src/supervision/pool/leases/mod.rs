//! Who has which member: leases, and callers waiting for one.
//!
//! ```text
//!   take ──▶ a member with room ──▶ claim ──▶ give back ─┐
//!     │                                                   │ serves the line, or
//!     └──▶ none: a seat in the line ◀── granted ──────────┤ leaves if there are
//!            │ dropped: the grant goes on to the next     │ too many
//!            └──────────────────────────────────────────▶─┘
//! ```
//!
//! After each change nobody waits whom a member with room could serve; so a
//! newcomer that finds room overtakes nobody. It knows nothing of actors: `M` is
//! whatever a member is reached by.

mod state;
mod taking;

use std::sync::OnceLock;
use std::task::Waker;
use std::time::Instant;

use super::config::PoolConfig;
use super::line::{Line, Stand};
use super::slab::Slab;
use super::status::PoolStatus;
use crate::policy::choice::{Chooser, Recent, SplitMix};
use crate::policy::priority::Priority;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering::{AcqRel, Release};
use crate::sync::{Mutex, WakeList};

pub(crate) use taking::{Taken, Taking};

/// What a member is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One job, whose end is known with its answer.
    Job,
    /// As long as the holder likes, or until the member crashes.
    Lease,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Want {
    pub(crate) kind: Kind,
    pub(crate) key: Option<u64>,
    pub(crate) priority: Priority,
}

/// Why nobody was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nobody is free, or too many wait.
    Full,
    /// The pool has ended.
    Closed,
}

/// Which member, over all who ever stood in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    at: usize,
    id: u64,
}

/// A place that was taken at a member.
#[derive(Debug)]
pub(crate) struct Claim<M> {
    token: Token,
    life: u32,
    kind: Kind,
    pub(crate) member: M,
}

impl<M> Claim<M> {
    pub(crate) fn token(&self) -> Token {
        self.token
    }
}

/// How a job went, as far as it says something about the member.
pub(crate) type Outcome = fn(&mut Recent);

struct Member<M> {
    id: u64,
    member: M,
    /// Which life of it: claims of earlier ones are void.
    life: u32,
    /// Leases among its jobs.
    leased: usize,
    /// Replaced in place when it crashes, and the last to be let go.
    is_base: bool,
}

enum Seat<M> {
    Waiting(Waker, Stand, Kind),
    Granted(Claim<M>),
    Closed,
}

struct State<M> {
    config: PoolConfig,
    members: Slab<Member<M>>,
    chooser: Chooser,
    line: Line,
    seats: Slab<Seat<M>>,
    /// Told to go, and not fetched by the manager yet.
    leaving: Vec<M>,
    chance: SplitMix,
    next_id: u64,
    busy: usize,
    jobs: usize,
    leases: usize,
    /// Members that are not base.
    extra: usize,
    most_waiting: usize,
    was_full: bool,
    is_closed: bool,
}

/// The leases of one pool.
pub(crate) struct Leases<M> {
    state: Mutex<State<M>>,
    clock: fn() -> Instant,
    /// Tells the manager that there is something to be seen.
    bell: OnceLock<Bell>,
    /// It was told, and has not looked yet.
    is_rung: AtomicBool,
}

/// Says whether it was heard.
type Bell = Box<dyn Fn() -> bool + Send + Sync>;

impl<M: Clone> Leases<M> {
    pub(crate) fn new(config: PoolConfig, clock: fn() -> Instant) -> Self {
        Self {
            state: Mutex::new(State {
                members: Slab::new(),
                chooser: Chooser::new(config.depth()),
                config,
                line: Line::new(),
                seats: Slab::new(),
                leaving: Vec::new(),
                chance: SplitMix::new(0),
                next_id: 0,
                busy: 0,
                jobs: 0,
                leases: 0,
                extra: 0,
                most_waiting: 0,
                was_full: false,
                is_closed: false,
            }),
            clock,
            bell: OnceLock::new(),
            is_rung: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_bell(&self, bell: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.bell.set(Box::new(bell));
    }

    /// The manager looks now: from here on it wants to be told again.
    pub(crate) fn heard(&self) {
        self.is_rung.store(false, Release);
    }

    /// Tells the manager, once until it looks.
    pub(crate) fn ring(&self) {
        if let Some(bell) = self.bell.get()
            && !self.is_rung.swap(true, AcqRel)
            && !bell()
        {
            self.is_rung.store(false, Release);
        }
    }

    /// Changes something; whoever can be served by it is, and the manager hears
    /// of those who are to go.
    fn change<T>(&self, change: impl FnOnce(&mut State<M>, &mut WakeList) -> T) -> T {
        let mut wakes = WakeList::default();
        let mut state = self.state.lock();
        let result = change(&mut state, &mut wakes);
        if state.line.len() > 0 {
            state.serve(self.clock, &mut wakes);
        }
        let has_leaving = !state.leaving.is_empty();
        drop(state);
        wakes.wake();
        if has_leaving {
            self.ring();
        }
        result
    }

    /// A place at a member, if one is free now.
    #[inline]
    pub(crate) fn try_take(&self, want: Want) -> Result<Taken<'_, M>, Refused> {
        let mut state = self.state.lock();
        let claim = state.take(want);
        let is_closed = state.is_closed;
        drop(state);
        match claim {
            Some(claim) => Ok(Taken::new(self, claim)),
            None if is_closed => Err(Refused::Closed),
            None => Err(Refused::Full),
        }
    }

    /// A place at a member, waiting for one if need be; refused where too many
    /// wait already.
    pub(crate) fn take(&self, want: Want) -> Taking<'_, M> {
        Taking {
            leases: self,
            want,
            seat: None,
        }
    }

    /// Gives a claim back. Without effect if its member is gone or, for a lease,
    /// has begun a new life.
    pub(crate) fn give_back(&self, claim: Claim<M>, outcome: Option<Outcome>) {
        let Claim {
            token,
            life,
            kind,
            member,
        } = claim;
        self.change(|state, wakes| {
            if let Some(outcome) = outcome
                && state.knows(token)
            {
                state.chooser.note(token.at, outcome);
            }
            state.end(token, life, kind);
            state.settle(token, self.clock, wakes);
        });
        // Dropped without the lock.
        drop(member);
    }

    /// Whether a claim still stands.
    pub(crate) fn stands(&self, claim: &Claim<M>) -> bool {
        let state = self.state.lock();
        let member = state.members.get(claim.token.at);
        member.is_some_and(|m| m.id == claim.token.id && m.life == claim.life)
    }

    /// A new member serves whoever waits.
    pub(crate) fn add(&self, member: M, is_base: bool, capability: f64) -> Token {
        self.change(|state, _| {
            let id = state.next_id;
            state.next_id += 1;
            state.extra += usize::from(!is_base);
            let at = state.members.insert(Member {
                id,
                member,
                life: 0,
                leased: 0,
                is_base,
            });
            state.chooser.enter(at, id, capability);
            state.find_homes();
            Token { at, id }
        })
    }

    /// A member is gone, with all claims on it.
    pub(crate) fn remove(&self, token: Token) {
        let gone = self.change(|state, _| state.remove(token));
        drop(gone);
    }

    /// A member has begun a new life: leases of the old one are void. Jobs end
    /// by themselves.
    pub(crate) fn reborn(&self, token: Token) {
        self.change(|state, wakes| {
            if let Some(member) = state.member(token) {
                let leased = std::mem::take(&mut member.leased);
                member.life = member.life.wrapping_add(1);
                state.leases -= leased;
                for _ in 0..leased {
                    state.end_job(token.at);
                }
                state.settle(token, self.clock, wakes);
            }
        });
    }

    /// Whether a member may be given anything.
    pub(crate) fn set_able(&self, token: Token, is_able: bool) {
        self.change(|state, _| match (state.knows(token), is_able) {
            (false, _) => {}
            (true, true) => state.chooser.unbench(token.at),
            (true, false) => state.chooser.bench(token.at),
        });
    }

    /// A member without a job leaves, if there is one: those who are not base
    /// first, and of them the youngest.
    pub(crate) fn take_idle(&self) -> Option<M> {
        self.change(|state, _| {
            let idle = state.members.iter();
            let idle = idle.filter(|(at, _)| state.chooser.load(*at) == 0);
            let (at, member) = idle.max_by_key(|(_, m)| (!m.is_base, m.id))?;
            let token = Token { at, id: member.id };
            state.remove(token)
        })
    }

    /// Everybody who is there.
    pub(crate) fn members(&self) -> Vec<(Token, M)> {
        let state = self.state.lock();
        let all = state.members.iter();
        all.map(|(at, m)| (Token { at, id: m.id }, m.member.clone()))
            .collect()
    }

    /// Whether everybody had a job at some time since this was asked last.
    pub(crate) fn take_was_full(&self) -> bool {
        std::mem::take(&mut self.state.lock().was_full)
    }

    /// Those who were told to go since the last time.
    pub(crate) fn take_leaving(&self) -> Vec<M> {
        std::mem::take(&mut self.state.lock().leaving)
    }

    pub(crate) fn config(&self) -> PoolConfig {
        self.state.lock().config.clone()
    }

    /// Other settings, from now on, if `change` gives any. They hold at once;
    /// the manager hears of them.
    pub(crate) fn reconfigure<E>(
        &self,
        change: impl FnOnce(&PoolConfig) -> Result<PoolConfig, E>,
    ) -> Result<(), E> {
        self.change(|state, _| {
            state.config = change(&state.config)?;
            state.chooser.set_depth(state.config.depth());
            state.find_homes();
            Ok(())
        })?;
        self.ring();
        Ok(())
    }

    pub(crate) fn set_seed(&self, seed: u64) {
        self.state.lock().chance = SplitMix::new(seed);
    }

    /// The pool has ended: everybody who waits is told so, and newcomers are.
    pub(crate) fn close(&self) {
        self.change(|state, wakes| {
            state.is_closed = true;
            for caller in state.line.clear() {
                if let Some(seat) = state.seats.get_mut(caller.seat)
                    && let Seat::Waiting(waker, ..) = std::mem::replace(seat, Seat::Closed)
                {
                    wakes.push(waker);
                }
            }
        });
    }

    /// The pool has been started, perhaps again.
    pub(crate) fn open(&self) {
        self.state.lock().is_closed = false;
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let state = self.state.lock();
        PoolStatus {
            min: state.config.sizing.min,
            max: state.config.sizing.max,
            size: state.members.len(),
            available: state.chooser.open(),
            busy: state.busy,
            jobs: state.jobs,
            leases: state.leases,
            waiting: state.line.len(),
            most_waiting: state.most_waiting,
        }
    }
}
