//! Sessions between two routers: how they come up, and how they end.

use crate::driver::{A, B, Net, address, id, mesh, prefix, secs};
use greylag_bgp::{
    Attributes, Bgp, BgpEvent, Cause, DIAGRAM, Direction, Failure, Family, Notification, Origin, PathPart,
    State, When,
};
use std::time::Duration;

const EBGP: &[u32] = &[65_001, 65_002];
const IBGP: &[u32] = &[65_001, 65_001];

fn cease(subcode: u8) -> Notification {
    Notification { code: 6, subcode, data: Box::default() }
}

#[test]
fn two_that_connect_at_once_are_left_with_one_connection_that_the_greater_opened() {
    for seed in 0..50 {
        for systems in [EBGP, IBGP] {
            let mut net = Net::new(mesh(systems), seed);
            assert!(net.run_until(secs(60), Net::is_up), "seed {seed}");
            // Router B has the greater BGP Identifier (RFC 4271 6.8).
            assert_eq!(net.row(A, B).established_by, Some(Direction::Passive), "seed {seed}");
            assert_eq!(net.row(B, A).established_by, Some(Direction::Active), "seed {seed}");
            net.run(secs(600));
            assert!(net.is_up() && net.failures(A).is_empty() && net.failures(B).is_empty());
        }
    }
}

#[test]
fn with_equal_identifiers_the_greater_system_decides() {
    let mut configs = mesh(EBGP);
    configs[B].router_id = configs[A].router_id;
    let mut net = Net::new(configs, 1);
    assert!(net.run_until(secs(60), Net::is_up));
    assert_eq!(net.row(B, A).established_by, Some(Direction::Active));
}

#[test]
fn a_passive_end_waits_and_two_passive_ends_wait_for_ever() {
    let mut configs = mesh(EBGP);
    configs[B].neighbors[0].passive_mode = true;
    let mut net = Net::new(configs.clone(), 1);
    assert!(net.run_until(secs(60), Net::is_up));
    assert_eq!(net.row(A, B).established_by, Some(Direction::Active));
    configs[A].neighbors[0].passive_mode = true;
    let mut net = Net::new(configs, 1);
    net.run(secs(3600));
    assert_eq!((net.state(A, B), net.routers[A].poll_timeout()), (State::Active, None));
}

#[test]
fn a_neighbor_that_falls_silent_is_given_up_after_the_hold_time() {
    let mut configs = mesh(EBGP);
    // The lesser holds.
    configs[A].neighbors[0].hold_time = secs(9);
    configs[B].neighbors[0].hold_time = secs(30);
    let mut net = Net::settled(configs);
    net.tell(B, |bgp, now| bgp.announce(now, prefix("198.51.100.0/24"), Attributes::local(Origin::Igp)));
    net.run(secs(60));
    assert_eq!(net.row(B, A).negotiated_hold_time, Some(secs(9)));
    assert_eq!(net.next_hops(A, "198.51.100.0/24"), [address(B)]);
    let cut_at = net.now;
    net.cut.push([A, B]);
    assert!(net.run_until(secs(60), |net| !net.failures(A).is_empty() && !net.failures(B).is_empty()));
    for router in [A, B] {
        let Failure { at, because, cause } = net.failures(router).remove(0);
        assert_eq!((because, cause), (When::HoldTimerExpires, Cause::HoldTimerExpired));
        // The last KEEPALIVE came at most a third of the hold time before the cut.
        assert!((secs(6)..=secs(9) + net.delay).contains(&(at - cut_at)), "{:?}", at - cut_at);
        let said = net.row(router, 1 - router).last_notification_sent;
        assert_eq!(said.map(|says| (says.code, says.subcode)), Some((4, 0)));
    }
    assert_eq!(net.next_hops(A, "198.51.100.0/24"), [] as [core::net::IpAddr; 0]);
    net.heal();
    assert!(net.run_until(secs(120), Net::is_up));
    net.run(secs(1));
    assert_eq!(net.next_hops(A, "198.51.100.0/24"), [address(B)]);
}

#[test]
fn without_a_hold_time_silence_is_for_ever() {
    let mut configs = mesh(EBGP);
    configs[A].neighbors[0].hold_time = Duration::ZERO;
    let mut net = Net::settled(configs);
    assert_eq!(
        (net.row(B, A).negotiated_hold_time, net.routers[B].poll_timeout()),
        (Some(Duration::ZERO), None)
    );
    net.cut.push([A, B]);
    net.run(secs(86_400));
    assert!(net.is_up());
}

