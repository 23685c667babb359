//! The workloads as data, and the arithmetic they share.

use std::time::Duration;

/// Places in the mailbox that is told to.
pub const TELL_CAPACITY: usize = 1024;

/// Places in a mailbox of every other workload, the default of callboard.
pub const MAILBOX: usize = 64;

/// Members of the pool that jobs are given to.
pub const POOL_MEMBERS: usize = 8;

/// Actors in the ring.
pub const RING_MEMBERS: usize = 1_000;

/// Tokens that travel the ring at the same time. Fewer than [`MAILBOX`], so no
/// member is ever full and the circle cannot block itself; more than one, since
/// a lone token measures which worker happens to be awake.
pub const RING_TOKENS: usize = 16;

/// Members of Savina's Big, its own number.
pub const BIG_MEMBERS: usize = 120;

/// Places in a mailbox of Big. Each member has one ping or its pong under way
/// and no more, so at most [`BIG_MEMBERS`] messages exist: none ever waits for
/// room, and members that send to each other cannot block each other for ever.
pub const BIG_MAILBOX: usize = 256;

/// Members of the group that is restarted together.
pub const GROUP_MEMBERS: usize = 1_000;

/// Failures in a row that open a breaker. None does.
pub const TRIPS_AT: u32 = 5;

/// A workload and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Producers tell one actor with [`TELL_CAPACITY`] places; then one ask
    /// behind all messages proves that each was handled. Operation: a message.
    Tell {
        /// Tasks that tell, sharing the messages.
        producers: usize,
        /// Messages told.
        messages: u64,
    },
    /// Callers ask one actor, each waiting for its answer before it asks again.
    /// Operation: an ask.
    Ask {
        /// Tasks that ask, sharing the asks.
        callers: usize,
        /// Asks made.
        asks: u64,
        /// Whether callboard keeps a deadline. Peers never do.
        deadline: Deadline,
    },
    /// A closed breaker is asked for a permit, which goes back with a success.
    /// Operation: a permit.
    Permit {
        /// Permits.
        calls: u64,
    },
    /// Calls that are ready at once and succeed, each of which would be tried
    /// again. Operation: a call.
    Retry {
        /// Calls.
        calls: u64,
    },
    /// One caller asks one actor on one thread, plainly and past what stands
    /// before the actor, in turn; what the second takes longer. Operation: an
    /// ask.
    Guarded {
        /// Asks of either kind.
        asks: u64,
        /// What stands before the actor.
        by: Guard,
    },
    /// Callers give jobs to a pool of [`POOL_MEMBERS`] members, each waiting for
    /// its answer before it gives the next. Operation: a job.
    Pool {
        /// Tasks that give jobs, sharing them.
        callers: usize,
        /// Jobs given.
        jobs: u64,
    },
    /// [`RING_TOKENS`] tokens travel a ring of [`RING_MEMBERS`] actors.
    /// Operation: a hop.
    Ring {
        /// Hops of all tokens together.
        hops: u64,
    },
    /// Savina's Big: [`BIG_MEMBERS`] actors each ping a random other, wait for
    /// its pong, and ping the next. Operation: a ping with its pong.
    Big {
        /// Pings of all members together.
        pings: u64,
    },
    /// Actors are started, and stopped, and their end is waited for.
    /// Operation: an actor.
    SpawnStop {
        /// Actors started and stopped.
        actors: u64,
        /// Actors that are alive together: so many are started one by one,
        /// then all are told to stop, then each end is awaited.
        wave: u64,
        /// Whether callboard starts them below a supervisor. Peers never do.
        keeper: Keeper,
    },
    /// Actors that were started and then left alone.
    Idle {
        /// Actors alive at the end.
        actors: u64,
    },
    /// An actor panics again and again; each time an ask waits behind the
    /// message that makes it panic and is answered by the next incarnation.
    Restart {
        /// Panics.
        crashes: u64,
    },
    /// One of [`GROUP_MEMBERS`] actors that only make sense together panics,
    /// again and again: all are stopped, and started again. Operation: a panic.
    Group {
        /// Panics.
        crashes: u64,
    },
    /// Very many supervised actors are started, then all are stopped.
    Swarm {
        /// Actors started and stopped.
        actors: u64,
    },
    /// A pattern is asked again and again, on one thread. Operation: a step of
    /// one of its workers.
    Pattern {
        /// Which one.
        shape: Shape,
        /// What its workers are.
        of: Steps,
        /// Steps of all runs together.
        steps: u64,
    },
    /// Items stream through [`STREAM_STAGES`] stages, each with room for
    /// [`MAILBOX`] of them. Operation: an item.
    Stream {
        /// What the stages are.
        of: Steps,
        /// Items.
        items: u64,
    },
    /// It is decided who of [`AGENTS`] agents does a task. Operation: a decision.
    Route {
        /// How they are matched.
        by: Matching,
        /// Decisions made.
        decisions: u64,
    },
    /// Events go to [`SUBSCRIBERS`] subscribers of a bus, half of them through a
    /// wildcard. Operation: an event that one of them takes.
    Bus {
        /// Events taken, all subscribers together.
        deliveries: u64,
    },
    /// A limit that is never reached is asked again and again, on one thread.
    /// Operation: a decision.
    Limit {
        /// Which one.
        limit: Limit,
        /// Decisions made.
        decisions: u64,
    },
}

