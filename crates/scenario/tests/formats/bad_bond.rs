//! Bonds that are wrong, in files of their own and at the hosts of a lab, and every word that is said about them.

use greylag_scenario::story::{self, Choice};
use greylag_scenario::{Source, bond, lab};

/// What is wrong, the text, and the lines that are printed for it without the file's name.
type Case = (&'static str, &'static str, &'static [&'static str]);

#[test]
fn files() {
    for (what, text, expected) in FILES {
        let error = bond::parse(&Source::new("x.yml", (*text).to_owned())).expect_err(what).to_string();
        let expected: Vec<String> = expected.iter().map(|line| format!("x.yml:{line}")).collect();
        assert_eq!(error.lines().collect::<Vec<_>>(), expected, "{what}");
    }
}

const FILES: &[Case] = &[
    (
        "nothing",
        "",
        &["1:1: the file is empty: expected a bond such as `name: bond0`, `members: [eth1, eth2]`"],
    ),
    (
        "a lab",
        "name: x\ntopology: {}\n",
        &["1:1: this is a lab file: expected a bond, or `greylag lab deploy` for a lab"],
    ),
    (
        "a switch",
        "name: x\nports: {eth1: {}}\n",
        &["1:1: this is a switch's configuration: expected a bond, or `greylag run` for a switch"],
    ),
    (
        "no name and no members",
        "interval: FAST\n",
        &[
            "1:1: name: `name` is missing: add one such as `name: bond0`",
            "1:1: members: `members` is missing: add the links such as `members: [eth1, eth2]`",
        ],
    ),
    (
        "no member",
        "name: bond0\nmembers: []\n",
        &["2:10: members: a bond of 0 members cannot be: expected 1 to 64 such as [eth1, eth2]"],
    ),
    (
        "members that cannot be",
        "name: bond0\nmembers: [eth1, eth1, bond0, host, lo, 7]\n",
        &[
            "2:17: members[1]: `eth1` is a member already: each link is one once",
            "2:23: members[2]: `bond0` is what the bond itself is called: give it another `interface`",
            "2:30: members[3]: `host` is what a bond calls its own side: rename the link",
            "2:36: members[4]: `lo` is the loopback, which every namespace has already: expected a name such as eth1",
            "2:40: members[5]: expected an interface name such as eth1, found the number 7",
        ],
    ),
    (
        "a name that no interface can have",
        "name: the-bond-of-the-storage\nmembers: [eth1]\n",
        &[
            "1:7: name: `the-bond-of-the-storage` cannot be the name of an interface: add `interface` with one such as \
             bond0, or shorten it",
        ],
    ),
    (
        "an interface of the bond's own name",
        "name: x\ninterface: host\nmembers: [eth1]\n",
        &["2:12: interface: `host` is what a bond calls its own side: expected a name such as bond0"],
    ),
    (
        "keys of others",
        "name: bond0\nmembers: [eth1]\nipv4: 10.0.0.1/24\ntrunk-vlans: [1]\nintervall: FAST\n",
        &[
            "3:1: ipv4: `ipv4` is for the bond of a lab's host: `ip address add .. dev bond0` does it here",
            "4:1: trunk-vlans: `trunk-vlans` is a switch's: a bond carries whatever its host sends. Remove it",
            "5:1: intervall: unknown key `intervall`: did you mean `interval`?",
        ],
    ),
    (
        "more links than there are",
        "name: bond0\nmembers: [eth1, eth2]\nmin-links: 3\n",
        &[
            "3:12: min-links: min-links 3 is more than bundle `bond0` has members: expected 1 to 2, or more members",
        ],
    ),
];

const NODES: &str = "name: x
topology:
  nodes:
    sw1: {kind: greylag}
    h2: {kind: host}
