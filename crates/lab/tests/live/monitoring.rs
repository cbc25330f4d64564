use crate::ground::{Ground, port, veth};
use greylag_lab::link;
use greylag_lab::link_monitor::{LinkChange, LinkMonitor, LinkState};
use greylag_lab::netns::Netns;
use greylag_tests::{Need, has};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

fn tell(sender: &Sender<(usize, LinkState)>, index: usize, change: LinkChange) {
    if let LinkChange::State(state) = change {
        sender.send((index, state)).unwrap();
    }
}

/// The next change; the kernel may hold one back for a second.
fn next(changes: &Receiver<(usize, LinkState)>) -> (usize, LinkState) {
    changes.recv_timeout(Duration::from_secs(10)).expect("a change within 10 s")
}

fn sorted<const N: usize>(changes: &Receiver<(usize, LinkState)>) -> [(usize, LinkState); N] {
    let mut all = std::array::from_fn(|_| next(changes));
    all.sort_by_key(|&(index, _)| index);
    all
}

#[test]
fn a_monitor_follows_interfaces_down_up_away_and_back() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let ground = Ground::new("watch");
    let (a, b) = ground.cable();
    link::set_up(&a, "eth0").unwrap();
    let (sender, changes) = channel();
    let watch = vec![
        (0, Some(a.clone()), port("eth0")),
        (1, Some(b.clone()), port("eth0")),
        (2, Some(a.clone()), port("later")),
        (3, None, port("no-such-glt")),
    ];
    let monitor = LinkMonitor::spawn(watch, move |index, change| tell(&sender, index, change)).unwrap();
    use LinkState::{Down, Gone, Up};
    assert_eq!(
        sorted(&changes),
        [(0, Down), (1, Down), (2, Gone), (3, Gone)],
        "what is the case comes first"
    );

    link::set_up(&b, "eth0").unwrap();
    assert_eq!(sorted(&changes), [(0, Up), (1, Up)]);
    link::set_down(&b, "eth0").unwrap();
    assert_eq!(sorted(&changes), [(0, Down), (1, Down)], "the far end loses its carrier");
    link::set_up(&b, "eth0").unwrap();
    assert_eq!(sorted(&changes), [(0, Up), (1, Up)]);

    link::delete(&b, "eth0").unwrap();
    let mut states = [None; 2];
    while states != [Some(Gone); 2] {
        let (index, state) = next(&changes);
        states[index] = Some(state);
    }
    veth(&a, "eth0", None, &b, "eth0", None, 1500).unwrap();
    assert_eq!(sorted(&changes), [(0, Down), (1, Down)], "made again under its name");
    veth(&a, "later", None, &b, "other", None, 1500).unwrap();
    assert_eq!(next(&changes), (2, Down));
    link::delete(&b, "other").unwrap();
    assert_eq!(next(&changes), (2, Gone));

    drop(monitor);
    assert!(changes.recv_timeout(Duration::from_secs(10)).is_err(), "the thread has ended");
    for netns in [&a, &b] {
        Netns::delete(netns.name()).unwrap();
    }
    ground.is_as_before();
}

#[test]
fn a_monitor_keeps_up_with_more_events_than_its_socket_holds() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let ground = Ground::new("flood");
    let (a, b) = ground.cable();
    link::set_up(&b, "eth0").unwrap();
    let (sender, changes) = channel();
    let (go, wait) = channel::<()>();
    // The first report holds the monitor up until the socket has overflowed.
    let monitor = LinkMonitor::spawn(vec![(7, Some(a.clone()), port("eth0"))], move |index, change| {
        tell(&sender, index, change);
        let _ = wait.recv();
    })
    .unwrap();
    assert_eq!(next(&changes), (7, LinkState::Down));
    for _ in 0..400 {
        link::set_up(&a, "eth0").unwrap();
        link::set_down(&a, "eth0").unwrap();
    }
    link::set_up(&a, "eth0").unwrap();
    drop(go);
    let mut last = LinkState::Down;
    while let Ok((_, state)) = changes.recv_timeout(Duration::from_secs(2)) {
        last = state;
    }
    assert_eq!(last, LinkState::Up);
    drop(monitor);
    for netns in [&a, &b] {
        Netns::delete(netns.name()).unwrap();
    }
    ground.is_as_before();
}

#[test]
fn a_monitor_tells_of_what_is_put_on_the_way_out() {
    if !has(&[Need::NetAdmin, Need::Program { name: "tc", package: "iproute2" }]) {
        return;
    }
    let ground = Ground::new("queueing");
    let (a, b) = ground.cable();
    let (sender, changes) = channel();
    let monitor = LinkMonitor::spawn(vec![(7, Some(a.clone()), port("eth0"))], move |_, change| {
        if let LinkChange::Queueing(queueing) = change {
            sender.send(queueing).unwrap();
        }
    })
    .unwrap();
    let next = || changes.recv_timeout(Duration::from_secs(10)).expect("a change within 10 s");
    let tc = |command: &str| {
        let mut tc = std::process::Command::new("tc");
        let status = tc.args(["-n", a.name()]).args(command.split(' ')).status().unwrap();
        assert!(status.success(), "tc {command}");
    };
    assert!(!next(), "a veth begins with nothing");
    link::set_up(&a, "eth0").unwrap();
    link::set_up(&b, "eth0").unwrap();
    tc("qdisc add dev eth0 root blackhole");
    assert!(next());
    tc("qdisc del dev eth0 root");
    assert!(!next());
    tc("qdisc add dev eth0 clsact");
    assert!(next());
    // That its link comes and goes changes nothing.
    link::set_down(&a, "eth0").unwrap();
    link::set_up(&a, "eth0").unwrap();
    tc("qdisc del dev eth0 clsact");
    assert!(!next());
    drop(monitor);
    for netns in [&a, &b] {
        Netns::delete(netns.name()).unwrap();
    }
    ground.is_as_before();
}
