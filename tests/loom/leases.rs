//! L11: a pool's leases. Members are taken, given back and die, callers wait and
//! give up.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use callboard::model::internals::{Claim, Leases, Token};
use loom::future::block_on;
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{AcqRel, Acquire};
use loom::thread::{self, JoinHandle};

use crate::harness::Model;
use crate::mutants::leases::{Copy, Slip};

pub(crate) type Wait<C> = Pin<Box<dyn Future<Output = C> + Send>>;

/// The leases of a pool whose members are numbers, whichever they are.
pub(crate) trait Book: Send + Sync + 'static {
    type Claim: Send + 'static;
    type Token: std::marker::Copy + Send + 'static;

    fn add(&self, member: u32) -> Self::Token;
    fn remove(&self, token: Self::Token);
    fn reborn(&self, token: Self::Token);
    fn try_take(&self) -> Option<Self::Claim>;
    fn take(self: Arc<Self>) -> Wait<Self::Claim>;
    fn member(claim: &Self::Claim) -> u32;
    fn give_back(&self, claim: Self::Claim);
    fn counts(&self) -> (usize, usize, usize);
}

impl Book for Leases {
    type Claim = Claim;
    type Token = Token;

    fn add(&self, member: u32) -> Token {
        self.add(member)
    }

    fn remove(&self, token: Token) {
        self.remove(token);
    }

    fn reborn(&self, token: Token) {
        self.reborn(token);
    }

    fn try_take(&self) -> Option<Claim> {
        self.try_take()
    }

    fn take(self: Arc<Self>) -> Wait<Claim> {
        Box::pin(async move { Leases::take(&self).await })
    }

    fn member(claim: &Claim) -> u32 {
        claim.member()
    }

    fn give_back(&self, claim: Claim) {
        self.give_back(claim);
    }

    fn counts(&self) -> (usize, usize, usize) {
        self.counts()
    }
}

pub(crate) fn models() -> Vec<Model> {
    let mut models = family(
        "l11_a_member_has_one_owner_and_who_waits_is_served",
        shared,
        shared,
        &[
            (Slip::TakenStaysFree, "has one owner"),
            (Slip::SitsDownLate, "deadlock"),
            (Slip::GiveBackServesNobody, "deadlock"),
            (Slip::GrantWakesNobody, "deadlock"),
        ],
    );
    models.extend(family(
        "l11_who_gives_up_passes_its_member_on",
        fickle,
        fickle,
        &[
            (Slip::GrantIsNotPassedOn, "nobody waits"),
            (Slip::LeaverStaysInLine, "nobody waits"),
        ],
    ));
    models.extend(family(
        "l11_a_member_that_dies_is_replaced_for_who_waits",
        death,
        death,
        &[
            (Slip::NewcomerServesNobody, "deadlock"),
            (Slip::OldClaimFreesTheNext, "has one owner"),
        ],
    ));
    models.extend(family(
        "l11_the_next_life_of_a_member_serves_who_waits",
        rebirth,
        rebirth,
        &[
            (Slip::NextLifeServesNobody, "deadlock"),
            (Slip::ClaimOutlivesItsLife, "has one owner"),
        ],
    ));
    models
}

fn family(
    name: &str,
    over_shipped: fn(Leases),
    over_copy: fn(Copy),
    slips: &[(Slip, &'static str)],
) -> Vec<Model> {
    let mut models = vec![
        Model::holds(name, move || over_shipped(Leases::new())),
        Model::holds(format!("{name}/copy"), move || {
            over_copy(Copy::new(Slip::None))
        }),
    ];
    for &(slip, cause) in slips {
        let body = move || over_copy(Copy::new(slip));
        models.push(Model::dies_of(format!("{name}/{slip:?}"), cause, body));
    }
    models
}

/// How many own each life of a member.
type Owners = Arc<[AtomicUsize; 2]>;

fn owners() -> Owners {
    Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)])
}

fn own(owners: &Owners, which: usize) {
    let before = owners[which].fetch_add(1, AcqRel);
    assert_eq!(before, 0, "a member has one owner");
}

