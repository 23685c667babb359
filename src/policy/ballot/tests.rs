//! Votes by number.

use proptest::prelude::*;

use super::*;

fn count(method: Method, weights: &[f64]) -> Count {
    Count::new(Rules::new(method), weights).expect("rules that are right")
}

/// All cast whole ballots for these choices, in this order.
fn counted(method: Method, choices: &[u32]) -> Tally {
    let mut count = count(method, &vec![1.0; choices.len()]);
    for (voter, choice) in choices.iter().enumerate() {
        count.cast(voter, 1.0, vec![*choice]);
    }
    count.tally()
}

#[test]
fn d15_a_majority_gives_decision_confidence_and_distribution() {
    let tally = counted(Method::Majority, &[1, 2, 1, 1, 3]);
    assert_eq!(tally.outcome, Outcome::Decided(1));
    assert_eq!(tally.confidence, 0.6);
    let shares = tally
        .distribution
        .iter()
        .map(|it| (it.choice, it.votes, it.share));
    assert_eq!(
        shares.collect::<Vec<_>>(),
        [(1, 3, 0.6), (2, 1, 0.2), (3, 1, 0.2)]
    );
}

#[test]
fn d15_half_is_no_majority_and_more_than_any_other_is_a_plurality() {
    let votes = [1, 1, 2, 3];
    assert_eq!(
        counted(Method::Majority, &votes).outcome,
        Outcome::NotReached(1)
    );
    assert_eq!(
        counted(Method::Plurality, &votes).outcome,
        Outcome::Decided(1)
    );
    for method in [Method::Majority, Method::Plurality] {
        assert_eq!(
            counted(method, &[1, 2, 2, 1]).outcome,
            Outcome::Tied(vec![1, 2])
        );
    }
}

#[test]
fn d15_a_quorum_is_a_count_of_heads_or_a_share_of_weight() {
    let three = Method::Quorum(Quorum::Count(3));
    assert_eq!(
        counted(three, &[1, 1, 2, 1, 2]).outcome,
        Outcome::Decided(1)
    );
    assert_eq!(
        counted(three, &[1, 1, 2, 3, 2]).outcome,
        Outcome::Tied(vec![1, 2])
    );
    let share = Method::Quorum(Quorum::Share(0.55));
    let votes: Vec<u32> = (0..100).map(|n| u32::from(n >= 55)).collect();
    assert_eq!(
        counted(share, &votes).outcome,
        Outcome::Decided(0),
        "exactly 55 of 100"
    );
    let votes: Vec<u32> = (0..100).map(|n| u32::from(n >= 54)).collect();
    assert_eq!(counted(share, &votes).outcome, Outcome::NotReached(0));
}

#[test]
fn d15_weights_decide_and_a_ballot_carries_a_share_of_its_voters() {
    let mut count = count(Method::Majority, &[3.0, 1.0, 1.0]);
    count.cast(0, 0.5, vec![1]);
    count.cast(1, 1.0, vec![2]);
    count.cast(2, 1.0, vec![2]);
    let tally = count.tally();
    assert_eq!(tally.outcome, Outcome::Decided(2));
    assert_eq!(tally.confidence, 2.0 / 3.5);
    assert_eq!(tally.distribution[1].weight, 1.5);
}

#[test]
fn d15_a_count_is_open_while_a_tie_is_possible() {
    let mut count = count(Method::Plurality, &[1.0; 2]);
    count.cast(0, 1.0, vec![1]);
    assert_eq!(count.progress(), Progress::Open);
    count.cast(1, 1.0, vec![2]);
    assert_eq!(count.tally().outcome, Outcome::Tied(vec![1, 2]));
}

#[test]
fn d15_a_share_that_is_not_a_number_weighs_nothing() {
    for (share, weight) in [
        (f64::NAN, 0.0),
        (-1.0, 0.0),
        (7.0, 1.0),
        (f64::INFINITY, 1.0),
    ] {
        let mut count = count(Method::Plurality, &[1.0]);
        count.cast(0, share, vec![1]);
        assert_eq!(count.tally().distribution[0].weight, weight);
    }
}

