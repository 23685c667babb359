//! Building a hub.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::desk::{Desk, Question, Standards, Work};
use super::machine::{HubProtocol, HubRules, Shortfall};
use super::order::Order;
use super::report::HubReport;
use super::router::{Known, Router};
use super::seats::{Synthesis, seats};
use crate::actor::{Fault, InvalidSpec, Lint, System, WorkerRef};
use crate::coordination::drawing::Flowchart;
use crate::coordination::driver::{Gathered, Score};
use crate::coordination::graph::DEPENDENCIES_A_TASK;
use crate::coordination::pattern::{calls_for, start, warn};
use crate::coordination::scatter::Need;
use crate::coordination::task::{TaskBoard, TaskRecord};
use crate::policy::choice::{SelectionWeights, Skills};
use crate::supervision::StartError;

/// Somebody who does tasks.
struct Spoke<Q, A> {
    known: Known,
    work: Work<Q, A>,
}

/// A hub to be. Made by [`hub`].
#[must_use = "a hub does nothing until it is started"]
pub struct Hub<In, Q, A, Out> {
    name: Arc<str>,
    planner: WorkerRef<In, Vec<TaskRecord<Q>>>,
    spokes: Vec<Spoke<Q, A>>,
    rules: HubRules,
    at_most: usize,
    weights: SelectionWeights,
    full_at: usize,
    standards: Standards<Q, A>,
    board: TaskBoard<Q, A>,
    synthesis: Synthesis<A, Out>,
    requests: usize,
}

/// A hub whose planner makes tasks of what is asked, for [spokes](Hub::spoke) to do.
///
/// `Q` is what a spoke is asked, and `A` what it answers.
#[doc(alias = "orchestrator")]
#[doc(alias = "central_command")]
#[doc(alias = "team")]
pub fn hub<In, Q, A>(
    name: impl Into<Arc<str>>,
    planner: impl Into<WorkerRef<In, Vec<TaskRecord<Q>>>>,
) -> Hub<In, Q, A, HubReport<A>>
where
    In: Send + 'static,
    Q: Clone + Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    Hub {
        name: name.into(),
        planner: planner.into(),
        spokes: Vec::new(),
        rules: HubRules::new(0),
        at_most: 1_000,
        weights: SelectionWeights::default(),
        full_at: 10,
        standards: Standards {
            criteria: HashMap::new(),
            grade: None,
            at_least: 0.0,
        },
        board: TaskBoard::default(),
        synthesis: Synthesis::function(Ok),
        requests: 64,
    }
}

