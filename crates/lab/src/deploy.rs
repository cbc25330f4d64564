//! Makes a lab: namespaces, cables, switches, hosts, in this order; all of it or nothing.

use crate::destroy::{self, DestroyError};
use crate::exec::{self, ExecResult};
use crate::frr::{self, Daemon, Frr, FrrConfig, FrrError};
use crate::launch::{self, LaunchError, Launched, Launcher};
use crate::link::{self, LinkError, VethEnd};
use crate::management;
use crate::mark;
use crate::netns::{self, Netns, NetnsError};
use crate::process::{self, Process};
use crate::record::{BondRecord, EndRecord, LabRecord, LinkRecord, NodeRecord, NodeRecordKind};
use crate::stack::{Stack, StackError};
use crate::state::{LabFolder, LabLock, State, StateError, check_name};
use greylag_base::PortName;
use greylag_scenario::lab::{Lab, Node, NodeKind};
use greylag_scenario::{bond, switch};
use nix::errno::Errno;
use std::env;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The longest path that a UNIX socket may have, in bytes (unix(7): `sun_path`, its last byte a NUL).
const SOCKET_PATH: usize = 107;

/// How a lab is deployed.
#[derive(Clone, Debug)]
pub struct DeployOptions {
    /// Where its files are.
    pub state: State,
    /// What is started for each switch, as `PROGRAM run CONFIG --socket PATH`, and for each bond, as `PROGRAM bond ..`.
    pub program: PathBuf,
    /// The switches end when this process does: they are started with `--exit-with-parent` as well.
    pub tied: bool,
    /// A lab of this name that is deployed already is removed first.
    pub reconfigure: bool,
    /// Set to true from elsewhere, for example a signal handler, it stops the deployment and undoes it.
    pub interrupt: Arc<AtomicBool>,
}

impl DeployOptions {
    /// The switches are this very program, and outlive it.
    ///
    /// # Errors
    /// When there is no place for the state, or this program's file cannot be found.
    pub fn new() -> Result<Self, DeployError> {
        Ok(DeployOptions {
            state: State::locate()?,
            program: env::current_exe().map_err(DeployError::Program)?,
            tied: false,
            reconfigure: false,
            interrupt: Arc::default(),
        })
    }

    fn interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }
}

/// What a deployment did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// The lab's name.
    pub lab: String,
    /// The switches, and hosts whose bond was started: all of them, or those of a lab that stood already which had died.
    pub started: Vec<String>,
    /// The lab stood already.
    pub powered_on: bool,
    /// What the nodes' own commands printed.
    pub exec: Vec<ExecResult>,
}

