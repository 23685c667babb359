//! Tasks that wait until others are done.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{ActorSubscription, Bus, Published, TaskEvent};
use crate::actor::{Actor, ActorRef, BoxError, ChildSpec, Context, InvalidSpec, Reply, System};
use crate::supervision::StartError;

/// Tasks that one may wait for.
const MOST_AWAITED: usize = 64;

/// Tasks whose end is remembered, for those that are held later.
const MOST_REMEMBERED: usize = 1_000;

/// Why a task is not held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotHeld {
    /// It waits already.
    Waits(Arc<str>),
    /// It would wait for itself, by way of this one.
    Circle(Arc<str>),
    /// It waits for more tasks than may be.
    TooMany(usize),
    /// As many tasks wait as may.
    Full(usize),
    /// Nobody holds tasks any more, or not in time.
    Unanswered,
}

impl fmt::Display for NotHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waits(task) => write!(f, "{task:?} waits already, give it another name"),
            Self::Circle(task) => write!(f, "it would wait for itself by way of {task:?}"),
            Self::TooMany(tasks) => {
                write!(
                    f,
                    "a task waits for {MOST_AWAITED} others at most and not {tasks}"
                )
            }
            Self::Full(most) => write!(f, "{most} tasks wait, and no more may, try later"),
            Self::Unanswered => f.write_str("the one who holds tasks did not answer"),
        }
    }
}

impl Error for NotHeld {}

/// How a held task comes to move on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Moved {
    Ready(Arc<str>),
    /// Because of this one.
    Failed(Arc<str>, Arc<str>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Completed,
    Failed,
}

/// Who waits for whom. Pure: news in, moves out.
#[derive(Debug)]
struct Waiting {
    most: usize,
    /// By task, what it still waits for.
    held: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// How tasks ended, and in which order that was heard.
    ends: BTreeMap<Arc<str>, End>,
    order: VecDeque<Arc<str>>,
}

