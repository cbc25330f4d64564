//! Switch and lab files with bundles that are wrong, and every word that is said about them.

use greylag_scenario::{Source, lab, switch};

/// What is wrong, the text, and the lines that are printed for it without the file's name.
type Case = (&'static str, &'static str, &'static [&'static str]);

fn said(text: String) -> String {
    match switch::parse(&Source::new("sw1.yml", text)) {
        Ok(_) => String::new(),
        Err(error) => error.to_string().replace("sw1.yml:", ""),
    }
}

fn check(cases: &[Case], file: impl Fn(&str) -> String) {
    for (what, text, expected) in cases {
        assert_eq!(said(file(text)).lines().collect::<Vec<_>>(), *expected, "{what}");
    }
}

#[test]
fn keys_of_a_bundle() {
    check(LAG, |keys| {
        format!(
            "name: sw1\nports:\n  eth1: {{aggregate-id: ae0}}\n  eth2: {{aggregate-id: ae0}}\n  ae0: {{type: lag, {keys}}}\n"
        )
    });
}

#[test]
fn keys_of_a_member() {
    check(MEMBER, |keys| {
        format!(
            "name: sw1\nports:\n  eth1: {{{keys}}}\n  eth2: {{aggregate-id: ae0}}\n  ae0: {{type: lag}}\n"
        )
    });
}

#[test]
fn bundles_and_their_members() {
    check(PORTS, |ports| format!("name: sw1\nports:\n{ports}\n"));
}

#[test]
fn keys_below_the_root() {
    check(KEYS, |keys| {
        format!("name: sw1\nports: {{eth1: {{aggregate-id: ae0}}, ae0: {{type: lag}}}}\n{keys}\n")
    });
}

