//! The frame path takes any bytes: never a panic, and every frame is sent or counted.

use greylag_base::{Instant, MacAddr, PortId, Seed, VlanId};
use greylag_dataplane::{DataPlane, Forwarding, Limits, PortForwarding, Worker};
use greylag_ports::{MemoryPort, Port};
use greylag_wire::ethernet::{EtherType, Repr};
use greylag_wire::vlan::Tci;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;

/// A sound frame, some of whose bytes are overwritten and whose end is cut or grown.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let tag = proptest::option::of(any::<u16>());
    let edits = vec((0..24usize, any::<u8>()), 0..4);
    (any::<[u8; 6]>(), any::<[u8; 6]>(), tag, edits, 0..1600usize, any::<bool>()).prop_map(
        |(destination, source, tag, edits, len, cut)| {
            let repr = Repr {
                destination: MacAddr(destination),
                source: MacAddr(source),
                ether_type: EtherType::IPV4,
            };
            let mut frame = repr.frame(&[0x45; 64]);
            if let Some(tci) = tag {
                frame.splice(12..12, Tci(tci).to_bytes());
            }
            for (at, byte) in edits {
                frame[at] = byte;
            }
            if cut {
                frame.resize(len, 0x81);
            }
            frame
        },
    )
}

fn ports() -> Vec<PortForwarding> {
    let vlan = |id| VlanId::new(id).unwrap();
    let trunk = |native| PortForwarding {
        vlans: (1..=4094).filter_map(VlanId::new).filter(|vlan| vlan.get() % 3 != 0).collect(),
        untagged: native,
        ..PortForwarding::access(vlan(1))
    };
    vec![trunk(None), trunk(Some(vlan(1))), PortForwarding::access(vlan(1)), PortForwarding::access(vlan(2))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_forwarded_or_counted(frames in vec((0..4u16, mutated()), 1..64)) {
        let plane = Arc::new(
            DataPlane::new(&Limits { ports: 4, mac_entries: 64, ..Limits::default() }, Seed(1)).unwrap(),
        );
        plane.publish(Forwarding::new(ports(), 0x4004));
        let mut worker = Worker::new(Arc::clone(&plane), 0);
        let mut hosts = Vec::new();
        let mut switch: Vec<Option<Box<dyn Port>>> = Vec::new();
        for _ in 0..4 {
            let (host, port) = MemoryPort::pair(1024);
            hosts.push(host);
            switch.push(Some(Box::new(port)));
        }
        let totals = || {
            let counts = [0, 1, 2, 3].map(|port| plane.port_counts(PortId(port)));
            let sent: u64 = counts.iter().map(|count| count.tx_frames).sum();
            let dropped: u64 = counts.iter().flat_map(|count| count.drops).sum();
            (sent, dropped)
        };
        for (port, frame) in &frames {
            let before = totals();
            hosts[usize::from(*port)].send(frame);
            prop_assert_eq!(worker.poll_port(Instant::ZERO, PortId(*port), &mut switch).unwrap(), 1);
            // One by one, so that a flood to two ports does not hide a frame that is gone.
            prop_assert!(totals() > before, "{:02x?} is neither sent nor counted", frame);
        }
        for host in &mut hosts {
            while let Some(frame) = host.receive() {
                prop_assert!(frame.len() >= 14, "a runt left the switch");
                prop_assert!(frame[6] & 1 == 0, "a frame with a group source left the switch");
            }
        }
    }
}
