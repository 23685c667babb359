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

    /// Whether the actor is able to work. Asked before it counts as ready.
    /// Default: it is.
    ///
    /// # Errors
    ///
    /// At start, an error refuses the start.
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
