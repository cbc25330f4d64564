use super::*;
use crate::lacp::{Flags, Participant, SystemId};
use greylag_base::{MacAddr, Mbps, VlanId, VlanSet};
use proptest::prelude::*;

const GROUP: u32 = 0x0102_0304;

fn data(parameters: Vec<Parameter>) -> Repr {
    let kind = MessageType::RgApplicationData;
    Repr { kind, ignorable: false, id: 0x1122_3344, redundancy_group: Some(GROUP), parameters }
}

/// The octets of a parameter alone.
fn octets(parameter: &Parameter) -> Vec<u8> {
    let mut octets = Vec::new();
    parameter.emit(&mut octets);
    octets
}

const SYSTEM: SystemId = SystemId { priority: 0x0a0b, mac: MacAddr([2, 0, 0, 0, 0, 9]) };
const MAC: MacAddr = MacAddr([2, 1, 2, 3, 4, 5]);

#[test]
fn a_message_stands_as_the_rfc_has_it() {
    let bytes = data(vec![Parameter::SyncData { number: 7, end: true }]).emit();
    let expected = [
        &[0x07, 0x03, 0, 20, 0x11, 0x22, 0x33, 0x44][..],
        &[0, 5, 0, 4, 1, 2, 3, 4],
        &[0, 0x39, 0, 4, 0, 7, 0, 1],
    ];
    assert_eq!(bytes, expected.concat());
    let message = Message::new_checked(&bytes).unwrap();
    assert_eq!((message.kind(), message.id()), (MessageType::RgApplicationData, 0x1122_3344));
    assert_eq!((message.redundancy_group(), message.ignorable()), (Some(GROUP), false));
    assert_eq!(message.tlvs().map(|tlv| tlv.kind).collect::<Vec<_>>(), [0x0005, 0x0039]);
    assert_eq!(Message::length(&bytes[..4]), Some(24));
    assert_eq!(Message::length(&bytes[..3]), None);
}

