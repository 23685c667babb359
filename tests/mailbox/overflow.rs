use callboard::actor::{DeadLetter, DeadReason};
use callboard::prelude::*;

use crate::common::{Msg, deed, hold, idle, probe, system};

/// Lets `from` tell `to` these notes, one after another, from its handler.
async fn tell_from(from: &ActorRef<Msg>, to: &ActorRef<Msg>, notes: &[u64]) {
    let (to, notes) = (to.clone(), notes.to_vec());
    from.tell(deed(move |_, _| {
        Box::pin(async move {
            for n in notes {
                to.tell(Msg::Note(n)).await?;
            }
            Ok(())
        })
    }))
    .await
    .unwrap();
    idle().await;
}

fn overflows(system: &System) -> Vec<DeadLetter> {
    let letters = system.dead_letters().kept;
    assert!(letters.iter().all(|l| l.reason == DeadReason::Overflow));
    letters
}

#[tokio::test(start_paused = true)]
async fn mb_10_drop_newest_keeps_the_old_and_dead_letters_the_new() {
    let system = system();
    let mailbox = Mailbox::bounded(3).overflow(Overflow::DropNewest);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let sender = system.spawn(probe("sender")).await.unwrap();
    let release = hold(&actor).await;
    tell_from(&sender, &actor, &[1, 2, 3]).await;

    let letters = overflows(&system);
    assert_eq!(letters.len(), 1);
    assert_eq!(&*letters[0].receiver, "t/a");
    assert_eq!(letters[0].sender.as_deref(), Some("t/sender"));
    assert_eq!(letters[0].seq, Some(3), "the number it would have had");
    assert!(letters[0].message_type.ends_with("Msg"));
    drop(release);
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 2]);
    idle().await;
    let counts = actor.counts();
    assert_eq!((counts.rejected, counts.displaced), (1, 0));
    assert_eq!(counts.accepted, 4, "never accepted: hold, 1, 2 and the ask");
    assert!(counts.is_conserved());
}

#[tokio::test(start_paused = true)]
async fn mb_11_drop_oldest_keeps_the_new_and_dead_letters_the_old() {
    let system = system();
    let mailbox = Mailbox::bounded(3).overflow(Overflow::DropOldest);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let release = hold(&actor).await;
    for n in 1..=3 {
        actor.tell(Msg::Note(n)).await.unwrap();
    }
    let letters = overflows(&system);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].seq, Some(1), "the first after the one in hand");
    drop(release);
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [2, 3]);
    idle().await;
    let counts = actor.counts();
    assert_eq!((counts.rejected, counts.displaced), (0, 1));
    assert!(counts.is_conserved());
}

#[tokio::test(start_paused = true)]
async fn mb_11_drop_oldest_with_everything_in_hand_drops_the_newcomer() {
    let system = system();
    let mailbox = Mailbox::bounded(1).overflow(Overflow::DropOldest);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let release = hold(&actor).await;
    actor.tell(Msg::Note(1)).await.unwrap();
    assert_eq!(overflows(&system).len(), 1);
    assert_eq!(actor.counts().rejected, 1);
    drop(release);
    idle().await;
    actor.tell(Msg::Note(2)).await.unwrap();
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [2]);
}

#[tokio::test(start_paused = true)]
async fn mb_11_among_priorities_the_oldest_of_the_lowest_is_displaced() {
    let system = system();
    let mailbox = Mailbox::bounded(3)
        .prioritised()
        .overflow(Overflow::DropOldest);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let release = hold(&actor).await;
    actor
        .tell(Msg::Note(1))
        .priority(Priority::HIGHEST)
        .await
        .unwrap();
    actor
        .tell(Msg::Note(2))
        .priority(Priority::LOWEST)
        .await
        .unwrap();
    actor.tell(Msg::Note(3)).await.unwrap();
    drop(release);
    idle().await;
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 3]);
}

#[tokio::test(start_paused = true)]
async fn mb_10_an_ask_that_is_dropped_fails_at_once() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let system = system();
        let mailbox = Mailbox::bounded(1).overflow(overflow);
        let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
        let release = hold(&actor).await;
        let began = system.now();
        let error = actor.ask(Msg::Seen).await.unwrap_err();
        assert_eq!(error.unanswered(), Some(Unanswered::Dropped), "{overflow}");
        assert_eq!(system.now(), began, "without waiting");
        drop(release);
    }
}

#[tokio::test(start_paused = true)]
async fn mb_13_reject_hands_the_message_to_the_sender_who_lives_on() {
    let system = system();
    let mailbox = Mailbox::bounded(1).overflow(Overflow::Reject);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let sender = system.spawn(probe("sender")).await.unwrap();
    let release = hold(&actor).await;

    let to = actor.clone();
    sender
        .tell(deed(move |me, _| {
            Box::pin(async move {
                match to.tell(Msg::Note(1)).await {
                    Err(TellError::Full(Msg::Note(n))) => me.seen.push(n),
                    other => panic!("handed back as full: {other:?}"),
                }
                match to.ask(Msg::Seen).await {
                    Err(AskError::Full(Msg::Seen(_))) => me.seen.push(2),
                    other => panic!("handed back as full: {other:?}"),
                }
                Ok(())
            })
        }))
        .await
        .unwrap();
    assert_eq!(sender.ask(Msg::Seen).await.unwrap(), [1, 2]);
    assert_eq!(sender.incarnation(), 0, "it did not crash");
    assert_eq!(system.dead_letters().total, 0, "refused, not dropped");
    drop(release);
}
