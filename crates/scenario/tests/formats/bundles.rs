//! Bundles in files: what is written of one is read, and the way back.

use greylag_base::{MacAddr, VlanId};
use greylag_lacp::{Behaviour, LacpMode, PartnerPin, Preset, Timers};
use greylag_scenario::story::Patch;
use greylag_scenario::{Source, switch};
use greylag_switch::config::{LagConfig, SwitchConfig};
use greylag_switch::{DiffLine, diff};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

fn read(text: &str) -> SwitchConfig {
    switch::parse(&Source::new("sw1.yml", text)).unwrap_or_else(|error| panic!("{}\n{text}", error.render()))
}

#[test]
fn the_example_of_every_key_is_written_as_it_was_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../labs/switch.yml");
    let config = read(&std::fs::read_to_string(path).unwrap());
    assert_eq!(read(&switch::emit(&config)), config);
}

fn patched(running: &SwitchConfig, patch: &str) -> Result<SwitchConfig, String> {
    let patch = Patch { text: patch.to_owned() };
    switch::patched(running, &patch).map_err(|error| error.to_string())
}

#[test]
fn a_patch_moves_ports_in_and_out_of_bundles() {
    let running = read(
        "name: sw1
ports:
  eth1: {type: tap, netns: h1, aggregate-id: ae0, lacp-port-priority: 7, port-speed: 2.5G}
  eth2: {aggregate-id: ae0}
  eth3: {interface-mode: TRUNK, trunk-vlans: [10], native-vlan: 1, maximum-entries: 7, isolation-group: 1}
  eth4: {aggregate-id: ae1, lacp-port-priority: 9}
  eth5: {aggregate-id: ae1}
  ae0: {type: lag, preset: linux, interval: FAST, access-vlan: 10}
  ae1: {type: lag}
",
    );
    let bundle_of = |config: &SwitchConfig, port: &str| {
        let (_, port) = config.port(port).unwrap();
        let member = port.membership.aggregate()?;
        Some((config.ports[member.lag.index()].name.to_string(), member.port_priority))
    };
    assert_eq!(patched(&running, "{}"), Ok(running.clone()), "ports and bundles stay what they are");

    let other = patched(&running, "ports: {eth4: {aggregate-id: ae0}}").unwrap();
    assert_eq!(bundle_of(&other, "eth4"), Some(("ae0".into(), Some(9))));

    let left = patched(&running, "ports: {eth1: {aggregate-id: null, access-vlan: 7}}").unwrap();
    let eth1 = &left.ports[0];
    assert_eq!((bundle_of(&left, "eth1"), eth1.membership.untagged()), (None, VlanId::new(7)));
    assert_eq!((&eth1.attachment, eth1.speed), (&running.ports[0].attachment, running.ports[0].speed));
    assert_eq!(
        patched(&left, "ports: {eth1: {aggregate-id: ae0, lacp-port-priority: 7}}"),
        Ok(running.clone())
    );

    let joined = patched(&running, "ports: {eth3: {aggregate-id: ae1}}").unwrap();
    assert_eq!(bundle_of(&joined, "eth3"), Some(("ae1".into(), None)));
    assert_eq!((joined.ports[2].maximum_entries, joined.ports[2].isolation_group), (None, None));
    let trunk = "{aggregate-id: null, interface-mode: TRUNK, trunk-vlans: [10], native-vlan: 1}";
    let back = patched(&joined, &format!("ports: {{eth3: {trunk}}}")).unwrap();
    assert_eq!(back.ports[2].membership, running.ports[2].membership);

    assert_eq!(
        patched(&running, "ports: {eth3: {aggregate-id: ae1, mtu: 9000}}").unwrap_err(),
        "patch:1:35: ports.eth3.mtu: `mtu` is not for a member of a bundle: its bundle has it. Remove it"
    );
    assert_eq!(
        patched(&running, "ports: {eth4: {aggregate-id: ae0}, eth5: {aggregate-id: null}}").unwrap_err(),
        "patch:1:1: ports.ae1: bundle `ae1` has no member: add `aggregate-id: ae1` to its ports, disable it (`enabled: false`), or remove it"
    );
    let emptied = "ports: {eth4: {aggregate-id: ae0}, eth5: {aggregate-id: null}, ae1: {enabled: false}}";
    let emptied = patched(&running, emptied).unwrap();
    assert!(
        emptied
            .ports
            .iter()
            .all(|port| bundle_of(&emptied, port.name.as_str()).is_none_or(|(lag, _)| lag != "ae1"))
    );
    assert_eq!(
        greylag_scenario::switch::parse(&Source::new("back.yml", switch::emit(&emptied))).unwrap(),
        emptied
    );
    assert_eq!(
        patched(&running, "ports: {ae0: {mtu: 9000}}").unwrap_err(),
        "patch:1:20: ports.ae0.mtu: mtu 9000 is more than the link of member `eth1` has, which is 1500: \
         write `mtu: 9000` at its link, or 1500 here"
    );
    assert_eq!(
        patched(&running, "ports: {ae0: {type: null}, eth2: {type: lag, aggregate-id: null}}").unwrap_err(),
        "patch:1:15: ports.ae0.type: a bundle stays one while the switch runs: remove `type`\n\
         patch:1:35: ports.eth2.type: a port stays one while the switch runs: remove `type`"
    );
    assert_eq!(
        patched(&running, "ports: {ae2: {type: lag}, eth2: {aggregate-id: ae2}}")
            .map(|config| config.ports.len()),
        Ok(8),
        "whether a switch takes another bundle while it runs is the switch's to say"
    );
}

