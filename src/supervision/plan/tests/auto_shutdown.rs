//! When a plan ends because its significant children have.

use super::*;

fn significant(restart: Restart) -> Policy {
    Policy {
        is_significant: true,
        ..policy(restart)
    }
}

fn world(auto_shutdown: AutoShutdown, strategy: Strategy, children: &[Policy]) -> World {
    let settings = Settings {
        strategy,
        auto_shutdown,
        intensity: Intensity::new(5, Duration::from_secs(3600)),
        ..Settings::default()
    };
    let mut world = World::with(Shape::Ordered, settings);
    for (n, policy) in (0..).zip(children) {
        world.plan.enrol(n, policy);
    }
    world.feed(|plan, now, out| plan.boot(now, out));
    world
}

fn settled(auto_shutdown: AutoShutdown, strategy: Strategy, children: &[Policy]) -> World {
    let mut world = world(auto_shutdown, strategy, children);
    world.settle();
    world.log.clear();
    world
}

const ONE: Strategy = Strategy::OneForOne;

#[test]
fn an_end_by_itself_that_is_not_restarted_ends_all_in_reverse_order() {
    for (restart, exit) in [
        (Restart::Transient, Exit::Normal),
        (Restart::Transient, Exit::shutdown()),
        (Restart::Temporary, Exit::Normal),
        (Restart::Temporary, Exit::Killed),
    ] {
        let plain = policy(Restart::Permanent);
        let children = [plain.clone(), significant(restart), plain];
        let mut world = settled(AutoShutdown::AnySignificant, ONE, &children);
        world.end(1, exit);
        assert_eq!(world.log.last().unwrap(), "Stop(2)", "{:?}", world.log);
        world.end(2, Exit::shutdown());
        assert_eq!(world.log.last().unwrap(), "Stop(0)");
        world.end(0, Exit::shutdown());
        assert!(world.is_finished);
        assert!(
            world
                .log
                .last()
                .unwrap()
                .contains("a significant child ended")
        );
    }
}

#[test]
fn a_crash_that_is_restarted_and_the_end_of_an_ordinary_child_end_nothing() {
    let children = [significant(Restart::Transient), policy(Restart::Temporary)];
    let mut world = settled(AutoShutdown::AnySignificant, ONE, &children);
    world.end(0, Exit::Killed);
    world.end(1, Exit::Normal);
    world.settle();
    assert!(!world.plan.is_ending(), "{:?}", world.log);
    assert_eq!(world.lives.len(), 1);
}

#[test]
fn the_last_of_all_counts_those_that_are_being_restarted() {
    let children = [
        significant(Restart::Transient),
        significant(Restart::Transient),
        significant(Restart::Temporary),
    ];
    let mut world = settled(AutoShutdown::AllSignificant, ONE, &children);
    world.end(1, Exit::Normal);
    world.end(0, Exit::Killed);
    // It is being started again.
    world.end(2, Exit::Normal);
    assert!(!world.plan.is_ending());
    world.start(0);
    world.end(0, Exit::Normal);
    assert!(world.is_finished, "{:?}", world.log);
}

#[test]
fn one_ended_by_command_ends_nothing_and_is_not_waited_for() {
    for auto_shutdown in [AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
        let children = [
            significant(Restart::Transient),
            significant(Restart::Temporary),
        ];
        let mut world = settled(auto_shutdown, ONE, &children);
        let token = world.token();
        world.feed(|plan, now, out| plan.terminate(1, token, now, out));
        // It ends by itself while the other is still being stopped.
        if auto_shutdown == AutoShutdown::AllSignificant {
            world.end(0, Exit::Normal);
            assert!(world.plan.is_ending(), "{:?}", world.log);
        }
        world.settle();
        let is_all = auto_shutdown == AutoShutdown::AllSignificant;
        assert_eq!(world.is_finished, is_all, "{:?}", world.log);
    }
}

