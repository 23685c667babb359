//! Runners start commands and wait for them; under chaos something happens to them
//! before they start one.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use callboard::coordination::graph::Inputs;
use callboard::prelude::*;

use crate::board::News;
use crate::command::{Finished, How, Running};
use crate::common::chaos::Plan as Chaos;
use crate::plan::{Doer, Step};

/// How long a runner may take to start a command, not counting the command.
const PATIENCE: Duration = secs(5);

/// The same where runners hang on purpose.
const PATIENCE_UNDER_CHAOS: Duration = ms(100);

/// A task to be run.
#[derive(Clone)]
pub(crate) struct Job {
    step: Arc<Step>,
    /// Runners that have had it so far.
    tries: Arc<AtomicU32>,
}

/// See the module.
pub(crate) struct Runner {
    pub(crate) chaos: Chaos,
    pub(crate) board: ActorRef<News>,
}

impl Runner {
    /// What may happen to a runner, decided by seed, task and try.
    async fn suffer(&self, job: &Job, cx: &Context<Self>) {
        let attempt = job.tries.fetch_add(1, Ordering::Relaxed);
        let name = &job.step.name;
        match self.chaos.trouble(name, attempt).map(|which| which % 3) {
            None => {}
            Some(0) => panic!("chaos on purpose: try {attempt} at {name}"),
            Some(which) => {
                if which == 1 {
                    cx.myself().kill();
                }
                pending().await
            }
        }
    }

    fn patience(&self) -> Duration {
        if self.chaos.is_on() {
            PATIENCE_UNDER_CHAOS
        } else {
            PATIENCE
        }
    }
}

impl Worker for Runner {
    type In = Job;
    type Out = Finished;

    /// A command that fails is an answer: whether it is tried again is for the
    /// graph to say. Faults are those of runners.
    async fn work(&mut self, job: Job, cx: &mut Context<Self>) -> Result<Finished, Fault> {
        tokio::time::timeout(self.patience(), self.suffer(&job, cx))
            .await
            .map_err(|_| Fault::transient("the runner hung before it started the command"))?;
        // The board hears of a command before there can be news of its end.
        let began = News::Began(Arc::clone(&job.step.name));
        self.board.tell(began).await.map_err(lost)?;
        match Running::start(&job.step) {
            Ok(running) => Ok(running.finish(job.step.timeout).await),
            Err(why) => Ok(Finished {
                how: How::Broken(why),
                said: Default::default(),
                has_left: false,
            }),
        }
    }
}

/// The worker of one task: has its command run, and tells the board.
pub(crate) fn doer(
    step: &Arc<Step>,
    runners: &WorkerRef<Job, Finished>,
    board: &ActorRef<News>,
) -> Doer {
    let job = Job {
        step: Arc::clone(step),
        tries: Arc::default(),
    };
    let (runners, board) = (runners.clone(), board.clone());
    WorkerRef::from_fn(Arc::clone(&step.name), move |_: Inputs<()>| {
        let (job, runners, board) = (job.clone(), runners.clone(), board.clone());
        async move {
            let task = Arc::clone(&job.step.name);
            let outcome = runners.ask(job).await.map(|served| served.value);
            let verdict = match &outcome {
                // Nobody waits for it: on the board it stays under way.
                Err(fault) if fault.class() == FaultClass::Cancelled => return Err(fault.clone()),
                Ok(finished) => verdict(&finished.how),
                // It was tried again as often as makes sense.
                Err(fault) => Err(Fault::permanent(fault.message())),
            };
            board.tell(News::Ended(task, outcome)).await.map_err(lost)?;
            verdict
        }
    })
}

/// Whether another attempt makes sense: a program that is not there will not be
/// there the next time.
fn verdict(how: &How) -> Result<(), Fault> {
    match how {
        How::Done => Ok(()),
        How::Broken(why) => Err(Fault::permanent(why.as_str())),
        how => Err(Fault::transient(how.to_string())),
    }
}

fn lost(error: impl std::fmt::Display) -> Fault {
    Fault::permanent(format!("the board is gone: {error}"))
}
