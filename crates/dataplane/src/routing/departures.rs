//! What leaves by interfaces of layer 3: packets that are routed, and frames of the switch itself. By a port of the interface, or in its
//! VLAN: where the MAC table has the station, or to everybody.

use crate::counters::{Family, Tally};
use crate::flood::{FloodBudget, Flooded, flood};
use crate::ingress::Header;
use crate::plane::Reporter;
use crate::routing::rewrite::{address, rewrite};
use crate::routing::{Load, Round};
use crate::storm::FloodClass;
use crate::tracer::Path;
use crate::waiting::Waiting;
use crate::{Carrier, Decision, Forwarding, InterfaceForwarding, Keeper, Tracer, WorkerEvent};
use greylag_base::{DropReason, InterfaceId, MacAddr, PortId, VlanId};
use greylag_mactable::{Key, Session, UNKNOWN};
use greylag_ports::BATCH_FRAMES;
use greylag_wire::vlan::Tci;

/// Where a frame leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Port(PortId),
    /// To its VLAN.
    Flood(FloodClass),
    Nowhere(DropReason),
}

/// How a frame has left.
#[derive(Clone, Copy)]
enum Left {
    By(PortId),
    ToAll { left_out: bool },
}

impl Left {
    fn told(self, path: Option<Path>) -> Decision {
        match (self, path) {
            (Left::By(port), Some(path)) => Decision::Routed { path, port },
            (Left::By(port), None) => Decision::Forwarded(port),
            (Left::ToAll { left_out }, Some(path)) => Decision::RoutedToAll { path, left_out },
            (Left::ToAll { left_out }, None) => Decision::Flooded { left_out },
        }
    }
}

/// What is done with frames on their way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// They are routed: they get other stations, and live one hop less.
    Routed,
    /// They are the switch's own: they are as they are to be.
    Own,
    /// They are the switch's own and routed: they get stations, and live as long as they were to.
    OwnRouted,
}

/// The frames of a batch that leave by interfaces, a column for each thing that is known of them.
pub(crate) struct Departures {
    count: usize,
    frames: [u16; BATCH_FRAMES],
    interfaces: [InterfaceId; BATCH_FRAMES],
    packets: [Option<(Family, u32)>; BATCH_FRAMES],
    ways: [Way; BATCH_FRAMES],
    paths: [Option<Path>; BATCH_FRAMES],
    /// How many of them are for a station somewhere in a VLAN.
    sought: usize,
    stations: [Key; BATCH_FRAMES],
    /// Which they are.
    seekers: [u16; BATCH_FRAMES],
    /// Behind which ports the stations are.
    ports: [u16; BATCH_FRAMES],
}

/// One frame that is to leave.
pub(crate) struct Departure<'f> {
    pub(crate) frame: u16,
    pub(crate) id: InterfaceId,
    pub(crate) interface: &'f InterfaceForwarding,
    /// The IP packet that it carries, for the interface's counters.
    pub(crate) packet: Option<(Family, u32)>,
    /// How it was found, if it was routed and somebody listens.
    pub(crate) path: Option<Path>,
}

impl Departures {
    pub(crate) fn new() -> Self {
        Departures {
            count: 0,
            frames: [0; BATCH_FRAMES],
            interfaces: [InterfaceId(0); BATCH_FRAMES],
            packets: [None; BATCH_FRAMES],
            ways: [Way::Nowhere(DropReason::InterfaceDown); BATCH_FRAMES],
            paths: [None; BATCH_FRAMES],
            sought: 0,
            stations: [Key::default(); BATCH_FRAMES],
            seekers: [0; BATCH_FRAMES],
            ports: [UNKNOWN; BATCH_FRAMES],
        }
    }

    /// The header of a frame from `source` to `destination` by an interface, with the priority of `tag`.
    #[inline(always)]
    pub(crate) fn header(
        interface: &InterfaceForwarding,
        (destination, source): (MacAddr, MacAddr),
        tag: Tci,
    ) -> Header {
        let vlan = match interface.carrier {
            Carrier::Vlan(vlan) => vlan,
            Carrier::Port(_) | Carrier::Loopback => VlanId::DEFAULT,
        };
        Header { destination, source, vlan, tag: tag.with_vlan(vlan) }
    }

