//! Listens to the event log of a replay, line by line, and keeps what the page needs of it.

use super::turns::{self, History, Kind, Track, Turn};
use super::{micros, summary};
use greylag_scenario::lab::{Lab, NodeKind};
use greylag_sim::replay::Discord;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

/// So many events of one kind are kept: a reader needs no more, and a storm of them would be the whole page.
const KEPT: usize = 1_000;

/// Gets the event log, as [`Options::events`](greylag_sim::replay::Options::events) does, and hands it on to a file if there is one.
pub struct Recorder<'a> {
    out: Option<&'a mut dyn Write>,
    /// Numbers of nodes by name.
    nodes: BTreeMap<String, usize>,
    /// Nodes by their addresses.
    addresses: BTreeMap<IpAddr, String>,
    /// What has been written since the last end of a line.
    line: Vec<u8>,
    tracks: BTreeMap<(usize, Kind, String), History>,
    log: Log,
}

/// Events, as the page lists them.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Log {
    /// Their names, in the order in which they first came, and how often each came.
    pub(super) kinds: Vec<(String, u64)>,
    /// When, the node, the place of the name in `kinds`, the fields for people.
    pub(super) lines: Vec<(u64, usize, usize, String)>,
}

impl<'a> Recorder<'a> {
    /// For a replay on this lab. `out` gets every line as it is.
    pub fn new(lab: &Lab, out: Option<&'a mut dyn Write>) -> Self {
        let nodes = lab.nodes.iter().enumerate();
        let mut addresses = BTreeMap::new();
        for node in &lab.nodes {
            if let NodeKind::Greylag(config) = &node.kind {
                let own = config.interfaces.iter().flat_map(|interface| &interface.addresses);
                addresses.extend(own.map(|address| (address.ip, node.name.clone())));
            }
        }
        Recorder {
            out,
            nodes: nodes.map(|(index, node)| (node.name.clone(), index)).collect(),
            addresses,
            line: Vec::new(),
            tracks: BTreeMap::new(),
            log: Log::default(),
        }
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Everything that has a state, by node; with what looks at the switches' lists have found.
    pub(super) fn tracks(&self, discords: &[Discord]) -> Vec<Track> {
        let mut tracks = self.tracks.clone();
        for discord in discords {
            for (kind, count, unit) in
                [(Kind::Table, discord.table, "entries"), (Kind::Fib, discord.fib, "places")]
            {
                let turns = tracks.entry((discord.switch, kind, String::new())).or_default();
                let state = if count == 0 { "agree" } else { "differ" };
                let why = if count == 0 { String::new() } else { format!("in {count} {unit}") };
                if turns.last().map_or(("agree", ""), |(_, state, why)| (state, why)) != (state, &why) {
                    turns.push((micros(discord.at), state.to_owned(), why));
                }
            }
        }
        let tracks = tracks.into_iter().filter(|(_, turns)| !turns.is_empty());
        tracks.map(|((node, kind, name), turns)| Track { node, kind, name, turns }).collect()
    }

    fn heard(&mut self) {
        let Ok(fields) = serde_json::from_slice::<Map<String, Value>>(&self.line) else { return };
        let number = |name: &str| fields.get(name).and_then(Value::as_u64);
        let Some(told) = number("at-ns") else { return };
        let at = number("happened-ns").unwrap_or(told) / 1_000;
        let (Some(node), Some(event)) = (
            fields.get("node").and_then(Value::as_str).and_then(|name| self.nodes.get(name)).copied(),
            fields.get("event").and_then(Value::as_str),
        ) else {
            return;
        };
        self.note(at, node, event, &fields);
        if let Some(turn) = turns::turn(event, &fields) {
            self.turned(at, node, turn);
        }
    }

    fn note(&mut self, at: u64, node: usize, event: &str, fields: &Map<String, Value>) {
        let kinds = &mut self.log.kinds;
        let kind = kinds.iter().position(|(name, _)| name == event).unwrap_or_else(|| {
            kinds.push((event.to_owned(), 0));
            kinds.len() - 1
        });
        kinds[kind].1 += 1;
        if kinds[kind].1 <= KEPT as u64 {
            self.log.lines.push((at, node, kind, summary::words(fields)));
        }
    }

    fn turned(&mut self, at: u64, node: usize, turn: Turn) {
        let is_off = turn.kind == Kind::Power && turn.state == "off";
        let name = match turn.kind {
            Kind::Iccp | Kind::Bfd | Kind::Bgp => self.with_name(turn.name),
            _ => turn.name,
        };
        let turns = self.tracks.entry((node, turn.kind, name)).or_default();
        // A worker tells later what it learned earlier; in a list of states time does not run backwards.
        let at = turns.last().map_or(at, |(last, ..)| at.max(*last));
        if turns.last().is_none_or(|(_, state, why)| (state, why) != (&turn.state, &turn.why)) {
            turns.push((at, turn.state, turn.why));
        }
        if is_off {
            // With the power goes all else.
            let here = self.tracks.range_mut((node, Kind::Power, String::new())..);
            for ((_, kind, _), turns) in here.take_while(|((other, ..), _)| *other == node) {
                if *kind != Kind::Power && turns.last().is_some_and(|(_, state, _)| state != "off") {
                    turns.push((at, "off".to_owned(), String::new()));
                }
            }
        }
    }

    /// An address with the name of the node that has it.
    fn with_name(&self, address: String) -> String {
        let owner = address.parse().ok().and_then(|address: IpAddr| self.addresses.get(&address));
        owner.map_or_else(|| address.clone(), |owner| format!("{owner} {address}"))
    }
}

impl Write for Recorder<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.as_mut().map_or(Ok(bytes.len()), |out| out.write(bytes))?;
        for &byte in &bytes[..taken] {
            match byte {
                b'\n' => {
                    self.heard();
                    self.line.clear();
                }
                byte => self.line.push(byte),
            }
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), Write::flush)
    }
}
