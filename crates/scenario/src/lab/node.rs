use super::link::HostEnd;
use super::management::{MANAGEMENT_INTERFACE, ManagementNetwork};
use super::unique::Taken;
use super::{Form, FrrNode, HostBond, Node, NodeKind, bond, containerlab, frr};
use crate::error::Problem;
use crate::field::{Document, Field, Mapping};
use crate::keys::Keys;
use crate::name::node_name;
use crate::nearest::nearest;
use crate::phrase::{listed, quoted};
use crate::source::Source;
use crate::story::HostSettings;
use crate::switch::{self, Cable, FPM_LISTEN, Place};
use crate::time_span::{LONGEST, SHORTEST, time_span};
use crate::vlan::vlan;
use crate::yaml::Value;
use greylag_switch::config::{FpmConfig, SwitchConfig};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

const EXAMPLE: &str = "{kind: host}";

const KEYS: Keys = Keys {
    allowed: &["kind", "startup-config", "config", "mgmt-ipv4", "exec", "bond", "frr"],
    explained: containerlab::NODE,
};

const SCENARIO_KEYS: Keys = Keys {
    allowed: &[
        "kind",
        "startup-config",
        "config",
        "mgmt-ipv4",
        "boot",
        "vlan",
        "neighbor-lifetime",
        "announces",
    ],
    explained: containerlab::NODE,
};

/// How long a large switch boots.
const BOOT: Duration = Duration::from_secs(180);

/// What only a host has.
const HOST_KEYS: [&str; 3] = ["vlan", "neighbor-lifetime", "announces"];

/// The kinds there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Greylag,
    Host,
}

/// A node as far as its links need to know it.
pub(super) struct Outline<'d> {
    pub(super) name: &'d str,
    /// `None` when it is wrong, so that nothing else is concluded from it.
    pub(super) kind: Option<Kind>,
    /// A switch whose routes FRR finds.
    with_frr: bool,
    field: Field<'d>,
    map: Option<Mapping<'d>>,
    exec: Vec<String>,
}

pub(super) fn read_outlines<'d>(nodes: &Field<'d>, form: Form) -> Vec<Outline<'d>> {
    let Some(entries) = nodes.named("node", "{h1: {kind: host}}") else { return Vec::new() };
    if entries.is_empty() {
        nodes.refuse("a lab needs a node: add one such as `sw1: {kind: greylag}`");
    }
    entries.into_iter().map(|(name, field)| read_outline(name, field, form)).collect()
}

fn read_outline<'d>(name: &'d str, field: Field<'d>, form: Form) -> Outline<'d> {
    node_name(name).unwrap_or_else(|wrong| field.refuse_key(wrong));
    let keys = match form {
        Form::Lab => &KEYS,
        Form::Scenario => &SCENARIO_KEYS,
    };
    let map = field.mapping(keys, EXAMPLE);
    let expected = match form {
        Form::Lab => "expected greylag, host or frr",
        Form::Scenario => "expected greylag or host",
    };
    let kind = map.as_ref().and_then(|map| map.required("kind", expected));
    let (kind, with_frr) = kind.and_then(|field| read_kind(field, form)).unzip();
    let exec = map.as_ref().and_then(|map| map.get("exec")).map(read_exec).unwrap_or_default();
    Outline { name, kind, with_frr: with_frr.unwrap_or_default(), field, map, exec }
}

/// The kind, and whether FRR is there.
fn read_kind(field: &Field<'_>, form: Form) -> Option<(Kind, bool)> {
    const WHAT: &str = "a kind of node";
    const OURS: [(&str, (Kind, bool)); 2] =
        [("greylag", (Kind::Greylag, false)), ("host", (Kind::Host, false))];
    let frr = ("frr", (Kind::Greylag, true));
    if let Value::Text(text) = field.value()
        && let Some((_, ours)) = containerlab::KINDS.iter().find(|(theirs, _)| theirs == text)
    {
        field.refuse(format!("`{text}` is a kind of containerlab's: use `{ours}`"));
        return None;
    }
    match form {
        Form::Lab => field.word(WHAT, &[OURS[0], OURS[1], frr]),
        Form::Scenario if matches!(field.value(), Value::Text(text) if text == frr.0) => {
            field.refuse("`frr` is for `greylag lab`: a scenario's routers are greylag's own. Use `greylag` with `routing`");
            None
        }
        Form::Scenario => field.word(WHAT, &OURS),
    }
}

