use std::time::{SystemTime, UNIX_EPOCH};

use callboard::actor::{DeadReason, DeliverError, Envelope, InvalidEnvelope, Kind};
use callboard::prelude::*;

use crate::common::{idle, pass, soon, system};

type Letter = Envelope<&'static str>;

/// Collects payloads; holds while it is told to.
struct Desk {
    seen: Vec<&'static str>,
}

enum Order {
    Take(Letter),
    Seen(Reply<Vec<&'static str>>),
    Hold(tokio::sync::oneshot::Receiver<()>),
}

/// Takes envelopes only, and passes them on.
struct Door(ActorRef<Order>);

impl Actor for Door {
    type Msg = Letter;

    async fn handle(&mut self, msg: Letter, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        self.0
            .tell(Order::Take(msg))
            .await
            .map_err(|e| e.to_string())?;
        Ok(())
    }
}

impl Actor for Desk {
    type Msg = Order;

    async fn handle(&mut self, msg: Order, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Order::Take(letter) => self.seen.push(letter.payload),
            Order::Seen(reply_to) => reply_to.send(self.seen.clone()),
            Order::Hold(gate) => {
                let _ = gate.await;
            }
        }
        Ok(())
    }
}

async fn desk(system: &System, mailbox: impl Into<Mailbox>) -> (ActorRef<Order>, ActorRef<Letter>) {
    let desk = system
        .spawn(ChildSpec::new("desk", || Desk { seen: Vec::new() }).mailbox(1))
        .await
        .unwrap();
    let to = desk.clone();
    let door = ChildSpec::new("door", move || Door(to.clone()))
        .mailbox(mailbox)
        .register_as("writer");
    let door = system.spawn(door).await.unwrap();
    (desk, door)
}

fn letter(payload: &'static str) -> Letter {
    Envelope::new("m1", "planner", "writer", Kind::TaskRequest, payload)
}

fn wall_clock() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

#[tokio::test(start_paused = true)]
async fn a11_an_envelope_reaches_its_receiver_stamped_and_logged() {
    let system = system();
    let (desk, _) = desk(&system, 4).await;
    let log = system.attach_log();
    system.deliver(letter("draft")).await.unwrap();
    idle().await;
    assert_eq!(desk.ask(Order::Seen).await.unwrap(), ["draft"]);
    let lines = log.take();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].refused, None);
    assert_eq!(lines[0].header.receiver_id, "writer");
    assert!(lines[0].header.timestamp > 0.0, "the door stamped it");
    assert!(log.take().is_empty(), "taken is taken");
}

#[test]
fn a11_every_field_is_validated() {
    let with = |change: fn(&mut Letter)| {
        let mut letter = letter("x");
        change(&mut letter);
        letter.validate()
    };
    assert_eq!(with(|_| {}), Ok(()));
    assert_eq!(
        with(|l| l.header.id.clear()),
        Err(InvalidEnvelope::Empty("id"))
    );
    assert_eq!(
        with(|l| l.header.sender_id.clear()),
        Err(InvalidEnvelope::Empty("sender_id"))
    );
    assert_eq!(
        with(|l| l.header.receiver_id.clear()),
        Err(InvalidEnvelope::Empty("receiver_id"))
    );
    assert_eq!(
        with(|l| l.header.id = "x".repeat(1_025)),
        Err(InvalidEnvelope::TooLong("id"))
    );
    assert_eq!(
        with(|l| l.header.correlation_id = Some("x".repeat(1_025))),
        Err(InvalidEnvelope::TooLong("correlation_id"))
    );
    assert_eq!(
        with(|l| l.header.priority = 10),
        Err(InvalidEnvelope::Priority(10))
    );
    assert_eq!(
        with(|l| l.header.timestamp = -1.0),
        Err(InvalidEnvelope::Timestamp(-1.0))
    );
    assert!(with(|l| l.header.timestamp = f64::NAN).is_err());
    assert_eq!(
        with(|l| l.header.ttl = Some(-1.0)),
        Err(InvalidEnvelope::Ttl(-1.0))
    );
    assert!(with(|l| l.header.ttl = Some(f64::INFINITY)).is_err());
    assert_eq!(
        with(|l| l.header.traceparent = Some("00-abc".into())),
        Err(InvalidEnvelope::Traceparent)
    );
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut traced = letter("x");
    traced.header.traceparent = Some(trace.into());
    assert_eq!(traced.validate(), Ok(()));
    for nonsense in [
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    ] {
        traced.header.traceparent = Some(nonsense.into());
        assert_eq!(traced.validate(), Err(InvalidEnvelope::Traceparent));
    }
}

