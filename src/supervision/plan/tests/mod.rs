//! The plan against a world of children that do what they like.

mod auto_shutdown;
mod change;
mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::{Just, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use proptest::strategy::Strategy as Strategy_;

use super::*;
use crate::actor::Shutdown;
use crate::policy::backoff::Backoff;
use crate::policy::intensity::Intensity;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Starting,
    Up,
}

/// Children as the plan's effects leave them.
struct World {
    plan: Plan<u32>,
    now: Instant,
    lives: BTreeMap<Key, Life>,
    told: BTreeSet<Key>,
    waiting: BTreeSet<Token>,
    next_token: Token,
    launches: u64,
    is_finished: bool,
    is_to_go_on: bool,
    log: Vec<String>,
}

impl World {
    fn new(strategy: Strategy, shape: Shape, intensity: Intensity, backoff: Backoff) -> Self {
        let settings = Settings {
            strategy,
            intensity,
            backoff,
            ..Settings::default()
        };
        Self::with(shape, settings)
    }

    fn with(shape: Shape, settings: Settings) -> Self {
        let now = Instant::now();
        Self {
            plan: Plan::new(shape, settings, now),
            now,
            lives: BTreeMap::new(),
            told: BTreeSet::new(),
            waiting: BTreeSet::new(),
            next_token: 0,
            launches: 0,
            is_finished: false,
            is_to_go_on: false,
            log: Vec::new(),
        }
    }

    fn token(&mut self) -> Token {
        self.next_token += 1;
        self.waiting.insert(self.next_token);
        self.next_token
    }

    /// Feeds the plan one event and checks what it wants.
    fn feed(&mut self, event: impl FnOnce(&mut Plan<u32>, Instant, &mut Effects<u32>)) {
        let mut effects = Effects::new();
        event(&mut self.plan, self.now, &mut effects);
        for effect in effects {
            self.log.push(format!("{effect:?}"));
            match effect {
                Effect::Launch { key, .. } => {
                    assert!(!self.is_finished, "nothing starts after the end");
                    let old = self.lives.insert(key, Life::Starting);
                    assert_eq!(old, None, "child {key} would live twice");
                    self.launches += 1;
                }
                Effect::Stop(key) | Effect::Drain(key, _) => {
                    assert!(
                        self.lives.contains_key(&key),
                        "{key} is not there to be told"
                    );
                    self.told.insert(key);
                }
                Effect::Kill(key) => {
                    self.told.insert(key);
                }
                Effect::Close(key, _) => {
                    assert!(!self.lives.contains_key(&key), "{key} lives and is closed");
                }
                Effect::Shut(_) => {}
                Effect::Forget(..) | Effect::Booted(_) | Effect::Escalate(_) | Effect::Drop(_) => {}
                Effect::Answer(token, _) => {
                    assert!(self.waiting.remove(&token), "{token} is answered twice");
                }
                Effect::GoOn => {
                    assert!(!self.is_to_go_on, "one wave is told at a time");
                    self.is_to_go_on = true;
                }
                Effect::Finished(_) => {
                    assert!(self.lives.is_empty(), "it ends before its children");
                    assert!(!self.is_finished, "it ends twice");
                    self.is_finished = true;
                }
            }
        }
    }

    fn start(&mut self, key: Key) {
        if self.lives.get(&key) == Some(&Life::Starting) {
            self.lives.insert(key, Life::Up);
            self.feed(|plan, now, out| plan.started(key, now, out));
        }
    }

    fn end(&mut self, key: Key, exit: Exit) {
        let Some(life) = self.lives.remove(&key) else {
            return;
        };
        self.told.remove(&key);
        let end = match life {
            Life::Starting => End::NotStarted(exit),
            Life::Up => End::Exited(exit),
        };
        self.feed(|plan, now, out| plan.ended(key, end, now, 0.5, out));
    }

    fn tick(&mut self, by: Duration) {
        self.now += by;
        self.feed(|plan, now, out| plan.tick(now, out));
    }

