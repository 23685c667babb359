//! What became of the requests, and how long it took.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use axum::http::StatusCode;
use serde::{Serialize, Serializer};
use tokio::task::JoinError;

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It got what it asked for.
    Accepted,
    /// It was refused, and told to come again: 503.
    Refused,
    /// Anything else, in words.
    Other(String),
}

impl From<StatusCode> for Outcome {
    fn from(status: StatusCode) -> Self {
        match status {
            StatusCode::SERVICE_UNAVAILABLE => Self::Refused,
            status if status.is_success() => Self::Accepted,
            status => Self::Other(status.to_string()),
        }
    }
}

/// How long something took: exact, by nearest rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// How many there were.
    pub count: u64,
    /// Half of them took no longer.
    #[serde(rename = "p50_ms", serialize_with = "millis")]
    pub p50: Duration,
    /// 95 of 100 took no longer.
    #[serde(rename = "p95_ms", serialize_with = "millis")]
    pub p95: Duration,
    /// 99 of 100 took no longer.
    #[serde(rename = "p99_ms", serialize_with = "millis")]
    pub p99: Duration,
    /// None took longer.
    #[serde(rename = "max_ms", serialize_with = "millis")]
    pub max: Duration,
}

fn millis<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // To the microsecond.
    serializer.serialize_f64(time.as_micros() as f64 / 1e3)
}

impl From<Vec<Duration>> for Percentiles {
    fn from(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let rank = |percent: usize| {
            let at = (times.len() * percent).div_ceil(100).max(1) - 1;
            times.get(at).copied().unwrap_or_default()
        };
        Self {
            count: times.len() as u64,
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max: rank(100),
        }
    }
}

/// What became of all requests. `sent` is the sum of the accepted, the refused
/// and the others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// How many there were.
    pub sent: u64,
    /// From the first planned arrival to the last answer.
    #[serde(rename = "took_ms", serialize_with = "millis")]
    pub took: Duration,
    /// Those that got what they asked for, from their planned arrival on.
    pub accepted: Percentiles,
    /// Those that were told to come again, from their planned arrival on.
    pub refused: Percentiles,
    /// The others, by what became of them.
    pub other: BTreeMap<String, u64>,
    /// How late requests were sent: the driver's own part, or its machine's.
    pub late: Percentiles,
}

impl Report {
    /// How many were neither accepted nor refused.
    #[must_use]
    pub fn others(&self) -> u64 {
        self.other.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = self.sent;
        writeln!(f, "{sent} sent, the last answer after {:.2?}", self.took)?;
        write!(f, "{:10}{:>8}", "", "count")?;
        for column in ["p50", "p95", "p99", "max"] {
            write!(f, "{column:>12}")?;
        }
        for (name, times) in [
            ("accepted", &self.accepted),
            ("refused", &self.refused),
            ("sent late", &self.late),
        ] {
            write!(f, "\n{name:10}{:>8}", times.count)?;
            for time in [times.p50, times.p95, times.p99, times.max] {
                write!(f, "{:>9.2} ms", time.as_secs_f64() * 1e3)?;
            }
        }
        write!(f, "\n{:10}{:>8}", "other", self.others())?;
        for (what, count) in &self.other {
            write!(f, "\n{:18}  {count} {what}", "")?;
        }
        Ok(())
    }
}

/// Writes down what happens.
#[derive(Default)]
pub(super) struct Recorder {
    late: Vec<Duration>,
    accepted: Vec<Duration>,
    refused: Vec<Duration>,
    other: BTreeMap<String, u64>,
}

impl Recorder {
    pub(super) fn sent(&mut self, late: Duration) {
        self.late.push(late);
    }

    pub(super) fn answered(&mut self, answered: Result<(Outcome, Duration), JoinError>) {
        match answered {
            Ok((Outcome::Accepted, took)) => self.accepted.push(took),
            Ok((Outcome::Refused, took)) => self.refused.push(took),
            Ok((Outcome::Other(what), _)) => *self.other.entry(what).or_default() += 1,
            Err(_) => *self.other.entry("panicked".into()).or_default() += 1,
        }
    }

    pub(super) fn report(self, took: Duration) -> Report {
        Report {
            sent: self.late.len() as u64,
            took,
            accepted: self.accepted.into(),
            refused: self.refused.into(),
            other: self.other,
            late: self.late.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let times = Percentiles::from((1..=100).rev().map(ms).collect::<Vec<_>>());
        assert_eq!(
            (times.count, times.p50, times.p95, times.p99, times.max),
            (100, ms(50), ms(95), ms(99), ms(100))
        );
        let one = Percentiles::from(vec![ms(7)]);
        assert_eq!((one.p50, one.p99, one.max), (ms(7), ms(7), ms(7)));
        assert_eq!(Percentiles::from(vec![]), Percentiles::default());
    }

    #[test]
    fn a_report_is_for_people_and_for_programs() {
        let mut recorder = Recorder::default();
        for late in [0, 1, 2, 3] {
            recorder.sent(ms(late));
        }
        recorder.answered(Ok((Outcome::Accepted, ms(20))));
        recorder.answered(Ok((Outcome::from(StatusCode::SERVICE_UNAVAILABLE), ms(1))));
        for _ in 0..2 {
            recorder.answered(Ok((StatusCode::GATEWAY_TIMEOUT.into(), ms(1))));
        }
        let report = recorder.report(ms(1_500));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["accepted"]["p99_ms"], 20.0);
        assert_eq!(json["refused"]["count"], 1);
        assert_eq!(json["other"]["504 Gateway Timeout"], 2);
        let text = report.to_string();
        assert!(
            text.starts_with("4 sent, the last answer after 1.50s\n"),
            "{text}"
        );
        assert!(text.ends_with("2 504 Gateway Timeout"), "{text}");
        assert!(text.lines().all(|line| line.len() < 70), "{text}");
    }
}
