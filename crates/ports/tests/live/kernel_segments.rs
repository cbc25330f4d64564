//! What we make of a super-frame, beside what the kernel makes of it.

use crate::namespace::{self, ip, run};
use crate::packet::{Ip, Kind, Packet};
use crate::{ONE, PATIENCE, await_link, name, open_packet};
use greylag_ports::{Batch, Port, RawPort, Tagging, XdpPort};
use greylag_tests::wait_for;

/// A port at one end of a cable, and what is heard at the other.
struct Bench {
    port: Box<dyn Port>,
    far_end: Box<dyn Port>,
}

fn bench(number: usize, open: impl FnOnce(&str) -> Box<dyn Port>) -> Bench {
    let (near, far) = (format!("near{number}"), format!("far{number}"));
    ip(&format!("link add {near} mtu 9216 type veth peer name {far} mtu 9216"));
    let bench = Bench { port: open(&near), far_end: Box::new(open_packet(&far)) };
    await_link(&near);
    await_link(&far);
    bench
}

impl Bench {
    /// What arrives of a super-frame, the tag back in its place.
    fn cross(&mut self, packet: &Packet, segment_len: u16) -> Vec<Vec<u8>> {
        let (frame, offload) = packet.super_frame(segment_len);
        let mut batch = Batch::new();
        batch.slots().next().unwrap()[..frame.len()].copy_from_slice(&frame);
        batch.commit(frame.len(), Tagging::Untagged, offload);
        let report = self.port.tx(&batch, &[0]);
        assert_eq!(report.frames, 1, "{report:?}");
        let expected = packet.payload.len().div_ceil(segment_len.into());
        let mut arrived = Vec::new();
        wait_for("all segments", PATIENCE, || {
            self.far_end.rx(&mut batch).unwrap();
            for index in 0..batch.len() {
                if let Tagging::Aside(tci) = batch.tagging(index) {
                    batch.set_tag(index, Some(tci));
                }
                let bytes = batch.bytes(index);
                if bytes[..12] == frame[..12] {
                    assert_eq!(batch.offload(index).flags & 1, 0, "it is not finished");
                    arrived.push(bytes.to_vec());
                }
            }
            (arrived.len() >= expected).then_some(())
        });
        arrived
    }
}

fn packets() -> Vec<(Packet, u16)> {
    let octets = |len: usize| (0..len).map(|at| (at * at / 7 + at) as u8).collect::<Vec<u8>>();
    let v4 = |id| Ip::V4 { id, options: vec![] };
    let v6 = Ip::V6 { extensions: vec![] };
    let extended = Ip::V6 { extensions: vec![(60, vec![0x01, 4, 0, 0, 0, 0]), (43, vec![0; 22])] };
    let tcp = |flags| Kind::Tcp { sequence: 0xffff_ff00, flags, options: vec![1; 12] };
    let tag = vec![[0x81, 0, 0x60, 10]];
    let packet = |tags: &[[u8; 4]], ip, transport, len| Packet {
        tags: tags.to_vec(),
        ip,
        transport,
        payload: octets(len),
    };
    let mut packets = Vec::new();
    for tags in [&[][..], &tag] {
        // ACK, PSH and FIN, CWR and ECE with them.
        for flags in [0x10, 0x19, 0xd8] {
            packets.push((packet(tags, v4(0xfffe), tcp(flags), 60_000), 1448));
            packets.push((packet(tags, v6.clone(), tcp(flags), 4321), 1000));
        }
        packets.push((packet(tags, extended.clone(), tcp(0x18), 5000), 1200));
        packets.push((packet(tags, v4(7), tcp(0x18), 30_000), 8948));
        packets.push((packet(tags, v4(9), Kind::Udp, 10_001), 1000));
        packets.push((packet(tags, v6.clone(), Kind::Udp, 3999), 1333));
        packets.push((packet(tags, extended.clone(), Kind::Udp, 4000), 1000));
    }
    packets.push((packet(&[], Ip::V4 { id: 1, options: vec![1; 8] }, tcp(0x10), 3000), 999));
    packets
}

#[test]
fn what_we_cut_is_what_the_kernel_cuts() {
    if !namespace::enter() {
        return;
    }
    let mut kernel = bench(0, |near| {
        run("ethtool", &format!("-K {near} tx off tso off gso off txvlan off"));
        Box::new(open_packet(near))
    });
    let mut xdp = bench(1, |near| XdpPort::open(&name(near), ONE).unwrap().queues.pop().unwrap());
    let mut raw = bench(2, |near| RawPort::open(&name(near), ONE).unwrap().queues.pop().unwrap());
    for (packet, segment_len) in packets() {
        let by_kernel = kernel.cross(&packet, segment_len);
        assert!(by_kernel.len() > 1);
        let what = format!("{:?} {:?} {:?} in {segment_len}", packet.tags, packet.ip, packet.transport);
        assert!(by_kernel == packet.cut(segment_len.into()), "the slow way: {what}");
        assert!(by_kernel == xdp.cross(&packet, segment_len), "AF_XDP: {what}");
        assert!(by_kernel == raw.cross(&packet, segment_len), "raw: {what}");
    }
}
