//! What of a frame tells its flow: the configured fields, and no other; fewer where a frame has not all of them.

use greylag_base::{Dice, MacAddr, Seed, VlanId};
use greylag_dataplane::{FlowFields, FlowHash};
use greylag_wire::ethernet::{EtherType, Repr};
use greylag_wire::vlan::Tci;
use proptest::collection::vec;
use proptest::prelude::*;

const SEED: Seed = Seed(1);
const FRAGMENT: u8 = 44;
const HOP_BY_HOP: u8 = 0;
const DESTINATION_OPTIONS: u8 = 60;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// The frame of a flow, by its fields.
#[derive(Clone, Debug)]
struct Flow {
    destination_mac: MacAddr,
    source_mac: MacAddr,
    vlan: u16,
    /// IPv6, or IPv4 with the low 32 bits.
    version: u8,
    destination_ip: u128,
    source_ip: u128,
    protocol: u8,
    flow_label: u32,
    destination_port: u16,
    source_port: u16,
}

fn flow(version: u8) -> Flow {
    Flow {
        destination_mac: MacAddr([2, 0, 0, 0, 0, 2]),
        source_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        vlan: 10,
        version,
        destination_ip: 0x2001_0db8_0000_0000_0000_0000_0a00_0002,
        source_ip: 0x2001_0db8_0000_0000_0000_0000_0a00_0001,
        protocol: UDP,
        flow_label: 0x12345,
        destination_port: 53,
        source_port: 40_000,
    }
}

impl Flow {
    fn ether_type(&self) -> EtherType {
        if self.version == 4 { EtherType::IPV4 } else { EtherType::IPV6 }
    }

    fn transport(&self) -> Vec<u8> {
        let mut transport = vec![0; 8];
        transport[..2].copy_from_slice(&self.source_port.to_be_bytes());
        transport[2..4].copy_from_slice(&self.destination_port.to_be_bytes());
        transport
    }

    /// A frame with its IP header and `payload`, which begins with what `next` says.
    fn carry(&self, next: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet;
        if self.version == 4 {
            packet = vec![0; 20];
            (packet[0], packet[9]) = (0x45, next);
            packet[12..16].copy_from_slice(&(self.source_ip as u32).to_be_bytes());
            packet[16..20].copy_from_slice(&(self.destination_ip as u32).to_be_bytes());
        } else {
            packet = vec![0; 40];
            packet[..4].copy_from_slice(&(6 << 28 | self.flow_label).to_be_bytes());
            packet[6] = next;
            packet[8..24].copy_from_slice(&self.source_ip.to_be_bytes());
            packet[24..40].copy_from_slice(&self.destination_ip.to_be_bytes());
        }
        packet.extend(payload);
        self.link(self.ether_type(), &packet)
    }

    fn link(&self, ether_type: EtherType, payload: &[u8]) -> Vec<u8> {
        Repr { destination: self.destination_mac, source: self.source_mac, ether_type }.frame(payload)
    }

    fn frame(&self) -> Vec<u8> {
        self.carry(self.protocol, &self.transport())
    }

    fn vlan(&self) -> VlanId {
        VlanId::new(self.vlan).unwrap()
    }

    /// The same flow in the other direction.
    fn back(&self) -> Flow {
        Flow {
            destination_mac: self.source_mac,
            source_mac: self.destination_mac,
            destination_ip: self.source_ip,
            source_ip: self.destination_ip,
            destination_port: self.source_port,
            source_port: self.destination_port,
            ..self.clone()
        }
    }
}

fn tagged(frame: &[u8], tci: u16) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame.splice(12..12, Tci(tci).to_bytes());
    frame
}

fn hash(fields: FlowFields, frame: &[u8]) -> u64 {
    FlowHash::new(fields, SEED).of(frame, VlanId::DEFAULT)
}

/// Makes of a flow one with another value in a field.
type Change = fn(&mut Flow);

