//! What the control socket says of layer 3: routes and the FIB page by page, sessions with times of day, the two checks.

use super::Running;
use super::control::Control;
use super::problem::Problem;
use super::rows::{Shared, rows};
use crate::answer::{self, FibCheck, MOST_PREFIXES, PathCheck};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use greylag_base::Instant;
use greylag_scenario::parse_prefix;
use greylag_switch::agent::{AgentKind, AgentState};
use greylag_switch::show::{BgpPathRow, FibRow, NextHopGroupRow, RouteRow, Which};
use greylag_switch::{Input, Switch};
use ipnet::IpNet;
use serde::Deserialize;
use std::sync::{Arc, MutexGuard};

pub(super) fn routes() -> Router<Arc<Running>> {
    Router::new()
        .route("/v1/interfaces", get(interfaces))
        .route("/v1/routes", get(rib))
        .route("/v1/fib", get(fib))
        .route("/v1/nexthop-groups", get(groups))
        .route("/v1/neighbors", get(neighbors))
        .route("/v1/bfd", get(bfd))
        .route("/v1/bgp", get(bgp))
        .route("/v1/bgp/routes", get(bgp_routes))
        .route("/v1/link-state", get(link_state))
        .route("/v1/check/fib", get(check_fib).post(repair_fib))
        .route("/v1/check/paths", get(paths).post(check_paths))
}

async fn interfaces(State(running): Shared) -> Json<Vec<answer::Interface>> {
    let clock = running.clock;
    let dated =
        |row: greylag_switch::show::InterfaceRow| answer::Interface { since: clock.date(row.since_ns), row };
    rows(running, |switch, _| switch.interface_rows().into_iter().map(dated).collect()).await
}

async fn neighbors(State(running): Shared) -> Json<Vec<answer::Neighbor>> {
    let clock = running.clock;
    let dated =
        |row: greylag_switch::show::NeighborRow| answer::Neighbor { since: clock.date(row.since_ns), row };
    rows(running, |switch, now| switch.neighbor_rows(now).into_iter().map(dated).collect()).await
}

