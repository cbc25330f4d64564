/// What the processor's time-stamp counter says, where any program may read one: on x86-64, where it ticks at the processor's nominal
/// clock, whatever its clock is at the moment. `None` elsewhere.
#[inline]
pub fn cycle_count() -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: it reads a register that every x86-64 has. Linux lets a program read it unless the program has forbidden that to itself
        // (prctl(2), PR_SET_TSC), which nothing here does.
        Some(unsafe { core::arch::x86_64::_rdtsc() })
    }
    #[cfg(not(target_arch = "x86_64"))]
    None
}
