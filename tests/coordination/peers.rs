//! D13: peers over real actors.

use std::sync::Arc;

use callboard::coordination::peers::{
    Accepted, Ended, Peer, PeerReport, Peers, Review, Silence, peers,
};
use callboard::coordination::pipeline;
use callboard::prelude::*;
use callboard::testing::quiet_panics;

type Sum = u32;
type Step = u32;

/// Proposes this step, as long as the sum is below the end.
fn steps(step: Step, end: Sum) -> WorkerRef<Sum, Option<Step>> {
    WorkerRef::from_fn("steps", move |sum: Sum| async move {
        Ok((sum < end).then_some(step))
    })
}

fn scores(score: f64) -> WorkerRef<Review<Sum, Step>, f64> {
    WorkerRef::from_fn(
        "scores",
        move |_: Review<Sum, Step>| async move { Ok(score) },
    )
}

fn peer(name: &str, step: Step, score: f64) -> Peer<Sum, Step> {
    Peer::new(name, steps(step, 100), scores(score))
}

fn of(all: impl IntoIterator<Item = Peer<Sum, Step>>) -> Peers<Sum, Step> {
    let adds = peers("peers").apply(|sum, accepted| Ok(sum + accepted.iter().sum::<u32>()));
    all.into_iter().fold(adds, Peers::peer)
}

async fn asked(peers: Peers<Sum, Step>) -> Result<PeerReport<Sum, Step>, Fault> {
    let system = System::new("t");
    let peers = peers.start(&system).await.unwrap();
    let served = peers.ask(0).deadline(secs(100_000)).await?;
    Ok(served.value)
}

#[tokio::test(start_paused = true)]
async fn d13_proposals_are_reviewed_by_neighbours_and_never_by_their_own_peer() {
    let all = of([peer("a", 1, 0.2), peer("b", 2, 0.8), peer("c", 4, 0.9)]);
    let report = asked(all.edge("a", "b").edge("b", "c").rounds(1))
        .await
        .unwrap();
    let round = &report.rounds[0];
    let seen = round.proposals.iter().map(|it| {
        let by: Vec<_> = it
            .scores
            .iter()
            .map(|(by, score)| (&**by, *score))
            .collect();
        (&*it.peer, by, it.is_accepted)
    });
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [
            ("a", vec![("b", 0.8)], true),
            ("b", vec![("a", 0.2), ("c", 0.9)], true),
            ("c", vec![("b", 0.8)], true),
        ]
    );
    assert!((round.proposals[1].mean.unwrap() - 0.55).abs() < 1e-9);
    assert_eq!((report.state, report.ended), (7, Ended::Rounds));
    // The best first; of equals in their order.
    let best: Vec<_> = round.accepted().iter().map(|it| it.proposal).collect();
    assert_eq!(best, [1, 4, 2]);
}

#[tokio::test(start_paused = true)]
async fn d13_what_is_accepted_is_applied_until_nothing_is() {
    let all = [peer("a", 10, 0.4), peer("b", 25, 0.9)];
    // Only what b thinks of is accepted: the steps of a.
    let report = asked(of(all)).await.unwrap();
    assert_eq!((report.state, report.ended), (100, Ended::NothingAccepted));
    assert_eq!(report.rounds.len(), 11);
    let last = report.rounds.last().unwrap();
    assert!(matches!(
        &last.silent[..],
        [(_, Silence::Nothing), (_, Silence::Nothing)]
    ));
    assert_eq!(report.rounds[0].proposals[1].mean, Some(0.4));
}

#[tokio::test(start_paused = true)]
async fn d13_it_ends_when_what_was_accepted_changes_little() {
    let half = |name: &str| {
        let halves = WorkerRef::from_fn("h", |sum: Sum| async move { Ok(Some((64 - sum) / 2)) });
        Peer::new(name, halves, scores(1.0))
    };
    let first = peers("peers").apply(|sum, accepted: Vec<Step>| Ok(sum + accepted[0]));
    let all = first.peer(half("a")).peer(half("b"));
    let far = |before: &Sum, after: &Sum| f64::from(after - before);
    let report = asked(all.converged_below(3.0, far)).await.unwrap();
    assert_eq!((report.state, report.ended), (62, Ended::SmallChange));
    let changes: Vec<_> = report.rounds.iter().map(|it| it.change.unwrap()).collect();
    assert_eq!(changes, [32.0, 16.0, 8.0, 4.0, 2.0]);
}

