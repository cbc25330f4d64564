//! greylag's own interior protocol.

use super::super::interfaces::Interfaces;
use super::{switch, time};
use crate::field::Field;
use crate::keys::Keys;
use crate::time_span::{LONGEST, SHORTEST, written};
use greylag_switch::config::{InterfacePlace, LinkStateConfig, LinkStateInterface};
use std::time::Duration;

const KEYS: Keys = Keys {
    allowed: &["interfaces", "spf-delay", "overload"],
    explained: &[(&["router-id"], "is the whole router's: write it one level up, in `routing`")],
};
const INTERFACE_KEYS: Keys = Keys {
    allowed: &["metric", "hello-interval", "dead-interval", "passive", "bfd"],
    explained: &[
        (&["cost"], "is OSPF's word: write `metric`"),
        (&["hold-time", "hello-multiplier"], "is not a key here: write `dead-interval`"),
        (&["area", "level"], "is not needed: all routers are in one area. Remove it"),
    ],
};
const EXAMPLE: &str = "{interfaces: {eth1: {metric: 10}}}";

/// That of FRR's ospfd for an interface of unknown speed.
const METRIC: u16 = 10;
/// RFC 2328 C.3.
const HELLO_INTERVAL: Duration = Duration::from_secs(10);
const DEAD_INTERVAL: Duration = Duration::from_secs(40);
/// Long enough for the news of both ends of a link to arrive.
const SPF_DELAY: Duration = Duration::from_millis(50);
const LONGEST_SPF_DELAY: Duration = Duration::from_secs(600);

pub(super) fn read(field: &Field<'_>, interfaces: &Interfaces) -> Option<LinkStateConfig> {
    if field.is_nothing() {
        field.mismatch(&format!("a mapping such as {EXAMPLE}"), "");
        return None;
    }
    let map = field.mapping(&KEYS, EXAMPLE)?;
    let listed = map.required("interfaces", "add those that it runs on, such as `interfaces: {eth1: {}}`");
    let entries = listed.and_then(|list| list.named("interface", "{eth1: {metric: 10}}"));
    if let Some(list) = listed.filter(|list| list.is_empty()) {
        list.refuse("it runs on no interface: expected one such as {eth1: {}}");
    }
    let entries = entries.unwrap_or_default();
    Some(LinkStateConfig {
        interfaces: entries.iter().filter_map(|(name, field)| read_one(name, field, interfaces)).collect(),
        spf_delay: time(&map, "spf-delay", Duration::ZERO..=LONGEST_SPF_DELAY, SPF_DELAY),
        overload: switch(&map, "overload", false),
    })
}

fn read_one(name: &str, field: &Field<'_>, interfaces: &Interfaces) -> Option<LinkStateInterface> {
    let map = field.mapping(&INTERFACE_KEYS, "{metric: 10}")?;
    let metric = map.get("metric").and_then(|metric| metric.number("metric", 1..=65_535));
    let interval = |key, default| time(&map, key, SHORTEST..=LONGEST, default);
    let hello_interval = interval("hello-interval", HELLO_INTERVAL);
    let dead_interval = interval("dead-interval", DEAD_INTERVAL);
    if dead_interval <= hello_interval {
        map.get("dead-interval").or(map.get("hello-interval")).unwrap_or(field).refuse(format!(
            "dead-interval {} is not longer than hello-interval, which is {}: every neighbor would be given up before \
             its next hello",
            written(dead_interval),
            written(hello_interval)
        ));
    }
    let interface = interfaces.find(name, |wrong| field.refuse_key(wrong))?;
    let is_loopback = interface.place == InterfacePlace::Loopback;
    let passive = switch(&map, "passive", is_loopback);
    if let Some(written) = map.get("passive").filter(|_| is_loopback && !passive) {
        written.refuse(format!("`{name}` is a loopback, and nobody is on it: remove this"));
    }
    let bfd = switch(&map, "bfd", false);
    if let Some(written) = map.get("bfd").filter(|_| passive && bfd) {
        written.refuse_key("nobody is looked for on a passive interface: remove this, or `passive`");
    }
    Some(LinkStateInterface {
        interface: interface.name.clone(),
        metric: metric.unwrap_or(METRIC),
        passive,
        hello_interval,
        dead_interval,
        bfd,
    })
}
