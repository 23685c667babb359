//! The editor as an actor: it hears of files, takes their outcomes and puts
//! the report together.

use std::path::PathBuf;

use callboard::prelude::*;

use crate::editor::{Editor, Outcome};
use crate::progress::Progress;
use crate::read::Reason;
use crate::report::{Report, is_ours};
use crate::scan::{self, Link, Sighting};

/// What the editor is told and asked.
pub(crate) enum News {
    /// From the scout: files with the next numbers, those among them that are
    /// failures already, and links.
    Found {
        names: Vec<Box<str>>,
        failures: Vec<(u32, Reason)>,
        links: Vec<Link>,
    },
    /// From a reader: what became of a file, and how long it took.
    Answered {
        file: u32,
        outcome: Outcome,
        took: Duration,
    },
    /// From the survey: how many files there are, about.
    Expected(u32),
    /// Nobody reads any more: make every file without an outcome a failure for
    /// this reason, and put the report together.
    Assemble {
        rest: Reason,
        reply_to: Reply<Report>,
    },
}

/// See the module.
pub(crate) struct Desk {
    pub(crate) editor: Editor,
    pub(crate) progress: Option<Progress>,
    pub(crate) dir: PathBuf,
    pub(crate) out: PathBuf,
}

impl Desk {
    /// Counts files beside the work, so that a bar has an end. The scout only
    /// looks as far as there are readers.
    fn survey(&self, cx: &mut Context<Self>) {
        let scan = scan::scan(&self.dir, &self.out, is_ours);
        let myself = cx.myself();
        cx.run(async move {
            let editor = myself.clone();
            let count = move || {
                scan.take_while(|_| !editor.is_closed())
                    .filter(|sighting| !matches!(sighting, Sighting::Link(_)))
                    .count()
            };
            if let Ok(count) = tokio::task::spawn_blocking(count).await {
                let files = count.try_into().unwrap_or(u32::MAX);
                // An editor that has ended needs no bar.
                let _ = myself.tell(News::Expected(files)).await;
            }
        });
    }
}

impl Actor for Desk {
    type Msg = News;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        if self.progress.as_ref().is_some_and(Progress::is_bar) {
            self.survey(cx);
        }
        Ok(Started::Ready)
    }

    async fn handle(&mut self, news: News, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match news {
            News::Found {
                names,
                failures,
                links,
            } => {
                for name in names {
                    self.editor.expect(&name);
                }
                for (file, reason) in failures {
                    let outcome = Outcome::Failure(reason);
                    self.editor.answer(file, outcome, Duration::ZERO);
                }
                for link in links {
                    self.editor.note(link);
                }
            }
            News::Answered {
                file,
                outcome,
                took,
            } => {
                self.editor.answer(file, outcome, took);
            }
            News::Expected(files) => {
                if let Some(progress) = &mut self.progress {
                    progress.expect(files);
                }
            }
            News::Assemble { rest, reply_to } => {
                let mut editor = std::mem::take(&mut self.editor);
                editor.settle(&rest);
                if let Some(progress) = self.progress.take() {
                    progress.finish(editor.found(), editor.answered());
                }
                reply_to.send(cx.blocking(move || editor.assemble()).await);
                return Ok(());
            }
        }
        if let Some(progress) = &mut self.progress {
            progress.at(self.editor.found(), self.editor.answered());
        }
        Ok(())
    }
}
