//! What the kernel's own protocol stack may do in a lab's namespace.

use crate::link::{self, LinkError};
use crate::netns::{Netns, NetnsError};
use std::fs;
use std::io;

/// Whose namespace it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// A switch: its ends of the cables must send nothing of their own, so there is no IPv6.
    Switch,
    /// FRR at a switch: as a host, and nothing is forwarded, for that is the switch's; packets may come by another way than the one
    /// back.
    Router,
    /// A host: IPv6 without duplicate address detection (RFC 4862 5.4), so that an address works at once, and
    /// without router discovery (RFC 4861 6.3), so that nothing is sent that nobody asked for.
    Host,
}

impl Stack {
    /// Keys below /proc/sys, and what is written there.
    fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Stack::Switch => {
                &[("net/ipv6/conf/all/disable_ipv6", "1"), ("net/ipv6/conf/default/disable_ipv6", "1")]
            }
            Stack::Router => &[
                ("net/ipv4/ip_forward", "0"),
                ("net/ipv4/conf/all/rp_filter", "0"),
                ("net/ipv4/conf/default/rp_filter", "0"),
                ("net/ipv6/conf/all/accept_dad", "0"),
                ("net/ipv6/conf/default/accept_dad", "0"),
                ("net/ipv6/conf/all/router_solicitations", "0"),
                ("net/ipv6/conf/default/router_solicitations", "0"),
                ("net/ipv6/conf/all/accept_ra", "0"),
                ("net/ipv6/conf/default/accept_ra", "0"),
            ],
            // Of `all` and the interface's own value the kernel takes the greater, hence both.
            Stack::Host => &[
                ("net/ipv6/conf/all/accept_dad", "0"),
                ("net/ipv6/conf/default/accept_dad", "0"),
                ("net/ipv6/conf/all/router_solicitations", "0"),
                ("net/ipv6/conf/default/router_solicitations", "0"),
                ("net/ipv6/conf/all/accept_ra", "0"),
                ("net/ipv6/conf/default/accept_ra", "0"),
            ],
        }
    }

    /// Sets a new namespace up, `lo` included. Interfaces that come later inherit the settings.
    ///
    /// # Errors
    /// When /proc/sys is read-only, as it is in most containers.
    pub fn apply(self, netns: &Netns) -> Result<(), StackError> {
        // /proc/sys/net shows the namespace of the thread that looks.
        let written = netns.run(|| {
            for &(key, value) in self.settings() {
                match fs::write(format!("/proc/sys/{key}"), value) {
                    // A kernel without IPv6 has nothing to be kept quiet.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => return Err((key, source)),
                    Ok(()) => {}
                }
            }
            Ok(())
        });
        let netns_name = || netns.name().to_owned();
        match written {
            Ok(Ok(())) => Ok(link::set_up(netns, "lo")?),
            Ok(Err((key, source))) => Err(StackError::Setting { key, netns: netns_name(), source }),
            Err(source) => Err(NetnsError::Refused { action: "enter", netns: netns_name(), source }.into()),
        }
    }
}

/// Why a namespace could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A setting was refused.
    #[error("cannot set /proc/sys/{key} in network namespace `{netns}`: {source}")]
    Setting {
        /// Below /proc/sys.
        key: &'static str,
        /// The namespace.
        netns: String,
        /// The kernel's error.
        source: io::Error,
    },
    /// The namespace cannot be entered.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// `lo` stays down.
    #[error(transparent)]
    Link(#[from] LinkError),
}
