//! C1, whole: what a user of a breaker sees. The arithmetic has its own tests,
//! with numbers, beside it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use callboard::actor::Served;
use callboard::policy::breaker::{
    BreakerConfig, Cause, Event, IllegalTransition, InvalidBreaker, Lapse, Metrics, Outcome, State,
    Threshold, Transition, Turns,
};
use callboard::prelude::*;
use callboard::resilience::{BreakerEvent, BreakerEvents};

/// A worker that answers as it is asked to, and how often it was called.
fn obedient() -> (WorkerRef<Result<u32, Fault>, u32>, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let worker = WorkerRef::from_fn("obedient", move |answer: Result<u32, Fault>| {
        counted.fetch_add(1, Relaxed);
        async move { answer }
    });
    (worker, calls)
}

fn down() -> Result<u32, Fault> {
    Err(Fault::transient("down"))
}

fn tripped(config: BreakerConfig) -> Breaker {
    let breaker = Breaker::new("it", config);
    breaker.turn(State::Open).expect("from closed");
    breaker
}

fn heard(events: &mut BreakerEvents) -> Vec<BreakerEvent> {
    std::iter::from_fn(|| events.try_next()).collect()
}

fn changes(events: &[BreakerEvent]) -> Vec<(State, State, Cause)> {
    let change = |event: &BreakerEvent| match event.event {
        Event::Changed(Transition {
            from, to, cause, ..
        }) => Some((from, to, cause)),
        _ => None,
    };
    events.iter().filter_map(change).collect()
}

#[tokio::test(start_paused = true)]
async fn cb_01_a_new_breaker_is_closed_and_has_counted_nothing() {
    let stats = Breaker::new("it", Breaker::failure_rate(0.5)).stats();
    assert_eq!(stats.state, State::Closed);
    assert_eq!(stats.metrics, Metrics::default());
    assert_eq!((stats.admitted, stats.not_permitted), (0, 0));
    assert_eq!(stats.transitions, []);
}

