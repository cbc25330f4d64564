//! Starts the process of a switch or a bond in its namespace and waits until it answers.

use crate::client;
use crate::netns::Netns;
use crate::process::Process;
use crate::state::{LabFolder, StateError};
use greylag_switch::show::PortRow;
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a switch may take until it answers, and a TAP until it is there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Between two looks at something that is awaited.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// How long the ports of a new switch may take to come up. The kernel holds a change of carrier back for up to a
/// second.
const SETTLING: Duration = Duration::from_secs(2);

/// Where a switch tells of its ports.
const PORTS: &str = "/v1/ports";

/// How many lines of a log are shown when whoever wrote it fails.
const TAIL: usize = 20;

/// Why a switch does not run.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The program cannot be started.
    #[error("cannot start {program} for node `{node}`: {source}", program = .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The switch, or the host with a bond.
        node: String,
        /// The system's error.
        source: io::Error,
    },
    /// It ended before it answered.
    #[error("node `{node}` ended at once ({status}); its log ends with:\n{log}")]
    Ended {
        /// The switch, or the host with a bond.
        node: String,
        /// How.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// It does not answer.
    #[error("node `{node}` did not {expected} within {} s; its log ends with:\n{log}", PATIENCE.as_secs())]
    Late {
        /// The switch, or the host with a bond.
        node: String,
        /// What it should have done.
        expected: String,
        /// The last lines of its log.
        log: String,
    },
    /// The caller was asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A file of the lab.
    #[error(transparent)]
    State(#[from] StateError),
}

/// How switches are started.
pub(crate) struct Launcher<'a> {
    pub(crate) program: &'a Path,
    /// The switch ends when this process does.
    pub(crate) tied: bool,
    pub(crate) folder: &'a LabFolder,
    pub(crate) interrupted: &'a dyn Fn() -> bool,
}

/// A switch that was started.
pub(crate) struct Launched {
    pub(crate) node: String,
    socket: PathBuf,
    log: PathBuf,
    child: Child,
}

impl Launcher<'_> {
    /// Starts a switch or a bond, by `greylag VERB`, on the configuration that is in its lab's folder.
    pub(crate) fn start(
        &self,
        verb: &str,
        node: &str,
        netns: &Netns,
        socket: PathBuf,
    ) -> Result<Launched, LaunchError> {
        let failed =
            |source| LaunchError::Start { program: self.program.to_owned(), node: node.to_owned(), source };
        let log = self.folder.log(node);
        let log_file =
            File::options().create(true).append(true).open(&log).map_err(StateError::at("write", &log))?;
        let (variable, value) = self.folder.environment();
        let mut command = Command::new(self.program);
        command.arg(verb).arg(self.folder.config(node)).arg("--socket").arg(&socket);
        // With the lab's other files, so that it goes with the lab.
        command.arg("--commits").arg(self.folder.commits(node));
        if self.tied {
            command.arg("--exit-with-parent").arg(std::process::id().to_string());
        }
        command
            .env(variable, value)
            // The folder that greylag was called in may be unmounted while the lab runs.
            .current_dir("/")
            // A terminal's interrupt is for greylag, not for the switches it started.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log_file.try_clone().map_err(failed)?)
            .stderr(log_file);
        let child = netns.run(|| command.spawn()).map_err(failed)?.map_err(failed)?;
        if let Some(process) = Process::of_child(&child) {
            self.folder.write_process(node, process)?;
        }
        Ok(Launched { node: node.to_owned(), socket, log, child })
    }
}

impl Launched {
    /// Its process, while it lives.
    pub(crate) fn process(&self) -> Option<Process> {
        Process::of_child(&self.child)
    }

    /// Waits until somebody answers on the control socket.
    pub(crate) fn await_answer(&mut self, launcher: &Launcher<'_>) -> Result<(), LaunchError> {
        let socket = self.socket.clone();
        // That somebody listens is not enough: a switch listens before it has opened its ports, and serves when it has.
        let answers = || Ok(client::get(&socket, PORTS).is_ok());
        self.wait_for(launcher, "answer on its control socket", answers)
    }

    /// Waits until all ports are up that are meant to be, or [`SETTLING`] has passed: a cable whose other end somebody
    /// has set down keeps its port down for as long.
    pub(crate) fn settle(&self, launcher: &Launcher<'_>) {
        let deadline = Instant::now() + SETTLING;
        let is_up = |port: &PortRow| port.admin_status != "UP" || port.oper_status == "UP";
        let settled =
            || client::ask::<Vec<PortRow>>(&self.socket, PORTS).is_ok_and(|ports| ports.iter().all(is_up));
        while !settled() && Instant::now() < deadline && !(launcher.interrupted)() {
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Waits until a condition holds that this switch brings about.
    pub(crate) fn wait_for<E: From<LaunchError>>(
        &mut self,
        launcher: &Launcher<'_>,
        expected: &str,
        mut condition: impl FnMut() -> Result<bool, E>,
    ) -> Result<(), E> {
        let deadline = Instant::now() + PATIENCE;
        while !condition()? {
            if (launcher.interrupted)() {
                return Err(LaunchError::Interrupted.into());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(
                    LaunchError::Ended { node: self.node.clone(), status, log: tail(&self.log) }.into()
                );
            }
            if Instant::now() >= deadline {
                let (node, expected) = (self.node.clone(), expected.to_owned());
                return Err(LaunchError::Late { node, expected, log: tail(&self.log) }.into());
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    match lines.is_empty() {
        true => "(it is empty)".to_owned(),
        false => lines[lines.len().saturating_sub(TAIL)..].join("\n"),
    }
}
