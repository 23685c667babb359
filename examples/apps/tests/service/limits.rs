//! Limits that change while it runs.

use axum::http::StatusCode;
use callboard::prelude::*;
use callboard_apps::service::Settings;
use serde_json::json;

use crate::client::{get, put, started, summarize};

#[tokio::test(start_paused = true)]
async fn other_limits_hold_from_the_next_request_on() {
    let (_service, router) = started(Settings::default()).await;
    let mut limits = get(&router, "/limits").await.json;
    assert_eq!(limits["bulkhead"]["max_concurrent"], 8);
    limits["bulkhead"]["max_concurrent"] = json!(0);
    limits["bulkhead"]["max_waiting"] = json!(0);
    limits["bulkhead"]["retry_after"] = json!("7s");

    let changed = put(&router, "/limits", &limits).await;

    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    assert_eq!(changed.json, limits);
    assert_eq!(get(&router, "/limits").await.json, limits);
    let refused = summarize(&router, "one").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.retry_after(), Some(7));
}

#[tokio::test(start_paused = true)]
async fn limits_that_do_not_fit_change_nothing_and_say_why() {
    let (_service, router) = started(Settings::default()).await;
    let before = get(&router, "/limits").await.json;
    let mut no_time = before.clone();
    no_time["deadline"] = json!("0s");
    let mut no_breaker = before.clone();
    no_breaker["breaker"] = json!(null);
    let mut unknown = before.clone();
    unknown["bulkhead"]["places"] = json!(3);
    let mut all_failures = before.clone();
    all_failures["breaker"]["trip"]["failure_rate"] = json!(7.5);
    for (limits, reason) in [
        (no_time.to_string(), "a deadline of no time"),
        (no_breaker.to_string(), "other layers"),
        (unknown.to_string(), "unknown field `places`"),
        (
            all_failures.to_string(),
            "the breaker's settings do not fit: ",
        ),
        ("{".to_owned(), "parse"),
    ] {
        let refused = put(&router, "/limits", limits).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
        assert!(refused.error().contains(reason), "{refused:?}");
    }
    assert_eq!(get(&router, "/limits").await.json, before);
    assert_eq!(summarize(&router, "one").await.status, StatusCode::OK);
}

#[test]
fn by_default_half_as_many_wait_as_there_are_workers() {
    let mut settings = Settings::default();
    settings.workers = 12;
    let bulkhead = settings.limits().bulkhead.unwrap();
    assert_eq!((bulkhead.max_concurrent, bulkhead.max_waiting), (12, 6));
    assert_eq!(settings.limits().deadline, Some(secs(2)));
}
