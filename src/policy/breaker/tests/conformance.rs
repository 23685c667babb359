//! The cases that Resilience4j's tests state, and Nygard's.

use super::*;

fn rate_of_five(threshold: f64) -> BreakerConfig {
    BreakerConfig::failure_rate(threshold)
        .window(5)
        .min_calls(5)
}

/// Four probes, over which the rate of one half decides.
fn trial_of_four() -> BreakerConfig {
    BreakerConfig::failure_rate(0.5)
        .or_slow_rate(0.5, secs(1))
        .open_for(secs(5))
        .recovery_by_rates(4)
}

#[test]
fn cb_01_a_new_breaker_is_closed_and_has_no_rate_before_the_minimum() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(rate_of_five(0.5));
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.metrics(t0), Metrics::default());
    calls(&mut breaker, &[Success; 4], t0);
    assert_eq!(breaker.metrics(t0).failure_rate, None);
    call(&mut breaker, Success, t0);
    assert_eq!(breaker.metrics(t0).failure_rate, Some(0.0));
}

#[test]
fn cb_02_it_opens_with_the_call_that_completes_the_minimum() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(rate_of_five(0.5));
    let first = calls(&mut breaker, &[Failure, Failure, Failure, Success], t0);
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(thresholds(&first), []);

    let fifth = call(&mut breaker, Success, t0);
    assert_eq!(breaker.state(), State::Open);
    let (from, to, cause) = (State::Closed, State::Open, Cause::Tripped);
    assert_eq!(
        fifth[1..],
        [
            Event::ThresholdExceeded(Threshold::FailureRate(0.6)),
            Event::Changed(Transition { from, to, cause }),
        ]
    );
}

#[test]
fn cb_03_a_rate_of_exactly_the_threshold_opens_it() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(0.5).window(4).min_calls(4);
    let mut breaker = Breaker::new(config);
    calls(&mut breaker, &[Success, Failure, Success, Failure], t0);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn cb_05_the_window_slides_call_by_call() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(rate_of_five(0.6));
    calls(&mut breaker, &[Success; 5], t0);
    for failed in [0.2, 0.4] {
        call(&mut breaker, Failure, t0);
        assert_eq!(breaker.metrics(t0).failure_rate, Some(failed));
        assert_eq!(breaker.metrics(t0).calls, 5);
    }
    let third = call(&mut breaker, Failure, t0);
    assert_eq!(thresholds(&third), [Threshold::FailureRate(0.6)]);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn cb_06_a_window_of_time_opens_with_the_sixth_call() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(0.5)
        .min_calls(6)
        .time_window(secs(20));
    let mut breaker = Breaker::new(config);
    let outcomes = [Success, Success, Success, Failure, Failure, Failure];
    for (second, outcome) in (0..).zip(outcomes) {
        assert_eq!(breaker.state(), State::Closed, "before call {second}");
        call(&mut breaker, outcome, t0 + secs(second));
    }
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn cb_07_what_is_older_than_the_window_of_time_is_gone() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(0.5)
        .min_calls(6)
        .time_window(secs(5));
    let mut breaker = Breaker::new(config);
    calls(&mut breaker, &[Failure; 5], t0);
    assert_eq!(breaker.metrics(t0).failed, 5);

    call(&mut breaker, Success, t0 + secs(5) + secs(1));
    let metrics = breaker.metrics(t0 + secs(6));
    assert_eq!((metrics.calls, metrics.failed), (1, 0));
    assert_eq!(metrics.failure_rate, None);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn cb_10_slow_successes_open_it() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(0.5)
        .or_slow_rate(0.6, secs(2))
        .window(5)
        .min_calls(5);
    let mut breaker = Breaker::new(config);
    for took in [3, 0, 2, 1] {
        call_taking(&mut breaker, Success, t0, secs(took));
    }
    assert_eq!(breaker.metrics(t0).slow, 2);
    let fifth = call_taking(&mut breaker, Success, t0, secs(9));
    assert_eq!(thresholds(&fifth), [Threshold::SlowRate(0.6)]);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn cb_11_a_slow_failure_counts_in_both_rates_and_once_in_total() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(1.0)
        .or_slow_rate(1.0, secs(2))
        .window(5)
        .min_calls(2);
    let mut breaker = Breaker::new(config);
    call_taking(&mut breaker, Success, t0, secs(0));
    call_taking(&mut breaker, Failure, t0, secs(2));
    let metrics = breaker.metrics(t0);
    assert_eq!((metrics.calls, metrics.failed, metrics.slow), (2, 1, 1));
    assert_eq!(metrics.failure_rate, Some(0.5));
    assert_eq!(metrics.slow_rate, Some(0.5));
}

#[test]
fn cb_13_after_its_wait_the_first_call_is_a_probe_and_nothing_is_counted_yet() {
    let t0 = Instant::now();
    let mut breaker = tripped_at(t0, BreakerConfig::default().open_for(secs(5)));
    assert!(breaker.admit(t0 + secs(3)).is_err());
    assert_eq!(breaker.state(), State::Open);
    assert!(breaker.admit(t0 + secs(6)).is_ok());
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.metrics(t0 + secs(6)), Metrics::default());
}

