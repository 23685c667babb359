//! When an elastic pool grows and when it shrinks.
//!
//! ```text
//!  size
//!   max ┤      ┌───────┐            at once, while all are busy and work waits
//!       │      │       └───┐
//!       │      │           └───┐    one at a time, each after `idle_for`
//!   min ┤──────┘               └──
//! ```

use std::error::Error;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How many members a pool has.
///
/// # Examples
///
/// ```
/// use callboard::policy::sizing::{Resize, Sizing};
/// use std::time::{Duration, Instant};
///
/// let sizing = Sizing::new(2..=10)?.idle_for(Duration::from_secs(30));
/// let now = Instant::now();
/// // Both are busy and three pieces of work wait: grow by three.
/// assert_eq!(sizing.decide(2, 2, 3, None, now), Resize::Grow(3));
/// // Somebody has had nothing to do for half a minute: one may go.
/// let idle_since = Some(now);
/// let later = now + Duration::from_secs(30);
/// assert_eq!(sizing.decide(5, 1, 0, idle_since, later), Resize::Shrink(1));
/// # Ok::<(), callboard::policy::sizing::InvalidSizing>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Sizing {
    /// Never fewer than this, save for the moment in which a crashed one is
    /// replaced. 0 lets an idle pool vanish until work comes. Default 5.
    pub min: usize,
    /// Never more than this. Default 5, so that a pool is fixed unless told.
    pub max: usize,
    /// How long there must have been an idle member before one is let go.
    /// Default 60 s: starting costs more than idling through a pause.
    #[serde(with = "humantime_serde")]
    pub idle_for: Duration,
    /// It grows when so many pieces of work wait while all are busy. Default 1;
    /// 0 counts as 1. A pool without any member grows for the first one.
    pub grow_at: usize,
    /// When members beyond the minimum are let go. Default
    /// [`Surplus::AfterIdle`].
    pub surplus: Surplus,
}

/// When members beyond the minimum are let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Surplus {
    /// One at a time, after [`Sizing::idle_for`]. The default.
    #[default]
    AfterIdle,
    /// As soon as they have nothing to do and nothing waits, as poolboy's
    /// overflow workers: for members that hold something dear.
    AtOnce,
}

/// What to do about the size of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Resize {
    /// Start this many members; never 0.
    Grow(usize),
    /// Stop this many members, idle ones first; never 0.
    Shrink(usize),
    /// It is right as it is.
    Keep,
}

impl Sizing {
    /// Creates the settings of a pool that grows and shrinks within a range.
    ///
    /// # Errors
    ///
    /// The range is empty, or ends at 0.
    pub fn new(range: RangeInclusive<usize>) -> Result<Self, InvalidSizing> {
        let (min, max) = range.into_inner();
        let sizing = Self {
            min,
            max,
            ..Self::default()
        };
        sizing.validate()?;
        Ok(sizing)
    }

    /// Creates the settings of a pool that always has this many members.
    ///
    /// # Errors
    ///
    /// The size is 0.
    pub fn fixed(size: usize) -> Result<Self, InvalidSizing> {
        Self::new(size..=size)
    }

    /// Sets how long there must have been an idle member before one is let go. Default 60 s.
    #[must_use]
    pub const fn idle_for(mut self, idle_for: Duration) -> Self {
        self.idle_for = idle_for;
        self
    }

    /// Sets how many pieces of work have to wait before it grows. Default 1.
    #[must_use]
    pub const fn grow_at(mut self, waiting: usize) -> Self {
        self.grow_at = waiting;
        self
    }

    /// Sets when members beyond the minimum are let go. Default
    /// [`Surplus::AfterIdle`].
    #[must_use]
    pub const fn surplus(mut self, surplus: Surplus) -> Self {
        self.surplus = surplus;
        self
    }

