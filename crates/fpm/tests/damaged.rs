//! Streams with something wrong in them: what is said of it, and what goes on.

use greylag_fpm::{Fault, Fpm, FpmError, FpmMessage, NextHopId, Other, encode};
use proptest::prelude::*;

const RECORDED: &[u8] = include_bytes!("zebra-8.4.4.fpm");

/// All that a stream gives, in pieces as they are taken.
fn all(stream: &[u8]) -> (Vec<String>, Vec<FpmError>) {
    let (mut fpm, mut heard, mut errors) = (Fpm::new(), Vec::new(), Vec::new());
    let mut octets = stream;
    while !octets.is_empty() {
        octets = &octets[fpm.handle_bytes(octets)..];
        loop {
            match fpm.poll_message() {
                Ok(Some(message)) => heard.push(format!("{message:?}")),
                Ok(None) => break,
                Err(error) if error.is_fatal() => {
                    assert_eq!(fpm.poll_message(), Err(error), "it stays so");
                    errors.push(error);
                    return (heard, errors);
                }
                Err(error) => errors.push(error),
            }
        }
    }
    errors.extend(fpm.handle_end().err());
    (heard, errors)
}

/// A frame around a netlink message of this kind, and these octets behind its header.
fn frame(kind: u16, body: &[u8]) -> Vec<u8> {
    let len = 16 + body.len();
    let mut frame = vec![1, 1];
    frame.extend((4 + len as u16).to_be_bytes());
    frame.extend((len as u32).to_ne_bytes());
    frame.extend(kind.to_ne_bytes());
    frame.extend([0; 10]);
    frame.extend(body);
    frame
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut attribute = (4 + value.len() as u16).to_ne_bytes().to_vec();
    attribute.extend(kind.to_ne_bytes());
    attribute.extend(value);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

/// `struct rtmsg` of a unicast route.
fn rtmsg(family: u8, len: u8) -> Vec<u8> {
    vec![family, len, 0, 0, 254, 186, 0, 1, 0, 0, 0, 0]
}

fn deleted(id: u32) -> (Vec<u8>, String) {
    let message = FpmMessage::NextHopDelete(NextHopId(id));
    let mut octets = Vec::new();
    encode(&[message], &mut octets).unwrap();
    (octets, format!("{message:?}"))
}

#[test]
fn a_message_with_something_wrong_is_passed_over_and_the_place_is_told() {
    let (before, first) = deleted(1);
    let (behind, last) = deleted(2);
    let fault = Fault::ValueLength { attribute: "RTA_NH_ID", has: 2, needs: "4" };
    let short_id = [rtmsg(2, 24), attribute(1, &[10, 0, 0, 0]), attribute(30, &[1, 2])].concat();
    let beyond = [rtmsg(2, 24), vec![9, 0, 1, 0, 10, 0, 0, 0]].concat();
    let cases: &[(u16, Vec<u8>, usize, Fault)] = &[
        (24, short_id, 16 + 12 + 8 + 4, fault),
        (24, vec![2, 24], 16, Fault::Short { has: 2, needs: 12 }),
        (24, beyond, 16 + 12, Fault::AttributeLength { says: 9, left: 8 }),
        (24, rtmsg(2, 24), 16, Fault::Missing("RTA_DST")),
        (
            25,
            [rtmsg(2, 33), attribute(1, &[10, 0, 0, 0])].concat(),
            17,
            Fault::PrefixLength { len: 33, bits: 32 },
        ),
        (104, vec![0; 8], 16, Fault::Missing("NHA_ID")),
        (
            104,
            [vec![0; 8], attribute(1, &[1, 0, 0, 0]), attribute(2, &[0; 9])].concat(),
            16 + 8 + 8 + 4,
            Fault::ValueLength { attribute: "NHA_GROUP", has: 9, needs: "a multiple of 8" },
        ),
    ];
    for (kind, body, at, fault) in cases {
        let stream = [&before[..], &frame(*kind, body), &behind].concat();
        let (heard, errors) = all(&stream);
        assert_eq!(heard, [&*first, &*last], "{fault}");
        let offset = (before.len() + 4 + at) as u64;
        assert_eq!(errors, [FpmError { offset, fault: *fault }]);
    }
}

#[test]
fn one_of_several_next_hops_that_is_cut_short_spoils_the_route() {
    let hop = |len: u8| [len, 0, 0, 0, 3, 0, 0, 0];
    let route = |hops: &[u8]| [rtmsg(2, 24), attribute(1, &[10, 0, 0, 0]), attribute(9, hops)].concat();
    let (heard, errors) = all(&frame(24, &route(&[hop(8), hop(8)].concat())));
    assert_eq!((heard.len(), errors.len()), (1, 0));
    let (heard, errors) = all(&frame(24, &route(&[hop(8), hop(12)].concat())));
    let fault = Fault::AttributeLength { says: 12, left: 8 };
    assert_eq!((heard.len(), errors), (0, vec![FpmError { offset: 4 + 16 + 12 + 8 + 4 + 8, fault }]));
}

#[test]
fn a_message_that_is_longer_than_its_frame_spoils_only_that() {
    let (behind, last) = deleted(2);
    let mut long = frame(24, &rtmsg(2, 0));
    long[4..8].copy_from_slice(&100u32.to_ne_bytes());
    let (heard, errors) = all(&[long, behind].concat());
    assert_eq!(heard, [last]);
    assert_eq!(errors, [FpmError { offset: 4, fault: Fault::MessageLength { says: 100, left: 28 } }]);
}

#[test]
fn a_stream_that_is_no_fpm_is_given_up() {
    let (before, first) = deleted(1);
    let at = before.len() as u64;
    let (heard, errors) = all(&[&before[..], b"GET / HTTP/1.1\r\n\r\n"].concat());
    assert_eq!(heard, [&*first]);
    assert_eq!(errors, [FpmError { offset: at, fault: Fault::NotFpm { version: b'G', kind: b'E' } }]);
    let (_, errors) = all(&[&before[..], &[1, 1, 0, 3]].concat());
    assert_eq!(errors, [FpmError { offset: at, fault: Fault::FrameLength(3) }]);
    let (_, errors) = all(&before[..before.len() - 1]);
    assert_eq!(errors, [FpmError { offset: at - 1, fault: Fault::Cut }]);
    let said =
        "octet 24 of the stream: a frame of version 71 and type 69; FPM has version 1 and type 1 (netlink)";
    let error = FpmError { offset: 24, fault: Fault::NotFpm { version: b'G', kind: b'E' } };
    assert_eq!(error.to_string(), said);
}

#[test]
fn what_nobody_has_a_use_for_is_named_and_counted() {
    let source = [vec![10, 64, 64, 0, 254, 196, 0, 1, 0, 0, 0, 0], attribute(1, &[0; 16])].concat();
    let local = [vec![2, 32, 0, 0, 254, 2, 0, 2, 0, 0, 0, 0], attribute(1, &[10, 0, 0, 1])].concat();
    let vxlan = [vec![0; 8], attribute(1, &[1, 0, 0, 0]), attribute(11, &[])].concat();
    let cases = [
        (frame(28, &[7; 12]), Other::MacFdb),
        (frame(29, &[7; 12]), Other::MacFdb),
        (frame(24, &rtmsg(28, 20)), Other::Lsp),
        (frame(24, &source), Other::SourceRoute),
        (frame(24, &rtmsg(128, 32)), Other::RouteFamily(128)),
        (frame(24, &local), Other::RouteKind(2)),
        (frame(104, &vxlan), Other::FdbNextHop),
        (frame(16, &[0; 16]), Other::Netlink(16)),
        (vec![1, 2, 0, 8, 0xff, 0xff, 0xff, 0xff], Other::Frame(2)),
    ];
    let mut fpm = Fpm::new();
    for (octets, other) in &cases {
        assert_eq!(fpm.handle_bytes(octets), octets.len());
        assert_eq!(fpm.poll_message(), Ok(Some(FpmMessage::Other(*other))));
        assert_eq!(fpm.poll_message(), Ok(None));
    }
    assert_eq!(fpm.counts().others[&Other::MacFdb], 2);
    assert_eq!(fpm.counts().others.values().sum::<u64>(), cases.len() as u64);
}

#[test]
fn who_hands_over_more_than_there_is_room_for_is_told_so() {
    let mut fpm = Fpm::new();
    let (frame, _) = deleted(1);
    let stream = frame.repeat(10_000);
    let taken = fpm.handle_bytes(&stream);
    assert!(taken < stream.len() && taken >= 65_535, "{taken}");
    assert_eq!(fpm.handle_bytes(&stream[taken..]), 0, "nothing was asked in between");
    let (heard, errors) = all(&stream);
    assert_eq!((heard.len(), errors.len()), (10_000, 0));
}

#[test]
fn the_place_is_told_after_any_number_of_octets() {
    let (small, _) = deleted(1);
    let many = small.repeat(20_000);
    let (heard, errors) = all(&[&many[..], &frame(104, &[0; 8])].concat());
    assert_eq!((heard.len(), errors.len()), (20_000, 1));
    assert_eq!(errors[0].offset, many.len() as u64 + 4 + 16);
}

#[test]
fn more_octets_may_come_while_a_frame_is_being_read() {
    let [one, two] = [1, 2].map(|id| FpmMessage::NextHopDelete(NextHopId(id)));
    let mut stream = Vec::new();
    encode(&[one; 2000], &mut stream).unwrap();
    let mut fpm = Fpm::new();
    assert_eq!(fpm.handle_bytes(&stream), stream.len());
    for _ in 0..1000 {
        assert_eq!(fpm.poll_message(), Ok(Some(one)));
    }
    // They find room where the first messages were.
    let (behind, _) = deleted(2);
    let behind = behind.repeat(90_000 / behind.len());
    assert_eq!(fpm.handle_bytes(&behind), behind.len());
    for _ in 0..1000 {
        assert_eq!(fpm.poll_message(), Ok(Some(one)));
    }
    assert_eq!(fpm.poll_message(), Ok(Some(two)));
}

#[test]
fn messages_begin_at_multiples_of_four() {
    // A netlink message of 17 octets and one of 16, both of a kind that is passed over.
    let mut stream = frame(16, &[0]);
    stream.extend([0; 3]);
    stream.extend(&frame(17, &[])[4..]);
    let len = stream.len() as u16;
    stream[2..4].copy_from_slice(&len.to_be_bytes());
    let (heard, errors) = all(&stream);
    let expected = [16, 17].map(|kind| format!("{:?}", FpmMessage::Other(Other::Netlink(kind))));
    assert_eq!((heard, errors), (expected.to_vec(), vec![]));
}

#[test]
fn the_largest_frame_is_read_however_full_the_buffer_was() {
    let (small, _) = deleted(1);
    let mut large = vec![1, 1, 0xff, 0xff];
    large.extend(65_531u32.to_ne_bytes());
    large.resize(65_535, 0);
    let stream = [small.repeat(1_801), large.clone(), large, small].concat();
    let (heard, errors) = all(&stream);
    assert_eq!((heard.len(), errors.len()), (1_804, 0));
}

proptest! {
    #[test]
    fn no_octets_do_harm(damage in prop::collection::vec((0..RECORDED.len(), any::<u8>()), 0..40)) {
        let mut stream = RECORDED.to_vec();
        damage.into_iter().for_each(|(at, octet)| stream[at] = octet);
        // Whatever is heard can be printed, lists and all.
        let (heard, _) = all(&stream);
        prop_assert!(heard.len() < 200);
    }

    #[test]
    fn nor_do_messages_of_any_octets(
        kind in prop::sample::select(vec![24u16, 25, 104, 105]),
        body in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let (heard, errors) = all(&frame(kind, &body));
        prop_assert_eq!(heard.len() + errors.len(), 1);
    }
}
