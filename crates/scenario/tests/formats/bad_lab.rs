//! Lab files that are wrong, and every word that is said about them.

use greylag_scenario::{Source, lab};

/// What is wrong, the text, and the lines that are printed for it without the file's name.
type Case = (&'static str, &'static str, &'static [&'static str]);

const NODES: &str = "name: x
topology:
  nodes:
    h1: {kind: host}
";

fn check(cases: &[Case], file: impl Fn(&str) -> String) {
    for (what, text, expected) in cases {
        let error = lab::parse(&Source::new("x.clab.yml", file(text))).expect_err(what).to_string();
        let expected: Vec<String> = expected.iter().map(|line| format!("x.clab.yml:{line}")).collect();
        assert_eq!(error.lines().collect::<Vec<_>>(), expected, "{what}");
    }
}

#[test]
fn whole_files() {
    check(LAB, str::to_owned);
}

#[test]
fn keys_of_a_node() {
    let links = "  links:\n    - endpoints: [\"sw1:eth1\", \"h1:eth1\"]\n";
    check(NODE, |keys| format!("{NODES}    sw1: {{{keys}}}\n{links}"));
}

#[test]
fn a_switch_in_a_lab() {
    let links = "  links:\n    - endpoints: [\"sw1:eth1\", \"h1:eth1\"]\n";
    check(CONFIG, |keys| {
        format!("{NODES}    sw1:\n      kind: greylag\n      config:\n        {keys}\n{links}")
    });
}

