//! Ports: their state, what passed them, what they dropped and why.

use super::Metrics;
use crate::Switch;
use crate::config::Attachment;
use greylag_base::{DropReason, PortId};
use greylag_dataplane::PortCounts;

/// What is counted of a port, each under a name of its own.
type Count = (&'static str, &'static str, fn(&PortCounts) -> u64);

const COUNTS: [Count; 8] = [
    ("greylag_port_receive_frames_total", "Frames received.", |counts| counts.rx_frames),
    ("greylag_port_receive_bytes_total", "Bytes received, without frame check sequences.", |counts| {
        counts.rx_bytes
    }),
    ("greylag_port_transmit_frames_total", "Frames sent.", |counts| counts.tx_frames),
    ("greylag_port_transmit_bytes_total", "Bytes sent, without frame check sequences.", |counts| {
        counts.tx_bytes
    }),
    ("greylag_port_receive_flooded_frames_total", "Received frames that were flooded.", |counts| {
        counts.flooded
    }),
    (
        "greylag_port_receive_punted_frames_total",
        "Received frames that were for the switch itself.",
        |counts| counts.punted,
    ),
    ("greylag_port_receive_errors_total", "Receptions that failed.", |counts| counts.rx_errors),
    (
        "greylag_port_receive_missed_frames_total",
        "Frames that the kernel dropped before they were received.",
        |counts| counts.rx_missed,
    ),
];

/// On which way through the port a frame is dropped for a reason.
fn direction(reason: DropReason) -> &'static str {
    match reason {
        DropReason::NotInFloodGroup
        | DropReason::EgressDown
        | DropReason::EgressMtu
        | DropReason::EgressQueueFull
        | DropReason::EgressError
        | DropReason::EgressUnfinished
        | DropReason::EgressImpaired => "transmit",
        _ => "receive",
    }
}

impl Switch {
    /// What passed a bundle is counted at its ports, so that sums over all ports are right.
    pub(super) fn measure_ports(&self, metrics: &mut Metrics) {
        let ports: Vec<(String, PortCounts)> = self
            .ports()
            .iter()
            .enumerate()
            .map(|(index, port)| {
                (port.config().name.to_string(), self.data_plane().port_counts(PortId(index as u16)))
            })
            .collect();
        let info = metrics.gauge(
            "greylag_port_info",
            "A port: what it is (device, tap, lag), and the bundle that it is a part of.",
            &["port", "type", "lag"],
        );
        for port in self.ports() {
            let config = port.config();
            let kind = match config.attachment {
                Attachment::Device => "device",
                Attachment::Tap { .. } => "tap",
                Attachment::Lag(_) => "lag",
            };
            let lag =
                config.membership.aggregate().map_or_else(String::new, |member| self.port_name(member.lag));
            info.put(&[config.name.as_str(), kind, &lag], 1);
        }
        let enabled = metrics.gauge("greylag_port_enabled", "1 if the port is enabled.", &["port"]);
        for port in self.ports() {
            enabled.put(&[port.config().name.as_str()], port.config().enabled.into());
        }
        let up = metrics.gauge("greylag_port_up", "1 if frames may pass the port.", &["port"]);
        for port in self.ports() {
            up.put(&[port.config().name.as_str()], port.is_up().into());
        }
        for (name, help, count) in COUNTS {
            let family = metrics.counter(name, help, &["port"]);
            ports.iter().for_each(|(port, counts)| family.put(&[port], count(counts)));
        }
        let drops = metrics.counter(
            "greylag_port_drops_total",
            "Frames dropped, by the reasons that occurred: received ones, or ones that the port should have sent.",
            &["port", "direction", "reason"],
        );
        for (port, counts) in &ports {
            for reason in DropReason::ALL {
                let frames = counts.drops[reason.index()];
                if frames > 0 {
                    drops.put(&[port, direction(*reason), reason.name()], frames);
                }
            }
        }
        let own = metrics.counter(
            "greylag_own_drops_total",
            "Frames of the switch itself that were dropped before they had a port, by the reasons that occurred.",
            &["reason"],
        );
        let counted = self.data_plane().own_drops();
        for reason in DropReason::ALL.iter().filter(|reason| counted[reason.index()] > 0) {
            own.put(&[reason.name()], counted[reason.index()]);
        }
    }
}
