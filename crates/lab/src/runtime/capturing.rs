//! `/v1/capture`: what comes in and every copy that leaves, whole, line by line.

use super::Running;
use super::problem::Problem;
use super::rows::Shared;
use super::tap::{Look, Sighting, Watcher, Way};
use super::watching::begin;
use crate::answer::{CaptureLine, CaptureLoss, CaptureProgress, CapturedCopy, CapturedSwitch};
use crate::machine_clock;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use greylag_base::{DropReason, Instant, PortId};
use greylag_dataplane::{Decision, stage_of};
use greylag_switch::config::Attachment;
use greylag_switch::{Octets, Port, Switch};
use hyper::body::Frame;
use serde::Deserialize;
use std::convert::Infallible;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior};

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A worker tells of a batch when it is through with it; longer than it ever needs for one, even if it is kept from running meanwhile.
const LATENESS: Duration = Duration::from_millis(50);

/// Frames that are told in one piece.
const PIECE: usize = 256;

/// Octets that may be kept of a frame: a header at least, and no more than some jumbo frame.
const SNAP_LENGTHS: RangeInclusive<usize> = 64..=16_384;

pub(super) fn routes() -> Router<Arc<Running>> {
    Router::new().route("/v1/capture", post(capture))
}

/// What is to be seen.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Question {
    filter: String,
    /// Only what comes in or leaves there.
    port: Option<String>,
    snap_length: usize,
}

impl Default for Question {
    fn default() -> Self {
        Question { filter: String::new(), port: None, snap_length: 2_048 }
    }
}

async fn capture(
    State(running): Shared,
    body: Result<String, StringRejection>,
) -> Result<impl IntoResponse, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    let body = if body.trim().is_empty() { "{}" } else { &body };
    let Question { filter, port, snap_length } = serde_json::from_str(body)
        .map_err(|error| Problem::request(format!("the body is not right: {error}")))?;
    if !SNAP_LENGTHS.contains(&snap_length) {
        let (least, most) = (SNAP_LENGTHS.start(), SNAP_LENGTHS.end());
        return Err(Problem::request(format!(
            "{snap_length} octets of each frame cannot be kept: expected {least} to {most}"
        )));
    }
    let watcher = begin(&running, Look::Frames(snap_length), &filter, port.as_deref())?;
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let epoch = machine_clock::apart(machine_clock::monotonic, || running.clock.now().as_nanos());
    let head = {
        let (control, _) = running.control();
        CaptureLine::Switch(described(&control.switch))
    };
    let lines = Lines { running, watcher, look, head: Some(head), epoch };
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::new(lines)))
}

/// Whose frames these are. No frame leaves by a bundle itself.
fn described(switch: &Switch) -> CapturedSwitch {
    let ports = switch.ports().iter().map(Port::config);
    let ports = ports.filter(|port| !matches!(port.attachment, Attachment::Lag(_)));
    CapturedSwitch {
        name: switch.config().name.clone(),
        ports: ports.map(|port| port.name.to_string()).collect(),
    }
}

/// The answer, which goes on until nobody reads it any more.
struct Lines {
    running: Arc<Running>,
    watcher: Arc<Watcher>,
    look: Interval,
    /// The first line, until it is told.
    head: Option<CaptureLine>,
    /// What the machine's monotonic clock said when the switch's began.
    epoch: u64,
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
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(text(&[head]).into()))));
        }
        // Looked for more seldom while there is nothing, so that what comes is told by the handful.
        if self.watcher.is_empty() && self.look.poll_tick(context).is_pending() {
            return Poll::Pending;
        }
        let lines = self.lines();
        Poll::Ready(Some(Ok(Frame::data(text(&lines).into()))))
    }
}

impl Lines {
    /// What was seen since the last look, and until when it is complete.
    fn lines(&self) -> Vec<CaptureLine> {
        let mut complete = self.running.clock.now();
        let mut lines = Vec::new();
        let (control, _) = self.running.control();
        while let Some(sighting) = self.watcher.next() {
            let copy = self.copy(&control.switch, &sighting);
            let at = sighting.at;
            self.watcher.done(sighting);
            lines.push(CaptureLine::Frame(copy));
            if lines.len() == PIECE {
                // Those that wait still are younger, but for what `LATENESS` allows for.
                complete = at;
                break;
            }
        }
        let name = |port| port_name(&control.switch, port);
        let lost = self.watcher.lost_by_port().filter(|(_, lost)| *lost != [0, 0]);
        lines.push(CaptureLine::Until(CaptureProgress {
            at: self.at(complete).saturating_sub(LATENESS.as_nanos() as u64),
            lost: lost.map(|(port, [came, left])| CaptureLoss { port: name(port), came, left }).collect(),
        }));
        lines
    }

    fn at(&self, instant: Instant) -> u64 {
        self.epoch + instant.as_nanos()
    }

    fn copy(&self, switch: &Switch, sighting: &Sighting) -> CapturedCopy {
        CapturedCopy {
            at: self.at(sighting.at),
            port: port_name(switch, sighting.port),
            leaves: sighting.way != Way::In,
            length: sighting.length,
            frame: Octets(sighting.octets().to_vec()),
            comment: comment(switch, sighting),
        }
    }
}

fn text(lines: &[CaptureLine]) -> Vec<u8> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line).expect("plain values can be written as JSON");
        text.push(b'\n');
    }
    text
}

fn port_name(switch: &Switch, port: PortId) -> String {
    switch.ports().get(port.index()).map_or_else(String::new, |port| port.config().name.to_string())
}

/// What is to be said of a frame that did not simply go its way.
fn comment(switch: &Switch, sighting: &Sighting) -> Option<String> {
    let because =
        |reason: DropReason, what: &str| format!("{}: {what}. {}", reason.name(), reason.description());
    let port = || port_name(switch, sighting.port);
    match (sighting.way, sighting.decision) {
        (Way::In, Some(Decision::Dropped(reason))) => {
            Some(because(reason, &format!("dropped in stage {}", stage_of(reason))))
        }
        (Way::In, Some(Decision::Forwarded(to) | Decision::Routed { port: to, .. }))
            if sighting.sent().is_empty() =>
        {
            let to = port_name(switch, to);
            Some(format!(
                "egress-mtu or egress-down: dropped in stage egress. {to} is down, or the frame is too long for it."
            ))
        }
        (Way::Refused(Some(reason)), _) => {
            Some(because(reason, &format!("dropped in stage egress, {} did not take it", port())))
        }
        (Way::Refused(None), _) => Some(format!("dropped in stage egress, {} did not take it", port())),
        (Way::Out, _) if sighting.is_own => Some("sent by the switch itself".to_owned()),
        (Way::In | Way::Out, _) => None,
    }
}
