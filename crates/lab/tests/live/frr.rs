//! The routing daemons of FRR for one router: on a TAP, as on a routed port of a switch.

use crate::ground::{Ground, MAC_A, port};
use greylag_lab::frr::{self, Daemon, Frr, FrrConfig, FrrError};
use greylag_lab::link;
use greylag_lab::netns::{Netns, NetnsIdentity};
use greylag_lab::state::{LabFolder, State};
use greylag_ports::{Batch, Port, TapConfig, TapQueue};
use greylag_tests::{Need, has, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

const FRR: &[Need] = &[Need::NetAdmin, Need::Tun, Need::Program { name: "vtysh", package: "frr" }];
const DEADLINE: Duration = Duration::from_secs(20);

/// Where OSPF routers send their hellos (RFC 2328 A.1), as a MAC address (RFC 1112 6.4).
const ALL_SPF_ROUTERS: [u8; 6] = [0x01, 0x00, 0x5e, 0, 0, 5];

const CONFIGURATION: &str = "\
interface irb10
 ip ospf hello-interval 1
 ip ospf dead-interval 4
!
router ospf
 network 192.0.2.0/24 area 0
!
ip route 198.51.100.0/24 192.0.2.2
";

/// A namespace with an interface as a switch makes it for a routed port, and somebody to whom routes are told.
struct Router {
    _ground: Ground,
    netns: Netns,
    tap: TapQueue,
    listener: TcpListener,
    parent: TempDir,
}

impl Router {
    fn new(test: &str) -> Router {
        let ground = Ground::new(test);
        let netns = ground.netns("r1");
        let queues = NonZeroUsize::MIN;
        let config = TapConfig { name: port("irb10"), queues, mtu: 9000, mac: Some(MAC_A) };
        let tap = netns.run(|| TapQueue::open(&config)).unwrap().unwrap().remove(0);
        link::add_address(&netns, "irb10", Ipv4Addr::new(192, 0, 2, 1).into(), 24).unwrap();
        link::set_up(&netns, "lo").unwrap();
        link::set_up(&netns, "irb10").unwrap();
        let listener = netns.run(|| TcpListener::bind("127.0.0.1:0")).unwrap().unwrap();
        listener.set_nonblocking(true).unwrap();
        // The daemons are another user, who has to come by.
        let everybody = std::fs::Permissions::from_mode(0o755);
        let parent = tempfile::Builder::new().permissions(everybody).tempdir_in("/tmp").unwrap();
        Router { _ground: ground, netns, tap, listener, parent }
    }

    fn folder(&self) -> PathBuf {
        self.parent.path().join("r1.frr")
    }

    fn config(&self, configuration: &str) -> FrrConfig {
        FrrConfig {
            netns: self.netns.clone(),
            folder: self.folder(),
            configuration: configuration.to_owned(),
            daemons: [Daemon::Bfd, Daemon::Bgp].into(),
            fpm: Some(self.listener.local_addr().unwrap()),
            lab: Some(self.lab()),
        }
    }

    fn lab(&self) -> LabFolder {
        State::at(self.parent.path()).lab("lab").unwrap()
    }

    fn zebra(&self) -> TcpStream {
        let zebra = wait_for("zebra connects", DEADLINE, || self.listener.accept().ok()).0;
        zebra.set_nonblocking(false).unwrap();
        zebra.set_read_timeout(Some(DEADLINE)).unwrap();
        zebra
    }

    /// Nothing of FRR is left.
    fn is_empty(&self) {
        let pids = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let here = self.netns.identity().ok();
        let inside: Vec<u32> = pids.filter(|&pid| NetnsIdentity::of_pid(pid) == here).collect();
        assert_eq!(inside, [0; 0], "processes in the namespace");
        assert!(!self.folder().exists());
    }

    /// Waits for a frame to `destination` out of the TAP.
    fn hear(&mut self, what: &str, destination: [u8; 6]) {
        let mut batch = Batch::new();
        wait_for(what, DEADLINE, || {
            let frames = self.tap.rx(&mut batch).unwrap();
            (0..frames).any(|frame| batch.bytes(frame).starts_with(&destination)).then_some(())
        });
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // What a test that failed has left.
        let _ = frr::stop_in(&self.folder());
    }
}

#[test]
fn a_router_speaks_by_its_tap_tells_its_routes_and_leaves_nothing() {
    if !has(FRR) {
        return;
    }
    let mut router = Router::new("frr");
    let frr = Frr::start(&router.config(CONFIGURATION)).unwrap();
    let processes = frr.processes();
    // zebra, and what the configuration needs, and what was asked for.
    assert_eq!(processes.len(), 5, "{processes:?}");
    // By this they are found when the lab is destroyed.
    let lab = router.lab();
    let mark = ("GREYLAG_LAB", lab.path());
    assert!(processes.iter().all(|process| process.has_environment(mark)), "{processes:?}");

    let mut header = [0; 4];
    router.zebra().read_exact(&mut header).unwrap();
    assert_eq!(header[..2], [1, 1], "version 1, netlink");
    router.hear("OSPF's hello", ALL_SPF_ROUTERS);
    let said = frr.ask("show interface irb10").unwrap();
    assert!(said.contains("mtu 9000") && said.contains("02:00:00:00:00:0a"), "{said}");
    let refused = frr.ask("show me everything").unwrap_err();
    assert!(matches!(refused, FrrError::Refused { .. }), "{refused}");

    frr.stop().unwrap();
    router.is_empty();
}

#[test]
fn what_is_killed_is_cleaned_up_and_starts_again_in_the_same_place() {
    if !has(FRR) {
        return;
    }
    let router = Router::new("frrkill");
    let frr = Frr::start(&router.config(CONFIGURATION)).unwrap();
    let killed = frr.processes();
    // Whoever had started them has gone with its memory; and so have some of them.
    drop(frr);
    for process in &killed[..2] {
        let pid = Pid::from_raw(process.pid.try_into().unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
    wait_for("they are dead", DEADLINE, || {
        killed[..2].iter().all(|process| !process.is_alive()).then_some(())
    });
    let occupied = Frr::start(&router.config(CONFIGURATION)).unwrap_err();
    assert!(matches!(occupied, FrrError::Runs { .. }), "{occupied}");
    frr::stop_in(&router.folder()).unwrap();
    router.is_empty();

    let frr = Frr::start(&router.config(CONFIGURATION)).unwrap();
    let processes = frr.processes();
    for process in &processes {
        let pid = Pid::from_raw(process.pid.try_into().unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
    wait_for("they are dead", DEADLINE, || processes.iter().all(|process| !process.is_alive()).then_some(()));
    let again = Frr::start(&router.config(CONFIGURATION)).unwrap();
    again.stop().unwrap();
    router.is_empty();
    frr::stop_in(&router.folder()).unwrap();
}

#[test]
fn what_is_wrong_in_a_configuration_has_a_line() {
    if !has(FRR) {
        return;
    }
    let router = Router::new("frrline");
    let wrong = CONFIGURATION.replace("router ospf", "router opsf");
    let refused = Frr::start(&router.config(&wrong)).unwrap_err().to_string();
    assert!(refused.contains("line 5: % Unknown command") && refused.contains("router opsf"), "{refused}");
    router.is_empty();
}
