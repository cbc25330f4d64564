//! DPDK's testpmd over its packet-socket driver: it exchanges the addresses of each frame, and looks nothing up.

use super::{Running, Setting, await_condition, which};
use crate::wire::WireError;
use crate::wire::bed::Bed;
use std::path::PathBuf;
use std::process::Command;

/// That of DPDK, whose programs say it before they say how to use them.
pub(super) fn version() -> Option<String> {
    let output = Command::new(which("dpdk-testpmd")?).args(["-v", "-h"]).output().ok()?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some(format!("testpmd of {}", version_in(&text)?))
}

/// `EAL: RTE Version: 'DPDK 22.11.11'`.
fn version_in(text: &str) -> Option<&str> {
    let line = text.lines().find_map(|line| line.split_once("RTE Version:"))?.1;
    Some(line.trim().trim_matches('\''))
}

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
    await_condition(bed, &path, || bed.ground.said(&path).contains("Port statistics"))?;
    Ok(Running::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_what_dpdk_says_of_itself() {
        let text = "EAL: Detected CPU lcores: 2\nEAL: RTE Version: 'DPDK 22.11.11'\n\nUsage: dpdk-testpmd [options]\n";
        assert_eq!(version_in(text), Some("DPDK 22.11.11"));
        assert_eq!(version_in("Usage: dpdk-testpmd [options]\n"), None);
    }
}
