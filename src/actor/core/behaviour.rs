//! The trait that users implement.

use std::future::Future;
use std::sync::Arc;

use super::context::Context;
use super::exit::{BoxError, Exit, Started};

/// One task, one mailbox, one message at a time.
///
/// The implementor is the state. Hooks are `async fn`s; an error or a panic in
/// any of them ends the incarnation, and its supervisor decides what follows.
///
/// # Order
///
/// `start` runs once, before any message. `handle` runs once per message, never
/// two at a time. `stop` runs once, after the last message, if `start` said
/// [`Started::Ready`] and the actor was not killed; also after an error or a
/// panic, whose exit it is given.
///
/// ```
/// use callboard::prelude::*;
///
/// struct Greeter;
///
/// impl Actor for Greeter {
///     type Msg = Reply<String>;
///     async fn handle(&mut self, reply_to: Self::Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
///         reply_to.send(format!("hello from {}", cx.path()));
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let greeter = system.spawn(ChildSpec::new("greeter", || Greeter)).await?;
/// assert_eq!(greeter.ask(|reply_to| reply_to).await?, "hello from demo/greeter");
/// # Ok(())
/// # }
/// ```
pub trait Actor: Sized + Send + 'static {
    /// What it is told and asked.
    type Msg: Send + 'static;

    /// Runs before the first message. Default: ready at once.
    ///
    /// # Errors
    ///
    /// An error refuses the start; the supervisor or the caller of `start`
    /// gets it.
    fn start(
        &mut self,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<Started, BoxError>> + Send {
        let _ = cx;
        async { Ok(Started::Ready) }
    }

    /// Handles one message.
    ///
    /// # Errors
    ///
    /// An error ends the incarnation as [`Exit::Failed`].
    fn handle(
        &mut self,
        msg: Self::Msg,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Runs after the last message. Default: nothing.
    ///
    /// # Errors
    ///
    /// An error turns a normal exit into [`Exit::Failed`].
    fn stop(
        &mut self,
        exit: &Exit,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = (exit, cx);
        async { Ok(()) }
    }

    /// Whether the actor is able to work. Asked before it counts as ready, and
    /// between two messages where its spec has a
    /// [health check](crate::actor::ChildSpec::health_check). Default: it is.
    ///
    /// # Errors
    ///
    /// At start, an error refuses the start. Later, an error or a panic is a
    /// failed check.
    ///
    /// # Cancel safety
    ///
    /// A later check that is not done in time is dropped where it awaits.
    fn check(
        &mut self,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// What the actor can do, for lookups by capability. Asked after each
    /// start. Default: nothing in particular.
    fn capabilities(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
}

/// An actor that hands something on to its next life: one checkpoint, the last
/// that it gave to [`Context::keep`].
///
/// A restarted actor begins with the state that its factory makes. One that
/// implements this trait then gets its checkpoint back, before its start hook.
///
/// # When it is kept
///
/// A checkpoint survives errors, panics, kills and starts that failed, and every
/// restart, planned ones too. It goes when the actor ends for good.
///
/// # What if the checkpoint is the reason for the crash?
///
/// It is given back [`RESTORED_AT_MOST`](Checkpointed::RESTORED_AT_MOST) times;
/// then it is dropped, told as
/// [`Event::CheckpointDropped`](crate::actor::Event::CheckpointDropped), and the
/// next life begins afresh. A checkpoint that a ready actor keeps is counted
/// from 0 again, one that a start hook keeps is not. So does a life that ends
/// without a crash.
///
/// ```
/// use callboard::prelude::*;
///
/// #[derive(Default)]
/// struct Counter { seen: u64 }
///
/// enum Command { Count, Crash, Seen(Reply<u64>) }
///
/// impl Actor for Counter {
///     type Msg = Command;
///     async fn handle(&mut self, msg: Command, cx: &mut Context<Self>) -> Result<(), BoxError> {
///         match msg {
///             Command::Count => {
///                 self.seen += 1;
///                 cx.keep(self.seen);
///             }
///             Command::Crash => return Err("told to".into()),
///             Command::Seen(reply_to) => reply_to.send(self.seen),
///         }
///         Ok(())
///     }
/// }
///
/// impl Checkpointed for Counter {
///     type Checkpoint = u64;
///     fn restore(&mut self, seen: &u64, _cx: &mut Context<Self>) -> Result<(), BoxError> {
///         self.seen = *seen;
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let system = System::new("demo");
/// let counter = system.spawn(ChildSpec::new("counter", Counter::default)).await?;
/// counter.tell(Command::Count).await?;
/// counter.tell(Command::Crash).await?;
/// assert_eq!(counter.ask(Command::Seen).await?, 1);
/// # Ok(())
/// # }
/// ```
pub trait Checkpointed: Actor {
    /// What is handed on. One value is held at a time, so its size is up to the
    /// actor.
    type Checkpoint: Send + Sync + 'static;

    /// How often one checkpoint is given back before it is suspected of causing
    /// the crashes. Default 3.
    const RESTORED_AT_MOST: u32 = 3;

    /// Takes over what an earlier life kept. Runs after the factory and before
    /// the start hook, in restarts only, and only if something was kept.
    ///
    /// # Errors
    ///
    /// An error is a start that failed.
    fn restore(
        &mut self,
        checkpoint: &Self::Checkpoint,
        cx: &mut Context<Self>,
    ) -> Result<(), BoxError>;
}
