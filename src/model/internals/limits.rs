//! The semaphore, the token bucket and the accounts, for the models of limits.

use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::still;
use crate::policy::quota::{Allowance, Cost};
use crate::policy::rate::{Decision, TokenBucket};
use crate::resilience::quota::account::Account;
use crate::resilience::rate::bucket::AtomicBucket;
use crate::sync::semaphore;

/// What became of the wish for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Held,
    Waits(u64),
    Full,
}

impl From<semaphore::Entry> for Entry {
    fn from(entry: semaphore::Entry) -> Self {
        match entry {
            semaphore::Entry::Held => Self::Held,
            semaphore::Entry::Waits(ticket) => Self::Waits(ticket),
            semaphore::Entry::Full => Self::Full,
        }
    }
}

/// The semaphore behind bulkheads and lines.
#[derive(Debug)]
pub struct Semaphore(semaphore::Semaphore);

impl Semaphore {
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(semaphore::Semaphore::new(limit))
    }

    #[must_use]
    pub fn try_acquire(&self) -> bool {
        self.0.try_acquire()
    }

    pub fn enter(&self, most: usize, waker: &Waker) -> Entry {
        self.0.enter(most, waker).into()
    }

    pub fn poll(&self, ticket: u64, waker: &Waker) -> Poll<Entry> {
        self.0.poll(ticket, waker).map(Entry::from)
    }

    pub fn cancel(&self, ticket: u64) {
        self.0.cancel(ticket);
    }

    pub fn release(&self) {
        self.0.release();
    }

    pub fn resize(&self, limit: usize) {
        self.0.resize(limit).wake();
    }

    /// How many are held, and how many wait.
    #[must_use]
    pub fn places(&self) -> (usize, usize) {
        let places = self.0.places();
        (places.held, places.waiting)
    }
}

/// The token bucket of one word; times are nanoseconds.
#[derive(Debug)]
pub struct Bucket(AtomicBucket);

/// A bucket that gets a token in so many nanoseconds.
fn settings(token_time: u64, capacity: u32) -> TokenBucket {
    TokenBucket::new(1, Duration::from_nanos(token_time)).capacity(capacity)
}

impl Bucket {
    #[must_use]
    pub fn new(token_time: u64, capacity: u32) -> Self {
        Self(AtomicBucket::new(&settings(token_time, capacity)))
    }

    #[must_use]
    pub fn take(&self, now: u64, n: u32) -> bool {
        self.0.take(now, n) == Decision::Allowed(())
    }

    #[must_use]
    pub fn available(&self, now: u64) -> u32 {
        self.0.available(now)
    }

    pub fn reconfigure(&self, token_time: u64, capacity: u32, now: u64) {
        self.0.reconfigure(&settings(token_time, capacity), now);
    }
}

/// Two agents' accounts below their team's, while no time passes.
#[derive(Debug)]
pub struct Accounts {
    team: Arc<Account>,
    agents: [Account; 2],
}

impl Accounts {
    /// So many tokens for the team, and for each agent.
    #[must_use]
    pub fn new(team: u64, agent: u64) -> Self {
        let tokens = |n| Allowance::new().tokens(n);
        let team = Arc::new(Account::new("team".into(), tokens(team), None, still()));
        let agents = ["ada", "bob"].map(|name| {
            let above = Some(Arc::clone(&team));
            Account::new(name.into(), tokens(agent), above, still())
        });
        Self { team, agents }
    }

    #[must_use]
    pub fn debit(&self, agent: usize, n: u64) -> bool {
        let cost = Cost::new().tokens(n);
        self.agents[agent].debit(still(), cost).is_ok()
    }

    pub fn settle(&self, agent: usize, taken: u64, actual: u64) {
        let [taken, actual] = [taken, actual].map(|n| Cost::new().tokens(n));
        self.agents[agent].settle(still(), still(), taken, actual);
    }

    /// What the agents have used, and their team.
    #[must_use]
    pub fn used(&self) -> [u64; 3] {
        let [ada, bob] = &self.agents;
        [ada, bob, &*self.team].map(|account| account.with(|state| state.used(still()).tokens))
    }
}
