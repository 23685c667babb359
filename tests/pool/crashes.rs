//! Members that crash, are ill, or do not start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use callboard::prelude::*;
use callboard::testing::{assert_conserved, quiet_panics};

use crate::common::{Do, Office, settle, until};

struct Patient {
    is_ill: Arc<AtomicBool>,
}

impl Worker for Patient {
    type In = ();
    type Out = String;

    async fn work(&mut self, (): (), cx: &mut Context<Self>) -> Result<String, Fault> {
        Ok(cx.name())
    }

    async fn check(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        if self.is_ill.load(SeqCst) && cx.name() == "member-0" {
            return Err("ill".into());
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn c12_an_idle_member_that_fails_its_checks_gets_no_jobs_until_it_is_well() {
    let system = System::new("t");
    let is_ill = Arc::new(AtomicBool::new(false));
    let pool = Pool::new("p", 2..=2, {
        let is_ill = Arc::clone(&is_ill);
        move || Patient {
            is_ill: Arc::clone(&is_ill),
        }
    })
    .health_check(HealthCheck::every(secs(10)).failures(1_000))
    .start(&system)
    .await
    .unwrap();
    let seen = async || {
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(pool.worker().ask(()).await.unwrap().value);
        }
        seen.sort_unstable();
        seen.dedup();
        seen
    };
    assert_eq!(seen().await, ["member-0", "member-1"]);
    is_ill.store(true, SeqCst);
    tokio::time::sleep(secs(11)).await;
    assert_eq!(pool.status().available, 1);
    assert_eq!(seen().await, ["member-1"]);
    is_ill.store(false, SeqCst);
    tokio::time::sleep(secs(11)).await;
    assert_eq!(seen().await, ["member-0", "member-1"]);
}

#[tokio::test(start_paused = true)]
async fn c12_a_paused_member_gets_no_jobs() {
    let system = System::new("t");
    let pool = Office::default().pool(2..=2).start(&system).await.unwrap();
    let lease = pool.lease().await.unwrap();
    let member = lease.actor().unwrap();
    let paused = lease.ask(Do::Say).await.unwrap().value.who;
    drop(lease);
    settle().await;
    member.pause();
    until(|| pool.status().available == 1).await;
    for _ in 0..4 {
        assert_ne!(pool.worker().ask(Do::Say).await.unwrap().value.who, paused);
    }
    member.resume();
    until(|| pool.status().available == 2).await;
}

/// Starts only while it may.
struct Shy;

impl Worker for Shy {
    type In = ();
    type Out = ();

    async fn work(&mut self, (): (), _cx: &mut Context<Self>) -> Result<(), Fault> {
        tokio::time::sleep(secs(1)).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn c12_a_member_that_does_not_start_disturbs_nobody_and_is_tried_again() {
    struct Failing(usize);
    impl Worker for Failing {
        type In = ();
        type Out = usize;
        async fn start(&mut self, _cx: &mut Context<Self>) -> Result<Started, BoxError> {
            match self.0 {
                1 | 2 => Err("no room".into()),
                _ => Ok(Started::Ready),
            }
        }
        async fn work(&mut self, (): (), _cx: &mut Context<Self>) -> Result<usize, Fault> {
            tokio::time::sleep(secs(4)).await;
            Ok(self.0)
        }
    }
    let system = System::new("t");
    let next = Arc::new(AtomicUsize::new(0));
    let pool = Pool::new("p", 1..=2, move || Failing(next.fetch_add(1, SeqCst)));
    let pool = pool.start(&system).await.unwrap();
    let ask = || {
        let worker = pool.worker();
        tokio::spawn(async move { worker.ask(()).deadline(secs(60)).await.map(|s| s.value) })
    };
    let (first, second) = (ask(), ask());
    assert_eq!(
        first.await.unwrap().unwrap(),
        0,
        "its work was not disturbed"
    );
    assert_eq!(
        second.await.unwrap().unwrap(),
        3,
        "the third start succeeded"
    );
    assert_eq!(system.restarts(), 0);
}

#[tokio::test(start_paused = true)]
async fn c12_a_manager_that_is_killed_takes_over_the_members_that_work() {
    quiet_panics();
    let system = System::new("t");
    let office = Office::default();
    let pool = office.pool(2..=2).start(&system).await.unwrap();
    let held = pool.lease().await.unwrap();
    held.ask(Do::Write).await.unwrap();
    let manager = pool.supervisor().which_children().pop().unwrap();
    assert_eq!(manager.name, "manager");
    pool.supervisor().terminate_child("manager").await.unwrap();
    pool.supervisor().restart_child("manager").await.unwrap();
    assert_eq!((office.born(), pool.status().size), (2, 2));
    assert_eq!(
        held.ask(Do::Write).await.unwrap().value.lines,
        2,
        "it is still ours"
    );
    drop(held);
    assert_eq!(pool.status().available, 2);
    // And it hears of crashes again.
    pool.worker().ask(Do::Crash).await.unwrap_err();
    until(|| pool.status().available == 2).await;
    assert_conserved(&system);
}

#[tokio::test(start_paused = true)]
async fn c12_a_pool_stands_in_a_supervisors_expression() {
    let system = System::new("t");
    let (first, pool) = Office::default().pool(2..=2).with_ref().unwrap();
    let early = tokio::spawn({
        let worker = pool.worker();
        async move { worker.ask(Do::Say).await }
    });
    settle().await;
    let second = Pool::new("shy", 1..=1, || Shy);
    let team = Supervisor::new("team").child(first).child(second);
    let team = team.start(&system).await.unwrap();
    early.await.unwrap().expect("who came early has waited");
    assert_eq!(team.count().active, 2);
    assert_eq!(pool.supervisor().path(), "t/team/p");
    assert_eq!(pool.members().count().active, 2);
    let (wrong, _) = (Office::default().pool(0..=0), ());
    assert!(
        Supervisor::new("x")
            .child(wrong)
            .start(&system)
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn c12_a_pool_that_is_restarted_as_a_whole_serves_again() {
    let system = System::new("t");
    let pool = Office::default().pool(2..=2).start(&system).await.unwrap();
    pool.supervisor().stop();
    until(|| pool.supervisor().incarnation() == 1 && pool.status().available == 2).await;
    pool.worker().ask(Do::Say).await.unwrap();
    system.shutdown(secs(5)).await.unwrap();
    assert!(pool.try_lease().is_err());
    assert!(pool.lease().await.is_err(), "and says so when it has ended");
}

#[tokio::test(start_paused = true)]
async fn c12_a_pool_behind_breaker_and_retry_is_a_tier_of_a_fallback() {
    use callboard::testing::Script;
    quiet_panics();
    let system = System::new("t");
    let script = Script::new()
        .panic("scripted")
        .answer(1)
        .fault(Fault::transient("busy"))
        .fault(Fault::transient("busy"));
    let strong = Pool::new("strong", 1..=4, script.worker::<u32>())
        .queue(256)
        .overflow(Overflow::Reject)
        .breaker(Breaker::consecutive(1))
        .retry(Retry::exponential(ms(200)..=secs(20)).jitter().attempts(2))
        .start(&system)
        .await
        .unwrap();
    let answer = Fallback::first("strong", strong.clone()).or("static", |n| n);

    let served = answer.ask(7).deadline(secs(30)).await.unwrap();
    assert_eq!((served.value, served.attempts), (1, 2), "after a crash");
    let served = answer.ask(7).deadline(secs(30)).await.unwrap();
    assert_eq!((served.value, served.tier.as_deref()), (7, Some("static")));
    assert_eq!(strong.retrier().unwrap().stats().retries, 2);
    let breaker = strong.breaker().unwrap();
    assert!(!breaker.is_passable(), "one call failed, not two");
    assert_eq!(breaker.stats().admitted, 2);

    let wrong = Pool::new("wrong", 1..=1, script.worker::<u32>())
        .retry(Retry::exponential(secs(2)..=secs(1)))
        .start(&system)
        .await;
    assert!(wrong.is_err(), "nonsense is refused");
}