    /// Children behave from here on, until nothing moves.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            if self.is_to_go_on {
                self.is_to_go_on = false;
                self.feed(|plan, now, out| plan.go_on(now, out));
            } else if let Some(key) = self.told.first().copied() {
                self.told.remove(&key);
                self.end(key, Exit::shutdown());
            } else if let Some((key, _)) = self.lives.iter().find(|(_, l)| **l == Life::Starting) {
                let key = *key;
                self.start(key);
            } else if let Some(due) = self.plan.next_due().filter(|_| !self.is_finished) {
                let by = due.saturating_duration_since(self.now);
                self.tick(by);
                if self.plan.next_due() == Some(due) {
                    panic!("a timer that is due stays: {:?}", self.log);
                }
            } else {
                return;
            }
        }
        panic!("it never comes to rest: {:?}", self.log);
    }
}

fn policy(restart: Restart) -> Policy {
    Policy {
        restart,
        shutdown: Shutdown::After(Duration::from_secs(1)),
        ..Policy::default()
    }
}

fn booted(strategy: Strategy, children: u32) -> World {
    let mut world = World::new(
        strategy,
        Shape::Ordered,
        Intensity::new(2, Duration::from_secs(3600)),
        Backoff::none(),
    );
    for child in 0..children {
        world.plan.enrol(child, &policy(Restart::Permanent));
    }
    world.feed(|plan, now, out| plan.boot(now, out));
    world.settle();
    world.log.clear();
    world
}

#[test]
fn one_for_all_stops_in_reverse_and_starts_in_order() {
    let mut world = booted(Strategy::OneForAll, 3);
    world.end(1, Exit::Killed);
    assert_eq!(world.log, ["Stop(2)"]);
    world.end(2, Exit::shutdown());
    world.end(0, Exit::shutdown());
    world.start(0);
    world.start(1);
    let launched: Vec<_> = world
        .log
        .iter()
        .filter(|l| l.starts_with("Launch"))
        .collect();
    assert_eq!(launched.len(), 3);
    assert!(launched[0].contains("key: 0") && launched[2].contains("key: 2"));
    assert_eq!(
        world.plan.restarts(),
        1,
        "one restart, however many children"
    );
}

#[test]
fn a_later_child_that_fails_during_a_group_restart_counts_and_the_group_starts_over() {
    let mut world = booted(Strategy::OneForAll, 2);
    world.end(0, Exit::Killed);
    world.end(1, Exit::shutdown());
    world.start(0);
    world.end(1, Exit::failed("scripted"));
    assert_eq!(world.plan.restarts(), 2);
    world.settle();
    assert_eq!(world.lives.len(), 2);
}

#[test]
fn a_terminate_during_a_backoff_wins() {
    let mut world = World::new(
        Strategy::OneForOne,
        Shape::Ordered,
        Intensity::new(5, Duration::from_secs(60)),
        Backoff::constant(Duration::from_secs(10)),
    );
    world.plan.enrol(0, &policy(Restart::Permanent));
    world.feed(|plan, now, out| plan.boot(now, out));
    world.settle();
    world.end(0, Exit::Killed);
    let token = world.token();
    world.feed(|plan, now, out| plan.terminate(0, token, now, out));
    world.tick(Duration::from_secs(100));
    assert!(world.lives.is_empty(), "nothing is resurrected");
    assert_eq!(world.plan.member(0).unwrap().status, Status::Down);
}

#[test]
fn a_planned_restart_counts_as_a_restart_and_against_nothing() {
    let mut world = booted(Strategy::OneForAll, 2);
    for life in 1..=5 {
        let token = world.token();
        world.feed(|plan, now, out| plan.cycle(0, token, now, out));
        assert_eq!(world.log, ["Stop(0)"]);
        world.settle();
        assert!(!world.log.iter().any(|l| l.starts_with("Close")));
        assert_eq!(world.plan.restarts(), life);
        assert!(world.waiting.is_empty(), "{:?}", world.log);
        world.log.clear();
    }
    // Two crashes are allowed, as before.
    for _ in 0..2 {
        world.end(0, Exit::Killed);
        world.settle();
    }
    assert!(!world.plan.is_ending());
    world.end(0, Exit::Killed);
    assert!(world.plan.is_ending());
}

