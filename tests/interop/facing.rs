//! A greylag and an Open vSwitch with a bundle between them, and a host behind each.
//!
//! ```text
//! near (eth0) -- lan greylag m1..mN ==== m1..mN Open vSwitch lan -- (eth0) far
//! ```

use crate::lacp_show::Bond;
use crate::ovs::Ovs;
use crate::rig::{DEADLINE, raw_socket, succeed};
use crate::running::{Room, Running};
use crate::stream::{Direction, Report, Stream};
use greylag_base::PortName;
use greylag_lab::host::{self, TransferSize};
use greylag_lab::link::{self, VethEnd};
use greylag_lab::netns::Netns;
use greylag_tests::wait_for;
use serde_json::Value;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

/// Where the host behind greylag is.
const NEAR: &str = "10.0.0.1";

/// Where the host behind Open vSwitch is.
const FAR: &str = "10.0.0.2";

/// Our system, unless a test says otherwise.
pub(crate) const OURS: &str = "02:00:00:00:00:01";

/// Open vSwitch's.
pub(crate) const THEIRS: &str = "02:00:00:00:00:02";

/// What may come on top of a protocol's time: this machine is busy with other things, too.
pub(crate) const SLACK: Duration = Duration::from_secs(3);

/// A namespace, removed with the test.
pub(crate) struct Place {
    pub(crate) netns: Netns,
    _room: Room,
}

impl Place {
    /// Nobody speaks there but those whom the test starts.
    pub(crate) fn new() -> Place {
        let (room, netns) = Room::new();
        let quiet = netns.run(|| std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"));
        quiet.expect("the namespace can be entered").expect("IPv6 can be switched off");
        Place { netns, _room: room }
    }

    /// Lays a cable to another place, both ends of which are up.
    pub(crate) fn cable(&self, interface: &str, other: &Place, other_interface: &str) {
        let names = [interface, other_interface].map(|name| PortName::new(name).expect("a name"));
        let [a, b] = [(self, &names[0]), (other, &names[1])].map(|(place, name)| VethEnd {
            netns: &place.netns,
            name,
            mac: None,
            mtu: 1500,
        });
        link::veth_pair(&a, &b).expect("a cable");
        link::set_up(&self.netns, interface).expect("it is up");
        link::set_up(&other.netns, other_interface).expect("it is up");
    }

    /// Makes it a host. It computes its checksums itself: what Open vSwitch's data plane in user space does not finish
    /// arrives broken.
    pub(crate) fn settle(&self, address: &str) {
        let address: IpAddr = address.parse().expect("an address");
        link::add_address(&self.netns, "eth0", address, 24).expect("it has an address");
        self.command("ethtool", &["-K", "eth0", "tx", "off"]);
    }

    /// Has what leaves by an interface disappear, without a word.
    pub(crate) fn silence(&self, interface: &str) {
        self.command("tc", &["qdisc", "replace", "dev", interface, "root", "blackhole"]);
    }

    /// The end of that.
    pub(crate) fn restore(&self, interface: &str) {
        self.command("tc", &["qdisc", "del", "dev", interface, "root"]);
    }

    fn command(&self, program: &str, words: &[&str]) {
        let run = || Command::new(program).args(words).output();
        let output = self.netns.run(run).expect("the namespace can be entered").expect("the program runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {}: {error}", words.join(" "));
    }
}

/// What the two ends are told.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// How many links there are.
    pub(crate) members: usize,
    /// Keys of the bundle in our file, as in `lacp-mode: ACTIVE, interval: FAST`.
    pub(crate) ours: &'a str,
    /// Settings of their port: `lacp=active other_config:lacp-time=fast`.
    pub(crate) theirs: &'a [&'a str],
}

/// Both active, one LACPDU a second.
pub(crate) const FAST: Terms<'static> = Terms {
    members: 2,
    ours: "lacp-mode: ACTIVE, interval: FAST",
    theirs: &["lacp=active", "other_config:lacp-time=fast"],
};

/// The two, side by side.
pub(crate) struct Facing {
    pub(crate) greylag: Running,
    pub(crate) ovs: Ovs,
    pub(crate) near: Place,
    pub(crate) here: Place,
    pub(crate) there: Place,
    pub(crate) far: Place,
    pub(crate) members: Vec<String>,
}

/// `m1`, `m2` and so on.
pub(crate) fn members(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("m{number}")).collect()
}

/// Our file: a system, a bundle with these keys, and a port for a host.
pub(crate) fn switch_file(system: &str, members: &[String], lag: &str) -> String {
    let links: String = members.iter().map(|name| format!("  {name}: {{aggregate-id: ae0}}\n")).collect();
    format!("{system}\nflow-hash: {{seed: 7}}\nports:\n  lan: {{}}\n{links}  ae0: {{type: lag, {lag}}}\n")
}

/// Our system's line, with this id.
pub(crate) fn system(id: &str) -> String {
    format!("lacp: {{system-id-mac: \"{id}\", system-priority: 100}}")
}