";
const LINKS: &str = "  links:
    - endpoints: [\"sw1:eth1\", \"h1:eth1\"]
    - endpoints: [\"sw1:eth2\", \"h1:eth2\"]
    - {mtu: 9000, endpoints: [\"sw1:eth3\", \"h1:big\"]}
    - {type: tap, endpoints: [\"sw1:eth4\", \"h1:tap\"]}
    - {mtu: 1000, endpoints: [\"sw1:eth5\", {node: h1, interface: old, ipv4: 10.0.0.9/24}]}
";

#[test]
fn hosts_of_a_lab() {
    for (what, bond, expected) in HOSTS {
        let text = format!("{NODES}    h1: {{kind: host, bond: {{{bond}}}}}\n{LINKS}");
        let error = lab::parse(&Source::new("x.yml", text)).expect_err(what).to_string();
        let at = "x.yml:6:";
        let told: Vec<&str> = error.lines().map(|line| line.strip_prefix(at).unwrap_or(line)).collect();
        assert_eq!(told, *expected, "{what}");
    }
}

const HOSTS: &[Case] = &[
    (
        "a link that is not there",
        "members: [eth1, eth7]",
        &[
            "45: topology.nodes.h1.bond.members[1]: no link ends at member `eth7`: add one to topology.links, or remove \
             it (linked: eth1, eth2, big, tap, old)",
        ],
    ),
    (
        "links of two kinds",
        "members: [eth1, big]",
        &[
            "45: topology.nodes.h1.bond.members[1]: member `big` has an mtu of 9000, at topology.links[2], and `eth1` \
             one of 1500: the links of a bond have one mtu",
        ],
    ),
    (
        "a tap",
        "members: [eth1, tap]",
        &[
            "45: topology.nodes.h1.bond.members[1]: member `tap` is the end of a tap link, at topology.links[3], and \
             that is made for a host's own stack: use `type: veth` there",
        ],
    ),
    (
        "an address that is the bond's",
        "members: [old]",
        &[
            "39: topology.nodes.h1.bond.members[0]: member `old` has an address of its own, at topology.links[4]: the \
             bond has the host's. Move it to `ipv4` here",
        ],
    ),
    (
        "the name of a link",
        "interface: eth2, members: [eth1]",
        &[
            "40: topology.nodes.h1.bond.interface: interface `eth2` is the end of a link, at topology.links[1]: give \
             the bond another `interface`",
        ],
    ),
    (
        "an address that another has",
        "members: [eth1], ipv4: 10.0.0.9/24",
        &[
            "52: topology.nodes.h1.bond.ipv4: 10.0.0.9 is the address of h1:old already, on line 12: expected another",
        ],
    ),
    (
        "keys that are elsewhere",
        "members: [eth1], mtu: 9000, name: h1",
        &[
            "46: topology.nodes.h1.bond.mtu: `mtu` is that of the links: write it there",
            "57: topology.nodes.h1.bond.name: `name` is not needed here: the bond is called like its host. Remove it",
        ],
    ),
];

#[test]
fn a_switch_has_bundles() {
    let text = format!("{NODES}    h1: {{kind: greylag, bond: {{members: [eth1]}}}}\n{LINKS}")
        .replace("ipv4: 10.0.0.9/24", "");
    let error = lab::parse(&Source::new("x.yml", text)).unwrap_err().to_string();
    assert!(error.contains("`bond` is a host's, and `h1` is a switch: it has bundles"), "{error}");
}

#[test]
fn bonds_are_for_live_labs() {
    let text = "name: x
title: A bond
duration: 1m
topology:
  nodes:
    sw1: {kind: greylag}
    h1: {kind: host, bond: {members: [eth1]}}
  links:
    - endpoints: [\"sw1:eth1\", \"h1:eth1\"]
";
    let error = story::parse(&Source::new("x.yml", text), &Choice::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "x.yml:7:22: topology.nodes.h1.bond: `bond` is for `greylag lab`: a scenario's hosts are greylag's own, and each has \
         one link. Remove it, or take a switch with a bundle in the host's place"
    );
}
