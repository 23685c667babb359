//! L14: the reply slot. Answer, deadline and the callee's death race; exactly
//! one of them is the outcome.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use callboard::mailbox::Unanswered;
use callboard::model::internals::ReplySlot;
use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use crate::harness::Model;
use crate::mutants::reply::{Copy, Slip};

/// A reply slot for numbers, whichever it is.
pub(crate) trait Slot: Send + Sync + 'static {
    fn answer(&self, value: u32) -> Result<(), u32>;
    fn fail(&self, why: Unanswered) -> bool;
    fn add_replier(&self);
    fn drop_replier(&self, why: Unanswered);
    fn poll(&self, waker: &Waker) -> Poll<Result<u32, Unanswered>>;
    fn abandon(&self);
    fn is_gone(&self) -> bool;
    fn on_gone(&self, waker: &Waker);
}

impl Slot for ReplySlot {
    fn answer(&self, value: u32) -> Result<(), u32> {
        self.answer(value)
    }

    fn fail(&self, why: Unanswered) -> bool {
        self.fail(why)
    }

    fn add_replier(&self) {
        self.add_replier();
    }

    fn drop_replier(&self, why: Unanswered) {
        self.drop_replier(why);
    }

    fn poll(&self, waker: &Waker) -> Poll<Result<u32, Unanswered>> {
        self.poll(waker)
    }

    fn abandon(&self) {
        self.abandon();
    }

    fn is_gone(&self) -> bool {
        self.is_gone()
    }

    fn on_gone(&self, waker: &Waker) {
        self.on_gone(waker);
    }
}

pub(crate) fn models() -> Vec<Model> {
    let mut models = family(
        "l14_answer_or_deadline",
        answer_or_deadline,
        answer_or_deadline,
        &[
            (Slip::AnswerOverwrites, "exactly one outcome"),
            (Slip::FailureOverwrites, "exactly one outcome"),
            (Slip::AskerRegistersLate, "the waker is freed"),
            (Slip::AnswerWakesNobody, "deadlock"),
        ],
    );
    models.extend(family(
        "l14_deadline_or_death",
        deadline_or_death,
        deadline_or_death,
        &[
            (Slip::FailureWakesNobody, "deadlock"),
            (Slip::FailureOverwrites, "exactly one outcome"),
        ],
    ));
    models.extend(family(
        "l14_death_of_all_clones",
        death_of_all,
        death_of_all,
        &[(Slip::LastDropIsSilent, "deadlock")],
    ));
    models.extend(family(
        "l14_death_of_a_clone_is_no_outcome",
        death_of_a_clone,
        death_of_a_clone,
        &[(Slip::FirstDropFails, "the answer wins")],
    ));
    models.extend(family(
        "l14_an_asker_that_gives_up",
        asker_gives_up,
        asker_gives_up,
        &[
            (Slip::AbandonKeepsTheWaker, "the waker is freed"),
            (Slip::AbandonTellsNobody, "deadlock"),
        ],
    ));
    models.extend(family(
        "l14_a_handler_sees_the_deadline",
        handler_sees_deadline,
        handler_sees_deadline,
        &[
            (
                Slip::ReadFailureIsForgotten,
                "exceeded maximum number of branches",
            ),
            (Slip::HandlerRegistersLate, "the waker is freed"),
        ],
    ));
    models.into_iter().map(Model::exhaustive).collect()
}

