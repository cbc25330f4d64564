//! What a timeline says, in words.

use super::clock::span;
use greylag_scenario::lab::Lab;
use greylag_scenario::story::{Action, Impairment, LinkChange, LostBy, SeenBy};
use greylag_switch::fault::{AddressFamily, Fault, GroupChange, ProgrammingMishap, WriteFilter};
use std::time::Duration;

/// An order in words.
pub(crate) struct Words {
    /// The node that it is done to; the first end of a link.
    pub(crate) node: usize,
    /// `crash`, `link-down`, `commit`: what scenario files call it.
    pub(crate) action: &'static str,
    /// For people, without the node.
    pub(crate) text: String,
}

/// Says what an action does.
pub(crate) fn describe(action: &Action, lab: &Lab) -> Words {
    let name = |node: &usize| lab.nodes[*node].name.as_str();
    let (node, action, text) = match action {
        Action::Fault { switch, fault } => {
            let (action, text) = fault_words(fault);
            (*switch, action, text)
        }
        Action::Link { link, change } => {
            let (action, how) = link_words(change, lab, *link);
            (lab.links[*link].ends[0].node, action, format!("link {}: {how}", link_name(lab, *link)))
        }
        Action::Commit { switch, author, confirm_within, .. } => {
            let confirm = confirm_within
                .map_or_else(String::new, |within| format!(", to be confirmed within {}", span(within)));
            (*switch, "commit", format!("commit by {author}{confirm}"))
        }
        Action::Confirm { switch } => (*switch, "confirm", "commit confirmed".to_owned()),
        Action::Rollback { switch, steps, author } => {
            (*switch, "rollback", format!("rollback {steps} by {author}"))
        }
        Action::FlushFdb { switch, port, vlan } => {
            let port = port.as_ref().map_or_else(String::new, |port| format!(" of {port}"));
            let vlan = vlan.map_or_else(String::new, |vlan| format!(" in VLAN {vlan}"));
            (*switch, "flush-fdb", format!("addresses{port}{vlan} flushed"))
        }
        Action::CheckFdb { switch, repair } => {
            let repair = if *repair { " and repaired" } else { "" };
            (*switch, "check-fdb", format!("table checked{repair}"))
        }
        Action::CheckFib { switch, repair } => {
            let repair = if *repair { " and repaired" } else { "" };
            (*switch, "check-fib", format!("RIB and FIB compared{repair}"))
        }
        Action::CheckPaths { switch } => (*switch, "check-paths", "every bucket tried".to_owned()),
        Action::Upgrade { switch, version } => {
            let text = format!("goes down for version {}, boots for {}", version.name, span(version.boot));
            (*switch, "upgrade", text)
        }
        Action::Management { switch, up: true } => {
            (*switch, "management", "management port whole again".to_owned())
        }
        Action::Management { switch, up: false } => (*switch, "management", "management port cut".to_owned()),
        Action::PowerOff { switch } => (*switch, "power-off", "power off".to_owned()),
        Action::PowerOn { switch, boot } => {
            (*switch, "power-on", format!("power on, boots for {}", span(*boot)))
        }
        Action::MoveHost { link, to, announces } => {
            let host = host_end(lab, *link);
            let silently = if *announces { "" } else { ", without a word" };
            (host, "move-host", format!("moves to {}{silently}", far_end(lab, *to, host)))
        }
        Action::Announce { host } => (*host, "announce", "announces itself".to_owned()),
        Action::SetMac { host, mac } => (*host, "set-mac", format!("takes the address {mac}")),
        Action::MacFlood { host, macs, rate, lasts } => {
            let text = format!("sends from {macs} addresses, {rate} frames/s for {}", span(*lasts));
            (*host, "mac-flood", text)
        }
        Action::Ping { host, to, count } => (*host, "ping", format!("pings {to} {count} times")),
        Action::Tcp { host, to, bytes } => {
            (*host, "tcp", format!("sends {bytes} bytes to {} by TCP", name(to)))
        }
        Action::Broadcast { host, rate, lasts } => {
            (*host, "broadcast", format!("broadcasts {rate} frames/s for {}", span(*lasts)))
        }
    };
    Words { node, action, text }
}

/// What scenario files call a fault.
pub(crate) fn fault_name(fault: &Fault) -> &'static str {
    fault_words(fault).0
}

