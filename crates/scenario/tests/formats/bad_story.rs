//! Scenario files that are wrong, and every word that is said about them. `bad_timeline.rs` has their steps and
//! expectations.

use greylag_scenario::Source;
use greylag_scenario::story::{self, Choice};

/// What is wrong, the text, and the lines that are printed for it without the file's name.
type Case = (&'static str, &'static str, &'static [&'static str]);

/// A scenario of 17 lines that is right.
const BASE: &str = include_str!("stories/base.yml");

fn check(cases: &[Case], choice: &Choice, file: impl Fn(&str) -> String) {
    for (what, text, expected) in cases {
        let error = story::parse(&Source::new("x.yml", file(text)), choice).expect_err(what).to_string();
        let expected: Vec<String> = expected.iter().map(|line| format!("x.yml:{line}")).collect();
        assert_eq!(error.lines().collect::<Vec<_>>(), expected, "{what}");
    }
}

#[test]
fn whole_files() {
    check(WHOLE, &Choice::default(), str::to_owned);
}

#[test]
fn keys_below_the_root() {
    check(ROOT, &Choice::default(), |keys| format!("{BASE}{keys}\n"));
}

#[test]
fn flows() {
    check(FLOW, &Choice::default(), |keys| BASE.replace("{from: [h1], to: [h2]}", &format!("{{{keys}}}")));
}

#[test]
fn pollers() {
    check(POLLER, &Choice::default(), |keys| {
        BASE.replace("{switches: [sw1], period: 5m}", &format!("{{{keys}}}"))
    });
}

#[test]
fn parameters() {
    check(PARAMETER, &Choice::default(), |keys| format!("{BASE}{keys}\n"));
}

#[test]
fn assumptions() {
    const KEYS: &str =
        "parameters: {ageing: {value: 300s, choices: [5s, abc]}}\ncheckers: {silence: $ageing}\n";
    let said = |assume: &[(&str, &str)]| {
        let assume = assume.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let choice = Choice { variant: None, assume };
        story::parse(&Source::new("x.yml", format!("{BASE}{KEYS}")), &choice).unwrap_err().to_string()
    };
    assert_eq!(
        said(&[("agieng", "1s")]),
        "x.yml: --assume agieng=1s: there is no parameter `agieng`: did you mean `ageing`?",
        "an assumption of nothing"
    );
    assert_eq!(
        said(&[("ageing", "[1, 2]")]),
        "x.yml: --assume ageing=[1, 2]: expected a plain value such as 300s",
        "an assumption that is no value"
    );
    assert_eq!(
        said(&[("ageing", "abc")]),
        "x.yml:19:21: checkers.silence: --assume ageing=abc: `abc` is not a time: expected seconds or a time such as 500ms, 10s, 5m or 1h",
        "an assumption that the place does not take"
    );
    assert_eq!(
        said(&[("ageing", "0")]),
        "x.yml:19:21: checkers.silence: --assume ageing=0: silence 0s is out of range: expected 1ms to 1000000s",
        "an assumption out of range"
    );
    assert_eq!(
        said(&[("ageing", "1s"), ("ageing", "2s")]),
        "x.yml: --assume ageing=2s: `ageing` is assumed twice: keep one of the two",
        "an assumption twice"
    );
    // Choices are tried as assumptions.
    assert_eq!(
        story::check(&Source::new("x.yml", format!("{BASE}{KEYS}"))).unwrap_err().to_string(),
        said(&[("ageing", "abc")])
    );
}

#[test]
fn variants() {
    let inline = |name: &str| Choice { variant: Some(name.to_owned()), ..Choice::default() };
    let file = |patch: &str| format!("{BASE}{VARIANT_OF}    {patch}\n");
    check(VARIANT, &inline("v"), file);
    assert_eq!(
        story::parse(&Source::new("x.yml", file("patch: {}")), &inline("u")).unwrap_err().to_string(),
        "x.yml: --variant u: there is no variant `u`: did you mean `v`?"
    );
    // Checking a file reads them all.
    for (what, patch, expected) in VARIANT {
        let error = story::check(&Source::new("x.yml", file(patch))).unwrap_err().to_string();
        assert_eq!(error.lines().count(), expected.len(), "{what}");
    }
}

