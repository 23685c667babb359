//! D25: the board of task records.

use std::sync::Arc;

use callboard::actor::Fault;
use callboard::coordination::task::{
    BoardError, IllegalTransition, TaskBoard, TaskId, TaskRecord, TaskState,
};
use proptest::prelude::*;

fn task(name: &str) -> TaskRecord<u32> {
    TaskRecord::new(name, "count", 7)
}

fn board(capacity: usize) -> TaskBoard<u32, String> {
    TaskBoard::new(capacity)
}

#[test]
fn d25_what_became_of_a_task_is_looked_up_by_its_id() {
    let board = board(10);
    let ids = ["a", "b", "c", "d"].map(|name| board.enter(task(name)).unwrap());
    board.assign(ids[0], "first").unwrap();
    board.assign(ids[0], "second").unwrap();
    board.complete(ids[0], Arc::new("done".to_owned())).unwrap();
    board.assign(ids[1], "first").unwrap();
    board.fail(ids[1], Fault::transient("busy")).unwrap();
    board.assign(ids[2], "first").unwrap();

    let [a, b, c, d] = ids.map(|id| board.get(id).unwrap());
    assert_eq!(a.record.assigned_agents, ["first", "second"]);
    assert_eq!(*a.outcome.unwrap().unwrap(), "done");
    assert_eq!(b.record.state(), TaskState::Failed);
    assert_eq!(b.outcome.unwrap().unwrap_err().message(), "busy");
    assert!(c.outcome.is_none() && d.outcome.is_none());
    assert_eq!(
        board.status().to_string(),
        "1 pending, 1 running, 1 completed, 1 failed"
    );
    let running = board.list(TaskState::Running);
    assert_eq!(running[0].record.name, "c");
    assert_eq!(running[0].id, ids[2]);
}

#[test]
fn d25_a_step_that_is_not_legal_is_refused_and_changes_nothing() {
    let board = board(10);
    let id = board.enter(task("a")).unwrap();
    let refused = board.complete(id, Arc::default()).unwrap_err();
    let (from, to) = (TaskState::Pending, TaskState::Completed);
    assert_eq!(refused, BoardError::Illegal(IllegalTransition { from, to }));
    board.fail(id, Fault::permanent("nobody")).unwrap();
    let before = board.status();
    assert!(board.assign(id, "late").is_err());
    assert!(board.fail(id, Fault::permanent("again")).is_err());
    assert_eq!(board.status(), before);
    let entry = board.get(id).unwrap();
    assert_eq!(entry.outcome.unwrap().unwrap_err().message(), "nobody");
    assert!(entry.record.assigned_agents.is_empty());
}

#[test]
fn d25_a_full_board_drops_what_was_over_first_and_never_what_runs() {
    let board = board(3);
    let [a, b, c] = ["a", "b", "c"].map(|name| board.enter(task(name)).unwrap());
    assert_eq!(board.enter(task("d")), Err(BoardError::Full(3)));
    board.assign(b, "x").unwrap();
    board.complete(b, Arc::default()).unwrap();
    board.fail(a, Fault::permanent("no")).unwrap();
    // B was over before A, though it is younger.
    let d = board.enter(task("d")).unwrap();
    assert!(board.get(b).is_none() && board.get(a).is_some());
    let e = board.enter(task("e")).unwrap();
    assert!(board.get(a).is_none());
    assert_eq!(board.enter(task("f")), Err(BoardError::Full(3)));
    assert!([c, d, e].iter().all(|id| board.get(*id).is_some()));
    assert_eq!(board.assign(a, "x"), Err(BoardError::Unknown));
}

#[test]
fn d25_a_record_that_makes_no_task_is_not_entered() {
    let board = board(1);
    let refused = board.enter(task("a").quality(2.0)).unwrap_err();
    assert!(matches!(refused, BoardError::Invalid(_)), "{refused}");
    assert_eq!(board.status(), Default::default());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Enter,
    Assign(usize),
    Complete(usize),
    Fail(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Enter),
        (0_usize..40).prop_map(Step::Assign),
        (0_usize..40).prop_map(Step::Complete),
        (0_usize..40).prop_map(Step::Fail),
    ]
}

proptest! {
    #[test]
    fn d25_a_board_agrees_with_a_list_whatever_is_done(
        capacity in 1_usize..6,
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let board = board(capacity);
        let mut ids: Vec<TaskId> = Vec::new();
        // By the ids: where it stands; and which were over, in order.
        let mut states: Vec<Option<TaskState>> = Vec::new();
        let mut over: Vec<usize> = Vec::new();
        for step in steps {
            let (at, to) = match step {
                Step::Enter => {
                    let kept = states.iter().flatten().count();
                    let go_on = states.iter().flatten().filter(|it| !it.is_over()).count();
                    match board.enter(task("t")) {
                        Ok(id) => {
                            prop_assert!(go_on < capacity);
                            prop_assert!(!ids.contains(&id));
                            if kept == capacity {
                                states[over.remove(0)] = None;
                            }
                            ids.push(id);
                            states.push(Some(TaskState::Pending));
                        }
                        Err(_) => prop_assert_eq!(go_on, capacity),
                    }
                    continue;
                }
                Step::Assign(at) => (at, TaskState::Running),
                Step::Complete(at) => (at, TaskState::Completed),
                Step::Fail(at) => (at, TaskState::Failed),
            };
            if ids.is_empty() {
                continue;
            }
            let at = at % ids.len();
            let id = ids[at];
            let went = match to {
                TaskState::Running => board.assign(id, "x"),
                TaskState::Completed => board.complete(id, Arc::default()),
                _ => board.fail(id, Fault::permanent("no")),
            };
            let again = |from| from == TaskState::Running && to == from;
            let next = states[at].filter(|from| again(*from) || from.advance(to).is_ok());
            prop_assert_eq!(went.is_ok(), next.is_some());
            if next.is_some() {
                states[at] = Some(to);
                if to.is_over() {
                    over.push(at);
                }
            }
        }
        for (id, state) in ids.iter().zip(&states) {
            let seen = board.get(*id).map(|entry| entry.record.state());
            prop_assert_eq!(seen, *state);
        }
        let counts = board.status();
        let count = |state| states.iter().flatten().filter(|it| **it == state).count();
        prop_assert_eq!(counts.pending, count(TaskState::Pending));
        prop_assert_eq!(counts.running, count(TaskState::Running));
        prop_assert_eq!(counts.completed, count(TaskState::Completed));
        prop_assert_eq!(counts.failed, count(TaskState::Failed));
        prop_assert!(states.iter().flatten().count() <= capacity);
    }
}
