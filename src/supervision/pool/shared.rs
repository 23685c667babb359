//! What a pool's parts share over all lives of its manager and its members.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::MemberRef;
use super::config::{InvalidPool, PoolConfig};
use super::lease::LeaseError;
use super::leases::{Claim, Kind, Leases, Refused, Taken, Want};
use crate::actor::system::clock;
use crate::actor::{Fault, FaultClass, Request, Worker, WorkerCommand};
use crate::policy::choice::Dispatch;
use crate::policy::priority::Priority;

/// Reads something off a job.
pub(super) type Of<In, T> = Arc<dyn Fn(&In) -> T + Send + Sync>;

pub(crate) struct Shared<W: Worker> {
    pub(super) name: Arc<str>,
    pub(super) leases: Leases<MemberRef<W>>,
    pub(super) key: Option<Of<W::In, u64>>,
    pub(super) priority: Option<Of<W::In, Priority>>,
    /// How long to wait where nobody says so; set when the pool is started.
    pub(super) patience: OnceLock<Option<Duration>>,
    /// Somebody closes the leases when the manager ends for good.
    pub(super) is_watched: AtomicBool,
    /// Members are reset after each job.
    pub(super) resets_each: AtomicBool,
}

impl<W: Worker> Shared<W> {
    pub(super) fn check(&self, config: &PoolConfig) -> Result<(), InvalidPool> {
        config.validate()?;
        if config.dispatch == Dispatch::Keyed && self.key.is_none() {
            return Err(InvalidPool::NoKey);
        }
        Ok(())
    }

    pub(super) fn job(&self, input: &W::In) -> Want {
        Want {
            kind: Kind::Job,
            key: self.key.as_ref().map(|key| key(input)),
            priority: match &self.priority {
                Some(priority) => priority(input),
                None => Priority::NORMAL,
            },
        }
    }

    /// A member, waiting for it until the earlier of the request's deadline and
    /// `within`.
    pub(super) async fn take(
        &self,
        want: Want,
        within: Option<Duration>,
    ) -> Result<Taken<'_, MemberRef<W>>, LeaseError> {
        let Some(at) = self.deadline(within) else {
            return self.leases.take(want).await.map_err(LeaseError::from);
        };
        // Time that is up is up, also where somebody is free.
        if at <= clock() {
            return Err(LeaseError::Timeout);
        }
        match tokio::time::timeout_at(at.into(), self.leases.take(want)).await {
            Ok(taken) => taken.map_err(LeaseError::from),
            Err(_) => Err(LeaseError::Timeout),
        }
    }

    fn deadline(&self, within: Option<Duration>) -> Option<Instant> {
        let of_request = Request::in_force().deadline();
        let patience = match within {
            // The request's own limit stands in for the system's.
            None if of_request.is_some() => None,
            None => self.patience.get().copied().flatten(),
            within => within,
        };
        let own = patience.and_then(|patience| clock().checked_add(patience));
        match (of_request, own) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Has a member made as good as new before it does anything else. One that
    /// cannot be told is killed, and begins anew.
    pub(super) fn reset(&self, member: &MemberRef<W>) {
        use crate::actor::core::refs::Offered;
        // Without the request in force: it is no part of it.
        if let Offered::Full(_) = member.offer(WorkerCommand::Reset, None, None) {
            member.kill();
        }
    }

    /// A lease comes back.
    pub(super) fn end_lease(&self, claim: Claim<MemberRef<W>>, is_tainted: bool) {
        if self.leases.stands(&claim) {
            if is_tainted {
                self.leases.set_able(claim.token(), false);
                claim.member.kill();
            } else {
                self.reset(&claim.member);
            }
        }
        self.leases.give_back(claim, None);
    }

    pub(super) fn fault(&self, why: LeaseError) -> Fault {
        let name = &self.name;
        match why {
            LeaseError::Full => Fault::overloaded(
                format!("pool {name} has no room, retry later"),
                Duration::from_secs(1),
            ),
            LeaseError::Timeout => Fault::new(
                FaultClass::Deadline,
                format!("no member of pool {name} was free in time"),
            ),
            LeaseError::Closed => Fault::transient(format!("pool {name} has ended")),
        }
    }
}

impl From<Refused> for LeaseError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Full => Self::Full,
            Refused::Closed => Self::Closed,
        }
    }
}
