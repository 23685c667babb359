//! L12, L13: whose turn it is at a supervisor. Crash reports, commands and the
//! end race for its plan; supervisors bring each other news.

use std::mem::take;
use std::sync::Arc;

use callboard::model::internals::{Decide, Effect, Plan, Turns};
use loom::sync::Mutex;
use loom::sync::MutexGuard;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use loom::sync::atomic::{AtomicBool, AtomicUsize};
use loom::thread;

use crate::harness::Model;
use crate::mutants::turn::{Copy as Copied, Slip};

/// Turns, whichever they are.
pub(crate) trait Lane<I, T>: Send + Sync + 'static {
    fn push<D: Decide<Input = I, Turn = T>>(&self, input: I, decide: &D);
    fn wake<D: Decide<Input = I, Turn = T>>(&self, decide: &D);
    fn work<D: Decide<Input = I, Turn = T>>(&self, decide: &D);
    fn end<R>(&self, settle: impl FnOnce(&mut T) -> R) -> R;
    fn clear<D: Decide<Input = I, Turn = T>>(&self, decide: &D);
}

impl<I: Send + 'static, T: Send + 'static> Lane<I, T> for Turns<I, T> {
    fn push<D: Decide<Input = I, Turn = T>>(&self, input: I, decide: &D) {
        self.push(input, decide);
    }

    fn wake<D: Decide<Input = I, Turn = T>>(&self, decide: &D) {
        self.wake(decide);
    }

    fn work<D: Decide<Input = I, Turn = T>>(&self, decide: &D) {
        self.work(decide);
    }

    fn end<R>(&self, settle: impl FnOnce(&mut T) -> R) -> R {
        self.end(settle)
    }

    fn clear<D: Decide<Input = I, Turn = T>>(&self, decide: &D) {
        self.clear(decide);
    }
}

/// Makes turns: those that ship, or the copy.
trait Kind: Copy + Send + Sync + 'static {
    type Of<I: Send + 'static, T: Default + Send + 'static>: Lane<I, T>;

    fn make<I: Send + 'static, T: Default + Send + 'static>(self, first: I) -> Self::Of<I, T>;
}

#[derive(Clone, Copy)]
struct Shipped;

impl Kind for Shipped {
    type Of<I: Send + 'static, T: Default + Send + 'static> = Turns<I, T>;

    fn make<I: Send + 'static, T: Default + Send + 'static>(self, first: I) -> Turns<I, T> {
        Turns::new(first, T::default())
    }
}

impl Kind for Slip {
    type Of<I: Send + 'static, T: Default + Send + 'static> = Copied<I, T>;

    fn make<I: Send + 'static, T: Default + Send + 'static>(self, first: I) -> Copied<I, T> {
        Copied::new(self, first, T::default())
    }
}

pub(crate) fn models() -> Vec<Model> {
    let mut models = family(
        "l12_news_is_stepped_once_and_in_order",
        news,
        news,
        &[
            (Slip::StepsWithoutTheTurn, "is stepped once"),
            (Slip::OvertakesTheInbox, "in its order"),
            (Slip::TakesTheInboxFirst, "in its order"),
            (Slip::CalmsAfterTheWork, "is stepped once"),
            (Slip::RingsIntoTheVoid, "is stepped once"),
        ],
    );
    models.extend(family(
        "l12_after_the_end_all_is_buried",
        dead,
        dead,
        &[
            (Slip::LooksForTheEndFirst, "is stepped or buried"),
            (Slip::StepsAfterTheEnd, "nothing is decided after the end"),
        ],
    ));
    models.extend(family(
        "l12_a_crash_a_terminate_and_a_stop",
        restart,
        restart,
        &[(Slip::StepsWithoutTheTurn, "lives on")],
    ));
    models.extend(family(
        "l13_keepers_that_bring_each_other_news",
        cross,
        cross,
        &[(Slip::WaitsForTheTurn, "deadlock")],
    ));
    models.extend(family(
        "l13_a_child_is_under_one_of_two_parents",
        adopted,
        adopted,
        &[
            (Slip::LooksForTheEndFirst, "under exactly one parent"),
            (Slip::StepsAfterTheEnd, "under exactly one parent"),
        ],
    ));
    models
}

