//! The scout walks the directory, as far as readers ask it to: what nobody has
//! time for is not looked for yet.

use callboard::prelude::*;

use crate::desk::News;
use crate::scan::{Found, Scan, Sighting};

/// Files given out at a time. More saves questions; fewer shares the end of
/// the work out more evenly.
pub(crate) const BATCH: usize = 8;

/// A file to read, and the number it has in the editor's account.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) file: u32,
    pub(crate) found: Found,
}

/// A reader asks for more; an empty answer means that there is none.
pub(crate) type More = Reply<Vec<Assignment>>;

/// See the module.
pub(crate) struct Scout {
    pub(crate) scan: Scan,
    pub(crate) editor: ActorRef<News>,
    /// Files found so far.
    pub(crate) files: u32,
}

impl Scout {
    /// What the scout comes across until it has a batch of files, or is through.
    fn look(&mut self) -> (Vec<Assignment>, News) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut names = Vec::with_capacity(BATCH);
        let mut failures = Vec::new();
        let mut links = Vec::new();
        while names.len() < BATCH {
            let Some(sighting) = self.scan.next() else {
                break;
            };
            let file = self.files;
            match sighting {
                Sighting::File(found) => {
                    names.push(found.name.clone());
                    batch.push(Assignment { file, found });
                }
                Sighting::Failure(found, reason) => {
                    names.push(found.name);
                    failures.push((file, reason));
                }
                Sighting::Link(link) => {
                    links.push(link);
                    continue;
                }
            }
            self.files += 1;
        }
        let news = News::Found {
            names,
            failures,
            links,
        };
        (batch, news)
    }
}

impl Actor for Scout {
    type Msg = More;

    async fn handle(&mut self, more: More, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        loop {
            let (batch, news) = self.look();
            let is_through = matches!(&news, News::Found { names, .. } if names.len() < BATCH);
            // The editor hears of a file before anybody can have read it.
            self.editor.tell(news).await?;
            // A batch of failures only has nothing to read, and is not the end.
            if !batch.is_empty() || is_through {
                more.send(batch);
                return Ok(());
            }
        }
    }
}
