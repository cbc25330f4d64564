//! Asking a running switch over its control socket.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use std::io;
use std::path::{Path, PathBuf};

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
pub fn get(socket: &Path, resource: &str) -> Result<serde_json::Value, ClientError> {
    let broken = |reason: &dyn std::fmt::Display| ClientError::Http {
        path: socket.into(),
        reason: reason.to_string(),
    };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| broken(&e))?;
    runtime.block_on(async {
        let stream = tokio::net::UnixStream::connect(socket)
            .await
            .map_err(|source| ClientError::Connect { path: socket.into(), source })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
        let request = hyper::Request::get(resource)
            .header("host", "greylag")
            .body(Empty::<Bytes>::new())
            .map_err(|e| broken(&e))?;
        // The connection is driven beside the request; it ends with the runtime.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|e| broken(&e))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|e| broken(&e))?.to_bytes();
        let value: serde_json::Value = serde_json::from_slice(&body).map_err(|e| broken(&e))?;
        if status.is_success() {
            return Ok(value);
        }
        let reason = value["error"].as_str().unwrap_or("the switch refused without a reason");
        Err(ClientError::Refused(reason.to_owned()))
    })
}

/// The answer for `resource` as a value.
///
/// # Errors
/// Those of [`get`], and when the answer has another shape.
pub fn ask<T: serde::de::DeserializeOwned>(socket: &Path, resource: &str) -> Result<T, ClientError> {
    serde_json::from_value(get(socket, resource)?).map_err(|error| ClientError::Http {
        path: socket.into(),
        reason: format!("its answer has another shape than expected: {error}"),
    })
}