#[test]
fn every_field_of_the_parameters_stands_where_the_rfc_has_it() {
    let partner = Participant { system: SYSTEM, key: 3, port_priority: 2, port: 1, flags: Flags(0x3d) };
    let system = [2, 0, 0, 0, 0, 9, 0x0a, 0x0b];
    let nak = Parameter::Nak {
        status: Status::IncompatibleVersion,
        message: 9,
        requested: Some(RequestedVersion { connection: 0x30, version: 1 }),
    };
    let table: Vec<(Parameter, Vec<u8>)> = vec![
        (Parameter::SenderName("ca1".into()), vec![0, 1, 0, 3, b'c', b'a', b'1']),
        (nak, vec![0, 2, 0, 16, 0, 1, 0, 5, 0, 0, 0, 9, 0, 3, 0, 4, 0, 0x30, 0, 1]),
        (
            Parameter::RequestedVersion(RequestedVersion { connection: 0x30, version: 1 }),
            vec![0, 3, 0, 4, 0, 0x30, 0, 1],
        ),
        (Parameter::DisconnectCode(Status::GroupRemoved), vec![0, 4, 0, 4, 0, 1, 0, 0x10]),
        (
            Parameter::CommonSession { keepalive_time: 15 },
            vec![5, 0, 0, 14, 0, 1, 0, 15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ),
        (Parameter::Capability { advertised: true, version: (1, 0) }, vec![0x87, 0, 0, 4, 0x80, 0, 1, 0]),
        (Parameter::MlacpConnect { version: 1, accepted: true }, vec![0, 0x30, 0, 4, 0, 1, 0x80, 0]),
        (Parameter::MlacpDisconnect { cause: None }, vec![0, 0x31, 0, 0]),
        (Parameter::MlacpDisconnect { cause: Some("x".into()) }, vec![0, 0x31, 0, 5, 0, 0x3b, 0, 1, b'x']),
        (
            Parameter::SystemConfig(SystemConfig { system: SYSTEM, node: Node::new(1).unwrap() }),
            [&[0, 0x32, 0, 9][..], &system, &[0x90]].concat(),
        ),
        (
            Parameter::PortConfig(PortConfig {
                number: 1,
                mac: MAC,
                key: 2,
                priority: 3,
                speed: Mbps(400_000),
                flags: ConfigFlags::PRIORITY_SET,
                name: "p1".into(),
            }),
            vec![0, 0x33, 0, 20, 0, 1, 2, 1, 2, 3, 4, 5, 0, 2, 0, 3, 0, 6, 0x1a, 0x80, 4, 2, b'p', b'1'],
        ),
        (
            Parameter::PortPriority(PortPriority { opcode: 1, port: 2, aggregator: 3, last: 4, current: 5 }),
            vec![0, 0x34, 0, 10, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5],
        ),
        (
            Parameter::PortState(PortState {
                partner,
                flags: Flags(0x3f),
                number: 4,
                key: 5,
                selected: Selected::Standby,
                state: OperState::Down,
                aggregator: 6,
            }),
            [&[0, 0x35, 0, 24][..], &system, &[0, 1, 0, 2, 0, 3, 0x3d, 0x3f, 0, 4, 0, 5, 2, 1, 0, 6]]
                .concat(),
        ),
        (
            Parameter::AggregatorConfig(AggregatorConfig {
                object_id: 8,
                id: 10,
                mac: MAC,
                key: 2,
                member_priority: 3,
                flags: ConfigFlags::PURGE,
                name: "ae".into(),
            }),
            vec![
                0, 0x36, 0, 24, 0, 0, 0, 0, 0, 0, 0, 8, 0, 10, 2, 1, 2, 3, 4, 5, 0, 2, 0, 3, 2, 2, b'a', b'e',
            ],
        ),
        (
            Parameter::AggregatorState(AggregatorState {
                partner: SYSTEM,
                partner_key: 1,
                id: 10,
                key: 2,
                state: OperState::Up,
            }),
            [&[0, 0x37, 0, 15][..], &system, &[0, 1, 0, 10, 0, 2, 0]].concat(),
        ),
        (
            Parameter::SyncRequest(SyncRequest {
                number: 1,
                config: true,
                state: true,
                what: SyncWhat::All,
                object: 2,
                key: 3,
            }),
            vec![0, 0x38, 0, 8, 0, 1, 0xff, 0xff, 0, 2, 0, 3],
        ),
        (Parameter::SyncData { number: 1, end: false }, vec![0, 0x39, 0, 4, 0, 1, 0, 0]),
        (
            Parameter::AggregatorSystem { id: 10, system: SYSTEM },
            [&[0xba, 1, 0, 10, 0, 10][..], &system].concat(),
        ),
        (
            Parameter::Macs(vec![MacEntry {
                vlan: VlanId::new(97).unwrap(),
                mac: MAC,
                place: Some(MacPlace::Aggregator(10)),
            }]),
            vec![0xba, 2, 0, 11, 0, 97, 2, 1, 2, 3, 4, 5, 2, 0, 10],
        ),
        (
            Parameter::IrbMacs(vec![IrbMac { vlan: VlanId::new(97).unwrap(), mac: None }]),
            vec![0xba, 3, 0, 8, 0, 97, 0, 0, 0, 0, 0, 0],
        ),
        (Parameter::Acknowledge { id: 10, serial: 9 }, vec![0xba, 4, 0, 6, 0, 10, 0, 0, 0, 9]),
        (
            Parameter::Vlans {
                id: Some(10),
                list: VlanList {
                    untagged: VlanId::new(97),
                    vlans: [10, 11, 12, 97].into_iter().filter_map(VlanId::new).collect(),
                },
            },
            vec![0xba, 5, 0, 12, 0, 10, 0, 97, 0, 10, 0, 12, 0, 97, 0, 97],
        ),
        (
            Parameter::Vlans { id: None, list: VlanList { untagged: None, vlans: VlanSet::new() } },
            vec![0xba, 5, 0, 4, 0, 0, 0, 0],
        ),
    ];
    for (parameter, expected) in table {
        assert_eq!(octets(&parameter), expected, "{parameter:?}");
        let message = data(vec![parameter]);
        assert_eq!(Repr::parse(&message.emit()), Ok(message));
    }
}

#[test]
fn every_code_is_itself_again() {
    for code in (0x0001_0000..0x0001_0020).chain([0, 7, u32::MAX]) {
        assert_eq!(Status::from_code(code).code(), code);
    }
    for code in 0..0x0800 {
        assert_eq!(MessageType::from_code(code).code(), code);
    }
}

#[test]
fn a_long_name_is_cut_where_a_character_ends() {
    let name = "et-0/0/0-überträger";
    let config = AggregatorConfig {
        object_id: 0,
        id: 1,
        mac: MAC,
        key: 1,
        member_priority: 0,
        flags: ConfigFlags::default(),
        name: name.into(),
    };
    let parsed = Repr::parse(&data(vec![Parameter::AggregatorConfig(config)]).emit()).unwrap();
    let Parameter::AggregatorConfig(parsed) = &parsed.parameters[0] else { panic!("{parsed:?}") };
    assert!(parsed.name.len() <= LONGEST_NAME && name.starts_with(&parsed.name) && parsed.name.len() >= 19);
}

#[test]
fn what_cannot_be_is_malformed() {
    let whole = data(vec![Parameter::SyncData { number: 7, end: true }]).emit();
    for cut in 0..whole.len() {
        assert_eq!(Repr::parse(&whole[..cut]), Err(Malformed::CutShort), "{cut}");
    }
    let changed = |at: usize, octet: u8| {
        let mut bytes = whole.clone();
        bytes[at] = octet;
        Repr::parse(&bytes)
    };
    assert_eq!(changed(19, 5), Err(Malformed::Overrun(kind::SYNC_DATA)));
    assert_eq!(changed(19, 3), Err(Malformed::CutShort));
    assert_eq!(changed(9, 6), Err(Malformed::NoRedundancyGroup));
    assert_eq!(changed(23, 2), Err(Malformed::Parameter(kind::SYNC_DATA)));
    let ours = |kind: u16, value: &[u8]| {
        let value = value.to_vec();
        Repr::parse(&data(vec![Parameter::Unknown { ignorable: true, forward: false, kind, value }]).emit())
    };
    let macs = |value: &[u8]| ours(kind::MACS, value);
    let wrong = Err(Malformed::Parameter(kind::MACS));
    assert!(macs(&[0, 97, 2, 0, 0, 0, 0, 1, 1, 0, 0]).is_ok());
    let table: [(&str, &[u8]); 6] = [
        ("VLAN 0", &[0, 0, 2, 0, 0, 0, 0, 1, 1, 0, 0]),
        ("VLAN 4095", &[15, 255, 2, 0, 0, 0, 0, 1, 1, 0, 0]),
        ("a group's address", &[0, 97, 3, 0, 0, 0, 0, 1, 1, 0, 0]),
        ("a place that is none", &[0, 97, 2, 0, 0, 0, 0, 1, 3, 0, 0]),
        ("nowhere, in a bundle", &[0, 97, 2, 0, 0, 0, 0, 1, 0, 0, 9]),
        ("half an address", &[0, 97, 2, 0, 0]),
    ];
    for (name, value) in table {
        assert_eq!(macs(value), wrong, "{name}");
    }
    let vlans = |value: &[u8]| ours(kind::VLANS, value);
    assert!(vlans(&[0, 1, 0, 10, 0, 10, 0, 20]).is_ok());
    let table: [(&str, &[u8]); 5] = [
        ("VLAN 4095", &[0, 1, 0, 0, 15, 255, 15, 255]),
        ("a run that ends before it begins", &[0, 1, 0, 0, 0, 20, 0, 10]),
        ("runs that overlap", &[0, 1, 0, 0, 0, 10, 0, 20, 0, 20, 0, 30]),
        ("an untagged VLAN that is not among them", &[0, 1, 0, 9, 0, 10, 0, 20]),
        ("half a run", &[0, 1, 0, 0, 0, 10]),
    ];
    for (name, value) in table {
        assert_eq!(vlans(value), Err(Malformed::Parameter(kind::VLANS)), "{name}");
    }
}

proptest! {
    #[test]
    fn what_is_read_is_written_so_that_it_reads_the_same(
        kind in prop_oneof![Just(0x0703_u16), Just(0x8703), any::<u16>()],
        tlvs in prop::collection::vec(
            (prop_oneof![0..0x40_u16, 0x3a01..0x3a07_u16, any::<u16>()], prop::collection::vec(any::<u8>(), 0..40)),
            0..6,
        ),
    ) {
        let group: &[u8] = if matches!(kind & 0x7fff, 0x0700..=0x0703) { &[0, 5, 0, 4, 0, 0, 0, 1] } else { &[] };
        let mut bytes = [&kind.to_be_bytes()[..], &[0, 0, 0, 0, 0, 1], group].concat();
        for (kind, value) in tlvs {
            bytes.extend([kind.to_be_bytes(), (value.len() as u16).to_be_bytes()].concat());
            bytes.extend(value);
        }
        let length = bytes.len() as u16 - 4;
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        if let Ok(repr) = Repr::parse(&bytes) {
            let again = Repr::parse(&repr.emit()).expect("what is written makes sense");
            // Only texts that are too long are cut.
            prop_assert_eq!(again.parameters.len(), repr.parameters.len());
            prop_assert_eq!(Repr::parse(&again.emit()), Ok(again));
        }
    }

    #[test]
    fn any_octets_are_read_to_an_end(octets in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Repr::parse(&octets);
    }
}
