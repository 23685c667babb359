//! A worker that does as it is told.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::{Context, Fault, Worker};
use crate::sync::Mutex;

enum Step<Out> {
    Answer(Out),
    Fault(Fault),
    Panic(String),
    Hang,
    Slow(Duration, Out),
}

struct Inside<Out> {
    steps: VecDeque<Step<Out>>,
    calls: u64,
}

/// What a scripted worker does, call by call, over all its lives and copies.
/// After the last step it gives permanent faults.
pub struct Script<Out> {
    inside: Arc<Mutex<Inside<Out>>>,
}

impl<Out: Send + 'static> Script<Out> {
    /// A script without steps.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inside: Arc::new(Mutex::new(Inside {
                steps: VecDeque::new(),
                calls: 0,
            })),
        }
    }

    fn then(self, step: Step<Out>) -> Self {
        self.inside.lock().steps.push_back(step);
        self
    }

    /// The next call is answered.
    #[must_use]
    pub fn answer(self, value: Out) -> Self {
        self.then(Step::Answer(value))
    }

    /// The next call gets this fault.
    #[must_use]
    pub fn fault(self, fault: Fault) -> Self {
        self.then(Step::Fault(fault))
    }

    /// The next call makes the worker panic.
    #[must_use]
    pub fn panic(self, text: impl Into<String>) -> Self {
        self.then(Step::Panic(text.into()))
    }

    /// The next call is never answered.
    #[must_use]
    pub fn hang(self) -> Self {
        self.then(Step::Hang)
    }

    /// The next call is answered after this long, by tokio's clock.
    #[must_use]
    pub fn slow(self, after: Duration, value: Out) -> Self {
        self.then(Step::Slow(after, value))
    }

    /// How often the worker was asked.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.inside.lock().calls
    }

    /// A factory of workers that follow this script, for a
    /// [`ChildSpec`](crate::actor::ChildSpec) or a
    /// [`Pool`](crate::supervision::Pool).
    pub fn worker<In: Send + 'static>(
        &self,
    ) -> impl Fn() -> Scripted<In, Out> + Send + Sync + 'static {
        let inside = Arc::clone(&self.inside);
        move || Scripted {
            inside: Arc::clone(&inside),
            takes: PhantomData,
        }
    }
}

impl<Out: Send + 'static> Default for Script<Out> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Out> Clone for Script<Out> {
    fn clone(&self) -> Self {
        Self {
            inside: Arc::clone(&self.inside),
        }
    }
}

impl<Out> fmt::Debug for Script<Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({} steps left)", self.inside.lock().steps.len())
    }
}

/// A worker that follows a [`Script`].
pub struct Scripted<In, Out> {
    inside: Arc<Mutex<Inside<Out>>>,
    takes: PhantomData<fn(In)>,
}

impl<In: Send + 'static, Out: Send + 'static> Worker for Scripted<In, Out> {
    type In = In;
    type Out = Out;

    async fn work(&mut self, _input: In, _cx: &mut Context<Self>) -> Result<Out, Fault> {
        let step = {
            let mut inside = self.inside.lock();
            inside.calls += 1;
            inside.steps.pop_front()
        };
        match step {
            Some(Step::Answer(value)) => Ok(value),
            Some(Step::Fault(fault)) => Err(fault),
            Some(Step::Panic(text)) => panic!("{text}"),
            Some(Step::Hang) => std::future::pending().await,
            Some(Step::Slow(after, value)) => {
                tokio::time::sleep(after).await;
                Ok(value)
            }
            None => Err(Fault::permanent("the script has no further steps")),
        }
    }
}

impl<In, Out> fmt::Debug for Scripted<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}
