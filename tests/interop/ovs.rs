//! Open vSwitch as a peer: a database and a switch of its own in a namespace of the test.
//!
//! Its data plane is the one in user space, so that the kernel needs no module. A system service of the same name is not needed, and
//! not disturbed.

use crate::lacp_show::Bond;
use crate::rig::DEADLINE;
use greylag_lab::netns::Netns;
use greylag_tests::{Need, wait_for};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What it takes to run one.
pub(crate) const OVS: &[Need] = &[
    Need::NetAdmin,
    Need::Tun,
    Need::Program { name: "ovs-vswitchd", package: "openvswitch-switch" },
    Need::Program { name: "ovsdb-server", package: "openvswitch-switch" },
    Need::Program { name: "ip", package: "iproute2" },
    Need::Program { name: "tc", package: "iproute2" },
    Need::Program { name: "ethtool", package: "ethtool" },
    Need::Program { name: "nsenter", package: "util-linux" },
    Need::Program { name: "setpriv", package: "util-linux" },
];

/// Where Debian has the shape of the database.
const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// A running Open vSwitch, killed with the test.
pub(crate) struct Ovs {
    netns: Netns,
    folder: TempDir,
    database: Child,
    switch: Child,
}

impl Ovs {
    /// Starts one without any bridge.
    pub(crate) fn start(netns: &Netns) -> Ovs {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let database = folder.path().join("conf.db");
        let made = Command::new("ovsdb-tool").arg("create").arg(&database).arg(SCHEMA).status();
        assert!(made.expect("ovsdb-tool runs").success(), "the database is made");
        let database = spawn_database(netns, folder.path(), &database);
        wait_for("the database answers", DEADLINE, || folder.path().join("db.sock").exists().then_some(()));
        let switch = spawn_switch(netns, folder.path());
        let ovs = Ovs { netns: netns.clone(), folder, database, switch };
        ovs.configure(&["--no-wait", "init"]);
        ovs.wait_until_it_answers();
        ovs
    }

    /// `ovs-vsctl WORDS`: returns once the switch has done it, unless told not to wait.
    pub(crate) fn configure(&self, words: &[&str]) {
        let socket = self.folder.path().join("db.sock");
        let mut vsctl = Command::new("ovs-vsctl");
        vsctl.arg(format!("--db=unix:{}", socket.display())).arg("--timeout=20").args(words);
        let output = vsctl.output().expect("ovs-vsctl runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "ovs-vsctl {}: {error}", words.join(" "));
    }

    /// Adds a bridge br0 with a port `lan` and a bond `bond0`, whose further settings are those of `ovs-vsctl`'s `set port`.
    pub(crate) fn add_bond(&self, members: &[String], settings: &[&str]) {
        let mut words = vec!["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"];
        words.extend(["--", "add-port", "br0", "lan", "--", "add-bond", "br0", "bond0"]);
        words.extend(members.iter().map(String::as_str));
        // What was dealt to a link stays there.
        words.extend(["bond_mode=balance-tcp", "other_config:bond-rebalance-interval=0"]);
        words.extend(settings);
        self.configure(&words);
    }

    /// `ovs-appctl WORDS`; `None` while the switch does not answer.
    pub(crate) fn ask(&self, words: &[&str]) -> Option<String> {
        let socket = self.folder.path().join("vs.ctl");
        let output = Command::new("ovs-appctl").arg("-t").arg(socket).args(words).output();
        let output = output.expect("ovs-appctl runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `lacp/show`.
    pub(crate) fn bond(&self) -> Bond {
        let text = self.ask(&["lacp/show", "bond0"]).expect("Open vSwitch answers");
        Bond::read(&text).unwrap_or_else(|line| panic!("lacp/show says what is not known: {line}\n{text}"))
    }

    /// Waits until `lacp/show` is as it should be.
    pub(crate) fn wait_for_bond(&self, what: &str, mut is: impl FnMut(&Bond) -> bool) -> Bond {
        wait_for(what, DEADLINE, || Some(self.bond()).filter(|bond| is(bond)))
    }

    /// Kills the switch, but not its database.
    pub(crate) fn kill(&mut self) {
        end(&mut self.switch);
    }

    /// Starts the switch again after its end, and returns when it has read its configuration.
    pub(crate) fn restart(&mut self) {
        // One that is killed leaves its socket.
        let _ = std::fs::remove_file(self.folder.path().join("vs.ctl"));
        self.switch = spawn_switch(&self.netns, self.folder.path());
        self.wait_until_it_answers();
        // It answers this when it has done everything before it.
        self.configure(&["set", "open_vswitch", ".", "external_ids:started=again"]);
    }

    fn wait_until_it_answers(&self) {
        wait_for("Open vSwitch answers", DEADLINE, || self.ask(&["version"]));
    }
}

impl Drop for Ovs {
    fn drop(&mut self) {
        end(&mut self.switch);
        end(&mut self.database);
    }
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn spawn_database(netns: &Netns, folder: &Path, database: &Path) -> Child {
    let mut server = command(netns, folder, "ovsdb-server");
    server.arg(database).arg(format!("--remote=punix:{}", folder.join("db.sock").display()));
    server.arg(format!("--unixctl={}", folder.join("db.ctl").display()));
    server.spawn().expect("ovsdb-server starts")
}

fn spawn_switch(netns: &Netns, folder: &Path) -> Child {
    let mut switch = command(netns, folder, "ovs-vswitchd");
    switch.arg(format!("unix:{}", folder.join("db.sock").display()));
    switch.arg(format!("--unixctl={}", folder.join("vs.ctl").display()));
    switch.spawn().expect("ovs-vswitchd starts")
}

/// A program of Open vSwitch in a namespace. The kernel kills it when the calling thread ends, however that comes about.
fn command(netns: &Netns, folder: &Path, program: &str) -> Command {
    let netns = PathBuf::from(greylag_lab::netns::NETNS_FOLDER).join(netns.name());
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "nsenter"]).arg(format!("--net={}", netns.display())).arg(program);
    command.env("OVS_RUNDIR", folder).stdin(Stdio::null()).stdout(Stdio::null());
    let log = File::options().create(true).append(true).open(folder.join(program).with_extension("log"));
    command.stderr(log.expect("a log can be written"));
    command
}
