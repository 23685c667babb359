//! Auctions by number.

use std::time::Duration;

use proptest::prelude::*;

use super::{Bid, BidScore, BidWeights, InvalidAuction, Raise, Terms, Unacceptable, best};
use crate::policy::choice::InvalidWeights;

const MINUTE: Duration = Duration::from_secs(60);
const TERMS: Terms = Terms::new(100.0, MINUTE).quality(0.5);

fn scored(bid: Bid, reputation: f64) -> f64 {
    BidWeights::default().score(&bid, &TERMS, reputation).total
}

#[test]
fn d14_the_score_is_price_capability_reputation_and_time_as_weighted() {
    let cases = [
        (Bid::new(0.0, Duration::ZERO, 1.0), 1.0, 1.0),
        (Bid::new(100.0, MINUTE, 0.0), 0.0, 0.0),
        (
            Bid::new(50.0, MINUTE / 2, 0.8),
            0.5,
            0.15 + 0.32 + 0.1 + 0.05,
        ),
    ];
    for (bid, reputation, score) in cases {
        assert!((scored(bid, reputation) - score).abs() < 1e-9, "{bid:?}");
    }
    let parts = BidWeights::default().score(&cases[2].0, &TERMS, 0.5);
    assert!((parts.price - 0.15).abs() < 1e-9 && (parts.time - 0.05).abs() < 1e-9);
}

#[test]
fn d14_weights_that_do_not_sum_to_one_are_refused() {
    assert_eq!(BidWeights::default().validate(), Ok(()));
    let refused = |p, c, r, t| BidWeights::new(p, c, r, t).validate().unwrap_err();
    assert_eq!(refused(0.3, 0.4, 0.2, 0.2), InvalidWeights::NotOne);
    assert_eq!(refused(1.3, -0.3, 0.0, 0.0), InvalidWeights::NotAWeight);
    assert_eq!(refused(f64::NAN, 0.4, 0.2, 0.1), InvalidWeights::NotAWeight);
    assert_eq!(refused(0.0, 0.0, 0.0, 0.0), InvalidWeights::Nothing);
}

#[test]
fn d14_a_bid_that_may_not_win_is_refused_with_the_reason() {
    let refused = |bid: Bid| TERMS.accept(&bid).unwrap_err();
    let (price, budget) = (100.5, 100.0);
    let over = refused(Bid::new(price, MINUTE, 1.0));
    assert_eq!(over, Unacceptable::OverBudget { price, budget });
    assert_eq!(
        over.to_string(),
        "the price is 100.5 where the budget is 100"
    );
    let (time, limit) = (2 * MINUTE, MINUTE);
    assert_eq!(
        refused(Bid::new(1.0, time, 1.0)),
        Unacceptable::TooSlow { time, limit }
    );
    let (capability, required) = (0.4, 0.5);
    assert_eq!(
        refused(Bid::new(1.0, MINUTE, capability)),
        Unacceptable::NotCapable {
            capability,
            required
        }
    );
    for (price, capability) in [(f64::NAN, 1.0), (-1.0, 1.0), (1.0, f64::NAN), (1.0, 1.1)] {
        let bid = Bid::new(price, MINUTE, capability);
        assert_eq!(refused(bid), Unacceptable::NotANumber, "{bid:?}");
    }
    // All that is allowed, and no more.
    assert_eq!(TERMS.accept(&Bid::new(100.0, MINUTE, 0.5)), Ok(()));
}

#[test]
fn d14_terms_and_raises_that_make_no_sense_are_named() {
    assert_eq!(TERMS.validate(), Ok(()));
    let wrong = [
        (Terms::new(0.0, MINUTE), InvalidAuction::Budget),
        (Terms::new(f64::INFINITY, MINUTE), InvalidAuction::Budget),
        (Terms::new(1.0, Duration::ZERO), InvalidAuction::Time),
        (TERMS.quality(1.1), InvalidAuction::Quality),
        (TERMS.quality(f64::NAN), InvalidAuction::Quality),
    ];
    for (terms, why) in wrong {
        assert_eq!(terms.validate(), Err(why));
    }
    assert_eq!(Raise::default().validate(), Ok(()));
    for raise in [Raise::new(0.9, 1.0), Raise::new(1.0, f64::NAN)] {
        assert_eq!(raise.validate(), Err(InvalidAuction::Raise));
    }
    let raised = TERMS.raised(&Raise::default());
    assert_eq!((raised.budget, raised.time), (150.0, 90 * MINUTE / 60));
    assert_eq!(raised.quality, 0.5, "the quality stays");
}

#[test]
fn d14_of_equal_bids_the_cheaper_then_the_faster_then_the_first_wins() {
    let score = BidScore {
        price: 0.0,
        capability: 0.5,
        reputation: 0.0,
        time: 0.0,
        total: 0.5,
    };
    let bid = |price, seconds| (Bid::new(price, Duration::from_secs(seconds), 1.0), score);
    assert_eq!(best(&[]), None);
    assert_eq!(best(&[bid(2.0, 1), bid(1.0, 9), bid(1.0, 8)]), Some(2));
    assert_eq!(best(&[bid(1.0, 1), bid(1.0, 1)]), Some(0));
}

fn any_bid() -> impl Strategy<Value = Bid> {
    (any::<f64>(), any::<u32>(), any::<f64>()).prop_map(|(price, ms, capability)| {
        Bid::new(price, Duration::from_millis(ms.into()), capability)
    })
}

proptest! {
    #[test]
    fn d14_a_score_is_bounded_and_more_of_anything_good_never_lowers_it(
        bid in any_bid(),
        reputation in any::<f64>(),
        more in 0.0_f64..1.0,
    ) {
        let score = scored(bid, reputation);
        prop_assert!((0.0..=1.0 + 1e-9).contains(&score), "{}", score);
        let better = [
            (Bid { price: bid.price - more * 100.0, ..bid }, reputation),
            (Bid { time: bid.time.mul_f64(more), ..bid }, reputation),
            (Bid { capability: bid.capability + more, ..bid }, reputation),
            (bid, reputation + more),
        ];
        for (better, reputation) in better {
            prop_assert!(scored(better, reputation) >= score - 1e-9, "{:?}", better);
        }
    }

    #[test]
    fn d14_the_best_bid_has_the_highest_score(
        bids in proptest::collection::vec((0.0_f64..100.0, 0_u64..60, 0.0_f64..1.0), 0..20),
    ) {
        let weights = BidWeights::default();
        let bids: Vec<_> = bids
            .into_iter()
            .map(|(price, seconds, capability)| Bid::new(price, Duration::from_secs(seconds), capability))
            .map(|bid| (bid, weights.score(&bid, &TERMS, 0.5)))
            .collect();
        match best(&bids) {
            None => prop_assert!(bids.is_empty()),
            Some(at) => prop_assert!(bids.iter().all(|(_, it)| it.total <= bids[at].1.total)),
        }
    }

    #[test]
    fn d14_raised_terms_are_valid_and_accept_what_was_accepted_before(
        bid in any_bid(),
        by in 1.0_f64..1e9,
    ) {
        let raised = TERMS.raised(&Raise::new(by, by));
        prop_assert_eq!(raised.validate(), Ok(()));
        prop_assert!(TERMS.accept(&bid).is_err() || raised.accept(&bid).is_ok());
    }
}
