//! What tshark makes of all that two switches say to each other.

use crate::rig::*;
use core::net::SocketAddr;
use greylag_base::Instant;
use greylag_ip::{IcmpError, SendOptions};
use greylag_tests::{Need, has};
use pcap_file::DataLink;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use std::collections::BTreeMap;
use std::fs::File;
use std::process::Command;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Everything that two switches can say.
pub(crate) fn conversation() -> Vec<(Instant, bytes::Bytes)> {
    let mut rigs = pair();
    let mut log = Vec::new();
    for rig in &mut rigs {
        rig.stack.set_interface(rig.now, LAN, false);
        rig.stack.set_interface(rig.now, LAN, true);
        rig.stack.listen(179, true);
        for peer in ["10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"].map(ip) {
            let own = rig.stack.config().interfaces[&LAN].addresses().has(peer);
            rig.stack.want(rig.now, LAN, peer, !own);
        }
    }
    log.extend(cable(&mut rigs, [LAN, LAN], SECOND));
    for (own, peer) in [("10.0.0.1", "10.0.0.2"), ("2001:db8::1", "2001:db8::2")] {
        let now = rigs[0].now;
        let bgp = SocketAddr::new(ip(peer), 179);
        let session = rigs[0].stack.connect(now, ip(own), bgp, 255, None).unwrap();
        // A long echo request, and a datagram that nobody hears.
        let request = ping(own, peer, &[7; 4000]);
        let (protocol, header_len) = if ip(own).is_ipv4() { (1, 20) } else { (58, 40) };
        let how = SendOptions { interface: None, ttl: 64, tos: 0 };
        rigs[0].stack.send_ip(now, ip(own), ip(peer), protocol, how, &request[header_len..]);
        let unheard = SocketAddr::new(ip(peer), 9);
        rigs[0].stack.send_udp(now, SocketAddr::new(ip(own), 5), unheard, how, b"unheard");
        log.extend(cable(&mut rigs, [LAN, LAN], SECOND));
        assert_eq!(rigs[0].stack.send(session, &[0xff; 5000]), 5000);
        let transit = datagram(
            peer,
            if ip(own).is_ipv4() { "192.0.2.9" } else { "2001:db8:9::9" },
            (5, 9),
            1,
            &[7; 1400],
        );
        for error in [
            IcmpError::TimeExceeded,
            IcmpError::NetUnreachable,
            IcmpError::HostUnreachable,
            IcmpError::AdminProhibited,
            IcmpError::TooBig { mtu: 1300 },
        ] {
            let now = rigs[0].now;
            rigs[0].stack.forward_error(now, LAN, error, &from_host(OUR_MAC, &transit));
        }
        log.extend(cable(&mut rigs, [LAN, LAN], SECOND));
        rigs[1].tcp_events();
        rigs[0].stack.close(session);
        log.extend(cable(&mut rigs, [LAN, LAN], SECOND));
        rigs[1].tcp_events();
        log.extend(cable(&mut rigs, [LAN, LAN], 60 * SECOND));
    }
    log
}

#[test]
fn tshark_reads_what_switches_say_without_a_warning() {
    if !has(&[Need::Program { name: "tshark", package: "tshark" }]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two-switches.pcap");
    let header = PcapHeader { datalink: DataLink::ETHERNET, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(File::create(&file).unwrap(), header).unwrap();
    for (at, frame) in conversation() {
        writer.write_packet(&PcapPacket::new(at - Instant::ZERO, frame.len() as u32, &frame)).unwrap();
    }
    drop(writer);
    let checks = ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"];
    let output = Command::new("tshark")
        .args(["-n", "-r"])
        .arg(&file)
        .args(checks.iter().flat_map(|check| ["-o".to_owned(), format!("{check}:TRUE")]))
        .args(["-T", "fields", "-E", "separator=|", "-e", "_ws.col.Protocol", "-e", "_ws.expert.severity"])
        .args(["-e", "_ws.expert.message", "-e", "icmp.type", "-e", "icmpv6.type"])
        .output()
        .expect("tshark runs");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let [protocol, severity, message, icmp, icmp6] = fields[..] else { panic!("{line}") };
        // Chats and notes are about what TCP does; from 6 MiB on, something is amiss.
        let worst = severity.split(',').filter_map(|level| level.parse().ok()).max().unwrap_or(0_u32);
        assert!(worst < 0x60_0000, "{protocol}: {message}");
        let kind = [icmp, icmp6].concat();
        *kinds.entry(format!("{protocol} {}", kind.split(',').next().unwrap_or(""))).or_default() += 1;
    }
    let said: Vec<&str> = kinds.keys().map(|kind| kind.trim()).collect();
    for kind in [
        "ARP",
        "ICMP 0",
        "ICMP 3",
        "ICMP 8",
        "ICMP 11",
        "ICMPv6 1",
        "ICMPv6 2",
        "ICMPv6 3",
        "ICMPv6 128",
        "ICMPv6 129",
        "ICMPv6 135",
        "ICMPv6 136",
        "TCP",
    ] {
        assert!(said.contains(&kind), "{kind} is not among {kinds:?}");
    }
}
