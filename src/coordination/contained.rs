//! Workers whose faults are answers, for patterns that go on without somebody.

use std::future::poll_fn;
use std::task::Poll;

use crate::actor::core::shell::catch;
use crate::actor::system::clock;
use crate::actor::{BoxFuture, Fault, Request, Serve, Served, WorkerRef};

/// Asks a worker, and has an answer whatever comes of it: also of its panic.
struct Contained<A, B, Take, Give> {
    worker: WorkerRef<A, B>,
    take: Take,
    give: Give,
}

/// A worker that takes what `take` makes a question of, and whose answers and faults
/// are what `give` makes of them.
pub(crate) fn contained<In, Out, A, B>(
    worker: WorkerRef<A, B>,
    take: impl Fn(In) -> Result<A, Fault> + Send + Sync + 'static,
    give: impl Fn(Result<Served<B>, Fault>) -> Served<Out> + Send + Sync + 'static,
) -> WorkerRef<In, Out>
where
    In: Send + 'static,
    Out: Send + 'static,
    A: Send + 'static,
    B: Send + 'static,
{
    WorkerRef::new(Contained { worker, take, give })
}

impl<In, Out, A, B, Take, Give> Serve<In, Out> for Contained<A, B, Take, Give>
where
    In: Send + 'static,
    Out: Send + 'static,
    A: Send + 'static,
    B: Send + 'static,
    Take: Fn(In) -> Result<A, Fault> + Send + Sync,
    Give: Fn(Result<Served<B>, Fault>) -> Served<Out> + Send + Sync,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let answer = match (self.take)(input) {
                Err(fault) => Err(fault),
                Ok(question) => match catch(|| self.worker.ask(question).into_future()) {
                    Err(_) => Err(self.panicked()),
                    Ok(mut asked) => {
                        poll_fn(|task| match catch(|| asked.as_mut().poll(task)) {
                            Ok(polled) => polled,
                            Err(_) => Poll::Ready(Err(self.panicked())),
                        })
                        .await
                    }
                },
            };
            match answer {
                // It is the whole run that ends here, and not one who takes part.
                Err(fault) if is_over(&Request::in_force()) => Err(fault),
                answer => Ok((self.give)(answer)),
            }
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}

/// Whether the asker has given up or has no time left.
fn is_over(request: &Request) -> bool {
    request.is_cancelled()
        || request
            .time_left(clock())
            .is_some_and(|left| left.is_zero())
}

impl<A: Send + 'static, B: Send + 'static, Take, Give> Contained<A, B, Take, Give> {
    fn panicked(&self) -> Fault {
        Fault::permanent(format!("{} panicked", self.worker.name()))
    }
}
