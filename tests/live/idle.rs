//! A switch with nothing to do.

use crate::rig::{LIVE, Lab};
use greylag_tests::{has, wait_for};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// Processor time of all threads of a process: the first number of /proc/PID/task/TID/schedstat, in nanoseconds.
fn processor_time(pid: i32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the switch runs");
    let times = tasks.map(|task| {
        let text = std::fs::read_to_string(task.expect("a thread").path().join("schedstat"));
        text.ok().and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    });
    Duration::from_nanos(times.sum())
}

#[test]
fn an_idle_switch_with_eight_ports_takes_less_than_two_percent_of_a_core() {
    if !has(LIVE) {
        return;
    }
    let mut lab =
        String::from("topology:\n  nodes:\n    sw1: {kind: greylag, config: {workers: {count: 2}}}\n");
    (1..=8).for_each(|host| writeln!(lab, "    h{host}: {{kind: host}}").expect("a text takes everything"));
    lab += "  links:\n";
    for host in 1..=8 {
        let kind = if host % 2 == 0 { "type: tap, " } else { "" };
        writeln!(lab, "    - {{{kind}endpoints: [\"sw1:eth{host}\", \"h{host}:eth1\"]}}")
            .expect("a text takes everything");
    }
    let lab = Lab::deploy(&lab);
    let pid = lab.pids()[0];
    let window = Duration::from_secs(3);
    let (start, used) = (Instant::now(), processor_time(pid));
    wait_for("the window is over", window * 2, || (start.elapsed() >= window).then_some(()));
    let share = (processor_time(pid) - used).as_secs_f64() / start.elapsed().as_secs_f64() * 100.0;
    println!("{share:.2} % of a core");
    assert!(share < 2.0, "{share:.2} % of a core");
}
