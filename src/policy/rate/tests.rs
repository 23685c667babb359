//! The three limits, with numbers.

use std::time::Instant;

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn bucket(tokens: u32, per: Duration, capacity: u32) -> Gcra {
    Gcra::new(&TokenBucket::new(tokens, per).capacity(capacity))
}

/// Takes one token after another until it is denied.
fn burst(bucket: Gcra, word: &mut u64, now: u64) -> u32 {
    let mut taken = 0;
    while let Decision::Allowed(next) = bucket.decide(*word, now, 1) {
        *word = next;
        taken += 1;
    }
    taken
}

#[test]
fn rl_01_five_are_there_and_the_sixth_comes_in_exactly_a_second() {
    let bucket = bucket(1, secs(1), 5);
    let mut word = Gcra::FULL;
    assert_eq!(burst(bucket, &mut word, 0), 5);
    let wait = secs(1);
    assert_eq!(bucket.decide(word, 0, 1), Decision::Denied { wait });
}

#[test]
fn rl_02_a_nanosecond_early_is_too_early() {
    let bucket = bucket(3, secs(1), 4);
    let mut word = Gcra::FULL;
    let now = 77 * SECOND;
    burst(bucket, &mut word, now);
    let Decision::Denied { wait } = bucket.decide(word, now, 2) else {
        panic!("it is empty");
    };
    let due = now + u64::try_from(wait.as_nanos()).unwrap();
    let early = Duration::from_nanos(1);
    assert_eq!(
        bucket.decide(word, due - 1, 2),
        Decision::Denied { wait: early }
    );
    assert!(matches!(bucket.decide(word, due, 2), Decision::Allowed(_)));
}

#[test]
fn rl_03_however_long_nobody_comes_it_holds_no_more_than_its_capacity() {
    let bucket = bucket(1, secs(1), 5);
    let mut word = Gcra::FULL;
    burst(bucket, &mut word, 0);
    for now in [1_000_000_000 * SECOND, u64::MAX / 2] {
        assert_eq!(bucket.available(word, now), 5);
        assert_eq!(burst(bucket, &mut word.clone(), now), 5);
    }
}

#[test]
fn rl_04_more_than_the_capacity_is_impossible_and_not_an_endless_wait() {
    let bucket = bucket(1, secs(1), 5);
    assert_eq!(bucket.decide(Gcra::FULL, 0, 6), Decision::Impossible);
    assert_eq!(bucket.decide(Gcra::FULL, 0, u32::MAX), Decision::Impossible);
    let (now, minute) = (Instant::now(), secs(60));
    let sliding = SlidingWindow::new(5, minute);
    let mut state = SlidingWindowState::new(sliding);
    assert_eq!(state.take(now, 6), Decision::Impossible);
    let fixed = FixedWindow::new(5, minute);
    let mut state = FixedWindowState::new(now, fixed);
    assert_eq!(state.take(now, 6), Decision::Impossible);
}

#[test]
fn rl_05_all_or_nothing_leaves_the_balance_where_it_was() {
    let bucket = bucket(1, secs(1), 5);
    let Decision::Allowed(word) = bucket.decide(Gcra::FULL, 0, 2) else {
        panic!("it was full");
    };
    let wait = secs(1);
    assert_eq!(bucket.decide(word, 0, 4), Decision::Denied { wait });
    assert_eq!(bucket.available(word, 0), 3);
    assert!(matches!(bucket.decide(word, 0, 3), Decision::Allowed(_)));
}

#[test]
fn rl_08_those_who_reserve_beyond_the_cycle_wait_one_two_and_three_cycles() {
    let window = FixedWindow::new(1, secs(10));
    let t0 = Instant::now();
    let mut state = FixedWindowState::new(t0, window);
    let now = t0 + secs(4);
    assert_eq!(state.take(now, 1), Decision::Allowed(()));
    let waits = [1, 2, 3].map(|line| state.wait(now, line));
    assert_eq!(waits, [secs(6), secs(16), secs(26)]);
}

