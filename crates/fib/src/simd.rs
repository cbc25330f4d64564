//! Which vector instructions look up a batch.

use crate::word::RANGES;

/// A way to look up a batch; all give the same answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Simd {
    /// None.
    Scalar,
    /// 32-byte vectors compare ranges.
    Avx2,
    /// 64-byte vectors work out what words mean, eight at a time.
    Avx512,
}

impl Simd {
    /// All, the plainest first.
    pub const ALL: [Simd; 3] = [Simd::Scalar, Simd::Avx2, Simd::Avx512];

    /// The best that this machine has.
    pub fn best() -> Simd {
        let mut available = Simd::ALL.into_iter().filter(|simd| simd.is_available());
        available.next_back().unwrap_or(Simd::Scalar)
    }

    /// Does this machine have it, and was it compiled in? `--cfg greylag_scalar` leaves the vectors out.
    pub fn is_available(self) -> bool {
        match self {
            Simd::Scalar => true,
            #[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
            Simd::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
                    && is_x86_feature_detected!("popcnt")
                    && is_x86_feature_detected!("lzcnt")
            }
            #[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
            Simd::Avx512 => {
                Simd::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vpopcntdq")
            }
            #[cfg(any(not(target_arch = "x86_64"), greylag_scalar))]
            Simd::Avx2 | Simd::Avx512 => false,
        }
    }

    /// The name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Simd::Scalar => "scalar",
            Simd::Avx2 => "avx2",
            Simd::Avx512 => "avx512",
        }
    }
}

/// What is done with vectors.
pub(crate) trait Lanes {
    /// The range that a key is in: the last that does not begin behind it.
    ///
    /// # Safety
    /// The machine has the instructions, and the first range begins with 0.
    unsafe fn find(begins: &Begins, key: u32) -> usize;
}

/// Where the ranges of a node begin; a node begins with a cache line.
#[repr(align(32))]
pub(crate) struct Begins(pub(crate) [u32; RANGES]);

/// No vectors but those that the compiler finds.
pub(crate) struct Scalar;

impl Lanes for Scalar {
    #[inline(always)]
    unsafe fn find(begins: &Begins, key: u32) -> usize {
        begins.0.iter().map(|&begin| u32::from(begin <= key)).sum::<u32>() as usize - 1
    }
}

/// One vector of 32 bytes.
#[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
pub(crate) struct Avx2;

#[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
impl Lanes for Avx2 {
    #[inline(always)]
    unsafe fn find(begins: &Begins, key: u32) -> usize {
        use std::arch::x86_64::*;
        // SAFETY: aligned, and the caller has the instructions.
        unsafe {
            let begins = _mm256_load_si256(std::ptr::from_ref(begins).cast());
            let key = _mm256_set1_epi32(key as i32);
            // There is no unsigned compare; but the greater of the two is the key where the range does not begin behind it.
            let not_behind = _mm256_cmpeq_epi32(_mm256_max_epu32(begins, key), key);
            let mask = _mm256_movemask_ps(_mm256_castsi256_ps(not_behind)) as u32;
            mask.trailing_ones() as usize - 1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_range_that_does_not_begin_behind_the_key_is_found() {
        let begins = Begins([0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX, u32::MAX]);
        let keys = [0, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_fffd, 0xffff_fffe, u32::MAX];
        let expected = [0, 1, 2, 2, 3, 4, 4, 5, 7];
        // SAFETY: nothing is needed.
        assert_eq!(keys.map(|key| unsafe { Scalar::find(&begins, key) }), expected);
        #[cfg(all(target_arch = "x86_64", not(greylag_scalar)))]
        if Simd::Avx2.is_available() {
            // SAFETY: it is available.
            assert_eq!(keys.map(|key| unsafe { Avx2::find(&begins, key) }), expected);
        }
    }
}
