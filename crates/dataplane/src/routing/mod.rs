//! Layer 3: frames to an interface of the switch, and the way of a packet through it.
//!
//! Read RFC 1812 5.2 and 5.3 and RFC 8200 first. Stage by stage, each over the whole batch: `concern.rs` tells what a frame has to do with
//! an interface → `header.rs` and `martian.rs` check the IP header and read the flow → `packets.rs` finds group and next hop, all packets
//! of a family at once → `outcome.rs` decides what is done → `ours.rs` hands up what the switch itself has to see, or → `departures.rs` finds the port,
//! behind which the next hop's station is where it is in a VLAN → `rewrite.rs` makes it another hop's frame.
//!
//! Everything up to there decides and changes no frame; what an answer to "what would become of this frame" needs is the same code.
//!
//! Frames come here from the bridge (`worker.rs`), for the interface of a VLAN; from a port of an interface's own, and from another IP
//! stack that shares one (`port.rs`); and from the control side. What is the switch's own leaves as `own.rs` has it.

mod concern;
mod departures;
mod header;
mod martian;
mod ours;
mod outcome;
mod own;
mod packets;
mod port;
mod rewrite;

pub(crate) use concern::{Concern, concern};
pub(crate) use departures::Origin;
pub(crate) use header::packet_of;
pub(crate) use own::{originate, originate_routed};
pub(crate) use port::{from_host, from_routed_port};

use crate::account::Account;
use crate::counters::{Family, PortCounters, Tally};
use crate::egress::Egress;
use crate::flow_hash::Link;
use crate::forwarding::ExitWay;
use crate::ingress::{Header, stations_of};
use crate::next_hop::{NextHopWord, NextHops};
use crate::plane::{DataPlane, Reporter, WorkerShare};
use crate::routes::RouteReader;
use crate::routing::concern::is_to_link_group;
use crate::routing::departures::{Departure, Departures};
use crate::routing::outcome::{Found, Refusal, leaving, refusal};
use crate::routing::packets::Packets;
use crate::{Choice, Forwarding, PuntReason, Tracer};
use core::net::{Ipv4Addr, Ipv6Addr};
use greylag_base::{DropReason, Instant, InterfaceId, PortId};
use greylag_fib::{Address, Choices};
use greylag_mactable::Seat;
use greylag_ports::{BATCH_FRAMES, Batch};
use greylag_wire::ethernet::EtherType;
use greylag_wire::five_tuple::FiveTuple;
use std::cell::Cell;

/// What is the same for all frames of a batch.
pub(crate) struct Round<'a> {
    pub(crate) now: Instant,
    /// The worker's index.
    pub(crate) worker: u16,
    /// The port by which the batch came in.
    pub(crate) arrival: PortId,
    /// The port of the bridge, or the routed port, that is or is a part of.
    pub(crate) ingress: PortId,
    pub(crate) forwarding: &'a Forwarding,
    pub(crate) share: &'a WorkerShare,
    /// Something was handed up.
    pub(crate) has_punted: Cell<bool>,
}

impl Round<'_> {
    fn arrived(&self) -> &PortCounters {
        self.share.counters.port(self.arrival)
    }
}

/// What a worker has for routing: its eyes on the routes, and memory for what the stages of a batch leave for each other.
pub(crate) struct Router {
    /// None where there is no room for any route: then there is no route to anywhere.
    routes: Option<RouteReader>,
    ipv4: Box<Packets<u32>>,
    ipv6: Box<Packets<u128>>,
    pub(crate) departures: Box<Departures>,
}

/// What the stages need of the batch.
pub(crate) struct Load<'a, 'c, T> {
    pub(crate) batch: &'a mut Batch,
    pub(crate) headers: &'a mut [Option<Header>; BATCH_FRAMES],
    pub(crate) egress: &'a mut Egress,
    pub(crate) account: &'a mut Account<'c, T>,
}

/// What it takes to find a station in a VLAN, and to say that nobody knows it.
pub(crate) struct Search<'a> {
    pub(crate) seat: &'a mut Seat,
    pub(crate) reporter: &'a Reporter<'a>,
}

