//! L5, L6: a breaker's steps. Callers race into half-open, late results and
//! dropped permits meet its changes, and a listener hears of all of them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use callboard::model::internals::{BreakerCore, BreakerPermit};
use callboard::policy::breaker::{BreakerConfig, Event, Outcome, State};
use loom::future::block_on;
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{AcqRel, Acquire};
use loom::thread;

use crate::harness::Model;
use crate::mutants::breaker::{Copy as Copied, Slip};

/// From which state to which.
pub(crate) type Change = (State, State);

/// A breaker's steps, whichever they are; the model says how many seconds have
/// passed.
pub(crate) trait Door: Send + Sync + 'static {
    type Permit: Copy + Send + 'static;

    fn admit(&self, at: u64) -> Option<Self::Permit>;
    fn settle(&self, permit: Self::Permit, outcome: Outcome, at: u64);
    fn state(&self) -> State;
    fn changes(&self) -> Vec<Change>;
    fn listen(&self) -> (u64, u64);
    fn hear(&self, id: u64, next: &mut u64, waker: &Waker) -> Option<Change>;
}

impl Door for BreakerCore {
    type Permit = BreakerPermit;

    fn admit(&self, at: u64) -> Option<BreakerPermit> {
        self.admit(at)
    }

    fn settle(&self, permit: BreakerPermit, outcome: Outcome, at: u64) {
        self.settle(permit, outcome, at);
    }

    fn state(&self) -> State {
        self.state()
    }

    fn changes(&self) -> Vec<Change> {
        let changes = self.transitions().into_iter();
        changes.map(|change| (change.from, change.to)).collect()
    }

    fn listen(&self) -> (u64, u64) {
        self.listen()
    }

    fn hear(&self, id: u64, next: &mut u64, waker: &Waker) -> Option<Change> {
        while let Some((number, event)) = self.read(id, *next, waker) {
            assert_eq!(number, *next, "no number is left out");
            *next += 1;
            if let Event::Changed(change) = event {
                return Some((change.from, change.to));
            }
        }
        None
    }
}

/// Which breaker a model is about.
trait Kind: Copy + Send + Sync + 'static {
    type Of: Door;

    /// Exactly two probes, of which all must succeed.
    fn trial_of_two(self) -> Self::Of;
    /// One probe at a time, of which two in a row must succeed.
    fn one_at_a_time(self) -> Self::Of;
}

#[derive(Clone, Copy)]
struct Shipped;

impl Kind for Shipped {
    type Of = BreakerCore;

    fn trial_of_two(self) -> BreakerCore {
        let config = BreakerConfig::failure_rate(0.5).min_calls(1);
        BreakerCore::new(opens_for_ten(config.recovery_by_rates(2)))
    }

    fn one_at_a_time(self) -> BreakerCore {
        BreakerCore::new(opens_for_ten(BreakerConfig::consecutive(1)))
    }
}

fn opens_for_ten(config: BreakerConfig) -> BreakerConfig {
    config.open_for(std::time::Duration::from_secs(10))
}

impl Kind for Slip {
    type Of = Copied;

    fn trial_of_two(self) -> Copied {
        Copied::new(self, 2, 2, true)
    }

    fn one_at_a_time(self) -> Copied {
        Copied::new(self, 1, 2, false)
    }
}

pub(crate) fn models() -> Vec<Model> {
    let into_half_open = &[
        (Slip::RestsOnAnOldLook, "it turns once"),
        (Slip::TakesInASecondStep, "exactly as many as allowed"),
    ];
    let of_two = family(
        "l5_two_race_into_half_open",
        |kind| race(kind, 1),
        |kind| race(kind, 1),
        into_half_open,
    );
    let mut models: Vec<Model> = of_two.into_iter().map(Model::exhaustive).collect();
    models.extend(family(
        "l5_three_race_into_half_open",
        |kind| race(kind, 2),
        |kind| race(kind, 2),
        into_half_open,
    ));
    models.extend(family(
        "l6_late_results_and_dropped_permits",
        late,
        late,
        &[
            (Slip::SettlesAnyGeneration, "an old result decides nothing"),
            (Slip::KeepsAnIgnoredPlace, "it is not stuck"),
            (Slip::TakesInASecondStep, "no more probes than allowed"),
        ],
    ));
    models.extend(family(
        "l6_a_listener_hears_of_each_change_in_order",
        heard,
        heard,
        &[
            (Slip::NotesLater, "in the order of the changes"),
            (Slip::RegistersInASecondStep, "deadlock"),
        ],
    ));
    models
}

