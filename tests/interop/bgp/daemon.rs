//! FRR and GoBGP as neighbors, each with a folder and a namespace of the test's. No system service is needed or touched.

use crate::bgp::cable::{Cable, FAR, FAR_SIX, NEAR, NEAR_SIX};
use crate::rig::{DEADLINE, signal};
use greylag_lab::netns::NETNS_FOLDER;
use greylag_tests::{Need, wait_for};
use rustix::process::Signal;
use serde_json::Value;
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// What it takes to run either.
pub(crate) const DAEMONS: &[Need] = &[
    Need::NetAdmin,
    Need::Program { name: "nsenter", package: "util-linux" },
    Need::Program { name: "setpriv", package: "util-linux" },
    // FRR's daemons are not on the path; this is in the same package.
    Need::Program { name: "vtysh", package: "frr" },
    Need::Program { name: "gobgpd", package: "gobgpd" },
];

/// Where Debian has FRR's daemons.
const FRR: &str = "/usr/lib/frr";

/// Our system, and the daemon's.
pub(crate) const OURS: u32 = 65_001;
pub(crate) const THEIRS: u32 = 4_200_000_002;

/// What the daemon originates.
pub(crate) const THEIR_FOUR: &str = "203.0.113.0/24";
pub(crate) const THEIR_SIX: &str = "2001:db8:2::/48";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Frr,
    GoBgp,
}

impl Kind {
    pub(crate) const BOTH: [Kind; 2] = [Kind::Frr, Kind::GoBgp];
}

/// A running daemon, killed with the test.
pub(crate) struct Daemon {
    kind: Kind,
    folder: TempDir,
    netns: PathBuf,
    /// The one that speaks BGP is the last.
    children: Vec<Child>,
}

