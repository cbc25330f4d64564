//! Any octets from the peer of an ICCP session, at any time: one end of it takes them in without harm.
//!
//! The input is a list of steps: what is done, how long nothing happens, and octets whose length comes first. What is sent in return must be
//! sound messages, and asking for the time must not stand still. The session is there from the beginning, so that the octets reach everything.

#![no_main]

use greylag_base::{Instant, MacAddr, VlanId};
use greylag_iccp::{Action, Iccp, IccpConfig, IccpEvent, MacPlace, Role, SystemConfig};
use greylag_wire::iccp::{MessageType, Message, Parameter, Repr};
use greylag_wire::lacp::SystemId;
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

/// More steps of the clock than one pause has timers for.
const STEPS: usize = 1_000;

fn chassis() -> Iccp {
    let system = SystemId { priority: 1, mac: MacAddr([2, 0, 0, 0, 0, 1]) };
    let config = IccpConfig::new(1, Role::Passive, SystemConfig { system, node_id: 0 });
    Iccp::new(config, Instant::ZERO).expect("it is sound")
}

fn message(kind: MessageType, parameters: Vec<Parameter>) -> Vec<u8> {
    let redundancy_group = (kind != MessageType::Initialization).then_some(1);
    Repr { kind, ignorable: false, id: 1, redundancy_group, parameters }.emit()
}

/// The peer connects, and is what a peer has to be.
fn meet(iccp: &mut Iccp, now: Instant) {
    iccp.handle_connected(now);
    let capability = Parameter::Capability { advertised: true, version: (1, 0) };
    iccp.handle_bytes(now, &message(MessageType::Initialization, vec![capability]));
    iccp.handle_bytes(now, &message(MessageType::RgConnect, vec![]));
    let connect = Parameter::MlacpConnect { version: 1, accepted: true };
    iccp.handle_bytes(now, &message(MessageType::RgApplicationData, vec![connect]));
    assert!(iccp.is_up());
}

/// Lets time pass up to `until`, and looks at what is sent.
fn live(iccp: &mut Iccp, now: &mut Instant, until: Instant, up: &mut bool) {
    let mut steps = 0;
    loop {
        while let Some(action) = iccp.poll_action(*now) {
            let Action::Send(octets) = action else { continue };
            assert_eq!(Message::length(&octets), Some(octets.len()));
            Repr::parse(&octets).expect("what is sent makes sense");
        }
        while let Some(event) = iccp.poll_event() {
            match event {
                IccpEvent::SessionUp => assert!(!std::mem::replace(up, true)),
                IccpEvent::SessionDown { .. } => assert!(std::mem::replace(up, false)),
                _ => assert!(*up || matches!(event, IccpEvent::Conflict(_) | IccpEvent::ConflictOver(_))),
            }
        }
        let Some(due) = iccp.poll_timeout().filter(|due| *due <= until) else { break };
        *now = due.max(*now);
        iccp.handle_timeout(*now);
        steps += 1;
        assert!(steps < STEPS, "time stands still at {now:?}");
    }
    *now = until;
}

fuzz_target!(|input: &[u8]| {
    let (mut iccp, mut now, mut up, mut rest) = (chassis(), Instant::ZERO, false, input);
    meet(&mut iccp, now);
    while let [what, pause, len, after @ ..] = rest {
        let (octets, left) = after.split_at(usize::from(*len).min(after.len()));
        rest = left;
        let until = now + Duration::from_millis(u64::from(*pause) * 100);
        live(&mut iccp, &mut now, until, &mut up);
        match what % 8 {
            0 => meet(&mut iccp, now),
            1 => iccp.handle_closed(now),
            2 => iccp.set_room(pause % 2 == 0),
            3 => {
                let place = (pause % 2 == 0).then_some(MacPlace::Aggregator(1));
                iccp.set_mac(now, VlanId::DEFAULT, MacAddr([2, 0, 0, 0, 0, *len]), place);
            }
            // As one message of application data.
            4 | 5 => {
                let mut whole = message(MessageType::RgApplicationData, vec![]);
                whole.extend_from_slice(octets);
                let length = (whole.len() - 4) as u16;
                whole[2..4].copy_from_slice(&length.to_be_bytes());
                iccp.handle_bytes(now, &whole);
            }
            _ => iccp.handle_bytes(now, octets),
        }
        iccp.snapshot();
    }
    let until = now + Duration::from_secs(20);
    live(&mut iccp, &mut now, until, &mut up);
});
