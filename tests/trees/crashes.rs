//! Crashing all at once, in the wrong place, and again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use callboard::prelude::*;
use tokio::task::JoinSet;

use crate::common::{idle, pass, soon, system};
use crate::{Census, Habit, Leaf, Msg, patient, team};

async fn all_crash_at_once(strategy: Strategy) -> (Census, System, SupervisorRef) {
    let (system, census) = (system(), Census::default());
    let specs: Vec<_> = (0..1_000)
        .map(|n| census.leaf(format!("leaf-{n}")))
        .collect();
    let leaves: Vec<_> = specs.iter().map(ChildSpec::actor_ref).collect();
    let crowd = specs
        .into_iter()
        .fold(team().strategy(strategy), Supervisor::child);
    let crowd = crowd.start(&system).await.unwrap();
    for leaf in &leaves {
        leaf.try_tell(Msg::Panic).unwrap();
    }
    idle().await;
    for leaf in &leaves {
        assert_eq!(soon(leaf.ask(Msg::Noted)).await.unwrap(), 0);
        assert!(leaf.incarnation() >= 1);
    }
    assert_eq!(crowd.count().active, 1_000);
    (census, system, crowd)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_that_crash_at_once_come_back_one_for_one() {
    let (census, system, crowd) = all_crash_at_once(Strategy::OneForOne).await;
    assert_eq!((crowd.count().restarts, census.births()), (1_000, 2_000));
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_that_crash_at_once_come_back_one_for_all() {
    let (census, system, crowd) = all_crash_at_once(Strategy::OneForAll).await;
    assert!((1..=1_000).contains(&crowd.count().restarts));
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_that_crash_at_once_come_back_rest_for_one() {
    let (census, system, crowd) = all_crash_at_once(Strategy::RestForOne).await;
    assert!((1..=1_000).contains(&crowd.count().restarts));
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_destructor_that_panics_is_a_crash_and_no_more() {
    let (system, census) = (system(), Census::default());
    let odd = census.odd("odd", Habit::PanicsInDrop);
    let (calm, other) = (census.leaf("calm"), odd.actor_ref());
    let (calm_ref, team) = (calm.actor_ref(), team().child(odd).child(calm));
    let team = team.start(&system).await.unwrap();
    // Crashed: the destructor runs after the unwinding.
    other.tell(Msg::Panic).await.unwrap();
    assert_eq!(other.ask(Msg::Noted).await.unwrap(), 0);
    // Left: it is permanent, so it comes back.
    other.tell(Msg::Leave).await.unwrap();
    idle().await;
    assert_eq!(other.ask(Msg::Noted).await.unwrap(), 0);
    assert_eq!((other.incarnation(), calm_ref.incarnation()), (2, 0));
    // Stopped: the supervisor's end is not disturbed.
    team.stop();
    soon(team.closed()).await;
    census.assert_over(&system);
    census.shut_down(&system).await;
}

/// Its factory panics in the lives that are named.
fn unborn(census: &Census, lives: &'static [usize]) -> ChildSpec<Leaf> {
    let (census, life) = (census.clone(), AtomicUsize::new(0));
    ChildSpec::new("unborn", move || {
        if lives.contains(&life.fetch_add(1, SeqCst)) {
            panic!("scripted factory");
        }
        Leaf::new(census.clone(), "unborn".into(), Habit::Calm)
    })
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_panics_at_the_first_start_undoes_the_start() {
    let (system, census) = (system(), Census::default());
    let team = team()
        .child(census.leaf("before"))
        .child(unborn(&census, &[0]));
    let refused = team.start(&system).await.unwrap_err();
    assert!(
        refused.to_string().contains("scripted factory"),
        "{refused}"
    );
    assert_eq!(census.alive(), 0, "who was up is stopped again");
    let dynamic = Supervisor::dynamic("crowd").start(&system).await.unwrap();
    let refused = dynamic
        .start_child(unborn(&census, &[0]))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StartError::Failed(Exit::Panicked(_))),
        "{refused}"
    );
    assert_eq!(dynamic.count().specs, 0);
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_panics_at_a_restart_is_tried_again_and_counted() {
    let (system, census) = (system(), Census::default());
    let spec = unborn(&census, &[1, 2]);
    let child = spec.actor_ref();
    let team = team().child(spec).start(&system).await.unwrap();
    child.tell(Msg::Panic).await.unwrap();
    assert_eq!(soon(child.ask(Msg::Noted)).await.unwrap(), 0);
    assert_eq!((team.count().restarts, census.births()), (3, 2));
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_always_panics_at_restarts_ends_the_supervisor() {
    let (system, census) = (system(), Census::default());
    let spec = unborn(&census, &[1, 2, 3, 4, 5, 6]);
    let child = spec.actor_ref();
    let team = team()
        .intensity(4, secs(60))
        .child(census.leaf("sibling"))
        .child(spec);
    let team = team.start(&system).await.unwrap();
    child.tell(Msg::Panic).await.unwrap();
    soon(team.closed()).await;
    assert_eq!(census.births(), 2);
    census.assert_over(&system);
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_killed_in_the_middle_of_a_group_restart_comes_back_whole() {
    let (system, census) = (system(), Census::default());
    let slow = Habit::TakesToStart(secs(1));
    let specs = ["a", "b", "c", "d"].map(|name| census.odd(name, slow));
    let leaves = specs.each_ref().map(ChildSpec::actor_ref);
    let inner = specs.into_iter().fold(
        patient("inner").strategy(Strategy::OneForAll),
        Supervisor::child,
    );
    let team = team().start(&system).await.unwrap();
    let inner = team.start_supervisor(inner).await.unwrap();
    // At every stage of it: while they stop, while the first starts, later.
    for stage in [ms(0), ms(500), ms(1_500), ms(2_000), ms(3_999)] {
        let before = inner.incarnation();
        leaves[1].tell(Msg::Panic).await.unwrap();
        idle().await;
        pass(stage).await;
        inner.kill();
        pass(secs(10)).await;
        assert_eq!(inner.incarnation(), before + 1);
        for leaf in &leaves {
            assert_eq!(soon(leaf.ask(Msg::Noted)).await.unwrap(), 0);
        }
        assert_eq!(census.alive(), 4);
    }
    assert_eq!(team.count().restarts, 5);
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_messages_during_restarts_loses_none() {
    const TELLERS: u64 = 8;
    const MESSAGES: u64 = 2_000;
    let (system, census) = (system(), Census::default());
    let specs: Vec<_> = (0..5)
        .map(|n| census.leaf(format!("leaf-{n}")).mailbox(4))
        .collect();
    let leaves: Arc<[_]> = specs.iter().map(ChildSpec::actor_ref).collect();
    let crowd = specs
        .into_iter()
        .fold(team().strategy(Strategy::RestForOne), Supervisor::child);
    let crowd = crowd.start(&system).await.unwrap();
    let mut tellers = JoinSet::new();
    for teller in 0..TELLERS {
        let leaves = Arc::clone(&leaves);
        tellers.spawn(async move {
            for n in 0..MESSAGES {
                let to = &leaves[((n + teller) % 5) as usize];
                let msg = if n % 100 == teller {
                    Msg::Panic
                } else {
                    Msg::Note
                };
                to.tell(msg).await.expect("its mailbox outlives it");
            }
        });
    }
    soon(tellers.join_all()).await;
    for leaf in &*leaves {
        soon(leaf.ask(Msg::Noted)).await.unwrap();
    }
    let counts = system.counts();
    let panics = TELLERS * MESSAGES / 100;
    assert_eq!(counts.failed, panics, "{counts}");
    assert_eq!(counts.handled, TELLERS * MESSAGES - panics + 5, "{counts}");
    assert!(crowd.count().restarts <= panics);
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_meets_a_group_restart_is_answered_when_the_child_is_up() {
    let (system, census) = (system(), Census::default());
    let fragile = census.leaf("fragile");
    let fragile_ref = fragile.actor_ref();
    let team = team().strategy(Strategy::OneForAll).child(fragile);
    let team = team.start(&system).await.unwrap();
    let newcomer = census.odd("newcomer", Habit::TakesToStart(secs(1)));
    let starting = tokio::spawn({
        let team = team.clone();
        async move { team.start_child(newcomer).await }
    });
    pass(ms(500)).await;
    fragile_ref.tell(Msg::Panic).await.unwrap();
    let newcomer = soon(starting).await.unwrap().unwrap().expect("it is up");
    assert_eq!(soon(newcomer.ask(Msg::Noted)).await.unwrap(), 0);
    assert_eq!((team.count().active, census.births()), (2, 4));
    census.shut_down(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_temporary_child_that_meets_a_group_restart_at_its_start_is_refused() {
    let (system, census) = (system(), Census::default());
    let fragile = census.leaf("fragile");
    let fragile_ref = fragile.actor_ref();
    let team = team().strategy(Strategy::OneForAll).child(fragile);
    let team = team.start(&system).await.unwrap();
    let newcomer = census.odd("newcomer", Habit::TakesToStart(secs(1)));
    let starting = tokio::spawn({
        let team = team.clone();
        async move { team.start_child(newcomer.restart(Restart::Temporary)).await }
    });
    pass(ms(500)).await;
    fragile_ref.tell(Msg::Panic).await.unwrap();
    let refused = soon(starting).await.unwrap().unwrap_err();
    assert!(matches!(refused, StartError::Failed(_)), "{refused}");
    idle().await;
    assert_eq!((team.count().specs, census.alive()), (1, 1));
    census.shut_down(&system).await;
}
