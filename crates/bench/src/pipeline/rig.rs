//! A worker with its ports, and frames that go as far as they are meant to.

use super::PipelineError;
use super::stage::{Layer, Until};
use crate::{Treadmill, Words, addresses};
use greylag_base::{DropReason, Instant, InterfaceId, MacAddr, PortId, Seed, VlanId, VlanSet};
use greylag_dataplane::{
    Carrier, DataPlane, Forwarding, InterfaceForwarding, Layer3, Limits, NextHop, PortForwarding,
    RouteLimits, Worker,
};
use greylag_fib::{Group, GroupId, Kind, Member, NextHopId, Prefix};
use greylag_lab::runtime::{Clock, Tap};
use greylag_ports::{Batch, Port};
use greylag_wire::checksum;
use greylag_wire::ethernet::{EtherType, Repr};
use std::sync::Arc;

/// In by the first, out by the second.
const PORTS: u16 = 2;
/// Frames before they come again, at least.
const LEAST_FRAMES: usize = 1 << 14;
/// Octets of a frame of 64 without its check sequence.
const FRAME_BYTES: usize = 60;
/// Next-hop groups of the routed case, of two next hops each.
const GROUPS: u32 = 256;
/// A time at which nothing seems to be of before the beginning.
const NOW: Instant = Instant::from_nanos(1_000_000_000_000);

/// The station of an interface of the switch.
const fn interface_mac(index: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0xff, index])
}

/// The neighbour behind the second port.
const NEIGHBOR: MacAddr = MacAddr([2, 0, 0, 0, 0xfe, 1]);

/// What all workers share, and the frames that come in.
pub(crate) struct Scene {
    plane: Arc<DataPlane>,
    frames: Vec<Vec<u8>>,
    until: Until,
}

impl Scene {
    pub(crate) fn new(
        layer: Layer,
        entries: usize,
        until: Until,
        workers: u16,
    ) -> Result<Scene, PipelineError> {
        let (plane, frames) = match layer {
            Layer::Bridged => bridge(entries, until, workers)?,
            Layer::Routed => router(entries, until, workers)?,
        };
        Ok(Scene { plane, frames, until })
    }

    /// A worker with queues of its own, that has seen every frame once.
    pub(crate) fn worker(&self, index: u16, batch: usize) -> Result<Rig, PipelineError> {
        let mut treadmill = Treadmill::in_batches(&self.frames, batch);
        treadmill.skip_to(self.frames.len() / 2 * usize::from(index));
        let ports: Vec<Option<Box<dyn Port>>> =
            vec![Some(Box::new(treadmill)), Some(Box::new(Treadmill::new(&[])))];
        let mut rig = Rig {
            worker: Worker::new(Arc::clone(&self.plane), index.into()),
            batch: Batch::new(),
            ports,
            until: self.until,
            tap: Tap::default(),
            clock: Clock::default(),
        };
        for _ in 0..self.frames.len().div_ceil(batch) {
            rig.step();
        }
        Ok(rig)
    }

    /// Writes to the MAC table and reports to the control side, by all workers since the beginning: all that workers write to memory that
    /// they share.
    pub(crate) fn shared_writes(&self) -> u64 {
        let counts = self.plane.learn_counts();
        let declined: u64 = counts.declined.iter().sum();
        [counts.learned, counts.refreshed, counts.hits, counts.reported, counts.moved, counts.evicted]
            .iter()
            .sum::<u64>()
            + declined
    }

    /// Every frame has gone as far as it was to go, and no further.
    pub(crate) fn check(&self) -> Result<(), PipelineError> {
        let counts = self.plane.port_counts(PortId(0));
        let sent = self.plane.port_counts(PortId(1)).tx_frames;
        let dropped: u64 = counts.drops.iter().sum();
        let expected = match self.until {
            Until::Deliver => (counts.rx_frames, 0),
            Until::Receive | Until::Check | Until::LookUp => (0, counts.rx_frames),
        };
        if (sent, dropped) == expected {
            return Ok(());
        }
        let reasons = DropReason::ALL.iter().filter(|reason| counts.drops[reason.index()] > 0);
        let reasons: Vec<String> = reasons.map(|reason| format!("{reason:?}")).collect();
        Err(PipelineError::Strayed { received: counts.rx_frames, sent, dropped, reasons: reasons.join(", ") })
    }
}

/// One worker and its ports.
pub(crate) struct Rig {
    worker: Worker,
    /// Where frames are received to when no worker is to see them.
    batch: Batch,
    ports: Vec<Option<Box<dyn Port>>>,
    until: Until,
    /// What stands between a running switch's loop and its worker, for whoever traces or captures. Nobody does.
    tap: Tap,
    clock: Clock,
}

impl Rig {
    /// Takes a batch in; says how many frames.
    #[inline]
    pub(crate) fn step(&mut self) -> usize {
        let taken = match self.until {
            Until::Receive => self.ports[0].as_mut().expect("it is there").rx(&mut self.batch),
            _ => Tap::poll_past(&mut self.worker, NOW, PortId(0), &mut self.ports),
        };
        taken.expect("a treadmill does not fail")
    }

    /// Takes a batch in as a running switch does, through the tap; says how many frames.
    #[inline]
    pub(crate) fn step_tapped(&mut self) -> usize {
        let Rig { worker, ports, tap, clock, .. } = self;
        tap.poll((0, worker), (clock, NOW), PortId(0), ports).expect("a treadmill does not fail")
    }
}

/// A data plane, and what its first port receives.
type Made = (Arc<DataPlane>, Vec<Vec<u8>>);

