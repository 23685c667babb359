//! D16: arbitration over real actors.

use callboard::actor::Metadata;
use callboard::coordination::{Arbiter, Attempted, Dispute, Settled, Verdict, Vote, Way, vote};
use callboard::prelude::*;
use callboard::testing::Script;

use crate::common::judge;

type Question = Dispute<u32, u32>;

fn tied() -> Vote<u32, u32> {
    vote([judge(0, 1), judge(1, 2)])
}

/// Three of five, where four are needed.
fn most() -> Vote<u32, u32> {
    let panel = [1, 1, 1, 2, 3].into_iter().enumerate();
    vote(panel.map(|(at, says)| judge(at, says))).quorum(4)
}

async fn asked(vote: Vote<u32, u32>) -> Verdict<u32> {
    let system = System::new("t");
    let vote = vote.start(&system, "vote").await.unwrap();
    vote.ask(5).await.unwrap().value
}

fn rules(name: &'static str, choice: u32) -> WorkerRef<Question, u32> {
    WorkerRef::from_fn(name, move |_| async move { Ok(choice) })
}

fn fails(name: &'static str) -> WorkerRef<Question, u32> {
    WorkerRef::from_fn(name, |_| async { Err(Fault::transient("away")) })
}

fn hangs(name: &'static str) -> WorkerRef<Question, u32> {
    WorkerRef::from_fn(name, |_| std::future::pending())
}