#[tokio::test(start_paused = true)]
async fn d13_it_ends_when_no_rounds_are_left() {
    let forever = || Peer::new("a", steps(1, u32::MAX), scores(1.0));
    let report = asked(of([forever(), peer("b", 0, 1.0)])).await.unwrap();
    assert_eq!((report.rounds.len(), report.ended), (50, Ended::Rounds));
    let report = asked(of([forever(), peer("b", 0, 1.0)]).rounds(3)).await;
    assert_eq!(report.unwrap().state, 3);
}

#[tokio::test(start_paused = true)]
async fn d13_a_peer_that_fails_or_is_late_is_told_and_the_others_go_on() {
    quiet_panics();
    let fails = WorkerRef::from_fn("f", |_: Sum| async {
        Err::<Option<Step>, _>(Fault::transient("busy"))
    });
    let hangs = WorkerRef::from_fn("h", |_: Sum| {
        std::future::pending::<Result<Option<Step>, Fault>>()
    });
    let hangs_too = WorkerRef::from_fn("h", |_: Review<Sum, Step>| {
        std::future::pending::<Result<f64, Fault>>()
    });
    let panics = WorkerRef::from_fn("p", |_: Review<Sum, Step>| async {
        panic!("scripted") as Result<f64, _>
    });
    let all = of([
        peer("works", 5, 1.0),
        Peer::new("fails", fails, panics),
        Peer::new("hangs", hangs, hangs_too),
        Peer::new("lies", steps(7, 0), scores(f64::NAN)),
        peer("works too", 6, 0.6),
    ]);
    let begun = tokio::time::Instant::now();
    let report = asked(all.rounds(1)).await.unwrap();
    assert_eq!(
        begun.elapsed(),
        secs(60),
        "30 s for proposals, 30 s for reviews"
    );
    assert_eq!(report.state, 11);
    let round = &report.rounds[0];
    let silent: Vec<_> = round
        .silent
        .iter()
        .map(|(who, why)| (&**who, why))
        .collect();
    assert!(matches!(&silent[0], ("fails", Silence::Failed(it)) if it.message() == "busy"));
    assert!(matches!(silent[1], ("hangs", Silence::Late)));
    assert!(matches!(silent[2], ("lies", Silence::Nothing)));
    let unreviewed = round.unreviewed.iter();
    let of_first = unreviewed.filter(|(_, of, _)| &**of == "works");
    let of_first: Vec<_> = of_first
        .map(|(by, _, why)| (&**by, why.to_string()))
        .collect();
    assert_eq!(of_first[0].0, "fails");
    assert!(of_first[0].1.contains("panicked"), "{of_first:?}");
    assert_eq!(of_first[1].1, "it had not answered in time");
    assert!(
        of_first[2].1.contains("a score is a number"),
        "{of_first:?}"
    );
    assert_eq!(round.proposals[0].mean, Some(0.6));
}

