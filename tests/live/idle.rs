//! A switch with nothing to do.

use crate::rig::{LIVE, Lab};
use greylag_tests::{has, wait_for};
use std::time::{Duration, Instant};

/// User and system time that a process has used, in clock ticks.
fn ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the switch runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("a command name").split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn an_idle_switch_takes_less_than_two_percent_of_a_core() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(
        r#"
topology:
  nodes:
    sw1: {kind: greylag, config: {workers: {count: 2}}}
    h1: {kind: host}
    h2: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
    - {type: tap, endpoints: ["sw1:eth2", "h2:eth1"]}
"#,
    );
    let pid = lab.pids()[0];
    // USER_HZ is 100 on every Linux that we know: 1 % of a core is one tick a second.
    let window = Duration::from_secs(3);
    let (start, used) = (Instant::now(), ticks(pid));
    wait_for("the window is over", window * 2, || (start.elapsed() >= window).then_some(()));
    let share = (ticks(pid) - used) as f64 / start.elapsed().as_secs_f64();
    assert!(share < 2.0, "{share:.1} % of a core");
}
