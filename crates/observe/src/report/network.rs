//! The map: nodes where a reader looks for them, and links with what was done to them.

use super::{layout, micros};
use greylag_base::{Instant, PortName};
use greylag_scenario::lab::{Lab, NodeKind};
use greylag_scenario::story::{Action, LinkChange, Scenario, SeenBy};
use serde::Serialize;

/// A switch or a host.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Node {
    name: String,
    switch: bool,
    /// It is one of a pair of chassis.
    paired: bool,
    /// Which tier it stands in, from the top.
    tier: usize,
    /// Where in its tier, in thousandths of its length.
    place: u32,
}

/// A link.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Link {
    ends: [End; 2],
    /// What was done to it: when, and what it is since then; nothing means whole.
    orders: Vec<(u64, String)>,
}

#[derive(Clone, Debug, Serialize)]
struct End {
    node: usize,
    port: String,
    /// The bundle that the port is a part of.
    lag: Option<String>,
}

pub(super) fn nodes(scenario: &Scenario) -> Vec<Node> {
    let places = layout::places(&scenario.lab);
    let nodes = scenario.lab.nodes.iter().zip(places);
    let node = |(node, place): (&greylag_scenario::lab::Node, layout::Place)| {
        let config = match &node.kind {
            NodeKind::Greylag(config) => Some(config),
            NodeKind::Host => None,
        };
        Node {
            name: node.name.clone(),
            switch: config.is_some(),
            paired: config.is_some_and(|config| config.multi_chassis.is_some()),
            tier: place.tier,
            place: place.permille,
        }
    };
    nodes.map(node).collect()
}

/// All links, with what was done to them until the end.
pub(super) fn links(scenario: &Scenario, end: Instant) -> Vec<Link> {
    let lab = &scenario.lab;
    let links = lab.links.iter().zip(&scenario.links).enumerate();
    let link = |(index, (link, settings)): (usize, (&greylag_scenario::lab::Link, _))| {
        let settings: &greylag_scenario::story::LinkSettings = settings;
        let ends = link.ends.each_ref().map(|end| End {
            node: end.node,
            port: end.interface.to_string(),
            lag: bundle(lab, end.node, &end.interface),
        });
        let mut orders = Vec::new();
        if !settings.up {
            orders.push((0, "unplugged".to_owned()));
        }
        if let Some(loss) = &settings.loses {
            orders.push((0, format!("loses flows in {}", loss.within)));
        }
        for step in scenario.timeline.iter().filter(|step| Instant::ZERO + step.at <= end) {
            let at = micros(Instant::ZERO + step.at);
            orders.extend(done(&step.action, index, lab).map(|text| (at, text)));
        }
        Link { ends, orders }
    };
    links.map(link).collect()
}

/// What a step does to a link.
fn done(action: &Action, index: usize, lab: &Lab) -> Option<String> {
    let name = |end: usize| {
        let end = &lab.links[index].ends[end];
        format!("{}:{}", lab.nodes[end.node].name, end.interface)
    };
    match action {
        Action::Link { link, change } if *link == index => Some(match change {
            LinkChange::Up => String::new(),
            LinkChange::Down { seen_by: SeenBy::Both } => "cut".to_owned(),
            LinkChange::Down { seen_by: SeenBy::End(end) } => format!("cut, which {} sees", name(*end)),
            LinkChange::Down { seen_by: SeenBy::Nobody } => "cut, which nobody sees".to_owned(),
            LinkChange::OneWay { from } => format!("one way: what {} sends is lost", name(*from)),
            LinkChange::Impair { from: Some(end), .. } => format!("impaired from {}", name(*end)),
            LinkChange::Impair { from: None, .. } => "impaired".to_owned(),
            LinkChange::Loses(loss) => format!("loses flows in {}", loss.within),
        }),
        Action::MoveHost { link, .. } if *link == index => Some("unplugged".to_owned()),
        Action::MoveHost { to, .. } if *to == index => Some(String::new()),
        _ => None,
    }
}

/// The bundle that a port of a node is a part of.
fn bundle(lab: &Lab, node: usize, port: &PortName) -> Option<String> {
    let NodeKind::Greylag(config) = &lab.nodes[node].kind else { return None };
    let member = config.ports.iter().find(|one| one.name == *port)?.membership.aggregate()?;
    config.ports.get(member.lag.index()).map(|lag| lag.name.to_string())
}
