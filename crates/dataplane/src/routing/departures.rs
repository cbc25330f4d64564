//! What leaves by interfaces of layer 3: packets that are routed, and frames of the switch itself. By a port of the interface, or in its
//! VLAN: where the MAC table has the station, or to everybody.

use crate::counters::Family;
use crate::flood::{FloodBudget, Flooded, flood};
use crate::forwarding::ExitWay;
use crate::ingress::Header;
use crate::lookup::{Verdict, decide};
use crate::plane::Reporter;
use crate::routing::rewrite::{address, rewrite};
use crate::routing::{Load, Round};
use crate::storm::FloodClass;
use crate::tracer::Path;
use crate::waiting::Waiting;
use crate::{Decision, Forwarding, Keeper, Tracer, WorkerEvent};
use greylag_base::{DropReason, InterfaceId, MacAddr, PortId, VlanId};
use greylag_mactable::{Key, Session, UNKNOWN};
use greylag_ports::BATCH_FRAMES;

/// Where a frame leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By this port.
    Port(PortId),
    /// Behind this port, which may be a bundle: the frame has the header to choose by.
    Behind(PortId),
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
    /// To whom, and from whom.
    addresses: [[u64; 2]; BATCH_FRAMES],
    packets: [Option<(Family, u32)>; BATCH_FRAMES],
    ways: [Way; BATCH_FRAMES],
    /// Which of them are no packets of ours, and leave as they came in, a bit each.
    bridged: u64,
    /// Where nobody listens, nothing is written there.
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
pub(crate) struct Departure {
    pub(crate) frame: u16,
    pub(crate) id: InterfaceId,
    /// To whom, and from whom.
    pub(crate) addresses: [u64; 2],
    /// The IP packet that it carries, for the interface's counters.
    pub(crate) packet: Option<(Family, u32)>,
}

impl Departure {
    /// It leaves by this port at once: whose port that is was never a question.
    #[inline(always)]
    pub(crate) fn leave_by<T: Tracer>(
        &self,
        port: PortId,
        path: Option<Path>,
        origin: Origin,
        round: &Round<'_>,
        load: &mut Load<'_, '_, T>,
    ) {
        load.egress.add(port, self.frame);
        self.has_left(Left::By(port), path, origin, round, load);
    }

    /// It is on its lists: it is counted and told, and becomes what it leaves as.
    #[inline(always)]
    fn has_left<T: Tracer>(
        &self,
        left: Left,
        path: Option<Path>,
        origin: Origin,
        round: &Round<'_>,
        load: &mut Load<'_, '_, T>,
    ) {
        let Departure { frame, id, addresses, packet } = *self;
        // One by one: which of several next hops is the next, nobody can guess.
        if let Some((family, octets)) = packet
            && let Some(counters) = round.share.counters.interface(id)
        {
            counters.tx.count(family, octets);
        }
        if T::LISTENS {
            load.account.tell(load.batch, frame, left.told(path));
        }
        match origin {
            Origin::Routed => rewrite(load.batch, frame, addresses),
            Origin::OwnRouted => address(load.batch.bytes_mut(frame.into()), addresses),
            Origin::Own => {}
        }
    }
}

impl Departures {
    pub(crate) fn new() -> Self {
        Departures {
            count: 0,
            frames: [0; BATCH_FRAMES],
            interfaces: [InterfaceId(0); BATCH_FRAMES],
            addresses: [[0; 2]; BATCH_FRAMES],
            packets: [None; BATCH_FRAMES],
            ways: [Way::Nowhere(DropReason::InterfaceDown); BATCH_FRAMES],
            bridged: 0,
            paths: [None; BATCH_FRAMES],
            sought: 0,
            stations: [Key::default(); BATCH_FRAMES],
            seekers: [0; BATCH_FRAMES],
            ports: [UNKNOWN; BATCH_FRAMES],
        }
    }

    /// One more. `headers` are those of the batch: what leaves in a VLAN gets another, with the priority of the one it has.
    #[inline(always)]
    pub(crate) fn add(&mut self, departure: Departure, way: ExitWay, headers: &mut [Option<Header>]) {
        let Departure { frame, id, addresses, packet } = departure;
        let at = self.count;
        self.ways[at] = match way {
            ExitWay::Port(port) => Way::Port(port),
            ExitWay::Vlan(vlan) => {
                let destination = give_header(&mut headers[usize::from(frame)], addresses, vlan);
                self.in_vlan(at, vlan, destination)
            }
            ExitWay::Bundle(port) => {
                give_header(&mut headers[usize::from(frame)], addresses, VlanId::DEFAULT);
                Way::Behind(port)
            }
            ExitWay::None(reason) => Way::Nowhere(reason),
        };
        self.frames[at] = frame;
        self.interfaces[at] = id;
        self.addresses[at] = addresses;
        self.packets[at] = packet;
        self.count += 1;
    }

    /// One more, which came in in a VLAN and stays there as it is.
    pub(crate) fn bridge(&mut self, frame: u16, headers: &[Option<Header>]) {
        let at = self.count;
        let header = headers[usize::from(frame)].as_ref().expect("what came in has a header");
        self.ways[at] = self.in_vlan(at, header.vlan, header.destination);
        self.frames[at] = frame;
        self.packets[at] = None;
        self.paths[at] = None;
        self.bridged |= 1 << at;
        self.count += 1;
    }

