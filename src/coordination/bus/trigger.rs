//! Events that begin work.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{ActorSubscription, Bus, Published, TaskEvent};
use crate::actor::{
    Actor, ActorRef, BoxError, ChildSpec, Context, Fault, InvalidSpec, Started, System, WorkerRef,
};
use crate::coordination::pattern::caught;
use crate::supervision::StartError;

/// Workflows that may lead to each other: the next one is not begun.
const MOST_DEPTH: u32 = 8;

/// A worker that is to be asked for each event. Made by [`Bus::on`].
#[must_use = "a trigger does nothing until it is started"]
pub struct Trigger<E, Out> {
    bus: Bus<E>,
    filter: String,
    worker: WorkerRef<Arc<Published<E>>, Out>,
    concurrency: usize,
    waiting: usize,
    within: Option<Duration>,
}

impl<E: Send + Sync + 'static> Bus<E> {
    /// Asks this worker, which may be any pattern, for each event that matches.
    ///
    /// The end of each is an event: `workflow:completed`, or `workflow:failed` with
    /// why. Workflows whose events begin each other are stopped after eight.
    ///
    /// ```
    /// use callboard::prelude::*;
    /// use callboard::coordination::bus::{Bus, Published, TaskEvent};
    /// use std::sync::Arc;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let system = System::new("demo");
    /// let bus: Bus<TaskEvent> = Bus::new();
    /// let mut ends = bus.subscribe("workflow:*")?;
    /// let review = WorkerRef::from_fn("review", |_: Arc<Published<TaskEvent>>| async { Ok(()) });
    /// let trigger = bus.on("task:completed", review).start(&system, "review").await?;
    ///
    /// bus.announce(TaskEvent::TaskCompleted { task: "t1".into(), agents: vec![] });
    /// let end = ends.next().await.expect("the bus is there");
    /// assert_eq!(end.event, TaskEvent::WorkflowCompleted { workflow: "review".into(), cause: 0 });
    /// # drop(trigger);
    /// # Ok(())
    /// # }
    /// ```
    pub fn on<Out: Send + 'static>(
        &self,
        filter: impl Into<String>,
        worker: impl Into<WorkerRef<Arc<Published<E>>, Out>>,
    ) -> Trigger<E, Out> {
        Trigger {
            bus: self.clone(),
            filter: filter.into(),
            worker: worker.into(),
            concurrency: 10,
            waiting: 64,
            within: None,
        }
    }
}

impl<E, Out> Trigger<E, Out>
where
    E: From<TaskEvent> + Send + Sync + 'static,
    Out: Send + 'static,
{
    /// Events that are worked on at once. Default 10.
    pub fn concurrency(mut self, events: usize) -> Self {
        self.concurrency = events.max(1);
        self
    }

    /// Events that may wait; further ones are lost and counted. Default 64.
    pub fn waiting(mut self, events: usize) -> Self {
        self.waiting = events.max(1);
        self
    }

    /// How long the work for one event may take. Default: as long as the worker takes.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Starts it as an actor of this name, for as long as the result is kept.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] with a filter that matches nothing; otherwise the name
    /// cannot be used, or the system has ended.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<TriggerRef<E>, StartError> {
        let name = name.into();
        let runs = Arc::new(Workflow {
            name: Arc::clone(&name),
            bus: self.bus.clone(),
            worker: self.worker,
            within: self.within,
            concurrency: self.concurrency,
        });
        let spec = ChildSpec::new(name, move || Runs {
            workflow: Arc::clone(&runs),
            under_way: 0,
        });
        let actor = system.spawn(spec.mailbox(self.waiting)).await?;
        let subscription = self
            .bus
            .subscribe_actor(&self.filter, &actor.contramap(Command::Happened))
            .map_err(|why| {
                actor.stop();
                InvalidSpec::Wiring(why.to_string())
            })?;
        Ok(TriggerRef {
            actor,
            subscription,
        })
    }
}

