//! The rules of a task graph.

mod grow;
mod rules;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::rules::{OnFailure, TaskRules, TaskState};

use self::grow::Reading;
use super::shape::{Edge, Shape};
use crate::coordination::protocol::{
    Call, Effect, Fact, Failure, Feed, Happened, Protocol, StepOutcome,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(in crate::coordination::graph) enum Standing {
    Waiting,
    Ready,
    UnderWay(Call),
    /// Answered, and what it adds is not known yet.
    Splitting(Call, u32),
    /// With the conditions on its answer that hold.
    Done(Call, u32),
    Failed,
    Skipped(Reason),
}

/// Why a task is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(in crate::coordination::graph) enum Reason {
    /// This task failed, and it depends on it.
    Failure(usize),
    /// No edge to it was open; this one, by its position, was closed by its
    /// condition.
    Condition(usize),
}

/// One task in a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(in crate::coordination::graph) struct Node {
    pub(in crate::coordination::graph) standing: Standing,
    /// Whom to ask.
    worker: usize,
    /// Who it is, where it was added: what this call gave.
    tag: Option<Call>,
    is_decomposed: bool,
    /// Edges to it whose begin is not over.
    waits: usize,
    attempts: u32,
    /// Attempts so far.
    pub(in crate::coordination::graph) made: u32,
    pub(in crate::coordination::graph) began: Duration,
    pub(in crate::coordination::graph) ended: Duration,
}

/// The rules of a task graph: what is ready runs side by side, the task with the
/// heaviest way before it first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GraphProtocol {
    shape: Shape,
    concurrency: usize,
    on_failure: OnFailure,
    nodes: Vec<Node>,
    /// The tasks by urgency, and of each task its place there.
    by_urgency: Vec<usize>,
    urgency: Vec<usize>,
    /// Places among those, so that the first is the most urgent.
    ready: BTreeSet<usize>,
    /// Whose calls these are.
    calls: Vec<usize>,
    /// The tasks of the failures so far, in their order.
    faults: Vec<usize>,
    /// What tasks that are added can be. Their workers are behind those of the
    /// tasks; then comes one that splits answers, and one that reads parts.
    kinds: Vec<TaskRules>,
    first_kind: usize,
    at_most: usize,
    reading: Option<Reading>,
    to_split: VecDeque<usize>,
    under_way: usize,
    /// Tasks that are not over.
    left: usize,
    is_over: bool,
}

impl Node {
    fn new(worker: usize, tag: Option<Call>, rules: &TaskRules) -> Self {
        Self {
            standing: Standing::Waiting,
            worker,
            tag,
            is_decomposed: rules.is_decomposed,
            waits: 0,
            attempts: rules.attempts,
            made: 0,
            began: Duration::ZERO,
            ended: Duration::ZERO,
        }
    }
}

impl GraphProtocol {
    /// Tasks by their positions, which are those of their workers, and so many
    /// under way at once. Dependencies on tasks that do not exist are ignored; a
    /// circle stalls the run.
    #[must_use]
    pub fn new(tasks: Vec<TaskRules>, concurrency: usize, on_failure: OnFailure) -> Self {
        let edge = |to| move |&(from, when)| Edge { from, to, when };
        let all = tasks.iter().enumerate();
        let edges = all.flat_map(|(to, task)| task.after.iter().map(edge(to)));
        let shape = Shape::new(
            tasks.iter().map(|task| task.weight).collect(),
            edges.collect(),
        );
        Self::of(shape, &tasks, concurrency, on_failure)
    }

    pub(in crate::coordination::graph) fn of(
        shape: Shape,
        tasks: &[TaskRules],
        concurrency: usize,
        on_failure: OnFailure,
    ) -> Self {
        let node = |(task, rules)| Node {
            waits: shape.dependencies(task),
            ..Node::new(task, None, rules)
        };
        let mut machine = Self {
            nodes: tasks.iter().enumerate().map(node).collect(),
            left: shape.len(),
            first_kind: shape.len(),
            at_most: shape.len(),
            shape,
            concurrency: concurrency.max(1),
            on_failure,
            by_urgency: Vec::new(),
            urgency: Vec::new(),
            ready: BTreeSet::new(),
            calls: Vec::new(),
            faults: Vec::new(),
            kinds: Vec::new(),
            reading: None,
            to_split: VecDeque::new(),
            under_way: 0,
            is_over: false,
        };
        machine.rank();
        machine
    }

