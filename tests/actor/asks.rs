use callboard::prelude::*;
use tokio::sync::oneshot;

use crate::common::{Msg, deed, hold, idle, poll_once, probe, soon, system};

/// What a circle of asks is reported as.
async fn circle(names: &[&'static str]) -> String {
    let system = system();
    let mut actors = Vec::new();
    for name in names {
        actors.push(system.spawn(probe(name)).await.unwrap());
    }
    // Each asks the next, and the last one the first.
    let first = actors[0].clone();
    let (tx, rx) = oneshot::channel();
    let mut rest = actors.split_off(1);
    rest.push(first.clone());
    first.tell(ask_next(rest, tx, None)).await.unwrap();
    soon(rx).await.unwrap()
}

fn ask_next(
    mut path: Vec<ActorRef<Msg>>,
    report: oneshot::Sender<String>,
    reply_to: Option<Reply<()>>,
) -> Msg {
    deed(move |_, _| {
        Box::pin(async move {
            let next = path.remove(0);
            if path.is_empty() {
                let error = next.ask(Msg::Seen).await.unwrap_err();
                match error {
                    AskError::Cycle {
                        path,
                        msg: Msg::Seen(_),
                    } => report.send(path).unwrap(),
                    other => panic!("a cycle with the question: {other:?}"),
                }
            } else {
                let asked = next.ask(|reply_to| ask_next(path, report, Some(reply_to)));
                asked.await.map_err(|error| error.to_string())?;
            }
            if let Some(reply_to) = reply_to {
                reply_to.send(());
            }
            Ok(())
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a6_a_circle_of_asks_is_an_error_that_names_the_path() {
    assert_eq!(circle(&["a", "b"]).await, "t/a -> t/b -> t/a");
    assert_eq!(circle(&["a", "b", "c"]).await, "t/a -> t/b -> t/c -> t/a");
}

#[tokio::test(start_paused = true)]
async fn a6_an_actor_that_asks_itself_is_a_circle_too() {
    assert_eq!(circle(&["a"]).await, "t/a -> t/a");
}

#[tokio::test(start_paused = true)]
async fn a6_an_ask_back_to_one_that_only_told_is_no_circle() {
    let system = system();
    let a = system.spawn(probe("a")).await.unwrap();
    let b = system.spawn(probe("b")).await.unwrap();
    let (tx, rx) = oneshot::channel();
    let back = {
        let a = a.clone();
        deed(move |_, _| {
            Box::pin(async move {
                let seen = a.ask(Msg::Seen).await.map_err(|e| e.to_string())?;
                tx.send(seen).unwrap();
                Ok(())
            })
        })
    };
    // Asked, so that there is a request in force, and then told.
    let told: () = a
        .ask(|reply_to: Reply<()>| {
            deed(move |_, _| {
                Box::pin(async move {
                    b.tell(back).await.map_err(|e| e.to_string())?;
                    reply_to.send(());
                    Ok(())
                })
            })
        })
        .await
        .unwrap();
    assert_eq!(told, ());
    assert_eq!(soon(rx).await.unwrap(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a6_a_callee_that_crashes_fails_its_ask_at_once() {
    for how in ["panic", "kill"] {
        let system = system();
        let actor = system.spawn(probe("a")).await.unwrap();
        let began = system.now();
        let mut ask = actor.ask(|reply_to: Reply<()>| {
            deed(move |_, _| {
                Box::pin(async move {
                    let _kept = reply_to;
                    if how == "kill" {
                        std::future::pending::<()>().await;
                    }
                    panic!("scripted panic")
                })
            })
        });
        assert!(poll_once(&mut ask).await.is_pending());
        let behind = tokio::spawn({
            let actor = actor.clone();
            async move { actor.ask(Msg::Life).await }
        });
        if how == "kill" {
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            actor.kill();
        }
        let error = soon(ask).await.unwrap_err();
        assert_eq!(error.unanswered(), Some(Unanswered::Crashed), "{how}");
        // What was queued behind it is answered by the next life.
        assert_eq!(soon(behind).await.unwrap().unwrap(), 1, "{how}");
        assert_eq!(system.now(), began, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a6_a_callee_that_fails_fails_its_ask_at_once() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let began = system.now();
    let ask = actor.ask(|reply_to: Reply<()>| {
        deed(move |_, _| {
            Box::pin(async move {
                let _kept = reply_to;
                Err("scripted failure".into())
            })
        })
    });
    assert!(soon(ask).await.unwrap_err().unanswered().is_some());
    assert_eq!(system.now(), began);
}

/// Keeps every question it is asked.
struct Hoarder(Vec<Reply<()>>);

enum Hoard {
    Keep(Reply<()>),
    Crash,
}

impl Actor for Hoarder {
    type Msg = Hoard;

    async fn handle(&mut self, msg: Hoard, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Hoard::Keep(reply_to) => self.0.push(reply_to),
            Hoard::Crash => panic!("scripted panic"),
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a6_questions_kept_in_the_state_fail_with_the_incarnation() {
    let table = [
        ("panic", Unanswered::Crashed),
        ("kill", Unanswered::Crashed),
        ("stop", Unanswered::Stopped),
    ];
    for (how, why) in table {
        let system = system();
        let spec = ChildSpec::new("hoarder", || Hoarder(Vec::new()));
        let actor = system.spawn(spec).await.unwrap();
        let mut ask = actor.ask(Hoard::Keep);
        assert!(poll_once(&mut ask).await.is_pending());
        idle().await;
        assert!(poll_once(&mut ask).await.is_pending());
        let began = system.now();
        match how {
            "panic" => actor.tell(Hoard::Crash).await.unwrap(),
            "kill" => actor.kill(),
            _ => actor.stop(),
        }
        let error = soon(ask).await.unwrap_err();
        assert_eq!(error.unanswered(), Some(why), "{how}");
        assert_eq!(system.now(), began, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a6_of_several_answers_the_first_wins() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let answer = actor
        .ask(|reply_to: Reply<u32>| {
            deed(move |_, _| {
                let second = reply_to.clone();
                reply_to.send(1);
                assert!(second.is_closed());
                assert_eq!(second.try_send(2), Err(2));
                Box::pin(async { Ok(()) })
            })
        })
        .await;
    assert_eq!(answer.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a6_the_last_clone_of_a_reply_to_go_fails_the_ask() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let (tx, rx) = oneshot::channel::<Reply<u32>>();
    let mut ask = actor.ask(|reply_to: Reply<u32>| {
        deed(move |_, _| {
            let _ = tx.send(reply_to.clone());
            drop(reply_to);
            Box::pin(async { Ok(()) })
        })
    });
    assert!(poll_once(&mut ask).await.is_pending());
    let last = soon(rx).await.unwrap();
    idle().await;
    assert!(poll_once(&mut ask).await.is_pending(), "one clone is left");
    let began = system.now();
    drop(last);
    let error = soon(ask).await.unwrap_err();
    assert_eq!(error.unanswered(), Some(Unanswered::NoReply));
    assert_eq!(system.now(), began);
}

#[tokio::test(start_paused = true)]
async fn a6_a_reply_can_be_sent_from_any_task_after_the_handler() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let answer = actor.ask(|reply_to: Reply<u32>| {
        deed(move |_, cx| {
            cx.run(async move {
                tokio::time::sleep(secs(1)).await;
                reply_to.send(3);
            });
            Box::pin(async { Ok(()) })
        })
    });
    assert_eq!(soon(answer).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn a6_asking_all_gives_each_its_own_outcome_in_order() {
    let system = system();
    let mut actors = Vec::new();
    for name in ["a", "b", "c"] {
        let spec = probe(name).restart(Restart::Temporary);
        actors.push(system.spawn(spec).await.unwrap());
    }
    actors[0].tell(Msg::Note(1)).await.unwrap();
    actors[2].tell(Msg::Note(3)).await.unwrap();
    actors[1].stop();
    soon(actors[1].closed()).await;
    // The first is the slowest.
    let release = hold(&actors[0]).await;
    let asking = tokio::spawn({
        let actors = actors.clone();
        async move { callboard::actor::ask_all(&actors, Msg::Seen).await }
    });
    idle().await;
    drop(release);
    let answers = soon(asking).await.unwrap();
    assert_eq!(answers[0].as_deref().unwrap(), [1]);
    assert!(matches!(answers[1], Err(AskError::Closed(_))));
    assert_eq!(answers[2].as_deref().unwrap(), [3]);
    assert!(ask_all::<Msg, Vec<u64>, _>([], Msg::Seen).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a6_a_correlation_id_travels_with_what_is_asked_and_told() {
    let system = system();
    let a = system.spawn(probe("a")).await.unwrap();
    let b = system.spawn(probe("b")).await.unwrap();
    let (tx, rx) = oneshot::channel();
    let look = deed(move |_, cx| {
        let request = cx.request();
        tx.send((request.correlation(), request.sender())).unwrap();
        Box::pin(async { Ok(()) })
    });
    a.tell(deed(move |_, _| {
        Box::pin(async move {
            b.tell(look).await.map_err(|e| e.to_string())?;
            Ok(())
        })
    }))
    .correlation(42)
    .await
    .unwrap();
    assert_eq!(soon(rx).await.unwrap(), (Some(42), Some("t/a".to_owned())));
}
