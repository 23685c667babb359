//! Work goes to whoever can do it, and fits best.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::route::{Agent, Directory, Effort, Wanted, route};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let says = |name: &'static str| WorkerRef::from_fn(name, move |_: &str| async move { Ok(name) });
//! let directory = Directory::new();
//! directory.add(Agent::new("small", says("small")).can(["write", "search"]).power(0.4))?;
//! directory.add(Agent::new("large", says("large")).can(["write"]).speed(0.4))?;
//!
//! let router = route(&directory)
//!     .by(|task: &&str| {
//!         let effort = if task.len() < 10 { Effort::Simple } else { Effort::Complex };
//!         Wanted::capabilities(["write"]).effort(effort)
//!     })
//!     .start(&system, "router")
//!     .await?;
//! assert_eq!(router.ask("a note").await?.value.into_value(), "small");
//! let novel = router.ask("a novel in three volumes").await?.value;
//! assert_eq!(novel.decisions[0].to_string(), "large (1.000); small scores 0.700");
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *How are agents matched?* Exactly, by [all the capabilities](Wanted::capabilities);
//! as a [team](Wanted::team), the fewest who have them together, where nobody has to
//! have all (`d7_a_team_asks_the_fewest_who_can_do_all_of_it_together`); or by a
//! [text](Wanted::text), which their descriptions must be like
//! (`d7_a_text_finds_the_agent_whose_description_is_like_it`).
//!
//! *Does a text match by meaning?* With the default embedder it does not: it matches
//! spelling. See [`NGrams`] for what that cannot do, and [`Embedder`] for a model of
//! your own.
//!
//! *Who is chosen of several?* The highest [score](crate::policy::choice::SelectionWeights):
//! capability 0.5, the share of the last 32 jobs that went well 0.3, room 0.2; of
//! equals the one with the least in hand, and of those the next in turn
//! (`d7_of_equals_the_least_loaded_is_chosen_and_then_they_take_turns`).
//!
//! *Where does simple work go?* Its [`Effort`] says: an agent counts as capable as it
//! can do it, times its speed for simple and its power for complex work
//! (`d7_simple_work_goes_to_the_fast_and_complex_work_to_the_powerful`).
//!
//! *What happens when an agent fails?* The next best is asked, three in all unless said
//! otherwise; who has tried is not asked again
//! (`d7_the_next_best_is_asked_when_one_fails`).
//!
//! *What if nobody can do it?* A fault whose cause is [`NoAgents`]: permanent and with
//! the capability's name where it is missing, overloaded where those who have it are
//! busy or away (`d7_what_nobody_can_do_is_a_fault_with_its_name_and_an_event`).
//!
//! *Why was it this one?* Each answer has its [`Decision`]s: who was chosen, with what
//! the score is made of, and why others were not.
//!
//! *Can agents come and go?* While it runs (`d7_agents_come_and_go_while_it_runs`). One
//! that is removed finishes what it has in hand.
//!
//! *What is bounded?* Agents in a directory, jobs each has in hand, agents asked for a
//! part and at once, requests under way, what a decision tells of others.
//!
//! *What does it cost?* [`Directory::decide`] says. Routing asks nobody and waits for
//! nobody.

mod agent;
mod decide;
mod decision;
mod directory;
mod embed;
mod errand;
mod machine;
mod similar;
mod wanted;

pub use agent::{Agent, AgentStatus};
pub use decide::TooManyNeeds;
pub use decision::{Chosen, Decision, Matched, NoAgents, PassedOver};
pub use directory::{Directory, DirectoryConfig, NotAdded};
pub use embed::{Embedder, Embedding, NGrams, Weighting};
pub use machine::RouteProtocol;
pub use wanted::{Effort, Match, Wanted};

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use self::errand::{Announce, AsksAgent, Assignment, Desk, Done, Errand};
use super::bus::{Bus, TaskEvent};
use super::driver::{Gathered, Participant, Score};
use super::pattern::{calls_for, start};
use crate::actor::{Fault, System, WorkerRef};
use crate::supervision::StartError;

/// Agents asked for one part of the work, where it is not said.
const ATTEMPTS: u32 = 3;

/// An answer, and whose it is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RoutedAnswer<Out> {
    /// Who gave it.
    pub agent: Arc<str>,
    /// What it was chosen for; empty where agents are matched by a text.
    pub needs: Vec<String>,
    /// What it says.
    pub value: Out,
}

/// What came of a task that was routed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Routed<Out> {
    /// The answers: one, or one of each member of the team, in the order of the first
    /// decision.
    pub answers: Vec<RoutedAnswer<Out>>,
    /// Why it was those, in order: the first choice, then one for each agent that
    /// failed.
    pub decisions: Vec<Decision>,
}

impl<Out> Routed<Out> {
    /// The answer, where one agent was asked; of a team the first member's.
    ///
    /// # Panics
    ///
    /// Never: a task that nobody answered is a fault.
    #[must_use]
    pub fn into_value(self) -> Out {
        let first = self.answers.into_iter().next();
        first.expect("a routed task has an answer").value
    }

    /// The answers alone.
    #[must_use]
    pub fn into_values(self) -> Vec<Out> {
        self.answers.into_iter().map(|it| it.value).collect()
    }
}

