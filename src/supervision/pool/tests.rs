//! The leases against a sequential account of who has what.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use proptest::prelude::*;

use super::config::PoolConfig;
use super::leases::{Claim, Kind, Leases, Refused, Taking, Token, Want};
use crate::mailbox::Overflow;
use crate::policy::priority::Priority;
use crate::policy::sizing::Surplus;

const WANT: Want = Want {
    kind: Kind::Lease,
    key: None,
    priority: Priority::NORMAL,
};

fn still() -> Instant {
    static NOW: OnceLock<Instant> = OnceLock::new();
    *NOW.get_or_init(Instant::now)
}

#[derive(Clone, Debug)]
enum Step {
    Add,
    Die(usize),
    Rebirth(usize),
    TryTake,
    Wait,
    GiveUp(usize),
    GiveBack(usize),
    Resize(usize, usize, bool),
    Depth(usize),
    Able(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let one = 0_usize..8;
    prop_oneof![
        2 => Just(Step::Add),
        1 => one.clone().prop_map(Step::Die),
        1 => one.clone().prop_map(Step::Rebirth),
        3 => Just(Step::TryTake),
        4 => Just(Step::Wait),
        2 => one.clone().prop_map(Step::GiveUp),
        5 => one.clone().prop_map(Step::GiveBack),
        1 => (0_usize..4, 1_usize..4, any::<bool>()).prop_map(|(a, b, c)| Step::Resize(a, a + b, c)),
        1 => (1_usize..3).prop_map(Step::Depth),
        1 => (one, any::<bool>()).prop_map(|(at, is_able)| Step::Able(at, is_able)),
    ]
}

/// What is known of one member.
struct Known {
    token: Token,
    life: u32,
    leased: usize,
    is_able: bool,
}

/// Who has what, in plain sight.
struct Account<'a> {
    leases: &'a Leases<u32>,
    config: PoolConfig,
    members: BTreeMap<u32, Known>,
    next: u32,
    /// Claims that were handed out, and the life of the member then.
    claims: Vec<(Claim<u32>, u32)>,
    line: Vec<Pin<Box<Taking<'a, u32>>>>,
}

type Checked = Result<(), TestCaseError>;

impl<'a> Account<'a> {
    fn nth(&self, n: usize) -> Option<u32> {
        let at = n.checked_rem(self.members.len())?;
        self.members.keys().nth(at).copied()
    }

    fn has_room(&self) -> bool {
        let depth = self.config.depth();
        self.members.values().any(|m| m.is_able && m.leased < depth)
    }

    fn granted(&mut self, claim: Claim<u32>) -> Checked {
        let depth = self.config.depth();
        let least = self
            .members
            .values()
            .filter(|m| m.is_able)
            .map(|m| m.leased)
            .min();
        let member = self.members.get_mut(&claim.member);
        prop_assert!(member.is_some(), "it is there");
        let member = member.unwrap();
        prop_assert!(member.is_able && member.leased < depth, "and has room");
        prop_assert!(self.line.len() > 1 || Some(member.leased) == least);
        member.leased += 1;
        let life = member.life;
        self.claims.push((claim, life));
        Ok(())
    }

    /// Those at the front of the line may have been served, and no others.
    fn look_at_the_line(&mut self) -> Checked {
        let mut task = Context::from_waker(Waker::noop());
        let mut has_waited = false;
        let line = std::mem::take(&mut self.line);
        for mut taking in line {
            match taking.as_mut().poll(&mut task) {
                Poll::Pending => {
                    has_waited = true;
                    self.line.push(taking);
                }
                Poll::Ready(taken) => {
                    prop_assert!(!has_waited, "first come, first served");
                    let taken = taken.map_err(|why| TestCaseError::fail(format!("{why:?}")))?;
                    self.granted(taken.into_claim())?;
                }
            }
        }
        Ok(())
    }

    /// As the manager: fetches those who are to go.
    fn fetch_leaving(&mut self) -> Checked {
        for gone in self.leases.take_leaving() {
            let member = self.members.remove(&gone);
            prop_assert!(
                member.is_some_and(|m| m.leased == 0),
                "it had nothing to do"
            );
        }
        Ok(())
    }