fn family(
    name: &str,
    over_slot: fn(ReplySlot),
    over_copy: fn(Copy),
    slips: &[(Slip, &'static str)],
) -> Vec<Model> {
    let mut models = vec![
        Model::holds(name, move || over_slot(ReplySlot::new())),
        Model::holds(format!("{name}/copy"), move || {
            over_copy(Copy::new(Slip::None))
        }),
    ];
    for &(slip, cause) in slips {
        let body = move || over_copy(Copy::new(slip));
        models.push(Model::dies_of(format!("{name}/{slip:?}"), cause, body));
    }
    models
}

/// A waker whose clones are counted by std's `Arc`.
struct Counted(Waker);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

/// Waits as `poll` says, and returns the count of the waker it was given.
fn wait<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> (T, std::sync::Weak<Counted>) {
    let mut counted: Option<Arc<Counted>> = None;
    let outcome = block_on(poll_fn(|task| {
        let counted = counted.get_or_insert_with(|| Arc::new(Counted(task.waker().clone())));
        poll(&mut Context::from_waker(&Waker::from(Arc::clone(counted))))
    }));
    let counted = counted.expect("it was polled");
    (outcome, Arc::downgrade(&counted))
}

fn assert_freed(waker: &std::sync::Weak<Counted>) {
    assert_eq!(
        waker.strong_count(),
        0,
        "the waker is freed with the outcome"
    );
}

fn with<S: Slot, T: 'static>(slot: &Arc<S>, act: impl FnOnce(&S) -> T + 'static) -> JoinHandle<T> {
    let slot = Arc::clone(slot);
    thread::spawn(move || act(&slot))
}

fn answer_or_deadline<S: Slot>(slot: S) {
    let slot = Arc::new(slot);
    let callee = with(&slot, |slot| {
        let answered = slot.answer(7).is_ok();
        slot.drop_replier(Unanswered::NoReply);
        answered
    });
    let clock = with(&slot, |slot| slot.fail(Unanswered::Timeout));
    let (outcome, waker) = wait(|task| slot.poll(task.waker()));
    let (answered, expired) = (callee.join().expect("joins"), clock.join().expect("joins"));
    assert!(answered ^ expired, "exactly one outcome");
    assert_eq!(
        outcome,
        if answered {
            Ok(7)
        } else {
            Err(Unanswered::Timeout)
        }
    );
    assert_eq!(
        slot.answer(8),
        Err(8),
        "exactly one outcome: a late answer comes back"
    );
    assert_freed(&waker);
    // After an answer, a handler that watches has nothing to be woken for.
    let bell = Arc::new(Bell(AtomicBool::new(false)));
    slot.on_gone(&Waker::from(Arc::clone(&bell)));
    assert_eq!(bell.0.load(Relaxed), expired);
    assert_eq!(slot.is_gone(), expired);
}

fn deadline_or_death<S: Slot>(slot: S) {
    let slot = Arc::new(slot);
    let callee = with(&slot, |slot| slot.drop_replier(Unanswered::Crashed));
    let clock = with(&slot, |slot| slot.fail(Unanswered::Timeout));
    let (outcome, waker) = wait(|task| slot.poll(task.waker()));
    callee.join().expect("joins");
    let expired = clock.join().expect("joins");
    let why = if expired {
        Unanswered::Timeout
    } else {
        Unanswered::Crashed
    };
    assert_eq!(outcome, Err(why), "exactly one outcome");
    assert_freed(&waker);
}

fn death_of_all<S: Slot>(slot: S) {
    let slot = Arc::new(slot);
    slot.add_replier();
    let callees = [(); 2].map(|()| with(&slot, |slot| slot.drop_replier(Unanswered::NoReply)));
    let (outcome, waker) = wait(|task| slot.poll(task.waker()));
    assert_eq!(outcome, Err(Unanswered::NoReply));
    for callee in callees {
        callee.join().expect("joins");
    }
    assert_freed(&waker);
}

fn death_of_a_clone<S: Slot>(slot: S) {
    let slot = Arc::new(slot);
    slot.add_replier();
    let answerer = with(&slot, |slot| {
        assert_eq!(slot.answer(7), Ok(()), "the answer wins");
        slot.drop_replier(Unanswered::NoReply);
    });
    let other = with(&slot, |slot| slot.drop_replier(Unanswered::Crashed));
    let (outcome, waker) = wait(|task| slot.poll(task.waker()));
    assert_eq!(outcome, Ok(7), "the answer wins");
    answerer.join().expect("joins");
    other.join().expect("joins");
    assert_freed(&waker);
}

/// The asker polls once and goes away. One handler answers, one waits to hear
/// that nobody waits any more.
fn asker_gives_up<S: Slot>(slot: S) {
    let slot = Arc::new(slot);
    let watcher = with(&slot, |slot| watch(slot));
    let asker = with(&slot, |slot| {
        let counted = Arc::new(Counted(Waker::noop().clone()));
        let polled = slot.poll(&Waker::from(Arc::clone(&counted)));
        assert!(polled.is_pending(), "nobody has answered");
        slot.abandon();
        assert_eq!(Arc::strong_count(&counted), 1, "the waker is freed");
    });
    let watched = watcher.join().expect("joins");
    asker.join().expect("joins");
    assert_freed(&watched);
    assert_eq!(slot.answer(7), Err(7), "a late answer comes back");
    assert!(slot.is_gone());
}

/// A handler that waits for the asker to go away, while the deadline passes and
/// the asker reads its failure.
fn handler_sees_deadline<S: Slot>(slot: S) {
    let slot = Arc::new(slot);
    let watcher = with(&slot, |slot| watch(slot));
    let clock = with(&slot, |slot| slot.fail(Unanswered::Timeout));
    let (outcome, waker) = wait(|task| slot.poll(task.waker()));
    assert_eq!(outcome, Err(Unanswered::Timeout));
    let watched = watcher.join().expect("joins");
    assert!(clock.join().expect("joins"));
    assert!(slot.is_gone(), "an asker that ran out of time stays gone");
    assert_freed(&waker);
    assert_freed(&watched);
}

/// As `Request::cancelled`.
fn watch<S: Slot>(slot: &S) -> std::sync::Weak<Counted> {
    wait(|task| {
        if slot.is_gone() {
            return Poll::Ready(());
        }
        slot.on_gone(task.waker());
        Poll::Pending
    })
    .1
}