fn family(
    name: &str,
    over_shipped: fn(Shipped),
    over_copy: fn(Slip),
    slips: &[(Slip, &'static str)],
) -> Vec<Model> {
    let mut models = vec![
        Model::holds(name, move || over_shipped(Shipped)),
        Model::holds(format!("{name}/copy"), move || over_copy(Slip::None)),
    ];
    for &(slip, cause) in slips {
        let body = move || over_copy(slip);
        models.push(Model::dies_of(format!("{name}/{slip:?}"), cause, body));
    }
    models
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a panic ends the process")
}

/// The worker of a keeper: hears its bell once it is there.
#[derive(Default)]
struct Bell {
    is_there: AtomicBool,
    rings: AtomicUsize,
}

impl Bell {
    fn is_there(&self) -> bool {
        self.is_there.load(Acquire)
    }

    fn arrive(&self) {
        self.is_there.store(true, Release);
    }

    fn ring(&self) {
        self.rings.fetch_add(1, AcqRel);
    }

    /// Takes a ring, as a worker takes a wake-up from its mailbox.
    fn heard(&self) -> bool {
        let has_rung = self.rings.load(Acquire) > 0;
        if has_rung {
            self.rings.fetch_sub(1, AcqRel);
        }
        has_rung
    }
}

// ---- news ----------------------------------------------------------------

/// Who says it, and its how manieth it is.
type Note = (u32, u32);

const BOOT: Note = (0, 0);

/// A keeper that writes down what it is told.
struct Diary<K: Kind> {
    turns: K::Of<Note, Vec<Note>>,
    bell: Bell,
    buried: Mutex<Vec<Note>>,
}

impl<K: Kind> Diary<K> {
    fn new(kind: K) -> Arc<Self> {
        Arc::new(Self {
            turns: kind.make(BOOT),
            bell: Bell::default(),
            buried: Mutex::new(Vec::new()),
        })
    }

    fn tell(self: &Arc<Self>, author: u32, notes: u32) -> thread::JoinHandle<()> {
        let diary = Arc::clone(self);
        thread::spawn(move || {
            for number in 1..=notes {
                diary.turns.push((author, number), &*diary);
            }
        })
    }

    fn arrive(&self) {
        self.bell.arrive();
        self.turns.wake(self);
    }

    /// Works once, if it was rung for.
    fn serve(&self) -> bool {
        let is_wanted = self.bell.heard();
        if is_wanted {
            self.turns.work(self);
        }
        is_wanted
    }
}

impl<K: Kind> Decide for Diary<K> {
    type Input = Note;
    type Turn = Vec<Note>;

    fn may_step_here(&self, note: &Note) -> bool {
        *note != BOOT && self.bell.is_there()
    }

    fn step(&self, turn: &mut Vec<Note>, note: Note) {
        turn.push(note);
    }

    fn has_bell(&self) -> bool {
        self.bell.is_there()
    }

    fn ring(&self) {
        self.bell.ring();
    }

    fn bury(&self, note: Note) {
        locked(&self.buried).push(note);
    }
}

fn assert_in_order(notes: &[Note]) {
    for author in 1..=2 {
        let own: Vec<_> = notes.iter().filter(|note| note.0 == author).collect();
        assert!(
            own.is_sorted(),
            "what one says comes in its order: {notes:?}"
        );
    }
}

/// Two bring news while the worker arrives.
fn news<K: Kind>(kind: K) {
    let diary = Diary::new(kind);
    let first = diary.tell(1, 2);
    let second = diary.tell(2, 1);
    diary.arrive();
    diary.serve();
    first.join().expect("joins");
    second.join().expect("joins");
    while diary.serve() {}
    let notes = diary.turns.end(take);
    let mut sorted = notes.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [BOOT, (1, 1), (1, 2), (2, 1)],
        "each is stepped once: {notes:?}"
    );
    assert_eq!(notes[0], BOOT, "what was there first comes in its order");
    assert_in_order(&notes);
}

/// The keeper dies while two bring news.
fn dead<K: Kind>(kind: K) {
    let diary = Diary::new(kind);
    let first = diary.tell(1, 2);
    let second = diary.tell(2, 1);
    diary.arrive();
    diary.serve();
    let decided = diary.turns.end(|notes| notes.clone());
    diary.turns.clear(&*diary);
    first.join().expect("joins");
    second.join().expect("joins");
    let notes = diary.turns.end(take);
    assert_eq!(notes, decided, "nothing is decided after the end");
    assert_in_order(&notes);
    let mut all = notes;
    all.append(&mut locked(&diary.buried));
    all.sort_unstable();
    assert_eq!(
        all,
        [BOOT, (1, 1), (1, 2), (2, 1)],
        "each is stepped or buried, once"
    );
}

// ---- the plan ------------------------------------------------------------

enum News {
    Boot,
    Crashed,
    Stopped,
    Terminate,
    ShutDown,
}

const CHILD: u64 = 0;
const TOKEN: u64 = 7;

/// The only child, as it is left by what the keeper did.
#[derive(Default)]
struct Child {
    is_alive: bool,
    lives: u32,
    answers: u32,
    is_over: bool,
}

/// A keeper with a real plan and a child that is scripted.
struct Desk<K: Kind> {
    turns: K::Of<News, ()>,
    bell: Bell,
    plan: Mutex<Plan>,
    child: Mutex<Child>,
}

impl<K: Kind> Desk<K> {
    /// Ends this life of the child; whoever ends it reports it.
    fn end_life(&self, life: u32) -> bool {
        let mut child = locked(&self.child);
        let is_mine = child.is_alive && child.lives == life;
        child.is_alive &= !is_mine;
        is_mine
    }

    fn act(&self, effect: Effect) {
        match effect {
            Effect::Launch(_) => {
                {
                    let mut child = locked(&self.child);
                    assert!(!child.is_alive, "two lives at once");
                    assert!(!child.is_over, "nothing starts after the end");
                    child.is_alive = true;
                    child.lives += 1;
                }
                // It is ready at once.
                let effects = locked(&self.plan).started(CHILD);
                effects.into_iter().for_each(|effect| self.act(effect));
            }
            Effect::Stop(_) => {
                let life = locked(&self.child).lives;
                if self.end_life(life) {
                    self.turns.push(News::Stopped, self);
                }
            }
            Effect::Answer(token) => {
                assert_eq!(token, TOKEN);
                locked(&self.child).answers += 1;
            }
            Effect::Finished => {
                let mut child = locked(&self.child);
                assert!(!child.is_over, "it ends once");
                child.is_over = true;
            }
            Effect::Other => {}
        }
    }

    fn serve(&self) -> bool {
        let is_wanted = self.bell.heard();
        if is_wanted {
            self.turns.work(self);
        }
        is_wanted
    }
}

impl<K: Kind> Decide for Desk<K> {
    type Input = News;
    type Turn = ();

    fn may_step_here(&self, news: &News) -> bool {
        !matches!(news, News::Boot | News::ShutDown)
    }

    fn step(&self, _turn: &mut (), news: News) {
        let effects = {
            let mut plan = locked(&self.plan);
            match news {
                News::Boot => plan.boot(),
                News::Crashed => plan.crashed(CHILD),
                News::Stopped => plan.stopped(CHILD),
                News::Terminate => plan.terminate(CHILD, TOKEN),
                News::ShutDown => plan.shut_down(),
            }
        };
        effects.into_iter().for_each(|effect| self.act(effect));
    }

    fn has_bell(&self) -> bool {
        true
    }

    fn ring(&self) {
        self.bell.ring();
    }

    fn bury(&self, _news: News) {
        panic!("this keeper does not die");
    }
}

/// The child crashes while it is terminated and the supervisor is stopped.
fn restart<K: Kind>(kind: K) {
    let desk = Arc::new(Desk::<K> {
        turns: kind.make(News::Boot),
        bell: Bell::default(),
        plan: Mutex::new(Plan::new()),
        child: Mutex::new(Child::default()),
    });
    desk.turns.work(&*desk);
    let crash = {
        let desk = Arc::clone(&desk);
        thread::spawn(move || {
            let has_crashed = desk.end_life(1);
            if has_crashed {
                desk.turns.push(News::Crashed, &*desk);
            }
            has_crashed
        })
    };
    let terminate = {
        let desk = Arc::clone(&desk);
        thread::spawn(move || desk.turns.push(News::Terminate, &*desk))
    };
    desk.turns.push(News::ShutDown, &*desk);
    desk.serve();
    let has_crashed = crash.join().expect("joins");
    terminate.join().expect("joins");
    while desk.serve() {}
    let child = locked(&desk.child);
    assert!(!child.is_alive, "a child lives on after the end");
    assert!(child.is_over, "the supervisor lives on after its stop");
    assert_eq!(child.answers, 1, "the command is answered once");
    let restarts = locked(&desk.plan).restarts();
    assert_eq!(u64::from(child.lives), 1 + restarts, "counted once");
    assert!(restarts <= u64::from(has_crashed), "a crash is one restart");
}

// ---- two keepers ---------------------------------------------------------

/// Supervisors that have to do with each other: 0 is above 1, or beside it.
struct Pair<K: Kind> {
    turns: [K::Of<u32, Vec<u32>>; 2],
    bells: [Bell; 2],
    others: Mutex<Vec<u32>>,
}

impl<K: Kind> Pair<K> {
    fn new(kind: K) -> Arc<Self> {
        let pair = Arc::new(Self {
            turns: [kind.make(0), kind.make(0)],
            bells: [Bell::default(), Bell::default()],
            others: Mutex::new(Vec::new()),
        });
        for at in 0..2 {
            pair.bells[at].arrive();
        }
        pair
    }

    fn serve<D>(&self, at: usize, decide: &D) -> bool
    where
        D: Decide<Input = u32, Turn = Vec<u32>>,
    {
        let is_wanted = self.bells[at].heard();
        if is_wanted {
            self.turns[at].work(decide);
        }
        is_wanted
    }
}

/// One of the two: what it decides, it tells the other.
struct Chatty<'a, K: Kind>(&'a Pair<K>, usize);

