//! The checksum of IP, TCP and UDP (RFC 1071), and how it follows a change of what it covers (RFC 1624).

/// The ones' complement sum of octets, taken as words of 16 bits; a last odd octet is the upper half of a word. Together with the
/// checksum that they hold, 0xffff.
// Always inlined: of a header whose length is known nothing is left but a few additions.
#[inline(always)]
pub fn sum(octets: &[u8]) -> u16 {
    // RFC 1071 2 (B): in whatever order the machine has the octets of a word, so it has them in the sum.
    let (words, rest) = octets.as_chunks::<4>();
    let mut total: u64 = words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    total += u64::from(u32::from_ne_bytes(last));
    u16::from_be(fold(total))
}

/// The checksum that stands for `checksum` once a word of what it covers is `new` instead of `old` (RFC 1624, equation 3).
#[inline]
pub fn updated(checksum: u16, old: u16, new: u16) -> u16 {
    let total = u32::from(!checksum) + u32::from(!old) + u32::from(new);
    let total = (total >> 16) + (total & 0xffff);
    !((total >> 16) + total) as u16
}

/// Carries come back in at the lower end.
// The halves added both ways round: the carry out of the lower sum is in the upper one.
#[inline(always)]
fn fold(total: u64) -> u16 {
    let total = (total.wrapping_add(total.rotate_left(32)) >> 32) as u32;
    (total.wrapping_add(total.rotate_left(16)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
        assert_eq!(sum(&[]), 0);
        assert_eq!(sum(&[0x12]), 0x1200);
        assert_eq!(sum(&[0xff; 65_535]), 0xff00);
        assert_eq!(
            [0, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, u64::MAX].map(fold),
            [0, !0, 1, !0, 1, !0]
        );
    }

    #[test]
    fn the_example_of_rfc_1624_and_what_an_older_equation_gets_wrong() {
        assert_eq!(updated(0xdd2f, 0x5555, 0x3285), 0x0000);
        // All words, all checksums of one header: the same as calculated anew.
        for checksum in [0, 1, 0x00ff, 0x7fff, 0xfefe, 0xfeff, 0xff00, 0xfffe] {
            for old in [0x0111, 0x4006, 0xff11, 0x01ff] {
                let rest = fold(u64::from(!checksum) + u64::from(!old));
                let anew = !fold(u64::from(rest) + u64::from(old - 0x0100));
                assert_eq!(updated(checksum, old, old - 0x0100), anew, "{checksum:x} {old:x}");
            }
        }
    }
}
