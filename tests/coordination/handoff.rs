//! D18: handoffs over real workers.

use std::sync::{Arc, Mutex};

use callboard::coordination::handoff::{
    Artifact, Candidate, HandedOff, Handoff, HandoffBounds, HandoffConstraints, HandoffReply,
    Handover, InvalidHandoff, NotHandedOff, Offer, OfferOutcome, broadcast, direct, hierarchical,
};
use callboard::prelude::*;

/// What was said to candidates and done by them, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Clone, Copy)]
enum Says {
    Yes,
    No,
    /// Yes, after so many seconds.
    Later(u64),
    Nothing,
    Breaks,
}

fn answers(name: &'static str, log: &Log, says: Says) -> WorkerRef<Offer, HandoffReply> {
    let log = log.clone();
    WorkerRef::from_fn(name, move |offer: Offer| {
        let log = log.clone();
        async move {
            match offer {
                Offer::Handoff { handoff, .. } => {
                    assert_eq!(handoff.to_agent, name);
                    log.note(format!("{name}: offered"));
                }
                _ => {
                    log.note(format!("{name}: withdrawn"));
                    return Ok(HandoffReply::rejected("withdrawn"));
                }
            }
            match says {
                Says::Yes => Ok(HandoffReply::Accepted),
                Says::No => Ok(HandoffReply::rejected("busy")),
                Says::Later(seconds) => {
                    tokio::time::sleep(secs(seconds)).await;
                    Ok(HandoffReply::Accepted)
                }
                Says::Nothing => std::future::pending().await,
                Says::Breaks => Err(Fault::permanent("broken")),
            }
        }
    })
}

fn works(name: &'static str, log: &Log) -> WorkerRef<Handoff, String> {
    let log = log.clone();
    WorkerRef::from_fn(name, move |handoff: Handoff| {
        log.note(format!("{name}: works"));
        async move {
            let task = handoff.context.task_description;
            Ok(format!("{}: {task}", handoff.to_agent))
        }
    })
}

fn one(name: &'static str, log: &Log, says: Says) -> Candidate<String> {
    Candidate::new(name, answers(name, log, says), works(name, log))
}

fn bill() -> Handoff {
    Handoff::new("triage", "the bill")
        .said("user", "it is wrong")
        .constraints(
            HandoffConstraints::default()
                .timeout_seconds(10)
                .max_retries(1),
        )
}

async fn hand(over: Handover<String>, handoff: Handoff) -> Result<HandedOff<String>, Fault> {
    let system = System::new("t");
    let worker = over.start(&system, "desk").await.unwrap();
    let answer = worker.ask(handoff).deadline(secs(600)).await;
    answer.map(|served| served.value)
}

fn outcomes(handed: &HandedOff<String>) -> Vec<(&str, OfferOutcome)> {
    let attempts = handed.attempts.iter();
    attempts
        .map(|it| (&*it.agent, it.outcome.clone()))
        .collect()
}

fn busy() -> OfferOutcome {
    OfferOutcome::Rejected("busy".into())
}

#[tokio::test(start_paused = true)]
async fn d18_whoever_accepts_first_works_and_the_others_are_told() {
    let log = Log::default();
    let over = broadcast([
        one("slow", &log, Says::Later(5)),
        one("no", &log, Says::No),
        one("quick", &log, Says::Later(1)),
    ]);
    let handed = hand(over, bill()).await.unwrap();
    assert_eq!((&*handed.to, &*handed.answer), ("quick", "quick: the bill"));
    let said = [
        ("slow", OfferOutcome::Taken),
        ("no", busy()),
        ("quick", OfferOutcome::Accepted),
    ];
    assert_eq!(outcomes(&handed), said);
    let mut lines = log.lines();
    lines.drain(..3);
    lines.sort();
    assert_eq!(lines, ["quick: works", "slow: withdrawn"]);
}

#[tokio::test(start_paused = true)]
async fn d18_a_chain_is_gone_up_until_somebody_accepts() {
    let log = Log::default();
    let over = hierarchical([
        one("a", &log, Says::No),
        one("b", &log, Says::Yes),
        one("c", &log, Says::Yes),
    ]);
    let handed = hand(over, bill()).await.unwrap();
    assert_eq!(log.lines(), ["a: offered", "b: offered", "b: works"]);
    let said = [("a", busy()), ("b", OfferOutcome::Accepted)];
    assert_eq!(outcomes(&handed), said);
}

#[tokio::test(start_paused = true)]
async fn d18_what_nobody_takes_goes_to_the_fallback_and_then_to_a_person() {
    for (says, to) in [(Says::Yes, "fallback"), (Says::No, "person")] {
        let log = Log::default();
        let over = direct(one("a", &log, Says::No).skills(["bills"]))
            .needs(["bills"])
            .fallback(one("fallback", &log, says).skills(["bills"]))
            .escalate("person", works("person", &log));
        let handed = hand(over, bill()).await.unwrap();
        assert_eq!(&*handed.to, to);
        assert_eq!(handed.answer, format!("{to}: the bill"));
    }
}

