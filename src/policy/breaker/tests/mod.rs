//! What a breaker does, with numbers.

use std::time::{Duration, Instant};

use super::Outcome::{Failure, Ignored, Success};
use super::*;

mod conformance;
mod properties;
mod settings;

const OPEN_FOR: Duration = Duration::from_secs(60);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Asks and reports at once.
fn call(breaker: &mut Breaker, outcome: Outcome, now: Instant) -> Vec<Event> {
    let mut told = Vec::new();
    let permit = breaker
        .admit_with(|| now, &mut |event| told.push(event))
        .expect("the call should be admitted");
    breaker.record_with(permit, outcome, || now, &mut |event| told.push(event));
    told
}

fn calls(breaker: &mut Breaker, outcomes: &[Outcome], now: Instant) -> Vec<Event> {
    let events = outcomes.iter().map(|&outcome| call(breaker, outcome, now));
    events.flatten().collect()
}

/// Asks at `at`, and reports so much later.
fn call_taking(breaker: &mut Breaker, outcome: Outcome, at: Instant, took: Duration) -> Vec<Event> {
    let mut told = Vec::new();
    let permit = breaker.admit(at).expect("the call should be admitted");
    breaker.record_with(permit, outcome, || at + took, &mut |event| told.push(event));
    told
}

fn tripped_at(now: Instant, config: BreakerConfig) -> Breaker {
    let mut breaker = Breaker::new(config);
    while breaker.state() == State::Closed {
        call(&mut breaker, Failure, now);
    }
    breaker
}

/// Half-open at `now`, without a probe.
fn resting_until(now: Instant, config: BreakerConfig) -> Breaker {
    let mut breaker = Breaker::new(config);
    let since = now - breaker.config().open_for;
    breaker.turn(State::Open, since).expect("it may open");
    breaker.tick(now);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker
}

fn admitted(breaker: &mut Breaker, tries: usize, now: Instant) -> usize {
    (0..tries).filter(|_| breaker.admit(now).is_ok()).count()
}

fn causes(events: &[Event]) -> Vec<Cause> {
    let cause = |event: &Event| match event {
        Event::Changed(transition) => Some(transition.cause),
        _ => None,
    };
    events.iter().filter_map(cause).collect()
}

fn thresholds(events: &[Event]) -> Vec<Threshold> {
    let threshold = |event: &Event| match event {
        Event::ThresholdExceeded(threshold) => Some(*threshold),
        _ => None,
    };
    events.iter().filter_map(threshold).collect()
}

#[test]
fn the_fifth_failure_in_a_row_opens_it() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(BreakerConfig::default());
    calls(&mut breaker, &[Failure; 4], t0);
    assert_eq!(breaker.state(), State::Closed);
    let told = call(&mut breaker, Failure, t0);
    let (from, to, cause) = (State::Closed, State::Open, Cause::Tripped);
    let recorded = Event::Recorded {
        outcome: Failure,
        is_slow: false,
    };
    assert_eq!(
        told,
        [
            recorded,
            Event::ThresholdExceeded(Threshold::Consecutive(5)),
            Event::Changed(Transition { from, to, cause }),
        ]
    );
}

#[test]
fn a_success_ends_a_row_of_failures_and_an_ignored_call_does_not() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(BreakerConfig::consecutive(2));
    calls(&mut breaker, &[Failure, Success, Failure, Ignored], t0);
    assert_eq!(breaker.state(), State::Closed);
    calls(&mut breaker, &[Failure], t0);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn any_of_several_conditions_opens_it() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(0.5)
        .or_consecutive(2)
        .or_slow_rate(0.5, secs(1));
    let mut row = Breaker::new(config.clone());
    let told = calls(&mut row, &[Failure, Failure], t0);
    assert_eq!(thresholds(&told), [Threshold::Consecutive(2)]);

    let mut slow = Breaker::new(config.min_calls(2));
    call_taking(&mut slow, Success, t0, secs(1));
    let told = call_taking(&mut slow, Success, t0, secs(2));
    assert_eq!(thresholds(&told), [Threshold::SlowRate(1.0)]);
}

#[test]
fn an_open_breaker_rejects_and_says_how_long() {
    let t0 = Instant::now();
    let mut breaker = tripped_at(t0, BreakerConfig::default().open_for(secs(5)));
    let rejected = breaker.admit(t0 + secs(3)).unwrap_err();
    assert_eq!(rejected.retry_after, secs(2));
    assert_eq!(rejected.to_string(), "the breaker is open, retry after 2s");
}

