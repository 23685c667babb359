//! Members leased: poolboy's cases.

use callboard::policy::choice::Dispatch;
use callboard::policy::priority::Priority;
use callboard::policy::sizing::Surplus;
use callboard::prelude::*;
use callboard::supervision::{Lease, LeaseError, PoolState, Reset};
use callboard::testing::{assert_conserved, quiet_panics};

use crate::common::{Do, Office, Scribe, settle, until};

async fn start(pool: Pool<Scribe>, system: &System) -> PoolRef<Scribe> {
    pool.start(system).await.expect("it starts")
}

async fn lease_all(pool: &PoolRef<Scribe>, n: usize) -> Vec<Lease<Scribe>> {
    let mut leases = Vec::new();
    for _ in 0..n {
        leases.push(pool.lease().await.expect("there is one"));
    }
    leases
}

#[tokio::test(start_paused = true)]
async fn po_01_what_is_checked_in_is_available_again() {
    let system = System::new("t");
    let pool = start(Office::default().pool(10..=15), &system).await;
    let _first = pool.lease().await.unwrap();
    let second = pool.lease().await.unwrap();
    assert_eq!((pool.status().available, pool.status().leases), (8, 2));
    drop(second);
    assert_eq!((pool.status().available, pool.status().leases), (9, 1));
    assert_eq!(pool.status().state(), PoolState::Ready);
}

#[tokio::test(start_paused = true)]
async fn po_02_overflow_members_end_when_they_come_back() {
    let system = System::new("t");
    let office = Office::default();
    let pool = start(office.pool(5..=7).surplus(Surplus::AtOnce), &system).await;
    let leases = lease_all(&pool, 7).await;
    assert_eq!((pool.status().size, pool.status().overflow()), (7, 2));
    assert_eq!(pool.try_lease().unwrap_err(), LeaseError::Full);
    for (n, lease) in leases.into_iter().enumerate() {
        drop(lease);
        assert!(pool.status().size <= 7, "after {n}");
    }
    let members = || pool.members().count().active;
    until(|| members() == 5).await;
    let status = pool.status();
    assert_eq!((status.size, status.available, status.leases), (5, 5, 0));
    assert_eq!(office.born(), 7);
}

#[tokio::test(start_paused = true)]
async fn po_02_a_waiting_caller_is_served_before_an_overflow_member_ends() {
    let system = System::new("t");
    let pool = start(
        Office::default().pool(1..=2).surplus(Surplus::AtOnce),
        &system,
    )
    .await;
    let mut leases = lease_all(&pool, 2).await;
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.lease().await }
    });
    until(|| pool.status().waiting == 1).await;
    drop(leases.pop());
    let served = waiting.await.unwrap().unwrap();
    assert_eq!((pool.status().size, pool.status().leases), (2, 2));
    drop(served);
    drop(leases);
    settle().await;
    assert_eq!(pool.status().size, 1);
}