#[test]
fn bundles_in_a_lab() {
    for (what, config, expected) in IN_A_LAB {
        let text = format!(
            "name: x
topology:
  nodes:
    h1: {{kind: host}}
    h2: {{kind: host}}
    sw1:
      kind: greylag
      config: {{ports: {{{config}}}}}
  links:
    - {{endpoints: [\"sw1:eth1\", \"h1:eth1\"], mtu: 9000}}
    - endpoints: [\"sw1:eth2\", \"h2:eth1\"]
"
        );
        let error = lab::parse(&Source::new("x.clab.yml", text)).expect_err(what).to_string();
        let said: Vec<String> = error
            .lines()
            .map(|line| line.replace("x.clab.yml:", "").replace("topology.nodes.sw1.config.", ""))
            .collect();
        assert_eq!(said, *expected, "{what}");
    }
}

/// What is at the limit, and right.
#[test]
fn what_is_just_right() {
    for keys in [
        "min-links: 2, max-links: 2",
        "max-links: 1024",
        "admin-key: 0, behaviour: {key-format: speed-and-duplex}",
        "admin-key: 0, preset: linux",
        "fallback: 0, wait-to-restore: 0, behaviour:",
        "system-priority: 0, behaviour: {timers: }",
    ] {
        let ports = format!(
            "{{eth1: {{aggregate-id: ae0}}, eth2: {{aggregate-id: ae0}}, ae0: {{type: lag, {keys}}}}}"
        );
        assert_eq!(said(format!("name: sw1\nports: {ports}\n")), "", "{keys}");
    }
    let same_key = "
  eth1: {aggregate-id: ae0}
  eth2: {aggregate-id: ae1}
  ae0: {type: lag, admin-key: 7}
  ae1: {type: lag, admin-key: 7, system-id-mac: \"02:00:00:00:00:00\"}
";
    assert_eq!(said(format!("name: sw1\nports:{same_key}")), "", "to a partner they are two systems");
}

/// The keys of bundle ae0 with two members, on line 5 from column 20 on.
const LAG: &[Case] = &[
    (
        "min-links of none",
        "min-links: 0",
        &["5:31: ports.ae0.min-links: min-links 0 is out of range: expected 1 to 1024"],
    ),
    (
        "min-links beyond the members",
        "min-links: 3",
        &[
            "5:31: ports.ae0.min-links: min-links 3 is more than bundle `ae0` has members: expected 1 to 2, or more members",
        ],
    ),
    (
        "min-links beyond max-links",
        "min-links: 2, max-links: 1",
        &["5:31: ports.ae0.min-links: min-links 2 is more than max-links, which is 1: expected at most 1"],
    ),
    (
        "max-links of none",
        "max-links: 0",
        &["5:31: ports.ae0.max-links: max-links 0 is out of range: expected 1 to 1024"],
    ),
    (
        "max-links as a text",
        "max-links: all",
        &["5:31: ports.ae0.max-links: expected a whole number from 1 to 1024, found the text `all`"],
    ),
    (
        "an unknown preset",
        "preset: cisco",
        &[
            "5:28: ports.ae0.preset: `cisco` is not a preset: expected standard, linux, ovs, libteam, dpdk, vpp or junos",
        ],
    ),
    (
        "a preset misspelt",
        "preset: libtem",
        &["5:28: ports.ae0.preset: `libtem` is not a preset: did you mean `libteam`?"],
    ),
    (
        "a mode in lower case",
        "lacp-mode: active",
        &["5:31: ports.ae0.lacp-mode: `active` is not a mode of LACP: did you mean `ACTIVE`?"],
    ),
    (
        "an unknown mode",
        "lacp-mode: ON",
        &["5:31: ports.ae0.lacp-mode: `ON` is not a mode of LACP: expected ACTIVE, PASSIVE or STATIC"],
    ),
    (
        "an interval in seconds",
        "interval: 1s",
        &["5:30: ports.ae0.interval: `1s` is not an interval: expected FAST or SLOW"],
    ),
    (
        "an interval unknown",
        "interval: SLOWLY",
        &["5:30: ports.ae0.interval: `SLOWLY` is not an interval: did you mean `SLOW`?"],
    ),
    (
        "a system id of a group",
        "system-id-mac: \"01:80:c2:00:00:02\"",
        &[
            "5:35: ports.ae0.system-id-mac: 01:80:c2:00:00:02 is a group address: expected that of one station, with an even first octet such as 02",
        ],
    ),
    (
        "a system id of zeros",
        "system-id-mac: \"00:00:00:00:00:00\"",
        &[
            "5:35: ports.ae0.system-id-mac: 00:00:00:00:00:00 is no station's address: expected one such as 02:00:00:00:00:01",
        ],
    ),
    (
        "a priority too large",
        "system-priority: 65536",
        &["5:37: ports.ae0.system-priority: system-priority 65536 is out of range: expected 0 to 65535"],
    ),
    (
        "a key of none",
        "admin-key: 0",
        &["5:31: ports.ae0.admin-key: admin-key 0 is out of range: expected 1 to 65535"],
    ),
    (
        "a key beyond ten bits",
        "admin-key: 1024, preset: linux",
        &[
            "5:31: ports.ae0.admin-key: admin-key 1024 is out of range: expected 0 to 1023, because the speed stands beside it",
        ],
    ),
    (
        "a key too large",
        "admin-key: 65536",
        &["5:31: ports.ae0.admin-key: admin-key 65536 is out of range: expected 0 to 65535"],
    ),
    (
        "a revertive that is no boolean",
        "revertive: 1",
        &["5:31: ports.ae0.revertive: expected true or false, found the number 1"],
    ),
    (
        "a time without its unit",
        "wait-to-restore: 1.5",
        &[
            "5:37: ports.ae0.wait-to-restore: expected seconds or a time such as 500ms, 10s, 5m or 1h, found the number 1.5",
        ],
    ),
    (
        "a fallback of no time",
        "fallback: none",
        &["5:30: ports.ae0.fallback: `none` is neither a time nor `never`: expected one such as 10s"],
    ),
    (
        "a resilient that is no boolean",
        "resilient: hash",
        &["5:31: ports.ae0.resilient: expected true or false, found the text `hash`"],
    ),
    (
        "behaviour as a text",
        "behaviour: standard",
        &[
            "5:31: ports.ae0.behaviour: expected a mapping such as {mux-control: independent}, found the text `standard`",
        ],
    ),
    (
        "behaviour misspelt",
        "behaviour: {mux-controll: coupled}",
        &["5:32: ports.ae0.behaviour.mux-controll: unknown key `mux-controll`: did you mean `mux-control`?"],
    ),
    (
        "behaviour unknown",
        "behaviour: {colour: red}",
        &[
            "5:32: ports.ae0.behaviour.colour: unknown key `colour`: the keys here are timers, transmit-limit, marker-limit, mux-control, sync-rule, expired-timeout, mistaken-partner, key-format, partner-choice, partner-pin, other-partners, below-min-links",
        ],
    ),
    (
        "a mux control misspelt",
        "behaviour: {mux-control: independant}",
        &[
            "5:45: ports.ae0.behaviour.mux-control: `independant` is not a choice for mux-control: did you mean `independent`?",
        ],
    ),
    (
        "a sync rule unknown",
        "behaviour: {sync-rule: never}",
        &[
            "5:43: ports.ae0.behaviour.sync-rule: `never` is not a choice for sync-rule: expected standard, partner-says, describes-us or same-as-before",
        ],
    ),
    (
        "an expired timeout as a time",
        "behaviour: {expired-timeout: 3}",
        &["5:49: ports.ae0.behaviour.expired-timeout: expected short or configured, found the number 3"],
    ),
    (
        "what is unknown of mistaken partners",
        "behaviour: {mistaken-partner: drop}",
        &[
            "5:50: ports.ae0.behaviour.mistaken-partner: `drop` is not a choice for mistaken-partner: expected accept or ignore",
        ],
    ),
    (
        "a key format unknown",
        "behaviour: {key-format: bcm}",
        &[
            "5:44: ports.ae0.behaviour.key-format: `bcm` is not a choice for key-format: expected admin or speed-and-duplex",
        ],
    ),
    (
        "a partner choice unknown",
        "behaviour: {partner-choice: best}",
        &[
            "5:48: ports.ae0.behaviour.partner-choice: `best` is not a choice for partner-choice: expected first, lowest-system, lowest-port, most-members or most-bandwidth",
        ],
    ),
    (
        "a partner pin unknown",
        "behaviour: {partner-pin: true}",
        &["5:45: ports.ae0.behaviour.partner-pin: expected hold or release, found `true`"],
    ),
    (
        "what is unknown of other partners",
        "behaviour: {other-partners: used}",
        &[
            "5:48: ports.ae0.behaviour.other-partners: `used` is not a choice for other-partners: expected detached or attached",
        ],
    ),
    (
        "what is unknown of min-links",
        "behaviour: {below-min-links: down}",
        &[
            "5:49: ports.ae0.behaviour.below-min-links: `down` is not a choice for below-min-links: expected bundle-down or members-held",
        ],
    ),
    (
        "a timer of none",
        "behaviour: {timers: {short-timeout: 0}}",
        &[
            "5:56: ports.ae0.behaviour.timers.short-timeout: short-timeout 0s is out of range: expected 1ms to 1000000s",
        ],
    ),
    (
        "a timer misspelt",
        "behaviour: {timers: {short-timout: 3s}}",
        &[
            "5:41: ports.ae0.behaviour.timers.short-timout: unknown key `short-timout`: did you mean `short-timeout`?",
        ],
    ),
    (
        "timers as a time",
        "behaviour: {timers: 3s}",
        &[
            "5:40: ports.ae0.behaviour.timers: expected a mapping such as {aggregate-wait: 2s}, found the text `3s`",
        ],
    ),
    (
        "churn detection that is no time",
        "behaviour: {timers: {churn-detection: off}}",
        &[
            "5:58: ports.ae0.behaviour.timers.churn-detection: `off` is neither a time nor `never`: expected one such as 10s",
        ],
    ),
    (
        "churn detection of none",
        "behaviour: {timers: {churn-detection: 0}}",
        &[
            "5:58: ports.ae0.behaviour.timers.churn-detection: churn-detection 0s is out of range: expected 1ms to 1000000s",
        ],
    ),
    (
        "a limit of no frame",
        "behaviour: {transmit-limit: {frames: 0, within: 1s}}",
        &["5:57: ports.ae0.behaviour.transmit-limit.frames: frames 0 is out of range: expected 1 to 65535"],
    ),
    (
        "a limit within no time",
        "behaviour: {transmit-limit: {frames: 1, within: 0}}",
        &[
            "5:68: ports.ae0.behaviour.transmit-limit.within: within 0s is out of range: expected 1ms to 1000000s",
        ],
    ),
    (
        "a limit as a number",
        "behaviour: {transmit-limit: 3}",
        &[
            "5:48: ports.ae0.behaviour.transmit-limit: expected a mapping such as {frames: 3, within: 1s}, found the number 3",
        ],
    ),
    (
        "a limit with another key",
        "behaviour: {marker-limit: {per: 1s}}",
        &["5:47: ports.ae0.behaviour.marker-limit.per: unknown key `per`: the keys here are frames, within"],
    ),
    (
        "markers without a limit",
        "behaviour: {marker-limit: unlimited}",
        &[
            "5:46: ports.ae0.behaviour.marker-limit: `unlimited` is neither a limit nor `none`: expected one such as {frames: 3, within: 1s}",
        ],
    ),
    (
        "a namespace",
        "netns: h1",
        &["5:20: ports.ae0.netns: `netns` is for a TAP, and this is a bundle: remove it"],
    ),
    (
        "a bundle in a bundle",
        "aggregate-id: ae0",
        &[
            "5:20: ports.ae0.aggregate-id: `aggregate-id` is for a member, and this is a bundle: a bundle cannot be in another. Remove it",
        ],
    ),
    (
        "a member's keys",
        "lacp-port-priority: 1, port-speed: 10G",
        &[
            "5:20: ports.ae0.lacp-port-priority: `lacp-port-priority` is a member's, and this is a bundle: move it to its members",
            "5:43: ports.ae0.port-speed: `port-speed` is a member's, and this is a bundle: move it to its members",
        ],
    ),
    (
        "VLANs of a trunk without a mode",
        "trunk-vlans: [10]",
        &["5:20: ports.ae0.trunk-vlans: `trunk-vlans` is for a TRUNK: add `interface-mode: TRUNK`"],
    ),
    (
        "a key misspelt",
        "min-link: 1",
        &["5:20: ports.ae0.min-link: unknown key `min-link`: did you mean `min-links`?"],
    ),
    (
        "an mtu too large",
        "mtu: 9217",
        &["5:25: ports.ae0.mtu: mtu 9217 is out of range: expected 68 to 9216"],
    ),
];

/// The keys of port eth1, on line 3 from column 10 on; eth2 is a member of ae0.
const MEMBER: &[Case] = &[
    (
        "a bundle misspelt",
        "aggregate-id: ae1",
        &["3:24: ports.eth1.aggregate-id: there is no bundle `ae1`: did you mean `ae0`?"],
    ),
    (
        "a bundle far away",
        "aggregate-id: Port-Channel1",
        &["3:24: ports.eth1.aggregate-id: there is no bundle `Port-Channel1`: the bundles are ae0"],
    ),
    (
        "a bundle that is a port",
        "aggregate-id: eth2",
        &["3:24: ports.eth1.aggregate-id: port `eth2` is no bundle: the bundles are ae0"],
    ),
    (
        "a bundle by number",
        "aggregate-id: 1",
        &["3:24: ports.eth1.aggregate-id: expected text, found the number 1: put it in quotes"],
    ),
    (
        "a bundle that is nothing",
        "aggregate-id: ",
        &["3:10: ports.eth1.aggregate-id: expected text, found nothing"],
    ),
    (
        "what its bundle has",
        "aggregate-id: ae0, interface-mode: ACCESS, access-vlan: 1, trunk-vlans: [1], native-vlan: 1, mtu: 1500, \
         maximum-entries: 1, isolation-group: 1, storm-control: {}",
        &[
            "3:29: ports.eth1.interface-mode: `interface-mode` is not for a member of a bundle: its bundle has it. Remove it",
            "3:53: ports.eth1.access-vlan: `access-vlan` is not for a member of a bundle: its bundle has it. Remove it",
            "3:69: ports.eth1.trunk-vlans: `trunk-vlans` is not for a member of a bundle: its bundle has it. Remove it",
            "3:87: ports.eth1.native-vlan: `native-vlan` is not for a member of a bundle: its bundle has it. Remove it",
            "3:103: ports.eth1.mtu: `mtu` is not for a member of a bundle: its bundle has it. Remove it",
            "3:114: ports.eth1.maximum-entries: `maximum-entries` is not for a member of a bundle: its bundle has it. Remove it",
            "3:134: ports.eth1.isolation-group: `isolation-group` is not for a member of a bundle: its bundle has it. Remove it",
            "3:154: ports.eth1.storm-control: `storm-control` is not for a member of a bundle: its bundle has it. Remove it",
        ],
    ),
    (
        "what only a bundle has",
        "aggregate-id: ae0, min-links: 1",
        &[
            "3:29: ports.eth1.min-links: `min-links` is for a bundle, and this port is a member of one: move it there",
        ],
    ),
    (
        "what only a bundle has, on a port that is in none",
        "lacp-mode: ACTIVE, behaviour: {}",
        &[
            "3:10: ports.eth1.lacp-mode: `lacp-mode` is for a bundle: add `type: lag`, or remove it",
            "3:29: ports.eth1.behaviour: `behaviour` is for a bundle: add `type: lag`, or remove it",
        ],
    ),
    (
        "a priority on a port that is in none",
        "lacp-port-priority: 1",
        &[
            "3:10: ports.eth1.lacp-port-priority: `lacp-port-priority` is for a member of a bundle: add `aggregate-id`, or remove it",
        ],
    ),
    (
        "a priority too large",
        "aggregate-id: ae0, lacp-port-priority: 65536",
        &[
            "3:49: ports.eth1.lacp-port-priority: lacp-port-priority 65536 is out of range: expected 0 to 65535",
        ],
    ),
    (
        "a speed in words",
        "aggregate-id: ae0, port-speed: 10 Gbit",
        &[
            "3:41: ports.eth1.port-speed: `10 Gbit` is not a rate: expected bits per second such as 64k, 100M or 10G",
        ],
    ),
    (
        "a speed in megabits",
        "aggregate-id: ae0, port-speed: 10000",
        &["3:41: ports.eth1.port-speed: port-speed 10000 is out of range: expected 1M to 16T"],
    ),
    (
        "a speed with a fraction of a megabit",
        "aggregate-id: ae0, port-speed: 1500k",
        &[
            "3:41: ports.eth1.port-speed: port-speed 1500000 is not a whole number of megabits per second: expected one such as 10G",
        ],
    ),
    (
        "a speed with too many points",
        "aggregate-id: ae0, port-speed: 2.5.1G",
        &[
            "3:41: ports.eth1.port-speed: `2.5.1G` is not a rate: expected bits per second such as 64k, 100M or 10G",
        ],
    ),
    (
        "a type misspelt",
        "type: lga",
        &["3:16: ports.eth1.type: `lga` is not a port type: did you mean `lag`?"],
    ),
    (
        "a type and a bundle",
        "type: veth, aggregate-id: ae0",
        &[
            "3:16: ports.eth1.type: a veth is opened like any Ethernet device: write `type: device`, or remove it",
        ],
    ),
];

/// Ports, from line 3 on.
const PORTS: &[Case] = &[
    (
        "no bundle at all",
        "  eth1: {aggregate-id: ae0}",
        &[
            "3:24: ports.eth1.aggregate-id: there is no bundle `ae0`: add one to the ports such as `ae0: {type: lag}`",
        ],
    ),
    (
        "a port in place of a bundle",
        "  eth1: {aggregate-id: eth2}\n  eth2: {}",
        &["3:24: ports.eth1.aggregate-id: port `eth2` is no bundle: expected one with `type: lag`"],
    ),
    (
        "a bundle without members",
        "  eth1: {}\n  ae0: {type: lag}",
        &[
            "4:3: ports.ae0: bundle `ae0` has no member: add `aggregate-id: ae0` to its ports, disable it (`enabled: false`), or remove it",
        ],
    ),
    (
        "one whose only member names another",
        "  eth1: {aggregate-id: ae1}\n  ae0: {type: lag, min-links: 2}",
        &["3:24: ports.eth1.aggregate-id: there is no bundle `ae1`: did you mean `ae0`?"],
    ),
    (
        "two bundles that a partner takes for one",
        "  eth1: {aggregate-id: ae0}\n  eth2: {aggregate-id: ae1}\n  ae0: {type: lag, admin-key: 7}\n  ae1: {type: lag, admin-key: 7}",
        &[
            "6:31: ports.ae1.admin-key: admin-key 7 is that of bundle `ae0` already, which has the same system id: a partner would take both for one. Expected another",
        ],
    ),
    (
        "a key that another has by its place",
        "  eth1: {aggregate-id: ae0}\n  eth2: {aggregate-id: ae1}\n  ae0: {type: lag, admin-key: 4}\n  ae1: {type: lag}",
        &[
            "6:3: ports.ae1: admin-key 4, by its place among the ports, is that of bundle `ae0` already, which has the same system id: a partner would take both for one. Add an `admin-key` of its own",
        ],
    ),
    (
        "a key by its place beyond what its format has",
        "  eth1: {aggregate-id: ae0}\n  ae0: {type: lag, behaviour: {key-format: speed-and-duplex}, admin-key: 2000}",
        &[
            "4:74: ports.ae0.admin-key: admin-key 2000 is out of range: expected 0 to 1023, because the speed stands beside it",
        ],
    ),
];

/// What stands below the ports, from line 3 on.
const KEYS: &[Case] = &[
    (
        "a system id of a group",
        "lacp: {system-id-mac: \"01:00:00:00:00:01\"}",
        &[
            "3:23: lacp.system-id-mac: 01:00:00:00:00:01 is a group address: expected that of one station, with an even first octet such as 02",
        ],
    ),
    (
        "a priority below zero",
        "lacp: {system-priority: -1}",
        &["3:25: lacp.system-priority: system-priority -1 is out of range: expected 0 to 65535"],
    ),
    (
        "an offset beyond all numbers",
        "lacp: {port-number-offset: 65535}",
        &[
            "3:28: lacp.port-number-offset: with a port-number-offset of 65535, the number of port `eth1` is beyond 65535: lower it",
        ],
    ),
    (
        "an offset too large",
        "lacp: {port-number-offset: 65536}",
        &["3:28: lacp.port-number-offset: port-number-offset 65536 is out of range: expected 0 to 65535"],
    ),
    (
        "lacp as a word",
        "lacp: ACTIVE",
        &["3:7: lacp: expected a mapping such as {system-priority: 100}, found the text `ACTIVE`"],
    ),
    (
        "a key of a bundle",
        "lacp: {interval: FAST}",
        &[
            "3:8: lacp.interval: unknown key `interval`: the keys here are system-id-mac, system-priority, port-number-offset",
        ],
    ),
    (
        "fields misspelt",
        "flow-hash: {fields: layer3-4}",
        &["3:21: flow-hash.fields: `layer3-4` is not a field of a frame: did you mean `layer3+4`?"],
    ),
    (
        "fields unknown",
        "flow-hash: {fields: [source-ip, teid]}",
        &[
            "3:33: flow-hash.fields[1]: `teid` is not a field of a frame: expected destination-mac, source-mac, vlan, ether-type, destination-ip, source-ip, protocol, flow-label, destination-port, source-port, layer2, layer2+3 or layer3+4",
        ],
    ),
    (
        "fields as a number",
        "flow-hash: {fields: 34}",
        &[
            "3:21: flow-hash.fields: expected a name such as layer3+4, or a list such as [source-ip, destination-ip], found the number 34",
        ],
    ),
    (
        "symmetric as a word",
        "flow-hash: {symmetric: both}",
        &["3:24: flow-hash.symmetric: expected true or false, found the text `both`"],
    ),
    (
        "a seed below zero",
        "flow-hash: {seed: -1}",
        &["3:19: flow-hash.seed: seed -1 is out of range: expected 0 to 18446744073709551615"],
    ),
    (
        "a static MAC on a member",
        "static-macs: [{vlan: 1, mac-address: \"02:00:00:00:00:01\", interface: eth1}]",
        &["3:70: static-macs[0].interface: port `eth1` is a member of bundle `ae0`: expected `ae0`"],
    ),
    (
        "a static MAC in a VLAN that the bundle has not",
        "static-macs: [{vlan: 9, mac-address: \"02:00:00:00:00:01\", interface: ae0}]",
        &["3:22: static-macs[0].vlan: port `ae0` does not carry VLAN 9: it carries 1"],
    ),
];

/// The ports of a switch whose links at eth1 and eth2 have an mtu of 9000 and of 1500, on line 8 from column 24 on.
const IN_A_LAB: &[Case] = &[
    (
        "a type",
        "eth1: {type: device}",
        &[
            "8:31: ports.eth1.type: `type` is for `greylag run`, but for `type: lag`: in a lab the link says what a port is made of. Remove it",
        ],
    ),
    (
        "a member without a link",
        "eth1: {aggregate-id: ae0}, eth7: {aggregate-id: ae0}, ae0: {type: lag}",
        &[
            "8:51: ports.eth7: no link ends at port `eth7`: add one to topology.links, or remove the port (linked: eth1, eth2)",
        ],
    ),
    (
        "a bundle with a link",
        "eth1: {type: lag}, eth2: {aggregate-id: eth1}",
        &[
            "8:24: ports.eth1: topology.links[0] ends at bundle `eth1`, and a bundle has no link of its own: let it end at a port with `aggregate-id: eth1`",
        ],
    ),
    (
        "links that differ",
        "eth1: {aggregate-id: ae0}, eth2: {aggregate-id: ae0}, ae0: {type: lag}",
        &[
            "8:78: ports.ae0: the links of its members differ in their mtu, which is 1500 at `eth2` and 9000 at `eth1`: make them the same, or add `mtu: 1500`",
        ],
    ),
    (
        "links that carry less",
        "eth1: {aggregate-id: ae0}, eth2: {aggregate-id: ae0}, ae0: {type: lag, mtu: 9000}",
        &[
            "8:100: ports.ae0.mtu: mtu 9000 is more than the link of member `eth2` has, which is 1500: write `mtu: 9000` at topology.links[1], or 1500 here",
        ],
    ),
    (
        "an mtu that is wrong",
        "eth1: {aggregate-id: ae0}, eth2: {aggregate-id: ae0}, ae0: {type: lag, mtu: 1}",
        &["8:100: ports.ae0.mtu: mtu 1 is out of range: expected 68 to 9216"],
    ),
    (
        "what the link says",
        "eth1: {aggregate-id: ae0, netns: h1, mtu: 9000}, ae0: {type: lag}",
        &[
            "8:50: ports.eth1.netns: `netns` is for `greylag run`: in a lab the link says what is at its other end. Remove it",
            "8:61: ports.eth1.mtu: `mtu` is not for a member of a bundle: its bundle has it. Remove it",
        ],
    ),
];
