//! The search for the cheapest plan.
//!
//! A state is the set of facts that hold; a skill leads from one to another, and
//! facts are never taken back, as in STRIPS (Fikes, Nilsson: *STRIPS: a new approach
//! to the application of theorem proving to problem solving*, 1971) without its
//! delete lists. A* (Hart, Nilsson, Raphael: *A formal basis for the heuristic
//! determination of minimum cost paths*, 1968) expands the state of the least cost so
//! far and still to come. What is still to come is estimated by `h_max` (Bonet,
//! Geffner: *Planning as heuristic search*, 2001): the fact of the goal that is the
//! most expensive to reach, where each skill waits for its most expensive need only.
//! It is never too high, and consistent, so the first plan found is the cheapest.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::noplan::{NoPlan, Unusable};
use super::skill::{Facts, Op, SkillSet};
use super::steps::{Plan, Step};

/// What it costs to come to a state: then the number of steps.
type Cost = (u64, usize);

/// What is known of a state.
struct Reached {
    cost: Cost,
    /// From which state, by which skill.
    by: Option<(Facts, usize)>,
    is_expanded: bool,
}

impl SkillSet {
    /// The cheapest plan that leads from these facts to those of the goal; of several,
    /// the one with the fewest steps; of several of those, always the same one.
    ///
    /// At most so many states are looked at; each costs a few passes over the skills.
    ///
    /// ```
    /// use callboard::coordination::plan::{Skill, SkillSet};
    ///
    /// let skills = SkillSet::new([
    ///     Skill::new("search").needs(["topic"]).gives(["sources"]).cost(2),
    ///     Skill::new("guess").needs(["topic"]).gives(["text"]).cost(9),
    ///     Skill::new("write").needs(["sources"]).gives(["text"]).cost(3),
    /// ])?;
    /// let plan = skills.plan(["text"], ["topic"], 10_000)?;
    /// assert_eq!(plan.to_string(), "search, write");
    /// assert_eq!(plan.cost, 5);
    /// # Ok::<(), callboard::prelude::BoxError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoPlan`]: there is none, and why; or more states would have to be looked at.
    pub fn plan<'a>(
        &self,
        goal: impl IntoIterator<Item = &'a str>,
        initial: impl IntoIterator<Item = &'a str>,
        states: usize,
    ) -> Result<Plan, NoPlan> {
        self.plan_without(goal, initial, &[], states)
    }

    /// As [`SkillSet::plan`], without the skills of these names.
    ///
    /// # Errors
    ///
    /// As [`SkillSet::plan`].
    pub fn plan_without<'a>(
        &self,
        goal: impl IntoIterator<Item = &'a str>,
        initial: impl IntoIterator<Item = &'a str>,
        barred: &[Arc<str>],
        states: usize,
    ) -> Result<Plan, NoPlan> {
        let initial: Vec<&str> = initial.into_iter().collect();
        let goal: Vec<&str> = goal.into_iter().collect();
        let unknown = goal.iter().filter(|fact| self.bit(fact).is_none());
        // What no skill speaks of is there from the beginning or never.
        let mut unknown: Vec<Arc<str>> = unknown
            .filter(|fact| !initial.contains(fact))
            .map(|fact| Arc::from(*fact))
            .collect();
        unknown.sort();
        unknown.dedup();
        let from = self.bits_of(initial.iter().copied());
        let goal = self.bits_of(goal.iter().copied());
        let skills = self.skills().iter().enumerate();
        let is_free = |name: &str| barred.iter().all(|it| **it != *name);
        let free = skills.filter(|(_, skill)| is_free(&skill.name));
        let free: Vec<usize> = free.map(|(at, _)| at).collect();
        let reach = self.reach(from, &free);
        if goal & !reach != 0 || !unknown.is_empty() {
            return Err(self.explained(goal & !reach, reach, &free, unknown));
        }
        let useful = self.useful(goal, from, &free);
        let found = self.cheapest(from, goal, &useful, states)?;
        Ok(self.steps(from, &found))
    }

    fn op(&self, skill: usize) -> Op {
        self.ops[skill]
    }

    /// All facts that can hold at all.
    fn reach(&self, from: Facts, skills: &[usize]) -> Facts {
        let mut facts = from;
        loop {
            let ops = skills.iter().map(|at| self.op(*at));
            let usable = ops.filter(|op| op.needs & !facts == 0);
            let more = usable.fold(facts, |all, op| all | op.gives);
            if more == facts {
                return facts;
            }
            facts = more;
        }
    }

    /// The skills that may lead to the goal, directly or not.
    fn useful(&self, goal: Facts, from: Facts, skills: &[usize]) -> Vec<usize> {
        let mut wanted = goal & !from;
        loop {
            let ops = skills.iter().map(|at| self.op(*at));
            let leading = ops.filter(|op| op.gives & wanted != 0);
            let more = leading.fold(wanted, |all, op| all | (op.needs & !from));
            if more == wanted {
                break;
            }
            wanted = more;
        }
        let useful = skills.iter().copied();
        useful
            .filter(|at| self.op(*at).gives & wanted != 0)
            .collect()
    }

    /// A bound from below on what is still to be paid: `h_max`.
    fn still(&self, state: Facts, goal: Facts, skills: &[usize]) -> Option<u64> {
        let mut costs = vec![u64::MAX; self.facts.len()];
        let most = |facts: Facts, costs: &[u64]| {
            let all = costs.iter().enumerate();
            let these = all.filter(|(bit, _)| facts & (1 << bit) != 0);
            these.map(|(_, cost)| *cost).max().unwrap_or(0)
        };
        for (bit, cost) in costs.iter_mut().enumerate() {
            if state & (1 << bit) != 0 {
                *cost = 0;
            }
        }
        loop {
            let mut is_settled = true;
            for op in skills.iter().map(|at| self.op(*at)) {
                let needs = most(op.needs, &costs);
                if needs == u64::MAX {
                    continue;
                }
                let after = needs.saturating_add(op.cost);
                for (bit, cost) in costs.iter_mut().enumerate() {
                    if op.gives & (1 << bit) != 0 && after < *cost {
                        *cost = after;
                        is_settled = false;
                    }
                }
            }
            if is_settled {
                break;
            }
        }
        Some(most(goal, &costs)).filter(|cost| *cost != u64::MAX)
    }

    /// The skills of the cheapest way, in their order.
    fn cheapest(
        &self,
        from: Facts,
        goal: Facts,
        skills: &[usize],
        states: usize,
    ) -> Result<Vec<usize>, NoPlan> {
        let start = Reached {
            cost: (0, 0),
            by: None,
            is_expanded: false,
        };
        let mut known = HashMap::from([(from, start)]);
        // Estimate, steps, when it was found, and which state it is.
        let mut open = BinaryHeap::from([Reverse((0, 0, 0_usize, from))]);
        let mut found = 0;
        while let Some(Reverse((_, _, _, state))) = open.pop() {
            let Some(reached) = known.get_mut(&state) else {
                continue;
            };
            if std::mem::replace(&mut reached.is_expanded, true) {
                continue;
            }
            let cost = reached.cost;
            if goal & !state == 0 {
                return Ok(way_to(state, &known));
            }
            for &skill in skills {
                let op = self.op(skill);
                let next = state | op.gives;
                if op.needs & !state != 0 || next == state {
                    continue;
                }
                let paid = (cost.0.saturating_add(op.cost), cost.1 + 1);
                let is_worse = |known: &Reached| known.cost <= paid;
                if known.get(&next).is_some_and(is_worse) {
                    continue;
                }
                if known.len() >= states && !known.contains_key(&next) {
                    return Err(NoPlan::TooManyStates(states));
                }
                let Some(still) = self.still(next, goal, skills) else {
                    continue;
                };
                let reached = Reached {
                    cost: paid,
                    by: Some((state, skill)),
                    is_expanded: false,
                };
                known.insert(next, reached);
                found += 1;
                let estimate = paid.0.saturating_add(still);
                open.push(Reverse((estimate, paid.1, found, next)));
            }
        }
        // Whatever can be reached is reached by all skills together.
        Err(NoPlan::TooManyStates(states))
    }

    /// Each skill after those that give what it needs, each fact by whoever gives it
    /// first.
    fn steps(&self, from: Facts, way: &[usize]) -> Plan {
        let mut steps: Vec<Step> = Vec::new();
        let mut given_by: HashMap<u32, usize> = HashMap::new();
        for (at, &skill) in way.iter().enumerate() {
            let op = self.op(skill);
            let bits = |facts: Facts| (0..128).filter(move |bit| facts & (1 << bit) != 0);
            let after = bits(op.needs & !from).filter_map(|bit| given_by.get(&bit));
            let mut after: Vec<usize> = after.copied().collect();
            after.sort_unstable();
            after.dedup();
            for bit in bits(op.gives & !from) {
                given_by.entry(bit).or_insert(at);
            }
            let declared = &self.skills()[skill];
            let by = after.iter().map(|it| Arc::clone(&steps[*it].skill));
            steps.push(Step {
                skill: declared.name.as_str().into(),
                after: by.collect(),
                cost: declared.cost,
            });
        }
        Plan {
            cost: way.iter().fold(0, |sum, at| self.op(*at).cost + sum),
            steps,
        }
    }

    fn explained(
        &self,
        missing: Facts,
        reach: Facts,
        free: &[usize],
        unknown: Vec<Arc<str>>,
    ) -> NoPlan {
        // From what is missing back to what would give it, and what that lacks.
        let mut wanted = missing;
        let mut unusable = Vec::new();
        loop {
            let more = free.iter().filter(|at| self.op(**at).gives & wanted != 0);
            let more = more.filter(|at| !unusable.contains(*at));
            let more: Vec<usize> = more.copied().collect();
            if more.is_empty() {
                break;
            }
            for at in more {
                wanted |= self.op(at).needs & !reach;
                unusable.push(at);
            }
        }
        unusable.sort_unstable();
        let given = free.iter().fold(0, |all, at| all | self.op(*at).gives);
        let lacking = |at: &usize| Unusable {
            skill: self.skills()[*at].name.as_str().into(),
            lacks: self.names_of(self.op(*at).needs & !reach),
        };
        let merged = |facts: Facts| {
            let mut names = self.names_of(facts);
            names.extend(unknown.iter().map(Arc::clone));
            names.sort();
            names
        };
        NoPlan::Unreachable {
            goals: merged(missing),
            given_by_nobody: merged(wanted & !given),
            unusable: unusable.iter().map(lacking).collect(),
        }
    }
}

fn way_to(state: Facts, known: &HashMap<Facts, Reached>) -> Vec<usize> {
    let mut way = Vec::new();
    let mut at = state;
    while let Some((before, skill)) = known.get(&at).and_then(|reached| reached.by) {
        way.push(skill);
        at = before;
    }
    way.reverse();
    way
}
