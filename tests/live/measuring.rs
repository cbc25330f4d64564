//! What machines read of a running switch: metrics, scraped by a real Prometheus, and events as they happen.

use crate::rig::{DEADLINE, LIVE, Lab, mac, program, run_in, signal, succeed};
use crate::running::{Room, Running};
use greylag_base::MacAddr;
use greylag_lab::netns::Netns;
use greylag_tests::monitoring::{Prometheus, dashboard, questions};
use greylag_tests::{Need, has, wait_for, workspace};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

/// A switch that tells its metrics, with a bundle, an interface and an agent that can die.
const MEASURED: &str = r#"
topology:
  nodes:
    sw1:
      kind: greylag
      config:
        metrics-listen: 127.0.0.1:9461
        learning: {mode: agent}
        supervisor: {restart: false}
        ports:
          eth1: {access-vlan: 10}
          eth2: {access-vlan: 10}
          ae1: {type: lag, lacp-mode: ACTIVE, access-vlan: 10}
          eth3: {aggregate-id: ae1}
        interfaces: {irb10: {routed-vlan: 10, ipv4: 10.0.10.254/24}}
    h1: {kind: host}
    h2: {kind: host}
    h3: {kind: host}
  links:
    - endpoints: ["sw1:eth1", "h1:eth1"]
    - endpoints: ["sw1:eth2", "h2:eth1"]
    - endpoints: ["sw1:eth3", "h3:eth1"]
"#;

const ADDRESS: &str = "http://127.0.0.1:9461/metrics";
const CURL: Need = Need::Program { name: "curl", package: "curl" };
const PROMTOOL: Need = Need::Program { name: "promtool", package: "prometheus" };
const PROMETHEUS: Need = Need::Program { name: "prometheus", package: "prometheus" };

/// The names behind `# TYPE`.
fn families(text: &str) -> BTreeSet<String> {
    let heads = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    heads.filter_map(|head| Some(head.split_once(' ')?.0.to_owned())).collect()
}

#[test]
fn metrics_are_all_documented_and_promtool_has_nothing_against_them() {
    if !has(LIVE) || !has(&[CURL, PROMTOOL]) {
        return;
    }
    let lab = Lab::deploy(MEASURED);
    let netns = lab.netns("sw1");
    let text = run_in(&netns, "curl", &["-s", ADDRESS]);
    assert!(text.contains("greylag_agent_up{agent=\"learning\"} 1\n"), "{text}");
    let document =
        std::fs::read_to_string(workspace().join("docs/metrics.md")).expect("the document is there");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `greylag_"));
    let documented: BTreeSet<String> =
        rows.map(|row| format!("greylag_{}", row.split('`').next().unwrap_or_default())).collect();
    assert_eq!(families(&text), documented);

    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    promtool.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.trim().is_empty(), "{said}");

    // On the control socket the same, in the other format for who asks for it.
    let socket = format!("/run/greylag/{}.sock", lab.switch("sw1"));
    let accept = "Accept: application/openmetrics-text; version=1.0.0";
    let open = Command::new("curl")
        .args(["-s", "-H", accept, "--unix-socket", &socket, "http://greylag/metrics"])
        .output()
        .expect("curl runs");
    let open = String::from_utf8(open.stdout).expect("text");
    assert!(
        open.ends_with("# EOF\n") && open.contains("# TYPE greylag_port_receive_frames counter\n"),
        "{open}"
    );
    // Nothing can be ordered where scrapers ask.
    let refused = run_in(&netns, "curl", &["-s", "http://127.0.0.1:9461/v1/config"]);
    assert!(refused.contains("expected /metrics"), "{refused}");
}

