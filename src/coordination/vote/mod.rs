//! Votes: judges are asked the same, and what enough of them say is the verdict.
//!
//! ```
//! use callboard::prelude::*;
//! use callboard::actor::Metadata;
//! use callboard::coordination::{Settled, by_confidence, vote};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! let system = System::new("demo");
//! let says = |name: &'static str, kind: &'static str, confidence: f64| {
//!     WorkerRef::from_fn(name, move |_: String| async move { Ok(kind) })
//!         .with_metadata(move |_| Metadata::new().confidence(confidence))
//! };
//! let judges = [says("a", "bird", 0.9), says("b", "plane", 0.6), says("c", "bird", 0.8)];
//! let what = vote(judges).weighted(by_confidence).quorum(0.6).start(&system, "what").await?;
//!
//! let served = what.ask("what is it?".to_owned()).await?;
//! assert_eq!(served.value.decision, Some("bird"));
//! assert_eq!(served.value.settled, Settled::Votes);
//! assert_eq!(served.value.supporters, [0, 2]);
//! assert_eq!(served.metadata.confidence, Some(served.value.confidence));
//! # Ok(())
//! # }
//! ```
//!
//! # Questions
//!
//! *What decides?* A [majority](Vote::majority), unless another
//! [`Method`] is chosen. Its arithmetic, and why two disjoint sets of judges cannot
//! both win, is that of [`policy::ballot`](crate::policy::ballot). A quorum that
//! would let them is refused at the start
//! (`d15_a_quorum_that_need_not_intersect_is_refused_at_the_start`).
//!
//! *Of whom?* Of all judges, unless [said otherwise](Vote::of): one that fails,
//! or is cut off, does not make the others a majority.
//!
//! *What if nothing is decided?* The verdict says so: no decision, the
//! distribution, and who is tied (`d15_what_is_not_reached_is_told_with_the_distribution`).
//! With [`Vote::tie`] somebody [settles](super::arbitrate) it. A majority never
//! becomes a plurality in silence: that is a step of the arbitration, and
//! [`Verdict::settled`] says so (`d15_no_fallback_to_plurality_is_silent`).
//!
//! *What happens when a judge fails?* It abstains, and its fault is in
//! [`Verdict::abstentions`] (`d15_a_judge_that_fails_abstains_and_is_reported`). If
//! all fail, the verdict is undecided.
//!
//! *When is it closed?* As soon as no ballot to come can change what is decided;
//! the other judges are cancelled
//! (`d15_a_count_is_closed_early_and_the_others_are_cancelled`). At the latest
//! [when time is up](Vote::within)
//! (`d15_when_time_is_up_what_came_by_then_is_counted`). The confidence of a count
//! that was closed early is of all judges, those not heard included. Where nothing
//! can be decided any more and nobody is to settle it, it is closed, too; who leads
//! is then said of those heard.
//!
//! *Can a judge vote twice, or late?* No, in whatever order news comes, twice or
//! after a crash (`d15_every_vote_of_up_to_four_judges_counts_each_once_and_ends_once`).
//! Two judges of the same name are refused: they may be one
//! (`d15_the_same_judge_twice_is_refused`).
//!
//! *Where does a ballot's confidence come from?* From what the judge's answer says
//! about itself: [`Metadata::confidence`](crate::actor::Metadata), and 1 where it
//! says nothing. The verdict's goes out the same way
//! (`c16_a_ballots_confidence_is_its_answers_and_the_verdicts_goes_out`).
//!
//! *How does a judge abstain?* By an empty ranking: see [`ranked_vote`].
//!
//! *What is bounded?* Judges asked at once, runs at once, time by
//! [`Vote::within`] and the asker's deadline; a ranking counts to its 64th choice.
//!
//! *What does it cost?* One ask and one entry a judge: a clone of the question, one
//! or two of each distinct choice, and a look at its sum. An arbiter is given
//! copies of all ballots.

mod machine;
mod sheet;
mod verdict;

pub use machine::VoteProtocol;
pub use sheet::{Ballot, Dispute};
pub use verdict::{Abstention, Closed, RunoffRound, Settled, Support, Verdict, Why};

use std::collections::BTreeSet;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use self::sheet::{Cast, Paper, Sheet};
use super::arbitrate::{Arbiter, Ruling};
use super::driver::{Gathered, Participant, Score, Seat};
use super::pattern::{calls_for, start};
use crate::actor::{Fault, InvalidSpec, Metadata, System, WorkerRef};
use crate::policy::ballot::{Base, Count, Method, Quorum, Rules};
use crate::supervision::StartError;

