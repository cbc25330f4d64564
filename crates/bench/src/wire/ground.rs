//! The namespaces of a measurement, and that nothing of them is left behind, however it ends.
//!
//! Each namespace bears the process that made it, as the alias of its `lo`. One whose process is gone is what a
//! measurement left that was killed: the next one removes it, with what runs in it.

use super::WireError;
use crate::cores;
use greylag_lab::link;
use greylag_lab::netns::{self, Netns, NetnsIdentity};
use greylag_lab::process::{self, Process};
use greylag_lab::stack::Stack;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What every namespace and folder of ours is called first.
const PREFIX: &str = "greylag-bench-";
/// Processes that are started for a measurement have this in their environment, with the folder of the ground.
const VARIABLE: &str = "GREYLAG_BENCH";
/// How long a process may take to end before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// Where one measurement takes place: its namespaces, its folder and its processes. All of it goes when this does.
pub(crate) struct Ground {
    name: String,
    folder: PathBuf,
    namespaces: Vec<String>,
    processes: Vec<Child>,
}

impl Ground {
    /// A new one, empty.
    pub(crate) fn new() -> Result<Ground, WireError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir(&folder)
            .map_err(|source| WireError::system(format!("make the folder {}", folder.display()))(source))?;
        Ok(Ground { name, folder, namespaces: Vec::new(), processes: Vec::new() })
    }

    /// Where files can be put.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a namespace.
    pub(crate) fn netns(&mut self, role: &str, stack: Stack) -> Result<Netns, WireError> {
        let name = format!("{}-{role}", self.name);
        let netns = Netns::create(&name)?;
        self.namespaces.push(name);
        let owner = Process::of_pid(std::process::id()).map_or_else(String::new, |owner| owner.to_string());
        link::set_alias(&netns, "lo", &owner)?;
        stack.apply(&netns)?;
        Ok(netns)
    }

    /// Starts a program in a namespace, on these cores, with its output in a file of the folder. One that becomes a daemon may have ended by then.
    pub(crate) fn start(
        &mut self,
        netns: &Netns,
        cores: &[usize],
        command: &mut Command,
    ) -> Result<(), WireError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = || WireError::system(format!("start {program}"));
        let log = fs::File::options().create(true).append(true).open(self.log(&program)).map_err(failed())?;
        command
            .env(VARIABLE, &self.folder)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed())?)
            .stderr(log);
        // A terminal's interrupt is for us, and not for those that we have to end in order.
        std::os::unix::process::CommandExt::process_group(command, 0);
        let started = netns.run(|| {
            cores::pin_to(cores);
            command.spawn()
        });
        self.processes.push(started.map_err(failed())?.map_err(failed())?);
        Ok(())
    }

    /// Runs a program to its end in a namespace, which has to succeed; what it printed.
    pub(crate) fn run(&self, netns: &Netns, command: &mut Command) -> Result<String, WireError> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.env(VARIABLE, &self.folder).stdin(Stdio::null());
        let output = netns
            .run(|| command.output())
            .and_then(|output| output)
            .map_err(WireError::system(format!("run {program}")))?;
        if !output.status.success() {
            let log = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(WireError::Ended { program, log });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn log(&self, program: &str) -> PathBuf {
        self.folder.join(format!("{}.log", program.rsplit('/').next().unwrap_or(program)))
    }

    /// All that a program wrote.
    pub(crate) fn said(&self, program: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.log(program)).unwrap_or_default()).into_owned()
    }

    /// The last lines of it.
    pub(crate) fn told(&self, program: &str) -> String {
        let text = self.said(program);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    /// The processes that still run.
    pub(crate) fn processes(&self) -> Vec<Process> {
        self.processes.iter().filter_map(|child| Process::of_pid(child.id())).collect()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = process::end(&self.processes(), GRACE);
        for child in &mut self.processes {
            let _ = child.try_wait();
        }
        for name in &self.namespaces {
            // A daemon that has left its parent is still in the namespace.
            if let Ok(netns) = Netns::open(name) {
                let _ = process::end(&inside(&netns, &self.folder), GRACE);
            }
            let _ = Netns::delete(name);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The processes in a namespace that were started for a measurement.
fn inside(netns: &Netns, folder: &Path) -> Vec<Process> {
    let Ok(identity) = netns.identity() else { return Vec::new() };
    let others = process::all_others().into_iter();
    others
        .filter(|process| NetnsIdentity::of_pid(process.pid) == Some(identity))
        .filter(|process| process.has_environment((VARIABLE, folder)))
        .collect()
}

/// Removes what measurements left that did not come to their end, and says what that was.
pub fn remove_leftovers() -> Vec<String> {
    let mut removed = Vec::new();
    for name in netns::list().unwrap_or_default() {
        let Some((ground, _)) = name.rsplit_once('-').filter(|_| name.starts_with(PREFIX)) else { continue };
        let Ok(netns) = Netns::open(&name) else { continue };
        let owner = link::find(&netns, "lo").ok().flatten().and_then(|lo| lo.alias);
        let owner = owner.and_then(|owner| Process::parse(&owner));
        if owner.is_some_and(Process::is_alive) {
            continue;
        }
        let folder = std::env::temp_dir().join(ground);
        let _ = process::end(&inside(&netns, &folder), GRACE);
        drop(netns);
        if Netns::delete(&name).is_ok() {
            removed.push(name);
        }
        let _ = fs::remove_dir_all(folder);
    }
    removed
}
