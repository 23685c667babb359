//! The board: an actor that hears what becomes of each task, so that there is a
//! report however the run ends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use callboard::prelude::*;

use crate::command::{Finished, How};
use crate::common::cli::say;

/// What the board is told and asked.
pub(crate) enum News {
    /// The command of this task was started.
    Began(Arc<str>),
    /// An attempt at this task is over.
    Ended(Arc<str>, Result<Finished, Fault>),
    /// What is on it? Tasks under way end now.
    Read(Reply<BTreeMap<Arc<str>, Entry>>),
}

/// What became of a task that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) state: State,
    /// How often its command was started.
    pub(crate) attempts: u32,
    pub(crate) began: Instant,
    /// When its last attempt was over.
    pub(crate) ended: Option<Instant>,
    /// Why it failed.
    pub(crate) reason: String,
    /// The end of what its last attempt said.
    pub(crate) said: String,
}

/// Where a task is that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Done,
    Failed,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Board(BTreeMap<Arc<str>, Entry>);

impl Board {
    fn entry(&mut self, task: Arc<str>, now: Instant) -> &mut Entry {
        self.0.entry(task).or_insert_with(|| Entry {
            state: State::Running,
            attempts: 0,
            began: now,
            ended: None,
            reason: String::new(),
            said: String::new(),
        })
    }
}

impl Actor for Board {
    type Msg = News;

    async fn handle(&mut self, news: News, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match news {
            News::Began(task) => {
                let entry = self.entry(Arc::clone(&task), cx.now());
                entry.attempts += 1;
                entry.state = State::Running;
                match entry.attempts {
                    1 => say(&format!("begin  {task}")),
                    attempt => say(&format!("begin  {task}, attempt {attempt}")),
                }
            }
            News::Ended(task, outcome) => {
                let now = cx.now();
                let entry = self.entry(Arc::clone(&task), now);
                entry.ended = Some(now);
                entry.state = State::Failed;
                match outcome {
                    Err(fault) => entry.reason = fault.message().to_owned(),
                    Ok(finished) => {
                        entry.said = finished.said.text();
                        entry.reason = match finished.how {
                            How::Done => {
                                entry.state = State::Done;
                                String::new()
                            }
                            how => how.to_string(),
                        };
                        if finished.has_left {
                            say(&format!("       {task} left processes behind, killed"));
                        }
                    }
                }
                match entry.state {
                    State::Failed => say(&format!("failed {task}: {}", entry.reason)),
                    _ => say(&format!("done   {task}")),
                }
            }
            News::Read(reply_to) => {
                for entry in self.0.values_mut() {
                    entry.ended.get_or_insert(cx.now());
                }
                reply_to.send(std::mem::take(&mut self.0));
            }
        }
        Ok(())
    }
}
