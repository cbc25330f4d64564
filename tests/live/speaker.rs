//! A BGP speaker that says what it is told to (RFC 4271): for tables that no daemon here would have.

use crate::rig::DEADLINE;
use greylag_lab::netns::Netns;
use greylag_tests::wait_for;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;

const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const KEEPALIVE: u8 = 4;

/// /24s that fit an UPDATE of 4096 octets, four octets each.
const IN_AN_UPDATE: usize = 1000;

/// One session, which ends with this.
pub(crate) struct Speaker {
    session: TcpStream,
    autonomous_system: u16,
    address: [u8; 4],
    listener: Option<JoinHandle<()>>,
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![0xff; 16];
    message.extend((19 + body.len() as u16).to_be_bytes());
    message.push(kind);
    message.extend(body);
    message
}

impl Speaker {
    /// Opens a session, without hold time (RFC 4271 4.2): nobody has to be kept alive.
    pub(crate) fn connect(netns: &Netns, peer: &str, autonomous_system: u16, address: [u8; 4]) -> Speaker {
        let mut session = wait_for("BGP is listened to", DEADLINE, || {
            let mut session =
                netns.run(|| TcpStream::connect(peer)).expect("the namespace can be entered").ok()?;
            let [high, low] = autonomous_system.to_be_bytes();
            let [a, b, c, d] = address;
            let open = message(OPEN, &[4, high, low, 0, 0, a, b, c, d, 0]);
            session.write_all(&[open, message(KEEPALIVE, &[])].concat()).ok()?;
            let mut header = [0; 19];
            session.read_exact(&mut header).ok()?;
            (header[18] == OPEN).then_some(session)
        });
        // What the other end says is of no interest, but has to be read.
        let mut reader = session.try_clone().expect("a second handle");
        let listener = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while reader.read(&mut buffer).is_ok_and(|octets| octets > 0) {}
        });
        session.flush().expect("a socket has nothing to flush");
        Speaker { session, autonomous_system, address, listener: Some(listener) }
    }

    /// Announces /24s.
    pub(crate) fn announce(&self, prefixes: impl Iterator<Item = [u8; 4]>) {
        let prefixes: Vec<[u8; 4]> = prefixes.collect();
        let [high, low] = self.autonomous_system.to_be_bytes();
        let [a, b, c, d] = self.address;
        // ORIGIN IGP; AS_PATH of one sequence; NEXT_HOP.
        let attributes =
            [&[0x40, 1, 1, 0][..], &[0x40, 2, 4, 2, 1, high, low], &[0x40, 3, 4, a, b, c, d]].concat();
        for some in prefixes.chunks(IN_AN_UPDATE) {
            let mut body = vec![0, 0];
            body.extend((attributes.len() as u16).to_be_bytes());
            body.extend(&attributes);
            some.iter().for_each(|[a, b, c, _]| body.extend([24, *a, *b, *c]));
            (&self.session).write_all(&message(UPDATE, &body)).expect("the session is up");
        }
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        let _ = self.session.shutdown(std::net::Shutdown::Both);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}
