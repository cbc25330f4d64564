//! Pairs of chassis that are wrong, and every word that is said about them.

use crate::broken::{Case, check};
use greylag_scenario::{Source, switch};

/// A switch with a link between the chassis, a multi-chassis bundle, and an interface; 12 lines.
const SWITCH: &str = "name: ca1
ports:
  eth1: {aggregate-id: ae0}
  eth2: {aggregate-id: ae10}
  eth3: {interface-mode: ROUTED}
  ae0: {type: lag, interface-mode: TRUNK, trunk-vlans: [10, 20, 50]}
  ae10: {type: lag, mc-ae-id: 10, system-id-mac: \"02:00:00:00:00:10\", admin-key: 10, interface-mode: TRUNK, trunk-vlans: [10, 20]}
interfaces:
  irb50: {routed-vlan: 50, ipv4: 10.50.1.1/30}
  eth3: {ipv4: 10.3.0.1/24, ipv6: \"2001:db8:3::1/64\"}
routing: {static-routes: {10.7.0.0/16: {next-hop: 10.3.0.2}}}
management-address: 172.20.20.11
";

const ICCP: &str = "iccp: {local-address: 10.50.1.1, peer-address: 10.50.1.2}";

/// One key of a pair instead of what is right there, on the last line.
fn pair(keys: &str) -> String {
    let right = [
        ("preset", "preset: junos"),
        ("chassis-id", "chassis-id: 0"),
        ("inter-chassis-link", "inter-chassis-link: ae0"),
        ("status-control", "status-control: active"),
        ("iccp", ICCP),
    ];
    let mut all: Vec<&str> =
        right.iter().filter(|(key, _)| !keys.contains(&format!("{key}:"))).map(|(_, text)| *text).collect();
    all.insert(0, keys);
    format!("{SWITCH}multi-chassis: {{{}}}\n", all.join(", "))
}

#[test]
fn keys_of_a_pair() {
    check(PAIR, pair);
}

#[test]
fn what_is_missing() {
    check(MISSING, |keys| format!("{SWITCH}multi-chassis: {{{keys}}}\n"));
}

#[test]
fn the_session() {
    check(SESSION, |keys| pair(&format!("iccp: {{{keys}}}")));
}

#[test]
fn the_rest_of_the_switch() {
    let right = format!(
        "backup-liveness-detection: {{backup-peer-ip: 172.20.20.12}}, preset: junos, chassis-id: 1, inter-chassis-link: ae0, \
         status-control: active, {ICCP}"
    );
    check(SURROUNDINGS, |change| {
        let (old, new) = change.split_once(" => ").unwrap();
        assert!(SWITCH.contains(old), "{old}");
        format!("{}multi-chassis: {{{right}}}\n", SWITCH.replace(old, new))
    });
}

#[test]
fn without_a_pair() {
    check(ALONE, |keys| format!("{SWITCH}{keys}\n"));
}

/// What is at the limit, and right.
#[test]
fn what_is_just_right() {
    for keys in [
        "preset: iccpd, status-control: active",
        "preset: cumulus, status-control: standby, chassis-id: 1",
        "redundancy-group: 4294967295, init-delay-time: 0",
        "iccp: {local-address: 10.50.1.1, peer-address: 10.7.0.1}",
        "iccp: {local-address: 10.50.1.1, peer-address: 10.50.1.2, liveness-detection: {}}",
        "backup-liveness-detection: {backup-peer-ip: 172.20.20.12, interval: 10s}",
        "backup-liveness-detection:",
        "health-gate: {}",
        "inter-chassis-link: ae0, health-gate: {probe-interval: never, hold-down: 0}",
    ] {
        let text = pair(keys);
        if let Err(error) = switch::parse(&Source::new("x.yml", text)) {
            panic!("{keys}: {}", error.render());
        }
    }
    let text = format!("{}lacp: {{port-number-offset: 16384}}\n", pair("chassis-id: 1"));
    switch::parse(&Source::new("x.yml", text)).unwrap();
}

/// A pair of chassis, on line 13 from column 17 on.
const PAIR: &[Case] = &[
    (
        "an unknown preset",
        "preset: cisco",
        &["13:25: multi-chassis.preset: `cisco` is not a preset: expected junos, iccpd or cumulus"],
    ),
    (
        "a third chassis",
        "chassis-id: 2",
        &["13:29: multi-chassis.chassis-id: chassis-id 2 is out of range: expected 0 to 1"],
    ),
    (
        "a redundancy group of none",
        "redundancy-group: 0",
        &[
            "13:35: multi-chassis.redundancy-group: redundancy-group 0 is out of range: expected 1 to 4294967295",
        ],
    ),
    (
        "a link that is not there",
        "inter-chassis-link: ae1",
        &[
            "13:37: multi-chassis.inter-chassis-link: there is no port `ae1`: the ports are eth1, eth2, eth3, ae0, ae10",
        ],
    ),
    (
        "a link that is a part of a bundle",
        "inter-chassis-link: eth1",
        &["13:37: multi-chassis.inter-chassis-link: `eth1` is a part of bundle `ae0`: expected `ae0`"],
    ),
    (
        "a ROUTED link",
        "inter-chassis-link: eth3",
        &[
            "13:37: multi-chassis.inter-chassis-link: `eth3` is ROUTED, and the link between the chassis is the bridge's: expected one that carries VLANs",
        ],
    ),
    (
        "a link that is a multi-chassis bundle",
        "inter-chassis-link: ae10",
        &[
            "13:37: multi-chassis.inter-chassis-link: `ae10` is a multi-chassis bundle itself: expected the link between the chassis",
        ],
    ),
    (
        "a role in Cumulus' words",
        "status-control: primary",
        &["13:33: multi-chassis.status-control: `primary` is not a role: expected active or standby"],
    ),
    (
        "a role that the addresses contradict",
        "preset: iccpd, status-control: standby",
        &[
            "13:48: multi-chassis.status-control: with preset iccpd the chassis with the lower address of `iccp` is the active one: remove it",
        ],
    ),
    (
        "init-delay",
        "init-delay: 240s",
        &["13:17: multi-chassis.init-delay: `init-delay` is not a key here: write `init-delay-time`"],
    ),
    (
        "Junos' mode",
        "mode: active-active",
        &[
            "13:17: multi-chassis.mode: `mode` is not a key here: both chassis forward, as with `mode active-active` in Junos. Remove it",
        ],
    ),
    (
        "a way to go on cut short",
        "on-peer-alive: both",
        &[
            "13:32: multi-chassis.on-peer-alive: `both` is not a way to go on: expected both-revert, standby-reverts or none",
        ],
    ),
    (
        "a way to go on of another key",
        "on-peer-dead: keep",
        &[
            "13:31: multi-chassis.on-peer-dead: `keep` is not a way to go on: expected both-revert, standby-reverts or none",
        ],
    ),
    (
        "a reaction to the link's loss cut short",
        "on-icl-down: suspend",
        &[
            "13:30: multi-chassis.on-icl-down: `suspend` is not a way to go on: expected nothing, standby-waits or standby-suspends",
        ],
    ),
    (
        "isolation in the past tense",
        "isolation-on-iccp-down: lifted",
        &["13:41: multi-chassis.isolation-on-iccp-down: `lifted` is not a choice: did you mean `lift`?"],
    ),
    (
        "addresses that age",
        "synchronised-macs: age",
        &["13:36: multi-chassis.synchronised-macs: `age` is not a choice: expected convert, pin or flush"],
    ),
    (
        "a number for a switch",
        "own-id-until-peer: 1",
        &["13:36: multi-chassis.own-id-until-peer: expected true or false, found the number 1"],
    ),
    (
        "backup liveness without a peer",
        "backup-liveness-detection: {}",
        &[
            "13:44: multi-chassis.backup-liveness-detection.backup-peer-ip: `backup-peer-ip` is missing: add the peer's address on the management network such as `backup-peer-ip: 172.20.20.12`",
        ],
    ),
    (
        "backup liveness with itself",
        "backup-liveness-detection: {backup-peer-ip: 172.20.20.11}",
        &[
            "13:61: multi-chassis.backup-liveness-detection.backup-peer-ip: 172.20.20.11 is this switch's own management-address: expected its peer's",
        ],
    ),
    (
        "backup liveness over two families",
        "backup-liveness-detection: {backup-peer-ip: \"2001:db8::1\"}",
        &[
            "13:61: multi-chassis.backup-liveness-detection.backup-peer-ip: 2001:db8::1 and management-address 172.20.20.11 are of different families: expected both of one",
        ],
    ),
    (
        "a time-out within the interval",
        "backup-liveness-detection: {backup-peer-ip: 172.20.20.12, interval: 3s, timeout: 2s}",
        &[
            "13:98: multi-chassis.backup-liveness-detection.timeout: a timeout of 2s is over before the peer is asked again, which is every 3s: expected more",
        ],
    ),
    (
        "a hold-down that is no time",
        "health-gate: {hold-down: long}",
        &[
            "13:42: multi-chassis.health-gate.hold-down: `long` is not a time: expected seconds or a time such as 500ms, 10s, 5m or 1h",
        ],
    ),
    (
        "a probe without a pause",
        "health-gate: {probe-interval: 0}",
        &[
            "13:47: multi-chassis.health-gate.probe-interval: probe-interval 0s is out of range: expected 1ms to 1000000s",
        ],
    ),
    (
        "a health gate that is only switched on",
        "health-gate: true",
        &[
            "13:30: multi-chassis.health-gate: expected a mapping such as {hold-down: 60s, probe-interval: 10s}, found `true`",
        ],
    ),
];

/// All that is said of a pair, on line 13.
const MISSING: &[Case] = &[(
    "everything",
    "redundancy-group: 1",
    &[
        "13:16: multi-chassis.preset: `preset` is missing: add whose ways the pair has such as `preset: junos`",
        "13:16: multi-chassis.chassis-id: `chassis-id` is missing: add `chassis-id: 0` on one chassis and `chassis-id: 1` on the other",
        "13:16: multi-chassis.inter-chassis-link: `inter-chassis-link` is missing: add the port or bundle between the chassis such as `inter-chassis-link: ae0`",
        "13:16: multi-chassis.iccp: `iccp` is missing: add the session between the chassis such as `iccp: {local-address: 10.50.1.1, peer-address: 10.50.1.2}`",
    ],
)];

/// The session of a pair, on line 13 from column 24 on.
const SESSION: &[Case] = &[
    (
        "a local address of nobody",
        "local-address: 10.50.1.3, peer-address: 10.50.1.2",
        &[
            "13:39: multi-chassis.iccp.local-address: 10.50.1.3 is no address of this switch: expected that of an interface",
        ],
    ),
    (
        "a session with itself",
        "local-address: 10.50.1.1, peer-address: 10.50.1.1",
        &[
            "13:64: multi-chassis.iccp.peer-address: 10.50.1.1 is this switch's own address, on `irb50`: expected a neighbor's",
        ],
    ),
    (
        "a peer that no route leads to",
        "local-address: 10.50.1.1, peer-address: 10.51.1.2",
        &[
            "13:64: multi-chassis.iccp.peer-address: 10.51.1.2 is in no subnet of an interface, and no route leads there: expected one that is, or a route in `routing.static-routes`",
        ],
    ),
    (
        "two families",
        "local-address: 10.50.1.1, peer-address: \"2001:db8:3::2\"",
        &[
            "13:64: multi-chassis.iccp.peer-address: 2001:db8:3::2 and 10.50.1.1 are of different families: expected both of one",
        ],
    ),
    (
        "no peer",
        "local-address: 10.50.1.1",
        &[
            "13:23: multi-chassis.iccp.peer-address: `peer-address` is missing: add that of the other chassis such as `peer-address: 10.50.1.2`",
        ],
    ),
    (
        "a time-out within the keepalive",
        "local-address: 10.50.1.1, peer-address: 10.50.1.2, keepalive: 5s, session-timeout: 5s",
        &[
            "13:107: multi-chassis.iccp.session-timeout: a session-timeout of 5s is over before the next keepalive, which comes every 5s: expected a few times that",
        ],
    ),
    (
        "BFD that misses nothing",
        "local-address: 10.50.1.1, peer-address: 10.50.1.2, liveness-detection: {multiplier: 0}",
        &[
            "13:108: multi-chassis.iccp.liveness-detection.multiplier: multiplier 0 is out of range: expected 1 to 255",
        ],
    ),
    (
        "an interval in the words of backup liveness",
        "local-address: 10.50.1.1, peer-address: 10.50.1.2, liveness-detection: {interval: 1s}",
        &[
            "13:96: multi-chassis.iccp.liveness-detection.interval: unknown key `interval`: the keys here are minimum-interval, multiplier",
        ],
    ),
    (
        "a hold time cut short",
        "local-address: 10.50.1.1, peer-address: 10.50.1.2, hold-time: 300s",
        &[
            "13:75: multi-chassis.iccp.hold-time: unknown key `hold-time`: the keys here are local-address, peer-address, keepalive, session-timeout, connect-retry, session-establishment-hold-time, liveness-detection",
        ],
    ),
];

/// What of the switch becomes what instead.
const SURROUNDINGS: &[Case] = &[
    (
        "a VLAN that the link does not carry",
        "trunk-vlans: [10, 20, 50] => trunk-vlans: [10, 50]",
        &[
            "13:126: multi-chassis.inter-chassis-link: inter-chassis link `ae0` does not carry VLAN 20 of multi-chassis bundle `ae10`: add it to its `trunk-vlans`, or remove it there",
        ],
    ),
    (
        "a link that is down",
        "ae0: {type: lag => ae0: {enabled: false, type: lag",
        &[
            "13:126: multi-chassis.inter-chassis-link: `ae0` is down by `enabled: false`: remove that, or name another",
        ],
    ),
    (
        "no key",
        "admin-key: 10,  => ",
        &[
            "7:21: ports.ae10.mc-ae-id: a multi-chassis bundle shows the same to its partner on both chassis: add `admin-key`, the same there",
        ],
    ),
    (
        "no system id",
        "system-id-mac: \"02:00:00:00:00:10\",  => ",
        &[
            "7:21: ports.ae10.mc-ae-id: a multi-chassis bundle shows the same to its partner on both chassis: add `system-id-mac`, the same there",
        ],
    ),
    (
        "a multi-chassis bundle without LACP",
        "admin-key: 10,  => admin-key: 10, lacp-mode: STATIC, ",
        &[
            "7:21: ports.ae10.mc-ae-id: a multi-chassis bundle is one by LACP: remove this, or `lacp-mode: STATIC`",
        ],
    ),
    (
        "a multi-chassis bundle that is ROUTED",
        "interface-mode: TRUNK, trunk-vlans: [10, 20]} => interface-mode: ROUTED}",
        &[
            "7:21: ports.ae10.mc-ae-id: a multi-chassis bundle is the bridge's: remove this, or `interface-mode: ROUTED`",
            "7:102: ports.ae10.interface-mode: a ROUTED port needs an interface: add one such as `ae10: {ipv4: 10.0.1.1/24}` to `interfaces`",
        ],
    ),
    (
        "an id of none",
        "mc-ae-id: 10 => mc-ae-id: 0",
        &["7:31: ports.ae10.mc-ae-id: mc-ae-id 0 is out of range: expected 1 to 65535"],
    ),
    (
        "an id twice",
        "eth3: {interface-mode: ROUTED}\n => eth3: {interface-mode: ROUTED}\n  eth4: {aggregate-id: ae11}\n  ae11: {type: lag, mc-ae-id: 10, system-id-mac: \"02:00:00:00:00:11\", admin-key: 11, access-vlan: 10}\n",
        &["9:31: ports.ae10.mc-ae-id: mc-ae-id 10 is that of bundle `ae11` already: expected another"],
    ),
    (
        "a number of ports that the chassis contradicts",
        "management-address: 172.20.20.11\n => management-address: 172.20.20.11\nlacp: {port-number-offset: 100}\n",
        &["13:28: lacp.port-number-offset: chassis-id 1 makes it 16384: expected that, or remove it"],
    ),
    (
        "an id at a member",
        "eth2: {aggregate-id: ae10} => eth2: {aggregate-id: ae10, mc-ae-id: 10}",
        &[
            "4:30: ports.eth2.mc-ae-id: `mc-ae-id` is for a bundle, and this port is a member of one: move it there",
        ],
    ),
    (
        "nobody to ask from",
        "management-address: 172.20.20.11\n => ",
        &[
            "12:17: multi-chassis.backup-liveness-detection: a switch without an address on the management network cannot ask for its peer there: add one such as `management-address: 172.20.20.11`, or remove this",
        ],
    ),
];

/// What is said of a pair, on line 13.
const ALONE: &[Case] = &[
    (
        "a multi-chassis bundle",
        "",
        &["7:21: ports.ae10.mc-ae-id: this is for one of two chassis: add `multi-chassis`, or remove it"],
    ),
    (
        "a pair that is only switched on",
        "multi-chassis: true",
        &[
            "13:16: multi-chassis: expected a mapping such as {preset: junos, chassis-id: 0, inter-chassis-link: ae0, status-control: active, iccp: {local-address: 10.50.1.1, peer-address: 10.50.1.2}}, found `true`",
        ],
    ),
    (
        "a pair of nothing",
        "multi-chassis: {}",
        &[
            "13:16: multi-chassis.preset: `preset` is missing: add whose ways the pair has such as `preset: junos`",
            "13:16: multi-chassis.chassis-id: `chassis-id` is missing: add `chassis-id: 0` on one chassis and `chassis-id: 1` on the other",
            "13:16: multi-chassis.inter-chassis-link: `inter-chassis-link` is missing: add the port or bundle between the chassis such as `inter-chassis-link: ae0`",
            "13:16: multi-chassis.iccp: `iccp` is missing: add the session between the chassis such as `iccp: {local-address: 10.50.1.1, peer-address: 10.50.1.2}`",
        ],
    ),
];