#[test]
fn a_group_restart_takes_a_planned_one_over() {
    let mut world = booted(Strategy::OneForAll, 3);
    let token = world.token();
    world.feed(|plan, now, out| plan.cycle(1, token, now, out));
    world.end(0, Exit::Killed);
    world.end(1, Exit::shutdown());
    assert!(!world.lives.contains_key(&1), "it starts in its turn");
    world.settle();
    assert_eq!(world.lives.len(), 3, "{:?}", world.log);
    assert!(world.waiting.is_empty(), "{:?}", world.log);
}

#[test]
fn the_end_of_the_supervisor_breaks_a_planned_restart_off() {
    let mut world = booted(Strategy::OneForOne, 2);
    let token = world.token();
    world.feed(|plan, now, out| plan.cycle(0, token, now, out));
    world.feed(|plan, now, out| plan.shut_down(Exit::shutdown(), Manner::Stop, now, out));
    world.settle();
    assert!(world.is_finished && world.waiting.is_empty());
}

#[test]
fn a_child_that_is_drained_too_slowly_is_killed() {
    let mut world = booted(Strategy::OneForOne, 1);
    let (token, by) = (world.token(), world.now + Duration::from_secs(3));
    world.feed(|plan, now, out| plan.drain_child(0, Some(by), token, now, out));
    world.tick(Duration::from_secs(2));
    assert!(!world.log.contains(&"Kill(0)".to_owned()));
    world.tick(Duration::from_secs(1));
    assert!(world.log.contains(&"Kill(0)".to_owned()), "{:?}", world.log);
    world.settle();
    assert_eq!(world.plan.member(0).unwrap().status, Status::Down);
}

#[test]
fn whoever_waits_for_a_start_waits_on_while_the_group_is_restarted() {
    let mut world = booted(Strategy::OneForAll, 1);
    let (token, newcomer) = (world.token(), policy(Restart::Permanent));
    world.feed(|plan, _, out| {
        plan.add(9, 9, &newcomer, token, out);
    });
    world.end(0, Exit::Killed);
    world.end(1, Exit::shutdown());
    assert!(world.waiting.contains(&token), "{:?}", world.log);
    world.settle();
    assert!(world.log.contains(&format!("Answer({token}, Started)")));
    assert_eq!(world.lives.len(), 2);
}

#[test]
fn whoever_waits_for_a_start_learns_of_the_end_and_of_a_terminate() {
    for how in ["end", "terminate", "terminate in a group"] {
        let mut world = booted(Strategy::OneForAll, 1);
        let (token, newcomer) = (world.token(), policy(Restart::Permanent));
        world.feed(|plan, _, out| {
            plan.add(9, 9, &newcomer, token, out);
        });
        let answer = match how {
            "end" => {
                world.feed(|plan, now, out| {
                    plan.shut_down(Exit::shutdown(), Manner::Stop, now, out);
                });
                "Ending"
            }
            _ => {
                if how == "terminate in a group" {
                    world.end(0, Exit::Killed);
                }
                let token = world.token();
                world.feed(|plan, now, out| plan.terminate(1, token, now, out));
                "Failed(Shutdown(None))"
            }
        };
        let answer = format!("Answer({token}, {answer})");
        assert!(world.log.contains(&answer), "{how}: {:?}", world.log);
        world.settle();
        assert!(world.waiting.is_empty(), "{how}: {:?}", world.log);
    }
}

#[test]
fn all_who_terminate_a_child_are_answered_when_it_is_down() {
    let mut world = booted(Strategy::OneForOne, 1);
    let tokens = [world.token(), world.token(), world.token()];
    for token in tokens {
        world.feed(|plan, now, out| plan.terminate(0, token, now, out));
    }
    assert_eq!(world.log, ["Stop(0)"], "once, and nobody is answered yet");
    world.settle();
    for token in tokens {
        assert!(world.log.contains(&format!("Answer({token}, Done)")));
    }
}