impl<In, Q, A, Out> Hub<In, Q, A, Out>
where
    In: Send + 'static,
    Q: Clone + Send + Sync + 'static,
    A: Send + Sync + 'static,
    Out: Send + 'static,
{
    /// Adds somebody who can do tasks that need these skills, and is given what is
    /// asked.
    pub fn spoke(
        self,
        name: impl Into<Arc<str>>,
        skills: impl Into<Skills>,
        worker: impl Into<WorkerRef<Q, A>>,
    ) -> Self {
        self.with(name.into(), skills.into(), Work::Query(worker.into()))
    }

    /// As [`Hub::spoke`], and is given the whole order: the task with instructions
    /// and context, and the answers of those that it depends on.
    pub fn briefed_spoke(
        self,
        name: impl Into<Arc<str>>,
        skills: impl Into<Skills>,
        worker: impl Into<WorkerRef<Order<Q, A>, A>>,
    ) -> Self {
        self.with(name.into(), skills.into(), Work::Order(worker.into()))
    }

    fn with(mut self, name: Arc<str>, skills: Skills, work: Work<Q, A>) -> Self {
        let known = Known { name, skills };
        self.spokes.push(Spoke { known, work });
        self
    }

    /// How good an answer is, 0 to 1. A panic in here fails the attempt. Default:
    /// what the answer [says about itself](crate::actor::Metadata::quality).
    pub fn check(
        mut self,
        grade: impl Fn(&TaskRecord<Q>, &A) -> f64 + Send + Sync + 'static,
    ) -> Self {
        self.standards.grade = Some(Arc::new(grade));
        self
    }

    /// How good an answer must be where its task does not say, 0 to 1; one whose
    /// quality is not known counts as 0. Default 0: any will do.
    pub fn at_least(mut self, quality: f64) -> Self {
        self.standards.at_least = quality;
        self
    }

    /// The question behind a [criterion](crate::coordination::task::Criterion::Named)
    /// of this name. A panic in here fails the attempt.
    pub fn criterion(
        mut self,
        name: impl Into<String>,
        holds: impl Fn(&A) -> bool + Send + Sync + 'static,
    ) -> Self {
        let holds: Question<A> = Arc::new(holds);
        self.standards.criteria.insert(name.into(), holds);
        self
    }

    /// Attempts at a task in all, each by another spoke. Default 3.
    pub fn attempts(mut self, attempts: usize) -> Self {
        self.rules.attempts = attempts;
        self
    }

    /// How long one attempt may take before another spoke is asked. Default: as long
    /// as the task.
    pub fn attempt_within(mut self, within: Duration) -> Self {
        self.rules.attempt_within = Some(within);
        self
    }

    /// What becomes of a task for which no answer was good enough. Default
    /// [`Shortfall::Fail`].
    pub fn shortfall(mut self, shortfall: Shortfall) -> Self {
        self.rules.shortfall = shortfall;
        self
    }

    /// How many tasks have to be completed; with [`Need::First`] and
    /// [`Need::AtLeast`] the others are cut off then. Default [`Need::All`].
    pub fn need(mut self, need: Need) -> Self {
        self.rules.need = need;
        self
    }

    /// Tasks of one run under way at once. Default 10.
    pub fn concurrency(mut self, tasks: usize) -> Self {
        self.rules.concurrency = tasks;
        self
    }

    /// Tasks that a plan may have. Default 1,000.
    pub fn at_most(mut self, tasks: usize) -> Self {
        self.at_most = tasks;
        self
    }

    /// How much each part of a spoke's score counts. Default capability 0.5,
    /// performance 0.3, room 0.2.
    pub fn weights(mut self, weights: SelectionWeights) -> Self {
        self.weights = weights;
        self
    }

    /// With so many tasks in hand, over all runs, a spoke scores nothing for its
    /// room. It may get more. Default 10.
    pub fn full_at(mut self, tasks: usize) -> Self {
        self.full_at = tasks;
        self
    }

    /// Where tasks are entered, so that they can be looked up. Several hubs may
    /// share one. Default: one of its own, for 1,000 tasks.
    pub fn board(mut self, board: &TaskBoard<Q, A>) -> Self {
        self.board = board.clone();
        self
    }

    /// Runs under way at once; further requests wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    /// Makes one answer of what was done. A panic in here is a fault of this run
    /// alone. Default: the report.
    pub fn synthesize<R: Send + 'static>(
        self,
        synthesize: impl Fn(HubReport<A>) -> Result<R, Fault> + Send + Sync + 'static,
    ) -> Hub<In, Q, A, R> {
        self.synthesis(Synthesis::function(synthesize))
    }

    /// As [`Hub::synthesize`], by a worker.
    pub fn synthesize_with<R: Send + 'static>(
        self,
        worker: impl Into<WorkerRef<HubReport<A>, R>>,
    ) -> Hub<In, Q, A, R> {
        self.synthesis(Synthesis::Worker(worker.into()))
    }

    fn synthesis<R>(self, synthesis: Synthesis<A, R>) -> Hub<In, Q, A, R> {
        Hub {
            name: self.name,
            planner: self.planner,
            spokes: self.spokes,
            rules: self.rules,
            at_most: self.at_most,
            weights: self.weights,
            full_at: self.full_at,
            standards: self.standards,
            board: self.board,
            synthesis,
            requests: self.requests,
        }
    }

    /// Draws it as a mermaid flowchart.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut chart = Flowchart::new();
        chart.node("plan", &self.planner.name());
        chart.arrow("input", "plan");
        chart.node("synthesis", "synthesis");
        for (at, spoke) in self.spokes.iter().enumerate() {
            let id = format!("s{at}");
            let Known { name, skills } = &spoke.known;
            chart.node(&id, &format!("{name}: {skills}"));
            chart.arrow("plan", &id);
            chart.arrow(&id, "synthesis");
        }
        chart.finish(["synthesis"])
    }

    /// Starts it; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] without spokes, with two of one name, with a bound of
    /// 0, a quality that is not between 0 and 1, or weights that say nothing.
    pub async fn start(self, system: &System) -> Result<WorkerRef<In, Out>, StartError> {
        self.invalid()?;
        let known = self.spokes.iter().map(|spoke| &spoke.known);
        warn(system, &self.name, lints(known));
        let mut rules = self.rules;
        rules.spokes = self.spokes.len();
        let (known, work): (Vec<_>, _) = self
            .spokes
            .into_iter()
            .map(|spoke| (spoke.known, spoke.work))
            .unzip();
        // A task's words, its choices and attempts, and its end; the plan, and the
        // synthesis.
        let each = (2 + DEPENDENCIES_A_TASK).saturating_add(rules.attempts.saturating_mul(2) + 2);
        let calls = self.at_most.saturating_mul(each).saturating_add(2);
        let desk = Arc::new(Desk {
            router: Arc::new(Router::new(known, self.weights, self.full_at)),
            work,
            standards: self.standards,
            board: self.board,
            at_most: self.at_most,
        });
        let score = Score {
            machine: HubProtocol::new(rules),
            seats: seats(&self.name, self.planner, self.synthesis, &desk),
            conclude: Arc::new(|mut gathered: Gathered| {
                let result = gathered.last();
                result.ok_or_else(|| Fault::permanent("the synthesis left no result of its type"))
            }),
            on_error: None,
            limit: self.requests,
            calls: calls_for(calls),
        };
        start(system, self.name, score).await
    }

    fn invalid(&self) -> Result<(), InvalidSpec> {
        let refuse = |why| Err(InvalidSpec::Combination(why));
        let mut names: Vec<_> = self.spokes.iter().map(|spoke| &spoke.known.name).collect();
        names.sort_unstable();
        let bounds = [
            self.rules.attempts,
            self.rules.concurrency,
            self.at_most,
            self.full_at,
            self.requests,
        ];
        if names.is_empty() {
            refuse("a hub has at least one spoke")
        } else if names.windows(2).any(|two| two[0] == two[1]) {
            refuse("two spokes of a hub have the same name, give each one of its own")
        } else if bounds.contains(&0) {
            refuse("a bound of a hub is 0, so nothing could run, allow at least 1")
        } else if !(0.0..=1.0).contains(&self.standards.at_least) {
            refuse("the quality that a hub requires is between 0 and 1")
        } else {
            self.weights.validate().map_err(InvalidSpec::Weights)
        }
    }
}

impl<In, Q, A, Out> fmt::Debug for Hub<In, Q, A, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spokes = self.spokes.iter().map(|spoke| &spoke.known.name);
        f.debug_struct("Hub")
            .field("name", &self.name)
            .field("spokes", &spokes.collect::<Vec<_>>())
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// More spokes than this are too many for one hub: nobody oversees them.
const MANY_SPOKES: usize = 20;

/// More skills than this are too many for one spoke: it is no specialist.
const MANY_SKILLS: usize = 10;

/// What of its shape will hurt.
fn lints<'a>(spokes: impl ExactSizeIterator<Item = &'a Known>) -> Vec<Lint> {
    let mut lints = match spokes.len() {
        1 => vec![Lint::NothingToOrchestrate],
        spokes if spokes > MANY_SPOKES => vec![Lint::TooManySpokes { spokes }],
        _ => Vec::new(),
    };
    let able = spokes.filter(|spoke| spoke.skills.len() > MANY_SKILLS);
    lints.extend(able.map(|spoke| Lint::TooManySkills {
        agent: Arc::clone(&spoke.name),
        skills: spoke.skills.len(),
    }));
    lints
}