/// A pattern of several workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// [`STAGES`] workers, one after the other.
    Pipeline,
    /// [`SCATTERED`] workers, all at once.
    Scatter,
    /// [`NODES`] tasks, each after the one [`ABREAST`] before it.
    Graph,
    /// [`STAGES`] states, one after the other.
    States,
    /// [`SUBTASKS`] tasks that a hub plans, assigns, checks and puts together.
    Hub,
    /// [`JUDGES`] judges, all at once, who have to agree.
    Vote,
    /// [`SIDES`] sides that debate for one round, side by side.
    Debate,
    /// [`BIDDERS`] bidders, all at once, of whom the best one does the work.
    Auction,
}

impl Shape {
    /// Workers that it has, which are its steps.
    #[must_use]
    pub fn workers(self) -> u64 {
        match self {
            Self::Pipeline | Self::States => STAGES,
            Self::Scatter => SCATTERED,
            Self::Graph => NODES,
            Self::Hub => SUBTASKS,
            Self::Vote => JUDGES,
            Self::Debate => SIDES,
            Self::Auction => BIDDERS,
        }
    }
}

/// What does a step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// A function that is ready at once.
    Functions,
    /// An actor.
    Actors,
}

/// How agents are matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// By a capability that one in [`CAPABILITIES`] has.
    Exact,
    /// By a text that is like a description.
    Likeness,
}

/// Agents in a directory.
pub const AGENTS: u64 = 10_000;

/// Capabilities that they have, each one of them.
pub const CAPABILITIES: u64 = 1_000;

/// Subscribers of a bus.
pub const SUBSCRIBERS: u64 = 1_000;

/// Stages of a pipeline.
pub const STAGES: u64 = 10;

/// Stages that items stream through.
pub const STREAM_STAGES: u64 = 5;

/// Workers of a scatter.
pub const SCATTERED: u64 = 100;

/// Judges of a vote.
pub const JUDGES: u64 = 1_000;

/// Sides of a debate.
pub const SIDES: u64 = 5;
/// Bidders of an auction.
pub const BIDDERS: u64 = 100;

/// Tasks of a graph.
pub const NODES: u64 = 1_000;

/// How far back a task of a graph depends on another: so many are ready at once.
pub const ABREAST: u64 = 10;

/// Tasks that a hub's plan has.
pub const SUBTASKS: u64 = 100;

/// Something that bounds how much happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A token bucket, at a time that is passed in.
    Bucket,
    /// The same with the library's own clock.
    BucketAndClock,
    /// A token bucket for each of [`KEYS`] keys, at a time that is passed in.
    Keyed,
    /// The same with the library's own clock.
    KeyedAndClock,
    /// A reservation at three levels of accounts, and its settlement.
    Quota,
    /// A permit, and its return.
    Permit,
}

