//! The flow hash and the choice of a member, frame by frame. `cargo bench -p greylag-benches --bench flow_hash`

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use greylag_base::{MacAddr, PortId, Seed, VlanId};
use greylag_benches::{Words, addresses};
use greylag_dataplane::{Buckets, FlowFields, FlowHash};
use greylag_ports::{BATCH_FRAMES, Batch};
use greylag_wire::ethernet::{EtherType, Repr};
use greylag_wire::vlan::Tci;
use std::hint::black_box;

/// A batch of UDP frames of 60 bytes or a little more, each of a flow of its own.
fn batch(ether_type: EtherType, tagged: bool) -> Batch {
    let mut words = Words(1);
    let mut word = || words.next().expect("words do not end");
    let mut batch = Batch::new();
    for (index, pair) in addresses(2 * BATCH_FRAMES).chunks_exact(2).enumerate() {
        let mut packet = match ether_type {
            EtherType::IPV4 => {
                let mut header = [0; 28];
                (header[0], header[9]) = (0x45, 17);
                header[12..20].copy_from_slice(&word().to_be_bytes());
                header.to_vec()
            }
            _ => {
                let mut header = [0; 48];
                (header[0], header[6]) = (0x60, 17);
                for address in header[8..40].chunks_exact_mut(8) {
                    address.copy_from_slice(&word().to_be_bytes());
                }
                header.to_vec()
            }
        };
        let ports_at = packet.len() - 8;
        packet[ports_at..ports_at + 4].copy_from_slice(&word().to_be_bytes()[..4]);
        let (destination, source): (MacAddr, MacAddr) = (pair[0], pair[1]);
        batch.push(&Repr { destination, source, ether_type }.frame(&packet));
        if tagged {
            batch.set_tag(index, Some(Tci(0).with_vlan(VlanId::DEFAULT)));
        }
    }
    batch
}

fn flow_hash(c: &mut Criterion) {
    let all =
        FlowFields::LAYER2.with(FlowFields::VLAN).with(FlowFields::LAYER3_4).with(FlowFields::FLOW_LABEL);
    let members = Buckets::even(&[PortId(0), PortId(1), PortId(2), PortId(3)]);
    let mut group = c.benchmark_group("flow hash");
    group.throughput(Throughput::Elements(BATCH_FRAMES as u64));
    for (policy, hash) in [
        ("layer2", FlowHash::new(FlowFields::LAYER2, Seed(1))),
        ("layer2+3", FlowHash::new(FlowFields::LAYER2_3, Seed(1))),
        ("layer3+4", FlowHash::new(FlowFields::LAYER3_4, Seed(1))),
        ("all fields", FlowHash::new(all, Seed(1))),
        ("layer3+4, symmetric", FlowHash::symmetric(FlowFields::LAYER3_4, Seed(1))),
    ] {
        for (name, ether_type, tagged) in [
            ("IPv4", EtherType::IPV4, false),
            ("IPv4, tagged", EtherType::IPV4, true),
            ("IPv6", EtherType::IPV6, false),
        ] {
            let batch = batch(ether_type, tagged);
            let mut chosen = [None; BATCH_FRAMES];
            group.bench_function(BenchmarkId::new(policy, name), |b| {
                b.iter(|| {
                    let (hash, members) = (black_box(&hash), black_box(&members));
                    for (index, chosen) in chosen.iter_mut().enumerate() {
                        *chosen = members.choose(hash.of(batch.bytes(index), VlanId::DEFAULT));
                    }
                    black_box(&mut chosen);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, flow_hash);
criterion_main!(benches);
