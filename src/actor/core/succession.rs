//! Where a life that is being reported meets the one that follows it.
//!
//! Most restarts are decided while the crash is reported, on the thread of the
//! task that crashed. That task is about to end, and its place is warm: the next
//! life goes on in it, instead of in a new task that is allocated, listed and
//! scheduled first.
//!
//! ```text
//!  task of the old life                       supervisor
//!  ────────────────────                       ──────────
//!  awaiting ── report ──────────────────────▶ decides: restart at once
//!     ▲                                          │ launch
//!     └────── the next life ◀──────────────── offer   (elsewhere, or later:
//!                                                      a task of its own)
//! ```

use std::any::{Any, TypeId};
use std::cell::Cell;
use std::mem::ManuallyDrop;

use super::slot::ActorId;
use crate::sync::thread_value;

thread_value! {
    // What is put here is taken out again by the same call.
    static SEAT: ManuallyDrop<Seat> = ManuallyDrop::new(Seat {
        of: Cell::new(None),
        next: Cell::new(None),
    });
}

struct Seat {
    /// Whose next life is awaited here, and what it would be.
    of: Cell<Option<(ActorId, TypeId)>>,
    next: Cell<Option<Box<dyn Any + Send>>>,
}

/// Puts back what was awaited before, also if the report panics.
struct Waiting {
    before: Option<(ActorId, TypeId)>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let unclaimed = SEAT.try_with(|seat| {
            seat.of.set(self.before);
            seat.next.take()
        });
        drop(unclaimed);
    }
}

/// Runs `report`, and returns the next life if it was [`offer`]ed meanwhile.
pub(crate) fn awaiting<T: Send + 'static>(of: ActorId, report: impl FnOnce()) -> Option<T> {
    let expected = Some((of, TypeId::of::<T>()));
    let before = SEAT.try_with(|seat| seat.of.replace(expected));
    let waiting = Waiting {
        before: before.ok().flatten(),
    };
    report();
    let next = SEAT.try_with(|seat| seat.next.take());
    drop(waiting);
    let next = next.ok().flatten()?.downcast().ok()?;
    Some(*next)
}

/// Hands the next life to the task that awaits it. Given back where none does:
/// the old life ended elsewhere, or was another kind of actor.
pub(crate) fn offer<T: Send + 'static>(of: ActorId, next: T) -> Result<(), T> {
    let expected = Some((of, TypeId::of::<T>()));
    let is_awaited = SEAT.try_with(|seat| {
        let is_awaited = seat.of.get() == expected;
        if is_awaited {
            // One life is offered, and no second.
            seat.of.set(None);
        }
        is_awaited
    });
    if !is_awaited.unwrap_or(false) {
        return Err(next);
    }
    let next: Box<dyn Any + Send> = Box::new(next);
    let _ = SEAT.try_with(|seat| seat.next.set(Some(next)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::{Actor, BoxError, ChildSpec, Context};

    struct Nobody;

    impl Actor for Nobody {
        type Msg = ();
        async fn handle(&mut self, _msg: (), _cx: &mut Context<Self>) -> Result<(), BoxError> {
            Ok(())
        }
    }

    fn id() -> ActorId {
        ChildSpec::new("a", || Nobody).actor_ref().id()
    }

    #[test]
    fn what_is_offered_during_the_report_is_the_next_life() {
        let (me, other) = (id(), id());
        let next = awaiting(me, || {
            assert_eq!(offer(other, 1_u32), Err(1), "another actor");
            assert_eq!(offer(me, "text"), Err("text"), "another kind");
            assert_eq!(offer(me, 2_u32), Ok(()));
            assert_eq!(offer(me, 3_u32), Err(3), "one is enough");
        });
        assert_eq!(next, Some(2_u32));
        assert_eq!(offer(me, 4_u32), Err(4), "nobody awaits it any more");
        assert_eq!(awaiting::<u32>(me, || {}), None);
    }

    #[test]
    fn reports_within_reports_do_not_meet() {
        let (outer, inner) = (id(), id());
        let next = awaiting(outer, || {
            let next = awaiting(inner, || {
                assert_eq!(offer(outer, 1_u32), Err(1));
                assert_eq!(offer(inner, 2_u32), Ok(()));
            });
            assert_eq!(next, Some(2_u32));
            assert_eq!(offer(outer, 3_u32), Ok(()));
        });
        assert_eq!(next, Some(3_u32));
    }

    #[test]
    fn a_report_that_panics_leaves_nothing_behind() {
        let me = id();
        let report = || {
            awaiting::<u32>(me, || {
                assert_eq!(offer(me, 1_u32), Ok(()));
                std::panic::resume_unwind(Box::new("a subscriber"));
            })
        };
        assert!(std::panic::catch_unwind(report).is_err());
        assert_eq!(offer(me, 2_u32), Err(2));
        assert_eq!(awaiting::<u32>(me, || {}), None);
    }
}
