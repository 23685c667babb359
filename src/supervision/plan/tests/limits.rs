//! Children whose restarts follow limits of their own.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use super::*;
use crate::actor::Limits;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn limited(backoff: Option<Backoff>, intensity: Option<Intensity>) -> Policy {
    Policy {
        limits: Some(
            Limits {
                backoff,
                intensity,
                rest: None,
            }
            .into(),
        ),
        ..policy(Restart::Permanent)
    }
}

fn settled(settings: Settings, children: &[Policy]) -> World {
    let mut world = World::with(Shape::Ordered, settings);
    for (n, policy) in (0..).zip(children) {
        world.plan.enrol(n, policy);
    }
    world.feed(|plan, now, out| plan.boot(now, out));
    world.settle();
    world.log.clear();
    world
}

fn crash(world: &mut World, key: Key) {
    world.end(key, Exit::Killed);
    world.settle();
}

#[test]
fn restarts_of_a_child_with_its_own_intensity_are_counted_by_themselves() {
    let settings = Settings {
        intensity: Intensity::new(1, secs(60)),
        ..Settings::default()
    };
    let own = limited(None, Some(Intensity::new(3, secs(60))));
    let mut world = settled(settings, &[own, policy(Restart::Permanent)]);
    for _ in 0..3 {
        crash(&mut world, 0);
    }
    assert!(!world.plan.is_ending(), "the supervisor's is 1");
    crash(&mut world, 1);
    assert!(
        !world.plan.is_ending(),
        "those of the other do not count here"
    );
    crash(&mut world, 0);
    assert!(world.is_finished, "the fourth is one too many");
    assert!(world.log.iter().any(|line| line.starts_with("Escalate")));
}

#[test]
fn a_child_with_a_stricter_intensity_escalates_while_others_may_still_crash() {
    let settings = Settings {
        intensity: Intensity::new(9, secs(60)),
        ..Settings::default()
    };
    let own = limited(None, Some(Intensity::new(0, secs(60))));
    let mut world = settled(settings, &[policy(Restart::Permanent), own]);
    crash(&mut world, 0);
    assert!(!world.plan.is_ending());
    crash(&mut world, 1);
    assert!(world.is_finished);
}

#[test]
fn a_child_with_its_own_backoff_waits_its_own_time_and_starts_over_when_healthy() {
    let settings = Settings {
        intensity: Intensity::new(100, secs(1)),
        backoff: Backoff::constant(secs(50)),
        ..Settings::default()
    };
    let own = limited(Some(Backoff::exponential(secs(1)..=secs(8))), None);
    let mut world = settled(settings, &[own, policy(Restart::Permanent)]);
    let mut waits = Vec::new();
    for healthy in [0, 0, 0, 60] {
        world.tick(secs(healthy));
        let began = world.now;
        crash(&mut world, 0);
        waits.push((world.now - began).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 1]);
    let began = world.now;
    crash(&mut world, 1);
    assert_eq!(
        world.now - began,
        secs(50),
        "the other follows the supervisor"
    );
}

/// One that rests at its limit of one restart a minute: 10, 20, 40 seconds.
fn resting() -> Policy {
    let mut policy = limited(None, Some(Intensity::new(1, secs(60))));
    policy.limits().rest = Some(Backoff::exponential(secs(10)..=secs(40)).reset_after(secs(10)));
    policy
}

/// Crashes it; returns how long it was down, in seconds, and whether nobody was
/// to ask it meanwhile.
fn down_for(world: &mut World, key: Key) -> (u64, bool) {
    world.log.clear();
    let began = world.now;
    crash(world, key);
    let is_shut = world.log.contains(&format!("Shut({key})"));
    ((world.now - began).as_secs(), is_shut)
}

#[test]
fn b9_a_child_that_rests_at_its_limit_is_not_given_up_and_its_next_start_is_the_probe() {
    let mut world = settled(
        Settings::default(),
        &[resting(), policy(Restart::Permanent)],
    );
    assert_eq!(down_for(&mut world, 0), (0, false), "one is allowed");
    assert_eq!(down_for(&mut world, 0), (10, true), "the second is not");
    assert_eq!(down_for(&mut world, 0), (20, true), "the probe failed");
    assert_eq!(down_for(&mut world, 0), (40, true));
    assert_eq!(down_for(&mut world, 0), (40, true), "the longest");
    assert!(!world.plan.is_ending());
    crash(&mut world, 1);
    assert!(!world.plan.is_ending(), "its restarts are its own");
}

