//! Neighbours on a link: when they are asked for, and those that the operator gives.

use super::super::interfaces::{Interfaces, is_on, own_address};
use super::time;
use crate::address::{station_ip, station_mac};
use crate::field::Field;
use crate::keys::Keys;
use crate::time_span::{LONGEST, SHORTEST};
use greylag_switch::config::{NeighborTimers, StaticNeighbor};

const KEYS: Keys =
    Keys::of(&["base-reachable-time", "retransmit-time", "delay-first-probe-time", "stale-time", "static"]);
const STATIC_KEYS: Keys = Keys::of(&["interface", "address", "mac-address"]);
const EXAMPLE: &str = "{interface: eth1, address: 10.0.1.9, mac-address: \"02:00:00:00:00:09\"}";

pub(super) fn read(field: &Field<'_>, interfaces: &Interfaces) -> (NeighborTimers, Vec<StaticNeighbor>) {
    let mut timers = NeighborTimers::default();
    let Some(map) = field.mapping(&KEYS, "{base-reachable-time: 30s}") else { return (timers, Vec::new()) };
    let span = |key, default| time(&map, key, SHORTEST..=LONGEST, default);
    timers.base_reachable_time = span("base-reachable-time", timers.base_reachable_time);
    timers.retransmit_time = span("retransmit-time", timers.retransmit_time);
    timers.delay_first_probe_time = span("delay-first-probe-time", timers.delay_first_probe_time);
    timers.stale_time = span("stale-time", timers.stale_time);
    let items = map.get("static").and_then(|list| list.list(&format!("[{EXAMPLE}]")));
    let mut statics: Vec<StaticNeighbor> = Vec::new();
    for item in items.unwrap_or_default() {
        let Some(neighbor) = read_one(&item, interfaces) else { continue };
        let same = |other: &StaticNeighbor| {
            (&other.interface, other.address) == (&neighbor.interface, neighbor.address)
        };
        if statics.iter().any(same) {
            item.refuse(format!(
                "{} is given on `{}` already: remove one",
                neighbor.address, neighbor.interface
            ));
        }
        statics.push(neighbor);
    }
    (timers, statics)
}

fn read_one(field: &Field<'_>, interfaces: &Interfaces) -> Option<StaticNeighbor> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
        return None;
    }
    let map = field.mapping(&STATIC_KEYS, EXAMPLE)?;
    let interface = map.required("interface", "add the interface that it is on, such as `interface: eth1`");
    let interface = interface.and_then(|field| interfaces.named(field));
    let address = map.required("address", "add its address such as `address: 10.0.1.9`");
    let ip = address.and_then(station_ip);
    let mac = map.required("mac-address", "add its address on the link").and_then(station_mac);
    let (interface, ip, mac_address) = (interface?, ip?, mac?);
    if let Some(owner) = interfaces.owner(ip) {
        address?.refuse(own_address(ip, owner));
        return None;
    }
    if !is_on(interface, ip) {
        address?
            .refuse(format!("{ip} is in no subnet of interface `{}`: expected one that is", interface.name));
        return None;
    }
    Some(StaticNeighbor { interface: interface.name.clone(), address: ip, mac_address })
}
