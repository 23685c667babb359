//! The real supervisor, with children that are counted.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use callboard::prelude::*;
use callboard::supervision::{ChildError, ChildState};

use crate::common::{idle, pass, soon, system};
use crate::{NAMES, Operation, Outcome, PERIOD, Plan, REST, Rest, Shape, State, View};

#[derive(Default)]
struct Lives {
    births: [u32; NAMES],
    alive: [u32; NAMES],
    most: u32,
}

type Census = Arc<Mutex<Lives>>;

struct Child {
    name: usize,
    census: Census,
}

impl Child {
    fn spec(name: usize, rule: Restart, census: &Census) -> ChildSpec<Self> {
        let census = Arc::clone(census);
        let make = move || {
            {
                let mut lives = census.lock().unwrap();
                lives.births[name] += 1;
                lives.alive[name] += 1;
                lives.most = lives.most.max(lives.alive[name]);
            }
            Self {
                name,
                census: Arc::clone(&census),
            }
        };
        ChildSpec::new(called(name), make).restart(rule)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.census.lock().unwrap().alive[self.name] -= 1;
    }
}

enum Msg {
    Crash,
    Leave,
}

impl Actor for Child {
    type Msg = Msg;

    async fn handle(&mut self, msg: Msg, cx: &mut Context<Self>) -> Result<(), BoxError> {
        match msg {
            Msg::Crash => panic!("scripted crash"),
            Msg::Leave => cx.stop(),
        }
        Ok(())
    }
}

fn called(name: usize) -> Arc<str> {
    format!("c{name}").into()
}

pub(crate) struct Real {
    system: System,
    top: SupervisorRef,
    team: SupervisorRef,
    census: Census,
    /// Everybody who was ever started.
    refs: Mutex<Vec<ActorRef<Msg>>>,
}

impl Real {
    pub(crate) async fn start(plan: &Plan) -> Self {
        let system = system();
        let census = Census::default();
        let mut refs = Vec::new();
        let mut team = match plan.shape {
            Shape::Ordered(strategy) => Supervisor::new("team").strategy(strategy),
            Shape::Dynamic => Supervisor::dynamic("team"),
        };
        team = team.intensity(plan.max_restarts, PERIOD);
        if plan.rest == Rest::Constant {
            team = team.backoff(Backoff::constant(REST));
        }
        for (name, rule) in plan.statics.iter().enumerate() {
            let spec = Child::spec(name, *rule, &census);
            refs.push(spec.actor_ref());
            team = team.child(spec);
        }
        let top = Supervisor::new("top").intensity(10_000, ms(1));
        let top = top.start(&system).await.expect("it starts");
        let team = top.start_supervisor(team).await.expect("it starts");
        Self {
            system,
            top,
            team,
            census,
            refs: Mutex::new(refs),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.system.now()
    }

    fn actor(&self, name: usize) -> ActorRef<Msg> {
        let children = self.team.which_children();
        let mut children = children.iter();
        let child = children.find(|child| *child.name == *called(name));
        let id = child.expect("the model says that it is there").id;
        let refs = self.refs.lock().unwrap();
        let actor = refs.iter().find(|actor| actor.id() == id);
        actor.expect("it was started here").clone()
    }

    pub(crate) async fn apply(&self, operation: Operation) -> Outcome {
        match operation {
            Operation::Start(name, rule) => {
                let spec = Child::spec(name, rule, &self.census);
                match soon(self.team.start_child(spec)).await {
                    Ok(started) => {
                        self.refs.lock().unwrap().extend(started);
                        Outcome::Done
                    }
                    Err(StartError::AlreadyStarted(_)) => Outcome::AlreadyStarted,
                    Err(StartError::AlreadyPresent(_)) => Outcome::AlreadyPresent,
                    Err(other) => panic!("{other}"),
                }
            }
            Operation::Terminate(name) => of(soon(self.team.terminate_child(&*called(name))).await),
            Operation::Restart(name) => of(soon(self.team.restart_child(&*called(name))).await),
            Operation::Delete(name) => of(soon(self.team.delete_child(&*called(name))).await),
            Operation::Crash(name) => self.tell(name, Msg::Crash),
            Operation::Leave(name) => self.tell(name, Msg::Leave),
            Operation::Stop => {
                self.team.stop();
                Outcome::Done
            }
            Operation::Kill => {
                self.team.kill();
                Outcome::Done
            }
            Operation::Pass(millis) => {
                pass(ms(millis)).await;
                Outcome::Done
            }
        }
    }

    fn tell(&self, name: usize, msg: Msg) -> Outcome {
        let told = self.actor(name).try_tell(msg);
        assert!(told.is_ok(), "it is up, and its mailbox is empty");
        Outcome::Done
    }

    /// Waits until every task waits, and nothing is due just now.
    pub(crate) async fn settle(&self, is_settled: impl Fn(Instant) -> bool) {
        idle().await;
        while !is_settled(self.now()) {
            idle().await;
        }
    }

    pub(crate) fn view(&self) -> View {
        let number = |name: &str| name[1..].parse().expect("`c` and a number");
        let children = self.team.which_children();
        let count = self.team.count();
        let lives = self.census.lock().unwrap();
        assert!(lives.most <= 1, "two lives at once");
        View {
            children: children
                .iter()
                .map(|child| {
                    let state = match child.state {
                        ChildState::Running => State::Up,
                        ChildState::Down => State::Down,
                        ChildState::Restarting => State::Restarting,
                        other => panic!("{other:?} though nothing moves"),
                    };
                    (number(&child.name), state, child.restart)
                })
                .collect(),
            specs: count.specs,
            active: count.active,
            restarts: count.restarts,
            births: lives.births,
            alive: lives.alive,
            comebacks: self.top.count().restarts,
        }
    }

    pub(crate) async fn end(self) -> Result<(), String> {
        let report = soon(self.system.shutdown(secs(10))).await;
        let report = report.map_err(|error| error.to_string())?;
        if !report.unfinished.is_empty() || !report.counts.is_conserved() {
            return Err(format!("the end: {report:?}"));
        }
        let alive = self.census.lock().unwrap().alive;
        if alive.iter().any(|lives| *lives > 0) {
            return Err(format!("somebody lives on: {alive:?}"));
        }
        Ok(())
    }
}

fn of(outcome: Result<(), ChildError>) -> Outcome {
    match outcome {
        Ok(()) => Outcome::Done,
        Err(ChildError::NotFound) => Outcome::NotFound,
        Err(ChildError::Running) => Outcome::Running,
        Err(ChildError::Restarting) => Outcome::Restarting,
        Err(other) => panic!("{other}"),
    }
}
