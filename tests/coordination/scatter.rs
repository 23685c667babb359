//! D3: scatters over real actors.

use callboard::coordination::{Need, combine, scatter};
use callboard::prelude::*;
use callboard::testing::{Script, quiet_panics};

use crate::common::{plus_one, scripted};

#[tokio::test(start_paused = true)]
async fn d3_all_needs_every_answer_and_keeps_the_workers_order() {
    let system = System::new("t");
    let slow = scripted(&system, "slow", Script::new().slow(secs(1), 1)).await;
    let fast = scripted(&system, "fast", Script::new().answer(2)).await;
    let both = scatter([slow, fast]).start(&system, "both").await.unwrap();
    assert_eq!(both.ask(0).await.unwrap().value.into_values(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn d3_all_fails_with_the_first_failure() {
    let system = System::new("t");
    let hang = scripted(&system, "hang", Script::new().hang()).await;
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let both = scatter([hang, bad]).start(&system, "both").await.unwrap();
    let fault = both.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains("t/bad"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn d3_first_takes_the_first_answer_and_cancels_the_rest() {
    let system = System::new("t");
    let hang_script = Script::new().hang().answer(8);
    let hang = scripted(&system, "hang", hang_script).await;
    let fast = scripted(&system, "fast", Script::new().answer(2)).await;
    let any = scatter([hang.clone(), fast])
        .need(Need::First)
        .start(&system, "any")
        .await
        .unwrap();
    assert_eq!(any.ask(0).await.unwrap().value.into_values(), [2]);
    assert_eq!(
        hang.ask(0).await.unwrap().value,
        8,
        "the hanging call was dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn d3_a_quorum_reports_the_failures_on_the_way_one_by_one() {
    let system = System::new("t");
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let a = scripted(&system, "a", Script::new().slow(ms(1), 1)).await;
    let b = scripted(&system, "b", Script::new().slow(ms(2), 2)).await;
    let quorum = scatter([bad, a, b])
        .need(Need::AtLeast(2))
        .start(&system, "q")
        .await
        .unwrap();
    let scattered = quorum.ask(0).await.unwrap().value;
    assert_eq!(scattered.answers, [(1, 1), (2, 2)]);
    assert_eq!(scattered.failures.len(), 1);
    assert_eq!(scattered.failures[0].0, 0);
}

#[tokio::test(start_paused = true)]
async fn d3_best_effort_takes_what_came_in_time() {
    let system = System::new("t");
    let hang = scripted(&system, "hang", Script::new().hang()).await;
    let fast = scripted(&system, "fast", Script::new().answer(2)).await;
    let some = scatter([hang, fast])
        .need(Need::BestEffort)
        .within(secs(1))
        .combine(|s| Ok(s.into_values().len()))
        .start(&system, "some")
        .await
        .unwrap();
    assert_eq!(some.ask(0).await.unwrap().value, 1);
}

#[tokio::test(start_paused = true)]
async fn d3_no_success_at_all_is_an_error() {
    let system = System::new("t");
    let bad = scripted(&system, "bad", Script::new().fault(Fault::transient("no"))).await;
    let some = scatter([bad])
        .need(Need::BestEffort)
        .start(&system, "some")
        .await
        .unwrap();
    assert_eq!(
        some.ask(0).await.unwrap_err().class(),
        FaultClass::Transient
    );
}

#[tokio::test(start_paused = true)]
async fn d3_a_combiner_that_panics_fails_its_own_request_only() {
    quiet_panics();
    let system = System::new("t");
    let some = scatter([plus_one()])
        .combine(|s| {
            let value = s.into_values()[0];
            assert!(value != 1, "scripted");
            Ok(value)
        })
        .start(&system, "some")
        .await
        .unwrap();
    assert_eq!(
        some.ask(0).await.unwrap_err().class(),
        FaultClass::Permanent
    );
    assert_eq!(some.ask(1).await.unwrap().value, 2);
}

#[tokio::test(start_paused = true)]
async fn d3_bounds_that_contradict_are_refused() {
    let system = System::new("t");
    let none = scatter::<u32, u32, WorkerRef<u32, u32>>([])
        .start(&system, "none")
        .await;
    assert!(matches!(none, Err(StartError::Invalid(_))));
    let many = scatter([plus_one()])
        .need(Need::AtLeast(2))
        .start(&system, "many")
        .await;
    assert!(matches!(many, Err(StartError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn d3_answers_are_there_as_they_arrive() {
    let system = System::new("t");
    let slow = scripted(&system, "slow", Script::new().slow(secs(2), 1)).await;
    let bad = scripted(&system, "bad", Script::new().fault(Fault::permanent("no"))).await;
    let fast = scripted(&system, "fast", Script::new().slow(secs(1), 3)).await;
    let some = scatter([slow, bad, fast])
        .need(Need::BestEffort)
        .combine(|s| Ok(s.into_values().into_iter().sum::<u32>()))
        .start_streaming(&system, "some")
        .await
        .unwrap();

    let begun = tokio::time::Instant::now();
    let mut arrivals = some.ask(0);
    let mut seen = Vec::new();
    while let Some((worker, said)) = arrivals.next().await {
        seen.push((begun.elapsed().as_secs(), worker, said.ok()));
    }
    assert_eq!(seen, [(0, 1, None), (1, 2, Some(3)), (2, 0, Some(1))]);
    assert_eq!(arrivals.result().await.unwrap().value, 4);
    // The script is over, which is a fault.
    assert!(some.worker().ask(0).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn d3_who_wants_no_more_answers_cancels_the_rest() {
    let system = System::new("t");
    let hang = scripted(&system, "hang", Script::new().hang().answer(8)).await;
    let fast = scripted(&system, "fast", Script::new().answer(2)).await;
    let both = scatter([hang.clone(), fast])
        .start_streaming(&system, "both")
        .await
        .unwrap();
    let mut arrivals = both.ask(0);
    assert_eq!(arrivals.next().await.unwrap().0, 1);
    drop(arrivals);
    assert_eq!(hang.ask(0).await.unwrap().value, 8, "it was cancelled");
}

#[tokio::test(start_paused = true)]
async fn d3_a_hedged_scatter_asks_the_next_when_the_first_is_slow() {
    let system = System::new("t");
    let first_script = Script::new().answer(1).hang().answer(8);
    let second_script = Script::new().answer(2);
    let first = scripted(&system, "first", first_script).await;
    let second = scripted(&system, "second", second_script.clone()).await;
    let any = scatter([first.clone(), second])
        .need(Need::First)
        .hedge_after(secs(1))
        .start(&system, "any")
        .await
        .unwrap();

    assert_eq!(any.ask(0).await.unwrap().value.into_values(), [1]);
    assert_eq!(second_script.calls(), 0, "the first was fast enough");
    let begun = tokio::time::Instant::now();
    assert_eq!(any.ask(0).await.unwrap().value.into_values(), [2]);
    assert_eq!(begun.elapsed(), secs(1));
    assert_eq!(
        first.ask(0).await.unwrap().value,
        8,
        "the loser is cancelled"
    );
}

#[tokio::test(start_paused = true)]
async fn d3_a_hedged_scatter_asks_the_next_at_once_when_the_first_fails() {
    let system = System::new("t");
    let bad = scripted(&system, "bad", Script::new().fault(Fault::transient("no"))).await;
    let any = scatter([bad, plus_one()])
        .need(Need::First)
        .hedge_after(secs(1));
    let any = any.start(&system, "any").await.unwrap();
    let begun = tokio::time::Instant::now();
    assert_eq!(any.ask(0).await.unwrap().value.into_values(), [1]);
    assert_eq!(begun.elapsed(), secs(0));
}

#[tokio::test(start_paused = true)]
async fn d3_a_scatter_that_asks_all_has_nobody_to_hedge_with() {
    let system = System::new("t");
    let all = scatter([plus_one()]).hedge_after(secs(1));
    let all = all.start(&system, "all").await;
    assert!(matches!(all, Err(StartError::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn d3_votes_and_merges_are_ready_made() {
    let system = System::new("t");
    let say = |n: u32| WorkerRef::from_fn("says", move |_: ()| async move { Ok(vec![n]) });
    let merged = scatter([say(2), say(1), say(2)]).combine(combine::merge);
    let merged = merged.start(&system, "merged").await.unwrap();
    assert_eq!(merged.ask(()).await.unwrap().value, [2, 1, 2]);
    let voted = scatter([say(1), say(2), say(2)]).combine(combine::vote);
    let voted = voted.start(&system, "voted").await.unwrap();
    assert_eq!(voted.ask(()).await.unwrap().value, [2]);
    let best = scatter([say(1), say(3), say(2)]).combine(combine::best_by(|n: &Vec<u32>| {
        n.iter().sum::<u32>().into()
    }));
    let best = best.start(&system, "best").await.unwrap();
    assert_eq!(best.ask(()).await.unwrap().value, [3]);
}