#[test]
fn a_worker_tells_how_much_it_has_to_do() {
    if !has(LIVE) || !has(&[CURL]) {
        return;
    }
    let (_room, netns) = Room::new();
    let config = "metrics-listen: 127.0.0.1:1\nports: {t1: {type: tap}, t2: {type: tap}}\n";
    // The word counts, not the file.
    let _running = Running::start_with(&netns, config, &["--metrics-listen", "127.0.0.1:9462"]);
    run_in(&netns, "ip", &["link", "set", "lo", "up"]);
    let value = |name: &str| -> f64 {
        let text = run_in(&netns, "curl", &["-s", "http://127.0.0.1:9462/metrics"]);
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{worker=\"0\"}} ")));
        line.unwrap_or_else(|| panic!("{name} is missing:\n{text}")).parse().expect("a number")
    };
    wait_for("the TAP is up", DEADLINE, || {
        run_in(&netns, "ip", &["link", "set", "t1", "up"]);
        run_in(&netns, "ip", &["link", "set", "t2", "up"]);
        (value("greylag_worker_frames_total") > 0.0).then_some(())
    });
    assert!(value("greylag_worker_batches_total") > 0.0);
    assert!(value("greylag_worker_busy_seconds_total") > 0.0);
    if cfg!(target_arch = "x86_64") {
        // No machine that this runs on makes fewer than a tick in 10 ns, or more than one in 0.1 ns.
        let clock = value("greylag_worker_busy_cycles_total") / value("greylag_worker_busy_seconds_total");
        assert!((1e8..1e10).contains(&clock), "{clock} ticks a second");
    }
    assert!(value("greylag_worker_watched_batches_total") == 0.0);
}

