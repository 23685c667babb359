//! Fan-out and fan-in: the same input to several workers, one combined answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::driver::{Gathered, Score};
use super::pattern::{copy_of, participant, start};
use super::protocol::{Call, Effect, Feed, Happened, Protocol, StepOutcome};
use crate::actor::{Fault, InvalidSpec, System, WorkerRef};
use crate::supervision::StartError;

/// How many answers make a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// Every worker's; the first failure ends the run. The default.
    #[default]
    All,
    /// The first one.
    First,
    /// The first so many; fails as soon as they cannot come together any more.
    AtLeast(usize),
    /// Whatever comes, but at least one.
    BestEffort,
}

/// The rules of a scatter: at most so many asked at once, and how many answers
/// make a result.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScatterProtocol {
    workers: usize,
    concurrency: usize,
    need: Need,
    within: Option<Duration>,
    asked: usize,
    answered: Vec<Call>,
    failed: usize,
    last_failure: Option<Call>,
    is_over: bool,
}

impl ScatterProtocol {
    /// So many workers, so many asked at once.
    #[must_use]
    pub fn new(workers: usize, concurrency: usize, need: Need, within: Option<Duration>) -> Self {
        Self {
            workers,
            concurrency: concurrency.max(1),
            need,
            within,
            asked: 0,
            answered: Vec::new(),
            failed: 0,
            last_failure: None,
            is_over: false,
        }
    }

    fn wanted(&self) -> usize {
        match self.need {
            Need::All | Need::BestEffort => self.workers,
            Need::First => 1,
            Need::AtLeast(n) => n,
        }
    }

    fn ask_more(&mut self, effects: &mut Vec<Effect>) {
        let under_way = |it: &Self| it.asked - it.answered.len() - it.failed;
        while self.asked < self.workers && under_way(self) < self.concurrency {
            effects.push(Effect::Ask {
                call: self.asked,
                worker: self.asked,
                feed: Feed::Input,
            });
            self.asked += 1;
        }
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        self.is_over = true;
        // By position, so that the order of arrival does not show.
        self.answered.sort_unstable();
        effects.push(Effect::Finish(self.answered.clone()));
    }

    fn fail(&mut self, effects: &mut Vec<Effect>) {
        self.is_over = true;
        effects.push(Effect::Fail(self.last_failure));
    }

    fn settle(&mut self, effects: &mut Vec<Effect>) {
        let done = self.answered.len() + self.failed;
        let possible = self.workers - self.failed;
        match self.need {
            Need::BestEffort if done == self.workers => {
                if self.answered.is_empty() {
                    self.fail(effects);
                } else {
                    self.finish(effects);
                }
            }
            Need::BestEffort => self.ask_more(effects),
            _ if self.answered.len() >= self.wanted() => self.finish(effects),
            _ if possible < self.wanted() => self.fail(effects),
            _ => self.ask_more(effects),
        }
    }
}

impl Protocol for ScatterProtocol {
    fn on(&mut self, event: Happened, effects: &mut Vec<Effect>) {
        if self.is_over {
            return;
        }
        match event {
            Happened::Began => {
                if let Some(within) = self.within {
                    effects.push(Effect::SetTimer(within));
                }
                self.ask_more(effects);
            }
            Happened::Answered(call) => {
                self.answered.push(call);
                effects.push(Effect::Note {
                    worker: call,
                    outcome: StepOutcome::Done,
                });
                self.settle(effects);
            }
            Happened::Failed(call, _) => {
                self.failed += 1;
                self.last_failure = Some(call);
                effects.push(Effect::Note {
                    worker: call,
                    outcome: StepOutcome::Failed,
                });
                self.settle(effects);
            }
            Happened::TimeUp => {
                if self.need == Need::BestEffort && !self.answered.is_empty() {
                    self.finish(effects);
                } else {
                    self.last_failure = None;
                    self.fail(effects);
                }
            }
        }
    }
}

/// What a scatter gathered, by the workers' positions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scattered<T> {
    /// The answers, in the order of the workers.
    pub answers: Vec<(usize, T)>,
    /// Those that failed before the run was over, one by one, in the order in
    /// which they did.
    pub failures: Vec<(usize, Fault)>,
}

