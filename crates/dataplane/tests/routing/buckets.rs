//! Flows and the buckets of a group.

use crate::rig::{Decisions, Rig, UDP, UDP6, Udp, forwarding, group, neighbor, ours, station, vlan};
use greylag_base::{Seed, VlanId};
use greylag_dataplane::{Decision, FlowFields, FlowHash, StaleBucket, Worker};
use greylag_fib::NextHopId;
use greylag_ports::Offload;
use greylag_wire::vlan::Tci;
use std::collections::BTreeMap;
use std::sync::Arc;

const BUCKETS: usize = 16;

/// The bucket of a flow, and the port that it leaves by.
fn way(rig: &mut Rig, packet: Udp<'_>) -> (u16, u16) {
    let mut decisions = Decisions::default();
    let sent = rig.send_traced(0, &packet.frame(), Offload::NONE, &mut decisions);
    let [Decision::Routed { path, port }] = decisions.0[..] else { panic!("{:?}", decisions.0) };
    assert_eq!((sent.len(), sent[0].0), (1, port.0));
    (path.bucket, port.0)
}

/// A flow for each bucket.
fn flows<'a>(rig: &mut Rig, packet: Udp<'a>) -> BTreeMap<u16, Udp<'a>> {
    let mut flows = BTreeMap::new();
    for source_port in 0..2000 {
        let packet = Udp { source_port, ..packet };
        let (bucket, _) = way(rig, packet);
        flows.entry(bucket).or_insert(packet);
    }
    assert_eq!(flows.len(), BUCKETS, "each bucket has a flow: {:?}", flows.keys());
    flows
}

fn rig() -> Rig {
    routed(Rig::new())
}

fn routed(rig: Rig) -> Rig {
    let next_hops = [(1, neighbor(0, 9)), (2, neighbor(1, 9)), (3, neighbor(1, 8))];
    rig.route("198.51.100.0/24", 1, &next_hops);
    rig.route("2001:db8:1::/48", 1, &next_hops);
    rig
}

#[test]
fn each_bucket_can_be_reached_and_leads_where_the_group_says() {
    for packet in [UDP, UDP6] {
        let mut rig = rig();
        let buckets = {
            let tables = rig.plane.routes().unwrap().tables();
            let mut reader = tables.groups.reader();
            reader.choices(rig.now).buckets(group(1))
        };
        for (bucket, packet) in flows(&mut rig, packet) {
            let mut decisions = Decisions::default();
            rig.send_traced(0, &packet.frame(), Offload::NONE, &mut decisions);
            let [Decision::Routed { path, .. }] = decisions.0[..] else { panic!("{:?}", decisions.0) };
            assert_eq!(Some(path.next_hop), buckets[usize::from(bucket)].next_hop, "bucket {bucket}");
        }
    }
}

/// The worker reads a flow where it checks the packet; [`FlowHash::of`] reads the frame.
#[test]
fn the_bucket_is_that_of_the_frame_as_it_came_in_whatever_counts() {
    let fields = [
        FlowFields::NONE,
        FlowFields::VLAN,
        FlowFields::LAYER2,
        FlowFields::LAYER2_3,
        FlowFields::LAYER3_4,
        FlowFields::LAYER3_4.with(FlowFields::VLAN).with(FlowFields::FLOW_LABEL),
    ];
    for fields in fields {
        for hash in [FlowHash::new(fields, Seed(5)), FlowHash::symmetric(fields, Seed(5))] {
            let mut rig = routed(Rig::with(forwarding().with_route_hash(hash.clone())));
            for packet in [UDP, UDP6] {
                for source_port in 0..30 {
                    let from = station(source_port as u8);
                    let plain = Udp { source_port, from, ..packet }.frame();
                    let mut in_vlan = Udp { source_port, from, to: ours(4), ..packet }.frame();
                    in_vlan.splice(12..12, Tci(0x2000).with_vlan(vlan(20)).to_bytes());
                    for (port, of, frame) in [(0, VlanId::DEFAULT, plain), (6, vlan(20), in_vlan)] {
                        let mut decisions = Decisions::default();
                        rig.send_traced(port, &frame, Offload::NONE, &mut decisions);
                        let [Decision::Routed { path, .. }] = decisions.0[..] else {
                            panic!("{:?}", decisions.0)
                        };
                        let expected = hash.of(&frame, of) as u32 % BUCKETS as u32;
                        assert_eq!(u32::from(path.bucket), expected, "{hash:?}, port {port}");
                    }
                }
            }
        }
    }
}

#[test]
fn one_worker_goes_on_by_a_bucket_that_has_changed() {
    let mut rig = rig();
    let flows = flows(&mut rig, UDP);
    let (bucket, packet) = flows.iter().map(|(&bucket, &packet)| (bucket, packet)).nth(5).unwrap();
    let before: Vec<_> = flows.values().map(|&packet| way(&mut rig, packet)).collect();
    // What was to be next hop 7 is long gone, and this worker has not heard it.
    let routes = rig.plane.routes().unwrap();
    routes.set_next_hop(NextHopId(7), neighbor(2, 7));
    routes.liveness().set(NextHopId(7), false);
    let stale = |worker| StaleBucket { worker, group: group(1), bucket, next_hop: NextHopId(7) };
    let others = [
        stale(1),
        StaleBucket { bucket: 15 - bucket, ..stale(1) },
        StaleBucket { group: group(2), ..stale(0) },
    ];
    rig.plane.publish(forwarding().with_stale_buckets([&others[..], &[stale(0)]].concat()));
    let (same, port) = way(&mut rig, packet);
    assert!(same == bucket && (port == 2 || port == 3), "by the bundle, as it was: {port}");
    for (packet, &before) in flows.values().zip(&before).filter(|(_, before)| before.0 != bucket) {
        assert_eq!(way(&mut rig, *packet), before, "all other buckets are right");
    }
    // So is the same bucket on another worker.
    rig.plane.publish(forwarding().with_stale_buckets(vec![stale(0)]));
    rig.worker = Worker::new(Arc::clone(&rig.plane), 1);
    assert_eq!(way(&mut rig, packet), before[5]);
}
