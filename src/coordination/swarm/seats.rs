//! Who takes part in a swarm: members whose finds are scored, who opens, who shares.

use std::sync::Arc;

use super::Sense;
use super::knowledge::{Explore, Extracts, Find, LessonKind, Shared};
use crate::actor::core::shell::catch;
use crate::actor::{BoxFuture, Fault, Serve, Served, WorkerRef};
use crate::coordination::contained::contained;
use crate::coordination::driver::{Participant, Seat};
use crate::coordination::protocol::Fact;

/// Who says how good something is.
pub(super) enum Objective<P> {
    Closure(Arc<dyn Fn(&P) -> f64 + Send + Sync>),
    Worker(WorkerRef<P, f64>),
}

impl<P> Clone for Objective<P> {
    fn clone(&self) -> Self {
        match self {
            Self::Closure(score) => Self::Closure(Arc::clone(score)),
            Self::Worker(worker) => Self::Worker(worker.clone()),
        }
    }
}

/// What goes to and fro.
#[derive(Clone)]
pub(super) enum Paper<P> {
    Shared(Arc<Shared<P>>),
    Found(usize, Find<P>),
}

impl<P> Paper<P> {
    pub(super) fn shared(self) -> Result<Arc<Shared<P>>, Fault> {
        match self {
            Self::Shared(shared) => Ok(shared),
            Self::Found(..) => Err(Fault::permanent("what was fed is not what is known")),
        }
    }

    fn fact(&self) -> Fact {
        match self {
            Self::Found(_, Ok((_, score))) => Fact::Number(*score),
            _ => Fact::Nothing,
        }
    }
}

/// A member, and who scores what it finds.
struct Member<P> {
    explorer: WorkerRef<Explore<P>, P>,
    objective: Objective<P>,
    sense: Sense,
}

impl<P: Clone + Send + Sync + 'static> Serve<Explore<P>, (P, f64)> for Member<P> {
    fn serve(&self, explore: Explore<P>) -> BoxFuture<'_, Result<Served<(P, f64)>, Fault>> {
        Box::pin(async move {
            let found = self.explorer.ask(explore).await?;
            let (says, score) = match &self.objective {
                Objective::Closure(score) => {
                    let score = catch(|| score(&found.value));
                    let score = score.map_err(|_| Fault::permanent("the objective panicked"))?;
                    (found.metadata, score)
                }
                Objective::Worker(worker) => {
                    let scored = worker.ask(found.value.clone()).await?;
                    (found.metadata.after(&scored.metadata), scored.value)
                }
            };
            if score.is_nan() {
                return Err(Fault::permanent("the score is not a number"));
            }
            let score = self.sense.higher_is_better(score);
            Ok(found.map(|value| (value, score)).with(says))
        })
    }

    fn name(&self) -> String {
        self.explorer.name()
    }
}

pub(super) fn member<P: Clone + Send + Sync + 'static>(
    at: usize,
    explorer: WorkerRef<Explore<P>, P>,
    objective: Objective<P>,
    sense: Sense,
) -> Seat {
    let name = explorer.name();
    let member = WorkerRef::new(Member {
        explorer,
        objective,
        sense,
    });
    let finds = contained(
        member,
        move |paper: Paper<P>| Ok(Explore::of(at, paper.shared()?)),
        move |found| match found {
            Ok(served) => served.map(|found| Paper::Found(at, Ok(found))),
            Err(fault) => Served::new(Paper::Found(at, Err(fault))),
        },
    );
    let finds = Participant::asks(name, finds).copying();
    finds.reads(Paper::fact).seat()
}

pub(super) fn opens<P: Clone + Send + Sync + 'static>(members: usize, seed: u64) -> Seat {
    let open = move |starts| {
        let shared = Shared::<P>::new(starts, members, seed);
        Ok(Paper::Shared(Arc::new(shared)))
    };
    Participant::computes("opening", open).seat()
}

pub(super) fn shares<P: Clone + Send + Sync + 'static>(
    share: usize,
    lessons: Vec<(LessonKind, Arc<str>, Extracts<P>)>,
) -> Seat {
    let shares = move |papers: Vec<Paper<P>>| {
        let mut papers = papers.into_iter();
        let nothing = || Fault::permanent("nothing is known");
        let mut shared = papers.next().ok_or_else(nothing)?.shared()?;
        let found = papers.filter_map(|paper| match paper {
            Paper::Found(member, found) => Some((member, found)),
            Paper::Shared(_) => None,
        });
        // Copied only if a member keeps what it was given.
        let known = Arc::make_mut(&mut shared);
        known.learn(found.collect(), share);
        known.teach(&lessons);
        Ok(Paper::Shared(shared))
    };
    Participant::combines("sharing", shares).seat()
}