    fn take(&mut self, step: Step) -> Checked {
        match step {
            Step::Add => {
                if self.members.len() < self.config.sizing.max {
                    let name = self.next;
                    self.next += 1;
                    let is_base = self.members.len() < self.config.sizing.min;
                    let token = self.leases.add(name, is_base, 1.0);
                    let known = Known {
                        token,
                        life: 0,
                        leased: 0,
                        is_able: true,
                    };
                    self.members.insert(name, known);
                }
            }
            Step::Die(n) => {
                if let Some(member) = self.nth(n).and_then(|name| self.members.remove(&name)) {
                    self.leases.remove(member.token);
                }
            }
            Step::Rebirth(n) => {
                if let Some(name) = self.nth(n)
                    && let Some(member) = self.members.get_mut(&name)
                {
                    member.life += 1;
                    member.leased = 0;
                    self.leases.reborn(member.token);
                }
            }
            Step::TryTake => {
                let had_room = self.has_room();
                let taken = self.leases.try_take(WANT);
                prop_assert_eq!(taken.is_ok(), had_room);
                if let Ok(taken) = taken {
                    self.granted(taken.into_claim())?;
                }
            }
            Step::Wait => {
                let (had_room, limit) = (self.has_room(), self.config.queue);
                let mut taking = Box::pin(self.leases.take(WANT));
                let mut task = Context::from_waker(Waker::noop());
                match taking.as_mut().poll(&mut task) {
                    Poll::Pending => {
                        prop_assert!(!had_room && self.line.len() < limit);
                        self.line.push(taking);
                    }
                    Poll::Ready(Ok(taken)) => {
                        prop_assert!(had_room);
                        self.granted(taken.into_claim())?;
                    }
                    Poll::Ready(Err(why)) => {
                        prop_assert_eq!(why, Refused::Full);
                        prop_assert!(!had_room && self.line.len() == limit);
                    }
                }
            }
            Step::GiveUp(n) => {
                if let Some(at) = n.checked_rem(self.line.len()) {
                    drop(self.line.remove(at));
                }
            }
            Step::GiveBack(n) => {
                if let Some(at) = n.checked_rem(self.claims.len()) {
                    let (claim, life) = self.claims.remove(at);
                    let stands = match self.members.get_mut(&claim.member) {
                        Some(member) if member.life == life => {
                            member.leased -= 1;
                            true
                        }
                        _ => false,
                    };
                    prop_assert_eq!(self.leases.stands(&claim), stands);
                    self.leases.give_back(claim, None);
                }
            }
            Step::Resize(min, max, at_once) => {
                let surplus = if at_once {
                    Surplus::AtOnce
                } else {
                    Surplus::AfterIdle
                };
                self.config = self.config.clone().size(min..=max).surplus(surplus);
                self.reconfigure();
                // As the manager does.
                while self.members.len() > max
                    && let Some(gone) = self.leases.take_idle()
                {
                    let member = self.members.remove(&gone);
                    prop_assert!(member.is_some_and(|m| m.leased == 0));
                }
            }
            Step::Depth(jobs) => {
                self.config = self.config.clone().per_member(jobs);
                self.reconfigure();
            }
            Step::Able(n, is_able) => {
                if let Some(name) = self.nth(n)
                    && let Some(member) = self.members.get_mut(&name)
                {
                    member.is_able = is_able;
                    self.leases.set_able(member.token, is_able);
                }
            }
        }
        Ok(())
    }

    fn reconfigure(&self) {
        let Ok(()) = self
            .leases
            .reconfigure(|_| Ok::<_, Infallible>(self.config.clone()));
    }

    fn check(&self) -> Checked {
        let (status, depth) = (self.leases.status(), self.config.depth());
        let leased: usize = self.members.values().map(|m| m.leased).sum();
        let open = self
            .members
            .values()
            .filter(|m| m.is_able && m.leased < depth);
        prop_assert_eq!(status.size, self.members.len());
        prop_assert_eq!(
            (status.leases, status.jobs),
            (leased, leased),
            "nothing is lost"
        );
        let busy = self.members.values().filter(|m| m.leased > 0).count();
        prop_assert_eq!(status.busy, busy);
        prop_assert_eq!(status.available, open.count());
        prop_assert_eq!(status.waiting, self.line.len());
        prop_assert!(
            self.line.is_empty() || status.available == 0,
            "who waits is served"
        );
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_leases_agree_with_a_sequential_account(
        steps in proptest::collection::vec(step(), 0..150),
    ) {
        let config = PoolConfig::new(1..=3).queue(4).overflow(Overflow::Reject);
        let leases = Leases::new(config.clone(), still);
        let mut account = Account {
            leases: &leases,
            config,
            members: BTreeMap::new(),
            next: 0,
            claims: Vec::new(),
            line: Vec::new(),
        };
        for step in steps {
            account.take(step)?;
            account.look_at_the_line()?;
            account.fetch_leaving()?;
            account.check()?;
        }
        // At the end everything comes back.
        account.line.clear();
        while !account.claims.is_empty() {
            account.take(Step::GiveBack(0))?;
            account.fetch_leaving()?;
        }
        account.check()?;
        let status = leases.status();
        prop_assert_eq!((status.leases, status.jobs, status.busy, status.waiting), (0, 0, 0, 0));
        prop_assert!(status.size <= status.max);
    }
}