impl Router {
    pub(crate) fn new(routes: Option<RouteReader>) -> Self {
        Router {
            routes,
            ipv4: Box::new(Packets::new(Family::Ipv4, 0)),
            ipv6: Box::new(Packets::new(Family::Ipv6, 0)),
            departures: Box::new(Departures::new()),
        }
    }

    /// Takes a frame that came in by `interface`: a packet to its station waits to be routed, everything else goes where it belongs.
    #[inline(always)]
    pub(crate) fn receive<T: Tracer>(
        &mut self,
        concern: Concern,
        (frame, interface): (u16, InterfaceId),
        round: &Round<'_>,
        load: &mut Load<'_, '_, T>,
    ) {
        let (ether_type, packet) = packet_of(load.batch, frame);
        let hash = round.forwarding.route_hash();
        let place = (frame, interface);
        let link = || {
            let [destination, source] = stations_of(load.batch.bytes(frame.into())).map(|mac| mac << 16);
            let vlan = load.headers[usize::from(frame)].as_ref().expect("a packet has a header").vlan;
            Link { destination, source, vlan, ether_type }
        };
        let refused = match concern {
            Concern::Ipv4 => match header::ipv4(packet) {
                Ok(header) => {
                    let flow = FiveTuple::<Ipv4Addr>::parse(packet).expect("its header is sound");
                    if let Some(routes) = &self.routes {
                        routes.ipv4.expect(header.destination);
                    }
                    self.ipv4.push(place, &header, hash.of_ipv4(&flow, link));
                    return;
                }
                Err(reason) => reason,
            },
            Concern::Ipv6 => match header::ipv6(packet) {
                Ok(header) => {
                    let flow = FiveTuple::<Ipv6Addr>::parse(packet).expect("its header is sound");
                    if let Some(routes) = &self.routes {
                        routes.ipv6.expect(header.destination);
                    }
                    self.ipv6.push(place, &header, hash.of_ipv6(&flow, link));
                    return;
                }
                Err(reason) => reason,
            },
            Concern::Link => return round.take_in(load, place, PuntReason::Link),
            Concern::Nothing => DropReason::NotForUs,
            Concern::Unknown => DropReason::UnknownProtocol,
        };
        match refused {
            // RFC 6085: what is to a group may be sent to one station's address.
            DropReason::MartianDestination if is_to_link_group(EtherType(ether_type), packet) => {
                round.take_in(load, place, PuntReason::Link);
            }
            reason => load.account.drop_frame(load.batch, frame, reason),
        }
    }

    /// There are packets to be routed.
    pub(crate) fn has_packets(&self) -> bool {
        self.ipv4.count + self.ipv6.count > 0
    }

    /// Decides over all packets that were admitted: what leaves in a VLAN or by a bundle is among the departures, everything else is where
    /// it belongs.
    pub(crate) fn route<T: Tracer>(&mut self, origin: Origin, round: &Round<'_>, load: &mut Load<'_, '_, T>) {
        let stale = round.forwarding.stale_buckets();
        let Router { routes, ipv4, ipv6, departures } = self;
        let Some(RouteReader { ipv4: ipv4_routes, ipv6: ipv6_routes, groups, next_hops }) = routes else {
            return self.refuse_all(load);
        };
        let choices = groups.choices(round.now);
        if ipv4.count > 0 {
            ipv4.look_up(&ipv4_routes.session());
            ipv4.choose(&choices, round.worker, stale);
            dispose(ipv4, (next_hops, &choices), (origin, departures), round, load);
        }
        if ipv6.count > 0 {
            ipv6.look_up(&ipv6_routes.session());
            ipv6.choose(&choices, round.worker, stale);
            dispose(ipv6, (next_hops, &choices), (origin, departures), round, load);
        }
    }

    /// Finds the ports of the stations that are in VLANs, where the bridge has not done that.
    fn find_stations(&mut self, plane: &DataPlane, round: &Round<'_>, search: Search<'_>) {
        if self.departures.seeks() {
            let session = plane.table().session_at(search.seat, round.now.as_nanos());
            self.departures.seek(&session, round.forwarding, search.reporter, &round.share.waiting);
        }
    }

