//! What tells frames of control protocols from all others inside the kernel, before they wait for us: so that the ones wait in a queue
//! that the others cannot fill.
//!
//! One program, written once as steps, and in the forms that the kernel has for it: a filter of sockets (classic BPF: Linux's
//! Documentation/networking/filter.rst), a program that chooses the queue of a TAP, and one in front of AF_XDP sockets (eBPF). Control is LACP and other slow protocols,
//! ARP, neighbour discovery, and what keeps a session alive ([`greylag_wire::control`]).

use crate::bpf::Instruction;
use greylag_wire::control::{IP_PROTOCOLS, TCP_PORTS, UDP_PORTS};
use greylag_wire::ethernet::EtherType;
use libc::sock_filter;

/// Whose frames a socket gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Control but slow protocols, for which there is a socket of their own.
    Control,
    /// All that is not control.
    Others,
}

/// A place in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Ipv4,
    Ipv4Udp,
    Ipv4Tcp,
    Ipv6,
    Ipv6Udp,
    Ipv6Tcp,
    NeighborDiscovery,
    Slow,
    Control,
    Others,
}

/// What the program does, with two numbers in mind: the accumulator, and where the payload of an IPv4 packet begins.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The place is here.
    Here(Label),
    /// Two octets of the frame become the accumulator.
    Half(u32),
    /// One.
    Byte(u32),
    /// Two octets, counted from where the header of IPv4 ends as if it stood in front of the frame.
    HalfBehindIpv4(u32),
    /// The length of the frame becomes the accumulator.
    Length,
    /// The length of the header of IPv4 is taken off the accumulator.
    WithoutIpv4,
    /// The length of the header of IPv4 is looked up.
    MeasureIpv4,
    /// Goes there if the accumulator is the number.
    IfEqual(u32, Label),
    /// If it is less.
    IfLess(u32, Label),
    /// If it has one of these bits.
    IfAny(u32, Label),
    Go(Label),
}

/// Read outside a frame, a classic program ends with "not for this socket": lengths are checked first.
fn steps() -> Vec<Step> {
    use Label::{Control, Ipv4, Ipv4Tcp, Ipv4Udp, Ipv6, Ipv6Tcp, Ipv6Udp, NeighborDiscovery, Others, Slow};
    use Step::{
        Byte, Go, Half, HalfBehindIpv4, Here, IfAny, IfEqual, IfLess, Length, MeasureIpv4, WithoutIpv4,
    };
    let ether_type = |kind: EtherType, label| IfEqual(kind.0.into(), label);
    let any_of = |numbers: &[u16]| -> Vec<Step> {
        numbers.iter().map(|&number| IfEqual(number.into(), Control)).collect()
    };
    let protocols = IP_PROTOCOLS.map(u16::from);
    let mut steps = vec![Length, IfLess(38, Others), Half(12)];
    steps.extend([ether_type(EtherType::SLOW, Slow), ether_type(EtherType::ARP, Control)]);
    steps.extend([ether_type(EtherType::IPV4, Ipv4), ether_type(EtherType::IPV6, Ipv6), Go(Others)]);

    steps.extend([Here(Ipv4), Byte(23)]);
    steps.extend(any_of(&protocols));
    steps.extend([IfEqual(17, Ipv4Udp), IfEqual(6, Ipv4Tcp), Go(Others)]);
    // The first piece alone has the ports, and it goes where the others go.
    let ports = [Half(20), IfAny(0x3fff, Others), MeasureIpv4, Length, WithoutIpv4, IfLess(18, Others)];
    steps.push(Here(Ipv4Udp));
    steps.extend(ports);
    steps.push(HalfBehindIpv4(16));
    steps.extend(any_of(&UDP_PORTS));
    steps.extend([Go(Others), Here(Ipv4Tcp)]);
    steps.extend(ports);
    for at in [14, 16] {
        steps.push(HalfBehindIpv4(at));
        steps.extend(any_of(&TCP_PORTS));
    }
    steps.push(Go(Others));

    steps.extend([Here(Ipv6), Length, IfLess(58, Others), Byte(20)]);
    steps.extend(any_of(&protocols));
    steps.extend([IfEqual(17, Ipv6Udp), IfEqual(6, Ipv6Tcp), IfEqual(58, NeighborDiscovery), Go(Others)]);
    steps.extend([Here(Ipv6Udp), Half(56)]);
    steps.extend(any_of(&UDP_PORTS));
    steps.extend([Go(Others), Here(Ipv6Tcp)]);
    for at in [54, 56] {
        steps.push(Half(at));
        steps.extend(any_of(&TCP_PORTS));
    }
    // RFC 4861 4: router and neighbour solicitations and advertisements, redirects.
    steps.extend([Go(Others), Here(NeighborDiscovery), Byte(54)]);
    steps.extend(any_of(&[133, 134, 135, 136, 137]));
    steps.push(Go(Others));
    steps
}

