//! Pairs of chassis in files: what is written of one is read, and the way back; what a commit may change of one.

use greylag_scenario::story::Patch;
use greylag_scenario::{Source, lab, switch};
use greylag_switch::config::{StatusControl, SwitchConfig};
use greylag_switch::{DiffLine, diff, mclag::Preset};

fn read(text: &str) -> SwitchConfig {
    switch::parse(&Source::new("ca2.yml", text)).unwrap_or_else(|error| panic!("{}\n{text}", error.render()))
}

/// The second chassis of a pair, with everything otherwise than the preset has it.
fn chassis(pair: &str) -> SwitchConfig {
    read(&format!(
        "name: ca2
ports:
  eth1: {{}}
  eth2: {{aggregate-id: ae10}}
  ae10: {{type: lag, mc-ae-id: 10, system-id-mac: \"02:00:00:00:00:10\", admin-key: 10}}
vlans: {{1: {{mcae-mac-synchronize: true}}}}
interfaces:
  irb1: {{routed-vlan: 1, ipv4: 10.50.1.2/30}}
supervisor: {{watchdog: 1500ms}}
multi-chassis: {{{pair}, chassis-id: 1, inter-chassis-link: eth1,
  iccp: {{local-address: 10.50.1.2, peer-address: 10.50.1.1, keepalive: 2s, session-timeout: 20s, connect-retry: 3s,
         session-establishment-hold-time: 340s, liveness-detection: {{minimum-interval: 8s, multiplier: 2}}}}}}
management-address: 172.20.20.12
"
    ))
}

const OTHERWISE: &str = "preset: junos, status-control: standby, redundancy-group: 7, init-delay-time: 100ms,
  backup-liveness-detection: {backup-peer-ip: 172.20.20.11, interval: 2s, timeout: 7s},
  on-peer-alive: none, on-peer-unknown: both-revert, on-peer-dead: standby-reverts, on-icl-down: nothing,
  isolation-on-iccp-down: keep, synchronised-macs: pin, own-id-until-peer: false, wait-for-peer: true,
  prefer-status-control-active: true, health-gate: {hold-down: 5s, probe-interval: never}";

#[test]
fn what_is_written_is_read() {
    for pair in [
        OTHERWISE,
        "preset: iccpd",
        "preset: cumulus, status-control: active, health-gate: {probe-interval: 1s}",
    ] {
        let config = chassis(pair);
        let written = switch::emit(&config);
        assert_eq!(read(&written), config, "{written}");
    }
    let text = switch::emit(&chassis("preset: junos, status-control: active"));
    assert!(!text.contains("on-peer-alive"), "what the preset says goes unwritten: {text}");
}

#[test]
fn the_address_says_who_is_active_in_iccpd() {
    let role = |config: SwitchConfig| config.multi_chassis.unwrap().status_control;
    assert_eq!(role(chassis("preset: iccpd")), StatusControl::Standby);
    let other = switch::emit(&chassis("preset: iccpd")).replace("10.50.1.1", "10.50.1.9");
    let other = other.replace("10.50.1.2/30", "10.50.1.2/24");
    assert_eq!(role(read(&other)), StatusControl::Active);
}

#[test]
fn ports_of_the_second_chassis_have_numbers_of_their_own() {
    assert_eq!(chassis(OTHERWISE).lacp.port_number_offset, 0x4000);
}

fn patched(running: &SwitchConfig, patch: &str) -> SwitchConfig {
    switch::patched(running, &Patch { text: patch.to_owned() })
        .unwrap_or_else(|error| panic!("{}", error.render()))
}

fn changed(old: &SwitchConfig, new: &SwitchConfig) -> Vec<String> {
    diff(old, new).iter().map(DiffLine::to_string).collect()
}

#[test]
fn a_patch_changes_what_a_pair_does() {
    let running = chassis("preset: junos, status-control: standby, on-peer-alive: none");
    assert_eq!(
        patched(&running, "{}"),
        running,
        "the address on the management network too, which a lab's node has"
    );

    let other = patched(&running, "multi-chassis: {preset: cumulus, health-gate: {}}");
    let pair = other.multi_chassis.as_ref().unwrap();
    let own = Preset::CUMULUS.behaviour;
    assert_eq!(
        (pair.behaviour.synchronised_macs, pair.behaviour.icl_down),
        (own.synchronised_macs, own.icl_down)
    );
    assert_eq!(
        changed(&running, &other),
        [
            "+ multi-chassis.health-gate.hold-down: 60s",
            "+ multi-chassis.health-gate.probe-interval: never",
            "  multi-chassis.on-icl-down: standby-waits -> standby-suspends",
            "  multi-chassis.on-peer-dead: none -> standby-reverts",
            "  multi-chassis.own-id-until-peer: true -> false",
            "  multi-chassis.preset: junos -> cumulus",
            "  multi-chassis.synchronised-macs: convert -> flush",
            "  multi-chassis.wait-for-peer: false -> true",
        ]
    );
    assert!(!diff(&running, &other).iter().any(DiffLine::is_fixed));
}

#[test]
fn a_commit_makes_no_other_chassis_of_one() {
    let running = chassis(OTHERWISE);
    let fixed = |other: &SwitchConfig| -> Vec<String> {
        diff(&running, other).into_iter().filter(DiffLine::is_fixed).map(|line| line.path).collect()
    };
    let mut other = running.clone();
    other.multi_chassis = None;
    assert_eq!(fixed(&other), [""; 0], "it may leave the pair");
    let mut other = running.clone();
    other.multi_chassis.as_mut().unwrap().chassis_id ^= 1;
    assert_eq!(fixed(&other), ["multi-chassis.chassis-id"]);
    let mut other = running.clone();
    other.management_address = None;
    assert_eq!(fixed(&other), ["management-address"]);
    let mut other = running.clone();
    other.supervisor.watchdog = None;
    other.vlans.clear();
    assert_eq!((fixed(&other), changed(&running, &other).len()), (Vec::new(), 2));
}

#[test]
fn in_a_lab_the_node_has_the_address_on_the_management_network() {
    let text = "name: x
topology:
  nodes:
    ca1: {kind: greylag, config: {management-address: 172.20.20.11}}
    h1: {kind: host}
  links:
    - endpoints: [\"ca1:eth1\", \"h1:eth1\"]
";
    let error = lab::parse(&Source::new("x.clab.yml", text)).unwrap_err().to_string();
    assert_eq!(
        error,
        "x.clab.yml:4:35: topology.nodes.ca1.config.management-address: `management-address` is the node's here: write \
         `mgmt-ipv4` beside `config`"
    );
}
