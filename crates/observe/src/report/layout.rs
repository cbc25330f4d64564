//! Where nodes stand on the map: the chassis in the middle, what hangs off them in tiers above and below.
//!
//! A layout is a matter of the lab alone, so that pictures of two replays can be laid side by side.

use greylag_scenario::lab::{Lab, NodeKind};
use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

/// With more switches than this in the middle, they stand in two tiers.
const ABREAST: usize = 3;

/// Where a node stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Its tier, from the top.
    pub(super) tier: usize,
    /// Where in its tier, in thousandths of its length.
    pub(super) permille: u32,
}

/// A place for every node.
pub(super) fn places(lab: &Lab) -> Vec<Place> {
    let plan = Plan::new(lab);
    let core = plan.core(lab);
    let steps = plan.steps_from(&core);
    let rows = plan.rows(lab, &core, &steps);
    let lowest = rows.iter().copied().min().unwrap_or(0);
    let mut tiers: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for (node, row) in rows.iter().enumerate() {
        tiers.entry(row - lowest).or_default().push(node);
    }
    let mut places = vec![Place::default(); lab.nodes.len()];
    // From the middle outwards, so that each tier can follow the order of the one that it hangs off.
    let mut order: Vec<i32> = tiers.keys().copied().collect();
    order.sort_by_key(|tier| ((tier + lowest).abs(), *tier));
    for tier in order {
        let mut nodes = tiers.remove(&tier).unwrap_or_default();
        nodes.sort_by_key(|&node| {
            let inner = plan.near[node].iter().filter(|&&near| steps[near] < steps[node]);
            let inner: Vec<u32> = inner.map(|&near| places[near].permille).collect();
            let mean = inner.iter().sum::<u32>().checked_div(inner.len() as u32).unwrap_or(0);
            (mean, node)
        });
        let count = nodes.len() as u32;
        for (index, node) in nodes.into_iter().enumerate() {
            let permille = (2 * index as u32 + 1) * 500 / count;
            places[node] = Place { tier: tier as usize, permille };
        }
    }
    // Tiers without a node do not count.
    let mut used: Vec<usize> = places.iter().map(|place| place.tier).collect();
    used.sort_unstable();
    used.dedup();
    for place in &mut places {
        place.tier = used.iter().position(|&tier| tier == place.tier).unwrap_or(0);
    }
    places
}

/// Who is beside whom.
struct Plan {
    near: Vec<Vec<usize>>,
    is_switch: Vec<bool>,
}

impl Plan {
    fn new(lab: &Lab) -> Self {
        let mut near = vec![Vec::new(); lab.nodes.len()];
        for link in &lab.links {
            let [a, b] = [link.ends[0].node, link.ends[1].node];
            for (one, other) in [(a, b), (b, a)] {
                if !near[one].contains(&other) {
                    near[one].push(other);
                }
            }
        }
        let is_switch = lab.nodes.iter().map(|node| matches!(node.kind, NodeKind::Greylag(_))).collect();
        Plan { near, is_switch }
    }

    /// What stands in the middle: a pair of chassis; or else the switches that are farthest from all hosts, and of these those
    /// that are connected to most others.
    fn core(&self, lab: &Lab) -> Vec<usize> {
        let paired = |node: &usize| match &lab.nodes[*node].kind {
            NodeKind::Greylag(config) => config.multi_chassis.is_some(),
            NodeKind::Host => false,
        };
        let all = 0..lab.nodes.len();
        let pair: Vec<usize> = all.clone().filter(paired).collect();
        if !pair.is_empty() {
            return pair;
        }
        let hosts: Vec<usize> = all.clone().filter(|&node| !self.is_switch[node]).collect();
        let depth = self.steps_from(&hosts);
        let rank = |node: &usize| {
            let switches = self.near[*node].iter().filter(|&&near| self.is_switch[near]).count();
            (depth[*node], switches)
        };
        let switches: Vec<usize> = all.filter(|&node| self.is_switch[node]).collect();
        let highest = switches.iter().map(rank).max();
        switches.into_iter().filter(|node| Some(rank(node)) == highest).collect()
    }

    /// Steps from the nearest of some nodes.
    fn steps_from(&self, from: &[usize]) -> Vec<usize> {
        let mut steps = vec![usize::MAX; self.near.len()];
        let mut reached: VecDeque<usize> = from.iter().copied().collect();
        from.iter().for_each(|&node| steps[node] = 0);
        while let Some(node) = reached.pop_front() {
            for &near in &self.near[node] {
                if steps[near] == usize::MAX {
                    steps[near] = steps[node] + 1;
                    reached.push_back(near);
                }
            }
        }
        // What hangs off nothing stands outside.
        let farthest = steps.iter().copied().filter(|&steps| steps != usize::MAX).max().unwrap_or(0);
        steps.into_iter().map(|steps| if steps == usize::MAX { farthest + 1 } else { steps }).collect()
    }

