//! What is said of a route: its path attributes (RFC 4271 5), kept once for all routes that share them.

use crate::config::Asn;
use core::net::{IpAddr, Ipv4Addr};
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Where a route comes from (RFC 4271 5.1.1): the lesser is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Origin {
    /// From within the system that originates it.
    Igp,
    /// From EGP.
    Egp,
    /// From anywhere else.
    Incomplete,
}

/// A part of the path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Segment {
    /// In the order in which the route is gone, the nearest first.
    Sequence(Box<[Asn]>),
    /// In no order, from an aggregate.
    Set(Box<[Asn]>),
}

/// The systems that a route leads through (RFC 4271 5.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AsPath(pub Box<[Segment]>);

impl AsPath {
    /// A path of one sequence.
    pub fn of(systems: &[u32]) -> AsPath {
        match systems {
            [] => AsPath::default(),
            _ => AsPath(Box::new([Segment::Sequence(systems.iter().copied().map(Asn).collect())])),
        }
    }

    /// How long it is for the decision: a set counts as one (RFC 4271 9.1.2.2).
    pub fn length(&self) -> u32 {
        let segments = self.0.iter().map(|segment| match segment {
            Segment::Sequence(systems) => systems.len() as u32,
            Segment::Set(_) => 1,
        });
        segments.sum()
    }

    /// Does it lead through a system?
    pub fn contains(&self, asn: Asn) -> bool {
        self.0.iter().any(|segment| {
            let (Segment::Sequence(systems) | Segment::Set(systems)) = segment;
            systems.contains(&asn)
        })
    }

    /// The system next to ours; `None` for a route of our own system, or of an aggregate (RFC 4271 9.1.2.2 c).
    pub fn neighbor(&self) -> Option<Asn> {
        match self.0.first() {
            Some(Segment::Sequence(systems)) => systems.first().copied(),
            _ => None,
        }
    }

    /// The same with a system in front (RFC 4271 5.1.2 b).
    pub(crate) fn prepended(&self, asn: Asn) -> AsPath {
        let (front, rest): (Vec<Asn>, &[Segment]) = match &*self.0 {
            // A segment counts its systems with one octet.
            [Segment::Sequence(systems), rest @ ..] if systems.len() < 255 => {
                (std::iter::once(asn).chain(systems.iter().copied()).collect(), rest)
            }
            rest => (vec![asn], rest),
        };
        let front = Segment::Sequence(front.into());
        AsPath(std::iter::once(front).chain(rest.iter().cloned()).collect())
    }
}

impl fmt::Display for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, segment) in self.0.iter().enumerate() {
            let (systems, open, between, close) = match segment {
                Segment::Sequence(systems) => (systems, "", " ", ""),
                Segment::Set(systems) => (systems, "{", ",", "}"),
            };
            f.write_str(if number > 0 { " " } else { "" })?;
            f.write_str(open)?;
            for (place, asn) in systems.iter().enumerate() {
                write!(f, "{}{asn}", if place > 0 { between } else { "" })?;
            }
            f.write_str(close)?;
        }
        Ok(())
    }
}

/// Who made an aggregate (RFC 4271 5.1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Aggregator {
    /// Its system.
    #[serde(rename = "as")]
    pub asn: Asn,
    /// Its BGP Identifier.
    pub address: Ipv4Addr,
}

/// An attribute that passes through as it is: optional and transitive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Opaque {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Somebody on the way did not know it.
    pub partial: bool,
    /// What it says.
    pub value: Box<[u8]>,
}

/// RFC 8326 5: the way is about to go.
pub(crate) const GRACEFUL_SHUTDOWN: u32 = 0xffff_0000;
/// RFC 1997: not to other systems.
pub(crate) const NO_EXPORT: u32 = 0xffff_ff01;
/// RFC 1997: to nobody.
pub(crate) const NO_ADVERTISE: u32 = 0xffff_ff02;
/// RFC 1997: not to other systems, a confederation's members too.
pub(crate) const NO_EXPORT_SUBCONFED: u32 = 0xffff_ff03;

