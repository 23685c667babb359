//! Ready-made agents for `callboard`, on its public API only.
//!
//! First form: the [`Notifier`], which passes what it is told to whoever
//! subscribed. The roles that know a model, a tool or a person come here too;
//! what cannot be written here shows a gap in the public API.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard_actors::{Notifier, Notify};
//! use callboard::testing::Probe;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let notifier = system.spawn(ChildSpec::new("notifier", Notifier::<String>::new)).await?;
//! let mut probe = Probe::start(&system, "probe").await?;
//!
//! notifier.tell(Notify::Subscribe(probe.actor())).await?;
//! notifier.tell(Notify::Publish("done".to_owned())).await?;
//! assert_eq!(probe.next().await, "done");
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

use callboard::prelude::*;

/// What a [`Notifier`] is told.
#[derive(Debug)]
pub enum Notify<T: Send + 'static> {
    /// Somebody wants to be told.
    Subscribe(ActorRef<T>),
    /// Somebody no longer wants to be told.
    Unsubscribe(ActorRef<T>),
    /// Tell everybody.
    Publish(T),
    /// How many were told, and how many tells found a full mailbox.
    Figures(Reply<Figures>),
    /// A subscriber has ended.
    Gone(ActorRef<T>),
}

/// What a [`Notifier`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Subscribers now.
    pub subscribers: usize,
    /// Messages passed on.
    pub told: u64,
    /// Messages that a subscriber had no room for.
    pub missed: u64,
}

/// Passes what it is told to every subscriber, at most once each.
///
/// A subscriber that is behind misses messages, counted; it cannot hold up the
/// others. One that ends is forgotten.
#[derive(Debug)]
pub struct Notifier<T: Send + 'static> {
    subscribers: Vec<ActorRef<T>>,
    figures: Figures,
}

impl<T: Send + 'static> Notifier<T> {
    /// A notifier without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self {
            subscribers: Vec::new(),
            figures: Figures::default(),
        }
    }
}

impl<T: Send + 'static> Default for Notifier<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone + Send + 'static> Actor for Notifier<T> {
    type Msg = Notify<T>;

    async fn handle(&mut self, msg: Notify<T>, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Notify::Subscribe(who) => {
                if !self.subscribers.contains(&who) {
                    let gone = who.clone();
                    cx.watch(&who, move |_| Notify::Gone(gone));
                    self.subscribers.push(who);
                }
            }
            Notify::Unsubscribe(who) | Notify::Gone(who) => {
                self.subscribers.retain(|there| *there != who);
            }
            Notify::Publish(what) => {
                for subscriber in &self.subscribers {
                    match subscriber.try_tell(what.clone()) {
                        Ok(()) => self.figures.told += 1,
                        Err(_) => self.figures.missed += 1,
                    }
                }
            }
            Notify::Figures(reply_to) => reply_to.send(Figures {
                subscribers: self.subscribers.len(),
                ..self.figures
            }),
        }
        Ok(())
    }
}
