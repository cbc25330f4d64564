//! A packet through every bucket: what comparing tables cannot show.
//!
//! For each bucket of each group a flow is made up that the data plane's own hash puts there, and a packet of it is sent with a time
//! to live of one, through the data plane as any other. The next router answers that its time is over (RFC 792, RFC 4443
//! 3.3), and the answer quotes the flow. What nobody answers is sent again; a bucket that answers none is lost.

use crate::Switch;
use crate::publication::hash_of;
use crate::routing::next_hops::Adjacency;
use crate::routing::{GroupUse, RoutingEvent};
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr, VlanId};
use greylag_dataplane::FlowHash;
use greylag_fib::{GroupId, NextHopId};
use greylag_ip::ip_header;
use greylag_wire::ethernet::{self, EtherType};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpProtocol, UDP_HEADER_LEN, UdpPacket, UdpRepr};
use std::collections::BTreeMap;
use std::time::Duration;

/// Between two packets: below what routers answer in a second.
const PACE: Duration = Duration::from_millis(2);

/// An answer takes no longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A packet that nobody answers is sent so often: routers answer only so many.
const ATTEMPTS: u8 = 3;

/// Where traceroute knocks, since nobody listens there.
const FIRST_PORT: u16 = 33_434;

/// Flows that are tried for one bucket, for each bucket that there is.
const TRIES: u64 = 64;

/// One bucket, and the packet that was sent through it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PathProbe {
    /// The group.
    pub group: GroupId,
    /// The bucket.
    pub bucket: u16,
    /// A prefix that leads there.
    pub prefix: IpNet,
    /// How many do.
    pub prefixes: u64,
    /// Where the bucket leads, for people.
    pub next_hop: String,
    /// Where the packet was from.
    pub source: IpAddr,
    /// Where it was to.
    pub destination: IpAddr,
    /// UDP ports of the flow.
    pub source_port: u16,
    /// UDP ports of the flow.
    pub destination_port: u16,
    /// How often it was sent.
    pub attempts: u8,
    /// Who answered.
    pub answered_by: Option<IpAddr>,
}

/// How a packet is known again: both addresses, for its source is another on each link, and both ports.
type Flow = (IpAddr, IpAddr, u16, u16);

impl PathProbe {
    fn flow(&self) -> Flow {
        (self.source, self.destination, self.source_port, self.destination_port)
    }
}

/// A check that is under way, or the last one.
#[derive(Default)]
pub(crate) struct PathCheck {
    probes: Vec<PathProbe>,
    by_flow: BTreeMap<Flow, usize>,
    /// The next to be sent.
    next: usize,
    /// When that is, or when this round is over.
    due: Option<Instant>,
}

impl PathCheck {
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

impl Switch {
    /// Begins to send a packet through every bucket; what is under way is given up.
    pub(crate) fn check_paths(&mut self, now: Instant) {
        let probes = self.make_probes();
        let by_flow = probes.iter().enumerate().map(|(index, probe)| (probe.flow(), index));
        self.routing.path_check = PathCheck { by_flow: by_flow.collect(), next: 0, due: Some(now), probes };
        self.run_path_check(now);
    }

    /// What the last check has found, or the one that is under way so far; and whether it is over.
    pub fn path_probes(&self) -> (&[PathProbe], bool) {
        (&self.routing.path_check.probes, self.routing.path_check.due.is_none())
    }

    pub(crate) fn run_path_check(&mut self, now: Instant) {
        while self.routing.path_check.due.is_some_and(|due| due <= now) {
            let check = &mut self.routing.path_check;
            let waits = |probe: &PathProbe| probe.answered_by.is_none() && probe.attempts < ATTEMPTS;
            while check.probes.get(check.next).is_some_and(|probe| !waits(probe)) {
                check.next += 1;
            }
            if let Some(probe) = check.probes.get_mut(check.next) {
                probe.attempts += 1;
                let packet = packet(probe);
                check.next += 1;
                let is_last = !check.probes[check.next..].iter().any(waits);
                check.due = Some(now + if is_last { PATIENCE } else { PACE });
                self.door.originate_routed(now, packet.into());
            } else if check.probes.iter().any(waits) {
                check.next = 0;
            } else {
                check.due = None;
                let lost = check.probes.iter().filter(|probe| probe.answered_by.is_none()).count();
                let probes = check.probes.len();
                self.tell_routing(now, RoutingEvent::PathsChecked { probes, lost });
            }
        }
    }

