use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use callboard::actor::{Budget, Metadata, Request, Spending, Worker};
use callboard::prelude::*;

use crate::common::system;

/// Takes ten tokens for a job, and counts its jobs.
struct Model(Arc<AtomicU32>);

impl Worker for Model {
    type In = u32;
    type Out = u32;

    async fn work(&mut self, n: u32, _: &mut Context<Self>) -> Result<u32, Fault> {
        self.0.fetch_add(1, SeqCst);
        Ok(n + 1)
    }

    fn metadata(&self, _: &u32) -> Metadata {
        Metadata::new().tokens(10).cost(3)
    }
}

/// Asks another one twice.
struct Lead(WorkerRef<u32, u32>);

impl Worker for Lead {
    type In = Budget;
    type Out = (u32, Option<Budget>);

    async fn work(&mut self, own: Budget, cx: &mut Context<Self>) -> Result<Self::Out, Fault> {
        let first = self.0.ask(1).await?.value;
        let second = self.0.ask(first).budget(own).await?.value;
        Ok((second, cx.spending().map(|spending| spending.left())))
    }
}

async fn team(system: &System) -> (WorkerRef<Budget, (u32, Option<Budget>)>, Arc<AtomicU32>) {
    let jobs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&jobs);
    let model = ChildSpec::new("model", move || Model(Arc::clone(&counted)));
    let model: WorkerRef<u32, u32> = system.spawn(model).await.unwrap().into();
    let lead = ChildSpec::new("lead", move || Lead(model.clone()));
    (system.spawn(lead).await.unwrap().into(), jobs)
}

#[tokio::test(start_paused = true)]
async fn a6_what_is_asked_inside_is_charged_to_the_requests_budget() {
    let system = system();
    let (lead, _) = team(&system).await;
    let ask = lead.ask(Budget::new()).budget(Budget::new().tokens(100));
    let (answer, left) = ask.await.unwrap().value;
    assert_eq!(answer, 3);
    assert_eq!(left, Some(Budget::new().tokens(80)));
    // Without a budget there is nothing to look after.
    assert_eq!(lead.ask(Budget::new()).await.unwrap().value, (3, None));
}

#[tokio::test(start_paused = true)]
async fn a6_a_request_that_has_nothing_left_is_refused_before_it_is_worked_on() {
    let system = system();
    let (lead, jobs) = team(&system).await;
    let ask = lead.ask(Budget::new()).budget(Budget::new().cost(3));
    let fault = ask.await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Budget);
    assert_eq!(jobs.load(SeqCst), 1, "the second job was not begun");
}

#[tokio::test(start_paused = true)]
async fn a6_a_budget_within_a_budget_holds_for_what_is_inside() {
    let system = system();
    let (lead, jobs) = team(&system).await;
    let ask = lead.ask(Budget::new().tokens(0));
    let fault = ask.budget(Budget::new().tokens(100)).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Budget);
    assert_eq!(jobs.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a6_a_deadline_and_a_budget_travel_together() {
    let system = system();
    let (lead, _) = team(&system).await;
    let ask = lead.ask(Budget::new()).deadline(secs(9));
    let (_, left) = ask.budget(Budget::new().tokens(50)).await.unwrap().value;
    assert_eq!(left, Some(Budget::new().tokens(30)));
}

#[tokio::test(start_paused = true)]
async fn a6_an_answer_that_is_described_is_charged_once() {
    let system = system();
    let jobs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&jobs);
    let model = ChildSpec::new("model", move || Model(Arc::clone(&counted)));
    let model: WorkerRef<u32, u32> = system.spawn(model).await.unwrap().into();
    let dearer = model.with_metadata(|_| Metadata::new().tokens(25));
    let request = Request::in_force().with_budget(Budget::new().tokens(100));
    request.within(async { dearer.ask(1).await }).await.unwrap();
    let used = request.spending().map(Spending::used).unwrap();
    assert_eq!(used.tokens, 25, "its own ten are among them");
}
