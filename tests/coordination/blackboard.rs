//! Blackboards over real workers.

use std::sync::{Arc, Mutex};

use callboard::coordination::blackboard;
use callboard::coordination::blackboard::{
    Blackboard, Board, Ended, Equals, Note, Solution, Source,
};
use callboard::prelude::*;

/// Says this each time it is asked.
fn says(name: &'static str, about: &'static str, value: u32) -> Source<u32> {
    let worker = WorkerRef::from_fn(
        name,
        move |_| async move { Ok(vec![Note::new(about, value)]) },
    );
    Source::new(name, worker)
}

async fn solve(board: Blackboard<u32>, begin: Vec<Note<u32>>) -> Solution<u32> {
    let system = System::with("t", SystemConfig::default().seed(7));
    let worker = board.start(&system, "board").await.unwrap();
    worker.ask(begin).await.unwrap().value
}

fn written(solution: &Solution<u32>) -> Vec<(&str, &str, u32, u32)> {
    let entries = solution.board.entries();
    entries
        .map(|it| (&*it.author, &*it.note.about, it.note.value, it.step))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_highest_priority_is_asked_first() {
    let board = blackboard()
        .source(says("low", "a", 1).priority(1))
        .source(says("high", "b", 2).priority(9))
        .source(
            says("waits", "c", 3)
                .priority(99)
                .when(|board| board.has("a")),
        );
    let solution = solve(board, vec![Note::new("x", 0)]).await;
    let expected = [
        ("", "x", 0, 0),
        ("high", "b", 2, 1),
        ("low", "a", 1, 2),
        ("waits", "c", 3, 3),
    ];
    assert_eq!(written(&solution), expected);
}

#[tokio::test(start_paused = true)]
async fn equals_can_be_told_apart_by_chance_and_the_same_seed_says_the_same() {
    let order = || async {
        let names = ["a", "b", "c", "d", "e", "f"];
        let sources = names.iter().map(|name| says(name, name, 1));
        let board = sources.fold(blackboard(), Blackboard::source);
        let solution = solve(board.equals(Equals::Chance), vec![]).await;
        let authors = solution.board.entries().map(|it| it.author.to_string());
        authors.collect::<String>()
    };
    let first = order().await;
    assert_eq!(first, order().await);
    assert_ne!(first, "abcdef");
}

#[tokio::test(start_paused = true)]
async fn sources_side_by_side_see_the_same_board() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let looks = |name: &'static str, takes: u64| {
        let seen = Arc::clone(&seen);
        let worker = WorkerRef::from_fn(name, move |board: Arc<Board<u32>>| {
            let seen = Arc::clone(&seen);
            async move {
                seen.lock().unwrap().push(board.entries().count());
                tokio::time::sleep(secs(takes)).await;
                Ok(vec![Note::new(name, 1)])
            }
        });
        Source::new(name, worker).when(move |board| !board.has(name))
    };
    let board = blackboard()
        .source(looks("slow", 2))
        .source(looks("quick", 1))
        .side_by_side(2);
    let solution = solve(board, vec![]).await;
    // In the order in which they were asked.
    assert_eq!(
        written(&solution),
        [("slow", "slow", 1, 1), ("quick", "quick", 1, 1)]
    );
    assert_eq!(*seen.lock().unwrap(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_blackboard_says_why_it_ended() {
    let counts = || {
        let worker = WorkerRef::from_fn("counts", |board: Arc<Board<u32>>| async move {
            Ok(vec![Note::new("n", board.latest("n").unwrap() + 1)])
        });
        blackboard().source(Source::new("counts", worker).when(|board| board.has("n")))
    };
    let begin = || vec![Note::new("n", 0)];
    let solved = solve(
        counts().until(|board| board.latest("n") == Some(&3)),
        begin(),
    )
    .await;
    assert_eq!((solved.ended, solved.board.step()), (Ended::Solved, 3));
    let enough = solve(counts().steps(5), begin()).await;
    assert_eq!((enough.ended, enough.board.step()), (Ended::OutOfSteps, 5));
    let full = solve(counts().entries(4), begin()).await;
    assert_eq!((full.ended, full.board.entries().count()), (Ended::Full, 4));
    let quiet = solve(counts(), vec![]).await;
    assert_eq!((quiet.ended, quiet.board.step()), (Ended::Quiescent, 0));
}

#[tokio::test(start_paused = true)]
async fn who_repeats_what_is_there_is_not_asked_for_ever() {
    let solution = solve(blackboard().source(says("parrot", "a", 1)), vec![]).await;
    assert_eq!(solution.ended, Ended::Quiescent);
    assert_eq!(written(&solution), [("parrot", "a", 1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_reported_and_the_others_go_on() {
    let broken = WorkerRef::from_fn("broken", |_| async { Err(Fault::permanent("broken")) });
    let board = blackboard()
        .source(Source::new("broken", broken).priority(5))
        .source(says("a", "a", 1));
    let solution = solve(board, vec![]).await;
    assert_eq!(written(&solution), [("a", "a", 1, 1)]);
    assert_eq!(solution.failed.len(), 1);
    assert_eq!(&*solution.failed[0].source, "broken");
    assert_eq!(solution.failed[0].message, "broken");
}

#[tokio::test(start_paused = true)]
async fn contradictions_stay_visible() {
    let board = blackboard()
        .source(says("a", "age", 3))
        .source(says("b", "age", 4))
        .source(says("c", "age", 3))
        .source(says("d", "size", 1));
    let solution = solve(board, vec![]).await;
    let found = solution.board.contradictions();
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["age"]);
    let said = found["age"].iter().map(|it| (&*it.author, it.note.value));
    assert_eq!(said.collect::<Vec<_>>(), [("a", 3), ("b", 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_blackboard_that_makes_no_sense_is_refused() {
    let system = System::new("t");
    let none = blackboard::<u32>().start(&system, "none").await;
    assert!(matches!(none, Err(StartError::Invalid(_))));
    for odd in [
        blackboard().source(says("a", "a", 1)).side_by_side(0),
        blackboard().source(says("a", "a", 1)).entries(0),
        (0..31).fold(blackboard(), |board, _| board.source(says("a", "a", 1))),
    ] {
        let refused = odd.start(&system, "odd").await;
        assert!(matches!(refused, Err(StartError::Invalid(_))));
    }
    let small = blackboard().source(says("a", "a", 1)).entries(1);
    let small = small.start(&system, "small").await.unwrap();
    let begin = vec![Note::new("a", 1), Note::new("b", 2)];
    let fault = small.ask(begin).await.unwrap_err();
    assert!(fault.message().contains("begin with fewer"), "{fault}");
}