impl Facing {
    /// Connects and starts them.
    pub(crate) fn start(terms: Terms<'_>) -> Facing {
        let [near, here, there, far] = std::array::from_fn(|_| Place::new());
        near.cable("eth0", &here, "lan");
        far.cable("eth0", &there, "lan");
        let members = members(terms.members);
        for member in &members {
            here.cable(member, &there, member);
        }
        near.settle(NEAR);
        far.settle(FAR);
        let file = switch_file(&system(OURS), &members, terms.ours);
        let start_ovs = || {
            let ovs = Ovs::start(&there.netns);
            let id = format!("other_config:lacp-system-id=\"{THEIRS}\"");
            ovs.add_bond(&members, &[terms.theirs, &[&id, "other_config:lacp-system-priority=200"]].concat());
            ovs
        };
        // Who speaks first comes last: an end that has heard nobody for a while speaks every half a minute.
        let (greylag, ovs) = if terms.theirs.contains(&"lacp=passive") {
            let ovs = start_ovs();
            (Running::start(&here.netns, &file), ovs)
        } else {
            (Running::start(&here.netns, &file), start_ovs())
        };
        Facing { greylag, ovs, near, here, there, far, members }
    }

    /// Waits until both ends use all links.
    pub(crate) fn wait_until_whole(&self) -> Bond {
        self.ovs.wait_for_bond("Open vSwitch uses all links", Bond::is_whole);
        wait_for("greylag uses all links", DEADLINE, || (self.distributing() == self.members).then_some(()));
        self.ovs.bond()
    }

    /// The links that our bundle distributes over, as it told last.
    pub(crate) fn distributing(&self) -> Vec<String> {
        distributions(&self.greylag).pop().unwrap_or_default()
    }

    /// Waits until our bundle distributes over these links.
    pub(crate) fn wait_until_we_use(&self, links: &[&str]) {
        wait_for("greylag uses the links that are left", DEADLINE, || {
            (self.distributing() == links).then_some(())
        });
    }

    /// Changes something of one end, and waits until both have parted over it and are one again.
    pub(crate) fn wait_through(&self, change: impl FnOnce(&Facing)) {
        let before = distributions(&self.greylag).len();
        change(self);
        wait_for("the bundle has been down, and is up again", DEADLINE, || {
            let since = &distributions(&self.greylag)[before..];
            (since.iter().any(Vec::is_empty) && since.last() == Some(&self.members)).then_some(())
        });
        self.wait_until_whole();
    }

    /// A ping passes, and then a stream of TCP, whole.
    pub(crate) fn carry_ping_and_tcp(&self) {
        let far = FAR.parse().expect("an address");
        wait_for("the far host answers", DEADLINE, || {
            let wait = Duration::from_millis(200);
            host::ping(&self.near.netns, far, 1, wait, wait)
                .is_ok_and(|report| report.is_clean())
                .then_some(())
        });
        let server = SocketAddr::new(far, 0);
        let size = TransferSize::Bytes(2_000_000);
        let report = host::tcp_transfer(&self.far.netns, &self.near.netns, server, size, DEADLINE);
        assert_eq!(report.expect("TCP connects").bytes, 2_000_000);
    }

    /// Streams in both directions, flows enough that every link has some of each.
    pub(crate) fn streams(&self) -> Streams {
        let (near_out, near_in) = raw_socket(&self.near.netns, "eth0");
        let (far_out, far_in) = raw_socket(&self.far.netns, "eth0");
        Streams {
            out: Stream::start(Direction::Out, near_out, far_in),
            back: Stream::start(Direction::Back, far_out, near_in),
        }
    }
}

/// Has a switch run with something else from now on; its `name` line is added. Its own file stays as it is.
pub(crate) fn commit(switch: &Running, config: &str) {
    let candidate = switch.file.with_file_name("candidate.yml");
    std::fs::write(&candidate, format!("name: {}\n{config}", switch.name)).expect("the candidate is written");
    succeed(&["config", "commit", candidate.to_str().expect("the path is UTF-8"), "-s", &switch.name]);
}

/// All that a switch told of one kind.
pub(crate) fn events(switch: &Running, kind: &str) -> Vec<Value> {
    let text = succeed(&["show", "events", "-s", &switch.name, "-j"]);
    let rows: Vec<Value> = serde_json::from_str(&text).expect("-j prints JSON");
    rows.into_iter().filter(|row| row["event"] == kind).collect()
}

/// The links that the bundle of a switch has distributed over, one time after the other.
pub(crate) fn distributions(switch: &Running) -> Vec<Vec<String>> {
    let told = events(switch, "lag-changed").into_iter();
    let links = told.map(|event| event["distributing"].as_array().expect("names").clone());
    let name = |name: Value| name.as_str().expect("a name").to_owned();
    links.map(|links| links.into_iter().map(name).collect()).collect()
}

/// Both directions of traffic.
pub(crate) struct Streams {
    /// From us to Open vSwitch.
    out: Stream,
    /// From Open vSwitch to us.
    back: Stream,
}

impl Streams {
    /// Waits until everything arrives that is sent.
    pub(crate) fn wait_until_whole(&self) {
        self.out.wait_until_whole();
        self.back.wait_until_whole();
    }

    /// What has been lost since the start, there and back.
    pub(crate) fn end(self) -> (Report, Report) {
        (self.out.end(), self.back.end())
    }
}
