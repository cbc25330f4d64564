use crate::ground::Ground;
use greylag_lab::netns::{NETNS_FOLDER, Netns, NetnsError, NetnsIdentity, list};
use greylag_lab::stack::Stack;
use greylag_tests::{Need, has};
use std::fs;
use std::process::Command;

#[test]
fn a_namespace_is_made_found_entered_and_deleted() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let ground = Ground::new("ns");
    let name = ground.name("x");
    let made = Netns::create(&name).unwrap();
    assert!(list().unwrap().contains(&name));
    assert!(matches!(Netns::create(&name), Err(NetnsError::Exists(of)) if of == name));

    let opened = Netns::open(&name).unwrap();
    assert_eq!(opened.identity().unwrap(), made.identity().unwrap());
    let own = Netns::own().unwrap().identity().unwrap();
    assert_ne!(own, made.identity().unwrap());
    let inside = made.run(|| Netns::own().unwrap().identity().unwrap()).unwrap();
    assert_eq!(inside, made.identity().unwrap());
    assert_eq!(Netns::own().unwrap().identity().unwrap(), own, "the caller stays where it is");

    let mut child = made.run(|| Command::new("sleep").arg("60").spawn()).unwrap().unwrap();
    assert_eq!(NetnsIdentity::of_pid(child.id()), Some(inside));
    assert_eq!(Netns::of_pid(child.id()).unwrap().identity().unwrap(), inside);
    // Beyond the last that the kernel gives out.
    assert_eq!(Netns::of_pid(4_194_305).unwrap_err().to_string(), "there is no process 4194305");
    child.kill().unwrap();
    child.wait().unwrap();

    Netns::delete(&name).unwrap();
    assert!(matches!(Netns::open(&name), Err(NetnsError::Missing(_))));
    assert!(matches!(Netns::delete(&name), Err(NetnsError::Missing(_))));
    ground.is_as_before();
}

#[test]
fn a_name_cannot_lead_out_of_the_folder() {
    for name in ["", ".", "..", "../x", "a/b"] {
        assert!(matches!(Netns::open(name), Err(NetnsError::Name(_))), "{name:?}");
        assert!(matches!(Netns::delete(name), Err(NetnsError::Name(_))), "{name:?}");
    }
}

#[test]
fn a_plain_file_in_the_folder_is_no_namespace() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let ground = Ground::new("file");
    let (name, other) = (ground.name("x"), ground.name("y"));
    Netns::create(&other).unwrap();
    fs::write(format!("{NETNS_FOLDER}/{name}"), "").unwrap();
    assert!(matches!(Netns::open(&name), Err(NetnsError::PlainFile(_))));
    Netns::delete(&name).unwrap();
    Netns::delete(&other).unwrap();
    ground.is_as_before();
}

#[test]
fn ip_netns_and_greylag_see_the_same_namespaces() {
    let needs = [Need::NetAdmin, Need::Program { name: "ip", package: "iproute2" }];
    if !has(&needs) {
        return;
    }
    let ground = Ground::new("ip");
    let ip = |arguments: &[&str]| {
        let output = Command::new("ip").args(arguments).output().unwrap();
        assert!(output.status.success(), "ip {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let (ours, theirs) = (ground.name("ours"), ground.name("theirs"));
    let made = Netns::create(&ours).unwrap();
    ip(&["netns", "add", &theirs]);
    assert_eq!(ground.namespaces(), [ours.clone(), theirs.clone()]);

    assert!(ip(&["netns", "list"]).contains(&ours));
    let seen = ip(&["netns", "exec", &ours, "readlink", "/proc/self/ns/net"]);
    let inside = made.run(|| fs::read_link("/proc/thread-self/ns/net")).unwrap().unwrap();
    assert_eq!(seen.trim(), inside.to_str().unwrap());
    assert!(Netns::open(&theirs).is_ok());

    ip(&["netns", "delete", &ours]);
    Netns::delete(&theirs).unwrap();
    ground.is_as_before();
}

#[test]
fn a_switch_has_no_ipv6_and_a_host_does_not_wait_for_it() {
    if !has(&[Need::NetAdmin]) {
        return;
    }
    let ground = Ground::new("stack");
    let setting = |netns: &Netns, key: &str| {
        let path = format!("/proc/sys/net/ipv6/conf/default/{key}");
        netns.run(|| fs::read_to_string(path).unwrap().trim().to_owned()).unwrap()
    };
    let (switch, host) = (ground.netns("switch"), ground.netns("host"));
    Stack::Switch.apply(&switch).unwrap();
    Stack::Host.apply(&host).unwrap();
    assert_eq!(setting(&switch, "disable_ipv6"), "1");
    assert_eq!(setting(&host, "disable_ipv6"), "0");
    for key in ["accept_dad", "router_solicitations", "accept_ra"] {
        assert_eq!(setting(&host, key), "0", "{key}");
    }
    assert!(greylag_lab::link::find(&host, "lo").unwrap().unwrap().up);
    for netns in [switch, host] {
        Netns::delete(netns.name()).unwrap();
    }
    ground.is_as_before();
}
