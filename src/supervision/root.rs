//! What a system can do because it has supervisors.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::errors::StartError;
use super::handle::{Begun, SupervisorRef};
use super::keeper::Input;
use super::launch::{Launch, Nest};
use super::plan::Manner;
use super::supervisor::Body;
use super::tree::Node;
use crate::actor::core::host::{Ended, Host, Overseer};
use crate::actor::core::slot::{AnySlot, Birth};
use crate::actor::launch::spawn_once;
use crate::actor::system::{Kernel, System, Tree, clock};
use crate::actor::{Actor, ActorRef, ChildSpec, Context, Exit};
use crate::mailbox::Counts;

/// How long a shutdown waits for killed actors to be gone: a kill is seen at
/// the next suspension, so only synchronous code takes longer.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// The root's own overseer: when the root ends, the system is over.
struct Top {
    kernel: std::sync::Weak<Kernel>,
    body: std::sync::Weak<Body>,
}

impl Overseer for Top {
    fn started(&self, _key: u64, _incarnation: u32) {}

    fn ended(&self, _key: u64, _incarnation: u32, ended: Ended) {
        let exit = match ended {
            Ended::Ignored => Exit::Normal,
            Ended::NotStarted(exit) | Ended::Exited(exit) => exit,
        };
        if let Some(kernel) = self.kernel.upgrade() {
            kernel.finish();
            kernel.registry().clear();
            let root = kernel.root().lock().take();
            drop(root);
        }
        if let Some(body) = self.body.upgrade() {
            body.end(exit);
        }
    }
}

struct Root(Arc<Body>);

impl Tree for Root {
    fn kill(&self) {
        if let Some(keep) = self.0.keep() {
            keep.push(Input::ShutDown(Exit::shutdown(), Manner::Kill));
        }
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

pub(super) fn existing(kernel: &Kernel) -> Option<Arc<Body>> {
    let root = kernel.root().lock().clone()?;
    let root = root.as_any().downcast::<Root>().ok()?;
    Some(Arc::clone(&root.0))
}

/// The root supervisor, started at first use.
pub(crate) fn root(kernel: &Arc<Kernel>) -> Result<SupervisorRef, StartError> {
    let runtime = kernel.runtime()?;
    let mut root = kernel.root().lock();
    if let Some(there) = root.clone()
        && let Ok(there) = there.as_any().downcast::<Root>()
    {
        return Ok(SupervisorRef::of(Arc::clone(&there.0)));
    }
    if kernel.is_over() {
        return Err(StartError::Ending);
    }
    let body = Body::root(kernel, kernel.config().intensity);
    let overseer = Arc::new(Top {
        kernel: Arc::downgrade(kernel),
        body: Arc::downgrade(&body),
    });
    let _entered = runtime.enter();
    body.launch(
        Nest {
            overseer,
            cell: None,
        },
        0,
        Birth::First,
    );
    *root = Some(Arc::new(Root(Arc::clone(&body))));
    Ok(SupervisorRef::of(body))
}

/// What a shutdown found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The paths of those that had not ended in time and were killed.
    pub unfinished: Vec<String>,
    /// The books of all mailboxes that the system ever had.
    pub counts: Counts,
    /// How long it took, by the system's clock.
    pub took: Duration,
}

/// The system has been shut down already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlreadyShutDown;

impl fmt::Display for AlreadyShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system has been shut down already")
    }
}

impl std::error::Error for AlreadyShutDown {}

