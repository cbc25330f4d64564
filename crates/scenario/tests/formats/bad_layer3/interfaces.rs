//! Interfaces that are wrong, and every word that is said about them.

use super::{ADDRESSES, Case, PORTS, check};
use greylag_scenario::{Source, switch};

#[test]
fn interfaces() {
    check(INTERFACES, |interface| format!("{PORTS}{ADDRESSES}  {interface}\n"));
}

#[test]
fn routed_ports() {
    check(PORT, |keys| {
        format!("name: r1\nports:\n  eth1: {{{keys}}}\n  eth4: {{aggregate-id: ae0}}\n  ae0: {{type: lag}}\n")
    });
}

#[test]
fn what_needs_what() {
    check(ALONE, |text| format!("name: r1\nports:\n  eth7: {{}}\n{text}\n"));
}

#[test]
fn sizes() {
    let interfaces = |count: usize| {
        let one = |n: usize| format!("  lo{n}: {{loopback: true, ipv4: 10.0.{}.{}/32}}\n", n / 256, n % 256);
        let interfaces: String = (1..=count).map(one).collect();
        switch::parse(&Source::new(
            "r1.yml",
            format!("name: r1\nports: {{eth1: {{}}}}\ninterfaces:\n{interfaces}"),
        ))
    };
    assert_eq!(interfaces(4096).unwrap().interfaces.len(), 4096);
    assert_eq!(
        interfaces(4097).unwrap_err().to_string(),
        "r1.yml:3:1: interfaces: 4097 interfaces are too many: expected 4096 at most"
    );
}