fn fault_words(fault: &Fault) -> (&'static str, String) {
    let until =
        |lasts: &Option<Duration>| lasts.map_or_else(String::new, |lasts| format!(" for {}", span(lasts)));
    match fault {
        Fault::Crash { agent, dump } => {
            ("crash", format!("agent {} crashes, {} of core dump", agent.name(), span(*dump)))
        }
        Fault::CrashLoop { agent, run_least, run_most, times, while_vlan, .. } => {
            let run = match run_least == run_most {
                true => span(*run_least),
                false => format!("{} to {}", span(*run_least), span(*run_most)),
            };
            let times = times.map_or_else(String::new, |times| format!(", {times} times"));
            let vlan =
                while_vlan.map_or_else(String::new, |vlan| format!(" while VLAN {vlan} is configured"));
            ("crash-loop", format!("agent {} crashes after each {run}{times}{vlan}", agent.name()))
        }
        Fault::Hang { agent, lasts } => ("hang", format!("agent {} hangs{}", agent.name(), until(lasts))),
        Fault::Slow { agent, rate, lasts } => {
            ("slow", format!("agent {} handles {rate} reports/s{}", agent.name(), until(lasts)))
        }
        Fault::LoseReports { share, lasts } => {
            ("lose-reports", format!("a share of {share} of the reports is lost{}", until(lasts)))
        }
        Fault::DelayReports { least, most, lasts } => {
            let text = format!("reports are {} to {} late{}", span(*least), span(*most), until(lasts));
            ("delay-reports", text)
        }
        Fault::RefuseWrites { share, lasts } => {
            ("refuse-writes", format!("a share of {share} of the writes is refused{}", until(lasts)))
        }
        Fault::Misprogram { mishap, only, share, lasts } => {
            let writes = writes_words(only, *share);
            let (name, text) = match mishap {
                ProgrammingMishap::Drop { acknowledged } => {
                    let told = if *acknowledged { ", which it takes for done" } else { "" };
                    ("drop-writes", format!("{writes} are lost{told}"))
                }
                ProgrammingMishap::Delay(late) => {
                    ("delay-writes", format!("{writes} are {} to {} late", span(late.least), span(late.most)))
                }
                ProgrammingMishap::Misorder => ("misorder-writes", format!("{writes} overtake each other")),
                ProgrammingMishap::StaleMember => (
                    "stale-members",
                    format!("{writes} leave the buckets of members that changed as they were"),
                ),
            };
            (name, text + &until(lasts))
        }
        Fault::Restart { agent } => ("restart", format!("agent {} restarted by hand", agent.name())),
        Fault::Heal => ("heal", "faults healed".to_owned()),
    }
}

/// Which writes of the programming agent.
fn writes_words(only: &WriteFilter, share: f64) -> String {
    let WriteFilter { family, prefix, buckets, worker, change } = only;
    let filters = [
        family.map(|family| match family {
            AddressFamily::Ipv4 => "IPv4".to_owned(),
            AddressFamily::Ipv6 => "IPv6".to_owned(),
        }),
        prefix.map(|prefix| prefix.to_string()),
        buckets.map(|(first, last)| match first == last {
            true => format!("bucket {first}"),
            false => format!("buckets {first} to {last}"),
        }),
        worker.map(|worker| format!("worker {worker}")),
        change.map(|change| match change {
            GroupChange::MemberLost => "groups that lose a member".to_owned(),
            GroupChange::MemberReturned => "groups that get a member".to_owned(),
        }),
    ];
    let filters: Vec<String> = filters.into_iter().flatten().collect();
    let of = if filters.is_empty() { String::new() } else { format!(" ({})", filters.join(", ")) };
    let share = if share < 1.0 { format!("a share of {share} of ") } else { String::new() };
    format!("{share}writes of agent programming{of}")
}

