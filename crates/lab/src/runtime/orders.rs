//! What can be ordered over the control socket.

use super::control::Control;
use super::problem::Problem;
use super::rows::Shared;
use super::{Clock, Running};
use crate::answer::{Committed, Done, FdbCheck};
use axum::extract::rejection::{QueryRejection, StringRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use greylag_base::{Impairment, Instant, PortId, VlanId};
use greylag_scenario::{Source, parse_impairment, parse_time_span, story, switch};
use greylag_switch::agent::{AgentKind, AgentState};
use greylag_switch::config::{Attachment, SwitchConfig};
use greylag_switch::show::{TraceRequest, TraceRow};
use greylag_switch::{DiffLine, FdbConflict, Input};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// No configuration comes near it: that of a switch with 1024 ports has half a megabyte.
const LONGEST_BODY: usize = 16 << 20;

/// How long an order waits for workers to take it up, and how often it looks.
const TAKEN_UP: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Who orders, when they do not say.
const NOBODY: &str = "unknown";

pub(super) fn routes() -> Router<Arc<Running>> {
    Router::new()
        .route("/v1/config/diff", post(diff))
        .route("/v1/config/commit", post(commit))
        .route("/v1/config/confirm", post(confirm))
        .route("/v1/config/rollback", post(roll_back))
        .route("/v1/fault", post(fault))
        .route("/v1/ports/{port}/impair", post(impair))
        .route("/v1/ports/{port}/mend", post(mend))
        .route("/v1/fdb/flush", post(flush))
        .route("/v1/trace", post(trace))
        .route("/v1/check/fdb", get(check).post(repair))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
}

pub(super) type Body = Result<String, StringRejection>;

/// The text of a body.
fn text(body: Body) -> Result<String, Problem> {
    body.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))
}