impl<E, Out> fmt::Debug for Trigger<E, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trigger({:?} -> {:?})", self.filter, self.worker)
    }
}

/// A trigger at work. Dropping it ends it, and what it has under way.
#[must_use = "a trigger ends when this is dropped"]
pub struct TriggerRef<E: Send + Sync + 'static> {
    actor: ActorRef<Command<E>>,
    subscription: ActorSubscription<E>,
}

impl<E: Send + Sync + 'static> TriggerRef<E> {
    /// Events for which there was no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.subscription.lost()
    }
}

impl<E: Send + Sync + 'static> Drop for TriggerRef<E> {
    fn drop(&mut self) {
        self.actor.stop();
    }
}

impl<E: Send + Sync + 'static> fmt::Debug for TriggerRef<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TriggerRef({})", self.actor.path())
    }
}

enum Command<E> {
    Happened(Arc<Published<E>>),
    /// The work for one event is over. Takes the system lane.
    Over,
}

/// What is done for an event.
struct Workflow<E, Out> {
    name: Arc<str>,
    bus: Bus<E>,
    worker: WorkerRef<Arc<Published<E>>, Out>,
    within: Option<Duration>,
    concurrency: usize,
}

impl<E, Out> Workflow<E, Out>
where
    E: From<TaskEvent> + Send + Sync + 'static,
    Out: Send + 'static,
{
    async fn run(&self, event: Arc<Published<E>>) {
        let (id, depth) = (event.id, event.depth);
        let mut ask = self.worker.ask(event);
        if let Some(within) = self.within {
            ask = ask.deadline(within);
        }
        let panicked = || format!("{} panicked", self.worker.name());
        let answer = caught(async { ask.await }, panicked).await;
        self.ended(id, depth, answer.map(|_| ()));
    }

    fn ended(&self, cause: u64, depth: u32, answer: Result<(), Fault>) {
        let workflow = Arc::clone(&self.name);
        let event = match answer {
            Ok(()) => TaskEvent::WorkflowCompleted { workflow, cause },
            Err(fault) => TaskEvent::WorkflowFailed {
                workflow,
                cause,
                why: fault.to_string().into(),
            },
        };
        self.bus.publish_at(&event.topic(), event.into(), depth + 1);
    }
}

struct Runs<E, Out> {
    workflow: Arc<Workflow<E, Out>>,
    under_way: usize,
}

/// Tells when dropped, however the work ended.
struct Tells<F: Fn()>(F);

impl<F: Fn()> Drop for Tells<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<E, Out> Actor for Runs<E, Out>
where
    E: From<TaskEvent> + Send + Sync + 'static,
    Out: Send + 'static,
{
    type Msg = Command<E>;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        // The last incarnation may have ended with its mailbox held.
        cx.release_mailbox();
        Ok(Started::Ready)
    }

    async fn handle(&mut self, msg: Self::Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        let workflow = Arc::clone(&self.workflow);
        match msg {
            Command::Happened(event) if event.depth < MOST_DEPTH => {
                self.under_way += 1;
                if self.under_way == workflow.concurrency {
                    cx.hold_mailbox();
                }
                let notify = cx.notifier();
                cx.run(async move {
                    let _over = Tells(move || notify(Command::Over));
                    workflow.run(event).await;
                });
            }
            // Said once: the event of this is deeper, and is passed over.
            Command::Happened(event) if event.depth == MOST_DEPTH => {
                let words =
                    format!("{MOST_DEPTH} workflows have led to this event, it begins none");
                workflow.ended(event.id, event.depth, Err(Fault::permanent(words)));
            }
            Command::Happened(_) => {}
            Command::Over => {
                self.under_way = self.under_way.saturating_sub(1);
                if self.under_way + 1 == workflow.concurrency {
                    cx.release_mailbox();
                }
            }
        }
        Ok(())
    }
}