#[test]
fn cb_14_without_a_call_or_a_tick_an_open_breaker_reads_open() {
    let t0 = Instant::now();
    let mut breaker = tripped_at(t0, BreakerConfig::default().open_for(secs(5)));
    assert_eq!(breaker.due(), Some(t0 + secs(5)));
    breaker.tick(t0 + secs(5) - Duration::from_nanos(1));
    assert_eq!(breaker.state(), State::Open);
    breaker.tick(t0 + secs(5));
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn cb_16_exactly_as_many_probes_are_admitted_as_the_trial_has() {
    let t0 = Instant::now();
    let mut breaker = resting_until(t0, trial_of_four());
    let mut told = Vec::new();
    let mut tell = |event| told.push(event);
    let admitted = [(); 6].map(|()| breaker.admit_with(|| t0, &mut tell).is_ok());
    assert_eq!(admitted, [true, true, true, true, false, false]);
    let rejections = told
        .iter()
        .filter(|e| matches!(e, Event::NotPermitted { .. }));
    assert_eq!(rejections.count(), 2);
}

#[test]
fn cb_16_a_probe_that_has_answered_makes_no_room_for_a_fifth() {
    let t0 = Instant::now();
    let mut breaker = resting_until(t0, trial_of_four());
    let probes = [(); 4].map(|()| breaker.admit(t0).expect("a probe"));
    breaker.record(probes[0], Success, t0);
    assert_eq!(admitted(&mut breaker, 1, t0), 0);
}

#[test]
fn cb_17_a_trial_below_the_rate_closes_it_with_nothing_counted() {
    let t0 = Instant::now();
    let mut breaker = resting_until(t0, trial_of_four());
    calls(&mut breaker, &[Success, Success, Success], t0);
    assert_eq!(breaker.state(), State::HalfOpen);
    call(&mut breaker, Failure, t0);
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.metrics(t0), Metrics::default());
}

#[test]
fn cb_18_a_trial_above_the_rate_opens_it_and_the_wait_begins_now() {
    let t0 = Instant::now();
    let mut breaker = resting_until(t0, trial_of_four());
    calls(&mut breaker, &[Failure, Failure, Success], t0);
    assert_eq!(breaker.state(), State::HalfOpen);
    call(&mut breaker, Failure, t0 + secs(2));
    assert_eq!(breaker.state(), State::Open);
    let rejected = breaker.admit(t0 + secs(3)).unwrap_err();
    assert_eq!(rejected.retry_after, secs(4));
}

#[test]
fn cb_19_slow_probes_open_it() {
    let t0 = Instant::now();
    let mut breaker = resting_until(t0, trial_of_four());
    for took in [2, 2, 0] {
        call_taking(&mut breaker, Success, t0, secs(took));
    }
    let last = call_taking(&mut breaker, Success, t0, secs(2));
    assert_eq!(thresholds(&last), [Threshold::SlowRate(0.75)]);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn cb_20_an_ignored_probe_gives_its_place_to_the_next() {
    let t0 = Instant::now();
    for config in [
        trial_of_four(),
        BreakerConfig::default().success_threshold(4),
    ] {
        let mut breaker = resting_until(t0, config);
        calls(&mut breaker, &[Success, Success, Success, Ignored], t0);
        assert_eq!(breaker.state(), State::HalfOpen);
        assert!(breaker.admit(t0).is_ok(), "its permit is back");
    }
}

#[test]
fn cb_21_it_closes_only_after_four_that_count() {
    let t0 = Instant::now();
    for config in [
        trial_of_four(),
        BreakerConfig::default().success_threshold(4),
    ] {
        let mut breaker = resting_until(t0, config);
        calls(&mut breaker, &[Ignored; 4], t0);
        calls(&mut breaker, &[Success; 3], t0);
        assert_eq!(breaker.state(), State::HalfOpen);
        call(&mut breaker, Success, t0);
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[test]
fn cb_26_a_trial_that_is_never_full_ends_as_the_settings_say() {
    let t0 = Instant::now();
    let later = t0 + secs(1);
    for (lapse, state) in [(Lapse::Open, State::Open), (Lapse::Closed, State::Closed)] {
        let config = trial_of_four().half_open_for(secs(1)).lapse(lapse);
        let mut breaker = resting_until(t0, config);
        calls(&mut breaker, &[Success, Success], t0);
        let mut told = Vec::new();
        let admitted = breaker.admit_with(|| later, &mut |event| told.push(event));
        assert_eq!(breaker.state(), state);
        assert_eq!(causes(&told), [Cause::Lapsed]);
        assert_eq!(admitted.is_ok(), state == State::Closed);
        assert!(breaker.admit(later + secs(5)).is_ok(), "it is not stuck");
    }
}

#[test]
fn cb_27_forced_open_rejects_for_ever_whatever_is_reported() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(BreakerConfig::default());
    let before = [(); 2].map(|()| breaker.admit(t0).expect("closed"));
    breaker.turn(State::ForcedOpen, t0).expect("from anywhere");
    breaker.record(before[0], Success, t0);
    breaker.record(before[1], Failure, t0);
    breaker.strike(t0);

    let an_hour_later = t0 + secs(3_600);
    breaker.tick(an_hour_later);
    assert_eq!((breaker.state(), breaker.due()), (State::ForcedOpen, None));
    let mut told = Vec::new();
    for _ in 0..3 {
        let asked = breaker.admit_with(|| an_hour_later, &mut |event| told.push(event));
        assert!(asked.is_err());
    }
    let retry_after = OPEN_FOR;
    assert_eq!(told, [Event::NotPermitted { retry_after }; 3]);
}

#[test]
fn cb_28_disabled_admits_all_counts_nothing_and_tells_nothing() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(BreakerConfig::consecutive(1));
    breaker.turn(State::Disabled, t0).expect("from anywhere");
    assert_eq!(calls(&mut breaker, &[Failure; 50], t0), []);
    assert_eq!(breaker.state(), State::Disabled);
    assert_eq!(breaker.metrics(t0), Metrics::default());
}

#[test]
fn cb_29_metrics_only_admits_measures_and_tells_of_the_threshold_once() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(rate_of_five(0.5));
    breaker.turn(State::MetricsOnly, t0).expect("from closed");
    let told = calls(
        &mut breaker,
        &[Failure, Failure, Failure, Success, Success],
        t0,
    );
    assert_eq!(breaker.metrics(t0).failure_rate, Some(0.6));
    assert_eq!(thresholds(&told), [Threshold::FailureRate(0.6)]);
    let more = calls(&mut breaker, &[Failure; 5], t0);
    assert_eq!(thresholds(&more), [], "once is enough");
    assert_eq!(breaker.state(), State::MetricsOnly);
}

