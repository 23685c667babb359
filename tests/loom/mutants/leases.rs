//! A copy of a pool's leases, reduced to one job for each member and a line
//! without priorities, with slips.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use loom::sync::{Mutex, MutexGuard};

use crate::leases::{Book, Wait};

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// A member that was taken can be taken again.
    TakenStaysFree,
    /// A caller looks, lets go of the lock, and only then sits down.
    SitsDownLate,
    /// A member comes back, and nobody in the line gets it.
    GiveBackServesNobody,
    /// A member is granted, and its new owner is not told.
    GrantWakesNobody,
    /// Who gives up keeps what it was just granted.
    GrantIsNotPassedOn,
    /// Who gives up stays in the line.
    LeaverStaysInLine,
    /// A new member waits to be asked for.
    NewcomerServesNobody,
    /// A claim on a member that is gone frees the one in its place.
    OldClaimFreesTheNext,
    /// A member begins anew, and nobody in the line gets it.
    NextLifeServesNobody,
    /// A claim of an earlier life frees the present one.
    ClaimOutlivesItsLife,
}

#[derive(Clone, Copy)]
struct Member {
    id: u64,
    member: u32,
    life: u32,
    is_taken: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct Claim {
    at: usize,
    id: u64,
    life: u32,
    member: u32,
}

#[derive(Default)]
struct State {
    members: Vec<Option<Member>>,
    line: VecDeque<u64>,
    seats: BTreeMap<u64, Result<Claim, Waker>>,
    next: u64,
}

/// The copy. `slip` says which line of it is wrong.
pub(crate) struct Copy {
    slip: Slip,
    state: Mutex<State>,
}

impl Copy {
    pub(crate) fn new(slip: Slip) -> Self {
        Self {
            slip,
            state: Mutex::new(State::default()),
        }
    }

    fn is(&self, slip: Slip) -> bool {
        self.slip == slip
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic ends the process")
    }

    fn pick(&self, state: &mut State) -> Option<Claim> {
        let free = |m: &Option<Member>| m.is_some_and(|m| !m.is_taken);
        let at = state.members.iter().position(free)?;
        let member = state.members[at].as_mut()?;
        member.is_taken = !self.is(Slip::TakenStaysFree);
        Some(Claim {
            at,
            id: member.id,
            life: member.life,
            member: member.member,
        })
    }

    fn serve(&self, mut state: MutexGuard<'_, State>) {
        let mut wakes = Vec::new();
        while !state.line.is_empty()
            && let Some(claim) = self.pick(&mut state)
            && let Some(seat) = state.line.pop_front()
        {
            if let Some(Err(waker)) = state.seats.insert(seat, Ok(claim)) {
                wakes.push(waker);
            }
        }
        drop(state);
        if !self.is(Slip::GrantWakesNobody) {
            wakes.into_iter().for_each(Waker::wake);
        }
    }

    fn end(&self, claim: Claim) {
        let mut state = self.lock();
        if let Some(Some(member)) = state.members.get_mut(claim.at)
            && (member.id == claim.id || self.is(Slip::OldClaimFreesTheNext))
            && (member.life == claim.life || self.is(Slip::ClaimOutlivesItsLife))
        {
            member.is_taken = false;
        }
        if !self.is(Slip::GiveBackServesNobody) {
            self.serve(state);
        }
    }
}

impl Book for Copy {
    type Claim = Claim;
    type Token = (usize, u64);

    fn add(&self, member: u32) -> (usize, u64) {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        let new = Some(Member {
            id,
            member,
            life: 0,
            is_taken: false,
        });
        let free = state.members.iter().position(Option::is_none);
        let at = match free {
            Some(at) => {
                state.members[at] = new;
                at
            }
            None => {
                state.members.push(new);
                state.members.len() - 1
            }
        };
        if !self.is(Slip::NewcomerServesNobody) {
            self.serve(state);
        }
        (at, id)
    }

    fn remove(&self, (at, _): (usize, u64)) {
        self.lock().members[at] = None;
    }

    fn reborn(&self, (at, _): (usize, u64)) {
        let mut state = self.lock();
        if let Some(member) = &mut state.members[at] {
            member.life += 1;
            member.is_taken = false;
        }
        if !self.is(Slip::NextLifeServesNobody) {
            self.serve(state);
        }
    }

    fn try_take(&self) -> Option<Claim> {
        self.pick(&mut self.lock())
    }

    fn take(self: Arc<Self>) -> Wait<Claim> {
        Box::pin(Taking {
            book: self,
            seat: None,
        })
    }

    fn member(claim: &Claim) -> u32 {
        claim.member
    }

    fn give_back(&self, claim: Claim) {
        self.end(claim);
    }

    fn counts(&self) -> (usize, usize, usize) {
        let state = self.lock();
        let there = state.members.iter().flatten();
        let taken = there.clone().filter(|m| m.is_taken).count();
        (there.count(), taken, state.line.len())
    }
}

struct Taking {
    book: Arc<Copy>,
    seat: Option<u64>,
}

impl Future for Taking {
    type Output = Claim;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Claim> {
        let book = Arc::clone(&self.book);
        let mut state = book.lock();
        if let Some(seat) = self.seat {
            return match state.seats.remove(&seat) {
                Some(Ok(claim)) => {
                    self.seat = None;
                    Poll::Ready(claim)
                }
                _ => {
                    state.seats.insert(seat, Err(task.waker().clone()));
                    Poll::Pending
                }
            };
        }
        if let Some(claim) = book.pick(&mut state) {
            return Poll::Ready(claim);
        }
        if book.is(Slip::SitsDownLate) {
            drop(state);
            state = book.lock();
        }
        let seat = state.next;
        state.next += 1;
        state.line.push_back(seat);
        state.seats.insert(seat, Err(task.waker().clone()));
        self.seat = Some(seat);
        Poll::Pending
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        let Some(seat) = self.seat else {
            return;
        };
        let mut state = self.book.lock();
        if !self.book.is(Slip::LeaverStaysInLine) {
            state.line.retain(|waiting| *waiting != seat);
        }
        let granted = state.seats.remove(&seat);
        drop(state);
        if let Some(Ok(claim)) = granted
            && !self.book.is(Slip::GrantIsNotPassedOn)
        {
            self.book.end(claim);
        }
    }
}
