//! Who has which member: leases, and callers waiting for one.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Release};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use super::{Manage, MemberRef};
use crate::actor::{ActorId, ActorRef, Fault, Worker};
use crate::policy::choice::least_loaded;
use crate::sync::Mutex;

struct Member<W: Worker> {
    actor: MemberRef<W>,
    jobs: usize,
}

struct Waiter {
    ticket: u64,
    waker: Waker,
}

struct State<W: Worker> {
    members: BTreeMap<ActorId, Member<W>>,
    /// First come, first served.
    waiters: VecDeque<Waiter>,
    /// Leases made for waiters that have not come for them.
    granted: BTreeMap<u64, (ActorId, MemberRef<W>)>,
    next_ticket: u64,
    /// Where the search for the least loaded begins, so that equals take turns.
    turn: usize,
    most_waiting: usize,
}

/// The leases of one pool.
pub(crate) struct Leases<W: Worker> {
    state: Mutex<State<W>>,
    depth: usize,
    /// How many callers may wait; `None`: as many as there are.
    limit: Option<usize>,
    manager: OnceLock<ActorRef<Manage>>,
    /// The manager has been told that callers wait, and has not looked yet.
    is_told: AtomicBool,
}

/// A pool at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// Members, busy and idle.
    pub size: usize,
    /// Members with a job.
    pub busy: usize,
    /// Jobs given to members.
    pub jobs: usize,
    /// Callers waiting for a member.
    pub waiting: usize,
    /// The most callers that ever waited at once.
    pub most_waiting: usize,
}

