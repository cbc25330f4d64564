//! A second switch at the first station, who speaks control protocols with the one under test over the cable that is flooded.

use super::WireError;
use super::bed::Bed;
use super::dut::Setting;
use crate::cores;
use greylag_base::Instant;
use greylag_lab::client;
use greylag_switch::show::{BfdRow, LacpRow};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long the two may take until they agree.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the two speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// LACP with the short timeout: the port of the first station is a bundle of one.
    Lacp,
    /// BFD at this interval, three of which may be missed.
    Bfd(Duration),
}

impl Speech {
    /// What one of them, 1 or 2, says of its port `name` in its file. `rest` is what else the port has.
    pub(crate) fn configure(self, name: &str, rest: &str, number: u8) -> String {
        match self {
            Speech::Lacp => format!(
                "  {name}: {{aggregate-id: ae0{rest}}}\n  ae0: {{type: lag, interval: FAST, mtu: 9216}}\n"
            ),
            Speech::Bfd(interval) => {
                let (other, ms) = (3 - number, interval.as_millis());
                format!(
                    "  {name}: {{mtu: 9216{rest}}}\ninterfaces: {{irb1: {{routed-vlan: 1, ipv4: 10.78.0.{number}/24}}}}\n\
                     routing:\n  bfd:\n    desired-minimum-tx-interval: {ms}ms\n    required-minimum-receive: {ms}ms\n\
                     \x20   sessions: [{{remote-address: 10.78.0.{other}}}]\n"
                )
            }
        }
    }
}

/// The second switch. Its process is the ground's.
pub(super) struct Partner {
    pub(super) socket: PathBuf,
}

/// What the two have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreement {
    /// When either of them changed its mind last.
    changed: [Instant; 2],
    /// Frames of the switch under test: sent, and received.
    pub(super) frames: [u64; 2],
}

impl Agreement {
    /// Nobody has changed his mind since.
    pub(super) fn still_stands(&self, since: &Agreement) -> bool {
        self.changed == since.changed
    }
}

impl Partner {
    /// Starts it at the first station, whose interface has a carrier, and waits until it and the switch under test agree.
    pub(super) fn start(bed: &mut Bed, setting: &Setting, speech: Speech) -> Result<Partner, WireError> {
        let folder = bed.ground.folder().to_owned();
        let partner = Partner { socket: folder.join("partner.sock") };
        let file = folder.join("partner.yml");
        let port = bed.stations[0].name.clone();
        // The generator sends by AF_XDP there, and only one can.
        let text =
            format!("name: partner\nports:\n{}", speech.configure(port.as_str(), ", io: af-packet", 2));
        std::fs::write(&file, text).map_err(WireError::system(format!("write {}", file.display())))?;
        let mut command = Command::new(&setting.program);
        command.arg("run").arg(&file).arg("--socket").arg(&partner.socket);
        command.arg("--commits").arg(folder.join("partner.json"));
        command.arg("--exit-with-parent").arg(std::process::id().to_string());
        let netns = bed.stations[0].netns.clone();
        bed.ground.start(&netns, &cores::allowed(), &mut command)?;
        let switch = folder.join("switch.sock");
        let deadline = std::time::Instant::now() + PATIENCE;
        while partner.agreement(&switch, speech).ok().flatten().is_none() {
            if std::time::Instant::now() > deadline {
                return Err(WireError::NoConnection("control protocol"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(partner)
    }

    /// What it and the switch have come to; `None` where that is nothing.
    pub(super) fn agreement(&self, switch: &Path, speech: Speech) -> Result<Option<Agreement>, WireError> {
        let of = |socket: &Path| match speech {
            Speech::Lacp => lacp(socket),
            Speech::Bfd(_) => bfd(socket),
        };
        let (Some(ours), Some(partners)) = (of(switch)?, of(&self.socket)?) else { return Ok(None) };
        Ok(Some(Agreement { changed: [ours.0, partners.0], frames: ours.1 }))
    }
}

/// When it last changed, and what it has sent and received; `None` unless it is up.
type End = Option<(Instant, [u64; 2])>;

fn lacp(socket: &Path) -> Result<End, WireError> {
    let rows: Vec<LacpRow> = client::ask(socket, "/v1/lacp")?;
    let up = rows.first().filter(|row| row.collecting && row.distributing);
    Ok(up.map(|row| (row.last_change, [row.counters.lacp_out_pkts, row.counters.lacp_in_pkts])))
}

fn bfd(socket: &Path) -> Result<End, WireError> {
    let rows: Vec<BfdRow> = client::ask(socket, "/v1/bfd")?;
    // It is up at the intervals that are configured once both have agreed to leave the slow ones of the beginning.
    let up = rows.first().filter(|row| {
        row.up_transitions > row.failure_transitions
            && row.transmit_interval <= row.desired_minimum_tx_interval
    });
    Ok(up.map(|row| (row.last_change, [row.transmitted_packets, row.received_packets])))
}