type Classify<In> = Arc<dyn Fn(&In) -> Wanted + Send + Sync>;
type Names<In> = Arc<dyn Fn(&In) -> String + Send + Sync>;

/// A router to be. Made by [`route`].
#[must_use = "a router does nothing until it is started"]
pub struct Route<In, Out> {
    directory: Directory<In, Out>,
    wanted: Classify<In>,
    names: Option<Names<In>>,
    announce: Option<Announce>,
    attempts: u32,
    concurrency: usize,
    within: Option<Duration>,
    limit: usize,
}

/// Routes tasks to the agents of this directory: to any of them, until
/// [`Route::by`] says what they ask for.
pub fn route<In, Out>(directory: &Directory<In, Out>) -> Route<In, Out>
where
    In: Clone + Send + 'static,
    Out: Send + 'static,
{
    Route {
        directory: directory.clone(),
        wanted: Arc::new(|_| Wanted::capabilities::<String>([])),
        names: None,
        announce: None,
        attempts: ATTEMPTS,
        concurrency: 10,
        within: None,
        limit: 64,
    }
}

impl<In, Out> Route<In, Out>
where
    In: Clone + Send + 'static,
    Out: Send + 'static,
{
    /// What a task asks of its agents. A panic in here is a fault of that task.
    /// Default: nothing, so that anybody does it.
    pub fn by(mut self, wanted: impl Fn(&In) -> Wanted + Send + Sync + 'static) -> Self {
        self.wanted = Arc::new(wanted);
        self
    }

    /// Agents asked for one part of the work at most, at least one. Default 3.
    pub fn attempts(mut self, agents: u32) -> Self {
        self.attempts = agents.max(1);
        self
    }

    /// Members of a team asked at once. Default 10.
    pub fn concurrency(mut self, agents: usize) -> Self {
        self.concurrency = agents.max(1);
        self
    }

    /// How long one agent may take before the next best is asked. Default: as long
    /// as the asker has.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// What a task is called in events. Default: the router's name and a number.
    pub fn named(mut self, name: impl Fn(&In) -> String + Send + Sync + 'static) -> Self {
        self.names = Some(Arc::new(name));
        self
    }

    /// Announces what happens to tasks: created, ready, completed, failed, no agents
    /// available; and each agent that is done and available again. Default: nowhere.
    pub fn announce<E>(mut self, bus: &Bus<E>) -> Self
    where
        E: From<TaskEvent> + Send + Sync + 'static,
    {
        let bus = bus.clone();
        self.announce = Some(Arc::new(move |event| bus.announce(event)));
        self
    }

    /// Starts it under this name; the result is a worker.
    ///
    /// # Errors
    ///
    /// [`StartError`]: the name cannot be used, or the system has ended.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<In, Routed<Out>>, StartError> {
        let name = name.into();
        let score = self.score(Arc::clone(&name));
        start(system, name, score).await
    }

    fn score(self, name: Arc<str>) -> Score<RouteProtocol, Routed<Out>> {
        let desk = Arc::new(Desk {
            directory: self.directory,
            announce: self.announce,
            within: self.within,
        });
        let (wanted, names, count) = (self.wanted, self.names, AtomicU64::new(0));
        let choose = Participant::splits("choose", move |task: In| {
            let called = match &names {
                Some(names) => names(&task),
                None => format!("{name}-{}", count.fetch_add(1, Relaxed)),
            };
            Errand::new(called.into(), wanted(&task), Arc::clone(&desk)).assign(task)
        });
        let replace = Participant::computes("replace", Assignment::<In, Out>::replace).copying();
        let agent = WorkerRef::<Assignment<In, Out>, Done<In, Out>>::new(AsksAgent);
        let agent = Participant::asks("agent", agent).copying();
        // A team has 64 members at most: one choice, and two calls an attempt.
        let calls = (self.attempts as usize)
            .saturating_mul(2 * 64)
            .saturating_add(1);
        Score {
            machine: RouteProtocol::new(self.attempts, self.concurrency),
            seats: vec![choose.seat(), replace.seat(), agent.seat()],
            conclude: Arc::new(conclude::<In, Out>),
            on_error: None,
            limit: self.limit,
            calls: calls_for(calls),
        }
    }
}

fn conclude<In, Out>(gathered: Gathered<'_>) -> Result<Routed<Out>, Fault>
where
    In: Send + 'static,
    Out: Send + 'static,
{
    let answers = gathered.answers.into_iter();
    let done = answers.filter_map(|(_, payload)| payload.downcast::<Done<In, Out>>().ok());
    let mut errand = None;
    let mut answers = Vec::new();
    for done in done {
        let Done {
            errand: of,
            agent,
            needs,
            value,
        } = *done;
        errand.get_or_insert(of);
        answers.push(RoutedAnswer {
            agent,
            needs: needs.to_vec(),
            value,
        });
    }
    let errand = errand.ok_or_else(|| Fault::permanent("the router left no answer"))?;
    let agents = answers.iter().map(|it| Arc::clone(&it.agent));
    let decisions = errand.complete(agents.collect());
    Ok(Routed { answers, decisions })
}

impl<In, Out> fmt::Debug for Route<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("directory", &self.directory)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
