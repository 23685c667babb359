//! A million supervised actors in one process: started, told, asked, crashed,
//! stopped, and measured.
//!
//! ```text
//! cargo run --release --example million -- [--actors N] [--supervisors S] [--json]
//! ```
//!
//! Each actor has its own typed, bounded mailbox and its own restart. The exit
//! code is 0 when every figure holds on two workers, 1 when one does not, 2 for
//! bad arguments, 130 after Ctrl-C.
//!
//! # What is measured
//!
//! - *bytes an actor*: the bytes that are out at the allocator after the start,
//!   less those before it, divided by the actors. It is what was requested; the
//!   allocator's own overhead comes on top. All that an actor costs is in it:
//!   its slot, its task, its state, its supervisor's entry. The list of
//!   references that this program keeps, to tell them something, lies in memory
//!   that was there before: 8 bytes each.
//! - *start*: from the first start to the last actor that said it is ready.
//! - *tell*: one message each, until the last one is handled.
//! - *restart*: from the panic to the next life's answer to a question that
//!   waited in the mailbox; one after the other, at actors far from each other
//!   in memory.
//! - *stop*: from one stop of the supervisor to its end, which comes after the
//!   end of every actor.
//!
//! # One supervisor or several
//!
//! One dynamic supervisor bears a million, is the better choice for speed, and is
//! what is started without `--supervisors`: to it a child is one entry, found
//! with two reads from memory, and it tells all of them to end in waves, while
//! the ends of the first come in. Ten or a hundred start them as fast or faster,
//! by up to a half, and take twice as long to stop (2.3 to 3.5 s on two cores,
//! one 1.3 to 2.0 s).
//!
//! The reason for several is what happens on a bad day. Restarts are
//! counted by supervisor, so a storm among a thousand actors brings down
//! everybody under the same one: with one, the whole million.

#![expect(
    clippy::disallowed_methods,
    reason = "it measures, and goes by the clock of the people who read it"
)]

use std::future::{Future, poll_fn};
use std::io::{self, Write};
use std::pin::pin;
use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Instant;

use callboard::prelude::*;
use callboard::supervision::Interrupt;
use callboard::testing::quiet_panics;
use clap::Parser;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Worker threads: what must hold was said for two cores.
const WORKERS: usize = 2;

/// How many are asked, and how many panic.
const ASKED: usize = 10_000;
const CRASHED: usize = 1_000;

/// What must hold.
const MOST_BYTES: f64 = 800.0;
const MOST_START_SECONDS: f64 = 5.0;
const MOST_STOP_SECONDS: f64 = 3.0;
const MOST_P50_US: f64 = 6.0;
const MOST_P99_US: f64 = 30.0;

/// Starts very many supervised actors, and measures what they cost.
#[derive(Clone, Copy, Debug, Parser)]
#[command(name = "million")]
struct Args {
    /// How many actors.
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u32).range(1..=50_000_000))]
    actors: u32,

    /// How many supervisors share them.
    #[arg(long, value_name = "S", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    supervisors: u32,

    /// Print one JSON object, and everything else to the error stream.
    #[arg(long)]
    json: bool,
}

/// One of the million.
#[derive(Default)]
struct Member {
    heard: u64,
}

enum Command {
    Hear(u64),
    Heard(Reply<Heard>),
    Crash,
}

/// What a member says when it is asked.
#[derive(Debug, PartialEq, Eq)]
struct Heard {
    incarnation: u32,
    last: u64,
}

impl Actor for Member {
    type Msg = Command;

    async fn handle(&mut self, command: Command, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match command {
            Command::Hear(number) => {
                self.heard = number;
                LISTENERS.count_down();
            }
            Command::Heard(reply_to) => reply_to.send(Heard {
                incarnation: cx.incarnation(),
                last: self.heard,
            }),
            Command::Crash => {
                PANICKED_AT.set(Instant::now());
                panic!("told to");
            }
        }
        Ok(())
    }
}

/// Opens when the last message was handled. Not in the members, where a pointer
/// to it would be paid for a million times.
struct Latch {
    left: AtomicU64,
    opened: Notify,
}