#[test]
fn a_drain_that_meets_a_terminate_waits_for_the_same_end() {
    let mut world = booted(Strategy::OneForOne, 1);
    let (first, second) = (world.token(), world.token());
    world.feed(|plan, now, out| plan.terminate(0, first, now, out));
    let due = world.plan.next_due();
    let by = world.now.checked_add(Duration::from_secs(3_600));
    world.feed(|plan, now, out| plan.drain_child(0, by, second, now, out));
    assert_eq!(
        world.log,
        ["Stop(0)"],
        "told once, and nobody is answered yet"
    );
    assert_eq!(world.plan.next_due(), due, "it gets no more time");
    world.settle();
    for token in [first, second] {
        assert!(world.log.contains(&format!("Answer({token}, Done)")));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    Start(prop::sample::Index),
    Crash(prop::sample::Index),
    Leave(prop::sample::Index),
    Terminate(u64),
    Restart(u64),
    Delete(u64),
    Cycle(u64),
    Drain(u64, u64),
    Pass(u64),
    Change(Strategy, AutoShutdown, u32),
    ChangeChild(u64, Restart, bool),
    ShutDown,
}

fn strategies() -> impl Strategy_<Value = Strategy> {
    prop_oneof![
        Just(Strategy::OneForOne),
        Just(Strategy::OneForAll),
        Just(Strategy::RestForOne),
    ]
}

fn auto_shutdowns() -> impl Strategy_<Value = AutoShutdown> {
    prop_oneof![
        2 => Just(AutoShutdown::Never),
        1 => Just(AutoShutdown::AnySignificant),
        1 => Just(AutoShutdown::AllSignificant),
    ]
}

fn restarts() -> impl Strategy_<Value = Restart> {
    prop_oneof![
        Just(Restart::Permanent),
        Just(Restart::Transient),
        Just(Restart::Temporary),
    ]
}

fn step() -> impl Strategy_<Value = Step> {
    prop_oneof![
        4 => any::<u8>().prop_map(Step::Add),
        8 => any::<prop::sample::Index>().prop_map(Step::Start),
        4 => any::<prop::sample::Index>().prop_map(Step::Crash),
        4 => any::<prop::sample::Index>().prop_map(Step::Leave),
        3 => (0u64..8).prop_map(Step::Terminate),
        3 => (0u64..8).prop_map(Step::Restart),
        2 => (0u64..8).prop_map(Step::Delete),
        3 => (0u64..8).prop_map(Step::Cycle),
        3 => (0u64..8, 0u64..2_000).prop_map(|(key, ms)| Step::Drain(key, ms)),
        4 => (0u64..3_000).prop_map(Step::Pass),
        1 => (strategies(), auto_shutdowns(), 0u32..20)
            .prop_map(|(strategy, auto, most)| Step::Change(strategy, auto, most)),
        2 => (0u64..8, restarts(), any::<bool>())
            .prop_map(|(key, restart, is_significant)| Step::ChangeChild(key, restart, is_significant)),
        1 => Just(Step::ShutDown),
    ]
}

proptest! {
    /// Whatever children and callers do: at most one life per child, every
    /// caller answered once, nothing starts after the end, and it comes to
    /// rest with every permanent child up or put down by command.
    #[test]
    fn a_plan_keeps_its_promises(
        strategy in strategies(),
        auto_shutdown in auto_shutdowns(),
        dynamic in any::<bool>(),
        rests in any::<bool>(),
        children in 0u32..5,
        intensity in 0u32..20,
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let shape = if dynamic && strategy == Strategy::OneForOne {
            Shape::Dynamic
        } else {
            Shape::Ordered
        };
        let backoff = if rests {
            Backoff::constant(Duration::from_millis(500))
        } else {
            Backoff::none()
        };
        let intensity = Intensity::new(intensity, Duration::from_secs(5));
        let settings = Settings { strategy, intensity, backoff, auto_shutdown, ..Settings::default() };
        let mut world = World::with(shape, settings);
        if shape == Shape::Ordered {
            for child in 0..children {
                world.plan.enrol(child, &policy(Restart::Permanent));
            }
        }
        world.feed(|plan, now, out| plan.boot(now, out));
        let mut ids = 0..;
        for step in steps {
            match step {
                Step::Add(kind) => {
                    let restart = match kind % 3 {
                        0 => Restart::Permanent,
                        1 => Restart::Transient,
                        _ => Restart::Temporary,
                    };
                    let policy = Policy {
                        is_significant: kind > 127 && restart != Restart::Permanent,
                        ..policy(restart)
                    };
                    let token = world.token();
                    let id = ids.next().expect("numbers do not end");
                    world.feed(|plan, _, out| {
                        plan.add(0, id, &policy, token, out);
                    });
                }
                Step::Start(at) => {
                    let keys: Vec<_> = world.lives.keys().copied().collect();
                    if !keys.is_empty() {
                        world.start(keys[at.index(keys.len())]);
                    }
                }
                Step::Crash(at) | Step::Leave(at) => {
                    let exit = match step {
                        Step::Crash(_) => Exit::Killed,
                        _ => Exit::Normal,
                    };
                    let keys: Vec<_> = world.lives.keys().copied().collect();
                    if !keys.is_empty() {
                        world.end(keys[at.index(keys.len())], exit);
                    }
                }
                Step::Terminate(key) => {
                    let token = world.token();
                    world.feed(|plan, now, out| plan.terminate(key, token, now, out));
                }
                Step::Restart(key) => {
                    let token = world.token();
                    world.feed(|plan, _, out| plan.restart(key, token, out));
                }
                Step::Delete(key) => {
                    let token = world.token();
                    world.feed(|plan, _, out| plan.delete(key, token, out));
                }
                Step::Cycle(key) => {
                    let token = world.token();
                    world.feed(|plan, now, out| plan.cycle(key, token, now, out));
                }
                Step::Drain(key, ms) => {
                    let token = world.token();
                    let by = world.now.checked_add(Duration::from_millis(ms));
                    world.feed(|plan, now, out| plan.drain_child(key, by, token, now, out));
                }
                Step::Change(strategy, auto_shutdown, most) => {
                    let token = world.token();
                    let change = SupervisorChange::new()
                        .strategy(strategy)
                        .auto_shutdown(auto_shutdown)
                        .intensity(most, Duration::from_secs(5));
                    world.feed(|plan, _, out| plan.reconfigure(change, token, out));
                }
                Step::ChangeChild(key, restart, is_significant) => {
                    let token = world.token();
                    let change = ChildChange::new().restart(restart);
                    let change = match is_significant {
                        true => change.significant(),
                        false => change.insignificant(),
                    };
                    world.feed(|plan, _, out| plan.reconfigure_child(key, change, token, out));
                }
                Step::Pass(ms) => world.tick(Duration::from_millis(ms)),
                Step::ShutDown => world.feed(|plan, now, out| {
                    plan.shut_down(Exit::shutdown(), Manner::Stop, now, out);
                }),
            }
        }
        world.settle();
        prop_assert!(world.waiting.is_empty(), "unanswered: {:?} {:?}", world.waiting, world.log);
        if world.plan.is_ending() {
            prop_assert!(world.is_finished, "an end that does not end: {:?}", world.log);
            prop_assert!(world.lives.is_empty());
        } else {
            for (key, member) in world.plan.members() {
                let is_up = world.lives.contains_key(&key);
                prop_assert_eq!(is_up, member.status == Status::Up, "{}: {:?}", key, world.log);
                if !is_up {
                    prop_assert!(member.has_ended, "{} is forgotten: {:?}", key, world.log);
                }
            }
        }
    }
}
