//! Switch files that are wrong, and every word that is said about them.

use crate::broken::{Case, check};
use greylag_scenario::{Source, switch};

#[test]
fn whole_files() {
    check(SWITCH, str::to_owned);
}

#[test]
fn keys_below_the_root() {
    check(KEYS, |keys| format!("name: sw1\nports: {{eth1: {{}}}}\n{keys}\n"));
}

#[test]
fn keys_of_a_port() {
    check(PORT, |keys| format!("name: sw1\nports:\n  eth1: {{{keys}}}\n"));
}

#[test]
fn sizes() {
    let only = |text: String| switch::parse(&Source::new("sw1.yml", text)).unwrap_err().to_string();
    let ports: String = (0..1025).map(|port| format!("  p{port}: {{}}\n")).collect();
    assert_eq!(
        only(format!("name: sw1\nports:\n{ports}")),
        "sw1.yml:2:1: ports: 1025 ports are too many: expected 1 to 1024"
    );
    assert_eq!(
        only(format!("name: {}\nports: {{eth1: {{}}}}\n", "s".repeat(33))),
        "sw1.yml:1:7: name: the name `sssssssssssssssssssssssssssssssss` has 33 characters: \
         expected 1 to 32 letters, digits, `_` and `-`"
    );
    assert_eq!(
        only(format!("name: {}{}\n", "[".repeat(80), "]".repeat(80))),
        "sw1.yml:1:22: the file is larger or nests deeper than any switch or lab needs"
    );
    // Each anchor is one level deeper than the last, though the text is flat.
    let anchors: String = (1..500).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
    assert_eq!(
        only(format!("a0: &a0 []\n{anchors}")),
        "sw1.yml:16:12: the file is larger or nests deeper than any switch or lab needs"
    );
    // Each is ten times as large as the last.
    let ten = |n: usize| vec![format!("*b{}", n - 1); 10].join(", ");
    let bomb: String = (1..10).map(|n| format!("b{n}: &b{n} [{}]\n", ten(n))).collect();
    assert_eq!(
        only(format!("b0: &b0 []\n{bomb}")),
        "sw1.yml:6:25: the file is larger or nests deeper than any switch or lab needs"
    );
}

