//! Processes that greylag started, known by more than a number that the kernel gives out again.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// A process: its id and the clock tick since boot at which it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// What `kill` takes.
    pub pid: u32,
    started: u64,
}

impl Process {
    /// The process that has this id now; `None` when there is none, or only its exit status is left.
    pub fn of_pid(pid: u32) -> Option<Process> {
        // To waitpid, 0 means any child at all.
        let number = i32::try_from(pid).ok().filter(|&number| number > 0)?;
        // Its parent may be this very process, which would otherwise keep it as a zombie.
        let _ = waitpid(Pid::from_raw(number), Some(WaitPidFlag::WNOHANG));
        Process::look(pid)
    }

    /// As [`of_pid`](Self::of_pid), leaving the exit status to the owner of `child`.
    pub(crate) fn of_child(child: &Child) -> Option<Process> {
        Process::look(child.id())
    }

    fn look(pid: u32) -> Option<Process> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let Stat { runs, started, .. } = Stat::parse(&stat)?;
        runs.then_some(Process { pid, started })
    }

    /// Reads what [`Process::to_string`](ToString) wrote.
    pub fn parse(text: &str) -> Option<Process> {
        let mut numbers = text.split_whitespace();
        Some(Process { pid: numbers.next()?.parse().ok()?, started: numbers.next()?.parse().ok()? })
    }

    /// Does it still run?
    pub fn is_alive(self) -> bool {
        Process::of_pid(self.pid) == Some(self)
    }

    /// Is it on its way out: killed, but not yet through with closing what it held?
    pub fn is_ending(self) -> bool {
        let file = |name| fs::read_to_string(format!("/proc/{}/{name}", self.pid)).unwrap_or_default();
        Stat::parse(&file("stat")).is_some_and(|stat| stat.exits) || sigkill_is_pending(&file("status"))
    }

    /// Waits for the end of a process that is on its way out, and says whether it still runs.
    pub(crate) fn outlives(self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.is_alive() && self.is_ending() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.is_alive()
    }

    /// Ends it at once, whatever it is doing.
    pub(crate) fn kill(self) {
        self.signal(Signal::SIGKILL);
    }

    fn signal(self, signal: Signal) {
        if self.is_alive()
            && let Ok(pid) = i32::try_from(self.pid)
        {
            // What has ended meanwhile needs no signal; what may not be ended shows by staying alive.
            let _: Result<(), Errno> = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Was it started with this variable in its environment, by itself or by a process before it?
    pub fn has_environment(self, (name, value): (&str, &Path)) -> bool {
        let assignment = [name.as_bytes(), b"=", value.as_os_str().as_bytes()].concat();
        fs::read(format!("/proc/{}/environ", self.pid))
            .is_ok_and(|all| all.split(|&b| b == 0).any(|one| one == assignment))
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.pid, self.started)
    }
}

/// All processes but this one and those it descends from.
pub fn all_others() -> Vec<Process> {
    let mut ancestors = Vec::new();
    let mut next = Some(std::process::id());
    while let Some(pid) = next.filter(|&pid| pid != 0) {
        ancestors.push(pid);
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        next = stat.and_then(|stat| Some(Stat::parse(&stat)?.parent));
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| !ancestors.contains(pid)).filter_map(Process::look).collect()
}

/// Ends processes: asks with SIGTERM, waits for `grace`, insists with SIGKILL. Returns those that live on,
/// which are stuck in the kernel.
pub fn end(processes: &[Process], grace: Duration) -> Vec<Process> {
    let mut left = processes.to_vec();
    for (signal, patience) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, Duration::from_secs(5))] {
        left.iter().for_each(|process| process.signal(signal));
        let deadline = Instant::now() + patience;
        left.retain(|process| process.is_alive());
        while !left.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
            left.retain(|process| process.is_alive());
        }
    }
    left
}

/// A flag of a thread, in field 9 of /proc/PID/stat (linux/sched.h).
const PF_EXITING: u32 = 4;

fn sigkill_is_pending(status: &str) -> bool {
    let pending =
        status.lines().filter_map(|line| line.strip_prefix("SigPnd:").or(line.strip_prefix("ShdPnd:")));
    let mut masks = pending.filter_map(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    masks.any(|mask| mask & 1 << (Signal::SIGKILL as u64 - 1) != 0)
}

/// What is of interest of /proc/PID/stat (proc_pid_stat(5)).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    runs: bool,
    /// Its first thread is being taken apart.
    exits: bool,
    parent: u32,
    started: u64,
}

impl Stat {
    fn parse(stat: &str) -> Option<Stat> {
        // The command name, in parentheses, may itself hold blanks and parentheses.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let state = *fields.first()?;
        let threads: u32 = fields.get(17)?.parse().ok()?;
        Some(Stat {
            // The first thread can be a zombie while others still run and hold sockets and TAPs open.
            runs: !matches!(state, "Z" | "X") || threads > 1,
            exits: matches!(state, "Z" | "X") || fields.get(6)?.parse::<u32>().ok()? & PF_EXITING != 0,
            parent: fields.get(1)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_an_earlier_one_of_its_number_is_not() {
        let this = Process::of_pid(std::process::id()).unwrap();
        assert!(this.is_alive());
        assert_eq!(Process::parse(&this.to_string()), Some(this));
        assert!(!Process { started: this.started - 1, ..this }.is_alive());
    }

    #[test]
    fn a_command_name_cannot_confuse_the_fields() {
        let stat = "7 (a) Z (b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 0";
        assert_eq!(Stat::parse(stat), Some(Stat { runs: true, exits: false, parent: 1, started: 4711 }));
    }

    #[test]
    fn a_process_runs_until_its_last_thread_has_ended() {
        let runs = |state: &str, threads: u32| {
            let stat = format!("7 (a) {state} 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 {threads} 0 4711 0");
            Stat::parse(&stat).unwrap().runs
        };
        assert!(runs("S", 1) && runs("Z", 2));
        assert!(!runs("Z", 1) && !runs("X", 0));
    }

    #[test]
    fn a_killed_process_is_ending() {
        assert!(sigkill_is_pending("SigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\n"));
        assert!(!sigkill_is_pending("SigPnd:\t0000000000004000\nShdPnd:\t0000000000000000\n"));
        let exiting = "7 (a) R 1 7 7 0 -1 4194308 1 2 3 4 5 6 7 8 20 0 3 0 4711 0";
        assert!(Stat::parse(exiting).unwrap().exits);
    }

    #[test]
    fn all_others_leaves_out_this_process() {
        assert!(all_others().iter().all(|process| process.pid != std::process::id()));
    }

    #[test]
    fn a_process_that_ignores_sigterm_is_killed() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 6];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let process = Process::of_pid(child.id()).unwrap();
        assert_eq!(end(&[process], Duration::from_millis(50)), []);
        assert!(!process.is_alive());
        let _ = child.wait();
    }
}
