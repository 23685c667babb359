//! D15, C16: votes over real actors.

use callboard::actor::{InvalidSpec, Metadata};
use callboard::coordination::{
    Arbiter, Closed, Settled, Verdict, Way, Why, by_confidence, pipeline, ranked_vote, vote,
};
use callboard::policy::ballot::{Base, InvalidVote, Quorum};
use callboard::prelude::*;
use callboard::testing::{Script, quiet_panics};

use crate::common::{judge, scripted};

/// Judges who say these at once.
fn judges<const N: usize>(say: [u32; N]) -> Vec<WorkerRef<u32, u32>> {
    (0..N).map(|at| judge(at, say[at])).collect()
}

/// What such a vote comes to.
async fn asked(vote: callboard::coordination::Vote<u32, u32>) -> Verdict<u32> {
    let system = System::new("t");
    let vote = vote.start(&system, "vote").await.unwrap();
    vote.ask(0).await.unwrap().value
}

#[tokio::test(start_paused = true)]
async fn d15_a_majority_of_judges_decides_and_the_distribution_is_told() {
    // The last is heard before the count can be closed.
    let verdict = asked(vote(judges([7, 8, 8, 7, 7]))).await;
    assert_eq!(verdict.decision, Some(7));
    assert_eq!(verdict.settled, Settled::Votes);
    assert_eq!(verdict.confidence, 0.6);
    assert_eq!(verdict.supporters, [0, 3, 4]);
    let votes: Vec<_> = verdict
        .distribution
        .iter()
        .map(|it| (it.choice, it.votes))
        .collect();
    assert_eq!(votes, [(7, 3), (8, 2)]);
    assert_eq!(verdict.closed, Closed::Complete);
    assert_eq!(verdict.abstentions, []);
}

#[tokio::test(start_paused = true)]
async fn d15_a_vote_is_a_stage_of_a_pipeline() {
    let system = System::new("t");
    let chief = WorkerRef::from_fn("chief", |_| async { Ok(1) });
    let verdict = vote(judges([1, 2, 2]))
        .weighted(by_confidence)
        .quorum(0.6)
        .tie(Arbiter::expert(chief))
        .start(&system, "verdict")
        .await
        .unwrap();
    let review = pipeline("review")
        .then("judge", verdict)
        .start(&system)
        .await
        .unwrap();
    assert_eq!(review.ask(0).await.unwrap().value.decision, Some(2));
}

