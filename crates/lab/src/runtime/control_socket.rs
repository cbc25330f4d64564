//! The control socket: HTTP and JSON on a UNIX socket, so that `curl --unix-socket` works as well as `greylag show`.

use super::signals::Signals;
use super::{POLL_INTERVAL, RunError, Running};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use greylag_base::Instant;
use greylag_switch::{EventRecord, Switch};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::time::MissedTickBehavior;

/// The socket's file; removed when dropped.
pub(super) struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    /// Its folder, where that was made for it.
    folder: Option<PathBuf>,
}

impl ControlSocket {
    /// Takes the socket. One that a killed switch left behind is replaced; one that answers is in use.
    pub(super) fn bind(path: PathBuf) -> Result<Self, RunError> {
        let failed =
            |what: String| move |source: io::Error| RunError::ControlSocket(format!("{what}: {source}"));
        let parent = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = (!parent.exists()).then(|| parent.to_owned());
        fs::create_dir_all(parent).map_err(failed(format!("cannot make the folder {}", parent.display())))?;
        let made = || failed(format!("cannot make the control socket {}", path.display()));
        // Two switches that start at the same time must not take each other's socket for a stale one.
        let lock = File::open(parent).map_err(made())?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|errno| made()(errno.into()))?;
        match fs::symlink_metadata(&path) {
            Err(_) => {}
            Ok(file) if !file.file_type().is_socket() => {
                return Err(RunError::ControlSocket(format!(
                    "{} is there and is no socket: expected a path for the control socket",
                    path.display()
                )));
            }
            Ok(_) if UnixStream::connect(&path).is_ok() => {
                return Err(RunError::ControlSocket(format!(
                    "a switch runs already on the control socket {}: stop it, or give this one another name",
                    path.display()
                )));
            }
            Ok(_) => fs::remove_file(&path).map_err(made())?,
        }
        let listener = UnixListener::bind(&path).map_err(made())?;
        Ok(ControlSocket { path, listener, folder })
    }

    /// Answers requests and takes in what the workers report, until a signal comes, the parent is gone, or a part
    /// of the switch has failed.
    pub(super) fn serve(
        &self,
        runtime: &Runtime,
        signals: &mut Signals,
        running: &Arc<Running>,
        on_ready: impl FnOnce(),
        goes_on: impl Fn() -> bool,
    ) -> io::Result<()> {
        runtime.block_on(async {
            self.listener.set_nonblocking(true)?;
            let listener = tokio::net::UnixListener::from_std(self.listener.try_clone()?)?;
            let poll = async {
                let mut ticks = tokio::time::interval(POLL_INTERVAL);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                while goes_on() {
                    ticks.tick().await;
                    running.switch().poll_workers(running.clock.now());
                }
            };
            on_ready();
            tokio::select! {
                served = axum::serve(listener, routes(Arc::clone(running))) => served,
                () = poll => Ok(()),
                () = signals.wait() => Ok(()),
            }
        })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        if let Some(folder) = &self.folder {
            // Only when it is empty.
            let _ = fs::remove_dir(folder);
        }
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
        .method_not_allowed_fallback(read_only)
        .with_state(running)
}

type Shared = State<Arc<Running>>;

/// Answers from the switch as it is now, with everything that its workers have reported so far.
async fn rows<T: Serialize>(running: Arc<Running>, ask: impl FnOnce(&Switch, Instant) -> T) -> Json<T> {
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

async fn events(
    State(running): Shared,
    query: Result<Query<EventQuery>, QueryRejection>,
) -> Result<Json<Vec<DatedEvent>>, Problem> {
    let Ok(Query(query)) = query else {
        let error = "`after` is no sequence number: expected one such as /v1/events?after=100";
        return Err(Problem(StatusCode::BAD_REQUEST, error.to_owned()));
    };
    let clock = running.clock;
    let dated = rows(running, |switch, _| {
        let dated = |record: &EventRecord| DatedEvent {
            time: humantime::format_rfc3339_micros(clock.wall(record.at)).to_string(),
            record: record.clone(),
        };
        switch.events().after(query.after).map(dated).collect()
    });
    Ok(dated.await)
}

/// Why there is no answer; JSON as the answers are.
struct Problem(StatusCode, String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, Json(BTreeMap::from([("error", self.1)]))).into_response()
    }
}

async fn unknown(uri: Uri) -> Problem {
    let error = format!(
        "`{}` is not here: expected /v1/fdb, /v1/vlans, /v1/ports, /v1/drops, /v1/counters or /v1/events",
        uri.path()
    );
    Problem(StatusCode::NOT_FOUND, error)
}

async fn read_only(method: Method) -> Problem {
    Problem(StatusCode::METHOD_NOT_ALLOWED, format!("`{method}` changes nothing here: expected GET"))
}
