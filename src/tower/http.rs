//! What a refusal is in HTTP.

use http::header::RETRY_AFTER;
use http::{HeaderValue, Response, StatusCode};

use crate::actor::{Fault, FaultClass};
use crate::policy::breaker::Outcome;

/// 503, or 504 where time ran out, with `Retry-After` in whole seconds, rounded
/// up, where the one that refused said when (RFC 9110, section 10.2.3). The body
/// is empty.
#[must_use]
pub fn service_unavailable<B: Default>(fault: &Fault) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = match fault.class() {
        FaultClass::Deadline => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    if let Some(wait) = fault.retry_after() {
        let rounded_up = wait
            .as_secs()
            .saturating_add(u64::from(wait.subsec_nanos() > 0));
        let seconds = HeaderValue::from(rounded_up.max(1));
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// For [`GuardLayer::judging`](super::GuardLayer::judging): a 5xx is a failure
/// of the service, anything else is not.
#[must_use]
pub fn by_status<B>(response: &Response<B>) -> Outcome {
    match response.status().is_server_error() {
        true => Outcome::Failure,
        false => Outcome::Success,
    }
}
