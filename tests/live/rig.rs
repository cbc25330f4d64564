//! Labs for tests: each under a name of its own, removed however the test ends.

use greylag_base::MacAddr;
use greylag_lab::host::{self, TransferSize};
use greylag_lab::netns::Netns;
use greylag_tests::{Need, wait_for};
use pnet_datalink::{Channel, Config, DataLinkReceiver, DataLinkSender, NetworkInterface};
use pnet_packet::ethernet::{EtherType, EthernetPacket, MutableEthernetPacket};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) use greylag_tests::program;

/// What every live test needs.
pub(crate) const LIVE: &[Need] = &[Need::NetAdmin, Need::Tun];

/// Long enough for a machine under load, short enough to notice a hang.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Runs the program to its end.
pub(crate) fn greylag(words: &[&str]) -> Output {
    Command::new(program()).args(words).output().expect("the program runs")
}

/// What a program prints in a namespace, whether or not it likes what it finds.
pub(crate) fn run_in(netns: &Netns, program: &str, words: &[&str]) -> String {
    let run = || Command::new(program).args(words).env("LC_ALL", "C").output();
    let output = netns.run(run).expect("the namespace can be entered").expect("the program runs");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Standard output of a run that must succeed.
pub(crate) fn succeed(words: &[&str]) -> String {
    let output = greylag(words);
    assert!(
        output.status.success(),
        "greylag {}: {}\n{}{}",
        words.join(" "),
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the program prints UTF-8")
}

/// nobody, on every distribution.
pub(crate) const NOBODY: u32 = 65534;

/// A folder with a copy of the program that the user nobody can reach.
pub(crate) fn nobodys_folder() -> tempfile::TempDir {
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let folder = tempfile::Builder::new().permissions(everybody).tempdir_in("/tmp").expect("a folder");
    std::fs::copy(program(), folder.path().join("greylag")).expect("the program can be copied");
    folder
}

/// Runs that copy.
pub(crate) fn as_nobody(folder: &tempfile::TempDir, words: &[&str]) -> Output {
    // A process that another test has just forked may still hold the copy open for writing.
    wait_for("the copy can be run", DEADLINE, || {
        let mut command = Command::new(folder.path().join("greylag"));
        match command.args(words).uid(NOBODY).gid(NOBODY).output() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => None,
            output => Some(output.expect("the program runs")),
        }
    })
}

/// A name that no other test has, not even in a run beside this one.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A deployed lab.
pub(crate) struct Lab {
    pub(crate) name: String,
    /// The machine without it.
    pub(crate) before: Before,
    _folder: tempfile::TempDir,
    pub(crate) file: PathBuf,
}

impl Lab {
    /// Writes a lab file whose `name` line is added, without deploying it.
    pub(crate) fn write(topology: &str) -> Lab {
        let name = unique("t");
        let folder = tempfile::tempdir().expect("a folder for the lab file");
        let file = folder.path().join("test.clab.yml");
        std::fs::write(&file, format!("name: {name}\n{topology}")).expect("the lab file is written");
        let before = Before::of(&name);
        Lab { name, before, _folder: folder, file }
    }

    /// Deploys a lab file whose `name` line is added.
    pub(crate) fn deploy(topology: &str) -> Lab {
        let lab = Lab::write(topology);
        lab.verb("deploy");
        lab
    }

    /// `greylag lab VERB FILE`.
    pub(crate) fn verb(&self, verb: &str) -> String {
        succeed(&["lab", verb, self.file.to_str().expect("the path is UTF-8")])
    }

    /// The namespace of a node.
    pub(crate) fn netns(&self, node: &str) -> Netns {
        Netns::open(&format!("greylag-{}-{node}", self.name)).expect("the node has a namespace")
    }

    /// The name of a switch on its control socket.
    pub(crate) fn switch(&self, node: &str) -> String {
        format!("{}-{node}", self.name)
    }

    /// `greylag show WHAT -s SWITCH -j`.
    pub(crate) fn show(&self, node: &str, what: &str) -> Value {
        let text = succeed(&["show", what, "-s", &self.switch(node), "-j"]);
        serde_json::from_str(&text).expect("-j prints JSON")
    }

    /// The sum of one field over the rows of `show drops` with this reason.
    pub(crate) fn drops(&self, node: &str, reason: &str) -> u64 {
        let rows = self.show(node, "drops");
        let rows = rows.as_array().expect("drops are rows");
        rows.iter().filter(|row| row["reason"] == reason).filter_map(|row| row["frames"].as_u64()).sum()
    }

    /// Frames that have left by a port.
    pub(crate) fn sent_by(&self, node: &str, port: &str) -> u64 {
        let counters = self.show(node, "counters");
        let rows = counters["ports"].as_array().expect("ports are rows");
        let row = rows.iter().find(|row| row["port"] == port).expect("the port is there");
        row["out-frames"].as_u64().expect("the port counts")
    }

    /// The address of a host's interface on its link.
    pub(crate) fn host_mac(&self, node: &str, interface: &str) -> String {
        run_in(&self.netns(node), "ip", &["-br", "link", "show", interface])
            .split_whitespace()
            .nth(2)
            .expect("an interface has an address")
            .to_owned()
    }

    /// The port that the table has for an address.
    pub(crate) fn port_of(&self, node: &str, mac: MacAddr) -> Option<String> {
        let rows = self.show(node, "fdb");
        let row = rows.as_array()?.iter().find(|row| row["mac"] == mac.to_string())?.clone();
        Some(row["ifname"].as_str()?.to_owned())
    }

    /// Does one host reach an address of another by ping?
    pub(crate) fn pings(&self, from: &str, to: &str) -> bool {
        let to = to.parse().expect("an address");
        let report = host::ping(&self.netns(from), to, 3, Duration::from_millis(50), Duration::from_secs(2));
        report.expect("ping can be sent").received > 0
    }

    /// Sends 20 MB over TCP to an address of a host.
    pub(crate) fn transfers(&self, from: &str, to: &str, at: &str) {
        self.transfer(from, to, at).expect("TCP connects, and does not stall");
    }

    /// The same, which fails where the stream stalls for ten seconds: TCP that has lost its way for six of them tries again that late.
    pub(crate) fn transfer(&self, from: &str, to: &str, at: &str) -> std::io::Result<()> {
        let bytes = 20_000_000;
        let server = SocketAddr::new(at.parse().expect("an address"), 0);
        let size = TransferSize::Bytes(bytes);
        // A SYN that is lost while the network changes comes again after 1, 3, 7, 15 and 31 seconds.
        let report = host::tcp_transfer(&self.netns(to), &self.netns(from), server, size, DEADLINE * 3)?;
        assert_eq!(report.bytes, bytes);
        Ok(())
    }

    /// A station on an interface of a host.
    pub(crate) fn station(&self, node: &str, interface: &str) -> Station {
        Station::open(&self.netns(node), interface)
    }

    /// How often something has happened at a switch.
    pub(crate) fn told(&self, node: &str, event: &str) -> usize {
        let events = self.show(node, "events");
        events.as_array().expect("events are rows").iter().filter(|row| row["event"] == event).count()
    }

    /// The processes of FRR at a node.
    pub(crate) fn frr_pids(&self, node: &str) -> Vec<i32> {
        let folder = format!("/run/greylag/labs/{}/{node}.frr", self.name);
        let mut found = BTreeSet::new();
        files(folder.as_ref(), &mut found);
        let processes = found.iter().filter(|path| path.ends_with(".process"));
        let texts = processes.filter_map(|path| std::fs::read_to_string(path).ok());
        texts.filter_map(|text| text.split_whitespace().next()?.parse().ok()).collect()
    }

    /// The processes of the lab's switches.
    pub(crate) fn pids(&self) -> Vec<i32> {
        let labs: Value =
            serde_json::from_str(&succeed(&["lab", "inspect", &self.name, "-j"])).expect("JSON");
        let nodes = labs[0]["nodes"].as_array().expect("nodes").clone();
        nodes.iter().filter_map(|node| node["pid"].as_i64()).map(|pid| pid as i32).collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = greylag(&["lab", "destroy", &self.name]);
    }
}

/// A raw socket on a host's interface, through pnet, so that nothing of ours is judge in its own cause.
pub(crate) struct Station {
    sender: Box<dyn DataLinkSender>,
    receiver: Box<dyn DataLinkReceiver>,
}

/// The EtherType of the frames that stations exchange.
const EXPERIMENT: u16 = 0x88b5;

/// The two halves of a raw socket on an interface. What leaves by it does not come in by it.
pub(crate) fn raw_socket(
    netns: &Netns,
    interface: &str,
) -> (Box<dyn DataLinkSender>, Box<dyn DataLinkReceiver>) {
    let channel = netns.run(|| {
        let found: NetworkInterface = pnet_datalink::interfaces()
            .into_iter()
            .find(|found| found.name == interface)
            .expect("the interface is there");
        let config = Config {
            read_timeout: Some(Duration::from_millis(50)),
            read_buffer_size: 1 << 16,
            write_buffer_size: 1 << 16,
            ..Config::default()
        };
        pnet_datalink::channel(&found, config)
    });
    match channel.expect("the namespace can be entered").expect("a raw socket") {
        Channel::Ethernet(sender, receiver) => (sender, receiver),
        _ => panic!("pnet opened another kind of channel"),
    }
}

impl Station {
    pub(crate) fn open(netns: &Netns, interface: &str) -> Station {
        let (sender, receiver) = raw_socket(netns, interface);
        Station { sender, receiver }
    }

    /// Sends a frame that carries `payload`.
    pub(crate) fn send(&mut self, source: MacAddr, destination: MacAddr, payload: &[u8]) {
        let mut bytes = vec![0; (14 + payload.len()).max(60)];
        let mut frame = MutableEthernetPacket::new(&mut bytes).expect("room for a header");
        frame.set_source(source.0.into());
        frame.set_destination(destination.0.into());
        frame.set_ethertype(EtherType(EXPERIMENT));
        frame.set_payload(payload);
        self.send_bytes(&bytes);
    }

    /// Sends any bytes.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        wait_for("the interface takes a frame", DEADLINE, || {
            self.sender.send_to(bytes, None).expect("pnet sends").ok()
        });
    }

    /// How many frames with `payload` arrive until one with `last` does.
    pub(crate) fn count_until(&mut self, payload: &[u8], last: &[u8]) -> usize {
        let mut count = 0;
        self.for_each_until(last, |carried| count += usize::from(carried.starts_with(payload)));
        count
    }

    /// Shows the payload of each frame that arrives, up to and including the first that begins with `last`. The
    /// frames of one sender stay in order, so that nothing before `last` is missed, and no time is guessed.
    pub(crate) fn for_each_until(&mut self, last: &[u8], mut look: impl FnMut(&[u8])) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "{:?} did not arrive", String::from_utf8_lossy(last));
            let Ok(bytes) = self.receiver.next() else { continue };
            if EthernetPacket::new(bytes).is_none_or(|frame| frame.get_ethertype().0 != EXPERIMENT) {
                continue;
            }
            look(&bytes[14..]);
            if bytes[14..].starts_with(last) {
                return;
            }
        }
    }
}