/// Keys of a keyed limiter.
pub const KEYS: u64 = 1_000;

/// Whether an ask has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Written out: it would wait for ever.
    None,
    /// The system's default is in force.
    Default,
}

/// What stands before an actor that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A breaker at the child's own door, and the default deadline. The plain
    /// ask has neither.
    DoorAndDeadline,
    /// A breaker before a worker. The plain worker has none; both have the
    /// default deadline.
    Worker,
    /// All of it: a worker's reference, the default deadline, a breaker before
    /// it. The plain ask goes to the bare actor, without a deadline.
    All,
}

/// Who keeps an actor that is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Nobody restarts it.
    Nobody,
    /// A supervisor starts it as its child.
    Supervisor,
}

impl Work {
    /// How many operations it has.
    #[must_use]
    pub fn operations(self) -> u64 {
        match self {
            Self::Tell { messages, .. } => messages,
            Self::Ask { asks, .. } | Self::Guarded { asks, .. } => asks,
            Self::Permit { calls } | Self::Retry { calls } => calls,
            Self::Pool { jobs, .. } => jobs,
            Self::Ring { hops } => hops,
            Self::Big { pings } => pings,
            Self::SpawnStop { actors, .. } | Self::Idle { actors } | Self::Swarm { actors } => {
                actors
            }
            Self::Restart { crashes } | Self::Group { crashes } => crashes,
            Self::Pattern { steps, .. } => steps,
            Self::Stream { items, .. } => items,
            Self::Route { decisions, .. } | Self::Limit { decisions, .. } => decisions,
            Self::Bus { deliveries } => deliveries,
        }
    }

    /// The same workload with another number of operations.
    #[must_use]
    pub fn sized(self, operations: u64) -> Self {
        match self {
            Self::Tell { producers, .. } => Self::Tell {
                producers,
                messages: operations,
            },
            Self::Ask {
                callers, deadline, ..
            } => Self::Ask {
                callers,
                asks: operations,
                deadline,
            },
            Self::Permit { .. } => Self::Permit { calls: operations },
            Self::Retry { .. } => Self::Retry { calls: operations },
            Self::Guarded { by, .. } => Self::Guarded {
                asks: operations,
                by,
            },
            Self::Pool { callers, .. } => Self::Pool {
                callers,
                jobs: operations,
            },
            Self::Ring { .. } => Self::Ring { hops: operations },
            Self::Big { .. } => Self::Big { pings: operations },
            Self::SpawnStop { wave, keeper, .. } => Self::SpawnStop {
                actors: operations,
                wave,
                keeper,
            },
            Self::Idle { .. } => Self::Idle { actors: operations },
            Self::Restart { .. } => Self::Restart {
                crashes: operations,
            },
            Self::Group { .. } => Self::Group {
                crashes: operations,
            },
            Self::Swarm { .. } => Self::Swarm { actors: operations },
            Self::Pattern { shape, of, .. } => Self::Pattern {
                shape,
                of,
                steps: operations,
            },
            Self::Stream { of, .. } => Self::Stream {
                of,
                items: operations,
            },
            Self::Route { by, .. } => Self::Route {
                by,
                decisions: operations,
            },
            Self::Bus { .. } => Self::Bus {
                deliveries: operations,
            },
            Self::Limit { limit, .. } => Self::Limit {
                limit,
                decisions: operations,
            },
        }
    }

    /// Whether its outcome differs from run to run.
    #[must_use]
    pub fn is_timed(self) -> bool {
        !matches!(self, Self::Idle { .. })
    }
}

/// What a workload came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The time all operations took.
    Took(Duration),
    /// Bytes that all actors hold.
    Bytes(u64),
    /// How long each crash kept its caller waiting.
    Waited {
        /// All crashes together.
        total: Duration,
        /// Half of them took at most this.
        p50: Duration,
        /// All but one in a hundred took at most this.
        p99: Duration,
    },
    /// The two halves of a life.
    Lived {
        /// From the first start to the last actor that is up.
        started: Duration,
        /// From the stop to the end of the last actor.
        stopped: Duration,
    },
}

