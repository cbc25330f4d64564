//! Segments against a slow way to make them: each packet built from its fields, octet by octet.

use super::Segments;
use crate::Offload;
use packet::{Ip, Kind, Packet};
use proptest::prelude::*;

#[path = "../../tests/live/packet.rs"]
mod packet;

fn segments(frame: &[u8], offload: Offload) -> Option<Vec<Vec<u8>>> {
    let mut segments = Segments::of(frame, offload)?;
    let (count, longest) = (segments.count(), segments.longest());
    let mut out = Vec::new();
    let mut room = vec![0xee; longest];
    while let Some(len) = segments.write_next(&mut room) {
        out.push(room[..len].to_vec());
    }
    assert_eq!((out.len(), out.iter().map(Vec::len).max()), (count, Some(longest)));
    Some(out)
}

fn words(range: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    range.prop_flat_map(|words| prop::collection::vec(any::<u8>(), words * 4))
}

fn extension() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let body = (0..3_usize).prop_flat_map(|eights| prop::collection::vec(any::<u8>(), 6 + 8 * eights));
    (prop::sample::select(vec![0_u8, 43, 60]), body)
}

fn packet() -> impl Strategy<Value = Packet> {
    let tag = any::<[u8; 2]>().prop_map(|[a, b]| [0x81, 0, a, b]);
    let ip = prop_oneof![
        (any::<u16>(), words(0..11)).prop_map(|(id, options)| Ip::V4 { id, options }),
        prop::collection::vec(extension(), 0..4).prop_map(|extensions| Ip::V6 { extensions }),
    ];
    let transport = prop_oneof![
        3 => (any::<u32>(), any::<u8>(), words(0..11))
            .prop_map(|(sequence, flags, options)| Kind::Tcp { sequence, flags, options }),
        1 => Just(Kind::Udp),
    ];
    let payload = prop::collection::vec(any::<u8>(), 1..5000);
    (prop::collection::vec(tag, 0..3), ip, transport, payload)
        .prop_map(|(tags, ip, transport, payload)| Packet { tags, ip, transport, payload })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn each_segment_is_what_its_sender_would_have_sent(packet in packet(), segment_len in 1_u16..2000) {
        let segment_len = segment_len.max(packet.payload.len() as u16 / 100);
        let (frame, offload) = packet.super_frame(segment_len);
        prop_assert_eq!(segments(&frame, offload), Some(packet.cut(segment_len.into())));
    }
}

fn tcp(payload: usize) -> Packet {
    Packet {
        tags: vec![],
        ip: Ip::V4 { id: 0xffff, options: vec![] },
        transport: Kind::Tcp { sequence: u32::MAX, flags: 0xff, options: vec![1; 12] },
        payload: vec![7; payload],
    }
}

#[test]
fn the_longest_there_is_and_the_shortest() {
    let longest = tcp(65_535 - 20 - 32);
    let (frame, offload) = longest.super_frame(1448);
    let cut = segments(&frame, offload).unwrap();
    assert_eq!(cut.len(), 46);
    assert!(cut == longest.cut(1448));
    // One that fits as it is still has its checksum to come.
    let (frame, offload) = tcp(1).super_frame(1448);
    assert_eq!(segments(&frame, offload).unwrap(), tcp(1).cut(1448));
}

#[test]
fn what_is_not_understood_is_not_cut() {
    let (frame, offload) = tcp(3000).super_frame(1000);
    assert!(segments(&frame, offload).is_some());
    let inner = Offload { checksum_start: offload.checksum_start + 50, ..offload };
    let no_checksum = Offload { flags: 0, ..offload };
    let no_length = Offload { segment_len: 0, ..offload };
    let of_ipv6 = Offload { gso_type: Offload::GSO_TCPV6, ..offload };
    let as_udp = Offload { gso_type: Offload::GSO_UDP_L4, checksum_offset: 6, ..offload };
    let fragments = Offload { gso_type: 3, ..offload };
    for wrong in [inner, no_checksum, no_length, of_ipv6, as_udp, fragments] {
        assert!(Segments::of(&frame, wrong).is_none(), "{wrong:?}");
    }
    // No payload, a header that is cut, a TCP header of three words, UDP around it.
    let mut short_header = frame.clone();
    short_header[34 + 12] = 0x30;
    let mut encapsulated = frame.clone();
    encapsulated[23] = 17;
    for wrong in [&frame[..66], &frame[..50], &short_header, &encapsulated] {
        assert!(Segments::of(wrong, offload).is_none());
    }
}
