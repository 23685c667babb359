//! Which actor is running on this thread, and for which request.
//!
//! The shell sets both around each poll of a hook, so that asks and tells made
//! there inherit deadline, correlation, cancellation and sender without being
//! told. Setting and clearing moves two pointers; no reference count changes.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::request::Carried;
use super::slot::AnySlot;
use crate::mailbox::Unanswered;
use crate::sync::thread_value;

thread_value! {
    // Whoever puts something here takes it out again, so there is nothing to drop
    // with the thread, and a look costs no question whether that has begun.
    static HERE: ManuallyDrop<Here> = ManuallyDrop::new(Here {
        actor: Cell::new(None),
        request: Cell::new(None),
        ending: Cell::new(None),
    });
}

/// What a thread knows, in one place, so that it is looked up once.
struct Here {
    actor: Cell<Option<Arc<dyn AnySlot>>>,
    request: Cell<Option<Arc<dyn Carried>>>,
    ending: Cell<Option<Unanswered>>,
}

/// What [`swap`] exchanges with the thread.
#[derive(Default)]
pub(crate) struct Scope {
    pub(crate) actor: Option<Arc<dyn AnySlot>>,
    pub(crate) request: Option<Arc<dyn Carried>>,
}

/// Exchanges the thread's scope with `scope`.
#[inline]
pub(crate) fn swap(scope: &mut Scope) {
    // A thread that is shutting down has no scope any more; nothing is lost.
    let _ = HERE.try_with(|here| {
        scope.actor = here.actor.replace(scope.actor.take());
        scope.request = here.request.replace(scope.request.take());
    });
}

/// The actor whose hook is running, and the request in force.
#[inline]
pub(crate) fn current() -> Scope {
    HERE.try_with(|here| Scope {
        actor: peek(&here.actor),
        request: peek(&here.request),
    })
    .unwrap_or_default()
}

/// Sets the request in force for the message about to be handled.
#[inline]
pub(crate) fn set_request(request: Option<Arc<dyn Carried>>) {
    let old = HERE.try_with(|here| here.request.replace(request));
    drop(old);
}

/// The request in force, if there is one.
#[inline]
pub(crate) fn request() -> Option<Arc<dyn Carried>> {
    HERE.try_with(|here| peek(&here.request)).ok().flatten()
}

/// Whether a request is in force.
#[inline]
pub(crate) fn has_request() -> bool {
    let found = HERE.try_with(|here| {
        let request = here.request.take();
        let is_there = request.is_some();
        here.request.set(request);
        is_there
    });
    found.unwrap_or(false)
}

/// The actor whose hook is running.
#[inline]
pub(crate) fn actor() -> Option<Arc<dyn AnySlot>> {
    HERE.try_with(|here| peek(&here.actor)).ok().flatten()
}

/// Puts the old request back when dropped.
pub(crate) struct Restore(Option<Arc<dyn Carried>>);

/// Sets a request until the returned guard is dropped.
pub(crate) fn replace_request(request: Option<Arc<dyn Carried>>) -> Restore {
    let old = HERE.try_with(|here| here.request.replace(request));
    Restore(old.ok().flatten())
}

impl Drop for Restore {
    fn drop(&mut self) {
        set_request(self.0.take());
    }
}

/// Until the returned guard is dropped, replies that are dropped on this thread
/// fail with `why`.
pub(crate) fn ending_because(why: Unanswered) -> Ending {
    let old = HERE.try_with(|here| here.ending.replace(Some(why)));
    Ending(old.ok().flatten())
}

/// See [`ending_because`].
pub(crate) struct Ending(Option<Unanswered>);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = HERE.try_with(|here| here.ending.set(self.0));
    }
}

/// Drops `value`; replies inside it fail with `why`.
pub(crate) fn drop_because<T>(value: T, why: Unanswered) {
    let _ending = ending_because(why);
    drop(value);
}

/// Why a reply that is being dropped right now goes unanswered.
#[inline]
pub(crate) fn ending() -> Unanswered {
    if std::thread::panicking() {
        return Unanswered::Crashed;
    }
    HERE.try_with(|here| here.ending.get())
        .ok()
        .flatten()
        .unwrap_or(Unanswered::NoReply)
}

#[inline]
fn peek<T: ?Sized>(cell: &Cell<Option<Arc<T>>>) -> Option<Arc<T>> {
    let inside = cell.take();
    let copy = inside.clone();
    cell.set(inside);
    copy
}
