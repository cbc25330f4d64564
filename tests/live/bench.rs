//! `greylag bench pipeline` and `greylag bench wire`: short trials, and that nothing is left behind.

use crate::rig::{DEADLINE, LIVE, greylag, program, succeed};
use greylag_lab::netns;
use greylag_tests::{has, wait_for};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Runs the bench and reads what it prints.
fn bench(words: &[&str]) -> Value {
    let text = succeed(&[&["bench"], words, &["-j"]].concat());
    serde_json::from_str(&text).expect("-j prints JSON")
}

/// The medians of all figures of a measure, with the device of each.
fn medians(report: &Value, measure: &str) -> Vec<(String, f64)> {
    let figures = report["figures"].as_array().expect("figures are rows").iter();
    let figures = figures.filter(|figure| figure["measure"] == measure);
    let read = |figure: &Value| {
        let dut = figure["dut"].as_str().expect("a device has a name").to_owned();
        (dut, figure["value"]["median"].as_f64().expect("a number"))
    };
    figures.map(read).collect()
}

fn namespaces_of(pid: u32) -> Vec<String> {
    let prefix = format!("greylag-bench-{pid}-");
    netns::list()
        .expect("namespaces can be listed")
        .into_iter()
        .filter(|name| name.starts_with(&prefix))
        .collect()
}

#[test]
fn the_pipeline_has_figures_for_every_stage() {
    let words =
        ["pipeline", "--size", "500", "--batch", "64", "--workers", "1", "--runs", "1", "--time", "5"];
    let report = bench(&words);
    let figures = report["figures"].as_array().unwrap();
    assert_eq!(figures.len(), 2, "bridged and routed");
    for (figure, stages) in figures.iter().zip([3, 4]) {
        assert_eq!(figure["stages"].as_array().unwrap().len(), stages);
        assert!(figure["rate"]["median"].as_f64().unwrap() > 0.0);
        assert_eq!(figure["shared-writes"], 0, "of frames of stations that are known");
    }
}

#[test]
fn switches_are_measured_over_veth_beside_each_other_and_beside_what_bounds_them() {
    if !has(LIVE) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let plot = folder.path().join("plot.svg");
    let report = bench(&[
        "wire",
        "--dut",
        "greylag,linux-bridge",
        "--macs",
        "100",
        "--trial",
        "0.5",
        "--runs",
        "1",
        "--measure",
        "forwarding,tcp,udp-rtt",
        "--plot",
        plot.to_str().unwrap(),
    ]);
    assert_eq!(report["missing"].as_array().unwrap().len(), 0, "{report:#}");
    let forwarding = medians(&report, "forwarding");
    let duts: Vec<&str> = forwarding.iter().map(|(dut, _)| dut.as_str()).collect();
    assert_eq!(duts, ["(cable alone)", "(bare read)", "(bare loop)", "greylag", "linux-bridge"]);
    assert!(forwarding.iter().all(|(_, rate)| *rate > 0.0), "{forwarding:?}");
    // A cable, and two switches, with one stream and with four.
    assert_eq!(medians(&report, "tcp").len(), 6);
    assert_eq!(medians(&report, "udp-rtt").len(), 3);
    assert!(std::fs::read_to_string(plot).unwrap().contains("linux-bridge"));
}

#[test]
fn a_switch_on_taps_is_measured_and_who_has_none_is_told_by_name() {
    if !has(LIVE) {
        return;
    }
    let report = bench(&[
        "wire",
        "--dut",
        "greylag,linux-bridge",
        "--ports",
        "tap",
        "--macs",
        "100",
        "--trial",
        "0.5",
        "--runs",
        "1",
    ]);
    let forwarding = medians(&report, "forwarding");
    let duts: Vec<&str> = forwarding.iter().map(|(dut, _)| dut.as_str()).collect();
    assert_eq!(duts, ["(bare read)", "(bare loop)", "greylag"]);
    assert!(forwarding.iter().all(|(_, rate)| *rate > 0.0), "{forwarding:?}");
    let missing = report["missing"].as_array().unwrap();
    assert!(missing.iter().any(|missing| missing["dut"] == "linux-bridge"), "{missing:?}");
}

#[test]
fn latency_at_a_share_of_the_throughput_and_the_size_of_the_address_table() {
    if !has(LIVE) {
        return;
    }
    let report = bench(&[
        "wire",
        "--dut",
        "linux-bridge",
        "--macs",
        "50",
        "--trial",
        "0.2",
        "--runs",
        "1",
        "--measure",
        "latency,caching",
        "--most-addresses",
        "512",
    ]);
    assert_eq!(report["missing"].as_array().unwrap().len(), 0, "{report:#}");
    assert_eq!(medians(&report, "caching"), [("linux-bridge".to_owned(), 512.0)]);
    let latency = report["figures"].as_array().unwrap().iter();
    for figure in latency.filter(|figure| figure["measure"] == "latency") {
        let share = |name: &str| figure["details"][name].as_f64().unwrap();
        assert!(share("p50") > 0.0 && share("p50") <= share("p99") && share("p99") <= share("p99.99"));
    }
}

