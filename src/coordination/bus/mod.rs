//! Events by topic: whoever is interested hears of them, and nobody waits.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::bus::{Bus, TaskEvent, Topic};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let bus: Bus<TaskEvent> = Bus::new();
//! let mut tasks = bus.subscribe("task:*")?;
//! bus.announce(TaskEvent::TaskCreated { task: "t1".into() });
//! bus.announce(TaskEvent::AgentAvailable { agent: "a".into() });
//!
//! let created = tasks.next().await.expect("the bus is there");
//! assert_eq!(created.topic, Topic::TASK_CREATED);
//! assert!(tasks.try_next().is_none(), "the other one is about an agent");
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *Which topics does a filter match?* Itself; `*` stands for one segment, as in
//! `task:*` and `*:created`; `**` at the end stands for any number, also none, as in
//! `task:**`; `*` or `**` alone are everything
//! (`d8_a_wildcard_stands_for_one_segment_and_two_stars_for_the_rest`).
//!
//! *What happens when a subscriber is slow?* It may be 64 events behind unless said
//! otherwise; then it loses the oldest, and [`Subscription::lost`] counts them. Neither
//! the publisher nor anybody else waits
//! (`d20_a_slow_subscriber_holds_up_nobody_and_counts_what_it_missed`).
//!
//! *How often does an event come?* Once at most, to those who are subscribed when it is
//! published. What has to arrive is a message to an actor, or a task.
//!
//! *In which order?* A subscriber sees the events of one publisher in their order; of
//! two at once, in either.
//!
//! *Can several share the work?* The members of a [group](Bus::join) get each event
//! once between them, whoever is free first; what nobody has taken waits for the others
//! (`d20_one_member_of_a_group_gets_each_event`). Everybody else gets every event.
//!
//! *Can an actor subscribe?* [`Bus::subscribe_actor`] tells it, within what its mailbox
//! takes (`d8_an_actor_is_told_of_events_and_its_mailbox_is_the_bound`).
//!
//! *Can an event begin something?* [`Bus::on`] asks a worker for each;
//! [`Dependents`] hold a task until others are completed.
//!
//! *What was said to whom?* A [`History`] keeps it, by agent.
//!
//! *When does it end?* A subscription ends when dropped, all of them with the last
//! clone of the bus (`d8_a_subscription_ends_when_it_is_dropped_and_with_the_bus`).
//!
//! *What does it cost?* A publication walks the topic's segments and writes once for
//! each filter that matches, however many listen to it; filters that do not match are
//! not looked at. An actor is one send each.

mod dependents;
mod event;
mod history;
mod index;
mod subscription;
mod topic;
mod trigger;

pub use dependents::{Dependents, DependentsRef, NotHeld};
pub use event::TaskEvent;
pub use history::{History, HistoryConfig};
pub use subscription::{ActorSubscription, Subscription};
pub use topic::{InvalidTopic, Topic};
pub use trigger::{Trigger, TriggerRef};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use self::index::Index;
use self::subscription::{Group, Kind, Leave, Source, Taken, Tap};
use self::topic::Filter;
use crate::actor::ActorRef;
use crate::actor::core::scope;
use crate::actor::core::shell::catch;
use crate::actor::feed::Feed;
use crate::sync::Mutex;

/// Events that a subscriber may be behind, where it is not said.
const CAPACITY: usize = 64;

/// An event as it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published<E> {
    /// Its number on this bus, from 0.
    pub id: u64,
    /// What it is about.
    pub topic: Topic,
    /// How many workflows led to it, one after the other: 0 unless a
    /// [trigger](Bus::on) announced it.
    pub depth: u32,
    /// What happened.
    pub event: E,
}

/// Everybody who listens with the same filter.
pub(super) struct Channel<E> {
    feed: Feed<Arc<Published<E>>>,
    places: AtomicUsize,
    members: Mutex<Members<E>>,
}

