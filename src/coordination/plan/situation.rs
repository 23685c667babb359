//! What goes from seat to seat: what is wanted, what is there, what was tried.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::noplan::NoPlan;
use super::report::{FailedStep, PlanRun};
use super::skill::SkillSet;
use super::steps::Plan;
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::coordination::graph::{GraphReport, Inputs};

/// The task of a graph that adds the plan's steps.
pub(super) const ROOT: &str = "plan";

/// What is wanted, and what there is to begin with: facts, each with a value.
pub struct Goal<V> {
    pub(super) wanted: Vec<Arc<str>>,
    pub(super) given: BTreeMap<Arc<str>, V>,
}

impl<V> Goal<V> {
    /// These facts are wanted.
    pub fn of<S: Into<Arc<str>>>(facts: impl IntoIterator<Item = S>) -> Self {
        Self {
            wanted: facts.into_iter().map(Into::into).collect(),
            given: BTreeMap::new(),
        }
    }

    /// And this fact holds from the beginning, with this value.
    #[must_use]
    pub fn given(mut self, fact: impl Into<Arc<str>>, value: V) -> Self {
        self.given.insert(fact.into(), value);
        self
    }
}

// By hand: values are not printed.
impl<V> fmt::Debug for Goal<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Goal")
            .field("wanted", &self.wanted)
            .field("given", &self.given.keys())
            .finish()
    }
}

/// What a step is given: the facts that its skill needs, with their values.
pub struct Known<V> {
    facts: BTreeMap<Arc<str>, Arc<V>>,
}

impl<V> Known<V> {
    /// The value of a fact that the skill needs.
    #[must_use]
    pub fn get(&self, fact: &str) -> Option<&V> {
        self.facts.get(fact).map(|value| &**value)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> + '_ {
        let facts = self.facts.iter();
        facts.map(|(fact, value)| (&**fact, &**value))
    }
}

impl<V> fmt::Debug for Known<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.facts.keys()).finish()
    }
}

/// Where a run stands.
pub(super) struct Situation<V> {
    pub(super) wanted: Vec<Arc<str>>,
    pub(super) known: BTreeMap<Arc<str>, Arc<V>>,
    /// Skills that have failed.
    pub(super) barred: Vec<Arc<str>>,
    pub(super) plan: Arc<Plan>,
    pub(super) refusal: Option<NoPlan>,
    pub(super) runs: Vec<PlanRun>,
}

// By hand: `derive` would ask values to be `Clone`.
impl<V> Clone for Situation<V> {
    fn clone(&self) -> Self {
        Self {
            wanted: self.wanted.clone(),
            known: self.known.clone(),
            barred: self.barred.clone(),
            plan: Arc::clone(&self.plan),
            refusal: self.refusal.clone(),
            runs: self.runs.clone(),
        }
    }
}

impl<V> Situation<V> {
    pub(super) fn of(goal: Goal<V>) -> Result<Self, Fault> {
        if goal.wanted.is_empty() {
            let words = "a goal without facts is no goal, say what is wanted";
            return Err(Fault::permanent(words));
        }
        let given = goal.given.into_iter();
        Ok(Self {
            wanted: goal.wanted,
            known: given.map(|(fact, it)| (fact, Arc::new(it))).collect(),
            barred: Vec::new(),
            plan: Arc::default(),
            refusal: None,
            runs: Vec::new(),
        })
    }

    pub(super) fn is_reached(&self) -> bool {
        self.wanted.iter().all(|fact| self.known.contains_key(fact))
    }

    /// With a plan from here, or the reason why there is none.
    pub(super) fn planned(mut self, skills: &SkillSet, states: usize) -> Self {
        let wanted = self.wanted.iter().map(|fact| &**fact);
        let known = self.known.keys().map(|fact| &**fact);
        match skills.plan_without(wanted, known, &self.barred, states) {
            Ok(plan) => self.plan = Arc::new(plan),
            Err(why) => self.refusal = Some(why),
        }
        self
    }

