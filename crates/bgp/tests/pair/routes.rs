//! Routes between routers: what is told to whom, what is used, and what a change costs.

use crate::driver::{A, B, C, Net, address, address6, id, mesh, neighbor, prefix, secs};
use core::net::IpAddr;
use greylag_bgp::{
    AsPath, Attributes, BgpConfig, NeighborConfig, NextHopInterest, Origin, Reason, RouteRow, Source,
    Standing,
};

const FOUR: &str = "198.51.100.0/24";
const SIX: &str = "2001:db8:1::/48";
const NOBODY: [IpAddr; 0] = [];

fn announce(net: &mut Net, router: usize, text: &str, change: impl FnOnce(&mut Attributes)) {
    let mut attributes = Attributes::local(Origin::Igp);
    change(&mut attributes);
    net.tell(router, |bgp, now| bgp.announce(now, prefix(text), attributes));
    net.run(secs(1));
}

fn withdraw(net: &mut Net, router: usize, text: &str) {
    net.tell(router, |bgp, now| bgp.withdraw(now, prefix(text)));
    net.run(secs(1));
}

fn row(net: &Net, router: usize, text: &str) -> RouteRow {
    net.routers[router].route_row(prefix(text)).expect("there is a path")
}

/// What `router` has of the prefix from `other`.
fn path(net: &Net, router: usize, other: usize, text: &str) -> Attributes {
    let paths = row(net, router, text).paths;
    let source = Source::Neighbor(id(other));
    paths.into_iter().find(|path| path.source == source).expect("it has told one").attributes
}

fn has(net: &Net, router: usize, text: &str) -> Vec<Source> {
    let row = net.routers[router].route_row(prefix(text));
    row.map(|row| row.paths.iter().map(|path| path.source).collect()).unwrap_or_default()
}

#[test]
fn routes_of_both_families_go_both_ways_and_away_again() {
    let mut net = Net::settled(mesh(&[65_001, 65_002]));
    for (router, other) in [(A, B), (B, A)] {
        announce(&mut net, router, FOUR, |_| {});
        announce(&mut net, router, SIX, |_| {});
        withdraw(&mut net, other, FOUR);
        withdraw(&mut net, other, SIX);
        assert_eq!(net.next_hops(other, FOUR), [address(router)]);
        assert_eq!(net.next_hops(other, SIX), [address6(router)]);
        assert_eq!(path(&net, other, router, FOUR).as_path, AsPath::of(&[65_001 + router as u32]));
        // The other's own route was the caller's already.
        assert_eq!(net.next_hops(router, FOUR), NOBODY);
        let counts = net.row(other, router).families;
        assert!(counts.iter().all(|family| (family.received, family.accepted, family.sent) == (1, 1, 0)));
        assert!(net.row(router, other).families.iter().all(|family| family.sent == 1));
    }
    withdraw(&mut net, B, FOUR);
    withdraw(&mut net, B, SIX);
    assert!(net.used.iter().all(std::collections::BTreeMap::is_empty));
    assert_eq!(has(&net, A, FOUR), []);
}

#[test]
fn another_system_is_told_our_path_and_our_next_hop_and_none_of_our_preferences() {
    let mut net = Net::settled(mesh(&[65_001, 65_002]));
    announce(&mut net, A, FOUR, |says| {
        (says.origin, says.med, says.local_pref) = (Origin::Incomplete, Some(5), Some(300));
        says.communities = [7].into();
    });
    let heard = path(&net, B, A, FOUR);
    let expected = Attributes {
        as_path: AsPath::of(&[65_001]),
        next_hop: Some(address(A)),
        med: Some(5),
        // What B prefers it by.
        local_pref: Some(100),
        communities: [7].into(),
        ..Attributes::local(Origin::Incomplete)
    };
    assert_eq!(heard, expected);
    net.reconfigure(A, |config| config.neighbors[0].med = Some(9));
    net.reconfigure(B, |config| config.neighbors[0].local_pref = 200);
    net.run(secs(1));
    assert_eq!(path(&net, B, A, FOUR), Attributes { med: Some(9), local_pref: Some(200), ..expected });
}

