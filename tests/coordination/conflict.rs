//! D19: conflicts resolved over real actors.

use callboard::actor::{Metadata, Served};
use callboard::coordination::conflict::{
    Audit, Claim, Conflict, Resolution, Resolve, Strategy, StrategyKind, resolve,
};
use callboard::coordination::vote;
use callboard::policy::ballot::Base;
use callboard::prelude::{FaultClass, *};

type Kinds = Resolve<&'static str, u32>;
type About = Conflict<&'static str, u32>;

/// 1 is the latest, 2 has the highest priority, 3 is the most confident.
fn claims() -> [Claim<u32>; 3] {
    [
        Claim::new("a", 1).at(secs(9)).confidence(0.5),
        Claim::new("b", 2).priority(5).confidence(0.2),
        Claim::new("c", 3).at(secs(3)).confidence(0.8),
    ]
}

async fn resolved(resolve: Kinds, conflict: About) -> Resolution<u32> {
    let system = System::new("t");
    let resolver = resolve.start(&system, "resolver").await.unwrap();
    resolver.worker().ask(conflict).await.unwrap().value
}

fn decides(name: &'static str, value: u32) -> WorkerRef<About, u32> {
    WorkerRef::from_fn(name, move |_: About| async move { Ok(value) })
}

#[tokio::test(start_paused = true)]
async fn d19_unanimous_wins_then_the_strategy_of_the_kind_then_confidence() {
    let all = || {
        resolve()
            .on("state", Strategy::timestamp())
            .on("plan", Strategy::priority())
    };
    let agreed = [
        Claim::new("a", 7).confidence(0.3),
        Claim::new("b", 7).confidence(0.6),
    ];
    let resolution = resolved(all(), Conflict::new("plan", agreed)).await;
    assert_eq!(resolution.decision, Some(7));
    assert_eq!(resolution.path, [StrategyKind::Unanimous]);
    for (kind, decision, by) in [
        ("state", 1, StrategyKind::Timestamp),
        ("plan", 2, StrategyKind::Priority),
        ("unheard of", 3, StrategyKind::Confidence),
    ] {
        let resolution = resolved(all(), Conflict::new(kind, claims())).await;
        assert_eq!(
            (resolution.decision, resolution.by),
            (Some(decision), Some(by))
        );
        assert_eq!(resolution.setbacks, []);
    }
    let otherwise = all().otherwise(Strategy::priority());
    let resolution = resolved(otherwise, Conflict::new("unheard of", claims())).await;
    assert_eq!(resolution.by, Some(StrategyKind::Priority));
}

#[tokio::test(start_paused = true)]
async fn d19_claims_are_merged_and_are_as_sure_as_the_least_sure() {
    let sum = Strategy::merge(|claims| Ok(claims.iter().map(|claim| claim.value).sum()));
    let resolution = resolved(resolve().on("sum", sum), Conflict::new("sum", claims())).await;
    assert_eq!((resolution.decision, resolution.confidence), (Some(6), 0.2));
    assert_eq!(resolution.by, Some(StrategyKind::Merge));
}

#[tokio::test(start_paused = true)]
async fn d19_consensus_is_a_vote_of_the_agents_that_answer() {
    let system = System::new("t");
    let away = WorkerRef::from_fn("away", |_: About| async { Err(Fault::transient("away")) });
    let agents = [decides("a", 2), decides("b", 2), away];
    let all = vote(agents).quorum(1.0).of(Base::Voting);
    let all = all.start(&system, "all").await.unwrap();
    let resolver = resolve().on("plan", Strategy::consensus(all));
    let resolver = resolver.start(&system, "resolver").await.unwrap();
    let answer = resolver
        .worker()
        .ask(Conflict::new("plan", claims()))
        .await
        .unwrap();
    assert_eq!(answer.value.decision, Some(2));
    assert_eq!(answer.value.by, Some(StrategyKind::Consensus));
    assert_eq!(answer.metadata.confidence, Some(1.0), "the vote's");
}

