//! What it answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, StatusCode};
use callboard::prelude::*;
use callboard::resilience::{BulkheadConfig, StackConfig};
use callboard::testing::{assert_conserved, quiet_panics};
use callboard_apps::service::Settings;
use hyper::body::Frame;
use serde_json::json;

use crate::client::{get, post, send, started, summarize};

#[tokio::test(start_paused = true)]
async fn a_text_is_summed_up_by_a_worker() {
    let (service, router) = started(Settings::default()).await;
    let text = "Mailboxes are bounded. The sky is blue. Bounded mailboxes hold senders back.";
    let body = json!({ "text": text, "sentences": 2 }).to_string();
    let begun = tokio::time::Instant::now();

    let answer = post(&router, body).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        answer.json,
        json!({
            "summary": ["Mailboxes are bounded.", "Bounded mailboxes hold senders back."],
            "sentences": 3,
            "words": 12,
            "attempts": 1,
        })
    );
    assert_eq!(begun.elapsed(), ms(20), "a worker's time, and nothing else");
    assert_eq!(service.tally().counted().served, 1);
    assert_conserved(service.system());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_is_answered_with_the_reason() {
    let (service, router) = started(Settings::default()).await;
    let too_long = json!({ "text": "word ".repeat(1 << 18) }).to_string();
    for (body, status, reason) in [
        ("{", StatusCode::BAD_REQUEST, "parse"),
        ("1", StatusCode::UNPROCESSABLE_ENTITY, "expected struct"),
        (
            "{}",
            StatusCode::UNPROCESSABLE_ENTITY,
            "missing field `text`",
        ),
        (r#"{"text": 1}"#, StatusCode::UNPROCESSABLE_ENTITY, "string"),
        (
            r#"{"text": " ... "}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "no words",
        ),
        (
            r#"{"text": "a", "txet": "b"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "unknown field `txet`",
        ),
        (
            r#"{"text": "a", "sentences": 0}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
            "nonzero",
        ),
        (&*too_long, StatusCode::PAYLOAD_TOO_LARGE, "limit"),
    ] {
        let answer = post(&router, body.to_owned()).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.error().contains(reason), "{answer:?}");
    }
    assert_eq!(service.tally().counted().invalid, 8);
    assert_eq!(service.system().counts().accepted, 0, "no worker was asked");
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_in_another_way_is_named() {
    let (_service, router) = started(Settings::default()).await;
    let plain = Request::post("/summarize").body(Body::from("{}")).unwrap();
    let plain = send(&router, plain).await;
    assert_eq!(plain.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(plain.error().contains("application/json"));
    assert_eq!(
        get(&router, "/summarize").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
    assert_eq!(get(&router, "/other").await.status, StatusCode::NOT_FOUND);
}

/// A body that does not come.
struct Never;

impl HttpBody for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let (service, router) = started(Settings::default()).await;
    let answer = post(&router, Body::new(Never)).await;
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(service.tally().counted().unfinished, 0);
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_room_is_told_when_to_come_again() {
    let mut settings = Settings::default();
    settings.workers = 1;
    let (service, router) = started(settings).await;
    let busy = tokio::spawn({
        let router = router.clone();
        async move { summarize(&router, "one").await }
    });
    tokio::time::sleep(ms(1)).await;

    let begun = tokio::time::Instant::now();
    let refused = summarize(&router, "two").await;

    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.retry_after(), Some(1));
    assert!(refused.error().contains("full"), "{refused:?}");
    assert_eq!(begun.elapsed(), ms(0), "at once");
    assert_eq!(busy.await.unwrap().status, StatusCode::OK);
    let counted = service.tally().counted();
    assert_eq!((counted.served, counted.refused), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn only_so_many_are_inside_at_once() {
    let mut settings = Settings::default();
    settings.doors = 1;
    let (_service, router) = started(settings).await;
    let slow = tokio::spawn({
        let router = router.clone();
        async move { post(&router, Body::new(Never)).await }
    });
    tokio::time::sleep(ms(1)).await;
    let refused = summarize(&router, "two").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.error().contains("the service"), "{refused:?}");
    assert_eq!(slow.await.unwrap().status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(summarize(&router, "two").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn who_runs_out_of_time_is_told_so() {
    let mut settings = Settings::default();
    settings.stack = Some(
        StackConfig::new()
            .deadline(ms(10))
            .bulkhead(BulkheadConfig::new(8)),
    );
    let (service, router) = started(settings).await;
    let late = summarize(&router, "one").await;
    assert_eq!(late.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(service.tally().counted().refused, 1);
    tokio::time::sleep(ms(1)).await;
    assert_eq!(service.system().counts().in_hand, 0, "the work has ended");
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_worker_crashed_is_done_by_another_one() {
    quiet_panics();
    let mut settings = Settings::default();
    settings.crash = 0.5;
    let (service, router) = started(settings).await;
    let mut attempts = Vec::new();
    for _ in 0..20 {
        let answer = summarize(&router, "one").await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        attempts.push(answer.json["attempts"].as_u64().unwrap());
    }
    assert!(attempts.iter().any(|attempts| *attempts > 1));
    let crashes = service.system().restarts();
    let stats = get(&router, "/stats").await.json;
    assert_eq!(stats["system"]["restarts"], crashes);
    assert_eq!(stats["system"]["handled"], 20);
    assert_eq!(stats["system"]["failed"], crashes);
    assert_eq!(stats["requests"]["served"], 20);
    assert_eq!(stats["pool"]["size"], 8);
    assert_conserved(service.system());
}
