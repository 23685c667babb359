//! Plans against brute force.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const FACTS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn names(bits: u8) -> Vec<&'static str> {
    let all = FACTS.iter().enumerate();
    let these = all.filter(|(at, _)| bits & (1 << at) != 0);
    these.map(|(_, name)| *name).collect()
}

fn skills() -> impl proptest::strategy::Strategy<Value = Vec<Skill>> {
    let skill = (0..64_u8, 1..64_u8, 0..6_u32);
    prop::collection::vec(skill, 1..8).prop_map(|all| {
        let made = all.into_iter().enumerate();
        let made = made.map(|(at, (needs, gives, cost))| {
            // Two needs at most, so that there often is a plan.
            let needs = names(needs).into_iter().take(2);
            Skill::new(format!("s{at}"))
                .needs(needs)
                .gives(names(gives).into_iter().take(2))
                .cost(cost)
        });
        made.collect()
    })
}

/// The least cost and the fewest steps of all sets of skills that can be used in some
/// order and give the goal.
fn brute_force(skills: &[Skill], goal: &[&str], initial: &[&str]) -> Option<(u64, usize)> {
    let sets = 0..1_u32 << skills.len();
    let costs = sets.filter_map(|set| {
        let mut facts: BTreeSet<&str> = initial.iter().copied().collect();
        let mut left: Vec<usize> = (0..skills.len())
            .filter(|at| set & (1 << at) != 0)
            .collect();
        let (cost, steps) = (
            left.iter().map(|at| u64::from(skills[*at].cost)).sum(),
            left.len(),
        );
        while let Some(at) = left.iter().position(|at| {
            let mut needs = skills[*at].needs.iter();
            needs.all(|fact| facts.contains(fact.as_str()))
        }) {
            let skill = left.remove(at);
            facts.extend(skills[skill].gives.iter().map(String::as_str));
        }
        let is_plan = left.is_empty() && goal.iter().all(|fact| facts.contains(fact));
        is_plan.then_some((cost, steps))
    });
    costs.min()
}

fn is_valid(plan: &Plan, skills: &[Skill], goal: &[&str], initial: &[&str]) -> bool {
    let skill = |name: &str| skills.iter().find(|it| it.name == name).unwrap();
    let mut facts: BTreeSet<&str> = initial.iter().copied().collect();
    let mut taken: Vec<&str> = Vec::new();
    for step in &plan.steps {
        let it = skill(&step.skill);
        let before = step.after.iter();
        // What it needs is there from the beginning, or from those it waits for.
        let given = before.clone().flat_map(|name| &skill(name).gives);
        let given: BTreeSet<&str> = given
            .map(String::as_str)
            .chain(initial.iter().copied())
            .collect();
        let mut needs = it.needs.iter().map(String::as_str);
        if !needs.all(|fact| given.contains(fact) && facts.contains(fact)) {
            return false;
        }
        if !before.clone().all(|name| taken.contains(&&**name)) {
            return false;
        }
        taken.push(&it.name);
        facts.extend(it.gives.iter().map(String::as_str));
    }
    let cost = plan.steps.iter().map(|step| u64::from(step.cost));
    goal.iter().all(|fact| facts.contains(fact)) && cost.sum::<u64>() == plan.cost
}

proptest! {
    #[test]
    fn a_plan_is_valid_and_never_dearer_than_any_other(
        skills in skills(),
        goal in 1..64_u8,
        initial in 0..64_u8,
    ) {
        let (goal, initial) = (names(goal), names(initial & 0b11));
        let set = SkillSet::new(skills.clone()).unwrap();
        let plan = || set.plan(goal.iter().copied(), initial.iter().copied(), 10_000);
        let best = brute_force(&skills, &goal, &initial);
        match plan() {
            Ok(plan) => {
                prop_assert!(is_valid(&plan, &skills, &goal, &initial), "{plan:?}");
                prop_assert_eq!(Some((plan.cost, plan.steps.len())), best);
            }
            Err(NoPlan::Unreachable { goals, .. }) => {
                prop_assert_eq!(best, None);
                prop_assert!(!goals.is_empty());
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
        prop_assert_eq!(plan(), plan());
    }
}

#[test]
fn d21_what_cannot_be_planned_is_explained() {
    let set = SkillSet::new([
        Skill::new("write")
            .needs(["sources", "licence"])
            .gives(["text"]),
        Skill::new("search").needs(["topic"]).gives(["sources"]),
        Skill::new("cook").needs(["eggs"]).gives(["cake"]),
    ]);
    let none = set.unwrap().plan(["text", "fame"], ["topic"], 100);
    assert_eq!(
        none.unwrap_err().to_string(),
        "no plan leads to fame, text; nobody gives fame, licence; write lacks licence"
    );
}

#[test]
fn d21_of_equals_the_shortest_plan_is_taken_and_always_the_same() {
    let set = SkillSet::new([
        Skill::new("half").gives(["half"]).cost(2),
        Skill::new("rest").needs(["half"]).gives(["all"]).cost(2),
        Skill::new("second").gives(["all"]).cost(4),
        Skill::new("third").gives(["all"]).cost(4),
    ]);
    let set = set.unwrap();
    for _ in 0..10 {
        assert_eq!(set.plan(["all"], [], 100).unwrap().to_string(), "second");
    }
}

#[test]
fn d21_a_search_is_bounded() {
    let many = (0..20).map(|at| Skill::new(format!("s{at}")).gives([format!("f{at}")]));
    let set = SkillSet::new(many).unwrap();
    let goal: Vec<String> = (0..20).map(|at| format!("f{at}")).collect();
    let none = set.plan(goal.iter().map(String::as_str), [], 100);
    assert_eq!(none, Err(NoPlan::TooManyStates(100)));
}

#[test]
fn d21_skills_that_make_no_sense_are_refused() {
    let refused = |skills: Vec<Skill>| SkillSet::new(skills).unwrap_err();
    let good = || Skill::new("a").gives(["x"]);
    assert_eq!(refused(vec![]), InvalidSkills::None);
    assert_eq!(
        refused(vec![Skill::new("").gives(["x"])]),
        InvalidSkills::Unnamed
    );
    assert_eq!(
        refused(vec![good(), good()]),
        InvalidSkills::Duplicate("a".into())
    );
    assert_eq!(
        refused(vec![Skill::new("b")]),
        InvalidSkills::GivesNothing("b".into())
    );
    let facts = (0..129).map(|at| at.to_string());
    assert_eq!(
        refused(vec![good().needs(facts)]),
        InvalidSkills::TooManyFacts(130)
    );
}

#[test]
fn d21_a_plan_is_drawn_with_what_waits_for_what() {
    let set = SkillSet::new([
        Skill::new("a").gives(["x"]),
        Skill::new("b").gives(["y"]),
        Skill::new("c").needs(["x", "y"]).gives(["z"]),
    ]);
    let plan = set.unwrap().plan(["z"], [], 100).unwrap();
    let drawn = plan.mermaid();
    assert!(
        drawn.contains("s0 --> s2") && drawn.contains("s1 --> s2"),
        "{drawn}"
    );
    assert!(drawn.ends_with("s2 --> output\n"), "{drawn}");
    assert_eq!((plan.cost, plan.steps[2].after.len()), (3, 2));
}
