//! A manager of teams: each team plans its own work, members that do badly are
//! replaced, and what became of every task can be looked up.

use callboard::coordination::hub::{HubReport, Order, Skills};
use callboard::coordination::task::{TaskBoard, TaskRecord};
use callboard::coordination::{Hub, hub};
use callboard::prelude::*;

type Query = String;
type Text = String;

/// A team that finds facts and has them written up.
fn team(name: &'static str, writer: WorkerRef<Order<Query, Text>, Text>) -> Team {
    let lead = WorkerRef::from_fn("lead", |topic: Query| async move {
        Ok(vec![
            TaskRecord::new("facts", "search", topic.clone()).deadline(secs(2)),
            TaskRecord::new("text", "write", topic)
                .instructions("one line")
                .after("facts")
                .quality(0.7),
        ])
    });
    let archive = WorkerRef::from_fn("archive", |topic: Query| async move {
        Err::<Text, _>(Fault::transient(format!(
            "the archive has nothing on {topic}"
        )))
    });
    let web = WorkerRef::from_fn("web", |topic: Query| async move {
        Ok::<Text, _>(format!("{topic} was seen"))
    });
    let desk = WorkerRef::from_fn("desk", |order: Order<Query, Text>| async move {
        let facts = order.answer("facts").cloned().unwrap_or_default();
        Ok(format!("{}: {facts}", order.query()))
    });
    hub(name, lead)
        .spoke("archive", ["search"], archive)
        .spoke("web", Skills::default().with("search", 0.8), web)
        .briefed_spoke("writer", ["write"], writer)
        .briefed_spoke("desk", Skills::default().with("write", 0.5), desk)
        .check(|_, text: &Text| if text.is_empty() { 0.0 } else { 1.0 })
}

type Team = Hub<Query, Query, Text, HubReport<Text>>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let system = System::new("manager");

    let tired = WorkerRef::from_fn("tired", |_: Order<Query, Text>| async { Ok(Text::new()) });
    let witty = WorkerRef::from_fn("witty", |order: Order<Query, Text>| async move {
        Ok(format!(
            "Guess what! {}",
            order.answer("facts").cloned().unwrap_or_default()
        ))
    });
    let text = |report: HubReport<Text>| Ok(report.answer("text").cloned().unwrap_or_default());
    let science = team("science", tired)
        .synthesize(text)
        .start(&system)
        .await?;
    let sports = team("sports", witty)
        .synthesize(text)
        .start(&system)
        .await?;

    let editor = WorkerRef::from_fn("editor", |topics: Vec<(&str, &str)>| async move {
        let task = |(kind, topic): (&str, &str)| TaskRecord::new(topic, kind, topic.to_owned());
        Ok(topics.into_iter().map(task).collect::<Vec<_>>())
    });
    let board = TaskBoard::default();
    let newsroom = hub("editor", editor)
        .spoke("science team", ["science"], science)
        .spoke("sports team", ["sports"], sports)
        .board(&board)
        .start(&system)
        .await?;

    let topics = vec![("science", "a comet"), ("sports", "a record")];
    let report = newsroom.ask(topics).await?.value;
    for (topic, line) in report.answers() {
        println!("{topic:10} {line}");
    }
    for task in &report.tasks {
        println!("{}: {}", task.id, task.decisions[0]);
    }
    println!("{}", board.status());

    assert_eq!(
        report.answer("a comet").map(String::as_str),
        Some("a comet: a comet was seen")
    );
    assert_eq!(report.answers().count(), 2);
    system.shutdown(secs(1)).await?;
    Ok(())
}