/// Address number `number` of the tests.
pub(crate) fn mac(number: u64) -> MacAddr {
    MacAddr::from_bits(0x0200_0000_0000 + number)
}

/// A look at the machine before something happens under a name, to be compared with one behind it.
pub(crate) struct Before {
    name: String,
    seen: BTreeSet<String>,
}

impl Before {
    /// The name of a lab or of a switch.
    pub(crate) fn of(name: &str) -> Before {
        Before { name: name.to_owned(), seen: look(name) }
    }

    /// What is there now and was not then.
    pub(crate) fn traces(&self) -> Vec<String> {
        look(&self.name).difference(&self.seen).cloned().collect()
    }

    pub(crate) fn assert_nothing_is_left(&self) {
        assert_eq!(self.traces(), Vec::<String>::new());
    }
}

/// All that greylag may have made under a name: namespaces and what is in them, files below /run/greylag, processes;
/// and the interfaces of the machine's own namespace under whatever name, but for those of other tests.
fn look(name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for netns in greylag_lab::netns::list().expect("namespaces can be listed") {
        if is_named(&netns, name) {
            let inside = Netns::open(&netns).map(|open| open.run(interfaces).unwrap_or_default());
            let inside = inside.unwrap_or_default().into_iter();
            found.extend(inside.map(|interface| format!("interface {interface} in {netns}")));
            found.insert(format!("namespace {netns}"));
        }
    }
    let own = interfaces().into_iter().filter(|interface| is_named(interface, name) || !is_unique(interface));
    found.extend(own.map(|interface| format!("interface {interface}")));
    files("/run/greylag".as_ref(), &mut found);
    found.retain(|trace| !trace.starts_with('/') || is_named(trace, name));
    found.extend(processes(name));
    found
}