#[tokio::test(start_paused = true)]
async fn d15_what_is_not_reached_is_told_with_the_distribution() {
    let verdict = asked(vote(judges([1, 1, 2, 3])).quorum(3)).await;
    assert_eq!(
        (verdict.decision, verdict.settled),
        (None, Settled::Undecided)
    );
    assert!(!verdict.is_reached());
    assert_eq!(verdict.leader, Some(1));
    assert_eq!(verdict.distribution[0].share, 0.5);

    let verdict = asked(vote(judges([1, 2])).plurality()).await;
    assert_eq!(verdict.decision, None);
    assert_eq!(verdict.tied, [1, 2]);
    assert_eq!(verdict.distribution.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn d15_no_fallback_to_plurality_is_silent() {
    let verdict = asked(vote(judges([1, 1, 2, 3])).tie(Arbiter::plurality())).await;
    assert_eq!(verdict.decision, Some(1));
    assert_eq!(verdict.settled, Settled::Arbitration(Way::Plurality));
    assert!(!verdict.is_reached());
    assert_eq!(verdict.confidence, 0.5);
    assert_eq!(verdict.supporters, [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn d15_weights_decide_against_numbers() {
    let verdict = asked(vote(judges([1, 2, 2])).weights([3.0, 1.0, 1.0])).await;
    assert_eq!(verdict.decision, Some(1));
    assert_eq!(verdict.confidence, 0.6);
    assert_eq!(verdict.distribution[0].weight, 3.0);
}

fn sure(at: usize, says: u32, confidence: f64) -> WorkerRef<u32, u32> {
    judge(at, says).with_metadata(move |_| Metadata::new().confidence(confidence).tokens(10))
}

#[tokio::test(start_paused = true)]
async fn c16_a_ballots_confidence_is_its_answers_and_the_verdicts_goes_out() {
    let system = System::new("t");
    let judges = || [sure(0, 1, 0.9), sure(1, 2, 0.3), sure(2, 2, 0.4)];
    let weighted = vote(judges()).weighted(by_confidence).plurality();
    let weighted = weighted.start(&system, "weighted").await.unwrap();
    let served = weighted.ask(0).await.unwrap();
    assert_eq!(served.value.decision, Some(1));
    assert_eq!(served.value.confidence, 0.9 / 1.6);
    assert_eq!(served.metadata.confidence, Some(served.value.confidence));
    assert_eq!(served.metadata.tokens, Some(30), "of all judges together");
    let one_each = vote(judges()).start(&system, "one-each").await.unwrap();
    assert_eq!(one_each.ask(0).await.unwrap().value.decision, Some(2));
}

#[tokio::test(start_paused = true)]
async fn d15_a_runoff_moves_ballots_to_their_next_choice() {
    let rankings: [&[u32]; 5] = [&[1], &[1], &[2, 3], &[3], &[3]];
    let judges = rankings.into_iter().enumerate().map(|(at, ranking)| {
        let name = format!("judge-{at}");
        WorkerRef::from_fn(name, move |_: u32| async move { Ok(ranking.to_vec()) })
    });
    let verdict = asked(ranked_vote(judges).runoff()).await;
    assert_eq!(verdict.decision, Some(3));
    assert_eq!(verdict.confidence, 0.6);
    assert_eq!(verdict.rounds[0].eliminated, [2]);
    assert_eq!(verdict.rounds.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn d15_an_empty_ranking_is_an_abstention() {
    let rankings: [&[u32]; 3] = [&[1], &[], &[2]];
    let judges = rankings.into_iter().enumerate().map(|(at, ranking)| {
        let name = format!("judge-{at}");
        WorkerRef::from_fn(name, move |_: u32| async move { Ok(ranking.to_vec()) })
    });
    let verdict = asked(ranked_vote(judges).plurality()).await;
    assert_eq!(verdict.tied, [1, 2]);
    assert_eq!(verdict.abstentions.len(), 1);
    assert_eq!(verdict.abstentions[0].judge, 1);
    assert_eq!(verdict.abstentions[0].why, Why::Declined);
}

#[tokio::test(start_paused = true)]
async fn d15_a_judge_that_fails_abstains_and_is_reported() {
    quiet_panics();
    let system = System::new("t");
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let wild = WorkerRef::from_fn("wild", |_: u32| async { panic!("scripted") });
    let panel = || [judge(0, 1), judge(1, 1), bad.clone(), wild.clone()];
    let all = vote(panel()).start(&system, "all").await.unwrap();
    let verdict = all.ask(0).await.unwrap().value;
    assert_eq!(verdict.decision, None, "half of all is no majority");
    let [bad, wild] = &verdict.abstentions[..] else {
        panic!("{verdict:?}");
    };
    assert_eq!((bad.judge, wild.judge), (2, 3));
    for abstention in [bad, wild] {
        assert!(matches!(
            &abstention.why,
            Why::Failed {
                class: FaultClass::Permanent,
                ..
            }
        ));
    }
    let voting = vote(panel())
        .of(Base::Voting)
        .start(&system, "voting")
        .await
        .unwrap();
    let verdict = voting.ask(0).await.unwrap().value;
    assert_eq!((verdict.decision, verdict.confidence), (Some(1), 1.0));
}

#[tokio::test(start_paused = true)]
async fn d15_if_all_judges_fail_the_verdict_is_undecided() {
    let bad = |name: &'static str| {
        WorkerRef::from_fn(name, |_: u32| async {
            Err::<u32, _>(Fault::transient("no"))
        })
    };
    let verdict = asked(vote([bad("a"), bad("b")]).tie(Arbiter::plurality())).await;
    assert_eq!((verdict.decision, verdict.confidence), (None, 0.0));
    assert_eq!(verdict.settled, Settled::Undecided);
    assert_eq!(verdict.arbitration.len(), 1, "nobody leads");
}

#[tokio::test(start_paused = true)]
async fn d15_a_count_is_closed_early_and_the_others_are_cancelled() {
    let system = System::new("t");
    let hang = scripted(&system, "hang", Script::new().hang().answer(8)).await;
    let slow = scripted(&system, "slow", Script::new().slow(secs(3), 1)).await;
    let vote = vote([hang.clone(), judge(1, 1), slow])
        .start(&system, "vote")
        .await
        .unwrap();
    let started = tokio::time::Instant::now();
    let verdict = vote.ask(0).await.unwrap().value;
    assert_eq!(started.elapsed(), secs(3));
    assert_eq!((verdict.decision, verdict.closed), (Some(1), Closed::Early));
    assert_eq!(verdict.confidence, 2.0 / 3.0, "of all");
    assert_eq!(verdict.abstentions[0].why, Why::Closed);
    // Its work was cancelled: it is free for the next.
    assert_eq!(hang.ask(0).await.unwrap().value, 8);
}

#[tokio::test(start_paused = true)]
async fn d15_when_time_is_up_what_came_by_then_is_counted() {
    let system = System::new("t");
    let hang = scripted(&system, "hang", Script::new().hang()).await;
    let panel = || vec![judge(0, 1), judge(1, 2), judge(2, 1), hang.clone()];
    let some = vote(panel()).plurality().within(secs(2));
    let some = some.start(&system, "some").await.unwrap();
    let verdict = some.ask(0).await.unwrap().value;
    assert_eq!(
        (verdict.decision, verdict.closed),
        (Some(1), Closed::TimeUp)
    );
    assert_eq!(verdict.abstentions[0].why, Why::TimeUp);
    let most = vote(panel())
        .within(secs(2))
        .start(&system, "most")
        .await
        .unwrap();
    let verdict = most.ask(0).await.unwrap().value;
    assert_eq!(verdict.decision, None, "two of four");
}

#[tokio::test(start_paused = true)]
async fn d15_a_quorum_that_need_not_intersect_is_refused_at_the_start() {
    let system = System::new("t");
    for quorum in [Quorum::Count(2), Quorum::Share(0.5)] {
        let refused = vote(judges([1, 1, 2, 2]))
            .quorum(2)
            .method(callboard::policy::ballot::Method::Quorum(quorum));
        let refused = refused.start(&system, "vote").await.unwrap_err();
        let StartError::Invalid(InvalidSpec::Vote(why)) = refused else {
            panic!("{refused}");
        };
        assert_eq!(why, InvalidVote::Disjoint { quorum, voters: 4 });
        assert!(why.to_string().contains("plurality"), "{why}");
    }
    let nobody = vote(Vec::<WorkerRef<u32, u32>>::new())
        .start(&system, "vote")
        .await;
    assert!(matches!(
        nobody,
        Err(StartError::Invalid(InvalidSpec::Vote(
            InvalidVote::NoVoters
        )))
    ));
    let odd = vote(judges([1, 2]))
        .weights([1.0])
        .start(&system, "vote")
        .await;
    assert!(matches!(odd, Err(StartError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn d15_the_same_judge_twice_is_refused() {
    let system = System::new("t");
    let twice = vote([judge(0, 1), judge(0, 1), judge(1, 2)]);
    let refused = twice.start(&system, "vote").await.unwrap_err();
    assert!(refused.to_string().contains("same name"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn d15_a_choice_that_panics_fails_its_run_alone() {
    #[derive(Clone, PartialEq, Eq)]
    struct Odd(u32);
    impl std::hash::Hash for Odd {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            assert!(self.0 != 13, "scripted");
            self.0.hash(state);
        }
    }
    quiet_panics();
    let system = System::new("t");
    let echo = |name: &'static str| WorkerRef::from_fn(name, |n: u32| async move { Ok(Odd(n)) });
    let vote = vote([echo("a"), echo("b")])
        .start(&system, "vote")
        .await
        .unwrap();
    let (bad, good) = tokio::join!(vote.ask(13), vote.ask(1));
    assert_eq!(bad.unwrap_err().class(), FaultClass::Permanent);
    assert!(good.unwrap().value.is_reached());
}

#[tokio::test(start_paused = true)]
async fn d15_a_thousand_judges_are_heard() {
    let panel = (0..1_000).map(|at| judge(at, u32::from(at % 3 == 0)));
    let verdict = asked(vote(panel).concurrency(1_000)).await;
    assert_eq!(verdict.decision, Some(0));
    assert_eq!(verdict.closed, Closed::Early);
    assert_eq!(verdict.supporters.len(), 501);
}

#[tokio::test(start_paused = true)]
async fn d15_a_verdict_is_data() {
    let verdict = asked(vote(judges([1, 2, 1, 2])).tie(Arbiter::plurality())).await;
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(
        serde_json::from_str::<Verdict<u32>>(&text).unwrap(),
        verdict
    );
    assert!(
        !format!("{verdict:?}").contains("choice:"),
        "choices are not printed"
    );
}
