//! Open vSwitch with its datapath in user space, out of a folder of ours.

use super::{Running, Setting, await_condition, which};
use crate::wire::WireError;
use crate::wire::bed::{Bed, PortKind};
use std::path::{Path, PathBuf};
use std::process::Command;

const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// By what it reads and writes frames.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Packet sockets, or TAPs of its own.
    Kernel,
    /// The same with super-frames, which it calls experimental.
    Segmented,
    AfXdp,
    Dpdk,
}

pub(super) fn start(bed: &mut Bed, setting: &Setting, way: Way) -> Result<Running, WireError> {
    let folder = bed.ground.folder().to_owned();
    let path = |name: &str| folder.join(name);
    let option = |name: &str, path: PathBuf| format!("--{name}={}", path.display());
    let switch = bed.switch.clone();
    bed.ground.run(&switch, program("ovsdb-tool").arg("create").arg(path("conf.db")).arg(SCHEMA))?;
    let mut database = program("ovsdb-server");
    database.arg(path("conf.db")).arg(format!("--remote=punix:{}", path("db.sock").display()));
    database.arg(option("unixctl", path("db.ctl")));
    bed.ground.start(&switch, &setting.cores, &mut database)?;
    await_condition(bed, "ovsdb-server", || path("db.sock").exists())?;
    bed.ground.run(&switch, vsctl(&folder).args(["--no-wait", "init"]))?;

    // A mask of the first core; what polls is there, all else wherever the process may be.
    let mask = format!("0x{:x}", 1_u64 << setting.cores[0]);
    let mut settings = vec![format!("other_config:pmd-cpu-mask={mask}")];
    if way == Way::Segmented {
        settings.push("other_config:userspace-tso-enable=true".to_owned());
    }
    if way == Way::Dpdk {
        settings.extend(
            ["dpdk-init=true", "dpdk-socket-mem=512", "dpdk-extra=\"--no-pci --in-memory\""]
                .map(|setting| format!("other_config:{setting}")),
        );
        settings.push(format!("other_config:dpdk-lcore-mask={mask}"));
    }
    bed.ground.run(&switch, vsctl(&folder).args(["--no-wait", "set", "Open_vSwitch", "."]).args(settings))?;
    let daemon = if way == Way::Dpdk { "ovs-vswitchd-dpdk" } else { "ovs-vswitchd" };
    let mut command = program(daemon);
    command.env("OVS_RUNDIR", &folder);
    command.arg(format!("unix:{}", path("db.sock").display())).arg(option("unixctl", path("vs.ctl")));
    let path_of_daemon = command.get_program().to_string_lossy().into_owned();
    bed.ground.start(&switch, &setting.cores, &mut command)?;
    await_condition(bed, &path_of_daemon, || path("vs.ctl").exists())?;

    let mut add = vsctl(&folder);
    add.args(["--timeout=15", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"]);
    // Its own default is 8192, with which it floods what it was measured for.
    add.arg(format!("other-config:mac-table-size={}", (2 * setting.entries).clamp(8192, 1_000_000)));
    for (index, port) in bed.names().iter().enumerate() {
        add.args(["--", "add-port", "br0", port, "--", "set", "interface", port]);
        add.args(interface(bed.kind, way, index, port));
    }
    bed.ground.run(&switch, &mut add)?;
    if bed.kind == PortKind::Tap {
        for station in &bed.stations {
            let (name, netns) = (station.name.as_str(), station.netns.name());
            bed.ground.run(&switch, Command::new("ip").args(["link", "set", name, "netns", netns]))?;
            greylag_lab::link::set_up(&station.netns, name)?;
        }
    }
    Ok(Running::default())
}

/// What the database says of a port.
fn interface(ports: PortKind, way: Way, index: usize, port: &str) -> Vec<String> {
    match (ports, way) {
        // A TAP that has gone to its station passes no segment of 9000 octets, whatever was asked for; one that reads super-frames passes those.
        (PortKind::Tap, Way::Segmented) => vec!["type=tap".to_owned(), "mtu_request=9000".to_owned()],
        (PortKind::Tap, _) => vec!["type=tap".to_owned()],
        (PortKind::Veth, Way::Kernel | Way::Segmented) => vec!["type=system".to_owned()],
        (PortKind::Veth, Way::AfXdp) => {
            ["type=afxdp", "options:n_rxq=1", "options:xdp-mode=best-effort"].map(str::to_owned).to_vec()
        }
        (PortKind::Veth, Way::Dpdk) => vec![
            "type=dpdk".to_owned(),
            format!(
                "options:dpdk-devargs=net_af_packet{index},iface={port},framesz=2048,framecnt=1024,\
                 blocksz=65536,qdisc_bypass=1"
            ),
            "mtu_request=1500".to_owned(),
        ],
    }
}

fn program(name: &str) -> Command {
    Command::new(which(name).unwrap_or_else(|| PathBuf::from(name)))
}

fn vsctl(folder: &Path) -> Command {
    let mut command = program("ovs-vsctl");
    command.arg(format!("--db=unix:{}", folder.join("db.sock").display()));
    command
}
