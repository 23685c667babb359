//! C11: work that failed for good.

use callboard::prelude::*;
use callboard::resilience::{DeadLetterConfig, DeadLetterQueue, ReplayError, WhenFull};
use callboard::testing::{Script, quiet_panics};
use tokio::sync::Semaphore;

use crate::{Seen, settle};

async fn mock(system: &System, script: &Script<u32>) -> WorkerRef<u32, u32> {
    let spec = ChildSpec::new("mock", script.worker());
    system.spawn(spec).await.expect("it starts").into()
}

fn dead(queue: &DeadLetterQueue<u32>) -> Vec<u32> {
    queue.list().iter().map(|dead| *dead.input).collect()
}

fn filled(config: DeadLetterConfig, inputs: std::ops::Range<u32>) -> DeadLetterQueue<u32> {
    let queue = DeadLetterQueue::new(config);
    for input in inputs {
        queue.keep(input, Fault::transient("down"), 3, "t/mock");
    }
    queue
}

#[tokio::test(start_paused = true)]
async fn c11_what_fails_for_good_is_kept_with_its_story() {
    let system = System::new("t");
    let script = Script::new().fault(Fault::permanent("bad")).answer(1);
    let queue = DeadLetterQueue::default();
    let worker = queue.guard(&mock(&system, &script).await);

    assert_eq!(worker.ask(7).await.unwrap_err().message(), "bad");
    assert_eq!(worker.ask(8).await.unwrap().value, 1);

    let list = queue.list();
    assert_eq!(list.len(), 1, "what went well is not kept");
    let entry = &list[0];
    assert_eq!((*entry.input, entry.attempts), (7, 1));
    assert_eq!(
        (entry.worker.as_str(), entry.fault.message()),
        ("t/mock", "bad")
    );
    assert_eq!(entry.at, system.now());
    assert_eq!(queue.get(entry.id).map(|dead| dead.id), Some(entry.id));
}

#[tokio::test(start_paused = true)]
async fn c11_cancelled_work_is_not_kept() {
    let system = System::new("t");
    let script = Script::new()
        .fault(Fault::new(FaultClass::Cancelled, "gone"))
        .hang();
    let queue = DeadLetterQueue::default();
    let worker = queue.guard(&mock(&system, &script).await);
    worker.ask(1).await.unwrap_err();
    let dropped = tokio::spawn(async move { worker.ask(2).await });
    settle().await;
    dropped.abort();
    settle().await;
    assert!(queue.is_empty());
}

#[tokio::test(start_paused = true)]
async fn c11_a_replayed_entry_is_gone_and_a_removed_one_too() {
    let system = System::new("t");
    let queue = filled(DeadLetterConfig::default(), 0..2);
    let script = Script::new().answer(9);
    let worker = mock(&system, &script).await;
    let id = queue.list()[0].id;
    assert_eq!(queue.replay(id, &worker).await.unwrap().value, 9);
    assert!(matches!(
        queue.replay(id, &worker).await,
        Err(ReplayError::NotFound)
    ));
    let left = queue.list()[0].id;
    assert_eq!(queue.remove(left).map(|dead| *dead.input), Some(1));
    assert!(queue.is_empty() && queue.remove(left).is_none());
}

#[tokio::test(start_paused = true)]
async fn c11_a_failed_replay_stays_and_counts() {
    let system = System::new("t");
    let queue = filled(DeadLetterConfig::default(), 0..1);
    let script = Script::new().fault(Fault::transient("still down"));
    let worker = mock(&system, &script).await;
    let id = queue.list()[0].id;
    let failed = queue.replay(id, &worker).await;
    assert!(matches!(failed, Err(ReplayError::Failed(_))), "{failed:?}");
    let entry = queue.get(id).unwrap();
    assert_eq!((entry.attempts, entry.fault.message()), (4, "still down"));
    assert!(!entry.is_replaying);
}

#[tokio::test(start_paused = true)]
async fn c11_everything_is_replayed_in_order_and_a_failure_stops_nothing() {
    let queue = filled(DeadLetterConfig::default(), 0..4);
    let seen = Seen::default();
    let worker = WorkerRef::from_fn("odd", {
        let seen = seen.clone();
        move |n: u32| {
            seen.note(n);
            async move {
                match n {
                    1 => Err(Fault::permanent("odd")),
                    n => Ok(n),
                }
            }
        }
    });
    let report = queue.replay_all(&worker).await;
    assert_eq!(seen.all(), [0, 1, 2, 3]);
    assert_eq!((report.done.len(), report.failed.len()), (3, 1));
    assert_eq!(dead(&queue), [1]);
}