    /// Returns whether the size never changes.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        self.min == self.max
    }

    /// Checks what the types let through.
    ///
    /// # Errors
    ///
    /// The minimum is above the maximum, or the maximum is 0.
    pub const fn validate(&self) -> Result<(), InvalidSizing> {
        if self.max == 0 {
            return Err(InvalidSizing::NoMembers);
        }
        if self.min > self.max {
            return Err(InvalidSizing::MinAboveMax {
                min: self.min,
                max: self.max,
            });
        }
        Ok(())
    }

    /// Decides whether to start or stop members.
    ///
    /// - `size` counts all members that have not ended, those still starting
    ///   included: they are not busy yet, so nobody is started twice for the
    ///   same work.
    /// - `busy` of them have work, and `queued` pieces of work wait for one.
    /// - `idle_since` is since when at least one member has been idle without
    ///   a break, or `None` if all are busy. After a member was stopped for
    ///   it, pass the time of that, so that the next one gets its own wait.
    ///
    /// It grows while all are busy and [`grow_at`](Self::grow_at) pieces of work
    /// are queued, by one for each of them, up to the maximum. It shrinks by one after `idle_for`, down to
    /// the minimum, and not while work is queued. A size outside the limits is
    /// put right at once, whatever is busy: below, members have crashed;
    /// above, the settings have changed.
    ///
    /// Settings that [`validate`](Self::validate) refuses are safe here: the
    /// minimum is clamped to the maximum.
    pub fn decide(
        &self,
        size: usize,
        busy: usize,
        queued: usize,
        idle_since: Option<Instant>,
        now: Instant,
    ) -> Resize {
        let min = self.min.min(self.max);
        if size > self.max {
            return Resize::Shrink(size - self.max);
        }
        let threshold = if size == 0 { 1 } else { self.grow_at.max(1) };
        let wanted = if busy >= size && queued >= threshold {
            size.saturating_add(queued)
        } else {
            size
        };
        let target = wanted.clamp(min, self.max);
        if target > size {
            return Resize::Grow(target - size);
        }
        let has_idled =
            idle_since.is_some_and(|since| now.saturating_duration_since(since) >= self.idle_for);
        let has_idled = has_idled || self.surplus == Surplus::AtOnce;
        if has_idled && busy < size && queued == 0 && size > min {
            return Resize::Shrink(1);
        }
        Resize::Keep
    }
}

impl Default for Sizing {
    fn default() -> Self {
        Self {
            min: 5,
            max: 5,
            idle_for: Duration::from_secs(60),
            grow_at: 1,
            surplus: Surplus::AfterIdle,
        }
    }
}

/// Why a [`Sizing`] was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSizing {
    /// A pool of at most 0 members does no work.
    NoMembers,
    /// The minimum is above the maximum.
    MinAboveMax {
        /// The fewest members.
        min: usize,
        /// The most members.
        max: usize,
    },
}

impl fmt::Display for InvalidSizing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMembers => f.write_str("the pool may have no members"),
            Self::MinAboveMax { min, max } => {
                write!(
                    f,
                    "the smallest pool of {min} is above the largest of {max}"
                )
            }
        }
    }
}

impl Error for InvalidSizing {}

#[cfg(test)]
mod tests {
    use super::Resize::{Grow, Keep, Shrink};
    use super::*;
    use proptest::prelude::*;

    const IDLE_FOR: Duration = Duration::from_secs(30);

    fn sizing(range: RangeInclusive<usize>) -> Sizing {
        Sizing::new(range)
            .expect("the range is fine")
            .idle_for(IDLE_FOR)
    }

    #[test]
    fn it_grows_by_what_is_queued_while_all_are_busy() {
        let now = Instant::now();
        assert_eq!(sizing(1..=10).decide(3, 3, 2, None, now), Grow(2));
        assert_eq!(sizing(1..=10).decide(3, 3, 100, None, now), Grow(7));
        assert_eq!(sizing(1..=10).decide(10, 10, 100, None, now), Keep);
    }

