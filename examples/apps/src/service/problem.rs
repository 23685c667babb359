//! What is not an answer, as JSON: `{"error": "..."}`.

use std::error::Error;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use callboard::prelude::*;
use callboard::tower::service_unavailable;
use serde_json::json;

/// Why a request was not answered.
#[derive(Debug)]
pub(super) enum Problem {
    /// The request itself is at fault.
    Request(StatusCode, String),
    /// The service is: 503 or 504, with `Retry-After` where that is known.
    Service(Fault),
}

impl Problem {
    /// An error with all its causes.
    pub(super) fn because(status: StatusCode, error: &dyn Error) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        Self::Request(status, words)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Service(fault)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::Request(rejection.status(), rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::Request(status, words) => {
                (status, Json(json!({ "error": words }))).into_response()
            }
            Self::Service(fault) => refused(&fault),
        }
    }
}

/// The library's answer to a refusal, with a body.
pub(super) fn refused(fault: &Fault) -> Response {
    let empty: Response = service_unavailable(fault);
    let (mut parts, _) = empty.into_parts();
    let json = parts.headers.entry(CONTENT_TYPE);
    json.or_insert(axum::http::HeaderValue::from_static("application/json"));
    let body = json!({ "error": fault.to_string() }).to_string();
    Response::from_parts(parts, body.into())
}
