//! D2: pipelines with an actor for each stage.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use callboard::actor::Metadata;
use callboard::coordination::{Checkpoints, Stage, pipeline};
use callboard::prelude::*;
use callboard::testing::{Script, quiet_panics};

use crate::common::{plus_one, scripted};

/// Takes this long, and counts how many it works on.
fn slow(takes: Duration, now: &Arc<AtomicUsize>, most: &Arc<AtomicUsize>) -> WorkerRef<u32, u32> {
    let (now, most) = (Arc::clone(now), Arc::clone(most));
    WorkerRef::from_fn("slow", move |n: u32| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            tokio::time::sleep(takes).await;
            now.fetch_sub(1, SeqCst);
            Ok(n)
        }
    })
}

#[tokio::test(start_paused = true)]
async fn d2_stages_work_at_the_same_time_and_keep_the_order() {
    let system = System::new("t");
    let (now, most) = (Arc::default(), Arc::default());
    let line = pipeline("line")
        .then("a", slow(ms(10), &now, &most))
        .then("b", slow(ms(10), &now, &most))
        .then("c", slow(ms(10), &now, &most))
        .start_streaming(&system)
        .await
        .unwrap();
    let begun = tokio::time::Instant::now();
    let mut flow = line.stream(0..10);
    for wanted in 0..10 {
        let (at, outcome) = flow.next().await.unwrap();
        assert_eq!((at, outcome.unwrap().value), (wanted as usize, wanted));
    }
    assert!(flow.next().await.is_none());
    assert!(flow.next().await.is_none());
    assert_eq!(begun.elapsed(), ms(10 * (10 + 2)));
    assert_eq!(most.load(SeqCst), 3, "one item a stage");
}

