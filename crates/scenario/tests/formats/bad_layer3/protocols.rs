//! Protocols that find routes, in files that are wrong, and every word that is said about them.

use super::{Case, check_routing};

#[test]
fn protocols() {
    check_routing(PROTOCOLS);
}

/// Keys below `routing`.
const PROTOCOLS: &[Case] = &[
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
            "11:40: routing.fpm.port: unknown key `port`: the keys here are listen, netns, stale-time",
        ],
    ),
];
