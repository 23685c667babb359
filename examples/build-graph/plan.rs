//! The tasks of a file, checked, and the graph that they are.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use callboard::coordination::graph::{
    Graph, GraphBuilder, Inputs, InvalidGraph, Task, TaskState, graph,
};
use callboard::prelude::*;

use crate::common::publish;
use crate::common::read::{self, Reason};
use crate::nearest::nearest;
use crate::recipe::{Defaults, File, Recipe, Run};

/// The largest file that is read.
const LARGEST_FILE: u64 = 1 << 20;

/// Tasks that a file may have.
const MOST_TASKS: usize = 1_000;

/// Attempts that a task may have.
const MOST_ATTEMPTS: u32 = 100;

/// Who does a task.
pub(crate) type Doer = WorkerRef<Inputs<()>, ()>;

/// One task, with what the defaults say.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: Arc<str>,
    pub(crate) run: Run,
    pub(crate) needs: Vec<Arc<str>>,
    pub(crate) weight: u32,
    pub(crate) attempts: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) dir: std::path::PathBuf,
    pub(crate) env: BTreeMap<String, String>,
}

/// All tasks, in the order of their names.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Arc<Step>>,
    /// Without workers: to describe and to draw.
    pub(crate) shape: Graph<()>,
}

impl Plan {
    pub(crate) fn load(file: &Path) -> Result<Self, Refused> {
        let text = read::read(file, LARGEST_FILE).map_err(Refused::Unreadable)?;
        Self::parse(&text, publish::parent(file))
    }

    /// The plan of a file in the directory `base`.
    pub(crate) fn parse(text: &str, base: &Path) -> Result<Self, Refused> {
        let file: File = toml::from_str(text).map_err(|error| Refused::Toml(Box::new(error)))?;
        let names = || file.task.keys().map(String::as_str);
        for (name, recipe) in &file.task {
            check(name, recipe)?;
            if let Some(unknown) = recipe
                .needs
                .iter()
                .find(|need| !file.task.contains_key(*need))
            {
                return Err(Refused::UnknownNeed {
                    task: name.clone(),
                    need: unknown.clone(),
                    meant: nearest(unknown, names()).map(str::to_owned),
                });
            }
        }
        if let Some(attempts) = file.defaults.attempts.filter(|n| n.get() > MOST_ATTEMPTS) {
            return Err(Refused::Attempts("defaults".to_owned(), attempts.get()));
        }
        let defaults = &file.defaults;
        let steps = file.task.into_iter();
        let steps: Vec<_> = steps
            .map(|(name, recipe)| Arc::new(step(name, recipe, defaults, base)))
            .collect();
        let shape = build(&steps, |_| idle(), |step| step.weight)
            .build()
            .map_err(Refused::Graph)?;
        Ok(Self { steps, shape })
    }

    /// The graph with somebody to do each task.
    pub(crate) fn graph(&self, doer: impl Fn(&Arc<Step>) -> Doer) -> GraphBuilder<()> {
        build(&self.steps, doer, |step| step.weight)
    }

    /// The way through the graph that takes longest where tasks take this many
    /// milliseconds: nothing could be faster, however much runs side by side.
    pub(crate) fn longest(&self, millis: impl Fn(&str) -> u64) -> Vec<Arc<str>> {
        let weight = |step: &Step| u32::try_from(millis(&step.name)).unwrap_or(u32::MAX);
        match build(&self.steps, |_| idle(), weight).build() {
            Ok(graph) => graph.critical_path(),
            // It was built before, with other weights.
            Err(_) => Vec::new(),
        }
    }

    /// Drawn before anything has run.
    pub(crate) fn mermaid(&self) -> String {
        let way = self.shape.critical_path();
        self.shape.mermaid_of(|_| TaskState::Waiting, &way)
    }
}

fn check(name: &str, recipe: &Recipe) -> Result<(), Refused> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(Refused::Name(name.to_owned()));
    }
    if recipe.run.is_empty() {
        return Err(Refused::NothingToRun(name.to_owned()));
    }
    if let Some(attempts) = recipe.attempts.filter(|n| n.get() > MOST_ATTEMPTS) {
        return Err(Refused::Attempts(name.to_owned(), attempts.get()));
    }
    Ok(())
}

fn step(name: String, recipe: Recipe, defaults: &Defaults, base: &Path) -> Step {
    let one = |own: Option<std::num::NonZeroU32>, general: Option<std::num::NonZeroU32>| {
        own.or(general).map_or(1, std::num::NonZeroU32::get)
    };
    let dir = match (&recipe.dir, &defaults.dir) {
        (Some(dir), _) | (None, Some(dir)) => base.join(dir),
        (None, None) => base.to_owned(),
    };
    let mut env = defaults.env.clone();
    env.extend(recipe.env);
    Step {
        name: name.into(),
        run: recipe.run,
        needs: recipe.needs.into_iter().map(Arc::from).collect(),
        weight: one(recipe.weight, defaults.weight),
        attempts: one(recipe.attempts, defaults.attempts),
        timeout: recipe.timeout.or(defaults.timeout),
        dir,
        env,
    }
}

fn build(
    steps: &[Arc<Step>],
    doer: impl Fn(&Arc<Step>) -> Doer,
    weight: impl Fn(&Step) -> u32,
) -> GraphBuilder<()> {
    let all = graph("tasks").at_most(MOST_TASKS);
    steps.iter().fold(all, |graph, step| {
        let task = Task::joining(Arc::clone(&step.name), doer(step))
            .weight(weight(step))
            .attempts(step.attempts);
        let needs = step.needs.iter().cloned();
        graph.task(needs.fold(task, Task::after))
    })
}

