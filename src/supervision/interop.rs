//! Living with ractor: its actors as our children, our references as its own.
//!
//! This is the one module with ractor types in its signatures.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::supervision::interop::ractor_child;
//! use ractor::{ActorProcessingErr, ActorRef as RactorRef};
//!
//! struct Old;
//!
//! impl ractor::Actor for Old {
//!     type Msg = u64;
//!     type State = ();
//!     type Arguments = ();
//!     async fn pre_start(&self, _: RactorRef<u64>, _: ()) -> Result<(), ActorProcessingErr> {
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let old = ractor_child("old", || (Old, ()));
//! let team = Supervisor::new("team").child(old).start(&system).await?;
//! assert_eq!(team.count().active, 1);
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{
    Actor as RactorActor, ActorCell, ActorProcessingErr, ActorRef as RactorRef, Message,
    SupervisionEvent,
};

use super::launch::{AnyChild, Launch, Nest};
use super::tree::Node;
use crate::actor::core::host::{Ended, Overseer};
use crate::actor::core::slot::{AnySlot, Birth, Name, Place, Slot};
use crate::actor::time::spawn_owned;
use crate::actor::{ActorRef, Exit, InvalidSpec, Policy, Restart, Shutdown};
use crate::mailbox::{Counts, Mailbox};
use crate::policy::backoff::Backoff;
use crate::policy::intensity::Intensity;
use crate::sync::Mutex;

/// A plain ractor actor as a child. Made by [`ractor_child`].
#[must_use = "a child does nothing until its supervisor is started"]
pub struct RactorChild<H: RactorActor> {
    name: Arc<str>,
    make: Arc<dyn Fn() -> (H, H::Arguments) + Send + Sync>,
    policy: Policy,
}

/// A plain ractor actor as a child: `make` makes handler and arguments at each
/// start.
///
/// It is restarted as any other child. Its mailbox is ractor's: unbounded, and
/// gone with each incarnation.
pub fn ractor_child<H: RactorActor>(
    name: impl Into<Arc<str>>,
    make: impl Fn() -> (H, H::Arguments) + Send + Sync + 'static,
) -> RactorChild<H> {
    RactorChild {
        name: name.into(),
        make: Arc::new(make),
        policy: Policy::default(),
    }
}

impl<H: RactorActor> RactorChild<H> {
    /// When it is restarted. Default [`Restart::Permanent`].
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// Makes its end matter, as
    /// [`ChildSpec::significant`](crate::actor::ChildSpec::significant) does.
    /// Default: it is not significant.
    pub fn significant(mut self) -> Self {
        self.policy.is_significant = true;
        self
    }

    /// How long to wait before it is restarted. Default: what its supervisor
    /// says.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.limits().backoff = Some(backoff);
        self
    }

    /// Has its supervisor give up at more than `max_restarts` restarts of it
    /// within `period`, as
    /// [`ChildSpec::intensity`](crate::actor::ChildSpec::intensity) does. Default:
    /// what its supervisor says of all its children together.
    pub fn intensity(mut self, max_restarts: u32, period: Duration) -> Self {
        self.policy.limits().intensity = Some(Intensity::new(max_restarts, period));
        self
    }

    /// How it is ended. Default 5 s, then a kill.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }
}

impl<H: RactorActor> fmt::Debug for RactorChild<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RactorChild({})", self.name)
    }
}

impl<H: RactorActor> From<RactorChild<H>> for AnyChild {
    fn from(child: RactorChild<H>) -> Self {
        if child.name.is_empty() || child.name.contains('/') {
            return Self::invalid(InvalidSpec::Name(child.name.to_string()));
        }
        if let Err(why) = child.policy.validate() {
            return Self::invalid(why);
        }
        let launch = RactorLaunch {
            slot: Arc::new(Slot::new(
                Name::Plain(child.name),
                &Mailbox::bounded(1),
                None,
            )),
            make: child.make,
            cell: Arc::new(Mutex::new(None)),
        };
        Self::new(Arc::new(launch), child.policy)
    }
}

type Make<H> = Arc<dyn Fn() -> (H, <H as RactorActor>::Arguments) + Send + Sync>;
type Cell = Arc<Mutex<Option<ActorCell>>>;

struct RactorLaunch<H: RactorActor> {
    slot: Arc<Slot<()>>,
    make: Make<H>,
    /// The present incarnation.
    cell: Cell,
}

impl<H: RactorActor> RactorLaunch<H> {
    fn with_cell(&self, act: impl FnOnce(&ActorCell)) {
        let cell = self.cell.lock().clone();
        if let Some(cell) = cell {
            act(&cell);
        }
    }
}

impl<H: RactorActor> fmt::Debug for RactorLaunch<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RactorLaunch({:?})", self.slot)
    }
}

impl<H: RactorActor> Launch for RactorLaunch<H> {
    fn slot(&self) -> Arc<dyn AnySlot> {
        Arc::clone(&self.slot) as Arc<dyn AnySlot>
    }

    fn settle_in(&self, place: Arc<Place>) {
        self.slot.settle_in(place);
    }

