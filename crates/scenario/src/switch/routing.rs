//! Routes, and the protocols that find them.

mod bfd;
mod bgp;
mod link_state;
mod neighbors;
mod next_hop_groups;
mod programming;
mod static_routes;

use super::interfaces::Interfaces;
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::phrase::quoted;
use crate::time_span::{LONGEST, SHORTEST, time_span};
use greylag_switch::config::{FpmConfig, MaximumRoutes, RoutingConfig};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

const KEYS: Keys = Keys {
    allowed: &[
        "router-id",
        "maximum-routes",
        "maximum-paths",
        "next-hop-groups",
        "neighbors",
        "static-routes",
        "programming",
        "bfd",
        "bgp",
        "link-state",
        "fpm",
    ],
    explained: &[
        (&["static", "routes"], "is not a key here: write `static-routes`"),
        (&["ospf", "isis"], "is not spoken by greylag: its own interior protocol is `link-state`"),
    ],
};
const MAXIMUM_KEYS: Keys = Keys::of(&["ipv4", "ipv6"]);
const FPM_KEYS: Keys = Keys::of(&["listen", "netns", "stale-time"]);

/// Where FRR's zebra looks for a forwarding plane manager.
pub(crate) const FPM_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2620);

/// Routes of one family: ten tables of the internet.
const MOST_ROUTES: i128 = 16_777_216;

pub(super) fn read(field: &Field<'_>, interfaces: &Interfaces) -> RoutingConfig {
    let mut routing = RoutingConfig::default();
    let Some(map) = field.mapping(&KEYS, "{static-routes: {0.0.0.0/0: {next-hop: 10.0.1.2}}}") else {
        return routing;
    };
    if interfaces.is_empty() && !map.entries().is_empty() {
        field.refuse_key(
            "there is nothing to route between: add `interfaces` such as `irb10: {routed-vlan: 10, ipv4: 10.0.1.1/24}`, \
             or remove this",
        );
    }
    routing.router_id = map.get("router-id").and_then(router_id);
    if let Some(maximum) = map.filled("maximum-routes") {
        routing.maximum_routes = read_maximum(maximum);
    }
    if let Some(groups) = map.filled("next-hop-groups") {
        routing.next_hop_groups = next_hop_groups::read(groups);
    }
    routing.maximum_paths = maximum_paths(&map, &routing);
    if let Some(neighbors) = map.filled("neighbors") {
        (routing.neighbors, routing.static_neighbors) = neighbors::read(neighbors, interfaces);
    }
    if let Some(routes) = map.filled("static-routes") {
        routing.static_routes = static_routes::read(routes, interfaces, routing.maximum_paths);
    }
    if let Some(programming) = map.filled("programming") {
        routing.programming = programming::read(programming);
    }
    if let Some(bfd) = map.filled("bfd") {
        (routing.bfd, routing.bfd_sessions) = bfd::read(bfd, interfaces);
    }
    if let Some(bgp) = map.get("bgp") {
        routing.bgp = bgp::read(bgp, interfaces);
    }
    if let Some(link_state) = map.get("link-state") {
        routing.link_state = link_state::read(link_state, interfaces);
    }
    routing.fpm = map.get("fpm").and_then(read_fpm);
    for protocol in ["bgp", "link-state"] {
        if let Some(field) = map.get(protocol)
            && map.get("router-id").is_none()
            && !interfaces.may_have_ipv4()
        {
            field.refuse_key(
                "a router is called by an address of IPv4, and no interface has one: add `router-id: 192.0.2.1` to `routing`",
            );
        }
    }
    routing
}

fn router_id(field: &Field<'_>) -> Option<Ipv4Addr> {
    const EXPECTED: &str = "an address of IPv4 such as 192.0.2.1";
    field.parsed(EXPECTED, |text| match text.parse::<Ipv4Addr>() {
        // RFC 6286 2.1.
        Ok(id) if id.is_unspecified() => Err(format!("{id} is nobody's router-id: expected another")),
        Ok(id) => Ok(id),
        Err(_) => Err(format!("{} is not a router-id: expected {EXPECTED}", quoted(text))),
    })
}

fn read_maximum(field: &Field<'_>) -> MaximumRoutes {
    let mut maximum = MaximumRoutes::default();
    let Some(map) = field.mapping(&MAXIMUM_KEYS, "{ipv4: 1600000}") else { return maximum };
    let routes = |key| map.get(key).and_then(|field| field.number("routes", 1..=MOST_ROUTES));
    maximum.ipv4 = routes("ipv4").unwrap_or(maximum.ipv4);
    maximum.ipv6 = routes("ipv6").unwrap_or(maximum.ipv6);
    maximum
}

/// Each path needs a bucket of its own, at least.
fn maximum_paths(map: &Mapping<'_>, routing: &RoutingConfig) -> u16 {
    let buckets = routing.next_hop_groups.buckets;
    let Some(field) = map.get("maximum-paths") else { return default_paths(buckets) };
    let Some(paths) = field.number("maximum-paths", 1..=65_535) else { return routing.maximum_paths };
    if paths > buckets {
        field.refuse(format!(
            "maximum-paths {paths} is more than a group has buckets, which are {buckets}: lower it, or raise \
             `next-hop-groups.buckets`"
        ));
    }
    paths
}

/// The paths of a route that nothing is said of.
pub(super) fn default_paths(buckets: u16) -> u16 {
    RoutingConfig::default().maximum_paths.min(buckets)
}

/// Where somebody listens.
pub(super) fn listening(field: &Field<'_>, expected: &str) -> Option<SocketAddr> {
    field.parsed(expected, |text| {
        let right = text.parse::<SocketAddr>().ok().filter(|address| address.port() > 0);
        right.ok_or_else(|| format!("{} is not right: expected {expected}", quoted(text)))
    })
}

fn read_fpm(field: &Field<'_>) -> Option<FpmConfig> {
    let map = field.mapping(&FPM_KEYS, "{listen: 127.0.0.1:2620}")?;
    let listen = match map.get("listen") {
        Some(listen) => listening(listen, "an address with a port such as 127.0.0.1:2620"),
        None => Some(FPM_LISTEN),
    };
    let netns = map.get("netns").and_then(Field::text).map(str::to_owned);
    let default = FpmConfig::at(listen?);
    let stale_time = time(&map, "stale-time", SHORTEST..=LONGEST, default.stale_time);
    Some(FpmConfig { netns, stale_time, ..default })
}

/// A time of its own, or the default.
fn time(map: &Mapping<'_>, key: &str, range: RangeInclusive<Duration>, default: Duration) -> Duration {
    map.get(key).and_then(|field| time_span(field, key, range)).unwrap_or(default)
}

/// `true` or `false`, or the default.
fn switch(map: &Mapping<'_>, key: &str, default: bool) -> bool {
    map.get(key).and_then(Field::boolean).unwrap_or(default)
}
