//! A message: header, redundancy group, parameters (RFC 7275 6.1).

use super::parameter::{Malformed, Parameter, kind};

/// Type and length.
const PREFIX: usize = 4;
/// With the message id.
const HEADER: usize = 8;
/// No message has more octets: its length field counts those behind itself.
pub const LONGEST: usize = PREFIX + u16::MAX as usize;

/// The types of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// LDP's (RFC 5036 3.5.3): parameters of the session, and the ICCP capability.
    Initialization,
    /// LDP's (RFC 5036 3.5.4): the sender is there.
    KeepAlive,
    /// RG Connect (RFC 7275 6.4.1).
    RgConnect,
    /// RG Disconnect (RFC 7275 6.4.2).
    RgDisconnect,
    /// RG Notification (RFC 7275 6.4.3).
    RgNotification,
    /// RG Application Data (RFC 7275 6.4.4).
    RgApplicationData,
    /// Another.
    Other(u16),
}

const TYPES: [(MessageType, u16); 6] = [
    (MessageType::Initialization, 0x0200),
    (MessageType::KeepAlive, 0x0201),
    (MessageType::RgConnect, 0x0700),
    (MessageType::RgDisconnect, 0x0701),
    (MessageType::RgNotification, 0x0702),
    (MessageType::RgApplicationData, 0x0703),
];

impl MessageType {
    /// By the code.
    pub fn from_code(code: u16) -> MessageType {
        let known = TYPES.iter().find(|(_, known)| *known == code & 0x7fff);
        known.map_or(MessageType::Other(code & 0x7fff), |(kind, _)| *kind)
    }

    /// The code on the wire.
    pub fn code(self) -> u16 {
        match self {
            MessageType::Other(code) => code & 0x7fff,
            known => TYPES.iter().find(|(kind, _)| *kind == known).map_or(0, |(_, code)| *code),
        }
    }

    /// ICCP's own begin with the redundancy group (RFC 7275 6.1.1).
    fn has_group(self) -> bool {
        matches!(self.code(), 0x0700..=0x0703)
    }
}

/// One parameter as it stands in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// U: who does not know it passes over it in silence.
    pub ignorable: bool,
    /// F: who does not know it passes it on; there is nobody to pass it on to.
    pub forward: bool,
    /// Which parameter, of 14 bits.
    pub kind: u16,
    /// What it says.
    pub value: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// The first parameter, and what is behind it; `None` behind the last.
    pub(super) fn split(octets: &'a [u8]) -> Result<Option<(Tlv<'a>, &'a [u8])>, Malformed> {
        let Some((head, rest)) = octets.split_at_checked(PREFIX) else {
            return if octets.is_empty() { Ok(None) } else { Err(Malformed::CutShort) };
        };
        let (bits, length) = (word(head), usize::from(word(&head[2..])));
        let kind = bits & 0x3fff;
        let (value, rest) = rest.split_at_checked(length).ok_or(Malformed::Overrun(kind))?;
        let tlv = Tlv { ignorable: bits & 0x8000 != 0, forward: bits & 0x4000 != 0, kind, value };
        Ok(Some((tlv, rest)))
    }
}

fn word(octets: &[u8]) -> u16 {
    u16::from_be_bytes([octets[0], octets[1]])
}

fn double_word(octets: &[u8]) -> u32 {
    u32::from_be_bytes([octets[0], octets[1], octets[2], octets[3]])
}

/// A view over the octets of one message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// How many octets the message has that begins here; `None` while too few are there to tell.
    pub fn length(stream: &[u8]) -> Option<usize> {
        stream.get(..PREFIX).map(|prefix| PREFIX + usize::from(word(&prefix[2..])))
    }

    /// Checks that this is one message, that its parameters end where it does, and that the redundancy group is first where there
    /// has to be one.
    ///
    /// # Errors
    /// What is not so.
    pub fn new_checked(octets: &'a [u8]) -> Result<Self, Malformed> {
        if octets.len() < HEADER || Message::length(octets) != Some(octets.len()) {
            return Err(Malformed::CutShort);
        }
        let message = Message(octets);
        let mut rest = &octets[HEADER..];
        while let Some((_, behind)) = Tlv::split(rest)? {
            rest = behind;
        }
        if message.kind().has_group() && message.redundancy_group().is_none() {
            return Err(Malformed::NoRedundancyGroup);
        }
        Ok(message)
    }

    /// U: who does not know the message passes over it in silence.
    pub fn ignorable(&self) -> bool {
        self.0[0] & 0x80 != 0
    }

    /// Which message it is.
    pub fn kind(&self) -> MessageType {
        MessageType::from_code(word(self.0))
    }

    /// By what the sender tells its messages apart.
    pub fn id(&self) -> u32 {
        double_word(&self.0[PREFIX..])
    }

    /// The redundancy group that it is about; LDP's own messages have none.
    pub fn redundancy_group(&self) -> Option<u32> {
        let first = self.tlvs().next().filter(|_| self.kind().has_group())?;
        (first.kind == kind::REDUNDANCY_GROUP && first.value.len() == 4).then(|| double_word(first.value))
    }

    /// All parameters, the redundancy group among them.
    pub fn tlvs(&self) -> impl Iterator<Item = Tlv<'a>> {
        let mut rest = &self.0[HEADER..];
        std::iter::from_fn(move || {
            let (tlv, behind) = Tlv::split(rest).ok().flatten()?;
            rest = behind;
            Some(tlv)
        })
    }
}

/// A message as a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Repr {
    /// Which message it is.
    pub kind: MessageType,
    /// U: who does not know the message passes over it in silence.
    pub ignorable: bool,
    /// By what the sender tells its messages apart.
    pub id: u32,
    /// The redundancy group that it is about; LDP's own messages have none.
    pub redundancy_group: Option<u32>,
    /// What it says.
    pub parameters: Vec<Parameter>,
}

impl Repr {
    /// Reads one message.
    ///
    /// # Errors
    /// What [`Message::new_checked`] refuses, or a parameter that is known and makes no sense.
    pub fn parse(octets: &[u8]) -> Result<Self, Malformed> {
        let message = Message::new_checked(octets)?;
        let redundancy_group = message.redundancy_group();
        let parameters = message.tlvs().skip(usize::from(redundancy_group.is_some()));
        Ok(Repr {
            kind: message.kind(),
            ignorable: message.ignorable(),
            id: message.id(),
            redundancy_group,
            parameters: parameters.map(|tlv| Parameter::parse(&tlv)).collect::<Result<_, _>>()?,
        })
    }

    /// The octets of the message, which must not be more than [`LONGEST`].
    pub fn emit(&self) -> Vec<u8> {
        let first = self.kind.code() | u16::from(self.ignorable) << 15;
        let mut octets = [&first.to_be_bytes()[..], &[0, 0], &self.id.to_be_bytes()].concat();
        if let Some(group) = self.redundancy_group {
            octets.extend_from_slice(&kind::REDUNDANCY_GROUP.to_be_bytes());
            octets.extend_from_slice(&[0, 4]);
            octets.extend_from_slice(&group.to_be_bytes());
        }
        for parameter in &self.parameters {
            parameter.emit(&mut octets);
        }
        let length = u16::try_from(octets.len() - PREFIX).expect("a message has at most 65539 octets");
        octets[2..PREFIX].copy_from_slice(&length.to_be_bytes());
        octets
    }
}
