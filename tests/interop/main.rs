//! ractor actors as our children, and our references as ractor's.

#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::prelude::*;
use callboard::supervision::interop::{ractor_child, to_ractor};
use callboard::testing::Probe;
use ractor::{ActorProcessingErr, ActorRef as RactorRef};
use tokio::sync::mpsc;

/// ractor's panics happen outside our actors, so the kit's hook does not know
/// them.
fn quiet_scripted() {
    std::panic::set_hook(Box::new(|info| {
        if info.payload().downcast_ref::<&str>() != Some(&"scripted") {
            eprintln!("{info}");
        }
    }));
}

/// A plain ractor actor: 0 makes it panic, 1 makes it stop.
struct Old {
    started: mpsc::UnboundedSender<RactorRef<u64>>,
}

impl ractor::Actor for Old {
    type Msg = u64;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, me: RactorRef<u64>, (): ()) -> Result<(), ActorProcessingErr> {
        self.started.send(me).expect("the test listens");
        Ok(())
    }

    async fn handle(
        &self,
        me: RactorRef<u64>,
        msg: u64,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            0 => panic!("scripted"),
            1 => me.stop(None),
            _ => {}
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_ractor_actor_that_panics_is_restarted_like_any_child() {
    quiet_scripted();
    let system = System::new("t");
    let (tx, mut started) = mpsc::unbounded_channel();
    let old = ractor_child("old", move || {
        (
            Old {
                started: tx.clone(),
            },
            (),
        )
    });
    let team = Supervisor::new("team")
        .intensity(5, secs(60))
        .child(old)
        .start(&system)
        .await
        .unwrap();

    started.recv().await.unwrap().cast(0).unwrap();
    let second = started.recv().await.unwrap();
    second.cast(1).unwrap();
    started
        .recv()
        .await
        .expect("permanent: also after a normal exit");

    let info = &team.which_children()[0];
    assert_eq!(info.restarts, 2);
}

#[tokio::test]
async fn a_ractor_child_ends_with_its_supervisor_by_whatever_means() {
    let system = System::new("t");
    let (tx, mut started) = mpsc::unbounded_channel();
    let old = ractor_child("old", move || {
        (
            Old {
                started: tx.clone(),
            },
            (),
        )
    });
    let team = Supervisor::new("team")
        .restart(Restart::Temporary)
        .child(old)
        .start(&system)
        .await
        .unwrap();
    let first = started.recv().await.unwrap();
    team.kill();
    team.closed().await;
    while !matches!(first.get_status(), ractor::ActorStatus::Stopped) {
        tokio::task::yield_now().await;
    }
    assert!(started.try_recv().is_err(), "nobody came back");
}

#[tokio::test]
async fn a_ractor_child_has_limits_of_its_own_and_may_be_significant() {
    quiet_scripted();
    let system = System::new("t");
    let old = |tx: mpsc::UnboundedSender<_>| {
        ractor_child("old", move || {
            let started = tx.clone();
            (Old { started }, ())
        })
        .restart(Restart::Transient)
    };
    let team = || Supervisor::new("team").restart(Restart::Temporary);

    let (tx, mut started) = mpsc::unbounded_channel();
    let strict = old(tx).intensity(1, secs(60)).backoff(Backoff::none());
    let strict = team().intensity(99, secs(60)).child(strict);
    let strict = strict.start(&system).await.unwrap();
    for _ in 0..2 {
        started.recv().await.unwrap().cast(0).unwrap();
    }
    let exit = strict.closed().await.to_string();
    assert_eq!(exit, "shutdown (restart intensity exceeded)");

    let (tx, mut started) = mpsc::unbounded_channel();
    let ending = team().auto_shutdown(AutoShutdown::AnySignificant);
    let ending = ending.child(old(tx).significant()).start(&system);
    let ending = ending.await.unwrap();
    started.recv().await.unwrap().cast(1).unwrap();
    let exit = ending.closed().await.to_string();
    assert_eq!(exit, "shutdown (a significant child ended)");
}

#[tokio::test]
async fn a_factory_that_panics_is_a_start_that_failed() {
    quiet_scripted();
    let system = System::new("t");
    let tries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tries);
    let broken = ractor_child::<Old>("broken", move || {
        count.fetch_add(1, SeqCst);
        panic!("scripted")
    });
    let start = Supervisor::new("team")
        .restart(Restart::Temporary)
        .child(broken)
        .start(&system)
        .await;
    assert!(matches!(start, Err(StartError::Failed(_))), "{start:?}");
    assert_eq!(tries.load(SeqCst), 1);
}

#[tokio::test]
async fn a_reference_turned_into_a_ractor_one_passes_messages_on() {
    let system = System::new("t");
    let mut probe = Probe::<u64>::start(&system, "probe").await.unwrap();
    let ractor_ref = to_ractor(probe.actor()).await.unwrap();
    ractor_ref.cast(42).unwrap();
    assert_eq!(probe.next().await, 42);
}
