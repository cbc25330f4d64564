//! What the programming agent does to the FIB, through the door to the data plane.

use crate::routing::audit::{self, FibConflict};
use crate::routing::words::Words;
use crate::routing::write::FibWrite;
use crate::table_door::{Answer, Output, TableDoor};
use greylag_base::Instant;
use greylag_dataplane::{NextHop, RouteTables, Routes};
use greylag_fib::{Group, GroupId, Ipv4Prefix, Ipv6Prefix, Kind, Member, NextHopId, Prefix, Writer};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why the FIB did not take a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
#[serde(transparent)]
pub struct FibRefusal(String);

/// A group of the FIB to which routes lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupUse {
    /// Which.
    pub group: GroupId,
    /// The first prefix that leads there.
    pub prefix: IpNet,
    /// How many do.
    pub prefixes: u64,
    /// Where its buckets lead.
    pub buckets: Vec<Option<NextHopId>>,
}

/// How groups are laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupShape {
    pub(crate) kind: Kind,
    /// Of a group with several members.
    pub(crate) buckets: u16,
}

impl GroupShape {
    /// A group that had so many buckets before. One that has had several members keeps its buckets when one is left.
    fn group(self, members: Vec<Member>, before: u16) -> Group {
        match members.len() {
            1 if before == 1 => Group { members, buckets: 1, kind: Kind::Modulo },
            several => {
                let buckets = self.buckets.max(several.try_into().unwrap_or(u16::MAX));
                Group { members, buckets, kind: self.kind }
            }
        }
    }
}

impl TableDoor {
    /// Writes into the FIB.
    pub(crate) fn write_fib(
        &mut self,
        now: Instant,
        write: &FibWrite,
        shape: GroupShape,
    ) -> Result<(), FibRefusal> {
        self.note(now, || Output::WriteFib(write.clone()));
        if let FibWrite::NextHop { id, next_hop: NextHop::Unset } = write {
            self.dead.remove(id);
        }
        let answer = self.ask(|plane| {
            let written = plane.routes().map_or(Ok(()), |routes| apply(routes, now, write, shape));
            Answer::FibWritten(written.err())
        });
        match answer {
            Some(Answer::FibWritten(refusal)) => refusal.map_or(Ok(()), Err),
            _ => self.diverge(Ok(())),
        }
    }

    /// Writes many routes in one go.
    pub(crate) fn load_fib(&mut self, now: Instant, writes: &[FibWrite]) -> Result<(), FibRefusal> {
        for write in writes {
            self.note(now, || Output::WriteFib(write.clone()));
        }
        let answer = self.ask(|plane| {
            let written = plane.routes().map_or(Ok(()), |routes| load(&mut routes.tables(), writes));
            Answer::FibWritten(written.err())
        });
        match answer {
            Some(Answer::FibWritten(refusal)) => refusal.map_or(Ok(()), Err),
            _ => self.diverge(Ok(())),
        }
    }

    /// Next hops can be reached, or cannot: said to the data plane at once, without the programming agent.
    pub(crate) fn set_live(&mut self, now: Instant, next_hop: NextHopId, is_live: bool) {
        let is_news = if is_live { self.dead.remove(&next_hop) } else { self.dead.insert(next_hop) };
        if !is_news {
            return;
        }
        self.note(now, || Output::SetLive { next_hop, is_live });
        if self.is_live()
            && let Some(routes) = self.plane().routes()
        {
            routes.liveness().set(next_hop, is_live);
        }
    }

    /// The groups that are in use, and where their buckets lead.
    pub(crate) fn group_uses(&mut self) -> Vec<GroupUse> {
        match self.ask(|plane| Answer::GroupUses(plane.routes().map(group_uses).unwrap_or_default())) {
            Some(Answer::GroupUses(uses)) => uses,
            _ => self.diverge(Vec::new()),
        }
    }

    /// Where the buckets of a group lead.
    pub(crate) fn buckets(&mut self, group: GroupId) -> Vec<Option<NextHopId>> {
        let answer = self.ask(|plane| {
            let buckets = plane.routes().map(|routes| {
                let buckets = routes.tables().groups.buckets(group);
                buckets.into_iter().map(|bucket| bucket.next_hop).collect()
            });
            Answer::Buckets(buckets.unwrap_or_default())
        });
        match answer {
            Some(Answer::Buckets(buckets)) => buckets,
            _ => self.diverge(Vec::new()),
        }
    }

    /// Does what is due in groups whose buckets move by time.
    pub(crate) fn run_groups(&mut self, now: Instant) {
        if self.is_live()
            && let Some(routes) = self.plane().routes()
        {
            routes.tables().groups.handle_timeout(now);
        }
    }

    /// When that is.
    pub(crate) fn next_of_groups(&self) -> Option<Instant> {
        let routes = self.plane().routes().filter(|_| self.is_live())?;
        routes.tables().groups.poll_timeout()
    }

