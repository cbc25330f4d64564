//! Border Gateway Protocol, in OpenConfig's words.

use super::super::interfaces::Interfaces;
use super::bfd::near_end;
use super::{switch, time};
use crate::field::Field;
use crate::keys::Keys;
use crate::phrase::quoted;
use crate::prefix::prefix;
use crate::time_span::{LONGEST, time_span, written};
use crate::yaml::Value;
use greylag_switch::config::{BgpConfig, BgpNeighbor};
use ipnet::IpNet;
use std::time::Duration;

const KEYS: Keys = Keys {
    allowed: &["as", "networks", "redistribute", "neighbors"],
    explained: &[
        (&["local-as", "autonomous-system"], "is not a key here: write `as`"),
        (&["router-id"], "is the whole router's: write it one level up, in `routing`"),
    ],
};
const NEIGHBOR_KEYS: Keys = Keys {
    allowed: &[
        "peer-as",
        "local-address",
        "hold-time",
        "connect-retry",
        "passive",
        "bfd",
        "multihop",
        "next-hop-self",
        "graceful-shutdown",
        "local-preference",
    ],
    explained: &[
        (&["remote-as"], "is FRR's word: write `peer-as`"),
        (&["ebgp-multihop"], "is FRR's word: write `multihop: true`"),
        (&["keepalive"], "follows from `hold-time`: it is a third of it. Remove it"),
    ],
};
const EXAMPLE: &str = "{as: 64500, neighbors: {10.0.1.2: {peer-as: 64501}}}";

/// Stands for a number that two octets cannot hold (RFC 6793 9), and is nobody's.
const AS_TRANS: u32 = 23_456;

/// RFC 4271 10.
const HOLD_TIME: Duration = Duration::from_secs(90);
const CONNECT_RETRY: Duration = Duration::from_secs(120);

/// RFC 4271 4.2: zero, or this at least.
const SHORTEST_HOLD: Duration = Duration::from_secs(3);
/// OPEN has 16 bits for it.
const LONGEST_HOLD: Duration = Duration::from_secs(65_535);

pub(super) fn read(field: &Field<'_>, interfaces: &Interfaces) -> Option<BgpConfig> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
        return None;
    }
    let map = field.mapping(&KEYS, EXAMPLE)?;
    let own = map.required("as", "add the number of this autonomous system, such as `as: 64500`");
    let own = own.and_then(|field| autonomous_system(field, "as"));
    let networks = map.get("networks").map(read_networks).unwrap_or_default();
    let (redistribute_connected, redistribute_static) =
        map.get("redistribute").and_then(read_redistribute).unwrap_or_default();
    let mut neighbors: Vec<BgpNeighbor> = Vec::new();
    let entries =
        map.get("neighbors").and_then(|field| field.named("neighbor", "{10.0.1.2: {peer-as: 64501}}"));
    for (key, field) in entries.unwrap_or_default() {
        let Some(neighbor) = read_neighbor(key, &field, interfaces, own) else { continue };
        if neighbors.iter().any(|other| other.neighbor_address == neighbor.neighbor_address) {
            field.refuse_key(format!("neighbor {} is there already: remove one", neighbor.neighbor_address));
        }
        neighbors.push(neighbor);
    }
    Some(BgpConfig {
        autonomous_system: own?,
        neighbors,
        networks,
        redistribute_connected,
        redistribute_static,
    })
}

fn autonomous_system(field: &Field<'_>, what: &str) -> Option<u32> {
    let number = field.number(what, 1..=u32::MAX.into())?;
    if number == AS_TRANS {
        field.refuse(format!("{what} {AS_TRANS} is reserved (RFC 6793): expected another"));
        return None;
    }
    Some(number)
}

fn read_networks(field: &Field<'_>) -> Vec<IpNet> {
    let mut networks: Vec<IpNet> = Vec::new();
    for item in field.list("[10.0.0.0/8]").unwrap_or_default() {
        let Some(network) = prefix(&item) else { continue };
        if networks.contains(&network) {
            item.refuse(format!("{network} is in the list already: remove one"));
        }
        networks.push(network);
    }
    networks
}

/// Whether the subnets of interfaces are announced, and static routes.
fn read_redistribute(field: &Field<'_>) -> Option<(bool, bool)> {
    const WORDS: &[(&str, usize)] = &[("connected", 0), ("static", 1)];
    if let Value::Text(text) = field.value() {
        field.mismatch("a list such as [connected, static]", &format!("write [{text}]"));
        return None;
    }
    let mut announced = [false; 2];
    for item in field.list("[connected, static]")? {
        let Some(source) = item.word("a source of routes", WORDS) else { continue };
        if std::mem::replace(&mut announced[source], true) {
            item.refuse(format!("{} is in the list already: remove one", quoted(WORDS[source].0)));
        }
    }
    Some((announced[0], announced[1]))
}

fn read_neighbor(
    key: &str,
    field: &Field<'_>,
    interfaces: &Interfaces,
    own: Option<u32>,
) -> Option<BgpNeighbor> {
    let map = field.mapping(&NEIGHBOR_KEYS, "{peer-as: 64501}")?;
    let peer_as =
        map.required("peer-as", "add the number of its autonomous system, such as `peer-as: 64501`");
    let peer_as = peer_as.and_then(|field| autonomous_system(field, "peer-as"));
    let is_internal = peer_as.is_some() && peer_as == own;
    let multihop = switch(&map, "multihop", false);
    if let Some(field) = map.get("multihop").filter(|_| is_internal && multihop) {
        field.refuse_key("an internal neighbor may be several hops away in any case: remove it");
    }
    // Whether it must be a single hop away is not known while its system is not.
    let is_far = multihop || is_internal || peer_as.is_none() || own.is_none();
    let address = interfaces.far_end(key, is_far);
    let neighbor_address = address.map_err(|wrong| field.refuse_key(wrong)).ok();
    let local_address = near_end(&map, interfaces, neighbor_address);
    let local_preference = map.get("local-preference");
    let local_preference =
        local_preference.and_then(|field| field.number("local-preference", 0..=u32::MAX.into()));
    let hold_time = map.get("hold-time").and_then(hold_time).unwrap_or(HOLD_TIME);
    let connect_retry = time(&map, "connect-retry", Duration::from_secs(1)..=LONGEST, CONNECT_RETRY);
    let flag = |key| switch(&map, key, false);
    let (passive, bfd, next_hop_self) = (flag("passive"), flag("bfd"), flag("next-hop-self"));
    Some(BgpNeighbor {
        neighbor_address: neighbor_address?,
        peer_as: peer_as?,
        local_address: local_address?,
        hold_time,
        connect_retry,
        passive,
        bfd,
        multihop,
        next_hop_self,
        graceful_shutdown: flag("graceful-shutdown"),
        local_preference,
    })
}

/// Zero for never, or whole seconds.
fn hold_time(field: &Field<'_>) -> Option<Duration> {
    let hold = time_span(field, "hold-time", Duration::ZERO..=LONGEST_HOLD)?;
    let is_whole = hold.subsec_nanos() == 0;
    if !hold.is_zero() && (hold < SHORTEST_HOLD || !is_whole) {
        let whole = if is_whole { "" } else { ", in whole seconds" };
        field.refuse(format!(
            "hold-time {} cannot be told to a neighbor: expected 0 for never, or {} at least{whole} (RFC 4271 4.2)",
            written(hold),
            written(SHORTEST_HOLD)
        ));
        return None;
    }
    Some(hold)
}
