//! Interfaces and routes that are wrong, and every word that is said about them.

use greylag_scenario::{Source, switch};

/// What is wrong, the text, and the lines that are printed for it without the file's name.
type Case = (&'static str, &'static str, &'static [&'static str]);

fn check(cases: &[Case], file: impl Fn(&str) -> String) {
    for (what, text, expected) in cases {
        let error = switch::parse(&Source::new("r1.yml", file(text))).expect_err(what).to_string();
        let expected: Vec<String> = expected.iter().map(|line| format!("r1.yml:{line}")).collect();
        assert_eq!(error.lines().collect::<Vec<_>>(), expected, "{what}");
    }
}

/// A routed port, one of the bridge, and a routed bundle.
const PORTS: &str = "name: r1
ports:
  eth1: {interface-mode: ROUTED}
  eth2: {access-vlan: 97}
  eth4: {aggregate-id: ae0}
  ae0: {type: lag, interface-mode: ROUTED}
";

const ADDRESSES: &str = "interfaces:
  eth1: {ipv4: 10.0.1.1/24, ipv6: \"2001:db8:1::1/64\"}
  ae0: {ipv4: 10.0.4.1/24}
";

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
fn routing() {
    check(ROUTING, |keys| {
        let keys = keys.strip_prefix('{').and_then(|keys| keys.strip_suffix('}')).unwrap_or(keys);
        format!("{PORTS}{ADDRESSES}  lo0: {{loopback: true, ipv4: 192.0.2.1/32}}\nrouting: {{{keys}}}\n")
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

/// Keys below `routing`.
const ROUTING: &[Case] = &[
    (
        "a link-local next hop on an interface without IPv6",
        "static-routes: {\"2001:db8:9::/48\": {next-hops: [{address: \"fe80::2\", interface: ae0}]}}",
        &[
            "11:91: routing.static-routes.\"2001:db8:9::/48\".next-hops[0].interface: interface `ae0` has no address of IPv6: give it one, or write another here",
        ],
    ),
    (
        "a key misspelt",
        "router_id: 192.0.2.1",
        &["11:11: routing.router_id: unknown key `router_id`: did you mean `router-id`?"],
    ),
    (
        "a key that nobody has",
        "mpls: true",
        &[
            "11:11: routing.mpls: unknown key `mpls`: the keys here are router-id, maximum-routes, maximum-paths, next-hop-groups, neighbors, static-routes, programming, bfd, bgp, link-state, fpm",
        ],
    ),
    (
        "keys of others",
        "ospf: {}",
        &["11:11: routing.ospf: `ospf` is not spoken by greylag: its own interior protocol is `link-state`"],
    ),
    (
        "a router-id of nobody",
        "router-id: 0.0.0.0",
        &["11:22: routing.router-id: 0.0.0.0 is nobody's router-id: expected another"],
    ),
    (
        "a router-id of IPv6",
        "router-id: 2001:db8::1",
        &[
            "11:22: routing.router-id: `2001:db8::1` is not a router-id: expected an address of IPv4 such as 192.0.2.1",
        ],
    ),
    (
        "a router-id that is a number",
        "router-id: 7",
        &["11:22: routing.router-id: expected an address of IPv4 such as 192.0.2.1, found the number 7"],
    ),
    (
        "room for no route",
        "maximum-routes: {ipv4: 0, ipv6: 16777217, ipv5: 1}",
        &[
            "11:34: routing.maximum-routes.ipv4: routes 0 is out of range: expected 1 to 16777216",
            "11:43: routing.maximum-routes.ipv6: routes 16777217 is out of range: expected 1 to 16777216",
            "11:53: routing.maximum-routes.ipv5: unknown key `ipv5`: the keys here are ipv4, ipv6",
        ],
    ),
    (
        "no path",
        "maximum-paths: 0",
        &["11:26: routing.maximum-paths: maximum-paths 0 is out of range: expected 1 to 65535"],
    ),
    (
        "more paths than buckets",
        "{maximum-paths: 65}",
        &[
            "11:26: routing.maximum-paths: maximum-paths 65 is more than a group has buckets, which are 64: lower it, or raise `next-hop-groups.buckets`",
        ],
    ),
    (
        "more paths than buckets that were lowered",
        "{maximum-paths: 9, next-hop-groups: {buckets: 8}}",
        &[
            "11:26: routing.maximum-paths: maximum-paths 9 is more than a group has buckets, which are 8: lower it, or raise `next-hop-groups.buckets`",
        ],
    ),
    (
        "groups that cannot be",
        "next-hop-groups: {hashing: consistent, buckets: 0, maximum: 0}",
        &[
            "11:38: routing.next-hop-groups.hashing: `consistent` is not a way of hashing: expected modulo or resilient",
            "11:59: routing.next-hop-groups.buckets: buckets 0 is out of range: expected 1 to 65535",
            "11:71: routing.next-hop-groups.maximum: maximum 0 is out of range: expected 1 to 1048576",
        ],
    ),
    (
        "timers of another way of hashing",
        "next-hop-groups: {idle-timer: 1s, unbalanced-timer: 1s}",
        &[
            "11:29: routing.next-hop-groups.idle-timer: this goes with `hashing: resilient`: add that, or remove this",
            "11:45: routing.next-hop-groups.unbalanced-timer: this goes with `hashing: resilient`: add that, or remove this",
        ],
    ),
    (
        "timers that are none",
        "next-hop-groups: {hashing: resilient, idle-timer: soon, unbalanced-timer: 1000001s}",
        &[
            "11:61: routing.next-hop-groups.idle-timer: `soon` is not a time: expected seconds or a time such as 500ms, 10s, 5m or 1h",
            "11:85: routing.next-hop-groups.unbalanced-timer: unbalanced-timer 1000001s is out of range: expected 0s to 1000000s",
        ],
    ),
    (
        "times of neighbors",
        "neighbors: {base-reachable-time: 0, retransmit-time: 1us, delay-first-probe-time: [], stale-time: 2000000}",
        &[
            "11:44: routing.neighbors.base-reachable-time: base-reachable-time 0s is out of range: expected 1ms to 1000000s",
            "11:64: routing.neighbors.retransmit-time: `1us` is not a time: expected seconds or a time such as 500ms, 10s, 5m or 1h",
            "11:93: routing.neighbors.delay-first-probe-time: expected seconds or a time such as 500ms, 10s, 5m or 1h, found a list",
            "11:109: routing.neighbors.stale-time: stale-time 2000000s is out of range: expected 1ms to 1000000s",
        ],
    ),
    (
        "a neighbor with nothing",
        "neighbors: {static: [{}]}",
        &[
            "11:32: routing.neighbors.static[0].interface: `interface` is missing: add the interface that it is on, such as `interface: eth1`",
            "11:32: routing.neighbors.static[0].address: `address` is missing: add its address such as `address: 10.0.1.9`",
            "11:32: routing.neighbors.static[0].mac-address: `mac-address` is missing: add its address on the link",
        ],
    ),
    (
        "a neighbor that is nothing",
        "neighbors: {static: [null]}",
        &[
            "11:32: routing.neighbors.static[0]: expected a mapping such as {interface: eth1, address: 10.0.1.9, mac-address: \"02:00:00:00:00:09\"}, found nothing",
        ],
    ),
    (
        "a neighbor on no interface",
        "neighbors: {static: [{interface: eth9, address: 10.0.1.9, mac-address: \"02:00:00:00:00:09\"}]}",
        &["11:44: routing.neighbors.static[0].interface: there is no interface `eth9`: did you mean `eth1`?"],
    ),
    (
        "a neighbor on a port of the bridge",
        "neighbors: {static: [{interface: eth2, address: 10.0.1.9, mac-address: \"02:00:00:00:00:09\"}]}",
        &["11:44: routing.neighbors.static[0].interface: there is no interface `eth2`: did you mean `eth1`?"],
    ),
    (
        "a neighbor on a loopback",
        "neighbors: {static: [{interface: lo0, address: 10.0.1.9, mac-address: \"02:00:00:00:00:09\"}]}",
        &[
            "11:44: routing.neighbors.static[0].interface: `lo0` is a loopback, and nobody is on it: expected another",
        ],
    ),
    (
        "a neighbor elsewhere",
        "neighbors: {static: [{interface: eth1, address: 10.0.2.9, mac-address: \"02:00:00:00:00:09\"}]}",
        &[
            "11:59: routing.neighbors.static[0].address: 10.0.2.9 is in no subnet of interface `eth1`: expected one that is",
        ],
    ),
    (
        "a neighbor that we are",
        "neighbors: {static: [{interface: eth1, address: 10.0.1.1, mac-address: \"02:00:00:00:00:09\"}]}",
        &[
            "11:59: routing.neighbors.static[0].address: 10.0.1.1 is this switch's own address, on `eth1`: expected a neighbor's",
        ],
    ),
    (
        "a neighbor twice",
        "neighbors: {static: [{interface: eth1, address: fe80::9, mac-address: \"02:00:00:00:00:09\"}, {interface: eth1, address: fe80::9, mac-address: \"02:00:00:00:00:08\"}]}",
        &["11:103: routing.neighbors.static[1]: fe80::9 is given on `eth1` already: remove one"],
    ),
    (
        "routes in a list",
        "static-routes: [{prefix: 10.0.0.0/8, next-hop: 10.0.1.2}]",
        &[
            "11:26: routing.static-routes: expected a mapping such as {10.0.0.0/8: {next-hop: 10.0.1.2}}, found a list",
        ],
    ),
    (
        "a route that leads nowhere",
        "static-routes: {10.9.0.0/16: {}}",
        &[
            "11:27: routing.static-routes.\"10.9.0.0/16\": this route leads nowhere: add `next-hop: 10.0.1.2`, or `discard: blackhole`",
        ],
    ),
    (
        "a route to three places",
        "static-routes: {10.9.0.0/16: {next-hop: 10.0.1.2, discard: blackhole, next-hops: []}}",
        &[
            "11:61: routing.static-routes.\"10.9.0.0/16\".discard: this route has `next-hop` already: remove it, or `discard`",
            "11:81: routing.static-routes.\"10.9.0.0/16\".next-hops: this route has `next-hop` already: remove it, or `next-hops`",
        ],
    ),
    (
        "words of others",
        "static-routes: {10.9.0.0/16: {via: 10.0.1.2, weight: 2, metric: 7}}",
        &[
            "11:41: routing.static-routes.\"10.9.0.0/16\".via: `via` is not needed: write `next-hop`",
            "11:56: routing.static-routes.\"10.9.0.0/16\".weight: `weight` is a next hop's: write `next-hops: [{address: 10.0.1.2, ..}]`",
            "11:67: routing.static-routes.\"10.9.0.0/16\".metric: `metric` is not a key here: of routes from different sources `preference` decides",
        ],
    ),
    (
        "a prefix with bits of hosts",
        "static-routes: {10.9.0.1/16: {next-hop: 10.0.1.2}}",
        &[
            "11:27: routing.static-routes.\"10.9.0.1/16\": 10.9.0.1/16 has bits beyond its length: write 10.9.0.0/16",
        ],
    ),
    (
        "a prefix without a length",
        "static-routes: {10.9.0.0: {next-hop: 10.0.1.2}, \"2001:db8::1\": {next-hop: 2001:db8:1::2}}",
        &[
            "11:27: routing.static-routes.\"10.9.0.0\": 10.9.0.0 has no length: write 10.9.0.0/32",
            "11:59: routing.static-routes.\"2001:db8::1\": 2001:db8::1 has no length: write 2001:db8::1/128",
        ],
    ),
    (
        "prefixes that are none",
        "static-routes: {default: {next-hop: 10.0.1.2}, 10.9.0.0/33: {discard: blackhole}, 10.9.0.0/+8: {discard: blackhole}}",
        &[
            "11:27: routing.static-routes.default: `default` is not a prefix: expected one such as 10.0.0.0/8 or 2001:db8::/32",
            "11:58: routing.static-routes.\"10.9.0.0/33\": `10.9.0.0/33` is not a prefix: expected one such as 10.0.0.0/8 or 2001:db8::/32",
            "11:93: routing.static-routes.\"10.9.0.0/+8\": `10.9.0.0/+8` is not a prefix: expected one such as 10.0.0.0/8 or 2001:db8::/32",
        ],
    ),
    (
        "a prefix twice",
        "static-routes: {2001:db8:9::/48: {discard: blackhole}, \"2001:0db8:9::/48\": {discard: prohibit}}",
        &[
            "11:66: routing.static-routes.\"2001:0db8:9::/48\": prefix 2001:0db8:9::/48 has a route already, on line 11: remove one",
        ],
    ),
    (
        "prefixes that nobody routes",
        "static-routes: {224.0.0.0/4: {discard: blackhole}, \"fe80::/10\": {discard: blackhole}, ff02::1/128: {discard: blackhole}}",
        &[
            "11:27: routing.static-routes.\"224.0.0.0/4\": 224.0.0.0/4 is of groups, and greylag routes none: expected addresses of stations",
            "11:62: routing.static-routes.\"fe80::/10\": fe80::/10 is link-local: it is on every link, and no route leads there",
            "11:97: routing.static-routes.\"ff02::1/128\": ff02::1/128 is of groups, and greylag routes none: expected addresses of stations",
        ],
    ),
    (
        "a way to discard that is none",
        "static-routes: {10.9.0.0/16: {discard: \"null0\", preference: 0}}",
        &[
            "11:50: routing.static-routes.\"10.9.0.0/16\".discard: `null0` is not a way to discard: expected blackhole, unreachable or prohibit",
            "11:71: routing.static-routes.\"10.9.0.0/16\".preference: preference 0 is out of range: expected 1 to 255",
        ],
    ),
    (
        "a next hop of the other family",
        "static-routes: {10.9.0.0/16: {next-hop: 2001:db8:1::2}, \"2001:db8:9::/48\": {next-hop: 10.0.1.2}}",
        &[
            "11:51: routing.static-routes.\"10.9.0.0/16\".next-hop: next hop 2001:db8:1::2 is of IPv6, and 10.9.0.0/16 of IPv4: packets of one family go to gateways of the same, for RFC 8950 is not supported. Expected an address of IPv4",
            "11:97: routing.static-routes.\"2001:db8:9::/48\".next-hop: next hop 10.0.1.2 is of IPv4, and 2001:db8:9::/48 of IPv6: packets of one family go to gateways of the same, for RFC 8950 is not supported. Expected an address of IPv6",
        ],
    ),
    (
        "a next hop that is this switch",
        "static-routes: {10.9.0.0/16: {next-hop: 10.0.1.1}}",
        &[
            "11:51: routing.static-routes.\"10.9.0.0/16\".next-hop: 10.0.1.1 is this switch's own address, on `eth1`: expected a neighbor's",
        ],
    ),
    (
        "a next hop on no link",
        "static-routes: {\"2001:db8:9::/48\": {next-hop: fe80::2}}",
        &[
            "11:57: routing.static-routes.\"2001:db8:9::/48\".next-hop: fe80::2 is link-local, and could be on any link: write `next-hops: [{address: \"fe80::2\", interface: eth1}]`",
        ],
    ),
    (
        "next hops that are nobody",
        "static-routes: {10.9.0.0/16: {next-hops: [224.0.0.1, 127.0.0.1, 0.0.0.0, 255.255.255.255, gateway, 7]}}",
        &[
            "11:53: routing.static-routes.\"10.9.0.0/16\".next-hops[0]: 224.0.0.1 is not the address of one station: no host on a link can have it",
            "11:64: routing.static-routes.\"10.9.0.0/16\".next-hops[1]: 127.0.0.1 is not the address of one station: no host on a link can have it",
            "11:75: routing.static-routes.\"10.9.0.0/16\".next-hops[2]: 0.0.0.0 is not the address of one station: no host on a link can have it",
            "11:84: routing.static-routes.\"10.9.0.0/16\".next-hops[3]: 255.255.255.255 is not the address of one station: no host on a link can have it",
            "11:101: routing.static-routes.\"10.9.0.0/16\".next-hops[4]: `gateway` is not an address: expected one such as 10.0.1.2 or 2001:db8::2",
            "11:110: routing.static-routes.\"10.9.0.0/16\".next-hops[5]: expected a next hop such as 10.0.1.2 or {address: 10.0.1.2, weight: 2}, found the number 7",
        ],
    ),
    (
        "no next hop",
        "static-routes: {10.9.0.0/16: {next-hops: []}}",
        &[
            "11:52: routing.static-routes.\"10.9.0.0/16\".next-hops: this route has no next hop: expected one such as 10.0.1.2, or `discard: blackhole` instead",
        ],
    ),
    (
        "a next hop on an interface that leads elsewhere",
        "static-routes: {10.9.0.0/16: {next-hops: [{address: 10.0.2.2, interface: eth1}]}}",
        &[
            "11:84: routing.static-routes.\"10.9.0.0/16\".next-hops[0].interface: 10.0.2.2 is in no subnet of interface `eth1`: remove this, and the route that leads there is taken",
        ],
    ),
    (
        "a next hop on no interface",
        "static-routes: {10.9.0.0/16: {next-hops: [{address: 10.0.1.2, interface: eth9}, {address: 10.0.1.3, interface: lo0}]}}",
        &[
            "11:84: routing.static-routes.\"10.9.0.0/16\".next-hops[0].interface: there is no interface `eth9`: did you mean `eth1`?",
            "11:122: routing.static-routes.\"10.9.0.0/16\".next-hops[1].interface: `lo0` is a loopback, and nobody is on it: expected another",
        ],
    ),
    (
        "a next hop without an address",
        "static-routes: {10.9.0.0/16: {next-hops: [{interface: eth1, weight: 0, bfd: 1}]}}",
        &[
            "11:53: routing.static-routes.\"10.9.0.0/16\".next-hops[0].address: `address` is missing: add the gateway such as `address: 10.0.1.2`",
            "11:79: routing.static-routes.\"10.9.0.0/16\".next-hops[0].weight: weight 0 is out of range: expected 1 to 65535",
            "11:87: routing.static-routes.\"10.9.0.0/16\".next-hops[0].bfd: expected true or false, found the number 1",
        ],
    ),
    (
        "a next hop twice",
        "static-routes: {10.9.0.0/16: {next-hops: [10.0.1.2, {address: 10.0.1.2, weight: 2}]}}",
        &[
            "11:63: routing.static-routes.\"10.9.0.0/16\".next-hops[1]: next hop 10.0.1.2 is there already: remove one, or give it a `weight`",
        ],
    ),
    (
        "next hops in one text",
        "static-routes: {10.9.0.0/16: {next-hops: 10.0.1.2}}",
        &[
            "11:52: routing.static-routes.\"10.9.0.0/16\".next-hops: expected a list such as [10.0.1.2, {address: 10.0.1.2, weight: 2}], found the text `10.0.1.2`",
        ],
    ),
    (
        "more next hops than paths",
        "{maximum-paths: 1, static-routes: {10.9.0.0/16: {next-hops: [10.0.1.2, 10.0.1.3]}}}",
        &[
            "11:70: routing.static-routes.\"10.9.0.0/16\".next-hops: 2 next hops are too many: expected 1 at most, or another `maximum-paths`",
        ],
    ),
    (
        "programming that cannot be",
        "programming: {delay: -1, rate: 0, audit-interval: often}",
        &[
            "11:32: routing.programming.delay: delay -1s is out of range: expected 0s to 1000000s",
            "11:42: routing.programming.rate: changes per second 0 is out of range: expected 1 to 100000000",
            "11:61: routing.programming.audit-interval: `often` is neither a time nor `never`: expected one such as 10s",
        ],
    ),
    (
        "BFD that cannot be",
        "bfd: {desired-minimum-tx-interval: 0, required-minimum-receive: 4295s, detection-multiplier: 0}",
        &[
            "11:46: routing.bfd.desired-minimum-tx-interval: desired-minimum-tx-interval 0s is out of range: expected 1ms to 4294s",
            "11:75: routing.bfd.required-minimum-receive: required-minimum-receive 4295s is out of range: expected 1ms to 4294s",
            "11:104: routing.bfd.detection-multiplier: detection-multiplier 0 is out of range: expected 1 to 255",
        ],
    ),
    (
        "a session with nobody",
        "bfd: {sessions: [{multihop: true}]}",
        &[
            "11:28: routing.bfd.sessions[0].remote-address: `remote-address` is missing: add the other end such as `remote-address: 10.0.1.2`",
        ],
    ),
    (
        "a session that is nothing",
        "bfd: {sessions: [null]}",
        &[
            "11:28: routing.bfd.sessions[0]: expected a mapping such as {remote-address: 10.0.1.2}, found nothing",
        ],
    ),
    (
        "a session with somebody far",
        "bfd: {sessions: [{remote-address: 192.0.2.9}]}",
        &[
            "11:45: routing.bfd.sessions[0].remote-address: 192.0.2.9 is in no subnet of an interface: expected one that is, or `multihop: true`",
        ],
    ),
    (
        "a session with this switch",
        "bfd: {sessions: [{remote-address: 192.0.2.1, multihop: true}]}",
        &[
            "11:45: routing.bfd.sessions[0].remote-address: 192.0.2.1 is this switch's own address, on `lo0`: expected a neighbor's",
        ],
    ),
    (
        "a session on some link",
        "bfd: {sessions: [{remote-address: fe80::2}]}",
        &[
            "11:45: routing.bfd.sessions[0].remote-address: fe80::2 is link-local, and could be on any link: expected an address in a subnet of an interface",
        ],
    ),
    (
        "sessions from nowhere",
        "bfd: {sessions: [{remote-address: 10.0.1.2, local-address: 10.0.1.3}, {remote-address: 10.0.1.4, local-address: 2001:db8:1::1}]}",
        &[
            "11:70: routing.bfd.sessions[0].local-address: 10.0.1.3 is no address of this switch: expected that of an interface",
            "11:123: routing.bfd.sessions[1].local-address: 2001:db8:1::1 and 10.0.1.4 are of different families: expected both of one",
        ],
    ),
    (
        "a session twice",
        "bfd: {sessions: [{remote-address: 10.0.1.2}, {remote-address: 10.0.1.2, detection-multiplier: 256}]}",
        &[
            "11:56: routing.bfd.sessions[1]: there is a session with 10.0.1.2 already: remove one",
            "11:105: routing.bfd.sessions[1].detection-multiplier: detection-multiplier 256 is out of range: expected 1 to 255",
        ],
    ),
    (
        "BGP of nobody",
        "{bgp: }",
        &[
            "11:11: routing.bgp: expected a mapping such as {as: 64500, neighbors: {10.0.1.2: {peer-as: 64501}}}, found nothing",
        ],
    ),
    (
        "BGP without a number",
        "bgp: {neighbors: {10.0.1.2: {peer-as: 64501}}}",
        &[
            "11:16: routing.bgp.as: `as` is missing: add the number of this autonomous system, such as `as: 64500`",
        ],
    ),
    (
        "numbers of nobody",
        "bgp: {as: 0, neighbors: {10.0.1.2: {peer-as: 23456}, 10.0.1.3: {peer-as: 4294967296}, 10.0.1.4: {}}}",
        &[
            "11:21: routing.bgp.as: as 0 is out of range: expected 1 to 4294967295",
            "11:56: routing.bgp.neighbors.\"10.0.1.2\".peer-as: peer-as 23456 is reserved (RFC 6793): expected another",
            "11:84: routing.bgp.neighbors.\"10.0.1.3\".peer-as: peer-as 4294967296 is out of range: expected 1 to 4294967295",
            "11:107: routing.bgp.neighbors.\"10.0.1.4\".peer-as: `peer-as` is missing: add the number of its autonomous system, such as `peer-as: 64501`",
        ],
    ),
    (
        "words of others in BGP",
        "bgp: {asn: 1, router-id: 192.0.2.1, neighbors: {10.0.1.2: {remote-as: 2, keepalive: 3, ebgp-multihop: 2}}}",
        &[
            "11:17: routing.bgp.asn: unknown key `asn`: did you mean `as`?",
            "11:25: routing.bgp.router-id: `router-id` is the whole router's: write it one level up, in `routing`",
            "11:69: routing.bgp.neighbors.\"10.0.1.2\".peer-as: `peer-as` is missing: add the number of its autonomous system, such as `peer-as: 64501`",
            "11:70: routing.bgp.neighbors.\"10.0.1.2\".remote-as: `remote-as` is FRR's word: write `peer-as`",
            "11:84: routing.bgp.neighbors.\"10.0.1.2\".keepalive: `keepalive` follows from `hold-time`: it is a third of it. Remove it",
            "11:98: routing.bgp.neighbors.\"10.0.1.2\".ebgp-multihop: `ebgp-multihop` is FRR's word: write `multihop: true`",
        ],
    ),
    (
        "neighbors that cannot be",
        "bgp: {as: 1, neighbors: {10.0.1.1: {peer-as: 2}, 10.0.9.1: {peer-as: 2}, \"fe80::2\": {peer-as: 2}, r2: {peer-as: 2}}}",
        &[
            "11:36: routing.bgp.neighbors.\"10.0.1.1\": 10.0.1.1 is this switch's own address, on `eth1`: expected a neighbor's",
            "11:60: routing.bgp.neighbors.\"10.0.9.1\": 10.0.9.1 is in no subnet of an interface: expected one that is, or `multihop: true`",
            "11:84: routing.bgp.neighbors.\"fe80::2\": fe80::2 is link-local, and could be on any link: expected an address in a subnet of an interface",
            "11:109: routing.bgp.neighbors.r2: `r2` is not an address: expected one such as 10.0.1.2 or 2001:db8::2",
        ],
    ),
    (
        "a neighbor in two spellings",
        "bgp: {as: 1, neighbors: {\"2001:db8:1::2\": {peer-as: 2}, \"2001:db8:1:0::2\": {peer-as: 2}}}",
        &[
            "11:67: routing.bgp.neighbors.\"2001:db8:1:0::2\": neighbor 2001:db8:1::2 is there already: remove one",
        ],
    ),
    (
        "hold times that cannot be told",
        "bgp: {as: 1, neighbors: {10.0.1.2: {peer-as: 2, hold-time: 2s}, 10.0.1.3: {peer-as: 2, hold-time: 3500ms}, 10.0.1.4: {peer-as: 2, hold-time: 65536}}}",
        &[
            "11:70: routing.bgp.neighbors.\"10.0.1.2\".hold-time: hold-time 2s cannot be told to a neighbor: expected 0 for never, or 3s at least (RFC 4271 4.2)",
            "11:109: routing.bgp.neighbors.\"10.0.1.3\".hold-time: hold-time 3500ms cannot be told to a neighbor: expected 0 for never, or 3s at least, in whole seconds (RFC 4271 4.2)",
            "11:152: routing.bgp.neighbors.\"10.0.1.4\".hold-time: hold-time 65536s is out of range: expected 0s to 65535s",
        ],
    ),
    (
        "settings of a neighbor",
        "bgp: {as: 1, neighbors: {10.0.1.2: {peer-as: 1, multihop: true, connect-retry: 0, passive: no thanks, local-preference: -1, local-address: 10.0.1.3}}}",
        &[
            "11:59: routing.bgp.neighbors.\"10.0.1.2\".multihop: an internal neighbor may be several hops away in any case: remove it",
            "11:90: routing.bgp.neighbors.\"10.0.1.2\".connect-retry: connect-retry 0s is out of range: expected 1s to 1000000s",
            "11:102: routing.bgp.neighbors.\"10.0.1.2\".passive: expected true or false, found the text `no thanks`",
            "11:131: routing.bgp.neighbors.\"10.0.1.2\".local-preference: local-preference -1 is out of range: expected 0 to 4294967295",
            "11:150: routing.bgp.neighbors.\"10.0.1.2\".local-address: 10.0.1.3 is no address of this switch: expected that of an interface",
        ],
    ),
    (
        "networks that are none",
        "bgp: {as: 1, networks: [10.0.0.1/8, 10.0.0.0/8, 10.0.0.0/8]}",
        &[
            "11:35: routing.bgp.networks[0]: 10.0.0.1/8 has bits beyond its length: write 10.0.0.0/8",
            "11:59: routing.bgp.networks[2]: 10.0.0.0/8 is in the list already: remove one",
        ],
    ),
    (
        "routes of others",
        "bgp: {as: 1, redistribute: [conected, static, static, ospf]}",
        &[
            "11:39: routing.bgp.redistribute[0]: `conected` is not a source of routes: did you mean `connected`?",
            "11:57: routing.bgp.redistribute[2]: `static` is in the list already: remove one",
            "11:65: routing.bgp.redistribute[3]: `ospf` is not a source of routes: expected connected or static",
        ],
    ),
    (
        "routes of others in one word",
        "bgp: {as: 1, redistribute: static}",
        &[
            "11:38: routing.bgp.redistribute: expected a list such as [connected, static], found the text `static`: write [static]",
        ],
    ),
    (
        "an interior protocol of nobody",
        "link-state: ",
        &[
            "11:11: routing.link-state: expected a mapping such as {interfaces: {eth1: {metric: 10}}}, found nothing",
        ],
    ),
    (
        "an interior protocol without interfaces",
        "link-state: {overload: true}",
        &[
            "11:23: routing.link-state.interfaces: `interfaces` is missing: add those that it runs on, such as `interfaces: {eth1: {}}`",
        ],
    ),
    (
        "an interior protocol on no interface",
        "link-state: {interfaces: {}}",
        &["11:36: routing.link-state.interfaces: it runs on no interface: expected one such as {eth1: {}}"],
    ),
    (
        "an interior protocol where nothing is",
        "link-state: {interfaces: {eth9: {}, eth2: {}}}",
        &[
            "11:37: routing.link-state.interfaces.eth9: there is no interface `eth9`: did you mean `eth1`?",
            "11:47: routing.link-state.interfaces.eth2: there is no interface `eth2`: did you mean `eth1`?",
        ],
    ),
    (
        "words of others in the interior protocol",
        "link-state: {area: 0, interfaces: {eth1: {cost: 10, area: 0, hold-time: 3s}}}",
        &[
            "11:24: routing.link-state.area: unknown key `area`: the keys here are interfaces, spf-delay, overload",
            "11:53: routing.link-state.interfaces.eth1.cost: `cost` is OSPF's word: write `metric`",
            "11:63: routing.link-state.interfaces.eth1.area: `area` is not needed: all routers are in one area. Remove it",
            "11:72: routing.link-state.interfaces.eth1.hold-time: `hold-time` is not a key here: write `dead-interval`",
        ],
    ),
    (
        "settings of an interface",
        "link-state: {interfaces: {eth1: {metric: 0, hello-interval: 0, passive: 1, bfd: 1}}, spf-delay: 601s, overload: 1}",
        &[
            "11:52: routing.link-state.interfaces.eth1.metric: metric 0 is out of range: expected 1 to 65535",
            "11:71: routing.link-state.interfaces.eth1.hello-interval: hello-interval 0s is out of range: expected 1ms to 1000000s",
            "11:83: routing.link-state.interfaces.eth1.passive: expected true or false, found the number 1",
            "11:91: routing.link-state.interfaces.eth1.bfd: expected true or false, found the number 1",
            "11:107: routing.link-state.spf-delay: spf-delay 601s is out of range: expected 0s to 600s",
            "11:123: routing.link-state.overload: expected true or false, found the number 1",
        ],
    ),
    (
        "neighbors that are given up too soon",
        "link-state: {interfaces: {eth1: {hello-interval: 40s}, ae0: {dead-interval: 10s}}}",
        &[
            "11:60: routing.link-state.interfaces.eth1.hello-interval: dead-interval 40s is not longer than hello-interval, which is 40s: every neighbor would be given up before its next hello",
            "11:87: routing.link-state.interfaces.ae0.dead-interval: dead-interval 10s is not longer than hello-interval, which is 10s: every neighbor would be given up before its next hello",
        ],
    ),
    (
        "a loopback with neighbors",
        "link-state: {interfaces: {lo0: {passive: false}, eth1: {passive: true, bfd: true}}}",
        &[
            "11:52: routing.link-state.interfaces.lo0.passive: `lo0` is a loopback, and nobody is on it: remove this",
            "11:82: routing.link-state.interfaces.eth1.bfd: nobody is looked for on a passive interface: remove this, or `passive`",
        ],
    ),
    (
        "a listener without a port",
        "fpm: {listen: 127.0.0.1}",
        &[
            "11:25: routing.fpm.listen: `127.0.0.1` is not right: expected an address with a port such as 127.0.0.1:2620",
        ],
    ),
    (
        "a listener on no port",
        "fpm: {listen: \"127.0.0.1:0\", port: 2620}",
        &[
            "11:25: routing.fpm.listen: `127.0.0.1:0` is not right: expected an address with a port such as 127.0.0.1:2620",
            "11:40: routing.fpm.port: unknown key `port`: the keys here are listen",
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
