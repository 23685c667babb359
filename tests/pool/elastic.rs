//! C12: jobs given to fixed and elastic pools.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::prelude::*;
use callboard::testing::{Script, assert_conserved, quiet_panics};
use tokio::sync::{Semaphore, mpsc};

/// Says when it begins, and ends when it is let.
struct Gated {
    begun: mpsc::UnboundedSender<u32>,
    gate: Arc<Semaphore>,
}

impl Worker for Gated {
    type In = u32;
    type Out = u32;

    async fn work(&mut self, n: u32, _cx: &mut Context<Self>) -> Result<u32, Fault> {
        self.begun.send(n).expect("the test listens");
        self.gate.acquire().await.expect("never closed").forget();
        Ok(n)
    }
}

struct Rig {
    begun: mpsc::UnboundedReceiver<u32>,
    gate: Arc<Semaphore>,
    make: Arc<dyn Fn() -> Gated + Send + Sync>,
}

fn rig() -> Rig {
    let (tx, begun) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let make = {
        let gate = Arc::clone(&gate);
        Arc::new(move || Gated {
            begun: tx.clone(),
            gate: Arc::clone(&gate),
        })
    };
    Rig { begun, gate, make }
}

fn ask(pool: &PoolRef<Gated>, n: u32) -> tokio::task::JoinHandle<Result<u32, Fault>> {
    let worker = pool.worker();
    tokio::spawn(async move { worker.ask(n).deadline(secs(3600)).await.map(|s| s.value) })
}

#[tokio::test(start_paused = true)]
async fn c12_a_fixed_pool_works_on_as_many_jobs_as_it_has_members() {
    let system = System::new("t");
    let mut rig = rig();
    let make = Arc::clone(&rig.make);
    let pool = Pool::new("p", 2..=2, move || make())
        .start(&system)
        .await
        .unwrap();

    let jobs: Vec<_> = (0..3).map(|n| ask(&pool, n)).collect();
    rig.begun.recv().await.unwrap();
    rig.begun.recv().await.unwrap();
    while pool.status().waiting == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!((pool.status().busy, pool.status().size), (2, 2));
    assert!(rig.begun.try_recv().is_err(), "the third job waits");

    rig.gate.add_permits(3);
    for job in jobs {
        job.await.unwrap().unwrap();
    }
    assert_eq!(pool.status().jobs, 0, "every lease came back");
    assert_conserved(&system);
}

