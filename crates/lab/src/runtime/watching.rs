//! What all who watch have in common: one at a time, told in lines of JSON, as frames pass, until they leave.

use super::Running;
use super::problem::Problem;
use super::tap::{Look, Watcher};
use crate::filter::Filter;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use greylag_base::PortId;
use greylag_switch::Switch;
use hyper::body::Frame;
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior};

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Has the workers tell, where what is asked for is right and nobody watches.
pub(super) fn begin(
    running: Arc<Running>,
    look: Look,
    filter: &str,
    port: Option<&str>,
) -> Result<Watch, Problem> {
    let filter: Filter = filter.parse().map_err(|wrong| Problem::request(format!("{wrong}")))?;
    let (port, ports) = {
        let (control, _) = running.control();
        let switch = &control.switch;
        (port.map(|name| port_called(switch, name)).transpose()?, switch.ports().len())
    };
    let watcher = running.tap.watch(look, filter, port, ports).ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "somebody watches this switch already: one at a time")
    })?;
    Ok(Watch { running, watcher })
}

fn port_called(switch: &Switch, name: &str) -> Result<PortId, Problem> {
    switch.config().port(name).map(|(id, _)| id).ok_or_else(|| {
        let there: Vec<&str> = switch.config().ports.iter().map(|port| port.name.as_str()).collect();
        Problem::request(format!("there is no port `{name}`: expected one of {}", there.join(", ")))
    })
}

/// What a port is called; nothing, where a commit has taken it away since.
pub(super) fn port_name(switch: &Switch, port: PortId) -> String {
    switch.ports().get(port.index()).map_or_else(String::new, |port| port.config().name.to_string())
}

/// Somebody watches for as long as this is there.
pub(super) struct Watch {
    pub(super) running: Arc<Running>,
    pub(super) watcher: Arc<Watcher>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.running.tap.leave();
    }
}

impl Watch {
    /// The answer, for as long as somebody reads it. `tell` is asked whenever something may be new, and at every look, of which its
    /// argument says that this is one: it gives lines, none if there is nothing to tell, and `None` when enough is told.
    pub(super) fn answer(
        self,
        tell: impl FnMut(&Watch, bool) -> Option<Vec<u8>> + Send + Unpin + 'static,
    ) -> impl IntoResponse {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lines = Lines { watch: self, look, is_look: false, tell };
        ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::new(lines))
    }
}

/// The body of an answer that goes on.
struct Lines<T> {
    watch: Watch,
    look: Interval,
    is_look: bool,
    tell: T,
}

impl<T: FnMut(&Watch, bool) -> Option<Vec<u8>> + Unpin> hyper::body::Body for Lines<T> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            let Lines { watch, is_look, tell, .. } = &mut *self;
            match tell(watch, std::mem::take(is_look)) {
                None => return Poll::Ready(None),
                Some(lines) if !lines.is_empty() => return Poll::Ready(Some(Ok(Frame::data(lines.into())))),
                Some(_) => {}
            }
            // Looked for more seldom while there is nothing, so that what comes is told by the handful.
            ready!(self.look.poll_tick(context));
            self.is_look = true;
        }
    }
}

/// Adds a line.
pub(super) fn write_line(line: &impl Serialize, lines: &mut Vec<u8>) {
    serde_json::to_writer(&mut *lines, line).expect("plain values can be written as JSON");
    lines.push(b'\n');
}