#[test]
fn d15_who_fails_counts_among_the_eligible_and_not_among_the_voting() {
    for (base, outcome) in [
        (Base::Eligible, Outcome::NotReached(1)),
        (Base::Voting, Outcome::Decided(1)),
    ] {
        let rules = Rules::new(Method::Majority).of(base);
        let mut count = Count::new(rules, [1.0; 5]).unwrap();
        count.cast(0, 1.0, vec![1]);
        count.cast(1, 1.0, vec![1]);
        (2..5).for_each(|voter| assert_eq!(count.abstain(voter), Heard::Counted));
        assert_eq!(count.tally().outcome, outcome);
    }
}

#[test]
fn d15_quorums_that_need_not_intersect_are_refused() {
    let refused = |quorum, voters| {
        let rules = Rules::new(Method::Quorum(quorum));
        Count::new(rules, vec![1.0; voters]).unwrap_err()
    };
    for (quorum, voters) in [
        (Quorum::Count(2), 4),
        (Quorum::Count(0), 1),
        (Quorum::Share(0.5), 4),
        (Quorum::Share(0.500_000_4), 4),
        (Quorum::Share(-1.0), 4),
    ] {
        let why = refused(quorum, voters);
        assert_eq!(why, InvalidVote::Disjoint { quorum, voters });
    }
    for quorum in [
        Quorum::Count(5),
        Quorum::Share(1.1),
        Quorum::Share(f64::NAN),
    ] {
        assert!(matches!(refused(quorum, 4), InvalidVote::OutOfReach { .. }));
    }
    let rules = Rules::default();
    assert_eq!(rules.validate(&[]), Err(InvalidVote::NoVoters));
    assert_eq!(rules.validate(&[0.0]), Err(InvalidVote::NoWeight));
    for weight in [f64::NAN, -1.0, f64::INFINITY, 1e7] {
        assert_eq!(
            rules.validate(&[1.0, weight]),
            Err(InvalidVote::Weight { voter: 1 })
        );
    }
}

fn ranked(ballots: &[(usize, &[u32])]) -> Tally {
    let voters = ballots.iter().map(|(voters, _)| voters).sum();
    let mut count = count(Method::Runoff, &vec![1.0; voters]);
    let all = ballots
        .iter()
        .flat_map(|(voters, choices)| std::iter::repeat_n(choices, *voters));
    for (voter, choices) in all.enumerate() {
        count.cast(voter, 1.0, choices.to_vec());
    }
    count.tally()
}

#[test]
fn d15_the_textbook_runoff_moves_ballots_to_their_next_choice() {
    // The capital of Tennessee: Memphis 0, Nashville 1, Knoxville 2, Chattanooga 3.
    let tally = ranked(&[
        (42, &[0, 1, 3, 2]),
        (26, &[1, 3, 2, 0]),
        (15, &[3, 2, 1, 0]),
        (17, &[2, 3, 1, 0]),
    ]);
    assert_eq!(tally.outcome, Outcome::Decided(2));
    assert_eq!(tally.confidence, 0.58);
    let eliminated: Vec<_> = tally
        .rounds
        .iter()
        .map(|round| &round.eliminated[..])
        .collect();
    assert_eq!(eliminated, [&[3][..], &[1], &[]]);
}

