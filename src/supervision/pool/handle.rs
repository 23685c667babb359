//! The running pool.

use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::config::{InvalidPool, PoolConfig, Reset};
use super::lease::{ANY, Lease, LeaseError, LeaseRequest, with};
use super::shared::Shared;
use super::status::PoolStatus;
use crate::actor::{Fault, Worker, WorkerRef};
use crate::resilience::{Breaker, Retrier};
use crate::supervision::SupervisorRef;

/// A running pool. Cheap to clone; it does not keep the pool running.
pub struct PoolRef<W: Worker> {
    pub(super) shared: Arc<Shared<W>>,
    pub(super) supervisor: SupervisorRef,
    pub(super) members: SupervisorRef,
    pub(super) breaker: Option<Breaker>,
    pub(super) retrier: Option<Retrier>,
    pub(super) worker: WorkerRef<W::In, W::Out>,
}

impl<W: Worker> PoolRef<W> {
    /// The pool as anything that answers.
    #[must_use]
    pub fn worker(&self) -> WorkerRef<W::In, W::Out> {
        self.worker.clone()
    }

    /// Leases a member: awaits one, or set a timeout or a priority first.
    ///
    /// # Errors
    ///
    /// See [`LeaseError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the queue; a member that was just given passes
    /// on to the next.
    pub fn lease(&self) -> LeaseRequest<'_, W> {
        LeaseRequest::new(&self.shared)
    }

    /// Leases a member if one is free now. It leaves no trace otherwise, and so
    /// does not make the pool grow.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Full`] and [`LeaseError::Closed`].
    pub fn try_lease(&self) -> Result<Lease<W>, LeaseError> {
        let taken = self.shared.leases.try_take(ANY)?;
        Ok(Lease::new(&self.shared, taken.into_claim()))
    }

    /// Runs `work` with a member for itself. However it ends, by an error, a
    /// panic or because the future is dropped, the member is reset and goes
    /// back; a panic goes on.
    ///
    /// # Errors
    ///
    /// The fault of `work`; or overloaded, deadline or transient where no member
    /// was to be had.
    pub async fn with<F, Fut, T>(&self, work: F) -> Result<T, Fault>
    where
        F: FnOnce(WorkerRef<W::In, W::Out>) -> Fut,
        Fut: Future<Output = Result<T, Fault>>,
    {
        with(&self.shared, work).await
    }

    /// Members, jobs and waiting callers at this instant.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        self.shared.leases.status()
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> PoolConfig {
        self.shared.leases.config()
    }

    /// Changes the settings, at once: all of them, or nothing where they make no
    /// sense.
    ///
    /// Jobs and leases under way go on. A smaller pool lets members go as they
    /// come back, a larger one starts them at once where callers wait or the
    /// minimum asks for it. Those who wait already keep their places in a shorter
    /// queue. Members keep the mailbox they were started with, so that with more
    /// jobs per member some wait outside of it.
    ///
    /// # Errors
    ///
    /// See [`InvalidPool`].
    pub fn reconfigure(&self, config: PoolConfig) -> Result<(), InvalidPool> {
        self.change(|_| config)
    }

    /// Changes how many members there are, as
    /// [`reconfigure`](PoolRef::reconfigure) does.
    ///
    /// # Errors
    ///
    /// [`InvalidPool::Size`].
    pub fn resize(&self, size: RangeInclusive<usize>) -> Result<(), InvalidPool> {
        self.change(|config| config.clone().size(size))
    }

    fn change(&self, change: impl FnOnce(&PoolConfig) -> PoolConfig) -> Result<(), InvalidPool> {
        self.shared.leases.reconfigure(|current| {
            let config = change(current);
            self.shared.check(&config)?;
            let resets_each = config.reset == Reset::AfterEachJob;
            self.shared.resets_each.store(resets_each, Relaxed);
            Ok(config)
        })
    }

    /// What tries its jobs again, if anything does.
    #[must_use]
    pub fn retrier(&self) -> Option<&Retrier> {
        self.retrier.as_ref()
    }

    /// The breaker in front, if there is one.
    #[must_use]
    pub fn breaker(&self) -> Option<&Breaker> {
        self.breaker.as_ref()
    }

    /// The supervisor of the whole pool.
    #[must_use]
    pub fn supervisor(&self) -> &SupervisorRef {
        &self.supervisor
    }

    /// The supervisor of the members alone.
    #[must_use]
    pub fn members(&self) -> &SupervisorRef {
        &self.members
    }
}

impl<W: Worker> Clone for PoolRef<W> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            supervisor: self.supervisor.clone(),
            members: self.members.clone(),
            breaker: self.breaker.clone(),
            retrier: self.retrier.clone(),
            worker: self.worker.clone(),
        }
    }
}

impl<W: Worker> fmt::Debug for PoolRef<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolRef")
            .field("path", &self.supervisor.path())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl<W: Worker> From<PoolRef<W>> for WorkerRef<W::In, W::Out> {
    fn from(pool: PoolRef<W>) -> Self {
        pool.worker
    }
}
