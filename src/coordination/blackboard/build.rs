//! Building a blackboard: who writes on it, when, and until when.

use std::fmt;
use std::sync::Arc;

use super::board::{Board, Note};
use super::machine::{BlackboardProtocol, ControlRules, Ended, Equals, FULL, MOST_SOURCES, SOLVED};
use crate::actor::{BoxFuture, Fault, FaultClass, InvalidSpec, Serve, Served, System, WorkerRef};
use crate::coordination::driver::{Gathered, Participant, Score, Seat};
use crate::coordination::pattern::{calls_for, start};
use crate::coordination::protocol::Fact;
use crate::supervision::StartError;

type Predicate<V> = Arc<dyn Fn(&Board<V>) -> bool + Send + Sync>;

/// A knowledge source: a worker that reads the board and says what to write on it, and
/// when it has anything to say.
#[must_use = "a source says nothing until a blackboard has it"]
pub struct Source<V> {
    name: Arc<str>,
    worker: WorkerRef<Arc<Board<V>>, Vec<Note<V>>>,
    is_triggered: Predicate<V>,
    priority: u32,
}

impl<V: Send + Sync + 'static> Source<V> {
    /// A source of this name, which is always triggered, with priority 0.
    pub fn new(
        name: impl Into<Arc<str>>,
        worker: impl Into<WorkerRef<Arc<Board<V>>, Vec<Note<V>>>>,
    ) -> Self {
        Self {
            name: name.into(),
            worker: worker.into(),
            is_triggered: Arc::new(|_| true),
            priority: 0,
        }
    }

    /// It has something to say when the board is such. Asked of each board, on the
    /// blackboard's task; a panic fails the run.
    pub fn when(
        mut self,
        is_triggered: impl Fn(&Board<V>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.is_triggered = Arc::new(is_triggered);
        self
    }

    /// Of those that are triggered, the highest is first. Default 0.
    pub fn priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }
}

impl<V> fmt::Debug for Source<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, priority {})", self.name, self.priority)
    }
}

/// What goes from seat to seat.
#[derive(Clone)]
enum Slip<V> {
    Board(Arc<Board<V>>),
    Notes(Arc<str>, Vec<Note<V>>),
}

/// The answer of a blackboard.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Solution<V> {
    /// The board as it was left.
    pub board: Arc<Board<V>>,
    /// Why it was left so.
    pub ended: Ended,
    /// Sources that failed; they were not asked again.
    pub failed: Vec<FailedSource>,
}

/// A source that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedSource {
    /// Which.
    pub source: Arc<str>,
    /// What kind of failure it was.
    pub class: FaultClass,
    /// In words.
    pub message: String,
}

/// A blackboard to be. Made by [`blackboard`].
#[must_use = "a blackboard does nothing until it is started"]
pub struct Blackboard<V> {
    sources: Vec<Source<V>>,
    is_solved: Predicate<V>,
    equals: Equals,
    side_by_side: usize,
    steps: u32,
    entries: usize,
    limit: usize,
}

/// Has sources that follow write on one board, until it is solved or nobody has
/// anything to say.
pub fn blackboard<V: Clone + PartialEq + Send + Sync + 'static>() -> Blackboard<V> {
    Blackboard {
        sources: Vec::new(),
        is_solved: Arc::new(|_| false),
        equals: Equals::Declared,
        side_by_side: 1,
        steps: 100,
        entries: 1_000,
        limit: 64,
    }
}

impl<V: Clone + PartialEq + Send + Sync + 'static> Blackboard<V> {
    /// Adds a source; 30 at most.
    pub fn source(mut self, source: Source<V>) -> Self {
        self.sources.push(source);
        self
    }

    /// It is solved when the board is such. Default: when nobody has anything to say.
    pub fn until(mut self, is_solved: impl Fn(&Board<V>) -> bool + Send + Sync + 'static) -> Self {
        self.is_solved = Arc::new(is_solved);
        self
    }

    /// How sources of the same priority are told apart. Default: by the order in
    /// which they were added.
    pub fn equals(mut self, equals: Equals) -> Self {
        self.equals = equals;
        self
    }

    /// Sources asked side by side in a step, all with the same board. Default 1.
    pub fn side_by_side(mut self, sources: usize) -> Self {
        self.side_by_side = sources;
        self
    }

    /// Steps at most. Default 100.
    pub fn steps(mut self, steps: u32) -> Self {
        self.steps = steps;
        self
    }

    /// Entries on the board at most. Default 1,000.
    pub fn entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// Boards under way at once; further requests wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Starts it under this name.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] without sources or with more than 30, with none at a
    /// time, and without room on the board.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<Vec<Note<V>>, Solution<V>>, StartError> {
        let why = if self.sources.is_empty() || self.sources.len() > MOST_SOURCES {
            "a blackboard has one source at least and 30 at most"
        } else if self.side_by_side == 0 {
            "a blackboard asks one source at a time at least"
        } else if self.entries == 0 {
            "a blackboard has room for one entry at least"
        } else {
            return start(system, name.into(), self.score()).await;
        };
        Err(InvalidSpec::Combination(why).into())
    }

    fn score(self) -> Score<BlackboardProtocol, Solution<V>> {
        let rules = ControlRules::new(self.sources.iter().map(|it| it.priority))
            .equals(self.equals)
            .side_by_side(self.side_by_side)
            .steps(self.steps);
        let names = self.sources.iter().map(|it| Arc::clone(&it.name));
        let names: Vec<Arc<str>> = names.collect();
        let each = self.side_by_side.min(names.len()) + 1;
        let calls = (self.steps as usize).saturating_mul(each);
        let triggers = self.sources.iter().map(|it| Arc::clone(&it.is_triggered));
        let reader = Reader {
            triggers: triggers.collect(),
            is_solved: self.is_solved,
        };
        let reader = Arc::new(reader);
        let open = open(self.entries, Arc::clone(&reader));
        let sources = self.sources.into_iter().map(Source::seat);
        let seats = std::iter::once(open).chain(sources);
        Score {
            machine: BlackboardProtocol::new(rules),
            seats: seats.chain([write(reader)]).collect(),
            conclude: Arc::new(move |gathered| conclude(gathered, &names)),
            on_error: None,
            limit: self.limit,
            calls: calls_for(calls.saturating_add(1)),
        }
    }
}

