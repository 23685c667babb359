//! Who takes part in a run of a hub, in the order that its machine knows.

use std::sync::Arc;
use std::time::Duration;

use super::desk::{Desk, answer};
use super::machine::HubProtocol;
use super::plan::{Refused, Scope, Word, words};
use super::report::HubReport;
use super::slip::{Slip, slips, wrong};
use crate::actor::{Fault, Metadata, WorkerRef};
use crate::coordination::driver::{Act, Answer, Fed, Kept, Kinds, Payload, Seat, copy_of};
use crate::coordination::protocol::Fact;
use crate::coordination::task::TaskRecord;

type Function<A, Out> = Arc<dyn Fn(HubReport<A>) -> Result<Out, Fault> + Send + Sync>;

/// Who makes one answer of all.
pub(super) enum Synthesis<A, Out> {
    Function(Function<A, Out>),
    Worker(WorkerRef<HubReport<A>, Out>),
}

impl<A, Out> Synthesis<A, Out> {
    pub(super) fn function(
        f: impl Fn(HubReport<A>) -> Result<Out, Fault> + Send + Sync + 'static,
    ) -> Self {
        Self::Function(Arc::new(f))
    }
}

pub(super) fn seats<In, Q, A, Out>(
    name: &Arc<str>,
    planner: WorkerRef<In, Vec<TaskRecord<Q>>>,
    synthesis: Synthesis<A, Out>,
    desk: &Arc<Desk<Q, A>>,
) -> Vec<Seat>
where
    In: Send + 'static,
    Q: Clone + Send + Sync + 'static,
    A: Send + Sync + 'static,
    Out: Send + 'static,
{
    let computes = |f: fn(&Desk<Q, A>, Fed) -> Result<Answer, Fault>| {
        let desk = Arc::clone(desk);
        Act::Computes(Box::new(move |fed| f(&desk, fed)))
    };
    let mut seats: Vec<Seat> = (0..HubProtocol::FIRST_SPOKE)
        .map(|position| match position {
            HubProtocol::PLANNER => Seat {
                name: "plan".into(),
                act: plan(planner.clone(), Arc::clone(desk)),
                copy: None,
                kinds: Kinds::of::<In, Slip<Q, A>>(),
            },
            HubProtocol::READER => Seat {
                copy: None,
                ..seat::<Q, A>("plan", Act::Computes(Box::new(read::<Q, A>)))
            },
            HubProtocol::ROUTER => seat::<Q, A>("router", computes(Desk::route)),
            HubProtocol::CLERK => seat::<Q, A>("clerk", computes(Desk::close)),
            HubProtocol::SYNTHESIS => {
                seat::<Q, A>("synthesis", synthesize::<Q, A, Out>(&synthesis))
            }
            _ => seat::<Q, A>(
                name,
                Act::Computes(Box::new(|fed| Err(report::<Q, A>(fed)?.fault()))),
            ),
        })
        .collect();
    let spokes = desk.router.spokes.iter().enumerate();
    seats.extend(spokes.map(|(spoke, known)| {
        let desk = Arc::clone(desk);
        let act = Act::asking(move |fed| {
            let desk = Arc::clone(&desk);
            async move { desk.attempt(spoke, fed).await }
        });
        seat::<Q, A>(&known.name, act)
    }));
    seats
}

/// A seat that is fed slips, copies of them.
fn seat<Q, A>(name: &str, act: Act) -> Seat
where
    Q: Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    Seat {
        name: name.into(),
        act,
        copy: Some(copy_of::<Slip<Q, A>>),
        kinds: Kinds::of::<Slip<Q, A>, Slip<Q, A>>(),
    }
}

/// Asks for a plan, and makes words of it.
fn plan<In, Q, A>(planner: WorkerRef<In, Vec<TaskRecord<Q>>>, desk: Arc<Desk<Q, A>>) -> Act
where
    In: Send + 'static,
    Q: Clone + Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    Act::asking(move |fed| {
        let (planner, desk) = (planner.clone(), Arc::clone(&desk));
        async move {
            let Fed::One(payload) = fed else {
                return Err(wrong());
            };
            let input = payload.downcast::<In>().map_err(|_| wrong())?;
            let served = planner.ask(*input).await?;
            let words = desk.words(served.value)?;
            let count = u32::try_from(words.len()).unwrap_or(u32::MAX);
            let parts = words.into_iter().map(|word| {
                let part: Payload = Box::new(word);
                Some(part)
            });
            Ok(Answer {
                kept: Kept::Parts(parts.collect()),
                fact: Fact::Count(count),
                metadata: served.metadata,
            })
        }
    })
}

impl<Q, A> Desk<Q, A> {
    fn words(&self, plan: Vec<TaskRecord<Q>>) -> Result<Vec<Word<Q, A>>, Fault> {
        let scope = Scope {
            at_most: self.at_most,
            knows: &|name| self.standards.criteria.contains_key(name),
        };
        words(plan, &scope, &self.board).map_err(|refused| match refused {
            Refused::Invalid(why) => Fault::permanent(why.to_string()).because(why),
            Refused::Board(why) => {
                Fault::overloaded(why.to_string(), Duration::from_secs(1)).because(why)
            }
        })
    }
}

/// Reads a word of the plan.
fn read<Q, A>(fed: Fed) -> Result<Answer, Fault>
where
    Q: Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    let Fed::One(payload) = fed else {
        return Err(wrong());
    };
    let word = payload.downcast::<Word<Q, A>>().map_err(|_| wrong())?;
    Ok(match word.task {
        Some(task) => answer(Slip::Task(task), word.fact, Metadata::default()),
        None => Answer {
            kept: Kept::One(Box::new(())),
            fact: word.fact,
            metadata: Metadata::default(),
        },
    })
}

/// All there is of a run.
fn report<Q, A>(fed: Fed) -> Result<HubReport<A>, Fault>
where
    Q: Send + Sync + 'static,
    A: Send + Sync + 'static,
{
    let tasks = slips::<Q, A>(fed)?.into_iter().map(|slip| match slip {
        Slip::Closed(report) => Ok(Arc::unwrap_or_clone(report)),
        Slip::Task(task) => Ok(task.report()),
        Slip::Routed(..) | Slip::Answer(_) => Err(wrong()),
    });
    Ok(HubReport {
        tasks: tasks.collect::<Result<_, _>>()?,
    })
}

fn synthesize<Q, A, Out>(synthesis: &Synthesis<A, Out>) -> Act
where
    Q: Send + Sync + 'static,
    A: Send + Sync + 'static,
    Out: Send + 'static,
{
    let kept = |out: Out, metadata| Answer {
        kept: Kept::One(Box::new(out)),
        fact: Fact::Nothing,
        metadata,
    };
    match synthesis {
        Synthesis::Function(f) => {
            let f = Arc::clone(f);
            Act::Computes(Box::new(move |fed| {
                Ok(kept(f(report::<Q, A>(fed)?)?, Metadata::default()))
            }))
        }
        Synthesis::Worker(worker) => {
            let worker = worker.clone();
            Act::asking(move |fed| {
                let worker = worker.clone();
                async move {
                    let served = worker.ask(report::<Q, A>(fed)?).await?;
                    Ok(kept(served.value, served.metadata))
                }
            })
        }
    }
}
