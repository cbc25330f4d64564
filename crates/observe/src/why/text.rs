//! The answer for people.

use super::answer::{Agent, Answer, Choice, ChoiceOption, Death, Dying, Event, Flooding, Flows, Hop, Way};
use std::fmt::Write as _;

/// Screens are as wide as this.
const WIDTH: usize = 80;

/// Both ways in words.
pub fn text(answer: &Answer) -> String {
    let mut out = String::new();
    for (index, way) in answer.ways.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        tell_way(way, &answer.time, &mut out);
    }
    out
}

/// A line that is broken at words, with what comes behind its first line set in.
fn line(out: &mut String, indent: usize, text: &str) {
    let mut column = 0;
    let mut room = indent;
    for word in text.split(' ') {
        if column > 0 && column + 1 + word.chars().count() > WIDTH {
            out.push('\n');
            (column, room) = (0, indent + 2);
        }
        if column == 0 {
            *out += &" ".repeat(room);
            column = room;
        } else {
            out.push(' ');
            column += 1;
        }
        *out += word;
        column += word.chars().count();
    }
    out.push('\n');
}

fn tell_way(way: &Way, time: &str, out: &mut String) {
    let verdict = match (way.passes, &way.flows) {
        (true, Some(flows)) if flows.pass < flows.tried => "passes, and others do not",
        (true, _) => "passes",
        (false, Some(flows)) if flows.pass > 0 => "dies, and others pass",
        (false, _) => "dies",
    };
    line(out, 0, &format!("{} to {} at {time}: {verdict}", way.from, way.to));
    line(out, 2, &way.flow.to_string());
    if let Some(neighbor) = &way.neighbor {
        let how = match (neighbor.known, neighbor.mac_address) {
            (true, Some(mac)) => format!("{} has {mac} for {}", way.from, neighbor.address),
            (_, Some(mac)) => format!("{} has to ask for {}, and learns {mac}", way.from, neighbor.address),
            (_, None) => format!("{} has to ask for {}, and gets no answer", way.from, neighbor.address),
        };
        line(out, 2, &how);
    }
    tell_hops(&way.hops, out);
    for flooding in &way.floods {
        tell_flooding(flooding, out);
    }
    if let Some(death) = &way.death {
        tell_death(death, out);
    }
    if let Some(flows) = &way.flows {
        tell_flows(flows, out);
    }
}

fn tell_hops(hops: &[Hop], out: &mut String) {
    for (index, hop) in hops.iter().enumerate() {
        let port = hop.port.as_ref().map_or_else(String::new, |port| format!(" {port}"));
        line(out, 2, &format!("{:>2}  {}{port}: {}", index + 1, hop.node, hop.text));
    }
}

fn tell_flooding(flooding: &Flooding, out: &mut String) {
    let Flooding { node, mac_address, vlan, agent, after } = flooding;
    line(out, 2, &format!("flooded by {node}: it has no entry for {mac_address} in VLAN {vlan}"));
    if let Some(agent) = agent {
        tell_agent(agent, out);
    }
    match after {
        Some(after) => line(out, 4, &format!("since: {}", event(after))),
        None => line(out, 4, "nothing in its log says that it ever had one"),
    }
}

fn tell_agent(agent: &Agent, out: &mut String) {
    line(out, 4, &format!("agent: {}, {} since {}", agent.agent, agent.state, agent.since));
}

fn tell_death(death: &Death, out: &mut String) {
    let port = death.port.as_ref().map_or_else(String::new, |port| format!(" {port}"));
    line(out, 2, &format!("died at {}{port}, {}: {}", death.node, death.stage, death.reason));
    if let Some(address) = death.asked_for {
        line(out, 4, &format!("what died was to find {address}, or its answer"));
    }
    line(out, 4, &death.text);
    if let Some(entry) = &death.entry {
        line(out, 4, &format!("entry: {entry}"));
    }
    if let Some(agent) = &death.agent {
        tell_agent(agent, out);
    }
    if let Some(after) = &death.after {
        line(out, 4, &format!("since: {}", event(after)));
    }
    for before in &death.before {
        line(out, 4, &format!("before: {}", event(before)));
    }
}

fn event(event: &Event) -> String {
    format!("{} {}: {}", event.at, event.node, event.text)
}

fn tell_flows(flows: &Flows, out: &mut String) {
    let Flows { tried, pass, ports: [first, last], choices, first_that_dies } = flows;
    line(out, 2, &format!("of {tried} flows, ports {first} to {last}, {pass} pass"));
    for Choice { node, by, buckets, options } in choices {
        let of = if *buckets > 0 { format!(" of {buckets} buckets") } else { String::new() };
        line(out, 4, &format!("{node} chooses by {by}{of}"));
        for ChoiceOption { to, pass, die, dead_buckets } in options {
            let dead = match dead_buckets.len() {
                0 => String::new(),
                count => format!("; {count} of its buckets dead: {}", ranges(dead_buckets)),
            };
            line(out, 6, &format!("to {to}: {pass} pass, {die} die{dead}"));
        }
    }
    if let Some(Dying { flow, hops, death }) = first_that_dies {
        line(out, 2, &format!("the first that dies: {flow}"));
        tell_hops(hops, out);
        tell_death(death, out);
    }
}

/// `0-3,7`.
fn ranges(numbers: &[u16]) -> String {
    let mut text = String::new();
    let mut rest = numbers.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while rest.next_if_eq(&(last + 1)).is_some() {
            last += 1;
        }
        let comma = if text.is_empty() { "" } else { "," };
        let _ = match first == last {
            true => write!(text, "{comma}{first}"),
            false => write!(text, "{comma}{first}-{last}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_wider_than_a_screen() {
        let mut out = String::new();
        line(&mut out, 4, &"word ".repeat(40));
        assert!(out.lines().all(|line| line.chars().count() <= WIDTH), "{out}");
        assert!(out.lines().skip(1).all(|line| line.starts_with("      ")), "{out}");
    }

    #[test]
    fn buckets_are_told_as_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 7, 9, 10]), "0-2,7,9-10");
    }
}