#[test]
fn rl_09_another_limit_is_in_force_from_the_next_cycle_on() {
    let t0 = Instant::now();
    for (next, waits) in [(30, [secs(10), secs(10)]), (2, [secs(10), secs(20)])] {
        let window = FixedWindow::new(10, secs(10));
        let mut state = FixedWindowState::new(t0, window);
        assert_eq!(state.take(t0, 4), Decision::Allowed(()));

        let changed = FixedWindow::new(next, secs(10));
        state.reconfigure(t0, changed);
        assert_eq!(state.available(t0), 6, "this cycle keeps what it has");
        state.drain(t0);
        let found = [2, 3].map(|n| state.wait(t0, n));
        assert_eq!(found, waits, "who waits, waits by the new one");
        assert_eq!(state.available(t0 + secs(10)), next);
    }
}

#[test]
fn rl_10_a_drained_limit_denies_until_it_is_refilled() {
    let bucket = bucket(1, secs(1), 5);
    let now = 9 * SECOND;
    let word = bucket.drain(Gcra::FULL, now);
    let wait = secs(1);
    assert_eq!(bucket.decide(word, now, 1), Decision::Denied { wait });
    assert!(matches!(
        bucket.decide(word, now + SECOND, 1),
        Decision::Allowed(_)
    ));
    let now = Instant::now();
    let sliding = SlidingWindow::new(5, secs(60));
    let mut state = SlidingWindowState::new(sliding);
    state.drain(now);
    let wait = secs(60);
    assert_eq!(state.take(now, 1), Decision::Denied { wait });
    let fixed = FixedWindow::new(5, secs(60));
    let mut state = FixedWindowState::new(now, fixed);
    state.drain(now);
    assert_eq!(state.take(now, 1), Decision::Denied { wait });
}

#[test]
fn c7_a_bucket_has_ten_a_second_and_starts_with_twenty() {
    let bucket = Gcra::new(&TokenBucket::default());
    let mut word = Gcra::FULL;
    assert_eq!(burst(bucket, &mut word, 0), 20);
    assert_eq!(burst(bucket, &mut word, SECOND), 10);
}

#[test]
fn c7_a_window_has_sixty_a_minute_and_slides() {
    let window = SlidingWindow::default();
    let mut state = SlidingWindowState::new(window);
    let now = Instant::now();
    assert_eq!(state.take(now, 40), Decision::Allowed(()));
    let later = now + secs(30);
    assert_eq!(state.take(later, 20), Decision::Allowed(()));
    let wait = secs(30);
    assert_eq!(state.take(later, 1), Decision::Denied { wait });
    // One behind the whole window waits for it to pass once more.
    assert_eq!(state.wait(later, 41), secs(60));
    assert_eq!(state.wait(later, 61), secs(90));
    assert_eq!(state.available(now + secs(60)), 40);
}

#[test]
fn twice_the_limit_can_pass_around_the_end_of_a_cycle() {
    let window = FixedWindow::new(5, secs(10));
    let t0 = Instant::now();
    let mut state = FixedWindowState::new(t0, window);
    let end = t0 + secs(10);
    let just_before = end - Duration::from_nanos(1);
    assert_eq!(state.take(just_before, 5), Decision::Allowed(()));
    assert_eq!(state.take(end, 5), Decision::Allowed(()));
}

#[test]
fn what_a_cycle_did_not_use_is_gone_with_it() {
    let window = FixedWindow::new(5, secs(10));
    let t0 = Instant::now();
    let mut state = FixedWindowState::new(t0, window);
    assert_eq!(state.available(t0 + secs(1_000)), 5);
}

#[test]
fn a_debt_is_paid_before_anyone_gets_a_token() {
    let bucket = bucket(1, secs(1), 5);
    let word = bucket.charge(Gcra::FULL, 0, 8);
    assert_eq!(bucket.available(word, 3 * SECOND), 0);
    let wait = secs(1);
    assert_eq!(
        bucket.decide(word, 3 * SECOND, 1),
        Decision::Denied { wait }
    );
    assert_eq!(bucket.available(bucket.give_back(word, 4), 0), 1);
}

#[test]
fn whole_tokens_are_carried_over_to_other_settings() {
    let (small, large) = (bucket(1, secs(1), 5), bucket(7, secs(2), 50));
    let Decision::Allowed(word) = small.decide(Gcra::FULL, 0, 2) else {
        panic!("it was full");
    };
    let grown = small.carry_over(word, 0, large);
    assert_eq!(large.available(grown, 0), 3);
    let shrunk = large.carry_over(Gcra::FULL, 0, small);
    assert_eq!(small.available(shrunk, 0), 5);
}

