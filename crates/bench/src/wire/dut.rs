//! Devices under test: how each is started on the ports of a bed, and what it needs.

mod bare;
mod greylag;
mod ovs;
mod testpmd;
mod vde;

use super::WireError;
use super::bed::{Bed, PortKind};
use super::partner::Speech;
use crate::cores;
use greylag_lab::link;
use greylag_switch::config::Io;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub(crate) use bare::Bare;

/// How long a device may take until its ports are there and up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Something that frames are sent through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dut {
    /// This program, `greylag run`, on ports as it chooses them.
    Greylag,
    /// The same with `io: af-xdp`.
    GreylagAfXdp,
    /// The same as `Greylag` with a worker on each core, those of generator and stations too, as the bridge of the kernel runs on all.
    GreylagAllCores,
    /// The bridge of the kernel.
    LinuxBridge,
    /// Open vSwitch, its datapath in user space over packet sockets or TAPs.
    Ovs,
    /// The same, with TCP's super-frames whole (`userspace-tso-enable`).
    OvsTso,
    /// The same over AF_XDP.
    OvsAfXdp,
    /// The same with DPDK's drivers.
    OvsDpdk,
    /// DPDK's testpmd, which exchanges addresses and knows no table.
    Testpmd,
    /// `vde_switch` of Virtual Distributed Ethernet.
    Vde,
    /// Whatever is behind interfaces of this namespace.
    External,
    /// Nothing: one cable. What the generator can do.
    Cable,
    /// A loop that reads and forgets. What can be read.
    Drain,
    /// A loop that reads by one port and writes by the other. What could be forwarded if that were all.
    Loop,
}

impl Dut {
    /// All that can be asked for.
    pub const ALL: [Dut; 11] = [
        Dut::Greylag,
        Dut::GreylagAfXdp,
        Dut::GreylagAllCores,
        Dut::LinuxBridge,
        Dut::Ovs,
        Dut::OvsTso,
        Dut::OvsAfXdp,
        Dut::OvsDpdk,
        Dut::Testpmd,
        Dut::Vde,
        Dut::External,
    ];
    /// What tells of generator and receiver, and is part of every result.
    pub(crate) const BOUNDS: [Dut; 3] = [Dut::Cable, Dut::Drain, Dut::Loop];

