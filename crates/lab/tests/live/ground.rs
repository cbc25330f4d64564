//! What a test stands on: what it needs of the machine, names of its own, and a look at what it left behind.

use greylag_base::{MacAddr, PortName};
use greylag_lab::link::{self, VethEnd};
use greylag_lab::netns::{self, Netns};
use greylag_lab::process::Process;
use greylag_tests::wait_for;
use std::time::Duration;

/// A test's names, and the namespaces that were there before it.
pub(crate) struct Ground {
    /// Part of all names of the test.
    pub(crate) tag: String,
    before: Vec<String>,
}

impl Ground {
    pub(crate) fn new(test: &str) -> Self {
        let mut ground = Ground { tag: format!("glt-{test}-{}", std::process::id()), before: Vec::new() };
        ground.before = ground.namespaces();
        assert_eq!(ground.before, [""; 0], "nobody else has such names");
        ground
    }

    /// The namespaces with the test's tag in their name.
    pub(crate) fn namespaces(&self) -> Vec<String> {
        netns::list().unwrap().into_iter().filter(|name| name.contains(&self.tag)).collect()
    }

    pub(crate) fn name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.tag)
    }

    pub(crate) fn netns(&self, suffix: &str) -> Netns {
        Netns::create(&self.name(suffix)).unwrap()
    }

    /// Two namespaces, each with one end of a veth pair.
    pub(crate) fn cable(&self) -> (Netns, Netns) {
        let (a, b) = (self.netns("a"), self.netns("b"));
        veth(&a, "eth0", Some(MAC_A), &b, "eth0", Some(MAC_B), 1500).unwrap();
        (a, b)
    }

    /// The test is over, and has removed what it made.
    pub(crate) fn is_as_before(&self) {
        assert_eq!(self.namespaces(), self.before);
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for name in self.namespaces() {
            let _ = Netns::delete(&name);
        }
    }
}

pub(crate) const MAC_A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xa]);
pub(crate) const MAC_B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xb]);

pub(crate) fn port(name: &str) -> PortName {
    PortName::new(name).unwrap()
}

pub(crate) fn veth(
    a: &Netns,
    a_name: &str,
    a_mac: Option<MacAddr>,
    b: &Netns,
    b_name: &str,
    b_mac: Option<MacAddr>,
    mtu: u16,
) -> Result<(), link::LinkError> {
    link::veth_pair(
        &VethEnd { netns: a, name: &port(a_name), mac: a_mac, mtu },
        &VethEnd { netns: b, name: &port(b_name), mac: b_mac, mtu },
    )
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, Duration::from_secs(10), || holds().then_some(()));
}

pub(crate) fn is_alive(pid: u32) -> bool {
    Process::of_pid(pid).is_some()
}
