//! The one door between the control side and the MAC table. What the table answers is chance to the control side, so a record
//! of a run keeps the answers, and a playback takes them from there instead of from a table.

use crate::octets::Octets;
use crate::publication::Publication;
use crate::recording::Recording;
use crate::routing::{FibConflict, FibRefusal, FibWrite, GroupUse};
use bytes::Bytes;
use core::net::IpAddr;
use greylag_base::{Instant, InterfaceId, MacAddr, PortId, VlanId};
use greylag_dataplane::{DataPlane, WaitingSource};
use greylag_fib::NextHopId;
use greylag_mactable::{Decline, Key, Learn, Swept};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// An address and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Its VLAN.
    pub vlan: VlanId,
    /// The address.
    pub mac: MacAddr,
    /// Where it is.
    pub port: PortId,
}

/// Something that the control side did to the data plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Output {
    /// Everything configured was replaced.
    Publish(Box<Publication>),
    /// An entry was installed or moved, if the table took it.
    Install(Place),
    /// Entries that were hit were given the present stamp.
    Renew(Vec<Place>),
    /// Entries that are there were given the present stamp, unless somebody else has.
    Keep(Vec<Place>),
    /// A static entry was made, if the table took it.
    InsertStatic(Place),
    /// An entry was removed.
    Remove {
        /// Its VLAN.
        vlan: VlanId,
        /// The address.
        mac: MacAddr,
    },
    /// The dynamic entries of a port were flushed.
    FlushPort(PortId),
    /// The dynamic entries of a VLAN were flushed.
    FlushVlan(VlanId),
    /// All dynamic entries were flushed.
    FlushAll,
    /// The entries of a port were limited.
    LimitPort {
        /// Which port.
        port: PortId,
        /// To so many.
        entries: Option<u32>,
    },
    /// The entries of a VLAN were limited.
    LimitVlan {
        /// Which VLAN.
        vlan: VlanId,
        /// To so many.
        entries: Option<u32>,
    },
    /// The ageing time was set.
    AgeAfter(Duration),
    /// A frame was sent, if it found room.
    Originate {
        /// By which port.
        port: PortId,
        /// From its destination address on.
        frame: Octets,
    },
    /// A frame was sent by an interface of layer 3, if it found room.
    OriginateOn {
        /// By which.
        interface: InterfaceId,
        /// From its destination address on.
        frame: Octets,
    },
    /// An IP packet was sent the way that the FIB says, if it found room.
    OriginateRouted {
        /// From its first octet on.
        packet: Octets,
    },
    /// The FIB was written, if it took it.
    WriteFib(FibWrite),
    /// A next hop was said to be reachable, or not.
    SetLive {
        /// Which.
        next_hop: NextHopId,
        /// It can be reached.
        is_live: bool,
    },
    /// A datagram was sent over the management network.
    SendManagement {
        /// To whom.
        to: IpAddr,
        /// What UDP carries.
        octets: Octets,
    },
    /// A worker was to learn a station of the switch's own making, if it found room.
    Sight(Place),
    /// The workers were told to report all sources anew that wait for the agent.
    ForgetReports,
}

/// An output and when it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// When.
    pub at: Instant,
    /// What.
    pub output: Output,
}

/// What became of an entry that was to be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Installed {
    /// It was there already.
    Kept,
    /// It is new.
    New,
    /// It was on another port.
    Moved {
        /// Which one.
        from: PortId,
    },
    /// There is a static one.
    Static {
        /// On which port.
        port: PortId,
    },
    /// The table did not take it.
    Declined(Decline),
}

/// A live entry of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Address and port.
    #[serde(flatten)]
    pub place: Place,
    /// It was configured.
    pub is_static: bool,
    /// When it was last seen, as far as its stamp tells.
    pub seen: Instant,
}