    /// With what the plan's steps gave.
    fn after(mut self, report: &GraphReport<Token<V>>, skills: &SkillSet) -> Self
    where
        V: Send + Sync + 'static,
    {
        let plan = Arc::clone(&self.plan);
        for step in &plan.steps {
            if let Some(Token::Made(value)) = report.answers.get(&step.skill) {
                let skill = skills.skills().iter().find(|it| *it.name == *step.skill);
                for fact in skill.iter().flat_map(|it| &it.gives) {
                    let fact = Arc::from(fact.as_str());
                    self.known.entry(fact).or_insert_with(|| Arc::clone(value));
                }
            }
        }
        let failed = report.failures.iter().map(|(skill, fault)| FailedStep {
            skill: Arc::clone(skill),
            class: fault.class(),
            message: fault.message().to_owned(),
        });
        let run = PlanRun {
            plan: Plan::clone(&plan),
            failed: failed.collect(),
            drawing: report.mermaid(),
        };
        self.barred
            .extend(run.failed.iter().map(|it| Arc::clone(&it.skill)));
        self.runs.push(run);
        self
    }
}

/// What goes through the graph of steps.
pub(super) enum Token<V> {
    /// What the run begins with.
    Begin(Arc<Situation<V>>),
    /// What a step has made.
    Made(Arc<V>),
}

impl<V> Clone for Token<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Begin(situation) => Self::Begin(Arc::clone(situation)),
            Self::Made(value) => Self::Made(Arc::clone(value)),
        }
    }
}

/// Carries a plan out, by the graph of steps.
pub(super) struct CarryOut<V> {
    pub(super) graph: WorkerRef<Token<V>, GraphReport<Token<V>>>,
    pub(super) skills: Arc<SkillSet>,
}

impl<V: Send + Sync + 'static> Serve<Situation<V>, Situation<V>> for CarryOut<V> {
    fn serve(&self, situation: Situation<V>) -> BoxFuture<'_, Result<Served<Situation<V>>, Fault>> {
        Box::pin(async move {
            let situation = Arc::new(situation);
            let token = Token::Begin(Arc::clone(&situation));
            let served = self.graph.ask(token).await?;
            if let Some(fault) = served.value.failures.get(ROOT) {
                return Err(fault.clone());
            }
            let situation = Arc::unwrap_or_clone(situation);
            Ok(served.map(|report| situation.after(&report, &self.skills)))
        })
    }

    fn name(&self) -> String {
        self.graph.name()
    }
}

/// Takes one step of a plan.
pub(super) struct Stepping<V> {
    /// Its position among the skills.
    pub(super) skill: usize,
    pub(super) skills: Arc<SkillSet>,
    pub(super) worker: WorkerRef<Known<V>, V>,
}

impl<V: Send + Sync + 'static> Stepping<V> {
    /// Each fact from the beginning, or from the first step of the plan that gives it.
    fn known(&self, inputs: &Inputs<Token<V>>) -> Option<Known<V>> {
        let Token::Begin(situation) = inputs.input() else {
            return None;
        };
        let value = |fact: &String| {
            if let Some(value) = situation.known.get(fact.as_str()) {
                return Some(Arc::clone(value));
            }
            let gives = |name: &str| {
                let mut skills = self.skills.skills().iter();
                skills.any(|it| it.name == name && it.gives.contains(fact))
            };
            let mut steps = situation.plan.steps.iter();
            let giver = steps.find(|step| gives(&step.skill))?;
            match inputs.get(&giver.skill)? {
                Token::Made(value) => Some(Arc::clone(value)),
                Token::Begin(_) => None,
            }
        };
        let needs = self.skills.skills()[self.skill].needs.iter();
        let facts = needs.map(|fact| Some((Arc::from(fact.as_str()), value(fact)?)));
        Some(Known {
            facts: facts.collect::<Option<_>>()?,
        })
    }
}

impl<V: Send + Sync + 'static> Serve<Inputs<Token<V>>, Token<V>> for Stepping<V> {
    fn serve(&self, inputs: Inputs<Token<V>>) -> BoxFuture<'_, Result<Served<Token<V>>, Fault>> {
        Box::pin(async move {
            let known = self.known(&inputs);
            let known = known.ok_or_else(|| Fault::permanent("a step lacks what it needs"))?;
            let served = self.worker.ask(known).await?;
            Ok(served.map(|value| Token::Made(Arc::new(value))))
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}