    /// Somebody says of a packet of ours that it went no further.
    pub(crate) fn hear_error(&mut self, from: IpAddr, quoted: &[u8]) {
        let Some(flow) = flow_of(quoted) else { return };
        let check = &mut self.routing.path_check;
        if let Some(probe) = check.by_flow.get(&flow).and_then(|index| check.probes.get_mut(*index)) {
            probe.answered_by.get_or_insert(from);
        }
    }

    fn make_probes(&mut self) -> Vec<PathProbe> {
        let hash = hash_of(self.flow_hash(), "ecmp");
        let mut probes = Vec::new();
        for GroupUse { group, prefix, prefixes, buckets } in self.door.group_uses() {
            if !self.leads_on(group, &buckets) {
                continue;
            }
            for (index, &next_hop) in buckets.iter().enumerate() {
                let (bucket_id, count) = (index as u16, buckets.len() as u64);
                let source = self.probe_source(group, next_hop, prefix);
                let Some(source) = source else { continue };
                let Some(flow) = self.find_flow(&hash, prefix, source, (bucket_id.into(), count)) else {
                    continue;
                };
                let (_, destination, source_port, destination_port) = flow;
                probes.push(PathProbe {
                    group,
                    bucket: bucket_id,
                    prefix,
                    prefixes,
                    next_hop: next_hop.map_or_else(|| "nobody".to_owned(), |id| self.words().next_hop(id)),
                    source,
                    destination,
                    source_port,
                    destination_port,
                    attempts: 0,
                    answered_by: None,
                });
            }
        }
        probes
    }

    /// The group is to lead to another router, or does so though the RIB has no such group.
    fn leads_on(&self, group: GroupId, buckets: &[Option<NextHopId>]) -> bool {
        let is_neighbor = |adjacency: &Adjacency| matches!(adjacency, Adjacency::Neighbor(..));
        match self.routing.rib.paths.get(group) {
            Some(path) if !path.held.is_empty() => path.held.iter().any(is_neighbor),
            _ => {
                let of_bucket = |id: &NextHopId| self.routing.rib.next_hops.adjacency(*id);
                buckets.iter().flatten().filter_map(of_bucket).any(|adjacency| is_neighbor(&adjacency))
            }
        }
    }

    /// Our address on the link that the packet leaves by, which the next router knows.
    fn probe_source(&self, group: GroupId, next_hop: Option<NextHopId>, prefix: IpNet) -> Option<IpAddr> {
        let of_bucket = next_hop.and_then(|id| self.routing.rib.next_hops.adjacency(id));
        let of_group = self.routing.rib.paths.get(group).and_then(|path| path.held.first().copied());
        let interface =
            [of_bucket, of_group].into_iter().flatten().find_map(|adjacency| match adjacency {
                Adjacency::Neighbor(interface, _) => Some(interface),
                _ => None,
            })?;
        let own = &self.config().interfaces.get(interface.index())?.addresses;
        let on_link = own.iter().map(|address| address.ip).find(|ip| ip.is_ipv4() == prefix.addr().is_ipv4());
        on_link.or_else(|| self.own_anywhere(prefix.addr()))
    }

