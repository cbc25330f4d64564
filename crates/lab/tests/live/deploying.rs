use crate::ground::{Ground, MAC_A, MAC_B, eventually, is_alive, port};
use crate::stand_in;
use greylag_base::MacAddr;
use greylag_lab::NodeRecordKind;
use greylag_lab::deploy::{DeployError, DeployOptions, deploy};
use greylag_lab::destroy::{Destroyed, destroy, destroy_all};
use greylag_lab::exec::{ExecError, choose};
use greylag_lab::inspect::{InspectError, InterfaceStatus, LabStatus, NodeState, inspect};
use greylag_lab::launch::LaunchError;
use greylag_lab::link_monitor::LinkState;
use greylag_lab::netns::Netns;
use greylag_lab::state::State;
use greylag_scenario::lab::{End, Lab, Link, Medium, Node, NodeKind};
use greylag_switch::config::{Attachment, Io, NetnsRef, PortConfig, SwitchConfig};
use greylag_tests::{Need, has};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::Ordering;

/// A switch with a host at a TAP and a host at a veth.
pub(crate) struct Deployment {
    pub(crate) ground: Ground,
    pub(crate) lab: Lab,
    pub(crate) options: DeployOptions,
    pub(crate) state: State,
    folder: tempfile::TempDir,
}

