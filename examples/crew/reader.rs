//! A reader opens a file and stays with it until it has an outcome: reads it,
//! has it analysed and checked, and tries again where that went wrong.

use std::fs::File;
use std::sync::Arc;

use callboard::prelude::*;
use tokio::sync::Semaphore;

use crate::analysis::Analysis;
use crate::analyst::{Attempt, Page};
use crate::checker::Check;
use crate::desk::News;
use crate::editor::Outcome;
use crate::read::{self, Reason};
use crate::scout::{Assignment, BATCH, More};

/// How often a file is tried before it is a failure.
const ATTEMPTS: u32 = 3;

/// The largest file that is read: one text of this size times the number of
/// analysts must fit in memory with room to spare.
pub(crate) const LIMIT: u64 = 16 << 20;

/// The shortest wait for the analysts to recover.
const SHORTEST_WAIT: Duration = ms(1);

/// What a reader tells itself.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Ask the scout for files.
    Fetch,
    /// See to this one.
    See(Assignment),
}

/// Room for a batch, the question for the next, and as much again after a crash.
pub(crate) const MAILBOX: usize = 2 * (BATCH + 1);

/// See the module.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) scout: ActorRef<More>,
    pub(crate) analysts: WorkerRef<Attempt, Analysis>,
    pub(crate) checker: ActorRef<Check>,
    pub(crate) editor: ActorRef<News>,
    /// How long an attempt at a small file may take.
    pub(crate) patience: Duration,
    /// Room for large files, all readers together.
    pub(crate) large: Arc<Semaphore>,
}

impl Actor for Reader {
    type Msg = Errand;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        cx.myself().try_tell(Errand::Fetch)?;
        Ok(Started::Ready)
    }

    async fn handle(&mut self, errand: Errand, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match errand {
            Errand::Fetch => self.fetch(cx).await,
            Errand::See(Assignment { file, found }) => {
                let start = cx.now();
                let outcome = match self.see(found, cx).await {
                    Ok(analysis) => Outcome::Result(analysis),
                    Err(reason) => Outcome::Failure(reason),
                };
                let took = cx.now() - start;
                self.editor
                    .tell(News::Answered {
                        file,
                        outcome,
                        took,
                    })
                    .await?;
                Ok(())
            }
        }
    }
}

impl Reader {
    /// Fills the own mailbox, where the errands outlive a crash.
    async fn fetch(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        // A scout that has ended has nothing more either; the run sees that.
        let more = self.scout.ask(|reply_to| reply_to).no_deadline().await;
        let batch = more.unwrap_or_default();
        if batch.is_empty() {
            cx.stop();
            return Ok(());
        }
        let myself = cx.myself();
        for assignment in batch {
            myself.try_tell(Errand::See(assignment))?;
        }
        myself.try_tell(Errand::Fetch)?;
        Ok(())
    }

    async fn see(&self, found: crate::scan::Found, cx: &Context<Self>) -> Result<Analysis, Reason> {
        let (file, size) = read::open(&found.path, LIMIT)?;
        // Held until there is an outcome: it bounds the memory, not the reading.
        let _room = if read::is_large(size) {
            self.large.acquire().await.ok()
        } else {
            None
        };
        let page = Arc::new(Page {
            text: self.text(file, size, cx).await?,
            path: found.path,
            name: found.name,
        });
        // A second for each MiB, which is ten times what it takes.
        let patience = self.patience + Duration::from_micros(page.text.len() as u64);
        let mut number = 0;
        loop {
            match self.attempt(&page, number, patience).await {
                Ok(analysis) => return Ok(analysis),
                Err(Trouble::Later(wait)) => tokio::time::sleep(wait).await,
                Err(Trouble::Failed(reason)) if number + 1 == ATTEMPTS => return Err(reason),
                Err(Trouble::Failed(_)) => number += 1,
            }
        }
    }

    async fn text(&self, file: File, size: u64, cx: &Context<Self>) -> Result<String, Reason> {
        if read::is_large(size) {
            cx.blocking(move || read::text(file, size, LIMIT)).await
        } else {
            read::text(file, size, LIMIT)
        }
    }

    async fn attempt(
        &self,
        page: &Arc<Page>,
        number: u32,
        patience: Duration,
    ) -> Result<Analysis, Trouble> {
        let attempt = Attempt {
            page: Arc::clone(page),
            number,
        };
        let analysis = self.analysts.ask(attempt).deadline(patience).await?.value;
        let checked = self.checker.ask(|reply_to| Check {
            page: Arc::clone(page),
            analysis,
            reply_to,
        });
        checked
            .await
            .map_err(|error| Trouble::from(Fault::from(error)))?
            .map_err(|invalid| Trouble::Failed(Reason::Invalid(invalid.to_string().into())))
    }
}

/// Why an attempt came to nothing.
enum Trouble {
    /// It was not made: the analysts are left alone for so long.
    Later(Duration),
    /// It was made, and failed.
    Failed(Reason),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        match (fault.retry_after(), fault.class()) {
            (Some(wait), _) => Trouble::Later(wait.max(SHORTEST_WAIT)),
            (None, FaultClass::Deadline) => Trouble::Failed(Reason::TimedOut),
            (None, _) => Trouble::Failed(Reason::Crashed(fault.message().into())),
        }
    }
}
