//! One running switch: its ports opened, its workers on threads, its control side on the control socket.

mod capturing;
mod commits;
mod control;
mod control_socket;
mod crew;
mod device;
mod effort;
mod fates;
mod follow;
mod fpm;
mod idle;
mod impairing;
mod kernel_stack;
mod layer3;
mod links;
mod mailbox;
mod management;
mod metrics;
mod open;
mod orders;
mod pace;
mod pair;
mod problem;
mod recorder;
mod rows;
mod shared;
mod signals;
mod streams;
mod tap;
mod watching;
mod worker_thread;

use commits::Commits;
use control::{Control, Followers};
use control_socket::{ControlSocket, Others};
use crew::Crew;
use effort::Efforts;
use greylag_base::{Instant, MacAddr, Seed};
use greylag_ports::Shortcut;
use greylag_switch::config::{SwitchConfig, WorkersConfig};
use greylag_switch::history::History;
use greylag_switch::recording::Start;
use greylag_switch::show::PortIo;
use greylag_switch::{Input, Switch, SwitchError};
use impairing::Impairments;
use mailbox::Mailbox;
use management::ManagementPort;
use open::Opened;
use recorder::Recorder;
use rustix::process::getppid;
use shared::Shared;
use signals::Signals;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

pub use management::MANAGEMENT_PORT;
pub use open::PortError;
pub use shared::ShareError;
pub use tap::Tap;

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
    /// The management address is nobody's here.
    #[error(
        "management-address: {address} is no address of network namespace `{netns}`: expected one that an interface there \
         has; `ip address add {address}/24 dev ..` gives it to one"
    )]
    NoSuchAddress {
        /// The address.
        address: IpAddr,
        /// Where it was looked for.
        netns: String,
    },
    /// Nobody can listen at the management address.
    #[error("management-address: cannot listen at {address}, UDP port {MANAGEMENT_PORT}: {source}")]
    ManagementPort {
        /// The address.
        address: IpAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// Nobody can be answered where scrapers are to ask.
    #[error("metrics-listen: cannot listen at {address}: {source}")]
    MetricsListen {
        /// The address.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
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
pub struct Clock {
    start: std::time::Instant,
    started: SystemTime,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { start: std::time::Instant::now(), started: SystemTime::now() }
    }
}

impl Clock {
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
    /// The control side has run, and there may be events that followers have not seen.
    told: tokio::sync::Notify,
    /// What the workers count of themselves.
    efforts: Efforts,
    /// Somebody watches what passes the workers.
    tap: tap::Tap,
    /// Port by port: how a device was opened.
    ios: Mutex<Vec<Option<PortIo>>>,
    /// Port by port: the way of a device past what the kernel has on the way out of it. The link monitor opens and closes it.
    shortcuts: Vec<Arc<Shortcut>>,
    /// How frames fare that leave by the ports.
    impairments: Arc<Impairments>,
}

impl Running {
    /// The control side, and the time since when it is the caller's.
    fn control(&self) -> (MutexGuard<'_, Control>, Instant) {
        // A request that failed half way has only read.
        let control = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        (control, self.clock.now())
    }

    /// Port by port: how a device was opened.
    fn ios(&self) -> MutexGuard<'_, Vec<Option<PortIo>>> {
        self.ios.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a switch runs, where it is asked, and what it writes.
pub struct RunOptions {
    /// The control socket.
    pub socket: PathBuf,
    /// What is committed; beside the control socket when absent.
    pub commits: Option<PathBuf>,
    /// Where scrapers are answered, whatever the configuration says.
    pub metrics_listen: Option<SocketAddr>,
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
    let clock = Clock::default();
    let control_socket = ControlSocket::bind(options.socket.clone())?;
    let (commits, history) = Commits::open(options.commits(), file.clone(), clock, clock.now())?;
    let config = history.running().clone();
    // The devices stay ours until the end of this function.
    let Opened { mut queues, interfaces, ios, shortcuts, claims: _claims } =
        open::open_ports(&config, options.in_a_host)?;
    let chassis = chassis_address(&config.name);
    let (mut carriers, mut zebra, mut inputs) = (None, None, Vec::new());
    if let Some(shared) = Shared::open(&config, chassis)? {
        for taps in shared.queues {
            queues.iter_mut().zip(taps).for_each(|(worker, tap)| worker.push(Some(tap)));
        }
        (carriers, zebra, inputs) = (Some(shared.carriers), Some(shared.listener), shared.inputs);
    }
    let management = ManagementPort::open(&config)?;
    let listener = management.as_ref().map(ManagementPort::listener).transpose();
    let listener = listener.map_err(failed("cannot listen to the management network"))?;
    let scrapers = options.metrics_listen.or(config.metrics_listen).map(metrics::listen).transpose()?;
    let mailbox = Arc::new(Mailbox::new().map_err(|errno| failed("cannot wake workers")(errno.into()))?);
    let mut birth =
        Birth { file, commits: options.commits(), record: options.record, chassis, inputs, lives: 0 };
    let start = birth.switch((commits, history), clock)?;
    let impairments = Arc::<Impairments>::default();
    let followers = Followers { carriers, management, impairments: Arc::clone(&impairments) };
    let control = Control::new(start, Arc::clone(&mailbox), followers, clock.now());
    let control = Mutex::new(control);
    let running = Arc::new(Running {
        control,
        clock,
        stop: AtomicBool::new(false),
        mailbox,
        punted: tokio::sync::Notify::new(),
        told: tokio::sync::Notify::new(),
        efforts: effort::efforts(config.workers.count),
        tap: tap::Tap::default(),
        ios: Mutex::new(ios),
        shortcuts,
        impairments,
    });
    let mut crew = Crew::start(&running, queues, interfaces, options.in_a_host)?;

    let mut broken = None;
    let goes_on = || {
        let parent_lives =
            options.parent.is_none_or(|pid| getppid().is_some_and(|now| now.as_raw_pid() as u32 == pid));
        if crew.is_whole() && running.control().0.switch.wants_reboot() {
            broken = reboot(&running, &mut crew, &mut birth).err();
        }
        parent_lives && broken.is_none() && crew.is_whole()
    };
    let others = Others { zebra, management: listener, scrapers };
    let served = control_socket.serve(&runtime, &mut signals, (&running, others), on_ready, goes_on);
    let ended = crew.end(&running);
    broken.map_or(Ok(()), Err)?;
    ended?;
    served.map_err(failed("the control side stopped"))
}

/// What a switch starts with, each time.
struct Birth {
    /// What its file says.
    file: SwitchConfig,
    /// Where what was committed is kept.
    commits: PathBuf,
    record: Option<PathBuf>,
    chassis: MacAddr,
    /// What it is told before anything else.
    inputs: Vec<Input>,
    /// How often it was started.
    lives: u32,
}

/// A switch that has just started, and what writes down what it does.
struct Born {
    switch: Switch,
    commits: Commits,
    recorder: Option<Recorder>,
}

impl Birth {
    fn switch(&mut self, (commits, history): (Commits, History), clock: Clock) -> Result<Born, RunError> {
        let start = Start { chassis: self.chassis, ..Start::new(history, random_seed()?, clock.now()) };
        self.lives += 1;
        // A record is of one life: those of later ones are beside it, with their number.
        let path = self.record.as_ref().map(|path| match self.lives {
            1 => path.clone(),
            life => path.with_added_extension(life.to_string()),
        });
        let recorder = path
            .map(|path| Recorder::create(&path, &start).map_err(|source| RunError::Record { path, source }));
        let recorder = recorder.transpose()?;
        let mut switch = match recorder {
            Some(_) => Switch::recorded(start)?,
            None => Switch::restore(start)?,
        };
        for input in self.inputs.clone() {
            switch.handle_input(clock.now(), input).expect("that an interface is shared is never refused");
        }
        Ok(Born { switch, commits, recorder })
    }
}

/// The watchdog's doing: the switch starts anew with what was committed, in the same process, with the same ports.
fn reboot(running: &Arc<Running>, crew: &mut Crew, birth: &mut Birth) -> Result<(), RunError> {
    tracing::warn!("{}: its watchdog starts it anew", birth.file.name);
    crew.stop(running)?;
    let clock = running.clock;
    let kept = Commits::open(birth.commits.clone(), birth.file.clone(), clock, clock.now())?;
    let born = birth.switch(kept, clock)?;
    let (mut control, now) = running.control();
    control.begin_anew(born, now);
    drop(control);
    crew.start_again(running)
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
