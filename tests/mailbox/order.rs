use callboard::prelude::*;

use crate::common::{Msg, hold, idle, pass, poll_once, probe, soon, system};

/// One sender's n-th message.
fn number(sender: u64, n: u64) -> u64 {
    sender * 10_000 + n
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mb_09_each_senders_messages_arrive_in_order_and_complete() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(16)).await.unwrap();
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let actor = actor.clone();
            tokio::spawn(async move {
                for n in 0..1_000 {
                    // Every third one tries first: it must not overtake.
                    let msg = Msg::Note(number(sender, n));
                    let left = match n % 3 {
                        0 => actor.try_tell(msg).err().map(TryTellError::into_inner),
                        _ => Some(msg),
                    };
                    if let Some(msg) = left {
                        actor.tell(msg).await.unwrap();
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let seen = actor.ask(Msg::Seen).await.unwrap();
    for sender in 0..4 {
        let theirs: Vec<_> = seen
            .iter()
            .copied()
            .filter(|n| n / 10_000 == sender)
            .collect();
        let expected: Vec<_> = (0..1_000).map(|n| number(sender, n)).collect();
        assert_eq!(theirs, expected);
    }
    assert!(actor.counts().high_water <= 16);
}

#[tokio::test(start_paused = true)]
async fn mb_09_a_newcomer_never_overtakes_a_waiting_sender() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(2)).await.unwrap();
    let release = hold(&actor).await;
    actor.try_tell(Msg::Note(1)).unwrap();
    let mut waiting = actor.tell(Msg::Note(2));
    assert!(poll_once(&mut waiting).await.is_pending());
    assert!(actor.try_tell(Msg::Note(3)).unwrap_err().is_full());
    drop(release);
    soon(waiting).await.unwrap();
    actor.tell(Msg::Note(4)).await.unwrap();
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [1, 2, 4]);
}

#[tokio::test(start_paused = true)]
async fn mb_21_higher_priorities_go_first_and_each_keeps_its_order() {
    let system = system();
    let mailbox = Mailbox::bounded(2_000).prioritised();
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let release = hold(&actor).await;
    for n in 0..1_000 {
        // A scrambled but fixed mixture of high and low.
        let is_high = (n * 7_919) % 13 < 6;
        let (priority, number) = match is_high {
            true => (Priority::HIGHEST, 10_000 + n),
            false => (Priority::LOWEST, n),
        };
        actor
            .tell(Msg::Note(number))
            .priority(priority)
            .await
            .unwrap();
    }
    drop(release);
    let seen = actor
        .ask(Msg::Seen)
        .priority(Priority::LOWEST)
        .await
        .unwrap();
    assert_eq!(seen.len(), 1_000);
    let mut expected = seen.clone();
    expected.sort_by_key(|n| (std::cmp::Reverse(n / 10_000), *n));
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn a4_a_low_priority_rises_by_waiting_and_does_not_starve() {
    let system = system();
    let mailbox = Mailbox::bounded(10).prioritised();
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let release = hold(&actor).await;
    actor
        .tell(Msg::Note(1))
        .priority(Priority::LOWEST)
        .await
        .unwrap();
    pass(secs(5)).await;
    // After five levels, the lowest stands before a fresh 4 and behind a 9.
    let four = Priority::new(4).unwrap();
    actor.tell(Msg::Note(2)).priority(four).await.unwrap();
    actor
        .tell(Msg::Note(3))
        .priority(Priority::HIGHEST)
        .await
        .unwrap();
    drop(release);
    let seen = actor
        .ask(Msg::Seen)
        .priority(Priority::LOWEST)
        .await
        .unwrap();
    assert_eq!(seen, [3, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a4_without_ageing_priorities_are_strict() {
    let system = system();
    let mailbox = Mailbox::bounded(10).ageing(Duration::ZERO);
    let actor = system.spawn(probe("a").mailbox(mailbox)).await.unwrap();
    let release = hold(&actor).await;
    actor
        .tell(Msg::Note(1))
        .priority(Priority::LOWEST)
        .await
        .unwrap();
    pass(secs(1_000)).await;
    actor.tell(Msg::Note(2)).await.unwrap();
    drop(release);
    let seen = actor
        .ask(Msg::Seen)
        .priority(Priority::LOWEST)
        .await
        .unwrap();
    assert_eq!(seen, [2, 1]);
}

#[tokio::test(start_paused = true)]
async fn mb_23_a_slow_sender_waits_for_no_more_than_those_before_it() {
    let system = system();
    let actor = system.spawn(probe("a").mailbox(1)).await.unwrap();
    let release = hold(&actor).await;
    let mut line: Vec<_> = (0..3).map(|n| actor.tell(Msg::Note(n))).collect();
    for sender in &mut line {
        assert!(poll_once(sender).await.is_pending());
    }
    let mut slow = actor.tell(Msg::Note(100));
    assert!(poll_once(&mut slow).await.is_pending());
    let flooder = tokio::spawn({
        let actor = actor.clone();
        async move {
            for n in 3..50 {
                actor.tell(Msg::Note(n)).await.unwrap();
            }
        }
    });
    idle().await;
    drop(release);
    soon(slow).await.unwrap();
    for sender in line {
        soon(sender).await.unwrap();
    }
    soon(flooder).await.unwrap();
    let seen = actor.ask(Msg::Seen).await.unwrap();
    assert_eq!(seen[..5], [0, 1, 2, 100, 3], "arrival order");
    assert_eq!(seen.len(), 51);
}

#[tokio::test(start_paused = true)]
async fn mb_24_an_expired_message_is_not_handled() {
    let system = system();
    let actor = system.spawn(probe("a")).await.unwrap();
    let release = hold(&actor).await;
    actor.tell(Msg::Note(1)).ttl(secs(1)).await.unwrap();
    actor.tell(Msg::Note(2)).ttl(secs(3)).await.unwrap();
    pass(secs(2)).await;
    drop(release);
    assert_eq!(actor.ask(Msg::Seen).await.unwrap(), [2]);
    idle().await;
    assert_eq!(actor.counts().expired, 1);
    let letters = system.dead_letters().kept;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].reason, callboard::actor::DeadReason::Expired);
    assert_eq!(letters[0].seq, Some(1));
    assert_eq!(&*letters[0].receiver, "t/a");
}
