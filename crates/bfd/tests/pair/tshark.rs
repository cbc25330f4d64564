//! What tshark makes of our packets, in frames that smoltcp has written.

use crate::driver::{A, B, Pair, Sent, Way, secs, session};
use core::net::IpAddr;
use greylag_base::{Instant, MacAddr};
use greylag_bfd::{Path, SessionConfig};
use greylag_tests::{Need, has};
use greylag_wire::ethernet::{self, EtherType};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, IpProtocol, IpRepr, UdpPacket, UdpRepr};
use std::fs::File;
use std::process::Command;

fn frame(sent: &Sent) -> Vec<u8> {
    let packet = &sent.packet;
    let (from, to) = (IpAddress::from(packet.from), IpAddress::from(packet.to));
    let udp = UdpRepr { src_port: packet.source_port, dst_port: packet.destination_port };
    let length = udp.header_len() + packet.payload.len();
    let ip = IpRepr::new(from, to, IpProtocol::Udp, length, packet.ttl);
    let mut octets = vec![0; ip.buffer_len()];
    let checksums = ChecksumCapabilities::default();
    ip.emit(&mut octets, &checksums);
    udp.emit(
        &mut UdpPacket::new_unchecked(&mut octets[ip.header_len()..]),
        &from,
        &to,
        packet.payload.len(),
        |payload| payload.copy_from_slice(&packet.payload),
        &checksums,
    );
    let mac = |last| MacAddr([2, 0, 0, 0, 0, last]);
    let ether_type = EtherType(if packet.from.is_ipv4() { 0x0800 } else { 0x86dd });
    let switch = sent.switch as u8;
    ethernet::Repr { destination: mac(2 - switch), source: mac(1 + switch), ether_type }.frame(&octets)
}

/// All that two switches have to say to each other: they come up, one falls silent, both are disabled.
fn conversation(sessions: [SessionConfig; 2]) -> Vec<Sent> {
    let [a, b] = sessions;
    let mut pair = Pair::new(a, b);
    pair.run(secs(5));
    assert!(pair.is_up());
    pair.ways[B] = Way::Cut;
    pair.run(secs(5));
    pair.ways[B] = Way::Whole;
    pair.run(secs(5));
    pair.reconfigure(A, |session| session.enabled = false);
    pair.run(secs(2));
    pair.sent
}

fn write(file: &std::path::Path, sent: &[Sent]) {
    let header = PcapHeader { datalink: DataLink::ETHERNET, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(File::create(file).unwrap(), header).unwrap();
    for sent in sent {
        let frame = frame(sent);
        let packet = PcapPacket::new(sent.at.since(Instant::ZERO), frame.len() as u32, &frame);
        writer.write_packet(&packet).unwrap();
    }
}

#[test]
fn tshark_reads_our_packets_without_a_warning() {
    if !has(&[Need::Program { name: "tshark", package: "tshark" }]) {
        return;
    }
    let six = |switch: usize| -> IpAddr { format!("2001:db8::{}", 1 + switch).parse().unwrap() };
    let far = |switch: usize| SessionConfig {
        local_address: six(switch),
        remote_address: six(1 - switch),
        path: Path::Multihop { minimum_ttl: 254 },
        ..session(switch)
    };
    let folder = tempfile::tempdir().unwrap();
    for (name, sessions) in [("four.pcap", [session(A), session(B)]), ("six.pcap", [far(A), far(B)])] {
        let sent = conversation(sessions);
        let file = folder.path().join(name);
        write(&file, &sent);
        let tshark = |words: &[&str]| {
            let output = Command::new("tshark")
                .args(["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-r"])
                .arg(&file)
                .args(words)
                .output()
                .expect("tshark runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        // Nothing worse than a note, which is where tshark's remarks on a conversation begin.
        let warnings = "_ws.malformed or _ws.expert.severity >= 6291456";
        assert_eq!(tshark(&["-Y", warnings]), "", "{name}");
        let fields = [
            "bfd.version",
            "bfd.sta",
            "bfd.diag",
            "bfd.flags.p",
            "bfd.flags.f",
            "bfd.detect_time_multiplier",
        ];
        let words: Vec<&str> = ["-Y", "bfd", "-T", "fields", "-E", "separator=,"]
            .into_iter()
            .chain(fields.iter().flat_map(|field| ["-e", *field]))
            .collect();
        let read = tshark(&words);
        let ours: Vec<String> = sent.iter().map(described).collect();
        assert_eq!(read.lines().map(normal).collect::<Vec<_>>(), ours, "{name}");
    }
}

fn described(sent: &Sent) -> String {
    use greylag_wire::bfd::{Flags, State};
    let repr = sent.repr();
    let state = match repr.state {
        State::AdminDown => 0,
        State::Down => 1,
        State::Init => 2,
        State::Up => 3,
    };
    let flag = |flag| u8::from(repr.flags.has(flag));
    let (p, f) = (flag(Flags::POLL), flag(Flags::FINAL));
    format!("1,{state},{},{p},{f},{}", repr.diagnostic.code(), repr.detect_mult)
}

/// Versions of tshark differ in how they print numbers and flags.
fn normal(line: &str) -> String {
    let number = |field: &str| match field {
        "True" => 1,
        "False" => 0,
        _ => match field.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16).expect("a number"),
            None => field.parse().expect("a number"),
        },
    };
    line.split(',').map(|field| number(field).to_string()).collect::<Vec<_>>().join(",")
}
