//! Routes that are wrong, and every word that is said about them.

use super::{Case, check_routing};

#[test]
fn routing() {
    check_routing(ROUTING);
}

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
];
