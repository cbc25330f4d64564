//! Bundles, as the data plane uses them and as LACP has them, and the pair of chassis.

use super::Metrics;
use crate::Switch;
use crate::mclag::{BackupLiveness, ControlSession, Members};
use crate::show::LegState;
use greylag_base::Instant;
use greylag_iccp::{ApplicationState, SessionState};
use greylag_lacp::{Selected, mux, receive};

const MUX: [mux::State; 6] = [
    mux::State::Detached,
    mux::State::Waiting,
    mux::State::Attached,
    mux::State::Collecting,
    mux::State::Distributing,
    mux::State::CollectingDistributing,
];

const RECEIVE: [receive::State; 6] = [
    receive::State::Initialize,
    receive::State::PortDisabled,
    receive::State::Expired,
    receive::State::LacpDisabled,
    receive::State::Defaulted,
    receive::State::Current,
];

const SELECTED: [Selected; 3] = [Selected::Selected, Selected::Standby, Selected::Unselected];

const CONTROL_SESSION: [ControlSession; 3] =
    [ControlSession::Up, ControlSession::Down, ControlSession::Never];

const LIVENESS: [BackupLiveness; 4] =
    [BackupLiveness::Unconfigured, BackupLiveness::Unknown, BackupLiveness::Alive, BackupLiveness::Dead];

const MEMBERS: [Members; 3] = [Members::Up, Members::Standby, Members::Suspended];

const LEG: [LegState; 3] = [LegState::Up, LegState::Held, LegState::Down];

const SESSION: [SessionState; 6] = [
    SessionState::Nonexistent,
    SessionState::Initialized,
    SessionState::CapSent,
    SessionState::CapRec,
    SessionState::Connecting,
    SessionState::Operational,
];

const APPLICATION: [ApplicationState; 5] = [
    ApplicationState::Nonexistent,
    ApplicationState::Reset,
    ApplicationState::ConnSent,
    ApplicationState::Connecting,
    ApplicationState::Operational,
];

const PORT: &[&str] = &["lag", "port"];
const PORT_STATE: &[&str] = &["lag", "port", "state"];

impl Switch {
    pub(super) fn measure_bundles(&self, metrics: &mut Metrics) {
        let lags = self.lag_rows();
        let up = metrics.gauge("greylag_lag_up", "1 if frames may pass the bundle.", &["lag"]);
        lags.iter().for_each(|lag| up.put(&[&lag.name], (lag.oper_status == "UP").into()));
        let members =
            || lags.iter().flat_map(|lag| lag.members.iter().map(move |member| (&lag.name, member)));
        let collecting = metrics.gauge(
            "greylag_lag_member_collecting",
            "1 if the data plane takes what comes in by this port of the bundle.",
            PORT,
        );
        members()
            .for_each(|(lag, member)| collecting.put(&[lag, &member.interface], member.collecting.into()));
        let distributing = metrics.gauge(
            "greylag_lag_member_distributing",
            "1 if flows leave the data plane by this port of the bundle.",
            PORT,
        );
        members().for_each(|(lag, member)| {
            distributing.put(&[lag, &member.interface], member.distributing.into());
        });
        self.measure_lacp(metrics);
    }

    /// What its agent knows is gone with it.
    fn measure_lacp(&self, metrics: &mut Metrics) {
        let rows = self.lacp_rows().unwrap_or_default();
        let mux = metrics.gauge(
            "greylag_lacp_mux_state",
            "1 for the state of the port's mux machine, 0 for the rest (IEEE 802.1AX).",
            PORT_STATE,
        );
        rows.iter().for_each(|row| mux.put_state(&[&row.name, &row.interface], &MUX, &row.mux_state));
        let receive = metrics.gauge(
            "greylag_lacp_receive_state",
            "1 for the state of the port's receive machine, 0 for the rest (IEEE 802.1AX).",
            PORT_STATE,
        );
        rows.iter()
            .for_each(|row| receive.put_state(&[&row.name, &row.interface], &RECEIVE, &row.receive_state));
        let selected = metrics.gauge(
            "greylag_lacp_selected",
            "1 for what selection has decided for the port, 0 for the rest.",
            PORT_STATE,
        );
        rows.iter()
            .for_each(|row| selected.put_state(&[&row.name, &row.interface], &SELECTED, &row.selected));
        let in_sync = metrics.gauge("greylag_lacp_actor_in_sync", "1 if we say IN_SYNC by the port.", PORT);
        rows.iter().for_each(|row| {
            in_sync.put(&[&row.name, &row.interface], (row.synchronization == "IN_SYNC").into());
        });
        let partner =
            metrics.gauge("greylag_lacp_partner_in_sync", "1 if the partner says IN_SYNC by the port.", PORT);
        rows.iter().for_each(|row| {
            let is_so = row.partner_state.iter().any(|flag| flag == "synchronization");
            partner.put(&[&row.name, &row.interface], is_so.into());
        });
        let received = metrics.counter("greylag_lacp_receive_pdus_total", "LACPDUs received.", PORT);
        rows.iter().for_each(|row| received.put(&[&row.name, &row.interface], row.counters.lacp_in_pkts));
        let sent = metrics.counter("greylag_lacp_transmit_pdus_total", "LACPDUs sent.", PORT);
        rows.iter().for_each(|row| sent.put(&[&row.name, &row.interface], row.counters.lacp_out_pkts));
        let missed = metrics.counter(
            "greylag_lacp_missed_pdus_total",
            "LACPDUs that the partner was asked for and that did not arrive.",
            PORT,
        );
        rows.iter().for_each(|row| missed.put(&[&row.name, &row.interface], row.counters.lacp_missed));
    }

