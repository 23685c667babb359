//! Building a planner: skills and who has them.

use std::fmt;
use std::sync::Arc;

use super::machine::{OPEN, PlannerProtocol, SETTLED};
use super::report::{Outcome, conclude};
use super::situation::{CarryOut, Goal, Known, ROOT, Situation, Stepping, Token};
use super::skill::{Skill, SkillSet};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
use crate::coordination::driver::{Gathered, Participant, Score};
use crate::coordination::graph::{Graph, InvalidGraph, OnFailure, Subtask, Task, graph};
use crate::coordination::pattern::{calls_for, start};
use crate::supervision::StartError;

/// Skills and who has them. Made by [`planner`].
#[must_use = "a planner does nothing until it is started"]
pub struct Planner<V> {
    name: Arc<str>,
    skills: Vec<(Skill, WorkerRef<Known<V>, V>)>,
    replans: u32,
    states: usize,
    attempts: u32,
    concurrency: usize,
    limit: usize,
}

/// Plans with skills that follow, and has each step taken by whoever has its skill.
pub fn planner<V: Send + Sync + 'static>(name: impl Into<Arc<str>>) -> Planner<V> {
    Planner {
        name: name.into(),
        skills: Vec::new(),
        replans: 3,
        states: 10_000,
        attempts: 1,
        concurrency: 10,
        limit: 64,
    }
}

impl<V: Send + Sync + 'static> Planner<V> {
    /// Somebody has this skill: given the facts that it needs, with their values, it
    /// makes one value, that of all facts that it gives.
    pub fn skill(mut self, skill: Skill, worker: impl Into<WorkerRef<Known<V>, V>>) -> Self {
        self.skills.push((skill, worker.into()));
        self
    }

    /// Further plans, after a step of one has failed. Default 3.
    pub fn replans(mut self, replans: u32) -> Self {
        self.replans = replans;
        self
    }

    /// Sets of facts that are looked at for one plan. The search runs on the planner's
    /// task, so this bounds how long it holds up the others. Default 10,000.
    pub fn states(mut self, states: usize) -> Self {
        self.states = states;
        self
    }

    /// Attempts of a step in all, on faults that may be gone the next time. Default 1.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Steps of one plan under way at once. Default 10.
    pub fn concurrency(mut self, steps: usize) -> Self {
        self.concurrency = steps;
        self
    }

    /// Goals under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, goals: usize) -> Self {
        self.limit = goals.max(1);
        self
    }

    /// Starts it, and the graph of its steps, whose name has `-steps` added.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] with the words of
    /// [`InvalidSkills`](super::InvalidSkills) or
    /// [`InvalidGraph`](crate::coordination::graph::InvalidGraph).
    pub async fn start(
        self,
        system: &System,
    ) -> Result<WorkerRef<Goal<V>, Outcome<V>>, StartError> {
        let wiring = |why: String| StartError::from(InvalidSpec::Wiring(why));
        let declared = self.skills.iter().map(|(skill, _)| skill.clone());
        let skills = SkillSet::new(declared).map_err(|why| wiring(why.to_string()))?;
        let skills = Arc::new(skills);
        let steps = self.steps(&skills).map_err(|why| wiring(why.to_string()))?;
        let graph = steps.start(system).await?;
        let name = Arc::clone(&self.name);
        start(system, name, self.score(CarryOut { graph, skills })).await
    }

    /// A graph of one task that adds the steps of a plan.
    fn steps(&self, skills: &Arc<SkillSet>) -> Result<Graph<Token<V>>, InvalidGraph> {
        if skills.skills().iter().any(|it| it.name == ROOT) {
            return Err(InvalidGraph::DuplicateTask(ROOT.into()));
        }
        let same = WorkerRef::from_fn(ROOT, |token| async move { Ok(token) });
        let root = Task::new(ROOT, same).decompose(|token: &Token<V>| match token {
            Token::Begin(situation) => subtasks(situation),
            Token::Made(_) => Vec::new(),
        });
        let workers = self.skills.iter().enumerate();
        let kinds = workers.map(|(at, (skill, worker))| {
            let stepping = Stepping {
                skill: at,
                skills: Arc::clone(skills),
                worker: worker.clone(),
            };
            let task = Task::joining(skill.name.as_str(), WorkerRef::new(stepping));
            task.attempts(self.attempts)
        });
        let graph = graph(format!("{}-steps", self.name))
            .task(root)
            .at_most(1_000.max(self.skills.len() + 1))
            .concurrency(self.concurrency)
            .requests(self.limit)
            .on_failure(OnFailure::GoOn);
        kinds.fold(graph, |graph, kind| graph.kind(kind)).build()
    }

    fn score(self, carry_out: CarryOut<V>) -> Score<PlannerProtocol, Outcome<V>> {
        let (skills, states) = (Arc::clone(&carry_out.skills), self.states);
        let begin = Participant::computes("goal", Situation::<V>::of);
        let plan = Participant::computes("plan", move |situation: Situation<V>| {
            Ok(situation.planned(&skills, states))
        });
        let plan = plan.reads(|it: &Situation<V>| {
            // Nothing is to be carried out where all is there, or no plan.
            let is_open = !it.is_reached() && it.refusal.is_none();
            if is_open { OPEN } else { SETTLED }
        });
        let carry_out = Participant::asks("carry out", WorkerRef::new(carry_out));
        let carry_out = carry_out.reads(|it: &Situation<V>| match it.is_reached() {
            true => SETTLED,
            false => OPEN,
        });
        let calls = 1 + 2 * (self.replans as usize).saturating_add(1);
        Score {
            machine: PlannerProtocol::new(self.replans),
            seats: vec![begin.seat(), plan.seat(), carry_out.seat()],
            conclude: Arc::new(|gathered: Gathered<'_>| {
                let mut answers = gathered.answers.into_iter();
                let last = answers.next();
                let last = last.and_then(|(_, it)| it.downcast::<Situation<V>>().ok());
                conclude(*last.ok_or_else(|| Fault::permanent("the plan left no state"))?)
            }),
            on_error: None,
            limit: self.limit,
            calls: calls_for(calls),
        }
    }
}

/// The steps of a plan, each after those that give what it needs.
fn subtasks<V>(situation: &Situation<V>) -> Vec<Subtask> {
    let steps = situation.plan.steps.iter().map(|step| {
        let task = Subtask::new(Arc::clone(&step.skill), Arc::clone(&step.skill));
        let after = step.after.iter().map(Arc::clone);
        match step.after.is_empty() {
            true => task.after(ROOT),
            false => after.fold(task, Subtask::after),
        }
    });
    steps.collect()
}

impl<V> fmt::Debug for Planner<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skills: Vec<_> = self.skills.iter().map(|(skill, _)| &skill.name).collect();
        f.debug_struct("Planner")
            .field("name", &self.name)
            .field("skills", &skills)
            .finish_non_exhaustive()
    }
}
