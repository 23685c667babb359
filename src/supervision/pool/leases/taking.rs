//! Callers on their way to a member, and what they hold when they have it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{Claim, Leases, Outcome, Refused, Seat, Want};

/// A caller on its way to a member.
///
/// Dropped, it leaves the line; a claim that was just made for it passes on.
pub(crate) struct Taking<'a, M: Clone> {
    pub(super) leases: &'a Leases<M>,
    pub(super) want: Want,
    pub(super) seat: Option<usize>,
}

impl<'a, M: Clone> Future for Taking<'a, M> {
    type Output = Result<Taken<'a, M>, Refused>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let leases = self.leases;
        let mut state = leases.state.lock();
        if let Some(at) = self.seat {
            if let Some(Seat::Waiting(waker, ..)) = state.seats.get_mut(at) {
                let old = (!waker.will_wake(task.waker()))
                    .then(|| std::mem::replace(waker, task.waker().clone()));
                drop(state);
                drop(old);
                return Poll::Pending;
            }
            let seat = state.seats.remove(at);
            drop(state);
            self.seat = None;
            return Poll::Ready(match seat {
                Some(Seat::Granted(claim)) => Ok(Taken::new(leases, claim)),
                _ => Err(Refused::Closed),
            });
        }
        if let Some(claim) = state.take(self.want) {
            drop(state);
            return Poll::Ready(Ok(Taken::new(leases, claim)));
        }
        let sat = state.sit_down(self.want, (leases.clock)(), task.waker());
        let may_grow = state.may_grow();
        drop(state);
        match sat {
            Ok(seat) => {
                self.seat = Some(seat);
                if may_grow {
                    leases.ring();
                }
                Poll::Pending
            }
            Err(refused) => Poll::Ready(Err(refused)),
        }
    }
}

impl<M: Clone> Drop for Taking<'_, M> {
    fn drop(&mut self) {
        let Some(at) = self.seat else {
            return;
        };
        let mut state = self.leases.state.lock();
        let seat = state.seats.remove(at);
        if let Some(Seat::Waiting(_, stand, _)) = &seat {
            state.line.leave(*stand);
        }
        drop(state);
        if let Some(Seat::Granted(claim)) = seat {
            self.leases.give_back(claim, None);
        }
    }
}

/// A claim that is given back when it is dropped.
pub(crate) struct Taken<'a, M: Clone> {
    leases: &'a Leases<M>,
    claim: Option<Claim<M>>,
    outcome: Option<Outcome>,
}

impl<'a, M: Clone> Taken<'a, M> {
    pub(super) fn new(leases: &'a Leases<M>, claim: Claim<M>) -> Self {
        Self {
            leases,
            claim: Some(claim),
            outcome: None,
        }
    }

    pub(crate) fn member(&self) -> &M {
        let claim = self.claim.as_ref();
        &claim.expect("it is there until it is dropped").member
    }

    /// How the job went.
    pub(crate) fn note(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }

    /// The claim without the guard: whoever has it gives it back.
    pub(crate) fn into_claim(mut self) -> Claim<M> {
        self.claim.take().expect("it is there until it is dropped")
    }
}

impl<M: Clone> Drop for Taken<'_, M> {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.leases.give_back(claim, self.outcome);
        }
    }
}
