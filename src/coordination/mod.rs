//! Patterns of several workers, each a worker again.
//!
//! First form: the streaming [`pipeline`] and the [`scatter`]. Both are pure
//! machines ([`Protocol`]) run by one supervised driver actor.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::{Need, pipeline, scatter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let parse = WorkerRef::from_fn("parse", |text: &'static str| async move {
//!     text.parse::<u32>().map_err(|error| Fault::permanent("no number").because(error))
//! });
//! let double = WorkerRef::from_fn("double", |n: u32| async move { Ok(n * 2) });
//! let square = WorkerRef::from_fn("square", |n: u32| async move { Ok(n * n) });
//!
//! let both = scatter([double, square])
//!     .need(Need::All)
//!     .combine(|scattered| Ok(scattered.into_values().into_iter().sum::<u32>()))
//!     .start(&system, "both")
//!     .await?;
//! let sums = pipeline("sums").then("parse", parse).then("both", both).start(&system).await?;
//!
//! assert_eq!(sums.ask("3").await?.value, 6 + 9);
//! let outcomes = sums.stream(["1", "x", "2"]).concurrency(64).collect_partial().await;
//! assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What happens when a worker fails?* The protocol decides: a pipeline ends
//! the item with the stage's name in the fault, a scatter goes by its [`Need`].
//!
//! *What happens when the driver crashes?* It is restarted; runs under way fail
//! at once as transient faults, and those that waited in its mailbox go on.
//!
//! *What is bounded?* Runs under way, calls per run, attempts, and time by the
//! asker's deadline. Further requests wait in the driver's mailbox.
//!
//! *What happens when the asker gives up?* Its calls are cancelled, down to the
//! future that a worker awaits.
//!
//! *What does a step cost?* One task and two messages.

mod driver;
mod pattern;
mod pipeline;
mod protocol;
mod scatter;

pub use pattern::Streamed;
pub use pipeline::{Pipeline, PipelineProtocol, pipeline};
pub use protocol::{Call, Effect, Feed, Happened, Protocol, StepOutcome};
pub use scatter::{Need, Scatter, ScatterProtocol, Scattered, scatter};