fn read_exec(field: &Field<'_>) -> Vec<String> {
    let commands = field.list("[\"ip route add default via 10.0.0.254\"]").unwrap_or_default();
    let command = |field: &Field<'_>| {
        let command = field.text()?;
        if command.contains('\0') {
            field.refuse("a command cannot have a NUL character: remove it");
        }
        Some(command.to_owned())
    };
    commands.iter().filter_map(command).collect()
}

impl<'d> Outline<'d> {
    /// The node while it is not known what it is.
    pub(super) fn as_host(&self) -> Node {
        Node {
            name: self.name.to_owned(),
            kind: NodeKind::Host,
            exec: self.exec.clone(),
            bond: None,
            frr: None,
        }
    }

    /// The bond of a host, if it has one. `ends` are those of its links.
    pub(super) fn read_bond(
        &self,
        ends: &[HostEnd],
        incomplete: bool,
        taken: &mut Taken<'d>,
    ) -> Option<Box<HostBond>> {
        let field = self.map.as_ref()?.get("bond")?;
        match self.kind? {
            Kind::Host => bond::read(field, self.name, ends, incomplete, taken).map(Box::new),
            Kind::Greylag => {
                field.refuse_key(format!(
                    "`bond` is a host's, and `{}` is a switch: it has bundles, below its `config`, with `type: lag`",
                    self.name
                ));
                None
            }
        }
    }

    /// FRR at a switch, if it is one of kind `frr`: the switch hears of its routes.
    pub(super) fn read_frr(&self, node: &mut Node, lab: &str, source: &Source) -> Option<Box<FrrNode>> {
        let map = self.map.as_ref()?;
        if !self.with_frr {
            // Of a node of unknown kind nothing can be said.
            if let Some(field) = map.get("frr").filter(|_| self.kind.is_some()) {
                field.refuse_key(format!("`frr` is for `kind: frr`: remove it, or make `{}` one", self.name));
            }
            return None;
        }
        let NodeKind::Greylag(config) = &mut node.kind else { return None };
        if config.interfaces.is_empty() {
            self.field.refuse_key(format!(
                "FRR has nothing to route by at `{}`: add `interfaces` to its `config`",
                self.name
            ));
        }
        let fpm = config.routing.fpm.get_or_insert_with(|| FpmConfig::at(FPM_LISTEN));
        fpm.netns = Some(frr::netns(lab, self.name));
        let field = map.required("frr", "add FRR's configuration such as `frr: {config: r1.frr.conf}`")?;
        frr::read(field, source).map(Box::new)
    }

    /// What a scenario says of a host.
    pub(super) fn host_settings(&self) -> Option<HostSettings> {
        let map = self.map.as_ref()?;
        if self.kind != Some(Kind::Host) {
            for key in HOST_KEYS {
                // Of a node of unknown kind nothing can be said.
                if let Some(field) = map.get(key).filter(|_| self.kind.is_some()) {
                    let name = self.name;
                    field.refuse_key(format!("`{key}` is a host's, and `{name}` is a switch: remove it"));
                }
            }
            return None;
        }
        let lifetime = map.get("neighbor-lifetime");
        let lifetime = lifetime.and_then(|field| time_span(field, "neighbor-lifetime", SHORTEST..=LONGEST));
        Some(HostSettings {
            vlan: map.get("vlan").and_then(vlan),
            neighbor_lifetime: lifetime.unwrap_or(Duration::from_secs(4 * 3600)),
            announces: map.get("announces").and_then(Field::boolean).unwrap_or(true),
        })
    }

    /// How long it boots, if it is a switch.
    pub(super) fn boot(&self) -> Duration {
        let field = self.map.as_ref().and_then(|map| map.get("boot"));
        field.and_then(|field| time_span(field, "boot", Duration::ZERO..=LONGEST)).unwrap_or(BOOT)
    }

