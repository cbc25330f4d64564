//! Learning: what becomes of the source of a frame that the table does not settle at once.
//!
//! Where workers install, the worker writes where it saw each source into the table itself. Where the learning agent does, it
//! reports what is new or elsewhere and lets the frame pass: what the agent makes of it, and whether an address moves too
//! often, is the agent's to decide, and moves are not damped here.

use crate::damping::{Damper, Ruling};
use crate::ingress::Header;
use crate::plane::Reporter;
use crate::waiting::Waiting;
use crate::{Forwarding, Keeper, WorkerEvent};
use greylag_base::{DropReason, Instant, MacAddr, PortId, VlanId};
use greylag_mactable::{Learn, Probe, Session, Sighting};

/// What learning needs besides the frame.
pub(crate) struct Learner<'a> {
    pub(crate) now: Instant,
    pub(crate) ingress: PortId,
    pub(crate) forwarding: &'a Forwarding,
    pub(crate) session: &'a Session<'a>,
    pub(crate) reporter: &'a Reporter<'a>,
    pub(crate) waiting: &'a Waiting,
}

impl Learner<'_> {
    /// Sees to it that the source of a frame is known to be behind the ingress port; an error when the frame may not pass.
    pub(crate) fn learn(
        &self,
        header: &Header,
        source: &Probe,
        damper: &mut Damper,
    ) -> Result<(), DropReason> {
        match self.forwarding.learning().install {
            Keeper::Worker => self.install(header, source, damper),
            Keeper::Agent => {
                self.sight(header, source);
                Ok(())
            }
        }
    }

    fn install(&self, header: &Header, source: &Probe, damper: &mut Damper) -> Result<(), DropReason> {
        let Header { vlan, source: mac, .. } = *header;
        let damping = self.forwarding.damping();
        let mut ruling = Ruling::Allowed;
        let counters = &self.reporter.counters.learn;
        let mut is_by_other_leg = false;
        let allow = |from| {
            is_by_other_leg = self.forwarding.is_by_other_leg(PortId(from), self.ingress);
            if is_by_other_leg {
                return false;
            }
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
            Learn::Hit => counters.hits.add(1),
            Learn::New => {
                counters.learned.add(1);
                self.reporter.report(WorkerEvent::Learned { vlan, mac, port: self.ingress });
            }
            Learn::Moved { from } => {
                counters.moved.add(1);
                self.reporter.report(WorkerEvent::Moved { vlan, mac, from: PortId(from), to: self.ingress });
            }
            Learn::MoveRefused { .. } if is_by_other_leg => {}
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
            Learn::Declined(decline) => self.reporter.decline(decline),
        }
        Ok(())
    }

    fn sight(&self, header: &Header, source: &Probe) {
        let Header { vlan, source: mac, .. } = *header;
        let counters = &self.reporter.counters.learn;
        let report = match self.session.sight(source, self.ingress.0) {
            Sighting::Unknown => WorkerEvent::Seen { vlan, mac, port: self.ingress },
            Sighting::Elsewhere { is_static: true, .. } => return counters.static_kept.add(1),
            Sighting::Elsewhere { port, .. }
                if self.forwarding.is_by_other_leg(PortId(port), self.ingress) =>
            {
                // It may have been reported while nobody knew it.
                return self.waiting.answer(vlan, mac, self.ingress);
            }
            Sighting::Elsewhere { port, .. } => {
                WorkerEvent::SeenElsewhere { vlan, mac, known: PortId(port), seen: self.ingress }
            }
            known => {
                match known {
                    Sighting::Refreshed => counters.refreshed.add(1),
                    Sighting::Hit => counters.hits.add(1),
                    _ => {}
                }
                return self.waiting.answer(vlan, mac, self.ingress);
            }
        };
        let interval = self.forwarding.learning().report_interval;
        if self.waiting.is_due(&report, interval, self.now) {
            counters.reported.add(1);
            self.reporter.report(report);
        }
    }
}
