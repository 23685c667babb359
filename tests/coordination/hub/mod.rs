//! D1, D5 and D25: hubs over real workers.

mod assigning;
mod judging;
mod plans;
mod runs;
mod teams;

use callboard::coordination::hub::{HubReport, Unfinished};
use callboard::coordination::task::TaskRecord;
use callboard::coordination::{Hub, hub};
use callboard::prelude::*;

type Plain = Hub<Vec<TaskRecord<u32>>, u32, u32, HubReport<u32>>;

/// A hub whose plan is what is asked.
fn desk() -> Plain {
    let planner = WorkerRef::from_fn(
        "plan",
        |tasks: Vec<TaskRecord<u32>>| async move { Ok(tasks) },
    );
    hub("desk", planner)
}

fn task(name: &str, kind: &str, query: u32) -> TaskRecord<u32> {
    TaskRecord::new(name, kind, query)
}

fn plus(n: u32) -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("plus", move |m: u32| async move { Ok(m + n) })
}

fn fails(class: FaultClass) -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("fails", move |_: u32| async move {
        Err(Fault::new(class, "scripted"))
    })
}

fn takes(after: Duration, n: u32) -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("takes", move |_: u32| async move {
        tokio::time::sleep(after).await;
        Ok(n)
    })
}

async fn run(hub: Plain, plan: Vec<TaskRecord<u32>>) -> Result<HubReport<u32>, Fault> {
    let system = System::new("t");
    let desk = hub.start(&system).await.unwrap();
    let served = desk.ask(plan).deadline(secs(3_600)).await;
    served.map(|served| served.value)
}

/// The report behind a fault.
fn unfinished(fault: &Fault) -> &HubReport<u32> {
    &fault.cause::<Unfinished<u32>>().expect("a report").report
}

fn agents(report: &HubReport<u32>, task: &str) -> Vec<String> {
    let attempts = report.task(task).unwrap().attempts.iter();
    attempts.map(|attempt| attempt.agent.to_string()).collect()
}
