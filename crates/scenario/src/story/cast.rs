//! Who plays: what the parts of a scenario refer to by name.

use super::Version;
use super::clock::Clock;
use crate::field::Field;
use crate::lab::{End, NodeKind, Topology};
use crate::nearest::nearest;
use crate::phrase::{listed, quoted};
use crate::yaml::Value;
use greylag_switch::config::SwitchConfig;
use std::net::IpAddr;

/// The nodes and links, and when they play.
pub(super) struct Cast<'t> {
    pub(super) topology: &'t Topology,
    pub(super) clock: Clock,
    /// Releases of software.
    pub(super) versions: Vec<Version>,
}

impl Cast<'_> {
    pub(super) fn name(&self, node: usize) -> &str {
        &self.topology.lab.nodes[node].name
    }

    /// The configuration of a node that is a switch.
    pub(super) fn config(&self, node: usize) -> Option<&SwitchConfig> {
        match &self.topology.lab.nodes[node].kind {
            NodeKind::Greylag(config) => Some(config),
            NodeKind::Host => None,
        }
    }

    fn is_switch(&self, node: usize) -> bool {
        self.config(node).is_some()
    }

    fn all(&self, switches: bool) -> impl Iterator<Item = usize> {
        (0..self.topology.lab.nodes.len()).filter(move |&node| self.is_switch(node) == switches)
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = usize> {
        self.all(false)
    }

    /// A switch or a host.
    pub(super) fn node(&self, field: &Field<'_>) -> Option<usize> {
        let all = || self.topology.lab.nodes.iter().map(|node| node.name.as_str());
        named(field, "node", all).and_then(|name| self.position(name))
    }

    pub(super) fn switch(&self, field: &Field<'_>) -> Option<usize> {
        self.of_kind(field, true)
    }

    pub(super) fn host(&self, field: &Field<'_>) -> Option<usize> {
        self.of_kind(field, false)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.topology.lab.nodes.iter().position(|node| node.name == name)
    }

    fn of_kind(&self, field: &Field<'_>, switches: bool) -> Option<usize> {
        let (wanted, other) = if switches { ("switch", "host") } else { ("host", "switch") };
        if let Value::Text(text) = field.value()
            && let Some(node) = self.position(text)
        {
            if self.is_switch(node) == switches {
                return Some(node);
            }
            // A node of unknown kind has been told of.
            if !self.topology.incomplete {
                let all = listed(self.all(switches).map(|node| self.name(node)));
                let all = if all.is_empty() { "none".to_owned() } else { all };
                field.refuse(format!(
                    "{} is a {other}: expected a {wanted}, and there are {all}",
                    quoted(text)
                ));
            }
            return None;
        }
        let names = || self.all(switches).map(|node| self.name(node));
        named(field, wanted, names).and_then(|name| self.position(name))
    }

    /// One switch, or a list of some.
    pub(super) fn switches(&self, field: &Field<'_>) -> Vec<usize> {
        if !matches!(field.value(), Value::List(_)) {
            return self.switch(field).into_iter().collect();
        }
        self.each_once(field, "[sw1, sw2]", |item| self.switch(item))
    }

    /// The nodes of a list, each of which may be there once.
    pub(super) fn each_once(
        &self,
        field: &Field<'_>,
        example: &str,
        read: impl Fn(&Field<'_>) -> Option<usize>,
    ) -> Vec<usize> {
        let items = field.list(example).unwrap_or_default();
        if items.is_empty() && field.is_empty() {
            field.refuse(format!("the list is empty: expected one such as {example}"));
        }
        let mut nodes = Vec::new();
        for item in &items {
            let Some(node) = read(item) else { continue };
            if nodes.contains(&node) {
                item.refuse(format!("`{}` is in the list already: remove one", self.name(node)));
            } else {
                nodes.push(node);
            }
        }
        nodes
    }

    /// A link, by one of its ends such as `sw1:eth1`: its index, and that of the end.
    pub(super) fn end(&self, field: &Field<'_>) -> Option<(usize, usize)> {
        const EXPECTED: &str = "an end of a link such as \"sw1:eth1\"";
        let Value::Text(text) = field.value() else {
            field.mismatch(EXPECTED, "");
            return None;
        };
        let links = &self.topology.lab.links;
        let found = links.iter().enumerate().find_map(|(link, both)| {
            let end = both.ends.iter().position(|end| self.end_name(end) == *text)?;
            Some((link, end))
        });
        // A link that could not be read has been told of.
        if found.is_none() && !self.topology.incomplete {
            let names: Vec<String> =
                links.iter().flat_map(|link| &link.ends).map(|end| self.end_name(end)).collect();
            let all = || names.iter().map(String::as_str);
            let advice = match nearest(text, all()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are {}", listed(all())),
            };
            field.refuse(format!("no link ends at {}: {advice}", quoted(text)));
        }
        found
    }

    pub(super) fn end_name(&self, end: &End) -> String {
        format!("{}:{}", self.name(end.node), end.interface)
    }

    /// The first address of a host in one family.
    pub(super) fn address(&self, host: usize, ipv6: bool) -> Option<IpAddr> {
        let ends = self.topology.lab.links.iter().flat_map(|link| &link.ends);
        ends.filter(|end| end.node == host).find_map(|end| match ipv6 {
            true => end.ipv6.map(|(address, _)| IpAddr::V6(address)),
            false => end.ipv4.map(|(address, _)| IpAddr::V4(address)),
        })
    }
}

/// The name of something that is there, out of `all`; `thing` is what it is.
pub(super) fn named<'d, 'n, I: Iterator<Item = &'n str>>(
    field: &Field<'d>,
    thing: &str,
    all: impl Fn() -> I,
) -> Option<&'d str> {
    let Value::Text(text) = field.value() else {
        field.mismatch(&format!("the name of a {thing}"), "");
        return None;
    };
    if all().any(|name| name == text) {
        return Some(text);
    }
    let advice = match (nearest(text, all()), all().next()) {
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, Some(_)) => format!("there are {}", listed(all())),
        (None, None) => "there are none".to_owned(),
    };
    field.refuse(format!("there is no {thing} {}: {advice}", quoted(text)));
    None
}