#[test]
fn cb_30_into_the_same_state_is_accepted_counts_from_none_and_is_not_told() {
    let t0 = Instant::now();
    let all = [
        State::Closed,
        State::Open,
        State::HalfOpen,
        State::ForcedOpen,
        State::Disabled,
        State::MetricsOnly,
    ];
    for state in all {
        let mut breaker = tripped_at(t0, BreakerConfig::default());
        breaker.turn(state, t0).expect("from open");
        if let Ok(permit) = breaker.admit(t0) {
            breaker.record(permit, Success, t0);
        }
        let mut told = Vec::new();
        let turned = breaker.turn_with(state, t0 + secs(1), &mut |event| told.push(event));
        assert_eq!((turned, breaker.state()), (Ok(()), state));
        assert_eq!(told, [], "{state} into {state}");
        assert_eq!(breaker.metrics(t0 + secs(1)), Metrics::default());
    }
}

#[test]
fn cb_30_open_into_open_begins_its_wait_anew() {
    let t0 = Instant::now();
    let mut breaker = tripped_at(t0, BreakerConfig::default());
    breaker.turn(State::Open, t0 + secs(9)).expect("it is open");
    assert_eq!(breaker.due(), Some(t0 + secs(9) + OPEN_FOR));
}

#[test]
fn cb_31_what_may_not_become_half_open_stays_as_it_is() {
    let t0 = Instant::now();
    let mut breaker = Breaker::new(BreakerConfig::default());
    call(&mut breaker, Failure, t0);
    let refused = breaker.turn(State::HalfOpen, t0).unwrap_err();
    let (from, to) = (State::Closed, State::HalfOpen);
    assert_eq!(refused, IllegalTransition { from, to });
    assert_eq!(
        refused.to_string(),
        "a breaker that is closed does not become half-open, close or disable it first"
    );
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.metrics(t0).failed, 1);

    breaker.turn(State::MetricsOnly, t0).expect("from closed");
    assert!(breaker.turn(State::HalfOpen, t0).is_err());
    assert!(breaker.turn(State::Open, t0).is_err());
    assert_eq!(breaker.state(), State::MetricsOnly);
}

#[test]
fn cb_32_its_wait_doubles_while_trials_fail_and_starts_over_once_it_has_closed() {
    let config = BreakerConfig::consecutive(1)
        .success_threshold(1)
        .open_for(secs(5))
        .open_at_most(secs(20));
    let mut now = Instant::now();
    let mut breaker = tripped_at(now, config);
    for wait in [5, 10, 20, 20] {
        let rejected = breaker.admit(now).unwrap_err();
        assert_eq!(rejected.retry_after, secs(wait));
        now += secs(wait);
        call(&mut breaker, Failure, now);
    }
    now += secs(20);
    call(&mut breaker, Success, now);
    assert_eq!(breaker.state(), State::Closed);
    call(&mut breaker, Failure, now);
    assert_eq!(breaker.admit(now).unwrap_err().retry_after, secs(5));
}
