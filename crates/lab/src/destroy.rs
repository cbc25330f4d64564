//! Removes a lab: its processes, namespaces and files, whatever state they are in.

use crate::mark;
use crate::netns::{self, Netns, NetnsError, NetnsIdentity};
use crate::process::{self, Process};
use crate::record::LabRecord;
use crate::state::{LabFolder, State, StateError};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long a switch may take to remove what it made, once it was asked to end.
const GRACE: Duration = Duration::from_secs(3);

/// What became of a lab that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destroyed {
    /// There was something of it, and nothing is left.
    Removed {
        /// Processes that were ended.
        processes: usize,
        /// Namespaces that were deleted.
        namespaces: usize,
    },
    /// There was nothing of it.
    NotDeployed,
}

/// Why something of a lab is left.
#[derive(Debug, thiserror::Error)]
pub enum DestroyError {
    /// The kernel holds on to a process.
    #[error(
        "process {0} of lab `{1}` does not end, not even by SIGKILL: `cat /proc/{0}/stack` says where it is stuck"
    )]
    Stuck(u32, String),
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// A namespace cannot be deleted.
    #[error(transparent)]
    Netns(#[from] NetnsError),
}

/// Removes a lab by name. Does what it can with what is left of one, and may be repeated.
///
/// # Errors
/// When something of it is left.
pub fn destroy(state: &State, lab: &str) -> Result<Destroyed, DestroyError> {
    let folder = state.lab(lab)?;
    if !folder.exists() && !mark::find(state).iter().any(|marked| marked.lab == lab) {
        return Ok(Destroyed::NotDeployed);
    }
    let _lock = folder.lock()?;
    remove(state, &folder)
}

/// Removes all labs; the names of those that were removed.
///
/// # Errors
/// The first that occurs, after all labs were tried.
pub fn destroy_all(state: &State) -> Result<Vec<String>, DestroyError> {
    let mut labs: BTreeSet<String> = state.labs()?.into_iter().collect();
    labs.extend(mark::find(state).into_iter().map(|marked| marked.lab));
    let mut removed = Vec::new();
    let mut failed = None;
    for lab in labs {
        match destroy(state, &lab) {
            Ok(Destroyed::Removed { .. }) => removed.push(lab),
            Ok(Destroyed::NotDeployed) => {}
            Err(e) => failed = failed.or(Some(e)),
        }
    }
    failed.map_or(Ok(removed), Err)
}

/// Removes everything of a lab, its folder last. The caller holds the folder's lock.
pub(crate) fn remove(state: &State, folder: &LabFolder) -> Result<Destroyed, DestroyError> {
    // A record that cannot be read is no reason to leave the lab standing: the marks tell the rest.
    let record = LabRecord::read(folder).ok().flatten();
    let mut nodes: BTreeSet<String> = folder.nodes_with_process().into_iter().collect();
    let mut namespaces: BTreeMap<String, Option<NetnsIdentity>> = BTreeMap::new();
    for node in record.iter().flat_map(|record| &record.nodes) {
        nodes.insert(node.name.clone());
        namespaces.insert(node.netns.clone(), None);
        namespaces.extend(node.frr.iter().map(|frr| (frr.netns.clone(), None)));
    }
    namespaces.extend(record.iter().filter_map(|record| Some((record.management.clone()?, None))));
    for marked in mark::find(state).into_iter().filter(|marked| marked.lab == folder.lab()) {
        nodes.insert(marked.node);
        namespaces.insert(marked.netns, None);
    }
    let existing = netns::list().unwrap_or_default();
    namespaces.retain(|name, _| existing.contains(name));
    // A name that the record has may by now be another lab's: the mark decides.
    namespaces.retain(|name, identity| match Netns::open(name) {
        Ok(netns) => {
            *identity = netns.identity().ok();
            mark::of_another(folder, &netns).is_none()
        }
        Err(_) => true,
    });
    let inside: BTreeSet<NetnsIdentity> = namespaces.values().flatten().copied().collect();
    let processes = processes(folder, &nodes, &inside);
    if let Some(stuck) = process::end(&processes, GRACE).first() {
        return Err(DestroyError::Stuck(stuck.pid, folder.lab().to_owned()));
    }
    for name in namespaces.keys() {
        match Netns::delete(name) {
            Ok(()) | Err(NetnsError::Missing(_)) => {}
            Err(e) => return Err(e.into()),
        }
    }
    for node in &nodes {
        remove_socket(state, &format!("{}-{node}", folder.lab()))?;
    }
    folder.remove()?;
    state.tidy();
    Ok(Destroyed::Removed { processes: processes.len(), namespaces: namespaces.len() })
}

/// The processes that greylag started for the lab: those it wrote down, and those in the lab's namespaces that
/// carry the lab's name in their environment. A shell that a person opened in a namespace is not among them.
fn processes(folder: &LabFolder, nodes: &BTreeSet<String>, inside: &BTreeSet<NetnsIdentity>) -> Vec<Process> {
    let written = nodes.iter().filter_map(|node| folder.process(node)).filter(|process| process.is_alive());
    let mut processes: BTreeSet<Process> = written.collect();
    if !inside.is_empty() {
        processes.extend(process::all_others().into_iter().filter(|process| {
            NetnsIdentity::of_pid(process.pid).is_some_and(|netns| inside.contains(&netns))
                && process.has_environment(folder.environment())
        }));
    }
    processes.into_iter().collect()
}

/// Removes a socket that nobody listens on any more.
fn remove_socket(state: &State, switch: &str) -> Result<(), StateError> {
    let path = state.control_socket(switch);
    if UnixStream::connect(&path).is_ok() {
        return Ok(());
    }
    match fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StateError::at("remove", &path)(e)),
        _ => Ok(()),
    }
}
