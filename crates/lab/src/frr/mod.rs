//! FRR in a namespace: zebra and the routing daemons of the machine's own package, for one router of a lab.
//!
//! FRR sees the interfaces that are in the namespace. For a switch of ours these are TAPs, of the MAC address, MTU and addresses of its
//! routed ports: what comes out of one is what FRR has to say there, what is put into it is what came for FRR. Routes
//! come back by FPM (crates/fpm) to whoever listens at [`FrrConfig::fpm`].
//!
//! ```no_run
//! use greylag_lab::frr::{Frr, FrrConfig};
//! use greylag_lab::netns::Netns;
//!
//! let frr = Frr::start(&FrrConfig {
//!     netns: Netns::open("greylag-lab1-r1")?,
//!     folder: "/run/greylag/labs/lab1/r1.frr".into(),
//!     configuration: "router ospf\n network 192.0.2.0/24 area 0\n".to_owned(),
//!     daemons: [].into(),
//!     fpm: Some("127.0.0.1:2620".parse()?),
//!     lab: None,
//! })?;
//! println!("{}", frr.ask("show ip ospf neighbor")?);
//! frr.stop()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is made
//!
//! ```text
//! r1.frr/frr.conf        what was configured, and where FPM goes: read by vtysh -b, so that what is wrong in it has a line
//! r1.frr/vtysh.conf      empty, and so is each zebra.conf: what the machine has in /etc/frr is not read
//! r1.frr/zebra.log       what the daemon printed, which is its log
//! r1.frr/zebra.process   its process: id, and start time in clock ticks since boot
//! r1.frr/zebra.vty       where vtysh asks it; zserv.api is where the others find zebra
//! ```
//!
//! The folder is the user frr's, as is everything that runs. Nothing is found by name: of several routers on one machine each has
//! its own. [`stop_in`] ends what a folder tells of, whoever had started it and however that came to its end; a lab that is destroyed
//! finds the daemons by their environment besides.

mod daemon;
mod error;
mod folder;
mod package;

pub use daemon::Daemon;
pub use error::FrrError;

use crate::netns::Netns;
use crate::process::{self, Process};
use crate::state::LabFolder;
use folder::Folder;
use package::Package;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a daemon may take until it can be asked.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at that.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// How long a daemon may take to end by itself: zebra takes its routes out of the kernel.
const GRACE: Duration = Duration::from_secs(3);

/// What is to run, and where.
#[derive(Clone, Debug)]
pub struct FrrConfig {
    /// Whose interfaces FRR sees. In it, whatever has to be there when FRR looks for the first time should be.
    pub netns: Netns,
    /// A folder of FRR's own, which is made, and removed by [`Frr::stop`]. The path of a socket in it may have 107 octets.
    pub folder: PathBuf,
    /// What is configured: the lines of an `frr.conf`.
    pub configuration: String,
    /// Daemons to start besides those that the configuration needs ([`Daemon::needed_by`]) and zebra.
    pub daemons: BTreeSet<Daemon>,
    /// Who is told all routes.
    pub fpm: Option<SocketAddr>,
    /// The lab that it goes with.
    pub lab: Option<LabFolder>,
}

/// Daemons that run. They go on when this is dropped.
#[derive(Debug)]
pub struct Frr {
    folder: Folder,
    package: Package,
}

impl Frr {
    /// Starts the daemons, zebra first, configures them, and returns when all can be asked.
    ///
    /// # Errors
    /// When FRR is not installed, a daemon does not start, or something in the configuration is wrong. Nothing is left then.
    pub fn start(config: &FrrConfig) -> Result<Frr, FrrError> {
        let package = Package::find()?;
        let folder = Folder::make(&config.folder, &package.owner()?)?;
        let frr = Frr { folder, package };
        match frr.bring_up(config) {
            Ok(()) => Ok(frr),
            Err(error) => {
                // The first error is the one to tell.
                let _ = frr.stop();
                Err(error)
            }
        }
    }

    /// What vtysh answers to a command.
    ///
    /// # Errors
    /// When a daemon does not know it, or none answers.
    pub fn ask(&self, command: &str) -> Result<String, FrrError> {
        let output = self.vtysh().args(["-c", command]).output();
        let output = output.map_err(FrrError::start(self.package.vtysh()))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.success() {
            true => Ok(said),
            false => Err(FrrError::Refused { command: command.to_owned(), said: said.trim().to_owned() }),
        }
    }

    /// The processes, zebra among them.
    pub fn processes(&self) -> Vec<Process> {
        self.folder.processes().into_iter().map(|(_, process)| process).collect()
    }

