//! Plans that are changed while they run.

use super::*;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Gives the plan a command and returns its answer.
fn ask(
    world: &mut World,
    command: impl FnOnce(&mut Plan<u32>, Instant, Token, &mut Effects<u32>),
) -> String {
    let token = world.token();
    world.feed(|plan, now, out| command(plan, now, token, out));
    let given = format!("Answer({token}, ");
    let answer = world.log.iter().find_map(|line| line.strip_prefix(&given));
    let answer = answer.expect("it is answered at once");
    answer.trim_end_matches(')').to_owned()
}

fn change(world: &mut World, change: SupervisorChange) -> String {
    ask(world, |plan, _, token, out| {
        plan.reconfigure(change, token, out)
    })
}

fn change_child(world: &mut World, key: Key, change: ChildChange) -> String {
    ask(world, |plan, _, token, out| {
        plan.reconfigure_child(key, change, token, out);
    })
}

#[test]
fn a_changed_strategy_holds_from_the_next_failure_on() {
    let mut world = booted(Strategy::OneForOne, 3);
    assert_eq!(
        change(
            &mut world,
            SupervisorChange::new().strategy(Strategy::RestForOne)
        ),
        "Done"
    );
    world.end(1, Exit::Killed);
    assert_eq!(world.log.last().unwrap(), "Stop(2)");
    // The restart under way ends as it began.
    change(
        &mut world,
        SupervisorChange::new().strategy(Strategy::OneForOne),
    );
    world.settle();
    assert_eq!((world.launches, world.lives.len()), (5, 3));
    world.end(1, Exit::Killed);
    world.settle();
    assert_eq!(world.launches, 6);
}

#[test]
fn a_group_whose_start_fails_after_a_change_of_strategy_is_restarted_as_it_began() {
    let mut world = booted(Strategy::OneForAll, 3);
    world.end(0, Exit::Killed);
    world.end(2, Exit::shutdown());
    world.end(1, Exit::shutdown());
    change(
        &mut world,
        SupervisorChange::new().strategy(Strategy::OneForOne),
    );
    world.start(0);
    // An earlier one crashes, and then the one whose turn it is.
    world.end(0, Exit::Killed);
    world.end(1, Exit::Killed);
    world.settle();
    assert_eq!(world.lives.len(), 3, "{:?}", world.log);
}

#[test]
fn a_child_that_is_to_start_again_with_its_siblings_cannot_become_temporary() {
    let mut world = booted(Strategy::OneForAll, 3);
    world.end(2, Exit::Killed);
    // It is up, and to be stopped and started again.
    let temporary = ChildChange::new().restart(Restart::Temporary);
    let refused = change_child(&mut world, 0, temporary);
    assert!(refused.contains("being restarted"), "{refused}");
    world.settle();
    assert_eq!(world.lives.len(), 3);
}

#[test]
fn restarts_so_far_count_under_a_changed_intensity() {
    let mut world = booted(Strategy::OneForOne, 1);
    for _ in 0..2 {
        world.end(0, Exit::Killed);
        world.settle();
    }
    change(
        &mut world,
        SupervisorChange::new().intensity(3, secs(3_600)),
    );
    world.end(0, Exit::Killed);
    world.settle();
    assert!(!world.plan.is_ending(), "the old limit was 2");
    change(
        &mut world,
        SupervisorChange::new().intensity(1, secs(3_600)),
    );
    world.end(0, Exit::Killed);
    world.settle();
    assert!(world.is_finished);
}

#[test]
fn a_changed_backoff_holds_for_the_next_restart() {
    let mut world = booted(Strategy::OneForOne, 1);
    change(
        &mut world,
        SupervisorChange::new().backoff(Backoff::constant(secs(7))),
    );
    world.end(0, Exit::Killed);
    let due = world.plan.next_due().expect("it rests");
    assert_eq!(due - world.now, secs(7));
}

#[test]
fn a_change_that_makes_no_sense_changes_nothing_at_all() {
    let mut world = booted(Strategy::OneForOne, 1);
    let nonsense = SupervisorChange::new()
        .strategy(Strategy::OneForAll)
        .intensity(1, Duration::ZERO);
    assert!(change(&mut world, nonsense).starts_with("Refused"));
    assert_eq!(world.plan.settings.strategy, Strategy::OneForOne);
    assert_eq!(world.plan.settings.intensity.max_restarts, 2);
    let nonsense = ChildChange::new()
        .shutdown(Shutdown::Kill)
        .backoff(Backoff::exponential(secs(2)..=secs(1)));
    assert!(change_child(&mut world, 0, nonsense).starts_with("Refused"));
    let member = world.plan.member(0).unwrap();
    assert_eq!(member.policy(), policy(Restart::Permanent));
}