#[tokio::test(start_paused = true)]
async fn a11_a_refused_envelope_comes_back_is_logged_and_is_a_dead_letter() {
    let system = system();
    let (desk, _) = desk(&system, 4).await;
    let log = system.attach_log();

    let mut invalid = letter("invalid");
    invalid.header.priority = 77;
    let error = system.deliver(invalid).await.unwrap_err();
    assert!(matches!(
        error,
        DeliverError::Invalid(InvalidEnvelope::Priority(77), _)
    ));
    assert_eq!(error.into_inner().payload, "invalid");

    let mut lost = letter("lost");
    lost.header.receiver_id = "nobody".into();
    let error = system.deliver(lost).await.unwrap_err();
    assert!(matches!(error, DeliverError::NoReceiver(_)));

    // Registered, but it takes other payloads.
    let other = Envelope::new("m2", "planner", "writer", Kind::Event, 5_u32);
    let error = system.deliver(other).await.unwrap_err();
    assert!(matches!(error, DeliverError::NoReceiver(_)));

    let mut stale = letter("stale");
    stale.header.timestamp = wall_clock() - 10.0;
    stale.header.ttl = Some(5.0);
    let error = system.deliver(stale).await.unwrap_err();
    assert!(matches!(error, DeliverError::Expired(_)));

    assert_eq!(desk.ask(Order::Seen).await.unwrap(), [""; 0]);
    let lines = log.take();
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| line.refused.is_some()));
    let letters = system.dead_letters().kept;
    assert_eq!(letters.len(), 4);
    for letter in letters {
        assert!(matches!(letter.reason, DeadReason::Refused(_)));
        assert_eq!(letter.sender.as_deref(), Some("planner"));
    }
}

#[tokio::test(start_paused = true)]
async fn a11_an_ended_receiver_hands_the_envelope_back() {
    let system = system();
    let (_, door) = desk(&system, 4).await;
    door.drain();
    let error = system.deliver(letter("late")).await.unwrap_err();
    assert_eq!(error.into_inner().payload, "late");
}

/// Fills the way to the desk: one in its hand, one in the door's.
async fn blocked(system: &System, mailbox: Mailbox) -> (ActorRef<Order>, impl Sized + use<>) {
    let (desk, _) = desk(system, mailbox).await;
    let (release, gate) = tokio::sync::oneshot::channel();
    desk.tell(Order::Hold(gate)).await.unwrap();
    system.deliver(letter("first")).await.unwrap();
    idle().await;
    (desk, release)
}

#[tokio::test(start_paused = true)]
async fn a11_priority_goes_with_the_envelope_into_the_mailbox() {
    let system = system();
    let (desk, release) = blocked(&system, Mailbox::bounded(8).prioritised()).await;
    for (payload, priority) in [("low", 1), ("high", 9), ("normal", 5)] {
        let mut letter = letter(payload);
        letter.header.priority = priority;
        system.deliver(letter).await.unwrap();
    }
    drop(release);
    idle().await;
    assert_eq!(
        desk.ask(Order::Seen).await.unwrap(),
        ["first", "high", "normal", "low"]
    );
}

#[tokio::test(start_paused = true)]
async fn a11_the_rest_of_the_time_to_live_goes_with_it() {
    let system = system();
    let (desk, release) = blocked(&system, Mailbox::bounded(8)).await;
    let mut short = letter("short");
    short.header.timestamp = wall_clock() - 60.0;
    short.header.ttl = Some(70.0);
    system.deliver(short).await.unwrap();
    let mut long = letter("long");
    long.header.ttl = Some(100.0);
    system.deliver(long).await.unwrap();
    pass(secs(30)).await;
    drop(release);
    idle().await;
    assert_eq!(desk.ask(Order::Seen).await.unwrap(), ["first", "long"]);
    assert_eq!(system.dead_letters().kept[0].reason, DeadReason::Expired);
}

#[test]
fn a11_a_reply_goes_back_correlated_and_caused() {
    let mut request = letter("draft");
    request.header.priority = 8;
    let answer = request.reply("m2", Kind::TaskResponse, 7);
    assert_eq!(answer.header.sender_id, "writer");
    assert_eq!(answer.header.receiver_id, "planner");
    assert_eq!(answer.header.correlation_id.as_deref(), Some("m1"));
    assert_eq!(answer.header.causation_id.as_deref(), Some("m1"));
    assert_eq!(answer.header.priority, 8);
    let second = answer.reply("m3", Kind::StatusUpdate, 8);
    assert_eq!(second.header.correlation_id.as_deref(), Some("m1"));
    assert_eq!(second.header.causation_id.as_deref(), Some("m2"));
}

#[test]
fn a11_an_envelope_survives_json_with_its_defaults() {
    let letter = Envelope::new("m1", "a", "b", Kind::Handoff, "x".to_owned());
    let text = serde_json::to_string(&letter).unwrap();
    let back: Envelope<String> = serde_json::from_str(&text).unwrap();
    assert_eq!(back, letter);
    let sparse = r#"{"id":"m","sender_id":"a","receiver_id":"b",
        "message_type":"status_update","timestamp":1.5,"payload":"x"}"#;
    let sparse: Envelope<String> = serde_json::from_str(sparse).unwrap();
    assert_eq!((sparse.header.priority, sparse.header.ttl), (5, None));
}

#[tokio::test(start_paused = true)]
async fn a11_a_log_that_nobody_reads_keeps_the_newest_and_counts_the_rest() {
    let system = system();
    let log = system.attach_log();
    let gone = system.attach_log();
    drop(gone);
    for n in 0..1_030 {
        let letter = Envelope::new(format!("m{n}"), "a", "nobody", Kind::Event, ());
        soon(system.deliver(letter)).await.unwrap_err();
    }
    assert_eq!(log.lost(), 6);
    let lines = log.take();
    assert_eq!(lines.len(), 1_024);
    assert_eq!(lines[0].header.id, "m6");
}
