//! Work goes to the worker that fits best just now.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::{BoxFuture, Fault, FaultClass, InvalidSpec, Serve, Served, WorkerRef};
use crate::policy::choice::{LoadWeights, Metrics, Recent, highest};
use crate::sync::Mutex;

struct Agent<In, Out> {
    worker: WorkerRef<In, Out>,
    /// Jobs that it may have in hand.
    max: usize,
    capability: f64,
}

/// What changes from job to job.
#[derive(Clone, Copy, Default)]
struct Standing {
    load: usize,
    recent: Recent,
}

struct Inside {
    weights: LoadWeights,
    /// By the agents' positions.
    standings: Vec<Standing>,
    /// Where the search begins, so that equals take turns.
    turn: usize,
}

/// Gives each job to the worker of the highest score: room, capability and recent
/// success, weighted 0.4, 0.4 and 0.2 unless said otherwise. The workers may be
/// of any kind; for workers alike a [`Pool`](crate::supervision::Pool) is better.
///
/// Who is not [available](WorkerRef::is_available) or has no room is passed over;
/// who has done nothing yet scores 1, so that it gets a chance. Faults that say
/// nothing of a worker (permanent and cancelled ones) leave its score alone.
///
/// # Examples
///
/// ```
/// use callboard::prelude::*;
/// use callboard::resilience::Balancer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), BoxError> {
/// let small = WorkerRef::from_fn("small", |n: u32| async move { Ok(("small", n)) });
/// let large = WorkerRef::from_fn("large", |n: u32| async move { Ok(("large", n)) });
/// let balanced = Balancer::new("models")
///     .agent(small, 8, 0.3)
///     .agent(large, 8, 0.9)
///     .worker()?;
/// // Each gets a chance; then the more capable one has the higher score.
/// balanced.ask(1).await?;
/// balanced.ask(2).await?;
/// assert_eq!(balanced.ask(3).await?.value.0, "large");
/// # Ok(())
/// # }
/// ```
#[must_use = "a balancer does nothing until it is a worker that is asked"]
pub struct Balancer<In, Out> {
    name: Arc<str>,
    agents: Vec<Agent<In, Out>>,
    weights: LoadWeights,
}

impl<In: Send + 'static, Out: Send + 'static> Balancer<In, Out> {
    /// One without agents.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self {
            name: name.into(),
            agents: Vec::new(),
            weights: LoadWeights::default(),
        }
    }

    /// Adds an agent that may have `max` jobs in hand, with its capability from 0
    /// to 1.
    pub fn agent(
        mut self,
        worker: impl Into<WorkerRef<In, Out>>,
        max: usize,
        capability: f64,
    ) -> Self {
        self.agents.push(Agent {
            worker: worker.into(),
            max,
            capability,
        });
        self
    }

    /// How much each part of the score counts. Default 0.4, 0.4, 0.2.
    pub fn weights(mut self, weights: LoadWeights) -> Self {
        self.weights = weights;
        self
    }

    /// The whole as a worker.
    ///
    /// # Errors
    ///
    /// Without agents, or with weights that say nothing.
    pub fn worker(self) -> Result<WorkerRef<In, Out>, InvalidSpec> {
        if self.agents.is_empty() {
            return Err(InvalidSpec::Combination(
                "a balancer has at least one agent",
            ));
        }
        self.weights.validate().map_err(InvalidSpec::Weights)?;
        let inside = Inside {
            weights: self.weights,
            standings: vec![Standing::default(); self.agents.len()],
            turn: 0,
        };
        Ok(WorkerRef::new(Balanced {
            name: self.name,
            agents: self.agents,
            inside: Mutex::new(inside),
        }))
    }
}

impl<In, Out> fmt::Debug for Balancer<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.agents.iter().map(|agent| &agent.worker);
        f.debug_list().entries(names).finish()
    }
}

struct Balanced<In, Out> {
    name: Arc<str>,
    agents: Vec<Agent<In, Out>>,
    inside: Mutex<Inside>,
}

impl<In: Send + 'static, Out: Send + 'static> Balanced<In, Out> {
    /// Takes a place at the agent with the highest score.
    fn take(&self) -> Option<Turn<'_, In, Out>> {
        // Availability is foreign code: asked without the lock.
        let available: Vec<bool> = self
            .agents
            .iter()
            .map(|agent| agent.worker.is_available())
            .collect();
        let mut inside = self.inside.lock();
        let scores: Vec<Option<f64>> = self
            .agents
            .iter()
            .zip(&inside.standings)
            .zip(available)
            .map(|((agent, standing), is_available)| {
                let has_room = is_available && standing.load < agent.max;
                has_room.then(|| {
                    inside
                        .weights
                        .score(standing.recent.share().map(|success| Metrics {
                            load: standing.load,
                            max: agent.max,
                            capability: agent.capability,
                            success,
                        }))
                })
            })
            .collect();
        let at = highest(scores, inside.turn)?;
        inside.turn = at + 1;
        inside.standings[at].load += 1;
        Some(Turn { of: self, at })
    }
}

/// A place at an agent; given back when dropped.
struct Turn<'a, In, Out> {
    of: &'a Balanced<In, Out>,
    at: usize,
}

impl<In, Out> Turn<'_, In, Out> {
    fn note(&self, note: fn(&mut Recent)) {
        note(&mut self.of.inside.lock().standings[self.at].recent);
    }
}

impl<In, Out> Drop for Turn<'_, In, Out> {
    fn drop(&mut self) {
        self.of.inside.lock().standings[self.at].load -= 1;
    }
}

impl<In: Send + 'static, Out: Send + 'static> Serve<In, Out> for Balanced<In, Out> {
    fn serve(&self, input: In) -> BoxFuture<'_, Result<Served<Out>, Fault>> {
        Box::pin(async move {
            let Some(turn) = self.take() else {
                return Err(Fault::overloaded(
                    format!("no agent of {} is available, retry later", self.name),
                    Duration::from_secs(1),
                ));
            };
            let answer = self.agents[turn.at].worker.ask(input).await;
            match answer.as_ref().map_err(Fault::class) {
                Ok(_) => turn.note(Recent::succeeded),
                Err(FaultClass::Permanent | FaultClass::Cancelled) => {}
                Err(_) => turn.note(Recent::failed),
            }
            answer
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn is_available(&self) -> bool {
        self.agents.iter().any(|agent| agent.worker.is_available())
    }
}
