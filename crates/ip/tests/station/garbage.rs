//! Frames that nobody sends on purpose: whatever comes, the switch goes on.

use crate::rig::*;
use crate::tshark::conversation;
use greylag_ip::{IcmpError, IpSnapshot};
use proptest::prelude::*;
use std::sync::OnceLock;
use std::time::Duration;

/// One change to a frame.
#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, u8),
    Cut(usize),
    Grow(Vec<u8>),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (0_usize..120, 1_u8..).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        1 => (0_usize..1500).prop_map(Damage::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..64).prop_map(Damage::Grow),
    ]
}

fn frames() -> &'static [Vec<u8>] {
    static FRAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FRAMES.get_or_init(|| conversation().into_iter().map(|(_, frame)| frame.to_vec()).collect())
}

/// Checksums that are right again let a change come further.
fn mend(frame: &mut [u8]) {
    use smoltcp::wire::{Icmpv4Packet, Ipv4Packet};
    if frame.len() >= 34 && frame[12..15] == [8, 0, 0x45] {
        Ipv4Packet::new_unchecked(&mut frame[14..34]).fill_checksum();
        let end = (14 + usize::from(u16::from_be_bytes([frame[16], frame[17]]))).min(frame.len());
        if frame[23] == 1 && end >= 42 {
            Icmpv4Packet::new_unchecked(&mut frame[34..end]).fill_checksum();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_switch_takes_any_frame(
        frames in prop::collection::vec((any::<prop::sample::Index>(), prop::collection::vec(damage(), 0..3)), 1..20),
    ) {
        let mut rig = Rig::with_hosts();
        rig.stack.register_protocol(253);
        rig.stack.register_udp(9);
        rig.stack.listen(179, true);
        for (index, damages) in frames {
            let mut frame = index.get(self::frames()).clone();
            for damage in damages {
                match damage {
                    Damage::Flip(at, bits) => if let Some(octet) = frame.get_mut(at) { *octet ^= bits },
                    Damage::Cut(len) => frame.truncate(len),
                    Damage::Grow(more) => frame.extend(more),
                }
            }
            mend(&mut frame);
            rig.hear(LAN, &frame);
            rig.stack.forward_error(rig.now, WAN, IcmpError::TimeExceeded, &frame);
            rig.stack.forward_slow(rig.now, WAN, LAN, None, &frame);
            if let Some(packet) = frame.get(14..) {
                rig.stack.send_via(rig.now, LAN, None, packet);
            }
            rig.outgoing();
            rig.sleep(Duration::from_millis(700));
            rig.tcp_events();
        }
        // It still is there.
        rig.outgoing();
        rig.take(LAN, &ping("10.0.0.2", "10.0.0.1", b"?"));
        prop_assert!(!rig.outgoing().is_empty());
        rig.sleep(Duration::from_secs(600));
        let snapshot = rig.stack.snapshot(rig.now);
        let text = serde_json::to_string(&snapshot).expect("it can be written");
        prop_assert_eq!(serde_json::from_str::<IpSnapshot>(&text).expect("and read"), snapshot);
    }
}
