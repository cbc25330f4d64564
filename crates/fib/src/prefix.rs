//! Addresses as numbers, and prefixes of them.
//!
//! The types of `ipnet` and of smoltcp keep the bits behind a prefix, so that one prefix has many forms, of which none
//! is found under another; and their order does not put a prefix before what it covers. Tables are built on both
//! promises, so prefixes have a type of their own here.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

mod sealed {
    pub trait Sealed {}
    impl Sealed for u32 {}
    impl Sealed for u128 {}
}

/// An address as a number, the first octet of the packet in front: `u32` for IPv4, `u128` for IPv6.
pub trait Address: sealed::Sealed + Copy + Ord + fmt::Debug + Send + Sync + 'static {
    /// Bits of an address.
    const BITS: u8;
    /// Bits by which the first table is indexed.
    #[doc(hidden)]
    const ROOT_BITS: u8;
    /// Sparse blocks are kept as sorted ranges. Worth it where prefixes are long and far apart.
    #[doc(hidden)]
    const RANGES: bool;
    /// Memory that the prefixes of a table take at the most, in words of 64 bits for each; what is not used costs nothing.
    #[doc(hidden)]
    const WORDS_PER_ROUTE: usize;

    /// Left-aligned in 128 bits.
    #[doc(hidden)]
    fn left(self) -> u128;
    /// The address whose first bits these are.
    #[doc(hidden)]
    fn from_left(left: u128) -> Self;
    /// The first [`Address::ROOT_BITS`].
    #[doc(hidden)]
    fn root_slot(self) -> usize;
    /// In its low five bits the five that follow the first `depth`; more may stand above them. Bits behind the end of the
    /// address are zero.
    #[doc(hidden)]
    fn five(self, depth: u8) -> u32;
    /// As [`Address::five`], for what ends within the first [`Address::NEAR`] bits.
    #[doc(hidden)]
    fn near_five(self, depth: u8) -> u32;
    /// Bits that are at hand with less effort than the others.
    #[doc(hidden)]
    const NEAR: u8;
    /// The 32 bits that follow the first `depth`.
    #[doc(hidden)]
    fn tail(self, depth: u8) -> u32;
    /// The 64 bits that follow the first `depth`, zeros where the address ends.
    #[doc(hidden)]
    fn window(self, depth: u8) -> u64;
    /// Writes an address the way people do.
    #[doc(hidden)]
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
    /// Reads one.
    #[doc(hidden)]
    fn read(text: &str) -> Option<Self>;
}

impl Address for u32 {
    const BITS: u8 = 32;
    const ROOT_BITS: u8 = 19;
    const RANGES: bool = false;
    const WORDS_PER_ROUTE: usize = 16;

    fn left(self) -> u128 {
        u128::from(self) << 96
    }

    fn from_left(left: u128) -> Self {
        (left >> 96) as u32
    }

    #[inline(always)]
    fn root_slot(self) -> usize {
        (self >> (32 - Self::ROOT_BITS)) as usize
    }

    #[inline(always)]
    fn five(self, depth: u8) -> u32 {
        ((u64::from(self) << 32) >> (59 - depth)) as u32
    }

    #[inline(always)]
    fn near_five(self, depth: u8) -> u32 {
        self.five(depth)
    }

    const NEAR: u8 = 34;

    #[inline(always)]
    fn tail(self, depth: u8) -> u32 {
        ((u64::from(self) << depth) & 0xffff_ffff) as u32
    }

    #[inline(always)]
    fn window(self, depth: u8) -> u64 {
        (u64::from(self) << 32) << depth
    }

    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Ipv4Addr::from_bits(self), f)
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().map(Ipv4Addr::to_bits).ok()
    }
}

impl Address for u128 {
    const BITS: u8 = 128;
    const ROOT_BITS: u8 = 19;
    const RANGES: bool = true;
    const WORDS_PER_ROUTE: usize = 128;

    fn left(self) -> u128 {
        self
    }

    fn from_left(left: u128) -> Self {
        left
    }

    #[inline(always)]
    fn root_slot(self) -> usize {
        (self >> (128 - Self::ROOT_BITS)) as usize
    }

    #[inline(always)]
    fn five(self, depth: u8) -> u32 {
        match depth {
            0..=59 => ((self >> 64) as u64 >> (59 - depth)) as u32,
            60..=123 => (self >> (123 - depth)) as u32,
            _ => (self << (depth - 123)) as u32,
        }
    }

    #[inline(always)]
    fn near_five(self, depth: u8) -> u32 {
        debug_assert!(depth + 5 <= Self::NEAR);
        // More than the five come with them, as is allowed.
        ((self >> 64) as u64 >> (59 - depth)) as u32
    }

    const NEAR: u8 = 64;

    #[inline(always)]
    fn tail(self, depth: u8) -> u32 {
        // Without a branch on the depth, which differs from address to address where this is asked.
        ((self << depth) >> 96) as u32
    }

    #[inline(always)]
    fn window(self, depth: u8) -> u64 {
        ((self << depth) >> 64) as u64
    }

    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Ipv6Addr::from_bits(self), f)
    }

    fn read(text: &str) -> Option<Self> {
        text.parse().map(Ipv6Addr::to_bits).ok()
    }
}