#[test]
fn links() {
    let base = "name: x
topology:
  nodes:
    sw1: {kind: greylag}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: [\"sw1:eth1\", \"h1:eth1\"]
";
    check(LINK, |link| format!("{base}    - {link}\n"));
}

/// Whole files.
const LAB: &[Case] = &[
    (
        "an empty lab",
        "",
        &[
            "1:1: the file is empty: expected a lab such as `name: quickstart`, `topology: {nodes: .., links: ..}`",
        ],
    ),
    (
        "a list as a lab",
        "- sw1\n",
        &[
            "1:1: expected a mapping such as `name: quickstart`, `topology: {nodes: .., links: ..}`, found a list",
        ],
    ),
    (
        "no topology",
        "name: x\n",
        &["1:1: topology: `topology` is missing: add `topology: {nodes: .., links: ..}`"],
    ),
    (
        "no name",
        "topology: {nodes: {h1: {kind: host}}}\n",
        &["1:1: name: `name` is missing: add one such as `name: quickstart`"],
    ),
    (
        "a lab name in capitals",
        "name: Lab\ntopology: {nodes: {h1: {kind: host}}}\n",
        &["1:7: name: the name `Lab` may not have `L`: expected 1 to 32 lower-case letters, digits and `-`"],
    ),
    (
        "no nodes",
        "name: x\ntopology: {links: []}\n",
        &["2:11: topology.nodes: `nodes` is missing: add one such as `nodes: {sw1: {kind: greylag}}`"],
    ),
    (
        "nodes without a node",
        "name: x\ntopology:\n  nodes:\n",
        &["3:3: topology.nodes: a lab needs a node: add one such as `sw1: {kind: greylag}`"],
    ),
    (
        "links beside topology",
        "name: x\ntopology: {nodes: {h1: {kind: host}}}\nlinks: []\n",
        &["3:1: links: `links` belongs below `topology`: indent it"],
    ),
    (
        "mgmt",
        "name: x\nmgmt: {network: clab}\ntopology: {nodes: {h1: {kind: host}}}\n",
        &[
            "2:1: mgmt: `mgmt` is containerlab's, and greylag's management network is made of the addresses that switches have: remove it, and write `mgmt-ipv4` at each",
        ],
    ),
    (
        "a switch given as a lab",
        "name: sw1\nports: {eth1: {}}\n",
        &[
            "1:1: this is a switch's configuration: expected a lab with `topology`, or `greylag run` for one switch",
        ],
    ),
    (
        "kinds",
        "name: x\ntopology: {kinds: {greylag: {}}, nodes: {h1: {kind: host}}}\n",
        &[
            "2:12: topology.kinds: `kinds` is containerlab's, and greylag has no shared settings: write them at each node, once with a YAML anchor",
        ],
    ),
    (
        "a node twice",
        "name: x\ntopology:\n  nodes:\n    h1: {kind: host}\n    h1: {kind: host}\n",
        &["5:5: topology.nodes.h1: node `h1` is named twice: it is on line 4 already"],
    ),
    (
        "a node's name with a dot",
        "name: x\ntopology: {nodes: {h.1: {kind: host}}}\n",
        &[
            r#"2:20: topology.nodes."h.1": the name `h.1` may not have `.`: expected 1 to 32 letters, digits, `_` and `-`"#,
        ],
    ),
    (
        "a node that is a text",
        "name: x\ntopology: {nodes: {h1: host}}\n",
        &["2:24: topology.nodes.h1: expected a mapping such as {kind: host}, found the text `host`"],
    ),
    (
        "a switch without a link",
        "name: x\ntopology: {nodes: {sw1: {kind: greylag}}}\n",
        &[
            r#"2:20: topology.nodes.sw1: switch `sw1` has no port: add a link such as ["sw1:eth1", "h1:eth1"]"#,
        ],
    ),
    (
        "mtu not the link's own",
        "name: x\ntopology:\n  nodes:\n    h1: {kind: host}\n    sw1:\n      kind: greylag\n      config:\n        ports: {eth1: {mtu: 9000}}\n  links:\n    - {endpoints: [\"sw1:eth1\", \"h1:eth1\"], mtu: 4000}\n",
        &[
            "8:29: topology.nodes.sw1.config.ports.eth1.mtu: mtu 9000 is not the link's, which is 4000: write `mtu: 9000` at topology.links[0], or remove this one",
        ],
    ),
    (
        "management addresses that cannot be",
        "name: x\ntopology:\n  nodes:\n    ca1: {kind: greylag, mgmt-ipv4: 172.20.20.11}\n    ca2: {kind: greylag, mgmt-ipv4: 172.20.20.11}\n    ca3: {kind: greylag, mgmt-ipv4: 172.20.21.11}\n    h1: {kind: host, mgmt-ipv4: 172.20.20.12}\n  links:\n    - endpoints: [\"ca1:mgmt0\", \"ca2:eth1\"]\n    - endpoints: [\"ca3:eth1\", \"h1:eth1\"]\n",
        &[
            "4:26: topology.nodes.ca1.mgmt-ipv4: the node's interface on the management network is `mgmt0`, and topology.links[0] ends at one of that name: rename that",
            "5:37: topology.nodes.ca2.mgmt-ipv4: 172.20.20.11 is the address of `ca1` already, on line 4: expected another",
            "6:37: topology.nodes.ca3.mgmt-ipv4: 172.20.21.11 is not in the subnet of 172.20.20.11 on line 4, and the management network is one: expected an address of 172.20.20.0/24",
            "7:22: topology.nodes.h1.mgmt-ipv4: `mgmt-ipv4` is a switch's, and `h1` is a host: remove it, or write `kind: greylag`",
        ],
    ),
    (
        "a tap between switches",
        "name: x\ntopology:\n  nodes:\n    sw1: {kind: greylag}\n    sw2: {kind: greylag}\n    h1: {kind: host}\n    h2: {kind: host}\n  links:\n    - endpoints: [\"sw1:eth1\", \"h1:eth1\"]\n    - {type: tap, endpoints: [\"sw1:eth2\", \"sw2:eth2\"]}\n",
        &[
            "10:7: topology.links[1]: a tap link joins a switch and a host, and here both are switches: use `type: veth`",
        ],
    ),
    (
        "containerlab's first example",
        "name: srl02\ntopology:\n  kinds:\n    nokia_srlinux: {type: ixrd3, image: ghcr.io/nokia/srlinux}\n  nodes:\n    srl1: {kind: nokia_srlinux}\n    srl2: {kind: nokia_srlinux}\n  links:\n    - endpoints: [\"srl1:e1-1\", \"srl2:e1-1\"]\n",
        &[
            "3:3: topology.kinds: `kinds` is containerlab's, and greylag has no shared settings: write them at each node, once with a YAML anchor",
            "6:18: topology.nodes.srl1.kind: `nokia_srlinux` is a kind of containerlab's: use `greylag`",
            "7:18: topology.nodes.srl2.kind: `nokia_srlinux` is a kind of containerlab's: use `greylag`",
        ],
    ),
];

/// The keys of node sw1, which has one link.
const NODE: &[Case] = &[
    (
        "a node without a kind",
        "",
        &["5:10: topology.nodes.sw1.kind: `kind` is missing: expected greylag, host or frr"],
    ),
    (
        "a kind misspelt",
        "kind: graylag",
        &["5:17: topology.nodes.sw1.kind: `graylag` is not a kind of node: did you mean `greylag`?"],
    ),
    (
        "a kind unknown",
        "kind: vyos",
        &["5:17: topology.nodes.sw1.kind: `vyos` is not a kind of node: expected greylag, host or frr"],
    ),
    (
        "a kind of containerlab's",
        "kind: linux",
        &["5:17: topology.nodes.sw1.kind: `linux` is a kind of containerlab's: use `host`"],
    ),
    (
        "image",
        "kind: greylag, image: alpine",
        &[
            "5:26: topology.nodes.sw1.image: `image` is containerlab's, and greylag runs no containers: remove it",
        ],
    ),
    (
        "binds",
        "kind: greylag, binds: [a:b]",
        &[
            "5:26: topology.nodes.sw1.binds: `binds` is containerlab's, and greylag runs no containers: remove it",
        ],
    ),
    (
        "published ports",
        "kind: greylag, ports: [80:80]",
        &[
            "5:26: topology.nodes.sw1.ports: `ports` is containerlab's, and greylag publishes none: remove it; a switch's ports belong below its `config`",
        ],
    ),
    (
        "mgmt-ipv4 as Ansible would write it",
        "kind: greylag, mgmt_ipv4: 172.20.20.2",
        &["5:26: topology.nodes.sw1.mgmt_ipv4: `mgmt_ipv4` is written `mgmt-ipv4`"],
    ),
    (
        "mgmt-ipv4 with a prefix length",
        "kind: greylag, mgmt-ipv4: 172.20.20.2/24",
        &[
            "5:37: topology.nodes.sw1.mgmt-ipv4: `172.20.20.2/24` has a prefix length, and the management network's is always 24: expected an address such as 172.20.20.11",
        ],
    ),
    (
        "mgmt-ipv4 of nobody",
        "kind: greylag, mgmt-ipv4: 172.20.20.255",
        &[
            "5:37: topology.nodes.sw1.mgmt-ipv4: 172.20.20.255 is not a station's address: expected one such as 172.20.20.11",
        ],
    ),
    (
        "mgmt-ipv4 of another family",
        "kind: greylag, mgmt-ipv4: \"fd00::1\"",
        &[
            "5:37: topology.nodes.sw1.mgmt-ipv4: `fd00::1` is not right: expected an address such as 172.20.20.11",
        ],
    ),
    (
        "an address of its own for a node",
        "kind: greylag, config: {management-address: 172.20.20.2}",
        &[
            "5:35: topology.nodes.sw1.config.management-address: `management-address` is the node's here: write `mgmt-ipv4` beside `config`",
        ],
    ),
    (
        "boot time of a live switch",
        "kind: greylag, boot: 3m",
        &[
            "5:26: topology.nodes.sw1.boot: `boot` is for scenarios: a live switch boots as fast as it can. Remove it",
        ],
    ),
    (
        "VLANs beside config",
        "kind: greylag, vlans: {10: {}}",
        &[
            "5:26: topology.nodes.sw1.vlans: `vlans` belongs to the switch's configuration: move it below `config`",
        ],
    ),
    (
        "exec as a text",
        "kind: greylag, exec: ls",
        &[
            r#"5:32: topology.nodes.sw1.exec: expected a list such as ["ip route add default via 10.0.0.254"], found the text `ls`"#,
        ],
    ),
    (
        "exec with a number",
        "kind: greylag, exec: [1]",
        &["5:33: topology.nodes.sw1.exec[0]: expected text, found the number 1: put it in quotes"],
    ),
    (
        "a host with a config",
        "kind: host, config: {}",
        &[
            "5:23: topology.nodes.sw1.config: `config` is a switch's, and `sw1` is a host: remove it, or write `kind: greylag`",
        ],
    ),
    (
        "a startup-config that is not there",
        "kind: greylag, startup-config: sw9.yml",
        &["5:42: topology.nodes.sw1.startup-config: `sw9.yml`: there is no such file"],
    ),
    (
        "a startup-config that is a folder",
        "kind: greylag, startup-config: ..",
        &["5:42: topology.nodes.sw1.startup-config: `..`: this is a folder: expected a file"],
    ),
    (
        "what only a scenario's host has",
        "kind: host, announces: false",
        &[
            "5:23: topology.nodes.sw1.announces: `announces` is for scenarios, whose hosts are greylag's own: a lab's host is the kernel's. Remove it",
        ],
    ),
    (
        "learning beside config",
        "kind: greylag, learning: {mode: agent}",
        &[
            "5:26: topology.nodes.sw1.learning: `learning` belongs to the switch's configuration: move it below `config`",
        ],
    ),
    (
        "both configs",
        "kind: greylag, startup-config: sw9.yml, config: {vlans: {}}",
        &[
            "5:42: topology.nodes.sw1.startup-config: `sw9.yml`: there is no such file",
            "5:51: topology.nodes.sw1.config: `startup-config` names a file with the configuration: keep one of the two",
        ],
    ),
];

/// The keys below sw1's `config`; eth1 is the one interface with a link.
const CONFIG: &[Case] = &[
    (
        "a name in the config",
        "name: sw1",
        &[
            "8:9: topology.nodes.sw1.config.name: `name` is not needed here: the switch is called like its node. Remove it",
        ],
    ),
    (
        "VLAN out of range in a lab",
        "ports: {eth1: {access-vlan: 5000}}",
        &[
            "8:37: topology.nodes.sw1.config.ports.eth1.access-vlan: VLAN 5000 is out of range: expected 1 to 4094",
        ],
    ),
    (
        "type in a lab",
        "ports: {eth1: {type: tap, netns: h1}}",
        &[
            "8:24: topology.nodes.sw1.config.ports.eth1.type: `type` is for `greylag run`, but for `type: lag`: in a lab the link says what a port is made of. Remove it",
            "8:35: topology.nodes.sw1.config.ports.eth1.netns: `netns` is for `greylag run`: in a lab the link says what is at its other end. Remove it",
        ],
    ),
    (
        "a port without a link",
        "ports: {eth1: {}, eth2: {}}",
        &[
            "8:27: topology.nodes.sw1.config.ports.eth2: no link ends at port `eth2`: add one to topology.links, or remove the port (linked: eth1)",
        ],
    ),
    (
        "mtu not the link's",
        "ports: {eth1: {mtu: 9000}}",
        &[
            "8:29: topology.nodes.sw1.config.ports.eth1.mtu: mtu 9000 is not the link's, which is 1500: write `mtu: 9000` at topology.links[0], or remove this one",
        ],
    ),
];

/// A second link, beside that of sw1:eth1 and h1:eth1.
const LINK: &[Case] = &[
    (
        "a link with one end",
        r#"endpoints: ["sw1:eth2"]"#,
        &[
            r#"9:18: topology.links[1].endpoints: a link has two ends, and this one has 1 end: expected two such as ["sw1:eth1", "h1:eth1"]"#,
        ],
    ),
    (
        "a link with three ends",
        r#"endpoints: ["sw1:eth2", "h1:eth2", "h2:eth2"]"#,
        &[
            r#"9:18: topology.links[1].endpoints: a link has two ends, and this one has 3 ends: expected two such as ["sw1:eth1", "h1:eth1"]"#,
        ],
    ),
    (
        "a link without ends",
        "mtu: 1500",
        &[
            r#"9:7: topology.links[1].endpoints: `endpoints` is missing: add both ends such as ["sw1:eth1", "h1:eth1"]"#,
        ],
    ),
    (
        "a link that is nothing",
        "",
        &[
            r#"9:7: topology.links[1]: expected a mapping such as {endpoints: ["sw1:eth1", "h1:eth1"]}, found nothing"#,
        ],
    ),
    (
        "a link that is a text",
        "sw1:eth2 h2:eth1",
        &[
            r#"9:7: topology.links[1]: expected a mapping such as {endpoints: ["sw1:eth1", "h1:eth1"]}, found the text `sw1:eth2 h2:eth1`"#,
        ],
    ),
    (
        "ends as a text",
        r#"endpoints: "sw1:eth2""#,
        &[
            r#"9:18: topology.links[1].endpoints: expected a list such as ["sw1:eth1", "h1:eth1"], found the text `sw1:eth2`"#,
        ],
    ),
    (
        "an end that is a number",
        r#"endpoints: [1, "h2:eth1"]"#,
        &[
            r#"9:19: topology.links[1].endpoints[0]: expected an end such as "sw1:eth1" or {node: sw1, interface: eth1}, found the number 1"#,
        ],
    ),
    (
        "an end without its interface",
        r#"endpoints: ["sw1", "h2:eth1"]"#,
        &[
            "9:19: topology.links[1].endpoints[0]: `sw1` names no interface: expected `node:interface` such as sw1:eth1",
        ],
    ),
    (
        "a node that is not there",
        r#"endpoints: ["sw1:eth2", "h9:eth1"]"#,
        &["9:31: topology.links[1].endpoints[1]: there is no node `h9`: the nodes are sw1, h1, h2"],
    ),
    (
        "a node misspelt",
        r#"endpoints: ["wsw1:eth2", "h2:eth1"]"#,
        &["9:19: topology.links[1].endpoints[0]: there is no node `wsw1`: did you mean `sw1`?"],
    ),
    (
        "a node that is the machine",
        r#"endpoints: ["sw1:eth2", "host:eth1"]"#,
        &[
            "9:31: topology.links[1].endpoints[1]: `host` is containerlab's for what is outside of the lab: expected one of its nodes",
        ],
    ),
    (
        "an interface name too long",
        r#"endpoints: ["sw1:eth2", "h2:interface-number-2"]"#,
        &[
            "9:31: topology.links[1].endpoints[1]: interface name `interface-number-2` has 18 bytes: the kernel allows 15",
        ],
    ),
    (
        "no interface name",
        r#"endpoints: ["sw1:eth2", "h2:"]"#,
        &[
            "9:31: topology.links[1].endpoints[1]: `` is not an interface name: expected 1 to 15 bytes such as eth1",
        ],
    ),
    (
        "an interface with two links",
        r#"endpoints: ["sw1:eth1", "h2:eth1"]"#,
        &[
            "9:19: topology.links[1].endpoints[0]: interface sw1:eth1 has a link already, on line 8: an interface is the end of one link",
        ],
    ),
    (
        "a link to itself",
        r#"endpoints: ["sw1:eth2", "sw1:eth2"]"#,
        &[
            "9:31: topology.links[1].endpoints[1]: interface sw1:eth2 has a link already, on line 9: an interface is the end of one link",
        ],
    ),
    (
        "a link type of containerlab's",
        r#"{type: macvlan, endpoints: ["sw1:eth2", "h2:eth1"]}"#,
        &[
            "9:14: topology.links[1].type: link type `macvlan` is containerlab's, and greylag does not have it: expected veth or tap",
        ],
    ),
    (
        "a link type unknown",
        r#"{type: vethh, endpoints: ["sw1:eth2", "h2:eth1"]}"#,
        &["9:14: topology.links[1].type: `vethh` is not a link type: did you mean `veth`?"],
    ),
    (
        "a link key unknown",
        r#"{endpoints: ["sw1:eth2", "h2:eth1"], colour: red}"#,
        &["9:44: topology.links[1].colour: unknown key `colour`: the keys here are type, endpoints, mtu"],
    ),
    (
        "what only a scenario's link has",
        r#"{endpoints: ["sw1:eth2", "h2:eth1"], delay: 10ms}"#,
        &[
            "9:44: topology.links[1].delay: `delay` is for scenarios, whose links are greylag's own: a lab's link is the kernel's. Remove it",
        ],
    ),
    (
        "vars",
        r#"{endpoints: ["sw1:eth2", "h2:eth1"], vars: {}}"#,
        &[
            "9:44: topology.links[1].vars: `vars` is containerlab's, and greylag makes no templates: remove it",
        ],
    ),
    (
        "a link's mtu out of range",
        r#"{endpoints: ["sw1:eth2", "h2:eth1"], mtu: 10000}"#,
        &["9:49: topology.links[1].mtu: mtu 10000 is out of range: expected 68 to 9216"],
    ),
    (
        "a tap between hosts",
        r#"{type: tap, endpoints: ["h1:eth2", "h2:eth2"]}"#,
        &[
            "9:7: topology.links[1]: a tap link joins a switch and a host, and here both are hosts: use `type: veth`",
        ],
    ),
    (
        "an address on a switch",
        r#"endpoints: [{node: sw1, interface: eth2, ipv4: 10.0.0.1/24}, "h2:eth1"]"#,
        &[
            "9:48: topology.links[1].endpoints[0].ipv4: the addresses of a switch are below `interfaces` in its configuration: move it there",
        ],
    ),
    (
        "a MAC on a switch's TAP",
        r#"{type: tap, endpoints: [{node: sw1, interface: eth2, mac: "02:00:00:00:00:01"}, "h2:eth1"]}"#,
        &[
            "9:60: topology.links[1].endpoints[0].mac: the switch's end of a tap link has no address: move it to the other end, or remove it",
        ],
    ),
    (
        "an end without a node",
        r#"endpoints: ["sw1:eth2", {interface: eth1}]"#,
        &["9:31: topology.links[1].endpoints[1].node: `node` is missing: add the node such as `node: sw1`"],
    ),
    (
        "an address without a prefix",
        r#"endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.1}]"#,
        &[
            "9:65: topology.links[1].endpoints[1].ipv4: `10.0.0.1` is not right: expected an IPv4 address with its prefix length such as 10.0.0.1/24",
        ],
    ),
    (
        "a subnet as an address",
        r#"endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.0/24}]"#,
        &[
            "9:65: topology.links[1].endpoints[1].ipv4: 10.0.0.0/24 is not a host's address: it is the subnet's own",
        ],
    ),
    (
        "a broadcast address",
        r#"endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.255/24}]"#,
        &[
            "9:65: topology.links[1].endpoints[1].ipv4: 10.0.0.255/24 is not a host's address: it is the subnet's broadcast address",
        ],
    ),
    (
        "a prefix too long",
        r#"endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv4: 10.0.0.1/33}]"#,
        &[
            "9:65: topology.links[1].endpoints[1].ipv4: `10.0.0.1/33` is not right: expected an IPv4 address with its prefix length such as 10.0.0.1/24",
        ],
    ),
    (
        "a multicast address",
        r#"endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv6: "ff02::1/64"}]"#,
        &[
            "9:65: topology.links[1].endpoints[1].ipv6: ff02::1/64 is not a host's address: no host on a link can have it",
        ],
    ),
    (
        "IPv6 on a small link",
        r#"{mtu: 1000, endpoints: ["sw1:eth2", {node: h2, interface: eth1, ipv6: "fd00::1/64"}]}"#,
        &[
            "9:71: topology.links[1].endpoints[1].ipv6: IPv6 needs an mtu of 1280 at least, and this link's is 1000: raise it, or remove this",
        ],
    ),
    (
        "two hosts with one address",
        "endpoints: [{node: h1, interface: eth2, ipv4: 10.0.0.1/24}, {node: h2, interface: eth2, ipv4: 10.0.0.1/16}]",
        &[
            "9:101: topology.links[1].endpoints[1].ipv4: 10.0.0.1 is the address of h1:eth2 already, on line 9: expected another",
        ],
    ),
    (
        "two hosts with one MAC",
        r#"endpoints: [{node: h1, interface: eth2, mac: "02:00:00:00:00:01"}, {node: h2, interface: eth2, mac: "02-00-00-00-00-01"}]"#,
        &[
            "9:107: topology.links[1].endpoints[1].mac: 02:00:00:00:00:01 is the address of h1:eth2 already, on line 9: expected another",
        ],
    ),
];
