//! Why FRR does not run, or does not end.

use super::Daemon;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

/// Why FRR does not run, or does not end.
#[derive(Debug, thiserror::Error)]
pub enum FrrError {
    /// It is not there.
    #[error("{program} of FRR is not installed (looked in {places}): apt-get install frr")]
    NotInstalled {
        /// What was looked for.
        program: &'static str,
        /// Where.
        places: String,
    },
    /// The package makes a user, and that is missing.
    #[error("there is no user `{0}`, whom the package of FRR makes: apt-get install --reinstall frr")]
    NoUser(&'static str),
    /// A program cannot be started.
    #[error("cannot start {program}: {source}", program = .program.display())]
    Start {
        /// Which.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A daemon ended before it could be asked.
    #[error("{daemon} ended at once ({status}); its log ends with:\n{log}")]
    Ended {
        /// Which.
        daemon: Daemon,
        /// How.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// A daemon cannot be asked.
    #[error("{daemon} cannot be asked after {} s; its log ends with:\n{log}", .within.as_secs())]
    Late {
        /// Which.
        daemon: Daemon,
        /// How long it had.
        within: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// Lines of the configuration are not understood.
    #[error("FRR does not understand its configuration:\n{0}")]
    Configuration(String),
    /// A command was not understood, or not answered.
    #[error("FRR does not answer `{command}`: {said}")]
    Refused {
        /// The command.
        command: String,
        /// What vtysh said.
        said: String,
    },
    /// The kernel's limit on the path of a UNIX socket.
    #[error("FRR's socket {path} would have {length} octets, and the kernel allows 107: choose a shorter folder", path = .0.display(), length = .0.as_os_str().len())]
    SocketPath(PathBuf),
    /// FRR runs in the folder already.
    #[error("FRR runs in {folder} already, as process {pid}: stop it first", folder = .folder.display())]
    Runs {
        /// The folder.
        folder: PathBuf,
        /// One of its processes.
        pid: u32,
    },
    /// A file or folder.
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The kernel holds on to a process.
    #[error(
        "process {0} of FRR does not end, not even by SIGKILL: `cat /proc/{0}/stack` says where it is stuck"
    )]
    Stuck(u32),
}

impl FrrError {
    pub(super) fn start(program: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| FrrError::Start { program: program.to_owned(), source }
    }

    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| FrrError::File { action, path: path.to_owned(), source }
    }
}
