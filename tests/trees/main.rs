//! Awkward trees: very deep, very wide, crashing all at once, killed halfway.
//!
//! After each, nobody lives on, no child ever had two lives at once, and the
//! books of all mailboxes balance.
#![allow(
    clippy::disallowed_methods,
    reason = "a test owns its threads, its tasks and its clock"
)]

#[path = "../common/mod.rs"]
mod common;

mod crashes;
mod ends;
mod shapes;
mod strangers;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use callboard::prelude::*;
use callboard::testing::assert_conserved;
use common::soon;

/// Who lives, by name.
#[derive(Clone, Default)]
struct Census(Arc<Mutex<Lives>>);

#[derive(Default)]
struct Lives {
    alive: HashMap<Arc<str>, u32>,
    /// The most lives that one child had at once.
    most: u32,
    born: u64,
}

impl Census {
    fn born(&self, name: &Arc<str>) {
        let mut lives = self.0.lock().unwrap();
        let alive = lives.alive.entry(Arc::clone(name)).or_default();
        *alive += 1;
        let alive = *alive;
        lives.most = lives.most.max(alive);
        lives.born += 1;
    }

    fn died(&self, name: &Arc<str>) {
        let mut lives = self.0.lock().unwrap();
        *lives.alive.get_mut(name).expect("it was born") -= 1;
    }

    fn alive(&self) -> u32 {
        self.0.lock().unwrap().alive.values().sum()
    }

    fn births(&self) -> u64 {
        self.0.lock().unwrap().born
    }

    /// What must hold after every day, however awkward.
    #[track_caller]
    fn assert_over(&self, system: &System) {
        assert_eq!(self.alive(), 0, "somebody lives on");
        assert!(self.0.lock().unwrap().most <= 1, "two lives at once");
        assert_conserved(system);
        let counts = system.counts();
        assert_eq!(counts.queued + counts.in_hand, 0, "{counts}");
    }

    async fn shut_down(&self, system: &System) {
        let report = soon(system.shutdown(secs(30))).await.expect("only once");
        assert_eq!(report.unfinished, [""; 0]);
        self.assert_over(system);
    }

    /// A child that is counted.
    fn leaf(&self, name: impl Into<Arc<str>>) -> ChildSpec<Leaf> {
        self.odd(name, Habit::Calm)
    }

    /// One with a habit.
    fn odd(&self, name: impl Into<Arc<str>>, habit: Habit) -> ChildSpec<Leaf> {
        let (census, name) = (self.clone(), name.into());
        ChildSpec::new(Arc::clone(&name), move || {
            Leaf::new(census.clone(), Arc::clone(&name), habit)
        })
    }
}

#[derive(Clone, Copy)]
enum Habit {
    Calm,
    PanicsInDrop,
    HangsInStop,
    TakesToStart(Duration),
    TakesToStop(Duration),
}

struct Leaf {
    census: Census,
    name: Arc<str>,
    habit: Habit,
    noted: u64,
}

impl Leaf {
    fn new(census: Census, name: Arc<str>, habit: Habit) -> Self {
        census.born(&name);
        Self {
            census,
            name,
            habit,
            noted: 0,
        }
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        self.census.died(&self.name);
        if matches!(self.habit, Habit::PanicsInDrop) && !std::thread::panicking() {
            panic!("scripted drop");
        }
    }
}

enum Msg {
    Note,
    Noted(Reply<u64>),
    Panic,
    Leave,
}

impl Actor for Leaf {
    type Msg = Msg;

    async fn start(&mut self, _cx: &mut Context<Self>) -> Result<Started, BoxError> {
        if let Habit::TakesToStart(time) = self.habit {
            tokio::time::sleep(time).await;
        }
        Ok(Started::Ready)
    }

    async fn handle(&mut self, msg: Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Msg::Note => self.noted += 1,
            Msg::Noted(reply_to) => reply_to.send(self.noted),
            Msg::Panic => panic!("scripted panic"),
            Msg::Leave => cx.stop(),
        }
        Ok(())
    }

    async fn stop(&mut self, _exit: &Exit, _cx: &mut Context<Self>) -> Result<(), BoxError> {
        match self.habit {
            Habit::HangsInStop => std::future::pending().await,
            Habit::TakesToStop(time) => tokio::time::sleep(time).await,
            _ => {}
        }
        Ok(())
    }
}

/// A supervisor that bears any number of restarts, and is not restarted.
fn team() -> Supervisor {
    patient("team").restart(Restart::Temporary)
}

fn patient(name: impl Into<Arc<str>>) -> Supervisor {
    Supervisor::new(name).intensity(10_000, ms(1))
}