impl<K: Kind> Decide for Chatty<'_, K> {
    type Input = u32;
    type Turn = Vec<u32>;

    fn may_step_here(&self, _hops: &u32) -> bool {
        true
    }

    fn step(&self, turn: &mut Vec<u32>, hops: u32) {
        turn.push(hops);
        if let Some(left) = hops.checked_sub(1) {
            let other = Chatty(self.0, 1 - self.1);
            self.0.turns[other.1].push(left, &other);
        }
    }

    fn has_bell(&self) -> bool {
        true
    }

    fn ring(&self) {
        self.0.bells[self.1].ring();
    }

    fn bury(&self, _hops: u32) {
        panic!("this keeper does not die");
    }
}

/// Each decides something that the other is told, at the same time.
fn cross<K: Kind>(kind: K) {
    let pair = Pair::new(kind);
    for at in 0..2 {
        pair.turns[at].work(&Chatty(&pair, at));
    }
    let below = {
        let pair = Arc::clone(&pair);
        thread::spawn(move || pair.turns[1].push(1, &Chatty(&pair, 1)))
    };
    pair.turns[0].push(1, &Chatty(&pair, 0));
    below.join().expect("joins");
    while pair.serve(0, &Chatty(&pair, 0)) || pair.serve(1, &Chatty(&pair, 1)) {}
    for turns in &pair.turns {
        let mut heard = turns.end(take);
        heard.sort_unstable();
        assert_eq!(heard, [0, 0, 1], "each heard of both");
    }
}

