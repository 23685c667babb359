//! D17: debates and group chats over real workers.

use std::sync::Arc;

use callboard::actor::Metadata;
use callboard::coordination::conversation::{
    By, Chatted, Debate, Debated, Decision, Ended, Entry, GroupChat, Judgement, Next, OnJudgeFault,
    OnSpeakerFault, Said, Transcript, Turn, debate, group_chat,
};
use callboard::prelude::*;

type Words = Turn<u32, u32>;
type Minutes = Arc<Transcript<u32, u32>>;

/// Says how many statements it has heard.
fn counts(name: &'static str) -> (&'static str, WorkerRef<Words, u32>) {
    let counts = WorkerRef::from_fn(name, |turn: Words| async move {
        Ok(u32::try_from(turn.transcript.statements().count()).unwrap())
    });
    (name, counts)
}

/// Says a number in its first rounds, and fails in this one.
fn fails_in(name: &'static str, round: u32) -> (&'static str, WorkerRef<Words, u32>) {
    let fails = WorkerRef::from_fn(name, move |turn: Words| async move {
        match turn.round == round {
            true => Err(Fault::transient("away")),
            false => Ok(turn.round),
        }
    });
    (name, fails)
}

/// Decides for this side when there are so many statements.
fn judge_after(statements: usize, side: usize) -> WorkerRef<Minutes, Judgement> {
    WorkerRef::from_fn("judge", move |minutes: Minutes| async move {
        Ok(match minutes.statements().count() >= statements {
            true => Judgement::Won(side),
            false => Judgement::GoOn,
        })
    })
}

async fn debated(debate: Debate<u32, u32>) -> Debated<u32, u32> {
    let system = System::new("t");
    let debate = debate.start(&system, "debate").await.unwrap();
    debate.ask(7).await.unwrap().value
}

async fn chatted(chat: GroupChat<u32, u32>) -> Chatted<u32, u32> {
    let system = System::new("t");
    let chat = chat.start(&system, "chat").await.unwrap();
    chat.ask(7).await.unwrap().value
}

fn statements(transcript: &Transcript<u32, u32>) -> Vec<(usize, u32)> {
    let all = transcript.statements();
    all.map(|(speaker, said)| (speaker, *said)).collect()
}

fn is_fault(entry: &Entry<u32>, by: By, words: &str) -> bool {
    entry.by == by && matches!(&entry.said, Said::Fault { message, .. } if message.contains(words))
}

#[tokio::test(start_paused = true)]
async fn d17_a_debate_ends_when_the_judge_decides_and_at_the_latest_after_its_rounds() {
    let sides = || debate([counts("a"), counts("b")]);
    let early = debated(sides().judge(judge_after(4, 1))).await;
    assert_eq!(
        (early.decision, early.ended),
        (Decision::Won(1), Ended::Chair)
    );
    assert_eq!(early.winner(), Some("b"));
    assert_eq!(early.transcript.turns(0), 2);
    let never = debated(sides().judge(judge_after(99, 1))).await;
    assert_eq!(
        (never.decision, never.ended),
        (Decision::Undecided, Ended::AtMost)
    );
    assert_eq!(never.transcript.entries.len(), 6, "three rounds of two");
    let alone = debated(sides().rounds(2)).await;
    assert_eq!(
        (alone.decision, alone.ended),
        (Decision::Undecided, Ended::AtMost)
    );
    assert_eq!(alone.transcript.entries.len(), 4);
    assert_eq!(alone.transcript.topic, 7);
}

#[tokio::test(start_paused = true)]
async fn d17_a_judge_at_the_end_is_asked_once_with_everything() {
    let judge = WorkerRef::from_fn("judge", |minutes: Minutes| async move {
        assert_eq!(minutes.statements().count(), 6);
        Ok(Judgement::Draw)
    });
    let judge = judge.with_metadata(|_| Metadata::new().confidence(0.6));
    let system = System::new("t");
    let debate = debate([counts("a"), counts("b")]).judge_at_the_end(judge);
    let debate = debate.start(&system, "debate").await.unwrap();
    let served = debate.ask(1).await.unwrap();
    assert_eq!(served.value.decision, Decision::Draw);
    assert_eq!(served.value.ended, Ended::Chair);
    assert_eq!(served.metadata.confidence, Some(0.6));
}

#[tokio::test(start_paused = true)]
async fn d17_side_by_side_nobody_hears_the_same_round_and_in_turn_everybody_does() {
    let sides = || debate([counts("a"), counts("b"), counts("c")]).rounds(2);
    let at_once = debated(sides().side_by_side()).await;
    let heard: Vec<_> = statements(&at_once.transcript);
    assert_eq!(heard, [(0, 0), (1, 0), (2, 0), (0, 3), (1, 3), (2, 3)]);
    let in_turn = debated(sides().in_turn()).await;
    let heard: Vec<_> = statements(&in_turn.transcript);
    assert_eq!(heard, [(0, 0), (1, 1), (2, 2), (0, 3), (1, 4), (2, 5)]);
    let rounds: Vec<_> = in_turn
        .transcript
        .entries
        .iter()
        .map(|it| it.round)
        .collect();
    assert_eq!(rounds, [1, 1, 1, 2, 2, 2]);
}

