//! What can be asked for over HTTP.

use std::num::NonZeroUsize;
use std::time::Duration;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use callboard::prelude::*;
use callboard::resilience::StackConfig;
use callboard::tower::GuardLayer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::{Problem, refused};
use super::summary::Summary;
use super::{Phase, Readiness, Service, Text};

/// The longest body that is read.
const MAX_BODY: usize = 1 << 20;

/// How long a body may take to come in.
const READ_WITHIN: Duration = secs(10);

/// The routes of a service. The layer that is added last is the outermost.
pub fn router(service: &Service) -> Router {
    let doors = GuardLayer::new(service.inside.doors.clone()).answering(refused);
    let guarded = Router::new()
        .route("/summarize", post(summarize))
        .route_layer(DefaultBodyLimit::max(MAX_BODY))
        .route_layer(doors)
        .route_layer(from_fn_with_state(service.clone(), count));
    Router::new()
        .merge(guarded)
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/stats", get(stats))
        .route("/limits", get(limits).put(set_limits))
        .fallback(|| async { Problem::Request(StatusCode::NOT_FOUND, "no such page".into()) })
        .method_not_allowed_fallback(|| async {
            let words = "this page is asked for with another method".into();
            Problem::Request(StatusCode::METHOD_NOT_ALLOWED, words)
        })
        .layer(from_fn_with_state(service.clone(), part))
        .with_state(service.clone())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    text: String,
    #[serde(default = "three")]
    sentences: NonZeroUsize,
}

const fn three() -> NonZeroUsize {
    NonZeroUsize::new(3).expect("three is not zero")
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    summary: Summary,
    /// More than one: workers crashed on the way.
    attempts: u32,
}

async fn summarize(
    State(service): State<Service>,
    request: Request,
) -> Result<Json<Answer>, Problem> {
    let Ask { text, sentences } = read(request).await?;
    if !text.contains(char::is_alphanumeric) {
        let words = "there is nothing to sum up: the text has no words";
        return Err(Problem::Request(
            StatusCode::UNPROCESSABLE_ENTITY,
            words.into(),
        ));
    }
    let text = text.into();
    let served = service.summarize(Text { text, sentences }).await?;
    Ok(Json(Answer {
        attempts: served.attempts,
        summary: served.value,
    }))
}

/// Reads a body, for no longer than [`READ_WITHIN`].
async fn read(request: Request) -> Result<Ask, Problem> {
    let reading = Json::<Ask>::from_request(request, &());
    match tokio::time::timeout(READ_WITHIN, reading).await {
        Ok(ask) => Ok(ask?.0),
        Err(_) => {
            let words = format!("the body did not come in {READ_WITHIN:?}");
            Err(Problem::Request(StatusCode::REQUEST_TIMEOUT, words))
        }
    }
}

/// Counts what becomes of each request.
async fn count(State(service): State<Service>, request: Request, next: Next) -> Response {
    let visit = service.tally().enter();
    let response = next.run(request).await;
    visit.answered(response.status());
    response
}

/// Parts from each client at the end, so that it sends its next request
/// elsewhere.
async fn part(State(service): State<Service>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if *service.phase().borrow() == Phase::Draining {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

async fn health(State(service): State<Service>) -> (StatusCode, Json<Value>) {
    match service.system().is_over() {
        false => (StatusCode::OK, Json(json!({ "status": "up" }))),
        true => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "status": "over" })),
        ),
    }
}

async fn ready(State(service): State<Service>) -> (StatusCode, Json<Value>) {
    let readiness = service.readiness();
    let status = match readiness {
        Readiness::Ready => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = json!({
        "status": readiness.name(),
        "pool": pool(&service),
        "breaker": service.stack().breaker().map(|breaker| breaker.state().to_string()),
    });
    (status, Json(body))
}

async fn stats(State(service): State<Service>) -> Json<Value> {
    let stack = service.stack();
    let counts = service.system().counts();
    Json(json!({
        "requests": service.tally().counted(),
        "pool": pool(&service),
        "bulkhead": stack.bulkhead().map(|bulkhead| {
            let stats = bulkhead.stats();
            json!({
                "max_concurrent": stats.max_concurrent,
                "under_way": stats.under_way,
                "waiting": stats.waiting,
                "admitted": stats.admitted,
                "refused": stats.refused,
            })
        }),
        "breaker": stack.breaker().map(|breaker| {
            let stats = breaker.stats();
            json!({
                "state": stats.state.to_string(),
                "admitted": stats.admitted,
                "not_permitted": stats.not_permitted,
                "transitions": stats.transitions.len(),
            })
        }),
        "retry": stack.retrier().map(|retrier| {
            let stats = retrier.stats();
            json!({
                "calls": stats.calls,
                "retries": stats.retries,
                "recovered": stats.recovered,
                "failed": stats.failed,
                "budget_spent": stats.budget_spent,
            })
        }),
        "rate": stack.rate().map(|rate| {
            let stats = rate.stats();
            json!({
                "available": stats.available,
                "admitted": stats.admitted,
                "refused": stats.refused,
            })
        }),
        "system": {
            "restarts": service.system().restarts(),
            "accepted": counts.accepted,
            "handled": counts.handled,
            "failed": counts.failed,
            "queued": counts.queued,
            "in_hand": counts.in_hand,
        },
    }))
}

fn pool(service: &Service) -> Option<Value> {
    let up = service.inside.up.get()?;
    let status = up.pool.status();
    Some(json!({
        "size": status.size,
        "ready": up.workers(),
        "busy": status.busy,
        "waiting": status.waiting,
    }))
}

async fn limits(State(service): State<Service>) -> Json<StackConfig> {
    Json(StackConfig::clone(&service.stack().config().get()))
}

/// Takes other limits from the next request on. They have the same layers.
async fn set_limits(
    State(service): State<Service>,
    config: Result<Json<StackConfig>, JsonRejection>,
) -> Result<Json<StackConfig>, Problem> {
    // What is wrong in the value is as wrong as what is wrong in the syntax.
    let Json(config) =
        config.map_err(|why| Problem::Request(StatusCode::BAD_REQUEST, why.body_text()))?;
    let changed = service.stack().reconfigure(config.clone());
    changed.map_err(|why| Problem::because(StatusCode::BAD_REQUEST, &why))?;
    Ok(Json(config))
}
