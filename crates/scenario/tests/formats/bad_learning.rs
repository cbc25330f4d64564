//! Switch files with a learning agent or a supervisor that are wrong, and every word that is said about them.

use greylag_scenario::{Source, switch};

/// What is wrong, the keys, and the line that is printed for it without the file's name.
type Case = (&'static str, &'static str, &'static str);

#[test]
fn keys_below_the_root() {
    for (what, keys, expected) in CASES {
        let text = format!("name: sw1\nports: {{eth1: {{}}}}\n{keys}\n");
        let error = switch::parse(&Source::new("sw1.yml", text)).expect_err(what).to_string();
        assert_eq!(error, format!("sw1.yml:{expected}"), "{what}");
    }
}

/// What is wrong in one mode and means nothing in the other.
#[test]
fn an_agent_that_is_not_asked_may_be_anything() {
    for keys in ["renew-interval: 10m", "agent-owns: [learn], flood: leased"] {
        let text = format!("name: sw1\nports: {{eth1: {{}}}}\nlearning: {{mode: inline, {keys}}}\n");
        switch::parse(&Source::new("sw1.yml", text)).unwrap_or_else(|error| panic!("{error}"));
    }
}

const CASES: &[Case] = &[
    (
        "a sweep longer than half of the ageing time",
        "mac-table: {sweep-interval: 200s}",
        "3:29: mac-table.sweep-interval: sweep-interval 200s is longer than half of the ageing-time, which is 300s: expected at most 150s",
    ),
    (
        "a sweep interval of nothing",
        "mac-table: {ageing-time: 0, sweep-interval: 0}",
        "3:45: mac-table.sweep-interval: sweep-interval 0s is out of range: expected 1ms to 1000000s",
    ),
    (
        "a learning mode unknown",
        "learning: {mode: agents}",
        "3:18: learning.mode: `agents` is not a learning mode: did you mean `agent`?",
    ),
    (
        "learning as a word",
        "learning: agent",
        "3:11: learning: expected a mapping such as {mode: agent}, found the text `agent`",
    ),
    (
        "an agent that owns one word",
        "learning: {agent-owns: learn}",
        "3:24: learning.agent-owns: expected a list such as [learn, lease], found the text `learn`: write [learn]",
    ),
    (
        "an agent that owns nothing",
        "learning: {mode: agent, agent-owns: []}",
        "3:37: learning.agent-owns: the agent owns nothing: expected some of learn, lease, flood or adjacency, or `mode: inline`",
    ),
    (
        "an agent that owns what there is not",
        "learning: {agent-owns: [learn, leases]}",
        "3:32: learning.agent-owns[1]: `leases` is not what an agent can own: did you mean `lease`?",
    ),
    (
        "an agent that owns something twice",
        "learning: {agent-owns: [learn, learn]}",
        "3:32: learning.agent-owns[1]: `learn` is in the list already: remove one",
    ),
    (
        "an agent that may own something",
        "learning: {agent-owns: {learn: maybe}}",
        "3:32: learning.agent-owns.learn: expected true or false, found the text `maybe`",
    ),
    (
        "a renewal as long as the ageing time",
        "learning: {mode: agent, renew-interval: 300s}",
        "3:41: learning.renew-interval: renew-interval 300s is not below the ageing-time, which is 300s: what the agent renews would lapse in between. Shorten it",
    ),
    (
        "a renewal of leased flood groups",
        "learning: {mode: agent, agent-owns: [flood], flood: leased, renew-interval: 10m}",
        "3:77: learning.renew-interval: renew-interval 600s is not below the ageing-time, which is 300s: what the agent renews would lapse in between. Shorten it",
    ),
    (
        "leased flood groups that the agent does not own",
        "learning: {mode: agent, agent-owns: [learn], flood: leased}",
        "3:53: learning.flood: the agent does not own the flood groups: add `flood` to `agent-owns`, or remove this",
    ),
    (
        "a flood group melted",
        "learning: {flood: melted}",
        "3:19: learning.flood: `melted` is not what becomes of flood groups: expected frozen or leased",
    ),
    (
        "a queue of nothing",
        "learning: {queue-length: 0}",
        "3:26: learning.queue-length: queue-length 0 is out of range: expected 1 to 1048576",
    ),
    (
        "a report interval that is a word",
        "learning: {report-interval: never}",
        "3:29: learning.report-interval: `never` is neither a time nor `once`: expected one such as 10s",
    ),
    (
        "an audit interval that is a word",
        "learning: {audit-interval: once}",
        "3:28: learning.audit-interval: `once` is neither a time nor `never`: expected one such as 10s",
    ),
    (
        "an audit interval that is no time",
        "learning: {audit-interval: 1 day}",
        "3:28: learning.audit-interval: `1 day` is not a time: expected seconds or a time such as 500ms, 10s, 5m or 1h",
    ),
    (
        "an order unknown",
        "learning: {report-order: fifo}",
        "3:26: learning.report-order: `fifo` is not an order of reports: expected arrival or stamped",
    ),
    (
        "a key of learning unknown",
        "learning: {renew: 10s}",
        "3:12: learning.renew: unknown key `renew`: the keys here are mode, agent-owns, renew-interval, flood, flush, queue-length, poll-interval, report-interval, report-order, audit-interval",
    ),
    (
        "systemd's own word",
        "supervisor: {RestartSec: 1}",
        "3:14: supervisor.RestartSec: `RestartSec` is systemd's word: write `restart-delay`",
    ),
    (
        "a burst of nothing",
        "supervisor: {start-limit-burst: 0}",
        "3:33: supervisor.start-limit-burst: start-limit-burst 0 is out of range: expected 1 to 1000000",
    ),
    (
        "restart as a word",
        "supervisor: {restart: always}",
        "3:23: supervisor.restart: expected true or false, found the text `always`",
    ),
    (
        "a delay below zero",
        "supervisor: {restart-delay: -1}",
        "3:29: supervisor.restart-delay: restart-delay -1s is out of range: expected 0s to 1000000s",
    ),
];