#[test]
fn one_stopped_with_its_siblings_ends_nothing() {
    let children = [
        policy(Restart::Permanent),
        significant(Restart::Transient),
        significant(Restart::Temporary),
    ];
    for auto_shutdown in [AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
        let mut world = settled(auto_shutdown, Strategy::OneForAll, &children);
        world.end(0, Exit::Killed);
        // About to be stopped, it ends by itself: as if it had been stopped.
        world.end(1, Exit::Normal);
        world.settle();
        assert!(!world.plan.is_ending(), "{:?}", world.log);
        assert_eq!(world.lives.len(), 2, "the temporary one is gone");
    }
}

#[test]
fn an_end_during_the_first_start_waits_until_all_are_up() {
    for auto_shutdown in [AutoShutdown::AnySignificant, AutoShutdown::AllSignificant] {
        let children = [
            significant(Restart::Transient),
            significant(Restart::Transient),
        ];
        let mut world = world(auto_shutdown, ONE, &children);
        world.start(0);
        world.end(0, Exit::Normal);
        assert!(!world.plan.is_ending(), "{:?}", world.log);
        world.start(1);
        let booted = world.log.iter().position(|line| line == "Booted(Ok(()))");
        let stopped = world.log.iter().position(|line| line == "Stop(1)");
        let is_any = auto_shutdown == AutoShutdown::AnySignificant;
        assert_eq!(stopped.is_some(), is_any, "{:?}", world.log);
        assert!(booted.is_some() && (!is_any || booted < stopped));
        assert_eq!(world.plan.is_ending(), is_any, "the second one is up");
    }
}

#[test]
fn a_crash_during_the_first_start_is_repaired_after_an_end_that_is_not_the_last() {
    let children = [
        significant(Restart::Transient),
        policy(Restart::Permanent),
        significant(Restart::Transient),
    ];
    let mut world = world(AutoShutdown::AllSignificant, ONE, &children);
    world.start(0);
    world.end(0, Exit::Normal);
    world.start(1);
    world.end(1, Exit::Killed);
    world.settle();
    assert!(!world.plan.is_ending());
    assert_eq!(world.lives.len(), 2, "{:?}", world.log);
}

#[test]
fn an_end_while_others_are_restarted_ends_the_restart_too() {
    let children = [
        significant(Restart::Transient),
        policy(Restart::Permanent),
        policy(Restart::Permanent),
    ];
    let mut world = settled(
        AutoShutdown::AnySignificant,
        Strategy::RestForOne,
        &children,
    );
    world.end(1, Exit::Killed);
    world.end(2, Exit::shutdown());
    assert_eq!(world.lives.get(&1), Some(&Life::Starting));
    world.end(0, Exit::Normal);
    assert_eq!(world.log.last().unwrap(), "Stop(1)", "{:?}", world.log);
    world.end(1, Exit::shutdown());
    assert!(world.is_finished, "the third was not started any more");
}

#[test]
fn a_significant_child_is_refused_where_its_end_would_not_matter() {
    let mut world = settled(AutoShutdown::Never, ONE, &[]);
    let token = world.token();
    let newcomer = significant(Restart::Transient);
    world.feed(|plan, _, out| {
        assert_eq!(plan.add(0, 0, &newcomer, token, out), None);
    });
    assert!(world.log[0].contains("Refused"), "{:?}", world.log);
    assert!(world.waiting.is_empty());
    assert!(significant(Restart::Permanent).validate().is_err());
}

#[test]
fn a_child_that_ended_before_it_was_up_answers_whoever_asked_for_it() {
    let mut world = settled(AutoShutdown::Never, ONE, &[]);
    let (token, newcomer) = (world.token(), policy(Restart::Temporary));
    world.feed(|plan, _, out| {
        plan.add(0, 0, &newcomer, token, out);
    });
    world.lives.clear();
    // Its task was dropped halfway: it never said how it ended.
    world.feed(|plan, now, out| plan.ended(0, End::Exited(Exit::Killed), now, 0.5, out));
    assert!(world.waiting.is_empty(), "{:?}", world.log);
}
