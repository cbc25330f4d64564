//! Every rule by which a packet is discarded, each with its counter, and packets that no rule is against.

use crate::driver::{A, INTERFACE, PRETENDER, Pair, SESSION, address, session};
use greylag_base::{Instant, InterfaceId, Seed};
use greylag_bfd::{Bfd, BfdConfig, Discard, PacketIn, Path, SessionConfig, SessionId, State};
use greylag_wire::bfd::{Flags, Repr};

/// A packet that breaks one rule.
struct Broken {
    rule: Discard,
    /// The session that it was found to be for counts it, too.
    finds_session: bool,
    /// What the session is told before.
    before: fn(&mut Pair),
    /// What of the content is wrong.
    content: fn(&mut Repr),
    /// What of the octets is wrong.
    octets: fn(&mut Vec<u8>),
    /// What around it is wrong.
    around: fn(&mut PacketIn<'_>),
}

const SOUND: Broken = Broken {
    rule: Discard::Ttl,
    finds_session: false,
    before: |_| {},
    content: |_| {},
    octets: |_| {},
    around: |_| {},
};

fn first(repr: &mut Repr) {
    repr.your_discriminator = 0;
    repr.state = State::Down;
}

const BROKEN: &[Broken] = &[
    Broken { rule: Discard::WrongPort, around: |packet| packet.destination_port = 3785, ..SOUND },
    // It knows our discriminator, but comes by the port of the other kind.
    Broken { rule: Discard::WrongPort, around: |packet| packet.destination_port = 4784, ..SOUND },
    Broken { rule: Discard::Version, octets: |octets| octets[0] = 0x40, ..SOUND },
    Broken { rule: Discard::TooShort, octets: |octets| octets[3] = 23, ..SOUND },
    Broken { rule: Discard::CutShort, octets: |octets| octets[3] = 25, ..SOUND },
    Broken { rule: Discard::CutShort, octets: |octets| octets.truncate(23), ..SOUND },
    Broken { rule: Discard::CutShort, octets: Vec::clear, ..SOUND },
    Broken { rule: Discard::DetectMultZero, content: |repr| repr.detect_mult = 0, ..SOUND },
    Broken { rule: Discard::Multipoint, content: |repr| repr.flags = Flags::MULTIPOINT, ..SOUND },
    Broken { rule: Discard::MyDiscriminatorZero, content: |repr| repr.my_discriminator = 0, ..SOUND },
    Broken { rule: Discard::YourDiscriminatorZero, content: |repr| repr.your_discriminator = 0, ..SOUND },
    Broken { rule: Discard::UnknownDiscriminator, content: |repr| repr.your_discriminator ^= 1, ..SOUND },
    Broken { rule: Discard::NoSession, content: first, around: |packet| packet.from = address(7), ..SOUND },
    Broken {
        rule: Discard::NoSession,
        content: first,
        around: |packet| packet.interface = InterfaceId(4),
        ..SOUND
    },
    Broken {
        rule: Discard::NoSession,
        content: first,
        around: |packet| packet.destination_port = 4784,
        ..SOUND
    },
    Broken { rule: Discard::Ttl, finds_session: true, around: |packet| packet.ttl = 254, ..SOUND },
    Broken {
        rule: Discard::Ttl,
        finds_session: true,
        content: first,
        around: |packet| packet.ttl = 254,
        ..SOUND
    },
    Broken {
        rule: Discard::Authentication,
        finds_session: true,
        octets: |octets| {
            octets[1] |= Flags::AUTHENTICATION.0;
            octets[3] = 28;
            octets.extend([1, 4, 1, b'x']);
        },
        ..SOUND
    },
    Broken {
        rule: Discard::AdminDown,
        finds_session: true,
        before: |pair| pair.reconfigure(A, |session| session.enabled = false),
        ..SOUND
    },
    Broken {
        rule: Discard::PathDown,
        finds_session: true,
        before: |pair| pair.tell(A, |bfd, now| bfd.set_path(now, SESSION, false)),
        ..SOUND
    },
];

#[test]
fn every_rule_discards_and_has_a_counter() {
    for (number, broken) in BROKEN.iter().enumerate() {
        let mut pair = Pair::alone(session(A));
        (broken.before)(&mut pair);
        let state = pair.state(A);
        let mut repr = pair.says(State::Init);
        (broken.content)(&mut repr);
        let mut octets = repr.emit().to_vec();
        (broken.octets)(&mut octets);
        let mut packet = PacketIn { payload: &octets, ..Pair::arriving() };
        (broken.around)(&mut packet);
        pair.hear_packet(&packet);

        let snapshot = pair.switches[A].snapshot();
        let rule = broken.rule;
        assert_eq!((snapshot.discards.of(rule), snapshot.discards.total()), (1, 1), "{number}: {rule:?}");
        let row = pair.row(A);
        assert_eq!(row.discards.of(rule), u64::from(broken.finds_session), "{number}: {rule:?}");
        assert_eq!((row.session_state, row.asynchronous.received_packets), (state, 0), "{number}: {rule:?}");
        let noted = matches!(rule, Discard::AdminDown | Discard::PathDown);
        assert_eq!(row.remote_discriminator == PRETENDER, noted, "{number}: {rule:?}");
    }
}

#[test]
fn every_rule_has_such_a_packet() {
    use Discard::*;
    // A rule that is added has to be added here: this match is the reminder.
    let next = |rule| match rule {
        WrongPort => Some(Version),
        Version => Some(TooShort),
        TooShort => Some(CutShort),
        CutShort => Some(DetectMultZero),
        DetectMultZero => Some(Multipoint),
        Multipoint => Some(MyDiscriminatorZero),
        MyDiscriminatorZero => Some(YourDiscriminatorZero),
        YourDiscriminatorZero => Some(UnknownDiscriminator),
        UnknownDiscriminator => Some(NoSession),
        NoSession => Some(Ttl),
        Ttl => Some(Authentication),
        Authentication => Some(AdminDown),
        AdminDown => Some(PathDown),
        PathDown => None,
    };
    for rule in std::iter::successors(Some(WrongPort), |rule| next(*rule)) {
        assert!(BROKEN.iter().any(|broken| broken.rule == rule), "{rule:?}");
    }
}

#[test]
fn a_sound_packet_is_taken_from_wherever_it_comes_once_it_knows_us() {
    // RFC 5880 6.3: neither the address nor the interface counts.
    let mut pair = Pair::alone(session(A));
    let payload = pair.says(State::Init).emit();
    let packet = PacketIn {
        from: address(9),
        to: address(10),
        interface: InterfaceId(9),
        payload: &payload,
        ..Pair::arriving()
    };
    pair.hear_packet(&packet);
    assert_eq!(pair.state(A), State::Up);
    assert_eq!(pair.switches[A].snapshot().discards.total(), 0);
    // What we send goes where it went (RFC 5881 6).
    assert_eq!(pair.sent.last().unwrap().packet.to, address(1));
}

#[test]
fn what_follows_the_packet_and_what_is_reserved_is_not_looked_at() {
    let mut pair = Pair::alone(session(A));
    let mut octets = pair.says(State::Init).emit().to_vec();
    octets[0] |= 31;
    octets.extend([0xff; 9]);
    pair.hear_payload(&octets);
    assert_eq!(pair.state(A), State::Up);
    assert_eq!(pair.row(A).remote_diagnostic_code, greylag_bfd::Diagnostic::Reserved(31));
}

#[test]
fn a_first_packet_finds_its_session_among_many() {
    let hop = |id, interface, remote: &str| {
        let path = Path::SingleHop { interface: InterfaceId(interface) };
        let local = if remote.contains(':') { "fe80::1" } else { "192.0.2.1" };
        SessionConfig::new(SessionId(id), local.parse().unwrap(), remote.parse().unwrap(), path)
    };
    let far = |id, local: &str, remote: &str| {
        let path = Path::Multihop { minimum_ttl: 250 };
        SessionConfig::new(SessionId(id), local.parse().unwrap(), remote.parse().unwrap(), path)
    };
    let sessions = vec![
        hop(1, 1, "192.0.2.2"),
        hop(2, 2, "192.0.2.2"),
        hop(3, 1, "fe80::2"),
        hop(4, 1, "192.0.2.3"),
        far(5, "192.0.2.1", "192.0.2.2"),
        far(6, "192.0.2.9", "192.0.2.2"),
    ];
    let arrivals = [
        (1, "192.0.2.2", "192.0.2.1", 1, 3784, 255),
        (2, "192.0.2.2", "192.0.2.1", 2, 3784, 255),
        (3, "fe80::2", "fe80::1", 1, 3784, 255),
        (4, "192.0.2.3", "192.0.2.1", 1, 3784, 255),
        (5, "192.0.2.2", "192.0.2.1", 8, 4784, 250),
        (6, "192.0.2.2", "192.0.2.9", 8, 4784, 255),
    ];
    for (id, from, to, interface, destination_port, ttl) in arrivals {
        let config = BfdConfig { sessions: sessions.clone() };
        let mut bfd = Bfd::new(config, Seed(1), Instant::ZERO).unwrap();
        let mut repr = Pair::alone(session(A)).says(State::Down);
        repr.your_discriminator = 0;
        bfd.handle_packet(
            Instant::ZERO,
            &PacketIn {
                from: from.parse().unwrap(),
                to: to.parse().unwrap(),
                interface: InterfaceId(interface),
                ttl,
                destination_port,
                payload: &repr.emit(),
            },
        );
        let heard: Vec<u32> = (1..=6).filter(|id| bfd.state(SessionId(*id)) == Some(State::Init)).collect();
        assert_eq!(heard, [id]);
    }
}

#[test]
fn from_how_far_a_multihop_packet_may_come_is_configured() {
    for (minimum_ttl, ttl, taken) in [(254, 254, true), (254, 253, false), (1, 2, true), (255, 254, false)] {
        let path = Path::Multihop { minimum_ttl };
        let mut pair = Pair::alone(SessionConfig { path, ..session(A) });
        let payload = pair.says(State::Init).emit();
        pair.hear_packet(&PacketIn {
            ttl,
            destination_port: 4784,
            interface: INTERFACE,
            payload: &payload,
            ..Pair::arriving()
        });
        assert_eq!(pair.state(A) == State::Up, taken, "{ttl} where {minimum_ttl} is asked for");
    }
}
