//! Actors.
pub(crate) mod core;

pub use core::behaviour::Actor;
pub use core::context::Context;
pub use core::errors::{AskError, TellError, TryTellError};
pub use core::exit::{BoxError, Exit, Started};
pub use core::life::Lifecycle;
pub use core::refs::ActorRef;
pub use core::reply::Reply;
pub use core::slot::Down;