/// The shell asks the program, which knows what runs.
#[test]
fn names_of_running_switches_and_labs_are_completed() {
    if !has(LIVE) {
        return;
    }
    let lab = Lab::deploy(
        "topology: {nodes: {sw1: {kind: greylag}, h1: {kind: host}}, links: [{endpoints: ['sw1:eth1', 'h1:eth1']}]}\n",
    );
    let completed = |words: &[&str]| -> Vec<String> {
        let output = Command::new(program())
            .env("COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
            .env("_CLAP_IFS", "\n")
            .arg("--")
            .args(words)
            .output()
            .expect("the program runs");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    };
    let switches = completed(&["greylag", "show", "events", "-s", ""]);
    assert!(switches.contains(&lab.switch("sw1")), "{switches:?}");
    let labs = completed(&["greylag", "lab", "destroy", ""]);
    assert!(labs.contains(&lab.name), "{labs:?}");
}

/// What an instant query of one series gives.
fn query(netns: &Netns, query: &str) -> Option<String> {
    let words =
        ["-s", "--get", "--data-urlencode", &format!("query={query}"), "http://127.0.0.1:9090/api/v1/query"];
    let answer: Value = serde_json::from_str(&run_in(netns, "curl", &words)).ok()?;
    Some(answer["data"]["result"][0]["value"][1].as_str()?.to_owned())
}

#[test]
fn prometheus_sees_an_agent_die() {
    if !has(LIVE) || !has(&[CURL, PROMETHEUS]) {
        return;
    }
    let lab = Lab::deploy(MEASURED);
    let netns = lab.netns("sw1");
    let folder = tempfile::tempdir().expect("a folder");
    let scrape = "scrape_configs:\n  - job_name: greylag\n    scrape_interval: 1s\n    static_configs: [{targets: ['127.0.0.1:9461']}]\n";
    let rules = workspace().join("tools/monitoring/alerts.yml");
    let rules = format!("global: {{evaluation_interval: 1s}}\nrule_files: ['{}']\n", rules.display());
    let start = || Prometheus::start(folder.path(), &(rules + scrape), 9090);
    let _prometheus = netns.run(start).expect("the namespace can be entered");
    let is = |text: &str, value: &str| {
        wait_for(text, DEADLINE, || query(&netns, text).filter(|seen| seen == value));
    };
    is("up{job=\"greylag\"}", "1");
    is("greylag_agent_up{agent=\"learning\"}", "1");
    lab.station("h1", "eth1").send(mac(1), MacAddr::BROADCAST, b"hello");
    wait_for("the address is counted", DEADLINE, || {
        query(&netns, "greylag_mac_table_entries").filter(|entries| entries != "0")
    });
    // What only a switch with threads can answer; what a replay answers is asked in tests/replay/dashboard.rs.
    for (title, question) in questions(&dashboard()) {
        if question.contains("greylag_worker_") {
            wait_for(&title, DEADLINE, || query(&netns, &question));
        }
    }
    succeed(&["fault", "crash", "-s", &lab.switch("sw1")]);
    is("greylag_agent_up{agent=\"learning\"}", "0");
    is("greylag_alarm_active{alarm=\"agent-failed\",severity=\"red\",agent=\"learning\"}", "1");
    is("ALERTS{alertname=\"GreylagAgentFailed\",agent=\"learning\",alertstate=\"firing\"}", "1");
}

/// `greylag show events --follow`, and its lines.
struct Follower {
    child: Child,
    lines: Receiver<String>,
}

impl Follower {
    fn start(switch: &str, words: &[&str]) -> Follower {
        let mut child = Command::new(program())
            .args(["show", "events", "--follow", "-s", switch])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs");
        let out: ChildStdout = child.stdout.take().expect("a pipe");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Follower { child, lines }
    }

    /// The next line that has these words.
    fn next(&self, words: &str) -> String {
        wait_for(words, DEADLINE, || self.lines.try_iter().find(|line| line.contains(words)))
    }

    fn end(&mut self) -> Option<i32> {
        wait_for("it ends", DEADLINE, || self.child.try_wait().expect("it can be waited for")).code()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn events_are_told_as_they_happen_and_the_next_life_of_a_switch_too() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let config = "learning: {mode: agent}\nsupervisor: {restart: false}\nports: {t1: {type: tap}}\n";
    let mut running = Running::start(&netns, config);
    let mut people = Follower::start(&running.name, &[]);
    let mut machines = Follower::start(&running.name, &["-j"]);
    let first: Value = serde_json::from_str(&machines.next("switch-started")).expect("a line is JSON");
    assert_eq!(first["sequence"], 1);
    people.next(" switch-started ports=1");
    succeed(&["fault", "crash", "-s", &running.name]);
    let failed: Value = serde_json::from_str(&machines.next("agent-failed")).expect("a line is JSON");
    assert_eq!((&failed["agent"], &failed["result"]), (&"learning".into(), &"core-dump".into()));
    people.next(" agent-failed agent=learning");

    running.kill();
    running.restart(&netns);
    let again: Value = serde_json::from_str(&machines.next("switch-started")).expect("a line is JSON");
    assert_eq!(again["sequence"], 1);
    people.next(" switch-started");

    signal(&people.child, Signal::INT);
    assert_eq!(people.end(), Some(0));
    signal(&running.child, Signal::TERM);
    running.child.wait().expect("the switch ends");
    assert!(machines.child.try_wait().expect("it can be asked").is_none(), "it waits for the switch");
    signal(&machines.child, Signal::INT);
    assert_eq!(machines.end(), Some(0));
}

/// The same process, the same listener, and a log that begins anew.
#[test]
fn a_switch_that_its_watchdog_starts_anew_goes_on_telling() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let config =
        "learning: {mode: agent}\nsupervisor: {restart: false, watchdog: 1s}\nports: {t1: {type: tap}}\n";
    let running = Running::start(&netns, config);
    let machines = Follower::start(&running.name, &["-j"]);
    machines.next("switch-started");
    succeed(&["fault", "crash", "-s", &running.name]);
    machines.next("watchdog-reboot");
    let again: Value = serde_json::from_str(&machines.next("switch-started")).expect("a line is JSON");
    assert_eq!(again["sequence"], 1);
}

#[test]
fn who_reads_events_no_more_is_noticed_without_another_event() {
    if !has(LIVE) {
        return;
    }
    let (_room, netns) = Room::new();
    let running = Running::start(&netns, "ports: {t1: {type: tap}}\n");
    let mut child = Command::new(program())
        .args(["show", "events", "--follow", "-s", &running.name])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.contains("switch-started"), "{line}");
    let status = wait_for("it ends", DEADLINE, || child.try_wait().expect("it can be waited for"));
    assert_eq!(status.code(), Some(0));
}
