//! backon: retries and nothing else.

use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable};

use crate::contender::Contender;
use crate::runtime::on_this_thread;
use crate::work::{Outcome, Work};

/// backon, on the thread that calls.
#[derive(Debug)]
pub(super) struct Backon;

impl Contender for Backon {
    fn name(&self) -> &'static str {
        "backon"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        match work {
            Work::Retry { calls } => Some(Outcome::Took(on_this_thread(retries(calls)))),
            _ => None,
        }
    }
}

async fn retries(calls: u64) -> Duration {
    let waits = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(10))
        .with_max_times(2)
        .with_jitter();
    let started = Instant::now();
    for call in 0..calls {
        let answer = (|| async { Ok::<_, String>(std::hint::black_box(call)) }).retry(waits);
        assert_eq!(answer.await.expect("it succeeds"), call);
    }
    started.elapsed()
}
