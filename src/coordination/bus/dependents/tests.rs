//! Who waits for whom, by events.

use std::collections::btree_map::Entry;

use super::*;
use proptest::prelude::*;

fn names(all: &[&str]) -> Vec<Arc<str>> {
    all.iter().map(|name| Arc::from(*name)).collect()
}

fn ready(task: &str) -> Moved {
    Moved::Ready(task.into())
}

fn failed(task: &str, because: &str) -> Moved {
    Moved::Failed(task.into(), because.into())
}

#[test]
fn d8_a_task_is_ready_when_the_last_of_those_it_waits_for_is_done() {
    let mut waiting = Waiting::new(9);
    assert_eq!(waiting.hold(&"c".into(), names(&["a", "b"])), Ok(vec![]));
    assert_eq!(waiting.completed(&"a".into()), []);
    assert_eq!(waiting.completed(&"a".into()), [], "once");
    assert_eq!(waiting.completed(&"b".into()), [ready("c")]);
    // What ended before counts.
    assert_eq!(
        waiting.hold(&"d".into(), names(&["a"])),
        Ok(vec![ready("d")])
    );
    assert_eq!(waiting.hold(&"e".into(), vec![]), Ok(vec![ready("e")]));
}

#[test]
fn d8_a_failure_fails_all_that_wait_for_it() {
    let mut waiting = Waiting::new(9);
    waiting.hold(&"b".into(), names(&["a"])).unwrap();
    waiting.hold(&"c".into(), names(&["b"])).unwrap();
    waiting.hold(&"d".into(), names(&["x"])).unwrap();
    let moved = waiting.failed(&"a".into());
    assert_eq!(moved, [failed("b", "a"), failed("c", "b")]);
    assert_eq!(waiting.held.len(), 1);
    assert_eq!(
        waiting.hold(&"e".into(), names(&["c"])),
        Ok(vec![failed("e", "c")])
    );
}

#[test]
fn d8_what_would_wait_for_itself_or_without_bound_is_refused() {
    let mut waiting = Waiting::new(2);
    let circle = |by: &str| Err(NotHeld::Circle(by.into()));
    assert_eq!(waiting.hold(&"a".into(), names(&["a"])), circle("a"));
    waiting.hold(&"b".into(), names(&["c"])).unwrap();
    waiting.hold(&"c".into(), names(&["d"])).unwrap();
    assert_eq!(waiting.hold(&"d".into(), names(&["x", "b"])), circle("b"));
    assert_eq!(
        waiting.hold(&"b".into(), vec![]),
        Err(NotHeld::Waits("b".into()))
    );
    assert_eq!(
        waiting.hold(&"e".into(), names(&["x"])),
        Err(NotHeld::Full(2))
    );
    let many = vec![Arc::from("x"); 65];
    assert_eq!(waiting.hold(&"e".into(), many), Err(NotHeld::TooMany(65)));
}

proptest! {
    #[test]
    fn d8_every_held_task_moves_once_when_all_others_have_ended(
        holds in proptest::collection::vec((0_u8..8, proptest::collection::vec(8_u8..14, 0..4)), 0..8),
        ends in Just((8_u8..14).collect::<Vec<_>>()).prop_shuffle(),
        failing in 8_u8..20,
    ) {
        let name = |n: u8| Arc::<str>::from(n.to_string());
        let mut waiting = Waiting::new(100);
        let mut moved = Vec::new();
        let mut held = BTreeMap::new();
        for (task, after) in holds {
            if let Entry::Vacant(place) = held.entry(name(task)) {
                let names = after.iter().map(|n| name(*n)).collect();
                moved.extend(waiting.hold(&name(task), names).unwrap());
                place.insert(after.contains(&failing));
            }
        }
        for end in ends {
            moved.extend(match end == failing {
                true => waiting.failed(&name(end)),
                false => waiting.completed(&name(end)),
            });
        }
        prop_assert!(waiting.held.is_empty());
        prop_assert_eq!(moved.len(), held.len());
        for moved in moved {
            match moved {
                Moved::Ready(task) => prop_assert!(!held[&task]),
                Moved::Failed(task, because) => {
                    prop_assert!(held[&task]);
                    prop_assert_eq!(because, name(failing));
                }
            }
        }
    }
}

#[test]
fn d8_no_more_than_a_thousand_ends_are_remembered() {
    let mut waiting = Waiting::new(2);
    for n in 0..2_000 {
        waiting.completed(&n.to_string().into());
    }
    assert_eq!((waiting.ends.len(), waiting.order.len()), (1_000, 1_000));
}
