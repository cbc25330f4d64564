//! Why there is no answer; JSON as the answers are.

use super::control::OrderError;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use greylag_scenario::FileError;
use serde::Serialize;

/// Everything that is here to be read.
const READ: &str = "/metrics, /v1/fdb, /v1/vlans, /v1/ports, /v1/lags, /v1/lacp, /v1/interfaces, /v1/routes, /v1/fib, \
                    /v1/nexthop-groups, /v1/neighbors, /v1/bfd, /v1/bgp, /v1/bgp/routes, /v1/link-state, /v1/mclag, /v1/iccp, /v1/drops, \
                    /v1/counters, /v1/events, /v1/agents, /v1/alarms, /v1/history, /v1/config, /v1/check/fdb, \
                    /v1/check/fib, /v1/check/paths or /v1/check/mclag";

/// Everything that takes an order.
const ORDER: &str = "/v1/config/diff, /v1/config/commit, /v1/config/confirm, /v1/config/rollback, /v1/fault, \
                     /v1/fdb/flush, /v1/trace, /v1/watch, /v1/capture, /v1/check/fdb, /v1/check/fib or /v1/check/paths";

/// A status and a sentence, and for texts what is wrong with each field.
pub(super) struct Problem {
    status: StatusCode,
    answer: Answer,
}

#[derive(Serialize)]
struct Answer {
    error: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<greylag_scenario::Problem>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Problem { status, answer: Answer { error: error.into(), problems: Vec::new() } }
    }

    /// The request is wrong.
    pub(super) fn request(error: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, error)
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        let problems = error.problems().to_vec();
        let first = problems.first().map_or_else(String::new, ToString::to_string);
        Problem { status: StatusCode::BAD_REQUEST, answer: Answer { error: first, problems } }
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Refused(refused) => Problem::new(StatusCode::CONFLICT, refused.to_string()),
            OrderError::NotKept(error) => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("it is in place, but cannot be written down, so that a restart loses it: {error}"),
            ),
        }
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Problem::request(rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(self.answer)).into_response()
    }
}

pub(super) async fn unknown(method: Method, uri: Uri) -> Problem {
    let (expected, path) = (if method == Method::POST { ORDER } else { READ }, uri.path());
    Problem::new(StatusCode::NOT_FOUND, format!("`{path}` is not here: expected {expected}"))
}

pub(super) async fn only_metrics(uri: Uri) -> Problem {
    let path = uri.path();
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("`{path}` is not here: expected /metrics; everything else is on the control socket"),
    )
}

pub(super) async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let (other, path) = (if method == Method::GET { "POST" } else { "GET" }, uri.path());
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("`{method}` does nothing at `{path}`: expected {other}"),
    )
}