/// A in another system; B and C in one; A has no session with C.
fn edge() -> Vec<BgpConfig> {
    let mut configs = mesh(&[65_001, 65_002, 65_002]);
    configs[A].neighbors.retain(|neighbor| neighbor.id == id(B));
    configs[C].neighbors.retain(|neighbor| neighbor.id == id(B));
    configs
}

#[test]
fn our_own_system_is_told_as_it_is_and_the_next_hop_is_ours_where_that_is_wanted() {
    let mut net = Net::settled(edge());
    announce(&mut net, A, FOUR, |says| says.med = Some(5));
    let heard = path(&net, C, B, FOUR);
    let expected = Attributes {
        as_path: AsPath::of(&[65_001]),
        next_hop: Some(address(A)),
        med: Some(5),
        local_pref: Some(100),
        ..Attributes::local(Origin::Igp)
    };
    assert_eq!(heard, expected);
    assert!(!net.used[C][&prefix(FOUR)].external && net.used[B][&prefix(FOUR)].external);
    net.reconfigure(B, |config| config.neighbors[1].next_hop_self = true);
    net.run(secs(1));
    assert_eq!(path(&net, C, B, FOUR), Attributes { next_hop: Some(address(B)), ..expected });
    // What our system's routers are to each other is nothing to another system.
    announce(&mut net, C, SIX, |_| {});
    assert_eq!(path(&net, A, B, SIX).as_path, AsPath::of(&[65_002]));
}

#[test]
fn one_system_s_discriminator_is_not_for_a_third() {
    let mut configs = edge();
    configs[C].asn.0 = 65_003;
    configs[B].neighbors[1].peer_as.0 = 65_003;
    let mut net = Net::settled(configs);
    announce(&mut net, A, FOUR, |says| says.med = Some(5));
    assert_eq!((path(&net, B, A, FOUR).med, path(&net, C, B, FOUR).med), (Some(5), None));
    assert_eq!(path(&net, C, B, FOUR).as_path, AsPath::of(&[65_002, 65_001]));
}

#[test]
fn two_paths_by_one_next_hop_are_one_next_hop() {
    let mut configs = mesh(&[65_001; 3]);
    configs[A].neighbors.retain(|neighbor| neighbor.id == id(C));
    configs[B].neighbors.retain(|neighbor| neighbor.id == id(C));
    configs[C].ibgp_maximum_paths = 2;
    let mut net = Net::settled(configs);
    let beyond = IpAddr::from([203, 0, 113, 1]);
    net.tell(C, |bgp, now| bgp.set_next_hop(now, beyond, Some(5)));
    for router in [A, B] {
        announce(&mut net, router, FOUR, |says| says.next_hop = Some(beyond));
    }
    assert_eq!(standings(&net), [Standing::Best, Standing::Multipath]);
    assert_eq!(net.next_hops(C, FOUR), [beyond]);
}

#[test]
fn what_one_of_our_system_says_is_not_said_to_another() {
    let mut configs = mesh(&[65_001; 3]);
    configs[A].neighbors.retain(|neighbor| neighbor.id == id(B));
    configs[C].neighbors.retain(|neighbor| neighbor.id == id(B));
    let mut net = Net::settled(configs);
    announce(&mut net, A, FOUR, |_| {});
    assert_eq!((has(&net, B, FOUR).len(), has(&net, C, FOUR).len()), (1, 0));
    announce(&mut net, B, SIX, |_| {});
    assert_eq!((has(&net, A, SIX).len(), has(&net, C, SIX).len()), (1, 1));
}

