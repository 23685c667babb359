//! The editor as an actor: it hears of files, takes their outcomes and puts
//! the report together.

use callboard::prelude::*;

use crate::editor::{Editor, Outcome};
use crate::progress::Progress;
use crate::read::Reason;
use crate::report::Report;
use crate::scan::Link;

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
}

impl Actor for Desk {
    type Msg = News;

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
