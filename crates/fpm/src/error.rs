//! What is wrong with a stream, and where in it.

/// Something in the stream is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("octet {offset} of the stream: {fault}")]
pub struct FpmError {
    /// Octets of the connection before the one that is wrong.
    pub offset: u64,
    /// What is wrong there.
    pub fault: Fault,
}

impl FpmError {
    /// Nothing behind it can be read: the connection has to be closed, and zebra opens another three seconds later. Of any other
    /// fault only the message with it, or the rest of its frame, is lost.
    pub const fn is_fatal(&self) -> bool {
        matches!(self.fault, Fault::NotFpm { .. } | Fault::FrameLength(_) | Fault::Cut)
    }
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A frame begins with neither the version nor the type that zebra sends.
    #[error("a frame of version {version} and type {kind}; FPM has version 1 and type 1 (netlink)")]
    NotFpm {
        /// The first octet.
        version: u8,
        /// The second.
        kind: u8,
    },
    /// A frame is shorter than its own header.
    #[error("a frame of {0} octets; its header alone has 4")]
    FrameLength(u16),
    /// The stream ends inside a frame.
    #[error("the stream ends inside a frame")]
    Cut,
    /// A netlink message is shorter than its header or longer than what is left of its frame.
    #[error("a netlink message of {says} octets; its header has 16, and {left} are left of the frame")]
    MessageLength {
        /// What its header says.
        says: u32,
        /// What is left of the frame.
        left: usize,
    },
    /// A message has no room for the fixed fields of its kind.
    #[error("{has} octets behind the netlink header; {needs} are needed")]
    Short {
        /// What there is.
        has: usize,
        /// What the kind needs.
        needs: usize,
    },
    /// An attribute is shorter than its header or longer than what is left of its message.
    #[error("an attribute of {says} octets; its header has 4, and {left} are left")]
    AttributeLength {
        /// What its header says.
        says: u16,
        /// What is left.
        left: usize,
    },
    /// The value of an attribute has a length that it cannot have.
    #[error("attribute {attribute} has {has} octets; {needs} are needed")]
    ValueLength {
        /// Its name.
        attribute: &'static str,
        /// What it has.
        has: usize,
        /// What it needs.
        needs: &'static str,
    },
    /// An attribute is missing.
    #[error("attribute {0} is missing")]
    Missing(&'static str),
    /// A prefix is longer than an address.
    #[error("a prefix length of {len}; an address has {bits} bits")]
    PrefixLength {
        /// What is said.
        len: u8,
        /// What is possible.
        bits: u8,
    },
}
