//! Layer 3: interfaces, routes, and the protocols that find them.

use super::{Settings, span};
use crate::config::{
    BfdTimers, BgpConfig, GroupHashing, InterfaceConfig, InterfacePlace, LinkStateConfig, RoutingConfig,
    StaticNextHop, StaticRoute, StaticTarget, SwitchConfig,
};
use core::net::IpAddr;

pub(super) fn interfaces(config: &SwitchConfig, to: &mut Settings) {
    to.below = String::new();
    // A switch that is started without has no room for routes.
    to.set("interfaces", if config.interfaces.is_empty() { "none" } else { "some" });
    for interface in &config.interfaces {
        let InterfaceConfig { name, place, enabled, mac_address, mtu, addresses } = interface;
        to.below(format_args!("interfaces.{name}"));
        match place {
            InterfacePlace::Port(_) => {}
            InterfacePlace::Vlan(vlan) => to.set("routed-vlan", vlan),
            InterfacePlace::Loopback => to.set("loopback", true),
        }
        let of_family = |is_right: fn(&IpAddr) -> bool| {
            let addresses = addresses.iter().filter(|address| is_right(&address.ip));
            listed(addresses.map(|address| format!("{}/{}", address.ip, address.prefix_length)))
        };
        to.set_if("ipv4", of_family(IpAddr::is_ipv4));
        to.set_if("ipv6", of_family(IpAddr::is_ipv6));
        to.set("mtu", mtu);
        to.set_if("mac-address", *mac_address);
        to.set("enabled", enabled);
    }
}

/// Items behind each other; `None` without any.
fn listed(items: impl Iterator<Item = String>) -> Option<String> {
    let items: Vec<String> = items.collect();
    (!items.is_empty()).then(|| items.join(","))
}

pub(super) fn routing(routing: &RoutingConfig, to: &mut Settings) {
    to.below("routing");
    to.set_if("router-id", routing.router_id);
    to.set("maximum-paths", routing.maximum_paths);
    if let Some(fpm) = &routing.fpm {
        to.set("fpm.listen", fpm.listen);
        to.set_if("fpm.netns", fpm.netns.as_ref());
        to.set("fpm.stale-time", span(fpm.stale_time));
    }
    to.set("maximum-routes.ipv4", routing.maximum_routes.ipv4);
    to.set("maximum-routes.ipv6", routing.maximum_routes.ipv6);
    next_hop_groups(routing, to);
    neighbors(routing, to);
    for route in &routing.static_routes {
        static_route(route, to);
    }
    to.below("routing.programming");
    to.set("delay", span(routing.programming.delay));
    to.set_if("rate", routing.programming.rate);
    to.set_if("audit-interval", routing.programming.audit_interval.map(span));
    bfd(routing, to);
    if let Some(config) = &routing.bgp {
        bgp(config, to);
    }
    if let Some(config) = &routing.link_state {
        link_state(config, to);
    }
}

fn next_hop_groups(routing: &RoutingConfig, to: &mut Settings) {
    let groups = &routing.next_hop_groups;
    to.below("routing.next-hop-groups");
    match groups.hashing {
        GroupHashing::Modulo => to.set("hashing", "modulo"),
        GroupHashing::Resilient { idle_timer, unbalanced_timer } => {
            to.set("hashing", "resilient");
            to.set("idle-timer", span(idle_timer));
            to.set("unbalanced-timer", span(unbalanced_timer));
        }
    }
    to.set("buckets", groups.buckets);
    to.set("maximum", groups.maximum);
}

fn neighbors(routing: &RoutingConfig, to: &mut Settings) {
    let timers = &routing.neighbors;
    to.below("routing.neighbors");
    to.set("base-reachable-time", span(timers.base_reachable_time));
    to.set("retransmit-time", span(timers.retransmit_time));
    to.set("delay-first-probe-time", span(timers.delay_first_probe_time));
    to.set("stale-time", span(timers.stale_time));
    for neighbor in &routing.static_neighbors {
        to.below(format_args!("routing.neighbors.static.{}", neighbor.interface));
        to.set(&neighbor.address.to_string(), neighbor.mac_address);
    }
}

fn static_route(route: &StaticRoute, to: &mut Settings) {
    to.below(format_args!("routing.static-routes.{}", route.prefix));
    to.set("preference", route.preference);
    match &route.to {
        StaticTarget::NextHops(hops) => to.set_if("next-hops", listed(hops.iter().map(next_hop))),
        StaticTarget::Blackhole => to.set("discard", "blackhole"),
        StaticTarget::Unreachable => to.set("discard", "unreachable"),
        StaticTarget::Prohibit => to.set("discard", "prohibit"),
    }
}

/// `fe80::1 on eth1 weight 2 bfd`.
fn next_hop(hop: &StaticNextHop) -> String {
    let interface = hop.interface.as_ref().map_or_else(String::new, |interface| format!(" on {interface}"));
    let weight = if hop.weight == 1 { String::new() } else { format!(" weight {}", hop.weight) };
    let bfd = if hop.bfd { " bfd" } else { "" };
    format!("{}{interface}{weight}{bfd}", hop.address)
}

fn bfd(routing: &RoutingConfig, to: &mut Settings) {
    to.below("routing.bfd");
    bfd_timers(&routing.bfd, to);
    for session in &routing.bfd_sessions {
        to.below(format_args!("routing.bfd.sessions.{}", session.remote_address));
        to.set_if("local-address", session.local_address);
        to.set("multihop", session.multihop);
        if let Some(timers) = &session.timers {
            bfd_timers(timers, to);
        }
    }
}

fn bfd_timers(timers: &BfdTimers, to: &mut Settings) {
    to.set("desired-minimum-tx-interval", span(timers.desired_minimum_tx_interval));
    to.set("required-minimum-receive", span(timers.required_minimum_receive));
    to.set("detection-multiplier", timers.detection_multiplier);
}

fn bgp(bgp: &BgpConfig, to: &mut Settings) {
    to.below("routing.bgp");
    to.set("as", bgp.autonomous_system);
    to.set_if("networks", listed(bgp.networks.iter().map(ToString::to_string)));
    let redistribute = [("connected", bgp.redistribute_connected), ("static", bgp.redistribute_static)];
    let redistribute = redistribute.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| (*name).to_owned());
    to.set_if("redistribute", listed(redistribute));
    for neighbor in &bgp.neighbors {
        to.below(format_args!("routing.bgp.neighbors.{}", neighbor.neighbor_address));
        to.set("peer-as", neighbor.peer_as);
        to.set_if("local-address", neighbor.local_address);
        to.set("hold-time", span(neighbor.hold_time));
        to.set("connect-retry", span(neighbor.connect_retry));
        to.set("passive", neighbor.passive);
        to.set("bfd", neighbor.bfd);
        to.set("multihop", neighbor.multihop);
        to.set("next-hop-self", neighbor.next_hop_self);
        to.set("graceful-shutdown", neighbor.graceful_shutdown);
        to.set_if("local-preference", neighbor.local_preference);
    }
}

fn link_state(link_state: &LinkStateConfig, to: &mut Settings) {
    to.below("routing.link-state");
    to.set("spf-delay", span(link_state.spf_delay));
    to.set("overload", link_state.overload);
    for interface in &link_state.interfaces {
        to.below(format_args!("routing.link-state.interfaces.{}", interface.interface));
        to.set("metric", interface.metric);
        to.set("hello-interval", span(interface.hello_interval));
        to.set("dead-interval", span(interface.dead_interval));
        to.set("passive", interface.passive);
        to.set("bfd", interface.bfd);
    }
}