impl Outcome {
    /// Sorts the waits of single operations into their percentiles.
    ///
    /// # Panics
    ///
    /// Where there are none.
    #[must_use]
    pub fn waited(mut waits: Vec<Duration>) -> Self {
        assert!(!waits.is_empty(), "no wait was measured");
        waits.sort_unstable();
        let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
        Self::Waited {
            total: waits.iter().sum(),
            p50: at(50),
            p99: at(99),
        }
    }

    /// The time all operations took together, where it is about time.
    #[must_use]
    pub fn took(self) -> Option<Duration> {
        match self {
            Self::Took(took) => Some(took),
            Self::Waited { total, .. } => Some(total),
            Self::Lived { started, stopped } => Some(started + stopped),
            Self::Bytes(_) => None,
        }
    }
}

/// Divides operations among tasks; the first ones take what is left over.
pub fn shares(operations: u64, tasks: usize) -> impl Iterator<Item = u64> {
    let tasks = tasks as u64;
    (0..tasks).map(move |task| operations / tasks + u64::from(task < operations % tasks))
}

/// Cuts operations into waves; the last one may be smaller.
pub fn waves(operations: u64, wave: u64) -> impl Iterator<Item = u64> {
    let wave = wave.max(1);
    (0..operations.div_ceil(wave)).map(move |done| wave.min(operations - done * wave))
}

/// The member before which a token starts, all spread evenly over the ring.
#[must_use]
pub fn first_member(token: usize) -> usize {
    token * RING_MEMBERS / RING_TOKENS
}

/// What a member of Big decides, the same for every contender: whom to ping
/// next, and when it has had all its pongs.
#[derive(Clone, Debug)]
pub struct Pinger {
    me: usize,
    left: u64,
    random: u64,
}

impl Pinger {
    /// The member with this index, with so many pings to send.
    #[must_use]
    pub fn new(me: usize, pings: u64) -> Self {
        // Seeded by the index: every contender and every run sends to the same
        // members in the same order. Zero is the one state xorshift never leaves.
        let random = (me as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Self {
            me,
            left: pings,
            random,
        }
    }

    /// Takes a pong (the first one is the signal to begin) and names the member
    /// to ping next, or `None` when there is nothing left to send.
    pub fn on_pong(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let others = BIG_MEMBERS as u64 - 1;
        // Drawn among the others only: nobody pings itself.
        let other = usize::try_from(self.random % others).expect("members fit into usize");
        Some(if other < self.me { other } else { other + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_lose_nothing() {
        assert_eq!(shares(10, 4).collect::<Vec<_>>(), [3, 3, 2, 2]);
        assert_eq!(shares(1, 4).sum::<u64>(), 1);
    }

    #[test]
    fn waves_lose_nothing() {
        assert_eq!(waves(10, 4).collect::<Vec<_>>(), [4, 4, 2]);
        assert_eq!(waves(3, 1).collect::<Vec<_>>(), [1, 1, 1]);
        assert_eq!(waves(0, 4).count(), 0);
    }

    #[test]
    fn a_pinger_reaches_all_others_and_never_itself() {
        let mut pinger = Pinger::new(7, 10_000);
        let mut pinged = [0; BIG_MEMBERS];
        while let Some(other) = pinger.on_pong() {
            pinged[other] += 1;
        }
        assert_eq!(pinged.iter().sum::<u64>(), 10_000);
        assert_eq!(pinged.iter().position(|&pings| pings == 0), Some(7));
        assert_eq!(pinged.iter().filter(|&&pings| pings == 0).count(), 1);
    }

    #[test]
    fn percentiles_are_waits_that_happened() {
        let waits = (1..=101).rev().map(Duration::from_micros).collect();
        let Outcome::Waited { p50, p99, .. } = Outcome::waited(waits) else {
            panic!("waits give percentiles");
        };
        assert_eq!(p50, Duration::from_micros(51));
        assert_eq!(p99, Duration::from_micros(100));
    }
}
