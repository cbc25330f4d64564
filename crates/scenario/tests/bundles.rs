//! Bundles in files: what is written of one is read, and the way back.

use greylag_scenario::{Source, switch};
use greylag_switch::config::SwitchConfig;
use proptest::prelude::*;
use std::path::Path;

fn read(text: &str) -> SwitchConfig {
    switch::parse(&Source::new("sw1.yml", text)).unwrap_or_else(|error| panic!("{}\n{text}", error.render()))
}

#[test]
fn the_example_of_every_key_is_written_as_it_was_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../labs/switch.yml");
    let config = read(&std::fs::read_to_string(path).unwrap());
    assert_eq!(read(&switch::emit(&config)), config);
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
