//! The vector instructions of x86-64.

use super::{Fids, GROUP, Lanes, Lines, Scalar, Words};
use crate::block::{GROUPS, places};
use crate::bucket::{Line, MARK_SLOT, Survey};
use crate::clock::{Clock, Lapsed};
use crate::ids::{IdMap, NONE};
use crate::key::Key;
use crate::layout::{AGE_MASK, BINDING_SHIFT, ENTRY_MASK, HIT, SECONDARY, age};
use crate::renewal::Renewal;
use crate::session::Session;
use crate::table::{MacTable, VLAN_IDS};
use std::arch::asm;
use std::arch::x86_64::*;
use std::mem::MaybeUninit;

const _: () = assert!(size_of::<Line>() == 64 && align_of::<Line>() == 64 && MARK_SLOT == 7);

/// 16 bytes at a time.
pub(crate) struct Sse2;
/// 32 bytes at a time.
pub(crate) struct Avx2;
/// 64 bytes at a time.
pub(crate) struct Avx512;

#[inline(always)]
fn load16(line: &Line, quarter: usize) -> __m128i {
    let vector;
    // SAFETY: reads 16 bytes inside the line, aligned as `movdqa` wants it; no flags, no stack. The compiler
    // takes memory as changed, which keeps the order of this and other loads.
    unsafe {
        asm!("movdqa {vector}, xmmword ptr [{line}]",
            line = in(reg) std::ptr::from_ref(line).cast::<u8>().add(quarter * 16),
            vector = lateout(xmm_reg) vector, options(nostack, preserves_flags));
    }
    vector
}

