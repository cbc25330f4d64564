//! The lab of a live replay: deployed, prepared, and removed however the replay ends.

use super::LiveError;
use crate::cable::Cable;
use crate::deploy::{DeployOptions, deploy};
use crate::destroy::destroy;
use crate::management;
use crate::netns::Netns;
use greylag_scenario::lab::NodeKind;
use greylag_scenario::story::{LinkChange, Scenario, SeenBy};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A deployed lab, removed when dropped.
pub(super) struct Stage<'a> {
    pub(super) scenario: &'a Scenario,
    options: DeployOptions,
}

impl<'a> Stage<'a> {
    /// Deploys the lab of a scenario as it stands at its start.
    pub(super) fn deploy(scenario: &'a Scenario, options: DeployOptions) -> Result<Self, LiveError> {
        // Whatever becomes of us, the switches go.
        deploy(&scenario.lab, &DeployOptions { tied: true, ..options.clone() })?;
        let stage = Stage { scenario, options };
        for (node, settings) in scenario.hosts.iter().enumerate() {
            if let Some(settings) = settings {
                stage.prepare(node, settings.neighbor_lifetime)?;
            }
        }
        for (link, settings) in scenario.links.iter().enumerate() {
            if !settings.up {
                stage.cable(link)?.change(&LinkChange::Down { seen_by: SeenBy::Both })?;
            }
        }
        Ok(stage)
    }

    pub(super) fn name(&self, node: usize) -> &str {
        &self.scenario.lab.nodes[node].name
    }

    pub(super) fn netns(&self, node: usize) -> Result<Netns, LiveError> {
        Ok(Netns::open(&self.scenario.lab.netns(node))?)
    }

    /// A link, as it is deployed.
    pub(super) fn cable(&self, link: usize) -> Result<Cable, LiveError> {
        let lab = &self.scenario.lab;
        let end = &lab.links[link].ends[0];
        let end = format!("{}:{}", lab.nodes[end.node].name, end.interface);
        Ok(Cable::find(&self.options.state, &lab.name, &end)?.0)
    }

    /// A switch's port to the management network is cut, or whole again.
    pub(super) fn set_management(&self, node: usize, up: bool) -> Result<(), LiveError> {
        let netns = Netns::open(&self.scenario.lab.management_netns())?;
        Ok(management::set_port(&netns, node, up)?)
    }

    /// The control socket of a switch.
    pub(super) fn socket(&self, node: usize) -> PathBuf {
        let lab = &self.scenario.lab;
        self.options.state.control_socket(&format!("{}-{}", lab.name, lab.nodes[node].name))
    }

    /// The switches.
    pub(super) fn switches(&self) -> impl Iterator<Item = usize> + '_ {
        let nodes = self.scenario.lab.nodes.iter().enumerate();
        nodes.filter(|(_, node)| matches!(node.kind, NodeKind::Greylag(_))).map(|(index, _)| index)
    }

    /// The process of a switch is killed.
    pub(super) fn kill(&self, node: usize) -> Result<(), LiveError> {
        let folder =
            self.options.state.lab(&self.scenario.lab.name).map_err(crate::deploy::DeployError::from)?;
        if let Some(process) = folder.process(self.name(node)) {
            process.kill();
        }
        Ok(())
    }

    /// The switches that were killed are started again.
    pub(super) fn power_on(&self) -> Result<(), LiveError> {
        // An interrupt that comes now is noticed by whoever waits for the end.
        let options = DeployOptions {
            tied: true,
            reconfigure: false,
            interrupt: Arc::new(AtomicBool::new(false)),
            ..self.options.clone()
        };
        deploy(&self.scenario.lab, &options)?;
        Ok(())
    }

    /// Has a host know its neighbours as the virtual world's hosts do: it believes for so long what ARP and ND have told it, and keeps
    /// few packets for a neighbour that does not answer. The kernel would keep seconds of probes, and deliver them late.
    fn prepare(&self, node: usize, lifetime: Duration) -> Result<(), LiveError> {
        let netns = self.netns(node)?;
        let ends = self.scenario.lab.links.iter().flat_map(|link| &link.ends);
        let interfaces: Vec<&str> =
            ends.filter(|end| end.node == node).map(|end| end.interface.as_str()).collect();
        // The kernel draws from half of it to one and a half times as much (RFC 4861 6.3.2), in 32 bits of milliseconds.
        let milliseconds = i32::try_from(lifetime.as_millis()).unwrap_or(i32::MAX).to_string();
        // One long frame, or three short ones.
        let settings = [("base_reachable_time_ms", milliseconds.as_str()), ("unres_qlen", "1")];
        let write = || {
            for (family, interface) in
                ["ipv4", "ipv6"].iter().flat_map(|family| interfaces.iter().map(move |one| (family, one)))
            {
                for (name, value) in settings {
                    match fs::write(format!("/proc/sys/net/{family}/neigh/{interface}/{name}"), value) {
                        // A kernel without IPv6 has no such neighbours.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        other => other?,
                    }
                }
            }
            io::Result::Ok(())
        };
        let failed = |source| LiveError::Host {
            host: self.name(node).to_owned(),
            action: "set how it knows its neighbours",
            source,
        };
        netns.run(write).and_then(|written| written).map_err(failed)
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        if let Err(error) = destroy(&self.options.state, &self.scenario.lab.name) {
            tracing::error!("lab {} is not removed: {error}", self.scenario.lab.name);
        }
    }
}
