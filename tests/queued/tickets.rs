//! C15: work that is asked after later.

use std::sync::Arc;

use callboard::prelude::*;
use callboard::resilience::{TicketConfig, TicketError, Tickets};
use callboard::testing::{Probe, quiet_panics};
use tokio::sync::Semaphore;

use crate::{Seen, settle, until};

struct Rig {
    begun: Seen<u32>,
    dropped: Seen<u32>,
    gate: Arc<Semaphore>,
    office: ActorRef<callboard::resilience::TicketCommand<u32, u32>>,
    tickets: Tickets<u32, u32>,
}

/// Says so when it is dropped before its time.
struct Alarm(u32, Seen<u32>);

impl Drop for Alarm {
    fn drop(&mut self) {
        self.1.note(self.0);
    }
}

struct Slow {
    begun: Seen<u32>,
    dropped: Seen<u32>,
    gate: Arc<Semaphore>,
}

impl Worker for Slow {
    type In = u32;
    type Out = u32;

    async fn work(&mut self, n: u32, _cx: &mut Context<Self>) -> Result<u32, Fault> {
        self.begun.note(n);
        let alarm = Alarm(n, self.dropped.clone());
        self.gate.acquire().await.unwrap().forget();
        std::mem::forget(alarm);
        match n {
            13 => Err(Fault::permanent("unlucky")),
            n => Ok(n * 10),
        }
    }
}

async fn rig(system: &System, config: TicketConfig) -> Rig {
    let (begun, dropped) = (Seen::default(), Seen::default());
    let gate = Arc::new(Semaphore::new(0));
    let slow = Pool::new("slow", 4..=4, {
        let (begun, dropped, gate) = (begun.clone(), dropped.clone(), Arc::clone(&gate));
        move || Slow {
            begun: begun.clone(),
            dropped: dropped.clone(),
            gate: Arc::clone(&gate),
        }
    });
    let slow = slow.start(system).await.unwrap();
    let (office, tickets) = Tickets::new("office", config, &slow.worker());
    let office = system.spawn(office).await.unwrap();
    Rig {
        begun,
        dropped,
        gate,
        office,
        tickets,
    }
}

#[tokio::test(start_paused = true)]
async fn c15_a_ticket_is_there_at_once_and_its_outcome_can_be_polled_and_awaited() {
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default()).await;
    let began = system.now();
    let ticket = rig.tickets.submit(4).await.unwrap();
    assert_eq!(system.now(), began, "at once");
    assert!(ticket.poll().await.unwrap().is_none());
    rig.gate.add_permits(1);
    assert_eq!(ticket.wait().await.unwrap().value, 40);
    let again = rig.tickets.ticket(ticket.id());
    assert_eq!(again.poll().await.unwrap().unwrap().value, 40, "and again");
}

#[tokio::test(start_paused = true)]
async fn c15_a_fault_is_an_outcome_too() {
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default()).await;
    let ticket = rig.tickets.submit(13).await.unwrap();
    rig.gate.add_permits(1);
    let failed = ticket.wait().await.unwrap_err();
    assert!(
        matches!(&failed, TicketError::Failed(f) if f.message() == "unlucky"),
        "{failed}"
    );
    assert!(matches!(ticket.poll().await, Err(TicketError::Failed(_))));
}

#[tokio::test(start_paused = true)]
async fn c15_the_work_goes_on_when_the_submitter_is_gone() {
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default()).await;
    let (told, mut named) = tokio::sync::mpsc::channel(1);
    let submitter = tokio::spawn({
        let tickets = rig.tickets.clone();
        async move {
            let ticket = tickets.submit(5).await.unwrap();
            told.send(ticket.id()).await.unwrap();
            ticket.wait().await.is_ok()
        }
    });
    let id = named.recv().await.unwrap();
    until(|| rig.begun.all() == [5]).await;
    submitter.abort();
    // Longer than the submitter's own request could have lasted.
    tokio::time::sleep(secs(60)).await;
    assert_eq!(rig.dropped.all(), [] as [u32; 0]);
    rig.gate.add_permits(1);
    let outcome = rig.tickets.ticket(id).wait().await.unwrap();
    assert_eq!(outcome.value, 50);
}

#[tokio::test(start_paused = true)]
async fn c15_a_cancelled_ticket_ends_its_work() {
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default()).await;
    let ticket = rig.tickets.submit(5).await.unwrap();
    until(|| rig.begun.all() == [5]).await;
    let waiting = tokio::spawn({
        let ticket = rig.tickets.ticket(ticket.id());
        async move { ticket.wait().await }
    });
    settle().await;
    ticket.cancel().await.unwrap();
    until(|| rig.dropped.all() == [5]).await;
    let told = waiting.await.unwrap().unwrap_err();
    assert_eq!(Fault::from(told).class(), FaultClass::Cancelled);
    ticket.cancel().await.expect("once more does nothing");
}

