//! Who looks after actors with a health check: one task each, for as long as a
//! life lasts.

use std::any::Any;
use std::future::poll_fn;
use std::sync::{Arc, Weak};

use super::core::event::Event;
use super::core::exit::Exit;
use super::core::health::{CheckOutcome, Checkup, Unhealthy};
use super::core::life::Lifecycle;
use super::core::slot::AnySlot;
use super::system::clock;
use super::time::{Owned, spawn_owned};
use crate::policy::health::Verdict;

/// Looks after this life of an actor until what is returned is dropped.
pub(crate) fn look_after(slot: &Arc<dyn AnySlot>) -> Option<Box<dyn Any + Send + Sync>> {
    let life = slot.incarnation();
    slot.health_book()?.begin(life, clock());
    let handle = spawn_owned(attend(Arc::downgrade(slot), life));
    Some(Box::new(Owned::new(handle)))
}

/// The one timer of a checked actor: it waits for the next check, then for the
/// answer. A check begins a period after the last one ended, so two never meet.
async fn attend(slot: Weak<dyn AnySlot>, life: u32) {
    let checkup = Arc::new(Checkup::default());
    loop {
        let Some(check) = slot
            .upgrade()
            .and_then(|slot| Some(*slot.health_book()?.check()))
        else {
            return;
        };
        tokio::time::sleep(check.every).await;
        let Some(slot) = slot.upgrade() else {
            return;
        };
        if !is_to_be_checked(&*slot) {
            continue;
        }
        if checkup.open() {
            slot.check(Arc::clone(&checkup));
        }
        let answer = poll_fn(|task| checkup.poll_outcome(task.waker()));
        let outcome = match tokio::time::timeout(check.timeout, answer).await {
            Ok(outcome) => outcome,
            Err(_) => {
                checkup.give_up();
                CheckOutcome::TimedOut
            }
        };
        // A check that met a pause says nothing.
        if is_to_be_checked(&*slot)
            && let Some(sentence) = judge(&*slot, life, outcome)
        {
            return carry_out(&*slot, life, sentence, check.timeout).await;
        }
    }
}

fn is_to_be_checked(slot: &dyn AnySlot) -> bool {
    matches!(
        slot.state(),
        Lifecycle::Ready | Lifecycle::Busy | Lifecycle::Error
    )
}

/// Records an outcome and tells of what follows from it.
fn judge(slot: &dyn AnySlot, life: u32, outcome: CheckOutcome) -> Option<Unhealthy> {
    let verdict = slot.health_book()?.record(life, outcome.clone(), clock());
    let (Verdict::Ailing { failures } | Verdict::GiveUp { failures }) = verdict else {
        // Also where it was well before: it may have declared the error itself.
        if slot.state() == Lifecycle::Error {
            let _ = slot.declare(Lifecycle::Ready, Some(life));
        }
        if let Verdict::Recovered { failures } = verdict {
            emit(slot, |path| Event::Recovered { path, failures });
        }
        return None;
    };
    // Refused where this life has ended meanwhile.
    let _ = slot.declare(Lifecycle::Error, Some(life));
    emit(slot, |path| Event::CheckFailed {
        path,
        failures,
        outcome: outcome.clone(),
    });
    matches!(verdict, Verdict::GiveUp { .. }).then_some(Unhealthy {
        failures,
        last: outcome,
    })
}

/// Ends the life: whoever answers is asked to stop, and killed if it takes as
/// long as a check may; whoever does not answer is killed at once.
async fn carry_out(slot: &dyn AnySlot, life: u32, sentence: Unhealthy, grace: std::time::Duration) {
    let answers = !matches!(sentence.last, CheckOutcome::TimedOut);
    let exit = Exit::failed(sentence);
    let Some(book) = slot.health_book() else {
        return;
    };
    if !book.sentence(life, exit.clone()) {
        return;
    }
    if answers {
        slot.stop(exit);
        tokio::time::sleep(grace).await;
    }
    // This task ends with the life, but not at the very instant.
    if slot.incarnation() == life {
        slot.kill();
    }
}

fn emit(slot: &dyn AnySlot, event: impl FnOnce(Arc<str>) -> Event) {
    if let Some(host) = slot.host()
        && host.has_listeners()
    {
        host.emit(event(slot.path().into()));
    }
}
