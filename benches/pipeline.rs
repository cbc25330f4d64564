//! The whole pipeline in memory: receive, parse, learn, look up, shape, hand over; 64-byte frames without their
//! check sequence. `cargo bench -p greylag-benches --bench pipeline`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use greylag_base::{Instant, MacAddr, PortId, Seed, VlanId, VlanSet};
use greylag_benches::{Treadmill, Words, addresses};
use greylag_dataplane::{DataPlane, Forwarding, Keeper, Learning, Limits, PortForwarding, Worker};
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
        let frames = (0..stations.len().clamp(4096, 1 << 16))
            .map(|_| {
                // Sources are stations of the ingress port: other addresses than the destinations.
                let mut source = pick();
                source.0[0] |= 0x40;
                let destination = pick();
                Repr { destination, source, ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[])
            })
            .collect();
        let mut ports: Vec<Option<Box<dyn Port>>> =
            vec![Some(Box::new(Treadmill::in_batches(frames, batch)))];
        ports.resize_with(PORTS.into(), || Some(Box::new(Treadmill::new(Vec::new()))));
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

criterion_group!(benches, pipeline, small_batches, beginnings);
criterion_main!(benches);