/// Why a lab was not deployed. Unless it says otherwise, nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// It stands, and all of its switches and bonds run.
    #[error(
        "lab `{0}` is deployed already: remove it with `greylag lab destroy {0}`, or deploy with `--reconfigure`"
    )]
    Deployed(String),
    /// It stands, in another shape.
    #[error("lab `{0}` is deployed in another shape than its file has now: deploy with `--reconfigure`")]
    Differs(String),
    /// Part of it was deleted by somebody else.
    #[error(
        "lab `{lab}` is deployed, but its network namespace `{netns}` is gone: deploy with `--reconfigure`"
    )]
    Damaged {
        /// The lab.
        lab: String,
        /// What is missing.
        netns: String,
    },
    /// Its namespaces are there, its state is not.
    #[error("something of lab `{0}` is left from before: remove it with `greylag lab destroy {0}`")]
    LeftOver(String),
    /// Another lab has the name: lab `a-b` with node `c` and lab `a` with node `b-c` want the same.
    #[error(
        "network namespace `{netns}` belongs to lab `{lab}`: rename node `{node}`, or one of the two labs"
    )]
    OfAnotherLab {
        /// The name that both want.
        netns: String,
        /// Who has it.
        lab: String,
        /// The node that wants it.
        node: String,
    },
    /// Somebody else has the name.
    #[error("{what} `{name}` exists and is not greylag's: remove it, or rename the lab")]
    Foreign {
        /// What kind of thing it is.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A command of a node failed.
    #[error("`{command}` failed in node `{node}` with exit status {status}: {output}",
        command = .0.command, node = .0.node, status = .0.exit_status, output = output(.0))]
    Exec(Box<ExecResult>),
    /// A command of a node cannot be started.
    #[error("cannot run a shell in node `{node}`: {source}")]
    Shell {
        /// The node.
        node: String,
        /// The system's error.
        source: io::Error,
    },
    /// It failed, and what had been made could not be removed.
    #[error("{error}; and what had been made is not removed: {rollback}")]
    NotRolledBack {
        /// Why it failed.
        error: Box<DeployError>,
        /// Why something is left.
        rollback: Box<DestroyError>,
    },
    /// This program's file.
    #[error("cannot find the file of this program: {0}")]
    Program(io::Error),
    /// FRR does not run.
    #[error("node `{node}`: {source}")]
    Frr {
        /// The node.
        node: String,
        /// Why.
        source: FrrError,
    },
    /// A switch does not run.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// A lab of the same name could not be removed.
    #[error(transparent)]
    Destroy(#[from] DestroyError),
    /// The state.
    #[error(transparent)]
    State(#[from] StateError),
    /// A namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The settings of a namespace.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// An interface.
    #[error(transparent)]
    Link(#[from] LinkError),
}

fn output(result: &ExecResult) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    match (text(&result.stderr), text(&result.stdout)) {
        (stderr, _) if !stderr.is_empty() => stderr,
        (_, stdout) if !stdout.is_empty() => stdout,
        _ => "it printed nothing".to_owned(),
    }
}

/// Deploys a lab. One that stands is left as it is, but for its switches and bonds that have died: they
/// are started again.
///
/// # Errors
/// Whatever fails; what had been made is then removed again.
pub fn deploy(lab: &Lab, options: &DeployOptions) -> Result<Deployed, DeployError> {
    let folder = options.state.lab(&lab.name)?;
    let mut deployment =
        Deployment { lab, options, record: LabRecord::of(lab), folder, namespaces: Vec::new() };
    deployment.check_names()?;
    let mut lock = deployment.folder.lock()?;
    match LabRecord::read(&deployment.folder) {
        Ok(Some(standing)) if standing.complete && !options.reconfigure => {
            return deployment.power_on(&standing);
        }
        Ok(None) if !options.reconfigure => {}
        Err(e) if !options.reconfigure => return Err(e.into()),
        // To be replaced, or cut short and of no use to anybody.
        _ => lock = deployment.clear(lock)?,
    }
    let made = match deployment.check_that_all_is_free() {
        Ok(()) => deployment.make(),
        Err(e) => {
            // Nothing was made but the folder that the lock is on.
            deployment.folder.remove()?;
            options.state.tidy();
            return Err(e);
        }
    };
    drop(lock);
    made
}

struct Deployment<'a> {
    lab: &'a Lab,
    options: &'a DeployOptions,
    record: LabRecord,
    folder: LabFolder,
    /// By node, once they are made.
    namespaces: Vec<Netns>,
}

