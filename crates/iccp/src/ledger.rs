//! What there is to tell the peer, and what of it waits to be told.
//!
//! Nothing is written down before the peer can take it: what waits is only *that* something has changed, and what is told is how it is
//! by then. What changes twice meanwhile is told once, and what came and went is not told at all.

use crate::object::{Aggregator, Port};
use greylag_base::{MacAddr, VlanId};
use greylag_wire::iccp::{MacPlace, SyncRequest, SyncWhat, VlanList};
use std::collections::{BTreeMap, VecDeque};

/// One thing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    Begin(u16),
    System,
    Aggregator(u16),
    Port(u16),
    IrbMac(VlanId),
    Acknowledge {
        id: u16,
        serial: u32,
    },
    Mac(VlanId, MacAddr),
    /// Of a bundle, or of the link between the chassis.
    Vlans(Option<u16>),
    End(u16),
}

#[derive(Debug)]
pub(crate) struct Entry<T> {
    /// `None` for no longer there, which the peer has to hear.
    pub(crate) now: Option<T>,
    pub(crate) waits: bool,
    /// In which message of this session the peer last heard of it.
    pub(crate) told: Option<u32>,
}

/// Everything of one kind.
#[derive(Debug)]
pub(crate) struct Book<K, T>(BTreeMap<K, Entry<T>>);

impl<K: Ord + Copy, T: PartialEq> Book<K, T> {
    const fn new() -> Self {
        Book(BTreeMap::new())
    }

    /// Is there something new to tell?
    fn set(&mut self, key: K, now: Option<T>, telling: bool) -> bool {
        match (self.0.get_mut(&key), now) {
            (Some(entry), now) if entry.now == now => return false,
            (Some(_), None) if !telling => {
                self.0.remove(&key);
                return false;
            }
            (Some(entry), now) => entry.now = now,
            (None, None) => return false,
            (None, now) => {
                self.0.insert(key, Entry { now, waits: false, told: None });
            }
        }
        let entry = self.0.get_mut(&key).filter(|entry| telling && !entry.waits);
        entry.map(|entry| entry.waits = true).is_some()
    }

    /// What the peer is to be told in `message`; `None` for nothing.
    pub(crate) fn tell(&mut self, key: K, message: u32) -> Option<Option<&T>> {
        if self.0.get(&key)?.now.is_none() {
            let was_there = self.0.remove(&key).is_some_and(|entry| entry.told.is_some());
            return was_there.then_some(None);
        }
        let entry = self.0.get_mut(&key)?;
        (entry.waits, entry.told) = (false, Some(message));
        Some(entry.now.as_ref())
    }

    fn all_wait(&mut self) -> impl Iterator<Item = K> {
        self.0.iter_mut().map(|(key, entry)| {
            entry.waits = true;
            *key
        })
    }

    fn forget_peer(&mut self) {
        self.0.retain(|_, entry| entry.now.is_some());
        self.0.values_mut().for_each(|entry| (entry.waits, entry.told) = (false, None));
    }

