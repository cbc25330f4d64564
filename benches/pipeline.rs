//! The whole pipeline in memory: receive, parse, learn, look up, shape, hand over; and with a full routing table: receive, parse,
//! look up, choose, rewrite, hand over. 64-byte frames without their check sequence, IPv6 two octets longer.
//! `cargo bench -p greylag-benches --bench pipeline`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use greylag_base::InterfaceId;
use greylag_base::{Instant, MacAddr, PortId, Seed, VlanId, VlanSet};
use greylag_benches::table::{self, Routes, drawn, routes};
use greylag_benches::{Treadmill, Words, addresses, flows};
use greylag_dataplane::{
    Carrier, DataPlane, Forwarding, InterfaceForwarding, Keeper, Layer3, Learning, Limits, NextHop,
    PortForwarding, RouteLimits, Worker,
};
use greylag_fib::{Group, GroupId, Kind, Member, NextHopId};
use greylag_ports::{BATCH_FRAMES, Port};
use greylag_wire::ethernet::{EtherType, Repr};
use std::sync::Arc;

const PORTS: u16 = 4;

struct Rig {
    worker: Worker,
    ports: Vec<Option<Box<dyn Port>>>,
}

impl Rig {
    fn new(stations: &[MacAddr], egress: PortForwarding, unknown: bool) -> Self {
        Rig::in_batches(stations, egress, unknown, BATCH_FRAMES, Learning::INLINE)
    }

    fn in_batches(
        stations: &[MacAddr],
        egress: PortForwarding,
        unknown: bool,
        batch: usize,
        learning: Learning,
    ) -> Self {
        let limits = Limits { ports: PORTS, mac_entries: 1 << 20, ..Limits::default() };
        let plane = Arc::new(DataPlane::new(&limits, Seed(1)).expect("the size is allowed"));
        let mut ports = vec![PortForwarding::access(VlanId::DEFAULT)];
        ports.resize(PORTS.into(), egress);
        plane.publish(Forwarding::new(ports, 0).with_learning(learning));
        if !unknown {
            let session = plane.table().session(0);
            for (index, mac) in stations.iter().enumerate() {
                session.learn(&session.probe(1, mac.0), 1 + index as u16 % (PORTS - 1));
            }
        }
        let mut words = Words(2);
        let mut pick = || stations[words.next().expect("words do not end") as usize % stations.len()];
        let frames: Vec<Vec<u8>> = (0..stations.len().clamp(4096, 1 << 16))
            .map(|_| {
                // Sources are stations of the ingress port: other addresses than the destinations.
                let mut source = pick();
                source.0[0] |= 0x40;
                let destination = pick();
                Repr { destination, source, ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[])
            })
            .collect();
        let mut ports: Vec<Option<Box<dyn Port>>> =
            vec![Some(Box::new(Treadmill::in_batches(&frames, batch)))];
        ports.resize_with(PORTS.into(), || Some(Box::new(Treadmill::new(&[]))));
        Rig { worker: Worker::new(plane, 0), ports }
    }

    fn batch(&mut self) {
        self.worker.poll_port(Instant::ZERO, PortId(0), &mut self.ports).expect("a treadmill does not fail");
    }
}

fn pipeline(c: &mut Criterion) {
    let trunk = PortForwarding {
        vlans: VlanSet::from_iter([VlanId::DEFAULT]),
        untagged: None,
        ..PortForwarding::access(VlanId::DEFAULT)
    };
    let access = PortForwarding::access(VlanId::DEFAULT);
    let mut group = c.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(BATCH_FRAMES as u64));
    for stations in [64, 1 << 14] {
        let stations = addresses(stations);
        for (name, egress, unknown) in [
            ("known unicast", &access, false),
            ("untagged to tagged", &trunk, false),
            ("flood to three", &access, true),
        ] {
            let mut rig = Rig::new(&stations, egress.clone(), unknown);
            group.bench_function(BenchmarkId::new(name, stations.len()), |b| b.iter(|| rig.batch()));
        }
    }
    group.finish();
}

/// Flows of the routed cases.
const FLOWS: usize = 10_000;
/// Next-hop groups, of two next hops each.
const GROUPS: u32 = 256;

/// The router's address on the link, and that of who sends there.
const ETHERNET: (MacAddr, MacAddr) = (interface(0), neighbor(99));

const fn interface(index: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0xff, index])
}

const fn neighbor(index: u16) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0xfe, index as u8])
}