/// A body of JSON; nothing is as good as `{}`.
pub(super) fn json<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let text = text(body)?;
    let text = if text.trim().is_empty() { "{}" } else { &text };
    serde_json::from_str(text).map_err(|error| Problem::request(format!("the body is not right: {error}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct CandidateQuery {
    /// What messages call the candidate.
    path: Option<String>,
    author: Option<String>,
    /// As files have times.
    confirm_within: Option<String>,
}

type CandidateParameters = Result<Query<CandidateQuery>, QueryRejection>;

fn candidate(path: Option<String>, body: Body) -> Result<SwitchConfig, Problem> {
    let source = Source::new(path.unwrap_or_else(|| "candidate".to_owned()), text(body)?);
    Ok(switch::parse(&source)?)
}

async fn diff(
    State(running): Shared,
    query: CandidateParameters,
    body: Body,
) -> Result<Json<Vec<DiffLine>>, Problem> {
    let config = candidate(query?.0.path, body)?;
    Ok(Json(running.control().0.switch.diff(&config)))
}

async fn commit(
    State(running): Shared,
    query: CandidateParameters,
    body: Body,
) -> Result<Json<Committed>, Problem> {
    let Query(query) = query?;
    let within = query.confirm_within.as_deref().map(parse_time_span).transpose();
    let confirm_within = within.map_err(|wrong| Problem::request(format!("confirm-within: {wrong}")))?;
    let config = candidate(query.path, body)?;
    let author = query.author.unwrap_or_else(|| NOBODY.to_owned());
    let (mut control, now) = running.control();
    control.tell(now, Input::Commit { config: Box::new(config), author, confirm_within })?;
    Ok(Json(committed(&control, running.clock, confirm_within.map(|within| now + within))))
}

/// The commit that is running now.
fn committed(control: &Control, clock: Clock, confirm_by: Option<Instant>) -> Committed {
    let latest = control.switch.commit_rows().into_iter().next();
    let (commit, changes) = latest.map_or((0, 0), |row| (row.commit, row.changes));
    Committed { commit, changes, confirm_by: confirm_by.map(|at| clock.date(at)) }
}

async fn confirm(State(running): Shared) -> Result<Json<Committed>, Problem> {
    let (mut control, now) = running.control();
    control.tell(now, Input::Confirm)?;
    Ok(Json(committed(&control, running.clock, None)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollbackBody {
    #[serde(default = "one")]
    steps: usize,
    author: Option<String>,
}

fn one() -> usize {
    1
}

async fn roll_back(State(running): Shared, body: Body) -> Result<Json<Committed>, Problem> {
    let RollbackBody { steps, author } = json(body)?;
    let author = author.unwrap_or_else(|| NOBODY.to_owned());
    let (mut control, now) = running.control();
    control.tell(now, Input::Rollback { steps, author })?;
    Ok(Json(committed(&control, running.clock, None)))
}

/// A fault in the words of a scenario's timeline.
async fn fault(State(running): Shared, body: Body) -> Result<Json<Done>, Problem> {
    let fault = story::parse_fault(&Source::new("fault", text(body)?))?;
    let (mut control, now) = running.control();
    control.tell(now, Input::Fault(fault))?;
    Ok(Json(Done { done: "ordered".to_owned() }))
}

/// How frames fare that leave by a port, in the words of `impair`.
async fn impair(State(running): Shared, Path(port): Path<String>, body: Body) -> Result<Json<Done>, Problem> {
    let impairment = parse_impairment(&Source::new("impair", text(body)?))?;
    order_impairment(&running, &port, Some(impairment)).await
}

/// They fare as the configuration says.
async fn mend(State(running): Shared, Path(port): Path<String>) -> Result<Json<Done>, Problem> {
    order_impairment(&running, &port, None).await
}

async fn order_impairment(
    running: &Running,
    port: &str,
    impairment: Option<Impairment>,
) -> Result<Json<Done>, Problem> {
    let desks = {
        let (control, _) = running.control();
        let id = port_id(&control, port)?;
        if matches!(control.switch.config().ports[id.index()].attachment, Attachment::Lag(_)) {
            return Err(Problem::request(format!("{port} is a bundle: expected one of its members")));
        }
        running.impairments.order(&control.switch, id, impairment)
    };
    // A worker takes it up when it next keeps house; one that has lost its queue of the port never does.
    let deadline = running.clock.now() + TAKEN_UP;
    while !desks.iter().all(|desk| desk.has_port()) && running.clock.now() < deadline {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(Json(Done { done: "ordered".to_owned() }))
}

fn port_id(control: &Control, name: &str) -> Result<PortId, Problem> {
    let ports = control.switch.config();
    ports.port(name).map(|(id, _)| id).ok_or_else(|| {
        let names: Vec<&str> = ports.ports.iter().map(|port| port.name.as_str()).collect();
        Problem::request(format!("there is no port `{name}`: expected one of {}", names.join(", ")))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FlushBody {
    port: Option<String>,
    vlan: Option<VlanId>,
}

async fn flush(State(running): Shared, body: Body) -> Result<Json<Done>, Problem> {
    let FlushBody { port, vlan } = json(body)?;
    let (mut control, now) = running.control();
    let port = port.map(|name| port_id(&control, &name));
    control.tell(now, Input::FlushFdb { port: port.transpose()?, vlan })?;
    Ok(Json(Done { done: "flushed".to_owned() }))
}

/// Where the agent's list and the table differ. An agent that does not answer has no list to compare.
fn conflicts(control: &mut Control, now: Instant) -> Result<Vec<FdbConflict>, Problem> {
    // What the agent is about to hear is no conflict.
    control.poll(now);
    match control.switch.agent_state(AgentKind::Learning) {
        Some(AgentState::Running | AgentState::Slow) => Ok(control.switch.check_fdb(now)),
        _ => {
            let refused = greylag_switch::Refused::AgentDown { agent: AgentKind::Learning };
            Err(Problem::new(StatusCode::CONFLICT, refused.to_string()))
        }
    }
}

/// What the switch would do with a frame.
async fn trace(State(running): Shared, body: Body) -> Result<Json<TraceRow>, Problem> {
    let question: TraceRequest = json(body)?;
    let (control, now) = running.control();
    control.switch.trace(now, &question).map(Json).map_err(|wrong| Problem::request(wrong.to_string()))
}

async fn check(State(running): Shared) -> Result<Json<FdbCheck>, Problem> {
    let (mut control, now) = running.control();
    Ok(Json(FdbCheck { conflicts: conflicts(&mut control, now)?, remaining: None }))
}

async fn repair(State(running): Shared) -> Result<Json<FdbCheck>, Problem> {
    let (mut control, now) = running.control();
    let conflicts = conflicts(&mut control, now)?;
    control.tell(now, Input::CheckFdb { repair: true })?;
    let remaining = Some(control.switch.check_fdb(now));
    Ok(Json(FdbCheck { conflicts, remaining }))
}
