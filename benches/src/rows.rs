//! What must hold, as a table.
//!
//! A subject is a workload that is measured once a run for everyone who takes
//! part; its rows compare callboard's figure with one peer's, or with a number.
//! Without a `must` a row is there to be read.

use std::time::Duration;

use crate::contender::{
    ACTIX, BACKON, BY_HAND, CHANNEL, Contender, DEADPOOL, FACTORY, FAILSAFE, GOVERNOR, KAMEO,
    KANAL, RACTOR, SEMAPHORE, WORKER,
};
use crate::work::{Deadline, Guard, Keeper, Limit, Matching, Outcome, Shape, Steps, Work};

/// A workload, and what its outcome has to be.
#[derive(Debug)]
pub struct Subject {
    /// Its rows' names begin with this.
    pub name: &'static str,
    /// What is measured, in a sentence.
    pub what: &'static str,
    /// The workload, and its size for a table.
    pub work: Work,
    /// What is compared.
    pub rows: &'static [Row],
}

/// One comparison.
#[derive(Debug)]
pub struct Row {
    /// What is taken from the outcome.
    pub figure: Figure,
    /// With whom callboard is compared. `None`: with `must` itself.
    pub peer: Option<&'static dyn Contender>,
    /// How the two figures become one.
    pub rule: Rule,
    /// What the rule's result has to reach.
    pub must: Option<f64>,
    /// What it should reach one day.
    pub aim: Option<f64>,
}

/// What is taken from an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Nanoseconds an operation.
    PerOperation,
    /// Bytes an actor.
    PerActor,
    /// Microseconds half of the operations took at most.
    P50,
    /// Microseconds all but one in a hundred took at most.
    P99,
    /// Seconds until the last actor was up.
    Started,
    /// Seconds until the last actor had ended.
    Stopped,
}

/// How two figures become one. All figures are costs: less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The peer's over ours: how many times its throughput. At least `must`.
    Throughput,
    /// Ours over the peer's: how many times its cost. At most `must`.
    Cost,
    /// Ours. At most `must`.
    Absolute,
}

impl Subject {
    /// The name of one of its rows.
    #[must_use]
    pub fn name_of(&self, row: &Row) -> String {
        let figure = match row.figure {
            Figure::PerOperation | Figure::PerActor => None,
            Figure::P50 => Some("p50"),
            Figure::P99 => Some("p99"),
            Figure::Started => Some("start"),
            Figure::Stopped => Some("stop"),
        };
        let peer = row.peer.map(Contender::name);
        [Some(self.name), figure, peer]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("/")
    }
}

impl Figure {
    /// Takes it from the outcome of a workload, where that has it.
    #[must_use]
    pub fn of(self, work: Work, outcome: Outcome) -> Option<f64> {
        let operations = work.operations() as f64;
        let micros = |wait: Duration| wait.as_secs_f64() * 1e6;
        match (self, outcome) {
            (Self::PerOperation, outcome) => outcome
                .took()
                .map(|took| took.as_secs_f64() * 1e9 / operations),
            (Self::PerActor, Outcome::Bytes(bytes)) => Some(bytes as f64 / operations),
            (Self::P50, Outcome::Waited { p50, .. }) => Some(micros(p50)),
            (Self::P99, Outcome::Waited { p99, .. }) => Some(micros(p99)),
            (Self::Started, Outcome::Lived { started, .. }) => Some(started.as_secs_f64()),
            (Self::Stopped, Outcome::Lived { stopped, .. }) => Some(stopped.as_secs_f64()),
            _ => None,
        }
    }

    /// Its unit.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::PerOperation => "ns",
            Self::PerActor => "B",
            Self::P50 | Self::P99 => "us",
            Self::Started | Self::Stopped => "s",
        }
    }
}

impl Rule {
    /// The ratio of ours and the peer's, where the rule compares them.
    #[must_use]
    pub fn ratio(self, ours: f64, peer: f64) -> Option<f64> {
        match self {
            Self::Throughput => Some(peer / ours),
            Self::Cost => Some(ours / peer),
            Self::Absolute => None,
        }
    }