    pub(crate) fn get(&self, key: K) -> Option<&Entry<T>> {
        self.0.get(&key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.0.iter().filter_map(|(key, entry)| Some((*key, entry.now.as_ref()?)))
    }

    pub(crate) fn told(&self) -> usize {
        self.0.values().filter(|entry| entry.told.is_some()).count()
    }
}

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) aggregators: Book<u16, Aggregator>,
    pub(crate) ports: Book<u16, Port>,
    pub(crate) irb_macs: Book<VlanId, MacAddr>,
    pub(crate) macs: Book<(VlanId, MacAddr), MacPlace>,
    pub(crate) vlans: Book<Option<u16>, VlanList>,
    /// The peer has asked to be told.
    telling: bool,
    /// About chassis, bundles and ports: what isolation and addresses depend on goes first.
    pub(crate) urgent: VecDeque<Tell>,
    /// About addresses, VLANs, which nothing depends on, and the end of everything.
    pub(crate) rest: VecDeque<Tell>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Ledger {
            aggregators: Book::new(),
            ports: Book::new(),
            irb_macs: Book::new(),
            macs: Book::new(),
            vlans: Book::new(),
            telling: false,
            urgent: VecDeque::new(),
            rest: VecDeque::new(),
        }
    }

    pub(crate) fn set_aggregator(&mut self, id: u16, aggregator: Option<Aggregator>) {
        if self.aggregators.set(id, aggregator, self.telling) {
            self.urgent.push_back(Tell::Aggregator(id));
        }
    }

    pub(crate) fn set_port(&mut self, number: u16, port: Option<Port>) {
        if self.ports.set(number, port, self.telling) {
            self.urgent.push_back(Tell::Port(number));
        }
    }

    pub(crate) fn set_irb_mac(&mut self, vlan: VlanId, mac: Option<MacAddr>) {
        if self.irb_macs.set(vlan, mac, self.telling) {
            self.urgent.push_back(Tell::IrbMac(vlan));
        }
    }

    pub(crate) fn set_mac(&mut self, vlan: VlanId, mac: MacAddr, place: Option<MacPlace>) {
        if self.macs.set((vlan, mac), place, self.telling) {
            self.rest.push_back(Tell::Mac(vlan, mac));
        }
    }

    pub(crate) fn set_vlans(&mut self, id: Option<u16>, list: Option<VlanList>) {
        if self.vlans.set(id, list, self.telling) {
            self.rest.push_back(Tell::Vlans(id));
        }
    }

    /// Only the last answer about a bundle is worth telling.
    pub(crate) fn acknowledge(&mut self, id: u16, serial: u32) {
        if self.telling {
            self.urgent.retain(|tell| !matches!(tell, Tell::Acknowledge { id: other, .. } if *other == id));
            self.urgent.push_back(Tell::Acknowledge { id, serial });
        }
    }

    /// Has everything that was asked for wait, between a beginning and an end.
    pub(crate) fn answer(&mut self, request: &SyncRequest) {
        match request.what {
            SyncWhat::All => self.answer_all(request.number),
            _ => self.answer_part(request),
        }
    }

    fn answer_all(&mut self, number: u16) {
        self.telling = true;
        self.rest.clear();
        self.urgent.retain(|tell| matches!(tell, Tell::Acknowledge { .. }));
        self.urgent.extend([Tell::Begin(number), Tell::System]);
        self.urgent.extend(self.aggregators.all_wait().map(Tell::Aggregator));
        self.urgent.extend(self.ports.all_wait().map(Tell::Port));
        self.urgent.extend(self.irb_macs.all_wait().map(Tell::IrbMac));
        self.rest.extend(self.macs.all_wait().map(|(vlan, mac)| Tell::Mac(vlan, mac)));
        self.rest.extend(self.vlans.all_wait().map(Tell::Vlans));
        self.rest.push_back(Tell::End(number));
    }

    fn answer_part(&mut self, request: &SyncRequest) {
        let is_meant = |id: u16, key: u16| match (request.object, request.key) {
            (0, 0) => true,
            (0, wanted) => wanted == key,
            (object, _) => object == id,
        };
        let asked: Vec<Tell> = match request.what {
            SyncWhat::System => vec![Tell::System],
            SyncWhat::Aggregator => {
                let all = self.aggregators.iter();
                all.filter(|(id, it)| is_meant(*id, it.key)).map(|(id, _)| Tell::Aggregator(id)).collect()
            }
            SyncWhat::Port => {
                let all = self.ports.iter();
                all.filter(|(number, it)| is_meant(*number, it.key)).map(|(id, _)| Tell::Port(id)).collect()
            }
            SyncWhat::All | SyncWhat::Other(_) => Vec::new(),
        };
        self.urgent.retain(|tell| !asked.contains(tell));
        self.urgent.push_back(Tell::Begin(request.number));
        self.urgent.extend(asked);
        self.urgent.push_back(Tell::End(request.number));
    }

    /// There is nobody to tell.
    pub(crate) fn forget_peer(&mut self) {
        self.telling = false;
        self.urgent.clear();
        self.rest.clear();
        self.aggregators.forget_peer();
        self.ports.forget_peer();
        self.irb_macs.forget_peer();
        self.macs.forget_peer();
        self.vlans.forget_peer();
    }

    pub(crate) fn waiting(&self) -> usize {
        self.urgent.len() + self.rest.len()
    }
}