impl Daemon {
    /// Starts one that waits for us, or connects to us.
    pub(crate) fn start(kind: Kind, cable: &Cable, waits: bool) -> Daemon {
        let folder = tempfile::tempdir_in("/tmp").expect("a folder");
        // FRR's daemons become a user of their own, and make their sockets there.
        let everybody = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folder.path(), everybody).expect("the folder is the test's");
        let netns = PathBuf::from(NETNS_FOLDER).join(cable.far.name());
        let mut daemon = Daemon { kind, folder, netns, children: Vec::new() };
        match kind {
            Kind::Frr => daemon.start_frr(waits),
            Kind::GoBgp => daemon.start_gobgp(waits),
        }
        daemon
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).expect("the file is written");
        path
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("it is UTF-8").to_owned()
    }

    fn start_frr(&mut self, waits: bool) {
        let passive = if waits { format!(" neighbor {NEAR} passive\n") } else { String::new() };
        let config = format!(
            "router bgp {THEIRS}\n bgp router-id {FAR}\n no bgp ebgp-requires-policy\n no bgp network import-check\n \
             neighbor {NEAR} remote-as {OURS}\n neighbor {NEAR} timers 1 3\n neighbor {NEAR} timers connect 1\n{passive} \
             address-family ipv4 unicast\n  network {THEIR_FOUR}\n exit-address-family\n \
             address-family ipv6 unicast\n  neighbor {NEAR} activate\n  network {THEIR_SIX}\n exit-address-family\n"
        );
        self.write("vtysh.conf", "");
        for (program, config) in [("zebra", ""), ("bgpd", &config)] {
            let config = self.write(&format!("{program}.conf"), config);
            let (pid, api) = (self.path(&format!("{program}.pid")), self.path("zserv.api"));
            let folder = self.folder.path().to_str().expect("it is UTF-8").to_owned();
            let program_path = format!("{FRR}/{program}");
            let words =
                ["-u", "frr", "-g", "frr", "-z", &api, "--vty_socket", &folder, "-i", &pid, "-f", &config];
            self.spawn(&program_path, &words);
            let socket = self.folder.path().join(format!("{program}.vty"));
            wait_for("the daemon listens to its operator", DEADLINE, || socket.exists().then_some(()));
        }
        // bgpd has to know of the interface's addresses, or it has no next hop for IPv6.
        wait_for("bgpd knows the interface", DEADLINE, || {
            let text = self.try_ask(&["show bgp nexthop"])?;
            (!text.is_empty()).then_some(())
        });
    }

    fn start_gobgp(&mut self, waits: bool) {
        let neighbor = |address: &str, local: &str, family: &str| {
            format!(
                "[[neighbors]]\n  [neighbors.config]\n    neighbor-address = \"{address}\"\n    peer-as = {OURS}\n  \
                 [neighbors.transport.config]\n    passive-mode = {waits}\n    local-address = \"{local}\"\n  \
                 [neighbors.timers.config]\n    hold-time = 3\n    keepalive-interval = 1\n    connect-retry = 1\n    \
                 idle-hold-time-after-reset = 1\n  \
                 [[neighbors.afi-safis]]\n    [neighbors.afi-safis.config]\n      afi-safi-name = \"{family}\"\n"
            )
        };
        let four = neighbor(NEAR, FAR, "ipv4-unicast");
        let six = neighbor(NEAR_SIX, FAR_SIX, "ipv6-unicast");
        let config = format!("[global.config]\n  as = {THEIRS}\n  router-id = \"{FAR}\"\n{four}{six}");
        let config = self.write("gobgpd.toml", &config);
        self.spawn("gobgpd", &["-f", &config, "--api-hosts", "127.0.0.1:50051", "-l", "debug"]);
        wait_for("GoBGP listens to its operator", DEADLINE, || self.try_ask(&["global"]));
        self.ask(&["global", "rib", "add", THEIR_FOUR]);
        self.ask(&["global", "rib", "add", "-a", "ipv6", THEIR_SIX, "nexthop", FAR_SIX]);
    }

    /// The kernel kills it when the calling thread ends, as far as it stays who it is.
    fn spawn(&mut self, program: &str, words: &[&str]) {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nsenter"]).arg(format!("--net={}", self.netns.display()));
        command.arg(program).args(words).stdin(Stdio::null()).current_dir(self.folder.path());
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"));
        let log = log.expect("a log can be written");
        command.stdout(log.try_clone().expect("it is a file")).stderr(log);
        self.children.push(command.spawn().expect("the daemon starts"));
    }

    /// What an operator asks: of FRR in commands, of GoBGP in words.
    fn try_ask(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.netns.display()));
        match self.kind {
            Kind::Frr => {
                command.arg("vtysh").arg("--vty_socket").arg(self.folder.path());
                for word in words {
                    command.args(["-c", word]);
                }
            }
            Kind::GoBgp => {
                command.args(["gobgp", "-u", "127.0.0.1", "-p", "50051"]).args(words);
            }
        }
        let output = command.output().expect("the operator's program runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    pub(crate) fn ask(&self, words: &[&str]) -> String {
        self.try_ask(words).unwrap_or_else(|| panic!("{:?} refuses {words:?}: {}", self.kind, self.log()))
    }

    /// Has it a route that it uses?
    pub(crate) fn uses(&self, prefix: &str) -> bool {
        let six = prefix.contains(':');
        let text = match (self.kind, six) {
            (Kind::Frr, false) => self.ask(&[&format!("show bgp ipv4 unicast {prefix} json")]),
            (Kind::Frr, true) => self.ask(&[&format!("show bgp ipv6 unicast {prefix} json")]),
            (Kind::GoBgp, false) => self.ask(&["global", "rib", "-a", "ipv4", prefix, "-j"]),
            (Kind::GoBgp, true) => self.ask(&["global", "rib", "-a", "ipv6", prefix, "-j"]),
        };
        let Ok(answer) = serde_json::from_str::<Value>(&text) else { return false };
        let best = |path: &Value| path["bestpath"]["overall"] == true || path["best"] == true;
        let paths = match self.kind {
            Kind::Frr => answer["paths"].as_array(),
            Kind::GoBgp => answer.as_array().or_else(|| answer[prefix].as_array()),
        };
        paths.is_some_and(|paths| paths.iter().any(best))
    }

    /// Has its operator end the session, with a word of why.
    pub(crate) fn shut_down_session(&self, why: &str) {
        match self.kind {
            Kind::Frr => {
                let shutdown = format!("neighbor {NEAR} shutdown message {why}");
                self.ask(&["configure terminal", &format!("router bgp {THEIRS}"), &shutdown])
            }
            Kind::GoBgp => self.ask(&["neighbor", NEAR, "shutdown", "--reason", why]),
        };
    }

    /// Has it understood that an operator of ours has ended the session?
    pub(crate) fn knows_of_shutdown(&self) -> bool {
        match self.kind {
            Kind::Frr => {
                self.ask(&[&format!("show bgp neighbors {NEAR}")]).contains("Cease/Administrative Shutdown")
            }
            Kind::GoBgp => {
                let log = self.log();
                log.lines().any(|line| line.contains("notification") && line.contains("\"Code\":6"))
            }
        }
    }

    pub(crate) fn signal(&self, which: Signal) {
        signal(self.children.last().expect("it runs"), which);
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