/// Whole files.
const WHOLE: &[Case] = &[
    (
        "a move of a host with two links that are up",
        "name: x\ntitle: X\nduration: 1m\ntopology:\n  nodes: {h1: {kind: host}, h2: {kind: host}}\n  links:\n    - endpoints: [\"h1:eth1\", \"h2:eth1\"]\n    - endpoints: [\"h1:eth2\", \"h2:eth2\"]\n    - {endpoints: [\"h1:eth3\", \"h2:eth3\"], up: false}\ntimeline: [{at: 1s, move-host: {host: h1, to: \"h2:eth3\"}}]\n",
        &[
            "10:47: timeline[0].move-host.to: a host that moves has one link that is up, and this one has h1:eth1, h1:eth2",
        ],
    ),
    (
        "a startup-config that is not there",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {sw1: {kind: greylag, startup-config: sw9.yml}, h1: {kind: host}}, links: [{endpoints: [\"sw1:eth1\", \"h1:eth1\"]}]}\n",
        &["4:57: topology.nodes.sw1.startup-config: `sw9.yml`: there is no such file"],
    ),
    (
        "an empty scenario",
        "",
        &[
            "1:1: the file is empty: expected a scenario such as `name: agent-dies`, `duration: 12m`, `topology: {nodes: .., links: ..}`",
        ],
    ),
    (
        "a list as a scenario",
        "- at: 1s\n",
        &[
            "1:1: expected a mapping such as `name: agent-dies`, `duration: 12m`, `topology: {nodes: .., links: ..}`, found a list",
        ],
    ),
    (
        "a lab given as a scenario",
        "name: x\ntopology: {nodes: {h1: {kind: host}}}\n",
        &["1:1: this is a lab: expected a scenario with a `duration`, or `greylag lab deploy` for a lab"],
    ),
    (
        "a switch given as a scenario",
        "name: sw1\nports: {eth1: {}}\n",
        &[
            "1:1: this is a switch's configuration: expected a scenario with `topology` and `duration`, or `greylag run` for one switch",
        ],
    ),
    (
        "no topology",
        "name: x\ntitle: X\nduration: 1m\n",
        &["1:1: topology: `topology` is missing: add `topology: {nodes: .., links: ..}`"],
    ),
    (
        "no name and no title",
        "duration: 1m\ntopology: {nodes: {h1: {kind: host}}}\n",
        &[
            "1:1: name: `name` is missing: add one such as `name: agent-dies`",
            "1:1: title: `title` is missing: say in a line what happens",
        ],
    ),
    (
        "no duration",
        "name: x\ntitle: X\ntimeline: []\ntopology: {nodes: {h1: {kind: host}}}\n",
        &["1:1: duration: `duration` is missing: say how long it runs, such as `duration: 12m`"],
    ),
    (
        "a duration of nothing",
        "name: x\ntitle: X\nduration: 0\ntopology: {nodes: {h1: {kind: host}}}\n",
        &["3:11: duration: duration 0s is out of range: expected 1ms to 1000000s"],
    ),
    (
        "a start that is a number",
        "name: x\ntitle: X\nduration: 1m\nstart: 1326\ntopology: {nodes: {h1: {kind: host}}}\n",
        &[r#"4:8: start: expected a time of day such as "13:26:00", found the number 1326"#],
    ),
    (
        "a start that is no time of day",
        "name: x\ntitle: X\nduration: 1m\nstart: \"24:00:00\"\ntopology: {nodes: {h1: {kind: host}}}\n",
        &["4:8: start: `24:00:00` is not a time of day: expected one such as 13:26:00"],
    ),
    (
        "nodes beside topology",
        "name: x\ntitle: X\nduration: 1m\nnodes: {}\ntopology: {nodes: {h1: {kind: host}}}\n",
        &["4:1: nodes: `nodes` belongs below `topology`: indent it"],
    ),
    (
        "a host's key at a switch",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {sw1: {kind: greylag, announces: true}, h1: {kind: host}}, links: [{endpoints: [\"sw1:eth1\", \"h1:eth1\"]}]}\n",
        &["4:41: topology.nodes.sw1.announces: `announces` is a host's, and `sw1` is a switch: remove it"],
    ),
    (
        "exec in a scenario",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {h1: {kind: host, exec: [ls]}}}\n",
        &[
            "4:37: topology.nodes.h1.exec: `exec` is for `greylag lab`: a scenario's hosts have no shell. Remove it, or use the timeline",
        ],
    ),
    (
        "a neighbour's lifetime of nothing",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {h1: {kind: host, neighbor-lifetime: 0}}}\n",
        &[
            "4:56: topology.nodes.h1.neighbor-lifetime: neighbor-lifetime 0s is out of range: expected 1ms to 1000000s",
        ],
    ),
    (
        "a host's VLAN out of range",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {h1: {kind: host, vlan: 0}}}\n",
        &["4:43: topology.nodes.h1.vlan: VLAN 0 is out of range: expected 1 to 4094"],
    ),
    (
        "a link's rate",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {h1: {kind: host}, h2: {kind: host}}, links: [{endpoints: [\"h1:eth1\", \"h2:eth1\"], rate: 10 Gbit}]}\n",
        &[
            "4:107: topology.links[0].rate: `10 Gbit` is not a rate: expected bits per second such as 64k, 100M or 10G",
        ],
    ),
    (
        "a link's rate out of range",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {h1: {kind: host}, h2: {kind: host}}, links: [{endpoints: [\"h1:eth1\", \"h2:eth1\"], rate: 20T}]}\n",
        &["4:107: topology.links[0].rate: rate 20000000000000 is out of range: expected 1 to 16T"],
    ),
    (
        "a link's delay",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {h1: {kind: host}, h2: {kind: host}}, links: [{endpoints: [\"h1:eth1\", \"h2:eth1\"], delay: 5µs}]}\n",
        &[
            "4:108: topology.links[0].delay: `5µs` is not a time: expected seconds or a time such as 100ns, 5us, 10ms or 1s",
        ],
    ),
    (
        "a link's queue of nothing",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {h1: {kind: host}, h2: {kind: host}}, links: [{endpoints: [\"h1:eth1\", \"h2:eth1\"], queue: 0}]}\n",
        &["4:108: topology.links[0].queue: queue 0 is out of range: expected 1 to 1000000"],
    ),
    (
        "what refers to a node that could not be read",
        "name: x\ntitle: X\nduration: 1m\ntopology: {nodes: {sw1: {kind: greylagg}, h1: {kind: host}}, links: [{endpoints: [\"sw1:eth1\", \"h1:eth1\"]}]}\ntimeline: [{at: 1s, confirm: {switch: sw1}}, {at: 2s, link: {end: \"sw1:eth7\", up: true}}]\n",
        &["4:32: topology.nodes.sw1.kind: `greylagg` is not a kind of node: did you mean `greylag`?"],
    ),
];

/// Keys below the root.
const ROOT: &[Case] = &[
    ("no YAML", "seed: [1", &["18:7: not valid YAML: unclosed bracket '['"]),
    (
        "a list too deep",
        "seed: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
        &["18:22: the file is larger or nests deeper than any switch or lab needs"],
    ),
    (
        "two steps of one name",
        "timeline:\n  - {at: 1s, name: a, announce: {host: h1}}\n  - {at: 2s, name: a, announce: {host: h1}}",
        &["20:20: timeline[1].name: the name `a` is taken already, on line 19: expected another"],
    ),
    (
        "two expectations of one name",
        "expect:\n  - {name: a, event: mac-moved}\n  - {name: a, event: mac-aged}",
        &["20:12: expect[1].name: the name `a` is taken already, on line 19: expected another"],
    ),
    (
        "a move to where the host has moved",
        "timeline:\n  - {at: 1s, link: {end: \"h1:eth2\", up: true}}\n  - {at: 2s, move-host: {host: h1, to: \"sw2:eth1\"}}\n  - {at: 3s, move-host: {host: h1, to: \"sw2:eth1\"}}",
        &[
            "21:40: timeline[2].move-host.to: the host is there already: expected an end of a link of its that is `up: false`",
        ],
    ),
    (
        "a second commit that does not fit the first",
        "timeline:\n  - {at: 2s, commit: {switch: sw1, patch: {vlans: {97: null, 98: null}}}}\n  - {at: 1s, commit: {switch: sw1, patch: {vlans: {97: {}}}}}",
        &[
            "19:62: timeline[0].commit.patch.vlans.98: there is no `98` to remove: to add one that has nothing to say, write `{}` behind it",
        ],
    ),
    ("an unknown key", "timelime: []", &["18:1: timelime: unknown key `timelime`: did you mean `timeline`?"]),
    ("expectations", "expectations: []", &["18:1: expectations: `expectations` is written `expect`"]),
    (
        "a seed below zero",
        "seed: -1",
        &["18:7: seed: seed -1 is out of range: expected 0 to 18446744073709551615"],
    ),
    (
        "half a lesson",
        "lesson: {cause: a, seen: b}",
        &[
            "18:9: lesson.notice: `notice` is missing: say how to notice it",
            "18:9: lesson.avoid: `avoid` is missing: say how to avoid it",
        ],
    ),
    (
        "a lesson's key",
        "lesson: {cause: a, seen: b, notice: c, avoid: d, moral: e}",
        &["18:50: lesson.moral: unknown key `moral`: the keys here are cause, seen, notice, avoid"],
    ),
    (
        "checkers",
        "checkers: {silence: 0}",
        &["18:21: checkers.silence: silence 0s is out of range: expected 1ms to 1000000s"],
    ),
    (
        "a checker's limit unknown",
        "checkers: {noise: 3s}",
        &[
            "18:12: checkers.noise: unknown key `noise`: the keys here are passes, silence, flood, disagreement",
        ],
    ),
    (
        "a violation unknown",
        "violations: [no-loops]",
        &["18:14: violations[0]: `no-loops` is not a checker: did you mean `no-loop`?"],
    ),
    (
        "a violation by number",
        "violations: [1]",
        &[
            "18:14: violations[0]: expected a checker such as no-black-hole or {checker: no-mute-switch, node: sw1}, found the number 1",
        ],
    ),
    (
        "a violation twice",
        "violations: [no-loop, no-loop]",
        &["18:23: violations[1]: this violation is in the list already: remove one"],
    ),
    (
        "a violation on a node that is not there",
        "violations: [{checker: no-loop, node: sw3}]",
        &["18:39: violations[0].node: there is no node `sw3`: there are sw1, sw2, h1, h2"],
    ),
    (
        "variants without a title",
        "variants: {v: {patch: {seed: 2}}}",
        &["18:15: variants.v.title: `title` is missing: say in a line what is different"],
    ),
    (
        "a variant without a patch",
        "variants: {v: {title: V}}",
        &["18:15: variants.v.patch: `patch` is missing: add what is different as `patch: {..}`"],
    ),
];

/// The keys of flow `web`.
const FLOW: &[Case] = &[
    (
        "a flow to a switch",
        "from: [h1], to: [sw1]",
        &["16:32: flows.web.to[0]: `sw1` is a switch: expected a host, and there are h1, h2"],
    ),
    (
        "a flow to a host that is not there",
        "from: [h1], to: [h9]",
        &["16:32: flows.web.to[0]: there is no host `h9`: there are h1, h2"],
    ),
    (
        "a flow to one name",
        "from: [h1], to: h2",
        &["16:31: flows.web.to: expected a list such as [h1, h2], or all, found the text `h2`: write [h2]"],
    ),
    (
        "a flow to itself",
        "from: [h1], to: [h1]",
        &["16:14: flows.web: nobody sends to anybody else: expected two hosts at least"],
    ),
    (
        "a host twice in a flow",
        "from: [h1, h1], to: [h2]",
        &["16:26: flows.web.from[1]: `h1` is in the list already: remove one"],
    ),
    (
        "a flow from an empty list",
        "from: [], to: [h2]",
        &["16:21: flows.web.from: the list is empty: expected one such as [h1, h2]"],
    ),
    (
        "a flow without an end",
        "from: [h1]",
        &[
            "16:14: flows.web.to: `to` is missing: say which hosts are sent to, such as `to: [h2]` or `to: all`",
        ],
    ),
    (
        "a flow over IPv6 without addresses",
        "from: [h1], to: [h2], family: ipv6",
        &[
            "16:22: flows.web.from[0]: `h1` has no IPv6 address: give it an `ipv6` at the end of its link",
            "16:32: flows.web.to[0]: `h2` has no IPv6 address: give it an `ipv6` at the end of its link",
        ],
    ),
    (
        "a family unknown",
        "from: [h1], to: [h2], family: ipv5",
        &["16:45: flows.web.family: `ipv5` is not a family: expected ipv4 or ipv6"],
    ),
    (
        "a flow with a rate",
        "from: [h1], to: [h2], rate: 10M",
        &[
            "16:37: flows.web.rate: `rate` is not a flow's: write `interval` for probes, and `weight` for what they stand for",
        ],
    ),
    (
        "probes too small",
        "from: [h1], to: [h2], size: 64",
        &["16:43: flows.web.size: size 64 is out of range: expected 90 to 9230"],
    ),
    (
        "a flow that stops before it starts",
        "from: [h1], to: [h2], start: 5m, stop: 4m",
        &["16:54: flows.web.stop: the flow stops before it starts: expected `start` before `stop`"],
    ),
    (
        "a flow that stops after the end",
        "from: [h1], to: [h2], stop: 11m",
        &["16:43: flows.web.stop: stop 11m is out of range: expected 0s to 600s"],
    ),
    (
        "no flow at all",
        "from: [h1], to: [h2], count: 0",
        &["16:44: flows.web.count: count 0 is out of range: expected 1 to 10000"],
    ),
];

/// The keys of poller `snmp`.
const POLLER: &[Case] = &[
    (
        "a poller without a period",
        "switches: [sw1]",
        &["17:17: pollers.snmp.period: `period` is missing: say how often it looks, such as `period: 5m`"],
    ),
    (
        "a poller of a host",
        "switches: [h1], period: 5m",
        &["17:29: pollers.snmp.switches[0]: `h1` is a host: expected a switch, and there are sw1, sw2"],
    ),
    (
        "a phase beyond the period",
        "switches: [sw1], period: 5m, phase: 6m",
        &["17:54: pollers.snmp.phase: phase 6m is out of range: expected 0s to 300s"],
    ),
];

/// Parameters, and what refers to them.
const PARAMETER: &[Case] = &[
    (
        "a parameter that stands nowhere",
        "parameters: {age: {value: 1}}",
        &["18:14: parameters.age: `$age` stands nowhere: write it where the value belongs, or remove this"],
    ),
    (
        "a reference to nothing",
        "seed: $seed",
        &[
            "18:7: seed: there is no parameter `seed`: add it to `parameters`, such as `seed: {value: 300s, standing: assumed}`",
        ],
    ),
    (
        "a reference misspelt",
        "parameters: {sead: {value: 1}, b: {value: $sead}}\nseed: $seed\ncheckers: {passes: $b}",
        &[
            "18:43: parameters.b.value: a parameter cannot be another one, here `$sead`: expected a plain value",
            "19:7: seed: there is no parameter `seed`: did you mean `$sead`?",
        ],
    ),
    (
        "a value that the place does not take",
        "parameters: {when: {value: abc}}\ntimeline: [{at: $when, announce: {host: h1}}]",
        &[
            "19:17: timeline[0].at: $when (line 18): `abc` is not a time: expected seconds or a time such as 500ms, 10s, 5m or 1h",
        ],
    ),
    (
        "a value that is a list",
        "parameters: {seed: {value: [1]}}\nseed: $seed",
        &["18:28: parameters.seed.value: expected a plain value such as 300s, found a list"],
    ),
    (
        "a parameter without a value",
        "parameters: {seed: {standing: assumed}}\nseed: $seed",
        &["18:20: parameters.seed.value: `value` is missing: add one such as `value: 300s`"],
    ),
    (
        "a value out of range in a patch",
        "parameters: {vlan: {value: 5000}}\ntimeline: [{at: 1s, commit: {switch: sw1, patch: {ports: {eth1: {access-vlan: $vlan}}}}}]",
        &[
            "19:79: timeline[0].commit.patch.ports.eth1.access-vlan: $vlan (line 18): VLAN 5000 is out of range: expected 1 to 4094",
        ],
    ),
];

/// What variant `v` is laid over, besides the base.
const VARIANT_OF: &str = "timeline: [{at: 1m, name: crash, fault: {switch: sw1, crash: {}}}]\nexpect: [{name: works, level: web, least: 0.9}]\nvariants:\n  v:\n    title: V\n";

/// What variant `v` has besides its title.
const VARIANT: &[Case] = &[
    (
        "a variant that renames",
        "patch: {name: y}",
        &[
            "23:13: variants.v.patch.name: --variant v: `name` is the scenario's: a variant is called by its own. Remove it",
        ],
    ),
    (
        "a variant of variants",
        "patch: {variants: {}}",
        &[
            "23:13: variants.v.patch.variants: --variant v: `variants` cannot be patched: a variant is laid over the base alone. Remove it",
        ],
    ),
    (
        "a variant with a value that is wrong",
        "patch: {topology: {nodes: {sw1: {config: {learning: {mode: agnet}}}}}}",
        &[
            "23:64: topology.nodes.sw1.config.learning.mode: --variant v: `agnet` is not a learning mode: did you mean `agent`?",
        ],
    ),
    (
        "a variant that removes what is not there",
        "patch: {topology: {nodes: {h3: null}}}",
        &[
            "23:32: variants.v.patch.topology.nodes.h3: --variant v: there is no `h3` to remove: to add one that has nothing to say, write `{}` behind it",
        ],
    ),
    (
        "a variant that removes what is needed",
        "patch: {topology: {nodes: {h2: null}}}",
        &[
            "13:38: topology.links[1].endpoints[1].node: --variant v: there is no node `h2`: did you mean `h1`?",
            "16:32: flows.web.to[0]: --variant v: there is no host `h2`: did you mean `h1`?",
        ],
    ),
    (
        "a variant of a step that is not there",
        "patch: {timeline: {crush: null}}",
        &[
            "23:24: variants.v.patch.timeline.crush: --variant v: there is no step `crush`: did you mean `crash`?",
        ],
    ),
    (
        "a variant of an expectation that is not there",
        "patch: {expect: {work: {least: 1}}}",
        &[
            "23:22: variants.v.patch.expect.work: --variant v: there is no expectation `work`: did you mean `works`?",
        ],
    ),
    (
        "a variant with a new expectation that is wrong",
        "patch: {expect: {slow: {level: web}}}",
        &[
            "23:29: expect[1].level: --variant v: this cannot fail: add `least` or `most`, such as `least: 0.99`",
        ],
    ),
    (
        "a variant that takes a flow away",
        "patch: {flows: {web: null, other: {from: [h2], to: [h1]}}}",
        &["19:31: expect[0].level: --variant v: there is no flow `web`: there are other"],
    ),
];
