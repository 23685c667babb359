//! Asks a service in process, without sockets.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, Request, StatusCode};
use callboard_apps::service::{Service, Settings, router};
use serde_json::{Value, json};
use tower_service::Service as _;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn error(&self) -> &str {
        self.json["error"].as_str().expect("an error says why")
    }

    pub(crate) fn retry_after(&self) -> Option<u64> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?;
        seconds.parse().ok()
    }
}

/// A service that is up, and its routes.
pub(crate) async fn started(settings: Settings) -> (Service, Router) {
    let service = Service::new(settings).expect("settings that fit");
    service.start().await.expect("it starts");
    let router = router(&service);
    (service, router)
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answer {
    // A router is always ready.
    let response = router.clone().call(request).await.expect("never an error");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a whole body");
    Answer {
        status: parts.status,
        headers: parts.headers,
        json: serde_json::from_slice(&body).expect("JSON"),
    }
}

pub(crate) async fn get(router: &Router, path: &str) -> Answer {
    let request = Request::get(path).body(Body::empty());
    send(router, request.expect("a request")).await
}

pub(crate) async fn put(router: &Router, path: &str, body: impl ToString) -> Answer {
    let request = Request::put(path)
        .header(CONTENT_TYPE, "application/json")
        .body(body.to_string().into());
    send(router, request.expect("a request")).await
}

pub(crate) async fn post(router: &Router, body: impl Into<Body>) -> Answer {
    let request = Request::post("/summarize")
        .header(CONTENT_TYPE, "application/json")
        .body(body.into());
    send(router, request.expect("a request")).await
}

/// Asks for the summary of a text.
pub(crate) async fn summarize(router: &Router, text: &str) -> Answer {
    post(router, json!({ "text": text }).to_string()).await
}