impl<W: Worker> Leases<W> {
    pub(crate) fn new(depth: usize, limit: Option<usize>) -> Self {
        Self {
            state: Mutex::new(State {
                members: BTreeMap::new(),
                waiters: VecDeque::new(),
                granted: BTreeMap::new(),
                next_ticket: 0,
                turn: 0,
                most_waiting: 0,
            }),
            depth,
            limit,
            manager: OnceLock::new(),
            is_told: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_manager(&self, manager: ActorRef<Manage>) {
        let _ = self.manager.set(manager);
    }

    /// Waits for a member; refused where too many wait already.
    pub(crate) fn lease(self: &Arc<Self>, pool: &str) -> Leasing<W> {
        Leasing {
            leases: Arc::clone(self),
            pool: pool.into(),
            ticket: None,
        }
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let state = self.state.lock();
        PoolStatus {
            size: state.members.len(),
            busy: state.members.values().filter(|m| m.jobs > 0).count(),
            jobs: state.members.values().map(|m| m.jobs).sum(),
            waiting: state.waiters.len(),
            most_waiting: state.most_waiting,
        }
    }

    /// A new member serves whoever waits.
    pub(crate) fn add(&self, actor: MemberRef<W>) {
        let wakers = {
            let mut state = self.state.lock();
            state.members.insert(actor.id(), Member { actor, jobs: 0 });
            state.grant(self.depth)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A member without a job leaves, if there is one.
    pub(crate) fn take_idle(&self) -> Option<MemberRef<W>> {
        let mut state = self.state.lock();
        let id = *state.members.iter().rev().find(|(_, m)| m.jobs == 0)?.0;
        state.members.remove(&id).map(|m| m.actor)
    }

    /// A member is gone; its jobs fail by themselves.
    pub(crate) fn remove(&self, id: ActorId) {
        let gone = self.state.lock().members.remove(&id);
        drop(gone);
    }

    /// The members are all gone.
    pub(crate) fn clear(&self) {
        let gone = std::mem::take(&mut self.state.lock().members);
        drop(gone);
    }

    /// The manager looks now: from here on it wants to be told again.
    pub(crate) fn heard(&self) {
        self.is_told.store(false, Release);
    }

    fn tell_manager(&self) {
        if let Some(manager) = self.manager.get()
            && !self.is_told.swap(true, AcqRel)
            && manager.try_tell(Manage::WorkWaits).is_err()
        {
            self.is_told.store(false, Release);
        }
    }

    fn give_back(&self, id: ActorId) {
        let wakers = {
            let mut state = self.state.lock();
            if let Some(member) = state.members.get_mut(&id) {
                member.jobs = member.jobs.saturating_sub(1);
            }
            state.grant(self.depth)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl<W: Worker> State<W> {
    fn choose(&mut self, depth: usize) -> Option<(ActorId, MemberRef<W>)> {
        let loads: Vec<_> = self
            .members
            .values()
            .map(|m| (m.jobs < depth).then_some(m.jobs))
            .collect();
        let at = least_loaded(loads, self.turn)?;
        self.turn = at + 1;
        let (id, member) = self.members.iter_mut().nth(at)?;
        member.jobs += 1;
        Some((*id, member.actor.clone()))
    }

    /// Serves waiting callers while there are members for them.
    fn grant(&mut self, depth: usize) -> Vec<Waker> {
        let mut wakers = Vec::new();
        while !self.waiters.is_empty()
            && let Some(lease) = self.choose(depth)
            && let Some(waiter) = self.waiters.pop_front()
        {
            self.granted.insert(waiter.ticket, lease);
            wakers.push(waiter.waker);
        }
        wakers
    }
}

/// A caller on its way to a member.
///
/// Dropped, it leaves the queue; a lease that was just made for it passes on.
pub(crate) struct Leasing<W: Worker> {
    leases: Arc<Leases<W>>,
    pool: Box<str>,
    ticket: Option<u64>,
}

impl<W: Worker> Future for Leasing<W> {
    type Output = Result<Lease<W>, Fault>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let leases = Arc::clone(&self.leases);
        let mut state = leases.state.lock();
        if let Some(ticket) = self.ticket {
            if let Some((id, member)) = state.granted.remove(&ticket) {
                drop(state);
                self.ticket = None;
                return Poll::Ready(Ok(Lease { leases, id, member }));
            }
            if let Some(waiter) = state.waiters.iter_mut().find(|w| w.ticket == ticket)
                && !waiter.waker.will_wake(task.waker())
            {
                waiter.waker = task.waker().clone();
            }
            return Poll::Pending;
        }
        // A newcomer never overtakes those who wait.
        if state.waiters.is_empty()
            && let Some((id, member)) = state.choose(leases.depth)
        {
            drop(state);
            return Poll::Ready(Ok(Lease { leases, id, member }));
        }
        if leases
            .limit
            .is_some_and(|limit| state.waiters.len() >= limit)
        {
            drop(state);
            return Poll::Ready(Err(Fault::overloaded(
                format!("pool {} has no room, retry later", self.pool),
                std::time::Duration::from_secs(1),
            )));
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiters.push_back(Waiter {
            ticket,
            waker: task.waker().clone(),
        });
        state.most_waiting = state.most_waiting.max(state.waiters.len());
        drop(state);
        self.ticket = Some(ticket);
        leases.tell_manager();
        Poll::Pending
    }
}

impl<W: Worker> Drop for Leasing<W> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else {
            return;
        };
        let granted = {
            let mut state = self.leases.state.lock();
            state.waiters.retain(|w| w.ticket != ticket);
            state.granted.remove(&ticket)
        };
        if let Some((id, _)) = granted {
            self.leases.give_back(id);
        }
    }
}

/// One job's claim on a member; given back when dropped.
pub(crate) struct Lease<W: Worker> {
    leases: Arc<Leases<W>>,
    id: ActorId,
    member: MemberRef<W>,
}

impl<W: Worker> Lease<W> {
    pub(crate) fn member(&self) -> &MemberRef<W> {
        &self.member
    }
}

impl<W: Worker> Drop for Lease<W> {
    fn drop(&mut self) {
        self.leases.give_back(self.id);
    }
}