/// Where the labels are when each step is so long, in instructions; and where the steps end, with the verdicts behind.
struct Places(Vec<(Label, usize)>);

impl Places {
    /// `verdicts` are labels with the length of what stands there.
    fn of(steps: &[Step], length: impl Fn(&Step) -> usize, verdicts: &[(Label, usize)]) -> Self {
        let (mut places, mut at) = (Vec::new(), 0);
        for step in steps {
            match step {
                Step::Here(label) => places.push((*label, at)),
                step => at += length(step),
            }
        }
        for (label, length) in verdicts {
            places.push((*label, at));
            at += length;
        }
        Places(places)
    }

    /// How many instructions are passed over to come there.
    fn far(&self, next: usize, label: Label) -> usize {
        let place = self.0.iter().find(|(known, _)| *known == label);
        place.expect("every label has a place").1 - next
    }
}

/// The filter of a socket that is to get its share alone.
pub(crate) fn classic(share: Share) -> Vec<sock_filter> {
    let keep = |kept: bool| if kept { u32::MAX } else { 0 };
    let verdicts = [
        (Label::Slow, 0),
        (Label::Control, keep(share == Share::Control)),
        (Label::Others, keep(share == Share::Others)),
    ];
    let steps = steps();
    let places = Places::of(&steps, |_| 1, &verdicts.map(|(label, _)| (label, 1)));
    let code = |class: u32, mode: u32, size: u32| (class | mode | size) as u16;
    let plain = |code, k| sock_filter { code, jt: 0, jf: 0, k };
    let load = |mode, size, k| plain(code(libc::BPF_LD, mode, size), k);
    let mut program: Vec<sock_filter> = Vec::new();
    for step in steps {
        let next = program.len() + 1;
        let jump = |test: u32, k, to: Label, is_other_way: bool| {
            let far = places.far(next, to) as u8;
            let (jt, jf) = if is_other_way { (0, far) } else { (far, 0) };
            sock_filter { code: code(libc::BPF_JMP, test, libc::BPF_K), jt, jf, k }
        };
        program.push(match step {
            Step::Here(_) => continue,
            Step::Half(at) => load(libc::BPF_ABS, libc::BPF_H, at),
            Step::Byte(at) => load(libc::BPF_ABS, libc::BPF_B, at),
            Step::HalfBehindIpv4(at) => load(libc::BPF_IND, libc::BPF_H, at),
            Step::Length => load(libc::BPF_LEN, libc::BPF_W, 0),
            Step::WithoutIpv4 => plain(code(libc::BPF_ALU, libc::BPF_SUB, libc::BPF_X), 0),
            Step::MeasureIpv4 => plain(code(libc::BPF_LDX, libc::BPF_MSH, libc::BPF_B), 14),
            Step::IfEqual(k, to) => jump(libc::BPF_JEQ, k, to, false),
            Step::IfLess(k, to) => jump(libc::BPF_JGE, k, to, true),
            Step::IfAny(k, to) => jump(libc::BPF_JSET, k, to, false),
            Step::Go(to) => plain(code(libc::BPF_JMP, libc::BPF_JA, 0), places.far(next, to) as u32),
        });
    }
    program.extend(verdicts.map(|(_, k)| plain(code(libc::BPF_RET, libc::BPF_K, 0), k)));
    program
}

/// What the kernel calls loads from a frame in eBPF (`BPF_LD | BPF_ABS` and `BPF_IND`), by size.
mod load {
    pub(super) const WORD: u8 = 0x20;
    pub(super) const HALF: u8 = 0x28;
    pub(super) const BYTE: u8 = 0x30;
    pub(super) const HALF_INDIRECT: u8 = 0x48;
}

