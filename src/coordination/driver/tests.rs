//! The driver's rules, with machines that say what they are told to say.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::*;
use crate::actor::time::spawn_owned;
use crate::actor::{FaultClass, System, WorkerRef};
use crate::coordination::pattern::start;
use crate::coordination::protocol::Fact;

/// Says the first to the first event, the second to the second, and so on.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Told(VecDeque<Vec<Effect>>);

impl Protocol for Told {
    fn on(&mut self, _: &Happened, _: Duration, effects: &mut Vec<Effect>) {
        effects.extend(self.0.pop_front().unwrap_or_default());
    }
}

fn told(says: impl IntoIterator<Item = Vec<Effect>>) -> Told {
    Told(says.into_iter().collect())
}

fn ask(call: Call, worker: usize, feed: Feed) -> Effect {
    Effect::Ask { call, worker, feed }
}

fn plus_one() -> Seat {
    Participant::computes("plus-one", |n: u32| Ok(n + 1)).seat()
}

fn score<P>(machine: P, seats: Vec<Seat>) -> Score<P, u32> {
    Score {
        machine,
        seats,
        conclude: Arc::new(|gathered: Gathered| {
            let values = gathered.answers.into_iter().map(|(_, payload)| payload);
            let sum = values.map(|payload| *payload.downcast::<u32>().unwrap());
            Ok(sum.sum())
        }),
        on_error: None,
        limit: 8,
        calls: 100,
    }
}

async fn run(machine: Told, seats: Vec<Seat>) -> Result<u32, Fault> {
    let system = System::new("t");
    let worker: WorkerRef<u32, u32> = start(&system, "p".into(), score(machine, seats))
        .await
        .unwrap();
    worker.ask(1).await.map(|served| served.value)
}

