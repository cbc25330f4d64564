//! `/v1/capture`: what comes in and every copy that leaves, whole, line by line.

use super::Running;
use super::orders::{Body, json};
use super::problem::Problem;
use super::rows::Shared;
use super::tap::{Look, Sighting, Way};
use super::watching::{Watch, begin, port_name, write_line};
use crate::answer::{CaptureLine, CaptureLoss, CaptureProgress, CapturedCopy, CapturedSwitch};
use crate::machine_clock;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::post;
use greylag_dataplane::{Decision, drop_comment};
use greylag_switch::config::Attachment;
use greylag_switch::{Octets, Port, Switch};
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

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

async fn capture(State(running): Shared, body: Body) -> Result<impl IntoResponse, Problem> {
    let Question { filter, port, snap_length } = json(body)?;
    if !SNAP_LENGTHS.contains(&snap_length) {
        let (least, most) = (SNAP_LENGTHS.start(), SNAP_LENGTHS.end());
        return Err(Problem::request(format!(
            "{snap_length} octets of each frame cannot be kept: expected {least} to {most}"
        )));
    }
    let watch = begin(running, Look::Frames(snap_length), &filter, port.as_deref())?;
    let clock = watch.running.clock;
    let epoch = machine_clock::apart(machine_clock::monotonic, || clock.now().as_nanos());
    let mut head = {
        let (control, _) = watch.running.control();
        Some(CaptureLine::Switch(described(&control.switch)))
    };
    Ok(watch.answer(move |watch, is_look| {
        let mut lines = Vec::new();
        if let Some(head) = head.take() {
            write_line(&head, &mut lines);
        } else if is_look || !watch.watcher.is_empty() {
            tell(watch, epoch, &mut lines);
        }
        Some(lines)
    }))
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

/// Tells what was seen since the last look, and until when that is complete. `epoch` is what the machine's monotonic clock said when the
/// switch's began.
fn tell(watch: &Watch, epoch: u64, lines: &mut Vec<u8>) {
    let Watch { running, watcher } = watch;
    let mut complete = running.clock.now();
    let (control, _) = running.control();
    let name = |port| port_name(&control.switch, port);
    for told in 1..=PIECE {
        let Some(sighting) = watcher.next() else { break };
        let copy = CapturedCopy {
            at: epoch + sighting.at.as_nanos(),
            port: name(sighting.port),
            leaves: sighting.way != Way::In,
            length: sighting.length,
            frame: Octets(sighting.octets().to_vec()),
            comment: comment(&control.switch, &sighting),
        };
        write_line(&CaptureLine::Frame(copy), lines);
        if told == PIECE {
            // Those that wait still are younger, but for what `LATENESS` allows for.
            complete = sighting.at;
        }
        watcher.done(sighting);
    }
    let lost = watcher.lost_by_port().filter(|(_, lost)| *lost != [0, 0]);
    let progress = CaptureProgress {
        at: (epoch + complete.as_nanos()).saturating_sub(LATENESS.as_nanos() as u64),
        lost: lost.map(|(port, [came, left])| CaptureLoss { port: name(port), came, left }).collect(),
    };
    write_line(&CaptureLine::Until(progress), lines);
}

/// What is to be said of a frame that did not simply go its way.
fn comment(switch: &Switch, sighting: &Sighting) -> Option<String> {
    let port = |port| port_name(switch, port);
    match (sighting.way, sighting.decision) {
        (Way::In, Some(Decision::Dropped(reason))) => Some(drop_comment(reason, "")),
        (Way::In, _) => {
            let mut gone = sighting.copies().iter().filter_map(|&(to, way)| match way {
                Way::Dropped(reason) => Some((to, reason)),
                Way::In | Way::Out | Way::Refused(_) => None,
            });
            let (to, reason) = gone.next()?;
            let others = match gone.count() {
                0 => String::new(),
                others => format!(", and {others} more"),
            };
            Some(drop_comment(reason, &format!(", the copy for {}{others}", port(to))))
        }
        (Way::Dropped(reason), _) => {
            Some(drop_comment(reason, &format!(", the copy for {}", port(sighting.port))))
        }
        (Way::Refused(Some(reason)), _) => {
            Some(drop_comment(reason, &format!(", {} did not take it", port(sighting.port))))
        }
        (Way::Refused(None), _) => {
            Some(format!("dropped in stage egress, {} did not take it", port(sighting.port)))
        }
        (Way::Out, _) if sighting.is_own => Some("sent by the switch itself".to_owned()),
        (Way::Out, _) => None,
    }
}
