//! What is routed into a VLAN, and nobody knows by which port: whose matter that is.

use crate::network::{Datagram, Network, SHORT, ip, irb, router};
use crate::rig::{millis, seconds};
use greylag_switch::agent::AgentKind;
use greylag_switch::config::LearningMode;
use greylag_switch::fault::Fault;

const TO: &str = "10.20.0.2";

/// Two VLANs, a host in the one, two in the other. All know each other's addresses on the link, and were silent for so long that the MAC
/// table knows none of them.
fn after_a_silence(mode: LearningMode) -> Network {
    let mut config = router("sw1", 3);
    irb(&mut config, 10, &[0], &["10.10.0.1/24"]);
    irb(&mut config, 20, &[1, 2], &["10.20.0.1/24"]);
    config.learning.mode = mode;
    config.mac_table.ageing_time = seconds(10);
    config.routing.neighbors.base_reachable_time = seconds(3600);
    let mut network = Network::new(vec![config]);
    network.host((0, 0), &["10.10.0.2/24"], &["10.10.0.1"]);
    network.host((0, 1), &["10.20.0.2/24"], &["10.20.0.1"]);
    network.host((0, 2), &["10.20.0.3/24"], &["10.20.0.1"]);
    network.wait(seconds(1));
    network.send(0, TO, SHORT);
    network.wait(seconds(1));
    assert_eq!(network.hosts[1].listen().len(), 1, "it waits until the agent has learned");
    // The agent has renewed what was hit once more.
    network.wait(seconds(25));
    assert_eq!([100, 101, 102].map(|number| network.switches[0].table(number)), [None, None, None]);
    network.hosts.iter_mut().for_each(|host| host.frames.clear());
    network
}

/// Frames of IPv4 that have come to the host that nothing was for.
fn flooded(network: &Network) -> usize {
    network.hosts[2].frames.iter().filter(|frame| frame[12..14] == [0x08, 0x00]).count()
}

#[test]
fn workers_flood_what_is_routed_to_a_station_that_they_do_not_find() {
    let mut network = after_a_silence(LearningMode::Inline);
    assert!(network.reaches(0, 1, TO));
    assert_eq!(flooded(&network), 1);
    network.plays_back();
}

#[test]
fn the_agent_asks_the_vlan_for_a_station_that_it_does_not_find() {
    let mut network = after_a_silence(LearningMode::Agent);
    assert!(!network.reaches(0, 1, TO), "what is on its way is lost");
    network.wait(millis(50));
    assert_eq!(network.switches[0].table(101).as_deref(), Some("eth2"), "its answer has shown where it is");
    assert!(network.reaches(0, 1, TO));
    assert_eq!(flooded(&network), 0, "it is asked for, and nothing of it flooded");
    network.plays_back();
}

#[test]
fn what_the_switch_itself_says_waits_for_the_agent() {
    let expiring = Datagram { ttl: 1, ..SHORT };
    let mut network = after_a_silence(LearningMode::Agent);
    network.send(0, TO, expiring);
    assert_eq!(network.hosts[0].complaints(), []);
    network.wait(millis(50));
    assert_eq!(network.hosts[0].complaints(), [(ip("10.10.0.1"), 11)]);
    network.plays_back();

    let mut network = after_a_silence(LearningMode::Inline);
    network.send(0, TO, expiring);
    assert_eq!(network.hosts[0].complaints(), [(ip("10.10.0.1"), 11)]);
}

#[test]
fn while_the_learning_agent_is_dead_nothing_reaches_who_was_silent() {
    let mut network = after_a_silence(LearningMode::Agent);
    network.fault(0, Fault::Crash { agent: AgentKind::Learning, dump: seconds(20) });
    for _ in 0..10 {
        network.send(0, TO, SHORT);
        network.send(0, TO, Datagram { ttl: 1, ..SHORT });
        network.wait(seconds(1));
    }
    assert_eq!((network.hosts[1].listen(), network.hosts[0].complaints()), (vec![], vec![]));
    network.wait(seconds(15));
    network.send(0, TO, SHORT);
    network.wait(seconds(2));
    network.send(0, TO, Datagram { ttl: 1, ..SHORT });
    assert!(network.reaches(0, 1, TO), "the agent is back");
    network.wait(millis(100));
    assert_eq!(network.hosts[0].complaints().len(), 1);
    network.plays_back();
}