async fn is_refused(machine: Told, because: &str) {
    let fault = run(machine, vec![plus_one()]).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains(because), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_stalls_fails_its_run() {
    is_refused(told([]), "stalled").await;
    is_refused(told([vec![ask(0, 0, Feed::Input)], vec![]]), "stalled").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_uses_a_number_twice_fails_its_run() {
    let twice = vec![ask(0, 0, Feed::Input), ask(0, 0, Feed::Input)];
    is_refused(told([twice]), "numbered in turn").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_feeds_what_was_not_answered_fails_its_run() {
    let early = vec![ask(0, 0, Feed::Input), ask(1, 0, Feed::AnswerTo(0))];
    is_refused(told([early]), "only what was answered is fed").await;
    is_refused(told([vec![ask(0, 0, Feed::AnswerTo(7))]]), "that were made").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_feeds_what_was_forgotten_or_moved_away_fails_its_run() {
    let asks = vec![ask(0, 0, Feed::Input)];
    let forgets = vec![Effect::Forget(0), ask(1, 0, Feed::AnswerTo(0))];
    is_refused(told([asks.clone(), forgets]), "forgotten").await;
    let again = vec![ask(1, 0, Feed::Input)];
    is_refused(told([asks, again]), "not there any more").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_asks_somebody_unknown_fails_its_run() {
    is_refused(told([vec![ask(0, 1, Feed::Input)]]), "workers that exist").await;
    let led_to_nobody = Effect::Note {
        worker: 0,
        outcome: StepOutcome::WentTo(1),
    };
    is_refused(told([vec![led_to_nobody]]), "workers that exist").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_goes_on_after_the_end_fails_its_run() {
    let ends = vec![Effect::Finish(Feed::Input), Effect::Finish(Feed::Input)];
    is_refused(told([ends]), "after the end").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_makes_too_many_calls_or_timers_fails_its_run() {
    let asks = (0..101).map(|call| ask(call, 0, Feed::Input)).collect();
    is_refused(told([asks]), "no more calls").await;
    let after = Duration::from_secs(1);
    let timers = (0..65).map(|timer| Effect::SetTimer { timer, after });
    is_refused(told([timers.collect()]), "no more timers").await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_panics_fails_its_run_and_the_driver_goes_on() {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Second(bool);
    impl Protocol for Second {
        fn seed(&mut self, seed: u64) {
            self.0 = seed.is_multiple_of(2);
        }

        fn on(&mut self, _: &Happened, _: Duration, effects: &mut Vec<Effect>) {
            assert!(self.0, "scripted");
            effects.push(Effect::Finish(Feed::Input));
        }
    }
    let system = System::new("t");
    let worker: WorkerRef<u32, u32> = start(&system, "p".into(), score(Second(false), vec![]))
        .await
        .unwrap();
    let mut seen = [0, 0];
    for n in 0..64 {
        match worker.ask(n).await {
            Ok(served) => {
                assert_eq!(served.value, n);
                seen[0] += 1;
            }
            Err(fault) => {
                assert!(fault.message().contains("the protocol panicked"), "{fault}");
                seen[1] += 1;
            }
        }
    }
    assert!(
        seen[0] > 0 && seen[1] > 0,
        "each run has a seed of its own: {seen:?}"
    );
    assert_eq!(system.restarts(), 0, "the driver lives");
}

#[tokio::test(start_paused = true)]
async fn splitters_give_parts_and_combiners_take_several() {
    let digits = Participant::splits("digits", |n: u32| Ok(vec![n, 20, 300])).seat();
    let sum = Participant::combines("sum", |parts: Vec<u32>| Ok(parts.into_iter().sum::<u32>()));
    let machine = told([
        vec![ask(0, 0, Feed::Input)],
        vec![
            ask(1, 1, Feed::Part { of: 0, at: 0 }),
            ask(2, 1, Feed::Part { of: 0, at: 2 }),
        ],
        vec![],
        vec![ask(3, 2, Feed::Gather(vec![1, 2]))],
        vec![Effect::Finish(Feed::AnswerTo(3))],
    ]);
    let answer = run(machine, vec![digits, plus_one(), sum.seat()]).await;
    assert_eq!(answer.unwrap(), 2 + 301);
}

#[tokio::test(start_paused = true)]
async fn wrong_shapes_are_faults_of_the_call() {
    let sum = Participant::combines("sum", |parts: Vec<u32>| Ok(parts.into_iter().sum::<u32>()));
    let fails = Effect::Fail(Failure::Call(0));
    let machine = told([vec![ask(0, 0, Feed::Input)], vec![fails]]);
    let fault = run(machine, vec![sum.seat()]).await.unwrap_err();
    assert_eq!(fault.message(), "sum: one answer where several are taken");
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_says_reaches_the_machine_and_a_reader_that_panics_is_a_permanent_fault() {
    #[derive(Clone, Debug, Serialize, Deserialize)]
    struct Says;
    impl Protocol for Says {
        fn on(&mut self, event: &Happened, _: Duration, effects: &mut Vec<Effect>) {
            effects.push(match *event {
                Happened::Began => ask(0, 0, Feed::Input),
                Happened::Answered { fact, .. } => Effect::Fail(Failure::because(fact.to_string())),
                Happened::Failed { call, .. } => Effect::Fail(Failure::Call(call)),
                Happened::TimeUp { .. } => return,
            });
        }
    }
    let system = System::new("t");
    let reads = Participant::computes("score", |n: u32| Ok(n)).reads(|n| {
        assert!(*n < 10, "scripted");
        Fact::Choice(*n)
    });
    let worker: WorkerRef<u32, u32> = start(&system, "p".into(), score(Says, vec![reads.seat()]))
        .await
        .unwrap();
    let said = worker.ask(3).await.unwrap_err();
    assert_eq!(said.message(), "t/p:  (choice 3)");
    let fault = worker.ask(10).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert_eq!(fault.message(), "score: score panicked");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_panics_on_the_drivers_task_fails_its_call_only() {
    let bad = WorkerRef::from_fn("bad", |n: u32| async move {
        tokio::task::yield_now().await;
        assert!(n > 1, "scripted");
        Ok(n)
    });
    let machine = told([
        vec![ask(0, 0, Feed::Input)],
        vec![Effect::Fail(Failure::Call(0))],
    ]);
    let fault = run(machine, vec![Participant::asks("bad", bad).seat()]).await;
    assert_eq!(fault.unwrap_err().message(), "bad: bad panicked");
}

#[tokio::test(start_paused = true)]
async fn what_a_worker_does_later_is_still_part_of_the_request() {
    let later = WorkerRef::from_fn("later", |n: u32| async move {
        tokio::task::yield_now().await;
        let deadline = Request::in_force().deadline();
        deadline
            .map(|_| n)
            .ok_or_else(|| Fault::permanent("no deadline"))
    });
    let machine = told([
        vec![ask(0, 0, Feed::Input)],
        vec![Effect::Finish(Feed::AnswerTo(0))],
    ]);
    let seats = vec![Participant::asks("later", later).seat()];
    assert_eq!(run(machine, seats).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn timers_are_due_can_be_stopped_and_set_anew() {
    let after = Duration::from_secs;
    let set = |timer, seconds| Effect::SetTimer {
        timer,
        after: after(seconds),
    };
    let machine = told([
        vec![set(0, 1), set(1, 2), set(2, 3)],
        // Timer 0.
        vec![Effect::StopTimer(1), set(2, 9)],
        // Timer 2, and no other before.
        vec![Effect::Finish(Feed::Input)],
    ]);
    let begun = tokio::time::Instant::now();
    // The default deadline of an ask is 5 s.
    let system = System::new("t");
    let worker: WorkerRef<u32, u32> = start(&system, "p".into(), score(machine, vec![]))
        .await
        .unwrap();
    let answer = worker.ask(4).deadline(after(60)).await.unwrap();
    assert_eq!(answer.value, 4);
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_only_waits_ends_with_its_asker() {
    let forever = Effect::SetTimer {
        timer: 0,
        after: Duration::from_secs(1 << 20),
    };
    let mut slow = score(told([vec![forever]]), vec![]);
    slow.limit = 1;
    let system = System::new("t");
    let worker: WorkerRef<u32, u32> = start(&system, "p".into(), slow).await.unwrap();
    for _ in 0..3 {
        // With room for one run, the next one begins only when this is gone.
        let late = worker.ask(1).deadline(Duration::from_secs(1)).await;
        assert_eq!(late.unwrap_err().class(), FaultClass::Deadline);
        tokio::task::yield_now().await;
    }
    assert_eq!(system.counts().queued, 0, "{}", system.counts());
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_is_dropped_at_once() {
    let watched = Arc::new(());
    let make = Arc::clone(&watched);
    let makes = Participant::computes("makes", move |_: u32| Ok(Arc::clone(&make)));
    let seen = Arc::clone(&watched);
    let looks = Participant::computes("looks", move |n: u32| {
        // The one of the maker, this one, and the test's own.
        Ok(n + u32::try_from(Arc::strong_count(&seen)).unwrap())
    });
    let machine = told([
        vec![ask(0, 0, Feed::Input)],
        vec![Effect::Forget(0), ask(1, 1, Feed::Input)],
        vec![Effect::Finish(Feed::AnswerTo(1))],
    ]);
    let seats = vec![makes.copying().seat(), looks.copying().seat()];
    assert_eq!(run(machine, seats).await.unwrap(), 1 + 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_is_dropped_and_says_no_more() {
    let hangs = Arc::new(());
    let held = Arc::clone(&hangs);
    let hang = WorkerRef::from_fn("hang", move |n: u32| {
        let held = Arc::clone(&held);
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(held);
            Ok(n)
        }
    });
    let seen = Arc::clone(&hangs);
    let looks = Participant::computes("looks", move |_: u32| {
        Ok(u32::try_from(Arc::strong_count(&seen)).unwrap())
    });
    let later = Effect::SetTimer {
        timer: 0,
        after: Duration::from_secs(2),
    };
    let machine = told([
        vec![
            ask(0, 0, Feed::Input),
            Effect::Cancel(0),
            ask(1, 1, Feed::Input),
            later,
        ],
        vec![],
        // The timer, and not the call that would have been answered before.
        vec![Effect::Finish(Feed::AnswerTo(1))],
    ]);
    let hang = Participant::asks("hang", hang).copying().seat();
    let held = run(machine, vec![hang, looks.copying().seat()]).await;
    assert_eq!(held.unwrap(), 3, "the worker's own, this one, the test's");
}

#[tokio::test(start_paused = true)]
async fn a_timer_that_is_stopped_in_the_instant_when_it_is_due_says_nothing() {
    let set = |timer| Effect::SetTimer {
        timer,
        after: Duration::from_secs(1),
    };
    let machine = told([
        vec![set(0), set(1)],
        // Both are due; this stops the other one, and sets it anew.
        vec![Effect::StopTimer(0), Effect::StopTimer(1), set(1)],
        vec![Effect::Finish(Feed::Input)],
    ]);
    let begun = tokio::time::Instant::now();
    assert_eq!(run(machine, vec![]).await.unwrap(), 1);
    assert_eq!(begun.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_long_run_of_calls_that_are_ready_at_once_lets_its_neighbours_run() {
    let turns = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&turns);
    let looks = Participant::computes("looks", move |_: u32| {
        Ok(u32::try_from(turns.load(Relaxed)).unwrap())
    });
    let says = (0..1_000).map(|call| {
        let feed = match call {
            0 => Feed::Input,
            _ => Feed::AnswerTo(call - 1),
        };
        vec![ask(call, usize::from(call == 999), feed)]
    });
    let end = vec![Effect::Finish(Feed::AnswerTo(999))];
    let seats = vec![plus_one(), looks.seat()];
    let mut long = score(told(says.chain([end])), seats);
    long.calls = 1_000;
    let system = System::new("t");
    let worker: WorkerRef<u32, u32> = start(&system, "p".into(), long).await.unwrap();
    let neighbour = spawn_owned(std::future::poll_fn(move |task| {
        count.fetch_add(1, Relaxed);
        task.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    let turns = worker.ask(0).await.unwrap().value;
    neighbour.abort();
    let rounds = u32::try_from(1_000 / EVENTS_IN_A_ROW).unwrap();
    assert!(turns >= rounds, "{turns} turns in {rounds} rounds");
}

#[tokio::test(start_paused = true)]
async fn what_answers_say_about_themselves_is_not_lost() {
    use crate::actor::Metadata;
    let says = |confidence: f64| {
        let worker = WorkerRef::from_fn("w", |n: u32| async move { Ok(n) });
        let says = Metadata::new().tokens(10).cost(7).confidence(confidence);
        Participant::asks("w", worker.with_metadata(move |_| says)).seat()
    };
    let machine = told([
        vec![ask(0, 0, Feed::Input)],
        vec![ask(1, 1, Feed::AnswerTo(0))],
        vec![Effect::Finish(Feed::AnswerTo(1))],
    ]);
    let system = System::new("t");
    let worker: WorkerRef<u32, u32> = start(
        &system,
        "p".into(),
        score(machine, vec![says(0.25), says(0.75)]),
    )
    .await
    .unwrap();
    let served = worker.ask(1).await.unwrap();
    assert_eq!(
        served.metadata,
        Metadata::new().tokens(20).cost(14).confidence(0.75)
    );
}
