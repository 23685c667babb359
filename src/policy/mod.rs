//! Decides: every policy is pure arithmetic, `(state, event, now) -> (state, decision)`.
//!
//! Nothing here waits, spawns, locks, reads a clock or draws a random number.
//! Whoever carries a decision out passes the time and the chance in, and so a
//! policy can be tested with numbers: an hour of failures takes a microsecond.
//!
//! ```
//! use callboard::policy::backoff::{Backoff, BackoffState};
//! use callboard::policy::intensity::{Intensity, RestartWindow, Verdict};
//! use std::time::{Duration, Instant};
//!
//! // A child that crashes as soon as it starts, and what its supervisor does.
//! let (ms, secs) = (Duration::from_millis, Duration::from_secs);
//! let intensity = Intensity::new(3, secs(5));
//! let backoff = Backoff::exponential(ms(50)..=secs(10));
//!
//! let (mut restarts, mut failures) = (RestartWindow::new(), BackoffState::new());
//! let mut now = Instant::now();
//! let mut waits = Vec::new();
//! while restarts.record(now, &intensity) == Verdict::Within {
//!     let wait = failures.next(&backoff, Duration::ZERO, 0.0);
//!     waits.push(wait);
//!     now += wait;
//! }
//! assert_eq!(waits, [ms(50), ms(100), ms(200)]); // then it gives up
//! ```
//!
//! # Which policy answers which question?
//!
//! | question | policy | default |
//! | --- | --- | --- |
//! | How long until the next try? | [`Backoff`](backoff::Backoff) | no jitter, doubling |
//! | Have there been too many restarts? | [`Intensity`](intensity::Intensity) | 1 in 5 s |
//! | How many restarts are left for all? | [`RestartBudget`](budget::RestartBudget) | 100,000 at once, whole again in 60 s |
//! | How much in how much time? | [`RateLimit`](rate::RateLimit) | 10 a second, 20 at once |
//! | How much of what costs something is left? | [`Allowance`](quota::Allowance) | no limits |
//! | How many calls at once can a callee take? | [`AdaptiveLimit`](adaptive::AdaptiveLimit) | from 1 up to 200 |
//! | May a callee that fails be called? | [`Breaker`](breaker::Breaker) | 5 failures in a row, open for 60 s |
//! | Is an actor well, and when is it given up? | [`HealthCheck`](health::HealthCheck) | every 10 s, 3 failures in a row |
//! | Which message goes first? | [`choose`](priority::choose) among [`Priority`](priority::Priority)s | 5 of 0 to 9 |
//! | Which member gets the work? | [`Dispatch`](choice::Dispatch) | the least loaded, ties in turn |
//! | Who fits a task best? | [`SelectionWeights`](choice::SelectionWeights) | capability 0.5, performance 0.3, room 0.2 |
//! | How many members should there be? | [`Sizing`](sizing::Sizing) | always 5 |
//! | What do these votes decide? | [`Count`](ballot::Count) | more than half of all who may vote |
//! | Which bid wins, and may it? | [`BidWeights`](auction::BidWeights) and [`Terms`](auction::Terms) | price 0.3, capability 0.4, reputation 0.2, time 0.1 |
//! | How well did somebody do so far? | [`Reputation`](reputation::Reputation) | 0.5, half forgotten in 24 h |
//! | Who holds a resource, until when? | [`LeaseTable`](lease::LeaseTable) | set where it is taken |
//! | How long may this kind of work take? | [`TimeClass`](time_class::TimeClass) | 5 s, 30 s, 120 s |
//!
//! # What if the settings are nonsense?
//!
//! `validate()` says what is wrong, and whoever builds something from settings
//! calls it. Settings that nobody checked never panic, overflow or take
//! unbounded memory; they are clamped
//! (`no_settings_and_no_input_make_it_panic`,
//! `no_times_and_no_settings_make_it_panic`,
//! `unchecked_settings_do_not_take_unbounded_memory`,
//! `no_settings_and_no_numbers_make_it_panic`).
//!
//! # What if the clock goes back?
//!
//! Time that would be negative counts as none. A restart does not leave its
//! window early (`a_clock_that_goes_back_does_not_free_anyone`), and a message
//! from the future has not waited (`a_message_from_the_future_has_not_waited`).
//!
//! # When does a backoff start over?
//!
//! After a run of at least [`reset_after`](backoff::Backoff::reset_after)
//! (`failures_in_a_row_wait_longer_until_a_run_lasts`). It never passes its
//! cap before jitter, whatever the attempt (`a_very_late_attempt_waits_the_cap`),
//! and plain jitter only adds (`jitter_adds_up_to_a_tenth_after_the_cap`).
//!
//! # When is a restart one too many?
//!
//! When it and the restarts of the period before it are more than allowed, as
//! in OTP (`the_window_agrees_with_a_list_of_all_restarts`). One exactly a
//! period ago still counts (`a_restart_exactly_one_period_ago_still_counts`).
//!
//! # Can a breaker get stuck?
//!
//! No: whoever asks again after `retry_after` gets through sooner or later,
//! even if probes are lost, and never more probes are under way than allowed
//! (`probes_under_way_never_exceed_the_limit_and_nothing_is_stuck`). A call
//! from before a change of state has no say after it
//! (`an_older_permit_changes_nothing_at_all`), and a cancelled one counts
//! neither way
//! (`cb_20_an_ignored_probe_gives_its_place_to_the_next`).
//!
//! # Is a limit exact?
//!
//! To the nanosecond: whoever was denied comes back after the wait and is
//! allowed, and a nanosecond earlier is not (`the_wait_of_a_bucket_is_exact`).
//! No stretch of time sees more than the capacity and what came back
//! (`no_stretch_of_time_sees_more_than_the_capacity_and_what_came_back`); a
//! sliding window holds in any stretch of its length
//! (`a_sliding_window_agrees_with_a_list_of_all_grants`).
//!
//! # What if something costs more than was reserved for it?
//!
//! It is a debt that the next periods pay before anyone gets anything
//! (`rl_15_what_it_cost_more_is_a_debt_that_delays_the_next`,
//! `an_account_agrees_with_a_sum_of_what_was_settled`).
//!
//! # When is an ailing actor given up?
//!
//! When as many checks in a row have failed as its settings allow, in one life
//! (`b8_the_last_failure_allowed_in_a_row_ends_the_life`,
//! `b8_a_check_that_passes_and_a_new_life_begin_the_row_again`).
//!
//! # Can a message of low priority starve?
//!
//! Not with ageing: it is overtaken only by what came in soon after it
//! (`overtaking_ends_after_as_many_levels_as_lie_between_and_one`). While
//! nothing has aged, priorities are strict
//! (`the_highest_lane_goes_first_while_nothing_has_aged`).
//!
//! # Is work shared evenly?
//!
//! Among members of equal load, yes (`work_given_to_the_least_loaded_stays_level`,
//! `equal_members_take_turns`, `those_who_rested_longest_take_turns`). With a key
//! it goes where the key belongs, and few keys move when a member comes or goes
//! (`a_key_stays_where_it_is_and_one_in_n_moves_to_a_newcomer`). A pool stays
//! within its limits
//! (`the_size_ends_up_within_the_limits_whatever_happens`).
//!
//! # What does it cost?
//!
//! A closed breaker looks at its state to admit a call. A restart window
//! keeps at most one timestamp more than the restarts allowed, a breaker's rate
//! two bytes for each call in its window, or sixty sums for a window of time, a
//! sliding window 16 bytes for each grant in it; everything else is of fixed size
//! and owns no heap.
#![forbid(unsafe_code)]