/// Router A is told something; how each end's session ends, and why.
fn ends(tell: impl FnOnce(&mut Net)) -> (Net, [Option<Cause>; 2]) {
    let mut net = Net::settled(mesh(EBGP));
    tell(&mut net);
    net.run(secs(1));
    let causes = [A, B].map(|router| net.failures(router).pop().map(|failure| failure.cause));
    (net, causes)
}

#[test]
fn each_end_says_why() {
    let heard = |subcode| Some(Cause::NotificationReceived(cease(subcode)));
    type Case = (fn(&mut Net), Option<Cause>, Option<Cause>);
    let table: &[Case] = &[
        (
            |net| net.tell(A, |bgp, now| bgp.set_path(now, id(B), false, PathPart::Bfd)),
            Some(Cause::BfdDown),
            heard(10),
        ),
        (
            |net| net.tell(A, |bgp, now| bgp.set_path(now, id(B), false, PathPart::Interface)),
            Some(Cause::InterfaceDown),
            Some(Cause::ConnectionClosed),
        ),
        (
            |net| net.reconfigure(A, |config| config.neighbors[0].enabled = false),
            Some(Cause::AdminDown),
            heard(2),
        ),
        (|net| net.reconfigure(A, |config| config.neighbors.clear()), Some(Cause::Removed), heard(3)),
        (|net| net.tell(A, |bgp, now| bgp.reset(now, id(B))), Some(Cause::AdminReset), heard(4)),
        (
            |net| net.reconfigure(A, |config| config.neighbors[0].hold_time = secs(30)),
            Some(Cause::ConfigurationChanged),
            heard(6),
        ),
        (
            |net| net.reconfigure(A, |config| config.router_id = [192, 0, 2, 77].into()),
            Some(Cause::ConfigurationChanged),
            heard(6),
        ),
        // What does not touch the session.
        (|net| net.reconfigure(A, |config| config.neighbors[0].local_pref = 7), None, None),
        (|net| net.reconfigure(A, |config| config.neighbors[0].connect_retry = secs(7)), None, None),
        (|net| net.reconfigure(A, |config| config.neighbors[0].next_hop_self = true), None, None),
        (|net| net.reconfigure(A, |config| config.ebgp_maximum_paths = 7), None, None),
    ];
    for (number, (tell, here, there)) in table.iter().enumerate() {
        let (_, causes) = ends(tell);
        assert_eq!(causes, [here.clone(), there.clone()], "case {number}");
    }
}

#[test]
fn a_lost_path_holds_a_session_down_until_it_is_back() {
    let (mut net, _) = ends(|net| {
        net.tell(A, |bgp, now| bgp.set_path(now, id(B), false, PathPart::Bfd));
        net.tell(A, |bgp, now| bgp.set_path(now, id(B), false, PathPart::Interface));
    });
    net.run(secs(3600));
    assert_eq!((net.state(A, B), net.routers[A].accepts(id(B))), (State::Idle, false));
    net.tell(A, |bgp, now| bgp.set_path(now, id(B), true, PathPart::Interface));
    net.run(secs(3600));
    assert_eq!(net.state(A, B), State::Idle);
    net.tell(A, |bgp, now| bgp.set_path(now, id(B), true, PathPart::Bfd));
    // At once: nobody has to wait who knows that it is back.
    assert!(net.run_until(secs(1), Net::is_up));
}

#[test]
fn a_disabled_neighbor_comes_back_when_it_is_enabled() {
    let (mut net, _) = ends(|net| net.reconfigure(A, |config| config.neighbors[0].enabled = false));
    net.run(secs(3600));
    assert_eq!(net.state(A, B), State::Idle);
    net.reconfigure(A, |config| config.neighbors[0].enabled = true);
    assert!(net.run_until(secs(1), Net::is_up));
}