#[test]
fn what_leads_through_ourselves_is_not_used() {
    // A tells B, B tells C, which is of A's system.
    let mut configs = edge();
    configs[C].asn.0 = 65_001;
    configs[B].neighbors[1].peer_as.0 = 65_001;
    let mut net = Net::settled(configs);
    announce(&mut net, A, FOUR, |_| {});
    assert_eq!((has(&net, C, FOUR), net.next_hops(C, FOUR)), (vec![], NOBODY.to_vec()));
    let counts = net.row(C, B).families[0];
    assert_eq!((counts.received, counts.accepted), (1, 0));
    withdraw(&mut net, A, FOUR);
    assert_eq!(net.row(C, B).families[0].received, 0);
}

#[test]
fn communities_that_say_so_keep_a_route_where_it_is() {
    // NO_EXPORT, NO_ADVERTISE and NO_EXPORT_SUBCONFED: are they told to C, of B's system, and on to A?
    for (community, here, there) in
        [(0xffff_ff01, 1, 0), (0xffff_ff02, 0, 0), (0xffff_ff03, 1, 0), (0xffff_ff04, 1, 1)]
    {
        let mut net = Net::settled(edge());
        announce(&mut net, B, FOUR, |says| says.communities = [community].into());
        let heard = (has(&net, C, FOUR).len(), has(&net, A, FOUR).len());
        assert_eq!(heard, (here, there), "{community:x}");
    }
}

/// A and B both of another system than C, which uses both if it may.
fn two_uplinks(maximum_paths: u16) -> Net {
    let mut configs = mesh(&[65_001, 65_001, 65_003]);
    configs[A].neighbors.retain(|neighbor| neighbor.id == id(C));
    configs[B].neighbors.retain(|neighbor| neighbor.id == id(C));
    configs[C].ebgp_maximum_paths = maximum_paths;
    let mut net = Net::settled(configs);
    announce(&mut net, A, FOUR, |_| {});
    announce(&mut net, B, FOUR, |_| {});
    net
}

fn standings(net: &Net) -> Vec<Standing> {
    row(net, C, FOUR).paths.iter().map(|path| path.standing).collect()
}

#[test]
fn equal_paths_are_used_together_as_far_as_they_may_be() {
    use Standing::{Best, Lost, Multipath};
    let net = two_uplinks(1);
    assert_eq!(net.next_hops(C, FOUR), [address(A)]);
    assert_eq!(standings(&net), [Best, Lost(Reason::HigherRouterId)]);
    let mut net = two_uplinks(2);
    assert_eq!(net.next_hops(C, FOUR), [address(A), address(B)]);
    assert_eq!(standings(&net), [Best, Multipath]);
    // One is worse, then gone, then as good again.
    announce(&mut net, A, FOUR, |says| says.med = Some(1));
    assert_eq!(
        (standings(&net), net.next_hops(C, FOUR)),
        (vec![Lost(Reason::MedHigher), Best], vec![address(B)])
    );
    withdraw(&mut net, A, FOUR);
    assert_eq!(standings(&net), [Best]);
    announce(&mut net, A, FOUR, |_| {});
    assert_eq!(net.next_hops(C, FOUR), [address(A), address(B)]);
    // And fewer, when fewer may be used.
    net.reconfigure(C, |config| config.ebgp_maximum_paths = 1);
    assert_eq!(net.next_hops(C, FOUR), [address(A)]);
}

/// RFC 8326: make before break.
#[test]
fn a_session_that_is_about_to_end_is_taken_last_and_goes_on_until_then() {
    // Either end may say so: the one by the community, the other by what it thinks of the routes.
    for (router, neighbor) in [(B, 0), (C, 1)] {
        let mut net = two_uplinks(2);
        assert_eq!(net.next_hops(C, FOUR), [address(A), address(B)]);
        net.reconfigure(router, |config| config.neighbors[neighbor].graceful_shutdown = true);
        net.run(secs(1));
        assert_eq!(net.next_hops(C, FOUR), [address(A)], "there is something else");
        assert_eq!(path(&net, C, B, FOUR).local_pref, Some(0));
        let says_so = path(&net, C, B, FOUR).communities.contains(&0xffff_0000);
        assert_eq!(says_so, router == B);
        withdraw(&mut net, A, FOUR);
        assert_eq!(net.next_hops(C, FOUR), [address(B)], "there is nothing else");
        assert!(net.is_up() && net.failures(C).is_empty());
        announce(&mut net, A, FOUR, |_| {});
        net.reconfigure(router, |config| config.neighbors[neighbor].graceful_shutdown = false);
        net.run(secs(1));
        assert_eq!(net.next_hops(C, FOUR), [address(A), address(B)], "as before");
        assert_eq!(path(&net, C, B, FOUR).local_pref, Some(100));
    }
}