    pub(super) fn measure_pair(&self, now: Instant, metrics: &mut Metrics) {
        let pair = self.mclag_row(now);
        let control = metrics.gauge(
            "greylag_mclag_control_session",
            "1 for how the control session with the other chassis is, 0 for the rest.",
            &["state"],
        );
        pair.iter().for_each(|pair| control.put_state(&[], &CONTROL_SESSION, &pair.control_session));
        let liveness = metrics.gauge(
            "greylag_mclag_backup_liveness",
            "1 for what is known of the other chassis while the session is down, 0 for the rest.",
            &["state"],
        );
        pair.iter().for_each(|pair| liveness.put_state(&[], &LIVENESS, &pair.backup_liveness));
        let members = metrics.gauge(
            "greylag_mclag_members",
            "1 for what the links of multi-chassis bundles may do, 0 for the rest.",
            &["state"],
        );
        pair.iter().for_each(|pair| members.put_state(&[], &MEMBERS, &pair.members));
        let link = metrics.gauge(
            "greylag_mclag_inter_chassis_link_up",
            "1 if the link between the chassis is up.",
            &[],
        );
        pair.iter().for_each(|pair| link.put(&[], pair.inter_chassis_link_up.into()));
        let withdrawn = metrics.gauge(
            "greylag_mclag_withdrawn",
            "1 while the switch leaves its multi-chassis bundles to the other chassis because it is not well.",
            &[],
        );
        pair.iter().for_each(|pair| withdrawn.put(&[], pair.withdrawn.into()));
        let delay = metrics.gauge(
            "greylag_mclag_init_delay_left_seconds",
            "Until multi-chassis bundles may come up, in seconds; 0 once they may.",
            &[],
        );
        pair.iter().for_each(|pair| delay.put_real(&[], pair.init_delay_left as f64 / 1000.0));
        let peers = metrics.gauge(
            "greylag_mclag_peer_mac_entries",
            "Addresses that the other chassis has told.",
            &[],
        );
        pair.iter().for_each(|pair| peers.put(&[], pair.peer_macs as u64));
        let bundles = || pair.iter().flat_map(|pair| &pair.bundles);
        let legs = metrics.gauge(
            "greylag_mclag_leg_state",
            "1 for how this chassis' leg of the bundle is, or the other's as it told last (side: local, peer), 0 for the rest.",
            &["lag", "side", "state"],
        );
        for bundle in bundles() {
            legs.put_state(&[&bundle.lag, "local"], &LEG, &bundle.local_leg);
            bundle.peer_leg.iter().for_each(|leg| legs.put_state(&[&bundle.lag, "peer"], &LEG, leg));
        }
        let shared = metrics.gauge(
            "greylag_mclag_system_id_shared",
            "1 if the bundle shows the system id that both chassis show, 0 if it shows this chassis' own.",
            &["lag"],
        );
        bundles().for_each(|bundle| shared.put(&[&bundle.lag], bundle.shared.into()));
        let isolated = metrics.gauge(
            "greylag_mclag_isolated",
            "1 if nothing leaves by the bundle that came over the link between the chassis.",
            &["lag"],
        );
        bundles().for_each(|bundle| isolated.put(&[&bundle.lag], bundle.isolated.into()));
        self.measure_iccp(metrics);
    }

    /// What its agent knows is gone with it.
    fn measure_iccp(&self, metrics: &mut Metrics) {
        let session = self.iccp_row().map(|row| row.session);
        let state = metrics.gauge(
            "greylag_iccp_session_state",
            "1 for the state of the session with the other chassis, 0 for the rest (RFC 7275).",
            &["state"],
        );
        session.iter().for_each(|session| state.put_state(&[], &SESSION, &session.session_state));
        let application = metrics.gauge(
            "greylag_iccp_application_state",
            "1 for the state of mLACP within that session, 0 for the rest (RFC 7275).",
            &["state"],
        );
        session
            .iter()
            .for_each(|session| application.put_state(&[], &APPLICATION, &session.application_state));
        let ups = metrics.counter(
            "greylag_iccp_session_established_total",
            "How often both chassis spoke of bundles.",
            &[],
        );
        session.iter().for_each(|session| ups.put(&[], session.established_transitions));
    }
}
