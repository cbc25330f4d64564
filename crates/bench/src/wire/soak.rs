//! A switch at overload for a while: it must neither stall nor grow, and its books must balance to the frame.

use super::bed::PortKind;
use super::generator::Course;
use super::traffic::{self, Magazine};
use super::trial::{Manner, Range};
use super::{Session, Turn, WireError};
use greylag_base::MacAddr;
use greylag_lab::client;
use greylag_switch::show::{Counters, PortCountersRow};
use std::path::Path;
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
/// Until the switch has read what its sockets have missed.
const HOUSEKEEPING: Duration = Duration::from_millis(400);

/// What a switch and the kernel around it have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Books {
    /// The generator has handed over to the kernel.
    given: u64,
    /// The kernel has lost on a cable.
    on_the_way: u64,
    /// The switch's sockets had no room for.
    missed: u64,
    /// Came in.
    received: u64,
    /// For the switch itself.
    punted: u64,
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
                let gone = self.sent + self.dropped + self.punted;
                wrong("received, and sent, dropped or handed up", self.received, gone)
            })
            .or_else(|| wrong("sent, and arrived at the stations", self.sent, self.arrived))
    }
}

pub(super) fn measure(
    session: &mut Session<'_>,
    turn: &Turn,
    range: &mut Range<'_>,
    manner: &Manner,
) -> Result<(), WireError> {
    let socket = range.bed.ground.folder().join("switch.sock");
    range.load(manner.size)?;
    range.teach(manner.macs)?;
    let mut traffic = range.one_way(manner);
    for (index, destination) in traffic.destinations.iter_mut().enumerate() {
        match index % ODD_ONE {
            3 => *destination = RESERVED,
            7 => *destination = traffic::address(0, index % manner.macs),
            _ => {}
        }
    }
    let mut magazine = Magazine::new(traffic, Instant::now());
    let before = books(range, &socket, 0)?;
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
    let books = books(range, &socket, given)?.since(before);
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
        ("memory grew KiB", grown as f64),
        ("seconds", seconds),
    ];
    session.ledger.add(turn, Turn::case(manner), "Mpps out", books.sent as f64 / seconds / 1e6, &details);
    Ok(())
}

/// Once nothing moves any more.
fn books(range: &Range<'_>, socket: &Path, given: u64) -> Result<Books, WireError> {
    range.settled()?;
    std::thread::sleep(HOUSEKEEPING);
    let mut books = Books { given, ..Books::default() };
    for station in &range.bed.stations {
        let counts = station.counts()?;
        if range.bed.kind == PortKind::Veth {
            books.on_the_way += counts.tx_dropped;
        }
        books.arrived += counts.rx;
    }
    let counters: Counters = client::ask(socket, "/v1/counters")?;
    let sum = |of: fn(&PortCountersRow) -> u64| counters.ports.iter().map(of).sum();
    books.missed = sum(|port| port.in_missed);
    books.received = sum(|port| port.in_frames);
    books.punted = sum(|port| port.in_punted);
    books.dropped = sum(|port| port.dropped);
    books.sent = sum(|port| port.out_frames);
    Ok(books)
}

/// Memory of the switch's processes, in KiB (`VmRSS` of proc_pid_status(5)).
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
        dropped: 25,
        sent: 60,
        arrived: 60,
    };

    #[test]
    fn a_single_frame_too_few_or_too_many_is_found_at_every_place() {
        assert_eq!(SOUND.imbalance(), None);
        for (wrong, says) in [
            (Books { given: 101, ..SOUND }, "given"),
            (Books { on_the_way: 1, ..SOUND }, "given"),
            (Books { missed: 9, ..SOUND }, "given"),
            (Books { punted: 4, ..SOUND }, "received, and sent"),
            (Books { dropped: 26, ..SOUND }, "received, and sent"),
            (Books { arrived: 59, ..SOUND }, "arrived"),
        ] {
            let found = wrong.imbalance().expect("it does not balance");
            assert!(found.contains(says), "{found}");
        }
        assert_eq!(SOUND.since(SOUND), Books::default());
    }
}
