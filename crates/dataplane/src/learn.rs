//! Learning, mode `inline`: the worker writes where it saw each source into the table itself.

use crate::damping::{Damper, Ruling};
use crate::ingress::Header;
use crate::plane::Reporter;
use crate::{Forwarding, WorkerEvent};
use greylag_base::{DropReason, Instant, MacAddr, PortId, VlanId};
use greylag_mactable::{Learn, Probe, Session};

/// What learning needs besides the frame.
pub(crate) struct Learner<'a> {
    pub(crate) now: Instant,
    pub(crate) ingress: PortId,
    pub(crate) forwarding: &'a Forwarding,
    pub(crate) session: &'a Session<'a>,
    pub(crate) reporter: &'a Reporter<'a>,
}

impl Learner<'_> {
    /// Notes that the source of a frame is behind the ingress port; an error when the frame may not pass.
    pub(crate) fn learn(
        &self,
        header: &Header,
        source: &Probe,
        damper: &mut Damper,
    ) -> Result<(), DropReason> {
        let Header { vlan, source: mac, .. } = *header;
        let damping = self.forwarding.damping();
        let mut ruling = Ruling::Allowed;
        let counters = &self.reporter.counters.learn;
        let allow = |_| {
            if let Some(rule) = damping {
                ruling = damper.rule(rule, vlan, mac, self.now);
            }
            ruling == Ruling::Allowed
        };
        let outcome = self.session.learn_reporting(source, self.ingress.0, allow, |evicted| {
            let Some(vlan) = VlanId::new(evicted.vlan) else { return };
            counters.evicted.add(1);
            let (mac, port) = (MacAddr(evicted.mac), PortId(evicted.port));
            self.reporter.report(WorkerEvent::Evicted { vlan, mac, port });
        });
        match outcome {
            Learn::Current => {}
            Learn::Refreshed => counters.refreshed.add(1),
            Learn::New => {
                counters.learned.add(1);
                self.reporter.report(WorkerEvent::Learned { vlan, mac, port: self.ingress });
            }
            Learn::Moved { from } => {
                counters.moved.add(1);
                self.reporter.report(WorkerEvent::Moved { vlan, mac, from: PortId(from), to: self.ingress });
            }
            Learn::MoveRefused { from } => {
                counters.damped.add(1);
                if ruling == Ruling::HoldBegins {
                    let (held, seen) = (PortId(from), self.ingress);
                    self.reporter.report(WorkerEvent::Damped { vlan, mac, held, seen });
                }
                if damping.is_some_and(|rule| rule.drop) {
                    return Err(DropReason::MoveDamped);
                }
            }
            // The entry stays; the frame passes, as a static entry says nothing of who may send (802.1Q-2022 8.8.1).
            Learn::Static { port } if port != self.ingress.0 => counters.static_kept.add(1),
            Learn::Static { .. } => {}
            Learn::Declined(decline) => counters.declined[decline.index()].add(1),
        }
        Ok(())
    }
}