pub mod adaptive;
pub mod auction;
pub mod backoff;
pub mod ballot;
pub mod breaker;
pub mod budget;
pub mod choice;
pub mod health;
pub mod intensity;
pub mod lease;
pub mod priority;
pub mod quota;
pub mod rate;
pub mod reputation;
pub mod retry;
pub mod retry_budget;
pub mod sizing;
pub mod time_class;

#[cfg(test)]
mod tests {
    #[test]
    fn every_test_that_the_guide_names_exists() {
        let sources = [
            include_str!("adaptive.rs"),
            include_str!("backoff.rs"),
            include_str!("breaker/tests/mod.rs"),
            include_str!("breaker/tests/conformance.rs"),
            include_str!("breaker/tests/properties.rs"),
            include_str!("breaker/tests/settings.rs"),
            include_str!("choice/least.rs"),
            include_str!("choice/tests.rs"),
            include_str!("budget.rs"),
            include_str!("health.rs"),
            include_str!("intensity.rs"),
            include_str!("priority.rs"),
            include_str!("quota/tests.rs"),
            include_str!("rate/tests.rs"),
            include_str!("sizing.rs"),
        ]
        .concat();
        let guide = include_str!("mod.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//!"));
        let guide: String = guide.collect();
        // A sentence in code font: at least three underscores, nothing else odd.
        let names: Vec<_> = guide
            .split('`')
            .filter(|word| word.matches('_').count() >= 3)
            .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            .collect();
        assert!(names.len() > 10, "found only {names:?}");
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "no test {name}");
        }
    }
}
