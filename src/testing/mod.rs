//! A test kit for actors: probes, scripted workers, assertions.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::testing::{Probe, Script, assert_conserved, assert_supervised, quiet_panics};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! quiet_panics();
//! let system = System::new("test");
//!
//! // A worker that does as it is told, over all its lives.
//! let script = Script::new().answer(1).fault(Fault::transient("busy")).panic("scripted");
//! let worker = system.spawn(ChildSpec::new("mock", script.worker::<&str>())).await?;
//! let worker_ref = WorkerRef::from(worker.clone());
//! assert_eq!(worker_ref.ask("a").await?.value, 1);
//! assert!(worker_ref.ask("b").await.is_err());
//! assert!(worker_ref.ask("c").await.is_err(), "it panicked");
//!
//! // An actor that shows what it was told.
//! let mut probe = Probe::start(&system, "probe").await?;
//! probe.actor().tell("hello").await?;
//! assert_eq!(probe.next().await, "hello");
//! probe.assert_quiet();
//!
//! assert_supervised(&system, &probe.actor()).await;
//! assert_conserved(&system);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *How do I test time?* On tokio's paused clock: `#[tokio::test(start_paused =
//! true)]`. Timers, deadlines, backoffs and breakers follow it, and it jumps
//! when nothing else is to be done.
//!
//! *How do I wait for something?* With a [`Probe`], or with
//! [`System::events`](crate::actor::System::events); never by sleeping.
//!
//! *How do I check a protocol of my own?* [`explore`] tries it against every order
//! of what may happen.
//!
//! *How do I keep scripted panics out of the output?* [`quiet_panics`]. The
//! library itself never installs a panic hook.

pub mod explore;
mod probe;
mod script;

use std::sync::Once;
use std::time::Duration;

pub use probe::Probe;
pub use script::{Script, Scripted};

use crate::actor::core::scope;
use crate::actor::{ActorRef, Event, System};

/// How long the kit waits for something that should happen, by tokio's clock.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Installs, once, a panic hook that says nothing about panics inside actors;
/// all others go to the hook that was there.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if scope::actor().is_none() {
                before(info);
            }
        }));
    });
}

/// Asserts that every accepted message of the system is accounted for.
///
/// # Panics
///
/// With the books, if they do not balance.
#[track_caller]
pub fn assert_conserved(system: &System) {
    let counts = system.counts();
    assert!(counts.is_conserved(), "{counts}");
}

/// Kills the actor and asserts that a supervisor brings it back.
///
/// # Panics
///
/// If it is not in the system's tree, or is not restarted within
/// [`PATIENCE`].
pub async fn assert_supervised<M: Send + 'static>(system: &System, actor: &ActorRef<M>) {
    let path = actor.path();
    let tree = system.tree();
    assert!(
        tree.walk().any(|node| node.path == path),
        "{path} is not in the tree:\n{tree}"
    );
    let mut events = system.events();
    let before = actor.incarnation();
    actor.kill();
    let is_back = async {
        while let Some(event) = events.next().await {
            if let Event::Started {
                path: started,
                incarnation,
            } = event
                && *started == *path
                && incarnation > before
            {
                return;
            }
        }
    };
    let came = tokio::time::timeout(PATIENCE, is_back).await;
    assert!(came.is_ok(), "{path} was killed and nobody restarted it");
}