#[test]
fn a_rate_that_is_no_whole_number_of_nanoseconds_is_rounded_down() {
    let bucket = bucket(3, secs(1), 1);
    let taken: u32 = (0..3_000_u64)
        .scan(Gcra::FULL, |word, ms| {
            Some(burst(bucket, word, ms * SECOND / 1_000))
        })
        .sum();
    assert!(taken <= 9, "3 s at 3 a second: {taken}");
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let never = TokenBucket::new(1, Duration::ZERO);
    assert_eq!(never.validate(), Err(InvalidRateLimit::NoTime));
    let slow = TokenBucket::new(1, secs(3_600 * 24)).capacity(u32::MAX);
    assert_eq!(slow.validate(), Err(InvalidRateLimit::TooSlow));
    let large = SlidingWindow::new(1_000_000, secs(1));
    assert_eq!(
        large.validate(),
        Err(InvalidRateLimit::TooLarge(large.limit))
    );
    assert_eq!(
        FixedWindow::new(1, Duration::ZERO).validate(),
        Err(InvalidRateLimit::NoTime)
    );
    for fine in [
        RateLimit::default(),
        SlidingWindow::default().into(),
        FixedWindow::default().into(),
    ] {
        assert_eq!(fine.validate(), Ok(()));
    }
}

