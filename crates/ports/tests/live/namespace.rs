//! Network namespaces that vanish with the threads that live in them, and the gate in front of every live test.

use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

/// What this machine lacks for live tests: what it is, and the command that provides it.
fn missing() -> Option<(&'static str, &'static str)> {
    // A thread of its own, because what it tries is not undone.
    let namespaces = thread::spawn(|| new_namespace().is_ok()).join().unwrap();
    if !namespaces {
        return Some(("CAP_SYS_ADMIN and CAP_NET_ADMIN", "sudo -E cargo test -p greylag-ports"));
    }
    if std::fs::File::options().read(true).write(true).open("/dev/net/tun").is_err() {
        return Some(("/dev/net/tun", "modprobe tun"));
    }
    [("ip", "-V", "apt-get install iproute2"), ("ethtool", "--version", "apt-get install ethtool")]
        .into_iter()
        .find(|(program, version, _)| {
            !Command::new(program).arg(version).output().is_ok_and(|out| out.status.success())
        })
        .map(|(program, _, command)| (program, command))
}

/// Takes the calling thread into an empty network namespace.
fn new_namespace() -> rustix::io::Result<()> {
    // SAFETY: a network namespace is a thread's own; file descriptors stay shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
}

/// Takes the thread of this test into an empty network namespace. `false` when the machine cannot do that: the
/// test has said so and is to return.
pub(crate) fn enter() -> bool {
    if let Some((what, command)) = missing() {
        let test = thread::current();
        let line = format!("SKIPPED {}: needs {what} ({command})", test.name().unwrap_or("?"));
        assert!(std::env::var_os("GREYLAG_TEST_ALL").is_none_or(|all| all != "1"), "{line}");
        eprintln!("{line}");
        return false;
    }
    new_namespace().unwrap();
    ip("link set lo up");
    true
}

/// Runs ip(8) in the namespace of the calling thread.
pub(crate) fn ip(arguments: &str) {
    run("ip", arguments);
}

/// Runs a program in the namespace of the calling thread.
pub(crate) fn run(program: &str, arguments: &str) {
    let output = Command::new(program).args(arguments.split_whitespace()).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {complaint}");
}

type Job = Box<dyn FnOnce() + Send>;

/// A host: a thread in a network namespace of its own, which does what it is told.
pub(crate) struct Host {
    jobs: mpsc::Sender<Job>,
    thread: i32,
}

impl Host {
    pub(crate) fn new() -> Self {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            new_namespace().unwrap();
            ip("link set lo up");
            tell.send(gettid().as_raw_nonzero().get()).unwrap();
            inbox.into_iter().for_each(|job| job());
        });
        Host { jobs, thread: told.recv().unwrap() }
    }

    /// Does something in the namespace and waits for it.
    pub(crate) fn run<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> R {
        self.start(job).join().expect("the job did not panic")
    }

    /// Does something in the namespace on a thread of its own.
    pub(crate) fn start<R: Send + 'static>(
        &self,
        job: impl FnOnce() -> R + Send + 'static,
    ) -> thread::JoinHandle<R> {
        let (tell, told) = mpsc::channel();
        // A new thread is in the namespace of the one that starts it.
        self.jobs.send(Box::new(move || tell.send(thread::spawn(job)).unwrap())).unwrap();
        told.recv().unwrap()
    }

    /// Connects `here`, an interface in the namespace of the calling thread, with `there`, one of the host's.
    pub(crate) fn cable(&self, here: &str, there: &str) {
        ip(&format!("link add {here} type veth peer name {there} netns {}", self.thread));
        ip(&format!("link set {here} up"));
        let there = there.to_owned();
        self.run(move || ip(&format!("link set {there} up")));
    }

    /// Gives an interface of the host an IPv4 address.
    pub(crate) fn address(&self, interface: &str, address: &str) {
        let command = format!("address add {address} dev {interface}");
        self.run(move || ip(&command));
    }
}