#[tokio::test(start_paused = true)]
async fn d17_entries_are_in_the_order_of_the_speakers_whoever_answers_first() {
    let slow = |name: &'static str, after: u64| {
        let slow = WorkerRef::from_fn(name, move |_: Words| async move {
            tokio::time::sleep(ms(after)).await;
            Ok(0)
        });
        (name, slow)
    };
    let started = tokio::time::Instant::now();
    let all = debated(debate([slow("a", 30), slow("b", 10)]).rounds(1)).await;
    assert_eq!(started.elapsed(), ms(30), "side by side");
    assert_eq!(statements(&all.transcript), [(0, 0), (1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn d17_a_side_that_fails_loses_its_turn_or_is_out_and_the_transcript_says_so() {
    let sides = || debate([counts("a"), fails_in("b", 1), counts("c")]);
    let skipped = debated(sides()).await.transcript;
    assert!(is_fault(&skipped.entries[1], By::Speaker(1), "away"));
    assert_eq!(skipped.turns(1), 3, "it speaks again");
    let out = debated(sides().on_speaker_fault(OnSpeakerFault::IsOut)).await;
    assert_eq!(out.transcript.turns(1), 1, "it speaks no more");
    assert_eq!((out.transcript.turns(0), out.ended), (3, Ended::AtMost));
    // With one side left there is no debate, and the judge is still asked.
    let two = debate([counts("a"), fails_in("b", 1)]).judge_at_the_end(judge_after(1, 0));
    let two = debated(two.on_speaker_fault(OnSpeakerFault::IsOut)).await;
    assert_eq!(
        (two.transcript.turns(0), two.decision),
        (1, Decision::Won(0))
    );
}

#[tokio::test(start_paused = true)]
async fn d17_a_speaker_that_panics_has_failed_and_the_others_go_on() {
    let panics = WorkerRef::from_fn("b", |turn: Words| async move {
        assert!(turn.round > 1, "scripted");
        Ok(turn.round)
    });
    let all = debated(debate([counts("a"), ("b", panics)]))
        .await
        .transcript;
    assert!(is_fault(&all.entries[1], By::Speaker(1), "b panicked"));
    assert_eq!(all.statements().count(), 5);
}

#[tokio::test(start_paused = true)]
async fn d17_a_judge_that_fails_is_never_silent() {
    let away = || WorkerRef::from_fn("judge", |_: Minutes| async { Err(Fault::transient("ill")) });
    let sides = || debate([counts("a"), counts("b")]).rounds(2);
    let goes_on = debated(sides().judge(away())).await;
    assert_eq!(goes_on.decision, Decision::Undecided);
    assert_eq!(goes_on.transcript.faults().count(), 2, "one a round");
    assert!(is_fault(&goes_on.transcript.entries[2], By::Chair, "ill"));
    let ends = debated(sides().judge(away()).on_judge_fault(OnJudgeFault::Ends)).await;
    assert_eq!(
        (ends.decision, ends.ended),
        (Decision::Undecided, Ended::JudgeFailed)
    );
    assert_eq!(ends.transcript.turns(0), 1);
    // There is no such side.
    let absurd = debated(sides().judge_at_the_end(judge_after(0, 2))).await;
    assert_eq!(
        (absurd.decision, absurd.ended),
        (Decision::Undecided, Ended::JudgeFailed)
    );
    assert!(is_fault(
        &absurd.transcript.entries[4],
        By::Chair,
        "side 2 cannot win"
    ));
}

#[tokio::test(start_paused = true)]
async fn d17_the_next_speaker_is_chosen_by_turn_by_a_manager_or_by_a_rule() {
    let members = || group_chat([counts("a"), counts("b"), counts("c")]).at_most(4);
    let spoke = |chat: Chatted<u32, u32>| -> Vec<usize> {
        chat.transcript
            .statements()
            .map(|(speaker, _)| speaker)
            .collect()
    };
    assert_eq!(spoke(chatted(members()).await), [0, 1, 2, 0]);
    let manager = WorkerRef::from_fn("manager", |minutes: Minutes| async move {
        Ok(match minutes.statements().next_back() {
            // Whoever has spoken before the last one is next in turn.
            Some((2, _)) => Next::InTurn,
            _ => Next::Speaker(2),
        })
    });
    assert_eq!(
        spoke(chatted(members().manager(manager)).await),
        [2, 0, 2, 0]
    );
    let rule = members().choose(|minutes| match minutes.statements().count() {
        0 | 3 => Next::Speaker(1),
        _ => Next::InTurn,
    });
    assert_eq!(spoke(chatted(rule).await), [1, 2, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn d17_a_chat_ends_by_rule_by_its_manager_or_after_its_turns() {
    let members = || group_chat([counts("a"), counts("b")]);
    let most = chatted(members()).await;
    assert_eq!(
        (most.ended, most.transcript.entries.len()),
        (Ended::AtMost, 20)
    );
    let rule = chatted(members().until(|minutes| minutes.entries.len() == 3)).await;
    assert_eq!(
        (rule.ended, rule.transcript.entries.len()),
        (Ended::Rule, 3)
    );
    let manager = members().choose(|minutes| match minutes.entries.len() {
        0..5 => Next::InTurn,
        _ => Next::End,
    });
    let manager = chatted(manager).await;
    assert_eq!(
        (manager.ended, manager.transcript.entries.len()),
        (Ended::Chair, 5)
    );
}

#[tokio::test(start_paused = true)]
async fn d17_a_choice_that_cannot_be_followed_falls_to_the_next_in_turn_and_is_told() {
    let members = || group_chat([counts("a"), counts("b")]).at_most(2);
    let wrong = chatted(members().choose(|_| Next::Speaker(9)))
        .await
        .transcript;
    assert!(is_fault(&wrong.entries[0], By::Chair, "no member 9"));
    assert_eq!(statements(&wrong), [(0, 0), (1, 1)]);
    let ill = WorkerRef::from_fn("manager", |_: Minutes| async {
        Err(Fault::transient("ill"))
    });
    let ill = chatted(members().manager(ill)).await;
    assert!(is_fault(&ill.transcript.entries[2], By::Chair, "ill"));
    assert_eq!(
        (ill.ended, statements(&ill.transcript).len()),
        (Ended::AtMost, 2)
    );
    let panics = chatted(members().choose(|_| panic!("scripted"))).await;
    assert!(is_fault(
        &panics.transcript.entries[0],
        By::Chair,
        "rule panicked"
    ));
    // Whoever is out may not speak.
    let out = group_chat([fails_in("a", 1), counts("b")]).at_most(2);
    let out = out
        .choose(|_| Next::Speaker(0))
        .on_speaker_fault(OnSpeakerFault::IsOut);
    let out = chatted(out).await.transcript;
    assert!(is_fault(
        &out.entries[1],
        By::Chair,
        "speaker 0 may not speak"
    ));
    assert_eq!(statements(&out), [(1, 0)]);
}

#[tokio::test(start_paused = true)]
async fn d17_a_chat_of_which_nobody_is_left_ends() {
    let chat = group_chat([fails_in("a", 1), fails_in("b", 1)]);
    let chat = chatted(chat.on_speaker_fault(OnSpeakerFault::IsOut)).await;
    assert_eq!(
        (chat.ended, chat.transcript.entries.len()),
        (Ended::NobodyLeft, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn d17_earlier_entries_are_dropped_and_counted() {
    let chat = chatted(group_chat([counts("a"), counts("b")]).keep(3))
        .await
        .transcript;
    assert_eq!((chat.entries.len(), chat.dropped), (3, 17));
    assert_eq!((chat.turns(0), chat.turns(1)), (10, 10));
}

#[tokio::test(start_paused = true)]
async fn d17_what_came_of_it_is_data() {
    let all = debated(debate([counts("a"), fails_in("b", 2)]).judge(judge_after(4, 0))).await;
    let text = serde_json::to_string(&all).unwrap();
    let back: Debated<u32, u32> = serde_json::from_str(&text).unwrap();
    assert_eq!(back, all);
    assert_eq!(all.transcript.speaker("b"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn d17_a_conversation_ends_with_its_asker() {
    let system = System::new("t");
    let hangs = WorkerRef::from_fn("b", |_: Words| std::future::pending::<Result<u32, Fault>>());
    let debate = debate([counts("a"), ("b", hangs)])
        .start(&system, "debate")
        .await
        .unwrap();
    let late = debate.ask(0).deadline(secs(2)).await.unwrap_err();
    assert_eq!(late.class(), FaultClass::Deadline);
}

#[tokio::test(start_paused = true)]
async fn d17_a_rule_that_panics_is_a_fault_of_its_run() {
    let system = System::new("t");
    let chat = group_chat([counts("a")]).until(|minutes| {
        assert!(minutes.topic < 5, "scripted");
        true
    });
    let chat = chat.start(&system, "chat").await.unwrap();
    assert_eq!(
        chat.ask(9).await.unwrap_err().class(),
        FaultClass::Permanent
    );
    assert_eq!(chat.ask(1).await.unwrap().value.ended, Ended::Rule);
}

#[tokio::test(start_paused = true)]
async fn d17_wrong_shapes_are_refused_at_the_start() {
    let system = System::new("t");
    let alone = debate([counts("a")]).start(&system, "alone").await;
    assert!(matches!(alone, Err(StartError::Invalid(_))));
    let same = debate([counts("a"), counts("a")])
        .start(&system, "same")
        .await;
    assert!(matches!(same, Err(StartError::Invalid(_))));
    let nobody: [(&str, WorkerRef<Words, u32>); 0] = [];
    let nobody = group_chat(nobody).start(&system, "nobody").await;
    assert!(matches!(nobody, Err(StartError::Invalid(_))));
}
