//! Tasks and their results by id, so many at most.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::{InvalidTask, TaskRecord};
use super::state::{IllegalTransition, TaskState};
use crate::actor::Fault;
use crate::sync::Mutex;

/// Who has been at a task, at most.
const MOST_AGENTS: usize = 100;

/// Identifies a task on its board; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(u64);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task-{}", self.0)
    }
}

/// What came of a task: an answer that counts, or why there is none.
pub(crate) type Outcome<A> = Result<Arc<A>, Fault>;

/// A task as its board knows it.
#[derive(Clone)]
#[non_exhaustive]
pub struct TaskEntry<Q, A> {
    /// Which.
    pub id: TaskId,
    /// Its record, with who has been at it and where it stands.
    pub record: TaskRecord<Q>,
    /// The answer that counts, or why there is none; `None` until it is over.
    pub outcome: Option<Result<Arc<A>, Fault>>,
}

// By hand: queries and answers are not printed.
impl<Q, A> fmt::Debug for TaskEntry<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskEntry")
            .field("id", &self.id)
            .field("name", &self.record.name)
            .field("state", &self.record.state())
            .finish_non_exhaustive()
    }
}

/// How many tasks there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TaskCounts {
    /// Nobody has begun.
    pub pending: usize,
    /// Somebody is at it.
    pub running: usize,
    /// There is a result that counts.
    pub completed: usize,
    /// There is none, and will not be.
    pub failed: usize,
}

impl TaskCounts {
    fn of(&mut self, state: TaskState) -> &mut usize {
        match state {
            TaskState::Pending => &mut self.pending,
            TaskState::Running => &mut self.running,
            TaskState::Completed => &mut self.completed,
            TaskState::Failed => &mut self.failed,
        }
    }
}

impl fmt::Display for TaskCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} pending, {} running, {} completed, {} failed",
            self.pending, self.running, self.completed, self.failed
        )
    }
}

/// What changes of a task is beside its record, which is shared.
struct Kept<Q, A> {
    record: Arc<TaskRecord<Q>>,
    state: TaskState,
    assigned_agents: Vec<String>,
    outcome: Option<Outcome<A>>,
}

impl<Q, A> Clone for Kept<Q, A> {
    fn clone(&self) -> Self {
        Self {
            record: Arc::clone(&self.record),
            state: self.state,
            assigned_agents: self.assigned_agents.clone(),
            outcome: self.outcome.clone(),
        }
    }
}

struct Inside<Q, A> {
    tasks: BTreeMap<TaskId, Kept<Q, A>>,
    /// Those that are over, in the order in which they were.
    over: VecDeque<TaskId>,
    counts: TaskCounts,
    next: u64,
}

struct Board<Q, A> {
    capacity: usize,
    inside: Mutex<Inside<Q, A>>,
}

/// Tasks and their results by id, so many at most. A handle: clones share the board.
pub struct TaskBoard<Q, A> {
    board: Arc<Board<Q, A>>,
}

impl<Q, A> Clone for TaskBoard<Q, A> {
    fn clone(&self) -> Self {
        Self {
            board: Arc::clone(&self.board),
        }
    }
}

impl<Q, A> Default for TaskBoard<Q, A> {
    /// Room for 1,000 tasks, those that are over included.
    fn default() -> Self {
        Self::new(1_000)
    }
}