#[tokio::test(start_paused = true)]
async fn d2_a_stage_works_on_as_many_at_once_as_said() {
    let system = System::new("t");
    let (now, most) = (Arc::default(), Arc::default());
    let stage = Stage::new("slow", slow(ms(10), &now, &most)).at_once(4);
    let line = pipeline("line").stage(stage).then("one", plus_one());
    let line = line.start_streaming(&system).await.unwrap();
    let begun = tokio::time::Instant::now();
    let answers = line.stream(0..40).collect().await.unwrap();
    assert_eq!(answers, (1..=40).collect::<Vec<_>>());
    assert_eq!(begun.elapsed(), ms(100));
    assert_eq!(most.load(SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn d2_no_more_items_are_taken_than_have_room_however_slow_the_reader() {
    let system = System::new("t");
    let line = pipeline("line").then("a", plus_one()).then("b", plus_one());
    let line = line.concurrency(4).start_streaming(&system).await.unwrap();
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let items = (0..1_000).inspect(move |_| {
        count.fetch_add(1, SeqCst);
    });
    let mut flow = line.stream(items);
    for read in 1..=1_000 {
        assert!(flow.next().await.unwrap().1.is_ok());
        tokio::time::sleep(ms(1)).await;
        let most = read + 4 * 3;
        assert!(taken.load(SeqCst) <= most, "{} taken", taken.load(SeqCst));
    }
    assert!(flow.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn d2_a_streaming_stage_retries_falls_back_checks_and_tells() {
    let system = System::new("t");
    let busy = Script::new().fault(Fault::transient("busy")).answer(7);
    let busy = scripted(&system, "busy", busy.fault(Fault::permanent("down"))).await;
    let weak = scripted(&system, "weak", Script::new().answer(8).answer(9)).await;
    let mut events = system.events();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let line = pipeline("line")
        .stage(Stage::new("strong", busy).attempts(2).or("weak", weak))
        .check(|n| match n {
            9 => Err(Fault::permanent("nine")),
            _ => Ok(()),
        })
        .on_error(move |error| {
            let said = (error.stage().to_owned(), error.last::<u32>().copied());
            tell.lock().unwrap().push(said);
        })
        .start_streaming(&system)
        .await
        .unwrap();

    let outcomes = line.stream([0, 1, 2]).collect_partial().await;
    assert_eq!(*outcomes[0].as_ref().unwrap(), 7, "the second attempt");
    assert_eq!(*outcomes[1].as_ref().unwrap(), 8, "the fallback");
    let fault = outcomes[2].as_ref().unwrap_err();
    assert_eq!(fault.message(), "weak: nine");
    assert_eq!(*told.lock().unwrap(), [("weak".to_owned(), Some(2))]);

    let mut steps = Vec::new();
    while let Some(event) = events.try_next() {
        if let Event::Step { step, outcome, .. } = event {
            steps.push(format!("{step} {outcome}"));
        }
    }
    let wanted = [
        "strong retried",
        "strong done",
        "strong fell back",
        "weak done",
        "strong fell back",
        "weak failed",
    ];
    assert_eq!(steps, wanted);
}

#[tokio::test(start_paused = true)]
async fn d2_a_panic_in_a_streaming_stage_is_that_items_fault() {
    quiet_panics();
    let system = System::new("t");
    let bad = WorkerRef::from_fn("bad", |n: u32| async move {
        assert_ne!(n, 2, "two");
        tokio::task::yield_now().await;
        assert_ne!(n, 4, "four");
        Ok(n)
    });
    let line = pipeline("line").then("bad", bad);
    let line = line.start_streaming(&system).await.unwrap();
    let outcomes = line.stream(1..=5).collect_partial().await;
    let is_ok: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(is_ok, [true, false, true, false, true]);
    assert_eq!(system.restarts(), 0);
}

#[tokio::test(start_paused = true)]
async fn d2_when_a_stage_dies_every_item_still_has_one_outcome() {
    let system = System::new("t");
    let (now, most) = (Arc::default(), Arc::default());
    let line = pipeline("line")
        .then("a", plus_one())
        .then("b", slow(ms(10), &now, &most))
        .then("c", plus_one())
        .concurrency(8)
        .start_streaming(&system)
        .await
        .unwrap();
    let mut flow = line.stream(0..100);
    let mut seen = vec![0; 100];
    let (mut good, mut lost) = (0, 0);
    while let Some((at, outcome)) = flow.next().await {
        seen[at] += 1;
        match outcome {
            Ok(_) => good += 1,
            Err(fault) => {
                assert_eq!(fault.class(), FaultClass::Transient);
                lost += 1;
            }
        }
        if good == 20 && lost == 0 {
            let stages = line.supervisor().which_children();
            let second = stages.iter().find(|child| child.name == "stage-1");
            let second = second.unwrap().id;
            line.supervisor().terminate_child(second).await.unwrap();
        }
    }
    assert!(seen.iter().all(|times| *times == 1), "{seen:?}");
    assert_eq!(good + lost, 100);
    assert!(good >= 20 && lost >= 50, "{good} good, {lost} lost");
}

#[tokio::test(start_paused = true)]
async fn d2_a_flow_that_is_dropped_ends_the_work_under_way() {
    let system = System::new("t");
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let ended = Arc::new(AtomicUsize::new(0));
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let begun = Arc::clone(&now);
    let count = Arc::clone(&ended);
    let stuck = WorkerRef::from_fn("stuck", move |n: u32| {
        begun.fetch_add(1, SeqCst);
        let counts = Counts(Arc::clone(&count));
        async move {
            let _counts = counts;
            if n > 0 {
                std::future::pending::<()>().await;
            }
            Ok(n)
        }
    });
    let stage = Stage::new("stuck", stuck).at_once(2);
    let line = pipeline("line")
        .stage(stage)
        .then("slow", slow(ms(1), &Arc::default(), &most));
    let line = line.start_streaming(&system).await.unwrap();
    let mut flow = line.stream([0, 1, 2, 3, 4]);
    assert_eq!(flow.next().await.unwrap().0, 0);
    assert_eq!((now.load(SeqCst), ended.load(SeqCst)), (3, 1));
    drop(flow);
    // The line is free for others.
    assert_eq!(line.worker().ask(0).await.unwrap().value, 0);
    assert_eq!(
        (now.load(SeqCst), ended.load(SeqCst)),
        (4, 4),
        "two were dropped unseen"
    );
}

#[tokio::test(start_paused = true)]
async fn d2_a_worker_that_never_answers_holds_up_a_stage_only_so_long() {
    let system = System::new("t");
    let stuck = WorkerRef::from_fn("stuck", |n: u32| async move {
        if n == 1 {
            std::future::pending::<()>().await;
        }
        Ok(n)
    });
    let line = pipeline("line").then("stuck", stuck.clone());
    let line = line.start_streaming(&system).await.unwrap();
    let begun = tokio::time::Instant::now();
    let outcomes = line.stream([0, 1, 2]).collect_partial().await;
    let late = outcomes[1].as_ref().unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    assert_eq!(*outcomes[2].as_ref().unwrap(), 2);
    assert_eq!(begun.elapsed(), secs(5), "the system's ask deadline");

    let quick = Stage::new("stuck", stuck).within(ms(50));
    let line = pipeline("quick")
        .stage(quick)
        .start_streaming(&system)
        .await
        .unwrap();
    let begun = tokio::time::Instant::now();
    assert!(line.stream([1]).collect().await.is_err());
    assert_eq!(begun.elapsed(), ms(50));
}

#[tokio::test(start_paused = true)]
async fn d2_a_streaming_pipeline_is_a_worker_with_its_askers_deadline_and_costs() {
    let system = System::new("t");
    let dear = plus_one().with_metadata(|_| Metadata::new().tokens(3).confidence(0.5));
    let sure = plus_one().with_metadata(|_| Metadata::new().tokens(4).confidence(0.9));
    let line = pipeline("line").then("dear", dear).then("sure", sure);
    let line = line.start_streaming(&system).await.unwrap();
    let served = line.worker().ask(1).await.unwrap();
    assert_eq!(served.value, 3);
    assert_eq!(served.metadata.tokens, Some(7));
    assert_eq!(served.metadata.confidence, Some(0.9));

    let hang = scripted(&system, "hang", Script::new().hang().answer(5)).await;
    let line = pipeline("slow").then("hang", hang);
    let worker = line.start_streaming(&system).await.unwrap().worker();
    let late = worker.ask(1).deadline(ms(100)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    assert_eq!(
        worker.ask(1).await.unwrap().value,
        5,
        "what nobody waits for is over"
    );
}

#[tokio::test(start_paused = true)]
async fn d2_an_item_that_is_asked_for_waits_behind_others_only_as_long_as_an_ask() {
    let system = System::new("t");
    let (now, most) = (Arc::default(), Arc::default());
    let line = pipeline("line").then("a", slow(secs(4), &now, &most));
    let line = line.start_streaming(&system).await.unwrap();
    let mut before = line.stream(0..3);
    let worker = line.worker();
    let asked = async {
        // Behind three that take four seconds each.
        tokio::time::sleep(ms(1)).await;
        worker.ask(9).await.unwrap_err()
    };
    let (late, first) = tokio::join!(asked, before.next());
    assert_eq!(late.class(), FaultClass::Deadline);
    assert!(first.is_some());
}

#[tokio::test(start_paused = true)]
async fn d2_a_streaming_stage_keeps_checkpoints() {
    let system = System::new("t");
    let first = Script::new().answer(10).answer(20);
    let asked = first.clone();
    let first = scripted(&system, "first", first).await;
    let second = Script::new().fault(Fault::permanent("down")).answer(3);
    let second = scripted(&system, "second", second).await;
    let kept = Checkpoints::new(NonZeroUsize::new(2).unwrap());
    let line = pipeline("line")
        .stage(Stage::new("first", first).checkpoint(&kept, u32::to_string))
        .then("second", second)
        .start_streaming(&system)
        .await
        .unwrap();
    assert!(line.stream([7]).collect().await.is_err());
    assert_eq!(line.stream([7]).collect().await.unwrap(), [3]);
    assert_eq!(asked.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn d2_items_under_way_are_worked_off_when_the_system_stops() {
    let system = System::new("t");
    let (now, most) = (Arc::default(), Arc::default());
    let line = pipeline("line")
        .then("a", slow(ms(10), &now, &most))
        .then("b", plus_one());
    let line = line.start_streaming(&system).await.unwrap();
    let mut flow = line.stream(0..20);
    assert!(flow.next().await.unwrap().1.is_ok());
    let stopping = tokio::spawn({
        let system = system.clone();
        async move { system.shutdown(secs(5)).await }
    });
    let (mut good, mut all) = (1, 1);
    while let Some((_, outcome)) = flow.next().await {
        all += 1;
        good += usize::from(outcome.is_ok());
    }
    assert_eq!(all, 20);
    assert_eq!(good, 20, "all of them had entered");
    assert!(stopping.await.unwrap().unwrap().unfinished.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d2_on_two_threads_every_item_has_one_outcome() {
    quiet_panics();
    let system = System::new("t");
    let odd = WorkerRef::from_fn("odd", |n: u32| async move {
        if n.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
        assert_ne!(n % 97, 0, "a multiple of 97");
        Ok(n)
    });
    let line = pipeline("line")
        .then("a", plus_one())
        .stage(Stage::new("odd", odd.clone()).at_once(8))
        .then("b", odd)
        .concurrency(16)
        .start_streaming(&system)
        .await
        .unwrap();
    let flows = (0..2).map(|_| {
        let line = line.clone();
        tokio::spawn(async move { line.stream(0..10_000).collect_partial().await })
    });
    for flow in flows.collect::<Vec<_>>() {
        let outcomes = flow.await.unwrap();
        assert_eq!(outcomes.len(), 10_000);
        for (n, outcome) in (0..10_000_u32).zip(outcomes) {
            assert_eq!(outcome.ok(), ((n + 1) % 97 != 0).then_some(n + 1));
        }
    }
}
