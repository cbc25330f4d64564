//! The mark that a lab leaves in each of its namespaces: the alias of `lo` names the lab's folder and the node.
//!
//! It lives exactly as long as the namespace does. Where `lab.json` was lost, it still tells a namespace of
//! ours from one that only has such a name.

use crate::link::{self, LinkError};
use crate::netns::{self, Netns};
use crate::state::{LabFolder, State, check_name};

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
        .filter_map(|name| read(state, name))
        .collect()
}

fn read(state: &State, netns: String) -> Option<Marked> {
    // What cannot be read is not known to be ours.
    let alias = link::find(&Netns::open(&netns).ok()?, "lo").ok()??.alias?;
    let (folder, node) = alias.rsplit_once(' ')?;
    let lab = folder.rsplit('/').next().filter(|lab| check_name(lab).is_ok())?;
    let ours = state.lab(lab).ok()?.path().to_str() == Some(folder);
    ours.then(|| Marked { lab: lab.to_owned(), node: node.to_owned(), netns })
}
