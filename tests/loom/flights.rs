//! L15: a call that several share. Its leader answers, panics or is aborted while
//! others wait.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use callboard::model::layers::{Flights, Found, Place, Role};
use loom::future::block_on;
use loom::sync::atomic::AtomicUsize;
use loom::sync::atomic::Ordering::{AcqRel, Acquire};
use loom::thread;

use crate::harness::Model;
use crate::mutants::flights::{CopiedPlace, Copy as Copied, Slip};

/// Shared calls, whichever they are.
pub(crate) trait Air: Send + Sync + 'static {
    type Place;
    fn join(&self, waker: &Waker) -> Option<Self::Place>;
    fn poll(&self, place: &Self::Place, waker: &Waker) -> Poll<Found>;
    fn land(&self, answer: u32);
    fn leave(&self);
    fn give_up(&self, place: &Self::Place);
}

impl Air for Flights {
    type Place = Place;

    fn join(&self, waker: &Waker) -> Option<Place> {
        match self.join(waker) {
            Role::Lead => None,
            Role::Follow(place) => Some(place),
        }
    }

    fn poll(&self, place: &Place, waker: &Waker) -> Poll<Found> {
        self.poll(place, waker)
    }

    fn land(&self, answer: u32) {
        self.land(answer);
    }

    fn leave(&self) {
        self.leave();
    }

    fn give_up(&self, place: &Place) {
        self.give_up(place);
    }
}

impl Air for Copied {
    type Place = CopiedPlace;

    fn join(&self, waker: &Waker) -> Option<CopiedPlace> {
        self.join(waker)
    }

    fn poll(&self, place: &CopiedPlace, waker: &Waker) -> Poll<Found> {
        self.poll(place, waker)
    }

    fn land(&self, answer: u32) {
        self.land(answer);
    }

    fn leave(&self) {
        self.leave();
    }

    fn give_up(&self, place: &CopiedPlace) {
        self.give_up(place);
    }
}

pub(crate) fn models() -> Vec<Model> {
    let mut models = family(
        "l15_one_loads_at_a_time_and_all_who_wait_are_answered",
        leader_is_gone,
        leader_is_gone,
        &[
            (Slip::LeaveWakesNobody, "deadlock"),
            (Slip::LandKeepsTheFlight, "asks anew"),
            (Slip::NobodyMarksTheLead, "two load at once"),
            (Slip::EachJoinLeads, "two load at once"),
        ],
    );
    models.extend(family(
        "l15_an_answer_goes_to_all_who_wait",
        leader_answers,
        leader_answers,
        &[(Slip::LandWakesTheFirstOnly, "deadlock")],
    ));
    models.extend(family(
        "l15_whoever_was_to_lead_and_goes_passes_it_on",
        heir_is_gone,
        heir_is_gone,
        &[(Slip::GiveUpPassesNothingOn, "deadlock")],
    ));
    models
}

fn family(
    name: &str,
    over_flights: fn(Flights),
    over_copy: fn(Copied),
    slips: &[(Slip, &'static str)],
) -> Vec<Model> {
    let mut models = vec![
        Model::holds(name, move || over_flights(Flights::new())),
        Model::holds(format!("{name}/copy"), move || {
            over_copy(Copied::new(Slip::None));
        }),
    ];
    for &(slip, cause) in slips {
        let name = format!("{name}/{slip:?}");
        models.push(Model::dies_of(name, cause, move || {
            over_copy(Copied::new(slip));
        }));
    }
    models
}

/// How the one who leads ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answers,
    /// By a panic or an abort.
    IsGone,
}

struct Scene<A> {
    air: A,
    loading: AtomicUsize,
    loaded: AtomicUsize,
}

impl<A: Air> Scene<A> {
    fn new(air: A) -> Arc<Self> {
        Arc::new(Self {
            air,
            loading: AtomicUsize::new(0),
            loaded: AtomicUsize::new(0),
        })
    }

    fn load(&self, fate: Fate) -> Option<u32> {
        let others = self.loading.fetch_add(1, AcqRel);
        assert_eq!(others, 0, "two load at once");
        let number = self.loaded.fetch_add(1, AcqRel) as u32 + 1;
        self.loading.fetch_sub(1, AcqRel);
        match fate {
            Fate::Answers => {
                self.air.land(number);
                Some(number)
            }
            Fate::IsGone => {
                self.air.leave();
                None
            }
        }
    }

    fn join(&self) -> Option<A::Place> {
        block_on(poll_fn(|task| Poll::Ready(self.air.join(task.waker()))))
    }

    /// Asks; whoever leads ends by its fate.
    fn ask(&self, fate: Fate) -> Option<u32> {
        let Some(place) = self.join() else {
            return self.load(fate);
        };
        match block_on(poll_fn(|task| self.air.poll(&place, task.waker()))) {
            Found::Answer(answer) => Some(answer),
            Found::Lead => self.load(fate),
        }
    }

    /// Asks, and gives up when there is no answer yet.
    fn look_and_go(&self) {
        let Some(place) = self.join() else {
            self.load(Fate::IsGone);
            return;
        };
        let found = block_on(poll_fn(|task| {
            Poll::Ready(self.air.poll(&place, task.waker()))
        }));
        match found {
            Poll::Pending => self.air.give_up(&place),
            Poll::Ready(Found::Lead) => {
                self.load(Fate::IsGone);
            }
            Poll::Ready(Found::Answer(_)) => {}
        }
    }
}

fn spawn<A: Air, T: 'static>(
    scene: &Arc<Scene<A>>,
    act: impl FnOnce(&Scene<A>) -> T + 'static,
) -> thread::JoinHandle<T> {
    let scene = Arc::clone(scene);
    thread::spawn(move || act(&scene))
}

/// One who leads and goes without an answer, and two who want one.
fn leader_is_gone<A: Air>(air: A) {
    let scene = Scene::new(air);
    assert!(scene.join().is_none(), "nobody was there before");
    let asks = [(); 2].map(|()| spawn(&scene, |scene| scene.ask(Fate::Answers)));
    scene.load(Fate::IsGone);
    for ask in asks {
        let answer = ask.join().expect("joins");
        assert!(answer.is_some(), "all who wait are answered");
    }
    let before = scene.loaded.load(Acquire);
    scene.ask(Fate::Answers);
    let after = scene.loaded.load(Acquire);
    assert_eq!(after, before + 1, "when it is over, the next one asks anew");
}

/// One who leads and answers, and two who may have come in time.
fn leader_answers<A: Air>(air: A) {
    let scene = Scene::new(air);
    assert!(scene.join().is_none(), "nobody was there before");
    let asks = [(); 2].map(|()| spawn(&scene, |scene| scene.ask(Fate::Answers)));
    scene.load(Fate::Answers);
    for ask in asks {
        assert!(ask.join().expect("joins").is_some(), "it is answered");
    }
}

/// The leader goes, and so does one in line.
fn heir_is_gone<A: Air>(air: A) {
    let scene = Scene::new(air);
    assert!(scene.join().is_none(), "nobody was there before");
    let heir = spawn(&scene, Scene::look_and_go);
    let ask = spawn(&scene, |scene| scene.ask(Fate::Answers));
    scene.load(Fate::IsGone);
    heir.join().expect("joins");
    assert!(ask.join().expect("joins").is_some(), "it is answered");
}
