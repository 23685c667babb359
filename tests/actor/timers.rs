use callboard::prelude::*;

use crate::common::{Msg, deed, hold, idle, pass, probe, system};

#[tokio::test(start_paused = true)]
async fn a9_send_after_sends_once_and_not_before() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    actor
        .tell(deed(|_, cx| {
            cx.send_after(secs(10), Msg::Note(1));
            Box::pin(async { Ok(()) })
        }))
        .await
        .unwrap();
    pass(ms(9_990)).await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [0; 0]);
    pass(ms(20)).await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
    pass(secs(100)).await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a9_send_every_sends_at_each_period_until_it_is_cancelled() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    actor
        .tell(deed(|_, cx| {
            let timer = cx.send_every(secs(1), || Msg::Note(1));
            cx.send_after(
                ms(3_500),
                deed(move |_, cx| {
                    cx.cancel(timer);
                    Box::pin(async { Ok(()) })
                }),
            );
            Box::pin(async { Ok(()) })
        }))
        .await
        .unwrap();
    pass(ms(500)).await;
    assert_eq!(
        actor.ask(Msg::Seen).await.unwrap(),
        [0; 0],
        "first after a period"
    );
    pass(ms(1_000)).await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1]);
    pass(secs(100)).await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a9_a_cancelled_timer_does_not_fire() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    actor
        .tell(deed(|_, cx| {
            let timer = cx.send_after(secs(1), Msg::Note(1));
            cx.cancel(timer);
            Box::pin(async { Ok(()) })
        }))
        .await
        .unwrap();
    pass(secs(10)).await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a9_timers_and_tasks_end_with_their_incarnation() {
    for end in [Msg::panic, Msg::fail, || Msg::exit(Exit::Normal)] {
        let system = system();
        let actor = system.spawn(probe("a")).await.unwrap();
        actor
            .tell(deed(|_, cx| {
                cx.send_after(secs(2), Msg::Note(1));
                cx.send_every(secs(1), || Msg::Note(2));
                let me = cx.myself();
                cx.run(async move {
                    pass(secs(1)).await;
                    let _ = me.tell(Msg::Note(3)).await;
                });
                Box::pin(async { Ok(()) })
            }))
            .await
            .unwrap();
        actor.tell(end()).await.unwrap();
        pass(secs(10)).await;
        assert_eq!(actor.incarnation(), 1);
        assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [0; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a9_ticks_that_find_the_mailbox_full_are_skipped() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(3)).await.unwrap();
    actor
        .tell(deed(|_, cx| {
            cx.send_every(secs(1), || Msg::Note(1));
            Box::pin(async { Ok(()) })
        }))
        .await
        .unwrap();
    let release = hold(&actor).await;
    pass(ms(50_500)).await;
    assert_eq!(actor.counts().queued, 2, "no more than there is room for");
    drop(release);
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 1]);
    pass(secs(1)).await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap().len(), 3, "it ticks on");
}

#[tokio::test(start_paused = true)]
async fn a9_a_timer_waits_for_room_where_it_must_not_be_lost() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let (release, gate) = tokio::sync::oneshot::channel::<()>();
    actor
        .tell(deed(|_, cx| {
            cx.send_after(secs(1), Msg::Note(1));
            cx.send_after(secs(2), Msg::Note(2));
            Box::pin(async move {
                let _ = gate.await;
                Ok(())
            })
        }))
        .await
        .unwrap();
    pass(secs(10)).await;
    drop(release);
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a9_blocking_work_is_waited_for_and_its_panic_goes_on() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    actor
        .tell(deed(|me, cx| {
            Box::pin(async {
                let n = cx.blocking(|| 6 * 7).await;
                me.seen.push(n);
                Ok(())
            })
        }))
        .await
        .unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [42]);
    actor
        .tell(deed(|_, cx| {
            Box::pin(async {
                cx.blocking(|| panic!("scripted panic")).await;
                Ok(())
            })
        }))
        .await
        .unwrap();
    assert_eq!(actor.ask(Msg::Life).await.unwrap(), 1);
}