/// How an entry is that was to be kept current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Astray {
    /// It is not there any more.
    Gone,
    /// It is on another port, or static.
    Elsewhere,
    /// A worker has seen its station there since it was last kept.
    Seen,
}

/// What the data plane answered to the control side: the part of a record that a playback has in place of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Answer {
    /// To installing an entry.
    Installed {
        /// What became of it.
        outcome: Installed,
        /// Who had to make room.
        evicted: Vec<Place>,
    },
    /// To making a static entry.
    Static {
        /// Why not.
        declined: Option<Decline>,
        /// Who had to make room.
        evicted: Vec<Place>,
    },
    /// To renewing: the entries that were hit.
    Hit(Vec<Place>),
    /// To keeping entries current: how each is that was not simply kept.
    Kept(Vec<(Place, Astray)>),
    /// To looking at the whole table, in the order of VLAN and address.
    Entries(Vec<TableEntry>),
    /// To looking at the sources that wait for the agent.
    Waiting(Vec<Sighting>),
    /// To looking for a station in the table.
    Found(Option<PortId>),
    /// To writing the FIB: why not.
    FibWritten(Option<FibRefusal>),
    /// To looking at the buckets of a group.
    Buckets(Vec<Option<NextHopId>>),
    /// To looking for the groups that are in use.
    GroupUses(Vec<GroupUse>),
    /// To comparing the FIB with what it should be.
    FibConflicts(Vec<FibConflict>),
}

/// A source that a worker has seen and reported, and that nobody has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sighting {
    /// Where it was seen.
    #[serde(flatten)]
    pub place: Place,
    /// When it was last reported.
    pub at: Instant,
}

/// Where answers come from.
enum Answers {
    /// The data plane.
    Live,
    /// A record.
    Recorded {
        left: VecDeque<Answer>,
        /// The record had no answer to a question, or one to another.
        diverged: bool,
    },
}

/// The door.
pub(crate) struct TableDoor {
    plane: Arc<DataPlane>,
    answers: Answers,
    recording: Option<Box<Recording>>,
    /// Next hops that the data plane was told to pass over.
    pub(crate) dead: BTreeSet<NextHopId>,
}

impl TableDoor {
    pub(crate) fn live(plane: Arc<DataPlane>, recording: Option<Box<Recording>>) -> Self {
        TableDoor { plane, answers: Answers::Live, recording, dead: BTreeSet::new() }
    }

    /// A door behind which there is a record.
    pub(crate) fn recorded(plane: Arc<DataPlane>, left: VecDeque<Answer>, recording: Box<Recording>) -> Self {
        let answers = Answers::Recorded { left, diverged: false };
        TableDoor { plane, answers, recording: Some(recording), dead: BTreeSet::new() }
    }

    pub(crate) fn plane(&self) -> &Arc<DataPlane> {
        &self.plane
    }

    pub(crate) fn recording(&mut self) -> Option<&mut Recording> {
        self.recording.as_deref_mut()
    }

    pub(crate) fn kept(&self) -> Option<&Recording> {
        self.recording.as_deref()
    }

    /// Did the questions differ from those of the record?
    pub(crate) fn has_diverged(&self) -> bool {
        match &self.answers {
            Answers::Live => false,
            Answers::Recorded { left, diverged } => *diverged || !left.is_empty(),
        }
    }

    pub(crate) fn publish(&mut self, now: Instant, publication: Publication) {
        self.note(now, || Output::Publish(Box::new(publication.clone())));
        if self.is_live() {
            self.plane.publish(publication.into());
        }
    }

    pub(crate) fn originate(&mut self, now: Instant, port: PortId, frame: Vec<u8>) {
        self.note(now, || Output::Originate { port, frame: Octets(frame.clone()) });
        if self.is_live() {
            self.plane.originate(port, frame.into());
        }
    }

    /// Sends a frame by an interface of layer 3.
    pub(crate) fn originate_on(&mut self, now: Instant, interface: InterfaceId, frame: Bytes) {
        self.note(now, || Output::OriginateOn { interface, frame: Octets(frame.to_vec()) });
        if self.is_live() {
            self.plane.originate_on(interface, frame);
        }
    }