impl Deployment {
    pub(crate) fn new(test: &str) -> Self {
        let ground = Ground::new(test);
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().join("state"));
        let lab = lab(&ground.tag);
        let options = DeployOptions {
            state: state.clone(),
            program: stand_in::program(folder.path()),
            ..DeployOptions::new().unwrap()
        };
        Deployment { ground, lab, options, state, folder }
    }

    pub(crate) fn deploy(&self) -> Result<greylag_lab::deploy::Deployed, DeployError> {
        deploy(&self.lab, &self.options)
    }

    pub(crate) fn destroy(&self) -> Destroyed {
        destroy(&self.state, &self.lab.name).unwrap()
    }

    pub(crate) fn status(&self) -> LabStatus {
        inspect(&self.state, Some(&self.lab.name)).unwrap().remove(0)
    }

    pub(crate) fn switch_pid(&self) -> u32 {
        self.status().nodes[0].pid.unwrap()
    }

    pub(crate) fn netns(&self, node: usize) -> String {
        self.lab.netns(node)
    }

    /// Pulls the plug, the way a TAP goes with its switch.
    pub(crate) fn kill_switch(&self) {
        let pid = self.switch_pid();
        kill(Pid::from_raw(pid as i32), Signal::SIGKILL).unwrap();
        eventually("the switch is dead", || !is_alive(pid));
        greylag_lab::link::delete(&Netns::open(&self.netns(0)).unwrap(), "h1").unwrap();
    }

    /// No namespace, no socket, no file.
    pub(crate) fn nothing_is_left(&self) {
        self.ground.is_as_before();
        assert!(
            !self.state.root().exists(),
            "{:?}",
            std::fs::read_dir(self.state.root()).unwrap().collect::<Vec<_>>()
        );
        let (variable, value) = ("GREYLAG_LAB=", self.state.root());
        let assignment = format!("{variable}{}", value.display());
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            let ours = String::from_utf8_lossy(&environment).contains(&assignment);
            assert!(!ours, "{:?} is left", entry.path());
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        let _ = destroy_all(&self.state);
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn interfaces(status: &LabStatus, node: usize) -> &[InterfaceStatus] {
    status.nodes[node].interfaces.as_deref().expect("root may look")
}

fn lab(name: &str) -> Lab {
    let tap = Attachment::Tap {
        netns: Some(NetnsRef::Name(format!("greylag-{name}-h1"))),
        interface: Some(port("eth1")),
        mac_address: Some(MAC_A),
    };
    let config = SwitchConfig {
        ports: vec![
            PortConfig { attachment: tap, ..PortConfig::new(port("h1")) },
            PortConfig::new(port("h2")),
        ],
        ..SwitchConfig::new("sw1")
    };
    let end = |node, interface, mac: Option<MacAddr>, last: Option<u8>| End {
        node,
        interface: port(interface),
        mac,
        ipv4: last.map(|last| ([10, 8, 0, last].into(), 24)),
        ipv6: last.map(|last| (format!("fd00::{last}").parse().unwrap(), 64)),
        gateway: None,
        gateway6: None,
    };
    let node = |name: &str, kind, exec: &[&str]| Node {
        name: name.into(),
        kind,
        exec: exec.iter().map(|&command| command.into()).collect(),
        bond: None,
        frr: None,
    };
    Lab {
        name: name.into(),
        nodes: vec![
            node("sw1", NodeKind::Greylag(Box::new(config)), &[]),
            node("h1", NodeKind::Host, &["echo one; echo two >&2"]),
            node("h2", NodeKind::Host, &["cat /proc/net/dev"]),
        ],
        links: vec![
            Link {
                medium: Medium::Tap,
                ends: [end(0, "h1", None, None), end(1, "eth1", Some(MAC_A), Some(1))],
                mtu: 1500,
            },
            Link {
                medium: Medium::Veth,
                ends: [end(2, "eth1", Some(MAC_B), Some(2)), end(0, "h2", None, None)],
                mtu: 9000,
            },
        ],
    }
}

#[test]
fn a_lab_is_deployed_inspected_and_destroyed() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let it = Deployment::new("deploy");
    let deployed = it.deploy().unwrap();
    assert_eq!(deployed.started, ["sw1"]);
    assert!(!deployed.powered_on);
    assert_eq!((&*deployed.exec[0].stdout, &*deployed.exec[0].stderr), (&b"one\n"[..], &b"two\n"[..]));
    assert!(text(&deployed.exec[1].stdout).contains("eth1:"), "{:?}", deployed.exec[1]);
    assert_eq!(it.ground.namespaces(), [it.netns(1), it.netns(2), it.netns(0)]);

    let status = it.status();
    assert!(status.complete);
    let kinds: Vec<_> = status.nodes.iter().map(|node| (node.kind, node.state)).collect();
    let host = (NodeRecordKind::Host, NodeState::Running);
    assert_eq!(kinds, [(NodeRecordKind::Greylag, NodeState::Running), host, host]);
    for (node, mac, mtu, last) in [(1, MAC_A, 1500, 1), (2, MAC_B, 9000, 2)] {
        let eth1 = &interfaces(&status, node)[0];
        assert_eq!(
            (&*eth1.name, eth1.mac_address, eth1.mtu, eth1.state),
            ("eth1", Some(mac), mtu, LinkState::Up)
        );
        assert!(eth1.addresses.contains(&format!("10.8.0.{last}/24")), "{eth1:?}");
        assert!(eth1.addresses.contains(&format!("fd00::{last}/64")), "{eth1:?}");
    }
    let in_switch: Vec<_> = interfaces(&status, 0).iter().flat_map(|i| &i.addresses).collect();
    assert!(in_switch.is_empty(), "a switch's ends have no address, not even link-local: {in_switch:?}");
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["nodes"][1]["interfaces"][0]["mac-address"], "02:00:00:00:00:0a");
    assert_eq!(json["nodes"][0]["kind"], "greylag");

    let name = &it.lab.name;
    assert_eq!(it.state.switches().unwrap(), [format!("{name}-sw1")]);
    assert!(UnixStream::connect(it.state.control_socket(&format!("{name}-sw1"))).is_ok());
    assert_eq!(it.state.labs().unwrap(), [name.as_str()]);

    let command = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let run = |nodes: &[&str], words: &[&str]| {
        choose(&it.state, name, &command(nodes))?.run(&command(words), || false)
    };
    let results = run(&[], &["sh", "-c", "readlink /proc/self/ns/net; exit 3"]).unwrap();
    assert_eq!(results.len(), 3);
    for (index, result) in results.iter().enumerate() {
        let inside =
            Netns::open(&it.netns(index)).unwrap().run(|| std::fs::read_link("/proc/thread-self/ns/net"));
        assert_eq!(text(&result.stdout).trim(), inside.unwrap().unwrap().to_str().unwrap());
        assert_eq!(result.exit_status, 3);
    }
    let one = run(&["h2"], &["true"]).unwrap();
    assert_eq!((one.len(), one[0].node.as_str(), one[0].succeeded()), (1, "h2", true));
    let unknown = run(&["h9"], &["true"]).unwrap_err();
    assert_eq!(unknown.to_string(), format!("lab `{name}` has no node `h9`: it has `sw1`, `h1`, `h2`"));
    let missing = run(&["h1"], &["no-such-program"]);
    assert!(matches!(missing, Err(ExecError::Start { .. })));

    let pid = it.switch_pid();
    assert_eq!(it.destroy(), Destroyed::Removed { processes: 1, namespaces: 3 });
    assert!(!is_alive(pid));
    it.nothing_is_left();
    assert_eq!(it.destroy(), Destroyed::NotDeployed, "a second time does nothing and says so");
    assert!(matches!(inspect(&it.state, Some(name)), Err(InspectError::NotDeployed(_))));
    assert_eq!(inspect(&it.state, None).unwrap(), []);
    it.nothing_is_left();
}

