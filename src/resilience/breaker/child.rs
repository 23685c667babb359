//! The breaker at a child's own door: whoever asks the child asks past it,
//! whatever reference it has.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::Breaker;
use crate::actor::core::gate::{Door, Gate};
use crate::actor::{Actor, ActorRef, ChildSpec, ChildTemplate, FaultClass};
use crate::policy::breaker::{BreakerConfig, Outcome, Permit, State};

impl Gate for Breaker {
    fn admit(&self) -> Result<Permit, Duration> {
        Breaker::admit(self).map_err(|open| open.retry_after)
    }

    fn settle(&self, permit: Permit, outcome: Outcome) {
        Breaker::settle(self, permit, outcome);
    }

    fn judge(&self, class: FaultClass) -> Outcome {
        (self.judge)(class)
    }

    fn strike(&self) {
        Breaker::strike(self);
    }

    fn shut(&self) {
        // Whoever forced or disabled it by hand knows better. One that is open
        // already waits from now on.
        if matches!(self.state(), State::Closed | State::Open | State::HalfOpen) {
            let _ = self.turn(State::Open);
        }
    }

    fn is_passable(&self) -> bool {
        Breaker::is_passable(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn door(config: BreakerConfig) -> Arc<Door> {
    Arc::new(Door {
        config,
        make: |name, config| Box::new(Breaker::new(name, config)),
    })
}

impl<A: Actor> ChildSpec<A> {
    /// Puts a breaker of the child's name at its door. Default: there is none.
    ///
    /// Failed, slow and late answers open it, and so does a crash, whoever
    /// caused it: once for each crash. While it is open every ask is refused at
    /// once as [`AskError::Refused`](crate::actor::AskError::Refused), with the
    /// question and the time to come again, through every reference to the
    /// child and every [`WorkerRef`](crate::actor::WorkerRef) made of one; after
    /// its wait, asks are its probes. An answer is a success, a worker's
    /// [`Fault`](crate::actor::Fault) is judged by its class
    /// ([`Breaker::judge`]), and an orderly end of the child says nothing. An
    /// ask's time runs from the ask to its answer, the wait in the mailbox
    /// included.
    ///
    /// Tells are not held back: they have no outcome. An ask that is dropped
    /// gives its permit back and counts neither way. The breaker belongs to the child's
    /// slot, so it stays as it is over restarts; [`ActorRef::breaker`] is its
    /// handle. A child without one pays nothing.
    ///
    /// ```
    /// use callboard::policy::breaker::State;
    /// use callboard::prelude::*;
    ///
    /// struct Fragile;
    ///
    /// impl Worker for Fragile {
    ///     type In = u32;
    ///     type Out = u32;
    ///     async fn work(&mut self, input: u32, _cx: &mut Context<Self>) -> Result<u32, Fault> {
    ///         input.checked_sub(1).ok_or_else(|| Fault::transient("nothing left"))
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let system = System::new("demo");
    /// let spec = ChildSpec::new("fragile", || Fragile).breaker(Breaker::consecutive(1));
    /// let fragile = system.spawn(spec).await?;
    /// let worker = WorkerRef::from(fragile.clone());
    /// assert_eq!(worker.ask(1).await.unwrap().value, 0);
    /// assert_eq!(worker.ask(0).await.unwrap_err().class(), FaultClass::Transient);
    /// let refused = worker.ask(1).await.unwrap_err();
    /// assert_eq!(refused.class(), FaultClass::Cascading);
    /// assert!(refused.retry_after().is_some());
    /// assert_eq!(fragile.breaker().unwrap().state(), State::Open);
    /// # Ok(())
    /// # }
    /// ```
    pub fn breaker(self, config: BreakerConfig) -> Self {
        self.door(door(config))
    }
}

impl<A: Actor> ChildTemplate<A> {
    /// Puts a breaker at the door of each child, one for each, as
    /// [`ChildSpec::breaker`] does. Default: there is none.
    #[must_use]
    pub fn breaker(self, config: BreakerConfig) -> Self {
        self.door(door(config))
    }
}

impl<M: Send + 'static> ActorRef<M> {
    /// The breaker at the actor's door; `None` if its spec asks for none.
    #[must_use]
    pub fn breaker(&self) -> Option<Breaker> {
        let gate = self.any().gate()?;
        gate.as_any().downcast_ref::<Breaker>().cloned()
    }
}
