use callboard::actor::DeadReason;
use callboard::prelude::*;

use crate::common::{Msg, deed, event, hold, idle, probe, soon, system};

#[tokio::test(start_paused = true)]
async fn a8_every_way_to_lose_a_message_leaves_one_letter_with_its_reason() {
    let system = system();
    let mut events = system.events();
    let mailbox = Mailbox::bounded(3).overflow(Overflow::DropOldest);
    let spec = probe("a").mailbox(mailbox).restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let release = hold(&actor).await;
    actor.tell(Msg::Note(1)).await.unwrap();
    actor.tell(Msg::Note(2)).ttl(ms(1)).await.unwrap();
    actor.tell(Msg::panic()).await.unwrap(); // displaces 1
    actor.tell(Msg::Note(3)).await.unwrap(); // displaces 2
    idle().await;
    drop(release);
    idle().await;
    // The panic came into hand; 3 was left behind.
    soon(actor.closed()).await;
    let reasons: Vec<_> = system
        .dead_letters()
        .kept
        .into_iter()
        .map(|l| l.reason)
        .collect();
    assert_eq!(
        reasons,
        [
            DeadReason::Overflow,
            DeadReason::Overflow,
            DeadReason::Crashed("panicked: scripted panic".into()),
            DeadReason::Undelivered,
        ]
    );
    let mut published = Vec::new();
    for _ in 0..4 {
        let reason = event(&mut events, |event| match event {
            Event::DeadLetter(letter) => Some(letter.reason),
            _ => None,
        });
        published.push(reason.await);
    }
    assert_eq!(published, reasons, "a subscriber sees the same");
}

#[tokio::test(start_paused = true)]
async fn a8_a_letter_names_sender_receiver_type_number_and_time() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let sender = system.spawn(probe("sender")).await.unwrap();
    let release = hold(&actor).await;
    let to = actor.clone();
    sender
        .tell(deed(move |_, _| {
            Box::pin(async move {
                to.tell(Msg::Note(1))
                    .ttl(ms(1))
                    .await
                    .map_err(|e| e.to_string())?;
                Ok(())
            })
        }))
        .await
        .unwrap();
    crate::common::pass(ms(10)).await;
    drop(release);
    idle().await;
    let letter = system.dead_letters().kept.remove(0);
    assert_eq!(&*letter.receiver, "t/a");
    assert_eq!(letter.sender.as_deref(), Some("t/sender"));
    assert_eq!(letter.reason, DeadReason::Expired);
    assert_eq!(letter.message_type, std::any::type_name::<Msg>());
    assert_eq!(letter.seq, Some(1));
    assert!(letter.at <= system.now());
    let text = letter.to_string();
    assert!(
        text.ends_with("Msg to t/a (#1) from t/sender: expired"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a8_what_comes_back_to_its_sender_is_no_dead_letter() {
    let system = system();
    let spec = probe("a").mailbox(1).restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let release = hold(&actor).await;
    actor.try_tell(Msg::Note(1)).unwrap_err();
    actor.tell_timeout(Msg::Note(2), ms(5)).await.unwrap_err();
    drop(release);
    idle().await;
    actor.stop();
    soon(actor.closed()).await;
    actor.tell(Msg::Note(3)).await.unwrap_err();
    assert_eq!(system.dead_letters().total, 0);
}

#[tokio::test(start_paused = true)]
async fn a8_letters_told_by_a_watching_actor_cannot_run_away() {
    // An actor that sends every letter about itself back to itself, full.
    let system = system();
    let mut events = system.events();
    let mailbox = Mailbox::bounded(1).overflow(Overflow::DropNewest);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let release = hold(&actor).await;
    actor.tell(Msg::Note(1)).await.unwrap();
    for _ in 0..100 {
        event(&mut events, |event| {
            matches!(event, Event::DeadLetter(_)).then_some(())
        })
        .await;
        actor.tell(Msg::Note(2)).await.unwrap();
    }
    assert_eq!(system.dead_letters().total, 101, "one for each message");
    drop(release);
}
