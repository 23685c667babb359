//! What holds whatever happens.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Admit,
    Wait(u64),
    /// Gives back the permit at this index, modulo how many are out.
    Record(usize, Outcome),
    /// Forgets one, as a leaked call would.
    Lose(usize),
    Strike,
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![Just(Success), Just(Failure), Just(Ignored)]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Admit),
        1 => (0_u64..40).prop_map(Step::Wait),
        6 => (any::<usize>(), any_outcome()).prop_map(|(i, outcome)| Step::Record(i, outcome)),
        1 => any::<usize>().prop_map(Step::Lose),
        1 => Just(Step::Strike),
    ]
}

fn any_config() -> impl Strategy<Value = BreakerConfig> {
    let trip = prop_oneof![
        (1_u32..4).prop_map(BreakerConfig::consecutive),
        (0.01..=1.0, 1_u32..8, 1_u32..8).prop_map(|(rate, window, min)| {
            BreakerConfig::failure_rate(rate)
                .window(window)
                .min_calls(min)
        }),
        (0.01..=1.0, 1_u64..30, 1_u32..8).prop_map(|(rate, window, min)| {
            BreakerConfig::slow_rate(rate, secs(5))
                .time_window(secs(window))
                .min_calls(min)
        }),
    ];
    let lapse = prop_oneof![Just(Lapse::Open), Just(Lapse::Closed)];
    let recovery = prop_oneof![(1_u32..4).prop_map(Some), Just(None::<u32>),];
    (
        trip,
        1_u64..30,
        1_u64..30,
        recovery,
        1_u32..4,
        1_u64..90,
        lapse,
    )
        .prop_map(|(config, open, half, successes, probes, at_most, lapse)| {
            let config = config
                .open_for(secs(open))
                .open_at_most(secs(open.max(at_most)))
                .half_open_for(secs(half))
                .lapse(lapse);
            match successes {
                Some(successes) => config.success_threshold(successes).probes(probes),
                None => config.recovery_by_rates(probes),
            }
        })
}