static LISTENERS: Latch = Latch {
    left: AtomicU64::new(0),
    opened: Notify::const_new(),
};

impl Latch {
    fn close(&self, left: u64) {
        self.left.store(left, Release);
    }

    fn count_down(&self) {
        if self.left.fetch_sub(1, AcqRel) == 1 {
            self.opened.notify_one();
        }
    }

    async fn opened(&self) {
        while self.left.load(Acquire) > 0 {
            self.opened.notified().await;
        }
    }
}

/// When the last panic began.
static PANICKED_AT: Stamp = Stamp(Mutex::new(None));

struct Stamp(Mutex<Option<Instant>>);

impl Stamp {
    fn set(&self, at: Instant) {
        *self.0.lock().expect("nothing panics with it") = Some(at);
    }

    fn take(&self) -> Instant {
        let at = self.0.lock().expect("nothing panics with it").take();
        at.expect("something panicked")
    }
}

/// What came out. What was not reached, because somebody pressed Ctrl-C, is
/// null.
#[derive(Clone, Debug, Default, Serialize)]
struct Figures {
    actors: u32,
    supervisors: u32,
    bytes_per_actor: Option<f64>,
    start_seconds: Option<f64>,
    tell_seconds: Option<f64>,
    asked: Option<usize>,
    ask_seconds: Option<f64>,
    restarts: Option<usize>,
    restart_p50_us: Option<f64>,
    restart_p99_us: Option<f64>,
    stop_seconds: Option<f64>,
    conserved: Option<bool>,
    holds: bool,
    interrupted: bool,
}

impl Figures {
    /// What must hold: its name, its figure, its limit, its unit.
    fn limits(&self) -> [(&'static str, Option<f64>, f64, &'static str); 5] {
        [
            ("an actor", self.bytes_per_actor, MOST_BYTES, "B"),
            ("start", self.start_seconds, MOST_START_SECONDS, "s"),
            ("restart, p50", self.restart_p50_us, MOST_P50_US, "us"),
            ("restart, p99", self.restart_p99_us, MOST_P99_US, "us"),
            ("stop", self.stop_seconds, MOST_STOP_SECONDS, "s"),
        ]
    }

    fn judge(&mut self) {
        let is_within = |(_, figure, most, _): (_, Option<f64>, f64, _)| {
            figure.is_some_and(|figure| figure <= most)
        };
        self.holds = self.limits().into_iter().all(is_within) && self.conserved == Some(true);
    }

    fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "{} actors under {}, {WORKERS} workers\n",
            self.actors,
            match self.supervisors {
                1 => "one supervisor".to_owned(),
                several => format!("{several} supervisors"),
            }
        )?;
        for (name, figure, most, unit) in self.limits() {
            let (figure, verdict) = match figure {
                Some(figure) if figure <= most => (format!("{figure:.2}"), "holds"),
                Some(figure) => (format!("{figure:.2}"), "DOES NOT HOLD"),
                None => ("-".to_owned(), "not reached"),
            };
            writeln!(
                out,
                "{name:<14}{figure:>10} {unit:<3} at most {most:>4} {unit:<3} {verdict}"
            )?;
        }
        writeln!(out)?;
        if let Some(seconds) = self.tell_seconds {
            let each = seconds / f64::from(self.actors) * 1e9;
            writeln!(
                out,
                "told          {} in {seconds:.2} s, {each:.0} ns each",
                self.actors
            )?;
        }
        if let (Some(asked), Some(seconds)) = (self.asked, self.ask_seconds) {
            let each = seconds / asked as f64 * 1e9;
            writeln!(
                out,
                "asked         {asked} in {seconds:.2} s, {each:.0} ns each; all answers right"
            )?;
        }
        if let Some(restarts) = self.restarts {
            writeln!(out, "restarted     {restarts}, each with a fresh state")?;
        }
        if let Some(conserved) = self.conserved {
            let said = if conserved {
                "balance"
            } else {
                "DO NOT BALANCE"
            };
            writeln!(out, "books         {said}")?;
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    quiet_panics();
    let (figures, interrupt) = match work(args) {
        Ok(done) => done,
        Err(error) => {
            say(&format!("million: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let mut stdout = io::stdout().lock();
    // A reader that went away is no failure of the run.
    let _ = if args.json {
        let json = serde_json::to_string(&figures).expect("plain numbers");
        writeln!(stdout, "{json}")
    } else {
        figures.write_table(&mut stdout)
    };
    ExitCode::from(match interrupt {
        Some(Interrupt::CtrlC) => 130,
        Some(_) => 143,
        None => u8::from(!figures.holds),
    })
}

/// Figures that are gathered by one task and read by another.
type Gathered = Arc<Mutex<Figures>>;

fn open(figures: &Gathered) -> MutexGuard<'_, Figures> {
    figures.lock().expect("no figure panics")
}

fn work(args: Args) -> Result<(Figures, Option<Interrupt>), BoxError> {
    let figures = Gathered::default();
    *open(&figures) = Figures {
        actors: args.actors,
        supervisors: args.supervisors,
        ..Figures::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()?;
    let interrupt = runtime.block_on(async {
        let system = System::new("million");
        let mut interrupted = pin!(system.interrupted());
        // Polled once before anything begins, which installs the handler.
        let at_once = poll_fn(|task| Poll::Ready(interrupted.as_mut().poll(task)));
        drop(at_once.await);
        let mut measured = JoinSet::new();
        // As a task: the thread that blocks here is no worker.
        measured.spawn(measure(system.clone(), args, Arc::clone(&figures)));
        let interrupt = tokio::select! {
            Some(outcome) = measured.join_next() => {
                outcome??;
                None
            }
            Ok(interrupt) = &mut interrupted => Some(interrupt),
        };
        if interrupt.is_some() {
            say("interrupted, stopping what was started");
            measured.shutdown().await;
        }
        let report = system.shutdown(secs(30)).await?;
        let mut figures = open(&figures);
        figures.interrupted = interrupt.is_some();
        figures.conserved = Some(report.counts.is_conserved() && report.unfinished.is_empty());
        figures.judge();
        Ok::<_, BoxError>(interrupt)
    })?;
    let figures = open(&figures).clone();
    Ok((figures, interrupt))
}

async fn measure(system: System, args: Args, figures: Gathered) -> Result<(), BoxError> {
    let top = crowd("crowd").start(&system).await?;
    say(&format!("starting {}", args.actors));
    let mut members = Vec::with_capacity(args.actors as usize);
    let count = counting::Count::start();
    let began = Instant::now();
    start(&top, args, &mut members).await?;
    open(&figures).start_seconds = Some(began.elapsed().as_secs_f64());
    let bytes = count.finish() as f64 / f64::from(args.actors);
    open(&figures).bytes_per_actor = Some((bytes * 10.0).round() / 10.0);
    say(&format!("started {}", members.len()));

    let began = Instant::now();
    LISTENERS.close(members.len() as u64);
    for (number, member) in (1..).zip(&members) {
        member.tell(Command::Hear(number)).await?;
    }
    LISTENERS.opened().await;
    open(&figures).tell_seconds = Some(began.elapsed().as_secs_f64());
    say("told each of them something");

    let began = Instant::now();
    let asked = spread(members.len(), ASKED);
    for &at in &asked {
        let heard = members[at].ask(Command::Heard).await?;
        assert_eq!((heard.incarnation, heard.last), (0, at as u64 + 1));
    }
    open(&figures).asked = Some(asked.len());
    open(&figures).ask_seconds = Some(began.elapsed().as_secs_f64());
    say(&format!("asked {} of them", asked.len()));

    let crashed = spread(members.len(), CRASHED);
    let mut waits = Vec::with_capacity(crashed.len());
    for &at in &crashed {
        members[at].tell(Command::Crash).await?;
        // It waits in the mailbox, which outlives the crash.
        let heard = members[at].ask(Command::Heard).await?;
        waits.push(PANICKED_AT.take().elapsed());
        assert_eq!((heard.incarnation, heard.last), (1, 0));
    }
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    open(&figures).restarts = Some(crashed.len());
    open(&figures).restart_p50_us = Some(at(50));
    open(&figures).restart_p99_us = Some(at(99));
    say(&format!(
        "saw {} of them crash and come back",
        crashed.len()
    ));

    // They live without being referred to, and go when they end.
    drop(members);
    let began = Instant::now();
    top.stop();
    top.closed().await;
    open(&figures).stop_seconds = Some(began.elapsed().as_secs_f64());
    say("stopped them all");
    Ok(())
}

/// A supervisor of very many. It is not brought back when it is stopped, and
/// bears every crash that is planned: no actor crashes ten thousand times in a
/// millisecond.
fn crowd(name: impl Into<Arc<str>>) -> Supervisor {
    Supervisor::dynamic(name)
        .restart(Restart::Temporary)
        .intensity(10_000, ms(1))
}

/// Starts all members and appends their references, in start order.
async fn start(
    top: &SupervisorRef,
    args: Args,
    members: &mut Vec<ActorRef<Command>>,
) -> Result<(), BoxError> {
    let template = ChildTemplate::new("member", Member::default);
    if args.supervisors == 1 {
        members.extend(top.start_children(&template, args.actors as usize).await?);
        return Ok(());
    }
    let template = Arc::new(template);
    let mut starting = JoinSet::new();
    for group in 0..args.supervisors {
        let share =
            args.actors / args.supervisors + u32::from(group < args.actors % args.supervisors);
        let (top, template) = (top.clone(), Arc::clone(&template));
        starting.spawn(async move {
            let group = top
                .start_supervisor(crowd(format!("crowd-{group}")))
                .await?;
            group.start_children(&template, share as usize).await
        });
    }
    while let Some(group) = starting.join_next().await {
        members.extend(group??);
    }
    Ok(())
}

/// At most so many of them, evenly spread.
fn spread(of: usize, most: usize) -> Vec<usize> {
    let picked = most.min(of);
    (0..picked).map(|n| n * of / picked).collect()
}

/// Says a line on the error stream. Nobody may be listening, and that is no
/// reason to panic.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// An allocator that counts the bytes that are out, while somebody asks: a
/// counter that all threads write would slow down what is timed besides.
#[allow(
    unsafe_code,
    reason = "an allocator cannot be written without; nothing else here does it"
)]
mod counting {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;
    static IS_COUNTING: AtomicBool = AtomicBool::new(false);
    static BYTES_OUT: AtomicI64 = AtomicI64::new(0);

    struct Counting;

    impl Counting {
        fn count(change: i64) {
            if IS_COUNTING.load(Relaxed) {
                BYTES_OUT.fetch_add(change, Relaxed);
            }
        }
    }

    fn signed(bytes: usize) -> i64 {
        // No allocation is larger than `isize::MAX`.
        bytes as i64
    }

    // SAFETY: every call goes to `System` with the arguments it came with, and
    // `System` keeps the contract of `GlobalAlloc`; the count touches atomics
    // only and neither allocates nor unwinds.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            Self::count(signed(layout.size()));
            // SAFETY: the caller promises a layout of non-zero size.
            unsafe { System.alloc(layout) }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            Self::count(signed(layout.size()));
            // SAFETY: the caller promises a layout of non-zero size.
            unsafe { System.alloc_zeroed(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            Self::count(-signed(layout.size()));
            // SAFETY: the caller promises a block of this allocator and its
            // layout, and all blocks of this allocator are blocks of `System`.
            unsafe { System.dealloc(block, layout) }
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            Self::count(signed(new_size) - signed(layout.size()));
            // SAFETY: as for `dealloc`, and the caller promises a valid new size.
            unsafe { System.realloc(block, layout, new_size) }
        }
    }

    /// A count of bytes from its start on.
    pub(crate) struct Count;

    impl Count {
        pub(crate) fn start() -> Self {
            BYTES_OUT.store(0, Relaxed);
            IS_COUNTING.store(true, Relaxed);
            Self
        }

        /// Ends the count: the bytes that came and stayed since its start.
        pub(crate) fn finish(self) -> i64 {
            IS_COUNTING.store(false, Relaxed);
            BYTES_OUT.load(Relaxed)
        }
    }
}
