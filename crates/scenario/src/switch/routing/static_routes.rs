//! Routes that the operator gives, by their prefixes.

use super::super::interfaces::{Interfaces, is_link_local, is_on, own_address};
use super::switch;
use crate::address::{station_ip, station_ip_of};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::prefix::parse_prefix;
use crate::yaml::Value;
use greylag_switch::config::{StaticNextHop, StaticRoute, StaticTarget};
use ipnet::IpNet;
use std::collections::BTreeMap;

const EXAMPLE: &str = "{10.0.0.0/8: {next-hop: 10.0.1.2}}";
const KEYS: Keys = Keys {
    allowed: &["next-hop", "next-hops", "discard", "preference"],
    explained: &[
        (&["via", "gateway"], "is not needed: write `next-hop`"),
        (&["prefix"], "is the key of the route itself: remove it"),
        (&["interface", "weight", "bfd"], "is a next hop's: write `next-hops: [{address: 10.0.1.2, ..}]`"),
        (&["metric", "distance"], "is not a key here: of routes from different sources `preference` decides"),
    ],
};
const HOP_KEYS: Keys = Keys::of(&["address", "interface", "weight", "bfd"]);
const HOP_EXAMPLE: &str = "{address: 10.0.1.2, weight: 2}";

const DISCARDS: &[(&str, StaticTarget)] = &[
    ("blackhole", StaticTarget::Blackhole),
    ("unreachable", StaticTarget::Unreachable),
    ("prohibit", StaticTarget::Prohibit),
];

/// What a static route has that says nothing else: below it are the subnets of interfaces alone.
pub(in super::super) const PREFERENCE: u8 = 5;

pub(super) fn read(field: &Field<'_>, interfaces: &Interfaces, maximum_paths: u16) -> Vec<StaticRoute> {
    let mut lines: BTreeMap<IpNet, u32> = BTreeMap::new();
    let mut routes = Vec::new();
    for (key, field) in field.named("prefix", EXAMPLE).unwrap_or_default() {
        let prefix = routable(key).map_err(|wrong| field.refuse_key(wrong)).ok();
        if let Some(first) = prefix.and_then(|prefix| lines.insert(prefix, field.line())) {
            field.refuse_key(format!("prefix {key} has a route already, on line {first}: remove one"));
        }
        let Some(map) = field.mapping(&KEYS, "{next-hop: 10.0.1.2}") else { continue };
        let preference = map.get("preference");
        let preference = preference.map_or(Some(PREFERENCE), |field| field.number("preference", 1..=255));
        let to = read_target(&field, &map, interfaces, prefix, maximum_paths);
        if let (Some(prefix), Some(to), Some(preference)) = (prefix, to, preference) {
            routes.push(StaticRoute { prefix, to, preference });
        }
    }
    routes
}

/// A prefix that a route can lead to.
fn routable(text: &str) -> Result<IpNet, String> {
    let prefix = parse_prefix(text)?;
    let (first, last) = (prefix.network(), prefix.broadcast());
    if first.is_multicast() && last.is_multicast() {
        return Err(format!(
            "{prefix} is of groups, and greylag routes none: expected addresses of stations"
        ));
    }
    if is_link_local(first) {
        return Err(format!("{prefix} is link-local: it is on every link, and no route leads there"));
    }
    Ok(prefix)
}