/// What a ballot is weighed by.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Voice {
    /// Whose, by its position.
    pub judge: usize,
    /// What the answer says about itself.
    pub metadata: Metadata,
}

/// A ballot carries as much of its judge's weight as the judge is confident: all
/// of it where it says nothing.
#[must_use]
pub fn by_confidence(voice: &Voice) -> f64 {
    voice.metadata.confidence.unwrap_or(1.0)
}

/// A ballot carries as much of its judge's weight as the answer is good: all of it
/// where that says nothing.
#[must_use]
pub fn by_quality(voice: &Voice) -> f64 {
    voice.metadata.quality.unwrap_or(1.0)
}

type Weigh = Arc<dyn Fn(&Voice) -> f64 + Send + Sync>;

/// A vote to be. Made by [`vote`] and [`ranked_vote`].
#[must_use = "a vote does nothing until it is started"]
pub struct Vote<In, C> {
    judges: Vec<WorkerRef<In, Vec<C>>>,
    rules: Rules,
    weights: Option<Vec<f64>>,
    weigh: Weigh,
    arbiter: Option<Arbiter<In, C>>,
    concurrency: usize,
    within: Option<Duration>,
    limit: usize,
}

/// Asks all of these judges the same; each answer is one vote for what it says.
pub fn vote<In, C, W>(judges: impl IntoIterator<Item = W>) -> Vote<In, C>
where
    In: Clone + Send + 'static,
    C: Clone + Eq + Hash + Send + 'static,
    W: Into<WorkerRef<In, C>>,
{
    ranked_vote(
        judges
            .into_iter()
            .map(|judge| judge.into().map(|choice| vec![choice])),
    )
}

/// As [`vote`], with judges that answer with a ranking, the first choice first; an
/// empty one is an abstention. Only a [runoff](Vote::runoff) looks further than the
/// first choice.
pub fn ranked_vote<In, C, W>(judges: impl IntoIterator<Item = W>) -> Vote<In, C>
where
    In: Clone + Send + 'static,
    C: Clone + Eq + Hash + Send + 'static,
    W: Into<WorkerRef<In, Vec<C>>>,
{
    Vote {
        judges: judges.into_iter().map(Into::into).collect(),
        rules: Rules::default(),
        weights: None,
        weigh: Arc::new(|_| 1.0),
        arbiter: None,
        concurrency: 10,
        within: None,
        limit: 64,
    }
}