#[test]
fn a_patch_changes_what_a_bundle_is() {
    let running = with(
        ", preset: linux, lacp-mode: PASSIVE, behaviour: {partner-pin: release, timers: {aggregate-wait: 0}}",
    );
    let lag = |config: &SwitchConfig| config.lags().next().unwrap().1.clone();
    let changed = |patch: &str| lag(&patched(&running, patch).unwrap_or_else(|error| panic!("{error}")));

    assert_eq!(
        changed("ports: {ae0: {min-links: 2, fallback: 30s, behaviour: {timers: {churn-detection: never}}}}"),
        LagConfig {
            min_links: 2,
            fallback: Some(Duration::from_secs(30)),
            behaviour: Behaviour {
                timers: Timers { churn_detection: None, ..lag(&running).behaviour.timers },
                ..lag(&running).behaviour
            },
            ..lag(&running)
        }
    );
    // What was not configured comes with the new preset, what was stays.
    let vpp = changed("ports: {ae0: {preset: vpp}}");
    assert_eq!((vpp.mode, vpp.interval), (LacpMode::Passive, Preset::VPP.interval));
    let of = |preset| LagConfig::of(preset).behaviour;
    assert_eq!(
        vpp.behaviour,
        Behaviour {
            // Linux holds, VPP releases.
            partner_pin: PartnerPin::Release,
            timers: Timers { aggregate_wait: Duration::ZERO, ..of(&Preset::VPP).timers },
            ..of(&Preset::VPP)
        }
    );
    assert_eq!(changed("ports: {ae0: {behaviour: null}}").behaviour, of(&Preset::LINUX));

    let other =
        patched(&running, "{lacp: {system-id-mac: \"02:00:00:00:00:09\"}, flow-hash: {seed: 7}}").unwrap();
    assert_eq!(other.lacp.system_id_mac, Some(MacAddr([2, 0, 0, 0, 0, 9])));
    assert_eq!(other.flow_hash.seed, Some(7));
    assert_eq!(
        patched(&running, "lacp: {system-id-mac: \"01:80:c2:00:00:02\"}").unwrap_err(),
        "patch:1:23: lacp.system-id-mac: 01:80:c2:00:00:02 is a group address: expected that of one station, \
         with an even first octet such as 02"
    );
}

/// Keys of a bundle, and values that each can have.
const LAG: &[(&str, &[&str])] = &[
    ("lacp-mode", &["ACTIVE", "PASSIVE", "STATIC"]),
    ("interval", &["FAST", "SLOW"]),
    ("system-id-mac", &["\"02:00:00:00:00:aa\""]),
    ("system-priority", &["0", "65535"]),
    ("admin-key", &["7", "1000"]),
    ("min-links", &["1", "2"]),
    ("max-links", &["2", "8"]),
    ("revertive", &["false", "true"]),
    ("wait-to-restore", &["0", "500ms", "30"]),
    ("fallback", &["0", "never", "30s", "1500ms"]),
    ("resilient", &["false", "true"]),
    ("mtu", &["68", "9216"]),
    ("access-vlan", &["7"]),
    ("enabled", &["false"]),
    ("maximum-entries", &["7"]),
    ("isolation-group", &["7"]),
    ("storm-control", &["{broadcast: 7}"]),
];

