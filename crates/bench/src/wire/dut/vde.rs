//! `vde_switch` on TAPs.

use super::{PATIENCE, Running, Setting, await_condition};
use crate::wire::WireError;
use crate::wire::bed::Bed;
use greylag_lab::link;
use std::process::Command;

pub(super) fn start(bed: &mut Bed, setting: &Setting) -> Result<Running, WireError> {
    let mut command = Command::new("vde_switch");
    command.arg("-s").arg(bed.ground.folder().join("vde.ctl"));
    command.arg("-n").arg((2 * setting.entries).next_power_of_two().max(16_384).to_string());
    for port in bed.names() {
        command.args(["-tap", &port]);
    }
    // It reads commands from its standard input and ends with it: as a daemon it does not ask for any.
    command.arg("-daemon");
    let switch = bed.switch.clone();
    bed.ground.start(&switch, &setting.cores, &mut command)?;
    let last = bed.names().pop().unwrap_or_default();
    let there = || link::find(&bed.switch, &last).is_ok_and(|found| found.is_some());
    let deadline = std::time::Instant::now() + PATIENCE;
    while !there() && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    for station in &bed.stations {
        let (name, netns) = (station.name.as_str(), station.netns.name());
        bed.ground.run(&switch, Command::new("ip").args(["link", "set", name, "netns", netns]))?;
        link::set_up(&station.netns, name)?;
    }
    await_condition(bed, "vde_switch", || true).map(|()| Running::default())
}