    /// Whether its result is good enough.
    #[must_use]
    pub fn holds(self, result: f64, must: f64) -> bool {
        match self {
            Self::Throughput => result >= must,
            Self::Cost | Self::Absolute => result <= must,
        }
    }

    /// The direction of `must`.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Throughput => ">=",
            Self::Cost | Self::Absolute => "<=",
        }
    }
}

const fn times(peer: &'static dyn Contender, must: Option<f64>, aim: Option<f64>) -> Row {
    Row {
        figure: Figure::PerOperation,
        peer: Some(peer),
        rule: Rule::Throughput,
        must,
        aim,
    }
}

const fn cost(peer: &'static dyn Contender, must: Option<f64>, aim: Option<f64>) -> Row {
    Row {
        rule: Rule::Cost,
        ..times(peer, must, aim)
    }
}

const fn at_most(figure: Figure, must: f64, aim: f64) -> Row {
    Row {
        figure,
        peer: None,
        rule: Rule::Absolute,
        must: Some(must),
        aim: Some(aim),
    }
}

const fn median(peer: &'static dyn Contender) -> Row {
    Row {
        figure: Figure::P50,
        ..times(peer, None, None)
    }
}

const fn bytes(peer: &'static dyn Contender) -> Row {
    Row {
        figure: Figure::PerActor,
        ..cost(peer, None, None)
    }
}

/// Alive together where actors are started and stopped.
const WAVE: u64 = 1_000;