#[test]
fn a_tie_for_the_last_place_that_matters_is_the_outcome() {
    // 1 and 2 are last together; whoever stays wins with the other's ballots.
    let tally = ranked(&[(3, &[0]), (2, &[1, 2]), (2, &[2, 1])]);
    assert_eq!(tally.outcome, Outcome::Tied(vec![0, 1, 2]));
    // Together they are fewer than the next: their order does not matter.
    let tally = ranked(&[(4, &[0]), (3, &[3]), (1, &[1, 3]), (1, &[2, 3])]);
    assert_eq!(tally.outcome, Outcome::Decided(3));
    assert_eq!(tally.rounds[0].eliminated, [1, 2]);
    // 2 and 3 are level in the second round, and 3 had fewer in the first.
    let tally = ranked(&[(5, &[0]), (3, &[2]), (2, &[3]), (1, &[1, 3])]);
    assert_eq!(tally.rounds[1].eliminated, [3]);
}

#[test]
fn what_is_closed_stays_closed() {
    let mut count = count(Method::Majority, &[1.0; 3]);
    count.cast(0, 1.0, vec![1]);
    count.close();
    let before = count.clone();
    assert_eq!(count.cast(1, 1.0, vec![2]), Heard::Late);
    assert_eq!(count.abstain(2), Heard::Late);
    assert_eq!(count, before);
}

type Ballots = Vec<(f64, Option<Vec<u32>>)>;

fn methods() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::Majority),
        Just(Method::Plurality),
        Just(Method::Runoff),
        (0.500_1..=1.0).prop_map(|share| Method::Quorum(Quorum::Share(share))),
        (1_usize..=8).prop_map(|voters| Method::Quorum(Quorum::Count(voters))),
    ]
}

/// A method for as many voters.
fn fit(method: Method, voters: usize) -> Method {
    match method {
        Method::Quorum(Quorum::Count(needed)) => {
            Method::Quorum(Quorum::Count(needed.clamp(voters / 2 + 1, voters)))
        }
        method => method,
    }
}

fn bases() -> impl Strategy<Value = Base> {
    prop_oneof![Just(Base::Eligible), Just(Base::Voting)]
}

/// Such that ties come about.
fn shares() -> impl Strategy<Value = f64> {
    prop_oneof![4 => Just(1.0), 1 => Just(0.5), 1 => Just(0.0), 2 => 0.0..=1.0]
}

prop_compose! {
    /// What each voter does: a share of its weight and a ranking, or nothing.
    fn ballots(most: usize)(all in prop::collection::vec(
        (shares(), prop::option::weighted(0.85, prop::collection::vec(0_u32..4, 1..4))),
        1..=most,
    )) -> Ballots { all }
}

fn weights_of(voters: usize, seed: &[u8]) -> Vec<f64> {
    (0..voters)
        .map(|at| f64::from(seed[at % seed.len()] % 2 + 1))
        .collect()
}

fn put(count: &mut Count, voter: usize, (share, choices): &(f64, Option<Vec<u32>>)) -> Heard {
    match choices {
        Some(choices) => count.cast(voter, *share, choices.clone()),
        None => count.abstain(voter),
    }
}