impl<In, C> Vote<In, C>
where
    In: Clone + Send + 'static,
    C: Clone + Eq + Hash + Send + 'static,
{
    /// More than half of the weight decides. The default.
    pub fn majority(self) -> Self {
        self.method(Method::Majority)
    }

    /// So many judges, more than half of them, or such a share of the weight, over
    /// 0.5, decides.
    pub fn quorum(self, quorum: impl Into<Quorum>) -> Self {
        self.method(Method::Quorum(quorum.into()))
    }

    /// More weight than any other choice has decides, however little.
    pub fn plurality(self) -> Self {
        self.method(Method::Plurality)
    }

    /// The last choice is eliminated, round by round, until one has more than half.
    pub fn runoff(self) -> Self {
        self.method(Method::Runoff)
    }

    /// What decides. Default: a majority.
    pub fn method(mut self, method: Method) -> Self {
        self.rules.method = method;
        self
    }

    /// What a majority or a share is of. Default: of all judges.
    pub fn of(mut self, base: Base) -> Self {
        self.rules.base = base;
        self
    }

    /// What each judge can weigh at most, from 0 to a million, in their order.
    /// Default 1 each.
    pub fn weights(mut self, weights: impl IntoIterator<Item = f64>) -> Self {
        self.weights = Some(weights.into_iter().collect());
        self
    }

    /// How much of its judge's weight a ballot carries, from 0 to 1: see
    /// [`by_confidence`]. A panic in here is a failure of that judge. Default: all.
    pub fn weighted(mut self, weigh: impl Fn(&Voice) -> f64 + Send + Sync + 'static) -> Self {
        self.weigh = Arc::new(weigh);
        self
    }

    /// Who settles what the ballots do not decide: a tie, and what is not reached.
    /// Default: nobody.
    pub fn tie(mut self, arbiter: Arbiter<In, C>) -> Self {
        self.arbiter = Some(arbiter);
        self
    }

    /// Judges asked at once. Default 10.
    pub fn concurrency(mut self, judges: usize) -> Self {
        self.concurrency = judges.max(1);
        self
    }

    /// How long ballots are taken; those that came by then are counted. Default:
    /// the asker's deadline, which ends the run without a verdict.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Starts it under this name; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] with what is wrong with the rules, as
    /// [`InvalidSpec::Vote`], and where there is not one weight for each judge or
    /// two judges have the same name.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<In, Verdict<C>>, StartError> {
        let votes = start(system, name.into(), self.score()?).await?;
        Ok(votes.map_served(|mut served| {
            let verdict: &Verdict<C> = &served.value;
            served.metadata.confidence = Some(verdict.confidence);
            served
        }))
    }

    /// The empty count.
    fn count(&self) -> Result<Count, InvalidSpec> {
        let judges = self.judges.len();
        let weights = self.weights.clone().unwrap_or_else(|| vec![1.0; judges]);
        let refuse = |why| Err(InvalidSpec::Combination(why));
        if weights.len() != judges {
            return refuse("a vote has one weight for each judge");
        }
        let names: BTreeSet<_> = self.judges.iter().map(WorkerRef::name).collect();
        if names.len() < judges {
            return refuse("two judges have the same name, give each one of its own");
        }
        Count::new(self.rules, weights).map_err(InvalidSpec::Vote)
    }

    fn score(self) -> Result<Score<VoteProtocol, Verdict<C>>, InvalidSpec> {
        let count = self.count()?;
        let judges = self.judges.len();
        let (steps, arbiters) = self.arbiter.map(Arbiter::split).unwrap_or_default();
        let calls = calls_for((2 * judges).saturating_add(2 + steps.len()));
        let machine = VoteProtocol::new(count.clone(), self.concurrency, self.within);
        let weigh = self.weigh;
        let seats = self.judges.into_iter().enumerate();
        let seats = seats.map(|(at, judge)| seat(at, &judge, Arc::clone(&weigh)));
        let open = Participant::computes("opening", move |question: In| {
            Ok(Paper::Sheet(Box::new(Sheet::<In, C>::new(
                question, &count,
            ))))
        });
        let enter = Participant::combines("entry", sheet::enter::<In, C>);
        let count = Participant::computes("count", sheet::count::<In, C>);
        let clerks = [
            open.copying().seat(),
            enter.reads(Paper::fact).seat(),
            count.reads(sheet::fact).seat(),
        ];
        Ok(Score {
            machine: machine.arbiters(steps),
            seats: seats.chain(clerks).chain(arbiters).collect(),
            conclude: Arc::new(conclude::<In, C>),
            on_error: None,
            limit: self.limit,
            calls,
        })
    }
}

/// A judge, whose answers are ballots.
fn seat<In, C>(at: usize, judge: &WorkerRef<In, Vec<C>>, weigh: Weigh) -> Seat
where
    In: Clone + Send + 'static,
    C: Clone + Eq + Hash + Send + 'static,
{
    let votes = judge.map_served(move |served| {
        let metadata = served.metadata;
        let share = weigh(&Voice {
            judge: at,
            metadata,
        });
        served.map(|choices| {
            Paper::<In, C>::Ballot(Cast {
                judge: at,
                share,
                confidence: metadata.confidence.unwrap_or(1.0),
                choices,
            })
        })
    });
    Participant::asks(judge.name(), votes)
        .copying()
        .reads(Paper::fact)
        .seat()
}

fn conclude<In, C>(gathered: Gathered<'_>) -> Result<Verdict<C>, Fault>
where
    In: Send + 'static,
    C: Clone + Eq + Hash + Send + 'static,
{
    let lost = || Fault::permanent("the vote left no count");
    let mut answers = gathered.answers.into_iter().map(|(_, payload)| payload);
    let counted = answers
        .next()
        .and_then(|it| it.downcast::<Dispute<In, C>>().ok());
    let ruling = answers
        .next()
        .and_then(|it| it.downcast::<Ruling<C>>().ok());
    let ruling = ruling.map(|ruling| (ruling.choice, ruling.confidence));
    let machine = gathered.machine.downcast_ref::<VoteProtocol>();
    let mut verdict = counted.ok_or_else(lost)?.settled(ruling);
    verdict.complete(machine.ok_or_else(lost)?, &gathered.failures);
    Ok(verdict)
}

impl<In, C> fmt::Debug for Vote<In, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vote")
            .field("judges", &self.judges.len())
            .field("rules", &self.rules)
            .field("arbiter", &self.arbiter)
            .finish_non_exhaustive()
    }
}