    /// Ends all of them, zebra last, and removes the folder.
    ///
    /// # Errors
    /// When a process does not end, or the folder cannot be removed.
    pub fn stop(self) -> Result<(), FrrError> {
        stop_in(self.folder.path())
    }

    fn bring_up(&self, config: &FrrConfig) -> Result<(), FrrError> {
        let mut daemons = Daemon::needed_by(&config.configuration);
        daemons.extend(&config.daemons);
        daemons.insert(Daemon::Zebra);
        self.folder.write_configuration(&daemons, &config.configuration, config.fpm)?;
        let deadline = Instant::now() + PATIENCE;
        // In this order, so that each finds zebra the first time that it looks: otherwise it looks again much later.
        for daemon in daemons {
            let mut child = self.spawn(daemon, config)?;
            self.await_answer(daemon, &mut child, deadline)?;
        }
        self.configure()
    }

    fn spawn(&self, daemon: Daemon, config: &FrrConfig) -> Result<Child, FrrError> {
        let program = self.package.daemon(daemon)?;
        let log = self.folder.open_log(daemon)?;
        let copy = log.try_clone().map_err(FrrError::start(&program))?;
        let mut command = Command::new(&program);
        command.args(self.folder.arguments(daemon)).args(self.package.arguments());
        if daemon == Daemon::Zebra && config.fpm.is_some() {
            command.args(["-M", "dplane_fpm_nl"]);
        }
        if let Some((variable, value)) = config.lab.as_ref().map(LabFolder::environment) {
            command.env(variable, value);
        }
        // A terminal's interrupt is for greylag, which ends them in order.
        command.current_dir("/").process_group(0).stdin(Stdio::null()).stdout(log).stderr(copy);
        let child = config.netns.run(|| command.spawn()).and_then(|child| child);
        let child = child.map_err(FrrError::start(&program))?;
        // One that has ended meanwhile is noticed by whoever waits for its answer.
        if let Some(process) = Process::of_child(&child) {
            self.folder.write_process(daemon, process)?;
        }
        Ok(child)
    }

    /// Waits until a daemon can be asked, and zebra can be told routes.
    fn await_answer(&self, daemon: Daemon, child: &mut Child, deadline: Instant) -> Result<(), FrrError> {
        let sockets = self.folder.sockets(daemon);
        while !sockets.iter().all(|socket| UnixStream::connect(socket).is_ok()) {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(FrrError::Ended { daemon, status, log: self.folder.end_of_log(daemon) });
            }
            if Instant::now() >= deadline {
                return Err(FrrError::Late { daemon, within: PATIENCE, log: self.folder.end_of_log(daemon) });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Has vtysh read the configuration and tell it line by line to those whom it concerns.
    fn configure(&self) -> Result<(), FrrError> {
        let output = self.vtysh().arg("-b").output().map_err(FrrError::start(self.package.vtysh()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(FrrError::Configuration(String::from_utf8_lossy(&said).trim().to_owned()))
    }

    fn vtysh(&self) -> Command {
        let mut command = Command::new(self.package.vtysh());
        command.args(vtysh_arguments(self.folder.path()));
        // Nobody is there to page through what it says.
        command.env("VTYSH_PAGER", "").stdin(Stdio::null());
        command
    }
}

/// Does what was started in a folder of FRR's run, all of it?
pub fn runs_in(folder: &Path) -> bool {
    let processes = Folder::at(folder).processes();
    !processes.is_empty() && processes.iter().all(|(_, process)| process.is_alive())
}

/// What vtysh has to be told so that it finds the daemons of a folder.
pub fn vtysh_arguments(folder: &Path) -> [OsString; 4] {
    let folder = folder.as_os_str().to_owned();
    ["--vty_socket".into(), folder.clone(), "--config_dir".into(), folder]
}

/// Ends what runs in a folder of FRR's, zebra last, and removes it; nothing where there is none. For what [`Frr::start`] had started in a
/// process that has gone.
///
/// # Errors
/// When a process does not end, or the folder cannot be removed.
pub fn stop_in(folder: &Path) -> Result<(), FrrError> {
    let folder = Folder::at(folder);
    let (zebra, others): (Vec<_>, Vec<_>) =
        folder.processes().into_iter().partition(|&(daemon, _)| daemon == Daemon::Zebra);
    for daemons in [others, zebra] {
        let processes: Vec<Process> = daemons.into_iter().map(|(_, process)| process).collect();
        if let Some(stuck) = process::end(&processes, GRACE).first() {
            return Err(FrrError::Stuck(stuck.pid));
        }
    }
    match std::fs::remove_dir_all(folder.path()) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(FrrError::File { action: "remove", path: folder.path().to_owned(), source })
        }
        _ => Ok(()),
    }
}
