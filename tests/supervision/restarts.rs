use callboard::prelude::*;
use callboard::supervision::ChildState;

use crate::common::{Msg, Trace, hold, idle, pass, poll_once, probe, soon, system};
use crate::{ENDS, child, end, team};

/// Ends a child of this restart rule in this way; how the supervisor and the
/// child are afterwards.
async fn after(restart: Restart, how: &str) -> (SupervisorRef, ActorRef<Msg>, usize) {
    let system = system();
    let trace = Trace::default();
    let spec = child("a", &trace).restart(restart);
    let actor = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    end(&actor, how).await;
    pass(secs(1)).await;
    let starts = trace.count("a start");
    // Kept over the end of the test's system, which is dropped here.
    std::mem::forget(system);
    (team, actor, starts)
}

#[tokio::test(start_paused = true)]
async fn sup_14_a_permanent_child_is_restarted_however_it_ended() {
    for how in ENDS {
        let (team, actor, starts) = after(Restart::Permanent, how).await;
        assert_eq!(starts, 2, "{how}");
        assert_eq!((actor.incarnation(), actor.restarts()), (1, 1), "{how}");
        assert_eq!(team.count().restarts, 1, "{how}");
        assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn sup_15_a_transient_child_is_restarted_only_after_something_went_wrong() {
    for how in ENDS {
        let (team, actor, starts) = after(Restart::Transient, how).await;
        let is_restarted = ["fail", "panic", "kill"].contains(&how);
        assert_eq!(starts, 1 + usize::from(is_restarted), "{how}");
        let count = team.count();
        assert_eq!(
            (count.specs, count.active),
            (1, usize::from(is_restarted)),
            "{how}"
        );
        if !is_restarted {
            assert_eq!(team.which_children()[0].state, ChildState::Down);
            soon(actor.closed()).await;
            team.restart_child("a").await.unwrap();
            assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1, "{how}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sup_16_a_temporary_child_is_never_restarted_and_forgotten() {
    for how in ENDS {
        let (team, actor, starts) = after(Restart::Temporary, how).await;
        assert_eq!(starts, 1, "{how}");
        let count = team.count();
        assert_eq!(
            (count.specs, count.active, count.restarts),
            (0, 0, 0),
            "{how}"
        );
        soon(actor.closed()).await;
    }
}

fn exits(team: &SupervisorRef, child: usize) -> Vec<String> {
    let reasons = team.which_children().swap_remove(child).reasons;
    reasons.into_iter().map(|reason| reason.exit).collect()
}

#[tokio::test(start_paused = true)]
async fn b10_the_reasons_of_the_last_restarts_are_kept_with_their_time() {
    let system = system();
    let trace = Trace::default();
    let (a, b) = (child("a", &trace), child("b", &trace));
    let a_ref = a.actor_ref();
    let team = team()
        .intensity(100, secs(1))
        .strategy(Strategy::OneForAll)
        .child(a)
        .child(b);
    let team = team.start(&system).await.unwrap();
    assert!(exits(&team, 0).is_empty());
    for how in [
        "kill",
        "normal",
        "panic",
        "fail",
        "shutdown-info",
        "fail",
        "panic",
    ] {
        end(&a_ref, how).await;
        pass(secs(10)).await;
    }
    assert_eq!(
        exits(&team, 0),
        [
            "panicked: scripted panic",
            "failed: scripted failure",
            "shutdown (enough)",
            "failed: scripted failure",
            "panicked: scripted panic"
        ]
    );
    assert!(exits(&team, 1).is_empty(), "it was not b that ended");
    let tree = team.tree();
    let reasons = &tree.children[0].reasons;
    let ages: Vec<_> = reasons.iter().map(|r| r.ago.as_secs()).collect();
    assert_eq!(ages, [50, 40, 30, 20, 10]);
    assert_eq!(*reasons, team.which_children()[0].reasons);
    let text = tree.to_string();
    let last = "last error: panicked: scripted panic (10s ago)";
    assert!(text.contains(last), "{text}");
    end(&a_ref, "normal").await;
    pass(secs(1)).await;
    let text = team.tree().to_string();
    assert!(text.contains("last restart: normal (1s ago)"), "{text}");
    let json = serde_json::to_string(&tree).unwrap();
    let back: callboard::supervision::Node = serde_json::from_str(&json).unwrap();
    assert_eq!(back, tree, "the time as well");
}

#[tokio::test(start_paused = true)]
async fn b10_a_supervisor_keeps_as_many_reasons_as_it_is_told() {
    for kept in [0, 1, 200] {
        let system = system();
        let trace = Trace::default();
        let a = child("a", &trace);
        let a_ref = a.actor_ref();
        let team = team().intensity(100, secs(1)).reasons(kept).child(a);
        let team = team.start(&system).await.unwrap();
        for _ in 0..7 {
            end(&a_ref, "fail").await;
            idle().await;
        }
        assert_eq!(exits(&team, 0).len(), usize::from(kept).min(7));
    }
}

#[tokio::test(start_paused = true)]
async fn sup_17_one_for_one_leaves_the_others_alone() {
    let system = system();
    let trace = Trace::default();
    let (a, b) = (child("a", &trace), child("b", &trace));
    let (a_ref, b_ref) = (a.actor_ref(), b.actor_ref());
    let team = team().child(a).child(b).start(&system).await.unwrap();
    a_ref.tell(Msg::Note(1)).await.unwrap();
    b_ref.tell(Msg::Note(2)).await.unwrap();
    a_ref.tell(Msg::panic()).await.unwrap();
    assert_eq!(a_ref.ask(Msg::Seen).await.unwrap(), [0; 0], "a new life");
    assert_eq!(
        b_ref.ask(Msg::Seen).await.unwrap(),
        [2],
        "its state is there"
    );
    assert_eq!((a_ref.incarnation(), b_ref.incarnation()), (1, 0));
    assert_eq!(team.count().restarts, 1);
}

#[tokio::test(start_paused = true)]
async fn sup_43_a_terminated_child_stays_down_whatever_its_rule() {
    for restart in [Restart::Permanent, Restart::Transient] {
        let system = system();
        let trace = Trace::default();
        let spec = child("a", &trace).restart(restart);
        let actor = spec.actor_ref();
        let team = team().intensity(0, secs(1)).child(spec);
        let team = team.start(&system).await.unwrap();
        team.terminate_child("a").await.unwrap();
        soon(actor.closed()).await;
        pass(secs(10_000)).await;
        assert_eq!(trace.count("a start"), 1);
        assert_eq!(trace.count("a stopped"), 1, "in order");
        assert_eq!((team.count().specs, team.count().restarts), (1, 0));
        team.restart_child("a").await.unwrap();
        idle().await;
        assert_eq!(team.count().restarts, 0, "by command is no restart");
        assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restarted_child_by_command_has_an_open_mailbox_and_fresh_books() {
    let system = system();
    let trace = Trace::default();
    let spec = child("a", &trace);
    let actor = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    actor.tell(Msg::Note(1)).await.unwrap();
    idle().await;
    team.terminate_child(&actor).await.unwrap();
    assert!(actor.is_closed());
    assert!(actor.tell(Msg::Note(2)).await.is_err());
    team.restart_child(&actor).await.unwrap();
    assert!(!actor.is_closed());
    actor.tell(Msg::Note(3)).await.unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [3]);
    idle().await;
    assert_eq!(actor.counts().handled, 2);
    assert_eq!(system.counts().handled, 3, "the old books are not lost");
    assert_eq!(actor.incarnation(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_waits_through_a_drain_or_a_termination_is_not_forgotten() {
    for how in ["drain", "terminate"] {
        let system = system();
        let trace = Trace::default();
        let spec = child("a", &trace).mailbox(1);
        let actor = spec.actor_ref();
        let team = team().child(spec).start(&system).await.unwrap();
        let release = hold(&actor).await;
        let mut waiting = actor.tell(Msg::Note(1));
        assert!(poll_once(&mut waiting).await.is_pending());
        drop(release);
        // It is not polled while the door is shut.
        match how {
            "drain" => actor.drain(),
            _ => team.terminate_child("a").await.unwrap(),
        }
        idle().await;
        if how == "terminate" {
            team.restart_child("a").await.unwrap();
        }
        match soon(waiting).await {
            Ok(()) => {}
            Err(TellError::Closed(Msg::Note(1))) => {}
            other => panic!("{how}: sent or handed back: {other:?}"),
        }
        soon(actor.ask(Msg::Seen)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_crashes_in_each_life_keeps_no_neighbour_waiting() {
    let system = system();
    let (crashing, patient) = (probe("crashing").mailbox(1_001), probe("patient"));
    let (crashing_ref, patient_ref) = (crashing.actor_ref(), patient.actor_ref());
    let team = Supervisor::new("team").intensity(10_000, secs(1));
    let team = team.child(crashing).child(patient).start(&system);
    let team = team.await.unwrap();
    for _ in 0..1_000 {
        crashing_ref.try_tell(Msg::panic()).unwrap();
    }
    soon(patient_ref.ask(Msg::Life)).await.unwrap();
    assert!(team.count().restarts < 1_000, "answered after all of them");
    soon(crashing_ref.ask(Msg::Life)).await.unwrap();
    assert_eq!(team.count().restarts, 1_000);
}
