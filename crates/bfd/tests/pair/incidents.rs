//! What happens between two switches when something happens to one of them, or to what lies between.

use crate::driver::{A, B, INTERFACE, Pair, SESSION, Way, address, millis, ms, secs, session, timed};
use greylag_base::{Instant, InterfaceId, Seed};
use greylag_bfd::{
    Bfd, BfdConfig, BfdEvent, BfdSnapshot, Diagnostic, Discard, Failure, Path, SessionConfig, SessionId,
    State, When,
};
use std::collections::BTreeSet;

const EXPIRED: Diagnostic = Diagnostic::ControlDetectionTimeExpired;
const SIGNALED: Diagnostic = Diagnostic::NeighborSignaledSessionDown;

/// What both ends said of the one failure that a switch has seen.
fn only_failure(pair: &Pair, switch: usize) -> Failure {
    let failures = pair.failures(switch);
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(pair.row(switch).last_down, Some(failures[0]));
    failures[0]
}

/// Two chassis that hear each other over several hops, as those of an ICCP session do.
fn chassis() -> Pair {
    let far =
        |switch| SessionConfig { path: Path::Multihop { minimum_ttl: 254 }, ..timed(switch, 1000, 1000, 3) };
    let mut pair = Pair::new(far(A), far(B));
    pair.routers = 1;
    pair.settle()
}

#[test]
fn nothing_passes_any_more_and_both_ends_say_that_their_time_is_over() {
    let mut pair = chassis();
    pair.ways = [Way::Cut; 2];
    let cut = pair.now;
    pair.run(secs(60));
    for switch in [A, B] {
        let failure = only_failure(&pair, switch);
        assert_eq!((failure.because, failure.local_diagnostic), (When::DetectionTimeExpired, EXPIRED));
        // Neither has heard of the other's failure.
        assert_eq!((failure.remote_diagnostic, failure.remote_state), (Diagnostic::NoDiagnostic, State::Up));
        assert!((secs(2)..secs(3) + pair.delay[A]).contains(&(failure.at - cut)), "{failure:?}");
        assert_eq!((pair.state(switch), pair.row(switch).remote_discriminator), (State::Down, 0));
    }
    pair.ways = [Way::Whole; 2];
    assert!(pair.run_until(secs(2), Pair::is_up));
    // The last failure is not forgotten, and still said.
    assert_eq!((pair.diagnostic(A), pair.row(B).remote_diagnostic_code), (EXPIRED, EXPIRED));
    assert!(pair.row(A).last_down.is_some() && pair.row(A).failure_transitions == 1);
    assert_eq!(pair.row(A).up_transitions, 2);
}

#[test]
fn where_one_way_fails_the_end_that_hears_nothing_says_1_and_the_other_3() {
    for (deaf, heard) in [(A, B), (B, A)] {
        let mut pair = Pair::settled(session(A), session(B));
        pair.ways[heard] = Way::Cut;
        let cut = pair.now;
        pair.run(secs(30));
        let first = only_failure(&pair, deaf);
        assert_eq!((first.because, first.local_diagnostic), (When::DetectionTimeExpired, EXPIRED));
        assert_eq!((first.remote_diagnostic, first.remote_state), (Diagnostic::NoDiagnostic, State::Up));
        assert!((millis(600)..millis(900) + pair.delay[heard]).contains(&(first.at - cut)));

        let second = only_failure(&pair, heard);
        assert_eq!((second.because, second.local_diagnostic), (When::Heard(State::Down), SIGNALED));
        assert_eq!((second.remote_diagnostic, second.remote_state), (EXPIRED, State::Down));
        assert_eq!(second.at, first.at + pair.delay[deaf]);
        // The end that is heard hears Down for as long as that lasts, and never more than begins.
        assert_eq!((pair.state(deaf), pair.state(heard)), (State::Down, State::Init));
    }
}