impl Waiting {
    fn new(most: usize) -> Self {
        Self {
            most,
            held: BTreeMap::new(),
            ends: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    fn hold(&mut self, task: &Arc<str>, after: Vec<Arc<str>>) -> Result<Vec<Moved>, NotHeld> {
        if self.held.contains_key(task) {
            return Err(NotHeld::Waits(Arc::clone(task)));
        }
        if after.len() > MOST_AWAITED {
            return Err(NotHeld::TooMany(after.len()));
        }
        if let Some(by) = self.way_back(task, &after) {
            return Err(NotHeld::Circle(by));
        }
        let ended = |end| {
            let mut after = after.iter();
            after.find(|it| self.ends.get(*it) == Some(&end)).cloned()
        };
        if let Some(because) = ended(End::Failed) {
            return Ok(self.end(task, End::Failed, Some(because)));
        }
        let open = after.iter().filter(|it| !self.ends.contains_key(*it));
        let open: BTreeSet<_> = open.cloned().collect();
        if open.is_empty() {
            return Ok(vec![Moved::Ready(Arc::clone(task))]);
        }
        if self.held.len() >= self.most {
            return Err(NotHeld::Full(self.most));
        }
        self.held.insert(Arc::clone(task), open);
        Ok(Vec::new())
    }

    /// The first of these that waits for the task, by way of others or not.
    fn way_back(&self, task: &Arc<str>, after: &[Arc<str>]) -> Option<Arc<str>> {
        after
            .iter()
            .find(|first| self.leads_to(first, task))
            .cloned()
    }

    fn leads_to(&self, from: &Arc<str>, task: &Arc<str>) -> bool {
        let (mut seen, mut left) = (BTreeSet::new(), vec![from]);
        while let Some(at) = left.pop() {
            if at == task {
                return true;
            }
            if seen.insert(at) {
                left.extend(self.held.get(at).into_iter().flatten());
            }
        }
        false
    }

    fn completed(&mut self, task: &Arc<str>) -> Vec<Moved> {
        if self.ends.contains_key(task) {
            return Vec::new();
        }
        self.held.remove(task);
        self.remember(task, End::Completed);
        let mut ready = Vec::new();
        for (held, open) in &mut self.held {
            if open.remove(task) && open.is_empty() {
                ready.push(Arc::clone(held));
            }
        }
        for task in &ready {
            self.held.remove(task);
        }
        ready.into_iter().map(Moved::Ready).collect()
    }

    fn failed(&mut self, task: &Arc<str>) -> Vec<Moved> {
        if self.ends.contains_key(task) {
            return Vec::new();
        }
        self.end(task, End::Failed, None)
    }

    /// It has failed, and with it all that wait for it.
    fn end(&mut self, task: &Arc<str>, end: End, because: Option<Arc<str>>) -> Vec<Moved> {
        let mut moved: Vec<_> = because
            .map(|because| Moved::Failed(Arc::clone(task), because))
            .into_iter()
            .collect();
        let mut left = vec![Arc::clone(task)];
        while let Some(failed) = left.pop() {
            self.held.remove(&failed);
            self.remember(&failed, end);
            for (held, open) in &self.held {
                if open.contains(&failed) {
                    left.push(Arc::clone(held));
                    moved.push(Moved::Failed(Arc::clone(held), Arc::clone(&failed)));
                }
            }
            // Each fails once, because of the first.
            self.held.retain(|_, open| !open.contains(&failed));
        }
        moved
    }

    fn remember(&mut self, task: &Arc<str>, end: End) {
        if self.ends.insert(Arc::clone(task), end).is_none() {
            self.order.push_back(Arc::clone(task));
        }
        if self.order.len() > MOST_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ends.remove(&oldest);
        }
    }
}

/// Holds tasks until those they depend on are completed.
///
/// It listens to `task:completed` and `task:failed`, and announces `task:ready` when
/// all that a task waited for is done, `task:failed` when one of those failed or it has
/// waited too long. A [trigger](Bus::on) on `task:ready` does the rest.
///
/// # Examples
///
/// ```
/// use callboard::prelude::*;
/// use callboard::coordination::bus::{Bus, Dependents, TaskEvent};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let bus: Bus<TaskEvent> = Bus::new();
/// let mut ready = bus.subscribe("task:ready")?;
/// let dependents = Dependents::new(&bus).start(&system, "dependents").await?;
/// dependents.hold("publish", ["write", "draw"]).await?;
///
/// let done = |task: &str| TaskEvent::TaskCompleted { task: task.into(), agents: vec![] };
/// bus.announce(done("write"));
/// bus.announce(done("draw"));
/// let event = ready.next().await.expect("the bus is there");
/// assert_eq!(event.event, TaskEvent::TaskReady { task: "publish".into() });
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it is started"]
pub struct Dependents {
    bus: Bus<TaskEvent>,
    most: usize,
    mailbox: usize,
    within: Duration,
}

impl Dependents {
    /// Holds tasks for this bus.
    pub fn new(bus: &Bus<TaskEvent>) -> Self {
        Self {
            bus: bus.clone(),
            most: 1_000,
            mailbox: 1_024,
            within: Duration::from_secs(3_600),
        }
    }

    /// Tasks that may wait. Default 1,000.
    pub fn most(mut self, tasks: usize) -> Self {
        self.most = tasks;
        self
    }

