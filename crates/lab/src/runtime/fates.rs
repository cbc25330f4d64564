//! `/v1/watch`: frames that pass the workers, and what becomes of them, line by line.

use super::Running;
use super::orders::{Body, json};
use super::problem::Problem;
use super::rows::Shared;
use super::tap::{Look, Sighting, Way};
use super::watching::{Watch, begin, port_name, write_line};
use crate::answer::{Sent, Watched};
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::post;
use greylag_base::DropReason;
use greylag_dataplane::Rehearsed;
use greylag_switch::{Octets, Switch};
use serde::Deserialize;
use std::sync::Arc;

/// Frames that are told in one piece.
const PIECE: usize = 256;

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

async fn watch(State(running): Shared, body: Body) -> Result<impl IntoResponse, Problem> {
    let Question { filter, port, count } = json(body)?;
    let watch = begin(running, Look::Fates, &filter, port.as_deref())?;
    let mut left = count.unwrap_or(u64::MAX);
    Ok(watch.answer(move |watch, _| (left > 0).then(|| lines(watch, &mut left))))
}

/// What was seen since the last look, as far as it is wanted.
fn lines(watch: &Watch, left: &mut u64) -> Vec<u8> {
    let mut lines = Vec::new();
    let most = usize::try_from(*left).unwrap_or(PIECE).min(PIECE);
    let (control, _) = watch.running.control();
    for sighting in std::iter::from_fn(|| watch.watcher.next()).take(most) {
        *left -= 1;
        write_line(&row(watch, &control.switch, &sighting), &mut lines);
        watch.watcher.done(sighting);
    }
    lines
}

fn row(watch: &Watch, switch: &Switch, sighting: &Sighting) -> Watched {
    let what = Rehearsed {
        decision: sighting.decision,
        seen: sighting.seen,
        choice: sighting.choice,
        sent: Vec::new(),
    };
    let mut row = switch.traced(sighting.port, sighting.worker, sighting.octets(), what);
    let mut left_by = Vec::new();
    for &(port, way) in sighting.copies() {
        let port = port_name(switch, port);
        let (taken, reason) = match way {
            Way::Refused(reason) => (false, reason),
            Way::Dropped(reason) => (false, Some(reason)),
            Way::In | Way::Out => (true, None),
        };
        let reason = reason.map(DropReason::name);
        row.steps.push(match (taken, reason) {
            (true, _) => format!("leaves by {port}"),
            (false, Some(reason)) => format!("does not leave by {port}: {reason}"),
            (false, None) => format!("does not leave by {port}, which does not take it"),
        });
        left_by.push(Sent { port, taken, reason: reason.map(str::to_owned) });
    }
    Watched {
        time: watch.running.clock.date(sighting.at),
        length: sighting.length,
        frame: Octets(sighting.octets().to_vec()),
        left_by,
        lost: watch.watcher.lost(),
        row,
    }
}
