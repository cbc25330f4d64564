//! A bond: what a host sends goes out by one member, what comes in goes to the host, and the bond keeps nothing of it.

use crate::rig::{Rig, station};
use greylag_base::{MacAddr, PortName};
use greylag_lacp::LacpMode;
use greylag_switch::config::{BondConfig, LagConfig};
use greylag_wire::ethernet::{EtherType, Repr};

const HOST: usize = 0;
const MEMBERS: [usize; 2] = [2, 3];

/// A bond of two members that needs no partner.
fn bond() -> Rig {
    let members = ["eth1", "eth2"].map(|name| PortName::new(name).unwrap());
    let mut bond = BondConfig::new(PortName::new("bond0").unwrap(), members.into());
    bond.lag.mode = LacpMode::Static;
    let mut rig = Rig::dark(bond.switch(station(1)));
    [HOST, MEMBERS[0], MEMBERS[1]].into_iter().for_each(|port| rig.link(port, true));
    rig.wait(LagConfig::START_SPREAD);
    rig
}

fn frame(source: MacAddr, destination: MacAddr) -> Vec<u8> {
    Repr { destination, source, ether_type: EtherType::LOCAL_EXPERIMENT }.frame(&[7; 46])
}

fn tagged(tci: u16) -> Vec<u8> {
    let mut bytes = frame(station(1), station(2));
    let [a, b] = tci.to_be_bytes();
    bytes.splice(12..12, [0x81, 0x00, a, b]);
    bytes
}

fn group(last: u8) -> Vec<u8> {
    frame(station(2), MacAddr([1, 0x80, 0xc2, 0, 0, last]))
}

/// By which of the members does the host's frame leave, just as it is?
fn leaves_by(rig: &mut Rig, frame: &[u8]) -> usize {
    let [(port, copy)] = &rig.carry(HOST, frame)[..] else { panic!("by one member, once") };
    assert!(MEMBERS.contains(port));
    assert_eq!(copy, frame);
    *port
}

#[test]
fn what_a_host_sends_leaves_by_one_member_and_as_it_is() {
    let mut rig = bond();
    for frame in [frame(station(1), MacAddr::BROADCAST), tagged(1), tagged(0x6000 | 10), tagged(4093)] {
        leaves_by(&mut rig, &frame);
    }
}

#[test]
fn what_comes_in_goes_to_the_host_and_to_no_other_member() {
    let mut rig = bond();
    for member in MEMBERS {
        for frame in [frame(station(2), MacAddr::BROADCAST), frame(station(2), station(9)), tagged(10)] {
            assert_eq!(rig.carry(member, &frame), [(HOST, frame)]);
        }
    }
}

#[test]
fn groups_that_end_at_a_bridge_reach_the_host_but_for_those_that_are_the_links_own() {
    let mut rig = bond();
    let kept: Vec<u8> = (0..16).filter(|&last| rig.carry(MEMBERS[0], &group(last)).is_empty()).collect();
    assert_eq!(kept, [1, 2]);
}

/// A switch that does not aggregate plays the host's own broadcasts back by the other member; so does a bridge that the host's
/// machine moved away from.
#[test]
fn where_an_address_was_seen_last_does_not_matter() {
    let mut rig = bond();
    let (of_the_host, of_a_peer) = (frame(station(1), station(2)), frame(station(2), station(1)));
    leaves_by(&mut rig, &of_the_host);
    rig.carry(MEMBERS[0], &of_the_host);
    assert_eq!(
        rig.carry(MEMBERS[1], &of_a_peer),
        [(HOST, of_a_peer.clone())],
        "the host's address came from outside"
    );
    rig.carry(HOST, &of_a_peer);
    leaves_by(&mut rig, &of_the_host);
    rig.settle();
    assert_eq!((rig.switch.data_plane().table().len(), rig.alarms()), (0, Vec::new()));
}

#[test]
fn a_member_without_a_link_is_left_at_once() {
    let mut rig = bond();
    let frame = frame(station(1), station(2));
    let first = leaves_by(&mut rig, &frame);
    rig.link(first, false);
    let second = leaves_by(&mut rig, &frame);
    assert_ne!(first, second);
}

#[test]
fn its_partner_knows_it_by_the_address_of_its_interface() {
    let rig = bond();
    let (_, lag) = rig.switch.config().lags().next().expect("a bundle");
    assert_eq!(lag.system_id_mac, Some(station(1)));
}
