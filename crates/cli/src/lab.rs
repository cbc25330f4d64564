//! `greylag lab`: whole labs.

use crate::arguments::{LabChoice, LabVerb};
use crate::outcome::{Failure, Outcome};
use crate::show;
use crate::table::Align::{Left, Right};
use crate::table::Table;
use greylag_lab::demo::{self, Reach, Step};
use greylag_lab::deploy::{DeployOptions, deploy};
use greylag_lab::destroy::{Destroyed, destroy, destroy_all};
use greylag_lab::exec::{self, ExecResult};
use greylag_lab::inspect::{LabStatus, NodeStatus, inspect_machine};
use greylag_lab::state::State;
use greylag_lab::userns::{self, Privilege};
use greylag_scenario::lab::Lab;
use greylag_scenario::{Source, lab};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) fn lab(verb: LabVerb) -> Outcome {
    match verb {
        LabVerb::Validate { file, json } => validate(&file.path, json),
        LabVerb::Deploy { file, reconfigure } => deploy_file(&file.path, reconfigure),
        LabVerb::Destroy { which } => destroy_labs(&which),
        LabVerb::Inspect { which, json } => inspect_labs(&which, json),
        LabVerb::Exec { lab, nodes, command } => run_in(&lab, &nodes, &command),
        LabVerb::Demo => demonstrate(),
    }
}

fn read(path: &Path) -> Result<Lab, Failure> {
    Ok(lab::parse(&Source::read(path)?)?)
}

/// The name of the lab that is meant: said as a name, or as its file.
pub(crate) fn name(lab: &str) -> Result<String, Failure> {
    let is_file = lab.contains('/') || lab.ends_with(".yml") || lab.ends_with(".yaml");
    if is_file { Ok(read(lab.as_ref())?.name) } else { Ok(lab.to_owned()) }
}

pub(crate) fn state() -> Result<State, Failure> {
    State::locate().map_err(Failure::failed)
}

/// Labs outlive the command that makes them: a user namespace of its own would take them with it.
fn need_privilege(verb: &str) -> Outcome {
    if userns::is_privileged() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "`greylag lab {verb}` makes network namespaces: run it as root (`greylag lab demo` needs no root)"
    )))
}

/// What is done to a lab is done in its namespaces.
pub(crate) fn need_privilege_to(command: &str) -> Outcome {
    if userns::is_privileged() {
        return Ok(());
    }
    Err(Failure::Failed(format!("`{command}` works in the namespaces of a lab: run it as root")))
}

/// Set by an interrupt, so that what was begun can be undone.
pub(crate) fn interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&flag)).map_err(Failure::failed)?;
    }
    Ok(flag)
}

fn validate(path: &Path, json: bool) -> Outcome {
    let lab = read(path)?;
    let mut out = io::stdout().lock();
    if json {
        let value = serde_json::json!({"name": lab.name, "nodes": lab.nodes.len(), "links": lab.links.len()});
        writeln!(out, "{value:#}")?;
    } else {
        writeln!(out, "{}: {} nodes, {} links", lab.name, lab.nodes.len(), lab.links.len())?;
    }
    Ok(())
}

fn deploy_file(path: &Path, reconfigure: bool) -> Outcome {
    let lab = read(path)?;
    need_privilege("deploy")?;
    let mut options = DeployOptions::new().map_err(Failure::failed)?;
    options.reconfigure = reconfigure;
    options.interrupt = interrupt()?;
    let deployed = deploy(&lab, &options).map_err(Failure::failed)?;
    let mut out = io::stdout().lock();
    print_results(&mut out, &deployed.exec)?;
    if deployed.powered_on {
        writeln!(out, "{}: started again: {}", deployed.lab, deployed.started.join(", "))?;
    } else {
        writeln!(out, "{}: {} nodes, {} links", deployed.lab, lab.nodes.len(), lab.links.len())?;
    }
    Ok(())
}

fn destroy_labs(which: &LabChoice) -> Outcome {
    need_privilege("destroy")?;
    let state = state()?;
    let mut out = io::stdout().lock();
    let Some(lab) = &which.lab else {
        let removed = destroy_all(&state).map_err(Failure::failed)?;
        for lab in &removed {
            writeln!(out, "{lab}: removed")?;
        }
        if removed.is_empty() {
            writeln!(out, "no lab is deployed")?;
        }
        return Ok(());
    };
    let lab = name(lab)?;
    match destroy(&state, &lab).map_err(Failure::failed)? {
        Destroyed::Removed { .. } => writeln!(out, "{lab}: removed")?,
        Destroyed::NotDeployed => writeln!(out, "{lab}: not deployed")?,
    }
    Ok(())
}

fn inspect_labs(which: &LabChoice, json: bool) -> Outcome {
    let lab = which.lab.as_deref().map(name).transpose()?;
    let labs = inspect_machine(lab.as_deref()).map_err(Failure::failed)?;
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &labs).map_err(io::Error::from)?;
        writeln!(out)?;
    } else if labs.is_empty() {
        writeln!(out, "no lab is deployed")?;
    } else {
        write!(out, "{}", inspection(&labs))?;
    }
    Ok(())
}