    /// What the node is. `cables` are its links; problems of its startup-config go to `elsewhere`.
    pub(super) fn read_kind(
        &self,
        cables: &[Cable],
        incomplete: bool,
        management: &mut ManagementNetwork<'d>,
        lab: &Source,
        elsewhere: &mut Vec<Problem>,
    ) -> NodeKind {
        let (Some(map), Some(kind)) = (&self.map, self.kind) else { return NodeKind::Host };
        if kind == Kind::Host {
            for key in ["startup-config", "config", "mgmt-ipv4", "boot"] {
                if let Some(field) = map.get(key) {
                    let name = self.name;
                    field.refuse_key(format!(
                        "`{key}` is a switch's, and `{name}` is a host: remove it, or write `kind: greylag`"
                    ));
                }
            }
            return NodeKind::Host;
        }
        let place = |inline| Place::Lab { node: self.name, cables, incomplete, inline };
        let config = match (map.get("startup-config"), map.filled("config")) {
            (Some(file), inline) => {
                if let Some(inline) = inline {
                    inline.refuse_key(
                        "`startup-config` names a file with the configuration: keep one of the two",
                    );
                }
                read_startup_config(file, &place(false), lab, elsewhere)
            }
            (None, Some(inline)) => Some(switch::read(inline, &place(true))),
            (None, None) => {
                if cables.is_empty() && !incomplete {
                    let name = self.name;
                    self.field.refuse_key(format!(
                        "switch `{name}` has no port: add a link such as [\"{name}:eth1\", \"h1:eth1\"]"
                    ));
                }
                None
            }
        };
        let mut config = config.unwrap_or_else(|| switch::plain(self.name, cables));
        let address = map.get("mgmt-ipv4").and_then(|field| {
            if let Some(cable) = cables.iter().find(|cable| cable.interface.as_str() == MANAGEMENT_INTERFACE) {
                field.refuse_key(format!(
                    "the node's interface on the management network is `{MANAGEMENT_INTERFACE}`, and {} ends at one \
                     of that name: rename that",
                    cable.link
                ));
            }
            management.read(field, self.name).map(IpAddr::V4)
        });
        if let Some(written) = config.management_address.filter(|written| address != Some(*written)) {
            let field = map.get("startup-config").or(map.get("config")).unwrap_or(&self.field);
            field.refuse_key(format!(
                "its `management-address` is {written}, and a node has it from `mgmt-ipv4`: write that beside this, \
                 and remove it there"
            ));
        }
        config.management_address = address;
        NodeKind::Greylag(Box::new(config))
    }
}

fn read_startup_config(
    field: &Field<'_>,
    place: &Place<'_>,
    lab: &Source,
    elsewhere: &mut Vec<Problem>,
) -> Option<SwitchConfig> {
    let text = field.text()?;
    let path = lab.path().parent().unwrap_or_else(|| Path::new("")).join(text);
    let source = match Source::read(&path) {
        Ok(source) => source,
        Err(error) => {
            // A file that is not there is a problem of the lab file, which names it.
            for problem in error.into_problems() {
                match problem.line {
                    Some(_) => elsewhere.push(problem),
                    None => field.refuse(format!("{}: {}", quoted(&problem.path), problem.message)),
                }
            }
            return None;
        }
    };
    match Document::read(&source) {
        Ok(document) => {
            let config = switch::read(&document.root(), place);
            elsewhere.append(&mut document.into_problems());
            Some(config)
        }
        Err(error) => {
            elsewhere.append(&mut error.into_problems());
            None
        }
    }
}

/// Which node a name means; reports it if there is none.
pub(super) fn find(name: &str, nodes: &[Outline<'_>], refuse: impl FnOnce(String)) -> Option<usize> {
    let index = nodes.iter().position(|node| node.name == name);
    if index.is_none() {
        let names = || nodes.iter().map(|node| node.name);
        refuse(if containerlab::SPECIAL_NODES.contains(&name) {
            format!("`{name}` is containerlab's for what is outside of the lab: expected one of its nodes")
        } else if let Some(meant) = nearest(name, names()) {
            format!("there is no node {}: did you mean `{meant}`?", quoted(name))
        } else {
            format!("there is no node {}: the nodes are {}", quoted(name), listed(names()))
        });
    }
    index
}
