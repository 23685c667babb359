//! D14: markets over real actors.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

use callboard::actor::InvalidSpec;
use callboard::coordination::market::{
    Award, Bid, BidWeights, Bidder, Breach, CallForProposals, Contracted, Market, NoContract,
    Raise, Refusal, Reputations, Terms, Unacceptable, market,
};
use callboard::coordination::pipeline;
use callboard::policy::auction::InvalidAuction;
use callboard::policy::choice::InvalidWeights;
use callboard::policy::reputation::{InvalidReputation, Outcome, ReputationRules};
use callboard::prelude::*;
use callboard::testing::quiet_panics;

type Called = CallForProposals<u32>;

/// Bids this at once.
fn bids(bid: Bid) -> WorkerRef<Called, Bid> {
    WorkerRef::from_fn("bids", move |_: Called| async move { Ok(bid) })
}

/// Does its work at once: so much more than was asked.
fn adds(n: u32) -> WorkerRef<u32, u32> {
    WorkerRef::from_fn("adds", move |to: u32| async move { Ok(to + n) })
}

fn bid(price: f64) -> Bid {
    Bid::new(price, secs(10), 0.8)
}

fn bidder(at: usize, bid: Bid) -> Bidder<u32, u32> {
    Bidder::new(
        format!("bidder-{at}"),
        bids(bid),
        adds(u32::try_from(at).unwrap()),
    )
}

fn terms() -> Terms {
    Terms::new(100.0, secs(60))
}

fn of(bidders: impl IntoIterator<Item = Bidder<u32, u32>>) -> Market<u32, u32> {
    let market = market("market").terms(terms());
    bidders.into_iter().fold(market, Market::bidder)
}

async fn asked(market: Market<u32, u32>) -> Result<Contracted<u32>, Fault> {
    let system = System::new("t");
    let market = market.start(&system).await.unwrap();
    let served = market.ask(100).deadline(secs(1_000)).await?;
    Ok(served.value)
}

fn none_of(fault: &Fault) -> &NoContract {
    fault.cause::<NoContract>().expect("why there is none")
}

#[tokio::test(start_paused = true)]
async fn d14_the_best_bid_gets_the_contract_and_its_work_is_the_answer() {
    let done = asked(of([
        bidder(0, bid(50.0)),
        bidder(1, bid(20.0)),
        bidder(2, bid(30.0)),
    ]));
    let done = done.await.unwrap();
    assert_eq!(done.value, 101);
    let contract = &done.contract;
    assert_eq!(&*contract.bidder, "bidder-1");
    assert_eq!((contract.price, contract.time), (20.0, secs(10)));
    assert!((contract.score.price - 0.24).abs() < 1e-9);
    assert_eq!(contract.score.reputation, 0.1, "nothing is known yet");
    assert_eq!(done.record.auctions, [terms()]);
    assert!(done.record.refused.is_empty() && done.record.broken.is_empty());
}