fn fields() -> [(FlowFields, Change); 9] {
    [
        (FlowFields::DESTINATION_MAC, |flow| flow.destination_mac.0[5] ^= 1),
        (FlowFields::SOURCE_MAC, |flow| flow.source_mac.0[0] ^= 0x40),
        (FlowFields::VLAN, |flow| flow.vlan = 11),
        (FlowFields::DESTINATION_IP, |flow| flow.destination_ip ^= 1),
        (FlowFields::SOURCE_IP, |flow| flow.source_ip ^= 1 << 31),
        (FlowFields::PROTOCOL, |flow| flow.protocol = TCP),
        (FlowFields::FLOW_LABEL, |flow| flow.flow_label ^= 1 << 19),
        (FlowFields::DESTINATION_PORT, |flow| flow.destination_port ^= 1),
        (FlowFields::SOURCE_PORT, |flow| flow.source_port ^= 1 << 15),
    ]
}

#[test]
fn a_field_counts_when_it_is_configured_and_only_then() {
    let everything = fields().iter().fold(FlowFields::ETHER_TYPE, |all, (field, _)| all.with(*field));
    for version in [4, 6] {
        for (field, change) in fields() {
            if (version, field) == (4, FlowFields::FLOW_LABEL) {
                continue;
            }
            let (flow, mut other) = (flow(version), flow(version));
            change(&mut other);
            for (configured, counts) in [
                (field, true),
                (everything, true),
                (everything.without(field), false),
                (FlowFields::NONE, false),
            ] {
                let hash = FlowHash::new(configured, SEED);
                let differs = hash.of(&flow.frame(), flow.vlan()) != hash.of(&other.frame(), other.vlan());
                assert_eq!(differs, counts, "{field} of IPv{version}, configured {configured}");
            }
        }
    }
}

#[test]
fn both_halves_of_an_ipv6_address_count() {
    let (flow, mut other) = (flow(6), flow(6));
    other.source_ip ^= 1 << 127;
    assert_ne!(hash(FlowFields::LAYER3_4, &flow.frame()), hash(FlowFields::LAYER3_4, &other.frame()));
}

#[test]
fn a_tag_is_no_part_of_a_flow_but_the_vlan_is() {
    for fields in [FlowFields::LAYER2, FlowFields::LAYER2_3, FlowFields::LAYER3_4] {
        let bare = flow(4).frame();
        assert_eq!(hash(fields, &bare), hash(fields, &tagged(&bare, 0xe00a)), "{fields}");
    }
    let by_vlan = FlowHash::new(FlowFields::VLAN, SEED);
    let frame = tagged(&flow(4).frame(), 10);
    let vlan = |id| VlanId::new(id).unwrap();
    // The switch says which VLAN it is, whatever the tag says.
    assert_eq!(by_vlan.of(&frame, vlan(10)), by_vlan.of(&flow(6).frame(), vlan(10)));
    assert_ne!(by_vlan.of(&frame, vlan(10)), by_vlan.of(&frame, vlan(11)));
}

#[test]
fn all_fragments_of_an_ipv4_datagram_go_one_way() {
    let flow = flow(4);
    let fragment = |flags_and_offset: u16, payload: &[u8]| {
        let mut frame = flow.carry(UDP, payload);
        frame[20..22].copy_from_slice(&flags_and_offset.to_be_bytes());
        hash(FlowFields::LAYER3_4, &frame)
    };
    let first = fragment(0x2000, &flow.transport());
    assert_eq!(first, fragment(0x2005, b"what is not port"));
    assert_eq!(first, fragment(0x0010, b"nor here, at its end"));
    // "Do not fragment" makes no fragment.
    assert_eq!(fragment(0x4000, &flow.transport()), hash(FlowFields::LAYER3_4, &flow.frame()));
    assert_ne!(fragment(0x4000, &flow.transport()), first);
}

