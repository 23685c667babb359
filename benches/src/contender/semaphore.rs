//! tokio's semaphore.

use std::sync::Arc;

use super::governor::timed;
use crate::contender::Contender;
use crate::work::{Limit, Outcome, Work};

/// Owned permits, as a bulkhead's are.
#[derive(Debug)]
pub(super) struct Semaphore;

impl Contender for Semaphore {
    fn name(&self) -> &'static str {
        "semaphore"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        let Work::Limit {
            limit: Limit::Permit,
            decisions,
        } = work
        else {
            return None;
        };
        let semaphore = Arc::new(tokio::sync::Semaphore::new(10));
        let took = timed(decisions, |_| {
            Arc::clone(&semaphore).try_acquire_owned().is_ok()
        });
        Some(Outcome::Took(took))
    }
}
