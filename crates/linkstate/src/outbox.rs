//! What waits to be sent: packets, and what is put together into packets before a door closes.

use crate::neighbor::NeighborId;
use crate::system::{LinkState, PacketOut};
use crate::unconfirmed::Telling;
use crate::wire::{Body, HEADER_LEN, Lsa, LsaHeader, LsaId, MAX_AGE, MOST_OCTETS, Repr};
use core::net::Ipv4Addr;
use greylag_base::{Instant, InterfaceId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// What was not confirmed is said again after that (RFC 2328 C.3, RxmtInterval).
pub(crate) const RETRANSMIT: Duration = Duration::from_secs(5);
/// Seconds that an announcement ages on each link (RFC 2328 C.3, InfTransDelay).
const TRANSMIT_DELAY: u16 = 1;

/// Octets of a packet for what it holds.
const ROOM: usize = MOST_OCTETS - HEADER_LEN;
/// As many instances as fit a summary or an acknowledgement.
const HEADERS: usize = ROOM / LsaHeader::LEN;
/// As many as fit a request.
const IDS: usize = ROOM / 6;

#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) packets: VecDeque<PacketOut>,
    /// What was heard, and is acknowledged to all on the segment.
    pub(crate) acknowledgements: BTreeMap<InterfaceId, Vec<LsaHeader>>,
    /// What is asked for.
    pub(crate) requests: BTreeMap<NeighborId, Vec<LsaId>>,
}

impl LinkState {
    /// Puts a packet into the outbox.
    pub(crate) fn send(&mut self, at: InterfaceId, to: Option<Ipv4Addr>, body: Body) {
        let Some(interface) = self.interfaces.get(&at).filter(|known| known.speaks().is_some()) else {
            return;
        };
        let Some((from, group)) = interface.ends() else { return };
        let repr = Repr { router: self.router_id(), incarnation: self.incarnation, to, body };
        let payload = repr.emit();
        self.outbox.packets.push_back(PacketOut { interface: at, from, to: group, payload });
    }

    /// Sends what is due to be said, for the first time or again.
    pub(crate) fn send_due(&mut self, now: Instant) {
        for (at, headers) in std::mem::take(&mut self.outbox.acknowledgements) {
            for headers in headers.chunks(HEADERS) {
                self.send(at, None, Body::Acknowledgement(headers.to_vec()));
            }
        }
        for ((at, who), ids) in std::mem::take(&mut self.outbox.requests) {
            for ids in ids.chunks(IDS) {
                self.send(at, Some(who), Body::Request(ids.to_vec()));
            }
        }
        let mut whole: BTreeMap<InterfaceId, BTreeSet<LsaId>> = BTreeMap::new();
        let mut described: BTreeMap<NeighborId, Vec<LsaHeader>> = BTreeMap::new();
        for (id, known) in &mut self.neighbors {
            for (lsa, telling) in known.unconfirmed.take_due(now, now + RETRANSMIT) {
                match telling {
                    Telling::Describe => {
                        let header = self.database.get(lsa).map(|entry| entry.header(now));
                        described.entry(*id).or_default().extend(header);
                    }
                    // One that several have to be told goes to all at once.
                    Telling::Send => {
                        whole.entry(id.0).or_default().insert(lsa);
                    }
                }
            }
        }
        for ((at, who), headers) in described {
            for headers in headers.chunks(HEADERS) {
                self.send(at, Some(who), Body::Summary(headers.to_vec()));
            }
        }
        for (at, ids) in whole {
            self.send_update(now, at, &ids);
        }
    }

    fn send_update(&mut self, now: Instant, at: InterfaceId, ids: &BTreeSet<LsaId>) {
        let (mut lsas, mut octets) = (Vec::new(), 0);
        for entry in ids.iter().filter_map(|id| self.database.get(*id)).cloned().collect::<Vec<_>>() {
            let mut header = entry.header(now);
            header.age = (header.age + TRANSMIT_DELAY).min(MAX_AGE);
            let lsa = Lsa { header, ..entry.lsa().clone() };
            if octets + lsa.len() > ROOM {
                self.send(at, None, Body::Update(std::mem::take(&mut lsas)));
                octets = 0;
            }
            octets += lsa.len();
            lsas.push(lsa);
        }
        if !lsas.is_empty() {
            self.send(at, None, Body::Update(lsas));
        }
    }
}
