//! The request and reply side of an actor, and everything that answers.

mod combine;

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::core::ask::Ask;
use super::core::behaviour::Actor;
use super::core::budget::{Budget, Spending};
use super::core::context::Context;
use super::core::exit::{BoxError, Exit, Started};
use super::core::gate::{Gate, Pass};
use super::core::life::Lifecycle;
use super::core::refs::ActorRef;
use super::core::reply::Reply;
use super::core::request::{Carried, Hop, Meta, Request, Told};
use super::core::scope;
use super::fault::{Fault, FaultClass};
use super::served::{Metadata, Served};
use crate::policy::time_class::TimeClass;

/// An actor that answers: it takes an `In` and gives an `Out` or a [`Fault`].
///
/// Every worker is an [`Actor`] whose messages are [`WorkerCommand`]s. A fault is an
/// answer, not a crash: the worker goes on. A panic crashes it, and the asker
/// gets a transient fault at once.
pub trait Worker: Sized + Send + 'static {
    /// What it takes.
    type In: Send + 'static;
    /// What it gives.
    type Out: Send + 'static;

    /// Runs before the first job. Default: ready at once.
    ///
    /// # Errors
    ///
    /// An error refuses the start.
    fn start(
        &mut self,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<Started, BoxError>> + Send {
        let _ = cx;
        async { Ok(Started::Ready) }
    }

    /// Does one job.
    ///
    /// # Errors
    ///
    /// The fault goes to the asker.
    ///
    /// # Cancel safety
    ///
    /// When the asker gives up or runs out of time, the future is dropped at
    /// the `.await` where it stands, and the worker goes on with the next job:
    /// leave `self` fit for that at every `.await`.
    fn work(
        &mut self,
        input: Self::In,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<Self::Out, Fault>> + Send;

    /// What an answer says about itself: how sure it is, what it cost. Goes out
    /// with it as [`Served::metadata`]. Default: nothing.
    fn metadata(&self, answer: &Self::Out) -> Metadata {
        let _ = answer;
        Metadata::default()
    }

    /// Makes it as good as new: run when it comes back from somebody who had it
    /// for himself, as the holder of a pool's
    /// [lease](crate::supervision::PoolRef::lease), and between two jobs where a
    /// pool is [told to](crate::supervision::Pool::reset). Roll back what was
    /// begun, forget whose it was. Default: nothing.
    ///
    /// # Errors
    ///
    /// An error ends the incarnation: the next one begins afresh.
    fn reset(
        &mut self,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Whether it is able to work. See [`Actor::check`]. Default: it is.
    ///
    /// # Errors
    ///
    /// As there.
    fn check(
        &mut self,
        cx: &mut Context<Self>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = cx;
        async { Ok(()) }
    }

    /// Runs after the last job. Default: nothing.
    fn stop(&mut self, exit: &Exit, cx: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = (exit, cx);
        async {}
    }

    /// What it can do, for lookups by capability. Default: nothing in
    /// particular.
    fn capabilities(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
}

/// A job on its way to a [`Worker`], with the right to answer it.
pub struct Job<In, Out> {
    /// What is to be done.
    pub input: In,
    /// Where the answer goes.
    pub reply_to: Reply<Result<Served<Out>, Fault>>,
}

impl<In, Out> fmt::Debug for Job<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Job")
    }
}

/// What a [`Worker`] is told.
pub enum WorkerCommand<In, Out> {
    /// Do this job.
    Do(Job<In, Out>),
    /// Be as good as new: see [`Worker::reset`].
    Reset,
}

impl<In, Out> fmt::Debug for WorkerCommand<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Do(_) => "Do",
            Self::Reset => "Reset",
        })
    }
}

impl<In, Out> From<Job<In, Out>> for WorkerCommand<In, Out> {
    fn from(job: Job<In, Out>) -> Self {
        Self::Do(job)
    }
}

impl<W: Worker> Actor for W {
    type Msg = WorkerCommand<W::In, W::Out>;

    async fn start(&mut self, cx: &mut Context<Self>) -> Result<Started, BoxError> {
        Worker::start(self, cx).await
    }

