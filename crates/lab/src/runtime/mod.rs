//! One running switch: its ports opened, its workers on threads, its control side on the control socket.

mod control_socket;
mod open;
mod worker_thread;

use crate::link_monitor::{LinkMonitor, LinkState};
use control_socket::ControlSocket;
use greylag_base::{Instant, PortId, Seed};
use greylag_dataplane::Worker;
use greylag_switch::config::SwitchConfig;
use greylag_switch::{Input, Switch, SwitchError};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};
use worker_thread::WorkerThread;

pub use open::PortError;

/// How often the control side takes in what workers have reported.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Why a switch cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A port cannot be opened.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The configuration asks for what the switch cannot be.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// The control socket.
    #[error("{0}")]
    ControlSocket(String),
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
}

/// What the threads of a running switch share.
struct Running {
    switch: Mutex<Switch>,
    clock: Clock,
    stop: AtomicBool,
}

impl Running {
    fn switch(&self) -> MutexGuard<'_, Switch> {
        self.switch.lock().expect("the control side does not panic")
    }
}

/// How long a switch runs, and where it is asked.
pub struct RunOptions {
    /// The control socket.
    pub socket: PathBuf,
    /// It ends when the process that started it ends.
    pub exit_with_parent: bool,
}

/// Runs a switch until `SIGINT` or `SIGTERM`, then removes what it made. `on_ready` is called once frames flow and the
/// control socket answers.
///
/// # Errors
/// When a port cannot be opened, the control socket is in use, or the machine refuses a thread.
pub fn run(config: SwitchConfig, options: RunOptions, on_ready: impl FnOnce()) -> Result<(), RunError> {
    let clock = Clock::new();
    let control_socket = ControlSocket::bind(options.socket, options.exit_with_parent)?;
    let opened = open::open_ports(&config)?;
    let workers = config.workers.clone();
    let switch = Switch::new(config, random_seed()?, clock.now())?;
    let plane = Arc::clone(switch.data_plane());
    let running = Arc::new(Running { switch: Mutex::new(switch), clock, stop: AtomicBool::new(false) });

    let mut threads = Vec::new();
    for (index, ports) in opened.queues.into_iter().enumerate() {
        let worker = Worker::new(Arc::clone(&plane), index);
        let thread = WorkerThread::new(worker, ports, &workers, index, Arc::clone(&running))
            .map_err(|errno| RunError::System { what: "cannot watch the ports", source: errno.into() })?;
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || thread.run())
            .map_err(|source| RunError::System { what: "cannot start a worker", source })?;
        threads.push(thread);
    }

    let links = Arc::clone(&running);
    let monitor = LinkMonitor::spawn(opened.interfaces, move |index, state| {
        let input = Input::Link { port: PortId(index as u16), up: state == LinkState::Up };
        links.switch().handle_input(links.clock.now(), input);
    })
    .map_err(|source| RunError::System { what: "cannot watch the links", source })?;

    let served = control_socket.serve(&running, on_ready);
    running.stop.store(true, Ordering::Relaxed);
    drop(monitor);
    for thread in threads {
        thread.join().expect("a worker does not panic");
    }
    served
}

fn random_seed() -> Result<Seed, RunError> {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|errno| RunError::System { what: "cannot draw a seed", source: errno.into() })?;
    Ok(Seed(u64::from_ne_bytes(bytes)))
}
