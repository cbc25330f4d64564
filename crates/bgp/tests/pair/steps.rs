//! One router's connections to a neighbor that the test pretends to be, step by step.

use crate::driver::{id, neighbor, secs};
use greylag_base::{Instant, Seed};
use greylag_bgp::{Action, Asn, Bgp, BgpConfig, Direction, NeighborConfig, PathPart, State};

use Direction::{Active, Passive};
use State::{Active as Waits, Connect, Established, Idle, OpenConfirm, OpenSent};

/// What happens.
enum Deed {
    /// Nothing but time.
    Passes,
    /// TCP is there.
    Connected(Direction),
    /// TCP is not there, or no longer.
    Closed(Direction),
    /// The neighbor says this.
    Hears(Direction, &'static [u8]),
    /// Its OPEN, from a router with this last octet of its BGP Identifier.
    Opens(Direction, u8),
    /// The caller says this.
    Told(fn(&mut Bgp, Instant)),
}

use Deed::{Closed, Connected, Hears, Opens, Passes, Told};

/// At so many seconds, what happens, what both connections are then, and what the speaker wants because of that.
type Step = (u64, Deed, [State; 2], &'static [&'static str]);

const KEEPALIVE: &[u8] = &[4];
/// Without any route: what RFC 4724 calls End-of-RIB.
const UPDATE: &[u8] = &[2, 0, 0, 0, 0];
const CEASE: &[u8] = &[3, 6, 2];
const REFRESH: &[u8] = &[5, 0, 1, 0, 1];

/// The header before a type and what follows.
fn message(typed: &[u8]) -> Vec<u8> {
    [&[0xff; 16][..], &(18 + typed.len() as u16).to_be_bytes(), typed].concat()
}

fn open(last: u8) -> Vec<u8> {
    let fixed = [1, 4, 0xfd, 0xea, 0, 30, 192, 0, 2, last];
    message(&[&fixed[..], &[8, 2, 6, 65, 4, 0, 0, 0xfd, 0xea]].concat())
}

/// In a word: which connection, and what.
fn describe(action: &Action) -> Vec<String> {
    match action {
        Action::Connect { .. } => vec!["connect".into()],
        Action::Close { direction, .. } => vec![format!("{direction:?} close").to_lowercase()],
        Action::Send { direction, bytes, .. } => {
            let (mut rest, mut said) = (&bytes[..], Vec::new());
            while !rest.is_empty() {
                let (message, later) = rest.split_at(u16::from_be_bytes([rest[16], rest[17]]).into());
                let what = match message[18] {
                    1 => "open".into(),
                    2 => "update".into(),
                    3 => format!("notification {}.{}", message[19], message[20]),
                    4 => "keepalive".into(),
                    _ => "refresh".into(),
                };
                said.push(format!("{} {what}", format!("{direction:?}").to_lowercase()));
                rest = later;
            }
            said
        }
    }
}

/// Our BGP Identifier is 192.0.2.1.
fn play(change: fn(&mut NeighborConfig), steps: &[Step]) {
    let mut config = BgpConfig::new(Asn(65_001), [192, 0, 2, 1].into());
    let mut other = neighbor(0, 1, &[65_001, 65_002]);
    change(&mut other);
    config.neighbors.push(other);
    let mut bgp = Bgp::new(config, Seed(1), Instant::ZERO).expect("the test's configuration is sound");
    for (number, (at, deed, states, wants)) in steps.iter().enumerate() {
        let now = Instant::ZERO + secs(*at);
        let mut wanted = Vec::new();
        while let Some(next) = bgp.poll_timeout().filter(|next| *next <= now) {
            // What happened by the clock on the way is another test's.
            bgp.handle_timeout(next);
            let actions = std::iter::from_fn(|| bgp.poll_transmit());
            wanted =
                actions.filter(|_| matches!(deed, Passes)).flat_map(|action| describe(&action)).collect();
        }
        match deed {
            Passes => {}
            Connected(direction) => bgp.handle_connected(now, id(1), *direction),
            Closed(direction) => bgp.handle_closed(now, id(1), *direction),
            Hears(direction, typed) => bgp.handle_bytes(now, id(1), *direction, &message(typed)),
            Opens(direction, last) => bgp.handle_bytes(now, id(1), *direction, &open(*last)),
            Told(what) => what(&mut bgp, now),
        }
        wanted.extend(std::iter::from_fn(|| bgp.poll_transmit()).flat_map(|action| describe(&action)));
        let row = bgp.neighbor_row(id(1)).expect("there is one");
        let are = row.connections.map(|connection| connection.state);
        assert_eq!(
            (are, wanted),
            (*states, wants.iter().map(ToString::to_string).collect()),
            "step {number}, at {at} s"
        );
    }
}