    async fn handle(&mut self, command: Self::Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        let job = match command {
            WorkerCommand::Do(job) => job,
            WorkerCommand::Reset => return self.reset(cx).await,
        };
        let request = cx.request();
        if let Some(Err(spent)) = request.spending().map(Spending::check) {
            job.reply_to.send(Err(spent));
            return Ok(());
        }
        let answer = {
            let mut work = pin!(self.work(job.input, cx));
            poll_fn(|task| match work.as_mut().poll(task) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                // The work ends with the last one who waits for it.
                Poll::Pending if request.is_cancelled() => Poll::Ready(None),
                Poll::Pending => {
                    request.wake_when_cancelled(task.waker());
                    Poll::Pending
                }
            })
            .await
        };
        if let Some(answer) = answer {
            let answer = answer.map(|value| {
                let metadata = self.metadata(&value);
                if let Some(spending) = request.spending() {
                    spending.charge(&metadata, &Metadata::default());
                }
                Served::new(value).with(metadata)
            });
            job.reply_to.send(answer);
        }
        Ok(())
    }

    async fn check(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError> {
        Worker::check(self, cx).await
    }

    async fn stop(&mut self, exit: &Exit, cx: &mut Context<Self>) -> Result<(), BoxError> {
        Worker::stop(self, exit, cx).await;
        Ok(())
    }

    fn capabilities(&self) -> Vec<Arc<str>> {
        Worker::capabilities(self)
    }
}

/// A future in a box, as trait objects need it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a [`WorkerRef`] is made of: implement it to let something new answer.
pub trait Serve<In, Out>: Send + Sync {
    /// Answers one job. Asks made inside inherit the deadline in force.
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>>;

    /// What to call it in errors and drawings.
    fn name(&self) -> String;

    /// Whether asking makes sense at this instant: an actor that runs, a breaker
    /// that is not open. Default: it does.
    ///
    /// A fallback chain skips those for whom it does not. It is a hint: the
    /// next instant may be different.
    fn is_available(&self) -> bool {
        true
    }

    /// Its kind forgotten: all that answers the same questions is one type.
    fn boxed(self) -> WorkerRef<In, Out>
    where
        Self: Sized + 'static,
        In: Send + 'static,
        Out: Send + 'static,
    {
        WorkerRef::new(self)
    }
}

/// Anything that answers: an actor, a pool, a breaker in front of one, a
/// pipeline, a closure. Cheap to clone.
pub struct WorkerRef<In, Out> {
    serve: Arc<dyn Serve<In, Out>>,
}

impl<In: Send + 'static, Out: Send + 'static> WorkerRef<In, Out> {
    /// Wraps something that answers.
    pub fn new(serve: impl Serve<In, Out> + 'static) -> Self {
        Self {
            serve: Arc::new(serve),
        }
    }

    /// A worker that is a function. It runs on the asker's task: it has no
    /// mailbox and no supervisor.
    pub fn from_fn<F, Fut>(name: impl Into<Arc<str>>, f: F) -> Self
    where
        F: Fn(In) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Out, Fault>> + Send + 'static,
    {
        Self::new(FromFn {
            name: name.into(),
            f,
        })
    }

    /// Asks for one job to be done. Await the result, or set a deadline first.
    pub fn ask(&self, input: In) -> AskWorker<'_, In, Out> {
        AskWorker {
            to: self,
            input,
            deadline: None,
            budget: None,
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        self.serve.name()
    }

    /// Whether asking makes sense at this instant; see [`Serve::is_available`].
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.serve.is_available()
    }

    /// The same worker, whose answers say about themselves what `describe`
    /// finds in them. What they said before is replaced.
    #[must_use]
    pub fn with_metadata(
        &self,
        describe: impl Fn(&Out) -> Metadata + Send + Sync + 'static,
    ) -> Self {
        Self::new(Described {
            worker: self.clone(),
            describe,
        })
    }
}

struct Described<In, Out, F> {
    worker: WorkerRef<In, Out>,
    describe: F,
}

impl<In, Out, F> Serve<In, Out> for Described<In, Out, F>
where
    In: Send + 'static,
    Out: Send + 'static,
    F: Fn(&Out) -> Metadata + Send + Sync,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let request = Request::in_force();
            let spending = request.spending();
            spending.map_or(Ok(()), Spending::check)?;
            let served = self.worker.ask(input).await?;
            let metadata = (self.describe)(&served.value);
            if let Some(spending) = spending {
                spending.charge(&metadata, &served.metadata);
            }
            Ok(served.with(metadata))
        })
    }

    fn name(&self) -> String {
        self.worker.name()
    }

    fn is_available(&self) -> bool {
        self.worker.is_available()
    }
}

impl<In, Out> Clone for WorkerRef<In, Out> {
    fn clone(&self) -> Self {
        Self {
            serve: Arc::clone(&self.serve),
        }
    }
}

impl<In, Out> fmt::Debug for WorkerRef<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkerRef({})", self.serve.name())
    }
}

impl<In, Out> From<ActorRef<WorkerCommand<In, Out>>> for WorkerRef<In, Out>
where
    In: Send + 'static,
    Out: Send + 'static,
{
    fn from(actor: ActorRef<WorkerCommand<In, Out>>) -> Self {
        Self::new(actor)
    }
}

