//! A task on its way to those who do it.

use std::sync::Arc;
use std::time::Duration;

use super::agent::Place;
use super::decide::Pick;
use super::decision::{Decision, NoAgents, PassedOver, quoted};
use super::directory::Directory;
use super::wanted::{Match, Wanted};
use crate::actor::core::shell::catch;
use crate::actor::{BoxFuture, Fault, FaultClass, Serve, Served};
use crate::coordination::bus::TaskEvent;
use crate::coordination::pattern::caught;
use crate::policy::choice::Recent;
use crate::sync::Mutex;

/// Hears of what happens to tasks.
pub(super) type Announce = Arc<dyn Fn(TaskEvent) + Send + Sync>;

/// What all runs of a router share.
pub(super) struct Desk<In, Out> {
    pub(super) directory: Directory<In, Out>,
    pub(super) announce: Option<Announce>,
    /// How long one agent may take.
    pub(super) within: Option<Duration>,
}

impl<In, Out> Desk<In, Out> {
    pub(super) fn announce(&self, event: impl FnOnce() -> TaskEvent) {
        if let Some(announce) = &self.announce {
            // Foreign code hears of it; its panic is nobody's failure.
            let _ = catch(|| announce(event()));
        }
    }
}

/// What is over when it ends: completed, or it has failed.
enum Outcome {
    Open,
    Completed,
    Failed(String),
}

/// One task of a run. One that ends without having been completed has failed.
pub(super) struct Errand<In, Out> {
    task: Arc<str>,
    wanted: Wanted,
    desk: Arc<Desk<In, Out>>,
    decisions: Mutex<Vec<Decision>>,
    outcome: Mutex<Outcome>,
}

impl<In: Send + 'static, Out: Send + 'static> Errand<In, Out> {
    pub(super) fn new(task: Arc<str>, wanted: Wanted, desk: Arc<Desk<In, Out>>) -> Arc<Self> {
        desk.announce(|| TaskEvent::TaskCreated {
            task: Arc::clone(&task),
        });
        Arc::new(Self {
            task,
            wanted,
            desk,
            decisions: Mutex::new(Vec::new()),
            outcome: Mutex::new(Outcome::Open),
        })
    }

    /// Chooses who does all of it.
    pub(super) fn assign(self: &Arc<Self>, input: In) -> Result<Vec<Assignment<In, Out>>, Fault>
    where
        In: Clone,
    {
        let picks = self.choose(&self.wanted, &[])?;
        let is_team = matches!(self.wanted.by, Match::Team(_));
        let assignments = picks.into_iter().map(|Pick { place, needs }| Assignment {
            errand: Arc::clone(self),
            wanted: Arc::new(match is_team {
                // Its part of the team's work.
                true => Wanted {
                    by: Match::Exact(needs.clone()),
                    effort: self.wanted.effort,
                },
                false => self.wanted.clone(),
            }),
            needs: needs.into(),
            tried: Vec::new(),
            agent: place.0.agent.name.clone(),
            id: place.0.id,
            place: Arc::new(Mutex::new(Some(place))),
            input: input.clone(),
        });
        let assignments: Vec<_> = assignments.collect();
        self.desk.announce(|| TaskEvent::TaskReady {
            task: Arc::clone(&self.task),
        });
        Ok(assignments)
    }

    fn choose(&self, wanted: &Wanted, tried: &[u64]) -> Result<Vec<Pick<In, Out>>, Fault> {
        let chosen = self.desk.directory.choose(wanted, tried);
        let (decision, picks) =
            chosen.map_err(|why| Fault::permanent(why.to_string()).because(why))?;
        self.decisions.lock().push(decision.clone());
        if picks.is_empty() {
            return Err(self.nobody(wanted, decision));
        }
        Ok(picks)
    }

    /// Nobody could be chosen.
    fn nobody(&self, wanted: &Wanted, decision: Decision) -> Fault {
        let what = match &wanted.by {
            Match::Exact(needs) | Match::Team(needs) => quoted(needs),
            Match::Similar(text) => format!("something like {text:?}"),
        };
        let has_tried = |decision: &Decision| {
            let others = &decision.others;
            others
                .iter()
                .any(|(_, why)| matches!(why, PassedOver::Tried))
        };
        let fault = if !decision.missing.is_empty() {
            let missing = quoted(&decision.missing);
            Fault::permanent(format!("no agent can {missing}, add one that can"))
        } else if decision.is_temporary() {
            let words = format!("no agent who can {what} is free, retry later");
            Fault::overloaded(words, Duration::from_secs(1))
        } else if has_tried(&decision) {
            Fault::permanent(format!("every agent who can {what} has tried"))
        } else {
            Fault::permanent(format!(
                "no agent alone can {what}, add one that can, or want a team"
            ))
        };
        self.desk.announce(|| TaskEvent::NoAgentsAvailable {
            task: Arc::clone(&self.task),
            missing: decision.missing.clone(),
            why: fault.message().into(),
        });
        self.fails(&fault);
        fault.because(NoAgents { decision })
    }

