//! Which claim is strongest.

use std::cmp::Ordering;

use super::claim::Claim;

/// By what claims are compared; the greatest wins.
pub(super) type Order<V> = fn(&Claim<V>, &Claim<V>) -> Ordering;

pub(super) fn by_time<V>(a: &Claim<V>, b: &Claim<V>) -> Ordering {
    a.at.cmp(&b.at)
}

pub(super) fn by_priority<V>(a: &Claim<V>, b: &Claim<V>) -> Ordering {
    a.priority.cmp(&b.priority)
}

pub(super) fn by_confidence<V>(a: &Claim<V>, b: &Claim<V>) -> Ordering {
    a.confidence.total_cmp(&b.confidence)
}

/// The strongest claim by the first order, of equals by the second, and so on.
/// `None` where claims that no order tells apart contradict each other.
pub(super) fn strongest<'a, V: PartialEq>(
    claims: &'a [Claim<V>],
    orders: &[Order<V>],
) -> Option<&'a Claim<V>> {
    let mut left: Vec<&Claim<V>> = claims.iter().collect();
    for order in orders {
        let best = *left.iter().max_by(|a, b| order(a, b))?;
        left.retain(|claim| order(claim, best) == Ordering::Equal);
    }
    unanimous(left)
}

/// The claim that all agree with; of those the most confident, so that their order
/// does not matter. `None` where they do not agree, or there is none.
pub(super) fn unanimous<'a, V: PartialEq>(
    claims: impl IntoIterator<Item = &'a Claim<V>>,
) -> Option<&'a Claim<V>> {
    let mut claims = claims.into_iter();
    let first = claims.next()?;
    claims.try_fold(first, |best, claim| {
        let agrees = claim.value == best.value;
        agrees.then(|| match by_confidence(claim, best) {
            Ordering::Greater => claim,
            _ => best,
        })
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn claim(value: u32, at: u64, priority: i64, confidence: f64) -> Claim<u32> {
        let claim = Claim::new("a", value).at(Duration::from_secs(at));
        claim.priority(priority).confidence(confidence)
    }

    fn value(claims: &[Claim<u32>], orders: &[Order<u32>]) -> Option<u32> {
        strongest(claims, orders).map(|claim| claim.value)
    }

    #[test]
    fn d19_the_strongest_claim_wins_and_ties_go_to_the_next_order() {
        let claims = [
            claim(1, 5, 0, 0.9),
            claim(2, 7, 1, 0.2),
            claim(3, 7, 1, 0.8),
        ];
        assert_eq!(value(&claims, &[by_confidence]), Some(1));
        assert_eq!(value(&claims, &[by_time]), None, "two are the latest");
        assert_eq!(value(&claims, &[by_time, by_confidence]), Some(3));
        assert_eq!(value(&claims[..2], &[by_priority]), Some(2));
        assert_eq!(value(&[], &[by_time]), None);
    }

    #[test]
    fn d19_claims_that_agree_are_unanimous_whatever_else_they_say() {
        let claims = [claim(1, 5, 0, 0.2), claim(1, 7, 1, 0.7)];
        assert_eq!(unanimous(&claims).map(|claim| claim.confidence), Some(0.7));
        let claims = [claim(1, 5, 0, 0.2), claim(2, 5, 0, 0.2)];
        assert_eq!(unanimous(&claims), None);
    }

    proptest! {
        #[test]
        fn d19_the_order_of_claims_does_not_matter(
            (claims, shuffled) in prop::collection::vec(
                (0_u32..3, 0_u64..3, 0_i64..3, 0_u8..3), 0..6,
            ).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
        ) {
            let made = |all: &[(u32, u64, i64, u8)]| -> Vec<_> {
                let all = all.iter();
                all.map(|it| claim(it.0, it.1, it.2, f64::from(it.3) / 2.0)).collect()
            };
            for orders in [&[by_time, by_confidence][..], &[by_priority, by_confidence], &[by_confidence]] {
                prop_assert_eq!(value(&made(&claims), orders), value(&made(&shuffled), orders));
            }
        }
    }
}