/// A further interface.
const INTERFACES: &[Case] = &[
    (
        "an interface twice",
        "eth1: {ipv4: 10.0.2.1/24}",
        &["10:3: interfaces.eth1: interface `eth1` is named twice: it is on line 8 already"],
    ),
    (
        "an interface misspelt",
        "eht1: {ipv4: 10.0.2.1/24}",
        &[
            "10:3: interfaces.eht1: there is no port `eht1`, and neither `routed-vlan` nor `loopback: true` says what carries it: did you mean `eth1`?",
        ],
    ),
    (
        "a port of the bridge with an interface",
        "eth2: {ipv4: 10.0.2.1/24}",
        &[
            "10:3: interfaces.eth2: port `eth2` belongs to the bridge: write `interface-mode: ROUTED` below `ports.eth2`, or give a VLAN an interface, such as `irb97: {routed-vlan: 97}`",
        ],
    ),
    (
        "a member of a bundle with an interface",
        "eth4: {ipv4: 10.0.2.1/24}",
        &["10:3: interfaces.eth4: port `eth4` is a member of bundle `ae0`: expected `ae0`"],
    ),
    (
        "an interface without anything that carries it",
        "ip7: {ipv4: 10.0.2.1/24}",
        &[
            "10:3: interfaces.ip7: there is no port `ip7`, and neither `routed-vlan` nor `loopback: true` says what carries it: the ports are eth1, eth2, eth4, ae0",
        ],
    ),
    (
        "a VLAN that is not there",
        "irb7: {routed-vlan: 7, ipv4: 10.0.2.1/24}",
        &[
            "10:23: interfaces.irb7.routed-vlan: there is no VLAN 7: let a port carry it, or add `7:` to `vlans` (there are 97)",
        ],
    ),
    (
        "a VLAN that has an interface already",
        "irb97: {routed-vlan: 97, ipv4: 10.0.2.1/24}\n  irb98: {routed-vlan: 97, ipv4: 10.0.3.1/24}",
        &[
            "11:24: interfaces.irb98.routed-vlan: VLAN 97 has interface `irb97` already: give that one these addresses too, or remove one",
        ],
    ),
    (
        "a loopback in a VLAN",
        "lo0: {loopback: true, routed-vlan: 97, ipv4: 10.0.2.1/32}",
        &["10:9: interfaces.lo0.loopback: a loopback is in no VLAN: remove this, or `routed-vlan` of `lo0`"],
    ),
    (
        "a loopback with a link",
        "lo0: {loopback: true, ipv4: 10.0.2.1/32, mtu: 1500, mac-address: \"02:00:00:00:00:01\"}",
        &[
            "10:44: interfaces.lo0.mtu: `mtu` is for an interface with a link: a loopback has none. Remove it",
            "10:55: interfaces.lo0.mac-address: `mac-address` is for an interface with a link: a loopback has none. Remove it",
        ],
    ),
    (
        "a loopback that is none",
        "lo0: {loopback: yes please, ipv4: 10.0.2.1/32}",
        &["10:19: interfaces.lo0.loopback: expected true or false, found the text `yes please`"],
    ),
    (
        "no address",
        "irb97: {routed-vlan: 97}",
        &[
            "10:3: interfaces.irb97: an interface needs an address: add one such as `ipv4: 10.0.1.1/24`, or remove it",
        ],
    ),
    (
        "a list without an address",
        "irb97: {routed-vlan: 97, ipv4: []}",
        &[
            "10:3: interfaces.irb97: an interface needs an address: add one such as `ipv4: 10.0.1.1/24`, or remove it",
        ],
    ),
    (
        "no address, and a key that is wrong",
        "irb97: {routed-vlan: 97, ip4: 10.0.2.1/24}",
        &["10:28: interfaces.irb97.ip4: unknown key `ip4`: did you mean `ipv4`?"],
    ),
    (
        "the subnet's own address",
        "irb97: {routed-vlan: 97, ipv4: 10.0.2.0/24}",
        &["10:34: interfaces.irb97.ipv4: 10.0.2.0/24 is not a host's address: it is the subnet's own"],
    ),
    (
        "the subnet's broadcast address",
        "irb97: {routed-vlan: 97, ipv4: [10.0.2.1/24, 10.0.2.255/24]}",
        &[
            "10:48: interfaces.irb97.ipv4[1]: 10.0.2.255/24 is not a host's address: it is the subnet's broadcast address",
        ],
    ),
    (
        "the address of all routers",
        "irb97: {routed-vlan: 97, ipv6: \"2001:db8::/64\"}",
        &[
            "10:34: interfaces.irb97.ipv6: 2001:db8::/64 is not an interface's address: all routers of the subnet have it",
        ],
    ),
    (
        "a link-local address",
        "irb97: {routed-vlan: 97, ipv6: fe80::1/64}",
        &[
            "10:34: interfaces.irb97.ipv6: fe80::1/64 is not an interface's address: an interface with IPv6 has a link-local address of its own. Remove it",
        ],
    ),
    (
        "an address without a length",
        "irb97: {routed-vlan: 97, ipv4: 10.0.2.1, ipv6: 2001:db8::1}",
        &[
            "10:34: interfaces.irb97.ipv4: `10.0.2.1` is not right: expected an IPv4 address with its prefix length such as 10.0.0.1/24",
            "10:50: interfaces.irb97.ipv6: `2001:db8::1` is not right: expected an IPv6 address with its prefix length such as fd00::1/64",
        ],
    ),
    (
        "an address of the other family",
        "irb97: {routed-vlan: 97, ipv4: 2001:db8::1/64}",
        &[
            "10:34: interfaces.irb97.ipv4: `2001:db8::1/64` is not right: expected an IPv4 address with its prefix length such as 10.0.0.1/24",
        ],
    ),
    (
        "a length that is too long",
        "irb97: {routed-vlan: 97, ipv4: 10.0.2.1/33, ipv6: 2001:db8::1/129}",
        &[
            "10:34: interfaces.irb97.ipv4: `10.0.2.1/33` is not right: expected an IPv4 address with its prefix length such as 10.0.0.1/24",
            "10:53: interfaces.irb97.ipv6: `2001:db8::1/129` is not right: expected an IPv6 address with its prefix length such as fd00::1/64",
        ],
    ),
    (
        "an address that is a mapping",
        "irb97: {routed-vlan: 97, ipv4: {address: 10.0.2.1/24}}",
        &["10:34: interfaces.irb97.ipv4: expected a list such as [10.0.1.1/24], found a mapping"],
    ),
    (
        "an address that is a number",
        "irb97: {routed-vlan: 97, ipv4: [7]}",
        &[
            "10:35: interfaces.irb97.ipv4[0]: expected an IPv4 address with its prefix length such as 10.0.0.1/24, found the number 7",
        ],
    ),
    (
        "one address twice",
        "irb97: {routed-vlan: 97, ipv4: [10.0.2.1/24, 10.0.2.1/25]}",
        &["10:48: interfaces.irb97.ipv4[1]: 10.0.2.1 is an address of this interface already: remove one"],
    ),
    (
        "one address on two interfaces",
        "irb97: {routed-vlan: 97, ipv4: 10.0.1.1/24}",
        &["10:3: interfaces.irb97: 10.0.1.1 is the address of interface `eth1` already: expected another"],
    ),
    (
        "one subnet on two interfaces",
        "irb97: {routed-vlan: 97, ipv4: 10.0.1.2/24}",
        &["10:3: interfaces.irb97: subnet 10.0.1.0/24 is that of interface `eth1` already: expected another"],
    ),
    (
        "a subnet within another",
        "irb97: {routed-vlan: 97, ipv6: \"2001:db8:1::9/80\"}",
        &[
            "10:3: interfaces.irb97: subnet 2001:db8:1::/80 is a part of 2001:db8:1::/64, which interface `eth1` has: expected another",
        ],
    ),
    (
        "a subnet within another that comes later",
        "irb97: {routed-vlan: 97, ipv4: 10.7.1.1/24}\n  lo0: {loopback: true, ipv4: 10.7.0.1/16}",
        &[
            "10:3: interfaces.irb97: subnet 10.7.1.0/24 is a part of 10.7.0.0/16, which interface `lo0` has: expected another",
        ],
    ),
    (
        "an mtu beyond the port's",
        "irb97: {routed-vlan: 97, ipv4: 10.0.2.1/24, mtu: 1501}",
        &[
            "10:52: interfaces.irb97.mtu: mtu 1501 is more than a port of VLAN 97 has, which is 1500: expected that at most",
        ],
    ),
    (
        "an mtu that no frame has",
        "irb97: {routed-vlan: 97, ipv4: 10.0.2.1/24, mtu: 67}",
        &["10:52: interfaces.irb97.mtu: mtu 67 is out of range: expected 68 to 9216"],
    ),
    (
        "an mtu too small for IPv6",
        "irb97: {routed-vlan: 97, ipv6: \"2001:db8::1/64\", mtu: 1279}",
        &[
            "10:28: interfaces.irb97.ipv6: IPv6 needs an mtu of 1280 at least, and this interface's is 1279: raise it, or remove this",
        ],
    ),
    (
        "a group's address on the link",
        "irb97: {routed-vlan: 97, ipv4: 10.0.2.1/24, mac-address: \"01:00:00:00:00:01\"}",
        &[
            "10:60: interfaces.irb97.mac-address: 01:00:00:00:00:01 is a group address: expected that of one station, with an even first octet such as 02",
        ],
    ),
    (
        "a state that is none",
        "irb97: {routed-vlan: 97, ipv4: 10.0.2.1/24, enabled: up}",
        &["10:56: interfaces.irb97.enabled: expected true or false, found the text `up`"],
    ),
    (
        "keys of a port",
        "irb97: {access-vlan: 97, address: 10.0.2.1/24}",
        &[
            "10:3: interfaces.irb97: there is no port `irb97`, and neither `routed-vlan` nor `loopback: true` says what carries it: the ports are eth1, eth2, eth4, ae0",
            "10:11: interfaces.irb97.access-vlan: `access-vlan` is a port's: write it below `ports`, or `routed-vlan` here",
            "10:28: interfaces.irb97.address: `address` is not needed: write `ipv4` and `ipv6`",
        ],
    ),
    (
        "an interface that is no mapping",
        "irb97: 10.0.2.1/24",
        &[
            "10:10: interfaces.irb97: expected a mapping such as {ipv4: 10.0.1.1/24}, found the text `10.0.2.1/24`",
        ],
    ),
    (
        "a name with a space",
        "\"irb 97\": {routed-vlan: 97, ipv4: 10.0.2.1/24}",
        &[
            "10:3: interfaces.\"irb 97\": interface name `irb 97` has a `/`, a `:`, white space or a control character, which the kernel refuses",
        ],
    ),
    (
        "a name with a control character",
        "\"irb\\u0007\": {routed-vlan: 97, ipv4: 10.0.2.1/24}",
        &["10:3: interfaces.\"irb\\u{7}\": `irb\\u{7}` is not an interface name: it has a control character"],
    ),
];