fn read_target(
    field: &Field<'_>,
    map: &Mapping<'_>,
    interfaces: &Interfaces,
    prefix: Option<IpNet>,
    maximum_paths: u16,
) -> Option<StaticTarget> {
    let targets = ["next-hop", "next-hops", "discard"];
    let mut written = map.among(&targets, |name| name).into_iter();
    let Some((what, target)) = written.next() else {
        if map.all_known() {
            field.refuse_key("this route leads nowhere: add `next-hop: 10.0.1.2`, or `discard: blackhole`");
        }
        return None;
    };
    for (other, field) in written {
        field.refuse_key(format!("this route has `{what}` already: remove it, or `{other}`"));
    }
    if what == "discard" {
        let words: Vec<(&str, usize)> = DISCARDS.iter().map(|(name, _)| *name).zip(0..).collect();
        return target.word("a way to discard", &words).map(|index| DISCARDS[index].1.clone());
    }
    let items = match what {
        "next-hop" => vec![target.clone()],
        _ => target.list(&format!("[10.0.1.2, {HOP_EXAMPLE}]"))?,
    };
    if items.is_empty() {
        target.refuse(
            "this route has no next hop: expected one such as 10.0.1.2, or `discard: blackhole` instead",
        );
        return None;
    }
    if items.len() > usize::from(maximum_paths) {
        target.refuse(format!(
            "{} next hops are too many: expected {maximum_paths} at most, or another `maximum-paths`",
            items.len()
        ));
    }
    let mut hops: Vec<StaticNextHop> = Vec::new();
    let mut right = true;
    for item in &items {
        let Some(hop) = read_hop(item, interfaces, prefix) else {
            right = false;
            continue;
        };
        if hops.iter().any(|other| (other.address, &other.interface) == (hop.address, &hop.interface)) {
            item.refuse(format!(
                "next hop {} is there already: remove one, or give it a `weight`",
                hop.address
            ));
        }
        hops.push(hop);
    }
    right.then_some(StaticTarget::NextHops(hops))
}

fn read_hop(field: &Field<'_>, interfaces: &Interfaces, prefix: Option<IpNet>) -> Option<StaticNextHop> {
    if let Value::Text(text) = field.value() {
        let address = station_ip_of(text).map_err(|wrong| field.refuse(wrong)).ok()?;
        let hop = StaticNextHop { address, interface: None, weight: 1, bfd: false };
        return check_hop(&hop, field, None, interfaces, prefix).then_some(hop);
    }
    if !matches!(field.value(), Value::Mapping(_)) {
        field.mismatch(&format!("a next hop such as 10.0.1.2 or {HOP_EXAMPLE}"), "");
        return None;
    }
    let map = field.mapping(&HOP_KEYS, HOP_EXAMPLE)?;
    let written = map.required("address", "add the gateway such as `address: 10.0.1.2`");
    let address = written.and_then(station_ip);
    let on = map.get("interface");
    let interface =
        on.map_or(Some(None), |on| interfaces.named(on).map(|interface| Some(interface.name.clone())));
    let weight = map.get("weight").map_or(Some(1), |field| field.number("weight", 1..=65_535));
    let bfd = switch(&map, "bfd", false);
    let hop = StaticNextHop { address: address?, interface: interface?, weight: weight?, bfd };
    check_hop(&hop, written?, on, interfaces, prefix).then_some(hop)
}

/// A gateway of the right family that can be where it is said to be.
fn check_hop(
    hop: &StaticNextHop,
    field: &Field<'_>,
    on: Option<&Field<'_>>,
    interfaces: &Interfaces,
    prefix: Option<IpNet>,
) -> bool {
    let StaticNextHop { address, interface, .. } = hop;
    if let Some(prefix) = prefix.filter(|prefix| prefix.addr().is_ipv4() != address.is_ipv4()) {
        let (route, gateway) = if address.is_ipv4() { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
        field.refuse(format!(
            "next hop {address} is of {gateway}, and {prefix} of {route}: packets of one family go to gateways of the \
             same, for RFC 8950 is not supported. Expected an address of {route}"
        ));
        return false;
    }
    if let Some(owner) = interfaces.owner(*address) {
        field.refuse(own_address(*address, owner));
        return false;
    }
    if is_link_local(*address) && on.is_none() {
        field.refuse(format!(
            "{address} is link-local, and could be on any link: write `next-hops: [{{address: \"{address}\", interface: eth1}}]`"
        ));
        return false;
    }
    let configured =
        interface.as_ref().and_then(|name| interfaces.configs.iter().find(|known| known.name == *name));
    if let Some((interface, on)) = configured.zip(on).filter(|(interface, _)| !is_on(interface, *address)) {
        let name = &interface.name;
        on.refuse(match is_link_local(*address) {
            true => format!("interface `{name}` has no address of IPv6: give it one, or write another here"),
            false => format!(
                "{address} is in no subnet of interface `{name}`: remove this, and the route that leads there is taken"
            ),
        });
        return false;
    }
    true
}
