//! Readers, reviewers and those who compare: workers, and what happens to them
//! under chaos.

use std::future::pending;
use std::sync::Arc;

use callboard::policy::retry::Retry;
use callboard::prelude::*;

use crate::common::chaos::Plan as Chaos;
use crate::common::read;
use crate::duplicates::{self, Match, Shard};
use crate::language::Language;
use crate::page::{Found, Opinion, Page, Tries, Unreviewed};
use crate::reviewers::Duty;

/// The largest file that is reviewed.
const LARGEST: u64 = 1 << 20;

/// From here on a page takes long enough to hold up others on its thread.
const LARGE: usize = 64 << 10;

/// How often a job is tried that loses its worker.
const ATTEMPTS: u32 = 12;

/// How long a job may take.
const PATIENCE: Duration = secs(60);

/// The same at first where workers hang on purpose; later attempts have longer,
/// so that a slow machine is not taken for a hanging one.
const PATIENCE_UNDER_CHAOS: Duration = ms(200);

/// A pool whose jobs survive their workers.
pub(crate) async fn pool<W>(
    system: &System,
    name: &'static str,
    size: std::ops::RangeInclusive<usize>,
    chaos: Chaos,
    make: impl Fn() -> W + Send + Sync + 'static,
) -> Result<WorkerRef<W::In, W::Out>, StartError>
where
    W: Worker,
    W::In: Clone,
{
    let pool = Pool::new(name, size, make)
        .intensity(10_000, secs(1))
        .shutdown(After(secs(1)))
        .start(system)
        .await?;
    let retry = Retry::constant(ms(2))
        .attempts(ATTEMPTS)
        .timeout_growth(1.3);
    let retry = retry.attempt_timeout(match chaos.is_on() {
        true => PATIENCE_UNDER_CHAOS,
        false => PATIENCE,
    });
    // Beside the pool's own: the system's budget for retries is for calm days.
    let retrier = Retrier::new(name, retry).seeded(chaos.seed);
    Ok(retrier.guard(&pool.worker()).named(name))
}

/// What may happen to a worker before it does its work, decided by seed, job and
/// attempt.
async fn suffer<W: Worker>(chaos: Chaos, job: &str, tries: &Tries, cx: &Context<W>) {
    let attempt = tries.next();
    match chaos.trouble(job, attempt).map(|which| which % 3) {
        None => {}
        Some(0) => panic!("chaos on purpose: attempt {attempt} at {job}"),
        Some(which) => {
            if which == 1 {
                cx.myself().kill();
            }
            pending().await
        }
    }
}

/// Reads a file.
pub(crate) struct Reader {
    pub(crate) chaos: Chaos,
}

impl Worker for Reader {
    type In = Found;
    type Out = Arc<Page>;

    async fn work(&mut self, found: Found, cx: &mut Context<Self>) -> Result<Arc<Page>, Fault> {
        let job = format!("read {}", found.name);
        suffer(self.chaos, &job, &found.tries, cx).await;
        let read = cx.blocking(move || (read::read(&found.path, LARGEST), found.name));
        let (text, name) = read.await;
        let text = text.map_err(|reason| refusal(reason.into()))?;
        let language = Language::of(&name);
        if is_generated(&text) {
            let why = "generated: it says that it is not to be edited";
            return Err(refusal(Unreviewed::Skipped(why.to_owned())));
        }
        Ok(Arc::new(Page {
            name,
            language,
            text,
            tries: Default::default(),
        }))
    }
}

/// A fault that says which file is not reviewed, and never will be.
fn refusal(why: Unreviewed) -> Fault {
    Fault::permanent(why.to_string()).because(why)
}

/// Whether a file says in its first lines that a program has written it.
fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| {
        let marks = [concat!("@", "generated"), concat!("DO NOT ", "EDIT")];
        marks.iter().any(|mark| line.contains(mark))
    })
}

/// Reviews pages for one thing.
pub(crate) struct Reviewer {
    pub(crate) duty: Duty,
    pub(crate) chaos: Chaos,
}

impl Worker for Reviewer {
    type In = Arc<Page>;
    type Out = Opinion;

    async fn work(&mut self, page: Arc<Page>, cx: &mut Context<Self>) -> Result<Opinion, Fault> {
        let duty = self.duty;
        let job = format!("{} {}", duty.name(), page.name);
        suffer(self.chaos, &job, &page.tries[duty as usize], cx).await;
        let is_large = page.text.len() > LARGE;
        let review = move || Opinion {
            said: duty.review(&page),
            page,
        };
        Ok(match is_large {
            true => cx.blocking(review).await,
            false => review(),
        })
    }
}

/// Finds what is alike in a part of all prints.
pub(crate) struct Comparer {
    pub(crate) chaos: Chaos,
}

impl Worker for Comparer {
    type In = Vec<Shard>;
    type Out = Vec<Match>;

    async fn work(
        &mut self,
        part: Vec<Shard>,
        cx: &mut Context<Self>,
    ) -> Result<Vec<Match>, Fault> {
        for shard in &part {
            let job = format!("compare {}", shard.number);
            suffer(self.chaos, &job, &shard.tries, cx).await;
        }
        let compare = move || part.iter().flat_map(duplicates::matches).collect();
        Ok(cx.blocking(compare).await)
    }
}
