//! Which lane of a priority mailbox is served next.
//!
//! ```text
//!  level
//!   10 ┤              ╱ a 2 that has waited 8 levels: served before a fresh 9
//!    9 ┤ ─ ─ ─ ─ ─ ─ ╱─ ─ fresh nines arrive here
//!      │           ╱
//!    2 ┤─────────╱
//!      └────────────────── waiting, one level every `per_level`
//! ```

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

/// How many priorities there are, and lanes in a priority mailbox.
pub const LANES: usize = 10;

/// How urgent a message is: 0 to 9, 9 first.
///
/// # Examples
///
/// ```
/// use callboard::policy::priority::Priority;
///
/// assert_eq!(Priority::default(), Priority::NORMAL);
/// assert!(Priority::HIGHEST > Priority::NORMAL);
/// assert_eq!(Priority::new(10), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

impl Priority {
    /// Served when nothing else waits: 0.
    pub const LOWEST: Self = Self(0);
    /// What a message has unless told: 5, the middle, with room on both sides.
    pub const NORMAL: Self = Self(5);
    /// Served before anything that has not aged: 9.
    pub const HIGHEST: Self = Self(9);

    /// Creates a priority, if there is one with this number.
    #[must_use]
    pub const fn new(priority: u8) -> Option<Self> {
        if priority <= Self::HIGHEST.0 {
            Some(Self(priority))
        } else {
            None
        }
    }

    /// Returns the number, 0 to 9.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Returns the lane for messages of this priority, an index below [`LANES`].
    #[must_use]
    pub const fn lane(self) -> usize {
        self.0 as usize
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::NORMAL
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

impl TryFrom<u8> for Priority {
    type Error = InvalidPriority;

    fn try_from(priority: u8) -> Result<Self, InvalidPriority> {
        Self::new(priority).ok_or(InvalidPriority(priority))
    }
}

/// A number that is no [`Priority`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPriority(pub u8);

impl fmt::Display for InvalidPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {} is not between 0 and 9", self.0)
    }
}

impl Error for InvalidPriority {}

/// Chooses the lane to serve next, or `None` if all are empty.
///
/// `heads[lane]` is when the oldest message of that lane was queued. Its level
/// is its lane plus one for every whole `per_level` that it has waited, without
/// an upper end; the highest level wins.
///
/// - While nothing has waited a whole `per_level`, levels are lanes, so that
///   all of a higher lane goes before any of a lower one.
/// - Levels tie only through ageing, and a tie goes to the higher lane. No lane
///   starves by that: a message in lane `l` is overtaken only by messages in a
///   lane `h` that were queued less than `h - l + 1` levels of time after it.
/// - Within a lane the oldest is the only candidate: the order stays.
///
/// A `per_level` of zero means no ageing: strictly by lane, and low lanes can
/// starve. A message queued after `now` has not waited.
///
/// # Examples
///
/// ```
/// use callboard::policy::priority::{LANES, choose};
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let second = Duration::from_secs(1);
/// let mut heads = [None; LANES];
/// assert_eq!(choose(&heads, now, second), None);
///
/// heads[2] = Some(now);
/// heads[9] = Some(now);
/// assert_eq!(choose(&heads, now, second), Some(9));
///
/// // Eight seconds later the 2 stands at level 10, above a fresh 9.
/// let later = now + 8 * second;
/// heads[9] = Some(later);
/// assert_eq!(choose(&heads, later, second), Some(2));
/// ```
#[must_use]
pub fn choose(
    heads: &[Option<Instant>; LANES],
    now: Instant,
    per_level: Duration,
) -> Option<usize> {
    let mut best = None;
    for (lane, head) in heads.iter().enumerate() {
        let Some(queued) = head else { continue };
        let waited = now.saturating_duration_since(*queued);
        let level = (lane as u128).saturating_add(levels(waited, per_level));
        // Lanes come in rising order, so equality hands the tie to the higher.
        if best.is_none_or(|(highest, _)| level >= highest) {
            best = Some((level, lane));
        }
    }
    best.map(|(_, lane)| lane)
}

