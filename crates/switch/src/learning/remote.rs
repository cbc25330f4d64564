//! Remote addresses: those of the other chassis of a pair in this one's table.
//!
//! They are dynamic entries, which nobody here may ever see in use: the agent gives them the present stamp again and again, so that they
//! lapse like all others when it is dead. What it keeps current so, it cannot see age: so an address that a worker has seen here
//! becomes one of our own, which is left to age, and only then is the other chassis' again. Were it kept current meanwhile, each of two
//! chassis would keep a station alive that is gone, because the other has it.

use super::list::Known;
use super::{Around, Flush, LearningAgent, Origin, SHORTEST_INTERVAL};
use crate::config::{SwitchConfig, SynchronisedMacs};
use crate::event::Event;
use crate::table_door::{Astray, Place};
use greylag_base::{Instant, MacAddr, VlanId};
use std::collections::BTreeSet;
use std::time::Duration;

impl LearningAgent {
    /// When it has something to do for remote addresses.
    pub(super) fn next_of_remotes(&self) -> Option<Instant> {
        self.next_keep.into_iter().chain(self.pins.values().copied()).min()
    }

    /// What the other chassis has told of an address counts from now on, as far as this one does not know better: a station that was seen
    /// here stays here, unless the other chassis `has_news` of it.
    pub(super) fn settle_remote(
        &mut self,
        vlan: VlanId,
        mac: MacAddr,
        has_news: bool,
        around: &mut Around<'_>,
    ) {
        if let Some(until) = around.peers.kept_until {
            return self.settle_kept(vlan, mac, until, around);
        }
        let known = self.list.get(vlan, mac).copied();
        let wanted = around.peers.place(vlan, mac);
        if wanted.is_some() {
            self.next_keep.get_or_insert(around.now + keep_interval(around.config));
        }
        let wanted = wanted.filter(|port| around.ports[port.index()].carries(vlan));
        match (wanted, known) {
            (None, Some(Known { port, origin: Origin::Peer, .. })) => {
                self.drop_remote(Place { vlan, mac, port }, around);
            }
            (None, _) => {}
            (Some(port), Some(known)) if known.port == port && known.origin == Origin::Peer => {}
            (Some(port), Some(known)) if known.is_own(around.link()) && (known.port == port || !has_news) => {
            }
            (Some(port), known) => {
                if self.pins.contains_key(&(vlan, mac)) {
                    self.unpin(vlan, mac, around);
                }
                let from = known.map(|known| known.port).filter(|from| *from != port);
                self.put(around.now, Place { vlan, mac, port }, Origin::Peer, from, around);
            }
        }
    }

    /// The session has ended, and what the other chassis had told stays: an address whose leg goes down is pinned to the inter-chassis
    /// link. It stays there although the leg comes up again, for nobody tells that it is to be had by it.
    fn settle_kept(&mut self, vlan: VlanId, mac: MacAddr, until: Instant, around: &mut Around<'_>) {
        let known = self.list.get(vlan, mac);
        let is_settled = known.is_some_and(|known| known.is_own(around.link()));
        if until <= around.now || is_settled || self.pins.contains_key(&(vlan, mac)) {
            return;
        }
        let place = around.peers.place(vlan, mac);
        if let Some(port) = place.filter(|port| around.ports[port.index()].carries(vlan)) {
            self.pin(Place { vlan, mac, port }, until, around);
        }
    }

    /// What the other chassis has told counts, all of it: the agent has just begun to listen.
    pub(super) fn settle_remotes(&mut self, around: &mut Around<'_>) {
        if let Some((since, how)) = around.peers.released {
            self.release_remotes(since, how, around);
        }
        let remotes = self.list.iter().filter(|(_, _, known)| known.origin == Origin::Peer);
        let mut all: BTreeSet<(VlanId, MacAddr)> = remotes.map(|(vlan, mac, _)| (vlan, mac)).collect();
        all.extend(around.peers.places().map(|(vlan, mac, _)| (vlan, mac)));
        for (vlan, mac) in all {
            let has_news = around.peers.unheard.contains(&(vlan, mac));
            self.settle_remote(vlan, mac, has_news, around);
        }
    }

    /// Keeps remote addresses current if it is time, and ends what is pinned for long enough; says whether it has renewed everything.
    pub(super) fn keep_remotes_if_due(&mut self, around: &mut Around<'_>) -> bool {
        let now = around.now;
        let over: Vec<(VlanId, MacAddr)> =
            self.pins.iter().filter(|(_, until)| **until <= now).map(|(station, _)| *station).collect();
        for (vlan, mac) in over {
            self.unpin(vlan, mac, around);
        }
        if self.next_keep.is_none_or(|next| next > now) {
            return false;
        }
        self.next_keep = (!around.peers.is_empty()).then(|| now + keep_interval(around.config));
        // First what was hit: a stamp takes the bit away.
        let has_renewed = around.config.learning.owned().lease;
        if has_renewed {
            self.renew(around);
        }
        self.keep_remotes(around);
        has_renewed
    }

