//! Guards as tower layers, and workers as tower services, on a paused clock.

#![cfg(feature = "tower")]
#![allow(clippy::disallowed_methods, reason = "tests own their tasks")]

use std::error::Error;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context as Task, Poll};

use callboard::policy::adaptive::AdaptiveConfig;
use callboard::policy::breaker::State;
use callboard::policy::rate::TokenBucket;
use callboard::prelude::*;
use callboard::resilience::{Bulkhead, BulkheadConfig, RateLimiter, RateLimiterConfig, WhenSpent};
use callboard::testing::assert_conserved;
use callboard::tower::{
    GuardLayer, Refused, WorkerService, by_fault, by_status, service_unavailable,
};
use http::{Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tower_layer::Layer;
use tower_service::Service;

/// A service that is a function.
#[derive(Clone)]
struct Function<F>(F);

impl<Req, F, Fut, T, E> Service<Req> for Function<F>
where
    F: FnMut(Req) -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    type Response = T;
    type Error = E;
    type Future = Fut;

    fn poll_ready(&mut self, _task: &mut Task<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Fut {
        (self.0)(request)
    }
}

/// As a tower client does it.
async fn call<S: Service<Req>, Req>(
    service: &mut S,
    request: Req,
) -> Result<S::Response, S::Error> {
    poll_fn(|task| service.poll_ready(task)).await?;
    service.call(request).await
}

type Reply = Response<String>;

/// Answers with the status that is its path, and counts its calls.
#[derive(Clone, Default)]
struct Web {
    calls: Arc<AtomicUsize>,
}

impl Service<Request<()>> for Web {
    type Response = Reply;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Reply, Self::Error>>;

    fn poll_ready(&mut self, _task: &mut Task<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        self.calls.fetch_add(1, SeqCst);
        let mut reply = Reply::new("told".to_owned());
        let status = request.uri().path().trim_start_matches('/');
        *reply.status_mut() = status.parse().expect("a status");
        std::future::ready(Ok(reply))
    }
}

fn get(status: u16) -> Request<()> {
    let request = Request::get(format!("/{status}")).body(());
    request.expect("a request")
}

fn wait(reply: &Reply) -> Option<&str> {
    let wait = reply.headers().get("retry-after")?;
    wait.to_str().ok()
}

#[tokio::test(start_paused = true)]
async fn a_breaker_opens_on_5xx_and_refuses_with_503_and_the_rounded_up_wait() {
    let web = Web::default();
    let breaker = Breaker::new("web", Breaker::consecutive(2).open_for(ms(2_500)));
    let layer = GuardLayer::new(breaker.clone())
        .answering(service_unavailable)
        .judging(by_status);
    let mut service = layer.layer(web.clone());

    // The client's own mistakes say nothing against the service.
    for status in [500, 404, 500, 429] {
        let reply = call(&mut service, get(status)).await.unwrap();
        assert_eq!((reply.status().as_u16(), &**reply.body()), (status, "told"));
        assert_eq!(breaker.state(), State::Closed);
    }
    for status in [502, 503] {
        call(&mut service, get(status)).await.unwrap();
    }
    assert_eq!(breaker.state(), State::Open);

    let refused = call(&mut service, get(200)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(wait(&refused), Some("3"), "2.5 s are not over after 2");
    assert_eq!(refused.body(), "");
    assert_eq!(web.calls.load(SeqCst), 6, "it was not asked");

    tokio::time::advance(secs(3)).await;
    for _ in 0..2 {
        let reply = call(&mut service, get(200)).await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_refusal_in_http_says_when_to_come_again() {
    let answer = |fault: &Fault| {
        let reply: Reply = service_unavailable(fault);
        (reply.status().as_u16(), wait(&reply).map(str::to_owned))
    };
    let after = |wait| answer(&Fault::overloaded("full", wait));
    assert_eq!(after(ms(1)), (503, Some("1".to_owned())));
    assert_eq!(after(secs(2)), (503, Some("2".to_owned())));
    assert_eq!(after(ms(2_001)), (503, Some("3".to_owned())));
    // Coming again at once would only be refused again.
    assert_eq!(after(Duration::ZERO), (503, Some("1".to_owned())));
    let for_ever = Some(u64::MAX.to_string());
    assert_eq!(after(Duration::MAX), (503, for_ever));
    let late = Fault::new(FaultClass::Deadline, "late");
    assert_eq!(answer(&late), (504, None));
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_a_refusal_is_an_error() {
    let down = Function(|_: u32| async { Err::<u32, _>(std::fmt::Error) });
    let breaker = Breaker::new("down", Breaker::consecutive(1).open_for(secs(7)));
    let mut service = GuardLayer::new(breaker).layer(down);

    let failed = call(&mut service, 1).await.unwrap_err();
    assert!(
        matches!(failed, Refused::Failed(std::fmt::Error)),
        "{failed:?}"
    );
    assert_eq!(failed.to_string(), std::fmt::Error.to_string());

    let refused = call(&mut service, 1).await.unwrap_err();
    let Refused::ByGuard(fault) = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(fault.class(), FaultClass::Cascading);
    assert_eq!(fault.retry_after(), Some(secs(7)));
    assert!(refused.to_string().starts_with("the call was refused: "));
    assert!(refused.source().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_a_fault_counts_as_its_class_decides() {
    let worker = WorkerRef::from_fn("picky", |class: FaultClass| async move {
        Err::<(), _>(Fault::new(class, "no"))
    });
    let breaker = Breaker::new("picky", Breaker::consecutive(1));
    let mut service = GuardLayer::new(breaker.clone())
        .judging_results(by_fault)
        .layer(WorkerService::new(&worker));
    for class in [FaultClass::Permanent, FaultClass::Cancelled] {
        call(&mut service, class).await.unwrap_err();
        assert_eq!(breaker.state(), State::Closed, "{class}");
    }
    call(&mut service, FaultClass::Transient).await.unwrap_err();
    assert_eq!(breaker.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn a_panic_counts_as_a_failure_and_a_dropped_call_as_nothing() {
    let breaker = Breaker::new("it", Breaker::consecutive(1));
    let layer = GuardLayer::new(breaker.clone());

    let mut hangs = layer.layer(Function(|(): ()| {
        std::future::pending::<Result<(), Fault>>()
    }));
    let dropped = tokio::time::timeout(secs(1), call(&mut hangs, ())).await;
    assert!(dropped.is_err());
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.stats().metrics.calls, 0);

    let mut panics = layer.layer(Function(|loud: bool| async move {
        // Without the hook, which would print it.
        match loud {
            true => std::panic::resume_unwind(Box::new("scripted")),
            false => Ok::<(), Fault>(()),
        }
    }));
    let crashed = tokio::spawn(async move { call(&mut panics, true).await }).await;
    assert!(crashed.unwrap_err().is_panic());
    assert_eq!(breaker.state(), State::Open);
}

/// Takes as long as the gate is shut.
fn gated(gate: &Arc<Semaphore>) -> Function<impl FnMut(u32) -> Gated + Clone + use<>> {
    let gate = Arc::clone(gate);
    Function(move |n| -> Gated {
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.acquire().await.expect("never closed").forget();
            Ok(n)
        })
    })
}

type Gated = std::pin::Pin<Box<dyn Future<Output = Result<u32, Fault>> + Send>>;

#[tokio::test(start_paused = true)]
async fn a_bulkhead_holds_its_place_for_the_whole_call_and_no_longer() {
    let gate = Arc::new(Semaphore::new(0));
    let bulkhead = Bulkhead::new("gated", BulkheadConfig::new(1).max_waiting(1));
    let service = GuardLayer::new(bulkhead.clone()).layer(gated(&gate));
    let ask = |n| {
        let mut service = service.clone();
        tokio::spawn(async move { call(&mut service, n).await })
    };

    let first = ask(1);
    sleep(ms(1)).await;
    let second = ask(2);
    sleep(ms(1)).await;
    let stats = bulkhead.stats();
    assert_eq!((stats.under_way, stats.waiting), (1, 1));
    let full = ask(3).await.unwrap().unwrap_err();
    assert!(matches!(full, Refused::ByGuard(fault) if fault.class() == FaultClass::Overloaded));

    // One who waits is dropped, and so is one who has a place.
    second.abort();
    sleep(ms(1)).await;
    assert_eq!(bulkhead.stats().waiting, 0);
    let third = ask(3);
    sleep(ms(1)).await;
    first.abort();
    sleep(ms(1)).await;
    let stats = bulkhead.stats();
    assert_eq!((stats.under_way, stats.waiting), (1, 0), "it passed on");

    gate.add_permits(1);
    assert_eq!(third.await.unwrap().unwrap(), 3);
    assert_eq!(bulkhead.stats().under_way, 0);
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_bulkhead_learns_from_the_calls_of_a_service() {
    let config = BulkheadConfig::adaptive(AdaptiveConfig::new(1, 10));
    let bulkhead = Bulkhead::new("it", config);
    let slow = Function(|fails: bool| async move {
        sleep(ms(10)).await;
        match fails {
            true => Err(Fault::transient("down")),
            false => Ok(()),
        }
    });
    let service = GuardLayer::new(bulkhead.clone()).layer(slow);
    let rounds = |fails, rounds| {
        let service = service.clone();
        async move {
            for _ in 0..rounds {
                let calls = (0..10).map(|_| {
                    let mut service = service.clone();
                    tokio::spawn(async move { call(&mut service, fails).await.is_ok() })
                });
                for call in calls.collect::<Vec<_>>() {
                    let _ = call.await;
                }
            }
        }
    };
    assert_eq!(bulkhead.stats().max_concurrent, 1);
    rounds(false, 20).await;
    assert_eq!(bulkhead.stats().max_concurrent, 10);
    rounds(true, 20).await;
    assert_eq!(bulkhead.stats().max_concurrent, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limiter_refuses_or_waits_as_its_settings_say() {
    let echo = Function(|n: u32| async move { Ok::<_, Fault>(n) });
    let once = TokenBucket::per_minute(1).capacity(1);

    let refuses = RateLimiter::new("echo", once);
    let mut service = GuardLayer::new(refuses.clone()).layer(echo.clone());
    let begun = Instant::now();
    call(&mut service, 1).await.unwrap();
    let refused = call(&mut service, 2).await.unwrap_err();
    assert!(matches!(refused, Refused::ByGuard(fault) if fault.retry_after() == Some(secs(60))));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!((refuses.stats().admitted, refuses.stats().refused), (1, 1));

    let patient = RateLimiterConfig::new(once).when_spent(WhenSpent::Wait);
    let waits = RateLimiter::new("echo", patient);
    let mut service = GuardLayer::new(waits).layer(echo);
    call(&mut service, 1).await.unwrap();
    assert_eq!(call(&mut service, 2).await.unwrap(), 2);
    assert!(begun.elapsed() >= secs(60));
}

/// Is ready every other time it is asked, and says whether the very instance
/// that was ready is called.
struct Fussy {
    asked: usize,
    is_ready: bool,
    is_broken: bool,
}

impl Clone for Fussy {
    fn clone(&self) -> Self {
        Self {
            asked: 0,
            is_ready: false,
            is_broken: self.is_broken,
        }
    }
}

impl Service<()> for Fussy {
    type Response = ();
    type Error = Fault;
    type Future = std::future::Ready<Result<(), Fault>>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Fault>> {
        if self.is_broken {
            return Poll::Ready(Err(Fault::permanent("broken")));
        }
        self.asked += 1;
        self.is_ready = self.asked > 1;
        if self.is_ready {
            Poll::Ready(Ok(()))
        } else {
            task.waker().wake_by_ref();
            Poll::Pending
        }
    }

    fn call(&mut self, (): ()) -> Self::Future {
        assert!(self.is_ready, "it was not asked whether it is ready");
        self.is_ready = false;
        std::future::ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_is_that_of_the_service_inside() {
    let fussy = |is_broken| Fussy {
        asked: 0,
        is_ready: false,
        is_broken,
    };
    let layer = GuardLayer::new(Bulkhead::new("fussy", BulkheadConfig::new(1)));
    let mut service = layer.layer(fussy(false));
    let is_ready = poll_fn(|task| Poll::Ready(service.poll_ready(task))).await;
    assert!(is_ready.is_pending());
    for _ in 0..3 {
        call(&mut service, ()).await.unwrap();
    }
    let broken = call(&mut layer.layer(fussy(true)), ()).await.unwrap_err();
    assert!(matches!(broken, Refused::Failed(fault) if fault.class() == FaultClass::Permanent));
}

#[tokio::test(start_paused = true)]
async fn services_and_their_clones_share_the_guard() {
    let breaker = Breaker::new("shared", Breaker::consecutive(1));
    let layer = GuardLayer::new(breaker.clone())
        .answering(service_unavailable)
        .judging(by_status);
    let mut one = layer.layer(Web::default());
    let mut clone = one.clone();
    let mut other = layer.clone().layer(Web::default());
    call(&mut one, get(500)).await.unwrap();
    for service in [&mut one, &mut clone, &mut other] {
        let refused = call(service, get(200)).await.unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(breaker.stats().not_permitted, 3);
}

/// Takes ten milliseconds for each.
struct Doubler;

impl Worker for Doubler {
    type In = u32;
    type Out = u32;

    async fn work(&mut self, n: u32, _cx: &mut Context<Self>) -> Result<u32, Fault> {
        sleep(ms(10)).await;
        Ok(n * 2)
    }
}

#[tokio::test(start_paused = true)]
async fn a_pool_as_a_service_under_load_serves_those_it_has_room_for() {
    let system = System::new("t");
    let pool = Pool::new("doublers", 4..=4, || Doubler).queue(4);
    let pool = pool.start(&system).await.unwrap();
    let bulkhead = Bulkhead::new("doublers", BulkheadConfig::new(4).max_waiting(8));
    let service = GuardLayer::new(bulkhead)
        .judging_results(by_fault)
        .layer(WorkerService::new(&pool.worker()));

    let begun = Instant::now();
    let calls = (0..64).map(|n| {
        let mut service = service.clone();
        tokio::spawn(async move { (n, call(&mut service, n).await) })
    });
    let (mut served, mut refused) = (0, 0);
    for answered in calls.collect::<Vec<_>>() {
        match answered.await.unwrap() {
            (n, Ok(answer)) => {
                assert_eq!(answer.value, n * 2);
                served += 1;
            }
            (_, Err(Refused::ByGuard(fault))) => {
                assert_eq!(fault.class(), FaultClass::Overloaded);
                refused += 1;
            }
            (_, Err(failed)) => panic!("{failed}"),
        }
    }
    assert_eq!((served, refused), (12, 52));
    assert_eq!(begun.elapsed(), ms(30), "three rounds of four");
    assert_conserved(&system);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_ends_the_work() {
    let system = System::new("t");
    let pool = Pool::new("doublers", 1..=1, || Doubler);
    let pool = pool.start(&system).await.unwrap();
    let mut service = WorkerService::new(&pool.worker());
    let dropped = tokio::time::timeout(ms(5), call(&mut service, 1)).await;
    assert!(dropped.is_err());
    sleep(ms(1)).await;
    assert_eq!(pool.status().jobs, 0);
    assert_eq!(system.counts().in_hand, 0);
    assert_eq!(call(&mut service, 2).await.unwrap().value, 4);
}
