//! Everything at once: nothing is lost, and every lease comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use callboard::policy::choice::Dispatch;
use callboard::prelude::*;
use callboard::testing::{assert_conserved, quiet_panics};

use crate::common::Do;

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

async fn one(pool: &PoolRef<crate::common::Scribe>, seed: &mut u64) -> bool {
    match next(seed) % 8 {
        0..=2 => pool.worker().ask(Do::Write).await.is_ok(),
        3 => pool.worker().ask(Do::Crash).await.is_ok(),
        4 => pool.try_lease().is_ok(),
        5 => match pool.lease().await {
            Ok(lease) => lease.ask(Do::Write).await.is_ok(),
            Err(_) => false,
        },
        6 => {
            // Gives up somewhere on the way.
            let lease = pool.lease();
            let given_up = tokio::time::timeout(Duration::ZERO, async { lease.await.is_ok() });
            given_up.await.unwrap_or(false)
        }
        _ => match pool.lease().await {
            Ok(lease) => {
                lease.taint();
                true
            }
            Err(_) => false,
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn c12_whatever_happens_at_once_nothing_is_lost() {
    quiet_panics();
    for seed in 0..4_u64 {
        println!("seed {seed}");
        let system = System::with("t", SystemConfig::default().seed(seed));
        let by = [
            Dispatch::LeastLoaded,
            Dispatch::MostRecent,
            Dispatch::TwoChoices,
            Dispatch::Random,
        ];
        let pool = crate::common::Office::default()
            .pool(2..=6)
            .dispatch(by[seed as usize])
            .overflow(Overflow::Block)
            .intensity(9_000, secs(1))
            .start(&system)
            .await
            .unwrap();
        let done = Arc::new(AtomicU64::new(0));
        let mut callers = Vec::new();
        for caller in 0..8 {
            let (pool, done) = (pool.clone(), Arc::clone(&done));
            callers.push(tokio::spawn(async move {
                let mut state = seed * 1_000 + caller;
                for _ in 0..100 {
                    one(&pool, &mut state).await;
                    done.fetch_add(1, SeqCst);
                }
            }));
        }
        let mut state = seed;
        while done.load(SeqCst) < 800 {
            let min = (next(&mut state) % 4) as usize;
            pool.resize(min..=min + 1 + (next(&mut state) % 4) as usize)
                .unwrap();
            tokio::task::yield_now().await;
        }
        for caller in callers {
            caller.await.unwrap();
        }
        pool.resize(3..=3).unwrap();
        let patience = tokio::time::timeout(secs(20), async {
            while (pool.status().available, pool.members().count().active) != (3, 3) {
                tokio::task::yield_now().await;
            }
        });
        patience
            .await
            .unwrap_or_else(|_| panic!("{:?}", pool.status()));
        let status = pool.status();
        assert_eq!((status.size, status.jobs, status.busy), (3, 0, 0));
        assert_eq!((status.leases, status.waiting), (0, 0));
        pool.worker().ask(Do::Say).await.unwrap();
        let report = system.shutdown(secs(20)).await.unwrap();
        assert!(report.unfinished.is_empty(), "{report:?}");
        assert_conserved(&system);
    }
}