proptest! {
    #[test]
    fn probes_under_way_never_exceed_the_limit_and_nothing_is_stuck(
        config in any_config(),
        steps in proptest::collection::vec(any_step(), 1..120),
    ) {
        let mut breaker = Breaker::new(config.clone());
        let mut now = Instant::now();
        let mut out: Vec<Permit> = Vec::new();
        let mut state = State::Closed;
        for step in steps {
            let mut told = Vec::new();
            let mut tell = |event| told.push(event);
            match step {
                Step::Admit => match breaker.admit_with(|| now, &mut tell) {
                    Ok(permit) => out.push(permit),
                    Err(rejected) => prop_assert!(rejected.retry_after > Duration::ZERO),
                },
                Step::Wait(s) => now += secs(s),
                Step::Record(i, outcome) if !out.is_empty() => {
                    let permit = out.swap_remove(i % out.len());
                    let is_stale = permit.generation != breaker.generation;
                    breaker.record_with(permit, outcome, || now, &mut tell);
                    let is_silent = told.is_empty();
                    prop_assert_eq!(is_silent, is_stale);
                    if outcome == Ignored {
                        prop_assert_eq!(causes(&told), []);
                    }
                }
                Step::Lose(i) if !out.is_empty() => {
                    let _ = out.swap_remove(i % out.len());
                }
                Step::Strike => breaker.strike_with(now, &mut tell),
                Step::Record(..) | Step::Lose(_) => {}
            }

            // The transitions tell the whole story, in order.
            for event in told {
                if let Event::Changed(transition) = event {
                    prop_assert_eq!(transition.from, state);
                    state = transition.to;
                }
            }
            prop_assert_eq!(breaker.state(), state);

            if state == State::HalfOpen {
                let of_now = |permit: &&Permit| permit.generation == breaker.generation;
                let probes = out.iter().filter(of_now).count();
                prop_assert!(probes <= config.probes.get() as usize);
            }

            // Whatever happened, somebody who does as told gets through.
            let mut patient = breaker.clone();
            let mut later = now;
            let mut tries = 0;
            while let Err(rejected) = patient.admit(later) {
                later += rejected.retry_after;
                tries += 1;
                prop_assert!(tries <= 2, "stuck in {:?}", patient);
            }
        }
    }

    #[test]
    fn an_older_permit_changes_nothing_at_all(
        config in any_config(),
        steps in proptest::collection::vec((0_u64..10, any_outcome()), 1..60),
        stale in any_outcome(),
    ) {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(config);
        let mut old = Vec::new();
        for (wait, outcome) in steps {
            now += secs(wait);
            if let Ok(permit) = breaker.admit(now) {
                breaker.record(permit, outcome, now);
                old.push(permit);
            }
            for permit in old.iter().filter(|p| p.generation != breaker.generation) {
                let mut disturbed = breaker.clone();
                disturbed.record(*permit, stale, now);
                prop_assert_eq!(format!("{disturbed:?}"), format!("{breaker:?}"));
            }
        }
    }

    #[test]
    fn the_rates_agree_with_a_list_of_all_calls(
        window in 1_u32..10,
        min_calls in 1_u32..10,
        made in proptest::collection::vec((any_outcome(), 0_u64..4), 1..60),
    ) {
        let t0 = Instant::now();
        // Above every rate, so that it stays closed.
        let config = BreakerConfig::failure_rate(2.0)
            .or_slow_rate(2.0, secs(2))
            .window(window)
            .min_calls(min_calls);
        let mut breaker = Breaker::new(config);
        let mut counted = Vec::new();
        for (outcome, took) in made {
            call_taking(&mut breaker, outcome, t0, secs(took));
            if outcome != Ignored {
                counted.push((outcome == Failure, took >= 2));
            }
            let recent: Vec<_> = counted.iter().rev().take(window as usize).collect();
            let share = |of: fn(&(bool, bool)) -> bool| {
                (recent.len() >= min_calls.min(window) as usize)
                    .then(|| recent.iter().filter(|call| of(call)).count() as f64 / recent.len() as f64)
            };
            let metrics = breaker.metrics(t0);
            prop_assert_eq!(metrics.calls as usize, recent.len());
            prop_assert_eq!(metrics.failure_rate, share(|call| call.0));
            prop_assert_eq!(metrics.slow_rate, share(|call| call.1));
        }
    }

    #[test]
    fn a_window_of_time_agrees_with_a_list_to_within_a_step(
        window in 1_u64..200,
        made in proptest::collection::vec((any::<bool>(), 0_u64..30_000), 1..80),
    ) {
        let mut now = Instant::now();
        let config = BreakerConfig::failure_rate(2.0).time_window(secs(window));
        let mut breaker = Breaker::new(config);
        let mut list = Vec::new();
        let step = secs(window) / 60;
        for (is_failed, wait) in made {
            now += Duration::from_millis(wait);
            call(&mut breaker, if is_failed { Failure } else { Success }, now);
            list.push((now, is_failed));
            let within = |age: Duration| {
                let young = list.iter().filter(move |(at, _)| now.duration_since(*at) < age);
                let failed = young.clone().filter(|(_, is_failed)| *is_failed).count();
                (young.count() as u32, failed as u32)
            };
            let (least, most) = (within(secs(window) - step), within(secs(window)));
            let metrics = breaker.metrics(now);
            prop_assert!((least.0..=most.0).contains(&metrics.calls));
            prop_assert!((least.1..=most.1).contains(&metrics.failed));
        }
    }

    #[test]
    fn no_times_and_no_settings_make_it_panic(
        threshold in proptest::num::f64::ANY,
        sizes in any::<(u32, u32, u32, u32)>(),
        waits in any::<(u64, u64, u64, u64)>(),
        kinds in any::<(bool, bool)>(),
        steps in proptest::collection::vec((any::<u32>(), any_outcome()), 1..60),
    ) {
        let mut config = BreakerConfig::failure_rate(threshold)
            .or_slow_rate(threshold, Duration::from_nanos(waits.2))
            .window(sizes.0)
            .min_calls(sizes.1)
            .success_threshold(sizes.2)
            .probes(sizes.3)
            .open_for(Duration::from_nanos(waits.0))
            .open_at_most(Duration::from_secs(waits.3))
            .half_open_for(Duration::from_secs(waits.1));
        if kinds.0 {
            config = config.time_window(Duration::from_nanos(waits.3));
        }
        if kinds.1 {
            config = config.recovery_by_rates(sizes.3);
        }
        let _ = config.validate();
        let t0 = Instant::now();
        let mut breaker = Breaker::new(config);
        for (at, outcome) in steps {
            // In no order: the clock may go back.
            let now = t0 + Duration::from_millis(at.into());
            if let Ok(permit) = breaker.admit(now) {
                breaker.record(permit, outcome, now);
            }
            let _ = (breaker.metrics(now), breaker.due());
        }
    }
}
