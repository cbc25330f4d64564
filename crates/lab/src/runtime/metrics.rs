//! `/metrics`: on the control socket, and where scrapers are to find it.

use super::rows::Shared;
use super::{RunError, Running, effort, problem};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::get;
use greylag_base::Instant;
use greylag_switch::show::Exposition;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::SystemTime;

pub(super) fn routes() -> Router<Arc<Running>> {
    Router::new().route("/metrics", get(metrics))
}

/// Takes the address that scrapers are to ask.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    let listen = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|source| RunError::MetricsListen { address, source })
}

/// Answers scrapers, and nobody else: what can be asked or ordered besides needs the control socket.
pub(super) async fn serve(listener: TcpListener, running: Arc<Running>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let routes = routes().fallback(problem::only_metrics).method_not_allowed_fallback(problem::wrong_method);
    axum::serve(listener, routes.with_state(running)).await
}

async fn metrics(State(running): Shared, headers: HeaderMap) -> impl IntoResponse {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let exposition = Exposition::of_accept(accepted);
    let clock = running.clock;
    let seconds = |at: Instant| {
        clock.wall(at).duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
    };
    let (mut metrics, watched) = {
        let (mut control, now) = running.control();
        control.freshen(now);
        let plane = control.switch.data_plane();
        let watched: Vec<u64> = (0..running.efforts.len()).map(|worker| plane.told_batches(worker)).collect();
        (control.switch.metrics(now, &seconds), watched)
    };
    effort::measure(&running.efforts, &watched, &mut metrics);
    ([(header::CONTENT_TYPE, exposition.content_type())], exposition.render(&metrics))
}
