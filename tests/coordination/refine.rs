//! D17: a draft that goes round.

use callboard::actor::Metadata;
use callboard::coordination::{OnFault, iterate, refine};
use callboard::prelude::*;
use callboard::testing::Script;

use crate::common::scripted;

/// Adds its letter to a draft.
fn adds(letter: char) -> WorkerRef<String, String> {
    WorkerRef::from_fn(letter.to_string(), move |mut draft: String| async move {
        draft.push(letter);
        Ok(draft)
    })
}

fn fails() -> WorkerRef<String, String> {
    WorkerRef::from_fn("fails", |_| async { Err(Fault::transient("away")) })
}

fn length(draft: &str) -> f64 {
    draft.len() as f64
}

#[tokio::test(start_paused = true)]
async fn d17_a_draft_goes_round_until_its_quality_is_reached() {
    let system = System::new("t");
    let round = refine([adds('a'), adds('b'), adds('c')]).scored(|draft| length(draft));
    let round = round.good_enough(5.0).start(&system, "round").await;
    assert_eq!(round.unwrap().ask("-".into()).await.unwrap().value, "-abca");
}

#[tokio::test(start_paused = true)]
async fn d17_after_five_rounds_the_best_draft_is_the_result() {
    let system = System::new("t");
    let all = refine([adds('a'), adds('b')]).scored(|draft| length(draft));
    let all = all.start(&system, "all").await.unwrap();
    assert_eq!(all.ask(String::new()).await.unwrap().value, "ababababab");
    let best = refine([adds('a'), adds('b')]).scored(|draft| -(length(draft) - 3.0).abs());
    let best = best.start(&system, "best").await.unwrap();
    assert_eq!(best.ask(String::new()).await.unwrap().value, "aba");
    let one = refine([adds('a'), adds('b')])
        .scored(|draft| length(draft))
        .rounds(1);
    let one = one.start(&system, "one").await.unwrap();
    assert_eq!(one.ask(String::new()).await.unwrap().value, "ab");
}

#[tokio::test(start_paused = true)]
async fn d17_a_member_that_fails_loses_its_turn_and_the_next_has_the_last_draft() {
    let system = System::new("t");
    let some = refine([fails(), adds('a'), fails()])
        .scored(|draft| length(draft))
        .rounds(2);
    let some = some.start(&system, "some").await.unwrap();
    assert_eq!(some.ask("-".into()).await.unwrap().value, "-aa");
    let none = refine([fails(), fails()])
        .start(&system, "none")
        .await
        .unwrap();
    let fault = none.ask(String::new()).await.unwrap_err();
    assert_eq!(
        (fault.class(), fault.message()),
        (FaultClass::Transient, "fails: away")
    );
    // Where said so, it is the end.
    let strict = refine([adds('a'), fails()]).on_fault(OnFault::Fails);
    let strict = strict.start(&system, "strict").await.unwrap();
    assert!(strict.ask(String::new()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn d17_quality_is_a_closures_a_judges_or_the_answers_own() {
    let system = System::new("t");
    let says = |letter, quality: f64| {
        adds(letter).with_metadata(move |_| Metadata::new().quality(quality))
    };
    // The draft of the second member is the best by its own word.
    let own = refine([says('a', 0.2), says('b', 0.9), says('c', 0.5)]).rounds(1);
    let own = own
        .start(&system, "own")
        .await
        .unwrap()
        .ask(String::new())
        .await
        .unwrap();
    assert_eq!(
        (own.value.as_str(), own.metadata.quality),
        ("ab", Some(0.9))
    );
    let judge = WorkerRef::from_fn("judge", |draft: String| async move {
        Ok(if draft.ends_with('a') { 0.8 } else { 0.1 })
    });
    let judge = judge.with_metadata(|_| Metadata::new().tokens(5));
    let judged = refine([says('a', 0.2), says('b', 0.9)])
        .judged_by(judge.clone())
        .rounds(1);
    let judged = judged.start(&system, "judged").await.unwrap();
    let judged = judged.ask(String::new()).await.unwrap();
    assert_eq!(
        (judged.value.as_str(), judged.metadata.quality),
        ("a", Some(0.8))
    );
    assert_eq!(
        judged.metadata.tokens,
        Some(10),
        "what the judge used counts"
    );
    let enough = refine([adds('b'), adds('a')])
        .judged_by(judge)
        .good_enough(0.8);
    let enough = enough.start(&system, "enough").await.unwrap();
    assert_eq!(enough.ask(String::new()).await.unwrap().value, "ba");
}

#[tokio::test(start_paused = true)]
async fn d17_a_loop_may_skip_what_fails_and_go_on_from_its_input() {
    let system = System::new("t");
    let script = Script::new()
        .fault(Fault::transient("no"))
        .answer(3)
        .answer(4);
    let worker = scripted(&system, "w", script.clone()).await;
    let it = iterate(worker, |n| f64::from(*n))
        .on_fault(OnFault::Skips)
        .at_most(3);
    let it = it.start(&system, "loop").await.unwrap();
    assert_eq!(it.ask(0).await.unwrap().value, 4);
    assert_eq!(script.calls(), 3, "what was lost is an iteration");
}

#[tokio::test(start_paused = true)]
async fn d17_a_round_of_nobody_is_refused() {
    let system = System::new("t");
    let nobody: [WorkerRef<String, String>; 0] = [];
    let nobody = refine(nobody).start(&system, "nobody").await;
    assert!(matches!(nobody, Err(StartError::Invalid(_))));
}