/// All addresses that begin with the same bits.
///
/// What comes behind these bits is zero. In order, a prefix comes directly before what it covers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix<A> {
    first: A,
    len: u8,
}

/// A prefix of IPv4 addresses.
pub type Ipv4Prefix = Prefix<u32>;
/// A prefix of IPv6 addresses.
pub type Ipv6Prefix = Prefix<u128>;

impl<A: Address> Prefix<A> {
    /// The prefix of this length that `address` is in; `None` if addresses are shorter than `len`.
    pub fn new(address: A, len: u8) -> Option<Self> {
        (len <= A::BITS).then(|| Prefix { first: A::from_left(address.left() & !rest(len)), len })
    }

    /// The lowest address.
    pub fn first(self) -> A {
        self.first
    }

    /// The highest address.
    pub fn last(self) -> A {
        A::from_left(self.first.left() | rest(self.len))
    }

    /// How many bits its addresses share.
    #[allow(clippy::len_without_is_empty, reason = "a prefix is never empty")]
    pub fn len(self) -> u8 {
        self.len
    }

    /// Is the address in it?
    pub fn contains(self, address: A) -> bool {
        self.first <= address && address <= self.last()
    }

    /// Are all of `other`'s addresses in it? A prefix covers itself.
    pub fn covers(self, other: Prefix<A>) -> bool {
        self.len <= other.len && self.contains(other.first)
    }

    /// The shortest prefix that covers both has this length.
    pub(crate) fn shared(self, other: Prefix<A>) -> u8 {
        let differ = self.first.left() ^ other.first.left();
        (differ.leading_zeros() as u8).min(self.len).min(other.len)
    }
}

/// Ones behind the first `len` bits.
fn rest(len: u8) -> u128 {
    u128::MAX.checked_shr(u32::from(len)).unwrap_or(0)
}

impl<A: Address> fmt::Display for Prefix<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.write(f)?;
        write!(f, "/{}", self.len)
    }
}

impl<A: Address> fmt::Debug for Prefix<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrefixError {
    /// There is no address, or not of this family, or no length.
    #[error(
        "{0:?} is no prefix: an address and a length are expected, such as 192.0.2.0/24 or 2001:db8::/32"
    )]
    Form(String),
    /// The length is more than an address has bits.
    #[error("{text:?}: the length is at most {most}")]
    Length {
        /// What was read.
        text: String,
        /// Bits of an address.
        most: u8,
    },
    /// Bits behind the length are not zero.
    #[error("{text:?} has bits behind its length: {meant} is expected")]
    HostBits {
        /// What was read.
        text: String,
        /// The prefix that the address is in.
        meant: String,
    },
}

impl<A: Address> FromStr for Prefix<A> {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let form = || PrefixError::Form(text.to_owned());
        let (address, len) = text.split_once('/').ok_or_else(form)?;
        let address = A::read(address).ok_or_else(form)?;
        let len = len.parse().map_err(|_| form())?;
        let prefix = Prefix::new(address, len)
            .ok_or_else(|| PrefixError::Length { text: text.to_owned(), most: A::BITS })?;
        if prefix.first != address {
            return Err(PrefixError::HostBits { text: text.to_owned(), meant: prefix.to_string() });
        }
        Ok(prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(text: &str) -> Ipv4Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_comes_before_what_it_covers_and_after_what_lies_before() {
        let sorted = [
            "0.0.0.0/0",
            "9.0.0.0/8",
            "10.0.0.0/8",
            "10.0.0.0/9",
            "10.0.0.0/32",
            "10.0.0.1/32",
            "10.1.0.0/16",
        ];
        assert!(sorted.map(v4).is_sorted());
        assert!(v4("10.0.0.0/8").covers(v4("10.255.0.0/16")) && !v4("10.0.0.0/8").covers(v4("10.0.0.0/7")));
        assert_eq!(v4("10.0.0.0/8").shared(v4("10.128.0.0/9")), 8);
        assert_eq!(v4("10.0.0.0/24").shared(v4("10.0.1.0/24")), 23);
    }

    #[test]
    fn what_is_no_prefix_says_what_would_be_one() {
        let says = |text: &str| text.parse::<Ipv4Prefix>().unwrap_err().to_string();
        assert!(says("10.0.0.1/8").contains("10.0.0.0/8 is expected"));
        assert!(says("10.0.0.0/33").contains("at most 32"));
        assert!(says("::/0").contains("192.0.2.0/24"));
        assert_eq!("2001:db8::/32".parse::<Ipv6Prefix>().unwrap().to_string(), "2001:db8::/32");
    }

    #[test]
    fn bits_are_found_at_every_depth() {
        let low = |word: u32| word & 31;
        assert_eq!(low(0x0000_1f00_u32.five(19)), 31);
        assert_eq!([24, 29].map(|depth| low(0x0000_00ff_u32.five(depth))), [31, 0b11100]);
        let ones = u128::MAX;
        for depth in 0..=123 {
            assert_eq!((low(ones.five(depth)), low((!rest(depth)).five(depth))), (31, 0), "{depth}");
        }
        assert_eq!(low(ones.five(124)), 0b11110);
        for depth in 0..=96 {
            assert_eq!((ones.tail(depth), (!rest(depth)).tail(depth)), (u32::MAX, 0), "{depth}");
        }
        assert_eq!(ones.tail(124), 0xf000_0000);
    }
}