/// One of two supervisors beside each other. A child that the first can no
/// longer take in is taken in by the second.
struct Home<'a, K: Kind>(&'a Pair<K>, usize);

impl<K: Kind> Decide for Home<'_, K> {
    type Input = u32;
    type Turn = Vec<u32>;

    fn may_step_here(&self, child: &u32) -> bool {
        *child != 0
    }

    fn step(&self, turn: &mut Vec<u32>, child: u32) {
        turn.extend((child != 0).then_some(child));
    }

    fn has_bell(&self) -> bool {
        true
    }

    fn ring(&self) {
        self.0.bells[self.1].ring();
    }

    fn bury(&self, child: u32) {
        if child != 0 {
            locked(&self.0.others).push(child);
        }
    }
}

/// A child is added while its supervisor dies; what it leaves goes to another.
fn adopted<K: Kind>(kind: K) {
    let pair = Pair::new(kind);
    pair.turns[1].work(&Home(&pair, 1));
    let added = {
        let pair = Arc::clone(&pair);
        thread::spawn(move || pair.turns[0].push(1, &Home(&pair, 0)))
    };
    let worker = {
        let pair = Arc::clone(&pair);
        thread::spawn(move || {
            pair.turns[0].wake(&Home(&pair, 0));
            pair.serve(0, &Home(&pair, 0));
        })
    };
    // It dies: who is under it, and who came too late, moves.
    let orphans = pair.turns[0].end(take);
    for child in orphans {
        pair.turns[1].push(child, &Home(&pair, 1));
    }
    pair.turns[0].clear(&Home(&pair, 0));
    added.join().expect("joins");
    worker.join().expect("joins");
    let late = take(&mut *locked(&pair.others));
    for child in late {
        pair.turns[1].push(child, &Home(&pair, 1));
    }
    while pair.serve(1, &Home(&pair, 1)) {}
    let sets = [pair.turns[0].end(take), pair.turns[1].end(take)];
    assert_eq!(
        sets,
        [vec![], vec![1]],
        "the child is under exactly one parent"
    );
}