/// The switch of a measurement, held up for most of the time from when frames flow: more comes in than it could ever read, on machines whose
/// generator is not much faster than it is. Nine in ten frames find no room then, whatever they are, unless something is kept for them.
fn hold_up(bench: &Child) {
    const RUNS: Duration = Duration::from_millis(50);
    const STANDS: Duration = Duration::from_millis(450);
    let file = format!("greylag-bench-{}-0/switch.yml", bench.id());
    let is_ours = |pid: i32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).contains(&file)
    };
    wait_for("frames flow", DEADLINE, || frames_flow(bench));
    let pids = std::fs::read_dir("/proc").expect("/proc can be listed").flatten();
    let mut pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let pid = pids.find(|&pid| is_ours(pid)).expect("the switch runs");
    // Until it has ended, with the measurement.
    while is_ours(pid) {
        // It may end at any time.
        for (order, time) in [(Signal::STOP, STANDS), (Signal::CONT, RUNS)] {
            let _ = kill_process(Pid::from_raw(pid).unwrap(), order);
            std::thread::sleep(time);
        }
    }
}

/// LACP's short timeout is three seconds: thirty are ten chances to lose the partner.
#[test]
fn a_switch_at_overload_keeps_its_partner_accounts_for_every_frame_and_does_not_grow() {
    if !has(LIVE) {
        return;
    }
    for (ports, seconds) in [("veth", "30"), ("tap", "8")] {
        let mut command = Command::new(program());
        command.args(["bench", "wire", "--dut", "greylag", "--ports", ports, "--measure", "soak"]);
        command.args(["--macs", "500", "--trial", seconds, "--runs", "1", "-j"]);
        let bench = command.stdout(Stdio::piped()).spawn().expect("the program runs");
        hold_up(&bench);
        let output = bench.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).expect("-j prints JSON");
        assert_eq!(report["missing"].as_array().unwrap().len(), 0, "{report:#}");
        let details = &report["figures"][0]["details"];
        let count = |name: &str| details[name].as_f64().unwrap();
        assert!(count("dropped") > 0.0 && count("sent") > 0.0, "{details}");
        assert!(count("missed") > count("given") / 2.0, "that was no overload: {details}");
        assert!(count("LACPDUs in") > 1.0 && count("LACPDUs out") > 1.0, "{details}");
    }
}

/// Three packets are missed after 150 ms, a quarter of the flood.
#[test]
fn a_session_of_bfd_outlives_a_flood() {
    if !has(LIVE) {
        return;
    }
    let report = bench(&[
        "wire",
        "--dut",
        "greylag",
        "--measure",
        "bfd",
        "--bfd-interval",
        "50",
        "--macs",
        "50",
        "--trial",
        "0.6",
        "--runs",
        "1",
    ]);
    assert_eq!(report["missing"].as_array().unwrap().len(), 0, "{report:#}");
    assert_eq!(medians(&report, "bfd"), [("greylag".to_owned(), 50.0)]);
}

/// A measurement of many minutes that is in the middle of its first trial.
fn long_one() -> Child {
    let mut command = Command::new(program());
    command.args(["bench", "wire", "--dut", "greylag", "--trial", "60", "--runs", "9", "--measure", "soak"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    wait_for("frames flow", DEADLINE, || frames_flow(&child));
    child
}

/// The switch of a measurement has forwarded some thousands.
fn frames_flow(bench: &Child) -> Option<()> {
    let name = namespaces_of(bench.id()).into_iter().find(|name| name.ends_with("-s1"))?;
    let read = || std::fs::read_to_string("/proc/thread-self/net/dev");
    let text = netns::Netns::open(&name).ok()?.run(read).ok()?.ok()?;
    let row = text.lines().find_map(|line| line.trim_start().strip_prefix("p1:").map(str::to_owned))?;
    // The second station receives.
    (row.split_whitespace().nth(1)?.parse::<u64>().ok()? > 10_000).then_some(())
}

#[test]
fn an_interrupt_gives_what_is_there_and_leaves_nothing() {
    if !has(LIVE) {
        return;
    }
    let child = long_one();
    let pid = child.id();
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("interrupted"), "{text}");
    assert_eq!(
        (namespaces_of(pid), output.stderr.len()),
        (vec![], 0),
        "nothing is left, and nothing is said on a pipe"
    );
}

#[test]
fn what_a_killed_measurement_leaves_the_next_one_removes() {
    if !has(LIVE) {
        return;
    }
    let mut child = long_one();
    let pid = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!namespaces_of(pid).is_empty(), "it had no time to remove them");
    // It has nothing to measure, and looks around before it says so.
    let next = greylag(&["bench", "wire", "--dut", "linux-bridge", "--measure", "idle", "--runs", "1"]);
    assert!(next.status.success(), "{}", String::from_utf8_lossy(&next.stderr));
    assert_eq!(namespaces_of(pid), Vec::<String>::new());
}