impl<V> fmt::Debug for Blackboard<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blackboard")
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

/// Says what a board means for the control.
struct Reader<V> {
    triggers: Vec<Predicate<V>>,
    is_solved: Predicate<V>,
}

impl<V: PartialEq> Reader<V> {
    fn read(&self, slip: &Slip<V>) -> Fact {
        let Slip::Board(board) = slip else {
            return Fact::Nothing;
        };
        let mut says = 0;
        for (at, is_triggered) in self.triggers.iter().enumerate() {
            says |= u32::from(is_triggered(board)) << at;
        }
        if board.is_full() {
            says |= FULL;
        }
        if (self.is_solved)(board) {
            says |= SOLVED;
        }
        Fact::Choice(says)
    }
}

fn wrong() -> Fault {
    Fault::permanent("a blackboard's seat was given what no seat gives")
}

fn open<V>(entries: usize, reader: Arc<Reader<V>>) -> Seat
where
    V: Clone + PartialEq + Send + Sync + 'static,
{
    let open = Participant::computes("board", move |notes: Vec<Note<V>>| {
        let board = Board::new(entries).written(0, vec![("".into(), notes)]);
        match board.dropped() {
            0 => Ok(Slip::Board(Arc::new(board))),
            _ => Err(Fault::permanent(format!(
                "the board has room for {entries} entries, begin with fewer"
            ))),
        }
    });
    open.reads(move |slip| reader.read(slip)).seat()
}

fn write<V>(reader: Arc<Reader<V>>) -> Seat
where
    V: Clone + PartialEq + Send + Sync + 'static,
{
    let write = Participant::combines("write", |slips: Vec<Slip<V>>| {
        let mut slips = slips.into_iter();
        let Some(Slip::Board(board)) = slips.next() else {
            return Err(wrong());
        };
        let notes = slips.filter_map(|slip| match slip {
            Slip::Notes(author, notes) => Some((author, notes)),
            Slip::Board(_) => None,
        });
        let board = board.written(board.step() + 1, notes.collect());
        Ok(Slip::Board(Arc::new(board)))
    });
    write.reads(move |slip| reader.read(slip)).seat()
}

/// Asks a source, and leaves out what is on the board already.
struct Asking<V> {
    name: Arc<str>,
    worker: WorkerRef<Arc<Board<V>>, Vec<Note<V>>>,
}

impl<V> Serve<Slip<V>, Slip<V>> for Asking<V>
where
    V: Clone + PartialEq + Send + Sync + 'static,
{
    fn serve(&self, slip: Slip<V>) -> BoxFuture<'_, Result<Served<Slip<V>>, Fault>> {
        Box::pin(async move {
            let Slip::Board(board) = slip else {
                return Err(wrong());
            };
            let served = self.worker.ask(Arc::clone(&board)).await?;
            Ok(served.map(|mut notes| {
                notes.retain(|note| !board.holds(note));
                Slip::Notes(Arc::clone(&self.name), notes)
            }))
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }
}

impl<V: Clone + PartialEq + Send + Sync + 'static> Source<V> {
    fn seat(self) -> Seat {
        let asking = WorkerRef::new(Asking {
            name: Arc::clone(&self.name),
            worker: self.worker,
        });
        let asks = Participant::asks(self.name, asking);
        let asks = asks.reads(|slip| match slip {
            Slip::Notes(_, notes) => Fact::Count(u32::try_from(notes.len()).unwrap_or(u32::MAX)),
            Slip::Board(_) => Fact::Nothing,
        });
        asks.copying().seat()
    }
}

fn conclude<V: Send + Sync + 'static>(
    mut gathered: Gathered<'_>,
    names: &[Arc<str>],
) -> Result<Solution<V>, Fault> {
    let machine = gathered.machine.downcast_ref::<BlackboardProtocol>();
    let ended = machine.and_then(BlackboardProtocol::ended);
    let (Some(ended), Some(Slip::Board(board))) = (ended, gathered.last()) else {
        return Err(Fault::permanent("the blackboard left no state"));
    };
    let failed = gathered.failures.into_iter().filter_map(|(at, fault)| {
        Some(FailedSource {
            source: Arc::clone(names.get(at.checked_sub(1)?)?),
            class: fault.class(),
            message: fault.message().to_owned(),
        })
    });
    Ok(Solution {
        board,
        ended,
        failed: failed.collect(),
    })
}