#[tokio::test(start_paused = true)]
async fn po_03_who_waits_is_served_in_order() {
    let system = System::new("t");
    let pool = start(Office::default().pool(5..=5), &system).await;
    let mut leases = lease_all(&pool, 5).await;
    let mut waiting = Vec::new();
    let counting = pool.clone();
    for n in 0..3 {
        let pool = pool.clone();
        waiting.push(tokio::spawn(async move { pool.lease().await }));
        until(|| counting.status().waiting == n + 1).await;
    }
    assert_eq!(pool.status().waiting, 3);
    let mut order = Vec::new();
    for _ in 0..3 {
        leases.pop();
        settle().await;
        let done: Vec<_> = waiting
            .iter()
            .map(tokio::task::JoinHandle::is_finished)
            .collect();
        order.push(done);
    }
    assert_eq!(
        order,
        [
            [true, false, false],
            [true, true, false],
            [true, true, true]
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn po_04_who_does_not_wait_is_told_at_once_and_leaves_no_trace() {
    let system = System::new("t");
    let pool = start(Office::default().pool(5..=5), &system).await;
    let _leases = lease_all(&pool, 5).await;
    assert_eq!(pool.try_lease().unwrap_err(), LeaseError::Full);
    assert_eq!((pool.status().waiting, pool.status().most_waiting), (0, 0));
    assert_eq!(pool.status().state(), PoolState::Full);
}

#[tokio::test(start_paused = true)]
async fn po_05_a_base_member_that_dies_is_replaced_and_an_overflow_member_is_not() {
    quiet_panics();
    let system = System::new("t");
    let pool = start(Office::default().pool(5..=7), &system).await;

    // Idle, and base.
    let idle = pool.lease().await.unwrap().actor().unwrap();
    idle.kill();
    until(|| idle.restarts() == 1 && pool.status().available == 5).await;
    assert_eq!(pool.status().size, 5);

    // Leased, and base.
    let base = pool.lease().await.unwrap();
    base.actor().unwrap().kill();
    until(|| base.is_void() && pool.status().available == 5).await;
    drop(base);
    assert_eq!((pool.status().size, pool.status().leases), (5, 0));

    // Leased, and beyond the base.
    let leases = lease_all(&pool, 6).await;
    let extra = leases.last().unwrap();
    assert_eq!(pool.status().size, 6);
    extra.actor().unwrap().kill();
    until(|| extra.is_void()).await;
    assert_eq!((pool.status().size, pool.status().leases), (5, 5));
    drop(leases);
    settle().await;
    assert_eq!((pool.status().size, pool.status().available), (5, 5));
}

async fn replaced_for_who_waits(min: usize, max: usize) {
    quiet_panics();
    let system = System::new("t");
    let pool = start(Office::default().pool(min..=max), &system).await;
    let leases = lease_all(&pool, max).await;
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.lease().timeout(secs(3)).await }
    });
    until(|| pool.status().waiting == 1).await;

    let last = leases.last().unwrap();
    assert!(last.ask(Do::Crash).await.is_err());
    let served = waiting.await.unwrap().expect("the replacement");
    assert!(last.is_void(), "it is somebody else's now");
    assert!(last.ask(Do::Say).await.is_err());
    let said = served.ask(Do::Say).await.unwrap().value;
    assert_eq!(said.who, max, "a new one");
    assert_eq!((pool.status().size, pool.status().leases), (max, max));
    drop(leases);
    assert_eq!(pool.status().leases, 1, "the void one gives nothing back");
    drop(served);
    assert_eq!(pool.status().leases, 0);
}

#[tokio::test(start_paused = true)]
async fn po_06_the_one_who_replaces_a_leased_member_serves_who_waits() {
    replaced_for_who_waits(5, 5).await;
}

#[tokio::test(start_paused = true)]
async fn po_06_an_overflow_member_that_dies_is_replaced_for_who_waits() {
    replaced_for_who_waits(5, 6).await;
}

#[tokio::test(start_paused = true)]
async fn po_08_a_holder_that_is_aborted_gives_its_member_back_reset() {
    let system = System::new("t");
    let office = Office::default();
    let pool = start(office.pool(5..=5), &system).await;
    let holder = tokio::spawn({
        let pool = pool.clone();
        async move {
            let lease = pool.lease().await.unwrap();
            lease.ask(Do::Write).await.unwrap();
            lease.ask(Do::Hang).deadline(secs(999)).await.unwrap();
        }
    });
    until(|| pool.status().leases == 1).await;
    settle().await;
    holder.abort();
    assert!(holder.await.unwrap_err().is_cancelled());

    assert_eq!((pool.status().available, pool.status().leases), (5, 0));
    until(|| office.resets() == 1).await;
    for lease in &lease_all(&pool, 5).await {
        assert_eq!(
            lease.ask(Do::Say).await.unwrap().value.lines,
            0,
            "it was reset"
        );
    }
    assert_eq!(office.born(), 5, "and none was replaced");
    assert_conserved(&system);
}

#[tokio::test(start_paused = true)]
async fn po_09_however_a_transaction_ends_its_member_is_back() {
    quiet_panics();
    let system = System::new("t");
    let office = Office::default();
    let pool = start(office.pool(1..=1), &system).await;

    let failed: Result<(), _> = pool
        .with(|scribe| async move {
            scribe.ask(Do::Write).await?;
            Err(Fault::permanent("no"))
        })
        .await;
    assert_eq!(failed.unwrap_err().message(), "no");
    assert_eq!((pool.status().available, pool.status().leases), (1, 0));

    let panicked = tokio::spawn({
        let pool = pool.clone();
        async move {
            let work = |_| async { panic!("a transaction") };
            pool.with::<_, _, ()>(work).await
        }
    });
    let panic = panicked.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a transaction"));
    assert_eq!((pool.status().available, pool.status().leases), (1, 0));

    let said = pool
        .with(|scribe| async move { scribe.ask(Do::Write).await })
        .await;
    assert_eq!(said.unwrap().value.lines, 1, "it was reset in between");
    settle().await;
    assert_eq!(office.resets(), 3);
}