#[tokio::test(start_paused = true)]
async fn d13_peers_that_all_fail_do_not_agree() {
    let fails = |name: &str| {
        let fails = WorkerRef::from_fn("f", |_: Sum| async {
            Err::<Option<Step>, _>(Fault::transient("busy"))
        });
        Peer::new(name, fails, scores(1.0))
    };
    let report = asked(of([fails("a"), fails("b")])).await.unwrap();
    assert_eq!((report.state, report.ended), (0, Ended::NobodyAnswered));
    assert_eq!(report.rounds[0].silent.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn d13_a_proposal_that_nobody_reviewed_is_not_accepted() {
    let fails = || {
        WorkerRef::from_fn("f", |_: Review<Sum, Step>| async {
            Err::<f64, _>(Fault::transient("busy"))
        })
    };
    let a = Peer::new("a", steps(1, 9), fails());
    let b = Peer::new("b", steps(2, 9), fails());
    let report = asked(of([a, b]).threshold(0.0)).await.unwrap();
    assert_eq!((report.state, report.ended), (0, Ended::NothingAccepted));
    assert_eq!(report.rounds[0].proposals[0].mean, None);
    assert_eq!(report.rounds[0].unreviewed.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn d13_a_reviewer_sees_the_state_and_whose_proposal_it_is() {
    let proposes = WorkerRef::from_fn("p", |_: Sum| async { Ok(Some(1)) });
    let reviews = WorkerRef::from_fn("r", |it: Review<Sum, Step>| async move {
        assert_eq!(it.proposal, 1);
        Ok(if &*it.by == "a" && it.state < 2 {
            1.0
        } else {
            0.0
        })
    });
    let both = ["a", "b"].map(|name| Peer::new(name, proposes.clone(), reviews.clone()));
    let applies = WorkerRef::from_fn("applies", |it: Accepted<Sum, Step>| async move {
        Ok(it.state + it.accepted[0])
    });
    let report = asked(of(both).apply_by(applies)).await.unwrap();
    assert_eq!((report.state, report.rounds.len()), (2, 3));
}

#[tokio::test(start_paused = true)]
async fn d13_a_fault_of_who_applies_is_the_runs() {
    quiet_panics();
    let all = || of([peer("a", 1, 1.0), peer("b", 1, 1.0)]);
    let fault = asked(all().apply(|_, _| Err(Fault::transient("full")))).await;
    assert_eq!(fault.unwrap_err().message(), "apply: full");
    let panics = |_: Sum, _: Vec<Step>| panic!("scripted");
    let fault = asked(all().apply(panics)).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
}

#[tokio::test(start_paused = true)]
async fn d13_a_graph_of_peers_that_makes_no_sense_is_refused_at_the_start() {
    let two = || of([peer("a", 1, 1.0), peer("b", 1, 1.0)]);
    let three = || two().peer(peer("c", 1, 1.0));
    let no_apply = peers("peers")
        .peer(peer("a", 1, 1.0))
        .peer(peer("b", 1, 1.0));
    let crowd = (0..101).map(|at| peer(&format!("p-{at}"), 1, 1.0));
    let cases = [
        (of([]), "2 to 100"),
        (of([peer("a", 1, 1.0)]), "2 to 100"),
        (of(crowd), "2 to 100"),
        (two().peer(peer("a", 1, 1.0)), "same name"),
        (two().edge("a", "a"), "nobody reviews its own"),
        (two().edge("a", "x"), "\"x\", who is no peer"),
        (three().edge("a", "b"), "\"c\" has no neighbours"),
        (two().threshold(1.5), "threshold"),
        (two().converged_below(f64::NAN, |_, _| 0.0), "measured"),
        (no_apply, "how to apply"),
    ];
    let system = System::new("t");
    for (peers, why) in cases {
        let error = peers.start(&system).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn d13_peers_are_a_stage_of_a_pipeline() {
    let system = System::new("t");
    let both = of([peer("a", 50, 1.0), peer("b", 50, 1.0)]).start(&system);
    let both = both.await.unwrap().map(|report| report.state);
    let twice = WorkerRef::from_fn("twice", |n: u32| async move { Ok(n * 2) });
    let all = pipeline("all").then("both", both).then("twice", twice);
    let all = all.start(&system).await.unwrap();
    assert_eq!(all.ask(0).await.unwrap().value, 200);
}

#[tokio::test(start_paused = true)]
async fn d13_rounds_end_with_their_asker() {
    let held = Arc::new(());
    let inside = Arc::clone(&held);
    let hangs = WorkerRef::from_fn("h", move |_: Sum| {
        let inside = Arc::clone(&inside);
        async move {
            tokio::time::sleep(secs(20)).await;
            drop(inside);
            Ok(None::<Step>)
        }
    });
    let system = System::new("t");
    let all = of([Peer::new("a", hangs, scores(1.0)), peer("b", 1, 1.0)]);
    let all = all.start(&system).await.unwrap();
    let late = all.ask(0).deadline(secs(1)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    tokio::time::sleep(secs(1)).await;
    assert_eq!(
        Arc::strong_count(&held),
        2,
        "the worker's own, and the test's"
    );
}
