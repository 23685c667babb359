//! What can be done, as data, and what can be planned with it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Facts that a set of skills may speak of: one bit each in a search.
const MOST_FACTS: usize = 128;

/// What somebody can do: what has to be there before, what is there after, and what it
/// costs. What it needs stays: facts are never taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Skill {
    /// What it is called; names are unique.
    pub name: String,
    /// Facts that it needs. Default none.
    #[serde(default)]
    pub needs: BTreeSet<String>,
    /// Facts that it gives.
    pub gives: BTreeSet<String>,
    /// What it costs, in any unit. Default 1.
    #[serde(default = "one")]
    pub cost: u32,
}

fn one() -> u32 {
    1
}

impl Skill {
    /// A skill that needs nothing, gives nothing yet, and costs 1.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            needs: BTreeSet::new(),
            gives: BTreeSet::new(),
            cost: 1,
        }
    }

    /// And it needs these facts.
    #[must_use]
    pub fn needs<S: Into<String>>(mut self, facts: impl IntoIterator<Item = S>) -> Self {
        self.needs.extend(facts.into_iter().map(Into::into));
        self
    }

    /// And it gives these facts.
    #[must_use]
    pub fn gives<S: Into<String>>(mut self, facts: impl IntoIterator<Item = S>) -> Self {
        self.gives.extend(facts.into_iter().map(Into::into));
        self
    }

    /// What it costs, in any unit. Default 1.
    #[must_use]
    pub fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }
}

/// Facts, one bit each.
pub(super) type Facts = u128;

/// A skill, as a search knows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    pub(super) needs: Facts,
    pub(super) gives: Facts,
    pub(super) cost: u64,
}

/// Skills that can be planned with: each of a name of its own, all of their facts
/// known.
#[derive(Clone, Debug)]
pub struct SkillSet {
    skills: Vec<Skill>,
    pub(super) facts: Vec<Arc<str>>,
    bits: HashMap<Arc<str>, u32>,
    pub(super) ops: Vec<Op>,
}

impl SkillSet {
    /// Checks skills.
    ///
    /// # Errors
    ///
    /// [`InvalidSkills`]: none at all, a name that is empty or there twice, a skill
    /// that gives nothing, more than 128 facts in all.
    pub fn new(skills: impl IntoIterator<Item = Skill>) -> Result<Self, InvalidSkills> {
        let skills: Vec<Skill> = skills.into_iter().collect();
        if skills.is_empty() {
            return Err(InvalidSkills::None);
        }
        let mut names = HashSet::new();
        for skill in &skills {
            if skill.name.is_empty() {
                return Err(InvalidSkills::Unnamed);
            }
            if !names.insert(&skill.name) {
                return Err(InvalidSkills::Duplicate(skill.name.clone()));
            }
            if skill.gives.is_empty() {
                return Err(InvalidSkills::GivesNothing(skill.name.clone()));
            }
        }
        let all = skills
            .iter()
            .flat_map(|it| it.needs.iter().chain(&it.gives));
        let all: BTreeSet<&str> = all.map(String::as_str).collect();
        if all.len() > MOST_FACTS {
            return Err(InvalidSkills::TooManyFacts(all.len()));
        }
        let facts: Vec<Arc<str>> = all.into_iter().map(Arc::from).collect();
        let bits = facts.iter().map(Arc::clone).zip(0..);
        let mut set = Self {
            bits: bits.collect(),
            facts,
            ops: Vec::new(),
            skills,
        };
        let op = |skill: &Skill| Op {
            needs: set.bits_of(skill.needs.iter().map(String::as_str)),
            gives: set.bits_of(skill.gives.iter().map(String::as_str)),
            cost: u64::from(skill.cost),
        };
        set.ops = set.skills.iter().map(op).collect();
        Ok(set)
    }

    /// The skills, in the order in which they were given.
    #[must_use]
    pub fn skills(&self) -> &[Skill] {
        &self.skills
    }

    pub(super) fn bit(&self, fact: &str) -> Option<Facts> {
        self.bits.get(fact).map(|bit| 1 << bit)
    }

    /// Those that the skills speak of.
    pub(super) fn bits_of<'a>(&self, facts: impl IntoIterator<Item = &'a str>) -> Facts {
        let bits = facts.into_iter().filter_map(|fact| self.bit(fact));
        bits.fold(0, |all, bit| all | bit)
    }

    /// The names of these, in alphabetical order.
    pub(super) fn names_of(&self, facts: Facts) -> Vec<Arc<str>> {
        let all = self.facts.iter().enumerate();
        let these = all.filter(|(bit, _)| facts & (1 << bit) != 0);
        these.map(|(_, fact)| Arc::clone(fact)).collect()
    }
}

/// Why skills cannot be planned with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSkills {
    /// There is none.
    None,
    /// A skill has no name.
    Unnamed,
    /// Two skills have this name.
    Duplicate(String),
    /// This skill gives nothing.
    GivesNothing(String),
    /// They speak of so many facts.
    TooManyFacts(usize),
}

impl fmt::Display for InvalidSkills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there are no skills to plan with, add one"),
            Self::Unnamed => f.write_str("a skill has no name, give it one"),
            Self::Duplicate(name) => {
                write!(f, "there are two skills {name:?}, give one another name")
            }
            Self::GivesNothing(name) => {
                write!(f, "skill {name:?} gives nothing, say what it gives")
            }
            Self::TooManyFacts(facts) => write!(
                f,
                "the skills speak of {facts} facts, {MOST_FACTS} are the most that can be planned with"
            ),
        }
    }
}

impl Error for InvalidSkills {}
