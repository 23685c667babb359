//! Whether it is alive, and whether it is ready.

use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use callboard::prelude::*;
use callboard::resilience::StackConfig;
use callboard::testing::quiet_panics;
use callboard_apps::service::{Readiness, Service, Settings, router};

use crate::client::{get, started, summarize};

#[tokio::test(start_paused = true)]
async fn it_is_ready_when_its_pool_is_up() {
    let service = Service::new(Settings::default()).unwrap();
    let router = router(&service);
    assert_eq!(get(&router, "/health").await.status, StatusCode::OK);
    let starting = get(&router, "/ready").await;
    assert_eq!(starting.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(starting.json["status"], "starting");
    let early = summarize(&router, "one").await;
    assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(early.retry_after(), Some(1));

    service.start().await.unwrap();

    let ready = get(&router, "/ready").await;
    assert_eq!(ready.status, StatusCode::OK);
    assert_eq!(ready.json["status"], "ready");
    assert_eq!(ready.json["pool"]["size"], 8);
    assert_eq!(ready.json["pool"]["ready"], 8);
    assert_eq!(ready.json["breaker"], "closed");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_drains_is_not_ready_and_answers_all_the_same() {
    let (service, router) = started(Settings::default()).await;
    service.drain();
    let ready = get(&router, "/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json["status"], "draining");
    assert_eq!(get(&router, "/health").await.status, StatusCode::OK);
    let answer = summarize(&router, "one").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.headers[CONNECTION], "close",
        "the next one elsewhere"
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_does_not_bring_back_what_drains_already() {
    let service = Service::new(Settings::default()).unwrap();
    service.drain();
    service.start().await.unwrap();
    assert_eq!(service.readiness(), Readiness::Draining);
}

#[tokio::test(start_paused = true)]
async fn with_an_open_breaker_it_is_not_ready_until_a_probe_is_due() {
    quiet_panics();
    let mut settings = Settings::default();
    settings.crash = 1.0;
    settings.stack = Some(StackConfig::new().breaker(Breaker::consecutive(1).open_for(secs(5))));
    let (service, router) = started(settings).await;

    let failed = summarize(&router, "one").await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    let ready = get(&router, "/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json["status"], "breaker_open");
    assert_eq!(ready.json["breaker"], "open");
    let refused = summarize(&router, "two").await;
    assert_eq!(refused.retry_after(), Some(5));

    tokio::time::advance(secs(5)).await;
    assert_eq!(
        service.readiness(),
        Readiness::Ready,
        "or no probe would come"
    );
}

#[tokio::test(start_paused = true)]
async fn without_workers_it_is_not_ready_and_with_its_system_it_is_not_alive() {
    let (service, router) = started(Settings::default()).await;
    service.system().shutdown(secs(5)).await.unwrap();
    let ready = get(&router, "/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json["status"], "no_workers");
    assert_eq!(ready.json["pool"]["ready"], 0);
    let health = get(&router, "/health").await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
}
