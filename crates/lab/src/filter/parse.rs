//! The words of a filter.

use super::{End, Expression, Filter};
use greylag_base::MacAddr;
use greylag_wire::ethernet::EtherType;
use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;

/// A filter that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("filter, at {at}: {problem}")]
pub struct FilterError {
    /// The letter at which that begins, from 1.
    pub at: usize,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// Numbers of the IANA registry.
const PROTOCOLS: &[(&str, u8)] =
    &[("icmp", 1), ("tcp", 6), ("udp", 17), ("icmp6", 58), ("ospf", 89), ("vrrp", 112)];

const PRIMITIVES: &str = "expected one such as `host 10.0.0.1`, `net 10.0.0.0/8`, `ether host MAC`, `vlan 10`, `port 53`, `proto 89`, `ip`, \
                          `ip6`, `arp`, `icmp`, `icmp6`, `tcp`, `udp`, `lacp`, `broadcast` or `multicast`";

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let words = words(text);
        let mut parser = Parser { words: &words, at: 0, end: text.chars().count() + 1 };
        if words.is_empty() {
            return Ok(Filter(None));
        }
        let expression = parser.any()?;
        match parser.peek() {
            None => Ok(Filter(Some(expression))),
            Some(")") => Err(parser.wrong("there is no `(` for this `)`")),
            Some(word) => {
                Err(parser.wrong(format!("`{word}` is no word of a filter: expected `and`, `or` or the end")))
            }
        }
    }
}

/// Words with the letter at which each begins, from 1.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut begin = None;
    for (number, (at, letter)) in text.char_indices().enumerate() {
        let is_alone = matches!(letter, '(' | ')' | '!');
        if (letter.is_whitespace() || is_alone)
            && let Some((from, first)) = begin.take()
        {
            words.push((first, &text[from..at]));
        }
        if is_alone {
            words.push((number + 1, &text[at..=at]));
        } else if !letter.is_whitespace() && begin.is_none() {
            begin = Some((at, number + 1));
        }
    }
    if let Some((from, first)) = begin {
        words.push((first, &text[from..]));
    }
    words
}

struct Parser<'w> {
    words: &'w [(usize, &'w str)],
    at: usize,
    end: usize,
}