#[tokio::test(start_paused = true)]
async fn c11_a_replay_under_way_is_not_begun_twice_and_is_free_again_when_dropped() {
    let queue = filled(DeadLetterConfig::default(), 0..1);
    let gate = std::sync::Arc::new(Semaphore::new(0));
    let worker = WorkerRef::from_fn("gated", {
        let gate = std::sync::Arc::clone(&gate);
        move |n: u32| {
            let gate = std::sync::Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(n)
            }
        }
    });
    let id = queue.list()[0].id;
    let replay = tokio::spawn({
        let (queue, worker) = (queue.clone(), worker.clone());
        async move { queue.replay(id, &worker).await }
    });
    settle().await;
    assert!(queue.get(id).unwrap().is_replaying);
    let second = queue.replay(id, &worker).await;
    assert!(matches!(second, Err(ReplayError::UnderWay)), "{second:?}");

    replay.abort();
    settle().await;
    assert!(!queue.get(id).unwrap().is_replaying);
    gate.add_permits(1);
    assert!(queue.replay(id, &worker).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn c11_a_full_queue_drops_the_oldest_or_the_newest_and_counts() {
    let config = DeadLetterConfig::default().capacity(2);
    let oldest = filled(config.clone(), 0..5);
    assert_eq!((dead(&oldest), oldest.dropped()), (vec![3, 4], 3));
    let newest = filled(config.when_full(WhenFull::DropNewest), 0..5);
    assert_eq!((dead(&newest), newest.dropped()), (vec![0, 1], 3));
    let none = filled(DeadLetterConfig::default().capacity(0), 0..5);
    assert_eq!((dead(&none), none.dropped()), (vec![], 5));
}

#[tokio::test(start_paused = true)]
async fn c11_what_is_being_replayed_is_not_dropped() {
    let queue = filled(DeadLetterConfig::default().capacity(2), 0..2);
    let never = WorkerRef::from_fn("never", |_: u32| {
        std::future::pending::<Result<u32, Fault>>()
    });
    let replay = tokio::spawn({
        let queue = queue.clone();
        let id = queue.list()[0].id;
        async move { queue.replay(id, &never).await }
    });
    settle().await;
    queue.keep(2, Fault::transient("down"), 1, "x");
    assert_eq!(dead(&queue), [0, 2]);
    queue.reconfigure(DeadLetterConfig::default().capacity(1));
    assert_eq!((dead(&queue), queue.dropped()), (vec![0], 2));
    queue.reconfigure(DeadLetterConfig::default().capacity(0));
    assert_eq!(queue.keep(3, Fault::transient("down"), 1, "x"), None);
    assert_eq!(dead(&queue), [0]);
    replay.abort();
}

#[tokio::test(start_paused = true)]
async fn c11_a_job_whose_member_crashed_is_kept_by_its_pool() {
    quiet_panics();
    let system = System::new("t");
    let script = Script::new()
        .panic("one")
        .panic("two")
        .fault(Fault::transient("own"))
        .answer(4);
    let queue = DeadLetterQueue::default();
    let pool = Pool::new("p", 1..=1, script.worker::<u32>())
        .redispatch(Redeliver { at_most: 1 })
        .dead_letters(&queue)
        .start(&system)
        .await
        .unwrap();
    let crashed = pool.worker().ask(7).await.unwrap_err();
    assert_eq!(crashed.class(), FaultClass::Transient);
    pool.worker().ask(8).await.unwrap_err();
    let list = queue.list();
    assert_eq!(list.len(), 1, "a fault is an answer");
    assert_eq!((*list[0].input, list[0].attempts), (7, 2));
    assert_eq!(list[0].worker, "t/p");
    assert_eq!(
        queue
            .replay(list[0].id, &pool.worker())
            .await
            .unwrap()
            .value,
        4
    );
}

#[test]
fn c11_settings_are_read_as_they_were_written() {
    let config = DeadLetterConfig::default()
        .capacity(7)
        .when_full(WhenFull::DropNewest);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(text, r#"{"capacity":7,"when_full":"drop-newest"}"#);
    assert_eq!(
        serde_json::from_str::<DeadLetterConfig>(&text).unwrap(),
        config
    );
}
