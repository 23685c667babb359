use callboard::prelude::*;
use callboard::{actor::DeadReason, mailbox::Counts};

use crate::common::{Msg, deed, hold, idle, pass, poll_once, probe, soon, system};

#[tokio::test(start_paused = true)]
async fn mb_18_a_pending_ask_fails_promptly_when_the_actor_stops() {
    let system = system();
    let spec = probe("a").restart(Restart::Temporary);
    let actor = system.spawn(spec).await.unwrap();
    let release = hold(&actor).await;
    let mut ask = actor.ask(Msg::Seen);
    assert!(poll_once(&mut ask).await.is_pending());
    let began = system.now();
    actor.stop();
    drop(release);
    let error = soon(ask).await.unwrap_err();
    assert_eq!(error.unanswered(), Some(Unanswered::Stopped));
    assert_eq!(system.now(), began, "not at the deadline");
}

#[tokio::test(start_paused = true)]
async fn mb_25_an_ask_that_expires_in_the_mailbox_says_so() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let release = hold(&actor).await;
    let mut ask = actor.ask(Msg::Seen).ttl(secs(1)).deadline(secs(30));
    assert!(poll_once(&mut ask).await.is_pending());
    pass(secs(2)).await;
    drop(release);
    let error = soon(ask).await.unwrap_err();
    assert_eq!(error.unanswered(), Some(Unanswered::Expired));
    assert_eq!(system.dead_letters().kept[0].reason, DeadReason::Expired);
}

#[tokio::test(start_paused = true)]
async fn mb_26_a_late_reply_is_counted_and_reaches_nobody_else() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let slow = |reply_to: Reply<u32>| {
        deed(move |_, _| {
            Box::pin(async move {
                pass(secs(2)).await;
                reply_to.send(1);
                Ok(())
            })
        })
    };
    let quick = |reply_to: Reply<u32>| {
        deed(move |_, _| {
            reply_to.send(2);
            Box::pin(async { Ok(()) })
        })
    };
    let error = actor.ask(slow).deadline(secs(1)).await.unwrap_err();
    assert_eq!(error.unanswered(), Some(Unanswered::Timeout));
    assert_eq!(actor.ask(quick).await.unwrap(), 2, "its own answer");
    assert_eq!(system.dead_letters().late_replies, 1);
    assert_eq!(system.dead_letters().total, 0);
}

#[tokio::test(start_paused = true)]
async fn a2_an_ask_that_waited_for_room_gets_its_answer() {
    // Given room, handled and answered before the asker runs again.
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let mut ask = actor.ask(Msg::Seen);
    assert!(poll_once(&mut ask).await.is_pending());
    drop(release);
    idle().await;
    assert_eq!(soon(ask).await.unwrap(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a2_an_ask_that_waits_for_room_gets_its_question_back_at_the_deadline() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    match actor.ask(Msg::Seen).deadline(secs(1)).await {
        Err(AskError::NotSent(Msg::Seen(_))) => {}
        other => panic!("handed back: {other:?}"),
    }
    drop(release);
    idle().await;
    assert_eq!(actor.counts().accepted, 1, "it never entered");
}

#[tokio::test(start_paused = true)]
async fn mb_27_the_office_keeps_the_newest_letters_and_counts_the_rest() {
    crate::common::quiet();
    let system = System::with("t", SystemConfig::default().dead_letters(5));
    let mailbox = Mailbox::bounded(1).overflow(Overflow::DropNewest);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let release = hold(&actor).await;
    // A subscriber that reads nothing cannot make letters about letters.
    let _deaf = system.events();
    for n in 0..10 {
        actor.tell(Msg::Note(n)).await.unwrap();
        pass(ms(10)).await;
    }
    let office = system.dead_letters();
    assert_eq!((office.total, office.dropped), (10, 5));
    assert_eq!(office.kept.len(), 5);
    let newest = system.now() - ms(10);
    assert_eq!(office.kept[4].at, newest, "the newest is there");
    assert!(office.kept.is_sorted_by_key(|letter| letter.at));
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn mb_27_an_office_of_none_only_counts() {
    let system = System::with("t", SystemConfig::default().dead_letters(0));
    let mailbox = Mailbox::bounded(1).overflow(Overflow::DropNewest);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let release = hold(&actor).await;
    actor.tell(Msg::Note(0)).await.unwrap();
    let office = system.dead_letters();
    assert_eq!((office.total, office.dropped, office.kept.len()), (1, 1, 0));
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn the_books_of_a_system_are_the_sum_of_its_mailboxes() {
    let system = system();
    let a = system.spawn(probe("a")).await.unwrap();
    let b = system
        .spawn(probe("b").restart(Restart::Temporary))
        .await
        .unwrap();
    for n in 0..3 {
        a.tell(Msg::Note(n)).await.unwrap();
        b.tell(Msg::Note(n)).await.unwrap();
    }
    idle().await;
    let mut sum = Counts::default();
    sum += a.counts();
    sum += b.counts();
    assert_eq!(system.counts(), sum);
    assert_eq!(sum.handled, 6);
    b.stop();
    soon(b.closed()).await;
    assert_eq!(system.counts().handled, 6, "closed books count on");
}
