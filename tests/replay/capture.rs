//! The capture, read by others.

use crate::program::Desk;
use greylag_tests::{Need, has};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::blocks::interface_description::InterfaceDescriptionOption;
use pcap_file::pcapng::{Block, PcapNgReader};
use std::collections::BTreeSet;
use std::fs::File;
use std::process::Command;
use std::time::Duration;

fn captured() -> Desk {
    let desk = Desk::new();
    desk.prints(&["replay", "cut.yml", "--pcap", "cut.pcapng"], 0);
    desk
}

#[test]
fn every_frame_is_on_the_interface_of_its_link_end_in_the_order_of_time() {
    let desk = captured();
    let mut reader =
        PcapNgReader::new(File::open(desk.path("cut.pcapng")).expect("it is written")).expect("pcapng");
    let (mut interfaces, mut frames, mut last) = (0, 0, Duration::ZERO);
    while let Some(block) = reader.next_block() {
        match block.expect("the block is sound") {
            Block::InterfaceDescription(_) => interfaces += 1,
            Block::EnhancedPacket(packet) => {
                assert!(packet.interface_id < interfaces && packet.timestamp >= last);
                last = packet.timestamp;
                frames += 1;
            }
            other => panic!("{other:?} was not written"),
        }
    }
    assert_eq!(interfaces, 3 * 4, "two for each end of three links");
    // 900 probes cross three links, 300 one.
    assert!(frames >= 900 * 3 + 300 * 2, "{frames}");
    assert!((Duration::from_secs(48_360)..Duration::from_secs(48_480)).contains(&last), "{last:?}");
}

#[test]
fn tshark_reads_it_without_a_warning() {
    if !has(&[Need::Program { name: "tshark", package: "tshark" }]) {
        return;
    }
    let desk = captured();
    let file = desk.path("cut.pcapng");
    let tshark = |words: &[&str]| {
        let output = Command::new("tshark").arg("-r").arg(&file).args(words).output().expect("tshark runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), text, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (success, names, error) = tshark(&["-T", "fields", "-e", "frame.interface_name"]);
    assert!(success && !error.contains("cut short") && !error.contains("damaged"), "{error}");
    assert!(names.lines().any(|name| name == "sw2:eth1 in"), "{names}");
    let (_, comments, _) = tshark(&["-Y", "frame.comment", "-T", "fields", "-e", "frame.comment"]);
    assert_eq!(comments.lines().count(), 300);
    assert!(comments.lines().all(|comment| comment == "link-down: sent by sw1:eth2, lost"), "{comments}");
    let (_, malformed, _) = tshark(&["-Y", "_ws.malformed or _ws.expert.severity >= 6291456"]);
    assert_eq!(malformed, "");
}

/// A switch drops copies that a dead agent's flood group leaves out, and frames of its own accord: both say why, where they came in and
/// where they were to leave.
#[test]
fn what_a_switch_drops_says_why() {
    let desk = Desk::new();
    // Cut short, so that not all that is expected has happened.
    desk.prints(&["replay", "learning/agent-dies", "--until", "13:31", "--pcap", "dies.pcapng"], 1);
    let mut reader =
        PcapNgReader::new(File::open(desk.path("dies.pcapng")).expect("it is written")).expect("pcapng");
    let (mut names, mut said) = (Vec::new(), BTreeSet::new());
    while let Some(block) = reader.next_block() {
        match block.expect("the block is sound") {
            Block::InterfaceDescription(interface) => {
                let name = interface.options.into_iter().find_map(|option| match option {
                    InterfaceDescriptionOption::IfName(name) => Some(name.into_owned()),
                    _ => None,
                });
                names.push(name.expect("an interface has a name"));
            }
            Block::EnhancedPacket(packet) => {
                let comments = packet.options.iter().filter_map(|option| match option {
                    EnhancedPacketOption::Comment(comment) => comment.split_once(". ").map(|(what, _)| what),
                    _ => None,
                });
                let place = &names[packet.interface_id as usize];
                said.extend(comments.map(|comment| format!("{place}: {comment}")));
            }
            _ => {}
        }
    }
    for expected in [
        "sw2:eth9 in: not-in-flood-group: dropped in stage flood, the copy for eth3",
        "sw2:eth3 lost: not-in-flood-group: dropped in stage flood, the copy for eth3",
    ] {
        assert!(said.contains(expected), "{expected} is not in {said:#?}");
    }
}
