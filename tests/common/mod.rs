//! What the integration tests share: a scripted actor, a trace, and the end of
//! waiting without sleeping.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, Once};
use std::task::Poll;

use callboard::actor::{BoxFuture, EventStream};
use callboard::prelude::*;
use tokio::sync::oneshot;

/// Keeps scripted panics out of the output. Others are printed as ever.
pub(crate) fn quiet() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let payload = info.payload();
            let text = payload
                .downcast_ref::<&'static str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
                .unwrap_or_default();
            if !text.starts_with("scripted") {
                loud(info);
            }
        }));
    });
}

/// A system that restarts as often as a test likes.
pub(crate) fn system() -> System {
    quiet();
    System::with(
        "t",
        SystemConfig::default().intensity(1_000, secs(1)).seed(7),
    )
}

/// Returns when every task waits. The paused clock moves only then, so this is
/// no guess; it takes a millisecond of virtual time.
pub(crate) async fn idle() {
    tokio::time::sleep(ms(1)).await;
}

/// Lets virtual time pass.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Polls once.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|task| Poll::Ready(Pin::new(&mut *future).poll(task))).await
}

/// Fails the test instead of letting it hang: a minute of the test's clock.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(secs(60), future)
        .await
        .expect("it takes no minute")
}

/// The next event that `pick` takes.
pub(crate) async fn event<T>(
    events: &mut EventStream,
    mut pick: impl FnMut(Event) -> Option<T>,
) -> T {
    soon(async {
        loop {
            let next = events.next().await.expect("the system is there");
            if let Some(found) = pick(next) {
                return found;
            }
        }
    })
    .await
}

/// The ordered log of a test.
#[derive(Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Vec<String>>>);

impl Trace {
    pub(crate) fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    /// What was noted since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// What was noted, without taking it.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|l| *l == line).count()
    }
}

/// What a scripted hook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Ok,
    Ignore,
    Fail,
    Panic,
    /// Never returns.
    Never,
    /// Takes this long.
    After(Duration),
    /// Takes this long and fails.
    FailAfter(Duration),
}

/// What one actor's hooks do, life by life; the last entry holds for all that
/// follow.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) trace: Trace,
    pub(crate) starts: Vec<Step>,
    pub(crate) stops: Vec<Step>,
    pub(crate) drop_panics: bool,
    pub(crate) capabilities: Vec<Arc<str>>,
    lives: AtomicUsize,
}

impl Script {
    pub(crate) fn new(name: &'static str, trace: &Trace) -> Self {
        Self {
            name,
            trace: trace.clone(),
            starts: Vec::new(),
            stops: Vec::new(),
            drop_panics: false,
            capabilities: Vec::new(),
            lives: AtomicUsize::new(0),
        }
    }

    pub(crate) fn starts(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.starts = steps.into_iter().collect();
        self
    }

    pub(crate) fn stops(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.stops = steps.into_iter().collect();
        self
    }

    pub(crate) fn drop_panics(mut self) -> Self {
        self.drop_panics = true;
        self
    }

    pub(crate) fn capable(mut self, of: &str) -> Self {
        self.capabilities.push(of.into());
        self
    }

    /// The child that follows it.
    pub(crate) fn spec(self) -> ChildSpec<Probe> {
        let script = Arc::new(self);
        ChildSpec::new(script.name, move || Probe {
            script: Arc::clone(&script),
            seen: Vec::new(),
            life: script.lives.fetch_add(1, SeqCst),
        })
    }
}

/// A child that only takes notes.
pub(crate) fn probe(name: &'static str) -> ChildSpec<Probe> {
    Script::new(name, &Trace::default()).spec()
}

fn at(steps: &[Step], life: usize) -> Step {
    steps
        .get(life)
        .or_else(|| steps.last())
        .copied()
        .unwrap_or(Step::Ok)
}

async fn perform(step: Step) -> Result<Started, BoxError> {
    match step {
        Step::Ok => Ok(Started::Ready),
        Step::Ignore => Ok(Started::Ignore),
        Step::Fail => Err("scripted failure".into()),
        Step::Panic => panic!("scripted panic"),
        Step::Never => std::future::pending().await,
        Step::After(time) => {
            tokio::time::sleep(time).await;
            Ok(Started::Ready)
        }
        Step::FailAfter(time) => {
            tokio::time::sleep(time).await;
            Err("scripted failure".into())
        }
    }
}

