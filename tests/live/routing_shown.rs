//! What operators see of layer 3: two routers with two links between them, one with sessions of every kind.

use crate::rig::{DEADLINE, LIVE, Lab, greylag, succeed};
use greylag_lab::client;
use greylag_tests::{has, wait_for};
use serde_json::{Value, json};
use std::time::Duration;

const ROUTED: &str = r#"
topology:
  nodes:
    r1:
      kind: greylag
      config:
        ports:
          eth1: {access-vlan: 10}
          eth2: {interface-mode: ROUTED}
          eth3: {interface-mode: ROUTED}
        interfaces:
          irb10: {routed-vlan: 10, ipv4: 10.0.10.1/24}
          eth2: {ipv4: 10.0.1.0/31, ipv6: "2001:db8:1::/127"}
          eth3: {ipv4: 10.0.2.0/31}
          lo0: {loopback: true, ipv4: 192.0.2.1/32}
        routing:
          static-routes:
            10.0.20.0/24: {next-hops: [10.0.1.1, 10.0.2.1]}
            10.9.0.0/16: {discard: blackhole}
          bfd: {sessions: [{remote-address: 10.0.1.1}]}
          bgp:
            as: 65001
            neighbors: {10.0.1.1: {peer-as: 65002, connect-retry: 1s}}
          link-state:
            interfaces: {eth3: {hello-interval: 200ms, dead-interval: 2s}, lo0: {}}
    r2:
      kind: greylag
      config:
        ports:
          eth1: {access-vlan: 20}
          eth2: {interface-mode: ROUTED}
          eth3: {interface-mode: ROUTED}
        interfaces:
          irb20: {routed-vlan: 20, ipv4: 10.0.20.1/24}
          eth2: {ipv4: 10.0.1.1/31, ipv6: "2001:db8:1::1/127"}
          eth3: {ipv4: 10.0.2.1/31}
          lo0: {loopback: true, ipv4: 192.0.2.2/32}
        routing:
          static-routes:
            10.0.10.0/24: {next-hops: [10.0.1.0, 10.0.2.0]}
            198.51.100.0/24: {discard: unreachable}
          bfd: {sessions: [{remote-address: 10.0.1.0}]}
          bgp:
            as: 65002
            networks: [198.51.100.0/24]
            neighbors: {10.0.1.0: {peer-as: 65001, connect-retry: 1s}}
          link-state:
            interfaces: {eth3: {hello-interval: 200ms, dead-interval: 2s}, lo0: {}}
    h1:
      kind: host
      exec: [ip route add default via 10.0.10.1]
    h2:
      kind: host
      exec: [ip route add default via 10.0.20.1]
  links:
    - endpoints: ["r1:eth1", {node: h1, interface: eth1, ipv4: 10.0.10.2/24}]
    - endpoints: ["r2:eth1", {node: h2, interface: eth1, ipv4: 10.0.20.2/24}]
    - endpoints: ["r1:eth2", "r2:eth2"]
    - endpoints: ["r1:eth3", "r2:eth3"]
"#;

const BRIDGE: &str = r#"
topology:
  nodes:
    sw1: {kind: greylag}
    h1: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
"#;

const KINDS: [&str; 8] =
    ["interfaces", "routes", "fib", "nexthop-groups", "neighbors", "bfd", "bgp", "link-state"];

/// The rows of a resource of `r1`.
fn rows(lab: &Lab, what: &str) -> Vec<Value> {
    lab.show("r1", what).as_array().expect("a list").clone()
}

/// The row that has these fields.
fn row(rows: &[Value], fields: &Value) -> Option<Value> {
    let has = |row: &&Value| fields.as_object().unwrap().iter().all(|(name, value)| row[name] == *value);
    rows.iter().find(has).cloned()
}

fn text(lab: &Lab, words: &[&str]) -> String {
    succeed(&[words, &["-s", &lab.switch("r1")]].concat())
}

