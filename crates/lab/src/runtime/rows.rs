//! What can be read from the control socket. Reading changes nothing.

use super::follow::follow;
use super::problem::Problem;
use super::{Clock, Running};
use crate::answer;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use greylag_base::{Impairment, Instant};
use greylag_ports::ImpairmentCounts;
use greylag_scenario::{emit_impairment, switch};
use greylag_switch::show::{PortImpairment, PortIo, PortRow};
use greylag_switch::{EventRecord, Switch};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(super) type Shared = State<Arc<Running>>;

pub(super) fn routes() -> Router<Arc<Running>> {
    Router::new()
        .route("/v1/fdb", get(|State(running): Shared| rows(running, Switch::fdb)))
        .route("/v1/vlans", get(|State(running): Shared| rows(running, Switch::vlans)))
        .route("/v1/ports", get(ports))
        .route("/v1/drops", get(|State(running): Shared| rows(running, |switch, _| switch.drops())))
        .route("/v1/counters", get(|State(running): Shared| rows(running, Switch::counters)))
        .route("/v1/lags", get(|State(running): Shared| rows(running, |switch, _| switch.lag_rows())))
        .route("/v1/lacp", get(lacp))
        .route("/v1/agents", get(agents))
        .route("/v1/alarms", get(alarms))
        .route("/v1/history", get(history))
        .route("/v1/config", get(config))
        .route("/v1/events", get(events))
}

/// Answers from the switch as it is now, with everything that its workers have reported so far.
pub(super) async fn rows<T: Serialize>(
    running: Arc<Running>,
    ask: impl FnOnce(&Switch, Instant) -> T,
) -> Json<T> {
    let (mut control, now) = running.control();
    control.freshen(now);
    Json(ask(&control.switch, now))
}

/// The switch does not know how its ports were opened.
async fn ports(State(running): Shared) -> Json<Vec<PortRow>> {
    let ios = running.ios().clone();
    rows(Arc::clone(&running), |switch, now| {
        let mut rows = switch.port_rows(now);
        for (port, (row, io)) in rows.iter_mut().zip(ios).enumerate() {
            let is_open = |_| running.shortcuts[port].is_open();
            row.io = io.map(|io| PortIo { past_qdisc: io.past_qdisc.map(is_open), ..io });
            row.impairment = running.impairments.of(port).map(impairment_row);
        }
        rows
    })
    .await
}

fn impairment_row((impairment, counts): (Impairment, ImpairmentCounts)) -> PortImpairment {
    let ImpairmentCounts { lost, duplicated, corrupted, overtaken, no_room, refused } = counts;
    let impair = emit_impairment(&impairment);
    PortImpairment { impair, lost, duplicated, corrupted, overtaken, no_room, refused }
}

async fn agents(State(running): Shared) -> Json<Vec<answer::Agent>> {
    let clock = running.clock;
    let dated = |row: greylag_switch::show::AgentRow| answer::Agent { since: clock.date(row.since), row };
    rows(running, |switch, _| switch.agent_rows().into_iter().map(dated).collect()).await
}

async fn lacp(State(running): Shared) -> Result<Json<Vec<answer::Lacp>>, Problem> {
    let clock = running.clock;
    let dated =
        |row: greylag_switch::show::LacpRow| answer::Lacp { last_change: clock.date(row.last_change), row };
    let Json(rows) = rows(running, |switch, _| switch.lacp_rows()).await;
    match rows {
        Some(rows) => Ok(Json(rows.into_iter().map(dated).collect())),
        None => Err(Problem::new(
            StatusCode::CONFLICT,
            "the lacp agent does not run, and what it knew of its partners went with it: /v1/agents says how it is, /v1/lags what \
             the data plane still does",
        )),
    }
}

async fn alarms(State(running): Shared) -> Json<Vec<answer::Alarm>> {
    let clock = running.clock;
    let dated = |row: greylag_switch::show::AlarmRow| answer::Alarm {
        raised: clock.date(row.raised),
        cleared: row.cleared.map(|at| clock.date(at)),
        row,
    };
    rows(running, |switch, _| switch.alarm_rows().into_iter().map(dated).collect()).await
}

async fn history(State(running): Shared) -> Json<Vec<answer::Commit>> {
    let (control, _) = running.control();
    let rows = control.switch.commit_rows().into_iter();
    Json(rows.map(|row| answer::Commit { committed: control.commits.committed(row.commit), row }).collect())
}

#[derive(Deserialize)]
struct ConfigQuery {
    /// Not the running one, but the one before so many commits.
    #[serde(default)]
    rollback: usize,
}

/// A configuration as the text of a SWITCH.yml, which is JSON too.
async fn config(
    State(running): Shared,
    query: Result<Query<ConfigQuery>, QueryRejection>,
) -> Result<impl IntoResponse, Problem> {
    let Ok(Query(query)) = query else {
        return Err(Problem::request(
            "`rollback` is no number of commits: expected one such as /v1/config?rollback=1",
        ));
    };
    let (control, _) = running.control();
    let history = control.switch.history();
    let Some(config) = history.before(query.rollback) else {
        let last = history.commits().len() - 1;
        let error = format!("the history does not go back that far: expected a rollback of 0 to {last}");
        return Err(Problem::new(StatusCode::NOT_FOUND, error));
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], switch::emit(config)))
}

#[derive(Deserialize)]
struct EventQuery {
    /// Only events behind this sequence number.
    #[serde(default)]
    after: u64,
    /// Then those that happen, line by line.
    #[serde(default)]
    follow: bool,
}

/// An event with the time of day.
#[derive(Serialize)]
pub(super) struct DatedEvent {
    time: String,
    #[serde(flatten)]
    record: EventRecord,
}

impl DatedEvent {
    pub(super) fn new(clock: Clock, record: &EventRecord) -> Self {
        DatedEvent { time: clock.date(record.at), record: record.clone() }
    }
}

async fn events(
    State(running): Shared,
    query: Result<Query<EventQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Ok(Query(query)) = query else {
        return Err(Problem::request(
            "`after` is no sequence number, or `follow` not true or false: expected such as /v1/events?after=100&follow=true",
        ));
    };
    if query.follow {
        return Ok(follow(running, query.after));
    }
    let clock = running.clock;
    let dated = |record: &EventRecord| DatedEvent::new(clock, record);
    let dated = rows(running, |switch, _| switch.events().after(query.after).map(dated).collect::<Vec<_>>());
    Ok(dated.await.into_response())
}