/// The path attributes of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Attributes {
    /// ORIGIN.
    pub origin: Origin,
    /// AS_PATH.
    pub as_path: AsPath,
    /// NEXT_HOP, or that of MP_REACH_NLRI; `None` in a route of our own, which each neighbor is told to reach by us.
    pub next_hop: Option<IpAddr>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF.
    pub local_pref: Option<u32>,
    /// ATOMIC_AGGREGATE is there.
    pub atomic_aggregate: bool,
    /// AGGREGATOR.
    pub aggregator: Option<Aggregator>,
    /// COMMUNITIES (RFC 1997).
    pub communities: Box<[u32]>,
    /// What else passes through, by type.
    pub others: Box<[Opaque]>,
}

impl Attributes {
    /// Of a route of our own.
    pub fn local(origin: Origin) -> Self {
        Attributes {
            origin,
            as_path: AsPath::default(),
            next_hop: None,
            med: None,
            local_pref: None,
            atomic_aggregate: false,
            aggregator: None,
            communities: Box::default(),
            others: Box::default(),
        }
    }

    /// May neighbors hear of it?
    pub(crate) fn may_be_told(&self, external: bool) -> bool {
        !self.communities.iter().any(|community| match *community {
            NO_ADVERTISE => true,
            NO_EXPORT | NO_EXPORT_SUBCONFED => external,
            _ => false,
        })
    }
}

#[derive(Debug)]
struct Kept {
    /// In the order in which they were first kept: what goes by it is the same in every run.
    number: u64,
    attributes: Attributes,
}

/// Attributes that many routes share.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Kept>);

impl Shared {
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }
}

impl std::ops::Deref for Shared {
    type Target = Attributes;
    fn deref(&self) -> &Attributes {
        &self.0.attributes
    }
}

impl Borrow<Attributes> for Shared {
    fn borrow(&self) -> &Attributes {
        &self.0.attributes
    }
}

impl PartialEq for Shared {
    /// Equal attributes are kept once.
    fn eq(&self, other: &Shared) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Shared {}

impl PartialOrd for Shared {
    fn partial_cmp(&self, other: &Shared) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Shared {
    fn cmp(&self, other: &Shared) -> Ordering {
        self.0.attributes.cmp(&other.0.attributes)
    }
}

/// All attributes that any route has. A tree, so that no choice of attributes makes it slow.
#[derive(Debug, Default)]
pub(crate) struct Keep {
    kept: BTreeSet<Shared>,
    next: u64,
    /// What no route has any more is let go when there are as many.
    sweep_at: usize,
}

impl Keep {
    const LEAST: usize = 1024;

    pub(crate) fn share(&mut self, attributes: Attributes) -> Shared {
        if let Some(shared) = self.kept.get(&attributes) {
            return shared.clone();
        }
        if self.kept.len() >= self.sweep_at.max(Keep::LEAST) {
            self.kept.retain(|shared| Arc::strong_count(&shared.0) > 1);
            self.sweep_at = 2 * self.kept.len();
        }
        let shared = Shared(Arc::new(Kept { number: self.next, attributes }));
        self.next += 1;
        self.kept.insert(shared.clone());
        shared
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_as_long_as_its_systems_with_a_set_for_one() {
        let set = Segment::Set([Asn(3), Asn(4)].into());
        let path = AsPath(Box::new([Segment::Sequence([Asn(1), Asn(2)].into()), set.clone()]));
        assert_eq!((path.length(), path.neighbor(), path.to_string()), (3, Some(Asn(1)), "1 2 {3,4}".into()));
        assert!(path.contains(Asn(4)) && !path.contains(Asn(5)));
        assert_eq!(path.prepended(Asn(9)).to_string(), "9 1 2 {3,4}");
        let aggregate = AsPath(Box::new([set]));
        assert_eq!((aggregate.neighbor(), aggregate.prepended(Asn(9)).to_string()), (None, "9 {3,4}".into()));
        assert_eq!(AsPath::of(&[7; 255]).prepended(Asn(9)).0.len(), 2);
    }

    #[test]
    fn equal_attributes_are_kept_once_and_let_go_when_no_route_has_them() {
        let mut keep = Keep::default();
        let of = |med| Attributes { med: Some(med), ..Attributes::local(Origin::Igp) };
        let first = keep.share(of(1));
        assert_eq!((keep.share(of(1)), first.number()), (first.clone(), 0));
        assert_ne!(keep.share(of(2)), first);
        for med in 0..100_000 {
            keep.share(of(med));
        }
        assert!(keep.len() <= Keep::LEAST + 1, "{}", keep.len());
        assert_eq!(keep.share(of(1)), first);
    }
}