    /// How long a task may wait; then it fails, since an event may have been lost.
    /// Default 1 h.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Starts it as an actor of this name, for as long as the result is kept.
    ///
    /// # Errors
    ///
    /// The name cannot be used, or the system has ended.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<DependentsRef, StartError> {
        let bus = self.bus.clone();
        let spec = ChildSpec::new(name, move || Holder {
            waiting: Waiting::new(self.most),
            bus: self.bus.clone(),
            within: self.within,
        });
        let actor = system.spawn(spec.mailbox(self.mailbox)).await?;
        let hears = actor.contramap(Command::Heard);
        let subscribe = |filter| bus.subscribe_actor(filter, &hears);
        let refused = |why: super::InvalidTopic| InvalidSpec::Wiring(why.to_string());
        Ok(DependentsRef {
            heard: [
                subscribe("task:completed").map_err(refused)?,
                subscribe("task:failed").map_err(refused)?,
            ],
            actor,
        })
    }
}

/// Holds tasks. Dropping it ends it: held tasks are not heard of again.
#[derive(Debug)]
#[must_use = "it ends when this is dropped"]
pub struct DependentsRef {
    actor: ActorRef<Command>,
    heard: [ActorSubscription<TaskEvent>; 2],
}

impl DependentsRef {
    /// Holds a task until these others are completed; one that ended before counts,
    /// while it is among the last thousand.
    ///
    /// # Errors
    ///
    /// [`NotHeld`]: it waits already, would wait for itself, or there is no room.
    pub async fn hold<S: Into<Arc<str>>>(
        &self,
        task: impl Into<Arc<str>>,
        after: impl IntoIterator<Item = S>,
    ) -> Result<(), NotHeld> {
        let (task, after) = (task.into(), after.into_iter().map(Into::into).collect());
        let held = self.actor.ask(|reply_to| Command::Hold {
            task,
            after,
            reply_to,
        });
        held.await.unwrap_or(Err(NotHeld::Unanswered))
    }

    /// Events for which there was no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.heard.iter().map(ActorSubscription::lost).sum()
    }
}

impl Drop for DependentsRef {
    fn drop(&mut self) {
        self.actor.stop();
    }
}

enum Command {
    Heard(Arc<Published<TaskEvent>>),
    Hold {
        task: Arc<str>,
        after: Vec<Arc<str>>,
        reply_to: Reply<Result<(), NotHeld>>,
    },
    /// It has waited long enough.
    Late(Arc<str>),
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Heard(_) => "Heard",
            Self::Hold { .. } => "Hold",
            Self::Late(_) => "Late",
        })
    }
}

struct Holder {
    waiting: Waiting,
    bus: Bus<TaskEvent>,
    within: Duration,
}

impl Holder {
    fn announce(&self, moved: Vec<Moved>) {
        for moved in moved {
            self.bus.announce(match moved {
                Moved::Ready(task) => TaskEvent::TaskReady { task },
                Moved::Failed(task, because) => TaskEvent::TaskFailed {
                    task,
                    why: format!("it depends on {because:?}, which failed").into(),
                },
            });
        }
    }
}

impl Actor for Holder {
    type Msg = Command;

    async fn handle(&mut self, msg: Command, cx: &mut Context<Self>) -> Result<(), BoxError> {
        let moved = match msg {
            Command::Heard(event) => match &event.event {
                TaskEvent::TaskCompleted { task, .. } => self.waiting.completed(task),
                TaskEvent::TaskFailed { task, .. } => self.waiting.failed(task),
                _ => Vec::new(),
            },
            Command::Hold {
                task,
                after,
                reply_to,
            } => {
                let held = self.waiting.hold(&task, after);
                if self.waiting.held.contains_key(&task) && held.is_ok() {
                    cx.send_after(self.within, Command::Late(task));
                }
                let (answer, moved) = match held {
                    Ok(moved) => (Ok(()), moved),
                    Err(why) => (Err(why), Vec::new()),
                };
                reply_to.send(answer);
                moved
            }
            Command::Late(task) if self.waiting.held.contains_key(&task) => {
                let moved = self.waiting.failed(&task);
                let why = format!("it waited longer than {:?}", self.within).into();
                self.bus.announce(TaskEvent::TaskFailed { task, why });
                moved
            }
            Command::Late(_) => Vec::new(),
        };
        self.announce(moved);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
