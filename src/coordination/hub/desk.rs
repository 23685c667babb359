//! Where spokes are asked and their answers judged.

use std::collections::HashMap;
use std::sync::Arc;

use super::order::Order;
use super::report::Verdict;
use super::router::{Router, broke};
use super::slip::{Good, Slip, Subtask, slips, wrong};
use crate::actor::{Fault, FaultClass, Metadata, Served, WorkerRef};
use crate::coordination::driver::{Answer, Fed, Kept};
use crate::coordination::hub::machine::{OVER_BUDGET, REJECTED};
use crate::coordination::pattern::caught;
use crate::coordination::protocol::Fact;
use crate::coordination::task::{TaskBoard, TaskRecord};
use crate::policy::choice::Recent;

/// A question about an answer.
pub(super) type Question<A> = Arc<dyn Fn(&A) -> bool + Send + Sync>;

/// How good an answer to a task is, 0 to 1.
pub(super) type Grade<Q, A> = Arc<dyn Fn(&TaskRecord<Q>, &A) -> f64 + Send + Sync>;

/// Who does the tasks that a spoke is given.
pub(super) enum Work<Q, A> {
    /// Takes what is asked.
    Query(WorkerRef<Q, A>),
    /// Takes all of the task.
    Order(WorkerRef<Order<Q, A>, A>),
}

impl<Q: Send + Sync + 'static, A: Send + Sync + 'static> Work<Q, A> {
    pub(super) fn is_available(&self) -> bool {
        match self {
            Self::Query(worker) => worker.is_available(),
            Self::Order(worker) => worker.is_available(),
        }
    }
}

/// What is judged by.
pub(super) struct Standards<Q, A> {
    pub(super) criteria: HashMap<String, Question<A>>,
    pub(super) grade: Option<Grade<Q, A>>,
    /// Where a task does not say how good an answer must be.
    pub(super) at_least: f64,
}

/// What the seats of a hub share, over all its runs.
pub(super) struct Desk<Q, A> {
    pub(super) router: Arc<Router>,
    /// By the spokes' positions.
    pub(super) work: Vec<Work<Q, A>>,
    pub(super) standards: Standards<Q, A>,
    pub(super) board: TaskBoard<Q, A>,
    /// Tasks that a plan may have.
    pub(super) at_most: usize,
}

