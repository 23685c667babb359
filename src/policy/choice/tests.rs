//! Choices among members, against the naive way to make them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Numbers without a pattern, the same each time.
fn chances() -> impl FnMut() -> u64 {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

fn members(n: usize, depth: usize) -> Chooser {
    let mut chooser = Chooser::new(depth);
    for member in 0..n {
        chooser.enter(member, member as u64, 1.0);
    }
    chooser
}

fn serve(chooser: &mut Chooser, by: Dispatch, times: usize) -> Vec<usize> {
    let mut chance = chances();
    (0..times)
        .map(|_| {
            let member = chooser.choose(by, None, &mut chance).expect("one has room");
            chooser.take(member);
            chooser.give_back(member);
            member
        })
        .collect()
}

#[test]
fn those_who_rested_longest_take_turns() {
    let mut chooser = members(3, 1);
    assert_eq!(
        serve(&mut chooser, Dispatch::LeastLoaded, 5),
        [0, 1, 2, 0, 1]
    );
}

#[test]
fn who_came_back_last_goes_first() {
    let mut chooser = members(3, 1);
    assert_eq!(serve(&mut chooser, Dispatch::MostRecent, 3), [0, 0, 0]);
}

#[test]
fn round_robin_skips_whoever_has_no_room() {
    let mut chooser = members(3, 1);
    chooser.take(1);
    assert_eq!(serve(&mut chooser, Dispatch::RoundRobin, 4), [0, 2, 0, 2]);
}

#[test]
fn a_random_choice_reaches_all_about_equally() {
    let mut chooser = members(4, 1);
    let mut served = [0; 4];
    for member in serve(&mut chooser, Dispatch::Random, 4_000) {
        served[member] += 1;
    }
    assert!(
        served.iter().all(|n| (850..1_150).contains(n)),
        "{served:?}"
    );
}

#[test]
fn two_choices_keep_loads_close_and_never_take_the_heavier_of_the_two() {
    let mut chooser = members(16, 1_000);
    let mut chance = chances();
    for _ in 0..1_600 {
        let member = chooser
            .choose(Dispatch::TwoChoices, None, &mut chance)
            .unwrap();
        chooser.take(member);
    }
    let loads: Vec<_> = (0..16).map(|member| chooser.load(member)).collect();
    assert!(loads.iter().all(|n| (95..=105).contains(n)), "{loads:?}");
}

#[test]
fn a_key_stays_where_it_is_and_one_in_n_moves_to_a_newcomer() {
    let mut chooser = members(9, 1);
    let before: Vec<_> = (0..9_000).map(|key| chooser.home(key).unwrap()).collect();
    chooser.enter(9, 9, 1.0);
    let mut moved = 0;
    for (key, old) in before.iter().enumerate() {
        let new = chooser.home(key as u64).unwrap();
        if new != *old {
            assert_eq!(new, 9, "keys move to the newcomer only");
            moved += 1;
        }
    }
    assert!((800..1_000).contains(&moved), "{moved} of 9,000 moved");
    chooser.leave(9);
    let after: Vec<_> = (0..9_000).map(|key| chooser.home(key).unwrap()).collect();
    assert_eq!(after, before);
}

#[test]
fn work_of_a_key_waits_for_its_member() {
    let mut chooser = members(3, 1);
    let home = chooser.choose(Dispatch::Keyed, Some(5), || 0).unwrap();
    chooser.take(home);
    assert_eq!(chooser.choose(Dispatch::Keyed, Some(5), || 0), None);
    assert!(
        chooser.choose(Dispatch::Keyed, None, || 0).is_some(),
        "no key, no home"
    );
}

#[test]
fn c13_load_capability_and_recent_success_are_weighted() {
    let weights = LoadWeights::default();
    let metrics = Metrics {
        load: 5,
        max: 10,
        capability: 0.8,
        success: 0.9,
    };
    let score = weights.score(Some(metrics));
    assert!((score - (0.5 * 0.4 + 0.8 * 0.4 + 0.9 * 0.2)).abs() < 1e-12);
    assert_eq!(weights.score(None), 1.0, "without metrics it scores 1.0");
    let only_load = LoadWeights::new(1.0, 0.0, 0.0);
    assert!((only_load.score(Some(metrics)) - 0.5).abs() < 1e-12);
}

#[test]
fn c13_who_fails_lately_is_passed_over() {
    let mut chooser = members(2, 4);
    for _ in 0..4 {
        chooser.note(0, Recent::failed);
        chooser.note(1, Recent::succeeded);
    }
    let by = Dispatch::Weighted(LoadWeights::default());
    assert_eq!(serve(&mut chooser, by, 3), [1, 1, 1]);
    // Load counts more than success: with three of four places taken the other
    // one is better.
    for _ in 0..3 {
        chooser.take(1);
    }
    assert_eq!(chooser.choose(by, None, || 0), Some(0));
}

#[test]
fn c13_weights_that_say_nothing_are_refused() {
    assert_eq!(LoadWeights::default().validate(), Ok(()));
    let nothing = LoadWeights::new(0.0, 0.0, 0.0);
    assert_eq!(nothing.validate(), Err(InvalidWeights::Nothing));
    for wrong in [-0.1, f64::NAN, f64::INFINITY] {
        let weights = LoadWeights::new(0.4, wrong, 0.2);
        assert_eq!(weights.validate(), Err(InvalidWeights::NotAWeight));
    }
}

#[test]
fn equal_scores_take_turns_and_what_is_no_number_is_never_chosen() {
    let scores = [Some(1.0), None, Some(1.0), Some(f64::NAN)];
    assert_eq!(highest(scores, 0), Some(0));
    assert_eq!(highest(scores, 1), Some(2));
    assert_eq!(highest(scores, 3), Some(0), "round again");
    assert_eq!(highest([None, Some(f64::NAN)], 0), None);
    assert_eq!(highest([], 9), None);
}

#[derive(Clone, Debug)]
enum Step {
    Enter(usize),
    Leave(usize),
    Choose,
    GiveBack(usize),
    Bench(usize),
    Unbench(usize),
    Depth(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_usize..6).prop_map(Step::Enter),
        (0_usize..6).prop_map(Step::Leave),
        Just(Step::Choose),
        Just(Step::Choose),
        Just(Step::Choose),
        (0_usize..6).prop_map(Step::GiveBack),
        (0_usize..6).prop_map(Step::GiveBack),
        (0_usize..6).prop_map(Step::Bench),
        (0_usize..6).prop_map(Step::Unbench),
        (0_usize..4).prop_map(Step::Depth),
    ]
}

