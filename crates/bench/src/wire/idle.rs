//! What a device costs that has nothing to do.

use super::WireError;
use super::bed::Bed;
use greylag_lab::process::Process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// After it was started a device has things to do that it will not have again.
const SETTLING: Duration = Duration::from_secs(1);

/// The share of a core that the processes of a bed take while no frame comes.
pub(super) fn share(bed: &Bed, time: Duration, stop: &AtomicBool) -> Result<f64, WireError> {
    wait(SETTLING, stop)?;
    let processes = bed.ground.processes();
    let ticks = || processes.iter().filter_map(|process| ticks(*process)).sum::<u64>();
    let (before, begun) = (ticks(), Instant::now());
    // A tick is ten milliseconds: a short trial would see none.
    wait(time.max(Duration::from_secs(2)), stop)?;
    let each = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    Ok((ticks() - before) as f64 / each as f64 / begun.elapsed().as_secs_f64())
}

fn wait(time: Duration, stop: &AtomicBool) -> Result<(), WireError> {
    let begun = Instant::now();
    while begun.elapsed() < time {
        if stop.load(Ordering::Relaxed) {
            return Err(WireError::Interrupted);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Clock ticks that a process has had, in the kernel and outside (fields 14 and 15 of proc_pid_stat(5)).
fn ticks(process: Process) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid)).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}
