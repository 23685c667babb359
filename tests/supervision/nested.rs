use callboard::prelude::*;
use callboard::supervision::{ChildError, ChildState};

use crate::common::{Msg, Script, Step, Trace, idle, soon, system};
use crate::{child, team};

#[tokio::test(start_paused = true)]
async fn nested_supervisors_start_in_order_and_stop_in_reverse() {
    let system = system();
    let trace = Trace::default();
    let left = Supervisor::new("left")
        .child(child("a", &trace))
        .child(child("b", &trace));
    let right = Supervisor::new("right").child(child("d", &trace));
    let team = team().child(left).child(child("c", &trace)).child(right);
    let team = team.start(&system).await.unwrap();
    assert_eq!(
        trace.take(),
        [
            "a start", "a up", "b start", "b up", "c start", "c up", "d start", "d up"
        ]
    );
    let tree = team.tree();
    let paths: Vec<_> = tree.walk().map(|node| node.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "t/team",
            "t/team/left",
            "t/team/left/a",
            "t/team/left/b",
            "t/team/c",
            "t/team/right",
            "t/team/right/d"
        ]
    );
    assert!(tree.walk().all(|node| node.is_up()), "{tree}");
    team.stop();
    soon(team.closed()).await;
    let stops: Vec<_> = trace
        .take()
        .into_iter()
        .filter(|l| l.ends_with("stopped"))
        .collect();
    assert_eq!(stops, ["d stopped", "c stopped", "b stopped", "a stopped"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_start_deep_below_undoes_all_of_it_and_names_the_way() {
    let system = system();
    let trace = Trace::default();
    let faulty = Script::new("b", &trace).starts([Step::Fail]).spec();
    let inner = Supervisor::new("inner")
        .child(child("a", &trace))
        .child(faulty);
    let refused = team()
        .child(child("x", &trace))
        .child(inner)
        .start(&system)
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "it did not start: failed: child \"inner\" did not start: \
         failed: child \"b\" did not start: failed: scripted failure"
    );
    assert_eq!((trace.count("a drop"), trace.count("x drop")), (1, 1));
    assert!(system.tree().children.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_is_terminated_restarted_and_deleted_like_any_child() {
    let system = system();
    let trace = Trace::default();
    let a = child("a", &trace);
    let actor = a.actor_ref();
    let team = team().child(Supervisor::new("inner").child(a));
    let team = team.start(&system).await.unwrap();
    team.terminate_child("inner").await.unwrap();
    soon(actor.closed()).await;
    assert_eq!(team.which_children()[0].state, ChildState::Down);
    team.restart_child("inner").await.unwrap();
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
    assert!(matches!(
        team.delete_child("inner").await,
        Err(ChildError::Running)
    ));
    team.terminate_child("inner").await.unwrap();
    team.delete_child("inner").await.unwrap();
    assert_eq!(team.count().specs, 0);
}

#[tokio::test(start_paused = true)]
async fn one_for_all_restarts_a_nested_supervisor_with_all_below() {
    let system = system();
    let trace = Trace::default();
    let (a, b) = (child("a", &trace), child("b", &trace));
    let (a_ref, b_ref) = (a.actor_ref(), b.actor_ref());
    let team = team()
        .strategy(Strategy::OneForAll)
        .child(a)
        .child(Supervisor::new("inner").child(b));
    let team = team.start(&system).await.unwrap();
    b_ref.tell(Msg::Note(1)).await.unwrap();
    a_ref.tell(Msg::panic()).await.unwrap();
    idle().await;
    assert_eq!(team.count().active, 2);
    assert_eq!(b_ref.ask(Msg::Life).await.unwrap(), 1);
    assert_eq!(b_ref.ask(Msg::Seen).await.unwrap(), [0; 0]);
    assert_eq!(team.count().restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_names_live_in_different_places() {
    let system = system();
    let trace = Trace::default();
    let (one, two) = (child("a", &trace), child("a", &trace));
    let (one_ref, two_ref) = (one.actor_ref(), two.actor_ref());
    Supervisor::new("one")
        .child(one)
        .start(&system)
        .await
        .unwrap();
    Supervisor::new("two")
        .child(two)
        .start(&system)
        .await
        .unwrap();
    assert_eq!(one_ref.path(), "t/one/a");
    assert_eq!(two_ref.path(), "t/two/a");
    assert_ne!(one_ref, two_ref);
}