fn dispatch() -> impl Strategy<Value = Dispatch> {
    prop_oneof![
        Just(Dispatch::LeastLoaded),
        Just(Dispatch::MostRecent),
        Just(Dispatch::TwoChoices),
        Just(Dispatch::RoundRobin),
        Just(Dispatch::Random),
        Just(Dispatch::Keyed),
        Just(Dispatch::Weighted(LoadWeights::default())),
    ]
}

proptest! {
    /// Against a map of loads: the choice has room, somebody is chosen whenever
    /// somebody has room, and the least loaded is the least loaded.
    #[test]
    fn the_choice_always_has_room_and_there_is_one_when_there_is_room(
        by in dispatch(),
        key in proptest::option::of(any::<u64>()),
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut chooser = Chooser::new(2);
        let mut depth = 2;
        // Load, and whether it is benched.
        let mut model: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
        let mut chance = chances();
        for step in steps {
            match step {
                Step::Enter(m) => {
                    chooser.enter(m, m as u64, 1.0);
                    model.insert(m, (0, false));
                }
                Step::Leave(m) => {
                    chooser.leave(m);
                    model.remove(&m);
                }
                Step::GiveBack(m) => {
                    chooser.give_back(m);
                    if let Some((load, _)) = model.get_mut(&m) {
                        *load = load.saturating_sub(1);
                    }
                }
                Step::Bench(m) => {
                    chooser.bench(m);
                    model.entry(m).and_modify(|(_, is_benched)| *is_benched = true);
                }
                Step::Unbench(m) => {
                    chooser.unbench(m);
                    model.entry(m).and_modify(|(_, is_benched)| *is_benched = false);
                }
                Step::Depth(d) => {
                    chooser.set_depth(d);
                    depth = d;
                }
                Step::Choose => {
                    let chosen = chooser.choose(by, key, &mut chance);
                    let with_room = |(load, is_benched): &(usize, bool)| *load < depth && !is_benched;
                    let least = model.values().filter(|m| with_room(m)).map(|(l, _)| *l).min();
                    if let Some(m) = chosen {
                        prop_assert!(with_room(&model[&m]));
                        if matches!(by, Dispatch::LeastLoaded | Dispatch::MostRecent) {
                            prop_assert_eq!(Some(model[&m].0), least);
                        }
                        chooser.take(m);
                        model.get_mut(&m).unwrap().0 += 1;
                    } else if by == Dispatch::Keyed && key.is_some() {
                        let home = chooser.home(key.unwrap());
                        prop_assert!(home.is_none_or(|home| !with_room(&model[&home])));
                    } else {
                        prop_assert_eq!(least, None);
                    }
                }
            }
            let open = model.values().filter(|(l, b)| *l < depth && !b).count();
            prop_assert_eq!(chooser.open(), open);
            for (m, (load, _)) in &model {
                prop_assert_eq!(chooser.load(*m), *load);
            }
        }
    }

    #[test]
    fn no_metrics_and_no_weights_make_a_score_panic(
        load in any::<usize>(),
        max in any::<usize>(),
        capability in any::<f64>(),
        success in any::<f64>(),
        start in any::<usize>(),
    ) {
        let metrics = Metrics { load, max, capability, success };
        let score = LoadWeights::default().score(Some(metrics));
        prop_assert!((0.0..=1.0 + 1e-9).contains(&score));
        prop_assert!(highest([Some(score), Some(capability)], start).is_some());
    }

    #[test]
    fn the_share_of_recent_successes_is_that_of_the_last_thirty_two(
        outcomes in proptest::collection::vec(any::<bool>(), 0..80),
    ) {
        let mut recent = Recent::new();
        for outcome in &outcomes {
            if *outcome { recent.succeeded() } else { recent.failed() }
        }
        let last = &outcomes[outcomes.len().saturating_sub(32)..];
        let expected = (!last.is_empty())
            .then(|| last.iter().filter(|o| **o).count() as f64 / last.len() as f64);
        prop_assert_eq!(recent.share(), expected);
    }
}

#[test]
fn a_strategy_is_a_word_in_a_settings_file() {
    let text = serde_json::to_string(&Dispatch::TwoChoices).unwrap();
    assert_eq!(text, "\"two_choices\"");
    let weighted: Dispatch = serde_json::from_str(r#"{"weighted": {"load": 1.0}}"#).unwrap();
    assert_eq!(
        weighted,
        Dispatch::Weighted(LoadWeights::new(1.0, 0.4, 0.2))
    );
    assert!(serde_json::from_str::<Dispatch>(r#"{"weighted": {"lod": 1.0}}"#).is_err());
}
