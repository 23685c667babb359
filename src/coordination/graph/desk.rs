//! Where workers are asked, and answers become payloads.

use std::sync::Arc;

use super::subtask::{Book, Table, Word};
use super::task::{Given, Inputs, Split, Work};
use super::wiring::Question;
use super::{GraphReport, Node};
use crate::actor::core::shell::catch;
use crate::actor::{BoxFuture, Fault, Metadata, Serve, Served, WorkerRef};
use crate::coordination::driver::{Act, Answer, Fed, Kept, Kinds, Payload, Seat, copy_of};
use crate::coordination::protocol::Fact;

/// Opens a book for each run.
pub(super) struct Entry<T> {
    pub(super) runs: WorkerRef<Arc<Book<T>>, GraphReport<T>>,
    pub(super) table: Arc<Table>,
}

impl<T: Send + Sync + 'static> Serve<T, GraphReport<T>> for Entry<T> {
    fn serve(&self, input: T) -> BoxFuture<'_, Result<Served<GraphReport<T>>, Fault>> {
        let book = Arc::new(Book::new(input, Arc::clone(&self.table)));
        Box::pin(async move { self.runs.ask(book).await })
    }

    fn name(&self) -> String {
        self.runs.name()
    }

    fn is_available(&self) -> bool {
        self.runs.is_available()
    }
}

/// Where a task's worker is asked, or that of all tasks of a kind.
pub(super) struct Desk<T> {
    name: Arc<str>,
    work: Arc<Work<T>>,
    split: Option<Split<T>>,
    questions: Vec<Arc<Question<T>>>,
}

impl<T: Clone + Send + Sync + 'static> Desk<T> {
    pub(super) fn of(node: &Node<T>) -> Self {
        Self {
            name: Arc::clone(&node.name),
            work: Arc::clone(&node.work),
            split: node.split.clone(),
            questions: node.questions.clone(),
        }
    }

    pub(super) async fn ask(&self, fed: Fed) -> Result<Answer, Fault> {
        let (added, inputs) = inputs::<T>(fed)?;
        let run = Arc::clone(&inputs.run);
        let answer = match &*self.work {
            Work::Joins(worker) => worker.ask(inputs).await,
            Work::One(worker) => {
                let one = match inputs.answers.first() {
                    Some((_, answer)) => T::clone(answer),
                    None => inputs.run.input.clone(),
                };
                worker.ask(one).await
            }
        };
        let served = match (answer, &added) {
            (Err(fault), Some(name)) => return Err(fault.at(name)),
            (answer, _) => answer?,
        };
        let fact = if self.questions.is_empty() {
            Fact::Nothing
        } else {
            let holds = self.questions.iter().map(|it| it.ask(&served.value));
            Fact::Choice(holds.fold(0, |all, more| all | more))
        };
        let given = Given {
            task: added.unwrap_or_else(|| Arc::clone(&self.name)),
            answer: Some(Arc::new(served.value)),
            split: self.split.clone(),
            run,
        };
        Ok(Answer {
            kept: Kept::One(Box::new(given)),
            fact,
            metadata: served.metadata,
        })
    }
}

/// What a task is given, and its name where it was added.
fn inputs<T: Send + Sync + 'static>(fed: Fed) -> Result<(Option<Arc<str>>, Inputs<T>), Fault> {
    let given = match fed {
        Fed::One(input) => {
            let run = *input.downcast::<Arc<Book<T>>>().map_err(|_| wrong())?;
            let answers = Vec::new();
            return Ok((None, Inputs { run, answers }));
        }
        Fed::Many(payloads) => payloads,
    };
    let (mut name, mut run, mut answers) = (None, None, Vec::with_capacity(given.len()));
    for payload in given {
        let given = given_of::<T>(payload)?;
        match given.answer {
            Some(answer) => answers.push((given.task, answer)),
            None => name = Some(given.task),
        }
        run = Some(given.run);
    }
    let run = run.ok_or_else(wrong)?;
    Ok((name, Inputs { run, answers }))
}

fn given_of<T: Send + Sync + 'static>(payload: Payload) -> Result<Given<T>, Fault> {
    payload.downcast().map(|given| *given).map_err(|_| wrong())
}

fn wrong() -> Fault {
    Fault::permanent("a task was given what no task gives")
}

/// One word about a subtask, and who it is, where it begins one.
struct Told<T> {
    code: u32,
    who: Option<Given<T>>,
}

/// Splits answers into words about subtasks.
pub(super) fn splitter<T: Clone + Send + Sync + 'static>() -> Seat {
    let split = |fed: Fed| {
        let Fed::One(payload) = fed else {
            return Err(wrong());
        };
        let given = given_of::<T>(payload)?;
        let (Some(split), Some(answer)) = (&given.split, &given.answer) else {
            return Err(wrong());
        };
        let refused = |fault: Fault| fault.at(&given.task);
        let subtasks = catch(|| split(answer))
            .map_err(|_| refused(Fault::permanent("splitting the answer panicked")))?;
        let words = given
            .run
            .add(&subtasks)
            .map_err(|invalid| refused(Fault::permanent(invalid.to_string()).because(invalid)))?;
        let words = words.into_iter().map(|word| {
            let code = word.code();
            let who = match word {
                Word::Task(_, task) => Some(Given {
                    task,
                    answer: None,
                    split: None,
                    run: Arc::clone(&given.run),
                }),
                Word::On(_) => None,
            };
            let told: Payload = Box::new(Told { code, who });
            Some(told)
        });
        let words: Vec<_> = words.collect();
        let count = u32::try_from(words.len()).unwrap_or(u32::MAX);
        Ok(answer_of(Kept::Parts(words), Fact::Count(count)))
    };
    Seat {
        name: "decomposition".into(),
        act: Act::Computes(Box::new(split)),
        copy: Some(copy_of::<Given<T>>),
        kinds: Kinds::of::<Given<T>, Told<T>>(),
    }
}

/// Reads words about subtasks.
pub(super) fn reader<T: Send + Sync + 'static>() -> Seat {
    let read = |fed: Fed| {
        let Fed::One(payload) = fed else {
            return Err(wrong());
        };
        let told = payload.downcast::<Told<T>>().map_err(|_| wrong())?;
        let Told { code, who } = *told;
        let kept: Payload = match who {
            Some(who) => Box::new(who),
            None => Box::new(()),
        };
        Ok(answer_of(Kept::One(kept), Fact::Choice(code)))
    };
    Seat {
        name: "decomposition".into(),
        act: Act::Computes(Box::new(read)),
        copy: None,
        kinds: Kinds::of::<Told<T>, Given<T>>(),
    }
}

fn answer_of(kept: Kept, fact: Fact) -> Answer {
    Answer {
        kept,
        fact,
        metadata: Metadata::default(),
    }
}