#[test]
fn our_own_system_hears_that_a_way_out_is_about_to_go() {
    let mut net = Net::settled(edge());
    announce(&mut net, A, FOUR, |_| {});
    // A ends its session with B: what B says of it to C is the last that C takes.
    net.reconfigure(A, |config| config.neighbors[0].graceful_shutdown = true);
    net.run(secs(1));
    assert_eq!(path(&net, C, B, FOUR).local_pref, Some(0));
    // B ends its session with C: that goes for what B says of itself.
    announce(&mut net, B, SIX, |_| {});
    assert_eq!(path(&net, C, B, SIX).local_pref, Some(100));
    net.reconfigure(B, |config| config.neighbors[1].graceful_shutdown = true);
    net.run(secs(1));
    assert_eq!(path(&net, C, B, SIX).local_pref, Some(0));
}

#[test]
fn a_next_hop_that_cannot_be_reached_takes_its_routes_with_it_before_the_session_ends() {
    let mut net = two_uplinks(2);
    net.tell(C, |bgp, now| bgp.set_next_hop(now, address(A), None));
    assert_eq!(net.next_hops(C, FOUR), [address(B)]);
    assert_eq!(standings(&net)[0], Standing::Lost(Reason::NexthopUnreachable));
    net.tell(C, |bgp, now| bgp.set_next_hop(now, address(B), None));
    assert_eq!((net.next_hops(C, FOUR), net.failures(C).len()), (NOBODY.to_vec(), 0));
    net.tell(C, |bgp, now| bgp.set_next_hop(now, address(A), Some(20)));
    net.tell(C, |bgp, now| bgp.set_next_hop(now, address(B), Some(10)));
    assert_eq!(net.next_hops(C, FOUR), [address(B)]);
    assert_eq!(standings(&net)[0], Standing::Lost(Reason::NexthopCostHigher));
}

#[test]
fn the_speaker_says_which_next_hops_it_wants_to_know_about() {
    let mut net = two_uplinks(2);
    let interests = |net: &mut Net| -> Vec<NextHopInterest> {
        std::iter::from_fn(|| net.routers[C].poll_next_hop_interest()).collect()
    };
    let wanted = |router, wanted| NextHopInterest { next_hop: address(router), wanted };
    assert_eq!(interests(&mut net), [wanted(A, true), wanted(B, true)]);
    announce(&mut net, A, "203.0.113.0/24", |_| {});
    assert_eq!(interests(&mut net), []);
    withdraw(&mut net, B, FOUR);
    assert_eq!(interests(&mut net), [wanted(B, false)]);
    // There and gone while nobody asked.
    announce(&mut net, B, FOUR, |_| {});
    withdraw(&mut net, B, FOUR);
    assert_eq!(interests(&mut net), []);
}

#[test]
fn all_routes_of_a_neighbor_go_with_its_session() {
    let mut net = two_uplinks(2);
    net.tell(A, |bgp, now| bgp.reset(now, id(C)));
    net.run(net.delay * 2);
    assert_eq!(net.next_hops(C, FOUR), [address(B)]);
    assert!(net.run_until(secs(60), Net::is_up));
    net.run(secs(1));
    assert_eq!(net.next_hops(C, FOUR), [address(A), address(B)]);
}

