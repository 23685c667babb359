//! What lets calls in.

use std::future::Future;
use std::time::Instant;

use crate::actor::Fault;
use crate::actor::system::clock;
use crate::policy::adaptive::Sample;
use crate::policy::breaker::Outcome;
use crate::resilience::{Breaker, BreakerPermit, Bulkhead, BulkheadPermit, RateLimiter};

/// Something that lets calls in, or not, and may want to know how they ended.
pub trait Admission: Clone + Send + Sync + 'static {
    /// The right to make one call. Dropped, it is given back, and the call says
    /// nothing.
    type Permit: Send;

    /// Lets one call in, at once or after a bounded wait.
    ///
    /// # Errors
    ///
    /// The refusal, with the time to come again where that is known.
    fn admit(&self) -> impl Future<Output = Result<Self::Permit, Fault>> + Send;

    /// Takes a permit back with what became of the call.
    fn settle(permit: Self::Permit, outcome: Outcome);
}

impl Admission for Breaker {
    type Permit = BreakerPermit;

    async fn admit(&self) -> Result<BreakerPermit, Fault> {
        Ok(self.try_acquire_owned()?)
    }

    fn settle(permit: BreakerPermit, outcome: Outcome) {
        permit.end(outcome);
    }
}

/// Waits as long as its settings allow. An adaptive one learns from how long a
/// call took; one that failed counts as lost.
impl Admission for Bulkhead {
    type Permit = Place;

    async fn admit(&self) -> Result<Place, Fault> {
        let permit = self.acquire().await?;
        Ok(Place {
            timed: self.is_adaptive().then(|| (self.clone(), clock())),
            _permit: permit,
        })
    }

    fn settle(place: Place, outcome: Outcome) {
        let Some((bulkhead, begun)) = &place.timed else {
            return;
        };
        match outcome {
            Outcome::Success => {
                let took = clock().saturating_duration_since(*begun);
                bulkhead.learn(Sample::Answered(took));
            }
            Outcome::Failure => bulkhead.learn(Sample::Lost),
            Outcome::Ignored => {}
        }
    }
}

/// A place in a bulkhead, for as long as the call takes.
#[derive(Debug)]
pub struct Place {
    /// Where the number of places follows how calls go.
    timed: Option<(Bulkhead, Instant)>,
    _permit: BulkheadPermit,
}

/// Refuses, or waits, as its [settings](crate::resilience::WhenSpent) say.
impl Admission for RateLimiter {
    type Permit = ();

    async fn admit(&self) -> Result<(), Fault> {
        Ok(self.pass().await?)
    }

    fn settle((): (), _outcome: Outcome) {}
}

/// A call that was let in. Dropped without an answer it says nothing, unless it
/// was the service that panicked.
pub(super) struct Call<A: Admission>(Option<A::Permit>);

impl<A: Admission> Call<A> {
    pub(super) fn new(permit: A::Permit) -> Self {
        Self(Some(permit))
    }

    /// It was answered.
    pub(super) fn end(mut self, outcome: Outcome) {
        self.settle(outcome);
    }

    fn settle(&mut self, outcome: Outcome) {
        if let Some(permit) = self.0.take() {
            A::settle(permit, outcome);
        }
    }
}

impl<A: Admission> Drop for Call<A> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.settle(Outcome::Failure);
        }
    }
}
