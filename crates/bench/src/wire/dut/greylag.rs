//! This program as the device under test: `greylag run`, as anybody would start it.

use super::{Running, Setting, await_condition};
use crate::wire::WireError;
use crate::wire::bed::{Bed, PortKind};
use greylag_lab::client;
use greylag_switch::config::Io;
use std::fmt::Write;
use std::process::Command;

pub(super) fn start(bed: &mut Bed, setting: &Setting, io: Io) -> Result<Running, WireError> {
    let folder = bed.ground.folder().to_owned();
    let (file, socket) = (folder.join("switch.yml"), folder.join("switch.sock"));
    std::fs::write(&file, configuration(bed, setting, io))
        .map_err(WireError::system(format!("write {}", file.display())))?;
    let mut command = Command::new(&setting.program);
    command.arg("run").arg(&file).arg("--socket").arg(&socket);
    command.arg("--commits").arg(folder.join("commits.json"));
    command.arg("--exit-with-parent").arg(std::process::id().to_string());
    let switch = bed.switch.clone();
    bed.ground.start(&switch, &setting.cores, &mut command)?;
    let program = setting.program.to_string_lossy();
    await_condition(bed, &program, || client::get(&socket, "/v1/ports").is_ok())?;
    Ok(Running::default())
}

fn configuration(bed: &Bed, setting: &Setting, io: Io) -> String {
    let cores: Vec<String> = setting.cores.iter().map(usize::to_string).collect();
    let mut text = format!(
        "name: bench\nworkers: {{count: {}, cpus: [{}]}}\nmac-table: {{maximum-entries: {}}}\nports:\n",
        cores.len(),
        cores.join(", "),
        setting.entries.max(65_536),
    );
    // Behind all others, for what a protocol needs beside its port.
    let mut first = String::new();
    for (index, station) in bed.stations.iter().enumerate() {
        let (name, netns) = (&station.name, station.netns.name());
        let rest = match bed.kind {
            PortKind::Veth => format!(", io: {}", io.name()),
            PortKind::Tap => format!(", type: tap, netns: {netns}"),
        };
        match setting.speech.filter(|_| index == 0) {
            Some(speech) => first = speech.configure(name.as_str(), &rest, 1),
            None => writeln!(text, "  {name}: {{mtu: 9216{rest}}}").expect("a text takes everything"),
        }
    }
    text + &first
}
