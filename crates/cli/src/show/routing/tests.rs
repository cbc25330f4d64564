use super::*;
use serde_json::{Value, from_value, json};

fn fits(text: &str) {
    assert!(text.lines().all(|line| line.chars().count() <= 80 && !line.ends_with(' ')), "{text}");
}

#[test]
fn routes_are_told_in_the_words_of_ip_route() {
    let hop = |address: Value, interface: &str, weight: u16| json!({"address": address, "interface": interface, "weight": weight});
    let route = |prefix: &str,
                 protocol: &str,
                 preference: u8,
                 kind: &str,
                 gateways: Value,
                 hops: Vec<Value>,
                 active: bool| {
        json!({"prefix": prefix, "protocol": protocol, "preference": preference, "metric": 0, "active": active, "type": kind,
            "gateways": gateways, "next-hops": hops})
    };
    let rows = json!([
        route("10.0.1.0/31", "connected", 0, "attached", json!([]), vec![hop(json!(null), "eth2", 1)], true),
        route(
            "10.0.20.0/24",
            "static",
            5,
            "next-hops",
            json!(["10.0.1.1", "10.0.2.1"]),
            vec![hop(json!("10.0.1.1"), "eth2", 1), hop(json!("10.0.2.1"), "eth3", 1)],
            true
        ),
        route("10.0.20.0/24", "bgp", 20, "next-hops", json!(["192.0.2.7"]), vec![], false),
        route(
            "2001:db8:20::/64",
            "link-state",
            110,
            "next-hops",
            json!(["fe80::1"]),
            vec![hop(json!("fe80::1"), "eth2", 3), hop(json!("fe80::2"), "eth3", 1)],
            true
        ),
        route("2001:db8:30::/64", "static", 5, "blackhole", json!([]), vec![], true),
    ]);
    let text = routes(&from_value::<Vec<_>>(rows).unwrap());
    fits(&text);
    assert_eq!(
        text,
        "   PREFIX            PROTOCOL    PREF  METRIC  NEXT HOP
*  10.0.1.0/31       connected      0       0  dev eth2
*  10.0.20.0/24      static         5       0  via 10.0.1.1 dev eth2
                                               via 10.0.2.1 dev eth3
                     bgp           20       0  via 192.0.2.7, no way there
*  2001:db8:20::/64  link-state   110       0  via fe80::1 dev eth2 weight 3
                                               via fe80::2 dev eth3 weight 1
*  2001:db8:30::/64  static         5       0  blackhole
* in use
"
    );
}

#[test]
fn a_group_tells_what_is_wrong_with_its_members() {
    let member = |to: &str, does: &str, live: bool, wanted: bool, buckets: &[u16]| json!({"next-hop": 1, "to": to, "does": does, "live": live, "wanted": wanted, "buckets": buckets});
    let rows = json!([{"group": 3, "prefixes": 2, "hashing": "modulo", "buckets": 4, "members": [
        member("10.0.1.1 on eth2", "to 02:00:00:00:00:01 by eth2", true, true, &[0, 1]),
        member("10.0.2.1 on eth3", "unresolved on eth3", true, true, &[2]),
        member("next hop 7, which is gone", "nothing: dropped", true, false, &[3]),
    ]}]);
    let text = groups(&from_value::<Vec<_>>(rows).unwrap());
    fits(&text);
    assert_eq!(
        text,
        "\
GROUP  PREFIXES  HASHING  BUCKETS  NEXT HOP                   STATE
    3         2  modulo       2/4  10.0.1.1 on eth2           ok
                              1/4  10.0.2.1 on eth3           unresolved
                              1/4  next hop 7, which is gone  stale, dropped
"
    );
}

#[test]
fn an_interface_has_a_line_for_each_address() {
    let rows = json!([
        {"since": "2026-01-02T03:04:05.6Z", "name": "irb10", "id": 0, "type": "irb", "vlan": 10, "admin-status": "UP", "oper-status": "DOWN",
            "mac-address": "02:00:00:00:00:01", "mtu": 1500, "addresses": ["10.0.10.1/24", "fe80::ff:fe00:1/64"], "since-ns": 1},
        {"since": "2026-01-02T03:04:05.6Z", "name": "lo0", "id": 1, "type": "loopback", "vlan": null, "admin-status": "UP", "oper-status": "UP",
            "mac-address": "02:00:00:00:00:01", "mtu": 65535, "addresses": [], "since-ns": 1},
    ]);
    let text = interfaces(&from_value::<Vec<_>>(rows).unwrap());
    fits(&text);
    assert_eq!(
        text,
        "\
INTERFACE  TYPE      ADMIN  OPER    MTU  ADDRESSES
irb10      irb 10    UP     DOWN   1500  02:00:00:00:00:01
                                         10.0.10.1/24
                                         fe80::ff:fe00:1/64
lo0        loopback  UP     UP    65535  -
"
    );
}