#[tokio::test(start_paused = true)]
async fn po_09_a_tainted_member_is_replaced() {
    let system = System::new("t");
    let office = Office::default();
    let pool = start(office.pool(1..=1), &system).await;
    let lease = pool.lease().await.unwrap();
    assert_eq!(lease.ask(Do::Say).await.unwrap().value.who, 0);
    lease.taint();
    drop(lease);
    assert!(pool.try_lease().is_err(), "nobody gets the tainted one");
    let next = pool.lease().await.unwrap();
    assert_eq!(next.ask(Do::Say).await.unwrap().value.who, 1);
    assert_eq!(office.resets(), 0);
}

#[tokio::test(start_paused = true)]
async fn po_13_last_in_first_out_keeps_one_member_and_first_in_first_out_rotates() {
    let system = System::new("t");
    let office = Office::default();
    let pool = start(office.pool(3..=3).dispatch(Dispatch::MostRecent), &system).await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let lease = pool.lease().await.unwrap();
        seen.push(lease.ask(Do::Say).await.unwrap().value.who);
    }
    assert_eq!(seen, [seen[0]; 3]);

    pool.reconfigure(pool.config().dispatch(Dispatch::LeastLoaded))
        .unwrap();
    let mut seen = Vec::new();
    for _ in 0..6 {
        let lease = pool.lease().await.unwrap();
        seen.push(lease.ask(Do::Say).await.unwrap().value.who);
    }
    assert_eq!(seen[..3], seen[3..]);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn po_14_a_pool_without_base_members_starts_them_for_who_waits() {
    let system = System::new("t");
    let pool = start(
        Office::default().pool(0..=2).surplus(Surplus::AtOnce),
        &system,
    )
    .await;
    assert_eq!(pool.status().state(), PoolState::Overflow);
    let first = pool.lease().await.unwrap();
    assert_eq!(pool.status().state(), PoolState::Overflow);
    let second = pool.lease().await.unwrap();
    assert_eq!(pool.status().state(), PoolState::Full);
    assert_eq!(pool.try_lease().unwrap_err(), LeaseError::Full);
    drop((first, second));
    settle().await;
    assert_eq!((pool.status().size, pool.members().count().active), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn po_14_a_pool_that_would_always_be_full_is_refused() {
    let system = System::new("t");
    let refused = Office::default().pool(0..=0).start(&system).await;
    assert!(
        matches!(refused, Err(StartError::Invalid(_))),
        "{refused:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn po_15_no_time_at_all_is_a_timeout_and_changes_nothing() {
    let system = System::new("t");
    let pool = start(Office::default().pool(1..=1), &system).await;
    let before = pool.status();
    let late = pool.lease().timeout(Duration::ZERO).await;
    assert_eq!(late.unwrap_err(), LeaseError::Timeout);
    assert_eq!(pool.status(), before);
    assert_eq!((before.state(), before.available), (PoolState::Ready, 1));

    let _held = pool.lease().await.unwrap();
    let late = pool.lease().timeout(ms(10)).await;
    assert_eq!(late.unwrap_err(), LeaseError::Timeout);
    assert_eq!(pool.status().waiting, 0, "and its place is free");
}

#[tokio::test(start_paused = true)]
async fn po_17_a_smaller_pool_shrinks_as_leases_come_back() {
    let system = System::new("t");
    let pool = start(Office::default().pool(4..=4), &system).await;
    let mut leases = lease_all(&pool, 4).await;
    pool.resize(2..=2).unwrap();
    settle().await;
    assert_eq!(
        pool.status().size,
        4,
        "nobody is taken away from its holder"
    );
    for size in [3, 2, 2, 2] {
        leases.pop();
        assert_eq!(pool.status().size, size);
    }
    settle().await;
    assert_eq!(pool.members().count().active, 2);
    assert_eq!(pool.status().available, 2);
}

#[tokio::test(start_paused = true)]
async fn po_17_a_larger_pool_serves_who_waits_at_once() {
    let system = System::new("t");
    let pool = start(Office::default().pool(2..=2), &system).await;
    let held = lease_all(&pool, 2).await;
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.lease().await })
        })
        .collect();
    until(|| pool.status().waiting == 2).await;
    pool.resize(4..=4).unwrap();
    for lease in waiting {
        lease.await.unwrap().unwrap();
    }
    drop(held);
    assert_eq!((pool.status().size, pool.status().leases), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn c12_who_waits_with_a_higher_priority_is_served_first() {
    let system = System::new("t");
    let pool = start(Office::default().pool(1..=1), &system).await;
    let held = pool.lease().await.unwrap();
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    for priority in [2, 5, 9] {
        let (pool, tx) = (pool.clone(), tx.clone());
        tokio::spawn(async move {
            let priority = Priority::new(priority).unwrap();
            let _lease = pool.lease().priority(priority).await.unwrap();
            tx.send(priority.get()).unwrap();
        });
        settle().await;
    }
    drop(held);
    let mut order = Vec::new();
    for _ in 0..3 {
        order.push(rx.recv().await.unwrap());
    }
    assert_eq!(order, [9, 5, 2]);
}

#[tokio::test(start_paused = true)]
async fn c12_who_has_waited_long_is_served_before_a_newcomer_of_higher_priority() {
    let system = System::new("t");
    let pool = start(Office::default().pool(1..=1), &system).await;
    let held = pool.lease().await.unwrap();
    let low = tokio::spawn({
        let pool = pool.clone();
        async move {
            pool.lease()
                .priority(Priority::LOWEST)
                .timeout(secs(99))
                .await
        }
    });
    until(|| pool.status().waiting == 1).await;
    tokio::time::advance(secs(10)).await;
    let high = tokio::spawn({
        let pool = pool.clone();
        async move {
            pool.lease()
                .priority(Priority::HIGHEST)
                .timeout(secs(99))
                .await
        }
    });
    until(|| pool.status().waiting == 2).await;
    drop(held);
    settle().await;
    assert!(low.is_finished() && !high.is_finished());
    high.abort();
}

#[tokio::test(start_paused = true)]
async fn c12_between_two_jobs_a_member_is_reset_where_the_pool_asks_for_it() {
    let system = System::new("t");
    let office = Office::default();
    let pool = start(office.pool(1..=1).reset(Reset::AfterEachJob), &system).await;
    for _ in 0..3 {
        let said = pool.worker().ask(Do::Write).await.unwrap().value;
        assert_eq!(said.lines, 1, "nothing is left of the last job");
    }
    settle().await;
    let before = office.resets();
    let given_up = pool.worker().ask(Do::Hang).deadline(secs(1)).await;
    assert!(given_up.is_err());
    settle().await;
    assert_eq!(
        office.resets(),
        before + 1,
        "also of one that nobody waits for"
    );
    pool.reconfigure(pool.config().reset(Reset::AfterLease))
        .unwrap();
    pool.worker().ask(Do::Write).await.unwrap();
    assert_eq!(pool.worker().ask(Do::Write).await.unwrap().value.lines, 2);
}

#[tokio::test(start_paused = true)]
async fn c12_a_pool_that_has_ended_says_so_to_everybody() {
    let system = System::new("t");
    let pool = start(Office::default().pool(1..=1), &system).await;
    let held = pool.lease().await.unwrap();
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { pool.lease().timeout(secs(999)).await }
    });
    until(|| pool.status().waiting == 1).await;
    system.shutdown(secs(5)).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err(), LeaseError::Closed);
    assert_eq!(pool.try_lease().unwrap_err(), LeaseError::Closed);
    let refused = pool.worker().ask(Do::Say).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Transient);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn c12_a_worker_kept_beyond_its_lease_fails() {
    let system = System::new("t");
    let pool = start(Office::default().pool(1..=1), &system).await;
    let lease = pool.lease().await.unwrap();
    let kept = lease.worker();
    assert!(kept.ask(Do::Say).await.is_ok());
    drop(lease);
    let over = kept.ask(Do::Say).await.unwrap_err();
    assert_eq!(over.class(), FaultClass::Transient);
}
