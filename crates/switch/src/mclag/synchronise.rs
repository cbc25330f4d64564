//! Addresses: what either chassis has, the other can reach.
//!
//! An address behind our leg of a multi-chassis bundle is told as that bundle's, and the peer has it behind its own leg; any other is told
//! as single-homed, and the peer has it behind the inter-chassis link. What we have over the inter-chassis link ourselves is the peer's
//! to tell. An address that the peer has behind a bundle whose leg here is down is to be had over the inter-chassis link.
//!
//! The learning agent says what it knows, and writes what the peer has: where it is dead, nothing goes either way.

use crate::Switch;
use crate::agent::AgentKind;
use crate::config::{Attachment, InterfacePlace, SynchronisedMacs};
use greylag_base::{Instant, MacAddr, PortId, VlanId};
use greylag_iccp::MacPlace;
use std::collections::{BTreeMap, BTreeSet};

impl Switch {
    /// Tells the peer of our addresses what has changed. Without a session nobody asks for them; with the next it is all of them.
    pub(crate) fn synchronise(&mut self, now: Instant) {
        if !self.has_session() || !self.works(AgentKind::Learning) {
            return;
        }
        let begins = self.pair.iccp.as_mut().is_some_and(|agent| std::mem::take(&mut agent.tells_all));
        if !begins && !self.has_learned() {
            return;
        }
        let news: Vec<((VlanId, MacAddr), Option<MacPlace>)> = self
            .take_learned()
            .into_iter()
            .map(|news| ((news.vlan, news.mac), news.port.map(|port| self.mac_place(port))))
            .collect();
        let Some(agent) = &mut self.pair.iccp else { return };
        if begins {
            // All of them were told: what is not among them is gone.
            let there: BTreeSet<(VlanId, MacAddr)> = news.iter().map(|(address, _)| *address).collect();
            let gone = agent.macs_told.iter().filter(|told| !there.contains(told)).copied();
            for (vlan, mac) in gone.collect::<Vec<_>>() {
                agent.macs_told.remove(&(vlan, mac));
                agent.iccp.set_mac(now, vlan, mac, None);
            }
        }
        for ((vlan, mac), place) in news {
            match place {
                Some(_) => agent.macs_told.insert((vlan, mac)),
                None => agent.macs_told.remove(&(vlan, mac)),
            };
            agent.iccp.set_mac(now, vlan, mac, place);
        }
        self.follow_iccp(now);
    }

    /// The peer is to be told of all our addresses.
    pub(super) fn tell_all_macs(&mut self, now: Instant) {
        self.relearn();
        if let Some(agent) = &mut self.pair.iccp {
            agent.tells_all = true;
        }
        self.synchronise(now);
    }

    fn mac_place(&self, port: PortId) -> MacPlace {
        match &self.ports[port.index()].config.attachment {
            Attachment::Lag(lag) => lag.mc_ae_id.map_or(MacPlace::SingleHomed, MacPlace::Aggregator),
            _ => MacPlace::SingleHomed,
        }
    }

    /// The peer has an address there, or nowhere any more.
    pub(super) fn hear_mac(&mut self, now: Instant, (vlan, mac): (VlanId, MacAddr), place: Option<MacPlace>) {
        if let Some(agent) = &mut self.pair.iccp {
            agent.unnamed_macs.remove(&(vlan, mac));
        }
        match place {
            Some(place) => self.pair.mclag.peer_macs.insert((vlan, mac), place),
            None => self.pair.mclag.peer_macs.remove(&(vlan, mac)),
        };
        let port = place.and_then(|place| self.home_of(place));
        self.place_peer_mac(now, vlan, mac, port);
    }

    /// Where what the peer has is to be had here, if our leg is up.
    fn home_of(&self, place: MacPlace) -> Option<PortId> {
        let link = self.pair_config()?.inter_chassis_link;
        match place {
            MacPlace::Aggregator(id) => Some(self.leg(id).unwrap_or(link)),
            MacPlace::SingleHomed => Some(link),
        }
    }