/// A router: packets of an interface leave by two others, or by two stations of another.
fn router(frames: &[Vec<u8>], routes: (&Routes<u32>, &Routes<u128>), in_vlans: bool) -> Rig {
    let room = RouteLimits {
        ipv4: routes.0.len() as u32,
        ipv6: routes.1.len() as u32,
        groups: GROUPS,
        buckets: GROUPS * 64,
        next_hops: 2 * GROUPS,
    };
    let limits = Limits { ports: PORTS, routes: Some(room), mac_entries: 1 << 20, ..Limits::default() };
    let plane = Arc::new(DataPlane::new(&limits, Seed(1)).expect("the size is allowed"));
    let vlan = |id| VlanId::new(id).expect("a VLAN");
    let port = |index: u16| match in_vlans {
        true => PortForwarding::access(vlan(1 + index.min(1))),
        false => PortForwarding {
            vlans: VlanSet::new(),
            untagged: None,
            layer3: Layer3::Routed(InterfaceId(index)),
            ..PortForwarding::access(vlan(1))
        },
    };
    let interface = |index: u16| InterfaceForwarding {
        up: true,
        carrier: if in_vlans { Carrier::Vlan(vlan(1 + index)) } else { Carrier::Port(PortId(index)) },
        mac: interface(index as u8),
        peer_mac: None,
        mtu: 1500,
        host: None,
    };
    let interfaces = (0..if in_vlans { 2 } else { PORTS }).map(interface).collect();
    plane.publish(Forwarding::new((0..PORTS).map(port).collect(), 0).with_interfaces(interfaces));
    let session = plane.table().session(0);
    for station in [1, 2] {
        session.learn(&session.probe(2, neighbor(station).0), station);
    }
    drop(session);

    let tables = plane.routes().expect("there is room for routes");
    let mut all = tables.tables();
    for number in 0..GROUPS {
        let member = |at: u32| Member { next_hop: NextHopId(2 * number + at), weight: 1 };
        for at in 0..2 {
            let by = 1 + at as u16;
            let interface = InterfaceId(if in_vlans { 1 } else { by });
            tables.set_next_hop(member(at).next_hop, NextHop::Neighbor { interface, mac: neighbor(by) });
        }
        let group = Group { members: vec![member(0), member(1)], buckets: 64, kind: Kind::Modulo };
        let id = GroupId::new(1 + number).expect("not 0");
        all.groups.set(id, group, Instant::ZERO).expect("there is room");
    }
    let few = |group: GroupId| GroupId::new(1 + group.get() % GROUPS).expect("not 0");
    all.ipv4.load(routes.0.iter().map(|&(prefix, group)| (prefix, few(group)))).expect("there is room");
    all.ipv6.load(routes.1.iter().map(|&(prefix, group)| (prefix, few(group)))).expect("there is room");
    drop(all);

    let mut ports: Vec<Option<Box<dyn Port>>> = vec![Some(Box::new(Treadmill::new(frames)))];
    ports.resize_with(PORTS.into(), || Some(Box::new(Treadmill::new(&[]))));
    let mut rig = Rig { worker: Worker::new(Arc::clone(&plane), 0), ports };
    for _ in 0..FLOWS.div_ceil(BATCH_FRAMES) {
        rig.batch();
    }
    let sent: u64 = [1, 2].map(|port| plane.port_counts(PortId(port)).tx_frames).iter().sum();
    let dropped: u64 = plane.port_counts(PortId(0)).drops.iter().sum();
    assert!(sent >= FLOWS as u64 && dropped == 0, "all flows are forwarded: {sent} were, {dropped} not");
    rig
}

fn routed(c: &mut Criterion) {
    let table = table::measured();
    let (ipv4, ipv6) = (routes::<u32>(&table), routes::<u128>(&table));
    let ipv4_flows = flows::ipv4(&drawn(&ipv4, FLOWS), ETHERNET);
    let ipv6_flows = flows::ipv6(&drawn(&ipv6, FLOWS), ETHERNET);
    let mut group = c.benchmark_group("routed");
    group.throughput(Throughput::Elements(BATCH_FRAMES as u64));
    for (name, in_vlans) in [("port to ECMP of two", false), ("VLAN to ECMP in a VLAN", true)] {
        for (family, frames) in [("IPv4", &ipv4_flows), ("IPv6", &ipv6_flows)] {
            let mut rig = router(frames, (&ipv4, &ipv6), in_vlans);
            group.bench_function(BenchmarkId::new(name, family), |b| b.iter(|| rig.batch()));
        }
    }
    group.finish();
}

/// What a batch costs however few frames are in it: the virtual world brings them one by one.
fn small_batches(c: &mut Criterion) {
    let stations = addresses(64);
    let mut group = c.benchmark_group("batch");
    for (name, renew) in [("known unicast", Keeper::Worker), ("known unicast, leased", Keeper::Agent)] {
        for frames in [1, 8, BATCH_FRAMES] {
            let access = PortForwarding::access(VlanId::DEFAULT);
            let learning = Learning { renew, ..Learning::INLINE };
            let mut rig = Rig::in_batches(&stations, access, false, frames, learning);
            group.throughput(Throughput::Elements(frames as u64));
            group.bench_function(BenchmarkId::new(name, frames), |b| b.iter(|| rig.batch()));
        }
    }
    group.finish();
}

/// What a sweep over thousands of variations makes anew for each: a switch, its worker, and snapshots.
fn beginnings(c: &mut Criterion) {
    let limits = Limits { ports: 48, mac_entries: 8192, ..Limits::default() };
    let plane = || Arc::new(DataPlane::new(&limits, Seed(1)).expect("the size is allowed"));
    let trunk = PortForwarding {
        vlans: (1..=16).filter_map(VlanId::new).collect(),
        ..PortForwarding::access(VlanId::DEFAULT)
    };
    let mut group = c.benchmark_group("begin");
    group.bench_function("data plane", |b| b.iter(plane));
    let plane = plane();
    group.bench_function("worker", |b| b.iter(|| Worker::new(Arc::clone(&plane), 0)));
    group.bench_function("publish", |b| {
        b.iter(|| plane.publish(Forwarding::new(vec![trunk.clone(); 48], 0)));
    });
    group.finish();
}

criterion_group!(benches, pipeline, routed, small_batches, beginnings);
criterion_main!(benches);
