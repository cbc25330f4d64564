//! A socket of AF_XDP: memory that is shared with the kernel, and four rings that say who has which part of it.
//!
//! Read first: Documentation/networking/af_xdp.rst and linux/if_xdp.h of the kernel.

mod metadata;
mod redirect;
mod ring;
mod socket;

pub(crate) use redirect::{Attached, Mode};
pub(crate) use socket::{CHUNK_BYTES, Xsk};