    /// The row of every node: the middle is 0, or -1 and 1 where it has two tiers.
    fn rows(&self, lab: &Lab, core: &[usize], steps: &[usize]) -> Vec<i32> {
        let mut rows = vec![0; self.near.len()];
        let two_tiers = core.len() > ABREAST;
        if two_tiers {
            let first = stem(&lab.nodes[core[0]].name);
            let by_name = core.iter().filter(|&&node| stem(&lab.nodes[node].name) == first).count();
            for (index, &node) in core.iter().enumerate() {
                let is_upper = match by_name < core.len() {
                    true => stem(&lab.nodes[node].name) == first,
                    false => index < core.len() / 2,
                };
                rows[node] = if is_upper { -1 } else { 1 };
            }
        } else {
            self.part(lab, core, steps, &mut rows);
        }
        // The rest is on the side of what it hangs off.
        let mut outwards: Vec<usize> = (0..rows.len()).filter(|&node| steps[node] > 0).collect();
        outwards.sort_by_key(|&node| (steps[node], node));
        for node in outwards {
            let inner = self.near[node].iter().filter(|&&near| steps[near] < steps[node]);
            let side: i32 = inner.map(|&near| rows[near].signum()).sum();
            let side = if side == 0 { rows[node].signum() } else { side.signum() };
            let side = if side == 0 { 1 } else { side };
            rows[node] = side * (steps[node] as i32 + i32::from(two_tiers));
        }
        rows
    }

    /// Says of what hangs off the core directly whether it stands above or below: kinds of nodes stay together, and half
    /// of them all is above.
    fn part(&self, lab: &Lab, core: &[usize], steps: &[usize], rows: &mut [i32]) {
        let first: Vec<usize> = (0..rows.len()).filter(|&node| steps[node] == 1).collect();
        let weight = |node: usize| 1 + self.near[node].iter().filter(|&&near| steps[near] == 2).count();
        let mut kinds: Vec<(String, Vec<usize>)> = Vec::new();
        for &node in &first {
            let kind = stem(&lab.nodes[node].name);
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, nodes)) => nodes.push(node),
                None => kinds.push((kind, vec![node])),
            }
        }
        let all: usize = first.iter().map(|&node| weight(node)).sum();
        if kinds.len() == 1 {
            // One kind of all: half of what each switch has is above.
            for &switch in core {
                let here: Vec<usize> =
                    first.iter().copied().filter(|&node| self.near[node].contains(&switch)).collect();
                for (index, &node) in here.iter().enumerate() {
                    rows[node] = if index < here.len().div_ceil(2) { -1 } else { 1 };
                }
            }
            return;
        }
        kinds.sort_by_key(|(_, nodes)| {
            let of_kind: usize = nodes.iter().map(|&node| weight(node)).sum();
            (Reverse(of_kind), nodes[0])
        });
        let mut above = 0;
        for (_, nodes) in kinds {
            let of_kind: usize = nodes.iter().map(|&node| weight(node)).sum();
            let is_above = above == 0 || 2 * (above + of_kind) <= all;
            above += if is_above { of_kind } else { 0 };
            nodes.iter().for_each(|&node| rows[node] = if is_above { -1 } else { 1 });
        }
    }
}

/// What nodes of one kind have in common: a name up to its number, or its last part.
fn stem(name: &str) -> String {
    let name = name.trim_end_matches(|character: char| character.is_ascii_digit());
    match name.rsplit_once('-') {
        Some((stem, last)) if last.len() <= 1 => stem.to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_scenario::Source;
    use greylag_scenario::story::{self, Choice};
    use std::path::Path;

    fn tiers(file: &str) -> Vec<Vec<String>> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(file);
        let lab = story::parse(&Source::read(path).unwrap(), &Choice::default()).unwrap().lab;
        let mut nodes: Vec<_> = places(&lab).into_iter().zip(&lab.nodes).collect();
        nodes.sort_by_key(|(place, _)| (place.tier, place.permille));
        let mut tiers: Vec<Vec<String>> = Vec::new();
        for (place, node) in nodes {
            tiers.resize(tiers.len().max(place.tier + 1), Vec::new());
            tiers[place.tier].push(node.name.clone());
        }
        tiers
    }

    #[test]
    fn a_pair_of_chassis_stands_between_its_routers_and_its_peers() {
        let tiers = tiers("dataforest-2025-10-23.yml");
        assert_eq!(tiers.len(), 5);
        assert_eq!(tiers[2], ["ca1", "ca2"]);
        assert_eq!(tiers[1], ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"]);
        assert_eq!(tiers[0], ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"]);
        assert_eq!(tiers[3].len(), 8);
        assert_eq!((tiers[3][0].as_str(), tiers[3][7].as_str()), ("pni-a", "pni-d"));
        assert_eq!(tiers[4].len(), 8);
    }

    #[test]
    fn regions_stand_on_two_sides() {
        let tiers = tiers("cloudscale-2026-05-08.yml");
        let middle = tiers.iter().position(|tier| tier.contains(&"lpg1".to_owned())).unwrap();
        assert_eq!(tiers[middle], ["lpg1", "lpg2"]);
        assert_eq!(tiers[middle + 1], ["rma1", "rma2"]);
        assert!(tiers[middle - 1].contains(&"lpg-core".to_owned()));
        assert!(tiers[middle + 2].contains(&"rma-core".to_owned()));
    }

    #[test]
    fn stations_of_one_kind_stand_around_their_switches() {
        let tiers = tiers("learning/one-way-link.yml");
        assert_eq!(tiers, [vec!["c1", "c2", "c3", "c4"], vec!["sw1", "sw2"], vec!["s1", "s2", "s3", "s4"]]);
    }

    #[test]
    fn kinds_are_told_by_their_names() {
        for (name, kind) in [("r12", "r"), ("transit-a", "transit"), ("lpg-core", "lpg-core"), ("h", "h")] {
            assert_eq!(stem(name), kind);
        }
    }
}
