//! What can be set, in a file and on the command line.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use callboard::policy::rate::TokenBucket;
use callboard::policy::retry::Retry;
use callboard::prelude::*;
use callboard::resilience::{BulkheadConfig, InvalidStack, StackConfig};
use serde::{Deserialize, Serialize};

/// Settings of the service. A file may leave out what it does not change.
///
/// ```
/// use callboard_apps::service::Settings;
///
/// let settings: Settings = serde_json::from_str(
///     r#"{
///         "listen": "127.0.0.1:8080",
///         "workers": 4,
///         "limits": { "deadline": "1s", "bulkhead": { "max_concurrent": 4, "max_waiting": 2 } }
///     }"#,
/// )?;
/// settings.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Settings {
    /// Where it listens. Default 127.0.0.1:8080: nobody is asked who they are,
    /// and `PUT /limits` is for everyone who gets this far.
    pub listen: SocketAddr,
    /// How many workers there are. Default 8.
    pub workers: usize,
    /// How long each job takes on top. Default 20 ms.
    #[serde(with = "humantime_serde")]
    pub work: Duration,
    /// The share of jobs that crash their worker, 0 to 1. Default 0.
    pub crash: f64,
    /// Which of them do. Default 0.
    pub seed: u64,
    /// How many requests may be inside at once, reading and waiting included;
    /// times 1 MiB, this is what their bodies take. Default 256.
    pub doors: usize,
    /// How long accepted requests may take when it ends. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// How long connections without a request are kept when it ends, for what
    /// is on its way on them: to close them at once would lose it. Default
    /// 250 ms.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// The layers in front of the workers. Default [`Settings::limits`].
    #[serde(rename = "limits", skip_serializing_if = "Option::is_none")]
    pub stack: Option<StackConfig>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            workers: 8,
            work: ms(20),
            crash: 0.0,
            seed: 0,
            doors: 256,
            grace: secs(10),
            linger: ms(250),
            stack: None,
        }
    }
}

impl Settings {
    /// Reads a JSON file.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no JSON, or names something that cannot be set.
    pub fn load(file: &Path) -> Result<Self, InvalidSettings> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| InvalidSettings::NoFile(file.into(), error))?;
        serde_json::from_str(&text).map_err(|error| InvalidSettings::NoSettings(file.into(), error))
    }

    /// The layers that are set, or those that fit the number of workers.
    ///
    /// As many calls are let in as there are workers, and half as many wait; the
    /// [module](super) says why.
    #[must_use]
    pub fn limits(&self) -> StackConfig {
        let fitting = || {
            let bulkhead = BulkheadConfig::new(self.workers)
                .max_waiting(self.workers / 2)
                .max_wait(secs(1));
            StackConfig::new()
                .deadline(secs(2))
                .bulkhead(bulkhead)
                .breaker(Breaker::failure_rate(0.5).min_calls(20).open_for(secs(5)))
                .retry(Retry::exponential(ms(10)..=ms(200)).jitter().attempts(2))
                .rate(TokenBucket::per_second(10_000).capacity(1_000))
        };
        self.stack.clone().unwrap_or_else(fitting)
    }

    /// Says whether they make sense.
    ///
    /// # Errors
    ///
    /// The first thing found.
    pub fn validate(&self) -> Result<(), InvalidSettings> {
        if self.workers == 0 {
            return Err(InvalidSettings::NoWorkers);
        }
        if self.doors == 0 {
            return Err(InvalidSettings::NoDoors);
        }
        if !(0.0..=1.0).contains(&self.crash) {
            return Err(InvalidSettings::NoShare(self.crash));
        }
        Ok(self.limits().validate()?)
    }
}

/// Why settings were refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum InvalidSettings {
    /// The file cannot be read.
    NoFile(PathBuf, io::Error),
    /// The file is not what it should be.
    NoSettings(PathBuf, serde_json::Error),
    /// There is nobody to do the work.
    NoWorkers,
    /// Nobody would be let in.
    NoDoors,
    /// The share of crashes is none.
    NoShare(f64),
    /// The layers do not fit.
    Limits(InvalidStack),
}

impl From<InvalidStack> for InvalidSettings {
    fn from(invalid: InvalidStack) -> Self {
        Self::Limits(invalid)
    }
}

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile(file, _) => write!(f, "cannot read {}", file.display()),
            Self::NoSettings(file, _) => write!(f, "{} does not fit", file.display()),
            Self::NoWorkers => f.write_str("workers is 0, there must be one at least"),
            Self::NoDoors => f.write_str("doors is 0, nobody would be let in"),
            Self::NoShare(share) => write!(f, "crash is {share}, it must be from 0 to 1"),
            Self::Limits(_) => f.write_str("the limits do not fit"),
        }
    }
}

impl Error for InvalidSettings {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::NoFile(_, error) => Some(error),
            Self::NoSettings(_, error) => Some(error),
            Self::Limits(invalid) => Some(invalid),
            Self::NoWorkers | Self::NoDoors | Self::NoShare(_) => None,
        }
    }
}