impl<Q, A> TaskBoard<Q, A> {
    /// Room for so many tasks, those that are over included; at least one.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let inside = Inside {
            tasks: BTreeMap::new(),
            over: VecDeque::new(),
            counts: TaskCounts::default(),
            next: 0,
        };
        Self {
            board: Arc::new(Board {
                capacity: capacity.max(1),
                inside: Mutex::new(inside),
            }),
        }
    }

    /// Enters a pending task.
    ///
    /// # Errors
    ///
    /// [`BoardError::Full`] where all tasks there are still go on, and
    /// [`BoardError::Invalid`].
    pub fn enter(&self, record: TaskRecord<Q>) -> Result<TaskId, BoardError> {
        let entered = self.enter_all(&[Arc::new(record)])?;
        entered.into_iter().next().ok_or(BoardError::Unknown)
    }

    /// Enters all of them, or none; their ids are in their order.
    pub(crate) fn enter_all(
        &self,
        records: &[Arc<TaskRecord<Q>>],
    ) -> Result<Vec<TaskId>, BoardError> {
        for record in records {
            record.validate().map_err(BoardError::Invalid)?;
        }
        // What makes room is dropped after the lock: it is foreign.
        let mut gone = Vec::new();
        let mut inside = self.board.inside.lock();
        let go_on = inside.counts.pending + inside.counts.running;
        if go_on + records.len() > self.board.capacity {
            return Err(BoardError::Full(self.board.capacity));
        }
        while inside.tasks.len() + records.len() > self.board.capacity {
            let first = inside.over.pop_front();
            let Some(kept) = first.and_then(|id| inside.tasks.remove(&id)) else {
                break;
            };
            *inside.counts.of(kept.state) -= 1;
            gone.push(kept);
        }
        let ids: Vec<TaskId> = (inside.next..).take(records.len()).map(TaskId).collect();
        inside.next += records.len() as u64;
        inside.counts.pending += records.len();
        for (id, record) in ids.iter().zip(records) {
            let kept = Kept {
                record: Arc::clone(record),
                state: TaskState::Pending,
                assigned_agents: Vec::new(),
                outcome: None,
            };
            inside.tasks.insert(*id, kept);
        }
        Ok(ids)
    }

    /// Somebody is at it: the task runs, or is tried by somebody else now. Of more
    /// than 100 the last are kept.
    ///
    /// # Errors
    ///
    /// There is no such task, or it is over.
    pub fn assign(&self, id: TaskId, agent: impl Into<String>) -> Result<(), BoardError> {
        let agent = agent.into();
        let mut inside = self.board.inside.lock();
        let task = inside.tasks.get(&id).ok_or(BoardError::Unknown)?;
        if task.state != TaskState::Running {
            inside.advance(id, TaskState::Running)?;
        }
        if let Some(task) = inside.tasks.get_mut(&id) {
            if task.assigned_agents.len() == MOST_AGENTS {
                task.assigned_agents.remove(0);
            }
            task.assigned_agents.push(agent);
        }
        Ok(())
    }

    /// Its result counts: the task is completed.
    ///
    /// # Errors
    ///
    /// There is no such task, or nobody is at it.
    pub fn complete(&self, id: TaskId, answer: Arc<A>) -> Result<(), BoardError> {
        self.end(id, Ok(answer))
    }

    /// There will be no result: the task has failed.
    ///
    /// # Errors
    ///
    /// There is no such task, or it is over.
    pub fn fail(&self, id: TaskId, why: Fault) -> Result<(), BoardError> {
        self.end(id, Err(why))
    }

    pub(crate) fn end(&self, id: TaskId, outcome: Outcome<A>) -> Result<(), BoardError> {
        let to = match outcome {
            Ok(_) => TaskState::Completed,
            Err(_) => TaskState::Failed,
        };
        let mut inside = self.board.inside.lock();
        inside.advance(id, to)?;
        inside.over.push_back(id);
        if let Some(task) = inside.tasks.get_mut(&id) {
            task.outcome = Some(outcome);
        }
        Ok(())
    }

    /// How many tasks there are in each state.
    #[must_use]
    pub fn status(&self) -> TaskCounts {
        self.board.inside.lock().counts
    }
}

impl<Q, A> Inside<Q, A> {
    fn advance(&mut self, id: TaskId, to: TaskState) -> Result<(), BoardError> {
        let task = self.tasks.get_mut(&id).ok_or(BoardError::Unknown)?;
        let from = task.state;
        task.state = from.advance(to).map_err(BoardError::Illegal)?;
        *self.counts.of(from) -= 1;
        *self.counts.of(to) += 1;
        Ok(())
    }
}

impl<Q: Clone, A> TaskBoard<Q, A> {
    /// What is known of a task; `None` where there is none of this id, or not any
    /// more.
    #[must_use]
    pub fn get(&self, id: TaskId) -> Option<TaskEntry<Q, A>> {
        let kept = self.board.inside.lock().tasks.get(&id).cloned()?;
        Some(kept.entry(id))
    }

    /// All tasks in this state, in the order in which they were entered.
    #[must_use]
    pub fn list(&self, state: TaskState) -> Vec<TaskEntry<Q, A>> {
        let inside = self.board.inside.lock();
        let tasks = inside.tasks.iter().filter(|(_, it)| it.state == state);
        let kept: Vec<_> = tasks.map(|(id, it)| (*id, it.clone())).collect();
        drop(inside);
        kept.into_iter().map(|(id, it)| it.entry(id)).collect()
    }
}

impl<Q: Clone, A> Kept<Q, A> {
    /// Copies the query, which is foreign: not under the lock.
    fn entry(self, id: TaskId) -> TaskEntry<Q, A> {
        let record = Arc::unwrap_or_clone(self.record);
        TaskEntry {
            id,
            record: record.standing(self.state, self.assigned_agents),
            outcome: self.outcome,
        }
    }
}

impl<Q, A> fmt::Debug for TaskBoard<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskBoard({})", self.status())
    }
}

/// What a board refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BoardError {
    /// So many tasks go on, and there is no room for another.
    Full(usize),
    /// There is no such task, or not any more.
    Unknown,
    /// The task cannot go there from where it stands.
    Illegal(IllegalTransition),
    /// This record makes no task.
    Invalid(InvalidTask),
}

impl fmt::Display for BoardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(capacity) => write!(
                f,
                "the task board is full, its {capacity} tasks go on, come again when some are over"
            ),
            Self::Unknown => {
                f.write_str("there is no such task on the board, or it has made room for others")
            }
            Self::Illegal(why) => why.fmt(f),
            Self::Invalid(why) => why.fmt(f),
        }
    }
}

impl Error for BoardError {}
