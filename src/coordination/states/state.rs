//! States: what is done in them, what has to hold, and where they go on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::StateMachine;
use super::report::{ConditionKind, Violated};
use super::rules::Activity;
use crate::actor::core::shell::catch;
use crate::actor::{Fault, WorkerRef};

/// A question about the data.
type Predicate<T> = Arc<dyn Fn(&T) -> bool + Send + Sync>;

/// Makes one of what the regions made.
pub(super) type Join<T> = Arc<dyn Fn(Vec<T>) -> T + Send + Sync>;

/// A question about the data, in words and as a predicate.
pub(super) struct Question<T> {
    pub(super) words: Arc<str>,
    holds: Predicate<T>,
}

// By hand: `derive` would ask the data to be `Clone`.
impl<T> Clone for Question<T> {
    fn clone(&self) -> Self {
        Self {
            words: Arc::clone(&self.words),
            holds: Arc::clone(&self.holds),
        }
    }
}

impl<T> Question<T> {
    fn new(words: impl Into<Arc<str>>, holds: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        Self {
            words: words.into(),
            holds: Arc::new(holds),
        }
    }

    /// Asks it, as a test may; a panic is the asker's.
    pub(super) fn holds(&self, value: &T) -> bool {
        (self.holds)(value)
    }

    /// Asks it in a run, of which a panic is a fault.
    pub(super) fn ask(&self, value: &T) -> Result<bool, Fault> {
        catch(|| self.holds(value))
            .map_err(|_| Fault::permanent(format!("asking for {:?} panicked", self.words)))
    }
}

/// What has to hold, and when.
pub(super) struct Condition<T> {
    pub(super) kind: ConditionKind,
    pub(super) question: Question<T>,
}

impl<T> Clone for Condition<T> {
    fn clone(&self) -> Self {
        Self {
            kind: self.kind,
            question: self.question.clone(),
        }
    }
}

impl<T> Condition<T> {
    pub(super) fn new(
        kind: ConditionKind,
        words: impl Into<Arc<str>>,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind,
            question: Question::new(words, holds),
        }
    }

    pub(super) fn check(&self, state: &Arc<str>, value: &T) -> Result<(), Fault> {
        if self.question.ask(value)? {
            return Ok(());
        }
        let violated = Violated {
            state: Arc::clone(state),
            kind: self.kind,
            condition: Arc::clone(&self.question.words),
        };
        Err(Fault::permanent(violated.to_string()).because(violated))
    }
}

/// Where a state goes on; without a guard where none holds.
pub(super) struct Way<T> {
    pub(super) guard: Option<Question<T>>,
    pub(super) to: Arc<str>,
}

/// One state of a machine: what is done in it, what has to hold, and where it goes
/// on. Targets are names of states beside it, which may follow.
#[must_use = "a state does nothing until it is part of a machine"]
pub struct State<T> {
    pub(super) name: Arc<str>,
    pub(super) activity: Activity<StateMachine<T>>,
    /// With [`Activity::Works`].
    pub(super) worker: Option<WorkerRef<T, T>>,
    /// With [`Activity::Parallel`].
    pub(super) join: Option<Join<T>>,
    pub(super) entries: Vec<WorkerRef<T, T>>,
    pub(super) exits: Vec<WorkerRef<T, T>>,
    pub(super) conditions: Vec<Condition<T>>,
    pub(super) ways: Vec<Way<T>>,
    pub(super) within: Option<(Duration, Arc<str>)>,
    pub(super) on_failure: Option<Arc<str>>,
    pub(super) visits: Option<(u32, Option<Arc<str>>)>,
}

impl<T> State<T> {
    fn with(name: impl Into<Arc<str>>, activity: Activity<StateMachine<T>>) -> Self {
        Self {
            name: name.into(),
            activity,
            worker: None,
            join: None,
            entries: Vec::new(),
            exits: Vec::new(),
            conditions: Vec::new(),
            ways: Vec::new(),
            within: None,
            on_failure: None,
            visits: None,
        }
    }

    /// A state whose worker is given the data, and gives it back.
    pub fn new(name: impl Into<Arc<str>>, worker: impl Into<WorkerRef<T, T>>) -> Self {
        Self {
            worker: Some(worker.into()),
            ..Self::with(name, Activity::Works)
        }
    }

    /// A state that only decides where it goes on.
    pub fn plain(name: impl Into<Arc<str>>) -> Self {
        Self::with(name, Activity::Nothing)
    }

    /// A state with a machine inside. It is done when that has ended.
    pub fn nested(name: impl Into<Arc<str>>, machine: StateMachine<T>) -> Self {
        Self::with(name, Activity::Nested(machine))
    }

    /// A state with machines side by side, each on a copy of the data. It is done
    /// when all of them have ended, with what `join` makes of theirs, which are in
    /// the order of the machines, whose names are parts of the states' paths.
    pub fn parallel(
        name: impl Into<Arc<str>>,
        machines: impl IntoIterator<Item = StateMachine<T>>,
        join: impl Fn(Vec<T>) -> T + Send + Sync + 'static,
    ) -> Self {
        let machines = machines.into_iter().collect();
        Self {
            join: Some(Arc::new(join)),
            ..Self::with(name, Activity::Parallel(machines))
        }
    }

