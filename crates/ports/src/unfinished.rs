use crate::Offload;
use crate::transport::{Transport, protocol};

impl Offload {
    /// What is left to do on a frame that came in by a port that is not told: AF_XDP and raw sockets hand over the octets that
    /// the sender's kernel left to the hardware of a veth, and say nothing.
    ///
    /// A TCP or UDP checksum that is exactly the sum over the pseudo-header is one that its sender did not finish. A finished one can be
    /// the same number by chance, once in 65,536 frames; to finish it changes nothing then, for what comes out is the checksum that
    /// belongs there. Only a frame that was damaged on its way is told to be sound, in one of 65,536 cases: as often as the
    /// checksum itself does not see the damage.
    #[inline]
    pub(crate) fn recognised(frame: &[u8]) -> Self {
        Self::unfinished_checksum(frame).unwrap_or(Offload::NONE)
    }

    fn unfinished_checksum(frame: &[u8]) -> Option<Self> {
        let transport = Transport::of(frame)?;
        let checksum_offset: u16 = match transport.protocol {
            protocol::TCP => 16,
            protocol::UDP => 6,
            _ => return None,
        };
        let len = transport.len(frame)?;
        let at = transport.start + usize::from(checksum_offset);
        if len < usize::from(checksum_offset) + 2 {
            return None;
        }
        let stored = u16::from_be_bytes([frame[at], frame[at + 1]]);
        (stored == transport.pseudo_sum(frame, len)).then_some(Offload {
            flags: Offload::NEEDS_CHECKSUM,
            checksum_start: transport.start as u16,
            checksum_offset,
            ..Offload::NONE
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use greylag_wire::checksum;

    /// UDP with three octets in it, tagged or not, filled up to 60 octets; its checksum is the sum over the pseudo-header.
    fn unfinished(tag: &[u8]) -> (Vec<u8>, usize) {
        let mut frame = [&[2; 12], tag, &[0x08, 0x00]].concat();
        frame.extend([0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        let transport = frame.len();
        frame.extend([0x1b, 0x58, 0, 7, 0, 11, 0, 0, b'a', b'b', b'c']);
        let sum = 0x0a00_u16 + 0x0001 + 0x0a00 + 0x0002 + 17 + 11;
        frame[transport + 6..][..2].copy_from_slice(&sum.to_be_bytes());
        frame.resize(60, 0);
        (frame, transport)
    }

    #[test]
    fn a_checksum_that_is_not_finished_is_seen_and_becomes_right() {
        for tag in [&[][..], &[0x81, 0, 0, 10], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 10]] {
            let (mut frame, transport) = unfinished(tag);
            let offload = Offload::recognised(&frame);
            let expected =
                Offload { flags: 1, checksum_start: transport as u16, checksum_offset: 6, ..Offload::NONE };
            assert_eq!(offload, expected);
            offload.finish_checksum(&mut frame);
            let udp = checksum::sum(&frame[transport..transport + 11]);
            let pseudo = Transport::of(&frame).unwrap().pseudo_sum(&frame, 11);
            assert_eq!(crate::transport::folded(u32::from(udp) + u32::from(pseudo)), 0xffff);
            assert_eq!(Offload::recognised(&frame), Offload::NONE, "it is finished now");
        }
    }

    #[test]
    fn what_is_finished_by_chance_in_the_same_number_stays_as_it_is() {
        // The payload sums up to nothing together with the header, so that finished and unfinished are one number.
        let (mut frame, transport) = unfinished(&[]);
        let stored = u16::from_be_bytes([frame[transport + 6], frame[transport + 7]]);
        frame[transport + 8..][..2].fill(0);
        frame[transport + 10] = 0;
        let rest = checksum::sum(&frame[transport..]);
        // What the first two octets of the payload must be for ~sum == stored.
        let missing = crate::transport::folded(u32::from(!stored) + u32::from(!rest));
        frame[transport + 8..][..2].copy_from_slice(&missing.to_be_bytes());
        let before = frame.clone();
        let offload = Offload::recognised(&frame);
        assert_eq!(offload.flags, 1);
        offload.finish_checksum(&mut frame);
        assert_eq!(frame, before);
    }

    #[test]
    fn what_has_no_such_checksum_is_left_alone() {
        let (frame, transport) = unfinished(&[]);
        let mut fragment = frame.clone();
        fragment[20] = 0x20;
        let mut of_another = frame.clone();
        of_another[23] = 47;
        let mut longer_than_it_is = frame.clone();
        longer_than_it_is[16..18].copy_from_slice(&[1, 0]);
        let cut = frame[..transport + 4].to_vec();
        for frame in [fragment, of_another, longer_than_it_is, cut, vec![0; 14], vec![]] {
            assert_eq!(Offload::recognised(&frame), Offload::NONE, "{frame:?}");
        }
    }
}