#[test]
fn all_fragments_of_an_ipv6_packet_go_one_way() {
    let flow = flow(6);
    let fragment = |next: u8, flags_and_offset: u16, payload: &[u8]| {
        let [high, low] = flags_and_offset.to_be_bytes();
        let behind = [&[next, 0, high, low, 0, 0, 0, 7], payload].concat();
        // The options of each hop stand before the fragment header, in every fragment.
        let options = [FRAGMENT, 0, 1, 4, 0, 0, 0, 0];
        hash(FlowFields::LAYER3_4, &flow.carry(HOP_BY_HOP, &[&options, &behind[..]].concat()))
    };
    let first = fragment(UDP, 0x0001, &flow.transport());
    assert_eq!(first, fragment(UDP, 0x0029, b"what is not port"));
    // Only what the first one says of the next header holds (RFC 8200 4.5).
    assert_eq!(first, fragment(TCP, 0x0050, b"nor here, at its end"));
    // A fragment that is all of its packet (RFC 6946).
    assert_eq!(fragment(UDP, 0, &flow.transport()), hash(FlowFields::LAYER3_4, &flow.frame()));
}

#[test]
fn ports_are_found_behind_extension_headers_but_not_behind_any_number_of_them() {
    let flow = flow(6);
    let behind = |extensions: usize| {
        let mut payload = Vec::new();
        for left in (0..extensions).rev() {
            let next = if left > 0 { DESTINATION_OPTIONS } else { UDP };
            payload.extend([next, 1]);
            payload.extend([0; 14]);
        }
        payload.extend(flow.transport());
        hash(
            FlowFields::LAYER3_4,
            &flow.carry(if extensions > 0 { DESTINATION_OPTIONS } else { UDP }, &payload),
        )
    };
    assert!((1..=8).all(|extensions| behind(extensions) == behind(0)));
    assert_ne!(behind(9), behind(0));
    assert_eq!(behind(9), behind(20));
}

