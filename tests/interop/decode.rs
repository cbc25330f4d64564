//! What we say on the wire, as tshark reads it.

use crate::facing::{FAST, Facing, OURS, THEIRS};
use crate::ovs::OVS;
use crate::rig::{DEADLINE, raw_socket};
use greylag_tests::{Need, has, wait_for};
use pcap_file::pcap::{PcapPacket, PcapWriter};
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// A marker of the partner's (IEEE 802.1AX-2014 6.5.3.3): port 1 of its system asks, with a transaction of its own.
fn marker() -> Vec<u8> {
    let mut frame = vec![0x01, 0x80, 0xc2, 0, 0, 2, 2, 0, 0, 0, 0, 2, 0x88, 0x09, 2, 1];
    frame.extend([1, 16, 0, 1, 2, 0, 0, 0, 0, 2, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0]);
    frame.resize(124, 0);
    frame
}

fn tshark(file: &Path, words: &[&str]) -> String {
    let output = Command::new("tshark").arg("-r").arg(file).args(words).output().expect("tshark runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("tshark prints UTF-8")
}

/// Captures what we send by m1, from the first word to a link in use, and the answer to a marker behind it. Says how many LACPDUs
/// that were.
fn capture(path: &Path) -> usize {
    let facing = Facing::start(FAST);
    let (mut out, mut into) = raw_socket(&facing.there.netns, "m1");
    let mut capture = PcapWriter::new(File::create(path).expect("a file")).expect("a capture");
    let start = Instant::now();
    let mut lacpdus = 0;
    wait_for("an answer to a marker", DEADLINE, || {
        let Ok(bytes) = into.next() else { return None };
        // It sees what Open vSwitch sends, and the question, too.
        let is_slow = bytes[12..14] == [0x88, 0x09];
        let is_lacpdu = is_slow && bytes[20..26] == [2, 0, 0, 0, 0, 1];
        let is_answer = is_slow && bytes[14] == 2 && bytes[16] == 2;
        if !is_lacpdu && !is_answer {
            return None;
        }
        let packet = PcapPacket::new(start.elapsed(), bytes.len() as u32, bytes);
        capture.write_packet(&packet).expect("it is written");
        lacpdus += usize::from(is_lacpdu);
        if facing.ovs.bond().is_whole() {
            let _ = out.send_to(&marker(), None);
        }
        is_answer.then_some(())
    });
    lacpdus
}

#[test]
fn tshark_reads_our_lacpdus_and_marker_responses_without_a_warning() {
    if !has(OVS) || !has(&[Need::Program { name: "tshark", package: "tshark" }]) {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder for the capture");
    let path = folder.path().join("lacp.pcap");
    let lacpdus = capture(&path);
    assert_eq!(tshark(&path, &["-Y", "_ws.malformed or _ws.expert"]), "");
    let fields = |filter: &str, names: &[&str]| {
        let mut words = vec!["-Y", filter, "-T", "fields"];
        words.extend(names.iter().flat_map(|name| ["-e", name]));
        tshark(&path, &words)
    };

    let actor =
        ["version", "actor.sysid", "actor.sys_priority", "actor.key", "actor.port", "actor.state_str"];
    let actor = actor.map(|name| format!("lacp.{name}"));
    let said = fields("lacp", &actor.each_ref().map(String::as_str));
    let said: Vec<Vec<&str>> = said.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(said.len(), lacpdus);
    for line in &said {
        // The key is the number of the bundle's port, from 1, and m1 is the second port.
        assert_eq!(line[..5], ["0x01", OURS, "100", "4", "2"]);
    }
    let flags: Vec<&str> = said.iter().map(|line| line[5]).collect();
    println!("{lacpdus} LACPDUs: {}", flags.join(" "));
    let first = |wanted: &str| flags.iter().position(|&flags| flags == wanted);
    let (waiting, passing) = (first("*****GSA"), first("**DCSGSA"));
    assert!(waiting.is_some() && passing > waiting, "{flags:?}");

    let partner = ["lacp.partner.sysid", "lacp.partner.sys_priority"];
    let partner = fields("lacp.actor.state.distributing == 1", &partner);
    assert!(partner.lines().all(|line| line == format!("{THEIRS}\t200")), "{partner}");
    let answer = ["marker.requesterPort", "marker.requesterSystem", "marker.requesterTransId"];
    let answer = fields("marker.tlvType == 2", &answer);
    assert_eq!(answer, format!("1\t{THEIRS}\t{}\n", 0xdead_beef_u32));
}
