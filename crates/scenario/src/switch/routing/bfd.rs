//! What is asked of BFD sessions, and those that no protocol asks for.

use super::super::interfaces::Interfaces;
use super::switch;
use crate::address::{ADDRESS_EXPECTED, station_ip};
use crate::field::{Field, Mapping};
use crate::keys::Keys;
use crate::time_span::{SHORTEST, time_span};
use greylag_switch::config::{BfdSession, BfdTimers};
use std::net::IpAddr;
use std::time::Duration;

const TIMERS: &[&str] = &["desired-minimum-tx-interval", "required-minimum-receive", "detection-multiplier"];
const KEYS: Keys = Keys::of(&[
    "desired-minimum-tx-interval",
    "required-minimum-receive",
    "detection-multiplier",
    "sessions",
]);
const SESSION_KEYS: Keys = Keys::of(&[
    "remote-address",
    "local-address",
    "multihop",
    "desired-minimum-tx-interval",
    "required-minimum-receive",
    "detection-multiplier",
]);
const EXAMPLE: &str = "{remote-address: 10.0.1.2}";

/// Packets say it in microseconds, in 32 bits (RFC 5880 4.1).
const LONGEST: Duration = Duration::from_secs(4294);

pub(super) fn read(field: &Field<'_>, interfaces: &Interfaces) -> (BfdTimers, Vec<BfdSession>) {
    let default = BfdTimers::default();
    let Some(map) = field.mapping(&KEYS, "{detection-multiplier: 3}") else { return (default, Vec::new()) };
    let timers = read_timers(&map, default);
    let items = map.get("sessions").and_then(|list| list.list(&format!("[{EXAMPLE}]")));
    let mut sessions: Vec<BfdSession> = Vec::new();
    for item in items.unwrap_or_default() {
        let Some(session) = read_session(&item, interfaces, timers) else { continue };
        if sessions.iter().any(|other| other.remote_address == session.remote_address) {
            item.refuse(format!("there is a session with {} already: remove one", session.remote_address));
        }
        sessions.push(session);
    }
    (timers, sessions)
}

fn read_timers(map: &Mapping<'_>, default: BfdTimers) -> BfdTimers {
    let interval = |key| map.get(key).and_then(|field| time_span(field, key, SHORTEST..=LONGEST));
    let multiplier = map.get("detection-multiplier");
    let multiplier = multiplier.and_then(|field| field.number("detection-multiplier", 1..=255));
    BfdTimers {
        desired_minimum_tx_interval: interval(TIMERS[0]).unwrap_or(default.desired_minimum_tx_interval),
        required_minimum_receive: interval(TIMERS[1]).unwrap_or(default.required_minimum_receive),
        detection_multiplier: multiplier.unwrap_or(default.detection_multiplier),
    }
}

fn read_session(field: &Field<'_>, interfaces: &Interfaces, timers: BfdTimers) -> Option<BfdSession> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
        return None;
    }
    let map = field.mapping(&SESSION_KEYS, EXAMPLE)?;
    let remote = map.required("remote-address", "add the other end such as `remote-address: 10.0.1.2`");
    let multihop = switch(&map, "multihop", false);
    let own = TIMERS.iter().any(|key| map.get(key).is_some()).then(|| read_timers(&map, timers));
    let remote_address =
        remote.and_then(|field| field.parsed(ADDRESS_EXPECTED, |text| interfaces.far_end(text, multihop)));
    let local_address = near_end(&map, interfaces, remote_address);
    Some(BfdSession { remote_address: remote_address?, local_address: local_address?, multihop, timers: own })
}

/// Our end of a session, where it is said: one of our addresses. `None` when it is wrong.
pub(super) fn near_end(
    map: &Mapping<'_>,
    interfaces: &Interfaces,
    remote: Option<IpAddr>,
) -> Option<Option<IpAddr>> {
    let Some(field) = map.get("local-address") else { return Some(None) };
    let ip = station_ip(field)?;
    if let Some(remote) = remote.filter(|remote| remote.is_ipv4() != ip.is_ipv4()) {
        field.refuse(format!("{ip} and {remote} are of different families: expected both of one"));
        return None;
    }
    if !interfaces.may_own(ip) {
        field.refuse(format!("{ip} is no address of this switch: expected that of an interface"));
        return None;
    }
    Some(Some(ip))
}