#[test]
fn a_restart_shows_by_another_discriminator() {
    let mut pair = Pair::settled(session(A), session(B));
    let before = pair.row(A).remote_discriminator;
    pair.delay = [millis(20); 2];
    pair.restart(B);
    let restarted = pair.now;
    assert!(pair.run_until(secs(3), |pair| pair.now > restarted + millis(100) && pair.is_up()));
    let failure = only_failure(&pair, A);
    assert_eq!((failure.because, failure.local_diagnostic), (When::Heard(State::Down), SIGNALED));
    // The new one does not know of any failure.
    assert_eq!((failure.remote_diagnostic, failure.at), (Diagnostic::NoDiagnostic, restarted + millis(20)));
    let after = pair.row(A).remote_discriminator;
    assert_eq!(after, pair.row(B).local_discriminator);
    assert_ne!(before, after);
}

#[test]
fn packets_for_a_switch_as_it_was_before_are_discarded() {
    let mut pair = Pair::settled(session(A), session(B));
    // What B says after its restart does not arrive.
    pair.ways[B] = Way::Cut;
    pair.restart(B);
    pair.run(millis(500));
    assert_eq!((pair.state(A), pair.state(B)), (State::Up, State::Down));
    let discards = pair.switches[B].snapshot().discards;
    assert!(discards.of(Discard::UnknownDiscriminator) >= 1 && discards.total() <= 3, "{discards:?}");
    // A gives up by itself, then speaks to anybody, and is heard.
    pair.run(millis(500));
    assert_eq!((pair.diagnostic(A), pair.state(B)), (EXPIRED, State::Init));
}

#[test]
fn lost_packets_are_borne_up_to_the_multiplier() {
    // Of four, three are lost: the fourth comes after four intervals at most.
    let mut pair = Pair::settled(timed(A, 50, 50, 5), timed(B, 50, 50, 5));
    pair.ways = [Way::OneIn(4), Way::AllButOneIn(3)];
    pair.run(secs(60));
    assert!(pair.is_up() && pair.failures(A).is_empty() && pair.failures(B).is_empty());
    // Of eight, seven: the eighth comes after six intervals at least.
    pair.ways[A] = Way::OneIn(8);
    pair.run(secs(60));
    let failures = pair.failures(B);
    assert!(failures.len() > 3, "{failures:?}");
    assert!(failures.iter().all(|failure| failure.local_diagnostic == EXPIRED));
    assert!(pair.failures(A).iter().all(|failure| failure.local_diagnostic == SIGNALED));
}

#[test]
fn a_path_slower_than_the_detection_time_carries_a_session_all_the_same() {
    let mut pair = Pair::new(timed(A, 50, 50, 3), timed(B, 50, 50, 3));
    pair.delay = [millis(700), millis(300)];
    assert!(pair.run_until(secs(10), Pair::is_up));
    pair.run(secs(30));
    assert!(pair.is_up() && pair.failures(A).is_empty() && pair.failures(B).is_empty());
}

#[test]
fn an_operator_takes_a_session_down_and_the_other_end_knows_that_it_was_one() {
    let mut pair = Pair::settled(session(A), session(B));
    pair.reconfigure(A, |session| session.enabled = false);
    pair.run(secs(30));
    let here = only_failure(&pair, A);
    assert_eq!((here.because, here.state), (When::Disabled, State::AdminDown));
    assert_eq!(here.local_diagnostic, Diagnostic::AdministrativelyDown);
    let there = only_failure(&pair, B);
    assert_eq!((there.because, there.local_diagnostic), (When::Heard(State::AdminDown), SIGNALED));
    assert_eq!(there.remote_diagnostic, Diagnostic::AdministrativelyDown);
    // OpenConfig: it is no failure of this end; of the other it is one.
    assert_eq!((pair.row(A).failure_transitions, pair.row(B).failure_transitions), (0, 1));
    assert_eq!((pair.row(A).last_failure_time, pair.row(B).last_failure_time), (None, Some(there.at)));
    assert_eq!((pair.state(A), pair.state(B)), (State::AdminDown, State::Down));

    pair.reconfigure(A, |session| session.enabled = true);
    assert!(pair.run_until(secs(2), Pair::is_up));
}