#[tokio::test(start_paused = true)]
async fn cb_02_the_call_the_threshold_and_the_state_are_told_in_this_order_once() {
    let (worker, _) = obedient();
    let breaker = Breaker::new("it", Breaker::failure_rate(0.5).window(5).min_calls(5));
    let mut events = breaker.subscribe();
    let guarded = breaker.guard(&worker);
    for answer in [down(), down(), down(), Ok(1), Ok(2)] {
        let _ = guarded.ask(answer).await;
    }
    assert_eq!(breaker.state(), State::Open);

    let heard = heard(&mut events);
    let numbers: Vec<u64> = heard.iter().map(|event| event.number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
    let recorded = |outcome| Event::Recorded {
        outcome,
        is_slow: false,
    };
    let told: Vec<Event> = heard.iter().map(|event| event.event).collect();
    assert_eq!(told[..3], [recorded(Outcome::Failure); 3]);
    assert_eq!(told[3..5], [recorded(Outcome::Success); 2]);
    assert_eq!(
        told[5],
        Event::ThresholdExceeded(Threshold::FailureRate(0.6))
    );
    assert_eq!(
        changes(&heard),
        [(State::Closed, State::Open, Cause::Tripped)]
    );
}

#[tokio::test(start_paused = true)]
async fn cb_10_slow_answers_open_it() {
    let slow = WorkerRef::from_fn("slow", |took: Duration| async move {
        tokio::time::sleep(took).await;
        Ok(())
    });
    let config = Breaker::slow_rate(0.6, secs(2)).window(5).min_calls(5);
    let breaker = Breaker::new("slow", config);
    let guarded = breaker.guard(&slow);
    for took in [ms(1), secs(2), secs(3), ms(1), secs(9)] {
        assert_eq!(breaker.state(), State::Closed);
        guarded.ask(took).await.expect("it answers");
    }
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn cb_12_while_it_is_open_the_worker_is_never_asked() {
    let (worker, calls) = obedient();
    let breaker = tripped(Breaker::consecutive(5).open_for(secs(7)));
    let mut events = breaker.subscribe();
    let guarded = breaker.guard(&worker);
    let refused = guarded.ask(Ok(1)).await.unwrap_err();
    assert_eq!(refused.class(), FaultClass::Cascading);
    assert_eq!(refused.retry_after(), Some(secs(7)));
    assert!(refused.message().contains("in front of it is open"));
    assert_eq!(calls.load(Relaxed), 0);
    assert_eq!(breaker.stats().not_permitted, 1);
    let retry_after = secs(7);
    let told = heard(&mut events);
    assert_eq!(told[0].event, Event::NotPermitted { retry_after });
}

#[tokio::test(start_paused = true)]
async fn cb_14_with_a_timer_it_turns_half_open_without_a_call() {
    let lazy = tripped(Breaker::consecutive(5).open_for(secs(5)));
    let timed = tripped(
        Breaker::consecutive(5)
            .open_for(secs(5))
            .turns(Turns::ByTimer),
    );
    let mut events = timed.subscribe();
    tokio::time::sleep(ms(4_999)).await;
    assert_eq!(timed.state(), State::Open);
    // The clock jumps there: nothing ticks meanwhile.
    let turned = events.next().await.expect("the breaker is there");
    assert_eq!(
        changes(&[turned]),
        [(State::Open, State::HalfOpen, Cause::Rested)]
    );
    tokio::time::sleep(secs(1)).await;
    assert_eq!(lazy.state(), State::Open, "it waits for a call");
}

#[tokio::test(start_paused = true)]
async fn cb_14_a_timer_follows_what_is_done_by_hand_and_goes_with_the_last_handle() {
    let config = Breaker::consecutive(5)
        .open_for(secs(5))
        .turns(Turns::ByTimer);
    let breaker = tripped(config.clone());
    tokio::time::sleep(secs(3)).await;
    breaker.turn(State::Open).expect("it is open");
    tokio::time::sleep(secs(3)).await;
    assert_eq!(breaker.state(), State::Open, "its wait began anew");
    breaker
        .reconfigure(config.open_for(secs(4)))
        .expect("it fits");
    tokio::time::sleep(ms(1_001)).await;
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.reset();
    tokio::time::sleep(secs(60)).await;
    assert_eq!(breaker.state(), State::Closed);

    breaker.turn(State::Open).expect("from closed");
    drop(breaker);
    tokio::task::yield_now().await;
    let alive = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(alive, 0);
}

#[tokio::test(start_paused = true)]
async fn cb_16_exactly_as_many_probes_get_through_as_the_trial_has() {
    let breaker = tripped(Breaker::failure_rate(0.5).recovery_by_rates(4));
    tokio::time::advance(secs(60)).await;
    let tries: Vec<_> = (0..6).map(|_| breaker.try_acquire()).collect();
    let admitted: Vec<bool> = tries.iter().map(Result::is_ok).collect();
    assert_eq!(admitted, [true, true, true, true, false, false]);
    assert_eq!(breaker.stats().not_permitted, 2);
}

#[tokio::test(start_paused = true)]
async fn cb_20_a_fault_that_says_nothing_gives_its_permit_back() {
    let (worker, _) = obedient();
    let breaker = tripped(Breaker::failure_rate(0.5).recovery_by_rates(4));
    let guarded = breaker.guard(&worker);
    tokio::time::advance(secs(60)).await;
    for answer in [Ok(1), Ok(2), Ok(3), Err(Fault::permanent("bad request"))] {
        let _ = guarded.ask(answer).await;
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    guarded.ask(Ok(4)).await.expect("it is admitted");
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn cb_26_a_trial_that_is_never_full_ends_by_timer_too() {
    for (lapse, state) in [(Lapse::Open, State::Open), (Lapse::Closed, State::Closed)] {
        let config = Breaker::failure_rate(0.5)
            .recovery_by_rates(4)
            .open_for(secs(5))
            .half_open_for(secs(1))
            .lapse(lapse)
            .turns(Turns::ByTimer);
        let breaker = tripped(config);
        tokio::time::sleep(ms(5_001)).await;
        for _ in 0..2 {
            breaker.try_acquire().expect("a probe").success();
        }
        assert_eq!(breaker.state(), State::HalfOpen);
        tokio::time::sleep(secs(1)).await;
        assert_eq!(breaker.state(), state);
    }
}

#[tokio::test(start_paused = true)]
async fn cb_27_forced_open_stays_so() {
    let breaker = Breaker::new("it", Breaker::consecutive(1).turns(Turns::ByTimer));
    let before = breaker.try_acquire().expect("closed");
    breaker.turn(State::ForcedOpen).expect("from anywhere");
    before.success();
    tokio::time::sleep(secs(3_600)).await;
    for _ in 0..3 {
        assert!(breaker.try_acquire().is_err());
    }
    assert_eq!(breaker.state(), State::ForcedOpen);
    assert_eq!(breaker.stats().not_permitted, 3);
    breaker.turn(State::Closed).expect("from anywhere");
    assert!(breaker.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn cb_28_disabled_lets_all_through_and_tells_of_the_change_only() {
    let breaker = Breaker::new("it", Breaker::consecutive(1));
    let mut events = breaker.subscribe();
    breaker.turn(State::Disabled).expect("from anywhere");
    for _ in 0..50 {
        breaker.try_acquire().expect("disabled").failure();
    }
    let heard = heard(&mut events);
    assert_eq!(heard.len(), 1);
    assert_eq!(
        changes(&heard),
        [(State::Closed, State::Disabled, Cause::ByHand)]
    );
    assert_eq!(breaker.stats().metrics, Metrics::default());
}

#[tokio::test(start_paused = true)]
async fn cb_31_a_change_that_is_none_is_an_error() {
    let breaker = Breaker::new("it", Breaker::consecutive(1));
    let (from, to) = (State::Closed, State::HalfOpen);
    assert_eq!(breaker.turn(to), Err(IllegalTransition { from, to }));
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn cb_34_an_answer_may_count_as_a_failure_and_is_handed_on() {
    let (worker, _) = obedient();
    let breaker = Breaker::new("it", Breaker::consecutive(2));
    let odd_is_bad = |answer: &Result<Served<u32>, Fault>| match answer {
        Ok(served) if served.value % 2 == 1 => Outcome::Failure,
        Ok(_) => Outcome::Success,
        Err(fault) => Breaker::judge(fault.class()),
    };
    let guarded = breaker.guard_judging(&worker, odd_is_bad);
    assert_eq!(guarded.ask(Ok(7)).await.unwrap().value, 7);
    assert_eq!(breaker.stats().metrics.failed, 1);
    assert_eq!(guarded.ask(Ok(9)).await.unwrap().value, 9);
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn c1_what_a_class_of_faults_counts_as_can_be_said() {
    let (worker, _) = obedient();
    let strict = Breaker::new("it", Breaker::consecutive(1)).counting(|class| match class {
        FaultClass::Permanent => Outcome::Failure,
        _ => Outcome::Ignored,
    });
    let guarded = strict.guard(&worker);
    let _ = guarded.ask(down()).await;
    assert_eq!(strict.state(), State::Closed);
    let _ = guarded.ask(Err(Fault::permanent("forbidden"))).await;
    assert_eq!(strict.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn c1_a_call_that_is_dropped_halfway_gives_its_permit_back() {
    let never = WorkerRef::from_fn("never", |_: u32| {
        std::future::pending::<Result<u32, Fault>>()
    });
    let breaker = tripped(Breaker::consecutive(1).probes(1));
    let guarded = breaker.guard(&never);
    tokio::time::advance(secs(60)).await;
    {
        let mut probe = pin!(guarded.ask(1).into_future());
        let mut task = Context::from_waker(Waker::noop());
        assert!(probe.as_mut().poll(&mut task).is_pending());
        assert!(breaker.try_acquire().is_err(), "the one probe is out");
    }
    assert!(breaker.try_acquire().is_ok());
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[tokio::test(start_paused = true)]
async fn c1_a_permit_of_its_own_is_settled_wherever_it_goes() {
    let breaker = tripped(Breaker::consecutive(1).success_threshold(1));
    tokio::time::advance(secs(60)).await;
    let permit = breaker.try_acquire_owned().expect("a probe");
    assert!(breaker.try_acquire_owned().is_err());
    let elsewhere = tokio::spawn(async move { permit.success() });
    elsewhere.await.expect("it ends");
    assert_eq!(breaker.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn c1_settings_are_changed_live_and_nonsense_changes_nothing() {
    let breaker = Breaker::new("it", Breaker::consecutive(5));
    let refused = breaker.reconfigure(Breaker::failure_rate(2.0));
    assert_eq!(refused, Err(InvalidBreaker::Threshold(2.0)));
    breaker
        .reconfigure(Breaker::consecutive(1))
        .expect("it fits");
    breaker.strike();
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn c1_a_slow_listener_loses_the_oldest_events_and_knows_how_many() {
    let breaker = Breaker::new("it", Breaker::consecutive(1_000));
    let mut slow = breaker.subscribe();
    let mut quick = breaker.subscribe();
    for number in 0..300 {
        breaker.strike();
        assert_eq!(quick.try_next().expect("just told").number, number);
    }
    let heard = heard(&mut slow);
    assert_eq!((heard.len(), slow.lost()), (256, 44));
    assert_eq!(heard[0].number, 44);
    assert!(
        heard
            .windows(2)
            .all(|two| two[0].number + 1 == two[1].number)
    );
    assert_eq!(quick.lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn c1_numbers_go_on_while_nobody_listens_to_nothing() {
    let breaker = Breaker::new("it", Breaker::consecutive(1_000));
    let mut first = breaker.subscribe();
    breaker.strike();
    assert_eq!(first.try_next().map(|event| event.number), Some(0));
    drop(first);
    breaker.strike();
    let mut second = breaker.subscribe();
    breaker.strike();
    assert_eq!(second.try_next().map(|event| event.number), Some(1));
    drop(breaker);
    let end = tokio::time::timeout(secs(60), second.next()).await;
    assert_eq!(end, Ok(None), "the breaker is gone");
}

#[tokio::test(start_paused = true)]
async fn c1_whoever_waits_for_an_event_is_woken_by_it_and_by_the_end() {
    let breaker = Breaker::new("it", Breaker::consecutive(1));
    let mut events = breaker.subscribe();
    let listener = tokio::spawn(async move {
        let mut seen = 0;
        while events.next().await.is_some() {
            seen += 1;
        }
        seen
    });
    tokio::task::yield_now().await;
    breaker.strike();
    tokio::task::yield_now().await;
    drop(breaker);
    let heard = tokio::time::timeout(secs(60), listener).await;
    assert_eq!(heard.expect("it is woken").expect("it ends"), 3);
}

/// A waker that looks at the breaker, as a scheduler that polls at once would.
struct Nosy(Breaker, AtomicU32);

impl Wake for Nosy {
    fn wake(self: Arc<Self>) {
        let _ = self.0.stats();
        self.1.fetch_add(1, Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn c1_a_listener_is_woken_with_no_lock_held() {
    let breaker = Breaker::new("it", Breaker::consecutive(1));
    let mut events = breaker.subscribe();
    let nosy = Arc::new(Nosy(breaker.clone(), AtomicU32::new(0)));
    let waker = Waker::from(Arc::clone(&nosy));
    {
        let next = pin!(events.next());
        assert!(next.poll(&mut Context::from_waker(&waker)) == Poll::Pending);
    }
    breaker.strike();
    assert_eq!(nosy.1.load(Relaxed), 1, "once for all that one step told");
}