impl<'w> Parser<'w> {
    fn peek(&self) -> Option<&'w str> {
        self.words.get(self.at).map(|(_, word)| *word)
    }

    fn take_if(&mut self, wanted: &[&str]) -> bool {
        let is_it = self.peek().is_some_and(|word| wanted.contains(&word));
        self.at += usize::from(is_it);
        is_it
    }

    /// What is wrong at the word that is next.
    fn wrong(&self, problem: impl Into<String>) -> FilterError {
        let at = self.words.get(self.at).map_or(self.end, |(at, _)| *at);
        FilterError { at, problem: problem.into() }
    }

    fn any(&mut self) -> Result<Expression, FilterError> {
        let mut any = vec![self.all()?];
        while self.take_if(&["or", "||"]) {
            any.push(self.all()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Expression::Or(any) })
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        let mut all = vec![self.one()?];
        while self.take_if(&["and", "&&"]) {
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Expression::And(all) })
    }

    fn one(&mut self) -> Result<Expression, FilterError> {
        if self.take_if(&["not", "!"]) {
            return Ok(Expression::Not(Box::new(self.one()?)));
        }
        if self.take_if(&["("]) {
            let inner = self.any()?;
            return match self.take_if(&[")"]) {
                true => Ok(inner),
                false => Err(self.wrong("expected `)`, `and` or `or`")),
            };
        }
        self.primitive()
    }

    fn end_of(&mut self) -> End {
        match () {
            () if self.take_if(&["src"]) => End::Source,
            () if self.take_if(&["dst"]) => End::Destination,
            () => End::Either,
        }
    }

    fn primitive(&mut self) -> Result<Expression, FilterError> {
        let Some(word) = self.peek() else {
            return Err(self.wrong(format!("something is missing: {PRIMITIVES}")));
        };
        if let Some(&(_, protocol)) = PROTOCOLS.iter().find(|(name, _)| *name == word) {
            self.at += 1;
            // `tcp port 179`, `udp src port 53`.
            if matches!(word, "tcp" | "udp") && matches!(self.peek(), Some("src" | "dst" | "port")) {
                let end = self.end_of();
                return match self.take_if(&["port"]) {
                    true => Ok(Expression::Port(end, Some(protocol), self.value("a port such as 53")?)),
                    false => Err(self.wrong("expected `port`")),
                };
            }
            return Ok(Expression::Protocol(protocol));
        }
        let simple = match word {
            "ip" => Some(Expression::EtherType(EtherType::IPV4.0)),
            "ip6" => Some(Expression::EtherType(EtherType::IPV6.0)),
            "arp" => Some(Expression::EtherType(EtherType::ARP.0)),
            "lacp" => Some(Expression::Lacp),
            "broadcast" => Some(Expression::Broadcast),
            "multicast" => Some(Expression::Multicast),
            _ => None,
        };
        if let Some(simple) = simple {
            self.at += 1;
            return Ok(simple);
        }
        if self.take_if(&["ether"]) {
            if self.take_if(&["proto"]) {
                return Ok(Expression::EtherType(self.ether_type()?));
            }
            let end = self.end_of();
            if !self.take_if(&["host"]) && end == End::Either {
                return Err(self.wrong("expected `host`, `src`, `dst` or `proto` behind `ether`"));
            }
            return Ok(Expression::Station(
                end,
                self.value::<MacAddr>("a MAC address such as 02:00:00:00:00:01")?,
            ));
        }
        if self.take_if(&["vlan"]) {
            let is_number =
                self.peek().is_some_and(|word| word.starts_with(|letter: char| letter.is_ascii_digit()));
            let vlan = if is_number { Some(self.value("a VLAN from 1 to 4094")?) } else { None };
            return Ok(Expression::Vlan(vlan));
        }
        if self.take_if(&["proto"]) {
            return Ok(Expression::Protocol(self.protocol()?));
        }
        let end = self.end_of();
        match self.peek() {
            Some("host") => {
                self.at += 1;
                Ok(Expression::Net(end, IpNet::from(self.value::<IpAddr>("an address such as 10.0.0.1")?)))
            }
            Some("net") => {
                self.at += 1;
                Ok(Expression::Net(end, self.value::<IpNet>("a prefix such as 10.0.0.0/8")?))
            }
            Some("port") => {
                self.at += 1;
                Ok(Expression::Port(end, None, self.value("a port such as 53")?))
            }
            Some(_) if end != End::Either => Err(self.wrong("expected `host`, `net` or `port`")),
            Some(word) => Err(self.wrong(format!("`{word}` is no word of a filter: {PRIMITIVES}"))),
            None => Err(self.wrong("expected `host`, `net` or `port`")),
        }
    }

    fn value<T: FromStr>(&mut self, expected: &str) -> Result<T, FilterError> {
        let Some(word) = self.peek() else { return Err(self.wrong(format!("expected {expected}"))) };
        let value = word.parse().map_err(|_| self.wrong(format!("`{word}`: expected {expected}")))?;
        self.at += 1;
        Ok(value)
    }

    fn ether_type(&mut self) -> Result<u16, FilterError> {
        let hex = self.peek().and_then(|word| u16::from_str_radix(word.strip_prefix("0x")?, 16).ok());
        match hex {
            Some(number) => {
                self.at += 1;
                Ok(number)
            }
            None => self.value("a type such as 0x0800"),
        }
    }

    fn protocol(&mut self) -> Result<u8, FilterError> {
        let named = self.peek().and_then(|word| PROTOCOLS.iter().find(|(name, _)| *name == word));
        match named {
            Some((_, number)) => {
                self.at += 1;
                Ok(*number)
            }
            None => self.value("the number of a protocol, or its name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of VLAN 10: a TCP segment from 10.0.0.1 port 4711 to 10.0.0.2 port 179.
    fn segment() -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 10, 8, 0];
        frame.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend([0x12, 0x67, 0, 179]);
        frame.resize(60, 0);
        frame
    }

    fn arp() -> Vec<u8> {
        let mut frame = vec![0xff; 6];
        frame.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend([2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 9]);
        frame
    }

    fn takes(filter: &str, frame: &[u8]) -> bool {
        filter.parse::<Filter>().unwrap_or_else(|error| panic!("{filter}: {error}")).takes(frame)
    }

    #[test]
    fn what_fits_is_taken() {
        for filter in [
            "",
            "ip",
            "tcp",
            "vlan",
            "vlan 10",
            "host 10.0.0.1",
            "src host 10.0.0.1",
            "dst host 10.0.0.2",
            "net 10.0.0.0/8",
            "port 179",
            "dst port 179",
            "tcp port 4711",
            "ether host 02:00:00:00:00:01",
            "ether dst 02:00:00:00:00:02",
            "proto 6",
            "proto tcp",
            "ether proto 0x0800",
            "not arp",
            "!arp",
            "(arp or vlan 10) and not udp",
            "arp or tcp and vlan 10",
        ] {
            assert!(takes(filter, &segment()), "{filter}");
        }
        for filter in [
            "arp",
            "broadcast",
            "multicast",
            "host 10.0.0.9",
            "src host 10.0.0.1",
            "not vlan",
            "ether proto 0x806",
        ] {
            assert!(takes(filter, &arp()), "{filter}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not() {
        for filter in [
            "ip6",
            "udp",
            "vlan 20",
            "host 10.0.0.3",
            "src host 10.0.0.2",
            "udp port 179",
            "src port 179",
            "icmp",
            "icmp6",
            "lacp",
            "ether src 02:00:00:00:00:02",
            "not tcp",
            "arp or udp",
            "tcp and not vlan 10",
            "broadcast",
        ] {
            assert!(!takes(filter, &segment()), "{filter}");
        }
        assert!(!takes("tcp", &[0; 5]), "a runt is nothing");
        assert!(takes("", &[0; 5]), "but somebody who wants all sees it");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (filter, at, what) in [
            ("host", 5, "an address"),
            ("host 10.0.0", 6, "`10.0.0`"),
            ("vlan 10 and", 12, "missing"),
            ("(arp or ip", 11, "`)`"),
            ("arp)", 4, "no `(`"),
            ("ether 02:00:00:00:00:01", 7, "behind `ether`"),
            ("port http", 6, "`http`"),
            ("src arp", 5, "`host`, `net` or `port`"),
            ("horst 10.0.0.1", 1, "`horst` is no word"),
            ("tcp src 5", 9, "`port`"),
        ] {
            let error = filter.parse::<Filter>().expect_err(filter);
            assert!(error.at == at && error.problem.contains(what), "{filter}: {error}");
        }
    }
}
