use callboard::prelude::*;
use tokio::sync::oneshot;

use crate::common::{Msg, deed, hold, idle, pass, poll_once, probe, quiet, soon, system};

/// A question that is never answered.
fn unanswerable(reply_to: Reply<()>) -> Msg {
    deed(move |_, _| {
        Box::pin(async move {
            let _kept = reply_to;
            std::future::pending().await
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a6_an_ask_that_says_nothing_waits_five_seconds() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let began = system.now();
    let error = actor.ask(unanswerable).await.unwrap_err();
    assert_eq!(error.unanswered(), Some(Unanswered::Timeout));
    assert!(error.is_timeout());
    let took = system.now() - began;
    assert!(took >= secs(5) && took < ms(5_010), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a6_a_systems_own_default_holds() {
    quiet();
    let config = SystemConfig::default().ask_deadline(Some(secs(2)));
    let system = System::with("t", config);
    let actor = system.spawn(probe("a")).await.unwrap();
    let began = system.now();
    actor.ask(unanswerable).await.unwrap_err();
    let took = system.now() - began;
    assert!(took >= secs(2) && took < ms(2_010), "{took:?}");

    let patient = System::with("p", SystemConfig::default().ask_deadline(None));
    let actor = patient.spawn(probe("a")).await.unwrap();
    let mut ask = actor.ask(unanswerable);
    assert!(poll_once(&mut ask).await.is_pending());
    pass(secs(100_000)).await;
    assert!(poll_once(&mut ask).await.is_pending());
}

#[tokio::test(start_paused = true)]
async fn a6_an_asks_own_deadline_goes_before_the_default() {
    for (own, expected) in [(secs(1), secs(1)), (secs(60), secs(60)), (ms(0), ms(0))] {
        let system = system();
        let actor = system.spawn(probe("a")).await.unwrap();
        let began = system.now();
        let error = actor.ask(unanswerable).deadline(own).await.unwrap_err();
        assert_eq!(error.unanswered(), Some(Unanswered::Timeout));
        let took = system.now() - began;
        assert!(took >= expected && took < expected + ms(10), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a6_no_deadline_waits_for_ever() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let mut ask = actor.ask(unanswerable).no_deadline();
    assert!(poll_once(&mut ask).await.is_pending());
    pass(secs(1_000_000)).await;
    assert!(poll_once(&mut ask).await.is_pending());
}

#[tokio::test(start_paused = true)]
async fn a6_a_later_ask_with_an_earlier_deadline_is_not_overslept() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let mut slow = actor.ask(unanswerable).deadline(secs(50));
    assert!(poll_once(&mut slow).await.is_pending());
    idle().await;
    let began = system.now();
    actor.ask(Msg::Seen).deadline(secs(1)).await.unwrap_err();
    let took = system.now() - began;
    assert!(took >= secs(1) && took < ms(1_010), "{took:?}");
    assert!(soon(slow).await.unwrap_err().is_timeout());
}

/// An ask that is still being built.
type PlainAsk<'a> = callboard::actor::Ask<'a, Msg, (), fn(Reply<()>) -> Msg>;

/// What a nested handler saw: its deadline and how its own ask ended.
type Seen = (Option<Duration>, Option<Unanswered>);

/// `outer` asks `inner` with `ask`; returns what happened inside.
async fn nested(outer_within: Duration, ask: fn(PlainAsk<'_>) -> PlainAsk<'_>) -> Seen {
    let system = system();
    let outer = system.spawn(probe("outer")).await.unwrap();
    let inner = system.spawn(probe("inner")).await.unwrap();
    let began = system.now();
    let (tx, rx) = oneshot::channel();
    let mut asking = outer
        .ask(move |reply_to: Reply<()>| {
            deed(move |_, cx| {
                let left = cx.request().time_left(began);
                Box::pin(async move {
                    let _kept = reply_to;
                    let asked = inner.ask(unanswerable as fn(Reply<()>) -> Msg);
                    let why = ask(asked).await.unwrap_err().unanswered();
                    let _ = tx.send((left, why));
                    Ok(())
                })
            })
        })
        .deadline(outer_within);
    assert!(poll_once(&mut asking).await.is_pending());
    soon(rx).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a6_a_nested_ask_inherits_the_earlier_deadline() {
    let (left, why) = nested(secs(1), |ask| ask).await;
    assert_eq!(left, Some(secs(1)));
    assert!(why.is_some());
    let (left, why) = nested(secs(1), |ask| ask.no_deadline()).await;
    assert_eq!(left, Some(secs(1)), "not even for ever is longer");
    assert!(why.is_some());
    let (left, why) = nested(secs(30), |ask| ask.deadline(secs(2))).await;
    assert_eq!(left, Some(secs(30)));
    assert_eq!(why, Some(Unanswered::Timeout), "its own is the earlier");
}

#[tokio::test(start_paused = true)]
async fn a6_a_told_message_inherits_the_deadline_unless_it_is_detached() {
    let system = system();
    let a = system.spawn(probe("a")).await.unwrap();
    let b = system.spawn(probe("b")).await.unwrap();
    let began = system.now();
    for is_detached in [false, true] {
        let (tx, rx) = oneshot::channel();
        let look = deed(move |_, cx| {
            tx.send(cx.deadline()).unwrap();
            Box::pin(async { Ok(()) })
        });
        let b = b.clone();
        a.ask(|reply_to: Reply<()>| {
            deed(move |_, _| {
                Box::pin(async move {
                    let tell = b.tell(look);
                    let tell = if is_detached { tell.detached() } else { tell };
                    tell.await.map_err(|e| e.to_string())?;
                    reply_to.send(());
                    Ok(())
                })
            })
        })
        .deadline(secs(3))
        .await
        .unwrap();
        let expected = (!is_detached).then_some(began + secs(3));
        assert_eq!(soon(rx).await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a6_a_dropped_asker_is_seen_by_the_handler_as_cancelled() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let (tx, rx) = oneshot::channel();
    let mut ask = actor.ask(move |reply_to: Reply<()>| {
        deed(move |_, cx| {
            Box::pin(async move {
                let before = cx.is_cancelled();
                cx.request().cancelled().await;
                tx.send((before, cx.is_cancelled(), reply_to.is_closed()))
                    .unwrap();
                Ok(())
            })
        })
    });
    assert!(poll_once(&mut ask).await.is_pending());
    idle().await;
    drop(ask);
    assert_eq!(soon(rx).await.unwrap(), (false, true, true));
}

#[tokio::test(start_paused = true)]
async fn a6_an_asker_out_of_time_is_seen_as_cancelled() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let (tx, rx) = oneshot::channel();
    let ask = actor.ask(move |reply_to: Reply<()>| {
        deed(move |_, cx| {
            Box::pin(async move {
                let before = cx.is_cancelled();
                cx.request().cancelled().await;
                tx.send((before, reply_to.is_closed())).unwrap();
                Ok(())
            })
        })
    });
    assert!(ask.deadline(secs(1)).await.unwrap_err().is_timeout());
    assert_eq!(soon(rx).await.unwrap(), (false, true));
}

#[tokio::test(start_paused = true)]
async fn a6_a_message_that_was_told_is_never_cancelled() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let (tx, rx) = oneshot::channel();
    let look = deed(move |_, cx| {
        tx.send((cx.is_cancelled(), cx.deadline())).unwrap();
        Box::pin(async { Ok(()) })
    });
    actor.tell(look).await.unwrap();
    assert_eq!(soon(rx).await.unwrap(), (false, None));
}

#[tokio::test(start_paused = true)]
async fn a6_a_nested_ask_ends_when_the_outer_asker_is_gone() {
    let system = system();
    let outer = system.spawn(probe("outer")).await.unwrap();
    let inner = system.spawn(probe("inner")).await.unwrap();
    let (tx, rx) = oneshot::channel();
    let deaf = inner.clone();
    let mut ask = outer.ask(move |reply_to: Reply<()>| {
        deed(move |_, _| {
            Box::pin(async move {
                let _kept = reply_to;
                let error = deaf.ask(unanswerable).no_deadline().await.unwrap_err();
                // And a new one is not even begun.
                let second = deaf.ask(unanswerable).await.unwrap_err();
                tx.send((error.unanswered(), second.unanswered())).unwrap();
                Ok(())
            })
        })
    });
    assert!(poll_once(&mut ask).await.is_pending());
    idle().await;
    assert_eq!(inner.counts().in_hand, 1);
    let began = system.now();
    drop(ask);
    let cancelled = Some(Unanswered::Cancelled);
    assert_eq!(soon(rx).await.unwrap(), (cancelled, cancelled));
    assert_eq!(system.now(), began);
    assert_eq!(inner.counts().accepted, 1);
}

#[tokio::test(start_paused = true)]
async fn a6_work_on_another_task_inherits_only_what_it_takes_along() {
    let system = system();
    let a = system.spawn(probe("a")).await.unwrap();
    let b = system.spawn(probe("b")).await.unwrap();
    let (tx, rx) = oneshot::channel();
    let mut ask = a
        .ask(move |reply_to: Reply<()>| {
            deed(move |_, cx| {
                let request = cx.request();
                let (plain, taken) = (b.clone(), b);
                tokio::spawn(async move {
                    let _kept = reply_to;
                    let deadline = |to: ActorRef<Msg>| async move {
                        to.ask(|reply_to: Reply<bool>| {
                            deed(move |_, cx| {
                                reply_to.send(cx.deadline().is_some_and(|at| {
                                    at.saturating_duration_since(cx.now()) <= secs(2)
                                }));
                                Box::pin(async { Ok(()) })
                            })
                        })
                        .await
                        .unwrap()
                    };
                    let without = deadline(plain).await;
                    let with = request.within(deadline(taken)).await;
                    tx.send((without, with)).unwrap();
                });
                Box::pin(async { Ok(()) })
            })
        })
        .deadline(secs(2));
    assert!(poll_once(&mut ask).await.is_pending());
    assert_eq!(soon(rx).await.unwrap(), (false, true));
}

#[tokio::test(start_paused = true)]
async fn a6_a_paused_clock_jumps_although_asks_have_deadlines() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    for _ in 0..100 {
        actor.ask(Msg::Seen).await.unwrap();
    }
    let release = hold(&actor).await;
    let mut ask = actor.ask(Msg::Seen).no_deadline();
    assert!(poll_once(&mut ask).await.is_pending());
    let began = system.now();
    pass(secs(86_400)).await;
    assert_eq!(system.now() - began, secs(86_400));
    drop(release);
    soon(ask).await.unwrap();
}