#[test]
fn b9_after_a_run_as_long_as_its_first_rest_it_is_trusted_again() {
    let mut world = settled(Settings::default(), &[resting()]);
    crash(&mut world, 0);
    assert_eq!(down_for(&mut world, 0), (10, true));
    world.tick(secs(100));
    assert_eq!(
        down_for(&mut world, 0),
        (0, false),
        "as one that never rested"
    );
    assert_eq!(down_for(&mut world, 0), (10, true), "its rests start over");
}

#[test]
fn b9_a_start_that_fails_after_a_rest_is_a_probe_that_failed() {
    let mut world = settled(Settings::default(), &[resting()]);
    crash(&mut world, 0);
    world.end(0, Exit::Killed);
    world.tick(secs(10));
    world.log.clear();
    world.end(0, Exit::Killed);
    assert!(world.log.contains(&"Shut(0)".to_owned()), "{:?}", world.log);
    let due = world.plan.next_due().expect("it rests again");
    assert_eq!(due - world.now, secs(20));
}

/// So many restarts and no more.
#[derive(Debug)]
struct Few(AtomicU32);

impl Few {
    fn left(&self) -> u32 {
        self.0.load(SeqCst)
    }
}

impl Allowance for Few {
    fn take(&self, _now: Instant) -> Verdict {
        if self.left() == 0 {
            return Verdict::Exceeded;
        }
        self.0.fetch_sub(1, SeqCst);
        Verdict::Within
    }
}

fn with_two_left(max_restarts: u32) -> (World, Arc<Few>) {
    let settings = Settings {
        intensity: Intensity::new(max_restarts, secs(60)),
        ..Settings::default()
    };
    let mut world = settled(settings, &[policy(Restart::Permanent)]);
    let few = Arc::new(Few(AtomicU32::new(2)));
    world.plan.allowance = Some(Arc::clone(&few) as Arc<dyn Allowance>);
    (world, few)
}

#[test]
fn when_the_budget_of_all_is_spent_a_child_is_not_restarted_and_its_supervisor_escalates() {
    let (mut world, _) = with_two_left(9);
    crash(&mut world, 0);
    crash(&mut world, 0);
    assert_eq!((world.launches, world.plan.is_ending()), (3, false));
    crash(&mut world, 0);
    assert_eq!((world.launches, world.is_finished), (3, true));
    assert!(world.log.iter().any(|line| line.starts_with("Escalate")));
}

#[test]
fn a_restart_that_the_intensity_refuses_takes_nothing_from_the_budget() {
    let (mut world, few) = with_two_left(0);
    crash(&mut world, 0);
    assert_eq!((world.is_finished, few.left()), (true, 2));
}

#[test]
fn limits_that_make_no_sense_are_refused() {
    let own = limited(None, Some(Intensity::new(1, Duration::ZERO)));
    assert!(matches!(
        own.validate(),
        Err(crate::actor::InvalidSpec::Intensity(_))
    ));
    let own = limited(Some(Backoff::exponential(secs(2)..=secs(1))), None);
    assert!(matches!(
        own.validate(),
        Err(crate::actor::InvalidSpec::Backoff(_))
    ));
}

#[test]
fn of_the_reasons_the_last_are_kept_and_the_others_are_handed_out_to_be_dropped() {
    let settings = Settings {
        intensity: Intensity::new(99, secs(1)),
        reasons: 2,
        ..Settings::default()
    };
    let mut world = settled(settings, &[policy(Restart::Permanent)]);
    let kept = |world: &World| {
        let member = world.plan.member(0).unwrap();
        let exits: Vec<_> = member.reasons().map(|r| r.exit.to_string()).collect();
        exits
    };
    for exit in [Exit::Killed, Exit::Normal, Exit::failed("scripted")] {
        world.end(0, exit);
        world.settle();
    }
    assert_eq!(kept(&world), ["normal", "failed: scripted"]);
    let dropped = |world: &World| world.log.iter().filter(|l| l.starts_with("Drop")).count();
    assert_eq!(dropped(&world), 1);
    // A forgotten child takes them with it, and they are not dropped in here.
    let token = world.token();
    world.feed(|plan, now, out| plan.terminate(0, token, now, out));
    world.settle();
    let token = world.token();
    world.feed(|plan, _, out| plan.delete(0, token, out));
    assert_eq!(dropped(&world), 3);
}

#[test]
fn a_member_that_never_crashed_is_small() {
    // The child itself takes 16 bytes where it is an actor.
    assert!(size_of::<Member<[usize; 2]>>() <= 72);
    let world = settled(Settings::default(), &[policy(Restart::Permanent)]);
    assert!(world.plan.member(0).unwrap().rare.is_none());
}
