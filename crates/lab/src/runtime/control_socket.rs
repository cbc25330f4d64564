//! The control socket: HTTP and JSON on a UNIX socket, so that `curl --unix-socket` works as well as `greylag show`.

use super::signals::Signals;
use super::{
    RunError, Running, capturing, fates, fpm, layer3, management, metrics, orders, pair, problem, rows,
};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The socket's file; removed when dropped.
pub(super) struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
    /// Its folder, where that was made for it.
    folder: Option<PathBuf>,
}

/// Who else is heard, beside the operator.
pub(super) struct Others {
    pub(super) zebra: Option<TcpListener>,
    pub(super) management: Option<UdpSocket>,
    pub(super) scrapers: Option<TcpListener>,
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

    /// Answers requests, hears zebra and the management network, and does what is due, until a signal comes, the parent is gone, or a part
    /// of the switch has failed.
    pub(super) fn serve(
        &self,
        runtime: &Runtime,
        signals: &mut Signals,
        (running, Others { zebra, management, scrapers }): (&Arc<Running>, Others),
        on_ready: impl FnOnce(),
        mut goes_on: impl FnMut() -> bool,
    ) -> io::Result<()> {
        runtime.block_on(async {
            self.listener.set_nonblocking(true)?;
            let listener = tokio::net::UnixListener::from_std(self.listener.try_clone()?)?;
            let run = async {
                while goes_on() {
                    let rest = {
                        let (mut control, now) = running.control();
                        control.run(now).since(now)
                    };
                    running.told.notify_waiters();
                    // A frame for the control side does not wait for the clock.
                    let _ = tokio::time::timeout(rest, running.punted.notified()).await;
                }
            };
            let routes = rows::routes()
                .merge(layer3::routes())
                .merge(pair::routes())
                .merge(metrics::routes())
                .merge(orders::routes())
                .merge(fates::routes())
                .merge(capturing::routes())
                .fallback(problem::unknown);
            let routes = routes.method_not_allowed_fallback(problem::wrong_method);
            let zebra = async {
                match zebra {
                    Some(listener) => fpm::serve(listener, Arc::clone(running)).await,
                    None => std::future::pending().await,
                }
            };
            let management = async {
                match management {
                    Some(socket) => management::serve(socket, Arc::clone(running)).await,
                    None => std::future::pending().await,
                }
            };
            let scrapers = async {
                match scrapers {
                    Some(listener) => metrics::serve(listener, Arc::clone(running)).await,
                    None => std::future::pending().await,
                }
            };
            on_ready();
            tokio::select! {
                served = axum::serve(listener, routes.with_state(Arc::clone(running))) => served,
                heard = zebra => heard,
                heard = management => heard,
                served = scrapers => served,
                () = run => Ok(()),
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