#[tokio::test(start_paused = true)]
async fn c12_waiting_jobs_make_it_grow_and_idleness_makes_it_shrink() {
    let system = System::new("t");
    let mut rig = rig();
    let make = Arc::clone(&rig.make);
    let pool = Pool::new("p", 1..=3, move || make())
        .idle_for(secs(60))
        .start(&system)
        .await
        .unwrap();
    assert_eq!(pool.status().size, 1);

    let jobs: Vec<_> = (0..4).map(|n| ask(&pool, n)).collect();
    for _ in 0..3 {
        rig.begun.recv().await.unwrap();
    }
    assert_eq!(pool.status().size, 3, "and never more than its maximum");

    rig.gate.add_permits(4);
    for job in jobs {
        job.await.unwrap().unwrap();
    }
    tokio::time::sleep(secs(600)).await;
    assert_eq!(pool.status().size, 1, "down to its minimum");
    assert_eq!(pool.supervisor().tree().children[0].children.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn c12_a_full_queue_refuses_at_once_and_says_so() {
    let system = System::new("t");
    let mut rig = rig();
    let make = Arc::clone(&rig.make);
    let pool = Pool::new("p", 1..=1, move || make())
        .queue(1)
        .start(&system)
        .await
        .unwrap();

    let first = ask(&pool, 0);
    rig.begun.recv().await.unwrap();
    let second = ask(&pool, 1);
    while pool.status().waiting == 0 {
        tokio::task::yield_now().await;
    }
    let refused = pool.worker().ask(2).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Overloaded);
    assert!(refused.retry_after().is_some());

    rig.gate.add_permits(2);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn c12_a_caller_that_gives_up_leaves_no_trace() {
    let system = System::new("t");
    let mut rig = rig();
    let make = Arc::clone(&rig.make);
    let pool = Pool::new("p", 1..=1, move || make())
        .start(&system)
        .await
        .unwrap();

    let first = ask(&pool, 0);
    rig.begun.recv().await.unwrap();
    let late = pool.worker().ask(1).deadline(secs(1)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
    assert_eq!(pool.status().waiting, 0);

    rig.gate.add_permits(2);
    first.await.unwrap().unwrap();
    assert_eq!(
        ask(&pool, 2).await.unwrap().unwrap(),
        2,
        "the member is free again"
    );
}

#[tokio::test(start_paused = true)]
async fn c12_a_crashed_member_is_replaced_and_its_job_fails_as_transient() {
    quiet_panics();
    let system = System::new("t");
    let script = Script::new().panic("scripted").answer(2);
    let pool = Pool::new("p", 1..=1, script.worker::<u32>())
        .start(&system)
        .await
        .unwrap();

    let crashed = pool.worker().ask(1).await.unwrap_err();
    assert_eq!(crashed.class(), FaultClass::Transient);
    assert_eq!(pool.worker().ask(2).await.unwrap().value, 2);
    assert_eq!(pool.status().size, 1);
    assert_eq!(system.restarts(), 1);
    assert_eq!(system.dead_letters().by_reason["crashed"], 1);
}

#[tokio::test(start_paused = true)]
async fn c12_a_redispatched_job_is_done_by_another_life_and_says_how_often_it_was_tried() {
    quiet_panics();
    let system = System::new("t");
    let script = Script::new().panic("scripted").panic("scripted").answer(9);
    let pool = Pool::new("p", 2..=2, script.worker::<u32>())
        .redispatch(Redeliver { at_most: 2 })
        .start(&system)
        .await
        .unwrap();

    let served = pool.worker().ask(1).await.unwrap();
    assert_eq!((served.value, served.attempts), (9, 3));
}

#[tokio::test(start_paused = true)]
async fn c12_equal_members_take_turns() {
    struct Named(usize);
    impl Worker for Named {
        type In = ();
        type Out = usize;
        async fn work(&mut self, (): (), _cx: &mut Context<Self>) -> Result<usize, Fault> {
            Ok(self.0)
        }
    }
    let system = System::new("t");
    let next = Arc::new(AtomicUsize::new(0));
    let pool = Pool::new("p", 3..=3, move || Named(next.fetch_add(1, SeqCst)))
        .start(&system)
        .await
        .unwrap();

    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(pool.worker().ask(()).await.unwrap().value);
    }
    let mut first: Vec<_> = seen[..3].to_vec();
    first.sort_unstable();
    assert_eq!(first, [0, 1, 2]);
    assert_eq!(seen[..3], seen[3..]);
}

#[tokio::test(start_paused = true)]
async fn c12_settings_that_make_no_sense_are_refused() {
    let system = System::new("t");
    let script = Script::<u32>::new();
    let none = Pool::new("p", 0..=0, script.worker::<u32>())
        .start(&system)
        .await;
    assert!(matches!(none, Err(StartError::Invalid(_))), "{none:?}");
    let drops = Pool::new("p", 1..=1, script.worker::<u32>())
        .overflow(Overflow::DropOldest)
        .start(&system)
        .await;
    assert!(matches!(drops, Err(StartError::Invalid(_))), "{drops:?}");
}

#[tokio::test(start_paused = true)]
async fn c12_killing_all_members_leaves_a_pool_that_works() {
    let system = System::new("t");
    let script = Script::new().answer(5);
    let pool = Pool::new("p", 2..=2, script.worker::<u32>())
        .start(&system)
        .await
        .unwrap();
    let mut events = system.events();

    // The whole floor of members goes; the manager fills it again.
    pool.supervisor().kill();
    let mut started = 0;
    while started < 3 {
        if let Some(Event::Started { path, .. }) = events.next().await
            && path.contains("/p/")
        {
            started += 1;
        }
    }
    assert_eq!(pool.worker().ask(1).await.unwrap().value, 5);
}
