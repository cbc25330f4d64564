//! What is refused, with which status, and what ends the session instead.

use crate::driver::{A, Pair, secs, station, vlan};
use greylag_iccp::{Cause, IccpEvent, MacPlace, Malformed, Status};
use greylag_wire::iccp::{
    LONGEST, MessageType, Parameter, Repr, RequestedVersion, SyncRequest, SyncWhat, kind,
};
use std::time::Duration;

fn message(kind: MessageType, parameters: Vec<Parameter>) -> Repr {
    Repr { kind, ignorable: false, id: 77, redundancy_group: Some(1), parameters }
}

fn data(parameters: Vec<Parameter>) -> Repr {
    message(MessageType::RgApplicationData, parameters)
}

fn unknown(kind: u16, ignorable: bool) -> Parameter {
    Parameter::Unknown { ignorable, forward: false, kind, value: vec![1, 2, 3] }
}

/// The parameters of the messages of one type that A has sent since the record began.
fn said(pair: &Pair, kind: MessageType) -> Vec<Parameter> {
    let mut rest = &pair.record.as_ref().expect("there is a record")[A][..];
    let mut said = Vec::new();
    while let Some(length) = greylag_wire::iccp::Message::length(rest) {
        let message = Repr::parse(&rest[..length]).expect("what is sent makes sense");
        if message.kind == kind {
            said.extend(message.parameters);
        }
        rest = &rest[length..];
    }
    said
}

/// A and B have a session; then A hears this, as if B had said it.
fn hear(bytes: &[u8]) -> Pair {
    let mut pair = Pair::settled();
    pair.record = Some(Default::default());
    pair.inject(A, bytes);
    pair
}

#[test]
fn what_has_no_place_is_refused_by_its_status_and_the_session_goes_on() {
    let name = || vec![Parameter::SenderName("b".to_owned())];
    let connect = |version| Parameter::MlacpConnect { version, accepted: false };
    let other_group = Repr { redundancy_group: Some(2), ..data(Vec::new()) };
    let capability = vec![Parameter::Capability { advertised: true, version: (1, 0) }];
    let initialization = Repr { redundancy_group: None, ..message(MessageType::Initialization, capability) };
    let plain = Repr { redundancy_group: None, ..message(MessageType::Other(0x0400), Vec::new()) };
    let table = [
        ("a second RG Connect", message(MessageType::RgConnect, name()), Status::ConnectionCountExceeded),
        ("a second Connect", data(vec![connect(1)]), Status::ApplicationConnectionCountExceeded),
        ("PW-RED", data(vec![unknown(kind::PW_RED_CONNECT, false)]), Status::ApplicationNotInGroup),
        ("another group", other_group, Status::UnknownRedundancyGroup),
        ("an unknown parameter", data(vec![unknown(0x2fff, false)]), Status::RejectedMessage),
        ("an unknown message", plain.clone(), Status::RejectedMessage),
        ("a second capability", initialization, Status::RejectedMessage),
    ];
    for (name, heard, status) in table {
        let pair = hear(&heard.emit());
        let row = pair.row(A);
        let nak = row.last_nak_sent.unwrap_or_else(|| panic!("{name}: nothing was refused"));
        assert_eq!((nak.status, nak.message), (status, 77), "{name}");
        let says = said(&pair, MessageType::RgNotification);
        assert!(says.contains(&Parameter::Nak { status, message: 77, requested: None }), "{name}: {says:?}");
        assert!(pair.is_whole() && pair.events.is_empty(), "{name}: {:?}", pair.events);
    }
    for heard in [data(vec![unknown(0x3abc, true)]), Repr { ignorable: true, ..plain }] {
        assert_eq!(hear(&heard.emit()).row(A).last_nak_sent, None, "the U bit asks for silence");
    }
}

#[test]
fn nothing_of_a_refused_message_is_taken() {
    let mac =
        greylag_wire::iccp::MacEntry { vlan: vlan(97), mac: station(1), place: Some(MacPlace::SingleHomed) };
    let pair = hear(&data(vec![Parameter::Macs(vec![mac]), unknown(0x2fff, false)]).emit());
    assert!(pair.peers[A].macs.is_empty());
}

#[test]
fn a_refusal_is_not_refused() {
    let nak = Parameter::Nak { status: Status::UnknownRedundancyGroup, message: 1, requested: None };
    let heard = Repr { redundancy_group: Some(9), ..message(MessageType::RgNotification, vec![nak]) };
    let pair = hear(&heard.emit());
    let row = pair.row(A);
    assert_eq!((row.messages_sent.naks, row.messages_received.naks), (0, 1));
    assert!(pair.is_whole());
}

