//! Which running switch a name means.

use crate::record::LabRecord;
use crate::state::{State, StateError};
use std::path::PathBuf;

/// No switch of that name.
#[derive(Debug, thiserror::Error)]
pub enum FindSwitchError {
    /// None runs, and none was named.
    #[error("no switch runs: start one with `greylag run`, or a lab with `greylag lab deploy`")]
    NothingRuns,
    /// Several run, and none was named.
    #[error("several switches run: say which with `-s`: {running}", running = list(.0))]
    Several(Vec<String>),
    /// None runs.
    #[error("there is no switch `{0}`: none runs")]
    NoneRuns(String),
    /// Others run.
    #[error("there is no switch `{name}`: these run: {running}", running = list(.running))]
    Unknown {
        /// What was looked for.
        name: String,
        /// What there is.
        running: Vec<String>,
    },
    /// The node's name alone does not say which.
    #[error("`{name}` could be any of {candidates}: give the whole name", candidates = list(.candidates))]
    Ambiguous {
        /// What was looked for.
        name: String,
        /// The switches it fits.
        candidates: Vec<String>,
    },
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The control socket of a switch that runs on this machine, by its whole name or, for a switch of a lab, by
/// its node's name where that is unique.
///
/// # Errors
/// When no switch fits, or more than one: the sentence lists those that run.
pub fn find_switch(name: &str) -> Result<PathBuf, FindSwitchError> {
    choose(name, &running()?)
}

/// The control socket of the only switch that runs on this machine.
///
/// # Errors
/// When none runs, or more than one.
pub fn only_switch() -> Result<PathBuf, FindSwitchError> {
    match &running()?[..] {
        [only] => Ok(only.socket.clone()),
        [] => Err(FindSwitchError::NothingRuns),
        several => Err(FindSwitchError::Several(names(several))),
    }
}

/// The names by which the switches that run on this machine can be found; as far as that can be read.
pub fn running_names() -> Vec<String> {
    let running = running().unwrap_or_default();
    let nodes = running.iter().filter_map(|switch| switch.node.clone());
    let is_found = |node: &String| choose(node, &running).is_ok();
    let mut names: Vec<String> = names(&running).into_iter().chain(nodes.filter(is_found)).collect();
    names.sort();
    names.dedup();
    names
}

/// A switch that answers.
struct Running {
    /// Its whole name, which for a switch of a lab is `<lab>-<node>`.
    name: String,
    /// Its node's name, as the records of the labs have it.
    node: Option<String>,
    socket: PathBuf,
}

fn names<'a>(switches: impl IntoIterator<Item = &'a Running>) -> Vec<String> {
    switches.into_iter().map(|switch| switch.name.clone()).collect()
}

/// The switches that run on this machine.
fn running() -> Result<Vec<Running>, StateError> {
    let mut running = Vec::new();
    for state in State::places() {
        let nodes = nodes(&state);
        running.extend(state.switches()?.into_iter().map(|name| Running {
            node: nodes.iter().find(|(switch, _)| *switch == name).map(|(_, node)| node.clone()),
            socket: state.control_socket(&name),
            name,
        }));
    }
    Ok(running)
}

/// The switches of the labs: their whole names and those of their nodes. A `-` may be part of a lab's name as well
/// as of a node's, so that only the record tells where one ends and the other begins.
fn nodes(state: &State) -> Vec<(String, String)> {
    // What cannot be read has no say; a whole name works all the same.
    let labs = state.labs().unwrap_or_default();
    let records = labs.iter().filter_map(|lab| LabRecord::read(&state.lab(lab).ok()?).ok()?);
    records
        .flat_map(|record| {
            let switches = record.nodes.iter().filter(|node| node.has_process());
            switches.map(|node| (record.switch_name(node), node.name.clone())).collect::<Vec<_>>()
        })
        .collect()
}

fn choose(name: &str, running: &[Running]) -> Result<PathBuf, FindSwitchError> {
    if let Some(switch) = running.iter().find(|switch| switch.name == name) {
        return Ok(switch.socket.clone());
    }
    let fitting: Vec<&Running> =
        running.iter().filter(|switch| switch.node.as_deref() == Some(name)).collect();
    let name = name.to_owned();
    match (&fitting[..], running) {
        ([only], _) => Ok(only.socket.clone()),
        ([], []) => Err(FindSwitchError::NoneRuns(name)),
        ([], _) => Err(FindSwitchError::Unknown { name, running: names(running) }),
        _ => Err(FindSwitchError::Ambiguous { name, candidates: names(fitting) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{NodeRecord, NodeRecordKind};

    /// `lab/node` is a switch of a lab, a plain name is none.
    fn pick(name: &str, running: &[&str]) -> Result<PathBuf, String> {
        let running: Vec<Running> = running
            .iter()
            .map(|switch| Running {
                name: switch.replace('/', "-"),
                node: switch.split_once('/').map(|(_, node)| node.to_owned()),
                socket: switch.into(),
            })
            .collect();
        choose(name, &running).map_err(|error| error.to_string())
    }

    #[test]
    fn switches_are_found_by_whole_name_then_by_node() {
        assert_eq!(pick("sw1", &["a/sw1", "sw1"]), Ok("sw1".into()));
        assert_eq!(pick("sw1", &["a/sw1", "a/sw2"]), Ok("a/sw1".into()));
        assert_eq!(pick("a-sw1", &["a/sw1", "b/sw1"]), Ok("a/sw1".into()));
        assert_eq!(pick("w1", &["a/sw1"]), Err("there is no switch `w1`: these run: `a-sw1`".into()));
        assert_eq!(
            pick("sw1", &["a/sw1", "b/sw1"]),
            Err("`sw1` could be any of `a-sw1`, `b-sw1`: give the whole name".into())
        );
        assert_eq!(pick("sw1", &[]), Err("there is no switch `sw1`: none runs".into()));
    }

    #[test]
    fn the_end_of_a_name_is_no_node() {
        for running in ["a-sw1", "a/b-sw1"] {
            assert!(
                pick("sw1", &[running]).unwrap_err().starts_with("there is no switch `sw1`"),
                "{running}"
            );
        }
        assert_eq!(pick("b-sw1", &["a/b-sw1"]), Ok("a/b-sw1".into()));
    }

    #[test]
    fn the_records_tell_the_nodes() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path());
        for (lab, node, kind) in [
            ("a-b", "c", NodeRecordKind::Greylag),
            ("a", "sw1", NodeRecordKind::Greylag),
            ("a-z", "h1", NodeRecordKind::Host),
        ] {
            let node = NodeRecord {
                name: node.into(),
                kind,
                netns: String::new(),
                bond: None,
                frr: None,
                management_address: None,
            };
            let record = LabRecord {
                name: lab.into(),
                complete: true,
                nodes: vec![node],
                links: Vec::new(),
                management: None,
            };
            let folder = state.lab(lab).unwrap();
            let _lock = folder.lock().unwrap();
            record.write(&folder).unwrap();
        }
        assert_eq!(nodes(&state), [("a-sw1".into(), "sw1".into()), ("a-b-c".into(), "c".into())]);
    }
}