impl<T> Scattered<T> {
    /// The answers alone.
    #[must_use]
    pub fn into_values(self) -> Vec<T> {
        self.answers.into_iter().map(|(_, value)| value).collect()
    }
}

/// A scatter to be. Made by [`scatter`].
#[must_use = "a scatter does nothing until it is started"]
pub struct Scatter<In, Out, Combined> {
    workers: Vec<WorkerRef<In, Out>>,
    need: Need,
    concurrency: usize,
    within: Option<Duration>,
    limit: usize,
    combine: Arc<dyn Fn(Scattered<Out>) -> Result<Combined, Fault> + Send + Sync>,
}

/// Asks all of these workers the same; gathers what they say.
pub fn scatter<In, Out, W>(workers: impl IntoIterator<Item = W>) -> Scatter<In, Out, Scattered<Out>>
where
    In: Clone + Send + 'static,
    Out: Send + 'static,
    W: Into<WorkerRef<In, Out>>,
{
    Scatter {
        workers: workers.into_iter().map(Into::into).collect(),
        need: Need::default(),
        concurrency: 10,
        within: None,
        limit: 64,
        combine: Arc::new(Ok),
    }
}

impl<In, Out, Combined> Scatter<In, Out, Combined>
where
    In: Clone + Send + 'static,
    Out: Send + 'static,
    Combined: Send + 'static,
{
    /// How many answers make a result. Default [`Need::All`].
    pub fn need(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    /// Workers asked at once. Default 10.
    pub fn concurrency(mut self, workers: usize) -> Self {
        self.concurrency = workers.max(1);
        self
    }

    /// How long the slowest may take. With [`Need::BestEffort`] the answers
    /// that came by then are the result; otherwise it is a deadline fault.
    /// Default: the asker's deadline.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Requests under way at once; further ones wait in the mailbox. Default
    /// 64.
    pub fn requests(mut self, requests: usize) -> Self {
        self.limit = requests.max(1);
        self
    }

    /// Makes one answer of what was gathered. A panic in here is a fault of
    /// this request alone.
    pub fn combine<C: Send + 'static>(
        self,
        combine: impl Fn(Scattered<Out>) -> Result<C, Fault> + Send + Sync + 'static,
    ) -> Scatter<In, Out, C> {
        Scatter {
            workers: self.workers,
            need: self.need,
            concurrency: self.concurrency,
            within: self.within,
            limit: self.limit,
            combine: Arc::new(combine),
        }
    }

    /// Starts it under this name; the result is a worker again.
    ///
    /// # Errors
    ///
    /// [`StartError::Invalid`] without workers or where more answers are needed
    /// than there are workers.
    pub async fn start(
        self,
        system: &System,
        name: impl Into<Arc<str>>,
    ) -> Result<WorkerRef<In, Combined>, StartError> {
        if self.workers.is_empty() {
            return Err(InvalidSpec::Combination("a scatter has at least one worker").into());
        }
        if let Need::AtLeast(n) = self.need
            && (n == 0 || n > self.workers.len())
        {
            return Err(InvalidSpec::Combination(
                "a scatter needs between one answer and as many as it has workers",
            )
            .into());
        }
        let machine =
            ScatterProtocol::new(self.workers.len(), self.concurrency, self.need, self.within);
        let participants = self
            .workers
            .into_iter()
            .map(|worker| {
                let name: Arc<str> = worker.name().into();
                participant(name, worker, None, Some(copy_of::<In>))
            })
            .collect();
        let combine = self.combine;
        let score = Score {
            machine,
            participants,
            conclude: Arc::new(move |gathered: Gathered| {
                combine(Scattered {
                    answers: gathered
                        .answers
                        .into_iter()
                        .filter_map(|(at, payload)| {
                            payload.downcast::<Out>().ok().map(|value| (at, *value))
                        })
                        .collect(),
                    failures: gathered.failures,
                })
            }),
            on_error: None,
            limit: self.limit,
        };
        start(system, name.into(), score).await
    }
}