impl Deployment<'_> {
    fn check_names(&self) -> Result<(), DeployError> {
        for node in &self.record.nodes {
            check_name(&node.name)?;
            let socket = self.socket(node);
            if socket.as_os_str().len() > SOCKET_PATH {
                return Err(StateError::SocketPath(socket).into());
            }
        }
        Ok(())
    }

    fn socket(&self, node: &NodeRecord) -> PathBuf {
        self.options.state.control_socket(&self.record.switch_name(node))
    }

    /// Removes what is deployed under the name, and takes the lock of the new folder.
    fn clear(&self, lock: LabLock) -> Result<LabLock, DeployError> {
        destroy::remove(&self.options.state, &self.folder)?;
        drop(lock);
        Ok(self.folder.lock()?)
    }

    fn check_that_all_is_free(&self) -> Result<(), DeployError> {
        let existing = netns::list().map_err(|source| NetnsError::Refused {
            action: "list",
            netns: "*".into(),
            source,
        })?;
        for node in &self.record.nodes {
            let frr = node.frr.as_ref().map(|frr| &frr.netns);
            let of_all = self.record.management.as_ref();
            let wanted = frr.into_iter().chain(of_all).chain([&node.netns]);
            if let Some(taken) = wanted.into_iter().find(|netns| existing.contains(netns)) {
                return Err(self.not_free(node, taken));
            }
            let socket = self.socket(node);
            if UnixStream::connect(&socket).is_ok() {
                return Err(DeployError::Foreign {
                    what: "control socket",
                    name: socket.display().to_string(),
                });
            }
        }
        Ok(())
    }

    /// Whose the namespace is that has a node's name.
    fn not_free(&self, node: &NodeRecord, netns: &str) -> DeployError {
        let netns = netns.to_owned();
        match Netns::open(&netns).ok().and_then(|netns| mark::read(&netns)) {
            Some(mark) if mark.is_of(&self.folder) => DeployError::LeftOver(mark.lab),
            Some(mark) => DeployError::OfAnotherLab { netns, lab: mark.lab, node: node.name.clone() },
            None => DeployError::Foreign { what: "network namespace", name: netns },
        }
    }

    /// Makes everything, or nothing.
    fn make(&mut self) -> Result<Deployed, DeployError> {
        let error = match self.make_all() {
            Ok(deployed) => return Ok(deployed),
            Err(error) => error,
        };
        // A namespace lives while somebody holds it.
        self.namespaces.clear();
        match destroy::remove(&self.options.state, &self.folder) {
            Ok(_) => Err(error),
            Err(rollback) => {
                Err(DeployError::NotRolledBack { error: Box::new(error), rollback: Box::new(rollback) })
            }
        }
    }

    fn make_all(&mut self) -> Result<Deployed, DeployError> {
        // Before anything else, so that whatever is made can be found again.
        self.record.write(&self.folder)?;
        for node in &self.record.nodes {
            self.go_on()?;
            self.namespaces.push(self.make_namespace(node)?);
        }
        for link in self.record.links.iter().filter(|link| !link.tap) {
            self.go_on()?;
            self.make_cable(link)?;
        }
        if let Some(netns) = &self.record.management {
            self.go_on()?;
            management::make(&self.folder, netns, &self.record.nodes, &self.namespaces)?;
        }
        for (node, record) in self.lab.nodes.iter().zip(&self.record.nodes) {
            if let Some(config) = configuration(node) {
                let path = self.folder.config(&record.name);
                fs::write(&path, config).map_err(StateError::at("write", &path))?;
            }
        }
        let all: Vec<usize> = self.with_process().collect();
        let started = self.start(&all)?.into_iter().map(|launched| launched.node).collect();
        let exec = self.run_commands()?;
        self.record.complete = true;
        self.record.write(&self.folder)?;
        Ok(Deployed { lab: self.lab.name.clone(), started, powered_on: false, exec })
    }

    fn go_on(&self) -> Result<(), LaunchError> {
        if self.options.interrupted() { Err(LaunchError::Interrupted) } else { Ok(()) }
    }

    /// Switches, and hosts with a bond.
    fn with_process(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.record.nodes.len()).filter(|&node| self.record.nodes[node].has_process())
    }

    fn make_namespace(&self, node: &NodeRecord) -> Result<Netns, DeployError> {
        let netns = Netns::create(&node.netns)?;
        mark::write(&netns, &self.folder, &node.name)?;
        let stack = match node.kind {
            NodeRecordKind::Greylag | NodeRecordKind::Frr => Stack::Switch,
            NodeRecordKind::Host => Stack::Host,
        };
        stack.apply(&netns)?;
        if let Some(frr) = &node.frr {
            let netns = Netns::create(&frr.netns)?;
            mark::write(&netns, &self.folder, &node.name)?;
            Stack::Router.apply(&netns)?;
        }
        Ok(netns)
    }

    /// Starts FRR at a node once its switch has made the interfaces that FRR is to see. What runs already goes on.
    fn start_frr(&self, node: &NodeRecord) -> Result<(), DeployError> {
        let Some(record) = &node.frr else { return Ok(()) };
        let failed = |source| DeployError::Frr { node: node.name.clone(), source };
        let folder = self.folder.frr(&node.name);
        if frr::runs_in(&folder) {
            return Ok(());
        }
        frr::stop_in(&folder).map_err(failed)?;
        let config = FrrConfig {
            netns: mark::open(&self.folder, &record.netns)?,
            folder,
            configuration: record.configuration.clone(),
            daemons: record.daemons.iter().filter_map(|program| Daemon::of_program(program)).collect(),
            fpm: record.fpm,
            lab: Some(self.folder.clone()),
        };
        Frr::start(&config).map(drop).map_err(failed)
    }

    /// Both ends come up at once, so that every port of a switch has a carrier when the switch starts.
    fn make_cable(&self, link: &LinkRecord) -> Result<(), DeployError> {
        let [a, b] = link.ends.each_ref().map(|end| VethEnd {
            netns: &self.namespaces[end.node],
            name: &end.interface,
            mac: end.mac_address,
            mtu: link.mtu,
        });
        link::veth_pair_of(link.queues, &a, &b)?;
        for end in &link.ends {
            let netns = &self.namespaces[end.node];
            if end.finishes {
                link::finish_before_sending(netns, &end.interface)?;
            }
            configure(netns, &Addressed::of(end))?;
        }
        Ok(())
    }

    /// Starts switches and bonds, all at the same time, and configures the hosts at their TAPs. All run or none.
    fn start(&self, nodes: &[usize]) -> Result<Vec<Launched>, DeployError> {
        let interrupted = || self.options.interrupted();
        let launcher = Launcher {
            program: &self.options.program,
            tied: self.options.tied,
            folder: &self.folder,
            interrupted: &interrupted,
        };
        let mut launched = Vec::new();
        let run = self.start_and_wait(nodes, &launcher, &mut launched);
        if run.is_err() {
            let processes: Vec<Process> = launched.iter().filter_map(Launched::process).collect();
            process::end(&processes, Duration::from_secs(1));
        }
        run.map(|()| launched)
    }

    fn start_and_wait(
        &self,
        nodes: &[usize],
        launcher: &Launcher<'_>,
        launched: &mut Vec<Launched>,
    ) -> Result<(), DeployError> {
        for &index in nodes {
            self.go_on()?;
            let node = &self.record.nodes[index];
            let verb = if node.bond.is_some() { "bond" } else { "run" };
            launched.push(launcher.start(verb, &node.name, &self.namespaces[index], self.socket(node))?);
        }
        for (process, &index) in launched.iter_mut().zip(nodes) {
            process.await_answer(launcher)?;
            for (host, interface) in self.made_by(index) {
                let netns = &self.namespaces[host];
                let expected =
                    format!("make interface `{}` in node `{}`", interface.name, self.record.nodes[host].name);
                process.wait_for(launcher, &expected, || {
                    Ok::<_, DeployError>(link::find(netns, interface.name.as_str())?.is_some())
                })?;
                configure(netns, &interface)?;
            }
        }
        for process in launched {
            process.settle(launcher);
        }
        for &index in nodes {
            self.go_on()?;
            self.start_frr(&self.record.nodes[index])?;
        }
        Ok(())
    }

    /// The interfaces that a process makes for a host: the host's ends of a switch's TAPs, and that of a bond.
    fn made_by(&self, node: usize) -> impl Iterator<Item = (usize, Addressed<'_>)> {
        let taps = self.record.links.iter().filter(|link| link.tap);
        let ends = taps.filter_map(move |link| match &link.ends {
            [end, host] | [host, end] if end.node == node && host.node != node => {
                Some((host.node, Addressed::of(host)))
            }
            _ => None,
        });
        let bond = self.record.nodes[node].bond.as_ref();
        ends.chain(bond.map(|bond| (node, Addressed::of_bond(bond))))
    }

    fn run_commands(&self) -> Result<Vec<ExecResult>, DeployError> {
        let mut results = Vec::new();
        for ((node, record), netns) in self.lab.nodes.iter().zip(&self.record.nodes).zip(&self.namespaces) {
            let netns = match &record.frr {
                Some(frr) => &mark::open(&self.folder, &frr.netns)?,
                None => netns,
            };
            for command in &node.exec {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(command);
                let result = exec::run(netns, &self.folder, &mut shell, || self.options.interrupted())
                    .map_err(|source| DeployError::Shell { node: node.name.clone(), source })?
                    .named(&node.name, command.clone());
                self.go_on()?;
                if !result.succeeded() {
                    return Err(DeployError::Exec(Box::new(result)));
                }
                results.push(result);
            }
        }
        Ok(results)
    }

    /// Starts the switches and bonds of a standing lab that have died.
    fn power_on(&mut self, standing: &LabRecord) -> Result<Deployed, DeployError> {
        self.record.complete = true;
        if *standing != self.record || !self.has_the_same_configurations()? {
            return Err(DeployError::Differs(self.lab.name.clone()));
        }
        for node in &self.record.nodes {
            self.namespaces.push(mark::open(&self.folder, &node.netns).map_err(|e| match e {
                NetnsError::Missing(netns) => DeployError::Damaged { lab: self.lab.name.clone(), netns },
                other => other.into(),
            })?);
        }
        if let Some(netns) = self.record.management.clone().filter(|netns| Netns::open(netns).is_err()) {
            return Err(DeployError::Damaged { lab: self.lab.name.clone(), netns });
        }
        let has_died = |&node: &usize| {
            let node = &self.record.nodes[node];
            let process = self.folder.process(&node.name);
            process.is_none_or(|process| !process.outlives(launch::PATIENCE))
        };
        let dead: Vec<usize> = self.with_process().filter(has_died).collect();
        let without_frr: Vec<&NodeRecord> = self
            .record
            .nodes
            .iter()
            .filter(|node| node.frr.is_some() && !frr::runs_in(&self.folder.frr(&node.name)))
            .collect();
        if dead.is_empty() && without_frr.is_empty() {
            return Err(DeployError::Deployed(self.lab.name.clone()));
        }
        let mut started: Vec<String> = self.start(&dead)?.into_iter().map(|launched| launched.node).collect();
        for node in without_frr {
            self.start_frr(node)?;
            if !started.contains(&node.name) {
                started.push(node.name.clone());
            }
        }
        Ok(Deployed { lab: self.lab.name.clone(), started, powered_on: true, exec: Vec::new() })
    }

    fn has_the_same_configurations(&self) -> Result<bool, DeployError> {
        for node in &self.lab.nodes {
            if let Some(config) = configuration(node)
                && self.folder.read(&format!("{}.yml", node.name))? != Some(config)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What the process of a node is started on, if it has one.
fn configuration(node: &Node) -> Option<String> {
    match (&node.kind, &node.bond) {
        (NodeKind::Greylag(config), _) => Some(switch::emit(config)),
        (NodeKind::Host, Some(host)) => Some(bond::emit(&host.config)),
        (NodeKind::Host, None) => None,
    }
}

/// An interface, and the IP addresses that it is to have.
struct Addressed<'r> {
    name: &'r PortName,
    ipv4: Option<(Ipv4Addr, u8)>,
    ipv6: Option<(Ipv6Addr, u8)>,
    gateways: &'r [IpAddr],
}

impl<'r> Addressed<'r> {
    fn of(end: &'r EndRecord) -> Self {
        Addressed { name: &end.interface, ipv4: end.ipv4, ipv6: end.ipv6, gateways: &end.gateways }
    }

    fn of_bond(bond: &'r BondRecord) -> Self {
        Addressed { name: &bond.interface, ipv4: bond.ipv4, ipv6: bond.ipv6, gateways: &[] }
    }
}

/// Gives an interface its addresses and sets it up.
fn configure(netns: &Netns, addressed: &Addressed<'_>) -> Result<(), LinkError> {
    let interface = addressed.name.as_str();
    let v4 = addressed.ipv4.map(|(address, prefix)| (IpAddr::V4(address), prefix));
    let v6 = addressed.ipv6.map(|(address, prefix)| (IpAddr::V6(address), prefix));
    for (address, prefix) in v4.into_iter().chain(v6) {
        match link::add_address(netns, interface, address, prefix) {
            // The interface outlived the switch that died.
            Err(e) if e.source.raw_os_error() == Some(Errno::EEXIST as i32) => {}
            other => other?,
        }
    }
    link::set_up(netns, interface)?;
    addressed.gateways.iter().try_for_each(|gateway| link::add_default_route(netns, interface, *gateway))
}
