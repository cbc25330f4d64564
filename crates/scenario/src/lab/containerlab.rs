//! What containerlab's files have and ours have not. A user who brings one along is told so key by key. The tables
//! also have the keys that only labs or only scenarios have, for the other of the two.

type Explained = &'static [(&'static [&'static str], &'static str)];

/// At the top of the file.
pub(super) const ROOT: Explained = &[
    (
        &["mgmt"],
        "is containerlab's, and greylag's management network is made of the addresses that switches have: remove it, and write `mgmt-ipv4` at each",
    ),
    (&["prefix"], "is containerlab's, and greylag calls everything greylag-<lab>-<node>: remove it"),
    (&["settings", "debug"], "is containerlab's, and has no meaning for greylag: remove it"),
    (&["nodes", "links"], "belongs below `topology`: indent it"),
    (
        &["ports", "vlans", "workers", "mac-table", "learning", "supervisor", "static-macs"],
        "belongs to a switch: move it below topology.nodes.<switch>.config, or read the file with `greylag run`",
    ),
];

/// Below `topology`.
pub(super) const TOPOLOGY: Explained = &[(
    &["kinds", "defaults", "groups"],
    "is containerlab's, and greylag has no shared settings: write them at each node, once with a YAML anchor",
)];

/// Below a node.
pub(super) const NODE: Explained = &[
    (
        &[
            "image",
            "image-pull-policy",
            "cmd",
            "entrypoint",
            "user",
            "binds",
            "env",
            "env-files",
            "runtime",
            "memory",
            "cpu",
            "cpu-set",
            "shm-size",
            "devices",
            "cap-add",
            "sysctls",
            "tmpfs",
            "healthcheck",
            "auto-remove",
            "restart-policy",
            "extras",
            "config-vars",
            "components",
            "license",
            "certificate",
            "dns",
            "aliases",
        ],
        "is containerlab's, and greylag runs no containers: remove it",
    ),
    (
        &["ports"],
        "is containerlab's, and greylag publishes none: remove it; a switch's ports belong below its `config`",
    ),
    (&["mgmt_ipv4"], "is written `mgmt-ipv4`"),
    (
        &["mgmt-ipv6", "mgmt_ipv6"],
        "is containerlab's, and greylag's management network is IPv4: remove it, or write `mgmt-ipv4` at a switch",
    ),
    (&["network-mode"], "is containerlab's, and greylag runs no containers: remove it"),
    (&["boot"], "is for scenarios: a live switch boots as fast as it can. Remove it"),
    (&["labels", "group", "position"], "is containerlab's, and greylag draws no graph: remove it"),
    (
        &["startup-delay", "wait-for", "stages"],
        "is containerlab's, and greylag brings all nodes up at once: remove it",
    ),
    (
        &["enforce-startup-config", "suppress-startup-config"],
        "is containerlab's, and greylag keeps no saved configuration: remove it",
    ),
    (&["type"], "is containerlab's, and greylag's nodes have no models: remove it"),
    (
        &["vlans", "workers", "mac-table", "learning", "supervisor", "static-macs", "group-fwd-mask"],
        "belongs to the switch's configuration: move it below `config`",
    ),
    (
        &["vlan", "neighbor-lifetime", "announces"],
        "is for scenarios, whose hosts are greylag's own: a lab's host is the kernel's. Remove it",
    ),
    (
        &["bond"],
        "is for `greylag lab`: a scenario's hosts are greylag's own, and each has one link. Remove it, or take a \
         switch with a bundle in the host's place",
    ),
    (&["frr"], "is for `greylag lab`: a scenario's routers are greylag's own. Remove it"),
    (&["exec"], "is for `greylag lab`: a scenario's hosts have no shell. Remove it, or use the timeline"),
];

/// Below a link.
pub(super) const LINK: Explained = &[
    (
        &["rate", "delay", "queue", "up"],
        "is for scenarios, whose links are greylag's own: a lab's link is the kernel's. Remove it",
    ),
    (&["vars", "labels"], "is containerlab's, and greylag makes no templates: remove it"),
    (&["endpoint"], "is containerlab's for links with one end, which greylag does not have: use `endpoints`"),
    (&["host-interface", "mode", "remote", "vni", "dst-port", "src-port", "udp-port"], LINK_TYPES_ONLY),
];

const LINK_TYPES_ONLY: &str = "is containerlab's, for types of links that greylag does not have: remove it";

/// Types of links that containerlab has besides veth.
pub(super) const LINK_TYPES: &[&str] =
    &["mgmt-net", "macvlan", "host", "vxlan", "vxlan-stitch", "dummy", "bridge", "ovs-bridge"];

/// Names that containerlab has for what is no node.
pub(super) const SPECIAL_NODES: &[&str] = &["host", "mgmt-net", "macvlan", "dummy"];

/// containerlab's kinds, and ours that does the same.
pub(super) const KINDS: &[(&str, &str)] = &[
    ("linux", "host"),
    ("ext-container", "host"),
    ("k8s-kind", "host"),
    ("bridge", "greylag"),
    ("ovs-bridge", "greylag"),
    ("nokia_srlinux", "greylag"),
    ("srl", "greylag"),
    ("ceos", "greylag"),
    ("arista_ceos", "greylag"),
];