#[tokio::test(start_paused = true)]
async fn d19_a_strategy_that_does_not_decide_is_followed_by_confidence() {
    let system = System::new("t");
    let split = vote([decides("a", 1), decides("b", 2)])
        .start(&system, "split")
        .await
        .unwrap();
    let person = WorkerRef::from_fn("person", |_: About| std::future::pending());
    let strategies = resolve()
        .on("split", Strategy::consensus(split))
        .on("late", Strategy::person(person).within(secs(2)))
        .on("broken", Strategy::merge(|_| panic!("scripted")));
    let resolver = strategies.start(&system, "resolver").await.unwrap();
    callboard::testing::quiet_panics();
    for (kind, strategy, class) in [
        ("split", StrategyKind::Consensus, FaultClass::Permanent),
        ("late", StrategyKind::Person, FaultClass::Deadline),
        ("broken", StrategyKind::Merge, FaultClass::Permanent),
    ] {
        let conflict = Conflict::new(kind, claims());
        let resolution = resolver.worker().ask(conflict).await.unwrap().value;
        assert_eq!(resolution.decision, Some(3));
        assert_eq!(resolution.path, [strategy, StrategyKind::Confidence]);
        assert_eq!(resolution.setbacks.len(), 1);
        assert_eq!(resolution.setbacks[0].class, class);
    }
}

#[tokio::test(start_paused = true)]
async fn d19_what_cannot_be_told_apart_is_not_decided() {
    let claims = [Claim::new("a", 1), Claim::new("b", 2)];
    let by_time = resolve().otherwise(Strategy::timestamp());
    let resolution = resolved(by_time, Conflict::new("any", claims)).await;
    assert_eq!((resolution.decision, resolution.by), (None, None));
    assert_eq!(resolution.confidence, 0.0);
    assert_eq!(resolution.setbacks.len(), 2);

    let system = System::new("t");
    let resolver = resolve::<&str, u32>()
        .start(&system, "resolver")
        .await
        .unwrap();
    let nothing = resolver.worker().ask(Conflict::new("any", [])).await;
    assert_eq!(nothing.unwrap_err().class(), FaultClass::Permanent);
}

#[tokio::test(start_paused = true)]
async fn d19_a_meta_agent_says_by_which_strategy() {
    let meta = |kind| WorkerRef::from_fn("meta", move |_: About| async move { Ok(kind) });
    for (chosen, decision, path) in [
        (StrategyKind::Priority, 2, StrategyKind::Priority),
        (StrategyKind::Person, 9, StrategyKind::Person),
        // Nobody has said how to merge, and it is not asked about itself again.
        (StrategyKind::Merge, 3, StrategyKind::Confidence),
        (StrategyKind::Meta, 3, StrategyKind::Confidence),
    ] {
        let strategies = resolve()
            .on("other", Strategy::person(decides("person", 9)))
            .otherwise(Strategy::meta(meta(chosen)));
        let resolution = resolved(strategies, Conflict::new("any", claims())).await;
        assert_eq!(resolution.decision, Some(decision));
        assert_eq!(resolution.path, [StrategyKind::Meta, path]);
    }
}

#[tokio::test(start_paused = true)]
async fn c16_a_claim_is_as_sure_as_the_answer_it_is_made_of() {
    let answer = Served::new(7).with(Metadata::new().confidence(0.25));
    assert_eq!(Claim::of("a", answer).confidence, 0.25);
    assert_eq!(Claim::of("a", Served::new(7)).confidence, 1.0);
    assert_eq!(Claim::new("a", 7).confidence(f64::NAN).confidence, 0.0);
}

#[tokio::test(start_paused = true)]
async fn d19_the_audit_log_is_bounded_and_counts_what_it_dropped() {
    let system = System::new("t");
    let resolver = resolve::<String, u32>()
        .audits(2)
        .start(&system, "resolver")
        .await
        .unwrap();
    for kind in ["first", "second", "third"] {
        tokio::time::sleep(secs(1)).await;
        let conflict = Conflict::new(kind.to_owned(), claims());
        resolver.worker().ask(conflict).await.unwrap();
    }
    let audit = resolver.audit();
    assert_eq!((audit.entries.len(), audit.dropped), (2, 1));
    let last = &audit.entries[1];
    assert_eq!((last.number, last.at), (2, secs(3)));
    assert_eq!(last.conflict, Conflict::new("third".to_owned(), claims()));
    assert_eq!(last.resolution.by, Some(StrategyKind::Confidence));
    let text = serde_json::to_string(&audit).unwrap();
    assert_eq!(
        serde_json::from_str::<Audit<String, u32>>(&text).unwrap(),
        audit
    );
}
