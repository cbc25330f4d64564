//! A bond in the namespace of a host: the switch that it is, on members that the host itself has nothing to do with.

use crate::link::{self, LinkError};
use crate::netns::{Netns, NetnsError};
use crate::runtime::{self, RunError, RunOptions};
use greylag_base::{MacAddr, PortName};
use greylag_ports::Interface;
use greylag_switch::config::BondConfig;
use std::io;
use std::net::IpAddr;

/// Why a bond cannot be.
#[derive(Debug, thiserror::Error)]
pub enum BondError {
    /// A member is an interface of the host's.
    #[error(
        "member {member} has the address {address}/{prefix}: the host's addresses belong to the bond. \
         Remove it with `ip address del {address}/{prefix} dev {member}`, and give it to {bond}"
    )]
    Address {
        /// The member.
        member: PortName,
        /// What it has.
        address: IpAddr,
        /// With its prefix length.
        prefix: u8,
        /// Who should have it.
        bond: PortName,
    },
    /// There is no member of that name, or it is no Ethernet interface.
    #[error(
        "member {member}: its hardware address cannot be read: {source}; `ip link` lists the interfaces that are there"
    )]
    Member {
        /// The member.
        member: PortName,
        /// What the kernel said.
        source: io::Error,
    },
    /// The namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// Its interfaces.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It does not run.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Runs a bond in the namespace of the calling thread until `SIGINT`, `SIGTERM` or `SIGHUP`, then removes what it made.
///
/// # Errors
/// When a member is not there or has an address, and those of [`runtime::run`].
pub fn run(bond: &BondConfig, options: RunOptions, on_ready: impl FnOnce()) -> Result<(), BondError> {
    let first = address_of(&bond.members[0])?;
    refuse_addresses(bond)?;
    Ok(runtime::run(bond.switch(first), RunOptions { in_a_host: true, ..options }, on_ready)?)
}

fn address_of(member: &PortName) -> Result<MacAddr, BondError> {
    Interface::named(member)
        .and_then(|interface| interface.mac())
        .map_err(|source| BondError::Member { member: member.clone(), source })
}

/// An address of the link itself (RFC 4291 2.5.6) comes with the interface, and goes when the bond begins.
fn refuse_addresses(bond: &BondConfig) -> Result<(), BondError> {
    let netns = Netns::own()?;
    let addresses = link::addresses(&netns)?;
    for member in &bond.members {
        let Some(interface) = link::find(&netns, member.as_str())? else { continue };
        let own = addresses.iter().filter(|(index, ..)| *index == interface.index);
        let lasting = |address: &IpAddr| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if let Some(&(_, address, prefix)) = own.clone().find(|(_, address, _)| lasting(address)) {
            let (member, bond) = (member.clone(), bond.interface.clone());
            return Err(BondError::Address { member, address, prefix, bond });
        }
    }
    Ok(())
}
