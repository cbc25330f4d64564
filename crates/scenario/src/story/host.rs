//! What hosts do, and what is done to them.

use super::Action;
use super::action::{Deed, Later, body, required_time};
use super::cast::Cast;
use crate::address::station_mac;
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::phrase::quoted;
use crate::yaml::Value;
use std::net::IpAddr;

const HOST_KEYS: Keys = Keys::of(&["host"]);
const MOVE_KEYS: Keys = Keys::of(&["host", "to", "announces"]);
const MAC_KEYS: Keys = Keys::of(&["host", "mac"]);
const FLOOD_KEYS: Keys = Keys::of(&["host", "macs", "rate", "lasts"]);
const PING_KEYS: Keys = Keys::of(&["host", "to", "count"]);
const TCP_KEYS: Keys = Keys::of(&["host", "to", "bytes"]);
const BROADCAST_KEYS: Keys = Keys::of(&["host", "rate", "lasts"]);

const FLOOD_EXAMPLE: &str = "{host: h1, macs: 100000, rate: 5000, lasts: 1m}";
const LASTS: &str = "say how long, such as `lasts: 1m`";

/// Frames per second of one host.
const FASTEST: i128 = 10_000_000;

fn one<'d>(action: Option<Action>) -> Vec<Deed<'d>> {
    action.into_iter().map(Deed::from).collect()
}

fn host(map: &Mapping<'_>, cast: &Cast<'_>) -> Option<usize> {
    map.required("host", "say which, such as `host: h1`").and_then(|field| cast.host(field))
}

fn rate(map: &Mapping<'_>) -> Option<u32> {
    let rate = map.required("rate", "say how many frames a second, such as `rate: 1000`")?;
    rate.number("frames per second", 1..=FASTEST)
}

pub(super) fn move_host<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &MOVE_KEYS, "{host: h1, to: \"sw2:eth3\"}") else { return Vec::new() };
    let host = host(&map, cast);
    let announces = map.get("announces").map(Field::boolean);
    let target = map.required("to", "say where, such as `to: \"sw2:eth3\"`");
    let to = target.and_then(|field| cast.end(field));
    let (Some(host), Some(target), Some((to, end))) = (host, target, to) else { return Vec::new() };
    let far = &cast.topology.lab.links[to].ends[1 - end];
    if far.node != host {
        target.refuse(format!(
            "the link there leads to {}: expected one between {} and a port, with `up: false`",
            cast.end_name(far),
            cast.name(host)
        ));
        return Vec::new();
    }
    let settings = cast.topology.hosts[host].as_ref();
    let announces = announces.flatten().unwrap_or_else(|| settings.is_some_and(|host| host.announces));
    // From where it moves is known when the moves before are.
    let action = Action::MoveHost { link: to, to, announces };
    vec![Deed { action, later: Some(Later::Move { host, field: target.clone() }) }]
}

pub(super) fn announce<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let map = body(field, &HOST_KEYS, "{host: h1}");
    one(map.and_then(|map| Some(Action::Announce { host: host(&map, cast)? })))
}

pub(super) fn set_mac<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &MAC_KEYS, "{host: h1, mac: \"02:00:00:00:00:01\"}") else {
        return Vec::new();
    };
    let mac = map.required("mac", "add the address such as `mac: \"02:00:00:00:00:01\"`");
    let (host, mac) = (host(&map, cast), mac.and_then(station_mac));
    one(host.zip(mac).map(|(host, mac)| Action::SetMac { host, mac }))
}

pub(super) fn mac_flood<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &FLOOD_KEYS, FLOOD_EXAMPLE) else { return Vec::new() };
    let macs = map.required("macs", "say how many addresses, such as `macs: 100000`");
    let macs = macs.and_then(|macs| macs.number("macs", 1..=16_777_216));
    let (host, rate, lasts) = (host(&map, cast), rate(&map), required_time(&map, "lasts", LASTS));
    let (Some(host), Some(macs), Some(rate), Some(lasts)) = (host, macs, rate, lasts) else {
        return Vec::new();
    };
    one(Some(Action::MacFlood { host, macs, rate, lasts }))
}

pub(super) fn ping<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &PING_KEYS, "{host: h1, to: h2, count: 5}") else { return Vec::new() };
    let host = host(&map, cast);
    let count = map.get("count").and_then(|count| count.number("count", 1..=65_535)).unwrap_or(1);
    let to = map.required("to", "say whom: a host or an address, such as `to: h2`");
    let to = to.and_then(|to| target(to, host, cast));
    one(host.zip(to).map(|(host, to)| Action::Ping { host, to, count }))
}

/// An address, or the name of a host that has one of a family that `from` has too.
fn target(field: &Field<'_>, from: Option<usize>, cast: &Cast<'_>) -> Option<IpAddr> {
    if let Value::Text(text) = field.value() {
        if let Ok(address) = text.parse() {
            return Some(address);
        }
        if text.contains(['.', ':', '/']) {
            field.refuse(format!("{} is no address: expected one such as 10.0.0.1, or a host", quoted(text)));
            return None;
        }
    }
    let to = cast.host(field)?;
    let family = common_family(field, from?, to, cast)?;
    cast.address(to, family)
}

/// Is it IPv6 that two hosts both have? IPv4 goes first.
fn common_family(field: &Field<'_>, from: usize, to: usize, cast: &Cast<'_>) -> Option<bool> {
    if from == to {
        field.refuse("that is the host itself: expected another");
        return None;
    }
    let both = |ipv6| cast.address(from, ipv6).and(cast.address(to, ipv6)).is_some();
    let family = [false, true].into_iter().find(|&ipv6| both(ipv6));
    if family.is_none() && !cast.topology.incomplete {
        field.refuse(format!(
            "`{}` and `{}` have no addresses of one family: give both an `ipv4` or an `ipv6` at their links",
            cast.name(from),
            cast.name(to)
        ));
    }
    family
}

pub(super) fn tcp<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &TCP_KEYS, "{host: h1, to: h2, bytes: 1000000}") else { return Vec::new() };
    let host = host(&map, cast);
    let bytes = map.required("bytes", "say how many, such as `bytes: 1000000`");
    let bytes = bytes.and_then(|bytes| bytes.number("bytes", 1..=1_000_000_000_000));
    let field = map.required("to", "say to whom, such as `to: h2`");
    let to = field.and_then(|to| cast.host(to));
    let (Some(host), Some(field), Some(to)) = (host, field, to) else { return Vec::new() };
    let family = common_family(field, host, to, cast);
    one(family.zip(bytes).map(|(_, bytes)| Action::Tcp { host, to, bytes }))
}

pub(super) fn broadcast<'d>(field: &Field<'d>, cast: &Cast<'_>) -> Vec<Deed<'d>> {
    let Some(map) = body(field, &BROADCAST_KEYS, "{host: h1, rate: 1000, lasts: 1m}") else {
        return Vec::new();
    };
    let (host, rate, lasts) = (host(&map, cast), rate(&map), required_time(&map, "lasts", LASTS));
    let (Some(host), Some(rate), Some(lasts)) = (host, rate, lasts) else { return Vec::new() };
    one(Some(Action::Broadcast { host, rate, lasts }))
}