/// A lab in which everything that is asked for is there.
fn settled_lab() -> Lab {
    let lab = Lab::deploy(ROUTED);
    wait_for("h1 reaches h2", DEADLINE, || lab.pings("h1", "10.0.20.2").then_some(()));
    let up = |what: &str, fields: Value| {
        wait_for(what, DEADLINE, || row(&rows(&lab, what), &fields));
    };
    up("bfd", json!({"session-state": "UP", "remote-address": "10.0.1.1", "interface": "eth2"}));
    wait_for("the BGP session", DEADLINE, || {
        (rows(&lab, "bgp")[0]["neighbors"][0]["session-state"] == "ESTABLISHED").then_some(())
    });
    wait_for("the adjacency", DEADLINE, || {
        (rows(&lab, "link-state")[0]["neighbors"][0]["state"] == "FULL").then_some(())
    });
    up("fib", json!({"prefix": "198.51.100.0/24", "next-hops": ["10.0.1.1 on eth2"]}));
    up("fib", json!({"prefix": "192.0.2.2/32", "next-hops": ["10.0.2.1 on eth3"]}));
    lab
}

#[test]
fn everything_of_layer_3_has_rows_and_a_table() {
    if !has(LIVE) {
        return;
    }
    let lab = settled_lab();
    for kind in KINDS {
        let table = text(&lab, &["show", kind]);
        println!("{table}");
        assert!(table.lines().count() > 1, "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 80 && !line.ends_with(' ')), "{table}");
    }
    for kind in ["counters", "drops", "agents", "events"] {
        println!("{}", text(&lab, &["show", kind]));
    }
    let interfaces = rows(&lab, "interfaces");
    let irb = row(&interfaces, &json!({"name": "irb10"})).expect("irb10");
    assert_eq!((&irb["type"], &irb["vlan"], &irb["oper-status"]), (&json!("irb"), &json!(10), &json!("UP")));
    assert!(irb["since"].as_str().unwrap().ends_with('Z'), "{irb}");
    let route = row(&rows(&lab, "routes"), &json!({"prefix": "10.0.20.0/24"})).expect("the static route");
    assert_eq!(route["protocol"], "static");
    assert_eq!(route["next-hops"].as_array().unwrap().len(), 2);
    let neighbor = json!({"address": "10.0.1.1", "interface": "eth2", "wanted": true});
    assert!(row(&rows(&lab, "neighbors"), &neighbor).expect("the neighbor")["mac-address"].is_string());
    let bgp = &rows(&lab, "bgp")[0];
    assert_eq!((&bgp["as"], &bgp["router-id"]), (&json!(65001), &json!("192.0.2.1")));
    assert_eq!(bgp["neighbors"][0]["families"][0]["accepted"], 1);
    let counted = lab.show("r1", "counters")["interfaces"].as_array().unwrap().clone();
    let counted = row(&counted, &json!({"interface": "irb10"})).expect("irb10");
    assert!(counted["ipv4"]["in-packets"].as_u64() > Some(0), "{counted}");
    let agents = rows(&lab, "agents");
    for name in ["bfd", "routing", "programming"] {
        assert!(row(&agents, &json!({"name": name, "state": "running"})).is_some(), "{name}");
    }
    let events = text(&lab, &["show", "events"]);
    for line in [
        "interface-up interface=eth2",
        "neighbor-resolved interface=eth2 address=10.0.1.1 mac=",
        "bfd-session-up remote-address=10.0.1.1 local-address=10.0.1.0",
        "bgp-session-up neighbor-address=10.0.1.1 peer-as=65002",
        "link-state-adjacency-up interface=eth3 neighbor=192.0.2.2",
        "link-state-spf-ran",
    ] {
        assert!(events.contains(line), "{line}: {events}");
    }
}

#[test]
fn routes_are_asked_for_by_prefix_by_address_and_page_by_page() {
    if !has(LIVE) {
        return;
    }
    let lab = settled_lab();
    let prefixes = |words: &[&str]| {
        let json: Vec<Value> = serde_json::from_str(&text(&lab, &[words, &["-j"]].concat())).expect("JSON");
        json.iter().map(|row| row["prefix"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for kind in ["routes", "fib"] {
        assert_eq!(prefixes(&["show", kind, "10.0.20.7"]), ["10.0.20.0/24"]);
        assert_eq!(prefixes(&["show", kind, "10.9.0.0/16"]), ["10.9.0.0/16"]);
        let within = prefixes(&["show", kind, "10.0.0.0/8"]);
        assert!(within.contains(&"10.0.20.0/24".to_owned()), "{within:?}");
        assert!(within.iter().all(|prefix| prefix.starts_with("10.")), "{within:?}");
        let all = prefixes(&["show", kind]);
        assert!(all.len() > within.len() && all.iter().any(|prefix| prefix.starts_with("2001:")), "{all:?}");
        assert_eq!(prefixes(&["show", kind, "203.0.113.0/24"]), Vec::<String>::new());
        let said = text(&lab, &["show", kind, "203.0.113.0/24"]);
        assert!(
            said.starts_with("there is no route") && said.ends_with(" within 203.0.113.0/24\n"),
            "{said}"
        );
        // As whoever has a million of them reads them.
        let socket = format!("/run/greylag/{}.sock", lab.switch("r1"));
        let mut paged: Vec<String> = Vec::new();
        loop {
            let after = paged.last().map(|last| format!("&after={last}")).unwrap_or_default();
            let resource = format!("/v1/{kind}?limit=2{after}");
            let page: Vec<Value> = client::ask(socket.as_ref(), &resource).expect("the switch answers");
            let mut page: Vec<String> =
                page.iter().map(|row| row["prefix"].as_str().unwrap().to_owned()).collect();
            page.dedup();
            assert!(page.len() <= 2, "{page:?}");
            let is_last = page.len() < 2;
            paged.extend(page);
            if is_last {
                break;
            }
        }
        let mut whole = all.clone();
        whole.dedup();
        assert_eq!(paged, whole);
    }
    assert_eq!(prefixes(&["show", "bgp", "198.51.100.7"]), ["198.51.100.0/24"]);
    let table = text(&lab, &["show", "bgp", "198.51.100.0/24"]);
    assert!(table.contains("10.0.1.1") && table.contains("best") && table.contains("65002"), "{table}");
}

#[test]
fn what_cannot_be_asked_is_said() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(BRIDGE);
    let name = lab.switch("sw1");
    for kind in KINDS {
        assert_eq!(lab.show("sw1", kind), json!([]), "{kind}");
        let said = succeed(&["show", kind, "-s", &name]);
        assert_eq!(said, "this switch has no interface of layer 3\n", "{kind}");
    }
    let fail = |words: &[&str], status: i32| {
        let output = greylag(&[words, &["-s", &name]].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{words:?}: {error}");
        error
    };
    for what in ["fib", "paths"] {
        let error = fail(&["check", what], 1);
        assert!(error.contains("this switch has no interface of layer 3"), "{error}");
    }
    let error = fail(&["show", "routes", "10.0.0.1/8"], 2);
    assert!(error.contains("10.0.0.1/8 has bits beyond its length: write 10.0.0.0/8"), "{error}");
    let error = fail(&["show", "fib", "10.0.0.0/40"], 2);
    assert!(error.contains("is not a prefix: expected one such as 10.0.0.0/8"), "{error}");
    let error = fail(&["show", "vlans", "10.0.0.0/8"], 2);
    assert!(error.contains("take a prefix or an address"), "{error}");
    let socket = format!("/run/greylag/{name}.sock");
    for (query, expected) in [
        ("within=10.0.0.0", "within: 10.0.0.0 has no length: write 10.0.0.0/32"),
        ("to=here", "to: `here` is no address"),
        ("limit=0", "limit: 0 is out of range: expected 1 to 10000"),
        ("within=::/0&to=::1", "not both"),
        ("prefix=::/0", "unknown field `prefix`"),
    ] {
        let error = client::get(socket.as_ref(), &format!("/v1/routes?{query}")).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn checks_find_a_bucket_that_was_missed_and_repair_it() {
    if !has(LIVE) {
        return;
    }
    let lab = settled_lab();
    assert_eq!(text(&lab, &["check", "fib"]), "RIB and FIB agree\n");
    let fine = text(&lab, &["check", "paths"]);
    assert!(fine.ends_with(" 0 lost\n") && !fine.starts_with("0 "), "{fine}");

    // A link goes, and some buckets go on leading to it.
    let name = lab.switch("r1");
    succeed(&["fault", "stale-members", "--prefix", "10.0.20.0/24", "--buckets", "0..7", "-s", &name]);
    succeed(&["fault", "link", &lab.name, "r1:eth3", "down"]);
    let found = wait_for("the conflicts", DEADLINE, || {
        let output = greylag(&["check", "fib", "-j", "-s", &name]);
        let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let stale = found["conflicts"].as_array()?.iter().filter(|row| row["kind"] == "bucket-stale").count();
        (output.status.code() == Some(1) && stale > 0).then_some(found)
    });
    let stale = row(found["conflicts"].as_array().unwrap(), &json!({"kind": "bucket-stale"})).unwrap();
    assert_eq!((&stale["prefix"], &stale["prefixes"]), (&json!("10.0.20.0/24"), &json!(1)));
    let output = greylag(&["check", "fib", "-s", &name]);
    let table = String::from_utf8(output.stdout).unwrap();
    println!("{table}{}", text(&lab, &["show", "nexthop-groups"]));
    assert!(table.contains("bucket-stale") && table.contains("  RIB 10.0.1.1 on eth2"), "{table}");
    assert!(table.lines().all(|line| line.len() <= 80), "{table}");
    assert!(text(&lab, &["show", "nexthop-groups"]).contains("stale"));

    let output = greylag(&["check", "paths", "-s", &name]);
    let table = String::from_utf8(output.stdout).unwrap();
    println!("{table}");
    assert_eq!(output.status.code(), Some(1), "{table}");
    assert!(table.contains("10.0.20.0/24") && table.contains("  udp 10.0.") && table.contains(" lost\n"));
    assert_eq!(output.stderr, b"", "nothing is told on a pipe");

    let repaired = text(&lab, &["check", "fib", "--repair"]);
    assert!(repaired.ends_with(" repaired, 0 remaining\n"), "{repaired}");
    assert_eq!(text(&lab, &["check", "fib"]), "RIB and FIB agree\n");
    assert!(text(&lab, &["check", "paths"]).ends_with(" 0 lost\n"));
    let events = text(&lab, &["show", "events"]);
    assert!(
        events.contains("fib-checked conflicts=") && events.contains("paths-checked probes="),
        "{events}"
    );
}

#[test]
fn an_agent_that_is_down_has_no_sessions_to_show() {
    if !has(LIVE) {
        return;
    }
    let lab = settled_lab();
    let name = lab.switch("r1");
    for (agent, kinds) in [("bfd", &["bfd"][..]), ("routing", &["bgp", "link-state"])] {
        succeed(&["fault", "crash", "--agent", agent, "--dump", "1h", "-s", &name]);
        for kind in kinds {
            let output = greylag(&["show", kind, "-s", &name]);
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1));
            assert!(error.contains(&format!("the {agent} agent does not run")), "{error}");
        }
    }
    // What the data plane does is seen all the same, and the other end sees why it is alone.
    assert!(text(&lab, &["show", "fib", "10.0.20.2"]).contains("10.0.2.1 on eth3"));
    let events = wait_for("the other end notices", Duration::from_secs(30), || {
        let events = succeed(&["show", "events", "-s", &lab.switch("r2")]);
        let both = ["bfd-session-down ", "bgp-session-down "];
        both.iter().all(|event| events.contains(event)).then_some(events)
    });
    assert!(events.contains("local-diagnostic=control-detection-time-expired"), "{events}");
    println!("{events}");
}
