//! A member for oneself, for a while.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::MemberRef;
use super::leases::{Claim, Kind, Want};
use super::shared::Shared;
use crate::actor::worker::as_long_as_the_request;
use crate::actor::{BoxFuture, Fault, Job, Serve, Served, Worker, WorkerRef};
use crate::policy::priority::Priority;
use crate::sync::Mutex;

/// Why no member was leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseError {
    /// None is free and too many wait already, or nobody was to wait.
    Full,
    /// None was free in time.
    Timeout,
    /// The pool has ended.
    Closed,
}

impl fmt::Display for LeaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no member is free and no place to wait is left, come again later",
            Self::Timeout => "no member was free in time",
            Self::Closed => "the pool has ended",
        })
    }
}

impl std::error::Error for LeaseError {}

/// A lease on its way: a builder that is awaited. Made by
/// [`PoolRef::lease`](super::PoolRef::lease).
#[must_use = "nothing is leased until the future is awaited"]
pub struct LeaseRequest<'a, W: Worker> {
    shared: &'a Arc<Shared<W>>,
    want: Want,
    within: Option<Duration>,
}

impl<'a, W: Worker> LeaseRequest<'a, W> {
    pub(super) fn new(shared: &'a Arc<Shared<W>>) -> Self {
        Self {
            shared,
            want: ANY,
            within: None,
        }
    }

    /// How long to wait for a member. Default: the time left of the request
    /// being handled, or else the system's ask deadline. No time at all is a
    /// [timeout](LeaseError::Timeout) at once.
    pub fn timeout(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// How urgent it is: who waits is served by priority, rising by one for each
    /// second of waiting. Default [`Priority::NORMAL`].
    pub fn priority(mut self, priority: Priority) -> Self {
        self.want.priority = priority;
        self
    }

    /// The member where this key belongs, in a pool that goes by
    /// [keys](super::Pool::keyed). Default: any.
    pub fn key(mut self, key: u64) -> Self {
        self.want.key = Some(key);
        self
    }
}

pub(super) const ANY: Want = Want {
    kind: Kind::Lease,
    key: None,
    priority: Priority::NORMAL,
};

impl<'a, W: Worker> IntoFuture for LeaseRequest<'a, W> {
    type Output = Result<Lease<W>, LeaseError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let taken = self.shared.take(self.want, self.within).await?;
            Ok(Lease::new(self.shared, taken.into_claim()))
        })
    }
}

impl<W: Worker> fmt::Debug for LeaseRequest<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseRequest({})", self.shared.name)
    }
}

/// A member for its holder alone, where members take one job at a time.
///
/// It is a [`WorkerRef`] to that member. Dropped, wherever the holder is by then,
/// the member is [reset](Worker::reset) and goes back to the pool. If the member
/// crashes meanwhile, the lease is void: asks fail as transient, and the member's
/// next life belongs to whoever comes next.
pub struct Lease<W: Worker> {
    hold: Arc<Hold<W>>,
    worker: WorkerRef<W::In, W::Out>,
}

struct Hold<W: Worker> {
    shared: Arc<Shared<W>>,
    /// `None`: it was given back.
    claim: Mutex<Option<Claim<MemberRef<W>>>>,
    is_tainted: AtomicBool,
}

impl<W: Worker> Lease<W> {
    pub(super) fn new(shared: &Arc<Shared<W>>, claim: Claim<MemberRef<W>>) -> Self {
        let hold = Arc::new(Hold {
            shared: Arc::clone(shared),
            claim: Mutex::new(Some(claim)),
            is_tainted: AtomicBool::new(false),
        });
        Self {
            worker: WorkerRef::new(Leased(Arc::clone(&hold))),
            hold,
        }
    }

    /// The member as anything that answers, for as long as the lease lasts: a
    /// clone that outlives it fails.
    #[must_use]
    pub fn worker(&self) -> WorkerRef<W::In, W::Out> {
        self.worker.clone()
    }

    /// The member itself. A reference that is kept beyond the lease meddles with
    /// what belongs to others.
    #[must_use]
    pub fn actor(&self) -> Option<MemberRef<W>> {
        let claim = self.hold.claim.lock();
        claim.as_ref().map(|claim| claim.member.clone())
    }

    /// Whether the member has crashed, or left the pool, since it was leased.
    #[must_use]
    pub fn is_void(&self) -> bool {
        let claim = self.hold.claim.lock();
        !claim
            .as_ref()
            .is_some_and(|claim| self.hold.shared.leases.stands(claim))
    }

    /// The member is not fit for anybody else: when the lease ends it is
    /// replaced, not reset.
    pub fn taint(&self) {
        self.hold.is_tainted.store(true, Relaxed);
    }
}

impl<W: Worker> Deref for Lease<W> {
    type Target = WorkerRef<W::In, W::Out>;

    fn deref(&self) -> &Self::Target {
        &self.worker
    }
}

impl<W: Worker> Drop for Lease<W> {
    fn drop(&mut self) {
        let claim = self.hold.claim.lock().take();
        if let Some(claim) = claim {
            let is_tainted = self.hold.is_tainted.load(Relaxed);
            self.hold.shared.end_lease(claim, is_tainted);
        }
    }
}

impl<W: Worker> fmt::Debug for Lease<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({})", self.worker.name())
    }
}

/// The member behind a lease, as long as it lasts.
struct Leased<W: Worker>(Arc<Hold<W>>);

impl<W: Worker> Leased<W> {
    fn member(&self) -> Option<MemberRef<W>> {
        let claim = self.0.claim.lock();
        let claim = claim.as_ref()?;
        self.0
            .shared
            .leases
            .stands(claim)
            .then(|| claim.member.clone())
    }
}

impl<W: Worker> Serve<W::In, W::Out> for Leased<W> {
    fn serve(&self, input: W::In) -> BoxFuture<'_, Result<Served<W::Out>, Fault>> {
        Box::pin(async move {
            let Some(member) = self.member() else {
                let name = &self.0.shared.name;
                return Err(Fault::transient(format!(
                    "the lease of a member of pool {name} is over, lease another"
                )));
            };
            let ask = member.ask(|reply_to| Job { input, reply_to }.into());
            let answer = as_long_as_the_request(ask).await;
            answer.map_err(Fault::from)?
        })
    }

    fn name(&self) -> String {
        match self.member() {
            Some(member) => member.path(),
            None => self.0.shared.name.to_string(),
        }
    }
}

/// Runs `work` with a leased member; however it ends, the member goes back.
pub(super) async fn with<W, F, Fut, T>(shared: &Arc<Shared<W>>, work: F) -> Result<T, Fault>
where
    W: Worker,
    F: FnOnce(WorkerRef<W::In, W::Out>) -> Fut,
    Fut: Future<Output = Result<T, Fault>>,
{
    let lease = LeaseRequest::new(shared).await;
    let lease = lease.map_err(|why| shared.fault(why))?;
    // A panic unwinds through the lease, which gives the member back.
    work(lease.worker()).await
}