    /// Where the FIB is not as the RIB wants it.
    pub(crate) fn compare_fib(&mut self, words: Words<'_>, shape: GroupShape) -> Vec<FibConflict> {
        let answer = self.ask(|plane| {
            let conflicts = plane.routes().map(|routes| audit::compare(words, routes, shape));
            Answer::FibConflicts(conflicts.unwrap_or_default())
        });
        match answer {
            Some(Answer::FibConflicts(conflicts)) => conflicts,
            _ => self.diverge(Vec::new()),
        }
    }
}

fn group_uses(routes: &Routes) -> Vec<GroupUse> {
    let tables = routes.tables();
    let mut uses: BTreeMap<GroupId, (IpNet, u64)> = BTreeMap::new();
    for (prefix, group) in audit::fib_routes(&tables) {
        uses.entry(group).or_insert((prefix, 0)).1 += 1;
    }
    let uses = uses.into_iter().map(|(group, (prefix, prefixes))| {
        let buckets = tables.groups.buckets(group).into_iter().map(|bucket| bucket.next_hop).collect();
        GroupUse { group, prefix, prefixes, buckets }
    });
    uses.collect()
}

fn apply(routes: &Routes, now: Instant, write: &FibWrite, shape: GroupShape) -> Result<(), FibRefusal> {
    let refuse = |error: &dyn std::fmt::Display| FibRefusal(error.to_string());
    match *write {
        FibWrite::NextHop { id, next_hop } => {
            routes.set_next_hop(id, next_hop);
            if next_hop == NextHop::Unset {
                // Whatever leads to it still is lost, and not somebody else's to take.
                routes.liveness().set(id, true);
            }
        }
        FibWrite::Group { id, ref members } if members.is_empty() => {
            routes.tables().groups.remove(id);
        }
        FibWrite::Group { id, ref members } => {
            let mut tables = routes.tables();
            let before = tables.groups.get(id).map_or(1, |group| group.buckets);
            let group = shape.group(members.clone(), before);
            tables.groups.set(id, group, now).map_err(|error| refuse(&error))?;
        }
        FibWrite::Bucket { group, bucket, next_hop } => {
            routes.tables().groups.set_bucket(group, bucket, next_hop).map_err(|error| refuse(&error))?;
        }
        FibWrite::Route { prefix, group } => {
            let tables = &mut *routes.tables();
            match prefix {
                IpNet::V4(_) => route(&mut tables.ipv4, ipv4(prefix), group),
                IpNet::V6(_) => route(&mut tables.ipv6, ipv6(prefix), group),
            }
            .map_err(|error| refuse(&error))?;
        }
    }
    Ok(())
}

fn route<A: greylag_fib::Address>(
    table: &mut Writer<A>,
    prefix: Option<Prefix<A>>,
    group: Option<GroupId>,
) -> Result<(), greylag_fib::Full> {
    let Some(prefix) = prefix else { return Ok(()) };
    match group {
        Some(group) => table.insert(prefix, group)?,
        None => table.remove(prefix)?,
    };
    Ok(())
}

/// Lays the writes over what is there, and loads the whole.
fn load(tables: &mut RouteTables, writes: &[FibWrite]) -> Result<(), FibRefusal> {
    let routes = writes.iter().filter_map(|write| match *write {
        FibWrite::Route { prefix, group } => Some((prefix, group)),
        _ => None,
    });
    let of_ipv4 = routes.clone().filter_map(|(prefix, group)| Some((ipv4(prefix)?, group)));
    overlay(&mut tables.ipv4, of_ipv4)?;
    overlay(&mut tables.ipv6, routes.filter_map(|(prefix, group)| Some((ipv6(prefix)?, group))))
}

fn overlay<A: greylag_fib::Address>(
    table: &mut Writer<A>,
    changes: impl Iterator<Item = (Prefix<A>, Option<GroupId>)>,
) -> Result<(), FibRefusal> {
    let mut routes: Vec<_> = table.iter().map(|(prefix, group)| (prefix, Some(group))).collect();
    let before = routes.len();
    routes.extend(changes);
    if routes.len() == before {
        return Ok(());
    }
    // Stable: of several for one prefix the last counts, and what was there stands before all.
    routes.sort_by_key(|(prefix, _)| *prefix);
    routes.dedup_by(|later, first| {
        let is_same = later.0 == first.0;
        if is_same {
            first.1 = later.1;
        }
        is_same
    });
    let routes = routes.into_iter().filter_map(|(prefix, group)| Some((prefix, group?)));
    table.load(routes).map_err(|error| FibRefusal(error.to_string()))
}

pub(crate) fn ipv4(prefix: IpNet) -> Option<Ipv4Prefix> {
    match prefix {
        IpNet::V4(net) => Prefix::new(net.network().to_bits(), net.prefix_len()),
        IpNet::V6(_) => None,
    }
}

pub(crate) fn ipv6(prefix: IpNet) -> Option<Ipv6Prefix> {
    match prefix {
        IpNet::V4(_) => None,
        IpNet::V6(net) => Prefix::new(net.network().to_bits(), net.prefix_len()),
    }
}
