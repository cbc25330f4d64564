//! A switch at overload for a while: it must neither stall nor grow, the partner at the other end of the flooded cable must not be lost, and
//! its books must balance to the frame.

use super::bed::PortKind;
use super::generator::Course;
use super::partner::{Agreement, Partner, Speech};
use super::traffic::{self, Magazine};
use super::trial::{Manner, Range};
use super::{Session, Turn, WireError};
use greylag_base::MacAddr;
use greylag_lab::client;
use greylag_switch::EventLog;
use greylag_switch::show::{Counters, PortCountersRow};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two looks at memory and progress.
const SLICE: Duration = Duration::from_secs(1);
/// A switch that has been used has touched its memory after this share of the time.
const WARM: f64 = 0.2;
/// What memory may grow by after that, in KiB: pages that a rare event touches for the first time.
const GROWTH: i64 = 1024;
/// One in so many frames is to nobody that a bridge forwards to, and one in so many to the port that it came by.
const ODD_ONE: usize = 16;
/// Bridges forward nothing that is to this address (IEEE 802.1Q-2022 table 8-1).
const RESERVED: MacAddr = MacAddr([0x01, 0x80, 0xc2, 0, 0, 0x05]);
/// How often books that do not balance are read again: a frame under way is in one column and not in the other.
const READINGS: usize = 5;
/// Until the switch has read what its sockets have missed.
const HOUSEKEEPING: Duration = Duration::from_millis(400);

/// What a switch and the kernel around it have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Books {
    /// Generator and partner have handed over to the kernel.
    given: u64,
    /// The kernel has lost on a cable.
    on_the_way: u64,
    /// The switch's sockets had no room for.
    missed: u64,
    /// Came in.
    received: u64,
    /// For the switch itself.
    punted: u64,
    /// The switch's own, of those that went out.
    own: u64,
    /// Dropped, by all reasons.
    dropped: u64,
    /// Went out.
    sent: u64,
    /// The kernel has counted at the stations.
    arrived: u64,
}

impl Books {
    fn since(self, before: Books) -> Books {
        Books {
            given: self.given - before.given,
            on_the_way: self.on_the_way - before.on_the_way,
            missed: self.missed - before.missed,
            received: self.received - before.received,
            punted: self.punted - before.punted,
            own: self.own - before.own,
            dropped: self.dropped - before.dropped,
            sent: self.sent - before.sent,
            arrived: self.arrived - before.arrived,
        }
    }

    /// What does not balance, if something does not.
    fn imbalance(self) -> Option<String> {
        let wrong = |what: &str, one: u64, other: u64| {
            (one != other).then(|| format!("{what}: {one} against {other}"))
        };
        let seen = self.on_the_way + self.missed + self.received;
        wrong("given, and received, missed or lost on the way", self.given, seen)
            .or_else(|| {
                let gone = self.sent + self.dropped + self.punted - self.own;
                wrong("received, and sent, dropped or handed up", self.received, gone)
            })
            .or_else(|| wrong("sent, and arrived at the stations", self.sent, self.arrived))
    }
}

