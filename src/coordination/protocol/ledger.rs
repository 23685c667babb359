//! What is known of a run's calls and timers, and the rules about them.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::words::{Call, Effect, Failure, Feed, Happened, StepOutcome, Timer};

/// What a run may use at most.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// Workers there are; they are known by their positions.
    pub workers: usize,
    /// Calls in the whole run. Default 10,000: far from what a pattern needs, and
    /// near enough to end one that goes round in circles.
    pub calls: usize,
    /// Timers at once. Default 64.
    pub timers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: 0,
            calls: 10_000,
            timers: 64,
        }
    }
}

impl Limits {
    /// The defaults, with so many workers.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self {
            workers,
            ..Self::default()
        }
    }

    /// Calls in the whole run. Default 10,000.
    #[must_use]
    pub fn calls(mut self, calls: usize) -> Self {
        self.calls = calls;
        self
    }

    /// Timers at once. Default 64.
    #[must_use]
    pub fn timers(mut self, timers: usize) -> Self {
        self.timers = timers;
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Standing {
    UnderWay,
    Answered,
    Forgotten,
    Failed,
    Cancelled,
}

/// What is known of a run's calls and timers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    limits: Limits,
    /// By the calls' numbers.
    calls: Vec<Standing>,
    timers: Vec<Timer>,
    under_way: usize,
    kept: usize,
    is_over: bool,
}

impl Ledger {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            calls: Vec::new(),
            timers: Vec::new(),
            under_way: 0,
            kept: 0,
            is_over: false,
        }
    }

    /// Calls made so far.
    #[must_use]
    pub fn made(&self) -> usize {
        self.calls.len()
    }

    /// How many calls are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// Answers that are kept, since something may still be fed with them.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// The calls under way, in the order in which they were made.
    pub fn calls_under_way(&self) -> impl Iterator<Item = Call> + '_ {
        let calls = self.calls.iter().enumerate();
        calls.filter_map(|(call, standing)| (*standing == Standing::UnderWay).then_some(call))
    }

    /// The timers that run.
    #[must_use]
    pub fn timers(&self) -> &[Timer] {
        &self.timers
    }

    /// Whether the run has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether this is news: a call under way, a timer that runs, no end yet.
    #[must_use]
    pub fn awaits(&self, event: &Happened) -> bool {
        !self.is_over
            && match event {
                Happened::Began => self.calls.is_empty(),
                Happened::Answered { call, .. } | Happened::Failed { call, .. } => {
                    self.calls.get(*call) == Some(&Standing::UnderWay)
                }
                Happened::TimeUp { timer } => self.timers.contains(timer),
            }
    }

    pub(super) fn hear(&mut self, event: &Happened) {
        if !self.awaits(event) {
            return;
        }
        match event {
            Happened::Began => {}
            Happened::Answered { call, .. } => {
                self.close(*call, Standing::Answered);
                self.kept += 1;
            }
            Happened::Failed { call, .. } => self.close(*call, Standing::Failed),
            Happened::TimeUp { timer } => self.timers.retain(|known| known != timer),
        }
    }

    fn close(&mut self, call: Call, as_what: Standing) {
        self.calls[call] = as_what;
        self.under_way -= 1;
    }

    /// Enters what the machine says.
    pub(super) fn enter(&mut self, effect: &Effect) -> Result<(), Broken> {
        if self.is_over {
            return Err(Rule::DoneAfterTheEnd.broken_by(effect));
        }
        let broken = |rule: Rule| rule.broken_by(effect);
        match effect {
            Effect::Ask { call, worker, feed } => {
                if *call != self.calls.len() {
                    return Err(broken(Rule::NumberOutOfTurn));
                }
                if *worker >= self.limits.workers {
                    return Err(broken(Rule::NoSuchWorker));
                }
                if *call >= self.limits.calls {
                    return Err(broken(Rule::TooManyCalls));
                }
                self.has(feed).map_err(broken)?;
                self.calls.push(Standing::UnderWay);
                self.under_way += 1;
            }
            Effect::Cancel(call) => {
                if self.standing(*call).map_err(broken)? == Standing::UnderWay {
                    self.close(*call, Standing::Cancelled);
                }
            }
            Effect::Forget(call) => {
                if self.standing(*call).map_err(broken)? == Standing::Answered {
                    self.calls[*call] = Standing::Forgotten;
                    self.kept -= 1;
                }
            }
            Effect::SetTimer { timer, .. } => {
                if !self.timers.contains(timer) {
                    if self.timers.len() >= self.limits.timers {
                        return Err(broken(Rule::TooManyTimers));
                    }
                    self.timers.push(*timer);
                }
            }
            Effect::StopTimer(timer) => self.timers.retain(|known| known != timer),
            Effect::Note { worker, outcome } => {
                let last = match outcome {
                    StepOutcome::WentTo(to) => worker.max(to),
                    _ => worker,
                };
                if *last >= self.limits.workers {
                    return Err(broken(Rule::NoSuchWorker));
                }
            }
            Effect::Emit(call) => match self.standing(*call).map_err(broken)? {
                Standing::Answered | Standing::Failed => {}
                _ => return Err(broken(Rule::NotAnswered)),
            },
            Effect::Finish(feed) => {
                self.has(feed).map_err(broken)?;
                self.is_over = true;
            }
            Effect::Fail(failure) => {
                if let Failure::Call(call) = failure
                    && self.standing(*call).map_err(broken)? != Standing::Failed
                {
                    return Err(broken(Rule::NotFailed));
                }
                self.is_over = true;
            }
        }
        Ok(())
    }

    /// After all that the machine said about an event.
    pub(super) fn balance(&self) -> Result<(), Broken> {
        if self.is_over || self.under_way > 0 || !self.timers.is_empty() {
            return Ok(());
        }
        Err(Broken {
            rule: Rule::Stalled,
            effect: None,
        })
    }

    fn standing(&self, call: Call) -> Result<Standing, Rule> {
        self.calls.get(call).copied().ok_or(Rule::NoSuchCall)
    }

    fn has(&self, feed: &Feed) -> Result<(), Rule> {
        let is_there = |call: Call| match self.standing(call)? {
            Standing::Answered => Ok(()),
            Standing::Forgotten => Err(Rule::Forgotten),
            _ => Err(Rule::NotAnswered),
        };
        match feed {
            Feed::Input => Ok(()),
            Feed::AnswerTo(call) | Feed::Part { of: call, .. } => is_there(*call),
            Feed::Gather(calls) => calls.iter().try_for_each(|call| is_there(*call)),
        }
    }
}