/// The program of a TAP (`TUNSETSTEERINGEBPF` of linux/if_tun.h): control goes to the queue behind those of the workers, and what
/// belongs to one flow, in either direction, to one of theirs.
///
/// R0 is what was loaded and what is answered, R6 the frame, R7 the length of the header of IPv4, R8 the flow.
pub(crate) fn steering(workers: u32) -> Vec<Instruction> {
    let new = Instruction::new;
    // R0 = the queue; return R0.
    let control = [new(0xb7, 0x00, 0, workers as i32), new(0x95, 0, 0, 0)];
    let steps = steps();
    let length = |step: &Step| if matches!(step, Step::MeasureIpv4) { 4 } else { 1 };
    let verdicts = [(Label::Slow, 0), (Label::Control, control.len()), (Label::Others, 0)];
    let places = Places::of(&steps, length, &verdicts);
    let mut program: Vec<Instruction> = Vec::new();
    for step in steps {
        let next = program.len() + 1;
        let jump = |code, k: u32, to| new(code, 0, places.far(next, to) as i16, k as i32);
        match step {
            Step::Here(_) => {}
            Step::Half(at) => program.push(new(load::HALF, 0, 0, at as i32)),
            Step::Byte(at) => program.push(new(load::BYTE, 0, 0, at as i32)),
            Step::HalfBehindIpv4(at) => program.push(new(load::HALF_INDIRECT, 0x70, 0, at as i32)),
            // The first word of struct __sk_buff.
            Step::Length => program.push(new(0x61, 0x60, 0, 0)),
            Step::WithoutIpv4 => program.push(new(0x1f, 0x70, 0, 0)),
            // R7 = R0 = (octet 14 & 15) << 2.
            Step::MeasureIpv4 => program.extend([
                new(load::BYTE, 0, 0, 14),
                new(0x57, 0, 0, 15),
                new(0x67, 0, 0, 2),
                new(0xbf, 0x07, 0, 0),
            ]),
            Step::IfEqual(k, to) => program.push(jump(0x15, k, to)),
            Step::IfLess(k, to) => program.push(jump(0xa5, k, to)),
            Step::IfAny(k, to) => program.push(jump(0x45, k, to)),
            Step::Go(to) => program.push(jump(0x05, 0, to)),
        }
    }
    program.extend(control);
    program.extend(flow_queue(workers));
    // R6 = R1, where loads from the frame look for it.
    [new(0xbf, 0x16, 0, 0)].into_iter().chain(program).collect()
}

/// Answers with one of the first `workers` queues. A load behind the end of the frame ends the program, with the first.
fn flow_queue(workers: u32) -> Vec<Instruction> {
    let new = Instruction::new;
    // R8 ^= what is there.
    let mix = |size: u8, at: i32| [new(size, 0, 0, at), new(0xaf, 0x08, 0, 0)];
    // Of TCP and UDP alone: ICMP has its checksum there.
    let ports = |protocol: i32, at: i32| {
        let mixes: Vec<Instruction> = [at, at + 2].into_iter().flat_map(|at| mix(load::HALF, at)).collect();
        let is_udp = [new(load::BYTE, 0, 0, protocol), new(0x15, 0, 1, 17)];
        is_udp.into_iter().chain([new(0x55, 0, mixes.len() as i16, 6)]).chain(mixes).collect::<Vec<_>>()
    };
    let addresses = |from: i32, to: i32| [from, to].into_iter().flat_map(move |at| mix(load::WORD, at));
    let mut ipv4: Vec<Instruction> = addresses(26, 30).collect();
    let its_ports = ports(23, 34);
    // All pieces of a packet go the same way.
    ipv4.extend([new(load::HALF, 0, 0, 20), new(0x45, 0, its_ports.len() as i16, 0x3fff)]);
    ipv4.extend(its_ports);
    let ipv6: Vec<Instruction> = addresses(34, 50).chain(ports(20, 54)).collect();
    let passing = |program: &[Instruction], more: usize| (program.len() + more) as i16;

    let mut program = vec![new(0xb7, 0x08, 0, 0)];
    program.extend(addresses(2, 8));
    program.extend([new(load::HALF, 0, 0, 12), new(0x55, 0, passing(&ipv4, 1), 0x0800)]);
    program.extend(ipv4);
    program.extend([new(0x05, 0, passing(&ipv6, 1), 0), new(0x55, 0, passing(&ipv6, 0), 0x86dd)]);
    program.extend(ipv6);
    // R0 = R8 times an odd number, its upper half, modulo the workers: 32 bits each.
    program.extend([new(0xbf, 0x80, 0, 0), new(0x24, 0, 0, 0x9e37_79b1_u32 as i32)]);
    program.extend([new(0x74, 0, 0, 16), new(0x94, 0, 0, workers as i32), new(0x95, 0, 0, 0)]);
    program
}

