//! The sequential pipeline: each stage's answer is the next one's input.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::{Stage, pipeline};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let strong = WorkerRef::from_fn("strong", |_: String| async { Err::<u32, _>(Fault::permanent("down")) });
//! let simple = WorkerRef::from_fn("simple", |text: String| async move { Ok(text.len() as u32) });
//! let trim = WorkerRef::from_fn("trim", |text: &'static str| async move { Ok(text.trim().to_owned()) });
//!
//! let length = pipeline("length")
//!     .then("trim", trim)
//!     .stage(Stage::new("measure", strong).attempts(2).or("simple", simple))
//!     .validate(|length| *length > 0)
//!     .start(&system)
//!     .await?;
//! assert_eq!(length.ask(" four ").await?.value, 4);
//! assert!(length.ask("  ").await.unwrap_err().message().starts_with("simple: "));
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What happens when a stage fails?* A fault that may be gone the next time is
//! tried again as often as the stage says; then its fallbacks are asked, with the
//! same input (`d2_a_stage_that_fails_for_good_falls_back`). What is left is the
//! run's fault, with the name of the one that failed.
//!
//! *What does it keep?* The last answer, and the one before it while the stage may
//! ask again.
//!
//! *Who hears of a failure?* [`Pipeline::on_error`]: the stage, the fault, and what
//! went into the stage, where that was kept
//! (`d2_the_error_handler_gets_the_stage_the_fault_and_the_last_data`).
//!
//! *What about answers that are errors?* [`Stage::unwrapping`] stops an item whose
//! answer is an `Err` (`d2_an_item_that_carries_an_error_stops_too`);
//! [`Pipeline::check`] one that anything else in it says so.
//!
//! *Can an item go on where it failed?* [`Stage::checkpoint`] keeps what a stage
//! has answered, so that the same item does not pass it again
//! (`d2_an_item_that_comes_again_goes_on_after_its_checkpoints`).
//!
//! *What if a stage needs more than the last answer?* Stages can take and give by
//! name; a name that nobody gives is refused at the start
//! (`d2_a_name_that_nobody_gives_is_refused`):
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::{Fields, Stage, pipeline};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let count = WorkerRef::from_fn("count", |text: String| async move { Ok(text.len()) });
//! let loud = WorkerRef::from_fn("loud", |text: String| async move { Ok(text.to_uppercase()) });
//! let join = WorkerRef::from_fn("join", |fields: Fields| async move {
//!     let (text, length) = (fields.get::<String>("loud")?, fields.get::<usize>("length")?);
//!     Ok(format!("{text} ({length})"))
//! });
//! let line = pipeline("line")
//!     .input::<String>("text")
//!     .stage(Stage::named("count", count, "text", "length"))
//!     .stage(Stage::named("shout", loud, "text", "loud"))
//!     .stage(Stage::gathering("join", join, ["loud", "length"], "title"))
//!     .start(&system)
//!     .await?;
//! let done = line.ask(Fields::new().with("text", "hello".to_owned())).await?.value;
//! assert_eq!(done.get::<String>("title")?, "HELLO (5)");
//! # Ok(())
//! # }
//! ```

mod checkpoints;
mod fields;
mod machine;
mod stage;
mod streaming;

pub use checkpoints::Checkpoints;
pub use fields::Fields;
pub use machine::{PipelineProtocol, StageRules};
pub use stage::Stage;
pub use streaming::{Flow, PipelineRef};

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use self::fields::Names;
use self::stage::{AnyStage, LastStage};
use self::streaming::Line;
use super::drawing::Flowchart;
use super::driver::{Check, Gathered, OnError, Score, StageError, valid};
use super::pattern::{calls_for, start};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
use crate::supervision::StartError;

/// A pipeline to be. Made by [`pipeline`].
#[must_use = "a pipeline does nothing until it is started"]
pub struct Pipeline<In, Out> {
    name: Arc<str>,
    stages: Vec<Box<dyn AnyStage>>,
    rules: Vec<StageRules>,
    /// Of each stage's workers, for the drawing.
    names: Vec<Vec<Arc<str>>>,
    /// What the last stage gives is known until there is a next one.
    last: Option<Box<dyn LastStage<Out>>>,
    on_error: Option<OnError>,
    limit: usize,
    fields: Names,
    /// The first thing that does not fit.
    misfit: Option<InvalidSpec>,
    types: PhantomData<fn(In) -> Out>,
}

/// A pipeline without stages; the first [`then`](Pipeline::then) sets its
/// types.
pub fn pipeline<In: Send + 'static>(name: impl Into<Arc<str>>) -> Pipeline<In, In> {
    Pipeline {
        name: name.into(),
        stages: Vec::new(),
        rules: Vec::new(),
        names: Vec::new(),
        last: None,
        on_error: None,
        limit: 64,
        fields: Names::default(),
        misfit: None,
        types: PhantomData,
    }
}