/// What a machine may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Calls are numbered in turn, and no number is used twice.
    NumberOutOfTurn,
    /// Only workers that exist are asked and noted.
    NoSuchWorker,
    /// Only calls that were made are spoken of.
    NoSuchCall,
    /// Only what was answered is fed.
    NotAnswered,
    /// What was forgotten is not fed.
    Forgotten,
    /// A run fails because of a call only if that failed.
    NotFailed,
    /// No more calls than the limit.
    TooManyCalls,
    /// No more timers than the limit.
    TooManyTimers,
    /// Nothing is done after the end.
    DoneAfterTheEnd,
    /// With nothing under way there is an end.
    Stalled,
}

impl Rule {
    fn broken_by(self, effect: &Effect) -> Broken {
        Broken {
            rule: self,
            effect: Some(effect.clone()),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NumberOutOfTurn => "calls are numbered in turn",
            Self::NoSuchWorker => "only workers that exist are asked",
            Self::NoSuchCall => "only calls that were made are spoken of",
            Self::NotAnswered => "only what was answered is fed",
            Self::Forgotten => "what was forgotten is not fed",
            Self::NotFailed => "a run fails because of a call that failed",
            Self::TooManyCalls => "no more calls are made than the run may make",
            Self::TooManyTimers => "no more timers run than the run may have",
            Self::DoneAfterTheEnd => "nothing is done after the end",
            Self::Stalled => "with nothing under way there is an end, but the run has stalled",
        })
    }
}

/// A machine broke a rule.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// What it wanted done, unless it was that it wanted nothing.
    pub effect: Option<Effect>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the protocol broke a rule: {}", self.rule)?;
        match &self.effect {
            Some(effect) => write!(f, " ({effect})"),
            None => Ok(()),
        }
    }
}

impl Error for Broken {}
