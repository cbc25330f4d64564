//! The connection from FRR's zebra: what it sends is handed to the switch, as fast as that takes it, and what became of its routes goes back.

use super::Running;
use super::control::OrderError;
use greylag_switch::{FpmInput, Input, Octets};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// What is read in one go: the routes in it are settled together.
const READ: usize = 256 * 1024;

/// How long an agent that is busy or hangs is left alone.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Serves one zebra after the other.
pub(super) async fn serve(listener: TcpListener, running: Arc<Running>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        await_agent(&running, |_| true).await;
        tell(&running, FpmInput::Connected);
        match converse(&stream, &running).await {
            Ok(()) => {}
            Err(error) => tracing::info!("the connection from zebra has ended: {error}"),
        }
        tell(&running, FpmInput::Closed);
    }
}

/// Reads until either end has had enough, and writes what zebra may be told meanwhile. One that does not read is not waited for.
async fn converse(stream: &TcpStream, running: &Running) -> io::Result<()> {
    let mut buffer = vec![0; READ];
    let mut unsent = Vec::new();
    while await_agent(running, |running| running.control().0.switch.has_fpm()).await {
        if unsent.is_empty() {
            unsent = running.control().0.switch.poll_fpm().unwrap_or_default();
        }
        let interest =
            if unsent.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
        let ready = if unsent.is_empty() && running.control().0.switch.owes_fpm() {
            // The programming agent is not done yet.
            let Ok(ready) = tokio::time::timeout(LOOK_AGAIN, stream.ready(interest)).await else { continue };
            ready?
        } else {
            stream.ready(interest).await?
        };
        if ready.is_writable()
            && let Some(written) = unless_blocked(stream.try_write(&unsent))?
        {
            unsent.drain(..written);
        }
        if ready.is_readable() {
            match unless_blocked(stream.try_read(&mut buffer))? {
                Some(0) => return Ok(()),
                Some(octets) => tell(running, FpmInput::Octets(Octets(buffer[..octets].to_vec()))),
                None => {}
            }
        }
        // Others have something to do as well while a full table comes.
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn unless_blocked(done: io::Result<usize>) -> io::Result<Option<usize>> {
    match done {
        Ok(octets) => Ok(Some(octets)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
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