fn ways(verdict: &Verdict<u32>) -> Vec<Way> {
    verdict
        .arbitration
        .iter()
        .map(|attempt| attempt.by)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn d16_an_arbiter_gets_the_whole_context() {
    let expert = WorkerRef::from_fn("expert", |dispute: Question| async move {
        assert_eq!(dispute.question, 5);
        assert_eq!(dispute.verdict.tied, [1, 2]);
        assert_eq!(dispute.verdict.distribution.len(), 2);
        let said = dispute.ballots.iter().map(|it| (it.judge, it.choices[0]));
        assert_eq!(said.collect::<Vec<_>>(), [(0, 1), (1, 2)]);
        Ok(2)
    });
    let expert = expert.with_metadata(|_| Metadata::new().confidence(0.8));
    let verdict = asked(tied().tie(Arbiter::expert(expert))).await;
    assert_eq!(verdict.decision, Some(2));
    assert_eq!(verdict.settled, Settled::Arbitration(Way::Expert));
    assert_eq!(verdict.confidence, 0.8, "the expert's own");
    assert_eq!(verdict.supporters, [1]);
    assert!(verdict.is_tied() && !verdict.is_reached());
    assert_eq!(verdict.arbitration[0].outcome, Attempted::Ruled);
}

#[tokio::test(start_paused = true)]
async fn d16_what_the_ballots_decide_is_not_overturned() {
    let expert = rules("expert", 9);
    let clear = vote([judge(0, 1), judge(1, 1)]).tie(Arbiter::expert(expert));
    let verdict = asked(clear).await;
    assert_eq!((verdict.decision, verdict.arbitration.len()), (Some(1), 0));
}

#[tokio::test(start_paused = true)]
async fn d16_a_hybrid_goes_from_confidence_to_expert_to_person_to_plurality() {
    // 0.6 is not above 0.7, so the expert rules.
    let verdict = asked(most().tie(Arbiter::hybrid(rules("e", 2), rules("p", 3)))).await;
    assert_eq!(verdict.decision, Some(2));
    assert_eq!(ways(&verdict), [Way::Confidence, Way::Expert]);
    // 0.8 is, where all are needed.
    let panel = [1, 1, 1, 1, 3].into_iter().enumerate();
    let panel = vote(panel.map(|(at, says)| judge(at, says))).quorum(1.0);
    let verdict = asked(panel.tie(Arbiter::hybrid(rules("e", 2), rules("p", 3)))).await;
    assert_eq!(verdict.decision, Some(1));
    assert_eq!(verdict.settled, Settled::Arbitration(Way::Confidence));
    // A tie goes to the person when the expert fails.
    let verdict = asked(tied().tie(Arbiter::hybrid(fails("e"), rules("p", 2)))).await;
    assert_eq!(verdict.settled, Settled::Arbitration(Way::Person));
    assert_eq!(verdict.decision, Some(2));
    // What is no tie does not trouble the person.
    let verdict = asked(most().tie(Arbiter::hybrid(fails("e"), rules("p", 3)))).await;
    assert_eq!(verdict.settled, Settled::Arbitration(Way::Plurality));
    assert_eq!(verdict.decision, Some(1));
    assert_eq!(
        ways(&verdict),
        [Way::Confidence, Way::Expert, Way::Plurality]
    );
}

#[tokio::test(start_paused = true)]
async fn d16_an_arbiter_that_fails_or_is_late_is_followed_by_the_next() {
    let started = tokio::time::Instant::now();
    let arbiter = Arbiter::expert(hangs("slow"))
        .within(secs(2))
        .or_expert(fails("bad"))
        .or_person(rules("person", 1));
    let verdict = asked(tied().tie(arbiter)).await;
    assert_eq!(started.elapsed(), secs(2));
    assert_eq!(verdict.decision, Some(1));
    let outcomes: Vec<_> = verdict.arbitration.iter().map(|it| &it.outcome).collect();
    assert_eq!(outcomes[0], &Attempted::Late);
    assert!(matches!(
        outcomes[1],
        Attempted::Failed { class: FaultClass::Transient, message } if message == "away"
    ));
    assert_eq!(outcomes[2], &Attempted::Ruled);
}

#[tokio::test(start_paused = true)]
async fn d16_with_no_arbiter_left_it_stays_undecided() {
    let verdict = asked(tied().tie(Arbiter::expert(fails("bad")).or_plurality())).await;
    assert_eq!(
        (verdict.decision, verdict.settled),
        (None, Settled::Undecided)
    );
    assert_eq!(verdict.tied, [1, 2]);
    assert_eq!(ways(&verdict), [Way::Expert, Way::Plurality]);
}

#[tokio::test(start_paused = true)]
async fn d16_a_meta_agent_chooses_the_way() {
    let meta = |way: Way| WorkerRef::from_fn("meta", move |_: Question| async move { Ok(way) });
    let arbiter = |way| {
        Arbiter::meta(meta(way))
            .or_expert(rules("e", 1))
            .or_person(rules("p", 2))
    };
    let verdict = asked(tied().tie(arbiter(Way::Person))).await;
    assert_eq!(verdict.decision, Some(2));
    assert_eq!(ways(&verdict), [Way::Meta, Way::Person]);
    assert_eq!(
        verdict.arbitration[0].outcome,
        Attempted::Chose(Way::Person)
    );
    // There is no such step: the next one.
    let verdict = asked(tied().tie(arbiter(Way::Plurality))).await;
    assert_eq!(verdict.settled, Settled::Arbitration(Way::Expert));
    let verdict = asked(tied().tie(arbiter(Way::Nobody))).await;
    assert_eq!(verdict.settled, Settled::Undecided);
}

#[tokio::test(start_paused = true)]
async fn d16_an_arbitration_ends_with_its_asker() {
    let system = System::new("t");
    let script = Script::new().hang().answer(8);
    let person = system
        .spawn(ChildSpec::new("person", script.worker()))
        .await
        .unwrap();
    let person: WorkerRef<u32, u32> = person.into();
    let busy = person.clone();
    let decides = WorkerRef::from_fn("decides", move |_: Question| {
        let person = busy.clone();
        async move { Ok(person.ask(0).await?.value) }
    });
    let vote = tied().tie(Arbiter::person(decides));
    let vote = vote.start(&system, "vote").await.unwrap();
    let gone = tokio::time::timeout(secs(1), async { vote.ask(0).await }).await;
    assert!(gone.is_err());
    // What the person was asked is cancelled: the next one is heard at once.
    assert_eq!(person.ask(0).await.unwrap().value, 8);
}
