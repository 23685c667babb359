//! The model: what a supervisor is, without threads, mailboxes or tasks.

use std::time::{Duration, Instant};

use callboard::prelude::{Restart, Strategy};

use crate::{NAMES, Operation, Outcome, PERIOD, Plan, REST, Rest, Shape, State, View};

#[derive(Clone, Copy, Debug)]
struct Child {
    name: usize,
    rule: Restart,
    life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Up,
    /// Ended, and nothing restarts it by itself.
    Down,
    /// Its own restart waits.
    Resting(Instant),
    /// The group's restart waits.
    Due,
}

pub(crate) struct Model {
    plan: Plan,
    children: Vec<Child>,
    /// When the group goes on.
    group: Option<Instant>,
    window: Vec<Instant>,
    restarts: u64,
    births: [u32; NAMES],
    comebacks: u64,
}

impl Model {
    pub(crate) fn start(plan: &Plan, _now: Instant) -> Self {
        let mut model = Self {
            plan: plan.clone(),
            children: Vec::new(),
            group: None,
            window: Vec::new(),
            restarts: 0,
            births: [0; NAMES],
            comebacks: 0,
        };
        model.boot();
        model
    }

    fn boot(&mut self) {
        self.children.clear();
        self.group = None;
        self.window.clear();
        self.restarts = 0;
        for (name, rule) in self.plan.statics.clone().into_iter().enumerate() {
            self.add(name, rule);
        }
    }

    fn come_back(&mut self) {
        self.comebacks += 1;
        self.boot();
    }

    fn add(&mut self, name: usize, rule: Restart) {
        self.births[name] += 1;
        self.children.push(Child {
            name,
            rule,
            life: Life::Up,
        });
    }

    fn find(&self, name: usize) -> Option<usize> {
        self.children.iter().position(|child| child.name == name)
    }

    fn delay(&self) -> Duration {
        match self.plan.rest {
            Rest::None => Duration::ZERO,
            Rest::Constant => REST,
        }
    }

    /// Whether the model says what happens. A crash while a group rests is left
    /// to tests that look at nothing else.
    pub(crate) fn is_defined(&self, operation: Operation) -> bool {
        match operation {
            Operation::Crash(name) | Operation::Leave(name) => {
                let is_up = |at: usize| self.children[at].life == Life::Up;
                self.group.is_none() && self.find(name).is_some_and(is_up)
            }
            // A dynamic supervisor does not look at names.
            Operation::Start(name, _) => {
                self.plan.shape != Shape::Dynamic || self.find(name).is_none()
            }
            _ => true,
        }
    }

    pub(crate) fn apply(&mut self, operation: Operation, now: Instant) -> Outcome {
        match operation {
            Operation::Start(name, rule) => {
                match self.find(name).map(|at| self.children[at].life) {
                    None => {
                        self.add(name, rule);
                        Outcome::Done
                    }
                    Some(Life::Up) => Outcome::AlreadyStarted,
                    Some(_) => Outcome::AlreadyPresent,
                }
            }
            Operation::Terminate(name) => {
                let Some(at) = self.find(name) else {
                    return Outcome::NotFound;
                };
                self.put_down(at);
                Outcome::Done
            }
            Operation::Restart(name) => {
                let Some(at) = self.find(name) else {
                    return Outcome::NotFound;
                };
                match self.children[at].life {
                    Life::Up => Outcome::Running,
                    Life::Resting(_) | Life::Due => Outcome::Restarting,
                    Life::Down => {
                        self.raise(at);
                        Outcome::Done
                    }
                }
            }
            Operation::Delete(name) => {
                let Some(at) = self.find(name) else {
                    return Outcome::NotFound;
                };
                match self.children[at].life {
                    Life::Up => Outcome::Running,
                    Life::Resting(_) | Life::Due => Outcome::Restarting,
                    Life::Down => {
                        self.children.remove(at);
                        Outcome::Done
                    }
                }
            }
            Operation::Crash(name) => {
                let at = self.find(name).expect("it is up");
                match self.children[at].rule {
                    Restart::Temporary => self.put_down(at),
                    _ => self.repair(at, now),
                }
                Outcome::Done
            }
            Operation::Leave(name) => {
                let at = self.find(name).expect("it is up");
                match self.children[at].rule {
                    Restart::Permanent => self.repair(at, now),
                    _ => self.put_down(at),
                }
                Outcome::Done
            }
            Operation::Stop | Operation::Kill => {
                self.come_back();
                Outcome::Done
            }
            Operation::Pass(_) => Outcome::Done,
        }
    }

    fn raise(&mut self, at: usize) {
        let child = &mut self.children[at];
        child.life = Life::Up;
        self.births[child.name] += 1;
    }

    fn put_down(&mut self, at: usize) {
        let is_forgotten =
            self.children[at].rule == Restart::Temporary || self.plan.shape == Shape::Dynamic;
        if is_forgotten {
            self.children.remove(at);
        } else {
            self.children[at].life = Life::Down;
        }
    }

    fn repair(&mut self, at: usize, now: Instant) {
        self.window.retain(|before| now - *before <= PERIOD);
        self.window.push(now);
        if self.window.len() > self.plan.max_restarts as usize {
            self.come_back();
            return;
        }
        self.restarts += 1;
        let from = match self.plan.shape {
            Shape::Dynamic | Shape::Ordered(Strategy::OneForOne) => {
                match self.delay() {
                    Duration::ZERO => self.raise(at),
                    delay => self.children[at].life = Life::Resting(now + delay),
                }
                return;
            }
            Shape::Ordered(Strategy::OneForAll) => 0,
            Shape::Ordered(Strategy::RestForOne) => at,
        };
        let rest = self.children.split_off(from);
        for mut child in rest {
            if child.life == Life::Up {
                if child.rule == Restart::Temporary {
                    continue;
                }
                child.life = Life::Due;
            }
            self.children.push(child);
        }
        self.group = Some(now + self.delay());
        self.pass(now);
    }

    /// What is due by now is started.
    pub(crate) fn pass(&mut self, now: Instant) {
        let is_group_due = self.group.is_some_and(|due| due <= now);
        if is_group_due {
            self.group = None;
        }
        for at in 0..self.children.len() {
            match self.children[at].life {
                Life::Resting(due) if due <= now => self.raise(at),
                Life::Due if is_group_due => self.raise(at),
                _ => {}
            }
        }
    }

    /// Nothing is due about now: the real one may be a millisecond early or
    /// late.
    pub(crate) fn has_settled(&self, now: Instant) -> bool {
        let rests = self.children.iter().filter_map(|child| match child.life {
            Life::Resting(due) => Some(due),
            _ => None,
        });
        let margin = Duration::from_millis(3);
        rests
            .chain(self.group)
            .all(|due| now + margin < due || due + margin < now)
    }

    pub(crate) fn view(&self) -> View {
        let mut alive = [0; NAMES];
        for child in self.children.iter().filter(|child| child.life == Life::Up) {
            alive[child.name] += 1;
        }
        View {
            children: self
                .children
                .iter()
                .map(|child| {
                    let state = match child.life {
                        Life::Up => State::Up,
                        Life::Resting(_) => State::Restarting,
                        Life::Down | Life::Due => State::Down,
                    };
                    (child.name, state, child.rule)
                })
                .collect(),
            specs: self.children.len(),
            active: alive.iter().sum::<u32>() as usize,
            restarts: self.restarts,
            births: self.births,
            alive,
            comebacks: self.comebacks,
        }
    }
}
