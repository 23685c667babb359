//! A real supervisor against a sequential model: random operations, one after
//! the other, and after each the two must agree about everything that shows.
//!
//! ```sh
//! cargo test --test model                       # 200 sequences
//! CALLBOARD_LONG=1 cargo test --test model      # 10,000
//! CALLBOARD_SEED=7 cargo test --test model      # others
//! ```
//!
//! A sequence that fails is shrunk and printed with its seed.
#![allow(
    clippy::disallowed_methods,
    reason = "a test owns its threads, its tasks and its clock"
)]

#[path = "../common/mod.rs"]
mod common;

mod expected;
mod real;

use std::time::Duration;

use callboard::prelude::*;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy as Generator, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// How the supervisor is built.
#[derive(Clone, Debug)]
struct Plan {
    shape: Shape,
    max_restarts: u32,
    rest: Rest,
    /// Restart rules of the children that are there from the start. A dynamic
    /// supervisor has none.
    statics: Vec<Restart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Ordered(Strategy),
    Dynamic,
}

/// How long it waits before a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    None,
    Constant,
}

/// Half a millisecond more than the clock ever shows, so that nothing depends on
/// what happens first at the same instant.
const REST: Duration = Duration::from_micros(700_500);
const PERIOD: Duration = Duration::from_micros(2_000_500);

/// Children have these names: `c0`, `c1`, ...
const NAMES: usize = 7;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Start(usize, Restart),
    Terminate(usize),
    Restart(usize),
    Delete(usize),
    Crash(usize),
    Leave(usize),
    /// Stops the supervisor, which the one above brings back.
    Stop,
    /// Ends the supervisor's own actor at once.
    Kill,
    Pass(u64),
}

/// What an operation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    AlreadyStarted,
    AlreadyPresent,
    NotFound,
    Running,
    Restarting,
}

/// All that shows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct View {
    /// In start order: the name, whether it is up, down or resting, and its
    /// restart rule.
    children: Vec<(usize, State, Restart)>,
    specs: usize,
    active: usize,
    /// In the supervisor's present life.
    restarts: u64,
    /// How often each child was made, and how many of it are there.
    births: [u32; NAMES],
    alive: [u32; NAMES],
    /// How often the supervisor above brought this one back.
    comebacks: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Up,
    Down,
    Restarting,
}

fn restart() -> impl Generator<Value = Restart> {
    prop_oneof![
        3 => Just(Restart::Permanent),
        2 => Just(Restart::Transient),
        1 => Just(Restart::Temporary),
    ]
}

fn plan() -> impl Generator<Value = Plan> {
    let shape = prop_oneof![
        Just(Shape::Ordered(Strategy::OneForOne)),
        Just(Shape::Ordered(Strategy::OneForAll)),
        Just(Shape::Ordered(Strategy::RestForOne)),
        Just(Shape::Dynamic),
    ];
    let rest = prop_oneof![Just(Rest::None), Just(Rest::Constant)];
    (shape, 0u32..6, rest, vec(restart(), 0..5)).prop_map(|(shape, max_restarts, rest, statics)| {
        let statics = match shape {
            Shape::Ordered(_) => statics,
            Shape::Dynamic => Vec::new(),
        };
        Plan {
            shape,
            max_restarts,
            rest,
            statics,
        }
    })
}

fn operation() -> impl Generator<Value = Operation> {
    let name = || 0..NAMES;
    prop_oneof![
        6 => (name(), restart()).prop_map(|(name, rule)| Operation::Start(name, rule)),
        3 => name().prop_map(Operation::Terminate),
        3 => name().prop_map(Operation::Restart),
        2 => name().prop_map(Operation::Delete),
        8 => name().prop_map(Operation::Crash),
        3 => name().prop_map(Operation::Leave),
        1 => any::<bool>().prop_map(|it| if it { Operation::Stop } else { Operation::Kill }),
        4 => (1u64..1_500).prop_map(Operation::Pass),
    ]
}

fn number(of: &str) -> Option<u64> {
    std::env::var(of).ok()?.parse().ok()
}

#[test]
fn a_supervisor_does_what_the_model_says() {
    let cases = match number("CALLBOARD_LONG") {
        Some(1..) => 10_000,
        _ => 200,
    };
    let seed = number("CALLBOARD_SEED").unwrap_or(0);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&(plan(), vec(operation(), 0..60)), |(plan, operations)| {
        check(&plan, &operations).map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => println!("{cases} sequences, seed {seed}"),
        Err(TestError::Fail(why, (plan, operations))) => {
            panic!("CALLBOARD_SEED={seed}\n{why}\n{plan:?}\n{operations:#?}")
        }
        Err(TestError::Abort(why)) => panic!("CALLBOARD_SEED={seed}: {why}"),
    }
}

/// Runs one sequence on a clock of its own.
fn check(plan: &Plan, operations: &[Operation]) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let real = real::Real::start(plan).await;
        let mut model = expected::Model::start(plan, real.now());
        compare("the start", &model.view(), &real.view())?;
        for (at, operation) in operations.iter().enumerate() {
            let what = format!("operation {at}, {operation:?}");
            if !model.is_defined(*operation) {
                continue;
            }
            let expected = model.apply(*operation, real.now());
            let outcome = real.apply(*operation).await;
            compare(&what, &expected, &outcome)?;
            real.settle(|now| model.has_settled(now)).await;
            model.pass(real.now());
            compare(&what, &model.view(), &real.view())?;
        }
        real.end().await
    })
}

fn compare<T: PartialEq + std::fmt::Debug>(what: &str, model: &T, real: &T) -> Result<(), String> {
    if model == real {
        return Ok(());
    }
    Err(format!("after {what}\n model: {model:?}\n  real: {real:?}"))
}
