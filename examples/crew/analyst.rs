//! The analysts do the work, and under chaos everything else.

use std::panic;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use callboard::prelude::*;

use crate::analysis::{Analyser, Analysis};
use crate::chaos::{self, Chaos, Plan};
use crate::read;

/// How panics on purpose begin. Only these are kept quiet.
const ON_PURPOSE: &str = "chaos on purpose";

/// A text to analyse.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) path: PathBuf,
    pub(crate) name: Box<str>,
    pub(crate) text: String,
}

/// One attempt at a page.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) page: Arc<Page>,
    /// From 0.
    pub(crate) number: u32,
}

/// See the module.
pub(crate) struct Analyst {
    /// Away while it works on another thread; then a new one takes its place.
    analyser: Option<Analyser>,
    chaos: Plan,
    restarts: Arc<AtomicU64>,
}

impl Analyst {
    /// `restarts` counts those of all analysts, also of those let go since.
    pub(crate) fn new(chaos: Plan, restarts: &Arc<AtomicU64>) -> Self {
        Analyst {
            analyser: None,
            chaos,
            restarts: Arc::clone(restarts),
        }
    }

    async fn analyse(&mut self, page: &Arc<Page>, cx: &Context<Self>) -> Analysis {
        let mut analyser = self.analyser.take().unwrap_or_else(Analyser::new);
        let analysis = if read::is_large(page.text.len() as u64) {
            // Seconds of work would hold up everybody on this thread.
            let page = Arc::clone(page);
            let work = move || {
                let analysis = analyser.analyse(&page.path, &page.text);
                (analyser, analysis)
            };
            let (back, analysis) = cx.blocking(work).await;
            analyser = back;
            analysis
        } else {
            analyser.analyse(&page.path, &page.text)
        };
        self.analyser = Some(analyser);
        analysis
    }
}

impl Worker for Analyst {
    type In = Attempt;
    type Out = Analysis;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        if cx.incarnation() > 0 {
            self.restarts.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Started::Ready)
    }

    async fn work(&mut self, attempt: Attempt, cx: &mut Context<Self>) -> Result<Analysis, Fault> {
        let Attempt { page, number } = attempt;
        match self.chaos.decide(&page.name, number) {
            Chaos::None => Ok(self.analyse(&page, cx).await),
            Chaos::Panic => panic!("{ON_PURPOSE}: attempt {number} at {}", page.name),
            Chaos::Hang => std::future::pending().await,
            Chaos::Invalid => {
                let mut analysis = self.analyse(&page, cx).await;
                chaos::spoil(&mut analysis, self.chaos.roll(&page.name, number));
                Ok(analysis)
            }
        }
    }
}

/// Lets panics on purpose pass without a word; all others are told of as before.
pub(crate) fn quieten_chaos() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>();
        let is_on_purpose = text.is_some_and(|text| text.starts_with(ON_PURPOSE));
        if !is_on_purpose {
            before(info);
        }
    }));
}