/// How many levels a wait is worth.
fn levels(waited: Duration, per_level: Duration) -> u128 {
    // A division of 128 bits is slow, and almost every wait is short.
    if waited < per_level {
        return 0;
    }
    waited
        .as_nanos()
        .checked_div(per_level.as_nanos())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    const SECOND: Duration = Duration::from_secs(1);

    fn heads(queued: &[(usize, Instant)]) -> [Option<Instant>; LANES] {
        let mut heads = [None; LANES];
        for (lane, at) in queued {
            heads[*lane] = Some(*at);
        }
        heads
    }

    #[test]
    fn a_priority_is_a_number_from_0_to_9() {
        assert_eq!(Priority::new(0), Some(Priority::LOWEST));
        assert_eq!(Priority::new(9), Some(Priority::HIGHEST));
        assert_eq!(Priority::new(10), None);
        assert_eq!(Priority::try_from(200), Err(InvalidPriority(200)));
        assert_eq!(Priority::try_from(7).map(u8::from), Ok(7));
    }

    #[test]
    fn a_message_is_in_the_middle_unless_told() {
        assert_eq!(Priority::default().get(), 5);
        assert_eq!(Priority::default().lane(), 5);
        assert_eq!(Priority::HIGHEST.lane(), LANES - 1);
        assert_eq!(Priority::default().to_string(), "5");
    }

    #[test]
    fn nothing_is_chosen_from_nothing() {
        assert_eq!(choose(&[None; LANES], Instant::now(), SECOND), None);
    }

    #[test]
    fn the_highest_lane_goes_first_while_nothing_has_aged() {
        let t0 = Instant::now();
        let queued = heads(&[(0, t0), (4, t0 + SECOND / 2), (3, t0)]);
        assert_eq!(choose(&queued, t0 + SECOND * 99 / 100, SECOND), Some(4));
    }

    #[test]
    fn a_second_of_waiting_is_worth_a_level() {
        let t0 = Instant::now();
        let fresh = |now| choose(&heads(&[(5, t0), (8, now)]), now, SECOND);
        assert_eq!(fresh(t0 + 2 * SECOND), Some(8));
        assert_eq!(
            fresh(t0 + 3 * SECOND),
            Some(8),
            "a tie goes to the higher lane"
        );
        assert_eq!(fresh(t0 + 4 * SECOND), Some(5));
    }

    #[test]
    fn exactly_one_second_is_a_level_already() {
        let t0 = Instant::now();
        let queued = heads(&[(3, t0), (5, t0 + 2 * SECOND)]);
        assert_eq!(
            choose(&queued, t0 + 3 * SECOND, SECOND),
            Some(5),
            "six each"
        );
    }

    #[test]
    fn a_very_old_low_message_beats_an_old_high_one() {
        let t0 = Instant::now();
        let queued = heads(&[(0, t0), (9, t0 + 20 * SECOND)]);
        assert_eq!(choose(&queued, t0 + 100 * SECOND, SECOND), Some(0));
    }

    #[test]
    fn without_ageing_the_lane_alone_counts() {
        let t0 = Instant::now();
        let now = t0 + 1_000_000 * SECOND;
        let queued = heads(&[(0, t0), (1, now)]);
        assert_eq!(choose(&queued, now, Duration::ZERO), Some(1));
    }

    #[test]
    fn a_message_from_the_future_has_not_waited() {
        let t0 = Instant::now();
        let queued = heads(&[(3, t0 + 50 * SECOND), (4, t0)]);
        assert_eq!(choose(&queued, t0, SECOND), Some(4));
    }

    #[test]
    fn the_lowest_is_served_under_an_endless_stream_of_the_highest() {
        let t0 = Instant::now();
        let mut nines = VecDeque::from([t0; 5]);
        let mut overtaken = 0;
        // More arrive than are served, two for one, ten times a second.
        for step in 0_u32.. {
            let now = t0 + SECOND / 10 * step;
            nines.extend([now, now]);
            let queued = heads(&[(0, t0), (9, nines[0])]);
            match choose(&queued, now, SECOND) {
                Some(9) => overtaken += nines.pop_front().into_iter().count(),
                _ => break,
            }
        }
        // All that came in less than ten seconds, plus the five before.
        assert!(overtaken <= 205, "overtaken by {overtaken}");
        assert!(overtaken > 100, "nines go first for ten seconds");
    }

    fn any_heads() -> impl Strategy<Value = [Option<u64>; LANES]> {
        proptest::array::uniform10(proptest::option::of(0_u64..40_000))
    }

    proptest! {
        #[test]
        fn the_choice_has_the_highest_level_and_then_the_highest_lane(
            waits in any_heads(),
            per_level in 0_u64..5_000,
        ) {
            let now = Instant::now() + Duration::from_secs(100);
            let queued = waits.map(|wait| wait.map(|ms| now - Duration::from_millis(ms)));
            let expected = (0..LANES)
                .filter_map(|lane| {
                    let aged = waits[lane]?.checked_div(per_level).unwrap_or(0);
                    Some((lane as u64 + aged, lane))
                })
                .max()
                .map(|(_, lane)| lane);
            prop_assert_eq!(choose(&queued, now, Duration::from_millis(per_level)), expected);
        }

        #[test]
        fn waiting_longer_never_loses_a_turn(
            waits in any_heads(),
            lane in 0..LANES,
            more in 0_u64..100_000,
            per_level in 0_u64..5_000,
        ) {
            let now = Instant::now() + Duration::from_secs(1_000);
            let mut queued = waits.map(|wait| wait.map(|ms| now - Duration::from_millis(ms)));
            let per_level = Duration::from_millis(per_level);
            if choose(&queued, now, per_level) == Some(lane) {
                queued[lane] = queued[lane].map(|at| at - Duration::from_millis(more));
                prop_assert_eq!(choose(&queued, now, per_level), Some(lane));
            }
        }

        #[test]
        fn overtaking_ends_after_as_many_levels_as_lie_between_and_one(
            (low, high) in (1..LANES).prop_flat_map(|high| (0..high, Just(high))),
            head_start in 0_u64..20_000,
            waited in 0_u64..100_000,
        ) {
            let t0 = Instant::now();
            let queued = heads(&[(low, t0), (high, t0 + Duration::from_millis(head_start))]);
            let now = t0 + Duration::from_millis(head_start + waited);
            if head_start >= (high - low + 1) as u64 * 1_000 {
                prop_assert_eq!(choose(&queued, now, SECOND), Some(low));
            }
        }

        #[test]
        fn no_times_make_it_panic(at in any::<u64>(), nanos in any::<u64>()) {
            let t0 = Instant::now();
            let later = t0.checked_add(Duration::from_millis(at)).unwrap_or(t0);
            let per_level = Duration::from_nanos(nanos);
            let queued = heads(&[(0, t0), (9, later)]);
            prop_assert!(choose(&queued, later, per_level).is_some());
            prop_assert!(choose(&queued, t0, per_level).is_some());
            prop_assert!(choose(&queued, later, Duration::from_nanos(1)).is_some());
        }
    }
}