/// Keys of its `behaviour`.
const BEHAVIOUR: &[(&str, &[&str])] = &[
    ("transmit-limit", &["{frames: 1, within: 333ms}", "{frames: 7}"]),
    ("marker-limit", &["none", "{frames: 1, within: 2s}", "{within: 20s}"]),
    ("mux-control", &["coupled", "independent"]),
    ("sync-rule", &["standard", "partner-says", "describes-us", "same-as-before"]),
    ("expired-timeout", &["short", "configured"]),
    ("mistaken-partner", &["accept", "ignore"]),
    ("key-format", &["admin", "speed-and-duplex"]),
    ("partner-choice", &["first", "lowest-system", "lowest-port", "most-members", "most-bandwidth"]),
    ("partner-pin", &["hold", "release"]),
    ("other-partners", &["detached", "attached"]),
    ("below-min-links", &["bundle-down", "members-held"]),
];

/// Keys of its `timers`.
const TIMERS: &[(&str, &[&str])] = &[
    ("fast-periodic", &["1ms", "900ms", "1s"]),
    ("slow-periodic", &["29s", "30s"]),
    ("short-timeout", &["1s", "3s"]),
    ("long-timeout", &["10s", "90s"]),
    ("churn-detection", &["never", "5s", "60s"]),
    ("aggregate-wait", &["0", "2s"]),
    ("start-spread", &["0", "250ms"]),
];

