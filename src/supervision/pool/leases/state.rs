//! What becomes of members, claims and the line; under the lock.

use std::task::Waker;
use std::time::Instant;

use super::{Claim, Kind, Member, Refused, Seat, State, Token, Want};
use crate::policy::choice::Dispatch;
use crate::policy::priority::Priority;
use crate::policy::sizing::Surplus;
use crate::supervision::pool::line::Caller;
use crate::sync::WakeList;

impl<M: Clone> State<M> {
    /// Whether the manager has anything to decide because somebody waits. A pool
    /// at its largest is left alone.
    pub(super) fn may_grow(&self) -> bool {
        let (size, sizing) = (self.members.len(), &self.config.sizing);
        size < sizing.max && (size == 0 || self.line.len() >= sizing.grow_at)
    }

    pub(super) fn knows(&self, token: Token) -> bool {
        self.members.get(token.at).is_some_and(|m| m.id == token.id)
    }

    pub(super) fn member(&mut self, token: Token) -> Option<&mut Member<M>> {
        let member = self.members.get_mut(token.at)?;
        (member.id == token.id).then_some(member)
    }

    pub(super) fn take(&mut self, want: Want) -> Option<Claim<M>> {
        if self.is_closed {
            return None;
        }
        let chance = &mut self.chance;
        let by = self.config.dispatch;
        let at = self.chooser.choose(by, want.key, || chance.next())?;
        self.claim(at, want.kind)
    }

    pub(super) fn claim(&mut self, at: usize, kind: Kind) -> Option<Claim<M>> {
        self.busy += usize::from(self.chooser.load(at) == 0);
        self.jobs += 1;
        self.was_full |= self.busy == self.members.len();
        self.chooser.take(at);
        let member = self.members.get_mut(at)?;
        if kind == Kind::Lease {
            member.leased += 1;
            self.leases += 1;
        }
        Some(Claim {
            token: Token { at, id: member.id },
            life: member.life,
            kind,
            member: member.member.clone(),
        })
    }

    pub(super) fn end(&mut self, token: Token, life: u32, kind: Kind) {
        let Some(member) = self.member(token) else {
            return;
        };
        if kind == Kind::Lease {
            if member.life != life {
                return;
            }
            member.leased -= 1;
            self.leases -= 1;
        }
        self.end_job(token.at);
    }

    pub(super) fn end_job(&mut self, at: usize) {
        self.chooser.give_back(at);
        self.jobs -= 1;
        self.busy -= usize::from(self.chooser.load(at) == 0);
    }

    /// A member has perhaps nothing to do: it leaves where there are too many.
    pub(super) fn settle(&mut self, token: Token, now: fn() -> Instant, wakes: &mut WakeList) {
        let size = self.members.len();
        if size <= self.config.sizing.min {
            return;
        }
        if size > self.config.sizing.max {
            return self.dismiss(token);
        }
        if self.config.sizing.surplus == Surplus::AtOnce {
            self.serve(now, wakes);
            let is_base = self.member(token).is_some_and(|m| m.is_base);
            if self.line.len() == 0 && (!is_base || self.extra == 0) {
                self.dismiss(token);
            }
        }
    }

    pub(super) fn dismiss(&mut self, token: Token) {
        if self.chooser.load(token.at) == 0 {
            let gone = self.remove(token);
            self.leaving.extend(gone);
        }
    }

    pub(super) fn remove(&mut self, token: Token) -> Option<M> {
        if !self.knows(token) {
            return None;
        }
        let load = self.chooser.load(token.at);
        self.chooser.leave(token.at);
        let gone = self.members.remove(token.at)?;
        self.jobs -= load;
        self.busy -= usize::from(load > 0);
        self.leases -= gone.leased;
        self.extra -= usize::from(!gone.is_base);
        self.find_homes();
        Some(gone.member)
    }

    /// Members have come or gone: some keys have another home.
    pub(super) fn find_homes(&mut self) {
        if self.config.dispatch == Dispatch::Keyed {
            for caller in self.line.iter_mut() {
                caller.home = caller.key.and_then(|key| self.chooser.home(key));
            }
        }
    }

    /// Serves waiting callers while there are members for them.
    pub(super) fn serve(&mut self, now: fn() -> Instant, wakes: &mut WakeList) {
        while self.chooser.open() > 0 {
            let is_keyed = self.config.dispatch == Dispatch::Keyed;
            let chooser = &self.chooser;
            let can_serve = |caller: &Caller| match caller.home {
                Some(home) if is_keyed => chooser.is_open(home),
                _ => true,
            };
            let Some(caller) = self.line.next(now, can_serve) else {
                return;
            };
            let Some(Seat::Waiting(_, _, kind)) = self.seats.get(caller.seat) else {
                continue;
            };
            let want = Want {
                kind: *kind,
                key: caller.key,
                priority: Priority::NORMAL,
            };
            let Some(claim) = self.take(want) else {
                return;
            };
            if let Some(seat) = self.seats.get_mut(caller.seat)
                && let Seat::Waiting(waker, ..) = std::mem::replace(seat, Seat::Granted(claim))
            {
                wakes.push(waker);
            }
        }
    }

    /// Takes a seat, if there is one left.
    pub(super) fn sit_down(
        &mut self,
        want: Want,
        now: Instant,
        waker: &Waker,
    ) -> Result<usize, Refused> {
        if self.is_closed {
            return Err(Refused::Closed);
        }
        if self
            .config
            .limit()
            .is_some_and(|limit| self.line.len() >= limit)
        {
            return Err(Refused::Full);
        }
        let home = match self.config.dispatch {
            Dispatch::Keyed => want.key.and_then(|key| self.chooser.home(key)),
            _ => None,
        };
        let seat = self.seats.insert(Seat::Closed);
        let stand = self.line.join(want.priority, now, seat, want.key, home);
        if let Some(place) = self.seats.get_mut(seat) {
            *place = Seat::Waiting(waker.clone(), stand, want.kind);
        }
        self.most_waiting = self.most_waiting.max(self.line.len());
        Ok(seat)
    }
}
