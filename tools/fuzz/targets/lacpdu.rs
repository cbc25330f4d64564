//! Any octets to 01-80-C2-00-00-02, at any time: a system with three ports in two bundles takes them in without harm.
//!
//! The input is a list of steps: a port, how long nothing happens, and a frame whose length comes first. What is sent
//! in return must be sound LACPDUs and markers, and asking for the time must not stand still.

#![no_main]

use greylag_base::{Instant, MacAddr, Mbps, PortId, Seed};
use greylag_lacp::{BundleConfig, BundleId, Lacp, LacpConfig, MemberConfig, Preset};
use greylag_wire::{lacp, marker, slow};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

/// More steps of the clock than one pause has timers for.
const STEPS: usize = 1_000;

fn system(preset: &Preset) -> Lacp {
    let member = |port| MemberConfig { port: PortId(port), mac: MacAddr([2, 0, 0, 0, 1, port as u8]), port_priority: 1 };
    let bundle = |id, ports: &[u16]| {
        let mut bundle = BundleConfig::new(BundleId(id), preset);
        bundle.members = ports.iter().copied().map(member).collect();
        bundle
    };
    let config = LacpConfig {
        system_id_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        system_priority: 1,
        port_number_offset: 0,
        bundles: vec![bundle(0, &[0, 1]), bundle(1, &[2])],
    };
    let mut lacp = Lacp::new(config, Seed(1), Instant::ZERO).expect("it is sound");
    (0..3).for_each(|port| lacp.set_link(Instant::ZERO, PortId(port), Some(Mbps(10_000))));
    lacp
}

/// Lets time pass up to `until`, and looks at what is sent.
fn live(lacp: &mut Lacp, now: &mut Instant, until: Instant) {
    let mut steps = 0;
    loop {
        while let Some((_, frame)) = lacp.poll_transmit(*now) {
            let frame = slow::Frame::new_checked(&frame).expect("a slow protocol");
            match frame.subtype() {
                slow::Subtype::Lacp => assert!(lacp::Repr::parse(frame.payload()).is_some()),
                slow::Subtype::Marker => assert!(marker::Repr::parse(frame.payload()).is_some()),
                slow::Subtype::Other(_) => panic!("nothing else is ours"),
            }
        }
        while lacp.poll_event().is_some() {}
        let Some(due) = lacp.poll_timeout().filter(|due| *due <= until) else { break };
        *now = due.max(*now);
        lacp.handle_timeout(*now);
        steps += 1;
        assert!(steps < STEPS, "time stands still at {now:?}");
    }
    *now = until;
}

fuzz_target!(|input: &[u8]| {
    let Some((&preset, mut rest)) = input.split_first() else { return };
    let mut lacp = system(&Preset::ALL[usize::from(preset) % Preset::ALL.len()]);
    let mut now = Instant::ZERO;
    while let [port, pause, len, after @ ..] = rest {
        let (frame, left) = after.split_at(usize::from(*len).min(after.len()));
        rest = left;
        let until = now + Duration::from_millis(u64::from(*pause) * 100);
        live(&mut lacp, &mut now, until);
        let payload = slow::Repr { source: MacAddr([2, 0, 0, 0, 2, 1]) }.frame(frame);
        lacp.handle_frame(now, PortId(u16::from(*port % 3)), &payload);
        lacp.snapshot();
    }
    let until = now + Duration::from_secs(10);
    live(&mut lacp, &mut now, until);
});