#[test]
fn what_makes_no_sense_ends_the_session_and_says_what_it_was() {
    let good = data(vec![Parameter::SyncData { number: 9, end: false }]).emit();
    let changed = |changes: &[(usize, u8)]| {
        let mut bytes = good.clone();
        changes.iter().for_each(|(at, octet)| bytes[*at] = *octet);
        bytes
    };
    let no_group = Repr { redundancy_group: None, ..data(Vec::new()) };
    let zero =
        [&data(vec![]).emit()[..2], &[0, 19, 0, 0, 0, 77, 0, 5, 0, 4, 0, 0, 0, 1, 0x3a, 3, 0, 0]].concat();
    let vlan_zero = {
        let mut bytes = data(vec![unknown(kind::IRB_MACS, false)]).emit();
        bytes.truncate(bytes.len() - 3);
        let at = bytes.len();
        bytes.extend_from_slice(&[0, 0, 2, 0, 0, 0, 0, 1]);
        bytes[at - 1] = 8;
        bytes[3] += 5;
        bytes
    };
    let table: [(&str, Vec<u8>, Malformed); 7] = [
        ("a message without an id", vec![7, 3, 0, 2, 0, 0], Malformed::CutShort),
        ("half a parameter", zero[..zero.len()].to_vec(), Malformed::CutShort),
        ("no redundancy group", no_group.emit(), Malformed::NoRedundancyGroup),
        ("a parameter beyond the end", changed(&[(19, 5)]), Malformed::Overrun(kind::SYNC_DATA)),
        ("flags that are none", changed(&[(23, 2)]), Malformed::Parameter(kind::SYNC_DATA)),
        ("VLAN 0", vlan_zero, Malformed::Parameter(kind::IRB_MACS)),
        (
            "a name of 9 octets in 3",
            data(vec![unknown(kind::NAK, false)]).emit(),
            Malformed::Parameter(kind::NAK),
        ),
    ];
    for (name, bytes, malformed) in table {
        let mut bytes = bytes;
        if name == "half a parameter" {
            // The length says one octet less than the head of the last parameter needs.
            bytes = [&zero[..3], &[15], &zero[4..19]].concat();
        }
        let mut pair = hear(&bytes);
        let cause = Cause::Malformed(malformed);
        assert_eq!(pair.heard(A), [IccpEvent::SessionDown { cause: cause.clone() }], "{name}");
        assert_eq!(pair.failure(A).cause, cause, "{name}");
        assert!(!pair.ends[A].is_up());
        assert!(pair.run_until(secs(5), Pair::is_whole), "{name}: there is another session");
    }
}

#[test]
fn another_version_is_refused_and_the_right_one_named() {
    let mut pair = Pair::settled();
    pair.cut();
    pair.stalled = true;
    pair.record = Some(Default::default());
    pair.impersonate(A);
    let says = |version| {
        let parameters = vec![Parameter::Capability { advertised: true, version }];
        Repr { redundancy_group: None, ..message(MessageType::Initialization, parameters) }.emit()
    };
    pair.inject(A, &says((2, 0)));
    assert_eq!(pair.failure(A).cause, Cause::Refused(Status::IncompatibleVersion));
    pair.impersonate(A);
    pair.inject(A, &says((1, 7)));
    let name = Parameter::SenderName("b".to_owned());
    pair.inject(A, &message(MessageType::RgConnect, vec![name]).emit());
    pair.inject(A, &data(vec![Parameter::MlacpConnect { version: 2, accepted: false }]).emit());
    let nak = |connection, version| Parameter::Nak {
        status: Status::IncompatibleVersion,
        message: 77,
        requested: Some(RequestedVersion { connection, version }),
    };
    let says = said(&pair, MessageType::RgNotification);
    assert!(says.contains(&nak(0, 0x0100)) && says.contains(&nak(kind::MLACP_CONNECT, 1)), "{says:?}");
    // Both offer again, and the peer has learnt.
    pair.inject(A, &data(vec![Parameter::MlacpConnect { version: 1, accepted: false }]).emit());
    pair.inject(A, &data(vec![Parameter::MlacpConnect { version: 1, accepted: true }]).emit());
    assert!(pair.ends[A].is_up());
}

#[test]
fn a_part_is_told_to_who_asks_for_it() {
    let mut pair = Pair::settled();
    pair.tell(A, |iccp, now| {
        iccp.set_aggregator(now, crate::driver::leg(A, 10, true));
        iccp.set_aggregator(now, crate::driver::leg(A, 11, true));
    });
    pair.run(Duration::from_millis(10));
    pair.record = Some(Default::default());
    let what = SyncWhat::Aggregator;
    let request = SyncRequest { number: 5, config: true, state: true, what, object: 11, key: 0 };
    pair.inject(A, &data(vec![Parameter::SyncRequest(request)]).emit());
    let says = said(&pair, MessageType::RgApplicationData);
    let [
        Parameter::SyncData { number: 5, end: false },
        middle @ ..,
        Parameter::SyncData { number: 5, end: true },
    ] = &says[..]
    else {
        panic!("{says:?}")
    };
    assert!(matches!(&middle[0], Parameter::AggregatorConfig(config) if config.id == 11), "{says:?}");
    assert_eq!(middle.len(), 3);
}

#[test]
fn what_was_not_named_in_a_whole_synchronisation_is_gone() {
    let entry = |number| greylag_wire::iccp::MacEntry {
        vlan: vlan(97),
        mac: station(number),
        place: Some(MacPlace::SingleHomed),
    };
    let mut pair = hear(&data(vec![Parameter::Macs(vec![entry(1), entry(2)])]).emit());
    let begin = Parameter::SyncData { number: 0, end: false };
    pair.inject(A, &data(vec![begin, Parameter::Macs(vec![entry(2), entry(3)])]).emit());
    assert_eq!(pair.peers[A].macs.len(), 3, "not before its end");
    pair.inject(A, &data(vec![Parameter::SyncData { number: 0, end: true }]).emit());
    let left: Vec<_> = pair.peers[A].macs.keys().map(|(_, mac)| *mac).collect();
    assert_eq!(left, [station(2), station(3)]);
    assert_eq!(pair.heard(A).last(), Some(&IccpEvent::PeerMacsComplete));
}

#[test]
fn a_peer_that_asks_and_does_not_listen_fills_no_memory() {
    let mut pair = Pair::settled();
    let octets = data(vec![unknown(0x2fff, false)]).emit().repeat(1000);
    assert!(octets.len() < LONGEST);
    pair.ends[A].handle_bytes(pair.now, &octets);
    let mut answers = 0;
    while pair.ends[A].poll_action(pair.now).is_some() {
        answers += 1;
    }
    assert!(answers <= 64, "{answers} answers");
    assert_eq!(pair.row(A).messages_sent.naks, 1000);
}
