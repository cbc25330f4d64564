//! The CRC-32 of Ethernet (IEEE 802.3 3.2.9), in software.

const REFLECTED_POLYNOMIAL: u32 = 0xedb8_8320;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut rest = octet as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 1 == 1 { rest >> 1 ^ REFLECTED_POLYNOMIAL } else { rest >> 1 };
            bit += 1;
        }
        table[octet] = rest;
        octet += 1;
    }
    table
};

/// Over octets that stand in several places.
pub(super) fn checksum(parts: &[&[u8]]) -> u32 {
    let octets = parts.iter().copied().flatten();
    !octets.fold(u32::MAX, |rest, octet| rest >> 8 ^ TABLE[usize::from(rest as u8 ^ octet)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_crc_that_everybody_else_has() {
        assert_eq!(checksum(&[b"123456789"]), 0xcbf4_3926);
        assert_eq!(checksum(&[b"1234", b"", b"56789"]), 0xcbf4_3926);
    }
}