/// The interfaces of this thread's namespace.
pub(crate) fn interfaces() -> Vec<String> {
    pnet_datalink::interfaces().into_iter().map(|interface| interface.name).collect()
}

fn files(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        found.insert(entry.path().display().to_string());
        if entry.path().is_dir() {
            files(&entry.path(), found);
        }
    }
}

/// The processes that have the name in their command line, or the lab of that name in their environment.
fn processes(name: &str) -> Vec<String> {
    let read = |pid: &str, file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let entries = std::fs::read_dir("/proc").expect("/proc is there").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().into_string().ok());
    pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter_map(|pid| {
            let command = String::from_utf8_lossy(&read(&pid, "cmdline")).replace('\0', " ");
            let environment = read(&pid, "environ");
            let of_the_lab = environment.split(|&byte| byte == 0).any(|one| {
                one.strip_prefix(b"GREYLAG_LAB=")
                    .is_some_and(|lab| lab.ends_with(format!("/{name}").as_bytes()))
            });
            (of_the_lab || is_named(&command, name)).then(|| format!("process {pid}: {command}"))
        })
        .collect()
}

/// Does the name stand in the text? `t7-1` does not in `t7-12`.
fn is_named(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + name.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
    })
}

/// Is it a name as [`unique`] makes them?
fn is_unique(name: &str) -> bool {
    let rest = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    rest.split_once('-').is_some_and(|(process, number)| is_number(process) && is_number(number))
}

/// Signals a process of a lab.
pub(crate) fn signal_pid(pid: i32, signal: Signal) {
    let pid = Pid::from_raw(pid).expect("a process has a number");
    kill_process(pid, signal).expect("the process can be signalled");
}

/// Signals a program that was started.
pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the program can be signalled");
}