/// Some of the keys, each with one of its values.
fn some(keys: &'static [(&str, &[&str])]) -> impl Strategy<Value = String> {
    let values: Vec<_> = keys
        .iter()
        .map(|(key, values)| {
            prop::option::of(prop::sample::select(*values).prop_map(move |value| format!("{key}: {value}")))
        })
        .collect();
    values.prop_map(|written| written.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

/// A bundle of two, with some keys more.
fn with(lag: &str) -> SwitchConfig {
    read(&format!(
        "name: sw1\nports: {{eth1: {{aggregate-id: ae0}}, eth2: {{aggregate-id: ae0}}, ae0: {{type: lag{lag}}}}}\n"
    ))
}

#[test]
fn a_difference_goes_by_its_place_in_the_file() {
    let plain = with("");
    let mut told = BTreeSet::new();
    let mut check = |below: &str, key: &str, text: String| {
        let changed = with(&text);
        let place = format!("ports.ae0.{below}{key}");
        let lines: Vec<DiffLine> =
            diff(&plain, &changed).into_iter().inspect(|line| assert!(!line.is_fixed(), "{line}")).collect();
        assert_eq!(lines.is_empty(), plain == changed, "{text}");
        for line in lines {
            let is_here = line.path == place || line.path.starts_with(&format!("{place}."));
            assert!(is_here, "{place}: {line}");
            told.insert(place.clone());
        }
    };
    for (keys, below, around) in [
        (LAG, "", ["", ""]),
        (BEHAVIOUR, "behaviour.", ["behaviour: {", "}"]),
        (TIMERS, "behaviour.timers.", ["behaviour: {timers: {", "}}"]),
    ] {
        for (key, values) in keys {
            for value in *values {
                check(below, key, format!(", {}{key}: {value}{}", around[0], around[1]));
            }
        }
    }
    assert_eq!(told.len(), LAG.len() + BEHAVIOUR.len() + TIMERS.len(), "each can differ");
}

#[test]
fn a_difference_between_switches() {
    let lines = |text: &str| {
        let ports = "{eth1: {aggregate-id: ae0}, eth2: {aggregate-id: ae1}, eth3: {aggregate-id: ae1}, \
                     ae0: {type: lag}, ae1: {type: lag}}";
        let lines =
            diff(&read(&format!("name: sw1\nports: {ports}\n")), &read(&format!("name: sw1\n{text}\n")));
        assert!(!lines.iter().any(DiffLine::is_fixed), "{lines:?}");
        lines.iter().map(DiffLine::to_string).collect::<Vec<_>>()
    };
    let moved = "{eth1: {aggregate-id: ae0, port-speed: 2.5G}, eth2: {aggregate-id: ae0, lacp-port-priority: 7}, \
                 eth3: {aggregate-id: ae1, enabled: false}, ae0: {type: lag}, ae1: {type: lag, preset: vpp, mtu: 9000}}";
    assert_eq!(
        lines(&format!(
            "lacp: {{system-priority: 7}}\nflow-hash: {{fields: layer2, symmetric: true, seed: 7}}\nports: {moved}"
        )),
        [
            "  flow-hash.fields: layer3+4 -> layer2",
            "+ flow-hash.seed: 7",
            "  flow-hash.symmetric: false -> true",
            "+ lacp.system-priority: 7",
            "  ports.ae1.behaviour.expired-timeout: short -> configured",
            "  ports.ae1.behaviour.sync-rule: standard -> same-as-before",
            "  ports.ae1.behaviour.timers.churn-detection: 60s -> never",
            "  ports.ae1.behaviour.transmit-limit.frames: 3 -> 1",
            "  ports.ae1.behaviour.transmit-limit.within: 1s -> 333ms",
            "  ports.ae1.interval: SLOW -> FAST",
            "  ports.ae1.mtu: 1500 -> 9000",
            "  ports.ae1.preset: standard -> vpp",
            "  ports.eth1.port-speed: 10G -> 2.5G",
            "  ports.eth2.aggregate-id: ae1 -> ae0",
            "+ ports.eth2.lacp-port-priority: 7",
            "  ports.eth3.enabled: true -> false",
        ]
    );
}

#[test]
fn a_port_stays_what_it_is() {
    let device = read("name: sw1\nports: {eth1: {aggregate-id: ae0}, eth2: {}, ae0: {type: lag}}\n");
    let lag =
        read("name: sw1\nports: {eth1: {aggregate-id: ae0}, eth2: {aggregate-id: ae0}, ae0: {type: lag}}\n");
    let swapped =
        read("name: sw1\nports: {eth1: {aggregate-id: ae0}, eth2: {type: tap}, ae0: {type: lag}}\n");
    let fixed = |old, new| {
        diff(old, new).into_iter().filter(DiffLine::is_fixed).map(|line| line.path).collect::<Vec<_>>()
    };
    assert_eq!(fixed(&device, &lag), Vec::<String>::new());
    assert_eq!(fixed(&device, &swapped), ["ports.eth2.type"]);
}

fn comma(keys: &str) -> String {
    if keys.is_empty() { String::new() } else { format!(", {keys}") }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bundle_is_written_as_it_was_read(
        preset in prop::sample::select(&["standard", "linux", "ovs", "libteam", "dpdk", "vpp", "junos"][..]),
        lag in some(LAG),
        behaviour in some(BEHAVIOUR),
        timers in some(TIMERS),
        member in some(&[("lacp-port-priority", &["0", "7"]), ("port-speed", &["100M", "2.5G", "400G", "10001M"])]),
        lacp in some(&[("system-priority", &["1"]), ("port-number-offset", &["64"])]),
        hash in some(&[
            ("fields", &["layer2", "source-ip", "[]", "[vlan, source-mac]"]),
            ("symmetric", &["true"]),
            ("seed", &["0", "18446744073709551615"]),
        ]),
    ) {
        let (lag, member, behaviour) = (comma(&lag), comma(&member), comma(&behaviour));
        let config = read(&format!(
            "name: sw1\nlacp: {{{lacp}}}\nflow-hash: {{{hash}}}\nports:\n  eth1: {{aggregate-id: ae0{member}}}\n  \
             ae0: {{type: lag, preset: {preset}, behaviour: {{timers: {{{timers}}}{behaviour}}}{lag}}}\n  \
             eth2: {{type: tap, aggregate-id: ae0}}\n"
        ));
        prop_assert_eq!(read(&switch::emit(&config)), config);
    }
}