    /// Sends an IP packet the way that the FIB says.
    pub(crate) fn originate_routed(&mut self, now: Instant, packet: Bytes) {
        self.note(now, || Output::OriginateRouted { packet: Octets(packet.to_vec()) });
        if self.is_live() {
            self.plane.originate_routed(&packet);
        }
    }

    /// Has a worker learn a station, as if a frame of its had come in there.
    pub(crate) fn sight(&mut self, now: Instant, place: Place) {
        self.note(now, || Output::Sight(place));
        if self.is_live() {
            self.plane.sight(place.port, place.vlan, place.mac);
        }
    }

    /// The port behind which the MAC table has a station.
    pub(crate) fn find(&mut self, now: Instant, vlan: VlanId, mac: MacAddr) -> Option<PortId> {
        let answer = self.ask(|plane| {
            let session = plane.table().session(now.as_nanos());
            let entry = session.lookup_key(Key::from_octets(vlan.get(), mac.0));
            Answer::Found(entry.map(|entry| PortId(entry.port)))
        });
        match answer {
            Some(Answer::Found(port)) => port,
            _ => self.diverge(None),
        }
    }

    pub(crate) fn install(&mut self, now: Instant, place: Place) -> (Installed, Vec<Place>) {
        self.note(now, || Output::Install(place));
        let answer = self.ask(|plane| {
            let mut evicted = Vec::new();
            let outcome = install(plane, now, place, |gone| evicted.push(gone));
            Answer::Installed { outcome, evicted }
        });
        match answer {
            Some(Answer::Installed { outcome, evicted }) => (outcome, evicted),
            _ => self.diverge((Installed::Kept, Vec::new())),
        }
    }

    /// Gives the entries that were hit, and for which `may` says yes, the present stamp; says how many it were.
    pub(crate) fn renew(&mut self, now: Instant, mut may: impl FnMut(Place) -> bool) -> usize {
        let mut renewed = Vec::new();
        let mut ask = |place| {
            let is_allowed = may(place);
            if is_allowed {
                renewed.push(place);
            }
            is_allowed
        };
        if self.is_live() {
            let mut hit = Vec::new();
            self.plane.table().renew(now.as_nanos(), |vlan, mac, port| {
                let Some(place) = place(vlan, mac, port) else { return false };
                hit.push(place);
                ask(place)
            });
            self.keep(|| Answer::Hit(hit));
        } else {
            match self.ask(|_| Answer::Hit(Vec::new())) {
                Some(Answer::Hit(hit)) => hit.into_iter().for_each(|place| {
                    ask(place);
                }),
                _ => self.diverge(()),
            }
        }
        let count = renewed.len();
        self.note(now, || Output::Renew(renewed));
        count
    }

    /// Gives entries the present stamp that are where they are said to be; says how all others are, and those that workers have seen since
    /// the time that stands beside them, as far as the stamps tell, which count in ticks.
    pub(crate) fn keep_current(
        &mut self,
        now: Instant,
        entries: &[(Place, Instant)],
        tick: Duration,
    ) -> Vec<(Place, Astray)> {
        self.note(now, || Output::Keep(entries.iter().map(|(place, _)| *place).collect()));
        let answer = self.ask(|plane| {
            let astray = entries
                .iter()
                .filter_map(|&(place, kept)| Some((place, keep(plane, now, place, (kept, tick))?)));
            Answer::Kept(astray.collect())
        });
        match answer {
            Some(Answer::Kept(astray)) => astray,
            _ => self.diverge(Vec::new()),
        }
    }