/// Whole files.
const SWITCH: &[Case] = &[
    (
        "an empty file",
        "",
        &[
            "1:1: the file is empty: expected a switch's configuration such as `name: sw1`, `ports: {eth1: {}, eth2: {}}`",
        ],
    ),
    (
        "nothing but comments",
        "# later\n",
        &[
            "2:1: the file is empty: expected a switch's configuration such as `name: sw1`, `ports: {eth1: {}, eth2: {}}`",
        ],
    ),
    (
        "a list",
        "- eth1\n",
        &["1:1: expected a mapping such as `name: sw1`, `ports: {eth1: {}, eth2: {}}`, found a list"],
    ),
    (
        "a text",
        "hello\n",
        &[
            "1:1: expected a mapping such as `name: sw1`, `ports: {eth1: {}, eth2: {}}`, found the text `hello`",
        ],
    ),
    (
        "two documents",
        "name: sw1\n---\nname: sw2\n",
        &["3:1: a second YAML document begins here: expected one in a file, without `---` in between"],
    ),
    (
        "a bracket that stays open",
        "name: sw1\nports: {eth1: {}\n",
        &["2:8: not valid YAML: unclosed bracket '{'"],
    ),
    (
        "a tab",
        "name: sw1\nports:\n\teth1: {}\n",
        &[
            "3:2: not valid YAML: tabs disallowed within this context (block indentation) (indent with spaces)",
        ],
    ),
    (
        "a colon too many",
        "name: sw1: x\n",
        &[
            "1:10: not valid YAML: mapping values are not allowed in this context (a value with `: ` in it needs quotes)",
        ],
    ),
    (
        "a line out of step",
        "name: sw1\nports:\n    eth1: {}\n  eth2: {}\n",
        &[
            "4:3: not valid YAML: while parsing a block mapping, did not find expected key (is the line indented like its neighbours?)",
        ],
    ),
    ("a tag", "name: !secret sw1\n", &["1:15: the tag `!secret` has no meaning here: remove it"]),
    (
        "an alias without its anchor",
        "name: sw1\nports: *p\n",
        &["2:8: no anchor of this name above: expected `&name` before `*name`"],
    ),
    (
        "an alias in its own anchor",
        "name: sw1\nports: &p {eth1: *p}\n",
        &["2:18: an alias inside of its own anchor: remove it"],
    ),
    ("a key that is a list", "? [a, b]\n: 1\n", &["1:3: a key must be plain text"]),
    ("a null key", "~: 1\n", &["1:1: not valid YAML: null is not allowed here"]),
    ("no name", "ports: {eth1: {}}\n", &["1:1: name: `name` is missing: add one such as `name: sw1`"]),
    (
        "a name with a slash",
        "name: a/b\nports: {eth1: {}}\n",
        &["1:7: name: the name `a/b` may not have `/`: expected 1 to 32 letters, digits, `_` and `-`"],
    ),
    (
        "a name that is a number",
        "name: 1\nports: {eth1: {}}\n",
        &["1:7: name: expected text, found the number 1: put it in quotes"],
    ),
    (
        "an empty name",
        "name: \"\"\nports: {eth1: {}}\n",
        &["1:7: name: the name `` is empty: expected 1 to 32 letters, digits, `_` and `-`"],
    ),
    ("no ports", "name: sw1\n", &["1:1: ports: `ports` is missing: add one such as `ports: {eth1: {}}`"]),
    (
        "ports without a port",
        "name: sw1\nports: {}\n",
        &["2:8: ports: a switch needs a port: add one such as `eth1: {}`"],
    ),
    (
        "ports with nothing behind it",
        "name: sw1\nports:\n",
        &["2:1: ports: a switch needs a port: add one such as `eth1: {}`"],
    ),
    (
        "ports as a list",
        "name: sw1\nports: [eth1, eth2]\n",
        &["2:8: ports: expected a mapping such as {eth1: {access-vlan: 10}}, found a list"],
    ),
    (
        "a lab given as a switch",
        "name: quickstart\ntopology: {nodes: {}}\n",
        &["1:1: this is a lab file: expected a switch's configuration, or `greylag lab deploy` for a lab"],
    ),
    (
        "a key misspelt",
        "nmae: sw1\nports: {eth1: {}}\n",
        &["1:1: nmae: unknown key `nmae`: did you mean `name`?"],
    ),
    (
        "a port twice",
        "name: sw1\nports:\n  eth1: {}\n  eth2: {}\n  eth1: {}\n",
        &["5:3: ports.eth1: port `eth1` is named twice: it is on line 3 already"],
    ),
    (
        "a VLAN twice",
        "name: sw1\nvlans:\n  10: {name: red}\n  10: {name: blue}\nports: {eth1: {}}\n",
        &["4:3: vlans.10: VLAN `10` is named twice: it is on line 3 already"],
    ),
    (
        "a VLAN twice, spelled in two ways",
        "name: sw1\nvlans:\n  10: {name: red}\n  010: {name: blue}\nports: {eth1: {}}\n",
        &["4:3: vlans.010: VLAN 10 is named twice: remove one"],
    ),
    (
        "two TAPs of one name",
        "name: sw1\nports:\n  eth1: {type: tap, netns: h1, interface: eth0}\n  eth2: {type: tap, netns: h1, interface: eth0}\n",
        &[
            "4:3: ports.eth2: interface `eth0` in namespace `h1` is that of port `eth1` already: give one of them another `interface` or `netns`",
        ],
    ),
    (
        "two TAPs with one address",
        "name: sw1\nports:\n  eth1: {type: tap, mac-address: \"02:00:00:00:00:01\"}\n  eth2: {type: tap, mac-address: \"02:00:00:00:00:01\"}\n",
        &["4:3: ports.eth2: 02:00:00:00:00:01 is the address of port `eth1` already: expected another"],
    ),
    (
        "an interface name of 16 bytes",
        "name: sw1\nports:\n  interface-no-123: {}\n",
        &[
            "3:3: ports.interface-no-123: interface name `interface-no-123` has 16 bytes: the kernel allows 15",
        ],
    ),
    (
        "an interface name with a slash",
        "name: sw1\nports:\n  eth1/1: {}\n",
        &[
            r#"3:3: ports."eth1/1": interface name `eth1/1` has a `/`, a `:`, white space or a control character, which the kernel refuses"#,
        ],
    ),
    (
        "an empty interface name",
        "name: sw1\nports:\n  \"\": {}\n",
        &[r#"3:3: ports."": `` is not an interface name: expected 1 to 15 bytes such as eth1"#],
    ),
    (
        "the loopback",
        "name: sw1\nports:\n  lo: {}\n",
        &[
            "3:3: ports.lo: `lo` is the loopback, which every namespace has already: expected a name such as eth1",
        ],
    ),
    (
        "a port that is a number",
        "name: sw1\nports:\n  eth0.10: 7\n",
        &[r#"3:12: ports."eth0.10": expected a mapping such as {access-vlan: 10}, found the number 7"#],
    ),
    (
        "several problems at once",
        "name: sw1\nports:\n  eth1: {access-vlan: 5000, mtu: 3}\n  eth2: {acces-vlan: 1}\n",
        &[
            "3:23: ports.eth1.access-vlan: VLAN 5000 is out of range: expected 1 to 4094",
            "3:34: ports.eth1.mtu: mtu 3 is out of range: expected 68 to 9216",
            "4:10: ports.eth2.acces-vlan: unknown key `acces-vlan`: did you mean `access-vlan`?",
        ],
    ),
    (
        "a wrong value behind an alias",
        "name: sw1\nports:\n  eth1: &p {access-vlan: 5000}\n  eth2: *p\n",
        &[
            "3:26: ports.eth1.access-vlan: VLAN 5000 is out of range: expected 1 to 4094",
            "3:26: ports.eth2.access-vlan: VLAN 5000 is out of range: expected 1 to 4094",
        ],
    ),
];

/// What stands below `name: sw1` and `ports: {eth1: {}}`, from line 3 on.
const KEYS: &[Case] = &[
    (
        "a stranger among the keys",
        "colour: red",
        &[
            "3:1: colour: unknown key `colour`: the keys here are name, workers, mac-table, learning, supervisor, lacp, flow-hash, group-fwd-mask, vlans, ports, static-macs, interfaces, routing, multi-chassis, management-address, metrics-listen",
        ],
    ),
    (
        "a key twice",
        "workers: {count: 2}\nworkers: {count: 3}",
        &["4:1: workers: `workers` is given twice: it is on line 3 already"],
    ),
    ("VLAN 0", "vlans: {0: {}}", &["3:9: vlans.0: VLAN 0 is out of range: expected 1 to 4094"]),
    ("VLAN 4095", "vlans: {4095: {}}", &["3:9: vlans.4095: VLAN 4095 is out of range: expected 1 to 4094"]),
    (
        "a VLAN by name",
        "vlans: {red: {}}",
        &["3:9: vlans.red: `red` is not a VLAN: expected its number, 1 to 4094"],
    ),
    (
        "VLANs as a list",
        "vlans: [10, 20]",
        &["3:8: vlans: expected a mapping such as {10: {name: red}}, found a list"],
    ),
    (
        "a VLAN's name that is a number",
        "vlans: {10: {name: 7}}",
        &["3:20: vlans.10.name: expected text, found the number 7: put it in quotes"],
    ),
    (
        "an empty VLAN name",
        r#"vlans: {10: {name: ""}}"#,
        &["3:20: vlans.10.name: the name `` is not right: expected 1 to 32 printable characters"],
    ),
    (
        "VLAN entries below zero",
        "vlans: {10: {maximum-entries: -1}}",
        &["3:31: vlans.10.maximum-entries: maximum-entries -1 is out of range: expected 0 to 16777216"],
    ),
    (
        "no worker",
        "workers: {count: 0}",
        &["3:18: workers.count: worker count 0 is out of range: expected 1 to 64"],
    ),
    (
        "too many workers",
        "workers: {count: 65}",
        &["3:18: workers.count: worker count 65 is out of range: expected 1 to 64"],
    ),
    (
        "fewer CPUs than workers",
        "workers: {count: 2, cpus: [0]}",
        &["3:27: workers.cpus: 1 CPU for 2 workers: expected one for each worker, or none"],
    ),
    (
        "CPUs without a count",
        "workers: {cpus: [0, 1]}",
        &["3:17: workers.cpus: 2 CPUs for 1 worker: expected one for each worker, or none"],
    ),
    (
        "a CPU that cannot be",
        "workers: {cpus: [4096]}",
        &["3:18: workers.cpus[0]: CPU 4096 is out of range: expected 0 to 1023"],
    ),
    (
        "an idle policy misspelt",
        "workers: {idle: adaptiv}",
        &["3:17: workers.idle: `adaptiv` is not an idle policy: did you mean `adaptive`?"],
    ),
    (
        "an idle policy unknown",
        "workers: {idle: poll}",
        &["3:17: workers.idle: `poll` is not an idle policy: expected spin, adaptive or sleep"],
    ),
    (
        "workers as a number",
        "workers: 2",
        &["3:10: workers: expected a mapping such as {count: 2, cpus: [0, 1]}, found the number 2"],
    ),
    (
        "a table without room",
        "mac-table: {maximum-entries: 0}",
        &["3:30: mac-table.maximum-entries: maximum-entries 0 is out of range: expected 1 to 16777216"],
    ),
    (
        "a table too large",
        "mac-table: {maximum-entries: 16777217}",
        &[
            "3:30: mac-table.maximum-entries: maximum-entries 16777217 is out of range: expected 1 to 16777216",
        ],
    ),
    (
        "a time with a wrong unit",
        "mac-table: {ageing-time: 5 minutes}",
        &[
            "3:26: mac-table.ageing-time: `5 minutes` is not a time: expected seconds or a time such as 500ms, 10s, 5m or 1h",
        ],
    ),
    (
        "a time that is too long",
        "mac-table: {ageing-time: 1000001}",
        &["3:26: mac-table.ageing-time: ageing-time 1000001s is out of range: expected 0s to 1000000s"],
    ),
    (
        "a time below zero",
        "mac-table: {ageing-time: -1}",
        &["3:26: mac-table.ageing-time: ageing-time -1s is out of range: expected 0s to 1000000s"],
    ),
    (
        "a time with a fraction",
        "mac-table: {ageing-time: 1.5}",
        &[
            "3:26: mac-table.ageing-time: expected seconds or a time such as 500ms, 10s, 5m or 1h, found the number 1.5",
        ],
    ),
    (
        "damping without a time",
        "mac-table: {move-damping: {interval: 0}}",
        &["3:38: mac-table.move-damping.interval: interval 0s is out of range: expected 1ms to 1000000s"],
    ),
    (
        "damping action unknown",
        "mac-table: {move-damping: {action: shutdown}}",
        &["3:36: mac-table.move-damping.action: `shutdown` is not an action: expected drop or forward"],
    ),
    (
        "damping on",
        "mac-table: {move-damping: true}",
        &[
            "3:27: mac-table.move-damping: expected a mapping such as {threshold: 5, interval: 10s, hold: 60s}, found `true`",
        ],
    ),
    (
        "pause in the mask",
        "group-fwd-mask: 0x4006",
        &[
            "3:17: group-fwd-mask: bit 1 would forward pause frames (01-80-C2-00-00-01), which must end at the link they are for: expected 0x4004",
        ],
    ),
    (
        "a mask too wide",
        "group-fwd-mask: 0x10000",
        &["3:17: group-fwd-mask: mask 65536 is out of range: expected 0 to 65535"],
    ),
    (
        "static MACs as a mapping",
        r#"static-macs: {eth1: "02:00:00:00:00:01"}"#,
        &[
            r#"3:14: static-macs: expected a list such as [{vlan: 10, mac-address: "02:00:00:00:00:01", interface: eth1}], found a mapping"#,
        ],
    ),
    (
        "a static MAC without its parts",
        "static-macs: [{}]",
        &[
            "3:15: static-macs[0].vlan: `vlan` is missing: add the VLAN such as `vlan: 10`",
            "3:15: static-macs[0].mac-address: `mac-address` is missing: add the address",
            "3:15: static-macs[0].interface: `interface` is missing: add the port such as `interface: eth1`",
        ],
    ),
    (
        "a static MAC that is nothing",
        "static-macs:\n  -",
        &[
            r#"4:4: static-macs[0]: expected a mapping such as {vlan: 10, mac-address: "02:00:00:00:00:01", interface: eth1}, found nothing"#,
        ],
    ),
    (
        "a static MAC of a group",
        r#"static-macs: [{vlan: 1, mac-address: "01:80:c2:00:00:00", interface: eth1}]"#,
        &[
            "3:38: static-macs[0].mac-address: 01:80:c2:00:00:00 is a group address: expected that of one station, with an even first octet such as 02",
        ],
    ),
    (
        "a static MAC on no port",
        r#"static-macs: [{vlan: 1, mac-address: "02:00:00:00:00:01", interface: eth7}]"#,
        &["3:70: static-macs[0].interface: there is no port `eth7`: did you mean `eth1`?"],
    ),
    (
        "a static MAC on a port far away",
        r#"static-macs: [{vlan: 1, mac-address: "02:00:00:00:00:01", interface: uplink}]"#,
        &["3:70: static-macs[0].interface: there is no port `uplink`: the ports are eth1"],
    ),
    (
        "a static MAC in a VLAN that the port has not",
        r#"static-macs: [{vlan: 10, mac-address: "02:00:00:00:00:01", interface: eth1}]"#,
        &["3:22: static-macs[0].vlan: port `eth1` does not carry VLAN 10: it carries 1"],
    ),
    (
        "a static MAC twice",
        "static-macs:\n  - {vlan: 1, mac-address: \"02:00:00:00:00:01\", interface: eth1}\n  - {vlan: 1, mac-address: \"02-00-00-00-00-01\", interface: eth1}",
        &[
            "5:5: static-macs[1]: 02:00:00:00:00:01 has a static entry in VLAN 1 already, on line 4: remove one",
        ],
    ),
];

/// The keys of port eth1, on line 3 from column 10 on.
const PORT: &[Case] = &[
    (
        "VLAN out of range",
        "access-vlan: 5000",
        &["3:23: ports.eth1.access-vlan: VLAN 5000 is out of range: expected 1 to 4094"],
    ),
    (
        "VLAN below zero",
        "access-vlan: -1",
        &["3:23: ports.eth1.access-vlan: VLAN -1 is out of range: expected 1 to 4094"],
    ),
    (
        "a VLAN that is a text",
        "access-vlan: red",
        &["3:23: ports.eth1.access-vlan: expected a VLAN, 1 to 4094, found the text `red`"],
    ),
    (
        "key misspelt",
        "acces-vlan: 10",
        &["3:10: ports.eth1.acces-vlan: unknown key `acces-vlan`: did you mean `access-vlan`?"],
    ),
    (
        "key with underscore",
        "access_vlan: 10",
        &["3:10: ports.eth1.access_vlan: unknown key `access_vlan`: did you mean `access-vlan`?"],
    ),
    (
        "unknown key",
        "speed: 10G",
        &[
            "3:10: ports.eth1.speed: unknown key `speed`: the keys here are type, io, netns, interface, mac-address, interface-mode, access-vlan, trunk-vlans, native-vlan, aggregate-id, mtu, port-speed, enabled, impair, isolation-group, maximum-entries, storm-control",
        ],
    ),
    (
        "mode misspelt",
        "interface-mode: TRUNC, trunk-vlans: [1]",
        &["3:26: ports.eth1.interface-mode: `TRUNC` is not an interface mode: did you mean `TRUNK`?"],
    ),
    (
        "mode in lower case",
        "interface-mode: access",
        &["3:26: ports.eth1.interface-mode: `access` is not an interface mode: did you mean `ACCESS`?"],
    ),
    (
        "mode unknown",
        "interface-mode: HYBRID",
        &[
            "3:26: ports.eth1.interface-mode: `HYBRID` is not an interface mode: expected ACCESS, TRUNK or ROUTED",
        ],
    ),
    (
        "mode that is a number",
        "interface-mode: 1",
        &["3:26: ports.eth1.interface-mode: expected ACCESS, TRUNK or ROUTED, found the number 1"],
    ),
    (
        "trunk-vlans without a mode",
        "trunk-vlans: [10]",
        &["3:10: ports.eth1.trunk-vlans: `trunk-vlans` is for a TRUNK: add `interface-mode: TRUNK`"],
    ),
    (
        "trunk-vlans with ACCESS",
        "interface-mode: ACCESS, trunk-vlans: [10]",
        &[
            "3:34: ports.eth1.trunk-vlans: `trunk-vlans` is for a TRUNK, and this port is ACCESS: remove one of the two",
        ],
    ),
    (
        "native-vlan with ACCESS",
        "interface-mode: ACCESS, native-vlan: 1",
        &[
            "3:34: ports.eth1.native-vlan: `native-vlan` is for a TRUNK, and this port is ACCESS: remove one of the two",
        ],
    ),
    (
        "access-vlan with TRUNK",
        "interface-mode: TRUNK, trunk-vlans: [10], access-vlan: 10",
        &[
            "3:52: ports.eth1.access-vlan: `access-vlan` is for an ACCESS port, and this one is a TRUNK: its untagged frames belong to its `native-vlan`",
        ],
    ),
    (
        "TRUNK without VLANs",
        "interface-mode: TRUNK",
        &[
            "3:9: ports.eth1.trunk-vlans: `trunk-vlans` is missing: add the VLANs such as `trunk-vlans: [10, 20..29]`, or [1..4094] for all",
        ],
    ),
    (
        "TRUNK with no VLAN",
        "interface-mode: TRUNK, trunk-vlans: []",
        &["3:46: ports.eth1.trunk-vlans: this TRUNK carries no VLAN: expected a list such as [10, 20..29]"],
    ),
    (
        "trunk-vlans without brackets",
        "interface-mode: TRUNK, trunk-vlans: 1..4094",
        &[
            "3:46: ports.eth1.trunk-vlans: expected a list such as [10, 20..29], found the text `1..4094`: write [1..4094]",
        ],
    ),
    (
        "a range with a dash",
        "interface-mode: TRUNK, trunk-vlans: [10, 20-29]",
        &["3:51: ports.eth1.trunk-vlans[1]: `20-29` is neither a VLAN nor a range: write 20..29"],
    ),
    (
        "a range backwards",
        "interface-mode: TRUNK, trunk-vlans: [29..20]",
        &["3:47: ports.eth1.trunk-vlans[0]: the range `29..20` runs backwards: write 20..29"],
    ),
    (
        "a range too far",
        "interface-mode: TRUNK, trunk-vlans: [10..4095]",
        &["3:47: ports.eth1.trunk-vlans[0]: VLAN 4095 is out of range: expected 1 to 4094"],
    ),
    (
        "a range that is none",
        r#"interface-mode: TRUNK, trunk-vlans: ["10.."]"#,
        &[
            "3:47: ports.eth1.trunk-vlans[0]: `10..` is neither a VLAN nor a range: expected a VLAN or a range such as 20..29",
        ],
    ),
    (
        "a trunk VLAN out of range",
        "interface-mode: TRUNK, trunk-vlans: [10, 0]",
        &["3:51: ports.eth1.trunk-vlans[1]: VLAN 0 is out of range: expected 1 to 4094"],
    ),
    (
        "a native VLAN out of range",
        "interface-mode: TRUNK, trunk-vlans: [10], native-vlan: 4095",
        &["3:65: ports.eth1.native-vlan: VLAN 4095 is out of range: expected 1 to 4094"],
    ),
    ("mtu too small", "mtu: 67", &["3:15: ports.eth1.mtu: mtu 67 is out of range: expected 68 to 9216"]),
    ("mtu too large", "mtu: 9217", &["3:15: ports.eth1.mtu: mtu 9217 is out of range: expected 68 to 9216"]),
    (
        "mtu with a unit",
        "mtu: 9k",
        &["3:15: ports.eth1.mtu: expected a whole number from 68 to 9216, found the text `9k`"],
    ),
    (
        "mtu in quotes",
        r#"mtu: "1500""#,
        &[
            "3:15: ports.eth1.mtu: expected a number from 68 to 9216, found the text `1500`: remove the quotes",
        ],
    ),
    (
        "mtu with a fraction",
        "mtu: 1500.5",
        &["3:15: ports.eth1.mtu: expected a whole number from 68 to 9216, found the number 1500.5"],
    ),
    (
        "mtu with nothing behind it",
        "mtu: ",
        &["3:10: ports.eth1.mtu: expected a whole number from 68 to 9216, found nothing"],
    ),
    (
        "mtu beyond all numbers",
        "mtu: 99999999999999999999999",
        &[
            "3:15: ports.eth1.mtu: expected a whole number from 68 to 9216, found the number 100000000000000000000000",
        ],
    ),
    (
        "enabled: yes",
        "enabled: yes",
        &["3:19: ports.eth1.enabled: expected true or false, found the text `yes`"],
    ),
    (
        "isolation group 0",
        "isolation-group: 0",
        &["3:27: ports.eth1.isolation-group: isolation group 0 is out of range: expected 1 to 65535"],
    ),
    (
        "storm control of everything",
        "storm-control: {all: 10}",
        &[
            "3:26: ports.eth1.storm-control.all: unknown key `all`: the keys here are broadcast, multicast, unknown-unicast",
        ],
    ),
    (
        "storm control below zero",
        "storm-control: {broadcast: -1}",
        &[
            "3:37: ports.eth1.storm-control.broadcast: frames per second -1 is out of range: expected 0 to 4294967295",
        ],
    ),
    (
        "storm control as a number",
        "storm-control: 1000",
        &[
            "3:25: ports.eth1.storm-control: expected a mapping such as {broadcast: 1000}, found the number 1000",
        ],
    ),
    (
        "netns without tap",
        "netns: h1",
        &["3:10: ports.eth1.netns: this goes with `type: tap`: add that, or remove this"],
    ),
    (
        "a way to open it that there is not",
        "io: af_xdp",
        &["3:14: ports.eth1.io: `af_xdp` is not a way to open a device: did you mean `af-xdp`?"],
    ),
    (
        "a TAP that is to be opened like a device",
        "type: tap, io: af-packet",
        &[
            "3:21: ports.eth1.io: `io` is for an Ethernet device, and this is a TAP, which has only one way to be opened: remove it",
        ],
    ),
    (
        "a trunk by a socket that sees no tags",
        "io: raw, interface-mode: TRUNK, trunk-vlans: [10]",
        &[
            "3:14: ports.eth1.io: the kernel takes the tags out of what a raw socket receives, and this port is a TRUNK: expected af-packet or af-xdp",
        ],
    ),
    (
        "a port type unknown",
        "type: dpdk",
        &["3:16: ports.eth1.type: `dpdk` is not a port type: expected device, tap or lag"],
    ),
    (
        "a veth",
        "type: veth",
        &[
            "3:16: ports.eth1.type: a veth is opened like any Ethernet device: write `type: device`, or remove it",
        ],
    ),
    (
        "netns with a slash",
        "type: tap, netns: /run/netns/h1",
        &[
            "3:28: ports.eth1.netns: `/run/netns/h1` is not a namespace's name: expected one of `ip netns list`",
        ],
    ),
    (
        "netns pid 0",
        "type: tap, netns: 0",
        &["3:28: ports.eth1.netns: process id 0 is out of range: expected 1 to 4194304"],
    ),
    (
        "netns as a list",
        "type: tap, netns: [h1]",
        &["3:28: ports.eth1.netns: expected the name of a network namespace or a process id, found a list"],
    ),
    (
        "a TAP interface too long",
        "type: tap, interface: interface-number-1",
        &[
            "3:32: ports.eth1.interface: interface name `interface-number-1` has 18 bytes: the kernel allows 15",
        ],
    ),
    (
        "a TAP address too short",
        r#"type: tap, mac-address: "02:00:00:00:00""#,
        &[
            "3:34: ports.eth1.mac-address: `02:00:00:00:00` is not a MAC address: expected six octets such as 02:00:00:00:00:01",
        ],
    ),
    (
        "a TAP address of a group",
        r#"type: tap, mac-address: "03:00:00:00:00:01""#,
        &[
            "3:34: ports.eth1.mac-address: 03:00:00:00:00:01 is a group address: expected that of one station, with an even first octet such as 02",
        ],
    ),
    (
        "a TAP address of zeros",
        r#"type: tap, mac-address: "00:00:00:00:00:00""#,
        &[
            "3:34: ports.eth1.mac-address: 00:00:00:00:00:00 is no station's address: expected one such as 02:00:00:00:00:01",
        ],
    ),
    (
        "a TAP address that is a number",
        "type: tap, mac-address: 2",
        &[
            r#"3:34: ports.eth1.mac-address: expected a MAC address such as "02:00:00:00:00:01", found the number 2"#,
        ],
    ),
];
