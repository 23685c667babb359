//! Runs each model in a child process and judges how it ended.

use std::env;
use std::io::Write;
use std::process::{Command, ExitCode, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

/// Names the model that a child process is to run.
const CHILD: &str = "CALLBOARD_LOOM_MODEL";
/// A child whose model failed ends with this code.
const FAILED: i32 = 3;
/// Preemptions in one execution, where `LOOM_MAX_PREEMPTIONS` says nothing.
const PREEMPTIONS: usize = 2;

static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);

/// One model, and what is to become of it.
pub(crate) struct Model {
    name: String,
    is_exhaustive: bool,
    /// What a mutant must die of.
    dies_of: Option<&'static str>,
    body: Box<dyn Fn() + Send + Sync>,
}

impl Model {
    /// A model that must hold in every order.
    pub(crate) fn holds(name: impl Into<String>, body: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            name: name.into(),
            is_exhaustive: false,
            dies_of: None,
            body: Box::new(body),
        }
    }

    /// A model of something wrong: it must fail, with this in its panic.
    pub(crate) fn dies_of(
        name: impl Into<String>,
        cause: &'static str,
        body: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            dies_of: Some(cause),
            ..Self::holds(name, body)
        }
    }

    /// Without a bound on preemptions.
    pub(crate) fn exhaustive(mut self) -> Self {
        self.is_exhaustive = true;
        self
    }

    fn bound(&self) -> Option<usize> {
        if self.is_exhaustive {
            return None;
        }
        let said = env::var("LOOM_MAX_PREEMPTIONS").ok();
        Some(said.map_or(PREEMPTIONS, |n| {
            n.parse().expect("LOOM_MAX_PREEMPTIONS is a number")
        }))
    }

    fn check(self) {
        let mut loom = loom::model::Builder::new();
        loom.preemption_bound = self.bound();
        // Limits that would end a model green before it is complete.
        loom.max_duration = None;
        loom.max_permutations = None;
        let body = self.body;
        loom.check(move || {
            EXECUTIONS.fetch_add(1, Relaxed);
            body();
        });
    }
}

/// Runs the models whose name contains one of the arguments, or all.
pub(crate) fn run(models: Vec<Model>) -> ExitCode {
    if let Ok(name) = env::var(CHILD) {
        let model = models.into_iter().find(|model| model.name == name);
        return run_child(model.expect("the parent names a model that exists"));
    }
    let wanted: Vec<String> = env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let models: Vec<Model> = models
        .into_iter()
        .filter(|model| wanted.is_empty() || wanted.iter().any(|part| model.name.contains(part)))
        .collect();
    let next = AtomicUsize::new(0);
    let passed = AtomicUsize::new(0);
    let printing = Mutex::new(());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(model) = models.get(next.fetch_add(1, Relaxed)) {
                    let (has_passed, report) = run_parent(model);
                    if has_passed {
                        passed.fetch_add(1, Relaxed);
                    }
                    let _printing = printing.lock();
                    let mut out = std::io::stdout();
                    let _ = writeln!(out, "{report}").and_then(|()| out.flush());
                }
            });
        }
    });
    let passed = passed.into_inner();
    let failed = models.len() - passed;
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Checks one model. A panic ends the process on the spot: unwinding through
/// loom's threads would run destructors outside of its execution.
fn run_child(model: Model) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        println!("{panic}\nin execution {}", EXECUTIONS.load(Relaxed));
        let _ = std::io::stdout().flush();
        std::process::exit(FAILED);
    }));
    model.check();
    println!("{}", EXECUTIONS.load(Relaxed));
    ExitCode::SUCCESS
}

fn run_parent(model: &Model) -> (bool, String) {
    #[expect(clippy::disallowed_methods, reason = "a stop-watch around a process")]
    let begun = Instant::now();
    let itself = env::current_exe().expect("the binary knows where it is");
    let child = Command::new(itself).env(CHILD, &model.name).output();
    let Output {
        status,
        stdout,
        stderr,
    } = child.expect("the binary can start itself");
    let seconds = begun.elapsed().as_secs_f64();
    let name = &model.name;
    let said = String::from_utf8_lossy(&stdout).trim().to_owned();
    if status.success() {
        let bound = match model.bound() {
            Some(bound) => format!("at most {bound} preemptions"),
            None => "every order".to_owned(),
        };
        let report = format!("model {name} completed: {said} executions ({bound}, {seconds:.1} s)");
        return match model.dies_of {
            None => (true, report),
            Some(cause) => (
                false,
                format!("FAILED: {report}, and should have died of {cause:?}"),
            ),
        };
    }
    match model.dies_of {
        Some(cause) if status.code() == Some(FAILED) && said.contains(cause) => {
            let when = said.lines().last().unwrap_or_default();
            (
                true,
                format!("model {name} failed, as it must: {cause:?} {when} ({seconds:.1} s)"),
            )
        }
        _ => {
            let noise = String::from_utf8_lossy(&stderr);
            (
                false,
                format!("FAILED: model {name} ({status}, {seconds:.1} s)\n{said}\n{noise}"),
            )
        }
    }
}