fn bridge(entries: usize, until: Until, workers: u16) -> Result<Made, PipelineError> {
    let room = u32::try_from(2 * entries).map_err(|_| PipelineError::Size(entries))?;
    let limits = Limits { ports: PORTS, workers, mac_entries: room.max(1 << 16), ..Limits::default() };
    let plane = Arc::new(DataPlane::new(&limits, Seed(1)).map_err(|_| PipelineError::Size(entries))?);
    let access = PortForwarding::access(VlanId::DEFAULT);
    plane.publish(Forwarding::new(vec![access.clone(), access], 0));
    let stations = addresses(2 * entries);
    let (sources, destinations) = stations.split_at(entries);
    let session = plane.table().session(NOW.as_nanos());
    for (stations, port) in [(sources, 0), (destinations, u16::from(until != Until::LookUp))] {
        for mac in stations {
            session.learn(&session.probe(VlanId::DEFAULT.get(), mac.0), port);
        }
    }
    drop(session);
    // Each station once as a source and once as a destination, in orders that have nothing to do with each other.
    let mut words = Words(2);
    let mut order = |stations: &[MacAddr]| {
        let mut order: Vec<MacAddr> =
            stations.iter().copied().cycle().take(entries.max(LEAST_FRAMES)).collect();
        words.shuffle(&mut order);
        order
    };
    let (sources, destinations) = (order(sources), order(destinations));
    let frame = |(&source, &destination): (&MacAddr, &MacAddr)| {
        let mut frame = Repr { destination, source, ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[]);
        frame.resize(FRAME_BYTES, 0);
        frame
    };
    let frames = sources.iter().zip(&destinations).map(frame).collect();
    Ok((plane, frames))
}

fn router(entries: usize, until: Until, workers: u16) -> Result<Made, PipelineError> {
    let count =
        u32::try_from(entries).ok().filter(|&count| count <= 1 << 22).ok_or(PipelineError::Size(entries))?;
    let room =
        RouteLimits { ipv4: count, ipv6: 1, groups: GROUPS, buckets: GROUPS * 64, next_hops: 2 * GROUPS };
    let limits = Limits { ports: PORTS, workers, routes: Some(room), ..Limits::default() };
    let plane = Arc::new(DataPlane::new(&limits, Seed(1)).map_err(|_| PipelineError::Size(entries))?);
    let port = |index: u16| PortForwarding {
        vlans: VlanSet::new(),
        untagged: None,
        layer3: Layer3::Routed(InterfaceId(index)),
        ..PortForwarding::access(VlanId::DEFAULT)
    };
    let interface = |index: u16| InterfaceForwarding {
        up: true,
        carrier: Carrier::Port(PortId(index)),
        mac: interface_mac(index as u8),
        peer_mac: None,
        mtu: 1500,
        host: None,
    };
    let interfaces = (0..PORTS).map(interface).collect();
    plane.publish(Forwarding::new((0..PORTS).map(port).collect(), 0).with_interfaces(interfaces));

    let tables = plane.routes().expect("there is room for routes");
    let mut all = tables.tables();
    for number in 0..GROUPS {
        let member = |at: u32| Member { next_hop: NextHopId(2 * number + at), weight: 1 };
        for at in 0..2 {
            let next_hop = match until {
                Until::LookUp => NextHop::Blackhole,
                _ => NextHop::Neighbor { interface: InterfaceId(1), mac: NEIGHBOR },
            };
            tables.set_next_hop(member(at).next_hop, next_hop);
        }
        let group = Group { members: vec![member(0), member(1)], buckets: 64, kind: Kind::Modulo };
        all.groups
            .set(GroupId::new(1 + number).expect("not 0"), group, Instant::ZERO)
            .map_err(|_| PipelineError::Size(entries))?;
    }
    // 24 bits each, scattered over 32.0.0.0 to 95.255.255.255: an odd factor makes no two the same.
    let prefix = |number: u32| 0x2000_0000 + ((number.wrapping_mul(0x9e37_79b1) & 0x3f_ffff) << 8);
    let routes = (0..count).map(|number| {
        let group = GroupId::new(1 + number % GROUPS).expect("not 0");
        (Prefix::new(prefix(number), 24).expect("IPv4 has 32 bits"), group)
    });
    all.ipv4.load(routes).map_err(|_| PipelineError::Size(entries))?;
    drop(all);

    let mut order: Vec<u32> = (0..count).cycle().take(entries.max(LEAST_FRAMES)).collect();
    let mut words = Words(4);
    words.shuffle(&mut order);
    let frames = order.into_iter().map(|number| {
        let word = words.next().expect("words do not end");
        let source = match until {
            Until::Check => 0x7f00_0001,
            _ => 0x0a00_0000 | (word as u32 & 0x00ff_ffff),
        };
        udp_frame(source, prefix(number) | (word >> 32) as u32 & 0xff, (word >> 40) as u16)
    });
    Ok((plane, frames.collect()))
}

/// A UDP packet with nothing in it, to the first interface.
fn udp_frame(source: u32, destination: u32, port: u16) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 28, 0, 0, 0x40, 0, 64, 17, 0, 0];
    packet.extend(source.to_be_bytes());
    packet.extend(destination.to_be_bytes());
    let checksum = !checksum::sum(&packet);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet.extend(port.to_be_bytes());
    packet.extend([0, 53, 0, 8, 0, 0]);
    let header = Repr { destination: interface_mac(0), source: NEIGHBOR, ether_type: EtherType::IPV4 };
    let mut frame = header.frame(&packet);
    frame.resize(FRAME_BYTES, 0);
    frame
}
