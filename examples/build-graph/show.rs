//! Plans and reports as people read them.

use std::io::{self, Write};

use crate::plan::Plan;
use crate::report::{Outcome, Report, TaskReport, owned};

/// What would run.
pub(crate) fn plan(out: &mut impl Write, plan: &Plan, json: bool) -> io::Result<()> {
    let described = plan.shape.describe();
    if json {
        let tasks: Vec<_> = plan.steps.iter().map(|step| step_json(step)).collect();
        let value = serde_json::json!({
            "tasks": tasks,
            "levels": described.levels.iter().map(|tasks| owned(tasks)).collect::<Vec<_>>(),
            "critical_path": owned(&described.critical_path),
            "weight": described.weight,
        });
        return writeln!(out, "{value}");
    }
    for (level, tasks) in described.levels.iter().enumerate() {
        writeln!(out, "{}", if level == 0 { "first:" } else { "then:" })?;
        for step in plan.steps.iter().filter(|step| tasks.contains(&step.name)) {
            writeln!(out, "  {}: {}", step.name, step.run)?;
        }
    }
    let path = described.critical_path.join(" -> ");
    writeln!(out, "critical path by weight: {path}")?;
    writeln!(out, "tasks {}, nothing was run", plan.steps.len())
}

fn step_json(step: &crate::plan::Step) -> serde_json::Value {
    serde_json::json!({
        "name": &*step.name,
        "run": step.run.words(),
        "needs": owned(&step.needs),
        "weight": step.weight,
        "attempts": step.attempts,
        "dir": step.dir,
    })
}

/// What became of the tasks. The last line is the account.
pub(crate) fn report(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for task in &report.tasks {
        said(out, task)?;
    }
    let names = report.tasks.iter().map(|task| task.name.chars().count());
    let width = names.max().unwrap_or(0).max("task".len());
    writeln!(out, "{:width$}  outcome  attempts  seconds", "task")?;
    for task in &report.tasks {
        let on_path = match report.critical_path.contains(&task.name) {
            true => " *",
            false => "",
        };
        let reason = task.reason.as_deref().unwrap_or(on_path);
        let line = format!(
            "{:width$}  {:7}  {:8}  {:7.2}{}{reason}",
            task.name,
            word(task.outcome),
            task.attempts,
            task.seconds,
            if task.reason.is_some() { "  " } else { "" },
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    if !report.critical_path.is_empty() {
        let path = report.critical_path.join(" -> ");
        writeln!(out, "critical path (*): {path}")?;
    }
    writeln!(
        out,
        "took {:.2} s; the critical path alone {:.2} s{}; one after the other {:.2} s",
        report.seconds,
        report.critical_seconds,
        share(report.critical_seconds, report.seconds),
        report.sequential_seconds,
    )?;
    if report.restarts > 0 {
        writeln!(out, "runners restarted: {}", report.restarts)?;
    }
    if report.interrupted {
        writeln!(out, "interrupted: this is what was done until then")?;
    }
    let counts = &report.counts;
    writeln!(
        out,
        "tasks {} = done {} + failed {} + stopped {} + skipped {}: {}",
        counts.tasks,
        counts.done,
        counts.failed,
        counts.stopped,
        counts.skipped,
        if report.conserved {
            "holds"
        } else {
            "DOES NOT HOLD"
        },
    )
}

/// The output of a task that failed.
fn said(out: &mut impl Write, task: &TaskReport) -> io::Result<()> {
    let (Outcome::Failed, Some(output)) = (task.outcome, &task.output) else {
        return Ok(());
    };
    let reason = task.reason.as_deref().unwrap_or_default();
    writeln!(out, "{} failed: {reason}", task.name)?;
    for line in output.lines() {
        writeln!(out, "  | {line}")?;
    }
    writeln!(out)
}

fn share(part: f64, whole: f64) -> String {
    match whole > 0.0 {
        true => format!(" ({:.0} %)", 100.0 * part / whole),
        false => String::new(),
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::Stopped => "stopped",
        Outcome::Skipped => "skipped",
    }
}