#[test]
fn a_lost_link_is_said_by_the_end_that_sees_it() {
    let mut pair = Pair::settled(session(A), session(B));
    // B's end of the link has lost its light; what it sends still arrives.
    pair.ways[A] = Way::Cut;
    pair.tell(B, |bfd, now| bfd.set_path(now, SESSION, false));
    pair.run(secs(5));
    let (here, there) = (only_failure(&pair, B), only_failure(&pair, A));
    assert_eq!((here.because, here.local_diagnostic), (When::PathDown, Diagnostic::PathDown));
    assert_eq!((there.local_diagnostic, there.remote_diagnostic), (SIGNALED, Diagnostic::PathDown));
    assert_eq!(there.at, here.at + pair.delay[B]);
    assert!(!pair.row(B).path_up);
    pair.ways[A] = Way::Whole;
    pair.run(secs(5));
    assert_eq!(pair.state(B), State::Down, "it is held");
    pair.tell(B, |bfd, now| bfd.set_path(now, SESSION, true));
    assert!(pair.run_until(secs(2), Pair::is_up));
}

#[test]
fn a_reset_of_the_forwarding_plane_is_known_at_the_other_end() {
    let mut pair = Pair::settled(session(A), session(B));
    pair.tell(A, Bfd::reset_forwarding);
    pair.run(secs(3));
    assert_eq!(only_failure(&pair, A).local_diagnostic, Diagnostic::ForwardingPlaneReset);
    let there = only_failure(&pair, B);
    assert_eq!(
        (there.local_diagnostic, there.remote_diagnostic),
        (SIGNALED, Diagnostic::ForwardingPlaneReset)
    );
    assert!(pair.is_up());
}

#[test]
fn a_session_that_is_removed_takes_its_leave() {
    let mut pair = Pair::settled(session(A), session(B));
    pair.tell(A, |bfd, now| bfd.reconfigure(now, BfdConfig::default()).unwrap());
    assert_eq!((pair.switches[A].state(SESSION), pair.switches[A].poll_timeout()), (None, None));
    let failure = pair.failures(A)[0];
    assert_eq!((failure.because, failure.state), (When::Disabled, State::AdminDown));
    pair.run(millis(1));
    assert_eq!(only_failure(&pair, B).because, When::Heard(State::AdminDown));
    // What still comes for it finds nobody.
    pair.run(secs(5));
    assert!(pair.switches[A].snapshot().discards.of(Discard::NoSession) > 0);
}

#[test]
fn a_session_with_another_address_or_interface_is_another_session() {
    let change = |change: fn(&mut SessionConfig)| {
        let mut pair = Pair::settled(session(A), session(B));
        pair.reconfigure(A, change);
        assert_eq!((pair.state(A), pair.failures(A).len()), (State::Down, 1));
        let states: Vec<State> = pair.sent_by(A).map(|sent| sent.repr().state).collect();
        assert_eq!(states, [State::AdminDown, State::Down]);
        [pair.sent[0].packet, pair.sent[1].packet]
    };
    let packets = change(|session| session.path = Path::SingleHop { interface: InterfaceId(9) });
    assert_eq!(packets.map(|packet| packet.interface), [Some(INTERFACE), Some(InterfaceId(9))]);
    let packets = change(|session| session.local_address = address(5));
    assert_eq!(packets.map(|packet| packet.from), [address(A), address(5)]);
    let packets = change(|session| session.remote_address = address(6));
    assert_eq!(packets.map(|packet| packet.to), [address(B), address(6)]);
}