/// Everything that is measured.
pub const SUBJECTS: &[Subject] = &[
    Subject {
        name: "tell/1",
        what: "one producer tells an actor with 1024 places; time to the last handled message",
        work: Work::Tell {
            producers: 1,
            messages: 1_000_000,
        },
        rows: &[
            times(CHANNEL, Some(1.8), None),
            times(RACTOR, Some(4.0), None),
            times(KAMEO, Some(4.0), None),
            times(KANAL, None, Some(1.0)),
            times(ACTIX, None, Some(1.0)),
        ],
    },
    Subject {
        name: "tell/4",
        what: "four producers tell an actor with 1024 places; time to the last handled message",
        work: Work::Tell {
            producers: 4,
            messages: 1_000_000,
        },
        rows: &[
            times(CHANNEL, Some(1.8), None),
            times(RACTOR, Some(4.0), None),
            times(KAMEO, Some(4.0), None),
            times(KANAL, None, Some(1.0)),
            times(ACTIX, None, Some(1.0)),
        ],
    },
    Subject {
        name: "ask/no-deadline",
        what: "one caller asks again and again, callboard without a deadline too",
        work: Work::Ask {
            callers: 1,
            asks: 500_000,
            deadline: Deadline::None,
        },
        rows: &[
            cost(CHANNEL, Some(1.0), Some(0.8)),
            cost(RACTOR, None, None),
            cost(KAMEO, None, None),
            cost(KANAL, None, None),
            cost(ACTIX, None, None),
        ],
    },
    Subject {
        name: "ask/default-deadline",
        what: "one caller asks again and again, callboard with its default deadline, peers without",
        work: Work::Ask {
            callers: 1,
            asks: 500_000,
            deadline: Deadline::Default,
        },
        rows: &[cost(CHANNEL, Some(1.2), Some(1.0))],
    },
    Subject {
        name: "ask/64-callers",
        what: "64 callers ask one actor, callboard with its default deadline, peers without",
        work: Work::Ask {
            callers: 64,
            asks: 500_000,
            deadline: Deadline::Default,
        },
        rows: &[
            times(CHANNEL, Some(0.7), Some(1.0)),
            times(RACTOR, Some(1.4), None),
            times(KAMEO, None, None),
            times(KANAL, None, None),
            times(ACTIX, None, None),
        ],
    },
    Subject {
        name: "breaker/ask",
        what: "what a breaker at the child's door, the default deadline and counts add to an ask, \
                on one thread",
        work: Work::Guarded {
            asks: 200_000,
            by: Guard::DoorAndDeadline,
        },
        rows: &[at_most(Figure::PerOperation, 150.0, 60.0)],
    },
    Subject {
        name: "breaker/worker",
        what: "what a breaker and its counts before a worker add to asking that, on one thread",
        work: Work::Guarded {
            asks: 200_000,
            by: Guard::Worker,
        },
        rows: &[at_most(Figure::PerOperation, 150.0, 60.0)],
    },
    Subject {
        name: "breaker/all",
        what: "what a worker's reference, the default deadline and a breaker before it add to a bare \
                ask, on one thread",
        work: Work::Guarded {
            asks: 200_000,
            by: Guard::All,
        },
        rows: &[at_most(Figure::PerOperation, 250.0, 150.0)],
    },
    Subject {
        name: "breaker/permit",
        what: "a closed breaker gives a permit and takes it back with a success",
        work: Work::Permit { calls: 2_000_000 },
        rows: &[cost(FAILSAFE, None, Some(1.0))],
    },
    Subject {
        name: "retry/call",
        what: "a call that succeeds at once, which would be tried again",
        work: Work::Retry { calls: 1_000_000 },
        rows: &[cost(BACKON, None, Some(1.0))],
    },
    Subject {
        name: "pool/dispatch",
        what: "one caller gives jobs to a pool of 8, each answered before the next; a worker alone, \
               and a channel's task taken from deadpool",
        work: Work::Pool {
            callers: 1,
            jobs: 500_000,
        },
        rows: &[
            cost(WORKER, Some(1.5), Some(1.2)),
            cost(DEADPOOL, None, None),
            cost(FACTORY, None, None),
        ],
    },
    Subject {
        name: "pool/64-callers",
        what: "64 callers give jobs to a pool of 8, so that most wait; deadpool likewise",
        work: Work::Pool {
            callers: 64,
            jobs: 500_000,
        },
        rows: &[cost(DEADPOOL, None, None), cost(FACTORY, None, None)],
    },
    Subject {
        name: "ring",
        what: "16 tokens travel a ring of 1,000 actors; a hop",
        work: Work::Ring { hops: 2_000_000 },
        rows: &[
            times(CHANNEL, Some(0.9), Some(1.3)),
            times(RACTOR, Some(2.5), None),
            times(KAMEO, None, None),
            times(KANAL, None, Some(1.0)),
            times(ACTIX, None, Some(1.0)),
        ],
    },
    Subject {
        name: "big",
        what: "Savina Big: 120 actors each ping a random other and wait for its pong; a ping and its pong",
        work: Work::Big { pings: 500_000 },
        rows: &[
            times(CHANNEL, Some(1.0), Some(1.3)),
            times(RACTOR, Some(2.5), None),
            times(KAMEO, None, None),
            times(KANAL, None, Some(1.0)),
            times(ACTIX, None, Some(1.0)),
        ],
    },
    Subject {
        name: "spawn/unsupervised",
        what: "actors are started one by one and stopped, a thousand alive together; a life",
        work: Work::SpawnStop {
            actors: 100_000,
            wave: WAVE,
            keeper: Keeper::Nobody,
        },
        rows: &[
            times(CHANNEL, Some(1.3), Some(2.0)),
            times(RACTOR, None, None),
            times(KAMEO, None, None),
            times(KANAL, None, None),
            times(ACTIX, None, None),
        ],
    },
    Subject {
        name: "spawn/supervised",
        what: "the same below a supervisor, each start awaited; peers without one; a life",
        work: Work::SpawnStop {
            actors: 100_000,
            wave: WAVE,
            keeper: Keeper::Supervisor,
        },
        rows: &[
            times(RACTOR, Some(3.0), Some(5.0)),
            times(CHANNEL, None, None),
        ],
    },
    Subject {
        name: "idle",
        what: "requested bytes of an idle actor, callboard's under a supervisor, of 100,000",
        work: Work::Idle { actors: 100_000 },
        rows: &[
            at_most(Figure::PerActor, 800.0, 500.0),
            bytes(CHANNEL),
            bytes(RACTOR),
            bytes(KAMEO),
            bytes(KANAL),
            bytes(ACTIX),
        ],
    },
    Subject {
        name: "swarm",
        what: "one million supervised actors are started, then stopped",
        work: Work::Swarm { actors: 1_000_000 },
        rows: &[
            at_most(Figure::Started, 5.0, 2.5),
            at_most(Figure::Stopped, 3.0, 0.7),
        ],
    },
    Subject {
        name: "group",
        what: "one of 1,000 that are restarted together panics; until the last of them starts again",
        work: Work::Group { crashes: 200 },
        // ractor's supervisors are told of a crash and have no strategies.
        rows: &[median(KAMEO), median(RACTOR)],
    },
    Subject {
        name: "restart",
        what: "from the message that makes it panic to the restarted actor's first answer",
        work: Work::Restart { crashes: 20_000 },
        rows: &[
            at_most(Figure::P50, 6.0, 3.0),
            at_most(Figure::P99, 30.0, 12.0),
        ],
    },
    Subject {
        name: "limiter/gcra",
        what: "a token from a bucket that has one, at a time that is passed in",
        work: limit(Limit::Bucket),
        rows: &[cost(GOVERNOR, Some(1.2), Some(1.0))],
    },
    Subject {
        name: "limiter/gcra-and-clock",
        what: "the same with the library's clock: tokio's, which a test can pause; governor's counts cycles",
        work: limit(Limit::BucketAndClock),
        rows: &[cost(GOVERNOR, None, Some(1.2))],
    },
    Subject {
        name: "limiter/keyed",
        what: "a token from the bucket of one of 1,000 keys, at a time that is passed in",
        work: limit(Limit::Keyed),
        rows: &[cost(GOVERNOR, Some(1.2), Some(1.0))],
    },
    Subject {
        name: "limiter/keyed-and-clock",
        what: "the same with the library's clock",
        work: limit(Limit::KeyedAndClock),
        rows: &[cost(GOVERNOR, None, Some(1.2))],
    },
    Subject {
        name: "limiter/permit",
        what: "a permit of a bulkhead and its return, beside an owned one of a semaphore",
        work: limit(Limit::Permit),
        rows: &[cost(SEMAPHORE, None, Some(1.2))],
    },
    Subject {
        name: "limiter/quota",
        what: "a reservation in an account, its team's and everyone's, and its settlement",
        work: limit(Limit::Quota),
        rows: &[Row {
            rule: Rule::Absolute,
            peer: None,
            ..cost(GOVERNOR, Some(1_000.0), Some(250.0))
        }],
    },
    Subject {
        name: "patterns/pipeline",
        what: "a step of a pipeline of 10 functions, on one thread; awaited one after the other",
        work: pattern(Shape::Pipeline, Steps::Functions),
        rows: STEP,
    },
    Subject {
        name: "patterns/pipeline-of-actors",
        what: "the same of 10 actors; tasks on channels",
        work: pattern(Shape::Pipeline, Steps::Actors),
        rows: STEP,
    },
    Subject {
        name: "patterns/scatter",
        what: "a step of a scatter over 100 functions, on one thread; polled in one future",
        work: pattern(Shape::Scatter, Steps::Functions),
        rows: STEP,
    },
    Subject {
        name: "patterns/scatter-of-actors",
        what: "the same over 100 actors; tasks on channels",
        work: pattern(Shape::Scatter, Steps::Actors),
        rows: STEP,
    },
    Subject {
        name: "patterns/graph",
        what: "a node of a graph of 1,000 functions, ten abreast, on one thread; awaited in order",
        work: pattern(Shape::Graph, Steps::Functions),
        rows: STEP,
    },
    Subject {
        name: "patterns/stream",
        what: "an item through a pipeline of 5 functions, room for 64; tasks on bounded channels",
        work: Work::Stream {
            of: Steps::Functions,
            items: 1_000_000,
        },
        rows: &[times(BY_HAND, Some(0.7), Some(1.0))],
    },
    Subject {
        name: "patterns/stream-of-actors",
        what: "the same of 5 actors; each task asks one more",
        work: Work::Stream {
            of: Steps::Actors,
            items: 200_000,
        },
        rows: &[times(BY_HAND, None, None)],
    },
    Subject {
        name: "patterns/states",
        what: "a transition of a state machine of 10 functions in a row, on one thread; awaited one after the other",
        work: pattern(Shape::States, Steps::Functions),
        rows: STEP,
    },
    Subject {
        name: "patterns/hub",
        what: "a task of a hub that plans, assigns and checks 100 of them, on one thread; awaited in order",
        work: pattern(Shape::Hub, Steps::Functions),
        rows: &[
            // Three steps: it is given to a spoke, done, and checked.
            at_most(Figure::PerOperation, 9_000.0, 3_000.0),
            cost(BY_HAND, None, None),
        ],
    },
    Subject {
        name: "patterns/vote",
        what: "a ballot of a vote of 1,000 functions that agree, on one thread; polled in one future",
        work: pattern(Shape::Vote, Steps::Functions),
        rows: STEP,
    },
    Subject {
        name: "patterns/debate",
        what: "a statement of a debate of 5 functions in one round, on one thread; polled in one future",
        work: pattern(Shape::Debate, Steps::Functions),
        rows: STEP,
    },
    Subject {
        name: "patterns/auction",
        what: "a bid of an auction among 100 functions, the work of the best one included, on one thread; polled in one future",
        work: pattern(Shape::Auction, Steps::Functions),
        rows: STEP,
    },
    Subject {
        name: "route/exact",
        what: "a decision among 10,000 agents, ten of whom have the capability",
        work: Work::Route {
            by: Matching::Exact,
            decisions: 200_000,
        },
        rows: &[at_most(Figure::PerOperation, 1_000.0, 500.0)],
    },
    Subject {
        name: "route/likeness",
        what: "a decision among 10,000 agents by a text that is like a description",
        work: Work::Route {
            by: Matching::Likeness,
            decisions: 5_000,
        },
        rows: &[at_most(Figure::PerOperation, 200_000.0, 50_000.0)],
    },
    Subject {
        name: "bus",
        what: "an event that one of 1,000 subscribers takes, on one thread",
        work: Work::Bus {
            deliveries: 1_000_000,
        },
        rows: &[at_most(Figure::PerOperation, 1_000.0, 100.0)],
    },
];

