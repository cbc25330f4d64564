//! Ports on Ethernet devices that are there already, and what may become of them.

use crate::rig::{Before, DEADLINE, LIVE, Station, greylag, mac, succeed, unique};
use crate::running::{Room, Running};
use greylag_base::{MacAddr, PortName};
use greylag_lab::link::{self, VethEnd};
use greylag_lab::netns::Netns;
use greylag_tests::{has, wait_for};
use std::os::unix::net::UnixListener;

/// A cable from `inside` in the switch's namespace to `outside` in the host's.
pub(crate) fn cable(switch: &Netns, inside: &str, host: &Netns, outside: &str) {
    let name = |text: &str| PortName::new(text).expect("a name");
    let (inside, outside) = (name(inside), name(outside));
    let end = |netns, name| VethEnd { netns, name, mac: None, mtu: 1500 };
    link::veth_pair(&end(switch, &inside), &end(host, &outside)).expect("a cable");
    link::set_up(switch, inside.as_str()).expect("the switch's end comes up");
    link::set_up(host, outside.as_str()).expect("the host's end comes up");
}

const TWO_DEVICES: &str = "ports:\n  eth1: {}\n  eth2: {}\n";

pub(crate) fn wait_until_up(switch: &Running, ports: usize) {
    wait_for("the ports are up", DEADLINE, || {
        let text = succeed(&["show", "ports", "-s", &switch.name]);
        (text.matches(" UP     UP ").count() == ports).then_some(())
    });
}

#[test]
fn a_device_that_is_made_again_is_opened_again() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let (_other, hosts) = Room::new();
    cable(&netns, "eth1", &hosts, "h1");
    cable(&netns, "eth2", &hosts, "h2");
    let switch = Running::start(&netns, TWO_DEVICES);
    wait_until_up(&switch, 2);

    link::delete(&hosts, "h1").expect("a cable can be cut for good");
    wait_for("the port is down", DEADLINE, || {
        let text = succeed(&["show", "ports", "-s", &switch.name]);
        text.contains(" UP     DOWN ").then_some(())
    });
    cable(&netns, "eth1", &hosts, "h1");
    wait_until_up(&switch, 2);
    let mut h1 = Station::open(&hosts, "h1");
    let mut h2 = Station::open(&hosts, "h2");
    // The queue is taken up within a tenth of a second of the port's coming up.
    wait_for("frames pass again", DEADLINE, || {
        h1.send(mac(1), MacAddr::BROADCAST, b"again");
        let text = succeed(&["show", "fdb", "-s", &switch.name]);
        text.contains(&mac(1).to_string()).then_some(())
    });
    assert!(h2.count_until(b"again", b"again") >= 1);
}

#[test]
fn a_device_is_for_one_switch_only() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let (_other, hosts) = Room::new();
    cable(&netns, "eth1", &hosts, "h1");
    cable(&netns, "eth2", &hosts, "h2");
    let first = Running::start(&netns, TWO_DEVICES);
    let folder = tempfile::tempdir().expect("a folder for the file");
    let file = folder.path().join("second.yml");
    let name = unique("s");
    std::fs::write(&file, format!("name: {name}\n{TWO_DEVICES}")).expect("the file is written");
    let second =
        netns.run(|| greylag(&["run", file.to_str().unwrap()])).expect("the namespace can be entered");
    let error = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1));
    assert!(error.contains("eth1") && error.contains("already"), "{error}");
    drop(first);
    let third = Running::start(&netns, TWO_DEVICES);
    wait_until_up(&third, 2);
}

#[test]
fn a_file_in_the_place_of_the_control_socket_is_left_alone() {
    if !has(LIVE) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("switch.yml");
    let name = unique("s");
    let before = Before::of(&name);
    std::fs::write(&file, format!("name: {name}\nports:\n  nowhere0: {{}}\n")).expect("the file is written");
    let precious = folder.path().join("precious");
    std::fs::write(&precious, "work of years").expect("the file is written");
    let run = |socket: &std::path::Path| {
        greylag(&["run", file.to_str().unwrap(), "--socket", socket.to_str().unwrap()])
    };
    let output = run(&precious);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&precious).expect("it is still there"), "work of years");
    // A socket that nobody listens on is one that a killed switch has left, and is taken over.
    let stale = folder.path().join("stale.sock");
    drop(UnixListener::bind(&stale).expect("a socket"));
    assert!(String::from_utf8_lossy(&run(&stale).stderr).contains("nowhere0"), "it came as far as its ports");
    before.assert_nothing_is_left();
}

/// As many as a socket of the host's holds for whoever does not read yet; five standard deviations around the share that gets through.
const FRAMES: usize = 200;
const THROUGH: std::ops::RangeInclusive<usize> = 131..=189;

#[test]
fn a_port_loses_its_share_and_is_late_as_it_is_told() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let (_other, hosts) = Room::new();
    cable(&netns, "eth1", &hosts, "h1");
    cable(&netns, "eth2", &hosts, "h2");
    let config = "ports:\n  eth1: {}\n  eth2: {impair: {loss: 0.2, delay: 20ms}}\n";
    let switch = Running::start(&netns, config);
    wait_until_up(&switch, 2);
    let mut h1 = Station::open(&hosts, "h1");
    let mut h2 = Station::open(&hosts, "h2");
    let on = |words: &[&str]| succeed(&[words, &["-s", &switch.name]].concat());

    let begun = std::time::Instant::now();
    for _ in 0..FRAMES {
        h1.send(mac(1), MacAddr::BROADCAST, b"one of many");
    }
    let (mut arrived, mut first) = (0, None);
    on(&["fault", "port", "eth2", "mend"]);
    on(&["fault", "port", "eth2", "impair", "--delay", "1ms"]);
    h1.send(mac(1), MacAddr::BROADCAST, b"the last");
    h2.for_each_until(b"the last", |carried| {
        first.get_or_insert_with(|| begun.elapsed());
        arrived += usize::from(carried.starts_with(b"one of many"));
    });
    assert!(first.is_some_and(|first| first.as_millis() >= 20), "{first:?}");
    assert!(THROUGH.contains(&arrived), "{arrived}");
    let drops = on(&["show", "drops"]);
    let lost = (FRAMES - arrived).to_string();
    let is_counted =
        |line: &str| line.contains("egress-impaired") && line.split_whitespace().any(|word| word == lost);
    assert!(drops.lines().any(is_counted), "{lost} lost, and {drops}");
    let ports = on(&["show", "ports"]);
    assert!(
        ports.contains(&format!(r#"eth2 impairs what leaves by it, {{"delay":"1ms"}}: {lost} lost"#)),
        "{ports}"
    );

    on(&["fault", "port", "eth2", "impair", "--loss", "100%"]);
    h1.send(mac(1), MacAddr::BROADCAST, b"in vain");
    wait_for("it is lost", DEADLINE, || {
        on(&["show", "ports"]).contains(&format!("{} lost", FRAMES - arrived + 1)).then_some(())
    });
    let refused = greylag(&["fault", "port", "eth3", "mend", "-s", &switch.name]);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("there is no port `eth3`: expected one of eth1, eth2"), "{told}");
}