/// Follows a [`Script`].
pub(crate) struct Probe {
    pub(crate) script: Arc<Script>,
    pub(crate) seen: Vec<u64>,
    life: usize,
}

/// Something done inside a handler.
pub(crate) type Deed = Box<
    dyn for<'a> FnOnce(&'a mut Probe, &'a mut Context<Probe>) -> BoxFuture<'a, Result<(), BoxError>>
        + Send
        + Sync,
>;

pub(crate) enum Msg {
    Note(u64),
    Seen(Reply<Vec<u64>>),
    Life(Reply<usize>),
    /// Takes the question and keeps it, for as long as the life lasts.
    Do(Deed),
}

impl Msg {
    pub(crate) fn panic() -> Self {
        deed(|_, _| Box::pin(async { panic!("scripted panic") }))
    }

    pub(crate) fn fail() -> Self {
        deed(|_, _| Box::pin(async { Err("scripted failure".into()) }))
    }

    pub(crate) fn exit(exit: Exit) -> Self {
        deed(|_, cx| {
            cx.exit(exit);
            Box::pin(async { Ok(()) })
        })
    }

    /// A message whose handler waits until it is released.
    pub(crate) fn hold() -> (Self, Held) {
        let (tell_entered, entered) = oneshot::channel();
        let (release, gate) = oneshot::channel::<()>();
        let msg = deed(|_, _| {
            Box::pin(async {
                let _ = tell_entered.send(());
                let _ = gate.await;
                Ok(())
            })
        });
        (msg, Held { entered, release })
    }

    /// A message whose handler never returns. The receiver tells that it has
    /// begun.
    pub(crate) fn never() -> (Self, oneshot::Receiver<()>) {
        let (tell_entered, entered) = oneshot::channel();
        let msg = deed(|_, _| {
            Box::pin(async {
                let _ = tell_entered.send(());
                std::future::pending().await
            })
        });
        (msg, entered)
    }

    /// The number of a note.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Self::Note(n) => Some(*n),
            _ => None,
        }
    }
}

pub(crate) fn deed<F>(f: F) -> Msg
where
    F: for<'a> FnOnce(&'a mut Probe, &'a mut Context<Probe>) -> BoxFuture<'a, Result<(), BoxError>>
        + Send
        + Sync
        + 'static,
{
    Msg::Do(Box::new(f))
}

/// A handler that is being held.
pub(crate) struct Held {
    pub(crate) entered: oneshot::Receiver<()>,
    pub(crate) release: oneshot::Sender<()>,
}

/// Holds an actor: returns when its handler waits. Dropping the sender lets it
/// go on.
pub(crate) async fn hold(actor: &ActorRef<Msg>) -> oneshot::Sender<()> {
    let (msg, held) = Msg::hold();
    actor.tell(msg).await.expect("the actor is there");
    soon(held.entered).await.expect("the handler was entered");
    held.release
}

impl Actor for Probe {
    type Msg = Msg;

    async fn start(&mut self, _cx: &mut Context<Self>) -> Result<Started, BoxError> {
        let name = self.script.name;
        self.script.trace.note(format!("{name} start"));
        let started = perform(at(&self.script.starts, self.life)).await?;
        if started == Started::Ready {
            self.script.trace.note(format!("{name} up"));
        }
        Ok(started)
    }

    async fn handle(&mut self, msg: Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Msg::Note(n) => self.seen.push(n),
            Msg::Seen(reply_to) => reply_to.send(self.seen.clone()),
            Msg::Life(reply_to) => reply_to.send(self.life),
            Msg::Do(deed) => return deed(self, cx).await,
        }
        Ok(())
    }

    async fn stop(&mut self, _exit: &Exit, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        let name = self.script.name;
        self.script.trace.note(format!("{name} stop"));
        perform(at(&self.script.stops, self.life)).await?;
        self.script.trace.note(format!("{name} stopped"));
        Ok(())
    }

    fn capabilities(&self) -> Vec<Arc<str>> {
        self.script.capabilities.clone()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.script.trace.note(format!("{} drop", self.script.name));
        if self.script.drop_panics && !std::thread::panicking() {
            panic!("scripted drop");
        }
    }
}

impl Probe {
    /// One without a script.
    pub(crate) fn plain(trace: &Trace) -> Self {
        Self {
            script: Arc::new(Script::new("plain", trace)),
            seen: Vec::new(),
            life: 0,
        }
    }
}
