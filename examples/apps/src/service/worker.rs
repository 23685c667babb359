//! Who does the work.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callboard::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::settings::Settings;
use super::summary::{Summary, summarize};

/// A text to sum up.
#[derive(Clone, Debug)]
pub struct Text {
    /// The text. Shared, since a pool that gives a job to another worker keeps
    /// a copy of it.
    pub text: Arc<str>,
    /// How many sentences the summary may have.
    pub sentences: NonZeroUsize,
}

/// Sums up texts, and takes its time about it.
#[derive(Debug)]
pub struct Summarizer {
    work: Duration,
    crashes: Arc<Crashes>,
}

impl Summarizer {
    /// Makes workers that crash together as often as the settings say.
    pub(super) fn make(settings: &Settings) -> impl Fn() -> Self + Send + Sync + 'static {
        let work = settings.work;
        let crashes = Arc::new(Crashes {
            share: settings.crash,
            random: Mutex::new(StdRng::seed_from_u64(settings.seed)),
        });
        move || Self {
            work,
            crashes: Arc::clone(&crashes),
        }
    }
}

impl Worker for Summarizer {
    type In = Text;
    type Out = Summary;

    async fn work(&mut self, job: Text, _cx: &mut Context<Self>) -> Result<Summary, Fault> {
        assert!(!self.crashes.is_next(), "crashed, as was asked for");
        // The model that a real service would ask.
        if !self.work.is_zero() {
            tokio::time::sleep(self.work).await;
        }
        Ok(summarize(&job.text, job.sentences.get()))
    }
}

/// Which jobs crash: the same seed, the same ones, counted as they begin.
#[derive(Debug)]
struct Crashes {
    share: f64,
    random: Mutex<StdRng>,
}

impl Crashes {
    fn is_next(&self) -> bool {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        random.random_bool(self.share)
    }
}
