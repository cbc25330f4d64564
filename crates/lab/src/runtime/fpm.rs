//! The connection from FRR's zebra: what it sends is handed to the switch, as fast as that takes it.

use super::Running;
use super::control::OrderError;
use greylag_switch::{FpmInput, Input, Octets};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// What is read in one go: the routes in it are settled together.
const READ: usize = 256 * 1024;

/// How long a routing agent that hangs is left alone.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Serves one zebra after the other.
pub(super) async fn serve(listener: TcpListener, running: Arc<Running>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        await_agent(&running, |_| true).await;
        tell(&running, FpmInput::Connected);
        match read(&stream, &running).await {
            Ok(()) => {}
            Err(error) => tracing::info!("the connection from zebra has ended: {error}"),
        }
        tell(&running, FpmInput::Closed);
    }
}

/// Reads until either end has had enough.
async fn read(stream: &TcpStream, running: &Running) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    while await_agent(running, |running| running.control().0.switch.has_fpm()).await {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(octets) => tell(running, FpmInput::Octets(Octets(buffer[..octets].to_vec()))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        // Others have something to do as well while a full table comes.
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Waits while nobody listens: zebra waits too, and loses nothing. `false` once the wait is in vain.
async fn await_agent(running: &Running, goes_on: impl Fn(&Running) -> bool) -> bool {
    while goes_on(running) {
        if running.control().0.switch.listens_to_fpm() {
            return true;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    false
}

fn tell(running: &Running, input: FpmInput) {
    let (mut control, now) = running.control();
    if let Err(OrderError::NotKept(error)) = control.tell(now, Input::Fpm(input)) {
        tracing::error!("the configuration cannot be kept: {error}");
    }
}