#[test]
fn ports_are_found_behind_an_authentication_header_and_ipv4_options() {
    let flow4 = flow(4);
    let mut with_options = flow4.carry(UDP, &[&[1; 8], &flow4.transport()[..]].concat());
    with_options[14] = 0x47;
    assert_eq!(hash(FlowFields::LAYER3_4, &with_options), hash(FlowFields::LAYER3_4, &flow4.frame()));

    let flow6 = flow(6);
    let header = [UDP, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let authenticated = flow6.carry(51, &[&header, &flow6.transport()[..]].concat());
    assert_eq!(hash(FlowFields::LAYER3_4, &authenticated), hash(FlowFields::LAYER3_4, &flow6.frame()));
}

#[test]
fn what_carries_no_ip_is_told_by_its_ethernet_header() {
    let flow = flow(4);
    let mut other = flow.clone();
    other.destination_mac.0[5] ^= 1;
    let service_tagged = |flow: &Flow| flow.link(EtherType::S_TAG, &[&[0, 5], &flow.frame()[12..]].concat());
    let twice_tagged = |flow: &Flow| tagged(&tagged(&flow.frame(), 10), 10);
    let arp = |flow: &Flow| flow.link(EtherType::ARP, b"who has");
    let not_ip = |flow: &Flow| flow.link(EtherType::IPV4, &[0x65; 40]);
    let frames: [fn(&Flow) -> Vec<u8>; 4] = [service_tagged, twice_tagged, arp, not_ip];
    for frame in frames {
        // Layer 3 alone would put all of these on one member.
        assert_eq!(hash(FlowFields::LAYER3_4, &frame(&flow)), hash(FlowFields::LAYER2, &frame(&flow)));
        assert_ne!(hash(FlowFields::LAYER3_4, &frame(&flow)), hash(FlowFields::LAYER3_4, &frame(&other)));
        // Whoever names a field of the Ethernet header means that one.
        let by_vlan = FlowFields::LAYER3_4.with(FlowFields::VLAN);
        assert_eq!(hash(by_vlan, &frame(&flow)), hash(by_vlan, &frame(&other)));
    }
}

#[test]
fn the_length_of_a_frame_is_no_part_of_its_flow() {
    let flow = flow(4);
    let llc = |len: usize| hash(FlowFields::LAYER2, &flow.link(EtherType(len as u16), &vec![0x42; len]));
    assert_eq!(llc(3), llc(1500));
    let typed = |ether_type| hash(FlowFields::LAYER2, &flow.link(ether_type, &[0x42; 46]));
    assert_ne!(typed(EtherType::ARP), typed(EtherType::LOCAL_EXPERIMENT));
}

#[test]
fn a_frame_that_is_cut_short_has_fewer_fields() {
    for (version, header_len) in [(4, 34), (6, 54)] {
        let flow = flow(version);
        let frame = flow.frame();
        let whole = hash(FlowFields::LAYER3_4, &frame);
        let without_ports = Flow { source_port: 0, destination_port: 0, ..flow }.frame();
        for len in 0..frame.len() {
            let cut = hash(FlowFields::LAYER3_4, &frame[..len]);
            if len < header_len {
                assert_eq!(cut, hash(FlowFields::LAYER2, &frame[..len]), "{len} bytes of IPv{version}");
            } else if len < header_len + 4 {
                assert_eq!(cut, hash(FlowFields::LAYER3_4, &without_ports), "{len} bytes of IPv{version}");
            } else {
                assert_eq!(cut, whole, "{len} bytes of IPv{version}");
            }
        }
    }
}

#[test]
fn the_directions_of_a_flow_are_two_flows_unless_they_are_wanted_as_one() {
    for (version, fields) in [(4, FlowFields::LAYER2), (4, FlowFields::LAYER3_4), (6, FlowFields::LAYER3_4)] {
        let (there, back) = (flow(version).frame(), flow(version).back().frame());
        assert_ne!(hash(fields, &there), hash(fields, &back), "{fields} of IPv{version}");
    }
}

/// The bits of a flow that count in `layer2` and `layer3+4` together, to be turned one by one.
fn turn(flow: &mut Flow, bit: u32) {
    let mac = |mac: MacAddr, bit: u32| MacAddr::from_bits(mac.to_bits() ^ 1 << bit);
    match bit {
        0..48 => flow.destination_mac = mac(flow.destination_mac, bit),
        48..96 => flow.source_mac = mac(flow.source_mac, bit - 48),
        96..112 => flow.destination_port ^= 1 << (bit - 96),
        112..128 => flow.source_port ^= 1 << (bit - 112),
        128..256 => flow.destination_ip ^= 1 << (bit - 128),
        _ => flow.source_ip ^= 1 << (bit - 256),
    }
}

#[test]
fn each_bit_of_a_flow_turns_each_bit_of_the_hash_every_other_time() {
    const FLOWS: u32 = 512;
    let hash = FlowHash::new(FlowFields::LAYER2.with(FlowFields::LAYER3_4), SEED);
    let mut dice = Dice::new(SEED);
    let mut word = || dice.word();
    let flows = (0..FLOWS).map(|_| Flow {
        destination_mac: MacAddr::from_bits(word()),
        source_mac: MacAddr::from_bits(word()),
        destination_ip: u128::from(word()) << 64 | u128::from(word()),
        source_ip: u128::from(word()) << 64 | u128::from(word()),
        destination_port: word() as u16,
        source_port: word() as u16,
        ..flow(6)
    });
    let mut turned = vec![[0_u32; 64]; 384];
    for flow in flows {
        let before = hash.of(&flow.frame(), flow.vlan());
        for (input, turned) in turned.iter_mut().enumerate() {
            let mut other = flow.clone();
            turn(&mut other, input as u32);
            let difference = before ^ hash.of(&other.frame(), flow.vlan());
            turned.iter_mut().enumerate().for_each(|(bit, turned)| *turned += (difference >> bit) as u32 & 1);
        }
    }
    for (input, turned) in turned.iter().enumerate() {
        for (output, &turned) in turned.iter().enumerate() {
            // Half of 512, and six standard deviations: of 20,000 seeds one has such a place in its table of 384 by 64.
            assert!(
                turned.abs_diff(FLOWS / 2) < 68,
                "bit {input} turns bit {output} {turned} times of {FLOWS}"
            );
        }
    }
}

#[test]
fn the_hash_stays_from_version_to_version() {
    // A replay sends its flows the way that they went only while these values stay.
    let of = |fields, version| hash(fields, &flow(version).frame());
    let hashes = [of(FlowFields::LAYER2, 4), of(FlowFields::LAYER3_4, 4), of(FlowFields::LAYER3_4, 6)];
    assert_eq!(hashes, [0x4fa7_34e2_8c3f_ea29, 0x8a07_e710_7924_92ca, 0x0deb_7087_6eb7_3ff5], "{hashes:#x?}");
}

prop_compose! {
    fn any_flow()(
        version in prop_oneof![Just(4_u8), Just(6)],
        macs: [u64; 2],
        ips: [u128; 2],
        ports: [u16; 2],
        // With ports or without; none is a header of IPv6 that has others behind it.
        protocol in prop_oneof![Just(TCP), Just(UDP), Just(132), Just(1), Just(50), Just(58)],
        flow_label in 0..1_u32 << 20,
    ) -> Flow {
        Flow {
            destination_mac: MacAddr::from_bits(macs[0]),
            source_mac: MacAddr::from_bits(macs[1]),
            vlan: 10,
            version,
            destination_ip: ips[0],
            source_ip: ips[1],
            protocol,
            flow_label,
            destination_port: ports[0],
            source_port: ports[1],
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn both_directions_are_one_flow_where_that_is_wanted(there in any_flow(), fields in 0..1_u32 << 9) {
        let chosen = self::fields().into_iter().enumerate().filter(|(at, _)| fields & 1 << at != 0);
        let chosen = chosen.fold(FlowFields::NONE, |all, (_, (field, _))| all.with(field));
        // Each end has a flow label of its own.
        let back = Flow { flow_label: !there.flow_label & 0xf_ffff, ..there.back() };
        for fields in [chosen, FlowFields::LAYER2, FlowFields::LAYER2_3, FlowFields::LAYER3_4] {
            let hash = FlowHash::symmetric(fields, SEED);
            prop_assert_eq!(hash.of(&there.frame(), there.vlan()), hash.of(&back.frame(), back.vlan()), "{}", fields);
        }
    }

    #[test]
    fn any_bytes_have_a_hash(
        flow in any_flow(),
        next in prop_oneof![Just(HOP_BY_HOP), Just(43), Just(FRAGMENT), Just(51), Just(DESTINATION_OPTIONS), any::<u8>()],
        payload in vec(prop_oneof![Just(0_u8), Just(FRAGMENT), Just(51), Just(60), any::<u8>()], 0..200),
        edits in vec((0..80_usize, any::<u8>()), 0..4),
        len in 0..300_usize,
    ) {
        let mut frame = flow.carry(next, &payload);
        for (at, byte) in edits {
            if let Some(octet) = frame.get_mut(at) {
                *octet = byte;
            }
        }
        frame.truncate(len);
        for fields in [FlowFields::LAYER2, FlowFields::LAYER2_3, FlowFields::LAYER3_4] {
            let bare = hash(fields, &frame);
            // Some have a tag already, and some have no room for one.
            if frame.len() >= 14 && frame[12..14] != [0x81, 0x00] {
                prop_assert_eq!(hash(fields, &tagged(&frame, 10)), bare);
            }
        }
    }
}
