//! The least loaded of a few, looked for one by one.

/// Chooses the member with the least load, or `None` if none is available.
///
/// `loads` has one entry for each member, in a fixed order; `None` in it is a
/// member that must not be chosen. Of several with the least load, the first
/// from `start` on is taken, going round. Pass one more than the last choice:
/// then equal members share the work evenly. Any other number is fine too, and
/// is taken modulo the number of members.
///
/// One pass, no allocation.
///
/// # Examples
///
/// ```
/// use callboard::policy::choice::least_loaded;
///
/// let loads = [Some(2), Some(1), None, Some(1)];
/// assert_eq!(least_loaded(loads, 0), Some(1));
/// assert_eq!(least_loaded(loads, 2), Some(3));
/// assert_eq!(least_loaded(loads, 4), Some(1), "round again");
/// assert_eq!(least_loaded([None, None], 0), None);
/// ```
#[must_use]
pub fn least_loaded<I>(loads: I, start: usize) -> Option<usize>
where
    I: IntoIterator<Item = Option<usize>>,
    I::IntoIter: ExactSizeIterator,
{
    let loads = loads.into_iter();
    // The remainder of zero members is none, and then nothing is compared.
    let start = start.checked_rem(loads.len()).unwrap_or(0);
    loads
        .enumerate()
        .filter_map(|(member, load)| load.map(|load| (load, member < start, member)))
        // Least load; then those from `start` on, false before true; then the first.
        .min()
        .map(|(_, _, member)| member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_least_loaded_is_chosen() {
        assert_eq!(least_loaded([Some(3), Some(0), Some(2)], 2), Some(1));
    }

    #[test]
    fn an_unavailable_member_is_skipped() {
        assert_eq!(least_loaded([None, Some(9), None], 0), Some(1));
    }

    #[test]
    fn nobody_is_chosen_from_nobody() {
        assert_eq!(least_loaded([], 3), None);
        assert_eq!(least_loaded([None, None], 1), None);
    }

    #[test]
    fn equal_members_take_turns() {
        let mut served = [0; 3];
        let mut start = 0;
        for _ in 0..300 {
            let member = least_loaded([Some(0); 3], start).expect("all are available");
            served[member] += 1;
            start = member + 1;
        }
        assert_eq!(served, [100; 3]);
    }

    #[test]
    fn equal_members_among_busier_ones_take_turns_too() {
        let mut served = [0; 4];
        let mut start = 0;
        for _ in 0..300 {
            let loads = [Some(0), Some(5), None, Some(0)];
            let member = least_loaded(loads, start).expect("two are idle");
            served[member] += 1;
            start = member + 1;
        }
        assert_eq!(served, [150, 0, 0, 150]);
    }

    #[test]
    fn a_start_beyond_the_end_goes_round() {
        assert_eq!(least_loaded([Some(1); 3], 4), Some(1));
        let last = usize::MAX % 3;
        assert_eq!(least_loaded([Some(1); 3], usize::MAX), Some(last));
    }

    proptest! {
        #[test]
        fn the_choice_is_available_least_loaded_and_next_in_turn(
            loads in proptest::collection::vec(proptest::option::of(0_usize..4), 0..12),
            start in any::<usize>(),
        ) {
            let n = loads.len();
            let least = loads.iter().flatten().min().copied();
            // The naive way: walk once round from the start.
            let expected = (0..n)
                .map(|step| (start % n + step) % n)
                .find(|member| least.is_some() && loads[*member] == least);
            prop_assert_eq!(least_loaded(loads, start), expected);
        }

        #[test]
        fn work_given_to_the_least_loaded_stays_level(
            members in 1_usize..8,
            pieces in 0_usize..100,
        ) {
            let mut loads = vec![0_usize; members];
            let mut start = 0;
            for _ in 0..pieces {
                let member = least_loaded(loads.iter().copied().map(Some), start);
                let member = member.expect("all are available");
                loads[member] += 1;
                start = member + 1;
            }
            let spread = loads.iter().max().unwrap() - loads.iter().min().unwrap();
            prop_assert!(spread <= 1, "{:?}", loads);
        }
    }
}
