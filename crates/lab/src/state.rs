//! What greylag keeps on disk while something runs: control sockets, and a folder per lab.
//!
//! ```text
//! /run/greylag/sw1.commits.json             what was committed on switch sw1 of no lab, if anything was
//! /run/greylag/quickstart-sw1.sock          the control socket of switch sw1 of lab quickstart
//! /run/greylag/labs/quickstart/lab.json     what was made, written before it is made
//! /run/greylag/labs/quickstart/sw1.yml      the switch's configuration
//! /run/greylag/labs/quickstart/sw1.commits.json   what was committed on it since, if anything was
//! /run/greylag/labs/quickstart/sw1.pid      its process: id, and start time in clock ticks since boot
//! /run/greylag/labs/quickstart/sw1.log      what it printed
//! ```
//!
//! Where /run cannot be written, all of it is below `$XDG_RUNTIME_DIR/greylag`.

use crate::process::Process;
use nix::unistd::{AccessFlags, access};
use std::env;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Neither place can be written.
    #[error("neither /run/greylag nor $XDG_RUNTIME_DIR/greylag can be written: run greylag as root")]
    NoPlace,
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
    /// The text cannot be part of a file name, a namespace's name and a socket's name.
    #[error("`{0}` is no name for a lab or a node: expected letters, digits, `-` and `_`")]
    Name(String),
    /// The kernel's limit on the path of a UNIX socket.
    #[error("the control socket {path} would have {length} bytes, and the kernel allows 107: shorten the name of lab or node", path = .0.display(), length = .0.as_os_str().len())]
    SocketPath(PathBuf),
    /// Two at once.
    #[error("lab `{0}` is being deployed or destroyed by another greylag")]
    Busy(String),
    /// `lab.json` is not what this version writes.
    #[error("{path} is not what greylag wrote there: {reason}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl StateError {
    pub(crate) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| StateError::File { action, path: path.to_owned(), source }
    }
}

/// The folder that all of it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// `/run/greylag`, or `$XDG_RUNTIME_DIR/greylag` where that cannot be written. Makes nothing.
    ///
    /// # Errors
    /// When neither can be written.
    pub fn locate() -> Result<State, StateError> {
        let writable = |path: &PathBuf| {
            let existing = path.ancestors().find(|ancestor| ancestor.exists());
            existing.is_some_and(|folder| access(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok())
        };
        let root = places().into_iter().find(writable).ok_or(StateError::NoPlace)?;
        Ok(State { root })
    }

    /// The places where state can be, whether anything is there or not, and whether this user may write it or only
    /// read it.
    pub fn places() -> Vec<State> {
        places().into_iter().map(|root| State { root }).collect()
    }

    /// Another folder, for tests that must not meet the labs of the machine.
    pub fn at(root: impl Into<PathBuf>) -> State {
        State { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The control socket of the switch with this name, which for a switch of a lab is `<lab>-<node>`.
    pub fn control_socket(&self, switch: &str) -> PathBuf {
        self.root.join(format!("{switch}.sock"))
    }

    /// The folder of a lab, whether there is one or not.
    ///
    /// # Errors
    /// When the text is no name.
    pub fn lab(&self, lab: &str) -> Result<LabFolder, StateError> {
        check_name(lab)?;
        Ok(LabFolder { lab: lab.to_owned(), path: self.root.join("labs").join(lab) })
    }

    /// The names of the labs that have a folder, in order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn labs(&self) -> Result<Vec<String>, StateError> {
        let folder = self.root.join("labs");
        let mut labs = Vec::new();
        for entry in read_folder(&folder)? {
            let entry = entry.map_err(StateError::at("read", &folder))?;
            labs.extend(entry.file_name().into_string().ok().filter(|name| check_name(name).is_ok()));
        }
        labs.sort();
        Ok(labs)
    }

    /// The names of the switches that answer on their control socket, in order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn switches(&self) -> Result<Vec<String>, StateError> {
        let mut switches = Vec::new();
        for entry in read_folder(&self.root)? {
            let path = entry.map_err(StateError::at("read", &self.root))?.path();
            if path.extension().is_some_and(|extension| extension == "sock")
                && UnixStream::connect(&path).is_ok()
                && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
            {
                switches.push(name.to_owned());
            }
        }
        switches.sort();
        Ok(switches)
    }

    /// Removes the folders that are empty now.
    pub(crate) fn tidy(&self) {
        // Refused by the kernel, and rightly, while something is in them.
        let _ = fs::remove_dir(self.root.join("labs"));
        let _ = fs::remove_dir(&self.root);
    }
}

fn places() -> Vec<PathBuf> {
    let own = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    [Some(PathBuf::from("/run")), own].into_iter().flatten().map(|path| path.join("greylag")).collect()
}

