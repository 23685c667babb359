//! The scripted panic, and the hook that keeps quiet about it.

use std::panic;

/// What an actor panics with when a workload asks it to.
pub const SCRIPTED_CRASH: &str = "scripted crash";

/// Installs a panic hook that says nothing about [`SCRIPTED_CRASH`] and leaves
/// every other panic to the hook that was there.
pub fn keep_quiet_about_scripted_crashes() {
    let loud = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if panic.payload().downcast_ref::<&str>() != Some(&SCRIPTED_CRASH) {
            loud(panic);
        }
    }));
}
