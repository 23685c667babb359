//! What a user imports: `use callboard::prelude::*;`.

pub use std::time::Duration;

pub use crate::actor::{
    Actor, ActorRef, AskError, AtLimit, BoxError, Checkpointed, ChildSpec, ChildTemplate, Context,
    Down, Event, Exit, Fault, FaultClass, Lifecycle, Redeliver, Reply, Restart,
    Shutdown::{self, After},
    Started, System, SystemConfig, TellError, TryTellError, Worker, WorkerRef, ask_all,
};
pub use crate::mailbox::{Mailbox, Overflow, Unanswered};
pub use crate::policy::backoff::Backoff;
pub use crate::policy::budget::RestartBudget;
pub use crate::policy::health::HealthCheck;
pub use crate::policy::priority::Priority;
pub use crate::policy::retry::Retry;
pub use crate::resilience::{Breaker, Fallback, Retrier, Stack, StackConfig};
pub use crate::supervision::{
    AutoShutdown, Pool, PoolRef, RollingRestart, StartError, Strategy, Supervisor, SupervisorRef,
};

/// So many milliseconds.
#[must_use]
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// So many seconds.
#[must_use]
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