async fn groups(State(running): Shared) -> Json<Vec<NextHopGroupRow>> {
    rows(running, |switch, _| switch.next_hop_group_rows()).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteQuery {
    /// Only prefixes in this one.
    within: Option<String>,
    /// Only the longest prefix that this address is in.
    to: Option<String>,
    /// Only prefixes behind this one.
    after: Option<String>,
    /// So many prefixes at the most.
    limit: Option<usize>,
}

/// The rows of so many prefixes.
async fn page<T: serde::Serialize>(
    running: Arc<Running>,
    query: Result<Query<RouteQuery>, QueryRejection>,
    ask: impl FnOnce(&Switch, Which, Option<IpNet>, usize) -> Vec<T>,
) -> Result<Json<Vec<T>>, Problem> {
    let Query(query) = query?;
    let wrong = |key: &'static str| move |wrong: String| Problem::request(format!("{key}: {wrong}"));
    let within = query.within.as_deref().map(parse_prefix).transpose().map_err(wrong("within"))?;
    let after = query.after.as_deref().map(parse_prefix).transpose().map_err(wrong("after"))?;
    let which = match (within, query.to) {
        (Some(_), Some(_)) => return Err(Problem::request("expected one of `within` and `to`, not both")),
        (Some(within), None) => Which::Within(within),
        (None, Some(to)) => Which::To(to.parse().map_err(|_| {
            Problem::request(format!(
                "to: `{to}` is no address: expected one such as 10.0.0.1 or 2001:db8::1"
            ))
        })?),
        (None, None) => Which::All,
    };
    let limit = query.limit.unwrap_or(MOST_PREFIXES);
    if !(1..=MOST_PREFIXES).contains(&limit) {
        return Err(Problem::request(format!(
            "limit: {limit} is out of range: expected 1 to {MOST_PREFIXES}, and `after` for what comes behind"
        )));
    }
    Ok(rows(running, |switch, _| ask(switch, which, after, limit)).await)
}

async fn rib(
    State(running): Shared,
    query: Result<Query<RouteQuery>, QueryRejection>,
) -> Result<Json<Vec<RouteRow>>, Problem> {
    page(running, query, Switch::route_rows).await
}

async fn fib(
    State(running): Shared,
    query: Result<Query<RouteQuery>, QueryRejection>,
) -> Result<Json<Vec<FibRow>>, Problem> {
    page(running, query, Switch::fib_rows).await
}

async fn bgp_routes(
    State(running): Shared,
    query: Result<Query<RouteQuery>, QueryRejection>,
) -> Result<Json<Vec<BgpPathRow>>, Problem> {
    alive(&running, AgentKind::Routing)?;
    page(running, query, Switch::bgp_path_rows).await
}

/// What an agent knows is gone with it.
pub(super) fn alive(running: &Running, agent: AgentKind) -> Result<(), Problem> {
    let state = running.control().0.switch.agent_state(agent);
    match state {
        None | Some(AgentState::Running | AgentState::Hung | AgentState::Slow) => Ok(()),
        Some(AgentState::Dumping | AgentState::Restarting | AgentState::Failed) => Err(Problem::new(
            StatusCode::CONFLICT,
            format!(
                "the {} agent does not run, and what it knew of its peers went with it: /v1/agents says how it is, /v1/fib what the \
                 data plane still does",
                agent.name()
            ),
        )),
    }
}

async fn bfd(State(running): Shared) -> Result<Json<Vec<answer::Bfd>>, Problem> {
    alive(&running, AgentKind::Bfd)?;
    let clock = running.clock;
    let dated = |row: greylag_switch::show::BfdRow| answer::Bfd {
        last_change: clock.date(row.last_change),
        last_failure_time: row.last_failure_time.map(|at| clock.date(at)),
        row,
    };
    Ok(rows(running, |switch, _| switch.bfd_rows().into_iter().map(dated).collect()).await)
}

/// A list of the one speaker, or of none.
async fn bgp(State(running): Shared) -> Result<Json<Vec<answer::Bgp>>, Problem> {
    alive(&running, AgentKind::Routing)?;
    let clock = running.clock;
    let dated = |row: greylag_switch::show::BgpNeighborRow| answer::BgpNeighbor {
        last_change: clock.date(row.last_change),
        last_failure: row.last_failure.map(|at| clock.date(at)),
        row,
    };
    Ok(rows(running, |switch, _| switch.bgp_rows().into_iter().map(|row| row.map(dated)).collect()).await)
}

/// A list of the one router, or of none.
async fn link_state(State(running): Shared) -> Result<Json<Vec<answer::LinkState>>, Problem> {
    alive(&running, AgentKind::Routing)?;
    let clock = running.clock;
    let neighbor = |row: greylag_switch::show::LinkStateNeighborRow| answer::LinkStateNeighbor {
        since: clock.date(row.since),
        row,
    };
    let dated = |row: greylag_switch::show::LinkStateRow| answer::LinkState {
        spf_last: row.spf_last.map(|at| clock.date(at)),
        row: row.map(neighbor),
    };
    Ok(rows(running, |switch, now| switch.link_state_rows(now).into_iter().map(dated).collect()).await)
}

/// The control side of a switch that routes, brought up to date.
fn router(running: &Running) -> Result<(MutexGuard<'_, Control>, Instant), Problem> {
    let (mut control, now) = running.control();
    control.freshen(now);
    if control.switch.data_plane().routes().is_none() {
        let sentence = "this switch has no interface of layer 3: there is no route to be checked";
        return Err(Problem::new(StatusCode::CONFLICT, sentence));
    }
    Ok((control, now))
}

async fn check_fib(State(running): Shared) -> Result<Json<FibCheck>, Problem> {
    let (control, _) = router(&running)?;
    Ok(Json(FibCheck { conflicts: control.switch.compare_fib(), remaining: None }))
}

async fn repair_fib(State(running): Shared) -> Result<Json<FibCheck>, Problem> {
    let (mut control, now) = router(&running)?;
    let conflicts = control.switch.compare_fib();
    control.tell(now, Input::CheckFib { repair: true })?;
    Ok(Json(FibCheck { conflicts, remaining: Some(control.switch.compare_fib()) }))
}

async fn paths(State(running): Shared) -> Result<Json<PathCheck>, Problem> {
    let (control, _) = router(&running)?;
    Ok(Json(path_check(&control.switch)))
}

async fn check_paths(State(running): Shared) -> Result<Json<PathCheck>, Problem> {
    let (mut control, now) = router(&running)?;
    control.tell(now, Input::CheckPaths)?;
    Ok(Json(path_check(&control.switch)))
}

fn path_check(switch: &Switch) -> PathCheck {
    let (probes, over) = switch.path_probes();
    let silent = probes.iter().filter(|probe| probe.answered_by.is_none());
    let answered = probes.len() - silent.clone().count();
    let lost = silent.filter(|_| over).cloned().collect();
    PathCheck { over, probes: probes.len(), answered, lost }
}
