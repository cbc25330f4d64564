//! Events as they happen, one JSON object a line, for as long as somebody listens.

use super::Running;
use super::rows::DatedEvent;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use http_body_util::channel::{Channel, Sender};
use hyper::body::Bytes;
use std::convert::Infallible;
use std::sync::Arc;

/// Lines that go to a listener at once.
const CHUNK: usize = 1024;

/// The events behind a sequence number, and then those that happen. When the switch is started anew by its watchdog, its log begins
/// anew, and so does this.
pub(super) fn follow(running: Arc<Running>, after: u64) -> Response {
    let (sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(tell(running, after, sender));
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::new(body)).into_response()
}

async fn tell(running: Arc<Running>, mut after: u64, mut sender: Sender<Bytes, Infallible>) {
    let mut life = running.control().0.lives;
    loop {
        // Before the look, so that nothing is missed between the two.
        let told = running.told.notified();
        tokio::pin!(told);
        told.as_mut().enable();
        let lines = lines(&running, &mut life, &mut after);
        if lines.is_empty() {
            told.await;
        } else if sender.send_data(lines.into()).await.is_err() {
            return;
        }
    }
}

/// The next lines, as many as one chunk has.
fn lines(running: &Running, life: &mut u32, after: &mut u64) -> Vec<u8> {
    let (control, _) = running.control();
    if control.lives != *life {
        (*life, *after) = (control.lives, 0);
    }
    let mut lines = Vec::new();
    for record in control.switch.events().after(*after).take(CHUNK) {
        serde_json::to_writer(&mut lines, &DatedEvent::new(running.clock, record)).expect("memory takes it");
        lines.push(b'\n');
        *after = record.sequence;
    }
    lines
}