#[test]
fn limits_come_back_from_a_file_as_they_were_written() {
    for limit in [
        RateLimit::from(TokenBucket::per_second(7).capacity(9)),
        SlidingWindow::new(3, secs(90)).into(),
        FixedWindow::new(3, Duration::from_millis(1_500)).into(),
    ] {
        let text = serde_json::to_string(&limit).unwrap();
        assert_eq!(serde_json::from_str::<RateLimit>(&text).unwrap(), limit);
    }
    let read = |text| serde_json::from_str::<RateLimit>(text);
    let written = r#"{ "fixed_window": { "limit": 5, "per": "1h 30m" } }"#;
    assert_eq!(
        read(written).unwrap(),
        FixedWindow::new(5, secs(5_400)).into()
    );
    assert!(read(r#"{ "fixed_window": { "limits": 5 } }"#).is_err());
    assert!(read(r#"{ "fixed_window": { "limit": 0 } }"#).is_err());
}

proptest! {
    #[test]
    fn no_stretch_of_time_sees_more_than_the_capacity_and_what_came_back(
        tokens in 1_u32..2_000,
        millis in 1_u64..5_000,
        capacity in 1_u32..30,
        steps in proptest::collection::vec((0_u64..2_000_000_000, 1_u32..8), 1..120),
    ) {
        let per = Duration::from_millis(millis);
        let bucket = bucket(tokens, per, capacity);
        let (mut word, mut now) = (Gcra::FULL, 0);
        let mut grants: Vec<(u64, u32)> = Vec::new();
        for (gap, n) in steps {
            now += gap;
            if let Decision::Allowed(next) = bucket.decide(word, now, n) {
                word = next;
                grants.push((now, n));
            }
            prop_assert!(bucket.available(word, now) <= capacity);
        }
        for (at, (from, _)) in grants.iter().enumerate() {
            let mut granted = 0_u128;
            for (to, n) in &grants[at..] {
                granted += u128::from(*n);
                let refilled = u128::from(to - from) * u128::from(tokens) / per.as_nanos();
                prop_assert!(granted <= u128::from(capacity) + refilled);
            }
        }
    }

    #[test]
    fn the_wait_of_a_bucket_is_exact(
        tokens in 1_u32..2_000,
        capacity in 1_u32..30,
        word in 0_u64..200_000_000_000,
        now in 0_u64..100_000_000_000,
        n in 0_u32..40,
    ) {
        let bucket = bucket(tokens, secs(1), capacity);
        match bucket.decide(word, now, n) {
            Decision::Impossible => prop_assert!(n > capacity),
            Decision::Allowed(_) => prop_assert!(n <= bucket.available(word, now)),
            Decision::Denied { wait } => {
                prop_assert!(n > bucket.available(word, now));
                let due = now + u64::try_from(wait.as_nanos()).unwrap();
                let is_early = matches!(bucket.decide(word, due - 1, n), Decision::Denied { .. });
                prop_assert!(is_early);
                prop_assert!(matches!(bucket.decide(word, due, n), Decision::Allowed(_)));
            }
        }
    }

    #[test]
    fn a_sliding_window_agrees_with_a_list_of_all_grants(
        limit in 1_u32..12,
        per in 1_u64..50,
        steps in proptest::collection::vec((0_u64..20, 0_u32..6), 1..120),
    ) {
        let window = SlidingWindow::new(limit, secs(per));
        let mut state = SlidingWindowState::new(window);
        let mut now = Instant::now();
        let mut grants: Vec<(Instant, u32)> = Vec::new();
        let taken = |grants: &[(Instant, u32)], now: Instant| -> u32 {
            let is_in = |(at, _): &&(Instant, u32)| now - *at < secs(per);
            grants.iter().filter(is_in).map(|(_, n)| n).sum()
        };
        for (gap, n) in steps {
            now += secs(gap);
            let left = limit - taken(&grants, now);
            prop_assert_eq!(state.available(now), left);
            match state.take(now, n) {
                Decision::Allowed(()) => {
                    prop_assert!(n <= left);
                    grants.push((now, n));
                }
                Decision::Impossible => prop_assert!(n > limit),
                Decision::Denied { wait } => {
                    prop_assert!(n > left);
                    let early = now + wait - Duration::from_nanos(1);
                    prop_assert!(taken(&grants, early) + n > limit);
                    prop_assert!(taken(&grants, now + wait) + n <= limit);
                }
            }
            prop_assert!(state.grants.len() <= limit as usize);
        }
    }

    #[test]
    fn a_fixed_window_agrees_with_a_count_in_each_cycle(
        limit in 1_u32..12,
        per in 1_u64..50,
        steps in proptest::collection::vec((0_u64..20, 0_u32..14), 1..120),
    ) {
        let window = FixedWindow::new(limit, secs(per));
        let mut passed = 0;
        let t0 = Instant::now();
        let mut state = FixedWindowState::new(t0, window);
        let mut counts = std::collections::BTreeMap::<u64, u32>::new();
        for (gap, n) in steps {
            passed += gap;
            let count = counts.entry(passed / per).or_default();
            match state.take(t0 + secs(passed), n) {
                Decision::Allowed(()) => *count += n,
                Decision::Impossible => prop_assert!(n > limit),
                Decision::Denied { wait } => {
                    prop_assert!(*count + n > limit);
                    prop_assert_eq!(wait, secs(per - passed % per));
                }
            }
            prop_assert!(*count <= limit);
        }
    }

    #[test]
    fn no_limit_and_no_times_make_it_panic(
        limit in any::<u32>(),
        per in any::<u64>(),
        steps in proptest::collection::vec((any::<u64>(), any::<u32>(), any::<u32>()), 1..30),
    ) {
        let (per, t0) = (Duration::from_nanos(per), Instant::now());
        let bucket = bucket(limit, per, limit.rotate_left(7));
        let sliding = SlidingWindow::new(limit, per);
        let fixed = FixedWindow::new(limit, per);
        let mut word = Gcra::FULL;
        let mut sliding_state = SlidingWindowState::new(sliding);
        let mut fixed_state = FixedWindowState::new(t0, fixed);
        for (now, at, n) in steps {
            if let Decision::Allowed(next) = bucket.decide(word, now, n) {
                word = next;
            }
            word = bucket.charge(bucket.give_back(word, n), now, n);
            let _ = bucket.carry_over(word, now, Gcra::new(&TokenBucket::default()));
            let now = t0 + Duration::from_millis(at.into());
            let _ = sliding_state.take(now, n);
            let _ = sliding_state.wait(now, u64::from(n) * u64::from(n));
            let _ = fixed_state.take(now, n);
            let _ = fixed_state.wait(now, u64::from(n) * u64::from(n));
        }
        let fill = Duration::from_nanos(bucket.fill_time());
        prop_assert!(fill <= Duration::from_nanos(LONGEST));
    }
}
