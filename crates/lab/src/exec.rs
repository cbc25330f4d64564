//! Commands inside the namespaces of a lab's nodes.

use crate::frr;
use crate::mark;
use crate::netns::{Netns, NetnsError};
use crate::record::LabRecord;
use crate::state::{LabFolder, State, StateError};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a command that was interrupted may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// What a command did in one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecResult {
    /// The node's name.
    pub node: String,
    /// The command as it was given.
    pub command: String,
    /// Its exit status; 128 and the signal's number for one that a signal ended, as a shell has it.
    pub exit_status: i32,
    /// What it printed, byte by byte: it need not be text.
    pub stdout: Vec<u8>,
    /// What it complained of.
    pub stderr: Vec<u8>,
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

/// Nodes of a lab that a command is for.
#[derive(Debug)]
pub struct Chosen {
    folder: LabFolder,
    nodes: Vec<Place>,
}

/// Where a command is run.
#[derive(Debug)]
struct Place {
    node: String,
    /// That of FRR, where it is.
    netns: Netns,
    /// Where its daemons are asked.
    frr: Option<PathBuf>,
}

impl Place {
    /// A program with its arguments. vtysh is told where to ask.
    fn command(&self, program: &str, arguments: &[String]) -> Command {
        let mut command = Command::new(program);
        if let Some(folder) = &self.frr
            && Path::new(program).file_name() == Some("vtysh".as_ref())
        {
            command.args(frr::vtysh_arguments(folder));
        }
        command.args(arguments);
        command
    }
}

/// These nodes of a lab, in the order of its file; all of them when `nodes` is empty.
///
/// # Errors
/// When the lab or a node is not there.
pub fn choose(state: &State, lab: &str, nodes: &[String]) -> Result<Chosen, ExecError> {
    let folder = state.lab(lab)?;
    let record = LabRecord::read(&folder)?.ok_or_else(|| ExecError::NotDeployed(lab.to_owned()))?;
    if let Some(node) = nodes.iter().find(|name| !record.nodes.iter().any(|node| node.name == **name)) {
        let nodes = record.nodes.iter().map(|node| format!("`{}`", node.name)).collect::<Vec<_>>().join(", ");
        return Err(ExecError::NoNode { lab: lab.to_owned(), node: node.clone(), nodes });
    }
    let chosen = record.nodes.into_iter().filter(|node| nodes.is_empty() || nodes.contains(&node.name));
    let nodes = chosen
        .map(|node| {
            let netns = node.frr.as_ref().map_or(&node.netns, |frr| &frr.netns);
            let netns = mark::open(&folder, netns)?;
            let frr = node.frr.is_some().then(|| folder.frr(&node.name));
            Ok(Place { node: node.name, netns, frr })
        })
        .collect::<Result<_, NetnsError>>()?;
    Ok(Chosen { folder, nodes })
}

impl Chosen {
    /// It is one node, so that [`become_command`](Self::become_command) works.
    pub fn is_one(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Puts a program with its arguments in the place of this process, in the namespace of the only node, as
    /// `ip netns exec` does. What it reads and prints, its exit status and every signal are then its own, and
    /// nothing stands between it and the terminal.
    ///
    /// Returns only when that fails.
    ///
    /// # Panics
    /// When several nodes are chosen.
    pub fn become_command(&self, command: &[String]) -> ExecError {
        let [place] = &self.nodes[..] else { panic!("several nodes are chosen") };
        let Some((program, arguments)) = command.split_first() else { return ExecError::NoCommand };
        let (variable, value) = self.folder.environment();
        let mut command = place.command(program, arguments);
        command.env(variable, value);
        // A thread that calls exec becomes the whole process, and keeps the namespace that it has entered.
        let source = place.netns.run(|| command.exec()).unwrap_or_else(|refused| refused);
        ExecError::Start { program: program.clone(), node: place.node.clone(), source }
    }

    /// Runs a program with its arguments in one node after the other. Nobody is there to type: its standard input
    /// is empty. When `interrupted` says so, the one that runs is ended and the rest are left out.
    ///
    /// # Errors
    /// When the program is not there. That it fails is a result, not an error.
    pub fn run(
        &self,
        command: &[String],
        interrupted: impl Fn() -> bool,
    ) -> Result<Vec<ExecResult>, ExecError> {
        let (program, arguments) = command.split_first().ok_or(ExecError::NoCommand)?;
        let mut results = Vec::new();
        for place in &self.nodes {
            let started =
                run(&place.netns, &self.folder, &mut place.command(program, arguments), &interrupted);
            let output = started.map_err(|source| ExecError::Start {
                program: program.clone(),
                node: place.node.clone(),
                source,
            })?;
            results.push(output.named(&place.node, command.join(" ")));
            if interrupted() {
                break;
            }
        }
        Ok(results)
    }
}

/// What a command printed, and how it ended.
pub(crate) struct Output {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
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
    // A group of its own, so that an interrupt ends what it has started too.
    command.process_group(0);
    let mut child = netns.run(|| command.spawn())??;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if interrupted() {
            break interrupt(&mut child)?;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    Ok(Output { status, stdout: content(&mut stdout)?, stderr: content(&mut stderr)? })
}

/// Ends a command and the processes of its group: asks them first, so that they can say their last word.
fn interrupt(child: &mut Child) -> io::Result<ExitStatus> {
    let group = i32::try_from(child.id()).map_err(io::Error::other)?;
    // ESRCH: all of them have ended by themselves.
    let signal = |signal| killpg(Pid::from_raw(group), signal).unwrap_or(());
    signal(Signal::SIGINT);
    let deadline = Instant::now() + GRACE;
    while child.try_wait()?.is_none() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    signal(Signal::SIGKILL);
    child.wait()
}

fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