#[tokio::test(start_paused = true)]
async fn d14_refused_bids_are_told_with_their_reasons() {
    quiet_panics();
    let declines = WorkerRef::from_fn("no", |_: Called| async { Ok(None::<Bid>) });
    let fails = WorkerRef::from_fn("f", |_: Called| async {
        Err::<Bid, _>(Fault::transient("busy"))
    });
    let hangs = WorkerRef::from_fn("h", |_: Called| async {
        std::future::pending::<Result<Bid, Fault>>().await
    });
    let panics = WorkerRef::from_fn("p", |_: Called| async {
        panic!("scripted") as Result<Bid, _>
    });
    let done = asked(
        of([
            bidder(0, bid(100.5)),
            bidder(1, Bid::new(f64::NAN, secs(1), 1.0)),
            bidder(2, Bid::new(1.0, secs(61), 1.0)),
            bidder(3, Bid::new(1.0, secs(1), 0.5)),
            Bidder::new("declines", declines, adds(0)),
            Bidder::new("fails", fails, adds(0)),
            Bidder::new("hangs", hangs, adds(0)),
            Bidder::new("panics", panics, adds(0)),
            bidder(8, bid(1.0)),
        ])
        .terms(terms().quality(0.6))
        .check(|_, _| 1.0),
    );
    let done = done.await.unwrap();
    assert_eq!(&*done.contract.bidder, "bidder-8");
    assert_eq!(done.contract.quality, 0.6);
    let refused = done.record.refused.iter();
    let refused: Vec<_> = refused.map(|(_, who, why)| (&**who, why)).collect();
    let unacceptable = |at: usize| match refused[at].1 {
        Refusal::Unacceptable { why, .. } => *why,
        other => panic!("{other}"),
    };
    assert!(matches!(unacceptable(0), Unacceptable::OverBudget { .. }));
    assert_eq!(unacceptable(1), Unacceptable::NotANumber);
    assert!(matches!(unacceptable(2), Unacceptable::TooSlow { .. }));
    assert!(matches!(unacceptable(3), Unacceptable::NotCapable { .. }));
    assert!(matches!(refused[4], ("declines", Refusal::Declined)));
    assert!(matches!(&refused[5], ("fails", Refusal::Failed(it)) if it.message() == "busy"));
    assert!(matches!(refused[6], ("hangs", Refusal::Late)));
    assert!(
        matches!(&refused[7], ("panics", Refusal::Failed(it)) if it.message() == "panics panicked")
    );
    assert_eq!(refused.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn d14_a_second_auction_is_on_raised_terms() {
    // Bids what there is, but wants 120 for it.
    let greedy = WorkerRef::from_fn("g", |call: Called| async move {
        assert_eq!(call.terms.budget > 100.0, call.auction == 2);
        Ok(Bid::new(120.0, call.terms.time, 1.0))
    });
    let market = || of([Bidder::new("greedy", greedy.clone(), adds(1))]);
    let done = asked(market()).await.unwrap();
    assert_eq!((done.contract.auction, done.contract.price), (2, 120.0));
    assert_eq!(done.record.auctions.len(), 2);
    assert_eq!(done.record.auctions[1], Terms::new(150.0, secs(90)));
    assert!(matches!(
        &done.record.refused[..],
        [(1, _, Refusal::Unacceptable { .. })]
    ));
    let fault = asked(market().raise(Raise::new(1.1, 1.0)))
        .await
        .unwrap_err();
    assert_eq!(none_of(&fault).record.refused.len(), 2);
    let fault = asked(market().auctions(1)).await.unwrap_err();
    assert_eq!(none_of(&fault).record.auctions, [terms()]);
}

#[tokio::test(start_paused = true)]
async fn d14_with_no_contract_the_fault_lists_every_bidders_reason() {
    let declines = WorkerRef::from_fn("no", |_: Called| async { Ok(None::<Bid>) });
    let fault = asked(
        of([
            bidder(0, bid(1_000.0)),
            Bidder::new("declines", declines, adds(0)),
        ])
        .auctions(1),
    );
    let fault = fault.await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert_eq!(
        fault.message(),
        "market: nobody did the work after 1 auctions: bidder-0 in auction 1: the price is \
         1000 where the budget is 100; declines in auction 1: it declined"
    );
    let record = &none_of(&fault).record;
    assert_eq!(record.refused.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn d14_work_is_held_to_the_time_of_the_bid_and_the_next_best_is_asked() {
    let slow = WorkerRef::from_fn("slow", |n: u32| async move {
        tokio::time::sleep(secs(11)).await;
        Ok(n)
    });
    let reputations = Reputations::default();
    let begun = tokio::time::Instant::now();
    let done = asked(
        of([
            Bidder::new("slow", bids(bid(1.0)), slow),
            bidder(1, bid(50.0)),
        ])
        .reputations(&reputations),
    );
    let done = done.await.unwrap();
    assert_eq!(begun.elapsed(), secs(10));
    assert_eq!((done.value, &*done.contract.bidder), (101, "bidder-1"));
    let [(broken, Breach::Late)] = &done.record.broken[..] else {
        panic!("{:?}", done.record);
    };
    assert_eq!(&*broken.bidder, "slow");
    assert!(reputations.of("slow").score < 0.5);
    assert!(reputations.of("bidder-1").score > 0.5);
}

#[tokio::test(start_paused = true)]
async fn d14_an_answer_worse_than_agreed_breaks_the_contract() {
    let market = || {
        of([bidder(0, bid(1.0)), bidder(1, bid(2.0))])
            .terms(terms().quality(0.7))
            .auctions(1)
    };
    let done = asked(market().check(|_, n| if *n == 101 { 0.7 } else { 0.69 })).await;
    let done = done.unwrap();
    assert_eq!(done.value, 101);
    assert!(matches!(
        done.record.broken[0].1,
        Breach::Poor { quality: Some(it) } if it == 0.69
    ));
    let fault = asked(market()).await.unwrap_err();
    let broken = &none_of(&fault).record.broken;
    assert!(matches!(broken[1].1, Breach::Poor { quality: None }));
    assert!(fault.message().contains("add a check"), "{fault}");
}

#[tokio::test(start_paused = true)]
async fn d14_contracts_are_bounded_and_who_broke_one_is_not_asked_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let breaks = |at: usize| {
        let calls = Arc::clone(&calls);
        let fails = WorkerRef::from_fn("f", move |_: u32| {
            calls.fetch_add(1, SeqCst);
            async { Err::<u32, _>(Fault::transient("broken")) }
        });
        Bidder::new(format!("b-{at}"), bids(bid(1.0)), fails)
    };
    let fault = asked(of((0..5).map(breaks))).await.unwrap_err();
    assert_eq!(calls.swap(0, SeqCst), 3);
    assert_eq!(
        fault.class(),
        FaultClass::Transient,
        "it may work another time"
    );
    let broken = &none_of(&fault).record.broken;
    let names: Vec<_> = broken.iter().map(|(it, _)| &*it.bidder).collect();
    assert_eq!(names, ["b-0", "b-1", "b-2"]);
    let fault = asked(of((0..2).map(breaks)).contracts(9)).await;
    assert_eq!(
        calls.load(SeqCst),
        2,
        "nobody is left for the second auction"
    );
    assert_eq!(none_of(&fault.unwrap_err()).record.auctions.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn d14_reputations_decide_and_are_shared_by_markets() {
    let reputations = Reputations::default();
    (0..8).for_each(|_| reputations.note("bidder-0", Outcome::Failed));
    let market = || of([bidder(0, bid(49.0)), bidder(1, bid(50.0))]);
    let known = asked(market().reputations(&reputations)).await.unwrap();
    assert_eq!(&*known.contract.bidder, "bidder-1");
    let unknown = asked(market()).await.unwrap();
    assert_eq!(&*unknown.contract.bidder, "bidder-0");
    // With the half-life it is half forgotten.
    let before = reputations.of("bidder-0");
    tokio::time::advance(ReputationRules::default().half_life).await;
    let after = reputations.of("bidder-0");
    assert!(after.score > before.score && after.score < 0.5);
    assert!((after.evidence - 4.0).abs() < 1e-6);
    let names: Vec<_> = reputations
        .all()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["bidder-0".into(), Arc::<str>::from("bidder-1")]);
}

#[tokio::test(start_paused = true)]
async fn d14_a_ledger_that_is_full_forgets_who_was_heard_of_longest_ago() {
    let reputations = Reputations::default().room(2);
    for name in ["a", "b", "a", "c"] {
        reputations.note(name, Outcome::Kept);
        tokio::time::advance(secs(1)).await;
    }
    let known = ["a", "b", "c"].map(|name| reputations.of(name).evidence > 0.0);
    assert_eq!(known, [true, false, true]);
    let nonsense = Reputations::new(ReputationRules::new().prior(2.0));
    assert_eq!(nonsense.unwrap_err(), InvalidReputation::Prior);
}

#[tokio::test(start_paused = true)]
async fn d14_bids_are_taken_side_by_side_and_so_many_at_once() {
    let under_way = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let counting = |at: usize| {
        let seen = Arc::clone(&under_way);
        let bids = WorkerRef::from_fn("b", move |_: Called| {
            let seen = Arc::clone(&seen);
            async move {
                let now = seen.0.fetch_add(1, SeqCst) + 1;
                seen.1.fetch_max(now, SeqCst);
                tokio::time::sleep(ms(100)).await;
                seen.0.fetch_sub(1, SeqCst);
                Ok(bid(1.0))
            }
        });
        Bidder::new(format!("b-{at}"), bids, adds(0))
    };
    asked(of((0..40).map(counting))).await.unwrap();
    assert_eq!(under_way.1.load(SeqCst), 10);
    asked(of((0..40).map(counting)).concurrency(40))
        .await
        .unwrap();
    assert_eq!(under_way.1.load(SeqCst), 40);
}

#[tokio::test(start_paused = true)]
async fn d14_a_bidder_may_see_its_contract_and_a_task_its_terms() {
    let takes = WorkerRef::from_fn("t", |award: Award<u32>| async move {
        Ok(award.task + award.contract.price as u32)
    });
    let market = market("market").terms_of(|task: &u32| Terms::new(f64::from(*task), secs(60)));
    let market = market.bidder(Bidder::contracting("b", bids(bid(7.0)), takes));
    let system = System::new("t");
    let market = market.start(&system).await.unwrap();
    assert_eq!(market.ask(100).await.unwrap().value.value, 107);
    let fault = market.ask(0).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Permanent);
    assert_eq!(fault.cause(), Some(&InvalidAuction::Budget));
}

#[tokio::test(start_paused = true)]
async fn d14_a_market_is_a_stage_of_a_pipeline() {
    let system = System::new("t");
    let market = of([bidder(1, bid(1.0))]).start(&system).await.unwrap();
    let twice = WorkerRef::from_fn("twice", |n: u32| async move { Ok(n * 2) });
    let all = pipeline("all")
        .then("market", market.map(|done| done.value))
        .then("twice", twice)
        .start(&system)
        .await
        .unwrap();
    assert_eq!(all.ask(1).await.unwrap().value, 4);
}

#[tokio::test(start_paused = true)]
async fn d14_a_market_that_makes_no_sense_is_refused_at_the_start() {
    let system = System::new("t");
    let one = || of([bidder(0, bid(1.0))]);
    let no_terms = market("market").bidder(bidder(0, bid(1.0)));
    let cases = [
        (of([]), "without bidders"),
        (of([bidder(0, bid(1.0)), bidder(0, bid(1.0))]), "same name"),
        (
            of((0..1_001).map(|at| bidder(at, bid(1.0)))),
            "at most 1,000",
        ),
        (no_terms, "has terms"),
    ];
    for (market, why) in cases {
        let error = market.start(&system).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
    let refused = one().terms(Terms::new(0.0, secs(1))).start(&system).await;
    let budget = InvalidSpec::Auction(InvalidAuction::Budget);
    assert!(matches!(refused, Err(StartError::Invalid(why)) if why == budget));
    let refused = one().raise(Raise::new(0.5, 1.0)).start(&system).await;
    let raise = InvalidSpec::Auction(InvalidAuction::Raise);
    assert!(matches!(refused, Err(StartError::Invalid(why)) if why == raise));
    let weights = BidWeights::new(0.3, 0.4, 0.2, 0.2);
    let refused = one().weights(weights).start(&system).await;
    let not_one = InvalidSpec::Weights(InvalidWeights::NotOne);
    assert!(matches!(refused, Err(StartError::Invalid(why)) if why == not_one));
}

#[tokio::test(start_paused = true)]
async fn d14_a_task_ends_with_its_asker() {
    let hangs = WorkerRef::from_fn("h", |_: u32| async {
        std::future::pending::<Result<u32, Fault>>().await
    });
    let reputations = Reputations::default();
    let system = System::new("t");
    let market = of([Bidder::new("hangs", bids(bid(1.0)), hangs)]).reputations(&reputations);
    let market = market.start(&system).await.unwrap();
    let fault = market.ask(1).deadline(secs(1)).await.unwrap_err();
    assert_eq!(fault.class(), FaultClass::Deadline);
    tokio::time::sleep(secs(60)).await;
    assert_eq!(
        reputations.all(),
        [],
        "nobody was late for somebody who waited"
    );
}
