//! Which vector instructions compare the words of a bucket.

/// A way to compare a key with the eight words of a bucket; all give the same answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Simd {
    /// Eight atomic loads. The only one where there are no vectors to use, and the one that is model-checked.
    Scalar,
    /// Four vectors of 16 bytes; every x86-64 has them.
    Sse2,
    /// Two of 32 bytes.
    Avx2,
    /// One of 64 bytes; keys are hashed eight at a time as well.
    Avx512,
}

impl Simd {
    /// All, the plainest first.
    pub const ALL: [Simd; 4] = [Simd::Scalar, Simd::Sse2, Simd::Avx2, Simd::Avx512];

    /// The best that this machine has.
    pub fn best() -> Simd {
        let mut available = Simd::ALL.into_iter().filter(|simd| simd.is_available());
        available.next_back().unwrap_or(Simd::Scalar)
    }

    /// Does this machine have it, and was it compiled in? `--cfg greylag_scalar` leaves the vectors out.
    pub fn is_available(self) -> bool {
        match self {
            Simd::Scalar => true,
            #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
            Simd::Sse2 => true,
            #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
            Simd::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(all(target_arch = "x86_64", not(any(loom, shuttle, greylag_scalar))))]
            Simd::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("bmi1")
                    && is_x86_feature_detected!("bmi2")
            }
            #[cfg(any(not(target_arch = "x86_64"), loom, shuttle, greylag_scalar))]
            Simd::Sse2 | Simd::Avx2 | Simd::Avx512 => false,
        }
    }

    /// The name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Simd::Scalar => "scalar",
            Simd::Sse2 => "sse2",
            Simd::Avx2 => "avx2",
            Simd::Avx512 => "avx512",
        }
    }
}