impl<Q, A> Desk<Q, A>
where
    Q: Clone + Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    /// Chooses who does a task.
    pub(super) fn route(&self, fed: Fed) -> Result<Answer, Fault> {
        let slips = slips::<Q, A>(fed)?;
        let (task, routes) = match slips.split_first() {
            Some((Slip::Task(task), routes)) => (task, routes),
            _ => return Err(wrong()),
        };
        self.settle(task);
        if task.budget().is_spent(&task.spent()) {
            return Err(task.refused(broke()));
        }
        let tried = routes.iter().filter_map(|slip| match slip {
            Slip::Routed(_, routed) => Some(routed.spoke),
            _ => None,
        });
        let tried: Vec<_> = tried.collect();
        let is_available = |at: usize| self.work[at].is_available();
        let (decision, routed) = self.router.choose(&task.record, &tried, is_available);
        task.decided(decision);
        let routed = routed.map_err(|fault| task.refused(fault))?;
        let spoke = u32::try_from(routed.spoke).unwrap_or(u32::MAX);
        let slip = Slip::Routed(Arc::clone(task), Arc::new(routed));
        Ok(answer(slip, Fact::Choice(spoke), Metadata::default()))
    }

    /// Who was at it last and did not answer was late.
    fn settle(&self, task: &Subtask<Q, A>) {
        if let Some(late) = task.settle() {
            self.router.was_late(&late);
        }
    }

    /// Has a spoke do a task, and judges its answer.
    pub(super) async fn attempt(&self, spoke: usize, fed: Fed) -> Result<Answer, Fault> {
        let mut slips = slips::<Q, A>(fed)?.into_iter();
        let Some(Slip::Routed(task, routed)) = slips.next() else {
            return Err(wrong());
        };
        let name = &self.router.spokes[spoke].name;
        let _place = routed.place.lock().take();
        task.begin(name)?;
        let answers = slips.filter_map(|slip| match slip {
            Slip::Closed(report) => {
                let answer = report.outcome.as_ref()?.as_ref().ok()?;
                Some((Arc::clone(&report.name), Arc::clone(answer)))
            }
            _ => None,
        });
        let order = Order {
            record: Arc::clone(&task.record),
            answers: answers.collect(),
        };
        let judged = caught(
            async {
                let served = self.ask(spoke, order).await?;
                Ok(self.judge(&task, name, served))
            },
            || format!("{name} panicked, or a check of its answer"),
        );
        let (verdict, answer) = match judged.await {
            Ok((verdict, answer)) => (verdict, Ok(answer)),
            Err(fault) => (Verdict::Failed(fault.clone()), Err(fault)),
        };
        match &verdict {
            Verdict::Accepted => self.router.note(spoke, Recent::succeeded),
            Verdict::Failed(fault) if fault.class() == FaultClass::Cancelled => {}
            _ => self.router.note(spoke, Recent::failed),
        }
        task.judge(verdict);
        answer
    }

    async fn ask(&self, spoke: usize, order: Order<Q, A>) -> Result<Served<A>, Fault> {
        match &self.work[spoke] {
            Work::Query(worker) => worker.ask(order.query().clone()).await,
            Work::Order(worker) => worker.ask(order).await,
        }
    }

    /// Whether an answer counts: budget, criteria, quality.
    fn judge(
        &self,
        task: &Subtask<Q, A>,
        agent: &Arc<str>,
        served: Served<A>,
    ) -> (Verdict, Answer) {
        let Standards {
            criteria,
            grade,
            at_least,
        } = &self.standards;
        let (record, value) = (&task.record, served.value);
        let mut says = served.metadata;
        if let Some(grade) = grade {
            says = says.quality(grade(record, &value));
        }
        let asks = |name: &str| criteria.get(name).is_some_and(|holds| holds(&value));
        let unmet = record.success_criteria.iter();
        let unmet: Vec<_> = unmet.filter(|it| !it.holds(&says, asks)).cloned().collect();
        let required = record.quality_requirements.unwrap_or(*at_least);
        let margin = says.quality.unwrap_or(0.0) - required;
        let (verdict, fact) = if task.budget().is_exceeded(&task.spend(&says)) {
            (Verdict::OverBudget, Fact::Choice(OVER_BUDGET))
        } else if !unmet.is_empty() {
            (Verdict::Unmet(unmet), Fact::Choice(REJECTED))
        } else if margin >= 0.0 {
            (Verdict::Accepted, Fact::Number(margin))
        } else {
            let quality = says.quality;
            let verdict = Verdict::NotGoodEnough { quality, required };
            (verdict, Fact::Number(margin))
        };
        let good = Good {
            value: Arc::new(value),
            quality: says.quality,
            agent: Arc::clone(agent),
        };
        let slip = Slip::<Q, A>::Answer(Arc::new(good));
        (verdict, answer(slip, fact, says))
    }

    /// Enters what came of a task.
    pub(super) fn close(&self, fed: Fed) -> Result<Answer, Fault> {
        let slips = slips::<Q, A>(fed)?;
        let (task, with) = match slips.as_slice() {
            [Slip::Task(task)] => (task, None),
            [Slip::Task(task), with] => (task, Some(with)),
            _ => return Err(wrong()),
        };
        self.settle(task);
        let report = match with {
            Some(Slip::Answer(good)) => task.close(Ok(good)),
            Some(Slip::Closed(before)) => {
                let words = format!("it depends on {:?}, which failed", before.name);
                task.close(Err(Fault::new(FaultClass::Cascading, words)))
            }
            _ => task.close(Err(task.fault())),
        };
        let slip = Slip::<Q, A>::Closed(Arc::new(report?));
        Ok(answer(slip, Fact::Nothing, Metadata::default()))
    }
}

/// A slip as an answer of a seat.
pub(super) fn answer<Q, A>(slip: Slip<Q, A>, fact: Fact, metadata: Metadata) -> Answer
where
    Q: Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    Answer {
        kept: Kept::One(Box::new(slip)),
        fact,
        metadata,
    }
}