impl<In: Send + 'static, Out: Send + 'static> Pipeline<In, Out> {
    /// Adds a stage that takes what the last one gives.
    pub fn then<Next: Send + 'static>(
        self,
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<Out, Next>>,
    ) -> Pipeline<In, Next> {
        self.stage(Stage::new(name, worker))
    }

    /// As [`Pipeline::then`], tried up to `attempts` times on faults that may be
    /// gone the next time. Costs one clone of the input per attempt.
    pub fn then_retry<Next: Send + 'static>(
        self,
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<Out, Next>>,
        attempts: u32,
    ) -> Pipeline<In, Next>
    where
        Out: Clone,
    {
        self.stage(Stage::new(name, worker).attempts(attempts))
    }

    /// As [`Pipeline::then`], with attempts and fallbacks of its own.
    pub fn stage<Next: Send + 'static>(mut self, stage: Stage<Out, Next>) -> Pipeline<In, Next> {
        self.stages.extend(self.last.take().map(LastStage::seal));
        let names = stage.names();
        let passed = self.fields.pass(&names[0], stage.wiring.as_ref());
        self.misfit = self.misfit.or(passed.err());
        self.rules.push(stage.rules());
        self.names.push(names);
        Pipeline {
            name: self.name,
            stages: self.stages,
            rules: self.rules,
            names: self.names,
            last: Some(Box::new(stage)),
            on_error: self.on_error,
            limit: self.limit,
            fields: self.fields,
            misfit: self.misfit,
            types: PhantomData,
        }
    }

    /// Checks what the last stage gave: an invalid answer is a permanent fault
    /// of that stage, and the item goes no further.
    pub fn validate(self, is_valid: impl Fn(&Out) -> bool + Send + Sync + 'static) -> Self {
        self.checked(valid(is_valid))
    }

    /// As [`Pipeline::validate`], with a fault that says what is wrong. Of several
    /// checks of a stage the last one holds.
    pub fn check(self, check: impl Fn(&Out) -> Result<(), Fault> + Send + Sync + 'static) -> Self {
        self.checked(Arc::new(check))
    }

    fn checked(mut self, check: Check<Out>) -> Self {
        if let Some(last) = &mut self.last {
            last.check(check);
        }
        self
    }

    /// Is told of every item that fails: the stage, the fault, and what went into
    /// the stage, where that was [kept](Stage::keep_input).
    pub fn on_error(mut self, tell: impl Fn(&StageError<'_>) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Arc::new(tell));
        self
    }

    /// Items under way at once; further ones wait in the mailbox and their
    /// senders behind it. Default 64.
    pub fn concurrency(mut self, items: usize) -> Self {
        self.limit = items.max(1);
        self
    }

    /// Draws it as a mermaid flowchart.
    ///
    /// ```
    /// use callboard::prelude::*;
    /// use callboard::coordination::pipeline;
    ///
    /// let trim = WorkerRef::from_fn("trim", |text: &'static str| async move { Ok(text.trim()) });
    /// let line = pipeline("line").then("trim", trim.clone()).then_retry("again", trim, 3);
    /// assert_eq!(
    ///     line.mermaid(),
    ///     "flowchart LR
    ///     input([input])
    ///     w0[\"trim\"]
    ///     input --> w0
    ///     w1[\"again, 3 attempts\"]
    ///     w0 --> w1
    ///     output([output])
    ///     w1 --> output
    /// "
    /// );
    /// ```
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut chart = Flowchart::new();
        let mut from = vec![String::from("input")];
        let mut worker = 0;
        for (rules, names) in self.rules.iter().zip(&self.names) {
            let mut stage: Vec<String> = Vec::new();
            for name in names {
                let id = format!("w{worker}");
                worker += 1;
                match rules.attempts {
                    1 => chart.node(&id, name),
                    attempts => chart.node(&id, &format!("{name}, {attempts} attempts")),
                }
                match stage.last() {
                    Some(before) => chart.dotted(before, &id, "falls back"),
                    None => from.iter().for_each(|from| chart.arrow(from, &id)),
                }
                stage.push(id);
            }
            from = stage;
        }
        chart.finish(from)
    }

    /// Starts it; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] without stages, or where a stage takes a name that
    /// nobody gives before it, and what [`System::spawn`] says.
    pub async fn start(mut self, system: &System) -> Result<WorkerRef<In, Out>, StartError> {
        let stages = self.stages()?;
        let most = self.rules.iter().map(StageRules::most_calls).sum();
        let score = Score {
            machine: PipelineProtocol::with_stages(self.rules),
            seats: stages.into_iter().flat_map(AnyStage::seats).collect(),
            conclude: Arc::new(|mut gathered: Gathered| {
                let last = gathered.last();
                last.ok_or_else(|| Fault::permanent("the last stage left no answer"))
            }),
            on_error: self.on_error,
            limit: self.limit,
            calls: calls_for(most),
        };
        start(system, self.name, score).await
    }

    /// Starts it with an actor for each stage, for many items: see
    /// [`PipelineRef`]. [`Pipeline::concurrency`] is the room in front of each
    /// stage.
    ///
    /// # Errors
    ///
    /// As [`Pipeline::start`].
    pub async fn start_streaming(
        mut self,
        system: &System,
    ) -> Result<PipelineRef<In, Out>, StartError> {
        let stages = self.stages()?;
        let line = Line {
            name: self.name,
            room: self.limit,
            on_error: self.on_error,
        };
        line.start(system, stages).await
    }

    /// All stages, where they fit.
    fn stages(&mut self) -> Result<Vec<Box<dyn AnyStage>>, InvalidSpec> {
        self.stages.extend(self.last.take().map(LastStage::seal));
        match self.misfit.take() {
            Some(misfit) => Err(misfit),
            None if self.stages.is_empty() => Err(InvalidSpec::Combination(
                "a pipeline has at least one stage",
            )),
            None => Ok(std::mem::take(&mut self.stages)),
        }
    }
}

impl<Out> Pipeline<Fields, Out> {
    /// Says that the input has a value of this name, for stages that take by name.
    pub fn input<T: 'static>(mut self, name: impl Into<Arc<str>>) -> Self {
        self.fields.given::<T>(name.into());
        self
    }
}

impl<In, Out> fmt::Debug for Pipeline<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("name", &self.name)
            .field("stages", &self.rules.len())
            .finish_non_exhaustive()
    }
}