#[test]
fn a_connection_that_we_open_becomes_a_session() {
    play(
        |_| {},
        &[
            (0, Passes, [Connect, Waits], &["connect"]),
            (1, Connected(Active), [OpenSent, Waits], &["active open"]),
            (2, Opens(Active, 2), [OpenConfirm, Waits], &["active keepalive"]),
            (3, Hears(Active, KEEPALIVE), [Established, Idle], &[]),
            (4, Hears(Active, UPDATE), [Established, Idle], &[]),
            (4, Hears(Active, REFRESH), [Established, Idle], &[]),
            // A third of 30 s at most.
            (13, Passes, [Established, Idle], &["active keepalive"]),
            (33, Hears(Active, KEEPALIVE), [Established, Idle], &[]),
            (62, Passes, [Established, Idle], &["active keepalive"]),
            (63, Passes, [Idle, Waits], &["active notification 4.0", "active close"]),
            // Nothing is tried for 3.75 s to 5 s.
            (66, Passes, [Idle, Waits], &[]),
            (68, Passes, [Connect, Waits], &["connect"]),
        ],
    );
}

#[test]
fn a_connection_that_comes_in_becomes_a_session() {
    play(
        |_| {},
        &[
            (0, Connected(Passive), [Connect, OpenSent], &["connect", "passive open"]),
            (1, Opens(Passive, 2), [Connect, OpenConfirm], &["passive keepalive"]),
            // The attempt of our own is given up.
            (2, Hears(Passive, KEEPALIVE), [Idle, Established], &["active close"]),
            (3, Hears(Passive, CEASE), [Idle, Waits], &["passive close"]),
            (4, Connected(Passive), [Idle, OpenSent], &["passive open"]),
            (5, Opens(Passive, 2), [Idle, OpenConfirm], &["passive keepalive"]),
            (6, Hears(Passive, KEEPALIVE), [Idle, Established], &[]),
            (7, Closed(Passive), [Idle, Waits], &[]),
        ],
    );
}

#[test]
fn who_cannot_be_reached_is_tried_again() {
    play(
        |_| {},
        &[
            (0, Passes, [Connect, Waits], &["connect"]),
            (1, Closed(Active), [Waits, Waits], &[]),
            (22, Passes, [Waits, Waits], &[]),
            (31, Passes, [Connect, Waits], &["connect"]),
            // Nobody answers at all.
            (62, Passes, [Connect, Waits], &["active close", "connect"]),
            (63, Connected(Active), [OpenSent, Waits], &["active open"]),
            (64, Closed(Active), [Waits, Waits], &[]),
            (95, Passes, [Connect, Waits], &["connect"]),
            (96, Connected(Active), [OpenSent, Waits], &["active open"]),
            // An OPEN may take four minutes.
            (335, Passes, [OpenSent, Waits], &[]),
            (336, Passes, [Idle, Waits], &["active notification 4.0", "active close"]),
        ],
    );
}