    fn launch(&self, nest: Nest<'_>, key: u64, birth: Birth) {
        let report = Report {
            slot: Arc::clone(&self.slot),
            incarnation: self.slot.next_incarnation(birth),
            overseer: nest.overseer,
            key,
            ended: None,
        };
        let warden = Warden::<H>(std::marker::PhantomData);
        let arguments = (Arc::clone(&self.make), Arc::clone(&self.cell), report);
        // The warden owns the task by being linked to the supervisor; if its
        // start fails, the report it holds says so when it is dropped.
        let parent = nest.cell.cloned();
        drop(spawn_owned(async move {
            let _ = match parent {
                Some(parent) => RactorActor::spawn_linked(None, warden, arguments, parent).await,
                None => RactorActor::spawn(None, warden, arguments).await,
            };
        }));
    }

    fn revive(&self) {
        self.slot.revive();
    }

    fn stop(&self) {
        self.with_cell(|cell| cell.stop(None));
    }

    fn drain(&self, _by: Option<Instant>) {
        self.with_cell(|cell| {
            // It has ended already: nothing is left to drain.
            let _ = cell.drain();
        });
    }

    fn kill(&self) {
        self.with_cell(ActorCell::kill);
    }

    fn end(&self, exit: Exit) {
        AnySlot::end(&*self.slot, exit);
    }

    fn node(&self) -> Node {
        Node::of(&*self.slot, "ractor")
    }

    fn counts(&self) -> Counts {
        Counts::default()
    }
}

/// Tells the supervisor how the incarnation ended, when it is dropped.
struct Report {
    slot: Arc<Slot<()>>,
    incarnation: u32,
    overseer: Arc<dyn Overseer>,
    key: u64,
    ended: Option<Ended>,
}

impl Drop for Report {
    fn drop(&mut self) {
        let ended = self.ended.take().unwrap_or(Ended::Exited(Exit::Killed));
        if let Ended::NotStarted(exit) | Ended::Exited(exit) = &ended {
            self.slot.note_exit(exit);
        }
        self.overseer.ended(self.key, self.incarnation, ended);
    }
}

/// A ractor supervisor of one child: it learns how the child ended, which only
/// a linked supervisor does.
struct Warden<H>(std::marker::PhantomData<fn(H)>);

impl<H: RactorActor> RactorActor for Warden<H> {
    type Msg = u64;
    type State = (Cell, Report);
    type Arguments = (Make<H>, Cell, Report);

    async fn pre_start(
        &self,
        myself: RactorRef<u64>,
        (make, cell, mut report): Self::Arguments,
    ) -> Result<Self::State, ActorProcessingErr> {
        // A factory that panics, or an actor that does not start, has not
        // started; the report is dropped with that on it.
        report.ended = Some(Ended::NotStarted(Exit::Panicked(
            "its factory panicked".into(),
        )));
        let (handler, arguments) = make();
        let started = RactorActor::spawn_linked(None, handler, arguments, myself.get_cell()).await;
        match started {
            Ok((actor, _)) => {
                report.ended = None;
                *cell.lock() = Some(actor.get_cell());
                report.slot.set_ready();
                report.overseer.started(report.key, report.incarnation);
                Ok((cell, report))
            }
            Err(error) => {
                let error = error.to_string();
                report.ended = Some(Ended::NotStarted(Exit::failed(error.clone())));
                Err(error.into())
            }
        }
    }

    async fn handle_supervisor_evt(
        &self,
        myself: RactorRef<u64>,
        event: SupervisionEvent,
        (cell, report): &mut Self::State,
    ) -> Result<(), ActorProcessingErr> {
        let exit = match event {
            SupervisionEvent::ActorTerminated(_, _, None) => Exit::Normal,
            SupervisionEvent::ActorTerminated(_, _, Some(why)) if why == "killed" => Exit::Killed,
            SupervisionEvent::ActorTerminated(_, _, Some(why)) => Exit::Shutdown(Some(why.into())),
            SupervisionEvent::ActorFailed(_, error) => Exit::failed(error.to_string()),
            _ => return Ok(()),
        };
        *cell.lock() = None;
        report.ended = Some(Ended::Exited(exit));
        myself.stop(None);
        Ok(())
    }
}

/// A ractor reference to one of our actors: a small ractor actor that passes
/// messages on, waiting for room.
///
/// It ends when our actor has ended for good. ractor's queue in front of it is
/// unbounded, as all of ractor's are.
///
/// # Errors
///
/// ractor's own, when it cannot start an actor.
pub async fn to_ractor<M: Message>(actor: ActorRef<M>) -> Result<RactorRef<M>, ractor::SpawnErr> {
    let forward = Forward(std::marker::PhantomData);
    let (reference, _) = RactorActor::spawn(None, forward, actor).await?;
    Ok(reference)
}

struct Forward<M>(std::marker::PhantomData<fn(M)>);

impl<M: Message> RactorActor for Forward<M> {
    type Msg = M;
    type State = ActorRef<M>;
    type Arguments = ActorRef<M>;

    async fn pre_start(
        &self,
        _myself: RactorRef<M>,
        actor: ActorRef<M>,
    ) -> Result<ActorRef<M>, ActorProcessingErr> {
        Ok(actor)
    }

    async fn handle(
        &self,
        myself: RactorRef<M>,
        msg: M,
        actor: &mut ActorRef<M>,
    ) -> Result<(), ActorProcessingErr> {
        if actor.tell(msg).await.is_err() {
            myself.stop(Some("the actor behind it has ended".to_owned()));
        }
        Ok(())
    }
}