#[test]
fn with_all_probes_out_it_says_when_the_trial_lapses() {
    let t0 = Instant::now();
    let mut breaker = resting_until(t0, BreakerConfig::default().probes(4));
    assert_eq!(admitted(&mut breaker, 6, t0), 4);
    let rejected = breaker.admit(t0 + secs(20)).unwrap_err();
    assert_eq!(rejected.retry_after, secs(40), "until half-open lapses");
}

#[test]
fn two_probes_in_a_row_close_it_with_a_clean_slate() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(0.5).window(2).min_calls(2);
    let mut breaker = resting_until(t0, config);
    assert_eq!(causes(&call(&mut breaker, Success, t0)), []);
    let second = call(&mut breaker, Success, t0);
    assert_eq!(causes(&second), [Cause::Recovered]);
    assert_eq!(breaker.metrics(t0), Metrics::default());
    call(&mut breaker, Failure, t0);
    assert_eq!(breaker.state(), State::Closed, "old failures are gone");
}

#[test]
fn after_a_recovery_the_row_of_failures_starts_at_none() {
    let t0 = Instant::now();
    let mut breaker = tripped_at(t0, BreakerConfig::consecutive(2).success_threshold(1));
    calls(&mut breaker, &[Success, Failure], t0 + OPEN_FOR);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_failed_probe_opens_it_for_another_wait() {
    let t0 = Instant::now();
    let mut breaker = resting_until(t0, BreakerConfig::default());
    call(&mut breaker, Success, t0);
    let failed = call(&mut breaker, Failure, t0 + secs(1));
    assert_eq!(causes(&failed), [Cause::ProbeFailed]);
    let rejected = breaker.admit(t0 + secs(2)).unwrap_err();
    let left = OPEN_FOR - secs(1);
    assert_eq!(rejected.retry_after, left, "counted from the failure");
}

#[test]
fn a_slow_probe_is_no_success_where_slow_calls_can_trip_it() {
    let t0 = Instant::now();
    let slow_trips = BreakerConfig::slow_rate(0.5, secs(1));
    let mut breaker = resting_until(t0, slow_trips);
    call_taking(&mut breaker, Success, t0, secs(2));
    assert_eq!(breaker.state(), State::Open);

    let mut slow_counts = BreakerConfig::consecutive(1);
    slow_counts.slow_after = Some(secs(1));
    let mut breaker = resting_until(t0, slow_counts);
    call_taking(&mut breaker, Success, t0, secs(2));
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn a_probe_that_never_comes_back_opens_it_again_and_then_the_next_may_try() {
    let t0 = Instant::now();
    let config = BreakerConfig::default()
        .open_for(secs(10))
        .half_open_for(secs(4));
    let mut breaker = tripped_at(t0, config);
    let lost = breaker.admit(t0 + secs(10)).expect("it has rested");

    let rejected = breaker.admit(t0 + secs(15)).unwrap_err();
    let since_it_lapsed = secs(9);
    assert_eq!(rejected.retry_after, since_it_lapsed, "a second ago");

    let later = t0 + secs(24);
    let next = breaker.admit(later).expect("it has rested again");
    breaker.record(lost, Failure, later);
    assert_eq!(breaker.state(), State::HalfOpen, "the lost one is too late");
    breaker.record(next, Success, later);
    assert_eq!(breaker.metrics(later).calls, 1);
}

#[test]
fn a_lapse_that_nobody_noticed_costs_no_call() {
    let t0 = Instant::now();
    let mut breaker = tripped_at(t0, BreakerConfig::default());
    let _ = breaker.admit(t0 + OPEN_FOR).expect("it has rested");
    let mut told = Vec::new();
    let much_later = t0 + secs(3_600);
    let permit = breaker.admit_with(|| much_later, &mut |event| told.push(event));
    assert!(permit.is_ok(), "it lapsed and rested meanwhile");
    assert_eq!(causes(&told), [Cause::Lapsed, Cause::Rested]);
}

#[test]
fn a_result_from_before_the_change_has_no_effect() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(BreakerConfig::consecutive(1).success_threshold(1));
    let late = [(); 3].map(|()| breaker.admit(t0).expect("closed"));
    call(&mut breaker, Failure, t0);

    breaker.record(late[0], Success, t0);
    assert_eq!(breaker.state(), State::Open);
    let probe = breaker.admit(t0 + OPEN_FOR).expect("it has rested");
    breaker.record(late[1], Success, t0 + OPEN_FOR);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.record(probe, Success, t0 + OPEN_FOR);
    breaker.record(late[2], Failure, t0 + OPEN_FOR);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_crash_counts_without_a_call_and_ends_a_trial() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(BreakerConfig::consecutive(2));
    breaker.strike(t0);
    assert_eq!(breaker.metrics(t0).failed, 1);
    breaker.strike(t0);
    assert_eq!(breaker.state(), State::Open);
    breaker.strike(t0);
    assert_eq!(breaker.due(), Some(t0 + OPEN_FOR));

    let mut told = Vec::new();
    breaker.strike_with(t0 + OPEN_FOR, &mut |event| told.push(event));
    assert_eq!(causes(&told), [Cause::Rested, Cause::ProbeFailed]);
    assert_eq!(breaker.due(), Some(t0 + 2 * OPEN_FOR));
}

#[test]
fn a_reset_forgets_everything_and_says_so() {
    let t0 = Instant::now();
    let mut breaker = tripped_at(t0, BreakerConfig::default());
    let mut told = Vec::new();
    breaker.reset_with(t0, &mut |event| told.push(event));
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(causes(&told), [Cause::ByHand]);
    assert_eq!(told.last(), Some(&Event::Reset));
    calls(&mut breaker, &[Failure; 4], t0);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_closed_breaker_without_slow_calls_reads_no_clock() {
    let mut breaker = Breaker::new(BreakerConfig::consecutive(2).or_failure_rate(0.5));
    let unread = || -> Instant { panic!("it was read") };
    let permit = breaker.admit_with(unread, &mut |_| {}).expect("closed");
    breaker.record_with(permit, Failure, unread, &mut |_| {});
    assert_eq!(breaker.metrics(Instant::now()).failed, 1);
}

#[test]
fn new_settings_hold_at_once() {
    let t0 = Instant::now();
    let mut open = tripped_at(t0, BreakerConfig::default());
    open.reconfigure(BreakerConfig::default().open_for(secs(10)), t0 + secs(4));
    let rejected = open.admit(t0 + secs(4)).unwrap_err();
    assert_eq!(rejected.retry_after, secs(6), "it has been open for four");

    let mut closed = Breaker::new(BreakerConfig::default());
    calls(&mut closed, &[Failure; 3], t0);
    closed.reconfigure(BreakerConfig::consecutive(4), t0);
    calls(&mut closed, &[Failure], t0);
    assert_eq!(closed.state(), State::Open, "what was counted still counts");

    let mut other = Breaker::new(BreakerConfig::failure_rate(0.5).min_calls(2));
    calls(&mut other, &[Failure], t0);
    let by_time = BreakerConfig::failure_rate(0.5)
        .min_calls(2)
        .time_window(secs(1));
    other.reconfigure(by_time, t0);
    assert_eq!(other.metrics(t0).calls, 0, "it counts in another way now");
}

#[test]
fn a_trial_begins_again_with_new_settings() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(0.5).recovery_by_rates(4);
    let mut breaker = resting_until(t0, config.clone());
    let old = [(); 4].map(|()| breaker.admit(t0).expect("a probe"));
    breaker.reconfigure(config.probes(1), t0 + secs(1));
    assert_eq!(admitted(&mut breaker, 3, t0 + secs(1)), 1);
    for permit in old {
        breaker.record(permit, Failure, t0 + secs(1));
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    let lapses = breaker.due().expect("it lapses");
    assert_eq!(lapses, t0 + secs(1) + OPEN_FOR);
}

#[test]
fn a_window_of_time_forgets_step_by_step_and_never_all_at_once() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(1.0)
        .min_calls(1_000)
        .time_window(secs(60));
    let mut breaker = Breaker::new(config);
    for second in 0..60 {
        call(&mut breaker, Failure, t0 + secs(second));
    }
    assert_eq!(breaker.metrics(t0 + secs(59)).calls, 60);
    assert_eq!(breaker.metrics(t0 + secs(60)).calls, 59);
    assert_eq!(breaker.metrics(t0 + secs(89)).calls, 30);
    call(&mut breaker, Success, t0 + secs(89));
    assert_eq!(breaker.metrics(t0 + secs(89)).calls, 31);
    assert_eq!(breaker.metrics(t0 + secs(119)).calls, 1);
    assert_eq!(breaker.metrics(t0 + secs(10_000)).calls, 0);
}