    pub(crate) fn insert_static(&mut self, now: Instant, place: Place) -> (Result<(), Decline>, Vec<Place>) {
        self.note(now, || Output::InsertStatic(place));
        let answer = self.ask(|plane| {
            let mut evicted = Vec::new();
            let declined = insert_static(plane, place, |gone| evicted.push(gone)).err();
            Answer::Static { declined, evicted }
        });
        match answer {
            Some(Answer::Static { declined, evicted }) => (declined.map_or(Ok(()), Err), evicted),
            _ => self.diverge((Ok(()), Vec::new())),
        }
    }

    pub(crate) fn remove(&mut self, now: Instant, vlan: VlanId, mac: MacAddr) {
        if self.is_live() {
            self.plane.table().remove(vlan.get(), mac.0);
        }
        self.note(now, || Output::Remove { vlan, mac });
    }

    pub(crate) fn flush_port(&mut self, now: Instant, port: PortId) {
        if self.is_live() {
            self.plane.table().flush_port(port.0);
        }
        self.note(now, || Output::FlushPort(port));
    }

    pub(crate) fn flush_vlan(&mut self, now: Instant, vlan: VlanId) {
        if self.is_live() {
            self.plane.table().flush_vlan(vlan.get());
        }
        self.note(now, || Output::FlushVlan(vlan));
    }

    pub(crate) fn flush_all(&mut self, now: Instant) {
        if self.is_live() {
            self.plane.table().flush_all();
        }
        self.note(now, || Output::FlushAll);
    }

    pub(crate) fn limit_port(&mut self, now: Instant, port: PortId, entries: Option<u32>) {
        if self.is_live() {
            self.plane.table().set_port_limit(port.0, entries);
        }
        self.note(now, || Output::LimitPort { port, entries });
    }

    pub(crate) fn limit_vlan(&mut self, now: Instant, vlan: VlanId, entries: Option<u32>) {
        if self.is_live() {
            self.plane.table().set_vlan_limit(vlan.get(), entries);
        }
        self.note(now, || Output::LimitVlan { vlan, entries });
    }

    pub(crate) fn age_after(&mut self, now: Instant, ageing_time: Duration) {
        if self.is_live() {
            let nanos = u64::try_from(ageing_time.as_nanos()).unwrap_or(u64::MAX);
            self.plane.table().set_ageing_time(now.as_nanos(), nanos);
        }
        self.note(now, || Output::AgeAfter(ageing_time));
    }

    pub(crate) fn forget_reports(&mut self, now: Instant) {
        if self.is_live() {
            self.plane.forget_reports();
        }
        self.note(now, || Output::ForgetReports);
    }

    /// The sources that wait for the agent.
    pub(crate) fn sightings(&mut self) -> Vec<Sighting> {
        match self.ask(|plane| Answer::Waiting(sightings(plane))) {
            Some(Answer::Waiting(sightings)) => sightings,
            _ => self.diverge(Vec::new()),
        }
    }

    /// All live entries, by VLAN and address.
    pub(crate) fn entries(&mut self, now: Instant) -> Vec<TableEntry> {
        match self.ask(|plane| Answer::Entries(entries(plane, now))) {
            Some(Answer::Entries(entries)) => entries,
            _ => self.diverge(Vec::new()),
        }
    }

    /// Is there a data plane behind it?
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.answers, Answers::Live)
    }

    pub(crate) fn note(&mut self, at: Instant, output: impl FnOnce() -> Output) {
        if let Some(recording) = &mut self.recording {
            recording.outputs.push(OutputRecord { at, output: output() });
        }
    }

    fn keep(&mut self, answer: impl FnOnce() -> Answer) {
        if let Some(recording) = &mut self.recording {
            recording.answers.push(answer());
        }
    }

    pub(crate) fn ask(&mut self, live: impl FnOnce(&DataPlane) -> Answer) -> Option<Answer> {
        let answer = match &mut self.answers {
            Answers::Live => Some(live(&self.plane)),
            Answers::Recorded { left, .. } => left.pop_front(),
        };
        if let Some(answer) = &answer {
            self.keep(|| answer.clone());
        }
        answer
    }

    pub(crate) fn diverge<T>(&mut self, instead: T) -> T {
        if let Answers::Recorded { diverged, .. } = &mut self.answers {
            *diverged = true;
        }
        instead
    }
}