#[test]
fn a_cable_to_an_af_xdp_port_has_a_queue_for_each_worker_at_both_ends() {
    if !has(&[Need::NetAdmin, Need::Program { name: "ip", package: "iproute2" }]) {
        return;
    }
    let mut it = Deployment::new("queues");
    let NodeKind::Greylag(config) = &mut it.lab.nodes[0].kind else { unreachable!("it is the switch") };
    (config.ports[1].io, config.workers.count) = (Io::AfXdp, 3);
    it.deploy().unwrap();
    for (node, interface) in [(0, "h2"), (2, "eth1")] {
        let netns = Netns::open(&it.netns(node)).unwrap();
        let link = netns.run(|| Command::new("ip").args(["-details", "link", "show", interface]).output());
        let link = link.unwrap().unwrap();
        assert!(text(&link.stdout).contains(" numtxqueues 3 numrxqueues 3 "), "{link:?}");
    }
    it.destroy();
    it.nothing_is_left();
}

#[test]
fn a_killed_switch_is_powered_on_again() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let mut it = Deployment::new("power");
    it.deploy().unwrap();
    assert!(matches!(it.deploy(), Err(DeployError::Deployed(_))), "all is alive");
    let first = it.switch_pid();

    it.kill_switch();
    let dead = it.status();
    assert_eq!((dead.nodes[0].state, dead.nodes[0].pid), (NodeState::Dead, None));
    assert_eq!(interfaces(&dead, 1), [], "its TAP went with it");
    let deployed = it.deploy().unwrap();
    assert!(deployed.powered_on && deployed.started == ["sw1"] && deployed.exec.is_empty(), "{deployed:?}");
    let second = it.switch_pid();
    assert_ne!(first, second);
    let status = it.status();
    let eth1 = &interfaces(&status, 1)[0];
    assert!(eth1.addresses.contains(&"10.8.0.1/24".to_owned()), "{eth1:?}");

    // Without waiting for its end.
    kill(Pid::from_raw(second as i32), Signal::SIGKILL).unwrap();
    assert!(it.deploy().unwrap().powered_on);

    it.kill_switch();
    it.options.program = stand_in::script(it.folder.path(), "echo no power; exit 1");
    assert!(matches!(it.deploy(), Err(DeployError::Launch(LaunchError::Ended { .. }))));
    assert_eq!(it.ground.namespaces().len(), 3, "the lab stands, whatever becomes of a switch");
    it.options.program = stand_in::program(it.folder.path());

    it.lab.links[1].mtu = 1400;
    assert!(matches!(it.deploy(), Err(DeployError::Differs(_))));
    it.options.reconfigure = true;
    assert!(!it.deploy().unwrap().powered_on);
    assert_eq!(interfaces(&it.status(), 2)[0].mtu, 1400);
    it.destroy();
    it.nothing_is_left();
}

#[test]
fn what_fails_leaves_nothing() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let mut it = Deployment::new("fail");
    it.lab.nodes[2].exec = vec!["sleep 60 & echo it broke >&2; exit 7".into()];
    let error = it.deploy().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`sleep 60 & echo it broke >&2; exit 7` failed in node `h2` with exit status 7: it broke"
    );
    it.nothing_is_left();

    it.options.program = stand_in::script(it.folder.path(), "echo port h1 is on fire; exit 3");
    let error = it.deploy().unwrap_err().to_string();
    assert!(error.contains("node `sw1` ended at once") && error.contains("port h1 is on fire"), "{error}");
    it.nothing_is_left();

    it.options.program = "/no/such/program".into();
    let error = it.deploy().unwrap_err().to_string();
    assert!(error.starts_with("cannot start /no/such/program for node `sw1`"), "{error}");
    it.nothing_is_left();

    it.options.program = stand_in::program(it.folder.path());
    it.lab.nodes[2].exec.clear();
    it.lab.links.push(it.lab.links[1].clone());
    let error = it.deploy().unwrap_err();
    assert!(matches!(error, DeployError::Link(_)), "the same cable twice: {error}");
    it.nothing_is_left();
}