    fn refuse_all<T: Tracer>(&mut self, load: &mut Load<'_, '_, T>) {
        let (ipv4, ipv6) = (&self.ipv4, &self.ipv6);
        for &frame in ipv4.frames[..ipv4.count].iter().chain(&ipv6.frames[..ipv6.count]) {
            load.account.drop_frame(load.batch, frame, DropReason::NoRoute);
        }
        (self.ipv4.count, self.ipv6.count) = (0, 0);
    }
}

/// Does with each packet what its next hop says, and forgets them.
fn dispose<A: Address, T: Tracer>(
    packets: &mut Packets<A>,
    (next_hops, choices): (&NextHops, &Choices<'_>),
    (origin, departures): (Origin, &mut Departures),
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
) {
    let Round { forwarding, share, .. } = round;
    let has_peers = forwarding.has_peers();
    let mut tally = Tally::new(|interface| share.counters.interface(interface).map(|counters| &counters.rx));
    for at in 0..std::mem::take(&mut packets.count) {
        let (frame, arrival, octets) = (packets.frames[at], packets.arrivals[at], packets.octets[at]);
        let next_hop = packets.chosen[at].map(|id| (id, next_hops.word(id)));
        if has_peers && is_for_peer(next_hop.map(|found| found.1), (frame, arrival), round, load) {
            departures.bridge(frame, load.headers);
            continue;
        }
        tally.count(arrival, packets.family, octets);
        let found = Found { group: packets.groups[at], next_hop, marks: packets.marks[at] };
        if T::LISTENS
            && let Some(group) = found.group
        {
            let bucket = choices.bucket(group, packets.hashes[at]).unwrap_or_default();
            let next_hop = packets.chosen[at];
            load.account.tracer.chose(frame, Choice { group, bucket, next_hop });
        }
        let fits = |mtu: usize| octets as usize <= mtu || has_short_segments(load.batch, frame, mtu);
        if let Some(leaving) = leaving(&found, fits, forwarding) {
            let addresses = [leaving.neighbor, leaving.exit.mac];
            let packet = Some((packets.family, octets));
            let departure = Departure { frame, id: leaving.id, addresses, packet };
            let bucket = |group| choices.bucket(group, packets.hashes[at]);
            let path = if T::LISTENS { found.path(&leaving, bucket) } else { None };
            match leaving.exit.way {
                ExitWay::Port(port) => departure.leave_by(port, path, origin, round, load),
                way => {
                    departures.add(departure, way, load.headers);
                    if T::LISTENS {
                        departures.tell_path(path);
                    }
                }
            }
            continue;
        }
        let outcome = match refusal(&found, forwarding) {
            Refusal::Ours => round.deliver(load.batch, (frame, arrival), PuntReason::Address, load.egress),
            Refusal::Silent(reason) => Err(reason),
            Refusal::Told(reason, why) => {
                // As far as there is room: it is counted for its own reason either way.
                round.show(load.batch, (frame, arrival), why);
                Err(reason)
            }
        };
        load.account.settle(load.batch, frame, outcome);
    }
}

/// A packet was sent to the station of the other chassis, for which this one stands in, and would be routed back into its VLAN to that
/// very station: it is for an address of the other chassis itself, or goes by it. It has to reach it as it is, for what chassis say to
/// their neighbours often lives no hop longer (RFC 5082, RFC 5881 5, RFC 4271 with neighbours that are directly connected).
#[inline(never)]
fn is_for_peer<T>(
    next_hop: Option<NextHopWord>,
    (frame, arrival): (u16, InterfaceId),
    round: &Round<'_>,
    load: &Load<'_, '_, T>,
) -> bool {
    let Some(header) = &load.headers[usize::from(frame)] else { return false };
    let interface = round.forwarding.interface(arrival);
    interface.is_some_and(|interface| interface.stands_in_for(header.destination))
        && next_hop.and_then(NextHopWord::neighbor) == Some((arrival, header.destination.to_bits()))
}

/// A packet that is longer than `mtu` is cut into segments before it is on a wire, and those are not.
#[cold]
fn has_short_segments(batch: &Batch, frame: u16, mtu: usize) -> bool {
    let (offload, len) = (batch.offload(frame.into()), batch.bytes(frame.into()).len());
    let link = header::packet_at(batch.tagging(frame.into()));
    offload.is_super_frame() && offload.wire_len(len) <= link + mtu
}
