//! DPDK's testpmd over its packet-socket driver: it exchanges the addresses of each frame, and looks nothing up.

use super::{Running, Setting, await_condition, which};
use crate::wire::WireError;
use crate::wire::bed::Bed;
use std::path::PathBuf;
use std::process::Command;

pub(super) fn start(bed: &mut Bed, setting: &Setting) -> Result<Running, WireError> {
    let program = which("dpdk-testpmd").unwrap_or_else(|| PathBuf::from("dpdk-testpmd"));
    let mut command = Command::new(&program);
    // Its first core is for its command line, the other one forwards.
    let forwards = setting.cores[0];
    command.arg("--lcores").arg(format!("{}@{forwards},{}@{forwards}", 0, 1));
    command.args(["--in-memory", "--no-pci"]);
    for (index, port) in bed.names().iter().enumerate() {
        command.arg("--vdev").arg(format!(
            "net_af_packet{index},iface={port},framesz=2048,framecnt=1024,blocksz=65536,qdisc_bypass=1"
        ));
    }
    command.args(["--", "--nb-cores=1", "--forward-mode=macswap", "--total-num-mbufs=65536", "--auto-start"]);
    // It ends when its input does: it gets a statistics period instead of a prompt.
    command.arg("--stats-period=3600");
    let switch = bed.switch.clone();
    bed.ground.start(&switch, &setting.cores, &mut command)?;
    let path = program.to_string_lossy().into_owned();
    await_condition(bed, &path, || bed.ground.told(&path).contains("Port statistics"))?;
    Ok(Running::default())
}