#[tokio::test(start_paused = true)]
async fn d18_whoever_lacks_a_skill_is_not_asked() {
    let log = Log::default();
    let over = hierarchical([
        one("cook", &log, Says::Yes).skills(["soup"]),
        one("clerk", &log, Says::Yes).skills(["bills", "french"]),
    ])
    .needs(["bills"]);
    let handed = hand(over, bill()).await.unwrap();
    let lacks = OfferOutcome::Lacks("bills".into());
    assert_eq!(outcomes(&handed)[0], ("cook", lacks));
    assert_eq!(log.lines(), ["clerk: offered", "clerk: works"]);
}

#[tokio::test(start_paused = true)]
async fn d18_no_answer_in_time_counts_as_failed_and_is_tried_again() {
    let log = Log::default();
    let begun = tokio::time::Instant::now();
    let over = direct(one("a", &log, Says::Nothing)).fallback(one("b", &log, Says::Yes));
    let handed = hand(over, bill()).await.unwrap();
    assert_eq!(begun.elapsed(), secs(20), "twice 10 s");
    let said = [
        ("a", OfferOutcome::Late),
        ("a", OfferOutcome::Late),
        ("b", OfferOutcome::Accepted),
    ];
    assert_eq!(outcomes(&handed), said);
    // A rejection and a failure for good are not asked again.
    let log = Log::default();
    let both = [one("a", &log, Says::Breaks), one("b", &log, Says::No)];
    let over = broadcast(both).fallback(one("c", &log, Says::Yes));
    let handed = hand(over, bill()).await.unwrap();
    assert_eq!(handed.attempts.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn d18_an_acceptance_that_comes_late_is_withdrawn() {
    let log = Log::default();
    let late = one("late", &log, Says::Later(15));
    let over = direct(late).fallback(one("b", &log, Says::Yes));
    let handoff = bill().constraints(
        HandoffConstraints::default()
            .timeout_seconds(10)
            .max_retries(0),
    );
    let handed = hand(over, handoff).await.unwrap();
    assert_eq!(&*handed.to, "b");
    let lines = log.lines();
    assert!(lines.contains(&"late: withdrawn".to_owned()), "{lines:?}");
    assert!(!lines.contains(&"late: works".to_owned()), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn d18_what_nobody_takes_comes_back_with_what_everybody_said() {
    let log = Log::default();
    let over = broadcast([
        one("a", &log, Says::No),
        one("b", &log, Says::Breaks),
        one("c", &log, Says::Nothing),
    ]);
    let fault = hand(over, bill()).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Transient, "c may answer");
    let cause: &NotHandedOff = fault.cause().unwrap();
    assert_eq!(cause.owner, None);
    assert_eq!(cause.handoff.context, bill().context);
    assert!(cause.handoff.handoff_timestamp > 0.0);
    assert_eq!(
        cause.to_string(),
        "nobody has taken over: a rejected it (busy); b failed (broken); \
         c gave no answer in time; c gave no answer in time"
    );
    assert!(fault.message().contains(&cause.to_string()), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn d18_an_owner_that_fails_gives_it_back_and_nobody_else_does_it() {
    let log = Log::default();
    let fails = WorkerRef::from_fn("fails", |_: Handoff| async {
        Err::<String, _>(Fault::permanent("out of ink"))
    });
    let a = Candidate::new("a", answers("a", &log, Says::Yes), fails);
    let over = hierarchical([a, one("b", &log, Says::Yes)]);
    let fault = hand(over, bill()).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains("out of ink"), "{fault}");
    let cause: &NotHandedOff = fault.cause().unwrap();
    assert_eq!(cause.owner.as_deref(), Some("a"));
    assert_eq!(cause.handoff.context, bill().context);
    assert_eq!(log.lines(), ["a: offered"]);
}

#[tokio::test(start_paused = true)]
async fn d18_whoever_does_not_hear_a_withdrawal_holds_the_end_up_only_shortly() {
    let log = Log::default();
    let deaf = WorkerRef::from_fn("deaf", |_: Offer| std::future::pending());
    let deaf = Candidate::new("deaf", deaf, works("deaf", &log));
    let begun = tokio::time::Instant::now();
    let over = broadcast([deaf, one("a", &log, Says::Yes)]);
    let handed = hand(over, bill()).await.unwrap();
    assert_eq!((&*handed.to, begun.elapsed()), ("a", secs(1)));
}

#[tokio::test(start_paused = true)]
async fn d18_what_does_not_fit_is_refused_at_the_door_with_its_field() {
    let log = Log::default();
    let mut bounds = HandoffBounds::default();
    (bounds.history, bounds.text, bounds.total) = (2, 20, 70);
    let empty = Handoff::new("triage", " ");
    let mut unsure = bill();
    unsure.metadata.confidence_score = Some(f64::NAN);
    let mut early = bill();
    early.handoff_timestamp = -1.0;
    let hasty = HandoffConstraints::default().timeout_seconds(0);
    let stubborn = HandoffConstraints::default().max_retries(11);
    let text = || Artifact::new("text", "plain", "x".repeat(20));
    let cases = [
        (empty, InvalidHandoff::Empty("context.task_description")),
        (Handoff::new("", "x"), InvalidHandoff::Empty("from_agent")),
        (
            unsure,
            InvalidHandoff::OutOfRange("metadata.confidence_score"),
        ),
        (early, InvalidHandoff::OutOfRange("handoff_timestamp")),
        (
            bill().constraints(hasty),
            InvalidHandoff::OutOfRange("context.constraints.timeout_seconds"),
        ),
        (
            bill().constraints(stubborn),
            InvalidHandoff::OutOfRange("context.constraints.max_retries"),
        ),
        (
            bill().artifact(Artifact::new("smell", "text", "")),
            InvalidHandoff::UnknownArtifact("smell".into()),
        ),
        (
            bill().said("a", "b").said("a", "b"),
            InvalidHandoff::TooMany {
                field: "context.conversation_history",
                most: 2,
            },
        ),
        (
            bill().said("a", "x".repeat(21)),
            InvalidHandoff::TooLong {
                field: "context.conversation_history",
                most: 20,
            },
        ),
        (
            bill().artifact(text()).artifact(text()),
            InvalidHandoff::TooLarge(70),
        ),
    ];
    let system = System::new("t");
    let over = direct(one("a", &log, Says::Yes)).bounds(bounds);
    let worker = over.start(&system, "desk").await.unwrap();
    for (handoff, invalid) in cases {
        let fault = worker.ask(handoff).await.unwrap_err();
        assert_eq!(fault.cause::<InvalidHandoff>(), Some(&invalid));
        assert!(fault.message().contains(&invalid.to_string()), "{fault}");
    }
    assert!(log.lines().is_empty(), "nobody was offered any of it");
}

#[tokio::test(start_paused = true)]
async fn d18_a_handoff_to_nobody_or_to_one_name_twice_is_refused_at_the_start() {
    let log = Log::default();
    let system = System::new("t");
    let nobody: [Candidate<String>; 0] = [];
    let refused = broadcast(nobody).start(&system, "a").await;
    assert!(matches!(refused, Err(StartError::Invalid(_))));
    let twice = [one("a", &log, Says::Yes), one("a", &log, Says::Yes)];
    let refused = hierarchical(twice).start(&system, "b").await;
    assert!(matches!(refused, Err(StartError::Invalid(_))));
}

const RECORD: &str = r#"{
  "from_agent": "triage",
  "to_agent": "billing",
  "handoff_timestamp": 1700000000.5,
  "context": {
    "conversation_history": [{"role": "user", "content": "it is wrong"}],
    "current_state": {"step": "2"},
    "task_description": "find the mistake",
    "error_context": "the parser failed",
    "constraints": {
      "timeout_seconds": 60,
      "max_retries": 3,
      "budget": {"tokens": 1000, "cost": null},
      "quality": 0.8
    }
  },
  "artifacts": [{"type": "text", "format": "plain", "content": "bill"}],
  "metadata": {
    "session_id": "s",
    "user_id": "u",
    "preferences": {"language": "fr"},
    "confidence_score": 0.5,
    "tokens_used": 12
  }
}"#;

#[test]
fn d18_the_record_is_written_with_these_names() {
    let known: serde_json::Value = serde_json::from_str(RECORD).unwrap();
    let record: Handoff = serde_json::from_str(RECORD).unwrap();
    assert_eq!(serde_json::to_value(&record).unwrap(), known);
    assert_eq!(HandoffBounds::default().check(&record), Ok(()));
    let least = r#"{"from_agent": "a", "context": {"task_description": "b"}}"#;
    let least: Handoff = serde_json::from_str(least).unwrap();
    assert_eq!(least, Handoff::new("a", "b"));
    assert_eq!(least.context.constraints.timeout_seconds, 60);
    assert_eq!(least.context.constraints.max_retries, 3);
    let accepted = serde_json::to_string(&HandoffReply::Accepted).unwrap();
    assert_eq!(accepted, r#"{"type":"handoff_accepted"}"#);
    let rejected = serde_json::to_string(&HandoffReply::rejected("busy")).unwrap();
    assert_eq!(rejected, r#"{"type":"handoff_rejected","reason":"busy"}"#);
}