/// What a step of a pattern may cost.
const STEP: &[Row] = &[
    at_most(Figure::PerOperation, 3_000.0, 1_000.0),
    cost(BY_HAND, None, None),
];

const fn pattern(shape: Shape, of: Steps) -> Work {
    Work::Pattern {
        shape,
        of,
        steps: 200_000,
    }
}

const fn limit(limit: Limit) -> Work {
    Work::Limit {
        limit,
        decisions: 2_000_000,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_has_a_name_of_its_own() {
        let mut names = BTreeSet::new();
        for subject in SUBJECTS {
            for row in subject.rows {
                let name = subject.name_of(row);
                assert!(names.insert(name.clone()), "{name} is there twice");
            }
        }
    }

    #[test]
    fn a_row_is_compared_with_a_peer_or_with_a_number() {
        for row in SUBJECTS.iter().flat_map(|subject| subject.rows) {
            assert_eq!(row.peer.is_none(), row.rule == Rule::Absolute);
            assert!(row.peer.is_some() || row.must.is_some());
        }
    }

    #[test]
    fn throughput_is_won_by_costing_less_and_cost_by_a_small_ratio() {
        assert_eq!(Rule::Throughput.ratio(50.0, 100.0), Some(2.0));
        assert!(Rule::Throughput.holds(2.0, 1.8));
        assert_eq!(Rule::Cost.ratio(50.0, 100.0), Some(0.5));
        assert!(Rule::Cost.holds(0.5, 1.0));
        assert!(!Rule::Absolute.holds(801.0, 800.0));
    }

    #[test]
    fn a_figure_is_a_cost_of_one_operation() {
        let work = Work::Ring { hops: 1_000 };
        let outcome = Outcome::Took(Duration::from_micros(50));
        assert_eq!(Figure::PerOperation.of(work, outcome), Some(50.0));
        assert_eq!(Figure::PerActor.of(work, outcome), None);
    }
}
