use callboard::actor::NotAdmitted;
use callboard::prelude::*;

use crate::common::{Msg, Probe, Script, Step, Trace, idle, pass, probe, soon, system};

fn capable(name: &'static str, of: &str) -> ChildSpec<Probe> {
    Script::new(name, &Trace::default()).capable(of).spec()
}

/// The typed reason of a refused start.
fn not_admitted(refused: StartError) -> NotAdmitted {
    match refused {
        StartError::Failed(Exit::Failed(error)) => error
            .downcast_ref::<NotAdmitted>()
            .expect("not admitted")
            .clone(),
        other => panic!("it did not start: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a10_an_actor_is_found_by_name_group_and_capability() {
    let system = system();
    let spec = capable("a", "translate").register_as("desk").group("night");
    let a = system.spawn(spec).await.unwrap();
    let b = system
        .spawn(probe("b").group("night").group("day"))
        .await
        .unwrap();
    assert_eq!(system.find::<Msg>("desk"), Some(a.clone()));
    assert_eq!(system.find::<Msg>("a"), None, "its name is not its listing");
    assert_eq!(system.group::<Msg>("night"), [a.clone(), b.clone()]);
    assert_eq!(system.group::<Msg>("day"), [b]);
    assert_eq!(system.capable::<Msg>("translate"), [a]);
    assert!(system.capable::<Msg>("sing").is_empty());
    assert_eq!(system.find::<u32>("desk"), None, "of another type");
    let listings = system.listings();
    assert_eq!(listings.len(), 2);
    assert_eq!(listings[0].path, "t/a");
    assert_eq!(listings[0].name.as_deref(), Some("desk"));
}

#[tokio::test(start_paused = true)]
async fn a10_an_actor_is_not_found_before_it_is_ready() {
    let system = system();
    let spec = Script::new("a", &Trace::default())
        .starts([Step::After(secs(1))])
        .spec()
        .register_as("desk");
    let spawning = tokio::spawn({
        let system = system.clone();
        async move { system.spawn(spec).await }
    });
    idle().await;
    assert_eq!(system.find::<Msg>("desk"), None);
    soon(spawning).await.unwrap().unwrap();
    assert!(system.find::<Msg>("desk").is_some());
}

#[tokio::test(start_paused = true)]
async fn a10_a_missing_capability_refuses_the_start() {
    let system = system();
    let spec = capable("a", "read")
        .expect_capability("read")
        .expect_capability("write")
        .register_as("desk");
    let refused = system.spawn(spec).await.unwrap_err();
    assert_eq!(
        not_admitted(refused),
        NotAdmitted::MissingCapabilities(vec!["write".into()])
    );
    assert_eq!(system.find::<Msg>("desk"), None);
    assert!(system.listings().is_empty());
    let spec = capable("a", "read").expect_capability("read");
    system.spawn(spec).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a10_a_name_that_is_taken_refuses_the_start() {
    let system = system();
    let a = system.spawn(probe("a").register_as("desk")).await.unwrap();
    let refused = system
        .spawn(probe("b").register_as("desk"))
        .await
        .unwrap_err();
    let expected = NotAdmitted::NameTaken {
        name: "desk".into(),
        owner: "t/a".to_owned(),
    };
    assert_eq!(not_admitted(refused), expected);
    assert_eq!(system.find::<Msg>("desk"), Some(a));
}

#[tokio::test(start_paused = true)]
async fn a10_entries_vanish_with_the_actor_and_the_name_is_free() {
    for how in ["stop", "kill", "panic"] {
        let system = system();
        let spec = capable("a", "translate")
            .register_as("desk")
            .group("night")
            .restart(Restart::Temporary);
        let a = system.spawn(spec).await.unwrap();
        match how {
            "stop" => a.stop(),
            "kill" => a.kill(),
            _ => a.tell(Msg::panic()).await.unwrap(),
        }
        soon(a.closed()).await;
        assert_eq!(system.find::<Msg>("desk"), None, "{how}");
        assert!(system.group::<Msg>("night").is_empty(), "{how}");
        assert!(system.capable::<Msg>("translate").is_empty(), "{how}");
        assert!(system.listings().is_empty(), "{how}");
        let b = system.spawn(probe("b").register_as("desk")).await.unwrap();
        assert_eq!(system.find::<Msg>("desk"), Some(b), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a10_entries_stay_over_a_restart() {
    let system = system();
    let spec = Script::new("a", &Trace::default())
        .starts([Step::Ok, Step::After(secs(1))])
        .spec()
        .register_as("desk")
        .group("night");
    let a = system.spawn(spec).await.unwrap();
    a.tell(Msg::panic()).await.unwrap();
    idle().await;
    assert_eq!(system.find::<Msg>("desk"), Some(a.clone()), "meanwhile");
    let refused = system.spawn(probe("b").register_as("desk")).await;
    assert!(refused.is_err(), "nobody takes the name meanwhile");
    pass(secs(2)).await;
    assert_eq!(a.incarnation(), 1);
    assert_eq!(system.find::<Msg>("desk"), Some(a.clone()));
    assert_eq!(system.group::<Msg>("night"), [a]);
}

/// Refuses its health check.
struct Sick;

impl Actor for Sick {
    type Msg = ();

    async fn handle(&mut self, (): (), _cx: &mut Context<Self>) -> Result<(), BoxError> {
        Ok(())
    }

    async fn check(&mut self, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        Err("scripted sickness".into())
    }
}

#[tokio::test(start_paused = true)]
async fn a10_a_failed_health_check_refuses_the_start() {
    let system = system();
    let spec = ChildSpec::new("sick", || Sick).register_as("desk");
    let refused = system.spawn(spec).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "it did not start: failed: scripted sickness"
    );
    assert_eq!(system.find::<()>("desk"), None);
}

/// Able in some of its lives only, and slow to find out.
struct Moody {
    is_capable: bool,
    is_well: bool,
}

impl Actor for Moody {
    type Msg = ();

    async fn handle(&mut self, (): (), _cx: &mut Context<Self>) -> Result<(), BoxError> {
        Err("scripted failure".into())
    }

    async fn check(&mut self, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        tokio::time::sleep(secs(1)).await;
        if self.is_well {
            return Ok(());
        }
        Err("scripted sickness".into())
    }

    fn capabilities(&self) -> Vec<std::sync::Arc<str>> {
        let can = self.is_capable.then(|| "read".into());
        can.into_iter().collect()
    }
}

#[tokio::test(start_paused = true)]
async fn b8_an_actor_is_verified_before_it_is_ready_in_each_of_its_lives() {
    let system = system();
    let lives = std::sync::atomic::AtomicUsize::new(0);
    let spec = ChildSpec::new("moody", move || {
        let life = lives.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Moody {
            is_capable: life != 1,
            is_well: life != 2,
        }
    })
    .expect_capability("read")
    .register_as("desk");
    let actor = spec.actor_ref();
    let spawning = tokio::spawn({
        let system = system.clone();
        async move { system.spawn(spec).await }
    });
    idle().await;
    assert_eq!(system.find::<()>("desk"), None, "it is being checked");
    assert_eq!(actor.state(), Lifecycle::Initializing);
    soon(spawning).await.unwrap().unwrap();
    assert_eq!(system.find::<()>("desk").as_ref(), Some(&actor));
    assert_eq!(system.capable::<()>("read").len(), 1);
    let mut watch = actor.watch_state();
    actor.tell(()).await.unwrap();
    actor.tell(()).await.unwrap();
    pass(ms(2_500)).await;
    assert_eq!(actor.incarnation(), 3, "two starts were refused");
    assert_eq!(actor.counts().queued, 1, "nothing is handled meanwhile");
    assert_eq!(actor.state(), Lifecycle::Error);
    pass(secs(1)).await;
    let states: Vec<_> = std::iter::from_fn(|| watch.try_next())
        .map(|change| change.to_string())
        .collect();
    assert_eq!(
        states,
        ["ready -> error", "error -> ready", "ready -> error"],
        "ready once more, and then the second message"
    );
}

#[tokio::test(start_paused = true)]
async fn a1_a_name_whose_actor_was_not_needed_is_free_again() {
    struct Idler;
    impl Actor for Idler {
        type Msg = ();
        async fn start(&mut self, _cx: &mut Context<Self>) -> Result<Started, BoxError> {
            Ok(Started::Ignore)
        }
        async fn handle(&mut self, (): (), _cx: &mut Context<Self>) -> Result<(), BoxError> {
            Ok(())
        }
    }
    let system = System::new("t");
    for _ in 0..2 {
        let refused = system.spawn(ChildSpec::new("idler", || Idler)).await;
        assert!(matches!(refused, Err(StartError::Ignored)), "{refused:?}");
    }
}
