//! A copy of the accounts, line by line, with slips. Only tokens are counted,
//! and no time passes.

use loom::sync::{Mutex, MutexGuard};

use crate::quota::Ledger;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// An account pays, then asks the one above, and forgets to undo it.
    BooksBeforeItAsksAbove,
    /// It does not ask the one above.
    AsksOnlyItself,
    /// The one above says yes, lets go of its lock, and books later.
    TeamIsBookedLater,
    /// An account has enough, lets go of its lock, and books later.
    LetsGoBeforeItBooks,
    /// What came back is not given back above.
    RefundStaysBelow,
    /// What is used is read, and written in another turn of the lock.
    RefundIsLookedUpFirst,
}

struct Account {
    limit: u64,
    used: Mutex<u64>,
}

impl Account {
    fn new(limit: u64) -> Self {
        Self {
            limit,
            used: Mutex::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.used.lock().expect("a panic ends the process")
    }
}

/// The copy. `slip` says which line of it is wrong.
pub(crate) struct Copy {
    slip: Slip,
    team: Account,
    agents: [Account; 2],
}

impl Copy {
    pub(crate) fn new(team: u64, agent: u64, slip: Slip) -> Self {
        Self {
            slip,
            team: Account::new(team),
            agents: [Account::new(agent), Account::new(agent)],
        }
    }

    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    fn debit_team(&self, n: u64) -> bool {
        let mut used = self.team.lock();
        if *used + n > self.team.limit && !self.is(Slip::AsksOnlyItself) {
            return false;
        }
        if self.is(Slip::TeamIsBookedLater) {
            drop(used);
            used = self.team.lock();
        }
        *used += n;
        true
    }
}

impl Ledger for Copy {
    fn debit(&self, agent: usize, n: u64) -> bool {
        let account = &self.agents[agent];
        let mut used = account.lock();
        if *used + n > account.limit {
            return false;
        }
        if self.is(Slip::BooksBeforeItAsksAbove) {
            *used += n;
            return self.debit_team(n);
        }
        if self.is(Slip::LetsGoBeforeItBooks) {
            drop(used);
            let is_paid = self.debit_team(n);
            *account.lock() += u64::from(is_paid) * n;
            return is_paid;
        }
        if !self.debit_team(n) {
            return false;
        }
        *used += n;
        true
    }

    fn settle(&self, agent: usize, taken: u64, actual: u64) {
        for account in [&self.agents[agent], &self.team] {
            if self.is(Slip::RefundIsLookedUpFirst) {
                let used = *account.lock();
                *account.lock() = used + actual - taken;
                continue;
            }
            let mut used = account.lock();
            *used = *used + actual - taken;
            if self.is(Slip::RefundStaysBelow) {
                return;
            }
        }
    }

    fn used(&self) -> [u64; 3] {
        let [ada, bob] = &self.agents;
        [ada, bob, &self.team].map(|account| *account.lock())
    }
}
