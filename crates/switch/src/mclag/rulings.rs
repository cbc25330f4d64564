//! What is asked of the policy, and what follows from its answer.

use super::{
    BackupLiveness, Circumstances, ControlSession, MclagEvent, Members, RuledIsolation, Ruling, SystemId,
    rule,
};
use crate::Switch;
use crate::agent::AgentKind;
use crate::alarm::AlarmKind;
use crate::config::SwitchConfig;
use crate::lacp::lacp_system;
use greylag_base::{Instant, MacAddr};
use greylag_lacp::{Admission, LacpConfig};

/// Of a switch that is no part of a pair.
pub(super) const UNRULED: Ruling = Ruling {
    system_id: SystemId::Shared,
    members: Members::Up,
    isolation: RuledIsolation::Kept,
    synchronised_macs: None,
};

/// What LACP is told to be by a configuration and a ruling.
pub(crate) fn ruled_system(config: &SwitchConfig, chassis: MacAddr, ruling: &Ruling) -> LacpConfig {
    let mut system = lacp_system(config, chassis);
    if config.multi_chassis.is_none() {
        return system;
    }
    let legs = config.lags().map(|(_, lag)| lag.mc_ae_id.is_some());
    for (bundle, _) in system.bundles.iter_mut().zip(legs).filter(|(_, is_leg)| *is_leg) {
        if ruling.system_id == SystemId::Own {
            bundle.system_id_mac = Some(chassis);
        }
        bundle.admission = match ruling.members {
            Members::Up => Admission::Open,
            Members::Standby => Admission::Standby,
            Members::Suspended => Admission::Suspended,
        };
    }
    system
}

/// A ruling as partners are to see it. Who suspends its links says so under the name that it had: a partner that heard another in the
/// same breath would have two systems to choose from, and might choose the one that is silent from then on.
fn shown(ruling: Ruling, before: &Ruling) -> Ruling {
    match ruling.members {
        Members::Suspended => Ruling { system_id: before.system_id, ..ruling },
        Members::Up | Members::Standby => ruling,
    }
}

/// Can LACP be what a configuration asks for, whatever is ruled?
pub(crate) fn check_lacp(config: &SwitchConfig, chassis: MacAddr) -> Result<(), greylag_lacp::ConfigError> {
    for system_id in [SystemId::Shared, SystemId::Own] {
        ruled_system(config, chassis, &Ruling { system_id, ..UNRULED }).check()?;
    }
    Ok(())
}

impl Switch {
    /// What LACP is told to be now.
    pub(crate) fn lacp_config(&self) -> LacpConfig {
        ruled_system(self.config(), self.chassis, &self.pair.mclag.ruling)
    }

    /// The switch starts: what holds before an agent has ruled anything.
    pub(crate) fn rule_at_boot(&mut self, now: Instant) {
        if self.pair_config().is_some_and(|pair| pair.backup_liveness.is_some()) {
            self.pair.mclag.backup_liveness = BackupLiveness::Unknown;
        }
        if let Some(at) = self.circumstances(now)
            && let Some(config) = &self.config().multi_chassis
        {
            self.pair.mclag.ruling = shown(rule(&config.behaviour, &at), &at.before);
            self.pair.mclag.init_delay_over = at.init_delay_over;
        }
    }

    fn circumstances(&self, now: Instant) -> Option<Circumstances> {
        let config = self.config().multi_chassis.as_ref()?;
        let mclag = &self.pair.mclag;
        let is_up = mclag.control_session == ControlSession::Up;
        Some(Circumstances {
            role: config.status_control,
            control_session: mclag.control_session,
            inter_chassis_link: self.ports[config.inter_chassis_link.index()].is_up(),
            // With a session there is no need to ask.
            backup_liveness: if is_up { BackupLiveness::Unknown } else { mclag.backup_liveness },
            init_delay_over: mclag.started + config.init_delay <= now,
            hold_time_over: mclag.started + config.iccp.session_establishment_hold_time <= now,
            healthy: !mclag.withdrawn,
            before: mclag.ruling,
        })
    }

    /// When time alone makes a difference to the policy.
    pub(super) fn next_of_rulings(&self, now_ruled: Instant) -> Option<Instant> {
        let config = self.config().multi_chassis.as_ref()?;
        let delays = [config.init_delay, config.iccp.session_establishment_hold_time];
        let ends = delays.into_iter().map(|delay| self.pair.mclag.started + delay);
        ends.filter(|end| *end > now_ruled).min()
    }

    /// Asks the policy anew, and does what it says. An agent that does nothing decides nothing; one that has taken over waits for the
    /// session, or for its time to be over.
    pub(crate) fn settle_mclag(&mut self, now: Instant) {
        if !self.works(AgentKind::Iccp) {
            return;
        }
        if std::mem::take(&mut self.pair.mclag.is_stirred) {
            self.settle_legs(now);
            self.settle_detours(now);
        }
        self.settle_withdrawal(now);
        let Some(at) = self.circumstances(now) else { return };
        let Some(behaviour) = self.config().multi_chassis.as_ref().map(|config| config.behaviour) else {
            return;
        };
        if let Some(agent) = &mut self.pair.iccp {
            agent.ruled = now;
        }
        if at.init_delay_over && !std::mem::replace(&mut self.pair.mclag.init_delay_over, true) {
            self.tell_mclag(now, MclagEvent::MclagInitDelayOver);
        }
        let before = self.pair.mclag.ruling;
        let ruling = if self.waits_for_session(now) { before } else { shown(rule(&behaviour, &at), &before) };
        self.pair.mclag.ruling = ruling;
        if before != ruling {
            self.tell_ruling(now, &before);
            self.reconfigure_lacp(now);
            self.settle_isolation(now);
        }
        let ends = before.synchronised_macs.is_none() || !self.pair.mclag.peer_macs.is_empty();
        if let Some(how) = ruling.synchronised_macs.filter(|_| ends) {
            self.release_macs(now, how);
        }
        self.settle_alarms(now, &at);
    }

    fn tell_ruling(&mut self, now: Instant, before: &Ruling) {
        let ruling = self.pair.mclag.ruling;
        let system = self.lacp_config();
        for (port, _) in self.legs() {
            let lag = self.port_name(port);
            let bundle = system.bundles.iter().find(|bundle| bundle.id.0 == port.0);
            if let Some(bundle) = bundle.filter(|_| before.system_id != ruling.system_id) {
                let (system_id, shared) =
                    (system.system_of(bundle).mac, ruling.system_id == SystemId::Shared);
                let lag = lag.clone();
                self.tell_mclag(now, MclagEvent::MclagSystemIdChanged { lag, system_id, shared });
            }
            if before.members != ruling.members {
                self.tell_mclag(now, MclagEvent::MclagMembersChanged { lag, to: ruling.members });
            }
        }
    }

    fn settle_alarms(&mut self, now: Instant, at: &Circumstances) {
        let is_down = match at.control_session {
            ControlSession::Up => false,
            ControlSession::Down => true,
            ControlSession::Never => at.hold_time_over,
        };
        let is_split = is_down && at.backup_liveness == BackupLiveness::Alive;
        for (kind, is_wrong) in [
            (AlarmKind::IccpDown, is_down),
            (AlarmKind::MclagSplitBrain, is_split),
            (AlarmKind::MclagWithdrawn, self.pair.mclag.withdrawn),
        ] {
            match is_wrong {
                true => self.alarm_if(now, true, kind),
                false => self.clear_alarm(now, kind),
            }
        }
    }
}