proptest! {
    #[test]
    fn a_voter_counts_once(method in methods(), all in ballots(6), again in any::<prop::sample::Index>()) {
        let rules = Rules::new(fit(method, all.len()));
        let mut count = Count::new(rules, vec![1.0; all.len()]).unwrap();
        for (voter, ballot) in all.iter().enumerate() {
            put(&mut count, voter, ballot);
        }
        let before = count.clone();
        let voter = again.index(all.len());
        prop_assert_eq!(count.cast(voter, 1.0, vec![9]), Heard::Again);
        prop_assert_eq!(count.cast(all.len(), 1.0, vec![9]), Heard::Unknown);
        prop_assert_eq!(count, before);
    }

    #[test]
    fn the_order_of_ballots_does_not_matter(
        method in methods(),
        base in bases(),
        (all, order) in ballots(7).prop_flat_map(|all| {
            let order: Vec<usize> = (0..all.len()).collect();
            (Just(all), Just(order).prop_shuffle())
        }),
        seed in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let rules = Rules::new(fit(method, all.len())).of(base);
        let mut straight = Count::new(rules, weights_of(all.len(), &seed)).unwrap();
        let mut shuffled = straight.clone();
        (0..all.len()).for_each(|voter| { put(&mut straight, voter, &all[voter]); });
        order.iter().for_each(|&voter| { put(&mut shuffled, voter, &all[voter]); });
        prop_assert_eq!(straight.tally(), shuffled.tally());
    }

    #[test]
    fn closing_early_never_changes_what_is_decided(
        method in methods(),
        base in bases(),
        all in ballots(8),
        seed in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let rules = Rules::new(fit(method, all.len())).of(base);
        let mut count = Count::new(rules, weights_of(all.len(), &seed)).unwrap();
        let mut early = Vec::new();
        for (voter, ballot) in all.iter().enumerate() {
            early.push((count.progress(), count.tally().outcome));
            put(&mut count, voter, ballot);
        }
        prop_assert_eq!(count.progress(), Progress::Complete);
        let full = count.tally().outcome;
        for (progress, outcome) in early {
            match progress {
                Progress::Decided => {
                    prop_assert!(matches!(outcome, Outcome::Decided(_)));
                    prop_assert_eq!(&outcome, &full);
                }
                Progress::Hopeless => prop_assert!(!matches!(full, Outcome::Decided(_))),
                _ => {}
            }
        }
    }

    /// One part of the voters decides without the others, and they without it.
    #[test]
    fn two_disjoint_quorums_cannot_both_win(
        method in methods().prop_filter("more than half", |method| {
            matches!(method, Method::Majority | Method::Quorum(_))
        }),
        side in prop::collection::vec(any::<bool>(), 1..9),
        seed in prop::collection::vec(any::<u8>(), 1..8),
    ) {
        let rules = Rules::new(fit(method, side.len()));
        let wins = |part: bool| {
            let mut count = Count::new(rules, weights_of(side.len(), &seed)).unwrap();
            for (voter, side) in side.iter().enumerate() {
                if *side == part {
                    count.cast(voter, 1.0, vec![0]);
                }
            }
            matches!(count.tally().outcome, Outcome::Decided(_))
        };
        prop_assert!(!(wins(true) && wins(false)));
    }

    #[test]
    fn more_support_never_hurts(
        method in methods().prop_filter("not a runoff", |method| *method != Method::Runoff),
        base in bases(),
        all in ballots(7),
        who in any::<prop::sample::Index>(),
    ) {
        let rules = Rules::new(fit(method, all.len())).of(base);
        let tally = |all: &Ballots| {
            let mut count = Count::new(rules, vec![1.0; all.len()]).unwrap();
            all.iter().enumerate().for_each(|(voter, ballot)| { put(&mut count, voter, ballot); });
            count.tally().outcome
        };
        if let Outcome::Decided(winner) = tally(&all) {
            let mut more = all.clone();
            let (share, choices) = &mut more[who.index(all.len())];
            let supports = choices.as_ref().is_some_and(|choices| choices[0] == winner);
            // A ballot that already supports it may weigh more.
            *share = if supports { 1.0 } else { *share };
            *choices = Some(vec![winner]);
            prop_assert_eq!(tally(&more), Outcome::Decided(winner));
        }
    }

    #[test]
    fn weights_scale(
        method in methods(),
        base in bases(),
        choices in prop::collection::vec(0_u32..4, 1..8),
        seed in prop::collection::vec(any::<u8>(), 1..8),
        by in 2_u32..1_000,
    ) {
        let rules = Rules::new(fit(method, choices.len())).of(base);
        let weights = weights_of(choices.len(), &seed);
        let tally = |by: f64| {
            let weights: Vec<_> = weights.iter().map(|weight| weight * by).collect();
            let mut count = Count::new(rules, weights).unwrap();
            for (voter, choice) in choices.iter().enumerate() {
                count.cast(voter, 1.0, vec![*choice]);
            }
            let tally = count.tally();
            (tally.outcome, tally.confidence)
        };
        prop_assert_eq!(tally(1.0), tally(f64::from(by)));
    }
}
