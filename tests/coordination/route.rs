//! D7: routing over real workers.

use std::collections::BTreeSet;
use std::sync::Arc;

use callboard::coordination::bus::{Bus, TaskEvent};
use callboard::coordination::route::{
    Agent, Directory, DirectoryConfig, Effort, Embedder, Embedding, Matched, NoAgents, NotAdded,
    PassedOver, Route, Routed, Wanted, route,
};
use callboard::coordination::{Need, scatter};
use callboard::policy::choice::{CoverMethod, SelectionWeights, Skills};
use callboard::prelude::*;
use callboard::testing::Script;

type Agents = Directory<u32, &'static str>;

fn says(name: &'static str) -> WorkerRef<u32, &'static str> {
    WorkerRef::from_fn(name, move |_: u32| async move { Ok(name) })
}

fn fails(name: &'static str) -> WorkerRef<u32, &'static str> {
    WorkerRef::from_fn(name, |_| async { Err(Fault::transient("away")) })
}

fn hangs(name: &'static str) -> WorkerRef<u32, &'static str> {
    WorkerRef::from_fn(name, |_| std::future::pending())
}

fn agent(name: &'static str) -> Agent<u32, &'static str> {
    Agent::new(name, says(name))
}

fn of(agents: impl IntoIterator<Item = Agent<u32, &'static str>>) -> Agents {
    let directory = Directory::new();
    for agent in agents {
        directory.add(agent).unwrap();
    }
    directory
}

fn can(all: &'static [&'static str]) -> impl Fn(&u32) -> Wanted + Send + Sync {
    move |_| Wanted::capabilities(all.iter().copied())
}

/// A router, as long as its system is there.
struct Running {
    router: WorkerRef<u32, Routed<&'static str>>,
    _system: System,
}

impl std::ops::Deref for Running {
    type Target = WorkerRef<u32, Routed<&'static str>>;

    fn deref(&self) -> &Self::Target {
        &self.router
    }
}

async fn started(route: Route<u32, &'static str>) -> Running {
    let system = System::new("t");
    Running {
        router: route.start(&system, "router").await.unwrap(),
        _system: system,
    }
}

fn decide(directory: &Agents, wanted: &Wanted) -> Option<String> {
    directory.decide(wanted).unwrap().agent().map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn d7_work_goes_to_whoever_has_all_that_is_needed_and_says_why() {
    let directory = of([
        agent("a").can(["search"]),
        agent("b").can(Skills::of(["search"]).with("french", 0.8)),
        agent("c").can(Skills::of(["search"]).with("french", 0.5)),
    ]);
    let router = started(route(&directory).by(can(&["search", "french"]))).await;
    let routed = router.ask(1).await.unwrap().value;
    assert_eq!(&*routed.answers[0].agent, "b");
    assert_eq!(routed.answers[0].needs, ["search", "french"]);
    let decision = &routed.decisions[0];
    assert_eq!(decision.matched, Matched::Exactly);
    let chosen = &decision.chosen[0];
    assert!((chosen.score - (0.8 * 0.5 + 0.3 + 0.2)).abs() < 1e-9);
    assert_eq!(chosen.fitness.capability, 0.8);
    assert!(matches!(&decision.others[..], [(c, PassedOver::Scores(_))] if &**c == "c"));
    let text = serde_json::to_string(decision).unwrap();
    assert_eq!(
        &serde_json::from_str::<callboard::coordination::route::Decision>(&text).unwrap(),
        decision
    );
    assert_eq!(routed.into_value(), "b");
}

#[tokio::test(start_paused = true)]
async fn d7_of_equals_the_least_loaded_is_chosen_and_then_they_take_turns() {
    let directory = of(["a", "b", "c"].map(|name| agent(name).can(["x"])));
    let router = started(route(&directory).by(can(&["x"]))).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(router.ask(0).await.unwrap().value.into_value());
    }
    let distinct: BTreeSet<_> = seen[..3].iter().collect();
    assert_eq!(distinct.len(), 3, "{seen:?}");
    assert_eq!(seen[..3], seen[3..]);
    // Room counts: who has a job in hand comes after who has none.
    let directory = of([
        Agent::new("busy", hangs("busy")).can(["y"]),
        agent("idle").can(["y", "z"]),
    ]);
    let router = started(route(&directory).by(can(&["y"]))).await;
    // At first both are equal; whoever hangs keeps its job in hand.
    for _ in 0..2 {
        let _ = tokio::time::timeout(ms(1), async { router.ask(0).await }).await;
    }
    let held: Vec<_> = (0..4)
        .map(|_| decide(&directory, &Wanted::capabilities(["y"])))
        .collect();
    // The runs that were given up have given their places back.
    assert!(
        directory.agents().iter().all(|agent| agent.in_hand == 0),
        "{held:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn d7_a_full_agent_is_passed_over_until_it_is_done() {
    let directory = of([Agent::new("one", hangs("one")).can(["x"]).room(1)]);
    let router = started(route(&directory).by(can(&["x"]))).await;
    let first = tokio::spawn({
        let router = router.router.clone();
        async move { router.ask(0).deadline(secs(2)).await }
    });
    tokio::time::sleep(secs(1)).await;
    assert_eq!(directory.agents()[0].in_hand, 1);
    let fault = router.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Overloaded);
    let why = fault.cause::<NoAgents>().unwrap();
    assert_eq!(why.decision.others[0].1, PassedOver::Full);
    assert!(first.await.unwrap().is_err());
    tokio::time::sleep(ms(1)).await;
    assert_eq!(
        decide(&directory, &Wanted::capabilities(["x"])).as_deref(),
        Some("one")
    );
}

#[test]
fn d7_simple_work_goes_to_the_fast_and_complex_work_to_the_powerful() {
    let directory = of([
        agent("small").can(["x"]).speed(1.0).power(0.3),
        agent("large").can(["x"]).speed(0.3).power(1.0),
    ]);
    for _ in 0..3 {
        let wanted = |effort| Wanted::capabilities(["x"]).effort(effort);
        assert_eq!(
            decide(&directory, &wanted(Effort::Simple)).as_deref(),
            Some("small")
        );
        assert_eq!(
            decide(&directory, &wanted(Effort::Complex)).as_deref(),
            Some("large")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn d7_a_team_asks_the_fewest_who_can_do_all_of_it_together() {
    let directory = of([
        agent("a").can(["draw"]),
        agent("b").can(["write", "draw"]),
        agent("c").can(["print", "write"]),
        agent("d").can(["print"]),
    ]);
    let team = |_: &u32| Wanted::team(["draw", "write", "print"]);
    let router = started(route(&directory).by(team)).await;
    let routed = router.ask(0).await.unwrap().value;
    assert_eq!(
        routed.decisions[0].matched,
        Matched::AsTeam(CoverMethod::Exact)
    );
    assert_eq!(routed.answers.len(), 2);
    let mut needs: Vec<_> = routed
        .answers
        .iter()
        .flat_map(|it| it.needs.clone())
        .collect();
    needs.sort();
    assert_eq!(needs, ["draw", "print", "write"], "each is somebody's");
    // A member that fails is replaced by somebody who can do its part.
    let directory = of([
        Agent::new("bad", fails("bad")).can(["draw", "write"]),
        agent("good").can(["draw", "write"]).power(0.1).speed(0.1),
        agent("c").can(["print"]),
    ]);
    let simple = |_: &u32| Wanted::team(["draw", "write", "print"]).effort(Effort::Simple);
    let routed = started(route(&directory).by(simple))
        .await
        .ask(0)
        .await
        .unwrap()
        .value;
    assert_eq!(routed.decisions.len(), 2);
    let mut who = routed.into_values();
    who.sort();
    assert_eq!(who, ["c", "good"]);
}

#[tokio::test(start_paused = true)]
async fn d7_a_text_finds_the_agent_whose_description_is_like_it() {
    let directory = of([
        agent("lawyer").described("reviews contracts and legal documents"),
        agent("coder").described("writes and repairs rust programs"),
        agent("mute"),
    ]);
    let ask = |text: &'static str| {
        let router = route(&directory).by(move |_| Wanted::text(text));
        async move { started(router).await.ask(0).await }
    };
    let routed = ask("please repair this rust program").await.unwrap().value;
    assert_eq!(routed.decisions[0].matched, Matched::ByLikeness);
    assert_eq!(routed.into_value(), "coder");
    assert_eq!(
        ask("review a contract").await.unwrap().value.into_value(),
        "lawyer"
    );
    let fault = ask("bake bread").await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
}

#[test]
fn d7_an_embedder_of_ones_own_is_used() {
    struct Meaning;
    impl Embedder for Meaning {
        fn embed(&self, text: &str) -> Embedding {
            let is = |words: &[&str]| f32::from(u8::from(words.iter().any(|w| text.contains(w))));
            Embedding::dense([is(&["car", "automobile"]), is(&["tulip", "flower"])])
        }
    }
    let directory = Directory::with(DirectoryConfig::default(), Meaning).unwrap();
    directory
        .add(agent("smith").described("repairs automobiles"))
        .unwrap();
    directory
        .add(agent("gardener").described("grows tulips"))
        .unwrap();
    assert_eq!(
        decide(&directory, &Wanted::text("my car")).as_deref(),
        Some("smith")
    );
    assert_eq!(
        decide(&directory, &Wanted::text("a flower")).as_deref(),
        Some("gardener")
    );
    assert_eq!(decide(&directory, &Wanted::text("a song")), None);
}

#[tokio::test(start_paused = true)]
async fn d7_the_next_best_is_asked_when_one_fails() {
    let directory = of([
        Agent::new("bad", fails("bad")).can(["x"]),
        Agent::new("slow", hangs("slow")).can(Skills::default().with("x", 0.9)),
        Agent::new(
            "odd",
            WorkerRef::from_fn("odd", |_| async { panic!("odd") }),
        )
        .can(Skills::default().with("x", 0.8)),
        agent("good").can(Skills::default().with("x", 0.7)),
    ]);
    let router = || route(&directory).by(can(&["x"])).within(secs(1));
    let routed = started(router().attempts(4))
        .await
        .ask(0)
        .await
        .unwrap()
        .value;
    let chosen: Vec<_> = routed
        .decisions
        .iter()
        .map(|it| it.agent().unwrap())
        .collect();
    assert_eq!(chosen, ["bad", "slow", "odd", "good"]);
    let last = &routed.decisions[3].others;
    assert_eq!(
        last.iter()
            .filter(|(_, why)| *why == PassedOver::Tried)
            .count(),
        3
    );
    // Those that failed are remembered for it, so the good one is first now.
    assert_eq!(
        decide(&directory, &Wanted::capabilities(["x"])).as_deref(),
        Some("good")
    );
    // And no more are asked than may be.
    let bad = of(["a", "b", "c", "d"].map(|name| Agent::new(name, fails(name)).can(["x"])));
    let fault = started(route(&bad).by(can(&["x"])).attempts(2))
        .await
        .ask(0)
        .await
        .unwrap_err();
    assert_eq!(fault.class(), FaultClass::Transient);
    let tried = bad
        .agents()
        .iter()
        .filter(|agent| agent.success.is_some())
        .count();
    assert_eq!(tried, 2);
    let fault = started(route(&bad).by(can(&["x"])).attempts(9))
        .await
        .ask(0)
        .await
        .unwrap_err();
    assert!(fault.message().contains("has tried"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn d7_what_nobody_can_do_is_a_fault_with_its_name_and_an_event() {
    let bus: Bus<TaskEvent> = Bus::new();
    let mut nobody = bus.subscribe("task:no_agents_available").unwrap();
    let mut failed = bus.subscribe("task:failed").unwrap();
    let directory = of([agent("a").can(["search"]), agent("b").can(["write"])]);
    let router = route(&directory)
        .by(can(&["search", "weld"]))
        .announce(&bus);
    let fault = started(router).await.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert!(fault.message().contains("\"weld\""), "{fault}");
    assert_eq!(
        fault.cause::<NoAgents>().unwrap().decision.missing,
        ["weld"]
    );
    let event = &nobody.next().await.unwrap().event;
    assert!(
        matches!(event, TaskEvent::NoAgentsAvailable { task, missing, .. }
            if &**task == "router-0" && missing == &["weld"]),
        "{event:?}"
    );
    assert!(failed.next().await.is_some());
    // Each is there, but nobody has both.
    let fault = started(route(&directory).by(can(&["search", "write"])))
        .await
        .ask(0)
        .await;
    assert!(fault.unwrap_err().message().contains("want a team"));
    let everything = |_: &u32| Wanted::team((0..65).map(|n| n.to_string()));
    let fault = started(route(&directory).by(everything))
        .await
        .ask(0)
        .await
        .unwrap_err();
    assert!(fault.message().contains("65"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn d7_a_task_announces_how_it_goes_and_its_agent_when_it_is_available_again() {
    let bus: Bus<TaskEvent> = Bus::new();
    let mut all = bus.subscribe("**").unwrap();
    let directory = of([agent("a").can(["x"])]);
    let router = route(&directory)
        .by(can(&["x"]))
        .named(|n| format!("t{n}"))
        .announce(&bus);
    started(router).await.ask(7).await.unwrap();
    let mut seen = Vec::new();
    while let Some(event) = all.try_next() {
        seen.push(event.topic.to_string());
        if let TaskEvent::TaskCompleted { task, agents } = &event.event {
            assert_eq!((&**task, agents.as_slice()), ("t7", &[Arc::from("a")][..]));
        }
    }
    let order = [
        "task:created",
        "task:ready",
        "agent:available",
        "task:completed",
    ];
    assert_eq!(seen, order);
}

#[tokio::test(start_paused = true)]
async fn d7_agents_come_and_go_while_it_runs() {
    let directory = of([agent("a").can(["x"])]);
    let router = started(route(&directory).by(can(&["x"]))).await;
    assert_eq!(router.ask(0).await.unwrap().value.into_value(), "a");
    assert_eq!(
        directory.add(agent("a")).unwrap_err(),
        NotAdded::Taken("a".into())
    );
    assert!(directory.remove("a"));
    assert!(!directory.remove("a"));
    assert!(router.ask(0).await.is_err());
    directory
        .add(agent("b").can(["x"]).described("does x"))
        .unwrap();
    assert_eq!(router.ask(0).await.unwrap().value.into_value(), "b");
    assert_eq!(
        decide(&directory, &Wanted::text("does x")).as_deref(),
        Some("b")
    );
    directory.remove("b");
    assert_eq!(decide(&directory, &Wanted::text("does x")), None);
    assert!(directory.is_empty());
    let small = Directory::with(
        DirectoryConfig::default().most_agents(1),
        callboard::coordination::route::NGrams::default(),
    );
    let small = small.unwrap();
    small.add(agent("a")).unwrap();
    assert_eq!(small.add(agent("b")).unwrap_err(), NotAdded::Full(1));
}

#[tokio::test(start_paused = true)]
async fn d7_an_agent_that_is_down_is_passed_over() {
    let system = System::new("t");
    let script: Script<u32> = Script::new().answer(1);
    let actor = system
        .spawn(ChildSpec::new("down", script.worker()))
        .await
        .unwrap();
    let directory: Directory<u32, u32> = Directory::new();
    directory
        .add(Agent::new("down", actor.clone()).can(["x"]))
        .unwrap();
    system.shutdown(secs(1)).await.unwrap();
    let decision = directory.decide(&Wanted::capabilities(["x"])).unwrap();
    assert_eq!(decision.others[0].1, PassedOver::Unavailable);
    assert!(decision.is_temporary());
}

#[tokio::test(start_paused = true)]
async fn d7_a_classifier_that_panics_fails_its_task_alone() {
    let directory = of([agent("a")]);
    let router = started(route(&directory).by(|n: &u32| {
        assert!(*n > 0, "no");
        Wanted::capabilities::<String>([])
    }))
    .await;
    assert_eq!(
        router.ask(0).await.unwrap_err().class(),
        FaultClass::Permanent
    );
    assert_eq!(router.ask(1).await.unwrap().value.into_value(), "a");
}

#[test]
fn d7_settings_that_say_nothing_are_refused() {
    let refused = |config| {
        let ngrams = callboard::coordination::route::NGrams::default();
        Directory::<u32, u32>::with(config, ngrams).is_err()
    };
    let config = DirectoryConfig::default;
    assert!(refused(
        config().weights(SelectionWeights::new(0.0, 0.0, 0.0))
    ));
    assert!(refused(config().likeness(1.5)));
    assert!(refused(config().likeness(f64::NAN)));
}

#[tokio::test(start_paused = true)]
async fn d20_a_scatter_asks_everybody_who_is_capable() {
    let directory = of([
        agent("a").can(["x"]),
        Agent::new("b", fails("b")).can(["x"]),
        agent("c").can(["x", "y"]),
        agent("d").can(["y"]),
    ]);
    let all = scatter(directory.capable(["x"])).need(Need::BestEffort);
    let system = System::new("t");
    let all = all.start(&system, "all").await.unwrap();
    let scattered = all.ask(0).await.unwrap().value;
    assert_eq!(scattered.failures.len(), 1);
    assert_eq!(scattered.into_values(), ["a", "c"]);
}