    fn keep_remotes(&mut self, around: &mut Around<'_>) {
        let (now, link) = (around.now, around.link());
        let (mut kept, mut unsettled) = (Vec::new(), Vec::new());
        for (vlan, mac, port) in around.peers.places() {
            match self.list.get(vlan, mac) {
                Some(known) if known.origin == Origin::Peer && known.port == port => {
                    kept.push((Place { vlan, mac, port }, known.seen));
                }
                Some(known) if known.is_own(link) => {}
                // The table had no room for it.
                _ if self.declined.contains(&(vlan, mac)) => {}
                _ => unsettled.push((vlan, mac)),
            }
        }
        if !kept.is_empty() {
            let astray = around.door.keep_current(now, &kept, tick(around.config));
            let mut as_they_were: BTreeSet<Place> = kept.into_iter().map(|(place, _)| place).collect();
            for (place, how) in astray {
                as_they_were.remove(&place);
                let Place { vlan, mac, port } = place;
                match how {
                    Astray::Gone => drop(self.write(now, place, Origin::Peer, around)),
                    // Whoever moved it tells.
                    Astray::Elsewhere => {}
                    Astray::Seen => {
                        let origin = if Some(port) == link { Origin::Peer } else { Origin::Reported };
                        self.list.note(vlan, mac, Known::new(port, now, origin));
                    }
                }
            }
            for Place { vlan, mac, .. } in as_they_were {
                if let Some(known) = self.list.get_mut(vlan, mac) {
                    known.seen = now;
                }
            }
        }
        for (vlan, mac) in unsettled {
            self.settle_remote(vlan, mac, false, around);
        }
    }

    /// The session with the other chassis ended at `since`, and so do its addresses.
    pub(super) fn release_remotes(&mut self, since: Instant, how: SynchronisedMacs, around: &mut Around<'_>) {
        let remotes = self.list.iter().filter(|(_, _, known)| known.origin == Origin::Peer);
        let remotes: Vec<(VlanId, MacAddr, Known)> =
            remotes.map(|(vlan, mac, known)| (vlan, mac, *known)).collect();
        let ageing_time = around.config.mac_table.ageing_time;
        for (vlan, mac, known) in remotes {
            let place = Place { vlan, mac, port: known.port };
            match how {
                // Who does not age stays as long as an operator likes.
                SynchronisedMacs::Pin if !ageing_time.is_zero() => {
                    self.pin(place, since + ageing_time, around);
                }
                SynchronisedMacs::Convert | SynchronisedMacs::Pin => {
                    self.list.note(vlan, mac, Known { origin: Origin::Adopted, ..known });
                }
                SynchronisedMacs::Flush => {
                    self.list.remove(vlan, mac);
                    if around.door.find(around.now, vlan, mac) == Some(place.port) {
                        around.door.remove(around.now, vlan, mac);
                    }
                }
            }
        }
        self.next_keep = None;
    }

    /// An address stays where it is: no worker moves a static entry, and none ages.
    fn pin(&mut self, place: Place, until: Instant, around: &mut Around<'_>) {
        let Place { vlan, mac, port } = place;
        let (outcome, evicted) = around.door.insert_static(around.now, place);
        for Place { vlan, mac, port } in evicted {
            self.list.remove_at(vlan, mac, port);
            around.counts.evicted += 1;
            let port = around.port_name(port);
            around.tell(around.now, Event::MacEvicted { vlan, mac, port });
        }
        let origin = if outcome.is_ok() { Origin::Pinned } else { Origin::Adopted };
        if outcome.is_ok() {
            self.pins.insert((vlan, mac), until);
        }
        self.list.note(vlan, mac, Known::new(port, around.now, origin));
    }

    fn unpin(&mut self, vlan: VlanId, mac: MacAddr, around: &mut Around<'_>) {
        self.pins.remove(&(vlan, mac));
        if let Some(Known { port, .. }) = self.list.get(vlan, mac).copied() {
            self.drop_remote(Place { vlan, mac, port }, around);
        }
    }

    /// Ends what is pinned of what was flushed: the flush has left the static entries.
    pub(super) fn unpin_flushed(&mut self, flush: Flush, around: &mut Around<'_>) {
        let is_flushed = |&(vlan, mac): &(VlanId, MacAddr)| {
            self.list.get(vlan, mac).is_some_and(|known| flush.takes(vlan, known.port))
        };
        let flushed: Vec<(VlanId, MacAddr)> = self.pins.keys().copied().filter(is_flushed).collect();
        for (vlan, mac) in flushed {
            self.unpin(vlan, mac, around);
        }
    }

    /// Static entries that no operator has made are what an agent before this one has pinned: they become ordinary ones.
    pub(super) fn loosen(&mut self, statics: Vec<Place>, around: &mut Around<'_>) {
        let configured: BTreeSet<(VlanId, MacAddr)> =
            around.config.static_macs.iter().map(|entry| (entry.vlan, entry.mac_address)).collect();
        for place in statics.into_iter().filter(|place| !configured.contains(&(place.vlan, place.mac))) {
            around.door.remove(around.now, place.vlan, place.mac);
            self.write(around.now, place, Origin::Adopted, around);
        }
    }

