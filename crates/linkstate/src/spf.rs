//! Shortest paths: Dijkstra's algorithm over the database, with all ways of equal cost.
//!
//! A link counts only while both ends announce it. Of this router's own links, the adjacencies as they are now count, not what
//! it last announced: that may be as old as the pace of announcements.

use crate::database::Database;
use crate::wire::{AnnouncedPrefix, Link, Lsa};
use core::net::Ipv4Addr;
use greylag_base::InterfaceId;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// A router, as all its announcements together have it.
#[derive(Debug, Default)]
struct Vertex<'a> {
    overload: bool,
    links: Vec<&'a Link>,
    prefixes: Vec<&'a AnnouncedPrefix>,
}

/// The network, as the database has it.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    vertices: BTreeMap<Ipv4Addr, Vertex<'a>>,
    /// Both ends of every link, as one of them has it, in order.
    ends: Vec<(End, End)>,
}

/// A router, and an interface of it.
type End = (Ipv4Addr, InterfaceId);

/// A router that is in reach.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) distance: u32,
    /// Which of the first links lead there: their places in the list.
    pub(crate) first: BTreeSet<usize>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) reached: BTreeMap<Ipv4Addr, Reached>,
    /// Ways that were looked at.
    pub(crate) links: u32,
}

impl<'a> Graph<'a> {
    /// What counts of the database.
    pub(crate) fn new(database: &'a Database) -> Self {
        let mut vertices: BTreeMap<Ipv4Addr, Vertex<'a>> = BTreeMap::new();
        for (id, entry) in database.iter().filter(|(_, entry)| !entry.is_withdrawn()) {
            let Lsa { overload, links, prefixes, .. } = entry.lsa();
            // The first announcement of a router comes first; without it, the others do not count.
            let vertex = match id.fragment {
                0 => vertices.entry(id.router).or_default(),
                _ => match vertices.get_mut(&id.router) {
                    Some(vertex) => vertex,
                    None => continue,
                },
            };
            vertex.overload |= *overload && id.fragment == 0;
            vertex.links.extend(links);
            vertex.prefixes.extend(prefixes);
        }
        let links = vertices.iter().flat_map(|(router, vertex)| {
            vertex
                .links
                .iter()
                .map(|link| ((*router, link.interface), (link.neighbor, link.neighbor_interface)))
        });
        let mut ends: Vec<(End, End)> = links.collect();
        ends.sort_unstable();
        Graph { vertices, ends }
    }

    /// What is at a router.
    pub(crate) fn prefixes(&self, router: Ipv4Addr) -> impl Iterator<Item = &'a AnnouncedPrefix> + '_ {
        self.vertices.get(&router).into_iter().flat_map(|vertex| vertex.prefixes.iter().copied())
    }

    /// Does the far end announce the link too?
    fn is_two_way(&self, from: Ipv4Addr, link: &Link) -> bool {
        let back = ((link.neighbor, link.neighbor_interface), (from, link.interface));
        self.ends.binary_search(&back).is_ok()
    }

    /// The shortest paths from a router by its first links.
    pub(crate) fn shortest_paths(&self, root: Ipv4Addr, first: &[Link]) -> Tree {
        let mut search = Search { tree: Tree::default(), heap: BinaryHeap::new() };
        for (number, link) in first.iter().enumerate() {
            search.look(self, root, link, 0, &BTreeSet::from([number]));
        }
        let mut done = BTreeSet::from([root]);
        while let Some(Reverse((distance, router))) = search.heap.pop() {
            let vertex = &self.vertices[&router];
            // Nobody goes through a router with overload, not even as a last resort; one may go to it.
            if !done.insert(router) || vertex.overload {
                continue;
            }
            // Every way of equal cost to here is known: ways cost something, so each came from a router that is done.
            let by = search.tree.reached[&router].first.clone();
            for link in vertex.links.iter().filter(|link| link.neighbor != root) {
                search.look(self, router, link, distance, &by);
            }
        }
        search.tree
    }
}

struct Search {
    tree: Tree,
    heap: BinaryHeap<Reverse<(u32, Ipv4Addr)>>,
}

impl Search {
    /// Looks along a link from a router that is so far away, by those first links.
    fn look(&mut self, graph: &Graph<'_>, from: Ipv4Addr, link: &Link, distance: u32, by: &BTreeSet<usize>) {
        self.tree.links += 1;
        let distance = distance.saturating_add(link.cost.into());
        let known = self.tree.reached.get(&link.neighbor).map_or(u32::MAX, |reached| reached.distance);
        if distance > known || distance == u32::MAX || !graph.is_two_way(from, link) {
            return;
        }
        if distance < known {
            let reached = Reached { distance, first: by.clone() };
            self.tree.reached.insert(link.neighbor, reached);
            self.heap.push(Reverse((distance, link.neighbor)));
        } else if let Some(reached) = self.tree.reached.get_mut(&link.neighbor) {
            reached.first.extend(by);
        }
    }
}