#[tokio::test(start_paused = true)]
async fn c15_an_actor_is_called_back_once() {
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default()).await;
    let mut probe = Probe::start(&system, "probe").await.unwrap();
    let ticket = rig.tickets.submit(4).await.unwrap();
    let value = |outcome: Result<callboard::actor::Served<u32>, Fault>| outcome.unwrap().value;
    ticket.call_back(&probe.actor(), value).await.unwrap();
    settle().await;
    probe.assert_quiet();
    rig.gate.add_permits(1);
    assert_eq!(probe.next().await, 40);
    // It is done: at once.
    ticket.call_back(&probe.actor(), value).await.unwrap();
    assert_eq!(probe.next().await, 40);
    settle().await;
    probe.assert_quiet();
}

#[tokio::test(start_paused = true)]
async fn c15_too_many_tickets_are_refused_until_one_expires() {
    let system = System::new("t");
    let config = TicketConfig::default().capacity(2).keep_for(secs(60));
    let rig = rig(&system, config).await;
    let first = rig.tickets.submit(1).await.unwrap();
    let second = rig.tickets.submit(2).await.unwrap();
    let refused = rig.tickets.submit(3).await.unwrap_err();
    assert!(matches!(refused, TicketError::Full));
    let fault = Fault::from(refused);
    assert_eq!(fault.class(), FaultClass::Overloaded);
    assert!(fault.retry_after().is_some());

    rig.gate.add_permits(2);
    first.wait().await.unwrap();
    second.wait().await.unwrap();
    assert!(rig.tickets.submit(3).await.is_err(), "outcomes are kept");
    tokio::time::sleep(secs(61)).await;
    assert!(matches!(first.poll().await, Err(TicketError::Expired)));
    assert!(matches!(second.wait().await, Err(TicketError::Expired)));
    rig.tickets.submit(3).await.expect("there is room again");
}

#[tokio::test(start_paused = true)]
async fn c15_who_waits_too_long_may_ask_again() {
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default()).await;
    let ticket = rig.tickets.submit(1).await.unwrap();
    let early = ticket.wait_for(secs(2)).await.unwrap_err();
    assert!(matches!(early, TicketError::NotYet), "{early}");
    rig.gate.add_permits(1);
    assert_eq!(ticket.wait().await.unwrap().value, 10);
}

#[tokio::test(start_paused = true)]
async fn c15_work_that_takes_too_long_fails() {
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default().work_for(secs(3))).await;
    let ticket = rig.tickets.submit(1).await.unwrap();
    let late = Fault::from(ticket.wait().await.unwrap_err());
    assert_eq!(late.class(), FaultClass::Deadline);
    until(|| rig.dropped.all() == [1]).await;
}

#[tokio::test(start_paused = true)]
async fn c15_a_ticket_of_an_earlier_life_is_lost_and_never_anothers() {
    quiet_panics();
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default()).await;
    let lost = rig.tickets.submit(1).await.unwrap();
    until(|| rig.begun.all() == [1]).await;
    rig.office.kill();
    until(|| rig.office.restarts() == 1).await;
    until(|| rig.dropped.all() == [1]).await;
    let other = rig.tickets.submit(2).await.unwrap();
    assert_ne!(lost.id(), other.id());
    assert!(matches!(lost.poll().await, Err(TicketError::Expired)));
    assert!(matches!(other.poll().await, Ok(None)));
}

#[tokio::test(start_paused = true)]
async fn c15_a_ticket_that_never_was_is_unknown() {
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default()).await;
    let id = rig.tickets.submit(1).await.unwrap().id();
    let text = serde_json::to_string(&id).unwrap();
    let next = serde_json::from_str(&text.replace("\"number\":0", "\"number\":7")).unwrap();
    assert_ne!(id, next);
    let unknown = rig.tickets.ticket(next).poll().await;
    assert!(matches!(unknown, Err(TicketError::Unknown)));
}

#[tokio::test(start_paused = true)]
async fn c15_settings_can_change_while_it_runs() {
    let system = System::new("t");
    let rig = rig(&system, TicketConfig::default().capacity(1)).await;
    rig.tickets.submit(1).await.unwrap();
    assert!(rig.tickets.submit(2).await.is_err());
    let config = TicketConfig::default().capacity(2);
    rig.tickets.reconfigure(config.clone()).await.unwrap();
    rig.tickets.submit(2).await.unwrap();

    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains(r#""keep_for":"10m""#), "{text}");
    assert_eq!(serde_json::from_str::<TicketConfig>(&text).unwrap(), config);
}
