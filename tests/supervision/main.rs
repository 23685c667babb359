//! Supervisors as their users see them: who is restarted, when, in which order.
#![allow(
    clippy::disallowed_methods,
    reason = "a test owns its threads, its tasks and its clock"
)]

#[path = "../common/mod.rs"]
mod common;

mod awkward;
mod backoff;
mod breaker;
mod changes;
mod children;
mod ends;
mod groups;
mod intensity;
mod nested;
mod operations;
mod restarts;
mod significant;
mod starts;

use callboard::prelude::*;
use common::{Probe, Script, Trace};

/// The catalogue's defaults: one for one, 2 restarts an hour.
fn team() -> Supervisor {
    Supervisor::new("team")
        .intensity(2, secs(3_600))
        .restart(Restart::Temporary)
}

/// The catalogue's defaults: permanent, a second to shut down.
fn child(name: &'static str, trace: &Trace) -> ChildSpec<Probe> {
    Script::new(name, trace).spec().shutdown(After(secs(1)))
}

/// The six ways to end, as messages; the last is a kill.
const ENDS: [&str; 6] = [
    "normal",
    "shutdown",
    "shutdown-info",
    "fail",
    "panic",
    "kill",
];

async fn end(actor: &ActorRef<common::Msg>, how: &str) {
    use common::Msg;
    let msg = match how {
        "normal" => Msg::exit(Exit::Normal),
        "shutdown" => Msg::exit(Exit::shutdown()),
        "shutdown-info" => Msg::exit(Exit::Shutdown(Some("enough".into()))),
        "fail" => Msg::fail(),
        "panic" => Msg::panic(),
        _ => return actor.kill(),
    };
    actor.tell(msg).await.expect("the actor is there");
}
