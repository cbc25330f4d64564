//! The control socket: HTTP and JSON on a UNIX socket, so that `curl --unix-socket` works as well as `greylag show`.

use super::{POLL_INTERVAL, RunError, Running};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use greylag_switch::{EventRecord, Switch};
use rustix::process::{Pid, getppid};
use serde::{Deserialize, Serialize};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

/// The socket's file; removed when dropped.
pub(super) struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    /// The process whose end is ours, if there is one.
    parent: Option<Pid>,
}

impl ControlSocket {
    /// Takes the socket. One that a killed switch left behind is replaced; one that answers is in use.
    pub(super) fn bind(path: PathBuf, exit_with_parent: bool) -> Result<Self, RunError> {
        let parent = exit_with_parent.then(getppid).flatten();
        let failed = |what: String| move |source| RunError::ControlSocket(format!("{what}: {source}"));
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(failed(format!("cannot make the folder {}", folder.display())))?;
        }
        match UnixStream::connect(&path) {
            Ok(_) => {
                return Err(RunError::ControlSocket(format!(
                    "a switch runs already on the control socket {}: stop it, or give this one another name",
                    path.display()
                )));
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                std::fs::remove_file(&path)
                    .map_err(failed(format!("cannot remove the stale {}", path.display())))?;
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(&path)
            .map_err(failed(format!("cannot make the control socket {}", path.display())))?;
        Ok(ControlSocket { path, listener, parent })
    }

    /// Answers requests and takes in what the workers report, until a signal comes.
    pub(super) fn serve(self, running: &Arc<Running>, on_ready: impl FnOnce()) -> Result<(), RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| RunError::System { what: "cannot start the control side", source })?;
        let served = runtime.block_on(async {
            let mut interrupted = signal(SignalKind::interrupt())?;
            let mut terminated = signal(SignalKind::terminate())?;
            self.listener.set_nonblocking(true)?;
            let listener = tokio::net::UnixListener::from_std(self.listener.try_clone()?)?;
            let poll = async {
                let mut ticks = tokio::time::interval(POLL_INTERVAL);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                // Who loses its parent is given another one.
                while self.parent.is_none() || getppid() == self.parent {
                    ticks.tick().await;
                    running.switch().poll_workers(running.clock.now());
                }
            };
            on_ready();
            tokio::select! {
                served = axum::serve(listener, routes(Arc::clone(running))) => served,
                () = poll => Ok(()),
                _ = interrupted.recv() => Ok(()),
                _ = terminated.recv() => Ok(()),
            }
        });
        served.map_err(|source| RunError::System { what: "the control side stopped", source })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn routes(running: Arc<Running>) -> Router {
    Router::new()
        .route("/v1/fdb", get(|State(running): Shared| rows(running, Switch::fdb)))
        .route("/v1/vlans", get(|State(running): Shared| rows(running, Switch::vlans)))
        .route("/v1/ports", get(|State(running): Shared| rows(running, Switch::port_rows)))
        .route("/v1/drops", get(|State(running): Shared| rows(running, |switch, _| switch.drops())))
        .route("/v1/counters", get(|State(running): Shared| rows(running, Switch::counters)))
        .route("/v1/events", get(events))
        .fallback(unknown)
        .with_state(running)
}

type Shared = State<Arc<Running>>;

/// Answers from the switch as it is now, with everything that its workers have reported so far.
async fn rows<T: Serialize>(
    running: Arc<Running>,
    ask: impl FnOnce(&Switch, greylag_base::Instant) -> T,
) -> Json<T> {
    let now = running.clock.now();
    let mut switch = running.switch();
    switch.poll_workers(now);
    Json(ask(&switch, now))
}

#[derive(Deserialize)]
struct EventQuery {
    /// Only events behind this sequence number.
    #[serde(default)]
    after: u64,
}

/// An event with the time of day.
#[derive(Serialize)]
struct DatedEvent {
    time: String,
    #[serde(flatten)]
    record: EventRecord,
}

async fn events(State(running): Shared, Query(query): Query<EventQuery>) -> Json<Vec<DatedEvent>> {
    let clock = running.clock;
    rows(running, |switch, _| {
        let dated = |record: &EventRecord| DatedEvent {
            time: humantime::format_rfc3339_micros(clock.wall(record.at)).to_string(),
            record: record.clone(),
        };
        switch.events().after(query.after).map(dated).collect()
    })
    .await
}

async fn unknown(uri: axum::http::Uri) -> Response {
    #[derive(Serialize)]
    struct Problem {
        error: String,
    }
    let error = format!(
        "`{}` is not here: expected /v1/fdb, /v1/vlans, /v1/ports, /v1/drops, /v1/counters or /v1/events",
        uri.path()
    );
    (StatusCode::NOT_FOUND, Json(Problem { error })).into_response()
}
