//! Asking a running switch over its control socket.

use http_body_util::{BodyExt, Full};
use hyper::Method;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a switch gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no switch answers on {path}: {source}")]
    Connect {
        /// The control socket.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The conversation broke off.
    #[error("the switch on {path} did not answer: {reason}")]
    Http {
        /// The control socket.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// It said no.
    #[error("{0}")]
    Refused(String),
}

/// The JSON that a switch gives for `resource`, for example `/v1/fdb`.
///
/// # Errors
/// When no switch listens on `socket`, the conversation breaks off, or the switch refuses.
pub fn get(socket: &Path, resource: &str) -> Result<Value, ClientError> {
    request(socket, Method::GET, resource, String::new())
}

/// Orders something: the JSON that a switch gives for it.
///
/// # Errors
/// Those of [`get`].
pub fn post(socket: &Path, resource: &str, body: impl Into<String>) -> Result<Value, ClientError> {
    request(socket, Method::POST, resource, body.into())
}

/// Orders something whose answer goes on for a while, and has somebody look at each of its lines, as they come, until they say that it is
/// enough.
///
/// # Errors
/// Those of [`get`].
pub fn follow(
    socket: &Path,
    resource: &str,
    body: String,
    mut line: impl FnMut(&[u8]) -> bool,
) -> Result<(), ClientError> {
    let broken = |reason: &dyn std::fmt::Display| ClientError::Http {
        path: socket.into(),
        reason: reason.to_string(),
    };
    runtime().map_err(|e| broken(&e))?.block_on(async {
        let response = send(socket, Method::POST, resource, body).await?;
        if !response.status().is_success() {
            let body = response.into_body().collect().await.map_err(|e| broken(&e))?.to_bytes();
            return Err(refused(&serde_json::from_slice(&body).map_err(|e| broken(&e))?));
        }
        let (mut body, mut rest) = (response.into_body(), Vec::new());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|e| broken(&e))?.into_data() else { continue };
            rest.extend_from_slice(&data);
            while let Some(end) = rest.iter().position(|&octet| octet == b'\n') {
                let next = rest.split_off(end + 1);
                if !line(&rest[..end]) {
                    return Ok(());
                }
                rest = next;
            }
        }
        Ok(())
    })
}

/// A resource with parameters that may have any letters in them.
pub fn with_parameters(resource: &str, parameters: &[(&str, &str)]) -> String {
    let mut text = resource.to_owned();
    for (index, (name, value)) in parameters.iter().enumerate() {
        text += if index == 0 { "?" } else { "&" };
        text += name;
        text.push('=');
        for byte in value.bytes() {
            // RFC 3986 2.3.
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(byte.into()),
                _ => text += &format!("%{byte:02X}"),
            }
        }
    }
    text
}

fn request(socket: &Path, method: Method, resource: &str, body: String) -> Result<Value, ClientError> {
    let broken = |reason: &dyn std::fmt::Display| ClientError::Http {
        path: socket.into(),
        reason: reason.to_string(),
    };
    runtime().map_err(|e| broken(&e))?.block_on(exchange(socket, method, resource, body))
}

async fn exchange(socket: &Path, method: Method, resource: &str, body: String) -> Result<Value, ClientError> {
    let broken = |reason: &dyn std::fmt::Display| ClientError::Http {
        path: socket.into(),
        reason: reason.to_string(),
    };
    let response = send(socket, method, resource, body).await?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|e| broken(&e))?.to_bytes();
    let value: Value = serde_json::from_slice(&body).map_err(|e| broken(&e))?;
    if status.is_success() { Ok(value) } else { Err(refused(&value)) }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn refused(answer: &Value) -> ClientError {
    let reason = answer["error"].as_str().unwrap_or("the switch refused without a reason");
    ClientError::Refused(reason.to_owned())
}

/// Sends a request, and gives the head of its answer.
async fn send(
    socket: &Path,
    method: Method,
    resource: &str,
    body: String,
) -> Result<hyper::Response<hyper::body::Incoming>, ClientError> {
    let broken = |reason: &dyn std::fmt::Display| ClientError::Http {
        path: socket.into(),
        reason: reason.to_string(),
    };
    let stream = tokio::net::UnixStream::connect(socket)
        .await
        .map_err(|source| ClientError::Connect { path: socket.into(), source })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
    let request = hyper::Request::builder()
        .method(method)
        .uri(resource)
        .header("host", "greylag")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| broken(&e))?;
    // The connection is driven beside the request; it ends with the runtime.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|e| broken(&e))
}

/// The answer for `resource` as a value.
///
/// # Errors
/// Those of [`get`], and when the answer has another shape.
pub fn ask<T: DeserializeOwned>(socket: &Path, resource: &str) -> Result<T, ClientError> {
    understand(socket, get(socket, resource)?)
}

/// As [`ask`], of a switch that may not be scheduled.
///
/// # Errors
/// Those of [`ask`], and when there is no answer in that time.
pub fn ask_within<T: DeserializeOwned>(
    socket: &Path,
    resource: &str,
    patience: Duration,
) -> Result<T, ClientError> {
    let broken = |reason: String| ClientError::Http { path: socket.into(), reason };
    let answer = runtime().map_err(|e| broken(e.to_string()))?.block_on(async {
        let exchange = exchange(socket, Method::GET, resource, String::new());
        tokio::time::timeout(patience, exchange).await
    });
    understand(socket, answer.map_err(|_| broken(format!("nothing within {patience:?}")))??)
}

/// The answer to an order as a value.
///
/// # Errors
/// Those of [`post`], and when the answer has another shape.
pub fn order<T: DeserializeOwned>(
    socket: &Path,
    resource: &str,
    body: impl Into<String>,
) -> Result<T, ClientError> {
    understand(socket, post(socket, resource, body)?)
}

fn understand<T: DeserializeOwned>(socket: &Path, answer: Value) -> Result<T, ClientError> {
    serde_json::from_value(answer).map_err(|error| ClientError::Http {
        path: socket.into(),
        reason: format!("its answer has another shape than expected: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_may_have_any_letters() {
        let parameters = [("path", "a b/ü.yml"), ("author", "ops&co")];
        assert_eq!(with_parameters("/v1/x", &parameters), "/v1/x?path=a%20b%2F%C3%BC.yml&author=ops%26co");
        assert_eq!(with_parameters("/v1/x", &[]), "/v1/x");
    }

    #[test]
    fn a_switch_that_does_not_answer_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("switch.sock");
        let _stopped = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let answer = ask_within::<Value>(&socket, "/v1/ports", Duration::from_millis(10));
        assert!(answer.unwrap_err().to_string().contains("did not answer: nothing within 10ms"));
    }
}
