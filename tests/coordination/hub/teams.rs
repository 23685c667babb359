//! Teams of teams.

use callboard::coordination::hub::HubReport;
use callboard::coordination::task::TaskRecord;
use callboard::coordination::{Hub, hub};
use callboard::policy::choice::Skills;
use callboard::prelude::*;

use super::{agents, fails, plus, takes, unfinished};

type Team = Hub<u32, u32, u32, HubReport<u32>>;

/// A team that has two halves of its work done side by side.
fn team(name: &'static str) -> Team {
    let lead = WorkerRef::from_fn("lead", |n: u32| async move {
        Ok(vec![
            TaskRecord::new("left", "count", n),
            TaskRecord::new("right", "count", n * 10),
        ])
    });
    hub(name, lead)
}

fn sum(report: HubReport<u32>) -> Result<u32, Fault> {
    Ok(report.answers().map(|(_, n)| *n).sum())
}

fn level(level: f64) -> Skills {
    Skills::default().with("count", level)
}

#[tokio::test(start_paused = true)]
async fn d5_a_team_of_teams_replaces_a_specialist_that_fails() {
    let system = System::new("t");
    let broken = team("broken")
        .spoke("only", level(1.0), fails(FaultClass::Transient))
        .synthesize(sum);
    let poor = team("poor")
        .spoke("clerk", level(1.0), plus(0))
        .synthesize(sum);
    let sound = team("sound")
        .spoke("novice", level(1.0), fails(FaultClass::Permanent))
        .spoke("veteran", level(0.9), takes(secs(1), 50))
        .synthesize(sum);
    let manager = WorkerRef::from_fn("manager", |n: u32| async move {
        Ok(vec![
            TaskRecord::new("north", "audit", n),
            TaskRecord::new("south", "audit", n + 1),
        ])
    });
    let audit = |level| Skills::default().with("audit", level);
    let board = hub("manager", manager)
        .spoke("broken", audit(1.0), broken.start(&system).await.unwrap())
        .spoke("poor", audit(0.99), poor.start(&system).await.unwrap())
        .spoke("sound", audit(0.98), sound.start(&system).await.unwrap())
        .check(|_, answer: &u32| if *answer >= 100 { 1.0 } else { 0.2 })
        .at_least(0.8)
        .start(&system)
        .await
        .unwrap();
    let begun = tokio::time::Instant::now();
    let report = board.ask(1).await.unwrap().value;
    assert_eq!(
        report.answers().collect::<Vec<_>>(),
        [("north", &100), ("south", &100)]
    );
    for name in ["north", "south"] {
        let asked = agents(&report, name);
        assert!(asked.len() > 1, "{asked:?}");
        assert_eq!(report.task(name).unwrap().agent.as_deref(), Some("sound"));
    }
    assert!(
        begun.elapsed() < secs(2),
        "teams and their members work in parallel"
    );
}

#[tokio::test(start_paused = true)]
async fn d5_the_fault_of_a_team_tells_what_became_of_its_members() {
    let system = System::new("t");
    let below = team("below").spoke("only", level(1.0), fails(FaultClass::Transient));
    let below = below.synthesize(sum).start(&system).await.unwrap();
    let manager = WorkerRef::from_fn("manager", |n: u32| async move {
        Ok(vec![TaskRecord::new("all", "audit", n)])
    });
    let above = hub("above", manager).spoke("below", ["audit"], below);
    let above = above.start(&system).await.unwrap();
    let fault = above.ask(1).await.unwrap_err();
    assert_eq!(
        fault.message(),
        "above: 1 of 1 tasks failed, first \"all\": \
         below: 1 of 2 tasks failed, first \"left\": scripted"
    );
    let all = unfinished(&fault).task("all").unwrap();
    let inner = unfinished(all.fault().unwrap());
    assert_eq!(agents(inner, "left"), ["only"]);
}
