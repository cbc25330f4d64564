//! Network namespaces that vanish with the threads that live in them, and the gate in front of every live test.

use greylag_tests::{Need, has};
use rustix::thread::{UnshareFlags, gettid, unshare_unsafe};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

const NEEDS: &[Need] = &[
    Need::NetAdmin,
    Need::Tun,
    Need::Program { name: "ip", package: "iproute2" },
    Need::Program { name: "ethtool", package: "ethtool" },
];

/// Takes the calling thread into an empty network namespace.
fn new_namespace() -> rustix::io::Result<()> {
    // SAFETY: a network namespace is a thread's own; file descriptors stay shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }
}

/// Takes the thread of this test into an empty network namespace. `false` when the machine cannot do that: the
/// test has said so and is to return.
pub(crate) fn enter() -> bool {
    if !has(NEEDS) {
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
