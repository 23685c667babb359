//! Turns a breaker by time alone, where its settings ask for it.
//!
//! There is one timer at most, for the next change that is due, and none while
//! the breaker is closed: no tick is periodic, so a paused clock still jumps.

use std::sync::Arc;

use super::Shared;
use crate::actor::system::clock;
use crate::actor::time::{Owned, spawn_owned};
use crate::sync::Mutex;

#[derive(Default)]
pub(super) struct Timer(Mutex<Option<Owned>>);

/// Sets the timer anew. Outside of a runtime there is none, and the breaker
/// turns with the next call.
pub(super) fn arm(shared: &Arc<Shared>) {
    let mut timer = shared.timer.0.lock();
    // Read with the timer in hand: whoever comes last reads the last state.
    let next = shared.core.due().and_then(|due| {
        tokio::runtime::Handle::try_current().ok()?;
        let shared = Arc::downgrade(shared);
        Some(Owned::new(spawn_owned(async move {
            tokio::time::sleep_until(due.into()).await;
            if let Some(shared) = shared.upgrade() {
                // A change sets the timer anew; this one is over.
                if shared.core.tick(clock()) == super::Turned::Yes {
                    arm(&shared);
                }
            }
        })))
    });
    let before = std::mem::replace(&mut *timer, next);
    drop(timer);
    drop(before);
}