/// Keys of `eth1`.
const PORT: &[Case] = &[
    (
        "a ROUTED port without an interface",
        "interface-mode: ROUTED",
        &[
            "3:26: ports.eth1.interface-mode: a ROUTED port needs an interface: add one such as `eth1: {ipv4: 10.0.1.1/24}` to `interfaces`",
        ],
    ),
    (
        "a ROUTED port with what is the bridge's",
        "interface-mode: ROUTED, access-vlan: 7, native-vlan: 1, isolation-group: 1, maximum-entries: 7, storm-control: {broadcast: 7}",
        &[
            "3:34: ports.eth1.access-vlan: `access-vlan` is for a port of the bridge, and this one is ROUTED: remove one of the two",
            "3:50: ports.eth1.native-vlan: `native-vlan` is for a port of the bridge, and this one is ROUTED: remove one of the two",
            "3:66: ports.eth1.isolation-group: `isolation-group` is for a port of the bridge, and this one is ROUTED: remove one of the two",
            "3:86: ports.eth1.maximum-entries: `maximum-entries` is for a port of the bridge, and this one is ROUTED: remove one of the two",
            "3:106: ports.eth1.storm-control: `storm-control` is for a port of the bridge, and this one is ROUTED: remove one of the two",
        ],
    ),
    (
        "a mode misspelt",
        "interface-mode: ROUTE",
        &["3:26: ports.eth1.interface-mode: `ROUTE` is not an interface mode: did you mean `ROUTED`?"],
    ),
    (
        "a part of a bundle that is ROUTED",
        "aggregate-id: ae0, interface-mode: ROUTED",
        &[
            "3:29: ports.eth1.interface-mode: `interface-mode` is not for a member of a bundle: its bundle has it. Remove it",
        ],
    ),
];