impl<In, Out, Combined> fmt::Debug for Scatter<In, Out, Combined> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scatter")
            .field("workers", &self.workers.len())
            .field("need", &self.need)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::FaultClass;
    use proptest::prelude::*;

    fn on(machine: &mut ScatterProtocol, event: Happened) -> Vec<Effect> {
        let mut effects = Vec::new();
        machine.on(event, &mut effects);
        effects
    }

    #[test]
    fn at_least_two_of_three_finish_with_the_second_answer() {
        let mut machine = ScatterProtocol::new(3, 10, Need::AtLeast(2), None);
        assert_eq!(on(&mut machine, Happened::Began).len(), 3);
        on(&mut machine, Happened::Answered(2));
        assert_eq!(
            on(&mut machine, Happened::Answered(0)).last(),
            Some(&Effect::Finish(vec![0, 2]))
        );
        assert_eq!(
            on(&mut machine, Happened::Answered(1)),
            [],
            "late, and ignored"
        );
    }

    #[test]
    fn a_quorum_that_cannot_come_together_fails_at_once() {
        let mut machine = ScatterProtocol::new(3, 10, Need::AtLeast(2), None);
        on(&mut machine, Happened::Began);
        on(&mut machine, Happened::Failed(0, FaultClass::Permanent));
        assert_eq!(
            on(&mut machine, Happened::Failed(1, FaultClass::Permanent)).last(),
            Some(&Effect::Fail(Some(1)))
        );
    }

    #[test]
    fn no_success_at_all_is_a_failure_also_with_best_effort() {
        let mut machine = ScatterProtocol::new(1, 1, Need::BestEffort, None);
        on(&mut machine, Happened::Began);
        assert_eq!(
            on(&mut machine, Happened::Failed(0, FaultClass::Transient)).last(),
            Some(&Effect::Fail(Some(0)))
        );
    }

    #[test]
    fn when_time_is_up_best_effort_takes_what_there_is() {
        let mut machine =
            ScatterProtocol::new(2, 2, Need::BestEffort, Some(Duration::from_secs(1)));
        on(&mut machine, Happened::Began);
        on(&mut machine, Happened::Answered(1));
        assert_eq!(
            on(&mut machine, Happened::TimeUp),
            [Effect::Finish(vec![1])]
        );
    }

    proptest! {
        /// Whatever the order of answers and failures: never more calls under
        /// way than allowed, each worker asked at most once, and exactly one
        /// end.
        #[test]
        fn every_order_of_news_ends_exactly_once(
            workers in 1usize..7,
            concurrency in 1usize..4,
            need in prop_oneof![
                Just(Need::All), Just(Need::First), Just(Need::BestEffort),
                (1usize..7).prop_map(Need::AtLeast),
            ],
            script in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 12),
        ) {
            let need = match need {
                Need::AtLeast(n) => Need::AtLeast(n.min(workers)),
                other => other,
            };
            let mut machine = ScatterProtocol::new(workers, concurrency, need, None);
            let mut under_way: Vec<Call> = Vec::new();
            let mut asked = 0;
            let mut ends = 0;
            let mut queue = vec![Happened::Began];
            let mut script = script.into_iter();
            while let Some(event) = queue.pop() {
                for effect in on(&mut machine, event) {
                    match effect {
                        Effect::Ask { call, .. } => { under_way.push(call); asked += 1; }
                        Effect::Finish(_) | Effect::Fail(_) => ends += 1,
                        _ => {}
                    }
                }
                prop_assert!(under_way.len() <= concurrency);
                if ends == 0 {
                    prop_assert!(!under_way.is_empty(), "it waits for nobody");
                }
                if !under_way.is_empty() && let Some((at, good)) = script.next() {
                    let call = under_way.remove(at.index(under_way.len()));
                    queue.push(if good {
                        Happened::Answered(call)
                    } else {
                        Happened::Failed(call, FaultClass::Transient)
                    });
                }
            }
            prop_assert!(asked <= workers);
            prop_assert_eq!(ends, 1);
        }
    }
}
