use crate::ground::{Ground, MAC_A, MAC_B, eventually, veth};
use greylag_lab::host::{TransferSize, ping, tcp_transfer};
use greylag_lab::link;
use greylag_lab::netns::Netns;
use greylag_lab::stack::Stack;
use greylag_tests::{Need, has};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_veth_pair_is_made_straight_into_two_namespaces() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let ground = Ground::new("veth");
    let (a, b) = (ground.netns("a"), ground.netns("b"));
    let own = Netns::own().unwrap();
    let before: Vec<String> = link::list(&own).unwrap().into_iter().map(|i| i.name).collect();
    veth(&a, "eth0", Some(MAC_A), &b, "fifteen-bytes-x", Some(MAC_B), 9216).unwrap();
    let left = link::find(&a, "eth0").unwrap().unwrap();
    let right = link::find(&b, "fifteen-bytes-x").unwrap().unwrap();
    assert_eq!((left.mac, left.mtu, left.up), (Some(MAC_A), 9216, false));
    assert_eq!((right.mac, right.mtu, right.up), (Some(MAC_B), 9216, false));
    let after: Vec<String> = link::list(&own).unwrap().into_iter().map(|i| i.name).collect();
    assert!(!after.iter().any(|name| name.contains("fifteen") && !before.contains(name)));

    let taken = veth(&a, "eth1", None, &b, "fifteen-bytes-x", None, 1500).unwrap_err();
    assert_eq!(
        taken.to_string(),
        format!(
            "cannot create, with peer `fifteen-bytes-x` in `{}`, interface `eth1` in network namespace `{}`: \
             File exists (os error 17)",
            ground.name("b"),
            ground.name("a")
        )
    );
    assert_eq!(link::find(&a, "eth1").unwrap(), None, "no end is left");

    link::set_up(&a, "eth0").unwrap();
    assert!(!link::find(&a, "eth0").unwrap().unwrap().carrier, "the other end is down");
    link::set_up(&b, "fifteen-bytes-x").unwrap();
    eventually("a carrier", || link::find(&a, "eth0").unwrap().unwrap().carrier);
    link::delete(&a, "eth0").unwrap();
    assert_eq!(link::find(&b, "fifteen-bytes-x").unwrap(), None, "a pair goes together");
    assert!(link::delete(&a, "eth0").is_err());
    for netns in [&a, &b] {
        Netns::delete(netns.name()).unwrap();
    }
    ground.is_as_before();
}

#[test]
fn hosts_ping_and_transfer_at_once() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let ground = Ground::new("hosts");
    let (a, b) = ground.cable();
    for (netns, v4, v6) in [(&a, "10.9.0.1", "fd00::1"), (&b, "10.9.0.2", "fd00::2")] {
        Stack::Host.apply(netns).unwrap();
        link::add_address(netns, "eth0", v4.parse().unwrap(), 24).unwrap();
        link::add_address(netns, "eth0", v6.parse().unwrap(), 64).unwrap();
        link::set_up(netns, "eth0").unwrap();
    }
    let twice = link::add_address(&a, "eth0", "10.9.0.1".parse().unwrap(), 24).unwrap_err();
    assert!(twice.to_string().starts_with("cannot add address 10.9.0.1/24 to interface `eth0`"), "{twice}");
    let index = link::find(&a, "eth0").unwrap().unwrap().index;
    let addresses = link::addresses(&a).unwrap();
    assert!(addresses.contains(&(index, "10.9.0.1".parse().unwrap(), 24)), "{addresses:?}");
    assert!(addresses.contains(&(index, "fd00::1".parse().unwrap(), 64)), "{addresses:?}");
    for target in ["10.9.0.2", "fd00::2", "10.9.0.1"] {
        let target: IpAddr = target.parse().unwrap();
        let report = ping(&a, target, 3, Duration::from_millis(10), 5 * SECOND).unwrap();
        assert!(report.is_clean() && report.sent == 3, "{target}: {report:?}");
        assert_eq!(report.round_trips.len(), 3);
    }
    let silent =
        ping(&a, "10.9.0.77".parse().unwrap(), 2, Duration::ZERO, Duration::from_millis(100)).unwrap();
    assert_eq!((silent.sent, silent.received), (2, 0));
    assert!(ping(&a, "10.10.0.1".parse().unwrap(), 1, SECOND, SECOND).is_err(), "there is no route");

    for server in ["10.9.0.2:0", "[fd00::2]:0"] {
        let server: SocketAddr = server.parse().unwrap();
        let report = tcp_transfer(&b, &a, server, TransferSize::Bytes(10_000_019), 5 * SECOND).unwrap();
        assert_eq!(report.bytes, 10_000_019);
        assert!(report.bits_per_second() > 0.0);
        let timed = TransferSize::Time(Duration::from_millis(50));
        assert!(tcp_transfer(&b, &a, server, timed, 5 * SECOND).unwrap().bytes > 0);
    }
    link::set_down(&b, "eth0").unwrap();
    let nobody = "10.9.0.2:0".parse().unwrap();
    let cut = tcp_transfer(&b, &a, nobody, TransferSize::Bytes(1), Duration::from_millis(100));
    assert!(cut.is_err(), "{cut:?}");
    for netns in [&a, &b] {
        Netns::delete(netns.name()).unwrap();
    }
    ground.is_as_before();
}
