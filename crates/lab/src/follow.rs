//! Listening to a running switch for as long as it tells something, line by line.

use crate::client::ClientError;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

/// How often a listener asks itself whether it still wants to listen.
const LOOK_UP: Duration = Duration::from_millis(100);

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The switch, with its own end.
    Switch,
    /// The listener.
    Listener,
}

/// Why a listener hears nothing more.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// No switch answers, or it refuses.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What was heard could not be passed on.
    #[error(transparent)]
    Line(#[from] io::Error),
}

/// Gives each line that a switch tells for `resource`, without its end, to `line`, until the switch ends or `goes_on` says no: it is asked
/// a few times a second.
///
/// # Errors
/// When no switch listens on `socket`, it refuses, or `line` fails.
pub fn follow(
    socket: &Path,
    resource: &str,
    mut goes_on: impl FnMut() -> bool,
    mut line: impl FnMut(&str) -> io::Result<()>,
) -> Result<End, FollowError> {
    let broken = |reason: &dyn std::fmt::Display| ClientError::Http {
        path: socket.into(),
        reason: reason.to_string(),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| broken(&error))?;
    runtime.block_on(async {
        let mut look_up = tokio::time::interval(LOOK_UP);
        let opening = async {
            let stream = tokio::net::UnixStream::connect(socket)
                .await
                .map_err(|source| ClientError::Connect { path: socket.into(), source })?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
            tokio::spawn(connection);
            let request = hyper::Request::get(resource).header("host", "greylag");
            let request = request.body(Empty::<Bytes>::new()).map_err(|error| broken(&error))?;
            let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
            // The connection lasts as long as whoever may send on it.
            Ok::<_, ClientError>((sender, response))
        };
        tokio::pin!(opening);
        // A switch that is just starting takes connections, and answers a little later.
        let (_sender, response) = loop {
            tokio::select! {
                opened = &mut opening => break opened?,
                _ = look_up.tick() => {
                    if !goes_on() {
                        return Ok(End::Listener);
                    }
                }
            }
        };
        let status = response.status();
        let mut body = response.into_body();
        if !status.is_success() {
            let answer = body.collect().await.map_err(|error| broken(&error))?.to_bytes();
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
            let reason = answer["error"].as_str().unwrap_or("the switch refused without a reason");
            return Err(ClientError::Refused(reason.to_owned()).into());
        }
        let mut heard = Vec::new();
        loop {
            tokio::select! {
                frame = body.frame() => {
                    // A switch that ends, however it does, ends in the middle of its answer.
                    let Some(Ok(frame)) = frame else { return Ok(End::Switch) };
                    let Some(data) = frame.data_ref() else { continue };
                    heard.extend_from_slice(data);
                    while let Some(end) = heard.iter().position(|&octet| octet == b'\n') {
                        let rest = heard.split_off(end + 1);
                        line(String::from_utf8_lossy(&heard[..end]).as_ref())?;
                        heard = rest;
                    }
                }
                _ = look_up.tick() => {
                    if !goes_on() {
                        return Ok(End::Listener);
                    }
                }
            }
        }
    })
}

/// Nobody reads any more what is written here: a pipe whose other end is closed.
pub fn has_no_reader(out: impl AsFd) -> bool {
    let mut fds = [PollFd::new(&out, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now)).is_ok() && fds[0].revents().contains(PollFlags::ERR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_without_a_reader_is_told_from_one_with() {
        let (reader, writer) = std::io::pipe().unwrap();
        assert!(!has_no_reader(&writer));
        drop(reader);
        assert!(has_no_reader(&writer));
    }
}