#[target_feature(enable = "avx2")]
#[inline]
fn load32(line: &Line, half: usize) -> __m256i {
    let vector;
    // SAFETY: as `load16`, 32 bytes.
    unsafe {
        asm!("vmovdqa {vector}, ymmword ptr [{line}]",
            line = in(reg) std::ptr::from_ref(line).cast::<u8>().add(half * 32),
            vector = lateout(ymm_reg) vector, options(nostack, preserves_flags));
    }
    vector
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load64_at(lines: *const Line, offset: u64) -> __m512i {
    let vector;
    // SAFETY: as `load16`, the whole of the line at this offset.
    unsafe {
        asm!("vmovdqa64 {vector}, zmmword ptr [{lines} + {offset}]",
            lines = in(reg) lines, offset = in(reg) offset,
            vector = lateout(zmm_reg) vector, options(nostack, preserves_flags));
    }
    vector
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load64(line: &Line) -> __m512i {
    let vector;
    // SAFETY: as `load16`, the whole line.
    unsafe {
        asm!("vmovdqa64 {vector}, zmmword ptr [{line}]",
            line = in(reg) std::ptr::from_ref(line),
            vector = lateout(zmm_reg) vector, options(nostack, preserves_flags));
    }
    vector
}

/// The first word that has these key bits, or 0: as [`Avx512`] looks for it, but in a function that is not compiled for
/// AVX-512 and thus may be inlined wherever a single look-up stands. Unlike [`Lanes::find`], it may be no entry.
///
/// # Safety
/// This machine has AVX-512 F.
#[inline(always)]
pub(crate) unsafe fn first_word(line: &Line, key: u64, key_mask: &u64) -> u64 {
    let word;
    // SAFETY: reads the line, aligned as `vmovdqa64` wants it, and the mask; no flags, no stack. The caller has the
    // instructions. Code that knows no vector registers from 16 on misses none of what was in them.
    unsafe {
        asm!(
            "vmovdqa64 zmm16, zmmword ptr [{line}]",
            "vpbroadcastq zmm17, {key}",
            "vpxorq zmm17, zmm17, zmm16",
            "vptestnmq k1, zmm17, qword ptr [{mask}]{{1to8}}",
            "vpcompressq zmm16{{k1}}{{z}}, zmm16",
            "vmovq {word}, xmm16",
            line = in(reg) std::ptr::from_ref(line),
            key = in(reg) key,
            mask = in(reg) std::ptr::from_ref(key_mask),
            word = lateout(reg) word,
            out("xmm16") _, out("xmm17") _, out("k1") _,
            options(nostack, preserves_flags));
    }
    word
}

/// Lanes of equal 64-bit words: SSE2 compares 32 bits at most.
#[inline(always)]
fn equal64(a: __m128i, b: __m128i) -> __m128i {
    // SAFETY: SSE2 is part of x86-64.
    unsafe {
        let halves = _mm_cmpeq_epi32(a, b);
        _mm_and_si128(halves, _mm_shuffle_epi32::<0b10_11_00_01>(halves))
    }
}

/// The key was seen in two slots: it left one and was placed in the other between two loads. Put together, the two
/// words would say what nobody wrote.
#[inline(always)]
fn is_twice(hits: i32) -> bool {
    hits & hits.wrapping_sub(1) != 0
}

// Neither SSE2 nor AVX2 multiplies 64-bit words: hashing is left to the scalar form, and what comes after it.

impl Lanes for Sse2 {
    #[inline(always)]
    unsafe fn find(line: &Line, key: u64, key_mask: u64) -> u64 {
        // SAFETY: SSE2 is part of x86-64.
        unsafe {
            let bits = key;
            let (key, mask) = (_mm_set1_epi64x(key as i64), _mm_set1_epi64x(key_mask as i64));
            let (entry, zero) = (_mm_set1_epi64x(ENTRY_MASK as i64), _mm_setzero_si128());
            let (mut hit, mut hits) = (zero, 0);
            for quarter in 0..4 {
                let words = load16(line, quarter);
                let is_key = equal64(_mm_and_si128(words, mask), key);
                let no_entry = equal64(_mm_and_si128(words, entry), zero);
                let is_hit = _mm_andnot_si128(no_entry, is_key);
                hits |= _mm_movemask_pd(_mm_castsi128_pd(is_hit)) << (2 * quarter);
                hit = _mm_or_si128(hit, _mm_and_si128(words, is_hit));
            }
            if is_twice(hits) {
                return Scalar::find(line, bits, key_mask);
            }
            // At most one word is left, in one of two lanes.
            _mm_cvtsi128_si64(_mm_or_si128(hit, _mm_unpackhi_epi64(hit, hit))) as u64
        }
    }
}

impl Lanes for Avx2 {
    #[inline(always)]
    unsafe fn find(line: &Line, key: u64, key_mask: u64) -> u64 {
        // SAFETY: the caller has AVX2.
        unsafe {
            let bits = key;
            let (key, mask) = (_mm256_set1_epi64x(key as i64), _mm256_set1_epi64x(key_mask as i64));
            let (entry, zero) = (_mm256_set1_epi64x(ENTRY_MASK as i64), _mm256_setzero_si256());
            let hit = |words| {
                let is_key = _mm256_cmpeq_epi64(_mm256_and_si256(words, mask), key);
                let no_entry = _mm256_cmpeq_epi64(_mm256_and_si256(words, entry), zero);
                let is_hit = _mm256_andnot_si256(no_entry, is_key);
                (_mm256_and_si256(words, is_hit), _mm256_movemask_pd(_mm256_castsi256_pd(is_hit)))
            };
            let ((low, low_hits), (high, high_hits)) = (hit(load32(line, 0)), hit(load32(line, 1)));
            if is_twice(low_hits | (high_hits << 4)) {
                return Scalar::find(line, bits, key_mask);
            }
            let four = _mm256_or_si256(low, high);
            let two = _mm_or_si128(_mm256_castsi256_si128(four), _mm256_extracti128_si256::<1>(four));
            // At most one word is left, in one of two lanes.
            _mm_cvtsi128_si64(_mm_or_si128(two, _mm_unpackhi_epi64(two, two))) as u64
        }
    }
}

/// Eight small words from wherever they are, without a detour through memory.
#[inline(always)]
fn gather16(word: impl Fn(usize) -> u16) -> __m128i {
    let four = |first: usize| {
        let at = |index: usize| u64::from(word(first + index)) << (16 * index);
        (at(0) | at(1) | at(2) | at(3)) as i64
    };
    // SAFETY: SSE2 is part of x86-64.
    unsafe { _mm_set_epi64x(four(4), four(0)) }
}

/// Eight small words out of an array, by places that stand `STEP` bytes apart, without a detour through memory.
///
/// # Safety
/// Places are inside the array.
#[inline(always)]
unsafe fn pick<const STEP: usize>(array: *const u16, places: *const u16) -> __m128i {
    let (low, high);
    // SAFETY: reads eight places and as many words of the array; no flags, no stack. For the order of loads: as `load16`.
    unsafe {
        asm!(
            "vpxor {low}, {low}, {low}",
            "movzx {a:e}, word ptr [{places}]",
            "movzx {b:e}, word ptr [{places} + {step}]",
            "vpinsrw {low}, {low}, word ptr [{array} + 2 * {a}], 0",
            "vpxor {high}, {high}, {high}",
            "vpinsrw {low}, {low}, word ptr [{array} + 2 * {b}], 1",
            "movzx {a:e}, word ptr [{places} + 2 * {step}]",
            "movzx {b:e}, word ptr [{places} + 3 * {step}]",
            "vpinsrw {low}, {low}, word ptr [{array} + 2 * {a}], 2",
            "vpinsrw {low}, {low}, word ptr [{array} + 2 * {b}], 3",
            "movzx {a:e}, word ptr [{places} + 4 * {step}]",
            "movzx {b:e}, word ptr [{places} + 5 * {step}]",
            "vpinsrw {high}, {high}, word ptr [{array} + 2 * {a}], 4",
            "vpinsrw {high}, {high}, word ptr [{array} + 2 * {b}], 5",
            "movzx {a:e}, word ptr [{places} + 6 * {step}]",
            "movzx {b:e}, word ptr [{places} + 7 * {step}]",
            "vpinsrw {high}, {high}, word ptr [{array} + 2 * {a}], 6",
            "vpinsrw {high}, {high}, word ptr [{array} + 2 * {b}], 7",
            array = in(reg) array,
            places = in(reg) places,
            step = const STEP,
            a = out(reg) _,
            b = out(reg) _,
            low = out(xmm_reg) low,
            high = out(xmm_reg) high,
            options(nostack, preserves_flags));
        _mm_or_si128(low, high)
    }
}

impl IdMap {
    /// The ids of eight keys' VLANs.
    ///
    /// # Safety
    /// The names are VLANs, all of them.
    #[inline(always)]
    unsafe fn of_vlans(&self, keys: &[Key; GROUP]) -> __m128i {
        debug_assert_eq!(self.names(), VLAN_IDS);
        // SAFETY: a VLAN has 12 bits, the highest ones of the word that a key is.
        unsafe { pick::<8>(self.first_id(), keys.as_ptr().cast::<u16>().add(3)) }
    }

    /// As [`IdMap::raw_name`], of eight ids.
    ///
    /// # Safety
    /// They are ids.
    #[inline(always)]
    unsafe fn raw_names(&self, ids: &[u16; GROUP]) -> __m128i {
        // SAFETY: the caller's promise.
        unsafe { pick::<2>(self.first_name(), ids.as_ptr()) }
    }
}

impl Avx512 {
    /// One to eight keys; fewer are followed by repetitions of the first.
    #[inline(always)]
    unsafe fn group(keys: &[Key]) -> __m512i {
        // SAFETY: the caller has AVX-512 F; a key is a word, and no more are loaded than there are.
        unsafe {
            if keys.len() >= GROUP {
                return _mm512_loadu_si512(keys.as_ptr().cast());
            }
            let words = keys.as_ptr().cast::<i64>();
            let first = _mm512_set1_epi64(*words);
            // A key alone was most likely just written, and a load of more than was written waits for it.
            if keys.len() == 1 {
                return first;
            }
            _mm512_mask_loadu_epi64(first, (1 << keys.len()) - 1, words)
        }
    }

    /// The lanes of entries whose time is over.
    #[inline(always)]
    unsafe fn lapsed(clock: &Clock, code: __m512i) -> __mmask8 {
        let Lapsed { first, count } = clock.lapsed_codes();
        // SAFETY: the caller has AVX-512 F.
        unsafe {
            let splat = |word: u64| _mm512_set1_epi64(word as i64);
            let stamped = _mm512_cmpge_epu64_mask(code, splat(age::FIRST_STAMP));
            let place = _mm512_and_si512(_mm512_sub_epi64(code, splat(first)), splat(AGE_MASK));
            _mm512_mask_cmplt_epu64_mask(stamped, place, splat(count))
        }
    }
}

impl Lanes for Avx512 {
    #[inline(always)]
    unsafe fn find(line: &Line, key: u64, key_mask: u64) -> u64 {
        // SAFETY: the caller has AVX-512 F.
        unsafe {
            let words = load64(line);
            let differs = _mm512_xor_si512(words, _mm512_set1_epi64(key as i64));
            let is_key = _mm512_testn_epi64_mask(differs, _mm512_set1_epi64(key_mask as i64));
            let hit = _mm512_mask_test_epi64_mask(is_key, words, _mm512_set1_epi64(ENTRY_MASK as i64));
            let first = _mm512_maskz_compress_epi64(hit, words);
            _mm_cvtsi128_si64(_mm512_castsi512_si128(first)) as u64
        }
    }

    #[inline(always)]
    unsafe fn same_vlan(keys: &[Key], vlan: u16) -> bool {
        // SAFETY: the caller has AVX-512 F.
        unsafe {
            let first = _mm512_set1_epi64((u64::from(vlan) << 48) as i64);
            let differs = _mm512_xor_si512(Self::group(keys), first);
            _mm512_test_epi64_mask(differs, _mm512_set1_epi64(!0 << 48)) == 0
        }
    }

    #[inline(always)]
    unsafe fn hash(
        table: &MacTable,
        keys: &[Key],
        fids: Fids<'_>,
        bits: &mut MaybeUninit<Words>,
        offsets: &mut MaybeUninit<Words>,
    ) -> u8 {
        let (layout, permutation) = (&table.layout, &table.permutation);
        // SAFETY: the caller has AVX-512 F, DQ, VL and BW; there are as many places as lanes everywhere. A key's VLAN has 12
        // bits, and the table's map a place for each.
        unsafe {
            let splat = |word: u64| _mm512_set1_epi64(word as i64);
            let shift = |bits: u32| _mm_cvtsi32_si128(bits as i32);
            let group = Self::group(keys);
            let mac = _mm512_and_si512(group, splat((1 << 48) - 1));
            let id = |key: Key| table.fid(key.vlan());
            let (fid, nameless) = match fids {
                Fids::All(fid) => (splat(u64::from(fid) << 48), if fid == NONE { u8::MAX } else { 0 }),
                Fids::Each(places) => {
                    let fids = match keys.first_chunk::<GROUP>() {
                        Some(keys) => table.vlans.of_vlans(keys),
                        None => gather16(|index| id(keys[if index < keys.len() { index } else { 0 }])),
                    };
                    _mm_storeu_si128(places.as_mut_ptr().cast(), fids);
                    let nameless = _mm_cmpeq_epi16_mask(fids, _mm_set1_epi16(NONE as i16));
                    (_mm512_slli_epi64::<48>(_mm512_cvtepu16_epi64(fids)), nameless)
                }
            };
            let fold = |x| _mm512_xor_si512(x, _mm512_srl_epi64(x, shift(permutation.fold)));
            let mut x = fold(_mm512_ternarylogic_epi64::<0x96>(mac, fid, splat(permutation.whiten)));
            for multiplier in permutation.multipliers {
                let product = _mm512_mullo_epi64(x, splat(multiplier));
                x = fold(_mm512_and_si512(product, splat(permutation.mask)));
            }
            let bucket = _mm512_and_si512(x, splat(layout.bucket_mask() as u64));
            let rest = _mm512_srl_epi64(x, shift(layout.index_bits()));
            let key = _mm512_sll_epi64(rest, shift(layout.remainder_shift()));
            _mm512_storeu_si512(bits.as_mut_ptr().cast(), key);
            _mm512_storeu_si512(offsets.as_mut_ptr().cast(), _mm512_slli_epi64::<6>(bucket));
            nameless
        }
    }

    /// All eight of them: places without a key have the line of one.
    #[inline(always)]
    unsafe fn prefetch(lines: Lines<'_>, offsets: &Words, _: usize) {
        // Compilers take the offsets out of the vector that was just written, which is more work than reading them.
        // SAFETY: a prefetch has no effect on memory and cannot fault; the rest reads eight words.
        unsafe {
            asm!(
                "mov {a}, qword ptr [{offsets}]",
                "mov {b}, qword ptr [{offsets} + 8]",
                "prefetcht0 byte ptr [{lines} + {a}]",
                "mov {a}, qword ptr [{offsets} + 16]",
                "prefetcht0 byte ptr [{lines} + {b}]",
                "mov {b}, qword ptr [{offsets} + 24]",
                "prefetcht0 byte ptr [{lines} + {a}]",
                "mov {a}, qword ptr [{offsets} + 32]",
                "prefetcht0 byte ptr [{lines} + {b}]",
                "mov {b}, qword ptr [{offsets} + 40]",
                "prefetcht0 byte ptr [{lines} + {a}]",
                "mov {a}, qword ptr [{offsets} + 48]",
                "prefetcht0 byte ptr [{lines} + {b}]",
                "mov {b}, qword ptr [{offsets} + 56]",
                "prefetcht0 byte ptr [{lines} + {a}]",
                "prefetcht0 byte ptr [{lines} + {b}]",
                lines = in(reg) lines.first(),
                offsets = in(reg) offsets,
                a = out(reg) _,
                b = out(reg) _,
                options(nostack, preserves_flags, readonly));
        }
    }

    #[inline(always)]
    unsafe fn search(
        lines: Lines<'_>,
        (bits, offsets): (&Words, &Words),
        _: usize,
        key_mask: u64,
        words: &mut MaybeUninit<Words>,
    ) -> u8 {
        // SAFETY: the caller has AVX-512 F, and buckets are below the number of lines, those of places without a key as well.
        unsafe {
            let (mask, entry) = (_mm512_set1_epi64(key_mask as i64), _mm512_set1_epi64(ENTRY_MASK as i64));
            // The first word of the key or, if there is none, the mark: one word per key either way, and no branch.
            let mut found = _mm512_setzero_si512();
            for index in 0..GROUP {
                let line = load64_at(lines.first(), offsets[index]);
                let differs = _mm512_xor_si512(line, _mm512_set1_epi64(bits[index] as i64));
                let same = _mm512_testn_epi64_mask(differs, mask);
                let first = _mm512_maskz_compress_epi64(same | 1 << MARK_SLOT, line);
                found = _mm512_alignr_epi64::<1>(first, found);
            }
            let keys = _mm512_loadu_si512(bits.as_ptr().cast());
            let same = _mm512_testn_epi64_mask(_mm512_xor_si512(found, keys), mask);
            let hits = _mm512_mask_test_epi64_mask(same, found, entry);
            let mut found = _mm512_maskz_mov_epi64(hits | !same, found);
            let mut missing = !hits;
            // A pending word, or a vacant one that looks like the key: the entry may stand behind it.
            for index in places((same & !hits).into()) {
                let line = lines.at_offset(offsets[index]);
                let mark = line.mark();
                let word = Self::find(line, bits[index], key_mask);
                found = _mm512_mask_set1_epi64(found, 1 << index, if word == 0 { mark } else { word } as i64);
                missing &= !(u8::from(word != 0) << index);
            }
            _mm512_storeu_si512(words.as_mut_ptr().cast(), _mm512_maskz_mov_epi64(!missing, found));
            _mm512_test_epi64_mask(found, found) & missing
        }
    }

    #[inline(always)]
    unsafe fn survey(line: &Line, key: u64, key_mask: u64) -> Survey {
        // SAFETY: the caller has AVX-512 F.
        unsafe {
            let words = load64(line);
            let vacant = _mm512_testn_epi64_mask(words, _mm512_set1_epi64(AGE_MASK as i64));
            let differs = _mm512_xor_si512(words, _mm512_set1_epi64(key as i64));
            let same = _mm512_testn_epi64_mask(differs, _mm512_set1_epi64(key_mask as i64)) & !vacant;
            let is_marked = _mm512_test_epi64_mask(words, words) >> MARK_SLOT != 0;
            Survey { vacant: vacant.into(), same: same.into(), is_marked }
        }
    }

    #[inline(always)]
    unsafe fn of_fid(fids: &[[u16; GROUP]; GROUPS], fid: u16) -> u64 {
        // SAFETY: the caller has AVX-512 BW; there are 64 ids.
        unsafe {
            let fid = _mm512_set1_epi16(fid as i16);
            let half = |at: usize| {
                let ids = _mm512_loadu_si512(fids.as_ptr().add(at).cast());
                u64::from(_mm512_cmpeq_epi16_mask(ids, fid))
            };
            half(0) | half(GROUPS / 2) << 32
        }
    }

    #[inline(always)]
    unsafe fn put(words: &mut Words, place: usize, word: u64) {
        // SAFETY: the caller has AVX-512 F.
        unsafe {
            let all = _mm512_loadu_si512(words.as_ptr().cast());
            let all = _mm512_mask_set1_epi64(all, 1 << place, word as i64);
            _mm512_storeu_si512(words.as_mut_ptr().cast(), all);
        }
    }

    #[inline(always)]
    unsafe fn settled(session: &Session<'_>, words: &Words, bits: &Words, binding: u16) -> u8 {
        // SAFETY: the caller has AVX-512 F.
        unsafe {
            let splat = |word: u64| _mm512_set1_epi64(word as i64);
            let (words, bits) =
                (_mm512_loadu_si512(words.as_ptr().cast()), _mm512_loadu_si512(bits.as_ptr().cast()));
            let entry = |suffix: u64| _mm512_or_si512(bits, splat(suffix));
            // The secondary bit is where the entry is, not what it says.
            let without = |bits: u64| _mm512_and_si512(words, splat(!bits));
            let suffix = session.table.layout.entry(0, binding, 0);
            match session.renewal {
                Renewal::Stamp => {
                    _mm512_cmpeq_epi64_mask(without(SECONDARY), entry(suffix | session.clock.code()))
                }
                Renewal::Hit => {
                    let code = _mm512_and_si512(words, splat(AGE_MASK));
                    let was_hit = _mm512_cmpeq_epi64_mask(without(SECONDARY | AGE_MASK), entry(suffix | HIT));
                    was_hit & !Self::lapsed(&session.clock, code)
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn ports(table: &MacTable, clock: &Clock, words: &Words) -> ([u16; GROUP], u8) {
        // SAFETY: the caller has AVX-512 F, VL and BW.
        unsafe {
            let splat = |word: u64| _mm512_set1_epi64(word as i64);
            let words = _mm512_loadu_si512(words.as_ptr().cast());
            let code = _mm512_and_si512(words, splat(AGE_MASK));
            let dead = _mm512_testn_epi64_mask(words, splat(ENTRY_MASK)) | Self::lapsed(clock, code);
            let field = _mm512_srl_epi64(words, _mm_cvtsi32_si128(BINDING_SHIFT as i32));
            let field = _mm512_and_si512(field, splat(table.layout.bindings() as u64 - 1));
            let fields = _mm512_cvtepi64_epi16(field);
            let mut bindings = [0u16; GROUP];
            _mm_storeu_si128(bindings.as_mut_ptr().cast(), fields);
            let names = table.ports.raw_names(&bindings);
            // The bit that says that a name has lost its id becomes all bits: `UNKNOWN`.
            let ports = _mm_or_si128(names, _mm_srai_epi16::<15>(names));
            let is_static = _mm512_cmpeq_epi64_mask(code, splat(age::STATIC));
            let ports = _mm_mask_mov_epi16(ports, is_static, fields);
            let ports = _mm_mask_mov_epi16(ports, dead, _mm_set1_epi16(-1));
            let flushed = _mm_movepi16_mask(names) & !is_static & !dead;
            let mut all = [0; GROUP];
            _mm_storeu_si128(all.as_mut_ptr().cast(), ports);
            (all, flushed)
        }
    }
}
