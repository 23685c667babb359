//! Settings, checked and unchecked.

use super::*;

#[test]
fn settings_read_as_they_are_written() {
    let default = BreakerConfig::default();
    assert_eq!(default, BreakerConfig::consecutive(5));
    assert_eq!(default.open_for, OPEN_FOR);
    assert_eq!(default.half_open_for_or_default(), OPEN_FOR);
    assert_eq!(default.probes.get(), 1);
    assert_eq!(default, default.clone().success_threshold(2));
    assert_eq!(BreakerConfig::consecutive(0), BreakerConfig::consecutive(1));
    let both = BreakerConfig::failure_rate(0.5).or_consecutive(3);
    assert_eq!(both, BreakerConfig::consecutive(3).or_failure_rate(0.5));
}

#[test]
fn a_file_says_what_the_setters_say() {
    let all = BreakerConfig::failure_rate(0.5)
        .or_slow_rate(0.25, Duration::from_millis(1_500))
        .or_consecutive(7)
        .time_window(secs(90))
        .min_calls(3)
        .open_for(secs(5))
        .open_at_most(secs(20))
        .turns(Turns::ByTimer)
        .recovery_by_rates(4)
        .half_open_for(secs(8))
        .lapse(Lapse::Closed);
    for config in [all.clone(), BreakerConfig::default()] {
        let text = serde_json::to_string(&config).expect("it is plain data");
        let back: BreakerConfig = serde_json::from_str(&text).expect("it was written so");
        assert_eq!(back, config);
    }
    let text = r#"{
        "trip": { "failure_rate": 0.5, "slow_rate": 0.25, "consecutive": 7 },
        "window": { "time": "1m 30s" }, "min_calls": 3, "slow_after": "1500ms",
        "open_for": "5s", "open_at_most": "20s", "turns": "by_timer",
        "recovery": "rates", "probes": 4, "half_open_for": "8s", "lapse": "closed"
    }"#;
    assert_eq!(serde_json::from_str::<BreakerConfig>(text).unwrap(), all);
    let empty: BreakerConfig = serde_json::from_str("{}").expect("all of it has defaults");
    assert_eq!(empty, BreakerConfig::default());
    for unknown in [r#"{ "opne_for": "5s" }"#, r#"{ "trip": { "rate": 1.0 } }"#] {
        assert!(serde_json::from_str::<BreakerConfig>(unknown).is_err());
    }
}

#[test]
fn nonsense_is_refused_with_its_reason() {
    for threshold in [0.0, -0.5, 1.1, f64::NAN] {
        let failed = BreakerConfig::failure_rate(threshold).validate();
        assert!(matches!(failed, Err(InvalidBreaker::Threshold(_))));
        let slow = BreakerConfig::slow_rate(threshold, secs(1)).validate();
        assert!(matches!(slow, Err(InvalidBreaker::Threshold(_))));
    }
    let rate = BreakerConfig::failure_rate(1.0);
    let row = BreakerConfig::default();
    assert_eq!(rate.validate(), Ok(()));
    assert_eq!(row.validate(), Ok(()));

    let mut never = row.clone();
    never.trip.consecutive = None;
    let mut nothing_is_slow = rate.clone();
    nothing_is_slow.trip.slow_rate = Some(0.5);
    let refused = [
        (never, InvalidBreaker::NeverTrips),
        (nothing_is_slow, InvalidBreaker::NothingIsSlow),
        (row.clone().recovery_by_rates(3), InvalidBreaker::NoRates),
        (
            rate.clone().time_window(Duration::ZERO),
            InvalidBreaker::NoWindow,
        ),
        (
            rate.clone().window(10_001),
            InvalidBreaker::WindowTooLong(10_001),
        ),
        (
            rate.clone().window(5),
            InvalidBreaker::MinCallsAboveWindow {
                min_calls: 10,
                window: 5,
            },
        ),
        (
            row.clone().open_for(Duration::ZERO),
            InvalidBreaker::NeverOpen,
        ),
        (
            row.clone().open_at_most(secs(59)),
            InvalidBreaker::OpenShrinks {
                open_for: secs(60),
                at_most: secs(59),
            },
        ),
        (
            row.half_open_for(Duration::ZERO),
            InvalidBreaker::NeverHalfOpen,
        ),
    ];
    for (config, why) in refused {
        assert_eq!(config.validate(), Err(why), "{why}");
    }
}

#[test]
fn a_window_shorter_than_the_minimum_still_has_a_rate() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(0.9).window(2).min_calls(9);
    let mut breaker = Breaker::new(config);
    calls(&mut breaker, &[Failure, Success], t0);
    assert_eq!(breaker.metrics(t0).failure_rate, Some(0.5));
}

#[test]
fn unchecked_settings_do_not_take_unbounded_memory() {
    let t0 = Instant::now();
    let config = BreakerConfig::failure_rate(f64::NAN).window(u32::MAX);
    let mut breaker = Breaker::new(config.min_calls(1));
    for _ in 0..11_000 {
        call(&mut breaker, Failure, t0);
    }
    let metrics = breaker.metrics(t0);
    assert_eq!((metrics.calls, metrics.failure_rate), (10_000, Some(1.0)));
}