    /// What answers of [decomposed](TaskRules::decomposed) tasks may add, up to so
    /// many tasks in all.
    #[must_use]
    pub fn kinds(mut self, kinds: Vec<TaskRules>, at_most: usize) -> Self {
        self.kinds = kinds;
        self.at_most = at_most;
        self
    }

    /// Orders the tasks by urgency, those that are ready among them.
    fn rank(&mut self) {
        self.by_urgency = self.shape.by_urgency();
        self.urgency = vec![0; self.shape.len()];
        self.ready.clear();
        for (place, &task) in self.by_urgency.iter().enumerate() {
            self.urgency[task] = place;
            if self.nodes[task].standing == Standing::Ready {
                self.ready.insert(place);
            }
        }
    }

    /// Where a task stands; `None` where there is none.
    #[must_use]
    pub fn state(&self, task: usize) -> Option<TaskState> {
        Some(match self.nodes.get(task)?.standing {
            Standing::Waiting | Standing::Ready => TaskState::Waiting,
            Standing::UnderWay(_) | Standing::Splitting(..) => TaskState::UnderWay,
            Standing::Done(..) => TaskState::Done,
            Standing::Failed => TaskState::Failed,
            Standing::Skipped(_) => TaskState::Skipped,
        })
    }

    pub(in crate::coordination::graph) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(in crate::coordination::graph) fn faults(&self) -> &[usize] {
        &self.faults
    }

    pub(in crate::coordination::graph) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The calls, as the tasks that they were made for.
    pub(in crate::coordination::graph) fn calls(&self) -> &[usize] {
        &self.calls
    }

