//! One rtnetlink socket (RFC 3549, rtnetlink(7)): a request, its answers, its acknowledgement.
//!
//! A socket belongs for ever to the namespace it was opened in, so that every call that takes a [`Netns`]
//! opens one there and then talks from where it is. All calls block: each is a question to the kernel of
//! this machine, answered before `send` returns.

use crate::netns::Netns;
use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

/// RTNLGRP_LINK of rtnetlink.h: interfaces come, change and go.
const GROUP_LINK: u32 = 1;
const GROUP_TRAFFIC_CONTROL: u32 = 4;

/// A message of the kernel.
pub(crate) enum Answer {
    /// Part of a dump, or an event of a group.
    Message(RouteNetlinkMessage),
    /// The request with this sequence number is answered: success, or the kernel's error.
    End(u32, io::Result<()>),
}

pub(crate) struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// Opens a socket in `netns`.
    pub(crate) fn open(netns: &Netns) -> io::Result<Self> {
        let mut socket = netns.run(|| Socket::new(NETLINK_ROUTE))??;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Netlink { socket, sequence: 0 })
    }

    /// Subscribes to changes of interfaces and of their queueing disciplines, after which [`receive`](Self::receive) never blocks.
    pub(crate) fn watch_links(&mut self) -> io::Result<()> {
        self.socket.add_membership(GROUP_LINK)?;
        self.socket.add_membership(GROUP_TRAFFIC_CONTROL)?;
        self.socket.set_non_blocking(true)
    }

    /// Sends a request and waits for its end.
    pub(crate) fn request(
        &mut self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> io::Result<Vec<RouteNetlinkMessage>> {
        let sequence = self.send(message, flags | NLM_F_ACK)?;
        let mut messages = Vec::new();
        loop {
            for answer in self.receive()? {
                match answer {
                    Answer::Message(message) => messages.push(message),
                    Answer::End(of, result) if of == sequence => return result.map(|()| messages),
                    Answer::End(..) => {}
                }
            }
        }
    }

    /// Asks for all objects of a kind.
    pub(crate) fn dump(&mut self, message: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        self.request(message, NLM_F_DUMP)
    }

    /// Sends a request and returns its sequence number.
    pub(crate) fn send(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<u32> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut packet = NetlinkMessage::from(message);
        packet.header.flags = NLM_F_REQUEST | flags;
        packet.header.sequence_number = self.sequence;
        packet.finalize();
        let mut bytes = vec![0; packet.buffer_len()];
        packet.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        Ok(self.sequence)
    }

    /// One datagram's worth of messages.
    pub(crate) fn receive(&self) -> io::Result<Vec<Answer>> {
        let (datagram, _) = self.socket.recv_from_full()?;
        let mut answers = Vec::new();
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            let packet = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            let of = packet.header.sequence_number;
            let length = (packet.header.length as usize).next_multiple_of(4);
            match packet.payload {
                NetlinkPayload::InnerMessage(message) => answers.push(Answer::Message(message)),
                NetlinkPayload::Done(_) => answers.push(Answer::End(of, Ok(()))),
                NetlinkPayload::Error(error) => answers
                    .push(Answer::End(of, if error.code.is_some() { Err(error.to_io()) } else { Ok(()) })),
                _ => {}
            }
            rest = rest.get(length..).unwrap_or_default();
        }
        Ok(answers)
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
