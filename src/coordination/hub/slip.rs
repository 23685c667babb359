//! What goes from seat to seat, and one task in a run.

use std::sync::Arc;

use super::report::{Attempt, Decision, TaskReport, Verdict};
use super::router::Routed;
use crate::actor::{Fault, FaultClass, Metadata};
use crate::coordination::driver::{Fed, Payload};
use crate::coordination::task::{TaskBoard, TaskBudget, TaskId, TaskRecord, TaskState};
use crate::sync::Mutex;

/// An answer that may count.
pub(super) struct Good<A> {
    pub(super) value: Arc<A>,
    pub(super) quality: Option<f64>,
    /// Whose it is.
    pub(super) agent: Arc<str>,
}

/// What goes from seat to seat. Cheap to clone.
pub(super) enum Slip<Q, A> {
    Task(Arc<Subtask<Q, A>>),
    /// Somebody was chosen for it.
    Routed(Arc<Subtask<Q, A>>, Arc<Routed>),
    Answer(Arc<Good<A>>),
    /// It is over.
    Closed(Arc<TaskReport<A>>),
}

impl<Q, A> Clone for Slip<Q, A> {
    fn clone(&self) -> Self {
        match self {
            Self::Task(task) => Self::Task(Arc::clone(task)),
            Self::Routed(task, routed) => Self::Routed(Arc::clone(task), Arc::clone(routed)),
            Self::Answer(good) => Self::Answer(Arc::clone(good)),
            Self::Closed(report) => Self::Closed(Arc::clone(report)),
        }
    }
}

/// The slips that a seat is fed.
pub(super) fn slips<Q, A>(fed: Fed) -> Result<Vec<Slip<Q, A>>, Fault>
where
    Q: Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    let Fed::Many(payloads) = fed else {
        return Err(wrong());
    };
    let slip = |payload: Payload| payload.downcast().map(|slip| *slip).map_err(|_| wrong());
    payloads.into_iter().map(slip).collect()
}

/// The protocol fed what it should not.
pub(super) fn wrong() -> Fault {
    Fault::permanent("a hub's seat was given what no seat gives")
}

#[derive(Default)]
struct Log {
    attempts: Vec<Attempt>,
    decisions: Vec<Decision>,
    spent: Metadata,
    /// Why nobody was chosen.
    refusal: Option<Fault>,
    is_closed: bool,
}

/// One task in a run. A run that ends without having closed it fails it.
pub(super) struct Subtask<Q, A> {
    pub(super) id: TaskId,
    pub(super) name: Arc<str>,
    pub(super) record: Arc<TaskRecord<Q>>,
    board: TaskBoard<Q, A>,
    log: Mutex<Log>,
}

impl<Q, A> Subtask<Q, A> {
    pub(super) fn new(id: TaskId, record: Arc<TaskRecord<Q>>, board: TaskBoard<Q, A>) -> Self {
        Self {
            id,
            name: record.name.as_str().into(),
            record,
            board,
            log: Mutex::new(Log::default()),
        }
    }

    pub(super) fn budget(&self) -> &TaskBudget {
        &self.record.budget
    }

    pub(super) fn spent(&self) -> Metadata {
        self.log.lock().spent
    }

    /// Adds what an answer cost; what all cost.
    pub(super) fn spend(&self, says: &Metadata) -> Metadata {
        let mut log = self.log.lock();
        log.spent = log.spent.after(says);
        log.spent
    }

    pub(super) fn decided(&self, decision: Decision) {
        self.log.lock().decisions.push(decision);
    }

    /// Nobody is chosen, because of this.
    pub(super) fn refused(&self, why: Fault) -> Fault {
        self.log.lock().refusal = Some(why.clone());
        why
    }

    /// Somebody is at it.
    pub(super) fn begin(&self, agent: &Arc<str>) -> Result<(), Fault> {
        self.log.lock().attempts.push(Attempt {
            agent: Arc::clone(agent),
            verdict: Verdict::UnderWay,
        });
        let assigned = self.board.assign(self.id, &**agent);
        assigned.map_err(|why| Fault::permanent(why.to_string()).because(why))
    }

    /// What came of the attempt under way.
    pub(super) fn judge(&self, verdict: Verdict) {
        if let Some(attempt) = self.log.lock().attempts.last_mut() {
            attempt.verdict = verdict;
        }
    }

    /// An attempt that nobody waits for any more was late. Who made it, if so.
    pub(super) fn settle(&self) -> Option<Arc<str>> {
        let mut log = self.log.lock();
        let late = log.attempts.last_mut()?;
        if !matches!(late.verdict, Verdict::UnderWay) {
            return None;
        }
        let words = format!("{} had no answer in time", late.agent);
        late.verdict = Verdict::Failed(Fault::new(FaultClass::Deadline, words));
        Some(Arc::clone(&late.agent))
    }

    /// Why there is no answer that counts.
    pub(super) fn fault(&self) -> Fault {
        let log = self.log.lock();
        let refusal = log.refusal.as_ref();
        let spent = refusal.filter(|fault| fault.class() == FaultClass::Budget);
        let last = log.attempts.last().and_then(|last| last.verdict.fault());
        let why = spent.cloned().or(last).or(refusal.cloned());
        why.unwrap_or_else(|| {
            let words = "the task's time was up before anybody was at it";
            Fault::new(FaultClass::Deadline, words)
        })
    }

    /// Enters on the board that this answer counts, or why none does. From here on
    /// it is over.
    pub(super) fn close(&self, with: Result<&Good<A>, Fault>) -> Result<TaskReport<A>, Fault> {
        self.log.lock().is_closed = true;
        let good = with.as_ref().ok();
        let (agent, quality) = (good.map(|it| &it.agent), good.and_then(|it| it.quality));
        let mut report = self.report();
        report.agent = agent.cloned();
        report.quality = quality;
        report.state = match good {
            Some(_) => TaskState::Completed,
            None => TaskState::Failed,
        };
        let outcome = with.map(|good| Arc::clone(&good.value));
        report.outcome = Some(outcome.clone());
        let ended = self.board.end(self.id, outcome);
        ended.map_err(|why| Fault::permanent(why.to_string()).because(why))?;
        Ok(report)
    }

    /// How far it is.
    pub(super) fn report(&self) -> TaskReport<A> {
        let log = self.log.lock();
        TaskReport {
            id: self.id,
            name: Arc::clone(&self.name),
            state: match log.attempts.is_empty() {
                true => TaskState::Pending,
                false => TaskState::Running,
            },
            outcome: None,
            agent: None,
            quality: None,
            attempts: log.attempts.clone(),
            decisions: log.decisions.clone(),
            spent: log.spent,
        }
    }
}

impl<Q, A> Drop for Subtask<Q, A> {
    fn drop(&mut self) {
        if !self.log.lock().is_closed {
            let why = Fault::new(FaultClass::Cancelled, "the run ended before the task");
            // Refused where somebody else has ended it.
            let _ = self.board.end(self.id, Err(why));
        }
    }
}
