//! Steps and expectations of scenarios that are wrong, and every word that is said about them.

use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice};

/// What is wrong, the text, and the lines that are printed for it without the file's name.
type Case = (&'static str, &'static str, &'static [&'static str]);

/// A scenario of 17 lines that is right.
const BASE: &str = include_str!("stories/base.yml");

fn check(cases: &[Case], file: impl Fn(&str) -> String) {
    for (what, text, expected) in cases {
        let error =
            story::parse(&Source::new("x.yml", file(text)), &Choice::default()).expect_err(what).to_string();
        let expected: Vec<String> = expected.iter().map(|line| format!("x.yml:{line}")).collect();
        assert_eq!(error.lines().collect::<Vec<_>>(), expected, "{what}");
    }
}

#[test]
fn steps() {
    check(STEP, |step| format!("{BASE}timeline:\n  - {step}\n"));
}

#[test]
fn expectations() {
    check(EXPECT, |expectation| format!("{BASE}expect:\n  - {expectation}\n"));
}

/// The one step of a timeline.
const STEP: &[Case] = &[
    (
        "a step that is nothing",
        "",
        &[
            "19:5: timeline[0]: expected a mapping such as {at: 60s, fault: {switch: sw1, crash: {}}}, found nothing",
        ],
    ),
    (
        "a step without a time",
        "{announce: {host: h1}}",
        &[r#"19:5: timeline[0].at: `at` is missing: say when, such as `at: 90s` or `at: "13:27:45"`"#],
    ),
    (
        "a step without an action",
        "{at: 1s}",
        &[
            "19:5: timeline[0]: nothing is done in this step: expected one of fault, link, commit, confirm, rollback, flush-fdb, check-fdb, check-fib, check-paths, upgrade, management, drain, undrain, power-off, power-on, reboot, move-host, announce, set-mac, mac-flood, ping, tcp, broadcast",
        ],
    ),
    (
        "a management port that is not there",
        "{at: 1s, management: {switch: sw1, down: true}}",
        &[
            "19:26: timeline[0].management: switch `sw1` is not on the management network: add `mgmt-ipv4` to node `sw1`",
        ],
    ),
    (
        "a management port to which nothing happens",
        "{at: 1s, management: {switch: sw1}}",
        &[
            "19:26: timeline[0].management: nothing happens to the port: expected one of down, up",
            "19:26: timeline[0].management: switch `sw1` is not on the management network: add `mgmt-ipv4` to node `sw1`",
        ],
    ),
    (
        "two actions in a step",
        "{at: 1s, announce: {host: h1}, confirm: {switch: sw1}}",
        &["19:36: timeline[0].confirm: this step has `announce` already: make `confirm` a step of its own"],
    ),
    (
        "an action misspelt",
        "{at: 1s, anounce: {host: h1}}",
        &["19:14: timeline[0].anounce: unknown key `anounce`: did you mean `announce`?"],
    ),
    (
        "a fault without `fault`",
        "{at: 1s, crash: {switch: sw1}}",
        &["19:14: timeline[0].crash: `crash` is a fault: write it below `fault`, beside its `switch`"],
    ),
    (
        "after the end",
        "{at: 11m, announce: {host: h1}}",
        &["19:10: timeline[0].at: at 11m is out of range: expected 0s to 600s"],
    ),
    (
        "a time of day after the end",
        r#"{at: "13:37:00", announce: {host: h1}}"#,
        &[
            "19:10: timeline[0].at: at 13:37:00 is 660s after the start at 13:26:00: expected 600s at most, the duration",
        ],
    ),
    (
        "a time of day before the start is on the next day",
        r#"{at: "13:25:59", announce: {host: h1}}"#,
        &[
            "19:10: timeline[0].at: at 13:25:59 is 86399s after the start at 13:26:00: expected 600s at most, the duration",
        ],
    ),
    (
        "no time of day",
        r#"{at: "13:7:00", announce: {host: h1}}"#,
        &["19:10: timeline[0].at: `13:7:00` is not a time of day: expected one such as 13:26:00"],
    ),
    (
        "a time that is a word",
        "{at: noon, announce: {host: h1}}",
        &[
            "19:10: timeline[0].at: `noon` is not a time: expected seconds or a time such as 500ms, 10s, 5m or 1h",
        ],
    ),
    (
        "a name with a dot",
        "{at: 1s, name: a.b, announce: {host: h1}}",
        &[
            "19:20: timeline[0].name: the name `a.b` may not have `.`: expected 1 to 32 letters, digits, `_` and `-`",
        ],
    ),
    (
        "documented nowhere",
        "{at: 1s, standing: documented, announce: {host: h1}}",
        &[
            "19:5: timeline[0].source: `source` is missing: what is documented says where, such as `source: RFC 826`",
        ],
    ),
    (
        "a standing unknown",
        "{at: 1s, standing: guessed, announce: {host: h1}}",
        &["19:24: timeline[0].standing: `guessed` is not a standing: expected logged, documented or assumed"],
    ),
    (
        "a fault of a host",
        "{at: 1s, fault: {switch: h1, crash: {}}}",
        &["19:30: timeline[0].fault.switch: `h1` is a host: expected a switch, and there are sw1, sw2"],
    ),
    (
        "a fault of no switch",
        "{at: 1s, fault: {crash: {}}}",
        &["19:21: timeline[0].fault.switch: `switch` is missing: say which, such as `switch: sw1`"],
    ),
    (
        "a fault without a kind",
        "{at: 1s, fault: {switch: sw1}}",
        &[
            "19:21: timeline[0].fault: nothing goes wrong: expected one of crash, crash-loop, hang, slow, lose-reports, delay-reports, refuse-writes, drop-writes, delay-writes, misorder-writes, stale-members, restart, heal",
        ],
    ),
    (
        "two faults in a step",
        "{at: 1s, fault: {switch: sw1, crash: {}, heal: {}}}",
        &[
            "19:46: timeline[0].fault.heal: this step has the fault `crash` already: make `heal` a step of its own",
        ],
    ),
    (
        "a fault misspelt",
        "{at: 1s, fault: {switch: sw1, crush: {}}}",
        &["19:35: timeline[0].fault.crush: unknown key `crush`: did you mean `crash`?"],
    ),
    (
        "an agent unknown",
        "{at: 1s, fault: {switch: sw1, crash: {agent: learner}}}",
        &["19:50: timeline[0].fault.crash.agent: `learner` is not an agent: did you mean `learning`?"],
    ),
    (
        "a crash loop without a run",
        "{at: 1s, fault: {switch: sw1, crash-loop: {}}}",
        &[
            "19:47: timeline[0].fault.crash-loop.run: `run` is missing: say how long it runs each time, such as `run: [28s, 38s]`",
        ],
    ),
    (
        "a run that is the wrong way around",
        "{at: 1s, fault: {switch: sw1, crash-loop: {run: [38s, 28s]}}}",
        &[
            "19:59: timeline[0].fault.crash-loop.run[1]: the longest is shorter than the shortest: expected them the other way around",
        ],
    ),
    (
        "a run of three times",
        "{at: 1s, fault: {switch: sw1, crash-loop: {run: [1s, 2s, 3s]}}}",
        &[
            "19:53: timeline[0].fault.crash-loop.run: expected one time, or the shortest and the longest such as [28s, 38s]",
        ],
    ),
    (
        "a VLAN that never is there",
        "{at: 1s, fault: {switch: sw1, crash-loop: {run: 30s, while-vlan: 97}}}",
        &[
            "19:70: timeline[0].fault.crash-loop.while-vlan: switch `sw1` never has VLAN 97: expected one of 1, or one that a commit brings",
        ],
    ),
    (
        "a slow agent without a rate",
        "{at: 1s, fault: {switch: sw1, slow: {}}}",
        &[
            "19:41: timeline[0].fault.slow.rate: `rate` is missing: say how many reports a second it handles, such as `rate: 50`",
        ],
    ),
    (
        "a share in percent",
        "{at: 1s, fault: {switch: sw1, lose-reports: {share: 50%}}}",
        &[
            "19:57: timeline[0].fault.lose-reports.share: `50%` is not a share: expected 0 to 1, such as 0.01 for 1%",
        ],
    ),
    (
        "a share above 1",
        "{at: 1s, fault: {switch: sw1, refuse-writes: {share: 50}}}",
        &["19:58: timeline[0].fault.refuse-writes.share: share 50 is out of range: expected 0 to 1"],
    ),
    (
        "a filter of writes that means nothing",
        "{at: 1s, fault: {switch: sw1, drop-writes: {family: ip4, prefix: 10.0.0.1/8, buckets: 0-7, worker: 64, change: lost, acknowledged: maybe}}}",
        &[
            "19:57: timeline[0].fault.drop-writes.family: `ip4` is not a family of addresses: did you mean `ipv4`?",
            "19:70: timeline[0].fault.drop-writes.prefix: 10.0.0.1/8 has bits beyond its length: write 10.0.0.0/8",
            "19:91: timeline[0].fault.drop-writes.buckets: `0-7` is not a range: write 0..7",
            "19:104: timeline[0].fault.drop-writes.worker: worker 64 is out of range: expected 0 to 63",
            "19:116: timeline[0].fault.drop-writes.change: `lost` is not a change of a group: expected member-lost or member-returned",
            "19:136: timeline[0].fault.drop-writes.acknowledged: expected true or false, found the text `maybe`",
        ],
    ),
    (
        "buckets that run backwards",
        "{at: 1s, fault: {switch: sw1, misorder-writes: {buckets: 7..0}}}",
        &["19:62: timeline[0].fault.misorder-writes.buckets: the range `7..0` runs backwards: write 0..7"],
    ),
    (
        "buckets that are none",
        "{at: 1s, fault: {switch: sw1, misorder-writes: {buckets: all}}}",
        &[
            "19:62: timeline[0].fault.misorder-writes.buckets: `all` is neither a bucket nor a range: expected a bucket or a range such as 0..7",
        ],
    ),
    (
        "buckets in a list",
        "{at: 1s, fault: {switch: sw1, misorder-writes: {buckets: [1]}}}",
        &[
            "19:62: timeline[0].fault.misorder-writes.buckets: expected a bucket or a range such as 0..7, found a list",
        ],
    ),
    (
        "a prefix of another family",
        "{at: 1s, fault: {switch: sw1, stale-members: {family: ipv6, prefix: 10.0.0.0/8}}}",
        &[
            "19:59: timeline[0].fault.stale-members.family: prefix 10.0.0.0/8 is of ipv4: remove one of the two",
        ],
    ),
    (
        "a prefix without a length",
        "{at: 1s, fault: {switch: sw1, stale-members: {prefix: 10.0.0.1}}}",
        &["19:59: timeline[0].fault.stale-members.prefix: 10.0.0.1 has no length: write 10.0.0.1/32"],
    ),
    (
        "a prefix that is none",
        "{at: 1s, fault: {switch: sw1, stale-members: {prefix: 10.0.0.0/33}}}",
        &[
            "19:59: timeline[0].fault.stale-members.prefix: `10.0.0.0/33` is not a prefix: expected one such as 10.0.0.0/8 or 2001:db8::/32",
        ],
    ),
    (
        "late writes without a delay",
        "{at: 1s, fault: {switch: sw1, delay-writes: {share: 2}}}",
        &[
            "19:49: timeline[0].fault.delay-writes.delay: `delay` is missing: say how late they are, such as `delay: [0s, 2s]`",
            "19:57: timeline[0].fault.delay-writes.share: share 2 is out of range: expected 0 to 1",
        ],
    ),
    (
        "an acknowledgement of what is late",
        "{at: 1s, fault: {switch: sw1, delay-writes: {delay: 1s, acknowledged: false}}}",
        &[
            "19:61: timeline[0].fault.delay-writes.acknowledged: unknown key `acknowledged`: the keys here are family, prefix, buckets, worker, change, delay, share, lasts",
        ],
    ),
    (
        "a switch twice",
        "{at: 1s, confirm: {switch: [sw1, sw1]}}",
        &["19:38: timeline[0].confirm.switch[1]: `sw1` is in the list already: remove one"],
    ),
    (
        "an end that is not there",
        r#"{at: 1s, link: {end: "sw1:eth3", down: true}}"#,
        &[
            "19:26: timeline[0].link.end: no link ends at `sw1:eth3`: there are sw1:eth1, h1:eth1, sw1:eth2, h2:eth1, sw1:eth9, sw2:eth9, sw2:eth1, h1:eth2",
        ],
    ),
    (
        "an end misspelt",
        r#"{at: 1s, link: {end: "sw2:eht9", down: true}}"#,
        &["19:26: timeline[0].link.end: no link ends at `sw2:eht9`: did you mean `sw2:eth9`?"],
    ),
    (
        "a link to which nothing happens",
        r#"{at: 1s, link: {end: "sw1:eth1"}}"#,
        &[
            "19:20: timeline[0].link: nothing happens to the link: expected one of down, up, one-way, impair, loses",
        ],
    ),
    (
        "a link that is not down",
        r#"{at: 1s, link: {end: "sw1:eth1", down: false}}"#,
        &[
            "19:44: timeline[0].link.down: expected true, or who sees it such as {seen-by: this-end}, found `false`",
        ],
    ),
    (
        "a cut that someone sees",
        r#"{at: 1s, link: {end: "sw1:eth1", down: {seen-by: me}}}"#,
        &[
            "19:54: timeline[0].link.down.seen-by: `me` is not who sees it: expected both, this-end, far-end or nobody",
        ],
    ),
    (
        "a direction without impairment",
        r#"{at: 1s, link: {end: "sw1:eth1", up: true, direction: both}}"#,
        &["19:48: timeline[0].link.direction: `direction` goes with `impair`: remove it"],
    ),
    (
        "reordering without jitter",
        r#"{at: 1s, link: {end: "sw1:eth1", impair: {reorder: 0.1}}}"#,
        &[
            "19:47: timeline[0].link.impair.reorder: what is reordered is late by up to `jitter`: add that, such as `jitter: 1ms`",
        ],
    ),
    (
        "no impairment",
        r#"{at: 1s, link: {end: "sw1:eth1", impair: {}}}"#,
        &["19:46: timeline[0].link.impair: nothing is impaired: expected something such as {loss: 0.01}"],
    ),
    (
        "unnoticed without corrupt",
        r#"{at: 1s, link: {end: "sw1:eth1", impair: {unnoticed: true}}}"#,
        &[
            "19:47: timeline[0].link.impair.unnoticed: `unnoticed` says how frames are corrupted: add `corrupt`, or remove this",
        ],
    ),
    (
        "a commit without a patch",
        "{at: 1s, commit: {switch: sw1}}",
        &[
            "19:22: timeline[0].commit.patch: `patch` is missing: add what changes, such as `patch: {vlans: {97: {}}}`",
        ],
    ),
    (
        "a patch that is a text",
        "{at: 1s, commit: {switch: sw1, patch: vlans}}",
        &[
            "19:43: timeline[0].commit.patch: expected a mapping of configuration keys such as {vlans: {97: {}}}, found the text `vlans`",
        ],
    ),
    (
        "a patch with an unknown key",
        "{at: 1s, commit: {switch: sw1, patch: {vlan: {97: {}}}}}",
        &["19:44: timeline[0].commit.patch.vlan: unknown key `vlan`: did you mean `vlans`?"],
    ),
    (
        "a patch with a value that is wrong",
        "{at: 1s, commit: {switch: sw1, patch: {ports: {eth1: {access-vlan: 5000}}}}}",
        &[
            "19:72: timeline[0].commit.patch.ports.eth1.access-vlan: VLAN 5000 is out of range: expected 1 to 4094",
        ],
    ),
    (
        "a patch with a port that no link has",
        "{at: 1s, commit: {switch: sw1, patch: {ports: {eth7: {}}}}}",
        &[
            "19:52: timeline[0].commit.patch.ports.eth7: no link ends at port `eth7`: add one to topology.links, or remove the port (linked: eth1, eth2, eth9)",
        ],
    ),
    (
        "a patch that removes what is not there",
        "{at: 1s, commit: {switch: sw1, patch: {vlans: {97: null}}}}",
        &[
            "19:52: timeline[0].commit.patch.vlans.97: there is no `97` to remove: to add one that has nothing to say, write `{}` behind it",
        ],
    ),
    (
        "a patch that does not fit the rest",
        "{at: 1s, commit: {switch: sw1, patch: {mac-table: {ageing-time: 5s}}}}",
        &[
            "19:36: timeline[0].commit.patch.learning.renew-interval: renew-interval 10s is not below the ageing-time, which is 5s: what the agent renews would lapse in between. Shorten it",
        ],
    ),
    (
        "a patch with another mtu",
        "{at: 1s, commit: {switch: sw1, patch: {ports: {eth1: {mtu: 9000}}}}}",
        &[
            "19:64: timeline[0].commit.patch.ports.eth1.mtu: mtu 9000 is not the link's, which is 1500: write `mtu: 9000` at its link, or remove this one",
        ],
    ),
    (
        "a rollback of no step",
        "{at: 1s, rollback: {switch: sw1, steps: 0}}",
        &["19:45: timeline[0].rollback.steps: steps 0 is out of range: expected 1 to 1000"],
    ),
    (
        "a flush of a port that is not there",
        "{at: 1s, flush-fdb: {switch: sw1, port: eth3}}",
        &["19:45: timeline[0].flush-fdb.port: there is no port `eth3`: there are eth1, eth2, eth9"],
    ),
    (
        "a flush of a VLAN that is not there",
        "{at: 1s, flush-fdb: {switch: sw1, vlan: 20}}",
        &[
            "19:45: timeline[0].flush-fdb.vlan: switch `sw1` never has VLAN 20: expected one of 1, or one that a commit brings",
        ],
    ),
    (
        "a move to a link of another's",
        r#"{at: 1s, move-host: {host: h1, to: "sw1:eth2"}}"#,
        &[
            "19:40: timeline[0].move-host.to: the link there leads to h2:eth1: expected one between h1 and a port, with `up: false`",
        ],
    ),
    (
        "a move to where the host is",
        r#"{at: 1s, move-host: {host: h1, to: "sw1:eth1"}}"#,
        &[
            "19:40: timeline[0].move-host.to: the host is there already: expected an end of a link of its that is `up: false`",
        ],
    ),
    (
        "an address of a group",
        r#"{at: 1s, set-mac: {host: h1, mac: "01:00:00:00:00:01"}}"#,
        &[
            "19:39: timeline[0].set-mac.mac: 01:00:00:00:00:01 is a group address: expected that of one station, with an even first octet such as 02",
        ],
    ),
    (
        "a flood without an end",
        "{at: 1s, mac-flood: {host: h1, macs: 10, rate: 10}}",
        &["19:25: timeline[0].mac-flood.lasts: `lasts` is missing: say how long, such as `lasts: 1m`"],
    ),
    (
        "a ping of nobody",
        "{at: 1s, ping: {host: h1, to: 10.0.0.300}}",
        &["19:35: timeline[0].ping.to: `10.0.0.300` is no address: expected one such as 10.0.0.1, or a host"],
    ),
    (
        "a ping of a switch",
        "{at: 1s, ping: {host: h1, to: sw1}}",
        &["19:35: timeline[0].ping.to: `sw1` is a switch: expected a host, and there are h1, h2"],
    ),
    (
        "a ping of oneself",
        "{at: 1s, ping: {host: h1, to: h1}}",
        &["19:35: timeline[0].ping.to: that is the host itself: expected another"],
    ),
    (
        "bytes of nothing",
        "{at: 1s, tcp: {host: h1, to: h2, bytes: 0}}",
        &["19:45: timeline[0].tcp.bytes: bytes 0 is out of range: expected 1 to 1000000000000"],
    ),
];

/// The one expectation.
const EXPECT: &[Case] = &[
    (
        "an expectation without a name",
        "{event: mac-moved}",
        &[
            "19:5: expect[0].name: `name` is missing: add one such as `name: given-up`, which patches call it by",
        ],
    ),
    (
        "nothing expected",
        "{name: a}",
        &[
            "19:5: expect[0]: nothing is expected: expected one of event, alarm, level, black-hole, foreign-unicast, counter, flows, other-flows, asymmetric, fib-conflicts, lost-paths, monitoring",
        ],
    ),
    (
        "two kinds at once",
        "{name: a, event: mac-moved, level: web, least: 1}",
        &["19:33: expect[0].level: this is an expectation of `event` already: make `level` one of its own"],
    ),
    (
        "a key of another kind",
        "{name: a, level: web, least: 1, lasts: 5m}",
        &["19:37: expect[0].lasts: `lasts` goes with black-hole, and this is `level`: remove it"],
    ),
    (
        "an event misspelt",
        "{name: a, event: mac-mvoed}",
        &["19:22: expect[0].event: there is no event `mac-mvoed`: did you mean `mac-moved`?"],
    ),
    (
        "no event of a switch",
        "{name: a, event: coffee-ready, on: sw1}",
        &[
            "19:22: expect[0].event: there is no event `coffee-ready`: those of a switch are switch-started, port-up, port-down, mac-learned, mac-moved, mac-move-damped, mac-evicted, mac-declined, mac-aged, agent-started, agent-stopped, agent-crashed, agent-failed, watchdog-reboot, agent-hung, agent-slowed, agent-resumed, alarm-raised, alarm-cleared, config-committed, config-confirmed, config-rolled-back, fdb-flushed, fdb-checked, lacp-receive-state-changed, lacp-periodic-state-changed, lacp-mux-state-changed, lacp-churn-state-changed, lacp-selection-changed, lacp-partner-changed, lacp-partner-kept, lacp-partners-differ, lacp-partner-not-collecting, lacp-one-way, lacp-pdus-missed, lacp-own-system-heard, lacp-port-moved, lag-fallback-changed, lag-member-changed, lag-changed, interface-up, interface-down, neighbor-resolved, neighbor-failed, address-conflict, fib-write-failed, fpm-connected, fpm-closed, fpm-failed, fpm-stale-removed, fib-checked, paths-checked, bfd-session-up, bfd-session-down, bgp-session-up, bgp-session-down, link-state-adjacency-up, link-state-adjacency-down, link-state-spf-ran, iccp-session-up, iccp-session-down, mclag-system-id-changed, mclag-members-changed, mclag-isolation-changed, mclag-peer-liveness-changed, mclag-init-delay-over, mclag-conflict, mclag-conflict-over, mclag-health-changed, mclag-withdrawn",
        ],
    ),
    (
        "most below least",
        "{name: a, event: mac-moved, least: 2, most: 1}",
        &["19:49: expect[0].most: `most` is 1, and `least` is 2: expected at least as many"],
    ),
    (
        "an event on nobody",
        "{name: a, event: mac-moved, on: sw9}",
        &["19:37: expect[0].on: there is no node `sw9`: there are sw1, sw2, h1, h2"],
    ),
    (
        "a field that is a list",
        "{name: a, event: mac-moved, where: {port: [eth1]}}",
        &["19:47: expect[0].where.port: expected a word or a number, found a list"],
    ),
    (
        "tolerance without a time",
        "{name: a, event: mac-moved, tolerance: 5s}",
        &["19:33: expect[0].tolerance: `tolerance` says how far off `at` may be: add `at`, or remove this"],
    ),
    (
        "an alarm unknown",
        "{name: a, alarm: fire, on: sw1, seen-by: snmp}",
        &[
            "19:22: expect[0].alarm: `fire` is not an alarm: expected agent-failed, agent-restarting, reboot-pending, reports-lost, mac-table-full, commit-unconfirmed, iccp-down, mclag-split-brain, mclag-conflict or mclag-withdrawn",
        ],
    ),
    (
        "a poller unknown",
        "{name: a, alarm: reports-lost, on: sw1, seen-by: snpm}",
        &["19:54: expect[0].seen-by: there is no poller `snpm`: did you mean `snmp`?"],
    ),
    (
        "a poller that does not ask",
        "{name: a, alarm: reports-lost, on: sw2, seen-by: snmp}",
        &["19:40: expect[0].on: poller `snmp` does not ask `sw2`: add it to the poller's `switches`"],
    ),
    (
        "a flow unknown",
        "{name: a, level: wed, least: 1}",
        &["19:22: expect[0].level: there is no flow `wed`: did you mean `web`?"],
    ),
    (
        "a level that cannot fail",
        "{name: a, level: web}",
        &["19:15: expect[0].level: this cannot fail: add `least` or `most`, such as `least: 0.99`"],
    ),
    (
        "a level in percent",
        "{name: a, level: web, least: 99}",
        &["19:34: expect[0].least: least 99 is out of range: expected 0 to 1"],
    ),
    (
        "a window that ends before it begins",
        "{name: a, level: web, least: 1, from: 2m, until: 1m}",
        &["19:54: expect[0].until: the window ends before it begins: expected `from` before `until`"],
    ),
    (
        "a cause unknown",
        "{name: a, black-hole: web, cause: not-in-flod-group}",
        &["19:39: expect[0].cause: `not-in-flod-group` is not a cause: did you mean `not-in-flood-group`?"],
    ),
    (
        "a length of three",
        "{name: a, black-hole: web, lasts: [1m]}",
        &["19:39: expect[0].lasts: expected one time, or the shortest and the longest such as [28s, 38s]"],
    ),
    (
        "a host that is a switch",
        "{name: a, foreign-unicast: sw1, least: 1}",
        &["19:32: expect[0].foreign-unicast: `sw1` is a switch: expected a host, and there are h1, h2"],
    ),
    (
        "a counter misspelt",
        "{name: a, counter: mac-table.learnt, on: sw1, least: 1}",
        &[
            "19:24: expect[0].counter: there is no counter `mac-table.learnt`: did you mean `mac-table.learned`?",
        ],
    ),
    (
        "a counter of nothing",
        "{name: a, counter: temperature, on: sw1, least: 1}",
        &[
            "19:24: expect[0].counter: there is no counter `temperature`: in place of `temperature` expected one of ports, interfaces, mac-table, learning, drops",
        ],
    ),
    (
        "a drop reason unknown",
        "{name: a, counter: drops.storm, on: sw1, least: 1}",
        &[
            "19:24: expect[0].counter: there is no counter `drops.storm`: in place of `storm` expected one of port-down, runt, giant, source-multicast, source-zero, reserved-group, not-collecting, punt-queue-full, truncated-tag, vlan-not-allowed, no-native-vlan, reserved-vlan, move-damped, not-for-us, unknown-protocol, interface-down, bad-ip-header, bad-ip-checksum, martian-source, martian-destination, no-route, no-live-next-hop, next-hop-unset, blackhole, unreachable, prohibited, ttl-expired, packet-too-big, next-hop-unresolved, adjacency-unresolved, hairpin, destination-down, isolated, split-horizon, storm-control, not-in-flood-group, flood-group-lapsed, no-egress, egress-down, egress-mtu, egress-queue-full, egress-unfinished, egress-error, egress-impaired",
        ],
    ),
    (
        "a counter of a port that is not there",
        "{name: a, counter: ports.eth7.in-frames, on: sw1, least: 1}",
        &[
            "19:24: expect[0].counter: there is no counter `ports.eth7.in-frames`: in place of `eth7` expected one of eth1, eth2, eth9",
        ],
    ),
    (
        "a counter without a switch",
        "{name: a, counter: mac-table.learned, least: 1}",
        &["19:5: expect[0].on: `on` is missing: say of which switch, such as `on: sw1`"],
    ),
];