impl<In, Out> Serve<In, Out> for ActorRef<WorkerCommand<In, Out>>
where
    In: Send + 'static,
    Out: Send + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let pass = match self.any().gate() {
                None => None,
                Some(gate) => Some(Pass::new(gate).map_err(|after| refused(self, after))?),
            };
            let ask = self.ask(|reply_to| Job { input, reply_to }.into());
            let answer = as_long_as_the_request(ask).with_pass().await;
            if let Some(pass) = pass {
                // A fault is an answer, and says that the work failed.
                match &answer {
                    Ok(Err(fault)) => pass.fault(fault.class()),
                    _ => pass.end(&answer),
                }
            }
            answer.map_err(Fault::from)?
        })
    }

    fn name(&self) -> String {
        self.path()
    }

    fn is_available(&self) -> bool {
        let is_up = matches!(
            self.state(),
            Lifecycle::Initializing | Lifecycle::Ready | Lifecycle::Busy
        );
        is_up && self.any().gate().is_none_or(Gate::is_passable)
    }
}

/// Waits as long as the request in force says, where it says anything: then the
/// system's default has nothing to add.
pub(crate) fn as_long_as_the_request<'a, M, R, F>(ask: Ask<'a, M, R, F>) -> Ask<'a, M, R, F>
where
    M: Send + 'static,
    R: Send + 'static,
    F: FnOnce(Reply<R>) -> M,
{
    if scope::has_request() && Request::in_force().deadline().is_some() {
        ask.no_deadline()
    } else {
        ask
    }
}

struct FromFn<F> {
    name: Arc<str>,
    f: F,
}

impl<In, Out, F, Fut> Serve<In, Out> for FromFn<F>
where
    In: Send + 'static,
    Out: Send + 'static,
    F: Fn(In) -> Fut + Send + Sync,
    Fut: Future<Output = Result<Out, Fault>> + Send + 'static,
{
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        let deadline = Request::new(scope::request()).deadline();
        let work = (self.f)(input);
        Box::pin(async move {
            let Some(at) = deadline else {
                return work.await.map(Served::new);
            };
            match tokio::time::timeout_at(at.into(), work).await {
                Ok(answer) => answer.map(Served::new),
                Err(_) => Err(Fault::new(FaultClass::Deadline, "no answer in time")),
            }
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }
}

/// The breaker at the worker's door is open.
fn refused<In: Send + 'static, Out: Send + 'static>(
    worker: &ActorRef<WorkerCommand<In, Out>>,
    retry_after: Duration,
) -> Fault {
    let name = worker.name();
    let words = format!("the breaker in front of {name} is open, come again in {retry_after:?}");
    Fault::new(FaultClass::Cascading, words).after(retry_after)
}

/// A job on its way: a builder that is awaited.
#[must_use = "a job is sent when the future is awaited"]
pub struct AskWorker<'a, In, Out> {
    to: &'a WorkerRef<In, Out>,
    input: In,
    deadline: Option<Duration>,
    budget: Option<Budget>,
}

impl<In, Out> AskWorker<'_, In, Out> {
    /// How long the whole may take: waiting, retries, fallbacks and all.
    /// Default: the system's ask deadline for each actor asked on the way.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Some(within);
        self
    }

    /// What the whole may use up. Default: what the request in force may.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// As [`deadline`](Self::deadline), with the time that this kind of work
    /// takes at most.
    pub fn class(self, class: TimeClass) -> Self {
        self.deadline(class.deadline())
    }
}

impl<'a, In: Send + 'static, Out: Send + 'static> IntoFuture for AskWorker<'a, In, Out> {
    type Output = Result<Served<Out>, Fault>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let request = match (self.deadline, self.budget) {
            (None, None) => return self.to.serve.serve(self.input),
            (Some(within), None) => with_deadline(within),
            (None, Some(budget)) => Request::in_force().with_budget(budget),
            (Some(within), Some(budget)) => with_deadline(within).with_budget(budget),
        };
        Box::pin(async move {
            request
                .within(async { self.to.serve.serve(self.input).await })
                .await
        })
    }
}

/// The request in force, with at most this much time left.
fn with_deadline(within: Duration) -> Request {
    let now: Instant = tokio::time::Instant::now().into_std();
    let mut meta = Meta::new(Hop::Asked);
    meta.deadline = now.checked_add(within);
    meta.sender = scope::actor();
    if let Some(parent) = scope::request() {
        meta.inherit(parent);
    }
    let carried: Arc<dyn Carried> = Arc::new(Told(meta));
    Request::new(Some(carried))
}

impl<In, Out> fmt::Debug for AskWorker<'_, In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskWorker")
    }
}