#[test]
fn sessions_have_ports_and_discriminators_of_their_own() {
    let sessions: Vec<SessionConfig> = (0..3000)
        .map(|id| {
            let remote = format!("10.0.{}.{}", id / 250, 1 + id % 250).parse().unwrap();
            SessionConfig { remote_address: remote, id: SessionId(id), ..session(A) }
        })
        .collect();
    let bfd = Bfd::new(BfdConfig { sessions: sessions.clone() }, Seed(1), Instant::ZERO).unwrap();
    let rows = bfd.snapshot().sessions;
    let ports: BTreeSet<u16> = rows.iter().map(|row| row.source_port).collect();
    let discriminators: BTreeSet<u32> = rows.iter().map(|row| row.local_discriminator).collect();
    assert_eq!((ports.len(), discriminators.len()), (3000, 3000));
    assert!(ports.first() >= Some(&49_152) && !discriminators.contains(&0));

    // One session less, and the others are as they were; another seed, and none is.
    let fewer = Bfd::new(BfdConfig { sessions: sessions[1..100].to_vec() }, Seed(1), Instant::ZERO).unwrap();
    let same = |bfd: &Bfd| {
        let own = bfd.snapshot().sessions;
        own.iter()
            .filter(|row| row.local_discriminator == rows[row.session.0 as usize].local_discriminator)
            .count()
    };
    assert_eq!(same(&fewer), 99);
    let other = Bfd::new(BfdConfig { sessions }, Seed(2), Instant::ZERO).unwrap();
    assert_eq!(same(&other), 0);
}

#[test]
fn the_same_seed_is_the_same_run() {
    let run = |seed| {
        let mut pair = Pair::seeded(session(A), session(B), Seed(seed));
        pair.run(secs(20));
        pair.sent.iter().map(|sent| (sent.at, sent.packet)).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_packet_leaves_as_the_rfcs_want_it() {
    let far = SessionConfig { path: Path::Multihop { minimum_ttl: 1 }, ..session(A) };
    for (config, interface, port) in [(session(A), Some(INTERFACE), 3784), (far, None, 4784)] {
        let pair = Pair::alone(config);
        let packet = pair.sent[0].packet;
        assert_eq!((packet.from, packet.to, packet.ttl), (address(A), address(B), 255));
        assert_eq!((packet.interface, packet.destination_port), (interface, port));
        assert_eq!(packet.source_port, pair.row(A).source_port);
        let repr = pair.sent[0].repr();
        assert_eq!((repr.flags.0, repr.required_min_echo_rx.0, repr.desired_min_tx), (0, 0, ms(1000)));
    }
}

#[test]
fn what_operators_see_has_the_words_of_openconfig() {
    let mut pair = Pair::settled(session(A), session(B));
    pair.ways[B] = Way::Cut;
    pair.run(secs(2));
    pair.hear_payload(&[0]);
    let snapshot = pair.switches[A].snapshot();
    let json = serde_json::to_value(&snapshot).unwrap();
    let row = &json["sessions"][0];
    let words = [
        ("session-state", "DOWN"),
        ("remote-session-state", "UP"),
        ("local-diagnostic-code", "DETECTION_TIMEOUT"),
        ("remote-diagnostic-code", "NO_DIAGNOSTIC"),
        ("local-address", "192.0.2.1"),
        ("remote-address", "192.0.2.2"),
    ];
    for (leaf, value) in words {
        assert_eq!(row[leaf], value, "{leaf}");
    }
    assert_eq!((&row["failure-transitions"], &row["up-transitions"]), (&1.into(), &1.into()));
    assert_eq!(row["async"]["received-packets"], pair.row(A).asynchronous.received_packets);
    assert_eq!(row["desired-minimum-tx-interval"], 300_000);
    assert_eq!(json["discards"]["version"], 1);
    assert_eq!(serde_json::from_value::<BfdSnapshot>(json).unwrap(), snapshot);
    let events: Vec<BfdEvent> = pair.events.iter().map(|(_, _, event)| *event).collect();
    let json = serde_json::to_string(&events).unwrap();
    assert_eq!(serde_json::from_str::<Vec<BfdEvent>>(&json).unwrap(), events);
}