    /// Bundles or the inter-chassis link are others than before: so are the ports behind which the peer's addresses are.
    pub(super) fn place_all_macs(&mut self, now: Instant) {
        let places: Vec<((VlanId, MacAddr), MacPlace)> =
            self.pair.mclag.peer_macs.iter().map(|(address, place)| (*address, *place)).collect();
        for ((vlan, mac), place) in places {
            let port = self.home_of(place);
            self.place_peer_mac(now, vlan, mac, port);
        }
    }

    /// Legs that have gone down or come up: what the peer has behind their bundles is to be had over the inter-chassis link, or by them again.
    pub(super) fn settle_detours(&mut self, now: Instant) {
        let Some(link) = self.pair_config().map(|pair| pair.inter_chassis_link) else { return };
        let legs = self.legs();
        let wanted: BTreeSet<PortId> =
            legs.iter().map(|(port, _)| *port).filter(|port| !self.ports[port.index()].is_up()).collect();
        let before = std::mem::replace(&mut self.pair.mclag.detours, wanted.clone());
        for port in before.difference(&wanted) {
            self.repoint(now, *port, *port);
        }
        for port in wanted.difference(&before) {
            self.repoint(now, *port, link);
        }
    }

    /// The peer has told everything: what it had before and did not name is gone.
    pub(super) fn hear_complete(&mut self, now: Instant) {
        let Some(agent) = &mut self.pair.iccp else { return };
        let (macs, legs, irbs) = (
            std::mem::take(&mut agent.unnamed_macs),
            std::mem::take(&mut agent.unnamed_legs),
            std::mem::take(&mut agent.unnamed_irbs),
        );
        for address in macs {
            self.hear_mac(now, address, None);
        }
        for id in legs {
            self.hear_leg(now, id, None);
        }
        for vlan in irbs {
            self.hear_irb_mac(now, vlan, None);
        }
    }

    /// The session is over, and it was ruled what becomes of the peer's addresses.
    pub(super) fn release_macs(&mut self, now: Instant, how: SynchronisedMacs) {
        self.pair.mclag.peer_macs.clear();
        self.release_peer_macs(now, how);
    }
}

/// The addresses of the chassis' own interfaces (`mcae-mac-synchronize`): each routes what is sent to the other's. What the peer has
/// told stays when the session ends, for stations go on to send to it.
impl Switch {
    /// Tells the peer of interfaces that are otherwise than it was told.
    pub(super) fn settle_irb_macs(&mut self, now: Instant) {
        let wanted: BTreeMap<VlanId, MacAddr> = self
            .config()
            .interfaces
            .iter()
            .filter_map(|interface| match interface.place {
                InterfacePlace::Vlan(vlan) if self.synchronises(vlan) => {
                    Some((vlan, self.interface_mac(interface)))
                }
                _ => None,
            })
            .collect();
        let Some(agent) = &mut self.pair.iccp else { return };
        let before = std::mem::replace(&mut agent.irbs_told, wanted.clone());
        for vlan in before.keys().filter(|vlan| !wanted.contains_key(vlan)) {
            agent.iccp.set_irb_mac(now, *vlan, None);
        }
        for (vlan, mac) in wanted.into_iter().filter(|(vlan, mac)| before.get(vlan) != Some(mac)) {
            agent.iccp.set_irb_mac(now, vlan, Some(mac));
        }
        self.follow_iccp(now);
    }

    fn synchronises(&self, vlan: VlanId) -> bool {
        self.config().vlans.get(&vlan).is_some_and(|config| config.mcae_mac_synchronize)
    }

    pub(super) fn hear_irb_mac(&mut self, now: Instant, vlan: VlanId, mac: Option<MacAddr>) {
        if let Some(agent) = &mut self.pair.iccp {
            agent.unnamed_irbs.remove(&vlan);
        }
        let before = match mac {
            Some(mac) => self.pair.mclag.peer_irb_macs.insert(vlan, mac),
            None => self.pair.mclag.peer_irb_macs.remove(&vlan),
        };
        if before != mac {
            self.publish(now);
        }
    }

    /// The address of the peer's interface in a VLAN, whose packets are routed here too.
    pub(crate) fn peer_irb_mac(&self, place: InterfacePlace) -> Option<MacAddr> {
        self.pair_config()?;
        match place {
            InterfacePlace::Vlan(vlan) if self.synchronises(vlan) => {
                self.pair.mclag.peer_irb_macs.get(&vlan).copied()
            }
            _ => None,
        }
    }
}