fn family(
    name: &str,
    over_shipped: fn(Shipped),
    over_copy: fn(Slip),
    slips: &[(Slip, &'static str)],
) -> Vec<Model> {
    let mut models = vec![
        Model::holds(name, move || over_shipped(Shipped)),
        Model::holds(format!("{name}/copy"), move || over_copy(Slip::None)),
    ];
    for &(slip, cause) in slips {
        let body = move || over_copy(slip);
        models.push(Model::dies_of(format!("{name}/{slip:?}"), cause, body));
    }
    models
}

fn trip(door: &impl Door) {
    let permit = door.admit(0).expect("it is closed");
    door.settle(permit, Outcome::Failure, 0);
}

/// Callers come, each twice, when its wait is over.
fn race<K: Kind>(kind: K, rivals: usize) {
    let door = Arc::new(kind.trial_of_two());
    trip(&*door);
    let try_twice = |door: &K::Of| (0..2).filter(|_| door.admit(10).is_some()).count();
    let rivals: Vec<_> = (0..rivals)
        .map(|_| {
            let door = Arc::clone(&door);
            thread::spawn(move || try_twice(&door))
        })
        .collect();
    let mine = try_twice(&door);
    let theirs = rivals.into_iter().map(|rival| rival.join().expect("joins"));
    let admitted = mine + theirs.sum::<usize>();
    let (closed, open, half_open) = (State::Closed, State::Open, State::HalfOpen);
    assert_eq!(
        door.changes(),
        [(closed, open), (open, half_open)],
        "it turns once"
    );
    assert_eq!(admitted, 2, "exactly as many as allowed");
}

/// One call from before, one that is dropped, one that succeeds.
fn late<K: Kind>(kind: K) {
    let door = Arc::new(kind.one_at_a_time());
    let before = door.admit(0).expect("it is closed");
    trip(&*door);
    let out = Arc::new(AtomicUsize::new(0));
    let probe = |door: &K::Of, out: &AtomicUsize, outcome| {
        if let Some(permit) = door.admit(10) {
            assert_eq!(out.fetch_add(1, AcqRel), 0, "no more probes than allowed");
            out.fetch_sub(1, AcqRel);
            door.settle(permit, outcome, 10);
        }
    };
    let old = {
        let door = Arc::clone(&door);
        thread::spawn(move || door.settle(before, Outcome::Failure, 10))
    };
    let dropped = {
        let (door, out) = (Arc::clone(&door), Arc::clone(&out));
        thread::spawn(move || probe(&door, &out, Outcome::Ignored))
    };
    probe(&door, &out, Outcome::Success);
    old.join().expect("joins");
    dropped.join().expect("joins");
    assert_eq!(
        door.state(),
        State::HalfOpen,
        "an old result decides nothing"
    );
    assert_eq!(out.load(Acquire), 0);
    assert!(door.admit(10).is_some(), "it is not stuck");
}

/// One trips it, one comes when its wait is over, one listens.
fn heard<K: Kind>(kind: K) {
    let door = Arc::new(kind.one_at_a_time());
    let (id, mut next) = door.listen();
    let tripping = {
        let door = Arc::clone(&door);
        thread::spawn(move || trip(&*door))
    };
    let probing = {
        let door = Arc::clone(&door);
        thread::spawn(move || {
            let _forgotten = door.admit(10);
        })
    };
    let first = block_on(poll_fn(|task| {
        match door.hear(id, &mut next, task.waker()) {
            Some(change) => Poll::Ready(change),
            None => Poll::Pending,
        }
    }));
    let opened = (State::Closed, State::Open);
    assert_eq!(first, opened, "in the order of the changes");
    tripping.join().expect("joins");
    probing.join().expect("joins");
    let changes = door.changes();
    assert_eq!(changes[0], opened, "in the order of the changes");
    assert!(changes.windows(2).all(|two| two[0].1 == two[1].0));
}