    #[test]
    fn it_keeps_its_size_while_someone_could_take_the_work() {
        let now = Instant::now();
        assert_eq!(sizing(1..=10).decide(3, 2, 5, None, now), Keep);
        assert_eq!(sizing(1..=10).decide(3, 3, 0, None, now), Keep);
    }

    #[test]
    fn it_shrinks_one_at_a_time_after_idling() {
        let t0 = Instant::now();
        let sizing = sizing(2..=10);
        let almost = t0 + IDLE_FOR - Duration::from_nanos(1);
        assert_eq!(sizing.decide(4, 1, 0, Some(t0), almost), Keep);
        assert_eq!(sizing.decide(4, 1, 0, Some(t0), t0 + IDLE_FOR), Shrink(1));
        assert_eq!(
            sizing.decide(2, 0, 0, Some(t0), t0 + IDLE_FOR),
            Keep,
            "the minimum stays"
        );
    }

    #[test]
    fn it_does_not_shrink_while_work_is_queued_or_all_are_busy() {
        let t0 = Instant::now();
        let later = t0 + IDLE_FOR;
        assert_eq!(sizing(1..=10).decide(4, 2, 1, Some(t0), later), Keep);
        assert_eq!(sizing(1..=10).decide(4, 4, 0, Some(t0), later), Keep);
        assert_eq!(sizing(1..=10).decide(4, 0, 0, None, later), Keep);
    }

    #[test]
    fn crashed_members_are_replaced_up_to_the_minimum_even_without_work() {
        let now = Instant::now();
        assert_eq!(
            sizing(3..=10).decide(1, 0, 0, Some(now), now + IDLE_FOR),
            Grow(2)
        );
        assert_eq!(
            sizing(3..=10).decide(0, 0, 5, None, now),
            Grow(5),
            "and further for work"
        );
    }

    #[test]
    fn too_many_members_are_stopped_at_once() {
        let now = Instant::now();
        assert_eq!(sizing(1..=4).decide(6, 6, 9, None, now), Shrink(2));
    }

    #[test]
    fn a_pool_that_may_vanish_comes_back_for_work() {
        let t0 = Instant::now();
        let sizing = sizing(0..=4);
        assert_eq!(sizing.decide(1, 0, 0, Some(t0), t0 + IDLE_FOR), Shrink(1));
        assert_eq!(sizing.decide(0, 0, 0, None, t0 + IDLE_FOR), Keep);
        assert_eq!(sizing.decide(0, 0, 1, None, t0 + IDLE_FOR), Grow(1));
    }

    #[test]
    fn a_fixed_pool_only_replaces() {
        let t0 = Instant::now();
        let fixed = Sizing::fixed(3).expect("three is a size");
        assert!(fixed.is_fixed());
        assert!(!sizing(1..=3).is_fixed());
        assert_eq!(fixed.decide(3, 3, 50, None, t0), Keep);
        assert_eq!(fixed.decide(3, 0, 0, Some(t0), t0 + 9 * IDLE_FOR), Keep);
        assert_eq!(fixed.decide(2, 2, 0, None, t0), Grow(1));
    }

    #[test]
    fn it_grows_only_when_so_many_wait_and_for_the_first_where_nobody_is() {
        let now = Instant::now();
        let sizing = sizing(0..=9).grow_at(3);
        assert_eq!(sizing.decide(2, 2, 2, None, now), Keep);
        assert_eq!(sizing.decide(2, 2, 3, None, now), Grow(3));
        assert_eq!(sizing.decide(0, 0, 1, None, now), Grow(1));
    }

    #[test]
    fn surplus_members_can_be_let_go_at_once() {
        let now = Instant::now();
        let sizing = sizing(2..=9).surplus(Surplus::AtOnce);
        assert_eq!(sizing.decide(3, 2, 0, Some(now), now), Shrink(1));
        assert_eq!(sizing.decide(2, 1, 0, Some(now), now), Keep);
    }