fn idle() -> Doer {
    WorkerRef::from_fn("idle", |_| async { Ok(()) })
}

/// A file that describes no graph, and why.
#[derive(Debug)]
pub(crate) enum Refused {
    Unreadable(Reason),
    Toml(Box<toml::de::Error>),
    Name(String),
    NothingToRun(String),
    Attempts(String, u32),
    UnknownNeed {
        task: String,
        need: String,
        meant: Option<String>,
    },
    Graph(InvalidGraph),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Unreadable(Reason::Vanished) => f.write_str("there is no such file"),
            Refused::Unreadable(reason) => reason.fmt(f),
            Refused::Toml(error) => write!(f, "this is no file of tasks\n{error}"),
            Refused::Name(name) => write!(f, "{name:?} is no name for a task"),
            Refused::NothingToRun(task) => {
                write!(f, "task {task:?} has nothing to run, give it a command")
            }
            Refused::Attempts(task, attempts) => write!(
                f,
                "{attempts} attempts are too many for {task:?}, allow at most {MOST_ATTEMPTS}"
            ),
            Refused::UnknownNeed { task, need, meant } => {
                write!(f, "task {task:?} needs {need:?}, which is no task")?;
                match meant {
                    Some(meant) => write!(f, ", is {meant:?} meant?"),
                    None => Ok(()),
                }
            }
            Refused::Graph(InvalidGraph::NoTasks) => {
                f.write_str("there is no task in it, add one: [task.name] run = \"...\"")
            }
            Refused::Graph(InvalidGraph::TooManyTasks { tasks, at_most }) => {
                write!(f, "{tasks} tasks are too many, {at_most} may be")
            }
            Refused::Graph(invalid) => invalid.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Refused::Unreadable(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Plan, String> {
        Plan::parse(text, Path::new("base")).map_err(|refused| refused.to_string())
    }

    #[test]
    fn defaults_hold_where_a_task_does_not_say_otherwise() {
        let text = r#"
            [defaults]
            timeout = "5s"
            attempts = 2
            env = { A = "1", B = "1" }
            [task.a]
            run = "true"
            [task.b]
            run = ["prog", "arg"]
            needs = ["a"]
            timeout = "1m"
            attempts = 1
            weight = 3
            dir = "sub"
            env = { B = "2" }
        "#;
        let plan = plan(text).expect("a plan");
        let [a, b] = &plan.steps[..] else {
            panic!("two tasks: {plan:?}");
        };
        assert_eq!((a.timeout, a.attempts, a.weight), (Some(secs(5)), 2, 1));
        assert_eq!((b.timeout, b.attempts, b.weight), (Some(secs(60)), 1, 3));
        assert_eq!(
            (a.dir.to_str(), b.dir.to_str()),
            (Some("base"), Some("base/sub"))
        );
        assert_eq!((&*b.env["A"], &*b.env["B"]), ("1", "2"));
        assert_eq!(b.run.words(), ["prog", "arg"]);
        assert_eq!(plan.shape.critical_path().join(" "), "a b");
    }

    #[test]
    fn what_describes_no_graph_is_refused_in_words() {
        let task =
            |name: &str, needs: &str| format!("[task.{name}]\nrun = 'x'\nneeds = [{needs}]\n");
        let circle = [task("a", "'c'"), task("b", "'a'"), task("c", "'b'")].concat();
        for (text, words) in [
            (String::new(), "no task in it"),
            (circle, "tasks wait for each other: a -> b -> c -> a"),
            (task("a", "'a'"), "tasks wait for each other: a -> a"),
            (
                [task("compile", ""), task("link", "'compiel'")].concat(),
                r#"task "link" needs "compiel", which is no task, is "compile" meant?"#,
            ),
            (task("a", "'zebra'"), r#"needs "zebra", which is no task"#),
            (
                [task("a", ""), task("b", "'a', 'a'")].concat(),
                "in two ways",
            ),
            ("[task.a]\nrun = ' '".into(), "nothing to run"),
            ("[task.a]\nrun = []".into(), "nothing to run"),
            ("[task.a]\nrun = 7".into(), "a command as one string"),
            ("[task.a]\nrunn = 'x'".into(), "unknown field `runn`"),
            (
                "[task.a]\nrun = 'x'\ntimeout = 'soon'".into(),
                "timeout = 'soon'",
            ),
            ("[task.a]\nrun = 'x'\nattempts = 0".into(), "attempts = 0"),
            ("[task.a]\nrun = 'x'\nattempts = 101".into(), "too many"),
            ("[task.\"\"]\nrun = 'x'".into(), "no name"),
            ("[task.a".into(), "line 1"),
        ] {
            let refused = plan(&text).expect_err(&text);
            assert!(refused.contains(words), "{text}: {refused}");
        }
    }

    #[test]
    fn more_tasks_than_may_be_are_refused() {
        let text: String = (0..=MOST_TASKS)
            .map(|task| format!("[task.t{task}]\nrun = 'x'\n"))
            .collect();
        let refused = plan(&text).expect_err("too many");
        assert_eq!(refused, "1001 tasks are too many, 1000 may be");
    }

    #[test]
    fn the_longest_way_goes_by_measured_times() {
        let text =
            "[task.a]\nrun = 'x'\n[task.b]\nrun = 'x'\n[task.c]\nrun = 'x'\nneeds = ['a', 'b']";
        let plan = plan(text).expect("a plan");
        let way = plan.longest(|task| if task == "b" { 20 } else { 10 });
        assert_eq!(way.join(" "), "b c");
    }
}