fn read_folder(path: &Path) -> Result<Vec<io::Result<fs::DirEntry>>, StateError> {
    match fs::read_dir(path) {
        Ok(entries) => Ok(entries.collect()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(StateError::at("read", path)(e)),
    }
}

/// A name becomes part of paths: it may not lead out of the folder.
pub(crate) fn check_name(name: &str) -> Result<(), StateError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(allowed) {
        return Err(StateError::Name(name.to_owned()));
    }
    Ok(())
}

/// The folder of one lab.
#[derive(Clone, Debug)]
pub struct LabFolder {
    lab: String,
    path: PathBuf,
}

impl LabFolder {
    /// The lab's name.
    pub fn lab(&self) -> &str {
        &self.lab
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A node's configuration.
    pub fn config(&self, node: &str) -> PathBuf {
        self.path.join(format!("{node}.yml"))
    }

    /// What was committed on a node.
    pub(crate) fn commits(&self, node: &str) -> PathBuf {
        self.path.join(format!("{node}.commits.json"))
    }

    /// What a node printed.
    pub fn log(&self, node: &str) -> PathBuf {
        self.path.join(format!("{node}.log"))
    }

    /// What FRR has at a node.
    pub fn frr(&self, node: &str) -> PathBuf {
        self.path.join(format!("{node}.frr"))
    }

    pub(crate) fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// The nodes that a process was started for, whatever became of it.
    pub(crate) fn nodes_with_process(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(".pid").map(str::to_owned)).collect()
    }

    /// What a process of the lab has in its environment, so that it can be told from one that a person started
    /// in the lab's namespaces.
    pub(crate) fn environment(&self) -> (&'static str, &Path) {
        ("GREYLAG_LAB", &self.path)
    }

    /// The process of a node, if one was started; it may have ended.
    pub(crate) fn process(&self, node: &str) -> Option<Process> {
        Process::parse(&fs::read_to_string(self.path.join(format!("{node}.pid"))).ok()?)
    }

    pub(crate) fn write_process(&self, node: &str, process: Process) -> Result<(), StateError> {
        self.write(&format!("{node}.pid"), &format!("{process}\n"))
    }

    /// Reads a file of the folder; `None` when it is not there.
    pub(crate) fn read(&self, file: &str) -> Result<Option<String>, StateError> {
        let path = self.path.join(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(StateError::at("read", &path)(e)),
        }
    }

    /// Writes a file of the folder whole or not at all.
    pub(crate) fn write(&self, file: &str, text: &str) -> Result<(), StateError> {
        let path = self.path.join(file);
        let draft = self.path.join(format!(".{file}.new"));
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(StateError::at("write", &path))
    }

    /// Makes the folder where there is none, and keeps every other greylag out of it.
    pub(crate) fn lock(&self) -> Result<LabLock, StateError> {
        loop {
            fs::create_dir_all(&self.path).map_err(StateError::at("make", &self.path))?;
            if let Some(lock) = self.lock_existing()? {
                return Ok(lock);
            }
        }
    }

    /// As [`lock`](Self::lock); `None` when there is no folder.
    fn lock_existing(&self) -> Result<Option<LabLock>, StateError> {
        let failed = || StateError::at("lock", &self.path);
        let folder = match File::open(&self.path) {
            Ok(folder) => folder,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed()(e)),
        };
        match folder.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StateError::Busy(self.lab.clone())),
            Err(fs::TryLockError::Error(e)) => return Err(failed()(e)),
        }
        let lock = LabLock(folder);
        // Whoever held the lock before may have removed the folder.
        let ours = lock.0.metadata().map_err(failed())?.ino();
        Ok(fs::metadata(&self.path).is_ok_and(|now| now.ino() == ours).then_some(lock))
    }

    pub(crate) fn remove(&self) -> Result<(), StateError> {
        match fs::remove_dir_all(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StateError::at("remove", &self.path)(e)),
            _ => Ok(()),
        }
    }
}

/// Keeps every other greylag out of a lab's folder.
#[derive(Debug)]
pub(crate) struct LabLock(File);

impl Drop for LabLock {
    fn drop(&mut self) {
        // To close the file is not enough: a process that another thread has forked, and that has not come to
        // its `exec`, holds it too.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_out_of_the_folder() {
        for name in ["", ".", "..", "../x", "a/b", "a.b", ".a", "a b", "a\0"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("lab-1_a").is_ok());
    }

    #[test]
    fn a_lab_is_locked_once() {
        let folder = tempfile::tempdir().unwrap();
        let lab = State::at(folder.path()).lab("x").unwrap();
        assert!(lab.lock_existing().unwrap().is_none());
        let lock = lab.lock().unwrap();
        assert!(matches!(lab.lock(), Err(StateError::Busy(_))));
        lab.remove().unwrap();
        drop(lock);
        lab.lock().unwrap();
    }
}