#[test]
fn an_interrupt_undoes_what_was_made() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let mut it = Deployment::new("int");
    it.lab.nodes[1].exec = vec![format!("touch {}; sleep 60", it.folder.path().join("begun").display())];
    let interrupt = it.options.interrupt.clone();
    let begun = it.folder.path().join("begun");
    let result = std::thread::scope(|scope| {
        let deploying = scope.spawn(|| it.deploy());
        eventually("the lab is up", || begun.exists());
        interrupt.store(true, Ordering::Relaxed);
        deploying.join().unwrap()
    });
    assert!(matches!(result, Err(DeployError::Launch(LaunchError::Interrupted))), "{result:?}");
    it.nothing_is_left();
}

/// Lab `a-b` with node `c` and lab `a` with node `b-c`.
#[test]
fn one_name_of_two_labs_is_whose_the_mark_says() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let (mut one, mut two) = (Deployment::new("mark"), Deployment::new("mark"));
    two.state = one.state.clone();
    two.options.state = one.state.clone();
    let only_host = |lab: &mut Lab, name: String, node: &str| {
        lab.name = name;
        lab.links.clear();
        lab.nodes.drain(..2);
        lab.nodes[0].name = node.into();
        lab.nodes[0].exec.clear();
    };
    let a = one.lab.name.clone();
    only_host(&mut one.lab, format!("{a}-b"), "c");
    only_host(&mut two.lab, a.clone(), "b-c");
    let netns = one.netns(0);
    assert_eq!(netns, two.netns(0));

    one.deploy().unwrap();
    let refused = format!(
        "network namespace `{netns}` belongs to lab `{a}-b`: rename node `b-c`, or one of the two labs"
    );
    assert_eq!(two.deploy().unwrap_err().to_string(), refused);
    two.options.reconfigure = true;
    assert_eq!(two.deploy().unwrap_err().to_string(), refused);
    assert_eq!(two.destroy(), Destroyed::NotDeployed);
    assert_eq!(one.ground.namespaces(), [netns.as_str()]);

    // Lab `a` was first and lost its namespace; then lab `a-b` took the name.
    one.destroy();
    two.deploy().unwrap();
    Netns::delete(&netns).unwrap();
    one.deploy().unwrap();
    assert_eq!(two.status().nodes[0].state, NodeState::Dead);
    assert!(choose(&two.state, &a, &[]).unwrap_err().to_string().contains("no network namespace"));
    two.options.reconfigure = false;
    assert!(matches!(two.deploy(), Err(DeployError::Damaged { .. })));
    assert_eq!(two.destroy(), Destroyed::Removed { processes: 0, namespaces: 0 });
    assert_eq!(one.status().nodes[0].state, NodeState::Running, "it stands");
    assert_eq!(one.destroy(), Destroyed::Removed { processes: 0, namespaces: 1 });
    one.nothing_is_left();
}

#[test]
fn what_is_not_ours_is_left_alone() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let it = Deployment::new("foreign");
    let name = it.netns(2);
    Netns::create(&name).unwrap();
    let error = it.deploy().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("network namespace `{name}` exists and is not greylag's: remove it, or rename the lab")
    );
    assert_eq!(it.ground.namespaces(), [name.as_str()], "it stands, and nothing else was made");
    assert_eq!(it.destroy(), Destroyed::NotDeployed);
    assert_eq!(it.ground.namespaces(), [name.as_str()]);
    Netns::delete(&name).unwrap();

    // Somebody's own process in a namespace of ours outlives the lab.
    it.deploy().unwrap();
    let netns = Netns::open(&it.netns(1)).unwrap();
    let mut somebody = netns.run(|| Command::new("sleep").arg("60").spawn()).unwrap().unwrap();
    drop(netns);
    it.destroy();
    assert!(is_alive(somebody.id()));
    somebody.kill().unwrap();
    somebody.wait().unwrap();
    it.nothing_is_left();
}