struct Members<E> {
    /// Replaced at a change, so that it can be read without the lock.
    taps: Arc<[Arc<Tap<E>>]>,
    /// With the number of members.
    groups: BTreeMap<Arc<str>, (Arc<Group<E>>, usize)>,
}

impl<E: Send + Sync + 'static> Channel<E> {
    fn new(capacity: usize) -> Self {
        Self {
            feed: Feed::new(capacity),
            places: AtomicUsize::new(0),
            members: Mutex::new(Members {
                taps: Arc::new([]),
                groups: BTreeMap::new(),
            }),
        }
    }

    fn emit(&self, event: &Arc<Published<E>>) {
        self.feed.emit(Arc::clone(event));
        let taps = Arc::clone(&self.members.lock().taps);
        for tap in &*taps {
            // What makes the actor's message is foreign code.
            let told = catch(|| (tap.tell)(Arc::clone(event)));
            if !matches!(told, Ok(Taken::Yes)) {
                tap.lost.fetch_add(1, Relaxed);
            }
        }
    }
}

pub(super) struct Inside<E> {
    capacity: usize,
    index: Mutex<Index<Channel<E>>>,
    next: AtomicU64,
}

impl<E> Inside<E> {
    /// A subscription is over.
    fn leave(&self, filter: &Filter, kind: &Kind<E>) {
        // What is dropped is dropped without the lock.
        let _gone = {
            let mut index = self.index.lock();
            let mut channel = None;
            let gone = index.prune(filter, |it: &Channel<E>| {
                channel = it.left(kind);
                it.places.load(Relaxed) > 0
            });
            (channel, gone)
        };
    }
}

impl<E> Channel<E> {
    /// One less has a place in it; what that took away.
    fn left(&self, kind: &Kind<E>) -> Option<Left<E>> {
        self.places.fetch_sub(1, Relaxed);
        let mut members = self.members.lock();
        match kind {
            Kind::Listener => None,
            Kind::Member(name) => {
                let (_, count) = members.groups.get_mut(name)?;
                *count -= 1;
                let is_last = *count == 0;
                let gone = is_last.then(|| members.groups.remove(name)).flatten();
                gone.map(|(group, _)| Left::Group(group))
            }
            Kind::Tap(tap) => {
                let taps = members.taps.iter().filter(|other| !Arc::ptr_eq(other, tap));
                let taps: Arc<[_]> = taps.cloned().collect();
                Some(Left::Taps(std::mem::replace(&mut members.taps, taps)))
            }
        }
    }
}

/// Kept until no lock is held.
#[allow(dead_code, reason = "it is there to be dropped")]
enum Left<E> {
    Group(Arc<Group<E>>),
    Taps(Arc<[Arc<Tap<E>>]>),
}

/// Tells everybody who is interested. Clones are the same bus.
pub struct Bus<E> {
    inside: Arc<Inside<E>>,
}