    /// The way of a frame that leaves in a VLAN, as far as it is known before anybody has looked for the station.
    #[inline(always)]
    fn in_vlan(&mut self, at: usize, vlan: VlanId, destination: MacAddr) -> Way {
        if destination.is_group() {
            let class = match destination.is_broadcast() {
                true => FloodClass::Broadcast,
                false => FloodClass::Multicast,
            };
            return Way::Flood(class);
        }
        self.stations[self.sought] = Key::new(vlan.get(), destination.to_bits());
        self.seekers[self.sought] = at as u16;
        self.sought += 1;
        Way::Flood(FloodClass::UnknownUnicast)
    }

    /// How the last one was found.
    pub(crate) fn tell_path(&mut self, path: Option<Path>) {
        self.paths[self.count - 1] = path;
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
            if self.bridged & 1 << seeker != 0 {
                // The bridge has more to ask, and nobody to wait for.
                if port != UNKNOWN {
                    *way = Way::Behind(PortId(port));
                }
            } else if port != UNKNOWN {
                if of_the_agent {
                    waiting.answer_search(vlan, mac);
                }
                *way = match forwarding.port(PortId(port)) {
                    Some(settings) if !settings.up => Way::Nowhere(DropReason::DestinationDown),
                    Some(settings) if !settings.vlans.contains(vlan) => {
                        Way::Nowhere(DropReason::VlanNotAllowed)
                    }
                    Some(_) => Way::Behind(PortId(port)),
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
        let bridged = std::mem::take(&mut self.bridged);
        for at in 0..std::mem::take(&mut self.count) {
            let (frame, addresses) = (self.frames[at], self.addresses[at]);
            let is_bridged = bridged & 1 << at != 0;
            let outcome = match self.ways[at] {
                _ if is_bridged => on_in_its_vlan(self.ways[at], frame, round, load, budget),
                Way::Port(port) => {
                    load.egress.add(port, frame);
                    Ok(Left::By(port))
                }
                Way::Behind(port) => behind(port, frame, round, load),
                Way::Flood(class) => budget.take(class).and_then(|()| to_all(frame, None, round, load)),
                Way::Nowhere(reason) => Err(reason),
            };
            let left = match outcome {
                Ok(left) => left,
                Err(reason) => {
                    load.account.drop_frame(load.batch, frame, reason);
                    continue;
                }
            };
            let departure = Departure { frame, id: self.interfaces[at], addresses, packet: self.packets[at] };
            let origin = if is_bridged { Origin::Own } else { origin };
            departure.has_left(left, self.paths[at], origin, round, load);
        }
        self.sought = 0;
    }
}

/// Gives a frame the header that it leaves with; says its destination.
#[inline(always)]
fn give_header(header: &mut Option<Header>, addresses: [u64; 2], vlan: VlanId) -> MacAddr {
    let [destination, source] = addresses.map(MacAddr::from_bits);
    let tag = header.as_ref().expect("what leaves has a header").tag.with_vlan(vlan);
    *header = Some(Header { destination, source, vlan, tag });
    destination
}

#[inline(always)]
fn behind<T>(
    port: PortId,
    frame: u16,
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
) -> Result<Left, DropReason> {
    let header = load.headers[usize::from(frame)].as_ref().expect("what leaves has a header");
    let port = round
        .forwarding
        .leaves_by(port, header, || load.batch.bytes(frame.into()))
        .ok_or(DropReason::DestinationDown)?;
    load.egress.add(port, frame);
    Ok(Left::By(port))
}

/// A frame that came in in a VLAN leaves it by another port, as the bridge has it.
#[inline(never)]
fn on_in_its_vlan<T: Tracer>(
    way: Way,
    frame: u16,
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
    budget: &mut FloodBudget,
) -> Result<Left, DropReason> {
    let header = load.headers[usize::from(frame)].as_ref().expect("what leaves has a header");
    let station = if let Way::Behind(port) = way { Some(port) } else { None };
    match decide(header, station, round.ingress, round.forwarding) {
        Verdict::Forward(port) => behind(port, frame, round, load),
        Verdict::Flood(class) => {
            budget.take(class).and_then(|()| to_all(frame, Some(round.ingress), round, load))
        }
        Verdict::Drop(reason) => Err(reason),
    }
}

fn to_all<T: Tracer>(
    frame: u16,
    ingress: Option<PortId>,
    round: &Round<'_>,
    load: &mut Load<'_, '_, T>,
) -> Result<Left, DropReason> {
    let header = load.headers[usize::from(frame)].as_ref().expect("what leaves has a header");
    let flooded = Flooded { frame, batch: load.batch, header, ingress, now: round.now };
    let Load { egress, account, .. } = load;
    let left_out = flood(&flooded, round.forwarding, &round.share.counters, egress, account.tracer)?;
    load.account.counters.flooded.add(1);
    Ok(Left::ToAll { left_out })
}
