//! L9: accounts below one another. A debit is made everywhere or nowhere, and
//! what was used below is what was used above.

use std::sync::Arc;

use callboard::model::internals::Accounts;
use loom::thread::{self, JoinHandle};

use crate::harness::Model;
use crate::mutants::quota::{Copy, Slip};

/// Two agents' accounts below their team's, whichever they are.
pub(crate) trait Ledger: Send + Sync + 'static {
    fn debit(&self, agent: usize, n: u64) -> bool;
    fn settle(&self, agent: usize, taken: u64, actual: u64);
    /// What the agents have used, and their team.
    fn used(&self) -> [u64; 3];
}

impl Ledger for Accounts {
    fn debit(&self, agent: usize, n: u64) -> bool {
        self.debit(agent, n)
    }

    fn settle(&self, agent: usize, taken: u64, actual: u64) {
        self.settle(agent, taken, actual);
    }

    fn used(&self) -> [u64; 3] {
        self.used()
    }
}

pub(crate) fn models() -> Vec<Model> {
    let mut models = family(
        "l9_two_agents_want_what_their_team_has_once",
        (3, 3),
        two_agents,
        two_agents,
        &[
            (Slip::BooksBeforeItAsksAbove, "paid a part"),
            (Slip::AsksOnlyItself, "more was taken than there is"),
            (Slip::TeamIsBookedLater, "more was taken than there is"),
        ],
    );
    models.extend(family(
        "l9_two_calls_of_one_agent",
        (9, 3),
        one_agent,
        one_agent,
        &[(Slip::LetsGoBeforeItBooks, "more was taken than there is")],
    ));
    models.extend(family(
        "l9_a_refund_and_a_debit",
        (3, 3),
        refund,
        refund,
        &[
            (Slip::RefundStaysBelow, "sum of those below"),
            (Slip::RefundIsLookedUpFirst, "sum of those below"),
        ],
    ));
    models
}

fn family(
    name: &str,
    (team, agent): (u64, u64),
    over_accounts: fn(Accounts),
    over_copy: fn(Copy),
    slips: &[(Slip, &'static str)],
) -> Vec<Model> {
    let copy = move |slip| move || over_copy(Copy::new(team, agent, slip));
    let mut models = vec![
        Model::holds(name, move || over_accounts(Accounts::new(team, agent))),
        Model::holds(format!("{name}/copy"), copy(Slip::None)),
    ];
    for &(slip, cause) in slips {
        models.push(Model::dies_of(
            format!("{name}/{slip:?}"),
            cause,
            copy(slip),
        ));
    }
    models
}

fn with<L: Ledger, T: 'static>(
    ledger: &Arc<L>,
    act: impl FnOnce(&L) -> T + 'static,
) -> JoinHandle<T> {
    let ledger = Arc::clone(ledger);
    thread::spawn(move || act(&ledger))
}

fn assert_sums(used: [u64; 3]) {
    let [ada, bob, team] = used;
    assert_eq!(team, ada + bob, "the team's is the sum of those below");
}

/// Each wants two, and their team has three.
fn two_agents<L: Ledger>(ledger: L) {
    let ledger = Arc::new(ledger);
    let bob = with(&ledger, |ledger| ledger.debit(1, 2));
    let ada = ledger.debit(0, 2);
    let granted = [ada, bob.join().expect("joins")];
    let used = ledger.used();
    assert!(used[2] <= 3, "more was taken than there is");
    assert!(granted[0] ^ granted[1], "more was taken than there is");
    for (granted, used) in granted.into_iter().zip(used) {
        let owed = if granted { 2 } else { 0 };
        assert_eq!(used, owed, "who was refused paid a part");
    }
    assert_sums(used);
}

/// Two calls of one agent want two each, and it has three.
fn one_agent<L: Ledger>(ledger: L) {
    let ledger = Arc::new(ledger);
    let other = with(&ledger, |ledger| ledger.debit(0, 2));
    let one = ledger.debit(0, 2);
    let other = other.join().expect("joins");
    assert!(one ^ other, "more was taken than there is");
    let used = ledger.used();
    assert_eq!(used, [2, 0, 2]);
}

/// One settles what it took, while the other takes.
fn refund<L: Ledger>(ledger: L) {
    let ledger = Arc::new(ledger);
    assert!(ledger.debit(0, 2));
    let bob = with(&ledger, |ledger| ledger.debit(1, 1));
    let settled = with(&ledger, |ledger| ledger.settle(0, 2, 1));
    let late = ledger.debit(1, 2);
    settled.join().expect("joins");
    let bob = u64::from(bob.join().expect("joins")) + 2 * u64::from(late);
    assert_sums(ledger.used());
    assert_eq!(ledger.used(), [1, bob, 1 + bob]);
}
