use greylag_base::PortName;
use std::io;

/// Why a live port could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no /dev/net/tun, or no driver behind it.
    #[error(
        "cannot create TAP interface `{interface}`: /dev/net/tun is missing, load the tun module with `modprobe tun`"
    )]
    TunMissing {
        /// The interface that was wanted.
        interface: PortName,
        /// `ENOENT`, `ENODEV` or `ENXIO`.
        source: io::Error,
    },
    /// /dev/net/tun is closed to this user.
    #[error(
        "cannot create TAP interface `{interface}`: /dev/net/tun is closed to this user, run as root or open it with `chmod 666 /dev/net/tun`"
    )]
    TunClosed {
        /// The interface that was wanted.
        interface: PortName,
        /// `EACCES` or `EPERM`.
        source: io::Error,
    },
    /// The network namespace has an interface of this name.
    #[error(
        "cannot create TAP interface `{interface}`: the name is taken, choose another or remove it with `ip link delete {interface}`"
    )]
    NameTaken {
        /// The interface that was wanted.
        interface: PortName,
        /// `EBUSY`, or `EEXIST` from a kernel that found the other one later.
        source: io::Error,
    },
    /// The network namespace has no interface of this name.
    #[error(
        "cannot open `{interface}`: this network namespace has no such interface, `ip link` lists those that it has"
    )]
    NoSuchInterface {
        /// The interface that was wanted.
        interface: PortName,
        /// `ENODEV`.
        source: io::Error,
    },
    /// The interface carries something else than Ethernet frames.
    #[error("cannot open `{interface}`: it is not an Ethernet interface, use a veth, TAP or network card")]
    NotEthernet {
        /// The interface that was wanted.
        interface: PortName,
    },
    /// There is another XDP program on the interface.
    #[error(
        "cannot open `{interface}` by AF_XDP: it has another XDP program, `ip link show {interface}` says which; \
         `ip link set {interface} xdp off` removes it"
    )]
    OtherProgram {
        /// The interface that was wanted.
        interface: PortName,
        /// `EBUSY` or `EEXIST`.
        source: io::Error,
    },
    /// It receives by more queues than there are workers, and does not let that be changed.
    #[error(
        "cannot open `{interface}` by AF_XDP: more of its queues receive than there are workers ({workers}); have more workers, or \
         fewer queues: `ethtool -L {interface} combined {workers}`, and for a veth `ethtool -L ... tx {workers}` at its other end"
    )]
    TooManyQueues {
        /// The interface that was wanted.
        interface: PortName,
        /// What there are workers for.
        workers: usize,
    },
    /// The capability for it is missing.
    #[error(
        "cannot open `{interface}`: {step} needs the capability {capability} in this network namespace, run as root"
    )]
    NotPermitted {
        /// The interface that was wanted.
        interface: PortName,
        /// What the kernel was asked for.
        step: &'static str,
        /// `CAP_NET_ADMIN` or `CAP_NET_RAW`.
        capability: &'static str,
        /// `EPERM` or `EACCES`.
        source: io::Error,
    },
    /// The kernel refused a step for a reason of its own.
    #[error("cannot open `{interface}`: the kernel refused {step} ({source})")]
    Refused {
        /// The interface that was wanted.
        interface: PortName,
        /// What the kernel was asked for.
        step: &'static str,
        /// What it answered.
        source: io::Error,
    },
}

impl OpenError {
    /// A step that needs `CAP_NET_ADMIN` failed.
    pub(crate) fn at(interface: &PortName, step: &'static str, source: impl Into<io::Error>) -> Self {
        Self::without(interface, "CAP_NET_ADMIN", step, source.into())
    }

    /// A step that needs this capability failed.
    pub(crate) fn without(
        interface: &PortName,
        capability: &'static str,
        step: &'static str,
        source: io::Error,
    ) -> Self {
        let interface = interface.clone();
        match source.kind() {
            io::ErrorKind::PermissionDenied => {
                OpenError::NotPermitted { interface, step, capability, source }
            }
            _ if source.raw_os_error() == Some(libc::ENODEV) => {
                OpenError::NoSuchInterface { interface, source }
            }
            _ => OpenError::Refused { interface, step, source },
        }
    }
}
