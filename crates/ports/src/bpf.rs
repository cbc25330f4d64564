//! Programs for the kernel, instruction by instruction: bpf(2), linux/bpf.h, and
//! Documentation/bpf/standardization/instruction-set.rst of the kernel.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// BPF_PROG_LOAD of `enum bpf_cmd`.
const PROG_LOAD: libc::c_long = 5;

/// `struct bpf_insn`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u8,
    /// Destination in the lower half, source in the upper.
    pub(crate) registers: u8,
    pub(crate) offset: i16,
    pub(crate) immediate: i32,
}

impl Instruction {
    pub(crate) const fn new(code: u8, registers: u8, offset: i16, immediate: i32) -> Self {
        Instruction { code, registers, offset, immediate }
    }
}

/// What a program is for.
#[derive(Clone, Copy)]
pub(crate) struct Purpose {
    /// `enum bpf_prog_type`.
    pub(crate) program_type: u32,
    pub(crate) flags: u32,
    /// `enum bpf_attach_type`; 0 where the type says all.
    pub(crate) attach_type: u32,
}

/// Has the kernel check a program and keep it for as long as the descriptor is held.
///
/// # Errors
/// `EPERM` without CAP_BPF, `EINVAL` and `EACCES` when the kernel does not like the program.
pub(crate) fn load(program: &[Instruction], purpose: Purpose) -> io::Result<OwnedFd> {
    #[repr(C)]
    struct Load {
        program_type: u32,
        count: u32,
        instructions: u64,
        license: u64,
        log_level: u32,
        log_size: u32,
        log: u64,
        kernel_version: u32,
        flags: u32,
        name: [u8; 16],
        index: u32,
        attach_type: u32,
    }
    let mut load = Load {
        program_type: purpose.program_type,
        count: program.len() as u32,
        instructions: program.as_ptr() as u64,
        license: c"Apache-2.0".as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log: 0,
        kernel_version: 0,
        flags: purpose.flags,
        name: *b"greylag\0\0\0\0\0\0\0\0\0",
        index: 0,
        attach_type: purpose.attach_type,
    };
    // SAFETY: the attributes of this command; `instructions` leads to `count` of them and `license` to a string, both alive here.
    let fd = unsafe { call(PROG_LOAD, &mut load) }?;
    // SAFETY: the command gave a new descriptor, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// bpf(2).
///
/// # Safety
/// `attributes` must be those that the kernel expects for `command`, and pointers in it good.
pub(crate) unsafe fn call<T>(command: libc::c_long, attributes: &mut T) -> io::Result<libc::c_int> {
    // SAFETY: the caller vouches for the attributes; the kernel takes what is behind their length for zero.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as libc::c_int) }
}