impl System {
    /// Starts an actor under the system's root supervisor and waits until it is
    /// ready.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn spawn<A: Actor>(
        &self,
        spec: ChildSpec<A>,
    ) -> Result<ActorRef<A::Msg>, StartError> {
        spec.validate()?;
        let root = root(self.kernel())?;
        let actor = spec.actor_ref();
        match root.add(spec.into()).await? {
            Begun::Up => Ok(actor),
            Begun::Ignored => {
                // Nobody could ask it back by this call, so its name is free
                // again; it is down, so nothing else can be the answer.
                let _ = root.delete_child(&actor).await;
                Err(StartError::Ignored)
            }
        }
    }

    /// Starts an actor that nobody restarts, without waiting for its start
    /// hook. It is in the tree, and ends with the system.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`], [`StartError::NoRuntime`] and
    /// [`StartError::Ending`].
    pub fn spawn_detached<A: Actor>(
        &self,
        spec: ChildSpec<A>,
    ) -> Result<ActorRef<A::Msg>, StartError> {
        let parts = spec.into_parts()?;
        let kernel = self.kernel();
        let runtime = kernel.runtime()?;
        let slot = Arc::clone(&parts.slot);
        let (place, at) = kernel.add_detached(Arc::clone(&slot) as Arc<dyn AnySlot>);
        if parts.is_known {
            slot.settle_in(place);
        } else {
            slot.settle_alone(place);
        }
        // Checked after it was entered: of a shutdown and this start, one sees
        // the other.
        if kernel.is_over() {
            kernel.remove_detached(slot.id(), at);
            slot.end(Exit::shutdown());
            return Err(StartError::Ending);
        }
        spawn_once(parts, runtime, at);
        Ok(ActorRef::from_slot(slot))
    }

    /// The live tree, as data; its `Display` is the tree as text.
    #[must_use]
    pub fn tree(&self) -> Node {
        let kernel = self.kernel();
        let mut node = match existing(kernel) {
            Some(root) => root.node(),
            None => Node::empty(kernel.name()),
        };
        for slot in kernel.detached() {
            node.children.push(Node::of(&*slot, "actor"));
        }
        node
    }

    /// The books of all mailboxes that the system ever had, open and closed.
    ///
    /// Each mailbox's part is a snapshot under its own lock, so the sum always
    /// balances; messages that move between actors meanwhile may be in either.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let kernel = self.kernel();
        let mut sum = kernel.closed_counts();
        if let Some(root) = existing(kernel) {
            sum += root.counts();
        }
        for slot in kernel.detached() {
            if slot.exit().is_none() {
                sum += slot.counts();
            }
        }
        sum
    }

    /// Ends the system in order: children finish their queues one by one, last
    /// started first; whoever has not ended within `timeout` is killed and
    /// listed in the report. What was accepted and not handled becomes dead
    /// letters.
    ///
    /// It returns within `timeout` and a second, even where synchronous code
    /// cannot be interrupted.
    ///
    /// # Errors
    ///
    /// [`AlreadyShutDown`].
    pub async fn shutdown(&self, timeout: Duration) -> Result<ShutdownReport, AlreadyShutDown> {
        let kernel = self.kernel();
        let root = existing(kernel);
        if !kernel.finish() {
            return Err(AlreadyShutDown);
        }
        let began = clock();
        let by = began.checked_add(timeout);
        if let Some(body) = root {
            let root = SupervisorRef::of(Arc::clone(&body));
            if let Some(keep) = body.keep() {
                keep.push(Input::ShutDown(Exit::shutdown(), Manner::Drain(by)));
            }
            until(by.and_then(|by| by.checked_add(GRACE)), root.closed()).await;
        }
        let detached = kernel.detached();
        for slot in &detached {
            slot.drain();
        }
        for slot in detached.iter().rev() {
            let closed = || std::future::poll_fn(|task| slot.poll_closed(task.waker()));
            if until(by, closed()).await.is_none() {
                kernel.note_killed(&slot.path());
                slot.kill();
                let limit = by.unwrap_or(began).checked_add(GRACE);
                until(limit, closed()).await;
            }
        }
        Ok(ShutdownReport {
            unfinished: kernel.take_killed(),
            counts: self.counts(),
            took: clock().saturating_duration_since(began),
        })
    }

    /// Waits for Ctrl-C or, on Unix, SIGTERM. Opt-in: the library installs no
    /// handler by itself.
    ///
    /// # Errors
    ///
    /// When the handler cannot be installed.
    pub async fn interrupted(&self) -> std::io::Result<Interrupt> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut term = signal(SignalKind::terminate())?;
            tokio::select! {
                biased;
                caught = tokio::signal::ctrl_c() => caught.map(|()| Interrupt::CtrlC),
                _ = term.recv() => Ok(Interrupt::Terminate),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await.map(|()| Interrupt::CtrlC)
    }
}

/// What asked the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interrupt {
    /// Ctrl-C, or SIGINT.
    CtrlC,
    /// SIGTERM.
    Terminate,
}

/// `None`: it did not come in time.
pub(super) async fn until<F: Future>(at: Option<Instant>, future: F) -> Option<F::Output> {
    match at {
        Some(at) => tokio::time::timeout_at(at.into(), future).await.ok(),
        None => Some(future.await),
    }
}

impl<A: Actor> Context<A> {
    /// Starts an actor under the system's root supervisor. It does not end with
    /// this one; watch it, or give it to a supervisor of your own.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn spawn<B: Actor>(
        &self,
        spec: ChildSpec<B>,
    ) -> Result<ActorRef<B::Msg>, StartError> {
        self.system().spawn(spec).await
    }
}