fn disown(owners: &Owners, which: usize) {
    owners[which].fetch_sub(1, AcqRel);
}

/// Has a member for a moment.
fn use_one<B: Book>(book: &B, owners: &Owners, claim: B::Claim) {
    let member = B::member(&claim) as usize;
    own(owners, member);
    disown(owners, member);
    book.give_back(claim);
}

fn with<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::spawn(work)
}

fn waiter<B: Book>(book: &Arc<B>, owners: &Owners) -> JoinHandle<()> {
    let (book, owners) = (Arc::clone(book), Arc::clone(owners));
    with(move || {
        let claim = block_on(Arc::clone(&book).take());
        use_one(&*book, &owners, claim);
    })
}

fn assert_nothing_is_left<B: Book>(book: &B, members: usize) {
    assert_eq!(
        book.counts(),
        (members, 0, 0),
        "members, no leases, nobody waits"
    );
}

/// Two wait for the one member that a third has.
fn shared<B: Book>(book: B) {
    let (book, owners) = (Arc::new(book), owners());
    book.add(0);
    let mine = book.try_take().expect("it is free");
    own(&owners, 0);
    let others = [waiter(&book, &owners), waiter(&book, &owners)];
    disown(&owners, 0);
    book.give_back(mine);
    for other in others {
        other.join().expect("joins");
    }
    assert_nothing_is_left(&*book, 1);
}

/// One looks once and goes away, one waits.
fn fickle<B: Book>(book: B) {
    let (book, owners) = (Arc::new(book), owners());
    book.add(0);
    let mine = book.try_take().expect("it is free");
    let fickle = with({
        let (book, owners) = (Arc::clone(&book), Arc::clone(&owners));
        move || {
            let mut taking = Arc::clone(&book).take();
            let first = block_on(poll_fn(|task| {
                Poll::Ready(match taking.as_mut().poll(task) {
                    Poll::Ready(claim) => Some(claim),
                    Poll::Pending => None,
                })
            }));
            drop(taking);
            if let Some(claim) = first {
                use_one(&*book, &owners, claim);
            }
        }
    });
    let patient = waiter(&book, &owners);
    book.give_back(mine);
    fickle.join().expect("joins");
    patient.join().expect("joins");
    assert_nothing_is_left(&*book, 1);
}

/// The one member dies in its holder's hands, and another comes.
fn death<B: Book>(book: B) {
    let (book, owners) = (Arc::new(book), owners());
    let token = book.add(0);
    let mine = book.try_take().expect("it is free");
    let patient = waiter(&book, &owners);
    let manager = with({
        let book = Arc::clone(&book);
        move || {
            book.remove(token);
            assert_eq!(book.counts().0, 0, "never more than allowed");
            book.add(1);
        }
    });
    book.give_back(mine);
    if let Some(claim) = book.try_take() {
        use_one(&*book, &owners, claim);
    }
    patient.join().expect("joins");
    manager.join().expect("joins");
    assert_nothing_is_left(&*book, 1);
}

/// The one member crashes in its holder's hands, and begins anew.
fn rebirth<B: Book>(book: B) {
    let (book, owners) = (Arc::new(book), owners());
    let token = book.add(0);
    let mine = book.try_take().expect("it is free");
    let patient = waiter(&book, &owners);
    let is_reborn = Arc::new(AtomicUsize::new(0));
    let manager = with({
        let (book, is_reborn) = (Arc::clone(&book), Arc::clone(&is_reborn));
        move || {
            book.reborn(token);
            is_reborn.store(1, std::sync::atomic::Ordering::Release);
        }
    });
    if is_reborn.load(Acquire) == 1 {
        // The old life's claim gives nothing back.
        book.give_back(mine);
        if let Some(claim) = book.try_take() {
            use_one(&*book, &owners, claim);
        }
        patient.join().expect("joins");
        manager.join().expect("joins");
    } else {
        // Held until all is over: the waiter is served by the new life alone.
        patient.join().expect("joins");
        manager.join().expect("joins");
        book.give_back(mine);
    }
    assert_nothing_is_left(&*book, 1);
}
