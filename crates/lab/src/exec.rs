//! Commands inside the namespaces of a lab's nodes.

use crate::netns::{Netns, NetnsError};
use crate::record::LabRecord;
use crate::state::{LabFolder, State, StateError};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// What a command did in one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExecResult {
    /// The node's name.
    pub node: String,
    /// The command as it was given.
    pub command: String,
    /// Its exit status; 128 and the signal's number for one that a signal ended, as a shell has it.
    pub exit_status: i32,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl ExecResult {
    /// Exit status 0.
    pub fn succeeded(&self) -> bool {
        self.exit_status == 0
    }
}

/// Why a command was not run.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// No such lab.
    #[error("lab `{0}` is not deployed: `greylag lab inspect --all` lists those that are")]
    NotDeployed(String),
    /// No such node.
    #[error("lab `{lab}` has no node `{node}`: it has {nodes}")]
    NoNode {
        /// The lab.
        lab: String,
        /// What was asked for.
        node: String,
        /// What there is.
        nodes: String,
    },
    /// No command.
    #[error("no command was given: expected one such as `-- ip address`")]
    NoCommand,
    /// The program cannot be started.
    #[error("cannot run `{program}` in node `{node}`: {source}")]
    Start {
        /// The first word of the command.
        program: String,
        /// The node.
        node: String,
        /// The system's error.
        source: io::Error,
    },
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The node's namespace is not there.
    #[error(transparent)]
    Netns(#[from] NetnsError),
}

/// Runs a program with its arguments in these nodes of a lab, one after the other; in all when `nodes` is empty.
/// Nobody is there to type: its standard input is empty.
///
/// # Errors
/// When lab, node or program is not there. That the program fails is a result, not an error.
pub fn exec(
    state: &State,
    lab: &str,
    nodes: &[String],
    command: &[String],
) -> Result<Vec<ExecResult>, ExecError> {
    let folder = state.lab(lab)?;
    let record = LabRecord::read(&folder)?.ok_or_else(|| ExecError::NotDeployed(lab.to_owned()))?;
    let (program, arguments) = command.split_first().ok_or(ExecError::NoCommand)?;
    if let Some(node) = nodes.iter().find(|name| !record.nodes.iter().any(|node| node.name == **name)) {
        let nodes = record.nodes.iter().map(|node| format!("`{}`", node.name)).collect::<Vec<_>>().join(", ");
        return Err(ExecError::NoNode { lab: lab.to_owned(), node: node.clone(), nodes });
    }
    let chosen = record.nodes.iter().filter(|node| nodes.is_empty() || nodes.contains(&node.name));
    chosen
        .map(|node| {
            let netns = Netns::open(&node.netns)?;
            let output =
                run(&netns, &folder, Command::new(program).args(arguments), || false).map_err(|source| {
                    ExecError::Start { program: program.clone(), node: node.name.clone(), source }
                })?;
            Ok(output.named(&node.name, command.join(" ")))
        })
        .collect()
}

/// What a command printed, and how it ended.
pub(crate) struct Output {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

impl Output {
    pub(crate) fn named(self, node: &str, command: String) -> ExecResult {
        let signal = self.status.signal().map_or(0, |signal| 128 + signal);
        ExecResult {
            node: node.to_owned(),
            command,
            exit_status: self.status.code().unwrap_or(signal),
            stdout: self.stdout,
            stderr: self.stderr,
        }
    }
}

/// Runs a command in a namespace of a lab to its end, or until `interrupted` says so.
///
/// What it prints goes into memory files, not pipes: a daemon that it leaves behind keeps them open, and would
/// keep a reader of pipes waiting for ever.
pub(crate) fn run(
    netns: &Netns,
    folder: &LabFolder,
    command: &mut Command,
    interrupted: impl Fn() -> bool,
) -> io::Result<Output> {
    let memory = |name| io::Result::Ok(File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?));
    let (mut stdout, mut stderr) = (memory("stdout")?, memory("stderr")?);
    let (variable, value) = folder.environment();
    command.env(variable, value).stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let mut child = netns.run(|| command.spawn())??;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if interrupted() {
            child.kill()?;
            break child.wait()?;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Ok(Output { status, stdout: text(&mut stdout)?, stderr: text(&mut stderr)? })
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