/// The program in front of AF_XDP sockets: control goes on to the network stack, where a packet socket waits for it. `others` says what
/// becomes of the rest, and finds the context of the program in R1.
///
/// R0 is what was loaded and what is answered, R2 and R3 are begin and end of the frame, R7 is the length of the header of IPv4. A frame with a
/// tag is one of the others, whatever is in it.
pub(crate) fn in_front_of_sockets(others: &[Instruction]) -> Vec<Instruction> {
    const PASS: i32 = 2;
    let new = Instruction::new;
    let steps = steps();
    let length = |step: &Step| match step {
        // Every load checks for itself that it is within the frame.
        Step::Here(_) | Step::Length | Step::WithoutIpv4 | Step::IfLess(..) => 0,
        Step::IfEqual(..) | Step::IfAny(..) | Step::Go(_) => 1,
        Step::Byte(_) => 4,
        Step::Half(_) => 5,
        Step::HalfBehindIpv4(_) | Step::MeasureIpv4 => 7,
    };
    let pass = [new(0xb7, 0x00, 0, PASS), new(0x95, 0, 0, 0)];
    let verdicts = [(Label::Slow, 0), (Label::Control, pass.len()), (Label::Others, 0)];
    let places = Places::of(&steps, length, &verdicts);
    let mut program: Vec<Instruction> = Vec::new();
    for step in steps {
        let next = program.len() + 1;
        let jump = |code, k: u32, to| new(code, 0, places.far(next, to) as i16, k as i32);
        // R4 = R2 or R5, and what is to be read; if that ends behind R3, the frame is one of the others.
        let reach = |base: u8, end: u32, ahead: usize| {
            let out = places.far(next + ahead + 2, Label::Others) as i16;
            [new(0xbf, base << 4 | 4, 0, 0), new(0x07, 0x04, 0, end as i32), new(0x2d, 0x34, out, 0)]
        };
        let half = |base: u8, at: u32| [new(0x69, base << 4, at as i16, 0), new(0xdc, 0x00, 0, 16)];
        let byte = |at: u32| reach(2, at + 1, 0).into_iter().chain([new(0x71, 0x20, at as i16, 0)]);
        match step {
            Step::Here(_) | Step::Length | Step::WithoutIpv4 | Step::IfLess(..) => {}
            Step::Byte(at) => program.extend(byte(at)),
            Step::Half(at) => program.extend(reach(2, at + 2, 0).into_iter().chain(half(2, at))),
            // R5 = R2 + R7.
            Step::HalfBehindIpv4(at) => {
                program.extend([new(0xbf, 0x25, 0, 0), new(0x0f, 0x75, 0, 0)]);
                program.extend(reach(5, at + 2, 2).into_iter().chain(half(5, at)));
            }
            Step::MeasureIpv4 => {
                program.extend(byte(14));
                program.extend([new(0x57, 0, 0, 15), new(0x67, 0, 0, 2), new(0xbf, 0x07, 0, 0)]);
            }
            Step::IfEqual(k, to) => program.push(jump(0x15, k, to)),
            Step::IfAny(k, to) => program.push(jump(0x45, k, to)),
            Step::Go(to) => program.push(jump(0x05, 0, to)),
        }
    }
    program.extend(pass);
    // R2 and R3 = data and data_end of struct xdp_md.
    let prologue = [new(0x61, 0x12, 0, 0), new(0x61, 0x13, 4, 0)];
    prologue.into_iter().chain(program).chain(others.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_wire::control::keeps_session;
    use proptest::prelude::*;

    /// What a classic program makes of a frame: a machine of its own, for the forms that occur here.
    fn runs(program: &[sock_filter], frame: &[u8]) -> u32 {
        let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
        let half = |at: u32| -> Option<u32> {
            let bytes = frame.get(at as usize..at as usize + 2)?;
            Some(u16::from_be_bytes([bytes[0], bytes[1]]).into())
        };
        loop {
            let sock_filter { code, jt, jf, k } = program[at];
            at += 1;
            let jump = |is_so: bool| usize::from(if is_so { jt } else { jf });
            match u32::from(code) {
                0x28 => a = half(k).expect("lengths are checked first"),
                0x48 => a = half(x + k).expect("lengths are checked first"),
                0x30 => a = frame[k as usize].into(),
                0x80 => a = frame.len() as u32,
                0xb1 => x = u32::from(frame[k as usize] & 0xf) * 4,
                0x1c => a = a.wrapping_sub(x),
                0x15 => at += jump(a == k),
                0x35 => at += jump(a >= k),
                0x45 => at += jump(a & k != 0),
                0x05 => at += k as usize,
                0x06 => return k,
                other => panic!("no instruction of ours: {other:#x}"),
            }
        }
    }

    fn is_control(frame: &[u8]) -> bool {
        let [control, others] =
            [Share::Control, Share::Others].map(|share| runs(&classic(share), frame) != 0);
        assert!(!(control && others), "nobody gets it twice");
        control
    }

    fn ip(ether_type: EtherType, protocol: u8, ports: [u16; 2], header_words: u8) -> Vec<u8> {
        let mut frame = vec![2; 12];
        frame.extend(ether_type.0.to_be_bytes());
        let mut header = match ether_type {
            EtherType::IPV4 => vec![0; usize::from(header_words) * 4],
            _ => vec![0; 40],
        };
        match ether_type {
            EtherType::IPV4 => (header[0], header[9]) = (0x40 | header_words, protocol),
            _ => (header[0], header[6]) = (0x60, protocol),
        }
        frame.extend(header);
        frame.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
        frame.extend([0; 16]);
        frame
    }

    #[test]
    fn every_protocol_goes_where_it_belongs() {
        let of_kind = |kind: EtherType| ip(kind, 0, [0, 0], 5);
        assert!(is_control(&of_kind(EtherType::ARP)));
        let slow = of_kind(EtherType::SLOW);
        assert!([Share::Control, Share::Others].iter().all(|share| runs(&classic(*share), &slow) == 0));
        assert!(!is_control(&of_kind(EtherType::LOCAL_EXPERIMENT)));
        for (discovery, expected) in [(132, false), (133, true), (137, true), (138, false)] {
            let frame = ip(EtherType::IPV6, 58, [discovery << 8, 0], 5);
            assert_eq!(is_control(&frame), expected, "ICMPv6 {discovery}");
        }
    }

    proptest! {
        /// The kernel's answer is that of the workers, who have another way to find it.
        #[test]
        fn sessions_are_those_of_the_workers(
            is_ipv4: bool,
            protocol in prop_oneof![Just(6_u8), Just(17), Just(89), Just(253), any::<u8>()],
            from in prop_oneof![Just(179_u16), Just(8888), Just(3784), any::<u16>()],
            to in prop_oneof![Just(179_u16), Just(8888), Just(3784), Just(4784), any::<u16>()],
            header_words in 5_u8..=15,
        ) {
            // Extension headers are not walked here, and neighbour discovery is no session.
            prop_assume!(is_ipv4 || ![0, 43, 44, 51, 58, 60, 135, 139, 140].contains(&protocol));
            let ether_type = if is_ipv4 { EtherType::IPV4 } else { EtherType::IPV6 };
            let frame = ip(ether_type, protocol, [from, to], header_words);
            prop_assert_eq!(is_control(&frame), keeps_session(ether_type, &frame[14..]));
        }

        /// A frame of whatever length and content is somebody's, but for slow protocols.
        #[test]
        fn nothing_is_read_outside_a_frame_and_nothing_is_nobodys(
            kind in prop_oneof![Just(0x0800_u16), Just(0x86dd), Just(0x0806), any::<u16>()],
            mut frame in prop::collection::vec(any::<u8>(), 14..90),
        ) {
            prop_assume!(kind != EtherType::SLOW.0);
            frame[12..14].copy_from_slice(&kind.to_be_bytes());
            let taken = [Share::Control, Share::Others].map(|share| runs(&classic(share), &frame) != 0);
            prop_assert_ne!(taken[0], taken[1]);
        }
    }
}
