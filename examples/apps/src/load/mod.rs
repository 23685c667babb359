//! Load with times of arrival that are fixed in advance.
//!
//! A loop that sends its next request when the last one is answered slows down
//! together with what it measures, and so leaves out just the requests that
//! would have waited. Here requests come when they come, with exponential gaps
//! as from many clients who do not know of each other, and each latency is
//! counted from the *planned* arrival: what is late in being sent has waited, too.
//!
//! ```
//! use callboard_apps::load::{Outcome, Plan, open_loop};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let plan = Plan::new(100.0, Duration::from_secs(10)).seed(7);
//! let report = open_loop(&plan, || async {
//!     tokio::time::sleep(Duration::from_millis(20)).await;
//!     Outcome::Accepted
//! })
//! .await;
//! assert_eq!(report.sent, report.accepted.count);
//! assert!(report.accepted.p99 <= Duration::from_millis(21));
//! # }
//! ```
//!
//! *How much is under way?* As much as the target keeps waiting: rate times
//! latency, and latency ends with the client's timeout. *What is kept?* A number
//! for each answer, 16 bytes.

mod http;
mod report;

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

pub use http::Client;
pub use report::{Outcome, Percentiles, Report};

use report::Recorder;

/// When requests are sent.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many on average, per second.
    rate: f64,
    /// For how long.
    lasts: Duration,
    seed: u64,
}

impl Plan {
    /// So many requests per second on average, for so long.
    ///
    /// # Panics
    ///
    /// If the rate is not a positive number.
    #[must_use]
    pub fn new(rate: f64, lasts: Duration) -> Self {
        assert!(rate.is_finite() && rate > 0.0, "a rate is positive");
        Self {
            rate,
            lasts,
            seed: 0,
        }
    }

    /// Sets what the gaps are drawn from: the same seed, the same times.
    /// Default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The times of arrival from the start on, in order: a Poisson process.
    pub fn arrivals(&self) -> impl Iterator<Item = Duration> + use<> {
        let Self { rate, lasts, seed } = *self;
        let mut random = StdRng::seed_from_u64(seed);
        let mut at = 0.0;
        std::iter::from_fn(move || {
            // Of 1 - u, since the logarithm of 0 is infinite and u may be 0.
            at -= (1.0 - random.random::<f64>()).ln() / rate;
            Some(Duration::from_secs_f64(at)).filter(|at| *at < lasts)
        })
    }
}

/// Sends requests at the planned times, whatever becomes of those before, and
/// waits for all answers.
pub async fn open_loop<F, Answer>(plan: &Plan, mut send: F) -> Report
where
    F: FnMut() -> Answer,
    Answer: Future<Output = Outcome> + Send + 'static,
{
    let begun = Instant::now();
    let mut recorder = Recorder::default();
    let mut under_way = JoinSet::new();
    for at in plan.arrivals() {
        let planned = begun + at;
        sleep_until(planned).await;
        recorder.sent(planned.elapsed());
        let answer = send();
        under_way.spawn(async move { (answer.await, planned.elapsed()) });
        while let Some(answered) = under_way.try_join_next() {
            recorder.answered(answered);
        }
    }
    while let Some(answered) = under_way.join_next().await {
        recorder.answered(answered);
    }
    recorder.report(begun.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_the_same_for_the_same_seed() {
        let plan = Plan::new(1_000.0, Duration::from_secs(1)).seed(3);
        let times: Vec<_> = plan.arrivals().collect();
        assert!(times.is_sorted());
        assert_eq!(times, plan.arrivals().collect::<Vec<_>>());
        assert_ne!(times, plan.seed(4).arrivals().collect::<Vec<_>>());
    }

    #[test]
    fn gaps_are_exponential() {
        let plan = Plan::new(100.0, Duration::from_secs(1_000));
        let times: Vec<f64> = plan.arrivals().map(|at| at.as_secs_f64()).collect();
        let gaps: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
        let many = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / many;
        let spread = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / many).sqrt();
        assert!((mean - 0.01).abs() < 0.0001, "{mean}");
        assert!((spread / mean - 1.0).abs() < 0.02, "{spread}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_behind_a_slow_answer_has_waited() {
        // One at a time: a second each, and all come in the first second.
        let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(1));
        let plan = Plan::new(10.0, Duration::from_secs(1));
        let report = open_loop(&plan, || {
            let gate = std::sync::Arc::clone(&gate);
            async move {
                let _one = gate.acquire().await;
                tokio::time::sleep(Duration::from_secs(1)).await;
                Outcome::Accepted
            }
        })
        .await;
        let last = Duration::from_secs(report.sent);
        assert!(report.accepted.max > last - Duration::from_secs(1));
    }

    #[tokio::test]
    async fn what_is_sent_late_has_waited_since_its_planned_arrival() {
        // A driver that takes 2 ms to send what comes every millisecond.
        let plan = Plan::new(1_000.0, Duration::from_millis(50));
        let report = open_loop(&plan, || {
            std::thread::sleep(Duration::from_millis(2));
            async { Outcome::Accepted }
        })
        .await;
        assert!(report.late.max > Duration::from_millis(20), "{report}");
        assert!(report.accepted.max > report.late.max, "{report}");
    }
}