    /// A flow to a prefix that the hash puts into a bucket; `None` when none is found that the prefix itself leads there.
    fn find_flow(
        &self,
        hash: &FlowHash,
        prefix: IpNet,
        source: IpAddr,
        (bucket, count): (u64, u64),
    ) -> Option<Flow> {
        for attempt in 0..TRIES * count {
            let destination = nth_address(prefix, 1 + attempt / (TRIES * 4));
            if self.routing.rib.longest(destination) != Some(prefix) {
                continue;
            }
            let port = (attempt % 16_384) as u16;
            let (source_port, destination_port) = (49_152 + port, FIRST_PORT + port % 128);
            let packet = datagram(source, destination, source_port, destination_port);
            if u64::from(hash.of(&frame(&packet), VlanId::DEFAULT) as u32) % count == bucket {
                return Some((source, destination, source_port, destination_port));
            }
        }
        None
    }
}

/// An address of a prefix.
fn nth_address(prefix: IpNet, number: u64) -> IpAddr {
    let hosts = u32::from(prefix.max_prefix_len() - prefix.prefix_len());
    let offset = if hosts == 0 { 0 } else { number & ((1_u64 << hosts.min(63)) - 1) };
    match prefix {
        IpNet::V4(net) => IpAddr::V4((net.network().to_bits() | offset as u32).into()),
        IpNet::V6(net) => IpAddr::V6((net.network().to_bits() | u128::from(offset)).into()),
    }
}

fn packet(probe: &PathProbe) -> Vec<u8> {
    datagram(probe.source, probe.destination, probe.source_port, probe.destination_port)
}

/// A UDP datagram without content whose time is over at the next router.
fn datagram(from: IpAddr, to: IpAddr, source_port: u16, destination_port: u16) -> Vec<u8> {
    let header_len = ip_header::len(to);
    let mut packet = vec![0; header_len + UDP_HEADER_LEN];
    let body = ip_header::emit(&mut packet, (from, to), IpProtocol::Udp, 1);
    let repr = UdpRepr { src_port: source_port, dst_port: destination_port };
    let checksums = ChecksumCapabilities::default();
    repr.emit(&mut UdpPacket::new_unchecked(body), &from.into(), &to.into(), 0, |_| {}, &checksums);
    packet
}

/// As the worker has it before it: which addresses stand on the link says nothing of where it goes.
fn frame(packet: &[u8]) -> Vec<u8> {
    let ether_type = if packet[0] >> 4 == 4 { EtherType::IPV4 } else { EtherType::IPV6 };
    ethernet::Repr { destination: MacAddr::ZERO, source: MacAddr::ZERO, ether_type }.frame(packet)
}

/// The flow of a UDP datagram of which the beginning is quoted.
fn flow_of(quoted: &[u8]) -> Option<Flow> {
    let (source, destination, header_len, protocol) = match quoted.first()? >> 4 {
        4 => {
            let address = |at: usize| Some(IpAddr::from(*quoted.get(at..)?.first_chunk::<4>()?));
            (address(12)?, address(16)?, usize::from(quoted[0] & 0xf) * 4, quoted[9])
        }
        6 => {
            let address = |at: usize| Some(IpAddr::from(*quoted.get(at..)?.first_chunk::<16>()?));
            (address(8)?, address(24)?, 40, quoted[6])
        }
        _ => return None,
    };
    let ports = quoted.get(header_len..header_len + 4).filter(|_| protocol == 17)?;
    let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
    Some((source, destination, port(0), port(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_known_again_by_what_is_quoted_of_it() {
        for (from, to) in [("192.0.2.1", "198.51.100.7"), ("2001:db8::1", "2001:db8:1::7")] {
            let (from, to): (IpAddr, IpAddr) = (from.parse().unwrap(), to.parse().unwrap());
            let quoted = datagram(from, to, 50_000, 33_440);
            assert_eq!(flow_of(&quoted), Some((from, to, 50_000, 33_440)));
            assert_eq!(flow_of(&quoted[..quoted.len() - 6]), None);
        }
    }

    #[test]
    fn addresses_stay_within_their_prefix() {
        for prefix in ["10.0.0.0/8", "10.1.2.3/32", "10.1.2.2/31", "2001:db8::/32", "2001:db8::1/128", "::/0"]
        {
            let prefix: IpNet = prefix.parse().unwrap();
            for number in [0, 1, 2, 255, 65_536, u64::MAX] {
                assert!(prefix.contains(&nth_address(prefix, number)), "{prefix} {number}");
            }
        }
    }
}
