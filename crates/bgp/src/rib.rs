//! All paths to all prefixes, and which of them are used: Adj-RIBs-In and Loc-RIB in one (RFC 4271 3.2).

use crate::attributes::Shared;
use crate::config::NeighborId;
use crate::decision::{self, Candidate, Multipath, Standing};
use core::net::IpAddr;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

/// Whom a path is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Ourselves.
    Local,
    /// A neighbor.
    Neighbor(NeighborId),
}

/// What the caller's routing goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Route {
    /// All are equally good; in the order of their addresses, and as BGP has them: how each is reached is the caller's.
    pub next_hops: Vec<IpAddr>,
    /// It comes from another system (eBGP).
    pub external: bool,
}

/// What is now used for a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RouteChange {
    /// The prefix.
    pub prefix: IpNet,
    /// `None` for nothing that was learned from others; a route of our own is the caller's already.
    pub route: Option<Route>,
}

#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) source: Source,
    pub(crate) attributes: Shared,
    /// It comes from another system.
    pub(crate) external: bool,
    pub(crate) standing: Standing,
}

impl Path {
    /// Nothing is decided over it yet.
    pub(crate) fn new(source: Source, external: bool, attributes: Shared) -> Self {
        Path { source, attributes, external, standing: Standing::Equal }
    }

    fn is_used(&self) -> bool {
        matches!(self.standing, Standing::Best | Standing::Multipath)
    }
}

/// What the outside has to say of a path.
pub(crate) trait Judge {
    fn candidate(&self, path: &Path) -> Candidate;
    fn multipath(&self) -> Multipath;
}

/// What a change has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// What neighbors are told of the prefix.
    pub(crate) best: bool,
    /// What the caller routes by.
    pub(crate) route: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Rib {
    /// The paths to each prefix, by their source. A prefix without any is not there.
    table: BTreeMap<IpNet, Vec<Path>>,
}

impl Rib {
    pub(crate) fn paths(&self, prefix: IpNet) -> &[Path] {
        self.table.get(&prefix).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn best(&self, prefix: IpNet) -> Option<&Path> {
        best(self.paths(prefix))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (IpNet, &[Path])> {
        self.table.iter().map(|(prefix, paths)| (*prefix, paths.as_slice()))
    }

    /// The prefixes that have a path, behind this one if one is given.
    pub(crate) fn prefixes(&self, after: Option<IpNet>) -> impl Iterator<Item = IpNet> {
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.table.range((first, Bound::Unbounded)).map(|(prefix, _)| *prefix)
    }

    /// The attributes that a source's path had.
    pub(crate) fn path(&self, prefix: IpNet, source: Source) -> Option<&Shared> {
        let paths = self.paths(prefix);
        paths.iter().find(|path| path.source == source).map(|path| &path.attributes)
    }

    /// What is used for a prefix, if it was learned.
    pub(crate) fn route(&self, prefix: IpNet) -> Option<Route> {
        route(self.paths(prefix))
    }

    /// Puts a source's path there, in place of what it had; or takes it away.
    pub(crate) fn place(
        &mut self,
        prefix: IpNet,
        source: Source,
        path: Option<Path>,
        judge: &impl Judge,
    ) -> Changed {
        let mut entry = match self.table.entry(prefix) {
            Entry::Vacant(vacant) => {
                let Some(path) = path else { return Changed::default() };
                return decide_anew(vacant.insert(vec![path]), None, None, judge);
            }
            Entry::Occupied(entry) => entry,
        };
        let paths = entry.get_mut();
        let (before, told) = (route(paths), best(paths).map(|path| (path.source, path.attributes.clone())));
        match (paths.binary_search_by_key(&source, |path| path.source), path) {
            (Ok(place), Some(path)) => paths[place] = path,
            (Ok(place), None) => drop(paths.remove(place)),
            (Err(place), Some(path)) => paths.insert(place, path),
            (Err(_), None) => return Changed::default(),
        }
        let changed = decide_anew(paths, before, told, judge);
        if paths.is_empty() {
            entry.remove();
        }
        changed
    }

    /// Decides again over all prefixes that something holds of, and tells what came of each.
    pub(crate) fn decide_where(
        &mut self,
        holds: impl Fn(&Path) -> bool,
        judge: &impl Judge,
        mut tell: impl FnMut(IpNet, Changed),
    ) {
        for (prefix, paths) in self.table.iter_mut().filter(|(_, paths)| paths.iter().any(&holds)) {
            let (before, told) =
                (route(paths), best(paths).map(|path| (path.source, path.attributes.clone())));
            tell(*prefix, decide_anew(paths, before, told, judge));
        }
    }

    /// The prefixes that a source has a path to.
    pub(crate) fn prefixes_of(&self, source: Source) -> Vec<IpNet> {
        let has = |paths: &[Path]| paths.iter().any(|path| path.source == source);
        self.iter().filter(|(_, paths)| has(paths)).map(|(prefix, _)| prefix).collect()
    }
}

fn best(paths: &[Path]) -> Option<&Path> {
    paths.iter().find(|path| path.standing == Standing::Best)
}

fn route(paths: &[Path]) -> Option<Route> {
    let best = best(paths).filter(|best| best.source != Source::Local)?;
    let used = paths.iter().filter(|path| path.is_used());
    let mut next_hops: Vec<IpAddr> = used.filter_map(|path| path.attributes.next_hop).collect();
    next_hops.sort_unstable();
    next_hops.dedup();
    Some(Route { next_hops, external: best.external })
}

fn decide_anew(
    paths: &mut [Path],
    before: Option<Route>,
    told: Option<(Source, Shared)>,
    judge: &impl Judge,
) -> Changed {
    let candidates: Vec<Candidate> = paths.iter().map(|path| judge.candidate(path)).collect();
    for (path, standing) in paths.iter_mut().zip(decision::decide(&candidates, judge.multipath())) {
        path.standing = standing;
    }
    let tells = best(paths).map(|path| (path.source, path.attributes.clone()));
    Changed { best: tells != told, route: route(paths) != before }
}
