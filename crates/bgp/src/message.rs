//! Messages and the stream that they come in (RFC 4271 4.1 and 6.1).

use crate::config::Family;
use crate::notification::{self as code, Notification};
use crate::open::Open;
use bytes::{Buf, Bytes, BytesMut};

/// Marker, length and type.
pub(crate) const HEADER: usize = 19;
/// No message is longer (RFC 4271 4.1); longer ones would be a capability (RFC 8654).
pub(crate) const LONGEST: usize = 4096;

/// The types of messages.
pub(crate) const OPEN: u8 = 1;
pub(crate) const UPDATE: u8 = 2;
const NOTIFICATION: u8 = 3;
const KEEPALIVE: u8 = 4;
const ROUTE_REFRESH: u8 = 5;

/// How long messages of each type are.
const LENGTHS: &[(u8, core::ops::RangeInclusive<usize>)] = &[
    (OPEN, 29..=LONGEST),
    (UPDATE, 23..=LONGEST),
    (NOTIFICATION, 21..=LONGEST),
    (KEEPALIVE, HEADER..=HEADER),
    // RFC 2918 gives it one length; what else is said there is judged below.
    (ROUTE_REFRESH, HEADER..=LONGEST),
];

/// What the neighbor says.
#[derive(Debug)]
pub(crate) enum Message {
    Open(Open),
    /// What follows the header; it is read with what the OPENs have agreed on.
    Update(Bytes),
    Notification(Notification),
    Keepalive,
    /// `None` for a family, or an operation, that nobody here knows.
    RouteRefresh(Option<Family>),
}

/// What is wrong with what the neighbor says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Header(Notification),
    Open(Notification),
}

/// The next message of a stream, if it is whole.
pub(crate) fn next(stream: &mut BytesMut) -> Result<Option<Message>, Wrong> {
    let Some(header) = stream.get(..HEADER) else { return Ok(None) };
    if header[..16] != [0xff; 16] {
        return Err(Wrong::Header(Notification::new(code::NOT_SYNCHRONIZED, &[])));
    }
    let (length, kind) = (usize::from(u16::from_be_bytes([header[16], header[17]])), header[18]);
    let Some((_, lengths)) = LENGTHS.iter().find(|(known, _)| *known == kind) else {
        return Err(Wrong::Header(Notification::new(code::BAD_MESSAGE_TYPE, &[kind])));
    };
    if !lengths.contains(&length) {
        return Err(Wrong::Header(Notification::new(code::BAD_MESSAGE_LENGTH, &header[16..18])));
    }
    if stream.len() < length {
        return Ok(None);
    }
    let whole = stream.split_to(length).freeze();
    let body = whole.slice(HEADER..);
    Ok(Some(match kind {
        OPEN => Message::Open(Open::read(&body).map_err(Wrong::Open)?),
        UPDATE => Message::Update(body),
        NOTIFICATION => Message::Notification(Notification::new((body[0], body[1]), &body[2..])),
        KEEPALIVE => Message::Keepalive,
        _ => Message::RouteRefresh(read_refresh(&whole).map_err(Wrong::Header)?),
    }))
}

/// RFC 2918 3, with the operation of RFC 7313 in the reserved octet.
fn read_refresh(whole: &Bytes) -> Result<Option<Family>, Notification> {
    let mut body = whole.slice(HEADER..);
    if body.len() != 4 {
        return Err(Notification::new(code::BAD_REFRESH_LENGTH, whole));
    }
    let (afi, operation, safi) = (body.get_u16(), body.get_u8(), body.get_u8());
    Ok(family(afi, safi).filter(|_| operation == 0))
}

/// The family that IANA's numbers mean.
pub(crate) fn family(afi: u16, safi: u8) -> Option<Family> {
    match (afi, safi) {
        (1, 1) => Some(Family::Ipv4Unicast),
        (2, 1) => Some(Family::Ipv6Unicast),
        _ => None,
    }
}

/// IANA's number of a family's addresses; all are unicast, 1.
pub(crate) fn afi(family: Family) -> u16 {
    match family {
        Family::Ipv4Unicast => 1,
        Family::Ipv6Unicast => 2,
    }
}

/// A message.
pub(crate) fn frame(kind: u8, body: &[u8]) -> Bytes {
    let length = u16::try_from(HEADER + body.len()).expect("a message has at most 4096 octets");
    [&[0xff; 16][..], &length.to_be_bytes(), &[kind], body].concat().into()
}

pub(crate) fn keepalive() -> Bytes {
    frame(KEEPALIVE, &[])
}

pub(crate) fn notification(says: &Notification) -> Bytes {
    // What is quoted from a message of the greatest length would not fit behind a code.
    let data = &says.data[..says.data.len().min(LONGEST - HEADER - 2)];
    frame(NOTIFICATION, &[&[says.code, says.subcode], data].concat())
}

pub(crate) fn route_refresh(family: Family) -> Bytes {
    frame(ROUTE_REFRESH, &[&afi(family).to_be_bytes()[..], &[0, 1]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(bytes: &[u8]) -> Result<Option<Message>, Wrong> {
        next(&mut BytesMut::from(bytes))
    }

    #[test]
    fn a_message_is_taken_when_it_is_whole() {
        let mut bytes = BytesMut::new();
        for byte in keepalive() {
            assert!(matches!(next(&mut bytes), Ok(None)));
            bytes.extend_from_slice(&[byte]);
        }
        assert!(matches!(next(&mut bytes), Ok(Some(Message::Keepalive))) && bytes.is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_header_has_its_code() {
        let header = |marker: u8, length: u16, kind: u8| {
            let bytes = [&[marker; 16][..], &length.to_be_bytes(), &[kind]].concat();
            match stream(&bytes) {
                Err(Wrong::Header(says)) => (says.code, says.subcode, says.data.to_vec()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(header(0xfe, 19, 4), (1, 1, vec![]));
        let lengths = [(18, 4), (20, 4), (4097, 2), (28, 1), (22, 2), (20, 3)];
        for (length, kind) in lengths {
            assert_eq!(header(0xff, length, kind), (1, 2, length.to_be_bytes().to_vec()), "{length} {kind}");
        }
        assert_eq!(header(0xff, 19, 6), (1, 3, vec![6]));
        let short = frame(ROUTE_REFRESH, &[0, 1, 0]);
        assert_eq!(
            stream(&short).unwrap_err(),
            Wrong::Header(Notification::new(code::BAD_REFRESH_LENGTH, &short))
        );
    }

    #[test]
    fn a_refresh_of_an_unknown_family_or_with_another_operation_asks_for_nothing() {
        let asks = |body: &[u8]| match stream(&frame(ROUTE_REFRESH, body)) {
            Ok(Some(Message::RouteRefresh(family))) => family,
            other => panic!("{other:?}"),
        };
        assert_eq!(asks(&[0, 2, 0, 1]), Some(Family::Ipv6Unicast));
        assert_eq!((asks(&[0, 2, 1, 1]), asks(&[0, 25, 0, 70])), (None, None));
        assert!(matches!(
            stream(&route_refresh(Family::Ipv4Unicast)),
            Ok(Some(Message::RouteRefresh(Some(Family::Ipv4Unicast))))
        ));
    }
}
