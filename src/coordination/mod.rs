//! Patterns of several workers, each a worker again.
//!
//! Work: the streaming [`pipeline`], the [`scatter`], [`map_reduce`], the task
//! [`graph`](mod@graph), the [`hub`](mod@hub) with its spokes and
//! [task records](task), the [planner](plan), loops that [`iterate`] until they
//! converge or [`refine`] a draft by turns, [state machines](states). Choice and
//! news: the [router](mod@route), the [bus](mod@bus), the [handoff]. Negotiation: the
//! [market](mod@market), [peers](mod@peers), [conversations](conversation), the
//! [blackboard](mod@blackboard), [swarms](mod@swarm), a [`vote`](mod@vote), its
//! [arbitration](arbitrate), and the resolution of [conflicts](conflict). Each is a
//! pure machine ([`protocol`]) run by one supervised driver actor, as is a protocol
//! of your own ([`ensemble`]).
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::coordination::{Need, pipeline, scatter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let parse = WorkerRef::from_fn("parse", |text: &'static str| async move {
//!     text.parse::<u32>().map_err(|error| Fault::permanent("no number").because(error))
//! });
//! let double = WorkerRef::from_fn("double", |n: u32| async move { Ok(n * 2) });
//! let square = WorkerRef::from_fn("square", |n: u32| async move { Ok(n * n) });
//!
//! let both = scatter([double, square])
//!     .need(Need::All)
//!     .combine(|scattered| Ok(scattered.into_values().into_iter().sum::<u32>()))
//!     .start(&system, "both")
//!     .await?;
//! let sums = pipeline("sums").then("parse", parse).then("both", both).start(&system).await?;
//!
//! assert_eq!(sums.ask("3").await?.value, 6 + 9);
//! let outcomes = sums.stream(["1", "x", "2"]).concurrency(64).collect_partial().await;
//! assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What if tasks depend on each other, or on conditions?* The [graph](mod@graph) runs
//! what is ready side by side, and skips what its conditions leave out.
//!
//! *What if the next step depends on what the data says, and some come again?* A
//! [state machine](states) goes from state to state by guards, never without a bound.
//!
//! *What if it has to be planned who does what?* The [hub](mod@hub) has a planner,
//! gives each task to whoever fits it best, and checks the answer before it counts.
//!
//! *What if the steps are not known before, but what each needs and gives is?* A
//! [planner](plan) finds the cheapest plan, and another where a step fails.
//!
//! *What if nobody knows who has something to say next?* Sources watch a
//! [blackboard](mod@blackboard), and write on it when they have.
//!
//! *What if somebody else is to go on?* A [handoff] gives everything there is to know
//! to one of several, and to no two.
//!
//! *What if workers come and go, and who does what is decided task by task?* A
//! [router](mod@route) chooses from a [`Directory`] by what they can do. Events go by
//! topic over a [`Bus`], and can begin work.
//!
//! *What if several could do it, for a price?* The [market](mod@market) takes bids, and
//! holds the best one to its contract.
//!
//! *What if nobody is in charge?* [Peers](mod@peers) propose, and review each other.
//!
//! *What if only one may have something at a time?* It takes a [lease].
//!
//! *What happens when a worker fails?* The protocol decides: a pipeline ends
//! the item with the stage's name in the fault, a scatter goes by its [`Need`], a
//! graph by its [policy](graph::OnFailure).
//!
//! *What happens when a protocol has a bug?* The driver enforces the
//! [rules](protocol::Rule): the run fails with a permanent fault that names the
//! rule, and the others go on (`a_machine_that_uses_a_number_twice_fails_its_run`
//! and the others beside it). No run can hang: with nothing under way and no end it
//! has stalled, which is such a fault (`a_machine_that_stalls_fails_its_run`).
//!
//! *How do I know that a protocol is right?* Each one here passes every order of
//! answers, failures, late news, timers and crashes for up to four participants
//! (`d2_every_pipeline_of_up_to_four_stages_ends_once_and_keeps_one_answer`,
//! `d3_every_scatter_over_up_to_four_workers_ends_once`,
//! `d4_every_map_reduce_of_up_to_four_batches_ends_once_and_keeps_little`,
//! `d1_every_hub_of_up_to_four_spokes_ends_once_and_asks_nobody_twice`,
//! `d7_every_routing_of_up_to_four_parts_ends_once_within_its_attempts`,
//! `d11_every_loop_ends_once_and_keeps_two_answers`,
//! `d10_every_machine_with_a_timeout_and_a_failure_ends_once_within_its_bounds`,
//! `d13_every_round_of_up_to_four_peers_is_reviewed_by_others_and_ends_once`,
//! `d14_every_market_of_up_to_four_bidders_awards_one_at_a_time_and_ends_once`,
//! `d15_every_vote_of_up_to_four_judges_counts_each_once_and_ends_once`,
//! `d16_every_arbitration_of_up_to_four_steps_ends_once`,
//! `d19_every_resolution_ends_once_and_tries_each_strategy_once`,
//! `d17_every_conversation_of_up_to_four_ends_once_within_its_steps`,
//! `d12_every_swarm_of_up_to_four_ends_once_within_its_generations`,
//! `d18_every_handoff_has_at_most_one_owner_and_ends_once`,
//! `d21_every_planning_ends_once_and_plans_no_more_than_it_may`,
//! `every_blackboard_of_up_to_four_sources_ends_once_within_its_steps`), and so can
//! yours, with `testing::explore`.
//!
//! *Can I see it?* [`Pipeline::mermaid`] and [`Scatter::mermaid`] draw who is asked.
//!
//! *What happens when the driver crashes?* It is restarted; runs under way fail
//! at once as transient faults, and those that waited in its mailbox go on.
//!
//! *What is bounded?* Runs under way, calls and timers per run, attempts, and time
//! by the asker's deadline. Further requests wait in the driver's mailbox.
//!
//! *What happens when the asker gives up?* Its calls are cancelled, down to the
//! future that a worker awaits (`a_run_that_only_waits_ends_with_its_asker`).
//!
//! *What may a run cost?* What is left of its request's
//! [budget](crate::actor::Budget): then it asks nobody any more
//! (`d_a_pattern_asks_nobody_for_a_request_whose_budget_is_spent`).
//!
//! *What does an answer say about itself?* Tokens and cost are those of all
//! answers of the run together; confidence and quality are those of the answer
//! that it ends with, where there is one
//! (`what_answers_say_about_themselves_is_not_lost`).
//!
//! *Where do calls run?* The driver polls them on its own task; actors work on
//! theirs. A closure that computes for long holds up the pattern: make it an actor
//! that uses [`Context::blocking`](crate::actor::Context::blocking).
//!
//! *What if a stage asks the pattern it is part of?* That is a circle of asks, and
//! an error that names the path (`d_a_worker_that_asks_its_own_pattern_is_a_circle`).
//!
//! *What does a step cost?* A call that is answered at once costs neither a task
//! nor a message, and one that is not costs a place in the driver.

pub mod arbitrate;
pub mod blackboard;
pub mod bus;
pub mod conflict;
mod contained;
pub mod conversation;
mod drawing;
pub(crate) mod driver;
mod ensemble;
pub mod graph;
pub mod handoff;
pub mod hub;
mod iterate;
pub mod lease;
mod map_reduce;
pub mod market;
mod pattern;
pub mod peers;
mod pipeline;
pub mod plan;
pub mod protocol;
pub mod route;
mod scatter;
pub mod states;
pub mod swarm;
pub mod task;
pub mod vote;

pub use arbitrate::{Arbiter, ArbiterRules, Attempt, Attempted, Settles, Way};
pub use blackboard::blackboard;
pub use bus::Bus;
pub use conflict::resolve;
pub use conversation::{debate, group_chat};
pub use driver::{Participant, StageError};
pub use ensemble::{Ensemble, ensemble};
pub use graph::graph;
pub use hub::{Hub, hub};
pub use iterate::{Iterate, IterateProtocol, OnFault, Otherwise, iterate, refine};
pub use map_reduce::{MapReduce, MapReduceProtocol, Order, Reduction, map_reduce};
pub use market::{Bidder, Market, MarketProtocol, market};
pub use pattern::Streamed;
pub use peers::{Peer, PeerProtocol, Peers, peers};
pub use pipeline::{
    Checkpoints, Fields, Flow, Pipeline, PipelineProtocol, PipelineRef, Stage, StageRules, pipeline,
};
pub use plan::planner;
pub use protocol::{
    Broken, Call, Dice, Effect, Fact, Failure, Feed, Happened, Protocol, Rule, StepOutcome, Timer,
};
pub use route::{Directory, route};
pub use scatter::{
    Arrivals, Need, Scatter, ScatterProtocol, ScatterRef, Scattered, combine, scatter,
};
pub use states::state_machine;
pub use swarm::{particle_swarm, swarm};
pub use vote::{
    Abstention, Ballot, Closed, Dispute, RunoffRound, Settled, Support, Verdict, Voice, Vote,
    VoteProtocol, Why, by_confidence, by_quality, ranked_vote, vote,
};
