//! `/v1/watch`: frames that pass the workers, line by line, as they come.

use super::Running;
use super::problem::Problem;
use super::rows::Shared;
use super::tap::{Look, Sighting, Watcher};
use crate::answer::{Sent, Watched};
use crate::filter::Filter;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use greylag_base::PortId;
use greylag_dataplane::Rehearsed;
use greylag_switch::{Octets, Switch};
use hyper::body::Frame;
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior};

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn routes() -> Router<Arc<Running>> {
    Router::new().route("/v1/watch", post(watch))
}

/// What is to be seen.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Question {
    filter: String,
    /// Only what comes in there.
    port: Option<String>,
    /// As many, and no more.
    count: Option<u64>,
}

async fn watch(
    State(running): Shared,
    body: Result<String, StringRejection>,
) -> Result<impl IntoResponse, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    let body = if body.trim().is_empty() { "{}" } else { &body };
    let Question { filter, port, count } = serde_json::from_str(body)
        .map_err(|error| Problem::request(format!("the body is not right: {error}")))?;
    let watcher = begin(&running, Look::Fates, &filter, port.as_deref())?;
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let lines = Lines { running, watcher, look, left: count.unwrap_or(u64::MAX) };
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::new(lines)))
}

/// Has the workers tell, where what is asked for is right and nobody watches.
pub(super) fn begin(
    running: &Running,
    look: Look,
    filter: &str,
    port: Option<&str>,
) -> Result<Arc<Watcher>, Problem> {
    let filter: Filter = filter.parse().map_err(|wrong| Problem::request(format!("{wrong}")))?;
    let (port, ports) = {
        let (control, _) = running.control();
        let switch = &control.switch;
        (port.map(|name| port_called(switch, name)).transpose()?, switch.ports().len())
    };
    running.tap.watch(look, filter, port, ports).ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "somebody watches this switch already: one at a time")
    })
}

fn port_called(switch: &Switch, name: &str) -> Result<PortId, Problem> {
    switch.config().port(name).map(|(id, _)| id).ok_or_else(|| {
        let there: Vec<&str> = switch.config().ports.iter().map(|port| port.name.as_str()).collect();
        Problem::request(format!("there is no port `{name}`: expected one of {}", there.join(", ")))
    })
}

/// The answer, which goes on until enough has been seen or nobody reads it any more.
struct Lines {
    running: Arc<Running>,
    watcher: Arc<Watcher>,
    look: Interval,
    left: u64,
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.running.tap.leave();
    }
}

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            let lines = self.lines();
            if !lines.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(lines.into()))));
            }
            if self.look.poll_tick(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Lines {
    /// What was seen since the last look, as far as it is wanted.
    fn lines(&mut self) -> Vec<u8> {
        let mut lines = Vec::new();
        while self.left > 0
            && let Some(sighting) = self.watcher.next()
        {
            self.left -= 1;
            let row = self.row(&sighting);
            self.watcher.done(sighting);
            serde_json::to_writer(&mut lines, &row).expect("plain values can be written as JSON");
            lines.push(b'\n');
        }
        lines
    }

    fn row(&self, sighting: &Sighting) -> Watched {
        let (control, _) = self.running.control();
        let switch = &control.switch;
        let name = |port: PortId| {
            let port = switch.config().ports.get(port.index());
            port.map_or_else(String::new, |port| port.name.to_string())
        };
        let what = Rehearsed {
            decision: sighting.decision,
            seen: sighting.seen,
            choice: sighting.choice,
            sent: Vec::new(),
        };
        let mut row = switch.traced(sighting.port, sighting.worker, sighting.octets(), what);
        let sent: Vec<Sent> =
            sighting.sent().iter().map(|&(port, taken)| Sent { port: name(port), taken }).collect();
        row.steps.extend(sent.iter().map(|sent| match sent.taken {
            true => format!("leaves by {}", sent.port),
            false => format!("leaves by {}, which does not take it", sent.port),
        }));
        Watched {
            time: self.running.clock.date(sighting.at),
            length: sighting.length,
            frame: Octets(sighting.octets().to_vec()),
            left_by: sent,
            lost: self.watcher.lost(),
            row,
        }
    }
}