    /// A state in which the machine ends.
    pub fn end(name: impl Into<Arc<str>>) -> Self {
        Self::with(name, Activity::Ends)
    }

    /// A state in which the machine ends, and that is a failure: of the run, or of
    /// the state that it is in.
    pub fn failure(name: impl Into<Arc<str>>) -> Self {
        Self::with(name, Activity::Fails)
    }

    /// Adds an entry action, which is given the data before the state's worker.
    pub fn on_entry(mut self, worker: impl Into<WorkerRef<T, T>>) -> Self {
        self.entries.push(worker.into());
        self
    }

    /// Adds an exit action, which is given the data when it is decided where it
    /// goes on, whatever for. Its failure is that of the run.
    pub fn on_exit(mut self, worker: impl Into<WorkerRef<T, T>>) -> Self {
        self.exits.push(worker.into());
        self
    }

    /// Adds an entry condition: what holds of the data that it is entered with.
    pub fn requires(
        self,
        words: impl Into<Arc<str>>,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.condition(ConditionKind::Entry, words, holds)
    }

    /// Adds an exit condition: what holds of the data when it is done. It is not
    /// asked for where the state failed, or was not done in time.
    pub fn ensures(
        self,
        words: impl Into<Arc<str>>,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.condition(ConditionKind::Exit, words, holds)
    }

    /// Adds an invariant: what holds when its entry actions are done, and when it
    /// is, also in each state inside of it.
    pub fn invariant(
        self,
        words: impl Into<Arc<str>>,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.condition(ConditionKind::Invariant, words, holds)
    }

    fn condition(
        mut self,
        kind: ConditionKind,
        words: impl Into<Arc<str>>,
        holds: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.conditions.push(Condition::new(kind, words, holds));
        self
    }

    /// Goes to this state when it is done, this guard holds, and none before it
    /// does. A guard looks at nothing but the data, so
    /// [`StateMachine::next`] can test it.
    pub fn when(
        mut self,
        words: impl Into<Arc<str>>,
        guard: impl Fn(&T) -> bool + Send + Sync + 'static,
        to: impl Into<Arc<str>>,
    ) -> Self {
        self.ways.push(Way {
            guard: Some(Question::new(words, guard)),
            to: to.into(),
        });
        self
    }

    /// Goes to this state when it is done and no guard holds. Every state that has
    /// guards says so.
    pub fn otherwise(mut self, to: impl Into<Arc<str>>) -> Self {
        self.ways.push(Way {
            guard: None,
            to: to.into(),
        });
        self
    }

    /// Goes to this state when it is done: [`State::otherwise`] of a state without
    /// guards.
    pub fn then(self, to: impl Into<Arc<str>>) -> Self {
        self.otherwise(to)
    }

    /// Goes to this state when it is not done after so long, entry actions
    /// included: what is under way in it is cancelled, and the run goes on with the
    /// data that it was entered with. Costs one clone of that.
    pub fn within(mut self, limit: Duration, to: impl Into<Arc<str>>) -> Self {
        self.within = Some((limit, to.into()));
        self
    }

    /// Goes to this state when an entry action, its worker or what is inside fails,
    /// with the data that it was entered with. Default: then the state around it
    /// has failed, and at last the run. Costs one clone of the data.
    pub fn on_failure(mut self, to: impl Into<Arc<str>>) -> Self {
        self.on_failure = Some(to.into());
        self
    }

    /// Is entered so often at most in a run of its machine; once more is a
    /// permanent fault. Default: as often as the machine has transitions.
    pub fn at_most(mut self, visits: u32) -> Self {
        self.visits = Some((visits, None));
        self
    }

    /// As [`State::at_most`]; once more goes to this state instead.
    pub fn at_most_or(mut self, visits: u32, to: impl Into<Arc<str>>) -> Self {
        self.visits = Some((visits, Some(to.into())));
        self
    }

    /// Where it goes with this data, when it is done.
    pub(super) fn next(&self, value: &T) -> Option<&str> {
        let holds = |way: &&Way<T>| way.guard.as_ref().is_some_and(|it| it.holds(value));
        let mut ways = self.ways.iter();
        let otherwise = || self.ways.iter().find(|way| way.guard.is_none());
        ways.find(holds).or_else(otherwise).map(|way| &*way.to)
    }

    /// The conditions of a kind.
    pub(super) fn conditions(
        &self,
        kind: ConditionKind,
    ) -> impl Iterator<Item = Condition<T>> + '_ {
        let conditions = self.conditions.iter();
        conditions.filter(move |it| it.kind == kind).cloned()
    }
}

impl<T> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways: Vec<_> = self.ways.iter().map(|way| &way.to).collect();
        write!(f, "State({:?} -> {ways:?})", self.name)
    }
}
