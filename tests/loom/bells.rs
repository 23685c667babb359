//! L18: the bells of a driver. One polls, two ring.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use callboard::model::internals::Bells;
use loom::sync::atomic::AtomicBool;
use loom::sync::atomic::Ordering::AcqRel;
use loom::sync::{Mutex, Notify};
use loom::thread;

use crate::harness::Model;

type Future = Pin<Box<dyn std::future::Future<Output = u32> + Send>>;
type Tell = Box<dyn Fn() + Send + Sync>;

/// The line that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    None,
    /// A bell may ring again only after the poll.
    AnswersAfterThePoll,
    /// A bell that has been answered never rings again.
    NeverRingsAgain,
    /// The actor is told before there is anything on the list.
    TellsBeforeTheList,
}

/// The futures of a driver, whichever they are.
trait Rings {
    fn make(tell: Tell, slip: Slip) -> Self;
    fn insert(&mut self, future: Future) -> usize;
    fn poll(&mut self, at: usize) -> Poll<u32>;
    fn rung(&mut self, take: impl FnMut(&mut Self, usize));
}

impl Rings for Bells {
    fn make(tell: Tell, _: Slip) -> Self {
        Self::new(tell)
    }

    fn insert(&mut self, future: Future) -> usize {
        self.insert(future)
    }

    fn poll(&mut self, at: usize) -> Poll<u32> {
        self.poll(at)
    }

    fn rung(&mut self, take: impl FnMut(&mut Self, usize)) {
        self.rung(take);
    }
}

struct Tower {
    slip: Slip,
    rung: Mutex<Vec<usize>>,
    tell: Tell,
}

struct Bell {
    at: usize,
    has_rung: AtomicBool,
    tower: Arc<Tower>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if self.has_rung.swap(true, AcqRel) {
            return;
        }
        let tower = &self.tower;
        if tower.slip == Slip::TellsBeforeTheList {
            (tower.tell)();
        }
        let is_first = {
            let mut rung = tower.rung.lock().expect("a panic ends the process");
            rung.push(self.at);
            rung.len() == 1
        };
        if is_first && tower.slip != Slip::TellsBeforeTheList {
            (tower.tell)();
        }
    }
}

/// A copy, with slips.
struct Copied {
    tower: Arc<Tower>,
    places: Vec<(Option<Future>, Arc<Bell>)>,
}

impl Rings for Copied {
    fn make(tell: Tell, slip: Slip) -> Self {
        let tower = Tower {
            slip,
            rung: Mutex::new(Vec::new()),
            tell,
        };
        Self {
            tower: Arc::new(tower),
            places: Vec::new(),
        }
    }

    fn insert(&mut self, future: Future) -> usize {
        let at = self.places.len();
        let bell = Bell {
            at,
            has_rung: AtomicBool::new(false),
            tower: Arc::clone(&self.tower),
        };
        self.places.push((Some(future), Arc::new(bell)));
        at
    }

    fn poll(&mut self, at: usize) -> Poll<u32> {
        let (place, bell) = &mut self.places[at];
        let Some(future) = place else {
            return Poll::Pending;
        };
        let waker = Waker::from(Arc::clone(bell));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            *place = None;
        }
        polled
    }

    fn rung(&mut self, mut take: impl FnMut(&mut Self, usize)) {
        let rung = std::mem::take(&mut *self.tower.rung.lock().expect("a panic ends the process"));
        let slip = self.tower.slip;
        let answer = |bells: &Self, at: usize| {
            bells.places[at].1.has_rung.swap(false, AcqRel);
        };
        for at in rung {
            if slip == Slip::None || slip == Slip::TellsBeforeTheList {
                answer(self, at);
            }
            take(self, at);
            if slip == Slip::AnswersAfterThePoll {
                answer(self, at);
            }
        }
    }
}

/// A number that is raised by others.
#[derive(Default)]
struct Counter {
    inside: Mutex<(u32, Option<Waker>)>,
}

impl Counter {
    fn raise(&self) {
        let waker = {
            let mut inside = self.inside.lock().expect("a panic ends the process");
            inside.0 += 1;
            inside.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Comes to the number once it is this.
    fn reaches(self: Arc<Self>, goal: u32) -> Future {
        Box::pin(poll_fn(move |task| {
            let mut inside = self.inside.lock().expect("a panic ends the process");
            if inside.0 >= goal {
                return Poll::Ready(inside.0);
            }
            inside.1 = Some(task.waker().clone());
            Poll::Pending
        }))
    }
}

pub(crate) fn models() -> Vec<Model> {
    let name = "l18_no_ring_is_lost_between_an_answer_and_a_poll";
    let mut models = vec![
        Model::holds(name, || ring::<Bells>(Slip::None)),
        Model::holds(format!("{name}/copy"), || ring::<Copied>(Slip::None)),
    ];
    for slip in [
        Slip::AnswersAfterThePoll,
        Slip::NeverRingsAgain,
        Slip::TellsBeforeTheList,
    ] {
        let name = format!("{name}/{slip:?}");
        models.push(Model::dies_of(name, "deadlock", move || {
            ring::<Copied>(slip);
        }));
    }
    models
}

/// One future waits for two rings, and the other for one.
fn ring<R: Rings>(slip: Slip) {
    let news = Arc::new(Notify::new());
    let told = Arc::clone(&news);
    let mut bells = R::make(Box::new(move || told.notify()), slip);
    let (twice, once) = (Arc::new(Counter::default()), Arc::new(Counter::default()));
    let mut left = 2;
    for (counter, goal) in [(&twice, 2), (&once, 1)] {
        let at = bells.insert(Arc::clone(counter).reaches(goal));
        assert!(bells.poll(at).is_pending());
    }
    let rings = |counter: Arc<Counter>, times: u32| {
        thread::spawn(move || (0..times).for_each(|_| counter.raise()))
    };
    let ringers = [rings(twice, 2), rings(once, 1)];
    while left > 0 {
        news.wait();
        bells.rung(|bells, at| {
            if bells.poll(at).is_ready() {
                left -= 1;
            }
        });
    }
    for ringer in ringers {
        ringer.join().expect("joins");
    }
}