fn link_words(change: &LinkChange, lab: &Lab, link: usize) -> (&'static str, String) {
    let end = |index: usize| end_name(lab, link, index);
    match change {
        LinkChange::Down { seen_by } => {
            let seen = match seen_by {
                SeenBy::Both => String::new(),
                SeenBy::End(index) => format!(", seen by {} only", end(*index)),
                SeenBy::Nobody => ", seen by nobody".to_owned(),
            };
            ("link-down", format!("cut{seen}"))
        }
        LinkChange::Up => ("link-up", "whole".to_owned()),
        LinkChange::Loses(loss) => {
            let what = match (loss.by, loss.ipv6) {
                (LostBy::Flow, None) => "flows",
                (LostBy::Flow, Some(false)) => "IPv4 flows",
                (LostBy::Flow, Some(true)) => "IPv6 flows",
                (LostBy::Pair, None) => "pairs of addresses",
                (LostBy::Pair, Some(false)) => "pairs of IPv4 addresses",
                (LostBy::Pair, Some(true)) => "pairs of IPv6 addresses",
            };
            ("link-loses", format!("a share of {} of the {what} is lost in {}", loss.share, loss.within))
        }
        LinkChange::OneWay { from } => ("link-one-way", format!("frames from {} disappear", end(*from))),
        LinkChange::Impair { from, impairment } => {
            let from = from.map_or_else(String::new, |index| format!(" from {}", end(index)));
            ("link-impair", format!("frames{from}: {}", impairment_words(impairment)))
        }
    }
}

fn impairment_words(impairment: &Impairment) -> String {
    let share = |name: &str, share: f64| (share > 0.0).then(|| format!("{name} {share}"));
    let time = |name: &str, time: Duration| (!time.is_zero()).then(|| format!("{name} {}", span(time)));
    let corrupt = if impairment.unnoticed { "corrupt unnoticed" } else { "corrupt" };
    let words: Vec<String> = [
        share("loss", impairment.loss),
        share("duplicate", impairment.duplicate),
        share("reorder", impairment.reorder),
        share(corrupt, impairment.corrupt),
        time("delay", impairment.delay),
        time("jitter", impairment.jitter),
        impairment.rate.map(|rate| format!("rate {rate} bit/s")),
        impairment.frame_rate.map(|rate| format!("rate {rate} frames/s")),
        time("burst", impairment.burst),
    ]
    .into_iter()
    .flatten()
    .collect();
    if words.is_empty() { "no impairment".to_owned() } else { words.join(", ") }
}

/// `sw1:eth1`.
pub(crate) fn end_name(lab: &Lab, link: usize, end: usize) -> String {
    let end = &lab.links[link].ends[end];
    format!("{}:{}", lab.nodes[end.node].name, end.interface)
}

/// `sw1:eth1 - h1:eth1`.
pub(crate) fn link_name(lab: &Lab, link: usize) -> String {
    format!("{} - {}", end_name(lab, link, 0), end_name(lab, link, 1))
}

/// The node of a link that is a host; its first end when both are.
pub(crate) fn host_end(lab: &Lab, link: usize) -> usize {
    let ends = &lab.links[link].ends;
    let is_host = |node: usize| matches!(lab.nodes[node].kind, greylag_scenario::lab::NodeKind::Host);
    ends.iter().map(|end| end.node).find(|&node| is_host(node)).unwrap_or(ends[0].node)
}

fn far_end(lab: &Lab, link: usize, node: usize) -> String {
    let index = lab.links[link].ends.iter().position(|end| end.node != node).unwrap_or(0);
    end_name(lab, link, index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_scenario::Source;
    use greylag_scenario::story::parse_fault;

    #[test]
    fn faults_of_the_programming_agent_in_words() {
        for (fault, name, words) in [
            (
                "{drop-writes: {}}",
                "drop-writes",
                "writes of agent programming are lost, which it takes for done",
            ),
            (
                "{drop-writes: {family: ipv4, worker: 1, acknowledged: false, share: 0.5, lasts: 30s}}",
                "drop-writes",
                "a share of 0.5 of writes of agent programming (IPv4, worker 1) are lost for 30s",
            ),
            (
                "{delay-writes: {delay: [0s, 2s], prefix: 10.0.0.0/8}}",
                "delay-writes",
                "writes of agent programming (10.0.0.0/8) are 0s to 2s late",
            ),
            (
                "{misorder-writes: {buckets: 3}}",
                "misorder-writes",
                "writes of agent programming (bucket 3) overtake each other",
            ),
            (
                "{stale-members: {buckets: 0..7, change: member-lost}}",
                "stale-members",
                "writes of agent programming (buckets 0 to 7, groups that lose a member) leave the buckets of members \
                 that changed as they were",
            ),
        ] {
            let fault = parse_fault(&Source::new("fault", fault)).unwrap();
            assert_eq!(fault_words(&fault), (name, words.to_owned()));
        }
    }
}
