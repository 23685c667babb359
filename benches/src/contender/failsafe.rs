//! failsafe: a circuit breaker and nothing else.

use std::time::{Duration, Instant};

use failsafe::{CircuitBreaker, Config, backoff, failure_policy};

use crate::contender::Contender;
use crate::work::{Outcome, TRIPS_AT, Work};

/// failsafe, on the thread that asks.
#[derive(Debug)]
pub(super) struct Failsafe;

impl Contender for Failsafe {
    fn name(&self) -> &'static str {
        "failsafe"
    }

    fn run(&self, work: Work) -> Option<Outcome> {
        match work {
            Work::Permit { calls } => Some(Outcome::Took(permits(calls))),
            _ => None,
        }
    }
}

fn permits(calls: u64) -> Duration {
    let rest = backoff::constant(Duration::from_secs(60));
    let policy = failure_policy::consecutive_failures(TRIPS_AT, rest);
    let breaker = Config::new().failure_policy(policy).build();
    let began = Instant::now();
    for call in 0..calls {
        let answer = breaker.call(|| Ok::<_, ()>(std::hint::black_box(call)));
        answer.expect("it is closed");
    }
    began.elapsed()
}