    /// One more, with this header.
    #[inline(always)]
    pub(crate) fn add(&mut self, departure: Departure<'_>, header: &Header, forwarding: &Forwarding) {
        let Departure { frame, id, interface, packet, path } = departure;
        let at = self.count;
        self.ways[at] = match interface.carrier {
            Carrier::Port(port) => match forwarding.port(port) {
                Some(settings) if settings.up => Way::Port(port),
                _ => Way::Nowhere(DropReason::DestinationDown),
            },
            Carrier::Vlan(_) if header.destination.is_broadcast() => Way::Flood(FloodClass::Broadcast),
            Carrier::Vlan(_) if header.destination.is_group() => Way::Flood(FloodClass::Multicast),
            Carrier::Vlan(vlan) => {
                self.stations[self.sought] = Key::new(vlan.get(), header.destination.to_bits());
                self.seekers[self.sought] = at as u16;
                self.sought += 1;
                Way::Flood(FloodClass::UnknownUnicast)
            }
            Carrier::Loopback => Way::Nowhere(DropReason::InterfaceDown),
        };
        self.frames[at] = frame;
        self.interfaces[at] = id;
        self.packets[at] = packet;
        self.paths[at] = path;
        self.count += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The port of a station has to be asked for.
    pub(crate) fn seeks(&self) -> bool {
        self.sought > 0
    }

    /// Finds the ports of all stations that are somewhere in a VLAN.
    pub(crate) fn seek(
        &mut self,
        session: &Session<'_>,
        forwarding: &Forwarding,
        reporter: &Reporter<'_>,
        waiting: &Waiting,
    ) {
        let stations = &self.stations[..self.sought];
        session.lookup_ports(stations, &mut self.ports[..self.sought]);
        let of_the_agent = forwarding.learning().adjacency == Keeper::Agent;
        for ((station, &port), &seeker) in stations.iter().zip(&self.ports).zip(&self.seekers) {
            let way = &mut self.ways[usize::from(seeker)];
            let vlan = VlanId::new(station.vlan()).expect("it was made of one");
            let mac = MacAddr::from_bits(station.mac());
            if port != UNKNOWN {
                if of_the_agent {
                    waiting.answer_search(vlan, mac);
                }
                *way = match forwarding.port(PortId(port)) {
                    Some(settings) if !settings.up => Way::Nowhere(DropReason::DestinationDown),
                    Some(settings) if !settings.vlans.contains(vlan) => {
                        Way::Nowhere(DropReason::VlanNotAllowed)
                    }
                    Some(_) => Way::Port(PortId(port)),
                    None => Way::Nowhere(DropReason::DestinationDown),
                };
            } else if of_the_agent {
                *way = Way::Nowhere(DropReason::AdjacencyUnresolved);
                let report = WorkerEvent::AdjacencyUnresolved { vlan, mac };
                if waiting.is_due(&report, forwarding.learning().report_interval, reporter.now) {
                    reporter.report(report);
                }
            }
        }
    }

    /// What is to be flooded of them.
    pub(crate) fn want(&self, budget: &mut FloodBudget) {
        for way in &self.ways[..self.count] {
            if let Way::Flood(class) = way {
                budget.want(*class);
            }
        }
    }

    /// Puts each on the lists of the ports that it leaves by, and forgets them all.
    pub(crate) fn leave<T: Tracer>(
        &mut self,
        origin: Origin,
        round: &Round<'_>,
        load: &mut Load<'_, '_, T>,
        budget: &mut FloodBudget,
    ) {
        let counters = &round.share.counters;
        let mut tally = Tally::new(|interface| counters.interface(interface).map(|counters| &counters.tx));
        for at in 0..std::mem::take(&mut self.count) {
            let frame = self.frames[at];
            let header = load.headers[usize::from(frame)].expect("what leaves has a header");
            let outcome = match self.ways[at] {
                Way::Port(port) => by_port(port, frame, &header, round, load),
                Way::Flood(class) => budget.take(class).and_then(|()| to_all(frame, &header, round, load)),
                Way::Nowhere(reason) => Err(reason),
            };
            let left = match outcome {
                Ok(left) => left,
                Err(reason) => {
                    load.account.drop_frame(load.batch, frame, reason);
                    continue;
                }
            };
            if let Some((family, octets)) = self.packets[at] {
                tally.count(self.interfaces[at], family, octets);
            }
            if T::LISTENS {
                load.account.tell(load.batch, frame, left.told(self.paths[at]));
            }
            match origin {
                Origin::Routed => rewrite(load.batch, frame, &header),
                Origin::OwnRouted => address(load.batch, frame, &header),
                Origin::Own => {}
            }
        }
        self.sought = 0;
    }
}

#[inline(always)]
fn by_port<T>(
    port: PortId,
    frame: u16,
    header: &Header,
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
) -> Result<Left, DropReason> {
    let port = round
        .forwarding
        .leaves_by(port, header, || load.batch.bytes(frame.into()))
        .ok_or(DropReason::DestinationDown)?;
    load.egress.add(port, frame);
    Ok(Left::By(port))
}

fn to_all<T>(
    frame: u16,
    header: &Header,
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
) -> Result<Left, DropReason> {
    let flooded = Flooded { frame, batch: load.batch, header, ingress: None, now: round.now };
    let left_out = flood(&flooded, round.forwarding, &round.share.counters, load.egress)?;
    load.account.counters.flooded.add(1);
    Ok(Left::ToAll { left_out })
}