    /// The name on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Dut::Greylag => "greylag",
            Dut::GreylagAfXdp => "greylag-afxdp",
            Dut::GreylagAllCores => "greylag-all-cores",
            Dut::LinuxBridge => "linux-bridge",
            Dut::Ovs => "ovs",
            Dut::OvsTso => "ovs-tso",
            Dut::OvsAfXdp => "ovs-afxdp",
            Dut::OvsDpdk => "ovs-dpdk",
            Dut::Testpmd => "testpmd",
            Dut::Vde => "vde",
            Dut::External => "external",
            Dut::Cable => "(cable alone)",
            Dut::Drain => "(bare read)",
            Dut::Loop => "(bare loop)",
        }
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Result<Dut, String> {
        let found = Dut::ALL.into_iter().find(|dut| dut.name() == name);
        found.ok_or_else(|| format!("expected one of {}", Dut::ALL.map(Dut::name).join(", ")))
    }

    /// It is this program.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Dut::Greylag | Dut::GreylagAfXdp | Dut::GreylagAllCores)
    }

    /// It learns addresses and knows who is where.
    pub(crate) fn is_switch(self) -> bool {
        !matches!(self, Dut::Testpmd | Dut::Cable | Dut::Drain | Dut::Loop)
    }

    /// How many queues its cables should have.
    pub(crate) fn queues(self, setting: &Setting) -> NonZeroU32 {
        let workers = if self == Dut::GreylagAfXdp { setting.cores.len() as u32 } else { 1 };
        NonZeroU32::new(workers).unwrap_or(NonZeroU32::MIN)
    }

    /// Programs that it needs, and the Debian package of each.
    fn programs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Dut::Ovs | Dut::OvsTso | Dut::OvsAfXdp => &[
                ("ovs-vswitchd", "openvswitch-switch"),
                ("ovsdb-server", "openvswitch-switch"),
                ("ovsdb-tool", "openvswitch-common"),
                ("ip", "iproute2"),
            ],
            Dut::OvsDpdk => &[("ovs-vswitchd-dpdk", "openvswitch-switch-dpdk"), ("ip", "iproute2")],
            Dut::Testpmd => &[("dpdk-testpmd", "dpdk-dev")],
            Dut::Vde => &[("vde_switch", "vde2"), ("ip", "iproute2")],
            _ => &[],
        }
    }

    /// Why it cannot be measured on such ports here.
    pub(crate) fn is_missing(self, ports: PortKind) -> Option<String> {
        let unfit = match (self, ports) {
            (Dut::LinuxBridge, PortKind::Tap) => {
                Some("the kernel's bridge has no end of a TAP that frames could be read from")
            }
            (Dut::OvsAfXdp | Dut::Testpmd | Dut::OvsDpdk, PortKind::Tap) => {
                Some("started on veth alone: over TAP it would measure DPDK's or the kernel's other ways")
            }
            (Dut::GreylagAfXdp, PortKind::Tap) => {
                Some("a TAP of greylag's is a descriptor of its own; AF_XDP is for devices that are there")
            }
            (Dut::Vde, PortKind::Veth) => Some("has TAP ports alone"),
            _ => None,
        };
        let program = self.programs().iter().find(|(program, _)| which(program).is_none());
        unfit.map(str::to_owned).or_else(|| {
            program.map(|(program, package)| format!("needs {program} (apt-get install {package})"))
        })
    }

    /// What it says of its version; of a part of the kernel the kernel's.
    pub(crate) fn version(self) -> Option<String> {
        let ask = match self {
            Dut::Greylag | Dut::GreylagAfXdp | Dut::GreylagAllCores => {
                return Some(format!("greylag {}", env!("CARGO_PKG_VERSION")));
            }
            Dut::LinuxBridge => {
                let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
                return Some(format!("bridge of Linux {}", release.trim()));
            }
            Dut::Ovs | Dut::OvsTso | Dut::OvsAfXdp => "ovs-vswitchd",
            Dut::OvsDpdk => "ovs-vswitchd-dpdk",
            Dut::Testpmd => return testpmd::version(),
            Dut::Vde => "vde_switch",
            Dut::External | Dut::Cable | Dut::Drain | Dut::Loop => return None,
        };
        let output = std::process::Command::new(which(ask)?).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        Some(text.lines().find(|line| !line.trim().is_empty())?.trim().to_owned())
    }

    /// Why there is no connection through it, where that is how it is and no fault of the ground that it stands on.
    pub(crate) fn is_known_for(self, ports: PortKind) -> Option<&'static str> {
        match (self, ports) {
            // A TAP of its own has the kernel finish everything.
            (Dut::Ovs | Dut::OvsAfXdp | Dut::OvsDpdk, PortKind::Veth) => Some(
                "it hands on checksums that the sender's kernel has left to hardware, and never finishes them: what its users see until \
                 they switch that off at the stations (ethtool -K IF tx off)",
            ),
            _ => None,
        }
    }

    /// Starts it on the ports of a bed. It is ready to forward then.
    pub(crate) fn start(self, bed: &mut Bed, setting: &Setting) -> Result<Running, WireError> {
        let running = match self {
            Dut::Greylag => greylag::start(bed, setting, Io::Auto)?,
            Dut::GreylagAfXdp => greylag::start(bed, setting, Io::AfXdp)?,
            Dut::GreylagAllCores => {
                let setting = Setting { cores: cores::allowed(), ..setting.clone() };
                greylag::start(bed, &setting, Io::Auto)?
            }
            Dut::LinuxBridge => bridge(bed)?,
            Dut::Ovs => ovs::start(bed, setting, ovs::Way::Kernel)?,
            Dut::OvsTso => ovs::start(bed, setting, ovs::Way::Segmented)?,
            Dut::OvsAfXdp => ovs::start(bed, setting, ovs::Way::AfXdp)?,
            Dut::OvsDpdk => ovs::start(bed, setting, ovs::Way::Dpdk)?,
            Dut::Testpmd => testpmd::start(bed, setting)?,
            Dut::Vde => vde::start(bed, setting)?,
            Dut::External | Dut::Cable => Running::default(),
            Dut::Drain => Running { bare: Some(Bare::drain(bed, setting)?) },
            Dut::Loop => Running { bare: Some(Bare::forward(bed, setting)?) },
        };
        bed.await_carriers(PATIENCE)?;
        Ok(running)
    }
}

/// What every device is started with.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// This program.
    pub(crate) program: PathBuf,
    /// The cores that it may use; the generator has another one.
    pub(crate) cores: Vec<usize>,
    /// Addresses that it should have room for.
    pub(crate) entries: usize,
    /// What greylag is to speak at its first port, with a partner that is started behind it.
    pub(crate) speech: Option<Speech>,
}

/// A device that runs. Its processes are the ground's.
#[derive(Default)]
pub(crate) struct Running {
    /// One that is no program but a thread.
    pub(crate) bare: Option<Bare>,
}

/// The kernel's bridge. It runs where frames come in: on the generator's core.
fn bridge(bed: &Bed) -> Result<Running, WireError> {
    link::bridge(&bed.switch, "br0")?;
    for port in bed.names() {
        link::join_bridge(&bed.switch, &port, "br0")?;
    }
    Ok(Running::default())
}

/// Waits for something that a device does.
fn await_condition(bed: &Bed, program: &str, mut condition: impl FnMut() -> bool) -> Result<(), WireError> {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        if Instant::now() >= deadline || bed.ground.processes().is_empty() {
            let log = bed.ground.told(program);
            return Err(WireError::Ended { program: program.to_owned(), log });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Where a program is; the folders of system programs count too.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/lib/openvswitch-switch-dpdk"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(system);
    places.find_map(|folder| Some(folder.join(program)).filter(|path| path.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_as_they_are_written() {
        for dut in Dut::ALL {
            assert_eq!(Dut::parse(dut.name()), Ok(dut));
        }
        assert!(Dut::parse("(bare loop)").is_err());
    }

    #[test]
    fn what_is_missing_is_told_by_name() {
        let why = Dut::LinuxBridge.is_missing(PortKind::Tap).unwrap();
        assert!(why.contains("TAP"), "{why}");
        assert_eq!(Dut::Greylag.is_missing(PortKind::Tap), None);
    }
}
