//! The mark that a lab leaves in each of its namespaces: the alias of `lo` names the lab's folder and the node.
//!
//! It lives exactly as long as the namespace does. Where `lab.json` was lost, it still tells a namespace of
//! ours from one that only has such a name; and where the names of two labs and their nodes give one name (lab
//! `a-b` with node `c`, lab `a` with node `b-c`), it tells whose the namespace is.

use crate::link::{self, LinkError};
use crate::netns::{self, Netns, NetnsError};
use crate::state::{LabFolder, State, check_name};
use std::path::{Path, PathBuf};

/// Whose a namespace is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    folder: PathBuf,
    pub(crate) lab: String,
    pub(crate) node: String,
}

impl Mark {
    fn parse(alias: &str) -> Option<Mark> {
        let (folder, node) = alias.rsplit_once(' ')?;
        let lab = folder.rsplit('/').next().filter(|lab| check_name(lab).is_ok())?;
        Some(Mark { folder: folder.into(), lab: lab.to_owned(), node: node.to_owned() })
    }

    pub(crate) fn is_of(&self, folder: &LabFolder) -> bool {
        self.folder == folder.path()
    }
}

/// A namespace that carries a lab's mark.
pub(crate) struct Marked {
    pub(crate) lab: String,
    pub(crate) node: String,
    pub(crate) netns: String,
}

pub(crate) fn write(netns: &Netns, folder: &LabFolder, node: &str) -> Result<(), LinkError> {
    link::set_alias(netns, "lo", &format!("{} {node}", folder.path().display()))
}

/// The namespaces that carry the mark of a lab of this state.
pub(crate) fn find(state: &State) -> Vec<Marked> {
    let names = netns::list().unwrap_or_default();
    names
        .into_iter()
        .filter(|name| name.starts_with("greylag-"))
        .filter_map(|netns| {
            let Mark { folder, lab, node } = read(&Netns::open(&netns).ok()?)?;
            let ours = state.lab(&lab).is_ok_and(|ours| ours.path() == Path::new(&folder));
            ours.then_some(Marked { lab, node, netns })
        })
        .collect()
}

/// Whose a namespace is; `None` when it is not marked, or may not be looked into.
pub(crate) fn read(netns: &Netns) -> Option<Mark> {
    Mark::parse(&link::find(netns, "lo").ok()??.alias?)
}

/// The mark of another lab than this one.
pub(crate) fn of_another(folder: &LabFolder, netns: &Netns) -> Option<Mark> {
    read(netns).filter(|mark| !mark.is_of(folder))
}

/// Opens a namespace that a lab's record names.
///
/// # Errors
/// When it is not there: one of that name that is marked as another lab's is not it.
pub(crate) fn open(folder: &LabFolder, name: &str) -> Result<Netns, NetnsError> {
    let netns = Netns::open(name)?;
    match of_another(folder, &netns) {
        Some(_) => Err(NetnsError::Missing(name.to_owned())),
        None => Ok(netns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_the_folder_and_the_node() {
        let state = State::at("/run/of greylag");
        let mark = Mark::parse("/run/of greylag/labs/a-b c").unwrap();
        assert_eq!((&*mark.lab, &*mark.node), ("a-b", "c"));
        assert!(mark.is_of(&state.lab("a-b").unwrap()) && !mark.is_of(&state.lab("a").unwrap()));
        for alias in ["", "uplink", "the uplink of a.b c", "/run/labs/ c"] {
            assert_eq!(Mark::parse(alias), None, "{alias}");
        }
    }
}