/// Keys below the root, where there is but a port of the bridge.
const ALONE: &[Case] = &[
    (
        "a static entry on a ROUTED port",
        "  eth8: {interface-mode: ROUTED}\ninterfaces: {eth8: {ipv4: 10.0.1.1/24}}\nstatic-macs: [{vlan: 1, mac-address: \"02:00:00:00:00:01\", interface: eth8}]",
        &[
            "6:70: static-macs[0].interface: port `eth8` is ROUTED, and no station is looked for on it: expected a port that carries VLAN 1",
        ],
    ),
    (
        "a loopback without IPv6 that has a short mtu",
        "interfaces: {irb1: {routed-vlan: 1, ipv4: 10.0.0.1/24, mtu: 68}}\nrouting: {maximum-paths: many}",
        &["5:26: routing.maximum-paths: expected a whole number from 1 to 65535, found the text `many`"],
    ),
    (
        "a port in a VLAN of its own",
        "interfaces: {eth7: {routed-vlan: 1, loopback: true, ipv4: 10.0.2.1/24}}",
        &[
            "4:14: interfaces.eth7: port `eth7` belongs to the bridge: write `interface-mode: ROUTED` below `ports.eth7`, or give a VLAN an interface, such as `irb1: {routed-vlan: 1}`",
            "4:21: interfaces.eth7.routed-vlan: `eth7` is a port, which carries its own interface: remove this, or call the interface otherwise",
            "4:37: interfaces.eth7.loopback: `eth7` is a port, which carries its own interface: remove this, or call the interface otherwise",
        ],
    ),
    (
        "routing without interfaces",
        "routing: {router-id: 192.0.2.1}",
        &[
            "4:1: routing: there is nothing to route between: add `interfaces` such as `irb10: {routed-vlan: 10, ipv4: 10.0.1.1/24}`, or remove this",
        ],
    ),
    (
        "routing without interfaces that could be read",
        "interfaces: {eth1: 7}\nrouting: {router-id: 192.0.2.1, static-routes: {0.0.0.0/0: {next-hop: 10.0.1.2}}, bgp: {as: 1, neighbors: {10.0.1.2: {peer-as: 2}}}}",
        &["4:20: interfaces.eth1: expected a mapping such as {ipv4: 10.0.1.1/24}, found the number 7"],
    ),
    (
        "protocols without a router-id",
        "vlans: {97: {}}\ninterfaces: {irb97: {routed-vlan: 97, ipv6: \"2001:db8::1/64\"}}\nrouting: {bgp: {as: 1}, link-state: {interfaces: {irb97: {}}}}",
        &[
            "6:11: routing.bgp: a router is called by an address of IPv4, and no interface has one: add `router-id: 192.0.2.1` to `routing`",
            "6:25: routing.link-state: a router is called by an address of IPv4, and no interface has one: add `router-id: 192.0.2.1` to `routing`",
        ],
    ),
    (
        "interfaces in a list",
        "interfaces: [{name: eth1}]",
        &["4:13: interfaces: expected a mapping such as {eth1: {ipv4: 10.0.1.1/24}}, found a list"],
    ),
];
