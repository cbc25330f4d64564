//! One running switch: its ports opened, its workers on threads, its control side on the control socket.

mod commits;
mod control;
mod control_socket;
mod fpm;
mod kernel_stack;
mod layer3;
mod links;
mod mailbox;
mod open;
mod orders;
mod problem;
mod recorder;
mod rows;
mod shared;
mod signals;
mod worker_thread;

use crate::link_monitor::LinkMonitor;
use commits::Commits;
use control::Control;
use control_socket::ControlSocket;
use greylag_base::{Instant, MacAddr, Seed};
use greylag_dataplane::Worker;
use greylag_switch::config::{SwitchConfig, WorkersConfig};
use greylag_switch::recording::Start;
use greylag_switch::{Switch, SwitchError};
use links::Links;
use mailbox::Mailbox;
use open::Opened;
use recorder::Recorder;
use rustix::process::getppid;
use shared::Shared;
use signals::Signals;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use worker_thread::WorkerThread;

pub use open::PortError;
pub use shared::ShareError;

/// Why a switch cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A port cannot be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// What FRR is to see cannot be made.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The configuration asks for what the switch cannot be.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// The control socket.
    #[error("{0}")]
    ControlSocket(String),
    /// What was committed before cannot be read or written.
    #[error("what was committed is kept in {path}, and that does not work: {reason}; remove it to start with the switch's own file",
        path = .path.display())]
    Commits {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The record cannot be begun.
    #[error("cannot write the record {path}: {source}", path = .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A worker is to be pinned to a CPU that is not there.
    #[error("workers.cpus: CPU {0} is not there, or this process may not use it")]
    Cpu(u16),
    /// A part of the switch has failed; its log says more.
    #[error("{0} has failed, and a switch does not run without it")]
    Broken(&'static str),
    /// Something of the machine.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// The monotonic clock, from when the switch started, and the wall clock of that moment.
#[derive(Clone, Copy)]
struct Clock {
    start: std::time::Instant,
    started: SystemTime,
}

impl Clock {
    fn new() -> Self {
        Clock { start: std::time::Instant::now(), started: SystemTime::now() }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    fn wall(&self, at: Instant) -> SystemTime {
        self.started + Duration::from_nanos(at.as_nanos())
    }

    /// The time of day as RFC 3339 has it, in UTC.
    fn date(&self, at: Instant) -> String {
        humantime::format_rfc3339_micros(self.wall(at)).to_string()
    }
}

/// What the threads of a running switch share.
struct Running {
    control: Mutex<Control>,
    clock: Clock,
    stop: AtomicBool,
    /// Wakes the worker that sends what the control side has to send.
    mailbox: Arc<Mailbox>,
    /// Frames for the control side wait.
    punted: tokio::sync::Notify,
}

impl Running {
    /// The control side, and the time since when it is the caller's.
    fn control(&self) -> (MutexGuard<'_, Control>, Instant) {
        // A request that failed half way has only read.
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        (control, self.clock.now())
    }
}

/// How long a switch runs, where it is asked, and what it writes.
pub struct RunOptions {
    /// The control socket.
    pub socket: PathBuf,
    /// What is committed; beside the control socket when absent.
    pub commits: Option<PathBuf>,
    /// A record of everything that the control side is told and does.
    pub record: Option<PathBuf>,
    /// It ends when this process, its parent, ends.
    pub parent: Option<u32>,
    /// Its devices stand in the namespace of a host, whose own network stack is to be kept off them.
    pub in_a_host: bool,
}

impl RunOptions {
    /// `NAME.commits.json` beside `NAME.sock`.
    fn commits(&self) -> PathBuf {
        self.commits.clone().unwrap_or_else(|| self.socket.with_extension("commits.json"))
    }
}

/// Runs a switch until `SIGINT`, `SIGTERM` or `SIGHUP`, then removes what it made. `on_ready` is called once frames flow and
/// the control socket answers.
///
/// # Errors
/// When a port cannot be opened, the control socket is in use, the machine refuses a thread, or a part of the switch
/// fails while it runs.
pub fn run(file: SwitchConfig, options: RunOptions, on_ready: impl FnOnce()) -> Result<(), RunError> {
    let failed = |what| move |source| RunError::System { what, source };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("cannot start the control side"))?;
    let mut signals = Signals::take(&runtime).map_err(failed("cannot take over signals"))?;
    check_cpus(&file.workers)?;
    let clock = Clock::new();
    let commits = options.commits();
    let control_socket = ControlSocket::bind(options.socket)?;
    let (commits, history) = Commits::open(commits, file, clock, clock.now())?;
    let config = history.running().clone();
    // The devices stay ours until the end of this function.
    let Opened { mut queues, interfaces, claims: _claims } = open::open_ports(&config, options.in_a_host)?;
    let settings = config.workers.clone();
    let chassis = chassis_address(&config.name);
    let (mut carriers, mut zebra, mut inputs) = (None, None, Vec::new());
    if let Some(shared) = Shared::open(&config, chassis)? {
        for taps in shared.queues {
            queues.iter_mut().zip(taps).for_each(|(worker, tap)| worker.push(Some(tap)));
        }
        (carriers, zebra, inputs) = (Some(shared.carriers), Some(shared.listener), shared.inputs);
    }
    let start = Start { chassis, ..Start::new(history, random_seed()?, clock.now()) };
    let recorder = options
        .record
        .map(|path| Recorder::create(&path, &start).map_err(|source| RunError::Record { path, source }));
    let recorder = recorder.transpose()?;
    let mut switch = match recorder {
        Some(_) => Switch::recorded(start)?,
        None => Switch::restore(start)?,
    };
    for input in inputs {
        switch.handle_input(clock.now(), input).expect("that an interface is shared is never refused");
    }
    let plane = Arc::clone(switch.data_plane());
    let mailbox = Arc::new(Mailbox::new().map_err(|errno| failed("cannot wake workers")(errno.into()))?);
    let mut control = Control::new(switch, commits, recorder, Arc::clone(&mailbox), clock.now());
    control.carriers = carriers;
    let control = Mutex::new(control);
    let punted = tokio::sync::Notify::new();
    let running = Arc::new(Running { control, clock, stop: AtomicBool::new(false), mailbox, punted });

    let mut workers = Vec::new();
    for (index, ports) in queues.into_iter().enumerate() {
        let worker = Worker::new(Arc::clone(&plane), index);
        let worker = WorkerThread::new(worker, ports, &settings, index, Arc::clone(&running))
            .map_err(|errno| failed("cannot watch the ports")(errno.into()))?;
        workers.push(worker);
    }
    let replaced = workers.iter().map(WorkerThread::replaced).collect();
    let mut links = Links::new(Arc::clone(&running), replaced, options.in_a_host);
    let mut threads = Vec::new();
    for (index, worker) in workers.into_iter().enumerate() {
        let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || worker.run());
        threads.push(thread.map_err(failed("cannot start a worker"))?);
    }
    let watched = interfaces.into_iter().enumerate();
    let watched = watched.filter_map(|(port, watched)| watched.map(|(netns, name)| (port, netns, name)));
    let monitor = LinkMonitor::spawn(watched.collect(), move |port, state| links.change(port, state))
        .map_err(failed("cannot watch the links"))?;

    let goes_on = || {
        let parent_lives =
            options.parent.is_none_or(|pid| getppid().is_some_and(|now| now.as_raw_pid() as u32 == pid));
        parent_lives && monitor.is_running() && !threads.iter().any(JoinHandle::is_finished)
    };
    let served = control_socket.serve(&runtime, &mut signals, (&running, zebra), on_ready, goes_on);
    running.stop.store(true, Ordering::Relaxed);
    let monitored = monitor.is_running();
    drop(monitor);
    for thread in threads {
        match thread.join() {
            Ok(ended) => ended.map_err(failed("a worker cannot wait for frames"))?,
            Err(_) => return Err(RunError::Broken("a worker")),
        }
    }
    if !monitored {
        return Err(RunError::Broken("the link monitor"));
    }
    served.map_err(failed("the control side stopped"))
}

/// A worker that is to be pinned to a CPU that this process may not use would run anywhere.
fn check_cpus(workers: &WorkersConfig) -> Result<(), RunError> {
    let allowed = rustix::thread::sched_getaffinity(None)
        .map_err(|errno| RunError::System { what: "cannot ask for the CPUs", source: errno.into() })?;
    match workers.cpus.iter().find(|&&cpu| !allowed.is_set(cpu.into())) {
        Some(&cpu) => Err(RunError::Cpu(cpu)),
        None => Ok(()),
    }
}

/// The address of a switch stays with its name and its machine, so that its partners know it again.
fn chassis_address(name: &str) -> MacAddr {
    // machine-id(5); without one, switches of one name on two machines have one address.
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    greylag_switch::chassis_address(Seed(0).derive(machine.trim()).derive(name))
}

fn random_seed() -> Result<Seed, RunError> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|errno| RunError::System { what: "cannot draw a seed", source: errno.into() })?;
    Ok(Seed(u64::from_ne_bytes(bytes)))
}