pub(super) fn measure(
    session: &mut Session<'_>,
    turn: &Turn,
    (range, partner): (&mut Range<'_>, &Partner),
    manner: &Manner,
) -> Result<(), WireError> {
    let ends = Ends { socket: range.bed.ground.folder().join("switch.sock"), partner };
    range.load(manner.size)?;
    // So many that the event logs of both are full: memory that has a limit does not grow later, when addresses age.
    range.teach(manner.macs.max(EventLog::KEPT))?;
    let mut traffic = range.one_way(manner);
    for (index, destination) in traffic.destinations.iter_mut().enumerate() {
        match index % ODD_ONE {
            3 => *destination = RESERVED,
            7 => *destination = traffic::address(0, index % manner.macs),
            _ => {}
        }
    }
    let mut magazine = Magazine::new(traffic, Instant::now());
    let (before, agreed) = (ends.books(range, 0)?, ends.agreement()?);
    let begun = Instant::now();
    let mut given = 0;
    let (mut memory, mut arrived) = (Vec::new(), range.bed.stations[1].counts()?.rx);
    while begun.elapsed() < session.plan.trial {
        let course = Course::flat_out(SLICE.min(session.plan.trial));
        given += range.slice(&mut magazine, &course)?.frames;
        let now = range.bed.stations[1].counts()?.rx;
        if now == arrived {
            return Err(WireError::Soak(format!(
                "nothing came out for {SLICE:?}, after {:?}",
                begun.elapsed()
            )));
        }
        arrived = now;
        memory.push(resident(range));
        session.say(turn, &format!("{:.0} s", begun.elapsed().as_secs_f64()));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let still = ends.agreement()?;
    if !still.still_stands(&agreed) {
        return Err(WireError::Soak(format!("LACP did not stay up: {agreed:?}, then {still:?}")));
    }
    let mut books = ends.books(range, given)?.since(before);
    // LACPDUs come and go while the books are read.
    for _ in 0..READINGS {
        if books.imbalance().is_none() {
            break;
        }
        books = ends.books(range, given)?.since(before);
    }
    if let Some(wrong) = books.imbalance() {
        return Err(WireError::Soak(format!("the books do not balance: {wrong} ({books:?})")));
    }
    let warm = memory[(memory.len() as f64 * WARM) as usize];
    let grown = memory.last().copied().unwrap_or(warm) - warm;
    if grown > GROWTH {
        return Err(WireError::Soak(format!("its memory grew by {grown} KiB in {seconds:.0} s: {memory:?}")));
    }
    let details = [
        ("given", books.given as f64),
        ("lost on the way", books.on_the_way as f64),
        ("missed", books.missed as f64),
        ("received", books.received as f64),
        ("dropped", books.dropped as f64),
        ("sent", books.sent as f64),
        ("LACPDUs in", (still.frames[1] - agreed.frames[1]) as f64),
        ("LACPDUs out", (still.frames[0] - agreed.frames[0]) as f64),
        ("memory grew KiB", grown as f64),
        ("seconds", seconds),
    ];
    session.ledger.add(turn, Turn::case(manner), "Mpps out", books.sent as f64 / seconds / 1e6, &details);
    Ok(())
}

/// The switch, and who is at the other end of its first port.
struct Ends<'p> {
    socket: PathBuf,
    partner: &'p Partner,
}

impl Ends<'_> {
    fn agreement(&self) -> Result<Agreement, WireError> {
        let agreement = self.partner.agreement(&self.socket, Speech::Lacp)?;
        agreement.ok_or_else(|| WireError::Soak("LACP did not stay up: the port is out of use".to_owned()))
    }

    /// Once nothing but LACP moves any more.
    fn books(&self, range: &Range<'_>, given: u64) -> Result<Books, WireError> {
        range.settled()?;
        std::thread::sleep(HOUSEKEEPING);
        // What the cable did not take is lost on the way.
        let theirs = cables(range, &self.partner.socket)?.sum(|port| port.out_frames + port.dropped);
        let own = self.agreement()?.frames[0];
        books(range, &self.socket, Books { given: given + theirs, own, ..Books::default() })
    }
}

/// What kernel and switch have counted, beside what is in the books already.
fn books(range: &Range<'_>, socket: &Path, mut books: Books) -> Result<Books, WireError> {
    for station in &range.bed.stations {
        let counts = station.counts()?;
        if range.bed.kind == PortKind::Veth {
            books.on_the_way += counts.tx_dropped;
        }
        books.arrived += counts.rx;
    }
    let cables = cables(range, socket)?;
    books.missed = cables.sum(|port| port.in_missed);
    books.received = cables.sum(|port| port.in_frames);
    books.punted = cables.sum(|port| port.in_punted);
    books.dropped = cables.sum(|port| port.dropped);
    books.sent = cables.sum(|port| port.out_frames);
    Ok(books)
}

/// What a switch has counted at the ends of cables: its bundles count the same frames once more.
struct Cables(Vec<PortCountersRow>);

fn cables(range: &Range<'_>, socket: &Path) -> Result<Cables, WireError> {
    let counters: Counters = client::ask(socket, "/v1/counters")?;
    let names = range.bed.names();
    Ok(Cables(counters.ports.into_iter().filter(|port| names.contains(&port.port)).collect()))
}

impl Cables {
    fn sum(&self, of: fn(&PortCountersRow) -> u64) -> u64 {
        self.0.iter().map(of).sum()
    }
}

/// Memory of the switch and of its partner, in KiB (`VmRSS` of proc_pid_status(5)).
fn resident(range: &Range<'_>) -> i64 {
    let of = |pid: u32| -> Option<i64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    };
    range.bed.ground.processes().iter().filter_map(|process| of(process.pid)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Books = Books {
        given: 102,
        on_the_way: 2,
        missed: 10,
        received: 90,
        punted: 5,
        own: 3,
        dropped: 25,
        sent: 63,
        arrived: 63,
    };

    #[test]
    fn a_single_frame_too_few_or_too_many_is_found_at_every_place() {
        assert_eq!(SOUND.imbalance(), None);
        for (wrong, says) in [
            (Books { given: 101, ..SOUND }, "given"),
            (Books { on_the_way: 1, ..SOUND }, "given"),
            (Books { missed: 9, ..SOUND }, "given"),
            (Books { punted: 4, ..SOUND }, "received, and sent"),
            (Books { own: 2, ..SOUND }, "received, and sent"),
            (Books { dropped: 26, ..SOUND }, "received, and sent"),
            (Books { arrived: 62, ..SOUND }, "arrived"),
        ] {
            let found = wrong.imbalance().expect("it does not balance");
            assert!(found.contains(says), "{found}");
        }
        assert_eq!(SOUND.since(SOUND), Books::default());
    }
}