impl<E: Send + Sync + 'static> Bus<E> {
    /// A bus whose subscribers may be 64 events behind.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(CAPACITY)
    }

    /// A bus whose subscribers may be so many events behind, at least one; the next
    /// power of two counts. The bound is that of each subscriber; those with the same
    /// filter share the memory.
    #[must_use]
    pub fn with_capacity(events: usize) -> Self {
        Self {
            inside: Arc::new(Inside {
                capacity: events,
                index: Mutex::new(Index::new()),
                next: AtomicU64::new(0),
            }),
        }
    }

    /// Tells everybody who listens to this topic. Waits for nobody. Returns the
    /// event's number.
    pub fn publish(&self, topic: &Topic, event: E) -> u64 {
        self.publish_at(topic, event, 0)
    }

    fn publish_at(&self, topic: &Topic, event: E, depth: u32) -> u64 {
        let id = self.inside.next.fetch_add(1, Relaxed);
        let channels = self.inside.index.lock().matching(topic.as_str());
        if !channels.is_empty() {
            let event = Arc::new(Published {
                id,
                topic: topic.clone(),
                depth,
                event,
            });
            for channel in &channels {
                channel.emit(&event);
            }
        }
        id
    }

    /// Publishes an event of a task, an agent or a workflow under its own topic.
    pub fn announce(&self, event: TaskEvent)
    where
        E: From<TaskEvent>,
    {
        self.publish(&event.topic(), event.into());
    }

    /// Subscribes to the topics that match this filter, from now on.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`]: a segment is empty, or a wildcard is where none may be.
    pub fn subscribe(&self, filter: &str) -> Result<Subscription<E>, InvalidTopic> {
        let filter = Filter::new(filter)?;
        let stream = self.enter(&filter, |channel| channel.feed.subscribe());
        let source = Source::Alone(stream);
        Ok(Subscription::new(
            source,
            self.leave(filter, Kind::Listener),
        ))
    }

    /// Joins the group of this name that listens with this filter: each event goes to
    /// one of its members. A group begins with its first member and ends with its
    /// last.
    ///
    /// # Errors
    ///
    /// As [`Bus::subscribe`].
    pub fn join(
        &self,
        filter: &str,
        group: impl Into<Arc<str>>,
    ) -> Result<Subscription<E>, InvalidTopic> {
        let (filter, name) = (Filter::new(filter)?, group.into());
        let group = self.enter(&filter, |channel| {
            let mut members = channel.members.lock();
            let known = members
                .groups
                .entry(Arc::clone(&name))
                .or_insert_with(|| (Arc::new(Group::new(channel.feed.subscribe())), 0));
            known.1 += 1;
            Arc::clone(&known.0)
        });
        let kind = Kind::Member(name);
        Ok(Subscription::new(
            Source::Shared(group),
            self.leave(filter, kind),
        ))
    }

    /// Tells an actor, from now on, as long as the result is kept. What its mailbox
    /// has no room for is lost and counted. Use [`ActorRef::contramap`] to make its
    /// own messages of events.
    ///
    /// # Errors
    ///
    /// As [`Bus::subscribe`].
    pub fn subscribe_actor(
        &self,
        filter: &str,
        actor: &ActorRef<Arc<Published<E>>>,
    ) -> Result<ActorSubscription<E>, InvalidTopic> {
        let filter = Filter::new(filter)?;
        let actor = actor.clone();
        let tap = Arc::new(Tap {
            tell: Box::new(move |event| {
                // Whoever publishes may give up: that is not the actor's affair.
                let _own = scope::replace_request(None);
                match actor.try_tell(event) {
                    Ok(()) => Taken::Yes,
                    Err(_) => Taken::Lost,
                }
            }),
            lost: AtomicU64::new(0),
        });
        self.enter(&filter, |channel| {
            let mut members = channel.members.lock();
            let taps = members.taps.iter().chain([&tap]);
            members.taps = taps.cloned().collect();
        });
        let leave = self.leave(filter, Kind::Tap(Arc::clone(&tap)));
        Ok(ActorSubscription::new(tap, leave))
    }

    /// Takes a place in the channel of a filter.
    fn enter<T>(&self, filter: &Filter, take: impl FnOnce(&Channel<E>) -> T) -> T {
        let mut index = self.inside.index.lock();
        let channel = index.at(filter, || Channel::new(self.inside.capacity));
        channel.enter();
        take(channel)
    }

    fn leave(&self, filter: Filter, kind: Kind<E>) -> Leave<E> {
        Leave {
            bus: Arc::downgrade(&self.inside),
            filter,
            kind,
        }
    }
}

impl<E: Send + Sync + 'static> Default for Bus<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Clone for Bus<E> {
    fn clone(&self) -> Self {
        Self {
            inside: Arc::clone(&self.inside),
        }
    }
}

impl<E> fmt::Debug for Bus<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("published", &self.inside.next.load(Relaxed))
            .finish_non_exhaustive()
    }
}