#[test]
fn of_two_connections_that_is_kept_which_the_greater_opened() {
    // The neighbor is the greater.
    play(
        |_| {},
        &[
            (0, Connected(Passive), [Connect, OpenSent], &["connect", "passive open"]),
            (1, Connected(Active), [OpenSent, OpenSent], &["active open"]),
            (2, Opens(Active, 2), [OpenConfirm, OpenSent], &["active keepalive"]),
            (
                3,
                Opens(Passive, 2),
                [Idle, OpenConfirm],
                &["active notification 6.7", "active close", "passive keepalive"],
            ),
            (4, Hears(Passive, KEEPALIVE), [Idle, Established], &[]),
        ],
    );
    // We are the greater: the connection that came in goes, whichever is first.
    play(
        |_| {},
        &[
            (0, Connected(Passive), [Connect, OpenSent], &["connect", "passive open"]),
            (1, Connected(Active), [OpenSent, OpenSent], &["active open"]),
            (2, Opens(Active, 0), [OpenConfirm, OpenSent], &["active keepalive"]),
            (3, Opens(Passive, 0), [OpenConfirm, Waits], &["passive notification 6.7", "passive close"]),
            (4, Hears(Active, KEEPALIVE), [Established, Idle], &[]),
        ],
    );
    // One has an OPEN and one has not when the session is there.
    play(
        |_| {},
        &[
            (0, Connected(Passive), [Connect, OpenSent], &["connect", "passive open"]),
            (1, Connected(Active), [OpenSent, OpenSent], &["active open"]),
            (2, Opens(Passive, 0), [OpenSent, OpenConfirm], &["passive keepalive"]),
            (3, Hears(Passive, KEEPALIVE), [Idle, Established], &["active notification 6.7", "active close"]),
        ],
    );
}

#[test]
fn a_message_that_has_no_place_in_a_state_ends_the_connection_with_the_code_of_the_state() {
    for typed in [KEEPALIVE, UPDATE, REFRESH] {
        let refused: &[&str] = &["passive notification 5.1", "passive close"];
        play(
            |config| config.passive_mode = true,
            &[
                (0, Connected(Passive), [Idle, OpenSent], &["passive open"]),
                (1, Hears(Passive, typed), [Idle, Waits], refused),
            ],
        );
        if typed != KEEPALIVE {
            play(
                |config| config.passive_mode = true,
                &[
                    (0, Connected(Passive), [Idle, OpenSent], &["passive open"]),
                    (1, Opens(Passive, 2), [Idle, OpenConfirm], &["passive keepalive"]),
                    (2, Hears(Passive, typed), [Idle, Waits], &["passive notification 5.2", "passive close"]),
                ],
            );
        }
    }
    for hears in [false, true] {
        let to = if hears { Established } else { OpenConfirm };
        let code: &[&str] = match hears {
            false => &["passive notification 5.2", "passive close"],
            true => &["passive notification 5.3", "passive close"],
        };
        let next = if hears { Hears(Passive, KEEPALIVE) } else { Passes };
        play(
            |config| config.passive_mode = true,
            &[
                (0, Connected(Passive), [Idle, OpenSent], &["passive open"]),
                (1, Opens(Passive, 2), [Idle, OpenConfirm], &["passive keepalive"]),
                (2, next, [Idle, to], &[]),
                (3, Opens(Passive, 2), [Idle, Waits], code),
            ],
        );
    }
}

#[test]
fn a_connection_is_ended_and_refused_while_it_is_not_wanted() {
    play(
        |_| {},
        &[
            (0, Passes, [Connect, Waits], &["connect"]),
            (1, Connected(Active), [OpenSent, Waits], &["active open"]),
            (
                2,
                Told(|bgp, now| bgp.set_path(now, id(1), false, PathPart::Bfd)),
                [Idle, Idle],
                &["active notification 6.10", "active close"],
            ),
            (3, Connected(Passive), [Idle, Idle], &["passive close"]),
            (600, Passes, [Idle, Idle], &[]),
            (
                601,
                Told(|bgp, now| bgp.set_path(now, id(1), true, PathPart::Bfd)),
                [Connect, Waits],
                &["connect"],
            ),
            (
                602,
                Told(|bgp, now| bgp.set_path(now, id(1), false, PathPart::Interface)),
                [Idle, Idle],
                &["active close"],
            ),
        ],
    );
}
