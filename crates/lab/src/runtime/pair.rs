//! What the control socket says of a pair of chassis: this one in it, the session, and what the two should agree on.

use super::Running;
use super::layer3::alive;
use super::problem::Problem;
use super::rows::{Shared, rows};
use crate::answer::MclagCheck;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use greylag_switch::agent::AgentKind;
use greylag_switch::show::{IccpRow, MclagRow};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Running>> {
    Router::new()
        .route("/v1/mclag", get(mclag))
        .route("/v1/iccp", get(iccp))
        .route("/v1/check/mclag", get(check))
}

/// A list of this chassis, or of none. What was decided stays when the agent is gone.
async fn mclag(State(running): Shared) -> Json<Vec<MclagRow>> {
    rows(running, |switch, now| switch.mclag_row(now).into_iter().collect()).await
}

/// A list of the one session, or of none.
async fn iccp(State(running): Shared) -> Result<Json<Vec<IccpRow>>, Problem> {
    alive(&running, AgentKind::Iccp)?;
    Ok(rows(running, |switch, _| switch.iccp_row().into_iter().collect()).await)
}

async fn check(State(running): Shared) -> Result<Json<MclagCheck>, Problem> {
    alive(&running, AgentKind::Iccp)?;
    let Json(found) = rows(running, greylag_switch::Switch::mclag_check_rows).await;
    found.map(|rows| Json(MclagCheck { rows })).ok_or_else(|| {
        let sentence = "this switch is no part of a pair: `multi-chassis` is not configured";
        Problem::new(StatusCode::CONFLICT, sentence)
    })
}
