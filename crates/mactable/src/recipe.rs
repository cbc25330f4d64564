//! A single look-up in vector registers: hash, load and comparison in one.
//!
//! How many look-ups a processor has in flight, while each waits for its line, is a matter of what it must keep of each: a hash that
//! is computed in registers for integers fills these before it fills anything else, and vector registers stand idle meanwhile.
//! So all but the place of the line and the word that is found stays in these. It is the hash of `hash.rs` and the comparison of
//! `lanes.rs`, instruction by instruction; `tests/simd.rs` holds them against each other. Written as assembly, for it is not in
//! a function that is compiled for these instructions: then it can be inlined wherever a look-up stands.

use crate::bucket::Line;
use crate::hash::Permutation;
use crate::layout::Layout;
use std::arch::asm;

/// What of a table's layout and hash a single look-up reads.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Recipe {
    whiten: u64,
    mask: u64,
    fold: u64,
    multipliers: [u64; 2],
    bucket_mask: u64,
    index_bits: u64,
    remainder_shift: u64,
    key_mask: u64,
}

impl Recipe {
    pub(crate) fn new(layout: &Layout, permutation: &Permutation) -> Recipe {
        Recipe {
            whiten: permutation.whiten,
            mask: permutation.mask,
            fold: permutation.fold.into(),
            multipliers: permutation.multipliers,
            bucket_mask: layout.bucket_mask() as u64,
            index_bits: layout.index_bits().into(),
            remainder_shift: layout.remainder_shift().into(),
            key_mask: layout.key_mask(),
        }
    }
}

/// The first word in the first bucket that has the key bits of `key` under the filtering id `fid`, or 0; and where that
/// bucket's line is, in bytes from the first one.
///
/// Without an id ([`crate::ids::NONE`]) it is some word of some line. It may be no entry.
///
/// # Safety
/// This machine has AVX-512 F, DQ, VL and BW, and `lines` and `recipe` are the same table's.
#[inline(always)]
pub(crate) unsafe fn seek_first(lines: *const Line, recipe: &Recipe, key: u64, fid: u16) -> (u64, u64) {
    let (word, place);
    // SAFETY: reads the recipe, and the line of a bucket below the number of lines, aligned as `vmovdqa64` wants it; no flags,
    // no stack. The caller has the instructions. Code that knows no vector registers from 16 on misses none of what was in them.
    unsafe {
        asm!(
            "vmovq xmm16, {key}",
            "vpinsrw xmm16, xmm16, {fid:e}, 3",
            "vpxorq xmm16, xmm16, qword ptr [{recipe}]{{1to2}}",
            "vpsrlvq xmm17, xmm16, qword ptr [{recipe} + 16]{{1to2}}",
            "vpxorq xmm16, xmm16, xmm17",
            "vpmullq xmm16, xmm16, qword ptr [{recipe} + 24]{{1to2}}",
            "vpandq xmm16, xmm16, qword ptr [{recipe} + 8]{{1to2}}",
            "vpsrlvq xmm17, xmm16, qword ptr [{recipe} + 16]{{1to2}}",
            "vpxorq xmm16, xmm16, xmm17",
            "vpmullq xmm16, xmm16, qword ptr [{recipe} + 32]{{1to2}}",
            "vpandq xmm16, xmm16, qword ptr [{recipe} + 8]{{1to2}}",
            "vpsrlvq xmm17, xmm16, qword ptr [{recipe} + 16]{{1to2}}",
            "vpxorq xmm16, xmm16, xmm17",
            "vpandq xmm17, xmm16, qword ptr [{recipe} + 40]{{1to2}}",
            "vpsllq xmm17, xmm17, 6",
            "vmovq {place}, xmm17",
            "vpsrlvq xmm16, xmm16, qword ptr [{recipe} + 48]{{1to2}}",
            "vpsllvq xmm16, xmm16, qword ptr [{recipe} + 56]{{1to2}}",
            "vpbroadcastq zmm16, xmm16",
            "vmovdqa64 zmm17, zmmword ptr [{lines} + {place}]",
            "vpxorq zmm16, zmm16, zmm17",
            "vptestnmq k1, zmm16, qword ptr [{recipe} + 64]{{1to8}}",
            "vpcompressq zmm16{{k1}}{{z}}, zmm17",
            "vmovq {word}, xmm16",
            key = in(reg) key,
            fid = in(reg) u32::from(fid),
            recipe = in(reg) std::ptr::from_ref(recipe),
            lines = in(reg) lines,
            place = out(reg) place,
            word = lateout(reg) word,
            out("xmm16") _, out("xmm17") _, out("k1") _,
            options(nostack, preserves_flags));
    }
    (word, place)
}
