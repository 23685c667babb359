//! The line that every file goes along, and the comparison at its end.
//!
//! ```text
//!              ┌─▶ style ─────────┐
//!              ├─▶ complexity ────┤
//!  read ───────┼─▶ documentation ─┼─▶ put together ─▶ corpus ─▶ compare (map-reduce)
//!              ├─▶ licence ───────┤
//!              └─▶ fingerprints ──┘
//! ```

use std::ops::RangeInclusive;
use std::sync::Arc;

use callboard::coordination::{
    MapReduce, Pipeline, Reduction, Scatter, Scattered, map_reduce, pipeline, scatter,
};
use callboard::prelude::*;

use crate::common::chaos::Plan as Chaos;
use crate::duplicates::{Match, Shard};
use crate::page::{Found, Opinion, Page, Reviewed, Said};
use crate::reviewers::Duty;
use crate::staff::{Comparer, Reader, Reviewer, pool};

/// Everybody who works on files.
pub(crate) struct Staff {
    pub(crate) readers: WorkerRef<Found, Arc<Page>>,
    pub(crate) reviewers: Vec<WorkerRef<Arc<Page>, Opinion>>,
    pub(crate) comparers: WorkerRef<Vec<Shard>, Vec<Match>>,
}

impl Staff {
    pub(crate) async fn hire(
        system: &System,
        size: RangeInclusive<usize>,
        chaos: Chaos,
    ) -> Result<Self, StartError> {
        let readers = pool(system, "read", size.clone(), chaos, move || Reader {
            chaos,
        })
        .await?;
        let mut reviewers = Vec::new();
        for duty in Duty::ALL {
            let make = move || Reviewer { duty, chaos };
            reviewers.push(pool(system, duty.name(), size.clone(), chaos, make).await?);
        }
        let comparers = pool(system, "compare", size, chaos, move || Comparer { chaos }).await?;
        Ok(Self {
            readers,
            reviewers,
            comparers,
        })
    }
}

/// All reviewers look at a page side by side; what they say is put together.
pub(crate) fn panel(
    reviewers: impl IntoIterator<Item = WorkerRef<Arc<Page>, Opinion>>,
) -> Scatter<Arc<Page>, Opinion, Reviewed> {
    scatter(reviewers).combine(put_together)
}

/// The way of one file.
pub(crate) fn way(
    readers: (&str, WorkerRef<Found, Arc<Page>>),
    panel: (&str, WorkerRef<Arc<Page>, Reviewed>),
) -> Pipeline<Found, Reviewed> {
    pipeline("files")
        .then(readers.0, readers.1)
        .then(panel.0, panel.1)
}

/// The search for copies, part by part.
pub(crate) fn comparison(
    comparers: WorkerRef<Vec<Shard>, Vec<Match>>,
) -> MapReduce<Shard, Vec<Match>> {
    map_reduce(comparers, Reduction::concatenate()).batches_of(1)
}

fn put_together(scattered: Scattered<Opinion>) -> Result<Reviewed, Fault> {
    let opinions = scattered.into_values();
    let page = match opinions.first() {
        Some(opinion) => Arc::clone(&opinion.page),
        None => return Err(Fault::permanent("nobody has reviewed it")),
    };
    let mut reviewed = Reviewed {
        name: Arc::clone(&page.name),
        language: page.language,
        lines: u32::try_from(page.text.lines().count()).unwrap_or(u32::MAX),
        complexity: Default::default(),
        documentation: Default::default(),
        licence: None,
        findings: Vec::new(),
        prints: Arc::new([]),
    };
    for opinion in opinions {
        match opinion.said {
            Said::Findings(findings) => reviewed.findings.extend(findings),
            Said::Complexity(measures, findings) => {
                reviewed.complexity = measures;
                reviewed.findings.extend(findings);
            }
            Said::Documentation(measures, findings) => {
                reviewed.documentation = measures;
                reviewed.findings.extend(findings);
            }
            Said::Licence(licence) => reviewed.licence = licence,
            Said::Prints(prints) => reviewed.prints = prints.into(),
        }
    }
    Ok(reviewed)
}