#[test]
fn who_has_too_many_prefixes_is_cut_off_until_somebody_sees_to_it() {
    let limit = |net: &mut Net, limit| {
        net.reconfigure(A, |config| config.neighbors[0].families[0].max_prefixes = limit);
    };
    let mut net = Net::settled(mesh(EBGP));
    limit(&mut net, Some(2));
    let announce = |net: &mut Net, number: u8| {
        let prefix = prefix(&format!("198.51.{number}.0/24"));
        net.tell(B, |bgp, now| bgp.announce(now, prefix, Attributes::local(Origin::Igp)));
        net.run(secs(1));
    };
    announce(&mut net, 1);
    assert!(net.events.is_empty());
    announce(&mut net, 2);
    let family = Family::Ipv4Unicast;
    let reached = BgpEvent::PrefixLimitReached { neighbor: id(B), family, limit: 2 };
    assert_eq!(net.events.iter().map(|(_, _, event)| event).collect::<Vec<_>>(), [&reached]);
    announce(&mut net, 3);
    let exceeded = Cause::PrefixLimitExceeded { family, limit: 2 };
    assert_eq!(net.failures(A)[0].cause, exceeded);
    let data = [0, 1, 1, 0, 0, 0, 2].into();
    let said = Notification { code: 6, subcode: 1, data };
    assert_eq!(net.failures(B)[0].cause, Cause::NotificationReceived(said));
    net.run(secs(3600));
    assert_eq!((net.row(A, B).cut_off, net.used[A].len()), (Some(exceeded), 0));
    limit(&mut net, Some(3));
    assert!(net.run_until(secs(60), Net::is_up));
    net.run(secs(1));
    assert_eq!(net.used[A].len(), 3);
}

#[test]
fn a_system_that_is_not_the_one_expected_is_told_so() {
    let mut configs = mesh(EBGP);
    configs[A].neighbors[0].peer_as.0 = 65_009;
    configs[B].neighbors[0].passive_mode = true;
    let mut net = Net::new(configs, 1);
    net.run(secs(1));
    let says = Notification { code: 2, subcode: 2, data: 65_002_u16.to_be_bytes().into() };
    assert_eq!(net.row(A, B).last_notification_sent, Some(says.clone()));
    assert_eq!(net.row(B, A).last_notification_received, Some(says.clone()));
    let cause = Cause::NotificationReceived(says);
    let failed = BgpEvent::AttemptFailed { neighbor: id(A), direction: Direction::Passive, cause };
    assert!(net.events.contains(&(net.events.last().expect("something happened").0, B, failed)));
    net.run(secs(600));
    assert!(!net.is_up() && net.failures(A).is_empty());
}

#[test]
fn keepalives_keep_to_a_third_of_the_hold_time() {
    let mut net = Net::settled(mesh(EBGP));
    let before = net.row(A, B).messages_sent.total;
    net.run(secs(9000));
    let sent = net.row(A, B).messages_sent.total - before;
    // Every 30 s, less up to a quarter (RFC 4271 10).
    assert!((300..=400).contains(&sent), "{sent}");
}

#[test]
fn sessions_take_the_arrows_of_the_diagram() {
    let (mut net, _) = ends(|net| net.tell(A, |bgp, now| bgp.reset(now, id(B))));
    net.run(secs(600));
    let mut taken = vec![0; DIAGRAM.len()];
    for (router, other) in [(A, B), (B, A)] {
        for direction in Direction::BOTH {
            let arrows = net.routers[router].arrows(id(other), direction).expect("they are neighbors");
            taken.iter_mut().zip(arrows).for_each(|(sum, count)| *sum += count);
        }
    }
    let count = |from, when| {
        let row =
            DIAGRAM.iter().position(|arrow| (arrow.from, arrow.when) == (from, when)).expect("it is there");
        taken[row]
    };
    assert_eq!(count(State::OpenConfirm, When::Keepalive), 4);
    assert_eq!(count(State::Established, When::Stop), 1);
    assert_eq!(count(State::Established, When::Notification), 1);
    assert_eq!(count(State::Established, When::HoldTimerExpires), 0);
}

#[test]
fn a_snapshot_is_json_and_comes_back() {
    let mut net = Net::settled(mesh(EBGP));
    net.tell(A, |bgp, now| bgp.announce(now, prefix("2001:db8::/32"), Attributes::local(Origin::Igp)));
    net.run(secs(1));
    for router in [A, B] {
        let snapshot = Bgp::snapshot(&net.routers[router]);
        let text = serde_json::to_string(&snapshot).expect("it is JSON");
        assert_eq!(serde_json::from_str::<greylag_bgp::BgpSnapshot>(&text).expect("it is ours"), snapshot);
        assert!(text.contains(r#""session-state":"ESTABLISHED""#) && text.contains(r#""as":6500"#), "{text}");
    }
}