    #[test]
    fn it_is_read_from_text_as_it_was_written() {
        let sizing = sizing(4..=16).grow_at(2).surplus(Surplus::AtOnce);
        let text = serde_json::to_string(&sizing).expect("it can be written");
        assert!(text.contains(r#""idle_for":"30s""#), "{text}");
        assert_eq!(
            serde_json::from_str::<Sizing>(&text).expect("and read"),
            sizing
        );
        let partial: Sizing = serde_json::from_str(r#"{"min": 1}"#).expect("the rest by default");
        assert_eq!((partial.min, partial.max), (1, 5));
        assert!(serde_json::from_str::<Sizing>(r#"{"mni": 1}"#).is_err());
    }

    #[test]
    fn a_pool_has_five_members_by_default() {
        let default = Sizing::default();
        assert_eq!(Ok(default.clone()), Sizing::fixed(5));
        assert_eq!(default.idle_for, Duration::from_secs(60));
    }

    #[test]
    fn a_range_without_a_member_is_refused() {
        assert_eq!(Sizing::new(0..=0), Err(InvalidSizing::NoMembers));
        assert_eq!(Sizing::fixed(0), Err(InvalidSizing::NoMembers));
        #[expect(clippy::reversed_empty_ranges, reason = "it is what must be refused")]
        let reversed = Sizing::new(3..=2);
        assert_eq!(reversed, Err(InvalidSizing::MinAboveMax { min: 3, max: 2 }));
    }

    proptest! {
        #[test]
        fn the_size_ends_up_within_the_limits_whatever_happens(
            (min, max) in (1_usize..12).prop_flat_map(|max| (0..=max, Just(max))),
            events in proptest::collection::vec(
                (0_usize..12, 0_usize..9, 0_u64..60, any::<bool>()),
                1..60,
            ),
        ) {
            let sizing = sizing(min..=max);
            let mut now = Instant::now();
            let mut size = min;
            for (busy, queued, wait, has_crashed) in events {
                let idle_since = (busy < size).then_some(now);
                now += Duration::from_secs(wait);
                if has_crashed {
                    size = size.saturating_sub(2);
                }
                match sizing.decide(size, busy, queued, idle_since, now) {
                    Grow(n) => {
                        prop_assert!(n > 0);
                        prop_assert!(size < min || busy >= size && queued > 0);
                        size += n;
                    }
                    Shrink(n) => {
                        prop_assert_eq!(n, 1);
                        prop_assert!(wait >= 30 && busy < size && queued == 0);
                        size -= n;
                    }
                    Keep => prop_assert!(
                        size == max || busy < size || queued == 0,
                        "work waits although there is room"
                    ),
                }
                prop_assert!((sizing.min..=sizing.max).contains(&size));
            }
        }

        #[test]
        fn more_queued_work_never_grows_it_less(
            size in 0_usize..12,
            busy in 0_usize..12,
            queued in 0_usize..20,
        ) {
            let sizing = sizing(2..=9);
            let now = Instant::now();
            let grown = |resize| match resize {
                Grow(n) => n,
                Shrink(_) | Keep => 0,
            };
            let less = grown(sizing.decide(size, busy, queued, None, now));
            let more = grown(sizing.decide(size, busy, queued + 1, None, now));
            prop_assert!(less <= more);
        }

        #[test]
        fn no_settings_and_no_numbers_make_it_panic(
            min in any::<usize>(),
            max in any::<usize>(),
            size in any::<usize>(),
            busy in any::<usize>(),
            queued in any::<usize>(),
        ) {
            let sizing = Sizing { min, max, idle_for: Duration::ZERO, ..Sizing::default() };
            let now = Instant::now();
            match sizing.decide(size, busy, queued, Some(now), now) {
                Grow(n) => prop_assert!(n > 0 && size + n <= max),
                Shrink(n) => prop_assert!(n > 0 && size - n >= min.min(max)),
                Keep => {}
            }
        }
    }
}
