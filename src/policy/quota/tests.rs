//! Accounts, with numbers.

use proptest::prelude::*;

use super::*;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn tokens(n: u64) -> Cost {
    Cost::new().tokens(n)
}

fn daily(n: u64) -> Allowance {
    Allowance::new().tokens(n).reset_every(secs(100))
}

#[test]
fn rl_15_what_it_cost_more_is_a_debt_that_delays_the_next() {
    let t0 = Instant::now();
    let mut account = QuotaState::new(t0, daily(100));
    assert_eq!(account.take(t0, tokens(100)), Decision::Allowed(()));
    account.settle(t0, t0, tokens(100), tokens(250));
    // Two periods pay 200 of 250, and the next has room for 50.
    let wait = secs(200);
    assert_eq!(account.take(t0, tokens(50)), Decision::Denied { wait });
    assert_eq!(
        account.take(t0, tokens(51)),
        Decision::Denied { wait: secs(300) }
    );
    assert_eq!(
        account.left(t0 + secs(100)),
        Cost {
            tokens: 0,
            ..account.left(t0)
        }
    );
    assert_eq!(account.take(t0 + wait, tokens(50)), Decision::Allowed(()));
}

#[test]
fn rl_15_what_it_cost_less_is_refunded() {
    let t0 = Instant::now();
    let mut account = QuotaState::new(t0, daily(100));
    assert_eq!(account.take(t0, tokens(100)), Decision::Allowed(()));
    account.settle(t0, t0, tokens(100), tokens(40));
    assert_eq!(account.left(t0).tokens, 60);
}

#[test]
fn c8_a_refund_for_a_period_that_is_over_gives_nothing_back() {
    let t0 = Instant::now();
    let mut account = QuotaState::new(t0, daily(100));
    assert_eq!(account.take(t0, tokens(100)), Decision::Allowed(()));
    let later = t0 + secs(100);
    assert_eq!(account.take(later, tokens(70)), Decision::Allowed(()));
    account.settle(later, t0, tokens(100), tokens(40));
    assert_eq!(account.left(later).tokens, 30);
}

#[test]
fn c8_all_resources_or_none() {
    let t0 = Instant::now();
    let allowance = Allowance::new().requests(10).tokens(100).micros(5);
    let mut account = QuotaState::new(t0, allowance);
    let call = Cost::new().requests(1).tokens(60).micros(2);
    assert_eq!(account.take(t0, call), Decision::Allowed(()));
    let never = Duration::MAX;
    assert_eq!(account.take(t0, call), Decision::Denied { wait: never });
    assert_eq!(
        account.left(t0),
        Cost::new().requests(9).tokens(40).micros(3)
    );
    let too_much = Cost::new().micros(6);
    assert_eq!(account.take(t0, too_much), Decision::Impossible);
    account.reset(t0);
    assert_eq!(account.take(t0, call), Decision::Allowed(()));
}

#[test]
fn c8_another_allowance_is_in_force_from_the_next_period_on() {
    let t0 = Instant::now();
    let mut account = QuotaState::new(t0, daily(100));
    assert_eq!(account.take(t0, tokens(30)), Decision::Allowed(()));
    account.reconfigure(t0, daily(10));
    assert_eq!(account.left(t0).tokens, 70);
    assert_eq!(account.left(t0 + secs(100)).tokens, 10);
    account.reconfigure(t0 + secs(100), Allowance::new().tokens(7));
    assert_eq!(
        account.left(t0 + secs(900)).tokens,
        7,
        "at once, and for ever"
    );
}

#[test]
fn allowances_come_back_from_a_file_as_they_were_written() {
    let allowance = Allowance::new().requests(1_000).reset_every(secs(3_600));
    let text = serde_json::to_string(&allowance).unwrap();
    assert!(text.contains(r#""reset_every":"1h""#), "{text}");
    assert_eq!(serde_json::from_str::<Allowance>(&text).unwrap(), allowance);
    let empty: Allowance = serde_json::from_str("{}").unwrap();
    assert_eq!(empty, Allowance::default());
    assert!(
        Allowance::new()
            .reset_every(Duration::ZERO)
            .validate()
            .is_err()
    );
    assert!(allowance.validate().is_ok());
}

proptest! {
    #[test]
    fn an_account_agrees_with_a_sum_of_what_was_settled(
        limit in 1_u64..200,
        steps in proptest::collection::vec((0_u64..60, 0_u64..120, 0_u64..200), 1..60),
    ) {
        let t0 = Instant::now();
        let mut account = QuotaState::new(t0, daily(limit));
        let (mut passed, mut period, mut debt) = (0, 0, 0_u64);
        let mut spent = 0;
        for (gap, estimate, actual) in steps {
            passed += gap;
            while period < passed / 100 {
                period += 1;
                debt = (debt + spent).saturating_sub(limit);
                spent = 0;
            }
            let now = t0 + secs(passed);
            let left = limit.saturating_sub(debt + spent);
            prop_assert_eq!(account.left(now).tokens, left);
            match account.take(now, tokens(estimate)) {
                Decision::Allowed(()) => {
                    prop_assert!(estimate <= left);
                    account.settle(now, now, tokens(estimate), tokens(actual));
                    spent += actual;
                }
                Decision::Impossible => prop_assert!(estimate > limit),
                Decision::Denied { wait } => {
                    prop_assert!(estimate > left);
                    let early = now + wait - Duration::from_nanos(1);
                    prop_assert!(account.clone().take(early, tokens(estimate)) != Decision::Allowed(()));
                    prop_assert_eq!(
                        account.clone().take(now + wait, tokens(estimate)),
                        Decision::Allowed(())
                    );
                }
            }
        }
    }

    #[test]
    fn no_allowance_and_no_costs_make_it_panic(
        limit in any::<u64>(),
        length in any::<u64>(),
        steps in proptest::collection::vec((any::<u32>(), any::<u64>(), any::<u64>()), 1..30),
    ) {
        let t0 = Instant::now();
        let allowance = daily(limit).reset_every(Duration::from_nanos(length));
        let mut account = QuotaState::new(t0, allowance);
        for (at, estimate, actual) in steps {
            let now = t0 + Duration::from_millis(at.into());
            let _ = account.take(now, tokens(estimate));
            account.settle(now, t0, tokens(estimate), tokens(actual));
            account.reconfigure(now, daily(actual));
        }
    }
}