fn inspection(labs: &[LabStatus]) -> String {
    let mut table = Table::new(&[
        ("LAB", Left),
        ("NODE", Left),
        ("KIND", Left),
        ("STATE", Left),
        ("PID", Right),
        ("ADDRESSES", Left),
    ]);
    for lab in labs {
        for node in &lab.nodes {
            let pid = node.pid.map_or("-".to_owned(), |pid| pid.to_string());
            let kind = match &node.bond {
                Some(bond) => format!("{} ({})", node.kind, bond.interface),
                None => node.kind.to_string(),
            };
            table.row(&[&lab.name, &node.name, &kind, &node.state, &pid, &addresses(node)]);
        }
    }
    let incomplete = labs.iter().filter(|lab| !lab.complete).map(|lab| {
        let name = &lab.name;
        format!(
            "{name} is incomplete: its deployment was cut short, or goes on. `greylag lab destroy {name}` removes it\n"
        )
    });
    format!("{table}{}", incomplete.collect::<String>())
}

fn addresses(node: &NodeStatus) -> String {
    let Some(interfaces) = &node.interfaces else { return "(for root)".to_owned() };
    let all = interfaces.iter().flat_map(|interface| &interface.addresses);
    let lasting: Vec<&str> =
        all.map(String::as_str).filter(|address| !address.starts_with("fe80:")).collect();
    if lasting.is_empty() { "-".to_owned() } else { lasting.join(" ") }
}

fn run_in(lab: &str, nodes: &[String], command: &[String]) -> Outcome {
    need_privilege("exec")?;
    let chosen = exec::choose(&state()?, &name(lab)?, nodes).map_err(Failure::failed)?;
    if chosen.is_one() {
        return Err(Failure::failed(chosen.become_command(command)));
    }
    let interrupt = interrupt()?;
    let interrupted = || interrupt.load(Ordering::Relaxed);
    let results = chosen.run(command, interrupted).map_err(Failure::failed)?;
    print_results(&mut io::stdout().lock(), &results)?;
    let done = results.iter().all(ExecResult::succeeded) && !interrupted();
    if done { Ok(()) } else { Err(Failure::Silent) }
}

/// What commands printed; under the name of its node where there are several.
fn print_results(out: &mut impl Write, results: &[ExecResult]) -> io::Result<()> {
    for result in results {
        if results.len() > 1 {
            writeln!(out, "[{}] {}", result.node, result.command)?;
        }
        out.write_all(&result.stdout)?;
        // Before what was complained of, as it came.
        out.flush()?;
        io::stderr().write_all(&result.stderr)?;
    }
    Ok(())
}

fn demonstrate() -> Outcome {
    // Before anything that starts a thread.
    let privilege = userns::enter_if_unprivileged().map_err(Failure::failed)?;
    let mut options = DeployOptions::new().map_err(Failure::failed)?;
    options.interrupt = interrupt()?;
    let mut out = io::stdout().lock();
    if privilege == Privilege::OwnNamespace {
        writeln!(out, "Without root: everything below happens in a user namespace of its own.\n")?;
    }
    let mut printed = Ok(());
    demo::run(options, |step| {
        let result = write!(out, "{}", describe(&step)).and_then(|()| out.flush());
        // A reader that has gone does not stop the clean-up.
        printed = std::mem::replace(&mut printed, Ok(())).and(result);
    })
    .map_err(Failure::failed)?;
    Ok(printed?)
}

fn describe(step: &Step) -> String {
    match step {
        Step::Deployed { lab, hosts } => {
            let mut table =
                Table::new(&[("HOST", Left), ("ADDRESS", Left), ("VLAN", Right), ("SWITCH PORT", Left)]);
            for host in hosts {
                table.row(&[&host.name, &host.address, &host.vlan, &host.port]);
            }
            format!(
                "Lab {lab}: one switch, {} hosts in network namespaces of their own\n\n{table}\n",
                hosts.len()
            )
        }
        Step::Reached(reaches) => {
            format!("Who reaches whom (ping, fastest of three)\n\n{}\n", matrix(reaches))
        }
        Step::Transferred { from, to, report } => format!(
            "TCP {from} to {to}: {:.1} Gbit/s, {:.0} MB in {:.2} s\n",
            report.bits_per_second() / 1e9,
            report.bytes as f64 / 1e6,
            report.duration.as_secs_f64()
        ),
        Step::MacTable(rows) => {
            format!("\nThe switch's MAC table (greylag show fdb)\n\n{}\n", show::fdb(rows))
        }
        Step::Counters(counters) => {
            let frames: u64 = counters.ports.iter().map(|port| port.in_frames).sum();
            let flooded: u64 = counters.ports.iter().map(|port| port.in_flooded).sum();
            format!("{frames} frames came in, {flooded} of them were flooded.\n")
        }
        Step::Removed => "Everything is removed again.\n".to_owned(),
    }
}

/// Rows ask, columns answer.
fn matrix(reaches: &[Reach]) -> String {
    let mut names: Vec<&str> = reaches.iter().map(|reach| reach.from.as_str()).collect();
    names.dedup();
    let mut columns = vec![("", Left)];
    columns.extend(names.iter().map(|name| (*name, Right)));
    let mut table = Table::new(&columns);
    for from in &names {
        let mut cells = vec![(*from).to_owned()];
        for to in &names {
            let reach = reaches.iter().find(|reach| reach.from == *from && reach.to == *to);
            cells.push(match reach {
                None => "-".to_owned(),
                Some(Reach { round_trip: Some(time), .. }) => format!("{} us", time.as_micros()),
                Some(Reach { expected: false, .. }) => "no, other VLAN".to_owned(),
                Some(_) => "NO ANSWER".to_owned(),
            });
        }
        let cells: Vec<&dyn std::fmt::Display> =
            cells.iter().map(|cell| cell as &dyn std::fmt::Display).collect();
        table.row(&cells);
    }
    table.to_string()
}