#[test]
fn prefixes_that_share_their_attributes_share_a_message() {
    let mut net = Net::settled(mesh(&[65_001, 65_002]));
    let before = net.row(A, B).messages_sent.update;
    net.tell(A, |bgp, now| {
        for number in 0..2000_u32 {
            let attributes = Attributes { med: Some(number % 2), ..Attributes::local(Origin::Igp) };
            let prefix = format!("10.{}.{}.0/24", number / 250, number % 250);
            bgp.announce(now, prefix.parse().expect("a prefix"), attributes);
        }
    });
    net.run(secs(5));
    assert_eq!(net.used[B].len(), 2000);
    // Four octets for each prefix, at most 4096 for a message: 1000 prefixes of each of two kinds.
    assert_eq!(net.row(A, B).messages_sent.update - before, 2);
}

#[test]
fn what_changes_twice_while_there_is_no_room_is_said_once() {
    let mut net = Net::settled(mesh(&[65_001, 65_002]));
    net.tell(A, |bgp, now| bgp.set_room(now, id(B), false));
    let before = net.row(A, B).messages_sent.update;
    for med in 0..100 {
        announce(&mut net, A, FOUR, |says| says.med = Some(med));
    }
    announce(&mut net, A, SIX, |_| {});
    withdraw(&mut net, A, SIX);
    // The session lives on meanwhile.
    net.run(secs(600));
    assert!(net.is_up() && net.used[B].is_empty());
    net.tell(A, |bgp, now| bgp.set_room(now, id(B), true));
    net.run(secs(1));
    assert_eq!((path(&net, B, A, FOUR).med, has(&net, B, SIX).len()), (Some(99), 0));
    assert_eq!(net.row(A, B).messages_sent.update - before, 1);
}

#[test]
fn what_was_said_is_not_said_again_unless_somebody_asks() {
    let mut net = Net::settled(mesh(&[65_001, 65_002]));
    announce(&mut net, A, FOUR, |_| {});
    let count = |net: &Net| net.row(A, B).messages_sent.update;
    let before = count(&net);
    announce(&mut net, A, FOUR, |_| {});
    // Preferences of our own system are not for another.
    announce(&mut net, A, FOUR, |says| says.local_pref = Some(7));
    assert_eq!(count(&net), before);
    net.tell(B, |bgp, now| bgp.request_refresh(now, id(A)));
    net.run(secs(1));
    assert_eq!(count(&net), before + 1);
}

#[test]
fn a_least_time_between_advertisements_is_kept() {
    let mut configs = mesh(&[65_001, 65_002]);
    configs[A].neighbors[0].minimum_advertisement_interval = secs(30);
    let mut net = Net::settled(configs);
    net.run(secs(60));
    announce(&mut net, A, FOUR, |_| {});
    assert_eq!(net.next_hops(B, FOUR), [address(A)]);
    // The first was told at once; what follows waits for 22.5 s to 30 s.
    announce(&mut net, A, SIX, |_| {});
    net.run(secs(20));
    assert_eq!(net.next_hops(B, SIX), NOBODY);
    net.run(secs(10));
    assert_eq!(net.next_hops(B, SIX), [address6(A)]);
}

#[test]
fn a_neighbor_is_told_of_the_families_that_both_speak() {
    let systems = [65_001, 65_002];
    let mut configs = mesh(&systems);
    configs[B].neighbors =
        vec![NeighborConfig::new(id(A), neighbor(B, A, &systems).peer_as, address(B), address(A))];
    let mut net = Net::settled(configs);
    announce(&mut net, A, FOUR, |_| {});
    announce(&mut net, A, SIX, |_| {});
    assert_eq!((has(&net, B, FOUR).len(), has(&net, B, SIX).len()), (1, 0));
    let families = net.row(A, B).families;
    assert_eq!(
        families.iter().map(|row| (row.active, row.sent)).collect::<Vec<_>>(),
        [(true, 1), (false, 0)]
    );
}