    /// Takes an address off the list, and out of the table if that has it there.
    fn drop_remote(&mut self, place: Place, around: &mut Around<'_>) {
        let Place { vlan, mac, port } = place;
        self.list.remove(vlan, mac);
        if around.door.find(around.now, vlan, mac) == Some(port) {
            around.door.remove(around.now, vlan, mac);
            let port = around.port_name(port);
            around.tell(around.now, Event::MacAged { vlan, mac, port });
        }
    }
}

/// How often remote addresses are kept current: as often as entries are renewed, yet so that none lapses meanwhile, and that a stamp of
/// a worker can be told from that of the agent before.
fn keep_interval(config: &SwitchConfig) -> Duration {
    let (renewal, ageing_time) = (config.learning.renew_interval, config.mac_table.ageing_time);
    let interval =
        if ageing_time.is_zero() { renewal } else { renewal.clamp(ageing_time / 64, ageing_time / 4) };
    interval.max(SHORTEST_INTERVAL)
}

/// In what the table counts ages.
fn tick(config: &SwitchConfig) -> Duration {
    config.mac_table.ageing_time / 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{IccpConfig, MultiChassisConfig, PortConfig, StatusControl};
    use crate::history::History;
    use crate::input::Input;
    use crate::mclag::Preset;
    use crate::recording::Start;
    use crate::table_door::TableDoor;
    use crate::{Learned, Switch};
    use greylag_base::{PortId, PortName, Seed};

    const MACS: [MacAddr; 3] =
        [MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]), MacAddr([2, 0, 0, 0, 0, 3])];

    fn start() -> Start {
        let mut config = SwitchConfig::new("ca1");
        config.ports = (1..=3).map(|n| PortConfig::new(PortName::new(format!("eth{n}")).unwrap())).collect();
        let iccp = IccpConfig::between([10, 50, 1, 1].into(), [10, 50, 1, 2].into());
        config.multi_chassis =
            Some(MultiChassisConfig::of(&Preset::JUNOS, 0, StatusControl::Active, PortId(2), iccp));
        Start::new(History::new(config, Instant::ZERO), Seed(1), Instant::ZERO)
    }

    /// What a session with the other chassis says and asks, in an order of its own; `on_the_way` is what workers do meanwhile. Says what
    /// the other chassis was told.
    fn live_through(switch: &mut Switch, mut on_the_way: impl FnMut(&Switch, u64)) -> Vec<Learned> {
        let mut told = Vec::new();
        let vlan = VlanId::DEFAULT;
        for port in 0..3 {
            switch.handle_input(Instant::ZERO, Input::Link { port: PortId(port), up: true }).unwrap();
        }
        switch.relearn();
        for second in 0..400 {
            let now = Instant::ZERO + Duration::from_secs(second);
            on_the_way(switch, second);
            switch.handle_input(now, Input::Timeout).unwrap();
            match second {
                1 => MACS.iter().for_each(|mac| switch.place_peer_mac(now, vlan, *mac, Some(PortId(1)))),
                100 => switch.repoint(now, PortId(1), PortId(2)),
                200 => switch.repoint(now, PortId(1), PortId(1)),
                250 => switch.place_peer_mac(now, vlan, MACS[1], None),
                260 => switch.release_peer_macs(now, SynchronisedMacs::Pin),
                _ => {}
            }
            told.extend(switch.take_learned());
        }
        told
    }

    #[test]
    fn a_record_has_what_the_table_answered_and_a_playback_asks_for_no_more() {
        let begin = |answers: Option<_>| {
            let plane = Switch::new(start().history.running().clone(), Seed(1), Instant::ZERO).unwrap();
            let plane = std::sync::Arc::clone(plane.data_plane());
            Switch::begin(start(), |own| match answers {
                None => TableDoor::live(plane, Some(own)),
                Some(answers) => TableDoor::recorded(plane, answers, own),
            })
            .unwrap()
        };
        let mut live = begin(None);
        let told = live_through(&mut live, |switch, second| {
            let now = Instant::ZERO + Duration::from_secs(second);
            let session = switch.data_plane().table().session(now.as_nanos());
            if second > 30 && second < 60 {
                session.learn(&session.probe(1, MACS[0].0), 1);
            }
            if second == 70 {
                switch.data_plane().table().remove(1, MACS[2].0);
            }
        });
        let first = Learned { vlan: VlanId::DEFAULT, mac: MACS[0], port: Some(PortId(1)) };
        assert_eq!(told, [first], "a worker has seen it where it was put");
        let recording = live.recording().unwrap();
        let text = serde_json::to_string(recording).unwrap();
        assert!(["kept", "seen", "gone"].iter().all(|word| text.contains(word)));
        let mut again = begin(Some(recording.answers.iter().cloned().collect()));
        assert_eq!(live_through(&mut again, |_, _| {}), told);
        assert!(!again.door.has_diverged());
        assert_eq!(again.recording().unwrap().outputs, recording.outputs);
    }
}