    fn fails(&self, fault: &Fault) {
        *self.outcome.lock() = Outcome::Failed(fault.to_string());
    }

    /// It is done, and these are the decisions on its way.
    pub(super) fn complete(&self, agents: Vec<Arc<str>>) -> Vec<Decision> {
        *self.outcome.lock() = Outcome::Completed;
        self.desk.announce(|| TaskEvent::TaskCompleted {
            task: Arc::clone(&self.task),
            agents,
        });
        std::mem::take(&mut *self.decisions.lock())
    }
}

impl<In, Out> Drop for Errand<In, Out> {
    fn drop(&mut self) {
        let why = match &*self.outcome.lock() {
            Outcome::Completed => return,
            Outcome::Open => "nobody waits for it any more".to_owned(),
            Outcome::Failed(why) => why.clone(),
        };
        self.desk.announce(|| TaskEvent::TaskFailed {
            task: Arc::clone(&self.task),
            why: why.into(),
        });
    }
}

/// Part of a task, and the agent that is to do it.
pub(super) struct Assignment<In, Out> {
    pub(super) errand: Arc<Errand<In, Out>>,
    /// What its agent has to be.
    wanted: Arc<Wanted>,
    pub(super) needs: Arc<[String]>,
    /// Agents that failed.
    tried: Vec<u64>,
    pub(super) agent: Arc<str>,
    id: u64,
    /// Taken when the agent is asked.
    place: Arc<Mutex<Option<Place<In, Out>>>>,
    input: In,
}

impl<In: Clone, Out> Clone for Assignment<In, Out> {
    fn clone(&self) -> Self {
        Self {
            errand: Arc::clone(&self.errand),
            wanted: Arc::clone(&self.wanted),
            needs: Arc::clone(&self.needs),
            tried: self.tried.clone(),
            agent: Arc::clone(&self.agent),
            id: self.id,
            place: Arc::clone(&self.place),
            input: self.input.clone(),
        }
    }
}

impl<In: Send + 'static, Out: Send + 'static> Assignment<In, Out> {
    /// The next best agent, after this one has failed.
    pub(super) fn replace(mut self) -> Result<Self, Fault> {
        self.tried.push(self.id);
        let picks = self.errand.choose(&self.wanted, &self.tried)?;
        let Some(Pick { place, .. }) = picks.into_iter().next() else {
            return Err(Fault::permanent("nobody was chosen"));
        };
        self.agent = Arc::clone(&place.0.agent.name);
        self.id = place.0.id;
        self.place = Arc::new(Mutex::new(Some(place)));
        Ok(self)
    }
}

/// What an agent answered.
pub(super) struct Done<In, Out> {
    pub(super) errand: Arc<Errand<In, Out>>,
    pub(super) agent: Arc<str>,
    pub(super) needs: Arc<[String]>,
    pub(super) value: Out,
}

/// Asks the agent of an assignment.
pub(super) struct AsksAgent;

impl<In, Out> Serve<Assignment<In, Out>, Done<In, Out>> for AsksAgent
where
    In: Send + 'static,
    Out: Send + 'static,
{
    fn serve(
        &self,
        assignment: Assignment<In, Out>,
    ) -> BoxFuture<'_, Result<Served<Done<In, Out>>, Fault>> {
        Box::pin(async move {
            let Assignment {
                errand,
                needs,
                agent,
                place,
                input,
                ..
            } = assignment;
            let Some(place) = place.lock().take() else {
                return Err(Fault::permanent("an agent was given the same work twice"));
            };
            let entry = Arc::clone(&place.0);
            let mut ask = entry.agent.worker.ask(input);
            if let Some(within) = errand.desk.within {
                ask = ask.deadline(within);
            }
            let answer = caught(async { ask.await }, || format!("agent {agent} panicked")).await;
            match &answer {
                Ok(_) => entry.note(Recent::succeeded),
                Err(fault) => {
                    errand.fails(fault);
                    if fault.class() != FaultClass::Cancelled {
                        entry.note(Recent::failed);
                    }
                }
            }
            drop(place);
            errand.desk.announce(|| TaskEvent::AgentAvailable {
                agent: Arc::clone(&agent),
            });
            let done = |value| Done {
                errand,
                agent,
                needs,
                value,
            };
            answer.map(|served| served.map(done))
        })
    }

    fn name(&self) -> String {
        "agent".to_owned()
    }
}