#[test]
fn significance_and_auto_shutdown_change_in_the_order_that_makes_sense() {
    let mut world = booted(Strategy::OneForOne, 2);
    let any = || SupervisorChange::new().auto_shutdown(AutoShutdown::AnySignificant);
    let never = || SupervisorChange::new().auto_shutdown(AutoShutdown::Never);
    let significant = || ChildChange::new().restart(Restart::Transient).significant();
    assert!(change_child(&mut world, 0, significant()).starts_with("Refused"));
    assert_eq!(change(&mut world, any()), "Done");
    let permanent = ChildChange::new().significant();
    assert!(change_child(&mut world, 0, permanent).starts_with("Refused"));
    assert_eq!(change_child(&mut world, 0, significant()), "Done");
    assert!(change(&mut world, never()).starts_with("Refused"));
    // And back again.
    assert_eq!(
        change_child(&mut world, 0, ChildChange::new().insignificant()),
        "Done"
    );
    assert_eq!(change(&mut world, never()), "Done");
    change(&mut world, any());
    change_child(&mut world, 0, significant());
    world.end(0, Exit::Normal);
    world.settle();
    assert!(world.is_finished);
}

#[test]
fn a_changed_rule_holds_from_the_next_end_on() {
    let mut world = booted(Strategy::OneForOne, 2);
    let transient = ChildChange::new().restart(Restart::Transient);
    assert_eq!(change_child(&mut world, 0, transient), "Done");
    world.end(0, Exit::Normal);
    world.settle();
    assert_eq!(world.plan.member(0).unwrap().status, Status::Down);
    let temporary = || ChildChange::new().restart(Restart::Temporary);
    let refused = change_child(&mut world, 0, temporary());
    assert!(refused.contains("down"), "{refused}");
    assert_eq!(change_child(&mut world, 1, temporary()), "Done");
    world.end(1, Exit::Killed);
    world.settle();
    assert!(world.plan.member(1).is_none(), "forgotten");
    assert_eq!(change_child(&mut world, 1, temporary()), "NotFound");
}

#[test]
fn limits_of_its_own_are_given_and_taken_back() {
    let mut world = booted(Strategy::OneForOne, 1);
    let own = ChildChange::new()
        .intensity(9, secs(3_600))
        .backoff(Backoff::constant(secs(7)));
    change_child(&mut world, 0, own);
    for _ in 0..3 {
        let began = world.now;
        world.end(0, Exit::Killed);
        world.settle();
        assert_eq!(world.now - began, secs(7));
    }
    let none = ChildChange::new()
        .supervisors_intensity()
        .supervisors_backoff();
    change_child(&mut world, 0, none);
    for _ in 0..3 {
        assert!(!world.plan.is_ending());
        world.end(0, Exit::Killed);
        world.settle();
    }
    assert!(world.is_finished, "2 are allowed");
}

#[test]
fn a_replaced_child_is_handed_out_to_be_dropped_and_the_new_one_is_launched_next() {
    let mut world = booted(Strategy::OneForOne, 1);
    let answer = ask(&mut world, |plan, _, token, out| {
        plan.replace(0, 77, token, out)
    });
    assert_eq!(answer, "Done");
    assert_eq!(world.log.last().unwrap(), "Drop(Child(0))");
    assert_eq!(
        world.lives.get(&0),
        Some(&Life::Up),
        "the present one goes on"
    );
    assert_eq!(world.plan.member(0).unwrap().child, 77);
    let answer = ask(&mut world, |plan, _, token, out| {
        plan.replace(5, 78, token, out)
    });
    assert_eq!(answer, "NotFound");
    assert_eq!(world.log.last().unwrap(), "Drop(Child(78))");
}

#[test]
fn a_plan_that_is_ending_is_not_changed() {
    let mut world = booted(Strategy::OneForOne, 1);
    world.feed(|plan, now, out| plan.shut_down(Exit::shutdown(), Manner::Stop, now, out));
    assert_eq!(
        change(&mut world, SupervisorChange::new().reasons(1)),
        "Ending"
    );
    assert_eq!(change_child(&mut world, 0, ChildChange::new()), "Ending");
    let answer = ask(&mut world, |plan, _, token, out| {
        plan.replace(0, 77, token, out)
    });
    assert_eq!(answer, "Ending");
}

#[test]
fn the_next_life_inherits_what_was_changed_in_children_it_began_with() {
    let mut world = booted(Strategy::OneForOne, 2);
    change_child(&mut world, 1, ChildChange::new().shutdown(Shutdown::Kill));
    let (token, newcomer) = (world.token(), policy(Restart::Permanent));
    world.feed(|plan, _, out| {
        plan.add(9, 9, &newcomer, token, out);
    });
    world.settle();
    world.end(1, Exit::Normal);
    world.settle();
    let heirs: Vec<_> = world.plan.heirs().collect();
    assert_eq!(heirs.len(), 2, "the third came later");
    let (key, heir) = &heirs[1];
    assert_eq!((*key, heir.child, heir.reasons.len()), (1, 1, 1));
    assert_eq!(heir.policy.shutdown, Shutdown::Kill);
    let mut next = Plan::new(Shape::Ordered, Settings::default(), world.now);
    let key = next.enrol(heir.child, &heir.policy);
    next.remember(key, heir.reasons.clone());
    assert_eq!(next.member(key).unwrap().reasons().count(), 1);
}
