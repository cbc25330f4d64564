//! Enters a user namespace as a user without privilege, and builds a network there. No harness: it has threads,
//! and entering needs a process without.

use greylag_base::PortName;
use greylag_lab::host::ping;
use greylag_lab::link::{self, VethEnd};
use greylag_lab::netns::{self, Netns};
use greylag_lab::stack::Stack;
use greylag_lab::state::State;
use greylag_lab::userns::{Privilege, UsernsError, enter_if_unprivileged};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// nobody, on every distribution.
const NOBODY: u32 = 65534;

const CHILD: &str = "GREYLAG_TEST_UNPRIVILEGED";

fn main() -> ExitCode {
    match std::env::var(CHILD).as_deref() {
        Ok("network") => network(),
        Ok("threads") => threads(),
        _ => return as_root(),
    }
    ExitCode::SUCCESS
}

fn as_root() -> ExitCode {
    // `cargo test NAME` names tests of other files.
    if std::env::args().skip(1).any(|argument| !argument.starts_with('-') && !"userns".contains(&argument)) {
        return ExitCode::SUCCESS;
    }
    let root = matches!(enter_if_unprivileged(), Ok(Privilege::Machine));
    let missing = if !root {
        Some("root (`sudo`)")
    } else if !allowed() {
        Some("unprivileged user namespaces (`sysctl -w user.max_user_namespaces=10000`)")
    } else {
        None
    };
    if let Some(missing) = missing {
        greylag_tests::skip("userns", missing);
        return ExitCode::SUCCESS;
    }
    let before = netns::list().unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // The build folder need not be open to everybody.
    let program = folder.path().join("userns");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    for part in ["network", "threads"] {
        let status = Command::new(&program).env(CHILD, part).uid(NOBODY).gid(NOBODY).status().unwrap();
        assert!(status.success(), "{part}: {status}");
        eprintln!("test userns::{part} ... ok");
    }
    let ours =
        |names: Vec<String>| names.into_iter().filter(|name| name.starts_with("inner")).collect::<Vec<_>>();
    assert_eq!(ours(netns::list().unwrap()), ours(before), "what is made inside cannot be seen outside");
    ExitCode::SUCCESS
}

fn allowed() -> bool {
    ["user/max_user_namespaces", "kernel/unprivileged_userns_clone"].iter().all(|key| {
        fs::read_to_string(format!("/proc/sys/{key}")).is_ok_and(|value| value.trim() != "0")
            || !fs::exists(format!("/proc/sys/{key}")).unwrap()
    }) && !fs::read_to_string("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
        .is_ok_and(|value| value.trim() == "1")
}

fn network() {
    assert_eq!(enter_if_unprivileged().unwrap(), Privilege::OwnNamespace);
    assert_eq!(enter_if_unprivileged().unwrap(), Privilege::Machine, "once inside, it is root");
    assert_eq!(fs::read_dir("/run").unwrap().count(), 0, "a /run of its own");
    assert_eq!(State::locate().unwrap().root().to_str(), Some("/run/greylag"));
    let eth0 = PortName::new("eth0").unwrap();
    let (a, b) = (Netns::create("inner-a").unwrap(), Netns::create("inner-b").unwrap());
    let end = |netns| VethEnd { netns, name: &eth0, mac: None, mtu: 1500 };
    link::veth_pair(&end(&a), &end(&b)).unwrap();
    for (netns, address) in [(&a, "10.7.0.1"), (&b, "10.7.0.2")] {
        Stack::Host.apply(netns).unwrap();
        link::add_address(netns, "eth0", address.parse().unwrap(), 24).unwrap();
        link::set_up(netns, "eth0").unwrap();
    }
    let second = Duration::from_secs(1);
    assert!(ping(&a, "10.7.0.2".parse().unwrap(), 1, second, 5 * second).unwrap().is_clean());
    Stack::Switch.apply(&Netns::create("inner-c").unwrap()).unwrap();
    assert_eq!(netns::list().unwrap(), ["inner-a", "inner-b", "inner-c"]);
}

fn threads() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    assert!(matches!(enter_if_unprivileged(), Err(UsernsError::Threads(2))));
    drop(stop);
    let _ = thread.join().unwrap();
}