    /// The dependencies whose answers a task was given.
    pub(in crate::coordination::graph) fn fed_by(
        &self,
        task: usize,
    ) -> impl Iterator<Item = (usize, Call)> + '_ {
        self.shape
            .edges_to(task)
            .filter_map(|(_, edge)| match self.nodes[edge.from].standing {
                Standing::Done(call, holds) if edge.is_opened_by(holds) => Some((edge.from, call)),
                _ => None,
            })
    }

    fn feed(&self, task: usize) -> Feed {
        let tag = self.nodes[task].tag;
        if self.shape.dependencies(task) == 0 && tag.is_none() {
            return Feed::Input;
        }
        let answers = self.fed_by(task).map(|(_, call)| call);
        Feed::Gather(tag.into_iter().chain(answers).collect())
    }

    fn make_ready(&mut self, task: usize) {
        self.nodes[task].standing = Standing::Ready;
        self.ready.insert(self.urgency[task]);
    }

    fn ask(&mut self, task: usize, effects: &mut Vec<Effect>) {
        let (worker, feed) = (self.nodes[task].worker, self.feed(task));
        let call = self.make(task, worker, feed, effects);
        let node = &mut self.nodes[task];
        node.standing = Standing::UnderWay(call);
        node.made += 1;
    }

    /// Makes a call for a task.
    fn make(&mut self, task: usize, worker: usize, feed: Feed, effects: &mut Vec<Effect>) -> Call {
        let call = self.calls.len();
        self.calls.push(task);
        effects.push(Effect::Ask { call, worker, feed });
        call
    }

    fn ask_more(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        while self.under_way < self.concurrency
            && let Some(place) = self.ready.pop_first()
        {
            let task = self.by_urgency[place];
            self.under_way += 1;
            self.nodes[task].began = now;
            self.ask(task, effects);
        }
    }

    /// A task is over: what waits for it alone is ready, or skipped, and so on.
    fn over(&mut self, task: usize, now: Duration) {
        let mut over = vec![task];
        while let Some(task) = over.pop() {
            self.left -= 1;
            self.nodes[task].ended = now;
            for at in self.shape.leads_on(task) {
                let to = self.shape.outgoing_at(at).to;
                if self.nodes[to].standing != Standing::Waiting {
                    continue;
                }
                self.nodes[to].waits -= 1;
                let reason = match self.failure_behind(task) {
                    Some(failed) => Some(Reason::Failure(failed)),
                    None if self.nodes[to].waits > 0 => continue,
                    None => self.is_closed(to),
                };
                match reason {
                    None => self.make_ready(to),
                    Some(reason) => {
                        self.nodes[to].standing = Standing::Skipped(reason);
                        self.nodes[to].began = now;
                        over.push(to);
                    }
                }
            }
        }
    }

    /// The failed task because of which nothing can depend on this one.
    fn failure_behind(&self, task: usize) -> Option<usize> {
        match self.nodes[task].standing {
            Standing::Failed => Some(task),
            Standing::Skipped(Reason::Failure(failed)) => Some(failed),
            _ => None,
        }
    }

    /// Why no edge to this task is open, if none is.
    fn is_closed(&self, task: usize) -> Option<Reason> {
        let mut why = None;
        for (at, edge) in self.shape.edges_to(task) {
            let closed = match self.nodes[edge.from].standing {
                Standing::Done(_, holds) if edge.is_opened_by(holds) => return None,
                Standing::Skipped(reason) => reason,
                _ => Reason::Condition(at),
            };
            why = why.or(Some(closed));
        }
        why
    }

    fn answered(
        &mut self,
        task: usize,
        call: Call,
        fact: Fact,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let holds = match fact {
            Fact::Choice(bits) => bits,
            _ => 0,
        };
        if self.nodes[task].is_decomposed {
            self.nodes[task].standing = Standing::Splitting(call, holds);
            self.to_split.push_back(task);
            self.split_next(effects);
        } else {
            self.done(task, call, holds, now, effects);
        }
    }

    fn done(
        &mut self,
        task: usize,
        call: Call,
        holds: u32,
        now: Duration,
        effects: &mut Vec<Effect>,
    ) {
        let worker = self.nodes[task].worker;
        effects.extend([note(worker, StepOutcome::Done), Effect::Emit(call)]);
        self.under_way -= 1;
        self.nodes[task].standing = Standing::Done(call, holds);
        self.over(task, now);
    }

    fn failed(&mut self, task: usize, call: Call, now: Duration, effects: &mut Vec<Effect>) {
        let worker = self.nodes[task].worker;
        effects.extend([note(worker, StepOutcome::Failed), Effect::Emit(call)]);
        self.under_way -= 1;
        self.nodes[task].standing = Standing::Failed;
        if self.on_failure == OnFailure::Stop {
            self.is_over = true;
            effects.push(Effect::Fail(Failure::Call(call)));
        } else {
            self.over(task, now);
        }
    }

    fn go_on(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        if self.is_over {
            return;
        }
        self.ask_more(now, effects);
        if self.left == 0 {
            self.is_over = true;
            let done = self.nodes.iter().filter_map(|node| match node.standing {
                Standing::Done(call, _) => Some(call),
                _ => None,
            });
            effects.push(Effect::Finish(Feed::Gather(done.collect())));
        }
    }

    /// The task whose call this is, while it is under way.
    fn task_of(&self, call: Call) -> Option<usize> {
        let task = *self.calls.get(call)?;
        (self.nodes[task].standing == Standing::UnderWay(call)).then_some(task)
    }
}

impl Edge {
    fn is_opened_by(self, holds: u32) -> bool {
        self.when.is_none_or(|bits| bits & holds != 0)
    }
}

fn note(worker: usize, outcome: StepOutcome) -> Effect {
    Effect::Note { worker, outcome }
}

impl Protocol for GraphProtocol {
    fn on(&mut self, event: &Happened, now: Duration, effects: &mut Vec<Effect>) {
        if self.is_over {
            return;
        }
        match *event {
            Happened::Began => {
                for task in 0..self.nodes.len() {
                    if self.nodes[task].waits == 0 {
                        self.make_ready(task);
                    }
                }
            }
            Happened::Answered { call, fact } => {
                if let Some(task) = self.task_of(call) {
                    self.answered(task, call, fact, now, effects);
                } else if let Some(reading) = self.read_by(call) {
                    self.read(reading, fact, now, effects);
                } else {
                    return;
                }
            }
            Happened::Failed { call, class } => {
                if let Some(task) = self.task_of(call) {
                    self.faults.push(task);
                    let node = &self.nodes[task];
                    if class.is_retryable() && node.made < node.attempts {
                        effects.push(note(node.worker, StepOutcome::Retried));
                        self.ask(task, effects);
                        return;
                    }
                    self.failed(task, call, now, effects);
                } else if let Some(reading) = self.read_by(call) {
                    self.faults.push(reading.task);
                    self.failed(reading.task, call, now, effects);
                    self.split_next(effects);
                } else {
                    return;
                }
            }
            Happened::TimeUp { .. } => return,
        }
        self.go_on(now, effects);
    }
}