/// All live entries of a table, by VLAN and address.
pub(crate) fn entries(plane: &DataPlane, now: Instant) -> Vec<TableEntry> {
    let entry = |entry: greylag_mactable::Record| {
        let seen = Instant::from_nanos(now.as_nanos().saturating_sub(entry.age));
        let place = place(entry.vlan, entry.mac, entry.port)?;
        Some(TableEntry { place, is_static: entry.is_static, seen })
    };
    let mut entries: Vec<TableEntry> = plane.table().iter(now.as_nanos()).filter_map(entry).collect();
    entries.sort_by_key(|entry| (entry.place.vlan, entry.place.mac));
    // One that moved under the walk is shown twice.
    entries.dedup_by_key(|entry| (entry.place.vlan, entry.place.mac));
    entries
}

/// The sources that wait for the agent, by VLAN and address, the last report of each first.
pub(crate) fn sightings(plane: &DataPlane) -> Vec<Sighting> {
    let sighting = |waiting: WaitingSource| {
        let WaitingSource { vlan, mac, port, at } = waiting;
        Sighting { place: Place { vlan, mac, port }, at }
    };
    let mut sightings: Vec<Sighting> = plane.sources_waiting().into_iter().map(sighting).collect();
    sightings.sort_by_key(|seen| (seen.place.vlan, seen.place.mac, Reverse(seen.at), seen.place.port));
    sightings
}

fn place(vlan: u16, mac: [u8; 6], port: u16) -> Option<Place> {
    Some(Place { vlan: VlanId::new(vlan)?, mac: MacAddr(mac), port: PortId(port) })
}

fn insert_static(plane: &DataPlane, at: Place, evicted: impl FnMut(Place)) -> Result<(), Decline> {
    let Place { vlan, mac, port } = at;
    plane.table().insert_static_reporting(vlan.get(), mac.0, port.0, by_place(evicted))
}

/// Gives an entry the present stamp; says how it is, when it is not there or was seen after it was kept last.
fn keep(plane: &DataPlane, now: Instant, at: Place, (kept, tick): (Instant, Duration)) -> Option<Astray> {
    let session = plane.table().session(now.as_nanos());
    let probe = session.probe(at.vlan.get(), at.mac.0);
    let Some(entry) = session.lookup(&probe) else { return Some(Astray::Gone) };
    if entry.port != at.port.0 || entry.is_static {
        return Some(Astray::Elsewhere);
    }
    // Either stamp may be by a tick from the truth. Where nothing ages, nothing is stamped.
    if !tick.is_zero() && now.since(kept) > (u32::from(entry.age_ticks) + 2) * tick {
        return Some(Astray::Seen);
    }
    // Should it move at this very moment, it stays where that has brought it.
    session.learn_with(&probe, at.port.0, |_| false);
    None
}

fn by_place(mut evicted: impl FnMut(Place)) -> impl FnMut(Swept) {
    move |gone| place(gone.vlan, gone.mac, gone.port).into_iter().for_each(&mut evicted)
}

fn install(plane: &DataPlane, now: Instant, at: Place, evicted: impl FnMut(Place)) -> Installed {
    let outcome = plane.install(now, at.vlan, at.mac, at.port, by_place(evicted));
    match outcome {
        Learn::New => Installed::New,
        Learn::Moved { from } => Installed::Moved { from: PortId(from) },
        Learn::Static { port } => Installed::Static { port: PortId(port) },
        Learn::Declined(decline) => Installed::Declined(decline),
        // No move is refused here.
        Learn::Current | Learn::Refreshed | Learn::Hit | Learn::MoveRefused { .. } => Installed::Kept,
    }
}
